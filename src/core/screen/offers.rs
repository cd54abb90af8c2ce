//! The box in which one chooses what is brought out of a service: what is typed in it, and what its rows do.
use super::{Draft, Overlay, Tone, act, pipeline};
use crate::core::{
    Effect, State,
    runs::{
        self, ArtifactName, Wanted, What,
        offer::{Choice, OfferMsg},
    },
    time::Now,
};

/// Opens the box for the selected service.
pub(super) fn open(state: &mut State, now: Now) -> Vec<Effect> {
    let Some(service) = act::selected_service(state) else { return Vec::new() };
    // In the view of its pipeline, what the run under the cursor left is meant.
    let left = pipeline::selected(state).filter(|run| run.conclusion.as_deref() == Some("success"));
    let left = left.map(|run| format!("{}{}", ArtifactName::BEGIN, run.number));
    state.screen.open(Overlay::Deploy);
    let effects = tell(state, OfferMsg::Opened(service), now);
    if let Some(left) = left {
        state.screen.drafts.insert(Draft::Deploy, left);
    }
    effects
}

fn tell(state: &mut State, msg: OfferMsg, now: Now) -> Vec<Effect> {
    state.runs_update(runs::Msg::Offer(msg), now)
}

/// Returns the rows of the box.
pub(super) fn choices(state: &State) -> Vec<Choice> {
    let typed = state.screen.draft(Draft::Deploy);
    state.runs.offering.as_ref().map_or_else(Vec::new, |of| of.choices(typed))
}

fn reads(state: &State) -> bool {
    state.runs.offering.as_ref().is_some_and(|of| of.reading.is_some())
}

/// The text changed; while a build is read it stays as it was.
pub(in crate::core) fn typed(state: &mut State, text: String, now: Now) -> Vec<Effect> {
    if reads(state) {
        return still(state, now);
    }
    state.screen.overlay_cursor = 0;
    state.screen.drafts.insert(Draft::Deploy, text.clone());
    tell(state, OfferMsg::Typed(text), now)
}

fn still(state: &mut State, now: Now) -> Vec<Effect> {
    state.screen.say(now, Tone::Info, "the build is being read: Esc stops that");
    Vec::new()
}

/// Completes a path as far as it is plain; from there on goes through the rows.
pub(super) fn complete(state: &mut State, now: Now) -> Vec<Effect> {
    if reads(state) {
        return still(state, now);
    }
    let text = state.screen.draft(Draft::Deploy).to_owned();
    if let Some(longer) = state.runs.offering.as_ref().and_then(|of| of.completed(&text)) {
        return typed(state, longer, now);
    }
    let rows = choices(state).len().max(1);
    state.screen.overlay_cursor = (state.screen.overlay_cursor + 1) % rows;
    Vec::new()
}

/// Closes the box and ends what was asked for it.
pub(super) fn give_up(state: &mut State, now: Now) -> Vec<Effect> {
    state.screen.close();
    tell(state, OfferMsg::Closed, now)
}

/// Takes the row under the cursor.
pub(super) fn choose(state: &mut State, now: Now) -> Vec<Effect> {
    let Some(service) = state.runs.offering.as_ref().map(|of| of.service.clone()) else { return Vec::new() };
    if reads(state) {
        return still(state, now);
    }
    let at = state.screen.overlay_cursor;
    let wanted = match choices(state).into_iter().nth(at) {
        None => {
            state.screen.say(now, Tone::Info, "nothing is chosen: type what to bring out, or Esc");
            return Vec::new();
        }
        Some(Choice::Path(path)) => return typed(state, path, now),
        Some(Choice::Build { path, version }) => return tell(state, OfferMsg::Chosen { path, version }, now),
        Some(Choice::Default(_)) => Wanted::Deploy { what: What::Default },
        Some(Choice::Named(version, _)) => Wanted::Deploy { what: What::Version { version } },
        Some(Choice::Known(offer)) if offer.runs => {
            let text = format!("{} runs on every host already: R starts it anew", offer.name);
            state.screen.say(now, Tone::Info, text);
            return Vec::new();
        }
        Some(Choice::Known(offer)) => offer.wanted,
    };
    let mut effects = give_up(state, now);
    effects.extend(act::change(state, service, wanted, now));
    effects
}
