//! What a person does to an item of the outbox: edit its text in place.
use super::{Draft, Overlay, Tone};
use crate::core::{Effect, State, id::Uid, outbox, time::Now};

/// Returns why the item under the cursor cannot be edited.
pub(super) fn why_not(state: &State, token: Uid) -> Option<String> {
    state.outbox.may_change(token).and_then(outbox::Entry::text).err()
}

/// Opens the text of an item: the first line of a ticket is its title.
pub(super) fn open(state: &mut State, token: Uid, now: Now) {
    match state.outbox.may_change(token).and_then(outbox::Entry::text) {
        Ok(text) => {
            state.screen.open(Overlay::Edit { token, was: text.clone() });
            state.screen.drafts.insert(Draft::Item, text);
        }
        Err(why) => state.screen.say(now, Tone::Info, why),
    }
}

/// Returns why what is typed is not taken.
pub fn refused(state: &State, token: Uid, was: &str) -> Option<String> {
    let entry = match state.outbox.may_change(token) {
        Ok(entry) => entry,
        Err(why) => return Some(format!("{why}: it cannot be edited now")),
    };
    if entry.text().is_ok_and(|is| is != was) {
        return Some("somebody else edited it meanwhile: Esc, and look at it first".to_owned());
    }
    entry.edit(state.screen.draft(Draft::Item)).err()
}

/// Writes down what was typed: it is tried again with that.
pub(super) fn save(state: &mut State, token: Uid, was: &str, now: Now) -> Vec<Effect> {
    if let Some(why) = refused(state, token, was) {
        state.screen.say(now, Tone::Error, why);
        return Vec::new();
    }
    let text = state.screen.draft(Draft::Item).to_owned();
    state.screen.close();
    state.screen.say(now, Tone::Info, format!("{token} is written down as edited, and tried again"));
    state.outbox_update(outbox::Msg::EditAsked { token, text }, now)
}
