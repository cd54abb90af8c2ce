use std::sync::Arc;

use super::*;
use crate::core::{
    Msg,
    alerts::{self, AlertEvent, AlertEventKind, Severity, Target},
    hosts::{self, HostSample, Pm2List, Pm2Process},
    id::{IncidentId, RunId},
    incidents::{
        IncidentEvent, StoredIncidentEvent,
        suspects::{Change, Kind, Source},
    },
    inventory::{Host, Inventory, Pipeline, PipelineHolds},
    runs::{self, Actor, PipelineRun, Plan, RunEvent, RunEventKind, Step},
    services::{
        self, Origin, Outcome,
        testing::{check, result},
    },
    time::{HOUR, MINUTE, Mono, SECOND},
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
        known: None,
    };
    for kind in [confirmed, RunEventKind::StepStarted { step: 0 }] {
        let event = RunEvent { run: uid, at: Timestamp(at), by: by.into(), kind };
        _ = state.runs_update(runs::Msg::Stored { number: RunId(9), event }, now(at));
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

/// A pipeline's run that began and ended so many seconds before now.
fn brought(number: u64, (began, ended): (i64, Option<i64>), conclusion: Option<&str>) -> PipelineRun {
    PipelineRun {
        id: number,
        number,
        workflow: "deploy".into(),
        title: "Deploy play".into(),
        branch: "main".into(),
        sha: format!("{number:07x}9c1f"),
        status: if conclusion.is_some() { "completed" } else { "in_progress" }.into(),
        conclusion: conclusion.map(str::to_owned),
        event: "push".into(),
        by: "leo".into(),
        url: format!("https://github.test/acme/play/actions/runs/{number}"),
        at: Some(Timestamp(NOW - began * SECOND)),
        updated: ended.map(|ended| Timestamp(NOW - ended * SECOND)),
        waits_for: Vec::new(),
    }
}

fn with_pipeline(state: &mut State) {
    let mut inventory = (*state.inventory).clone();
    let pipeline = Pipeline {
        repo: "acme/play".into(),
        workflow: "deploy.yml".into(),
        branch: "main".into(),
        environment: None,
        inputs: std::collections::BTreeMap::new(),
        hold: PipelineHolds::default(),
        version_input: None,
        id_input: None,
        token: "env:T".into(),
        api: "https://api.github.test".into(),
    };
    let mut play = (*inventory.services[0]).clone();
    play.pipeline = Some(Arc::new(pipeline));
    inventory.services[0] = Arc::new(play);
    let inventory = Arc::new(inventory);
    _ = update(state, Msg::InventoryReplaced { inventory, problems: Vec::new() }, now(NOW - HOUR));
}

#[test]
fn what_a_pipeline_brought_out_is_a_suspect() {
    let mut state = state();
    with_pipeline(&mut state);
    let effects = open(&mut state, NOW);
    let asked = effects.iter().find_map(|effect| {
        let Effect::LookForChanges { pipelines, .. } = effect else { return None };
        Some(pipelines.clone())
    });
    let play: ServiceId = "play@prod".parse().unwrap();
    assert_eq!(asked.unwrap(), std::slice::from_ref(&play));
    assert_eq!(state.suspects.of(UID).unwrap().waiting(), 3);
    let runs = vec![
        brought(5, (50, None), None),
        brought(4, (600, Some(30)), Some("success")),
        brought(3, (900, Some(800)), Some("skipped")),
        brought(2, (3_000, Some(2_400)), Some("failure")),
        brought(1, (3 * 24 * 3_600, Some(3 * 24 * 3_600 - 60)), Some("success")),
        PipelineRun { status: "waiting".into(), ..brought(6, (40, None), None) },
        PipelineRun { at: None, ..brought(7, (40, None), None) },
    ];
    let told = suspects::Msg::PipelineTold { incident: UID, service: play.clone(), runs: Ok(runs) };
    _ = update(&mut state, Msg::Suspects(told), now(NOW + 1_000));
    let suspects = |state: &State| {
        let ranking = &state.suspects.of(UID).unwrap().ranking;
        ranking.suspects.iter().map(|of| (of.change.what.clone(), of.before_ms / 1_000)).collect::<Vec<_>>()
    };
    // One that ended counts from its end; one that went on at the onset from its beginning.
    let of = |what: &str, before| (what.to_owned(), before);
    assert_eq!(suspects(&state), [of("0000004 of main", 30), of("0000005 of main", 50), of("0000002 of main", 2_400)]);
    let first = &state.suspects.of(UID).unwrap().ranking.suspects[0].change;
    assert_eq!((first.by.as_deref(), first.source), (Some("leo"), Source::Github));
    assert!(first.detail.iter().any(|line| line.contains("run 4")), "{:?}", first.detail);
    // What qd itself began there is the same delivery, and is listed once.
    run(&mut state, NOW - 45_000, runs::Action::Deploy { version: "v2".into() }, "ana");
    rank(&mut state, UID, now(NOW + 2_000));
    let listed = suspects(&state);
    assert_eq!(listed.len(), 2, "{listed:?}");
    // GitHub that says nothing is said, and takes away nothing else.
    let told = suspects::Msg::PipelineTold { incident: UID, service: play.clone(), runs: Err("no token".into()) };
    _ = update(&mut state, Msg::Suspects(told), now(NOW + 3_000));
    assert_eq!(state.suspects.of(UID).unwrap().pipelines[&play], Some(Err("no token".to_owned())));
    assert_eq!(suspects(&state).len(), 1);
}

#[test]
fn an_alert_that_somebody_took_is_a_silence() {
    let mut state = state();
    let alert = Uid([3; 6]);
    let fired = AlertEventKind::Fired {
        rule: "service.down".into(),
        target: Target::Service("play@prod".parse().unwrap()),
        severity: Severity::P2,
        value: None,
        since: Timestamp(NOW - 20 * MINUTE),
        summary: "play@prod down".into(),
        muted: false,
    };
    let taken = AlertEventKind::Acknowledged { until: Timestamp(NOW + HOUR), reason: None, over: None };
    for (at, kind) in [(20, fired), (10, taken)] {
        let event = AlertEvent { alert, at: Timestamp(NOW - at * MINUTE), by: "leo".into(), kind };
        _ = update(&mut state, Msg::Alerts(alerts::Msg::EventsArrived(vec![event])), now(NOW - at * MINUTE));
    }
    let silences: Vec<Change> =
        known::own(&state, Timestamp(NOW), now(NOW)).into_iter().filter(|of| of.kind == Kind::Silence).collect();
    let [silence] = silences.as_slice() else { panic!("{silences:?}") };
    assert_eq!(silence.line(), "silence service.down of play@prod acknowledged of play@prod");
    assert_eq!((silence.by.as_deref(), silence.at), (Some("leo"), Timestamp(NOW - 10 * MINUTE)));
}

#[test]
fn planned_work_is_a_silence() {
    use crate::core::windows::{Covers, Window};
    let mut state = state();
    let window = |covers, from, why: &str| Window {
        covers,
        from: Timestamp(from),
        to: Timestamp(from + 2 * HOUR),
        zone: "UTC".into(),
        why: why.into(),
    };
    let play = Covers { services: vec!["play@prod".parse().unwrap()], ..Covers::default() };
    let web = Covers { hosts: vec!["web-01".into()], ..Covers::default() };
    let all = [
        window(play, NOW - 5 * MINUTE, "new disks"),
        window(web.clone(), NOW - 30 * HOUR, "of yesterday"),
        window(web, NOW + HOUR, "still to come"),
    ];
    let leo = Actor { by: "leo".into(), from: "tty2".into() };
    let events: Vec<_> = all
        .into_iter()
        .zip(0..)
        .map(|(window, more)| window.declared(&leo, Timestamp(NOW - 40 * HOUR + more)))
        .collect();
    _ = state.windows_arrived(&events, now(NOW));
    let silences: Vec<Change> =
        known::own(&state, Timestamp(NOW), now(NOW)).into_iter().filter(|of| of.kind == Kind::Silence).collect();
    let [silence] = silences.as_slice() else { panic!("{silences:?}") };
    assert_eq!(silence.line(), "silence planned work: new disks of play@prod");
    assert_eq!((silence.by.as_deref(), silence.at), (Some("leo"), Timestamp(NOW - 5 * MINUTE)));
}

#[test]
fn a_certificate_that_was_replaced_is_known_after_a_restart() {
    let mut state = state();
    _ = open(&mut state, NOW);
    let page: crate::core::id::CheckId = "play@prod/page".parse().unwrap();
    let seen = |until| services::CheckResult {
        cert_not_after: Some(Timestamp(until)),
        ..result("play@prod/page", NOW - MINUTE, Outcome::Up)
    };
    let (before, after) = (NOW + DAY, NOW + 90 * DAY);
    let replaced = incidents::precedent::Replaced {
        check: page,
        at: seen(after).at,
        before: Timestamp(before),
        after: Timestamp(after),
    };
    let all = incidents::precedent::Remembered { certificates: vec![replaced], ..Default::default() };
    for _ in 0..2 {
        _ = update(&mut state, Msg::Suspects(suspects::Msg::Remembered(all.clone())), now(NOW));
    }
    // Where the console saw it itself, it is the same.
    for until in [before, after] {
        let msg = services::Msg::ResultArrived { result: seen(until), origin: Origin::Measured };
        _ = update(&mut state, Msg::Services(msg), now(NOW - MINUTE));
    }
    let certificates: Vec<&Change> = state.suspects.seen().filter(|of| of.kind == Kind::Certificate).collect();
    assert_eq!(certificates.len(), 1, "{certificates:?}");
    let ranking = &state.suspects.of(UID).unwrap().ranking;
    assert_eq!(ranking.suspects[0].change.what, "certificate of page replaced");
}

fn sampled(state: &mut State, at: i64, of: HostSample) {
    let msg =
        hosts::Msg::SampleArrived { host: "web-01".into(), sample: Box::new(HostSample { at: Timestamp(at), ..of }) };
    _ = state.hosts_update(msg, now(at));
}

#[test]
fn one_start_of_a_machine_is_one_row_whoever_tells_of_it_and_stays_ruled_out() {
    let mut state = state();
    let up = |uptime_s| HostSample { uptime_s: Some(uptime_s), ..HostSample::default() };
    sampled(&mut state, NOW - 1_000, up(600));
    _ = open(&mut state, NOW);
    let reboots = |state: &State| -> Vec<Change> {
        let all = state.suspects.of(UID).unwrap().ranking.suspects.iter().map(|suspect| suspect.change.clone());
        all.filter(|change| change.kind == Kind::Reboot).collect()
    };
    let [first] = &reboots(&state)[..] else { panic!("{:?}", reboots(&state)) };
    let kind = IncidentEventKind::SuspectRuledOut { key: first.key(), summary: first.line() };
    let event = IncidentEvent { incident: UID, at: Timestamp(NOW), by: "ana".into(), kind };
    let stored = StoredIncidentEvent { number: IncidentId(1), seq: 2, event };
    _ = state.incidents_update(incidents::Msg::Stored(vec![stored]), now(NOW), None);
    // The next sample is 1.9 s later by the clock, and by the host's own count 1 s; the host itself tells it with its kernel.
    sampled(&mut state, NOW + 900, up(601));
    let kernel = Change {
        hosts: vec!["web-01".into()],
        ..Change::new(Timestamp(NOW - 604_300), Kind::Reboot, "6.1.0-26 → 6.1.0-28", Source::Boot)
    };
    let found = suspects::HostChanges { changes: vec![kernel], missing: Vec::new() };
    let msg = suspects::Msg::Told { incident: UID, host: "web-01".into(), seen: Box::new(Ok(found)) };
    _ = update(&mut state, Msg::Suspects(msg), now(NOW + 1_000));
    let [one] = &reboots(&state)[..] else { panic!("{:?}", reboots(&state)) };
    assert_eq!(one.what, "6.1.0-26 → 6.1.0-28");
    assert!(
        one.key() != first.key() && state.incidents.incidents[&UID].rules_out(one),
        "{} {}",
        one.key(),
        first.key()
    );
    // Another machine's is another one, and one of an hour ago.
    let elsewhere = Change { hosts: vec!["db-01".into()], ..one.clone() };
    let before = Change { at: one.at - HOUR, ..one.clone() };
    assert!(![elsewhere, before].iter().any(|other| state.incidents.incidents[&UID].rules_out(other)));
}

#[test]
fn an_incident_that_is_opened_on_a_host_has_that_host_asked_and_tells_when_it_began() {
    use crate::core::{
        action::{Action, Motion},
        record::{Recorder, Row},
    };
    let mut state = state();
    _ = update(&mut state, Msg::RecorderChanged(Recorder::Me { epoch: 1 }), now(NOW - HOUR));
    for step in 0..60_i64 {
        let cpu_pct = Some(if step < 40 { 21.0 } else { 97.0 });
        sampled(&mut state, NOW - (60 - step) * 10_000, HostSample { cpu_pct, ..HostSample::default() });
    }
    let mut committed = Vec::new();
    for action in [Action::GoHosts, Action::Move(Motion::Bottom), Action::OpenIncident] {
        let effects = update(&mut state, Msg::Acted(action), now(NOW));
        let rows = |effect| if let Effect::Commit { rows, .. } = effect { rows } else { Vec::new() };
        committed.extend(effects.into_iter().flat_map(rows));
    }
    let events =
        committed.into_iter().filter_map(|row| if let Row::Incident(event) = row { Some(event) } else { None });
    let stored = events.zip(1..).map(|(event, seq)| StoredIncidentEvent { number: IncidentId(1), seq, event });
    let stored: Vec<StoredIncidentEvent> = stored.collect();
    let name = HostName::from("web-01");
    let effects = state.incidents_update(incidents::Msg::Stored(stored), now(NOW), None);
    let of = state.incidents.incidents.values().next().unwrap();
    assert_eq!((of.service.clone(), of.hosts.as_slice()), (None, std::slice::from_ref(&name)));
    assert_eq!(looks(&effects), [(vec![name], of.zero() - DAY)]);
    let began = effects.iter().find_map(|effect| {
        let Effect::Commit { rows, .. } = effect else { return None };
        rows.iter().find_map(|row| {
            let Row::Incident(event) = row else { return None };
            if let IncidentEventKind::Onset { how, .. } = &event.kind { Some(how.clone()) } else { None }
        })
    });
    assert_eq!(began.as_deref(), Some("CPU of web-01 21.0 % → 97.0 %"));
}
