//! A night in which somebody goes through a runbook beside the incident.
use std::sync::Arc;

use quarterdeck::{
    core::{
        Msg,
        action::Action,
        incidents::Stand,
        runbooks::{self, RunbookAction, Seen},
        screen::{Draft, Pane, View},
    },
    parse::runbook,
};

use crate::night::Night;

const PM2: &str = include_str!("../../examples/runbooks/video-streaming/pm2.md");
const NGINX: &str = include_str!("../../examples/runbooks/video-streaming/nginx.md");
const FAILURE: &str = include_str!("../../examples/runbooks/video-streaming/service-failure.md");

/// The runbooks beside the night's incident, before anything was done.
fn opened() -> Night {
    let mut night = Night::new();
    let mut inventory = (*night.state.inventory).clone();
    for (name, text) in [("nginx", NGINX), ("pm2", PM2), ("service-failure", FAILURE)] {
        let (mut book, faults) = runbook::read(name, text);
        assert_eq!(faults, []);
        if name == "pm2" {
            book.services.push("Play".into());
        }
        inventory.runbooks.push(Arc::new(book));
    }
    night.tell(Msg::InventoryReplaced { inventory: Arc::new(inventory), problems: Vec::new() });
    night.act(&[Action::GoIncidents, Action::Runbook(RunbookAction::Show)]);
    night.state.screen.message = None;
    night
}

fn incident(night: &Night) -> quarterdeck::core::id::Uid {
    let View::Runbook(incident) = night.state.screen.view else { unreachable!("{:?}", night.state.screen.view) };
    incident
}

/// A host answers a step.
fn seen(night: &mut Night, step: &str, host: &str, (exit, met, why): (Option<i32>, Option<bool>, &str), head: &[&str]) {
    let book = night.state.inventory.runbook("pm2").unwrap().clone();
    let seen = Seen {
        host: host.into(),
        exit,
        met,
        why: why.into(),
        sha256: "9f2c".repeat(16),
        head: head.iter().map(|line| (*line).to_owned()).collect(),
    };
    let command = book.step(step).unwrap().command.clone();
    let (incident, step) = (incident(night), ("pm2".to_owned(), step.to_owned()));
    night.tell(Msg::Runbooks(runbooks::Msg::Seen { incident, step, command, seen: Box::new(seen) }));
}

/// Somebody is in the middle of it.
pub(crate) fn night() -> Night {
    let mut night = opened();
    seen(&mut night, "does-pm2-run", "play-01", (Some(0), Some(true), ""), &["PM2 runs as 4180"]);
    seen(&mut night, "does-pm2-run", "play-02", (None, None, "play-02: no route to host"), &[]);
    seen(
        &mut night,
        "is-it-online",
        "play-01",
        (Some(0), Some(false), "1 is not == 0"),
        &["1 of 1 are not online: 4 errored"],
    );
    let down = Action::Move(quarterdeck::core::action::Motion::Down);
    night.act(&[down, down, down, Action::Runbook(RunbookAction::Tick), down, Action::Runbook(RunbookAction::Skip)]);
    let up = Action::Move(quarterdeck::core::action::Motion::Up);
    night.act(&[up, up, up]);
    night.state.screen.message = None;
    night
}

/// What a step is given is asked for.
pub(crate) fn values() -> Night {
    let mut night = night();
    night.act(&[Action::Runbook(RunbookAction::Run)]);
    night.types(Draft::Form, "app=play seconds=30");
    night
}

#[test]
fn what_was_done_of_a_runbook_is_told_by_the_incident() {
    let mut night = night();
    let uid = incident(&night);
    let stand = |night: &Night, step: &str| {
        night.state.incidents.incidents[&uid].books.get(&("pm2".to_owned(), step.to_owned())).map(|step| step.stand())
    };
    assert_eq!(stand(&night, "does-pm2-run"), Some(Stand::Unknown), "a host that did not answer is not well");
    assert_eq!(stand(&night, "is-it-online"), Some(Stand::NotMet));
    assert_eq!(stand(&night, "what-it-says"), Some(Stand::Done));
    assert_eq!(stand(&night, "would-it-come-back-after-a-reboot"), Some(Stand::Skipped));
    assert_eq!(stand(&night, "does-it-start-again-and-again"), None);
    let says: Vec<String> =
        night.state.incidents.incidents[&uid].timeline.values().map(|event| event.kind.says()).collect();
    assert!(
        says.iter().any(|line| line.contains("play-01: pm2/is-it-online NOT as it must be: 1 is not == 0")),
        "{says:?}"
    );

    // A tick is taken back by the same key; a flag keeps its note.
    night.act(&[Action::Runbook(RunbookAction::Tick)]);
    assert_eq!(stand(&night, "is-it-online"), Some(Stand::Done), "what a person says after it counts");
    night.act(&[Action::Runbook(RunbookAction::Tick)]);
    assert_eq!(stand(&night, "is-it-online"), Some(Stand::NotMet));
    night.act(&[Action::Runbook(RunbookAction::Wrong)]);
    night.types(Draft::Form, "it asks for play, the process is called play-web");
    night.act(&[Action::Confirm]);
    let of = &night.state.incidents.incidents[&uid];
    let wrong = &of.books[&("pm2".to_owned(), "is-it-online".to_owned())].wrong;
    assert!(wrong.len() == 1 && wrong[0].2.contains("play-web"), "{wrong:?}");
}

#[test]
fn what_a_step_is_given_is_asked_for_and_held_against_its_type() {
    let mut night = night();
    let uid = incident(&night);
    night.act(&[Action::Runbook(RunbookAction::Run)]);
    assert_eq!(
        night.state.screen.draft(Draft::Form),
        "app=",
        "what lacks has its place: {:?} {:?}",
        night.state.screen.overlay,
        night.state.screen.message
    );
    for (typed, why) in [
        ("app=-rf", "must be one word"),
        ("nope=1", "nothing is called"),
        ("app=\"x", "never closed"),
        ("play", "NAME=VALUE"),
    ] {
        night.types(Draft::Form, typed);
        night.act(&[Action::Confirm]);
        let said = &night.state.screen.message.as_ref().unwrap().text;
        assert!(said.contains(why), "{typed}: {said}");
        assert_eq!(night.state.runbooks.given.get(&uid), None, "{typed}");
    }
    night.types(Draft::Form, "app=play");
    night.act(&[Action::Confirm]);
    assert_eq!(night.state.runbooks.typed(uid), "app=play");
    night.act(&[Action::Runbook(RunbookAction::Run)]);
    assert!(night.state.runbooks.waiting(uid, "pm2", "is-it-online") > 0, "{:?}", night.state.screen.message);
    night.act(&[Action::Runbook(RunbookAction::Run)]);
    assert!(night.state.screen.message.as_ref().unwrap().text.contains("wait for the answer"));

    // Another runbook is taken by its row.
    night.act(&[
        Action::FocusPane(3),
        Action::Move(quarterdeck::core::action::Motion::Bottom),
        Action::Runbook(RunbookAction::Run),
    ]);
    assert_ne!(night.state.runbook_beside(uid).unwrap().name, "pm2");
    assert_eq!(night.state.screen.pane(), Pane::Book);
}

#[test]
fn what_is_changed_beside_an_incident_belongs_to_it_open_or_not() {
    let mut night = night();
    let uid = incident(&night);
    night.tell(Msg::Acted(Action::ResolveIncident));
    night.state.runbooks.give(uid, "app=play").unwrap();
    let plan = quarterdeck::core::runs::Plan {
        action: quarterdeck::core::runs::Action::Other { name: runbooks::task("pm2", "restart-it") },
        steps: vec![quarterdeck::core::runs::Step {
            host: "play-01".into(),
            name: "restart".into(),
            command: "pm2 restart 4".into(),
            path_prefix: Vec::new(),
            timeout_ms: 60_000,
        }],
        ..quarterdeck::core::runs::Plan::new(crate::night::id("Play"), "restart", "/srv/play/.qd.lock")
    };
    night.plan = Some(plan);
    night.act(&[
        Action::Move(quarterdeck::core::action::Motion::Bottom),
        Action::Move(quarterdeck::core::action::Motion::Up),
    ]);
    night.act(&[Action::Move(quarterdeck::core::action::Motion::Up), Action::Runbook(RunbookAction::Run)]);
    assert_eq!(
        night.state.runs.review.as_ref().map(|review| review.incident),
        Some(Some(uid)),
        "{:?}",
        night.state.screen.message
    );
}
