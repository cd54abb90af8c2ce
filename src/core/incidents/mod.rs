//! Incidents: the fold of their events, so that two consoles never overwrite each other.
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{
    alerts::Severity,
    id::{Operator, RunId, ServiceId, Uid},
    record::Row,
    time::Timestamp,
};

pub mod action;
pub mod advance;
mod books;
pub mod classify;
pub mod clocks;
pub mod document;
mod events;
pub mod evidence;
mod fold;
mod merged;
pub mod onset;
pub mod phase;
pub mod policy;
pub mod precedent;
pub mod similar;
pub mod suspects;
#[cfg(test)]
mod tests;
mod words;

pub use action::IncidentAction;
pub use books::{BookAnswer, BookStep, Books, Stand, StepMark};
pub use classify::{Impact, Urgency};
pub use clocks::{Clock, ClockKind};
pub use document::{Document, Surroundings};
pub use events::{IncidentEvent, IncidentEventKind, Link, StoredIncidentEvent};
pub use fold::{Classified, Hypothesis, Incident, KnownOnset, Task, Told};
pub use phase::{Guard, Phase, Section};

/// Milliseconds within which two take the same thing and neither can know of the other.
pub(super) const AT_ONCE_MS: i64 = 2_000;

/// What somebody has taken over in an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Duty {
    /// Decides.
    Lead,
    /// Does.
    Operations,
    /// Tells people.
    Communication,
}

impl Duty {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Lead, Self::Operations, Self::Communication];

    /// Returns its name.
    pub fn word(self) -> &'static str {
        match self {
            Self::Lead => "lead",
            Self::Operations => "operations",
            Self::Communication => "communication",
        }
    }
}

/// The number of a run, once the store has given it one.
#[derive(Clone, Debug, PartialEq)]
pub struct NumberedRun {
    /// The run.
    pub run: Uid,
    /// Its number.
    pub number: RunId,
}

/// Every incident this console knows of.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct State {
    /// By id.
    pub incidents: BTreeMap<Uid, Incident>,
    /// What is remembered of incidents, those above among them.
    pub remembered: BTreeMap<Uid, precedent::Precedent>,
    /// Those for which this console wrote by itself, and the store has not given it back yet.
    writing: BTreeSet<Uid>,
}

/// What a person or another slice wants written into an incident. Nothing changes until the store gives it back.
#[derive(Clone, Debug, PartialEq)]
pub enum Msg {
    /// Opens one for an alert.
    OpenedForAlert(Opening),
    /// Opens one without an alert.
    OpenedByHand {
        /// Its id.
        incident: Uid,
        /// Its title.
        title: String,
        /// How bad.
        severity: Severity,
        /// About which service.
        service: Option<ServiceId>,
        /// What is kept in it from its beginning on.
        kept: Vec<IncidentEventKind>,
    },
    /// Adds to the timeline.
    Added {
        /// Of which incident.
        incident: Uid,
        /// When it happened.
        at: Timestamp,
        /// Who did it.
        by: Operator,
        /// What.
        kind: IncidentEventKind,
    },
    /// Adds what happens by itself, once: nothing more of it is written before the store has given this back.
    ByItself {
        /// Of which incident.
        incident: Uid,
        /// What.
        kind: IncidentEventKind,
    },
    /// The store refused an event.
    NotSaved {
        /// Of which incident.
        incident: Uid,
    },
    /// The store gave events back, from this or another console.
    Stored(Vec<StoredIncidentEvent>),
}

/// What is known of an alert when an incident is opened for it.
#[derive(Clone, Debug, PartialEq)]
pub struct Opening {
    /// The alert.
    pub alert: Uid,
    /// What it is about, for the title: a line on its own, in a journal or a message, is to say what is wrong where.
    pub target: String,
    /// Its one-line summary.
    pub summary: String,
    /// When it fired.
    pub fired: Timestamp,
    /// How bad it is.
    pub severity: Severity,
    /// The service it is about.
    pub service: Option<ServiceId>,
    /// Who owns it, and since when.
    pub acknowledged: Option<(Operator, Timestamp)>,
}

/// What an update leaves to do.
#[derive(Clone, Debug, PartialEq, Default)]
#[must_use = "what is not carried out never happens"]
pub struct Out {
    /// To be written.
    pub rows: Vec<Row>,
    /// Incidents that are new to this console.
    pub opened: Vec<Uid>,
}

/// Returns the one incident id that an alert can have, so that two people who open it at once open the same.
pub fn uid_for_alert(alert: Uid) -> Uid {
    use sha2::Digest as _;

    let digest = sha2::Sha256::new_with_prefix(b"incident of alert ").chain_update(alert.0).finalize();
    let mut uid = [0; 6];
    uid.iter_mut().zip(digest).for_each(|(byte, of)| *byte = of);
    Uid(uid)
}

/// Applies one message.
pub fn update(state: &mut State, msg: Msg, now: Timestamp, by: &Operator) -> Out {
    let mut out = Out::default();
    match msg {
        Msg::OpenedForAlert(opening) => open_for_alert(state, opening, now, by, &mut out),
        Msg::OpenedByHand { incident, title, severity, service, kept } => {
            let opened = IncidentEventKind::Opened { title, severity, service };
            let event = |kind| Row::Incident(IncidentEvent { incident, at: now, by: by.clone(), kind });
            out.rows.extend(std::iter::once(opened).chain(kept).map(event));
        }
        Msg::Added { incident, at, by, kind } => {
            out.rows.push(Row::Incident(IncidentEvent { incident, at, by, kind }));
        }
        Msg::ByItself { incident, kind } => {
            if state.writing.insert(incident) {
                out.rows.push(Row::Incident(IncidentEvent { incident, at: now, by: "qd".into(), kind }));
            }
        }
        Msg::NotSaved { incident } => _ = state.writing.remove(&incident),
        Msg::Stored(events) => {
            for stored in events {
                state.writing.remove(&stored.event.incident);
                out.opened.extend(fold::fold(&mut state.incidents, stored));
            }
        }
    }
    out
}

fn open_for_alert(state: &State, opening: Opening, now: Timestamp, by: &Operator, out: &mut Out) {
    let incident = uid_for_alert(opening.alert);
    if state.incidents.contains_key(&incident) {
        return;
    }
    let mut add = |at: Timestamp, by: Operator, kind: IncidentEventKind| {
        out.rows.push(Row::Incident(IncidentEvent { incident, at, by, kind }));
    };
    let title = format!("{} {}", opening.target, opening.summary);
    add(now, by.clone(), IncidentEventKind::Opened { title, severity: opening.severity, service: opening.service });
    let detected = IncidentEventKind::Detected { alert: opening.alert, summary: opening.summary };
    add(opening.fired, "qd".into(), detected);
    if let Some((owner, at)) = opening.acknowledged {
        add(at, owner, IncidentEventKind::Acknowledged);
    }
}

impl State {
    /// Returns the incident of a service that somebody is at: the open one, else the newest whose end is being proved.
    pub fn in_hand_for(&self, service: &ServiceId) -> Option<&Incident> {
        let proved = self.incidents.values().filter(|of| of.is_in_hand() && of.service.as_ref() == Some(service));
        self.open_for(service).or_else(|| proved.max_by_key(|of| of.opened))
    }

    /// Returns the incident of a service that a word on it is about: the one that somebody is at, else the newest of which people
    /// were told that it broke and not that it is over.
    pub fn to_tell_of(&self, service: &ServiceId) -> Option<&Incident> {
        let waits = |of: &&Incident| of.service.as_ref() == Some(service) && !of.is_last_word_said();
        self.in_hand_for(service).or_else(|| self.owed().filter(waits).max_by_key(|of| of.opened))
    }

    /// Returns the incident of a service that is watched whether it stays well: the one that was mended last.
    pub fn watched_for(&self, service: &ServiceId, policy: &policy::Policy, now: Timestamp) -> Option<&Incident> {
        let watched = |of: &&Incident| of.service.as_ref() == Some(service) && of.may_come_back(policy, now);
        self.owed().filter(watched).max_by_key(|of| (of.resolved, of.number))
    }

    /// Returns the incident that was opened last of those that are not over.
    pub fn newest_open(&self) -> Option<&Incident> {
        self.open().max_by_key(|incident| incident.opened)
    }

    /// Returns open incidents first, worst first, then the resolved ones, newest first.
    pub fn worst_first(&self) -> Vec<&Incident> {
        let mut all: Vec<_> = self.incidents.values().collect();
        all.sort_by(|a, b| match (a.resolved, b.resolved) {
            (None, None) => a.severity.cmp(&b.severity).then(a.opened.cmp(&b.opened)),
            (Some(a), Some(b)) => b.cmp(&a),
            (a, b) => a.is_some().cmp(&b.is_some()),
        });
        all
    }

    /// Iterates over those of which all that was written has come back.
    pub fn settled(&self) -> impl Iterator<Item = &Incident> {
        self.incidents.values().filter(|incident| !self.writing.contains(&incident.uid))
    }

    /// Iterates over those that are over, but whose document is not whole.
    pub fn owed(&self) -> impl Iterator<Item = &Incident> {
        self.incidents.values().filter(|incident| incident.is_owed())
    }

    /// Iterates over the incidents that are not over.
    pub fn open(&self) -> impl Iterator<Item = &Incident> {
        self.incidents.values().filter(|incident| incident.is_open())
    }
}
