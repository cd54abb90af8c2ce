//! Where one may be: views, their panes, and the objects that a cursor can be on.
use crate::core::{
    action::Scope,
    alerts::Target,
    id::{CheckId, HostName, RuleName, ServiceId, Uid},
    windows::Key,
};

/// A view: what fills the screen.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum View {
    /// Services, hosts, alerts and incidents at a glance.
    #[default]
    Overview,
    /// One service.
    Service(ServiceId),
    /// All hosts.
    Hosts,
    /// One host.
    Host(HostName),
    /// All alerts.
    Alerts,
    /// All incidents.
    Incidents,
    /// One incident.
    Incident(Uid),
    /// What changed around an incident.
    Suspects(Uid),
    /// The runbook beside an incident.
    Runbook(Uid),
    /// The document of an incident.
    Document(Uid),
    /// The hand-over.
    Handover,
    /// The pipeline of a service.
    Pipeline(ServiceId),
    /// All runs.
    Runs,
    /// One run.
    Run(Uid),
    /// Logs.
    Logs,
    /// What web servers did, from the same lines.
    Web,
    /// The audit log.
    Audit,
    /// What the scanner found.
    Findings,
    /// Planned work.
    Maintenance,
    /// What is to be written to trackers.
    Outbox,
    /// Past messages.
    Messages,
}

/// A pane: a frame with a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Pane {
    /// Services with their bars.
    Services,
    /// Hosts.
    Hosts,
    /// Alerts.
    Alerts,
    /// Incidents.
    Incidents,
    /// Status updates.
    Updates,
    /// A service's availability by day.
    Availability,
    /// A service's checks.
    Checks,
    /// Where a service runs: PM2 processes and units.
    Instances,
    /// Runs.
    Runs,
    /// A host's charts.
    Charts,
    /// A host's busiest processes.
    Processes,
    /// A host's file systems and network.
    Disks,
    /// An incident's facts.
    Facts,
    /// An incident's timeline.
    Timeline,
    /// What changed around an incident, ranked.
    Suspects,
    /// All about the one that the cursor is on.
    Change,
    /// What it changed.
    Difference,
    /// What was looked at for it.
    Looked,
    /// The steps of a runbook.
    Book,
    /// One of them in full.
    BookStep,
    /// Runbooks.
    Books,
    /// The hand-over.
    Handover,
    /// The sections of a document.
    Sections,
    /// The whole of it.
    Paper,
    /// A run's steps.
    Steps,
    /// A run's output.
    Output,
    /// A run's proof.
    Proof,
    /// The runs of a pipeline.
    PipelineRuns,
    /// The jobs of one of them.
    PipelineJobs,
    /// The end of a job's log.
    JobLog,
    /// Log lines by time and level.
    Histogram,
    /// Log lines.
    Lines,
    /// Patterns of log lines, or what the filter's last stage makes of them.
    Patterns,
    /// A log record, field by field.
    Fields,
    /// One of the tables of the web-server view, from 0.
    Web(u8),
    /// The audit log.
    Audit,
    /// The entry of it that the cursor is on.
    Entry,
    /// What the scanner found.
    Findings,
    /// The finding that the cursor is on.
    Finding,
    /// Windows of planned work.
    Windows,
    /// The window that the cursor is on.
    Window,
    /// What is to be written to trackers.
    Outbox,
    /// The item of it that the cursor is on, and its request.
    Request,
    /// Past messages.
    Messages,
}

impl View {
    /// Whose keys act in all of its panes, besides each pane's own.
    pub const fn scope(&self) -> Option<Scope> {
        match self {
            Self::Incident(_) => Some(Scope::Incidents),
            Self::Service(_)
            | Self::Overview
            | Self::Hosts
            | Self::Host(_)
            | Self::Alerts
            | Self::Incidents
            | Self::Suspects(_)
            | Self::Runbook(_)
            | Self::Document(_)
            | Self::Handover
            | Self::Pipeline(_)
            | Self::Runs
            | Self::Run(_)
            | Self::Logs
            | Self::Web
            | Self::Audit
            | Self::Outbox
            | Self::Maintenance
            | Self::Findings
            | Self::Messages => None,
        }
    }

    /// Its panes in the order of their digits.
    pub const fn panes(&self) -> &'static [Pane] {
        match self {
            Self::Overview => &[Pane::Services, Pane::Hosts, Pane::Alerts, Pane::Incidents, Pane::Updates],
            Self::Service(_) => &[Pane::Availability, Pane::Checks, Pane::Instances, Pane::Runs, Pane::Updates],
            Self::Hosts => &[Pane::Hosts],
            Self::Host(_) => &[Pane::Charts, Pane::Processes, Pane::Instances, Pane::Disks],
            Self::Alerts => &[Pane::Alerts],
            Self::Incidents => &[Pane::Incidents],
            Self::Incident(_) => &[Pane::Timeline, Pane::Facts, Pane::Runs],
            Self::Suspects(_) => &[Pane::Suspects, Pane::Change, Pane::Looked, Pane::Difference],
            Self::Runbook(_) => &[Pane::Book, Pane::BookStep, Pane::Books],
            Self::Document(_) => &[Pane::Sections, Pane::Paper],
            Self::Handover => &[Pane::Handover],
            Self::Pipeline(_) => &[Pane::PipelineRuns, Pane::PipelineJobs, Pane::JobLog],
            Self::Runs => &[Pane::Runs],
            Self::Run(_) => &[Pane::Steps, Pane::Output, Pane::Proof],
            Self::Logs => &[Pane::Histogram, Pane::Lines, Pane::Patterns, Pane::Fields],
            Self::Web => &[
                Pane::Histogram,
                Pane::Web(0),
                Pane::Web(1),
                Pane::Web(2),
                Pane::Web(3),
                Pane::Web(4),
                Pane::Web(5),
                Pane::Web(6),
            ],
            Self::Audit => &[Pane::Audit, Pane::Entry],
            Self::Findings => &[Pane::Findings, Pane::Finding],
            Self::Maintenance => &[Pane::Windows, Pane::Window],
            Self::Outbox => &[Pane::Outbox, Pane::Request],
            Self::Messages => &[Pane::Messages],
        }
    }
}

impl Pane {
    /// Where keys are looked up while it is focused.
    pub const fn scope(self) -> Scope {
        match self {
            Self::Services | Self::Checks => Scope::Services,
            Self::Availability => Scope::Days,
            Self::Histogram | Self::Lines | Self::Patterns | Self::Fields | Self::Web(_) => Scope::Logs,
            Self::Hosts | Self::Charts | Self::Processes | Self::Disks | Self::Instances => Scope::Hosts,
            Self::Alerts => Scope::Alerts,
            Self::Incidents | Self::Facts | Self::Timeline => Scope::Incidents,
            Self::Suspects | Self::Change | Self::Difference | Self::Looked => Scope::Suspects,
            Self::Book | Self::BookStep | Self::Books => Scope::Runbook,
            Self::Sections | Self::Paper => Scope::Document,
            Self::Handover => Scope::Handover,
            Self::Runs | Self::Steps | Self::Output | Self::Proof => Scope::Runs,
            Self::PipelineRuns | Self::PipelineJobs | Self::JobLog => Scope::Pipeline,
            Self::Findings | Self::Finding => Scope::Findings,
            Self::Windows | Self::Window => Scope::Maintenance,
            Self::Outbox | Self::Request => Scope::Outbox,
            Self::Updates | Self::Audit | Self::Entry | Self::Messages => Scope::Everywhere,
        }
    }
}

/// An object that a cursor can be on. The cursor follows the object, not the row.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RowKey {
    /// A service.
    Service(ServiceId),
    /// A host.
    Host(HostName),
    /// An alert.
    Alert(Uid),
    /// An alert that does not fire yet.
    Pending(RuleName, Target),
    /// An incident.
    Incident(Uid),
    /// A run.
    Run(Uid),
    /// A run of a pipeline, by its id.
    PipelineRun(u64),
    /// A job of it, by its id.
    PipelineJob(u64),
    /// A change around the incident in view, by its key.
    Change(String),
    /// A step of the runbook in view, by its id.
    Step(String),
    /// A runbook, by its name.
    Book(String),
    /// A check.
    Check(CheckId),
    /// A process of the host in view.
    Process(u32),
    /// A pattern of log lines, or a group that the filter's last stage counts.
    Group(String),
    /// A field of a log record.
    Field(String),
    /// An entry of the audit log.
    Entry(u64),
    /// What the scanner found, by its key.
    Finding(std::sync::Arc<str>),
    /// A window of planned work.
    Window(Key),
    /// An item of the outbox.
    Item(Uid),
    /// A row that is only a position: a day, a line.
    Index(usize),
}
