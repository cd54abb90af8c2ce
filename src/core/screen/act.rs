//! What an action does: to the screen, to the slices, to the outside.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a box, or a cursor on another kind of row, ignores what is not for it"
)]
use super::{
    Draft, Overlay, Pane, RowKey, TimeDisplay, Tone, View, boxes, documents, findings, form, found, handover, items,
    logs, offers, pin, pipeline, refusal, replay, respond, rows, runbooks, suspects, windows,
};
use crate::core::{
    Effect, State,
    action::{Action, Motion},
    alerts,
    alerts::Target,
    id::{EnvName, HostName, ServiceId, Uid},
    incidents,
    logs::LogAction,
    outbox,
    record::DeclaredState,
    runs,
    time::Now,
};

/// Applies an action.
pub fn act(state: &mut State, action: Action, now: Now) -> Vec<Effect> {
    state.screen.went_on();
    if state.runs.review.is_some() {
        return boxes::in_review(state, action, now);
    }
    if state.screen.overlay.is_some() {
        return boxes::in_overlay(state, action, now);
    }
    in_view(state, action, now)
}

pub(super) fn go(state: &mut State, view: View, now: Now) -> Vec<Effect> {
    state.screen.go(view);
    rows::refresh(state, now, true);
    logs::arrived(state)
}

#[expect(clippy::too_many_lines, reason = "one arm for each action")]
pub(super) fn in_view(state: &mut State, action: Action, now: Now) -> Vec<Effect> {
    if let Some(why) = refusal::why_not(state, action, now) {
        state.screen.say(now, Tone::Info, why);
        return Vec::new();
    }
    match action {
        Action::OpenHelp => state.screen.open(Overlay::Help),
        Action::OpenPalette => state.screen.open(Overlay::Palette),
        Action::FilterRows => {
            let pane = state.screen.pane();
            state.screen.open(Overlay::Filter(pane));
        }
        Action::FocusNextPane => turn_focus(state, 1),
        Action::FocusPreviousPane => turn_focus(state, -1),
        Action::FocusPane(digit) => {
            let index = usize::from(digit.saturating_sub(1));
            let again = state.screen.focus.get(&state.screen.view).copied().unwrap_or(0) == index;
            state.screen.focus.insert(state.screen.view.clone(), index);
            // On a small terminal a pane that is not drawn opens over the whole screen. Before the first drawing of a view
            // nobody knows which those are.
            let drawn = &state.screen.layout.panes;
            let hidden = !drawn.is_empty() && !drawn.iter().any(|facts| facts.pane == state.screen.pane());
            state.screen.zoomed = if again { state.screen.zoomed } else { hidden };
        }
        Action::Move(motion) if state.screen.pane() == Pane::Lines => return logs::moved(state, motion),
        Action::Move(motion @ (Motion::Left | Motion::Right)) if state.screen.pane() == Pane::Histogram => {
            let bar = if motion == Motion::Left { LogAction::EarlierBar } else { LogAction::LaterBar };
            return logs::act(state, bar, now);
        }
        Action::Move(motion) => state.screen.move_cursor(motion, now),
        Action::OpenSelected => return open_selected(state, now),
        Action::GoBack => return back(state, now),
        Action::LastView => {
            state.screen.go_last();
            rows::refresh(state, now, true);
            return logs::arrived(state);
        }
        Action::HistoryBack => {
            state.screen.go_back();
            rows::refresh(state, now, true);
            return logs::arrived(state);
        }
        Action::HistoryForward => {
            state.screen.go_forward();
            rows::refresh(state, now, true);
            return logs::arrived(state);
        }
        Action::CloseView => {
            return match state.screen.view {
                View::Overview if !state.screen.zoomed => quit(state),
                _ => back(state, now),
            };
        }
        Action::Quit => return quit(state),
        Action::SortRows => {
            let pane = state.screen.pane();
            *state.screen.sort.entry(pane).or_default() += 1;
            rows::refresh(state, now, true);
            let order = state.screen.order_of(pane).map_or("", super::order::Order::words);
            state.screen.say(now, Tone::Info, format!("sorted {order}"));
        }
        Action::ZoomPane => state.screen.zoomed = !state.screen.zoomed,
        Action::ToggleTime => {
            state.screen.time = match state.screen.time {
                TimeDisplay::Utc => TimeDisplay::Local,
                TimeDisplay::Local => TimeDisplay::Age,
                TimeDisplay::Age => TimeDisplay::Utc,
            };
            let says = match state.screen.time {
                TimeDisplay::Utc => "times are in UTC".to_owned(),
                TimeDisplay::Local => format!("times are in {}", state.inventory.display.timezone),
                TimeDisplay::Age => "times say how long ago".to_owned(),
            };
            state.screen.say(now, Tone::Info, says);
        }
        Action::CopyLine if matches!(state.screen.pane(), Pane::Lines | Pane::Fields) => {
            return logs::copy(state, false);
        }
        Action::CopyLine if state.screen.pane() == Pane::Handover => return handover::copy(state, now),
        Action::CopyLine => {
            let pane = state.screen.pane();
            if let Some(row) = state.screen.cursor(pane).cloned() {
                return vec![Effect::Copy { text: rows::text(state, pane, &row) }];
            }
        }
        Action::AcknowledgeAlert => return respond::acknowledge(state, now),
        Action::OpenIncident => return respond::open_incident(state, now),
        Action::OpenInWords => state.screen.open(Overlay::InWords { service: selected_service(state) }),
        Action::AddNote => {
            if let Some(incident) = pin::incident(state) {
                state.screen.open(Overlay::Note { incident });
            }
        }
        Action::ResolveIncident => return respond::resolve_incident(state, now),
        Action::WriteUpdate => {
            let incident = if state.screen.pane() == Pane::Services { None } else { selected_incident(state) };
            let named = incident.and_then(|uid| state.incidents.incidents.get(&uid));
            let service = named.and_then(|of| of.service.clone()).or_else(|| selected_service(state));
            let found = named.or_else(|| state.incidents.to_tell_of(service.as_ref()?));
            let declared = found.map_or(DeclaredState::Investigating, incidents::Incident::to_declare);
            state.screen.open(Overlay::Update { service, incident, state: declared, whole: false });
        }
        Action::OpenActionMenu => open_menu(state, now),
        Action::DeployService => return offers::open(state, now),
        Action::RestartService => return change_selected(state, runs::Wanted::Restart, now),
        Action::RollBackService => return change_selected(state, runs::Wanted::Rollback { to: None }, now),
        Action::StopRun => {
            if let Some(run) = selected_run(state) {
                state.screen.say(now, Tone::Info, "it ends before its next hosts");
                return state.runs_update(runs::Msg::Stopped { run, undo: false }, now);
            }
        }
        Action::TakeRunBack => {
            if let Some(run) = selected_run(state) {
                state.screen.open(Overlay::TakeBack { run });
            }
        }
        Action::ApproveRun => {
            if let Some(run) = selected_run(state) {
                state.screen.open(Overlay::Approve { run });
            }
        }
        Action::SkipSnapshot => {
            if let Some(run) = selected_run(state) {
                state.screen.say(now, Tone::Info, "it goes on without the rest of the snapshot");
                return state.runs_update(runs::Msg::SnapshotSkipped { run }, now);
            }
        }
        Action::SearchOutput => return found::open(state, now),
        Action::NextFound if found::wanted(state).is_empty() => return in_view(state, Action::AddNote, now),
        Action::NextFound => found::step(state, true, now),
        Action::PreviousFound => found::step(state, false, now),
        Action::TakeRunOver => {
            if let Some(run) = selected_run(state) {
                return state.runs_update(runs::Msg::Adopted { run }, now);
            }
        }
        Action::ArmWrite => {
            if let Some(env) = offered_env(state) {
                state.screen.open(Overlay::Arm { env });
            }
        }
        Action::DisarmWrite => {
            state.screen.say(now, Tone::Info, "looking only");
            return state.runs_update(runs::Msg::WriteDisarmed, now);
        }
        Action::ReconnectHost => {
            if let Some(host) = selected_host(state) {
                state.screen.say(now, Tone::Info, format!("connecting to {host} again"));
                return vec![Effect::Reconnect { host }];
            }
        }
        Action::ToggleMaintenance => {
            state.screen.maintenance = !state.screen.maintenance;
            let says = if state.screen.maintenance {
                "planned work is marked"
            } else {
                "planned work is left out of the bars"
            };
            state.screen.say(now, Tone::Info, says);
        }
        Action::GoOverview => return go(state, View::Overview, now),
        Action::GoHosts => return go(state, View::Hosts, now),
        Action::GoAlerts => return go(state, View::Alerts, now),
        Action::GoIncidents => return go(state, View::Incidents, now),
        Action::GoRuns => return go(state, View::Runs, now),
        Action::GoLogs => return go(state, View::Logs, now),
        Action::OpenLogs => return logs::open(state, now),
        Action::Log(action) => return logs::act(state, action, now),
        Action::Incident(action) => return form::begin(state, action, now),
        Action::Suspect(action) => return suspects::act(state, action, now),
        Action::Runbook(action) => return runbooks::act(state, action, now),
        Action::Document(action) => return documents::act(state, action, now),
        Action::GoHandover => {
            let mut effects = go(state, View::Handover, now);
            effects.push(Effect::ReadAudit);
            return effects;
        }
        Action::Replay(action) => return replay::act(state, action),
        Action::PlayBack => return respond::play_back(state),
        Action::SignHandover => handover::ask(state, now),
        Action::MakePromise => state.screen.open(Overlay::Promise),
        Action::KeepPromise => return handover::keep(state, now),
        Action::GoAudit => return go(state, View::Audit, now),
        Action::GoFindings => return go(state, View::Findings, now),
        Action::PullFindings => {
            state.screen.say(now, Tone::Info, "the scanner is asked: that may take minutes");
            return state.pull_findings(now, true);
        }
        Action::GoMaintenance => return go(state, View::Maintenance, now),
        Action::AddWindow => windows::open(state),
        Action::EndWindow => windows::ask(state, now),
        Action::GoOutbox => return go(state, View::Outbox, now),
        Action::RetryItem => {
            if let Some(token) = selected_item(state) {
                state.screen.say(now, Tone::Info, format!("{token} is tried again"));
                return state.outbox_update(outbox::Msg::RetryAsked { token }, now);
            }
        }
        Action::EditItem => {
            if let Some(token) = selected_item(state) {
                items::open(state, token, now);
            }
        }
        Action::DropItem => {
            if let Some(token) = selected_item(state) {
                state.screen.open(Overlay::Drop { token });
            }
        }
        Action::Pipeline(action) => return pipeline::act(state, action, now),
        Action::GoMessages => return go(state, View::Messages, now),
        Action::ToggleMouse => {
            state.screen.mouse = !state.screen.mouse;
            let text =
                if state.screen.mouse { "mouse on: selecting text is off until it is off again" } else { "mouse off" };
            state.screen.say(now, Tone::Info, text);
            return vec![Effect::SetMouse { on: state.screen.mouse }];
        }
        Action::RedrawScreen => return vec![Effect::Redraw],
        Action::Suspend => return vec![Effect::Suspend],
        Action::ReloadConfig => return vec![Effect::ReloadConfig],
        Action::Confirm
        | Action::SayYes
        | Action::SayOnce
        | Action::RenameTerm
        | Action::SaveText
        | Action::ShowCommands
        | Action::SetAside => {}
    }
    Vec::new()
}

fn quit(state: &mut State) -> Vec<Effect> {
    let mine = state.actor.by.clone();
    let run = state.runs.unfinished().any(|run| run.by == mine);
    // What goes on in a replay is long over, and nothing is lost with it.
    if state.screen.replay.is_none() && (run || (state.screen.demo && state.screen.wrote)) {
        state.screen.open(Overlay::Quit);
        return Vec::new();
    }
    vec![Effect::Quit]
}

fn turn_focus(state: &mut State, by: isize) {
    let all = state.screen.view.panes();
    // Panes that the size leaves out are reached by their digit, not by walking into the unseen.
    let drawn: Vec<usize> = (0..all.len())
        .filter(|index| {
            let pane = all.get(*index);
            state.screen.layout.panes.is_empty()
                || state.screen.layout.panes.iter().any(|facts| Some(&facts.pane) == pane)
        })
        .collect();
    let current = state.screen.focus.get(&state.screen.view).copied().unwrap_or(0);
    let at = drawn.iter().position(|index| *index == current).unwrap_or(0);
    let len = drawn.len().max(1);
    let next = (at + len).saturating_add_signed(by) % len;
    if let Some(index) = drawn.get(next) {
        state.screen.focus.insert(state.screen.view.clone(), *index);
    }
}

fn back(state: &mut State, now: Now) -> Vec<Effect> {
    let pane = state.screen.pane();
    if let Some(effects) = logs::back(state) {
        return effects;
    }
    if !state.screen.draft(Draft::Filter(pane)).is_empty() {
        state.screen.drafts.remove(&Draft::Filter(pane));
        rows::refresh(state, now, true);
    } else if found::forget(state) {
        rows::refresh(state, now, false);
    } else if state.screen.zoomed {
        state.screen.zoomed = false;
    } else if state.screen.output_of.take().is_some() {
        rows::refresh(state, now, false);
    } else if state.screen.view != View::Overview {
        // Up from any view ends at the overview, which is the root: nothing is above it.
        if !state.screen.go_back() {
            state.screen.view = View::Overview;
            state.screen.arrived();
        }
        rows::refresh(state, now, true);
        return logs::arrived(state);
    }
    Vec::new()
}

fn open_selected(state: &mut State, now: Now) -> Vec<Effect> {
    if let Some(effects) = logs::entered(state, now) {
        return effects;
    }
    if pipeline::open(state, now) {
        return Vec::new();
    }
    let key = state.screen.cursor(state.screen.pane()).cloned();
    if let (View::Run(_), Some(RowKey::Host(host))) = (&state.screen.view, &key) {
        // Its output alone; once more, and it is that of all.
        state.screen.output_of = Some(host.clone()).filter(|host| state.screen.output_of.as_ref() != Some(host));
        rows::refresh(state, now, false);
        return Vec::new();
    }
    if let (View::Outbox, Some(RowKey::Item(token))) = (&state.screen.view, &key) {
        return state.outbox_preview(*token).map_or_else(Vec::new, |order| vec![Effect::Preview(Box::new(order))]);
    }
    let Some(view) = opens(state) else {
        state.screen.zoomed = !state.screen.zoomed;
        return Vec::new();
    };
    let effects = go(state, view, now);
    // The alert stays under the cursor when its pane opens as a view.
    if let (Some(key @ RowKey::Alert(_)), View::Alerts) = (key, &state.screen.view) {
        state.screen.cursors.insert((View::Alerts, Pane::Alerts), key);
        state.screen.hold();
    }
    effects
}

/// Returns the view that the object under the cursor opens.
pub fn opens(state: &State) -> Option<View> {
    match state.screen.cursor(state.screen.pane())? {
        RowKey::Service(id) => Some(View::Service(id.clone())),
        RowKey::Host(_) if matches!(state.screen.view, View::Run(_)) => None,
        RowKey::Host(name) => Some(View::Host(name.clone())),
        RowKey::Alert(uid) if state.screen.view == View::Alerts => {
            state.alerts.alert(*uid).map(|alert| view_of(&alert.target))
        }
        RowKey::Alert(_) => Some(View::Alerts),
        RowKey::Incident(uid) => Some(View::Incident(*uid)),
        RowKey::Run(uid) => Some(View::Run(*uid)),
        RowKey::Entry(seq) => {
            let run = state.audit.entry(*seq)?.run()?;
            state.runs.runs.contains_key(&run).then_some(View::Run(run))
        }
        RowKey::Pending(_, target) => Some(view_of(target)),
        RowKey::Finding(_) => findings::host(state).map(View::Host),
        RowKey::PipelineRun(_)
        | RowKey::PipelineJob(_)
        | RowKey::Change(_)
        | RowKey::Step(_)
        | RowKey::Book(_)
        | RowKey::Item(_)
        | RowKey::Window(_)
        | RowKey::Check(_)
        | RowKey::Process(_)
        | RowKey::Group(_)
        | RowKey::Field(_)
        | RowKey::Index(_) => None,
    }
}

fn view_of(target: &Target) -> View {
    match target {
        Target::Service(id) => View::Service(id.clone()),
        Target::Check(id) => View::Service(id.service.clone()),
        Target::Host(name) | Target::Part { host: name, .. } => View::Host(name.clone()),
    }
}

/// Returns the service that the cursor or the view is about.
pub fn selected_service(state: &State) -> Option<ServiceId> {
    let pane = state.screen.pane();
    let by_row = match state.screen.cursor(pane) {
        Some(RowKey::Service(id)) => Some(id.clone()),
        Some(RowKey::Check(id)) => Some(id.service.clone()),
        Some(RowKey::Alert(uid)) => state.alerts.alert(*uid).and_then(|alert| state.alerts.service_of(&alert.target)),
        Some(RowKey::Incident(uid)) => state.incidents.incidents.get(uid).and_then(|i| i.service.clone()),
        Some(RowKey::Run(uid)) => state.runs.runs.get(uid).map(|run| run.plan.service.clone()),
        Some(RowKey::Pending(_, target)) => state.alerts.service_of(target),
        Some(
            RowKey::Host(_)
            | RowKey::PipelineRun(_)
            | RowKey::PipelineJob(_)
            | RowKey::Change(_)
            | RowKey::Step(_)
            | RowKey::Book(_)
            | RowKey::Process(_)
            | RowKey::Group(_)
            | RowKey::Field(_)
            | RowKey::Index(_)
            | RowKey::Entry(_)
            | RowKey::Item(_)
            | RowKey::Window(_)
            | RowKey::Finding(_),
        )
        | None => None,
    };
    let by_view = || match &state.screen.view {
        View::Service(id) | View::Pipeline(id) => Some(id.clone()),
        View::Incident(uid) | View::Suspects(uid) | View::Runbook(uid) | View::Document(uid) => {
            state.incidents.incidents.get(uid).and_then(|incident| incident.service.clone())
        }
        View::Run(uid) => state.runs.runs.get(uid).map(|run| run.plan.service.clone()),
        View::Overview
        | View::Hosts
        | View::Host(_)
        | View::Alerts
        | View::Incidents
        | View::Runs
        | View::Logs
        | View::Web
        | View::Audit
        | View::Handover
        | View::Maintenance
        | View::Findings
        | View::Outbox
        | View::Messages => None,
    };
    by_row.or_else(by_view)
}

pub(super) fn selected_host(state: &State) -> Option<HostName> {
    match (state.screen.cursor(state.screen.pane()), &state.screen.view) {
        (Some(RowKey::Host(name)), _) | (_, View::Host(name)) => Some(name.clone()),
        (Some(RowKey::Finding(_)), _) => findings::host(state),
        _ => None,
    }
}

/// The item of the outbox under the cursor.
pub(super) fn selected_item(state: &State) -> Option<Uid> {
    match state.screen.cursor(Pane::Outbox) {
        Some(RowKey::Item(token)) if state.screen.view == View::Outbox => Some(*token),
        _ => None,
    }
}

/// The run under the cursor, or the one that is shown.
pub fn selected_run(state: &State) -> Option<Uid> {
    match (&state.screen.view, state.screen.cursor(state.screen.pane())) {
        (_, Some(RowKey::Run(run))) | (View::Run(run), _) => Some(*run),
        _ => None,
    }
}

/// The incident that a view is about.
pub(super) fn about<'a>(state: &'a State, view: &View) -> Option<&'a incidents::Incident> {
    let (View::Incident(uid) | View::Suspects(uid) | View::Runbook(uid) | View::Document(uid)) = view else {
        return None;
    };
    state.incidents.incidents.get(uid)
}

/// The incident at hand: that which is looked at, or that one came from, else the newest that is open.
pub fn at_hand(state: &State) -> Option<&incidents::Incident> {
    let looked_at = about(state, &state.screen.view).or_else(|| about(state, state.screen.back.last()?));
    looked_at.or_else(|| state.incidents.newest_open())
}

pub(super) fn selected_incident(state: &State) -> Option<Uid> {
    let by_row = match state.screen.cursor(state.screen.pane()) {
        Some(RowKey::Incident(uid)) => Some(*uid),
        Some(RowKey::Alert(uid)) => state.incident_of_alert(*uid),
        _ => None,
    };
    let by_view = about(state, &state.screen.view).map(|of| of.uid);
    let by_service = || selected_service(state).and_then(|id| state.incidents.in_hand_for(&id)).map(|i| i.uid);
    by_row.or(by_view).or_else(by_service).filter(|uid| state.incidents.incidents.contains_key(uid))
}

pub(super) fn selected_alert(state: &State) -> Option<Uid> {
    let by_row = match state.screen.cursor(state.screen.pane()) {
        Some(RowKey::Alert(uid)) => Some(*uid),
        _ => None,
    };
    // On a service: the alert that says what is wrong with it.
    by_row.or_else(|| {
        let service = selected_service(state)?;
        let of = |alert: &&alerts::Alert| state.alerts.service_of(&alert.target).as_ref() == Some(&service);
        state.alerts.firing().filter(of).min_by_key(|alert| (alert.severity, alert.since)).map(|alert| alert.uid)
    })
}

fn open_menu(state: &mut State, now: Now) {
    let actions = refusal::menu(state, now);
    state.screen.open(Overlay::Menu { actions });
}

fn change_selected(state: &mut State, wanted: runs::Wanted, now: Now) -> Vec<Effect> {
    selected_service(state).map_or_else(Vec::new, |service| change(state, service, wanted, now))
}

/// Asks for a change: its plan opens the review.
pub(in crate::core) fn change(state: &mut State, service: ServiceId, wanted: runs::Wanted, now: Now) -> Vec<Effect> {
    state.screen.drafts.remove(&Draft::Name);
    state.screen.drafts.remove(&Draft::Reason);
    state.screen.review_reason = false;
    let of_pipeline = matches!(wanted, runs::Wanted::Pipeline(_));
    let asks = if of_pipeline { "its pipeline is asked how it stands" } else { "its hosts are asked how they stand" };
    state.screen.say(now, Tone::Info, format!("{service}: {asks}"));
    state.runs_update(runs::Msg::Asked { service, wanted }, now)
}

/// The environment that arming would mean: that of the object under the cursor, else the first production one.
pub(super) fn offered_env(state: &State) -> Option<EnvName> {
    let by_service = selected_service(state).map(|service| service.env);
    let by_host = || selected_host(state).and_then(|host| state.inventory.host(&host)?.env.clone());
    let first = || {
        let all = &state.inventory.environments;
        let production = all.iter().find(|env| env.kind == crate::core::inventory::EnvKind::Production);
        production.or(all.first()).map(|env| env.name.clone())
    };
    by_service.or_else(by_host).or_else(first)
}

#[cfg(test)]
#[path = "own_tests.rs"]
mod own_tests;
