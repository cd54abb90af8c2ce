//! What happened to runs, as it is kept.
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{
    Plan, Way,
    proof::{Measured, When},
    stick::{Held, Settled},
};
use crate::core::{
    id::{HostName, Operator, RunId, Uid},
    services::Health,
    time::Timestamp,
};

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
        /// Whether another person must approve it before anything is done.
        #[serde(default)]
        second_person: bool,
        /// What whoever confirmed it knew of others; none where it follows from another run.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        known: Option<Known>,
    },
    /// What was measured of the service.
    Measured {
        /// When.
        when: When,
        /// What.
        of: Box<Measured>,
    },
    /// Another person approved it, at a console of their own.
    Approved {
        /// The hash of the plan that they read.
        plan: String,
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
    /// Whoever says which host is next is still there.
    Attended {
        /// Which console.
        console: Uid,
    },
    /// Whoever says which host is next ends, and knows it: nobody has to wait until its silence tells.
    Left {
        /// Which console.
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
    /// The service went back, and its pipeline was held so that it stays so; or it was released again.
    PipelineHeld(Held),
    /// The version that was left cannot come back by itself any more, or it may.
    Settled(Settled),
    /// The checks decided whether the service recovered.
    Proved {
        /// Whether it did.
        verdict: Verdict,
        /// One line with the state before and after.
        summary: String,
    },
}

/// What a person knew of other runs who was shown a plan. A run of the same service that nobody could see there comes first: the
/// store takes no other that was decided on without it, so that two who press the same key at once run it once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// The last run.
    pub run: RunId,
    /// From when on another may have come of which nobody here knew.
    pub since: Timestamp,
}

/// Says that another run came first.
pub fn first_words(number: RunId, title: &str, by: &Operator) -> String {
    format!("{number} {title} of {by} came first: close this, look at what that did, and ask again")
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
            (Self::Confirmed { .. }, Self::Confirmed { .. })
            | (Self::Proved { .. }, Self::Proved { .. })
            | (Self::Settled(_), Self::Settled(_)) => true,
            (Self::Measured { when, .. }, Self::Measured { when: known, .. }) => when == known,
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
                | Self::Measured { .. }
                | Self::Approved { .. }
                | Self::Coordinated { .. }
                | Self::Attended { .. }
                | Self::Left { .. }
                | Self::HostStarted { .. }
                | Self::Staged { .. }
                | Self::GatePassed { .. }
                | Self::GateFailed { .. }
                | Self::Stopped { .. }
                | Self::StepStarted { .. }
                | Self::StepEnded { .. }
                | Self::Ended { .. }
                | Self::PipelineHeld(_)
                | Self::Settled(_)
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

    /// Says it in words: `exit 0`.
    pub fn words(&self) -> String {
        match self {
            Self::Exit(code) => format!("exit {code}"),
            Self::Signal(signal) => format!("ended by {signal}"),
            Self::TimedOut => "timed out".to_owned(),
            Self::Unknown(how) => format!("unknown: {how}"),
            Self::NotStarted(why) => format!("not started: {why}"),
        }
    }
}

impl RunOutcome {
    /// Says whether another outcome is worth more: a known one is, over an unknown one.
    pub fn yields_to(self, other: Self) -> bool {
        self == Self::Unknown && other != Self::Unknown
    }

    /// Says it in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Succeeded => "every step exited with 0",
            Self::Failed => "a step failed",
            Self::Unknown => "the link was lost: nobody knows how it ended",
            Self::Refused => "refused before anything ran",
            Self::Undone => "it failed, and what it did was taken back",
            Self::Stopped => "stopped before all hosts were changed",
        }
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
    /// It was done on all hosts, and the checks are up again.
    Recovered,
    /// They are not.
    NotRecovered,
    /// They could not tell, or it was not done on all hosts.
    Unknown,
}

impl Verdict {
    /// Says it in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Recovered => "recovered",
            Self::NotRecovered => "did not recover",
            Self::Unknown => "not proved",
        }
    }

    /// Returns what it is called in a timeline, beside the ways in which a run ends.
    pub fn noted(self) -> &'static str {
        match self {
            Self::Recovered => "Recovered",
            Self::NotRecovered => "NotRecovered",
            // A run may end as Unknown, which is another thing.
            Self::Unknown => "NotProved",
        }
    }
}
