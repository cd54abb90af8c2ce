//! Reports over weeks and months: how many incidents, how soon they were seen, taken and mended, and what it cost.
//!
//! A mean is of those whose figure is known, and says of how many: what nobody knows is not counted as zero.
use std::collections::BTreeMap;

use chrono::{Datelike as _, Duration, NaiveDate, NaiveTime, TimeZone as _, Weekday};
use chrono_tz::Tz;
use serde::Serialize;

use super::{
    alerts::Severity,
    incidents::{
        Incident, Phase,
        document::{Budget, Moment, times},
    },
    inventory::Slo,
    services::Split,
    time::Timestamp,
};

/// A week or a month.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Period {
    /// Its name: `2026-10`, `2026-W44`.
    pub name: String,
    /// When it begins.
    pub from: Timestamp,
    /// When it ends, exclusive.
    pub to: Timestamp,
}

/// What incidents are put together by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// How bad they were.
    Severity,
    /// What they were about.
    Service,
    /// Where their time went.
    Phase,
}

/// A mean of what is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Mean {
    /// The mean; none where nothing is known.
    pub ms: Option<i64>,
    /// Of how many.
    pub known: usize,
    /// Of how many it is not known.
    pub unknown: usize,
}

/// A line of a report.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Line {
    /// What it is about: `P1`, `play@prod`, `diagnose`, `all`.
    pub name: String,
    /// How many incidents.
    pub incidents: usize,
    /// How many of them are not over.
    pub open: usize,
    /// How many of their documents are due.
    pub documents_due: usize,
    /// From the onset until it was seen.
    pub mttd: Mean,
    /// From there until somebody took it.
    pub mtta: Mean,
    /// From when it was seen until it was over.
    pub mttr: Mean,
    /// In the phase, where that is what it is about.
    pub in_phase: Mean,
}

/// What was spent of a service's objective.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Spent {
    /// The service.
    pub service: String,
    /// How much.
    #[serde(flatten)]
    pub budget: Budget,
}

/// A report.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Over which time: `2026-10`.
    pub period: String,
    /// From when.
    pub from: Moment,
    /// Until when, exclusive.
    pub to: Moment,
    /// Line by line.
    pub lines: Vec<Line>,
    /// All together.
    pub all: Line,
    /// What was spent, by service with an objective.
    pub budgets: Vec<Spent>,
}

impl Period {
    /// Reads `2026-10`; its days are those of a time zone.
    pub fn month(text: &str, zone: Tz) -> Option<Self> {
        let (year, month) = text.split_once('-')?;
        let first = NaiveDate::from_ymd_opt(year.parse().ok()?, month.parse().ok().filter(|_| month.len() == 2)?, 1)?;
        let next = first.checked_add_months(chrono::Months::new(1))?;
        Self::of(text, (first, next), zone)
    }

    /// Reads `2026-W44`.
    pub fn week(text: &str, zone: Tz) -> Option<Self> {
        let (year, week) = text.split_once("-W")?;
        let first = NaiveDate::from_isoywd_opt(year.parse().ok()?, week.parse().ok()?, Weekday::Mon)?;
        Self::of(text, (first, first.checked_add_signed(Duration::days(7))?), zone)
    }

    /// Returns the month that a moment is in.
    pub fn this_month(now: Timestamp, zone: Tz) -> Option<Self> {
        let today = now.to_utc()?.with_timezone(&zone).date_naive();
        Self::month(&format!("{:04}-{:02}", today.year(), today.month()), zone)
    }

    fn of(name: &str, (first, next): (NaiveDate, NaiveDate), zone: Tz) -> Option<Self> {
        // Where midnight is leapt over, the day begins with the first hour that there is.
        let begins = |day: NaiveDate| {
            let midnight = day.and_time(NaiveTime::MIN);
            let found =
                (0..4).find_map(|hours| zone.from_local_datetime(&(midnight + Duration::hours(hours))).earliest());
            found.map(|moment| Timestamp(moment.timestamp_millis()))
        };
        Some(Self { name: name.to_owned(), from: begins(first)?, to: begins(next)? })
    }

    /// Says whether a moment is in it.
    pub fn covers(&self, at: Timestamp) -> bool {
        self.from <= at && at < self.to
    }
}

impl Mean {
    fn of(values: impl Iterator<Item = Option<i64>>) -> Self {
        let (mut sum, mut mean) = (0_i64, Self::default());
        for value in values {
            match value {
                Some(ms) => {
                    sum = sum.saturating_add(ms);
                    mean.known += 1;
                }
                None => mean.unknown += 1,
            }
        }
        mean.ms = i64::try_from(mean.known).ok().filter(|known| *known > 0).map(|known| sum / known);
        mean
    }
}

/// Puts a report together of incidents, those that were opened within its time. What went into another one is not counted twice.
pub fn report<'a>(incidents: impl Iterator<Item = &'a Incident>, period: &Period, by: By, spent: Vec<Spent>) -> Report {
    let mut of: Vec<&Incident> = incidents.filter(|of| period.covers(of.opened) && of.merged_into.is_none()).collect();
    of.sort_by_key(|incident| incident.opened);
    let lines = match by {
        By::Severity => {
            let severities = [Severity::P1, Severity::P2, Severity::P3, Severity::P4].into_iter();
            let with = |severity| of.iter().copied().filter(|of| of.severity == severity).collect::<Vec<_>>();
            severities.map(|severity| line(format!("{severity:?}"), &with(severity))).collect()
        }
        By::Service => {
            let mut groups: BTreeMap<String, Vec<&Incident>> = BTreeMap::new();
            for incident in &of {
                let name = incident.service.as_ref().map_or_else(|| "?".to_owned(), ToString::to_string);
                groups.entry(name).or_default().push(incident);
            }
            groups.into_iter().map(|(name, of)| line(name, &of)).collect()
        }
        By::Phase => Phase::ALL.iter().map(|phase| in_phase(*phase, &of)).collect(),
    };
    Report {
        period: period.name.clone(),
        from: Moment(period.from),
        to: Moment(period.to),
        lines,
        all: line("all".to_owned(), &of),
        budgets: spent,
    }
}

fn line(name: String, of: &[&Incident]) -> Line {
    let times: Vec<_> = of.iter().map(|incident| times(incident)).collect();
    Line {
        name,
        incidents: of.len(),
        open: of.iter().filter(|incident| incident.is_open()).count(),
        documents_due: of.iter().filter(|incident| incident.is_owed()).count(),
        mttd: Mean::of(times.iter().map(|times| times.detect_ms)),
        mtta: Mean::of(times.iter().map(|times| times.acknowledge_ms)),
        mttr: Mean::of(times.iter().map(|times| times.repair_ms)),
        in_phase: Mean::default(),
    }
}

/// How long incidents were in a phase when they were in it last: until the next one began.
fn in_phase(phase: Phase, of: &[&Incident]) -> Line {
    let been: Vec<&Incident> = of.iter().copied().filter(|incident| incident.phases.contains_key(&phase)).collect();
    let spent = |incident: &&Incident| {
        let began = *incident.phases.get(&phase)?;
        let next = incident.phases.iter().filter(|(other, at)| **other != phase && **at >= began && **other > phase);
        let ended = next.map(|(_, at)| *at).min().or(incident.closed)?;
        Some(ended.since(began)).filter(|ms| *ms >= 0)
    };
    let in_phase = Mean::of(been.iter().map(spent));
    Line { in_phase, ..line(phase.word().to_owned(), &been) }
}

/// Says what was spent of an objective within a period, as far as it has gone by.
pub fn spent(service: String, slo: Slo, period: &Period, measured: Split, now: Timestamp) -> Spent {
    let window_ms = period.to.min(now).since(period.from).max(0);
    #[expect(clippy::cast_possible_truncation, reason = "a share of what was an i64 before")]
    let allowed_ms = (window_ms as f64 * (100.0 - slo.objective) / 100.0).round() as i64;
    Spent { service, budget: Budget::of(slo.objective, (window_ms, allowed_ms), Some(measured)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::{
        id::{IncidentId, Uid},
        incidents::{self, IncidentEvent, IncidentEventKind, StoredIncidentEvent},
        time::{DAY, HOUR, MINUTE},
    };

    const T0: i64 = 1_793_491_200_000; // 2026-11-01T00:00:00Z

    fn stories() -> incidents::State {
        let mut state = incidents::State::default();
        let mut seq = 0;
        let mut say = |incident: u8, at: i64, kind| {
            seq += 1;
            let event = IncidentEvent { incident: Uid([incident; 6]), at: Timestamp(T0 + at), by: "ana".into(), kind };
            let stored = StoredIncidentEvent { number: IncidentId(u64::from(incident)), seq, event };
            _ = incidents::update(&mut state, incidents::Msg::Stored(vec![stored]), Timestamp(0), &"ana".into());
        };
        let opened = |severity, service: &str| IncidentEventKind::Opened {
            title: "down".into(),
            severity,
            service: Some(service.parse().unwrap()),
        };
        let over = || IncidentEventKind::Resolved { summary: "up".into() };
        say(1, HOUR, opened(Severity::P1, "play@prod"));
        say(1, HOUR + 2 * MINUTE, IncidentEventKind::Acknowledged);
        say(1, 2 * HOUR, over());
        say(2, 3 * HOUR, opened(Severity::P1, "api@prod"));
        say(2, 3 * HOUR + 4 * MINUTE, IncidentEventKind::Acknowledged);
        say(3, 4 * HOUR, opened(Severity::P3, "play@prod"));
        say(4, -HOUR, opened(Severity::P1, "play@prod"));
        state
    }

    #[test]
    fn means_are_of_what_is_known_and_say_of_how_many() {
        let state = stories();
        let month = Period::month("2026-11", Tz::UTC).unwrap();
        let report = report(state.incidents.values(), &month, By::Severity, Vec::new());
        assert_eq!(
            (report.all.incidents, report.all.open, report.all.documents_due),
            (3, 2, 1),
            "October's is not in it"
        );
        let p1 = &report.lines[0];
        assert_eq!((p1.mtta.ms, p1.mtta.known), (Some(3 * MINUTE), 2));
        assert_eq!((p1.mttr.ms, p1.mttr.known, p1.mttr.unknown), (Some(HOUR), 1, 1));
        assert_eq!((p1.mttd.ms, p1.mttd.unknown), (None, 2), "nobody knows when they began");
        assert_eq!((report.lines[1].incidents, report.lines[1].mtta.ms), (0, None));
        assert_eq!(report.lines[2].mtta, Mean { ms: None, known: 0, unknown: 1 });
    }

    #[test]
    fn time_in_a_phase_ends_with_the_next() {
        let state = stories();
        let month = Period::month("2026-11", Tz::UTC).unwrap();
        let report = report(state.incidents.values(), &month, By::Phase, Vec::new());
        let classify = report.lines.iter().find(|line| line.name == "classify").unwrap();
        assert_eq!(classify.in_phase, Mean { ms: Some(HOUR), known: 1, unknown: 2 }, "two are in it still");
        let diagnose = report.lines.iter().find(|line| line.name == "diagnose").unwrap();
        assert_eq!((diagnose.incidents, diagnose.in_phase.ms), (0, None));
    }

    #[test]
    fn periods_follow_the_calendar_of_their_zone() {
        let ms = |period: &Period| (period.from.0 - T0, period.to.0 - period.from.0);
        assert_eq!(ms(&Period::month("2026-11", Tz::UTC).unwrap()), (0, 30 * DAY));
        assert_eq!(ms(&Period::month("2026-11", chrono_tz::America::Bogota).unwrap()).0, 5 * HOUR);
        // The clock goes back in Berlin in the last week of October 2026.
        assert_eq!(ms(&Period::week("2026-W43", chrono_tz::Europe::Berlin).unwrap()).1, 7 * DAY + HOUR);
        for wrong in ["2026", "2026-13", "2026-1", "x-10", "2026-W44"] {
            assert_eq!(Period::month(wrong, Tz::UTC), None, "{wrong}");
        }
        assert_eq!(Period::week("2026-W54", Tz::UTC), None);
        assert_eq!(Period::this_month(Timestamp(T0), chrono_tz::America::Bogota).unwrap().name, "2026-10");
    }

    #[test]
    fn what_nobody_measured_is_not_unspent() {
        let month = Period::month("2026-11", Tz::UTC).unwrap();
        let slo = Slo { objective: 99.9, window_ms: 0 };
        let of = |measured, now: i64| spent("play@prod".into(), slo, &month, measured, Timestamp(T0 + now)).budget;
        let nothing = of(Split::default(), 10 * DAY);
        assert_eq!((nothing.allowed_ms, nothing.down_ms, nothing.spent_pct), (864_000, None, None));
        let measured = Split { up_ms: 9 * DAY, down_ms: 432_000, ..Split::default() };
        assert_eq!((of(measured, 10 * DAY).spent_pct, of(measured, 10 * DAY).known_ms), (Some(50.0), None));
        // Of little of the time it is said of how much; of next to nothing there is no share.
        let little = Split { up_ms: 4 * DAY, ..Split::default() };
        assert_eq!((of(little, 10 * DAY).spent_pct, of(little, 10 * DAY).known_ms), (Some(0.0), Some(4 * DAY)));
        let moments = Split { up_ms: DAY / 24, ..Split::default() };
        let budget = of(moments, 10 * DAY);
        assert_eq!((budget.down_ms, budget.spent_pct, budget.known_ms), (Some(0), None, Some(DAY / 24)));
        assert_eq!(of(measured, 90 * DAY).allowed_ms, 2_592_000, "a month is no longer than itself");
    }
}
