//! A field of records, wherever it stands.
use super::super::{
    Source,
    derive::Derived,
    format::{FieldRef, Format, Kind, pair},
    read::source_value,
    segment::Segment,
};

/// A field's places in the formats of all sources, found once.
pub struct Resolved<'a> {
    name: &'a str,
    derived: &'a Derived,
    is_derived: bool,
    is_status: bool,
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
        Self { name, derived, is_derived, is_status: name == "status", places: sources.iter().map(place).collect() }
    }

    fn derive<T>(&self, bytes: &[u8], format: &Format, take: impl FnOnce(&[u8], Kind) -> T) -> Option<T> {
        self.derived.value(self.name, bytes, format).map(|value| take(&value, Kind::Text))
    }

    /// Looks at a record's value; false where it has none.
    pub fn test(
        &mut self,
        segment: &Segment,
        record: usize,
        bytes: &[u8],
        holds: impl Fn(&[u8], Kind) -> bool,
    ) -> bool {
        self.with(segment, record, bytes, holds).unwrap_or(false)
    }

    /// Hands a record's value to a function; none where it has none.
    pub fn with<T>(
        &mut self,
        segment: &Segment,
        record: usize,
        bytes: &[u8],
        take: impl FnOnce(&[u8], Kind) -> T,
    ) -> Option<T> {
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
        let extras = segment.extras(record)?;
        let value = pair(extras.as_bytes(), self.name)?;
        Some(take(&value, Kind::Text))
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
