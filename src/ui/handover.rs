//! The hand-over: what whoever comes next has to know, and whether they have signed it.
use super::{
    page::{Band, Pane, Room, table, zoom},
    rows,
    show::Tone,
    style::Ink,
    widgets::{
        frame::Frame,
        table::{Column, Table},
    },
    words::Words,
};
use crate::{
    config::theme::Role,
    core::{action::Action, screen::handover::Entry},
};

/// The hand-over.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Handover {
    /// Its rows.
    pub rows: Vec<Entry>,
    /// Whether it is signed, and by whom.
    pub signed: (bool, String),
    /// What could not be read.
    pub unread: Option<String>,
}

/// Lays the hand-over out.
pub fn handover(of: &Handover, room: Room<'_>) -> Vec<Band> {
    let focus = room.focus;
    let columns =
        vec![Column::text("", 1), Column::text("ABOUT", 14).grow(10), Column::text("WHAT", 30).grow(100).fill()];
    let cells = of.rows.iter().map(|row| match row {
        Entry::Head(title) => {
            vec![Words::new(), Words::of(title.to_uppercase(), Ink::bold(Role::Accent)), Words::new()]
        }
        Entry::Nothing(text) => vec![Words::new(), Words::new(), Words::of(*text, Role::Faint)],
        Entry::Line(line) => {
            let sign = if line.urgent { rows::tone_sign(Tone::Warn) } else { Words::new() };
            let role = if line.urgent { Ink::bold(Role::Strong) } else { Ink::of(Role::Text) };
            let number = line.promise.map_or_else(String::new, |id| format!("promise {id}: "));
            let text = Words::of(number, Role::Faint).add(line.text.clone(), role);
            vec![sign, Words::of(line.about.clone(), Role::Text), text]
        }
    });
    let (signed, says) = &of.signed;
    let tone = if *signed { Tone::Good } else { Tone::Warn };
    let role = if *signed { Ink::of(Role::Dim) } else { Ink::bold(Role::Degraded) };
    let mut fact = rows::tone_sign(tone).gap(1).add(says.clone(), role);
    if let Some(why) = &of.unread {
        fact = fact.gap(2).add(why.clone(), Ink::bold(Role::Degraded));
    }
    let list = Table { heads: false, ..table(columns, cells.collect(), 2, focus) };
    let empty = Words::of("nothing is known yet; ", Role::Dim).key(room.keys.of(Action::GoBack), "goes back");
    let mut pane = Pane::table(Frame::new(1, "Hand-over").fact(fact), list, empty).focus(focus.pane);
    pane.counted = false;
    zoom(vec![Band::new(vec![pane], 8).grow(1)], focus)
}
