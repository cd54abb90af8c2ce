//! All runs, and one run.
use super::{
    page::{Band, Focus, Pane, Part, Room, table, zoom},
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
    core::{action::Action, screen::order::Order},
};

/// A run, live or over.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunDetail {
    /// `RUN-882 restart play`.
    pub title: String,
    /// Whether it changes production: double frame and band.
    pub production: bool,
    /// Steps.
    pub steps: Vec<StepRow>,
    /// Label and text: reason, undo, lock, incident.
    pub facts: Vec<(String, String)>,
    /// Output: when, text, and whether it came from us rather than from the host.
    pub output: Vec<OutputRow>,
    /// Whether output may still come.
    pub live: bool,
    /// Label, before, now, goal and whether it is met.
    pub proof: Vec<ProofRow>,
    /// What the checks say.
    pub verdict: (Tone, String),
    /// How to find out what became of it, when the link is lost.
    pub lost: String,
}

/// A step of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct StepRow {
    /// The host.
    pub host: String,
    /// What it is called.
    pub name: String,
    /// How it stands; none while it waits or runs.
    pub tone: Option<Tone>,
    /// Whether it runs.
    pub running: bool,
    /// `exit 0, 1.2 s`, `waiting`.
    pub says: String,
    /// The exact command.
    pub command: String,
}

/// A line of output.
#[derive(Clone, Debug, PartialEq)]
pub struct OutputRow {
    /// When it arrived.
    pub at: String,
    /// What it says.
    pub text: String,
    /// Whether it is the command itself.
    pub command: bool,
}

/// A line of the proof.
#[derive(Clone, Debug, PartialEq)]
pub struct ProofRow {
    /// What is looked at: `errors`.
    pub name: String,
    /// Before, where it is known.
    pub before: Option<String>,
    /// Now, where it is known.
    pub now: Option<String>,
    /// What it is to be; empty for what belongs to the line above.
    pub goal: String,
    /// Whether it is; none where that is unknown.
    pub met: Option<bool>,
}

/// Lays a run out.
pub fn run(of: &RunDetail, room: Room<'_>) -> Vec<Band> {
    let Room { wide, focus, .. } = room;
    let steps = of.steps.iter().map(step).collect();
    let columns = vec![
        Column::text("HOST", 10).grow(4),
        Column::text("STEP", 9),
        Column::text("", 1),
        Column::text("RESULT", 16).grow(8),
        Column::text("COMMAND", 10).grow(300).gap(2),
    ];
    let mut frame = Frame::new(1, "Steps");
    frame.changes = of.production;
    if of.production {
        frame.fact = Words::of("PROD", Ink::bold(Role::Prod));
    }
    let mut list = Pane::table(frame, table(columns, steps, 0, focus), Words::of("no steps", Role::Dim));
    if !of.lost.is_empty() {
        let words = Words::of(" ? ", Ink::bold(Role::Degraded)).add(of.lost.clone(), Role::Degraded);
        list = list.with(Part::Lines(vec![(words, Words::new())]));
    }
    let facts = of.facts.iter().map(|(label, text)| {
        (Words::of(format!(" {}", super::words::pad(label, 9)), Role::Dim).text(text.clone()), Words::new())
    });
    let list = list.with(Part::Lines(facts.collect())).focus(focus.pane);
    let lines = of.output.iter().map(|row| {
        let text = if row.command { Ink::bold(Role::Strong) } else { Ink::of(Role::Text) };
        Words::of(format!("{} ", row.at), Role::Faint).add(row.text.clone(), text)
    });
    let state = if of.live { Words::of("● live", Role::Ok) } else { Words::of("ended", Role::Dim) };
    let output = Pane::new(
        Frame::new(2, "Output").fact(state.dim(format!("  {} lines", of.output.len()))),
        vec![Part::Tail(lines.collect())],
    )
    .share(3)
    .focus(focus.pane);
    // Beside the output the proof has two shares of five.
    let inner = if wide >= 100 { wide * 2 / 5 } else { wide }.saturating_sub(3);
    let inner = if focus.zoomed { wide.saturating_sub(3) } else { inner };
    let proof = proof(of, focus, inner);
    let bands = if wide >= 100 {
        vec![Band::new(vec![list], 5), Band::new(vec![output, proof.share(2)], 6).grow(1)]
    } else {
        vec![Band::new(vec![list], 5), Band::new(vec![proof], 5), Band::new(vec![output], 4).grow(1)]
    };
    zoom(bands, focus)
}

fn step(row: &StepRow) -> Vec<Words> {
    let (sign, says) = match (row.tone, row.running) {
        (Some(tone), _) => (rows::tone_sign(tone), Role::Text),
        (None, true) => (Words::of("●", Ink::bold(Role::Accent)), Role::Strong),
        (None, false) => (Words::of("○", Role::Faint), Role::Faint),
    };
    vec![
        Words::of(row.host.clone(), Role::Text),
        Words::of(row.name.clone(), Role::Dim),
        sign,
        Words::of(row.says.clone(), says),
        Words::of(row.command.clone(), Role::Dim),
    ]
}

fn proof(of: &RunDetail, focus: Focus, inner: u16) -> Pane {
    let rows = of.proof.iter().map(|row| {
        let tone = match row.met {
            Some(true) => Tone::Good,
            Some(false) => Tone::Error,
            None => Tone::Info,
        };
        let sign = if row.goal.is_empty() { Words::new() } else { rows::tone_sign(tone) };
        let now = match (&row.now, row.met) {
            (Some(now), Some(false)) => Words::of(now.clone(), Role::Down),
            (Some(now), _) => Words::of(now.clone(), Role::Text),
            (None, _) => Words::of("?", Role::Faint),
        };
        vec![
            Words::of(row.name.clone(), Role::Text),
            row.before
                .as_ref()
                .map_or_else(|| Words::of("?", Role::Faint), |before| Words::of(before.clone(), Role::Dim)),
            now,
            Words::of(row.goal.clone(), Role::Dim),
            sign,
        ]
    });
    let columns = vec![
        Column::text("WHAT", 10).grow(4),
        Column::text("BEFORE", 8).grow(4),
        Column::text("NOW", 9).grow(20),
        Column::text("GOAL", 8).grow(4).rank(1),
        Column::text("", 1),
    ];
    let goals = || of.proof.iter().filter(|row| !row.goal.is_empty());
    let met = goals().filter(|row| row.met == Some(true)).count();
    let fact = Words::of(format!("{met} of {}", goals().count()), Role::Dim);
    let (tone, verdict) = &of.verdict;
    let mut begin = Some(Words::of(" verdict ", Role::Dim).join(rows::tone_sign(*tone)).gap(1));
    let indent = begin.as_ref().map_or(0, Words::width);
    let verdict =
        super::words::wrap(verdict, usize::from(inner).saturating_sub(indent).max(12)).into_iter().map(|line| {
            let begin = begin.take().unwrap_or_else(|| Words::new().gap(indent));
            (begin.strong(line), Words::new())
        });
    let verdict = verdict.collect();
    // The verdict goes before its reasons: it is what a small screen must still say.
    let mut pane = Pane::table(
        Frame::new(3, "Proof").fact(fact),
        table(columns, rows.collect(), 0, focus),
        Words::of("waiting for the first check after the run", Role::Dim),
    );
    pane.parts.insert(0, Part::Lines(verdict));
    pane.counted = false;
    pane.focus(focus.pane)
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
