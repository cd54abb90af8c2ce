use std::{collections::BTreeMap, sync::Arc};

use super::*;
use crate::core::{
    alerts::{RuleSpec, Severity, Threshold},
    id::HostName,
    inventory::{Host, Inventory},
    record::{HostMinute, Row},
    time::{Mono, Now, Timestamp},
};

/// A full minute in UTC.
const BASE: i64 = 1_795_200_000_000;

fn now(ms: u64) -> Now {
    Now { utc: Timestamp(BASE + i64::try_from(ms).unwrap()), mono: Mono(ms) }
}

fn host(name: &str) -> Host {
    Host {
        env: Some("prod".into()),
        labels: BTreeMap::from([("role".to_owned(), "api".to_owned())]),
        ..Host::new(name)
    }
}

fn rule(metric: &str, threshold: Threshold, matches: &[(&str, &str)]) -> Arc<RuleSpec> {
    Arc::new(RuleSpec {
        name: metric.into(),
        metric: metric.into(),
        threshold,
        clear: None,
        for_ms: 0,
        severity: Severity::P2,
        matches: matches.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        enabled: true,
    })
}

struct World {
    state: State,
    inventory: Inventory,
}

impl World {
    fn new(hosts: &[&str]) -> Self {
        let inventory = Inventory {
            hosts: hosts.iter().map(|name| Arc::new(host(name))).collect(),
            rules: vec![
                rule("host.cpu", Threshold::Above(80.0), &[("env", "prod")]),
                rule("host.cpu", Threshold::Above(50.0), &[("role", "db")]),
                rule("host.disk_free", Threshold::Below(10.0), &[]),
            ],
            ..Inventory::default()
        };
        let mut world = Self { state: State::default(), inventory };
        assert_eq!(world.send(Msg::InventoryReplaced, 0), Out::default());
        world
    }

    fn send(&mut self, msg: Msg, ms: u64) -> Out {
        update(&mut self.state, msg, now(ms), &self.inventory)
    }

    fn sample(&mut self, host: &str, ms: u64, sample: HostSample) -> Out {
        let sample = Box::new(HostSample { at: now(ms).utc, ..sample });
        self.send(Msg::SampleArrived { host: host.into(), sample }, ms)
    }

    fn pm2(&mut self, ms: u64, processes: &[(u32, &str, &str, u32)]) {
        let process = |(pm_id, name, status, restarts): &(u32, &str, &str, u32)| Pm2Process {
            pm_id: *pm_id,
            name: (*name).to_owned(),
            status: (*status).to_owned(),
            restarts: *restarts,
            autorestart: true,
            ..Pm2Process::default()
        };
        let list = Pm2List { daemon: true, processes: processes.iter().map(process).collect(), ..Pm2List::default() };
        assert_eq!(self.send(Msg::Pm2Arrived { host: "a".into(), list }, ms), Out::default());
    }

    fn host(&self, name: &str) -> &HostState {
        self.state.host(&HostName::from(name)).unwrap()
    }
}

fn cpu(pct: f32) -> HostSample {
    HostSample { cpu_pct: Some(pct), core_count: Some(2), load: Some([1.0, 1.0, 1.0]), ..HostSample::default() }
}

fn disk(mount: &str, used: u64, avail: u64) -> Disk {
    Disk { mount: mount.into(), size_bytes: 100, used_bytes: used, avail_bytes: avail, inodes_pct: Some(30.0) }
}

fn stale(since: u64, reason: &str) -> Link {
    let since = now(since).utc;
    Link::Stale { since, fault: LinkFault::Timeout, reason: reason.into(), retry_at: None, question: None }
}

#[test]
fn values_are_live_then_dimmed_then_unknown() {
    let mut world = World::new(&["a"]);
    assert_eq!(world.host("a").freshness(Mono(0)), Freshness::Never);
    drop(world.sample("a", 1_000, cpu(40.0)));
    let a = world.host("a");
    assert_eq!(a.freshness(Mono(3_000)), Freshness::Live { age_ms: 2_000 });
    assert_eq!(a.freshness(Mono(20_000)), Freshness::Dimmed { age_ms: 19_000 });
    assert!(a.sample(Mono(31_000)).is_some());
    assert_eq!(a.freshness(Mono(31_001)), Freshness::Old { age_ms: 30_001 });
    assert!(a.sample(Mono(31_001)).is_none() && a.last_sample().is_some());
}

#[test]
fn a_lost_link_dims_at_once_and_keeps_its_beginning() {
    let mut world = World::new(&["a"]);
    drop(world.sample("a", 1_000, cpu(40.0)));
    let lost = world.send(Msg::LinkChanged { host: "a".into(), link: stale(2_000, "ssh timeout") }, 2_000);
    let fact = Fact::LinkLost { host: "a".into(), fault: LinkFault::Timeout, reason: "ssh timeout".into() };
    assert_eq!(lost.facts, [fact]);
    assert_eq!(world.host("a").freshness(Mono(2_500)), Freshness::Dimmed { age_ms: 1_500 });
    let again =
        world.send(Msg::LinkChanged { host: "a".into(), link: Link::Connecting { since: now(5_000).utc } }, 5_000);
    let still = world.send(Msg::LinkChanged { host: "a".into(), link: stale(6_000, "refused") }, 6_000);
    assert_eq!((again, still), (Out::default(), Out::default()));
    let Link::Stale { since, reason, .. } = &world.host("a").link else { panic!("{:?}", world.host("a").link) };
    assert_eq!((*since, reason.as_str()), (now(2_000).utc, "refused"));
    let back = world.sample("a", 9_000, cpu(10.0));
    assert_eq!(back.facts, [Fact::LinkRestored { host: "a".into(), lost_at: now(2_000).utc }]);
    assert_eq!(world.host("a").link, Link::Up { rtt_ms: None });
}

#[test]
fn a_host_never_reached_says_why_once() {
    let mut world = World::new(&["a"]);
    let out = world.send(Msg::LinkChanged { host: "a".into(), link: stale(0, "no such host") }, 0);
    let fact = Fact::LinkLost { host: "a".into(), fault: LinkFault::Timeout, reason: "no such host".into() };
    assert_eq!(out.facts, [fact]);
    let again = world.send(Msg::LinkChanged { host: "a".into(), link: stale(5_000, "no such host") }, 5_000);
    assert_eq!(again, Out::default());
}

#[test]
fn worst_first_is_hot_then_unknown_then_by_pressure() {
    let mut world = World::new(&["calm", "busy", "lost", "hot", "full"]);
    for (name, sample) in [
        ("calm", cpu(5.0)),
        ("busy", cpu(70.0)),
        ("hot", cpu(91.0)),
        ("full", HostSample { disks: vec![disk("/", 95, 5)], ..cpu(1.0) }),
    ] {
        drop(world.sample(name, 1_000, sample));
    }
    let order: Vec<&str> = world.state.worst_first(Mono(2_000)).iter().map(|host| host.name.as_str()).collect();
    assert_eq!(order, ["hot", "full", "lost", "busy", "calm"]);
    let fleet = world.state.fleet(Mono(2_000));
    assert_eq!(
        (fleet.hosts, fleet.hot, fleet.unknown, fleet.cpu_pct),
        (5, 2, 1, Some((5.0 + 70.0 + 91.0 + 1.0) / 4.0))
    );
    let later = world.state.fleet(Mono(60_000));
    assert_eq!(
        (later.hot, later.unknown, later.cpu_pct, later.skew_ms),
        (0, 5, None, None),
        "old is unknown, not calm"
    );
}

#[test]
fn hot_says_since_when() {
    let mut world = World::new(&["a"]);
    for (ms, pct) in [(1_000, 79.0), (3_000, 81.0), (5_000, 95.0)] {
        drop(world.sample("a", ms, cpu(pct)));
    }
    assert_eq!(world.host("a").hot(Mono(5_000)).cpu, Some(Mono(3_000)));
    drop(world.sample("a", 7_000, cpu(60.0)));
    assert_eq!(world.host("a").hot(Mono(7_000)), Hot::default());
}

#[test]
fn what_the_built_in_rules_say_of_a_host_makes_it_hot() {
    let full = |inodes| HostSample {
        disks: vec![Disk { inodes_pct: Some(inodes), ..disk("/", 50, 50) }],
        ..HostSample::default()
    };
    let memory = HostSample { mem_total_bytes: Some(100), mem_used_bytes: Some(99), ..HostSample::default() };
    let load = HostSample { load: Some([99.0; 3]), core_count: Some(2), ..HostSample::default() };
    let space = HostSample { disks: vec![disk("/", 95, 5)], ..HostSample::default() };
    for (what, sample, hot) in [
        ("CPU", cpu(99.0), true),
        ("memory", memory, true),
        ("load", load, true),
        ("space", space, true),
        ("inodes", full(95.0), true),
        ("nothing", full(50.0), false),
    ] {
        let mut world = World::new(&["a"]);
        world.inventory.rules = crate::core::alerts::builtin_rules().into_iter().map(Arc::new).collect();
        drop(world.send(Msg::InventoryReplaced, 0));
        drop(world.sample("a", 1_000, sample));
        assert_eq!(world.host("a").hot(Mono(1_000)).any(), hot, "{what}");
    }
}

#[test]
fn a_minute_becomes_one_row() {
    let mut world = World::new(&["a"]);
    for (ms, pct) in [(1_000, 10.0), (20_000, 20.0), (59_000, 60.0)] {
        assert_eq!(world.sample("a", ms, cpu(pct)).rows, []);
    }
    let rows = world.sample("a", 61_000, cpu(99.0)).rows;
    let [Row::HostMinute(minute)] = rows.as_slice() else { panic!("{rows:?}") };
    assert_eq!(
        (minute.at, minute.cpu_pct, minute.load, minute.mem_pct),
        (Timestamp(BASE), Some(30.0), Some(1.0), None)
    );
    assert_eq!(world.send(Msg::Ticked, 121_000).rows, [], "its last sample may be on the way");
    assert_eq!(world.send(Msg::Ticked, 125_000).rows.len(), 1, "a host gone silent ends its minute too");
    assert_eq!(world.send(Msg::Ticked, 300_000).rows, [], "a minute without samples is no row");
}

#[test]
fn history_is_bounded_and_shows_gaps() {
    let mut world = World::new(&["a"]);
    for n in 0..4_000_u64 {
        drop(world.sample("a", n * 1_000, cpu(50.0)));
    }
    let a = world.host("a");
    assert_eq!((a.recent().len(), a.hour().len()), (300, 180));
    let first = a.recent().next().unwrap().at;
    assert_eq!(now(3_999_000).utc.since(first) / 60_000, 9, "ten minutes, less the last step");
    drop(world.sample("a", 5_000_000, cpu(50.0)));
    drop(world.sample("a", 5_021_000, cpu(70.0)));
    let a = world.host("a");
    let cells: Vec<i64> = a.hour().rev().take(2).map(|point| point.at.since(Timestamp(BASE))).collect();
    assert_eq!(cells, [5_000_000, 3_980_000]);
    assert_eq!(Chart::Cpu.of(a.hour().next_back().unwrap()), Some(50.0));
}

#[test]
fn charts_are_kept_as_text_with_what_was_before_and_after_and_gaps_as_gaps() {
    let mut world = World::new(&["a"]);
    assert_eq!(charted(world.host("a"), Timestamp(BASE)), None, "nothing was measured");
    for second in (0..600).chain(780..1_200) {
        let pct = if second < 900 { 20.0 } else { 95.0 };
        drop(world.sample("a", second * 1_000, cpu(pct)));
    }
    let text = charted(world.host("a"), now(900_000).utc).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("a: ") && lines[0].ends_with(&now(900_000).utc.rfc3339()), "{text}");
    assert!(
        lines[1].contains("before 20.0 (at most 20.0)") && lines[1].ends_with("after 95.0 (at most 95.0)"),
        "{text}"
    );
    assert_eq!(lines[2].trim(), "▂▂▂▂▂▂▂▂▂▂···▂▂|█████", "{text}");
    assert!(lines[3].contains("before ?") && lines[3].ends_with("after ?"), "{text}");
    assert!(lines[4].trim().chars().all(|sign| "·|".contains(sign)), "what is not known is no zero: {text}");
}

#[test]
fn a_reboot_is_told() {
    let mut world = World::new(&["a"]);
    drop(world.sample("a", 1_000, HostSample { uptime_s: Some(5_000), ..cpu(1.0) }));
    let out = world.sample("a", 60_500, HostSample { uptime_s: Some(10), ..cpu(1.0) });
    assert_eq!(out.facts, [Fact::Rebooted { host: "a".into(), at: now(50_500).utc }]);
}

#[test]
fn a_source_that_gave_up_shows_why_until_it_reads_again() {
    let mut world = World::new(&["a"]);
    for (ms, reason) in [(1_000, "no pm2"), (9_000, "no pm2 on this host")] {
        let (host, reason) = ("a".into(), reason.to_owned());
        drop(world.send(Msg::SourceEnded { host, source: "pm2", reason, retry_at: None }, ms));
    }
    let (source, trouble) = world.host("a").troubles().next().unwrap();
    assert_eq!((source, trouble.since, trouble.reason.as_str()), ("pm2", now(1_000).utc, "no pm2 on this host"));
    world.pm2(10_000, &[]);
    assert_eq!(world.host("a").troubles().count(), 0);
}

#[test]
fn a_reload_keeps_what_is_known_and_lets_go_what_is_gone() {
    let mut world = World::new(&["a", "b"]);
    drop(world.sample("a", 1_000, cpu(70.0)));
    world.inventory.hosts = vec![Arc::new(host("c")), Arc::new(host("a"))];
    drop(world.send(Msg::InventoryReplaced, 2_000));
    assert_eq!(world.state.hosts().map(|host| host.name.as_str()).collect::<Vec<_>>(), ["c", "a"]);
    assert!(world.host("a").sample(Mono(2_000)).is_some());
    assert_eq!(world.sample("b", 3_000, cpu(1.0)), Out::default(), "a late sample of a host that is gone");
}

#[test]
fn stored_minutes_stand_before_what_was_seen_here() {
    let mut world = World::new(&["a"]);
    _ = world.sample("a", 30_000, cpu(40.0));
    let minute = |back: i64| HostMinute {
        host: "a".into(),
        at: Timestamp(BASE - back * 60_000),
        cpu_pct: Some(10.0),
        mem_pct: None,
        load: Some(1.0),
    };
    // Five minutes that nobody recorded stay a gap; the last minute overlaps what was seen here.
    let minutes = [8, 2, 1, 0].map(minute).to_vec();
    assert_eq!(world.send(Msg::MinutesLoaded { host: "a".into(), minutes }, 31_000), Out::default());
    let seconds = |point: &Point| (point.at.since(Timestamp(BASE)) / 1_000, point.cpu_pct);
    let recent: Vec<_> = world.host("a").recent().map(seconds).collect();
    let old = |second| (second, Some(10.0));
    let wanted = [-480, -460, -440, -120, -100, -80, -60, -40, -20, 0, 20].map(old);
    assert_eq!(recent, [wanted.as_slice(), &[(30, Some(40.0))]].concat());
    // The hour's cell under way is the sample's own.
    assert_eq!(world.host("a").hour().next_back().map(seconds), Some(old(0)));
}
