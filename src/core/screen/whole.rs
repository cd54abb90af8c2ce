//! What is kept whole as evidence, where one row of it would say too little: what a run's hosts said, the end of a job's log, all
//! that is known of a change, the answers to a step of a runbook.
use std::fmt::Write as _;

use super::{Pane, RowKey, View, pipeline, runbooks, suspects};
use crate::core::{
    State,
    id::{HostName, Uid},
    incidents::IncidentEventKind,
};

/// Lines that are kept of what is longer: its end.
const LINES: usize = 500;

/// Returns what it is, where it is from, and its text, of what the view shows whole; none where a row of it is all there is.
pub(super) fn whole(state: &State) -> Option<(String, String, String)> {
    let pane = state.screen.pane();
    match (&state.screen.view, pane) {
        (View::Run(run), Pane::Output) => output(state, *run, state.screen.output_of.as_ref()),
        (View::Run(run), Pane::Steps) => {
            let RowKey::Host(host) = state.screen.cursor(pane)? else { return None };
            output(state, *run, Some(host))
        }
        (View::Pipeline(id), Pane::JobLog) => {
            let log = pipeline::log(state)?;
            let cut = cut(log.lines.iter().map(String::as_str), log.before);
            Some(("the end of a job's log".to_owned(), format!("pipeline of {id}"), cut))
        }
        (View::Suspects(incident), Pane::Suspects | Pane::Change | Pane::Difference) => change(state, *incident),
        (View::Runbook(_), Pane::Book | Pane::BookStep) => answers(state),
        _ => None,
    }
}

/// What a run's hosts said, or one of them: each command with how it ended, then its lines.
fn output(state: &State, run: Uid, of: Option<&HostName>) -> Option<(String, String, String)> {
    let found = state.runs.runs.get(&run)?;
    let mut body = String::new();
    for (number, step) in found.steps.iter().enumerate() {
        let Some(planned) = found.plan.step(number).filter(|step| of.is_none_or(|host| step.host == *host)) else {
            continue;
        };
        let Some(began) = step.started else { continue };
        let end = step.ended.as_ref().map_or_else(|| "not ended".to_owned(), |(_, end)| end.words());
        _ = writeln!(body, "{began:?} {} {}: {end}\n$ {}", planned.host, planned.name, planned.command);
        let lines = found.output.iter().filter(|line| line.step == number).map(|line| line.text.as_str());
        body.push_str(&cut(lines, 0));
    }
    let what = of.map_or_else(|| "what a run said".to_owned(), |host| format!("what a run said on {host}"));
    (!body.is_empty()).then(|| (what, state.run_name(run), body))
}

/// All that is known of the change that the cursor is on, with what it changed, as far as that was asked.
fn change(state: &State, incident: Uid) -> Option<(String, String, String)> {
    let RowKey::Change(key) = state.screen.cursor(Pane::Suspects)? else { return None };
    let change = &suspects::suspect(state, incident, key)?.change;
    let lines = suspects::whole(state, incident);
    let body: String = lines.iter().flat_map(|(_, text)| [text.as_str(), "\n"]).collect();
    Some(("a change".to_owned(), change.source.words().to_owned(), body))
}

/// What each host last answered to the step that the cursor is on.
fn answers(state: &State) -> Option<(String, String, String)> {
    let (incident, book, id) = runbooks::under(state)?;
    let of = state.incidents.incidents.get(&incident)?;
    let seen = &of.books.get(&(book.name.clone(), id.clone()))?.seen;
    let mut body = String::new();
    for (_, _, _, seq) in seen.values() {
        let Some(event) = of.timeline.get(seq) else { continue };
        if let IncidentEventKind::Command { host, command, exit, sha256, output, .. } = &event.kind {
            let exit = exit.map_or_else(|| "nobody knows how it ended".to_owned(), |code| format!("exit {code}"));
            _ = writeln!(body, "{:?} {host}: {exit}, sha256 {sha256}\n$ {command}\n{output}", event.at);
        }
    }
    (!body.is_empty()).then(|| (format!("the answers to {id}"), format!("runbook {}", book.name), body))
}

/// The end of lines, and how many are left out before it.
fn cut<'a>(lines: impl Iterator<Item = &'a str>, before: usize) -> String {
    let lines: Vec<&str> = lines.collect();
    let left = lines.len().saturating_sub(LINES);
    let mut text = String::new();
    if before + left > 0 {
        _ = writeln!(text, "({} lines before these are not kept)", before + left);
    }
    for line in lines.iter().skip(left) {
        text.push_str(line);
        text.push('\n');
    }
    text
}
