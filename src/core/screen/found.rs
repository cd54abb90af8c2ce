//! The search in a run's output: which lines hold it, and going from one to the next.
use super::{Draft, Overlay, Pane, RowKey, Tone, View};
use crate::core::{Effect, State, action::Action, time::Now};

/// Returns where a text holds what is searched, in bytes, from begin to end; capitals count only where some are typed.
pub fn places(text: &str, wanted: &str) -> Vec<(usize, usize)> {
    if wanted.is_empty() {
        return Vec::new();
    }
    let exact = wanted.chars().any(char::is_uppercase);
    let same = |a: char, b: char| a == b || !exact && a.to_lowercase().eq(b.to_lowercase());
    let mut found: Vec<(usize, usize)> = Vec::new();
    for (at, _) in text.char_indices() {
        if found.last().is_some_and(|(_, end)| at < *end) {
            continue;
        }
        let rest = text.get(at..).unwrap_or_default();
        let mut letters = rest.char_indices();
        if wanted.chars().all(|letter| letters.next().is_some_and(|(_, of)| same(of, letter))) {
            let end = letters.next().map_or(rest.len(), |(end, _)| end);
            found.push((at, at + end));
        }
    }
    found
}

/// Returns what is searched in the output of the run in view; empty where nothing is.
pub fn wanted(state: &State) -> &str {
    if matches!(state.screen.view, View::Run(_)) { state.screen.draft(Draft::Search) } else { "" }
}

/// Returns the lines of the output pane that hold it, as positions among its rows.
pub fn hits(state: &State) -> Vec<usize> {
    let (wanted, View::Run(run)) = (wanted(state), &state.screen.view) else { return Vec::new() };
    let Some(run) = state.runs.runs.get(run).filter(|_| !wanted.is_empty()) else { return Vec::new() };
    let lines: Vec<&str> = run.output.iter().map(|line| line.text.as_str()).collect();
    let holds = |row: &RowKey| {
        let RowKey::Index(index) = row else { return false };
        lines.get(*index).is_some_and(|text| !places(text, wanted).is_empty())
    };
    let rows = state.screen.rows(Pane::Output).iter().enumerate();
    rows.filter(|(_, row)| holds(row)).map(|(at, _)| at).collect()
}

/// Returns the row of the output that the cursor is on.
pub fn at(state: &State) -> usize {
    let cursor = state.screen.cursor(Pane::Output);
    state.screen.rows(Pane::Output).iter().position(|row| Some(row) == cursor).unwrap_or(usize::MAX)
}

/// Opens the search; anywhere but in a run it is the filter of the rows.
pub(super) fn open(state: &mut State, now: Now) -> Vec<Effect> {
    let View::Run(_) = state.screen.view else { return super::act::in_view(state, Action::FilterRows, now) };
    if state.screen.pane() != Pane::Output {
        let panes = state.screen.view.panes();
        let digit = panes.iter().position(|pane| *pane == Pane::Output).and_then(|at| u8::try_from(at + 1).ok());
        if let Some(digit) = digit {
            _ = super::act::in_view(state, Action::FocusPane(digit), now);
        }
    }
    state.screen.hold();
    state.screen.open(Overlay::Search);
    Vec::new()
}

/// The text changed: the cursor goes to the nearest line that holds it, upwards first, as what is new is below.
pub(in crate::core) fn typed(state: &mut State, text: String, now: Now) {
    state.screen.drafts.insert(Draft::Search, text);
    let (hits, at) = (hits(state), at(state));
    if let Some(hit) = hits.iter().rev().find(|hit| **hit <= at).or(hits.first()) {
        put(state, *hit, now);
    }
}

/// The search is kept: Enter stays where typing went, and only that there is nothing is worth a word.
pub(super) fn kept(state: &mut State, now: Now) -> Vec<Effect> {
    state.screen.close();
    if hits(state).is_empty() {
        step(state, true, now);
    }
    Vec::new()
}

/// Goes to the next hit, or the one before; after the last comes the first.
pub(super) fn step(state: &mut State, forward: bool, now: Now) {
    let (hits, at) = (hits(state), at(state));
    let next = if forward {
        hits.iter().find(|hit| **hit > at || at == usize::MAX).or(hits.first())
    } else {
        hits.iter().rev().find(|hit| **hit < at).or(hits.last())
    };
    let around = next.is_some_and(|next| if forward { *next <= at } else { *next >= at });
    match next {
        Some(hit) if around => {
            let (hit, end) = (*hit, if forward { "last" } else { "first" });
            put(state, hit, now);
            state.screen.say(now, Tone::Info, format!("from the {end} hit on around"));
        }
        Some(hit) => put(state, *hit, now),
        None => {
            let text = format!("no line of the output holds {}", wanted(state));
            state.screen.say(now, Tone::Info, text);
        }
    }
}

/// Forgets what was searched; false where nothing was.
pub(super) fn forget(state: &mut State) -> bool {
    !wanted(state).is_empty() && state.screen.drafts.remove(&Draft::Search).is_some()
}

fn put(state: &mut State, row: usize, now: Now) {
    if let Some(key) = state.screen.rows(Pane::Output).get(row).cloned() {
        state.screen.cursors.insert((state.screen.view.clone(), Pane::Output), key);
        state.screen.moved = now.mono;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capitals_count_where_some_are_typed() {
        assert_eq!(places("Error: ERROR error", "error"), [(0, 5), (7, 12), (13, 18)]);
        assert_eq!(places("Error: ERROR error", "ERR"), [(7, 10)]);
        assert_eq!(places("größe GRÖSSE", "grö"), [(0, 4), (8, 12)]);
        assert_eq!(places("aaaa", "aa"), [(0, 2), (2, 4)]);
        assert!(places("x", "").is_empty() && places("", "x").is_empty());
    }
}
