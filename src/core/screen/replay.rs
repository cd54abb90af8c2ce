//! The keys of a replay, and the moment that is typed.
use super::{Draft, Overlay, TimeDisplay, Tone, logs};
use crate::core::{
    Effect, State,
    logs::Nanos,
    replay::{ReplayAction, Turn},
    time::{Now, Timestamp},
};

pub(super) fn act(state: &mut State, action: ReplayAction) -> Vec<Effect> {
    let turn = match action {
        ReplayAction::Pause => Turn::Pause,
        ReplayAction::Next => Turn::Next,
        ReplayAction::Previous => Turn::Previous,
        ReplayAction::Faster => Turn::Faster,
        ReplayAction::Slower => Turn::Slower,
        ReplayAction::Seek => {
            state.screen.open(Overlay::Seek);
            return Vec::new();
        }
    };
    vec![Effect::Replay(turn)]
}

/// Goes to the moment that was typed; what is wrong with it is said, and it can be mended.
pub(super) fn seek(state: &mut State, now: Now) -> Vec<Effect> {
    let text = state.screen.draft(Draft::Note).trim().to_owned();
    match read(state, &text, now) {
        Ok(moment) => {
            state.screen.close();
            vec![Effect::Replay(Turn::To(moment))]
        }
        Err(why) => {
            state.screen.say(now, Tone::Error, why);
            Vec::new()
        }
    }
}

/// Reads a moment of the replay: a time of day is in the zone that is on screen.
///
/// # Errors
/// What cannot be read, or is beyond what is recorded.
pub fn read(state: &State, text: &str, now: Now) -> Result<Timestamp, String> {
    let Some(standing) = state.screen.replay else { return Err("nothing is played back".to_owned()) };
    let local = state.screen.time == TimeDisplay::Local;
    let zone = if local { state.inventory.display.timezone } else { chrono_tz::UTC };
    let played = state.incidents.incidents.values().find(|of| of.number == standing.incident);
    let named = |name: &str| match (name, played) {
        ("onset", Some(of)) => Some(of.zero()),
        _ => logs::named_moment(state, name).map(|at: Nanos| Timestamp(at.0.div_euclid(Nanos::MILLI))),
    };
    standing.moment(text, (now.utc, zone), &named)
}
