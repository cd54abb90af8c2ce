//! Planned work: when its windows lie, by the clock of the place that they were agreed in.
//!
//! A window is what people agreed on: by their clock, in their time zone. Where the clock leaps over its beginning or its end, it
//! begins or ends after the leap; where an hour comes twice, it begins at the first and ends at the last. A window that
//! lies in a leap as a whole is none.
use chrono::{Datelike as _, Duration, NaiveDate, NaiveDateTime, NaiveTime, TimeZone as _, Weekday};
use chrono_tz::Tz;

use super::{Maintenance, uptime::Span};
use crate::core::{
    id::ServiceId,
    runs::policy::Window,
    time::{DAY, Timestamp},
};

/// Days before a moment whose windows are still of interest: nothing older is open to be counted.
const BEFORE: i64 = 3;
/// Days ahead that are looked at.
const AHEAD: i64 = 35;

/// Planned work as it was agreed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Its name.
    pub name: String,
    /// The services; empty: all.
    pub services: Vec<ServiceId>,
    /// Where its clock hangs.
    pub zone: Tz,
    /// When.
    pub when: When,
    /// Why.
    pub why: String,
}

/// When work is planned, by a clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum When {
    /// Once.
    Once {
        /// From when.
        from: NaiveDateTime,
        /// To when.
        to: NaiveDateTime,
    },
    /// Again and again.
    Every {
        /// On which days.
        days: Vec<Weekday>,
        /// Only the first, second … of its kind in a month.
        nth: Option<u32>,
        /// From when.
        from: NaiveTime,
        /// To when; the day after where that is not later.
        to: NaiveTime,
    },
}

impl When {
    /// Reads `Sun 02:00-04:00`, `Mon-Fri 22:00-23:00`, `daily 01:00-01:30` or `first Sun 02:00-06:00`.
    pub fn parse(text: &str) -> Option<Self> {
        const NTH: [&str; 4] = ["first", "second", "third", "fourth"];
        let word = text.split(' ').next()?;
        let nth = NTH.iter().position(|known| known.eq_ignore_ascii_case(word));
        let rest = if nth.is_some() { text.split_once(' ')?.1 } else { text };
        let (days, (from, to)) = Window::parse(rest.trim())?.parts();
        let time = |minutes: u32| NaiveTime::from_hms_opt(minutes / 60 % 24, minutes % 60, 0);
        let nth = nth.and_then(|nth| u32::try_from(nth + 1).ok());
        Some(Self::Every { days, nth, from: time(from)?, to: time(to)? })
    }

    /// Reads a day and a time of it: `2026-12-20 02:00`.
    pub fn moment(text: &str) -> Option<NaiveDateTime> {
        ["%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M"]
            .iter()
            .find_map(|form| NaiveDateTime::parse_from_str(text.trim(), form).ok())
    }
}

impl Plan {
    /// Says whether it comes again and again.
    pub fn recurs(&self) -> bool {
        matches!(self.when, When::Every { .. })
    }

    /// Returns its windows around a moment, in order.
    pub fn spans(&self, now: Timestamp) -> Vec<Span> {
        let (days, nth, from, to) = match &self.when {
            When::Once { from, to } => return span(self.zone, *from, *to).into_iter().collect(),
            When::Every { days, nth, from, to } => (days, *nth, *from, *to),
        };
        let Some(today) = now.to_utc().map(|now| now.with_timezone(&self.zone).date_naive()) else { return Vec::new() };
        let fits =
            |day: &NaiveDate| days.contains(&day.weekday()) && nth.is_none_or(|nth| (day.day() - 1) / 7 + 1 == nth);
        let all = (-BEFORE..=AHEAD).filter_map(|offset| today.checked_add_signed(Duration::days(offset)));
        let window = |day: NaiveDate| {
            let last = if to > from { day } else { day.succ_opt()? };
            span(self.zone, day.and_time(from), last.and_time(to))
        };
        all.filter(fits).filter_map(window).collect()
    }
}

/// Returns a window in UTC; none where nothing is left of it.
fn span(zone: Tz, from: NaiveDateTime, to: NaiveDateTime) -> Option<Span> {
    let (from, to) = (utc(zone, from, false)?, utc(zone, to, true)?);
    (from < to).then(|| Span::new(from, to))
}

/// Returns a time of a clock in UTC: of two the first, or the last; where the clock leaps over it, the end of the leap.
pub(in crate::core) fn utc(zone: Tz, local: NaiveDateTime, last: bool) -> Option<Timestamp> {
    let found = zone.from_local_datetime(&local);
    let moment = if last { found.latest() } else { found.earliest() };
    if let Some(moment) = moment {
        return Some(Timestamp(moment.timestamp_millis()));
    }
    // No clock leaps by more than a day; every change lies on a minute.
    (1..=24 * 60).find_map(|minutes| {
        let after = zone.from_local_datetime(&(local + Duration::minutes(minutes))).earliest()?;
        Some(Timestamp(after.timestamp_millis()))
    })
}

/// Returns the windows of all plans around a moment, in order.
pub fn planned(plans: &[Plan], now: Timestamp) -> Vec<Maintenance> {
    let near = |span: &Span| span.to > now - BEFORE * DAY && span.from < now + AHEAD * DAY;
    let mut all: Vec<Maintenance> = Vec::new();
    for plan in plans {
        for span in plan.spans(now).into_iter().filter(near) {
            if plan.services.is_empty() {
                all.push(Maintenance { service: None, span });
            }
            all.extend(plan.services.iter().map(|service| Maintenance { service: Some(service.clone()), span }));
        }
    }
    all.sort_by_key(|of| (of.span.from, of.span.to));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp(chrono::DateTime::parse_from_rfc3339(text).unwrap().timestamp_millis())
    }

    fn plan(zone: Tz, when: When) -> Plan {
        Plan { name: "x".into(), services: Vec::new(), zone, when, why: String::new() }
    }

    fn first(zone: Tz, when: &str, now: &str) -> String {
        let plan = plan(zone, When::parse(when).unwrap());
        let now = at(now);
        let next = plan.spans(now).into_iter().find(|span| span.to > now);
        next.map_or_else(|| "none".to_owned(), |span| format!("{} {}", span.from.rfc3339(), span.to.rfc3339()))
    }

    #[test]
    fn windows_keep_to_the_clock_of_their_place_also_when_it_is_changed() {
        use chrono_tz::{America::Bogota, Europe::Berlin, UTC};
        // In Berlin the clock leaps from 02:00 to 03:00 on 2026-03-29, and goes back from 03:00 to 02:00 on 2026-10-25.
        for (zone, when, now, expected) in [
            (UTC, "Sun 02:00-04:00", "2026-11-20T00:00:00Z", "2026-11-22T02:00 2026-11-22T04:00"),
            (Bogota, "Sun 02:00-04:00", "2026-11-20T00:00:00Z", "2026-11-22T07:00 2026-11-22T09:00"),
            (Berlin, "Sun 01:00-04:00", "2026-01-10T00:00:00Z", "2026-01-11T00:00 2026-01-11T03:00"),
            (Berlin, "Sun 01:00-04:00", "2026-07-10T00:00:00Z", "2026-07-11T23:00 2026-07-12T02:00"),
            // An hour shorter, and an hour longer.
            (Berlin, "Sun 01:00-04:00", "2026-03-28T00:00:00Z", "2026-03-29T00:00 2026-03-29T02:00"),
            (Berlin, "Sun 01:00-04:00", "2026-10-24T00:00:00Z", "2026-10-24T23:00 2026-10-25T03:00"),
            // Its beginning does not exist, its end does not, all of it does not.
            (Berlin, "Sun 02:30-04:00", "2026-03-28T00:00:00Z", "2026-03-29T01:00 2026-03-29T02:00"),
            (Berlin, "Sun 01:00-02:30", "2026-03-28T00:00:00Z", "2026-03-29T00:00 2026-03-29T01:00"),
            (Berlin, "Sun 02:10-02:50", "2026-03-28T00:00:00Z", "2026-04-05T00:10 2026-04-05T00:50"),
            // Both its ends come twice: it covers both hours.
            (Berlin, "Sun 02:10-02:50", "2026-10-24T00:00:00Z", "2026-10-25T00:10 2026-10-25T01:50"),
            // Over midnight, and the first of a month.
            (UTC, "daily 22:00-02:00", "2026-11-20T23:00:00Z", "2026-11-20T22:00 2026-11-21T02:00"),
            (UTC, "first Sun 02:00-06:00", "2026-11-20T00:00:00Z", "2026-12-06T02:00 2026-12-06T06:00"),
            (UTC, "Mon 00:00-24:00", "2026-11-20T00:00:00Z", "2026-11-23T00:00 2026-11-24T00:00"),
        ] {
            let seconds = |text: String| text.replace(":00.000Z", "");
            assert_eq!(seconds(first(zone, when, now)), expected, "{zone} {when} {now}");
        }
    }

    #[test]
    fn once_is_once_and_what_is_no_time_is_none() {
        let once = |from: &str, to: &str| {
            let when = When::Once { from: When::moment(from).unwrap(), to: When::moment(to).unwrap() };
            plan(chrono_tz::Europe::Berlin, when)
        };
        let work = once("2026-12-20 02:00", "2026-12-20 04:00");
        let spans = work.spans(at("2026-11-20T00:00:00Z"));
        assert_eq!(spans, [Span::new(at("2026-12-20T01:00:00Z"), at("2026-12-20T03:00:00Z"))]);
        assert_eq!(planned(std::slice::from_ref(&work), at("2026-10-01T00:00:00Z")), [], "far away");
        assert_eq!(planned(std::slice::from_ref(&work), at("2026-12-20T02:00:00Z")).len(), 1);
        assert_eq!(planned(&[work], at("2027-01-20T02:00:00Z")), [], "long over");
        assert_eq!(once("2026-12-20 04:00", "2026-12-20 02:00").spans(at("2026-11-20T00:00:00Z")), []);
        for text in ["", "Sun", "fifth Sun 02:00-04:00", "Sun 02:00", "Sun 25:00-26:00", "first 02:00-03:00"] {
            assert_eq!(When::parse(text), None, "{text:?}");
        }
        assert_eq!(When::moment("2026-13-01 00:00"), None);
    }
}
