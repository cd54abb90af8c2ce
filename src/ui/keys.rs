//! What a key does where one is; a key that does nothing is answered, not ignored.
#![expect(clippy::wildcard_enum_match_arm, reason = "most keys belong to the text that is typed")]
use crate::{
    config::keymap::{Code, Key, Keymap},
    core::{
        State,
        action::{Action, Motion, Scope},
        screen::{Draft, Overlay},
    },
};

use super::editors;

/// Returns what a key does, or what to say about it. While a text is typed, [`typing`] goes first.
pub fn action(state: &State, keymap: &Keymap, key: Key) -> Result<Action, String> {
    let scope = state.scope();
    if let Some(action) = of_replay(state, keymap, key).filter(|_| scope != Scope::Box) {
        return Ok(action);
    }
    let beneath = state.scope_beneath().filter(|_| keymap.own(scope.name(), key).is_none());
    let found =
        beneath.and_then(|beneath| keymap.own(beneath.name(), key)).or_else(|| keymap.lookup(scope.name(), key));
    let found = found.and_then(Action::by_id);
    let in_form = matches!(state.screen.overlay, Some(Overlay::Form(_))) && state.runs.review.is_none();
    let found = found.or_else(|| number(keymap, key).filter(|_| in_form));
    if let (Some(Overlay::Menu { actions }), None) = (&state.screen.overlay, &state.runs.review) {
        // In a menu each entry has its own key as well; what answers a question is not needed there.
        let below = state.screen.pane().scope().name();
        let entry = keymap.lookup(below, key).and_then(Action::by_id).filter(|action| actions.contains(action));
        return found
            .filter(|action| !matches!(action, Action::SayYes | Action::SayOnce | Action::RenameTerm))
            .or(entry)
            .ok_or_else(|| format!("{key} is not in this menu: {} closes it", closes(keymap)));
    }
    found.ok_or_else(|| hint(keymap, scope, key))
}

/// Says whether a key begins a text: a letter, in a box with fields whose cursor is on a choice. Digits choose there.
pub fn begins_text(state: &State, keymap: &Keymap, key: Key) -> bool {
    let letter = matches!(key.code, Code::Char(c) if !c.is_whitespace()) && !key.ctrl;
    letter && state.awaits_text() && number(keymap, key).is_none()
}

/// Returns what a key that stands for a number of a pane does in a box with fields: it chooses.
fn number(keymap: &Keymap, key: Key) -> Option<Action> {
    let bound = keymap.own(Scope::Everywhere.name(), key).and_then(Action::by_id);
    bound.filter(|action| matches!(action, Action::FocusPane(_)))
}

/// Returns what a key does in a replay, where its keys go before those of a pane: what those do changes something.
fn of_replay(state: &State, keymap: &Keymap, key: Key) -> Option<Action> {
    state.screen.replay?;
    let bindings = keymap.bindings();
    let bound = bindings.iter().find(|(scope, bound, _)| *scope == Scope::Replay.name() && *bound == key)?;
    Action::by_id(bound.2)
}

/// Returns what a key does beside typing, in the field that is open. None: the key belongs to the text.
pub fn typing(state: &State, keymap: &Keymap, draft: Draft, key: Key) -> Option<Action> {
    let list = matches!(state.screen.overlay, Some(Overlay::Palette | Overlay::Help | Overlay::Deploy))
        && state.runs.review.is_none();
    // A review that does not fit is scrolled while one types in it.
    let review = matches!(draft, Draft::Name | Draft::Reason);
    let fields = matches!(draft, Draft::Form | Draft::Window(_));
    match key.code {
        Code::Esc => Some(Action::GoBack),
        // A text of several lines has its own use for these.
        Code::Enter | Code::Up | Code::Down if editors::many_lines(draft) => None,
        Code::Char(_) if editors::many_lines(draft) && key.ctrl => {
            let bound = keymap.lookup(Scope::Box.name(), key).and_then(Action::by_id);
            bound.filter(|action| *action == Action::SaveText).or_else(|| shared(key))
        }
        Code::Enter => Some(Action::Confirm),
        Code::Tab if key.shift => Some(Action::FocusPreviousPane),
        Code::Tab => Some(Action::FocusNextPane),
        Code::Char('c' | 'l' | 'z') if key.ctrl => shared(key),
        Code::Char('n') | Code::Down if list && (key.ctrl || key.code == Code::Down) => {
            Some(Action::Move(Motion::Down))
        }
        Code::Char('p') | Code::Up if list && (key.ctrl || key.code == Code::Up) => Some(Action::Move(Motion::Up)),
        Code::Down if review || fields => Some(Action::Move(Motion::Down)),
        Code::Up if review || fields => Some(Action::Move(Motion::Up)),
        Code::PageDown if list || review => Some(Action::Move(Motion::PageDown)),
        Code::PageUp if list || review => Some(Action::Move(Motion::PageUp)),
        // A review shows its commands, and arms, without leaving the field that is typed in.
        Code::F(_) if review => keymap.lookup(Scope::Box.name(), key).and_then(Action::by_id),
        _ => None,
    }
}

/// What acts in every field.
fn shared(key: Key) -> Option<Action> {
    match key.code {
        Code::Char('c') => Some(Action::GoBack),
        Code::Char('l') => Some(Action::RedrawScreen),
        Code::Char('z') => Some(Action::Suspend),
        _ => None,
    }
}

/// Returns the key of an action in a box; while a text is typed, one that is not a letter.
pub fn in_box(keymap: &Keymap, action: Action, types: bool) -> Option<String> {
    let id = action.entry()?.id;
    let fits = |key: &Key| !types || key.ctrl || !matches!(key.code, Code::Char(_));
    let bindings = keymap.bindings();
    let bound = bindings.iter().find(|(scope, key, of)| *scope == Scope::Box.name() && *of == id && fits(key))?;
    Some(bound.1.to_string())
}

fn closes(keymap: &Keymap) -> String {
    in_box(keymap, Action::GoBack, false).unwrap_or_else(|| "Esc".to_owned())
}

/// Says where a key would act, else where all keys can be read.
fn hint(keymap: &Keymap, scope: Scope, key: Key) -> String {
    if scope == Scope::Box {
        return format!("{key} does nothing in this box: {} closes it", closes(keymap));
    }
    let bindings = keymap.bindings();
    let elsewhere = bindings.iter().find(|(_, bound, _)| *bound == key);
    match elsewhere.and_then(|(place, _, id)| Some((place, Action::by_id(id)?.entry()?))) {
        Some((&"box", entry)) => format!("{key} acts in boxes only: {}", entry.words),
        Some((place, entry)) => format!("{key} acts on {place} only: {}", entry.words),
        None => {
            let help =
                Action::OpenHelp.entry().and_then(|entry| keymap.keys_of(entry.id).first().map(ToString::to_string));
            format!("{key} does nothing here: {} lists the keys", help.unwrap_or_else(|| ":open-help".to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::core::{
        incidents::IncidentAction,
        inventory::Inventory,
        runs::Actor,
        screen::{
            Pane, View,
            form::{Form, Purpose},
        },
    };

    fn state() -> State {
        State::new(Arc::new(Inventory::default()), Actor { by: "op1".into(), from: "pts/1".into() })
    }

    fn key(text: &str) -> Key {
        text.parse().unwrap()
    }

    #[test]
    fn a_key_that_does_nothing_is_answered() {
        let keymap = Keymap::default();
        let mut state = state();
        for (view, pressed, answer) in [
            (View::Overview, "r", Err("r acts on hosts only: connect to the host again now")),
            (View::Overview, ">", Err("> acts on incidents only: go on to the next phase, or see what is missing")),
            (View::Overview, "~", Err("~ does nothing here: ? lists the keys")),
            (View::Hosts, "c", Err("c acts on incidents only: take the lead")),
            (View::Hosts, "r", Ok(Action::ReconnectHost)),
            (View::Overview, "a", Ok(Action::AcknowledgeAlert)),
        ] {
            state.screen.view = view;
            assert_eq!(action(&state, &keymap, key(pressed)), answer.map_err(str::to_owned), "{pressed}");
        }
        state.screen.open(Overlay::Quit);
        assert_eq!(action(&state, &keymap, key("y")), Ok(Action::SayYes));
        assert_eq!(action(&state, &keymap, key("R")), Err("R does nothing in this box: Esc closes it".to_owned()));
    }

    #[test]
    fn an_incidents_keys_act_in_all_of_its_panes_behind_the_panes_own() {
        let keymap = Keymap::default();
        let mut state = state();
        state.screen.view = View::Incident(crate::core::id::Uid([1; 6]));
        let panes = state.screen.view.panes();
        let runs = panes.iter().position(|pane| *pane == Pane::Runs).unwrap();
        for (pressed, in_runs) in [
            (">", Action::Incident(IncidentAction::NextPhase)),
            ("C", Action::Incident(IncidentAction::Classify)),
            ("@", Action::Incident(IncidentAction::SetOnset)),
            ("c", Action::Incident(IncidentAction::Claim)),
            ("T", Action::TakeRunOver),
            ("S", Action::StopRun),
        ] {
            _ = state.screen.focus.insert(state.screen.view.clone(), 0);
            let before = action(&state, &keymap, key(pressed)).unwrap();
            _ = state.screen.focus.insert(state.screen.view.clone(), runs);
            let own = matches!(in_runs, Action::TakeRunOver | Action::StopRun);
            assert_eq!(action(&state, &keymap, key(pressed)), Ok(in_runs), "{pressed}");
            assert_eq!(before == in_runs, !own, "{pressed}");
        }
    }

    #[test]
    fn an_entry_of_a_menu_has_its_own_key() {
        let keymap = Keymap::default();
        let mut state = state();
        state.screen.open(Overlay::Menu { actions: vec![Action::OpenSelected, Action::CopyLine] });
        for (pressed, does) in [
            ("y", Ok(Action::CopyLine)),
            ("Enter", Ok(Action::Confirm)),
            ("j", Ok(Action::Move(Motion::Down))),
            ("R", Err("R is not in this menu: Esc closes it".to_owned())),
        ] {
            assert_eq!(action(&state, &keymap, key(pressed)), does, "{pressed}");
        }
    }

    #[test]
    fn a_field_keeps_its_letters() {
        let keymap = Keymap::default();
        let state = state();
        for pressed in ["c", "W", "y", "q", "?", "^a", "Left", "Backspace"] {
            assert_eq!(typing(&state, &keymap, Draft::Reason, key(pressed)), None, "{pressed}");
        }
        assert_eq!(typing(&state, &keymap, Draft::Reason, key("F3")), Some(Action::ShowCommands));
        assert_eq!(typing(&state, &keymap, Draft::Name, key("F4")), Some(Action::ArmWrite));
        assert_eq!(typing(&state, &keymap, Draft::Note, key("F3")), None);
        assert_eq!(in_box(&keymap, Action::ShowCommands, true).as_deref(), Some("F3"));
        assert_eq!(in_box(&keymap, Action::ShowCommands, false).as_deref(), Some("c"));
    }

    #[test]
    fn a_box_with_fields_is_walked_by_the_keys_of_every_keymap() {
        for (name, _) in crate::config::keymap::BUILT_IN {
            let (keymap, problems) = Keymap::load(name, std::path::Path::new(name));
            assert!(problems.is_empty(), "{name}");
            let mut state = state();
            let (what, incident) = (Purpose::Classify, crate::core::id::Uid([1; 6]));
            state.screen.open(Overlay::Form(Form { incident, what, at: 0, chosen: vec![0; 5], text: Some(4) }));
            for (pressed, does) in [
                ("Left", Action::Move(Motion::Left)),
                ("Right", Action::Move(Motion::Right)),
                ("Up", Action::Move(Motion::Up)),
                ("Down", Action::Move(Motion::Down)),
                ("Tab", Action::FocusNextPane),
                ("S-Tab", Action::FocusPreviousPane),
                ("Enter", Action::Confirm),
                ("Esc", Action::GoBack),
            ] {
                assert_eq!(action(&state, &keymap, key(pressed)), Ok(does), "{name} {pressed}");
                assert!(!begins_text(&state, &keymap, key(pressed)), "{name} {pressed}");
                // In the field that is typed in, the arrows to the sides move in the text.
                let sides = matches!(does, Action::Move(Motion::Left | Motion::Right));
                assert_eq!(typing(&state, &keymap, Draft::Form, key(pressed)), (!sides).then_some(does), "{pressed}");
            }
            // Whoever begins to type, types: no letter moves a choice.
            for pressed in ["h", "j", "k", "l", "q", "?", "C"] {
                assert!(begins_text(&state, &keymap, key(pressed)), "{name} {pressed}");
            }
            for pressed in ["3", "^d", "Space"] {
                assert!(!begins_text(&state, &keymap, key(pressed)), "{name} {pressed}");
            }
            assert_eq!(action(&state, &keymap, key("3")), Ok(Action::FocusPane(3)), "{name}");
            state.screen.open(Overlay::Form(Form { incident, what, at: 4, chosen: vec![0; 5], text: Some(4) }));
            assert!(!begins_text(&state, &keymap, key("h")), "it is there already");
            state.screen.open(Overlay::Form(Form { incident, what, at: 0, chosen: vec![0; 2], text: None }));
            assert!(!begins_text(&state, &keymap, key("h")), "there is no text to be typed");
        }
    }
}
