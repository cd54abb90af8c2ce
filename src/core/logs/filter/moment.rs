//! What a written moment means.
//!
//! Local times that clocks pass twice (the end of summer time) are the earlier ones, but for a time of day, which is the
//! latest that is not in the future. Local times that clocks skip are read with the offset from before the change: 02:30
//! in a night that jumps from 02:00 to 03:00 is 03:30 by the new time.
use std::fmt;

use chrono::{DateTime, Days, LocalResult, NaiveDate, NaiveDateTime, NaiveTime, Offset as _, TimeDelta, TimeZone as _};
use chrono_tz::Tz;

use super::Moment;
use crate::core::logs::Nanos;

/// Units of a time before now, in milliseconds, longest first.
const UNITS: [(&str, u64); 6] =
    [("w", 604_800_000), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// Why a moment has no meaning here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MomentError {
    /// Nothing here has this name.
    #[error("there is no @{0} here")]
    Unknown(String),
    /// It is beyond what can be counted.
    #[error("{0} is out of range")]
    OutOfRange(String),
}

/// Reads a moment as it is written after `since:`. None where it is none.
pub fn read(text: &str) -> Option<Moment> {
    let text = text.trim();
    if let Some(name) = text.strip_prefix('@') {
        if let Some(ago) = name.strip_prefix('-').and_then(ago) {
            return Some(Moment::Ago(ago));
        }
        if time_of_day(name).is_some() {
            return Some(Moment::TimeOfDay(name.to_owned()));
        }
        let is_name = !name.is_empty()
            && name.len() <= 64
            && name.chars().all(|char| char.is_alphanumeric() || matches!(char, '_' | '-' | '.'));
        return match name {
            "now" => Some(Moment::Now),
            _ => is_name.then(|| Moment::Named(name.to_owned())),
        };
    }
    if text == "now" {
        return Some(Moment::Now);
    }
    if let Some(ago) = ago(text.strip_prefix('-').unwrap_or(text)) {
        return Some(Moment::Ago(ago));
    }
    if time_of_day(text).is_some() {
        return Some(Moment::TimeOfDay(text.to_owned()));
    }
    at(text).map(|_| Moment::At(text.to_owned()))
}

/// Gives a moment its meaning: now, the time zone on screen, and what the console knows by name.
///
/// # Errors
/// When its name is not known, or when it is out of range.
pub fn resolve(
    moment: &Moment,
    now: Nanos,
    zone: Tz,
    named: &dyn Fn(&str) -> Option<Nanos>,
) -> Result<Nanos, MomentError> {
    let out_of_range = || MomentError::OutOfRange(moment.to_string());
    match moment {
        Moment::Now => Ok(now),
        Moment::Named(name) => named(name).ok_or_else(|| MomentError::Unknown(name.clone())),
        Moment::Ago(ms) => {
            let ago = i64::try_from(*ms).ok().and_then(|ms| ms.checked_mul(Nanos::MILLI));
            ago.and_then(|ago| now.0.checked_sub(ago)).map(Nanos).ok_or_else(out_of_range)
        }
        Moment::TimeOfDay(text) => time_of_day(text).and_then(|time| latest(time, now, zone)).ok_or_else(out_of_range),
        Moment::At(text) => match at(text) {
            Some(At::Instant(instant)) => Some(instant),
            Some(At::Local(local)) => instants(local, zone).first().copied().and_then(nanos),
            None => None,
        }
        .ok_or_else(out_of_range),
    }
}

/// Finds the latest time of day that is not in the future.
fn latest((time, utc): (NaiveTime, bool), now: Nanos, zone: Tz) -> Option<Nanos> {
    let zone = if utc { Tz::UTC } else { zone };
    let today = DateTime::from_timestamp_nanos(now.0).with_timezone(&zone).date_naive();
    let days = (0..3).filter_map(|back| today.checked_sub_days(Days::new(back)));
    let all = days.flat_map(|day| instants(day.and_time(time), zone)).filter_map(nanos);
    all.filter(|at| *at <= now).max()
}

/// Finds the instants of a local time, earlier first.
fn instants(local: NaiveDateTime, zone: Tz) -> Vec<DateTime<Tz>> {
    match zone.from_local_datetime(&local) {
        LocalResult::Single(at) => vec![at],
        LocalResult::Ambiguous(one, other) => vec![one.min(other), one.max(other)],
        LocalResult::None => {
            // No jump is longer than a day; most are an hour.
            let before = (1..=26).find_map(|hours| {
                let earlier = local.checked_sub_signed(TimeDelta::hours(hours))?;
                zone.from_local_datetime(&earlier).latest()
            });
            let utc = before.and_then(|before| local.checked_sub_offset(before.offset().fix()));
            utc.map(|utc| zone.from_utc_datetime(&utc)).into_iter().collect()
        }
    }
}

fn nanos<Z: chrono::TimeZone>(at: DateTime<Z>) -> Option<Nanos> {
    at.timestamp_nanos_opt().map(Nanos)
}

/// A date and time as written.
enum At {
    /// With a zone, or a count since 1970.
    Instant(Nanos),
    /// Without one.
    Local(NaiveDateTime),
}

/// Reads a date, with or without a time and a zone, or a count since 1970 in s, ms, µs or ns by its length.
fn at(text: &str) -> Option<At> {
    if text.len() >= 9 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        let factor = match text.len() {
            9..=10 => Nanos::SECOND,
            13 => Nanos::MILLI,
            16 => 1_000,
            19 => 1,
            _ => return None,
        };
        return text.parse::<i64>().ok()?.checked_mul(factor).map(|at| At::Instant(Nanos(at)));
    }
    if let Ok(date) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        return plain(text).then(|| At::Local(date.and_time(NaiveTime::MIN)));
    }
    let iso = text.replacen(' ', "T", 1);
    if !plain(&iso) {
        return None;
    }
    for shape in ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M"] {
        if let Ok(local) = NaiveDateTime::parse_from_str(&iso, shape) {
            return Some(At::Local(local));
        }
        if let Some(utc) = iso.strip_suffix(['Z', 'z'])
            && let Ok(utc) = NaiveDateTime::parse_from_str(utc, shape)
        {
            return nanos(utc.and_utc()).map(At::Instant);
        }
        if let Ok(at) = DateTime::parse_from_str(&iso, &format!("{shape}%:z")) {
            return nanos(at).map(At::Instant);
        }
    }
    None
}

/// Says whether a date is written as dates are: the crate would also take signs and spaces within.
fn plain(text: &str) -> bool {
    text.len() <= 40
        && text.starts_with(|char: char| char.is_ascii_digit())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b':' | b'.' | b'T' | b'+' | b'Z' | b'z'))
}

/// Reads a time of day, and whether it is UTC whatever is on screen: `02:55`, `02:55:30.5`, `02:55Z`.
fn time_of_day(text: &str) -> Option<(NaiveTime, bool)> {
    let (time, utc) = text.strip_suffix(['Z', 'z']).map_or((text, false), |time| (time, true));
    if !plain(time) || !time.contains(':') {
        return None;
    }
    let read = |shape| NaiveTime::parse_from_str(time, shape).ok();
    read("%H:%M:%S%.f").or_else(|| read("%H:%M")).map(|time| (time, utc))
}

/// Reads how long ago: `10m`, `1h30m`. In milliseconds.
fn ago(text: &str) -> Option<u64> {
    let mut total = 0_u64;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|char: char| !char.is_ascii_digit())?;
        let (number, after) = rest.split_at_checked(digits)?;
        let length = after.find(|char: char| !char.is_ascii_alphabetic()).unwrap_or(after.len());
        let (unit, after) = after.split_at_checked(length)?;
        let (_, ms) = UNITS.iter().find(|(name, _)| *name == unit)?;
        total = total.checked_add(number.parse::<u64>().ok()?.checked_mul(*ms)?)?;
        rest = after;
    }
    (!text.is_empty()).then_some(total)
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Now => f.write_str("@now"),
            Self::Named(name) => write!(f, "@{name}"),
            Self::At(text) if text.contains(char::is_whitespace) => write!(f, "\"{text}\""),
            Self::At(text) | Self::TimeOfDay(text) => f.write_str(text),
            Self::Ago(ms) => {
                let (unit, length) = UNITS.iter().find(|(_, length)| ms % length == 0).copied().unwrap_or(("ms", 1));
                if *ms == 0 { f.write_str("-0s") } else { write!(f, "-{}{unit}", ms / length) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nanos_of(rfc3339: &str) -> Nanos {
        Nanos(DateTime::parse_from_rfc3339(rfc3339).unwrap().timestamp_nanos_opt().unwrap())
    }

    fn meaning(text: &str, now: &str, zone: Tz) -> Result<Nanos, MomentError> {
        let deploy = nanos_of("2026-11-21T02:58:12Z");
        resolve(&read(text).unwrap(), nanos_of(now), zone, &|name| (name == "deploy").then_some(deploy))
    }

    #[test]
    fn a_time_of_day_is_the_latest_one() {
        let is = |text: &str, zone: Tz, expected: &str| {
            assert_eq!(meaning(text, "2026-11-21T03:12:41Z", zone).unwrap(), nanos_of(expected), "{text} {zone}");
        };
        is("02:55", Tz::UTC, "2026-11-21T02:55:00Z");
        is("03:12:41", Tz::UTC, "2026-11-21T03:12:41Z");
        is("03:13", Tz::UTC, "2026-11-20T03:13:00Z");
        is("22:00", Tz::America__Bogota, "2026-11-21T03:00:00Z");
        is("02:55Z", Tz::America__Bogota, "2026-11-21T02:55:00Z");
        is("@02:55", Tz::UTC, "2026-11-21T02:55:00Z");
        is("-10m", Tz::UTC, "2026-11-21T03:02:41Z");
        is("@-1h30m", Tz::UTC, "2026-11-21T01:42:41Z");
        is("@deploy", Tz::UTC, "2026-11-21T02:58:12Z");
        is("2026-11-20", Tz::America__Bogota, "2026-11-20T05:00:00Z");
        is("2026-11-20T10:00+02:00", Tz::America__Bogota, "2026-11-20T08:00:00Z");
        is("2026-11-20 10:00:00.25Z", Tz::America__Bogota, "2026-11-20T10:00:00.25Z");
        is("1763667061", Tz::UTC, "2025-11-20T19:31:01Z");
        is("1763667061123456789", Tz::UTC, "2025-11-20T19:31:01.123456789Z");
    }

    #[test]
    fn times_that_clocks_skip_or_pass_twice_have_one_meaning() {
        // Madrid jumps from 02:00 to 03:00 on 2026-03-29 and goes back from 03:00 to 02:00 on 2026-10-25.
        let is = |text: &str, now: &str, expected: &str| {
            assert_eq!(meaning(text, now, Tz::Europe__Madrid).unwrap(), nanos_of(expected), "{text} at {now}");
        };
        is("2026-03-29T02:30", "2026-04-01T00:00:00Z", "2026-03-29T01:30:00Z");
        is("02:30", "2026-03-29T04:00:00Z", "2026-03-29T01:30:00Z");
        is("2026-10-25T02:30", "2026-11-01T00:00:00Z", "2026-10-25T00:30:00Z");
        is("02:30", "2026-10-25T00:45:00Z", "2026-10-25T00:30:00Z");
        is("02:30", "2026-10-25T01:45:00Z", "2026-10-25T01:30:00Z");
        // A whole day that Samoa left out.
        let skipped = meaning("2011-12-30T12:00", "2026-01-01T00:00:00Z", Tz::Pacific__Apia).unwrap();
        assert_eq!(skipped, nanos_of("2011-12-30T22:00:00Z"));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "yesterday",
            "25:00",
            "2:5x",
            "2026-13-01",
            "10",
            "-m",
            "@",
            "@a b",
            "+10:00",
            "12345678901234567890",
            "1e9",
            "-9999999999999999w",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(meaning("@gone", "2026-01-01T00:00:00Z", Tz::UTC), Err(MomentError::Unknown("gone".into())));
        assert!(meaning("9999-01-01", "2026-01-01T00:00:00Z", Tz::UTC).is_err());
        assert!(meaning("-9999999w", "2026-01-01T00:00:00Z", Tz::UTC).is_err());
    }
}
