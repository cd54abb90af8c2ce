//! Reading, within one snapshot.
use std::{collections::HashMap, str::FromStr};

use rusqlite::{Connection, Params, Row, params};
use serde::de::DeserializeOwned;

use super::{BucketKind, OpenState, Since, Trouble, mark, unsigned};
use crate::{
    core::{
        config_files::ConfigFile,
        id::{CheckId, HostName, IncidentId, RunId, ServiceId},
        incidents::{IncidentEvent, StoredIncidentEvent},
        logs::{
            Level,
            patterns::{KnownPattern, TemplateId},
        },
        record::{Bucket, Changes, HostMinute},
        runs::RunEvent,
        services::{CheckResult, Outcome, Split},
        time::Timestamp,
    },
    store::CHANGES_AT_ONCE,
};

/// How far this reader has read.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cursors {
    alert: i64,
    incident: i64,
    run: i64,
    update: i64,
    outbox: i64,
    window: i64,
    file: i64,
    finding: i64,
    result: i64,
    bucket: i64,
    /// Rows of history that could not be read since the last look, which tells of them.
    unreadable: usize,
    version: Option<i64>,
    more: bool,
    /// `data_version` tells of the commits of others only.
    pub(super) own_commit: bool,
}

impl Cursors {
    /// Whether it is worth a look.
    pub(super) fn may_have_news(&self, version: i64) -> bool {
        self.own_commit || self.more || self.unreadable > 0 || self.version != Some(version)
    }
}

/// Takes everything there is for seen.
pub(super) fn skip_to_end(conn: &Connection, cursors: &mut Cursors) -> Result<(), Trouble> {
    let end = |table: &str| -> Result<i64, rusqlite::Error> {
        conn.query_row(&format!("SELECT coalesce(max(feed), 0) FROM {table}"), [], |row| row.get(0))
    };
    *cursors = Cursors {
        alert: end("alert_event")?,
        incident: end("incident_event")?,
        run: end("run_event")?,
        update: end("status_update")?,
        outbox: end("outbox_event")?,
        window: end("maintenance_event")?,
        file: end("config_file")?,
        finding: end("finding")?,
        result: end("result")?,
        bucket: conn.query_row("SELECT value FROM counter WHERE name = 'bucket'", [], |row| row.get(0))?,
        unreadable: cursors.unreadable,
        version: None,
        more: false,
        own_commit: false,
    };
    Ok(())
}

/// The open alerts and the recent ones.
pub(super) const OPEN_ALERTS: &str = "SELECT body, feed FROM alert_event WHERE alert IN
     (SELECT uid FROM alert WHERE resolved = 0 UNION ALL SELECT uid FROM alert WHERE last_at >= ?1) ORDER BY feed";
/// What is not written yet, with all of the same incidents; what incidents have that go on; and what is recent.
pub(super) const OPEN_OUTBOX: &str = "SELECT body, feed FROM outbox_event WHERE token IN
     (SELECT token FROM outbox WHERE incident IN (SELECT incident FROM outbox WHERE done = 0)
     UNION ALL SELECT o.token FROM incident i CROSS JOIN outbox o ON o.incident = i.uid WHERE i.resolved = 0
     UNION ALL SELECT token FROM outbox WHERE last_at >= ?1) ORDER BY feed";
/// All events of the windows that are not long over.
const RECENT_WINDOWS: &str = "SELECT body, feed FROM maintenance_event WHERE uid IN
     (SELECT uid FROM maintenance_event WHERE until >= ?1) ORDER BY feed";
/// What was told lately, and of each finding what was told last.
const KNOWN_FINDINGS: &str = "SELECT body, feed FROM finding WHERE at >= ?1
     OR feed IN (SELECT max(feed) FROM finding GROUP BY key) ORDER BY feed";
const FILE_COLUMNS: &str = "SELECT feed, host, path, at, seen, hash, before, news FROM config_file";
const INCIDENT_COLUMNS: &str = "SELECT body, feed, incident, seq FROM incident_event";
const RUN_COLUMNS: &str = "SELECT body, feed, run FROM run_event";
const RESULT_COLUMNS: &str = "SELECT feed, \"check\", slot, at, outcome, took_ms, detail, cert_not_after FROM result";
const BUCKET_COLUMNS: &str = "SELECT feed, service, source, start, length_ms, up_ms, degraded_ms, down_ms,
     maintenance_ms, unknown_ms FROM bucket";

/// Reads what is behind the cursors and moves them, unless an error comes up.
pub(super) fn changes(conn: &Connection, cursors: &mut Cursors, version: i64) -> Result<Option<Changes>, Trouble> {
    let mut reader = Reader::new(conn);
    let mut next = Cursors { version: Some(version), unreadable: 0, more: false, own_commit: false, ..*cursors };
    let mut changes = Changes {
        alerts: reader.alerts("SELECT body, feed FROM alert_event WHERE feed > ?1 ORDER BY feed", [next.alert])?,
        incidents: reader.incidents(&format!("{INCIDENT_COLUMNS} WHERE feed > ?1 ORDER BY feed"), [next.incident])?,
        ..Changes::default()
    };
    next.alert = next.alert.max(reader.feeds.alert);
    next.incident = next.incident.max(reader.feeds.incident);
    changes.runs = reader.runs(&format!("{RUN_COLUMNS} WHERE feed > ?1 ORDER BY feed"), [next.run])?;
    next.run = next.run.max(reader.feeds.run);
    changes.updates =
        reader.updates("SELECT body, feed FROM status_update WHERE feed > ?1 ORDER BY feed", [next.update])?;
    next.update = next.update.max(reader.feeds.update);
    changes.outbox =
        reader.outbox("SELECT body, feed FROM outbox_event WHERE feed > ?1 ORDER BY feed", [next.outbox])?;
    next.outbox = next.outbox.max(reader.feeds.outbox);
    changes.windows =
        reader.windows("SELECT body, feed FROM maintenance_event WHERE feed > ?1 ORDER BY feed", [next.window])?;
    next.window = next.window.max(reader.feeds.window);
    let files = format!("{FILE_COLUMNS} WHERE feed > ?1 ORDER BY feed");
    changes.files = reader.files(&files, [next.file])?;
    next.file = next.file.max(reader.feeds.file);
    changes.findings =
        reader.findings("SELECT body, feed FROM finding WHERE feed > ?1 ORDER BY feed", [next.finding])?;
    next.finding = next.finding.max(reader.feeds.finding);
    let limit = i64::try_from(CHANGES_AT_ONCE).unwrap_or(i64::MAX);
    let results = format!("{RESULT_COLUMNS} WHERE feed > ?1 ORDER BY feed LIMIT ?2");
    changes.results = reader.results(&results, params![next.result, limit])?;
    next.result = next.result.max(reader.feeds.result);
    let buckets = format!("{BUCKET_COLUMNS} WHERE feed > ?1 ORDER BY feed LIMIT ?2");
    changes.buckets = reader.buckets(&buckets, params![next.bucket, limit])?;
    next.bucket = next.bucket.max(reader.feeds.bucket);
    next.more = changes.results.len() >= CHANGES_AT_ONCE || changes.buckets.len() >= CHANGES_AT_ONCE;
    changes.unreadable = reader.unreadable + cursors.unreadable;
    *cursors = next;
    Ok((changes != Changes::default()).then_some(changes))
}

/// Reads what a console starts from and sets the cursors behind it.
pub(super) fn open_state(conn: &Connection, cursors: &mut Cursors, since: Since) -> Result<OpenState, Trouble> {
    let mut reader = Reader::new(conn);
    let events = [since.events.0];
    let mut state = OpenState {
        alerts: reader.alerts(OPEN_ALERTS, events)?,
        incidents: reader.incidents(
            &format!(
                "{INCIDENT_COLUMNS} WHERE incident IN (SELECT number FROM incident WHERE resolved = 0
                 UNION ALL SELECT number FROM incident WHERE last_at >= ?1) ORDER BY feed"
            ),
            events,
        )?,
        runs: reader.runs(
            &format!(
                "{RUN_COLUMNS} WHERE run IN (SELECT number FROM run WHERE ended = 0
                 UNION ALL SELECT number FROM run WHERE last_at >= ?1
                 UNION ALL SELECT run FROM run_event WHERE kind = 'pipeline_held'
                 AND run NOT IN (SELECT run FROM run_event WHERE kind = 'settled')) ORDER BY feed"
            ),
            events,
        )?,
        updates: reader.updates("SELECT body, feed FROM status_update WHERE at >= ?1 ORDER BY feed", events)?,
        outbox: reader.outbox(OPEN_OUTBOX, events)?,
        windows: reader.windows(RECENT_WINDOWS, events)?,
        files: reader.files(
            &format!(
                "{FILE_COLUMNS} WHERE seen >= ?1 OR feed IN (SELECT max(feed) FROM config_file GROUP BY host, path)
                 ORDER BY feed"
            ),
            events,
        )?,
        findings: reader.findings(KNOWN_FINDINGS, events)?,
        latest: reader.results(
            &format!(
                "{RESULT_COLUMNS} WHERE feed IN (SELECT (SELECT feed FROM result r WHERE r.\"check\" = n.id
                 ORDER BY slot DESC LIMIT 1) FROM name n WHERE n.kind = 'check')"
            ),
            [],
        )?,
        results: reader.results(
            &format!(
                "{RESULT_COLUMNS} WHERE feed IN (SELECT r.feed FROM name n CROSS JOIN result r
                 ON r.\"check\" = n.id AND r.slot >= ?1 WHERE n.kind = 'check')"
            ),
            [since.results.0],
        )?,
        unreadable: 0,
    };
    state.latest.sort_by(|a, b| a.check.cmp(&b.check));
    state.results.sort_by(|a, b| (&a.check, a.slot).cmp(&(&b.check, b.slot)));
    state.unreadable = reader.unreadable;
    skip_to_end(conn, cursors)?;
    Ok(state)
}

/// Reads buckets along the primary key.
pub(super) fn buckets(
    (conn, cursors): (&Connection, &mut Cursors),
    kind: BucketKind,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<Bucket>, Trouble> {
    let sql = format!("{BUCKET_COLUMNS} WHERE days = ?1 AND start >= ?2 AND start < ?3 ORDER BY start");
    let mut reader = Reader::new(conn);
    let buckets = reader.buckets(&sql, params![mark(kind), from.0, to.0])?;
    cursors.unreadable += reader.unreadable;
    Ok(buckets)
}

/// Reads the results of a check.
pub(super) fn results(
    (conn, cursors): (&Connection, &mut Cursors),
    check: &CheckId,
    from: Timestamp,
) -> Result<Vec<CheckResult>, Trouble> {
    let sql = format!(
        "{RESULT_COLUMNS} WHERE \"check\" = (SELECT id FROM name WHERE kind = 'check' AND text = ?1)
         AND slot >= ?2 ORDER BY slot"
    );
    let mut reader = Reader::new(conn);
    let results = reader.results(&sql, params![check.to_string(), from.0])?;
    cursors.unreadable += reader.unreadable;
    Ok(results)
}

/// Reads the log patterns of a scope, or of all.
pub(super) fn patterns(
    (conn, cursors): (&Connection, &mut Cursors),
    scope: Option<&str>,
    seen_from: Timestamp,
) -> Result<Vec<KnownPattern>, Trouble> {
    let mut statement = conn.prepare_cached(
        "SELECT scope, template, outline, level, first_seen, last_seen, count, rate FROM pattern
         WHERE (?1 IS NULL OR scope = ?1) AND last_seen >= ?2 ORDER BY scope, template",
    )?;
    let mut rows = statement.query(params![scope, seen_from.0])?;
    let mut patterns = Vec::new();
    while let Some(row) = rows.next()? {
        let pattern = || -> rusqlite::Result<KnownPattern> {
            Ok(KnownPattern {
                scope: row.get::<_, String>(0)?.into(),
                template: TemplateId(row.get::<_, i64>(1)?.cast_unsigned()),
                outline: row.get(2)?,
                level: Level::from_index(row.get(3)?),
                first_seen: Timestamp(row.get(4)?),
                last_seen: Timestamp(row.get(5)?),
                count: unsigned(row.get(6)?),
                rate: row.get(7)?,
            })
        };
        match pattern() {
            Ok(pattern) => patterns.push(pattern),
            Err(_) => cursors.unreadable += 1,
        }
    }
    Ok(patterns)
}

/// Reads the minutes of a host.
pub(super) fn host_minutes(
    (conn, cursors): (&Connection, &mut Cursors),
    host: &HostName,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<HostMinute>, Trouble> {
    let mut statement = conn.prepare_cached(
        "SELECT at, cpu_pct, mem_pct, load FROM host_minute
         WHERE host = (SELECT id FROM name WHERE kind = 'host' AND text = ?1) AND at >= ?2 AND at < ?3 ORDER BY at",
    )?;
    let mut rows = statement.query(params![host.as_str(), from.0, to.0])?;
    let mut minutes = Vec::new();
    while let Some(row) = rows.next()? {
        let minute = || -> rusqlite::Result<HostMinute> {
            Ok(HostMinute {
                host: host.clone(),
                at: Timestamp(row.get(0)?),
                cpu_pct: row.get(1)?,
                mem_pct: row.get(2)?,
                load: row.get(3)?,
            })
        };
        match minute() {
            Ok(minute) => minutes.push(minute),
            Err(_) => cursors.unreadable += 1,
        }
    }
    Ok(minutes)
}

/// Reads the names of one kind as ids, those that this version cannot read left out.
fn names<T: FromStr>(conn: &Connection, kind: &str) -> Result<HashMap<i64, T>, Trouble> {
    let mut statement = conn.prepare_cached("SELECT id, text FROM name WHERE kind = ?1")?;
    let mut rows = statement.query([kind])?;
    let mut names = HashMap::new();
    while let Some(row) = rows.next()? {
        if let Ok(id) = row.get_ref(1)?.as_str().unwrap_or_default().parse() {
            names.insert(row.get(0)?, id);
        }
    }
    Ok(names)
}

/// The highest feed of each kind that was read.
#[derive(Debug, Default)]
struct Feeds {
    alert: i64,
    incident: i64,
    run: i64,
    update: i64,
    outbox: i64,
    window: i64,
    file: i64,
    finding: i64,
    result: i64,
    bucket: i64,
}

/// Reads rows and counts those that this version does not understand.
struct Reader<'a> {
    conn: &'a Connection,
    unreadable: usize,
    feeds: Feeds,
}

impl<'a> Reader<'a> {
    fn new(conn: &'a Connection) -> Self {
        Self { conn, unreadable: 0, feeds: Feeds::default() }
    }

    /// Reads JSON bodies (column 0) with what stands beside them.
    fn bodies<T: DeserializeOwned, K>(
        &mut self,
        sql: &str,
        params: impl Params,
        beside: impl Fn(&Row<'_>) -> rusqlite::Result<K>,
    ) -> Result<(Vec<(K, T)>, i64), Trouble> {
        let mut statement = self.conn.prepare_cached(sql)?;
        let mut rows = statement.query(params)?;
        let (mut read, mut last) = (Vec::new(), 0);
        while let Some(row) = rows.next()? {
            last = row.get::<_, i64>(1)?.max(last);
            match serde_json::from_str(row.get_ref(0)?.as_str().unwrap_or_default()) {
                Ok(body) => match beside(row) {
                    Ok(beside) => read.push((beside, body)),
                    Err(_) => self.unreadable += 1,
                },
                Err(_) => self.unreadable += 1,
            }
        }
        Ok((read, last))
    }

    fn alerts(&mut self, sql: &str, params: impl Params) -> Result<Vec<crate::core::alerts::AlertEvent>, Trouble> {
        let (read, last) = self.bodies(sql, params, |_| Ok(()))?;
        self.feeds.alert = last;
        Ok(read.into_iter().map(|((), event)| event).collect())
    }

    fn updates(&mut self, sql: &str, params: impl Params) -> Result<Vec<crate::core::record::StatusUpdate>, Trouble> {
        let (read, last) = self.bodies(sql, params, |_| Ok(()))?;
        self.feeds.update = last;
        Ok(read.into_iter().map(|((), update)| update).collect())
    }

    fn outbox(&mut self, sql: &str, params: impl Params) -> Result<Vec<crate::core::outbox::OutboxEvent>, Trouble> {
        let (read, last) = self.bodies(sql, params, |_| Ok(()))?;
        self.feeds.outbox = last;
        Ok(read.into_iter().map(|((), event)| event).collect())
    }

    fn windows(&mut self, sql: &str, params: impl Params) -> Result<Vec<crate::core::windows::WindowEvent>, Trouble> {
        let (read, last) = self.bodies(sql, params, |_| Ok(()))?;
        self.feeds.window = last;
        Ok(read.into_iter().map(|((), event)| event).collect())
    }

    fn findings(&mut self, sql: &str, params: impl Params) -> Result<Vec<crate::core::findings::Event>, Trouble> {
        let (read, last) = self.bodies(sql, params, |_| Ok(()))?;
        self.feeds.finding = last;
        Ok(read.into_iter().map(|((), event)| event).collect())
    }

    fn incidents(&mut self, sql: &str, params: impl Params) -> Result<Vec<StoredIncidentEvent>, Trouble> {
        let beside = |row: &Row<'_>| Ok((row.get::<_, i64>(2)?, row.get::<_, i64>(3)?));
        let (read, last) = self.bodies::<IncidentEvent, _>(sql, params, beside)?;
        self.feeds.incident = last;
        let stored = |((number, seq), event)| StoredIncidentEvent {
            number: IncidentId(unsigned(number)),
            seq: unsigned(seq),
            event,
        };
        Ok(read.into_iter().map(stored).collect())
    }

    fn runs(&mut self, sql: &str, params: impl Params) -> Result<Vec<(RunId, RunEvent)>, Trouble> {
        let (read, last) = self.bodies(sql, params, |row| row.get::<_, i64>(2))?;
        self.feeds.run = last;
        Ok(read.into_iter().map(|(number, event)| (RunId(unsigned(number)), event)).collect())
    }

    fn files(&mut self, sql: &str, params: impl Params) -> Result<Vec<ConfigFile>, Trouble> {
        let mut statement = self.conn.prepare_cached(sql)?;
        let mut rows = statement.query(params)?;
        let (mut read, mut names) = (Vec::new(), None);
        while let Some(row) = rows.next()? {
            self.feeds.file = self.feeds.file.max(row.get(0)?);
            let names = match &mut names {
                Some(names) => names,
                none => none.insert(self::names(self.conn, "host")?),
            };
            match file(row, names) {
                Ok(Some(file)) => read.push(file),
                Ok(None) | Err(_) => self.unreadable += 1,
            }
        }
        Ok(read)
    }

    fn results(&mut self, sql: &str, params: impl Params) -> Result<Vec<CheckResult>, Trouble> {
        let mut statement = self.conn.prepare_cached(sql)?;
        let mut rows = statement.query(params)?;
        let (mut read, mut names) = (Vec::new(), None);
        while let Some(row) = rows.next()? {
            self.feeds.result = self.feeds.result.max(row.get(0)?);
            let names = match &mut names {
                Some(names) => names,
                none => none.insert(self::names(self.conn, "check")?),
            };
            match result(row, names) {
                Ok(Some(result)) => read.push(result),
                Ok(None) | Err(_) => self.unreadable += 1,
            }
        }
        Ok(read)
    }

    fn buckets(&mut self, sql: &str, params: impl Params) -> Result<Vec<Bucket>, Trouble> {
        let mut statement = self.conn.prepare_cached(sql)?;
        let mut rows = statement.query(params)?;
        let (mut read, mut names) = (Vec::new(), None);
        while let Some(row) = rows.next()? {
            self.feeds.bucket = self.feeds.bucket.max(row.get(0)?);
            let names = match &mut names {
                Some(names) => names,
                none => none.insert(self::names(self.conn, "service")?),
            };
            match bucket(row, names) {
                Ok(Some(bucket)) => read.push(bucket),
                Ok(None) | Err(_) => self.unreadable += 1,
            }
        }
        Ok(read)
    }
}

/// Reads one configuration file; none of a host whose name this version cannot read.
fn file(row: &Row<'_>, names: &HashMap<i64, String>) -> rusqlite::Result<Option<ConfigFile>> {
    let Some(host) = names.get(&row.get(1)?) else { return Ok(None) };
    Ok(Some(ConfigFile {
        host: HostName::from(host.as_str()),
        path: row.get(2)?,
        at: Timestamp(row.get(3)?),
        seen: Timestamp(row.get(4)?),
        hash: row.get(5)?,
        before: row.get(6)?,
        news: row.get(7)?,
    }))
}

/// Reads one result; none for a check whose name this version cannot read. An error is about this row alone: the database
/// has handed it over, and something in it is not what we write.
fn result(row: &Row<'_>, names: &HashMap<i64, CheckId>) -> rusqlite::Result<Option<CheckResult>> {
    let outcome = match row.get::<_, i64>(4)? {
        0 => Outcome::Up,
        1 => Outcome::Degraded,
        2 => Outcome::Down,
        _ => Outcome::Unknown,
    };
    let Some(check) = names.get(&row.get(1)?).cloned() else { return Ok(None) };
    Ok(Some(CheckResult {
        check,
        slot: Timestamp(row.get(2)?),
        at: Timestamp(row.get(3)?),
        outcome,
        took_ms: row.get(5)?,
        detail: row.get(6)?,
        cert_not_after: row.get::<_, Option<i64>>(7)?.map(Timestamp),
    }))
}

/// Reads one bucket, as [`result`] reads a result.
fn bucket(row: &Row<'_>, names: &HashMap<i64, ServiceId>) -> rusqlite::Result<Option<Bucket>> {
    let Some(service) = names.get(&row.get(1)?).cloned() else { return Ok(None) };
    Ok(Some(Bucket {
        service,
        source: row.get(2)?,
        start: Timestamp(row.get(3)?),
        length_ms: row.get(4)?,
        split: Split {
            up_ms: row.get(5)?,
            degraded_ms: row.get(6)?,
            down_ms: row.get(7)?,
            maintenance_ms: row.get(8)?,
            unknown_ms: row.get(9)?,
        },
    }))
}
