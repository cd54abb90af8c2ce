//! Looks at the pipeline of a service, and acts on it.
use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};

use super::{executor::random_uid, inbox::Post};
use crate::{
    config::{Env, secret},
    core::{
        Msg,
        id::{Operator, ServiceId, Uid},
        inventory::{Pipeline, PipelineHolds},
        pipelines::{self, LOG_LINES, Log, Look, Told},
        runs::{
            self, Acted, Action, Deed, Fit, PipelineOrder, PipelineRun, PipelineVerb, Plan, Precheck, action_of,
            is_version,
            stick::{Held, PipelineHold, is_commit},
        },
        time::{Clock, Timestamp},
    },
    parse::github::Pending,
    remote::{
        github::{Dispatch, Error, GitHub, Kept},
        http::{Client, Trust},
    },
};

/// How long a command for the token may take.
const SECRET: Duration = Duration::from_secs(10);
/// What GitHub said of what is asked again and again.
static KEPT: LazyLock<Kept> = LazyLock::new(Kept::default);
/// Runs that are looked at.
const RUNS: u8 = 30;
/// Runs among which one is found that is named.
const FOUND: u8 = 100;

/// Makes the way to a pipeline's repository.
///
/// # Errors
/// Why its token cannot be had.
pub async fn github(pipeline: &Pipeline, env: &Env) -> Result<GitHub, String> {
    let token = secret::resolve(&pipeline.token, env, SECRET).await.map_err(|error| format!("its token: {error}"))?;
    Ok(GitHub::new(Client::new(Trust::system()), &pipeline.api, &pipeline.repo, token).keeping(&KEPT))
}

/// Returns the runs of a pipeline that have not ended, the newest first: of its environment, as far as they say what they wait for.
///
/// # Errors
/// Why it is not known.
pub async fn unfinished(pipeline: &Pipeline, env: &Env) -> Result<Vec<PipelineRun>, String> {
    open(&github(pipeline, env).await?, pipeline).await
}

async fn open(github: &GitHub, pipeline: &Pipeline) -> Result<Vec<PipelineRun>, String> {
    let mut runs = with_waits(github, pipeline).await?;
    let other = |run: &PipelineRun, wanted| !run.waits_for.is_empty() && !run.waits_for.contains(wanted);
    runs.retain(|run| !run.is_over() && !pipeline.environment.as_ref().is_some_and(|wanted| other(run, wanted)));
    Ok(runs)
}

/// Returns the newest runs of a pipeline, each that waits with what for.
///
/// # Errors
/// Why they are not known.
pub async fn newest_with_waits(pipeline: &Pipeline, env: &Env) -> Result<Vec<PipelineRun>, String> {
    with_waits(&github(pipeline, env).await?, pipeline).await
}

async fn with_waits(github: &GitHub, pipeline: &Pipeline) -> Result<Vec<PipelineRun>, String> {
    let mut runs = github.runs(&pipeline.workflow, RUNS).await.map_err(words)?;
    for run in runs.iter_mut().filter(|run| run.status == "waiting") {
        let pending = github.pending(run.id).await.map_err(words)?;
        run.waits_for = pending.into_iter().map(|pending| pending.name).collect();
    }
    Ok(runs)
}

fn words(error: Error) -> String {
    error.to_string()
}

/// Looks how a pipeline stands, for a person who watches it; nothing is changed by it.
///
/// # Errors
/// Why it is not known.
pub async fn look(pipeline: &Pipeline, env: &Env, look: &Look, clock: &dyn Clock) -> Result<Told, String> {
    let github = github(pipeline, env).await?;
    let runs = with_waits(&github, pipeline).await?;
    let workflow = github.workflow(&pipeline.workflow).await.map_err(words);
    let wanted = look.run.or_else(|| runs.first().map(|run| run.id));
    let jobs = match wanted {
        Some(run) => Some((run, github.jobs(run).await.map_err(words))),
        None => None,
    };
    let log = match look.log {
        Some(job) => Some((job, github.log(job).await.map(end).map_err(words))),
        None => None,
    };
    Ok(Told { at: clock.now().utc, workflow, runs, jobs, log })
}

/// Keeps the end of a log: there stands why it failed.
fn end(mut lines: Vec<String>) -> Log {
    let before = lines.len().saturating_sub(LOG_LINES);
    Log { before, lines: lines.split_off(before) }
}

/// Finds the run that is named, by its number or its id, with what it waits for.
///
/// # Errors
/// Why it is not known.
pub async fn one(github: &GitHub, pipeline: &Pipeline, named: Option<u64>) -> Result<PipelineRun, String> {
    let named = named.ok_or("name the run: --run NUMBER, as `qd pipeline status` prints it")?;
    let runs = github.runs(&pipeline.workflow, FOUND).await.map_err(words)?;
    let mut found = runs
        .into_iter()
        .find(|run| run.number == named || run.id == named)
        .ok_or_else(|| format!("{} has no run {named} among its newest {FOUND}", pipeline.workflow))?;
    if found.status == "waiting" {
        let pending = github.pending(found.id).await.map_err(words)?;
        found.waits_for = pending.into_iter().map(|pending| pending.name).collect();
    }
    Ok(found)
}

/// Plans what is done to a pipeline; nothing is done by it.
///
/// # Errors
/// Why it cannot be planned, and what to do.
pub async fn plan(service: &ServiceId, pipeline: &Pipeline, order: &PipelineOrder, env: &Env) -> Result<Plan, String> {
    let github = github(pipeline, env).await?;
    let workflow = &pipeline.workflow;
    let mut plan = Plan::new(service.clone(), String::new(), "");
    plan.action = action_of(order.verb);
    plan.proof = "how its runs end is seen in its view, and by the service's checks whether all is well".into();
    let check = |verdict, text: String| Precheck { verdict, text };
    let (title, effect, undo) = match order.verb {
        PipelineVerb::Dispatch => {
            let mut inputs = pipeline.inputs.clone();
            if let Some(version) = &order.version {
                let input = pipeline.version_input.as_ref().filter(|_| is_version(version)).ok_or_else(|| {
                    format!("{version:?} cannot be given: say `version_input` in its pipeline, and a plain version")
                })?;
                inputs.insert(input.clone(), version.clone());
                plan.action = Action::Deploy { version: version.clone() };
            }
            let open = with_waits(&github, pipeline).await?;
            let open = open.iter().filter(|run| !run.is_over());
            plan.prechecks.extend(open.map(|run| check(Fit::Doubtful, format!("{} is {}", run.words(), run.stands()))));
            let branch = pipeline.branch.clone();
            plan.deeds.push(Deed::Begin { workflow: workflow.clone(), branch: branch.clone(), inputs });
            let effect = "what it brings out takes the place of what runs".to_owned();
            (format!("begin {workflow} of {branch}"), effect, "cancel the run; what it brought out is rolled back")
        }
        PipelineVerb::Hold => {
            let open = open(&github, pipeline).await?;
            if pipeline.hold == PipelineHolds::Workflow {
                plan.deeds.push(Deed::Enable { workflow: workflow.clone(), on: false });
            }
            plan.deeds.extend(open.iter().map(|run| {
                let verb = if run.waits_for.is_empty() { PipelineVerb::Cancel } else { PipelineVerb::Reject };
                Deed::of_run(run, verb)
            }));
            (format!("hold {workflow}"), "nothing of it brings anything out until it is released".into(), "release it")
        }
        PipelineVerb::Release => {
            plan.deeds.push(Deed::Enable { workflow: workflow.clone(), on: true });
            let effect = format!("what is pushed to {} is brought out again", pipeline.branch);
            (format!("release {workflow}"), effect, "hold it")
        }
        verb @ (PipelineVerb::Approve
        | PipelineVerb::Reject
        | PipelineVerb::Cancel
        | PipelineVerb::Rerun
        | PipelineVerb::RerunFailed) => {
            let run = one(&github, pipeline, order.run).await?;
            plan.deeds.push(Deed::of_run(&run, verb));
            plan.prechecks.extend(fits(&github, pipeline, &run, verb).await?);
            let sha: String = run.sha.chars().take(9).collect();
            let (effect, undo) = match verb {
                PipelineVerb::Approve => (format!("its jobs that wait go on: they bring {sha} out"), "cancel the run"),
                PipelineVerb::Reject => ("its jobs that wait are not run".into(), "run it again"),
                PipelineVerb::Cancel => ("it ends where it stands: what it did stays".into(), "run it again"),
                PipelineVerb::Rerun => (format!("all of it runs again, with {sha}"), "cancel the run"),
                PipelineVerb::RerunFailed | PipelineVerb::Dispatch | PipelineVerb::Hold | PipelineVerb::Release => {
                    (format!("its jobs that failed run again, with {sha}, and those that need them"), "cancel the run")
                }
            };
            let word = if verb == PipelineVerb::RerunFailed { "rerun failed jobs of" } else { verb.word() };
            (format!("{word} {}", run.words()), effect, undo)
        }
    };
    (plan.title, plan.effect, plan.undo) = (title, effect, undo.to_owned());
    if matches!(order.verb, PipelineVerb::Dispatch | PipelineVerb::Approve | PipelineVerb::Rerun) {
        let disabled = github.workflow(workflow).await.map_err(words)?.starts_with("disabled");
        if disabled && order.verb == PipelineVerb::Dispatch {
            plan.prechecks.push(check(Fit::Bad, format!("{workflow} is disabled: release it first")));
        } else if disabled {
            plan.prechecks.push(check(Fit::Doubtful, format!("{workflow} is held")));
        }
    }
    Ok(plan)
}

/// Says whether a run stands as it must for what is to be done to it.
async fn fits(
    github: &GitHub,
    pipeline: &Pipeline,
    run: &PipelineRun,
    verb: PipelineVerb,
) -> Result<Vec<Precheck>, String> {
    let (name, stands) = (run.words(), run.stands());
    let one = |verdict, text: String| vec![Precheck { verdict, text }];
    Ok(match verb {
        PipelineVerb::Approve | PipelineVerb::Reject => {
            let pending = ours(pipeline, github.pending(run.id).await.map_err(words)?);
            let names: Vec<&str> = pending.iter().map(|one| one.name.as_str()).collect();
            match pending.iter().find(|one| !one.may_approve) {
                _ if pending.is_empty() => one(Fit::Bad, format!("{name} waits for no approval of this environment")),
                Some(not) => one(Fit::Bad, format!("the token's user is no reviewer of {}", not.name)),
                None => {
                    one(Fit::Good, format!("it waits for {}, and the token's user is a reviewer", names.join(", ")))
                }
            }
        }
        PipelineVerb::Cancel if run.is_over() => one(Fit::Bad, format!("{name} has ended: {stands}")),
        PipelineVerb::Cancel if run.status == "in_progress" => {
            one(Fit::Doubtful, "it runs: what it did so far stays, and may be half done".to_owned())
        }
        PipelineVerb::Rerun | PipelineVerb::RerunFailed if !run.is_over() => {
            one(Fit::Bad, format!("{name} has not ended: {stands}"))
        }
        PipelineVerb::Cancel
        | PipelineVerb::Rerun
        | PipelineVerb::RerunFailed
        | PipelineVerb::Dispatch
        | PipelineVerb::Hold
        | PipelineVerb::Release => Vec::new(),
    })
}

/// Leaves out what waits for another environment.
fn ours(pipeline: &Pipeline, mut pending: Vec<Pending>) -> Vec<Pending> {
    pending.retain(|one| pipeline.environment.as_ref().is_none_or(|name| *name == one.name));
    pending
}

/// Who acts, why, and when.
#[derive(Clone, Copy, Debug)]
pub struct Means<'a> {
    /// The person.
    pub by: &'a Operator,
    /// Why.
    pub reason: &'a str,
    /// Now.
    pub now: Timestamp,
}

/// Does what was confirmed, and says what became of it. It is sent once: what is not answered may have been done.
/// Also returns the run that can be followed then.
pub async fn carry_out(github: &GitHub, pipeline: &Pipeline, deed: &Deed, means: Means<'_>) -> (Acted, Option<u64>) {
    let about = deed.about();
    let acted = match done(github, pipeline, deed, means).await {
        Ok(Some((what, run))) => return (Acted::Done(format!("{about}: {what}")), run),
        Ok(None) => Acted::Unknown(format!("{about}: it began, and which run it is is not known: look at the newest")),
        Err(Fails::Not(why)) => Acted::Refused(format!("{about}: not done: {why}")),
        Err(Fails::Call(error)) if error.is_sure() => Acted::Refused(format!("{about}: not done: {error}")),
        Err(Fails::Call(error)) => {
            Acted::Unknown(format!("{about}: {error}; whether it was done is not known: look how it stands"))
        }
    };
    (acted, None)
}

/// Why something was not done, or may not have been.
enum Fails {
    Not(String),
    Call(Error),
}

impl From<Error> for Fails {
    fn from(error: Error) -> Self {
        Self::Call(error)
    }
}

async fn done(
    github: &GitHub,
    pipeline: &Pipeline,
    deed: &Deed,
    means: Means<'_>,
) -> Result<Option<(String, Option<u64>)>, Fails> {
    let (id, verb) = match deed {
        Deed::Enable { workflow, on } => {
            github.set_enabled(workflow, *on).await?;
            return Ok(Some((if *on { "is enabled" } else { "is disabled" }.to_owned(), None)));
        }
        Deed::Begin { workflow, branch, inputs } => {
            let mut inputs = inputs.clone();
            let mark = random_uid().to_string();
            let mark = pipeline.id_input.as_ref().map(|name| {
                inputs.insert(name.clone(), mark.clone());
                mark.as_str()
            });
            let dispatch = Dispatch { workflow, branch, inputs, mark, now: means.now };
            let begun = github.dispatch(&dispatch).await?;
            return Ok(begun.map(|run| (format!("{} began: {}", run.words(), run.url), Some(run.id))));
        }
        Deed::Run { id, verb, .. } => (*id, *verb),
    };
    let what = match verb {
        PipelineVerb::Cancel => {
            github.cancel(id).await?;
            "it is being cancelled".to_owned()
        }
        PipelineVerb::Rerun | PipelineVerb::RerunFailed => {
            github.rerun(id, verb == PipelineVerb::RerunFailed).await?;
            "it runs again".to_owned()
        }
        PipelineVerb::Approve | PipelineVerb::Reject => {
            let approve = verb == PipelineVerb::Approve;
            // What cannot be read is not done: nothing was sent yet.
            let pending = github.pending(id).await.map_err(|error| Fails::Not(error.to_string()))?;
            let pending = ours(pipeline, pending);
            if pending.is_empty() {
                return Err(Fails::Not("it waits for no approval of this environment".to_owned()));
            }
            if let Some(one) = pending.iter().find(|one| !one.may_approve) {
                return Err(Fails::Not(format!("the token's user is no reviewer of {}", one.name)));
            }
            let ids: Vec<u64> = pending.iter().map(|one| one.id).collect();
            github.review(id, &ids, approve, &format!("{} by quarterdeck: {}", means.by, means.reason)).await?;
            let names: Vec<&str> = pending.iter().map(|one| one.name.as_str()).collect();
            format!("{} {}", if approve { "approved for" } else { "rejected for" }, names.join(", "))
        }
        PipelineVerb::Dispatch | PipelineVerb::Hold | PipelineVerb::Release => {
            return Err(Fails::Not("it acts on no single run".to_owned()));
        }
    };
    Ok(Some((what, Some(id))))
}

/// Returns the newest runs of a pipeline.
///
/// # Errors
/// Why they are not known.
pub async fn newest(pipeline: &Pipeline, env: &Env) -> Result<Vec<PipelineRun>, String> {
    github(pipeline, env).await?.runs(&pipeline.workflow, RUNS).await.map_err(|error| error.to_string())
}

/// Holds a pipeline: disables its workflow where that was confirmed, rejects what waits and cancels what is queued. Whatever
/// cannot be done is said, and keeps nothing else from being done. What runs already is left to end.
pub async fn hold(pipeline: &Pipeline, env: &Env, confirmed: &PipelineHold, comment: &str) -> Held {
    let mut held = Held::default();
    let mut wrong = Vec::new();
    match github(pipeline, env).await {
        Err(why) => wrong.push(why),
        Ok(github) => {
            // First: what is pushed from now on begins nothing.
            if confirmed.disables {
                match github.set_enabled(&pipeline.workflow, false).await {
                    Ok(()) => {
                        held.disabled = true;
                        held.did.push(format!("{} is disabled", pipeline.workflow));
                    }
                    Err(error) => wrong.push(format!("{} is not disabled: {error}", pipeline.workflow)),
                }
            }
            match github.runs(&pipeline.workflow, RUNS).await {
                Ok(runs) => {
                    let brought = |run: &&PipelineRun| {
                        run.conclusion.as_deref() == Some("success")
                            && run.branch == pipeline.branch
                            && is_commit(&run.sha)
                    };
                    held.commit = runs.iter().find(brought).map(|run| run.sha.clone());
                    for run in runs.iter().filter(|run| !run.is_over()) {
                        match stop(&github, pipeline, run, comment).await {
                            Ok(did) => held.did.push(format!("{} {did}", run.words())),
                            Err(why) => wrong.push(format!("{}: {why}", run.words())),
                        }
                    }
                }
                Err(error) => wrong.push(error.to_string()),
            }
        }
    }
    held.error = (!wrong.is_empty()).then(|| wrong.join("; "));
    held
}

/// Keeps one run from bringing anything out.
async fn stop(github: &GitHub, pipeline: &Pipeline, run: &PipelineRun, comment: &str) -> Result<String, String> {
    let words = |error: crate::remote::github::Error| error.to_string();
    if run.status == "in_progress" {
        return Err("it runs already, and is left to end: look what it brings".to_owned());
    }
    if run.status == "waiting" {
        let pending = github.pending(run.id).await.map_err(words)?;
        let ours = |name: &String| pipeline.environment.as_ref().is_none_or(|wanted| wanted == name);
        let (ours, others): (Vec<_>, Vec<_>) = pending.into_iter().partition(|one| ours(&one.name));
        if ours.is_empty() && !others.is_empty() {
            return Ok("waits for another environment, and is left alone".to_owned());
        }
        if !ours.is_empty() && ours.iter().all(|one| one.may_approve) {
            let ids: Vec<u64> = ours.iter().map(|one| one.id).collect();
            github.review(run.id, &ids, false, comment).await.map_err(words)?;
            return Ok("is rejected".to_owned());
        }
    }
    // Also what waits, where the token's user is no reviewer.
    github.cancel(run.id).await.map_err(words)?;
    Ok("is cancelled".to_owned())
}

/// Returns the commit by which the branch takes back another; none where it does not.
///
/// # Errors
/// Why that is not known.
pub async fn reverted(pipeline: &Pipeline, env: &Env, commit: &str) -> Result<Option<String>, String> {
    let github = github(pipeline, env).await?;
    let commits = github.commits(&pipeline.branch).await.map_err(|error| error.to_string())?;
    let mut taken: Option<String> = None;
    // The oldest first: what takes back may be taken back itself.
    for one in commits.iter().rev() {
        match &taken {
            None if one.reverts(commit) => taken = Some(one.sha.clone()),
            Some(by) if one.reverts(by) => taken = None,
            None | Some(_) => {}
        }
    }
    Ok(taken)
}

/// Does what was confirmed, deed by deed, and tells what became of each.
pub(super) async fn act(
    of: Option<Arc<Pipeline>>,
    confirmed: Confirmed,
    (by, clock): (Operator, Arc<dyn Clock>),
    post: Post,
) {
    let Confirmed { plan, incident, reason } = confirmed;
    let github = match &of {
        Some(of) => github(of, &Env::of_process()).await,
        None => Err("it has no pipeline in the configuration any more".to_owned()),
    };
    let mut acted = Vec::new();
    for deed in &plan.deeds {
        acted.push(match (&github, &of) {
            (Ok(github), Some(of)) => {
                let means = Means { by: &by, reason: &reason, now: clock.now().utc };
                carry_out(github, of, deed, means).await.0
            }
            (Err(why), _) => Acted::Refused(format!("{}: not done: {why}", deed.about())),
            (Ok(_), None) => Acted::Refused(format!("{}: not done", deed.about())),
        });
    }
    post.fact(Msg::Runs(runs::Msg::ActedOutside { plan, incident, acted })).await;
}

/// What a person confirmed.
#[derive(Debug)]
pub(super) struct Confirmed {
    /// What.
    pub(super) plan: Arc<Plan>,
    /// The incident that is open for the service.
    pub(super) incident: Option<Uid>,
    /// Why.
    pub(super) reason: String,
}

/// Looks how a pipeline stands, and tells it.
pub(super) async fn tell(of: Option<Arc<Pipeline>>, wanted: Look, clock: Arc<dyn Clock>, post: Post) {
    let told = match of {
        Some(of) => look(&of, &Env::of_process(), &wanted, clock.as_ref()).await,
        None => Err("it has no pipeline in the configuration".to_owned()),
    };
    post.fact(Msg::Pipelines(pipelines::Msg::Looked { look: wanted, told: Box::new(told) })).await;
}
