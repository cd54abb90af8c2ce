//! The views behind the overview: one service, hosts, one host, alerts, incidents, runs, help, messages.
use super::{
    glyphs::Glyphs,
    page::{Band, Pane, Part},
    rows::{self, health_sign, value},
    show::{AlertRow, HostRow, IncidentRow, Level, Message, ServiceRow, TimelineRow, Tone, UpdateRow, Value},
    style::{Extra, Ink},
    widgets::{
        bars,
        chart::Chart,
        frame::Frame,
        meter,
        spark::{self, Limits},
        table::{Column, Table},
    },
    words::Words,
};
use crate::{config::theme::Role, core::services::Health};

/// Where the keys go in a view.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Focus {
    /// The focused pane.
    pub pane: u8,
    /// The row the cursor is on.
    pub cursor: usize,
    /// The first row shown.
    pub first: usize,
    /// Whether the focused pane has the whole screen.
    pub zoomed: bool,
}

/// One service.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceDetail {
    /// As in the list.
    pub row: ServiceRow,
    /// The day under the day cursor, as days before today, and what it says: `Fri 20 Nov  down 12m41 in 1 event`.
    pub day: (usize, String),
    /// What the objective says: `SLO 99.9 % over 30d`.
    pub slo: String,
    /// Its checks.
    pub checks: Vec<CheckRow>,
    /// Its processes on its hosts.
    pub instances: Vec<InstanceRow>,
    /// What the pane of instances says while it has none.
    pub no_instances: String,
    /// Its runs and incidents, newest first.
    pub recent: Vec<TimelineRow>,
    /// What was said about it.
    pub updates: Vec<UpdateRow>,
}

/// A check of a service.
#[derive(Clone, Debug, PartialEq)]
pub struct CheckRow {
    /// Its name.
    pub name: String,
    /// `http`, `tcp`, `tls`, `dns`, `command`.
    pub kind: String,
    /// Its state.
    pub health: Health,
    /// What the last result says.
    pub detail: String,
    /// The last latency.
    pub took: Value,
    /// Latency of the last results in milliseconds.
    pub latency: Vec<Option<f32>>,
    /// Until the certificate ends: `61d`; empty without one.
    pub certificate: Value,
    /// Age of the last result.
    pub age: String,
    /// Until the next one.
    pub next: String,
}

/// A process of a service on a host.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct InstanceRow {
    /// The host.
    pub host: String,
    /// Name of the process or unit.
    pub name: String,
    /// `online`, `stopped`, `errored`, `active`.
    pub state: Value,
    /// PM2's id.
    pub id: String,
    /// Process id.
    pub pid: Value,
    /// Since it started.
    pub uptime: Value,
    /// Restarts.
    pub restarts: Value,
    /// Memory.
    pub memory: Value,
    /// CPU.
    pub cpu: Value,
    /// Version.
    pub version: String,
}

fn table(columns: Vec<Column>, rows: Vec<Vec<Words>>, name: usize, focus: Focus) -> Table {
    Table { columns, rows, heads: true, name, cursor: Some(focus.cursor), first: focus.first }
}

fn zoom(bands: Vec<Band>, focus: Focus) -> Vec<Band> {
    if !focus.zoomed {
        return bands;
    }
    let pane = bands.iter().flat_map(|band| &band.panes).find(|pane| pane.frame.digit == Some(focus.pane)).cloned();
    match pane {
        Some(pane) => vec![Band::new(vec![pane], 0).grow(1)],
        None => bands,
    }
}

/// Lays one service out.
pub fn service(of: &ServiceDetail, focus: Focus, wide: u16, glyphs: Glyphs) -> Vec<Band> {
    let availability = availability(of, wide, glyphs).focus(focus.pane);
    let checks = Pane::table(
        Frame::new(2, "Checks"),
        table(check_columns(glyphs), of.checks.iter().map(|row| check(row, glyphs)).collect(), 1, focus),
        Words::of("no checks: nothing is measured", Role::Degraded),
    )
    .focus(focus.pane);
    let none =
        if of.no_instances.is_empty() { "nobody listed its processes yet".to_owned() } else { of.no_instances.clone() };
    let instances = Pane::table(
        Frame::new(3, "Instances").fact(Words::new().key("R", "restart")),
        table(instance_columns(), of.instances.iter().map(instance).collect(), 1, focus),
        Words::of(none, Role::Dim),
    )
    .focus(focus.pane);
    let recent = Pane::table(
        Frame::new(4, "Runs and incidents"),
        Table {
            heads: false,
            ..table(rows::timeline_columns(), of.recent.iter().map(rows::timeline).collect(), 3, focus)
        },
        Words::of("none yet", Role::Dim),
    )
    .focus(focus.pane);
    let updates = Pane::table(
        Frame::new(5, "Status updates"),
        Table {
            heads: false,
            ..table(rows::update_columns(), of.updates.iter().map(rows::update).collect(), 2, focus)
        },
        Words::of("none yet: ", Role::Dim).key("u", "writes one"),
    )
    .focus(focus.pane);
    let bands = if wide >= 120 {
        vec![
            Band::new(vec![availability], 6),
            Band::new(vec![checks.share(1), instances.share(1)], 6).grow(1),
            Band::new(vec![recent, updates], 4).rank(1).grow(1),
        ]
    } else {
        vec![
            Band::new(vec![availability], 6),
            Band::new(vec![checks], 5).grow(1),
            Band::new(vec![instances], 4).rank(1).grow(1),
            Band::new(vec![recent], 4).rank(2),
            Band::new(vec![updates], 4).rank(3),
        ]
    };
    zoom(bands, focus)
}

fn availability(of: &ServiceDetail, wide: u16, glyphs: Glyphs) -> Pane {
    let inner = wide.saturating_sub(2);
    let cells = bars::cells_for(inner);
    let mut lines = vec![(
        Words::of(" ", Role::Text)
            .join(bars::words(&of.row.days, cells, glyphs))
            .gap(2)
            .join(health_sign(of.row.health, glyphs))
            .gap(1)
            .join(rows::health(of.row.health)),
        Words::new(),
    )];
    let (back, says) = &of.day;
    let days = of.row.days.len().max(1);
    let at = days.saturating_sub(1 + back.min(&days.saturating_sub(1))) * cells / days.max(cells).max(1);
    let at = if days < cells { at + cells - days } else { at };
    lines.push((Words::new().gap(1 + at).add("▲", Ink::bold(Role::Accent)), Words::new()));
    lines.push((Words::of(" ", Role::Text).text(says.clone()), Words::new().key("h l", "walk days")));
    let mut line = Words::new().gap(1);
    for (window, percentage) in ["24h", "7d", "30d", "90d"].iter().zip(&of.row.percentages) {
        line = line.dim(format!("{window} ")).join(value(percentage)).gap(3);
    }
    lines.push((line, Words::of(of.slo.clone(), Role::Dim)));
    let mut fact = bars::cell_says(90, cells).map_or_else(Words::new, |says| Words::of(says, Role::Dim));
    if !of.row.next.is_empty() {
        let label = if of.row.next == "now" { "next check " } else { "next check in " };
        let space = usize::from(!fact.is_empty()) * 3;
        fact = fact.gap(space).dim(label).text(of.row.next.clone());
    }
    Pane::new(
        Frame::new(1, "Availability").count("90d").fact(fact).legend(bars::legend(glyphs)),
        vec![Part::Lines(lines)],
    )
}

fn check_columns(glyphs: Glyphs) -> Vec<Column> {
    vec![
        Column::text("", glyphs.health_width()),
        Column::text("CHECK", 5).grow(7),
        Column::text("KIND", 7).rank(4),
        Column::number("TOOK", 6).grow(2),
        Column::text("LATENCY", 8).rank(2),
        Column::number("CERT", 4).rank(3),
        Column::number("AGE", 3).grow(1),
        Column::number("NEXT", 4).rank(5),
        Column::text("LAST RESULT", 18).grow(300),
    ]
}

fn check(row: &CheckRow, glyphs: Glyphs) -> Vec<Words> {
    let top = row.latency.iter().flatten().copied().fold(1.0_f32, f32::max);
    let detail = match row.health {
        Health::Down => Role::Down,
        Health::Degraded => Role::Degraded,
        Health::Up | Health::Maintenance | Health::Unknown => Role::Text,
    };
    let certificate = if row.certificate.text.is_none() { Words::new() } else { value(&row.certificate) };
    vec![
        health_sign(row.health, glyphs),
        Words::of(row.name.clone(), Role::Text),
        Words::of(row.kind.clone(), Role::Dim),
        value(&row.took),
        spark::words(&row.latency, 8, top, Limits::default(), glyphs),
        certificate,
        Words::of(row.age.clone(), Role::Faint),
        Words::of(row.next.clone(), Role::Faint),
        Words::of(row.detail.clone(), detail),
    ]
}

fn instance_columns() -> Vec<Column> {
    vec![
        Column::text("HOST", 7).grow(9),
        Column::text("NAME", 6).grow(14),
        Column::text("STATE", 7).grow(8),
        Column::number("ID", 3).rank(4),
        Column::number("PID", 5).grow(2).rank(2),
        Column::number("UP", 4),
        Column::number("RST", 4),
        Column::number("MEM", 5).rank(1),
        Column::number("CPU", 4).rank(1),
        Column::text("VERSION", 8).rank(3).gap(2),
    ]
}

fn instance(row: &InstanceRow) -> Vec<Words> {
    vec![
        Words::of(row.host.clone(), Role::Dim),
        Words::of(row.name.clone(), Role::Text),
        value(&row.state),
        Words::of(row.id.clone(), Role::Faint),
        value(&row.pid),
        value(&row.uptime),
        value(&row.restarts),
        value(&row.memory),
        value(&row.cpu),
        Words::of(row.version.clone(), Role::Dim),
    ]
}

/// Lays all hosts out.
pub fn hosts(hosts: &[HostRow], focus: Focus, glyphs: Glyphs) -> Vec<Band> {
    let hot = hosts.iter().filter(|row| row.hot && !row.stale).count();
    let stale = hosts.iter().filter(|row| row.stale).count();
    let mut fact = Words::new();
    if hot > 0 {
        fact = fact.add(format!("{hot} hot"), Ink::bold(Role::Degraded)).gap(2);
    }
    if stale > 0 {
        fact = fact.dim(format!("{stale} stale"));
    }
    let mut pane = Pane::table(
        Frame::new(1, "Hosts").fact(fact).legend(Words::of("! over a limit   ? too old to be believed", Role::Dim)),
        table(rows::host_columns_wide(), hosts.iter().map(|row| rows::host_wide(row, glyphs)).collect(), 1, focus),
        Words::of("no hosts configured: add [[host]] to qd.toml, then ^r", Role::Dim),
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
pub fn host(of: &HostDetail, focus: Focus, wide: u16, high: u16) -> Vec<Band> {
    let stale = of.row.stale;
    let age = if stale {
        Words::of(format!("{}! ", of.row.age), Ink::bold(Role::Degraded)).dim(of.row.reason.clone())
    } else {
        Words::of(format!("{} ago", of.row.age), Role::Faint)
    };
    let rows = if high >= 40 { 9 } else { 7 };
    let chart = |digit: Option<u8>, name, now: &Value, values: &[Option<f32>], limits| {
        let mut frame = Frame::new(digit, name).fact(age.clone());
        frame.count = Words::of("60m ", Role::Dim).join(value(now));
        let chart = Chart { values: values.to_vec(), top: 100.0, limits, from: of.from.clone(), to: "now".into() };
        Pane::new(frame, vec![Part::Chart(chart, rows)]).focus(focus.pane)
    };
    let cpu = chart(Some(1), "CPU", &of.row.cpu, &of.row.cpu_history, rows::CPU_LIMITS);
    let memory = chart(None, "Memory", &of.row.memory, &of.row.memory_history, rows::MEMORY_LIMITS);
    let numbers = numbers(of).focus(focus.pane);
    let top = Pane::table(
        Frame::new(2, "Top processes"),
        table(process_columns(), of.top.iter().map(process).collect(), 4, focus),
        Words::of("none were read", Role::Dim),
    )
    .focus(focus.pane);
    let instances = Pane::table(
        Frame::new(3, "PM2 and units").fact(Words::of(of.pm2_fact.clone(), Role::Dim)),
        table(instance_columns(), of.instances.iter().map(instance).collect(), 1, focus),
        Words::of("no PM2 daemon runs here, and no units are named in qd.toml", Role::Dim),
    )
    .focus(focus.pane);
    let charts = u16::min(rows + 2, 12);
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

fn numbers(of: &HostDetail) -> Pane {
    let mut lines = Vec::new();
    if !of.cores.is_empty() {
        for (row, cores) in of.cores.chunks(4).enumerate() {
            let mut words = Words::of(super::words::pad(if row == 0 { " cores" } else { "" }, 8), Role::Dim);
            for (at, pct) in cores.iter().enumerate() {
                let role = rows::CPU_LIMITS.fill(*pct);
                words = words
                    .faint(format!("{:>2} ", row * 4 + at))
                    .join(meter::words(f64::from(*pct) / 100.0, 4, role))
                    .text(format!(" {pct:>3.0} "));
            }
            lines.push((words, Words::new()));
        }
    }
    for pair in of.numbers.chunks(3) {
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

/// All alerts, and the one under the cursor.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Alerts {
    /// Alerts that are not resolved, worst first, then those that were.
    pub rows: Vec<AlertRow>,
    /// Label and text about the one under the cursor.
    pub facts: Vec<(String, String)>,
    /// Its timeline.
    pub timeline: Vec<TimelineRow>,
    /// Rules that are switched on, for the empty state.
    pub rules: usize,
}

/// Lays alerts out.
pub fn alerts(of: &Alerts, focus: Focus, wide: u16, glyphs: Glyphs) -> Vec<Band> {
    let unowned = of.rows.iter().filter(|row| row.unowned).count();
    let mut frame = Frame::new(1, "Alerts");
    if unowned > 0 {
        frame.fact = Words::of(format!("{unowned} unacked"), Ink::bold(Role::Degraded));
    }
    let list = Pane::table(
        frame,
        table(rows::alert_columns_wide(), of.rows.iter().map(|row| rows::alert_wide(row, glyphs)).collect(), 2, focus),
        Words::of(format!("nothing fires; {} rules are evaluated", of.rules), Role::Dim),
    )
    .focus(focus.pane);
    let name = of.rows.get(focus.cursor).map_or_else(String::new, |row| format!("{} {}", row.rule, row.target));
    let facts = of
        .facts
        .iter()
        .map(|(label, text)| {
            (Words::of(format!(" {}", super::words::pad(label, 9)), Role::Dim).text(text.clone()), Words::new())
        })
        .collect();
    let detail = Pane::new(Frame::new(None, name), vec![Part::Lines(facts)]).focus(focus.pane);
    let timeline = Pane::table(
        Frame::new(None, "Timeline"),
        Table {
            heads: false,
            ..table(rows::timeline_columns(), of.timeline.iter().map(rows::timeline).collect(), 3, focus)
        },
        Words::of("nothing yet", Role::Dim),
    )
    .focus(focus.pane);
    let below = if wide >= 100 { vec![detail, timeline] } else { vec![detail] };
    zoom(vec![Band::new(vec![list], 5).grow(1), Band::new(below, 6).rank(1)], focus)
}

/// Lays incidents out.
pub fn incidents(list: &[IncidentRow], focus: Focus) -> Vec<Band> {
    let open = list.iter().filter(|row| !row.resolved).count();
    let fact = if open > 0 { Words::of(format!("{open} open"), Ink::bold(Role::Degraded)) } else { Words::new() };
    let pane = Pane::table(
        Frame::new(1, "Incidents").fact(fact),
        table(rows::incident_columns(), list.iter().map(rows::incident).collect(), 0, focus),
        Words::of("no incident yet; ", Role::Dim).key("i", "on an alert or a service opens one"),
    );
    vec![Band::new(vec![pane.focus(1)], 0).grow(1)]
}

/// One incident.
#[derive(Clone, Debug, PartialEq)]
pub struct IncidentDetail {
    /// As in the list.
    pub row: IncidentRow,
    /// Label and text.
    pub facts: Vec<(String, String)>,
    /// Its timeline, oldest first.
    pub timeline: Vec<TimelineRow>,
    /// Its runs.
    pub runs: Vec<RunRow>,
}

/// Lays one incident out.
pub fn incident(of: &IncidentDetail, focus: Focus) -> Vec<Band> {
    let state =
        if of.row.resolved { Words::of("resolved", Role::Ok) } else { Words::of("open", Ink::bold(Role::Degraded)) };
    let mut frame = Frame::new(2, of.row.id.clone()).fact(state.dim(format!("  {}", of.row.age)));
    frame.count = rows::severity(of.row.severity).gap(1).text(of.row.title.clone());
    let facts: Vec<(Words, Words)> = of
        .facts
        .iter()
        .map(|(label, text)| {
            let words = if text == "nobody" { rows::owner(None) } else { Words::of(text.clone(), Role::Text) };
            (Words::of(format!(" {}", super::words::pad(label, 10)), Role::Dim).join(words), Words::new())
        })
        .collect();
    let head = Pane::new(frame, vec![Part::Lines(facts)]).focus(focus.pane);
    let timeline = Pane::table(
        Frame::new(1, "Timeline").legend(Words::new().key("n", "note").gap(2).key("R", "restart")),
        table(rows::timeline_columns(), of.timeline.iter().map(rows::timeline).collect(), 3, focus),
        Words::of("nothing yet", Role::Dim),
    )
    .focus(focus.pane);
    let runs = runs_pane(3, &of.runs, focus).focus(focus.pane);
    let bands = vec![Band::new(vec![head], 4), Band::new(vec![timeline], 5).grow(1), Band::new(vec![runs], 4).rank(1)];
    zoom(bands, focus)
}

/// A run, live or over.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunDetail {
    /// `RUN-882 restart play`.
    pub title: String,
    /// Whether it changes production: double frame and band.
    pub production: bool,
    /// Steps.
    pub steps: Vec<StepRow>,
    /// Label and text: reason, undo, lock, incident.
    pub facts: Vec<(String, String)>,
    /// Output: when, text, and whether it came from us rather than from the host.
    pub output: Vec<OutputRow>,
    /// Whether output may still come.
    pub live: bool,
    /// Label, before, now, goal and whether it is met.
    pub proof: Vec<ProofRow>,
    /// What the checks say.
    pub verdict: (Tone, String),
    /// How to find out what became of it, when the link is lost.
    pub lost: String,
}

/// A step of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct StepRow {
    /// The host.
    pub host: String,
    /// What it is called.
    pub name: String,
    /// How it stands; none while it waits or runs.
    pub tone: Option<Tone>,
    /// Whether it runs.
    pub running: bool,
    /// `exit 0, 1.2 s`, `waiting`.
    pub says: String,
    /// The exact command.
    pub command: String,
}

/// A line of output.
#[derive(Clone, Debug, PartialEq)]
pub struct OutputRow {
    /// When it arrived.
    pub at: String,
    /// What it says.
    pub text: String,
    /// Whether it is the command itself.
    pub command: bool,
}

/// A line of the proof.
#[derive(Clone, Debug, PartialEq)]
pub struct ProofRow {
    /// What is looked at: `page`.
    pub name: String,
    /// Before, where it is known.
    pub before: Option<(Health, String)>,
    /// Now.
    pub now: (Health, String),
}

/// Lays a run out.
pub fn run(of: &RunDetail, focus: Focus, wide: u16, glyphs: Glyphs) -> Vec<Band> {
    let steps = of.steps.iter().map(step).collect();
    let columns = vec![
        Column::text("HOST", 10).grow(4),
        Column::text("STEP", 9),
        Column::text("", 1),
        Column::text("RESULT", 16).grow(8),
        Column::text("COMMAND", 10).grow(300).gap(2),
    ];
    let mut frame = Frame::new(1, "Steps");
    frame.changes = of.production;
    if of.production {
        frame.fact = Words::of("PROD", Ink::bold(Role::Prod));
    }
    let mut list = Pane::table(frame, table(columns, steps, 0, focus), Words::of("no steps", Role::Dim));
    if !of.lost.is_empty() {
        let words = Words::of(" ? ", Ink::bold(Role::Degraded)).add(of.lost.clone(), Role::Degraded);
        list = list.with(Part::Lines(vec![(words, Words::new())]));
    }
    let facts = of.facts.iter().map(|(label, text)| {
        (Words::of(format!(" {}", super::words::pad(label, 9)), Role::Dim).text(text.clone()), Words::new())
    });
    let list = list.with(Part::Lines(facts.collect())).focus(focus.pane);
    let lines = of.output.iter().map(|row| {
        let text = if row.command { Ink::bold(Role::Strong) } else { Ink::of(Role::Text) };
        Words::of(format!("{} ", row.at), Role::Faint).add(row.text.clone(), text)
    });
    let state = if of.live { Words::of("● live", Role::Ok) } else { Words::of("ended", Role::Dim) };
    let output = Pane::new(
        Frame::new(2, "Output").fact(state.dim(format!("  {} lines", of.output.len()))),
        vec![Part::Tail(lines.collect())],
    )
    .share(3)
    .focus(focus.pane);
    let proof = proof(of, focus, glyphs);
    let bands = if wide >= 100 {
        vec![Band::new(vec![list], 5), Band::new(vec![output, proof.share(2)], 6).grow(1)]
    } else {
        vec![Band::new(vec![list], 5), Band::new(vec![proof], 5), Band::new(vec![output], 4).grow(1)]
    };
    zoom(bands, focus)
}

fn step(row: &StepRow) -> Vec<Words> {
    let (sign, says) = match (row.tone, row.running) {
        (Some(tone), _) => (rows::tone_sign(tone), Role::Text),
        (None, true) => (Words::of("●", Ink::bold(Role::Accent)), Role::Strong),
        (None, false) => (Words::of("○", Role::Faint), Role::Faint),
    };
    vec![
        Words::of(row.host.clone(), Role::Text),
        Words::of(row.name.clone(), Role::Dim),
        sign,
        Words::of(row.says.clone(), says),
        Words::of(row.command.clone(), Role::Dim),
    ]
}

fn proof(of: &RunDetail, focus: Focus, glyphs: Glyphs) -> Pane {
    let rows = of.proof.iter().map(|row| {
        let part = |(health, text): &(Health, String)| {
            health_sign(*health, glyphs).gap(1).add(text.clone(), rows::health_role(*health))
        };
        vec![Words::of(row.name.clone(), Role::Text), row.before.as_ref().map_or_else(Words::new, part), part(&row.now)]
    });
    let columns =
        vec![Column::text("CHECK", 8).grow(6), Column::text("BEFORE", 12).grow(4), Column::text("NOW", 12).grow(20)];
    let met = of.proof.iter().filter(|row| row.now.0 == Health::Up).count();
    let fact = Words::of(format!("{met} of {}", of.proof.len()), Role::Dim);
    let mut pane = Pane::table(
        Frame::new(3, "Proof").fact(fact),
        table(columns, rows.collect(), 0, focus),
        Words::of("waiting for the first check after the run", Role::Dim),
    );
    pane.counted = false;
    let (tone, verdict) = &of.verdict;
    pane.with(Part::Lines(vec![
        (Words::new(), Words::new()),
        (Words::of(" verdict ", Role::Dim).join(rows::tone_sign(*tone)).gap(1).strong(verdict.clone()), Words::new()),
    ]))
    .focus(focus.pane)
}

/// A run in the list.
#[derive(Clone, Debug, PartialEq)]
pub struct RunRow {
    /// `RUN-882`.
    pub id: String,
    /// `restart play`.
    pub title: String,
    /// Where.
    pub hosts: String,
    /// By whom.
    pub by: String,
    /// How it ended, or that it runs.
    pub result: (Tone, String),
    /// What the checks said.
    pub proof: String,
    /// Since when.
    pub age: String,
}

/// Lays runs out.
pub fn runs(list: &[RunRow], focus: Focus) -> Vec<Band> {
    vec![Band::new(vec![runs_pane(1, list, focus).focus(1)], 0).grow(1)]
}

fn runs_pane(digit: u8, list: &[RunRow], focus: Focus) -> Pane {
    let columns = vec![
        Column::text("ID", 8),
        Column::text("WHAT", 14).grow(16),
        Column::text("HOSTS", 10).grow(10).rank(1),
        Column::text("BY", 8).rank(3),
        Column::text("", 1),
        Column::text("RESULT", 10).grow(10),
        Column::text("PROOF", 10).grow(40).rank(2),
        Column::number("AGE", 5),
    ];
    let rows = list.iter().map(|row| {
        vec![
            Words::of(row.id.clone(), Ink::bold(Role::Strong)),
            Words::of(row.title.clone(), Role::Text),
            Words::of(row.hosts.clone(), Role::Dim),
            Words::of(row.by.clone(), Role::Dim),
            rows::tone_sign(row.result.0),
            Words::of(row.result.1.clone(), Role::Text),
            Words::of(row.proof.clone(), Role::Dim),
            Words::of(row.age.clone(), Role::Faint),
        ]
    });
    Pane::table(
        Frame::new(digit, "Runs"),
        table(columns, rows.collect(), 0, focus),
        Words::of("nothing was changed yet; ", Role::Dim).key("R", "on a service restarts it, after a review"),
    )
}

/// Help, made from the list of actions and the keymap.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Help {
    /// What was typed to search it, and whether it is being typed.
    pub search: (String, bool),
    /// Scope, and key and words of what acts there; the scope one came from is first.
    pub groups: Vec<(String, Vec<HelpRow>)>,
}

/// A line of help.
#[derive(Clone, Debug, PartialEq)]
pub struct HelpRow {
    /// Keys.
    pub keys: String,
    /// What it does.
    pub words: String,
    /// Whether it changes a system.
    pub changes: bool,
}

/// Lays help out.
pub fn help(of: &Help, focus: Focus, wide: u16, glyphs: Glyphs) -> Vec<Band> {
    let needle = of.search.0.to_lowercase();
    let mut rows = Vec::new();
    for (scope, entries) in &of.groups {
        let fit: Vec<_> = entries
            .iter()
            .filter(|row| row.words.to_lowercase().contains(&needle) || row.keys.to_lowercase().contains(&needle))
            .collect();
        if fit.is_empty() {
            continue;
        }
        rows.push(vec![Words::of(scope.clone(), Ink::bold(Role::Strong)), Words::new()]);
        for row in fit {
            let mut words = Words::of(row.words.clone(), Role::Text);
            if row.changes {
                words = words.gap(1).add("changes a system", Role::Prod);
            }
            rows.push(vec![Words::of(row.keys.clone(), Ink::bold(Role::Key)), words]);
        }
    }
    let mut frame = Frame::new(1, "Keys");
    frame.fact = if of.search.1 || !of.search.0.is_empty() {
        let typed = Words::of("/", Ink::bold(Role::Key)).strong(of.search.0.clone());
        if of.search.1 { typed.add(" ", Ink::of(Role::Strong).extra(Extra::Reverse)) } else { typed }
    } else {
        Words::new().key("/", "search")
    };
    let columns = vec![Column::text("", 14), Column::text("", 20).grow(300)];
    let list = Table { columns, rows, heads: false, name: 0, cursor: None, first: focus.first };
    let mut keys = Pane::table(frame, list, Words::of("nothing fits", Role::Dim)).focus(1);
    keys.counted = false;
    let words = Pane::new(Frame::new(2, "Words and marks"), vec![Part::Lines(marks(glyphs))]).focus(0);
    let panes = if wide >= 100 { vec![keys, words] } else { vec![keys] };
    vec![Band::new(panes, 0).grow(1)]
}

fn marks(glyphs: Glyphs) -> Vec<(Words, Words)> {
    let mut lines = Vec::new();
    for (health, says) in [
        (Health::Up, "works"),
        (Health::Degraded, "works, badly or not for long"),
        (Health::Down, "does not work"),
        (Health::Maintenance, "planned work"),
        (Health::Unknown, "nobody knows: too old, or never seen"),
    ] {
        let word = rows::health(health);
        let pad = 7_usize.saturating_sub(word.width());
        lines.push(Words::new().gap(1).join(health_sign(health, glyphs)).gap(1).join(word).gap(pad).dim(says));
    }
    lines.push(Words::new());
    for (label, line) in ["days  ", "      "].into_iter().zip(bars::legend_lines(glyphs)) {
        lines.push(Words::new().gap(1).faint(label).join(line));
    }
    lines.push(Words::new());
    for (mark, says) in [
        ("!", "over its limit"),
        ("?", "no number, or one too old to be believed"),
        ("4m!", "age of the last number, past its limit"),
        ("nobody", "it has no owner"),
        ("RO", "looking only: nothing can be changed"),
        ("RW 04:41", "write is armed, for that long"),
    ] {
        lines.push(Words::of(format!(" {}", super::words::pad(mark, 10)), Ink::bold(Role::Strong)).dim(says));
    }
    lines.push(Words::new());
    lines.push(Words::of(" Only x and R touch a system, after a review.", Role::Text));
    lines.push(Words::of(" Production asks for the name. ^c changes nothing.", Role::Text));
    lines.into_iter().map(|left| (left, Words::new())).collect()
}

/// Lays past messages out, newest first.
pub fn messages(list: &[(String, Message)], focus: Focus) -> Vec<Band> {
    let columns = vec![Column::text("AT", 9), Column::text("", 1), Column::text("", 20).grow(300)];
    let rows = list.iter().map(|(at, message)| {
        let words = Words::of(message.text.clone(), Role::Text).gap(3).dim(message.more.clone());
        vec![Words::of(at.clone(), Role::Faint), rows::tone_sign(message.tone), words]
    });
    let table = Table { heads: false, ..table(columns, rows.collect(), 2, focus) };
    let pane = Pane::table(Frame::new(1, "Messages"), table, Words::of("nothing was said yet", Role::Dim));
    vec![Band::new(vec![pane.focus(1)], 0).grow(1)]
}
