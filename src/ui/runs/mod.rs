//! All runs, and one run.
mod grid;
mod proof;

pub use grid::{Cell, HostRow, State};
pub use proof::{Bake, ProofRow};

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
    core::{action::Action, screen::order::Order, words::many},
};

/// A run, live or over.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunDetail {
    /// Whether it changes production: double frame and band.
    pub production: bool,
    /// What changes, and how far it is.
    pub head: Head,
    /// Names of the steps, in order.
    pub steps: Vec<String>,
    /// The first of them that takes the change back.
    pub back: Option<usize>,
    /// Hosts, what went wrong first.
    pub hosts: Vec<HostRow>,
    /// Label and text, what one has to know first.
    pub facts: Vec<(String, String)>,
    /// Output.
    pub output: Vec<OutputRow>,
    /// The one host whose output that is, where a person asked for it.
    pub output_of: Option<String>,
    /// Lines of output there are.
    pub output_all: usize,
    /// `hit 3 of 17`, while something is searched.
    pub found: String,
    /// Whether output may still come.
    pub live: bool,
    /// Label, before, now, goal and whether it is met.
    pub proof: Vec<ProofRow>,
    /// What each check says, by its name, while they have not been held together.
    pub checks: Vec<(String, String)>,
    /// How long it must stay good, where it must.
    pub bake: Option<Bake>,
    /// What the checks say.
    pub verdict: (Tone, String),
    /// How to find out what became of it, when the link is lost.
    pub lost: String,
    /// Why it does not go on although it is not over, and what lets it.
    pub unled: String,
}

/// What changes in a run, and how far it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Head {
    /// `v2.31.0 → v2.30.4`.
    pub change: String,
    /// `3 hosts, one at a time`.
    pub hosts: String,
    /// For how long it has been going on, or did.
    pub elapsed: String,
    /// For how long it will still, where that is known: `about 17s left`.
    pub left: String,
    /// Steps that ended well.
    pub done: usize,
    /// Steps there are.
    pub all: usize,
    /// Whether it goes on.
    pub live: bool,
}

/// A line of output.
#[derive(Clone, Debug, PartialEq)]
pub struct OutputRow {
    /// When it arrived.
    pub at: String,
    /// From where; empty where that is plain.
    pub host: String,
    /// What it says.
    pub text: String,
    /// Where it holds what is searched, in bytes.
    pub hits: Vec<(usize, usize)>,
    /// Whether the cursor is on it while something is searched.
    pub current: bool,
}

impl OutputRow {
    /// What it says, with what is searched set off.
    fn said(&self) -> Words {
        let (mut words, mut at) = (Words::new(), 0);
        let piece = |from: usize, to: usize| self.text.get(from..to).unwrap_or_default().to_owned();
        for (from, to) in &self.hits {
            words = words.text(piece(at, *from)).add(piece(*from, *to), Ink::bold(Role::Match).on(Role::MatchBg));
            at = *to;
        }
        words.text(piece(at, self.text.len()))
    }
}

/// Lays a run out.
pub fn run(of: &RunDetail, room: Room<'_>) -> Vec<Band> {
    let Room { wide, high, focus, .. } = room;
    let beside = wide >= 100;
    let cap = if focus.zoomed { high } else { high / 2 };
    let least = grid::least(of, room);
    let list = grid::pane(of, room, cap.max(least));
    let output = output(of, wide).share(3).focus(focus.pane);
    // Beside the output the proof has two shares of five.
    let inner = if beside && !focus.zoomed { wide * 2 / 5 } else { wide }.saturating_sub(3);
    let proof = proof::pane(of, room, usize::from(inner));
    let told = proof::least(of, usize::from(inner));
    let bands = if beside {
        vec![Band::new(vec![list], least), Band::new(vec![output, proof.share(2)], told.max(6)).grow(1)]
    } else {
        vec![Band::new(vec![list], least), Band::new(vec![proof], told), Band::new(vec![output], 3).grow(1)]
    };
    zoom(bands, focus)
}

fn output(of: &RunDetail, wide: u16) -> Pane {
    let name = of.output.iter().map(|row| super::words::width(&row.host)).max().unwrap_or(0).min(16);
    // Who has little room reads what is said; when is a matter of the pane's whole width.
    let at = |row: &OutputRow| if wide < 70 { Words::new() } else { Words::of(format!("{} ", row.at), Role::Faint) };
    let lines = of.output.iter().map(|row| {
        let host = if name == 0 { String::new() } else { super::words::pad(&row.host, name) + " " };
        let mark = if row.current { Words::of("▸", Ink::bold(Role::Mark)) } else { Words::new() };
        mark.join(at(row)).add(host, Role::Dim).join(row.said())
    });
    let state = match (of.live, of.lost.is_empty()) {
        (true, true) => Words::of("● live", Role::Ok),
        (true, false) => Words::of("? link lost", Role::Degraded),
        (false, _) => Words::of("ended", Role::Dim),
    };
    let count = match (of.output.len(), of.output_all) {
        (shown, all) if shown == all => format!("  {}", many(all, "line")),
        (shown, all) => format!("  {shown} of {}", many(all, "line")),
    };
    let state = if of.found.is_empty() { state } else { Words::of(of.found.clone(), Role::Match).gap(2).join(state) };
    let mut frame = Frame::new(2, "Output").fact(state.dim(count));
    if let Some(host) = &of.output_of {
        frame.count = Words::of(host.clone(), Ink::bold(Role::Accent));
    }
    let lines: Vec<Words> = lines.collect();
    Pane::new(frame, vec![Part::Tail(lines)])
}

/// A run in the list.
#[derive(Clone, Debug, PartialEq)]
pub struct RunRow {
    /// `RUN-882`.
    pub id: String,
    /// `restart play`.
    pub title: String,
    /// Where.
    pub hosts: String,
    /// By whom.
    pub by: String,
    /// How it ended, or that it runs.
    pub result: (Tone, String),
    /// What the checks said.
    pub proof: String,
    /// Since when.
    pub age: String,
}

/// Lays runs out.
pub fn runs(list: &[RunRow], room: Room<'_>) -> Vec<Band> {
    vec![Band::new(vec![runs_pane(1, list, room).focus(1)], 0).grow(1)]
}

pub(super) fn runs_pane(digit: u8, list: &[RunRow], room: Room<'_>) -> Pane {
    let columns = vec![
        Column::text("ID", 8),
        Column::text("WHAT", 14).grow(16),
        Column::text("HOSTS", 10).grow(10).rank(1),
        Column::text("BY", 8).rank(3),
        Column::text("", 1),
        Column::text("RESULT", 10).grow(10),
        Column::text("PROOF", 10).grow(40).rank(2),
        Column::number("AGE", 5),
    ];
    let sorted = rows::sorted(&columns, &[(Order::Newest, "AGE"), (Order::Target, "WHAT")], room.order(digit));
    let rows = list.iter().map(|row| {
        vec![
            Words::of(row.id.clone(), Ink::bold(Role::Strong)),
            Words::of(row.title.clone(), Role::Text),
            Words::of(row.hosts.clone(), Role::Dim),
            Words::of(row.by.clone(), Role::Dim),
            rows::tone_sign(row.result.0),
            Words::of(row.result.1.clone(), Role::Text),
            Words::of(row.proof.clone(), Role::Dim),
            Words::of(row.age.clone(), Role::Faint),
        ]
    });
    Pane::table(
        Frame::new(digit, "Runs").fact(room.sorted(digit, Order::Newest, Words::new())),
        Table { sorted, ..table(columns, rows.collect(), 0, room.focus) },
        Words::of("nothing was changed yet; ", Role::Dim)
            .key(room.keys.of(Action::RestartService), "on a service restarts it, after a review"),
    )
}
