//! The store as one SQLite file in WAL mode, shared by any number of processes on one machine.
mod lease;
mod open;
mod precedents;
mod prune;
mod read;
mod schema;
mod write;

use std::{
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use rusqlite::{Connection, ErrorCode, TransactionBehavior, config::DbConfig, ffi};

use self::{lease::Watch, read::Cursors};
use super::{
    AuditLog, AuditNews, AuditState, BucketKind, Committed, Holder, Keep, Lease, OpenState, Owner, Pruned, Since,
    Store, StoreError,
    audit::{Link, Verifier},
};
use crate::core::{
    id::{CheckId, HostName},
    incidents::precedent::Remembered,
    logs::patterns::KnownPattern,
    record::{Bucket, Changes, HostMinute, Row},
    services::CheckResult,
    time::{Now, Timestamp},
};

/// How to open a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// What to do when there is no file.
    pub if_missing: IfMissing,
    /// Milliseconds to wait for another process's lock.
    pub busy_ms: u64,
    /// Read and never write: not a byte of the file changes.
    pub only_read: bool,
    /// Refuse to grow beyond this many pages of 4096 bytes; none: until the disk is full.
    pub max_pages: Option<u32>,
}

impl Default for Options {
    fn default() -> Self {
        Self { if_missing: IfMissing::Create, busy_ms: 5_000, only_read: false, max_pages: None }
    }
}

/// What to do when there is no file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IfMissing {
    /// Make it, readable for this login only; in a directory with the setgid bit, for its group too.
    Create,
    /// Say so: what only reads makes nothing.
    Fail,
}

/// A store in one SQLite file. Each value is one connection: threads have one each.
#[derive(Debug)]
pub struct Sqlite {
    conn: Connection,
    place: Place,
    durable: Option<Durability>,
    cursors: Cursors,
    watch: Option<Watch>,
    damage: Option<String>,
}

/// Where the store is, which every error says.
#[derive(Clone, Debug)]
struct Place {
    path: PathBuf,
    busy_ms: u64,
    /// Device and inode of the file that is open.
    file: Option<(u64, u64)>,
}

/// What a commit survives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Durability {
    /// The death of the process; after a loss of power the last commits may be missing.
    Process,
    /// A loss of power too: flushed to the disk before it returns.
    Power,
}

impl Sqlite {
    /// Opens a store, makes it if there is none, and brings an older format up to date.
    ///
    /// # Errors
    /// When it cannot be used; a file that is damaged, newer or not ours is left as it is, byte for byte.
    pub fn open(path: &Path, options: &Options) -> Result<Self, StoreError> {
        let mut place = Place { path: path.to_owned(), busy_ms: options.busy_ms, file: None };
        let conn = open::open(&place, options)?;
        place.file = std::fs::metadata(path).ok().map(|meta| (meta.dev(), meta.ino()));
        let mut store = Self { conn, place, durable: None, cursors: Cursors::default(), watch: None, damage: None };
        store.read(read::skip_to_end)?;
        Ok(store)
    }

    /// Returns where the file is.
    pub fn path(&self) -> &Path {
        &self.place.path
    }

    /// Reads within one snapshot.
    fn read<T>(&mut self, work: impl FnOnce(&Connection, &mut Cursors) -> Result<T, Trouble>) -> Result<T, StoreError> {
        let Self { conn, place, cursors, .. } = self;
        let result = conn
            .transaction_with_behavior(TransactionBehavior::Deferred)
            .map_err(Trouble::from)
            .and_then(|tx| work(&tx, cursors));
        let result = result.map_err(|trouble| place.explain(trouble));
        self.watch_for_damage(result)
    }

    /// Writes all or nothing. The lock is taken before the first look, so that what was looked at still holds when it
    /// is written (and a busy store is waited for instead of failing at once).
    fn write<T>(
        &mut self,
        durability: Durability,
        work: impl FnOnce(&Connection) -> Result<T, Trouble>,
    ) -> Result<T, StoreError> {
        self.place.is_there()?;
        if let Some(detail) = &self.damage {
            return Err(StoreError::Corrupt { path: self.place.path.clone(), detail: detail.clone() });
        }
        let result = self.write_inner(durability, work).map_err(|trouble| self.place.explain(trouble));
        self.watch_for_damage(result)
    }

    fn write_inner<T>(
        &mut self,
        durability: Durability,
        work: impl FnOnce(&Connection) -> Result<T, Trouble>,
    ) -> Result<T, Trouble> {
        if self.durable != Some(durability) {
            // Not possible within a transaction.
            let level = match durability {
                Durability::Process => "NORMAL",
                Durability::Power => "FULL",
            };
            self.conn.pragma_update(None, "synchronous", level)?;
            self.durable = Some(durability);
        }
        let tx = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let result = work(&tx)?;
        tx.commit()?;
        self.cursors.own_commit = true;
        Ok(result)
    }

    /// Stops writing for good once damage was seen, and leaves the file alone on closing.
    fn watch_for_damage<T>(&mut self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        if let Err(StoreError::Corrupt { detail, .. }) = &result {
            self.damage = Some(detail.clone());
            self.conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).ok();
        }
        result
    }
}

impl Store for Sqlite {
    fn lease(&mut self, owner: &Owner, now: Now, ttl_ms: u64) -> Result<Lease, StoreError> {
        self.place.is_there()?;
        let seen = self.read(|conn, _| lease::current(conn))?;
        if let Some(lease) = lease::of_another(&seen, owner, now, ttl_ms, &mut self.watch) {
            return Ok(lease);
        }
        let watch = self.watch;
        self.write(Durability::Process, |conn| lease::take(conn, owner, now, ttl_ms, watch))
    }

    fn release(&mut self, owner: &Owner) -> Result<(), StoreError> {
        self.write(Durability::Process, |conn| lease::release(conn, owner))
    }

    fn holder(&mut self) -> Result<Option<Holder>, StoreError> {
        self.place.is_there()?;
        self.read(|conn, _| lease::current(conn)).map(lease::Current::holder)
    }

    fn commit(&mut self, rows: &[Row], as_recorder: Option<u64>) -> Result<Committed, StoreError> {
        if rows.is_empty() {
            return Ok(Committed::default());
        }
        let durability = if rows.iter().any(write::is_held_to) { Durability::Power } else { Durability::Process };
        self.write(durability, |conn| write::commit(conn, rows, as_recorder))
    }

    fn changes(&mut self) -> Result<Option<Changes>, StoreError> {
        let version = self.conn.query_row("PRAGMA data_version", [], |row| row.get::<_, i64>(0));
        let version = version.map_err(|error| self.place.explain(error.into()))?;
        if !self.cursors.may_have_news(version) {
            return Ok(None);
        }
        self.read(|conn, cursors| read::changes(conn, cursors, version))
    }

    fn open_state(&mut self, since: Since) -> Result<OpenState, StoreError> {
        self.read(|conn, cursors| read::open_state(conn, cursors, since))
    }

    fn buckets(&mut self, kind: BucketKind, from: Timestamp, to: Timestamp) -> Result<Vec<Bucket>, StoreError> {
        self.read(|conn, cursors| read::buckets((conn, cursors), kind, from, to))
    }

    fn results(&mut self, check: &CheckId, from: Timestamp) -> Result<Vec<CheckResult>, StoreError> {
        self.read(|conn, cursors| read::results((conn, cursors), check, from))
    }

    fn host_minutes(&mut self, host: &HostName, from: Timestamp, to: Timestamp) -> Result<Vec<HostMinute>, StoreError> {
        self.read(|conn, cursors| read::host_minutes((conn, cursors), host, from, to))
    }

    fn patterns(&mut self, scope: Option<&str>, seen_from: Timestamp) -> Result<Vec<KnownPattern>, StoreError> {
        self.read(|conn, cursors| read::patterns((conn, cursors), scope, seen_from))
    }

    fn remembered(&mut self, limit: usize, from: Timestamp) -> Result<Remembered, StoreError> {
        self.read(|conn, _| precedents::remembered(conn, limit, from))
    }

    fn prune(&mut self, now: Timestamp, keep: &Keep) -> Result<Pruned, StoreError> {
        let mut pruned = Pruned::default();
        for kind in prune::ALL {
            let Some(kept_from) = self.read(|conn, _| kind.kept_from(conn, now, keep))? else { continue };
            while let Some(batch) = self.write(Durability::Process, |conn| kind.batch(conn, kept_from))? {
                *kind.count(&mut pruned) += batch;
            }
        }
        Ok(pruned)
    }

    fn audit_verify(&mut self) -> Result<AuditState, StoreError> {
        Ok(self.audit_after(None)?.state)
    }

    fn audit_after(&mut self, known: Option<&AuditState>) -> Result<AuditNews, StoreError> {
        self.read(|conn, _| {
            let still = |known: &&AuditState| -> Result<bool, rusqlite::Error> {
                let mut last = conn.prepare("SELECT 1 FROM audit WHERE seq = ?1 AND hash = ?2")?;
                let there = known.entries == 0 || last.exists(rusqlite::params![signed(known.entries), known.head])?;
                Ok(there && known.broken.is_none())
            };
            let known = match known {
                Some(known) if still(&known)? => Some(known),
                Some(_) | None => None,
            };
            let mut verifier = known.map_or_else(Verifier::new, |known| Verifier::from(known.clone()));
            let after = known.map_or(0, |known| known.entries);
            let mut statement = conn.prepare("SELECT seq, body, prev, hash FROM audit WHERE seq > ?1 ORDER BY seq")?;
            let mut rows = statement.query([signed(after)])?;
            let (mut log, mut holds) = (AuditLog::default(), true);
            while let Some(row) = rows.next()? {
                let link =
                    Link { seq: unsigned(row.get(0)?), body: text(row, 1)?, prev: text(row, 2)?, hash: text(row, 3)? };
                holds = holds && verifier.take(&link);
                match serde_json::from_str(&link.body) {
                    Ok(entry) => log.entries.push((link.seq, link.hash, entry)),
                    Err(_) => log.unreadable += 1,
                }
            }
            Ok(AuditNews { log, state: verifier.finish(), whole: known.is_none() })
        })
    }

    fn audit(&mut self, from: Timestamp) -> Result<AuditLog, StoreError> {
        self.read(|conn, _| {
            let mut statement = conn.prepare("SELECT seq, hash, body FROM audit WHERE at >= ?1 ORDER BY seq")?;
            let mut rows = statement.query([from.0])?;
            let mut log = AuditLog::default();
            while let Some(row) = rows.next()? {
                match serde_json::from_str(&text(row, 2)?) {
                    Ok(entry) => log.entries.push((unsigned(row.get(0)?), text(row, 1)?, entry)),
                    Err(_) => log.unreadable += 1,
                }
            }
            Ok(log)
        })
    }
}

/// Why a request did not work, before it is known whose file it was.
#[derive(Debug)]
enum Trouble {
    /// The database said so.
    Sqlite(rusqlite::Error),
    /// Everything is said already.
    Said(StoreError),
    /// A row that we wrote does not make sense.
    Damaged(String),
    /// Something cannot be written as JSON.
    Json(serde_json::Error),
}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<serde_json::Error> for Trouble {
    fn from(error: serde_json::Error) -> Self {
        Self::Json(error)
    }
}

impl Place {
    /// Says whether the open file is still the one that its name leads to: of a file that was moved or deleted nobody
    /// else knows, and a second recorder may work on a new one.
    fn is_there(&self) -> Result<(), StoreError> {
        let same = match std::fs::metadata(&self.path) {
            Ok(meta) => self.file.is_none_or(|file| file == (meta.dev(), meta.ino())),
            // Any other error says nothing about where it is.
            Err(error) => error.kind() != std::io::ErrorKind::NotFound,
        };
        if same { Ok(()) } else { Err(StoreError::Moved { path: self.path.clone() }) }
    }

    /// Says in our words what the database said in its own.
    fn explain(&self, trouble: Trouble) -> StoreError {
        let path = self.path.clone();
        let error = match trouble {
            Trouble::Said(error) => return error,
            Trouble::Damaged(detail) => return StoreError::Corrupt { path, detail },
            Trouble::Json(error) => return StoreError::Internal { path, detail: error.to_string() },
            Trouble::Sqlite(error) => error,
        };
        let detail = error.to_string();
        let Some(code) = error.sqlite_error().copied() else { return StoreError::Internal { path, detail } };
        // Every other code is a mistake in a statement, or one that cannot come up with local files.
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "the library's list grows; what is not named is ours to mend"
        )]
        match code.code {
            ErrorCode::DiskFull => StoreError::Full { path },
            ErrorCode::DatabaseCorrupt => StoreError::Corrupt { path, detail },
            ErrorCode::NotADatabase => StoreError::NotOurs { path, detail: "not an SQLite file" },
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => StoreError::Busy { path, waited_ms: self.busy_ms },
            ErrorCode::ReadOnly => StoreError::ReadOnly { path },
            ErrorCode::CannotOpen | ErrorCode::PermissionDenied => {
                StoreError::CannotOpen { path, source: std::io::Error::other(detail) }
            }
            // A growing -shm file meets a full disk with this code instead of SQLITE_FULL.
            ErrorCode::SystemIoFailure if code.extended_code == ffi::SQLITE_IOERR_SHMSIZE => StoreError::Full { path },
            ErrorCode::SystemIoFailure | ErrorCode::FileLockingProtocolFailed | ErrorCode::NoLargeFileSupport => {
                StoreError::Io { path, detail }
            }
            _ => StoreError::Internal { path, detail },
        }
    }
}

/// Reads a text whatever its bytes are: one that somebody changed no longer fits its hash, which is what is looked for.
fn text(row: &rusqlite::Row<'_>, column: usize) -> Result<String, rusqlite::Error> {
    Ok(String::from_utf8_lossy(row.get_ref(column)?.as_bytes().unwrap_or_default()).into_owned())
}

/// How buckets of a kind are marked, so that they lie together.
fn mark(kind: BucketKind) -> i64 {
    match kind {
        BucketKind::Hours => 0,
        BucketKind::Days => 1,
    }
}

/// Counts and numbers are stored as signed 64 bits and never negative.
fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// The other way.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod file_tests;
#[cfg(test)]
mod finding_tests;
#[cfg(test)]
mod tests;
