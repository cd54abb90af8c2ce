//! Incidents: the fold of their events, so that two consoles never overwrite each other.
use serde::{Deserialize, Serialize};

use super::{
    alerts::Severity,
    id::{IncidentId, Operator, RunId, ServiceId, Uid},
    time::Timestamp,
};

/// One entry of an incident's timeline, committed before it is shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IncidentEvent {
    /// The incident.
    pub incident: Uid,
    /// When it happened (not when it was written down).
    pub at: Timestamp,
    /// Who did it.
    pub by: Operator,
    /// What.
    pub kind: IncidentEventKind,
}

/// What happened in an incident.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum IncidentEventKind {
    /// It was opened.
    Opened {
        /// One line.
        title: String,
        /// How bad.
        severity: Severity,
        /// The service it is about.
        service: Option<ServiceId>,
    },
    /// The alert that it is about began: dated back to when the alert fired.
    Detected {
        /// The alert.
        alert: Uid,
        /// Its one-line summary.
        summary: String,
    },
    /// Somebody took it.
    Acknowledged,
    /// A run was confirmed for it.
    Action {
        /// The run.
        run: Uid,
        /// One line: `restart play on web-01 by pm2 restart 0`.
        summary: String,
    },
    /// A run ended.
    Result {
        /// The run.
        run: Uid,
        /// How it ended.
        outcome: String,
        /// One line with exit codes and, once the checks have decided, whether the service recovered.
        summary: String,
    },
    /// A note.
    Note {
        /// The text.
        text: String,
    },
    /// How bad it is was changed.
    SeverityChanged {
        /// To what.
        to: Severity,
    },
    /// The alert or the checks say it is over, or a person does.
    Resolved {
        /// One line that says how it is known.
        summary: String,
    },
}

/// An incident event as the store gave it back.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredIncidentEvent {
    /// The incident's number.
    pub number: IncidentId,
    /// Position within the incident, from 1.
    pub seq: u64,
    /// The event.
    pub event: IncidentEvent,
}

/// The number of a run, once the store has given it one.
#[derive(Clone, Debug, PartialEq)]
pub struct NumberedRun {
    /// The run.
    pub run: Uid,
    /// Its number.
    pub number: RunId,
}
