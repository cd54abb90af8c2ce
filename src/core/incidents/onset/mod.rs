//! When it began: the moment at which a series of values became worse for good, before the alert fired.
//!
//! An alert fires late: after so many failures, after its `for`. What changed is looked for around the *onset*, so it is estimated
//! from what was measured. The model is one step from one level to a worse one (all ramps and recoveries are told apart, see below):
//!
//! 1. The split into *before* and *after* is the one with the least sum of absolute deviations from the two medians (the L1 cost of
//!    change-point detection, as in Bai, "Estimation of multiple-regime regressions with least absolutes deviation", 1998). One
//!    spike, however high, costs the same on either side, and so moves nothing.
//! 2. Where the best split is one to the better, the series is an earlier trouble that ended: what comes after it is looked at.
//! 3. The step counts when values after it are higher than those before in at least `HIGHER` of all pairs (the effect size A of
//!    Vargha and Delaney, 2000), by more than what matters ([`Series::floor`]) and than `TIMES` of the level before, and when so
//!    many ranks would come about by chance less often than `CHANCE` times (two-sample rank test of Mann and Whitney, 1947; exact
//!    where a side has fewer than `EXACT` values, by the normal approximation elsewhere; Bonferroni's correction for the splits
//!    that were tried).
//! 4. It is a *ramp* and no step when the values right around the split differ by less than `SHARP` of what the levels differ by.
//!
//! The moment is then the first bad value, reached by going back from the split while values lie beyond Tukey's fence of those
//! before, and by `LEFT` of the step beyond their level. It lies between that value and the last good one: a change in between may be what did it.
use super::super::time::Timestamp;

mod rank;
mod state;
#[cfg(test)]
mod tests;

pub use state::{Estimate, Looked, estimate, estimate_on};

/// Values that must lie before a step.
const BEFORE: usize = 5;
/// Values that must lie after it, the split's own among them.
const AFTER: usize = 2;
/// Newest values that are looked at: the cost grows with their square.
const LOOKED: usize = 240;
/// Share of pairs in which the later value must be the higher.
const HIGHER: f64 = 0.8;
/// By what the level must be higher, as a part of what it was.
const TIMES: f64 = 0.25;
/// How likely ranks like these may be by chance.
const CHANCE: f64 = 0.05;
/// Below so many values on a side the test is exact.
const EXACT: usize = 8;
/// Part of the step that must lie between neighbours.
const SHARP: f64 = 0.5;
/// Values on each side that are the neighbours.
const NEAR: usize = 3;
/// Part of the step that a value must be above the level before to belong to the step.
const LEFT: f64 = 0.2;
/// A gap is what lasts so many times longer than values usually lie apart.
const GAP: i64 = 3;

/// Values by time. Greater is worse; what was not measured is not in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// What they are: `latency of page`.
    pub what: String,
    /// How a value is written.
    pub unit: Unit,
    /// By how much a level must rise to matter.
    pub floor: f64,
    /// When, and what. In any order.
    pub values: Vec<(Timestamp, f64)>,
}

/// How a value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// `180 ms`.
    Milliseconds,
    /// `91 %`.
    Percent,
    /// A part of checks that failed, from 0 to 1: `2 of 10 failed` is `20 % failed`.
    Failed,
    /// `1.4`.
    Plain,
}

/// When it began, and by what that is known.
#[derive(Clone, Debug, PartialEq)]
pub struct Onset {
    /// The first bad value.
    pub at: Timestamp,
    /// The last good one: it began between the two.
    pub not_before: Timestamp,
    /// From which series.
    pub what: String,
    /// How its values are written.
    pub unit: Unit,
    /// The level before: the median.
    pub before: f64,
    /// The level after.
    pub after: f64,
    /// Whether nothing was measured for long right before it, so that it may have begun earlier.
    pub gap: bool,
}

/// Why no onset can be told.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum NoOnset {
    /// Too few values.
    #[error("{of} values before the alert, {wanted} are needed")]
    TooFew {
        /// How many there are.
        of: usize,
        /// How many would do.
        wanted: usize,
    },
    /// Every value is the same.
    #[error("all {of} values are the same")]
    Constant {
        /// How many there are.
        of: usize,
    },
    /// They differ, but no level is worse than another.
    #[error("no step to the worse")]
    NoStep,
    /// They get worse little by little.
    #[error("it got worse little by little, from {from:.0} to {to:.0}")]
    Ramp {
        /// The level of the better part.
        from: f64,
        /// Of the worse one.
        to: f64,
    },
}

impl Unit {
    /// Writes a value.
    pub fn write(self, value: f64) -> String {
        match self {
            Self::Milliseconds if value >= 10_000.0 => format!("{:.1} s", value / 1_000.0),
            Self::Milliseconds => format!("{value:.0} ms"),
            Self::Percent => format!("{value:.1} %"),
            Self::Failed => format!("{:.0} % failed", value * 100.0),
            Self::Plain => format!("{value:.1}"),
        }
    }
}

impl Onset {
    /// Says what is seen: `latency of page 180 ms → 9.8 s`.
    pub fn words(&self) -> String {
        format!("{} {} → {}", self.what, self.unit.write(self.before), self.unit.write(self.after))
    }
}

/// Estimates when a series became worse before (or when) an alert fired.
///
/// # Errors
/// When no step can be told, and why.
pub fn step(series: &Series, fired: Timestamp) -> Result<Onset, NoOnset> {
    let mut values: Vec<(Timestamp, f64)> =
        series.values.iter().copied().filter(|(at, value)| *at <= fired && value.is_finite()).collect();
    values.sort_by_key(|(at, _)| *at);
    values.dedup_by_key(|(at, _)| *at);
    let mut rest = values.get(values.len().saturating_sub(LOOKED)..).unwrap_or_default();
    let all = rest.len();
    let wanted = BEFORE + AFTER;
    loop {
        if rest.len() < wanted {
            return Err(if all < wanted { NoOnset::TooFew { of: all, wanted } } else { NoOnset::NoStep });
        }
        let only: Vec<f64> = rest.iter().map(|(_, value)| *value).collect();
        let (least, most) = only.iter().fold((f64::MAX, f64::MIN), |(a, b), value| (a.min(*value), b.max(*value)));
        if most - least <= 0.0 {
            return Err(if all == rest.len() { NoOnset::Constant { of: all } } else { NoOnset::NoStep });
        }
        let Some(split) = split(&only) else { return Err(NoOnset::NoStep) };
        let Some((before, after)) = only.split_at_checked(split) else { return Err(NoOnset::NoStep) };
        let (from, to) = (median(before), median(after));
        if to < from {
            // An earlier trouble that ended.
            rest = rest.get(split..).unwrap_or_default();
            continue;
        }
        return judge(series, rest, (before, after), (from, to));
    }
}

fn judge(
    series: &Series,
    values: &[(Timestamp, f64)],
    (before, after): (&[f64], &[f64]),
    (from, to): (f64, f64),
) -> Result<Onset, NoOnset> {
    let rise = to - from;
    let matters = rise > 0.0 && rise >= series.floor && rise >= TIMES * from.abs();
    let pairs = rank::pairs_won(before, after);
    if !matters || pairs / (before.len() * after.len()) as f64 <= HIGHER {
        return Err(NoOnset::NoStep);
    }
    let tried = (before.len() + after.len()).saturating_sub(BEFORE + AFTER) + 1;
    if rank::chance(before.len(), after.len(), pairs) * tried as f64 > CHANCE {
        return Err(NoOnset::NoStep);
    }
    let near = median(after.get(..NEAR).unwrap_or(after))
        - median(before.get(before.len().saturating_sub(NEAR)..).unwrap_or(before));
    if near < SHARP * rise {
        return Err(NoOnset::Ramp { from, to });
    }
    let fence = fence(before).max(from + LEFT * rise);
    let mut first = before.len();
    while first > BEFORE.min(before.len()) && before.get(first - 1).is_some_and(|value| *value > fence) {
        first -= 1;
    }
    let at = |index: usize| values.get(index).map(|(at, _)| *at);
    let (Some(at), Some(not_before)) = (at(first), first.checked_sub(1).and_then(at)) else {
        return Err(NoOnset::NoStep);
    };
    let mut apart: Vec<f64> =
        values.windows(2).filter_map(|pair| Some((pair.last()?.0.since(pair.first()?.0)) as f64)).collect();
    let gap = at.since(not_before) as f64 > median_of(&mut apart) * GAP as f64;
    Ok(Onset { at, not_before, what: series.what.clone(), unit: series.unit, before: from, after: to, gap })
}

/// Finds the split with the least absolute deviations: the index of the first value after it.
fn split(values: &[f64]) -> Option<usize> {
    let last = values.len().checked_sub(AFTER)?;
    let cost = |part: &[f64]| {
        let middle = median(part);
        part.iter().map(|value| (value - middle).abs()).sum::<f64>()
    };
    let costs = (BEFORE..=last).filter_map(|at| {
        let (before, after) = values.split_at_checked(at)?;
        Some((at, cost(before) + cost(after)))
    });
    costs.min_by(|a, b| a.1.total_cmp(&b.1)).map(|(at, _)| at)
}

/// Tukey's upper fence: the third quartile and one and a half times the distance between the quartiles.
fn fence(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = |quarter: usize| sorted.get(sorted.len().saturating_sub(1) * quarter / 4).copied().unwrap_or_default();
    at(3) + 1.5 * (at(3) - at(1))
}

fn median(values: &[f64]) -> f64 {
    median_of(&mut values.to_vec())
}

/// The median; of two in the middle their mean, of nothing 0.
fn median_of(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    let upper = values.get(values.len() / 2).copied().unwrap_or_default();
    if values.len().is_multiple_of(2) {
        let lower = values.len().checked_sub(2).and_then(|at| values.get(at / 2)).copied().unwrap_or(upper);
        f64::midpoint(lower, upper)
    } else {
        upper
    }
}
