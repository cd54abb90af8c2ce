//! Everything a person can do, with the words for it.
use super::{Action, Danger, Entry, Motion, Scope};
use crate::core::{
    incidents::{IncidentAction, document::DocumentAction, suspects::SuspectAction},
    logs::LogAction,
    replay::ReplayAction,
    runbooks::RunbookAction,
    runs::PipelineVerb,
    screen::pipeline::PipelineAction,
};

const fn entry(id: &'static str, action: Action, hint: &'static str, words: &'static str) -> Entry {
    Entry { id, action, words, hint, scope: Scope::Everywhere, danger: Danger::None }
}

const fn log(id: &'static str, action: LogAction, hint: &'static str, words: &'static str) -> Entry {
    entry(id, Action::Log(action), hint, words).within(Scope::Logs)
}

const fn case(id: &'static str, action: IncidentAction, hint: &'static str, words: &'static str) -> Entry {
    entry(id, Action::Incident(action), hint, words).within(Scope::Incidents).danger(Danger::Records)
}

const fn suspect(id: &'static str, action: SuspectAction, hint: &'static str, words: &'static str) -> Entry {
    entry(id, Action::Suspect(action), hint, words).within(Scope::Suspects)
}

const fn book(id: &'static str, action: RunbookAction, hint: &'static str, words: &'static str) -> Entry {
    entry(id, Action::Runbook(action), hint, words).within(Scope::Runbook)
}

const fn paper(id: &'static str, action: DocumentAction, hint: &'static str, words: &'static str) -> Entry {
    entry(id, Action::Document(action), hint, words).within(Scope::Document)
}

const fn pipeline(id: &'static str, verb: PipelineVerb, hint: &'static str, words: &'static str) -> Entry {
    entry(id, Action::Pipeline(PipelineAction::Act(verb)), hint, words).within(Scope::Pipeline).danger(Danger::Changes)
}

const fn play(id: &'static str, action: ReplayAction, hint: &'static str, words: &'static str) -> Entry {
    entry(id, Action::Replay(action), hint, words).within(Scope::Replay)
}

impl Entry {
    const fn within(mut self, scope: Scope) -> Self {
        self.scope = scope;
        self
    }

    const fn danger(mut self, danger: Danger) -> Self {
        self.danger = danger;
        self
    }
}

/// Everything a person can do, in help order.
pub const ACTIONS: &[Entry] = &[
    entry("open-help", Action::OpenHelp, "help", "help for the focused pane, searchable"),
    entry("open-palette", Action::OpenPalette, "command", "commands and objects, by fuzzy search"),
    entry("filter-rows", Action::FilterRows, "filter", "filter the rows of this pane; Esc clears"),
    entry("focus-next-pane", Action::FocusNextPane, "pane", "next pane"),
    entry("focus-previous-pane", Action::FocusPreviousPane, "pane", "previous pane"),
    entry("focus-pane-1", Action::FocusPane(1), "pane", "pane 1"),
    entry("focus-pane-2", Action::FocusPane(2), "pane", "pane 2"),
    entry("focus-pane-3", Action::FocusPane(3), "pane", "pane 3"),
    entry("focus-pane-4", Action::FocusPane(4), "pane", "pane 4"),
    entry("focus-pane-5", Action::FocusPane(5), "pane", "pane 5"),
    entry("focus-pane-6", Action::FocusPane(6), "pane", "pane 6"),
    entry("focus-pane-7", Action::FocusPane(7), "pane", "pane 7"),
    entry("focus-pane-8", Action::FocusPane(8), "pane", "pane 8"),
    entry("focus-pane-9", Action::FocusPane(9), "pane", "pane 9"),
    entry("move-down", Action::Move(Motion::Down), "down", "down"),
    entry("move-up", Action::Move(Motion::Up), "up", "up"),
    entry("move-left", Action::Move(Motion::Left), "left", "left, or the day before"),
    entry("move-right", Action::Move(Motion::Right), "right", "right, or the day after"),
    entry("move-top", Action::Move(Motion::Top), "top", "first row"),
    entry("move-bottom", Action::Move(Motion::Bottom), "bottom", "last row"),
    entry("half-page-down", Action::Move(Motion::HalfDown), "down", "half a page down"),
    entry("half-page-up", Action::Move(Motion::HalfUp), "up", "half a page up"),
    entry("page-down", Action::Move(Motion::PageDown), "down", "a page down"),
    entry("page-up", Action::Move(Motion::PageUp), "up", "a page up"),
    entry("open-selected", Action::OpenSelected, "open", "open what the cursor is on"),
    entry("go-back", Action::GoBack, "back", "one level back; closes a box, clears a filter"),
    entry("last-view", Action::LastView, "last view", "the view before this one, like cd -"),
    entry("history-back", Action::HistoryBack, "back", "back in the history of views"),
    entry("history-forward", Action::HistoryForward, "forward", "forward in the history of views"),
    entry("close-view", Action::CloseView, "quit", "close the view; at the root quit"),
    entry("sort-rows", Action::SortRows, "sort", "sort by the next column"),
    entry("zoom-pane", Action::ZoomPane, "wide", "this pane on the whole screen, and back"),
    entry("toggle-time", Action::ToggleTime, "time", "times as UTC, local, or age"),
    entry("copy-line", Action::CopyLine, "copy", "copy the row to the terminal's clipboard"),
    entry("acknowledge-alert", Action::AcknowledgeAlert, "ack", "own the alert for 30 minutes").danger(Danger::Records),
    entry("open-incident", Action::OpenIncident, "incident", "open an incident for it, or go to the one that is open")
        .danger(Danger::Records),
    entry("open-in-words", Action::OpenInWords, "in words", "open an incident in one line of your own")
        .danger(Danger::Records),
    entry(
        "add-note",
        Action::AddNote,
        "note",
        "a note in the incident's timeline: this one, or the newest that is open",
    )
    .danger(Danger::Records),
    entry("resolve-incident", Action::ResolveIncident, "resolve", "say that the incident is over")
        .within(Scope::Incidents)
        .danger(Danger::Records),
    case("next-phase", IncidentAction::NextPhase, "next phase", "go on to the next phase, or see what is missing"),
    case("previous-phase", IncidentAction::PreviousPhase, "back", "go back a phase"),
    case("classify-incident", IncidentAction::Classify, "classify", "what it is, whom it hurts, how bad it is"),
    case("claim-lead", IncidentAction::Claim, "claim", "take the lead"),
    case("give-duty", IncidentAction::GiveDuty, "duties", "who leads, who acts, who tells people"),
    case("change-severity", IncidentAction::ChangeSeverity, "severity", "how bad it is, with the reason"),
    case("add-hypothesis", IncidentAction::AddHypothesis, "hypothesis", "why it may be"),
    case(
        "judge-hypothesis",
        IncidentAction::Judge,
        "judge",
        "what speaks for a hypothesis or against it, or decides it",
    ),
    case("escalate-incident", IncidentAction::Escalate, "escalate", "call somebody else, now"),
    case("set-onset", IncidentAction::SetOnset, "onset", "say when it began; offsets count from there"),
    case("correct-time", IncidentAction::CorrectTime, "time", "say when an entry happened; what was written stays"),
    case("add-task", IncidentAction::AddTask, "task", "something to be done, by whom and until when"),
    case("finish-task", IncidentAction::FinishTask, "done", "say that a task is done"),
    case("link-incident", IncidentAction::Link, "link", "related to another, or merged into it"),
    case(
        "split-incident",
        IncidentAction::Split,
        "split",
        "an incident of its own for the entry; each leads to the other",
    ),
    case(
        "rename-incident",
        IncidentAction::Rename,
        "title",
        "call it something else; what it was stays in the timeline",
    ),
    case("say-mitigated", IncidentAction::Mitigated, "mitigated", "users are helped, whatever the cause"),
    case("show-charts", IncidentAction::Charts, "charts", "the charts of its host, from before it began")
        .danger(Danger::None),
    case("write-section", IncidentAction::WriteSection, "write-up", "root cause, lessons, follow-ups of its document"),
    Entry {
        scope: Scope::Everywhere,
        ..case(
            "pin-evidence",
            IncidentAction::Pin,
            "pin",
            "keep what the cursor is on as evidence of the open incident",
        )
    },
    Entry {
        scope: Scope::Everywhere,
        ..case("pin-screen", IncidentAction::PinScreen, "keep screen", "keep the whole screen as evidence, redacted")
    },
    entry(
        "play-back",
        Action::PlayBack,
        "replay",
        "play the incident back on this terminal; quitting it comes back here",
    )
    .within(Scope::Incidents),
    entry("write-update", Action::WriteUpdate, "update", "write a status update").danger(Danger::Records),
    entry("open-action-menu", Action::OpenActionMenu, "act", "what can be done to it"),
    entry("deploy-service", Action::DeployService, "deploy", "choose what to bring out, then a review")
        .danger(Danger::Changes),
    entry("restart-service", Action::RestartService, "restart", "restart the service, after a review")
        .danger(Danger::Changes),
    entry(
        "roll-back-service",
        Action::RollBackService,
        "roll back",
        "bring the best earlier release back, after a review",
    )
    .danger(Danger::Changes),
    entry("stop-run", Action::StopRun, "stop", "end the run before its next hosts; what was done stays")
        .within(Scope::Runs)
        .danger(Danger::Changes),
    entry("take-run-back", Action::TakeRunBack, "undo", "end the run and take back what it did, after a question")
        .within(Scope::Runs)
        .danger(Danger::Changes),
    entry("approve-run", Action::ApproveRun, "approve", "approve what another person confirmed, after a question")
        .within(Scope::Runs)
        .danger(Danger::Changes),
    entry(
        "skip-snapshot",
        Action::SkipSnapshot,
        "skip look",
        "go on without the snapshot that is being taken of its hosts",
    )
    .within(Scope::Runs)
    .danger(Danger::Records),
    entry("search-output", Action::SearchOutput, "search", "search in the run's output; n and N go from hit to hit")
        .within(Scope::Runs),
    entry("next-found", Action::NextFound, "next", "next hit in the output; where nothing is searched, a note")
        .within(Scope::Runs),
    entry("previous-found", Action::PreviousFound, "previous", "previous hit in the output").within(Scope::Runs),
    entry("set-aside", Action::SetAside, "set aside", "in a review: set aside what is held against the change")
        .within(Scope::Box)
        .danger(Danger::Changes),
    entry("take-run-over", Action::TakeRunOver, "take over", "go on with a run whose console is gone")
        .within(Scope::Runs)
        .danger(Danger::Changes),
    entry(
        "show-pipeline",
        Action::Pipeline(PipelineAction::Show),
        "pipeline",
        "the service's pipeline: its runs, their jobs, the log of what failed",
    ),
    pipeline("approve-pipeline", PipelineVerb::Approve, "approve", "approve what the run waits for, after a review"),
    pipeline("reject-pipeline", PipelineVerb::Reject, "reject", "reject what the run waits for, after a review"),
    pipeline("cancel-pipeline", PipelineVerb::Cancel, "cancel", "cancel the run, after a review"),
    pipeline("rerun-pipeline", PipelineVerb::Rerun, "run again", "run the run again, after a review"),
    pipeline("rerun-failed", PipelineVerb::RerunFailed, "failed jobs", "run its failed jobs again, after a review"),
    pipeline("dispatch-pipeline", PipelineVerb::Dispatch, "begin", "begin a run, after a review"),
    pipeline("hold-pipeline", PipelineVerb::Hold, "hold", "disable it and stop what runs or waits, after a review"),
    pipeline("release-pipeline", PipelineVerb::Release, "release", "enable it again, after a review"),
    entry("arm-write", Action::ArmWrite, "arm", "arm write for this environment, for minutes").danger(Danger::Records),
    entry("disarm-write", Action::DisarmWrite, "disarm", "look only again"),
    entry("reconnect-host", Action::ReconnectHost, "reconnect", "connect to the host again now").within(Scope::Hosts),
    entry("toggle-maintenance", Action::ToggleMaintenance, "maint", "mark planned work in the bars, or not")
        .within(Scope::Services),
    entry("go-overview", Action::GoOverview, "overview", "go to the overview"),
    entry("go-hosts", Action::GoHosts, "hosts", "go to the hosts"),
    entry("go-alerts", Action::GoAlerts, "alerts", "go to the alerts"),
    entry("go-incidents", Action::GoIncidents, "incidents", "go to the incidents"),
    entry("go-runs", Action::GoRuns, "runs", "go to the runs"),
    entry("go-logs", Action::GoLogs, "logs", "go to the logs"),
    entry("open-logs", Action::OpenLogs, "logs", "logs of what the cursor is on"),
    entry("go-handover", Action::GoHandover, "hand-over", "what whoever comes next has to know; they sign it"),
    entry("sign-handover", Action::SignHandover, "sign", "take over what stands in the hand-over, after a question")
        .within(Scope::Handover)
        .danger(Danger::Records),
    entry("make-promise", Action::MakePromise, "promise", "promise something: who, until when, what")
        .within(Scope::Handover)
        .danger(Danger::Records),
    entry("keep-promise", Action::KeepPromise, "kept", "say that the promise under the cursor was kept")
        .within(Scope::Handover)
        .danger(Danger::Records),
    entry("go-audit", Action::GoAudit, "audit", "who did what, from where, and whether the log is whole"),
    entry("go-findings", Action::GoFindings, "findings", "what the vulnerability scanner found, the worst first"),
    entry("pull-findings", Action::PullFindings, "pull", "have the scanner asked now: its calls are counted")
        .within(Scope::Findings)
        .danger(Danger::Records),
    entry("go-maintenance", Action::GoMaintenance, "work", "planned work: what goes on, what comes, what was"),
    entry("add-window", Action::AddWindow, "plan", "plan work on what the cursor is on: its alerts are muted")
        .danger(Danger::Records),
    entry("end-window", Action::EndWindow, "end", "end planned work now, before its time, after a question")
        .within(Scope::Maintenance)
        .danger(Danger::Records),
    entry("go-outbox", Action::GoOutbox, "outbox", "what is to be written and told, and what was not taken"),
    entry("retry-item", Action::RetryItem, "retry", "have the item tried again now")
        .within(Scope::Outbox)
        .danger(Danger::Records),
    entry("edit-item", Action::EditItem, "edit", "edit the text of the item in place, and have it tried again")
        .within(Scope::Outbox)
        .danger(Danger::Records),
    entry("drop-item", Action::DropItem, "drop", "have the item not written, for a reason")
        .within(Scope::Outbox)
        .danger(Danger::Records),
    entry("go-messages", Action::GoMessages, "messages", "what was said on the message line"),
    entry("toggle-mouse", Action::ToggleMouse, "mouse", "mouse on or off; off leaves selection to the terminal"),
    entry("redraw-screen", Action::RedrawScreen, "redraw", "draw everything anew"),
    entry("suspend", Action::Suspend, "suspend", "to the shell; fg comes back"),
    entry("reload-config", Action::ReloadConfig, "reload", "read the configuration again"),
    log(
        "edit-filter",
        LogAction::EditFilter,
        "filter",
        "write the filter: level>=warn path:/api/* dur>1s | top 5 path",
    ),
    log("search-logs", LogAction::Search, "search", "search in these lines; n and N go from hit to hit"),
    log("list-filters", LogAction::ListFilters, "filters", "the filter's terms on and off, and saved filters"),
    log("undo-filter", LogAction::Undo, "undo", "take back the last change of the filter"),
    log("follow-logs", LogAction::Follow, "follow", "follow the newest line; moving up stops it"),
    log("next-error", LogAction::NextError, "error", "next error"),
    log("previous-error", LogAction::PreviousError, "error", "previous error"),
    log("next-warning", LogAction::NextWarning, "warning", "next warning"),
    log("previous-warning", LogAction::PreviousWarning, "warning", "previous warning"),
    log("next-hit", LogAction::NextHit, "hit", "next hit of the search"),
    log("previous-hit", LogAction::PreviousHit, "hit", "previous hit of the search"),
    log("mark-line", LogAction::Mark, "mark", "mark the line, or unmark it"),
    log("next-mark", LogAction::NextMark, "mark", "next mark"),
    log("previous-mark", LogAction::PreviousMark, "mark", "previous mark"),
    log("mark-range", LogAction::Range, "range", "begin a range of lines here, or end it"),
    log("show-context", LogAction::Context, "context", "all lines around this one; the filter is kept"),
    log("keep-value", LogAction::Keep, "keep", "keep lines with this value, pattern or request"),
    log("exclude-value", LogAction::Exclude, "exclude", "leave out lines with this value or pattern"),
    log(
        "next-of-request",
        LogAction::NextOfRequest,
        "id",
        "next line of this request or trace, on any service and host",
    ),
    log("previous-of-request", LogAction::PreviousOfRequest, "id", "previous line of this request or trace"),
    log("unfold-record", LogAction::Unfold, "unfold", "unfold the record: its lines, JSON pretty"),
    log("fold-repeats", LogAction::FoldRepeats, "dedupe", "fold lines that repeat, or not"),
    log("wrap-lines", LogAction::Wrap, "wrap", "break long lines, or cut them"),
    log("turn-clock", LogAction::TurnClock, "time", "times as UTC, local, since the line before, since the mark"),
    log("go-to-time", LogAction::GoToTime, "time", "go to a time: 02:58, -10m, @onset, @deploy"),
    log("earlier-bar", LogAction::EarlierBar, "bar", "the bar before in the histogram"),
    log("later-bar", LogAction::LaterBar, "bar", "the bar after in the histogram"),
    log("zoom-in", LogAction::ZoomIn, "zoom", "halve the time that the histogram spans"),
    log("zoom-out", LogAction::ZoomOut, "zoom", "double it"),
    log("new-since-here", LogAction::NewSinceHere, "new since", "patterns are new when first seen after this line"),
    log("list-columns", LogAction::ListColumns, "columns", "choose columns"),
    log("list-sources", LogAction::ListSources, "sources", "the sources, how they are, and which of them are shown"),
    log(
        "show-web",
        LogAction::Web,
        "web",
        "requests, statuses, latency, top paths and clients of these lines; and back",
    ),
    log("copy-bundle", LogAction::CopyBundle, "bundle", "copy the marked lines with filter and sources, redacted"),
    log("export-lines", LogAction::Export, "export", "write the filtered lines to a file, redacted"),
    log("reveal-record", LogAction::Reveal, "reveal", "show what is redacted in this record; kept on record")
        .danger(Danger::Records),
    log("save-session", LogAction::SaveSession, "save", "keep filters, columns, marks and time under a name"),
    entry(
        "show-suspects",
        Action::Suspect(SuspectAction::Show),
        "suspects",
        "what changed around the incident, ranked",
    )
    .within(Scope::Incidents),
    suspect(
        "show-change",
        SuspectAction::Detail,
        "difference",
        "all that is known of the change: commits, files and lines that differ, reason, who",
    ),
    suspect("choose-suspect", SuspectAction::Choose, "it is", "say that this change probably broke it")
        .danger(Danger::Records),
    suspect("rule-out-suspect", SuspectAction::RuleOut, "not it", "rule the change out").danger(Danger::Records),
    suspect("choose-no-suspect", SuspectAction::Nobody, "none", "say that none of the changes convinces")
        .danger(Danger::Records),
    suspect("look-for-changes", SuspectAction::Again, "ask again", "ask the hosts anew what changed there"),
    entry(
        "show-runbook",
        Action::Runbook(RunbookAction::Show),
        "runbook",
        "the runbooks that fit the incident, step by step",
    )
    .within(Scope::Incidents),
    book("run-step", RunbookAction::Run, "run", "run the step: at once where it only looks, else after a review")
        .danger(Danger::Changes),
    book(
        "step-values",
        RunbookAction::Values,
        "values",
        "say what the steps are given: minutes=10 domain=shop.example",
    ),
    book("tick-step", RunbookAction::Tick, "tick", "say that the step was done, or take that back")
        .danger(Danger::Records),
    book("skip-step", RunbookAction::Skip, "leave out", "say that the step was left out").danger(Danger::Records),
    book(
        "flag-step",
        RunbookAction::Wrong,
        "wrong",
        "say that the step is wrong, and why: qd runbook diff makes a patch of it",
    )
    .danger(Danger::Records),
    paper("show-document", DocumentAction::Show, "document", "the incident's document, and what is owed")
        .within(Scope::Incidents),
    paper("edit-section", DocumentAction::Edit, "write", "write the section here; what you type survives a crash")
        .danger(Danger::Records),
    paper("edit-elsewhere", DocumentAction::EditElsewhere, "$EDITOR", "write the section in $VISUAL or $EDITOR")
        .danger(Danger::Records),
    paper("export-document", DocumentAction::Export, "export", "write the document to a file here"),
    paper("send-document", DocumentAction::Send, "send", "send the document to the incident's tickets, by the outbox")
        .danger(Danger::Records),
    play("pause-replay", ReplayAction::Pause, "pause", "stop the time of the replay, or let it go on"),
    play("next-entry", ReplayAction::Next, "next entry", "go to the next thing that happened"),
    play("previous-entry", ReplayAction::Previous, "previous", "go to the one before, and stop there"),
    play("seek-moment", ReplayAction::Seek, "go to", "go to a moment: +10m, 03:12, @onset, @start, @end"),
    play("replay-faster", ReplayAction::Faster, "faster", "let the time go faster"),
    play("replay-slower", ReplayAction::Slower, "slower", "let the time go slower"),
    entry("quit", Action::Quit, "quit", "end quarterdeck"),
    entry("save-text", Action::SaveText, "save", "save the text that is written, in a box of several lines")
        .within(Scope::Box),
    entry("confirm", Action::Confirm, "confirm", "accept the box").within(Scope::Box),
    entry("say-once", Action::SayOnce, "once", "yes until qd ends, in a box that offers it").within(Scope::Box),
    entry("rename-term", Action::RenameTerm, "name", "name the term of the filter, in the list of filters")
        .within(Scope::Box),
    entry("say-yes", Action::SayYes, "yes", "yes, in a box that asks for it").within(Scope::Box),
    entry("show-commands", Action::ShowCommands, "commands", "the exact commands of the review").within(Scope::Box),
];
