//! The boxes there are: review, confirmation, update, host key, passphrase, palette.
use super::{
    dialog::{Button, ButtonState, Dialog, Item, Scroll, labelled},
    show::Tone,
    style::Ink,
    surround,
    widgets::{
        field::Field,
        table::{Column, Table},
    },
    words::Words,
};
use crate::config::theme::Role;
use crate::core::{action::Danger, inventory::EnvKind};
use crate::ui::rows;

/// The review of a change: nothing runs before it is accepted.
#[derive(Clone, Debug, PartialEq)]
pub struct Review {
    /// The environment and its kind.
    pub env: (String, EnvKind),
    /// `Restart Play`.
    pub title: String,
    /// What the button says: `restart`.
    pub verb: String,
    /// The service's name as it must be typed.
    pub service: String,
    /// Hosts as resolved.
    pub hosts: Vec<String>,
    /// Where it is done, where no host has a part in it; empty else.
    pub elsewhere: String,
    /// What is done there, line by line.
    pub deeds: Vec<String>,
    /// What runs there now, where that is known, and what will.
    pub now: Option<String>,
    /// The hash of what is confirmed, to compare with a dry run's.
    pub hash: String,
    /// Hosts and the names of their steps, in order.
    pub steps: Vec<(String, String)>,
    /// Host and exact command of each step, where they are few and short enough to be read at once.
    pub commands: Vec<(String, String)>,
    /// All that would run, line by line, and the line that is read; shown instead of the review.
    pub script: Option<(Vec<String>, usize)>,
    /// What users will notice.
    pub effect: String,
    /// How to undo it.
    pub undo: String,
    /// What is done to its pipeline where it goes back; empty where nothing is.
    pub pipeline: String,
    /// Which other person must approve it, and how; or why nobody must.
    pub second: String,
    /// What was looked at beforehand.
    pub prechecks: Vec<(Tone, String)>,
    /// What else would work, where something speaks against it.
    pub instead: Vec<String>,
    /// What differs, line by line; shown with the commands.
    pub notes: Vec<String>,
    /// Confirmation level, 2 or 3.
    pub level: u8,
    /// The reason as typed so far, with the cursor where it is typed in.
    pub reason: (String, Option<usize>),
    /// The key that says yes at level 2.
    pub yes: String,
    /// The key that shows the commands.
    pub read: String,
    /// The name as typed so far, with the cursor where it is typed in.
    pub typed: (String, Option<usize>),
    /// Whether everything that is asked for is there.
    pub ready: bool,
    /// Why it cannot be accepted, where that is not plain to see: `write is not armed`.
    pub blocked: String,
    /// Seconds left to cancel after it was accepted.
    pub counting: Option<u8>,
    /// The line it is read from, where it does not fit.
    pub at: usize,
    /// The key that reads on.
    pub page: String,
}

impl Review {
    /// Makes the box.
    pub fn dialog(&self) -> Dialog {
        if let Some((lines, at)) = &self.script {
            return self.reading(lines, *at);
        }
        let production = self.env.1 == EnvKind::Production;
        let level_role = surround::env_role(self.env.1).unwrap_or(Role::Accent);
        let mut items = vec![
            labelled("service", Words::new().strong(self.service.clone())),
            if self.elsewhere.is_empty() {
                Item::Labelled("hosts", self.hosts.join("  "), Role::Text)
            } else {
                Item::Labelled("at", self.elsewhere.clone(), Role::Text)
            },
        ];
        for (at, deed) in self.deeds.iter().enumerate() {
            items.push(Item::Labelled(if at == 0 { "does" } else { "" }, deed.clone(), Role::Strong));
        }
        if let Some(now) = &self.now {
            items.push(Item::Labelled("version", now.clone(), Role::Strong));
        }
        for (at, (hosts, names)) in self.steps.iter().enumerate() {
            let label = if at == 0 { "steps" } else { "" };
            items.push(Item::Labelled(label, format!("{hosts}: {names}"), Role::Text));
        }
        for (at, (host, command)) in self.commands.iter().enumerate() {
            let label = if at == 0 { "commands" } else { "" };
            items.push(Item::Labelled(label, format!("{host} $ {command}"), Role::Text));
        }
        let notes =
            if self.notes.is_empty() { String::new() } else { format!(", and {} more lines", self.notes.len()) };
        if self.deeds.is_empty() {
            let all =
                Words::of(format!("every command as it runs{notes}: "), Role::Dim).key(self.read.clone(), "read them");
            items.push(labelled("", all));
        }
        items.push(Item::Labelled("effect", self.effect.clone(), Role::Text));
        items.push(Item::Labelled("undo", self.undo.clone(), Role::Text));
        if !self.pipeline.is_empty() {
            items.push(Item::Labelled("pipeline", self.pipeline.clone(), Role::Text));
        }
        if !self.second.is_empty() {
            items.push(Item::Labelled("second", self.second.clone(), Role::Degraded));
        }
        if !self.prechecks.is_empty() {
            items.push(Item::Blank);
            for (tone, text) in &self.prechecks {
                let role = if matches!(tone, Tone::Good | Tone::Info) { Role::Text } else { Role::Degraded };
                items.push(Item::Signed(rows::tone_sign(*tone), text.clone(), role));
            }
        }
        for (at, way) in self.instead.iter().enumerate() {
            items.push(Item::Labelled(if at == 0 { "instead" } else { "" }, way.clone(), Role::Dim));
        }
        let scroll = Scroll { items: items.len(), at: self.at, key: self.page.clone() };
        items.push(Item::Blank);
        if self.level >= 3 {
            self.typed_fields(&mut items);
        } else {
            self.yes_or_no(&mut items);
        }
        Dialog {
            title: surround::badge(&self.env.0, self.env.1).gap(1).strong(self.title.clone()),
            fact: Words::of(format!("plan {}  review ", self.hash), Role::Dim)
                .add(format!("level {}", self.level), Ink::bold(level_role)),
            changes: production,
            width: 84,
            items,
            scroll: Some(scroll),
        }
    }

    /// The box in which the commands are read.
    fn reading(&self, lines: &[String], at: usize) -> Dialog {
        let row = |line: &String| {
            let role = if line.starts_with("# ") { Ink::bold(Role::Strong) } else { Ink::of(Role::Text) };
            vec![Words::of(line.clone(), role)]
        };
        let table = Table {
            columns: vec![Column::text("", 20).grow(80).fill()],
            rows: lines.iter().map(row).collect(),
            heads: false,
            name: 0,
            named: Vec::new(),
            cursor: Some(at),
            first: 0,
            sorted: None,
        };
        let back = Button { key: "Esc".into(), does: "back to the review".into(), state: ButtonState::Safe };
        Dialog {
            title: surround::badge(&self.env.0, self.env.1).gap(1).strong(format!("{}: what runs", self.title)),
            fact: Words::of(format!("{} of {}", at + 1, lines.len()), Role::Dim),
            changes: self.env.1 == EnvKind::Production,
            width: 84,
            items: vec![Item::Table(table, u16::MAX), Item::Blank, Item::Buttons(vec![back], Words::new())],
            scroll: None,
        }
    }

    fn typed_fields(&self, items: &mut Vec<Item>) {
        let reason = Field {
            text: self.reason.0.clone(),
            cursor: self.reason.1,
            hint: "why; it goes to the audit log and the incident".into(),
            ..Field::default()
        };
        items.push(Item::Field("reason", reason, 1));
        items.push(Item::Blank);
        items.push(Item::Line(
            Words::of("Type the service name to go on: ", Role::Text).strong(self.service.clone()),
            self.matched(),
        ));
        let name = Field { text: self.typed.0.clone(), cursor: self.typed.1, prompt: "›", ..Field::default() };
        items.push(Item::Field("", name, 1));
        items.push(Item::Blank);
        let (state, says) = match (self.counting, self.ready) {
            (Some(left), _) => (ButtonState::Off, Words::of(format!("starts in {left} s"), Ink::bold(Role::Degraded))),
            (None, true) => (ButtonState::Ready, Words::of("2 s to cancel with Esc", Role::Dim)),
            (None, false) => (ButtonState::Off, Words::of(self.why_off(), Role::Dim)),
        };
        items.push(Item::Buttons(
            vec![
                Button { key: "Esc".into(), does: "cancel".into(), state: ButtonState::Safe },
                Button { key: "Enter".into(), does: self.verb.clone(), state },
            ],
            says,
        ));
        items.push(Item::Blank);
        items.push(Item::Note("After Enter: 2 s to cancel with Esc. Paste is refused.".into()));
    }

    /// Says how much of the name is typed: letters that match from the first on, not how many were pressed.
    fn matched(&self) -> Words {
        let same = self.typed.0.chars().zip(self.service.chars()).take_while(|(typed, wanted)| typed == wanted).count();
        let count = Words::of(format!("{same} of {}", self.service.chars().count()), Role::Dim);
        if same < self.typed.0.chars().count() { count.add(" does not match", Role::Degraded) } else { count }
    }

    fn why_off(&self) -> String {
        if !self.blocked.is_empty() {
            self.blocked.clone()
        } else if self.typed.0 == self.service {
            "off until there is a reason".into()
        } else {
            "off until the name matches".into()
        }
    }

    fn yes_or_no(&self, items: &mut Vec<Item>) {
        let (state, says) = if self.ready {
            (ButtonState::Ready, Words::of("Enter is not yes", Role::Dim))
        } else {
            (ButtonState::Off, Words::of(self.blocked.clone(), Role::Dim))
        };
        items.push(Item::Buttons(
            vec![
                Button { key: "Esc".into(), does: "cancel".into(), state: ButtonState::Safe },
                Button { key: self.yes.clone(), does: self.verb.clone(), state },
            ],
            says,
        ));
    }
}

/// A box that asks one thing and takes `y` or Esc.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// What it is about.
    pub title: String,
    /// What is asked, and what follows from a yes.
    pub text: String,
    /// Labelled facts.
    pub facts: Vec<(&'static str, String)>,
    /// What `y` does; empty where the answer can only be no.
    pub yes: String,
    /// The key that does it.
    pub yes_key: String,
    /// A yes of another kind, its key first: until quarterdeck ends.
    pub once: Option<(String, String)>,
    /// Whether something is wrong: drawn in red.
    pub alarm: bool,
}

impl Question {
    /// Makes the box.
    pub fn dialog(&self) -> Dialog {
        let mut items = vec![Item::Text(self.text.clone(), if self.alarm { Role::Down } else { Role::Text })];
        if !self.facts.is_empty() {
            items.push(Item::Blank);
            items.extend(self.facts.iter().map(|(label, text)| Item::Labelled(label, text.clone(), Role::Strong)));
        }
        items.push(Item::Blank);
        let mut buttons = vec![Button { key: "Esc".into(), does: "no".into(), state: ButtonState::Safe }];
        if !self.yes.is_empty() {
            buttons.push(Button { key: self.yes_key.clone(), does: self.yes.clone(), state: ButtonState::Ready });
        }
        if let Some((key, does)) = self.once.clone() {
            buttons.push(Button { key, does, state: ButtonState::Ready });
        }
        items.push(Item::Buttons(buttons, Words::new()));
        Dialog {
            title: Words::new().strong(self.title.clone()),
            fact: Words::new(),
            changes: false,
            width: 78,
            items,
            scroll: None,
        }
    }
}

/// A box with a field: an update, a note, a passphrase, a filter.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ask {
    /// What it is about.
    pub title: String,
    /// What is asked.
    pub text: String,
    /// Choices above the field, and which one is taken: the states of an update.
    pub choices: Vec<String>,
    /// The choice that is taken.
    pub chosen: usize,
    /// What was typed, and the cursor in bytes.
    pub typed: (String, usize),
    /// Whether only the number of characters may be seen.
    pub masked: bool,
    /// Whether it may be accepted without a text.
    pub optional: bool,
    /// Rows of the field.
    pub rows: u16,
    /// What accepting it does.
    pub verb: String,
    /// The key that accepts it; none: Enter.
    pub key: Option<String>,
    /// What Esc does; empty: it cancels.
    pub safe: &'static str,
    /// What stands there while nothing is typed.
    pub hint: String,
    /// What went wrong with the last answer.
    pub wrong: String,
    /// What would come of it, under the field.
    pub after: Vec<(&'static str, String)>,
}

impl Ask {
    /// Makes the box.
    pub fn dialog(&self) -> Dialog {
        let mut items = Vec::new();
        if !self.text.is_empty() {
            items.push(Item::Text(self.text.clone(), Role::Dim));
            items.push(Item::Blank);
        }
        if !self.choices.is_empty() {
            let mut line = Words::new();
            for (at, choice) in self.choices.iter().enumerate() {
                line = if at == self.chosen {
                    line.add(format!(" ● {choice} "), Ink::bold(Role::Accent).on(Role::ChipOn))
                } else {
                    line.dim(format!(" ○ {choice} "))
                };
            }
            let chosen = self.choices.get(self.chosen).cloned().unwrap_or_default();
            let short = Words::of(format!(" ● {chosen} "), Ink::bold(Role::Accent).on(Role::ChipOn)).dim(format!(
                "  {} of {}",
                self.chosen + 1,
                self.choices.len()
            ));
            items.push(Item::Choice(line, short, Words::new().key("Tab", "next")));
            items.push(Item::Blank);
        }
        let field = Field {
            text: self.typed.0.clone(),
            cursor: Some(self.typed.1),
            masked: self.masked,
            hint: self.hint.clone(),
            ..Field::default()
        };
        items.push(Item::Field("", field, self.rows.max(1)));
        if !self.wrong.is_empty() {
            items.push(Item::Text(self.wrong.clone(), Role::Down));
        }
        for (label, text) in &self.after {
            items.push(Item::Labelled(label, text.clone(), Role::Text));
        }
        items.push(Item::Blank);
        let state =
            if self.typed.0.trim().is_empty() && !self.optional { ButtonState::Off } else { ButtonState::Ready };
        items.push(Item::Buttons(
            vec![
                Button {
                    key: "Esc".into(),
                    does: if self.safe.is_empty() { "cancel" } else { self.safe }.into(),
                    state: ButtonState::Safe,
                },
                Button { key: self.key.clone().unwrap_or_else(|| "Enter".into()), does: self.verb.clone(), state },
            ],
            Words::new(),
        ));
        Dialog {
            title: Words::new().strong(self.title.clone()),
            fact: Words::new(),
            changes: false,
            width: 78,
            items,
            scroll: None,
        }
    }
}

/// A list to choose from: what can be done to an object.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Menu {
    /// What it is about.
    pub title: String,
    /// Key and words of each entry, and whether it changes a system.
    pub rows: Vec<(String, String, Danger)>,
    /// The row the cursor is on.
    pub cursor: usize,
    /// All that there is to say about that row, where rows may be cut; the box is then as wide as there is room.
    pub whole: Option<String>,
}

impl Menu {
    /// Makes the box.
    pub fn dialog(&self) -> Dialog {
        let rows = self.rows.iter().map(|(key, words, danger)| {
            let changes = *danger == Danger::Changes;
            let mut row = vec![Words::of(key.clone(), Ink::bold(Role::Key)), Words::of(words.clone(), Role::Text)];
            if self.whole.is_none() {
                row.push(if changes { Words::of("changes", Ink::bold(Role::Prod)) } else { Words::new() });
            }
            row
        });
        let table = Table {
            columns: match &self.whole {
                Some(_) => vec![Column::text("", 2), Column::text("", 20).grow(60).fill()],
                None => vec![Column::text("", 6), Column::text("", 20).grow(60).fill(), Column::text("", 8)],
            },
            rows: rows.collect(),
            named: Vec::new(),
            heads: false,
            name: 1,
            cursor: Some(self.cursor),
            first: 0,
            sorted: None,
        };
        let mut items = if self.rows.is_empty() {
            vec![Item::Line(Words::of("nothing can be done to it", Role::Dim), Words::new())]
        } else {
            vec![Item::Table(table, 20)]
        };
        if let Some(whole) = &self.whole {
            items.extend([Item::Blank, Item::Text(whole.clone(), Role::Dim)]);
        }
        let width = if self.whole.is_some() { 160 } else { 70 };
        Dialog {
            title: Words::new().strong(self.title.clone()),
            fact: Words::new(),
            changes: false,
            width,
            items,
            scroll: None,
        }
    }
}

/// The command palette.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Palette {
    /// What was typed, and the cursor in bytes.
    pub typed: (String, usize),
    /// What fits, best first.
    pub rows: Vec<PaletteRow>,
    /// The row the cursor is on.
    pub cursor: usize,
    /// What the row under the cursor would do.
    pub preview: String,
    /// The equal command line.
    pub equals: String,
}

/// A row of the palette.
#[derive(Clone, Debug, PartialEq)]
pub struct PaletteRow {
    /// What it is: `restart Play`.
    pub words: String,
    /// More about it: where, or what it does.
    pub more: String,
    /// What it may do.
    pub danger: Danger,
    /// The short way.
    pub key: String,
}

impl Palette {
    /// Makes the box; its list takes at most so many rows.
    pub fn dialog(&self, most: u16) -> Dialog {
        let field = Field {
            text: self.typed.0.clone(),
            cursor: Some(self.typed.1),
            prompt: "›",
            hint: "what to do, or where to go".into(),
            ..Field::default()
        };
        let rows = self.rows.iter().map(|row| {
            let danger = match row.danger {
                Danger::None => Words::new(),
                Danger::Records => Words::of("records", Role::Dim),
                Danger::Changes => Words::of("changes", Ink::bold(Role::Prod)),
            };
            vec![
                Words::of(row.words.clone(), Role::Text),
                Words::of(row.more.clone(), Role::Dim),
                danger,
                Words::of(row.key.clone(), Ink::bold(Role::Key)),
            ]
        });
        let table = Table {
            columns: vec![
                Column::text("", 18).grow(30),
                Column::text("", 8).gap(2).grow(60).rank(1).fill(),
                Column::text("", 7),
                Column::number("", 6),
            ],
            rows: rows.collect(),
            named: Vec::new(),
            heads: false,
            name: 0,
            cursor: Some(self.cursor),
            first: 0,
            sorted: None,
        };
        let mut items = vec![Item::Field("", field, 1), Item::Blank];
        if self.rows.is_empty() {
            items.push(Item::Line(Words::of("nothing fits; Esc closes", Role::Dim), Words::new()));
        } else {
            items.push(Item::Table(table, most.max(3)));
        }
        items.push(Item::Blank);
        items.push(Item::Labelled("does", self.preview.clone(), Role::Text));
        if !self.equals.is_empty() {
            items.push(labelled("equals", Words::of(self.equals.clone(), Role::Dim)));
        }
        Dialog {
            title: Words::new().strong("Command"),
            fact: Words::new().key("↑↓", "choose").gap(2).key("Enter", "go"),
            changes: false,
            width: 88,
            items,
            scroll: None,
        }
    }
}
