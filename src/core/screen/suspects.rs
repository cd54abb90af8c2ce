//! What a person does about what changed around an incident: choose one, rule one out, ask anew.
use super::{Pane, RowKey, Tone, View, act, documents, rows};
use crate::core::{
    Effect, State,
    id::Uid,
    incidents::{
        self, IncidentEventKind,
        suspects::{
            self, Change, Suspect, SuspectAction,
            difference::{Answer, Line, Mark},
        },
    },
    suspecting,
    time::Now,
};

/// Suspects that are listed.
const LISTED: usize = 50;
/// Columns of a line at most.
const WIDEST: usize = 160;

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
        SuspectAction::Detail => {
            let Some((_, suspect)) = under(state) else { return Some("put the cursor on a change".to_owned()) };
            let read = state.screen.zoomed && state.screen.pane() == Pane::Difference;
            match state.suspects.difference(&suspect.change.key()) {
                Some(Answer::Asked) => because(read, "it is being asked"),
                Some(Answer::Told(_)) => because(read, "this is all that is known of it; it can be asked anew"),
                Some(Answer::Unknown(_)) => None,
                None => because(read && suspect.change.between.is_none(), "this is all that is known of it"),
            }
        }
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
            let Some(change) = under(state).map(|(_, suspect)| suspect.change.clone()) else { return Vec::new() };
            let detail = View::Suspects(Uid([0; 6])).panes().iter().position(|pane| *pane == Pane::Difference);
            state.screen.focus.insert(state.screen.view.clone(), detail.unwrap_or(0));
            state.screen.zoomed = true;
            let effects = suspecting::compare(state, &change, false);
            to_the_top(state, now);
            effects
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
            // Who reads one change asks about that one.
            let read = under(state)
                .filter(|(_, suspect)| state.screen.pane() == Pane::Difference && suspect.change.between.is_some());
            if let Some(change) = read.map(|(_, suspect)| suspect.change.clone()) {
                state.screen.say(now, Tone::Info, "what it changed is asked anew");
                let effects = suspecting::compare(state, &change, true);
                to_the_top(state, now);
                return effects;
            }
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

/// Has another text read from its beginning.
fn to_the_top(state: &mut State, now: Now) {
    let key = (state.screen.view.clone(), Pane::Difference);
    state.screen.cursors.remove(&key);
    state.screen.held.remove(&key);
    rows::refresh(state, now, true);
}

/// Returns all that is known of the change that the cursor is on, with what it changed, as the pane has room for the lines.
pub fn lines(state: &State, incident: Uid) -> Vec<Line> {
    let columns = usize::from(state.screen.layout.size.0).saturating_sub(6).clamp(20, WIDEST);
    let wrapped = |(mark, text): Line| documents::wrapped(&text, columns).into_iter().map(move |line| (mark, line));
    whole(state, incident).into_iter().flat_map(wrapped).collect()
}

/// The same line by line as they are.
pub(super) fn whole(state: &State, incident: Uid) -> Vec<Line> {
    let Some(RowKey::Change(key)) = state.screen.cursor(Pane::Suspects) else { return Vec::new() };
    let Some(suspect) = suspect(state, incident, key) else { return Vec::new() };
    let change = &suspect.change;
    let mut lines = vec![(Mark::Head, change.line())];
    lines.extend(change.by.iter().map(|by| (Mark::Same, format!("by {by}"))));
    lines.push((Mark::Same, format!("{}, {}", change.at.rfc3339(), suspect.why.join(", "))));
    lines.extend(change.detail.iter().map(|line| (Mark::Same, line.clone())));
    lines.push((Mark::Same, String::new()));
    match state.suspects.difference(&change.key()) {
        Some(answer) => lines.extend(answer.lines()),
        None if change.between.is_some() => lines.push((Mark::Head, "what it changed was not asked yet".to_owned())),
        None => {
            let why = "of a change of this kind no more is known than that it was made";
            lines.push((Mark::Head, why.to_owned()));
        }
    }
    lines
}
