//! Which writes follow from an incident's events.
use std::sync::Arc;

use sha2::Digest as _;

use super::{Change, Item, OutboxEvent, OutboxEventKind, Send, State, Status, Ticket, TrackerSpec, Write};
use crate::core::{
    alerts::Severity,
    id::Uid,
    incidents::{self, IncidentEvent, IncidentEventKind},
    record::Row,
};

/// Returns the one token of a write: that of an incident's ticket in a tracker, or of something about it.
pub fn token_of(incident: Uid, tracker: &str, part: Option<&str>) -> Uid {
    let digest = sha2::Sha256::new_with_prefix(b"outbox of incident ")
        .chain_update(incident.0)
        .chain_update(tracker.as_bytes())
        .chain_update([0])
        .chain_update(part.unwrap_or_default().as_bytes())
        .finalize();
    let mut uid = [0; 6];
    uid.iter_mut().zip(digest).for_each(|(byte, of)| *byte = of);
    Uid(uid)
}

/// Returns the rows that belong into the same commit as these: the writes that follow from incidents' events among them.
pub fn for_rows(rows: &[Row], trackers: &[Arc<TrackerSpec>], incidents: &incidents::State, outbox: &State) -> Vec<Row> {
    let mut made: Vec<OutboxEvent> = Vec::new();
    for row in rows {
        if let Row::Incident(event) = row {
            for tracker in trackers {
                let more = for_event(tracker, event, incidents, (outbox, &made));
                made.extend(more);
            }
        }
    }
    made.into_iter().map(Row::Outbox).collect()
}

/// Returns the writes to one tracker that follow from an incident's event, `made` being those of the same commit.
pub fn for_event(
    tracker: &TrackerSpec,
    event: &IncidentEvent,
    incidents: &incidents::State,
    (outbox, made): (&State, &[OutboxEvent]),
) -> Vec<OutboxEvent> {
    let wants = |severity: Severity| tracker.severities.is_empty() || tracker.severities.contains(&severity);
    let known = outbox.ticket(event.incident, &tracker.name).is_some()
        || made.iter().any(|made| made.token == token_of(event.incident, &tracker.name, None));
    let queue = |part: Option<&str>, write: Write| {
        let item = Item { incident: event.incident, tracker: Arc::clone(&tracker.name), write };
        let token = token_of(event.incident, &tracker.name, part);
        OutboxEvent { token, at: event.at, by: event.by.clone(), kind: OutboxEventKind::Queued { item } }
    };
    if !known {
        let ticket = ticket_of(event, incidents).filter(|ticket| wants(ticket.severity));
        return ticket.into_iter().map(|ticket| queue(None, Write::Create(ticket))).collect();
    }
    let Some(send) = sends(&event.kind).filter(|send| tracker.send.contains(send)) else { return Vec::new() };
    let part = part_of(event);
    if let IncidentEventKind::SeverityChanged { to } = &event.kind {
        return vec![queue(Some(&part), Write::Update(Change { severity: Some(*to), status: None }))];
    }
    let text = format!("{} ({}, {})", event.kind.text(), event.by, event.at.rfc3339());
    let mut all = vec![queue(Some(&part), Write::Comment { text })];
    if send == Send::Resolved {
        let over = Change { severity: None, status: Some(Status::Resolved) };
        all.push(queue(Some(&format!("{part} status")), Write::Update(over)));
    }
    all
}

/// Makes the ticket of an incident that has none: when it is opened, or gets as bad as tickets are kept for.
fn ticket_of(event: &IncidentEvent, incidents: &incidents::State) -> Option<Ticket> {
    let (by, text) = (event.by.clone(), String::new());
    if let IncidentEventKind::Opened { title, severity, service } = &event.kind {
        let (title, service) = (title.clone(), service.as_ref().map(ToString::to_string));
        return Some(Ticket { title, severity: *severity, service, opened: event.at, by, text });
    }
    let IncidentEventKind::SeverityChanged { to } = &event.kind else { return None };
    let incident = incidents.incidents.get(&event.incident)?;
    let (title, service) = (incident.title.clone(), incident.service.as_ref().map(ToString::to_string));
    Some(Ticket { title, severity: *to, service, opened: incident.opened, by, text })
}

/// Says what of an incident is written as which kind of event.
fn sends(kind: &IncidentEventKind) -> Option<Send> {
    if let IncidentEventKind::SeverityChanged { .. } = kind {
        Some(Send::Severity)
    } else if let IncidentEventKind::Resolved { .. } = kind {
        Some(Send::Resolved)
    } else if let IncidentEventKind::Note { .. } = kind {
        Some(Send::Note)
    } else if let IncidentEventKind::Action { .. } = kind {
        Some(Send::Action)
    } else if let IncidentEventKind::Result { .. } = kind {
        Some(Send::Result)
    } else if let IncidentEventKind::Acknowledged = kind {
        Some(Send::Acknowledged)
    } else {
        None
    }
}

/// What tells an event from all others of its incident, and is the same for consoles that note the same thing.
fn part_of(event: &IncidentEvent) -> String {
    if let IncidentEventKind::Result { run, outcome, .. } = &event.kind {
        format!("result {run} {outcome}")
    } else if let IncidentEventKind::Action { run, .. } = &event.kind {
        format!("action {run}")
    } else {
        format!("{} {} {}", event.at.0, event.by, event.kind.text())
    }
}
