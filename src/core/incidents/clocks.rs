//! Clocks of an incident: what was promised, and how long that still is.
use super::{
    Incident,
    policy::{Policy, SeverityPolicy},
};
use crate::core::time::Timestamp;

/// What was promised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ClockKind {
    /// That somebody takes it.
    Acknowledge,
    /// That people are told.
    FirstUpdate,
    /// That people are told again.
    Update,
    /// That users are helped.
    Mitigate,
    /// That its document is whole.
    Document,
}

impl ClockKind {
    /// Returns it in a word or two.
    pub fn word(self) -> &'static str {
        match self {
            Self::Acknowledge => "acknowledge",
            Self::FirstUpdate => "first update",
            Self::Update => "update",
            Self::Mitigate => "mitigate",
            Self::Document => "document",
        }
    }

    /// Returns it in a word, for where room is short.
    pub fn short(self) -> &'static str {
        match self {
            Self::Acknowledge => "ack",
            Self::FirstUpdate | Self::Update => "update",
            Self::Mitigate => "mitigate",
            Self::Document => "document",
        }
    }
}

/// A clock: since when, until when, and when it was met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    /// What was promised.
    pub kind: ClockKind,
    /// Since when it runs.
    pub from: Timestamp,
    /// Until when it is to be met.
    pub due: Timestamp,
    /// When it was.
    pub met: Option<Timestamp>,
}

impl Clock {
    /// Says how many milliseconds are left; none once it was met.
    pub fn left(&self, now: Timestamp) -> Option<i64> {
        // A wall clock that was set back gives no more time than was promised.
        self.met.is_none().then(|| self.due.since(now).min(self.due.since(self.from)))
    }

    /// Says whether it was met too late, or is not met and late.
    pub fn is_late(&self, now: Timestamp) -> bool {
        self.met.unwrap_or(now) > self.due
    }
}

/// For so many milliseconds after its end an incident comes back by itself, however short it is watched.
const AGAIN_MS: u64 = 3_600_000;

impl Incident {
    /// Returns its clocks, those that are met included. One that was merged into another has none.
    pub fn clocks(&self, policy: &Policy) -> Vec<Clock> {
        let of = policy.of(self.severity);
        let mut clocks = Vec::new();
        let mut add = |kind, from: Timestamp, limit: Option<u64>, met: Option<Timestamp>| {
            if let Some(due) = limit.and_then(|limit| due(policy, of, from, limit)) {
                clocks.push(Clock { kind, from, due, met });
            }
        };
        if self.merged_into.is_some() {
            return clocks;
        }
        // What is over without anybody's doing asks for no word any more; nor is one said to have been given.
        let over = self.resolved;
        let mut asked = |kind, limit, met: Option<Timestamp>| {
            if met.is_some() || over.is_none() {
                add(kind, self.opened, limit, met);
            }
        };
        asked(ClockKind::Acknowledge, of.ack_ms, self.acknowledged);
        asked(ClockKind::FirstUpdate, of.first_update_ms, self.told.first().map(|told| told.at));
        if let (Some(last), None) = (self.told.last(), over) {
            add(ClockKind::Update, last.at, of.update_every_ms, None);
        }
        add(ClockKind::Mitigate, self.opened, of.mitigate_ms, self.mitigated.or(over));
        if let Some(over) = over {
            add(ClockKind::Document, over, of.document_ms, self.closed);
        }
        clocks
    }

    /// Returns the clock that runs out next, or ran out first.
    pub fn next_clock(&self, policy: &Policy) -> Option<Clock> {
        self.clocks(policy).into_iter().filter(|clock| clock.met.is_none()).min_by_key(|clock| clock.due)
    }

    /// Says how long, in milliseconds, it still has to be well before it counts as mended; none while it is not well.
    pub fn bake_left(&self, policy: &Policy, now: Timestamp) -> Option<u64> {
        let well = self.resolved?;
        // A clock that was set back makes it no longer than the whole.
        let gone = u64::try_from(now.since(well)).unwrap_or(0);
        Some(policy.bake_ms.saturating_sub(gone))
    }

    /// Says whether what breaks now is this once more: it is being validated, and was over a short while ago, or is still watched
    /// whether it stays well. What breaks later is another incident, though nobody has written this one up.
    pub fn may_come_back(&self, policy: &Policy, at: Timestamp) -> bool {
        let watched = policy.bake_ms.max(AGAIN_MS);
        let lately = |well: Timestamp| u64::try_from(at.since(well)).unwrap_or(0) < watched;
        self.is_owed() && self.phase == super::Phase::Validate && self.resolved.is_some_and(lately)
    }

    /// Says whether it belongs to the present: it is open, or it is still watched whether it stays well.
    pub fn is_present(&self, policy: &Policy, now: Timestamp) -> bool {
        self.is_open() || (self.is_owed() && self.bake_left(policy, now).is_some_and(|left| left > 0))
    }

    /// Says whether the next person is to be called by itself: nothing is done yet, and the phase lasts for too long.
    pub fn stalls(&self, policy: &Policy, now: Timestamp) -> bool {
        self.calls_at(policy).is_some_and(|at| now >= at)
    }

    /// Returns when the next person is called by itself, if nothing happens until then.
    pub fn calls_at(&self, policy: &Policy) -> Option<Timestamp> {
        let limit = i64::try_from(policy.of(self.severity).escalate_ms?).ok()?;
        let quiet = self.resolved.is_none() && self.mitigated.is_none() && self.phase < super::Phase::Act;
        let since = self.escalated.last().map_or(self.phase_since, |(at, _)| self.phase_since.max(*at));
        quiet.then(|| since + limit)
    }
}

fn due(policy: &Policy, of: &SeverityPolicy, from: Timestamp, limit: u64) -> Option<Timestamp> {
    if of.business {
        return policy.business.after(from, limit);
    }
    i64::try_from(limit).ok().map(|limit| Timestamp(from.0.saturating_add(limit)))
}
