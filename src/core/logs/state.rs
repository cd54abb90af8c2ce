//! What the console knows of the log view: what is asked of the engine, what it last showed, where the person is.
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use super::{
    Key, Level, Nanos,
    filter::{self, Filter},
    patterns::KnownPattern,
    redact::Redactor,
    shown::Shown,
};

/// A term of the filter, on or off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chip {
    /// Its text in the filter language.
    pub text: String,
    /// Whether it acts.
    pub on: bool,
    /// What a person calls it; empty where nobody has named it.
    pub name: String,
}

impl Chip {
    /// Makes one that acts and has no name.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), on: true, name: String::new() }
    }

    /// What it is shown as: its name, else its text.
    pub fn words(&self) -> &str {
        if self.name.is_empty() { &self.text } else { &self.name }
    }
}

/// What the engine is asked to work out. What has the same version needs no second look.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Query {
    /// Counts up with every change.
    pub version: u64,
    /// The filter.
    pub filter: Filter,
    /// The same as text, for the sources and the exports.
    pub text: String,
    /// What is searched within it.
    pub search: Option<Filter>,
    /// The time that the histogram spans; none: all of it.
    pub span: Option<(Nanos, Nanos)>,
    /// How many bars.
    pub bars: u16,
    /// Patterns are new when first seen after this.
    pub baseline: Option<Nanos>,
    /// The record whose fields are wanted.
    pub record: Option<Key>,
    /// Whether the web-server view is wanted.
    pub web: bool,
    /// Sources that are left out, by name.
    pub hidden: BTreeSet<Arc<str>>,
    /// Moments that the console knows by name.
    pub named: BTreeMap<String, Nanos>,
}

/// How times are shown in the log view.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum LogClock {
    /// UTC.
    #[default]
    Utc,
    /// The configured time zone.
    Local,
    /// Since the line before.
    SincePrevious,
    /// Since the nearest mark before.
    SinceMark,
}

impl LogClock {
    /// Returns the next one.
    #[must_use]
    pub const fn next(self) -> Self {
        match self {
            Self::Utc => Self::Local,
            Self::Local => Self::SincePrevious,
            Self::SincePrevious => Self::SinceMark,
            Self::SinceMark => Self::Utc,
        }
    }
}

/// What is wrong with the line that is typed.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Wrong {
    /// First byte of it.
    pub from: usize,
    /// The byte after it.
    pub to: usize,
    /// What is wrong and what to write.
    pub says: String,
}

impl Wrong {
    /// Says where in a text it is, counted in characters from 1, and what it is.
    pub fn words(&self, text: &str) -> String {
        let before = text.char_indices().take_while(|(at, _)| *at < self.from).count();
        format!("column {}: {}", before + 1, self.says)
    }
}

/// A moment whose lines are waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sought {
    /// Which.
    pub at: Nanos,
    /// Where the cursor was put in the meantime: once a person moves it, nothing is sought any more.
    pub put: Option<Key>,
    /// How often what is older may still be asked for.
    pub tries: u8,
}

/// State of the log view.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "switches that have nothing to do with each other")]
pub struct State {
    /// Whether the sources were ever asked to run.
    pub started: bool,
    /// Patterns of errors that were learned lately, the newest last: proof of a change asks whether there are any.
    pub learned: VecDeque<KnownPattern>,
    /// What hides secrets before the log engine has said anything: nobody may ever have looked at a log.
    pub redact: Arc<Redactor>,
    /// What the engine last worked out.
    pub shown: Option<Arc<Shown>>,
    /// What it is asked for.
    pub query: Query,
    /// Terms of the filter.
    pub chips: Vec<Chip>,
    /// The filter's last stage: `count by host`.
    pub stage: String,
    /// Filters before this one, oldest first.
    pub undo: Vec<(Vec<Chip>, String)>,
    /// The filter before the line that is typed now.
    pub before_typing: Option<(Vec<Chip>, String)>,
    /// What is wrong with the line that is typed.
    pub wrong: Option<Wrong>,
    /// The term that is being named.
    pub naming: Option<usize>,
    /// What is searched.
    pub search: String,
    /// Saved filters and sessions, by name.
    pub saved: BTreeMap<String, Session>,
    /// Where the person is; none: at the newest line.
    pub cursor: Option<Key>,
    /// The newest line is followed.
    pub follows: bool,
    /// The row of the pane that the cursor stands on.
    pub anchor: usize,
    /// Where in the order of arrival following stopped: what has come since is new to the person.
    pub left_at: u64,
    /// The answer, by its version, at whose arrival the nearest hit of the search is gone to.
    pub hop: Option<u64>,
    /// A moment that is gone to as soon as its lines are here: the onset of the incident that the view was opened from.
    pub wanted: Option<Sought>,
    /// A person's marks.
    pub marks: BTreeSet<Key>,
    /// Where a range begins.
    pub range: Option<Key>,
    /// Records that are unfolded.
    pub unfolded: BTreeSet<Key>,
    /// The filter is set aside around this line.
    pub context: Option<Key>,
    /// What is redacted in this record is shown.
    pub revealed: Option<Key>,
    /// Long lines are broken.
    pub wrap: bool,
    /// Lines that repeat are folded.
    pub fold: bool,
    /// Columns left of the pane.
    pub sideways: usize,
    /// How times are shown.
    pub clock: LogClock,
    /// Columns of fields, by name.
    pub columns: Vec<String>,
    /// The bar of the histogram under the cursor.
    pub bar: Option<usize>,
}

/// A named way to look at logs, as a file holds it.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Session {
    /// Terms and whether they act.
    pub chips: Vec<Chip>,
    /// The last stage.
    pub stage: String,
    /// Columns.
    pub columns: Vec<String>,
    /// Sources left out.
    pub hidden: BTreeSet<Arc<str>>,
    /// Marks.
    pub marks: Vec<Key>,
    /// How times are shown.
    pub clock: LogClock,
    /// Where it was looked at; none: at the newest line.
    pub at: Option<Nanos>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            learned: VecDeque::new(),
            started: false,
            redact: Arc::default(),
            shown: None,
            query: Query { bars: 80, ..Query::default() },
            chips: Vec::new(),
            stage: String::new(),
            undo: Vec::new(),
            before_typing: None,
            wrong: None,
            naming: None,
            search: String::new(),
            saved: BTreeMap::new(),
            cursor: None,
            follows: true,
            anchor: 0,
            left_at: 0,
            hop: None,
            wanted: None,
            marks: BTreeSet::new(),
            range: None,
            unfolded: BTreeSet::new(),
            context: None,
            revealed: None,
            wrap: false,
            fold: false,
            sideways: 0,
            clock: LogClock::default(),
            columns: Vec::new(),
            bar: None,
        }
    }
}

/// Filters kept for undo.
const UNDO: usize = 100;

/// Learned patterns of errors that are kept.
const LEARNED: usize = 500;

impl State {
    /// Keeps the patterns of errors among those that were learned.
    pub fn learn(&mut self, patterns: &[KnownPattern]) {
        for pattern in patterns.iter().filter(|pattern| pattern.level >= Level::Error) {
            self.learned.retain(|known| known.scope != pattern.scope || known.template != pattern.template);
            self.learned.push_back(pattern.clone());
        }
        let over = self.learned.len().saturating_sub(LEARNED);
        self.learned.drain(..over);
    }

    /// Masks what is secret in a text that is shown to whoever looks.
    pub fn masked(&self, text: &str) -> String {
        self.redact.text(text).into_owned()
    }

    /// Writes the filter as one line, what rests left out.
    pub fn line(&self) -> String {
        let mut line: Vec<&str> = self.chips.iter().filter(|chip| chip.on).map(|chip| chip.text.as_str()).collect();
        let stage = format!("| {}", self.stage);
        if !self.stage.is_empty() {
            line.push(&stage);
        }
        line.join(" ")
    }

    /// Takes a whole line as the filter; chips that rest stay. On an error nothing changes but what is said.
    ///
    /// # Errors
    /// When the line is no filter.
    pub fn set_line(&mut self, line: &str) -> Result<(), Wrong> {
        let parsed = filter::parse(line).map_err(wrong)?;
        let written = |chip: &filter::Chip| line.get(chip.range.clone()).unwrap_or_default().trim().to_owned();
        let is_stage = |chip: &&filter::Chip| matches!(chip.part, filter::Part::Stage(_));
        let stage = parsed.chips.iter().find(is_stage).map(written).unwrap_or_default();
        let stage = stage.trim_start_matches('|').trim().to_owned();
        let terms: Vec<String> = parsed.chips.iter().filter(|chip| !is_stage(chip)).map(written).collect();
        let resting = self.chips.iter().filter(|chip| !chip.on).cloned();
        // A term that stays keeps its name.
        let named = |text: String| {
            let known = self.chips.iter().find(|chip| chip.on && chip.text == text);
            known.cloned().unwrap_or_else(|| Chip::new(text))
        };
        self.chips = terms.into_iter().map(named).chain(resting).collect();
        self.stage = stage;
        self.apply(parsed.filter);
        Ok(())
    }

    /// Remembers the filter as it is, so that the change that follows can be taken back.
    pub fn remember(&mut self) {
        let now = (self.chips.clone(), self.stage.clone());
        if self.undo.last() != Some(&now) {
            self.undo.push(now);
        }
        if self.undo.len() > UNDO {
            self.undo.remove(0);
        }
    }

    /// Adds a term, which must be one.
    ///
    /// # Errors
    /// When it is none.
    pub fn add_term(&mut self, term: &str) -> Result<(), Wrong> {
        filter::parse(term).map_err(wrong)?;
        self.remember();
        match self.chips.iter_mut().find(|chip| chip.text == term) {
            Some(chip) => chip.on = true,
            None => self.chips.push(Chip::new(term)),
        }
        self.reparse();
        Ok(())
    }

    /// Puts the filter of the chips into effect.
    pub fn reparse(&mut self) {
        // Every chip was parsed by itself or as part of a line: together they parse too.
        if let Ok(parsed) = filter::parse(&self.line()) {
            self.apply(parsed.filter);
        }
    }

    fn apply(&mut self, parsed: Filter) {
        self.query.filter = parsed;
        self.query.text = self.line();
        // Other lines are read from their beginning.
        self.sideways = 0;
        self.asks();
    }

    /// Says that the query changed.
    pub fn asks(&mut self) {
        self.query.version += 1;
    }

    /// Takes the last change of the filter back; false where there is none.
    pub fn take_back(&mut self) -> bool {
        let now = (self.chips.clone(), self.stage.clone());
        while let Some(before) = self.undo.pop() {
            if before != now {
                (self.chips, self.stage) = before;
                self.reparse();
                return true;
            }
        }
        false
    }
}

/// Says what is wrong with a line.
pub fn wrong(problem: filter::Problem) -> Wrong {
    Wrong { from: problem.range.start, to: problem.range.end, says: problem.to_string() }
}
