//! What changed around an incident, in one ranked list, and all that is known of one change.
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
use crate::{
    config::theme::Role,
    core::{
        action::Action,
        incidents::suspects::{
            SuspectAction,
            difference::{Line, Mark},
        },
    },
};

/// What changed around an incident.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Suspects {
    /// The changes, in the order of the list.
    pub rows: Vec<Row>,
    /// In a few words: how many convince, or that none does.
    pub found: (Option<Tone>, String),
    /// Label and text about the change under the cursor.
    pub facts: Vec<(String, String)>,
    /// What the change changed, line by line.
    pub difference: Vec<Line>,
    /// What was looked at, and what could not be.
    pub looked: Vec<(Tone, String)>,
    /// What stands there while there are no changes.
    pub empty: String,
}

/// A change.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row {
    /// How it stands: chosen, ruled out; none: nobody has said.
    pub verdict: Option<bool>,
    /// Whether it convinces.
    pub convincing: bool,
    /// How long before the onset.
    pub before: String,
    /// What kind.
    pub kind: String,
    /// What.
    pub what: String,
    /// Where.
    pub place: String,
    /// Its score, from 0 to 1.
    pub score: String,
    /// Why.
    pub why: String,
}

/// Lays suspects out.
pub fn suspects(of: &Suspects, room: Room<'_>) -> Vec<Band> {
    let Room { wide, focus, keys, .. } = room;
    let columns = vec![
        Column::text("", 3),
        Column::number("BEFORE", 7),
        Column::text("KIND", 7),
        Column::text("WHAT", 16).grow(40),
        Column::text("WHERE", 8).grow(20).rank(1),
        Column::number("SCORE", 5),
        Column::text("WHY", 12).grow(60).fill().rank(2),
    ];
    let cells = of.rows.iter().enumerate().map(|(at, row)| {
        let (mark, role) = match row.verdict {
            Some(true) => (rows::tone_sign(Tone::Good), Ink::bold(Role::Strong)),
            Some(false) => (Words::of("out", Role::Faint), Ink::of(Role::Faint)),
            None if row.convincing => {
                (Words::of(format!("{}", at + 1), Ink::bold(Role::Degraded)), Ink::bold(Role::Strong))
            }
            None => (Words::new(), Ink::of(Role::Text)),
        };
        let quiet = if row.verdict == Some(false) { Role::Faint } else { Role::Text };
        vec![
            mark,
            Words::of(row.before.clone(), quiet),
            Words::of(row.kind.clone(), role),
            Words::of(row.what.clone(), role),
            Words::of(row.place.clone(), quiet),
            Words::of(row.score.clone(), role),
            Words::of(row.why.clone(), Role::Dim),
        ]
    });
    let (tone, found) = &of.found;
    let fact = tone.map_or_else(Words::new, |tone| rows::tone_sign(tone).gap(1));
    let frame = Frame::new(1, "Suspects").fact(fact.add(found.clone(), Role::Dim));
    let list = Table { ..table(columns, cells.collect(), 3, focus) };
    let list = Pane::table(frame, list, Words::of(of.empty.clone(), Role::Dim)).focus(focus.pane);
    let inner = usize::from(wide).saturating_sub(14).max(12);
    let mut lines = Vec::new();
    for (label, text) in &of.facts {
        let mut label = Some(label);
        for line in super::words::wrap(text, inner) {
            let begin = super::words::pad(label.take().map_or("", String::as_str), 9);
            lines.push((Words::of(format!(" {begin}"), Role::Dim).text(line), Words::new()));
        }
    }
    let change_high = u16::try_from(lines.len() + 2).unwrap_or(u16::MAX).clamp(3, 12);
    let change = Pane::new(Frame::new(2, "Change"), vec![Part::Lines(lines)]).focus(focus.pane);
    let mut lines = Vec::new();
    for (tone, text) in &of.looked {
        let mut sign = Some(rows::tone_sign(*tone));
        for line in super::words::wrap(text, inner) {
            let begin = sign.take().unwrap_or_else(|| Words::of(" ", Role::Dim));
            lines.push((Words::of(" ", Role::Dim).join(begin).gap(1).text(line), Words::new()));
        }
    }
    let looked_high = u16::try_from(lines.len() + 2).unwrap_or(u16::MAX).clamp(3, 8);
    let looked = Pane::new(Frame::new(3, "Looked at"), vec![Part::Lines(lines)]).focus(focus.pane);
    let lines = of.difference.iter().map(|(mark, text)| {
        let role = match mark {
            Mark::Same => Role::Text,
            Mark::Head => Role::Accent,
            Mark::Come => Role::Ok,
            Mark::Gone => Role::Down,
            Mark::Doubt => Role::Degraded,
        };
        vec![Words::of(text.clone(), role)]
    });
    let text = Table { heads: false, ..table(vec![Column::text("", 20).fill()], lines.collect(), 0, focus) };
    let key = keys.of(Action::Suspect(SuspectAction::Detail));
    let empty = Words::of("no change is under the cursor; ", Role::Dim).key(key, "shows what one changed");
    let mut difference = Pane::table(Frame::new(4, "Difference"), text, empty).focus(focus.pane);
    difference.counted = false;
    let mut bands = vec![
        Band::new(vec![list], 6).grow(1),
        Band::new(vec![change], change_high).rank(1),
        Band::new(vec![looked], looked_high).rank(2),
    ];
    // It is long: whoever does not read it has the room for the rest.
    if focus.pane == 4 {
        bands.push(Band::new(vec![difference], 6).grow(2));
    }
    zoom(bands, focus)
}
