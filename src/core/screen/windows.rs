//! What a person does about planned work: declare a window, end one.
use super::{Draft, Overlay, Pane, RowKey, Tone, View, act};
use crate::core::{
    Effect, State,
    action::{Action, Motion},
    id::Uid,
    time::Now,
    windows::{Key, Listed, Wanted, Window},
};

/// A field of the box that declares a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// What it covers.
    What,
    /// From when.
    From,
    /// To when.
    To,
    /// By the clock of which place.
    Zone,
    /// Why.
    Why,
}

impl Field {
    /// All of them, from top to bottom.
    pub const ALL: [Self; 5] = [Self::What, Self::From, Self::To, Self::Zone, Self::Why];

    /// Returns its label, and what stands there while nothing is typed.
    pub const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::What => ("covers", "play@prod host:web-01 env:staging, or everything"),
            Self::From => ("from", "now, +30m, 02:00, 2026-12-20 02:00"),
            Self::To => ("to", "2h, 04:00, 2026-12-20 04:00"),
            Self::Zone => ("zone", "America/Bogota, Europe/Berlin, UTC"),
            Self::Why => ("why", "it stands with everything that is muted"),
        }
    }
}

/// The window under the cursor.
pub fn under(state: &State, now: Now) -> Option<Listed> {
    let Some(RowKey::Window(key)) = state.screen.cursor(Pane::Windows) else { return None };
    let mut all = state.windows.listed(&state.inventory, now.utc).into_iter();
    all.find(|of| of.key == *key).filter(|_| state.screen.view == View::Maintenance)
}

/// Returns why an action would do nothing.
pub(super) fn why_not(state: &State, action: Action, now: Now) -> Option<String> {
    if action == Action::AddWindow {
        let none = state.inventory.services.is_empty() && state.inventory.hosts.is_empty();
        return none.then(|| "nothing is configured that work could be planned for".to_owned());
    }
    match under(state, now).map(|of| of.key) {
        None => Some("put the cursor on a window of planned work".to_owned()),
        Some(Key::Configured(_)) => Some("it stands in the configuration: change it there".to_owned()),
        Some(Key::Declared(uid)) => state.windows.end(uid, &state.inventory, &state.actor, now.utc).err(),
    }
}

/// Opens the box that declares a window, about what the cursor is on.
pub(super) fn open(state: &mut State) {
    let service = act::selected_service(state).map(|id| id.to_string());
    let what = service.or_else(|| act::selected_host(state).map(|host| format!("host:{host}"))).unwrap_or_default();
    let zone = state.inventory.display.timezone.name().to_owned();
    // What is known already is not asked for first.
    let at = if what.is_empty() { Field::What } else { Field::To };
    state.screen.open(Overlay::Window { at });
    let known = [what, "now".to_owned(), String::new(), zone, String::new()];
    for (field, text) in Field::ALL.into_iter().zip(known) {
        state.screen.drafts.insert(Draft::Window(field), text);
    }
}

/// Goes to another field.
pub(super) fn moved(state: &mut State, motion: Motion) {
    let Some(Overlay::Window { at }) = &mut state.screen.overlay else { return };
    let place = Field::ALL.iter().position(|field| field == at).unwrap_or(0);
    let step = match motion {
        Motion::Down => 1,
        Motion::Up => Field::ALL.len() - 1,
        Motion::Left
        | Motion::Right
        | Motion::Top
        | Motion::Bottom
        | Motion::HalfDown
        | Motion::HalfUp
        | Motion::PageDown
        | Motion::PageUp => return,
    };
    if let Some(next) = Field::ALL.get((place + step) % Field::ALL.len()) {
        *at = *next;
    }
}

/// Returns what is typed, as far as it makes a window.
///
/// # Errors
/// Why it makes none.
pub fn typed(state: &State, now: Now) -> Result<Window, String> {
    let text = |field| state.screen.draft(Draft::Window(field)).trim().to_owned();
    let wanted = Wanted {
        what: text(Field::What),
        from: text(Field::From),
        to: text(Field::To),
        zone: text(Field::Zone),
        why: text(Field::Why),
    };
    wanted.accept((&state.windows, &state.inventory), &state.actor, now.utc)
}

/// Declares the window that was typed: it is shown once it is on disk.
pub(super) fn add(state: &mut State, now: Now) -> Vec<Effect> {
    match typed(state, now) {
        Ok(window) => {
            state.screen.close();
            let said = window.words();
            let rows = window.declared(&state.actor, now.utc).rows(&state.actor, &said);
            vec![Effect::Commit { rows, then: Vec::new(), what: Some("planning the work") }]
        }
        Err(why) => {
            state.screen.say(now, Tone::Error, why);
            Vec::new()
        }
    }
}

/// Asks whether the window under the cursor is to end.
pub(super) fn ask(state: &mut State, now: Now) {
    if let Some(Key::Declared(window)) = under(state, now).map(|of| of.key) {
        state.screen.open(Overlay::EndWindow { window });
    }
}

/// Ends a window: it is over once that is on disk.
pub(super) fn end(state: &mut State, window: Uid, now: Now) -> Vec<Effect> {
    state.screen.close();
    match state.windows.end(window, &state.inventory, &state.actor, now.utc) {
        Ok((event, said)) => {
            let rows = event.rows(&state.actor, &said);
            vec![Effect::Commit { rows, then: Vec::new(), what: Some("ending the window") }]
        }
        Err(why) => {
            state.screen.say(now, Tone::Error, why);
            Vec::new()
        }
    }
}
