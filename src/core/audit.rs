//! What the audit screen shows: who did what, from where, as the store has chained it.
use super::{
    id::Uid,
    record::Audit,
    time::{Mono, Now},
};

/// Milliseconds between two looks at the log while it is on screen.
pub const LOOK_MS: u64 = 5_000;
/// Entries that are shown, the newest.
pub const SHOWN: usize = 5_000;

/// An entry of the log.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Its number.
    pub seq: u64,
    /// Its hash, which the next one carries.
    pub hash: String,
    /// What it says.
    pub of: Audit,
}

/// Whether the log is as it was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chain {
    /// How many entries hold, from the first on.
    pub entries: u64,
    /// The hash of the last that holds.
    pub head: String,
    /// The first that does not, and why.
    pub broken: Option<(u64, String)>,
}

/// What was read of the log.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Read {
    /// Entries, the newest first.
    pub entries: Vec<Entry>,
    /// How many cannot be read.
    pub unreadable: usize,
    /// Whether it is as it was written.
    pub chain: Chain,
}

/// The log, as far as this console has read it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    /// What was read last; why it could not be.
    pub read: Option<Result<Read, String>>,
    asked: Option<Mono>,
}

impl State {
    /// Says whether it is time to read it again, and notes that it is being read.
    pub(super) fn due(&mut self, now: Now) -> bool {
        let due = self.asked.is_none_or(|asked| now.mono.since(asked) >= LOOK_MS);
        if due {
            self.asked = Some(now.mono);
        }
        due
    }

    /// Returns the entries, the newest first.
    pub fn entries(&self) -> &[Entry] {
        self.read.as_ref().and_then(|read| read.as_ref().ok()).map_or(&[], |read| read.entries.as_slice())
    }

    /// Finds an entry.
    pub fn entry(&self, seq: u64) -> Option<&Entry> {
        self.entries().iter().find(|entry| entry.seq == seq)
    }
}

impl Entry {
    /// Returns the run that it is about: its detail names that first.
    pub fn run(&self) -> Option<Uid> {
        self.of.detail.split(' ').find_map(|word| word.parse().ok())
    }

    /// Returns the hash of the plan that it names.
    pub fn plan(&self) -> Option<&str> {
        let mut words = self.of.detail.split(' ');
        words.find(|word| *word == "plan")?;
        words.next()
    }

    /// Returns it in words: what a filter searches and what a copy takes.
    pub fn words(&self) -> String {
        let Audit { at, by, from, what, target, detail } = &self.of;
        format!("{} {} {by} {from} {what} {target} {detail} {}", self.seq, at.rfc3339(), self.hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::time::Timestamp;

    #[test]
    fn an_entry_names_its_run_and_its_plan() {
        let of = Audit {
            at: Timestamp(0),
            by: "ana".into(),
            from: "ana@jump".into(),
            what: "run.confirmed".into(),
            target: "play@prod".into(),
            detail: "qd-8f21c0aa9d31 plan 4be1c07a".into(),
        };
        let entry = Entry { seq: 7, hash: "0".into(), of };
        assert_eq!(entry.run(), Some(Uid([0x8f, 0x21, 0xc0, 0xaa, 0x9d, 0x31])));
        assert_eq!(entry.plan(), Some("4be1c07a"));
        assert!(entry.words().contains("ana@jump run.confirmed play@prod"));
    }

    #[test]
    fn it_is_read_again_after_a_while() {
        let mut state = State::default();
        let at = |ms| Now { utc: Timestamp(0), mono: Mono(ms) };
        assert!(state.due(at(100)) && !state.due(at(200)) && !state.due(at(5_099)) && state.due(at(5_100)));
    }
}
