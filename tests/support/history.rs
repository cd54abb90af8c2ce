//! Made-up history for tests and benches: the same for the same arguments.
use quarterdeck::{
    core::{
        id::{ServiceId, Uid},
        record::{Bucket, Row},
        services::Split,
        time::{DAY, HOUR, Mono, Now, Timestamp},
    },
    store::{Lease, Owner, Store},
};

/// The service with a number: `svc-007@prod`.
pub(crate) fn service(number: usize) -> ServiceId {
    format!("svc-{number:03}@prod").parse().unwrap()
}

/// The hour of a service: up but for a few minutes every now and then, and some that nobody recorded.
pub(crate) fn hour(number: usize, start: Timestamp) -> Bucket {
    let seed = (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (start.0 / HOUR).unsigned_abs();
    let dice = seed.wrapping_mul(0xd6e8_feb8_6659_fd93) >> 40;
    let bad_ms = i64::try_from(dice % 600).unwrap() * 1_000;
    let split = match dice % 97 {
        0 => Split { up_ms: HOUR - bad_ms, down_ms: bad_ms, ..Split::default() },
        1 => Split { up_ms: HOUR - bad_ms, degraded_ms: bad_ms, ..Split::default() },
        2 => Split { up_ms: HOUR - bad_ms, unknown_ms: bad_ms, ..Split::default() },
        _ => Split { up_ms: HOUR, ..Split::default() },
    };
    Bucket { service: service(number), start, length_ms: HOUR, split, source: Bucket::OWN.to_owned() }
}

/// The day of a service: the sum of its hours.
pub(crate) fn day(number: usize, start: Timestamp) -> Bucket {
    let mut split = Split::default();
    for part in (0..24).map(|at| hour(number, start + at * HOUR).split) {
        split.up_ms += part.up_ms;
        split.degraded_ms += part.degraded_ms;
        split.down_ms += part.down_ms;
        split.unknown_ms += part.unknown_ms;
    }
    Bucket { split, length_ms: DAY, ..hour(number, start) }
}

/// Fills a store with hours and days of `services` services, for `days` days that end at `until`. Takes the lease and
/// gives it back.
pub(crate) fn fill(store: &mut dyn Store, services: usize, days: i64, until: Timestamp) {
    let owner = Owner { uid: Uid(*b"filler"), label: "filler".to_owned() };
    let now = Now { utc: until, mono: Mono(0) };
    let Lease::Mine { epoch } = store.lease(&owner, now, 60_000).unwrap() else { panic!("another records") };
    for back in (1..=days).rev() {
        let start = until - back * DAY;
        let hours = (0..24).flat_map(|at| (0..services).map(move |number| hour(number, start + at * HOUR)));
        let rows: Vec<_> = hours.chain((0..services).map(|number| day(number, start))).map(Row::Bucket).collect();
        store.commit(&rows, Some(epoch)).unwrap();
    }
    store.release(&owner).unwrap();
}
