//! The state of all services, and how messages change it.
use std::{collections::HashMap, sync::Arc};

use super::{
    Ask, Attempt, CheckResult, CheckState, Figures, Health, Maintenance, Msg, Origin, Out, Reading, ServiceState,
    days::Calendar,
    schedule::Schedule,
    service::{HISTORY, LOADING},
    uptime::{Span, hour_of},
    verdict::{Again, SOON, Took, hold_ms},
};
use crate::core::{
    id::{CheckId, ServiceId},
    inventory::Inventory,
    record::{Bucket, Row, StatusUpdate},
    ring::Ring,
    time::{DAY, HOUR, MINUTE, Now, SECOND, Timestamp},
};

/// Status updates that are kept.
const UPDATES: usize = 500;
/// Milliseconds between two looks at what time alone changes.
const LOOK: u64 = 1_000;
/// Looks after which a service's figures are computed again though nothing happened: a tenth of all at each look.
const REFRESH: u64 = 10;
/// Milliseconds after stored results before hours are made final.
const LOADED: u64 = 10_000;
/// Milliseconds that a result may be dated ahead of the clock.
const AHEAD: i64 = MINUTE;
/// Milliseconds by which the clock may go back before the results of its future are forgotten.
const BACK: i64 = 5 * SECOND;

/// The state of everything in one line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Indicator {
    /// Every service is up.
    Operational,
    /// None is down, at least one is degraded.
    Degraded,
    /// At least one is down, but less than half of those of which something is known.
    PartialOutage,
    /// At least half of those of which something is known are down.
    MajorOutage,
    /// Planned work, and else all is up.
    Maintenance,
    /// Of at least one nothing is known, and nothing worse is known; or there are no services.
    #[default]
    Unknown,
}

/// Computes the global indicator. The first line that holds decides:
///
/// 1. *major outage*: down ≥ 1, and 2 × down ≥ up + degraded + down;
/// 2. *partial outage*: down ≥ 1;
/// 3. *degraded*: degraded ≥ 1;
/// 4. *unknown*: unknown ≥ 1, or there are no services: missing is never green;
/// 5. *maintenance*: maintenance ≥ 1;
/// 6. *operational*.
pub fn indicator(healths: impl Iterator<Item = Health>) -> Indicator {
    let (mut up, mut degraded, mut down, mut maintenance, mut unknown) = (0_usize, 0_usize, 0_usize, 0_usize, 0_usize);
    for health in healths {
        match health {
            Health::Up => up += 1,
            Health::Degraded => degraded += 1,
            Health::Down => down += 1,
            Health::Maintenance => maintenance += 1,
            Health::Unknown => unknown += 1,
        }
    }
    match () {
        () if down > 0 && 2 * down >= up + degraded + down => Indicator::MajorOutage,
        () if down > 0 => Indicator::PartialOutage,
        () if degraded > 0 => Indicator::Degraded,
        () if unknown > 0 || up + maintenance == 0 => Indicator::Unknown,
        () if maintenance > 0 => Indicator::Maintenance,
        () => Indicator::Operational,
    }
}

/// What is to be read of one check's stored results.
#[derive(Clone, Debug, PartialEq)]
pub struct Want {
    /// The check.
    pub check: CheckId,
    /// From this slot on.
    pub from: Timestamp,
}

/// All services.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    services: Vec<ServiceState>,
    at: HashMap<CheckId, (usize, usize)>,
    by_id: HashMap<ServiceId, usize>,
    schedule: Schedule,
    calendar: Calendar,
    maintenance: Vec<Maintenance>,
    updates: Vec<StatusUpdate>,
    recording: bool,
    overall: Figures,
    looked: Option<Now>,
}

impl State {
    /// Iterates over the services in the order of the configuration.
    pub fn services(&self) -> impl ExactSizeIterator<Item = &ServiceState> {
        self.services.iter()
    }

    /// Returns the services as they stand on screen: worst first (down, failing, degraded, unknown, planned work, up), else in the
    /// order of the configuration.
    pub fn worst_first(&self) -> Vec<&ServiceState> {
        let mut services: Vec<_> = self.services.iter().collect();
        services.sort_by_key(|service| rank(service));
        services
    }

    /// Finds a service.
    pub fn service(&self, id: &ServiceId) -> Option<&ServiceState> {
        self.services.get(*self.by_id.get(id)?)
    }

    /// Finds a check.
    pub fn check(&self, id: &CheckId) -> Option<&CheckState> {
        let (service, check) = *self.at.get(id)?;
        self.services.get(service)?.checks.get(check)
    }

    /// Returns the global indicator.
    pub fn indicator(&self) -> Indicator {
        indicator(self.services.iter().map(|service| service.health))
    }

    /// Counts the services of a health.
    pub fn count(&self, health: Health) -> usize {
        self.services.iter().filter(|service| service.health == health).count()
    }

    /// Returns how the windows of all services together divide.
    pub fn overall(&self) -> &Figures {
        &self.overall
    }

    /// Returns the next start of any check.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.schedule.next()
    }

    /// Returns the next start of a service's checks: "next check in".
    pub fn next_check(&self, service: &ServiceId) -> Option<Timestamp> {
        let checks = &self.service(service)?.checks;
        checks.iter().filter_map(|check| self.schedule.next_of(&check.spec.id)).min()
    }

    /// Returns the next start of one check.
    pub fn next_of(&self, check: &CheckId) -> Option<Timestamp> {
        self.schedule.next_of(check)
    }

    /// Returns the status updates, oldest first.
    pub fn updates(&self) -> impl DoubleEndedIterator<Item = &StatusUpdate> {
        self.updates.iter()
    }

    /// Says whether a status update says again what the newest about the same service says.
    pub fn repeats(&self, update: &StatusUpdate) -> bool {
        let newest = self.updates.iter().rev().find(|known| known.service == update.service);
        newest.is_some_and(|known| known.state == update.state && known.text.trim() == update.text.trim())
    }

    /// Returns the declared windows of planned work.
    pub fn maintenance(&self) -> &[Maintenance] {
        &self.maintenance
    }

    /// Says whether planned work goes on at a service.
    pub fn in_maintenance(&self, service: &ServiceId, at: Timestamp) -> bool {
        self.maintenance_until(service, at).is_some()
    }

    /// Returns until when planned work of a service goes on that does at a moment.
    pub fn maintenance_until(&self, service: &ServiceId, at: Timestamp) -> Option<Timestamp> {
        self.windows(service).iter().filter(|span| span.from <= at && at < span.to).map(|span| span.to).max()
    }

    /// Says from when on hours, and from when on days are to be read: at the start, and after a reload.
    ///
    /// Days suffice for bars and the long windows; hours serve the last 24 h and say up to where all is final. When own
    /// days turn out to be cut in another time zone, hours of 93 days are wanted.
    pub fn buckets_wanted(&self, now: Now) -> (Timestamp, Timestamp) {
        let recut = self.services.iter().any(|service| service.ledger.wants_hours());
        let days = now.utc - 93 * DAY;
        (if recut { days } else { now.utc - 26 * HOUR }, days)
    }

    /// Says which stored results are to be read once the buckets are there: what is not final yet, what comes before it and
    /// decides how it is read, and the latest latencies.
    pub fn results_wanted(&self, now: Now) -> Vec<Want> {
        let mut wants = Vec::new();
        for service in &self.services {
            let settled = service.ledger.settled().unwrap_or_else(|| hour_of(now.utc - 25 * HOUR));
            let settled = settled.min(hour_of(now.utc));
            for check in &service.checks {
                let lead = hold_ms(&check.spec).saturating_mul(i64::from(check.spec.fail_after).saturating_add(2));
                let history = i64::try_from(check.spec.every_ms).unwrap_or(i64::MAX).saturating_mul(60);
                let from = (settled - lead).min(now.utc - history);
                wants.push(Want { check: check.spec.id.clone(), from });
            }
        }
        wants
    }

    fn windows(&self, service: &ServiceId) -> Vec<Span> {
        windows(&self.maintenance, service)
    }

    fn sum(&mut self) {
        self.overall = self.services.iter().fold(Figures::default(), |sum, service| Figures {
            h24: sum.h24.plus(service.figures.h24),
            d7: sum.d7.plus(service.figures.d7),
            d30: sum.d30.plus(service.figures.d30),
            d90: sum.d90.plus(service.figures.d90),
        });
    }

    /// Looks at all services: health, what is final, figures that are due.
    fn look(&mut self, now: Now, out: &mut Out) {
        if !self.calendar.is_today(now.utc) {
            self.calendar = Calendar::new(self.calendar.zone(), now.utc);
            self.services.iter_mut().for_each(|service| service.dirty = true);
        }
        let mut changed = false;
        let turn = now.mono.0 / LOOK;
        for (position, service) in (0_u64..).zip(&mut self.services) {
            let windows = windows(&self.maintenance, &service.service.id);
            out.facts.extend(service.decide(now, &windows));
            let settled = service.settle(now, &windows, &self.calendar);
            if self.recording && !settled.is_empty() {
                out.rows.extend(service.ledger.rows(&service.service.id, &settled));
            }
            if !settled.is_empty() {
                // Only now: after a long sleep the hour before it is final and too old for any window at once.
                service.ledger.prune(now.utc);
            }
            let old = service.refreshed.is_none_or(|refreshed| now.mono.since(refreshed) >= 2 * REFRESH * LOOK);
            if service.dirty || old || position % REFRESH == turn % REFRESH {
                service.refresh(now, &windows, &self.calendar);
                changed = true;
            }
        }
        if changed {
            self.sum();
        }
    }
}

fn windows(maintenance: &[Maintenance], service: &ServiceId) -> Vec<Span> {
    maintenance
        .iter()
        .filter(|window| window.service.as_ref().is_none_or(|of| of == service))
        .map(|window| window.span)
        .collect()
}

fn rank(service: &ServiceState) -> u8 {
    match service.health {
        Health::Down => 0,
        _ if service.failing.is_some() => 1,
        Health::Degraded => 2,
        Health::Unknown => 3,
        Health::Maintenance => 4,
        Health::Up => 5,
    }
}

/// Applies a message.
pub fn update(state: &mut State, msg: Msg, now: Now, inventory: &Inventory) -> Out {
    let mut out = Out::default();
    match msg {
        Msg::InventoryReplaced => replace(state, now, inventory, &mut out),
        Msg::RecordingStarted => start(state, now, &mut out),
        Msg::RecordingStopped => {
            state.recording = false;
            state.services.iter_mut().flat_map(|service| &mut service.checks).for_each(|check| check.running = None);
        }
        Msg::Ticked => tick(state, now, &mut out),
        Msg::ResultArrived { result, origin } => arrived(state, result, origin, now, &mut out),
        Msg::ResultsLoaded(results) => loaded(state, results, now),
        Msg::BucketsLoaded(buckets) => {
            let mut of: HashMap<&ServiceId, Vec<&Bucket>> = HashMap::new();
            for bucket in &buckets {
                of.entry(&bucket.service).or_default().push(bucket);
            }
            for (id, buckets) in of {
                if let Some(service) = state.by_id.get(id).and_then(|at| state.services.get_mut(*at)) {
                    service.ledger.load(buckets.into_iter(), &state.calendar);
                    if !service.read {
                        service.settle_from = now.mono + LOADING;
                    }
                    service.dirty = true;
                }
            }
            state.look(now, &mut out);
        }
        Msg::StatusUpdatesArrived(updates) => {
            for update in updates {
                if !state.updates.contains(&update) {
                    let position = state.updates.partition_point(|known| known.at <= update.at);
                    state.updates.insert(position, update);
                }
            }
            let over = state.updates.len().saturating_sub(UPDATES);
            state.updates.drain(..over);
        }
        Msg::MaintenanceReplaced(windows) => {
            state.maintenance = windows;
            state.services.iter_mut().for_each(|service| service.dirty = true);
            state.look(now, &mut out);
        }
        Msg::CheckRequested(id) => {
            if let Some(service) = state.by_id.get(&id).and_then(|at| state.services.get(*at)) {
                service.checks.iter().for_each(|check| state.schedule.at_once(&check.spec.id, now));
            }
        }
    }
    out
}

fn replace(state: &mut State, now: Now, inventory: &Inventory, out: &mut Out) {
    let zone = inventory.display.timezone;
    let moved = zone != state.calendar.zone();
    state.calendar = Calendar::new(zone, now.utc);
    let mut old: HashMap<ServiceId, ServiceState> =
        state.services.drain(..).map(|service| (service.service.id.clone(), service)).collect();
    state.at.clear();
    state.by_id.clear();
    for (position, service) in inventory.services.iter().enumerate() {
        let mut of = old.remove(&service.id).unwrap_or_else(|| ServiceState::new(service, now));
        of.adopt(service);
        if moved && of.ledger.settled().is_some() {
            of.ledger.recut(&state.calendar);
        }
        for (check, spec) in service.checks.iter().enumerate() {
            state.at.insert(spec.id.clone(), (position, check));
        }
        state.by_id.insert(service.id.clone(), position);
        state.services.push(of);
    }
    state.schedule.reconcile(inventory.checks(), now);
    if state.recording {
        catch_up(state, now);
    }
    state.look(now, out);
}

fn start(state: &mut State, now: Now, out: &mut Out) {
    if state.recording {
        return;
    }
    state.recording = true;
    catch_up(state, now);
    for service in &state.services {
        let spans = service.ledger.all_since(now.utc - 26 * HOUR, &state.calendar);
        out.rows.extend(service.ledger.rows(&service.service.id, &spans));
    }
}

fn catch_up(state: &mut State, now: Now) {
    let State { schedule, services, at, .. } = state;
    schedule.catch_up(now, |id| {
        let (service, check) = *at.get(id)?;
        services.get(service)?.checks.get(check)?.track.newest()
    });
}

fn tick(state: &mut State, now: Now, out: &mut Out) {
    if state.looked.is_some_and(|looked| looked.utc.since(now.utc) > BACK) {
        for service in &mut state.services {
            service.checks.iter_mut().for_each(|check| check.track.forget_after(now.utc));
            service.recorded.drop_after(now.utc);
            service.ledger.forget_after(now.utc);
            service.dirty = true;
        }
        state.looked = None;
    }
    for start in state.schedule.due(now) {
        let Some((service, check)) = state.at.get(&start.check.id).copied() else { continue };
        let Some(check) = state.services.get_mut(service).and_then(|service| service.checks.get_mut(check)) else {
            continue;
        };
        if state.recording && !in_flight(check, now) {
            check.running = Some((start.slot, now.mono));
            out.asks.push(Ask::RunCheck { check: start.check, slot: start.slot, attempt: Attempt::Planned });
        }
    }
    if state.looked.is_none_or(|looked| now.mono.since(looked.mono) >= LOOK) {
        state.looked = Some(now);
        state.look(now, out);
    }
}

/// Says whether a check runs; one that did not report long after its time-out is given up, so that it is tried again.
fn in_flight(check: &CheckState, now: Now) -> bool {
    check.running.is_some_and(|(_, since)| now.mono.since(since) < check.spec.timeout_ms.saturating_add(10_000))
}

fn arrived(state: &mut State, result: CheckResult, origin: Origin, now: Now, out: &mut Out) {
    let row = |result: &CheckResult| Row::Result(result.clone());
    let Some((service, check)) = state.at.get(&result.check).copied() else {
        // The check was taken out of the configuration while it ran: what it saw is still history.
        if origin == Origin::Measured {
            out.rows.push(row(&result));
        }
        return;
    };
    let windows = state.windows(&result.check.service);
    let Some(service) = state.services.get_mut(service) else { return };
    let Some(check) = service.checks.get_mut(check) else { return };
    if check.running.is_some_and(|(slot, _)| slot == result.slot) {
        check.running = None;
    }
    if result.slot.since(now.utc) > AHEAD {
        return;
    }
    let Took::Counted { again } = check.track.take(result.slot, result.outcome) else { return };
    check.note(&result);
    if origin == Origin::Measured {
        out.rows.push(row(&result));
        match again {
            Again::AtOnce if state.recording && !in_flight(check, now) => {
                let slot = result.slot + 1;
                check.running = Some((slot, now.mono));
                out.asks.push(Ask::RunCheck { check: Arc::clone(&check.spec), slot, attempt: Attempt::Retry });
            }
            Again::Soon => state.schedule.sooner(&check.spec.id, SOON, now),
            Again::AtOnce | Again::Planned => {}
        }
    }
    service.recorded.add(Span::new(result.slot, result.slot + service.shortest_hold));
    service.ledger.begin(result.slot);
    let facts = service.decide(now, &windows);
    if !facts.is_empty() {
        out.facts.extend(facts);
        service.refresh(now, &windows, &state.calendar);
        state.sum();
    }
}

/// Takes stored results: no rows, and no facts, since what they tell is not news.
fn loaded(state: &mut State, results: Vec<CheckResult>, now: Now) {
    let mut of: HashMap<(usize, usize), Vec<CheckResult>> = HashMap::new();
    for result in results {
        if let Some(at) = state.at.get(&result.check)
            && result.slot.since(now.utc) <= AHEAD
        {
            of.entry(*at).or_default().push(result);
        }
    }
    for ((service, check), mut results) in of {
        let Some(service) = state.services.get_mut(service) else { continue };
        let hold = service.shortest_hold;
        let Some(check) = service.checks.get_mut(check) else { continue };
        results.sort_by_key(|result| result.slot);
        check.track.load(results.iter().map(|result| (result.slot, result.outcome)));
        service.recorded.extend(results.iter().map(|result| Span::new(result.slot, result.slot + hold)));
        if let Some(first) = results.first() {
            service.ledger.begin(first.slot);
        }
        let live: Vec<Reading> = check.history.iter().copied().collect();
        check.history = Ring::new(HISTORY);
        let newest = check.last.take();
        for result in &results {
            check.note(result);
        }
        let last = check.last.as_ref().map(|last| last.slot);
        live.into_iter().filter(|reading| Some(reading.slot) > last).for_each(|reading| check.history.push(reading));
        check.last = newest.into_iter().chain(check.last.take()).max_by_key(|last| last.slot);
        // The results of its other checks are right behind.
        service.settle_from = now.mono + LOADED;
        service.read = true;
        service.dirty = true;
    }
    for service in &mut state.services {
        let windows = windows(&state.maintenance, &service.service.id);
        if service.dirty {
            let _facts = service.decide(now, &windows);
            service.refresh(now, &windows, &state.calendar);
        }
    }
    state.sum();
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
