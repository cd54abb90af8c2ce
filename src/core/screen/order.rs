//! In which order the rows of a pane stand, and how they are put there.
use super::{Pane, RowKey, View, rows};
use crate::core::{
    State,
    hosts::{HostSample, Process},
    services::verdict::Level,
    time::Now,
};

/// An order of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// What needs a person first.
    Worst,
    /// The newest first.
    Newest,
    /// As the configuration has them.
    Configured,
    /// By name.
    Name,
    /// The lowest availability of ninety days first.
    Availability,
    /// The slowest first.
    Latency,
    /// The most CPU first.
    Cpu,
    /// The most memory first.
    Memory,
    /// The fullest file system first.
    Disk,
    /// The greatest load per core first.
    Load,
    /// By what they are about.
    Target,
}

impl Order {
    /// Says it in words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Worst => "worst first",
            Self::Newest => "newest first",
            Self::Configured => "as configured",
            Self::Name => "by name",
            Self::Availability => "by availability",
            Self::Latency => "slowest first",
            Self::Cpu => "by CPU",
            Self::Memory => "by memory",
            Self::Disk => "by disk",
            Self::Load => "by load",
            Self::Target => "by target",
        }
    }
}

impl Pane {
    /// The orders its rows can stand in; the first is the one they begin with. None: they have one place each, as entries of
    /// a timeline have.
    pub const fn orders(self) -> &'static [Order] {
        match self {
            Self::Services => &[Order::Worst, Order::Name, Order::Availability, Order::Latency],
            Self::Hosts => &[Order::Worst, Order::Name, Order::Cpu, Order::Memory, Order::Disk, Order::Load],
            Self::Alerts | Self::Incidents => &[Order::Worst, Order::Newest, Order::Target],
            Self::Runs => &[Order::Newest, Order::Target],
            Self::Checks => &[Order::Configured, Order::Worst, Order::Name, Order::Latency],
            Self::Processes => &[Order::Cpu, Order::Memory, Order::Name],
            Self::Updates
            | Self::Availability
            | Self::Instances
            | Self::Charts
            | Self::Disks
            | Self::Facts
            | Self::Timeline
            | Self::Suspects
            | Self::Change
            | Self::Difference
            | Self::Looked
            | Self::Book
            | Self::BookStep
            | Self::Books
            | Self::Sections
            | Self::Handover
            | Self::Paper
            | Self::Steps
            | Self::Output
            | Self::Proof
            | Self::PipelineRuns
            | Self::PipelineJobs
            | Self::JobLog
            | Self::Histogram
            | Self::Lines
            | Self::Patterns
            | Self::Fields
            | Self::Web(_)
            | Self::Audit
            | Self::Outbox
            | Self::Findings
            | Self::Finding
            | Self::Windows
            | Self::Window
            | Self::Request
            | Self::Entry
            | Self::Messages => &[],
        }
    }
}

impl super::State {
    /// Returns the order that a pane's rows stand in; none where they have only one.
    pub fn order_of(&self, pane: Pane) -> Option<Order> {
        let orders = pane.orders();
        let turned = self.sort.get(&pane).copied().unwrap_or(0);
        orders.get(turned % orders.len().max(1)).copied()
    }
}

/// Puts rows into an order; they come in the one the pane begins with, which decides among equals.
pub(super) fn sort(state: &State, (view, pane): (&View, Pane), order: Order, rows: &mut [RowKey], now: Now) {
    match order {
        Order::Configured => {}
        // Only checks do not come like that.
        Order::Worst => rows.sort_by_key(|row| worst_check(state, row, now)),
        Order::Newest => rows.sort_by_key(|row| std::cmp::Reverse(began(state, row, now))),
        Order::Name => rows.sort_by_cached_key(|row| match process(state, view, row) {
            Some(process) => process.command.clone(),
            None => rows::text(state, pane, row),
        }),
        Order::Target => rows.sort_by_cached_key(|row| target(state, row)),
        Order::Availability => by_greatest(rows, |row| availability_missing(state, row)),
        Order::Latency => by_greatest(rows, |row| latency(state, row)),
        Order::Cpu => by_greatest(rows, |row| match process(state, view, row) {
            Some(process) => Some(process.cpu_pct),
            None => of_sample(state, row, now, |sample| sample.cpu_pct),
        }),
        Order::Memory => by_greatest(rows, |row| match process(state, view, row) {
            #[expect(clippy::cast_precision_loss, reason = "an order, not a figure")]
            Some(process) => Some(process.rss_bytes as f32),
            None => of_sample(state, row, now, HostSample::mem_pct),
        }),
        Order::Disk => by_greatest(rows, |row| {
            of_sample(state, row, now, |sample| sample.fullest_disk().and_then(crate::core::hosts::Disk::used_pct))
        }),
        Order::Load => by_greatest(rows, |row| {
            let RowKey::Host(name) = row else { return None };
            state.hosts.host(name)?.recent().next_back()?.load_per_core
        }),
    }
}

/// Sorts the greatest first; what has no number comes last.
fn by_greatest(rows: &mut [RowKey], value: impl Fn(&RowKey) -> Option<f32>) {
    let rank = |row: &RowKey| value(row).unwrap_or(f32::NEG_INFINITY);
    rows.sort_by(|a, b| rank(b).total_cmp(&rank(a)));
}

fn of_sample(state: &State, row: &RowKey, now: Now, value: impl Fn(&HostSample) -> Option<f32>) -> Option<f32> {
    let RowKey::Host(name) = row else { return None };
    value(state.hosts.host(name)?.sample(now.mono)?)
}

fn availability_missing(state: &State, row: &RowKey) -> Option<f32> {
    let RowKey::Service(id) = row else { return None };
    let percent = state.services.service(id)?.figures.d90.figure(1).percent?;
    #[expect(clippy::cast_possible_truncation, reason = "an order, not a figure")]
    Some(100.0 - percent.pct() as f32)
}

fn latency(state: &State, row: &RowKey) -> Option<f32> {
    let took = if let RowKey::Check(id) = row {
        state.services.check(id)?.last.as_ref()?.took_ms
    } else if let RowKey::Service(id) = row {
        state.services.service(id)?.checks.iter().filter_map(|check| check.last.as_ref()?.took_ms).max()
    } else {
        None
    };
    #[expect(clippy::cast_precision_loss, reason = "an order, not a figure")]
    took.map(|ms| ms as f32)
}

fn worst_check(state: &State, row: &RowKey, now: Now) -> u8 {
    let RowKey::Check(id) = row else { return 0 };
    match state.services.check(id).and_then(|check| check.level(now.utc)) {
        Some(Level::Down) => 0,
        Some(Level::Degraded) => 1,
        None => 2,
        Some(Level::Up) => 3,
    }
}

/// Finds a process of the host in view.
fn process<'a>(state: &'a State, view: &View, row: &RowKey) -> Option<&'a Process> {
    let (View::Host(name), RowKey::Process(pid)) = (view, row) else { return None };
    state.hosts.host(name)?.last_sample()?.top.iter().find(|process| process.pid == *pid)
}

fn began(state: &State, row: &RowKey, now: Now) -> i64 {
    if let RowKey::Alert(uid) = row {
        state.alerts.alert(*uid).map_or(0, |alert| alert.since.0)
    } else if let RowKey::Incident(uid) = row {
        state.incidents.incidents.get(uid).map_or(0, |incident| incident.opened.0)
    } else if let RowKey::Run(uid) = row {
        state.runs.runs.get(uid).map_or(0, |run| run.at.0)
    } else {
        // What does not fire yet is newer than all that does.
        now.utc.0
    }
}

fn target(state: &State, row: &RowKey) -> String {
    if let RowKey::Alert(uid) = row {
        state.alerts.alert(*uid).map_or_else(String::new, |alert| format!("{:?}", alert.target))
    } else if let RowKey::Pending(_, target) = row {
        format!("{target:?}")
    } else if let RowKey::Incident(uid) = row {
        let service = state.incidents.incidents.get(uid).and_then(|incident| incident.service.as_ref());
        service.map_or_else(String::new, ToString::to_string)
    } else if let RowKey::Run(uid) = row {
        state.runs.runs.get(uid).map_or_else(String::new, |run| run.plan.service.to_string())
    } else {
        String::new()
    }
}
