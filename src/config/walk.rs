//! Holds values against the shapes that [`Field`]s promise. Everything wrong is said; nothing stops at the first.
use serde_json::{Map, Value as Json};

use super::{
    Field, Shape,
    problem::closest,
    raw::{Book, Key, Place, Raw, Value},
    source::names_a_secret,
    words::{bad_url, first_words, fits, plural, refer, shown, words},
};
use crate::core::time::parse_duration;

/// A value that fits its shape: durations are milliseconds, paths are absolute.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) place: Place,
    pub(crate) value: Json,
    /// The parts of a list, with their places.
    pub(crate) parts: Vec<Self>,
}

/// A table whose settings fit their shapes.
#[derive(Clone, Debug)]
pub(crate) struct Entries {
    pub(crate) place: Place,
    /// Whether something in it was wrong.
    pub(crate) broken: bool,
    pairs: Vec<(Key, Node)>,
}

impl Entries {
    pub(crate) fn node(&self, key: &str) -> Option<&Node> {
        self.pairs.iter().find(|(k, _)| k.name == key).map(|(_, node)| node)
    }

    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        self.node(key)?.value.as_str()
    }

    pub(crate) fn owned(&self, key: &str) -> Option<String> {
        self.text(key).map(str::to_owned)
    }

    pub(crate) fn number(&self, key: &str) -> Option<f64> {
        self.node(key)?.value.as_f64()
    }

    pub(crate) fn flag(&self, key: &str) -> Option<bool> {
        self.node(key)?.value.as_bool()
    }

    /// A whole number or a duration that is known not to be negative.
    pub(crate) fn count(&self, key: &str) -> Option<u64> {
        self.node(key)?.value.as_u64()
    }

    /// The texts of a list, with their places.
    pub(crate) fn texts(&self, key: &str) -> Vec<(&str, &Place)> {
        let parts = self.node(key).map_or(&[][..], |node| &node.parts);
        parts.iter().filter_map(|part| Some((part.value.as_str()?, &part.place))).collect()
    }

    /// The pairs of a map from text to text.
    pub(crate) fn pairs(&self, key: &str) -> Vec<(String, String)> {
        let map = self.node(key).and_then(|node| node.value.as_object());
        map.into_iter().flatten().filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
    }

    /// All settings but the named ones, as parameters.
    pub(crate) fn params(&self, but: &[Field]) -> Map<String, Json> {
        self.pairs
            .iter()
            .filter(|(key, _)| !but.iter().any(|field| field.name == key.name))
            .map(|(key, node)| (key.name.clone(), node.value.clone()))
            .collect()
    }

    /// Where a part of a list stands, or else the list, or else the table.
    pub(crate) fn place_of_part(&self, key: &str, part: Option<usize>) -> &Place {
        let part = part.and_then(|part| self.node(key)?.parts.get(part));
        part.map_or_else(|| self.place_of(key), |part| &part.place)
    }

    /// Where a setting stands, or else the table.
    pub(crate) fn place_of(&self, key: &str) -> &Place {
        self.node(key).map_or(&self.place, |node| &node.place)
    }
}

/// Which keys a table may have.
#[derive(Clone, Copy, Default)]
pub(crate) struct Keys<'k> {
    /// Those with a shape; a later list may repeat a name of an earlier one, which counts.
    pub(crate) fields: &'k [&'k [Field]],
    /// Those that a later version uses.
    pub(crate) later: &'k [&'k str],
    /// Those that the caller reads by itself.
    pub(crate) own: &'k [&'k str],
}

/// What names may be referred to, and how paths are resolved.
pub(crate) struct Walk<'a> {
    pub(crate) book: Book,
    pub(crate) env: &'a super::Env,
    pub(crate) catalog: &'a super::Catalog<'a>,
    /// Names of the hosts in the configuration, with whether each one is left out.
    pub(crate) hosts: Vec<(String, HostState)>,
}

/// What became of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HostState {
    Valid,
    LeftOut,
}

impl Walk<'_> {
    /// Holds a table against the keys that it may have.
    pub(crate) fn table(&mut self, raw: &Raw, keys: Keys<'_>, what: &str) -> Entries {
        let mut settings = Entries { place: raw.place.clone(), broken: false, pairs: Vec::new() };
        let Some(entries) = raw.table() else {
            self.book.error(&raw.place, format!("{what} must be a table, not {}", raw.is_a()), "");
            self.book.hide(raw);
            settings.broken = true;
            return settings;
        };
        let all = || keys.fields.iter().copied().flatten();
        for (key, value) in entries {
            if let Some(field) = all().find(|field| field.name == key.name) {
                match self.value(value, &field.shape, &key.name) {
                    Some(node) => settings.pairs.push((key.clone(), node)),
                    None => settings.broken = true,
                }
            } else if keys.later.contains(&key.name.as_str()) {
                self.not_yet(key, value);
            } else if !keys.own.contains(&key.name.as_str()) {
                let known = all().map(|field| field.name).chain(keys.own.iter().copied());
                self.unknown(key, value, known, what);
                settings.broken = true;
            }
        }
        for field in all().filter(|field| field.required) {
            if raw.get(field.name).is_none() {
                let help = format!("add `{} = …`: {}", field.name, first_words(field.doc));
                self.book.error(&raw.place, format!("{what} has no `{}`", field.name), help);
                settings.broken = true;
            }
        }
        settings
    }

    /// Holds a table against its keys, but leaves those of its own to the caller even where they have a shape.
    pub(crate) fn service(&mut self, raw: &Raw, keys: Keys<'_>, what: &str) -> Entries {
        let others: Vec<Field> =
            keys.fields.iter().copied().flatten().filter(|field| !keys.own.contains(&field.name)).copied().collect();
        let entries = self.table(raw, Keys { fields: &[&others], ..keys }, what);
        let missing =
            keys.fields.iter().copied().flatten().filter(|field| field.required && keys.own.contains(&field.name));
        for field in missing.filter(|field| raw.get(field.name).is_none()) {
            self.book.error(&raw.place, format!("{what} has no `{}`", field.name), first_words(field.doc));
        }
        entries
    }

    pub(crate) fn unknown<'f>(&mut self, key: &Key, value: &Raw, known: impl Iterator<Item = &'f str>, what: &str) {
        let known: Vec<_> = known.collect();
        let help = match closest(&key.name, known.iter().copied()) {
            Some(word) => format!("did you mean `{word}`?"),
            None => format!("keys here: {}", known.join(", ")),
        };
        self.book.error(&key.place, format!("unknown key `{}` in {what}", shown(&key.name)), help);
        self.book.hide(value);
    }

    pub(crate) fn not_yet(&mut self, key: &Key, value: &Raw) {
        self.book.warn(&key.place, format!("`{}` is not used by this version", key.name), "");
        self.book.hide(value);
    }

    /// Gives the tables of a list of tables; what is none is said and left out.
    pub(crate) fn tables<'r>(&mut self, raw: &'r Raw, key: &str) -> Vec<&'r Raw> {
        let Some(list) = raw.list() else {
            let help = format!("write {key} = [{{ … }}] or [[{key}]]");
            self.book.error(&raw.place, format!("`{key}` must be a list of tables, not {}", raw.is_a()), help);
            self.book.hide(raw);
            return Vec::new();
        };
        let mut tables = Vec::new();
        for part in list {
            if part.table().is_some() {
                tables.push(part);
            } else {
                self.book.error(&part.place, format!("`{key}` must be a list of tables; this is {}", part.is_a()), "");
                self.book.hide(part);
            }
        }
        tables
    }

    /// Holds a value against a shape.
    pub(crate) fn value(&mut self, raw: &Raw, shape: &Shape, key: &str) -> Option<Node> {
        let node = |value: Json| Some(Node { place: raw.place.clone(), value, parts: Vec::new() });
        match shape {
            Shape::Text => self.text(raw, key, shape).and_then(|text| self.plain(raw, key, text)).and_then(node),
            Shape::Path => {
                let text = self.text(raw, key, shape)?;
                let text = self.plain(raw, key, text)?;
                let dir = self.book.source(&raw.place)?.path().parent().map(std::path::Path::to_owned)?;
                node(self.env.resolve(&dir, text.as_str()?).to_string_lossy().into())
            }
            Shape::Url => self.url(raw, key).and_then(node),
            Shape::Duration => self.duration(raw, key).and_then(node),
            Shape::Integer { min, max } => self.integer(raw, key, *min, *max).and_then(node),
            Shape::Number => match raw.value {
                Value::Integer(Some(whole)) => node(whole.into()),
                Value::Number(number) if number.is_finite() => node(number.into()),
                Value::Integer(None)
                | Value::Number(_)
                | Value::Text(_)
                | Value::Flag(_)
                | Value::Date
                | Value::List(_)
                | Value::Table(_) => self.wrong(raw, key, shape),
            },
            Shape::Flag => {
                let Value::Flag(flag) = raw.value else { return self.wrong(raw, key, shape) };
                node(flag.into())
            }
            Shape::Choice(words) => self.choice(raw, key, words).and_then(node),
            Shape::Regex => self.regex(raw, key).and_then(node),
            Shape::Id => self.id(raw, key).and_then(node),
            Shape::Secret => self.secret(raw, key).and_then(node),
            Shape::Host => self.host(raw, key).and_then(node),
            Shape::List(of) => self.list(raw, key, of),
            Shape::Table(fields) => {
                let settings = self.table(raw, Keys { fields: &[fields], ..Keys::default() }, &format!("`{key}`"));
                if settings.broken { None } else { node(Json::Object(settings.params(&[]))) }
            }
            Shape::Map(of) => self.map(raw, key, of),
            Shape::Either(shapes) => self.either(raw, key, shapes),
        }
    }

    /// Says what its kind finds wrong with a table whose settings fit their shapes.
    pub(crate) fn misfits(&mut self, entries: &mut Entries, kind: &dyn super::Kind, common: &[Field]) {
        if entries.broken {
            return;
        }
        for misfit in kind.misfits(&entries.params(common)) {
            let place = entries.place_of_part(misfit.key, misfit.part).clone();
            self.book.error(&place, misfit.what, misfit.help);
            entries.broken = true;
        }
    }

    /// Quotes a text, unless it may be secret.
    pub(crate) fn quote(&self, raw: &Raw) -> String {
        match raw.text() {
            Some(text) if self.book.may_show(&raw.place) => format!("\"{}\"", shown(text)),
            _ => "(not shown)".to_owned(),
        }
    }

    fn wrong<T>(&mut self, raw: &Raw, key: &str, shape: &Shape) -> Option<T> {
        self.book.error(&raw.place, format!("`{key}` must be {}, not {}", words(shape), raw.is_a()), "");
        // Whoever expects one thing cannot say what another one holds.
        if matches!(shape, Shape::Secret) || raw.list().is_some() || raw.table().is_some() {
            self.book.hide(raw);
        }
        None
    }

    fn text<'r>(&mut self, raw: &'r Raw, key: &str, shape: &Shape) -> Option<&'r str> {
        match raw.text() {
            Some(text) => Some(text),
            None => self.wrong(raw, key, shape),
        }
    }

    fn plain(&mut self, raw: &Raw, key: &str, text: &str) -> Option<Json> {
        if names_a_secret(key) && !super::secret::is_reference(text) && !text.is_empty() {
            return self.literal(raw, key);
        }
        if text.chars().any(|letter| letter.is_control() && !matches!(letter, '\n' | '\t')) {
            self.book.error(&raw.place, format!("`{key}` has a control character"), "");
            return None;
        }
        Some(text.into())
    }

    fn literal<T>(&mut self, raw: &Raw, key: &str) -> Option<T> {
        self.book.hide(raw);
        let variable: String =
            key.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect();
        self.book.error(
            &raw.place,
            format!("`{key}` is a literal secret"),
            format!(
                "refer to it: \"env:{variable}\", \"file:~/.config/quarterdeck/{}\" or \"command:pass show …\"; change the secret if this file was shared",
                key.to_lowercase()
            ),
        );
        None
    }

    fn secret(&mut self, raw: &Raw, key: &str) -> Option<Json> {
        let text = self.text(raw, key, &Shape::Secret)?;
        match super::secret::SecretRef::parse(text) {
            Ok(_) => Some(text.into()),
            Err(super::secret::BadRef::Literal) => self.literal(raw, key),
            Err(other) => {
                self.book.error(&raw.place, format!("`{key}`: {other}"), "");
                None
            }
        }
    }

    fn url(&mut self, raw: &Raw, key: &str) -> Option<Json> {
        let text = self.text(raw, key, &Shape::Url)?;
        if super::source::looks_secret(text.split(['/', '?']).take(3).collect::<Vec<_>>().join("/").as_str())
            && text.contains('@')
        {
            self.book.hide(raw);
            let help = "take it out of the URL and send it as a header by reference, or use a key without a password";
            self.book.error(&raw.place, format!("`{key}` holds a literal secret: a URL with a password"), help);
            return None;
        }
        match bad_url(text) {
            None => Some(text.into()),
            Some(why) => {
                let what = format!("`{key}` is not a URL: {why}: {}", self.quote(raw));
                self.book.error(&raw.place, what, "as in https://example.com/health");
                None
            }
        }
    }

    fn duration(&mut self, raw: &Raw, key: &str) -> Option<Json> {
        if let Value::Integer(Some(number)) = raw.value {
            let help = format!("say of what: \"{number}s\", \"{number}ms\", \"{number}m\"");
            self.book.error(&raw.place, format!("`{key}` must be a duration, not a bare number"), help);
            return None;
        }
        let text = self.text(raw, key, &Shape::Duration)?;
        match parse_duration(text) {
            Ok(ms) if i64::try_from(ms).is_ok() => Some(ms.into()),
            _ => {
                let what = format!("`{key}` is not a duration: {}", self.quote(raw));
                self.book.error(&raw.place, what, "a number and ms, s, m, h or d, as in \"30s\"");
                None
            }
        }
    }

    fn integer(&mut self, raw: &Raw, key: &str, min: i64, max: i64) -> Option<Json> {
        let Value::Integer(number) = raw.value else { return self.wrong(raw, key, &Shape::Integer { min, max }) };
        match number {
            Some(number) if (min..=max).contains(&number) => Some(number.into()),
            other => {
                let got = other.map_or_else(|| "more than fits".to_owned(), |number| number.to_string());
                let bounds = if min == max { min.to_string() } else { format!("from {min} to {max}") };
                self.book.error(&raw.place, format!("`{key}` must be {bounds}, got {got}"), "");
                None
            }
        }
    }

    fn choice(&mut self, raw: &Raw, key: &str, words: &[&str]) -> Option<Json> {
        let text = self.text(raw, key, &Shape::Choice(&[]))?;
        if words.contains(&text) {
            return Some(text.into());
        }
        let help = match closest(text, words.iter().copied()) {
            Some(word) => format!("did you mean \"{word}\"? one of: {}", words.join(", ")),
            None => format!("one of: {}", words.join(", ")),
        };
        let what = format!("`{key}` cannot be {}", self.quote(raw));
        self.book.error(&raw.place, what, help);
        None
    }

    /// An id by which something far away is called: too short and plain for a secret, whatever its key is.
    fn id(&mut self, raw: &Raw, key: &str) -> Option<Json> {
        let text = self.text(raw, key, &Shape::Id)?;
        let fits = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-');
        if !text.is_empty() && text.len() <= 48 && text.chars().all(fits) {
            return Some(text.into());
        }
        self.book.hide(raw);
        self.book.error(&raw.place, format!("`{key}` is no id"), "letters, digits, `_` and `-`, at most 48");
        None
    }

    fn regex(&mut self, raw: &Raw, key: &str) -> Option<Json> {
        let text = self.text(raw, key, &Shape::Regex)?;
        match regex::RegexBuilder::new(text).size_limit(1 << 20).build() {
            Ok(_) => Some(text.into()),
            Err(error) => {
                let why = error.to_string();
                let why = why.lines().last().unwrap_or_default().trim().trim_start_matches("error: ").to_owned();
                self.book.error(&raw.place, format!("`{key}` is not a regular expression: {why}"), "");
                None
            }
        }
    }

    fn host(&mut self, raw: &Raw, key: &str) -> Option<Json> {
        let name = self.text(raw, key, &Shape::Host)?;
        match self.hosts.iter().find(|(host, _)| host == name) {
            Some((_, HostState::Valid)) => Some(name.into()),
            Some((_, HostState::LeftOut)) => {
                self.book.warn(&raw.place, format!("host `{}` is left out", shown(name)), "mend the host first");
                if let Some(draft) = self.book.drafts.last_mut() {
                    draft.drops = true;
                }
                None
            }
            None => {
                let help = refer(name, self.hosts.iter().map(|(host, _)| host.as_str()), "hosts");
                self.book.error(&raw.place, format!("`{key}`: there is no host `{}`", shown(name)), help);
                None
            }
        }
    }

    fn list(&mut self, raw: &Raw, key: &str, of: &Shape) -> Option<Node> {
        let Some(list) = raw.list() else {
            self.book.error(
                &raw.place,
                format!("`{key}` must be a list of {}, not {}", plural(of), raw.is_a()),
                if raw.text().is_some() { "put it in brackets: [\"…\"]" } else { "" },
            );
            return None;
        };
        let parts: Vec<_> = list.iter().map(|part| self.value(part, of, key)).collect();
        let parts: Vec<_> = parts.into_iter().collect::<Option<_>>()?;
        let value = parts.iter().map(|part: &Node| part.value.clone()).collect();
        Some(Node { place: raw.place.clone(), value, parts })
    }

    fn map(&mut self, raw: &Raw, key: &str, of: &Shape) -> Option<Node> {
        let Some(entries) = raw.table() else { return self.wrong(raw, key, &Shape::Map(&Shape::Text)) };
        let mut map = Some(Map::new());
        for (name, value) in entries {
            // It would be part of what is said of its value.
            if !name.name.chars().all(crate::parse::sanitise::is_safe) {
                let what = format!("a name in `{key}` has a character that cannot be shown: {:?}", shown(&name.name));
                self.book.hide(value);
                self.book.error(&name.place, what, "");
                map = None;
                continue;
            }
            match (self.value(value, of, &name.name), &mut map) {
                (Some(node), Some(map)) => drop(map.insert(name.name.clone(), node.value)),
                _ => map = None,
            }
        }
        Some(Node { place: raw.place.clone(), value: Json::Object(map?), parts: Vec::new() })
    }

    fn either(&mut self, raw: &Raw, key: &str, shapes: &[Shape]) -> Option<Node> {
        let mark = self.book.drafts.len();
        let mut tried = Vec::new();
        // What looks like a reference was meant as one.
        let refers = raw.text().is_some_and(super::secret::is_reference);
        let only_secret = refers && shapes.iter().any(|shape| matches!(shape, Shape::Secret));
        // A shape of another type says nothing about what was meant.
        let of_its_type = |shape: &&Shape| fits(raw, shape) && (!only_secret || matches!(shape, Shape::Secret));
        for shape in shapes.iter().filter(of_its_type) {
            if let Some(node) = self.value(raw, shape, key) {
                self.book.drafts.truncate(mark);
                return Some(node);
            }
            tried.push(self.book.drafts.split_off(mark));
        }
        let about_a_secret =
            tried.iter().position(|said| said.iter().any(|draft| draft.problem.what.contains("literal secret")));
        let only = about_a_secret.or_else(|| (tried.len() == 1).then_some(0)).map(|at| tried.swap_remove(at));
        if let Some(said) = only {
            self.book.drafts.extend(said);
        } else {
            let kinds: Vec<_> = shapes.iter().map(words).collect();
            let got = if tried.is_empty() { format!(", not {}", raw.is_a()) } else { String::new() };
            // Whoever expects one thing cannot say what another one holds.
            if tried.is_empty() || shapes.iter().any(|shape| matches!(shape, Shape::Secret)) {
                self.book.hide(raw);
            }
            self.book.error(&raw.place, format!("`{key}` must be {}{got}", kinds.join(" or ")), "");
        }
        None
    }
}
