//! Alerts, and the one under the cursor.
use super::{
    glyphs::Glyphs,
    page::{Band, Focus, Pane, Part, table, zoom},
    rows::{self},
    show::{AlertRow, TimelineRow},
    style::Ink,
    widgets::{frame::Frame, table::Table},
    words::Words,
};
use crate::config::theme::Role;

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
