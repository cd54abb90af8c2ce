//! What may happen to alerts, and what that tells others.
use std::sync::Arc;

use super::{AlertEvent, feed::Measurement};
use crate::core::{
    hosts::{HostSample, Pm2List, UnitState},
    id::{HostName, Operator, Uid},
    record::Row,
    time::Timestamp,
};

/// What happened to alerts.
#[derive(Clone, Debug, PartialEq)]
pub enum Msg {
    /// The configuration was read.
    InventoryReplaced,
    /// This process evaluates the rules from now on.
    RecordingStarted,
    /// Another process does.
    RecordingStopped,
    /// Time passed.
    Ticked,
    /// Something was measured: checks and services by [`feed`](super::feed).
    Measured(Vec<Measurement>),
    /// A host was sampled.
    HostSampled {
        /// The host.
        host: HostName,
        /// What it said.
        sample: Arc<HostSample>,
    },
    /// PM2 on a host was asked.
    Pm2Listed {
        /// The host.
        host: HostName,
        /// What it said.
        list: Arc<Pm2List>,
    },
    /// systemd on a host was asked.
    UnitsRead {
        /// The host.
        host: HostName,
        /// What it said.
        units: Vec<UnitState>,
    },
    /// Stored events, at the start: no news.
    EventsLoaded(Vec<AlertEvent>),
    /// Events from the store, this process's own among them.
    EventsArrived(Vec<AlertEvent>),
    /// Somebody takes an alert for a while.
    AcknowledgeRequested {
        /// The alert.
        alert: Uid,
        /// Who.
        by: Operator,
        /// For how long, in milliseconds.
        for_ms: u64,
        /// Why, where somebody says it.
        reason: Option<String>,
    },
    /// The store refused this event: if it says who owns the alert, it is as it was before.
    NotSaved(AlertEvent),
}

/// What other slices need to know. Each is told once on every console, whoever caused it.
#[derive(Clone, Debug, PartialEq)]
pub enum Fact {
    /// An alert began to fire.
    Fired {
        /// The alert: [`State::alert`](super::State::alert) has it.
        alert: Uid,
    },
    /// It is over.
    Resolved {
        /// The alert.
        alert: Uid,
    },
    /// Somebody owns it for a while.
    Acknowledged {
        /// The alert.
        alert: Uid,
        /// Who.
        by: Operator,
        /// When.
        at: Timestamp,
        /// Until when.
        until: Timestamp,
        /// Whose it was until now, where that was another.
        from: Option<Operator>,
    },
    /// The time of its owner is over and it still fires: it is to be told again.
    AcknowledgementExpired {
        /// The alert.
        alert: Uid,
        /// Who owned it.
        by: Operator,
    },
    /// It flips too often and is damped.
    Flapping {
        /// The alert.
        alert: Uid,
        /// Flips within an hour.
        flips: u32,
    },
}

/// What an update brought.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Out {
    /// To be written to the store.
    pub rows: Vec<Row>,
    /// For other slices.
    pub facts: Vec<Fact>,
}
