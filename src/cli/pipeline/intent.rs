//! What is done to a pipeline: first as something that can be read and confirmed, then for real.
use std::fmt::Write as _;

use super::{Desk, Exit, Verb, setup};
use crate::{
    core::{
        runs::{
            self, Acted, Fit, PipelineOrder, PipelineVerb, Plan, Precheck,
            gate::{self, Armed, Confirmation, Level},
            is_version,
            policy::Role,
        },
        time::Now,
    },
    remote::github::GitHub,
    runtime::pipeline::{self, Means},
    store::{IfMissing, Store},
};

impl Desk<'_> {
    /// Does what was asked for, once it was confirmed; or only says what it would be.
    pub(super) async fn act(&self, github: &GitHub, verb: PipelineVerb) -> color_eyre::Result<Exit> {
        let now = self.setup.clock.now();
        let dry = self.args.meant.leave.dry_run;
        // What may not be asked for needs no answer from GitHub.
        if let (Err(missing), false) = (self.gate(now), dry) {
            return Ok(self.refused(&missing));
        }
        let order = PipelineOrder { verb, run: self.args.run, version: self.args.version.clone() };
        if let Some(version) = order.version.as_ref().filter(|_| verb == PipelineVerb::Dispatch)
            && (self.pipeline.version_input.is_none() || !is_version(version))
        {
            let help = "say `version_input` in its pipeline, and a plain version";
            setup::warn(&format!("{}: {version:?} cannot be given: {help}", self.id));
            return Ok(Exit::Usage);
        }
        let plan = match pipeline::plan(&self.id, self.pipeline, &order, &self.setup.env).await {
            Ok(plan) => plan,
            Err(why) => return Ok(self.cannot(&why)),
        };
        let checks = self.checks(&plan, now);
        let hash = runs::hash(&plan);
        if dry {
            let mut text = String::new();
            for deed in &plan.deeds {
                writeln!(text, "{}", deed.words())?;
            }
            for check in &checks {
                let sign = match check.verdict {
                    Fit::Good => "✓",
                    Fit::Doubtful => "!",
                    Fit::Held | Fit::Bad => "✗",
                };
                writeln!(text, "{sign} {}", check.text)?;
            }
            writeln!(text, "nothing was done; plan {hash}")?;
            setup::print(&text)?;
            return Ok(Exit::Ok);
        }
        if let Err(why) = self.same(&hash).and_then(|()| self.stands(&checks)) {
            return Ok(self.refused(&why));
        }
        let mut store =
            crate::cli::setup::Setup::store(self.loaded, IfMissing::Create).map_err(|error| error.report())?;
        for held in checks.iter().filter(|check| check.verdict == Fit::Held) {
            self.note(store.as_mut(), "gate.overridden", &held.text)?;
        }
        self.carry_out(github, store.as_mut(), (&plan, verb)).await
    }

    async fn carry_out(
        &self,
        github: &GitHub,
        store: &mut dyn Store,
        (plan, verb): (&Plan, PipelineVerb),
    ) -> color_eyre::Result<Exit> {
        if plan.deeds.is_empty() {
            setup::print("nothing of it runs or waits: there is nothing to hold\n")?;
        }
        let reason = self.args.meant.leave.reason.as_deref().unwrap_or_default();
        let (hash, mut all, mut begun) = (runs::hash(plan), Vec::new(), None);
        for deed in &plan.deeds {
            // On the audit before it is done: what is done is never without its line.
            let detail = deed.audited(&self.pipeline.repo, reason, &hash);
            self.note(store, &format!("pipeline.{}", deed.word()), &detail)?;
            let means = Means { by: &self.setup.actor.by, reason, now: self.setup.clock.now().utc };
            let (acted, run) = pipeline::carry_out(github, self.pipeline, deed, means).await;
            begun = begun.or(run);
            self.note(store, acted.word(), acted.words())?;
            match &acted {
                Acted::Done(said) => setup::print(&format!("{said}\n"))?,
                Acted::Refused(said) | Acted::Unknown(said) => setup::warn(&format!("{}: {said}", self.id)),
            }
            all.push(acted);
        }
        if matches!(verb, PipelineVerb::Hold | PipelineVerb::Release) {
            self.noted(store, plan, &all)?;
        }
        let well = all.iter().all(|acted| matches!(acted, Acted::Done(_)));
        let unknown = all.iter().any(|acted| matches!(acted, Acted::Unknown(_)));
        match begun.filter(|_| well && self.args.wait) {
            Some(run) => self.follow(github, run).await,
            None if unknown => Ok(Exit::Unknown),
            None if well => Ok(Exit::Ok),
            None => Ok(Exit::Down),
        }
    }

    fn refused(&self, why: &str) -> Exit {
        setup::warn(&format!("{}: {why}", self.id));
        Exit::Refused
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

    /// Returns how things stand for it: the pipeline, the calendar, other runs of the service.
    fn checks(&self, plan: &Plan, now: Now) -> Vec<Precheck> {
        let mut known = runs::State::default();
        // Without a store nothing ran yet.
        if let Ok(mut store) = setup::Setup::store(self.loaded, IfMissing::Fail)
            && let Ok(state) = self.state(store.as_mut())
        {
            known = state.runs;
        }
        let mut checks = plan.prechecks.clone();
        checks.extend(runs::prechecks(&known, plan, None, now, &self.loaded.inventory));
        checks
    }

    /// Says what of it stands against doing it.
    fn stands(&self, checks: &[Precheck]) -> Result<(), String> {
        let first = |verdict| checks.iter().find(|check| check.verdict == verdict);
        if let Some(bad) = first(Fit::Bad) {
            return Err(format!("nothing was done; {}", bad.text));
        }
        let Some(held) = first(Fit::Held) else { return Ok(()) };
        if !self.args.set_aside {
            return Err(format!("nothing was done; {}: an admin can set that aside with --override", held.text));
        }
        let by = &self.setup.actor.by;
        let may = gate::may(&self.loaded.inventory, &self.id.env, by, Role::Admin);
        may.map_err(|refusal| format!("nothing was done; {refusal}"))?;
        let reason = self.args.meant.leave.reason.as_deref().unwrap_or_default().trim();
        if reason.is_empty() {
            return Err("nothing was done; say why: --reason TEXT".to_owned());
        }
        Ok(())
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
}

impl Verb {
    /// Returns what it does to a pipeline, where it does anything.
    pub(super) fn deed(self, failed_only: bool) -> Option<PipelineVerb> {
        match self {
            Self::Dispatch => Some(PipelineVerb::Dispatch),
            Self::Approve => Some(PipelineVerb::Approve),
            Self::Reject => Some(PipelineVerb::Reject),
            Self::Cancel => Some(PipelineVerb::Cancel),
            Self::Rerun if failed_only => Some(PipelineVerb::RerunFailed),
            Self::Rerun => Some(PipelineVerb::Rerun),
            Self::Hold => Some(PipelineVerb::Hold),
            Self::Release => Some(PipelineVerb::Release),
            Self::Status | Self::Follow | Self::Revert | Self::Settle => None,
        }
    }
}
