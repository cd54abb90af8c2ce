//! When each check starts.
//!
//! A check starts at *slots*: moments in UTC that are its interval apart, aligned to its *phase*. The phase is a hash of
//! its id modulo the interval, so that load is spread without a random number, stays where it is on reload, and two
//! recorders compute the same slots. The slot, with the check, is the key of the result.
//!
//! What has no recent result (a new check, a new recorder, the end of a suspension, a clock that went forward) does not
//! wait for its phase: it is *caught up* by one start of its own, 10 ms after the one before, so that ten checks are
//! known within a tenth of a second and 2,000 do not burst. The slot of such a start is its own planned moment, since
//! a result must not be dated before it was measured. A slot that is more than a second late is not run: the check is
//! caught up instead. When the clock goes back, all checks are aligned anew, so that none waits for the old future.
use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use sha2::{Digest, Sha256};

use crate::core::{
    id::CheckId,
    inventory::CheckSpec,
    time::{Now, Timestamp},
};

/// Milliseconds between two starts that catch up.
const STAGGER: i64 = 10;
/// Milliseconds after which a slot counts as missed.
const LATE: i64 = 1_000;
/// Milliseconds by which the wall clock may go back before checks are aligned anew.
const BACK: i64 = 1_000;

/// A check that is to start.
#[derive(Clone, Debug, PartialEq)]
pub struct Start {
    /// The check.
    pub check: Arc<CheckSpec>,
    /// Its slot: the planned start, and the key of the result.
    pub slot: Timestamp,
}

/// Plans the starts of all checks; O(log n) a start.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Schedule {
    entries: Vec<Entry>,
    index: HashMap<CheckId, usize>,
    queue: BTreeSet<(Timestamp, usize)>,
    caught_up: Timestamp,
    read: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq)]
struct Entry {
    check: Arc<CheckSpec>,
    every: i64,
    phase: i64,
    at: Timestamp,
}

impl Entry {
    fn new(check: Arc<CheckSpec>) -> Self {
        let every = i64::try_from(check.every_ms).unwrap_or(i64::MAX).max(1);
        let phase = phase(&check.id, every);
        Self { check, every, phase, at: Timestamp(i64::MAX) }
    }

    /// Returns the first slot after `moment`.
    fn slot_after(&self, moment: Timestamp) -> Timestamp {
        let into = moment.0.saturating_sub(self.phase).rem_euclid(self.every);
        moment + (self.every - into)
    }
}

/// Returns where in its interval a check starts, in milliseconds: stable over processes, machines and versions.
pub fn phase(check: &CheckId, every_ms: i64) -> i64 {
    let digest = Sha256::digest(check.to_string().as_bytes());
    let number = digest.iter().take(7).fold(0_i64, |number, byte| (number << 8) | i64::from(*byte));
    number.rem_euclid(every_ms.max(1))
}

impl Schedule {
    /// Takes over a new list of checks. A check whose id and interval are unchanged keeps its phase and its next start.
    pub fn reconcile<'a>(&mut self, checks: impl Iterator<Item = &'a Arc<CheckSpec>>, now: Now) {
        let old: HashMap<CheckId, Entry> =
            self.entries.drain(..).map(|entry| (entry.check.id.clone(), entry)).collect();
        self.index.clear();
        self.queue.clear();
        for check in checks {
            let mut entry = Entry::new(Arc::clone(check));
            entry.at = match old.get(&check.id) {
                Some(before) if before.every == entry.every => before.at,
                _ => entry.slot_after(now.utc),
            };
            if self.index.insert(check.id.clone(), self.entries.len()).is_none() {
                self.queue.insert((entry.at, self.entries.len()));
                self.entries.push(entry);
            }
        }
    }

    /// Lets every check whose newest result is older than its interval catch up.
    pub fn catch_up(&mut self, now: Now, newest: impl Fn(&CheckId) -> Option<Timestamp>) {
        for position in 0..self.entries.len() {
            let Some(entry) = self.entries.get(position) else { continue };
            let fresh = newest(&entry.check.id).is_some_and(|slot| now.utc.since(slot).abs() < entry.every);
            if !fresh {
                let regular = entry.slot_after(now.utc);
                let at = self.staggered(now.utc).min(regular);
                self.move_to(position, at);
            }
        }
    }

    /// Starts one check at the next tick, whatever its slot: somebody asked.
    pub fn at_once(&mut self, check: &CheckId, now: Now) {
        if let Some(position) = self.index.get(check).copied() {
            let at = self.staggered(now.utc);
            self.move_to(position, at);
        }
    }

    /// Starts one check after so many milliseconds, unless it starts before that anyway.
    pub fn sooner(&mut self, check: &CheckId, after: i64, now: Now) {
        if let Some(position) = self.index.get(check).copied()
            && let Some(entry) = self.entries.get(position)
        {
            let at = entry.at.min(now.utc + after);
            self.move_to(position, at);
        }
    }

    /// Takes out what is due. Called at least every 100 ms, a start is at most that late.
    pub fn due(&mut self, now: Now) -> Vec<Start> {
        if self.read.is_some_and(|read| read.since(now.utc) > BACK) {
            self.align(now);
        }
        self.read = Some(now.utc);
        let mut starts = Vec::new();
        while let Some((at, position)) = self.queue.first().copied().filter(|(at, _)| *at <= now.utc) {
            let Some(entry) = self.entries.get(position) else {
                self.queue.pop_first();
                continue;
            };
            let regular = entry.slot_after(now.utc);
            if now.utc.since(at) > LATE {
                let next = self.staggered(now.utc).min(regular);
                self.move_to(position, next);
            } else {
                starts.push(Start { check: Arc::clone(&entry.check), slot: at });
                self.move_to(position, regular);
            }
        }
        starts
    }

    /// Returns the next start of all.
    pub fn next(&self) -> Option<Timestamp> {
        self.queue.first().map(|(at, _)| *at)
    }

    /// Returns a check's next start.
    pub fn next_of(&self, check: &CheckId) -> Option<Timestamp> {
        self.index.get(check).and_then(|position| self.entries.get(*position)).map(|entry| entry.at)
    }

    fn align(&mut self, now: Now) {
        self.caught_up = Timestamp(0);
        for position in 0..self.entries.len() {
            if let Some(at) = self.entries.get(position).map(|entry| entry.slot_after(now.utc)) {
                self.move_to(position, at);
            }
        }
    }

    fn staggered(&mut self, now: Timestamp) -> Timestamp {
        self.caught_up = now.max(self.caught_up + STAGGER);
        self.caught_up
    }

    fn move_to(&mut self, position: usize, at: Timestamp) {
        if let Some(entry) = self.entries.get_mut(position) {
            self.queue.remove(&(entry.at, position));
            entry.at = at;
            self.queue.insert((at, position));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::{
        services::testing::{check, id},
        time::{HOUR, Mono, SECOND},
    };

    fn at(utc: i64) -> Now {
        Now { utc: Timestamp(utc), mono: Mono(0) }
    }

    fn many(count: usize, every: i64) -> Vec<Arc<CheckSpec>> {
        (0..count).map(|n| check(&format!("s{}@prod/c{n}", n / 10), every, 10 * SECOND, 3)).collect()
    }

    const T0: i64 = 1_700_000_000_123;

    #[test]
    fn two_thousand_checks_are_never_a_second_late_and_never_burst() {
        let checks = many(2_000, 30 * SECOND);
        let mut schedule = Schedule::default();
        schedule.reconcile(checks.iter(), at(T0));
        let (mut started, mut worst, mut most) = (0, 0, 0);
        let mut last: HashMap<CheckId, Timestamp> = HashMap::new();
        for tick in 0..36_000 {
            let now = at(T0 + tick * 100);
            let starts = schedule.due(now);
            most = most.max(starts.len());
            for start in starts {
                worst = worst.max(now.utc.since(start.slot));
                if let Some(before) = last.insert(start.check.id.clone(), start.slot) {
                    assert_eq!(start.slot.since(before), 30 * SECOND);
                }
                started += 1;
            }
        }
        assert!((0..=100).contains(&worst), "{worst} ms late");
        assert!((239_990..=240_010).contains(&started), "{started} starts");
        // 6.7 a tick on average: spread, not in a lump.
        assert!(most <= 30, "{most} at once");
    }

    #[test]
    fn two_recorders_compute_the_same_slots() {
        let checks = many(20, 30 * SECOND);
        let slots = |begin: i64| {
            let mut schedule = Schedule::default();
            schedule.reconcile(checks.iter(), at(begin));
            let mut slots = BTreeSet::new();
            for tick in 0..1_200 {
                let now = at(begin + tick * 100);
                slots.extend(schedule.due(now).into_iter().map(|start| (start.slot, start.check.id.clone())));
            }
            slots.retain(|(slot, _)| (T0 + 60 * SECOND..T0 + 90 * SECOND).contains(&slot.0));
            slots
        };
        assert_eq!(slots(T0).len(), 20);
        assert_eq!(slots(T0), slots(T0 + 777));
    }

    #[test]
    fn without_a_result_a_check_does_not_wait_for_its_phase() {
        let checks = many(2_000, HOUR);
        let mut schedule = Schedule::default();
        schedule.reconcile(checks.iter(), at(T0));
        schedule.catch_up(at(T0), |id| (id.check.as_str() == "c0").then_some(Timestamp(T0 - 1)));
        let mut total = 0;
        for tick in 0..=200 {
            let starts = schedule.due(at(T0 + tick * 100));
            assert!(starts.len() <= 15, "{} at once", starts.len());
            assert!(starts.iter().all(|start| start.check.id.check.as_str() != "c0"), "it has a result");
            total += starts.len();
        }
        assert!(total >= 1_990, "{total}");
    }

    #[test]
    fn a_clock_that_jumps_neither_stalls_nor_bursts() {
        for jump in [-3 * HOUR, -10 * SECOND, 20 * SECOND, 3 * HOUR] {
            let checks = many(600, 30 * SECOND);
            let mut schedule = Schedule::default();
            schedule.reconcile(checks.iter(), at(T0));
            for tick in 0..600 {
                schedule.due(at(T0 + tick * 100));
            }
            let mut seen: HashMap<CheckId, u32> = HashMap::new();
            for tick in 600..930 {
                let starts = schedule.due(at(T0 + tick * 100 + jump));
                assert!(starts.len() <= 40, "{} at once after a jump of {jump}", starts.len());
                for start in &starts {
                    *seen.entry(start.check.id.clone()).or_default() += 1;
                }
            }
            assert_eq!(seen.len(), 600, "every check ran within 33 s after a jump of {jump}");
            assert!(seen.values().all(|times| *times <= 3), "none ran again and again");
        }
    }

    #[test]
    fn a_reload_keeps_the_phase_of_what_did_not_change() {
        let mut schedule = Schedule::default();
        let before = [check("a@p/x", 30 * SECOND, 1, 1), check("a@p/y", 30 * SECOND, 1, 1)];
        schedule.reconcile(before.iter(), at(T0));
        let kept = schedule.next_of(&id("a@p/x"));
        let after = [check("a@p/z", 5 * SECOND, 1, 1), check("a@p/x", 30 * SECOND, 9, 2)];
        schedule.reconcile(after.iter(), at(T0 + 3));
        assert_eq!(schedule.next_of(&id("a@p/x")), kept);
        assert_eq!(schedule.next_of(&id("a@p/y")), None);
        assert_eq!(schedule.entries.len(), 2);
        assert!(schedule.next().is_some_and(|next| next.since(Timestamp(T0)) <= 5 * SECOND));
        let (one, two) = (schedule.due(at(T0 + 30 * SECOND)), schedule.due(at(T0 + 30 * SECOND + 20)));
        assert_eq!(one.len() + two.len(), 2, "overdue ones are caught up");
        schedule.at_once(&id("a@p/x"), at(T0 + 31 * SECOND));
        assert!(schedule.due(at(T0 + 31 * SECOND)).iter().any(|start| start.check.id == id("a@p/x")));
    }
}
