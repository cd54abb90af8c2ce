//! What a filter's stage makes of the records that match: counts, tops, figures. On all cores.
use rayon::prelude::*;

use super::{
    bitmap::Bitmap,
    eval::Fields,
    filter::{Expr, Figure, Stage, Term, edit},
    read::Matches,
    segment::Segment,
};

mod groups;
mod spread;

pub use spread::{SKETCH_ERROR, Spread};

use groups::{Groups, table};

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
pub fn run(stage: &Stage, matches: &Matches, read: Fields<'_>) -> Table {
    let sets = matches.sets.par_iter().with_max_len(1);
    let tally = sets.fold(Tally::default, |mut tally, (segment, set)| {
        tally.add(stage, (segment, set), read);
        tally
    });
    tally.reduce(Tally::default, Tally::merge).table(stage)
}

/// A stage's groups so far: for records that are not kept.
#[derive(Default)]
pub struct Tally(Groups);

impl std::fmt::Debug for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tally").field("groups", &self.0.len()).finish_non_exhaustive()
    }
}

impl Tally {
    /// Counts the records of a segment that are in a set.
    pub fn add(&mut self, stage: &Stage, (segment, set): (&Segment, &Bitmap), read: Fields<'_>) {
        let (by, measure) = parts(stage);
        self.0.add((segment, set), by, measure, read);
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
