//! The document of an incident: ten sections, seven of them from facts alone. Three only people can write.
//!
//! A fact that nobody knows is none, and is shown as such: a document that fills gaps is worse than one that has them.
use serde::{Serialize, Serializer};

use super::Section;
use crate::core::{services::Split, time::Timestamp};

mod action;
mod gather;
#[cfg(test)]
mod tests;

pub use action::DocumentAction;
pub use gather::{Surroundings, share, times};

/// A moment, written as RFC 3339.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment(pub Timestamp);

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.rfc3339())
    }
}

/// The document.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Document {
    /// Its number: `INC-214`.
    pub id: String,
    /// One line.
    pub title: String,
    /// How bad: `P1`.
    pub severity: String,
    /// The service it is about.
    pub service: Option<String>,
    /// Its type, in words.
    pub class: Option<String>,
    /// The phase it is in.
    pub phase: &'static str,
    /// How it stands: `open`, `resolved`, `closed`, `merged into INC-213`.
    pub state: String,
    /// Who leads.
    pub lead: Option<String>,
    /// When it was opened.
    pub opened: Moment,
    /// As of when this is.
    pub as_of: Moment,
    /// Whom it hurt, and for how long.
    pub impact: Impact,
    /// What happened, by time.
    pub timeline: Vec<Entry>,
    /// When it began, was seen, taken, mended.
    pub times: Times,
    /// What was promised for its severity, and whether it was kept.
    pub promises: Vec<Promise>,
    /// What was done about it.
    pub actions: Vec<Action>,
    /// What shows whether it helped.
    pub proof: Vec<Proof>,
    /// How it is known that it is over.
    pub over_by: Option<String>,
    /// What was kept.
    pub evidence: Vec<Kept>,
    /// What people took for the cause.
    pub hypotheses: Vec<Thought>,
    /// The change that was chosen as what probably broke it, and that none convinced.
    pub suspect: Option<String>,
    /// Written by people: why it happened.
    pub root_cause: Option<String>,
    /// Written by people: what was learned.
    pub lessons: Option<String>,
    /// Written by people: what is to be done.
    pub follow_ups: Option<String>,
    /// What was given to somebody.
    pub tasks: Vec<Todo>,
    /// Its tickets: tracker, what it is called there, where it is.
    pub tickets: Vec<TicketAt>,
    /// What is missing before it can be closed, in words.
    pub owed: Vec<&'static str>,
}

/// Whom it hurt, and for how long.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Impact {
    /// Which users.
    pub users: Option<&'static str>,
    /// Whom and how, in words.
    pub words: Option<String>,
    /// The services that it is known to have touched.
    pub services: Vec<String>,
    /// For how long: from its onset until users were helped.
    pub lasted_ms: Option<i64>,
    /// Whether it lasted for longer than that: when it began is not known, and it is counted from when it was seen.
    pub at_least: bool,
    /// Whether it goes on.
    pub ongoing: bool,
    /// What it took of the service's objective.
    pub budget: Option<Budget>,
}

/// What an objective allows, and what is left of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Budget {
    /// Percent of time that is to be up.
    pub objective_pct: f64,
    /// Over how long.
    pub window_ms: i64,
    /// How long it may be down in that time.
    pub allowed_ms: i64,
    /// How much of that this incident takes, in percent, if all of it was an outage.
    pub incident_pct: Option<f64>,
    /// How long the checks saw it down in that time up to now.
    pub down_ms: Option<i64>,
    /// How much of what is allowed that is, in percent; none where next to nothing is known of that time.
    pub spent_pct: Option<f64>,
    /// Of how much of that time it is known how it was, where that is little: it may have been down for longer.
    pub known_ms: Option<i64>,
}

impl Budget {
    /// Says what an objective allowed over so long, and what was spent of it as far as it was measured.
    pub(in crate::core) fn of(
        objective_pct: f64,
        (window_ms, allowed_ms): (i64, i64),
        measured: Option<Split>,
    ) -> Self {
        let measured = measured.filter(|split| split.counted_ms() > 0);
        let whole =
            measured.map(|split| Split { unknown_ms: window_ms.saturating_sub(split.known_ms()).max(0), ..split });
        let figure = whole.unwrap_or_default().figure(1);
        let down_ms = measured.map(|split| split.down_ms);
        Self {
            objective_pct,
            window_ms,
            allowed_ms,
            incident_pct: None,
            down_ms,
            spent_pct: down_ms.filter(|_| figure.percent.is_some()).and_then(|down| share(down, allowed_ms)),
            known_ms: figure.of_ms,
        }
    }
}

/// An entry of the timeline.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Entry {
    /// When it happened.
    pub at: Moment,
    /// How long after the onset; where that is not known, after it was seen.
    pub offset: String,
    /// Who.
    pub by: String,
    /// What it is, in a word.
    pub kind: &'static str,
    /// What it says.
    pub text: String,
    /// Whether its time was corrected.
    pub corrected: bool,
}

/// When it began, was seen, taken, mended, and what lies between.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Times {
    /// When it began.
    pub onset: Option<Moment>,
    /// How that is known.
    pub onset_by: Option<String>,
    /// When it was seen: its alert fired, or somebody opened it.
    pub seen: Moment,
    /// When somebody took it.
    pub acknowledged: Option<Moment>,
    /// When users were helped.
    pub mitigated: Option<Moment>,
    /// When it was over.
    pub resolved: Option<Moment>,
    /// From its onset until it was seen: its share of the MTTD.
    pub detect_ms: Option<i64>,
    /// From there until somebody took it: its share of the MTTA.
    pub acknowledge_ms: Option<i64>,
    /// From when it was seen until it was over: its share of the MTTR.
    pub repair_ms: Option<i64>,
}

/// What was promised for its severity.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Promise {
    /// What.
    pub what: &'static str,
    /// Until when.
    pub due: Moment,
    /// When it was kept.
    pub met: Option<Moment>,
    /// Whether that was, or is, too late.
    pub late: bool,
}

/// Something that was done.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Action {
    /// When.
    pub at: Moment,
    /// How long after the onset; where that is not known, after it was seen.
    pub offset: String,
    /// The run: `RUN-882`; none: a command outside of one.
    pub run: Option<String>,
    /// What.
    pub title: String,
    /// By whom.
    pub by: String,
    /// Why, as typed.
    pub reason: Option<String>,
    /// How it ended.
    pub outcome: Option<String>,
    /// How long it took.
    pub took_ms: Option<i64>,
    /// The commands, in order; none: nothing here has them.
    pub steps: Option<Vec<Command>>,
    /// The incident that it was done in, where that went into this one.
    pub from: Option<String>,
}

/// A command.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Command {
    /// Where.
    pub host: String,
    /// What it is called.
    pub name: Option<String>,
    /// What exactly.
    pub command: String,
    /// How it ended.
    pub end: Option<String>,
    /// SHA-256 of what it said.
    pub sha256: Option<String>,
}

/// What shows whether a run helped.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Proof {
    /// The run.
    pub run: String,
    /// Whether the service recovered.
    pub verdict: Option<&'static str>,
    /// One line.
    pub summary: Option<String>,
    /// What was measured, before and after.
    pub goals: Vec<Goal>,
    /// The incident that it was run in, where that went into this one.
    pub from: Option<String>,
}

/// One thing that was measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Goal {
    /// What.
    pub name: &'static str,
    /// Before.
    pub before: Option<String>,
    /// After.
    pub after: Option<String>,
    /// What it was to be.
    pub goal: String,
    /// Whether it was.
    pub met: Option<bool>,
}

/// Something that was kept.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Kept {
    /// What it is called: `E1`, or `INC-213 E1` where it was kept in an incident that went into this one.
    pub name: String,
    /// When.
    pub at: Moment,
    /// By whom.
    pub by: String,
    /// What it is.
    pub what: String,
    /// Where it is from.
    pub source: String,
    /// SHA-256 of it when it was kept.
    pub sha256: String,
    /// Whether it still is what it was.
    pub holds: bool,
    /// What it says.
    pub body: String,
    /// The incident that it was kept in, where that went into this one.
    pub from: Option<String>,
}

/// What somebody took for the cause.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Thought {
    /// What it is called: `H1`.
    pub name: String,
    /// What.
    pub text: String,
    /// How it would be found out.
    pub test: Option<String>,
    /// What speaks for it.
    pub supports: Vec<String>,
    /// What speaks against it.
    pub opposes: Vec<String>,
    /// Whether it holds.
    pub holds: Option<bool>,
}

/// Something that somebody is to do.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Todo {
    /// What.
    pub text: String,
    /// By whom.
    pub owner: Option<String>,
    /// Until when.
    pub due: Option<Moment>,
    /// When it was done.
    pub done: Option<Moment>,
}

/// A ticket.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TicketAt {
    /// The tracker.
    pub tracker: String,
    /// What it is called there.
    pub id: String,
    /// Where it is.
    pub url: Option<String>,
}

/// How a section of the document stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Its heading.
    pub title: &'static str,
    /// Whether it is written; what facts make is where they say anything.
    pub written: bool,
    /// What is in it, in a few words.
    pub says: String,
}

impl Document {
    /// Returns what people wrote of a section.
    pub fn section(&self, section: Section) -> Option<&str> {
        let text = match section {
            Section::RootCause => &self.root_cause,
            Section::Lessons => &self.lessons,
            Section::FollowUps => &self.follow_ups,
        };
        text.as_deref()
    }

    /// Says how each of its ten sections stands, in their order.
    pub fn standing(&self) -> Vec<Standing> {
        use crate::core::words::many;
        let fact = |title, says: Option<String>, none: &str| {
            let written = says.is_some();
            Standing { title, written, says: says.unwrap_or_else(|| none.to_owned()) }
        };
        let counted = |of: usize, what| (of > 0).then(|| many(of, what));
        let long = |ms: i64| crate::core::time::precise(ms.unsigned_abs());
        let least = if self.impact.at_least { "at least " } else { "" };
        let lasted = self.impact.lasted_ms.map(|ms| format!("{least}{}", long(ms)));
        let seen = self.times.detect_ms.map(|ms| format!("seen {} after onset", long(ms)));
        let mut all = vec![
            fact("summary", Some("from facts".to_owned()), ""),
            fact("impact", lasted, "for how long is not known"),
            fact("timeline", counted(self.timeline.len(), "event"), "nothing"),
            fact("times", seen, "onset not known; offsets count from when it was seen"),
            fact("actions", counted(self.actions.len(), "action"), "nothing from the console"),
            fact("proof", counted(self.proof.len(), "run"), "no run was to prove anything"),
            fact("evidence", counted(self.evidence.len(), "piece"), "nothing was kept"),
        ];
        all.extend(Section::ALL.map(|section| {
            let text = self.section(section);
            let says =
                text.map_or_else(|| "asked for".to_owned(), |text| many(text.split_whitespace().count(), "word"));
            Standing { title: section.title(), written: text.is_some(), says }
        }));
        all
    }
}
