//! One host: its latest readings, their ages, its history.
use std::collections::BTreeMap;

use super::{HostSample, LIMIT_MS, LIST_LIMIT_MS, LinkFault, Pm2List, Question, UnitState};
use crate::core::{
    alerts::{RuleSpec, Threshold},
    id::HostName,
    inventory::Host,
    record::HostMinute,
    ring::Ring,
    time::{MINUTE, Mono, Now, Timestamp},
};

/// Milliseconds between two points of the last ten minutes.
const STEP_MS: u64 = 2_000;
const RECENT: usize = 300;
/// Milliseconds of one point of the last hour.
const CELL_MS: i64 = 20_000;
const HOUR: usize = 180;
/// How a host is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Link {
    /// For the first time, or anew.
    Connecting {
        /// Since when.
        since: Timestamp,
    },
    /// It answers.
    Up {
        /// Round trip in milliseconds, when it was measured.
        rtt_ms: Option<u32>,
    },
    /// It does not.
    Stale {
        /// Since when.
        since: Timestamp,
        /// Which step failed.
        fault: LinkFault,
        /// What exactly, sanitised, in one line.
        reason: String,
        /// When it is tried again.
        retry_at: Option<Timestamp>,
        /// What only a person can answer.
        question: Option<Question>,
    },
}

/// How much a reading still says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Freshness {
    /// There is none yet.
    #[default]
    Never,
    /// As new as it can be.
    Live {
        /// Its age in milliseconds.
        age_ms: u64,
    },
    /// Overdue, or the host is lost: shown dimmed, with its age.
    Dimmed {
        /// Its age in milliseconds.
        age_ms: u64,
    },
    /// Older than its limit: `?`.
    Old {
        /// Its age in milliseconds.
        age_ms: u64,
    },
}

/// A source that gave up although the host is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// Since when.
    pub since: Timestamp,
    /// Why, sanitised.
    pub reason: String,
    /// When it is tried again.
    pub retry_at: Option<Timestamp>,
}

/// One point of a host's history.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Point {
    /// When; of a mean, the start of its cell.
    pub at: Timestamp,
    /// CPU in percent.
    pub cpu_pct: Option<f32>,
    /// Memory in percent.
    pub mem_pct: Option<f32>,
    /// One-minute load for each core.
    pub load_per_core: Option<f32>,
}

/// What of a host's history is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Chart {
    /// CPU in percent.
    Cpu,
    /// Memory in percent.
    Memory,
    /// One-minute load for each core.
    Load,
}

/// Since when which values have been past their rule's threshold. Whether that is an alert, is the rule's `for` to say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hot {
    /// CPU.
    pub cpu: Option<Mono>,
    /// Memory.
    pub mem: Option<Mono>,
    /// Space or inodes of the fullest disk.
    pub disk: Option<Mono>,
    /// Load for each core.
    pub load: Option<Mono>,
}

impl Hot {
    /// Says whether anything is.
    pub fn any(self) -> bool {
        self != Self::default()
    }
}

/// Thresholds that hold for a host, from the rules.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Limits {
    cpu: Option<Threshold>,
    mem: Option<Threshold>,
    disk_free: Option<Threshold>,
    disk_inodes: Option<Threshold>,
    load: Option<Threshold>,
}

/// Sum and count, for a mean.
#[derive(Clone, Copy, Debug, Default)]
struct Mean {
    sum: f64,
    count: u32,
}

/// Means of what is kept as history.
#[derive(Clone, Copy, Debug, Default)]
struct Means {
    start: Timestamp,
    samples: u32,
    cpu: Mean,
    mem: Mean,
    load: Mean,
    load_per_core: Mean,
}

/// One host.
#[derive(Clone, Debug)]
pub struct HostState {
    /// Its name.
    pub name: HostName,
    /// How it is reached.
    pub link: Link,
    pub(super) limits: Limits,
    sample: Option<(Mono, Box<HostSample>)>,
    pm2: Option<(Mono, Pm2List)>,
    units: Option<(Mono, Vec<UnitState>)>,
    pub(super) troubles: BTreeMap<&'static str, Trouble>,
    recent: Ring<Point>,
    hour: Ring<Point>,
    cell: Means,
    minute: Means,
    hot: Hot,
}

impl HostState {
    pub(super) fn new(name: HostName, now: Now) -> Self {
        Self {
            name,
            link: Link::Connecting { since: now.utc },
            limits: Limits::default(),
            sample: None,
            pm2: None,
            units: None,
            troubles: BTreeMap::new(),
            recent: Ring::new(RECENT),
            hour: Ring::new(HOUR),
            cell: Means::default(),
            minute: Means::default(),
            hot: Hot::default(),
        }
    }

    /// Says how much the last sample still says.
    pub fn freshness(&self, now: Mono) -> Freshness {
        freshness(self.sample.as_ref().map(|(at, _)| *at), now, LIMIT_MS, &self.link)
    }

    /// Says how much the last PM2 list still says.
    pub fn pm2_freshness(&self, now: Mono) -> Freshness {
        freshness(self.pm2.as_ref().map(|(at, _)| *at), now, LIST_LIMIT_MS, &self.link)
    }

    /// Says how much the units' last states still say.
    pub fn units_freshness(&self, now: Mono) -> Freshness {
        freshness(self.units.as_ref().map(|(at, _)| *at), now, LIST_LIMIT_MS, &self.link)
    }

    /// Returns the last sample while it says something about the present.
    pub fn sample(&self, now: Mono) -> Option<&HostSample> {
        self.sample.as_ref().filter(|(at, _)| now.since(*at) <= LIMIT_MS).map(|(_, sample)| &**sample)
    }

    /// Returns PM2's last list while it says something about the present.
    pub fn pm2(&self, now: Mono) -> Option<&Pm2List> {
        self.pm2_at(now).map(|(_, list)| list)
    }

    /// Returns the same with when it arrived.
    pub fn pm2_at(&self, now: Mono) -> Option<(Mono, &Pm2List)> {
        self.pm2.as_ref().filter(|(at, _)| now.since(*at) <= LIST_LIMIT_MS).map(|(at, list)| (*at, list))
    }

    /// Returns the units' last states while they say something about the present.
    pub fn units(&self, now: Mono) -> Option<&[UnitState]> {
        self.units.as_ref().filter(|(at, _)| now.since(*at) <= LIST_LIMIT_MS).map(|(_, units)| units.as_slice())
    }

    /// Returns the last sample however old, only ever to be shown as the past: dimmed, with its age.
    pub fn last_sample(&self) -> Option<&HostSample> {
        self.sample.as_ref().map(|(_, sample)| &**sample)
    }

    /// Returns PM2's last list however old, only ever to be shown as the past.
    pub fn last_pm2(&self) -> Option<&Pm2List> {
        self.pm2.as_ref().map(|(_, list)| list)
    }

    /// Returns the units' last states however old, only ever to be shown as the past.
    pub fn last_units(&self) -> &[UnitState] {
        self.units.as_ref().map(|(_, units)| units.as_slice()).unwrap_or_default()
    }

    /// Returns the sources that gave up although the host is reached, by name.
    pub fn troubles(&self) -> impl Iterator<Item = (&'static str, &Trouble)> {
        self.troubles.iter().map(|(source, trouble)| (*source, trouble))
    }

    /// Returns the last ten minutes, oldest first, two seconds apart at the least.
    pub fn recent(&self) -> impl DoubleEndedIterator<Item = &Point> + ExactSizeIterator {
        self.recent.iter()
    }

    /// Returns the last hour as means over twenty seconds, oldest first; a stretch without samples has no point.
    pub fn hour(&self) -> impl DoubleEndedIterator<Item = &Point> + ExactSizeIterator {
        self.hour.iter()
    }

    /// Returns what is past its threshold, and since when; nothing once the sample is old.
    pub fn hot(&self, now: Mono) -> Hot {
        if self.sample(now).is_some() { self.hot } else { Hot::default() }
    }

    /// Returns how hard the host is pressed: the greatest of CPU over 80 %, memory over 85 %, the fullest disk over 90 % and load over cores, so
    /// that 1 is where it hurts. None without a sample that says something.
    pub fn pressure(&self, now: Mono) -> Option<f32> {
        let sample = self.sample(now)?;
        let parts = [
            sample.cpu_pct.map(|pct| pct / 80.0),
            sample.mem_pct().map(|pct| pct / 85.0),
            sample.fullest_disk().and_then(super::Disk::used_pct).map(|pct| pct / 90.0),
            sample.load_per_core(),
        ];
        parts.into_iter().flatten().reduce(f32::max)
    }

    /// Takes a sample; returns the minute that it ended.
    pub(super) fn take_sample(&mut self, sample: Box<HostSample>, now: Now) -> Option<HostMinute> {
        let point = Point {
            at: sample.at,
            cpu_pct: sample.cpu_pct,
            mem_pct: sample.mem_pct(),
            load_per_core: sample.load_per_core(),
        };
        // A little less than the step, so that a sample that comes early is not left out.
        let due = self.recent.last().is_none_or(|last| sample.at.since(last.at).unsigned_abs() + 250 >= STEP_MS);
        if due {
            self.recent.push(point);
        }
        self.close_cell(sample.at);
        self.cell.add(&point, &sample);
        let ended = self.close_minute(sample.at);
        self.minute.add(&point, &sample);
        self.hot = self.limits.hot(&sample, self.hot, now.mono);
        self.sample = Some((now.mono, sample));
        ended
    }

    /// Puts stored minutes before what was seen here. Each stands as its mean for its three cells; the load of each core
    /// is not stored.
    pub(super) fn recall(&mut self, minutes: &[HostMinute]) {
        let cells = minutes.iter().flat_map(|minute| {
            (0..MINUTE / CELL_MS).map(|cell| Point {
                at: minute.at + cell * CELL_MS,
                cpu_pct: minute.cpu_pct,
                mem_pct: minute.mem_pct,
                load_per_core: None,
            })
        });
        // Nothing was measured here: what is recorded is all there is, however often it is read.
        if self.last_sample().is_none() {
            self.hour = Ring::new(HOUR);
            self.recent = Ring::new(RECENT);
        }
        let older = |ring: &Ring<Point>, begun: Option<Timestamp>| {
            let own = ring.iter().next().map(|point| point.at).into_iter().chain(begun).min();
            cells.clone().filter(move |point| own.is_none_or(|own| point.at < own)).collect::<Vec<_>>()
        };
        let begun = (self.cell.samples > 0).then_some(self.cell.start);
        let (hour, recent) = (older(&self.hour, begun), older(&self.recent, None));
        self.hour.precede(hour);
        self.recent.precede(recent);
    }

    /// Ends the twenty seconds that a moment is no longer part of.
    fn close_cell(&mut self, at: Timestamp) {
        let start = floor(at, CELL_MS);
        if self.cell.start != start {
            if self.cell.samples > 0 {
                self.hour.push(self.cell.point());
            }
            self.cell = Means { start, ..Means::default() };
        }
    }

    /// Ends the minute that a moment is no longer part of.
    pub(super) fn close_minute(&mut self, at: Timestamp) -> Option<HostMinute> {
        let start = floor(at, MINUTE);
        if self.minute.start == start {
            return None;
        }
        let ended = std::mem::replace(&mut self.minute, Means { start, ..Means::default() });
        (ended.samples > 0).then(|| HostMinute {
            host: self.name.clone(),
            at: ended.start,
            cpu_pct: ended.cpu.get(),
            mem_pct: ended.mem.get(),
            load: ended.load.get(),
        })
    }

    pub(super) fn take_pm2(&mut self, list: Pm2List, now: Mono) {
        self.pm2 = Some((now, list));
    }

    pub(super) fn take_units(&mut self, units: Vec<UnitState>, now: Mono) {
        self.units = Some((now, units));
    }
}

impl Chart {
    /// Returns its value of a point.
    pub fn of(self, point: &Point) -> Option<f32> {
        match self {
            Self::Cpu => point.cpu_pct,
            Self::Memory => point.mem_pct,
            Self::Load => point.load_per_core,
        }
    }
}

impl Freshness {
    /// Says whether a reading is as new as it can be: only then it is shown without its age being loud.
    pub fn is_live(self) -> bool {
        matches!(self, Self::Live { .. })
    }

    /// Says whether a reading is too old to be believed: only `?` is left of its numbers.
    pub fn is_old(self) -> bool {
        matches!(self, Self::Old { .. })
    }

    /// Returns the age in milliseconds; none without a reading.
    pub fn age_ms(self) -> Option<u64> {
        match self {
            Self::Never => None,
            Self::Live { age_ms } | Self::Dimmed { age_ms } | Self::Old { age_ms } => Some(age_ms),
        }
    }
}

fn freshness(at: Option<Mono>, now: Mono, limit_ms: u64, link: &Link) -> Freshness {
    let Some(at) = at else { return Freshness::Never };
    let age_ms = now.since(at);
    match link {
        _ if age_ms > limit_ms => Freshness::Old { age_ms },
        Link::Up { .. } if age_ms <= limit_ms / 2 => Freshness::Live { age_ms },
        Link::Up { .. } | Link::Connecting { .. } | Link::Stale { .. } => Freshness::Dimmed { age_ms },
    }
}

fn floor(at: Timestamp, step: i64) -> Timestamp {
    Timestamp(at.0.div_euclid(step).saturating_mul(step))
}

impl Mean {
    fn add(&mut self, value: Option<f32>) {
        if let Some(value) = value {
            self.sum += f64::from(value);
            self.count += 1;
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "a percentage loses nothing that is shown")]
    fn get(self) -> Option<f32> {
        (self.count > 0).then(|| (self.sum / f64::from(self.count)) as f32)
    }
}

impl Means {
    fn add(&mut self, point: &Point, sample: &HostSample) {
        self.samples += 1;
        self.cpu.add(point.cpu_pct);
        self.mem.add(point.mem_pct);
        self.load.add(sample.load.map(|[one, ..]| one));
        self.load_per_core.add(point.load_per_core);
    }

    fn point(&self) -> Point {
        Point {
            at: self.start,
            cpu_pct: self.cpu.get(),
            mem_pct: self.mem.get(),
            load_per_core: self.load_per_core.get(),
        }
    }
}

impl Limits {
    /// Finds the strictest threshold of each metric among the rules that hold for a host.
    pub(super) fn of<'a>(rules: impl Iterator<Item = &'a RuleSpec>, host: &Host) -> Self {
        let mut limits = Self::default();
        for rule in rules.filter(|rule| rule.enabled && holds(rule, host)) {
            let slot = match rule.metric.as_str() {
                "host.cpu" => &mut limits.cpu,
                "host.mem" => &mut limits.mem,
                "host.disk_free" => &mut limits.disk_free,
                "host.disk_inodes" => &mut limits.disk_inodes,
                "host.load_per_core" => &mut limits.load,
                _ => continue,
            };
            *slot = Some(slot.map_or(rule.threshold, |known| stricter(known, rule.threshold)));
        }
        limits
    }

    fn hot(&self, sample: &HostSample, before: Hot, now: Mono) -> Hot {
        let past = |limit: Option<Threshold>, value: Option<f32>| match (limit, value) {
            (Some(Threshold::Above(limit)), Some(value)) => f64::from(value) > limit,
            (Some(Threshold::Below(limit)), Some(value)) => f64::from(value) < limit,
            (Some(_), None) | (None, _) => false,
        };
        let since = |is: bool, before: Option<Mono>| is.then(|| before.unwrap_or(now));
        let disk = sample
            .disks
            .iter()
            .any(|disk| past(self.disk_free, disk.free_pct()) || past(self.disk_inodes, disk.inodes_pct));
        Hot {
            cpu: since(past(self.cpu, sample.cpu_pct), before.cpu),
            mem: since(past(self.mem, sample.mem_pct()), before.mem),
            disk: since(disk, before.disk),
            load: since(past(self.load, sample.load_per_core()), before.load),
        }
    }
}

/// Says whether a rule holds for a host: every `match` is its name, its environment or one of its labels.
fn holds(rule: &RuleSpec, host: &Host) -> bool {
    rule.matches.iter().all(|(key, value)| match key.as_str() {
        "host" => host.name.as_str() == value,
        "env" => host.env.as_ref().is_some_and(|env| env.as_str() == value),
        label => host.labels.get(label) == Some(value),
    })
}

fn stricter(a: Threshold, b: Threshold) -> Threshold {
    match (a, b) {
        (Threshold::Above(a), Threshold::Above(b)) => Threshold::Above(a.min(b)),
        (Threshold::Below(a), Threshold::Below(b)) => Threshold::Below(a.max(b)),
        (first, Threshold::Above(_) | Threshold::Below(_)) => first,
    }
}
