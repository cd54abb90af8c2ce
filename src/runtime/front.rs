//! What only the front end can do, and to whom it hands the terminal.
use std::sync::Arc;

use crate::core::{
    documents::DraftName,
    id::{HostName, IncidentId, Uid},
    outbox::TrackerSpec,
};

/// Whom the terminal is handed to.
#[derive(Clone, Debug, PartialEq)]
pub enum Leave {
    /// The person's editor, with a file.
    Edit {
        /// What it is.
        of: DraftName,
        /// Where.
        path: std::path::PathBuf,
    },
    /// A replay.
    PlayBack {
        /// Of which incident.
        incident: IncidentId,
    },
}

/// What only the front end can do: the terminal does it, a program without one says no.
#[derive(Clone, Debug, PartialEq)]
pub enum Front {
    /// Copy text.
    Copy(String),
    /// Unlock a key file with the passphrase that was typed.
    Unlock {
        /// The host that asked.
        host: HostName,
        /// The key file.
        identity: String,
    },
    /// Hand the terminal to another program.
    Leave(Leave),
    /// Try what was typed for `sudo`.
    Sudo {
        /// Where.
        hosts: Vec<HostName>,
    },
    /// Read the configuration again.
    ReloadConfig,
    /// Send the text of the screen, for an incident.
    KeepScreen(Uid),
    /// Mouse on or off.
    SetMouse(bool),
    /// Draw everything anew.
    Redraw,
    /// Ring the bell.
    Bell,
    /// Tell the terminal, as it is configured.
    Ring {
        /// How.
        terminal: Arc<TrackerSpec>,
        /// What it is about.
        title: String,
        /// What happened.
        text: String,
    },
    /// Suspend.
    Suspend,
    /// End.
    Quit,
}
