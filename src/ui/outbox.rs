//! The outbox: what is to be written to trackers and told to people, how far it is, and the request of the item under the cursor.
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

/// The outbox.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outbox {
    /// Items, those that need a person first.
    pub rows: Vec<Row>,
    /// How many wait, and how many of them for a person.
    pub fact: Option<(Tone, String)>,
    /// Label and text about the item under the cursor.
    pub facts: Vec<(String, String)>,
    /// What stands there while there are no items.
    pub empty: String,
}

/// An item.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row {
    /// How it stands.
    pub state: (Tone, String),
    /// The tracker or the notifier.
    pub tracker: String,
    /// The incident.
    pub incident: String,
    /// What is written.
    pub what: String,
    /// How often it was tried.
    pub tries: String,
    /// When it goes on.
    pub next: String,
    /// What the tracker calls it, or why it stands as it does.
    pub detail: String,
}

/// Lays the outbox out.
pub fn outbox(of: &Outbox, room: Room<'_>) -> Vec<Band> {
    let Room { wide, focus, .. } = room;
    let columns = vec![
        Column::text("", 1),
        Column::text("STATE", 7),
        Column::text("WHERE", 8).grow(6),
        Column::text("INC", 7),
        Column::text("WHAT", 16).grow(40),
        Column::number("TRY", 3).rank(1),
        Column::text("NEXT", 8).rank(1),
        Column::text("AS, OR WHY", 14).grow(80).fill().rank(2),
    ];
    let cells = of.rows.iter().map(|row| {
        let (tone, state) = &row.state;
        vec![
            rows::tone_sign(*tone),
            Words::of(state.clone(), Role::Text),
            Words::of(row.tracker.clone(), Role::Text),
            Words::of(row.incident.clone(), Ink::bold(Role::Strong)),
            Words::of(row.what.clone(), Role::Text),
            Words::of(row.tries.clone(), Role::Faint),
            Words::of(row.next.clone(), Role::Faint),
            Words::of(row.detail.clone(), Role::Dim),
        ]
    });
    let mut frame = Frame::new(1, "Outbox");
    if let Some((tone, text)) = &of.fact {
        frame.fact = rows::tone_sign(*tone).gap(1).add(text.clone(), Role::Dim);
    }
    let table = Table { ..table(columns, cells.collect(), 4, focus) };
    let list = Pane::table(frame, table, Words::of(of.empty.clone(), Role::Dim)).focus(focus.pane);
    let lines = labelled(&of.facts, wide);
    let need = u16::try_from(lines.len() + 2).unwrap_or(u16::MAX).clamp(3, 14);
    let request = Pane::new(Frame::new(2, "Request"), vec![Part::Lines(lines)]).focus(focus.pane);
    zoom(vec![Band::new(vec![list], 6).grow(1), Band::new(vec![request], need)], focus)
}
