//! Writing rows, within one transaction.
use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension as _, params};

use super::{BucketKind, Committed, Link, StoreError, Trouble, lease, mark, signed, unsigned};
use crate::{
    core::{
        alerts::{AlertEvent, AlertEventKind},
        config_files::ConfigFile,
        findings,
        id::{IncidentId, RunId, ServiceId, Uid},
        incidents::{IncidentEvent, NumberedRun, StoredIncidentEvent},
        logs::patterns::KnownPattern,
        outbox::{OutboxEvent, OutboxEventKind},
        record::{Audit, Bucket, HostMinute, Row, StatusUpdate},
        runs::{Known, RunEvent, RunEventKind, first_words},
        services::{CheckResult, Outcome},
        time::{HOUR, Timestamp},
        windows::WindowEvent,
    },
    store::audit,
};

/// Whether somebody will be held to a row, so that it has to survive a loss of power.
pub(super) fn is_held_to(row: &Row) -> bool {
    match row {
        Row::Result(_)
        | Row::Bucket(_)
        | Row::HostMinute(_)
        | Row::Pattern(_)
        | Row::ConfigFile(_)
        | Row::Finding(_) => false,
        Row::Alert(_)
        | Row::Incident(_)
        | Row::Run(_)
        | Row::Audit(_)
        | Row::StatusUpdate(_)
        | Row::Outbox(_)
        | Row::Window(_) => true,
    }
}

/// Whether only the recorder makes such rows.
fn is_recorded(row: &Row) -> bool {
    match row {
        Row::Result(_) | Row::HostMinute(_) | Row::ConfigFile(_) | Row::Finding(_) => true,
        Row::Bucket(bucket) => bucket.source == Bucket::OWN,
        Row::Alert(event) => match event.kind {
            AlertEventKind::Fired { .. } | AlertEventKind::Resolved { .. } | AlertEventKind::Flapping { .. } => true,
            AlertEventKind::Acknowledged { .. } => false,
        },
        Row::Outbox(event) => event.kind.is_delivery(),
        Row::Incident(_) | Row::Run(_) | Row::Audit(_) | Row::StatusUpdate(_) | Row::Pattern(_) | Row::Window(_) => {
            false
        }
    }
}

/// Writes all rows. Runs within a write transaction, which is rolled back on an error.
pub(super) fn commit(conn: &Connection, rows: &[Row], as_recorder: Option<u64>) -> Result<Committed, Trouble> {
    if as_recorder.is_some() || rows.iter().any(is_recorded) {
        let lease = lease::current(conn)?;
        if !as_recorder.is_some_and(|epoch| lease.is_held_in(epoch)) {
            let current = lease.epoch;
            let label = lease.holder().map(|holder| holder.label);
            return Err(Trouble::Said(StoreError::LostLease { mine: as_recorder, current, label }));
        }
    }
    let mut writer = Writer {
        conn,
        epoch: as_recorder.unwrap_or(0),
        names: HashMap::new(),
        bucket_feed: None,
        committed: Committed::default(),
    };
    for row in rows {
        writer.row(row)?;
    }
    writer.finish()
}

/// What has a name of its own in the table of names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Named {
    Check,
    Service,
    Host,
}

impl Named {
    fn as_str(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::Service => "service",
            Self::Host => "host",
        }
    }
}

/// How to note an event of what has a number.
struct Numbered {
    update: &'static str,
    insert: &'static str,
}

const INCIDENTS: Numbered = Numbered {
    update: "UPDATE incident SET last_at = max(last_at, ?2), resolved = coalesce(?3, resolved) WHERE uid = ?1
             RETURNING number",
    insert: "INSERT INTO incident(uid, last_at, resolved) VALUES (?1, ?2, coalesce(?3, 0))",
};
const RUNS: Numbered = Numbered {
    update: "UPDATE run SET last_at = max(last_at, ?2), ended = coalesce(?3, ended) WHERE uid = ?1 RETURNING number",
    insert: "INSERT INTO run(uid, last_at, ended) VALUES (?1, ?2, coalesce(?3, 0))",
};

struct Writer<'a> {
    conn: &'a Connection,
    epoch: u64,
    /// Of this transaction only: what is rolled back must not be remembered.
    names: HashMap<(Named, String), i64>,
    bucket_feed: Option<i64>,
    committed: Committed,
}

impl Writer<'_> {
    fn row(&mut self, row: &Row) -> Result<(), Trouble> {
        match row {
            Row::Result(result) => self.result(result),
            Row::Bucket(bucket) => self.bucket(bucket),
            Row::HostMinute(minute) => self.host_minute(minute),
            Row::Alert(event) => self.alert(event),
            Row::Incident(event) => self.incident(event),
            Row::Run(event) => self.run(event),
            Row::Audit(audit) => self.audit(audit),
            Row::StatusUpdate(update) => self.status_update(update),
            Row::Pattern(pattern) => self.pattern(pattern),
            Row::Outbox(event) => self.outbox(event),
            Row::Window(event) => self.window(event),
            Row::ConfigFile(file) => self.config_file(file),
            Row::Finding(event) => self.finding(event),
        }
    }

    fn finish(self) -> Result<Committed, Trouble> {
        if let Some(feed) = self.bucket_feed {
            self.conn.execute("UPDATE counter SET value = ?1 WHERE name = 'bucket'", [feed])?;
        }
        Ok(self.committed)
    }

    fn name(&mut self, kind: Named, text: String) -> Result<i64, Trouble> {
        let key = (kind, text);
        if let Some(id) = self.names.get(&key) {
            return Ok(*id);
        }
        let known = self
            .conn
            .prepare_cached("SELECT id FROM name WHERE kind = ?1 AND text = ?2")?
            .query_row(params![kind.as_str(), key.1], |row| row.get(0))
            .optional()?;
        let id = match known {
            Some(id) => id,
            None => self
                .conn
                .prepare_cached("INSERT INTO name(kind, text) VALUES (?1, ?2)")?
                .insert(params![kind.as_str(), key.1])?,
        };
        self.names.insert(key, id);
        Ok(id)
    }

    fn result(&mut self, result: &CheckResult) -> Result<(), Trouble> {
        let check = self.name(Named::Check, result.check.to_string())?;
        let outcome = match result.outcome {
            Outcome::Up => 0,
            Outcome::Degraded => 1,
            Outcome::Down => 2,
            Outcome::Unknown => 3,
        };
        let added = self
            .conn
            .prepare_cached(
                "INSERT INTO result(\"check\", slot, at, outcome, took_ms, detail, cert_not_after, epoch)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING",
            )?
            .execute(params![
                check,
                result.slot.0,
                result.at.0,
                outcome,
                result.took_ms,
                result.detail,
                result.cert_not_after.map(|at| at.0),
                signed(self.epoch),
            ])?;
        self.committed.ignored += 1 - added;
        Ok(())
    }

    fn bucket(&mut self, bucket: &Bucket) -> Result<(), Trouble> {
        let service = self.name(Named::Service, bucket.service.to_string())?;
        let last = match self.bucket_feed {
            Some(feed) => feed,
            None => self
                .conn
                .query_row("SELECT value FROM counter WHERE name = 'bucket'", [], |row| row.get::<_, i64>(0))?,
        };
        let feed = last + 1;
        self.bucket_feed = Some(feed);
        let split = bucket.split;
        let kind = if bucket.length_ms <= HOUR { BucketKind::Hours } else { BucketKind::Days };
        self.conn
            .prepare_cached(
                "INSERT INTO bucket VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
                 ON CONFLICT DO UPDATE SET up_ms = excluded.up_ms,
                 degraded_ms = excluded.degraded_ms, down_ms = excluded.down_ms,
                 maintenance_ms = excluded.maintenance_ms, unknown_ms = excluded.unknown_ms, feed = excluded.feed",
            )?
            .execute(params![
                mark(kind),
                bucket.start.0,
                service,
                bucket.source,
                bucket.length_ms,
                split.up_ms,
                split.degraded_ms,
                split.down_ms,
                split.maintenance_ms,
                split.unknown_ms,
                feed,
            ])?;
        Ok(())
    }

    fn host_minute(&mut self, minute: &HostMinute) -> Result<(), Trouble> {
        let host = self.name(Named::Host, minute.host.to_string())?;
        let added = self
            .conn
            .prepare_cached("INSERT INTO host_minute VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING")?
            .execute(params![host, minute.at.0, minute.cpu_pct, minute.mem_pct, minute.load])?;
        self.committed.ignored += 1 - added;
        Ok(())
    }

    /// Of one file the last changes are kept. What two recorders find, the first of them has found.
    fn config_file(&mut self, file: &ConfigFile) -> Result<(), Trouble> {
        let host = self.name(Named::Host, file.host.to_string())?;
        let known: Option<Option<String>> = self
            .conn
            .prepare_cached("SELECT hash FROM config_file WHERE host = ?1 AND path = ?2 ORDER BY feed DESC LIMIT 1")?
            .query_row(params![host, file.path], |row| row.get(0))
            .optional()?;
        if known.is_some_and(|known| known == file.hash) {
            return Ok(());
        }
        self.conn
            .prepare_cached(
                "INSERT INTO config_file(host, path, at, seen, hash, before, news) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?
            .execute(params![host, file.path, file.at.0, file.seen.0, file.hash, file.before, file.news])?;
        self.conn
            .prepare_cached(
                "DELETE FROM config_file WHERE host = ?1 AND path = ?2 AND feed NOT IN (SELECT feed FROM config_file
                 WHERE host = ?1 AND path = ?2 ORDER BY feed DESC LIMIT 20)",
            )?
            .execute(params![host, file.path])?;
        Ok(())
    }

    /// Of one finding, and of pulls, what was told last is kept.
    fn finding(&mut self, event: &findings::Event) -> Result<(), Trouble> {
        let (_kind, body) = json(event)?;
        self.conn.prepare_cached("INSERT INTO finding(key, at, body) VALUES (?1, ?2, ?3)")?.execute(params![
            event.key(),
            event.at().0,
            body
        ])?;
        self.conn
            .prepare_cached(
                "DELETE FROM finding WHERE key = ?1 AND feed <= (SELECT feed FROM finding WHERE key = ?1
                 ORDER BY feed DESC LIMIT 1 OFFSET 20)",
            )?
            .execute(params![event.key()])?;
        Ok(())
    }

    /// Consoles learn the same pattern at the same time: whoever saw most of it, earliest or latest is right.
    fn pattern(&mut self, pattern: &KnownPattern) -> Result<(), Trouble> {
        self.conn
            .prepare_cached(
                "INSERT INTO pattern VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO UPDATE SET
                 outline = excluded.outline, level = max(level, excluded.level),
                 first_seen = min(first_seen, excluded.first_seen), count = max(count, excluded.count),
                 rate = CASE WHEN excluded.last_seen >= last_seen THEN excluded.rate ELSE rate END,
                 last_seen = max(last_seen, excluded.last_seen)",
            )?
            .execute(params![
                &*pattern.scope,
                pattern.template.0.cast_signed(),
                pattern.outline,
                pattern.level as u8,
                pattern.first_seen.0,
                pattern.last_seen.0,
                signed(pattern.count),
                pattern.rate,
            ])?;
        Ok(())
    }

    fn alert(&mut self, event: &AlertEvent) -> Result<(), Trouble> {
        let (kind, body) = json(event)?;
        let uid = event.alert.to_string();
        // An alert is open from the moment it fires (again) until it is resolved; owning it changes neither.
        let resolved = match event.kind {
            AlertEventKind::Resolved { .. } => Some(1),
            AlertEventKind::Fired { .. } | AlertEventKind::Flapping { .. } => Some(0),
            AlertEventKind::Acknowledged { .. } => None,
        };
        self.conn
            .prepare_cached(
                "INSERT INTO alert VALUES (?1, ?2, coalesce(?3, 0)) ON CONFLICT DO UPDATE
                 SET last_at = max(last_at, excluded.last_at), resolved = coalesce(?3, resolved)",
            )?
            .execute(params![uid, event.at.0, resolved])?;
        self.conn
            .prepare_cached("INSERT INTO alert_event(alert, at, kind, body) VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![uid, event.at.0, kind, body])?;
        Ok(())
    }

    fn incident(&mut self, event: &IncidentEvent) -> Result<(), Trouble> {
        let (kind, body) = json(event)?;
        let ended = match event.kind.ends() {
            Some(true) => Some(1),
            Some(false) => Some(0),
            None => None,
        };
        let number = self.number(&INCIDENTS, event.incident, event.at, ended)?;
        let told = self.told("SELECT body FROM incident_event WHERE incident = ?1 AND kind = ?2", number, &kind)?;
        if told.iter().any(|earlier: &IncidentEvent| event.repeats(earlier)) {
            self.committed.ignored += 1;
            return Ok(());
        }
        let seq: i64 = self
            .conn
            .prepare_cached("SELECT coalesce(max(seq), 0) + 1 FROM incident_event WHERE incident = ?1")?
            .query_row([number], |row| row.get(0))?;
        self.conn
            .prepare_cached("INSERT INTO incident_event(incident, seq, at, kind, body) VALUES (?1, ?2, ?3, ?4, ?5)")?
            .execute(params![number, seq, event.at.0, kind, body])?;
        self.committed.incidents.push(StoredIncidentEvent {
            number: IncidentId(unsigned(number)),
            seq: unsigned(seq),
            event: event.clone(),
        });
        Ok(())
    }

    fn run(&mut self, event: &RunEvent) -> Result<(), Trouble> {
        let (kind, body) = json(event)?;
        // An ended run may still wait for its proof; a console that starts then finds it among the recent ones.
        let ended = match event.kind {
            RunEventKind::Ended { .. } | RunEventKind::Proved { .. } => Some(1),
            // A run whose end nobody knew is open again once somebody takes it on.
            RunEventKind::Confirmed { .. } | RunEventKind::Coordinated { .. } => Some(0),
            RunEventKind::Approved { .. }
            | RunEventKind::Measured { .. }
            | RunEventKind::HostStarted { .. }
            | RunEventKind::Staged { .. }
            | RunEventKind::GatePassed { .. }
            | RunEventKind::GateFailed { .. }
            | RunEventKind::Stopped { .. }
            | RunEventKind::PipelineHeld(_)
            | RunEventKind::Settled(_)
            | RunEventKind::StepStarted { .. }
            | RunEventKind::StepEnded { .. }
            | RunEventKind::Attended { .. }
            | RunEventKind::Left { .. } => None,
        };
        if let RunEventKind::Confirmed { plan, known: Some(known), .. } = &event.kind {
            self.comes_first(event.run, &plan.service, known)?;
        }
        let number = self.number(&RUNS, event.run, event.at, ended)?;
        self.committed.runs.push(NumberedRun { run: event.run, number: RunId(unsigned(number)) });
        let told = self.told("SELECT body FROM run_event WHERE run = ?1 AND kind = ?2", number, &kind)?;
        if told.iter().any(|earlier: &RunEvent| event.kind.repeats(&earlier.kind)) {
            self.committed.ignored += 1;
            return Ok(());
        }
        self.conn
            .prepare_cached("INSERT INTO run_event(run, at, kind, body) VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![number, event.at.0, kind, body])?;
        Ok(())
    }

    /// Refuses a run that was decided on without another of its service: within this transaction nobody comes in between.
    fn comes_first(&self, run: Uid, service: &ServiceId, known: &Known) -> Result<(), Trouble> {
        let uid = run.to_string();
        let told = self.conn.prepare_cached("SELECT 1 FROM run WHERE uid = ?1")?.exists(params![uid])?;
        if told {
            return Ok(());
        }
        let mut statement = self.conn.prepare_cached(
            "SELECT run.number, run_event.body FROM run JOIN run_event ON run_event.run = run.number
             WHERE run.number > ?1 AND run_event.kind = 'confirmed' ORDER BY run.number",
        )?;
        let after = i64::try_from(known.run.0).unwrap_or(i64::MAX);
        let later = statement.query_map(params![after], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)))?;
        for one in later {
            let (number, body) = one?;
            // What a newer version wrote is not held against anybody: the locks on hosts are.
            let Ok(RunEvent { at, by, kind: RunEventKind::Confirmed { plan, .. }, .. }) = serde_json::from_str(&body)
            else {
                continue;
            };
            if plan.service == *service && at >= known.since {
                return Err(Trouble::Said(StoreError::CameFirst(first_words(
                    RunId(unsigned(number)),
                    &plan.title,
                    &by,
                ))));
            }
        }
        Ok(())
    }

    /// Returns the events of a kind that an incident or a run has; what a newer version wrote is passed over.
    fn told<T: serde::de::DeserializeOwned>(&self, sql: &str, number: i64, kind: &str) -> Result<Vec<T>, Trouble> {
        let mut statement = self.conn.prepare_cached(sql)?;
        let bodies = statement.query_map(params![number, kind], |row| row.get::<_, String>(0))?;
        let mut told = Vec::new();
        for body in bodies {
            told.extend(serde_json::from_str(&body?));
        }
        Ok(told)
    }

    /// Notes an event of an incident or a run and returns its number, the next one for a new one. Looked up before it is
    /// inserted: an insert that meets a conflict would use up a number all the same.
    fn number(&self, of: &Numbered, uid: Uid, at: Timestamp, over: Option<i64>) -> Result<i64, Trouble> {
        let uid = uid.to_string();
        let known =
            self.conn.prepare_cached(of.update)?.query_row(params![uid, at.0, over], |row| row.get(0)).optional()?;
        match known {
            Some(number) => Ok(number),
            None => Ok(self.conn.prepare_cached(of.insert)?.insert(params![uid, at.0, over])?),
        }
    }

    /// Notes an event of a write to a tracker. What is about one that is not there is left out.
    fn outbox(&mut self, event: &OutboxEvent) -> Result<(), Trouble> {
        let (kind, body) = json(event)?;
        let token = event.token.to_string();
        let noted = if let OutboxEventKind::Queued { item } = &event.kind {
            self.conn
                .prepare_cached("INSERT INTO outbox VALUES (?1, ?2, ?3, ?4, 0) ON CONFLICT DO NOTHING")?
                .execute(params![token, item.incident.to_string(), &*item.tracker, event.at.0])?
        } else {
            self.conn
                .prepare_cached(
                    "UPDATE outbox SET last_at = max(last_at, ?2), done = coalesce(?3, done) WHERE token = ?1",
                )?
                .execute(params![token, event.at.0, event.kind.is_done()])?
        };
        if noted == 0 {
            self.committed.ignored += 1;
            return Ok(());
        }
        self.conn
            .prepare_cached("INSERT INTO outbox_event(token, at, kind, body) VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![token, event.at.0, kind, body])?;
        Ok(())
    }

    fn window(&mut self, event: &WindowEvent) -> Result<(), Trouble> {
        let (kind, body) = json(event)?;
        self.conn
            .prepare_cached("INSERT INTO maintenance_event(uid, at, until, kind, body) VALUES (?1, ?2, ?3, ?4, ?5)")?
            .execute(params![event.window.to_string(), event.at.0, event.until().0, kind, body])?;
        Ok(())
    }

    fn audit(&mut self, entry: &Audit) -> Result<(), Trouble> {
        let last = self
            .conn
            .prepare_cached("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1")?
            .query_row([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)))
            .optional()?;
        let (seq, prev) = last.unwrap_or_else(|| (0, audit::GENESIS.to_owned()));
        let link: Link = audit::link(unsigned(seq) + 1, &prev, entry)?;
        self.conn
            .prepare_cached("INSERT INTO audit(seq, at, body, prev, hash) VALUES (?1, ?2, ?3, ?4, ?5)")?
            .execute(params![signed(link.seq), entry.at.0, link.body, link.prev, link.hash])?;
        self.committed.audit_head = Some(link.hash);
        Ok(())
    }

    fn status_update(&mut self, update: &StatusUpdate) -> Result<(), Trouble> {
        let body = serde_json::to_string(update)?;
        let service = update.service.as_ref().map(ToString::to_string);
        self.conn
            .prepare_cached("INSERT INTO status_update(at, service, body) VALUES (?1, ?2, ?3)")?
            .execute(params![update.at.0, service, body])?;
        Ok(())
    }
}

/// Writes an event as JSON and returns its kind beside it.
fn json(event: &impl serde::Serialize) -> Result<(String, String), Trouble> {
    let value = serde_json::to_value(event)?;
    let kind = value.pointer("/kind/kind").and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
    Ok((kind, value.to_string()))
}
