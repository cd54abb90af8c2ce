//! How a source's lines are read: compiled from one TOML file a format.
//!
//! A *record* is what one entry wrote: one line, or a head line with its continuation lines (a stack trace).
use std::sync::{Arc, LazyLock};

use memchr::memchr;

use super::{Level, Nanos};

mod compile;
pub mod detect;
pub mod escape;
mod gather;
mod head;
pub mod infer;
mod json;
mod pairs;
mod pattern;
mod read;
pub mod records;
pub mod request;
mod set;
pub mod spec;
pub mod time;
pub mod trial;
pub mod units;
mod written;

pub use compile::Wrong;
pub use detect::{Detected, detect};
use escape::Escape;
use json::Wants;
use pattern::{Pattern, Spans};
use request::Part;
pub use set::Formats;
pub use spec::Spec;
use spec::StartSpec;
use time::Style;

/// A compiled format. Cheap to share, safe on all threads.
#[derive(Debug)]
pub struct Format {
    name: String,
    words: String,
    shape: Shape,
    fields: Vec<Field>,
    /// Where each field stands: alternatives, best first.
    slots: Vec<Vec<Slot>>,
    aliases: Vec<(String, usize)>,
    escape: Escape,
    time: Vec<Slot>,
    style: Style,
    level: Levels,
    status: Option<usize>,
    duration: Option<usize>,
    /// The field that a person reads, and JSON within which is looked into.
    body: Option<usize>,
    start: Start,
    /// Lines with which no record ends.
    open: Option<regex::bytes::Regex>,
    /// What a line must fit to count for it.
    like: Option<regex::bytes::Regex>,
    whole: Option<(String, Vec<String>)>,
    message: Vec<Piece>,
    columns: Vec<String>,
    detect: spec::DetectSpec,
}

/// How a line is taken apart.
#[derive(Debug)]
enum Shape {
    Pattern {
        pattern: Pattern,
        /// The last capture that the columns need.
        head: usize,
        /// Keys after the message.
        tail: Vec<String>,
    },
    Regex {
        regex: regex::bytes::Regex,
        /// Whether it is held against all lines of a record.
        all_lines: bool,
    },
    Json {
        wants: Box<Wants>,
        /// Microseconds in one unit of each key that the duration may stand under.
        units: Vec<f64>,
    },
    Logfmt,
    Plain,
}

/// Where a field stands.
#[derive(Clone, Debug, PartialEq)]
enum Slot {
    /// A capture of the pattern, or a group of the regex.
    Capture(usize),
    /// A key: of JSON a path.
    Key(Box<str>),
    /// One of the keys after the message.
    Tail(usize),
    /// A part of another one.
    Part(Box<Self>, Part),
    /// A duration in another unit than the field's: how many of the field's units one is.
    Scaled(Box<Self>, f64),
}

#[derive(Debug, Default)]
struct Levels {
    from: Vec<Slot>,
    map: Vec<(Vec<u8>, Level)>,
    of_status: bool,
    is_priority: bool,
    infer: bool,
}

#[derive(Debug)]
enum Start {
    Line,
    Head,
    Trace,
    Regex(regex::bytes::Regex),
}

/// A piece of the short text.
#[derive(Debug)]
enum Piece {
    Literal(String),
    Field(usize),
}

/// What a field's text means, so that filters compare it rightly.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// Text; `:` compares by globs.
    Text,
    /// A number.
    Number,
    /// A duration; the factor makes microseconds of the written number (`1_000_000.0` for seconds).
    Duration {
        /// Microseconds in one unit.
        micros: f64,
    },
    /// Bytes.
    Bytes,
}

/// A field that a format names.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// Its name in filters: `status`, `path`, `dur`, `client`.
    pub name: String,
    /// What its text means.
    pub kind: Kind,
}

/// Where a field stands, resolved once per format and filter so that reading it from a million records is cheap.
#[derive(Clone, Debug, PartialEq)]
pub enum FieldRef {
    /// One of [`Format::fields`].
    Named(usize),
    /// A key that only the record itself knows: a JSON path with dots, a logfmt key.
    Dynamic(String),
    /// The format cannot have it.
    Absent,
}

/// What every record is indexed by. Made once, when it arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// When it says it was written; none where it does not say.
    pub time: Option<Nanos>,
    /// Its level, inferred where there is none.
    pub level: Level,
    /// HTTP status; zero where there is none.
    pub status: u16,
    /// Duration in microseconds; `u32::MAX` where there is none.
    pub duration_us: u32,
}

impl Head {
    /// The [`Head::duration_us`] of records without a duration.
    pub const NO_DURATION: u32 = u32::MAX;
}

impl Default for Head {
    fn default() -> Self {
        Self { time: None, level: Level::Unknown, status: 0, duration_us: Self::NO_DURATION }
    }
}

/// What lines leave out: the zone of local times, the year of syslog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Assume {
    /// The zone of times that name none.
    pub zone: chrono_tz::Tz,
    /// Now, for years that are not written and as the latest time to believe.
    pub now: Nanos,
}

static PLAIN: LazyLock<Arc<Format>> = LazyLock::new(|| Arc::new(Format::plain()));

/// Finds the value of a key in logfmt, as what a place tells beside a record is written.
pub fn pair<'a>(text: &'a [u8], key: &str) -> Option<std::borrow::Cow<'a, [u8]>> {
    pairs::get(text, key.as_bytes()).map(pairs::Pair::bytes)
}

fn first_line(record: &[u8]) -> &[u8] {
    memchr(b'\n', record).and_then(|end| record.get(..end)).unwrap_or(record)
}

/// A record taken apart as far as one question needs it.
enum Taken<'a> {
    Spans(&'a [u8], Spans),
    Groups(regex::bytes::Captures<'a>),
    Text(&'a [u8]),
}

impl Format {
    /// Makes the format of lines about which nothing is known.
    pub fn plain() -> Self {
        Self {
            name: "plain".into(),
            words: "Plain text".into(),
            shape: Shape::Plain,
            fields: Vec::new(),
            slots: Vec::new(),
            aliases: Vec::new(),
            escape: Escape::None,
            time: Vec::new(),
            style: Style::Auto,
            level: Levels { infer: true, ..Levels::default() },
            status: None,
            duration: None,
            body: None,
            start: Start::Trace,
            open: None,
            like: None,
            whole: None,
            message: Vec::new(),
            columns: Vec::new(),
            detect: spec::DetectSpec::default(),
        }
    }

    /// Returns [`Format::plain`], made once.
    pub fn plain_shared() -> Arc<Self> {
        Arc::clone(&PLAIN)
    }

    /// Its name, which is its file's.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// One line about it, for lists.
    pub fn words(&self) -> &str {
        &self.words
    }

    /// Returns the fields that it names.
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// Names the fields that stand in columns at first.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// Names the fields whose values may come again and again: neither the time nor the message, nor what other fields have parts of.
    pub fn recurring(&self) -> impl Iterator<Item = &str> {
        let parts = || self.slots.iter().flatten();
        let is_whole = move |whole: &Slot| {
            parts().any(|slot| match (slot, whole) {
                (Slot::Part(of, _), whole) if **of == *whole => true,
                (Slot::Part(of, Part::Path), Slot::Part(same, Part::Url)) => of == same,
                (Slot::Part(..) | Slot::Capture(_) | Slot::Key(_) | Slot::Tail(_) | Slot::Scaled(..), _) => false,
            })
        };
        let named = self.fields.iter().zip(&self.slots).enumerate();
        let recurring = named.filter(move |(at, (_, slots))| {
            self.body != Some(*at) && !slots.iter().any(|slot| self.time.contains(slot) || is_whole(slot))
        });
        recurring.map(|(_, (field, _))| field.name.as_str())
    }

    /// Finds a field by name or alias.
    pub fn resolve(&self, name: &str) -> FieldRef {
        if let Some(index) = self.fields.iter().position(|field| field.name == name) {
            return FieldRef::Named(index);
        }
        if let Some((_, index)) = self.aliases.iter().find(|(alias, _)| alias == name) {
            return FieldRef::Named(*index);
        }
        // Where a format has no other word for it, what a server was asked by is its `host`; to a filter that is first whose
        // log it is.
        let named = |wanted: &str| self.fields.iter().position(|field| field.name == wanted);
        if name == "vhost" {
            return named("host").map_or_else(|| self.resolve("host"), FieldRef::Named);
        }
        let has_tail = match &self.shape {
            Shape::Json { .. } | Shape::Logfmt | Shape::Plain => true,
            Shape::Pattern { pattern, .. } => pattern.tail().is_some() || self.body.is_some(),
            Shape::Regex { .. } => self.body.is_some(),
        };
        if has_tail && !name.is_empty() { FieldRef::Dynamic(name.to_owned()) } else { FieldRef::Absent }
    }

    /// Says what a field's text means.
    pub fn kind(&self, field: &FieldRef) -> Kind {
        match field {
            FieldRef::Named(index) => self.fields.get(*index).map_or(Kind::Text, |field| field.kind),
            FieldRef::Dynamic(_) | FieldRef::Absent => Kind::Text,
        }
    }

    /// What of a record holds its fields: the first line, but where a regex asks for all.
    #[inline]
    fn line_of<'a>(&self, record: &'a [u8]) -> &'a [u8] {
        if matches!(self.shape, Shape::Regex { all_lines: true, .. }) { record } else { first_line(record) }
    }

    /// Says whether records of this format may span lines.
    pub fn is_multi_line(&self) -> bool {
        !matches!(self.start, Start::Line) || self.whole.is_some()
    }

    /// Says whether a line begins a record; where not, it belongs to the one before.
    pub fn starts_record(&self, line: &[u8]) -> bool {
        match &self.start {
            Start::Line => true,
            Start::Regex(regex) => regex.is_match(line),
            Start::Head => self.fits_head(line),
            Start::Trace => match self.body.filter(|_| !matches!(self.shape, Shape::Json { .. } | Shape::Logfmt)) {
                Some(body) => {
                    let slots = self.slots.get(body).map_or(&[][..], Vec::as_slice);
                    let body = slots.iter().find_map(|slot| self.slot(line, slot));
                    // A line without its head is what another program wrote there.
                    !infer::continues(body.as_deref().unwrap_or(line))
                }
                None => !infer::continues(line),
            },
        }
    }

    /// Says whether a line goes on with the record before it, of which `record` is what is there so far.
    ///
    /// That is [`Format::starts_record`], and where one write is one line of JSON, a write that did not end its line.
    pub fn continues(&self, record: &[u8], line: &[u8]) -> bool {
        let last = memchr::memrchr(b'\n', record).and_then(|at| record.get(at + 1..)).unwrap_or(record);
        let Some((whole, same)) = &self.whole else {
            return self.open.as_ref().is_some_and(|open| open.is_match(last)) || !self.starts_record(line);
        };
        let get = |text, key: &str| json::get(text, key.as_bytes());
        let is_open = get(last, whole).is_some_and(|value| value.is == json::Is::Text && !value.text.ends_with(b"\\n"));
        is_open && json::is_object(line) && same.iter().all(|key| get(last, key) == get(line, key))
    }

    /// Says whether a record is one of this format: all that must be there is, and the time can be read.
    pub fn fits(&self, record: &[u8]) -> bool {
        self.fits_head(self.line_of(record)) && self.has_needed(record)
    }

    /// Says whether a record speaks for this format where it is not known: it fits, and is not only read by it as well.
    fn is_like(&self, record: &[u8]) -> bool {
        self.fits(record) && self.like.as_ref().is_none_or(|like| like.is_match(self.line_of(record)))
    }

    fn has_needed(&self, line: &[u8]) -> bool {
        let read = |name: &str| self.field(line, &self.resolve(name));
        self.detect.need.iter().all(|name| read(name).is_some())
            && self.detect.begin.iter().all(|(name, begins)| {
                read(name).is_some_and(|value| begins.iter().any(|begin| value.starts_with(begin.as_bytes())))
            })
    }

    fn fits_head(&self, line: &[u8]) -> bool {
        let taken = match &self.shape {
            Shape::Plain => return true,
            Shape::Json { wants, .. } => {
                let mut keys = 0;
                let fits = json::members(line, |_, _| {
                    keys += 1;
                    false
                });
                let [time, ..] = wants.find(line);
                let has_time = |(_, value): (usize, json::Value<'_>)| time::read(value.text, self.style, UTC).is_some();
                return fits && keys > 0 && (self.time.is_empty() || time.is_some_and(has_time));
            }
            Shape::Logfmt => return pairs::looks_like(line),
            Shape::Pattern { pattern, .. } => {
                let mut spans = pattern::NONE;
                if !pattern.run(line, usize::MAX, &mut spans) {
                    return false;
                }
                Taken::Spans(line, spans)
            }
            Shape::Regex { regex, .. } => match regex.captures(line) {
                Some(groups) => Taken::Groups(groups),
                None => return false,
            },
        };
        let time = self.time.iter().find_map(|slot| self.raw_of(&taken, slot));
        // A time with words after it is another format's.
        let is_time = |text: &[u8]| time::read(text, self.style, UTC).is_some_and(|(_, taken)| taken == text.len());
        self.time.is_empty() || time.is_some_and(is_time)
    }
}

/// For questions whose answer does not depend on it.
const UTC: Assume = Assume { zone: chrono_tz::Tz::UTC, now: Nanos(i64::MAX / 2) };
