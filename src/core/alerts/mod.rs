//! Alerts: rules, the states they put their targets in, and who owns them.
//!
//! [`feed`] turns what was read into measurements of the metrics in [`METRICS`]; [`State`] puts them to the rules. A value on
//! the wrong side is *pending* until it has stayed there for the rule's `for`, measured on the monotonic clock; then the
//! alert *fires*, and *resolves* once the value is back past `clear`. What is stored are the events, and an alert is the
//! fold of its events: it survives a restart, and all consoles see the same. Pending is memory of one process.
use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

use super::{
    id::{CheckId, HostName, Operator, RuleName, ServiceId, Uid},
    time::Timestamp,
};

pub mod feed;
mod fold;
mod message;
mod rules;
mod since;
mod state;
mod view;

pub use feed::Measurement;
pub use fold::{Alert, Owned};
pub use message::{Fact, Msg, Out};
pub use rules::{METRICS, Metric, Subject, Unit, builtin_rules, host_of, metric, service_of};
#[cfg(test)]
pub(crate) use state::tests::{listed, process};
pub use state::{State, uid, update};
pub use view::{Counts, Phase, Summary};

/// Milliseconds that an alert is somebody's, where they say nothing else.
pub const OWNED_MS: u64 = 30 * 60_000;

/// How bad, which decides who is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Severity {
    /// Critical: users are hurt, at once.
    P1,
    /// High.
    P2,
    /// Medium.
    P3,
    /// Low: next business day.
    P4,
}

/// A rule as configured: built in, overridden or new.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleSpec {
    /// Its name.
    pub name: RuleName,
    /// What is measured: `host.cpu`, `host.disk_free`, `check.latency`, `service.down` …
    pub metric: String,
    /// Fires while the value is on the wrong side of this.
    pub threshold: Threshold,
    /// Resolves once the value is back past this (hysteresis); none: the threshold itself.
    pub clear: Option<f64>,
    /// Milliseconds that the value must stay bad before it fires.
    pub for_ms: u64,
    /// How bad.
    pub severity: Severity,
    /// Only targets with these: `env`, `service`, `host`, or a label.
    pub matches: BTreeMap<String, String>,
    /// Whether it is evaluated.
    pub enabled: bool,
}

/// Which side of a limit is bad.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Threshold {
    /// Bad above.
    Above(f64),
    /// Bad below.
    Below(f64),
}

/// What an alert is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// A service.
    Service(ServiceId),
    /// One check of a service.
    Check(CheckId),
    /// A host.
    Host(HostName),
    /// Something on a host: a PM2 process, a file system.
    Part {
        /// The host.
        host: HostName,
        /// Which part.
        part: String,
    },
}

impl Target {
    /// Returns the host that it is on.
    pub const fn host(&self) -> Option<&HostName> {
        match self {
            Self::Host(host) | Self::Part { host, .. } => Some(host),
            Self::Service(_) | Self::Check(_) => None,
        }
    }
}

impl fmt::Display for Target {
    /// Writes it as people call it: `play@prod`, `play@prod/page`, `web-01`, `web-01 /var`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Service(id) => write!(f, "{id}"),
            Self::Check(check) => write!(f, "{check}"),
            Self::Host(host) => write!(f, "{host}"),
            Self::Part { host, part } => write!(f, "{host} {part}"),
        }
    }
}

/// What happened to an alert. An alert is the fold of its events, in the store and on screen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AlertEvent {
    /// The alert: one per rule and target from pending to resolved.
    pub alert: Uid,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: Operator,
    /// What.
    pub kind: AlertEventKind,
}

/// What happened to an alert.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum AlertEventKind {
    /// It began to fire.
    Fired {
        /// The rule.
        rule: RuleName,
        /// About what.
        target: Target,
        /// How bad.
        severity: Severity,
        /// The value that fired it.
        value: Option<f64>,
        /// When the value went bad.
        since: Timestamp,
        /// One line: `CPU 91 % > 80 % for 5m`.
        summary: String,
        /// Whether planned work went on there: nobody was told. It is kept, since a window may be gone when it matters.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        muted: bool,
    },
    /// Somebody owns it for a while.
    Acknowledged {
        /// Until when.
        until: Timestamp,
        /// Why it is held back; none where nobody said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        /// Whose it was, as far as who took it knew: of two who did not know of each other the first has it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        over: Option<Operator>,
    },
    /// The value is good again.
    Resolved {
        /// The value that resolved it.
        value: Option<f64>,
    },
    /// It flips too often; it counts as firing until it has been quiet for long enough.
    Flapping {
        /// Flips within the last hour.
        flips: u32,
    },
}
