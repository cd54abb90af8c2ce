//! The store: what several consoles on one machine know together, and what outlives all of them.
//!
//! The interface is blocking; the runtime gives it one thread that writes and one that reads, each with a [`Store`] of
//! its own. Nothing here reads the time: the caller says what time it is.
//!
//! **Who records.** One row holds the lease: owner, epoch, until when. Every change of hands raises the epoch, and a
//! commit that records (`as_recorder`) is refused inside its own transaction unless the epoch is still the current one.
//! So a recorder that was stopped for an hour and wakes up cannot write a single row, whatever its clock says.
//!
//! **Clock jumps.** All consoles share one machine and so one wall clock. Forward: `until` seems past, another console
//! may take over from a living recorder, which then loses its next commit and becomes a reader: a change of hands, never
//! two recorders. Back: `until` lies far ahead of everybody; a console that has watched the lease stand still for the
//! lease's time on its own monotonic clock takes it over all the same. A living recorder re-dates it at its next renewal.
//!
//! **What survives.** Every commit survives the death of the process. Commits that hold what people did or will be held
//! to (incidents, runs, audit, alerts, status updates, planned work, the outbox) are also flushed to the disk before they return, and survive a
//! loss of power. Commits of results, buckets and host minutes alone are not flushed one by one: power loss may cost
//! the last seconds of them, never the file. A flush covers everything that was committed before it.
mod audit;
mod error;
mod patient;
mod sqlite;

pub use error::StoreError;
pub use patient::Patient;
pub use sqlite::{IfMissing, Options, Sqlite};

use crate::core::{
    alerts::AlertEvent,
    config_files::ConfigFile,
    findings,
    id::{CheckId, HostName, RunId, Uid},
    incidents::{NumberedRun, StoredIncidentEvent, precedent::Remembered},
    logs::patterns::KnownPattern,
    msg::Loaded,
    outbox::OutboxEvent,
    record::{Audit, Bucket, Changes, HostMinute, Row, StatusUpdate},
    runs::RunEvent,
    services::CheckResult,
    time::{DAY, Now, Timestamp},
    windows::WindowEvent,
};

/// Keeps history for every console on this machine.
pub trait Store: Send {
    /// Takes or renews the lease, or says who has it. Call it every third of `ttl_ms`, holder or not.
    ///
    /// Asking while another holds it writes nothing.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    fn lease(&mut self, owner: &Owner, now: Now, ttl_ms: u64) -> Result<Lease, StoreError>;

    /// Gives the lease back, so that another takes over at once. Does nothing when `owner` has not got it.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn release(&mut self, owner: &Owner) -> Result<(), StoreError>;

    /// Says who holds the lease, without asking for it. None when nobody does; look at `until` for whether it is alive.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn holder(&mut self) -> Result<Option<Holder>, StoreError>;

    /// Writes all rows in one transaction, or none.
    ///
    /// With `as_recorder` the whole commit is refused unless that epoch still holds the lease. Without it, rows that only
    /// a recorder makes are refused: results, own buckets, host minutes, alerts that fire, resolve or flap, and what the outbox
    /// tells of trackers.
    ///
    /// # Errors
    /// [`StoreError::LostLease`] as said; else when the store cannot be written. Nothing was written then.
    fn commit(&mut self, rows: &[Row], as_recorder: Option<u64>) -> Result<Committed, StoreError>;

    /// Returns what was committed since this store was opened, its [`Store::open_state`] was read, or the last call, by
    /// any process, this one included: each row once, in the order of commit. None when there is nothing.
    ///
    /// A bucket that was replaced several times in between comes once, as it is now. Cheap enough for every 250 ms. At
    /// most [`CHANGES_AT_ONCE`] results and as many buckets come in one call; the rest comes in the next.
    ///
    /// # Errors
    /// When the store cannot be read. The next call begins where this one did.
    fn changes(&mut self) -> Result<Option<Changes>, StoreError>;

    /// Returns what a console starts from. [`Store::changes`] goes on exactly after it.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn open_state(&mut self, since: Since) -> Result<OpenState, StoreError>;

    /// Returns the buckets of one kind that start from `from` on and before `to`, oldest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn buckets(&mut self, kind: BucketKind, from: Timestamp, to: Timestamp) -> Result<Vec<Bucket>, StoreError>;

    /// Returns the results of a check from a slot on, by slot.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn results(&mut self, check: &CheckId, from: Timestamp) -> Result<Vec<CheckResult>, StoreError>;

    /// Returns the minutes of a host from `from` on and before `to`, oldest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn host_minutes(&mut self, host: &HostName, from: Timestamp, to: Timestamp) -> Result<Vec<HostMinute>, StoreError>;

    /// Returns the log patterns that were seen from a moment on, of one scope or of all, by scope and number.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn patterns(&mut self, scope: Option<&str>, seen_from: Timestamp) -> Result<Vec<KnownPattern>, StoreError>;

    /// Returns what the newest incidents teach, so many of them, however old they are; and the certificates that checks saw replaced
    /// from a moment on.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn remembered(&mut self, limit: usize, from: Timestamp) -> Result<Remembered, StoreError>;

    /// Removes what is older than the policy keeps, in small transactions that let others write in between.
    ///
    /// The policy counts days on record: a clock that is years ahead makes none of them older, so nothing goes that was
    /// kept a moment ago but for as many days as were recorded since.
    ///
    /// Incidents, runs, alerts, status updates, planned work, the outbox and the audit log are kept for good.
    ///
    /// # Errors
    /// When the store cannot be written; what was removed before stays removed.
    fn prune(&mut self, now: Timestamp, keep: &Keep) -> Result<Pruned, StoreError>;

    /// Recomputes the audit log's chain from the first entry and says where it breaks.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn audit_verify(&mut self) -> Result<AuditState, StoreError>;

    /// Returns the entries of the audit log from a moment on, oldest first, with their numbers and hashes; what cannot be read
    /// is counted.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn audit(&mut self, from: Timestamp) -> Result<AuditLog, StoreError>;

    /// Follows the audit log's chain from where it was known to hold, and returns the entries after it. All of it is read where
    /// nothing is known, where it broke, and where the last known entry is not there any more as it was.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn audit_after(&mut self, known: Option<&AuditState>) -> Result<AuditNews, StoreError>;
}

/// How many results, and how many buckets, one call of [`Store::changes`] returns at most.
pub const CHANGES_AT_ONCE: usize = 10_000;

/// Who asks for the lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// One per process start.
    pub uid: Uid,
    /// As people are told: `ana@jump pid 8812`.
    pub label: String,
}

/// Who records from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lease {
    /// Who asked.
    Mine {
        /// What every commit of the recorder carries.
        epoch: u64,
    },
    /// Another.
    Other {
        /// Who, as it named itself.
        label: String,
        /// Its epoch.
        epoch: u64,
        /// Until when, unless it renews.
        until: Timestamp,
    },
}

/// Who holds the lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Who, as it named itself.
    pub label: String,
    /// Its epoch.
    pub epoch: u64,
    /// Until when, unless it renews; in the past when the holder died.
    pub until: Timestamp,
}

/// What a commit made of its rows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Committed {
    /// The incident events of the commit, in its order, with number and position.
    pub incidents: Vec<StoredIncidentEvent>,
    /// The runs of the commit's run events, in its order, with their numbers.
    pub runs: Vec<NumberedRun>,
    /// How many rows were there already, and were left as they were: results and host minutes of the same moment, and
    /// events of incidents and runs that say again what an earlier one said.
    pub ignored: usize,
    /// The hash of the last audit entry of the commit; written down elsewhere it proves that the log was not cut off.
    pub audit_head: Option<String>,
}

/// Which buckets: they lie apart, since an overview reads 90 days of everything and a year of hours is 24 times as much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BucketKind {
    /// Of at most an hour.
    Hours,
    /// Longer ones, recorded here or imported.
    Days,
}

/// How far back a console looks when it starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Since {
    /// Resolved alerts and incidents, ended runs, and status updates: those with an event from here on.
    pub events: Timestamp,
    /// Check results: those of a slot from here on.
    pub results: Timestamp,
}

/// What a console starts from, as of one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OpenState {
    /// All events of the alerts that are not resolved or had an event lately, in the order of commit.
    pub alerts: Vec<AlertEvent>,
    /// All events of the incidents that are not resolved or had an event lately, in the order of commit.
    pub incidents: Vec<StoredIncidentEvent>,
    /// All events of the runs that have not ended or had an event lately, in the order of commit.
    pub runs: Vec<(RunId, RunEvent)>,
    /// Recent status updates, in the order of commit.
    pub updates: Vec<StatusUpdate>,
    /// All events of the writes to trackers that are not done, are of an incident that is not resolved or that has such a
    /// write, or had an event lately, in the order of commit.
    pub outbox: Vec<OutboxEvent>,
    /// All events of the windows of planned work that are not over or ended lately, in the order of commit.
    pub windows: Vec<WindowEvent>,
    /// Configuration files as they are known, and what was found of them lately.
    pub files: Vec<ConfigFile>,
    /// Findings as they are known, and what was told of them lately.
    pub findings: Vec<findings::Event>,
    /// The last result of every check, however old it is, by check.
    pub latest: Vec<CheckResult>,
    /// Recent results, by check and slot.
    pub results: Vec<CheckResult>,
    /// How many rows this version cannot read, and so are missing above.
    pub unreadable: usize,
}

impl OpenState {
    /// Returns what a state is told of it at the start.
    pub fn told(self) -> Loaded {
        let Self { alerts, incidents, runs, updates, outbox, windows, files, findings, .. } = self;
        Loaded { alerts, incidents, runs, updates, outbox, windows, files, findings }
    }
}

/// How long history is kept, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keep {
    /// Check results; buckets keep what they add up to.
    pub results_ms: i64,
    /// Buckets, of hours and of days.
    pub buckets_ms: i64,
    /// Host minutes.
    pub host_minutes_ms: i64,
    /// Log patterns since they were seen last.
    pub patterns_ms: i64,
}

impl Default for Keep {
    fn default() -> Self {
        Self { results_ms: 8 * DAY, buckets_ms: 400 * DAY, host_minutes_ms: 30 * DAY, patterns_ms: 30 * DAY }
    }
}

/// How many rows were removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Check results.
    pub results: usize,
    /// Buckets.
    pub buckets: usize,
    /// Host minutes.
    pub host_minutes: usize,
    /// Log patterns.
    pub patterns: usize,
}

/// Entries of the audit log.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AuditLog {
    /// Number, hash and entry, oldest first.
    pub entries: Vec<(u64, String, Audit)>,
    /// How many cannot be read: damaged, or of a newer version.
    pub unreadable: usize,
}

/// What came to the audit log.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditNews {
    /// The entries after those that were known; all of them, where `whole` says so.
    pub log: AuditLog,
    /// How far the chain holds.
    pub state: AuditState,
    /// Whether it was read from the first entry on.
    pub whole: bool,
}

/// What verifying the audit log found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditState {
    /// How many entries hold, from the first on.
    pub entries: u64,
    /// The hash of the last entry that holds; 64 zeros when there is none. Compare it with one that was written down: a
    /// chain alone cannot show that its end was cut off.
    pub head: String,
    /// Where the chain breaks first.
    pub broken: Option<BrokenLink>,
}

/// The first audit entry that does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokenLink {
    /// Its number.
    pub seq: u64,
    /// What does not fit: `was changed`, `does not follow the entry before it`.
    pub why: &'static str,
}
