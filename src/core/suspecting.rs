//! Where changes come from that may have broken a service: runs, checks, samples, and what hosts tell when they are asked.
use std::collections::BTreeSet;

use super::{
    Effect, State, hosts,
    id::{HostName, Uid},
    incidents::{
        self, Incident, IncidentEventKind, onset,
        similar::{self, Signature, Similar},
        suspects::{self, Around, Change, History, Kind, Ranking, Source},
    },
    inventory::Service,
    runs::{self, Run, RunOutcome},
    screen::{Pane, View, rows},
    services,
    time::{DAY, Now, SECOND, Timestamp},
};

/// How long before an incident changes are looked for.
const BACK_MS: i64 = DAY;
/// Hosts that are asked for one incident: its service's first, then those of what it needs.
const HOSTS: usize = 24;
/// Milliseconds after which what is in view is ranked anew.
const AGAIN_MS: u64 = 2_000;
/// A process that started within so much of what is known already is no other start.
const START_MS: i64 = 2 * SECOND;

impl State {
    /// Returns earlier incidents like one, the most alike first, with what mended them.
    pub fn similar(&self, of: Uid, limit: usize) -> Vec<Similar> {
        let rule = |incident: &Incident| Some(self.alerts.alert(incident.alert?)?.rule.clone());
        let signature =
            |incident: &Incident| Signature::new(&incident.title, incident.service.as_ref(), rule(incident).as_ref());
        similar::find(&self.incidents, of, limit, signature)
    }
}

/// Asks hosts what changed when an incident is new here and not over, and estimates when it began.
pub(super) fn opened(state: &mut State, incident: Uid, now: Now) -> Vec<Effect> {
    let Some(of) = state.incidents.incidents.get(&incident).filter(|of| of.is_open()) else { return Vec::new() };
    // What was opened long ago is looked at when somebody asks for it: a console that starts does not ask all hosts.
    if now.utc.since(of.opened) > BACK_MS {
        return Vec::new();
    }
    let mut effects = estimate(state, incident, now);
    effects.extend(look(state, incident, now));
    effects
}

/// Applies a message.
pub(super) fn update(state: &mut State, msg: suspects::Msg, now: Now) -> Vec<Effect> {
    match msg {
        suspects::Msg::Told { incident, host, seen } => {
            state.suspects.told(incident, host, *seen);
            let effects = estimate(state, incident, now);
            rank(state, incident, now);
            let first = state.screen.rows(Pane::Suspects).first();
            // Where the cursor stands on the first of them it stays there, on whatever is the first now.
            if state.screen.view == View::Suspects(incident) && state.screen.cursor(Pane::Suspects) == first {
                state.screen.cursors.remove(&(View::Suspects(incident), Pane::Suspects));
                rows::refresh(state, now, true);
            } else {
                rows::refresh(state, now, false);
            }
            effects
        }
        suspects::Msg::Wanted { incident } => {
            let mut effects = estimate(state, incident, now);
            effects.extend(look(state, incident, now));
            effects
        }
    }
}

/// Writes when it began into the incident, once, where that is not known and can be told.
fn estimate(state: &mut State, incident: Uid, now: Now) -> Vec<Effect> {
    let Some(of) = state.incidents.incidents.get(&incident) else { return Vec::new() };
    let (Some(service), None) = (&of.service, &of.onset) else { return Vec::new() };
    if !state.records() {
        return Vec::new();
    }
    let fired = of.detected.unwrap_or(of.opened);
    let Some(onset) = onset::estimate(state, service, fired).onset else { return Vec::new() };
    let kind = IncidentEventKind::Onset { at: onset.at, how: onset.words(), estimated: true };
    state.incidents_update(incidents::Msg::ByItself { incident, kind }, now, None)
}

fn look(state: &mut State, incident: Uid, now: Now) -> Vec<Effect> {
    let Some(of) = state.incidents.incidents.get(&incident) else { return Vec::new() };
    let since = of.zero() - BACK_MS;
    let hosts = hosts_around(state, of);
    let own = own(state, of.zero(), now);
    state.suspects.ask(incident, &hosts, (since, now.utc), own);
    rank(state, incident, now);
    if hosts.is_empty() {
        return Vec::new();
    }
    vec![Effect::LookForChanges { incident, hosts, since }]
}

/// The hosts of an incident's service, then those of what it needs; where it is about a host alone, that one.
fn hosts_around(state: &State, of: &Incident) -> Vec<HostName> {
    let mut hosts: Vec<HostName> = Vec::new();
    let mut services: Vec<&Service> = Vec::new();
    let mut next = 0;
    services.extend(of.service.as_ref().and_then(|id| state.inventory.service(id)).map(|service| &**service));
    while let Some(service) = services.get(next).copied() {
        next += 1;
        for id in &service.needs {
            let Some(need) = state.inventory.service(id) else { continue };
            if !services.iter().any(|known| known.id == need.id) {
                services.push(need);
            }
        }
    }
    hosts.extend(alone(state, of));
    for host in services.iter().flat_map(|service| &service.hosts) {
        if !hosts.contains(host) && hosts.len() < HOSTS {
            hosts.push(host.clone());
        }
    }
    hosts
}

/// The host that the incident's alert is about, where it is about one.
fn alone(state: &State, of: &Incident) -> Option<HostName> {
    match &state.alerts.alert(of.alert?)?.target {
        super::alerts::Target::Host(host) | super::alerts::Target::Part { host, .. } => Some(host.clone()),
        super::alerts::Target::Service(_) | super::alerts::Target::Check(_) => None,
    }
}

/// Ranks anew what is in view, where that is some seconds old: runs go on, and processes start.
pub(super) fn tick(state: &mut State, now: Now) {
    let (View::Incident(incident) | View::Suspects(incident)) = state.screen.view else { return };
    let due = |looked: &suspects::Looked| now.mono.since(looked.ranked) >= AGAIN_MS;
    if state.suspects.of(incident).is_none_or(due) {
        rank(state, incident, now);
    }
}

fn rank(state: &mut State, incident: Uid, now: Now) {
    if let Some(of) = state.incidents.incidents.get(&incident) {
        let ranking = ranking(state, of, now);
        state.suspects.rank(incident, ranking, now.mono);
    }
}

/// Ranks what changed around an incident: runs as they are known now, and all that was seen and told.
fn ranking(state: &State, of: &Incident, now: Now) -> Ranking {
    let onset = of.zero();
    let mut changes = own(state, onset, now);
    changes.extend(state.suspects.of(of.uid).into_iter().flat_map(|looked| looked.changes.iter().cloned()));
    let changes = suspects::merge(changes);
    let hosts = match of.service.as_ref().and_then(|id| state.inventory.service(id)) {
        Some(service) => service.hosts.clone(),
        None => alone(state, of).into_iter().collect(),
    };
    let around = Around {
        onset,
        not_before: not_before(state, of),
        service: of.service.as_ref(),
        hosts: &hosts,
        inventory: &state.inventory,
        history: &history(state, of.uid),
    };
    suspects::rank(&changes, around)
}

/// The last moment before the onset at which a check of the service answered, where that is still known.
fn not_before(state: &State, of: &Incident) -> Timestamp {
    let onset = of.zero();
    let service = of.service.as_ref().and_then(|service| state.services.service(service));
    let checks = service.map(|service| service.checks.as_slice()).unwrap_or_default();
    let slots = checks.iter().flat_map(|check| check.history.iter().map(|reading| reading.slot));
    slots.filter(|slot| *slot < onset).max().unwrap_or(onset)
}

/// What came of suspects in the other incidents.
fn history(state: &State, but: Uid) -> History {
    let mut history = History::default();
    for of in state.incidents.incidents.values().filter(|of| of.uid != but) {
        let chosen = of.suspect.as_ref().and_then(|(key, _)| key.as_deref()).and_then(Change::kind_of);
        if let Some(kind) = chosen {
            history.note(of.service.as_ref(), kind, true);
        }
        // However many of a kind were ruled out, it is one incident in which this kind was not it.
        let out: BTreeSet<Kind> = of.ruled_out.iter().filter_map(|key| Change::kind_of(key)).collect();
        for kind in out.into_iter().filter(|kind| Some(*kind) != chosen) {
            history.note(of.service.as_ref(), kind, false);
        }
    }
    history
}

/// What the console knows without asking anybody: runs, what it saw, starts of processes and units, when hosts started.
fn own(state: &State, around: Timestamp, now: Now) -> Vec<Change> {
    let mut changes: Vec<Change> = state.runs.runs.values().filter_map(of_run).collect();
    changes.extend(state.suspects.seen().cloned());
    for host in state.hosts.hosts() {
        changes.extend(starts(state, host));
        if let Some((sample, uptime)) = host.last_sample().and_then(|sample| Some((sample, sample.uptime_s?))) {
            let up = i64::try_from(uptime.saturating_mul(1_000)).unwrap_or(i64::MAX);
            changes.push(rebooted(&host.name, sample.at - up));
        }
    }
    changes.retain(|change| around.since(change.at) <= BACK_MS && change.at <= now.utc);
    changes
}

fn of_run(run: &Run) -> Option<Change> {
    // What never began has changed nothing.
    let began = run.steps.iter().filter_map(|step| step.started).min();
    if began.is_none() && run.outcome.is_some_and(|(outcome, _)| outcome == RunOutcome::Refused) {
        return None;
    }
    let from = run.plan.from.as_ref().map(|from| format!(", from {from}")).unwrap_or_default();
    let (kind, what) = match &run.plan.action {
        runs::Action::Restart => (Kind::Restart, run.plan.service.service.to_string()),
        runs::Action::Deploy { version } => (Kind::Deploy, format!("{version}{from}")),
        runs::Action::Rollback { version } => (Kind::Deploy, format!("{version}, back{from}")),
        runs::Action::Other { name } => (Kind::Config, name.clone()),
    };
    let number = run.number.map_or_else(|| run.run.to_string(), |number| number.to_string());
    let mut detail = vec![format!("{number}: {}", run.plan.title)];
    if !run.reason.is_empty() {
        detail.push(format!("reason: {}", run.reason));
    }
    if let Some((outcome, _)) = run.outcome.filter(|(outcome, _)| *outcome != RunOutcome::Succeeded) {
        detail.push(format!("it ended as {outcome:?}"));
    }
    detail.extend(run.plan.notes.iter().cloned());
    Some(Change {
        service: Some(run.plan.service.clone()),
        hosts: run.plan.hosts(),
        by: Some(run.by.to_string()),
        detail,
        ..Change::new(began.unwrap_or(run.at), kind, what, Source::Run)
    })
}

/// Starts of a host's processes and units, as far as the last lists tell them.
fn starts(state: &State, host: &hosts::HostState) -> Vec<Change> {
    let skew = host.last_sample().and_then(|sample| sample.skew_ms).unwrap_or(0);
    let here = |service: &&std::sync::Arc<Service>| service.hosts.contains(&host.name);
    let named = |setting: &str, name: &str| {
        let is = |service: &&std::sync::Arc<Service>| {
            service.recipe.get(setting).and_then(serde_json::Value::as_str) == Some(name)
        };
        state.inventory.services.iter().filter(here).find(is).map(|service| service.id.clone())
    };
    let start = |at: Timestamp, what: &str, source| Change {
        hosts: vec![host.name.clone()],
        ..Change::new(at - skew, Kind::Restart, what, source)
    };
    let mut changes: Vec<Change> = Vec::new();
    for process in host.last_pm2().into_iter().flat_map(|list| &list.processes) {
        let Some(at) = process.started_at else { continue };
        let change = Change {
            service: named("app", &process.name),
            detail: vec![format!("PM2 has started it {} times since it was added", process.restarts.saturating_add(1))],
            ..start(at, &process.name, Source::Pm2)
        };
        // Processes of one application start together.
        let known = |known: &Change| known.what == change.what && known.at.since(change.at).abs() <= START_MS;
        if !changes.iter().any(known) {
            changes.push(change);
        }
    }
    for unit in host.last_units() {
        if let Some(at) = unit.active_since {
            let bare = unit.unit.trim_end_matches(".service");
            let service = named("unit", &unit.unit).or_else(|| named("unit", bare));
            changes.push(Change { service, ..start(at, &unit.unit, Source::Systemd) });
        }
    }
    changes
}

/// A start of a machine.
pub(super) fn rebooted(host: &HostName, at: Timestamp) -> Change {
    Change { hosts: vec![host.clone()], ..Change::new(at, Kind::Reboot, "it started anew", Source::Boot) }
}

/// Notes that a check sees another certificate than before, or one that is no longer valid.
pub(super) fn certificate(state: &mut State, result: &services::CheckResult) {
    let Some(after) = result.cert_not_after else { return };
    let before = state.services.check(&result.check).and_then(|check| check.cert_not_after);
    let of = |at: Timestamp, what: String| Change {
        service: Some(result.check.service.clone()),
        ..Change::new(at, Kind::Certificate, what, Source::Checks)
    };
    let name = &result.check.check;
    if let Some(before) = before.filter(|before| *before != after) {
        let detail = vec![format!("valid until {}, before until {}", after.rfc3339(), before.rfc3339())];
        let change = Change { detail, ..of(result.at, format!("certificate of {name} replaced")) };
        state.suspects.saw(change);
    }
    if after <= result.at {
        state.suspects.saw(of(after, format!("certificate of {name} expired")));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::core::{
        Msg,
        alerts::Severity,
        hosts::{HostSample, Pm2List, Pm2Process},
        id::IncidentId,
        incidents::{IncidentEvent, StoredIncidentEvent},
        inventory::{Host, Inventory},
        runs::{Actor, Plan, RunEvent, RunEventKind, Step},
        services::{
            Origin, Outcome,
            testing::{check, result},
        },
        time::{HOUR, Mono},
        update,
    };

    const NOW: i64 = 100 * HOUR;
    const UID: Uid = Uid([7; 6]);

    fn now(at: i64) -> Now {
        Now { utc: Timestamp(at), mono: Mono(at.unsigned_abs()) }
    }

    fn state() -> State {
        let mut inventory = services::testing::inventory(&[check("play@prod/page", 10_000, 5_000, 3)]);
        let mut play = (*inventory.services[0]).clone();
        play.hosts = vec!["web-01".into()];
        play.needs = vec!["api@prod".parse().unwrap()];
        play.recipe.insert("app".into(), "play".into());
        let api = Service { hosts: vec!["api-01".into()], ..Service::new("api@prod".parse().unwrap()) };
        inventory.services = vec![Arc::new(play), Arc::new(api)];
        inventory.hosts = ["web-01", "api-01", "db-01"].map(|name| Arc::new(Host::new(name))).to_vec();
        let inventory: Arc<Inventory> = Arc::new(inventory);
        let mut state = State::new(Arc::clone(&inventory), Actor { by: "ana".into(), from: "tty1".into() });
        _ = update(&mut state, Msg::InventoryReplaced { inventory, problems: Vec::new() }, now(NOW - HOUR));
        state
    }

    fn open(state: &mut State, at: i64) -> Vec<Effect> {
        let event = |at, kind| IncidentEvent { incident: UID, at: Timestamp(at), by: "ana".into(), kind };
        let opened = IncidentEventKind::Opened {
            title: "play@prod down".into(),
            severity: Severity::P1,
            service: Some("play@prod".parse().unwrap()),
        };
        let stored = StoredIncidentEvent { number: IncidentId(1), seq: 1, event: event(at, opened) };
        state.incidents_update(incidents::Msg::Stored(vec![stored]), now(at), None)
    }

    fn looks(effects: &[Effect]) -> Vec<(Vec<HostName>, Timestamp)> {
        let of = |effect: &Effect| {
            let Effect::LookForChanges { hosts, since, .. } = effect else { return None };
            Some((hosts.clone(), *since))
        };
        effects.iter().filter_map(of).collect()
    }

    #[test]
    fn an_incident_that_opens_has_its_hosts_and_those_it_needs_asked() {
        let mut state = state();
        let effects = open(&mut state, NOW);
        let hosts: Vec<HostName> = ["web-01", "api-01"].map(HostName::from).to_vec();
        assert_eq!(looks(&effects), [(hosts.clone(), Timestamp(NOW - DAY))]);
        let looked = state.suspects.of(UID).unwrap();
        assert_eq!(looked.waits.len(), 2);
        let change = Change {
            hosts: vec!["web-01".into()],
            ..Change::new(Timestamp(NOW - 30_000), Kind::Config, "/etc/x", Source::Files)
        };
        let found = suspects::HostChanges { changes: vec![change], missing: vec!["logins: no".into()] };
        for (host, seen) in [("web-01", Ok(found)), ("api-01", Err("no route".to_owned()))] {
            let msg = suspects::Msg::Told { incident: UID, host: host.into(), seen: Box::new(seen) };
            _ = update(&mut state, Msg::Suspects(msg), now(NOW + 1_000));
        }
        let looked = state.suspects.of(UID).unwrap();
        assert!(looked.waits.is_empty());
        assert_eq!(looked.missing[&HostName::from("api-01")], ["no route"]);
        assert_eq!(looked.ranking.convincing().next().unwrap().change.what, "/etc/x");
        // By hand it is asked again; an old one is not asked about by itself.
        let effects = update(&mut state, Msg::Suspects(suspects::Msg::Wanted { incident: UID }), now(NOW + 2_000));
        assert_eq!(looks(&effects).len(), 1);
        let mut fresh = self::state();
        _ = open(&mut fresh, NOW - 3 * DAY);
        assert!(fresh.suspects.of(UID).is_some(), "at its time it was news");
        let event = fresh.incidents.incidents[&UID].timeline[&1].clone();
        let mut late = self::state();
        let stored = StoredIncidentEvent { number: IncidentId(1), seq: 1, event };
        let effects = late.incidents_update(incidents::Msg::Stored(vec![stored]), now(NOW), None);
        assert_eq!(looks(&effects), []);
    }

    fn run(state: &mut State, at: i64, action: runs::Action, by: &str) {
        let mut plan = Plan::new("play@prod".parse().unwrap(), "bring play out", "/l");
        plan.action = action;
        plan.from = Some("v1".into());
        let step = |host: &str| Step {
            host: host.into(),
            name: "x".into(),
            command: "true".into(),
            path_prefix: Vec::new(),
            timeout_ms: 1,
        };
        plan.steps = vec![step("web-01")];
        let uid = Uid([u8::try_from(at % 200).unwrap(); 6]);
        let confirmed = RunEventKind::Confirmed {
            plan: Arc::new(plan),
            reason: "release".into(),
            incident: None,
            before: services::Health::Up,
            second_person: false,
        };
        for kind in [confirmed, RunEventKind::StepStarted { step: 0 }] {
            let event = RunEvent { run: uid, at: Timestamp(at), by: by.into(), kind };
            _ = state.runs_update(runs::Msg::Stored { number: super::super::id::RunId(9), event }, now(at));
        }
    }

    #[test]
    fn what_the_console_knows_itself_needs_no_host_to_tell_it() {
        let mut state = state();
        run(&mut state, NOW - 28_000, runs::Action::Deploy { version: "v2".into() }, "leo");
        let started =
            Pm2Process { name: "play".into(), started_at: Some(Timestamp(NOW - 20_000)), ..Pm2Process::default() };
        let list =
            Pm2List { at: Timestamp(NOW), daemon: true, processes: vec![started.clone(), started], logs_bytes: None };
        _ = state.hosts_update(hosts::Msg::Pm2Arrived { host: "web-01".into(), list }, now(NOW));
        let sample = HostSample { at: Timestamp(NOW), uptime_s: Some(600), ..HostSample::default() };
        let msg = hosts::Msg::SampleArrived { host: "db-01".into(), sample: Box::new(sample) };
        _ = state.hosts_update(msg, now(NOW));
        for (at, until) in [(NOW - 60_000, NOW + DAY), (NOW - 50_000, NOW + 90 * DAY)] {
            let result = services::CheckResult {
                cert_not_after: Some(Timestamp(until)),
                ..result("play@prod/page", at, Outcome::Up)
            };
            let msg = services::Msg::ResultArrived { result, origin: Origin::Measured };
            _ = update(&mut state, Msg::Services(msg), now(at));
        }
        _ = open(&mut state, NOW);
        let ranking = &state.suspects.of(UID).unwrap().ranking;
        let lines: Vec<String> = ranking.suspects.iter().map(|suspect| suspect.change.line()).collect();
        assert_eq!(
            lines,
            [
                "deploy v2, from v1 of play@prod on web-01",
                "cert certificate of page replaced of play@prod",
                "reboot it started anew on db-01"
            ]
        );
        let deploy = &ranking.suspects[0].change;
        assert_eq!(deploy.by.as_deref(), Some("leo"));
        assert!(deploy.detail.iter().any(|line| line == "reason: release"), "{:?}", deploy.detail);
        assert!(deploy.detail.iter().any(|line| line.contains("8 s later: PM2")), "{:?}", deploy.detail);
    }

    #[test]
    fn verdicts_of_earlier_incidents_are_the_history() {
        let mut state = state();
        _ = open(&mut state, NOW);
        let key = |kind| Change::new(Timestamp(NOW), kind, "x", Source::Run).key();
        let chosen = IncidentEventKind::SuspectChosen { key: Some(key(Kind::Config)), summary: String::new() };
        let out = IncidentEventKind::SuspectRuledOut { key: key(Kind::Deploy), summary: String::new() };
        for (seq, kind) in [(2, chosen), (3, out.clone()), (4, out)] {
            let event = IncidentEvent { incident: UID, at: Timestamp(NOW), by: "ana".into(), kind };
            let stored = StoredIncidentEvent { number: IncidentId(1), seq, event };
            _ = state.incidents_update(incidents::Msg::Stored(vec![stored]), now(NOW), None);
        }
        let play = "play@prod".parse().unwrap();
        let of = |but, kind| {
            let tally = history(&state, but).tally(Some(&play), kind);
            (tally.chosen, tally.ruled_out)
        };
        let other = Uid([8; 6]);
        assert_eq!((of(other, Kind::Config), of(other, Kind::Deploy)), ((1, 0), (0, 1)));
        assert_eq!(of(UID, Kind::Config), (0, 0), "not its own");
    }
}
