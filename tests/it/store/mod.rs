//! One store, several processes: who records, what survives a kill, what everybody sees.
//!
//! The processes are this test binary again, started with a role in its environment.
mod failures;
#[path = "../../support/history.rs"]
#[expect(dead_code, reason = "shared with the benches")]
mod history;
mod order;
mod processes;

use std::{collections::HashSet, time::Duration};

use quarterdeck::{
    core::{
        alerts::{AlertEvent, AlertEventKind},
        id::Uid,
        incidents::{IncidentEvent, IncidentEventKind},
        record::{Audit, DeclaredState, Row, StatusUpdate},
        runs::{RunEvent, RunEventKind, RunOutcome},
        services::{CheckResult, Outcome},
        time::{Mono, Now, Timestamp},
        windows::{Covers, Window, WindowEvent, WindowEventKind},
    },
    store::{Lease, Options, Owner, Since, Sqlite, Store, StoreError},
};
use tempfile::TempDir;

/// How long anything may take before a test says that it hangs.
const HANGS: Duration = Duration::from_secs(30);

fn at(ms: i64) -> Timestamp {
    Timestamp(1_790_000_000_000 + ms)
}

fn now(ms: i64) -> Now {
    Now { utc: at(ms), mono: Mono(u64::try_from(ms).unwrap() + 5_000) }
}

fn uid(number: u64) -> Uid {
    Uid(number.to_be_bytes()[2..].try_into().unwrap())
}

fn owner(number: u64) -> Owner {
    Owner { uid: uid(number), label: format!("console {number}") }
}

fn result(check: &str, slot: Timestamp, detail: &str) -> Row {
    Row::Result(CheckResult {
        check: check.parse().unwrap(),
        slot,
        at: slot + 20,
        outcome: Outcome::Down,
        took_ms: Some(20),
        detail: detail.to_owned(),
        cert_not_after: Some(slot + 1_000),
    })
}

fn note(incident: u64, text: &str) -> Row {
    let kind = IncidentEventKind::Note { text: text.to_owned() };
    Row::Incident(IncidentEvent { incident: uid(incident), at: at(0), by: "ana".into(), kind })
}

fn closed(incident: u64, when: Timestamp) -> Row {
    Row::Incident(IncidentEvent { incident: uid(incident), at: when, by: "qd".into(), kind: IncidentEventKind::Closed })
}

fn alert(alert: u64, kind: AlertEventKind) -> Row {
    Row::Alert(AlertEvent { alert: uid(alert), at: at(0), by: "ana".into(), kind })
}

fn acknowledged(of: u64, ms: i64) -> Row {
    alert(of, AlertEventKind::Acknowledged { until: at(ms), reason: None, over: None })
}

fn run(of: u64, kind: RunEventKind) -> Row {
    Row::Run(RunEvent { run: uid(of), at: at(0), by: "ana".into(), kind })
}

fn update(text: &str) -> Row {
    let state = DeclaredState::Monitoring;
    Row::StatusUpdate(StatusUpdate { at: at(0), by: "ana".into(), service: None, state, text: text.to_owned() })
}

fn window() -> Row {
    let declared =
        Window { covers: Covers::default(), from: at(0), to: at(5), zone: "UTC".into(), why: "new disk".into() };
    let kind = WindowEventKind::Declared { declared };
    Row::Window(WindowEvent { window: uid(1), at: at(0), by: "ana".into(), kind })
}

fn audit(detail: &str) -> Row {
    Row::Audit(Audit {
        at: at(0),
        by: "ana".into(),
        from: "pts/3".into(),
        what: "run.confirmed".into(),
        target: "play@prod".into(),
        detail: detail.to_owned(),
    })
}

fn open(dir: &TempDir) -> Sqlite {
    Sqlite::open(&dir.path().join("qd.db"), &Options::default()).unwrap()
}

fn everything() -> Since {
    Since { events: Timestamp(0), results: Timestamp(0) }
}

fn mine(lease: Result<Lease, StoreError>) -> u64 {
    match lease.unwrap() {
        Lease::Mine { epoch } => epoch,
        Lease::Other { label, .. } => panic!("{label} has the lease"),
    }
}

fn is_other(lease: Result<Lease, StoreError>) -> bool {
    matches!(lease.unwrap(), Lease::Other { .. })
}

const TTL: u64 = 6_000;

#[test]
fn one_records_until_its_lease_runs_out_and_then_cannot_write() {
    let dir = TempDir::new().unwrap();
    let (mut a, mut b) = (open(&dir), open(&dir));
    assert_eq!(b.holder().unwrap(), None);
    let first = mine(a.lease(&owner(1), now(0), TTL));
    assert!(is_other(b.lease(&owner(2), now(10), TTL)));
    assert_eq!(mine(a.lease(&owner(1), now(2_000), TTL)), first, "renewed, not changed");
    assert!(is_other(b.lease(&owner(2), now(7_900), TTL)));
    let second = mine(b.lease(&owner(2), now(8_000), TTL));
    assert!(second > first);
    assert_eq!(a.holder().unwrap().unwrap().label, "console 2");

    // A was stopped meanwhile and knows nothing of it.
    let rows = [note(1, "by the recorder"), result("play@prod/page", at(0), "late")];
    let error = a.commit(&rows, Some(first)).unwrap_err();
    assert!(matches!(&error, StoreError::LostLease { label: Some(label), .. } if label == "console 2"), "{error}");
    assert_eq!(b.changes().unwrap(), None, "nothing of it was written");
    assert!(is_other(a.lease(&owner(1), now(8_100), TTL)));
    a.commit(&[note(1, "by a person")], None).unwrap();
    b.commit(&rows, Some(second)).unwrap();
}

#[test]
fn a_lease_given_back_is_free_at_once_and_its_epoch_is_over() {
    let dir = TempDir::new().unwrap();
    let (mut a, mut b) = (open(&dir), open(&dir));
    let first = mine(a.lease(&owner(1), now(0), TTL));
    b.release(&owner(2)).unwrap();
    assert!(is_other(b.lease(&owner(2), now(0), TTL)), "only who has it gives it back");
    a.release(&owner(1)).unwrap();
    assert!(matches!(
        a.commit(&[result("play@prod/page", at(0), "")], Some(first)),
        Err(StoreError::LostLease { label: None, .. })
    ));
    assert_eq!(mine(b.lease(&owner(2), now(1), TTL)), first + 1);
    b.release(&owner(2)).unwrap();
    assert_eq!(mine(b.lease(&owner(2), now(2), TTL)), first + 2, "the same owner, a new epoch");
}

#[test]
fn a_clock_that_jumps_back_keeps_no_dead_lease_alive() {
    let dir = TempDir::new().unwrap();
    let (mut a, mut b) = (open(&dir), open(&dir));
    let hour = 3_600_000;
    let first = mine(a.lease(&owner(1), now(hour), TTL));
    // The clock goes back by an hour; A is dead; B has never seen it move.
    let jumped = |ms: u64| Now { utc: at(0), mono: Mono(ms) };
    assert!(is_other(b.lease(&owner(2), jumped(0), TTL)));
    assert!(is_other(b.lease(&owner(2), jumped(5_999), TTL)));
    assert_eq!(mine(b.lease(&owner(2), jumped(6_000), TTL)), first + 1);
    // A living one re-dates it, and nobody takes it.
    assert_eq!(mine(b.lease(&owner(2), jumped(8_000), TTL)), first + 1);
    assert!(is_other(a.lease(&owner(1), jumped(8_001), TTL)));
    assert_eq!(mine(b.lease(&owner(2), jumped(10_000), TTL)), first + 1);
    assert!(is_other(a.lease(&owner(1), jumped(14_500), TTL)), "seen standing still since 14.5 s only");
}

#[test]
fn numbers_are_counted_per_store_and_positions_per_incident() {
    let dir = TempDir::new().unwrap();
    let (mut a, mut b) = (open(&dir), open(&dir));
    let ended = || RunEventKind::Ended { outcome: RunOutcome::Succeeded };
    let one = a.commit(&[note(70, "a"), note(80, "b"), note(70, "c"), run(5, ended())], None).unwrap();
    let places: Vec<_> = one.incidents.iter().map(|event| (event.number.0, event.seq)).collect();
    assert_eq!(places, [(1, 1), (2, 1), (1, 2)]);
    let two = b.commit(&[note(80, "d"), note(90, "e"), run(6, ended()), run(5, ended())], None).unwrap();
    let places: Vec<_> = two.incidents.iter().map(|event| (event.number.0, event.seq)).collect();
    assert_eq!(places, [(2, 2), (3, 1)]);
    assert_eq!(two.runs.iter().map(|run| (run.run, run.number.0)).collect::<Vec<_>>(), [(uid(6), 2), (uid(5), 1)]);
    assert_eq!(one.runs[0].number.to_string(), "RUN-1");
}

#[test]
fn a_result_is_written_once_whoever_comes_second() {
    let dir = TempDir::new().unwrap();
    let (mut a, mut b) = (open(&dir), open(&dir));
    let epoch = mine(a.lease(&owner(1), now(0), TTL));
    a.commit(&[result("play@prod/page", at(0), "first")], Some(epoch)).unwrap();
    let epoch = mine(b.lease(&owner(2), now(9_000), TTL));
    let rows = [result("play@prod/page", at(0), "second"), result("play@prod/tls", at(0), "other")];
    assert_eq!(b.commit(&rows, Some(epoch)).unwrap().ignored, 1);
    let state = a.open_state(everything()).unwrap();
    let seen: HashSet<_> = state.results.iter().map(|result| result.detail.as_str()).collect();
    assert_eq!(seen, HashSet::from(["first", "other"]));
}

#[test]
fn a_console_starts_from_what_is_open_and_what_is_recent() {
    let dir = TempDir::new().unwrap();
    let mut store = open(&dir);
    let epoch = mine(store.lease(&owner(1), now(0), TTL));
    let day = 86_400_000;
    let fired = |since| AlertEventKind::Fired {
        rule: "cpu".into(),
        target: quarterdeck::core::alerts::Target::Host("web-01".into()),
        severity: quarterdeck::core::alerts::Severity::P2,
        value: Some(91.5),
        since,
        summary: "CPU 91.5 % > 80 % for 5m".into(),
        muted: false,
    };
    let rows = [
        note(1, "open and old"),
        note(2, "closed and old"),
        closed(2, at(0)),
        note(3, "closed lately"),
        closed(3, at(3 * day)),
        alert(4, fired(at(-5))),
        acknowledged(4, 60_000),
        alert(5, fired(at(-5))),
        alert(5, AlertEventKind::Resolved { value: Some(12.0) }),
        alert(6, fired(at(-5))),
        alert(6, AlertEventKind::Resolved { value: None }),
        alert(6, AlertEventKind::Flapping { flips: 7 }),
        run(7, RunEventKind::StepStarted { step: 0 }),
        run(8, RunEventKind::Ended { outcome: RunOutcome::Unknown }),
        result("play@prod/page", at(0), "old"),
        result("play@prod/page", at(60_000), "old, last"),
        result("play@prod/tls", at(3 * day), "recent"),
    ];
    store.commit(&rows, Some(epoch)).unwrap();
    let since = Since { events: at(2 * day), results: at(2 * day) };
    let mut other = open(&dir);
    let state = other.open_state(since).unwrap();
    let incidents: Vec<_> = state.incidents.iter().map(|event| (event.number.0, event.seq)).collect();
    assert_eq!(incidents, [(1, 1), (3, 1), (3, 2)]);
    let alerts: Vec<_> = state.alerts.iter().map(|event| event.alert).collect();
    assert_eq!(alerts, [4, 4, 6, 6, 6].map(uid));
    let Row::Alert(first) = &rows[5] else { unreachable!() };
    assert_eq!(&state.alerts[0], first, "as it was written");
    assert_eq!(state.runs.iter().map(|(number, _)| number.0).collect::<Vec<_>>(), [1]);
    let latest: Vec<_> = state.latest.iter().map(|result| result.detail.as_str()).collect();
    assert_eq!(latest, ["old, last", "recent"]);
    assert_eq!(state.results.len(), 1);
    let page = other.results(&"play@prod/page".parse().unwrap(), at(1)).unwrap();
    assert_eq!(page.iter().map(|result| result.slot).collect::<Vec<_>>(), [at(60_000)]);
    assert_eq!(other.changes().unwrap(), None, "all of it was in the state");
    assert_eq!(other.open_state(everything()).unwrap().incidents.len(), 5);
}

#[test]
fn many_consoles_that_start_at_once_make_one_store() {
    let dir = TempDir::new().unwrap();
    let holders: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (1..=8)
            .map(|number| {
                let dir = &dir;
                scope.spawn(move || {
                    let mut store = open(dir);
                    store.commit(&[note(number, "here")], None).unwrap();
                    store.lease(&owner(number), now(0), TTL).unwrap()
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(holders.iter().filter(|lease| matches!(lease, Lease::Mine { epoch: 1 })).count(), 1, "{holders:?}");
    let numbers: Vec<_> = open(&dir).open_state(everything()).unwrap().incidents.iter().map(|e| e.number.0).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5, 6, 7, 8]);
}
