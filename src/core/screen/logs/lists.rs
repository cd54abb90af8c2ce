//! The lists of the log view: terms of the filter, sources, columns.
use super::{asked, places::go_to_moment};
use crate::core::{
    Effect, State,
    screen::{Draft, LogList, Overlay, Tone, rows},
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
                what: state.logs.masked(chip.words()),
                on: Some(chip.on),
                more: match (chip.name.is_empty(), chip.on) {
                    (true, true) => String::new(),
                    (true, false) => "rests".into(),
                    (false, true) => state.logs.masked(&chip.text),
                    (false, false) => format!("rests · {}", state.logs.masked(&chip.text)),
                },
            });
            let saved = state.logs.saved.iter().map(|(name, session)| Listed {
                what: name.clone(),
                on: None,
                more: session.chips.iter().map(|chip| state.logs.masked(chip.words())).collect::<Vec<_>>().join(" "),
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

/// Begins to name the term under the cursor of the list of filters.
pub(in crate::core::screen) fn rename(state: &mut State, now: Now) -> Vec<Effect> {
    let at = state.screen.overlay_cursor;
    let Some(chip) = state.logs.chips.get(at) else {
        state.screen.say(now, Tone::Info, "what is saved is named in its file, or saved again by another name");
        return Vec::new();
    };
    let name = chip.name.clone();
    state.logs.naming = Some(at);
    state.screen.open(Overlay::Log(Draft::LogName));
    state.screen.drafts.insert(Draft::LogName, name);
    Vec::new()
}

/// A term was named, or not: the list is there again.
pub(super) fn named(state: &mut State, name: Option<&str>) {
    let Some(at) = state.logs.naming.take() else { return };
    if let Some(name) = name
        && state.logs.chips.get(at).is_some_and(|chip| chip.name != name)
    {
        state.logs.remember();
        if let Some(chip) = state.logs.chips.get_mut(at) {
            chip.name = name.chars().take(MOST_NAME).collect();
        }
    }
    state.screen.open(Overlay::LogList(LogList::Filters));
    state.screen.overlay_cursor = at;
}

/// Characters that a term's name has at most: names stand side by side.
const MOST_NAME: usize = 40;

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
                state.logs.clock = session.clock;
                state.logs.reparse();
                let mut effects = session.at.map_or_else(Vec::new, |at| go_to_moment(state, at, now));
                effects.push(asked(state));
                rows::refresh(state, now, true);
                return effects;
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
