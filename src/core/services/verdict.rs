//! What the results of one check make of it.
//!
//! * The time of a result is its slot. A result holds until the next one, at most 2 × interval + time-out (its *hold*).
//! * Up and degraded hold at once, also as recovery: one good answer is an answer.
//! * A failure is *unconfirmed* until `fail_after` failures stand in a row; then the check is down, **dated back to the
//!   first of them**. Until then, and if the next answer is good, the time counts as what it was before; if nothing was
//!   known before, it is unknown. One short failure is not downtime.
//! * The first failure is tried again at once. The second try is a result of its own, its slot is the first one's plus one
//!   millisecond (no planned slot falls there), and it counts as one of the failures in a row.
//!   Where nothing was known before, every further unconfirmed failure is tried again at once too: who starts the console
//!   while a service is down sees that within a second, not after `fail_after` intervals. Where something was known, they
//!   are tried again after [`SOON`] or the interval, whichever is shorter: long enough for a service that restarts, short
//!   enough that a long interval does not put off the verdict.
//! * Unknown outcomes say nothing about the service: they neither confirm nor clear, as if the check had not been made,
//!   so what was known before holds to the end of its hold and not longer.
//! * Past the hold nothing is known: the row of failures is broken too, since what lies in the gap is not known to be one.
//!
//! Results of several recorders merge by slot: the first to come with a slot counts, the others are the same result again.
//! A late one is put where it belongs as long as it is among the newest [`RECENT`] of its check.
use std::collections::VecDeque;

use super::Outcome;
use crate::core::{
    inventory::CheckSpec,
    time::{SECOND, Timestamp},
};

/// How many results of a check are kept to put late ones in order.
pub const RECENT: usize = 64;

/// Milliseconds after which a failure that was tried again at once, and is still not confirmed, is tried again.
pub const SOON: i64 = 5 * SECOND;

/// What is known of a check, from the best to the worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// All expectations met.
    Up,
    /// Met, but badly.
    Degraded,
    /// Confirmed down.
    Down,
}

/// A stretch of a check's time in which one thing is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// Its start.
    pub from: Timestamp,
    /// Its end, exclusive; the last one's lies ahead while its result holds.
    pub to: Timestamp,
    /// What is known.
    pub level: Level,
}

/// Returns how long a result of a check holds, in milliseconds.
pub fn hold_ms(check: &CheckSpec) -> i64 {
    let ms = check.every_ms.saturating_mul(2).saturating_add(check.timeout_ms);
    // A year is more than any check waits, and keeps sums far from overflow.
    i64::try_from(ms).unwrap_or(i64::MAX).clamp(1, 366 * 86_400 * SECOND)
}

/// Where a check stands after a result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Machine {
    level: Option<Level>,
    /// When the level began.
    since: Timestamp,
    /// Failures in a row that are not confirmed yet.
    streak: u32,
    streak_from: Timestamp,
    /// End of the last result's hold.
    until: Timestamp,
    /// Newest slot, unknown outcomes included.
    newest: Option<Timestamp>,
}

/// What a result changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Took {
    /// Nothing: it was known, or is older than all that is kept.
    Nothing,
    /// It was put in its place.
    Counted {
        /// When it is to be tried again.
        again: Again,
    },
}

/// When a check is tried again after a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Again {
    /// As planned.
    Planned,
    /// At once: the first failure, and any where nothing was known before.
    AtOnce,
    /// After [`SOON`]: a further failure that is not confirmed yet.
    Soon,
}

/// One check's results and what they make of its time.
#[derive(Clone, Debug, PartialEq)]
pub struct Track {
    hold: i64,
    fail_after: u32,
    recent: VecDeque<(Timestamp, Outcome)>,
    base: Machine,
    machine: Machine,
    runs: VecDeque<Run>,
}

impl Track {
    /// Starts with nothing known.
    pub fn new(check: &CheckSpec) -> Self {
        Self {
            hold: hold_ms(check),
            fail_after: check.fail_after.max(1),
            recent: VecDeque::new(),
            base: Machine::default(),
            machine: Machine::default(),
            runs: VecDeque::new(),
        }
    }

    /// Adopts a changed interval, time-out or count for results to come.
    pub fn adopt(&mut self, check: &CheckSpec) {
        self.hold = hold_ms(check);
        self.fail_after = check.fail_after.max(1);
    }

    /// Takes a result, in any order.
    pub fn take(&mut self, slot: Timestamp, outcome: Outcome) -> Took {
        if self.machine.newest.is_none_or(|newest| slot > newest) {
            self.machine = self.step(self.machine, slot, outcome);
            self.recent.push_back((slot, outcome));
            while self.recent.len() > RECENT {
                if let Some((slot, outcome)) = self.recent.pop_front() {
                    // The runs are made already: only the machine moves on.
                    self.base = advance(self.base, slot, outcome, self.hold, self.fail_after);
                }
            }
            let (streak, level) = (self.machine.streak, self.machine.level);
            let unconfirmed = outcome == Outcome::Down && (1..self.fail_after).contains(&streak);
            let again = match unconfirmed {
                true if streak == 1 || level.is_none() => Again::AtOnce,
                true => Again::Soon,
                false => Again::Planned,
            };
            return Took::Counted { again };
        }
        if self.base.newest.is_some_and(|newest| slot <= newest) {
            return Took::Nothing;
        }
        match self.recent.binary_search_by_key(&slot, |(slot, _)| *slot) {
            Ok(_) => Took::Nothing,
            Err(position) => {
                self.recent.insert(position, (slot, outcome));
                self.refold();
                Took::Counted { again: Again::Planned }
            }
        }
    }

    /// Replaces everything by stored results and those already taken, in any order; the first of a slot counts.
    pub fn load(&mut self, stored: impl Iterator<Item = (Timestamp, Outcome)>) {
        let mut all: Vec<_> = stored.chain(self.recent.drain(..)).collect();
        all.sort_by_key(|(slot, _)| *slot);
        all.dedup_by_key(|(slot, _)| *slot);
        (self.base, self.machine) = (Machine::default(), Machine::default());
        self.runs.clear();
        for (slot, outcome) in all {
            self.take(slot, outcome);
        }
    }

    /// Forgets results dated after `moment`: the clock went back, and they stand in the way of what is measured now.
    pub fn forget_after(&mut self, moment: Timestamp) {
        if self.base.newest.is_some_and(|newest| newest > moment) {
            self.recent.clear();
            self.cut(moment);
            (self.base, self.machine) = (Machine::default(), Machine::default());
        } else {
            self.recent.retain(|(slot, _)| *slot <= moment);
            self.cut(moment);
            self.refold();
        }
    }

    /// Drops runs that ended before `moment`; they are accounted for.
    pub fn drop_before(&mut self, moment: Timestamp) {
        while self.runs.front().is_some_and(|run| run.to <= moment) {
            self.runs.pop_front();
        }
    }

    /// Returns what is known at a moment that is not before the newest result.
    pub fn level_at(&self, now: Timestamp) -> Option<Level> {
        self.machine.level.filter(|_| now < self.machine.until)
    }

    /// Returns since when the present level stands.
    pub fn since(&self) -> Timestamp {
        self.machine.since
    }

    /// Returns how many failures stand in a row that are not confirmed.
    pub fn unconfirmed(&self, now: Timestamp) -> u32 {
        if now < self.machine.until { self.machine.streak } else { 0 }
    }

    /// Returns the start of time that a further failure would still turn into downtime.
    pub fn open_from(&self, now: Timestamp) -> Option<Timestamp> {
        (self.unconfirmed(now) > 0).then_some(self.machine.streak_from)
    }

    /// Returns the newest slot, unknown outcomes included.
    pub fn newest(&self) -> Option<Timestamp> {
        self.machine.newest
    }

    /// Returns what is known of its time, in order, without overlap.
    pub fn runs(&self) -> impl Iterator<Item = &Run> {
        self.runs.iter()
    }

    fn refold(&mut self) {
        let from = self.base.newest.map(|_| if self.base.streak > 0 { self.base.streak_from } else { self.base.until });
        let first = self.recent.front().map(|(slot, _)| *slot);
        let Some(first) = from.into_iter().chain(first).min() else {
            self.machine = self.base;
            return;
        };
        self.cut(first);
        if let Some(level) = self.base.level
            && self.base.streak > 0
        {
            self.push(Run { from: self.base.streak_from, to: self.base.until, level });
        } else if let Some(last) = self.runs.back_mut()
            && self.base.level == Some(last.level)
            && last.to == first
            && self.base.until > first
        {
            // Its hold was cut by a result that is being put in order.
            last.to = self.base.until;
        }
        let mut machine = self.base;
        let recent = std::mem::take(&mut self.recent);
        for (slot, outcome) in &recent {
            machine = self.step(machine, *slot, *outcome);
        }
        self.recent = recent;
        self.machine = machine;
    }

    /// Advances the machine by one result and writes the runs.
    fn step(&mut self, before: Machine, slot: Timestamp, outcome: Outcome) -> Machine {
        let after = advance(before, slot, outcome, self.hold, self.fail_after);
        if outcome == Outcome::Unknown {
            return after;
        }
        let confirmed = outcome == Outcome::Down && after.streak == 0 && before.streak > 0 && slot <= before.until;
        let from = if confirmed { before.streak_from } else { slot };
        self.cut(from);
        if let Some(level) = after.level {
            self.push(Run { from, to: after.until, level });
        }
        after
    }

    fn cut(&mut self, at: Timestamp) {
        while self.runs.back().is_some_and(|run| run.from >= at) {
            self.runs.pop_back();
        }
        if let Some(last) = self.runs.back_mut() {
            last.to = last.to.min(at);
        }
    }

    fn push(&mut self, run: Run) {
        match self.runs.back_mut() {
            Some(last) if last.level == run.level && last.to == run.from => last.to = run.to,
            _ => self.runs.push_back(run),
        }
    }
}

/// Returns where a check stands after one more result.
fn advance(before: Machine, slot: Timestamp, outcome: Outcome, hold: i64, fail_after: u32) -> Machine {
    if outcome == Outcome::Unknown {
        return Machine { newest: Some(slot), ..before };
    }
    let holds = before.newest.is_some() && slot <= before.until;
    let before = if holds { before } else { Machine { level: None, streak: 0, ..before } };
    let next = Machine { until: slot + hold, newest: Some(slot), ..before };
    let begun = |level| if before.level == Some(level) { before.since } else { slot };
    match outcome {
        Outcome::Up => Machine { level: Some(Level::Up), since: begun(Level::Up), streak: 0, ..next },
        Outcome::Degraded => Machine { level: Some(Level::Degraded), since: begun(Level::Degraded), streak: 0, ..next },
        Outcome::Unknown => next,
        Outcome::Down if before.level == Some(Level::Down) => next,
        Outcome::Down => {
            let streak = before.streak.saturating_add(1);
            let streak_from = if before.streak == 0 { slot } else { before.streak_from };
            if streak >= fail_after {
                Machine { level: Some(Level::Down), since: streak_from, streak: 0, streak_from, ..next }
            } else {
                Machine { streak, streak_from, ..next }
            }
        }
    }
}
