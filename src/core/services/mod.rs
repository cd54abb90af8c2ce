//! Services: check results, what they make of a service, and how much of the time it was up.
//!
//! [`schedule`] says when a check starts, [`verdict`] what its results make of it, [`uptime`] how much of the time the
//! service was up (with the formula and its edges), [`figure`] how that is told, [`days`] how a day looks. [`State`] holds it all together.
use serde::{Deserialize, Serialize};

use super::{id::CheckId, time::Timestamp};

pub mod days;
pub mod figure;
pub mod maintenance;
mod message;
pub mod schedule;
mod service;
mod state;
pub mod uptime;
pub mod verdict;

pub use message::{Ask, Attempt, Fact, Maintenance, Msg, Origin, Out};
pub use service::{CheckState, Failing, Figures, Reading, ServiceState};
pub use state::{Indicator, State, Want, indicator, update};

/// What one run of a check saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// All expectations met.
    Up,
    /// Met, but slow or soon to break (a certificate about to expire).
    Degraded,
    /// Not met: the service answered wrongly or not at all.
    Down,
    /// The check itself could not be made (no way to its host): says nothing about the service.
    Unknown,
}

/// A service's state on screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// Works.
    Up,
    /// Works, badly.
    Degraded,
    /// Does not work.
    Down,
    /// Planned work is going on.
    Maintenance,
    /// Nobody knows: no result, or only old ones.
    Unknown,
}

/// The result of one run of one check.
#[derive(Clone, Debug, PartialEq)]
pub struct CheckResult {
    /// Which check.
    pub check: CheckId,
    /// The planned start, which with `check` is the key: two recorders cannot write the same result twice.
    pub slot: Timestamp,
    /// When it ended.
    pub at: Timestamp,
    /// What it saw.
    pub outcome: Outcome,
    /// How long it took, in milliseconds; none when there was no answer.
    pub took_ms: Option<u32>,
    /// One sanitised line that says what was seen: `503, expected 2xx`.
    pub detail: String,
    /// When the certificate that was shown expires.
    pub cert_not_after: Option<Timestamp>,
}

/// How a stretch of time divides, in milliseconds. Everything not in one of the parts was not recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Split {
    /// Up, degraded not included.
    pub up_ms: i64,
    /// Degraded, which counts as up.
    pub degraded_ms: i64,
    /// Down.
    pub down_ms: i64,
    /// Planned work, outside of every percentage.
    pub maintenance_ms: i64,
    /// Nobody was recording, or the check could not be made.
    pub unknown_ms: i64,
}

#[cfg(test)]
pub(crate) mod testing {
    use std::sync::Arc;

    use crate::core::{
        id::{CheckId, ServiceId},
        inventory::{CheckSpec, Inventory, Params, Service},
        services::{CheckResult, Outcome},
        time::Timestamp,
    };

    pub(crate) fn id(text: &str) -> CheckId {
        text.parse().unwrap()
    }

    pub(crate) fn check(text: &str, every: i64, timeout: i64, fail_after: u32) -> Arc<CheckSpec> {
        Arc::new(CheckSpec {
            id: id(text),
            kind: "http".into(),
            every_ms: every.unsigned_abs(),
            timeout_ms: timeout.unsigned_abs(),
            fail_after,
            slow_ms: None,
            on: None,
            params: Params::new(),
        })
    }

    /// Builds an inventory whose services are those of the checks, in order.
    pub(crate) fn inventory(checks: &[Arc<CheckSpec>]) -> Inventory {
        let mut inventory = Inventory::default();
        let mut ids: Vec<ServiceId> = checks.iter().map(|check| check.id.service.clone()).collect();
        ids.dedup();
        for id in ids {
            inventory.services.push(Arc::new(Service {
                checks: checks.iter().filter(|check| check.id.service == id).cloned().collect(),
                ..Service::new(id)
            }));
        }
        inventory
    }

    pub(crate) fn result(check: &str, slot: i64, outcome: Outcome) -> CheckResult {
        CheckResult {
            check: id(check),
            slot: Timestamp(slot),
            at: Timestamp(slot + 40),
            outcome,
            took_ms: (outcome != Outcome::Down).then_some(40),
            detail: format!("{outcome:?}").to_lowercase(),
            cert_not_after: None,
        }
    }
}
