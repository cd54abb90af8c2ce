//! Planned work: what goes on, what comes, what was; and all about the window under the cursor.
use super::{
    page::{Band, Pane, Part, Room, labelled, table, zoom},
    show::Tone,
    widgets::{
        frame::Frame,
        table::{Column, Table},
    },
    words::Words,
};
use crate::{config::theme::Role, ui::rows};

/// Planned work.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Maintenance {
    /// Windows: what goes on first.
    pub rows: Vec<Row>,
    /// How many go on.
    pub fact: Option<(Tone, String)>,
    /// Label and text about the window under the cursor.
    pub facts: Vec<(String, String)>,
}

/// A window.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row {
    /// Whether it goes on, comes, or is over.
    pub sign: Tone,
    /// How it stands: `running`.
    pub state: String,
    /// How long it goes on, or until it begins.
    pub left: String,
    /// From when, by the clock of its place.
    pub from: String,
    /// To when.
    pub to: String,
    /// Which place.
    pub zone: String,
    /// What it covers.
    pub covers: String,
    /// Who declared it.
    pub by: String,
    /// Why.
    pub why: String,
}

/// Lays planned work out.
pub fn maintenance(of: &Maintenance, room: Room<'_>) -> Vec<Band> {
    let Room { wide, focus, keys, .. } = room;
    let columns = vec![
        Column::text("", 1),
        Column::text("STATE", 9),
        Column::number("LEFT", 6),
        Column::text("FROM", 11),
        Column::text("TO", 11),
        Column::text("COVERS", 14).grow(60),
        Column::text("WHY", 10).grow(80).fill().rank(1),
        Column::text("BY", 8).grow(5).rank(2),
        Column::text("ZONE", 8).grow(10).rank(3),
    ];
    let cells = of.rows.iter().map(|row| {
        vec![
            rows::tone_sign(row.sign),
            Words::of(row.state.clone(), Role::Text),
            Words::of(row.left.clone(), Role::Text),
            Words::of(row.from.clone(), Role::Dim),
            Words::of(row.to.clone(), Role::Dim),
            Words::of(row.covers.clone(), Role::Strong),
            Words::of(row.why.clone(), Role::Text),
            Words::of(row.by.clone(), Role::Dim),
            Words::of(row.zone.clone(), Role::Faint),
        ]
    });
    let mut frame = Frame::new(1, "Planned work");
    if let Some((tone, text)) = &of.fact {
        frame.fact = rows::tone_sign(*tone).gap(1).add(text.clone(), Role::Dim);
    }
    let table = Table { ..table(columns, cells.collect(), 5, focus) };
    let empty = Words::of("no work is planned; ", Role::Dim)
        .key(keys.of(crate::core::action::Action::AddWindow), "plans some: its alerts are muted");
    let list = Pane::table(frame, table, empty).focus(focus.pane);
    let lines = labelled(&of.facts, wide);
    let need = u16::try_from(lines.len() + 2).unwrap_or(u16::MAX).clamp(3, 10);
    let about = Pane::new(Frame::new(2, "Window"), vec![Part::Lines(lines)]).focus(focus.pane);
    zoom(vec![Band::new(vec![list], 6).grow(1), Band::new(vec![about], need)], focus)
}
