//! The pipeline of Play in that night: while one waits for approval, with a job that failed, under review, and when it cannot be asked.
use std::sync::Arc;

use quarterdeck::core::{
    Msg,
    action::{Action, Motion},
    inventory::Pipeline,
    pipelines::{self, Log, Look, Told},
    runs::{self, Acted, Deed, Fit, PipelineJob, PipelineRun, PipelineStep, PipelineVerb, Plan, Precheck, action_of},
    screen::pipeline::PipelineAction,
    time::{HOUR, MINUTE, SECOND, Timestamp},
};

use crate::night::{AT, Night, id};

fn configured() -> Pipeline {
    Pipeline {
        environment: Some("production".into()),
        version_input: Some("version".into()),
        ..Pipeline::new("acme/play", "deploy.yml", "env:GITHUB_TOKEN")
    }
}

fn run(number: u64, status: &str, conclusion: Option<&str>, title: &str, ago: i64) -> PipelineRun {
    PipelineRun {
        id: number + 1_000,
        number,
        workflow: "Deploy".into(),
        title: title.into(),
        branch: "main".into(),
        sha: format!("{number}c1e0000000000000000000000000000000000a"),
        status: status.into(),
        conclusion: conclusion.map(str::to_owned),
        event: "push".into(),
        by: if number.is_multiple_of(2) { "ann".into() } else { "luis".into() },
        url: format!("https://github.com/acme/play/actions/runs/{}", number + 1_000),
        at: Some(AT - ago),
        updated: Some(AT - ago + 3 * MINUTE),
        waits_for: if status == "waiting" { vec!["production".into()] } else { Vec::new() },
    }
}

fn job(id: u64, name: &str, status: &str, conclusion: Option<&str>, steps: &[(&str, &str)]) -> PipelineJob {
    let step = |(name, status): &(&str, &str)| PipelineStep {
        name: (*name).into(),
        status: (*status).into(),
        conclusion: (*status == "completed").then(|| "success".into()),
    };
    PipelineJob {
        id,
        name: name.into(),
        status: status.into(),
        conclusion: conclusion.map(str::to_owned),
        began: (status != "queued").then_some(AT - 4 * MINUTE),
        ended: (status == "completed").then_some(AT - 4 * MINUTE + 72 * SECOND),
        steps: steps.iter().map(step).collect(),
    }
}

fn runs() -> Vec<PipelineRun> {
    vec![
        run(814, "waiting", None, "fix: give connections back", 4 * MINUTE),
        run(813, "in_progress", None, "ci: cache the packages", 9 * MINUTE),
        run(812, "completed", Some("failure"), "feat: pool of streams", HOUR),
        run(811, "completed", Some("success"), "feat: pool for streams", 26 * HOUR),
        run(810, "completed", Some("cancelled"), "chore: versions", 50 * HOUR),
    ]
}

fn told(at: Timestamp, workflow: Result<String, String>, of: u64, jobs: Vec<PipelineJob>) -> Told {
    Told { at, workflow, runs: runs(), jobs: Some((of, Ok(jobs))), log: None }
}

/// Play with a pipeline, in view.
fn piped() -> Night {
    let mut night = Night::new();
    let inventory = Arc::make_mut(&mut night.state.inventory);
    let play = inventory.services.iter_mut().find(|service| service.id == id("Play")).unwrap();
    Arc::make_mut(play).pipeline = Some(Arc::new(configured()));
    // The cursor is on Play: it is down.
    night.act(&[Action::Pipeline(PipelineAction::Show)]);
    night
}

fn answers(night: &mut Night, told: Result<Told, String>) {
    let look = Look { service: id("Play"), run: None, log: None };
    night.tell(Msg::Pipelines(pipelines::Msg::Looked { look, told: Box::new(told) }));
    night.pass(0);
}

fn asked() -> Night {
    let mut night = piped();
    night.tell(Msg::Ticked);
    night
}

/// One waits for approval.
pub(crate) fn waits() -> Night {
    let mut night = asked();
    let jobs = vec![
        job(21, "build", "completed", Some("success"), &[("checkout", "completed"), ("build", "completed")]),
        job(22, "test", "completed", Some("success"), &[("checkout", "completed"), ("test", "completed")]),
        job(23, "deploy to production", "waiting", None, &[]),
    ];
    let at = night.now.utc;
    answers(&mut night, Ok(told(at, Ok("active".into()), 1_814, jobs)));
    night
}

/// The cursor is on the one that failed, and the log of its job is read.
pub(crate) fn failed() -> Night {
    let mut night = waits();
    night.act(&[Action::Move(Motion::Down), Action::Move(Motion::Down)]);
    let jobs = vec![
        job(11, "build", "completed", Some("success"), &[("checkout", "completed"), ("build", "completed")]),
        job(
            12,
            "deploy to production",
            "completed",
            Some("failure"),
            &[("download", "completed"), ("migrate", "completed"), ("reload", "queued")],
        ),
    ];
    let at = night.now.utc;
    let mut told = told(at, Ok("disabled_manually".into()), 1_812, jobs);
    let lines = [
        "##[group]Run npm run migrate",
        "npm run migrate",
        "##[endgroup]",
        "> play@2.31.0 migrate",
        "error: relation \"pool\" does not exist",
        "##[error]Process completed with exit code 1.",
    ];
    told.log = Some((12, Ok(Log { before: 2_411, lines: lines.map(str::to_owned).to_vec() })));
    answers(&mut night, Ok(told));
    night
}

/// It cannot be asked any more: what was told stands there with its age.
pub(crate) fn silent() -> Night {
    let mut night = waits();
    night.pass(90);
    answers(&mut night, Err("GitHub does not answer: connect: refused".into()));
    night
}

/// Nothing was ever told.
pub(crate) fn never() -> Night {
    let mut night = asked();
    answers(&mut night, Err("its token: the variable GITHUB_TOKEN is not set".into()));
    night
}

/// Which version is to be brought out is asked for.
pub(crate) fn version() -> Night {
    let mut night = waits();
    night.act(&[Action::Pipeline(PipelineAction::Act(PipelineVerb::Dispatch))]);
    night
}

/// The review of an approval.
pub(crate) fn review() -> Night {
    let mut night = waits();
    let mut plan = Plan::new(id("Play"), "approve run 814 of main by ann", "");
    plan.action = action_of(PipelineVerb::Approve);
    plan.deeds.push(Deed::of_run(&runs()[0], PipelineVerb::Approve));
    plan.effect = "its jobs that wait go on: they bring 814c1e000 out".into();
    plan.undo = "cancel the run".into();
    plan.prechecks.push(Precheck {
        verdict: Fit::Good,
        text: "it waits for production, and the token's user is a reviewer".into(),
    });
    night.plan = Some(plan);
    night.act(&[Action::Pipeline(PipelineAction::Act(PipelineVerb::Approve))]);
    night.pass(1);
    night
}

/// It was approved, or nobody knows whether.
pub(crate) fn unknown() -> Night {
    let mut night = waits();
    let mut plan = Plan::new(id("Play"), "approve run 814 of main by ann", "");
    plan.deeds.push(Deed::of_run(&runs()[0], PipelineVerb::Approve));
    let said = "run 814 of main by ann: GitHub answered 502; whether it was done is not known: look how it stands";
    let acted = vec![Acted::Unknown(said.into())];
    night.tell(Msg::Runs(runs::Msg::ActedOutside { plan: Arc::new(plan), incident: None, acted }));
    night
}
