//! The one list of what a person can do. Keys, palette, help, menus and `qd keys` are all made from [`ACTIONS`].
mod table;

use serde::Serialize;

pub use table::ACTIONS;

use super::{
    incidents::{IncidentAction, document::DocumentAction, suspects::SuspectAction},
    logs::LogAction,
    replay::ReplayAction,
    runbooks::RunbookAction,
    screen::pipeline::PipelineAction,
};

/// Something a person can do, by key, palette or menu.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Action {
    /// Shows help of the focused pane.
    OpenHelp,
    /// Opens the command palette.
    OpenPalette,
    /// Filters the focused table.
    FilterRows,
    /// Focuses the next pane.
    FocusNextPane,
    /// Focuses the previous pane.
    FocusPreviousPane,
    /// Focuses the pane with this number, from 1.
    FocusPane(u8),
    /// Moves the cursor.
    Move(Motion),
    /// Opens the selected object.
    OpenSelected,
    /// Goes one level back, closes the box, clears the filter.
    GoBack,
    /// Accepts a box.
    Confirm,
    /// Says yes in a box that asks for `y`.
    SayYes,
    /// Says yes until quarterdeck ends, in a box that offers it.
    SayOnce,
    /// Gives the term of the filter that the list's cursor is on a name.
    RenameTerm,
    /// Goes to the view before this one, and back again.
    LastView,
    /// Goes back in the history of views.
    HistoryBack,
    /// Goes forward in the history of views.
    HistoryForward,
    /// Closes the view; at the root ends the program.
    CloseView,
    /// Ends the program.
    Quit,
    /// Sorts the focused table by its next column.
    SortRows,
    /// Gives the focused pane the whole screen, and back.
    ZoomPane,
    /// Shows times as UTC, local or age.
    ToggleTime,
    /// Copies the selected row.
    CopyLine,
    /// Owns the selected alert for a while.
    AcknowledgeAlert,
    /// Opens an incident for the selected alert or service, or goes to the one that is open.
    OpenIncident,
    /// Opens an incident in one line of one's own.
    OpenInWords,
    /// Adds a note to the open incident.
    AddNote,
    /// Ends the incident.
    ResolveIncident,
    /// Plays the incident back, on this terminal until the replay is quit.
    PlayBack,
    /// Writes a status update.
    WriteUpdate,
    /// Lists what can be done to the selected object.
    OpenActionMenu,
    /// Chooses what is brought out of the selected service, before a review.
    DeployService,
    /// Restarts the selected service, after a review.
    RestartService,
    /// Brings an earlier release of the selected service back, after a review.
    RollBackService,
    /// Has a run end before its next hosts.
    StopRun,
    /// Has what a run did taken back, after a question.
    TakeRunBack,
    /// Searches the output of a run.
    SearchOutput,
    /// Goes to the next line of the output that holds what is searched.
    NextFound,
    /// Goes to the line before.
    PreviousFound,
    /// Goes on without the look at the hosts that is being taken before they are changed.
    SkipSnapshot,
    /// Goes on with a run whose console is gone.
    TakeRunOver,
    /// Approve what another person confirmed.
    ApproveRun,
    /// Set aside what is held against the change under review.
    SetAside,
    /// Arms write for an environment.
    ArmWrite,
    /// Goes back to looking only.
    DisarmWrite,
    /// Connects to the selected host again at once.
    ReconnectHost,
    /// Saves the text of several lines that is written.
    SaveText,
    /// Shows the exact commands of the review.
    ShowCommands,
    /// Counts planned work into or out of what is shown.
    ToggleMaintenance,
    /// Goes to the overview.
    GoOverview,
    /// Goes to the hosts.
    GoHosts,
    /// Goes to the alerts.
    GoAlerts,
    /// Goes to the incidents.
    GoIncidents,
    /// Goes to the runs.
    GoRuns,
    /// Goes to the logs.
    GoLogs,
    /// Goes to the logs of the selected object.
    OpenLogs,
    /// Does something in the log view.
    Log(LogAction),
    /// Does something to an incident.
    Incident(IncidentAction),
    /// Does something about what changed around an incident.
    Suspect(SuspectAction),
    /// Does something with a runbook.
    Runbook(RunbookAction),
    /// Does something about the document of an incident.
    Document(DocumentAction),
    /// Does something about the pipeline of a service.
    Pipeline(PipelineAction),
    /// Goes to the hand-over.
    GoHandover,
    /// Takes over, after a question.
    SignHandover,
    /// Promises something.
    MakePromise,
    /// Says that the promise under the cursor was kept.
    KeepPromise,
    /// Does something about a replay.
    Replay(ReplayAction),
    /// Goes to the audit log.
    GoAudit,
    /// Goes to what the scanner found.
    GoFindings,
    /// Has the scanner asked now.
    PullFindings,
    /// Goes to planned work.
    GoMaintenance,
    /// Declares a window of planned work.
    AddWindow,
    /// Ends the selected window of planned work, after a question.
    EndWindow,
    /// Goes to what is to be written to trackers.
    GoOutbox,
    /// Has the selected item of the outbox tried again.
    RetryItem,
    /// Edits the text of the selected item of the outbox.
    EditItem,
    /// Has the selected item of the outbox not written, for a reason.
    DropItem,
    /// Lists past messages.
    GoMessages,
    /// Turns the mouse on or off.
    ToggleMouse,
    /// Draws everything anew.
    RedrawScreen,
    /// Suspends the program.
    Suspend,
    /// Reads the configuration again.
    ReloadConfig,
}

/// How the cursor moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Motion {
    /// One row down.
    Down,
    /// One row up.
    Up,
    /// One column or day left.
    Left,
    /// One column or day right.
    Right,
    /// To the first row.
    Top,
    /// To the last row.
    Bottom,
    /// Half a page down.
    HalfDown,
    /// Half a page up.
    HalfUp,
    /// A page down.
    PageDown,
    /// A page up.
    PageUp,
}

/// Where an action makes sense. The keymap looks a key up in the focused scope first, then everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// In every view, no box open.
    Everywhere,
    /// Services pane and service detail.
    Services,
    /// Hosts pane and host detail.
    Hosts,
    /// Alerts pane and view.
    Alerts,
    /// Incident list and detail.
    Incidents,
    /// Run list and detail.
    Runs,
    /// The days of a service.
    Days,
    /// The log view.
    Logs,
    /// What changed around an incident.
    Suspects,
    /// The runbook beside an incident.
    Runbook,
    /// The document of an incident.
    Document,
    /// The hand-over.
    Handover,
    /// What the scanner found.
    Findings,
    /// The pipeline of a service.
    Pipeline,
    /// Planned work.
    Maintenance,
    /// The outbox.
    Outbox,
    /// An incident that is played back, in every view.
    Replay,
    /// Any box that is open.
    Box,
}

impl Scope {
    /// Its name in keymap files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Everywhere => "everywhere",
            Self::Services => "services",
            Self::Hosts => "hosts",
            Self::Alerts => "alerts",
            Self::Incidents => "incidents",
            Self::Runs => "runs",
            Self::Days => "days",
            Self::Logs => "logs",
            Self::Suspects => "suspects",
            Self::Runbook => "runbook",
            Self::Document => "document",
            Self::Handover => "handover",
            Self::Findings => "findings",
            Self::Pipeline => "pipeline",
            Self::Maintenance => "maintenance",
            Self::Outbox => "outbox",
            Self::Replay => "replay",
            Self::Box => "box",
        }
    }

    /// Every scope, in help order.
    pub const ALL: &'static [Self] = &[
        Self::Everywhere,
        Self::Services,
        Self::Days,
        Self::Hosts,
        Self::Alerts,
        Self::Incidents,
        Self::Runs,
        Self::Logs,
        Self::Suspects,
        Self::Runbook,
        Self::Document,
        Self::Handover,
        Self::Findings,
        Self::Pipeline,
        Self::Maintenance,
        Self::Outbox,
        Self::Replay,
        Self::Box,
    ];
}

/// What an action may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Danger {
    /// Only looks.
    None,
    /// Writes to our own store.
    Records,
    /// Changes a system, always after a review.
    Changes,
}

/// An action's entry.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// Its id in keymaps and on the command line: verb-noun.
    pub id: &'static str,
    /// What it is.
    pub action: Action,
    /// What a person reads, in lower case.
    pub words: &'static str,
    /// One or two words for the last line.
    pub hint: &'static str,
    /// Where it makes sense.
    pub scope: Scope,
    /// What it may do.
    pub danger: Danger,
}

impl Action {
    /// Finds an action by its id.
    pub fn by_id(id: &str) -> Option<Self> {
        ACTIONS.iter().find(|entry| entry.id == id).map(|entry| entry.action)
    }

    /// Returns its entry; every action has one, which a test holds.
    pub fn entry(self) -> Option<&'static Entry> {
        ACTIONS.iter().find(|entry| entry.action == self)
    }
}

#[cfg(test)]
mod tests;
