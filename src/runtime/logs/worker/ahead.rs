//! While nothing else is to be done, columns are made of the fields that somebody may ask for next.
use std::sync::Arc;

use super::{CACHE, Worker};
use crate::core::logs::{
    eval::{Fields, Making},
    filter::{Filter, Stage, Term},
};

/// How long it is worked on before the next look at what came.
const SLICE_MS: u64 = 2;
/// Records between two looks at the clock.
const STEP: usize = 1_024;
/// One part in so many of the limit for lines may be columns that nobody has asked for yet, and no more than half of what all
/// columns may take.
const SHARE: usize = 8;
/// Fields that were asked for are remembered, the latest so many.
const ASKED: usize = 8;

/// What is made ahead of who asks for it.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    /// Fields that somebody asked for: they are made for lines that come later, too.
    asked: Vec<Arc<str>>,
    making: Option<Making>,
    /// The state of the buffer for which all is made.
    done: Option<u64>,
}

impl Ahead {
    /// Notes the fields that a filter asks for, the latest first.
    pub(super) fn note(&mut self, filter: &Filter) {
        let before = self.asked.clone();
        for name in fields(filter) {
            self.asked.retain(|known| **known != *name);
            self.asked.insert(0, name.into());
        }
        self.asked.truncate(ASKED);
        if self.asked != before {
            self.done = None;
        }
    }

    /// What was made by other rules is of no use.
    pub(super) fn renew(&mut self) {
        (self.making, self.done) = (None, None);
    }
}

impl Worker {
    /// Goes on with making columns, for a moment. Says whether more of them are to be made.
    pub(super) fn prepare(&mut self) -> bool {
        // What came is matched and shown first; what is only to be matched and let go again is not worth it.
        if self.dirty || self.asked || self.is_full() || self.ahead.done == Some(self.buffer.generation()) {
            return false;
        }
        let snapshot = self.buffer.snapshot();
        let room = (self.buffer.limit() / SHARE).min(CACHE / 2);
        let read = Fields { sources: &snapshot.sources, derived: &self.derived, cache: None };
        let unfinished = self.ahead.making.take().filter(|making| making.is_of(&snapshot.segments));
        let Some(mut making) =
            unfinished.or_else(|| self.cache.next(&snapshot.segments, &self.ahead.asked, read, room))
        else {
            self.ahead.done = Some(snapshot.generation);
            return false;
        };
        let began = self.clock.now().mono;
        while !making.step(STEP, read) {
            if self.clock.now().mono.since(began) >= SLICE_MS {
                self.ahead.making = Some(making);
                return true;
            }
        }
        // It is of the same memory as lines are: where it takes what is left free, the oldest go as they go for lines.
        self.fresh += self.cache.made(making, &snapshot.segments, read, room);
        true
    }
}

/// Names the fields that a filter asks for.
fn fields(filter: &Filter) -> Vec<String> {
    let mut names = Vec::new();
    filter.expr.each_term(&mut |term| match term {
        Term::Glob { field, .. } | Term::FieldRegex { field, .. } | Term::Compare { field, .. } | Term::Has(field) => {
            names.push(field.clone());
        }
        Term::Text(_) | Term::Regex(_) | Term::Level { .. } => {}
    });
    match &filter.stage {
        Some(Stage::Count { by }) => names.extend_from_slice(by),
        Some(Stage::Top { field, .. }) => names.push(field.clone()),
        Some(Stage::Measure { field, by, .. }) => {
            names.push(field.clone());
            names.extend_from_slice(by);
        }
        None => {}
    }
    names
}
