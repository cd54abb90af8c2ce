//! What rules can measure of a host.
use super::{HostState, Pm2List, State};
use crate::core::{id::HostName, time::Mono};

/// The metrics, with what they mean. A value that is not known is none; only silence is always known.
pub const METRICS: &[(&str, &str)] = &[
    ("host.cpu", "CPU in percent of all cores"),
    ("host.mem", "memory in use, in percent"),
    ("host.disk_free", "space left for users in percent, by file system"),
    ("host.inodes_free", "inodes left in percent, by file system"),
    ("host.load_per_core", "one-minute load for each core"),
    ("host.no_data_s", "seconds since the last sample"),
    ("host.skew", "seconds that the host's clock is off, either way"),
    ("pm2.down", "processes that should run and do not, by name"),
    ("pm2.restarts_10m", "restarts within ten minutes, by name"),
    ("unit.failed", "1 when a systemd unit has failed, else 0, by unit"),
];

/// One value of a metric.
#[derive(Clone, Debug, PartialEq)]
pub struct Measurement {
    /// The metric, one of [`METRICS`].
    pub metric: &'static str,
    /// Which part of the host, when it is about one: a mount point, a process's name, a unit.
    pub part: Option<String>,
    /// The value; none when it is not known.
    pub value: Option<f64>,
}

impl State {
    /// Returns what rules can measure of a host now; nothing of a host that is not known.
    ///
    /// Parts come from the last readings however old, so that an alert about a part whose host went silent keeps its target, without a value.
    pub fn measurements(&self, host: &HostName, now: Mono) -> Vec<Measurement> {
        self.host(host).map(|host| host.measurements(now)).unwrap_or_default()
    }
}

impl HostState {
    /// Returns what rules can measure of it now.
    pub fn measurements(&self, now: Mono) -> Vec<Measurement> {
        let sample = self.sample(now);
        let mut all = vec![
            whole("host.cpu", sample.and_then(|sample| sample.cpu_pct)),
            whole("host.mem", sample.and_then(super::HostSample::mem_pct)),
            whole("host.load_per_core", sample.and_then(super::HostSample::load_per_core)),
            Measurement { metric: "host.no_data_s", part: None, value: Some(self.silent_ms(now) as f64 / 1_000.0) },
            Measurement {
                metric: "host.skew",
                part: None,
                value: sample.and_then(|sample| sample.skew_ms).map(|ms| ms.unsigned_abs() as f64 / 1_000.0),
            },
        ];
        for mount in self.mounts() {
            let disk = sample.and_then(|sample| sample.disks.iter().find(|disk| disk.mount == *mount));
            all.push(part("host.disk_free", mount, disk.and_then(super::Disk::free_pct)));
            all.push(part("host.inodes_free", mount, disk.and_then(|disk| disk.inodes_pct).map(|used| 100.0 - used)));
        }
        self.measure_pm2(now, &mut all);
        for unit in self.last_units() {
            let failed = (unit.load != "not-found").then_some(if unit.active == "failed" { 1.0 } else { 0.0 });
            all.push(part("unit.failed", &unit.unit, failed.filter(|_| self.units(now).is_some())));
        }
        all
    }

    fn measure_pm2(&self, now: Mono, all: &mut Vec<Measurement>) {
        let Some(list) = self.last_pm2() else { return };
        // A daemon that died took its list with it; its processes may go on as orphans, so that they are not known to be down.
        let known = self.pm2(now).is_some_and(|list| list.daemon);
        for name in names(list) {
            let down = list.processes.iter().filter(|process| process.name == name && process.is_down()).count();
            let restarts = self.restarts(Some(name), now).filter(|_| known);
            all.push(Measurement {
                metric: "pm2.down",
                part: Some(name.to_owned()),
                value: known.then_some(down as f64),
            });
            all.push(Measurement {
                metric: "pm2.restarts_10m",
                part: Some(name.to_owned()),
                value: restarts.map(f64::from),
            });
        }
    }
}

/// Names of processes, each once: instances of a cluster share theirs.
fn names(list: &Pm2List) -> Vec<&str> {
    let mut names: Vec<&str> = list.processes.iter().map(|process| process.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn whole(metric: &'static str, value: Option<f32>) -> Measurement {
    Measurement { metric, part: None, value: value.map(f64::from) }
}

fn part(metric: &'static str, part: &str, value: Option<f32>) -> Measurement {
    Measurement { metric, part: Some(part.to_owned()), value: value.map(f64::from) }
}
