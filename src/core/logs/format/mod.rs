//! How a source's lines are read: compiled from one TOML file a format.
//!
//! A *record* is what one entry wrote: one line, or a head line with its continuation lines (a stack trace).
use std::{
    borrow::Cow,
    sync::{Arc, LazyLock},
};

use memchr::memchr;

use super::{Level, Nanos};

mod compile;
pub mod escape;
pub mod infer;
mod json;
mod pairs;
mod pattern;
pub mod request;
pub mod spec;
#[cfg(test)]
mod tests;
pub mod time;
pub mod units;

use escape::Escape;
use json::Wants;
use pattern::{Pattern, Spans, cut};
use request::Part;
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
    Regex(regex::bytes::Regex),
    Json {
        wants: Box<Wants>,
        /// Microseconds in one unit of each key that the duration may stand under.
        units: Vec<f64>,
    },
    Logfmt,
    Plain,
}

/// Where a field stands.
#[derive(Clone, Debug)]
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

/// What is looked for in JSON about which nothing is known: the time, the level, the status, the duration in milliseconds.
static COMMON: LazyLock<[Vec<String>; 5]> = LazyLock::new(|| {
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect();
    [
        words("time timestamp @timestamp ts datetime t.$date t"),
        words("level severity lvl log.level loglevel level_name levelname s"),
        words("status status_code statusCode res.statusCode http.status_code http.response.status_code"),
        words("duration_ms ms latency_ms responseTime response_time_ms elapsed_ms took_ms"),
        words("msg message"),
    ]
});

static COMMON_WANTS: LazyLock<Wants> = LazyLock::new(|| {
    let [time, level, status, duration, body] = &*COMMON;
    Wants::new([time, level, status, duration, body])
});

static PLAIN: LazyLock<Arc<Format>> = LazyLock::new(|| Arc::new(Format::plain()));

/// Finds the value of a key in logfmt, as what a place tells beside a record is written.
pub fn pair<'a>(text: &'a [u8], key: &str) -> Option<Cow<'a, [u8]>> {
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

    /// Finds a field by name or alias.
    pub fn resolve(&self, name: &str) -> FieldRef {
        if let Some(index) = self.fields.iter().position(|field| field.name == name) {
            return FieldRef::Named(index);
        }
        if let Some((_, index)) = self.aliases.iter().find(|(alias, _)| alias == name) {
            return FieldRef::Named(*index);
        }
        let has_tail = match &self.shape {
            Shape::Json { .. } | Shape::Logfmt | Shape::Plain => true,
            Shape::Pattern { pattern, .. } => pattern.tail().is_some() || self.body.is_some(),
            Shape::Regex(_) => self.body.is_some(),
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

    /// Reads the columns of a record. Hot: runs once for each record that arrives.
    pub fn head(&self, record: &[u8], assume: Assume) -> Head {
        let line = first_line(record);
        match &self.shape {
            Shape::Json { wants, units } => self.head_of_json(wants, units, line, assume),
            Shape::Plain => self.head_of_text(line, assume),
            Shape::Pattern { pattern, head, .. } => {
                let mut spans = pattern::NONE;
                pattern.run(line, *head, &mut spans);
                self.head_of_taken(&Taken::Spans(line, spans), line, assume)
            }
            Shape::Regex(regex) => match regex.captures(line) {
                Some(groups) => self.head_of_taken(&Taken::Groups(groups), line, assume),
                None => Head { level: self.inferred(line), ..Head::default() },
            },
            Shape::Logfmt => self.head_of_taken(&Taken::Text(line), line, assume),
        }
    }

    fn inferred(&self, text: &[u8]) -> Level {
        if self.level.infer { infer::level(text) } else { Level::Unknown }
    }

    fn head_of_json(&self, wants: &Wants, units: &[f64], line: &[u8], assume: Assume) -> Head {
        let [time, level, status, duration, body] = wants.find(line);
        let status = status.and_then(|(_, value)| number(value.text));
        let level = level.and_then(|(_, value)| self.read_level(value.text));
        let duration = duration.map(|(rank, value)| units::column(value.text, units.get(rank).copied().unwrap_or(1.0)));
        Head {
            time: time.and_then(|(_, value)| time::read(value.text, self.style, assume)).map(|(time, _)| time),
            level: level.unwrap_or_else(|| match (self.level.of_status, status) {
                (true, Some(status)) => of_status(status),
                _ if self.level.infer => body.map_or(Level::Unknown, |(_, value)| self.infer_in_json(value)),
                _ => Level::Unknown,
            }),
            status: status.unwrap_or(0),
            duration_us: duration.unwrap_or(Head::NO_DURATION),
        }
    }

    /// Infers a level from a JSON record's message, which may be JSON within JSON.
    fn infer_in_json(&self, body: json::Value<'_>) -> Level {
        if body.text.starts_with(b"{") && body.is == json::Is::Text {
            return self.head_of_text(&Escape::Json.undo(body.text), UTC).level;
        }
        if body.is == json::Is::Array {
            return body.bytes().map_or(Level::Unknown, |bytes| infer::level(&bytes));
        }
        infer::level(body.text)
    }

    /// Reads a duration in microseconds from the first place that has one.
    fn column_of(&self, taken: &Taken<'_>, index: usize) -> Option<u32> {
        let Kind::Duration { micros } = self.fields.get(index)?.kind else { return None };
        self.slots.get(index)?.iter().find_map(|slot| {
            let (slot, unit) = match slot {
                Slot::Scaled(of, factor) => (&**of, micros * factor),
                Slot::Capture(_) | Slot::Key(_) | Slot::Tail(_) | Slot::Part(..) => (slot, micros),
            };
            Some(units::column(self.raw_of(taken, slot)?, unit))
        })
    }

    fn head_of_taken(&self, taken: &Taken<'_>, line: &[u8], assume: Assume) -> Head {
        let first = |slots: &[Slot]| slots.iter().find_map(|slot| self.raw_of(taken, slot));
        let of_field = |index: Option<usize>| self.slots.get(index?).and_then(|slots| first(slots));
        let time = first(&self.time).and_then(|text| time::read(text, self.style, assume)).map(|(time, _)| time);
        let status = of_field(self.status).and_then(number);
        let duration = self.duration.and_then(|index| self.column_of(taken, index));
        let mut head = Head {
            time,
            level: Level::Unknown,
            status: status.unwrap_or(0),
            duration_us: duration.unwrap_or(Head::NO_DURATION),
        };
        if let Some(level) = first(&self.level.from).and_then(|text| self.read_level(text)) {
            head.level = level;
        } else if let (true, Some(status)) = (self.level.of_status, status) {
            head.level = of_status(status);
        } else if self.level.infer {
            // The message of a process is often a record of its own.
            let body = of_field(self.body).unwrap_or(line);
            let inner = self.head_of_text(body, assume);
            head.level = inner.level;
            if status.is_none() {
                head.status = inner.status;
            }
            if duration.is_none() {
                head.duration_us = inner.duration_us;
            }
            head.time = head.time.or(inner.time);
        }
        head
    }

    /// Reads a text about which nothing is known: JSON, or words after a time.
    fn head_of_text(&self, text: &[u8], assume: Assume) -> Head {
        if json::is_object(text) {
            let [time, level, status, duration, body] = COMMON_WANTS.find(text);
            let status = status.and_then(|(_, value)| number(value.text)).unwrap_or(0);
            let level = level.and_then(|(_, value)| self.read_level(value.text).or_else(|| pino(value.text)));
            return Head {
                time: time.and_then(|(_, value)| time::read(value.text, Style::Auto, assume)).map(|(time, _)| time),
                level: level.or(body.map(|(_, value)| self.inferred(value.text))).unwrap_or_default(),
                status,
                duration_us: duration.map_or(Head::NO_DURATION, |(_, value)| units::column(value.text, 1000.0)),
            };
        }
        let skip = text.iter().take(8).take_while(|byte| matches!(byte, b'[' | b' ')).count();
        let time = text.get(skip..).and_then(|text| time::read(text, Style::Auto, assume));
        let rest = time.and_then(|(_, taken)| text.get(skip + taken..)).unwrap_or(text);
        Head { time: time.map(|(time, _)| time), level: self.inferred(rest), ..Head::default() }
    }

    fn read_level(&self, text: &[u8]) -> Option<Level> {
        if let Some((_, level)) = self.level.map.iter().find(|(word, _)| word == text) {
            return Some(*level);
        }
        Level::parse(text)
    }

    /// Reads one field, unescaped. Hot: runs over all records of a filter that names the field.
    pub fn field<'a>(&self, record: &'a [u8], field: &FieldRef) -> Option<Cow<'a, [u8]>> {
        match field {
            FieldRef::Absent => None,
            FieldRef::Named(index) => {
                if self.body == Some(*index) {
                    return self.body_of(record);
                }
                let line = first_line(record);
                self.slots.get(*index)?.iter().find_map(|slot| self.slot(line, slot))
            }
            FieldRef::Dynamic(name) => self.dynamic(first_line(record), name),
        }
    }

    fn dynamic<'a>(&self, line: &'a [u8], name: &str) -> Option<Cow<'a, [u8]>> {
        let within = |text: &'a [u8]| {
            if json::is_object(text) {
                json::get(text, name.as_bytes())?.bytes()
            } else {
                pairs::get(text, name.as_bytes()).map(pairs::Pair::bytes)
            }
        };
        match &self.shape {
            Shape::Json { wants, .. } => {
                if let Some(value) = json::get(line, name.as_bytes()) {
                    return value.bytes();
                }
                let [.., body] = wants.find(line);
                let (_, body) = body.filter(|(_, body)| body.text.starts_with(b"{") && body.is == json::Is::Text)?;
                let body = Escape::Json.undo(body.text);
                Some(Cow::Owned(json::get(&body, name.as_bytes())?.bytes()?.into_owned()))
            }
            Shape::Logfmt | Shape::Plain => within(line),
            Shape::Pattern { pattern, .. } => {
                let mut spans = pattern::NONE;
                pattern.run(line, usize::MAX, &mut spans);
                if let Some(tail) = pattern.tail() {
                    return within(cut(line, *spans.get(tail)?)?);
                }
                self.within_body(line, name)
            }
            Shape::Regex(_) => self.within_body(line, name),
        }
    }

    fn within_body<'a>(&self, line: &'a [u8], name: &str) -> Option<Cow<'a, [u8]>> {
        let body = self.slots.get(self.body?)?.iter().find_map(|slot| self.slot(line, slot))?;
        let own = |value: json::Value<'_>| Some(Cow::Owned(value.bytes()?.into_owned()));
        match body {
            Cow::Borrowed(body) if json::is_object(body) => json::get(body, name.as_bytes())?.bytes(),
            Cow::Borrowed(body) => pairs::get(body, name.as_bytes()).map(pairs::Pair::bytes),
            Cow::Owned(body) if json::is_object(&body) => json::get(&body, name.as_bytes()).and_then(own),
            Cow::Owned(body) => pairs::get(&body, name.as_bytes()).map(|pair| Cow::Owned(pair.bytes().into_owned())),
        }
    }

    /// Reads what stands in a slot of a line, unescaped.
    fn slot<'a>(&self, line: &'a [u8], slot: &Slot) -> Option<Cow<'a, [u8]>> {
        match slot {
            Slot::Scaled(of, factor) => {
                let text = self.slot(line, of)?;
                units::scaled(&text, *factor).map(|text| Cow::Owned(text.into_bytes()))
            }
            Slot::Part(of, part) => match self.slot(line, of)? {
                Cow::Borrowed(text) => part.of(text).map(Cow::Borrowed),
                Cow::Owned(text) => part.of(&text).map(|part| Cow::Owned(part.to_vec())),
            },
            Slot::Key(key) => match &self.shape {
                Shape::Logfmt => pairs::get(line, key.as_bytes()).map(pairs::Pair::bytes),
                Shape::Json { .. } | Shape::Plain => json::get(line, key.as_bytes())?.bytes(),
                Shape::Pattern { .. } | Shape::Regex(_) => self.dynamic(line, key),
            },
            Slot::Capture(_) | Slot::Tail(_) => match &self.shape {
                Shape::Pattern { pattern, .. } => {
                    let mut spans = pattern::NONE;
                    let upto = if let Slot::Capture(index) = slot { *index } else { usize::MAX };
                    pattern.run(line, upto, &mut spans);
                    let raw = self.raw_of(&Taken::Spans(line, spans), slot)?;
                    Some(self.escape.undo(raw))
                }
                Shape::Regex(regex) => {
                    let Slot::Capture(index) = slot else { return None };
                    Some(self.escape.undo(regex.captures(line)?.get(*index)?.as_bytes()))
                }
                Shape::Json { .. } | Shape::Logfmt | Shape::Plain => None,
            },
        }
    }

    /// Reads what stands in a slot as it is written; a dash is nothing.
    fn raw_of<'a>(&self, taken: &Taken<'a>, slot: &Slot) -> Option<&'a [u8]> {
        let text = match (slot, taken) {
            (Slot::Capture(index), Taken::Spans(line, spans)) => {
                let text = cut(line, *spans.get(*index)?)?;
                match self.body {
                    Some(body) if self.is_body(body, *index) => text.get(..self.tail_at(text)).unwrap_or(text),
                    _ => text,
                }
            }
            (Slot::Capture(index), Taken::Groups(groups)) => groups.get(*index)?.as_bytes(),
            (Slot::Key(key), Taken::Spans(line, spans)) => {
                let Shape::Pattern { pattern, .. } = &self.shape else { return None };
                pairs::get(cut(line, *spans.get(pattern.tail()?)?)?, key.as_bytes())?.value
            }
            (Slot::Key(key), Taken::Text(line)) => pairs::get(line, key.as_bytes())?.value,
            (Slot::Tail(number), Taken::Spans(line, spans)) => {
                let Shape::Pattern { pattern, tail, .. } = &self.shape else { return None };
                let whole = cut(line, *spans.get(pattern.names().len().checked_sub(1)?)?)?;
                let mut found = None;
                pairs::each_of_tail(whole.get(self.tail_at(whole)..)?, tail, |at, value| {
                    found = (at == *number).then_some(value);
                    found.is_some()
                });
                found?
            }
            (Slot::Part(of, part), _) => part.of(self.raw_of(taken, of)?)?,
            // Columns read the main unit only: what must be computed is made by `slot`.
            (Slot::Scaled(..) | Slot::Tail(_), _)
            | (Slot::Key(_), Taken::Groups(_))
            | (Slot::Capture(_), Taken::Text(_)) => return None,
        };
        (text != b"-" && !text.is_empty()).then_some(text)
    }

    fn is_body(&self, body: usize, capture: usize) -> bool {
        let is_it = |slot: &Slot| matches!(slot, Slot::Capture(index) if *index == capture);
        self.slots.get(body).is_some_and(|slots| slots.iter().any(is_it))
    }

    /// Where the keys after a message begin; its length where there are none.
    fn tail_at(&self, message: &[u8]) -> usize {
        match &self.shape {
            Shape::Pattern { tail, .. } if !tail.is_empty() => pairs::tail(message, tail).unwrap_or(message.len()),
            Shape::Pattern { .. } | Shape::Regex(_) | Shape::Json { .. } | Shape::Logfmt | Shape::Plain => {
                message.len()
            }
        }
    }

    /// Reads the message with its continuation lines.
    fn body_of<'a>(&self, record: &'a [u8]) -> Option<Cow<'a, [u8]>> {
        let line = first_line(record);
        let more = record.get(line.len()..).unwrap_or_default();
        let head = self.slots.get(self.body?)?.iter().find_map(|slot| self.slot(line, slot))?;
        if more.is_empty() {
            return Some(head);
        }
        let mut text = head.into_owned();
        for line in more.split(|byte| *byte == b'\n').skip(1) {
            // A fragment of what one process wrote goes on where the one before ended.
            let part = self.slots.get(self.body?)?.iter().find_map(|slot| self.slot(line, slot));
            match part.filter(|_| self.repeats_head()) {
                Some(part) if self.whole.is_some() => text.extend_from_slice(&part),
                Some(part) => {
                    text.push(b'\n');
                    text.extend_from_slice(&part);
                }
                None => {
                    text.push(b'\n');
                    text.extend_from_slice(line);
                }
            }
        }
        Some(Cow::Owned(text))
    }

    /// Says whether continuation lines have a head of their own, as PM2 puts the time before every line of a stack trace.
    fn repeats_head(&self) -> bool {
        self.whole.is_some() || (matches!(self.start, Start::Trace) && !matches!(self.shape, Shape::Plain))
    }

    /// Reads every field that the record has, in the order written, for the detail view and JSON output.
    pub fn all<'a>(&self, record: &'a [u8]) -> Vec<(Cow<'a, str>, Cow<'a, [u8]>)> {
        let line = first_line(record);
        let mut all = Vec::new();
        match &self.shape {
            Shape::Json { .. } => {
                json::all(line, "", &mut all, 0);
            }
            Shape::Logfmt => pairs_into(line, &mut all),
            Shape::Plain if json::is_object(line) => {
                json::all(line, "", &mut all, 0);
            }
            Shape::Plain => {}
            Shape::Pattern { .. } | Shape::Regex(_) => {
                for (index, field) in self.fields.iter().enumerate() {
                    if let Some(value) = self.field(record, &FieldRef::Named(index)) {
                        all.push((Cow::Owned(field.name.clone()), value));
                    }
                }
                if let Shape::Pattern { pattern, .. } = &self.shape
                    && let Some(tail) = pattern.tail()
                {
                    let mut spans = pattern::NONE;
                    pattern.run(line, tail, &mut spans);
                    let text = spans.get(tail).and_then(|span| cut(line, *span)).unwrap_or_default();
                    let known = all.len();
                    pairs_into(text, &mut all);
                    let named: Vec<_> = all.iter().take(known).map(|(name, _)| name.clone()).collect();
                    let mut index = 0;
                    all.retain(|(name, _)| {
                        index += 1;
                        index <= known || !named.contains(name)
                    });
                }
                if let Some(Cow::Borrowed(body)) = self.body.and_then(|body| self.field(line, &FieldRef::Named(body)))
                    && json::is_object(body)
                {
                    json::all(body, "", &mut all, 0);
                }
            }
        }
        all
    }

    /// Returns what a person reads: the message without the columns. Continuation lines follow after `\n`.
    pub fn message<'a>(&self, record: &'a [u8]) -> Cow<'a, [u8]> {
        if self.message.is_empty() {
            return self.body_of(record).map_or(Cow::Borrowed(record), trimmed);
        }
        let line = first_line(record);
        let mut text = Vec::with_capacity(96);
        let mut literal: &str = "";
        let mut any = false;
        for (number, piece) in self.message.iter().enumerate() {
            match piece {
                Piece::Literal(piece) => literal = piece,
                Piece::Field(index) => {
                    let slots = self.slots.get(*index).map_or(&[][..], Vec::as_slice);
                    let Some(value) = slots.iter().find_map(|slot| self.slot(line, slot)) else { continue };
                    if any || number <= 1 {
                        text.extend_from_slice(literal.as_bytes());
                    }
                    match self.fields.get(*index).map(|field| field.kind) {
                        Some(Kind::Duration { micros }) => text.extend(units::shown(&value, micros).into_bytes()),
                        _ => text.extend_from_slice(&value),
                    }
                    any = true;
                    literal = "";
                }
            }
        }
        if any {
            text.extend_from_slice(record.get(line.len()..).unwrap_or_default());
            Cow::Owned(text)
        } else {
            Cow::Borrowed(record)
        }
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
        let Some((whole, same)) = &self.whole else { return !self.starts_record(line) };
        let last = memchr::memrchr(b'\n', record).and_then(|at| record.get(at + 1..)).unwrap_or(record);
        let get = |text, key: &str| json::get(text, key.as_bytes());
        let is_open = get(last, whole).is_some_and(|value| value.is == json::Is::Text && !value.text.ends_with(b"\\n"));
        is_open && json::is_object(line) && same.iter().all(|key| get(last, key) == get(line, key))
    }

    /// Says whether a line is one of this format: all that must be there is, and the time can be read.
    pub fn fits(&self, line: &[u8]) -> bool {
        self.fits_head(line) && self.has_needed(line)
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
            Shape::Regex(regex) => match regex.captures(line) {
                Some(groups) => Taken::Groups(groups),
                None => return false,
            },
        };
        let time = self.time.iter().find_map(|slot| self.raw_of(&taken, slot));
        self.time.is_empty() || time.is_some_and(|text| time::read(text, self.style, UTC).is_some())
    }
}

/// For questions whose answer does not depend on it.
const UTC: Assume = Assume { zone: chrono_tz::Tz::UTC, now: Nanos(i64::MAX / 2) };

fn pairs_into<'a>(text: &'a [u8], all: &mut Vec<(Cow<'a, str>, Cow<'a, [u8]>)>) {
    pairs::each(text, |pair| {
        all.push((String::from_utf8_lossy(pair.key), pair.bytes()));
        all.len() >= 512
    });
}

/// Drops the line break that a process wrote at the end of its message.
fn trimmed(text: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.strip_suffix(b"\n").unwrap_or(text)),
        Cow::Owned(mut text) => {
            text.truncate(text.strip_suffix(b"\n").map_or(text.len(), <[u8]>::len));
            Cow::Owned(text)
        }
    }
}

/// Reads up to four digits; Nginx writes `009` where an upstream spoke HTTP/0.9.
fn number(text: &[u8]) -> Option<u16> {
    if text.is_empty() || text.len() > 4 {
        return None;
    }
    text.iter().try_fold(0_u16, |value, byte| byte.is_ascii_digit().then(|| value * 10 + u16::from(byte - b'0')))
}

/// The level of an access log's record: 4xx, and what is no status at all, is a warning.
fn of_status(status: u16) -> Level {
    match status {
        100..=399 => Level::Info,
        500..=599 => Level::Error,
        _ => Level::Warn,
    }
}

/// Levels as numbers, as pino and bunyan write them.
fn pino(text: &[u8]) -> Option<Level> {
    Some(match number(text)? {
        10 => Level::Trace,
        20 => Level::Debug,
        30 => Level::Info,
        40 => Level::Warn,
        50 => Level::Error,
        60 => Level::Fatal,
        _ => return None,
    })
}
