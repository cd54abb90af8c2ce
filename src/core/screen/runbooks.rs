//! What a person does with the runbook beside an incident: runs a step, ticks it, leaves it out, says that it is wrong.
use std::sync::Arc;

use super::{Pane, RowKey, Tone, View, act, form, rows};
use crate::core::{
    Effect, State,
    id::Uid,
    incidents::{IncidentEventKind, StepMark},
    runbooking,
    runbooks::{self, Mode, Runbook, RunbookAction, Step},
    runs::{Order, Wanted},
    time::Now,
};

/// Returns the rows of a pane.
pub(super) fn keys(state: &State, incident: Uid, pane: Pane) -> Vec<RowKey> {
    let Some(of) = state.incidents.incidents.get(&incident) else { return Vec::new() };
    if pane == Pane::Books {
        return state.runbooks_for(of).into_iter().map(|(book, _)| RowKey::Book(book.name.clone())).collect();
    }
    let book = state.runbook_beside(incident);
    book.iter().flat_map(|book| book.numbered()).map(|step| RowKey::Step(step.id.clone())).collect()
}

/// Returns the incident, the runbook beside it, and the id of the step under the cursor.
pub fn under(state: &State) -> Option<(Uid, Arc<Runbook>, String)> {
    let View::Runbook(incident) = state.screen.view else { return None };
    let book = state.runbook_beside(incident)?;
    let RowKey::Step(id) = state.screen.cursor(Pane::Book)? else { return None };
    book.step(id)?;
    Some((incident, book, id.clone()))
}

/// Says what the cursor is on.
pub(super) fn words(state: &State, id: &str) -> String {
    let View::Runbook(incident) = state.screen.view else { return id.to_owned() };
    let book = state.runbook_beside(incident);
    let step = book.as_ref().and_then(|book| book.step(id));
    step.map_or_else(|| id.to_owned(), |step| format!("{}: {}", step.name, step.command))
}

/// Returns why an action would do nothing.
pub(super) fn why_not(state: &State, action: RunbookAction) -> Option<String> {
    let because = |holds: bool, why: &str| holds.then(|| why.to_owned());
    match action {
        RunbookAction::Show => match (&state.screen.view, act::selected_incident(state)) {
            (View::Runbook(_), _) => Some("these are its runbooks".to_owned()),
            (_, None) => Some("no incident here: put the cursor on one".to_owned()),
            (_, Some(_)) => because(
                state.inventory.runbooks.is_empty(),
                "the configuration names no runbooks: runbooks = [\"runbooks/*.md\"]",
            ),
        },
        RunbookAction::Run if state.screen.pane() == Pane::Books => {
            because(state.screen.cursor(Pane::Books).is_none(), "there is no runbook here")
        }
        RunbookAction::Run
        | RunbookAction::Values
        | RunbookAction::Tick
        | RunbookAction::Skip
        | RunbookAction::Wrong => because(under(state).is_none(), "put the cursor on a step of a runbook"),
    }
}

/// Carries an action out.
pub(super) fn act(state: &mut State, action: RunbookAction, now: Now) -> Vec<Effect> {
    if action == RunbookAction::Show {
        let Some(incident) = act::selected_incident(state) else { return Vec::new() };
        state.screen.go(View::Runbook(incident));
        rows::refresh(state, now, true);
        return Vec::new();
    }
    if let (RunbookAction::Run, View::Runbook(incident), Pane::Books) =
        (action, &state.screen.view, state.screen.pane())
    {
        let incident = *incident;
        if let Some(RowKey::Book(name)) = state.screen.cursor(Pane::Books).cloned() {
            state.runbooks.shown.insert(incident, name);
            state.screen.focus.insert(View::Runbook(incident), 0);
            state.screen.cursors.remove(&(View::Runbook(incident), Pane::Book));
            rows::refresh(state, now, true);
        }
        return Vec::new();
    }
    let Some((incident, book, id)) = under(state) else { return Vec::new() };
    let Some(step) = book.step(&id) else { return Vec::new() };
    match action {
        RunbookAction::Show => Vec::new(),
        RunbookAction::Run => run(state, incident, &book, step, now),
        RunbookAction::Values => {
            form::open(state, incident, form::Purpose::StepValues, now);
            Vec::new()
        }
        RunbookAction::Wrong => {
            form::open(state, incident, form::Purpose::StepWrong, now);
            Vec::new()
        }
        RunbookAction::Tick => toggle(state, (incident, &book, step), StepMark::Done, now),
        RunbookAction::Skip => toggle(state, (incident, &book, step), StepMark::Skipped, now),
    }
}

/// Runs a step: at once where it only looks, else its plan opens the review.
fn run(state: &mut State, incident: Uid, book: &Runbook, step: &Step, now: Now) -> Vec<Effect> {
    let given = state.runbooks.given.get(&incident);
    let lacks = |param: &&runbooks::Param| {
        param.default.is_none() && given.is_none_or(|given| !given.contains_key(&param.name))
    };
    if book.takes(step).any(|param| lacks(&param)) {
        form::open(state, incident, form::Purpose::StepValues, now);
        return Vec::new();
    }
    if step.mode == Mode::Read {
        return match runbooking::look(state, incident, book, step) {
            Ok(effects) => {
                state.screen.say(
                    now,
                    Tone::Info,
                    format!(
                        "{}: {} asked",
                        step.name,
                        if effects.len() == 1 {
                            "a host is".to_owned()
                        } else {
                            format!("{} hosts are", effects.len())
                        }
                    ),
                );
                effects
            }
            Err(why) => {
                state.screen.say(now, Tone::Error, format!("{}: {why}", step.name));
                Vec::new()
            }
        };
    }
    let service = state.incidents.incidents.get(&incident).and_then(|of| of.service.clone());
    let Some(service) = service else {
        state.screen.say(now, Tone::Error, "the incident names no service: nothing is changed for it");
        return Vec::new();
    };
    let known = |(name, _): &(&String, &String)| book.params.iter().any(|param| param.name == **name);
    let settings =
        given.into_iter().flatten().filter(known).map(|(name, value)| (name.clone(), value.clone())).collect();
    let order = Order { task: runbooks::task(&book.name, &step.id), settings, file: None };
    act::change(state, service, Wanted::Task(order), now)
}

/// Marks a step, or takes the same mark back.
fn toggle(state: &mut State, (incident, book, step): (Uid, &Runbook, &Step), mark: StepMark, now: Now) -> Vec<Effect> {
    let of = state.incidents.incidents.get(&incident);
    let known =
        of.and_then(|of| of.books.get(&(book.name.clone(), step.id.clone()))).and_then(|step| step.mark.as_ref());
    let mark = if known.is_some_and(|(known, ..)| *known == mark) { StepMark::Open } else { mark };
    let kind =
        IncidentEventKind::StepMarked { book: book.name.clone(), step: step.id.clone(), mark, note: String::new() };
    form::write(state, incident, vec![kind], now)
}

/// Returns what the box of values begins with: what was given, else a place for each that must be.
pub(super) fn values(state: &State, incident: Uid) -> String {
    let mut typed = state.runbooks.typed(incident);
    let Some((_, book, id)) = under(state) else { return typed };
    let given = state.runbooks.given.get(&incident);
    for param in book.step(&id).into_iter().flat_map(|step| book.takes(step)) {
        if param.default.is_none() && given.is_none_or(|given| !given.contains_key(&param.name)) {
            let space = if typed.is_empty() { "" } else { " " };
            typed.extend([space, &param.name, "="]);
        }
    }
    typed
}

/// Takes what the box of values holds, once each value fits.
pub(super) fn given(state: &mut State, incident: Uid, text: &str, now: Now) -> Vec<Effect> {
    let before = state.runbooks.given.get(&incident).cloned();
    let taken = state.runbooks.give(incident, text).and_then(|()| {
        let (_, book, _) = under(state).ok_or("the step is not there any more")?;
        let given = state.runbooks.given.get(&incident).into_iter().flatten();
        for (name, value) in given {
            let Some(param) = book.params.iter().find(|param| param.name == *name) else {
                let known: Vec<&str> = book.params.iter().map(|param| param.name.as_str()).collect();
                return Err(format!("nothing is called `{name}` there: {}", known.join(", ")));
            };
            param.check(value)?;
        }
        Ok(())
    });
    match taken {
        Ok(()) => {
            state.screen.close();
            state.screen.say(now, Tone::Done, "taken: Enter runs the step with it");
        }
        Err(why) => {
            match before {
                Some(before) => _ = state.runbooks.given.insert(incident, before),
                None => _ = state.runbooks.given.remove(&incident),
            }
            state.screen.say(now, Tone::Error, why);
        }
    }
    Vec::new()
}
