//! Time as data: nothing below the runtime asks what time it is.
//!
//! Two clocks, because they answer different questions. [`Timestamp`] is UTC in milliseconds: it dates what is
//! stored and shown, and may jump. [`Mono`] only ever goes forward: ages, time-outs and `for` are measured with it.
use std::{
    fmt,
    ops::{Add, Sub},
};

use serde::{Deserialize, Serialize};

/// A moment in UTC, milliseconds since 1970.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

/// A moment on a clock that never jumps, milliseconds since the process began.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct Mono(pub u64);

/// Both clocks, read together.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Now {
    /// Wall clock.
    pub utc: Timestamp,
    /// Monotonic clock.
    pub mono: Mono,
}

/// Reads the time. Only the runtime has one that ticks; tests have one that is told.
pub trait Clock: Send + Sync {
    /// Reads both clocks.
    fn now(&self) -> Now;
}

/// One second in milliseconds.
pub const SECOND: i64 = 1_000;
/// One minute in milliseconds.
pub const MINUTE: i64 = 60 * SECOND;
/// One hour in milliseconds.
pub const HOUR: i64 = 60 * MINUTE;
/// One day of 24 hours in milliseconds. Days on screen follow the display time zone and may have 23 or 25 hours.
pub const DAY: i64 = 24 * HOUR;

impl Timestamp {
    /// Milliseconds from `earlier` to this moment; negative when the wall clock went back.
    pub fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Returns this moment as a chrono value, if it is within chrono's years.
    pub fn to_utc(self) -> Option<chrono::DateTime<chrono::Utc>> {
        chrono::DateTime::from_timestamp_millis(self.0)
    }

    /// Writes RFC 3339 with milliseconds and `Z`, as JSON output has it.
    pub fn rfc3339(self) -> String {
        self.to_utc()
            .map_or_else(|| format!("{}ms", self.0), |utc| utc.to_rfc3339_opts(chrono::SecondsFormat::Millis, true))
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.rfc3339())
    }
}

impl Add<i64> for Timestamp {
    type Output = Self;

    fn add(self, milliseconds: i64) -> Self {
        Self(self.0.saturating_add(milliseconds))
    }
}

impl Sub<i64> for Timestamp {
    type Output = Self;

    fn sub(self, milliseconds: i64) -> Self {
        Self(self.0.saturating_sub(milliseconds))
    }
}

impl Mono {
    /// Milliseconds from `earlier` to this moment, zero when `earlier` is later.
    pub fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<u64> for Mono {
    type Output = Self;

    fn add(self, milliseconds: u64) -> Self {
        Self(self.0.saturating_add(milliseconds))
    }
}

/// A duration that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a duration: write a number and a unit, as in 500ms, 30s, 5m, 12h, 90d or 1h30m")]
pub struct BadDuration(pub String);

/// Reads `500ms`, `30s`, `5m`, `12h`, `90d`, `2w` or a sum such as `1h30m`, in milliseconds.
///
/// # Errors
/// When the text is empty, has no unit, has an unknown one, or is too long to count.
pub fn parse_duration(text: &str) -> Result<u64, BadDuration> {
    let bad = || BadDuration(text.to_owned());
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(bad());
    }
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, tail) = rest.split_at_checked(digits).ok_or_else(bad)?;
        let letters = tail.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (unit, tail) = tail.split_at_checked(letters).ok_or_else(bad)?;
        let scale: u64 = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            "w" => 604_800_000,
            _ => return Err(bad()),
        };
        let number: u64 = number.parse().map_err(|_| bad())?;
        total = number.checked_mul(scale).and_then(|part| total.checked_add(part)).ok_or_else(bad)?;
        rest = tail;
    }
    Ok(total)
}

/// Writes a duration the way ages stand in tables: `2s`, `12m`, `4h`, `41d`. At most four columns up to 999 days.
pub fn short(milliseconds: u64) -> String {
    let seconds = milliseconds / 1_000;
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m", seconds / 60),
        3_600..86_400 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// Writes a duration with its two largest units: `41s`, `12m41`, `4h07`, `2d03h`.
pub fn precise(milliseconds: u64) -> String {
    let seconds = milliseconds / 1_000;
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m{:02}", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{}h{:02}", seconds / 3_600, seconds % 3_600 / 60),
        _ => format!("{}d{:02}h", seconds / 86_400, seconds % 86_400 / 3_600),
    }
}

/// Writes a running clock as `HH:MM:SS`.
pub fn clock(milliseconds: u64) -> String {
    let seconds = milliseconds / 1_000;
    format!("{:02}:{:02}:{:02}", seconds / 3_600, seconds % 3_600 / 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_with_their_units() {
        for (text, want) in
            [("500ms", 500), ("30s", 30_000), ("1h30m", 5_400_000), ("90d", 7_776_000_000), ("2w", 1_209_600_000)]
        {
            assert_eq!(parse_duration(text), Ok(want), "{text}");
        }
        for text in ["", "5", "m", "5 m", "5x", "-5m", "99999999999999999999s", "ü"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn durations_are_written_for_tables() {
        assert_eq!([short(999), short(61_000), short(7_200_000), short(3 * 86_400_000)], ["0s", "1m", "2h", "3d"]);
        assert_eq!(
            [precise(41_000), precise(761_000), precise(14_820_000), precise(183_600_000)],
            ["41s", "12m41", "4h07", "2d03h"]
        );
        assert_eq!(clock(761_000), "00:12:41");
    }
}
