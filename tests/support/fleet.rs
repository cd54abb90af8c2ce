//! A fleet of any size, kept alive by messages as its sources would send them.
use std::sync::Arc;

use quarterdeck::core::{
    Msg, State,
    alerts::builtin_rules,
    hosts::{self, HostSample},
    id::{CheckId, EnvName, HostName, ServiceId},
    inventory::{CheckSpec, EnvKind, Environment, Host, Inventory, Params, Service},
    record::Recorder,
    runs::Actor,
    services::{self, CheckResult, Origin, Outcome},
    time::{Mono, Now, SECOND, Timestamp},
    update,
};

/// Milliseconds between two runs of a check.
const EVERY: i64 = 30 * SECOND;

/// A console that watches `hosts` hosts and as many services with some checks each.
pub(crate) struct Fleet {
    /// What it knows.
    pub(crate) state: State,
    /// What time it is.
    pub(crate) now: Now,
    hosts: Vec<HostName>,
    checks: Vec<CheckId>,
    next: usize,
}

fn service(number: usize) -> ServiceId {
    format!("svc-{number:03}@prod").parse().unwrap()
}

fn inventory(hosts: usize, checks: usize) -> Inventory {
    let name = |number: usize| HostName::from(format!("host-{number:03}").as_str());
    let host =
        |number| Host { env: Some(EnvName::from("prod")), address: "127.0.0.1".into(), ..Host::new(name(number)) };
    let spec = |service: &ServiceId, number: usize| CheckSpec {
        id: CheckId { service: service.clone(), check: format!("check-{number}").as_str().into() },
        kind: "tcp".into(),
        every_ms: EVERY.unsigned_abs(),
        timeout_ms: 5_000,
        fail_after: 2,
        slow_ms: None,
        on: None,
        params: Params::new(),
    };
    let service = |number| {
        let id = service(number);
        let checks = (0..checks).map(|at| Arc::new(spec(&id, at))).collect();
        Service { hosts: vec![name(number)], checks, ..Service::new(id) }
    };
    Inventory {
        client: "acme".into(),
        environments: vec![Environment::new("prod", EnvKind::Production)],
        hosts: (0..hosts).map(|number| Arc::new(host(number))).collect(),
        services: (0..hosts).map(|number| Arc::new(service(number))).collect(),
        rules: builtin_rules().into_iter().map(Arc::new).collect(),
        ..Inventory::default()
    }
}

impl Fleet {
    /// Starts one and lets it live a minute, so that every check and host has answered.
    pub(crate) fn live(hosts: usize, checks: usize) -> Self {
        let inventory = Arc::new(inventory(hosts, checks));
        let actor = Actor { by: "ana".into(), from: "bench".into() };
        let mut fleet = Self {
            state: State::new(Arc::clone(&inventory), actor),
            now: Now { utc: Timestamp(1_795_144_361_000), mono: Mono(1_000_000) },
            hosts: inventory.hosts.iter().map(|host| host.name.clone()).collect(),
            checks: inventory.checks().map(|spec| spec.id.clone()).collect(),
            next: 0,
        };
        fleet.tell(Msg::InventoryReplaced { inventory, problems: Vec::new() });
        fleet.tell(Msg::Loaded(Box::default()));
        fleet.tell(Msg::Services(services::Msg::BucketsLoaded(Vec::new())));
        fleet.tell(Msg::Services(services::Msg::ResultsLoaded(Vec::new())));
        fleet.tell(Msg::RecorderChanged(Recorder::Me { epoch: 1 }));
        for _ in 0..30 {
            fleet.two_seconds();
        }
        fleet
    }

    /// Hands one message in.
    pub(crate) fn tell(&mut self, msg: Msg) {
        // What is to be done about it is the executor's, and not carried out here.
        drop(update(&mut self.state, msg, self.now));
    }

    /// Lets two seconds pass: every host is sampled once, one check of fifteen has a result, ten ticks a second.
    pub(crate) fn two_seconds(&mut self) {
        for host in self.hosts.clone() {
            let wave = (self.now.utc.0 / 2_000 % 40) as f32;
            let sample = HostSample {
                at: self.now.utc,
                cpu_pct: Some(20.0 + wave),
                cores_pct: vec![20.0 + wave; 8],
                core_count: Some(8),
                mem_total_bytes: Some(8 << 30),
                mem_used_bytes: Some(3 << 30),
                load: Some([1.0, 1.0, 1.0]),
                uptime_s: Some(86_400 + self.now.utc.0.unsigned_abs() / 1_000),
                rtt_ms: Some(12),
                ..HostSample::default()
            };
            self.tell(Msg::Hosts(hosts::Msg::SampleArrived { host, sample: Box::new(sample) }));
        }
        for _ in 0..self.checks.len().div_ceil(15) {
            let Some(check) = self.checks.get(self.next).cloned() else { break };
            self.next = (self.next + 1) % self.checks.len();
            let slot = Timestamp(self.now.utc.0 / EVERY * EVERY);
            let result = CheckResult {
                check,
                slot,
                at: self.now.utc,
                outcome: Outcome::Up,
                took_ms: Some(12),
                detail: "connected".into(),
                cert_not_after: None,
            };
            self.tell(Msg::Services(services::Msg::ResultArrived { result, origin: Origin::Measured }));
        }
        for _ in 0..20 {
            self.now = Now { utc: self.now.utc + 100, mono: self.now.mono + 100 };
            self.tell(Msg::Ticked);
        }
    }
}
