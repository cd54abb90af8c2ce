//! A runbook beside an incident: its steps with what came of each, one step in full, and which other runbooks there are.
use super::{
    page::{Band, Pane, Part, Room, table, zoom},
    rows,
    show::Tone,
    style::Ink,
    widgets::{
        frame::Frame,
        table::{Column, Table},
    },
    words::Words,
};
use crate::config::theme::Role;

/// A runbook beside an incident.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Runbook {
    /// Its title.
    pub title: String,
    /// Its steps.
    pub steps: Vec<Step>,
    /// How far it is: `2 of 7 done`.
    pub done: String,
    /// Label and text about the step under the cursor.
    pub facts: Vec<(String, String)>,
    /// The command, line by line.
    pub command: Vec<String>,
    /// What hosts answered: how it is, where, and the lines.
    pub answers: Vec<(Tone, String, Vec<String>)>,
    /// All runbooks: whether it is the one that is shown, whether it fits, name, title.
    pub books: Vec<(bool, bool, String, String)>,
    /// What stands there while there is none.
    pub empty: String,
}

/// A step.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Step {
    /// How it stands; none: nothing was done of it.
    pub stand: Option<Tone>,
    /// Its number.
    pub number: String,
    /// Its name.
    pub name: String,
    /// Whether it changes something.
    pub changes: bool,
    /// What came of it.
    pub said: String,
}

/// Lays a runbook out.
pub fn runbook(of: &Runbook, room: Room<'_>) -> Vec<Band> {
    let Room { wide, focus, .. } = room;
    let beside = wide >= 112;
    let columns = vec![
        Column::text("", 2),
        Column::number("", 2),
        Column::text("STEP", 16).grow(34),
        Column::text("", 6),
        Column::text("CAME OF IT", 12).grow(60).fill().rank(1),
    ];
    let cells = of.steps.iter().map(|step| {
        let mark = step.stand.map_or_else(|| Words::of(" ", Role::Dim), rows::tone_sign);
        let kind =
            if step.changes { Words::of("change", Ink::bold(Role::Degraded)) } else { Words::of("look", Role::Dim) };
        vec![
            mark,
            Words::of(step.number.clone(), Role::Dim),
            Words::of(step.name.clone(), Ink::bold(Role::Strong)),
            kind,
            Words::of(step.said.clone(), Role::Text),
        ]
    });
    let frame = Frame::new(1, "Runbook").fact(Words::of(of.done.clone(), Role::Dim));
    let steps = Table { ..table(columns, cells.collect(), 2, focus) };
    let steps = Pane::table(frame, steps, Words::of(of.empty.clone(), Role::Dim)).focus(focus.pane);
    let part = if beside { usize::from(wide) * 2 / 5 } else { usize::from(wide) };
    let detail = Pane::new(Frame::new(2, "Step"), vec![Part::Lines(lines(of, part.saturating_sub(4).max(20)))])
        .focus(focus.pane);
    let columns =
        vec![Column::text("", 2), Column::text("NAME", 12).grow(30), Column::text("TITLE", 16).grow(60).fill().rank(1)];
    let cells = of.books.iter().map(|(shown, fits, name, title)| {
        let ink = if *fits { Role::Text } else { Role::Faint };
        let mark = if *shown { rows::tone_sign(Tone::Good) } else { Words::of(" ", Role::Dim) };
        vec![mark, Words::of(name.clone(), ink), Words::of(title.clone(), ink)]
    });
    let fitting = of.books.iter().filter(|(_, fits, ..)| *fits).count();
    let frame = Frame::new(3, "Runbooks").fact(Words::of(format!("{fitting} fit"), Role::Dim));
    let books = Table { ..table(columns, cells.collect(), 1, focus) };
    let books = Pane::table(frame, books, Words::of(of.empty.clone(), Role::Dim)).focus(focus.pane);
    let books_high = u16::try_from(of.books.len() + 3).unwrap_or(u16::MAX).clamp(4, 7);
    let bands = if beside {
        vec![Band::new(vec![steps.share(3), detail.share(2)], 8).grow(1), Band::new(vec![books], books_high).rank(1)]
    } else {
        vec![
            Band::new(vec![steps], 5).grow(1),
            Band::new(vec![detail], 8).grow(1).rank(1),
            Band::new(vec![books], books_high).rank(2),
        ]
    };
    zoom(bands, focus)
}

fn lines(of: &Runbook, inner: usize) -> Vec<(Words, Words)> {
    let mut lines = Vec::new();
    for (label, text) in &of.facts {
        let mut label = Some(label);
        for line in super::words::wrap(text, inner.saturating_sub(9)) {
            let begin = super::words::pad(label.take().map_or("", String::as_str), 8);
            lines.push((Words::of(format!(" {begin}"), Role::Dim).text(line), Words::new()));
        }
    }
    for (tone, head, said) in &of.answers {
        let mut sign = Some(rows::tone_sign(*tone));
        for line in super::words::wrap(head, inner.saturating_sub(3)) {
            let begin = sign.take().unwrap_or_else(|| Words::of(" ", Role::Dim));
            lines.push((Words::of(" ", Role::Dim).join(begin).gap(1).text(line), Words::new()));
        }
        lines.extend(said.iter().map(|line| (Words::of(format!("   {line}"), Role::Dim), Words::new())));
    }
    for line in &of.command {
        lines.push((Words::of(format!("  {line}"), Role::Accent), Words::new()));
    }
    lines
}
