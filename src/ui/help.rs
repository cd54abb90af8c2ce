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
    let longest = of.groups.iter().flat_map(|(_, rows)| rows).map(|row| super::words::width(&row.keys)).max();
    let keys_wide = longest.unwrap_or(0).clamp(10, 20);
    let pane = usize::from(if wide >= 100 { wide / 2 } else { wide });
    // The borders, the cursor's column, two blanks.
    let text = pane.saturating_sub(keys_wide + 6).max(20);
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
            let mut keys = Words::of(row.keys.clone(), Ink::bold(Role::Key));
            for line in super::words::wrap(&row.words, text) {
                rows.push(vec![std::mem::take(&mut keys), Words::of(line, Role::Text)]);
            }
            if row.changes {
                let changes = Words::of("changes a system", Role::Prod);
                match rows.last_mut().and_then(|row| row.last_mut()) {
                    Some(last) if last.width() + changes.width() < text => *last = last.clone().gap(1).join(changes),
                    _ => rows.push(vec![Words::new(), changes]),
                }
            }
        }
    }
    let two = wide >= 100;
    // Where there is no room beside the keys, what the words mean stands after them.
    if !two && needle.is_empty() {
        rows.push(vec![Words::of("Words", Ink::bold(Role::Strong)), Words::of("and marks", Ink::bold(Role::Strong))]);
        rows.extend(marks(glyphs, keys, text));
    }
    let mut frame = Frame::new(1, "Keys");
    let (before, after) = of.search.0.split_at_checked(of.search.1).unwrap_or((of.search.0.as_str(), ""));
    let mut after = super::words::graphemes(after);
    let under = after.next().unwrap_or(" ").to_owned();
    frame.fact = Words::of(if of.search.0.is_empty() { "type to search " } else { "search " }, Role::Dim)
        .strong(before.to_owned())
        .add(under, Ink::of(Role::Strong).extra(Extra::Reverse))
        .strong(after.collect::<String>());
    let columns = || vec![Column::text("", 10).grow(10), Column::text("", 20).grow(300)];
    let list = Table { heads: false, cursor: None, ..page::table(columns(), rows, 0, focus) };
    let mut list = Pane::table(frame, list, Words::of("nothing fits", Role::Dim)).focus(1);
    list.counted = false;
    let room = usize::from(wide / 2).saturating_sub(16).max(20);
    let words = Table {
        heads: false,
        cursor: None,
        ..page::table(columns(), marks(glyphs, keys, room), 0, page::Focus::default())
    };
    let words = Pane::new(Frame::new(None, "Words and marks"), vec![Part::Table(words)]).focus(0);
    let panes = if two { vec![list, words] } else { vec![list] };
    vec![Band::new(panes, 0).grow(1)]
}

/// Words and marks and what they mean, in rows of two cells, the second of at most so many columns.
fn marks(glyphs: Glyphs, keys: &Keys, columns: usize) -> Vec<Vec<Words>> {
    let mut rows = Vec::new();
    for (health, says) in [
        (Health::Up, "works"),
        (Health::Degraded, "works, badly or not for long"),
        (Health::Down, "does not work"),
        (Health::Maintenance, "planned work"),
        (Health::Unknown, "nobody knows: too old, or never seen"),
    ] {
        rows.push(vec![health_sign(health, glyphs).gap(1).join(rows::health(health)), Words::of(says, Role::Dim)]);
    }
    rows.push(Vec::new());
    for (label, line) in ["days", ""].into_iter().zip(bars::legend_lines(glyphs)) {
        rows.push(vec![Words::of(label, Role::Faint), line]);
    }
    rows.push(Vec::new());
    for (mark, says) in [
        ("!", "over its limit"),
        ("?", "no number, or one too old to be believed"),
        ("4m!", "age of the last number, past its limit"),
        ("nobody", "it has no owner"),
        ("RO", "looking only: nothing can be changed"),
        ("RW 04:41", "write is armed, for that long"),
    ] {
        let mut mark = Words::of(mark, Ink::bold(Role::Strong));
        for line in super::words::wrap(says, columns) {
            rows.push(vec![std::mem::take(&mut mark), Words::of(line, Role::Dim)]);
        }
    }
    rows.push(Vec::new());
    let mut changes = Words::of(keys.of(Action::RestartService), Ink::bold(Role::Key));
    let says = "alone touches a system: after a review, with write armed. Production asks for the service's name and a reason.";
    for line in super::words::wrap(says, columns) {
        rows.push(vec![std::mem::take(&mut changes), Words::of(line, Role::Text)]);
    }
    rows
}
