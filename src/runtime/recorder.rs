//! The store's thread: takes the lease, writes, and tells the loop what it and other consoles wrote.
use std::{
    sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel},
    time::Duration,
};

use super::{audited::Audited, inbox::Post};
use crate::{
    core::{
        Effect, Msg,
        alerts::AlertEventKind,
        hosts,
        id::HostName,
        incidents::{precedent, suspects},
        record::{Changes, Recorder, Row},
        screen::Tone,
        services,
        time::{Clock, DAY, Mono, Now, Timestamp},
    },
    store::{BucketKind, Keep, Lease, Owner, Since, Store, StoreError},
};
use std::sync::Arc;

/// Milliseconds between two looks for what others wrote.
const POLL_MS: u64 = 250;
/// Milliseconds that a lease lasts: after a kill another takes over within this and one look.
const LEASE_MS: u64 = 6_000;
/// Milliseconds between two renewals.
const RENEW_MS: u64 = 2_000;
/// Milliseconds between two looks at another's lease, which read one row.
const LOOK_MS: u64 = 500;
/// Milliseconds between two removals of what is too old.
const PRUNE_MS: u64 = 60 * 60_000;
/// Commits waiting at most; more block the loop for as long as the disk is that slow, and are said.
const WAITING: usize = 1_024;

/// Something to write.
#[derive(Debug)]
pub struct Job {
    /// The rows.
    pub rows: Vec<Row>,
    /// What follows once they are on disk.
    pub then: Vec<Effect>,
    /// What the person did.
    pub what: Option<&'static str>,
}

impl Job {
    /// Tells the loop that it was not written, where somebody waits for it.
    pub fn refused(self, why: String) -> Option<Msg> {
        let Self { rows, what, .. } = self;
        what.map(|what| Msg::NotSaved { rows, what, why })
    }
}

/// The loop's end: hands rows over.
#[derive(Clone, Debug)]
pub struct Desk {
    jobs: SyncSender<Order>,
}

#[derive(Debug)]
enum Order {
    Write(Job),
    Load(Wanted),
    Stop,
}

/// What the services slice needs at the start, in two steps: which results are wanted depends on the buckets.
#[derive(Clone, Debug)]
pub enum Wanted {
    /// Hours and days from these moments on.
    Buckets {
        /// Hours.
        hours: Timestamp,
        /// Days.
        days: Timestamp,
    },
    /// Minutes of hosts from a moment on, for their charts.
    HostMinutes {
        /// Which hosts.
        hosts: Vec<HostName>,
        /// From when on.
        from: Timestamp,
    },
    /// Patterns of log lines that were seen from a moment on.
    Patterns {
        /// From when on.
        from: Timestamp,
    },
    /// All that happened, anew: the time of a replay went back.
    Events,
    /// The audit log, and whether its chain holds.
    Audit,
    /// Results. Only then may this process record: what it writes of the past rests on what was read.
    Results(Vec<services::Want>),
}

impl Desk {
    /// Hands rows over. Gives them back when too many wait: they are not written, which the caller says.
    ///
    /// # Errors
    /// The job, when too many wait.
    pub fn write(&self, job: Job) -> Result<(), Job> {
        match self.jobs.try_send(Order::Write(job)) {
            Ok(())
            | Err(
                TrySendError::Full(Order::Load(_) | Order::Stop)
                | TrySendError::Disconnected(Order::Load(_) | Order::Stop),
            ) => Ok(()),
            Err(TrySendError::Full(Order::Write(job)) | TrySendError::Disconnected(Order::Write(job))) => Err(job),
        }
    }

    /// Asks for what the services slice needs at the start.
    pub fn load(&self, wanted: Wanted) {
        if self.jobs.try_send(Order::Load(wanted)).is_err() {
            tracing::warn!("the store's queue is full: history is not read");
        }
    }

    /// Gives the lease back and ends the thread.
    pub fn stop(&self) {
        // A full queue means that the disk hangs; the lease then runs out by itself.
        drop(self.jobs.try_send(Order::Stop));
    }
}

/// What the thread works with.
pub struct Worker {
    jobs: Receiver<Order>,
    store: Box<dyn Store>,
    post: Post,
    effects: tokio::sync::mpsc::Sender<Effect>,
    clock: Arc<dyn Clock>,
    owner: Owner,
    keep: Keep,
    /// A reader never asks for the lease.
    may_record: bool,
    epoch: Option<u64>,
    said: Option<Recorder>,
    /// The loop knows the past.
    ready: bool,
    /// What could not be read for a reason that may pass.
    unread: Unread,
    audited: Audited,
}

/// What is still to be read, once the store can be.
#[derive(Debug, Default)]
struct Unread {
    events: bool,
    wanted: Vec<Wanted>,
}

impl std::fmt::Debug for Worker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Worker").field("owner", &self.owner).field("epoch", &self.epoch).finish_non_exhaustive()
    }
}

/// Everything a worker is made of.
pub struct Parts {
    /// The store, open.
    pub store: Box<dyn Store>,
    /// Where news go.
    pub post: Post,
    /// Where effects go that waited for rows.
    pub effects: tokio::sync::mpsc::Sender<Effect>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Who asks for the lease.
    pub owner: Owner,
    /// How long history is kept.
    pub keep: Keep,
    /// Whether it may take the lease.
    pub may_record: bool,
}

impl std::fmt::Debug for Parts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parts").field("owner", &self.owner).finish_non_exhaustive()
    }
}

/// Makes a worker and the desk that feeds it.
pub fn worker(parts: Parts) -> (Desk, Worker) {
    let (jobs, orders) = sync_channel(WAITING);
    let Parts { store, post, effects, clock, owner, keep, may_record } = parts;
    let worker = Worker {
        jobs: orders,
        store,
        post,
        effects,
        clock,
        owner,
        keep,
        may_record,
        epoch: None,
        said: None,
        ready: false,
        unread: Unread::default(),
        audited: Audited::default(),
    };
    (Desk { jobs }, worker)
}

impl Worker {
    /// Works until stopped. Runs on a thread of its own.
    pub fn work(mut self) {
        let now = self.clock.now();
        self.load_events(now);
        let (mut renewed, mut pruned): (Option<Mono>, Option<Mono>) = (None, None);
        loop {
            let now = self.clock.now();
            let every = if matches!(self.said, Some(Recorder::Other { .. })) { LOOK_MS } else { RENEW_MS };
            if self.ready && renewed.is_none_or(|at| now.mono.since(at) >= every) {
                renewed = Some(now.mono);
                if self.renew(now) {
                    self.read_again(now);
                }
            }
            if self.epoch.is_some() && pruned.is_none_or(|at| now.mono.since(at) >= PRUNE_MS) {
                pruned = Some(now.mono);
                if let Err(error) = self.store.prune(now.utc, &self.keep) {
                    tracing::warn!(%error, "old history was not removed");
                }
            }
            match self.jobs.recv_timeout(Duration::from_millis(POLL_MS)) {
                Ok(Order::Write(job)) => {
                    if !self.write(job) {
                        break;
                    }
                }
                Ok(Order::Load(wanted)) => self.load(wanted, now),
                Ok(Order::Stop) | Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {}
            }
            if !self.tell_changes() {
                break;
            }
        }
        if let Err(error) = self.store.release(&self.owner) {
            tracing::warn!(%error, "the lease was not given back; it runs out by itself");
        }
    }

    /// Renews the lease, or looks at another's, and says who records. False while the store does not work.
    fn renew(&mut self, now: Now) -> bool {
        let mut works = true;
        let mut nobody = |error: &StoreError| {
            works = false;
            Recorder::Nobody { why: error.to_string() }
        };
        let recorder = if self.may_record {
            match self.store.lease(&self.owner, now, LEASE_MS) {
                Ok(Lease::Mine { epoch }) => Recorder::Me { epoch },
                Ok(Lease::Other { label, .. }) => Recorder::Other { owner: label },
                Err(error) => nobody(&error),
            }
        } else {
            match self.store.holder() {
                Ok(Some(holder)) if holder.until > now.utc => Recorder::Other { owner: holder.label },
                Ok(_) => Recorder::Nobody { why: "nobody records: start `qd watch`".into() },
                Err(error) => nobody(&error),
            }
        };
        self.epoch = match recorder {
            Recorder::Me { epoch } => Some(epoch),
            Recorder::Opening | Recorder::Other { .. } | Recorder::Nobody { .. } => None,
        };
        if self.said.as_ref() != Some(&recorder) {
            self.said = Some(recorder.clone());
            self.post.fact_blocking(Msg::RecorderChanged(recorder));
        }
        works
    }

    /// Writes and lets follow what waits for it. False when the loop has ended.
    fn write(&mut self, job: Job) -> bool {
        let records = job.rows.iter().any(recorders_own);
        let epoch = if records { self.epoch } else { None };
        if records && epoch.is_none() {
            // Between two recorders: the next one runs the check again, nothing is lost that was acknowledged.
            return true;
        }
        match self.store.commit(&job.rows, epoch) {
            Ok(_) => job.then.into_iter().all(|effect| self.effects.blocking_send(effect).is_ok()),
            Err(StoreError::LostLease { .. }) => {
                self.epoch = None;
                _ = self.renew(self.clock.now());
                true
            }
            Err(error) => {
                tracing::error!(%error, what = job.what, "rows were not written");
                job.refused(error.to_string()).is_none_or(|msg| self.post.fact_blocking(msg))
            }
        }
    }

    fn tell_changes(&mut self) -> bool {
        match self.store.changes() {
            Ok(Some(changes)) => self.post.fact_blocking(Msg::Changed(Box::new(changes))),
            Ok(None) => true,
            Err(error) => {
                tracing::warn!(%error, "what others wrote was not read");
                true
            }
        }
    }

    fn load_events(&mut self, now: Now) {
        let since = Since { events: now.utc - 7 * DAY, results: now.utc };
        match self.store.open_state(since) {
            Ok(open) => {
                let unreadable = open.unreadable;
                self.post.fact_blocking(Msg::Loaded(Box::new(open.told())));
                self.remember(now);
                if unreadable > 0 {
                    let changes = Changes { unreadable, ..Changes::default() };
                    self.post.fact_blocking(Msg::Changed(Box::new(changes)));
                }
            }
            Err(error) => {
                self.unread.events = error.is_passing();
                self.say_unread(&error);
            }
        }
    }

    /// Tells what earlier incidents teach: after all that the first frame needs.
    fn remember(&mut self, now: Now) {
        match self.store.remembered(precedent::REMEMBERED, now.utc - DAY) {
            Ok(all) => {
                self.post.fact_blocking(Msg::Suspects(suspects::Msg::Remembered(all)));
            }
            Err(error) => self.say_unread(&error),
        }
    }

    fn say_unread(&self, error: &StoreError) {
        let text = format!("history cannot be read: {error}");
        self.post.fact_blocking(Msg::Said { tone: Tone::Error, text });
    }

    /// Reads what could not be read before.
    fn read_again(&mut self, now: Now) {
        let Unread { events, wanted } = std::mem::take(&mut self.unread);
        if events {
            self.load_events(now);
        }
        for wanted in wanted {
            self.load(wanted, now);
        }
    }

    fn load(&mut self, wanted: Wanted, now: Now) {
        let tomorrow = now.utc + 2 * DAY;
        let again = wanted.clone();
        let read = match wanted {
            Wanted::Buckets { hours, days } => {
                let all = self.store.buckets(BucketKind::Hours, hours, tomorrow).and_then(|mut all| {
                    all.extend(self.store.buckets(BucketKind::Days, days, tomorrow)?);
                    Ok(all)
                });
                all.map(|all| {
                    self.post.fact_blocking(Msg::Services(services::Msg::BucketsLoaded(all)));
                })
            }
            Wanted::HostMinutes { hosts, from } => hosts.into_iter().try_for_each(|host| {
                let minutes = self.store.host_minutes(&host, from, now.utc)?;
                self.post.fact_blocking(Msg::Hosts(hosts::Msg::MinutesLoaded { host, minutes }));
                Ok(())
            }),
            Wanted::Patterns { from } => self.store.patterns(None, from).map(|known| {
                self.post.fact_blocking(Msg::Logs(crate::core::logs::Msg::Remembered(known)));
            }),
            Wanted::Events => {
                self.load_events(now);
                Ok(())
            }
            Wanted::Audit => {
                let read = self.audited.look(self.store.as_mut(), now.mono).map_err(|error| error.to_string());
                if let Some(news) = read.transpose() {
                    self.post.fact_blocking(Msg::AuditRead(Box::new(news)));
                }
                Ok(())
            }
            Wanted::Results(wants) => {
                self.ready = true;
                wants
                    .into_iter()
                    .try_for_each(|want| {
                        let results = self.store.results(&want.check, want.from)?;
                        self.post.fact_blocking(Msg::Services(services::Msg::ResultsLoaded(results)));
                        Ok(())
                    })
                    .map(|()| {
                        self.post.fact_blocking(Msg::HistoryRead);
                    })
            }
        };
        if let Err(error) = read {
            self.ready = true;
            if error.is_passing() {
                self.unread.wanted.push(again);
            }
            self.say_unread(&error);
        }
    }
}

/// Says whether only the holder of the lease may write this row.
fn recorders_own(row: &Row) -> bool {
    match row {
        Row::Result(_) | Row::HostMinute(_) | Row::ConfigFile(_) | Row::Finding(_) => true,
        Row::Bucket(bucket) => bucket.source == crate::core::record::Bucket::OWN,
        Row::Alert(event) => !matches!(event.kind, AlertEventKind::Acknowledged { .. }),
        Row::Outbox(event) => event.kind.is_delivery(),
        Row::Incident(_) | Row::Run(_) | Row::Audit(_) | Row::StatusUpdate(_) | Row::Pattern(_) | Row::Window(_) => {
            false
        }
    }
}
