//! Incidents that come, go and come back with the alerts of their service.
use std::sync::Arc;

use super::*;
use crate::core::{
    Msg,
    alerts::{AlertEvent, AlertEventKind, RuleSpec, Target, builtin_rules, listed, process},
    id::{IncidentId, RunId},
    incidents::{IncidentEvent, Phase, StoredIncidentEvent},
    inventory::{Inventory, Service},
    record::{Recorder, Row},
    runs::{Actor, Plan, RunEvent, RunEventKind, RunOutcome, Step},
    time::{MINUTE, Mono, SECOND},
    update,
};

/// A console that records, with a store that gives back what it is told.
struct Console {
    state: State,
    seq: u64,
    now: Now,
}

impl Console {
    fn new() -> Self {
        Self::of(Inventory::default())
    }

    /// One that watches a service of PM2 by the rules that are there without a configuration.
    fn of_pm2() -> Self {
        let recipe = serde_json::json!({ "app": "play" }).as_object().unwrap().clone();
        let hosts = vec!["web-01".into()];
        let service = Service { kind: "node-pm2".into(), hosts, recipe, ..Service::new("play@prod".parse().unwrap()) };
        let rules = builtin_rules().into_iter().map(Arc::<RuleSpec>::new).collect();
        let hosts = vec![Arc::new(crate::core::inventory::Host::new("web-01"))];
        let mut console =
            Self::of(Inventory { services: vec![Arc::new(service)], rules, hosts, ..Inventory::default() });
        console.state.unattended = true;
        console
    }

    fn of(inventory: Inventory) -> Self {
        let actor = Actor { by: "ana".into(), from: "ana@jump".into() };
        let state = State::new(Arc::new(inventory), actor);
        let mut console = Self { state, seq: 0, now: Now { utc: Timestamp(0), mono: Mono(0) } };
        _ = console.state.alerts_update(alerts::Msg::InventoryReplaced, console.now);
        console.tell(Msg::Loaded(Box::default()));
        console.tell(Msg::RecorderChanged(Recorder::Me { epoch: 1 }));
        console
    }

    fn tell(&mut self, msg: Msg) {
        let effects = update(&mut self.state, msg, self.now);
        self.store(effects);
    }

    fn store(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            let Effect::Commit { rows, then, .. } = effect else { continue };
            for row in rows {
                let Row::Incident(event) = row else { continue };
                self.seq += 1;
                let stored = StoredIncidentEvent { number: IncidentId(1), seq: self.seq, event };
                let effects = self.state.incidents_update(incidents::Msg::Stored(vec![stored]), self.now, None);
                self.store(effects);
            }
            self.store(then);
        }
    }

    /// An alert of the service fires, or is over.
    fn alert(&mut self, uid: u8, fires: bool) {
        self.alert_of("play@prod", uid, fires);
    }

    /// An alert of some service fires, or is over.
    fn alert_of(&mut self, service: &str, uid: u8, fires: bool) {
        let alert = Uid([uid; 6]);
        let kind = if fires {
            AlertEventKind::Fired {
                rule: format!("rule-{uid}").into(),
                target: Target::Service(service.parse().unwrap()),
                severity: Severity::P1,
                value: None,
                since: self.now.utc,
                summary: "down: page".into(),
                muted: false,
            }
        } else {
            AlertEventKind::Resolved { value: None }
        };
        let event = AlertEvent { alert, at: self.now.utc, by: "qd".into(), kind };
        _ = self.state.alerts_update(alerts::Msg::EventsArrived(vec![event]), self.now);
        let fact = if fires { alerts::Fact::Fired { alert } } else { alerts::Fact::Resolved { alert } };
        let effects = self.state.after_alert(fact, self.now);
        self.store(effects);
    }

    /// PM2's counter of restarts is read at a moment, in seconds.
    fn restarts(&mut self, second: i64, count: u32) {
        self.until(second);
        let effects = self.state.alerts_update(listed(vec![process("play", "online", count)], true), self.now);
        self.store(effects);
    }

    fn until(&mut self, second: i64) {
        self.pass(second * SECOND - self.now.utc.0);
    }

    fn pass(&mut self, ms: i64) {
        self.now = Now { utc: self.now.utc + ms, mono: Mono(self.now.mono.0 + ms.unsigned_abs()) };
        self.tell(Msg::Ticked);
    }

    fn only(&self) -> &Incident {
        assert_eq!(self.state.incidents.incidents.len(), 1);
        self.state.incidents.incidents.values().next().unwrap()
    }

    fn words(&self) -> Vec<&'static str> {
        self.only().timeline.values().map(|event: &IncidentEvent| event.kind.word()).collect()
    }
}

#[test]
fn an_incident_ends_with_its_alert_and_comes_back_with_another_while_it_is_validated() {
    let mut console = Console::new();
    console.state.unattended = true;
    console.alert(1, true);
    assert_eq!(console.words(), ["opened", "detected"], "nobody looks: the worst opens by itself");
    console.alert(2, true);
    console.alert(2, false);
    assert_eq!(console.words(), ["opened", "detected", "alert", "alert"], "other alerts of its service are told");
    console.alert(1, false);
    assert_eq!(console.only().phase, Phase::Validate);
    console.pass(9 * MINUTE);
    console.alert(3, true);
    assert_eq!(console.words().last(), Some(&"reopened"));
    assert_eq!((console.only().phase, console.only().is_open()), (Phase::Diagnose, true));
    console.alert(3, false);
    assert_eq!(console.only().phase, Phase::Validate, "it ends with the last alert of its service");
    console.pass(10 * MINUTE);
    console.pass(10_000);
    let phases = console.words().iter().filter(|word| **word == "phase").count();
    assert_eq!((console.only().phase, phases), (Phase::Document, 1), "once it was well for long enough");
    console.alert(4, true);
    assert_eq!(console.state.incidents.incidents.len(), 2, "what comes later is another incident");
}

#[test]
fn what_breaks_long_after_an_incident_was_over_is_another_though_nobody_wrote_that_up() {
    for (minutes, again) in [(50, true), (61, false), (23 * 24 * 60, false)] {
        let mut console = Console::new();
        console.state.unattended = true;
        console.alert(1, true);
        console.alert(1, false);
        // Nobody recorded meanwhile: it is where it was left.
        console.now = Now { utc: console.now.utc + minutes * MINUTE, ..console.now };
        assert_eq!(console.only().phase, Phase::Validate);
        console.alert(2, true);
        assert_eq!(console.state.incidents.incidents.len(), if again { 1 } else { 2 }, "after {minutes} minutes");
        let first = console.state.incidents.incidents.values().find(|of| of.timeline.len() > 2).unwrap();
        assert_eq!(first.is_open(), again, "after {minutes} minutes");
    }
}

/// Declares planned work from now on, in minutes.
fn works(console: &mut Console, minutes: i64) {
    use crate::core::windows::{Covers, Window};
    let covers = Covers { services: ["play@prod".parse().unwrap()].into(), ..Covers::default() };
    let (from, to) = (console.now.utc, console.now.utc + minutes * MINUTE);
    let window = Window { covers, from, to, zone: "UTC".into(), why: "new disks".into() };
    let event = window.declared(&console.state.actor.clone(), console.now.utc);
    let effects = console.state.windows_arrived(&[event], console.now);
    console.store(effects);
}

#[test]
fn what_breaks_by_planned_work_opens_nothing_and_what_outlives_it_does_once() {
    let services = vec![Arc::new(Service::new("play@prod".parse().unwrap()))];
    let mut console = Console::of(Inventory { services, ..Inventory::default() });
    console.state.unattended = true;
    works(&mut console, 10);
    console.alert(1, true);
    console.pass(9 * MINUTE);
    assert!(console.state.incidents.incidents.is_empty());
    console.pass(MINUTE);
    console.pass(10_000);
    assert_eq!(console.words(), ["opened", "detected"], "once");
    console.alert(1, false);
    assert_eq!(console.only().phase, Phase::Validate);
    // While it is proved that users are well, other work breaks it: that is written down, and no more.
    works(&mut console, 5);
    console.alert(2, true);
    assert_eq!((console.words().last(), console.only().is_open()), (Some(&"alert"), false));
    console.pass(4 * MINUTE);
    assert_eq!(console.only().phase, Phase::Validate);
    console.pass(2 * MINUTE);
    assert_eq!((console.words().last(), console.only().is_open()), (Some(&"reopened"), true), "it outlived that");
}

#[test]
fn only_who_records_writes_by_itself() {
    let mut console = Console::new();
    console.state.unattended = true;
    console.alert(1, true);
    console.tell(Msg::RecorderChanged(Recorder::Other { owner: "ben".into() }));
    let before = console.seq;
    console.alert(2, true);
    console.alert(1, false);
    console.pass(60 * MINUTE);
    assert_eq!(console.seq, before);
}

/// A service is down from 0 s on and well at 180 s; its process was started anew meanwhile, and may be afterwards.
fn night(meanwhile: &[(i64, u32)], later: &[(i64, u32)]) -> Console {
    let mut console = Console::of_pm2();
    console.restarts(0, 0);
    console.alert(1, true);
    for (second, count) in meanwhile {
        console.restarts(*second, *count);
    }
    console.until(180);
    console.alert(1, false);
    assert_eq!(console.only().phase, Phase::Validate);
    for (second, count) in later {
        console.restarts(*second, *count);
        console.until(second + 20);
    }
    console
}

#[test]
fn an_alert_that_counts_what_was_before_opens_nothing_again_and_what_broke_since_does() {
    type Restarts = &'static [(i64, u32)];
    let nights: [(Restarts, Restarts, bool); 7] = [
        // Seen late: all of it is of before, or of the way back itself.
        (&[(170, 4)], &[(190, 7), (240, 7), (600, 7)], false),
        (&[], &[(190, 7), (240, 8), (300, 10), (600, 11)], false),
        // It goes on, or begins anew.
        (&[(170, 4)], &[(190, 7), (240, 9), (300, 12)], true),
        (&[(170, 2)], &[(190, 2), (300, 3), (400, 7)], true),
        // It fired before, while the incident was open.
        (&[(100, 7)], &[(190, 7), (300, 8), (700, 8)], false),
        (&[(100, 7)], &[(190, 7), (300, 9), (400, 12)], true),
        (&[(100, 7)], &[], false),
    ];
    for (meanwhile, later, back) in nights {
        let console = night(meanwhile, later);
        let of = console.only();
        let label = format!("{meanwhile:?} then {later:?}: {:?}", console.words());
        assert_eq!(console.words().contains(&"reopened"), back, "{label}");
        assert_eq!((of.is_open(), of.phase == Phase::Diagnose), (back, back), "{label}");
    }
}

#[test]
fn what_is_of_before_is_written_down_once_and_said_to_be_so() {
    let mut console = night(&[(170, 4)], &[(190, 7), (240, 7)]);
    let told = |console: &Console| -> Vec<String> {
        let alerts = console.only().timeline.values().filter(|event| event.kind.word() == "alert");
        alerts.map(|event| event.kind.says()).collect()
    };
    let [told_once] = &told(&console)[..] else { panic!("{:?}", told(&console)) };
    assert!(told_once.contains("restarts in 10m") && told_once.contains("before this was mitigated"), "{told_once}");
    // It is over before the incident's document is: that is written down as well.
    console.restarts(770, 7);
    console.restarts(800, 7);
    assert_eq!(told(&console).len(), 2, "{:?}", told(&console));
    assert!(told(&console)[1].starts_with("no longer"), "{:?}", told(&console));
    assert_eq!(console.only().phase, Phase::Document, "it was well for long enough all the time");
}

#[test]
fn a_failing_check_opens_it_again_and_a_window_does_not_hold_it_open() {
    let mut console = night(&[(170, 4)], &[(190, 7)]);
    console.until(300);
    console.alert(3, true);
    assert_eq!(console.words().last(), Some(&"reopened"));
    console.until(360);
    console.alert(3, false);
    assert_eq!(console.only().phase, Phase::Validate, "though restarts are counted for minutes more");
    assert_eq!(console.state.alerts.firing().count(), 1);
    console.until(500);
    assert_eq!(console.only().phase, Phase::Validate);
}

/// Something happens to a run of the service, as the store tells it of a console elsewhere.
fn run(console: &mut Console, kind: RunEventKind) {
    let event = RunEvent { run: Uid([9; 6]), at: console.now.utc, by: "ben".into(), kind };
    console.tell(Msg::Runs(runs::Msg::Stored { number: RunId(4), event }));
}

fn begin(console: &mut Console) {
    let command = "pm2 reload play".to_owned();
    let step =
        Step { host: "web-01".into(), name: "reload".into(), command, path_prefix: Vec::new(), timeout_ms: 60_000 };
    let new = Plan::new("play@prod".parse().unwrap(), "deploy 2.31.2", "/run/lock/qd-play");
    let plan = Plan { steps: vec![step], ..new }.into();
    let (reason, incident, before) = ("more of it".to_owned(), None, Health::Up);
    run(console, RunEventKind::Confirmed { plan, reason, incident, before, second_person: false, known: None });
}

/// A night whose incident is mended at 60 s; a run begins at 100 s.
fn deployed() -> Console {
    let mut console = Console::new();
    console.state.unattended = true;
    console.alert(1, true);
    console.until(60);
    console.alert(1, false);
    console.until(100);
    begin(&mut console);
    console.until(110);
    console
}

#[test]
fn what_breaks_during_a_run_opens_nothing_again_while_that_and_its_proof_go_on() {
    let mut console = deployed();
    console.alert(2, true);
    let told = console.only().timeline.values().last().unwrap().kind.says();
    assert!(told.contains("during RUN-4") && !console.words().contains(&"reopened"), "{told}");
    console.until(120);
    run(&mut console, RunEventKind::Ended { outcome: RunOutcome::Succeeded });
    console.until(140);
    assert_eq!(console.only().phase, Phase::Validate, "its proof goes on");
    console.alert(2, false);
    run(&mut console, RunEventKind::Proved { verdict: runs::Verdict::Recovered, summary: "is well".into() });
    console.until(500);
    assert_eq!(console.only().resolved, Some(Timestamp(60_000)), "{:?}", console.words());
    assert_eq!(console.words().iter().filter(|word| **word == "alert").count(), 2, "it came and it went");
}

#[test]
fn what_still_is_broken_after_a_run_and_its_proof_opens_it_again_then() {
    for proved in [true, false] {
        let mut console = deployed();
        console.alert(2, true);
        console.until(120);
        run(&mut console, RunEventKind::Ended { outcome: RunOutcome::Succeeded });
        console.until(200);
        assert_eq!(console.only().phase, Phase::Validate);
        if proved {
            let summary = "is not well".into();
            run(&mut console, RunEventKind::Proved { verdict: runs::Verdict::NotRecovered, summary });
            console.until(205);
        } else {
            // Whoever was to prove it is gone: its time ends all the same.
            console.until(215);
        }
        assert_eq!(console.words().last(), Some(&"reopened"), "{proved}");
        assert!(console.only().is_open());
    }
}

#[test]
fn a_run_puts_nothing_off_that_broke_before_it_or_once_nobody_leads_it() {
    let mut early = deployed();
    early.now.utc = Timestamp(99_000);
    early.alert(2, true);
    assert_eq!(early.words().last(), Some(&"reopened"), "it broke before the run");
    let mut left = deployed();
    left.alert(2, true);
    left.until(130);
    assert_eq!(left.only().phase, Phase::Validate);
    left.until(140);
    assert_eq!(left.words().last(), Some(&"reopened"), "nobody leads the run any more");
    let mut unknown = deployed();
    unknown.alert(2, true);
    run(&mut unknown, RunEventKind::Ended { outcome: RunOutcome::Unknown });
    unknown.until(115);
    assert_eq!(unknown.words().last(), Some(&"reopened"), "nobody knows how it ended");
}

#[test]
fn an_incident_that_others_went_into_is_open_until_the_last_alert_of_them_all_is_over() {
    let [play, shop] = [1, 2].map(|alert| incidents::uid_for_alert(Uid([alert; 6])));
    let merged = || {
        let mut console = Console::new();
        console.state.unattended = true;
        console.alert(1, true);
        console.alert_of("shop@prod", 2, true);
        let kind = IncidentEventKind::Linked { other: play, how: incidents::Link::MergedInto };
        let msg = incidents::Msg::Added { incident: shop, at: console.now.utc, by: "ana".into(), kind };
        let effects = console.state.incidents_update(msg, console.now, None);
        console.store(effects);
        assert_eq!(console.state.incidents.open().map(|of| of.uid).collect::<Vec<_>>(), [play]);
        console
    };
    let is_open = |console: &Console| console.state.incidents.incidents[&play].is_open();
    for (first, second) in [((1, "play@prod"), (2, "shop@prod")), ((2, "shop@prod"), (1, "play@prod"))] {
        let mut console = merged();
        console.alert_of(first.1, first.0, false);
        assert!(is_open(&console), "{second:?} still fires");
        console.alert_of(second.1, second.0, false);
        assert!(!is_open(&console), "the last one is over");
        let of = &console.state.incidents.incidents[&play];
        let words: Vec<_> = of.timeline.values().map(|event| event.kind.word()).collect();
        assert_eq!(words, ["opened", "detected", "alert", "resolved"]);
    }
    let mut console = merged();
    console.alert_of("shop@prod", 3, true);
    let opened = console.state.incidents.incidents.len();
    assert_eq!(opened, 2, "what fires of the merged one's service belongs to the one that goes on");
    assert_eq!(console.state.incidents.incidents[&play].timeline.len(), 3);
    // A ring of two leads nowhere, and ends.
    let kind = IncidentEventKind::Linked { other: shop, how: incidents::Link::MergedInto };
    let msg = incidents::Msg::Added { incident: play, at: console.now.utc, by: "ben".into(), kind };
    let effects = console.state.incidents_update(msg, console.now, None);
    console.store(effects);
    console.alert(1, false);
    assert_eq!(console.state.incidents.open().count(), 0);
}

/// An incident that nobody gets on with, and the log that says who has the shift, where it is read.
fn stalled(read: Option<Result<crate::core::audit::Read, String>>) -> Vec<String> {
    use crate::core::incidents::policy::{Member, Team};
    let member = |name: &str| Member { name: name.into(), mail: None, phone: None };
    let mut inventory = Inventory::default();
    inventory.policy.teams = vec![Team { name: "night".into(), members: ["ben", "cy", "dan"].map(member).into() }];
    for of in &mut inventory.policy.severities {
        (of.team, of.escalate_ms) = ("night".into(), Some(MINUTE.unsigned_abs()));
    }
    let mut console = Console::of(inventory);
    console.state.unattended = true;
    console.alert(1, true);
    console.pass(MINUTE - 1);
    let mut asked = false;
    for _ in 0..60 {
        console.now = Now { utc: console.now.utc + SECOND, mono: Mono(console.now.mono.0 + 1_000) };
        let effects = update(&mut console.state, Msg::Ticked, console.now);
        let asks = effects.contains(&Effect::ReadAudit);
        assert!(asked || asks || !console.words().contains(&"escalated"), "it is asked for before anybody is called");
        asked |= asks;
        console.store(effects);
        if let (true, Some(read)) = (asks, &read) {
            console.tell(Msg::AuditRead(Box::new(read.clone())));
        }
    }
    assert!(asked);
    let all = console.only().timeline.values();
    all.filter(|event| matches!(event.kind, IncidentEventKind::Escalated { .. }))
        .map(|event| event.kind.text())
        .collect()
}

#[test]
fn who_signed_the_hand_over_last_is_called_first_and_nothing_hangs_on_the_log() {
    use crate::core::audit::{Entry, Read};
    let entry = |seq: u64, by: &str, minute: i64, what: &str| Entry {
        seq,
        hash: String::new(),
        of: crate::core::record::Audit {
            at: Timestamp(minute * MINUTE),
            by: by.into(),
            from: "x".into(),
            what: what.into(),
            target: "the shift".into(),
            detail: "x".into(),
        },
    };
    let signed = crate::core::handover::SIGNED;
    // The newest first, as they are read; what is no signature is none.
    let entries =
        vec![entry(3, "ben", -1, "alert.acknowledged"), entry(2, "cy", -59, signed), entry(1, "dan", -90, signed)];
    let read = Read { entries, ..Read::default() };
    assert_eq!(stalled(Some(Ok(read))), ["escalated to cy: in classify for 1m; signed the hand-over last, 1h ago"]);
    assert_eq!(
        stalled(Some(Ok(Read::default()))),
        ["escalated to ben: in classify for 1m"],
        "nobody signed: the first of the team"
    );
    assert_eq!(stalled(Some(Err("locked".into()))), ["escalated to ben: in classify for 1m"]);
    assert_eq!(
        stalled(None),
        ["escalated to ben: in classify for 1m"],
        "it never comes: half a minute later somebody is called"
    );
}
