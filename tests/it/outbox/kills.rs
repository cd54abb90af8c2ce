//! A process that keeps an incident and its ticket is killed (SIGKILL) before, in and after every one of its writes: what it said
//! was saved is there, once, and the tracker has one ticket.
use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::Write as _,
    os::unix::process::ExitStatusExt as _,
    path::Path,
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use quarterdeck::{
    core::{
        alerts::Severity,
        id::{CheckId, HostName},
        incidents::{IncidentEventKind, StoredIncidentEvent, precedent::Remembered},
        logs::patterns::KnownPattern,
        outbox::{Standing, TrackerSpec},
        record::{Bucket, Changes, HostMinute, Row},
        services::CheckResult,
        time::{Clock, MINUTE, Now, Timestamp},
    },
    runtime::{clock::SystemClock, engine::Engine},
    store::{
        self, AuditLog, AuditNews, AuditState, BucketKind, Committed, Holder, Keep, Lease, OpenState, Owner, Pruned,
        Since, Sqlite, Store, StoreError,
    },
};
use serde_json::json;

use super::{INCIDENT, console_on, say_on, spec, until};
use crate::tickets::{Vendor, start};

const STORE: &str = "QD_TEST_KILLS_STORE";
const TRACKER: &str = "QD_TEST_KILLS_TRACKER";
const AT: &str = "QD_TEST_KILLS_AT";
const TOKEN: &str = "QD_TEST_KILLS_TOKEN";

/// How many nights go on beside each other.
const AT_ONCE: u64 = 8;

/// Where in a write it dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    Before,
    Amid,
    After,
}

/// Kills this process at one of its writes, counted over all its connections.
#[derive(Clone, Debug)]
struct Fuse {
    at: u64,
    when: Option<When>,
    writes: Arc<AtomicU64>,
}

fn kill_me() {
    let pid = std::process::id().to_string();
    _ = std::process::Command::new("kill").args(["-s", "KILL", &pid]).status();
}

impl Fuse {
    fn from_env() -> Self {
        let text = std::env::var(AT).unwrap();
        let (at, when) = text.split_once(' ').unwrap();
        let when = match when {
            "Before" => Some(When::Before),
            "Amid" => Some(When::Amid),
            "After" => Some(When::After),
            _ => None,
        };
        Self { at: at.parse().unwrap(), when, writes: Arc::default() }
    }

    fn round<T>(&self, write: impl FnOnce() -> T) -> T {
        let here = self.when.filter(|_| self.writes.fetch_add(1, Ordering::SeqCst) == self.at);
        match here {
            None => write(),
            Some(When::Before) => {
                kill_me();
                unreachable!("it was killed");
            }
            Some(When::Amid) => std::thread::scope(|scope| {
                // As soon as the other process has come up: in the write, or a moment after.
                scope.spawn(kill_me);
                write()
            }),
            Some(When::After) => {
                _ = write();
                kill_me();
                unreachable!("it was killed");
            }
        }
    }
}

/// A store in which the process may die.
pub(super) struct Mortal {
    store: Sqlite,
    fuse: Fuse,
}

impl Mortal {
    fn open(path: &Path, fuse: &Fuse) -> Self {
        Self { store: Sqlite::open(path, &store::Options::default()).unwrap(), fuse: fuse.clone() }
    }
}

impl Store for Mortal {
    fn lease(&mut self, owner: &Owner, now: Now, ttl_ms: u64) -> Result<Lease, StoreError> {
        self.store.lease(owner, now, ttl_ms)
    }

    fn release(&mut self, owner: &Owner) -> Result<(), StoreError> {
        self.store.release(owner)
    }

    fn holder(&mut self) -> Result<Option<Holder>, StoreError> {
        self.store.holder()
    }

    fn commit(&mut self, rows: &[Row], as_recorder: Option<u64>) -> Result<Committed, StoreError> {
        let store = &mut self.store;
        self.fuse.round(|| store.commit(rows, as_recorder))
    }

    fn changes(&mut self) -> Result<Option<Changes>, StoreError> {
        self.store.changes()
    }

    fn open_state(&mut self, since: Since) -> Result<OpenState, StoreError> {
        self.store.open_state(since)
    }

    fn buckets(&mut self, kind: BucketKind, from: Timestamp, to: Timestamp) -> Result<Vec<Bucket>, StoreError> {
        self.store.buckets(kind, from, to)
    }

    fn results(&mut self, check: &CheckId, from: Timestamp) -> Result<Vec<CheckResult>, StoreError> {
        self.store.results(check, from)
    }

    fn host_minutes(&mut self, host: &HostName, from: Timestamp, to: Timestamp) -> Result<Vec<HostMinute>, StoreError> {
        self.store.host_minutes(host, from, to)
    }

    fn remembered(&mut self, limit: usize, from: Timestamp) -> Result<Remembered, StoreError> {
        self.store.remembered(limit, from)
    }

    fn patterns(&mut self, scope: Option<&str>, seen_from: Timestamp) -> Result<Vec<KnownPattern>, StoreError> {
        self.store.patterns(scope, seen_from)
    }

    fn prune(&mut self, now: Timestamp, keep: &Keep) -> Result<Pruned, StoreError> {
        self.store.prune(now, keep)
    }

    fn audit_verify(&mut self) -> Result<AuditState, StoreError> {
        self.store.audit_verify()
    }

    fn audit(&mut self, from: Timestamp) -> Result<AuditLog, StoreError> {
        self.store.audit(from)
    }

    fn audit_after(&mut self, known: Option<&AuditState>) -> Result<AuditNews, StoreError> {
        self.store.audit_after(known)
    }
}

/// What is done in the incident, in order; each with the words by which it is known again.
fn story() -> Vec<(&'static str, IncidentEventKind)> {
    let note = |text: &str| IncidentEventKind::Note { text: text.into() };
    vec![
        (
            "play is down",
            IncidentEventKind::Opened { title: "play is down".into(), severity: Severity::P1, service: None },
        ),
        ("the first note", note("the first note")),
        ("not so bad", IncidentEventKind::SeverityChanged { to: Severity::P2, reason: "not so bad".into() }),
        ("it is well", IncidentEventKind::Resolved { summary: "it is well".into() }),
    ]
}

fn tracker(url: &str) -> Arc<TrackerSpec> {
    let params = json!({ "repo": "acme/incidents", "token": "env:QD_TEST_KILLS_TOKEN", "api": url });
    let mut spec = spec("gh", "github", params);
    Arc::make_mut(&mut spec).window_ms = 200;
    spec
}

/// The machine's clock, and later.
struct Later(SystemClock, i64);

impl Clock for Later {
    fn now(&self) -> Now {
        let now = self.0.now();
        Now { utc: now.utc + self.1, mono: now.mono }
    }
}

/// Not a test of its own: what this binary does when it is started as the process that is killed.
#[tokio::test(flavor = "multi_thread")]
async fn role() {
    let Ok(path) = std::env::var(STORE) else { return };
    let (path, fuse) = (Path::new(&path), Fuse::from_env());
    let said = File::options().append(true).create(true).open(path.with_file_name("said")).unwrap();
    // In one write: the kill may come between two.
    let tell = |words: &str| (&said).write_all(format!("{words}\n").as_bytes()).unwrap();
    let trackers = [tracker(&std::env::var(TRACKER).unwrap())];
    // Who comes after a kill comes later: what the dead one had is free by then.
    let late = if fuse.when.is_none() { 10 * MINUTE } else { 0 };
    let clock: Arc<dyn Clock> = Arc::new(Later(SystemClock::new(), late));
    let (mut engine, _tasks) = console_on(Box::new(Mortal::open(path, &fuse)), clock, &trackers);
    until(&mut engine, "recording", |engine| engine.state.records() && engine.state.is_loaded()).await;
    for (words, kind) in story() {
        let has = |of: &Engine| {
            let incident = of.state.incidents.incidents.get(&INCIDENT);
            incident.is_some_and(|of| of.timeline.values().any(|event| format!("{:?}", event.kind).contains(words)))
        };
        if !has(&engine) {
            say_on(&engine, &mut Mortal::open(path, &fuse), kind);
            tell(words);
        }
        until(&mut engine, words, |engine| has(engine)).await;
    }
    until(&mut engine, "all is written", |engine| {
        let mut all = engine.state.outbox.in_order();
        all.all(|entry| entry.standing == Standing::Synced)
    })
    .await;
    tell("synced");
}

async fn process(store: &Path, url: &str, at: u64, when: Option<When>) -> std::process::ExitStatus {
    let when = when.map_or_else(|| "never".to_owned(), |when| format!("{when:?}"));
    let mut child = tokio::process::Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "outbox::kills::role", "--nocapture"]).kill_on_drop(true);
    child.env(STORE, store).env(TRACKER, url).env(AT, format!("{at} {when}")).env(TOKEN, "test-token-1234");
    child.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    tokio::time::timeout(super::HANG * 2, child.status()).await.expect("it ends").unwrap()
}

/// One kill and its consequences. False where nothing was left to be killed in.
async fn killed_at(at: u64, when: When) -> bool {
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("qd.db");
    let (fake, url) = start(Vendor::GitHub, 0).await;
    let ended = process(&store, &url, at, Some(when)).await;
    if ended.success() {
        return false;
    }
    assert_eq!(ended.signal(), Some(9), "{at} {when:?}: it was killed, and nothing else");
    let before = fs::read_to_string(dir.path().join("said")).unwrap_or_default();
    let after = process(&store, &url, 0, None).await;
    let said = fs::read_to_string(dir.path().join("said")).unwrap_or_default();
    assert!(after.success(), "{at} {when:?}: the next one ends what was begun: {said}");

    let state = Sqlite::open(&store, &store::Options::default())
        .unwrap()
        .open_state(Since { events: Timestamp(0), results: Timestamp(0) })
        .unwrap();
    let mut times: BTreeMap<&str, usize> = BTreeMap::new();
    for (words, _) in story() {
        let is = |stored: &&StoredIncidentEvent| format!("{:?}", stored.event.kind).contains(words);
        times.insert(words, state.incidents.iter().filter(is).count());
    }
    for words in before.lines() {
        assert_eq!(times.get(words), Some(&1), "{at} {when:?}: what it said was saved is there, once");
    }
    assert!(times.values().all(|times| *times == 1), "{at} {when:?}: {times:?}");
    let fake = fake.lock().unwrap();
    let [ticket] = &*fake.tickets else { panic!("{at} {when:?}: one ticket, not {:#?}", fake.tickets) };
    assert!(ticket.done && ticket.labels.iter().any(|label| label.ends_with("P2")), "{at} {when:?}: {ticket:?}");
    let comments = ticket.comments.iter().filter(|(_, text)| text.contains("the first note")).count();
    assert_eq!(comments, 1, "{at} {when:?}: {ticket:?}");
    true
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_every_write_it_keeps_what_it_said_and_makes_one_ticket() {
    let mut kills = 0;
    for when in [When::Before, When::Amid, When::After] {
        let mut at = 0;
        loop {
            // Most of the time they wait for the tracker's pace.
            let some = (at..at + AT_ONCE).map(|at| killed_at(at, when));
            let killed = futures_util::future::join_all(some).await.into_iter().filter(|killed| *killed).count();
            kills += killed;
            at += AT_ONCE;
            if u64::try_from(killed).unwrap() < AT_ONCE {
                break;
            }
        }
    }
    println!("{kills} kills, one ticket each");
    assert!(kills > 3 * story().len(), "it died in more than what people wrote");
}
