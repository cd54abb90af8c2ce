//! A store that could not be opened yet, for a reason that may pass: a full disk, a lock, a file system that is read-only.
use std::path::PathBuf;

use super::{
    AuditLog, AuditNews, AuditState, BucketKind, Committed, Holder, Keep, Lease, OpenState, Options, Owner, Pruned,
    Since, Sqlite, Store, StoreError,
};
use crate::core::{
    id::{CheckId, HostName},
    incidents::precedent::Remembered,
    logs::patterns::KnownPattern,
    record::{Bucket, Changes, HostMinute, Row},
    services::CheckResult,
    time::{Now, Timestamp},
};

/// Opens its store at the first call that finds it working again; until then every call says why it does not.
#[derive(Debug)]
pub struct Patient {
    path: PathBuf,
    options: Options,
    store: Option<Sqlite>,
}

impl Patient {
    /// Waits for the store at a path.
    pub fn new(path: PathBuf, options: Options) -> Self {
        Self { path, options, store: None }
    }

    fn open(&mut self) -> Result<&mut Sqlite, StoreError> {
        let store = match self.store.take() {
            Some(store) => store,
            None => Sqlite::open(&self.path, &self.options)?,
        };
        Ok(self.store.insert(store))
    }
}

impl Store for Patient {
    fn lease(&mut self, owner: &Owner, now: Now, ttl_ms: u64) -> Result<Lease, StoreError> {
        self.open()?.lease(owner, now, ttl_ms)
    }

    fn release(&mut self, owner: &Owner) -> Result<(), StoreError> {
        // Whoever never opened it holds nothing.
        self.store.as_mut().map_or(Ok(()), |store| store.release(owner))
    }

    fn holder(&mut self) -> Result<Option<Holder>, StoreError> {
        self.open()?.holder()
    }

    fn commit(&mut self, rows: &[Row], as_recorder: Option<u64>) -> Result<Committed, StoreError> {
        self.open()?.commit(rows, as_recorder)
    }

    fn changes(&mut self) -> Result<Option<Changes>, StoreError> {
        // Asked four times a second: the lease is what the store is tried with.
        self.store.as_mut().map_or(Ok(None), Store::changes)
    }

    fn open_state(&mut self, since: Since) -> Result<OpenState, StoreError> {
        self.open()?.open_state(since)
    }

    fn buckets(&mut self, kind: BucketKind, from: Timestamp, to: Timestamp) -> Result<Vec<Bucket>, StoreError> {
        self.open()?.buckets(kind, from, to)
    }

    fn results(&mut self, check: &CheckId, from: Timestamp) -> Result<Vec<CheckResult>, StoreError> {
        self.open()?.results(check, from)
    }

    fn host_minutes(&mut self, host: &HostName, from: Timestamp, to: Timestamp) -> Result<Vec<HostMinute>, StoreError> {
        self.open()?.host_minutes(host, from, to)
    }

    fn remembered(&mut self, limit: usize, from: Timestamp) -> Result<Remembered, StoreError> {
        self.open()?.remembered(limit, from)
    }

    fn patterns(&mut self, scope: Option<&str>, seen_from: Timestamp) -> Result<Vec<KnownPattern>, StoreError> {
        self.open()?.patterns(scope, seen_from)
    }

    fn prune(&mut self, now: Timestamp, keep: &Keep) -> Result<Pruned, StoreError> {
        self.open()?.prune(now, keep)
    }

    fn audit_verify(&mut self) -> Result<AuditState, StoreError> {
        self.open()?.audit_verify()
    }

    fn audit(&mut self, from: Timestamp) -> Result<AuditLog, StoreError> {
        self.open()?.audit(from)
    }

    fn audit_after(&mut self, known: Option<&AuditState>) -> Result<AuditNews, StoreError> {
        self.open()?.audit_after(known)
    }
}
