//! `qd pipeline`: the pipeline that brings a service out: how it stands, and what is done to it.
use std::{collections::BTreeMap, sync::Arc, time::Duration};

use color_eyre::eyre::eyre;
use serde_json::json;

use super::{
    Common, Exit,
    setup::{self, Setup},
    status,
};
use crate::{
    config::Loaded,
    core::{
        id::ServiceId,
        inventory::Pipeline,
        record::{Audit, Row},
        runs::{
            PipelineRun,
            gate::{self, Armed, Confirmation},
            is_version,
            policy::Role,
        },
        time::Now,
    },
    parse::{github::Pending, sanitise},
    remote::github::{Dispatch, GitHub},
    runtime::{executor::random_uid, pipeline},
    store::{IfMissing, Store},
};

/// What `qd pipeline` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What to do with it
    #[arg(value_enum)]
    verb: Verb,
    /// The service, as SERVICE@ENV; SERVICE alone where it is in one environment only
    service: String,
    /// The run, by its number or its id; needed for what acts on one, but for hold
    #[arg(long, value_name = "RUN")]
    run: Option<u64>,
    /// The version that a dispatched run is to bring out
    #[arg(long, value_name = "VERSION")]
    version: Option<String>,
    /// Run only the jobs again that failed
    #[arg(long)]
    failed: bool,
    /// The service once more, as SERVICE@ENV: what it names is acted on, and nothing else
    #[arg(long, value_name = "SERVICE@ENV")]
    yes_i_mean: Option<String>,
    /// Why; needed in production, and kept on the audit and at GitHub
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Also follow the run until it ended
    #[arg(long)]
    wait: bool,
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
    /// Reject every approval that is waited for, and cancel what runs: so that a rollback stays
    Hold,
}

impl Verb {
    fn word(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Follow => "follow",
            Self::Dispatch => "dispatch",
            Self::Approve => "approve",
            Self::Reject => "reject",
            Self::Cancel => "cancel",
            Self::Rerun => "rerun",
            Self::Hold => "hold",
        }
    }

    /// Who may do it: to hold a pipeline is part of going back.
    fn needs(self) -> Role {
        match self {
            Self::Status | Self::Follow => Role::Viewer,
            Self::Reject | Self::Cancel | Self::Hold => Role::Responder,
            Self::Dispatch | Self::Approve | Self::Rerun => Role::Deployer,
        }
    }
}

const PAUSE: Duration = Duration::from_secs(5);
/// Lines of the log of a job that failed.
const TAIL: usize = 40;

pub(super) fn run(common: &Common, args: &Args) -> color_eyre::Result<Exit> {
    let setup = Setup::new()?;
    let loaded = setup.config(common)?;
    let id = status::service_id(common, &loaded.inventory, &args.service)?;
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
        let github = match pipeline::github(self.pipeline, &self.setup.env).await {
            Ok(github) => github,
            Err(why) => return Ok(self.cannot(&why)),
        };
        match self.args.verb {
            Verb::Status => self.status().await,
            Verb::Follow => match self.one(&github).await {
                Ok(run) => self.follow(&github, run).await,
                Err(why) => Ok(self.cannot(&why)),
            },
            verb @ (Verb::Dispatch | Verb::Approve | Verb::Reject | Verb::Cancel | Verb::Rerun | Verb::Hold) => {
                self.act(&github, verb).await
            }
        }
    }

    fn cannot(&self, why: &str) -> Exit {
        setup::warn(&format!("{}: {why}", self.id));
        Exit::Unreachable
    }

    async fn status(&self) -> color_eyre::Result<Exit> {
        let open = pipeline::unfinished(self.pipeline, &self.setup.env).await;
        let github = pipeline::github(self.pipeline, &self.setup.env).await;
        let github = match github {
            Ok(github) => github,
            Err(why) => return Ok(self.cannot(&why)),
        };
        let (mut runs, open) = match (github.runs(&self.pipeline.workflow, 10).await, open) {
            (Ok(runs), Ok(open)) => (runs, open),
            (Err(error), _) => return Ok(self.cannot(&error.to_string())),
            (_, Err(why)) => return Ok(self.cannot(&why)),
        };
        for run in &mut runs {
            if let Some(known) = open.iter().find(|known| known.id == run.id) {
                run.waits_for.clone_from(&known.waits_for);
            }
        }
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

    /// Finds the run that is named.
    async fn one(&self, github: &GitHub) -> Result<PipelineRun, String> {
        let named = self.args.run.ok_or("name the run: --run NUMBER, as `qd pipeline status` prints it")?;
        let runs = github.runs(&self.pipeline.workflow, 100).await.map_err(|error| error.to_string())?;
        let found = runs.into_iter().find(|run| run.number == named || run.id == named);
        found.ok_or_else(|| format!("{} has no run {named} among its newest 100", self.pipeline.workflow))
    }

    /// Says what is missing of what a person must have given.
    fn gate(&self, verb: Verb, now: Now) -> Result<(), String> {
        let id = self.id.to_string();
        let given = self.args.yes_i_mean.as_deref();
        if given != Some(&id) {
            let what = given.map_or_else(
                || format!("it also needs --yes-i-mean {id}"),
                |given| format!("--yes-i-mean names {given}"),
            );
            return Err(format!("nothing was done; {what}"));
        }
        let mut armed = Armed::default();
        armed.arm(self.id.env.clone(), now.mono + self.loaded.inventory.write.arm_ms);
        let by = &self.setup.actor.by;
        let reason = self.args.reason.as_deref().unwrap_or_default();
        let given = Confirmation { typed: self.id.service.as_str(), reason, yes: true, by };
        let passed = gate::outside(&self.loaded.inventory, &armed, &self.id, (given, verb.needs()), now);
        passed.map(drop).map_err(|refusal| format!("nothing was done; {refusal}"))
    }

    async fn act(&self, github: &GitHub, verb: Verb) -> color_eyre::Result<Exit> {
        let now = self.setup.clock.now();
        if let Err(missing) = self.gate(verb, now) {
            setup::warn(&format!("{}: {missing}", self.id));
            return Ok(Exit::Refused);
        }
        let mut store = Setup::store(self.loaded, IfMissing::Create).map_err(|error| error.report())?;
        let targets = match self.targets(github, verb).await {
            Ok(targets) => targets,
            Err(why) => return Ok(self.cannot(&why)),
        };
        if verb == Verb::Dispatch {
            return self.dispatch(github, store.as_mut(), now).await;
        }
        if targets.is_empty() {
            setup::print("nothing of it runs or waits: there is nothing to hold\n")?;
        }
        let mut all = true;
        for (run, verb) in &targets {
            // On the audit before it is done: what is done is never without its line.
            let reason = self.args.reason.as_deref().unwrap_or_default();
            let detail = format!("{} {} {}: {reason}", self.pipeline.repo, run.words(), run.sha);
            self.note(store.as_mut(), &format!("pipeline.{}", verb.word()), &detail)?;
            let done = self.carry_out(github, *verb, run, reason).await;
            let said = match &done {
                Ok(what) => format!("{}: {what}", run.words()),
                Err(why) => format!("{}: not done: {why}", run.words()),
            };
            all &= done.is_ok();
            self.note(store.as_mut(), if done.is_ok() { "pipeline.done" } else { "pipeline.failed" }, &said)?;
            setup::print(&format!("{said}\n"))?;
        }
        match targets.first().filter(|_| all && self.args.wait) {
            Some((run, _)) => self.follow(github, run.clone()).await,
            None => Ok(if all { Exit::Ok } else { Exit::Down }),
        }
    }

    /// Names what is acted on.
    async fn targets(&self, github: &GitHub, verb: Verb) -> Result<Vec<(PipelineRun, Verb)>, String> {
        if verb == Verb::Dispatch {
            return Ok(Vec::new());
        }
        if verb != Verb::Hold {
            return Ok(vec![(self.one(github).await?, verb)]);
        }
        let open = pipeline::unfinished(self.pipeline, &self.setup.env).await?;
        let how = |run: &PipelineRun| if run.waits_for.is_empty() { Verb::Cancel } else { Verb::Reject };
        Ok(open.into_iter().map(|run| (run.clone(), how(&run))).collect())
    }

    async fn carry_out(&self, github: &GitHub, verb: Verb, run: &PipelineRun, reason: &str) -> Result<String, String> {
        let words = |error: crate::remote::github::Error| error.to_string();
        match verb {
            Verb::Cancel => github.cancel(run.id).await.map_err(words).map(|()| "it is being cancelled".to_owned()),
            Verb::Rerun => {
                let again = github.rerun(run.id, self.args.failed).await.map_err(words);
                again.map(|()| "it runs again".to_owned())
            }
            Verb::Status | Verb::Follow | Verb::Dispatch | Verb::Hold => Err("it acts on no single run".to_owned()),
            Verb::Approve | Verb::Reject => {
                let approve = verb == Verb::Approve;
                let pending = github.pending(run.id).await.map_err(words)?;
                let wanted = |one: &&Pending| self.pipeline.environment.as_ref().is_none_or(|name| *name == one.name);
                let pending: Vec<&Pending> = pending.iter().filter(wanted).collect();
                if pending.is_empty() {
                    return Err("it waits for no approval of this environment".to_owned());
                }
                if let Some(one) = pending.iter().find(|one| !one.may_approve) {
                    return Err(format!("the token's user is no reviewer of {}", one.name));
                }
                let ids: Vec<u64> = pending.iter().map(|one| one.id).collect();
                let comment = format!("{} by quarterdeck: {reason}", self.setup.actor.by);
                github.review(run.id, &ids, approve, &comment).await.map_err(words)?;
                let names: Vec<&str> = pending.iter().map(|one| one.name.as_str()).collect();
                Ok(format!("{} {}", if approve { "approved for" } else { "rejected for" }, names.join(", ")))
            }
        }
    }

    async fn dispatch(&self, github: &GitHub, store: &mut dyn Store, now: Now) -> color_eyre::Result<Exit> {
        let mut inputs: BTreeMap<String, String> = self.pipeline.inputs.clone();
        if let Some(version) = &self.args.version {
            let Some(name) = self.pipeline.version_input.as_ref().filter(|_| is_version(version)) else {
                setup::warn(&format!(
                    "{}: {version:?} cannot be given: say `version_input` in its pipeline, and a plain version",
                    self.id
                ));
                return Ok(Exit::Usage);
            };
            inputs.insert(name.clone(), version.clone());
        }
        let mark = random_uid().to_string();
        if let Some(name) = &self.pipeline.id_input {
            inputs.insert(name.clone(), mark.clone());
        }
        let reason = self.args.reason.as_deref().unwrap_or_default();
        let what =
            format!("{} {} of {} {mark}: {reason}", self.pipeline.repo, self.pipeline.workflow, self.pipeline.branch);
        self.note(store, "pipeline.dispatch", &what)?;
        let mark = self.pipeline.id_input.as_ref().map(|_| mark.as_str());
        let dispatch =
            Dispatch { workflow: &self.pipeline.workflow, branch: &self.pipeline.branch, inputs, mark, now: now.utc };
        match github.dispatch(&dispatch).await {
            Ok(Some(run)) => {
                self.note(store, "pipeline.done", &format!("{} {}", run.words(), run.url))?;
                setup::print(&format!("{} began: {}\n", run.words(), run.url))?;
                if self.args.wait { self.follow(github, run).await } else { Ok(Exit::Ok) }
            }
            Ok(None) => {
                let said = "it began, and cannot be told from others: `qd pipeline status` prints them";
                self.note(store, "pipeline.unknown", said)?;
                setup::warn(&format!("{}: {said}", self.id));
                Ok(Exit::Unknown)
            }
            Err(error) => {
                self.note(store, "pipeline.failed", &error.to_string())?;
                Ok(self.cannot(&error.to_string()))
            }
        }
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
    async fn follow(&self, github: &GitHub, mut run: PipelineRun) -> color_eyre::Result<Exit> {
        let (mut said, mut failures) = (String::new(), 0);
        loop {
            let (now, jobs) = (github.run(run.id).await, github.jobs(run.id).await);
            match (now, jobs) {
                (Ok(now), Ok(jobs)) => {
                    (run, failures) = (now, 0);
                    let each = jobs.iter().map(|job| {
                        let step = job.steps.iter().find(|step| step.status == "in_progress");
                        let step = step.map(|step| format!(" ({})", step.name)).unwrap_or_default();
                        format!("  {}: {}{step}\n", job.name, job.conclusion.as_deref().unwrap_or(&job.status))
                    });
                    let text = format!("{}: {}\n{}", run.words(), run.stands(), each.collect::<String>());
                    if text != said && !self.common.json {
                        setup::print(&text)?;
                    }
                    said = text;
                    if run.is_over() {
                        self.failed(github, &jobs).await?;
                        break;
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
        }
        if self.common.json {
            setup::print_json("qd.pipeline/1", self.setup.clock.as_ref(), json!([to_json(&run)]))?;
        }
        Ok(if run.conclusion.as_deref() == Some("success") { Exit::Ok } else { Exit::Down })
    }

    /// Prints the end of the log of each job that failed.
    async fn failed(&self, github: &GitHub, jobs: &[crate::parse::github::Job]) -> color_eyre::Result<()> {
        for job in jobs.iter().filter(|job| job.conclusion.as_deref() == Some("failure")) {
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
