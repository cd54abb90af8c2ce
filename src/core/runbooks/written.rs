//! What a look leaves: an entry of the audit log, and beside an incident the answer in its timeline.
use super::Seen;
use crate::core::{
    id::Uid,
    incidents::{BookAnswer, IncidentEvent, IncidentEventKind},
    record::{Audit, Row},
    runs::Actor,
    time::Timestamp,
};

/// What the audit log calls it that a host was asked what a step of a runbook asks.
pub const LOOKED: &str = "runbook.looked";

/// The step that a host was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The runbook.
    pub book: String,
    /// The step's id.
    pub step: String,
    /// Its command, as the runbook has it: what it was given stands in no log.
    pub command: String,
}

impl Seen {
    /// Returns what is written down of it, for one commit: whoever asked, from the console or the command line, leaves the same.
    pub fn rows(self, of: Asked, incident: Option<Uid>, actor: &Actor, at: Timestamp) -> Vec<Row> {
        let why = if self.why.is_empty() { String::new() } else { format!(": {}", self.why) };
        let detail = format!("{}/{} {}{why}", of.book, of.step, self.word());
        let (by, from, target) = (actor.by.clone(), actor.from.clone(), self.host.to_string());
        let audit = Row::Audit(Audit { at, by, from, what: LOOKED.to_owned(), target, detail });
        let answer = BookAnswer { book: of.book, step: of.step, met: self.met, why: self.why };
        let kind = IncidentEventKind::Command {
            host: self.host,
            command: of.command,
            exit: self.exit,
            sha256: self.sha256,
            output: self.head.join("\n"),
            of: Some(Box::new(answer)),
        };
        let event = |incident| Row::Incident(IncidentEvent { incident, at, by: actor.by.clone(), kind });
        incident.map(event).into_iter().chain([audit]).collect()
    }
}
