//! Incidents: the fold of their events, so that two consoles never overwrite each other.
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    alerts::Severity,
    id::{IncidentId, Operator, RunId, ServiceId, Uid},
    record::Row,
    time::Timestamp,
};

pub mod onset;
#[cfg(test)]
mod tests;

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

impl IncidentEvent {
    /// Says whether an earlier event of the same incident has said this already: consoles that follow one run all note how
    /// it ended, and those of one person all note what that person owns. What a person wrote is never dropped.
    pub fn repeats(&self, earlier: &Self) -> bool {
        use IncidentEventKind::{Acknowledged, Action, Detected, Result};
        match (&self.kind, &earlier.kind) {
            (Action { run, .. }, Action { run: known, .. }) => run == known,
            (Result { run, outcome, .. }, Result { run: known, outcome: was, .. }) => run == known && outcome == was,
            (Detected { alert, .. }, Detected { alert: known, .. }) => alert == known,
            (Acknowledged, Acknowledged) => self.by == earlier.by && self.at == earlier.at,
            (_, _) => false,
        }
    }
}

impl IncidentEventKind {
    /// Returns what it is and its text, in words: for a search and for a copy.
    pub fn text(&self) -> String {
        match self {
            Self::Opened { title, severity, .. } => format!("opened {title}, {severity:?}"),
            Self::Detected { summary, .. } => format!("detected {summary}"),
            Self::Acknowledged => "acknowledged".to_owned(),
            Self::Action { summary, .. } => format!("action {summary}"),
            Self::Result { summary, .. } => format!("result {summary}"),
            Self::Note { text } => format!("note {text}"),
            Self::SeverityChanged { to } => format!("severity {to:?}"),
            Self::Resolved { summary } => format!("resolved {summary}"),
        }
    }
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

/// Every incident this console knows of.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct State {
    /// By id.
    pub incidents: BTreeMap<Uid, Incident>,
}

/// An incident: the fold of its events.
#[derive(Clone, Debug, PartialEq)]
pub struct Incident {
    /// Its id.
    pub uid: Uid,
    /// Its number.
    pub number: IncidentId,
    /// One line.
    pub title: String,
    /// How bad.
    pub severity: Severity,
    /// The service it is about.
    pub service: Option<ServiceId>,
    /// The alert it began with.
    pub alert: Option<Uid>,
    /// When it was opened.
    pub opened: Timestamp,
    /// Who took it.
    pub owner: Option<Operator>,
    /// When it was over.
    pub resolved: Option<Timestamp>,
    /// Its timeline, by position.
    pub timeline: BTreeMap<u64, IncidentEvent>,
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
        Msg::OpenedByHand { incident, title, severity, service } => {
            let kind = IncidentEventKind::Opened { title, severity, service };
            out.rows.push(Row::Incident(IncidentEvent { incident, at: now, by: by.clone(), kind }));
        }
        Msg::Added { incident, at, by, kind } => {
            out.rows.push(Row::Incident(IncidentEvent { incident, at, by, kind }));
        }
        Msg::Stored(events) => {
            for stored in events {
                out.opened.extend(fold(state, stored));
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

/// Adds one stored event; a second `Opened` of the same incident is kept in the timeline but changes nothing.
fn fold(state: &mut State, stored: StoredIncidentEvent) -> Option<Uid> {
    let StoredIncidentEvent { number, seq, event } = stored;
    let uid = event.incident;
    let mut opened = None;
    if let (IncidentEventKind::Opened { title, severity, service }, false) =
        (&event.kind, state.incidents.contains_key(&uid))
    {
        opened = Some(uid);
        state.incidents.insert(
            uid,
            Incident {
                uid,
                number,
                title: title.clone(),
                severity: *severity,
                service: service.clone(),
                alert: None,
                opened: event.at,
                owner: None,
                resolved: None,
                timeline: BTreeMap::new(),
            },
        );
    }
    let incident = state.incidents.get_mut(&uid)?;
    match &event.kind {
        IncidentEventKind::Detected { alert, .. } => incident.alert = Some(*alert),
        IncidentEventKind::Acknowledged => incident.owner = Some(event.by.clone()),
        IncidentEventKind::SeverityChanged { to } => incident.severity = *to,
        IncidentEventKind::Resolved { .. } => incident.resolved = incident.resolved.or(Some(event.at)),
        IncidentEventKind::Opened { .. }
        | IncidentEventKind::Action { .. }
        | IncidentEventKind::Result { .. }
        | IncidentEventKind::Note { .. } => {}
    }
    incident.timeline.insert(seq, event);
    opened
}

impl Incident {
    /// Returns the timeline by when things happened; what happened at once stays in the order of writing.
    pub fn by_time(&self) -> Vec<&IncidentEvent> {
        let mut events: Vec<_> = self.timeline.values().collect();
        events.sort_by_key(|event| event.at);
        events
    }
}

impl State {
    /// Returns the open incident of a service.
    pub fn open_for(&self, service: &ServiceId) -> Option<&Incident> {
        self.incidents
            .values()
            .find(|incident| incident.resolved.is_none() && incident.service.as_ref() == Some(service))
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

    /// Iterates over the incidents that are not over.
    pub fn open(&self) -> impl Iterator<Item = &Incident> {
        self.incidents.values().filter(|incident| incident.resolved.is_none())
    }
}
