//! Why an action can do nothing where one is: said instead of silence, and left out of hints and menus.
use super::{Draft, Pane, View, act, documents, form, found, handover, items, pipeline, runbooks, suspects, windows};
use crate::core::{
    State,
    action::{ACTIONS, Action, Danger, Scope},
    alerts::Alert,
    incidents::{document::DocumentAction, suspects::SuspectAction},
    runs,
    time::Now,
};

/// Returns why an action would do nothing in the view as it is; none where it does something.
#[expect(clippy::too_many_lines, reason = "one arm for each action")]
pub fn why_not(state: &State, action: Action, now: Now) -> Option<String> {
    let screen = &state.screen;
    if let Some(why) = screen.replay.and_then(|_| not_in_a_replay(action)) {
        return Some(why.to_owned());
    }
    let because = |holds: bool, why: &str| holds.then(|| why.to_owned());
    match action {
        Action::Replay(_) => because(screen.replay.is_none(), "nothing is played back: `qd replay INC-214` does that"),
        Action::AcknowledgeAlert => match act::selected_alert(state) {
            None => Some("no alert here to own: put the cursor on one that fires".to_owned()),
            Some(uid) => because(
                !state.alerts.alert(uid).is_some_and(Alert::is_firing),
                "it does not fire: there is nothing to own",
            ),
        },
        Action::OpenIncident if matches!(screen.view, View::Incident(uid) if act::selected_incident(state) == Some(uid)) => {
            Some("this is the incident".to_owned())
        }
        Action::OpenIncident => because(
            act::selected_alert(state).is_none()
                && act::selected_service(state).is_none()
                && super::findings::under(state).is_none()
                && super::pin::is_on_nothing(state),
            "put the cursor on what an incident is to be opened for: an alert, a service, a host, a line of a log",
        ),
        Action::AddNote => {
            because(super::pin::incident(state).is_none(), "no incident is open to note it in: open one first")
        }
        Action::PlayBack => {
            because(act::selected_incident(state).is_none(), "no incident here to play back: put the cursor on one")
        }
        Action::ResolveIncident => match act::selected_incident(state) {
            None => Some("no incident here to resolve".to_owned()),
            Some(uid) => because(
                state.incidents.incidents.get(&uid).is_some_and(|incident| incident.resolved.is_some()),
                "it is resolved already",
            ),
        },
        Action::DeployService | Action::RestartService | Action::RollBackService => no_restart(state),
        Action::StopRun | Action::TakeRunBack => {
            match act::selected_run(state).and_then(|run| state.runs.runs.get(&run)) {
                None => Some("put the cursor on a run".to_owned()),
                Some(run) if run.is_over() => Some("it is over: a roll-back is a change of its own".to_owned()),
                Some(run) => because(
                    action == Action::TakeRunBack && run.plan.undo_steps.is_empty(),
                    "nothing takes this one back: it can only be stopped",
                ),
            }
        }
        Action::ApproveRun => match act::selected_run(state).and_then(|run| state.runs.runs.get(&run)) {
            None => Some("put the cursor on a run".to_owned()),
            Some(run) => {
                let by = &state.actor.by;
                runs::gate::approve(&state.inventory, &state.runs.armed, run, by, now).err().map(|why| why.to_string())
            }
        },
        Action::SkipSnapshot => match act::selected_run(state).and_then(|run| state.runs.runs.get(&run)) {
            None => Some("put the cursor on a run".to_owned()),
            Some(run) => because(run.snapshots().is_empty(), "no snapshot is being taken of its hosts now"),
        },
        Action::SearchOutput if matches!(screen.view, View::Run(_)) => None,
        Action::SearchOutput => why_not(state, Action::FilterRows, now),
        Action::NextFound if found::wanted(state).is_empty() => why_not(state, Action::AddNote, now),
        Action::PreviousFound => because(
            found::wanted(state).is_empty(),
            "nothing is searched: `search-output` in a run's output looks for a text first",
        ),
        Action::TakeRunOver => match act::selected_run(state).and_then(|run| state.runs.runs.get(&run)) {
            None => Some("put the cursor on a run".to_owned()),
            Some(run) if run.is_over() => Some("it is over".to_owned()),
            Some(run) => because(
                run.coordinator == Some(state.runs.console) && run.permit.is_some(),
                "it goes on from this console already",
            ),
        },
        Action::EditItem => match act::selected_item(state) {
            None => Some("put the cursor on an item of the outbox".to_owned()),
            Some(token) => items::why_not(state, token),
        },
        Action::RetryItem | Action::DropItem => match act::selected_item(state) {
            None => Some("put the cursor on an item of the outbox".to_owned()),
            Some(token) => state.outbox.may_change(token).err(),
        },
        Action::AddWindow | Action::EndWindow => windows::why_not(state, action, now),
        Action::ReconnectHost => {
            because(act::selected_host(state).is_none(), "put the cursor on a host to connect to it again")
        }
        Action::CopyLine if screen.pane() == Pane::Lines => None,
        Action::CopyLine => because(screen.cursor(screen.pane()).is_none(), "no row here to copy"),
        Action::OpenActionMenu => {
            because(menu(state, now).len() < 2, "put the cursor on a service, host, alert or incident")
        }
        Action::ArmWrite => because(act::offered_env(state).is_none(), "no environment is configured"),
        Action::DisarmWrite => {
            because(state.runs.armed.left(now).is_none(), "write is not armed: it only looks already")
        }
        Action::SortRows => because(screen.pane().orders().is_empty(), "these rows have only one order"),
        Action::FilterRows => because(!screen.pane().is_list(), "no rows to filter in this pane"),
        Action::Move(_) if matches!(screen.pane(), Pane::Lines | Pane::Histogram) => None,
        Action::Move(_) => because(screen.rows(screen.pane()).is_empty(), "no rows to move over in this pane"),
        Action::FocusPane(digit) => {
            let panes = screen.view.panes().len();
            because(
                usize::from(digit) > panes,
                &match panes {
                    1 => "this view has one pane".to_owned(),
                    _ => format!("this view has {panes} panes"),
                },
            )
        }
        Action::FocusNextPane | Action::FocusPreviousPane => {
            because(screen.view.panes().len() < 2, "this view has one pane")
        }
        Action::LastView | Action::HistoryBack => because(screen.back.is_empty(), "no view before this one"),
        Action::HistoryForward => because(screen.forward.is_empty(), "no view after this one"),
        Action::ToggleMaintenance => because(
            !matches!(screen.view, View::Overview | View::Service(_)),
            "planned work is marked in the bars of services: none here",
        ),
        Action::GoBack => because(
            screen.view == View::Overview && !screen.zoomed && screen.draft(Draft::Filter(screen.pane())).is_empty(),
            "the overview is the outermost view: q quits",
        ),
        Action::OpenLogs => because(
            act::selected_service(state).is_none() && act::selected_host(state).is_none(),
            "put the cursor on a service or a host to see its logs",
        ),
        Action::PullFindings => state.no_pull(now),
        Action::Pipeline(action) => pipeline::why_not(state, action),
        Action::Incident(action) => form::why_not(state, action),
        Action::Log(_) => {
            because(!matches!(screen.view, View::Logs | View::Web), "this acts in the logs: go to them first")
        }
        Action::Suspect(action) => suspects::why_not(state, action),
        Action::Runbook(action) => runbooks::why_not(state, action),
        Action::Document(action) => documents::why_not(state, action),
        Action::SignHandover | Action::MakePromise | Action::KeepPromise => handover::why_not(state, action, now),
        Action::Confirm
        | Action::SayYes
        | Action::SayOnce
        | Action::RenameTerm
        | Action::SaveText
        | Action::ShowCommands
        | Action::SetAside => Some("no box is open that asks for it".to_owned()),
        Action::NextFound
        | Action::OpenHelp
        | Action::OpenPalette
        | Action::OpenSelected
        | Action::CloseView
        | Action::Quit
        | Action::ZoomPane
        | Action::ToggleTime
        | Action::WriteUpdate
        | Action::OpenInWords
        | Action::GoOverview
        | Action::GoHosts
        | Action::GoAlerts
        | Action::GoIncidents
        | Action::GoRuns
        | Action::GoLogs
        | Action::GoHandover
        | Action::GoAudit
        | Action::GoOutbox
        | Action::GoFindings
        | Action::GoMaintenance
        | Action::GoMessages
        | Action::ToggleMouse
        | Action::RedrawScreen
        | Action::Suspend
        | Action::ReloadConfig => None,
    }
}

/// Returns why an action does nothing while an incident is played back: it would change something, or ask the present.
fn not_in_a_replay(action: Action) -> Option<&'static str> {
    let asks = matches!(
        action,
        Action::GoLogs
            | Action::OpenLogs
            | Action::Log(_)
            | Action::ReconnectHost
            | Action::ReloadConfig
            | Action::Suspect(SuspectAction::Again)
            | Action::Pipeline(_)
    );
    let writes = matches!(action, Action::Document(DocumentAction::Export));
    if asks {
        return Some("this is a replay: no host is asked, and logs are not part of it");
    }
    if action == Action::PlayBack {
        return Some("this is a replay already: quit it first");
    }
    let harmless = !writes && action.entry().is_none_or(|entry| entry.danger == Danger::None);
    (!harmless).then_some("this is a replay: nothing is changed, written or sent")
}

/// Returns why what the cursor or the view is about cannot be restarted.
pub fn no_restart(state: &State) -> Option<String> {
    let Some(id) = act::selected_service(state) else {
        return Some("put the cursor on a service to change it".to_owned());
    };
    match state.inventory.service(&id) {
        None => Some(format!("{id} is no longer configured")),
        Some(found) if found.kind.as_ref() != "external" => None,
        // What has an error is taken for external: to say that it is would hide the error.
        Some(_) if !state.screen.problems.is_empty() => Some(format!(
            "{id} is only watched: it is external, or an error in its configuration forbids it (qd check)"
        )),
        Some(_) => Some(format!("{id} is external: it is watched, never changed from here")),
    }
}

/// Returns what can be done to the object under the cursor, the harmless first.
pub fn menu(state: &State, now: Now) -> Vec<Action> {
    let mut actions = Vec::new();
    if act::opens(state).is_some() {
        actions.push(Action::OpenSelected);
    }
    if act::selected_alert(state).is_some() {
        actions.push(Action::AcknowledgeAlert);
    }
    if act::selected_service(state).is_some() {
        actions.extend([Action::OpenIncident, Action::WriteUpdate, Action::AddWindow]);
    }
    if super::findings::under(state).is_some() {
        actions.extend([Action::OpenIncident, Action::PullFindings]);
    }
    let own = ACTIONS.iter().map(|entry| entry.action).filter(|of| matches!(of, Action::Pipeline(_)));
    actions.extend(own.filter(|of| why_not(state, *of, now).is_none()));
    if no_restart(state).is_none() {
        actions.extend([Action::DeployService, Action::RestartService, Action::RollBackService]);
    }
    if act::selected_host(state).is_some() {
        actions.extend([Action::ReconnectHost, Action::AddWindow]);
    }
    if let Some(uid) = act::selected_incident(state) {
        actions.push(Action::AddNote);
        let own = ACTIONS.iter().filter(|entry| entry.scope == Scope::Incidents).map(|entry| entry.action);
        actions.extend(
            own.filter(|action| matches!(action, Action::Incident(action) if form::why_not(state, *action).is_none())),
        );
        if state.incidents.incidents.get(&uid).is_some_and(|incident| incident.resolved.is_none()) {
            actions.push(Action::ResolveIncident);
        }
    }
    if state.screen.cursor(state.screen.pane()).is_some() {
        actions.push(Action::CopyLine);
    }
    actions
}

impl Pane {
    /// Says whether it holds a list whose rows can be filtered.
    pub const fn is_list(self) -> bool {
        match self {
            Self::Services
            | Self::Hosts
            | Self::Alerts
            | Self::Incidents
            | Self::Updates
            | Self::Checks
            | Self::Runs
            | Self::Processes
            | Self::Timeline
            | Self::Suspects
            | Self::Book
            | Self::Books
            | Self::Output
            | Self::Audit
            | Self::Outbox
            | Self::Windows
            | Self::Findings
            | Self::PipelineRuns
            | Self::JobLog
            | Self::Messages => true,
            Self::Availability
            | Self::Instances
            | Self::Charts
            | Self::Disks
            | Self::Facts
            | Self::Change
            | Self::Difference
            | Self::Looked
            | Self::BookStep
            | Self::Sections
            | Self::Handover
            | Self::Paper
            | Self::Steps
            | Self::Proof
            | Self::PipelineJobs
            | Self::Entry
            | Self::Request
            | Self::Window
            | Self::Finding
            | Self::Histogram
            | Self::Lines
            | Self::Patterns
            | Self::Fields
            | Self::Web(_) => false,
        }
    }
}
