//! The hosts of a run: one row each, one column for each step, what became of it in words.
use super::{Head, RunDetail};
use crate::{
    config::theme::Role,
    core::action::Action,
    ui::{
        page::{Pane, Part, Room, table},
        style::Ink,
        widgets::{
            frame::Frame,
            meter,
            table::{Column, Table},
        },
        words::{self, Words},
    },
};

/// Columns of a step's head, at most.
const HEAD: usize = 12;
/// Columns that the result wants beside the steps; with less the steps are a sign each.
const RESULT: usize = 30;
/// Signs that stand side by side, at most: beyond that only how many are done is told.
const SIGNS: usize = 24;

/// How something stands on a host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// There is no such step on this host.
    #[default]
    Absent,
    /// It waits.
    Waiting,
    /// It is under way.
    Running,
    /// It went well.
    Done,
    /// It did not.
    Failed,
    /// It was taken back.
    Back,
    /// Nobody knows.
    Unknown,
    /// It was left out.
    Left,
}

/// A step on a host.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cell {
    /// How it stands.
    pub state: State,
    /// `3s`, `exit 1`.
    pub says: String,
}

/// A host of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HostRow {
    /// Its name.
    pub host: String,
    /// How much of the build is there, while it is brought there.
    pub upload: Option<Cell>,
    /// Its steps, by column.
    pub cells: Vec<Cell>,
    /// How it stands.
    pub state: State,
    /// `RUNNING`.
    pub word: String,
    /// `pm2 reload`, `until play-01 is done`.
    pub more: String,
}

/// Lays the hosts out, with what is said about all of them. `cap` is how many rows the pane may have where others need room.
pub(super) fn pane(of: &RunDetail, room: Room<'_>, cap: u16) -> Pane {
    let wide = usize::from(room.wide.saturating_sub(2));
    let mut frame = Frame::new(1, "Hosts");
    frame.changes = of.production;
    if of.production {
        frame.fact = Words::of("PROD", Ink::bold(Role::Prod));
    }
    let does = if of.output_of.is_some() { "output of all" } else { "its output" };
    frame.legend = Words::new().key(room.keys.of(Action::OpenSelected), does);
    let mut above = head(&of.head, wide);
    above.extend(unsure(of, wide));
    let heads = room.high >= 20;
    let rows = grid(of, wide);
    let grid = Table { heads, ..rows.with(table(Vec::new(), Vec::new(), 0, room.focus)) };
    // Hosts go before facts, and the first facts before the others.
    let taken = above.len() + usize::from(heads) + of.hosts.len() + 2;
    let least = if room.high >= 30 { 3 } else { 1 };
    let below = facts(of, wide, usize::from(cap).saturating_sub(taken).clamp(least, 12));
    let want = u16::try_from(taken + below.len()).unwrap_or(u16::MAX).min(cap);
    let mut pane = Pane::table(frame, grid, Words::of("no steps", Role::Dim)).with(Part::Lines(below));
    pane.parts.insert(0, Part::Lines(above));
    pane.want = Some(want);
    pane.focus(room.focus.pane)
}

/// Rows below which the pane does not say what it is for: what is lost, heads, two hosts.
pub(super) fn least(of: &RunDetail, room: Room<'_>) -> u16 {
    let wide = usize::from(room.wide.saturating_sub(2));
    let above = head(&of.head, wide).len() + unsure(of, wide).len();
    let hosts = of.hosts.len().min(2) + usize::from(room.high >= 20);
    u16::try_from(above + hosts + 2).unwrap_or(u16::MAX)
}

/// What changes, how far it is, since when.
fn head(of: &Head, wide: usize) -> Vec<(Words, Words)> {
    let part = if of.all == 0 { 0.0 } else { of.done as f64 / of.all as f64 };
    let role = if of.live { Role::Accent } else { Role::Dim };
    let progress = |cells| {
        let meter = meter::words(part, cells, role);
        let progress = meter.dim(format!(" {} of {} steps", of.done, of.all)).gap(2).strong(of.elapsed.clone());
        if of.left.is_empty() { progress } else { progress.dim(format!(", {}", of.left)) }
    };
    let what = |change: String| Words::of(" ", Role::Text).strong(change);
    let full = what(of.change.clone()).dim(format!("   {}", of.hosts));
    for (left, right) in [(full.clone(), progress(12)), (what(of.change.clone()), progress(8))] {
        if left.width() + right.width() + 4 <= wide {
            return vec![(left, right)];
        }
    }
    vec![(full, Words::new()), (Words::of(" ", Role::Text).join(progress(8)), Words::new())]
}

/// How to find out what nobody knows, and what a run waits for: never cut.
fn unsure(of: &RunDetail, wide: usize) -> Vec<(Words, Words)> {
    let signed = |mark: &'static str, text: &str| {
        let text = if text.is_empty() { Vec::new() } else { words::wrap(text, wide.saturating_sub(4).max(12)) };
        let sign = move |at| if at == 0 { Words::of(mark, Ink::bold(Role::Degraded)) } else { Words::new().gap(3) };
        let lines = text.into_iter().enumerate();
        lines.map(move |(at, line)| (sign(at).add(line, Role::Degraded), Words::new()))
    };
    signed(" ? ", &of.lost).chain(signed(" ! ", &of.unled)).collect()
}

fn facts(of: &RunDetail, wide: usize, most: usize) -> Vec<(Words, Words)> {
    let mut lines = Vec::new();
    for (label, text) in &of.facts {
        let mut label = Some(label);
        for line in words::wrap(text, wide.saturating_sub(12).max(12)).into_iter().take(3) {
            let begin = words::pad(label.take().map_or("", String::as_str), 9);
            lines.push((Words::of(format!(" {begin}"), Role::Dim).text(line), Words::new()));
        }
    }
    lines.truncate(most);
    lines
}

/// What a table of hosts is made of.
struct Grid {
    columns: Vec<Column>,
    named: Vec<String>,
    rows: Vec<Vec<Words>>,
}

impl Grid {
    fn with(self, table: Table) -> Table {
        Table { columns: self.columns, named: self.named, rows: self.rows, ..table }
    }

    fn column(&mut self, head: &str, column: Column) {
        self.columns.push(column);
        self.named.push(head.to_owned());
    }
}

fn grid(of: &RunDetail, wide: usize) -> Grid {
    let most = |least: usize, widths: &mut dyn Iterator<Item = usize>| -> u16 {
        u16::try_from(widths.max().unwrap_or(0).max(least)).unwrap_or(u16::MAX)
    };
    let mut grid = Grid { columns: Vec::new(), named: Vec::new(), rows: Vec::new() };
    let name = most(4, &mut of.hosts.iter().map(|row| words::width(&row.host).min(24)));
    grid.column("HOST", Column::text("", name));
    let staging = of.hosts.iter().any(|row| row.upload.is_some());
    if staging {
        let own = most(6, &mut of.hosts.iter().filter_map(|row| row.upload.as_ref()).map(|cell| cell.words().width()));
        grid.column("UPLOAD", Column::text("", own).gap(2));
    }
    // What takes the change back stands behind its mark: its steps are called like those before.
    let mark = |at: usize| if of.back.is_some_and(|back| at >= back) { "←" } else { "" };
    let head = |(at, name): (usize, &String)| words::cut(&format!("{}{}", mark(at), name.to_uppercase()), HEAD);
    let heads: Vec<String> = of.steps.iter().enumerate().map(head).collect();
    let widths: Vec<u16> = heads
        .iter()
        .enumerate()
        .map(|(at, head)| {
            let cells = of.hosts.iter().filter_map(|row| row.cells.get(at)).map(|cell| cell.words().width());
            most(words::width(head), &mut { cells })
        })
        .collect();
    let taken: usize = grid.columns.iter().map(|column| usize::from(column.gap + column.width)).sum();
    let steps: usize = widths.iter().map(|width| usize::from(*width) + 2).sum();
    let by_step = taken + steps + RESULT <= wide;
    if by_step {
        for (head, width) in heads.iter().zip(&widths) {
            grid.column(head, Column::text("", *width).gap(2));
        }
    } else {
        let signs = if of.steps.len() > SIGNS { 7 } else { of.steps.len() + usize::from(of.back.is_some()) };
        grid.column("STEPS", Column::text("", u16::try_from(signs.max(5)).unwrap_or(u16::MAX)).gap(2));
    }
    grid.column("RESULT", Column::text("", 12).gap(2).fill());
    grid.rows = of.hosts.iter().map(|row| row.words(of, staging, by_step)).collect();
    grid
}

impl HostRow {
    fn words(&self, of: &RunDetail, staging: bool, by_step: bool) -> Vec<Words> {
        let mut cells = vec![Words::of(self.host.clone(), Role::Text)];
        if staging {
            cells.push(self.upload.as_ref().map_or_else(Words::new, Cell::words));
        }
        if by_step {
            cells.extend(self.cells.iter().map(Cell::words));
        } else if self.cells.len() > SIGNS {
            let done = self.cells.iter().filter(|cell| cell.state == State::Done).count();
            let all = self.cells.iter().filter(|cell| cell.state != State::Absent).count();
            cells.push(Words::of(format!("{done} of {all}"), Role::Dim));
        } else {
            let mut signs = Words::new();
            for (at, cell) in self.cells.iter().enumerate() {
                if of.back == Some(at) {
                    signs = signs.faint("←");
                }
                signs = signs.join(cell.state.sign());
            }
            cells.push(signs);
        }
        let ink = match self.state {
            State::Done => Ink::bold(Role::Ok),
            State::Failed => Ink::bold(Role::Down),
            State::Unknown | State::Back => Ink::bold(Role::Degraded),
            State::Running => Ink::bold(Role::Strong),
            State::Absent | State::Waiting | State::Left => Ink::of(Role::Dim),
        };
        let more = if self.more.is_empty() { Words::new() } else { Words::of(" ", Role::Text).text(self.more.clone()) };
        cells.push(self.state.sign().gap(1).add(self.word.clone(), ink).join(more));
        cells
    }
}

impl Cell {
    fn words(&self) -> Words {
        let role = match self.state {
            State::Running => Role::Strong,
            State::Failed => Role::Down,
            State::Unknown => Role::Degraded,
            State::Absent | State::Waiting | State::Done | State::Back | State::Left => Role::Dim,
        };
        let sign = self.state.sign();
        if self.says.is_empty() { sign } else { sign.gap(1).add(self.says.clone(), role) }
    }
}

impl State {
    fn sign(self) -> Words {
        match self {
            Self::Absent => Words::of(" ", Role::Text),
            Self::Waiting => Words::of("○", Role::Faint),
            Self::Running => Words::of("●", Ink::bold(Role::Accent)),
            Self::Done => Words::of("✓", Role::Ok),
            Self::Failed => Words::of("✗", Ink::bold(Role::Down)),
            Self::Back => Words::of("←", Ink::bold(Role::Degraded)),
            Self::Unknown => Words::of("?", Ink::bold(Role::Degraded)),
            Self::Left => Words::of("–", Role::Faint),
        }
    }
}
