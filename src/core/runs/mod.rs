//! Runs: what a change would do, the gate before it, and what became of it.
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    id::{EnvName, HostName, Operator, ServiceId, Uid},
    time::Timestamp,
};

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

/// Which environments may be changed until when: none at start.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Armed {
    /// The one environment, and until when (monotonic).
    pub env: Option<(EnvName, super::time::Mono)>,
}

/// Facts about a service's instances that recipes plan with, taken from the last samples.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct PlanFacts {
    /// PM2 processes by host.
    pub pm2: BTreeMap<HostName, super::hosts::Pm2List>,
}
