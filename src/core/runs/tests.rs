use std::sync::Arc;

use super::*;
use crate::core::inventory::{EnvKind, Environment, Host};

fn host(name: &str, env: Option<&str>) -> Arc<Host> {
    Arc::new(Host { env: env.map(Into::into), address: "127.0.0.1".into(), ..Host::new(name) })
}

fn inventory() -> Inventory {
    Inventory {
        environments: vec![
            Environment { name: "prod".into(), kind: EnvKind::Production },
            Environment { name: "staging".into(), kind: EnvKind::Staging },
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
        self.send(ms, Msg::Planned { run: RUN, plan: plan.into(), incident: None, before: Health::Down })
    }
}

#[test]
fn production_needs_armed_write_the_name_and_a_reason_in_that_order() {
    let mut desk = Desk::new();
    _ = desk.reviewed(0, plan("play@prod", "web-01"));
    let refused = |desk: &Desk| desk.state.review.as_ref().unwrap().refused.clone().unwrap();
    assert_eq!(desk.send(600, Msg::Confirmed), Out::default());
    assert!(refused(&desk).contains("arm write for prod"));
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
    assert!(matches!(asked.as_slice(), [Ask::Plan(_, Wanted::Restart)]), "{asked:?}");
    let seen = |desk: &mut Desk, plan: Plan| {
        let planned = Msg::Planned { run: Uid([9; 6]), plan: plan.into(), incident: None, before: Health::Up };
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
        Msg::Planned { run: RUN, plan: plan("play@prod", "web-01").into(), incident: None, before: Health::Up },
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
fn only_results_from_after_the_run_prove_a_recovery() {
    let mut desk = running();
    _ = desk.send(1_000, Msg::Happened(event(1_000, RunEventKind::Ended { outcome: RunOutcome::Succeeded })));
    let seen = |ms, health| Msg::HealthSeen { service: "play@staging".parse().unwrap(), health, since: at(ms).utc };
    assert_eq!(desk.send(1_100, seen(900, Health::Up)), Out::default(), "a result from before");
    assert_eq!(desk.send(1_200, seen(1_100, Health::Down)), Out::default(), "not yet");
    let out = desk.send(3_000, seen(2_000, Health::Up));
    assert_eq!(out.facts, [Fact::Proved { run: RUN }]);
    let (verdict, summary) = desk.state.runs[&RUN].proof.clone().unwrap();
    assert_eq!((verdict, summary.as_str()), (Verdict::Recovered, "play@staging recovered: down before, up now"));
    assert_eq!(desk.send(4_000, seen(3_500, Health::Up)), Out::default(), "proved once");
}

#[test]
fn without_recovery_in_time_the_verdict_is_no() {
    let mut desk = running();
    _ = desk.send(1_000, Msg::Happened(event(1_000, RunEventKind::Ended { outcome: RunOutcome::Succeeded })));
    assert_eq!(desk.send(1_000 + PROOF_MS - 1, Msg::Ticked), Out::default());
    let out = desk.send(1_000 + PROOF_MS, Msg::Ticked);
    assert_eq!(out.facts, [Fact::Proved { run: RUN }]);
    assert_eq!(desk.state.runs[&RUN].proof.as_ref().unwrap().0, Verdict::Unknown, "no result came at all");
    let mut desk = running();
    _ = desk.send(1_000, Msg::Happened(event(1_000, RunEventKind::Ended { outcome: RunOutcome::Succeeded })));
    let service: ServiceId = "play@staging".parse().unwrap();
    _ = desk.send(2_000, Msg::HealthSeen { service, health: Health::Down, since: at(1_500).utc });
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

mod order {
    //! In which order hosts are changed, what stands between them, and the way back.
    use super::*;
    use crate::core::inventory::{CheckSpec, Service};

    const HOSTS: [&str; 3] = ["a", "b", "c"];

    /// A console that changes three hosts of staging.
    struct Console {
        desk: Desk,
        clock: u64,
    }

    fn three() -> Plan {
        let steps = HOSTS.iter().flat_map(|host| [step(host, "switch"), step(host, "reload")]).collect();
        let undo_steps = HOSTS.iter().map(|host| step(host, "switch back")).collect();
        let id = "play@staging".parse().unwrap();
        Plan { steps, undo_steps, ..Plan::new(id, "deploy play", "/run/lock/qd-play") }
    }

    impl Console {
        fn with(plan: Plan, checks: usize) -> (Self, Vec<String>) {
            let mut desk = Desk::new();
            desk.inventory.hosts.extend(HOSTS.iter().map(|name| host(name, Some("staging"))));
            let check = |number: usize| {
                Arc::new(CheckSpec {
                    id: format!("play@staging/{number}").parse().unwrap(),
                    kind: "tcp".into(),
                    every_ms: 30_000,
                    timeout_ms: 1_000,
                    fail_after: 3,
                    slow_ms: None,
                    on: None,
                    params: crate::core::inventory::Params::new(),
                })
            };
            desk.inventory.services.push(Arc::new(Service {
                id: plan.service.clone(),
                kind: "command".into(),
                owner: None,
                needs: Vec::new(),
                slo: None,
                recipe: crate::core::inventory::Params::new(),
                hosts: HOSTS.iter().map(|name| (*name).into()).collect(),
                checks: (0..checks).map(check).collect(),
            }));
            desk.state.console = Uid([7; 6]);
            _ = desk.send(0, Msg::Asked { service: plan.service.clone(), wanted: Wanted::Restart });
            _ = desk.send(0, Msg::Planned { run: RUN, plan: plan.into(), incident: None, before: Health::Up });
            let mut console = Self { desk, clock: 600 };
            let started = console.send(Msg::Confirmed);
            (console, started)
        }

        /// Sends a message and returns what is started by it: `a there`.
        fn send(&mut self, msg: Msg) -> Vec<String> {
            self.clock += 1;
            started(&self.desk.send(self.clock, msg))
        }

        fn happens(&mut self, kind: RunEventKind) -> Vec<String> {
            let event = event(self.clock, kind);
            self.send(Msg::Happened(event))
        }

        /// Ends both steps of a host, or with a code the first.
        fn host_ends(&mut self, name: &str, way: Way, code: i32) -> Vec<String> {
            let numbers = self.run().plan.steps_of(&name.into(), way);
            let mut started = Vec::new();
            for (at, step) in numbers.into_iter().enumerate() {
                let end = if code == 0 || at == 0 {
                    StepEnd::Exit(code)
                } else {
                    StepEnd::NotStarted("a step before it did not succeed".into())
                };
                started.extend(self.happens(RunEventKind::StepStarted { step }));
                started.extend(self.happens(RunEventKind::StepEnded { step, end }));
            }
            started
        }

        /// Time goes by, and the checks answer at its end.
        fn answers(&mut self, health: Health) -> Vec<String> {
            self.clock += 1_000;
            let mut all = self.send(Msg::Ticked);
            let since = at(self.clock).utc;
            all.extend(self.send(Msg::HealthSeen { service: "play@staging".parse().unwrap(), health, since }));
            all.extend(self.send(Msg::Ticked));
            all
        }

        fn run(&self) -> &Run {
            &self.desk.state.runs[&RUN]
        }

        fn outcome(&self) -> Option<RunOutcome> {
            self.run().outcome.map(|(outcome, _)| outcome)
        }
    }

    fn started(out: &Out) -> Vec<String> {
        let shares = out.asks.iter().filter_map(|ask| {
            let Ask::Start { shares, rows, .. } = ask else { return None };
            for (host, way) in shares {
                let told = RunEventKind::HostStarted { host: host.clone(), way: *way };
                let first = rows.iter().any(|row| matches!(row, Row::Run(event) if event.kind == told));
                assert!(first, "it is on disk before it is started");
            }
            Some(shares)
        });
        shares.flatten().map(|(host, way)| format!("{host} {way:?}")).collect()
    }

    #[test]
    fn one_host_after_the_other_and_the_checks_between_them() {
        let (mut console, first) = Console::with(three(), 1);
        assert_eq!(first, ["a There"]);
        assert_eq!(console.host_ends("a", Way::There, 0), [""; 0]);
        assert_eq!(console.answers(Health::Up), [""; 0], "one answer is not two in a row");
        assert_eq!(console.answers(Health::Unknown), [""; 0], "it begins anew");
        assert_eq!(console.answers(Health::Up), [""; 0]);
        assert_eq!(console.answers(Health::Degraded), ["b There"]);
        _ = console.host_ends("b", Way::There, 0);
        _ = console.answers(Health::Up);
        assert_eq!(console.answers(Health::Up), ["c There"]);
        _ = console.host_ends("c", Way::There, 0);
        assert_eq!(console.outcome(), Some(RunOutcome::Succeeded));
    }

    #[test]
    fn without_checks_the_exit_codes_decide_and_a_wave_is_waited_for_whole() {
        let plan = Plan { strategy: Strategy::Canary { hosts: vec!["b".into()], then: 2 }, ..three() };
        let (mut console, first) = Console::with(plan, 0);
        assert_eq!(first, ["b There"]);
        assert_eq!(console.host_ends("b", Way::There, 0), ["a There", "c There"]);
        _ = console.host_ends("c", Way::There, 0);
        assert_eq!(console.outcome(), None, "one of two");
        _ = console.host_ends("a", Way::There, 0);
        assert_eq!(console.outcome(), Some(RunOutcome::Succeeded));
    }

    #[test]
    fn what_fails_is_taken_back_once_where_the_plan_says_so_and_the_last_host_first() {
        for by_itself in [false, true] {
            let (mut console, _) = Console::with(Plan { undo_by_itself: by_itself, ..three() }, 0);
            assert_eq!(console.host_ends("a", Way::There, 0), ["b There"]);
            let back = console.host_ends("b", Way::There, 1);
            if !by_itself {
                assert_eq!((back.len(), console.outcome()), (0, Some(RunOutcome::Failed)));
                let left = &console.run().steps[4].ended.as_ref().unwrap().1;
                assert!(matches!(left, StepEnd::NotStarted(_)), "{left:?}");
                continue;
            }
            assert_eq!(back, ["b Back"]);
            assert_eq!(console.host_ends("b", Way::Back, 0), ["a Back"]);
            assert_eq!(console.host_ends("a", Way::Back, 0), [""; 0]);
            assert_eq!(console.outcome(), Some(RunOutcome::Undone));
            // Nothing is tried again.
            assert_eq!(console.answers(Health::Down), [""; 0]);
        }
    }

    #[test]
    fn an_undo_that_fails_is_a_failure_and_the_other_hosts_are_still_taken_back() {
        let (mut console, _) = Console::with(Plan { undo_by_itself: true, ..three() }, 0);
        _ = console.host_ends("a", Way::There, 0);
        _ = console.host_ends("b", Way::There, 2);
        assert_eq!(console.host_ends("b", Way::Back, 1), ["a Back"]);
        _ = console.host_ends("a", Way::Back, 0);
        assert_eq!(console.outcome(), Some(RunOutcome::Failed));
    }

    #[test]
    fn checks_that_get_worse_stop_it() {
        let (mut console, _) = Console::with(Plan { undo_by_itself: true, ..three() }, 1);
        _ = console.host_ends("a", Way::There, 0);
        let mut back = Vec::new();
        for _ in 0..70 {
            back.extend(console.answers(Health::Down));
            if !back.is_empty() {
                break;
            }
        }
        assert_eq!(back, ["a Back"]);
        assert!(console.run().gate.failed.as_ref().unwrap().contains("0 of 2"));
    }

    #[test]
    fn a_service_that_was_down_before_does_not_hold_its_own_restart_up() {
        let plan = three();
        let (mut console, _) = Console::with(plan, 1);
        console.desk.state.runs.get_mut(&RUN).unwrap().before = Health::Down;
        _ = console.host_ends("a", Way::There, 0);
        _ = console.answers(Health::Down);
        assert_eq!(console.answers(Health::Down), ["b There"], "no worse than before");
    }

    #[test]
    fn a_lost_host_ends_it_as_unknown_and_nothing_is_taken_back_blindly() {
        let (mut console, _) = Console::with(Plan { undo_by_itself: true, ..three() }, 0);
        let end = StepEnd::Unknown("look".into());
        assert_eq!(console.happens(RunEventKind::StepEnded { step: 0, end }), [""; 0]);
        assert_eq!(console.outcome(), Some(RunOutcome::Unknown));
        // Its journal is read after all: it went well. The rest waits for a person.
        assert_eq!(console.host_ends("a", Way::There, 0), [""; 0]);
        assert_eq!(console.outcome(), Some(RunOutcome::Unknown));
        assert_eq!(console.send(Msg::Adopted { run: RUN }), ["b There"]);
        assert_eq!(console.outcome(), None);
    }

    #[test]
    fn a_person_stops_it_after_a_host_or_has_it_taken_back() {
        let (mut console, _) = Console::with(three(), 0);
        assert_eq!(console.send(Msg::Stopped { run: RUN, undo: false }), [""; 0]);
        assert_eq!(console.host_ends("a", Way::There, 0), [""; 0]);
        assert_eq!(console.outcome(), Some(RunOutcome::Stopped));
        let (mut console, _) = Console::with(three(), 0);
        _ = console.send(Msg::Stopped { run: RUN, undo: false });
        _ = console.send(Msg::Stopped { run: RUN, undo: true });
        assert_eq!(console.host_ends("a", Way::There, 0), ["a Back"]);
        _ = console.host_ends("a", Way::Back, 0);
        assert_eq!(console.outcome(), Some(RunOutcome::Undone));
    }

    #[test]
    fn another_console_goes_on_only_when_a_person_there_says_so() {
        let (mut first, _) = Console::with(three(), 0);
        let (mut second, mut told) = (Desk::new(), Vec::new());
        second.inventory = first.desk.inventory.clone();
        second.state.console = Uid([8; 6]);
        let mut kinds = vec![
            RunEventKind::Confirmed { plan: three().into(), reason: "x".into(), incident: None, before: Health::Up },
            RunEventKind::Coordinated { console: Uid([7; 6]) },
            RunEventKind::HostStarted { host: "a".into(), way: Way::There },
        ];
        // The first dies while its host goes on.
        kinds.extend((0..2).map(|step| RunEventKind::StepEnded { step, end: StepEnd::Exit(0) }));
        for kind in kinds {
            let out = second.send(700, Msg::Stored { number: RunId(1), event: event(700, kind) });
            told.extend(out.asks);
        }
        assert!(matches!(told.as_slice(), [Ask::Follow { .. }]), "it is followed, and nothing is started: {told:?}");
        assert_eq!(started(&second.send(60_000, Msg::Ticked)), [""; 0]);
        let adopted = second.send(60_001, Msg::Adopted { run: RUN });
        assert_eq!(started(&adopted), ["b There"]);
        // Should the first be alive after all, it starts nothing more.
        let kind = RunEventKind::Coordinated { console: Uid([8; 6]) };
        _ = first.send(Msg::Stored { number: RunId(1), event: event(60_001, kind) });
        assert_eq!(first.host_ends("a", Way::There, 0), [""; 0]);
    }

    #[test]
    fn an_end_that_is_plain_is_told_by_another_console_once_its_coordinator_is_silent() {
        let mut second = Desk::new();
        second.state.console = Uid([8; 6]);
        let one = plan("play@staging", "stage-01");
        for kind in [
            RunEventKind::Confirmed { plan: one.into(), reason: "x".into(), incident: None, before: Health::Up },
            RunEventKind::Coordinated { console: Uid([7; 6]) },
            RunEventKind::HostStarted { host: "stage-01".into(), way: Way::There },
            RunEventKind::StepEnded { step: 0, end: StepEnd::Exit(0) },
        ] {
            _ = second.send(700, Msg::Stored { number: RunId(1), event: event(700, kind) });
        }
        assert_eq!(second.send(1_000, Msg::Ticked).rows, []);
        assert_eq!(second.send(5_900, Msg::Ticked).rows, []);
        let rows = second.send(6_100, Msg::Ticked).rows;
        assert!(matches!(rows.as_slice(), [Row::Run(RunEvent { kind: RunEventKind::Ended { .. }, .. })]), "{rows:?}");
    }

    #[test]
    fn a_host_that_could_not_be_noted_is_not_started_and_the_rest_waits_for_a_person() {
        let (mut console, _) = Console::with(three(), 0);
        _ = console.host_ends("a", Way::There, 0);
        let told = event(700, RunEventKind::HostStarted { host: "b".into(), way: Way::There });
        _ = console.send(Msg::NotSaved(told));
        assert_eq!(console.run().share(&"b".into(), Way::There), Share::Waiting);
        assert_eq!(console.send(Msg::Ticked), [""; 0]);
        assert_eq!(console.send(Msg::Adopted { run: RUN }), ["b There"]);
    }
}
