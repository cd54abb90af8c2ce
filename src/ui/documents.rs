//! The document of an incident: how each section stands, and the whole of it to be read.
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
    core::{action::Action, incidents::document::DocumentAction},
};

/// The document of an incident.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Paper {
    /// Its sections: whether it is written, its heading, what is in it, and whether a person writes it.
    pub sections: Vec<(bool, &'static str, String, bool)>,
    /// How much is written, or what is missing before it can be closed.
    pub fact: (Option<Tone>, String),
    /// When it was last sent to its tickets.
    pub sent: String,
    /// The lines of the whole.
    pub lines: Vec<String>,
    /// Why it cannot be shown.
    pub wrong: bool,
}

/// Lays the document out.
pub fn document(of: &Paper, room: Room<'_>) -> Vec<Band> {
    let Room { wide, focus, keys, .. } = room;
    let columns = vec![
        Column::text("", 1),
        Column::number("", 2),
        Column::text("SECTION", 10),
        Column::text("HOLDS", 10).grow(30).fill(),
    ];
    let cells = of.sections.iter().zip(1..).map(|((written, title, says, asked), number)| {
        let (sign, role) = match (written, asked) {
            (true, _) => (rows::tone_sign(Tone::Good), Ink::of(Role::Text)),
            // Nobody is asked for what facts do not tell, and it is not ticked either.
            (false, false) => (Words::of("-", Role::Faint), Ink::of(Role::Dim)),
            (false, true) => (Words::of("○", Ink::bold(Role::Degraded)), Ink::bold(Role::Strong)),
        };
        let who = if *asked { Role::Text } else { Role::Dim };
        vec![sign, Words::of(format!("{number}"), Role::Faint), Words::of(*title, role), Words::of(says.clone(), who)]
    });
    let (tone, fact) = &of.fact;
    let fact = tone.map_or_else(Words::new, |tone| rows::tone_sign(tone).gap(1)).add(fact.clone(), Role::Dim);
    let sections = table(columns, cells.collect(), 2, focus);
    let keyed = Words::of("the incident is gone; ", Role::Dim).key(keys.of(Action::GoBack), "goes back");
    let mut list = Pane::table(Frame::new(1, "Document").fact(fact), sections, keyed).focus(focus.pane);
    list.counted = false;
    let lines = of.lines.iter().map(|line| {
        let role = if of.wrong {
            Role::Down
        } else if line.starts_with('#') {
            Role::Accent
        } else {
            Role::Text
        };
        vec![Words::of(line.clone(), role)]
    });
    let sent = Words::of(of.sent.clone(), Role::Dim);
    let text = Table { heads: false, ..table(vec![Column::text("", 20).fill()], lines.collect(), 0, focus) };
    let empty = Words::of("it is being written; ", Role::Dim)
        .key(keys.of(Action::Document(DocumentAction::Export)), "puts it into a file");
    let mut paper = Pane::table(Frame::new(2, "The whole").fact(sent), text, empty).focus(focus.pane);
    paper.counted = false;
    let bands = if wide >= 150 {
        vec![Band::new(vec![list.share(2), paper.share(5)], 8).grow(1)]
    } else {
        vec![Band::new(vec![list], 13), Band::new(vec![paper], 4).rank(1).grow(1)]
    };
    zoom(bands, focus)
}
