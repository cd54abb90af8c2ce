//! What a file says, with the place of everything, before anybody asks what it means.
use std::path::Path;

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    problem::{Problem, Severity},
    source::{Source, Span},
};

/// Where something stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Index of the file.
    pub(crate) file: usize,
    /// Bytes within it.
    pub(crate) span: Span,
}

/// A value with its place.
#[derive(Clone, Debug)]
pub(crate) struct Raw {
    pub(crate) place: Place,
    pub(crate) value: Value,
}

/// A key with its place.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) name: String,
    pub(crate) place: Place,
}

/// What may stand in a file.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Text(String),
    /// None is beyond 64 bits.
    Integer(Option<i64>),
    Number(f64),
    Flag(bool),
    Date,
    List(Vec<Raw>),
    Table(Vec<(Key, Raw)>),
}

impl Raw {
    /// Says what it is, with an article.
    pub(crate) fn is_a(&self) -> &'static str {
        match self.value {
            Value::Text(_) => "a text",
            Value::Integer(_) => "a whole number",
            Value::Number(_) => "a number",
            Value::Flag(_) => "true or false",
            Value::Date => "a date",
            Value::List(_) => "a list",
            Value::Table(_) => "a table",
        }
    }

    pub(crate) fn text(&self) -> Option<&str> {
        if let Value::Text(text) = &self.value { Some(text) } else { None }
    }

    pub(crate) fn list(&self) -> Option<&[Self]> {
        if let Value::List(list) = &self.value { Some(list) } else { None }
    }

    pub(crate) fn table(&self) -> Option<&[(Key, Self)]> {
        if let Value::Table(table) = &self.value { Some(table) } else { None }
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        self.table()?.iter().find(|(k, _)| k.name == key).map(|(_, value)| value)
    }
}

/// Something wrong, before it is known what of its line may be shown.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub(crate) place: Place,
    pub(crate) problem: Problem,
    /// Whether the file could not be parsed, so that nobody knows what on the line is a secret.
    pub(crate) broken: bool,
    /// Whether what it is about does not start: every error, and what follows from one elsewhere.
    pub(crate) drops: bool,
}

/// Files and what is wrong with them.
#[derive(Debug, Default)]
pub(crate) struct Book {
    pub(crate) sources: Vec<Source>,
    pub(crate) drafts: Vec<Draft>,
    /// Problems without a place in a file.
    pub(crate) loose: Vec<Problem>,
}

impl Book {
    /// Parses a text. A file with a syntax error is rejected whole: what the parser makes of the rest may have moved between tables.
    pub(crate) fn read(&mut self, path: &Path, text: &str) -> Option<Raw> {
        let file = self.sources.len();
        let mut source = Source::new(path, text);
        let (root, mut errors) = DeTable::parse_recoverable(text);
        if errors.is_empty() {
            source.learn(&root);
            let raw = table(root.get_ref(), file, 0..0);
            self.sources.push(source);
            return Some(raw);
        }
        self.sources.push(source);
        errors.sort_by_key(|error| error.span().unwrap_or_default().start);
        let mut last_line = 0;
        for error in errors {
            let span = error.span().unwrap_or_default();
            let place = Place { file, span };
            let line = self.sources.last().map_or(0, |source| source.place(place.span.start).0);
            // One slip often breaks what follows on its line, too.
            if line == last_line {
                continue;
            }
            let is_first = last_line == 0;
            last_line = line;
            let what = error.message().trim().to_owned();
            self.add(&place, Severity::Error, what, |problem| {
                let why = "this whole file: with a syntax error nobody can tell what belongs where";
                problem.left_out = is_first.then(|| why.to_owned());
            });
            if let Some(draft) = self.drafts.last_mut() {
                draft.broken = true;
            }
        }
        None
    }

    pub(crate) fn source(&self, place: &Place) -> Option<&Source> {
        self.sources.get(place.file)
    }

    /// Hides a value and all below it from every excerpt.
    pub(crate) fn hide(&mut self, raw: &Raw) {
        match &raw.value {
            Value::Table(entries) => entries.iter().for_each(|(_, value)| self.hide(value)),
            Value::List(list) => list.iter().for_each(|value| self.hide(value)),
            Value::Text(text) if super::secret::is_reference(text) => {}
            Value::Text(_) | Value::Integer(_) | Value::Number(_) | Value::Flag(_) | Value::Date => {
                self.hide_place(&raw.place);
            }
        }
    }

    pub(crate) fn hide_place(&mut self, place: &Place) {
        if let Some(source) = self.sources.get_mut(place.file) {
            source.hide(&place.span);
        }
    }

    /// Says whether a value may be quoted in a message.
    pub(crate) fn may_show(&self, place: &Place) -> bool {
        self.source(place).is_some_and(|source| !source.is_hidden(&place.span))
    }

    pub(crate) fn add(
        &mut self,
        place: &Place,
        severity: Severity,
        what: impl Into<String>,
        more: impl FnOnce(&mut Problem),
    ) {
        let Some(source) = self.sources.get(place.file) else { return };
        let mut problem = source.problem(&place.span, severity, what);
        more(&mut problem);
        self.drafts.push(Draft { place: place.clone(), problem, broken: false, drops: severity == Severity::Error });
    }

    /// Adds an error with what to do about it.
    pub(crate) fn error(&mut self, place: &Place, what: impl Into<String>, help: impl Into<String>) {
        let help = help.into();
        self.add(place, Severity::Error, what, |problem| problem.help = (!help.is_empty()).then_some(help));
    }

    /// Adds a warning with what to do about it.
    pub(crate) fn warn(&mut self, place: &Place, what: impl Into<String>, help: impl Into<String>) {
        let help = help.into();
        self.add(place, Severity::Warning, what, |problem| problem.help = (!help.is_empty()).then_some(help));
    }

    /// Says what everything wrong since a mark leaves out.
    pub(crate) fn left_out_since(&mut self, mark: usize, left_out: &str) {
        for draft in self.drafts.iter_mut().skip(mark).filter(|draft| draft.drops) {
            draft.problem.left_out.get_or_insert_with(|| left_out.to_owned());
        }
    }

    /// Line of a place, for messages that point from one place to another: `conf.d/a.toml:3`.
    pub(crate) fn pointer(&self, from: &Place, to: &Place) -> String {
        let Some(source) = self.source(to) else { return String::new() };
        let (line, _) = source.place(to.span.start);
        if from.file == to.file { format!("line {line}") } else { format!("{}:{line}", source.path().display()) }
    }

    /// Adds the excerpts, now that all secrets are known, and sorts by place.
    pub(crate) fn finish(self) -> Vec<Problem> {
        let Self { sources, mut drafts, loose } = self;
        drafts.sort_by_key(|draft| (draft.place.file, draft.place.span.start));
        let placed =
            drafts.into_iter().map(|Draft { place, problem, broken, .. }| {
                let source = sources.get(place.file);
                let excerpt = source.and_then(|source| {
                    if broken { source.broken_excerpt(&place.span) } else { source.excerpt(&place.span) }
                });
                let veil = |text: String| super::source::veil_quoted(&text);
                Problem { excerpt, what: veil(problem.what), help: problem.help.map(veil), ..problem }
            });
        let mut problems: Vec<_> = placed.chain(loose).collect();
        problems.dedup();
        problems
    }
}

fn table(table: &DeTable<'_>, file: usize, span: Span) -> Raw {
    let mut entries: Vec<_> = table
        .iter()
        .map(|(key, value)| {
            let key = Key { name: key.get_ref().to_string(), place: Place { file, span: key.span() } };
            (key, of(value, file))
        })
        .collect();
    entries.sort_by_key(|(key, _)| key.place.span.start);
    Raw { place: Place { file, span }, value: Value::Table(entries) }
}

fn of(value: &Spanned<DeValue<'_>>, file: usize) -> Raw {
    let made = match value.get_ref() {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(number) => Value::Integer(i64::from_str_radix(number.as_str(), number.radix()).ok()),
        DeValue::Float(number) => Value::Number(number.as_str().parse().unwrap_or(f64::NAN)),
        DeValue::Boolean(flag) => Value::Flag(*flag),
        DeValue::Datetime(_) => Value::Date,
        DeValue::Array(list) => Value::List(list.iter().map(|value| of(value, file)).collect()),
        DeValue::Table(entries) => return table(entries, file, value.span()),
    };
    Raw { place: Place { file, span: value.span() }, value: made }
}
