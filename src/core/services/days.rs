//! Days of the display time zone, their grades, and the cells of a bar.
use std::collections::VecDeque;

use chrono::{Days, NaiveDate, NaiveTime, TimeZone};
use chrono_tz::Tz;

use super::{
    Split,
    uptime::{Imported, Span},
};
use crate::core::time::{MINUTE, Timestamp};

/// Days that a bar shows, today included.
pub const SHOWN: usize = 90;
/// Days that are known around the shown ones: results may be older, and the clock may go forward.
const BEFORE: u64 = 110;
const AFTER: u64 = 3;

/// Returns the first moment of a day: midnight, or where a change of the clock skips it, the moment after it; where
/// midnight comes twice, the first.
pub fn day_start(zone: Tz, date: NaiveDate) -> Option<Timestamp> {
    let midnight = date.and_time(NaiveTime::MIN);
    // Zones skip up to a whole day (Samoa, 30 December 2011): that day has no start, and the next one has.
    (0..=26 * 4)
        .filter_map(|quarter| midnight.checked_add_signed(chrono::TimeDelta::minutes(quarter * 15)))
        .find_map(|local| zone.from_local_datetime(&local).earliest())
        .map(|start| Timestamp(start.timestamp_millis()))
}

/// Returns the date in a zone.
pub fn date_at(zone: Tz, moment: Timestamp) -> Option<NaiveDate> {
    moment.to_utc().map(|utc| utc.with_timezone(&zone).date_naive())
}

/// The borders of the days around now in one time zone.
#[derive(Clone, Debug, PartialEq)]
pub struct Calendar {
    zone: Tz,
    starts: VecDeque<(Timestamp, NaiveDate)>,
    today: usize,
}

impl Default for Calendar {
    fn default() -> Self {
        Self { zone: Tz::UTC, starts: VecDeque::new(), today: 0 }
    }
}

impl Calendar {
    /// Computes the borders around a moment.
    pub fn new(zone: Tz, now: Timestamp) -> Self {
        let mut starts = VecDeque::new();
        if let Some(today) = date_at(zone, now)
            && let Some(first) = today.checked_sub_days(Days::new(BEFORE))
        {
            for date in first.iter_days().take(usize::try_from(BEFORE + AFTER + 1).unwrap_or(0)) {
                if let Some(start) = day_start(zone, date) {
                    // A skipped day starts where the next one does: it has no length and is left out.
                    if starts.back().is_some_and(|(before, _)| *before >= start) {
                        starts.pop_back();
                    }
                    starts.push_back((start, date));
                }
            }
        }
        let today = starts.iter().rposition(|(start, _)| *start <= now).unwrap_or(0);
        Self { zone, starts, today }
    }

    /// Returns the zone.
    pub fn zone(&self) -> Tz {
        self.zone
    }

    /// Says whether a moment is still today.
    pub fn is_today(&self, now: Timestamp) -> bool {
        self.span(self.today).is_some_and(|(day, _)| day.from <= now && now < day.to)
    }

    /// Returns the shown days, oldest first, today last.
    pub fn shown(&self) -> impl Iterator<Item = (Span, NaiveDate)> {
        let first = (self.today + 1).saturating_sub(SHOWN);
        (first..=self.today).filter_map(|position| self.span(position))
    }

    /// Returns the day that a moment lies in.
    pub fn day_at(&self, moment: Timestamp) -> Option<Span> {
        let after = self.starts.partition_point(|(start, _)| *start <= moment);
        self.span(after.checked_sub(1)?).map(|(day, _)| day)
    }

    /// Says whether a stretch is one of these days.
    pub fn is_day(&self, start: Timestamp, length_ms: i64) -> bool {
        self.day_at(start).is_some_and(|day| day.from == start && day.ms() == length_ms)
    }

    /// Returns the days that a stretch touches.
    pub fn days_in(&self, span: Span) -> impl Iterator<Item = Span> {
        let first = self.starts.partition_point(|(start, _)| *start <= span.from).saturating_sub(1);
        (first..self.starts.len())
            .filter_map(|position| self.span(position))
            .map(|(day, _)| day)
            .skip_while(move |day| day.to <= span.from)
            .take_while(move |day| day.from < span.to)
    }

    fn span(&self, position: usize) -> Option<(Span, NaiveDate)> {
        let (from, date) = *self.starts.get(position)?;
        let (to, _) = *self.starts.get(position + 1)?;
        Some((Span::new(from, to), date))
    }
}

/// One day of one service.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Day {
    /// The date in the display time zone.
    pub date: NaiveDate,
    /// Its first moment.
    pub start: Timestamp,
    /// Its length in milliseconds; of today, what has elapsed.
    pub length_ms: i64,
    /// How it divides.
    pub split: Split,
    /// Whether imported data are part of it.
    pub imported: Imported,
}

/// How good a day was, from the one that says least to the worst: in a fold the greatest wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Grade {
    /// Nothing is known: not counted.
    NoData,
    /// Up all the time that is known.
    Perfect,
    /// Planned work, and else nothing down.
    Maintenance,
    /// At least 99.9 %.
    Minor,
    /// At least 99 %.
    Fair,
    /// At least 95 %.
    Poor,
    /// Less than 95 %.
    Bad,
}

impl Grade {
    /// Grades a stretch. The borders are compared exactly, not through the truncated figure.
    pub fn of(split: &Split) -> Self {
        let (down, all) = (i128::from(split.down_ms), i128::from(split.counted_ms()));
        match () {
            () if split.known_ms() <= 0 => Self::NoData,
            () if down <= 0 && split.maintenance_ms > 0 => Self::Maintenance,
            () if down <= 0 => Self::Perfect,
            () if down * 1_000 <= all => Self::Minor,
            () if down * 100 <= all => Self::Fair,
            () if down * 20 <= all => Self::Poor,
            () => Self::Bad,
        }
    }
}

/// How many cells a bar has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cells {
    /// One day a cell: inner width of 112 columns and more.
    Ninety,
    /// Two days a cell: 64 to 111 columns.
    FortyFive,
    /// Three days a cell: below.
    Thirty,
}

impl Cells {
    /// Chooses by the inner width in columns.
    pub fn for_width(columns: u16) -> Self {
        match columns {
            112.. => Self::Ninety,
            64..112 => Self::FortyFive,
            ..64 => Self::Thirty,
        }
    }

    /// Returns the days in a cell.
    pub fn days(self) -> usize {
        match self {
            Self::Ninety => 1,
            Self::FortyFive => 2,
            Self::Thirty => 3,
        }
    }

    /// Returns how many there are.
    pub fn count(self) -> usize {
        SHOWN / self.days()
    }
}

/// Folds grades of days, oldest first, into cells, in each of which the worst day wins. Cells are filled from the newest
/// day, so the last one always ends today.
pub fn fold(days: &[Grade], width: Cells) -> Vec<Grade> {
    let worst = |days: &[Grade]| days.iter().copied().max().unwrap_or(Grade::NoData);
    let mut cells: Vec<Grade> = days.rchunks(width.days()).map(worst).collect();
    cells.reverse();
    cells
}

/// Writes minutes and hours of an amount of time as a day cell's details say it: `0m`, `12m41`, `1h07`.
pub fn amount(ms: i64) -> String {
    let ms = u64::try_from(ms).unwrap_or(0);
    if ms == 0 {
        return "0m".to_owned();
    }
    if ms < MINUTE.unsigned_abs() { format!("{}s", ms.div_ceil(1_000)) } else { crate::core::time::precise(ms) }
}
