//! Looks at the pipeline of a service, and acts on it.
use std::{sync::LazyLock, time::Duration};

use crate::{
    config::{Env, secret},
    core::{
        inventory::Pipeline,
        runs::{
            PipelineRun,
            stick::{Held, PipelineHold, is_commit},
        },
    },
    remote::{
        github::{GitHub, Kept},
        http::{Client, Trust},
    },
};

/// How long a command for the token may take.
const SECRET: Duration = Duration::from_secs(10);
/// What GitHub said of what is asked again and again.
static KEPT: LazyLock<Kept> = LazyLock::new(Kept::default);
/// Runs that are looked at.
const RUNS: u8 = 30;

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
    let github = github(pipeline, env).await?;
    let runs = github.runs(&pipeline.workflow, RUNS).await.map_err(|error| error.to_string())?;
    let mut open = Vec::new();
    for mut run in runs.into_iter().filter(|run| !run.is_over()) {
        if run.status == "waiting" {
            let pending = github.pending(run.id).await.map_err(|error| error.to_string())?;
            run.waits_for = pending.into_iter().map(|pending| pending.name).collect();
            let other = |wanted: &String| !run.waits_for.is_empty() && !run.waits_for.contains(wanted);
            if pipeline.environment.as_ref().is_some_and(other) {
                continue;
            }
        }
        open.push(run);
    }
    Ok(open)
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
