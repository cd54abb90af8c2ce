//! Alerts, and the one under the cursor.
use super::{
    page::{Band, Pane, Part, Room, table, zoom},
    rows,
    show::{AlertRow, TimelineRow},
    style::Ink,
    widgets::{
        frame::Frame,
        table::{Column, Table},
    },
    words::Words,
};
use crate::{config::theme::Role, core::screen::order::Order};

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
pub fn alerts(of: &Alerts, room: Room<'_>) -> Vec<Band> {
    let Room { wide, focus, glyphs, .. } = room;
    let unowned = of.rows.iter().filter(|row| row.unowned).count();
    let mut frame = Frame::new(1, "Alerts");
    if unowned > 0 {
        frame.fact = Words::of(format!("{unowned} unacked"), Ink::bold(Role::Degraded));
    }
    frame.fact = room.sorted(1, Order::Worst, frame.fact);
    let (columns, cells): (Vec<Column>, Vec<Vec<Words>>) = if wide >= 78 {
        (rows::alert_columns_wide(), of.rows.iter().map(|row| rows::alert_wide(row, wide, glyphs)).collect())
    } else {
        (rows::alert_columns(), of.rows.iter().map(rows::alert).collect())
    };
    let sorted = rows::sorted(
        &columns,
        &[(Order::Worst, "SEV"), (Order::Newest, "AGE"), (Order::Target, "TARGET")],
        room.order(1),
    );
    let list = Pane::table(
        frame,
        Table { sorted, ..table(columns, cells, 2, focus) },
        Words::of(format!("nothing fires; {} rules are evaluated", of.rules), Role::Dim),
    )
    .focus(focus.pane);
    let name =
        of.rows.get(focus.cursor).map_or_else(String::new, |row| format!("{}{} {}", row.rule, row.lasting, row.target));
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
