//! What may happen to services, what that tells others, and what it asks for.
use std::sync::Arc;

use super::{CheckResult, Health, uptime::Span};
use crate::core::{
    id::{CheckName, ServiceId},
    inventory::CheckSpec,
    record::{Bucket, Row, StatusUpdate},
    time::Timestamp,
};

/// What happened to services.
#[derive(Clone, Debug, PartialEq)]
pub enum Msg {
    /// The configuration was read: handed in with every update. What did not change keeps its history.
    InventoryReplaced,
    /// This process runs the checks from now on: it holds the lease, or there is no store that works.
    RecordingStarted,
    /// Another process runs the checks from now on.
    RecordingStopped,
    /// Time passed. Sent at least every 100 ms.
    Ticked,
    /// A check ended, here or, read from the store, elsewhere. A second one for the same check and slot changes nothing.
    ResultArrived {
        /// The result.
        result: CheckResult,
        /// Where it comes from.
        origin: Origin,
    },
    /// Stored results that [`State::results_wanted`](super::State::results_wanted) asked for; all of one check in one message.
    ResultsLoaded(Vec<CheckResult>),
    /// Stored buckets: at the start, hours and days as [`State::buckets_wanted`](super::State::buckets_wanted) says; imported ones at any time.
    BucketsLoaded(Vec<Bucket>),
    /// Status updates, stored or new, from any console. One that is known changes nothing.
    StatusUpdatesArrived(Vec<StatusUpdate>),
    /// All declared windows of planned work, past (90 days) and to come.
    MaintenanceReplaced(Vec<Maintenance>),
    /// Somebody wants a service's checks to run now.
    CheckRequested(ServiceId),
}

/// Where a result comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// This process ran the check: the result is to be stored.
    Measured,
    /// The store: another process ran it.
    Stored,
}

/// A window of planned work.
#[derive(Clone, Debug, PartialEq)]
pub struct Maintenance {
    /// The service; none: all.
    pub service: Option<ServiceId>,
    /// From when to when.
    pub span: Span,
}

/// What other slices need to know.
#[derive(Clone, Debug, PartialEq)]
pub enum Fact {
    /// A service is down, confirmed.
    WentDown {
        /// The service.
        service: ServiceId,
        /// The check that says so.
        check: CheckName,
        /// The first failure.
        since: Timestamp,
        /// What the check saw.
        detail: String,
    },
    /// A service that was down answers again.
    Recovered {
        /// The service.
        service: ServiceId,
        /// The first failure.
        since: Timestamp,
        /// The first good answer.
        at: Timestamp,
    },
    /// A service's health changed in any way; the above come beside it.
    HealthChanged {
        /// The service.
        service: ServiceId,
        /// What it was.
        from: Health,
        /// What it is.
        to: Health,
        /// Since when.
        since: Timestamp,
    },
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Ask {
    /// Run a check and send the result with this slot.
    RunCheck {
        /// The check.
        check: Arc<CheckSpec>,
        /// The result's slot.
        slot: Timestamp,
        /// First or second try.
        attempt: Attempt,
    },
}

/// Which try.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Attempt {
    /// As planned.
    Planned,
    /// At once after the first failure.
    Retry,
}

/// What an update brought.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Out {
    /// To be written to the store.
    pub rows: Vec<Row>,
    /// For other slices.
    pub facts: Vec<Fact>,
    /// To be done.
    pub asks: Vec<Ask>,
}
