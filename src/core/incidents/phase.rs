//! The seven phases, what has to hold before one is left, and the sections of the document at their end.
//!
//! A phase keeps nobody from anything: whatever helps the users comes first. It only says what is missing, and what is missing
//! when it is left is owed and asked for at the end.
use serde::{Deserialize, Serialize};

use super::{Incident, policy::Policy};
use crate::core::time::Timestamp;

/// Where an incident is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Something is seen to be wrong.
    Detect,
    /// It has a number and a ticket.
    Register,
    /// What it is, whom it hurts, who leads.
    Classify,
    /// Since when, and why.
    Diagnose,
    /// What helps.
    Act,
    /// Whether it helped.
    Validate,
    /// What is to be remembered.
    Document,
}

impl Phase {
    /// All of them, in order.
    pub const ALL: [Self; 7] =
        [Self::Detect, Self::Register, Self::Classify, Self::Diagnose, Self::Act, Self::Validate, Self::Document];

    /// Returns its name.
    pub fn word(self) -> &'static str {
        match self {
            Self::Detect => "detect",
            Self::Register => "register",
            Self::Classify => "classify",
            Self::Diagnose => "diagnose",
            Self::Act => "act",
            Self::Validate => "validate",
            Self::Document => "document",
        }
    }

    /// Returns its number, from 1.
    pub fn number(self) -> usize {
        Self::ALL.iter().position(|known| *known == self).map_or(0, |at| at + 1)
    }

    /// Returns the one after it.
    pub fn next(self) -> Option<Self> {
        Self::ALL.get(self.number()).copied()
    }

    /// Returns the one before it.
    pub fn previous(self) -> Option<Self> {
        self.number().checked_sub(2).and_then(|at| Self::ALL.get(at)).copied()
    }

    /// Returns what has to hold before it is left.
    pub fn guards(self) -> &'static [Guard] {
        match self {
            Self::Detect => &[],
            Self::Register => &[Guard::Ticket],
            Self::Classify => &[Guard::Lead, Guard::Class, Guard::Impact],
            Self::Diagnose => &[Guard::Onset, Guard::Suspect, Guard::Hypothesis],
            Self::Act => &[Guard::Acted, Guard::RunsEnded],
            Self::Validate => &[Guard::Healthy, Guard::Baked],
            Self::Document => &[Guard::Impact, Guard::RootCause, Guard::Lessons, Guard::FollowUps, Guard::LastWord],
        }
    }
}

/// Something that has to hold before a phase is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Guard {
    /// Its ticket waits in the outbox or is with its tracker, where there is one.
    Ticket,
    /// Somebody leads.
    Lead,
    /// Its type is known.
    Class,
    /// Whom it hurts is said.
    Impact,
    /// When it began is known.
    Onset,
    /// A suspect is chosen, or that none convinces.
    Suspect,
    /// Somebody said why it may be.
    Hypothesis,
    /// Something was done, or it was seen to be over without.
    Acted,
    /// No run of it is under way.
    RunsEnded,
    /// The checks of its service say that it is well.
    Healthy,
    /// It has been well for as long as the policy wants.
    Baked,
    /// The section is written.
    RootCause,
    /// The section is written.
    Lessons,
    /// The section is written.
    FollowUps,
    /// Whoever was told of it was told that it is over.
    LastWord,
}

impl Guard {
    /// Returns what holds then, in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Ticket => "ticket queued or sent",
            Self::Lead => "somebody leads",
            Self::Class => "type chosen",
            Self::Impact => "impact said",
            Self::Onset => "onset known",
            Self::Suspect => "suspect chosen, or none convincing",
            Self::Hypothesis => "a hypothesis",
            Self::Acted => "something was done",
            Self::RunsEnded => "no run under way",
            Self::Healthy => "checks are well",
            Self::Baked => "well for long enough",
            Self::RootCause => "root cause written",
            Self::Lessons => "lessons written",
            Self::FollowUps => "follow-ups written",
            Self::LastWord => "people told that it is over",
        }
    }

    /// Says whether it can be left owed: what is only true or not, like the health of a service, cannot be made up later.
    pub fn may_be_owed(self) -> bool {
        !matches!(self, Self::RunsEnded | Self::Healthy)
    }
}

/// A section of the document that no machine can write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Section {
    /// Why it happened.
    RootCause,
    /// What was learned.
    Lessons,
    /// What is to be done.
    FollowUps,
}

impl Section {
    /// All of them, in the order of the document.
    pub const ALL: [Self; 3] = [Self::RootCause, Self::Lessons, Self::FollowUps];

    /// Returns its heading.
    pub fn title(self) -> &'static str {
        match self {
            Self::RootCause => "root cause",
            Self::Lessons => "lessons",
            Self::FollowUps => "follow-ups",
        }
    }
}

/// What guards ask of the rest of the program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Around {
    /// Whether tickets are kept somewhere.
    pub tracked: bool,
    /// Whether each ticket of it waits or is there.
    pub ticket: bool,
    /// Whether its service is up; none: nobody knows, or it has no service.
    pub healthy: Option<bool>,
    /// Whether a run of it is under way, or nobody knows how it ended.
    pub running: bool,
}

/// Says whether a guard holds.
pub fn holds(guard: Guard, of: &Incident, around: Around, policy: &Policy, now: Timestamp) -> bool {
    let written = |section| of.sections.contains_key(&section);
    match guard {
        Guard::Ticket => !around.tracked || around.ticket,
        Guard::Lead => of.owner.is_some(),
        Guard::Class => of.classified.is_some(),
        Guard::Impact => of.classified.as_ref().is_some_and(|classified| !classified.words.is_empty()),
        Guard::Onset => of.onset.is_some(),
        Guard::Suspect => of.suspect.is_some(),
        Guard::Hypothesis => !of.hypotheses.is_empty(),
        Guard::Acted => of.acted || of.mitigated.is_some() || of.resolved.is_some(),
        Guard::RunsEnded => !around.running,
        // Where nothing is measured a person has to say that it is over.
        Guard::Healthy => around.healthy.unwrap_or(of.resolved.is_some()),
        Guard::Baked => of.bake_left(policy, now) == Some(0),
        Guard::RootCause => written(Section::RootCause),
        Guard::Lessons => written(Section::Lessons),
        Guard::FollowUps => written(Section::FollowUps),
        Guard::LastWord => of.is_last_word_said(),
    }
}

/// Returns what is missing before a phase may be left.
pub fn missing(of: &Incident, around: Around, policy: &Policy, now: Timestamp) -> Vec<Guard> {
    of.phase.guards().iter().copied().filter(|guard| !holds(*guard, of, around, policy, now)).collect()
}

/// Returns what was left owed and is still missing.
pub fn owed(of: &Incident, around: Around, policy: &Policy, now: Timestamp) -> Vec<Guard> {
    of.owed.iter().copied().filter(|guard| !holds(*guard, of, around, policy, now)).collect()
}
