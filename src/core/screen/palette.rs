//! The command palette: everything there is, by fuzzy search.
use fuzzy_matcher::{FuzzyMatcher as _, skim::SkimMatcherV2};

use super::{Draft, RowKey, View, refusal};
use crate::core::{
    State,
    action::{ACTIONS, Action, Danger},
    id::IncidentId,
    opening::worded,
};

/// One line of the palette.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// What is searched and shown.
    pub label: String,
    /// More about it.
    pub detail: String,
    /// The equal command line; empty where there is none.
    pub equals: String,
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
    /// Plays an incident back.
    PlayBack(IncidentId),
    /// Opens an incident in these words.
    Open(String),
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
    let mut scored: Vec<((bool, i64), Line)> = all
        .into_iter()
        .filter_map(|line| {
            let score = matcher.fuzzy_match(&line.label, typed)?;
            Some(((is_named(&line.label, typed), score), line))
        })
        .collect();
    scored.sort_by(|(a, _), (b, _)| b.cmp(a));
    scored.into_iter().map(|(_, line)| line).take(LINES).chain(in_words(typed)).collect()
}

/// `incident checkout fails for some` opens one in these words; what is there already comes before it.
fn in_words(typed: &str) -> Option<Line> {
    let text = typed.strip_prefix("incident ")?.trim();
    let (severity, title) = worded(text).filter(|_| text.parse::<IncidentId>().is_err())?;
    Some(Line {
        label: format!("incident {text}"),
        detail: format!("opens one, {severity:?}: {title}"),
        equals: "qd incidents --open".to_owned(),
        target: Target::Open(text.to_owned()),
        danger: Danger::Records,
    })
}

/// Says whether what is typed is a name in full: of an action, of a view, of a service, a host or an incident.
fn is_named(label: &str, typed: &str) -> bool {
    let own = label.strip_prefix("go-").or_else(|| label.split_once(' ').map(|(_, name)| name));
    label == typed || own == Some(typed)
}

fn everything(state: &State) -> Vec<Line> {
    let object = state.screen.cursor(state.screen.pane());
    let mut lines: Vec<Line> = Vec::new();
    if let Some(RowKey::Service(id)) = object
        && refusal::no_restart(state).is_none()
    {
        let hosts = state.inventory.service(id).map(|service| service.hosts.as_slice()).unwrap_or_default();
        let hosts: Vec<&str> = hosts.iter().map(AsRef::as_ref).collect();
        let verbs = [
            ("deploy", Action::DeployService),
            ("restart", Action::RestartService),
            ("rollback", Action::RollBackService),
        ];
        lines.extend(verbs.map(|(verb, action)| Line {
            label: format!("{verb} {id}"),
            detail: format!("on {}, after a review of the exact commands", hosts.join(", ")),
            equals: format!("qd {verb} {id} --dry-run"),
            target: Target::Act(action),
            danger: Danger::Changes,
        }));
    }
    let internal = |action: Action| {
        matches!(
            action,
            Action::Move(_)
                | Action::FocusPane(_)
                | Action::Confirm
                | Action::SayYes
                | Action::SayOnce
                | Action::RenameTerm
                | Action::ShowCommands
                | Action::SetAside
                | Action::OpenPalette
        )
    };
    lines.extend(ACTIONS.iter().filter(|entry| !internal(entry.action)).map(|entry| Line {
        label: entry.id.into(),
        detail: entry.words.into(),
        equals: equal(entry.action).to_owned(),
        target: Target::Act(entry.action),
        danger: entry.danger,
    }));
    let go = |label: String, detail: &str, equals: String, view: View| Line {
        label,
        detail: detail.to_owned(),
        equals,
        target: Target::Go(view),
        danger: Danger::None,
    };
    lines.extend(state.inventory.services.iter().map(|service| {
        let id = &service.id;
        go(format!("service {id}"), &service.kind, format!("qd status {id}"), View::Service(id.clone()))
    }));
    lines.extend(state.inventory.hosts.iter().map(|host| {
        let name = &host.name;
        go(format!("host {name}"), &host.address, format!("qd hosts {name}"), View::Host(name.clone()))
    }));
    lines.extend(state.incidents.worst_first().into_iter().map(|incident| {
        go(format!("incident {}", incident.number), &incident.title, String::new(), View::Incident(incident.uid))
    }));
    if state.screen.replay.is_none() {
        lines.extend(state.incidents.worst_first().into_iter().map(|incident| Line {
            label: format!("replay {}", incident.number),
            detail: format!("plays it back here: {}", incident.title),
            equals: format!("qd replay {}", incident.number),
            target: Target::PlayBack(incident.number),
            danger: Danger::None,
        }));
    }
    lines
}

/// Returns the command line that shows the same.
fn equal(action: Action) -> &'static str {
    const EQUAL: [(Action, &str); 10] = [
        (Action::GoOverview, "qd status"),
        (Action::GoHosts, "qd hosts"),
        (Action::GoAlerts, "qd alerts"),
        (Action::GoRuns, "qd runs"),
        (Action::GoAudit, "qd audit"),
        (Action::GoHandover, "qd handover"),
        (Action::GoFindings, "qd findings"),
        (Action::GoMaintenance, "qd maintenance"),
        (Action::GoOutbox, "qd outbox"),
        (Action::OpenHelp, "qd keys"),
    ];
    EQUAL.iter().find(|(of, _)| *of == action).map_or("", |(_, line)| line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_in_full_comes_before_whatever_else_fits() {
        let mut state =
            State::new(std::sync::Arc::default(), crate::core::runs::Actor { by: "ana".into(), from: "jump".into() });
        for (typed, first) in
            [("runs", "go-runs"), ("incidents", "go-incidents"), ("audit", "go-audit"), ("quit", "quit")]
        {
            state.screen.drafts.insert(Draft::Palette, typed.into());
            assert_eq!(lines(&state).first().map(|line| line.label.clone()).as_deref(), Some(first), "{typed}");
        }
    }
}
