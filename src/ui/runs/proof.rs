//! Whether a change worked: the verdict first, then what it rests on.
use super::RunDetail;
use crate::{
    config::theme::Role,
    ui::{
        page::{Pane, Part, Room, table},
        rows,
        show::Tone,
        style::Ink,
        widgets::{frame::Frame, meter, table::Column},
        words::{self, Words},
    },
};

/// A line of the proof.
#[derive(Clone, Debug, PartialEq)]
pub struct ProofRow {
    /// What is looked at: `errors`.
    pub name: String,
    /// Before, where it is known.
    pub before: Option<String>,
    /// Now, where it is known.
    pub now: Option<String>,
    /// What it is to be.
    pub goal: String,
    /// Whether it is; none where that is unknown.
    pub met: Option<bool>,
}

/// How long it must stay good after the last hosts.
#[derive(Clone, Debug, PartialEq)]
pub struct Bake {
    /// For how long it has, in milliseconds; none while that has not begun.
    pub done_ms: Option<u64>,
    /// For how long it must, in milliseconds.
    pub all_ms: u64,
}

/// Lays the proof out for so many columns inside of its frame.
pub(super) fn pane(of: &RunDetail, room: Room<'_>, inner: usize) -> Pane {
    let rows = of.proof.iter().map(cells).collect();
    let columns = vec![
        Column::text("WHAT", 8).grow(8),
        Column::text("BEFORE", 7).grow(8),
        Column::text("NOW", 7).grow(12),
        Column::text("GOAL", 6).grow(6).rank(1),
        Column::text("", 1),
    ];
    let met = of.proof.iter().filter(|row| row.met == Some(true)).count();
    let fact = Words::of(format!("{met} of {}", of.proof.len()), Role::Dim);
    // The verdict goes before its reasons: it is what a small screen must still say.
    let mut above = verdict(of, inner);
    above.extend(of.bake.as_ref().map(|bake| bake_bar(bake, inner)));
    let mut pane = Pane::table(
        Frame::new(3, "Proof").fact(fact),
        table(columns, rows, 0, room.focus),
        Words::of("waiting for the first check after the run", Role::Dim),
    );
    pane.parts.insert(0, Part::Lines(above));
    pane.parts.push(Part::Lines(of.checks.iter().map(|(name, says)| check(name, says)).collect()));
    pane.counted = false;
    pane.focus(room.focus.pane)
}

/// Rows below which the verdict is cut.
pub(super) fn least(of: &RunDetail, inner: usize) -> u16 {
    u16::try_from(verdict(of, inner).len() + usize::from(of.bake.is_some()) + 2).unwrap_or(u16::MAX)
}

fn verdict(of: &RunDetail, inner: usize) -> Vec<(Words, Words)> {
    let (tone, text) = &of.verdict;
    let ink = match tone {
        Tone::Good => Ink::bold(Role::Ok),
        Tone::Error => Ink::bold(Role::Down),
        Tone::Warn => Ink::bold(Role::Degraded),
        Tone::Info => Ink::of(Role::Text),
    };
    let begin = Words::of(" verdict ", Role::Dim).join(rows::tone_sign(*tone)).gap(1);
    let indent = begin.width();
    let lines = words::wrap(text, inner.saturating_sub(indent).max(12)).into_iter().enumerate();
    let begin = |at| if at == 0 { begin.clone() } else { Words::new().gap(indent) };
    lines.map(|(at, line)| (begin(at).add(line, ink), Words::new())).collect()
}

fn bake_bar(of: &Bake, inner: usize) -> (Words, Words) {
    let minutes = |ms: u64| format!("{:02}:{:02}", ms / 60_000, ms / 1_000 % 60);
    let label = Words::of(" bake    ", Role::Dim);
    let Some(done) = of.done_ms else {
        return (label.dim(format!("{} once all hosts are done", minutes(of.all_ms))), Words::new());
    };
    let says = format!(" {} / {}", minutes(done), minutes(of.all_ms));
    let cells = inner.saturating_sub(label.width() + says.len() + 1).min(30);
    let part = done as f64 / of.all_ms.max(1) as f64;
    (label.join(meter::words(part, cells, Role::Accent)).text(says), Words::new())
}

fn check(name: &str, says: &str) -> (Words, Words) {
    (Words::of(format!("   {} ", words::pad(name, 10)), Role::Dim).text(says.to_owned()), Words::new())
}

fn cells(row: &ProofRow) -> Vec<Words> {
    let tone = match row.met {
        Some(true) => Tone::Good,
        Some(false) => Tone::Error,
        None => Tone::Info,
    };
    let unknown = || Words::of("?", Role::Faint);
    let now = match (&row.now, row.met) {
        (Some(now), Some(false)) => Words::of(now.clone(), Role::Down),
        (Some(now), _) => Words::of(now.clone(), Role::Text),
        (None, _) => unknown(),
    };
    let before = row.before.as_ref().map_or_else(unknown, |before| Words::of(before.clone(), Role::Dim));
    let goal = Words::of(row.goal.clone(), Role::Dim);
    vec![Words::of(row.name.clone(), Role::Text), before, now, goal, rows::tone_sign(tone)]
}
