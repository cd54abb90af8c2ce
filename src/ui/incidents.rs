//! All incidents, and one incident.
use super::{
    page::{Band, Pane, Part, Room, table, zoom},
    rows,
    runs::{RunRow, runs_pane},
    show::{IncidentRow, Keys, TimelineRow, Tone},
    style::Ink,
    widgets::{
        frame::Frame,
        table::{Column, Table},
    },
    words::{Words, pad, wrap},
};
use crate::{
    config::theme::Role,
    core::{action::Action, incidents::IncidentAction, screen::order::Order},
};

/// Rows from which on there is room for all that can be done.
const TALL: u16 = 34;
/// Rows of the screen that neither the facts nor what stands below them have: three of every screen's, the head, the frame.
const AROUND: u16 = 10;

/// All incidents.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Incidents {
    /// In order.
    pub rows: Vec<IncidentRow>,
    /// The one under the cursor, and the earlier one that is most like it, with what mended that.
    pub like: Option<(String, String)>,
}

/// Lays incidents out.
pub fn incidents(of: &Incidents, room: Room<'_>) -> Vec<Band> {
    let list = &of.rows;
    let open = list.iter().filter(|row| !row.resolved).count();
    let owed = list.iter().filter(|row| row.resolved && !row.closed).count();
    let mut fact = if open > 0 { Words::of(format!("{open} open"), Ink::bold(Role::Degraded)) } else { Words::new() };
    if owed > 0 {
        let gap = usize::from(!fact.is_empty()) * 2;
        let thing = if owed == 1 { "document" } else { "documents" };
        fact = fact.gap(gap).add(format!("{owed} {thing} due"), Role::Degraded);
    }
    let pane = Pane::table(
        Frame::new(1, "Incidents").fact(room.sorted(1, Order::Worst, fact)),
        Table {
            sorted: rows::sorted(
                &rows::incident_columns(),
                &[(Order::Worst, "SEV"), (Order::Newest, "AGE"), (Order::Target, "SERVICE")],
                room.order(1),
            ),
            ..table(rows::incident_columns(), list.iter().map(rows::incident).collect(), 0, room.focus)
        },
        Words::of("no incident yet; ", Role::Dim)
            .key(room.keys.of(Action::OpenIncident), "on an alert or a service opens one"),
    );
    let mut pane = pane;
    // What somebody else found out before is worth a line, where lines are not short.
    if let (Some((number, like)), true) = (&of.like, room.wide >= 112 && room.high >= 20) {
        let line = Words::of(format!(" like {number}: "), Role::Dim).text(like.clone());
        pane = pane.with(Part::Lines(vec![(Words::new(), Words::new()), (line, Words::new())]));
    }
    vec![Band::new(vec![pane.focus(1)], 0).grow(1)]
}

/// One incident.
#[derive(Clone, Debug, PartialEq)]
pub struct IncidentDetail {
    /// As in the list.
    pub row: IncidentRow,
    /// Its phases: name, when it began, and whether it is behind, here or ahead.
    pub phases: Vec<(&'static str, String, Step)>,
    /// What has to hold before the phase is left, and whether it does.
    pub guards: Vec<(&'static str, bool)>,
    /// What was left owed before.
    pub owed: Vec<&'static str>,
    /// Its clocks: what, how it stands, and how that is meant.
    pub clocks: Vec<(&'static str, String, Tone)>,
    /// Label and text.
    pub facts: Vec<(String, String)>,
    /// What its type has people do, as facts are.
    pub procedure: Vec<(String, String)>,
    /// What people think may be why: how it stands, the text, what speaks for and against.
    pub hypotheses: Vec<(Tone, String, String)>,
    /// Its timeline, oldest first, each with its offset from the onset.
    pub timeline: Vec<(String, TimelineRow)>,
    /// Its runs.
    pub runs: Vec<RunRow>,
    /// What can be done from here.
    pub acts: Vec<Act>,
    /// What the key does that goes on.
    pub next: String,
}

/// Something that can be done about an incident.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Act {
    /// What.
    pub action: Action,
    /// How what is known of it is meant.
    pub tone: Tone,
    /// What is known of it.
    pub text: String,
}

/// Where a phase stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Behind.
    Done,
    /// The present one.
    Here,
    /// Ahead.
    Ahead,
}

impl IncidentDetail {
    /// The phases in a row; only the present one with its name where there is little room.
    fn stepper(&self, wide: bool) -> Words {
        let mut line = Words::of(" ", Role::Text);
        for (at, (name, since, step)) in self.phases.iter().enumerate() {
            if at > 0 {
                line = line.faint(if wide { " ── " } else { "  " });
            }
            let number = at + 1;
            line = match step {
                Step::Done if wide => line.add("✓ ", Role::Ok).dim(format!("{number} {name}")),
                Step::Done => line.add(format!("✓{number}"), Role::Ok),
                Step::Here => line
                    .add(format!("● {number} {}", name.to_uppercase()), Ink::bold(Role::Accent))
                    .dim(format!(" {since}")),
                Step::Ahead if wide => line.faint(format!("○ {number} {name}")),
                Step::Ahead => line.faint(format!("○{number}")),
            };
        }
        line
    }

    /// What is missing, before what is there.
    fn guard_line(&self) -> Words {
        let mut line = Words::of(" to leave  ", Role::Dim);
        if self.guards.is_empty() {
            line = line.dim("nothing is asked for");
        }
        let (there, missing): (Vec<_>, Vec<_>) = self.guards.iter().partition(|(_, holds)| *holds);
        for (words, holds) in missing.into_iter().chain(there) {
            line = if holds {
                line.add("✓ ", Role::Ok).dim(format!("{words}  "))
            } else {
                line.add("○ ", Ink::bold(Role::Degraded)).text(format!("{words}  "))
            };
        }
        if !self.owed.is_empty() {
            line = line.add(format!("owed: {}", self.owed.join(", ")), Role::Degraded);
        }
        line
    }

    /// What can be done from here: its key, what it is, and what is known of it.
    fn act_lines(&self, keys: &Keys) -> Vec<(Words, Words)> {
        let hint = |action: Action| action.entry().map_or("", |entry| entry.hint);
        let line = |act: &Act| {
            let words = Words::of(" ", Role::Text).key(keys.of(act.action), &pad(hint(act.action), 10));
            (words.gap(1).add(act.text.clone(), rows::tone_ink(act.tone)), Words::new())
        };
        self.acts.iter().map(line).collect()
    }

    fn clock_line(&self) -> Words {
        let mut line = Words::of(" clocks    ", Role::Dim);
        if self.clocks.is_empty() {
            line = line.dim("none by the policy");
        }
        for (what, how, tone) in &self.clocks {
            let ink = rows::tone_ink(*tone);
            line = line.dim(format!("{what} ")).add(how.clone(), ink).gap(2);
        }
        line
    }
}

/// Facts, each in as many lines as it takes.
fn laid(facts: &[(String, String)], columns: usize) -> Vec<(Words, Words)> {
    facts.iter().flat_map(|(label, text)| fact(label, text, columns)).collect()
}

fn fact(label: &str, text: &str, columns: usize) -> Vec<(Words, Words)> {
    let line = |(at, text): (usize, String)| {
        let words = if text == "nobody" { rows::owner(None) } else { Words::of(text, Role::Text) };
        let label = if at == 0 { label } else { "" };
        (Words::of(format!(" {}", pad(label, 11)), Role::Dim).join(words), Words::new())
    };
    wrap(text, columns).into_iter().enumerate().map(line).collect()
}

/// Lays one incident out.
pub fn incident(of: &IncidentDetail, room: Room<'_>) -> Vec<Band> {
    let focus = room.focus;
    let wide = room.wide >= 112;
    let (word, ink) = rows::incident_state(&of.row);
    let mut frame = Frame::new(2, of.row.id.clone()).fact(Words::of(word, ink).dim(format!("  {}", of.row.age)));
    frame.count = rows::severity(of.row.severity).gap(1).text(of.row.title.clone());
    let go_on = Words::new().key(room.keys.of(Action::Incident(IncidentAction::NextPhase)), &of.next).gap(1);
    let mut lines = vec![(of.stepper(wide), go_on), (of.guard_line(), Words::new()), (of.clock_line(), Words::new())];
    let thoughts: Vec<(Words, Words)> = of
        .hypotheses
        .iter()
        .zip(1..)
        .map(|((tone, text, weighs), n)| {
            let line =
                Words::of(" ", Role::Text).join(rows::tone_sign(*tone)).dim(format!(" H{n} ")).text(text.clone());
            (line, Words::of(weighs.clone(), Role::Dim))
        })
        .collect();
    let mut columns = rows::timeline_columns();
    columns.insert(0, Column::number("", 9).rank(1));
    let entry = |(offset, row): &(String, TimelineRow)| {
        let mut cells = rows::timeline(row);
        cells.insert(0, Words::of(offset.clone(), Role::Faint));
        cells
    };
    let timeline = Pane::table(
        Frame::new(1, "Timeline"),
        table(columns, of.timeline.iter().map(entry).collect(), 4, focus),
        Words::of("nothing yet", Role::Dim),
    )
    .focus(focus.pane);
    let runs = runs_pane(3, &of.runs, room).focus(focus.pane);
    let bands = if wide {
        let head = Pane::new(frame, vec![Part::Lines(lines)]).focus(focus.pane);
        let why = Words::of(" why? ", Role::Dim)
            .key(room.keys.of(Action::Incident(IncidentAction::AddHypothesis)), "writes down what may be");
        let why = if thoughts.is_empty() { vec![(why, Words::new())] } else { thoughts };
        let acts = of.act_lines(room.keys);
        let least = if room.high >= TALL { u16::try_from(acts.len() + 2).unwrap_or(4).max(4) } else { 4 };
        // Beside the timeline are few columns: a fact takes several rows where they are there, and none that a hypothesis needs.
        let columns = usize::from(room.wide) * 3 / 8 - 15;
        let rows = usize::from(room.high.saturating_sub(AROUND + least)).saturating_sub(why.len());
        let whole = laid(&of.facts, columns);
        let facts = if whole.len() > rows { laid(&of.facts, usize::MAX) } else { whole };
        let facts: Vec<_> = facts.into_iter().take(rows).collect();
        let procedure = laid(&of.procedure, columns);
        let facts =
            Pane::new(Frame::new(None, "Facts"), vec![Part::Lines(facts), Part::Lines(why), Part::Lines(procedure)]);
        let acts = Pane::new(Frame::new(None, "Act"), vec![Part::Lines(acts)]);
        vec![
            Band::new(vec![head], 5),
            Band::new(vec![timeline.share(5), facts.share(3)], 5).grow(1),
            Band::new(vec![acts.share(1), runs.share(1)], least).rank(1),
        ]
    } else {
        // On a small terminal the timeline goes before what is said again elsewhere; the pane's digit shows all of it.
        let few = if focus.zoomed { usize::MAX } else { usize::from(room.high.saturating_sub(20)) };
        let acts = if focus.zoomed { of.act_lines(room.keys) } else { Vec::new() };
        let (facts, procedure) = (laid(&of.facts, usize::MAX), laid(&of.procedure, usize::MAX));
        lines.extend(facts.into_iter().chain(thoughts).chain(procedure).chain(acts).take(few));
        let head = Pane::new(frame, vec![Part::Lines(lines)]).focus(focus.pane);
        let mut bands = vec![Band::new(vec![head], 5), Band::new(vec![timeline], 5).grow(1)];
        if !of.runs.is_empty() || room.high >= 30 || focus.pane == 3 {
            bands.push(Band::new(vec![runs], 4).rank(1));
        }
        bands
    };
    zoom(bands, focus)
}
