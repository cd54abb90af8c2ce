mod order;
mod outside;
mod policy;
mod proof;
mod ready;
mod sets;
mod stick;

use std::sync::Arc;

use super::*;
use crate::core::{
    inventory::{EnvKind, Environment, Host},
    record::Row,
};

fn host(name: &str, env: Option<&str>) -> Arc<Host> {
    Arc::new(Host { env: env.map(Into::into), address: "127.0.0.1".into(), ..Host::new(name) })
}

fn inventory() -> Inventory {
    Inventory {
        environments: vec![
            Environment::new("prod", EnvKind::Production),
            Environment::new("staging", EnvKind::Staging),
        ],
        hosts: vec![host("web-01", Some("prod")), host("stage-01", Some("staging")), host("jump", None)],
        ..Inventory::default()
    }
}

fn step(host: &str, name: &str) -> Step {
    Step {
        host: host.into(),
        name: name.into(),
        command: "pm2 restart 0".into(),
        path_prefix: Vec::new(),
        timeout_ms: 60_000,
    }
}

fn plan(service: &str, host: &str) -> Plan {
    Plan {
        steps: vec![step(host, "restart")],
        effect: "open requests are cut".into(),
        undo: "none needed".into(),
        ..Plan::new(service.parse().unwrap(), "restart play", "/run/lock/qd-play")
    }
}

fn at(ms: u64) -> Now {
    Now { utc: Timestamp(1_000_000 + i64::try_from(ms).unwrap()), mono: Mono(ms) }
}

/// The checks of the service in staging answered.
fn seen(health: Health, since: Timestamp) -> Msg {
    let measured = Box::new(Measured { health: Some(health), ..Measured::default() });
    Msg::HealthSeen { service: "play@staging".parse().unwrap(), measured, since }
}

fn actor() -> Actor {
    Actor { by: "ana".into(), from: "tty1".into() }
}

const RUN: Uid = Uid([1, 2, 3, 4, 5, 6]);

struct Desk {
    state: State,
    inventory: Inventory,
}

impl Desk {
    fn new() -> Self {
        Self { state: State::default(), inventory: inventory() }
    }

    fn send(&mut self, ms: u64, msg: Msg) -> Out {
        update(&mut self.state, msg, at(ms), &self.inventory, &actor())
    }

    fn reviewed(&mut self, ms: u64, plan: Plan) -> Out {
        let asked = self.send(ms, Msg::Asked { service: plan.service.clone(), wanted: Wanted::Restart });
        assert!(matches!(asked.asks.as_slice(), [Ask::Plan(..)]));
        self.send(ms, Msg::Planned { run: RUN, plan: plan.into(), incident: None, before: Health::Down, urgent: false })
    }
}

#[test]
fn production_needs_armed_write_the_name_and_a_reason_in_that_order() {
    let mut desk = Desk::new();
    _ = desk.reviewed(0, plan("play@prod", "web-01"));
    let refused = |desk: &Desk| desk.state.review.as_ref().unwrap().refused.clone().unwrap();
    assert_eq!(desk.send(600, Msg::Confirmed), Out::default());
    assert!(refused(&desk).contains("write is not armed for prod"));
    let armed = desk.send(700, Msg::WriteArmed("prod".into()));
    assert!(matches!(armed.rows.as_slice(), [Row::Audit(audit)] if audit.what == "write.armed"));
    _ = desk.send(800, Msg::Confirmed);
    assert!(refused(&desk).contains("type the service name"));
    _ = desk.send(900, Msg::NameTyped("play".into()));
    _ = desk.send(900, Msg::Confirmed);
    assert!(refused(&desk).contains("reason"));
    _ = desk.send(950, Msg::ReasonTyped("it is down".into()));
    assert_eq!(desk.send(1_000, Msg::Confirmed), Out::default());
    assert_eq!(desk.send(2_900, Msg::Ticked), Out::default(), "two seconds to cancel");
    let started = desk.send(3_000, Msg::Ticked);
    match started.asks.as_slice() {
        [Ask::Start { rows, run: RUN, plan, shares, permit }] => {
            assert!(matches!(rows.as_slice(), [Row::Audit(_), Row::Run(_), ..]), "rows go first");
            assert_eq!(shares.as_slice(), [("web-01".into(), Way::There)]);
            assert_eq!((plan.title.as_str(), permit.level()), ("restart play", Level::Production));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(started.facts, [Fact::Confirmed { run: RUN }]);
    assert_eq!(desk.state.review, None);
}

#[test]
fn the_countdown_can_be_cancelled_and_disarming_stops_it() {
    let mut desk = Desk::new();
    _ = desk.send(0, Msg::WriteArmed("prod".into()));
    for stop in [Msg::Cancelled, Msg::WriteDisarmed] {
        _ = desk.send(0, Msg::WriteArmed("prod".into()));
        _ = desk.reviewed(0, plan("play@prod", "web-01"));
        _ = desk.send(600, Msg::NameTyped("play".into()));
        _ = desk.send(600, Msg::ReasonTyped("down".into()));
        _ = desk.send(600, Msg::Confirmed);
        assert!(desk.state.review.as_ref().unwrap().starts.is_some());
        _ = desk.send(1_000, stop);
        let asks = desk.send(5_000, Msg::Ticked).asks;
        assert!(!asks.iter().any(|ask| matches!(ask, Ask::Start { .. })), "{asks:?}");
        assert!(desk.state.runs.is_empty());
        desk.state.review = None;
    }
}

#[test]
fn what_was_typed_before_the_box_opened_is_dropped() {
    let mut desk = Desk::new();
    _ = desk.reviewed(10_000, plan("play@staging", "stage-01"));
    assert_eq!(desk.send(10_499, Msg::Confirmed).asks, []);
    _ = desk.send(10_499, Msg::NameTyped("play".into()));
    assert_eq!(desk.state.review.as_ref().unwrap().typed, "");
    assert!(matches!(desk.send(10_500, Msg::Confirmed).asks.as_slice(), [Ask::Start { .. }]));
}

#[test]
fn hosts_are_looked_at_again_while_the_box_is_open_and_what_stands_against_it_holds_it() {
    let mut desk = Desk::new();
    let plan = || plan("play@staging", "stage-01");
    _ = desk.reviewed(0, plan());
    assert_eq!(desk.send(4_900, Msg::Ticked).asks, []);
    let asked = desk.send(5_000, Msg::Ticked).asks;
    assert!(matches!(asked.as_slice(), [Ask::Plan(_, Wanted::Restart, false)]), "{asked:?}");
    let seen = |desk: &mut Desk, plan: Plan| {
        let planned =
            Msg::Planned { run: Uid([9; 6]), plan: plan.into(), incident: None, before: Health::Up, urgent: false };
        _ = desk.send(5_100, planned);
        _ = desk.send(5_200, Msg::Confirmed);
        desk.state.review.as_ref().map(|review| (review.run, review.refused.clone().unwrap_or_default()))
    };
    let bad = Precheck { verdict: Fit::Bad, text: "stage-01 is locked by ben".into() };
    let held = seen(&mut desk, Plan { prechecks: vec![bad], ..plan() });
    assert_eq!(held, Some((RUN, "stage-01 is locked by ben".into())), "the run keeps its id");
    let (_, other) = seen(&mut desk, Plan { effect: "another".into(), ..plan() }).unwrap();
    assert!(other.contains("another plan"), "{other}");
    let gone = Msg::PlanRefused { service: "play@staging".parse().unwrap(), why: "stage-01: no answer".into() };
    assert_eq!(desk.send(5_300, gone), Out::default());
    assert_eq!(desk.state.review.as_ref().unwrap().stale.as_deref(), Some("stage-01: no answer"));
    assert_eq!(seen(&mut desk, plan()), None, "it is as it was: it starts");
    assert!(desk.state.runs.contains_key(&RUN));
}

#[test]
fn armed_write_ends_by_itself_and_covers_one_environment() {
    let mut desk = Desk::new();
    _ = desk.send(0, Msg::WriteArmed("prod".into()));
    assert!(desk.state.armed.covers(&"prod".into(), at(299_999)));
    assert!(!desk.state.armed.covers(&"prod".into(), at(300_000)));
    _ = desk.send(10, Msg::WriteArmed("staging".into()));
    assert!(!desk.state.armed.covers(&"prod".into(), at(20)));
}

#[test]
fn a_plan_for_a_host_of_another_environment_is_refused_before_any_box() {
    for (service, host) in [("play@prod", "stage-01"), ("play@prod", "jump"), ("play@prod", "nowhere")] {
        let mut desk = Desk::new();
        let out = desk.reviewed(0, plan(service, host));
        assert!(matches!(out.facts.as_slice(), [Fact::Said(why)] if why.contains("never changed")), "{out:?}");
        assert_eq!(desk.state.review, None);
    }
}

#[test]
fn a_plan_nobody_waits_for_opens_no_box() {
    let mut desk = Desk::new();
    _ = desk.send(0, Msg::Asked { service: "cloud@prod".parse().unwrap(), wanted: Wanted::Restart });
    _ = desk.send(
        1,
        Msg::Planned {
            run: RUN,
            plan: plan("play@prod", "web-01").into(),
            incident: None,
            before: Health::Up,
            urgent: false,
        },
    );
    assert_eq!(desk.state.review, None);
}

fn running() -> Desk {
    let mut desk = Desk::new();
    _ = desk.reviewed(0, plan("play@staging", "stage-01"));
    _ = desk.send(600, Msg::Confirmed);
    desk
}

fn event(ms: u64, kind: RunEventKind) -> RunEvent {
    RunEvent { run: RUN, at: at(ms).utc, by: "ana".into(), kind }
}

#[test]
fn a_lost_link_is_unknown_until_the_journal_says_more() {
    let mut desk = running();
    _ = desk.send(700, Msg::Happened(event(700, RunEventKind::StepStarted { step: 0 })));
    let unknown = StepEnd::Unknown("see the journal".into());
    _ = desk.send(800, Msg::Happened(event(800, RunEventKind::StepEnded { step: 0, end: unknown })));
    _ = desk.send(800, Msg::Happened(event(800, RunEventKind::Ended { outcome: RunOutcome::Unknown })));
    assert_eq!(desk.state.runs[&RUN].outcome.unwrap().0, RunOutcome::Unknown);
    _ = desk.send(900, Msg::Happened(event(900, RunEventKind::StepEnded { step: 0, end: StepEnd::Exit(0) })));
    _ = desk.send(900, Msg::Happened(event(900, RunEventKind::Ended { outcome: RunOutcome::Succeeded })));
    let run = &desk.state.runs[&RUN];
    assert_eq!(run.steps[0].ended.as_ref().unwrap().1, StepEnd::Exit(0));
    assert_eq!(run.outcome.unwrap().0, RunOutcome::Succeeded);
    _ = desk.send(950, Msg::Happened(event(950, RunEventKind::Ended { outcome: RunOutcome::Failed })));
    assert_eq!(desk.state.runs[&RUN].outcome.unwrap().0, RunOutcome::Succeeded, "what is known stays");
}

#[test]
fn a_host_is_lost_until_it_is_seen_again_whatever_others_say() {
    let mut desk = running();
    let lost = |desk: &Desk| desk.state.runs[&RUN].lost.keys().map(ToString::to_string).collect::<Vec<_>>();
    for host in ["stage-01", "stage-02"] {
        _ = desk.send(700, Msg::LinkLost { run: RUN, host: host.into(), how: "look there".into() });
    }
    let line = OutputLine { at: at(800).utc, step: 0, text: "from the other".into() };
    _ = desk.send(800, Msg::OutputArrived { run: RUN, line });
    assert_eq!(lost(&desk), ["stage-01", "stage-02"]);
    _ = desk.send(900, Msg::LinkBack { run: RUN, host: "stage-01".into() });
    assert_eq!(lost(&desk), ["stage-02"]);
    _ = desk.send(950, Msg::Happened(event(950, RunEventKind::Ended { outcome: RunOutcome::Unknown })));
    assert_eq!(lost(&desk), [""; 0]);
}

#[test]
fn only_results_from_after_the_run_prove_a_recovery() {
    let mut desk = running();
    _ = desk.send(1_000, Msg::Happened(event(1_000, RunEventKind::Ended { outcome: RunOutcome::Succeeded })));
    let seen = |ms, health| seen(health, at(ms).utc);
    assert_eq!(desk.send(1_100, seen(900, Health::Up)), Out::default(), "a result from before");
    assert_eq!(desk.send(1_200, seen(1_100, Health::Down)), Out::default(), "not yet");
    for (ms, health) in [(2_000, Health::Up), (2_200, Health::Up), (2_400, Health::Down), (2_600, Health::Up)] {
        assert_eq!(desk.send(ms, seen(ms, health)), Out::default(), "not three in a row yet");
    }
    assert_eq!(desk.send(2_700, seen(2_550, Health::Up)), Out::default(), "a check's second answer of the same round");
    _ = desk.send(2_800, seen(2_800, Health::Up));
    let out = desk.send(3_000, seen(2_900, Health::Up));
    assert_eq!(out.facts, [Fact::Proved { run: RUN }]);
    let (verdict, summary) = desk.state.runs[&RUN].proof.clone().unwrap();
    assert_eq!((verdict, summary.as_str()), (Verdict::Recovered, "play@staging recovered: down before, up now"));
    assert_eq!(desk.send(4_000, seen(3_500, Health::Up)), Out::default(), "proved once");
}

#[test]
fn without_recovery_in_time_the_verdict_is_no() {
    let mut desk = running();
    _ = desk.send(1_000, Msg::Happened(event(1_000, RunEventKind::Ended { outcome: RunOutcome::Succeeded })));
    let out = desk.send(1_000 + PROOF_MS - 1, Msg::Ticked);
    assert!(out.facts.is_empty() && matches!(out.asks.as_slice(), [Ask::CheckNow(_)]), "{out:?}");
    let out = desk.send(1_000 + PROOF_MS, Msg::Ticked);
    assert_eq!(out.facts, [Fact::Proved { run: RUN }]);
    assert_eq!(desk.state.runs[&RUN].proof.as_ref().unwrap().0, Verdict::Unknown, "no result came at all");
    let mut desk = running();
    _ = desk.send(1_000, Msg::Happened(event(1_000, RunEventKind::Ended { outcome: RunOutcome::Succeeded })));
    _ = desk.send(2_000, seen(Health::Down, at(1_500).utc));
    _ = desk.send(1_000 + PROOF_MS, Msg::Ticked);
    assert_eq!(desk.state.runs[&RUN].proof.as_ref().unwrap().0, Verdict::NotRecovered);
}

#[test]
fn events_from_the_store_build_the_same_run_as_those_from_the_host() {
    let mut ours = running();
    let confirmed = RunEventKind::Confirmed {
        plan: plan("play@staging", "stage-01").into(),
        reason: String::new(),
        incident: None,
        before: Health::Down,
        second_person: false,
        known: None,
    };
    let tail = [
        RunEventKind::StepStarted { step: 0 },
        RunEventKind::StepEnded { step: 0, end: StepEnd::Exit(1) },
        RunEventKind::Ended { outcome: RunOutcome::Failed },
    ];
    let mut theirs = Desk::new();
    _ = theirs.send(600, Msg::Stored { number: RunId(7), event: event(600, confirmed) });
    for kind in tail {
        _ = ours.send(700, Msg::Happened(event(700, kind.clone())));
        let stored = theirs.send(700, Msg::Stored { number: RunId(7), event: event(700, kind) });
        assert_eq!(stored, Out::default(), "what another console did is not done again");
    }
    let (ours, theirs) = (&ours.state.runs[&RUN], &theirs.state.runs[&RUN]);
    assert_eq!((&ours.steps, ours.outcome), (&theirs.steps, theirs.outcome));
    assert_eq!(theirs.number, Some(RunId(7)));
}

#[test]
fn what_a_host_tells_again_is_no_news() {
    let mut desk = running();
    let ended = |outcome| RunEventKind::Ended { outcome };
    let tail = [
        (RunEventKind::StepStarted { step: 0 }, None),
        (RunEventKind::StepEnded { step: 0, end: StepEnd::Unknown("look".into()) }, Some(ended(RunOutcome::Unknown))),
        // The link is back, and the journal tells how it went.
        (RunEventKind::StepEnded { step: 0, end: StepEnd::Exit(0) }, Some(ended(RunOutcome::Succeeded))),
    ];
    for (kind, follows) in &tail {
        let out = desk.send(700, Msg::Happened(event(700, kind.clone())));
        let rows: Vec<Row> = [Some(kind), follows.as_ref()]
            .into_iter()
            .flatten()
            .map(|kind| Row::Run(event(700, kind.clone())))
            .collect();
        assert_eq!(out.rows, rows, "{kind:?}");
    }
    for (kind, follows) in &tail {
        for kind in [Some(kind), follows.as_ref()].into_iter().flatten() {
            assert_eq!(desk.send(900, Msg::Happened(event(900, kind.clone()))), Out::default(), "{kind:?}");
        }
    }
}

#[test]
fn an_event_repeats_only_what_was_said_before() {
    use RunEventKind::{Ended, StepEnded, StepStarted};
    let ended = |outcome| Ended { outcome };
    let step = |step, end| StepEnded { step, end };
    let lost = || StepEnd::Unknown("lost".into());
    for (event, earlier, repeats) in [
        (StepStarted { step: 1 }, StepStarted { step: 1 }, true),
        (StepStarted { step: 1 }, StepStarted { step: 0 }, false),
        (step(0, StepEnd::Exit(0)), step(0, StepEnd::Exit(0)), true),
        (step(0, StepEnd::Exit(0)), step(1, StepEnd::Exit(0)), false),
        (step(0, StepEnd::Exit(0)), step(0, lost()), false),
        (step(0, lost()), step(0, StepEnd::Exit(0)), true),
        (step(0, lost()), step(0, lost()), true),
        (ended(RunOutcome::Succeeded), ended(RunOutcome::Unknown), false),
        (ended(RunOutcome::Unknown), ended(RunOutcome::Succeeded), true),
        (ended(RunOutcome::Failed), ended(RunOutcome::Succeeded), true),
        (ended(RunOutcome::Failed), step(0, StepEnd::Exit(1)), false),
    ] {
        assert_eq!(event.repeats(&earlier), repeats, "{event:?} after {earlier:?}");
    }
}

#[test]
fn another_configuration_closes_a_review_that_it_touches_and_never_asks_for_less() {
    let mut desk = Desk::new();
    let armed_and_typed = |desk: &mut Desk| {
        _ = desk.send(0, Msg::WriteArmed("prod".into()));
        _ = desk.reviewed(0, plan("play@prod", "web-01"));
        _ = desk.send(600, Msg::NameTyped("play".into()));
        _ = desk.send(600, Msg::ReasonTyped("down".into()));
        _ = desk.send(600, Msg::Confirmed);
    };
    armed_and_typed(&mut desk);
    let out = desk.send(1_000, Msg::InventoryReplaced { touched: true });
    assert!(matches!(out.facts.as_slice(), [Fact::Said(said)] if said.contains("nothing was changed")), "{out:?}");
    assert_eq!(desk.send(5_000, Msg::Ticked).asks, [], "the countdown went with it");

    // What does not touch it, leaves it open.
    armed_and_typed(&mut desk);
    _ = desk.send(1_000, Msg::InventoryReplaced { touched: false });
    assert!(desk.state.review.is_some());
    // Even so, production that became staging is not confirmed by less than was asked.
    let mut lower = inventory();
    lower.environments[0].kind = EnvKind::Staging;
    let review = desk.state.review.as_ref().unwrap();
    assert_eq!(review.ready(&lower, &desk.state.armed, at(1_000)), Err(gate::Refusal::Changed));

    // A plan that is being made was made for what was.
    desk.state.review = None;
    _ = desk.send(0, Msg::Asked { service: "play@prod".parse().unwrap(), wanted: Wanted::Restart });
    let out = desk.send(10, Msg::InventoryReplaced { touched: false });
    assert!(matches!(out.facts.as_slice(), [Fact::Said(said)] if said.contains("ask again")), "{out:?}");
    assert_eq!(desk.state.planning, None);
}

#[test]
fn a_plan_is_touched_by_its_service_environment_hosts_and_the_way_to_them() {
    let before = {
        let mut inventory = inventory();
        let mut web = Host::clone(&inventory.hosts[0]);
        web.jump = vec!["jump".into()];
        inventory.hosts[0] = Arc::new(web);
        inventory
    };
    let plan = plan("play@prod", "web-01");
    let changed = |change: &dyn Fn(&mut Inventory)| {
        let mut after = before.clone();
        change(&mut after);
        plan.touched(&before, &after)
    };
    let moved = |at: usize| {
        move |inventory: &mut Inventory| {
            let mut host = Host::clone(&inventory.hosts[at]);
            host.port = Some(2_222);
            inventory.hosts[at] = Arc::new(host);
        }
    };
    assert!(!changed(&|_| {}));
    assert!(changed(&moved(0)), "the host behind the name");
    assert!(!changed(&moved(1)), "a host that it has nothing to do with");
    assert!(changed(&moved(2)), "the jump host");
    assert!(changed(&|inventory| drop(inventory.hosts.remove(0))));
    assert!(changed(&|inventory| inventory.environments[0].kind = EnvKind::Staging));
}

#[test]
fn a_run_that_was_not_saved_is_none_and_one_that_was_stays() {
    for stored in [false, true] {
        let mut desk = Desk::new();
        _ = desk.reviewed(0, plan("play@staging", "stage-01"));
        let asked = desk.send(600, Msg::Confirmed).asks;
        let [Ask::Start { rows, .. }] = asked.as_slice() else { panic!("{asked:?}") };
        let event = rows.iter().find_map(|row| if let Row::Run(event) = row { Some(event.clone()) } else { None });
        let event = event.unwrap();
        if stored {
            _ = desk.send(700, Msg::Stored { number: RunId(7), event: event.clone() });
        }
        assert_eq!(desk.send(800, Msg::NotSaved(event)), Out::default());
        assert_eq!(desk.state.runs.contains_key(&RUN), stored);
    }
}
