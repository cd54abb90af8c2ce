//! What was done of a runbook for an incident: the fold of ticks, answers and runs, so that every console shows the same.
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::IncidentEventKind;
use crate::core::{
    id::{HostName, Operator, Uid},
    time::Timestamp,
};

/// The step of a runbook that a command was, and whether its answer is what it must be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BookAnswer {
    /// The runbook.
    pub book: String,
    /// The step's id.
    pub step: String,
    /// Whether it is; none: nobody knows.
    pub met: Option<bool>,
    /// Why not.
    #[serde(default)]
    pub why: String,
}

/// What a person says of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepMark {
    /// It was done.
    Done,
    /// It was left out.
    Skipped,
    /// Neither: what was said before is taken back.
    Open,
    /// It is wrong as it is written.
    Wrong,
}

impl StepMark {
    /// Returns its name.
    pub fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Skipped => "left out",
            Self::Open => "open again",
            Self::Wrong => "wrong",
        }
    }
}

/// What is known of a step for an incident.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BookStep {
    /// Whether it was done or left out, and who says so.
    pub mark: Option<(StepMark, Operator, Timestamp)>,
    /// The last answer of each host: when, whether it is as it must be and why not, and its position in the timeline.
    pub seen: BTreeMap<HostName, (Timestamp, Option<bool>, String, u64)>,
    /// The last run of it, and how that ended.
    pub run: Option<(Uid, Option<String>)>,
    /// Who says that it is wrong, when, and why.
    pub wrong: Vec<(Operator, Timestamp, String)>,
}

/// How a step stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stand {
    /// Nothing was done of it.
    Open,
    /// It was left out.
    Skipped,
    /// It was done, a person says, or its run ended well.
    Done,
    /// Every host answered as it must.
    Met,
    /// A host did not.
    NotMet,
    /// Nobody knows.
    Unknown,
    /// Its run goes on.
    Running,
    /// Its run did not end well.
    Failed,
}

impl BookStep {
    /// Says how it stands: what was seen last goes before what was said.
    pub fn stand(&self) -> Stand {
        let seen = || self.seen.values();
        let said = self.mark.as_ref().map(|(mark, _, at)| (*mark, *at));
        let last = seen().map(|(at, ..)| *at).max();
        match said {
            Some((StepMark::Done, at)) if last.is_none_or(|last| last <= at) => return Stand::Done,
            Some((StepMark::Skipped, at)) if last.is_none_or(|last| last <= at) => return Stand::Skipped,
            Some(_) | None => {}
        }
        if let Some((_, outcome)) = &self.run {
            return match outcome.as_deref() {
                None => Stand::Running,
                Some("Succeeded" | "Recovered") => Stand::Done,
                Some("Unknown") => Stand::Unknown,
                Some(_) => Stand::Failed,
            };
        }
        if last.is_none() {
            Stand::Open
        } else if seen().any(|(_, met, ..)| *met == Some(false)) {
            Stand::NotMet
        } else if seen().any(|(_, met, ..)| met.is_none()) {
            Stand::Unknown
        } else {
            Stand::Met
        }
    }

    /// Says whether it was used at all.
    pub fn used(&self) -> bool {
        !matches!(self.stand(), Stand::Open | Stand::Skipped)
    }
}

/// Steps by runbook and id.
pub type Books = BTreeMap<(String, String), BookStep>;

/// Folds an event into what is known of steps.
pub(super) fn take(books: &mut Books, seq: u64, by: &Operator, at: Timestamp, kind: &IncidentEventKind) {
    if let IncidentEventKind::Command { host, of: Some(answer), .. } = kind {
        let step = books.entry((answer.book.clone(), answer.step.clone())).or_default();
        step.seen.insert(host.clone(), (at, answer.met, answer.why.clone(), seq));
    } else if let IncidentEventKind::StepMarked { book, step, mark, note } = kind {
        let step = books.entry((book.clone(), step.clone())).or_default();
        match mark {
            StepMark::Wrong => step.wrong.push((by.clone(), at, note.clone())),
            StepMark::Open => step.mark = None,
            StepMark::Done | StepMark::Skipped => step.mark = Some((*mark, by.clone(), at)),
        }
    } else if let IncidentEventKind::StepRun { book, step, run } = kind {
        books.entry((book.clone(), step.clone())).or_default().run = Some((*run, None));
    } else if let IncidentEventKind::Result { run, outcome, .. } = kind {
        let known = books.values_mut().filter_map(|step| step.run.as_mut()).find(|(known, _)| known == run);
        // What the checks say later of the service is no word on the step.
        if let Some((_, ended)) = known.filter(|(_, ended)| ended.is_none()) {
            *ended = Some(outcome.clone());
        }
    }
}
