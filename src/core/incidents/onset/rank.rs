//! The two-sample rank test: by how many pairs the later values win, and how often chance would do the same.
use super::EXACT;

/// Counts the pairs of an earlier and a later value in which the later is higher; equal ones count one half.
pub(super) fn pairs_won(before: &[f64], after: &[f64]) -> f64 {
    let mut sorted = before.to_vec();
    sorted.sort_by(f64::total_cmp);
    let won = after.iter().map(|value| {
        let below = sorted.partition_point(|other| other < value);
        let equal = sorted.partition_point(|other| other <= value) - below;
        below as f64 + equal as f64 / 2.0
    });
    won.sum()
}

/// Returns how likely it is that at least so many of the pairs are won where nothing differs (one-sided).
///
/// Equal values make it less likely than is said here, so it errs on the careful side.
pub(super) fn chance(before: usize, after: usize, won: f64) -> f64 {
    let (few, many) = (before.min(after), before.max(after));
    if few < EXACT { exact(few, many, won) } else { normal(before as f64, after as f64, won) }
}

/// Adds up the distribution: the number of orders in which `u` pairs are won is the coefficient of q^u in the Gaussian binomial
/// coefficient of `few + many` over `few` (Mann and Whitney's recursion in closed form).
fn exact(few: usize, many: usize, won: f64) -> f64 {
    let pairs = few * many;
    let mut ways = vec![0_u128; pairs + 1];
    if let Some(first) = ways.first_mut() {
        *first = 1;
    }
    for i in 1..=few {
        // Times (1 − q^(many + i)), then divided by (1 − q^i).
        for at in (many + i..=pairs).rev() {
            let less = ways.get(at - many - i).copied().unwrap_or_default();
            if let Some(of) = ways.get_mut(at) {
                *of = of.wrapping_sub(less);
            }
        }
        for at in i..=pairs {
            let more = ways.get(at - i).copied().unwrap_or_default();
            if let Some(of) = ways.get_mut(at) {
                *of = of.wrapping_add(more);
            }
        }
    }
    let all: u128 = ways.iter().sum();
    let at_least: u128 = ways.iter().enumerate().filter(|(at, _)| *at as f64 >= won).map(|(_, of)| of).sum();
    at_least as f64 / all as f64
}

/// The normal approximation with its correction for continuity. Its tail is bounded from above: by e^(−z²/2) / 2, and by Mills' φ(z) / z.
fn normal(before: f64, after: f64, won: f64) -> f64 {
    let mean = before * after / 2.0;
    let sd = (before * after * (before + after + 1.0) / 12.0).sqrt();
    let z = (won - mean - 0.5) / sd;
    let density = (-z * z / 2.0).exp();
    if z <= 0.0 { 1.0 } else { (density / 2.0).min(density / (z * std::f64::consts::TAU.sqrt())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_counted_with_halves_for_equals() {
        assert!((pairs_won(&[1.0, 2.0, 3.0], &[2.0, 9.0]) - 4.5).abs() < 1e-12);
        assert!((pairs_won(&[0.0, 0.0], &[0.0]) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn the_exact_test_counts_orders() {
        // Of all C(5, 2) = 10 places that two of five can have, one is the top, and two have at least five pairs.
        for (won, want) in [(6.0, 0.1), (5.0, 0.2), (4.0, 0.4), (0.0, 1.0), (5.5, 0.1)] {
            assert!((exact(2, 3, won) - want).abs() < 1e-12, "{won}");
        }
        // C(60, 3) = 34,220.
        assert!((exact(3, 57, 171.0) - 1.0 / 34_220.0).abs() < 1e-12);
        assert!((exact(7, 233, 0.0) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn the_approximation_is_near_and_on_the_careful_side() {
        for won in [40.0, 45.0, 50.0, 55.0, 60.0] {
            let (exact, normal) = (exact(8, 8, won), normal(8.0, 8.0, won));
            assert!(normal >= exact * 0.75 && normal <= exact * 2.5, "{won}: {exact} {normal}");
        }
    }
}
