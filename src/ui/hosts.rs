//! All hosts, and one host.
use super::{
    overview::host_fact,
    page::{Band, Pane, Part, Room, table, zoom},
    rows::{self, value},
    service::{InstanceRow, instance, instance_columns},
    show::{HostRow, Level, Value},
    style::Ink,
    widgets::{
        chart::Chart,
        frame::Frame,
        meter,
        table::{Column, Table},
    },
    words::Words,
};
use crate::{
    config::theme::Role,
    core::{action::Action, screen::order::Order},
};

/// Lays all hosts out.
pub fn hosts(hosts: &[HostRow], room: Room<'_>) -> Vec<Band> {
    let Room { focus, glyphs, .. } = room;
    let fact = room.sorted(1, Order::Worst, host_fact(hosts));
    let mut pane = Pane::table(
        Frame::new(1, "Hosts").fact(fact).legend(Words::of("! over a limit   ? too old to be believed", Role::Dim)),
        Table {
            sorted: rows::host_sorted(&rows::host_columns_wide(), room.order(1)),
            ..table(rows::host_columns_wide(), hosts.iter().map(|row| rows::host_wide(row, glyphs)).collect(), 1, focus)
        },
        Words::of("no hosts configured: add [[host]] to qd.toml, then ", Role::Dim)
            .key(room.keys.of(Action::ReloadConfig), "reads it again"),
    );
    for row in hosts.iter().filter(|row| !row.reason.is_empty()) {
        let words = Words::of(" ? ", Role::Stale)
            .text(format!("{} ", row.name))
            .dim(format!("no data for {}: ", row.age))
            .add(row.reason.clone(), Role::Degraded);
        pane = pane.with(Part::Lines(vec![(words, Words::new())]));
    }
    vec![Band::new(vec![pane.focus(1)], 0).grow(1)]
}

/// One host.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HostDetail {
    /// As in the list, with an hour of history.
    pub row: HostRow,
    /// What it is: `4 cores  8.0 GB  up 41d  skew 12 ms`.
    pub facts: String,
    /// CPU per core in percent.
    pub cores: Vec<f32>,
    /// Label and value of pressure, steal, swap, network, disk.
    pub numbers: Vec<(String, Value)>,
    /// Mount, used part, and numbers.
    pub disks: Vec<DiskRow>,
    /// Busiest processes.
    pub top: Vec<ProcessRow>,
    /// PM2 processes and systemd units.
    pub instances: Vec<InstanceRow>,
    /// What their pane says: `PM2 logs 1.2 GB`, `no PM2 daemon`.
    pub pm2_fact: String,
    /// What stands under the oldest value of the charts.
    pub from: String,
}

/// A file system.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DiskRow {
    /// Where it is mounted.
    pub mount: String,
    /// Used part of one.
    pub part: f64,
    /// Used in percent.
    pub used: Value,
    /// Free: `12 GB`.
    pub free: String,
    /// Inodes in percent.
    pub inodes: Value,
}

/// A process.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProcessRow {
    /// Process id.
    pub pid: u32,
    /// Who runs it.
    pub user: String,
    /// CPU.
    pub cpu: Value,
    /// Memory.
    pub memory: String,
    /// Command.
    pub command: String,
}

/// Lays one host out.
pub fn host(of: &HostDetail, room: Room<'_>) -> Vec<Band> {
    let Room { wide, high, focus, .. } = room;
    let stale = of.row.stale;
    let age = if stale {
        Words::of(format!("{}! ", of.row.age), Ink::bold(Role::Degraded)).dim(of.row.reason.clone())
    } else {
        Words::of(format!("{} ago", of.row.age), Role::Faint)
    };
    let rows = (high / 4).clamp(7, 16);
    let chart = |digit: Option<u8>, name, now: &Value, values: &[Option<f32>], limits| {
        let mut frame = Frame::new(digit, name).fact(age.clone());
        frame.count = Words::of("60m ", Role::Dim).join(value(now));
        let chart = Chart { values: values.to_vec(), top: 100.0, limits, from: of.from.clone(), to: "now".into() };
        Pane::new(frame, vec![Part::Chart(chart, rows)]).focus(focus.pane)
    };
    let cpu = chart(Some(1), "CPU", &of.row.cpu, &of.row.cpu_history, rows::CPU_LIMITS);
    let memory = chart(None, "Memory", &of.row.memory, &of.row.memory_history, rows::MEMORY_LIMITS);
    let numbers = numbers(of, wide).focus(focus.pane);
    let top = Pane::table(
        Frame::new(2, "Top processes"),
        Table {
            sorted: rows::sorted(
                &process_columns(),
                &[(Order::Cpu, "CPU"), (Order::Memory, "MEM"), (Order::Name, "COMMAND")],
                room.order(2),
            ),
            ..table(process_columns(), of.top.iter().map(process).collect(), 4, focus)
        },
        Words::of("none were read", Role::Dim),
    )
    .focus(focus.pane);
    let instances = Pane::table(
        Frame::new(3, "PM2 and units").fact(Words::of(of.pm2_fact.clone(), Role::Dim)),
        table(instance_columns(), of.instances.iter().map(instance).collect(), 1, focus),
        Words::of("no PM2 daemon runs here, and no units are named in qd.toml", Role::Dim),
    )
    .focus(focus.pane);
    let charts = rows + 2;
    let bands = if wide >= 120 {
        vec![
            Band::new(vec![cpu, memory], charts),
            Band::new(vec![top, instances], 6).grow(1),
            Band::new(vec![numbers], 5).rank(1),
        ]
    } else {
        vec![
            Band::new(vec![cpu, memory], 7),
            Band::new(vec![numbers], 5),
            Band::new(vec![top], 5).rank(2).grow(1),
            Band::new(vec![instances], 4).rank(1),
        ]
    };
    zoom(bands, focus)
}

fn numbers(of: &HostDetail, wide: u16) -> Pane {
    let mut lines = Vec::new();
    if !of.cores.is_empty() {
        let per_row = usize::from(wide.saturating_sub(11) / 12).clamp(1, 16);
        for (row, cores) in of.cores.chunks(per_row).enumerate() {
            let mut words = Words::of(super::words::pad(if row == 0 { " cores" } else { "" }, 8), Role::Dim);
            for (at, pct) in cores.iter().enumerate() {
                let role = rows::CPU_LIMITS.fill(*pct);
                words = words
                    .faint(format!("{:>2} ", row * per_row + at))
                    .join(meter::words(f64::from(*pct) / 100.0, 4, role))
                    .text(format!(" {pct:>3.0} "));
            }
            lines.push((words, Words::new()));
        }
    }
    for pair in of.numbers.chunks(usize::from(wide.saturating_sub(3) / 25).clamp(1, 6)) {
        let mut words = Words::new().gap(1);
        for (label, number) in pair {
            let width = 25_usize.saturating_sub(super::words::width(label) + 1);
            let number = value(number).cut(width);
            let pad = width.saturating_sub(number.width());
            words = words.dim(format!("{label} ")).join(number).gap(pad);
        }
        lines.push((words, Words::new()));
    }
    for disk in &of.disks {
        let role = match disk.used.level {
            Level::Quiet | Level::Fine => Role::Chart1,
            Level::Warn => Role::DegradedFill,
            Level::Bad => Role::DownFill,
        };
        let words = Words::new()
            .gap(1)
            .dim(super::words::pad(&disk.mount, 12))
            .gap(1)
            .join(meter::words(disk.part, 12, role))
            .gap(1)
            .join(value(&disk.used))
            .dim(format!("  {} free  inodes ", disk.free))
            .join(value(&disk.inodes));
        lines.push((words, Words::new()));
    }
    let mut pane = Pane::new(
        Frame::new(4, "Now and disks").fact(Words::of(of.facts.clone(), Role::Dim)),
        vec![Part::Lines(lines)],
    );
    if of.row.stale {
        for part in &mut pane.parts {
            if let Part::Lines(lines) = part {
                for (left, _) in lines {
                    *left = left.clone().faded(Role::Stale);
                }
            }
        }
    }
    pane
}

fn process_columns() -> Vec<Column> {
    vec![
        Column::number("PID", 7),
        Column::text("USER", 8).rank(1),
        Column::number("CPU", 5),
        Column::number("MEM", 6),
        Column::text("COMMAND", 10).gap(2).grow(300),
    ]
}

fn process(row: &ProcessRow) -> Vec<Words> {
    vec![
        Words::of(row.pid.to_string(), Role::Dim),
        Words::of(row.user.clone(), Role::Dim),
        value(&row.cpu),
        Words::of(row.memory.clone(), Role::Text),
        Words::of(row.command.clone(), Role::Text),
    ]
}
