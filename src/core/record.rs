//! Rows: what is written to the store, as data. A row is history: it is added, never changed.
use serde::{Deserialize, Serialize};

use super::{
    alerts::AlertEvent,
    config_files::ConfigFile,
    findings,
    id::{Operator, ServiceId},
    incidents::{IncidentEvent, StoredIncidentEvent},
    outbox::OutboxEvent,
    runs::RunEvent,
    services::{CheckResult, Split},
    time::Timestamp,
    windows::WindowEvent,
};

/// One thing to write.
#[derive(Clone, Debug, PartialEq)]
pub enum Row {
    /// A check result; a second one for the same check and slot is ignored.
    Result(CheckResult),
    /// How an hour or a day of a service divides; replaces what the same source said of the same stretch before.
    Bucket(Bucket),
    /// One minute of a host.
    HostMinute(HostMinute),
    /// An alert's event.
    Alert(AlertEvent),
    /// An incident's event; the store gives the number and the position.
    Incident(IncidentEvent),
    /// A run's event; the store gives the number.
    Run(RunEvent),
    /// An entry of the audit log, chained by hash.
    Audit(Audit),
    /// A status update.
    StatusUpdate(StatusUpdate),
    /// A log pattern that a service is known by; put together with what is known of it already.
    Pattern(super::logs::patterns::KnownPattern),
    /// An event of a write to a tracker; a second one that queues the same write is ignored.
    Outbox(OutboxEvent),
    /// An event of a window of planned work.
    Window(WindowEvent),
    /// A configuration file that was found to be other than it was known.
    ConfigFile(ConfigFile),
    /// What a scanner told.
    Finding(findings::Event),
}

/// How a stretch of a service's time divides.
///
/// The key is (service, start, length, source): an hour and a day may start together. Own buckets are hours of UTC and
/// days of the display time zone (23 to 25 hours); a year of days is what the overview reads, hours serve the last day.
#[derive(Clone, Debug, PartialEq)]
pub struct Bucket {
    /// The service.
    pub service: ServiceId,
    /// Start of the stretch: a full hour in UTC, or the start of a day.
    pub start: Timestamp,
    /// Its length in milliseconds.
    pub length_ms: i64,
    /// How it divides.
    pub split: Split,
    /// `own`, or where it was imported from: `prometheus`, `uptimerobot`.
    pub source: String,
}

impl Bucket {
    /// The source of what this program measured itself.
    pub const OWN: &str = "own";
}

/// One minute of a host, averaged; none where nothing was read.
#[derive(Clone, Debug, PartialEq)]
pub struct HostMinute {
    /// The host.
    pub host: super::id::HostName,
    /// Start of the minute.
    pub at: Timestamp,
    /// CPU in percent.
    pub cpu_pct: Option<f32>,
    /// Memory in percent.
    pub mem_pct: Option<f32>,
    /// One-minute load.
    pub load: Option<f32>,
}

/// An audit entry: who did what, from where, with which result.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Audit {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: Operator,
    /// From where: terminal or `SSH_CONNECTION`.
    pub from: String,
    /// What: `run.confirmed`, `write.armed`, `host_key.accepted`.
    pub what: String,
    /// To what: `play@prod`.
    pub target: String,
    /// More, never a secret.
    pub detail: String,
}

/// A status update: what people were told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StatusUpdate {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: Operator,
    /// About which service; none: about all.
    pub service: Option<ServiceId>,
    /// Declared state, apart from what is measured.
    pub state: DeclaredState,
    /// The text.
    pub text: String,
}

/// What people were told about the state of a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeclaredState {
    /// Somebody looks.
    Investigating,
    /// The cause is known.
    Identified,
    /// Mended, under watch.
    Monitoring,
    /// Over.
    Resolved,
    /// Planned work.
    Maintenance,
}

impl DeclaredState {
    /// All of them, in the order in which they follow on each other.
    pub const ALL: [Self; 5] =
        [Self::Investigating, Self::Identified, Self::Monitoring, Self::Resolved, Self::Maintenance];

    /// Says it in one word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Investigating => "investigating",
            Self::Identified => "identified",
            Self::Monitoring => "monitoring",
            Self::Resolved => "resolved",
            Self::Maintenance => "maintenance",
        }
    }
}

/// What the store has that this console has not seen yet, from any console, in the order of commit.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Changes {
    /// Check results.
    pub results: Vec<CheckResult>,
    /// Alert events.
    pub alerts: Vec<AlertEvent>,
    /// Incident events.
    pub incidents: Vec<StoredIncidentEvent>,
    /// Run events with the run's number.
    pub runs: Vec<(super::id::RunId, RunEvent)>,
    /// Status updates.
    pub updates: Vec<StatusUpdate>,
    /// Events of writes to trackers.
    pub outbox: Vec<OutboxEvent>,
    /// Events of windows of planned work.
    pub windows: Vec<WindowEvent>,
    /// Configuration files that were found to be other than they were known.
    pub files: Vec<ConfigFile>,
    /// What a scanner told that was not known.
    pub findings: Vec<findings::Event>,
    /// Buckets that were written or replaced.
    pub buckets: Vec<Bucket>,
    /// How many rows this version cannot read, and so are missing above.
    pub unreadable: usize,
}

/// Who records.
#[derive(Clone, Debug, PartialEq)]
pub enum Recorder {
    /// The store has not answered yet, in the first moments: checks run, and nothing is amiss.
    Opening,
    /// This process holds the lease.
    Me {
        /// The lease's epoch, which every write carries.
        epoch: u64,
    },
    /// Another process does.
    Other {
        /// Who, as it named itself: `ana@jump pid 8812`.
        owner: String,
    },
    /// Nobody can: the store does not work, and why. Live data are shown, nothing is recorded.
    Nobody {
        /// Why, and what to do.
        why: String,
    },
}
