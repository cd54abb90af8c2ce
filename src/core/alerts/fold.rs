//! An alert is the fold of its events.
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use super::{AlertEvent, AlertEventKind, Fact, Severity, Target};
use crate::core::{
    id::{Operator, RuleName, Uid},
    time::{DAY, HOUR, Now, Timestamp},
};

/// Resolved alerts that are kept.
const KEPT: usize = 500;
/// Milliseconds that a resolved alert is kept.
const KEPT_MS: i64 = DAY;
/// Milliseconds in which flips count.
pub(super) const FLIP_WINDOW: i64 = HOUR;

/// Who owns an alert.
#[derive(Clone, Debug, PartialEq)]
pub struct Owned {
    /// Who.
    pub by: Operator,
    /// Since when.
    pub at: Timestamp,
    /// Until when; after that it is nobody's again.
    pub until: Timestamp,
    /// Why it is held back; none where nobody said.
    pub reason: Option<String>,
}

impl Owned {
    /// Says why it is held back, or that nobody said.
    pub fn why(&self) -> &str {
        self.reason.as_deref().unwrap_or("no reason given")
    }

    /// Reads it out of an event; who takes the same alert once more and says nothing keeps the reason. None where another has it, of
    /// whom who took it did not know: that one was first.
    fn of(event: &AlertEvent, before: Option<&Self>) -> Option<Self> {
        let AlertEventKind::Acknowledged { until, reason, over } = &event.kind else { return None };
        let held = before.filter(|owned| owned.by != event.by && event.at < owned.until);
        if held.is_some_and(|owned| over.as_ref() != Some(&owned.by)) {
            return None;
        }
        let kept = || before.filter(|owned| owned.by == event.by && event.at < owned.until)?.reason.clone();
        Some(Self { by: event.by.clone(), at: event.at, until: *until, reason: reason.clone().or_else(kept) })
    }

    /// Returns who has it after all that happened, in whatever order it was heard of.
    fn after(events: &[AlertEvent]) -> Option<Self> {
        let mut events: Vec<&AlertEvent> = events.iter().collect();
        events.sort_by_key(|event| (event.at, &event.by));
        events.into_iter().fold(None, |owned, event| Self::of(event, owned.as_ref()).or(owned))
    }
}

/// One alert: what its events say.
#[derive(Clone, Debug, PartialEq)]
pub struct Alert {
    /// Its id.
    pub uid: Uid,
    /// The rule that fired.
    pub rule: RuleName,
    /// About what.
    pub target: Target,
    /// How bad.
    pub severity: Severity,
    /// The value that fired it.
    pub value: Option<f64>,
    /// When the value went bad.
    pub since: Timestamp,
    /// When it fired.
    pub fired_at: Timestamp,
    /// One line.
    pub summary: String,
    /// Whether it fired while planned work went on, and nobody was told.
    pub muted: bool,
    /// Who owns it, or last did.
    pub owned: Option<Owned>,
    /// Flips within an hour, once it flaps.
    pub flapping: Option<u32>,
    /// When it was resolved.
    pub resolved_at: Option<Timestamp>,
    /// All its events.
    pub events: Vec<AlertEvent>,
}

impl Alert {
    /// Says whether it still fires.
    pub fn is_firing(&self) -> bool {
        self.resolved_at.is_none()
    }

    /// Returns who owns it now.
    pub fn owner(&self, now: Timestamp) -> Option<&Owned> {
        self.owned.as_ref().filter(|owned| now < owned.until)
    }
}

/// What a rule is to a target: one alert fires at a time.
pub(super) type Key = (RuleName, Target);

/// All alerts as their events say.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Alerts {
    pub(super) all: HashMap<Uid, Alert>,
    pub(super) firing: BTreeMap<Key, Uid>,
    /// Alerts about what fires already, which two recorders made of one trouble: resolved together with it.
    twins: HashMap<Key, BTreeSet<Uid>>,
    flips: HashMap<Key, VecDeque<Timestamp>>,
}

impl Alerts {
    /// Applies an event; one that was applied already changes nothing. Returns what is new.
    pub(super) fn apply(&mut self, event: &AlertEvent) -> Option<Fact> {
        if let AlertEventKind::Fired { rule, target, severity, value, since, summary, muted } = &event.kind {
            let key = (rule.clone(), target.clone());
            if self.all.contains_key(&event.alert) {
                return None;
            }
            // A second onset while one fires is the same trouble, seen by two recorders: the first of them stands.
            let mut news = true;
            if let Some(other) = self.firing.get(&key).copied() {
                let later =
                    self.all.get(&other).is_some_and(|other| (other.fired_at, other.uid) <= (event.at, event.alert));
                self.twins.entry(key.clone()).or_default().insert(if later { event.alert } else { other });
                if later {
                    return None;
                }
                self.all.remove(&other);
                news = false;
            }
            let alert = Alert {
                uid: event.alert,
                rule: rule.clone(),
                target: target.clone(),
                severity: *severity,
                value: *value,
                since: *since,
                fired_at: event.at,
                summary: summary.clone(),
                muted: *muted,
                owned: None,
                flapping: None,
                resolved_at: None,
                events: vec![event.clone()],
            };
            self.firing.insert(key.clone(), event.alert);
            self.flip(key, event.at);
            self.all.insert(event.alert, alert);
            return news.then_some(Fact::Fired { alert: event.alert });
        }
        if matches!(event.kind, AlertEventKind::Resolved { .. }) {
            self.twins.retain(|_, twins| {
                twins.remove(&event.alert);
                !twins.is_empty()
            });
        }
        let alert = self.all.get_mut(&event.alert)?;
        if alert.events.contains(event) {
            return None;
        }
        alert.events.push(event.clone());
        match &event.kind {
            AlertEventKind::Fired { .. } => None,
            AlertEventKind::Acknowledged { .. } => {
                let owned = Owned::after(&alert.events);
                let before = std::mem::replace(&mut alert.owned, owned);
                let owned = alert.owned.as_ref().filter(|owned| before.as_ref() != Some(owned))?;
                let lost = before.filter(|before| before.by != owned.by && owned.at < before.until);
                Some(Fact::Acknowledged {
                    alert: event.alert,
                    by: owned.by.clone(),
                    at: owned.at,
                    until: owned.until,
                    from: lost.map(|before| before.by),
                })
            }
            AlertEventKind::Resolved { .. } => {
                if alert.resolved_at.is_some() {
                    return None;
                }
                alert.resolved_at = Some(event.at);
                let key = (alert.rule.clone(), alert.target.clone());
                self.firing.remove(&key);
                self.flip(key, event.at);
                Some(Fact::Resolved { alert: event.alert })
            }
            AlertEventKind::Flapping { flips } => {
                alert.flapping = Some(*flips);
                Some(Fact::Flapping { alert: event.alert, flips: *flips })
            }
        }
    }

    /// Takes back that somebody owns an alert; measured events stand, stored or not.
    pub(super) fn take_back(&mut self, event: &AlertEvent) {
        if !matches!(event.kind, AlertEventKind::Acknowledged { .. }) {
            return;
        }
        let Some(alert) = self.all.get_mut(&event.alert) else { return };
        alert.events.retain(|known| known != event);
        alert.owned = Owned::after(&alert.events);
    }

    /// Returns the other alerts about what an alert is about.
    pub(super) fn twins(&self, alert: Uid) -> Vec<Uid> {
        let key = self.all.get(&alert).map(|alert| (alert.rule.clone(), alert.target.clone()));
        key.and_then(|key| self.twins.get(&key)).into_iter().flatten().copied().collect()
    }

    /// Returns how often a rule began or ceased to fire for a target within the last hour.
    pub(super) fn flips(&self, key: &Key, now: Timestamp) -> u32 {
        let flips = self.flips.get(key).into_iter().flatten().filter(|at| now.since(**at) < FLIP_WINDOW);
        u32::try_from(flips.count()).unwrap_or(u32::MAX)
    }

    /// Lets go of what is old.
    pub(super) fn prune(&mut self, now: Now) {
        let keep = now.utc - KEPT_MS;
        self.all.retain(|_, alert| alert.resolved_at.is_none_or(|at| at >= keep));
        if self.all.len() > KEPT + self.firing.len() {
            let mut resolved: Vec<_> =
                self.all.values().filter_map(|alert| Some((alert.resolved_at?, alert.uid))).collect();
            resolved.sort_unstable();
            let over = resolved.len().saturating_sub(KEPT);
            for (_, uid) in resolved.into_iter().take(over) {
                self.all.remove(&uid);
            }
        }
        self.flips.retain(|_, flips| {
            flips.retain(|at| now.utc.since(*at) < FLIP_WINDOW);
            !flips.is_empty()
        });
    }

    fn flip(&mut self, key: Key, at: Timestamp) {
        let flips = self.flips.entry(key).or_default();
        flips.push_back(at);
        while flips.len() > 64 {
            flips.pop_front();
        }
    }
}

#[cfg(test)]
#[path = "fold_tests.rs"]
mod tests;
