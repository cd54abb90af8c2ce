//! A percentage, and of how much of its stretch it is made: a minute without an outage is no 100 of 90 days.
//!
//! The same everywhere: the header, the list, a service's page, `qd status` and the status page. Where less than a hundredth of the
//! stretch is known there is none (`?`); where it is less than half, the figure says so: `99.98*` where there is little room, or
//! `99.987 of 2h`. What is not known is never counted as up, whatever the percentage.
use super::{Split, uptime::Percent};
use crate::core::time::short;

/// Of a stretch of which less than one in so many parts is known, there is no percentage.
const TOO_LITTLE: i64 = 100;
/// Of a stretch of which less than one in so many parts is known, the percentage says of how much it is.
const LITTLE: i64 = 2;

/// A percentage as it is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figure {
    /// The percentage; none: too little is known.
    pub percent: Option<Percent>,
    /// Milliseconds of which something is known, where that is little.
    pub of_ms: Option<i64>,
}

impl Split {
    /// Returns the percentage as it is told, of a stretch of so many services together.
    pub fn figure(&self, services: usize) -> Figure {
        let known = self.known_ms();
        let whole = known.saturating_add(self.unknown_ms);
        let is_less = |parts: i64| known.saturating_mul(parts) < whole;
        let each = known / i64::try_from(services.max(1)).unwrap_or(1);
        Figure {
            percent: self.uptime().filter(|_| !is_less(TOO_LITTLE)),
            of_ms: Some(each).filter(|_| is_less(LITTLE)),
        }
    }
}

impl Figure {
    /// Writes it within seven columns; none: `?`.
    pub fn brief(self) -> Option<String> {
        let percent = self.percent?;
        let whole = percent.to_string();
        Some(if self.of_ms.is_some() { format!("{whole:.5}*") } else { whole })
    }

    /// Writes of how much it is made, where that is little: `of 2h`.
    pub fn of(self) -> Option<String> {
        let ms = self.of_ms.filter(|_| self.percent.is_some())?;
        Some(format!("of {}", short(u64::try_from(ms).unwrap_or(0))))
    }

    /// Writes it in full, with how much it is made of where that is little: `99.987 of 2h`; none: `?`.
    pub fn full(self) -> Option<String> {
        let percent = self.percent?.to_string();
        Some(self.of().map_or_else(|| percent.clone(), |of| format!("{percent} {of}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::time::{DAY, HOUR, MINUTE};

    fn split(up_ms: i64, down_ms: i64, of: i64) -> Split {
        Split { up_ms, down_ms, unknown_ms: of - up_ms - down_ms, ..Split::default() }
    }

    fn told(split: Split) -> [Option<String>; 2] {
        let figure = split.figure(1);
        [figure.brief(), figure.full()]
    }

    fn some(brief: &str, full: &str) -> [Option<String>; 2] {
        [Some(brief.to_owned()), Some(full.to_owned())]
    }

    #[test]
    fn a_percentage_over_little_says_so_and_one_over_next_to_nothing_is_none() {
        assert_eq!(told(split(3 * HOUR, 0, 24 * HOUR)), some("100.0*", "100.00 of 3h"));
        assert_eq!(told(split(2 * HOUR, 0, 7 * DAY)), some("100.0*", "100.00 of 2h"));
        assert_eq!(told(split(2 * HOUR, 0, 90 * DAY)), [None, None]);
        assert_eq!(told(split(40 * DAY, HOUR, 90 * DAY)), some("99.89*", "99.895 of 40d"));
        assert_eq!(told(split(45 * DAY, 0, 90 * DAY)), some("100.00", "100.00"));
        assert_eq!(told(split(14 * MINUTE, 0, DAY)), [None, None]);
        assert_eq!(told(Split::default()), [None, None]);
        // Down for all of it is no 100, and no empty text.
        assert_eq!(told(split(0, 3 * HOUR, DAY)), some("0.000*", "0.000 of 3h"));
    }

    #[test]
    fn planned_work_is_known_and_several_services_are_told_as_one() {
        let work = Split { up_ms: HOUR, maintenance_ms: 20 * HOUR, unknown_ms: 3 * HOUR, ..Split::default() };
        assert_eq!(told(work), some("100.00", "100.00"));
        let all = split(3 * HOUR, 0, DAY).plus(split(5 * HOUR, 0, DAY));
        assert_eq!(all.figure(2).of().as_deref(), Some("of 4h"));
    }
}
