//! How much of the time a service was up: exact, and honest about what is not known.
//!
//! # The formula
//!
//! For every millisecond *t* and every check of a service, [`verdict`](super::verdict) says what is known: up, degraded,
//! down (dated back to the first of the failures that confirmed it), or nothing. The service at *t* is then
//!
//! 1. *maintenance* inside a declared window, whatever the checks say;
//! 2. *unknown* if nobody was recording: no result of **any** of its checks, whatever its outcome, lies in the last
//!    2 × interval + time-out of its quickest check. So a certificate that is looked at twice a day does not vouch for a
//!    night in which the recorder was off;
//! 3. else as bad as its worst known check: *down*, *degraded*, *up*;
//! 4. *unknown* if nothing is known of any check. One check that could not be made beside others that are up leaves the
//!    service up: it says nothing about it. The row shows how many of the checks are unknown.
//!
//! A stretch of time divides into milliseconds of each: a [`Split`]. Degraded counts as up, and
//!
//! > uptime = Σ (up + degraded) ÷ Σ (up + degraded + down)
//!
//! over all milliseconds, and over all services for the overall figure: unknown and maintenance stand in neither sum. The
//! quotient is taken in integers and **truncated** to thousandths of a percent: 99.9999 % is `99.999`. `100.00` is written
//! only where nothing was down (one millisecond in 90 days is `99.999`). Without a known millisecond there is no figure:
//! `None`, shown as `?`.
//!
//! # Buckets
//!
//! What is final moves from runs of results into buckets: hours of UTC, kept to serve the last 24 hours and another time
//! zone, and days of the display time zone. Both are cut from the same runs, so a day is exact to the millisecond in zones
//! with offsets of 30 or 45 minutes too, and on days of 23 or 25 hours. An hour is final once it is over, the slowest
//! answer of it must be in, and no row of failures that began in it can still turn into downtime. Before that it is
//! part of the *remainder*, which is computed from runs at each reading and is the same figure.
//!
//! # Windows
//!
//! * **24 h**: from the start of the hour 24 hours before the current one to now: the last 24 full hours and the running one.
//! * **7 d, 30 d, 90 d**: whole days of the display time zone, today included up to now: today and the 6, 29 or 89 days
//!   before it. So 90 d is exactly what the 90 cells beside it show.
//!
//! # Edges
//!
//! * *Gap, restart, suspension*: unknown from the end of the last hold to the next result.
//! * *Clock goes forward*: the same as a gap, since results are dated in UTC.
//! * *Clock goes back*: time that was already accounted for is not counted twice; counting goes on where it had stopped.
//!   What was not final yet is measured anew. Live states follow the new clock at once. Of a clock that had been more
//!   than a day ahead, what it made final in that future is forgotten, and stored history is read again.
//! * *Overlapping recorders*: results merge by (check, slot), the first wins; results in between only make the record finer.
//! * *Restart, take-over*: stored hours and days say up to where all is final; from there on the stored results are
//!   folded again and give the same figures.
//! * *Imported days* fill what was not recorded here: of a day with 6 hours of own record, the other 18 hours take the
//!   shares of the imported day. Own data win where they exist. Where two imports speak of the same
//!   stretch, the one that knows more of it is taken; where they overlap otherwise, both have their part. Imported days have no hours: the 24 h figure is own record only.
//! * *Another display time zone*: own days that do not match its borders are ignored, and made again from hours; an hour
//!   that straddles a border is divided by length. Days recorded from then on are exact.
use std::{collections::BTreeMap, fmt};

use super::{
    Split,
    days::Calendar,
    verdict::{Level, Run},
};
use crate::core::{
    id::ServiceId,
    record::{Bucket, Row},
    time::{DAY, HOUR, Timestamp},
};

#[cfg(test)]
mod tests;

/// Hours that are kept for the last 24 h, the running one not counted, and a little more for late hours.
const HOURS_KEPT: i64 = 27 * HOUR;
/// Days that are kept.
const DAYS_KEPT: i64 = 93 * DAY;
/// A year and a bit: further back nothing is made final after an absence.
const FURTHEST: i64 = 400 * DAY;

/// Uptime in thousandths of a percent, truncated; 100,000 only where nothing was down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Percent(u32);

impl Percent {
    /// Returns the thousandths of a percent, 0 to 100,000.
    pub fn thousandths(self) -> u32 {
        self.0
    }

    /// Returns percent as a number for JSON.
    pub fn pct(self) -> f64 {
        f64::from(self.0) / 1_000.0
    }
}

impl fmt::Display for Percent {
    /// Writes three decimals, `99.987`, and `100.00` where nothing was down.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 100_000 {
            return f.pad("100.00");
        }
        f.pad(&format!("{}.{:03}", self.0 / 1_000, self.0 % 1_000))
    }
}

impl Split {
    /// Returns milliseconds that count as up: up and degraded.
    pub fn good_ms(&self) -> i64 {
        self.up_ms.saturating_add(self.degraded_ms)
    }

    /// Returns milliseconds that the percentage is of: up, degraded and down.
    pub fn counted_ms(&self) -> i64 {
        self.good_ms().saturating_add(self.down_ms)
    }

    /// Returns milliseconds of which something is known: counted, or maintenance.
    pub fn known_ms(&self) -> i64 {
        self.counted_ms().saturating_add(self.maintenance_ms)
    }

    /// Returns the uptime; none without a counted millisecond.
    pub fn uptime(&self) -> Option<Percent> {
        let (good, all) = (i128::from(self.good_ms()), i128::from(self.counted_ms()));
        if all <= 0 {
            return None;
        }
        // Truncation cannot reach 100,000 while anything was down: good is less than all.
        u32::try_from((good.max(0) * 100_000 / all).min(100_000)).ok().map(Percent)
    }

    /// Adds another stretch.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            up_ms: self.up_ms.saturating_add(other.up_ms),
            degraded_ms: self.degraded_ms.saturating_add(other.degraded_ms),
            down_ms: self.down_ms.saturating_add(other.down_ms),
            maintenance_ms: self.maintenance_ms.saturating_add(other.maintenance_ms),
            unknown_ms: self.unknown_ms.saturating_add(other.unknown_ms),
        }
    }

    /// Takes `part` of `whole` of each share, truncated.
    #[must_use]
    fn share(self, part: i64, whole: i64) -> Self {
        let of = |ms: i64| {
            let scaled = i128::from(ms) * i128::from(part.max(0)) / i128::from(whole.max(1));
            i64::try_from(scaled).unwrap_or(i64::MAX)
        };
        Self {
            up_ms: of(self.up_ms),
            degraded_ms: of(self.degraded_ms),
            down_ms: of(self.down_ms),
            maintenance_ms: of(self.maintenance_ms),
            unknown_ms: of(self.unknown_ms),
        }
    }

    /// Sets unknown to what the known shares leave of a stretch.
    #[must_use]
    fn within(self, length_ms: i64) -> Self {
        Self { unknown_ms: length_ms.saturating_sub(self.known_ms()).max(0), ..self }
    }
}

/// A stretch of time, its end exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// Its start.
    pub from: Timestamp,
    /// Its end, exclusive.
    pub to: Timestamp,
}

impl Span {
    /// Makes a span; an end before the start makes it empty.
    pub fn new(from: Timestamp, to: Timestamp) -> Self {
        Self { from, to: to.max(from) }
    }

    /// Returns its length in milliseconds.
    pub fn ms(self) -> i64 {
        self.to.since(self.from)
    }

    /// Returns what two spans share.
    #[must_use]
    pub fn overlap(self, other: Self) -> Self {
        Self::new(self.from.max(other.from), self.to.min(other.to))
    }
}

/// What is known of a service's time that is not final yet, as slices of runs.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    /// What is known of each check.
    pub checks: &'a [&'a dyn Runs],
    /// When somebody was recording.
    pub recorded: &'a Spans,
    /// Planned work.
    pub maintenance: &'a [Span],
}

/// Something that knows runs.
pub trait Runs: fmt::Debug {
    /// Calls back with each run, in order.
    fn each(&self, visit: &mut dyn FnMut(&Run));
}

impl Runs for super::verdict::Track {
    fn each(&self, visit: &mut dyn FnMut(&Run)) {
        self.runs().for_each(visit);
    }
}

impl Evidence<'_> {
    /// Divides a stretch by the formula of this module.
    pub fn measure(&self, span: Span) -> Split {
        #[derive(Default)]
        struct Depth {
            up: i32,
            degraded: i32,
            down: i32,
            recorded: i32,
            maintenance: i32,
        }
        #[derive(Clone, Copy)]
        enum Layer {
            Check(Level),
            Recorded,
            Maintenance,
        }
        let mut edges: Vec<(Timestamp, i32, Layer)> = Vec::new();
        let mut add = |of: Span, layer: Layer| {
            let of = of.overlap(span);
            if of.ms() > 0 {
                edges.push((of.from, 1, layer));
                edges.push((of.to, -1, layer));
            }
        };
        for check in self.checks {
            check.each(&mut |run| add(Span::new(run.from, run.to), Layer::Check(run.level)));
        }
        self.recorded.0.iter().for_each(|of| add(*of, Layer::Recorded));
        self.maintenance.iter().for_each(|of| add(*of, Layer::Maintenance));
        edges.sort_unstable_by_key(|(at, ..)| *at);

        let (mut split, mut depth, mut from) = (Split::default(), Depth::default(), span.from);
        for (at, by, layer) in edges {
            let ms = at.since(from);
            match depth {
                Depth { maintenance: 1.., .. } => split.maintenance_ms += ms,
                Depth { recorded: ..1, .. } => {}
                Depth { down: 1.., .. } => split.down_ms += ms,
                Depth { degraded: 1.., .. } => split.degraded_ms += ms,
                Depth { up: 1.., .. } => split.up_ms += ms,
                Depth { .. } => {}
            }
            from = at;
            match layer {
                Layer::Check(Level::Up) => depth.up += by,
                Layer::Check(Level::Degraded) => depth.degraded += by,
                Layer::Check(Level::Down) => depth.down += by,
                Layer::Recorded => depth.recorded += by,
                Layer::Maintenance => depth.maintenance += by,
            }
        }
        split.within(span.ms())
    }

    /// Returns the first moment from `from` on of which anything is known.
    fn next_known(&self, from: Timestamp) -> Option<Timestamp> {
        let mut next = None;
        let mut see = |span: Span| {
            if span.to > from && next.is_none_or(|next| span.from < next) {
                next = Some(span.from.max(from));
            }
        };
        self.checks.iter().for_each(|check| check.each(&mut |run| see(Span::new(run.from, run.to))));
        self.maintenance.iter().for_each(|span| see(*span));
        next
    }
}

/// Stretches of time in order, merged where they touch.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Spans(Vec<Span>);

impl Spans {
    /// Adds a span, usually at the end.
    pub fn add(&mut self, span: Span) {
        match self.0.last_mut() {
            Some(last) if last.from <= span.from && span.from <= last.to => last.to = last.to.max(span.to),
            Some(last) if last.from > span.from => self.extend([span]),
            _ => self.0.push(span),
        }
    }

    /// Adds many spans in any order.
    pub fn extend(&mut self, spans: impl IntoIterator<Item = Span>) {
        let mut all = std::mem::take(&mut self.0);
        all.extend(spans);
        all.sort_unstable();
        for span in all {
            self.add(span);
        }
    }

    /// Drops what ended before `moment`.
    pub fn drop_before(&mut self, moment: Timestamp) {
        self.0.retain(|span| span.to > moment);
    }

    /// Cuts what lies after `moment`.
    pub fn drop_after(&mut self, moment: Timestamp) {
        self.0.retain(|span| span.from < moment);
        if let Some(last) = self.0.last_mut() {
            last.to = last.to.min(moment);
        }
    }

    /// Says whether a moment lies in one of them.
    pub fn covers(&self, moment: Timestamp) -> bool {
        self.0.iter().rev().any(|span| span.from <= moment && moment < span.to)
    }
}

/// One service's buckets: what is final, and up to where.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ledger {
    settled: Option<Timestamp>,
    hours: BTreeMap<Timestamp, Split>,
    days: BTreeMap<Timestamp, Split>,
    imported: BTreeMap<(Timestamp, i64), (Split, String)>,
    misaligned: bool,
}

impl Ledger {
    /// Returns up to where all is final; none before the first result.
    pub fn settled(&self) -> Option<Timestamp> {
        self.settled
    }

    /// Says where counting starts, if it has not; an earlier moment wins as long as nothing is final.
    pub fn begin(&mut self, moment: Timestamp) {
        let hour = hour_of(moment);
        self.settled = Some(match self.settled {
            Some(settled) if !self.hours.is_empty() => settled,
            Some(settled) => settled.min(hour),
            None => hour,
        });
    }

    /// Takes stored buckets, own and imported, at any time. Of own hours, what is in memory wins: it is the same or newer;
    /// of own days, the one of which more is known.
    pub fn load<'a>(&mut self, buckets: impl Iterator<Item = &'a Bucket>, calendar: &Calendar) {
        let before = self.settled.filter(|_| !self.hours.is_empty());
        let mut stored = BTreeMap::new();
        for bucket in buckets.filter(|bucket| bucket.length_ms > 0) {
            if bucket.source != Bucket::OWN {
                self.import(bucket);
            } else if bucket.length_ms == HOUR && hour_of(bucket.start) == bucket.start {
                self.hours.entry(bucket.start).or_insert(bucket.split);
            } else if calendar.is_day(bucket.start, bucket.length_ms) {
                stored.insert(bucket.start, bucket.split);
            } else {
                self.misaligned = true;
            }
        }
        let loaded = self.hours.last_key_value().map(|(last, _)| *last + HOUR);
        self.settled = before.max(loaded).or(self.settled);
        self.days_of_hours(calendar, &stored);
        for (start, split) in stored {
            let split = self.completed(calendar, start, split);
            let day = self.days.entry(start).or_insert(split);
            // Another process may have made more of the day final, and another zone may have left only a part of it here.
            if day.known_ms() < split.known_ms() {
                *day = split;
            }
        }
    }

    /// Says whether own days were seen that another time zone cut; hours of 90 days make them again.
    pub fn wants_hours(&self) -> bool {
        self.misaligned
    }

    /// Takes an imported stretch.
    pub fn import(&mut self, bucket: &Bucket) {
        let key = (bucket.start, bucket.length_ms);
        let better = self
            .imported
            .get(&key)
            .is_none_or(|(split, source)| *source == bucket.source || split.known_ms() < bucket.split.known_ms());
        if better {
            self.imported.insert(key, (bucket.split, bucket.source.clone()));
        }
    }

    /// Another time zone: days are made again from the hours at hand.
    pub fn recut(&mut self, calendar: &Calendar) {
        self.days.clear();
        self.misaligned = true;
        self.days_of_hours(calendar, &BTreeMap::new());
    }

    /// Brings a stored day up to where the hours are final. Hours and days are read one after the other, and another
    /// process may have written in between; a day's parts add up to how far it was accounted for.
    fn completed(&mut self, calendar: &Calendar, start: Timestamp, split: Split) -> Split {
        let Some(day) = calendar.day_at(start) else { return split };
        let covered = start + split.known_ms().saturating_add(split.unknown_ms);
        if covered >= day.to {
            return split;
        }
        self.settled = self.settled.max(Some(hour_of(covered)));
        let rest = Span::new(covered, day.to);
        self.hours.range(hour_of(covered)..day.to).fold(split, |sum, (hour, of)| {
            let part = Span::new(*hour, *hour + HOUR).overlap(rest).ms();
            sum.plus(of.share(part, HOUR))
        })
    }

    /// Makes days of hours where no day was stored; hours that straddle a border are divided by length.
    fn days_of_hours(&mut self, calendar: &Calendar, stored: &BTreeMap<Timestamp, Split>) {
        let mut made: BTreeMap<Timestamp, Split> = BTreeMap::new();
        for (start, split) in &self.hours {
            let hour = Span::new(*start, *start + HOUR);
            for day in calendar.days_in(hour) {
                let known = stored.contains_key(&day.from) || (!self.misaligned && self.days.contains_key(&day.from));
                if !known {
                    let part = made.entry(day.from).or_default();
                    *part = part.plus(split.share(day.overlap(hour).ms(), HOUR));
                }
            }
        }
        self.days.extend(made);
    }

    /// Makes final what can be: whole hours up to `limit`. Returns the hours and days that changed.
    pub fn settle(&mut self, evidence: &Evidence<'_>, limit: Timestamp, calendar: &Calendar) -> Vec<Span> {
        let Some(mut settled) = self.settled else { return Vec::new() };
        let mut changed = Vec::new();
        while settled + HOUR <= limit {
            let next = evidence.next_known(settled).unwrap_or(limit).min(limit);
            if next >= settled + HOUR {
                // Nothing is known of a long stretch: there is nothing to write down of it.
                settled = hour_of(next);
                continue;
            }
            let hour = Span::new(settled, settled + HOUR);
            settled = hour.to;
            let split = evidence.measure(hour);
            if split.known_ms() == 0 {
                continue;
            }
            self.hours.insert(hour.from, split);
            changed.push(hour);
            for day in calendar.days_in(hour) {
                let part = evidence.measure(day.overlap(hour));
                let total = self.days.entry(day.from).or_default();
                *total = total.plus(part);
                if !changed.contains(&day) {
                    changed.push(day);
                }
            }
        }
        self.settled = Some(settled);
        changed
    }

    /// Returns rows for hours and days that are final, as [`Ledger::settle`] named them.
    pub fn rows(&self, service: &ServiceId, changed: &[Span]) -> Vec<Row> {
        let settled = self.settled.unwrap_or_default();
        let row = |span: &Span, split: &Split| {
            let elapsed = Span::new(span.from, span.to.min(settled)).ms();
            Row::Bucket(Bucket {
                service: service.clone(),
                start: span.from,
                length_ms: span.ms(),
                split: split.within(elapsed),
                source: Bucket::OWN.to_owned(),
            })
        };
        // An hour-long day does not exist, so the length tells which one is meant.
        changed
            .iter()
            .filter_map(|span| {
                let of = if span.ms() == HOUR { &self.hours } else { &self.days };
                of.get(&span.from).map(|split| row(span, split))
            })
            .collect()
    }

    /// Names all hours and days in memory that end after `from`: a new recorder writes them again, since the one before may
    /// have died between making them final and writing them.
    pub fn all_since(&self, from: Timestamp, calendar: &Calendar) -> Vec<Span> {
        let hours = self.hours.range(from - HOUR..).map(|(start, _)| Span::new(*start, *start + HOUR));
        let days = self.days.range(from - DAY..).filter_map(|(start, _)| calendar.day_at(*start));
        hours.chain(days).collect()
    }

    /// Returns how a stretch of whole hours up to now divides.
    pub fn hours(&self, evidence: &Evidence<'_>, span: Span) -> Split {
        let settled = self.settled.unwrap_or(span.to);
        let fixed = self
            .hours
            .range(span.from..span.to.min(settled))
            .fold(Split::default(), |sum, (_, split)| sum.plus(*split));
        let rest = Span::new(span.from.max(settled), span.to);
        fixed.plus(evidence.measure(rest)).within(span.ms())
    }

    /// Returns how one day divides up to now, and whether imported data are part of it.
    pub fn day(&self, evidence: &Evidence<'_>, day: Span, now: Timestamp) -> (Split, Imported) {
        let elapsed = Span::new(day.from, day.to.min(now));
        let fixed = self.days.get(&day.from).copied().unwrap_or_default();
        let rest = self
            .settled
            .map_or(Span::new(elapsed.to, elapsed.to), |settled| Span::new(day.from.max(settled), elapsed.to));
        let own = if rest.ms() > 0 { fixed.plus(evidence.measure(rest)) } else { fixed };
        // A clock that went back may have counted beyond now.
        let own = own.within(elapsed.ms().max(own.known_ms()));
        if own.unknown_ms == 0 || self.imported.is_empty() {
            return (own, Imported::No);
        }
        let mut fill = Split::default();
        // An imported stretch is at most a few days long.
        for ((start, length), (split, _)) in self.imported.range((day.from - 32 * DAY, 0)..(day.to, 0)) {
            let part = Span::new(*start, *start + *length).overlap(elapsed).ms();
            if part > 0 {
                fill = fill.plus(split.share(part, *length));
            }
        }
        if fill.known_ms() == 0 {
            return (own, Imported::No);
        }
        let all = elapsed.ms();
        let filled = fill.share(own.unknown_ms, all.max(fill.known_ms()));
        (Split { unknown_ms: 0, ..own }.plus(Split { unknown_ms: 0, ..filled }).within(all), Imported::Yes)
    }

    /// Forgets what was made final more than a day ahead of `moment`: the clock had been far ahead, and nothing would be
    /// final until it came by there again. What lies less far ahead stands: counting goes on where it had stopped.
    pub fn forget_after(&mut self, moment: Timestamp) {
        if self.settled.is_some_and(|settled| settled > moment + DAY) {
            self.hours.retain(|start, _| *start < moment);
            self.days.retain(|start, _| *start < moment);
            self.settled = self.hours.last_key_value().map(|(last, _)| *last + HOUR);
        }
    }

    /// Lets go of what no window needs.
    pub fn prune(&mut self, now: Timestamp) {
        let keep_hours = if self.misaligned { DAYS_KEPT } else { HOURS_KEPT };
        self.hours = self.hours.split_off(&(now - keep_hours));
        self.days = self.days.split_off(&(now - DAYS_KEPT));
        self.imported = self.imported.split_off(&(now - DAYS_KEPT, 0));
        self.settled = self.settled.map(|settled| settled.max(hour_of(now - FURTHEST)));
    }
}

/// Whether imported data are part of a figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Imported {
    /// Own record only.
    #[default]
    No,
    /// Imported data fill what was not recorded.
    Yes,
}

/// Returns the start of the hour of UTC that a moment lies in.
pub fn hour_of(moment: Timestamp) -> Timestamp {
    moment - moment.0.rem_euclid(HOUR)
}
