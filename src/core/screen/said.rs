//! What is said to the person in the line above the keys, and when it goes. All of it stays in the list of messages, with its time.
use super::State;
use crate::core::time::Now;

/// Milliseconds that a message stays.
const STAYS_MS: u64 = 5_000;
/// Milliseconds that an error stays where nobody presses a key: longer ago it says nothing of now.
const ERROR_MS: u64 = 120_000;

/// How loud a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Something went as asked.
    Done,
    /// Something to know.
    Info,
    /// Something did not work: stays until a key is pressed, or a text is typed, and for two minutes where nobody does.
    Error,
}

/// A message for the person.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// When.
    pub at: Now,
    /// How loud.
    pub tone: Tone,
    /// What.
    pub text: String,
}

impl State {
    /// Says something.
    pub fn say(&mut self, now: Now, tone: Tone, text: impl Into<String>) {
        let message = Message { at: now, tone, text: text.into() };
        self.messages.push(message.clone());
        self.message = Some(message);
    }

    /// A person went on: an error that stands there was read.
    pub(in crate::core) fn went_on(&mut self) {
        self.message = self.message.take().filter(|message| message.tone != Tone::Error);
    }

    /// Time went by: a message goes that stood for long enough.
    pub(in crate::core) fn fade(&mut self, now: Now) {
        let stays = |message: &Message| {
            let limit = if message.tone == Tone::Error { ERROR_MS } else { STAYS_MS };
            now.mono.since(message.at.mono) < limit
        };
        self.message = self.message.take().filter(stays);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::core::{
        Msg,
        action::{Action, Motion},
        inventory::Inventory,
        runs::Actor,
        screen::{Draft, Overlay, Pane},
        time::{Mono, Timestamp},
        update,
    };

    fn at(ms: u64) -> Now {
        Now { utc: Timestamp(0), mono: Mono(ms) }
    }

    /// Says something, lets this happen then, and returns whether it still stands there.
    fn stands(tone: Tone, msg: &Msg, ms: u64) -> bool {
        let actor = Actor { by: "op1".into(), from: "pts/1".into() };
        let mut state = crate::core::State::new(Arc::new(Inventory::default()), actor);
        state.screen.open(Overlay::Filter(Pane::Services));
        state.screen.say(at(0), tone, "the host does not answer");
        drop(update(&mut state, msg.clone(), at(ms)));
        assert_eq!(state.screen.messages.len(), 1, "it stays in the list of messages");
        state.screen.message.is_some()
    }

    #[test]
    fn what_was_said_goes_once_it_was_read_or_is_old() {
        let typed = Msg::Drafted { draft: Draft::Filter(Pane::Services), text: "p".into() };
        let pressed = Msg::Acted(Action::Move(Motion::Down));
        for (tone, msg, ms, there) in [
            (Tone::Done, Msg::Ticked, 4_999, true),
            (Tone::Done, Msg::Ticked, 5_000, false),
            (Tone::Info, pressed.clone(), 1_000, true),
            (Tone::Error, Msg::Ticked, 119_999, true),
            (Tone::Error, Msg::Ticked, 120_000, false),
            (Tone::Error, pressed, 1_000, false),
            (Tone::Error, typed.clone(), 1_000, false),
            (Tone::Info, typed, 1_000, true),
        ] {
            assert_eq!(stands(tone, &msg, ms), there, "{tone:?} {msg:?} {ms}");
        }
    }
}
