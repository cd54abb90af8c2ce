//! Runs: what a change would do, the gate before it, and what became of it.
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    id::{HostName, Operator, RunId, ServiceId, Uid},
    inventory::Inventory,
    ring::Ring,
    services::Health,
    time::{Mono, Now, Timestamp},
};

mod conduct;
mod coordinate;
mod during;
mod events;
mod fold;
pub mod gate;
mod history;
mod messages;
pub mod offer;
mod outside;
mod pipeline;
mod plan;
pub mod policy;
pub mod proof;
mod reached;
pub mod ready;
mod reducer;
mod sets;
pub mod stick;
pub mod sudo;
mod survey;
#[cfg(test)]
mod tests;

pub use coordinate::Share;
pub use events::{Known, RunEvent, RunEventKind, RunOutcome, StepEnd, Verdict, first_words};
pub use history::prechecks;
pub use messages::{Actor, Ask, Fact, Msg, Out};
pub use outside::{action_of, held_after};
pub use pipeline::{Acted, ArtifactName, Deed, PipelineJob, PipelineOrder, PipelineRun, PipelineStep, PipelineVerb};
pub use plan::{Action, Between, Fit, Plan, PlanFacts, Precheck, Step, Strategy, Target, Way, hash};
pub use reached::Reached;
pub use reducer::update;
pub use sets::{ASTRAY, HostSet, Sides, Switch, TwoSets};
pub use survey::{Build, Holder, Order, Release, Survey, Takes, Task, Wanted, What, is_release, is_version};

use gate::{Armed, Confirmation, Level, Permit, Refusal};
use policy::{Grave, Role};
use proof::Measured;

/// A line of a run's output as it arrives.
#[derive(Clone, Debug, PartialEq)]
pub struct OutputLine {
    /// When it arrived.
    pub at: Timestamp,
    /// From which step.
    pub step: usize,
    /// Sanitised text.
    pub text: String,
}

/// What the audit log calls it that write was armed.
pub const ARMED: &str = "write.armed";
/// How long keys typed before a review opened may still arrive: they are dropped, in milliseconds.
pub const TYPE_AHEAD_MS: u64 = 500;
/// Milliseconds between two looks at a plan's hosts while its review is open.
pub const LOOK_MS: u64 = 5_000;
/// How long a confirmed change in production can still be cancelled, in milliseconds.
pub const CANCEL_MS: u64 = 2_000;
/// How long the checks have to show that the service recovered, in milliseconds.
pub const PROOF_MS: u64 = 90_000;
/// Rounds of good answers in a row that prove a change.
pub const PROOF_ROUNDS: u32 = 3;
/// How long a run waits for a second person, in milliseconds.
pub const APPROVAL_MS: i64 = 30 * 60_000;
/// Characters of a line of [`Review::script`].
pub const SCRIPT_WIDTH: usize = 68;
/// What the step is called that keeps what is seen of a host before it is changed.
pub const SNAPSHOT: &str = "snapshot";
/// What a step is called that only looks whether the next ones would touch what they are meant for.
pub const LOOK: &str = "look";
/// Lines of output kept per run.
pub const OUTPUT_LINES: usize = 2_000;

/// Runs and the review before them.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct State {
    /// What this console is called among consoles.
    pub console: Uid,
    /// Whether nobody sits at this console: `qd watch`.
    pub unattended: bool,
    /// Which environment may be changed.
    pub armed: Armed,
    /// The service of a change that was asked for and whose plan is being made.
    pub planning: Option<(ServiceId, Wanted)>,
    /// How each service would go back.
    pub ways_back: ready::WaysBack,
    /// The box in which one chooses what is brought out, while it is open.
    pub offering: Option<offer::Offering>,
    /// What is known of passwords for `sudo`.
    pub sudo: sudo::Passwords,
    /// The review box, while it is open.
    pub review: Option<Review>,
    /// Every run this console knows of.
    pub runs: BTreeMap<Uid, Run>,
}

/// A plan in front of a person.
#[derive(Clone, Debug, PartialEq)]
pub struct Review {
    /// The id the run will have.
    pub run: Uid,
    /// What would run.
    pub plan: Arc<Plan>,
    /// Digest of the plan: what is confirmed is what was shown.
    pub hash: String,
    /// How hard it is guarded.
    pub level: Level,
    /// The incident it would belong to.
    pub incident: Option<Uid>,
    /// When the box opened.
    pub opened: Mono,
    /// The service name as typed.
    pub typed: String,
    /// Why.
    pub reason: String,
    /// Whether the commands are shown.
    pub commands: bool,
    /// While it counts down: the moment it starts.
    pub starts: Option<Mono>,
    /// Why the last try to confirm did not pass.
    pub refused: Option<String>,
    /// The service's state when the box opened.
    pub before: Health,
    /// Who asks.
    pub by: Operator,
    /// What was seen of other runs: it is no part of the plan.
    pub history: Vec<Precheck>,
    /// Whether the person sets aside what is [`Fit::Held`].
    pub overridden: bool,
    /// What another person must approve it for.
    pub second: Vec<Grave>,
    /// How long it will take, by how long its like took, in milliseconds.
    pub estimate_ms: Option<u64>,
    /// What was asked for.
    pub wanted: Wanted,
    /// When its hosts were last asked how they stand.
    pub looked: Mono,
    /// Why it cannot be confirmed as it stands: another plan would be made by now, or none.
    pub stale: Option<String>,
    /// What else would work, where something speaks against it.
    pub instead: Vec<String>,
    /// While it shows a plan that was kept: when that was made.
    pub kept: Option<Timestamp>,
    /// Which runs whoever reads it could know of.
    pub known: Known,
}

impl Review {
    /// Returns all that was seen before the change.
    pub fn prechecks(&self) -> impl Iterator<Item = &Precheck> {
        self.plan.prechecks.iter().chain(&self.history)
    }

    /// Returns all that would run, to be read: each step with its place and name, then its exact text, in lines of at most
    /// [`SCRIPT_WIDTH`] characters.
    pub fn script(&self) -> Vec<String> {
        let of = self.plan.steps.len();
        let mut lines: Vec<String> = Vec::new();
        for target in &self.plan.targets {
            let text: Vec<char> = format!("# {} is {}", target.host, target.words()).chars().collect();
            lines.extend(text.chunks(SCRIPT_WIDTH).map(|part| part.iter().collect::<String>()));
        }
        if !lines.is_empty() {
            lines.push(String::new());
        }
        for (at, step) in self.plan.steps.iter().enumerate() {
            let seconds = step.timeout_ms / 1_000;
            lines.push(format!("# {} of {of}: {} on {}, at most {seconds} s", at + 1, step.name, step.host));
            for line in step.command.lines() {
                let letters: Vec<char> = line.chars().collect();
                if letters.is_empty() {
                    lines.push(String::new());
                }
                lines.extend(letters.chunks(SCRIPT_WIDTH).map(|part| part.iter().collect::<String>()));
            }
            lines.push(String::new());
        }
        for deed in &self.plan.deeds {
            let letters: Vec<char> = deed.words().chars().collect();
            lines.extend(letters.chunks(SCRIPT_WIDTH).map(|part| part.iter().collect::<String>()));
        }
        lines.extend(self.plan.notes.iter().cloned());
        lines
    }

    /// Returns what stands against it unless it is set aside.
    pub fn held(&self) -> impl Iterator<Item = &Precheck> {
        self.prechecks().filter(|check| check.verdict == Fit::Held)
    }

    /// Says what is still missing.
    ///
    /// # Errors
    /// The first thing that is missing.
    pub fn ready(&self, inventory: &Inventory, armed: &Armed, now: Now) -> Result<Permit, Refusal> {
        // What was asked of the person when the box opened is what counts, never less.
        if gate::level(inventory, &self.plan.service.env) != self.level {
            return Err(Refusal::Changed);
        }
        if let Some(why) = &self.stale {
            return Err(Refusal::Precheck(why.clone()));
        }
        if let Some(bad) = self.prechecks().find(|check| check.verdict == Fit::Bad) {
            return Err(Refusal::Precheck(bad.text.clone()));
        }
        if let Some(held) = self.held().next() {
            if !self.overridden {
                return Err(Refusal::Held(held.text.clone()));
            }
            gate::may(inventory, &self.plan.service.env, &self.by, Role::Admin)?;
            if self.reason.trim().is_empty() {
                return Err(Refusal::Reason);
            }
        }
        let given = Confirmation { typed: &self.typed, reason: &self.reason, yes: true, by: &self.by };
        gate::pass(inventory, armed, &self.plan, given, now)
    }
}

/// A run: the fold of its events, and what arrived of its output.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// Its id.
    pub run: Uid,
    /// Its number, once the store has given one.
    pub number: Option<RunId>,
    /// What was confirmed.
    pub plan: Arc<Plan>,
    /// Why.
    pub reason: String,
    /// By whom.
    pub by: Operator,
    /// When.
    pub at: Timestamp,
    /// The incident it belongs to.
    pub incident: Option<Uid>,
    /// Per step: when it started and how it ended.
    pub steps: Vec<StepState>,
    /// How it ended.
    pub outcome: Option<(RunOutcome, Timestamp)>,
    /// What the checks say.
    pub proof: Option<(Verdict, String)>,
    /// Its output, as far as this console followed it.
    pub output: Ring<OutputLine>,
    /// When it ended, on the clock that proof is measured with.
    pub ended: Option<Mono>,
    /// The service's state before.
    pub before: Health,
    /// Whether another person must approve it before anything is done.
    pub second_person: bool,
    /// Who did.
    pub approved: Option<Operator>,
    /// The service's state by the last result from after the run.
    pub after: Health,
    /// What was measured before it.
    pub baseline: Option<Measured>,
    /// What was measured first after its end, and last.
    pub measured: Option<(Measured, Measured)>,
    /// Rounds of answers in a row since its end that were good.
    pub good: u32,
    /// From when on answers make the next round.
    pub round: Option<Timestamp>,
    /// When the checks were last asked for its proof.
    pub asked: Mono,
    /// Hosts to which the link is lost, and how to find out what became of it there.
    pub lost: BTreeMap<HostName, String>,
    /// Which console says which host is next.
    pub coordinator: Option<Uid>,
    /// When this console last heard that it is still there.
    pub attended: Mono,
    /// What that console last said of itself.
    pub heard: Heard,
    /// Whether this console looks after the hosts of a run whose coordinator is silent.
    pub followed: bool,
    /// Leave of the gate, where this console has it: without it nothing more is started from here.
    pub permit: Option<Permit>,
    /// Shares that were started, or are about to be.
    pub shares: BTreeSet<(HostName, Way)>,
    /// Hosts that have the plan's build, or why they have not.
    pub staged: BTreeMap<HostName, Option<String>>,
    /// Bytes of it that are on each host, as far as this console knows.
    pub uploaded: BTreeMap<HostName, u64>,
    /// Hosts that this console brings it to now.
    pub staging: BTreeSet<HostName>,
    /// What the checks said between waves: how many were passed, and why it must not go on.
    pub gate: GateState,
    /// Whether a person has it end, and whether what was done is to be taken back.
    pub stopped: Option<bool>,
    /// How the pipeline stands since it went back.
    pub hold: Option<stick::Held>,
    /// Whether this console has it held.
    pub hold_asked: bool,
    /// Why nothing needs to be said any more of the version that was left, who said so, and when.
    pub settled: Option<(stick::Settled, Operator, Timestamp)>,
    /// When the pipeline's branch was last looked at.
    pub branch_asked: Option<Mono>,
    /// Since when its end is plain, though whoever coordinates it has not said so.
    pub plain_since: Option<Mono>,
}

/// How the gate between two waves stands.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct GateState {
    /// Waves after which the checks said that it may go on.
    pub passed: usize,
    /// Why it must not go on.
    pub failed: Option<String>,
    /// While it is waited for: since when, for this console.
    pub since: Option<Mono>,
    /// When the checks were last asked.
    pub asked: Mono,
    /// Rounds of answers in a row that were bad.
    pub bad: u32,
    /// Answers from here on count.
    pub from: Option<Timestamp>,
    /// Answers in a row that were no worse than before.
    pub healthy: u32,
}

impl Run {
    /// Returns the runbook and the step that it carries out, where it does.
    pub fn step_of_runbook(&self) -> Option<(String, String)> {
        let Action::Other { name } = &self.plan.action else { return None };
        let (book, step) = crate::core::runbooks::of_task(name)?;
        Some((book.to_owned(), step.to_owned()))
    }

    /// Asks that all shares be followed that were started, and of which nobody here knows how they ended.
    pub fn shares_to_follow(&self) -> Vec<Ask> {
        let hosts = self.plan.hosts();
        let both = hosts.into_iter().flat_map(|host| [(host.clone(), Way::There), (host, Way::Back)]);
        // Before there were coordinators, whoever confirmed a run went through its hosts without a word.
        let silent = self.coordinator.is_none();
        let open = both.filter(|(host, way)| match self.share(host, *way) {
            Share::Running | Share::Unknown => true,
            Share::Waiting => silent && *way == Way::There,
            Share::Well | Share::Failed | Share::Refused => false,
        });
        let follow = |share| Ask::Follow { run: self.run, plan: Arc::clone(&self.plan), share, since: self.at };
        open.map(follow).collect()
    }

    /// Holds what was measured last against what was before: nothing before its end.
    pub fn goals(&self) -> Vec<proof::Goal> {
        let now = self.measured.as_ref().map(|(_, now)| now);
        now.map(|now| proof::goals(self.baseline.as_ref(), self.measured.as_ref().map(|(first, _)| first), now))
            .unwrap_or_default()
    }

    /// Says whether nothing is done before another person approves it.
    pub fn awaits_approval(&self) -> bool {
        self.second_person && self.approved.is_none()
    }

    /// Returns the hosts of which a snapshot is being taken.
    pub fn snapshots(&self) -> Vec<HostName> {
        let steps = self.plan.steps.iter().zip(&self.steps);
        let taken = steps.filter(|(step, is)| step.name == SNAPSHOT && is.started.is_some() && is.ended.is_none());
        taken.map(|(step, _)| step.host.clone()).collect()
    }

    /// Returns when who coordinates it was last heard, where that is so long ago that nobody does any more: it waits for somebody
    /// who takes it over. None while it goes on from somewhere, waits for an approval, or has ended.
    pub fn unled(&self, now: Timestamp) -> Option<Timestamp> {
        let silent = self.heard.leaves || u64::try_from(now.since(self.heard.at)).unwrap_or(0) >= conduct::GONE_MS;
        (self.outcome.is_none() && self.permit.is_none() && !self.awaits_approval() && silent).then_some(self.heard.at)
    }

    /// Says whether it ended, one way or another that is known.
    pub fn is_over(&self) -> bool {
        self.outcome.is_some_and(|(outcome, _)| outcome != RunOutcome::Unknown)
    }
}

/// What the console that coordinates a run last said of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heard {
    /// When.
    pub at: Timestamp,
    /// Whether it said that it ends.
    pub leaves: bool,
    /// Whether a person here was told that nobody leads the run.
    pub told: bool,
}

impl Heard {
    /// It is there.
    const fn there(at: Timestamp) -> Self {
        Self { at, leaves: false, told: false }
    }
}

/// What became of a step.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct StepState {
    /// When it started.
    pub started: Option<Timestamp>,
    /// When and how it ended.
    pub ended: Option<(Timestamp, StepEnd)>,
}

impl State {
    /// Returns runs, newest first.
    pub fn newest_first(&self) -> Vec<&Run> {
        let mut runs: Vec<&Run> = self.runs.values().collect();
        runs.sort_by(|a, b| b.at.cmp(&a.at).then(b.run.cmp(&a.run)));
        runs
    }

    /// Returns how long a run will still take, in milliseconds, as far as runs before it tell; zero where it takes longer than those.
    pub fn time_left(&self, run: &Run, now: Timestamp) -> Option<u64> {
        history::left(self, run, now)
    }

    /// Returns runs whose end nobody knows: they may be going on, or their link was lost for good.
    pub fn unfinished(&self) -> impl Iterator<Item = &Run> {
        self.runs.values().filter(|run| matches!(run.outcome, None | Some((RunOutcome::Unknown, _))))
    }

    /// Returns what this console says of the runs that it leads when it ends.
    pub fn leave(&self, now: Timestamp, actor: &Actor) -> Vec<super::record::Row> {
        let ours = self.unfinished().filter(|run| run.coordinator == Some(self.console) && run.permit.is_some());
        let left = |run: &Run| RunEvent {
            run: run.run,
            at: now,
            by: actor.by.clone(),
            kind: RunEventKind::Left { console: self.console },
        };
        ours.filter(|run| run.outcome.is_none()).map(|run| super::record::Row::Run(left(run))).collect()
    }

    /// Returns the services whose runs wait for their checks, at a gate or for proof, with the moment from which results count.
    pub fn awaiting_checks(&self) -> Vec<(ServiceId, Timestamp)> {
        let ended = |run: &Run| {
            let open = run.is_over() && run.proof.is_none();
            run.outcome.filter(|_| open).map(|(_, at)| run.round.unwrap_or(at))
        };
        let from = |run: &Run| ended(run).or(run.gate.from);
        self.runs.values().filter_map(|run| Some((run.plan.service.clone(), from(run)?))).collect()
    }
}
