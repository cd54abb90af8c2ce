//! A field of records, wherever it stands.
use std::sync::Arc;

use super::{
    super::{
        Source,
        derive::Derived,
        format::{FieldRef, Format, Kind, pair},
        read::{service_of_last_resort, source_value},
        segment::Segment,
    },
    Cache,
    column::Column,
};

/// How the fields of records are read.
#[derive(Clone, Copy, Debug)]
pub struct Fields<'a> {
    /// The sources by their number.
    pub sources: &'a [Source],
    /// Rules that make fields.
    pub derived: &'a Derived,
    /// Where columns of fields are kept; none: every record is taken apart.
    pub cache: Option<&'a Cache>,
}

impl<'a> Fields<'a> {
    /// Makes a field ready to be read of so many records of a segment.
    pub(in super::super) fn of(&self, name: &'a str, segment: &Segment, records: usize) -> Values<'a> {
        match self.column(name, segment, records) {
            Some(column) => Values::Column(column),
            None => Values::Text(Resolved::new(name, self.sources, self.derived)),
        }
    }

    /// Returns a field's column of a segment for who is about to read so many records, where there is one or it is worth one.
    pub(in super::super) fn column(&self, name: &str, segment: &Segment, records: usize) -> Option<Arc<Column>> {
        self.cache?.column_for(segment, name, (self.sources, self.derived), records)
    }
}

/// A record whose fields are read.
#[derive(Clone, Copy, Debug)]
pub struct At<'a> {
    /// What it is in.
    pub segment: &'a Segment,
    /// Which of its records.
    pub record: usize,
    /// Its text.
    pub bytes: &'a [u8],
}

/// A field's values in a segment: from its column where it has one, else from the records' text.
pub(in super::super) enum Values<'a> {
    Column(Arc<Column>),
    Text(Resolved<'a>),
}

impl Values<'_> {
    /// Hands a record's value to a function; none where it has none. Only where there is no column, `bytes` is looked at.
    pub(in super::super) fn with<T>(&mut self, at: At<'_>, take: impl FnOnce(&[u8], Kind) -> T) -> Option<T> {
        match self {
            Self::Column(column) => column.value(column.id(at.record)).map(|(value, kind)| take(value, kind)),
            Self::Text(resolved) => resolved.with(at, take),
        }
    }

    pub(in super::super) fn needs_text(&self) -> bool {
        matches!(self, Self::Text(_))
    }
}

/// A field's places in the formats of all sources, found once.
pub struct Resolved<'a> {
    name: &'a str,
    derived: &'a Derived,
    is_derived: bool,
    is_status: bool,
    /// What stands in for a service that is named nowhere, by source.
    last_resort: Vec<Option<&'a str>>,
    /// By source.
    places: Vec<Place<'a>>,
}

/// Where a field of one source's records stands.
enum Place<'a> {
    /// It is the same for all of them.
    Source(&'a str),
    Level,
    Derived(&'a Format),
    /// In the record; of a status, in its column first.
    Record(&'a Format, FieldRef, Kind),
}

impl<'a> Resolved<'a> {
    /// Makes it for a field.
    pub fn new(name: &'a str, sources: &'a [Source], derived: &'a Derived) -> Self {
        let is_derived = derived.has(name);
        let place = |source: &'a Source| {
            if let Some(value) = source_value(source, name) {
                return Place::Source(value);
            }
            match name {
                "level" => Place::Level,
                // What has a status as a column needs no rule for it, unless it has none there.
                _ if is_derived && name != "status" => Place::Derived(&source.format),
                _ => {
                    let field = source.format.resolve(name);
                    let kind = source.format.kind(&field);
                    Place::Record(&source.format, field, kind)
                }
            }
        };
        let named = if name == "service" { sources } else { &[] };
        Self {
            name,
            derived,
            is_derived,
            is_status: name == "status",
            last_resort: named.iter().map(service_of_last_resort).collect(),
            places: sources.iter().map(place).collect(),
        }
    }

    fn derive<T>(&self, bytes: &[u8], format: &Format, take: impl FnOnce(&[u8], Kind) -> T) -> Option<T> {
        self.derived.value(self.name, bytes, format).map(|value| take(&value, Kind::Text))
    }

    /// Where the field stands in a source's records; none where it is not read from them as it is.
    pub(super) fn in_record(&self, source: usize) -> Option<&FieldRef> {
        match self.places.get(source)? {
            Place::Record(_, field, _) if !self.is_status && !self.is_derived => Some(field),
            Place::Source(_) | Place::Level | Place::Derived(_) | Place::Record(..) => None,
        }
    }

    /// What the field means in a source's records.
    pub(super) fn kind(&self, source: usize) -> Kind {
        match self.places.get(source) {
            Some(Place::Record(_, _, kind)) => *kind,
            Some(Place::Source(_) | Place::Level | Place::Derived(_)) | None => Kind::Text,
        }
    }

    /// Looks at a record's value; false where it has none.
    pub fn test(&mut self, at: At<'_>, holds: impl Fn(&[u8], Kind) -> bool) -> bool {
        self.with(at, holds).unwrap_or(false)
    }

    /// Hands a record's value to a function; none where it has none.
    pub fn with<T>(&mut self, at: At<'_>, take: impl FnOnce(&[u8], Kind) -> T) -> Option<T> {
        let At { segment, record, bytes } = at;
        let (format, field, kind) = match self.places.get(usize::from(segment.source(record).0))? {
            Place::Source(value) => return Some(take(value.as_bytes(), Kind::Text)),
            Place::Level => return Some(take(segment.level(record).word().as_bytes(), Kind::Text)),
            Place::Derived(format) => return self.derive(bytes, format, take),
            Place::Record(format, field, kind) => (format, field, *kind),
        };
        if self.is_status
            && let Some(status) = segment.status(record)
        {
            let mut digits = [0; 5];
            return Some(take(decimal(status, &mut digits), Kind::Number));
        }
        if self.is_derived {
            return self.derive(bytes, format, take);
        }
        if let Some(value) = format.field(bytes, field) {
            return Some(take(&value, kind));
        }
        if let Some(value) = segment.extras(record).and_then(|extras| pair(extras.as_bytes(), self.name)) {
            return Some(take(&value, Kind::Text));
        }
        let last = self.last_resort.get(usize::from(segment.source(record).0)).copied().flatten()?;
        Some(take(last.as_bytes(), Kind::Text))
    }
}

fn decimal(mut number: u16, digits: &mut [u8; 5]) -> &[u8] {
    let mut from = digits.len();
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + u8::try_from(number % 10).unwrap_or(0);
        number /= 10;
        from -= 1;
        if number == 0 {
            break;
        }
    }
    digits.get(from..).unwrap_or_default()
}
