//! The pipeline of a service: its runs, the jobs of one of them, and the end of the log of one of those.
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
use crate::{config::theme::Role, core::words::many};

/// A pipeline.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pipeline {
    /// `deploy.yml of acme/play`.
    pub name: String,
    /// How it stands, and of when that is.
    pub fact: Option<(Tone, String)>,
    /// What one has to know first: it is held, it cannot be asked.
    pub notice: Option<(Tone, String)>,
    /// Its runs, the newest first.
    pub runs: Vec<RunRow>,
    /// What stands there where there are none.
    pub empty: String,
    /// Which run the jobs are of.
    pub of: String,
    /// Its jobs, what failed first.
    pub jobs: Vec<JobRow>,
    /// What stands there where there are none.
    pub no_jobs: String,
    /// Which job the log is of.
    pub job: String,
    /// The end of its log.
    pub log: Vec<String>,
    /// Lines before it.
    pub before: usize,
    /// What stands there where there is none.
    pub no_log: String,
}

/// A run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunRow {
    /// `812`.
    pub number: String,
    /// How it stands.
    pub stands: (Stands, String),
    /// Its branch.
    pub branch: String,
    /// The beginning of its commit.
    pub sha: String,
    /// Who began it.
    pub by: String,
    /// What it is about.
    pub title: String,
    /// How long ago it began.
    pub age: String,
}

/// A job.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct JobRow {
    /// Its name.
    pub name: String,
    /// How it stands.
    pub stands: (Stands, String),
    /// Its steps that ended, and all of them.
    pub steps: (usize, usize),
    /// How long it took, or has taken.
    pub took: String,
}

/// What a sign says of a run, a job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stands {
    /// It ended well.
    Well,
    /// It ended, and not well.
    Badly,
    /// It ended otherwise: cancelled, skipped.
    Over,
    /// It goes on.
    On,
    /// It waits for a person.
    Waits,
    /// It waits for its turn, or nobody knows.
    #[default]
    Queued,
}

impl Stands {
    fn sign(self) -> Words {
        match self {
            Self::Well => rows::tone_sign(Tone::Good),
            Self::Badly => rows::tone_sign(Tone::Error),
            Self::Over => Words::of("·", Role::Dim),
            Self::On => Words::of("●", Role::Accent),
            Self::Waits => rows::tone_sign(Tone::Warn),
            Self::Queued => Words::of("○", Role::Dim),
        }
    }

    fn ink(self) -> Ink {
        match self {
            Self::Well | Self::Over | Self::Queued => Role::Dim.into(),
            Self::Badly => Ink::bold(Role::Down),
            Self::On => Role::Accent.into(),
            Self::Waits => Ink::bold(Role::Degraded),
        }
    }
}

/// Lays a pipeline out.
pub fn pipeline(of: &Pipeline, room: Room<'_>) -> Vec<Band> {
    let Room { wide, high, focus, .. } = room;
    let mut runs = runs(of, room);
    // A page of runs is enough beside what one looks at in them.
    runs.want = Some(runs.wants().min(high / 2).max(6));
    let (jobs, log) = (jobs(of, room), log(of, room));
    let runs = Band::new(vec![runs.focus(focus.pane)], 6);
    let bands = if wide >= 110 {
        let below = vec![jobs.share(2).focus(focus.pane), log.share(3).focus(focus.pane)];
        vec![runs, Band::new(below, 5).grow(1)]
    } else {
        let log = Band::new(vec![log.focus(focus.pane)], 4).rank(1).grow(1);
        vec![runs, Band::new(vec![jobs.focus(focus.pane)], 4), log]
    };
    zoom(bands, focus)
}

fn runs(of: &Pipeline, room: Room<'_>) -> Pane {
    let columns = vec![
        Column::text("", 1),
        Column::number("RUN", 5),
        Column::text("STANDS", 12).grow(36),
        Column::text("TITLE", 25).grow(60).fill(),
        Column::text("BRANCH", 6).grow(20).rank(2),
        Column::text("COMMIT", 9).rank(1),
        Column::text("BY", 4).grow(14).rank(3),
        Column::number("AGE", 5),
    ];
    let cells = of.runs.iter().map(|run| {
        let (sign, stands) = &run.stands;
        vec![
            sign.sign(),
            Words::of(run.number.clone(), Role::Strong),
            Words::of(stands.clone(), sign.ink()),
            Words::of(run.title.clone(), Role::Text),
            Words::of(run.branch.clone(), Role::Dim),
            Words::of(run.sha.clone(), Role::Dim),
            Words::of(run.by.clone(), Role::Dim),
            Words::of(run.age.clone(), Role::Dim),
        ]
    });
    let mut frame = Frame::new(1, of.name.clone());
    if let Some((tone, text)) = &of.fact {
        frame.fact = rows::tone_sign(*tone).gap(1).add(text.clone(), Role::Dim);
    }
    let list = table(columns, cells.collect(), 4, room.focus);
    let mut pane = Pane::table(frame, list, Words::of(of.empty.clone(), Role::Dim));
    if let Some((tone, text)) = &of.notice {
        let ink = if *tone == Tone::Error { Role::Down } else { Role::Degraded };
        for (at, line) in super::words::wrap(text, usize::from(room.wide).saturating_sub(6)).into_iter().enumerate() {
            let sign = if at == 0 { rows::tone_sign(*tone) } else { Words::of(" ", Role::Text) };
            pane.parts
                .push(Part::Lines(vec![(Words::of(" ", Role::Text).join(sign).gap(1).add(line, ink), Words::new())]));
        }
    }
    pane
}

fn jobs(of: &Pipeline, room: Room<'_>) -> Pane {
    let columns = vec![
        Column::text("", 1),
        Column::text("JOB", 10).grow(30).fill(),
        Column::text("STANDS", 10).grow(40),
        Column::number("STEPS", 5).rank(1),
        Column::number("TOOK", 5),
    ];
    let cells = of.jobs.iter().map(|job| {
        let ((sign, stands), (done, all)) = (&job.stands, job.steps);
        vec![
            sign.sign(),
            Words::of(job.name.clone(), Role::Text),
            Words::of(stands.clone(), sign.ink()),
            Words::of(if all == 0 { String::new() } else { format!("{done}/{all}") }, Role::Dim),
            Words::of(job.took.clone(), Role::Dim),
        ]
    });
    let mut frame = Frame::new(2, "Jobs");
    frame.fact = Words::of(of.of.clone(), Role::Dim);
    Pane::table(frame, table(columns, cells.collect(), 1, room.focus), Words::of(of.no_jobs.clone(), Role::Dim))
}

fn log(of: &Pipeline, room: Room<'_>) -> Pane {
    let mut frame = Frame::new(3, "Log");
    let cut = if of.before > 0 { format!(", {} before them", many(of.before, "line")) } else { String::new() };
    let count = if of.log.is_empty() { String::new() } else { format!("  {}{cut}", many(of.log.len(), "line")) };
    frame.fact = Words::of(format!("{}{count}", of.job), Role::Dim);
    let lines = of.log.iter().map(|line| {
        let bad = line.starts_with("##[error]") || line.starts_with("Error:");
        Words::of(line.clone(), if bad { Role::Down } else { Role::Text })
    });
    if room.focus.pane != 3 && !of.log.is_empty() {
        return Pane::new(frame, vec![Part::Tail(lines.collect())]);
    }
    let columns = vec![Column::text("", 20).grow(400).fill()];
    let lines = table(columns, lines.map(|line| vec![line]).collect(), 0, room.focus);
    let pane = Pane::table(frame, Table { heads: false, ..lines }, Words::of(of.no_log.clone(), Role::Dim));
    Pane { counted: false, ..pane }
}
