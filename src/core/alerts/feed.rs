//! From what was read to what rules measure.
use std::collections::BTreeMap;

use super::{Target, rules::pm2_app};
use crate::core::{
    hosts::{HostSample, Pm2List, UnitState, percent},
    id::{CheckId, HostName, ServiceId},
    inventory::Inventory,
    logs::window::{Latencies, Window},
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
/// Planned work changes nothing of what is measured: what fires meanwhile is seen, and told to nobody.
pub fn service(service: &ServiceState, now: Timestamp) -> Vec<Measurement> {
    let (health, since) = service.measured(now);
    let mut all: Vec<Measurement> = service.checks.iter().flat_map(|check| measure_check(check, now)).collect();
    let down = match health {
        Health::Down => Some(flag(true)),
        Health::Up | Health::Degraded => Some(flag(false)),
        Health::Unknown | Health::Maintenance => None,
    };
    let worst = service.worst(now).and_then(|check| check.last.as_ref());
    let note =
        worst.filter(|_| health == Health::Down).map(|last| format!("{}: {}", last.check.check.as_str(), last.detail));
    all.push(Measurement {
        stood_ms: u64::try_from(now.since(since)).unwrap_or(0),
        note: note.unwrap_or_default(),
        ..Measurement::new("service.down", Target::Service(service.id().clone()), down)
    });
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

/// Fewer requests than these are no rate: one failure of three is not a third.
const ENOUGH_REQUESTS: u64 = 20;

/// Measures services by the windows of their log sources: to be sent every few seconds.
///
/// Of a service nothing is measured while one of the sources in question is not live: a lost link is no silence, and half
/// of the requests are no rate. Sources without a service are measured by none.
pub fn logs(windows: &[Window]) -> Vec<Measurement> {
    let mut services: BTreeMap<&ServiceId, Vec<&Window>> = BTreeMap::new();
    for window in windows {
        if let Some(service) = &window.service {
            services.entry(service).or_default().push(window);
        }
    }
    services.into_iter().flat_map(|(service, windows)| measure_logs(service, &windows)).collect()
}

fn measure_logs(service: &ServiceId, windows: &[&Window]) -> Vec<Measurement> {
    let of = |metric, value: Option<f64>, note: String| {
        let target = Target::Service(service.clone());
        Measurement { note, ..Measurement::new(metric, target, value) }
    };
    let mut all = Vec::new();
    let web: Vec<&&Window> = windows.iter().filter(|window| window.requests > 0).collect();
    let live = windows.iter().all(|window| window.live);
    let requests: u64 = web.iter().map(|window| window.requests).sum();
    let failed: u64 = web.iter().map(|window| window.failed).sum();
    if requests > 0 {
        let rate = percent(failed, requests).filter(|_| live && requests >= ENOUGH_REQUESTS);
        all.push(of("log.error_rate", rate, format!("{failed} of {requests} requests")));
    }
    let mut latencies = Latencies::default();
    for window in &web {
        latencies.merge(&window.latencies);
    }
    if latencies.count() > 0 {
        let p95 = latencies.quantile(950).filter(|_| live && latencies.count() >= ENOUGH_REQUESTS);
        let p95 = p95.map(|micros| f64::from(micros) / 1_000.0);
        all.push(of("log.latency_p95", p95, format!("{} requests", latencies.count())));
    }
    let rate = |(window, count): (&Window, u64)| count as f64 * 60_000.0 / window.length_ms.max(1) as f64;
    let loudest = windows.iter().filter(|window| window.live).filter_map(|window| {
        let (text, count) = window.loudest.as_ref()?;
        Some((rate((window, *count)), text.clone()))
    });
    let loudest = loudest.max_by(|a, b| a.0.total_cmp(&b.0));
    let (rate, note) = loudest.map_or((live.then_some(0.0), String::new()), |(rate, text)| (Some(rate), text));
    all.push(of("log.pattern_rate", rate, note));
    let silent = windows.iter().filter(|window| window.live).filter_map(|window| Some((window.silent_ms?, window)));
    let silent = silent.max_by_key(|(silent, _)| *silent);
    let note = silent.map(|(_, window)| window.source.to_string()).unwrap_or_default();
    all.push(of("log.silence", silent.map(|(silent, _)| silent as f64 / 1_000.0), note));
    all
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

#[cfg(test)]
mod tests {
    use super::*;

    fn window(source: &str) -> Window {
        Window { service: Some("play@prod".parse().unwrap()), silent_ms: Some(1_000), ..Window::new(source, 120_000) }
    }

    fn values(windows: &[Window]) -> BTreeMap<&'static str, Option<f64>> {
        logs(windows).into_iter().map(|measurement| (measurement.metric, measurement.value)).collect()
    }

    #[test]
    fn a_services_access_logs_are_measured_together() {
        let (mut one, mut two) = (window("web-01 access"), window("web-02 access"));
        for _ in 0..99 {
            one.count(200, 1_000);
        }
        two.count(503, 900_000);
        one.loudest = Some(("pool timeout after <n> ms".into(), 8));
        two.silent_ms = Some(90_000);
        let got = values(&[one.clone(), two.clone()]);
        assert_eq!(got["log.error_rate"], Some(1.0));
        assert!((1.0..1.07).contains(&got["log.latency_p95"].unwrap()));
        assert_eq!(got["log.pattern_rate"], Some(4.0));
        assert_eq!(got["log.silence"], Some(90.0));
        // Half of the requests are no rate, and a lost link is no silence.
        two.live = false;
        let got = values(&[one, two]);
        assert_eq!((got["log.error_rate"], got["log.latency_p95"], got["log.silence"]), (None, None, Some(1.0)));
    }

    #[test]
    fn few_requests_are_no_rate_and_none_are_no_metric() {
        let mut few = window("access");
        few.count(500, u32::MAX);
        assert_eq!(values(&[few])["log.error_rate"], None);
        let got = values(&[window("app")]);
        assert!(!got.contains_key("log.error_rate") && !got.contains_key("log.latency_p95"));
        assert_eq!(got["log.pattern_rate"], Some(0.0));
        assert_eq!(values(&[Window { service: None, ..window("app") }]).len(), 0);
    }
}
