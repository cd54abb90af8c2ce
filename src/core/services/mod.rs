//! Services: check results, what they make of a service, and how much of the time it was up.
use serde::{Deserialize, Serialize};

use super::{id::CheckId, time::Timestamp};

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
