//! What was said on the message line.
use super::{
    page::{Band, Pane, Room, table},
    rows,
    show::Message,
    widgets::{
        frame::Frame,
        table::{Column, Table},
    },
    words::Words,
};
use crate::config::theme::Role;

/// Lays past messages out, oldest first.
pub fn messages(list: &[(String, Message)], room: Room<'_>) -> Vec<Band> {
    let columns = vec![Column::text("AT", 9), Column::text("", 1), Column::text("", 20).grow(300)];
    let rows = list.iter().map(|(at, message)| {
        let words = Words::of(message.text.clone(), Role::Text).gap(3).dim(message.more.clone());
        vec![Words::of(at.clone(), Role::Faint), rows::tone_sign(message.tone), words]
    });
    let table = Table { heads: false, ..table(columns, rows.collect(), 2, room.focus) };
    let pane = Pane::table(Frame::new(1, "Messages"), table, Words::of("nothing was said yet", Role::Dim));
    vec![Band::new(vec![pane.focus(1)], 0).grow(1)]
}
