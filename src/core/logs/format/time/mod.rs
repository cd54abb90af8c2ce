//! Timestamps as programs write them, read by hand: a format string would cost more than the rest of the line.
use std::cell::Cell;

use chrono::{LocalResult, Offset as _, TimeZone as _};
use serde::Deserialize;

use super::{Assume, Nanos};

#[cfg(test)]
mod tests;

/// How a timestamp is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Style {
    /// Any of the others, told by its look.
    #[default]
    Auto,
    /// `20/Nov/2026:19:43:23 +0000`: access logs of Nginx and Apache.
    Clf,
    /// `2026-11-20T19:41:02.881Z`, with a space, a comma, another zone or none.
    Iso,
    /// `2026/11/20 19:41:02`: the error log of Nginx.
    Slashes,
    /// `Fri Nov 20 19:39:17.376411 2026`: the error log of Apache.
    Ctime,
    /// `Nov 20 19:41:02`: no year, no zone.
    Syslog,
    /// `1120 19:41:02.123456`, the level's letter before it or not.
    Klog,
    /// `20 Nov 2026 19:41:02.881`.
    DayFirst,
    /// `201120 19:41:02`: MySQL before 5.7.
    Short,
    /// Seconds since 1970; a fraction may follow.
    EpochS,
    /// Milliseconds since 1970.
    EpochMs,
    /// Microseconds since 1970.
    EpochUs,
    /// Nanoseconds since 1970.
    EpochNs,
}

/// Reads a timestamp at the beginning of a text; returns it and how many bytes it takes.
pub fn read(text: &[u8], style: Style, assume: Assume) -> Option<(Nanos, usize)> {
    match style {
        Style::Auto => auto(text, assume),
        Style::Clf => clf(text),
        Style::Iso => iso(text, b'-', assume),
        Style::Slashes => iso(text, b'/', assume),
        Style::Ctime => ctime(text, assume),
        Style::Syslog => syslog(text, assume),
        Style::Klog => klog(text, assume),
        Style::DayFirst => day_first(text, assume),
        Style::Short => short(text, assume),
        Style::EpochS => epoch(text, Some(Nanos::SECOND)),
        Style::EpochMs => epoch(text, Some(Nanos::MILLI)),
        Style::EpochUs => epoch(text, Some(1000)),
        Style::EpochNs => epoch(text, Some(1)),
    }
}

fn auto(text: &[u8], assume: Assume) -> Option<(Nanos, usize)> {
    let (&first, at) = (text.first()?, |index: usize| text.get(index).copied());
    if first.is_ascii_digit() {
        return match (at(2), at(4)) {
            (_, Some(b'-')) => iso(text, b'-', assume),
            (_, Some(b'/')) => iso(text, b'/', assume),
            (Some(b'/'), _) => clf(text),
            (Some(b' '), _) => day_first(text, assume),
            _ => short(text, assume).or_else(|| epoch(text, None)),
        };
    }
    if first.is_ascii_uppercase() {
        return if at(1).is_some_and(|next| next.is_ascii_digit()) {
            klog(text, assume)
        } else {
            syslog(text, assume).or_else(|| ctime(text, assume))
        };
    }
    None
}

/// Two digits as a number; not below 100 when one is no digit, which every range check refuses.
fn two(tens: u8, ones: u8) -> u32 {
    let (tens, ones) = (u32::from(tens.wrapping_sub(b'0')), u32::from(ones.wrapping_sub(b'0')));
    if tens > 9 || ones > 9 { 1000 } else { tens * 10 + ones }
}

/// Days since 1970 of a date in the Gregorian calendar, or none where there is no such day.
///
/// Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
fn days(year: u32, month: u32, day: u32) -> Option<i64> {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let last = match month {
        4 | 6 | 9 | 11 => 30,
        2 => 28 + u32::from(leap),
        1..=12 => 31,
        _ => return None,
    };
    if day == 0 || day > last || year > 9999 {
        return None;
    }
    let (year, month, day) = (i64::from(year) - i64::from(month <= 2), i64::from(month), i64::from(day));
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

/// Seconds into a day; a leap second counts as the one before.
fn clock(hour: u32, minute: u32, second: u32) -> Option<i64> {
    (hour < 24 && minute < 60 && second <= 60)
        .then(|| i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second.min(59)))
}

fn nanos(seconds: i64, fraction: i64) -> Option<Nanos> {
    seconds.checked_mul(Nanos::SECOND)?.checked_add(fraction).map(Nanos)
}

fn month(a: u8, b: u8, c: u8) -> Option<u32> {
    Some(match [a | 0x20, b | 0x20, c | 0x20] {
        [b'j', b'a', b'n'] => 1,
        [b'f', b'e', b'b'] => 2,
        [b'm', b'a', b'r'] => 3,
        [b'a', b'p', b'r'] => 4,
        [b'm', b'a', b'y'] => 5,
        [b'j', b'u', b'n'] => 6,
        [b'j', b'u', b'l'] => 7,
        [b'a', b'u', b'g'] => 8,
        [b's', b'e', b'p'] => 9,
        [b'o', b'c', b't'] => 10,
        [b'n', b'o', b'v'] => 11,
        [b'd', b'e', b'c'] => 12,
        _ => return None,
    })
}

/// Reads `.881` or `,881123456`: nanoseconds, and the bytes it takes. Digits beyond the ninth are dropped.
fn fraction(text: &[u8]) -> (i64, usize) {
    let [b'.' | b',', digits @ ..] = text else { return (0, 0) };
    let (mut value, mut taken) = (0, 0);
    for digit in digits.iter().take_while(|digit| digit.is_ascii_digit()) {
        if taken < 9 {
            value = value * 10 + i64::from(digit - b'0');
        }
        taken += 1;
    }
    if taken == 0 {
        return (0, 0);
    }
    for _ in taken..9 {
        value *= 10;
    }
    (value, taken + 1)
}

/// Reads a zone: `Z`, `+00:00`, `-0500`, `+05`, ` UTC`, ` +00:00`. Returns seconds east of Greenwich and the bytes it takes.
fn zone(text: &[u8]) -> Option<(i64, usize)> {
    let (text, led) = match text {
        [b' ', rest @ ..] => (rest, 1),
        _ => (text, 0),
    };
    let ends = |rest: &[u8]| !rest.first().is_some_and(u8::is_ascii_alphanumeric);
    match text {
        [b'Z' | b'z', rest @ ..] if ends(rest) => Some((0, led + 1)),
        [b'U', b'T', b'C', rest @ ..] | [b'G', b'M', b'T', rest @ ..] if ends(rest) => Some((0, led + 3)),
        [sign @ (b'+' | b'-'), a, b, rest @ ..] => {
            let hours = two(*a, *b);
            let (minutes, taken) = match rest {
                [b':', c, d, ..] if two(*c, *d) < 60 => (two(*c, *d), 6),
                [c, d, ..] if two(*c, *d) < 60 => (two(*c, *d), 5),
                // `19:41:02 -10x` has no zone; PostgreSQL writes ` -05`.
                _ if led == 1 && !ends(rest) => return None,
                _ => (0, 3),
            };
            if hours > 18 {
                return None;
            }
            let east = i64::from(hours * 3600 + minutes * 60);
            Some((if *sign == b'-' { -east } else { east }, led + taken))
        }
        _ => None,
    }
}

/// How long an abbreviated zone is, its blank included. Most mean several zones, so that the time is a local one.
fn abbreviation(text: &[u8]) -> usize {
    const KNOWN: &[&[u8]] = &[
        b"CET", b"CEST", b"EET", b"EEST", b"WET", b"WEST", b"BST", b"IST", b"MSK", b"EST", b"EDT", b"CST", b"CDT",
        b"MST", b"MDT", b"PST", b"PDT", b"JST", b"AEST", b"AEDT", b"HKT", b"SGT",
    ];
    let Some(text) = text.strip_prefix(b" ") else { return 0 };
    let end = text.iter().take(6).position(|byte| !byte.is_ascii_uppercase()).unwrap_or(text.len().min(6));
    let is_known = text.get(..end).is_some_and(|word| KNOWN.contains(&word));
    if is_known { end + 1 } else { 0 }
}

thread_local! {
    /// The quarter of an hour of local time that was last asked for, its zone, and how far east it is.
    static LAST: Cell<Option<(chrono_tz::Tz, i64, i64)>> = const { Cell::new(None) };
}

/// Turns local seconds into those of UTC.
///
/// An hour that happens twice is the second one only where that is just now; an hour that does not happen is read by the
/// offset before it.
fn of_local(seconds: i64, assume: Assume) -> i64 {
    if assume.zone == chrono_tz::Tz::UTC {
        return seconds;
    }
    // Zones change on full quarters only.
    let quarter = seconds.div_euclid(900);
    if let Some((zone, last, east)) = LAST.get()
        && zone == assume.zone
        && last == quarter
    {
        return seconds - east;
    }
    let Some(local) = chrono::DateTime::from_timestamp(seconds, 0).map(|at| at.naive_utc()) else { return seconds };
    match assume.zone.offset_from_local_datetime(&local) {
        LocalResult::Single(offset) => {
            let east = i64::from(offset.fix().local_minus_utc());
            LAST.set(Some((assume.zone, quarter, east)));
            seconds - east
        }
        LocalResult::Ambiguous(one, other) => {
            let reads = [one, other].map(|offset| seconds - i64::from(offset.fix().local_minus_utc()));
            let (early, late) = (reads.iter().min(), reads.iter().max());
            let now = assume.now.0.div_euclid(Nanos::SECOND);
            late.filter(|late| (-7200..=300).contains(&(**late - now))).or(early).copied().unwrap_or(seconds)
        }
        LocalResult::None => {
            let before = chrono::DateTime::from_timestamp(seconds - 10_800, 0).map(|at| at.naive_utc());
            let offset = before.and_then(|before| assume.zone.offset_from_local_datetime(&before).earliest());
            seconds - offset.map_or(0, |offset| i64::from(offset.fix().local_minus_utc()))
        }
    }
}

/// `20/Nov/2026:19:43:23 +0000`.
fn clf(text: &[u8]) -> Option<(Nanos, usize)> {
    let [d1, d2, b'/', a, b, c, b'/', y1, y2, y3, y4, b':', h1, h2, b':', m1, m2, b':', s1, s2, rest @ ..] = text
    else {
        return None;
    };
    let day = days(two(*y1, *y2) * 100 + two(*y3, *y4), month(*a, *b, *c)?, two(*d1, *d2))?;
    let second = clock(two(*h1, *h2), two(*m1, *m2), two(*s1, *s2))?;
    let (more, taken) = fraction(rest);
    let (east, zoned) = zone(rest.get(taken..)?).unwrap_or((0, 0));
    Some((nanos(day * 86_400 + second - east, more)?, 20 + taken + zoned))
}

/// `2026-11-20T19:41:02.881Z` and its kin.
fn iso(text: &[u8], between: u8, assume: Assume) -> Option<(Nanos, usize)> {
    // apt writes two blanks.
    if let [date @ .., b' ', b' ', b'0'..=b'9', b'0'..=b'9'] = text.get(..14)? {
        let mut one = [0; 48];
        let rest = text.get(11..).map(|rest| rest.get(..38).unwrap_or(rest))?;
        one.get_mut(..10)?.copy_from_slice(date);
        one.get_mut(10..10 + rest.len())?.copy_from_slice(rest);
        return iso(one.get(..10 + rest.len())?, between, assume).map(|(at, taken)| (at, taken + 1));
    }
    let [y1, y2, y3, y4, p, o1, o2, q, d1, d2, b'T' | b't' | b' ' | b'_', h1, h2, b':', m1, m2, rest @ ..] = text
    else {
        return None;
    };
    if *p != between || *q != between {
        return None;
    }
    let day = days(two(*y1, *y2) * 100 + two(*y3, *y4), two(*o1, *o2), two(*d1, *d2))?;
    let (second, taken) = match rest {
        [b':', s1, s2, ..] => (two(*s1, *s2), 3),
        _ => (0, 0),
    };
    // MySQL pads the hour with a blank.
    let local = day * 86_400 + clock(day_of(*h1, *h2), two(*m1, *m2), second)?;
    let rest = rest.get(taken..)?;
    let (more, fractional) = fraction(rest);
    let taken = 16 + taken + fractional;
    let rest = rest.get(fractional..)?;
    match zone(rest) {
        Some((east, zoned)) => Some((nanos(local - east, more)?, taken + zoned)),
        None => Some((nanos(of_local(local, assume), more)?, taken + abbreviation(rest))),
    }
}

/// A number of two digits, of which the first may be a blank.
fn day_of(a: u8, b: u8) -> u32 {
    two(if a == b' ' { b'0' } else { a }, b)
}

/// `Fri Nov 20 19:39:17.376411 2026`, or `Fri Nov 20 19:39:17 UTC 2026`.
fn ctime(text: &[u8], assume: Assume) -> Option<(Nanos, usize)> {
    let [w, _, _, b' ', a, b, c, b' ', d1, d2, b' ', h1, h2, b':', m1, m2, b':', s1, s2, rest @ ..] = text else {
        return None;
    };
    if !w.is_ascii_alphabetic() {
        return None;
    }
    let month = month(*a, *b, *c)?;
    let second = clock(two(*h1, *h2), two(*m1, *m2), two(*s1, *s2))?;
    let (more, taken) = fraction(rest);
    let (east, zoned) = zone(rest.get(taken..)?).filter(|(_, taken)| *taken == 4).unzip();
    let taken = taken + zoned.unwrap_or(0);
    let [b' ', y1, y2, y3, y4, ..] = rest.get(taken..)? else { return None };
    let day = days(two(*y1, *y2) * 100 + two(*y3, *y4), month, day_of(*d1, *d2))?;
    let local = day * 86_400 + second;
    let utc = east.map_or_else(|| of_local(local, assume), |east| local - east);
    Some((nanos(utc, more)?, 19 + taken + 5))
}

/// `20 Nov 2026 19:41:02.881`.
fn day_first(text: &[u8], assume: Assume) -> Option<(Nanos, usize)> {
    let [d1, d2, b' ', a, b, c, b' ', y1, y2, y3, y4, b' ', h1, h2, b':', m1, m2, b':', s1, s2, rest @ ..] = text
    else {
        return None;
    };
    let day = days(two(*y1, *y2) * 100 + two(*y3, *y4), month(*a, *b, *c)?, day_of(*d1, *d2))?;
    let local = day * 86_400 + clock(two(*h1, *h2), two(*m1, *m2), two(*s1, *s2))?;
    let (more, taken) = fraction(rest);
    Some((nanos(of_local(local, assume), more)?, 20 + taken))
}

/// `201120 19:41:02`; hours below ten are padded with a space.
fn short(text: &[u8], assume: Assume) -> Option<(Nanos, usize)> {
    let [y1, y2, o1, o2, d1, d2, b' ', h1, h2, b':', m1, m2, b':', s1, s2, ..] = text else { return None };
    let year = two(*y1, *y2);
    if year > 99 {
        return None;
    }
    let day = days(2000 + year, two(*o1, *o2), two(*d1, *d2))?;
    let local = day * 86_400 + clock(day_of(*h1, *h2), two(*m1, *m2), two(*s1, *s2))?;
    Some((nanos(of_local(local, assume), 0)?, 15))
}

/// Finds the year of a time that does not name it: the last one in which it is not in the future.
fn with_year(month: u32, day: u32, second: i64, assume: Assume) -> Option<i64> {
    const SLACK: i64 = 86_400;
    let now = assume.now.0.div_euclid(Nanos::SECOND);
    let latest = chrono::DateTime::from_timestamp(now + SLACK, 0).map_or(1970, |at| chrono::Datelike::year(&at));
    let latest = u32::try_from(latest).ok()?;
    // A leap day may be up to eight years back.
    (0..=8).find_map(|back| {
        let day = days(latest.checked_sub(back)?, month, day)?;
        let at = of_local(day * 86_400 + second, assume);
        (at <= now + SLACK).then_some(at)
    })
}

/// `Nov 20 19:41:02`, the day padded with a space.
fn syslog(text: &[u8], assume: Assume) -> Option<(Nanos, usize)> {
    let [a, b, c, b' ', d1, d2, b' ', h1, h2, b':', m1, m2, b':', s1, s2, rest @ ..] = text else { return None };
    let month = month(*a, *b, *c)?;
    let second = clock(two(*h1, *h2), two(*m1, *m2), two(*s1, *s2))?;
    let (more, taken) = fraction(rest);
    Some((nanos(with_year(month, day_of(*d1, *d2), second, assume)?, more)?, 15 + taken))
}

/// `I1120 19:41:02.123456`, with or without the letter.
fn klog(text: &[u8], assume: Assume) -> Option<(Nanos, usize)> {
    let (text, led) = match text {
        [b'I' | b'W' | b'E' | b'F' | b'D', rest @ ..] => (rest, 1),
        _ => (text, 0),
    };
    let [o1, o2, d1, d2, b' ', h1, h2, b':', m1, m2, b':', s1, s2, rest @ ..] = text else { return None };
    let second = clock(two(*h1, *h2), two(*m1, *m2), two(*s1, *s2))?;
    let (more, taken) = fraction(rest);
    Some((nanos(with_year(two(*o1, *o2), two(*d1, *d2), second, assume)?, more)?, led + 13 + taken))
}

/// A number since 1970. Without a unit its size tells: ten digits are seconds, 13 milliseconds, 16 micro-, 19 nanoseconds.
fn epoch(text: &[u8], unit: Option<i64>) -> Option<(Nanos, usize)> {
    let mut value = 0_i64;
    let mut taken = 0;
    for digit in text.iter().take_while(|digit| digit.is_ascii_digit()) {
        value = value.checked_mul(10)?.checked_add(i64::from(digit - b'0'))?;
        taken += 1;
    }
    let unit = match (unit, taken) {
        (_, 0) => return None,
        (Some(unit), _) => unit,
        (None, 9..=10) => Nanos::SECOND,
        (None, 12..=13) => Nanos::MILLI,
        (None, 15..=16) => 1000,
        (None, 18..=19) => 1,
        (None, _) => return None,
    };
    let (more, fractional) = if unit == 1 { (0, 0) } else { fraction(text.get(taken..)?) };
    let rest = text.get(taken + fractional..).and_then(<[u8]>::first);
    if rest.is_some_and(u8::is_ascii_alphanumeric) {
        return None;
    }
    let more = more / (Nanos::SECOND / unit);
    Some((Nanos(value.checked_mul(unit)?.checked_add(more)?), taken + fractional))
}
