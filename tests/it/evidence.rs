//! What is kept as evidence: whole where a row would say too little, redacted and hashed, from whatever view it is kept.
use quarterdeck::core::{
    Msg,
    action::{Action, Motion},
    incidents::{IncidentAction::Pin, IncidentEventKind, evidence::sha256},
};

use crate::{booked, night::Night, pipes, rollout::Rollout, suspected};

/// What was kept last, of any incident: what it is, where it is from, and its text.
fn kept(night: &Night) -> (String, String, String) {
    let entries = night.state.incidents.incidents.values().flat_map(|of| of.timeline.values());
    let pinned = entries.filter(|event| matches!(event.kind, IncidentEventKind::Pinned { .. }));
    let last = pinned.max_by_key(|event| event.at).expect("something was kept");
    let IncidentEventKind::Pinned { what, source, sha256: hash, body } = &last.kind else { unreachable!() };
    assert_eq!(*hash, sha256(body), "the hash is that of what is kept");
    (what.clone(), source.clone(), body.clone())
}

fn keeps(mut night: Night, actions: &[Action]) -> (String, String, String) {
    night.pass(1);
    night.act(actions);
    night.act(&[Action::Incident(Pin)]);
    kept(&night)
}

#[test]
fn what_a_runs_host_said_is_kept_with_each_command_and_how_it_ended() {
    let (what, source, body) = keeps(Rollout::live(6).night(), &[Action::FocusPane(1), Action::Move(Motion::Top)]);
    assert!(what.starts_with("what a run said on play-0") && source.starts_with("RUN-"), "{what}, {source}");
    let (ended, begun) = (body.matches("exit ").count(), body.matches("\n$ ").count());
    assert!(ended > 0 && begun >= ended, "{body}");
}

#[test]
fn all_that_is_known_of_a_change_is_kept_with_its_difference() {
    let night = suspected::night();
    let key = night.state.screen.rows(quarterdeck::core::screen::Pane::Suspects).first().cloned();
    let (what, source, body) = keeps(night, &[Action::Move(Motion::Top)]);
    assert_eq!(what, "a change", "{key:?}");
    assert!(!source.is_empty() && body.lines().count() >= 2, "{source}: {body}");
    assert!(body.starts_with("deploy "), "{body}");
    let (_, _, body) = keeps(suspected::difference(), &[]);
    assert!(body.contains("told by GitHub, acme/play") && body.contains("+ 9c1e5d2  Leo Marsh"), "{body}");
}

#[test]
fn the_answers_to_a_step_of_a_runbook_are_kept_with_their_hashes() {
    let (what, source, body) = keeps(booked::night(), &[Action::FocusPane(1), Action::Move(Motion::Top)]);
    assert!(what.starts_with("the answers to ") && source.starts_with("runbook "), "{what}, {source}: {body}");
    assert!(body.contains(": exit 0, sha256 ") && body.contains("\n$ "), "{body}");
}

#[test]
fn the_end_of_a_jobs_log_is_kept_whole() {
    let (what, source, body) = keeps(pipes::failed(), &[Action::FocusPane(3), Action::Move(Motion::Bottom)]);
    assert_eq!(what, "the end of a job's log", "{source}: {body}");
    assert!(source.starts_with("pipeline of ") && body.lines().count() > 1, "{source}: {body}");
}

#[test]
fn a_screen_is_kept_without_the_secrets_on_it() {
    let mut night = Night::new();
    let incident = *night.state.incidents.incidents.keys().next().unwrap();
    night.tell(Msg::ScreenDrawn { incident, text: "Services\n  password=hunter2-and-more\n".into() });
    let (what, source, body) = kept(&night);
    assert_eq!((what.as_str(), source.as_str()), ("a screen", "the console"));
    assert!(body.starts_with("Services\n") && !body.contains("hunter2"), "{body}");
}
