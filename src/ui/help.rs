//! Help: keys from the list of actions and the keymap, and what the marks mean.
use super::{
    glyphs::Glyphs,
    page::{Band, Focus, Pane, Part},
    rows::{self, health_sign},
    style::{Extra, Ink},
    widgets::{
        bars,
        frame::Frame,
        table::{Column, Table},
    },
    words::Words,
};
use crate::{config::theme::Role, core::services::Health};

/// Help, made from the list of actions and the keymap.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Help {
    /// What was typed to search it, and whether it is being typed.
    pub search: (String, bool),
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
pub fn help(of: &Help, focus: Focus, wide: u16, glyphs: Glyphs) -> Vec<Band> {
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
    frame.fact = if of.search.1 || !of.search.0.is_empty() {
        let typed = Words::of("/", Ink::bold(Role::Key)).strong(of.search.0.clone());
        if of.search.1 { typed.add(" ", Ink::of(Role::Strong).extra(Extra::Reverse)) } else { typed }
    } else {
        Words::new().key("/", "search")
    };
    let columns = vec![Column::text("", 14), Column::text("", 20).grow(300)];
    let list = Table { columns, rows, heads: false, name: 0, cursor: None, first: focus.first };
    let mut keys = Pane::table(frame, list, Words::of("nothing fits", Role::Dim)).focus(1);
    keys.counted = false;
    let words = Pane::new(Frame::new(2, "Words and marks"), vec![Part::Lines(marks(glyphs))]).focus(0);
    let panes = if wide >= 100 { vec![keys, words] } else { vec![keys] };
    vec![Band::new(panes, 0).grow(1)]
}

fn marks(glyphs: Glyphs) -> Vec<(Words, Words)> {
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
    lines.push(Words::of(" Only x and R touch a system, after a review.", Role::Text));
    lines.push(Words::of(" Production asks for the name. ^c changes nothing.", Role::Text));
    lines.into_iter().map(|left| (left, Words::new())).collect()
}
