//! Numbers and moments as they stand on screen.
use chrono::TimeZone as _;

use crate::core::time::{DAY, Timestamp};

/// Milliseconds after which a sample is overdue.
const OVERDUE_MS: i64 = crate::core::hosts::LIMIT_MS.cast_signed() / 2;

/// Writes bytes in four or five columns: `412M`, `1.2G`.
pub fn bytes(bytes: u64) -> String {
    short(bytes as f64, &["B", "K", "M", "G", "T", "P"])
}

/// Writes bytes a second without the second: `41M`.
pub fn rate(bytes_s: f64) -> String {
    short(bytes_s.max(0.0), &["B", "K", "M", "G", "T", "P"])
}

fn short(mut value: f64, units: &[&str]) -> String {
    let mut unit = "";
    for (at, name) in units.iter().enumerate() {
        unit = name;
        if value < 1_000.0 || at + 1 == units.len() {
            break;
        }
        value /= 1_024.0;
    }
    if unit == "B" || value >= 10.0 { format!("{value:.0}{unit}") } else { format!("{value:.1}{unit}") }
}

/// Writes the hour and minute in UTC: `03:12`.
pub fn minute(at: Timestamp) -> String {
    at.to_utc().map_or_else(|| "?".to_owned(), |at| at.format("%H:%M").to_string())
}

/// Writes how long until something that is due: `23s`, `now`. Rounded up, so that it is not due in 0s for a second.
pub fn until(at: Timestamp, now: Timestamp) -> String {
    match at.since(now) {
        ..=0 => "now".to_owned(),
        left => crate::core::time::short(ms(left) + 999),
    }
}

/// Writes `03:12:41Z`.
pub fn utc_clock(now: Timestamp) -> String {
    now.to_utc().map_or_else(|| "?".to_owned(), |now| now.format("%H:%M:%SZ").to_string())
}

/// Writes `22:12 -05`, in the zone's own abbreviation; nothing where the zone is UTC.
pub fn local_clock(now: Timestamp, zone: chrono_tz::Tz) -> String {
    if zone == chrono_tz::UTC {
        return String::new();
    }
    now.to_utc().map_or_else(String::new, |now| zone.from_utc_datetime(&now.naive_utc()).format("%H:%M %Z").to_string())
}

/// Milliseconds as ages want them: nothing is younger than now.
pub fn ms(of: i64) -> u64 {
    u64::try_from(of).unwrap_or(0)
}

/// Writes whole days until a moment, negative when it is over.
pub fn days_until(at: Timestamp, now: Timestamp) -> i64 {
    at.since(now).div_euclid(DAY)
}

/// Puts dated values into cells of equal time that end now, each the largest of its stretch; leading cells without any are left out.
///
/// A cell is a gap only within a stretch without values that is longer than what makes a number overdue, and than twice the time
/// that usually lies between two of them: else two values only came to lie on both sides of it, and it is drawn as the one before.
#[expect(
    clippy::cast_sign_loss,
    clippy::cast_possible_truncation,
    reason = "both are within 0 and the number of cells"
)]
pub fn in_cells(
    values: impl Iterator<Item = (Timestamp, Option<f32>)>,
    now: Timestamp,
    span_ms: i64,
    cells: usize,
) -> Vec<Option<f32>> {
    let mut known: Vec<(i64, f32)> =
        values.filter_map(|(at, value)| Some((now.since(at).clamp(0, span_ms * 2), value?))).collect();
    known.sort_by_key(|(age, _)| std::cmp::Reverse(*age));
    let cell_of = |age: i64| cells.checked_sub((age as f64 / span_ms as f64 * cells as f64) as usize + 1);
    let mut out = vec![None; cells];
    for (age, value) in &known {
        let Some(cell) = cell_of(*age).and_then(|at| out.get_mut(at)) else { continue };
        *cell = Some(cell.map_or(*value, |known: f32| known.max(*value)));
    }
    let follows = known.iter().skip(1).map(|(age, _)| *age).chain([0]);
    let mut usual: Vec<i64> = known.iter().zip(known.iter().skip(1)).map(|(a, b)| a.0 - b.0).collect();
    usual.sort_unstable();
    let usual = usual.get(usual.len().saturating_sub(1) / 2).copied().unwrap_or(0);
    let longest = (usual * 2).max(OVERDUE_MS);
    for ((age, value), next) in known.iter().zip(follows) {
        if age - next > longest {
            continue;
        }
        let (Some(from), Some(to)) = (cell_of(*age), cell_of(next)) else { continue };
        for cell in out.iter_mut().take(to + 1).skip(from).filter(|cell| cell.is_none()) {
            *cell = Some(*value);
        }
    }
    let blank = out.iter().take_while(|cell| cell.is_none()).count();
    out.drain(..blank.min(cells));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_fit_their_columns() {
        assert_eq!([bytes(0), bytes(999), bytes(1_000), bytes(432_013_312)], ["0B", "999B", "1.0K", "412M"]);
        assert_eq!([bytes(u64::MAX), rate(-4.0)], ["16384P", "0B"]);
    }

    #[test]
    fn cells_end_now_and_keep_peaks_and_gaps() {
        let now = Timestamp(100_000);
        let values = [(60_500, 1.0), (61_000, 9.0), (99_999, 3.0)].map(|(at, value)| (Timestamp(at), Some(value)));
        assert_eq!(in_cells(values.into_iter(), now, 100_000, 10), [Some(9.0), None, None, Some(3.0)]);
        assert!(in_cells(std::iter::empty(), now, 100_000, 10).is_empty());
    }

    #[test]
    fn values_on_both_sides_of_a_cell_leave_no_gap() {
        let now = Timestamp(1_000_000);
        let cells = |ages: &[i64]| in_cells(ages.iter().map(|age| (now - *age, Some(1.0))), now, 100_000, 10);
        // Ten seconds apart, more or less: 49.9 s and 39.9 s, then 29.8 s and 19.8 s.
        assert_eq!(cells(&[59_900, 50_100, 39_900, 30_100, 19_800, 9_000]), vec![Some(1.0); 6]);
        // The newest came 12 s ago: not overdue yet.
        assert_eq!(cells(&[22_000, 12_000]), vec![Some(1.0); 3]);
        // Fifty seconds without any.
        assert_eq!(cells(&[82_000, 72_000, 22_000, 12_000, 2_000]).iter().filter(|cell| cell.is_none()).count(), 4);
    }
}
