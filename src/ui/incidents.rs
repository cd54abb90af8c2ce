//! All incidents, and one incident.
use super::{
    page::{Band, Pane, Part, Room, table, zoom},
    rows,
    runs::{RunRow, runs_pane},
    show::{IncidentRow, TimelineRow},
    style::Ink,
    widgets::{frame::Frame, table::Table},
    words::Words,
};
use crate::{
    config::theme::Role,
    core::{action::Action, screen::order::Order},
};

/// Lays incidents out.
pub fn incidents(list: &[IncidentRow], room: Room<'_>) -> Vec<Band> {
    let open = list.iter().filter(|row| !row.resolved).count();
    let fact = if open > 0 { Words::of(format!("{open} open"), Ink::bold(Role::Degraded)) } else { Words::new() };
    let pane = Pane::table(
        Frame::new(1, "Incidents").fact(room.sorted(1, Order::Worst, fact)),
        Table {
            sorted: rows::sorted(
                &rows::incident_columns(),
                &[(Order::Worst, "SEV"), (Order::Newest, "AGE"), (Order::Target, "SERVICE")],
                room.order(1),
            ),
            ..table(rows::incident_columns(), list.iter().map(rows::incident).collect(), 0, room.focus)
        },
        Words::of("no incident yet; ", Role::Dim)
            .key(room.keys.of(Action::OpenIncident), "on an alert or a service opens one"),
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
pub fn incident(of: &IncidentDetail, room: Room<'_>) -> Vec<Band> {
    let focus = room.focus;
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
        Frame::new(1, "Timeline"),
        table(rows::timeline_columns(), of.timeline.iter().map(rows::timeline).collect(), 3, focus),
        Words::of("nothing yet", Role::Dim),
    )
    .focus(focus.pane);
    let runs = runs_pane(3, &of.runs, room).focus(focus.pane);
    let bands = vec![Band::new(vec![head], 4), Band::new(vec![timeline], 5).grow(1), Band::new(vec![runs], 4).rank(1)];
    zoom(bands, focus)
}
