//! Alerts as they stand on screen and in `qd alerts`.
use super::{Alert, Measurement, Owned, Severity, State, Target, fold::Key, state::Pending};
use crate::core::{
    id::{Operator, RuleName, ServiceId, Uid},
    inventory::Inventory,
    time::{Now, Timestamp},
};

/// Where an alert stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// The value is bad, not yet for long enough.
    Pending {
        /// Milliseconds until it fires if nothing changes.
        fires_in_ms: u64,
    },
    /// It fires.
    Firing,
    /// It fires, and flips too often.
    Flapping {
        /// Flips within an hour.
        flips: u32,
    },
    /// It is over.
    Resolved {
        /// Since when.
        at: Timestamp,
    },
}

/// One line of the alerts' pane.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// Its id; a pending one has none yet.
    pub uid: Option<Uid>,
    /// The rule.
    pub rule: RuleName,
    /// About what.
    pub target: Target,
    /// The service it is about, where there is one.
    pub service: Option<ServiceId>,
    /// How bad.
    pub severity: Severity,
    /// Where it stands.
    pub phase: Phase,
    /// The newest value: of a resolved one the value that fired it.
    pub value: Option<f64>,
    /// One line that says what is wrong.
    pub summary: String,
    /// When the value went bad.
    pub since: Timestamp,
    /// Milliseconds since then.
    pub age_ms: u64,
    /// Who owns it now.
    pub owner: Option<Owned>,
    /// Who owned it until the time was over, while it still fires.
    pub expired_owner: Option<Operator>,
    /// Whether a worse rule about the same fires too, so that this one is not counted.
    pub covered: bool,
}

/// How many there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Firing, those covered by a worse one not counted.
    pub firing: usize,
    /// Of these: nobody owns them.
    pub unacked: usize,
    /// Of these: flapping.
    pub flapping: usize,
    /// Pending.
    pub pending: usize,
    /// Resolved within the last day.
    pub resolved: usize,
    /// The worst that fires.
    pub worst: Option<Severity>,
}

impl State {
    /// Returns the lines of the alerts' pane: firing, pending, resolved; worst first, nobody's before owned, oldest first.
    pub fn rows(&self, now: Now) -> Vec<Summary> {
        let mut rows: Vec<Summary> = self.alerts.all.values().map(|alert| self.line(alert, now)).collect();
        rows.extend(self.pending.iter().filter_map(|(key, pending)| self.pending_line(key, pending, now)));
        rows.sort_by(|a, b| {
            let place = |row: &Summary| match row.phase {
                Phase::Firing | Phase::Flapping { .. } => (u8::from(row.covered), 0),
                Phase::Pending { .. } => (2, 0),
                // The newest first.
                Phase::Resolved { at } => (3, i64::MAX.saturating_sub(at.0)),
            };
            (place(a), a.severity, a.owner.is_some(), a.since, &a.rule, &a.target).cmp(&(
                place(b),
                b.severity,
                b.owner.is_some(),
                b.since,
                &b.rule,
                &b.target,
            ))
        });
        rows
    }

    /// Returns what is worst of some measurements by the rules, whether it was so for long enough or not: how bad, and what is wrong.
    pub fn worst_of(&self, measured: &[Measurement], inventory: &Inventory) -> Option<(Severity, String)> {
        let bad = measured.iter().flat_map(|of| {
            let rules = self.by_metric.get(of.metric).into_iter().flat_map(|rules| rules.iter());
            let value = of.value.filter(|value| value.is_finite());
            let bad = rules.filter(move |rule| value.is_some_and(|value| rule.is_bad(value)));
            let bad = bad.filter(|rule| rule.applies(&of.target, inventory));
            bad.map(move |rule| (rule.severity, format!("{} {}", of.target, rule.summary(value, &of.note))))
        });
        bad.min_by_key(|(severity, _)| *severity)
    }

    /// Counts them.
    pub fn counts(&self, now: Now) -> Counts {
        let mut counts = Counts { pending: self.pending.len(), ..Counts::default() };
        for alert in self.firing().filter(|alert| !self.is_covered(alert)) {
            counts.firing += 1;
            counts.unacked += usize::from(alert.owner(now.utc).is_none());
            counts.flapping += usize::from(alert.flapping.is_some());
            counts.worst = Some(counts.worst.map_or(alert.severity, |worst| worst.min(alert.severity)));
        }
        counts.resolved = self.alerts.all.values().filter(|alert| !alert.is_firing()).count();
        counts
    }

    fn line(&self, alert: &Alert, now: Now) -> Summary {
        let live = self.live.get(&(alert.rule.clone(), alert.target.clone()));
        let end = alert.resolved_at.unwrap_or(now.utc);
        let owner = alert.owner(now.utc).cloned();
        let expired = alert.owned.as_ref().filter(|_| owner.is_none() && alert.is_firing());
        Summary {
            uid: Some(alert.uid),
            rule: alert.rule.clone(),
            target: alert.target.clone(),
            service: self.service_of(&alert.target),
            severity: alert.severity,
            phase: match (alert.resolved_at, alert.flapping) {
                (Some(at), _) => Phase::Resolved { at },
                (None, Some(flips)) => Phase::Flapping { flips },
                (None, None) => Phase::Firing,
            },
            value: live.filter(|_| alert.is_firing()).map_or(alert.value, |live| live.value),
            summary: alert.summary.clone(),
            since: alert.since,
            age_ms: u64::try_from(end.since(alert.since)).unwrap_or(0),
            expired_owner: expired.map(|owned| owned.by.clone()),
            owner,
            covered: alert.is_firing() && self.is_covered(alert),
        }
    }

    fn pending_line(&self, key: &Key, pending: &Pending, now: Now) -> Option<Summary> {
        let rule = self.rule(&key.0)?;
        let stood = now.mono.since(pending.began);
        Some(Summary {
            uid: None,
            rule: key.0.clone(),
            target: key.1.clone(),
            service: self.service_of(&key.1),
            severity: rule.severity,
            phase: Phase::Pending { fires_in_ms: rule.for_ms.saturating_sub(stood) },
            value: Some(pending.value),
            summary: rule.summary(Some(pending.value), &pending.note),
            since: pending.since,
            age_ms: stood,
            owner: None,
            expired_owner: None,
            covered: false,
        })
    }

    /// Says whether a worse alert about the same metric and target fires.
    fn is_covered(&self, alert: &Alert) -> bool {
        let Some(rule) = self.rule(&alert.rule) else { return false };
        self.by_metric.get(&rule.metric).into_iter().flat_map(|rules| rules.iter()).any(|other| {
            let same_side = std::mem::discriminant(&other.threshold) == std::mem::discriminant(&rule.threshold);
            let worse = self.alerts.firing.get(&(other.name.clone(), alert.target.clone()));
            other.name != rule.name
                && same_side
                && worse.and_then(|uid| self.alerts.all.get(uid)).is_some_and(|worse| worse.severity < alert.severity)
        })
    }
}
