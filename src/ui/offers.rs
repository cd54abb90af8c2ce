//! The box in which one chooses what is brought out of a service.
use super::{
    dialog::{Button, ButtonState, Dialog, Item, labelled},
    style::Ink,
    surround,
    widgets::{
        field::Field,
        table::{Column, Table},
    },
    words::Words,
};
use crate::{config::theme::Role, core::inventory::EnvKind};

/// Rows that are shown at once.
const ROWS: u16 = 10;

/// What can be brought out, and what is chosen of it. Nothing is changed by it: a review follows.
#[derive(Clone, Debug, PartialEq)]
pub struct Deploy {
    /// The environment and its kind.
    pub env: (String, EnvKind),
    /// `Deploy Play`.
    pub title: String,
    /// What runs now, where that is known.
    pub now: Option<String>,
    /// What can be typed.
    pub means: String,
    /// As typed so far, and the cursor in bytes.
    pub typed: (String, usize),
    /// What stands there while nothing is typed.
    pub hint: String,
    /// Rows: whether it runs now, what it is called, more about it.
    pub rows: Vec<(bool, String, String)>,
    /// The row the cursor is on.
    pub cursor: usize,
    /// What is waited for, or why there are no rows.
    pub says: String,
    /// What went wrong.
    pub wrong: String,
    /// What Enter does on that row; empty where it does nothing.
    pub verb: String,
}

impl Deploy {
    /// Makes the box.
    pub fn dialog(&self) -> Dialog {
        let now = self.now.clone().unwrap_or_else(|| "not known".to_owned());
        let mut items = vec![
            labelled("runs now", Words::of(now, Role::Strong)),
            Item::Labelled("type", self.means.clone(), Role::Dim),
        ];
        let (text, cursor) = self.typed.clone();
        let field = Field { text, cursor: Some(cursor), prompt: "›", hint: self.hint.clone(), ..Field::default() };
        items.extend([Item::Field("", field, 1), Item::Blank]);
        if !self.rows.is_empty() {
            items.push(Item::Table(self.table(), ROWS));
        }
        if !self.says.is_empty() {
            items.push(Item::Text(self.says.clone(), Role::Dim));
        }
        if !self.wrong.is_empty() {
            items.push(Item::Text(self.wrong.clone(), Role::Down));
        }
        items.push(Item::Blank);
        let safe = Button { key: "Esc".into(), does: "cancel".into(), state: ButtonState::Safe };
        let state = if self.verb.is_empty() { ButtonState::Off } else { ButtonState::Ready };
        let does = if self.verb.is_empty() { "review".to_owned() } else { self.verb.clone() };
        let go = Button { key: "Enter".into(), does, state };
        items.push(Item::Buttons(vec![safe, go], Words::of("nothing is changed before the review", Role::Dim)));
        Dialog {
            title: surround::badge(&self.env.0, self.env.1).gap(1).strong(self.title.clone()),
            fact: Words::new(),
            changes: self.env.1 == EnvKind::Production,
            width: 84,
            items,
            scroll: None,
        }
    }

    fn table(&self) -> Table {
        let row = |(runs, name, more): &(bool, String, String)| {
            let name =
                if *runs { Words::of(name.clone(), Ink::bold(Role::Ok)) } else { Words::new().strong(name.clone()) };
            let more = if *runs {
                Words::of("runs now; ", Role::Ok).dim(more.clone())
            } else {
                Words::of(more.clone(), Role::Dim)
            };
            vec![name, more]
        };
        Table {
            columns: vec![Column::text("", 16).grow(36), Column::text("", 12).grow(48).fill()],
            rows: self.rows.iter().map(row).collect(),
            heads: false,
            name: 0,
            named: Vec::new(),
            cursor: Some(self.cursor),
            first: 0,
            sorted: None,
        }
    }
}
