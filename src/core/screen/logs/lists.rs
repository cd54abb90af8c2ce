//! The lists of the log view: terms of the filter, sources, columns.
use super::asked;
use crate::core::{
    Effect, State,
    screen::{LogList, Tone, rows},
    time::Now,
};

/// A line of a list of the log view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// What it is.
    pub what: String,
    /// Whether it acts, is shown, is chosen; none where that means nothing.
    pub on: Option<bool>,
    /// More about it.
    pub more: String,
}

/// Returns the lines of a list.
pub fn list(state: &State, list: LogList) -> Vec<Listed> {
    match list {
        LogList::Filters => {
            let chips = state.logs.chips.iter().map(|chip| Listed {
                what: state.logs.masked(&chip.text),
                on: Some(chip.on),
                more: if chip.on { String::new() } else { "rests".into() },
            });
            let saved = state.logs.saved.iter().map(|(name, session)| Listed {
                what: name.clone(),
                on: None,
                more: session.chips.iter().map(|chip| state.logs.masked(&chip.text)).collect::<Vec<_>>().join(" "),
            });
            chips.chain(saved).collect()
        }
        LogList::Sources => {
            let shown = state.logs.shown.as_ref();
            shown.map_or_else(Vec::new, |shown| {
                let listed = |source: &crate::core::logs::shown::SourceStatus| Listed {
                    what: source.name.to_string(),
                    on: Some(!state.logs.query.hidden.contains(&source.name)),
                    more: source.words(),
                };
                shown.sources.iter().map(listed).collect()
            })
        }
        LogList::Columns => {
            let shown = state.logs.shown.as_ref();
            let names = shown.map_or_else(Vec::new, |shown| shown.field_names());
            let listed =
                |name: String| Listed { on: Some(state.logs.columns.contains(&name)), what: name, more: String::new() };
            names.into_iter().map(listed).collect()
        }
    }
}

/// A line of a list was chosen: it is turned, or taken.
pub(in crate::core::screen) fn chosen(state: &mut State, of: LogList, now: Now) -> Vec<Effect> {
    let at = state.screen.overlay_cursor;
    let Some(line) = list(state, of).into_iter().nth(at) else { return Vec::new() };
    match of {
        LogList::Filters => {
            state.logs.remember();
            if let Some(chip) = state.logs.chips.get_mut(at) {
                chip.on = !chip.on;
            } else if let Some(session) = state.logs.saved.get(&line.what).cloned() {
                state.screen.close();
                state.screen.say(now, Tone::Info, format!("as saved: {}", line.what));
                state.logs.chips = session.chips;
                state.logs.stage = session.stage;
                state.logs.columns = session.columns;
                state.logs.query.hidden = session.hidden;
                state.logs.marks.extend(session.marks);
            }
            state.logs.reparse();
        }
        LogList::Sources => {
            let name: std::sync::Arc<str> = line.what.into();
            if !state.logs.query.hidden.remove(&name) {
                state.logs.query.hidden.insert(name);
            }
            state.logs.asks();
        }
        LogList::Columns => {
            match state.logs.columns.iter().position(|column| *column == line.what) {
                Some(at) => drop(state.logs.columns.remove(at)),
                None => state.logs.columns.push(line.what),
            }
            return Vec::new();
        }
    }
    rows::refresh(state, now, true);
    vec![asked(state)]
}
