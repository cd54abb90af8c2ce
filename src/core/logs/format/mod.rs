//! How a source's lines are read: compiled from one TOML file a format.
//!
//! A *record* is what one entry wrote: one line, or a head line with its continuation lines (a stack trace).
use std::borrow::Cow;

use super::{Level, Nanos};

/// A compiled format. Cheap to share, safe on all threads.
#[derive(Debug)]
pub struct Format {
    name: String,
    fields: Vec<Field>,
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
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

/// What lines leave out: the zone of local times, the year of syslog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Assume {
    /// The zone of times that name none.
    pub zone: chrono_tz::Tz,
    /// Now, for years that are not written and as the latest time to believe.
    pub now: Nanos,
}

impl Format {
    /// Makes the format of lines about which nothing is known.
    pub fn plain() -> Self {
        Self { name: "plain".into(), fields: Vec::new() }
    }

    /// Its name, which is its file's.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the fields that it names.
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// Finds a field by name or alias.
    pub fn resolve(&self, name: &str) -> FieldRef {
        self.fields.iter().position(|field| field.name == name).map_or(FieldRef::Absent, FieldRef::Named)
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
        let _ = (record, assume);
        Head::default()
    }

    /// Reads one field, unescaped. Hot: runs over all records of a filter that names the field.
    pub fn field<'a>(&self, record: &'a [u8], field: &FieldRef) -> Option<Cow<'a, [u8]>> {
        let _ = (record, field);
        None
    }

    /// Reads every field that the record has, in the order written, for the detail view and JSON output.
    pub fn all<'a>(&self, record: &'a [u8]) -> Vec<(Cow<'a, str>, Cow<'a, [u8]>)> {
        let _ = record;
        Vec::new()
    }

    /// Returns what a person reads: the message without the columns. Continuation lines follow after `\n`.
    pub fn message<'a>(&self, record: &'a [u8]) -> Cow<'a, [u8]> {
        Cow::Borrowed(record)
    }

    /// Says whether records of this format may span lines.
    pub fn is_multi_line(&self) -> bool {
        false
    }

    /// Says whether a line begins a record; where not, it belongs to the one before.
    pub fn starts_record(&self, line: &[u8]) -> bool {
        let _ = line;
        true
    }
}
