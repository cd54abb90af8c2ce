//! A recorded incident that is played back: how far it is, how fast, and the keys for that. Nothing is changed or sent meanwhile.
use super::{
    id::IncidentId,
    logs::{Nanos, filter::moment},
    time::{Timestamp, parse_duration},
};

/// What a person can do while an incident is played back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ReplayAction {
    /// Stops the time, or lets it go on.
    Pause,
    /// Goes to the next thing that happened.
    Next,
    /// Goes to the one before.
    Previous,
    /// Goes to a moment that is typed.
    Seek,
    /// Lets it go faster.
    Faster,
    /// Lets it go slower.
    Slower,
}

/// What is to become of the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// It stops, or goes on.
    Pause,
    /// It goes to the next thing that happened.
    Next,
    /// It goes to the one before.
    Previous,
    /// It goes to a moment.
    To(Timestamp),
    /// It goes faster.
    Faster,
    /// It goes slower.
    Slower,
}

/// How a replay stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Which incident it is.
    pub incident: IncidentId,
    /// Where it begins.
    pub from: Timestamp,
    /// Where it ends.
    pub until: Timestamp,
    /// How many of its entries have happened.
    pub entry: usize,
    /// How many there are.
    pub entries: usize,
    /// How many times as fast as it was.
    pub speed: u32,
    /// Whether the time stands.
    pub paused: bool,
    /// Whether nothing more happened.
    pub ended: bool,
}

/// The speeds that keys lead to; any other may be asked for at the start.
pub const SPEEDS: [u32; 7] = [1, 2, 5, 10, 60, 600, 3600];

impl Standing {
    /// Says it in a few words.
    pub fn words(self) -> String {
        let how = match self {
            Self { ended: true, .. } => "END".to_owned(),
            Self { paused: true, .. } => "PAUSED".to_owned(),
            Self { speed, .. } => format!("×{speed}"),
        };
        format!("REPLAY {how} {}/{}", self.entry, self.entries)
    }

    /// Says what there is to do at its end.
    pub fn at_its_end(self) -> String {
        format!("{}: that is all that is recorded of it; an earlier entry is one key back", self.incident)
    }

    /// Reads a moment: `+10m` and `-10m` from where it is, `@start`, `@end`, what `named` knows, a time of day, a date with one.
    ///
    /// # Errors
    /// What cannot be read, or is beyond what is recorded.
    pub fn moment(
        self,
        text: &str,
        (at, zone): (Timestamp, chrono_tz::Tz),
        named: &dyn Fn(&str) -> Option<Timestamp>,
    ) -> Result<Timestamp, String> {
        let text = text.trim();
        let ahead = text.strip_prefix('+').and_then(|text| parse_duration(text).ok());
        let moment = if let Some(ms) = ahead {
            at + i64::try_from(ms).unwrap_or(i64::MAX)
        } else {
            let form = || format!("`{text}` is no time: +10m, -10m, 03:12, @start, @onset, @end, 2026-11-20T03:12Z");
            let read = moment::read(text).ok_or_else(form)?;
            // A time of day is the one within what is recorded; what is ago counts from where it is.
            let now = if matches!(read, super::logs::filter::Moment::Ago(_)) { at } else { self.until };
            let named = |name: &str| match name {
                "start" => Some(self.from.into()),
                "end" => Some(self.until.into()),
                name => named(name).map(Nanos::from),
            };
            let found = moment::resolve(&read, now.into(), zone, &named).map_err(|error| error.to_string())?;
            Timestamp(found.0.div_euclid(Nanos::MILLI))
        };
        if moment < self.from || moment > self.until {
            return Err(format!("beyond what is played back: {} to {}", second(self.from), second(self.until)));
        }
        Ok(moment)
    }
}

/// A moment to the second, as the clock of a replay has it.
pub fn second(at: Timestamp) -> String {
    at.to_utc().map_or_else(|| at.rfc3339(), |utc| utc.format("%Y-%m-%d %H:%M:%SZ").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::time::{HOUR, MINUTE};

    #[test]
    fn a_moment_is_read_within_what_is_recorded() {
        let from = Timestamp(1_763_604_000_000);
        let until = from + 2 * HOUR;
        let of = Standing {
            incident: "INC-7".parse().unwrap(),
            from,
            until,
            entry: 0,
            entries: 9,
            speed: 10,
            paused: false,
            ended: false,
        };
        let at = from + HOUR;
        let read =
            |text: &str| of.moment(text, (at, chrono_tz::UTC), &|name| (name == "onset").then_some(from + MINUTE));
        assert_eq!(from.rfc3339(), "2025-11-20T02:00:00.000Z");
        for (text, want) in [
            ("+10m", at + 10 * MINUTE),
            ("-10m", at - 10 * MINUTE),
            ("10m", at - 10 * MINUTE),
            ("@start", from),
            ("@end", until),
            ("@onset", from + MINUTE),
            (" 03:12 ", from + 72 * MINUTE),
            ("02:01:30", from + 90_000),
            ("2025-11-20T03:59Z", until - MINUTE),
        ] {
            assert_eq!(read(text), Ok(want), "{text}");
        }
        for (text, says) in [
            ("soon", "is no time"),
            ("+2h", "beyond what is played back"),
            ("01:00", "beyond what is played back"),
            ("@deploy", "no @deploy here"),
            ("", "is no time"),
        ] {
            assert!(read(text).is_err_and(|why| why.contains(says)), "{text}: {:?}", read(text));
        }
    }

    #[test]
    fn it_says_how_it_stands() {
        let of = Standing {
            incident: "INC-7".parse().unwrap(),
            from: Timestamp(0),
            until: Timestamp(1),
            entry: 3,
            entries: 9,
            speed: 10,
            paused: false,
            ended: false,
        };
        assert_eq!(of.words(), "REPLAY ×10 3/9");
        assert_eq!(Standing { paused: true, ..of }.words(), "REPLAY PAUSED 3/9");
        assert_eq!(Standing { paused: true, ended: true, ..of }.words(), "REPLAY END 3/9");
    }
}
