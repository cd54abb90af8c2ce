//! Hosts: their rows, and one of them in detail.
use super::{Reader, words};
use crate::{
    core::{
        hosts::{Freshness, HostSample, HostState, Link, Pm2Process, Trouble, UnitState},
        id::HostName,
        screen::{Pane, RowKey, act},
        time::{self, HOUR, MINUTE},
    },
    ui::{
        hosts::{DiskRow, HostDetail, ProcessRow},
        service::InstanceRow,
        show::{HostRow, Level, Value},
    },
};

impl Reader<'_> {
    pub(super) fn host_rows(&self) -> Vec<HostRow> {
        let hosts = self.state.screen.rows(Pane::Hosts).iter().filter_map(|row| {
            let RowKey::Host(name) = row else { return None };
            self.state.hosts.host(name)
        });
        hosts.map(|host| self.host_row(host)).collect()
    }

    fn host_row(&self, of: &HostState) -> HostRow {
        let now = self.now;
        let (fresh, age) = match of.freshness(now.mono) {
            Freshness::Never => (false, "?".to_owned()),
            Freshness::Live { age_ms } => (true, time::short(age_ms)),
            Freshness::Dimmed { age_ms } | Freshness::Old { age_ms } => (false, time::short(age_ms)),
        };
        let hot = of.hot(now.mono);
        let labels = self.state.inventory.host(&of.name).map(|host| &host.labels);
        let role = labels.and_then(|labels| labels.get("role").or_else(|| labels.values().next()));
        let points =
            || of.recent().chain(of.hour().filter(|point| of.recent().next().is_none_or(|first| point.at < first.at)));
        let mut row = HostRow {
            name: of.name.to_string(),
            role: role.cloned().unwrap_or_default(),
            hot: hot.any(),
            stale: !fresh,
            cpu_history: words::in_cells(points().map(|point| (point.at, point.cpu_pct)), now.utc, 10 * MINUTE, 60),
            memory_history: words::in_cells(points().map(|point| (point.at, point.mem_pct)), now.utc, 10 * MINUTE, 60),
            age,
            reason: self.reason(of),
            ..HostRow::default()
        };
        if let Some(sample) = of.sample(now.mono) {
            let warn = |since: Option<time::Mono>| if since.is_some() { Level::Warn } else { Level::Fine };
            let very = |value: Option<f32>, level: Level, hard: f32| match value {
                Some(value) if value >= hard && level == Level::Warn => Level::Bad,
                _ => level,
            };
            row.cpu = pct(sample.cpu_pct, very(sample.cpu_pct, warn(hot.cpu), 90.0));
            row.memory = pct(sample.mem_pct(), very(sample.mem_pct(), warn(hot.mem), 95.0));
            row.swap = pct(sample.swap_pct(), Level::Fine);
            row.disk = pct(sample.fullest_disk().and_then(crate::core::hosts::Disk::used_pct), warn(hot.disk));
            row.io = pct(sample.disk_busy_pct, Level::Fine);
            row.net = sample.net.map_or_else(Value::default, |net| {
                Value::fine(format!("{}/{}", words::rate(net.in_bytes_s), words::rate(net.out_bytes_s)))
            });
            row.load = load(sample, warn(hot.load));
            row.uptime =
                sample.uptime_s.map_or_else(Value::default, |s| Value::fine(time::short(s.saturating_mul(1_000))));
        }
        row
    }

    /// Why there is no data: which step failed, since when, and when it is tried again.
    fn reason(&self, of: &HostState) -> String {
        let retry = |at: &Option<time::Timestamp>| match at.map(|at| words::until(at, self.now.utc)) {
            Some(left) if left == "now" => "; trying again now".to_owned(),
            Some(left) => format!("; next try in {left}"),
            None => String::new(),
        };
        match &of.link {
            Link::Up { .. } => {
                let says = |(source, trouble): (&str, &Trouble)| {
                    let since = self.moment(trouble.since);
                    format!("{source} gives nothing since {since}: {}{}", trouble.reason, retry(&trouble.retry_at))
                };
                of.troubles().map(says).collect::<Vec<_>>().join("; ")
            }
            Link::Connecting { since } if of.freshness(self.now.mono) == Freshness::Never => {
                format!("connecting since {}", self.moment(*since))
            }
            Link::Connecting { .. } => String::new(),
            Link::Stale { since, fault, reason, retry_at, question } => {
                let next = if question.is_some() { "; Enter answers what it asks".to_owned() } else { retry(retry_at) };
                let ago = time::short(words::ms(self.now.utc.since(*since)));
                format!("not reached since {} ({ago}): {}: {reason}{next}", self.moment(*since), fault.words())
            }
        }
    }

    pub(super) fn pm2_row(&self, host: &HostName, of: &Pm2Process, age: Freshness) -> InstanceRow {
        let level = match of.status.as_str() {
            "online" => Level::Fine,
            "stopped" if !of.autorestart => Level::Quiet,
            "launching" | "waiting restart" | "stopping" => Level::Warn,
            _ => Level::Bad,
        };
        let storm = of.unstable_restarts > 0;
        let row = InstanceRow {
            host: host.to_string(),
            name: of.name.clone(),
            state: Value::at(of.status.clone(), level),
            id: of.pm_id.to_string(),
            pid: known(of.pid.map(|pid| pid.to_string())),
            uptime: known(of.started_at.map(|at| time::short(words::ms(self.now.utc.since(at))))),
            restarts: Value::at(of.restarts.to_string(), if storm { Level::Warn } else { Level::Fine }),
            memory: known(of.memory_bytes.map(words::bytes)),
            cpu: pct(of.cpu_pct, Level::Fine),
            version: of.version.clone().unwrap_or_default(),
            aged: false,
        };
        aged(row, age)
    }

    pub(super) fn unit_row(&self, host: &HostName, of: &UnitState, age: Freshness) -> InstanceRow {
        let level = match of.active.as_str() {
            "active" => Level::Fine,
            "inactive" => Level::Quiet,
            "activating" | "deactivating" | "reloading" => Level::Warn,
            _ => Level::Bad,
        };
        let state = if of.load == "not-found" { "not found".to_owned() } else { of.active.clone() };
        let row = InstanceRow {
            host: host.to_string(),
            name: of.unit.clone(),
            state: Value::at(state, level),
            id: String::new(),
            pid: known(of.main_pid.map(|pid| pid.to_string())),
            uptime: known(of.active_since.map(|at| time::short(words::ms(self.now.utc.since(at))))),
            restarts: known(of.restarts.map(|restarts| restarts.to_string())),
            memory: known(of.memory_bytes.map(words::bytes)),
            cpu: Value::default(),
            version: if of.result == "success" { String::new() } else { of.result.clone() },
            aged: false,
        };
        aged(row, age)
    }

    /// When the incident at hand began, as minutes before now and its number.
    fn onset_mark(&self) -> Option<(usize, String)> {
        let of = act::at_hand(self.state)?;
        let minutes = usize::try_from(self.now.utc.since(of.zero()).div_euclid(MINUTE)).ok()?;
        Some((minutes, of.number.to_string()))
    }

    pub(super) fn host_detail(&self, of: &HostState) -> HostDetail {
        let now = self.now;
        let hour = |value: fn(&crate::core::hosts::Point) -> Option<f32>| {
            words::in_cells(
                of.hour().chain(of.recent().rev().take(10)).map(|point| (point.at, value(point))),
                now.utc,
                HOUR,
                60,
            )
        };
        let mut row = self.host_row(of);
        row.cpu_history = hour(|point| point.cpu_pct);
        row.memory_history = hour(|point| point.mem_pct);
        let shown = row.cpu_history.len().max(row.memory_history.len());
        let from = now.utc - i64::try_from(shown).unwrap_or(60) * MINUTE;
        let mut detail = HostDetail {
            from: words::minute(from),
            mark: self.onset_mark(),
            pm2_fact: pm2_fact(of),
            instances: self.host_instances(of),
            sample_age: of.freshness(now.mono),
            lists_age: oldest([of.pm2_freshness(now.mono), of.units_freshness(now.mono)]),
            row,
            ..HostDetail::default()
        };
        if let Some(sample) = of.last_sample() {
            let rows = self.state.screen.rows(Pane::Processes).iter();
            let top: Vec<u32> =
                rows.filter_map(|row| if let RowKey::Process(pid) = row { Some(*pid) } else { None }).collect();
            let disks: Vec<usize> = self.indices(Pane::Disks).collect();
            fill(&mut detail, sample, (&top, &disks), of.sample(now.mono).is_some());
        }
        if let Link::Up { rtt_ms: Some(rtt) } = of.link {
            detail.numbers.push(("round trip".into(), Value::fine(format!("{rtt} ms"))));
        }
        detail
    }

    fn host_instances(&self, of: &HostState) -> Vec<InstanceRow> {
        let mut rows = Vec::new();
        if let Some(list) = of.last_pm2() {
            let age = of.pm2_freshness(self.now.mono);
            rows.extend(list.processes.iter().map(|process| self.pm2_row(&of.name, process, age)));
        }
        let age = of.units_freshness(self.now.mono);
        rows.extend(of.last_units().iter().map(|unit| self.unit_row(&of.name, unit, age)));
        rows
    }
}

fn pm2_fact(of: &HostState) -> String {
    match of.last_pm2() {
        Some(list) if !list.daemon => "no PM2 daemon".to_owned(),
        Some(list) => list.logs_bytes.map_or_else(String::new, |size| format!("PM2 logs {}", words::bytes(size))),
        None => String::new(),
    }
}

fn fill(detail: &mut HostDetail, sample: &HostSample, (top, disks): (&[u32], &[usize]), live: bool) {
    let mut facts = Vec::new();
    if let Some(cores) = sample.core_count {
        facts.push(format!("{cores} cores"));
    }
    if let Some(total) = sample.mem_total_bytes {
        facts.push(words::bytes(total));
    }
    if let Some(up) = sample.uptime_s.filter(|_| live) {
        facts.push(format!("up {}", time::short(up.saturating_mul(1_000))));
    }
    if let Some(skew) = sample.skew_ms.filter(|_| live) {
        facts.push(format!("skew {skew} ms"));
    }
    detail.facts = facts.join("  ");
    detail.cores.clone_from(&sample.cores_pct);
    let load = sample.load.map(|load| load.map(|of| format!("{of:.1}")).join(" "));
    let used = sample.mem_used_bytes.map(words::bytes);
    let io = sample.disk_io.map(|io| format!("{}/{}", words::rate(io.in_bytes_s), words::rate(io.out_bytes_s)));
    let net = sample.net.map(|net| format!("{}/{}", words::rate(net.in_bytes_s), words::rate(net.out_bytes_s)));
    let psi = sample.psi.unwrap_or_default();
    let pressed = |value: Option<f32>| {
        pct(value, if value.is_some_and(|value| value >= 50.0) { Level::Warn } else { Level::Fine })
    };
    detail.numbers = vec![
        ("load".into(), known(load)),
        ("used".into(), known(used)),
        ("swap".into(), pct(sample.swap_pct(), Level::Fine)),
        ("steal".into(), pressed(sample.steal_pct)),
        ("disk in/out".into(), known(io)),
        ("net in/out".into(), known(net)),
        ("psi cpu".into(), pressed(psi.cpu)),
        ("psi memory".into(), pressed(psi.memory)),
        ("psi io".into(), pressed(psi.io)),
    ];
    if !live {
        detail.numbers.iter_mut().for_each(|(_, value)| *value = Value::default());
        detail.cores.clear();
    }
    detail.disks = disks
        .iter()
        .filter_map(|at| sample.disks.get(*at))
        .map(|disk| {
            let used = disk.used_pct();
            let level = match used {
                Some(used) if used >= 95.0 => Level::Bad,
                Some(used) if used >= 90.0 => Level::Warn,
                _ => Level::Fine,
            };
            if !live {
                return DiskRow { mount: disk.mount.clone(), ..DiskRow::default() };
            }
            DiskRow {
                mount: disk.mount.clone(),
                part: f64::from(used.unwrap_or(0.0)) / 100.0,
                used: pct(used, level),
                free: Value::fine(words::bytes(disk.avail_bytes)),
                inodes: pct(disk.inodes_pct, Level::Fine),
            }
        })
        .collect();
    let shown = |pid: &u32| sample.top.iter().find(|process| process.pid == *pid);
    detail.top = top
        .iter()
        .filter_map(shown)
        .map(|process| ProcessRow {
            pid: process.pid,
            user: process.user.clone(),
            cpu: pct(Some(process.cpu_pct).filter(|_| live), Level::Fine),
            memory: known(live.then(|| words::bytes(process.rss_bytes))),
            command: process.command.clone(),
        })
        .collect();
}

fn load(sample: &HostSample, level: Level) -> Value {
    match (sample.load, sample.core_count) {
        (Some([one, ..]), Some(cores)) => Value::at(format!("{one:.1}/{cores}"), level),
        (Some([one, ..]), None) => Value::at(format!("{one:.1}"), level),
        (None, _) => Value::default(),
    }
}

fn known(text: Option<String>) -> Value {
    Value { text, level: Level::Fine }
}

fn pct(value: Option<f32>, level: Level) -> Value {
    Value { text: value.map(|value| format!("{value:.0}%")), level }
}

/// The greater age of two lists, as far as there is one.
fn oldest(of: [Freshness; 2]) -> Freshness {
    of.into_iter().max_by_key(|age| age.age_ms()).unwrap_or_default()
}

/// A row that is overdue says its age beside its state; of one that is too old to be believed only the name and the age stay.
fn aged(row: InstanceRow, age: Freshness) -> InstanceRow {
    let Some(ms) = age.age_ms().filter(|_| !age.is_live()) else { return row };
    let says = |state: &str| Some(format!("{state} {}!", time::short(ms)));
    if age.is_old() {
        let state = Value { text: says("?"), level: Level::Fine };
        return InstanceRow { host: row.host, name: row.name, id: row.id, state, aged: true, ..InstanceRow::default() };
    }
    let state = Value { text: says(row.state.text.as_deref().unwrap_or("?")), level: row.state.level };
    InstanceRow { state, aged: true, ..row }
}
