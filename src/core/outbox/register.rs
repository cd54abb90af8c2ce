//! Which writes follow from an incident's events.
use std::sync::Arc;

use sha2::Digest as _;

use super::{Change, Item, OutboxEvent, OutboxEventKind, Send, State, Status, Ticket, TrackerSpec, Write, parts};
use crate::core::{
    alerts::Severity,
    id::Uid,
    incidents::{self, IncidentEvent, IncidentEventKind, Link},
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
    if !sends(&event.kind).is_some_and(|send| tracker.send.contains(&send)) {
        return Vec::new();
    }
    let part = part_of(event);
    let change = change_of(&event.kind);
    let mut all = Vec::new();
    let says_nothing = matches!(&event.kind, IncidentEventKind::SeverityChanged { reason, .. } if reason.is_empty())
        || matches!(event.kind, IncidentEventKind::Renamed { .. });
    if !says_nothing {
        let markdown = matches!(event.kind, IncidentEventKind::Published { .. });
        let comments = comments(tracker, event, incidents, outbox).into_iter();
        all.extend(
            comments.map(|(more, text)| queue(Some(&format!("{part}{more}")), Write::Comment { text, markdown })),
        );
    }
    if change != Change::default() {
        all.push(queue(Some(&format!("{part} fields")), Write::Update(change)));
    }
    all
}

/// Returns what is said on a ticket: what tells each comment from the others of its event, and its text.
fn comments(
    tracker: &TrackerSpec,
    event: &IncidentEvent,
    incidents: &incidents::State,
    outbox: &State,
) -> Vec<(String, String)> {
    let said = format!("({}, {})", event.by, event.at.rfc3339());
    if let IncidentEventKind::Published { text, .. } = &event.kind {
        let parts = parts::parts(text.trim_end());
        let of = parts.len();
        let named = |(at, part): (usize, String)| match of {
            1 => (String::new(), format!("{part}\n\n{said}")),
            _ => (format!(" {at} of {of}"), format!("Part {at} of {of}.\n\n{part}\n\n{said}")),
        };
        return (1..).zip(parts).map(named).collect();
    }
    let text = if let IncidentEventKind::Told { state, text, internal, .. } = &event.kind {
        // The team reads tickets.
        format!("{}: {} {said}", state.word(), if internal.is_empty() { text } else { internal })
    } else if let IncidentEventKind::Linked { other, .. } = &event.kind {
        let ticket = outbox.ticket(*other, &tracker.name).and_then(|ticket| ticket.remote.as_ref());
        let goes_on = ticket.map(|ticket| format!(", which goes on as {}", ticket.id)).unwrap_or_default();
        format!("{}{goes_on} {said}", incidents.merged_words(*other))
    } else {
        format!("{} {said}", event.kind.text())
    };
    vec![(String::new(), text)]
}

/// Makes the ticket of an incident that has none: when it is opened, or gets as bad as tickets are kept for.
fn ticket_of(event: &IncidentEvent, incidents: &incidents::State) -> Option<Ticket> {
    let (by, text) = (event.by.clone(), String::new());
    if let IncidentEventKind::Opened { title, severity, service } = &event.kind {
        let (title, service) = (title.clone(), service.as_ref().map(ToString::to_string));
        return Some(Ticket { title, severity: *severity, service, opened: event.at, by, text });
    }
    let IncidentEventKind::SeverityChanged { to, .. } = &event.kind else { return None };
    let incident = incidents.incidents.get(&event.incident)?;
    let (title, service) = (incident.title.clone(), incident.service.as_ref().map(ToString::to_string));
    Some(Ticket { title, severity: *to, service, opened: incident.opened, by, text })
}

/// Says which fields of a ticket an event changes.
fn change_of(kind: &IncidentEventKind) -> Change {
    let mut change = Change::default();
    if let IncidentEventKind::Renamed { title } = kind {
        change.title = Some(title.clone());
    } else if let IncidentEventKind::SeverityChanged { to, .. } = kind {
        change.severity = Some(*to);
    } else if let IncidentEventKind::Resolved { .. } = kind {
        change.status = Some(Status::Resolved);
    } else if let IncidentEventKind::Linked { how: Link::MergedInto, .. } = kind {
        // Nobody works on it any more: what goes on has a ticket of its own.
        change.status = Some(Status::Resolved);
    } else if let IncidentEventKind::Reopened { .. } = kind {
        change.status = Some(Status::Open);
    }
    change
}

/// Says what of an incident is written as which kind of event.
fn sends(kind: &IncidentEventKind) -> Option<Send> {
    use IncidentEventKind::{
        Acknowledged, Action, Linked, Mitigated, Note, Published, Renamed, Reopened, Resolved, Result, SeverityChanged,
        Told,
    };
    let is = |send: Send, of: bool| of.then_some(send);
    is(Send::Title, matches!(kind, Renamed { .. }))
        .or(is(Send::Severity, matches!(kind, SeverityChanged { .. })))
        .or(is(Send::Resolved, matches!(kind, Mitigated { .. } | Resolved { .. } | Reopened { .. })))
        .or(is(Send::Resolved, matches!(kind, Linked { how: Link::MergedInto, .. })))
        .or(is(Send::Update, matches!(kind, Told { .. })))
        .or(is(Send::Note, matches!(kind, Note { .. })))
        .or(is(Send::Action, matches!(kind, Action { .. })))
        .or(is(Send::Result, matches!(kind, Result { .. })))
        .or(is(Send::Acknowledged, matches!(kind, Acknowledged)))
        .or(is(Send::Document, matches!(kind, Published { .. })))
}

/// What tells an event from all others of its incident, and is the same for consoles that note the same thing.
fn part_of(event: &IncidentEvent) -> String {
    if let IncidentEventKind::Result { run, outcome, .. } = &event.kind {
        format!("result {run} {outcome}")
    } else if let IncidentEventKind::Action { run, .. } = &event.kind {
        format!("action {run}")
    } else if let IncidentEventKind::Published { sha256, .. } = &event.kind {
        format!("document {sha256}")
    } else {
        format!("{} {} {}", event.at.0, event.by, event.kind.text())
    }
}
