//! Rows of what is shown beside the lines: sources, patterns, fields, what was counted.
use std::sync::Arc;

use crate::core::{
    logs::{Level, Nanos, SourceState},
    time,
};

/// How a source is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceStatus {
    /// Its name.
    pub name: Arc<str>,
    /// Which kind of place.
    pub kind: &'static str,
    /// Where exactly.
    pub path: Arc<str>,
    /// Its format, once known.
    pub format: String,
    /// How it is doing.
    pub state: SourceState,
    /// Records of it that are here.
    pub records: u64,
    /// By how many milliseconds its newest record was behind when it came; none before there is one.
    pub lag_ms: Option<i64>,
    /// Which part of the filter runs there for older lines, and how far back it has come; empty where all of it runs here.
    pub ran: String,
    /// By how many milliseconds its host's clock is ahead, corrected on show.
    pub skew_ms: i64,
}

impl SourceStatus {
    /// Says how it is.
    pub fn words(&self) -> String {
        let state = match &self.state {
            SourceState::Opening => "being opened".to_owned(),
            SourceState::Live => "live".to_owned(),
            SourceState::CatchingUp { behind_bytes: Some(bytes) } => format!("catching up, {bytes} bytes behind"),
            SourceState::CatchingUp { behind_bytes: None } => "catching up".to_owned(),
            SourceState::Reconnecting { attempt, why, .. } => format!("reconnecting, try {attempt}: {why}"),
            SourceState::Stale { .. } => "silent for longer than it should be".to_owned(),
            SourceState::Denied { why } => format!("refused: {why}"),
            SourceState::Ended => "read to its end".to_owned(),
        };
        let mut words = state;
        if let Some(lag) = self.lag_ms {
            words = format!("{words} · lag {}", time::precise(lag.max(0).unsigned_abs()));
        }
        let lines = if self.records == 1 { "line" } else { "lines" };
        words = format!("{words} · {} {lines} · {} · {}", self.records, self.kind, self.format);
        if self.skew_ms.abs() >= 50 {
            words = format!("{words} · clock {} ms off", self.skew_ms);
        }
        if !self.ran.is_empty() {
            words = format!("{words} · {}", self.ran);
        }
        format!("{words} · {}", self.path)
    }
}

/// A pattern of lines.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Pattern {
    /// Its id, the same tomorrow.
    pub id: String,
    /// Its text with placeholders.
    pub template: String,
    /// What the filter takes to keep it.
    pub term: String,
    /// Records.
    pub count: u64,
    /// Records over time, oldest first.
    pub trend: Vec<u64>,
    /// First seen here.
    pub first: Nanos,
    /// Last seen.
    pub last: Nanos,
    /// The gravest level.
    pub level: Level,
    /// Whose it is.
    pub service: String,
    /// The service's hue.
    pub hue: usize,
    /// First seen after the baseline, or in these days.
    pub new: bool,
    /// It stopped.
    pub gone: bool,
    /// It was known before what is here.
    pub known: bool,
}

/// A field of the record under the cursor.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct FieldValue {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
    /// The share of the filtered records that have the same value.
    pub share: Option<f64>,
    /// Of a field that rules derive: the share of the filtered records for which they find none.
    pub missed: Option<f64>,
}

/// A row of something counted.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Counted {
    /// What.
    pub label: String,
    /// How many, in words.
    pub number: String,
    /// The share of the largest.
    pub share: f64,
    /// What the filter takes to keep it; empty where it cannot.
    pub term: String,
}

/// A number of the web-server view.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Number {
    /// What.
    pub label: &'static str,
    /// With its unit.
    pub value: String,
    /// Over its limit.
    pub bad: bool,
}

/// A table of the web-server view.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Table {
    /// Its title.
    pub title: &'static str,
    /// What its number is.
    pub head: &'static str,
    /// Its rows, the largest first.
    pub rows: Vec<Counted>,
}

/// What web servers did.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Web {
    /// Requests, rate, errors, quantiles, bytes.
    pub numbers: Vec<Number>,
    /// What is to be known of the clients.
    pub caution: String,
    /// Paths, statuses, clients, agents, referrers, slowest, most failing.
    pub tables: Vec<Table>,
}
