//! The store with a year of hours of 200 services: what the screens ask of it.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a bench that cannot go on ends")]
#[path = "../tests/support/history.rs"]
mod history;

use std::sync::OnceLock;

use quarterdeck::{
    core::{
        record::Bucket,
        time::{DAY, HOUR, Timestamp},
    },
    store::{BucketKind, Options, Since, Sqlite, Store as _},
};
use tempfile::TempDir;

const UNTIL: Timestamp = Timestamp(1_790_000_000_000 / DAY * DAY);

fn main() {
    divan::main();
}

fn year() -> Sqlite {
    static DIR: OnceLock<TempDir> = OnceLock::new();
    let dir = DIR.get_or_init(|| {
        let dir = TempDir::new().unwrap();
        let mut store = Sqlite::open(&dir.path().join("qd.db"), &Options::default()).unwrap();
        history::fill(&mut store, 200, 365, UNTIL);
        dir
    });
    Sqlite::open(&dir.path().join("qd.db"), &Options::default()).unwrap()
}

/// Budget: 50 ms.
#[divan::bench]
fn overview_of_90_days(bencher: divan::Bencher<'_, '_>) {
    let mut store = year();
    bencher.bench_local(|| {
        let days = store.buckets(BucketKind::Days, UNTIL - 90 * DAY, UNTIL).unwrap();
        assert_eq!(days.len(), 200 * 90);
        days
    });
}

/// As a new process does: open, read the state, read the overview.
#[divan::bench]
fn open_and_overview(bencher: divan::Bencher<'_, '_>) {
    drop(year());
    bencher.bench_local(|| {
        let mut store = year();
        let state = store.open_state(Since { events: UNTIL - 7 * DAY, results: UNTIL - HOUR }).unwrap();
        (state, store.buckets(BucketKind::Days, UNTIL - 90 * DAY, UNTIL).unwrap())
    });
}

/// The hours of one day of all services.
#[divan::bench]
fn hours_of_one_day(bencher: divan::Bencher<'_, '_>) {
    let mut store = year();
    bencher.bench_local(|| -> Vec<Bucket> { store.buckets(BucketKind::Hours, UNTIL - DAY, UNTIL).unwrap() });
}

/// What every console asks four times a second when nothing happened.
#[divan::bench]
fn poll_without_news(bencher: divan::Bencher<'_, '_>) {
    let mut store = year();
    store.changes().unwrap();
    bencher.bench_local(|| store.changes().unwrap());
}
