//! Runs: what a change would do, the gate before it, and what became of it.
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    id::{HostName, Operator, RunId, ServiceId, Uid},
    inventory::Inventory,
    record::Row,
    ring::Ring,
    services::Health,
    time::{Mono, Now, Timestamp},
};

pub mod gate;
mod reducer;
#[cfg(test)]
mod tests;

pub use reducer::{hash, update};

use gate::{Armed, Confirmation, Level, Permit, Refusal};

/// What a change would do, as data. Built by a recipe; nothing runs while it is only a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The service it changes.
    pub service: ServiceId,
    /// Verb and object: `restart play`.
    pub title: String,
    /// The steps per host, in order.
    pub steps: Vec<Step>,
    /// What users will notice: `a restart cuts open requests`.
    pub effect: String,
    /// How to undo it, or why that is not needed.
    pub undo: String,
    /// Where the lock stands that keeps another login out: a directory made by mkdir.
    pub lock: String,
}

impl Plan {
    /// Says whether what it is about differs between two configurations: the service, the kind of its environment, a host
    /// or one on the way to it. Names alone are not enough: behind the same name may be another machine.
    pub fn touched(&self, before: &Inventory, after: &Inventory) -> bool {
        let env = &self.service.env;
        let host = |name: &HostName| before.host(name) != after.host(name);
        let way = |name: &HostName| before.host(name).is_some_and(|known| known.jump.iter().any(host));
        before.service(&self.service) != after.service(&self.service)
            || before.env_kind(env) != after.env_kind(env)
            || self.steps.iter().any(|step| host(&step.host) || way(&step.host))
    }
}

/// One command on one host.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Where.
    pub host: HostName,
    /// What it is called: `restart`.
    pub name: String,
    /// The exact shell text that will run under `sh`, as the review box shows it.
    pub command: String,
    /// Directories put before PATH.
    pub path_prefix: Vec<String>,
    /// Milliseconds after which it is ended.
    pub timeout_ms: u64,
}

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
        plan: Plan,
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
            (
                Self::Confirmed { .. }
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

/// Facts about a service's instances that recipes plan with, taken from the last samples.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct PlanFacts {
    /// PM2 processes by host; only lists that are fresh.
    pub pm2: BTreeMap<HostName, super::hosts::Pm2List>,
}

/// What the audit log calls it that write was armed.
pub const ARMED: &str = "write.armed";
/// How long keys typed before a review opened may still arrive: they are dropped, in milliseconds.
pub const TYPE_AHEAD_MS: u64 = 500;
/// How long a confirmed change in production can still be cancelled, in milliseconds.
pub const CANCEL_MS: u64 = 2_000;
/// How long the checks have to show that the service recovered, in milliseconds.
pub const PROOF_MS: u64 = 90_000;
/// Lines of output kept per run.
pub const OUTPUT_LINES: usize = 2_000;

/// Runs and the review before them.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct State {
    /// Which environment may be changed.
    pub armed: Armed,
    /// A restart that was asked for and whose plan is being made.
    pub planning: Option<ServiceId>,
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
    pub plan: Plan,
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
    pub plan: Plan,
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
    /// A person asked for a restart.
    RestartAsked {
        /// Of which service.
        service: ServiceId,
    },
    /// The recipe made a plan.
    Planned {
        /// The id that the run would have.
        run: Uid,
        /// The plan.
        plan: Plan,
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
    /// Time went by.
    Ticked,
}

/// What is to be done outside.
#[derive(Clone, Debug, PartialEq)]
pub enum Ask {
    /// Have the recipe plan a restart.
    Plan(ServiceId),
    /// Start the run once its rows are on disk.
    Start {
        /// The rows that must be on disk first.
        rows: Vec<Row>,
        /// The run.
        run: Uid,
        /// What to run.
        plan: Plan,
        /// The gate's leave.
        permit: Permit,
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

    /// Returns the services whose runs wait for their checks, with the moment from which results count.
    pub fn awaiting_proof(&self) -> Vec<(ServiceId, Timestamp)> {
        self.runs
            .values()
            .filter(|run| run.proof.is_none())
            .filter_map(|run| run.outcome.map(|(_, at)| (run.plan.service.clone(), at)))
            .collect()
    }
}
