//! What the scanner found: the worst first; and all about the finding under the cursor.
use super::{
    page::{Band, Pane, Part, Room, labelled, table, zoom},
    show::Tone,
    style::Ink,
    widgets::{frame::Frame, table::Column},
    words::Words,
};
use crate::{config::theme::Role, ui::rows};

/// What the scanner found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Findings {
    /// The worst first.
    pub rows: Vec<Row>,
    /// When it was asked, and when it is asked again.
    pub fact: Option<(Tone, String)>,
    /// Label and text about the finding under the cursor, and the scanner.
    pub facts: Vec<(String, String)>,
    /// What stands there where nothing was found.
    pub empty: String,
}

/// A finding.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row {
    /// How bad, 1 to 5; none where it is not told.
    pub severity: Option<u8>,
    /// Whether it fails PCI; none where nobody knows.
    pub pci: Option<bool>,
    /// Whether it is there, as far as is known.
    pub open: bool,
    /// Where: the host, and whether it is configured.
    pub host: (String, bool),
    /// Its services.
    pub services: String,
    /// What.
    pub title: String,
    /// How long ago it was found first.
    pub first: String,
    /// How long ago it was found last.
    pub last: String,
    /// How it stands.
    pub standing: String,
}

/// Lays findings out.
pub fn findings(of: &Findings, room: Room<'_>) -> Vec<Band> {
    let Room { wide, focus, .. } = room;
    let columns = vec![
        Column::text("SEV", 3),
        Column::text("PCI", 4),
        Column::text("HOST", 9).grow(24),
        Column::text("WHAT", 22).grow(90).fill(),
        Column::text("STATE", 9).grow(14).rank(1),
        Column::number("FIRST", 5).rank(3),
        Column::number("LAST", 5),
        Column::text("SERVICE", 10).grow(30).rank(2),
    ];
    let cells = of.rows.iter().map(|row| {
        let dim = |role| if row.open { role } else { Role::Faint };
        let (host, known) = &row.host;
        vec![
            severity(row.severity.filter(|_| row.open), row.severity),
            match row.pci {
                Some(true) if row.open => Words::of("fail", Ink::bold(Role::Degraded)),
                Some(true) => Words::of("fail", Role::Faint),
                Some(false) => Words::new(),
                None => Words::of("?", Role::Unknown),
            },
            Words::of(
                if *known { host.clone() } else { format!("? {host}") },
                dim(if *known { Role::Strong } else { Role::Unknown }),
            ),
            Words::of(row.title.clone(), dim(Role::Text)),
            Words::of(row.standing.clone(), dim(Role::Dim)),
            Words::of(row.first.clone(), dim(Role::Dim)),
            Words::of(row.last.clone(), dim(Role::Text)),
            Words::of(row.services.clone(), dim(Role::Dim)),
        ]
    });
    let mut frame = Frame::new(1, "Findings");
    if let Some((tone, text)) = &of.fact {
        frame.fact = rows::tone_sign(*tone).gap(1).add(text.clone(), Role::Dim);
    }
    let list = Pane::table(frame, table(columns, cells.collect(), 4, focus), Words::of(of.empty.clone(), Role::Dim));
    let list = list.focus(focus.pane);
    let lines = labelled(&of.facts, wide);
    let need = u16::try_from(lines.len() + 2).unwrap_or(u16::MAX).clamp(3, 13);
    let about = Pane::new(Frame::new(2, "Finding"), vec![Part::Lines(lines)]).focus(focus.pane);
    zoom(vec![Band::new(vec![list], 6).grow(1), Band::new(vec![about], need)], focus)
}

/// Writes a severity: loud where it is there, and bad.
fn severity(open: Option<u8>, any: Option<u8>) -> Words {
    match (open, any) {
        (Some(5), _) => Words::new().pill("5", Role::Down),
        (Some(4), _) => Words::of(" 4 ", Ink::bold(Role::Degraded)),
        (Some(number), _) => Words::of(format!(" {number} "), Role::Text),
        (None, Some(number)) => Words::of(format!(" {number} "), Role::Faint),
        (None, None) => Words::of(" ? ", Role::Unknown),
    }
}
