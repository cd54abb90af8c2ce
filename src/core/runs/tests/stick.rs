//! A version that was left stays away, or it is said that it does not.
use super::*;
use crate::core::runs::stick::{Held, Notice, PipelineHold, Settled};

const COMMIT: &str = "9c1e000000000000000000000000000000000000";

fn hold() -> PipelineHold {
    PipelineHold { repo: "acme/play".into(), workflow: "deploy.yml".into(), branch: "main".into(), disables: true }
}

fn back(action: Action) -> Plan {
    Plan {
        action,
        from: Some("v2".into()),
        pipeline: Some(hold()),
        undo_steps: vec![step("stage-01", "back")],
        undo_by_itself: true,
        ..plan("play@staging", "stage-01")
    }
}

fn event(run: Uid, ms: u64, kind: RunEventKind) -> Msg {
    Msg::Happened(RunEvent { run, at: at(ms).utc, by: "ana".into(), kind })
}

fn held(commit: Option<&str>, disabled: bool, error: Option<&str>) -> RunEventKind {
    let (commit, error) = (commit.map(str::to_owned), error.map(str::to_owned));
    RunEventKind::PipelineHeld(Held { did: vec!["deploy.yml is disabled".into()], commit, disabled, error })
}

/// Starts a run of this plan.
fn started(desk: &mut Desk, plan: Plan) {
    desk.state.console = Uid([7; 6]);
    _ = desk.reviewed(0, plan);
    _ = desk.send(600, Msg::Confirmed);
    assert!(desk.state.runs.contains_key(&RUN));
}

/// Says whether a message has a pipeline held, and with which rows.
fn holds(out: &Out) -> Vec<String> {
    let mut found = Vec::new();
    for ask in &out.asks {
        if let Ask::Hold { rows, run: RUN, .. } = ask {
            found.extend(
                rows.iter().map(|row| if let Row::Audit(audit) = row { audit.what.clone() } else { String::new() }),
            );
        }
    }
    found
}

fn words(desk: &Desk) -> Vec<String> {
    desk.state.notices().iter().map(Notice::words).collect()
}

fn end(desk: &mut Desk, ms: u64, outcome: RunOutcome) {
    _ = desk.send(ms, event(RUN, ms, RunEventKind::Ended { outcome }));
}

#[test]
fn a_rollback_holds_its_pipeline_once_and_on_the_audit_first() {
    let mut desk = Desk::new();
    started(&mut desk, back(Action::Rollback { version: "v1".into() }));
    let first = desk.send(700, Msg::Ticked);
    assert_eq!(holds(&first), ["pipeline.hold"]);
    assert!(desk.state.runs[&RUN].awaits_hold());
    assert_eq!(holds(&desk.send(800, Msg::Ticked)), [""; 0]);
    assert_eq!(words(&desk), [""; 0], "it is not over");
    end(&mut desk, 900, RunOutcome::Succeeded);
    assert_eq!(words(&desk), ["the next push to main brings v2 back: the pipeline is being held"]);
    _ = desk.send(1_000, event(RUN, 1_000, held(Some(COMMIT), true, None)));
    assert!(!desk.state.runs[&RUN].awaits_hold());
    assert_eq!(words(&desk), ["deploy.yml is held; released, the next push to main brings v2 back"]);
    // It was released from elsewhere.
    _ = desk.send(2_000, event(RUN, 2_000, held(Some(COMMIT), false, None)));
    assert_eq!(words(&desk), ["the next push to main brings v2 back"]);
    _ = desk.send(3_000, event(RUN, 3_000, held(Some(COMMIT), false, Some("GitHub does not answer"))));
    assert_eq!(words(&desk), ["the next push to main brings v2 back: its pipeline is NOT held"]);
}

#[test]
fn what_is_taken_back_by_itself_holds_it_too_and_a_good_deploy_does_not() {
    let mut desk = Desk::new();
    started(&mut desk, back(Action::Deploy { version: "v2".into() }));
    assert_eq!(holds(&desk.send(700, Msg::Ticked)), [""; 0], "nothing goes back yet");
    let kind = RunEventKind::StepEnded { step: 0, end: StepEnd::Exit(1) };
    _ = desk.send(800, event(RUN, 800, kind));
    assert_eq!(holds(&desk.send(900, Msg::Ticked)), ["pipeline.hold"]);
    let kind = RunEventKind::StepEnded { step: 1, end: StepEnd::Exit(0) };
    _ = desk.send(1_000, event(RUN, 1_000, kind));
    assert_eq!(desk.state.runs[&RUN].outcome.map(|(outcome, _)| outcome), Some(RunOutcome::Undone));
    assert_eq!(words(&desk).len(), 1);
}

#[test]
fn the_notice_goes_with_a_good_deploy_a_revert_or_a_reason_and_with_nothing_else() {
    let left = |desk: &mut Desk| {
        started(desk, back(Action::Rollback { version: "v1".into() }));
        end(desk, 900, RunOutcome::Succeeded);
        _ = desk.send(1_000, event(RUN, 1_000, held(Some(COMMIT), true, None)));
        assert_eq!(words(desk).len(), 1);
    };
    let other = Uid([9; 6]);
    let later = |action: Action, outcome: RunOutcome, verdict: Option<Verdict>| {
        let mut desk = Desk::new();
        left(&mut desk);
        let plan = Arc::new(Plan { action, ..plan("play@staging", "stage-01") });
        let confirmed = RunEventKind::Confirmed {
            plan,
            reason: String::new(),
            incident: None,
            before: Health::Up,
            second_person: false,
            known: None,
        };
        _ = desk.send(2_000, event(other, 2_000, confirmed));
        _ = desk.send(2_100, event(other, 2_100, RunEventKind::Ended { outcome }));
        if let Some(verdict) = verdict {
            let kind = RunEventKind::Proved { verdict, summary: String::new() };
            _ = desk.send(2_200, event(other, 2_200, kind));
        }
        _ = desk.send(2_300, Msg::Ticked);
        (words(&desk).len(), desk.state.runs[&RUN].settled.clone())
    };
    let deploy = || Action::Deploy { version: "v3".into() };
    let (open, settled) = later(deploy(), RunOutcome::Succeeded, Some(Verdict::Recovered));
    assert_eq!((open, settled.map(|(how, _, _)| how)), (0, Some(Settled::Replaced { by: other })));
    for (action, outcome, verdict) in [
        (deploy(), RunOutcome::Succeeded, None),
        (deploy(), RunOutcome::Succeeded, Some(Verdict::NotRecovered)),
        (deploy(), RunOutcome::Succeeded, Some(Verdict::Unknown)),
        (deploy(), RunOutcome::Failed, Some(Verdict::Recovered)),
        (Action::Restart, RunOutcome::Succeeded, Some(Verdict::Recovered)),
    ] {
        assert_eq!(later(action.clone(), outcome, verdict), (1, None), "{action:?} {outcome:?} {verdict:?}");
    }

    let mut desk = Desk::new();
    left(&mut desk);
    let asked = desk.send(1_100, Msg::Ticked).asks;
    let look = Ask::LookAtBranch { run: RUN, service: "play@staging".parse().unwrap(), commit: COMMIT.into() };
    assert!(asked.contains(&look), "{asked:?}");
    assert!(!desk.send(30_000, Msg::Ticked).asks.contains(&look), "once a minute");
    assert!(desk.send(62_000, Msg::Ticked).asks.contains(&look));
    let how = Settled::Reverted { by: "aaaa".into() };
    _ = desk.send(63_000, event(RUN, 63_000, RunEventKind::Settled(how.clone())));
    assert_eq!(words(&desk), [""; 0]);
    assert!(!desk.send(130_000, Msg::Ticked).asks.contains(&look));
    // What was said first stays.
    let late = RunEventKind::Settled(Settled::SetAside { reason: "late".into() });
    assert_eq!(desk.send(131_000, event(RUN, 131_000, late)).rows, []);
    assert_eq!(desk.state.runs[&RUN].settled.as_ref().unwrap().0, how);
}

#[test]
fn the_way_to_take_it_back_is_plain_and_quoted() {
    let mut desk = Desk::new();
    let mut of = back(Action::Rollback { version: "v1".into() });
    of.pipeline.as_mut().unwrap().branch = "it's main".into();
    started(&mut desk, of);
    end(&mut desk, 900, RunOutcome::Succeeded);
    assert_eq!(desk.state.notices()[0].revert(), None, "the commit is not known");
    _ = desk.send(1_000, event(RUN, 1_000, held(Some("$(reboot)"), true, None)));
    assert_eq!(desk.state.notices()[0].revert(), None);
    _ = desk.send(1_100, event(RUN, 1_100, held(Some(COMMIT), true, None)));
    let lines = desk.state.notices()[0].revert().unwrap();
    assert_eq!(lines[0], r"git fetch origin 'it'\''s main'");
    assert_eq!(lines[2], format!("git revert --no-edit {COMMIT}"));
}
