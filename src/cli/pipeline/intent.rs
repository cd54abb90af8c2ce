//! What is done to a pipeline: first as something that can be read and confirmed, then for real.
use std::{collections::BTreeMap, fmt::Write as _};

use sha2::Digest as _;

use super::{Desk, Exit, Verb, setup};
use crate::{
    core::{
        inventory::PipelineHolds,
        runs::{
            PipelineRun,
            gate::{self, Armed, Confirmation, Level},
            is_version,
            stick::Held,
        },
        time::Now,
    },
    parse::github::Pending,
    remote::github::{Dispatch, Error, GitHub},
    runtime::{executor::random_uid, pipeline},
    store::{IfMissing, Store},
};

/// One thing that is done.
#[derive(Clone, Debug)]
enum Deed {
    /// Something to a run.
    Run(Box<PipelineRun>, Verb),
    /// The workflow is enabled, or disabled.
    Enable(bool),
    /// A run is begun with these inputs.
    Begin(BTreeMap<String, String>),
}

impl Desk<'_> {
    /// Does what was asked for, once it was confirmed; or only says what it would be.
    pub(super) async fn act(&self, github: &GitHub) -> color_eyre::Result<Exit> {
        let now = self.setup.clock.now();
        // What may not be asked for needs no answer from GitHub.
        if let (Err(missing), false) = (self.gate(now), self.args.meant.leave.dry_run) {
            setup::warn(&format!("{}: {missing}", self.id));
            return Ok(Exit::Refused);
        }
        let deeds = match self.deeds(github).await {
            Ok(deeds) => deeds,
            Err((why, exit)) => {
                setup::warn(&format!("{}: {why}", self.id));
                return Ok(exit);
            }
        };
        let lines: Vec<String> = deeds.iter().map(|deed| self.words(deed)).collect();
        let hash = self.hash(&lines);
        if self.args.meant.leave.dry_run {
            let mut text = String::new();
            for line in &lines {
                writeln!(text, "{line}")?;
            }
            writeln!(text, "nothing was done; plan {hash}")?;
            setup::print(&text)?;
            return Ok(Exit::Ok);
        }
        if let Err(why) = self.same(&hash) {
            setup::warn(&format!("{}: {why}", self.id));
            return Ok(Exit::Refused);
        }
        let mut store =
            crate::cli::setup::Setup::store(self.loaded, IfMissing::Create).map_err(|error| error.report())?;
        if let [Deed::Begin(inputs)] = deeds.as_slice() {
            return self.begin(github, store.as_mut(), inputs.clone(), now).await;
        }
        if deeds.is_empty() {
            setup::print("nothing of it runs or waits: there is nothing to hold\n")?;
        }
        let reason = self.args.meant.leave.reason.as_deref().unwrap_or_default();
        let mut held = Held::default();
        let mut wrong = Vec::new();
        for (deed, line) in deeds.iter().zip(&lines) {
            // On the audit before it is done: what is done is never without its line.
            let word = match deed {
                Deed::Run(_, verb) => verb.word(),
                Deed::Enable(true) => "enable",
                Deed::Enable(false) => "disable",
                Deed::Begin(_) => "dispatch",
            };
            self.note(
                store.as_mut(),
                &format!("pipeline.{word}"),
                &format!("{}: {line}: {reason}", self.pipeline.repo),
            )?;
            let done = self.carry_out(github, deed, reason).await;
            let about = match deed {
                Deed::Run(run, _) => run.words(),
                Deed::Enable(_) | Deed::Begin(_) => self.pipeline.workflow.clone(),
            };
            let said = match &done {
                Ok(what) => format!("{about}: {what}"),
                Err(why) => format!("{about}: not done: {why}"),
            };
            held.disabled |= matches!((deed, &done), (Deed::Enable(false), Ok(_)));
            self.note(store.as_mut(), if done.is_ok() { "pipeline.done" } else { "pipeline.failed" }, &said)?;
            setup::print(&format!("{said}\n"))?;
            if done.is_ok() { held.did.push(said) } else { wrong.push(said) }
        }
        let all = wrong.is_empty();
        if matches!(self.args.verb, Verb::Hold | Verb::Release) {
            held.error = (!all).then(|| wrong.join("; "));
            self.noted(store.as_mut(), held)?;
        }
        match deeds.first().filter(|_| all && self.args.wait) {
            Some(Deed::Run(run, _)) => self.follow(github, run.as_ref().clone()).await,
            Some(Deed::Enable(_) | Deed::Begin(_)) | None => Ok(if all { Exit::Ok } else { Exit::Down }),
        }
    }

    /// Says what is missing of what a person must have given.
    pub(super) fn gate(&self, now: Now) -> Result<(), String> {
        let id = self.id.to_string();
        let given = self.args.meant.leave.yes_i_mean.as_deref();
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
        let reason = self.args.meant.leave.reason.as_deref().unwrap_or_default();
        let given = Confirmation { typed: self.id.service.as_str(), reason, yes: true, by };
        let passed = gate::outside(&self.loaded.inventory, &armed, &self.id, (given, self.args.verb.needs()), now);
        passed.map(drop).map_err(|refusal| format!("nothing was done; {refusal}"))
    }

    /// Says whether what was read is what would be done.
    fn same(&self, hash: &str) -> Result<(), String> {
        let production = gate::level(&self.loaded.inventory, &self.id.env) == Level::Production;
        match self.args.meant.leave.plan.as_deref() {
            Some(given) if given == hash => Ok(()),
            Some(given) => {
                let what = format!("it would be something else by now ({hash}, and not {given}): nothing was done");
                Err(format!("{what}\n  look at it with --dry-run, and name its hash"))
            }
            None if production => Err("nothing was done; it also needs --plan HASH, from --dry-run".to_owned()),
            None => Ok(()),
        }
    }

    /// Returns the first 8 hex digits of what would be done.
    fn hash(&self, lines: &[String]) -> String {
        let text = format!("{} {} {}\n{}", self.id, self.pipeline.api, self.pipeline.repo, lines.join("\n"));
        let bytes = sha2::Sha256::digest(text);
        bytes.iter().take(4).fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
    }

    fn words(&self, deed: &Deed) -> String {
        match deed {
            Deed::Run(run, verb) => {
                let failed = if *verb == Verb::Rerun && self.args.failed { ", its failed jobs only" } else { "" };
                format!("{} {} {}, which is {}{failed}", verb.word(), run.words(), run.sha, run.stands())
            }
            Deed::Enable(on) => format!("{} {}", if *on { "enable" } else { "disable" }, self.pipeline.workflow),
            Deed::Begin(inputs) => {
                let given: Vec<String> = inputs.iter().map(|(name, value)| format!("{name}={value}")).collect();
                format!("begin {} of {} with {}", self.pipeline.workflow, self.pipeline.branch, given.join(", "))
            }
        }
    }

    /// Names what is to be done.
    async fn deeds(&self, github: &GitHub) -> Result<Vec<Deed>, (String, Exit)> {
        let silent = |why: String| (why, Exit::Unreachable);
        match self.args.verb {
            Verb::Dispatch => {
                let mut inputs = self.pipeline.inputs.clone();
                if let Some(version) = &self.args.version {
                    let Some(name) = self.pipeline.version_input.as_ref().filter(|_| is_version(version)) else {
                        let help = "say `version_input` in its pipeline, and a plain version";
                        return Err((format!("{version:?} cannot be given: {help}"), Exit::Usage));
                    };
                    inputs.insert(name.clone(), version.clone());
                }
                Ok(vec![Deed::Begin(inputs)])
            }
            Verb::Release => Ok(vec![Deed::Enable(true)]),
            Verb::Hold => {
                let open = pipeline::unfinished(self.pipeline, &self.setup.env).await.map_err(silent)?;
                let how = |run: &PipelineRun| if run.waits_for.is_empty() { Verb::Cancel } else { Verb::Reject };
                let runs = open.into_iter().map(|run| Deed::Run(Box::new(run.clone()), how(&run)));
                let disables = (self.pipeline.hold == PipelineHolds::Workflow).then_some(Deed::Enable(false));
                Ok(disables.into_iter().chain(runs).collect())
            }
            verb @ (Verb::Status
            | Verb::Follow
            | Verb::Approve
            | Verb::Reject
            | Verb::Cancel
            | Verb::Rerun
            | Verb::Revert
            | Verb::Settle) => Ok(vec![Deed::Run(Box::new(self.one(github).await.map_err(silent)?), verb)]),
        }
    }

    async fn carry_out(&self, github: &GitHub, deed: &Deed, reason: &str) -> Result<String, String> {
        let words = |error: Error| error.to_string();
        let (run, verb) = match deed {
            Deed::Enable(on) => {
                github.set_enabled(&self.pipeline.workflow, *on).await.map_err(words)?;
                return Ok(if *on { "is enabled" } else { "is disabled" }.to_owned());
            }
            Deed::Begin(_) => return Err("it is begun by itself".to_owned()),
            Deed::Run(run, verb) => (run, *verb),
        };
        match verb {
            Verb::Cancel => github.cancel(run.id).await.map_err(words).map(|()| "it is being cancelled".to_owned()),
            Verb::Rerun => {
                let again = github.rerun(run.id, self.args.failed).await.map_err(words);
                again.map(|()| "it runs again".to_owned())
            }
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
            Verb::Status | Verb::Follow | Verb::Dispatch | Verb::Hold | Verb::Release | Verb::Revert | Verb::Settle => {
                Err("it acts on no single run".to_owned())
            }
        }
    }

    /// Begins a run.
    async fn begin(
        &self,
        github: &GitHub,
        store: &mut dyn Store,
        mut inputs: BTreeMap<String, String>,
        now: Now,
    ) -> color_eyre::Result<Exit> {
        let mark = random_uid().to_string();
        if let Some(name) = &self.pipeline.id_input {
            inputs.insert(name.clone(), mark.clone());
        }
        let reason = self.args.meant.leave.reason.as_deref().unwrap_or_default();
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
}
