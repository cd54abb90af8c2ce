//! Looks at the pipeline of a service, and acts on it.
use std::time::Duration;

use crate::{
    config::{Env, secret},
    core::{inventory::Pipeline, runs::PipelineRun},
    remote::{
        github::GitHub,
        http::{Client, Trust},
    },
};

/// How long a command for the token may take.
const SECRET: Duration = Duration::from_secs(10);
/// Runs that are looked at.
const RUNS: u8 = 30;

/// Makes the way to a pipeline's repository.
///
/// # Errors
/// Why its token cannot be had.
pub async fn github(pipeline: &Pipeline, env: &Env) -> Result<GitHub, String> {
    let token = secret::resolve(&pipeline.token, env, SECRET).await.map_err(|error| format!("its token: {error}"))?;
    Ok(GitHub::new(Client::new(Trust::system()), &pipeline.api, &pipeline.repo, token))
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
