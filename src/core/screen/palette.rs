//! The command palette: everything there is, by fuzzy search.
use fuzzy_matcher::{FuzzyMatcher as _, skim::SkimMatcherV2};

use super::{Draft, RowKey, View};
use crate::core::{
    State,
    action::{ACTIONS, Action, Danger},
};

/// One line of the palette.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// What is searched and shown.
    pub label: String,
    /// More about it.
    pub detail: String,
    /// What Enter does.
    pub target: Target,
    /// What it may do.
    pub danger: Danger,
}

/// What Enter does.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// An action on the object under the cursor.
    Act(Action),
    /// Goes to an object.
    Go(View),
}

/// Lines shown at most.
const LINES: usize = 200;

/// Returns the palette's lines for what is typed, best first.
pub fn lines(state: &State) -> Vec<Line> {
    let typed = state.screen.draft(Draft::Palette).trim();
    let all = everything(state);
    if typed.is_empty() {
        return all.into_iter().take(LINES).collect();
    }
    let matcher = SkimMatcherV2::default().smart_case();
    let mut scored: Vec<(i64, Line)> = all
        .into_iter()
        .filter_map(|line| {
            let score = matcher.fuzzy_match(&line.label, typed)?;
            Some((score, line))
        })
        .collect();
    scored.sort_by(|(a, _), (b, _)| b.cmp(a));
    scored.into_iter().take(LINES).map(|(_, line)| line).collect()
}

fn everything(state: &State) -> Vec<Line> {
    let object = state.screen.cursor(state.screen.pane());
    let mut lines: Vec<Line> = Vec::new();
    if let Some(RowKey::Service(id)) = object {
        lines.push(Line {
            label: format!("restart {id}"),
            detail: "opens a review first".into(),
            target: Target::Act(Action::RestartService),
            danger: Danger::Changes,
        });
    }
    let internal = |action: Action| {
        matches!(
            action,
            Action::Move(_)
                | Action::FocusPane(_)
                | Action::Confirm
                | Action::SayYes
                | Action::ShowCommands
                | Action::OpenPalette
        )
    };
    lines.extend(ACTIONS.iter().filter(|entry| !internal(entry.action)).map(|entry| Line {
        label: entry.id.into(),
        detail: entry.words.into(),
        target: Target::Act(entry.action),
        danger: entry.danger,
    }));
    let go = |label: String, detail: &str, view: View| Line {
        label,
        detail: detail.to_owned(),
        target: Target::Go(view),
        danger: Danger::None,
    };
    lines.extend(
        state.inventory.services.iter().map(|s| go(format!("service {}", s.id), &s.kind, View::Service(s.id.clone()))),
    );
    lines.extend(
        state.inventory.hosts.iter().map(|h| go(format!("host {}", h.name), &h.address, View::Host(h.name.clone()))),
    );
    lines.extend(
        state
            .incidents
            .worst_first()
            .into_iter()
            .map(|incident| go(format!("incident {}", incident.number), &incident.title, View::Incident(incident.uid))),
    );
    lines
}
