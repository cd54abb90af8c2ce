//! What happened, as data.
use std::sync::Arc;

use super::{
    action::Action,
    alerts, audit, documents, findings, hosts,
    hosts::Question,
    id::{HostName, Uid},
    incidents::{self, StoredIncidentEvent},
    inventory::Inventory,
    logs, outbox, pipelines,
    record::{Changes, Recorder, Row},
    runs,
    screen::{Draft, LayoutFacts, Pane, Tone},
    services,
};

/// Everything that can happen.
#[derive(Clone, Debug, PartialEq)]
pub enum Msg {
    /// The audit log was read; or why it could not be.
    AuditRead(Box<Result<audit::Read, String>>),
    /// All that was asked of the store's past has been handed over.
    HistoryRead,
    /// A person did something, by key, palette or menu.
    Acted(Action),
    /// The text of a draft changed.
    Drafted {
        /// Which draft.
        draft: Draft,
        /// Its text; for a passphrase, as many dots.
        text: String,
    },
    /// A person begins to type in a box whose cursor is on a choice: it goes to the text field.
    TextBegun,
    /// A row was clicked.
    Clicked {
        /// In which pane.
        pane: Pane,
        /// Which of its rows.
        row: usize,
    },
    /// A frame was drawn.
    LaidOut(LayoutFacts),
    /// The terminal got or lost the focus.
    FocusChanged(bool),
    /// Bytes a second to the terminal.
    BytesCounted(f64),
    /// Time went by; at least every 100 ms.
    Ticked,
    /// About services.
    Services(services::Msg),
    /// About hosts.
    Hosts(hosts::Msg),
    /// About alerts.
    Alerts(alerts::Msg),
    /// About pipelines that are looked at.
    Pipelines(pipelines::Msg),
    /// About runs.
    Runs(runs::Msg),
    /// About what changed around incidents.
    Suspects(incidents::suspects::Msg),
    /// About runbooks beside incidents.
    Runbooks(super::runbooks::Msg),
    /// About logs.
    Logs(logs::Msg),
    /// About the outbox.
    Outbox(outbox::Msg),
    /// About findings of the scanner.
    Findings(findings::Msg),
    /// About documents.
    Documents(documents::Msg),
    /// The store was opened: what there is.
    Loaded(Box<Loaded>),
    /// The store has something new.
    Changed(Box<Changes>),
    /// The store refused what a person did: it is taken back, and said.
    NotSaved {
        /// What was not written.
        rows: Vec<Row>,
        /// What the person did: `owning the alert`.
        what: &'static str,
        /// Why it was not written.
        why: String,
    },
    /// Who records changed.
    RecorderChanged(Recorder),
    /// The configuration was read.
    InventoryReplaced {
        /// What it says.
        inventory: Arc<Inventory>,
        /// What it left out, a line each.
        problems: Vec<String>,
    },
    /// A host asks something only a person can answer.
    HostAsked {
        /// Which host.
        host: HostName,
        /// What.
        question: Question,
    },
    /// The screen as it is drawn, which is kept with an incident.
    ScreenDrawn {
        /// Which.
        incident: Uid,
        /// Row by row.
        text: String,
    },
    /// Something to tell the person.
    Said {
        /// How loud.
        tone: Tone,
        /// What.
        text: String,
    },
}

/// What a console starts from.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Loaded {
    /// Alert events.
    pub alerts: Vec<alerts::AlertEvent>,
    /// Incident events.
    pub incidents: Vec<StoredIncidentEvent>,
    /// Run events.
    pub runs: Vec<(super::id::RunId, runs::RunEvent)>,
    /// Status updates.
    pub updates: Vec<super::record::StatusUpdate>,
    /// Events of writes to trackers.
    pub outbox: Vec<outbox::OutboxEvent>,
    /// Events of windows of planned work.
    pub windows: Vec<super::windows::WindowEvent>,
    /// Configuration files as they are known, and what of them changed of late.
    pub files: Vec<super::config_files::ConfigFile>,
    /// Findings as they are known, and what of them changed of late.
    pub findings: Vec<findings::Event>,
}
