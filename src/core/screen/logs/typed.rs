//! Lines that are typed: the filter, a search, a time, a name.
use super::{
    asked, cursor, land, lists,
    places::{Hop, go_to, hop},
};
use crate::core::{
    Effect, State,
    logs::{
        Ask, filter,
        state::{Session, Wrong},
    },
    screen::{Draft, Tone},
    time::Now,
};

/// A line of the log view was typed so far.
pub(crate) fn drafted(state: &mut State, draft: Draft, text: &str) -> Vec<Effect> {
    state.logs.wrong = None;
    match draft {
        Draft::LogFilter => match state.logs.set_line(text) {
            Ok(()) => return vec![asked(state)],
            Err(wrong) => state.logs.wrong = Some(wrong),
        },
        Draft::LogSearch => return searched(state, text),
        Draft::LogTime if !text.trim().is_empty() => {
            let text = text.trim();
            let bad = filter::moment::read(text).is_none();
            state.logs.wrong = bad.then(|| Wrong {
                from: 0,
                to: text.len(),
                says: "not a time: 02:58, -10m, @onset, @deploy, 2026-11-20T03:12Z".into(),
            });
        }
        _ => {}
    }
    Vec::new()
}

pub(super) fn searched(state: &mut State, text: &str) -> Vec<Effect> {
    let text = text.trim();
    let parsed = if text.is_empty() { Ok(None) } else { filter::parse(text).map(|parsed| Some(parsed.filter)) };
    match parsed {
        Ok(search) => {
            text.clone_into(&mut state.logs.search);
            state.logs.query.search = search;
            state.logs.asks();
            vec![asked(state)]
        }
        Err(error) => {
            state.logs.wrong = Some(crate::core::logs::state::wrong(error));
            Vec::new()
        }
    }
}

/// A line of the log view was typed, and is taken.
pub(in crate::core::screen) fn typed(state: &mut State, draft: Draft, now: Now) -> Vec<Effect> {
    let text = state.screen.draft(draft).trim().to_owned();
    if let Some(wrong) = &state.logs.wrong {
        let says = wrong.says.clone();
        state.screen.say(now, Tone::Error, says);
        return Vec::new();
    }
    state.screen.close();
    match draft {
        Draft::LogFilter => {
            if let Some(before) = state.logs.before_typing.take()
                && before != (state.logs.chips.clone(), state.logs.stage.clone())
            {
                state.logs.undo.push(before);
            }
            Vec::new()
        }
        Draft::LogSearch => found(state, now),
        Draft::LogName => {
            lists::named(state, Some(&text));
            Vec::new()
        }
        Draft::LogTime => go_to(state, &text, now),
        Draft::LogSession if !text.is_empty() => {
            let secret = |text: &str| state.logs.masked(text) != text;
            let chips = state.logs.chips.iter().flat_map(|chip| [chip.text.as_str(), chip.name.as_str()]);
            if let Some(term) = chips.chain([state.logs.stage.as_str(), text.as_str()]).find(|text| secret(text)) {
                let says = format!(
                    "not saved: {} holds a secret, which everybody could read in the file; take the term out and save again",
                    state.logs.masked(term)
                );
                state.screen.say(now, Tone::Error, says);
                return Vec::new();
            }
            let session = Session {
                chips: state.logs.chips.clone(),
                stage: state.logs.stage.clone(),
                columns: state.logs.columns.clone(),
                hidden: state.logs.query.hidden.clone(),
                marks: state.logs.marks.iter().copied().collect(),
                clock: state.logs.clock,
                at: if state.logs.follows { None } else { state.logs.cursor.map(|key| key.time) },
            };
            state.logs.saved.insert(text.clone(), session.clone());
            vec![Effect::Logs(Ask::Save { name: text, session: Box::new(session) })]
        }
        _ => Vec::new(),
    }
}

/// Goes to the newest hit of what is searched, as soon as the engine has answered for all that was typed.
pub(super) fn found(state: &mut State, now: Now) -> Vec<Effect> {
    let version = state.logs.query.version;
    let Some(shown) = state.logs.shown.clone().filter(|shown| shown.version >= version) else {
        state.logs.hop = Some(version);
        return Vec::new();
    };
    // One that the person is on already is one.
    match cursor(state).filter(|key| shown.hit(Some(*key)).is_some_and(|(nth, _)| nth > 0)) {
        Some(key) => land(state, key),
        None => hop(state, Hop::Hit, false, now),
    }
}

/// A line of the log view was begun, and is given up.
pub(in crate::core::screen) fn given_up(state: &mut State, draft: Draft, _now: Now) -> Vec<Effect> {
    state.screen.close();
    state.logs.wrong = None;
    match draft {
        Draft::LogFilter => {
            if let Some((chips, stage)) = state.logs.before_typing.take() {
                (state.logs.chips, state.logs.stage) = (chips, stage);
                state.logs.reparse();
            }
            vec![asked(state)]
        }
        Draft::LogName => {
            lists::named(state, None);
            Vec::new()
        }
        Draft::LogSearch => {
            state.screen.drafts.remove(&Draft::LogSearch);
            searched(state, "")
        }
        _ => Vec::new(),
    }
}
