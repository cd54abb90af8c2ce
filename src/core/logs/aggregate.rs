//! What a filter's stage makes of the records that match: counts, tops, figures. On all cores.
use rayon::prelude::*;

use super::{
    Source,
    buffer::Snapshot,
    derive::Derived,
    eval::{Resolved, measured},
    filter::{Expr, Figure, Stage, Term, edit},
    format::Kind,
    hash::TextMap,
    read::Matches,
    segment::Segment,
};

/// Groups that are told apart; what comes in further ones is counted together.
const GROUPS: usize = 1 << 20;
/// Values of a group that are kept as they are for its quantiles; beyond, a sketch is made of them.
const EXACT: usize = 1 << 16;
/// How far a sketched quantile may be from the exact one, as a share of it.
pub const SKETCH_ERROR: f64 = 0.005;

/// What a stage made.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Table {
    /// The fields that it groups by.
    pub by: Vec<String>,
    /// What the figures are in.
    pub unit: Unit,
    /// Groups, the largest first; of a `top` only as many as it asks for.
    pub rows: Vec<Row>,
    /// How many groups there are.
    pub groups: u64,
    /// Records that match.
    pub records: u64,
    /// Records of them that have not the field that is counted or measured.
    pub without: u64,
    /// Records in groups beyond those that are told apart.
    pub beyond: u64,
}

/// What a figure is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Unit {
    /// A number as the field has it.
    #[default]
    Plain,
    /// Microseconds.
    Micros,
    /// Bytes.
    Bytes,
}

/// One group.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// What it has in common, one text for each field of [`Table::by`]; none where its records have no such field. Hostile
    /// bytes, to be sanitised.
    pub keys: Vec<Option<Vec<u8>>>,
    /// How many records are in it.
    pub count: u64,
    /// The figure; none for counts.
    pub figure: Option<f64>,
    /// Whether the figure is an estimate, off by [`SKETCH_ERROR`] at most.
    pub estimated: bool,
}

/// How values are spread, in little room.
#[derive(Clone, Debug, Default)]
pub struct Spread {
    exact: Vec<f64>,
    /// How many of them are kept; none: [`EXACT`].
    few: Option<usize>,
    /// Buckets by logarithm and their counts, in order. Empty as long as all values are kept.
    buckets: Vec<(i32, u64)>,
    count: u64,
    sum: f64,
    least: f64,
    most: f64,
}

impl Spread {
    /// Makes one that keeps only so many values as they are, for where there are many of it.
    pub fn of_few(few: usize) -> Self {
        Self { few: Some(few), ..Self::default() }
    }

    fn room(&self) -> usize {
        self.few.unwrap_or(EXACT)
    }

    /// Adds a value.
    pub fn add(&mut self, value: f64) {
        (self.least, self.most) =
            if self.count == 0 { (value, value) } else { (self.least.min(value), self.most.max(value)) };
        self.count += 1;
        self.sum += value;
        if self.buckets.is_empty() && self.exact.len() < self.room() {
            self.exact.push(value);
            return;
        }
        self.sketch();
        self.count_bucket(bucket(value), 1);
    }

    /// Adds all values of another.
    pub fn merge(&mut self, other: Self) {
        if other.count == 0 {
            return;
        }
        (self.least, self.most) = if self.count == 0 {
            (other.least, other.most)
        } else {
            (self.least.min(other.least), self.most.max(other.most))
        };
        self.count += other.count;
        self.sum += other.sum;
        if self.buckets.is_empty() && other.buckets.is_empty() && self.exact.len() + other.exact.len() <= self.room() {
            self.exact.extend(other.exact);
            return;
        }
        self.sketch();
        for value in other.exact {
            self.count_bucket(bucket(value), 1);
        }
        for (bucket, count) in other.buckets {
            self.count_bucket(bucket, count);
        }
    }

    /// How many values there are.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Says whether quantiles are estimates.
    pub fn is_estimated(&self) -> bool {
        !self.buckets.is_empty()
    }

    /// Returns a figure; none without values.
    pub fn figure(&mut self, figure: Figure) -> Option<f64> {
        if self.count == 0 {
            return None;
        }
        Some(match figure {
            Figure::Least => self.least,
            Figure::Most => self.most,
            Figure::Sum => self.sum,
            Figure::Average => self.sum / self.count as f64,
            Figure::Quantile(tenths) => return self.quantile(tenths),
        })
    }

    /// The smallest value that at least so many tenths of a percent of all are not above.
    pub fn quantile(&mut self, tenths: u16) -> Option<f64> {
        let rank = (self.count * u64::from(tenths)).div_ceil(1000).max(1).min(self.count);
        let place = rank.checked_sub(1)?;
        if self.buckets.is_empty() {
            let place = usize::try_from(place).ok()?;
            let (_, value, _) = self.exact.select_nth_unstable_by(place, f64::total_cmp);
            return Some(*value);
        }
        let mut before = 0;
        let found = self.buckets.iter().find(|(_, count)| {
            before += count;
            before > place
        });
        found.map(|(bucket, _)| middle(*bucket).clamp(self.least, self.most))
    }

    fn sketch(&mut self) {
        for value in std::mem::take(&mut self.exact) {
            self.count_bucket(bucket(value), 1);
        }
    }

    fn count_bucket(&mut self, bucket: i32, count: u64) {
        match self.buckets.binary_search_by_key(&bucket, |(of, _)| *of) {
            Ok(at) => {
                if let Some((_, counted)) = self.buckets.get_mut(at) {
                    *counted += count;
                }
            }
            Err(at) => self.buckets.insert(at, (bucket, count)),
        }
    }
}

/// The width of a bucket, as a factor: its middle is off by half of it at most.
const WIDTH: f64 = 1.0 + 2.0 * SKETCH_ERROR;

/// Positive values by logarithm, those below them mirrored, zero and what is next to it in the middle.
fn bucket(value: f64) -> i32 {
    const NEAR_ZERO: f64 = 1e-9;
    if value.abs() < NEAR_ZERO {
        return 0;
    }
    #[expect(clippy::cast_possible_truncation, reason = "the logarithm of a float is far from the limits")]
    let steps = ((value.abs() / NEAR_ZERO).ln() / WIDTH.ln()) as i32 + 1;
    if value < 0.0 { -steps } else { steps }
}

fn middle(bucket: i32) -> f64 {
    if bucket == 0 {
        return 0.0;
    }
    let low = 1e-9 * WIDTH.powi(bucket.abs() - 1);
    let middle = low * (1.0 + WIDTH) / 2.0;
    if bucket < 0 { -middle } else { middle }
}

impl Table {
    /// A group's share of the records that are counted.
    pub fn share(&self, row: &Row) -> f64 {
        row.count as f64 / (self.records - self.without).max(1) as f64
    }

    /// Writes the filter's terms that keep a group's records; none where a value is no UTF-8, which filters cannot say.
    pub fn term(&self, row: &Row) -> Option<String> {
        let mut terms = Vec::with_capacity(row.keys.len());
        for (field, key) in self.by.iter().zip(&row.keys) {
            terms.push(match key {
                Some(value) => edit::keep(field, std::str::from_utf8(value).ok()?),
                None => Expr::from(Term::Has(field.clone())).negated(),
            });
        }
        Some(Expr::and(terms).to_string())
    }
}

/// Works out a stage over all matches.
pub fn run(stage: &Stage, matches: &Matches, snapshot: &Snapshot, derived: &Derived) -> Table {
    let sets = matches.sets.par_iter().with_max_len(1);
    let tally = sets.fold(Tally::default, |mut tally, (segment, set)| {
        tally.add(stage, (segment, set), &snapshot.sources, derived);
        tally
    });
    tally.reduce(Tally::default, Tally::merge).table(stage)
}

/// A stage's groups so far: for records that are not kept.
#[derive(Default)]
pub struct Tally(Groups);

impl std::fmt::Debug for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tally").field("groups", &self.0.by_key.len()).finish_non_exhaustive()
    }
}

impl Tally {
    /// Counts the records of a segment that are in a set.
    pub fn add(
        &mut self,
        stage: &Stage,
        (segment, set): (&Segment, &super::bitmap::Bitmap),
        sources: &[Source],
        derived: &Derived,
    ) {
        let (by, measure) = parts(stage);
        count_into(&mut self.0, (segment, set), by, measure, sources, derived);
    }

    /// Counts what another counted.
    #[must_use]
    pub fn merge(self, other: Self) -> Self {
        Self(self.0.merge(other.0))
    }

    /// Makes the table. The stage must be the one that was counted for.
    pub fn table(self, stage: &Stage) -> Table {
        let (by, measure) = parts(stage);
        let mut table = table(self.0, by, measure);
        match stage {
            Stage::Count { .. } => sort(&mut table.rows, None),
            Stage::Top { limit, .. } => {
                let none = table.rows.iter().position(|row| row.keys.iter().all(Option::is_none));
                if let Some(none) = none {
                    table.without = table.rows.remove(none).count;
                    table.groups -= 1;
                }
                sort(&mut table.rows, Some(*limit));
            }
            Stage::Measure { .. } => table.rows.sort_by(|one, other| {
                let figure = |row: &Row| row.figure.unwrap_or(f64::NEG_INFINITY);
                figure(other).total_cmp(&figure(one)).then_with(|| one.keys.cmp(&other.keys))
            }),
        }
        table
    }
}

/// Says what a stage groups by and what it measures.
fn parts(stage: &Stage) -> (&[String], Option<(Figure, &String)>) {
    match stage {
        Stage::Count { by } => (by, None),
        Stage::Top { field, .. } => (std::slice::from_ref(field), None),
        Stage::Measure { figure, field, by } => (by, Some((*figure, field))),
    }
}

/// The largest first, equal ones by their keys; only so many.
fn sort(rows: &mut Vec<Row>, limit: Option<usize>) {
    let order = |one: &Row, other: &Row| other.count.cmp(&one.count).then_with(|| one.keys.cmp(&other.keys));
    if let Some(limit) = limit.filter(|limit| *limit < rows.len()) {
        if limit > 0 {
            rows.select_nth_unstable_by(limit - 1, order);
        }
        rows.truncate(limit);
    }
    rows.sort_unstable_by(order);
}

#[derive(Default)]
struct Group {
    count: u64,
    spread: Option<Box<Spread>>,
}

#[derive(Default)]
struct Groups {
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

    fn merge(mut self, mut other: Self) -> Self {
        if self.by_key.len() < other.by_key.len() {
            std::mem::swap(&mut self, &mut other);
        }
        for (key, group) in other.by_key {
            let count = group.count;
            let counted = self.count(&key, |into| {
                into.count += count;
                match (&mut into.spread, group.spread) {
                    (Some(into), Some(from)) => into.merge(*from),
                    (into @ None, from) => *into = from,
                    (Some(_), None) => {}
                }
            });
            self.beyond += if counted { 0 } else { count };
        }
        self.records += other.records;
        self.without += other.without;
        self.beyond += other.beyond;
        self.unit = if self.unit == Unit::Plain { other.unit } else { self.unit };
        self
    }
}

fn table(groups: Groups, by: &[String], measure: Option<(Figure, &String)>) -> Table {
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

fn count_into(
    groups: &mut Groups,
    (segment, set): (&Segment, &super::bitmap::Bitmap),
    by: &[String],
    measure: Option<(Figure, &String)>,
    sources: &[Source],
    derived: &Derived,
) {
    groups.records += set.count() as u64;
    if by.is_empty() && measure.is_none() {
        groups.count(&[], |group| group.count += set.count() as u64);
        return;
    }
    let mut fields: Vec<Resolved<'_>> = by.iter().map(|name| Resolved::new(name, sources, derived)).collect();
    let mut measured_field = measure.map(|(_, name)| Resolved::new(name, sources, derived));
    let text = segment.text_once();
    let mut key = Vec::new();
    for record in set.iter() {
        let bytes = text.get(segment.span(record)).unwrap_or_default();
        let value = match &mut measured_field {
            None => None,
            Some(field) => {
                let Some((number, unit)) = field.with(segment, record, bytes, number).flatten() else {
                    groups.without += 1;
                    continue;
                };
                groups.unit = if unit == Unit::Plain { groups.unit } else { unit };
                Some(number)
            }
        };
        key.clear();
        for field in &mut fields {
            let has = field.with(segment, record, bytes, |value, _| {
                key.extend(u32::try_from(value.len()).unwrap_or(u32::MAX - 1).to_le_bytes());
                key.extend_from_slice(value);
            });
            if has.is_none() {
                key.extend(u32::MAX.to_le_bytes());
            }
        }
        let counted = groups.count(&key, |group| {
            group.count += 1;
            if let Some(value) = value {
                group.spread.get_or_insert_default().add(value);
            }
        });
        groups.beyond += u64::from(!counted);
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
