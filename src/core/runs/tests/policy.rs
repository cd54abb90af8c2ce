//! Roles, freezes, the second person, staging first, and what earlier runs say.
use super::*;
use crate::core::{
    inventory::Service,
    runs::policy::{Calendar, Freeze, Grave, Role, Roles, Window},
};

const HOUR: i64 = 3_600_000;

fn env<'a>(desk: &'a mut Desk, name: &str) -> &'a mut Environment {
    desk.inventory.environments.iter_mut().find(|env| env.name.as_str() == name).unwrap()
}

fn deploy(id: &str, host: &str, version: &str) -> Plan {
    Plan { action: Action::Deploy { version: version.into() }, ..plan(id, host) }
}

/// Opens a review of a plan of staging, and returns what it was refused for, if it was.
fn asks(desk: &mut Desk, ms: u64, plan: &Plan) -> Option<String> {
    _ = desk.send(ms, Msg::Asked { service: plan.service.clone(), wanted: Wanted::Restart });
    let planned =
        Msg::Planned { run: RUN, plan: plan.clone().into(), incident: None, before: Health::Up, urgent: false };
    _ = desk.send(ms, planned);
    _ = desk.send(ms + TYPE_AHEAD_MS, Msg::Confirmed);
    desk.state.review.as_ref().and_then(|review| review.refused.clone())
}

#[test]
fn a_role_says_what_may_be_changed() {
    let restart = plan("play@staging", "stage-01");
    let out = deploy("play@staging", "stage-01", "v2");
    for (role, plan, may) in [
        (Role::Viewer, &restart, false),
        (Role::Responder, &restart, true),
        (Role::Responder, &out, false),
        (Role::Deployer, &out, true),
    ] {
        let mut desk = Desk::new();
        let by = actor().by;
        env(&mut desk, "staging").roles = Roles(vec![(by, role)]);
        let refused = asks(&mut desk, 0, plan);
        assert_eq!(refused.is_none(), may, "{role:?}: {refused:?}");
        assert_eq!(desk.state.runs.len(), usize::from(may));
    }
}

#[test]
fn a_freeze_holds_up_a_deploy_but_nothing_that_mends() {
    let freeze = Freeze {
        from: Freeze::end("1970-01-01", false).unwrap(),
        to: Freeze::end("2100-01-01", true).unwrap(),
        why: "holidays".into(),
    };
    let mut desk = Desk::new();
    env(&mut desk, "staging").calendar = Calendar { freezes: vec![freeze.clone()], windows: Vec::new() };
    let refused = asks(&mut desk, 0, &deploy("play@staging", "stage-01", "v2")).unwrap();
    assert!(refused.contains("holidays") && refused.contains("admin"), "{refused}");
    // Set aside without a reason it is not; with one it is, on the audit.
    _ = desk.send(1_000, Msg::OverrideToggled);
    _ = desk.send(1_100, Msg::Confirmed);
    assert!(desk.state.review.as_ref().unwrap().refused.as_ref().unwrap().contains("reason"));
    _ = desk.send(1_200, Msg::ReasonTyped("the fix of INC-7".into()));
    let out = desk.send(1_300, Msg::Confirmed);
    assert_eq!(desk.state.runs.len(), 1);
    let rows =
        out.asks.iter().find_map(|ask| if let Ask::Start { rows, .. } = ask { Some(rows) } else { None }).unwrap();
    assert!(rows.iter().any(|row| matches!(row, Row::Audit(of) if of.what == "gate.overridden")), "{rows:?}");

    let mut desk = Desk::new();
    env(&mut desk, "staging").calendar = Calendar { freezes: vec![freeze], windows: Vec::new() };
    assert_eq!(asks(&mut desk, 0, &plan("play@staging", "stage-01")), None, "a restart mends");
}

#[test]
fn what_is_held_is_set_aside_by_an_admin_alone() {
    let mut desk = Desk::new();
    let by = actor().by;
    let staging = env(&mut desk, "staging");
    staging.roles = Roles(vec![(by, Role::Deployer)]);
    staging.calendar.windows = vec![Window::parse("Sun 02:00-02:01").unwrap()];
    let refused = asks(&mut desk, 0, &deploy("play@staging", "stage-01", "v2")).unwrap();
    assert!(refused.contains("Sun 02:00-02:01"), "{refused}");
    _ = desk.send(1_000, Msg::OverrideToggled);
    _ = desk.send(1_100, Msg::ReasonTyped("now".into()));
    _ = desk.send(1_200, Msg::Confirmed);
    let refused = desk.state.review.as_ref().unwrap().refused.clone().unwrap();
    assert!(refused.contains("deployer") && refused.contains("admin"), "{refused}");
    assert!(desk.state.runs.is_empty());
}

#[test]
fn nothing_starts_before_a_second_person_approves_that_very_plan() {
    let mut desk = Desk::new();
    desk.inventory.write.second_person = vec![Grave::Data];
    let plan = Plan { grave: vec![Grave::Data], ..plan("play@staging", "stage-01") };
    assert_eq!(asks(&mut desk, 0, &plan), None);
    let run = || desk.state.runs.get(&RUN).unwrap();
    assert!(run().awaits_approval() && run().shares.is_empty(), "nothing runs yet");
    // The one who asked cannot, with this console or with an event of the same name.
    let out = desk.send(1_000, Msg::Approved { run: RUN });
    assert!(matches!(out.facts.as_slice(), [Fact::Said(text)] if text.contains("another person")), "{:?}", out.facts);
    let said = |by: &str, plan: &str| RunEvent {
        run: RUN,
        at: Timestamp(0),
        by: by.into(),
        kind: RunEventKind::Approved { plan: plan.into() },
    };
    let own = actor().by.to_string();
    let hash = hash(&plan);
    for (by, of) in [(own.as_str(), hash.as_str()), ("ben", "00000000")] {
        _ = desk.send(1_100, Msg::Stored { number: RunId(1), event: said(by, of) });
        assert!(desk.state.runs[&RUN].awaits_approval(), "{by} {of}");
    }
    _ = desk.send(1_200, Msg::Stored { number: RunId(1), event: said("ben", &hash) });
    let out = desk.send(1_300, Msg::Ticked);
    assert!(out.asks.iter().any(|ask| matches!(ask, Ask::Start { .. })), "{:?}", out.asks);
    assert_eq!(desk.state.runs[&RUN].approved, Some("ben".into()));
}

#[test]
fn approval_is_not_waited_for_for_ever_and_a_p1_waives_it() {
    let mut desk = Desk::new();
    desk.inventory.write.second_person = vec![Grave::Data];
    let grave = Plan { grave: vec![Grave::Data], ..plan("play@staging", "stage-01") };
    assert_eq!(asks(&mut desk, 0, &grave), None);
    _ = desk.send(u64::try_from(APPROVAL_MS).unwrap() + 1_000, Msg::Ticked);
    assert_eq!(desk.state.runs[&RUN].outcome.map(|(outcome, _)| outcome), Some(RunOutcome::Refused));

    let mut desk = Desk::new();
    desk.inventory.write.second_person = vec![Grave::Data];
    _ = desk.send(0, Msg::Asked { service: grave.service.clone(), wanted: Wanted::Restart });
    let planned = Msg::Planned { run: RUN, plan: grave.into(), incident: None, before: Health::Up, urgent: true };
    _ = desk.send(0, planned);
    let out = desk.send(TYPE_AHEAD_MS, Msg::Confirmed);
    let Some(Ask::Start { rows, .. }) = out.asks.first() else { panic!("{:?}", out.asks) };
    assert!(rows.iter().any(|row| matches!(row, Row::Audit(of) if of.what == "second-person.waived")));
}

/// A run of the past.
pub(super) fn past(desk: &mut Desk, uid: u8, plan: Plan, at: i64, proof: Option<Verdict>) {
    let run = Uid([uid; 6]);
    let mut tell = |at: i64, kind| {
        let event = RunEvent { run, at: Timestamp(at), by: "ben".into(), kind };
        _ = desk.send(0, Msg::Stored { number: RunId(u64::from(uid)), event });
    };
    let hosts = plan.hosts();
    let steps = plan.steps.len();
    tell(
        at,
        RunEventKind::Confirmed {
            plan: plan.into(),
            reason: "x".into(),
            incident: None,
            before: Health::Up,
            second_person: false,
            known: None,
        },
    );
    for host in hosts {
        tell(at, RunEventKind::HostStarted { host, way: Way::There });
    }
    for step in 0..steps {
        tell(at + 1_000, RunEventKind::StepEnded { step, end: StepEnd::Exit(0) });
    }
    tell(at + 2_000, RunEventKind::Ended { outcome: RunOutcome::Succeeded });
    if let Some(verdict) = proof {
        tell(at + 3_000, RunEventKind::Proved { verdict, summary: format!("{verdict:?}") });
    }
}

#[test]
fn production_takes_only_what_went_well_in_staging() {
    let day = 24 * u64::try_from(HOUR).unwrap();
    let now = Now { utc: Timestamp(100 * HOUR), mono: Mono(0) };
    for (staged, verdict, hours_ago, held) in [
        (Some("v2"), Some(Verdict::Recovered), 2, None),
        (Some("v2"), Some(Verdict::Recovered), 30, Some("too long ago")),
        (Some("v2"), Some(Verdict::NotRecovered), 2, Some("NotRecovered")),
        (Some("v2"), None, 2, Some("not said yet")),
        (Some("v1"), Some(Verdict::Recovered), 2, Some("another")),
        (None, None, 0, Some("nothing was brought out")),
    ] {
        let mut desk = Desk::new();
        for (id, staging_first_ms) in [("play@prod", Some(day)), ("play@staging", None)] {
            let rollout = crate::core::inventory::Rollout { staging_first_ms, ..Default::default() };
            desk.inventory.services.push(Arc::new(Service { rollout, ..Service::new(id.parse().unwrap()) }));
        }
        if let Some(version) = staged {
            let at = (100 - hours_ago) * HOUR;
            past(&mut desk, 9, deploy("play@staging", "stage-01", version), at, verdict);
        }
        let plan = deploy("play@prod", "web-01", "v2");
        let checks = history::prechecks(&desk.state, &plan, None, now, &desk.inventory);
        let found = checks.iter().find(|check| check.text.contains("play@staging")).unwrap();
        match held {
            None => assert_eq!(found.verdict, Fit::Good, "{}", found.text),
            Some(why) => {
                assert_eq!(found.verdict, Fit::Held, "{}", found.text);
                assert!(found.text.contains(why), "{}", found.text);
            }
        }
    }
}

#[test]
fn what_was_tried_already_is_said_with_its_effect() {
    let mut desk = Desk::new();
    let now = Now { utc: Timestamp(HOUR), mono: Mono(0) };
    past(&mut desk, 9, plan("play@staging", "stage-01"), HOUR - 120_000, Some(Verdict::NotRecovered));
    let again = plan("play@staging", "stage-01");
    let said = |desk: &Desk, plan: &Plan| history::prechecks(&desk.state, plan, None, now, &desk.inventory);
    let checks = said(&desk, &again);
    let [tried] = checks.as_slice() else { panic!("{checks:?}") };
    assert!(tried.text.contains("tried already") && tried.text.contains("NotRecovered"), "{}", tried.text);
    assert_eq!(history::estimate(&desk.state, &again), Some(2_000));
    assert!(said(&desk, &deploy("play@staging", "stage-01", "v2")).is_empty(), "another change");
}

#[test]
fn what_comes_back_says_how_it_did_while_it_ran() {
    let mut desk = Desk::new();
    let now = Now { utc: Timestamp(10 * HOUR), mono: Mono(0) };
    past(&mut desk, 1, deploy("play@staging", "stage-01", "v1"), HOUR, Some(Verdict::Recovered));
    past(&mut desk, 2, deploy("play@staging", "stage-01", "v2"), 5 * HOUR, Some(Verdict::NotRecovered));
    let back = |version: &str| {
        let plan = Plan { action: Action::Rollback { version: version.into() }, ..plan("play@staging", "stage-01") };
        let checks = history::prechecks(&desk.state, &plan, None, now, &desk.inventory);
        checks.into_iter().map(|check| (check.verdict, check.text)).next().unwrap()
    };
    let (verdict, text) = back("v1");
    assert!(verdict == Fit::Good && text.contains("v1 ran") && text.contains("proved good"), "{text}");
    assert_eq!(back("v2").0, Fit::Doubtful);
    assert!(back("v0").1.contains("nothing is known"));
}

#[test]
fn a_second_change_of_a_service_waits_for_the_first() {
    let mut desk = Desk::new();
    assert_eq!(asks(&mut desk, 0, &plan("play@staging", "stage-01")), None);
    let checks = history::prechecks(
        &desk.state,
        &plan("play@staging", "stage-01"),
        None,
        Now { utc: Timestamp(0), mono: Mono(0) },
        &desk.inventory,
    );
    assert_eq!(checks.first().map(|check| check.verdict), Some(Fit::Bad), "{checks:?}");
}
