//! What is done with lines: marked, kept, left out, revealed, copied.
use super::{asked, at_record, cursor, land, pause};
use crate::core::{
    Effect, State,
    logs::filter,
    record::{Audit, Row},
    screen::{Pane, RowKey, Tone},
    time::Now,
};

pub(super) fn mark(state: &mut State, now: Now) {
    let Some(key) = cursor(state) else { return };
    pause(state);
    if state.logs.marks.remove(&key) {
        state.screen.say(now, Tone::Info, "mark taken away");
    } else {
        state.logs.marks.insert(key);
    }
}

pub(super) fn range(state: &mut State, now: Now) {
    pause(state);
    state.logs.range = match state.logs.range {
        Some(_) => None,
        None => cursor(state),
    };
    let says = if state.logs.range.is_some() { "range begins here: move, then y copies it" } else { "no range" };
    state.screen.say(now, Tone::Info, says);
}

pub(super) fn context(state: &mut State, now: Now) -> Vec<Effect> {
    if state.logs.context.take().is_some() {
        return Vec::new();
    }
    let Some(key) = cursor(state) else { return Vec::new() };
    let effects = land(state, key);
    state.logs.context = Some(key);
    state.screen.say(now, Tone::Info, "all lines around this one; c again filters as before");
    effects
}

/// Keeps or leaves out what the cursor is on: a field's value, a pattern, a row of the web-server view; among the lines, the
/// service.
pub(super) fn keep(state: &mut State, exclude: bool, now: Now) -> Vec<Effect> {
    let pane = state.screen.pane();
    if let (Some(RowKey::Field(name)), Some(shown)) = (state.screen.cursor(pane), &state.logs.shown)
        && let Some(value) = shown.value_of(name)
        && shown.redacted(value.as_bytes()) != value.as_bytes()
    {
        // A term stays on screen, in exports and in sessions: it would carry the secret there.
        state.screen.say(now, Tone::Info, "this value is masked: as a term of the filter everybody would read it");
        return Vec::new();
    }
    let term = match (state.screen.cursor(pane), &state.logs.shown) {
        (Some(RowKey::Field(name)), Some(shown)) => {
            shown.value_of(name).map(|value| filter::edit::keep(name, value).to_string())
        }
        (Some(RowKey::Group(id)), Some(shown)) => shown.term_of(pane, id),
        _ => None,
    };
    let term = term.or_else(|| {
        let (shown, key) = (state.logs.shown.as_ref()?, cursor(state)?);
        shown.pattern_term(key)
    });
    let Some(term) = term else {
        state.screen.say(now, Tone::Info, "put the cursor on a field's value, a pattern or a line");
        return Vec::new();
    };
    let term = if exclude { negated(&term) } else { term };
    if state.logs.masked(&term) != term {
        state.screen.say(now, Tone::Info, "this is masked: as a term of the filter everybody would read it");
        return Vec::new();
    }
    match state.logs.add_term(&term) {
        Ok(()) => {
            let does = if exclude { "left out" } else { "kept" };
            state.screen.say(now, Tone::Info, format!("{does}: {term}; Backspace takes it back"));
            vec![asked(state)]
        }
        Err(wrong) => {
            state.screen.say(now, Tone::Error, wrong.says);
            Vec::new()
        }
    }
}

/// Turns a term into its opposite.
fn negated(term: &str) -> String {
    filter::parse(term).map_or_else(|_| format!("-{term}"), |parsed| parsed.filter.expr.negated().to_string())
}

pub(super) fn new_since(state: &mut State, now: Now) -> Vec<Effect> {
    let Some(key) = cursor(state) else { return Vec::new() };
    if state.logs.query.baseline == Some(key.time) {
        state.logs.query.baseline = None;
        state.screen.say(now, Tone::Info, "patterns are new when they were not seen in the last days");
    } else {
        state.logs.query.baseline = Some(key.time);
        state.screen.say(now, Tone::Info, "patterns first seen after this line are NEW, those that stopped are gone");
    }
    state.logs.asks();
    vec![asked(state)]
}

/// Shows what is redacted in one record, and keeps on record that somebody looked.
pub(super) fn reveal(state: &mut State, now: Now) -> Vec<Effect> {
    let (Some(shown), Some(key)) = (state.logs.shown.clone(), cursor(state)) else { return Vec::new() };
    if state.logs.revealed.take().is_some() {
        return Vec::new();
    }
    if !shown.redact.may_reveal() {
        state.screen.say(
            now,
            Tone::Error,
            "the rules say that nobody is shown this: reveal = \"never\" in redact.toml",
        );
        return Vec::new();
    }
    pause(state);
    state.logs.cursor = Some(key);
    state.logs.revealed = Some(key);
    let audit = Audit {
        at: now.utc,
        by: state.actor.by.clone(),
        from: state.actor.from.clone(),
        what: "log.revealed".into(),
        target: shown.source_name(key),
        detail: format!("a record of {:?}", key.time),
    };
    let mut effects = at_record(state);
    effects.push(Effect::Commit {
        rows: vec![Row::Audit(audit)],
        then: Vec::new(),
        what: Some("revealing the record"),
    });
    effects
}

/// Copies the line, or the range; as a bundle with where it is from.
pub(in crate::core::screen) fn copy(state: &mut State, bundle: bool) -> Vec<Effect> {
    let (Some(shown), Some(key)) = (state.logs.shown.clone(), cursor(state)) else { return Vec::new() };
    let pane = state.screen.pane();
    if !bundle && let (Pane::Fields, Some(RowKey::Field(name))) = (pane, state.screen.cursor(pane)) {
        let masked = |text: &str| String::from_utf8_lossy(&shown.redacted(text.as_bytes())).into_owned();
        return shown.value_of(name).map_or_else(Vec::new, |text| vec![Effect::Copy { text: masked(text) }]);
    }
    let keys = match (state.logs.range, bundle && !state.logs.marks.is_empty()) {
        (_, true) => state.logs.marks.iter().copied().collect(),
        (Some(begin), _) => shown.lines(state.logs.context.is_some()).between(begin.min(key), begin.max(key)),
        (None, _) => vec![key],
    };
    state.logs.range = None;
    let text = if bundle { shown.bundle(&keys, &state.logs.query.text) } else { shown.text(&keys) };
    vec![Effect::Copy { text }]
}
