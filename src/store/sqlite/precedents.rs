//! Reading what earlier incidents teach: a few events of each, one incident at a time, so that no more than one is held.
use rusqlite::{Connection, OptionalExtension as _, params};

use super::{Trouble, unsigned};
use crate::core::{
    alerts::{AlertEvent, AlertEventKind},
    id::{IncidentId, RuleName, Uid},
    incidents::{
        IncidentEvent, StoredIncidentEvent,
        precedent::{Precedent, Remembered, Replaced, folded},
    },
    time::Timestamp,
};

/// Only what a precedent is made of: of evidence the log lines alone.
pub(super) const EVENTS: &str = "SELECT incident, seq, body FROM incident_event
     WHERE incident IN (SELECT number FROM incident ORDER BY number DESC LIMIT ?1)
     AND (kind IN ('opened', 'detected', 'severity_changed', 'suspect_chosen', 'suspect_ruled_out', 'action', 'result',
     'mitigated', 'resolved', 'reopened', 'linked') OR (kind = 'pinned' AND instr(body, '\"source\":\"the logs\"') > 0))
     ORDER BY incident DESC, seq";

/// The results in which a check saw another certificate than in the one before, along the index of slots.
pub(super) const REPLACED: &str = "SELECT name, at, before, cert_not_after FROM
     (SELECT n.text AS name, r.at, r.cert_not_after,
     lag(r.cert_not_after) OVER (PARTITION BY r.\"check\" ORDER BY r.slot) AS before
     FROM name n CROSS JOIN result r ON r.\"check\" = n.id AND r.slot >= ?1
     WHERE n.kind = 'check' AND r.cert_not_after IS NOT NULL)
     WHERE before IS NOT NULL AND before <> cert_not_after ORDER BY at";

/// Reads what is remembered.
pub(super) fn remembered(conn: &Connection, limit: usize, from: Timestamp) -> Result<Remembered, Trouble> {
    let mut statement = conn.prepare_cached(REPLACED)?;
    let mut rows = statement.query([from.0])?;
    let mut certificates = Vec::new();
    while let Some(row) = rows.next()? {
        // A check that this version cannot name is no longer looked at.
        let Ok(check) = row.get_ref(0)?.as_str().unwrap_or_default().parse() else { continue };
        let moment = |at| row.get(at).map(Timestamp);
        certificates.push(Replaced { check, at: moment(1)?, before: moment(2)?, after: moment(3)? });
    }
    Ok(Remembered { incidents: precedents(conn, limit)?, certificates })
}

/// Reads the newest. What cannot be read is not told of here: it is missing wherever its incident is read.
fn precedents(conn: &Connection, limit: usize) -> Result<Vec<Precedent>, Trouble> {
    let mut statement = conn.prepare_cached(EVENTS)?;
    let mut rows = statement.query([i64::try_from(limit).unwrap_or(i64::MAX)])?;
    let (mut found, mut events) = (Vec::new(), Vec::<StoredIncidentEvent>::new());
    while let Some(row) = rows.next()? {
        let Ok(event) = serde_json::from_str::<IncidentEvent>(row.get_ref(2)?.as_str().unwrap_or_default()) else {
            continue;
        };
        let number = IncidentId(unsigned(row.get(0)?));
        if events.first().is_some_and(|first| first.number != number) {
            found.extend(of(conn, std::mem::take(&mut events))?);
        }
        events.push(StoredIncidentEvent { number, seq: unsigned(row.get(1)?), event });
    }
    found.extend(of(conn, events)?);
    Ok(found)
}

fn of(conn: &Connection, events: Vec<StoredIncidentEvent>) -> Result<Option<Precedent>, Trouble> {
    let Some(incident) = folded(events) else { return Ok(None) };
    let rule = match incident.alert {
        Some(alert) => rule(conn, alert)?,
        None => None,
    };
    Ok(Some(Precedent::of(&incident, rule.as_ref())))
}

/// The rule that an alert fired by.
fn rule(conn: &Connection, alert: Uid) -> Result<Option<RuleName>, Trouble> {
    let mut statement =
        conn.prepare_cached("SELECT body FROM alert_event WHERE alert = ?1 AND kind = 'fired' ORDER BY feed LIMIT 1")?;
    let body: Option<String> = statement.query_row(params![alert.to_string()], |row| row.get(0)).optional()?;
    let event = body.and_then(|body| serde_json::from_str::<AlertEvent>(&body).ok());
    Ok(event.and_then(|event| if let AlertEventKind::Fired { rule, .. } = event.kind { Some(rule) } else { None }))
}
