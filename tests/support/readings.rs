//! What is measured in that night: ninety days of the past, answers of checks, samples of hosts, lists of PM2.
use quarterdeck::core::{
    hosts::{Disk, HostSample, Pm2List, Pm2Process, Process, Psi, Rates},
    inventory::CheckSpec,
    record::Bucket,
    services::{CheckResult, Outcome, Split},
    time::{DAY, HOUR, MINUTE, SECOND, Timestamp},
};

use crate::night::{AT, BEGIN, BROKE, SERVICES, id};

pub(crate) fn midnight() -> Timestamp {
    // 00:00 in Bogota, which is 05:00 UTC all year.
    Timestamp((AT.0 - 5 * HOUR).div_euclid(DAY) * DAY + 5 * HOUR)
}

/// Days before today that were not good, and how long they were down.
pub(crate) fn down_of(service: &str, back: i64) -> i64 {
    match (service, back) {
        ("Play", 49) => 2 * HOUR,
        ("Play", 48) => 40 * MINUTE,
        ("Play", 47) => 8 * MINUTE,
        ("Play", 26) | ("Billing", 77) | ("Satellite", 23) | ("Admin", 34) => 40 * SECOND,
        ("API", 77 | 26) => 55 * SECOND,
        ("Conecta", 59) => 50 * MINUTE,
        ("Conecta", 58) | ("Cloud", 34) => 9 * MINUTE,
        ("Cloud", 33) => 30 * SECOND,
        _ => 0,
    }
}

pub(crate) fn buckets() -> Vec<Bucket> {
    let mut buckets = Vec::new();
    for service in SERVICES {
        let mut add = |start, length_ms, down_ms: i64, maintenance_ms: i64| {
            let split =
                Split { up_ms: length_ms - down_ms - maintenance_ms, down_ms, maintenance_ms, ..Split::default() };
            buckets.push(Bucket { service: id(service), start, length_ms, split, source: Bucket::OWN.into() });
        };
        let known = if service == "Satellite" { 86 } else { 92 };
        for back in 1..=known {
            let maintenance = if service == "Conecta" && back % 7 == 0 && back < 28 { HOUR } else { 0 };
            add(midnight() - back * DAY, DAY, down_of(service, back), maintenance);
        }
        for back in 1..=26 {
            add(Timestamp(BEGIN.0.div_euclid(HOUR) * HOUR) - back * HOUR, HOUR, 0, 0);
        }
    }
    buckets
}

pub(crate) fn result(spec: &CheckSpec, slot: Timestamp) -> CheckResult {
    let name = spec.id.service.service.as_str();
    let wave = u32::try_from(slot.0 / 30_000 % 7).unwrap() * 3;
    let (outcome, took, detail) = match name {
        "Play" if slot >= BROKE && spec.kind.as_ref() == "http" => (Outcome::Down, Some(91), "503, expected 200-299"),
        "API" if slot >= AT - 4 * MINUTE => (Outcome::Degraded, Some(780 + wave), "200, slower than 500 ms"),
        _ if spec.kind.as_ref() == "tcp" => (Outcome::Up, Some(2), "connected"),
        _ => (Outcome::Up, Some(38 + wave), "200"),
    };
    CheckResult {
        check: spec.id.clone(),
        slot,
        at: slot + 100,
        outcome,
        took_ms: took,
        detail: detail.into(),
        cert_not_after: (spec.kind.as_ref() == "http").then(|| AT + 61 * DAY + HOUR),
    }
}

pub(crate) fn sample(name: &str, at: Timestamp) -> HostSample {
    let since = at.since(BEGIN) as f32 / (16.0 * MINUTE as f32);
    let wobble = (at.0 / 1_000 % 37) as f32 / 12.0;
    let (cpu, memory, load) = match name {
        "play-01" => (52.0 + 40.0 * since, 78, 7.9),
        "db-01" => (62.0 + 21.0 * since, 88, 9.6),
        "play-02" => (40.0 + 14.0 * since, 71, 3.1),
        "api-01" => (31.0, 52, 1.6),
        "jump" => (2.0, 22, 0.0),
        _ => (9.0, 43, 0.3),
    };
    let gigabyte = 1_u64 << 30;
    let disk = |mount: &str, used: u64, size: u64| Disk {
        mount: mount.into(),
        size_bytes: size * gigabyte,
        used_bytes: used * gigabyte,
        avail_bytes: (size - used) * gigabyte,
        inodes_pct: Some(9.0),
    };
    let process = |pid, user: &str, cpu_pct, megabytes: u64, command: &str| Process {
        pid,
        user: user.into(),
        cpu_pct,
        rss_bytes: megabytes << 20,
        command: command.into(),
    };
    let cpu = (cpu + wobble).min(99.0);
    HostSample {
        at,
        cpu_pct: Some(cpu),
        steal_pct: Some(0.3),
        cores_pct: vec![cpu, cpu - 2.0, cpu + 1.0, cpu - 1.0]
            .into_iter()
            .map(|core: f32| core.clamp(0.0, 100.0))
            .collect(),
        mem_total_bytes: Some(8 * gigabyte),
        mem_used_bytes: Some(8 * gigabyte * memory / 100),
        swap_total_bytes: Some(gigabyte),
        swap_used_bytes: Some(gigabyte / 50),
        load: Some([load, load * 0.8, load * 0.5]),
        core_count: Some(if name == "db-01" { 8 } else { 4 }),
        disks: vec![disk("/", 24, 39), disk("/srv", if name == "play-01" { 93 } else { 41 }, 100)],
        disk_io: Some(Rates { in_bytes_s: 210_000.0, out_bytes_s: 1_800_000.0 }),
        disk_busy_pct: Some(3.0),
        net: Some(Rates { in_bytes_s: 4_100_000.0, out_bytes_s: 8_800_000.0 }),
        psi: Some(Psi { cpu: Some(if cpu > 80.0 { 71.0 } else { 1.0 }), memory: Some(0.0), io: Some(2.0) }),
        uptime_s: Some(41 * 86_400),
        skew_ms: Some(12),
        top: vec![
            process(21_877, "app", cpu, 412, "node /srv/play/dist/main.js"),
            process(889, "www-data", 4.0, 61, "nginx: worker process"),
            process(1_022, "root", 0.7, 18, "rsyslogd"),
        ],
        ..HostSample::default()
    }
}

pub(crate) fn pm2(host: &str, at: Timestamp) -> Pm2List {
    let app = host.split('-').next().unwrap_or_default().to_owned();
    let broken = host == "play-01" && at >= BROKE;
    Pm2List {
        at,
        daemon: host != "jump" && host != "db-01",
        processes: if host == "jump" || host == "db-01" {
            Vec::new()
        } else {
            vec![Pm2Process {
                pm_id: 4,
                name: app,
                status: if broken { "errored" } else { "online" }.into(),
                pid: (!broken).then_some(21_877),
                autorestart: true,
                restarts: if broken { 16 } else { 2 },
                unstable_restarts: if broken { 16 } else { 0 },
                memory_bytes: (!broken).then_some(412 << 20),
                cpu_pct: (!broken).then_some(51.0),
                started_at: (!broken).then(|| AT - 3 * HOUR),
                exec_mode: "fork_mode".into(),
                version: Some("2.31.0".into()),
                node_version: Some("20.11.1".into()),
                log_paths: Vec::new(),
            }]
        },
        logs_bytes: Some(1_288_490_188),
    }
}
