//! Measurements in; events, facts and rows out.
use super::*;
use crate::core::{
    alerts::{Counts, Phase, Severity, builtin_rules, rules::METRICS},
    hosts::{Disk, HostSample, Pm2Process},
    inventory::{Host, Service},
    services::{
        self, Outcome,
        testing::{check, inventory as of_checks, result},
    },
    time::SECOND,
};

const T0: i64 = 1_700_006_400_000;

fn at(seconds: i64) -> Now {
    Now { utc: Timestamp(T0 + seconds * SECOND), mono: Mono((seconds * SECOND + 86_400_000).unsigned_abs()) }
}

fn host(name: &str) -> Arc<Host> {
    Arc::new(Host {
        env: Some("prod".into()),
        labels: BTreeMap::from([("role".to_owned(), name.split('-').next().unwrap().to_owned())]),
        ..Host::new(name)
    })
}

fn inventory() -> Inventory {
    let mut inventory = of_checks(&[check("play@prod/page", 30_000, 10_000, 1)]);
    let service = inventory.services[0].as_ref().clone();
    let recipe = serde_json::json!({ "app": "play" }).as_object().unwrap().clone();
    inventory.services[0] =
        Arc::new(Service { kind: "node-pm2".into(), hosts: vec!["web-01".into()], recipe, ..service });
    inventory.hosts = vec![host("web-01"), host("db-01")];
    inventory.rules = builtin_rules().into_iter().map(Arc::new).collect();
    inventory
}

struct Bench {
    state: State,
    inventory: Inventory,
    events: Vec<AlertEvent>,
}

impl Bench {
    fn new(inventory: Inventory) -> Self {
        let mut bench = Self { state: State::default(), inventory, events: Vec::new() };
        bench.send(0, Msg::InventoryReplaced);
        bench.send(0, Msg::RecordingStarted);
        bench
    }

    fn send(&mut self, seconds: i64, msg: Msg) -> Out {
        let out = update(&mut self.state, msg, at(seconds), &self.inventory);
        self.events.extend(out.rows.iter().filter_map(|row| match row {
            Row::Alert(event) => Some(event.clone()),
            Row::Result(_)
            | Row::Bucket(_)
            | Row::HostMinute(_)
            | Row::Incident(_)
            | Row::Run(_)
            | Row::Audit(_)
            | Row::StatusUpdate(_)
            | Row::Window(_)
            | Row::Outbox(_)
            | Row::Pattern(_)
            | Row::ConfigFile(_)
            | Row::Finding(_) => None,
        }));
        out
    }

    /// Measures and says in one letter each what was written: Fired, Resolved, Acknowledged, fLapping.
    fn put(&mut self, seconds: i64, metric: &'static str, target: Target, value: Option<f64>) -> String {
        let out = self.send(seconds, Msg::Measured(vec![Measurement::new(metric, target, value)]));
        assert_eq!(out.rows.len(), out.facts.len(), "every event is told");
        letters(&out)
    }
}

impl Bench {
    /// Measures and returns the alerts of the events that were written.
    fn put_rows(&mut self, seconds: i64, metric: &'static str, target: Target, value: Option<f64>) -> Vec<Uid> {
        let before = self.events.len();
        self.send(seconds, Msg::Measured(vec![Measurement::new(metric, target, value)]));
        self.events[before..].iter().map(|event| event.alert).collect()
    }
}

fn letters(out: &Out) -> String {
    let letter = |fact: &Fact| match fact {
        Fact::Fired { .. } => 'F',
        Fact::Resolved { .. } => 'R',
        Fact::Acknowledged { .. } => 'A',
        Fact::AcknowledgementExpired { .. } => 'E',
        Fact::Flapping { .. } => 'L',
    };
    out.facts.iter().map(letter).collect()
}

fn web() -> Target {
    Target::Host("web-01".into())
}

#[test]
fn every_builtin_rule_names_a_metric_and_has_its_own_name() {
    let rules = builtin_rules();
    for rule in &rules {
        assert!(metric(&rule.metric).is_some(), "{}", rule.name);
        assert!(rule.is_clear(rule.clear.unwrap_or(rule.threshold.limit())), "{}", rule.name);
        assert!(!rule.is_bad(rule.clear.unwrap_or(rule.threshold.limit())), "{}", rule.name);
    }
    let names: BTreeSet<_> = rules.iter().map(|rule| rule.name.clone()).collect();
    assert_eq!(names.len(), rules.len());
    assert_eq!(METRICS.iter().map(|metric| metric.name).collect::<BTreeSet<_>>().len(), METRICS.len());
}

#[test]
fn a_value_fires_after_its_time_and_resolves_past_its_clear() {
    let mut bench = Bench::new(inventory());
    // (second, CPU, what is written)
    for (second, value, want) in [
        (0, Some(81.0), ""),
        (20, Some(80.0), ""), // not above: pending is over
        (30, Some(91.0), ""),
        (60, Some(91.0), ""),
        (89, None, ""), // says nothing
        (90, Some(95.0), ""),
        (120, Some(95.0), ""),
        (150, Some(95.0), ""),
        (180, Some(95.0), ""),
        (210, Some(95.0), ""),
        (240, Some(95.0), ""),
        (270, Some(95.0), ""),
        (300, Some(95.0), ""),
        (329, Some(95.0), ""),
        (330, Some(91.0), "F"),
        (331, Some(99.0), ""),
        (340, None, ""),
        (350, Some(78.0), ""), // between threshold and clear
        (360, Some(75.0), "R"),
        (370, Some(10.0), ""),
        (380, Some(f64::NAN), ""),
    ] {
        assert_eq!(bench.put(second, "host.cpu", web(), value), want, "at {second}");
    }
    let AlertEventKind::Fired { since, summary, severity, .. } = &bench.events[0].kind else { panic!() };
    assert_eq!((since.0 - T0, *severity), (30 * SECOND, Severity::P2));
    assert_eq!(summary, "CPU 91 % > 80 % for 5m");
}

#[test]
fn below_is_the_other_side() {
    let mut bench = Bench::new(inventory());
    let disk = || Target::Part { host: "web-01".into(), part: "/".into() };
    for second in (0..300).step_by(20) {
        assert_eq!(bench.put(second, "host.disk_free", disk(), Some(9.9)), "");
    }
    assert_eq!(bench.put(300, "host.disk_free", disk(), Some(9.9)), "F");
    assert_eq!(bench.put(310, "host.disk_free", disk(), Some(11.9)), "");
    assert_eq!(bench.put(320, "host.disk_free", disk(), Some(12.0)), "R");
}

#[test]
fn a_silence_in_between_is_no_evidence() {
    let mut bench = Bench::new(inventory());
    assert_eq!(bench.put(0, "host.cpu", web(), Some(99.0)), "");
    // Ten minutes later: nobody knows what was in between.
    assert_eq!(bench.put(600, "host.cpu", web(), Some(99.0)), "");
    let [row] = bench.state.rows(at(600)).try_into().unwrap();
    assert_eq!(row.phase, Phase::Pending { fires_in_ms: 300_000 });
}

#[test]
fn pending_shows_when_it_fires_and_a_tick_fires_it() {
    let mut bench = Bench::new(inventory());
    bench.put(0, "host.mem", web(), Some(90.0));
    for second in [25, 50, 75, 100] {
        bench.put(second, "host.mem", web(), Some(90.0));
    }
    let row = bench.state.rows(at(110)).remove(0);
    assert_eq!((row.phase, row.uid, row.age_ms), (Phase::Pending { fires_in_ms: 10_000 }, None, 110_000));
    assert_eq!(letters(&bench.send(119, Msg::Ticked)), "");
    // Keep the rule about silence out of this.
    bench.send(119, Msg::HostSampled { host: "web-01".into(), sample: Arc::default() });
    bench.send(119, Msg::HostSampled { host: "db-01".into(), sample: Arc::default() });
    assert_eq!(letters(&bench.send(120, Msg::Ticked)), "F");
    assert_eq!(bench.state.counts(at(120)).pending, 0);
}

#[test]
fn a_rule_matches_by_environment_service_host_and_label() {
    let inventory = inventory();
    let part = Target::Part { host: "web-01".into(), part: "play".into() };
    let service = Target::Service("play@prod".parse().unwrap());
    let page = Target::Check("play@prod/page".parse().unwrap());
    for (key, value, targets) in [
        ("env", "prod", vec![web(), part.clone(), service.clone(), page.clone()]),
        ("env", "staging", vec![]),
        ("service", "play", vec![part.clone(), service.clone(), page.clone()]),
        ("service", "play@prod", vec![part.clone(), service.clone(), page.clone()]),
        ("host", "web-01", vec![web(), part.clone()]),
        ("check", "page", vec![page.clone()]),
        ("part", "play", vec![part.clone()]),
        ("role", "web", vec![web(), part.clone()]),
        ("role", "db", vec![]),
        ("colour", "red", vec![]),
    ] {
        let rule =
            RuleSpec { matches: BTreeMap::from([(key.to_owned(), value.to_owned())]), ..builtin_rules().remove(0) };
        for target in [web(), part.clone(), service.clone(), page.clone()] {
            assert_eq!(rule.applies(&target, &inventory), targets.contains(&target), "{key}={value} {target:?}");
        }
    }
    assert!(builtin_rules()[0].applies(&web(), &inventory), "without a match it is about all");
}

#[test]
fn a_service_that_is_down_fires_at_once_dated_back() {
    let mut bench = Bench::new(inventory());
    let mut services = services::State::default();
    services::update(&mut services, services::Msg::InventoryReplaced, at(0), &bench.inventory);
    let mut check = |bench: &mut Bench, second: i64, outcome| {
        let result = result("play@prod/page", T0 + second * SECOND, outcome);
        let id = result.check.clone();
        let msg = services::Msg::ResultArrived { result, origin: services::Origin::Stored };
        services::update(&mut services, msg, at(second + 3), &bench.inventory);
        let all = feed::result(&services, &id, at(second + 3).utc);
        letters(&bench.send(second + 3, Msg::Measured(all)))
    };
    assert_eq!(check(&mut bench, 10, Outcome::Up), "");
    assert_eq!(check(&mut bench, 40, Outcome::Down), "F");
    assert_eq!(check(&mut bench, 70, Outcome::Down), "");
    let alert = bench.state.firing().next().unwrap();
    assert_eq!((alert.since.0, alert.severity), (T0 + 40 * SECOND, Severity::P1));
    assert_eq!(alert.summary, "down: page: down");
    assert_eq!(alert.uid, uid(&"service-down".into(), &alert.target, Timestamp(T0 + 40 * SECOND)));
    // Nobody knows: that does not resolve it.
    assert_eq!(letters(&bench.send(200, Msg::Measured(feed::services(&services_unknown(), at(200).utc)))), "");
    assert_eq!(check(&mut bench, 300, Outcome::Up), "R");
}

fn services_unknown() -> services::State {
    let mut services = services::State::default();
    services::update(&mut services, services::Msg::InventoryReplaced, at(0), &inventory());
    services
}

#[test]
fn flapping_is_damped_until_it_is_quiet() {
    let mut bench = Bench::new(inventory());
    let service = || Target::Service("play@prod".parse().unwrap());
    let mut told = String::new();
    for n in 0..6 {
        told += &bench.put(n * 120, "service.down", service(), Some(1.0));
        told += &bench.put(n * 120 + 60, "service.down", service(), Some(0.0));
    }
    // Fired and resolved twice; the third time it would resolve is the sixth flip.
    assert_eq!(told, "FRFRFL");
    assert!(matches!(bench.state.rows(at(700))[0].phase, Phase::Flapping { flips: 6 }));
    assert_eq!(bench.state.counts(at(700)).flapping, 1);
    // It was good last at 660; bad again at 1000 starts the ten minutes anew.
    assert_eq!(bench.put(1_000, "service.down", service(), Some(1.0)), "");
    assert_eq!(bench.put(1_010, "service.down", service(), Some(0.0)), "");
    assert_eq!(bench.put(1_300, "service.down", service(), None), "");
    assert_eq!(bench.put(1_609, "service.down", service(), Some(0.0)), "");
    assert_eq!(bench.put(1_610, "service.down", service(), Some(0.0)), "R");
    // An hour later flips are forgotten.
    assert_eq!(bench.put(1_610 + 3_700, "service.down", service(), Some(1.0)), "F");
    assert_eq!(bench.put(1_610 + 3_710, "service.down", service(), Some(0.0)), "R");
}

#[test]
fn a_restart_neither_loses_nor_repeats_an_alert() {
    let mut one = Bench::new(inventory());
    for second in (0..=300).step_by(20) {
        one.put(second, "host.cpu", web(), Some(95.0));
    }
    let uid = one.state.firing().next().unwrap().uid;
    one.send(310, Msg::AcknowledgeRequested { alert: uid, by: "ana".into(), for_ms: 600_000, reason: None });
    assert_eq!(one.events.len(), 2);

    let mut two = Bench { state: State::default(), inventory: inventory(), events: Vec::new() };
    two.send(400, Msg::InventoryReplaced);
    assert_eq!(two.send(400, Msg::EventsLoaded(one.events.clone())), Out::default(), "history is no news");
    two.send(400, Msg::RecordingStarted);
    assert_eq!(two.state.alert(uid), one.state.alert(uid));
    for second in (401..900).step_by(20) {
        assert_eq!(two.put(second, "host.cpu", web(), Some(95.0)), "", "at {second}");
    }
    // The store hands every event back: nothing happens twice.
    assert_eq!(two.send(900, Msg::EventsArrived(one.events.clone())), Out::default());
    assert_eq!(two.state.counts(at(900)).unacked, 0);
    assert_eq!(two.put(901, "host.cpu", web(), Some(10.0)), "R");
}

#[test]
fn two_recorders_that_see_one_onset_make_one_alert() {
    let (mut one, mut two) = (Bench::new(inventory()), Bench::new(inventory()));
    let service = || Target::Service("play@prod".parse().unwrap());
    let msg = |stood: u64| {
        Msg::Measured(vec![Measurement { stood_ms: stood, ..Measurement::new("service.down", service(), Some(1.0)) }])
    };
    one.send(40, msg(10_000));
    two.send(41, msg(11_000));
    assert_eq!(one.events[0].alert, two.events[0].alert);
    // A second onset beside a firing one is the same trouble.
    let mut other = two.events[0].clone();
    other.alert = Uid([9; 6]);
    assert_eq!(one.send(42, Msg::EventsArrived(vec![other, two.events[0].clone()])), Out::default());
    assert_eq!(one.state.firing().count(), 1);
    let out = one.send(43, Msg::Measured(vec![Measurement::new("service.down", service(), Some(0.0))]));
    assert_eq!((out.rows.len(), letters(&out).as_str()), (2, "R"), "both are over, told once");
    // A fold of all events has nothing left open, in whatever order they were seen.
    let mut three = Bench::new(inventory());
    three.send(50, Msg::EventsLoaded(one.events.clone()));
    assert_eq!(three.state.firing().count(), 0);
}

#[test]
fn an_older_alert_that_is_read_late_stands_for_the_newer() {
    let (mut old, mut new) = (Bench::new(inventory()), Bench::new(inventory()));
    let service = || Target::Service("play@prod".parse().unwrap());
    old.put(10, "service.down", service(), Some(1.0));
    let first = old.events[0].alert;
    old.send(20, Msg::AcknowledgeRequested { alert: first, by: "ana".into(), for_ms: 3_600_000, reason: None });
    // A new process saw the outage before it had read the store.
    new.put(100, "service.down", service(), Some(1.0));
    let second = new.events[0].alert;
    new.send(101, Msg::EventsLoaded(old.events.clone()));
    assert_eq!(new.state.firing().map(|alert| alert.uid).collect::<Vec<_>>(), [first]);
    assert_eq!(new.state.counts(at(101)).unacked, 0, "it is owned already");
    assert_eq!(new.put_rows(110, "service.down", service(), Some(0.0)), [second, first]);
}

#[test]
fn another_console_sees_pending_and_leaves_events_to_the_recorder() {
    let mut bench = Bench::new(inventory());
    bench.send(0, Msg::RecordingStopped);
    for second in (0..400).step_by(20) {
        assert_eq!(bench.put(second, "host.cpu", web(), Some(95.0)), "");
    }
    assert_eq!(bench.state.rows(at(400))[0].phase, Phase::Pending { fires_in_ms: 0 });
    let mut recorder = Bench::new(inventory());
    for second in (0..=300).step_by(20) {
        recorder.put(second, "host.cpu", web(), Some(95.0));
    }
    assert_eq!(letters(&bench.send(400, Msg::EventsArrived(recorder.events.clone()))), "F");
    assert_eq!(bench.state.rows(at(400)).len(), 1, "pending became firing");
    assert_eq!(bench.put(420, "host.cpu", web(), Some(5.0)), "");
}

#[test]
fn to_acknowledge_is_to_own_it_for_a_while() {
    let mut bench = Bench::new(inventory());
    bench.put(0, "service.down", Target::Service("play@prod".parse().unwrap()), Some(1.0));
    let uid = bench.state.firing().next().unwrap().uid;
    assert_eq!(
        bench.state.counts(at(1)),
        Counts { firing: 1, unacked: 1, worst: Some(Severity::P1), ..Counts::default() }
    );
    let ack = |by: &str| Msg::AcknowledgeRequested { alert: uid, by: by.into(), for_ms: 60_000, reason: None };
    assert_eq!(letters(&bench.send(10, ack("ana"))), "A");
    let row = bench.state.rows(at(20)).remove(0);
    assert_eq!(row.owner.map(|owned| (owned.by, owned.until)), Some(("ana".into(), Timestamp(T0 + 70 * SECOND))));
    assert_eq!(bench.state.counts(at(20)).unacked, 0);
    // Another may take it over.
    assert_eq!(letters(&bench.send(30, ack("ben"))), "A");
    for host in ["web-01", "db-01"] {
        bench.send(80, Msg::HostSampled { host: host.into(), sample: Arc::default() });
    }
    assert_eq!(letters(&bench.send(89, Msg::Ticked)), "");
    assert_eq!(letters(&bench.send(90, Msg::Ticked)), "E");
    assert_eq!(letters(&bench.send(95, Msg::Ticked)), "", "told once");
    let row = bench.state.rows(at(95)).remove(0);
    assert_eq!((row.owner, row.expired_owner), (None, Some("ben".into())));
    assert_eq!(bench.state.counts(at(95)).unacked, 1);
    bench.put(100, "service.down", Target::Service("play@prod".parse().unwrap()), Some(0.0));
    assert_eq!(bench.send(101, ack("ana")), Out::default(), "it is over");
}

#[test]
fn of_three_certificate_rules_the_worst_counts() {
    let mut bench = Bench::new(inventory());
    let page = || Target::Check("play@prod/page".parse().unwrap());
    assert_eq!(bench.put(0, "check.cert_days", page(), Some(13.5)), "F");
    assert_eq!(bench.put(1, "check.cert_days", page(), Some(2.5)), "FF");
    let rows = bench.state.rows(at(1));
    let seen: Vec<_> = rows.iter().map(|row| (row.severity, row.covered)).collect();
    assert_eq!(seen, [(Severity::P1, false), (Severity::P2, true), (Severity::P3, true)]);
    assert_eq!(bench.state.counts(at(1)).firing, 1);
    assert_eq!(rows[0].summary, "certificate 2.5 d < 3 d");
    assert_eq!(bench.put(2, "check.cert_days", page(), Some(90.0)), "RRR");
}

#[test]
fn a_host_that_falls_silent_fires_after_two_minutes_without_a_sample() {
    let mut bench = Bench::new(inventory());
    let mut fired = Vec::new();
    for second in 0..200 {
        if second <= 10 || second >= 150 {
            bench.send(second, Msg::HostSampled { host: "web-01".into(), sample: Arc::default() });
        }
        bench.send(second, Msg::HostSampled { host: "db-01".into(), sample: Arc::default() });
        let told = letters(&bench.send(second, Msg::Ticked));
        if !told.is_empty() {
            fired.push((second, told));
        }
    }
    assert_eq!(fired, [(130, "F".to_owned()), (150, "R".to_owned())]);
}

/// Makes a process of PM2's list.
pub(crate) fn process(name: &str, status: &str, restarts: u32) -> Pm2Process {
    Pm2Process {
        pm_id: 0,
        name: name.to_owned(),
        autorestart: true,
        status: status.to_owned(),
        pid: None,
        restarts,
        unstable_restarts: 0,
        memory_bytes: None,
        cpu_pct: None,
        started_at: None,
        exec_mode: "fork_mode".to_owned(),
        version: None,
        node_version: None,
        log_paths: Vec::new(),
    }
}

/// Tells what PM2 lists on a host.
pub(crate) fn listed(processes: Vec<Pm2Process>, daemon: bool) -> Msg {
    let list = Pm2List { daemon, processes, ..Pm2List::default() };
    Msg::Pm2Listed { host: "web-01".into(), list: Arc::new(list) }
}

#[test]
fn pm2_processes_that_are_down_missing_or_storming_fire() {
    let mut bench = Bench::new(inventory());
    let mut play = |second, list| letters(&bench.send(second, list));
    assert_eq!(play(0, listed(vec![process("play", "online", 7), process("jobs", "online", 0)], true)), "");
    assert_eq!(play(10, listed(vec![process("play", "errored", 7), process("jobs", "stopped", 0)], true)), "");
    assert_eq!(play(30, listed(vec![process("play", "errored", 7), process("jobs", "stopped", 0)], true)), "FF");
    // Deleted on purpose: nothing is down about it. What a service is to have is another matter.
    assert_eq!(play(40, listed(vec![], true)), "R");
    assert_eq!(play(50, listed(vec![], false)), "", "without a daemon nothing is known");
    assert_eq!(play(60, listed(vec![process("play", "online", 7)], true)), "R");
    for (second, restarts, want) in
        [(70, 8, ""), (80, 10, ""), (90, 12, "F"), (500, 12, ""), (680, 12, ""), (691, 12, "R")]
    {
        assert_eq!(play(second, listed(vec![process("play", "online", restarts)], true)), want, "at {second}");
    }
    assert_eq!(play(700, listed(vec![process("play", "online", 0)], true)), "", "the counter was set back");
    let row = &bench.state.rows(at(700))[0];
    assert_eq!(row.service, Some("play@prod".parse().unwrap()));
}

#[test]
fn a_sample_measures_what_it_knows() {
    let sample = HostSample {
        cpu_pct: None,
        mem_total_bytes: Some(1_000),
        mem_used_bytes: Some(900),
        load: Some([3.0, 1.0, 1.0]),
        core_count: Some(2),
        skew_ms: Some(-2_500),
        disks: vec![Disk {
            mount: "/".into(),
            size_bytes: 1_100,
            used_bytes: 950,
            avail_bytes: 50,
            inodes_pct: Some(91.0),
        }],
        ..HostSample::default()
    };
    let values: BTreeMap<_, _> =
        feed::sample(&"web-01".into(), &sample).into_iter().map(|of| (of.metric, of.value)).collect();
    assert_eq!(values["host.cpu"], None);
    assert_eq!(values["host.swap"], None);
    assert_eq!(values["host.mem"], Some(90.0));
    assert_eq!(values["host.load_per_core"], Some(1.5));
    assert_eq!(values["host.clock_skew"], Some(2.5));
    assert_eq!(values["host.disk_free"], Some(5.0));
    assert_eq!(values["host.disk_inodes"], Some(91.0));
}

#[test]
fn a_dead_daemon_says_nothing_about_processes() {
    let process =
        crate::core::hosts::Pm2Process { name: "play".into(), status: "errored".into(), ..Default::default() };
    let down = |daemon| {
        let list = crate::core::hosts::Pm2List { daemon, processes: vec![process.clone()], ..Default::default() };
        feed::pm2(&"web-01".into(), &list, &crate::core::inventory::Inventory::default())[0].value
    };
    assert_eq!((down(true), down(false)), (Some(1.0), None), "its processes outlive it");
}

#[test]
fn what_nobody_watches_any_more_is_over() {
    let mut bench = Bench::new(inventory());
    bench.put(0, "service.down", Target::Service("play@prod".parse().unwrap()), Some(1.0));
    bench.put(0, "host.clock_skew", web(), Some(9.0));
    bench.put(20, "host.clock_skew", web(), Some(9.0));
    bench.put(40, "host.clock_skew", web(), Some(9.0));
    assert_eq!(bench.put(60, "host.clock_skew", web(), Some(9.0)), "F");
    bench.inventory.services.clear();
    bench.inventory.rules.retain(|rule| rule.name.as_str() != "clock-skew");
    assert_eq!(letters(&bench.send(70, Msg::InventoryReplaced)), "RR");
    assert_eq!(bench.state.counts(at(70)), Counts { resolved: 2, ..Counts::default() });
    for second in [70 + 2 * 86_400, 71 + 2 * 86_400] {
        bench.inventory.hosts.clear();
        bench.send(second, Msg::InventoryReplaced);
        bench.send(second, Msg::Ticked);
    }
    assert_eq!(bench.state.rows(at(0)).len(), 0, "after a day it is history of the store");
}

#[test]
fn rows_come_worst_first_and_unowned_before_owned() {
    let mut bench = Bench::new(inventory());
    let page = || Target::Check("play@prod/page".parse().unwrap());
    bench.put(0, "host.mem", web(), Some(99.0));
    bench.put(1, "service.down", Target::Service("play@prod".parse().unwrap()), Some(1.0));
    bench.put(2, "service.down", Target::Service("play@prod".parse().unwrap()), Some(0.0));
    bench.put(3, "check.cert_days", page(), Some(6.0));
    bench.put(4, "pm2.restarts_10m", Target::Part { host: "web-01".into(), part: "play".into() }, Some(9.0));
    let storm = bench.state.firing().find(|alert| alert.rule.as_str() == "restart-storm").unwrap().uid;
    let order = |bench: &Bench| bench.state.rows(at(9)).iter().map(|row| row.rule.to_string()).collect::<Vec<_>>();
    assert_eq!(order(&bench), ["certificate-7d", "restart-storm", "certificate-14d", "memory", "service-down"]);
    let cert = bench.state.firing().find(|alert| alert.rule.as_str() == "certificate-7d").unwrap().uid;
    bench.send(8, Msg::AcknowledgeRequested { alert: cert, by: "ana".into(), for_ms: 60_000, reason: None });
    assert_eq!(order(&bench)[..2], ["restart-storm", "certificate-7d"]);
    assert!(bench.state.alert(storm).is_some());
}

#[test]
fn an_acknowledgement_that_was_not_saved_leaves_the_owner_before_it() {
    let mut bench = Bench::new(inventory());
    bench.put(0, "service.down", Target::Service("play@prod".parse().unwrap()), Some(1.0));
    let alert = bench.events[0].alert;
    let owner = |bench: &Bench| bench.state.alert(alert).unwrap().owned.clone().map(|owned| owned.by);
    let mut refused = Vec::new();
    for (second, by) in [(10, "ana"), (20, "ben")] {
        bench.send(second, Msg::AcknowledgeRequested { alert, by: by.into(), for_ms: 60_000, reason: None });
        refused.push(bench.events.last().unwrap().clone());
    }
    assert_eq!(owner(&bench), Some("ben".into()));
    for (event, stays) in [(refused[1].clone(), Some("ana".into())), (refused[0].clone(), None)] {
        assert_eq!(bench.send(30, Msg::NotSaved(event)), Out::default());
        assert_eq!(owner(&bench), stays);
    }
    assert_eq!(bench.state.counts(at(30)).unacked, 1);
    let fired = bench.events[0].clone();
    let before = bench.state.alert(alert).cloned();
    bench.send(31, Msg::NotSaved(fired));
    assert_eq!(bench.state.alert(alert).cloned(), before, "what was measured stands");
}
