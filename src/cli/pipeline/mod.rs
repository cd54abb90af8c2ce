//! `qd pipeline`: the pipeline that brings a service out: how it stands, and what is done to it.
mod intent;
mod stick;

use std::{sync::Arc, time::Duration};

use color_eyre::eyre::eyre;
use serde_json::json;

use super::{
    Common, Exit,
    change::Meant,
    setup::{self, Setup},
    status,
};
use crate::{
    config::Loaded,
    core::{
        id::ServiceId,
        inventory::Pipeline,
        record::{Audit, Row},
        runs::{PipelineJob, PipelineRun, PipelineVerb, policy::Role},
    },
    parse::sanitise,
    remote::github::GitHub,
    runtime::pipeline,
    store::Store,
};

/// What `qd pipeline` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What to do with it
    #[arg(value_enum)]
    verb: Verb,
    #[command(flatten)]
    meant: Meant,
    /// The run, by its number or its id; needed for what acts on one, but for hold
    #[arg(long, value_name = "RUN")]
    run: Option<u64>,
    /// The version that a dispatched run is to bring out
    #[arg(long, value_name = "VERSION")]
    version: Option<String>,
    /// Run only the jobs again that failed
    #[arg(long)]
    failed: bool,
    /// Also follow the run until it ended
    #[arg(long)]
    wait: bool,
    /// Set aside what is held against it (a freeze, staging that was left out); an admin's, and the reason goes to the audit
    #[arg(long = "override")]
    set_aside: bool,
}

/// What is done with a pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Verb {
    /// Print its newest runs
    Status,
    /// Follow a run and its jobs until it ended; prints the log of what failed
    Follow,
    /// Begin a run
    Dispatch,
    /// Approve what a run waits for
    Approve,
    /// Reject what a run waits for
    Reject,
    /// Cancel a run
    Cancel,
    /// Run a run again
    Rerun,
    /// Disable the workflow, reject every approval that is waited for, and cancel what runs: so that a rollback stays
    Hold,
    /// Enable the workflow again
    Release,
    /// Print the commands that take back on its branch what a rollback left; does nothing
    Revert,
    /// Set aside that a version which was left may come back
    Settle,
}

impl Verb {
    /// Who may do it.
    fn needs(self) -> Role {
        match self {
            Self::Status | Self::Follow | Self::Revert => Role::Viewer,
            Self::Settle => Role::Responder,
            Self::Reject | Self::Cancel | Self::Hold | Self::Dispatch | Self::Approve | Self::Rerun | Self::Release => {
                self.deed(false).map_or(Role::Viewer, PipelineVerb::needs)
            }
        }
    }
}

const PAUSE: Duration = Duration::from_secs(5);
/// Lines of the log of a job that failed.
const TAIL: usize = 40;

pub(super) fn run(common: &Common, args: &Args) -> color_eyre::Result<Exit> {
    let setup = Setup::new()?;
    let loaded = setup.config(common)?;
    let id = status::service_id(common, &loaded.inventory, &args.meant.service)?;
    let found = loaded.inventory.service(&id).and_then(|service| service.pipeline.clone());
    let Some(pipeline) = found else {
        let help = format!(
            "add pipeline = {{ repo = \"owner/name\", workflow = \"deploy.yml\", token = \"env:…\" }} to [service.in.{}]",
            id.env
        );
        return Err(eyre!("{id} has no pipeline\n  {help}"));
    };
    let desk = Desk { setup: &setup, common, args, loaded: &loaded, id, pipeline: &pipeline };
    setup.runtime.block_on(desk.work())
}

/// One call of the command.
struct Desk<'a> {
    setup: &'a Setup,
    common: &'a Common,
    args: &'a Args,
    loaded: &'a Loaded,
    id: ServiceId,
    pipeline: &'a Arc<Pipeline>,
}

impl Desk<'_> {
    async fn work(&self) -> color_eyre::Result<Exit> {
        match self.args.verb {
            Verb::Revert => return self.revert(),
            Verb::Settle => return self.settle(),
            Verb::Status
            | Verb::Follow
            | Verb::Dispatch
            | Verb::Approve
            | Verb::Reject
            | Verb::Cancel
            | Verb::Rerun
            | Verb::Hold
            | Verb::Release => {}
        }
        let github = match pipeline::github(self.pipeline, &self.setup.env).await {
            Ok(github) => github,
            Err(why) => return Ok(self.cannot(&why)),
        };
        match self.args.verb.deed(self.args.failed) {
            Some(verb) => self.act(&github, verb).await,
            None if self.args.verb == Verb::Follow => {
                match pipeline::one(&github, self.pipeline, self.args.run).await {
                    Ok(run) => self.follow(&github, run.id).await,
                    Err(why) => Ok(self.cannot(&why)),
                }
            }
            None => self.status().await,
        }
    }

    fn cannot(&self, why: &str) -> Exit {
        setup::warn(&format!("{}: {why}", self.id));
        Exit::Unreachable
    }

    async fn status(&self) -> color_eyre::Result<Exit> {
        let runs = match pipeline::newest_with_waits(self.pipeline, &self.setup.env).await {
            Ok(runs) => runs,
            Err(why) => return Ok(self.cannot(&why)),
        };
        if self.common.json {
            let data = runs.iter().map(to_json).collect();
            setup::print_json("qd.pipeline/1", self.setup.clock.as_ref(), data)?;
            return Ok(Exit::Ok);
        }
        let mut rows = vec![["RUN", "BRANCH", "COMMIT", "BY", "STANDS", "TITLE"].map(str::to_owned).to_vec()];
        rows.extend(runs.iter().map(|run| {
            let sha = run.sha.chars().take(9).collect();
            vec![run.number.to_string(), run.branch.clone(), sha, run.by.clone(), run.stands(), run.title.clone()]
        }));
        setup::print(&setup::table(&rows))?;
        Ok(Exit::Ok)
    }

    fn note(&self, store: &mut dyn Store, what: &str, detail: &str) -> color_eyre::Result<()> {
        let actor = &self.setup.actor;
        let audit = Audit {
            at: self.setup.clock.now().utc,
            by: actor.by.clone(),
            from: actor.from.clone(),
            what: what.into(),
            target: self.id.to_string(),
            detail: sanitise::line(detail),
        };
        store.commit(&[Row::Audit(audit)], None).map_err(|error| error.report())?;
        Ok(())
    }

    /// Follows a run until it ended.
    async fn follow(&self, github: &GitHub, id: u64) -> color_eyre::Result<Exit> {
        let (mut said, mut failures) = (String::new(), 0);
        let run = loop {
            let (now, jobs) = (github.run(id).await, github.jobs(id).await);
            match (now, jobs) {
                (Ok(run), Ok(jobs)) => {
                    failures = 0;
                    let each = jobs.iter().map(|job| format!("  {}: {}\n", job.name, job.stands()));
                    let text = format!("{}: {}\n{}", run.words(), run.stands(), each.collect::<String>());
                    if text != said && !self.common.json {
                        setup::print(&text)?;
                    }
                    said = text;
                    if run.is_over() {
                        self.failed(github, &jobs).await?;
                        break run;
                    }
                }
                (Err(error), _) | (_, Err(error)) => {
                    failures += 1;
                    setup::warn(&format!("{error}; the run goes on at GitHub"));
                    if failures >= 10 {
                        return Ok(Exit::Unknown);
                    }
                }
            }
            tokio::time::sleep(PAUSE).await;
        };
        if self.common.json {
            setup::print_json("qd.pipeline/1", self.setup.clock.as_ref(), json!([to_json(&run)]))?;
        }
        Ok(if run.conclusion.as_deref() == Some("success") { Exit::Ok } else { Exit::Down })
    }

    /// Prints the end of the log of each job that failed.
    async fn failed(&self, github: &GitHub, jobs: &[PipelineJob]) -> color_eyre::Result<()> {
        for job in jobs.iter().filter(|job| job.is_bad()) {
            match github.log(job.id).await {
                Ok(lines) => {
                    let from = lines.len().saturating_sub(TAIL);
                    for line in lines.iter().skip(from) {
                        setup::warn(&format!("{} | {line}", job.name));
                    }
                }
                Err(error) => setup::warn(&format!("{}: {error}", job.name)),
            }
        }
        Ok(())
    }
}

fn to_json(run: &PipelineRun) -> serde_json::Value {
    json!({
        "run": run.number, "id": run.id, "workflow": run.workflow, "title": run.title, "branch": run.branch, "commit": run.sha,
        "by": run.by, "event": run.event, "status": run.status, "conclusion": run.conclusion, "waits_for": run.waits_for,
        "at": run.at.map(crate::core::time::Timestamp::rfc3339), "url": run.url,
    })
}
