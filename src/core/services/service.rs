//! One service and its checks: health, history, figures.
use std::{collections::HashMap, sync::Arc};

use super::{
    CheckResult, Fact, Health, Outcome, Split,
    days::{Calendar, Day},
    uptime::{Evidence, Ledger, Runs, Span, Spans, hour_of},
    verdict::{Level, Track, hold_ms},
};
use crate::core::{
    id::{CheckId, CheckName, ServiceId},
    inventory::{CheckSpec, Service},
    ring::Ring,
    time::{DAY, HOUR, MINUTE, Mono, Now, Timestamp},
};

/// Latencies that are kept of each check.
pub(super) const HISTORY: usize = 60;
/// Milliseconds that a new service, and one whose buckets were read, waits for stored results before it makes hours final:
/// without them an hour in which another process recorded would be taken for unknown.
pub(super) const LOADING: u64 = 300_000;
/// Milliseconds, beyond twice the longest time-out, that an hour waits for late results before it is final.
const GRACE: i64 = MINUTE;

/// One entry of a check's history.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reading {
    /// When.
    pub slot: Timestamp,
    /// What was seen.
    pub outcome: Outcome,
    /// How long it took, in milliseconds; none without an answer.
    pub took_ms: Option<u32>,
}

/// How the four windows of [`uptime`](super::uptime) divide. `split.figure(1)` is the percentage as it is told.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Figures {
    /// 24 hours.
    pub h24: Split,
    /// 7 days.
    pub d7: Split,
    /// 30 days.
    pub d30: Split,
    /// 90 days.
    pub d90: Split,
}

/// One check.
#[derive(Clone, Debug, PartialEq)]
pub struct CheckState {
    /// What is checked, and how often.
    pub spec: Arc<CheckSpec>,
    /// The newest result.
    pub last: Option<CheckResult>,
    /// The newest results, oldest first.
    pub history: Ring<Reading>,
    /// When it last answered well (up or degraded).
    pub last_ok: Option<Timestamp>,
    /// When the certificate that it last saw expires.
    pub cert_not_after: Option<Timestamp>,
    pub(super) track: Track,
    pub(super) running: Option<(Timestamp, Mono)>,
}

impl CheckState {
    pub(super) fn new(spec: &Arc<CheckSpec>) -> Self {
        Self {
            spec: Arc::clone(spec),
            last: None,
            history: Ring::new(HISTORY),
            last_ok: None,
            cert_not_after: None,
            track: Track::new(spec),
            running: None,
        }
    }

    /// Returns what is known of it now; none when nothing is, or no longer.
    pub fn level(&self, now: Timestamp) -> Option<Level> {
        self.track.level_at(now)
    }

    /// Returns since when it stands at its present level; down is dated back to the first failure.
    pub fn since(&self) -> Timestamp {
        self.track.since()
    }

    /// Returns how many failures stand in a row that do not make it down yet: `1 of 3`.
    pub fn unconfirmed(&self, now: Timestamp) -> u32 {
        self.track.unconfirmed(now)
    }

    /// Says whether it runs right now.
    pub fn is_running(&self) -> bool {
        self.running.is_some()
    }

    pub(super) fn note(&mut self, result: &CheckResult) {
        if matches!(result.outcome, Outcome::Up | Outcome::Degraded) {
            self.last_ok = self.last_ok.max(Some(result.slot));
        }
        if self.last.as_ref().is_none_or(|last| last.slot < result.slot) {
            self.history.push(Reading { slot: result.slot, outcome: result.outcome, took_ms: result.took_ms });
            self.cert_not_after = result.cert_not_after.or(self.cert_not_after);
            self.last = Some(result.clone());
        }
    }
}

/// Failures in a row that do not make a service down yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failing {
    /// The check that fails.
    pub check: CheckName,
    /// How many failures stand in a row.
    pub failures: u32,
    /// How many in a row make it down.
    pub of: u32,
}

/// One service.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceState {
    /// The service.
    pub service: Arc<Service>,
    /// Its health now.
    pub health: Health,
    /// Since when.
    pub since: Timestamp,
    /// Its checks, in the order of the configuration.
    pub checks: Vec<CheckState>,
    /// The last 90 days, oldest first, today last.
    pub days: Vec<Day>,
    /// How the windows divide; at most some ten seconds old, and computed at once when the health changes.
    pub figures: Figures,
    /// Since when it is down, until it is known to be well again (unknown and planned work in between do not end it).
    pub down_since: Option<Timestamp>,
    /// The check that fails and is not down yet; none while the service is down or planned work goes on.
    ///
    /// Beside the health and not part of it: time counts as it did before until the failures are confirmed, but nobody
    /// is to be told meanwhile that all is well.
    pub failing: Option<Failing>,
    pub(super) ledger: Ledger,
    pub(super) recorded: Spans,
    pub(super) shortest_hold: i64,
    grace: i64,
    pub(super) refreshed: Option<Mono>,
    pub(super) dirty: bool,
    /// Nothing is made final before: stored results may be on their way.
    pub(super) settle_from: Mono,
    /// Stored results came: buckets that come later do not announce any.
    pub(super) read: bool,
}

impl ServiceState {
    pub(super) fn new(service: &Arc<Service>, now: Now) -> Self {
        Self {
            service: Arc::clone(service),
            health: Health::Unknown,
            since: now.utc,
            checks: Vec::new(),
            days: Vec::new(),
            figures: Figures::default(),
            down_since: None,
            failing: None,
            ledger: Ledger::default(),
            recorded: Spans::default(),
            shortest_hold: 0,
            grace: 0,
            refreshed: None,
            dirty: true,
            settle_from: now.mono + LOADING,
            read: false,
        }
    }

    /// Returns the service's id.
    pub fn id(&self) -> &ServiceId {
        &self.service.id
    }

    /// Returns the newest result of any of its checks.
    pub fn last(&self) -> Option<&CheckResult> {
        self.checks.iter().filter_map(|check| check.last.as_ref()).max_by_key(|last| last.slot)
    }

    /// Returns when any of its checks last answered well.
    pub fn last_ok(&self) -> Option<Timestamp> {
        self.checks.iter().filter_map(|check| check.last_ok).max()
    }

    /// Returns the soonest expiry of the certificates that its checks saw.
    pub fn cert_not_after(&self) -> Option<Timestamp> {
        self.checks.iter().filter_map(|check| check.cert_not_after).min()
    }

    /// Returns how many of its checks are unknown now.
    pub fn checks_unknown(&self, now: Timestamp) -> usize {
        self.checks.iter().filter(|check| check.level(now).is_none()).count()
    }

    /// Returns the check that is the worst now: the one whose detail explains the health.
    pub fn worst(&self, now: Timestamp) -> Option<&CheckState> {
        // `max_by_key` takes the last of equals: the first check of the configuration is to win.
        self.checks.iter().rev().max_by_key(|check| check.level(now))
    }

    /// Returns the check whose detail explains how the service stands: the failing one, else the worst.
    pub fn telling(&self, now: Timestamp) -> Option<&CheckState> {
        let failing = self.failing.as_ref();
        let failing = failing.and_then(|of| self.checks.iter().find(|check| check.spec.id.check == of.check));
        failing.or_else(|| self.worst(now))
    }

    /// Finds the check that is the nearest to being down without being it.
    fn nearest_down(&self, now: Timestamp, health: Health) -> Option<Failing> {
        if matches!(health, Health::Down | Health::Maintenance) {
            return None;
        }
        let failing = self.checks.iter().filter(|check| check.unconfirmed(now) > 0);
        // `min_by_key` takes the first of equals: the first check of the configuration is to win.
        let nearest = failing.min_by_key(|check| check.spec.fail_after.saturating_sub(check.unconfirmed(now)))?;
        let failures = nearest.unconfirmed(now);
        Some(Failing { check: nearest.spec.id.check.clone(), failures, of: nearest.spec.fail_after })
    }

    pub(super) fn adopt(&mut self, service: &Arc<Service>) {
        let mut old: HashMap<CheckId, CheckState> =
            self.checks.drain(..).map(|check| (check.spec.id.clone(), check)).collect();
        self.service = Arc::clone(service);
        self.checks = service
            .checks
            .iter()
            .map(|spec| match old.remove(&spec.id) {
                Some(mut check) => {
                    check.track.adopt(spec);
                    check.spec = Arc::clone(spec);
                    check
                }
                None => CheckState::new(spec),
            })
            .collect();
        self.shortest_hold = service.checks.iter().map(|check| hold_ms(check)).min().unwrap_or(0);
        let timeout = service.checks.iter().map(|check| check.timeout_ms).max().unwrap_or(0);
        self.grace = i64::try_from(timeout.saturating_mul(2)).unwrap_or(DAY).min(DAY) + GRACE;
        self.dirty = true;
    }

    /// Computes the health: a window of planned work, else what was measured.
    fn assess(&self, now: Timestamp, windows: &[Span]) -> (Health, Timestamp) {
        let window = windows.iter().find(|window| window.from <= now && now < window.to);
        window.map_or_else(|| self.measured(now), |window| (Health::Maintenance, window.from))
    }

    /// Returns what was measured, planned or not, and since when: as bad as the worst check of which something is known.
    pub fn measured(&self, now: Timestamp) -> (Health, Timestamp) {
        let newest = self.checks.iter().filter_map(|check| check.track.newest()).max();
        let recorded = newest.is_some_and(|newest| now < newest + self.shortest_hold);
        let known = || self.checks.iter().filter_map(|check| Some((check.level(now)?, check.since())));
        let worst = known().map(|(level, _)| level).max().filter(|_| recorded);
        let since = known().filter(|(level, _)| Some(*level) == worst).map(|(_, since)| since);
        match worst {
            Some(Level::Down) => (Health::Down, since.min().unwrap_or(now)),
            Some(Level::Degraded) => (Health::Degraded, since.min().unwrap_or(now)),
            Some(Level::Up) => (Health::Up, since.max().unwrap_or(now)),
            None => (Health::Unknown, now),
        }
    }

    /// Sets the health and says what changed.
    pub(super) fn decide(&mut self, now: Now, windows: &[Span]) -> Vec<Fact> {
        let (health, since) = self.assess(now.utc, windows);
        self.failing = self.nearest_down(now.utc, health);
        let mut facts = Vec::new();
        if health != self.health {
            facts.push(Fact::HealthChanged { service: self.id().clone(), from: self.health, to: health, since });
            (self.health, self.since, self.dirty) = (health, since, true);
        }
        match (health, self.down_since) {
            (Health::Down, None) => {
                self.down_since = Some(since);
                if let Some(worst) = self.worst(now.utc) {
                    facts.push(Fact::WentDown {
                        service: self.id().clone(),
                        check: worst.spec.id.check.clone(),
                        since,
                        detail: worst.last.as_ref().map(|last| last.detail.clone()).unwrap_or_default(),
                    });
                }
            }
            (Health::Up | Health::Degraded, Some(down)) => {
                self.down_since = None;
                facts.push(Fact::Recovered { service: self.id().clone(), since: down, at: since });
            }
            (Health::Up | Health::Degraded | Health::Unknown | Health::Maintenance, None)
            | (Health::Down | Health::Unknown | Health::Maintenance, Some(_)) => {}
        }
        facts
    }

    pub(super) fn settle(&mut self, now: Now, windows: &[Span], calendar: &Calendar) -> Vec<Span> {
        if now.mono < self.settle_from {
            return Vec::new();
        }
        let open = self.checks.iter().filter_map(|check| check.track.open_from(now.utc - self.grace)).min();
        let limit = (now.utc - self.grace).min(open.unwrap_or(now.utc));
        if self.ledger.settled().is_none_or(|settled| settled + HOUR > limit) {
            return Vec::new();
        }
        let checks: Vec<&dyn Runs> = self.checks.iter().map(|check| &check.track as &dyn Runs).collect();
        let evidence = Evidence { checks: &checks, recorded: &self.recorded, maintenance: windows };
        let changed = self.ledger.settle(&evidence, limit, calendar);
        if let Some(settled) = self.ledger.settled() {
            self.checks.iter_mut().for_each(|check| check.track.drop_before(settled));
            self.recorded.drop_before(settled);
        }
        self.dirty = true;
        changed
    }

    pub(super) fn refresh(&mut self, now: Now, windows: &[Span], calendar: &Calendar) {
        let checks: Vec<&dyn Runs> = self.checks.iter().map(|check| &check.track as &dyn Runs).collect();
        let evidence = Evidence { checks: &checks, recorded: &self.recorded, maintenance: windows };
        self.days.clear();
        for (span, date) in calendar.shown() {
            let (split, imported) = self.ledger.day(&evidence, span, now.utc);
            let length_ms = Span::new(span.from, span.to.min(now.utc)).ms();
            self.days.push(Day { date, start: span.from, length_ms, split, imported });
        }
        let last = |count| self.days.iter().rev().take(count).fold(Split::default(), |sum, day| sum.plus(day.split));
        let day = Span::new(hour_of(now.utc - DAY), now.utc);
        self.figures = Figures { h24: self.ledger.hours(&evidence, day), d7: last(7), d30: last(30), d90: last(90) };
        (self.refreshed, self.dirty) = (Some(now.mono), false);
    }
}
