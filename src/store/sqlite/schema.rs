//! The tables, as a list of steps from one format to the next. A step that was released is never edited.
//!
//! `feed` columns only ever grow, over all commits and whatever is pruned: SQLite lets one process write at a time, so a
//! reader that remembers the last `feed` it saw misses nothing and sees nothing twice. Times are UTC milliseconds.
//! `body` holds an event as JSON; the columns beside it are copies to search by.

/// Marks the file as ours: `qdDB` in the header of the file.
pub(super) const APPLICATION_ID: i32 = 0x7164_4442;

/// Step n makes format n + 1 of format n. The number of steps is the format that this version knows.
pub(super) const MIGRATIONS: &[&str] = &[V1, V2, V3, V4, V5, V6];

/// What services are known to log. `template` is a hash, as a signed number; count and rate are of one console at most.
const V2: &str = r"
CREATE TABLE pattern(
    scope TEXT NOT NULL,
    template INTEGER NOT NULL,
    outline TEXT NOT NULL,
    level INTEGER NOT NULL CHECK (level BETWEEN 0 AND 7),
    first_seen INTEGER NOT NULL,
    last_seen INTEGER NOT NULL,
    count INTEGER NOT NULL,
    rate REAL NOT NULL,
    PRIMARY KEY (scope, template)
) STRICT, WITHOUT ROWID;
CREATE INDEX pattern_age ON pattern(last_seen);
";

/// What is to be written to trackers. done: nothing is left to do for the item.
const V3: &str = r"
CREATE TABLE outbox(
    token TEXT PRIMARY KEY,
    incident TEXT NOT NULL,
    tracker TEXT NOT NULL,
    last_at INTEGER NOT NULL,
    done INTEGER NOT NULL CHECK (done IN (0, 1))
) STRICT, WITHOUT ROWID;
CREATE INDEX outbox_recent ON outbox(last_at);
CREATE INDEX outbox_incident ON outbox(incident);
CREATE INDEX outbox_open ON outbox(incident) WHERE done = 0;
CREATE TABLE outbox_event(
    feed INTEGER PRIMARY KEY AUTOINCREMENT,
    token TEXT NOT NULL REFERENCES outbox(token),
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL
) STRICT;
CREATE INDEX outbox_event_token ON outbox_event(token);
";

/// Windows of planned work that people declared. until: up to when an event is of interest, at least.
const V4: &str = r"
CREATE TABLE maintenance_event(
    feed INTEGER PRIMARY KEY AUTOINCREMENT,
    uid TEXT NOT NULL,
    at INTEGER NOT NULL,
    until INTEGER NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL
) STRICT;
CREATE INDEX maintenance_event_uid ON maintenance_event(uid);
CREATE INDEX maintenance_event_until ON maintenance_event(until);
";

/// Configuration files as they were found, by the beginning of their SHA-256: NULL where one is gone, or cannot be read. news: it was
/// changed, or is only known for the first time.
const V5: &str = r"
CREATE TABLE config_file(
    feed INTEGER PRIMARY KEY AUTOINCREMENT,
    host INTEGER NOT NULL REFERENCES name(id),
    path TEXT NOT NULL,
    at INTEGER NOT NULL,
    seen INTEGER NOT NULL,
    hash TEXT,
    before TEXT,
    news INTEGER NOT NULL CHECK (news IN (0, 1))
) STRICT;
CREATE INDEX config_file_of ON config_file(host, path, feed);
";

/// What a scanner told. key: the finding that it is about; empty where it is a pull.
const V6: &str = r"
CREATE TABLE finding(
    feed INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL,
    at INTEGER NOT NULL,
    body TEXT NOT NULL
) STRICT;
CREATE INDEX finding_of ON finding(key, feed);
";

const V1: &str = r#"
-- Names of checks (play@prod/page), services (play@prod) and hosts, so that a long name is stored once.
CREATE TABLE name(
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('check', 'service', 'host')),
    text TEXT NOT NULL,
    UNIQUE (kind, text)
) STRICT;

CREATE TABLE counter(name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO counter VALUES ('bucket', 0);

-- One row. owner is NULL while nobody records. beat counts renewals: a lease that does not move is dead.
CREATE TABLE lease(
    id INTEGER PRIMARY KEY CHECK (id = 1),
    owner TEXT,
    label TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    until INTEGER NOT NULL,
    beat INTEGER NOT NULL
) STRICT;
INSERT INTO lease VALUES (1, NULL, '', 0, 0, 0);

-- outcome: 0 up, 1 degraded, 2 down, 3 unknown. epoch: the recorder's.
CREATE TABLE result(
    feed INTEGER PRIMARY KEY AUTOINCREMENT,
    "check" INTEGER NOT NULL REFERENCES name(id),
    slot INTEGER NOT NULL,
    at INTEGER NOT NULL,
    outcome INTEGER NOT NULL CHECK (outcome BETWEEN 0 AND 3),
    took_ms INTEGER,
    detail TEXT NOT NULL,
    cert_not_after INTEGER,
    epoch INTEGER NOT NULL,
    UNIQUE ("check", slot)
) STRICT;

-- days: 0 for buckets of up to an hour, 1 for longer ones, so that an overview of days does not read the hours.
CREATE TABLE bucket(
    days INTEGER NOT NULL CHECK (days IN (0, 1)),
    start INTEGER NOT NULL,
    service INTEGER NOT NULL REFERENCES name(id),
    source TEXT NOT NULL,
    length_ms INTEGER NOT NULL,
    up_ms INTEGER NOT NULL,
    degraded_ms INTEGER NOT NULL,
    down_ms INTEGER NOT NULL,
    maintenance_ms INTEGER NOT NULL,
    unknown_ms INTEGER NOT NULL,
    feed INTEGER NOT NULL,
    PRIMARY KEY (days, start, service, source, length_ms)
) STRICT, WITHOUT ROWID;
CREATE INDEX bucket_feed ON bucket(feed);

CREATE TABLE host_minute(
    host INTEGER NOT NULL REFERENCES name(id),
    at INTEGER NOT NULL,
    cpu_pct REAL,
    mem_pct REAL,
    load REAL,
    PRIMARY KEY (host, at)
) STRICT, WITHOUT ROWID;

CREATE TABLE alert(
    uid TEXT PRIMARY KEY,
    last_at INTEGER NOT NULL,
    resolved INTEGER NOT NULL CHECK (resolved IN (0, 1))
) STRICT, WITHOUT ROWID;
CREATE INDEX alert_recent ON alert(last_at);
CREATE INDEX alert_open ON alert(uid) WHERE resolved = 0;
CREATE TABLE alert_event(
    feed INTEGER PRIMARY KEY AUTOINCREMENT,
    alert TEXT NOT NULL REFERENCES alert(uid),
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL
) STRICT;
CREATE INDEX alert_event_alert ON alert_event(alert);

CREATE TABLE incident(
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    uid TEXT NOT NULL UNIQUE,
    last_at INTEGER NOT NULL,
    resolved INTEGER NOT NULL CHECK (resolved IN (0, 1))
) STRICT;
CREATE INDEX incident_recent ON incident(last_at);
CREATE INDEX incident_open ON incident(number) WHERE resolved = 0;
CREATE TABLE incident_event(
    feed INTEGER PRIMARY KEY AUTOINCREMENT,
    incident INTEGER NOT NULL REFERENCES incident(number),
    seq INTEGER NOT NULL,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL,
    UNIQUE (incident, seq)
) STRICT;

CREATE TABLE run(
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    uid TEXT NOT NULL UNIQUE,
    last_at INTEGER NOT NULL,
    ended INTEGER NOT NULL CHECK (ended IN (0, 1))
) STRICT;
CREATE INDEX run_recent ON run(last_at);
CREATE INDEX run_open ON run(number) WHERE ended = 0;
CREATE TABLE run_event(
    feed INTEGER PRIMARY KEY AUTOINCREMENT,
    run INTEGER NOT NULL REFERENCES run(number),
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL
) STRICT;
CREATE INDEX run_event_run ON run_event(run);

CREATE TABLE status_update(
    feed INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    service TEXT,
    body TEXT NOT NULL
) STRICT;
CREATE INDEX status_update_at ON status_update(at);

-- Only ever added to; audit.rs says how it is chained.
CREATE TABLE audit(
    seq INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    body TEXT NOT NULL,
    prev TEXT NOT NULL,
    hash TEXT NOT NULL
) STRICT;
CREATE TRIGGER audit_is_never_changed BEFORE UPDATE ON audit BEGIN
    SELECT RAISE(ABORT, 'the audit log is only ever added to');
END;
CREATE TRIGGER audit_is_never_cut BEFORE DELETE ON audit BEGIN
    SELECT RAISE(ABORT, 'the audit log is only ever added to');
END;
"#;
