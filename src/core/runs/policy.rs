//! Who may change what, and when: roles, freezes and windows of an environment, and what needs a second person.
//!
//! Roles are guard rails against a slip of a person who is awake at 3 am; what keeps others out are the accounts of the hosts.
use chrono::{Datelike as _, NaiveDate, NaiveDateTime, NaiveTime, Timelike as _};
use serde::{Deserialize, Serialize};

use super::{Action, Plan};
use crate::core::{id::Operator, time::Timestamp};

/// What a person may do in an environment; each may do what those before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Looks only.
    Viewer,
    /// Restarts, and brings an earlier version back.
    Responder,
    /// Brings versions out, and whatever else the recipes can do.
    Deployer,
    /// Also sets aside what stands against a change, and recovers locks.
    Admin,
}

impl Role {
    /// Returns its name in the configuration.
    pub fn word(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Responder => "responder",
            Self::Deployer => "deployer",
            Self::Admin => "admin",
        }
    }

    /// Returns what a plan asks for.
    pub fn for_plan(plan: &Plan) -> Self {
        if let Some(needs) = plan.deeds.iter().map(super::Deed::needs).max() {
            return needs;
        }
        match plan.action {
            Action::Restart | Action::Rollback { .. } => Self::Responder,
            Action::Other { .. } if plan.grave.contains(&Grave::Lock) => Self::Admin,
            Action::Deploy { .. } | Action::Other { .. } => Self::Deployer,
        }
    }
}

/// Who has which role in an environment. Where nobody is named, everybody may do everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roles(pub Vec<(Operator, Role)>);

impl Roles {
    /// Returns a person's role: the highest that names them.
    pub fn of(&self, who: &Operator) -> Role {
        if self.0.is_empty() {
            return Role::Admin;
        }
        let own = self.0.iter().filter(|(known, _)| known == who).map(|(_, role)| *role);
        own.max().unwrap_or(Role::Viewer)
    }
}

/// What makes a change grave: the configuration says which of these need a second person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Grave {
    /// Stored data is changed, as by a migration.
    Data,
    /// More than [`MANY`] hosts are changed.
    ManyHosts,
    /// Users see a maintenance page.
    Maintenance,
    /// A lock is taken from its owner.
    Lock,
    /// Another data centre or copy takes over.
    FailOver,
}

/// So many hosts are not many yet.
pub const MANY: usize = 3;

impl Grave {
    /// All of them, in the order of the configuration's documentation.
    pub const ALL: [Self; 5] = [Self::Data, Self::ManyHosts, Self::Maintenance, Self::Lock, Self::FailOver];

    /// Returns its name in the configuration.
    pub fn word(self) -> &'static str {
        match self {
            Self::Data => "data",
            Self::ManyHosts => "many-hosts",
            Self::Maintenance => "maintenance",
            Self::Lock => "lock",
            Self::FailOver => "fail-over",
        }
    }

    /// Returns what a person is told of it.
    pub fn says(self) -> &'static str {
        match self {
            Self::Data => "stored data is changed",
            Self::ManyHosts => "many hosts are changed",
            Self::Maintenance => "users see a maintenance page",
            Self::Lock => "a lock is taken from its owner",
            Self::FailOver => "another copy takes over",
        }
    }
}

/// A time in which no version is brought out, by the clock of `display.timezone`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Freeze {
    /// From when.
    pub from: NaiveDateTime,
    /// Until when.
    pub to: NaiveDateTime,
    /// Why.
    pub why: String,
}

impl Freeze {
    /// Reads one of its ends: a day, or a day and a time. A day alone begins at its first minute, and ends after its last.
    pub fn end(text: &str, is_to: bool) -> Option<NaiveDateTime> {
        if let Ok(day) = text.parse::<NaiveDate>() {
            let day = if is_to { day.succ_opt()? } else { day };
            return Some(day.and_time(NaiveTime::MIN));
        }
        NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").ok()
    }

    /// Says whether it is on.
    pub fn covers(&self, at: NaiveDateTime) -> bool {
        (self.from..self.to).contains(&at)
    }
}

/// A time of the week in which versions may be brought out: `Sun 02:00-04:00`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// As the configuration writes it.
    pub text: String,
    /// From Monday on.
    days: [bool; 7],
    /// Minutes of the day; the end may be on the next one.
    minutes: (u32, u32),
}

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

impl Window {
    /// Reads `Sun 02:00-04:00`, `Mon-Fri 09:00-17:00` or `daily 22:00-02:00`.
    pub fn parse(text: &str) -> Option<Self> {
        let (days, hours) = text.split_once(' ')?;
        let day = |name: &str| DAYS.iter().position(|known| known.eq_ignore_ascii_case(name));
        let days = match days.split_once('-') {
            _ if days.eq_ignore_ascii_case("daily") => [true; 7],
            None => {
                let only = day(days)?;
                std::array::from_fn(|at| at == only)
            }
            Some((from, to)) => {
                let (from, to) = (day(from)?, day(to)?);
                std::array::from_fn(|at| (at + 7 - from) % 7 <= (to + 7 - from) % 7)
            }
        };
        let (from, to) = hours.trim().split_once('-')?;
        let minute = |text: &str| {
            let (hours, minutes) = text.trim().split_once(':')?;
            let (hours, minutes) = (hours.parse::<u32>().ok()?, minutes.parse::<u32>().ok()?);
            (minutes < 60 && hours * 60 + minutes <= 24 * 60).then_some(hours * 60 + minutes)
        };
        let minutes = (minute(from)?, minute(to)?);
        (minutes.0 != minutes.1).then(|| Self { text: text.to_owned(), days, minutes })
    }

    /// Returns its days, and the minutes of a day at which it opens and closes.
    pub fn parts(&self) -> (Vec<chrono::Weekday>, (u32, u32)) {
        let days = (0..7_u8).filter(|day| self.days.get(usize::from(*day)).copied().unwrap_or(false));
        (days.filter_map(|day| chrono::Weekday::try_from(day).ok()).collect(), self.minutes)
    }

    /// Says whether it is open.
    pub fn covers(&self, at: NaiveDateTime) -> bool {
        let now = at.hour() * 60 + at.minute();
        let today = usize::try_from(at.weekday().num_days_from_monday()).unwrap_or(0);
        let on = |day: usize| self.days.get(day % 7).copied().unwrap_or(false);
        let (from, to) = self.minutes;
        if from < to {
            on(today) && (from..to).contains(&now)
        } else {
            on(today) && now >= from || on(today + 6) && now < to
        }
    }
}

/// When versions may be brought out to an environment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calendar {
    /// Never in these.
    pub freezes: Vec<Freeze>,
    /// Only in these, where there are any.
    pub windows: Vec<Window>,
}

impl Calendar {
    /// Says why no version may be brought out now, if it may not.
    pub fn against(&self, at: Timestamp, zone: chrono_tz::Tz) -> Option<String> {
        let local = at.to_utc()?.with_timezone(&zone).naive_local();
        if let Some(freeze) = self.freezes.iter().find(|freeze| freeze.covers(local)) {
            let until = freeze.to.format("%Y-%m-%d %H:%M");
            return Some(format!("frozen until {until} ({zone}): {}", freeze.why));
        }
        if self.windows.is_empty() || self.windows.iter().any(|window| window.covers(local)) {
            return None;
        }
        let windows: Vec<&str> = self.windows.iter().map(|window| window.text.as_str()).collect();
        Some(format!("outside of the windows for it: {} ({zone})", windows.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> NaiveDateTime {
        NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").unwrap()
    }

    #[test]
    fn windows_cover_their_minutes_and_no_other() {
        // 2026-11-22 is a Sunday.
        for (text, inside, outside) in [
            ("Sun 02:00-04:00", "2026-11-22 02:00", "2026-11-22 04:00"),
            ("Sun 02:00-04:00", "2026-11-22 03:59", "2026-11-23 02:30"),
            ("Mon-Fri 09:00-17:00", "2026-11-20 09:30", "2026-11-21 09:30"),
            ("Fri-Mon 09:00-17:00", "2026-11-23 09:30", "2026-11-24 09:30"),
            ("daily 22:00-02:00", "2026-11-22 23:00", "2026-11-22 12:00"),
            ("Sat 22:00-02:00", "2026-11-22 01:59", "2026-11-22 22:30"),
            ("sun 00:00-24:00", "2026-11-22 23:59", "2026-11-23 00:00"),
        ] {
            let window = Window::parse(text).unwrap();
            assert!(window.covers(at(inside)), "{text}: {inside}");
            assert!(!window.covers(at(outside)), "{text}: {outside}");
        }
        for text in [
            "",
            "Sun",
            "Sun 02:00",
            "Sun 2-4",
            "Day 02:00-04:00",
            "Sun 02:60-04:00",
            "Sun 25:00-26:00",
            "Sun 02:00-02:00",
        ] {
            assert_eq!(Window::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_freeze_of_days_holds_through_its_last() {
        let end = |text: &str, is_to| Freeze::end(text, is_to).unwrap();
        let freeze = Freeze { from: end("2026-12-20", false), to: end("2027-01-02", true), why: "holidays".into() };
        assert!(freeze.covers(at("2026-12-20 00:00")) && freeze.covers(at("2027-01-02 23:59")));
        assert!(!freeze.covers(at("2026-12-19 23:59")) && !freeze.covers(at("2027-01-03 00:00")));
        assert_eq!(Freeze::end("2026-13-01", false), None);
        let calendar = Calendar { freezes: vec![freeze], windows: Vec::new() };
        let holy = Timestamp(1_798_200_000_000);
        assert!(calendar.against(holy, chrono_tz::UTC).unwrap().contains("holidays"));
        assert_eq!(Calendar::default().against(holy, chrono_tz::UTC), None);
    }

    #[test]
    fn the_highest_role_counts_and_nobody_named_means_everybody() {
        let ana = Operator::from("ana");
        assert_eq!(Roles::default().of(&ana), Role::Admin);
        let roles = Roles(vec![(ana.clone(), Role::Responder), (ana.clone(), Role::Deployer)]);
        assert_eq!(roles.of(&ana), Role::Deployer);
        assert_eq!(roles.of(&Operator::from("eve")), Role::Viewer);
    }
}
