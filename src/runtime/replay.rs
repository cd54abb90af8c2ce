//! Plays a recorded incident back: a clock that runs as fast as it is told to, and a store that tells what happened until then
//! and takes nothing.
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{
    core::{
        alerts::AlertEvent,
        config_files::ConfigFile,
        findings,
        id::{CheckId, HostName, IncidentId, RunId},
        incidents::{StoredIncidentEvent, precedent::Remembered},
        logs::patterns::KnownPattern,
        outbox::OutboxEvent,
        record::{Bucket, Changes, HostMinute, Row, StatusUpdate},
        replay::{SPEEDS, Standing, Turn},
        runs::RunEvent,
        services::CheckResult,
        time::{Clock, HOUR, MINUTE, Mono, Now, Timestamp},
        windows::WindowEvent,
    },
    store::{
        AuditLog, AuditNews, AuditState, BucketKind, Committed, Holder, Keep, Lease, OpenState, Owner, Pruned, Since,
        Store, StoreError,
    },
};

/// How long before the first sign it begins.
const BEFORE_MS: i64 = 2 * MINUTE;

/// A clock of the past. Its monotonic time is the present's: what is drawn and waited for goes on as ever.
pub struct Past {
    real: Arc<dyn Clock>,
    incident: IncidentId,
    from: Timestamp,
    /// When something happened, in order.
    stops: Vec<Timestamp>,
    at: Mutex<At>,
}

/// Where a replay is.
#[derive(Clone, Copy, Debug)]
struct At {
    utc: Timestamp,
    since: Mono,
    speed: u32,
    paused: bool,
}

impl std::fmt::Debug for Past {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Past").field("at", &*self.lock()).finish_non_exhaustive()
    }
}

impl Past {
    /// Begins two minutes before the first sign of an incident, of whose events steps are made.
    pub fn new(real: Arc<dyn Clock>, incident: IncidentId, events: &[StoredIncidentEvent], speed: u32) -> Self {
        let told = Told::new(events.to_vec(), |stored| stored.event.at);
        let own = || told.all.iter().filter(|(_, stored)| stored.number == incident);
        let mut stops: Vec<Timestamp> = own().map(|(told, _)| *told).collect();
        stops.sort_unstable();
        stops.dedup();
        let since = real.now().mono;
        let from = own().map(|(_, stored)| stored.event.at).min().unwrap_or_default() - BEFORE_MS;
        let at = At { utc: from, since, speed: speed.max(1), paused: false };
        Self { real, incident, from, stops, at: Mutex::new(at) }
    }

    fn lock(&self) -> MutexGuard<'_, At> {
        self.at.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self) -> Timestamp {
        self.stops.last().copied().unwrap_or_default()
    }

    fn utc(&self, at: At, mono: Mono) -> Timestamp {
        if at.paused {
            return at.utc;
        }
        let gone = i64::try_from(mono.since(at.since)).unwrap_or(i64::MAX).saturating_mul(i64::from(at.speed));
        (at.utc + gone).min(self.end().max(at.utc))
    }

    /// Does what is wanted. True when the time went back: what is known by now was not known then.
    pub fn turn(&self, turn: Turn) -> bool {
        let mono = self.real.now().mono;
        let mut at = self.lock();
        let now = self.utc(*at, mono);
        (at.utc, at.since) = (now, mono);
        let before = |stop: &&Timestamp| **stop < now;
        match turn {
            Turn::Pause => at.paused = !at.paused,
            Turn::Next => at.utc = self.stops.iter().copied().find(|stop| *stop > now).unwrap_or(now),
            Turn::Previous => at.utc = self.stops.iter().rev().find(before).copied().unwrap_or(self.from),
            Turn::To(moment) => at.utc = moment.clamp(self.from, self.end().max(self.from)),
            Turn::Faster => at.speed = SPEEDS.into_iter().find(|of| *of > at.speed).unwrap_or(at.speed),
            Turn::Slower => at.speed = SPEEDS.into_iter().rev().find(|of| *of < at.speed).unwrap_or(at.speed),
        }
        // Who walks from entry to entry backwards wants to look at them.
        at.paused |= turn == Turn::Previous;
        at.utc < now
    }

    /// Says how it stands.
    pub fn standing(&self) -> Standing {
        let at = *self.lock();
        let now = self.utc(at, self.real.now().mono);
        Standing {
            incident: self.incident,
            from: self.from,
            until: self.end(),
            entry: self.stops.iter().filter(|stop| **stop <= now).count(),
            entries: self.stops.len(),
            speed: at.speed,
            paused: at.paused,
            ended: now >= self.end(),
        }
    }
}

impl Clock for Past {
    fn now(&self) -> Now {
        let mono = self.real.now().mono;
        Now { utc: self.utc(*self.lock(), mono), mono }
    }
}

/// Events of one kind in the order of commit, and how many of them were told.
#[derive(Debug)]
struct Told<T> {
    all: Vec<(Timestamp, T)>,
    next: usize,
}

impl<T: Clone> Told<T> {
    /// What is dated back was written when what stands before it was written already: it is told no sooner.
    fn new(events: Vec<T>, at: impl Fn(&T) -> Timestamp) -> Self {
        let mut last = Timestamp(i64::MIN);
        let dated = events.into_iter().map(|event| {
            last = last.max(at(&event));
            (last, event)
        });
        Self { all: dated.collect(), next: 0 }
    }

    fn until(&mut self, now: Timestamp) -> Vec<T> {
        let rest = self.all.iter().skip(self.next).take_while(|(at, _)| *at <= now);
        let due: Vec<T> = rest.map(|(_, event)| event.clone()).collect();
        self.next += due.len();
        due
    }

    /// Tells all of it from its beginning.
    fn anew(&mut self, now: Timestamp) -> Vec<T> {
        self.next = 0;
        self.until(now)
    }
}

/// A store as it was at each moment of a [`Past`]. Whatever is to be written is refused.
#[derive(Debug)]
pub struct Recording<S> {
    inner: S,
    clock: Arc<Past>,
    alerts: Told<AlertEvent>,
    incidents: Told<StoredIncidentEvent>,
    runs: Told<(RunId, RunEvent)>,
    updates: Told<StatusUpdate>,
    outbox: Told<OutboxEvent>,
    windows: Told<WindowEvent>,
    files: Told<ConfigFile>,
    findings: Told<findings::Event>,
    results: Told<CheckResult>,
}

impl<S: Store> Recording<S> {
    /// Tells what is in `open`, and the results of `checks`, as time goes by.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn new(mut inner: S, clock: Arc<Past>, open: OpenState, checks: &[CheckId]) -> Result<Self, StoreError> {
        let from = clock.now().utc - 2 * HOUR;
        let mut results = Vec::new();
        for check in checks {
            results.extend(inner.results(check, from)?);
        }
        let end = clock.end();
        results.retain(|result| result.at <= end);
        results.sort_by_key(|result| result.at);
        Ok(Self {
            inner,
            clock,
            alerts: Told::new(open.alerts, |event| event.at),
            incidents: Told::new(open.incidents, |stored| stored.event.at),
            runs: Told::new(open.runs, |(_, event)| event.at),
            updates: Told::new(open.updates, |update| update.at),
            outbox: Told::new(open.outbox, |event| event.at),
            windows: Told::new(open.windows, |event| event.at),
            files: Told::new(open.files, |file| file.seen),
            findings: Told::new(open.findings, findings::Event::at),
            results: Told::new(results, |result| result.at),
        })
    }

    fn now(&self) -> Timestamp {
        self.clock.now().utc
    }

    fn refused() -> StoreError {
        StoreError::ReadOnly { path: "of the past: a replay changes nothing".into() }
    }
}

impl<S: Store> Store for Recording<S> {
    fn lease(&mut self, _owner: &Owner, _now: Now, _ttl_ms: u64) -> Result<Lease, StoreError> {
        Ok(Lease::Other { label: "the past".into(), epoch: 0, until: Timestamp(i64::MAX) })
    }

    fn release(&mut self, _owner: &Owner) -> Result<(), StoreError> {
        Ok(())
    }

    fn holder(&mut self) -> Result<Option<Holder>, StoreError> {
        Ok(Some(Holder { label: "the past".into(), epoch: 0, until: Timestamp(i64::MAX) }))
    }

    fn commit(&mut self, _rows: &[Row], _as_recorder: Option<u64>) -> Result<Committed, StoreError> {
        Err(Self::refused())
    }

    fn changes(&mut self) -> Result<Option<Changes>, StoreError> {
        let now = self.now();
        let changes = Changes {
            results: self.results.until(now),
            alerts: self.alerts.until(now),
            incidents: self.incidents.until(now),
            runs: self.runs.until(now),
            updates: self.updates.until(now),
            outbox: self.outbox.until(now),
            windows: self.windows.until(now),
            files: self.files.until(now),
            findings: self.findings.until(now),
            ..Changes::default()
        };
        Ok((changes != Changes::default()).then_some(changes))
    }

    fn open_state(&mut self, _since: Since) -> Result<OpenState, StoreError> {
        let now = self.now();
        let results = self.results.anew(now);
        let latest: BTreeMap<CheckId, CheckResult> =
            results.iter().map(|result| (result.check.clone(), result.clone())).collect();
        Ok(OpenState {
            alerts: self.alerts.anew(now),
            incidents: self.incidents.anew(now),
            runs: self.runs.anew(now),
            updates: self.updates.anew(now),
            outbox: self.outbox.anew(now),
            windows: self.windows.anew(now),
            files: self.files.anew(now),
            findings: self.findings.anew(now),
            latest: latest.into_values().collect(),
            results,
            unreadable: 0,
        })
    }

    fn buckets(&mut self, kind: BucketKind, from: Timestamp, to: Timestamp) -> Result<Vec<Bucket>, StoreError> {
        let now = self.now();
        let mut all = self.inner.buckets(kind, from, to.min(now))?;
        // What was still to come of an hour or a day is not known yet.
        all.retain(|bucket| bucket.start + bucket.length_ms <= now);
        Ok(all)
    }

    fn results(&mut self, check: &CheckId, from: Timestamp) -> Result<Vec<CheckResult>, StoreError> {
        let now = self.now();
        let mut all = self.inner.results(check, from)?;
        all.retain(|result| result.at <= now);
        Ok(all)
    }

    fn host_minutes(&mut self, host: &HostName, from: Timestamp, to: Timestamp) -> Result<Vec<HostMinute>, StoreError> {
        let now = self.now();
        self.inner.host_minutes(host, from, to.min(now))
    }

    /// All incidents are told whole, and results one by one, as they were then.
    fn remembered(&mut self, _limit: usize, _from: Timestamp) -> Result<Remembered, StoreError> {
        Ok(Remembered::default())
    }

    fn patterns(&mut self, _scope: Option<&str>, _seen_from: Timestamp) -> Result<Vec<KnownPattern>, StoreError> {
        Ok(Vec::new())
    }

    fn prune(&mut self, _now: Timestamp, _keep: &Keep) -> Result<Pruned, StoreError> {
        Err(Self::refused())
    }

    fn audit_verify(&mut self) -> Result<AuditState, StoreError> {
        Ok(self.audit_after(None)?.state)
    }

    fn audit(&mut self, from: Timestamp) -> Result<AuditLog, StoreError> {
        let now = self.now();
        let mut log = self.inner.audit(from)?;
        log.entries.retain(|(_, _, entry)| entry.at <= now);
        Ok(log)
    }

    /// Tells all of it each time: what comes to it is not what was written since.
    fn audit_after(&mut self, _known: Option<&AuditState>) -> Result<AuditNews, StoreError> {
        let now = self.now();
        let mut news = self.inner.audit_after(None)?;
        let later = news.log.entries.iter().position(|(_, _, entry)| entry.at > now).unwrap_or(news.log.entries.len());
        news.log.entries.truncate(later);
        if let Some((seq, hash, _)) = news.log.entries.last() {
            news.state.head.clone_from(hash);
            news.state.entries = news.state.entries.min(*seq);
            news.state.broken = news.state.broken.filter(|broken| broken.seq <= *seq);
        }
        Ok(news)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        core::{
            alerts::Severity,
            id::Uid,
            incidents::{IncidentEvent, IncidentEventKind},
            time::MINUTE,
        },
        store::{Options, Sqlite},
    };

    struct Real(Mutex<u64>);

    impl Clock for Real {
        fn now(&self) -> Now {
            Now { utc: Timestamp(0), mono: Mono(*self.0.lock().unwrap()) }
        }
    }

    const INCIDENT: IncidentId = IncidentId(7);

    fn stored(minute: i64, seq: u64) -> StoredIncidentEvent {
        let kind = IncidentEventKind::Note { text: format!("at {minute}") };
        let event = IncidentEvent { incident: Uid([7; 6]), at: Timestamp(minute * MINUTE), by: "ana".into(), kind };
        StoredIncidentEvent { number: INCIDENT, seq, event }
    }

    fn past() -> (Arc<Real>, Past) {
        let real = Arc::new(Real(Mutex::new(0)));
        let events = [stored(2, 1), stored(3, 2), stored(4, 3)];
        (Arc::clone(&real), Past::new(real, INCIDENT, &events, 10))
    }

    #[test]
    fn time_goes_as_fast_as_it_is_told_to_and_no_further_than_its_end() {
        let (real, past) = past();
        let at = |ms: u64| {
            *real.0.lock().unwrap() = ms;
            past.now().utc.0
        };
        assert_eq!(at(1_000), 10_000, "two minutes before the first sign, ten times as fast");
        past.turn(Turn::Slower);
        assert_eq!(at(2_000), 15_000);
        past.turn(Turn::Pause);
        assert_eq!((at(9_000), past.standing().words().as_str()), (15_000, "REPLAY PAUSED 0/3"));
        past.turn(Turn::Next);
        assert_eq!((at(10_000), past.standing().entry), (2 * MINUTE, 1));
        past.turn(Turn::Next);
        assert_eq!(at(10_000), 3 * MINUTE);
        past.turn(Turn::Pause);
        for _ in 0..9 {
            past.turn(Turn::Faster);
        }
        assert_eq!((at(60_000), past.standing().words().as_str()), (4 * MINUTE, "REPLAY END 3/3"));
        assert!(!past.turn(Turn::Next));
        assert_eq!(at(60_001), 4 * MINUTE);
    }

    #[test]
    fn it_goes_back_entry_by_entry_and_to_any_moment_within_it() {
        let (real, past) = past();
        *real.0.lock().unwrap() = 3_600_000;
        assert!(past.standing().ended);
        assert!(past.turn(Turn::Previous));
        assert_eq!((past.now().utc.0, past.standing().paused), (3 * MINUTE, true));
        assert!(past.turn(Turn::Previous));
        assert!(past.turn(Turn::Previous));
        assert_eq!(past.now().utc.0, 0, "before its first entry is where it begins");
        assert!(!past.turn(Turn::Previous));
        for (to, at) in [(MINUTE, MINUTE), (-9, 0), (99 * MINUTE, 4 * MINUTE)] {
            past.turn(Turn::To(Timestamp(to)));
            assert_eq!(past.now().utc.0, at);
        }
    }

    #[test]
    fn the_store_of_the_past_tells_what_was_known_then_and_takes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = Sqlite::open(&dir.path().join("qd.db"), &Options::default()).unwrap();
        let event = |at: i64, kind| {
            Row::Incident(IncidentEvent { incident: Uid([7; 6]), at: Timestamp(at), by: "ana".into(), kind })
        };
        let opened = IncidentEventKind::Opened { title: "down".into(), severity: Severity::P1, service: None };
        let detected = IncidentEventKind::Detected { alert: Uid([1; 6]), summary: "down".into() };
        let rows =
            [event(MINUTE, opened), event(MINUTE / 2, detected), event(2 * MINUTE, IncidentEventKind::Acknowledged)];
        store.commit(&rows, None).unwrap();
        let everything = Since { events: Timestamp(i64::MIN), results: Timestamp(0) };
        let open = store.open_state(everything).unwrap();
        let number = open.incidents.first().unwrap().number;
        let real = Arc::new(Real(Mutex::new(0)));
        let past = Arc::new(Past::new(real, number, &open.incidents, 1));
        let mut recording = Recording::new(store, Arc::clone(&past), open, &[]).unwrap();
        assert!(recording.open_state(everything).unwrap().incidents.is_empty());
        assert!(recording.changes().unwrap().is_none());
        past.turn(Turn::Next);
        let told = recording.changes().unwrap().unwrap();
        assert_eq!(told.incidents.len(), 2, "what was dated back was written only then");
        assert!(recording.commit(&rows, None).is_err() && recording.prune(past.now().utc, &Keep::default()).is_err());
        let owner = Owner { uid: Uid([1; 6]), label: "x".into() };
        assert!(matches!(recording.lease(&owner, past.now(), 1), Ok(Lease::Other { .. })));
        past.turn(Turn::Next);
        assert_eq!(recording.changes().unwrap().unwrap().incidents.len(), 1);
        assert!(recording.changes().unwrap().is_none());
        past.turn(Turn::Previous);
        assert_eq!(recording.open_state(everything).unwrap().incidents.len(), 2, "told anew, as it was then");
        past.turn(Turn::Next);
        assert_eq!(recording.changes().unwrap().unwrap().incidents.len(), 1);
    }
}
