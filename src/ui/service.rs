//! One service: its days, its checks, where it runs, what happened to it.
use super::{
    glyphs::Glyphs,
    page::{Band, Pane, Part, Room, table, zoom},
    rows::{self, health_sign, value},
    show::{ServiceRow, TimelineRow, Tone, UpdateRow, Value},
    style::Ink,
    widgets::{
        bars,
        frame::Frame,
        spark::{self, Limits},
        table::{Column, Table},
    },
    words::Words,
};
use crate::{
    config::theme::Role,
    core::{
        action::{Action, Motion},
        screen::order::Order,
        services::{Health, days::Cells},
    },
};

/// One service.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceDetail {
    /// As in the list.
    pub row: ServiceRow,
    /// The day under the day cursor, as days before today, and what it says: `Fri 20 Nov  down 12m41 in 1 event`.
    pub day: (usize, String),
    /// What the objective says: `SLO 99.9 % over 30d`.
    pub slo: String,
    /// Of how much of the 90 days it is known how it was, where that is not all: `2m known of 90d`.
    pub known: String,
    /// Its checks.
    pub checks: Vec<CheckRow>,
    /// Its processes on its hosts.
    pub instances: Vec<InstanceRow>,
    /// What the pane of instances says while it has none.
    pub no_instances: String,
    /// Whether and to what it would go back, and how long ago that was seen; none where nobody goes back.
    pub way_back: Option<(Tone, String)>,
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
    /// Whether it was read longer ago than it should be: dimmed.
    pub aged: bool,
}

/// Lays one service out.
pub fn service(of: &ServiceDetail, room: Room<'_>) -> Vec<Band> {
    let Room { wide, focus, glyphs, .. } = room;
    let availability = availability(of, room).focus(focus.pane);
    let checks = Pane::table(
        Frame::new(2, "Checks"),
        Table {
            sorted: rows::sorted(
                &check_columns(glyphs),
                &[(Order::Worst, "LAST RESULT"), (Order::Name, "CHECK"), (Order::Latency, "TOOK")],
                room.order(2),
            ),
            ..table(check_columns(glyphs), of.checks.iter().map(|row| check(row, glyphs)).collect(), 1, focus)
        },
        Words::of("no checks: nothing is measured", Role::Degraded),
    )
    .focus(focus.pane);
    let none =
        if of.no_instances.is_empty() { "nobody listed its processes yet".to_owned() } else { of.no_instances.clone() };
    let instances = Pane::table(
        Frame::new(3, "Instances"),
        table(instance_columns(&of.instances), of.instances.iter().map(instance).collect(), 1, focus),
        Words::of(none, Role::Dim),
    )
    .focus(focus.pane);
    let way_back =
        of.way_back.as_ref().map_or_else(Words::new, |(tone, text)| rows::tone_sign(*tone).gap(1).dim(text.clone()));
    let recent = Pane::table(
        Frame::new(4, "Runs and incidents").fact(way_back),
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
        Words::of("none yet: ", Role::Dim).key(room.keys.of(Action::WriteUpdate), "writes one"),
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

fn availability(of: &ServiceDetail, room: Room<'_>) -> Pane {
    let Room { wide, glyphs, keys, .. } = room;
    let inner = wide.saturating_sub(2);
    let cells = Cells::for_width(inner);
    let mut lines = vec![(
        Words::of(" ", Role::Text)
            .join(bars::words(&of.row.days, cells, glyphs))
            .gap(2)
            .join(rows::service_sign(&of.row, glyphs))
            .gap(1)
            .join(rows::service_word(&of.row))
            .gap(1)
            .join(rows::failing(&of.row).unwrap_or_default()),
        Words::new(),
    )];
    let (back, says) = &of.day;
    let at = bars::cell_of(*back, cells);
    lines.push((Words::new().gap(1 + at).add("▲", Ink::bold(Role::Accent)), Words::new()));
    let walk = format!("{} {}", keys.of(Action::Move(Motion::Left)), keys.of(Action::Move(Motion::Right)));
    let walk = Words::new().key(walk, "walk days");
    lines.push((Words::of(" ", Role::Text).text(says.clone()), walk));
    let mut line = Words::new().gap(1);
    for (window, percentage) in ["24h", "7d", "30d", "90d"].iter().zip(&of.row.percentages) {
        line = line.dim(format!("{window} ")).join(value(percentage)).gap(3);
    }
    line = line.dim(of.known.clone());
    lines.push((line, Words::of(of.slo.clone(), Role::Dim)));
    let mut fact = bars::cell_says(cells).map_or_else(Words::new, |says| Words::of(says, Role::Dim));
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

/// Returns the columns of processes; a state with its age is not cut, as that is what is to be seen.
pub(super) fn instance_columns(rows: &[InstanceRow]) -> Vec<Column> {
    let states = rows.iter().filter(|row| row.aged).filter_map(|row| row.state.text.as_deref());
    let state =
        states.map(super::words::width).max().and_then(|wide| u16::try_from(wide).ok()).unwrap_or(0).clamp(7, 15);
    vec![
        Column::text("HOST", 7).grow(9),
        Column::text("NAME", 6).grow(14),
        Column::text("STATE", state).grow(15 - state),
        Column::number("ID", 3).rank(4),
        Column::number("PID", 5).grow(2).rank(2),
        Column::number("UP", 4),
        Column::number("RST", 4),
        Column::number("MEM", 5).rank(1),
        Column::number("CPU", 4).rank(1),
        Column::text("VERSION", 8).rank(3).gap(2),
    ]
}

pub(super) fn instance(row: &InstanceRow) -> Vec<Words> {
    let cells = vec![
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
    ];
    if row.aged { cells.into_iter().map(|cell| cell.faded(Role::Stale)).collect() } else { cells }
}
