//! Texts being written: the text areas behind the drafts, by draft.
//!
//! The areas know the cursor and the usual editing keys; core knows only the text. A passphrase stays here alone:
//! core gets as many dots.
use std::collections::BTreeMap;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use secrecy::SecretString;
use tui_textarea::{CursorMove, TextArea};

use crate::core::{State, screen::Draft};

/// The text areas in use. Those whose draft is no longer written are dropped, a passphrase with them.
#[derive(Debug, Default)]
pub struct Editors {
    areas: BTreeMap<Draft, TextArea<'static>>,
}

impl Editors {
    /// Follows the state: drops what is not written any more and takes over texts that were changed elsewhere.
    pub fn follow(&mut self, state: &State) {
        let editing = state.editing();
        let review = state.runs.review.is_some();
        self.areas.retain(|draft, _| match draft {
            Draft::Name | Draft::Reason => review,
            // Its box is closed when it is used: it goes when it is taken or given up.
            Draft::Passphrase => true,
            Draft::Filter(_)
            | Draft::Palette
            | Draft::Help
            | Draft::Deploy
            | Draft::Search
            | Draft::Note
            | Draft::Form
            | Draft::Section
            | Draft::Drop
            | Draft::Window(_)
            | Draft::Item
            | Draft::Update
            | Draft::LogFilter
            | Draft::LogSearch
            | Draft::LogTime
            | Draft::LogSession
            | Draft::LogName => Some(*draft) == editing,
        });
        let Some(draft) = editing.filter(|draft| *draft != Draft::Passphrase) else { return };
        let text = text_of(state, draft);
        let area = self.areas.entry(draft).or_default();
        if joined(draft, area) != text {
            let lines =
                if many_lines(draft) { text.split('\n').map(str::to_owned).collect() } else { vec![text.to_owned()] };
            *area = TextArea::new(lines);
            area.move_cursor(CursorMove::Bottom);
            area.move_cursor(CursorMove::End);
        }
    }

    /// Hands a key to a draft's area; returns its text when it changed.
    pub fn key(&mut self, draft: Draft, key: KeyEvent) -> Option<String> {
        let area = self.areas.entry(draft).or_default();
        // As in a shell: what is before the cursor goes. The area would undo.
        let changed = if key.code == KeyCode::Char('u') && key.modifiers.contains(KeyModifiers::CONTROL) {
            area.delete_line_by_head()
        } else {
            area.input(key)
        };
        changed.then(|| text(draft, area))
    }

    /// Pastes into a draft's area, line ends as spaces where it has one line; returns its text.
    pub fn paste(&mut self, draft: Draft, pasted: &str) -> String {
        let blank = |c: char| if c.is_control() && !(c == '\n' && many_lines(draft)) { ' ' } else { c };
        let safe: String = pasted.replace("\r\n", "\n").replace('\r', "\n").chars().map(blank).collect();
        let area = self.areas.entry(draft).or_default();
        area.insert_str(safe.trim());
        text(draft, area)
    }

    /// Returns the cursor's place in a draft, in characters from its beginning.
    pub fn cursor(&self, draft: Draft) -> Option<usize> {
        self.areas.get(&draft).map(|area| {
            let above = area.lines().iter().take(area.cursor().0);
            above.map(|line| line.chars().count() + 1).sum::<usize>() + area.cursor().1
        })
    }

    /// Forgets a passphrase that was given up.
    pub fn forget_secret(&mut self) {
        self.areas.remove(&Draft::Passphrase);
    }

    /// Takes the passphrase that was typed, and forgets it.
    pub fn take_secret(&mut self) -> SecretString {
        let typed = self.areas.remove(&Draft::Passphrase).map(|area| joined(Draft::Passphrase, &area));
        SecretString::from(typed.unwrap_or_default())
    }
}

/// Says whether a draft has lines of its own.
pub(super) fn many_lines(draft: Draft) -> bool {
    matches!(draft, Draft::Section | Draft::Item)
}

fn joined(draft: Draft, area: &TextArea<'_>) -> String {
    area.lines().join(if many_lines(draft) { "\n" } else { " " })
}

fn text(draft: Draft, area: &TextArea<'_>) -> String {
    let text = joined(draft, area);
    if draft == Draft::Passphrase { "•".repeat(text.chars().count()) } else { text }
}

/// Returns a draft's text as core has it.
pub fn text_of(state: &State, draft: Draft) -> &str {
    let review = state.runs.review.as_ref();
    match draft {
        Draft::Name => review.map_or("", |review| review.typed.as_str()),
        Draft::Reason => review.map_or("", |review| review.reason.as_str()),
        Draft::Filter(_)
        | Draft::Palette
        | Draft::Help
        | Draft::Deploy
        | Draft::Search
        | Draft::Note
        | Draft::Form
        | Draft::Section
        | Draft::Drop
        | Draft::Window(_)
        | Draft::Item
        | Draft::Update
        | Draft::LogFilter
        | Draft::LogSearch
        | Draft::LogTime
        | Draft::LogSession
        | Draft::LogName
        | Draft::Passphrase => state.screen.draft(draft),
    }
}
