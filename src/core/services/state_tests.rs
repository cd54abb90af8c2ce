//! Messages in; state, rows, facts and asks out.
use std::sync::Arc;

use super::*;
use crate::core::{
    inventory::{CheckSpec, Inventory},
    record::DeclaredState,
    services::{
        Fact, Failing, Outcome,
        testing::{check, id, inventory, result},
    },
    time::Mono,
};

const T0: i64 = 1_700_006_400_000;

fn now(utc: i64) -> Now {
    Now { utc: Timestamp(utc), mono: Mono((utc - T0 + DAY).unsigned_abs()) }
}

fn begin(inventory: &Inventory) -> State {
    let mut state = State::default();
    update(&mut state, Msg::InventoryReplaced, now(T0), inventory);
    state
}

fn measured(state: &mut State, inventory: &Inventory, check: &str, slot: i64, outcome: Outcome) -> Out {
    let msg = Msg::ResultArrived { result: result(check, slot, outcome), origin: Origin::Measured };
    update(state, msg, now(slot + 40), inventory)
}

fn page() -> Inventory {
    inventory(&[check("play@prod/page", 30 * SECOND, 10 * SECOND, 3)])
}

#[test]
fn a_new_recorder_checks_at_once_and_another_console_only_counts_down() {
    let inventory = page();
    let mut state = begin(&inventory);
    let service = "play@prod".parse().unwrap();
    assert!(state.next_check(&service).is_some());
    for tick in 0..400 {
        assert_eq!(update(&mut state, Msg::Ticked, now(T0 + tick * 100), &inventory).asks, []);
    }
    let at = T0 + 40 * SECOND;
    update(&mut state, Msg::RecordingStarted, now(at), &inventory);
    let asks = update(&mut state, Msg::Ticked, now(at + 100), &inventory).asks;
    let [Ask::RunCheck { check, slot, attempt: Attempt::Planned }] = asks.as_slice() else { panic!("{asks:?}") };
    assert_eq!((&check.id, *slot), (&id("play@prod/page"), Timestamp(at)));
    assert!(state.check(&check.id).unwrap().is_running());
}

#[test]
fn the_first_failure_is_tried_again_at_once_and_the_third_confirms() {
    let inventory = page();
    let mut state = begin(&inventory);
    update(&mut state, Msg::RecordingStarted, now(T0), &inventory);
    measured(&mut state, &inventory, "play@prod/page", T0, Outcome::Up);
    let first = T0 + 30 * SECOND;
    let out = measured(&mut state, &inventory, "play@prod/page", first, Outcome::Down);
    let [Ask::RunCheck { slot, attempt: Attempt::Retry, .. }] = out.asks.as_slice() else { panic!("{:?}", out.asks) };
    assert_eq!((*slot, out.facts.as_slice()), (Timestamp(first + 1), [].as_slice()));
    let out = measured(&mut state, &inventory, "play@prod/page", first + 1, Outcome::Down);
    assert_eq!((out.asks.len(), out.facts.len()), (0, 0), "only the first is tried again");
    assert_eq!(state.check(&id("play@prod/page")).unwrap().unconfirmed(Timestamp(first + 50)), 2);
    let service = state.services().next().unwrap();
    assert_eq!(service.health, Health::Up, "not confirmed");
    let failing = Failing { check: "page".into(), failures: 2, of: 3 };
    assert_eq!(service.failing, Some(failing), "but said");
    let next = state.next_of(&id("play@prod/page"));
    assert!(
        next.is_some_and(|next| next <= Timestamp(first + 41 + 5 * SECOND)),
        "not after a whole interval: {next:?}"
    );
    // An unknown outcome neither confirms nor clears.
    measured(&mut state, &inventory, "play@prod/page", first + 2, Outcome::Unknown);
    let out = measured(&mut state, &inventory, "play@prod/page", first + 30 * SECOND, Outcome::Down);
    let service: ServiceId = "play@prod".parse().unwrap();
    let since = Timestamp(first);
    assert_eq!(
        out.facts,
        [
            Fact::HealthChanged { service: service.clone(), from: Health::Up, to: Health::Down, since },
            Fact::WentDown { service: service.clone(), check: "page".into(), since, detail: "down".into() },
        ]
    );
    assert!(matches!(out.rows.as_slice(), [Row::Result(_)]));
    assert_eq!(state.indicator(), Indicator::MajorOutage);
    assert_eq!(state.services().next().unwrap().failing, None, "it is down");
    let at = first + 60 * SECOND;
    let out = measured(&mut state, &inventory, "play@prod/page", at, Outcome::Degraded);
    assert!(out.facts.contains(&Fact::Recovered { service, since, at: Timestamp(at) }), "{:?}", out.facts);
    assert_eq!(state.indicator(), Indicator::Degraded);
}

#[test]
fn what_is_down_when_nothing_was_known_is_confirmed_at_once() {
    let inventory = page();
    let mut state = begin(&inventory);
    update(&mut state, Msg::RecordingStarted, now(T0), &inventory);
    for failure in 0..2 {
        let out = measured(&mut state, &inventory, "play@prod/page", T0 + failure, Outcome::Down);
        let [Ask::RunCheck { slot, attempt: Attempt::Retry, .. }] = out.asks.as_slice() else { panic!("{failure}") };
        assert_eq!(*slot, Timestamp(T0 + failure + 1));
        assert_eq!(state.services().next().unwrap().health, Health::Unknown, "not confirmed");
    }
    let out = measured(&mut state, &inventory, "play@prod/page", T0 + 2, Outcome::Down);
    assert_eq!(out.asks, []);
    assert_eq!(state.services().next().unwrap().health, Health::Down);
    // Hours later, nobody recorded in between: what was known is too old to count.
    let later = T0 + 3 * HOUR;
    for failure in 0..2 {
        let out = measured(&mut state, &inventory, "play@prod/page", later + failure, Outcome::Down);
        assert_eq!(out.asks.len(), 1);
    }
}

#[test]
fn the_same_result_again_changes_nothing() {
    let inventory = page();
    let mut state = begin(&inventory);
    update(&mut state, Msg::RecordingStarted, now(T0), &inventory);
    measured(&mut state, &inventory, "play@prod/page", T0, Outcome::Up);
    let before = state.clone();
    let other = CheckResult { at: Timestamp(T0 + 99), ..result("play@prod/page", T0, Outcome::Down) };
    let msg = Msg::ResultArrived { result: other, origin: Origin::Stored };
    assert_eq!(update(&mut state, msg, now(T0 + 40), &inventory), Out::default());
    assert_eq!(state, before);
}

#[test]
fn without_results_a_service_turns_unknown_and_an_outage_is_not_over() {
    let inventory = page();
    let mut state = begin(&inventory);
    for n in 0..3 {
        measured(&mut state, &inventory, "play@prod/page", T0 + n * 30 * SECOND, Outcome::Down);
    }
    let out = update(&mut state, Msg::Ticked, now(T0 + 60 * SECOND + 70 * SECOND), &inventory);
    assert!(matches!(out.facts.as_slice(), [Fact::HealthChanged { to: Health::Unknown, .. }]), "{:?}", out.facts);
    assert_eq!(state.services().next().unwrap().down_since, Some(Timestamp(T0)));
    assert_eq!(state.indicator(), Indicator::Unknown);
    let out = measured(&mut state, &inventory, "play@prod/page", T0 + 300 * SECOND, Outcome::Up);
    assert!(out.facts.iter().any(|fact| matches!(fact, Fact::Recovered { since, .. } if *since == Timestamp(T0))));
}

#[test]
fn what_is_loaded_is_no_news() {
    let inventory = page();
    let mut state = begin(&inventory);
    let results = (0..200)
        .map(|n| result("play@prod/page", T0 - 100 * MINUTE + n * 30 * SECOND + SECOND, Outcome::Down))
        .collect();
    assert_eq!(update(&mut state, Msg::ResultsLoaded(results), now(T0), &inventory), Out::default());
    let service = state.services().next().unwrap();
    assert_eq!((service.health, service.down_since), (Health::Down, Some(Timestamp(T0 - 100 * MINUTE + SECOND))));
    assert_eq!((service.checks[0].history.len(), service.figures.h24.down_ms), (60, 100 * MINUTE - SECOND));
    // A result that is not older than the interval: no need to check again before its slot.
    update(&mut state, Msg::RecordingStarted, now(T0), &inventory);
    assert_eq!(update(&mut state, Msg::Ticked, now(T0), &inventory).asks, []);
}

#[test]
fn hours_are_written_once_final_and_again_by_a_new_recorder() {
    let inventory = page();
    let mut state = begin(&inventory);
    update(&mut state, Msg::RecordingStarted, now(T0), &inventory);
    let mut buckets = Vec::new();
    for n in 0..250 {
        let mut out = measured(&mut state, &inventory, "play@prod/page", T0 + n * 30 * SECOND, Outcome::Up);
        out.rows.append(&mut update(&mut state, Msg::Ticked, now(T0 + n * 30 * SECOND + 50), &inventory).rows);
        for row in out.rows {
            if let Row::Bucket(bucket) = row {
                buckets.push((bucket.start.since(Timestamp(T0)), bucket.length_ms, bucket.split.up_ms));
            }
        }
    }
    assert_eq!(buckets, [(0, HOUR, HOUR), (0, DAY, HOUR), (HOUR, HOUR, HOUR), (0, DAY, 2 * HOUR)]);
    update(&mut state, Msg::RecordingStopped, now(T0 + 3 * HOUR), &inventory);
    let rows = update(&mut state, Msg::RecordingStarted, now(T0 + 3 * HOUR), &inventory).rows;
    assert_eq!(rows.len(), 3, "two hours and their day");
}

#[test]
fn a_clock_that_was_years_ahead_leaves_a_record_that_goes_on() {
    let inventory = page();
    let mut state = begin(&inventory);
    update(&mut state, Msg::RecordingStarted, now(T0), &inventory);
    let record = |state: &mut State, from: i64, results: i64, mono: i64| {
        let mut buckets = Vec::new();
        for n in 0..results {
            let at = from + n * 30 * SECOND;
            let now = Now { utc: Timestamp(at + 40), mono: Mono((DAY + mono + n * 30 * SECOND).unsigned_abs()) };
            let msg =
                Msg::ResultArrived { result: result("play@prod/page", at, Outcome::Up), origin: Origin::Measured };
            let mut rows = update(state, msg, now, &inventory).rows;
            rows.append(&mut update(state, Msg::Ticked, now, &inventory).rows);
            buckets.extend(rows.into_iter().filter_map(|row| if let Row::Bucket(b) = row { Some(b) } else { None }));
        }
        buckets
    };
    let hours = |of: &[Bucket]| of.iter().filter(|bucket| bucket.length_ms == HOUR).count();
    let stored = record(&mut state, T0, 500, 0);
    assert_eq!(hours(&stored), 4);
    let ahead = T0 + 20_000 * DAY;
    let jumped = record(&mut state, ahead, 260, 5 * HOUR);
    assert_eq!(hours(&jumped), 3, "the hour before the jump, and what was measured, at its date");
    // The clock is right again, three hours on; the engine reads again what was stored.
    let back = T0 + 8 * HOUR;
    record(&mut state, back, 1, 8 * HOUR);
    let again = Now { utc: Timestamp(back + 50), mono: Mono((DAY + 8 * HOUR + 50).unsigned_abs()) };
    let stored = stored.into_iter().chain(jumped.into_iter().filter(|bucket| bucket.start < Timestamp(T0 + DAY)));
    update(&mut state, Msg::BucketsLoaded(stored.collect()), again, &inventory);
    let written = record(&mut state, back, 260, 8 * HOUR);
    assert_eq!(hours(&written), 2, "hours are final again");
    assert!(written.iter().all(|bucket| bucket.start < Timestamp(T0 + DAY)));
    let figures = state.services().next().unwrap().figures;
    assert_eq!(figures.h24.up_ms, (499 * 30 + 70) * SECOND + 259 * 30 * SECOND + 40);
}

#[test]
fn an_hour_that_another_process_recorded_is_not_lost_at_a_restart() {
    let inventory = page();
    // The process before stored an hour, went on, and died just before it could make the next one final.
    let up = crate::core::services::Split { up_ms: HOUR, ..Default::default() };
    let stored = Bucket {
        service: "play@prod".parse().unwrap(),
        start: Timestamp(T0),
        length_ms: HOUR,
        split: up,
        source: Bucket::OWN.to_owned(),
    };
    let results: Vec<_> =
        (0..119).map(|n| result("play@prod/page", T0 + HOUR + n * 30 * SECOND, Outcome::Up)).collect();
    let at = T0 + 2 * HOUR + 10 * MINUTE;
    let mut state = State::default();
    update(&mut state, Msg::InventoryReplaced, now(at), &inventory);
    update(&mut state, Msg::RecordingStarted, now(at), &inventory);
    update(&mut state, Msg::BucketsLoaded(vec![stored]), now(at), &inventory);
    let wants = state.results_wanted(now(at));
    assert!(wants[0].from < Timestamp(T0 + HOUR), "{wants:?}");
    for second in 0..20 {
        let out = update(&mut state, Msg::Ticked, now(at + second * SECOND), &inventory);
        assert_eq!(out.rows, [], "nothing is final while results are on their way");
    }
    update(&mut state, Msg::ResultsLoaded(results), now(at + 20 * SECOND), &inventory);
    let rows = update(&mut state, Msg::Ticked, now(at + 31 * SECOND), &inventory).rows;
    let hour = rows.iter().find_map(|row| match row {
        Row::Bucket(bucket) if bucket.length_ms == HOUR => Some((bucket.start, bucket.split.up_ms)),
        Row::Bucket(_)
        | Row::Result(_)
        | Row::HostMinute(_)
        | Row::Alert(_)
        | Row::Incident(_)
        | Row::Run(_)
        | Row::Audit(_)
        | Row::StatusUpdate(_)
        | Row::Window(_)
        | Row::Outbox(_)
        | Row::Pattern(_)
        | Row::ConfigFile(_)
        | Row::Finding(_) => None,
    });
    // The last of 119 results is 59 minutes into the hour and holds for 70 s.
    assert_eq!(hour, Some((Timestamp(T0 + HOUR), HOUR)));
}

#[test]
fn a_reload_keeps_the_history_of_what_stays() {
    let checks = [check("a@p/x", 30 * SECOND, SECOND, 1), check("b@p/x", 30 * SECOND, SECOND, 1)];
    let mut state = begin(&inventory(&checks));
    measured(&mut state, &inventory(&checks), "a@p/x", T0, Outcome::Up);
    measured(&mut state, &inventory(&checks), "b@p/x", T0, Outcome::Down);
    let new = [check("b@p/x", 30 * SECOND, SECOND, 1), check("c@p/y", 30 * SECOND, SECOND, 1)];
    update(&mut state, Msg::InventoryReplaced, now(T0 + 50), &inventory(&new));
    let healths: Vec<_> = state.services().map(|service| (service.id().to_string(), service.health)).collect();
    assert_eq!(healths, [("b@p".to_owned(), Health::Down), ("c@p".to_owned(), Health::Unknown)]);
    let msg = Msg::ResultArrived { result: result("a@p/x", T0 + 9, Outcome::Up), origin: Origin::Measured };
    let out = update(&mut state, msg, now(T0 + 90), &inventory(&new));
    assert_eq!(out.rows.len(), 1, "it is still history");
}

#[test]
fn the_indicator_follows_its_rule() {
    use Health::{Degraded, Down, Maintenance, Unknown, Up};
    for (healths, want) in [
        (vec![], Indicator::Unknown),
        (vec![Up, Up], Indicator::Operational),
        (vec![Up, Maintenance], Indicator::Maintenance),
        (vec![Up, Maintenance, Unknown], Indicator::Unknown),
        (vec![Up, Degraded, Unknown], Indicator::Degraded),
        (vec![Up, Degraded, Down, Unknown], Indicator::PartialOutage),
        (vec![Up, Down], Indicator::MajorOutage),
        (vec![Down, Unknown, Maintenance], Indicator::MajorOutage),
    ] {
        assert_eq!(indicator(healths.iter().copied()), want, "{healths:?}");
    }
}

#[test]
fn worst_comes_first_and_equals_keep_their_order() {
    let checks: Vec<Arc<CheckSpec>> =
        ["a@p/x", "b@p/x", "c@p/x", "d@p/x"].iter().map(|id| check(id, 30 * SECOND, SECOND, 1)).collect();
    let inventory = inventory(&checks);
    let mut state = begin(&inventory);
    for (id, outcome) in [("a@p/x", Outcome::Up), ("b@p/x", Outcome::Up), ("d@p/x", Outcome::Down)] {
        measured(&mut state, &inventory, id, T0, outcome);
    }
    let order: Vec<String> = state.worst_first().iter().map(|service| service.id().to_string()).collect();
    assert_eq!(order, ["d@p", "c@p", "a@p", "b@p"]);
}

#[test]
fn status_updates_are_kept_once_and_repeats_are_told() {
    let inventory = page();
    let mut state = begin(&inventory);
    let said = |at, text: &str| StatusUpdate {
        at: Timestamp(at),
        by: "ana".into(),
        service: None,
        state: DeclaredState::Investigating,
        text: text.to_owned(),
    };
    let updates = vec![said(T0 + 5, "we look"), said(T0, "slow"), said(T0, "slow")];
    update(&mut state, Msg::StatusUpdatesArrived(updates), now(T0), &inventory);
    assert_eq!(state.updates().map(|update| update.text.as_str()).collect::<Vec<_>>(), ["slow", "we look"]);
    assert!(state.repeats(&said(T0 + 9, "we look ")));
    assert!(!state.repeats(&said(T0 + 9, "slow")));
}

#[test]
fn cells_fold_the_worst_of_their_days_and_end_today() {
    use Grade::{Bad, Fair, Maintenance, Minor, NoData, Perfect, Poor};

    use crate::core::services::days::{Cells, Grade, fold};
    let day = |down_ms, up_ms, maintenance_ms| {
        Grade::of(&crate::core::services::Split { up_ms, down_ms, maintenance_ms, ..Default::default() })
    };
    let days = [
        day(0, 0, 0),
        day(0, 1_000, 0),
        day(1, 999, 0),
        day(2, 998, 0),
        day(11, 989, 0),
        day(0, 5, 5),
        day(51, 949, 0),
    ];
    assert_eq!(fold(&days, Cells::Ninety), [NoData, Perfect, Minor, Fair, Poor, Maintenance, Bad]);
    assert_eq!(fold(&days, Cells::FortyFive), [NoData, Minor, Poor, Bad]);
    assert_eq!(fold(&days, Cells::Thirty), [NoData, Fair, Bad]);
    assert!(fold(&[], Cells::Thirty).is_empty());
    assert_eq!(
        [112, 111, 64, 63].map(Cells::for_width),
        [Cells::Ninety, Cells::FortyFive, Cells::FortyFive, Cells::Thirty]
    );
}
