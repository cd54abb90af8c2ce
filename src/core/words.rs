//! Counts and moments as people read them.
use chrono::TimeZone as _;

use super::{
    State,
    screen::TimeDisplay,
    time::{Timestamp, short},
};

/// Counts things: `1 host`, `3 hosts`.
pub fn many(count: usize, thing: &str) -> String {
    format!("{count} {thing}{}", if count == 1 { "" } else { "s" })
}

/// Returns what a line of Markdown opens or closes a fence with, where it does: three marks or more, and no more than three spaces before.
pub fn fence(line: &str) -> Option<&str> {
    let bare = line.trim_start();
    let mark = bare.chars().next().filter(|mark| "`~".contains(*mark))?;
    let marks = bare.strip_suffix(bare.trim_start_matches(mark))?;
    (marks.len() >= 3 && line.len() - bare.len() < 4).then_some(marks)
}

/// Writes the time of day in a zone, with the date where it is another day than `now`: `03:12:41`, `15 Nov 21:14`.
pub fn moment(at: Timestamp, now: Timestamp, zone: chrono_tz::Tz) -> String {
    let (Some(at), Some(now)) = (at.to_utc(), now.to_utc()) else { return "?".to_owned() };
    let (at, now) = (zone.from_utc_datetime(&at.naive_utc()), zone.from_utc_datetime(&now.naive_utc()));
    let form = if at.date_naive() == now.date_naive() { "%H:%M:%S" } else { "%-d %b %H:%M" };
    at.format(form).to_string()
}

impl State {
    /// Writes a moment as the screen shows all of them: in UTC, in the configured zone, or how far away it is.
    pub fn moment(&self, at: Timestamp, now: Timestamp) -> String {
        let away = at.since(now).unsigned_abs();
        match self.screen.time {
            TimeDisplay::Utc => moment(at, now, chrono_tz::UTC),
            TimeDisplay::Local => moment(at, now, self.inventory.display.timezone),
            TimeDisplay::Age if at > now => format!("in {}", short(away)),
            TimeDisplay::Age => format!("{} ago", short(away)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::core::{
        inventory::Inventory,
        runs::Actor,
        time::{DAY, MINUTE},
    };

    #[test]
    fn moments_say_the_day_when_it_is_another_and_which_way_they_are() {
        let now = Timestamp(1_795_144_361_000);
        assert_eq!(moment(now, now, chrono_tz::UTC).len(), 8);
        assert!(moment(now - 3 * DAY, now, chrono_tz::UTC).contains(' '));
        let mut state = State::new(Arc::new(Inventory::default()), Actor { by: "op1".into(), from: "pts/1".into() });
        state.screen.time = TimeDisplay::Age;
        let says = [now - 5 * MINUTE, now, now + 5 * MINUTE].map(|at| state.moment(at, now));
        assert_eq!(says, ["5m ago", "0s ago", "in 5m"]);
    }

    #[test]
    fn one_is_one() {
        assert_eq!([0, 1, 2].map(|count| many(count, "host")), ["0 hosts", "1 host", "2 hosts"]);
    }
}
