//! Help: keys from the list of actions and the keymap, and what the marks mean.
use super::{
    glyphs::Glyphs,
    page::{self, Band, Pane, Part, Room},
    rows::{self, health_sign},
    show::Keys,
    style::{Extra, Ink},
    widgets::{
        bars,
        frame::Frame,
        table::{Column, Table},
    },
    words::Words,
};
use crate::{
    config::theme::Role,
    core::{action::Action, services::Health},
};

/// Help, made from the list of actions and the keymap.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Help {
    /// What was typed to search it, and where its text cursor is, in bytes.
    pub search: (String, usize),
    /// Scope, and key and words of what acts there; the scope one came from is first.
    pub groups: Vec<(String, Vec<HelpRow>)>,
}

/// A line of help.
#[derive(Clone, Debug, PartialEq)]
pub struct HelpRow {
    /// Keys.
    pub keys: String,
    /// What it does.
    pub words: String,
    /// Whether it changes a system.
    pub changes: bool,
}

/// Lays help out.
pub fn help(of: &Help, room: Room<'_>) -> Vec<Band> {
    let Room { wide, focus, glyphs, keys, .. } = room;
    let needle = of.search.0.to_lowercase();
    let mut rows = Vec::new();
    for (scope, entries) in &of.groups {
        let fit: Vec<_> = entries
            .iter()
            .filter(|row| row.words.to_lowercase().contains(&needle) || row.keys.to_lowercase().contains(&needle))
            .collect();
        if fit.is_empty() {
            continue;
        }
        rows.push(vec![Words::of(scope.clone(), Ink::bold(Role::Strong)), Words::new()]);
        for row in fit {
            let mut words = Words::of(row.words.clone(), Role::Text);
            if row.changes {
                words = words.gap(1).add("changes a system", Role::Prod);
            }
            rows.push(vec![Words::of(row.keys.clone(), Ink::bold(Role::Key)), words]);
        }
    }
    let mut frame = Frame::new(1, "Keys");
    let (before, after) = of.search.0.split_at_checked(of.search.1).unwrap_or((of.search.0.as_str(), ""));
    let mut after = super::words::graphemes(after);
    let under = after.next().unwrap_or(" ").to_owned();
    frame.fact = Words::of("search ", Role::Dim)
        .strong(before.to_owned())
        .add(under, Ink::of(Role::Strong).extra(Extra::Reverse))
        .strong(after.collect::<String>());
    let columns = vec![Column::text("", 6).grow(14), Column::text("", 20).grow(300)];
    let list = Table { heads: false, cursor: None, ..page::table(columns, rows, 0, focus) };
    let mut list = Pane::table(frame, list, Words::of("nothing fits", Role::Dim)).focus(1);
    list.counted = false;
    let words = Pane::new(Frame::new(2, "Words and marks"), vec![Part::Lines(marks(glyphs, keys))]).focus(0);
    let panes = if wide >= 100 { vec![list, words] } else { vec![list] };
    vec![Band::new(panes, 0).grow(1)]
}

fn marks(glyphs: Glyphs, keys: &Keys) -> Vec<(Words, Words)> {
    let mut lines = Vec::new();
    for (health, says) in [
        (Health::Up, "works"),
        (Health::Degraded, "works, badly or not for long"),
        (Health::Down, "does not work"),
        (Health::Maintenance, "planned work"),
        (Health::Unknown, "nobody knows: too old, or never seen"),
    ] {
        let word = rows::health(health);
        let pad = 7_usize.saturating_sub(word.width());
        lines.push(Words::new().gap(1).join(health_sign(health, glyphs)).gap(1).join(word).gap(pad).dim(says));
    }
    lines.push(Words::new());
    for (label, line) in ["days  ", "      "].into_iter().zip(bars::legend_lines(glyphs)) {
        lines.push(Words::new().gap(1).faint(label).join(line));
    }
    lines.push(Words::new());
    for (mark, says) in [
        ("!", "over its limit"),
        ("?", "no number, or one too old to be believed"),
        ("4m!", "age of the last number, past its limit"),
        ("nobody", "it has no owner"),
        ("RO", "looking only: nothing can be changed"),
        ("RW 04:41", "write is armed, for that long"),
    ] {
        lines.push(Words::of(format!(" {}", super::words::pad(mark, 10)), Ink::bold(Role::Strong)).dim(says));
    }
    lines.push(Words::new());
    let changes = keys.of(Action::RestartService);
    lines.push(Words::of(format!(" Only {changes} touches a system: after a review, with write armed."), Role::Text));
    lines.push(Words::of(" Production asks for the service's name and a reason.", Role::Text));
    lines.into_iter().map(|left| (left, Words::new())).collect()
}
