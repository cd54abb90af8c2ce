//! What a person does about what changed around an incident: choose one, rule one out, ask anew.
use super::{Pane, RowKey, Tone, View, act, rows};
use crate::core::{
    Effect, State,
    id::Uid,
    incidents::{
        self, IncidentEventKind,
        suspects::{self, Change, Suspect, SuspectAction},
    },
    suspecting,
    time::Now,
};

/// Suspects that are listed.
const LISTED: usize = 50;

/// Returns the rows: the strongest first, what was ruled out last.
pub(super) fn keys(state: &State, incident: Uid) -> Vec<RowKey> {
    let Some(looked) = state.suspects.of(incident) else { return Vec::new() };
    let of = state.incidents.incidents.get(&incident);
    let out = |change: &&Change| of.is_some_and(|of| of.rules_out(change));
    let listed = looked.ranking.suspects.iter().take(LISTED).map(|suspect| &suspect.change);
    let (last, first): (Vec<&Change>, Vec<&Change>) = listed.partition(out);
    first.into_iter().chain(last).map(|change| RowKey::Change(change.key())).collect()
}

/// Finds a suspect of an incident by its key.
pub fn suspect<'a>(state: &'a State, incident: Uid, key: &str) -> Option<&'a Suspect> {
    let mut all = state.suspects.of(incident)?.ranking.suspects.iter();
    let named = |suspect: &&Suspect| suspect.change.is_named(key);
    all.clone().find(|suspect| suspect.change.key() == key).or_else(|| all.find(named))
}

/// Says a suspect in one line.
pub(super) fn words(state: &State, key: &str) -> String {
    let View::Suspects(incident) = state.screen.view else { return key.to_owned() };
    suspect(state, incident, key).map_or_else(|| key.to_owned(), line)
}

fn line(suspect: &Suspect) -> String {
    format!("{}, {}", suspect.change.line(), suspect.why.join(", "))
}

/// Returns why an action would do nothing.
pub(super) fn why_not(state: &State, action: SuspectAction) -> Option<String> {
    let because = |holds: bool, why: &str| holds.then(|| why.to_owned());
    match action {
        SuspectAction::Show => match (&state.screen.view, act::selected_incident(state)) {
            (_, None) => Some("no incident here: put the cursor on one".to_owned()),
            (View::Suspects(shown), Some(uid)) if *shown == uid => Some("this is what changed around it".to_owned()),
            (_, Some(_)) => None,
        },
        SuspectAction::Detail => because(under(state).is_none(), "put the cursor on a change"),
        SuspectAction::Choose => match under(state) {
            None => Some("put the cursor on a change to choose it".to_owned()),
            Some((incident, suspect)) => {
                let of = state.incidents.incidents.get(&incident)?;
                because(of.suspects(&suspect.change), "it is chosen already")
            }
        },
        SuspectAction::RuleOut => match under(state) {
            None => Some("put the cursor on a change to rule it out".to_owned()),
            Some((incident, suspect)) => {
                let of = state.incidents.incidents.get(&incident)?;
                because(of.rules_out(&suspect.change), "it is ruled out already")
            }
        },
        SuspectAction::Nobody => {
            let View::Suspects(incident) = state.screen.view else { return Some(ELSEWHERE.to_owned()) };
            let of = state.incidents.incidents.get(&incident)?;
            because(matches!(of.suspect, Some((None, _))), "that is said already")
        }
        SuspectAction::Again => because(!matches!(state.screen.view, View::Suspects(_)), ELSEWHERE),
    }
}

const ELSEWHERE: &str = "this acts on what changed around an incident: go to that first";

/// Carries an action out.
pub(super) fn act(state: &mut State, action: SuspectAction, now: Now) -> Vec<Effect> {
    match action {
        SuspectAction::Show => {
            let Some(incident) = act::selected_incident(state) else { return Vec::new() };
            state.screen.go(View::Suspects(incident));
            // A console that started later has not asked yet.
            let asked = state.suspects.of(incident).is_some_and(|looked| looked.asked.0 > 0);
            let effects =
                if asked { Vec::new() } else { suspecting::update(state, suspects::Msg::Wanted { incident }, now) };
            rows::refresh(state, now, true);
            effects
        }
        SuspectAction::Detail => {
            let detail = View::Suspects(Uid([0; 6])).panes().iter().position(|pane| *pane == Pane::Change);
            state.screen.focus.insert(state.screen.view.clone(), detail.unwrap_or(0));
            state.screen.zoomed = true;
            Vec::new()
        }
        SuspectAction::Choose => {
            let Some((incident, suspect)) = under(state) else { return Vec::new() };
            let kind = IncidentEventKind::SuspectChosen { key: Some(suspect.change.key()), summary: line(suspect) };
            write(state, (incident, kind), "choosing the suspect", now)
        }
        SuspectAction::RuleOut => {
            let Some((incident, suspect)) = under(state) else { return Vec::new() };
            let kind = IncidentEventKind::SuspectRuledOut { key: suspect.change.key(), summary: suspect.change.line() };
            write(state, (incident, kind), "ruling it out", now)
        }
        SuspectAction::Nobody => {
            let View::Suspects(incident) = state.screen.view else { return Vec::new() };
            let kind = IncidentEventKind::SuspectChosen { key: None, summary: String::new() };
            write(state, (incident, kind), "choosing none", now)
        }
        SuspectAction::Again => {
            let View::Suspects(incident) = state.screen.view else { return Vec::new() };
            state.screen.say(now, Tone::Info, "the hosts are asked what changed");
            suspecting::update(state, suspects::Msg::Wanted { incident }, now)
        }
    }
}

fn write(state: &mut State, (incident, kind): (Uid, IncidentEventKind), what: &'static str, now: Now) -> Vec<Effect> {
    let msg = incidents::Msg::Added { incident, at: now.utc, by: state.actor.by.clone(), kind };
    state.incidents_update(msg, now, Some(what))
}

/// The change under the cursor of the list, whichever pane has the focus.
fn under(state: &State) -> Option<(Uid, &Suspect)> {
    let View::Suspects(incident) = state.screen.view else { return None };
    let RowKey::Change(key) = state.screen.cursor(Pane::Suspects)? else { return None };
    Some((incident, suspect(state, incident, key)?))
}
