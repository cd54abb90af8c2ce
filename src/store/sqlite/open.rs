//! Opening: what is there is looked at before anything may write to it.
use std::{
    fs::{self, DirBuilder, OpenOptions, Permissions},
    io::{self, Read as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, OpenFlags, TransactionBehavior, config::DbConfig};

use super::{IfMissing, Options, Place, StoreError, Trouble, schema};

/// Set-group-id on a directory: people share what is in it.
const SETGID: u32 = 0o2000;
/// How often a lock is waited for while two processes make the same store.
const ATTEMPTS: usize = 20;

/// Opens the file, checks that it is ours, and brings it up to date.
pub(super) fn open(place: &Place, options: &Options) -> Result<Connection, StoreError> {
    prepare_file(&place.path, options.if_missing)?;
    // No OPEN_CREATE: the file is there, and a link that leads nowhere makes none.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    // A log that a killed process left behind is not ours to put into the file.
    let left = fs::metadata(beside(&place.path, "-wal")).is_ok_and(|meta| meta.len() > 0);
    let conn = Connection::open_with_flags(&place.path, flags).map_err(|error| place.explain(error.into()))?;
    let conn = if options.only_read { for_reading(conn, place, left) } else { set_up(conn, place, options) };
    conn.map_err(|trouble| place.explain(trouble))
}

/// The path of a file that SQLite keeps beside the store.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Sets up a connection that writes nothing, whatever is asked of it.
fn for_reading(mut conn: Connection, place: &Place, left: bool) -> Result<Connection, Trouble> {
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    conn.busy_timeout(Duration::from_millis(place.busy_ms))?;
    conn.pragma_update(None, "query_only", "ON")?;
    let found = inspect(&*conn.transaction_with_behavior(TransactionBehavior::Deferred)?, place)?;
    if found < known() {
        return Err(Trouble::Said(StoreError::Older { path: place.path.clone(), found, known: known() }));
    }
    probe(&conn)?;
    // Where there was none, closing takes away the empty one that reading made.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, left)?;
    conn.set_prepared_statement_cache_capacity(64);
    Ok(conn)
}

fn set_up(mut conn: Connection, place: &Place, options: &Options) -> Result<Connection, Trouble> {
    conn.busy_timeout(Duration::from_millis(options.busy_ms))?;
    // Until the file is known to be ours, not even closing it may write what its WAL holds back into it.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    // SQLite falls back to reading without a word; what it says later depends on the -shm file.
    if conn.is_readonly("main")? {
        return Err(Trouble::Said(StoreError::ReadOnly { path: place.path.clone() }));
    }
    // In one snapshot: another process may be making the store just now.
    let found = inspect(&*conn.transaction_with_behavior(TransactionBehavior::Deferred)?, place)?;
    use_wal(&mut conn, place)?;
    conn.pragma_update(None, "foreign_keys", "ON")?;
    conn.pragma_update(None, "journal_size_limit", 16 * 1024 * 1024)?;
    if let Some(pages) = options.max_pages {
        // The pragma answers with the limit in force.
        conn.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |row| row.get::<_, i64>(0))?;
    }
    if found < known() {
        migrate(&mut conn, place)?;
    }
    probe(&conn)?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
    conn.set_prepared_statement_cache_capacity(64);
    Ok(conn)
}

/// The newest format that this version knows.
fn known() -> u32 {
    u32::try_from(schema::MIGRATIONS.len()).unwrap_or(u32::MAX)
}

/// Makes the directory and an empty file, with the rights they shall have: SQLite gives the -wal and -shm files the
/// rights of the file.
fn prepare_file(path: &Path, if_missing: IfMissing) -> Result<(), StoreError> {
    let cannot_open = |source| StoreError::CannotOpen { path: path.to_owned(), source };
    match fs::metadata(path) {
        Ok(meta) if meta.is_file() => return refuse_other_files(path),
        Ok(_) => return Err(cannot_open(io::Error::other("it is not a file"))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(source) => return Err(cannot_open(source)),
    }
    if if_missing == IfMissing::Fail {
        return Err(StoreError::Missing { path: path.to_owned() });
    }
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let no_directory = |source| StoreError::NoDirectory { path: directory.to_owned(), source };
    DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(no_directory)?;
    let shared = fs::metadata(directory).map_err(no_directory)?.permissions().mode() & SETGID != 0;
    let mode = if shared { 0o660 } else { 0o600 };
    match OpenOptions::new().write(true).create_new(true).mode(mode).open(path) {
        // The umask may have taken the group's rights away.
        Ok(file) => file.set_permissions(Permissions::from_mode(mode)).map_err(cannot_open),
        // Another console was faster.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::ReadOnlyFilesystem => {
            Err(StoreError::ReadOnly { path: path.to_owned() })
        }
        Err(error) if error.kind() == io::ErrorKind::StorageFull => Err(StoreError::Full { path: path.to_owned() }),
        Err(source) => Err(cannot_open(source)),
    }
}

/// Looks at the first bytes before SQLite does: it would take a file shorter than its header for an empty database.
fn refuse_other_files(path: &Path) -> Result<(), StoreError> {
    const MAGIC: &[u8] = b"SQLite format 3\0";
    let mut head = Vec::with_capacity(MAGIC.len());
    fs::File::open(path)
        .and_then(|file| file.take(16).read_to_end(&mut head))
        .map_err(|source| StoreError::CannotOpen { path: path.to_owned(), source })?;
    if head.is_empty() || head == MAGIC {
        return Ok(());
    }
    Err(StoreError::NotOurs { path: path.to_owned(), detail: "not an SQLite file" })
}

/// Returns the format that the file has, 0 for an empty one; an error when it is not ours to write.
fn inspect(conn: &Connection, place: &Place) -> Result<u32, Trouble> {
    let path = || place.path.clone();
    let application: i32 = conn.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    let found: u32 = conn.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let objects: i64 = conn.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if application != schema::APPLICATION_ID && (application != 0 || found != 0 || objects != 0) {
        let detail = "an SQLite file of another program";
        return Err(Trouble::Said(StoreError::NotOurs { path: path(), detail }));
    }
    if found > known() {
        return Err(Trouble::Said(StoreError::Newer { path: path(), found, known: known() }));
    }
    Ok(found)
}

/// Turns on WAL, in which readers and a writer do not wait for each other. It stays in the file.
fn use_wal(conn: &mut Connection, place: &Place) -> Result<(), Trouble> {
    for _ in 0..ATTEMPTS {
        match conn.query_row("PRAGMA journal_mode = WAL", [], |row| row.get::<_, String>(0)) {
            Ok(mode) if mode == "wal" => return Ok(()),
            Ok(mode) => {
                let detail = format!("its file system has no WAL, only {mode}");
                return Err(Trouble::Said(StoreError::Io { path: place.path.clone(), detail }));
            }
            // This one pragma does not wait for a lock; a transaction does. Another process makes the file just now.
            Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy) => {
                drop(conn.transaction_with_behavior(TransactionBehavior::Exclusive)?);
            }
            Err(error) => return Err(error.into()),
        }
    }
    Err(Trouble::Said(StoreError::Busy { path: place.path.clone(), waited_ms: place.busy_ms }))
}

/// Runs the missing steps, all in one transaction. What another process migrated in the meantime is left to it.
fn migrate(conn: &mut Connection, place: &Place) -> Result<(), Trouble> {
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found = inspect(&tx, place)?;
    for step in schema::MIGRATIONS.iter().skip(usize::try_from(found).unwrap_or(usize::MAX)) {
        tx.execute_batch(step)?;
    }
    tx.pragma_update(None, "application_id", schema::APPLICATION_ID)?;
    tx.pragma_update(None, "user_version", known())?;
    Ok(tx.commit()?)
}

/// Touches the root of every table and index, so that most damage shows before the first write. A full check reads the
/// whole file, which takes seconds for a year of history.
fn probe(conn: &Connection) -> Result<(), Trouble> {
    let mut tables = conn.prepare(
        "SELECT 'SELECT 1 FROM \"' || name || '\" LIMIT 1' FROM sqlite_schema WHERE type = 'table'
         UNION ALL SELECT 'SELECT 1 FROM \"' || tbl_name || '\" INDEXED BY \"' || name || '\" LIMIT 1'
         FROM sqlite_schema WHERE type = 'index' AND name IN ('bucket_feed', 'alert_recent', 'incident_recent')",
    )?;
    let queries = tables.query_map([], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
    for query in queries {
        let mut statement = conn.prepare(&query)?;
        let mut rows = statement.query([])?;
        rows.next()?;
    }
    Ok(())
}
