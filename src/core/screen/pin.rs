//! Evidence: what the cursor is on, redacted, hashed and kept with where it is from.
use super::{Pane, Tone, View, findings, logs, rows, whole};
use crate::core::{
    Effect, State, hosts,
    id::Uid,
    incidents::{IncidentAction, IncidentEventKind, evidence},
    logs::bundle,
    said,
    time::Now,
};

/// The incident that something is noted in or pinned to: the one that is shown, that of the service, else the newest that is open.
pub(super) fn incident(state: &State) -> Option<Uid> {
    super::act::selected_incident(state).or_else(|| state.incidents.newest_open().map(|of| of.uid))
}

/// Returns why nothing can be pinned.
pub(super) fn why_not(state: &State, action: IncidentAction) -> Option<String> {
    if incident(state).is_none() {
        return Some("no incident is open to pin it to: open one first".to_owned());
    }
    (action == IncidentAction::Pin && is_on_nothing(state)).then(|| "put the cursor on what is to be kept".to_owned())
}

/// Says whether the cursor is on nothing that could be kept.
pub(super) fn is_on_nothing(state: &State) -> bool {
    let pane = state.screen.pane();
    !matches!(pane, Pane::Lines | Pane::Fields)
        && state.screen.cursor(pane).is_none()
        && charts(state).is_none()
        && whole::whole(state).is_none()
}

/// The charts of the host in view, before and after what an incident began with.
fn charts(state: &State) -> Option<(String, String, String)> {
    let (View::Host(name), Pane::Charts) = (&state.screen.view, state.screen.pane()) else { return None };
    let host = state.hosts.host(name)?;
    let of = incident(state).and_then(|uid| state.incidents.incidents.get(&uid));
    let last = host.hour().next_back()?.at;
    let around = of.map_or(last, |of| of.onset.as_ref().map_or(of.opened, |onset| onset.at));
    Some(("charts".to_owned(), name.to_string(), hosts::charted(host, around)?))
}

/// Says whether the cursor is on something that was read in logs.
pub(super) fn is_of_logs(state: &State) -> bool {
    matches!(state.screen.view, View::Logs | View::Web)
}

/// What is under the cursor, in words, what it is, and where it is from.
fn body(state: &mut State) -> Option<(String, String, String)> {
    let pane = state.screen.pane();
    if matches!(pane, Pane::Lines | Pane::Fields) {
        let Some(Effect::Copy { text }) = logs::copy(state, true).into_iter().next() else { return None };
        let lines = bundle::count(&text).unwrap_or_default();
        let what = if lines == 1 { "a log line".to_owned() } else { format!("{lines} log lines") };
        return Some((what, "the logs".to_owned(), text));
    }
    if let Some(finding) = findings::evidence(state) {
        return Some(finding);
    }
    if let Some(charts) = charts(state) {
        return Some(charts);
    }
    if let Some(whole) = whole::whole(state) {
        return Some(whole);
    }
    let row = state.screen.cursor(pane)?;
    let source = match &state.screen.view {
        View::Run(uid) => state.run_name(*uid),
        View::Service(id) => id.to_string(),
        View::Pipeline(id) => format!("pipeline of {id}"),
        View::Host(name) => name.to_string(),
        View::Overview
        | View::Hosts
        | View::Alerts
        | View::Incidents
        | View::Incident(_)
        | View::Suspects(_)
        | View::Runbook(_)
        | View::Document(_)
        | View::Runs
        | View::Logs
        | View::Web
        | View::Audit
        | View::Handover
        | View::Maintenance
        | View::Findings
        | View::Outbox
        | View::Messages => "the console".to_owned(),
    };
    Some(("a row".to_owned(), source, rows::text(state, pane, row)))
}

/// Most characters of the title of an incident that is opened for what the cursor is on.
const TITLE: usize = 100;

/// What the cursor is on as evidence, redacted and hashed, and one line that says what it is.
pub(super) fn evidence(state: &mut State) -> Option<(String, IncidentEventKind)> {
    let (what, source, body) = body(state)?;
    let body = state.logs.masked(&body);
    // What stands above the lines of a bundle is the console's own.
    let first = bundle::lines(&body).map(|line| line.text).find(|text| !text.trim().is_empty())?;
    let words: Vec<&str> = first.split_whitespace().collect();
    let title = words.join(" ").chars().take(TITLE).collect();
    Some((title, IncidentEventKind::Pinned { what, source, sha256: evidence::sha256(&body), body }))
}

/// Asks for the screen as it is drawn, for the incident that it is kept with.
pub(super) fn screen(state: &State) -> Vec<Effect> {
    incident(state).map(|incident| Effect::KeepScreen { incident }).into_iter().collect()
}

/// Keeps a screen as evidence, as it was drawn.
pub(in crate::core) fn drawn(state: &mut State, incident: Uid, drawn: &str, now: Now) -> Vec<Effect> {
    let body = state.logs.masked(drawn);
    let kind = IncidentEventKind::Pinned {
        what: "a screen".to_owned(),
        source: "the console".to_owned(),
        sha256: evidence::sha256(&body),
        body,
    };
    said(super::form::write(state, incident, vec![kind], now), "the screen is kept as evidence, redacted and hashed")
}

/// Keeps what the cursor is on as evidence.
pub(super) fn pin(state: &mut State, now: Now) -> Vec<Effect> {
    let Some(uid) = incident(state) else { return Vec::new() };
    let Some((_, kind)) = evidence(state) else {
        state.screen.say(now, Tone::Info, "there is nothing here to keep");
        return Vec::new();
    };
    said(super::form::write(state, uid, vec![kind], now), "kept as evidence, redacted and hashed")
}
