//! What happens to hosts, and what it brings.
use std::sync::Arc;

use super::{HostSample, Link, LinkFault, Pm2List, UnitState};
use crate::core::{
    config_files::HostFiles,
    id::HostName,
    record::{HostMinute, Row},
    time::Timestamp,
};

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Msg {
    /// The configuration was read, for the first time or anew.
    InventoryReplaced,
    /// A sample came. It shows that the host is reached, whatever was said before.
    SampleArrived {
        /// Of which host.
        host: HostName,
        /// The sample.
        sample: Box<HostSample>,
    },
    /// Stored minutes of a host were read, oldest first: the past that this process did not see.
    MinutesLoaded {
        /// Of which host.
        host: HostName,
        /// The minutes.
        minutes: Vec<HostMinute>,
    },
    /// PM2's list came.
    Pm2Arrived {
        /// Of which host.
        host: HostName,
        /// The list.
        list: Pm2List,
    },
    /// The units' states came.
    UnitsArrived {
        /// Of which host.
        host: HostName,
        /// The states.
        units: Vec<UnitState>,
    },
    /// Hashes of its configuration files came.
    FilesRead {
        /// Of which host.
        host: HostName,
        /// What it told.
        files: Arc<HostFiles>,
    },
    /// A host was reached or lost.
    LinkChanged {
        /// Which host.
        host: HostName,
        /// How it stands now.
        link: Link,
    },
    /// A source gave up although the host is reached: it has no PM2, or answers nonsense. The source's next reading takes it back.
    SourceEnded {
        /// Of which host.
        host: HostName,
        /// Which source.
        source: &'static str,
        /// Why, sanitised.
        reason: String,
        /// When it is tried again.
        retry_at: Option<Timestamp>,
    },
    /// Time went on.
    Ticked,
}

/// What others may want to know.
#[derive(Clone, Debug, PartialEq)]
pub enum Fact {
    /// A host that was reached is no longer.
    LinkLost {
        /// Which host.
        host: HostName,
        /// Which step failed.
        fault: LinkFault,
        /// What exactly, in one line.
        reason: String,
    },
    /// A host that was lost is reached again.
    LinkRestored {
        /// Which host.
        host: HostName,
        /// Since when it had been lost.
        lost_at: Timestamp,
    },
    /// A host started anew since the last sample.
    Rebooted {
        /// Which host.
        host: HostName,
        /// When, by our clock.
        at: Timestamp,
    },
}

/// What an update brought.
#[derive(Clone, Debug, Default, PartialEq)]
#[must_use = "what is not carried out never happens"]
pub struct Out {
    /// Minutes that are over. Only who records writes them.
    pub rows: Vec<Row>,
    /// For other slices.
    pub facts: Vec<Fact>,
}
