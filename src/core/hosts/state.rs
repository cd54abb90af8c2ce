//! All hosts, and how messages change them.
use std::collections::HashMap;

use super::{Fact, Freshness, HostState, Link, Msg, Out, Trouble, host::Limits};
use crate::core::{
    id::HostName,
    inventory::Inventory,
    record::Row,
    time::{Mono, Now, Timestamp},
};

/// Seconds by which the uptime may fall short before the host counts as started anew.
const REBOOT_SLACK_S: u64 = 5;

/// Milliseconds after its end in which a minute waits for its last sample.
const MINUTE_SLACK_MS: i64 = 5_000;

/// All hosts, in the order of the configuration.
#[derive(Clone, Debug, Default)]
pub struct State {
    hosts: Vec<HostState>,
    index: HashMap<HostName, usize>,
}

/// All hosts in one line.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Fleet {
    /// Hosts.
    pub hosts: usize,
    /// Mean CPU of those that are known.
    pub cpu_pct: Option<f32>,
    /// Mean memory of those that are known.
    pub mem_pct: Option<f32>,
    /// Hosts with a value past its threshold.
    pub hot: usize,
    /// Hosts of which nothing is known now.
    pub unknown: usize,
    /// The greatest difference of a host's clock, in milliseconds.
    pub skew_ms: Option<u64>,
}

impl State {
    /// Iterates over all hosts in the order of the configuration.
    pub fn hosts(&self) -> impl ExactSizeIterator<Item = &HostState> {
        self.hosts.iter()
    }

    /// Finds a host.
    pub fn host(&self, name: &HostName) -> Option<&HostState> {
        self.index.get(name).and_then(|at| self.hosts.get(*at))
    }

    /// Returns all hosts, worst first: values past their thresholds, then those of which nothing is known, then the rest; among
    /// equals the greater pressure, then the name.
    pub fn worst_first(&self, now: Mono) -> Vec<&HostState> {
        let mut keyed: Vec<(u8, f32, &HostState)> = self
            .hosts
            .iter()
            .map(|host| match host.pressure(now) {
                Some(pressure) => (if host.hot(now).any() { 0 } else { 2 }, pressure, host),
                None => (1, 0.0, host),
            })
            .collect();
        keyed.sort_by(|a, b| a.0.cmp(&b.0).then(b.1.total_cmp(&a.1)).then_with(|| a.2.name.cmp(&b.2.name)));
        keyed.into_iter().map(|(_, _, host)| host).collect()
    }

    /// Sums all hosts up.
    pub fn fleet(&self, now: Mono) -> Fleet {
        let mean = |value: fn(&super::HostSample) -> Option<f32>| {
            let values = self.hosts.iter().filter_map(|host| host.sample(now).and_then(value));
            let (sum, count) = values.fold((0.0_f32, 0_usize), |(sum, count), value| (sum + value, count + 1));
            (count > 0).then(|| sum / count as f32)
        };
        let unknown = |host: &&HostState| matches!(host.freshness(now), Freshness::Never | Freshness::Old { .. });
        Fleet {
            hosts: self.hosts.len(),
            cpu_pct: mean(|sample| sample.cpu_pct),
            mem_pct: mean(super::HostSample::mem_pct),
            hot: self.hosts.iter().filter(|host| host.hot(now).any()).count(),
            unknown: self.hosts.iter().filter(unknown).count(),
            skew_ms: self.hosts.iter().filter_map(|host| host.sample(now)?.skew_ms.map(i64::unsigned_abs)).max(),
        }
    }

    fn host_mut(&mut self, name: &HostName) -> Option<&mut HostState> {
        self.index.get(name).and_then(|at| self.hosts.get_mut(*at))
    }
}

/// Changes the state by what happened. What is about a host that the configuration no longer has, is let go.
pub fn update(state: &mut State, msg: Msg, now: Now, inventory: &Inventory) -> Out {
    let mut out = Out::default();
    match msg {
        Msg::InventoryReplaced => replace(state, now, inventory),
        Msg::SampleArrived { host, sample } => {
            if let Some(host) = state.host_mut(&host) {
                host.troubles.remove("ssh_metrics");
                let rtt_ms = sample.rtt_ms;
                if let (Some(before), Some(after)) = (host.last_sample(), sample.uptime_s)
                    && before.uptime_s.is_some_and(|before| after.saturating_add(REBOOT_SLACK_S) < before)
                {
                    let at = now.utc - i64::try_from(after.saturating_mul(1_000)).unwrap_or(0);
                    out.facts.push(Fact::Rebooted { host: host.name.clone(), at });
                }
                out.rows.extend(host.take_sample(sample, now).map(Row::HostMinute));
                relink(host, Link::Up { rtt_ms }, &mut out);
            }
        }
        Msg::MinutesLoaded { host, minutes } => {
            if let Some(host) = state.host_mut(&host) {
                host.recall(&minutes);
            }
        }
        Msg::Pm2Arrived { host, list } => {
            if let Some(host) = state.host_mut(&host) {
                host.troubles.remove("pm2");
                host.take_pm2(list, now.mono);
            }
        }
        Msg::UnitsArrived { host, units } => {
            if let Some(host) = state.host_mut(&host) {
                host.troubles.remove("systemd");
                host.take_units(units, now.mono);
            }
        }
        // What they say is compared beside: here it only counts that they came.
        Msg::FilesRead { host, .. } => {
            if let Some(host) = state.host_mut(&host) {
                host.troubles.remove("config_files");
            }
        }
        Msg::LinkChanged { host, link } => {
            if let Some(host) = state.host_mut(&host) {
                relink(host, link, &mut out);
            }
        }
        Msg::SourceEnded { host, source, reason, retry_at } => {
            if let Some(host) = state.host_mut(&host) {
                let since = host.troubles.get(source).map_or(now.utc, |trouble| trouble.since);
                host.troubles.insert(source, Trouble { since, reason, retry_at });
            }
        }
        Msg::Ticked => {
            // A sample of the minute that just ended may still be on its way.
            let at = now.utc - MINUTE_SLACK_MS;
            out.rows.extend(state.hosts.iter_mut().filter_map(|host| host.close_minute(at)).map(Row::HostMinute));
        }
    }
    out
}

fn replace(state: &mut State, now: Now, inventory: &Inventory) {
    let mut known: HashMap<HostName, HostState> =
        std::mem::take(&mut state.hosts).into_iter().map(|host| (host.name.clone(), host)).collect();
    for spec in &inventory.hosts {
        let mut host = known.remove(&spec.name).unwrap_or_else(|| HostState::new(spec.name.clone(), now));
        host.limits = Limits::of(inventory.rules.iter().map(|rule| &**rule), spec);
        state.hosts.push(host);
    }
    state.index = state.hosts.iter().enumerate().map(|(at, host)| (host.name.clone(), at)).collect();
}

/// Takes a new link; a loss keeps its beginning through all attempts to mend it.
fn relink(host: &mut HostState, link: Link, out: &mut Out) {
    let lost_at = |link: &Link| match link {
        Link::Stale { since, .. } => Some(*since),
        Link::Connecting { .. } | Link::Up { .. } => None,
    };
    let before: Option<Timestamp> = lost_at(&host.link);
    host.link = match (link, before) {
        (Link::Up { rtt_ms }, before) => {
            if let Some(lost_at) = before {
                out.facts.push(Fact::LinkRestored { host: host.name.clone(), lost_at });
            }
            Link::Up { rtt_ms }
        }
        (Link::Stale { fault, reason, retry_at, question, .. }, Some(since)) => {
            Link::Stale { since, fault, reason, retry_at, question }
        }
        (Link::Stale { since, fault, reason, retry_at, question }, None) => {
            out.facts.push(Fact::LinkLost { host: host.name.clone(), fault, reason: reason.clone() });
            Link::Stale { since, fault, reason, retry_at, question }
        }
        // Trying anew is no news while the reason of the loss is what a person wants to see.
        (Link::Connecting { .. }, Some(_)) => return,
        (Link::Connecting { since }, None) => Link::Connecting { since },
    };
}
