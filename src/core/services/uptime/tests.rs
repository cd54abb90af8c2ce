//! Figures against a naive oracle that asks every second of the formula, and each edge of the module's doc by itself.
use std::{collections::BTreeMap, sync::Arc};

use proptest::prelude::*;

use super::*;
use crate::core::{
    inventory::{CheckSpec, Inventory},
    services::{
        self, CheckResult, Maintenance, Msg, Origin, Outcome, State,
        days::{Calendar, Grade},
        testing::{check, inventory, result},
        update,
        verdict::{RECENT, Track, hold_ms},
    },
    time::{MINUTE, Mono, Now, SECOND},
};

/// A Tuesday, midnight UTC.
const T0: i64 = 1_700_006_400_000;

fn now(utc: i64) -> Now {
    Now { utc: Timestamp(utc), mono: Mono(utc.unsigned_abs() - T0.unsigned_abs() / 2) }
}

/// What is known of one check, straight from the words of `verdict`: results in order, without unknown ones.
#[derive(Debug)]
struct Words {
    hold: i64,
    fail_after: usize,
    known: Vec<(i64, Outcome)>,
    /// All slots, unknown ones too: somebody was recording.
    slots: Vec<i64>,
}

impl Words {
    fn of(spec: &CheckSpec, results: &BTreeMap<i64, Outcome>) -> Self {
        let known = results.iter().filter(|(_, outcome)| **outcome != Outcome::Unknown);
        Self {
            hold: hold_ms(spec),
            fail_after: spec.fail_after as usize,
            known: known.map(|(slot, of)| (*slot, *of)).collect(),
            slots: results.keys().copied().collect(),
        }
    }

    fn level_at(&self, t: i64) -> Option<Level> {
        let Self { hold, known, .. } = self;
        let here = known.partition_point(|(slot, _)| *slot <= t).checked_sub(1)?;
        if t >= known[here].0 + hold {
            return None;
        }
        let joined = |left: usize| left + 1 < known.len() && known[left + 1].0 <= known[left].0 + hold;
        let of = |position: usize| match known[position].1 {
            Outcome::Up => Some(Level::Up),
            Outcome::Degraded => Some(Level::Degraded),
            Outcome::Down | Outcome::Unknown => None,
        };
        if of(here).is_some() {
            return of(here);
        }
        let (mut first, mut last) = (here, here);
        while first > 0 && joined(first - 1) && of(first - 1).is_none() {
            first -= 1;
        }
        while joined(last) && of(last + 1).is_none() {
            last += 1;
        }
        if last - first + 1 >= self.fail_after {
            return Some(Level::Down);
        }
        (first > 0 && joined(first - 1)).then(|| of(first - 1)).flatten()
    }

    /// When somebody last asked.
    fn asked(&self, t: i64) -> Option<i64> {
        self.slots.get(self.slots.partition_point(|slot| *slot <= t).checked_sub(1)?).copied()
    }
}

type Recorded = Vec<(Arc<CheckSpec>, BTreeMap<i64, Outcome>)>;

/// Divides a stretch by asking every second; all edges lie on whole seconds.
fn oracle(checks: &Recorded, maintenance: &[Span], from: i64, to: i64) -> Split {
    let checks: Vec<Words> = checks.iter().map(|(spec, results)| Words::of(spec, results)).collect();
    let shortest = checks.iter().map(|check| check.hold).min().unwrap_or(0);
    let mut split = Split::default();
    for t in (from..to).step_by(1_000) {
        let planned = maintenance.iter().any(|span| span.from.0 <= t && t < span.to.0);
        let recorded = checks.iter().filter_map(|check| check.asked(t)).any(|slot| t < slot + shortest);
        let worst = checks.iter().filter_map(|check| check.level_at(t)).max();
        match worst {
            _ if planned => split.maintenance_ms += 1_000,
            Some(Level::Down) if recorded => split.down_ms += 1_000,
            Some(Level::Degraded) if recorded => split.degraded_ms += 1_000,
            Some(Level::Up) if recorded => split.up_ms += 1_000,
            _ => split.unknown_ms += 1_000,
        }
    }
    split
}

fn outcomes() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        5 => Just(Outcome::Up),
        1 => Just(Outcome::Degraded),
        4 => Just(Outcome::Down),
        1 => Just(Outcome::Unknown),
    ]
}

/// As many random cases, or as many as `PROPTEST_CASES` asks for.
fn cases(usual: u32) -> ProptestConfig {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|asked| asked.parse().ok());
    ProptestConfig { cases: asked.unwrap_or(usual), failure_persistence: None, ..ProptestConfig::default() }
}

fn specs(seconds: i64) -> impl Strategy<Value = (i64, i64, u32)> {
    (seconds..seconds * 4, 1..seconds, 1_u32..4)
}

proptest! {
    #![proptest_config(cases(150))]

    /// In whatever order results arrive, and however they overlap, the runs say what the words say.
    #[test]
    fn any_order_of_arrival_gives_what_the_oracle_says(
        all in prop::collection::vec(
            (specs(5), prop::collection::vec((0_i64..400, outcomes(), any::<u32>()), 1..40)), 1..4),
        windows in prop::collection::vec((0_i64..400, 1_i64..60), 0..2),
    ) {
        let mut recorded = Recorded::new();
        let (mut tracks, mut spans) = (Vec::new(), Spans::default());
        let shortest = all.iter().map(|((every, timeout, _), _)| (2 * every + timeout) * SECOND).min().unwrap();
        for (number, ((every, timeout, fail_after), results)) in all.into_iter().enumerate() {
            let spec = check(&format!("s@p/c{number}"), every * SECOND, timeout * SECOND, fail_after);
            let mut track = Track::new(&spec);
            let mut kept = BTreeMap::new();
            for (second, outcome, _) in &results {
                kept.entry(T0 + second * SECOND).or_insert(*outcome);
            }
            let mut arrivals: Vec<(u32, i64)> =
                results.iter().map(|(second, _, order)| (*order, T0 + second * SECOND)).collect();
            arrivals.sort_unstable();
            for (_, slot) in arrivals {
                track.take(Timestamp(slot), kept[&slot]);
                spans.add(Span::new(Timestamp(slot), Timestamp(slot + shortest)));
            }
            recorded.push((spec, kept));
            tracks.push(track);
        }
        let windows: Vec<Span> = windows.into_iter()
            .map(|(from, length)| Span::new(Timestamp(T0 + from * SECOND), Timestamp(T0 + (from + length) * SECOND)))
            .collect();
        let checks: Vec<&dyn Runs> = tracks.iter().map(|track| track as &dyn Runs).collect();
        let evidence = Evidence { checks: &checks, recorded: &spans, maintenance: &windows };
        for (from, to) in [(0, 600), (100, 250), (399, 400)] {
            let (from, to) = (T0 + from * SECOND, T0 + to * SECOND);
            prop_assert_eq!(
                evidence.measure(Span::new(Timestamp(from), Timestamp(to))),
                oracle(&recorded, &windows, from, to)
            );
        }
    }
}

/// Delivers results in order of arrival and ticks in between.
fn play(state: &mut State, inventory: &Inventory, arrivals: &[(i64, CheckResult)], from: i64, to: i64) -> Vec<Bucket> {
    let mut rows = Vec::new();
    let mut arrivals = arrivals.iter().filter(|(at, _)| (from..to).contains(at)).peekable();
    // The last look is at the very end, wherever the steps fall: what arrived after the last of them counts too.
    for t in (from..to).step_by(5_000).chain([to]) {
        while let Some((at, result)) = arrivals.next_if(|(at, _)| *at <= t) {
            let msg = Msg::ResultArrived { result: result.clone(), origin: Origin::Stored };
            rows.extend(update(state, msg, now(*at), inventory).rows);
        }
        rows.extend(update(state, Msg::Ticked, now(t), inventory).rows);
    }
    // Figures may be ten seconds old; this makes them as of now.
    rows.extend(update(state, Msg::MaintenanceReplaced(Vec::new()), now(to), inventory).rows);
    rows.into_iter()
        .filter_map(|row| match row {
            Row::Bucket(bucket) => Some(bucket),
            Row::Result(_)
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
        })
        .collect()
}

fn begin(inventory: &Inventory, at: i64) -> State {
    let mut state = State::default();
    update(&mut state, Msg::InventoryReplaced, now(at), inventory);
    update(&mut state, Msg::RecordingStarted, now(at), inventory);
    state
}

proptest! {
    #![proptest_config(cases(64))]

    /// Five hours over a midnight at an odd offset: what was made final hour by hour is what the oracle says, and a process
    /// that took over in between from the store says the same to the millisecond.
    #[test]
    fn settled_hours_and_a_take_over_give_what_the_oracle_says(
        specs in prop::collection::vec(specs(60), 1..3),
        seed in prop::collection::vec((outcomes(), 0_i64..100, 0_i64..20), 50..51),
        outage in (0_i64..280, 0_i64..40),
        cut in 1_800_i64..16_000,
    ) {
        let start = T0 + 16 * HOUR; // 21:30 in Kolkata
        let end = start + 5 * HOUR;
        let specs: Vec<Arc<CheckSpec>> = specs.iter().enumerate()
            .map(|(number, (every, timeout, fail))| check(&format!("s@p/c{number}"), every * SECOND, timeout * SECOND, *fail))
            .collect();
        let mut inventory = inventory(&specs);
        inventory.display.timezone = chrono_tz::Asia::Kolkata;
        let (mut recorded, mut arrivals) = (Recorded::new(), Vec::new());
        for (number, spec) in specs.iter().enumerate() {
            let mut kept = BTreeMap::new();
            let every = i64::try_from(spec.every_ms).unwrap();
            for (n, slot) in (0..).map(|n: i64| (usize::try_from(n).unwrap(), start + 7 * SECOND + n * every)).take_while(|(_, slot)| *slot < end) {
                let (outcome, skip, late) = seed[(n * 7 + number * 3) % seed.len()];
                let minute = (slot - start) / MINUTE;
                if skip < 8 || slot + late * SECOND >= end || (outage.0..outage.0 + outage.1).contains(&minute) {
                    continue;
                }
                // Mostly up, so that streaks, and not only noise, occur.
                let outcome = if (n / 6) % 2 == 0 { Outcome::Up } else { outcome };
                kept.insert(slot, outcome);
                arrivals.push((slot + late * SECOND, result(&spec.id.to_string(), slot, outcome)));
            }
            recorded.push((Arc::clone(spec), kept));
        }
        arrivals.sort_by_key(|(at, result)| (*at, result.slot));

        let mut one = begin(&inventory, start);
        let rows = play(&mut one, &inventory, &arrivals, start, end);
        let whole = oracle(&recorded, &[], start, end);
        let known = Split { unknown_ms: 0, ..whole };
        let figures = one.services().next().unwrap().figures;
        prop_assert_eq!(Split { unknown_ms: 0, ..figures.h24 }, known);
        prop_assert_eq!(Split { unknown_ms: 0, ..figures.d7 }, known);
        let midnight = T0 + 18 * HOUR + 30 * MINUTE;
        let days = &one.services().next().unwrap().days;
        prop_assert_eq!(days[89].start.0, midnight);
        prop_assert_eq!(days[89].split, oracle(&recorded, &[], midnight, end));
        for hour in rows.iter().filter(|bucket| bucket.length_ms == HOUR) {
            prop_assert_eq!(hour.split, oracle(&recorded, &[], hour.start.0, hour.start.0 + HOUR));
        }

        // Another process starts at `cut` from what the first had stored by then.
        let cut = start + cut * SECOND;
        let mut first = begin(&inventory, start);
        let mut stored: BTreeMap<(i64, i64), Bucket> = BTreeMap::new();
        for bucket in play(&mut first, &inventory, &arrivals, start, cut) {
            stored.insert((bucket.start.0, bucket.length_ms), bucket);
        }
        let mut two = State::default();
        update(&mut two, Msg::InventoryReplaced, now(cut), &inventory);
        update(&mut two, Msg::BucketsLoaded(stored.into_values().collect()), now(cut), &inventory);
        let wants = two.results_wanted(now(cut));
        let results = arrivals.iter()
            .filter(|(at, result)| *at < cut && wants.iter().any(|want| want.check == result.check && want.from <= result.slot))
            .map(|(_, result)| result.clone())
            .collect();
        update(&mut two, Msg::ResultsLoaded(results), now(cut), &inventory);
        update(&mut two, Msg::RecordingStarted, now(cut), &inventory);
        play(&mut two, &inventory, &arrivals, cut, end);
        prop_assert_eq!(&two.services().next().unwrap().figures, &figures);
        prop_assert_eq!(&two.services().next().unwrap().days, days);
        prop_assert_eq!(two.services().next().unwrap().health, one.services().next().unwrap().health);
    }
}

fn every_minute(state: &mut State, inventory: &Inventory, minutes: std::ops::Range<i64>, outcome: Outcome) {
    for minute in minutes {
        let at = T0 + minute * MINUTE;
        let msg = Msg::ResultArrived { result: result("s@p/c", at, outcome), origin: Origin::Stored };
        update(state, msg, now(at + 40), inventory);
        update(state, Msg::Ticked, now(at + 40), inventory);
    }
}

fn one_check() -> Inventory {
    inventory(&[check("s@p/c", MINUTE, 10 * SECOND, 3)])
}

fn figures(state: &State) -> services::Figures {
    state.services().next().unwrap().figures
}

#[test]
fn percentages_are_truncated_and_a_hundred_is_exact() {
    let of = |up_ms, down_ms| Split { up_ms, down_ms, ..Split::default() }.uptime().map(|percent| percent.to_string());
    assert_eq!(of(0, 0), None);
    assert_eq!(of(1, 0).as_deref(), Some("100.00"));
    assert_eq!(of(90 * DAY - 1, 1).as_deref(), Some("99.999"));
    assert_eq!(of(999_999, 1).as_deref(), Some("99.999"));
    assert_eq!(of(2, 1).as_deref(), Some("66.666"));
    assert_eq!(of(0, 5).as_deref(), Some("0.000"));
    assert_eq!(of(5, 99_995).as_deref(), Some("0.005"));
    let degraded = Split { degraded_ms: 10, maintenance_ms: 99, unknown_ms: 99, ..Split::default() };
    assert_eq!(degraded.uptime().map(|percent| percent.to_string()).as_deref(), Some("100.00"));
    assert_eq!(degraded.uptime().unwrap().thousandths(), 100_000);
}

#[test]
fn down_is_dated_back_and_one_failure_is_not_downtime() {
    let inventory = one_check();
    let mut state = begin(&inventory, T0);
    every_minute(&mut state, &inventory, 0..10, Outcome::Up);
    every_minute(&mut state, &inventory, 10..11, Outcome::Down);
    every_minute(&mut state, &inventory, 11..20, Outcome::Up);
    assert_eq!(figures(&state).h24.down_ms, 0, "one failure");
    every_minute(&mut state, &inventory, 20..23, Outcome::Down);
    every_minute(&mut state, &inventory, 23..24, Outcome::Up);
    assert_eq!(figures(&state).h24.down_ms, 3 * MINUTE, "three, from the first one on");
    assert_eq!(figures(&state).h24.up_ms, 20 * MINUTE + 40);
}

#[test]
fn a_gap_is_unknown_and_not_counted() {
    let inventory = one_check();
    let mut state = begin(&inventory, T0);
    every_minute(&mut state, &inventory, 0..10, Outcome::Up);
    // The clock goes forward by 50 minutes, or the machine slept: the same.
    every_minute(&mut state, &inventory, 60..61, Outcome::Up);
    let h24 = figures(&state).h24;
    assert_eq!(h24.up_ms, 9 * MINUTE + 130 * SECOND + 40);
    assert_eq!(h24.uptime().unwrap().to_string(), "100.00");
    assert_eq!(state.services().next().unwrap().days[89].split.known_ms(), h24.known_ms());
}

#[test]
fn a_clock_that_goes_back_counts_no_moment_twice() {
    let inventory = one_check();
    let mut state = begin(&inventory, T0);
    every_minute(&mut state, &inventory, 0..130, Outcome::Up);
    let before = figures(&state).d7.known_ms();
    // Back by 80 minutes: the first hour is final, the rest is measured anew.
    every_minute(&mut state, &inventory, 50..60, Outcome::Down);
    assert_eq!(state.services().next().unwrap().health, services::Health::Down, "the live state follows at once");
    every_minute(&mut state, &inventory, 60..130, Outcome::Up);
    assert!(figures(&state).d7.known_ms() <= before, "{:?}", figures(&state).d7);
    assert_eq!(figures(&state).d7.down_ms, 0, "that hour was final");
    every_minute(&mut state, &inventory, 130..200, Outcome::Up);
    assert_eq!(figures(&state).d7.up_ms, 199 * MINUTE + 40);
}

#[test]
fn maintenance_stands_in_neither_sum() {
    let inventory = one_check();
    let mut state = begin(&inventory, T0);
    let span = Span::new(Timestamp(T0 + 10 * MINUTE), Timestamp(T0 + 20 * MINUTE));
    let windows = vec![Maintenance { service: None, span }];
    update(&mut state, Msg::MaintenanceReplaced(windows), now(T0), &inventory);
    every_minute(&mut state, &inventory, 0..10, Outcome::Up);
    every_minute(&mut state, &inventory, 10..19, Outcome::Down);
    assert_eq!(state.services().next().unwrap().health, services::Health::Maintenance);
    every_minute(&mut state, &inventory, 19..30, Outcome::Up);
    let h24 = figures(&state).h24;
    assert_eq!((h24.maintenance_ms, h24.down_ms, h24.up_ms), (10 * MINUTE, 0, 19 * MINUTE + 40));
    assert_eq!(Grade::of(&state.services().next().unwrap().days[89].split), Grade::Maintenance);
}

#[test]
fn a_slow_check_does_not_vouch_for_a_night_without_a_recorder() {
    let inventory =
        inventory(&[check("s@p/page", MINUTE, 10 * SECOND, 1), check("s@p/tls", 12 * HOUR, 10 * SECOND, 1)]);
    let mut state = begin(&inventory, T0);
    for (check, at) in [("s@p/tls", 0), ("s@p/page", 0), ("s@p/page", 8 * HOUR)] {
        let msg = Msg::ResultArrived { result: result(check, T0 + at, Outcome::Up), origin: Origin::Stored };
        update(&mut state, msg, now(T0 + at), &inventory);
    }
    update(&mut state, Msg::Ticked, now(T0 + 8 * HOUR + 5 * MINUTE), &inventory);
    assert_eq!(figures(&state).h24.up_ms, 2 * 130 * SECOND);
}

#[test]
fn one_check_that_cannot_be_made_leaves_the_service_up() {
    let inventory = inventory(&[check("s@p/page", MINUTE, 10 * SECOND, 1), check("s@p/db", MINUTE, 10 * SECOND, 1)]);
    let mut state = begin(&inventory, T0);
    for (check, outcome) in [("s@p/page", Outcome::Up), ("s@p/db", Outcome::Unknown)] {
        let msg = Msg::ResultArrived { result: result(check, T0, outcome), origin: Origin::Stored };
        update(&mut state, msg, now(T0), &inventory);
    }
    let service = state.services().next().unwrap();
    assert_eq!((service.health, service.checks_unknown(Timestamp(T0))), (services::Health::Up, 1));
    // Only unknown: then nothing is known, though somebody records.
    let msg =
        Msg::ResultArrived { result: result("s@p/db", T0 + 130 * SECOND, Outcome::Unknown), origin: Origin::Stored };
    update(&mut state, msg, now(T0 + 130 * SECOND), &inventory);
    assert_eq!(state.services().next().unwrap().health, services::Health::Unknown);
}

fn bucket(start: i64, length_ms: i64, split: Split, source: &str) -> Bucket {
    Bucket { service: "s@p".parse().unwrap(), start: Timestamp(start), length_ms, split, source: source.to_owned() }
}

#[test]
fn imported_days_fill_what_was_not_recorded_and_own_data_win() {
    let inventory = one_check();
    let mut state = begin(&inventory, T0);
    let imported = Split { up_ms: 18 * HOUR, down_ms: 6 * HOUR, ..Split::default() };
    let own = Split { up_ms: 12 * HOUR, unknown_ms: 12 * HOUR, ..Split::default() };
    let days = vec![
        bucket(T0 - 2 * DAY, DAY, imported, "prometheus"),
        bucket(T0 - DAY, DAY, imported, "prometheus"),
        bucket(T0 - DAY, DAY, own, Bucket::OWN),
        // It knows less of the same day.
        bucket(T0 - 2 * DAY, DAY, Split { down_ms: HOUR, ..Split::default() }, "uptimerobot"),
    ];
    update(&mut state, Msg::BucketsLoaded(days), now(T0), &inventory);
    update(&mut state, Msg::Ticked, now(T0 + HOUR), &inventory);
    let days = &state.services().next().unwrap().days;
    assert_eq!((days[87].imported, days[87].split), (Imported::Yes, imported));
    let mixed = Split { up_ms: 21 * HOUR, down_ms: 3 * HOUR, ..Split::default() };
    assert_eq!((days[88].imported, days[88].split), (Imported::Yes, mixed));
    assert_eq!((days[86].imported, days[86].split.unknown_ms), (Imported::No, DAY));
    assert_eq!(figures(&state).d7.uptime().unwrap().to_string(), "81.250");
    assert_eq!(figures(&state).h24.known_ms(), 0, "imported days have no hours");
}

#[test]
fn a_day_of_23_or_25_hours_counts_its_own_length() {
    let zone = chrono_tz::Europe::Madrid;
    for (date, hours) in [((2026, 3, 29), 23), ((2026, 10, 25), 25), ((2026, 5, 1), 24)] {
        let date = chrono::NaiveDate::from_ymd_opt(date.0, date.1, date.2).unwrap();
        let start = services::days::day_start(zone, date).unwrap();
        let calendar = Calendar::new(zone, start + 5 * HOUR);
        let (day, shown) = calendar.shown().last().unwrap();
        assert_eq!((shown, day.from, day.ms()), (date, start, hours * HOUR));

        let mut inventory = one_check();
        inventory.display.timezone = zone;
        let mut state = State::default();
        let at = |utc: Timestamp| Now { utc, mono: Mono(utc.0.unsigned_abs()) };
        update(&mut state, Msg::InventoryReplaced, at(start), &inventory);
        for minute in -30..hours * 60 + 30 {
            let slot = start + minute * MINUTE;
            let outcome = if minute < 0 || minute >= hours * 60 { Outcome::Down } else { Outcome::Up };
            let msg = Msg::ResultArrived { result: result("s@p/c", slot.0, outcome), origin: Origin::Stored };
            update(&mut state, msg, at(slot), &inventory);
            update(&mut state, Msg::Ticked, at(slot), &inventory);
        }
        let days = &state.services().next().unwrap().days;
        let before = Split { down_ms: 30 * MINUTE, unknown_ms: days[87].length_ms - 30 * MINUTE, ..Split::default() };
        assert_eq!((days[88].split, days[87].split), (Split { up_ms: hours * HOUR, ..Split::default() }, before));
        assert_eq!(days[89].split.down_ms, 29 * MINUTE);
    }
}

#[test]
fn midnight_may_be_missing_or_come_twice() {
    let day = |zone, year, month, day| {
        services::days::day_start(zone, chrono::NaiveDate::from_ymd_opt(year, month, day).unwrap()).unwrap()
    };
    // Santiago skips midnight: the day starts at one o'clock, which is the same moment.
    assert_eq!(day(chrono_tz::America::Santiago, 2026, 9, 6).rfc3339(), "2026-09-06T04:00:00.000Z");
    // Havana has the hour from midnight twice: the day starts at the first.
    assert_eq!(day(chrono_tz::America::Havana, 2026, 11, 1).rfc3339(), "2026-11-01T04:00:00.000Z");
    // Samoa has no 30 December 2011: the calendar goes from the 29th to the 31st.
    let calendar = Calendar::new(chrono_tz::Pacific::Apia, day(chrono_tz::Pacific::Apia, 2012, 1, 2));
    let dates: Vec<String> = calendar.shown().map(|(_, date)| date.to_string()).collect();
    assert!(!dates.contains(&"2011-12-30".to_owned()));
    assert!(dates.contains(&"2011-12-29".to_owned()) && dates.contains(&"2011-12-31".to_owned()));
}

#[test]
fn another_time_zone_makes_days_again_from_hours() {
    let mut inventory = one_check();
    inventory.display.timezone = chrono_tz::America::Bogota;
    let mut state = State::default();
    update(&mut state, Msg::InventoryReplaced, now(T0), &inventory);
    let hour = |at: i64, up_ms| {
        bucket(T0 + at * HOUR, HOUR, Split { up_ms, down_ms: HOUR - up_ms, ..Split::default() }, Bucket::OWN)
    };
    let utc_day = bucket(T0 - DAY, DAY, Split { up_ms: DAY, ..Split::default() }, Bucket::OWN);
    update(&mut state, Msg::BucketsLoaded(vec![utc_day, hour(-1, HOUR)]), now(T0), &inventory);
    let (hours_from, days_from) = state.buckets_wanted(now(T0));
    assert_eq!(hours_from, days_from, "hours of all days are wanted");
    let hours = (-24..0).map(|at| hour(at, if at < -19 { 0 } else { HOUR })).collect();
    update(&mut state, Msg::BucketsLoaded(hours), now(T0), &inventory);
    let days = &state.services().next().unwrap().days;
    // It is 19:00 in Bogota: five hours of the stored ones lie on the day before.
    assert_eq!((days[89].split.up_ms, days[88].split.down_ms), (19 * HOUR, 5 * HOUR));
}

#[test]
fn hours_and_days_that_were_read_at_different_moments_agree() {
    let inventory = one_check();
    let day = |hours: i64| bucket(T0, DAY, Split { up_ms: hours * HOUR, ..Split::default() }, Bucket::OWN);
    let hours = |count: i64| {
        (0..count).map(|n| bucket(T0 + n * HOUR, HOUR, Split { up_ms: HOUR, ..Split::default() }, Bucket::OWN))
    };
    let at = T0 + 3 * HOUR + 5 * MINUTE;
    for (of_day, of_hours, known) in [(3, 3, 3), (2, 3, 3), (3, 2, 3)] {
        let mut state = State::default();
        update(&mut state, Msg::InventoryReplaced, now(at), &inventory);
        update(&mut state, Msg::BucketsLoaded(hours(of_hours).chain([day(of_day)]).collect()), now(at), &inventory);
        let service = state.services().next().unwrap();
        assert_eq!(service.days[89].split.up_ms, known * HOUR, "day of {of_day}, hours {of_hours}");
        assert_eq!(service.ledger.settled(), Some(Timestamp(T0 + 3 * HOUR)));
    }
}

#[test]
fn a_late_result_is_put_in_its_place_and_a_very_late_one_is_ignored() {
    let spec = check("s@p/c", MINUTE, 10 * SECOND, 3);
    let mut track = Track::new(&spec);
    let slots = 2 * i64::try_from(RECENT).unwrap();
    for n in (0..slots).filter(|n| *n != 100) {
        track.take(Timestamp(T0 + n * MINUTE), Outcome::Up);
    }
    let nothing = services::verdict::Took::Nothing;
    assert_ne!(track.take(Timestamp(T0 + 100 * MINUTE), Outcome::Down), nothing);
    assert_eq!(track.take(Timestamp(T0 + 100 * MINUTE), Outcome::Up), nothing, "known");
    assert_eq!(track.take(Timestamp(T0 + MINUTE + 1), Outcome::Down), nothing, "too old");
    assert_eq!(track.runs().count(), 1);
}
