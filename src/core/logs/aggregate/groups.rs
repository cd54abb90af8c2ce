//! Records counted in groups.
use std::sync::Arc;

use super::{
    super::{
        bitmap::Bitmap,
        eval::{At, Column, Fields, Values, measured},
        filter::Figure,
        format::Kind,
        hash::TextMap,
        segment::Segment,
    },
    Row, Spread, Table, Unit,
};

/// Groups that are told apart; what comes in further ones is counted together.
const GROUPS: usize = 1 << 20;
#[derive(Default)]
struct Group {
    count: u64,
    spread: Option<Box<Spread>>,
}

/// The number that a record adds to its group's figure, where there is one.
#[derive(Clone, Copy)]
struct Value(Option<f64>);

impl Group {
    fn add(&mut self, Value(value): Value) {
        self.count += 1;
        if let Some(value) = value {
            self.spread.get_or_insert_default().add(value);
        }
    }

    fn merge(&mut self, other: Self) {
        self.count += other.count;
        match (&mut self.spread, other.spread) {
            (Some(into), Some(from)) => into.merge(*from),
            (into @ None, from) => *into = from,
            (Some(_), None) => {}
        }
    }
}

#[derive(Default)]
pub(super) struct Groups {
    by_key: TextMap<Group>,
    records: u64,
    without: u64,
    beyond: u64,
    unit: Unit,
}

impl Groups {
    /// Finds a group, or begins it; false where there are too many.
    fn count(&mut self, key: &[u8], count: impl FnOnce(&mut Group)) -> bool {
        if let Some(group) = self.by_key.get_mut(key) {
            count(group);
        } else if self.by_key.len() < GROUPS {
            count(self.by_key.entry(key.to_vec()).or_default());
        } else {
            return false;
        }
        true
    }

    pub(super) fn len(&self) -> usize {
        self.by_key.len()
    }

    pub(super) fn merge(mut self, mut other: Self) -> Self {
        if self.by_key.len() < other.by_key.len() {
            std::mem::swap(&mut self, &mut other);
        }
        for (key, group) in other.by_key {
            let count = group.count;
            let counted = self.count(&key, |into| into.merge(group));
            self.beyond += if counted { 0 } else { count };
        }
        self.records += other.records;
        self.without += other.without;
        self.beyond += other.beyond;
        self.unit = if self.unit == Unit::Plain { other.unit } else { self.unit };
        self
    }
}

pub(super) fn table(groups: Groups, by: &[String], measure: Option<(Figure, &String)>) -> Table {
    let rows = groups.by_key.into_iter().map(|(key, group)| {
        let mut spread = group.spread;
        Row {
            keys: keys_of(&key, by.len()),
            count: group.count,
            estimated: spread.as_ref().is_some_and(|spread| spread.is_estimated()),
            figure: measure.and_then(|(figure, _)| spread.as_mut()?.figure(figure)),
        }
    });
    let rows: Vec<Row> = rows.collect();
    Table {
        by: by.to_vec(),
        unit: groups.unit,
        groups: rows.len() as u64,
        rows,
        records: groups.records,
        without: groups.without,
        beyond: groups.beyond,
    }
}

/// The field that is measured, in one segment.
enum Measured<'a> {
    /// Nothing is.
    Nothing,
    /// Its column, and the number that each value is.
    Column(Arc<Column>, Vec<Option<(f64, Unit)>>),
    Text(Values<'a>),
}

/// What of a record is measured.
#[derive(Clone, Copy)]
enum Has {
    /// Nothing is to be: it is counted.
    Counted,
    Number(f64, Unit),
    /// It has not the field.
    Nothing,
}

impl<'a> Measured<'a> {
    fn new(values: Option<Values<'a>>) -> Self {
        match values {
            None => Self::Nothing,
            Some(Values::Column(column)) => {
                let each =
                    (0..=column.values()).map(|id| column.value(id).and_then(|(value, kind)| number(value, kind)));
                let each = each.collect();
                Self::Column(column, each)
            }
            Some(text) => Self::Text(text),
        }
    }

    fn needs_text(&self) -> bool {
        matches!(self, Self::Text(_))
    }

    fn of(&mut self, at: At<'_>) -> Has {
        let number = match self {
            Self::Nothing => return Has::Counted,
            Self::Column(column, each) => each.get(column.id(at.record)).copied().flatten(),
            Self::Text(values) => values.with(at, number).flatten(),
        };
        number.map_or(Has::Nothing, |(number, unit)| Has::Number(number, unit))
    }
}

impl Groups {
    /// Counts records of a segment.
    pub(super) fn add(
        &mut self,
        (segment, set): (&Segment, &Bitmap),
        by: &[String],
        measure: Option<(Figure, &String)>,
        read: Fields<'_>,
    ) {
        self.records += set.count() as u64;
        if by.is_empty() && measure.is_none() {
            self.count(&[], |group| group.count += set.count() as u64);
            return;
        }
        if set.is_empty() {
            return;
        }
        let mut fields: Vec<Values<'_>> = by.iter().map(|name| read.of(name, segment, set.count())).collect();
        let mut measured = Measured::new(measure.map(|(_, name)| read.of(name, segment, set.count())));
        let needs_text = measured.needs_text() || fields.iter().any(Values::needs_text);
        let text = needs_text.then(|| segment.text_once());
        let at = |record: usize| {
            let bytes = text.as_ref().and_then(|text| text.get(segment.span(record))).unwrap_or_default();
            At { segment, record, bytes }
        };
        if let [Values::Column(column)] = fields.as_slice() {
            self.add_column(set, column, |record| measured.of(at(record)));
            return;
        }
        let mut key = Vec::new();
        for record in set.iter() {
            let at = at(record);
            let Some(value) = self.measured(measured.of(at)) else { continue };
            key.clear();
            for field in &mut fields {
                if field.with(at, |value, _| push(&mut key, Some(value))).is_none() {
                    push(&mut key, None);
                }
            }
            let counted = self.count(&key, |group| group.add(value));
            self.beyond += u64::from(!counted);
        }
    }

    /// Counts records by one field whose values are known: each value is looked up once.
    fn add_column(&mut self, set: &Bitmap, column: &Column, mut measured: impl FnMut(usize) -> Has) {
        let mut groups: Vec<Group> = (0..=column.values()).map(|_| Group::default()).collect();
        for record in set.iter() {
            let Some(value) = self.measured(measured(record)) else { continue };
            if let Some(group) = groups.get_mut(column.id(record)) {
                group.add(value);
            }
        }
        let mut key = Vec::new();
        for (id, group) in groups.into_iter().enumerate().filter(|(_, group)| group.count > 0) {
            key.clear();
            push(&mut key, column.value(id).map(|(value, _)| value));
            let count = group.count;
            let counted = self.count(&key, |into| into.merge(group));
            self.beyond += if counted { 0 } else { count };
        }
    }

    /// Counts whether a record has what is measured; none where it is left out.
    fn measured(&mut self, has: Has) -> Option<Value> {
        match has {
            Has::Counted => Some(Value(None)),
            Has::Number(number, unit) => {
                self.unit = if unit == Unit::Plain { self.unit } else { unit };
                Some(Value(Some(number)))
            }
            Has::Nothing => {
                self.without += 1;
                None
            }
        }
    }
}

/// Adds a field's value to a group's key.
fn push(key: &mut Vec<u8>, value: Option<&[u8]>) {
    match value {
        Some(value) => {
            key.extend(u32::try_from(value.len()).unwrap_or(u32::MAX - 1).to_le_bytes());
            key.extend_from_slice(value);
        }
        None => key.extend(u32::MAX.to_le_bytes()),
    }
}

/// Reads a field's number in the unit that its figures are shown in.
fn number(value: &[u8], kind: Kind) -> Option<(f64, Unit)> {
    let (number, unit) = measured(value)?;
    Some(match (kind, unit) {
        (Kind::Duration { micros }, Unit::Plain) => (number * micros, Unit::Micros),
        (Kind::Bytes, Unit::Plain) => (number, Unit::Bytes),
        (_, unit) => (number, unit),
    })
}

fn keys_of(mut key: &[u8], fields: usize) -> Vec<Option<Vec<u8>>> {
    let mut keys = Vec::with_capacity(fields);
    while let Some((length, rest)) = key.split_first_chunk() {
        let length = u32::from_le_bytes(*length);
        if length == u32::MAX {
            keys.push(None);
            key = rest;
            continue;
        }
        let Some((value, rest)) = rest.split_at_checked(length as usize) else { break };
        keys.push(Some(value.to_vec()));
        key = rest;
    }
    keys
}
