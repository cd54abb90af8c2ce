//! In which order hosts are changed, what stands between them, and the way back.
use super::*;
use crate::core::inventory::{CheckSpec, Service};

const HOSTS: [&str; 3] = ["a", "b", "c"];

/// A console that changes three hosts of staging.
pub(super) struct Console {
    desk: Desk,
    clock: u64,
}

pub(super) fn three() -> Plan {
    let steps = HOSTS.iter().flat_map(|host| [step(host, "switch"), step(host, "reload")]).collect();
    let undo_steps = HOSTS.iter().map(|host| step(host, "switch back")).collect();
    let id = "play@staging".parse().unwrap();
    Plan { steps, undo_steps, ..Plan::new(id, "deploy play", "/run/lock/qd-play") }
}

impl Console {
    pub(super) fn with(plan: Plan, checks: usize) -> (Self, Vec<String>) {
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
            kind: "command".into(),
            hosts: HOSTS.iter().map(|name| (*name).into()).collect(),
            checks: (0..checks).map(check).collect(),
            ..Service::new(plan.service.clone())
        }));
        desk.state.console = Uid([7; 6]);
        _ = desk.send(0, Msg::Asked { service: plan.service.clone(), wanted: Wanted::Restart });
        _ = desk
            .send(0, Msg::Planned { run: RUN, plan: plan.into(), incident: None, before: Health::Up, urgent: false });
        let mut console = Self { desk, clock: 600 };
        let started = console.send(Msg::Confirmed);
        (console, started)
    }

    /// Sends a message and returns what is started by it: `a there`.
    pub(super) fn send(&mut self, msg: Msg) -> Vec<String> {
        self.clock += 1;
        started(&self.desk.send(self.clock, msg))
    }

    pub(super) fn happens(&mut self, kind: RunEventKind) -> Vec<String> {
        let event = event(self.clock, kind);
        self.send(Msg::Happened(event))
    }

    /// Ends both steps of a host, or with a code the first.
    pub(super) fn host_ends(&mut self, name: &str, way: Way, code: i32) -> Vec<String> {
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
    pub(super) fn answers(&mut self, health: Health) -> Vec<String> {
        self.clock += 1_000;
        let mut all = self.send(Msg::Ticked);
        let since = at(self.clock).utc;
        all.extend(self.send(seen(health, since)));
        all.extend(self.send(Msg::Ticked));
        all
    }

    /// Has the service be so before the run.
    pub(super) fn begins_when(&mut self, health: Health) {
        self.desk.state.runs.get_mut(&RUN).unwrap().before = health;
    }

    pub(super) fn run(&self) -> &Run {
        &self.desk.state.runs[&RUN]
    }

    pub(super) fn outcome(&self) -> Option<RunOutcome> {
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
fn what_cannot_be_taken_back_on_every_changed_host_is_not_called_taken_back() {
    let mut plan = Plan { undo_by_itself: true, ..three() };
    plan.undo_steps.remove(0);
    let (mut console, _) = Console::with(plan, 0);
    _ = console.host_ends("a", Way::There, 0);
    assert_eq!(console.host_ends("b", Way::There, 1), ["b Back"]);
    _ = console.host_ends("b", Way::Back, 0);
    assert_eq!(console.outcome(), Some(RunOutcome::Failed));
    let words = console.run().ended_words().unwrap();
    assert!(words.ends_with("done on 1 of 3 hosts, taken back on b, not changed on c"), "{words}");
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
    console.begins_when(Health::Down);
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
        RunEventKind::Confirmed {
            plan: three().into(),
            reason: "x".into(),
            incident: None,
            before: Health::Up,
            second_person: false,
            known: None,
        },
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
        RunEventKind::Confirmed {
            plan: one.into(),
            reason: "x".into(),
            incident: None,
            before: Health::Up,
            second_person: false,
            known: None,
        },
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

#[test]
fn a_run_whose_console_is_gone_goes_on_unattended_only_where_the_configuration_lets_it() {
    for (nobody_sits, lets) in [(true, true), (true, false), (false, true)] {
        let (mut console, _) = Console::with(three(), 0);
        console.desk.state.unattended = nobody_sits;
        let of = console.desk.inventory.services.last_mut().unwrap();
        Arc::make_mut(of).rollout.unattended = lets;
        // Another console took it on, and says so now and then until it dies.
        let other = Uid([9; 6]);
        console.desk.state.runs.get_mut(&RUN).unwrap().permit = None;
        let stored = |at, kind| Msg::Stored { number: RunId(1), event: event(at, kind) };
        _ = console.send(stored(700, RunEventKind::Coordinated { console: other }));
        assert_eq!(console.host_ends("a", Way::There, 0), [""; 0]);
        console.clock += 30_000;
        _ = console.send(stored(30_700, RunEventKind::Attended { console: other }));
        console.clock += 30_000;
        assert_eq!(console.send(Msg::Ticked), [""; 0], "it is there");
        console.clock += conduct::GONE_MS - 30_000;
        let expected: &[&str] = if nobody_sits && lets { &["b There"] } else { &[] };
        assert_eq!(console.send(Msg::Ticked), expected, "{nobody_sits} {lets}");
    }
}

#[test]
fn a_run_without_anybody_who_leads_it_is_said_once_and_as_soon_as_it_is_known() {
    let leads = |console: &Console| console.run().unled(at(console.clock).utc).is_none();
    for leaves in [true, false] {
        let (mut console, _) = Console::with(three(), 0);
        assert!(leads(&console), "its own");
        let other = Uid([9; 6]);
        console.desk.state.runs.get_mut(&RUN).unwrap().permit = None;
        let stored = |at, kind| Msg::Stored { number: RunId(1), event: event(at, kind) };
        _ = console.send(stored(700, RunEventKind::Coordinated { console: other }));
        console.clock += 10_000;
        let said = |console: &mut Console| {
            let facts = console.desk.send(console.clock, Msg::Ticked).facts;
            facts.iter().filter(|fact| matches!(fact, Fact::Said(text) if text.contains("nobody leads it"))).count()
        };
        assert!(leads(&console));
        if leaves {
            _ = console.send(stored(10_700, RunEventKind::Left { console: Uid([8; 6]) }));
            assert!(leads(&console), "who leaves does not lead it");
            _ = console.send(stored(10_700, RunEventKind::Left { console: other }));
        } else {
            console.clock += conduct::GONE_MS;
        }
        assert!(!leads(&console), "{leaves}");
        assert_eq!((said(&mut console), said(&mut console)), (1, 0), "{leaves}");
        _ = console.send(stored(20_000, RunEventKind::Coordinated { console: other }));
        assert!(leads(&console) || !leaves, "somebody took it");
    }
}

#[test]
fn who_coordinates_a_run_says_now_and_then_that_it_is_there() {
    let (mut console, _) = Console::with(three(), 0);
    let mut said = 0;
    for _ in 0..60 {
        console.clock += 1_000;
        let rows = console.desk.send(console.clock, Msg::Ticked).rows;
        said += rows
            .iter()
            .filter(|row| matches!(row, Row::Run(RunEvent { kind: RunEventKind::Attended { .. }, .. })))
            .count();
    }
    assert!((5..=6).contains(&said), "{said}");
}
