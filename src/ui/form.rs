//! A box with fields: what is chosen turns with left and right, what is written is written, Enter takes all of it.
use super::{
    dialog::{Button, ButtonState, Dialog, Item},
    style::Ink,
    widgets::field::Field,
    words::{Words, pad},
};
use crate::config::theme::Role;

/// A box with fields.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Form {
    /// What it is about.
    pub title: String,
    /// What there is to know before.
    pub lines: Vec<String>,
    /// Its fields.
    pub fields: Vec<FormField>,
    /// The field that the cursor is on.
    pub at: usize,
    /// What Enter does.
    pub verb: String,
}

/// A field.
#[derive(Clone, Debug, PartialEq)]
pub enum FormField {
    /// One of several.
    Choice {
        /// What it is.
        label: &'static str,
        /// What there is to choose.
        options: Vec<String>,
        /// What is chosen.
        chosen: usize,
    },
    /// Text.
    Text {
        /// What it is.
        label: &'static str,
        /// What was typed, and the cursor in bytes.
        typed: (String, usize),
        /// What stands there while nothing is typed.
        hint: &'static str,
    },
}

impl Form {
    /// Makes the box.
    pub fn dialog(&self) -> Dialog {
        let mut items: Vec<Item> = self.lines.iter().map(|line| Item::Text(line.clone(), Role::Dim)).collect();
        if !items.is_empty() {
            items.push(Item::Blank);
        }
        for (at, field) in self.fields.iter().enumerate() {
            items.push(field.item(at == self.at));
        }
        items.push(Item::Blank);
        items.push(Item::Buttons(
            vec![
                Button { key: "Esc".into(), does: "cancel".into(), state: ButtonState::Safe },
                Button { key: "Enter".into(), does: self.verb.clone(), state: ButtonState::Ready },
            ],
            match (self.fields.len() > 1, self.fields.iter().any(|field| matches!(field, FormField::Choice { .. }))) {
                (true, true) => Words::of("Tab next field  ←→ 1–9 choose", Role::Faint),
                (true, false) => Words::of("Tab next field", Role::Faint),
                (false, _) => Words::new(),
            },
        ));
        Dialog {
            title: Words::new().strong(self.title.clone()),
            fact: Words::new(),
            changes: false,
            width: 84,
            items,
            scroll: None,
        }
    }
}

impl FormField {
    fn item(&self, here: bool) -> Item {
        let ink = if here { Ink::bold(Role::Accent) } else { Ink::of(Role::Dim) };
        match self {
            Self::Choice { label, options, chosen } => {
                let label = Words::of(pad(label, 10), ink);
                let full = Ink::bold(Role::Accent).on(Role::ChipOn);
                let mut line = label.clone();
                for (at, option) in options.iter().enumerate() {
                    line = if at == *chosen {
                        line.add(format!(" ● {option} "), full)
                    } else {
                        line.dim(format!(" ○ {option} "))
                    };
                }
                let option = options.get(*chosen).cloned().unwrap_or_else(|| "nothing to choose".to_owned());
                let place = format!(" {} of {}", chosen + 1, options.len());
                let short = label.add(format!(" ● {option} "), full).dim(place);
                let turn = if here { Words::of("◂ ▸", Role::Key) } else { Words::new() };
                Item::Choice(line, short, turn)
            }
            Self::Text { label, typed, hint } => {
                let cursor = here.then_some(typed.1);
                let field = Field { text: typed.0.clone(), cursor, hint: (*hint).into(), ..Field::default() };
                Item::Field(label, field, if typed.0.chars().count() > 40 { 3 } else { 1 })
            }
        }
    }
}
