//! What is done to a pipeline goes through the gate of any other change, and is on the audit before it is done.
use super::*;
use crate::core::{
    id::ServiceId,
    inventory::{Pipeline, Service},
    runs::stick::{Held, Notice, PipelineHold},
};

fn deed(verb: PipelineVerb) -> Deed {
    let run = PipelineRun {
        id: 9,
        number: 812,
        branch: "main".into(),
        status: "waiting".into(),
        waits_for: vec!["production".into()],
        ..PipelineRun::default()
    };
    Deed::of_run(&run, verb)
}

fn order(service: &str, verb: PipelineVerb) -> Plan {
    let mut plan = Plan::new(service.parse().unwrap(), format!("{} run 812 of main", verb.word()), "");
    plan.action = action_of(verb);
    plan.deeds = match verb {
        PipelineVerb::Hold | PipelineVerb::Release => {
            vec![Deed::Enable { workflow: "deploy.yml".into(), on: verb == PipelineVerb::Release }]
        }
        PipelineVerb::Dispatch
        | PipelineVerb::Approve
        | PipelineVerb::Reject
        | PipelineVerb::Cancel
        | PipelineVerb::Rerun
        | PipelineVerb::RerunFailed => vec![deed(verb)],
    };
    plan
}

fn desk() -> Desk {
    let mut desk = Desk::new();
    for id in ["play@prod", "play@staging"] {
        let pipeline = Pipeline::new("acme/play", "deploy.yml", "env:TOKEN");
        let id: ServiceId = id.parse().unwrap();
        desk.inventory.services.push(Arc::new(Service { pipeline: Some(Arc::new(pipeline)), ..Service::new(id) }));
    }
    desk
}

fn audits(rows: &[Row]) -> Vec<(String, String)> {
    let line = |row: &Row| if let Row::Audit(of) = row { Some((of.what.clone(), of.detail.clone())) } else { None };
    rows.iter().filter_map(line).collect()
}

/// Confirms what is in review, outside of production.
fn confirmed(desk: &mut Desk, ms: u64) -> Out {
    desk.send(ms, Msg::Confirmed)
}

#[test]
fn in_production_it_takes_all_that_a_restart_takes_and_no_run_is_made_of_it() {
    let mut desk = desk();
    _ = desk.reviewed(0, order("play@prod", PipelineVerb::Approve));
    let refused = |desk: &Desk| desk.state.review.as_ref().unwrap().refused.clone().unwrap();
    assert_eq!(confirmed(&mut desk, 600), Out::default());
    assert!(refused(&desk).contains("write is not armed for prod"));
    _ = desk.send(700, Msg::WriteArmed("prod".into()));
    _ = desk.send(800, Msg::Confirmed);
    assert!(refused(&desk).contains("type the service name"));
    _ = desk.send(900, Msg::NameTyped("play".into()));
    _ = desk.send(950, Msg::Confirmed);
    assert!(refused(&desk).contains("reason"));
    _ = desk.send(960, Msg::ReasonTyped("v3 is good".into()));
    assert_eq!(desk.send(1_000, Msg::Confirmed), Out::default());
    assert_eq!(desk.send(2_900, Msg::Ticked), Out::default(), "two seconds to cancel");
    let out = desk.send(3_000, Msg::Ticked);
    let [Ask::Act { rows, plan, reason, permit, .. }] = out.asks.as_slice() else { panic!("{out:?}") };
    let lines = audits(rows);
    assert!(matches!(&lines[..], [(what, _)] if what == "pipeline.approve"), "{lines:?}");
    let hash = hash(plan);
    for part in ["acme/play: approve run 812 of main", "waiting for approval of production", "v3 is good", &hash] {
        assert!(lines[0].1.contains(part), "{part}: {lines:?}");
    }
    assert_eq!((reason.as_str(), permit.level()), ("v3 is good", Level::Production));
    assert!(desk.state.runs.is_empty() && desk.state.review.is_none() && out.rows.is_empty());
}

#[test]
fn what_became_of_it_is_on_the_audit_and_told() {
    let mut desk = desk();
    _ = desk.reviewed(0, order("play@staging", PipelineVerb::Cancel));
    let out = confirmed(&mut desk, 600);
    let [Ask::Act { plan, .. }] = out.asks.as_slice() else { panic!("{out:?}") };
    let plan = Arc::clone(plan);
    let acted = vec![Acted::Unknown("run 812: no answer".into())];
    let out = desk.send(700, Msg::ActedOutside { plan, incident: None, acted: acted.clone() });
    assert_eq!(audits(&out.rows), [("pipeline.unknown".to_owned(), "run 812: no answer".to_owned())]);
    let service = "play@staging".parse().unwrap();
    assert_eq!(out.facts, [Fact::ActedOutside { service, incident: None, acted }]);
}

#[test]
fn what_only_stops_a_pipeline_is_held_up_by_nothing() {
    let mut desk = desk();
    for (verb, held) in [
        (PipelineVerb::Approve, true),
        (PipelineVerb::Rerun, true),
        (PipelineVerb::RerunFailed, true),
        (PipelineVerb::Release, true),
        (PipelineVerb::Reject, false),
        (PipelineVerb::Cancel, false),
        (PipelineVerb::Hold, false),
    ] {
        for env in &mut desk.inventory.environments {
            env.calendar.freezes = vec![super::super::policy::Freeze {
                from: chrono::NaiveDate::from_ymd_opt(1969, 1, 1).unwrap().into(),
                to: chrono::NaiveDate::from_ymd_opt(1971, 1, 1).unwrap().into(),
                why: "a holiday".into(),
            }];
        }
        let plan = order("play@staging", verb);
        let against = prechecks(&desk.state, &plan, None, at(0), &desk.inventory);
        assert_eq!(against.iter().any(|check| check.verdict == Fit::Held), held, "{verb:?}: {against:?}");
    }
}

#[test]
fn what_the_pipeline_brings_is_not_said_to_have_been_in_staging() {
    let mut desk = desk();
    let service = desk.inventory.services.iter_mut().find(|of| of.id.env.as_str() == "prod").unwrap();
    Arc::make_mut(service).rollout.staging_first_ms = Some(3_600_000);
    let held = |plan: &Plan| {
        let all = prechecks(&desk.state, plan, None, at(0), &desk.inventory);
        all.into_iter().find(|check| check.verdict == Fit::Held).map(|check| check.text)
    };
    let approve = held(&order("play@prod", PipelineVerb::Approve)).unwrap();
    assert!(approve.contains("whether it did is not known here"), "{approve}");
    let mut begin = order("play@prod", PipelineVerb::Dispatch);
    begin.action = Action::Deploy { version: "v3".into() };
    let begin = held(&begin).unwrap();
    assert!(begin.contains("play@staging goes first: nothing was brought out there yet"), "{begin}");
    assert_eq!(held(&order("play@prod", PipelineVerb::Reject)), None);
    assert_eq!(held(&order("play@prod", PipelineVerb::Release)), None);
}

#[test]
fn a_pipeline_that_is_released_is_so_in_the_notice_of_what_was_left() {
    let mut desk = desk();
    desk.state.console = Uid([7; 6]);
    let back = Plan {
        action: Action::Rollback { version: "v1".into() },
        from: Some("v2".into()),
        pipeline: Some(PipelineHold {
            repo: "acme/play".into(),
            workflow: "deploy.yml".into(),
            branch: "main".into(),
            disables: true,
        }),
        ..plan("play@staging", "stage-01")
    };
    let happened = |kind| Msg::Happened(RunEvent { run: RUN, at: at(1).utc, by: "ana".into(), kind });
    _ = desk.reviewed(0, back);
    _ = desk.send(600, Msg::Confirmed);
    _ = desk.send(700, happened(RunEventKind::Ended { outcome: RunOutcome::Succeeded }));
    let commit = Some("9c1e000000000000000000000000000000000000".to_owned());
    let held = Held { did: Vec::new(), commit: commit.clone(), disabled: true, error: None };
    _ = desk.send(800, happened(RunEventKind::PipelineHeld(held)));
    let notice = |desk: &Desk| desk.state.notices().first().map(Notice::words).unwrap();
    assert_eq!(notice(&desk), "deploy.yml is held; released, the next push to main brings v2 back");
    let act = |desk: &mut Desk, verb, acted| {
        let plan = Arc::new(order("play@staging", verb));
        desk.send(900, Msg::ActedOutside { plan, incident: None, acted: vec![acted] })
    };
    let out = act(&mut desk, PipelineVerb::Release, Acted::Unknown("no answer".into()));
    assert!(out.rows.iter().any(|row| matches!(row, Row::Run(_))));
    assert!(notice(&desk).contains("is held, but not all of it (no answer)"), "{}", notice(&desk));
    _ = act(&mut desk, PipelineVerb::Release, Acted::Done("deploy.yml: is enabled".into()));
    assert_eq!(notice(&desk), "the next push to main brings v2 back");
    let last = desk.state.runs[&RUN].hold.clone().unwrap();
    assert_eq!((last.disabled, last.commit), (false, commit));
}
