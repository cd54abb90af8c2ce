//! What a person does about the document of an incident: read it, write what only they know, send it, put it into a file.
use super::{Draft, Overlay, Pane, RowKey, Tone, View, act, rows};
use crate::core::{
    Effect, State,
    documents::{DraftName, Wanted},
    id::Uid,
    incidents::{Section, document::DocumentAction},
    time::Now,
};

/// Sections that facts make, before those that people write.
const FACTS: usize = 7;
/// Columns of the text at most: longer lines are hard to read.
const WIDEST: usize = 110;

/// Returns the lines of the document that is shown, as the pane has room for them.
pub fn lines(state: &State, incident: Uid) -> Vec<String> {
    let Some((_, text)) = state.documents.shown.as_ref().filter(|(of, _)| *of == incident) else { return Vec::new() };
    let columns = usize::from(state.screen.layout.size.0).saturating_sub(6).clamp(20, WIDEST);
    let text = text.as_ref().map_or_else(|why| why.as_str(), String::as_str);
    text.lines().flat_map(|line| wrapped(line, columns)).collect()
}

/// Breaks a line at blanks.
pub(super) fn wrapped(line: &str, columns: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in line.split_inclusive(' ') {
        let letters: Vec<char> = word.chars().collect();
        for part in letters.chunks(columns) {
            let here = lines.last().map_or(0, |last| last.chars().count());
            if here > 0 && here + part.len() > columns + 1 {
                lines.push(String::new());
            }
            if let Some(last) = lines.last_mut() {
                last.extend(part);
            }
        }
    }
    lines
}

/// Returns the section under the cursor that a person writes.
pub(super) fn section(state: &State) -> Option<DraftName> {
    let View::Document(incident) = state.screen.view else { return None };
    let RowKey::Index(at) = state.screen.cursor(Pane::Sections)? else { return None };
    let section = Section::ALL.get(at.checked_sub(FACTS)?)?;
    Some(DraftName { incident, section: *section })
}

const ELSEWHERE: &str = "this acts on the document of an incident: go to that first";

/// Returns why an action would do nothing.
pub(super) fn why_not(state: &State, action: DocumentAction) -> Option<String> {
    let because = |holds: bool, why: &str| holds.then(|| why.to_owned());
    if action == DocumentAction::Show {
        return match (&state.screen.view, act::selected_incident(state)) {
            (_, None) => Some("no incident here: put the cursor on one".to_owned()),
            (View::Document(shown), Some(uid)) if *shown == uid => Some("this is its document".to_owned()),
            (_, Some(_)) => None,
        };
    }
    let View::Document(uid) = state.screen.view else { return Some(ELSEWHERE.to_owned()) };
    let of = state.incidents.incidents.get(&uid)?;
    match action {
        DocumentAction::Edit | DocumentAction::EditElsewhere if of.merged_into.is_some() => {
            Some("it went into another one: write there".to_owned())
        }
        DocumentAction::Edit | DocumentAction::EditElsewhere => because(
            section(state).is_none(),
            "facts write this section; put the cursor on root cause, lessons or follow-ups",
        ),
        DocumentAction::Send => {
            because(state.inventory.trackers.is_empty(), "no `tracker` is configured: there is no ticket to send it to")
        }
        DocumentAction::Show | DocumentAction::Export => None,
    }
}

/// Carries an action out.
pub(super) fn act(state: &mut State, action: DocumentAction, now: Now) -> Vec<Effect> {
    match action {
        DocumentAction::Show => {
            let Some(incident) = act::selected_incident(state) else { return Vec::new() };
            state.screen.go(View::Document(incident));
            let effects = state.documents_ticked(now);
            rows::refresh(state, now, true);
            first_missing(state, incident);
            effects
        }
        DocumentAction::Edit => {
            let Some(of) = section(state) else { return Vec::new() };
            let known = known(state, of);
            state.screen.open(Overlay::Section(of));
            state.screen.drafts.insert(Draft::Section, known);
            vec![Effect::RecallDraft { of }]
        }
        DocumentAction::EditElsewhere => {
            let Some(of) = section(state) else { return Vec::new() };
            vec![Effect::EditElsewhere { of, text: known(state, of) }]
        }
        DocumentAction::Export | DocumentAction::Send => {
            let View::Document(incident) = state.screen.view else { return Vec::new() };
            let wanted = if action == DocumentAction::Send { Wanted::Send } else { Wanted::Export };
            state.write_paper(incident, wanted, now)
        }
    }
}

/// Puts the cursor on the first section that a person has yet to write.
fn first_missing(state: &mut State, incident: Uid) {
    let Some(of) = state.incidents.incidents.get(&incident) else { return };
    let missing = Section::ALL.iter().position(|section| !of.sections.contains_key(section)).unwrap_or(0);
    let view = state.screen.view.clone();
    state.screen.cursors.insert((view, Pane::Sections), RowKey::Index(FACTS + missing));
    state.screen.hold();
}

/// What a section holds.
fn known(state: &State, of: DraftName) -> String {
    let incident = state.incidents.incidents.get(&of.incident);
    incident.and_then(|incident| incident.sections.get(&of.section)).cloned().unwrap_or_default()
}

/// Saves what was typed.
pub(super) fn save(state: &mut State, of: DraftName, now: Now) -> Vec<Effect> {
    let text = state.screen.draft(Draft::Section).to_owned();
    state.screen.close();
    state.section_written(of, text, now)
}

/// Puts what was typed away: it is there the next time.
pub(super) fn put_away(state: &mut State, now: Now) -> Vec<Effect> {
    let effects = state.keep_draft(true, now);
    let overlay = state.screen.overlay.clone();
    let kept = matches!(overlay, Some(Overlay::Section(of)) if known(state, of) != state.screen.draft(Draft::Section));
    state.screen.close();
    if kept {
        state.screen.say(now, Tone::Info, "kept as a draft; nothing is saved");
    }
    effects
}
