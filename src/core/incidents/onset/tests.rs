use proptest::prelude::*;

use super::*;

/// Values every ten seconds; none is a gap.
fn series(values: &[Option<f64>]) -> Series {
    let values = values.iter().zip(0..).filter_map(|(value, at)| Some((Timestamp(at * 10_000), (*value)?))).collect();
    Series { what: "latency of page".into(), unit: Unit::Milliseconds, floor: 50.0, values }
}

/// When the value of this index was measured.
fn tenth(index: usize) -> Timestamp {
    Timestamp(i64::try_from(index).unwrap() * 10_000)
}

const END: Timestamp = Timestamp(i64::MAX);

/// A level with noise that repeats: ±4.
fn noisy(level: f64, count: usize) -> Vec<Option<f64>> {
    (0..count).map(|at| Some(level + f64::from(u8::try_from(at * 7 % 9).unwrap()) - 4.0)).collect()
}

fn join(parts: &[Vec<Option<f64>>]) -> Series {
    series(&parts.concat())
}

#[test]
fn a_step_is_found_wherever_it_is() {
    for (before, after) in [(30, 30), (57, 3), (58, 2), (5, 55), (20, 5), (8, 2)] {
        let onset = step(&join(&[noisy(180.0, before), noisy(9_800.0, after)]), END);
        // Two values after eight can be chance, and are not told.
        if (before, after) == (8, 2) {
            assert_eq!(onset, Err(NoOnset::NoStep));
            continue;
        }
        let onset = onset.unwrap();
        assert_eq!(onset.at, tenth(before), "{before} {after}");
        assert_eq!(onset.not_before, onset.at - 10_000);
        assert!((onset.before - 180.0).abs() < 5.0 && (onset.after - 9_800.0).abs() < 5.0 && !onset.gap);
    }
    let onset = step(&join(&[noisy(180.0, 30), noisy(12_800.0, 30)]), END).unwrap();
    assert_eq!(onset.words(), "latency of page 180 ms → 12.8 s");
}

#[test]
fn what_comes_after_the_alert_is_not_looked_at() {
    let all = join(&[noisy(100.0, 30), noisy(900.0, 10), noisy(5_000.0, 40)]);
    let onset = step(&all, Timestamp(395_000)).unwrap();
    assert_eq!((onset.at, onset.after.round()), (Timestamp(300_000), 900.0));
}

#[test]
fn a_spike_neither_makes_a_step_nor_moves_one() {
    let mut calm = noisy(180.0, 60);
    for at in [10, 40, 59] {
        calm[at] = Some(60_000.0);
        assert_eq!(step(&series(&calm), END), Err(NoOnset::NoStep), "spike at {at}");
    }
    let mut stepped = [noisy(180.0, 40), noisy(9_800.0, 20)].concat();
    stepped[12] = Some(60_000.0);
    stepped[30] = Some(60_000.0);
    stepped[47] = Some(150.0);
    assert_eq!(step(&series(&stepped), END).unwrap().at, Timestamp(400_000));
}

#[test]
fn a_slow_ramp_is_no_step_and_a_quick_one_begins_where_it_leaves_the_level() {
    let ramp = |from: i32, to: i32, count: i32| -> Vec<Option<f64>> {
        (0..count).map(|at| Some(f64::from(from + (to - from) * at / count))).collect()
    };
    assert!(matches!(step(&series(&ramp(100, 2_000, 60)), END), Err(NoOnset::Ramp { .. })));
    let late = join(&[noisy(100.0, 30), ramp(100, 2_000, 30)]);
    assert!(matches!(step(&late, END), Err(NoOnset::Ramp { .. })));
    let quick = join(&[noisy(100.0, 30), ramp(500, 2_000, 3), noisy(2_000.0, 20)]);
    assert_eq!(step(&quick, END).unwrap().at, Timestamp(300_000));
}

#[test]
fn gaps_are_bridged_and_told() {
    let gap = || vec![None; 30];
    let onset = step(&join(&[noisy(180.0, 30), gap(), noisy(9_800.0, 10)]), END).unwrap();
    assert_eq!((onset.not_before, onset.at, onset.gap), (Timestamp(290_000), Timestamp(600_000), true));
    let holes: Vec<Option<f64>> = [noisy(180.0, 40), noisy(9_800.0, 20)].concat();
    let holes: Vec<_> = holes.into_iter().enumerate().map(|(at, value)| value.filter(|_| at % 3 != 1)).collect();
    let onset = step(&series(&holes), END).unwrap();
    assert_eq!((onset.not_before, onset.at, onset.gap), (Timestamp(390_000), Timestamp(410_000), false));
}

#[test]
fn where_nothing_can_be_told_it_says_why() {
    let table: [(Series, Result<(), NoOnset>); 6] = [
        (series(&[]), Err(NoOnset::TooFew { of: 0, wanted: 7 })),
        (series(&[Some(1.0), Some(900.0), Some(f64::NAN)]), Err(NoOnset::TooFew { of: 2, wanted: 7 })),
        (series(&[Some(180.0); 40]), Err(NoOnset::Constant { of: 40 })),
        (join(&[noisy(180.0, 60)]), Err(NoOnset::NoStep)),
        (join(&[noisy(180.0, 30), noisy(200.0, 30)]), Err(NoOnset::NoStep)),
        (join(&[noisy(9_800.0, 30), noisy(180.0, 30)]), Err(NoOnset::NoStep)),
    ];
    for (at, (series, want)) in table.into_iter().enumerate() {
        assert_eq!(step(&series, END).map(|_| ()), want, "{at}");
    }
}

#[test]
fn an_earlier_trouble_that_ended_is_passed_over() {
    let again = join(&[noisy(9_800.0, 20), noisy(180.0, 30), noisy(4_000.0, 4)]);
    assert_eq!(step(&again, END).unwrap().at, Timestamp(500_000));
}

#[test]
fn a_check_that_fails_steps_from_well_to_failed() {
    let of = |fails: &[usize], count: usize| -> Series {
        let values = (0..count).map(|at| Some(if fails.contains(&at) { 1.0 } else { 0.0 })).collect::<Vec<_>>();
        Series { what: "check page".into(), unit: Unit::Failed, floor: 0.5, ..series(&values) }
    };
    assert_eq!(step(&of(&[57, 58, 59], 60), END).unwrap().at, Timestamp(570_000));
    assert_eq!(step(&of(&[20, 57, 58, 59], 60), END).unwrap().at, Timestamp(570_000), "one blip before");
    assert_eq!(step(&of(&[20, 40], 60), END), Err(NoOnset::NoStep), "two blips");
    let flaky: Vec<usize> = (40..60).filter(|at| at % 5 != 3).collect();
    assert_eq!(step(&of(&flaky, 60), END).unwrap().at, Timestamp(400_000), "most fail");
    assert_eq!(step(&of(&[58, 59], 60), END).unwrap().words(), "check page 0 % failed → 100 % failed");
}

#[test]
fn noise_alone_is_hardly_ever_a_step() {
    // A generator whose numbers are the same in every run: of Knuth's MMIX.
    let mut seed = 1_u64;
    let mut next = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 40) as f64
    };
    let mut steps = 0;
    for count in [10, 20, 40, 60] {
        for _ in 0..250 {
            let values: Vec<Option<f64>> = (0..count).map(|_| Some(next())).collect();
            steps += usize::from(step(&Series { floor: 0.0, ..series(&values) }, END).is_ok());
        }
    }
    assert!(steps <= 20, "{steps} of 1000");
}

proptest! {
    #[test]
    fn a_clear_step_is_found_to_the_sample_whatever_the_noise(
        noise in proptest::collection::vec(0.0_f64..40.0, 60), at in 8_usize..56, rise in 200.0_f64..5_000.0,
        spike in 0_usize..60,
    ) {
        let mut values: Vec<Option<f64>> =
            noise.iter().enumerate().map(|(i, noise)| Some(200.0 + noise + if i >= at { rise } else { 0.0 })).collect();
        // A spike right beside the step is part of it, as far as anybody can tell.
        if spike + 3 < at || spike > at + 3 {
            values[spike] = Some(90_000.0);
        }
        let onset = step(&series(&values), END).unwrap();
        prop_assert_eq!(onset.at, tenth(at));
    }

    #[test]
    fn anything_at_all_is_answered_and_lies_within_what_was_measured(
        values in proptest::collection::vec((any::<i64>(), proptest::num::f64::ANY), 0..80), fired in any::<i64>(),
    ) {
        let values: Vec<_> = values.into_iter().map(|(at, value)| (Timestamp(at), value)).collect();
        let series = Series { what: "x".into(), unit: Unit::Plain, floor: 0.0, values };
        if let Ok(onset) = step(&series, Timestamp(fired)) {
            prop_assert!(onset.not_before < onset.at && onset.at <= Timestamp(fired));
            prop_assert!(onset.after > onset.before);
            prop_assert!(series.values.iter().any(|(at, _)| *at == onset.at));
        }
    }

    #[test]
    fn neither_the_order_nor_the_scale_of_time_matters(
        noise in proptest::collection::vec(0.0_f64..30.0, 40), at in 8_usize..36, scale in 1_i64..1_000,
    ) {
        let values: Vec<(Timestamp, f64)> = noise.iter().enumerate()
            .map(|(i, noise)| (Timestamp(tenth(i).0 * scale), 100.0 + noise + if i >= at { 800.0 } else { 0.0 })).collect();
        let one = Series { what: "x".into(), unit: Unit::Plain, floor: 0.0, values: values.clone() };
        let other = Series { values: values.into_iter().rev().collect(), ..one.clone() };
        let onset = step(&one, END).unwrap();
        prop_assert_eq!(onset.at, Timestamp(tenth(at).0 * scale));
        prop_assert_eq!(Ok(onset), step(&other, END));
    }
}
