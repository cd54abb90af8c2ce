//! Which runbook stands beside which incident, what its steps are given, and who has not answered yet.
use std::collections::{BTreeMap, BTreeSet};

use super::{Seen, words};
use crate::core::id::{HostName, Uid};

/// Runbooks beside incidents, as this console shows them. What was done stands in the incidents.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    /// Which one was taken.
    pub shown: BTreeMap<Uid, String>,
    /// What steps are given.
    pub given: BTreeMap<Uid, BTreeMap<String, String>>,
    /// Hosts that have not answered yet, by incident, runbook and step.
    pub waits: BTreeMap<(Uid, String, String), BTreeSet<HostName>>,
}

/// What the outside tells.
#[derive(Clone, Debug, PartialEq)]
pub enum Msg {
    /// A host answered a step that only looks, or could not.
    Seen {
        /// For which incident.
        incident: Uid,
        /// Which runbook and step.
        step: (String, String),
        /// The command, as the runbook has it.
        command: String,
        /// What it answered.
        seen: Box<Seen>,
    },
}

impl State {
    /// Returns the hosts that have not answered a step yet.
    pub fn waiting(&self, incident: Uid, book: &str, step: &str) -> usize {
        self.waits.get(&(incident, book.to_owned(), step.to_owned())).map_or(0, BTreeSet::len)
    }

    /// Takes values as they are typed: `minutes=10 domain=shop.example`.
    ///
    /// # Errors
    /// What is none.
    pub fn give(&mut self, incident: Uid, text: &str) -> Result<(), String> {
        let mut given = BTreeMap::new();
        for (_, word) in words(text).map_err(|_| "a quote is never closed".to_owned())? {
            let (name, value) = word.split_once('=').ok_or("write NAME=VALUE, one behind the other")?;
            given.insert(name.to_owned(), value.to_owned());
        }
        self.given.insert(incident, given);
        Ok(())
    }

    /// Returns what is given, as it is typed.
    pub fn typed(&self, incident: Uid) -> String {
        let given = self.given.get(&incident).into_iter().flatten();
        let pair = |(name, value): (&String, &String)| {
            let plain = !value.is_empty() && !value.contains(|letter: char| letter.is_whitespace() || letter == '"');
            if plain { format!("{name}={value}") } else { format!("{name}=\"{}\"", value.replace('"', "\\\"")) }
        };
        given.map(pair).collect::<Vec<_>>().join(" ")
    }
}
