//! From what was read to what rules measure.
use std::collections::BTreeMap;

use super::{Target, rules::pm2_app};
use crate::core::{
    hosts::{HostSample, Pm2List, UnitState, percent},
    id::{CheckId, HostName},
    inventory::Inventory,
    services::{self, CheckState, Health, ServiceState, verdict::hold_ms},
    time::{DAY, Timestamp},
};

/// Milliseconds that a reading of a host speaks for: after that a live number is `?`.
pub const FRESH: u64 = 30_000;

/// One value of one metric.
#[derive(Clone, Debug, PartialEq)]
pub struct Measurement {
    /// The metric's name, one of [`METRICS`](super::METRICS).
    pub metric: &'static str,
    /// What it was measured on.
    pub target: Target,
    /// The value; none when there is none: that neither fires nor resolves.
    pub value: Option<f64>,
    /// Milliseconds for which the value speaks. After that a pending alert starts anew: nobody knows what was in between.
    pub holds_ms: u64,
    /// Milliseconds for which the value is known to have been so already: a service that is down since its first failure.
    pub stood_ms: u64,
    /// A word on it, sanitised: `page: 503, expected 2xx`.
    pub note: String,
}

impl Measurement {
    /// Makes a measurement that speaks for thirty seconds.
    pub fn new(metric: &'static str, target: Target, value: Option<f64>) -> Self {
        Self { metric, target, value, holds_ms: FRESH, stood_ms: 0, note: String::new() }
    }
}

fn flag(bad: bool) -> f64 {
    if bad { 1.0 } else { 0.0 }
}

/// Measures a host's sample.
pub fn sample(host: &HostName, sample: &HostSample) -> Vec<Measurement> {
    let of = |metric, value: Option<f64>| Measurement::new(metric, Target::Host(host.clone()), value);
    let of_whole = |part: Option<u64>, whole: Option<u64>| percent(part?, whole?);
    let mut all = vec![
        of("host.cpu", sample.cpu_pct.map(f64::from)),
        of("host.steal", sample.steal_pct.map(f64::from)),
        of("host.mem", of_whole(sample.mem_used_bytes, sample.mem_total_bytes)),
        of("host.swap", of_whole(sample.swap_used_bytes, sample.swap_total_bytes)),
        of("host.load_per_core", sample.load_per_core().map(f64::from)),
        of("host.clock_skew", sample.skew_ms.map(|ms| ms.unsigned_abs() as f64 / 1_000.0)),
    ];
    for disk in &sample.disks {
        let part = |metric, value| {
            Measurement::new(metric, Target::Part { host: host.clone(), part: disk.mount.clone() }, value)
        };
        all.push(part("host.disk_free", percent(disk.avail_bytes, disk.usable_bytes())));
        if let Some(inodes) = disk.inodes_pct {
            all.push(part("host.disk_inodes", Some(f64::from(inodes))));
        }
    }
    all
}

/// Measures systemd's units. One that is starting or stopping is not known to be down.
pub fn units(host: &HostName, units: &[UnitState]) -> Vec<Measurement> {
    let measure = |unit: &UnitState| {
        let value = match unit.active.as_str() {
            "active" | "reloading" => Some(flag(false)),
            "failed" | "inactive" => Some(flag(true)),
            _ => None,
        };
        let target = Target::Part { host: host.clone(), part: unit.unit.clone() };
        Measurement { note: format!("{} ({})", unit.active, unit.sub), ..Measurement::new("unit.down", target, value) }
    };
    units.iter().map(measure).collect()
}

/// One PM2 process name on a host: several instances may share it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct App {
    /// Instances.
    pub all: usize,
    /// Those that should run and do not.
    pub down: usize,
    /// Restarts of all of them since they were added.
    pub restarts: u64,
}

/// Gathers PM2's processes by name.
pub fn apps(list: &Pm2List) -> BTreeMap<&str, App> {
    let mut apps: BTreeMap<&str, App> = BTreeMap::new();
    for process in &list.processes {
        let app = apps.entry(process.name.as_str()).or_default();
        app.all += 1;
        app.down += usize::from(process.is_down());
        app.restarts = app.restarts.saturating_add(u64::from(process.restarts));
    }
    apps
}

/// Measures whether PM2's processes are online. One that a service is to have and that is missing counts as down, unless
/// no daemon runs: then nothing is known of any, since its processes outlive it.
pub fn pm2(host: &HostName, list: &Pm2List, inventory: &Inventory) -> Vec<Measurement> {
    let of = |part: &str, value, note| {
        let target = Target::Part { host: host.clone(), part: part.to_owned() };
        Measurement { note, ..Measurement::new("pm2.down", target, value) }
    };
    let apps = apps(list);
    let mut all: Vec<Measurement> = apps
        .iter()
        .map(|(name, app)| {
            let down = list.daemon.then(|| flag(app.down > 0));
            of(name, down, format!("{} of {} down", app.down, app.all))
        })
        .collect();
    let wanted = inventory.services.iter().filter_map(|service| pm2_app(service, host));
    for name in wanted.filter(|name| !apps.contains_key(name)) {
        let (value, note) = if list.daemon { (Some(flag(true)), "not in the list") } else { (None, "no PM2 daemon") };
        all.push(of(name, value, note.to_owned()));
    }
    all
}

/// Measures one service as it stands: to be sent after each of its results, and every few seconds for all.
///
/// While planned work goes on nothing is measured, so nothing fires and nothing resolves.
pub fn service(service: &ServiceState, now: Timestamp) -> Vec<Measurement> {
    let planned = service.health == Health::Maintenance;
    let mut all: Vec<Measurement> = service.checks.iter().flat_map(|check| measure_check(check, now)).collect();
    let down = match service.health {
        Health::Down => Some(flag(true)),
        Health::Up | Health::Degraded => Some(flag(false)),
        Health::Unknown | Health::Maintenance => None,
    };
    let worst = service.worst(now).and_then(|check| check.last.as_ref());
    let note = worst
        .filter(|_| service.health == Health::Down)
        .map(|last| format!("{}: {}", last.check.check.as_str(), last.detail));
    all.push(Measurement {
        stood_ms: u64::try_from(now.since(service.since)).unwrap_or(0),
        note: note.unwrap_or_default(),
        ..Measurement::new("service.down", Target::Service(service.id().clone()), down)
    });
    if planned {
        for measurement in &mut all {
            measurement.value = None;
        }
    }
    all
}

/// Measures the service of a check: to be sent after a result of it.
pub fn result(services: &services::State, check: &CheckId, now: Timestamp) -> Vec<Measurement> {
    services.service(&check.service).map(|of| service(of, now)).unwrap_or_default()
}

/// Measures all services: to be sent every five seconds or so.
pub fn services(services: &services::State, now: Timestamp) -> Vec<Measurement> {
    services.services().flat_map(|of| service(of, now)).collect()
}

fn measure_check(check: &CheckState, now: Timestamp) -> Vec<Measurement> {
    let of = |metric, value| Measurement::new(metric, Target::Check(check.spec.id.clone()), value);
    let holds_ms = hold_ms(&check.spec).unsigned_abs();
    let known = check.level(now).is_some();
    // An old latency says nothing, nor does one of an answer that was none.
    let took = check.last.as_ref().filter(|_| known).and_then(|last| last.took_ms).map(f64::from);
    let left = check.cert_not_after.map(|end| end.since(now) as f64 / DAY as f64);
    let mut all = vec![
        Measurement { holds_ms, ..of("check.latency", took) },
        Measurement { holds_ms, ..of("check.no_data", Some(flag(!known))) },
    ];
    if left.is_some() {
        all.push(Measurement { holds_ms, ..of("check.cert_days", left) });
    }
    all
}
