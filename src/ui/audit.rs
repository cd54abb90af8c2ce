//! The audit log: who did what, from where, whether it is as it was written, and the entry under the cursor.
use super::{
    page::{Band, Pane, Part, Room, labelled, table, zoom},
    show::Tone,
    style::Ink,
    widgets::{
        frame::Frame,
        table::{Column, Table},
    },
    words::Words,
};
use crate::{config::theme::Role, ui::rows};

/// The audit log.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Audit {
    /// Entries, the newest first.
    pub rows: Vec<Row>,
    /// Whether the chain of hashes holds.
    pub chain: Option<(Tone, String)>,
    /// Label and text about the entry under the cursor.
    pub facts: Vec<(String, String)>,
    /// What stands there while there are no entries.
    pub empty: String,
}

/// An entry.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row {
    /// Its number.
    pub seq: String,
    /// When.
    pub at: String,
    /// Who.
    pub by: String,
    /// What.
    pub what: String,
    /// To what.
    pub target: String,
    /// What came of it, where that is known.
    pub outcome: Option<(Tone, String)>,
    /// More.
    pub detail: String,
}

/// Lays the log out.
pub fn audit(of: &Audit, room: Room<'_>) -> Vec<Band> {
    let Room { wide, focus, .. } = room;
    let columns = vec![
        Column::number("", 5),
        Column::text("AT", if wide >= 100 { 12 } else { 9 }),
        Column::text("BY", 8),
        Column::text("WHAT", 14).grow(8),
        Column::text("TARGET", 10).grow(14),
        Column::text("", 1).rank(1),
        Column::text("OUTCOME", 12).grow(20).rank(1),
        Column::text("DETAIL", 12).grow(60).fill().rank(2),
    ];
    let cells = of.rows.iter().map(|row| {
        let (sign, outcome) = match &row.outcome {
            Some((tone, text)) => (rows::tone_sign(*tone), Words::of(text.clone(), Role::Text)),
            None => (Words::new(), Words::new()),
        };
        vec![
            Words::of(row.seq.clone(), Role::Faint),
            Words::of(row.at.clone(), Role::Faint),
            Words::of(row.by.clone(), Role::Text),
            Words::of(row.what.clone(), Ink::bold(Role::Strong)),
            Words::of(row.target.clone(), Role::Text),
            sign,
            outcome,
            Words::of(row.detail.clone(), Role::Dim),
        ]
    });
    let mut frame = Frame::new(1, "Audit");
    if let Some((tone, text)) = &of.chain {
        let role = if *tone == Tone::Error { Ink::bold(Role::Down) } else { Ink::of(Role::Dim) };
        frame.fact = rows::tone_sign(*tone).gap(1).add(text.clone(), role);
    }
    let table = Table { ..table(columns, cells.collect(), 3, focus) };
    let list = Pane::table(frame, table, Words::of(of.empty.clone(), Role::Dim)).focus(focus.pane);
    let lines = labelled(&of.facts, wide);
    let need = u16::try_from(lines.len() + 2).unwrap_or(u16::MAX).clamp(3, 10);
    let entry = Pane::new(Frame::new(2, "Entry"), vec![Part::Lines(lines)]).focus(focus.pane);
    zoom(vec![Band::new(vec![list], 6).grow(1), Band::new(vec![entry], need)], focus)
}
