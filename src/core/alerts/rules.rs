//! What can be measured, and the rules that are there without a configuration.
use std::{collections::BTreeMap, fmt::Write};

use super::{RuleSpec, Severity, Target, Threshold};
use crate::core::{
    id::{HostName, ServiceId},
    inventory::{Inventory, Service},
    time::{MINUTE, SECOND, short},
};

/// Milliseconds over which restarts are counted.
pub(super) const RESTARTS_MS: u64 = 600_000;
/// Milliseconds of log lines that are measured at once.
const LOGS_MS: u64 = 60_000;

/// What a metric is measured on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// A host.
    Host,
    /// A file system of a host.
    Disk,
    /// A process that PM2 keeps, by name.
    Process,
    /// A systemd unit of a host.
    Unit,
    /// A check.
    Check,
    /// A service.
    Service,
}

/// How a metric's value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unit {
    /// Percent.
    Percent,
    /// Milliseconds.
    Milliseconds,
    /// Seconds.
    Seconds,
    /// Days.
    Days,
    /// A plain number.
    Number,
    /// 1 is bad, 0 is good.
    Flag,
}

/// One thing that rules may be about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric {
    /// Its name in the configuration.
    pub name: &'static str,
    /// Its name on screen.
    pub label: &'static str,
    /// How its value is written.
    pub unit: Unit,
    /// What it is measured on.
    pub subject: Subject,
    /// What it is, in a line.
    pub doc: &'static str,
    /// Milliseconds that a value of it looks back over; 0: it says how it is.
    pub window_ms: u64,
}

const fn of(name: &'static str, label: &'static str, unit: Unit, subject: Subject, doc: &'static str) -> Metric {
    Metric { name, label, unit, subject, doc, window_ms: 0 }
}

impl Metric {
    const fn over(self, window_ms: u64) -> Self {
        Self { window_ms, ..self }
    }
}

/// Every metric that rules may name, in the order of documentation.
pub const METRICS: &[Metric] = &[
    of("host.cpu", "CPU", Unit::Percent, Subject::Host, "CPU used, percent of all cores."),
    of("host.steal", "CPU steal", Unit::Percent, Subject::Host, "CPU taken by the hypervisor, percent."),
    of("host.mem", "RAM", Unit::Percent, Subject::Host, "Memory used (total minus available), percent."),
    of("host.swap", "swap", Unit::Percent, Subject::Host, "Swap used, percent."),
    of("host.load_per_core", "load per core", Unit::Number, Subject::Host, "One-minute load divided by cores."),
    of(
        "host.disk_free",
        "disk free",
        Unit::Percent,
        Subject::Disk,
        "Space free for users, percent of the file system.",
    ),
    of("host.disk_inodes", "inodes used", Unit::Percent, Subject::Disk, "Inodes used, percent of the file system."),
    of(
        "host.clock_skew",
        "clock skew",
        Unit::Seconds,
        Subject::Host,
        "Difference to this machine's clock, in seconds.",
    ),
    of("host.no_data", "no data", Unit::Flag, Subject::Host, "1 while the last sample is older than 30 s."),
    of("check.latency", "latency", Unit::Milliseconds, Subject::Check, "How long the newest answer took, in ms."),
    of("check.cert_days", "certificate", Unit::Days, Subject::Check, "Days until the certificate expires."),
    of("check.no_data", "no data", Unit::Flag, Subject::Check, "1 while nothing is known of a check."),
    of("service.down", "down", Unit::Flag, Subject::Service, "1 while a service is down, confirmed by its checks."),
    of("pm2.down", "process down", Unit::Flag, Subject::Process, "1 while a PM2 process is not online."),
    of(
        "pm2.restarts_10m",
        "restarts in 10m",
        Unit::Number,
        Subject::Process,
        "Restarts of a PM2 process within 10 minutes.",
    )
    .over(RESTARTS_MS),
    of(
        "log.error_rate",
        "error rate",
        Unit::Percent,
        Subject::Service,
        "Share of a service's requests that were answered with 5xx, by its access logs, percent.",
    )
    .over(LOGS_MS),
    of(
        "log.latency_p95",
        "p95",
        Unit::Milliseconds,
        Subject::Service,
        "What 95 % of a service's requests took at most, by its access logs, in ms.",
    )
    .over(LOGS_MS),
    of(
        "log.pattern_rate",
        "one error a minute",
        Unit::Number,
        Subject::Service,
        "Records a minute of the error pattern that a service logs most.",
    )
    .over(LOGS_MS),
    of(
        "log.silence",
        "log silent",
        Unit::Seconds,
        Subject::Service,
        "Seconds since the last line of a service's log source that is silent for longest.",
    ),
    of("unit.down", "unit down", Unit::Flag, Subject::Unit, "1 while a systemd unit is not active."),
];

/// Finds a metric by its name.
pub fn metric(name: &str) -> Option<&'static Metric> {
    METRICS.iter().find(|metric| metric.name == name)
}

/// Returns the rules that hold without a configuration; one of the same name overrides.
///
/// | name | fires | clears | for | severity |
/// |---|---|---|---|---|
/// | `service-down` | service down | up again | 0 (the check confirmed it) | P1 |
/// | `cpu` | CPU > 80 % | 75 % | 5 m | P2 |
/// | `memory` | RAM > 85 % | 80 % | 2 m | P3 |
/// | `disk` | space free < 10 % | 12 % | 5 m | P1 |
/// | `inodes` | inodes used > 90 % | 85 % | 5 m | P2 |
/// | `load` | load per core > 1.5 | 1.2 | 5 m | P3 |
/// | `latency` | check latency > 500 ms | 400 ms | 5 m | P3 |
/// | `certificate-14d`, `-7d`, `-3d` | expires in less than 14, 7, 3 days | renewed | 0 | P3, P2, P1 |
/// | `process-down` | PM2 process not online | online | 20 s | P2 |
/// | `restart-storm` | 5 restarts or more within 10 minutes | less than 2 | 0 | P2 |
/// | `unit-down` | systemd unit not active | active | 20 s | P2 |
/// | `no-data` | no sample of a host | a sample | 2 m | P3 |
/// | `check-no-data` | nothing known of a check | a result | 2 m | P3 |
/// | `error-rate` | 5xx share of the access logs > 2 % | 1 % | 2 m | P2 |
/// | `log-latency` | p95 of the access logs > 500 ms | 400 ms | 5 m | P3 |
/// | `clock-skew` | clock off by more than 2 s | 1 s | 1 m | P4 |
pub fn builtin_rules() -> Vec<RuleSpec> {
    use Severity::{P1, P2, P3, P4};
    use Threshold::{Above, Below};
    const FLAG: Threshold = Above(0.5);
    let rule = |name: &str, metric: &str, threshold, clear, (after_ms, severity): (i64, Severity)| RuleSpec {
        name: name.into(),
        metric: metric.to_owned(),
        threshold,
        clear,
        for_ms: after_ms.unsigned_abs(),
        severity,
        matches: BTreeMap::new(),
        enabled: true,
    };
    vec![
        rule("service-down", "service.down", FLAG, None, (0, P1)),
        rule("cpu", "host.cpu", Above(80.0), Some(75.0), (5 * MINUTE, P2)),
        rule("memory", "host.mem", Above(85.0), Some(80.0), (2 * MINUTE, P3)),
        rule("disk", "host.disk_free", Below(10.0), Some(12.0), (5 * MINUTE, P1)),
        rule("inodes", "host.disk_inodes", Above(90.0), Some(85.0), (5 * MINUTE, P2)),
        rule("load", "host.load_per_core", Above(1.5), Some(1.2), (5 * MINUTE, P3)),
        rule("latency", "check.latency", Above(500.0), Some(400.0), (5 * MINUTE, P3)),
        rule("certificate-14d", "check.cert_days", Below(14.0), None, (0, P3)),
        rule("certificate-7d", "check.cert_days", Below(7.0), None, (0, P2)),
        rule("certificate-3d", "check.cert_days", Below(3.0), None, (0, P1)),
        rule("process-down", "pm2.down", FLAG, None, (20 * SECOND, P2)),
        rule("restart-storm", "pm2.restarts_10m", Above(4.0), Some(1.0), (0, P2)),
        rule("unit-down", "unit.down", FLAG, None, (20 * SECOND, P2)),
        rule("no-data", "host.no_data", FLAG, None, (2 * MINUTE, P3)),
        rule("check-no-data", "check.no_data", FLAG, None, (2 * MINUTE, P3)),
        rule("error-rate", "log.error_rate", Above(2.0), Some(1.0), (2 * MINUTE, P2)),
        rule("log-latency", "log.latency_p95", Above(500.0), Some(400.0), (5 * MINUTE, P3)),
        rule("clock-skew", "host.clock_skew", Above(2.0), Some(1.0), (MINUTE, P4)),
    ]
}

impl Threshold {
    /// Returns the limit.
    pub fn limit(self) -> f64 {
        match self {
            Self::Above(limit) | Self::Below(limit) => limit,
        }
    }
}

impl RuleSpec {
    /// Says whether a value is on the wrong side. What is not a number never is.
    pub fn is_bad(&self, value: f64) -> bool {
        match self.threshold {
            Threshold::Above(limit) => value > limit,
            Threshold::Below(limit) => value < limit,
        }
    }

    /// Says whether a value is good enough to resolve: back past `clear`, or past the threshold where there is none.
    pub fn is_clear(&self, value: f64) -> bool {
        match (self.threshold, self.clear) {
            (Threshold::Above(limit), clear) => value <= clear.unwrap_or(limit).min(limit),
            (Threshold::Below(limit), clear) => value >= clear.unwrap_or(limit).max(limit),
        }
    }

    /// Says whether the rule is about a target: every entry of `match` must hold. A key is `env`, `service` (`play` or
    /// `play@prod`), `host`, `check`, `part`, or a label of the host; a target without it does not match.
    pub fn applies(&self, target: &Target, inventory: &Inventory) -> bool {
        let service = service_of(target, inventory);
        let host = host_of(target);
        self.matches.iter().all(|(key, want)| match key.as_str() {
            "env" => {
                let of_host = || inventory.host(host?).and_then(|host| host.env.clone());
                let env = service.as_ref().map(|service| service.env.clone()).or_else(of_host);
                env.is_some_and(|env| env.as_str() == want)
            }
            "service" => service.as_ref().is_some_and(|id| id.service.as_str() == want || id.to_string() == *want),
            "host" => host.is_some_and(|host| host.as_str() == want),
            "check" => matches!(target, Target::Check(check) if check.check.as_str() == want),
            "part" => matches!(target, Target::Part { part, .. } if part == want),
            label => {
                let host = host.and_then(|host| inventory.host(host));
                host.and_then(|host| host.labels.get(label)).is_some_and(|value| value == want)
            }
        })
    }

    /// Writes what fired in a line: `CPU 91 % > 80 % for 5m`, `down: page: 503, expected 2xx`.
    pub fn summary(&self, value: Option<f64>, note: &str) -> String {
        let metric = metric(&self.metric);
        let unit = metric.map_or(Unit::Number, |metric| metric.unit);
        let mut line = metric.map_or(self.metric.as_str(), |metric| metric.label).to_owned();
        if unit != Unit::Flag {
            let value = value.map_or_else(|| "?".to_owned(), |value| unit.write(value));
            let (sign, limit) = match self.threshold {
                Threshold::Above(limit) => (">", limit),
                Threshold::Below(limit) => ("<", limit),
            };
            // Writing to a string does not fail.
            let _ok = write!(line, " {value} {sign} {}", unit.write(limit));
        }
        if self.for_ms > 0 {
            let _ok = write!(line, " for {}", short(self.for_ms));
        }
        if !note.is_empty() {
            let _ok = write!(line, ": {note}");
        }
        line
    }
}

impl Unit {
    /// Writes a value with its unit, with one decimal where it is small.
    pub fn write(self, value: f64) -> String {
        let number =
            if value.fract() == 0.0 || value.abs() >= 100.0 { format!("{value:.0}") } else { format!("{value:.1}") };
        match self {
            Self::Percent => format!("{number} %"),
            Self::Milliseconds => format!("{number} ms"),
            Self::Seconds => format!("{number} s"),
            Self::Days => format!("{number} d"),
            Self::Number | Self::Flag => number,
        }
    }
}

/// Returns the host that a target is on.
pub fn host_of(target: &Target) -> Option<&HostName> {
    match target {
        Target::Host(host) | Target::Part { host, .. } => Some(host),
        Target::Service(_) | Target::Check(_) => None,
    }
}

/// Returns the service that a target is of. A PM2 process is of the service whose recipe names it as its `app` on that host.
pub fn service_of(target: &Target, inventory: &Inventory) -> Option<ServiceId> {
    match target {
        Target::Service(id) => Some(id.clone()),
        Target::Check(check) => Some(check.service.clone()),
        Target::Part { host, part } => {
            let keeps = |service: &&std::sync::Arc<Service>| pm2_app(service, host) == Some(part.as_str());
            inventory.services.iter().find(keeps).map(|service| service.id.clone())
        }
        Target::Host(_) => None,
    }
}

/// Returns the name of the PM2 process that a service is to have on a host.
pub(super) fn pm2_app<'a>(service: &'a Service, host: &HostName) -> Option<&'a str> {
    let here = &*service.kind == "node-pm2" && service.hosts.contains(host);
    service.recipe.get("app").filter(|_| here).and_then(serde_json::Value::as_str)
}
