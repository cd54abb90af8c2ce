//! Runs: what a change would do, the gate before it, and what became of it.
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use super::{
    id::{HostName, Operator, RunId, ServiceId, Uid},
    inventory::Inventory,
    record::Row,
    ring::Ring,
    services::Health,
    time::{Mono, Now, Timestamp},
};

mod conduct;
mod coordinate;
mod fold;
pub mod gate;
mod plan;
mod reducer;
mod survey;
#[cfg(test)]
mod tests;

pub use coordinate::Share;
pub use plan::{Action, Between, Fit, Plan, PlanFacts, Precheck, Step, Strategy, Target, Way, hash};
pub use reducer::update;
pub use survey::{Build, Holder, Release, Survey, Wanted, is_release, is_version};

use gate::{Armed, Confirmation, Level, Permit, Refusal};

/// What happened to a run. A run is the fold of its events.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunEvent {
    /// The run; also the name of its directory on the host.
    pub run: Uid,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: Operator,
    /// What.
    pub kind: RunEventKind,
}

/// What happened to a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum RunEventKind {
    /// It was confirmed in the review box.
    Confirmed {
        /// What will run.
        plan: Arc<Plan>,
        /// Why, as typed.
        reason: String,
        /// The incident it belongs to.
        incident: Option<Uid>,
        /// The service's state before.
        #[serde(default = "unknown")]
        before: Health,
    },
    /// A step began on its host.
    StepStarted {
        /// Index into the plan's steps.
        step: usize,
    },
    /// A step ended.
    StepEnded {
        /// Index into the plan's steps.
        step: usize,
        /// How.
        end: StepEnd,
    },
    /// A console took it on to say which host is next, from here on.
    Coordinated {
        /// Which; one per process start.
        console: Uid,
    },
    /// A host's share is about to be started: written before it is, so that whoever comes later knows of it.
    HostStarted {
        /// Where.
        host: HostName,
        /// Whether the change is made there, or taken back.
        #[serde(default)]
        way: Way,
    },
    /// The plan's build is on a host, whole; or it is not, and why.
    Staged {
        /// Where.
        host: HostName,
        /// Why it is not there.
        error: Option<String>,
    },
    /// The checks said that the next hosts may be changed.
    GatePassed {
        /// After which wave of hosts.
        wave: usize,
        /// What was seen.
        summary: String,
    },
    /// The checks said that it must not go on, or said nothing in time.
    GateFailed {
        /// After which wave of hosts.
        wave: usize,
        /// What was seen.
        summary: String,
    },
    /// A person has it end before the next hosts.
    Stopped {
        /// Whether what was done is to be taken back.
        undo: bool,
    },
    /// The run ended on all hosts.
    Ended {
        /// How.
        outcome: RunOutcome,
    },
    /// The checks decided whether the service recovered.
    Proved {
        /// Whether it did.
        verdict: Verdict,
        /// One line with the state before and after.
        summary: String,
    },
}

/// What is taken of a run that was written before its service's state was noted with it.
fn unknown() -> Health {
    Health::Unknown
}

impl RunEventKind {
    /// Says whether an earlier event of the same run has said this already. The host's journal is read by every console
    /// that follows a run, and again by the next one: the store keeps what was told first, and drops the rest.
    pub fn repeats(&self, earlier: &Self) -> bool {
        match (self, earlier) {
            (Self::Confirmed { .. }, Self::Confirmed { .. }) | (Self::Proved { .. }, Self::Proved { .. }) => true,
            (Self::StepStarted { step }, Self::StepStarted { step: known }) => step == known,
            (Self::StepEnded { step, end }, Self::StepEnded { step: of, end: known }) => {
                step == of && !known.yields_to(end)
            }
            (Self::Ended { outcome }, Self::Ended { outcome: known }) => !known.yields_to(*outcome),
            (Self::HostStarted { host, way }, Self::HostStarted { host: of, way: known }) => host == of && way == known,
            (Self::Staged { host, .. }, Self::Staged { host: of, error }) => host == of && error.is_none(),
            (
                Self::GatePassed { wave, .. } | Self::GateFailed { wave, .. },
                Self::GatePassed { wave: of, .. } | Self::GateFailed { wave: of, .. },
            ) => wave == of,
            (Self::Stopped { undo }, Self::Stopped { undo: known }) => undo == known || *known,
            (
                Self::Confirmed { .. }
                | Self::Coordinated { .. }
                | Self::HostStarted { .. }
                | Self::Staged { .. }
                | Self::GatePassed { .. }
                | Self::GateFailed { .. }
                | Self::Stopped { .. }
                | Self::StepStarted { .. }
                | Self::StepEnded { .. }
                | Self::Ended { .. }
                | Self::Proved { .. },
                _,
            ) => false,
        }
    }
}

impl StepEnd {
    /// Says whether another end is worth more: what the host's journal says is, over that the link was lost.
    pub fn yields_to(&self, other: &Self) -> bool {
        matches!(self, Self::Unknown(_)) && !matches!(other, Self::Unknown(_))
    }
}

impl RunOutcome {
    /// Says whether another outcome is worth more: a known one is, over an unknown one.
    pub fn yields_to(self, other: Self) -> bool {
        self == Self::Unknown && other != Self::Unknown
    }
}

/// How a step ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepEnd {
    /// With this exit code.
    Exit(i32),
    /// By this signal, without SIG.
    Signal(String),
    /// It was given up after its time-out.
    TimedOut,
    /// The connection was lost: nobody knows. Says how to find out.
    Unknown(String),
    /// It was never started, and why.
    NotStarted(String),
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunOutcome {
    /// Every step exited with 0.
    Succeeded,
    /// A step failed.
    Failed,
    /// The link was lost: neither success nor failure.
    Unknown,
    /// It was refused before anything ran.
    Refused,
    /// It failed, or was given up, and everything that it had done was taken back.
    Undone,
    /// A person had it end before all hosts were changed; what was done stays.
    Stopped,
}

/// Whether the service recovered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The checks are up again.
    Recovered,
    /// They are not.
    NotRecovered,
    /// They could not tell.
    Unknown,
}

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
/// Lines of output kept per run.
pub const OUTPUT_LINES: usize = 2_000;

/// Runs and the review before them.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct State {
    /// What this console is called among consoles.
    pub console: Uid,
    /// Which environment may be changed.
    pub armed: Armed,
    /// The service of a change that was asked for and whose plan is being made.
    pub planning: Option<(ServiceId, Wanted)>,
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
    /// What was asked for.
    pub wanted: Wanted,
    /// When its hosts were last asked how they stand.
    pub looked: Mono,
    /// Why it cannot be confirmed as it stands: another plan would be made by now, or none.
    pub stale: Option<String>,
}

impl Review {
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
        if let Some(bad) = self.plan.prechecks.iter().find(|check| check.verdict == Fit::Bad) {
            return Err(Refusal::Precheck(bad.text.clone()));
        }
        let given = Confirmation { typed: &self.typed, reason: &self.reason, yes: true };
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
    /// The service's state by the last result from after the run.
    pub after: Health,
    /// Whether the link is lost and how to find out what became of it.
    pub lost: Option<String>,
    /// Which console says which host is next.
    pub coordinator: Option<Uid>,
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
    /// Answers from here on count.
    pub from: Option<Timestamp>,
    /// Answers in a row that were no worse than before.
    pub healthy: u32,
}

impl Run {
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

    /// Says whether it ended, one way or another that is known.
    pub fn is_over(&self) -> bool {
        self.outcome.is_some_and(|(outcome, _)| outcome != RunOutcome::Unknown)
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

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Msg {
    /// A person asked for a change.
    Asked {
        /// Of which service.
        service: ServiceId,
        /// What.
        wanted: Wanted,
    },
    /// The recipe made a plan.
    Planned {
        /// The id that the run would have.
        run: Uid,
        /// The plan.
        plan: Arc<Plan>,
        /// The incident that is open for the service.
        incident: Option<Uid>,
        /// The service's state now.
        before: Health,
    },
    /// The recipe cannot.
    PlanRefused {
        /// For which service.
        service: ServiceId,
        /// Why, and what to do.
        why: String,
    },
    /// The typed name changed.
    NameTyped(String),
    /// The reason changed.
    ReasonTyped(String),
    /// The commands were asked for, or hidden.
    CommandsToggled,
    /// The person confirmed: Enter in production, `y` elsewhere.
    Confirmed,
    /// The person left the box or stopped the countdown.
    Cancelled,
    /// The configuration was read again; `touched` says whether what the open review is about is not what it was.
    InventoryReplaced {
        /// The service, its environment, or a host on the way to it changed.
        touched: bool,
    },
    /// Write was armed for an environment.
    WriteArmed(super::id::EnvName),
    /// Write was disarmed.
    WriteDisarmed,
    /// So many bytes of the plan's build are on a host.
    Uploading {
        /// Of which run.
        run: Uid,
        /// Where.
        host: HostName,
        /// How many.
        bytes: u64,
    },
    /// Output arrived.
    OutputArrived {
        /// Of which run.
        run: Uid,
        /// The line.
        line: OutputLine,
    },
    /// Something happened on the host.
    Happened(RunEvent),
    /// The link to the host was lost: the run goes on there, nobody sees it.
    LinkLost {
        /// Which run.
        run: Uid,
        /// What is tried, and how to find out by hand.
        how: String,
    },
    /// The store gave an event back, from this or another console.
    Stored {
        /// The run's number.
        number: RunId,
        /// The event.
        event: RunEvent,
    },
    /// The store refused this event: a run that was never saved was never started, and is none.
    NotSaved(RunEvent),
    /// The checks were asked again after a run: the service's state now.
    HealthSeen {
        /// The service.
        service: ServiceId,
        /// Its state by results that began after the run ended.
        health: Health,
        /// When those results began.
        since: Timestamp,
    },
    /// A person at this console takes a run on whose coordinator is gone: it goes on from here.
    Adopted {
        /// Which run.
        run: Uid,
    },
    /// A person has a run end before its next hosts, or take back what it did.
    Stopped {
        /// Which run.
        run: Uid,
        /// Whether what was done is to be taken back.
        undo: bool,
    },
    /// Time went by.
    Ticked,
}

/// What is to be done outside.
#[derive(Clone, Debug, PartialEq)]
pub enum Ask {
    /// Have the recipe plan a change.
    Plan(ServiceId, Wanted),
    /// Start shares of a run once its rows are on disk.
    Start {
        /// The rows that must be on disk first.
        rows: Vec<Row>,
        /// The run.
        run: Uid,
        /// What to run.
        plan: Arc<Plan>,
        /// Where, there or back.
        shares: Vec<(HostName, Way)>,
        /// The gate's leave.
        permit: Permit,
    },
    /// Bring the plan's build to hosts once its rows are on disk.
    Stage {
        /// The rows that must be on disk first.
        rows: Vec<Row>,
        /// The run.
        run: Uid,
        /// What is to run.
        plan: Arc<Plan>,
        /// Where.
        hosts: Vec<HostName>,
        /// The gate's leave.
        permit: Permit,
    },
    /// Follow a share that another console started, or this one before it ended.
    Follow {
        /// The run.
        run: Uid,
        /// What was started.
        plan: Arc<Plan>,
        /// Where, there or back.
        share: (HostName, Way),
        /// The last sign of whoever starts it.
        since: Timestamp,
    },
    /// Ask the service's checks at once: a run ended and they decide whether it helped.
    CheckNow(ServiceId),
}

/// What other slices hear.
#[derive(Clone, Debug, PartialEq)]
pub enum Fact {
    /// A run was confirmed.
    Confirmed {
        /// Which.
        run: Uid,
    },
    /// A run ended.
    Ended {
        /// Which.
        run: Uid,
    },
    /// The checks decided.
    Proved {
        /// Which.
        run: Uid,
    },
    /// Something to tell the person.
    Said(String),
}

/// What an update leaves to do.
#[derive(Clone, Debug, PartialEq, Default)]
#[must_use = "what is not carried out never happens"]
pub struct Out {
    /// To be written.
    pub rows: Vec<Row>,
    /// To be told.
    pub facts: Vec<Fact>,
    /// To be done.
    pub asks: Vec<Ask>,
}

/// Who acts, for rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Actor {
    /// The person.
    pub by: Operator,
    /// From where.
    pub from: String,
}

impl State {
    /// Returns runs, newest first.
    pub fn newest_first(&self) -> Vec<&Run> {
        let mut runs: Vec<&Run> = self.runs.values().collect();
        runs.sort_by(|a, b| b.at.cmp(&a.at).then(b.run.cmp(&a.run)));
        runs
    }

    /// Returns runs whose end nobody knows: they may be going on, or their link was lost for good.
    pub fn unfinished(&self) -> impl Iterator<Item = &Run> {
        self.runs.values().filter(|run| matches!(run.outcome, None | Some((RunOutcome::Unknown, _))))
    }

    /// Returns the services whose runs wait for their checks, at a gate or for proof, with the moment from which results count.
    pub fn awaiting_checks(&self) -> Vec<(ServiceId, Timestamp)> {
        let from = |run: &Run| run.outcome.filter(|_| run.proof.is_none()).map(|(_, at)| at).or(run.gate.from);
        self.runs.values().filter_map(|run| Some((run.plan.service.clone(), from(run)?))).collect()
    }
}
