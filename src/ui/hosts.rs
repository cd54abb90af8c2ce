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
    core::{action::Action, hosts::Freshness, screen::order::Order, time},
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
        let words = Words::of(" ? ", Role::Stale).text(format!("{} ", row.name));
        pane = pane.with(Part::Lines(broken(words, &row.reason, room.wide.saturating_sub(3))));
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
    /// A moment that is marked in them: minutes before now, and its name.
    pub mark: Option<(usize, String)>,
    /// How much the numbers, disks and processes still say.
    pub sample_age: Freshness,
    /// How much the lists of PM2 and systemd still say.
    pub lists_age: Freshness,
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
    pub free: Value,
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
    pub memory: Value,
    /// Command.
    pub command: String,
}

/// Lays one host out.
pub fn host(of: &HostDetail, room: Room<'_>) -> Vec<Band> {
    let Room { wide, high, focus, .. } = room;
    let stale = of.row.stale;
    let age = if of.sample_age.is_live() {
        Words::of(format!("{} ago", of.row.age), Role::Faint)
    } else {
        aged(of.sample_age)
    };
    let rows = (high / 4).clamp(7, 16);
    let chart = |digit: Option<u8>, name, now: &Value, values: &[Option<f32>], limits| {
        let mut frame = Frame::new(digit, name).fact(age.clone());
        let now = if stale { value(now).faded(Role::Stale) } else { value(now) };
        frame.count = Words::of("60m ", Role::Dim).join(now);
        let chart = Chart {
            values: values.to_vec(),
            of: rows::HISTORY,
            top: 100.0,
            limits,
            from: of.from.clone(),
            to: "now".into(),
            mark: of.mark.clone(),
        };
        Pane::new(frame, vec![Part::Chart(chart, rows)]).focus(focus.pane)
    };
    let cpu = chart(Some(1), "CPU", &of.row.cpu, &of.row.cpu_history, rows::CPU_LIMITS);
    let memory = chart(None, "Memory", &of.row.memory, &of.row.memory_history, rows::MEMORY_LIMITS);
    let numbers = numbers(of, room).focus(focus.pane);
    let top = Pane::table(
        Frame::new(2, "Top processes").fact(aged(of.sample_age)),
        Table {
            sorted: rows::sorted(
                &process_columns(),
                &[(Order::Cpu, "CPU"), (Order::Memory, "MEM"), (Order::Name, "COMMAND")],
                room.order(2),
            ),
            ..table(process_columns(), of.top.iter().map(|row| process(row, stale)).collect(), 4, focus)
        },
        Words::of("none were read", Role::Dim),
    )
    .focus(focus.pane);
    let instances = Pane::table(
        Frame::new(3, "PM2 and units").fact(beside(Words::of(of.pm2_fact.clone(), Role::Dim), aged(of.lists_age))),
        table(instance_columns(&of.instances), of.instances.iter().map(instance).collect(), 1, focus),
        Words::of(
            match of.lists_age {
                Freshness::Never => "no PM2 list and no unit was ever read here",
                Freshness::Live { .. } | Freshness::Dimmed { .. } | Freshness::Old { .. } => {
                    "no PM2 daemon runs here, and no units are named in qd.toml"
                }
            },
            Role::Dim,
        ),
    )
    .focus(focus.pane);
    let charts = rows + 2;
    let mut bands = Vec::new();
    if !of.row.reason.is_empty() && !focus.zoomed {
        let lines = broken(Words::new().gap(1), &of.row.reason, wide.saturating_sub(3));
        let least = u16::try_from(lines.len() + 2).unwrap_or(3).min(5);
        bands.push(Band::new(
            vec![Pane::new(Frame::new(None, "Why there is no data"), vec![Part::Lines(lines)])],
            least,
        ));
    }
    bands.extend(if wide >= 120 {
        vec![
            Band::new(vec![cpu, memory], charts),
            Band::new(vec![top, instances], 6).grow(1),
            Band::new(vec![numbers], 5).rank(1),
        ]
    } else {
        vec![
            Band::new(vec![cpu, memory], 6),
            Band::new(vec![numbers], 6),
            Band::new(vec![top], 5).rank(2).grow(1),
            Band::new(vec![instances], 4).rank(1),
        ]
    });
    zoom(bands, focus)
}

/// Says how old a reading is where that is to be seen: overdue, too old to be believed, or none at all.
fn aged(of: Freshness) -> Words {
    let loud = |age_ms| Words::of(format!("{}!", time::short(age_ms)), Ink::bold(Role::Degraded));
    match of {
        Freshness::Never => Words::of("never read", Role::Dim),
        Freshness::Live { .. } => Words::new(),
        Freshness::Dimmed { age_ms } => loud(age_ms),
        Freshness::Old { age_ms } => loud(age_ms).dim(" too old"),
    }
}

fn beside(left: Words, right: Words) -> Words {
    let space = usize::from(!left.is_empty() && !right.is_empty()) * 3;
    left.gap(space).join(right)
}

/// Breaks a reason into lines; those after the first stand under it.
fn broken(begin: Words, reason: &str, columns: u16) -> Vec<(Words, Words)> {
    let indent = begin.width();
    let room = usize::from(columns).saturating_sub(indent).max(20);
    let mut begin = Some(begin);
    let lines = super::words::wrap(reason, room).into_iter();
    lines
        .map(|line| {
            let begin = begin.take().unwrap_or_else(|| Words::new().gap(indent));
            (begin.add(line, Role::Degraded), Words::new())
        })
        .collect()
}

/// Disks first, the fullest of them before the others: they are objects and can be walked; what is said about the host fills the rest.
fn numbers(of: &HostDetail, room: Room<'_>) -> Pane {
    let wide = room.wide;
    let stale = of.row.stale;
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
    if stale {
        for (left, _) in &mut lines {
            *left = left.clone().faded(Role::Stale);
        }
    }
    let columns = vec![
        Column::text("", 6).grow(24),
        Column::text("", 12),
        Column::number("", 4),
        Column::number("", 10).gap(2),
        Column::number("", 11).gap(2),
    ];
    let fact = beside(Words::of(of.facts.clone(), Role::Dim), aged(of.sample_age));
    let table = table(columns, of.disks.iter().map(|row| disk(row, stale)).collect(), 0, room.focus);
    let none = Words::of("no disks were read", Role::Dim);
    Pane::table(Frame::new(4, "Disks and now").fact(fact), Table { heads: false, ..table }, none)
        .with(Part::Lines(lines))
}

fn disk(row: &DiskRow, stale: bool) -> Vec<Words> {
    let role = match row.used.level {
        Level::Quiet | Level::Fine => Role::Chart1,
        Level::Warn => Role::DegradedFill,
        Level::Bad => Role::DownFill,
    };
    let cells = vec![
        Words::of(row.mount.clone(), Role::Text),
        meter::words(row.part, 12, role),
        value(&row.used),
        value(&row.free).dim(" free"),
        Words::of("inodes ", Role::Dim).join(value(&row.inodes)),
    ];
    if stale { cells.into_iter().map(|cell| cell.faded(Role::Stale)).collect() } else { cells }
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

fn process(row: &ProcessRow, stale: bool) -> Vec<Words> {
    let cells = vec![
        Words::of(row.pid.to_string(), Role::Dim),
        Words::of(row.user.clone(), Role::Dim),
        value(&row.cpu),
        value(&row.memory),
        Words::of(row.command.clone(), Role::Text),
    ];
    if stale { cells.into_iter().map(|cell| cell.faded(Role::Stale)).collect() } else { cells }
}
