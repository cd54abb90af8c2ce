//! Measurements against rules.
//!
//! * A value that is missing neither fires nor resolves. A pending alert starts anew when the value before has not spoken
//!   for the whole time in between (`holds_ms`).
//! * An alert's id is a hash of rule, target and onset, so that two recorders that see the same onset make one alert. Where
//!   they see it at different moments, the alert that fired first stands for both, and both resolve together.
//! * Six flips (fired or resolved) within an hour are flapping: instead of resolving a third time the alert fires on until
//!   its value has been good for ten minutes.
//! * Only the recorder makes events of measurements. Every other console keeps its pendings, so that it sees what may come,
//!   and takes events from the store. A new recorder finds firing alerts in the fold: they do not fire again.
//! * Of several rules about one metric and target only the worst that fires is counted (a certificate with two days left
//!   is one trouble, not three); the others are marked as covered.
use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    sync::Arc,
};

use super::{
    AlertEvent, AlertEventKind, RuleSpec, Target,
    feed::{self, Measurement},
    fold::{Alert, Alerts, Key},
    message::{Fact, Msg, Out},
    rules::{RESTARTS_MS, metric, pm2_app},
};
use crate::core::{
    hosts::Pm2List,
    id::{HostName, Operator, RuleName, ServiceId, Uid},
    inventory::Inventory,
    record::Row,
    time::{MINUTE, Mono, Now, Timestamp},
};

/// Flips within an hour that make an alert flap.
const FLAPPING: u32 = 6;
/// Milliseconds that a flapping alert's value must be good before it resolves.
const QUIET: u64 = 600_000;
/// Milliseconds between two looks at what time alone changes.
const LOOK: u64 = 1_000;
/// Milliseconds without a restart history after which a process is forgotten.
const FORGOTTEN: u64 = 3_600_000;

/// A bad value that has not stood for long enough.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Pending {
    pub(super) began: Mono,
    pub(super) since: Timestamp,
    pub(super) value: f64,
    pub(super) note: String,
    pub(super) speaks_until: Mono,
}

/// What a firing alert's value does.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Live {
    pub(super) value: Option<f64>,
    good_since: Option<Mono>,
}

/// One process's counter of restarts.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Restarts {
    pub(super) counts: VecDeque<(Mono, u64)>,
}

/// One update on its way.
struct Step<'a> {
    now: Now,
    inventory: &'a Inventory,
    out: Out,
}

/// All alerts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    rules: Vec<Arc<RuleSpec>>,
    pub(super) by_metric: HashMap<String, Arc<[Arc<RuleSpec>]>>,
    recording: bool,
    pub(super) alerts: Alerts,
    pub(super) pending: BTreeMap<Key, Pending>,
    pub(super) live: HashMap<Key, Live>,
    sampled: HashMap<HostName, Mono>,
    restarts: HashMap<(HostName, String), Restarts>,
    told_expired: BTreeSet<(Uid, Timestamp)>,
    looked: Option<Mono>,
    parts: HashMap<Target, ServiceId>,
    /// What logs were last measured to be: proof of a change rests on it too.
    logs: HashMap<(&'static str, Target), (Timestamp, Option<f64>)>,
}

impl State {
    /// Iterates over all that are known, in no order.
    pub fn all(&self) -> impl Iterator<Item = &Alert> {
        self.alerts.all.values()
    }

    /// Finds an alert.
    pub fn alert(&self, uid: Uid) -> Option<&Alert> {
        self.alerts.all.get(&uid)
    }

    /// Iterates over the alerts that fire, in the order of their rules and targets.
    pub fn firing(&self) -> impl Iterator<Item = &Alert> {
        self.alerts.firing.values().filter_map(|uid| self.alerts.all.get(uid))
    }

    /// Finds the alert that fires for a rule and a target.
    pub fn firing_for(&self, rule: &RuleName, target: &Target) -> Option<&Alert> {
        self.alert(*self.alerts.firing.get(&(rule.clone(), target.clone()))?)
    }

    /// Finds a rule.
    pub fn rule(&self, name: &RuleName) -> Option<&Arc<RuleSpec>> {
        self.rules.iter().find(|rule| rule.name == *name)
    }

    /// Returns the service that an alert is about, where there is one.
    pub fn service_of(&self, target: &Target) -> Option<ServiceId> {
        match target {
            Target::Service(id) => Some(id.clone()),
            Target::Check(check) => Some(check.service.clone()),
            Target::Part { .. } | Target::Host(_) => self.parts.get(target).cloned(),
        }
    }

    /// Returns the counter that a metric of a target is made of, where it is one.
    pub(super) fn restarts_of(&self, metric: &str, target: &Target) -> Option<&Restarts> {
        let Target::Part { host, part } = target else { return None };
        self.restarts.get(&(host.clone(), part.clone())).filter(|_| metric == "pm2.restarts_10m")
    }

    /// Returns what the logs of a target were last measured to be, and when.
    pub fn measured(&self, metric: &'static str, target: &Target) -> Option<(Timestamp, Option<f64>)> {
        self.logs.get(&(metric, target.clone())).copied()
    }

    fn emit(&mut self, alert: Uid, kind: AlertEventKind, step: &mut Step<'_>) {
        let event = AlertEvent { alert, at: step.now.utc, by: "qd".into(), kind };
        step.out.facts.extend(self.alerts.apply(&event));
        step.out.rows.push(Row::Alert(event));
    }

    /// Notes that planned work went on when an alert fired.
    pub(in crate::core) fn fired_muted(&mut self, alert: Uid) {
        let Some(alert) = self.alerts.all.get_mut(&alert) else { return };
        alert.muted = true;
        if let Some(AlertEventKind::Fired { muted, .. }) = alert.events.first_mut().map(|event| &mut event.kind) {
            *muted = true;
        }
    }

    fn resolve(&mut self, alert: Uid, value: Option<f64>, step: &mut Step<'_>) {
        for twin in self.alerts.twins(alert) {
            self.emit(twin, AlertEventKind::Resolved { value }, step);
        }
        self.emit(alert, AlertEventKind::Resolved { value }, step);
    }

    fn measure(&mut self, measurement: &Measurement, step: &mut Step<'_>) {
        let Some(rules) = self.by_metric.get(measurement.metric).cloned() else { return };
        // What is not a number is no data.
        let value = measurement.value.filter(|value| value.is_finite());
        for rule in &*rules {
            let key = (rule.name.clone(), measurement.target.clone());
            if let Some(uid) = self.alerts.firing.get(&key).copied() {
                self.live.entry(key.clone()).or_default().value = value;
                if let Some(value) = value {
                    self.still_firing(rule, &key, (uid, value), step);
                }
                continue;
            }
            match value {
                Some(value) if rule.is_bad(value) => {
                    let known = self.pending.contains_key(&key);
                    if known || rule.applies(&measurement.target, step.inventory) {
                        self.stays_bad(rule, key, (measurement, value), step);
                    }
                }
                Some(_) => drop(self.pending.remove(&key)),
                None => {}
            }
        }
    }

    fn stays_bad(&mut self, rule: &RuleSpec, key: Key, (measurement, value): (&Measurement, f64), step: &mut Step<'_>) {
        let stood = measurement.stood_ms;
        let fresh = Pending {
            began: Mono(step.now.mono.0.saturating_sub(stood)),
            since: step.now.utc - i64::try_from(stood).unwrap_or(0),
            value,
            note: measurement.note.clone(),
            speaks_until: step.now.mono + measurement.holds_ms,
        };
        let pending = match self.pending.remove(&key) {
            Some(before) if step.now.mono <= before.speaks_until => {
                Pending { began: before.began.min(fresh.began), since: before.since.min(fresh.since), ..fresh }
            }
            _ => fresh,
        };
        if step.now.mono.since(pending.began) >= rule.for_ms && self.recording {
            self.fire(rule, key, &pending, step);
        } else {
            self.pending.insert(key, pending);
        }
    }

    fn fire(&mut self, rule: &RuleSpec, key: Key, pending: &Pending, step: &mut Step<'_>) {
        let (name, target) = key;
        let id = uid(&name, &target, pending.since);
        let kind = AlertEventKind::Fired {
            rule: name.clone(),
            target: target.clone(),
            severity: rule.severity,
            value: Some(pending.value),
            since: pending.since,
            summary: rule.summary(Some(pending.value), &pending.note),
            muted: false,
        };
        self.live.insert((name, target), Live { value: Some(pending.value), good_since: None });
        self.emit(id, kind, step);
    }

    fn still_firing(&mut self, rule: &RuleSpec, key: &Key, (alert, value): (Uid, f64), step: &mut Step<'_>) {
        let flapping = self.alerts.all.get(&alert).is_some_and(|alert| alert.flapping.is_some());
        let live = self.live.entry(key.clone()).or_default();
        if rule.is_bad(value) {
            live.good_since = None;
        }
        if !rule.is_clear(value) {
            return;
        }
        let good_since = *live.good_since.get_or_insert(step.now.mono);
        if !self.recording || (flapping && step.now.mono.since(good_since) < QUIET) {
            return;
        }
        let flips = self.alerts.flips(key, step.now.utc).saturating_add(1);
        if !flapping && flips >= FLAPPING {
            self.emit(alert, AlertEventKind::Flapping { flips }, step);
            return;
        }
        self.live.remove(key);
        self.resolve(alert, Some(value), step);
    }

    /// Resolves what nobody watches any more: its rule, its host, its service or its part is gone.
    fn retire(&mut self, gone: impl Fn(&Self, &Alert) -> bool, step: &mut Step<'_>) {
        if !self.recording {
            return;
        }
        let mut gone: Vec<Uid> = self.firing().filter(|alert| gone(self, alert)).map(|alert| alert.uid).collect();
        gone.sort_unstable();
        for uid in gone {
            self.resolve(uid, None, step);
        }
    }

    fn retire_unwatched(&mut self, step: &mut Step<'_>) {
        let unwatched = |state: &Self, alert: &Alert| {
            let there = match &alert.target {
                Target::Service(id) => step.inventory.service(id).is_some(),
                Target::Check(id) => step.inventory.check(id).is_some(),
                Target::Host(host) | Target::Part { host, .. } => step.inventory.host(host).is_some(),
            };
            let rule = state.rule(&alert.rule);
            !there || !rule.is_some_and(|rule| rule.applies(&alert.target, step.inventory))
        };
        self.retire(unwatched, step);
    }

    /// Parts of a host that a fresh and complete list no longer names are gone, and their alerts with them.
    fn retire_parts(&mut self, host: &HostName, metrics: &str, there: &BTreeSet<&str>, step: &mut Step<'_>) {
        let gone = |state: &Self, alert: &Alert| {
            let of = state.rule(&alert.rule).is_some_and(|rule| rule.metric.starts_with(metrics));
            let part = matches!(&alert.target, Target::Part { host: at, part } if at == host && !there.contains(part.as_str()));
            of && part
        };
        self.retire(gone, step);
        let of_metric =
            |state: &Self, rule: &RuleName| state.rule(rule).is_some_and(|rule| rule.metric.starts_with(metrics));
        let stale: Vec<Key> = self
            .pending
            .keys()
            .filter(|(rule, target)| {
                let part =
                    matches!(target, Target::Part { host: at, part } if at == host && !there.contains(part.as_str()));
                part && of_metric(self, rule)
            })
            .cloned()
            .collect();
        for key in stale {
            self.pending.remove(&key);
        }
    }

    fn listed(&mut self, host: &HostName, list: &Pm2List, step: &mut Step<'_>) {
        let mut all = feed::pm2(host, list, step.inventory);
        for (name, app) in feed::apps(list) {
            let restarts = self.restarts.entry((host.clone(), name.to_owned())).or_default();
            all.push(Measurement::new(
                "pm2.restarts_10m",
                Target::Part { host: host.clone(), part: name.to_owned() },
                Some(restarts.within(app.restarts, step.now.mono)),
            ));
        }
        for measurement in &all {
            self.measure(measurement, step);
        }
        if list.daemon {
            let there: BTreeSet<&str> = all
                .iter()
                .filter_map(|measurement| match &measurement.target {
                    Target::Part { part, .. } => Some(part.as_str()),
                    Target::Service(_) | Target::Check(_) | Target::Host(_) => None,
                })
                .collect();
            self.retire_parts(host, "pm2.", &there, step);
        }
    }

    fn tick(&mut self, step: &mut Step<'_>) {
        if self.looked.is_some_and(|looked| step.now.mono.since(looked) < LOOK) {
            return;
        }
        self.looked = Some(step.now.mono);
        // A host without an environment is only jumped through: it is not sampled, unless it was.
        for host in &step.inventory.hosts {
            if host.env.is_none() && !self.sampled.contains_key(&host.name) {
                continue;
            }
            let last = *self.sampled.entry(host.name.clone()).or_insert(step.now.mono);
            let silent = step.now.mono.since(last);
            let bad = silent >= feed::FRESH;
            let mut of =
                Measurement::new("host.no_data", Target::Host(host.name.clone()), Some(if bad { 1.0 } else { 0.0 }));
            of.stood_ms = if bad { silent } else { 0 };
            self.measure(&of, step);
        }
        if self.recording {
            let due: Vec<(Key, Pending)> = self
                .pending
                .iter()
                .filter(|((name, _), pending)| {
                    let for_ms = self.rule(name).map_or(u64::MAX, |rule| rule.for_ms);
                    step.now.mono <= pending.speaks_until && step.now.mono.since(pending.began) >= for_ms
                })
                .map(|(key, pending)| (key.clone(), pending.clone()))
                .collect();
            for (key, pending) in due {
                self.pending.remove(&key);
                if let Some(rule) = self.rule(&key.0).cloned() {
                    self.fire(&rule, key, &pending, step);
                }
            }
        }
        // A pending whose value is long silent shows a time to fire that nobody believes.
        self.pending.retain(|_, pending| step.now.mono.since(pending.speaks_until) < MINUTE.unsigned_abs());
        let expired: Vec<(Uid, Operator, Timestamp)> = self
            .firing()
            .filter_map(|alert| alert.owned.as_ref().map(|owned| (alert.uid, owned)))
            .filter(|(uid, owned)| owned.until <= step.now.utc && !self.told_expired.contains(&(*uid, owned.until)))
            .map(|(uid, owned)| (uid, owned.by.clone(), owned.until))
            .collect();
        for (alert, by, until) in expired {
            self.told_expired.insert((alert, until));
            step.out.facts.push(Fact::AcknowledgementExpired { alert, by });
        }
        self.alerts.prune(step.now);
        let Self { told_expired, alerts, restarts, live, .. } = self;
        told_expired.retain(|(uid, _)| alerts.all.contains_key(uid));
        live.retain(|key, _| alerts.firing.contains_key(key));
        restarts.retain(|_, of| of.counts.back().is_some_and(|(at, _)| step.now.mono.since(*at) < FORGOTTEN));
    }

    fn replace(&mut self, inventory: &Inventory) {
        self.rules = inventory.rules.iter().filter(|rule| rule.enabled).cloned().collect();
        let mut by_metric: HashMap<&str, Vec<Arc<RuleSpec>>> = HashMap::new();
        for rule in self.rules.iter().filter(|rule| metric(&rule.metric).is_some()) {
            by_metric.entry(&rule.metric).or_default().push(Arc::clone(rule));
        }
        self.by_metric = by_metric.into_iter().map(|(metric, rules)| (metric.to_owned(), rules.into())).collect();
        let rules: BTreeSet<&RuleName> = self.rules.iter().map(|rule| &rule.name).collect();
        self.pending.retain(|(rule, _), _| rules.contains(rule));
        self.sampled.retain(|host, _| inventory.host(host).is_some());
        self.parts.clear();
        for service in &inventory.services {
            for host in &service.hosts {
                if let Some(app) = pm2_app(service, host) {
                    let target = Target::Part { host: host.clone(), part: app.to_owned() };
                    self.parts.insert(target, service.id.clone());
                }
            }
        }
    }
}

impl Restarts {
    /// Takes a counter's value and returns by how much it grew within ten minutes.
    fn within(&mut self, count: u64, now: Mono) -> f64 {
        // A counter that shrinks was set back: the process was deleted and added again.
        if self.counts.back().is_some_and(|(_, last)| count < *last) {
            self.counts.clear();
        }
        self.counts.push_back((now, count));
        // The newest one outside of the window is the base.
        while self.counts.get(1).is_some_and(|(at, _)| now.since(*at) >= RESTARTS_MS) {
            self.counts.pop_front();
        }
        self.counts.front().map_or(0.0, |(_, first)| count.saturating_sub(*first) as f64)
    }
}

/// Computes the id of the alert that a rule makes of a target's onset: the same in every process.
pub fn uid(rule: &RuleName, target: &Target, since: Timestamp) -> Uid {
    let target = match target {
        Target::Service(id) => format!("service\0{id}"),
        Target::Check(id) => format!("check\0{id}"),
        Target::Host(host) => format!("host\0{host}"),
        Target::Part { host, part } => format!("part\0{host}\0{part}"),
    };
    Uid::of(&format!("alert\0{rule}\0{target}\0{}", since.0))
}

/// Applies a message.
pub fn update(state: &mut State, msg: Msg, now: Now, inventory: &Inventory) -> Out {
    let mut step = Step { now, inventory, out: Out::default() };
    match msg {
        Msg::InventoryReplaced => {
            state.replace(inventory);
            state.retire_unwatched(&mut step);
        }
        Msg::RecordingStarted => {
            state.recording = true;
            state.retire_unwatched(&mut step);
        }
        Msg::RecordingStopped => state.recording = false,
        Msg::Ticked => state.tick(&mut step),
        Msg::Measured(measurements) => {
            for measurement in &measurements {
                if measurement.metric.starts_with("log.") {
                    let known = (measurement.metric, measurement.target.clone());
                    state.logs.insert(known, (now.utc, measurement.value));
                }
                state.measure(measurement, &mut step);
            }
        }
        Msg::HostSampled { host, sample } => {
            state.sampled.insert(host.clone(), now.mono);
            for measurement in &feed::sample(&host, &sample) {
                state.measure(measurement, &mut step);
            }
            if !sample.disks.is_empty() {
                let there = sample.disks.iter().map(|disk| disk.mount.as_str()).collect();
                state.retire_parts(&host, "host.disk", &there, &mut step);
            }
        }
        Msg::Pm2Listed { host, list } => state.listed(&host, &list, &mut step),
        Msg::UnitsRead { host, units } => {
            for measurement in &feed::units(&host, &units) {
                state.measure(measurement, &mut step);
            }
            if !units.is_empty() {
                let there = units.iter().map(|unit| unit.unit.as_str()).collect();
                state.retire_parts(&host, "unit.", &there, &mut step);
            }
        }
        Msg::EventsLoaded(events) => {
            for event in &events {
                let _told = state.alerts.apply(event);
            }
        }
        Msg::EventsArrived(events) => {
            for event in &events {
                step.out.facts.extend(state.alerts.apply(event));
                if let AlertEventKind::Fired { rule, target, .. } = &event.kind {
                    state.pending.remove(&(rule.clone(), target.clone()));
                }
            }
        }
        Msg::AcknowledgeRequested { alert, by, for_ms, reason } => {
            if state.alert(alert).is_some_and(Alert::is_firing) {
                let until = now.utc + i64::try_from(for_ms).unwrap_or(i64::MAX);
                let reason = reason.filter(|why| !why.trim().is_empty());
                let held = state.alert(alert).and_then(|alert| alert.owner(now.utc));
                let over = held.map(|owned| owned.by.clone()).filter(|owner| *owner != by);
                let kind = AlertEventKind::Acknowledged { until, reason, over };
                let event = AlertEvent { alert, at: now.utc, by, kind };
                step.out.facts.extend(state.alerts.apply(&event));
                step.out.rows.push(Row::Alert(event));
            }
        }
        Msg::NotSaved(event) => state.alerts.take_back(&event),
    }
    step.out
}

#[cfg(test)]
#[path = "state_tests.rs"]
pub(super) mod tests;
