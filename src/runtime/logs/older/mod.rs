//! What is older than what is here: how far back the past of each stream was read, and how far it was searched at its source.
//!
//! Where a filter acts, the source leaves out lines (`super::prefilter`), and what comes is marked as found: it is complete for
//! this filter and for every narrower one, and for no other. So each past keeps the place up to which it was read whole, and
//! above that a stack of searches, each narrower than the one before. A filter that is not narrower takes searches off the
//! stack with all they found. A page counts as a whole or not at all, so that no line is missed or comes twice.
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use super::prefilter::Asked;
use crate::{
    core::{
        logs::{Nanos, shown::Back},
        time::{MINUTE, Timestamp},
    },
    sources::logs::{Cursor, Prefilter, StreamId, StreamInfo},
};

/// Pages that follow one another by themselves while nothing in them passes the filter.
pub const PAGES: u16 = 16;
/// So far back a Loki server was asked at least when its entry began and nothing was there.
const LOKI_LOOKED_MS: i64 = 60 * MINUTE;

/// Whose past is read in one go: a stream's, or that of all streams of a Loki entry.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Whose {
    /// One stream's.
    Stream(StreamId),
    /// All streams' of an entry, by its name.
    Entry(String),
}

impl Whose {
    /// Says whose a stream's past is.
    pub fn of(stream: StreamId, info: &StreamInfo) -> Self {
        if info.kind == "loki" { Self::Entry(info.name.clone()) } else { Self::Stream(stream) }
    }
}

/// How far back one has come.
#[derive(Clone, Debug, Default)]
struct Reach {
    before: Option<Cursor>,
    exhausted: bool,
    at: Option<Nanos>,
}

impl Reach {
    fn back_to(&self) -> Option<Nanos> {
        if let Some(Cursor::Time { at, .. }) = &self.before { Some(*at) } else { self.at }
    }

    fn lower(&mut self, at: Option<Nanos>) {
        self.at = match (self.at, at) {
            (Some(known), Some(at)) => Some(known.min(at)),
            (known, at) => known.or(at),
        };
    }
}

/// A search at the source.
#[derive(Clone, Debug)]
struct Search {
    number: u32,
    asked: Asked,
    prefilter: Prefilter,
    reach: Reach,
    /// Pages of it that were read.
    pages: u32,
    /// That it is one was said in a line.
    said: bool,
}

/// A page on its way.
#[derive(Clone, Copy, Debug)]
struct Reading {
    page: u64,
    search: Option<u32>,
}

/// What was read of one past.
#[derive(Debug)]
struct Past {
    /// A stream of it, which is asked for all.
    stream: StreamId,
    whole: Reach,
    searches: Vec<Search>,
    reading: Option<Reading>,
    /// Pages that may still follow by themselves.
    more: u16,
    /// The source cannot leave lines out.
    unable: bool,
}

/// A page to be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// Its number.
    pub page: u64,
    /// Of which stream.
    pub stream: StreamId,
    /// From where upwards.
    pub before: Option<Cursor>,
    /// What the source may leave out.
    pub prefilter: Option<Prefilter>,
}

/// What a changed filter ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settled {
    /// Searches whose finds go.
    pub forget: Vec<u32>,
    /// Pages that nobody waits for any more.
    pub stop: Vec<u64>,
}

/// What came of a page that was waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrived {
    /// Whose.
    pub whose: Whose,
    /// The search that it is of.
    pub search: Option<u32>,
}

/// The pasts of all streams.
#[derive(Debug, Default)]
pub struct Older {
    pasts: BTreeMap<Whose, Past>,
    pages: u64,
    searches: u32,
}

impl Older {
    /// A stream begins.
    pub fn opened(&mut self, stream: StreamId, info: &StreamInfo, at: Timestamp) {
        let past = || {
            // An entry that has nothing yet was asked for at least so much: what is newer comes by itself.
            let before = (info.kind == "loki")
                .then(|| Cursor::Time { at: Timestamp(at.0 - LOKI_LOOKED_MS).into(), seen: std::sync::Arc::default() });
            let whole = Reach { before, ..Reach::default() };
            Past { stream, whole, searches: Vec::new(), reading: None, more: 0, unable: false }
        };
        self.pasts.entry(Whose::of(stream, info)).or_insert_with(past);
    }

    /// A stream has another number now.
    pub fn moved(&mut self, from: StreamId, to: StreamId) {
        for past in self.pasts.values_mut().filter(|past| past.stream == from) {
            past.stream = to;
        }
    }

    /// Says whether nothing of a past is known to be there yet.
    pub fn is_bare(&self, whose: &Whose) -> bool {
        self.pasts.get(whose).is_some_and(|past| past.whole.at.is_none())
    }

    /// Lines came by themselves: `before` is where what is older than they begins, `first` when they begin.
    pub fn came(&mut self, whose: &Whose, history: bool, before: Option<&Cursor>, first: Option<Nanos>) {
        let Some(past) = self.pasts.get_mut(whose) else { return };
        let untouched = past.whole.at.is_none() && past.searches.is_empty();
        past.whole.lower(first);
        match before {
            Some(before) if untouched || past.whole.before.is_none() => past.whole.before = Some(before.clone()),
            // It had nothing when it began.
            None if past.whole.before.is_none() && !history => past.whole.exhausted = true,
            Some(_) | None => {}
        }
    }

    /// Takes off what a filter with these terms has no use for. Nothing goes on by itself after that.
    pub fn settle(&mut self, terms: &[String]) -> Settled {
        let mut settled = Settled::default();
        for past in self.pasts.values_mut() {
            past.more = 0;
            let keeps = |search: &Search| search.asked.pushed.iter().all(|term| terms.contains(term));
            while let Some(search) = past.searches.pop_if(|search| !keeps(search)) {
                settled.forget.push(search.number);
            }
            if let Some(reading) = past.reading.take_if(|reading| reading.search.is_some()) {
                settled.stop.push(reading.page);
            }
        }
        settled
    }

    /// All pasts, and a stream of each.
    pub fn all(&self) -> Vec<(Whose, StreamId)> {
        self.pasts.iter().map(|(whose, past)| (whose.clone(), past.stream)).collect()
    }

    /// Lets so many pages of each past follow by themselves while nothing of them passes.
    pub fn allow(&mut self, pages: u16) {
        for past in self.pasts.values_mut() {
            past.more = pages;
        }
    }

    /// Takes one of the pages that may follow by themselves; false where there is none left.
    pub fn goes_on(&mut self, whose: &Whose) -> bool {
        let Some(past) = self.pasts.get_mut(whose) else { return false };
        let goes_on = past.more > 0;
        past.more = past.more.saturating_sub(1);
        goes_on
    }

    /// Nothing of a past follows by itself.
    pub fn halt(&mut self, whose: &Whose) {
        if let Some(past) = self.pasts.get_mut(whose) {
            past.more = 0;
        }
    }

    /// Says what to ask for next; none where a page is on its way, nothing is older, or the filter begins later.
    pub fn next(&mut self, whose: &Whose, asked: &Asked, since: Option<Nanos>) -> Option<Turn> {
        let past = self.pasts.get_mut(whose)?;
        if past.reading.is_some() {
            return None;
        }
        let narrower = |search: &Search| asked.pushed.iter().any(|term| !search.asked.pushed.contains(term));
        let from = past.searches.last().map_or(&past.whole, |search| &search.reach);
        if from.exhausted || from.before.is_none() && !past.searches.is_empty() {
            return None;
        }
        if since.is_some_and(|since| from.back_to().is_some_and(|at| at < since)) {
            return None;
        }
        let before = from.before.clone()?;
        if let Some(prefilter) = asked.prefilter.as_ref().filter(|_| !past.unable)
            && past.searches.last().is_none_or(narrower)
        {
            self.searches += 1;
            past.searches.push(Search {
                number: self.searches,
                asked: asked.clone(),
                prefilter: prefilter.clone(),
                reach: from.clone(),
                pages: 0,
                said: false,
            });
        }
        let search = past.searches.last();
        self.pages += 1;
        past.reading = Some(Reading { page: self.pages, search: search.map(|search| search.number) });
        // What cannot leave lines out any more gives them all: no less than was asked for.
        let prefilter = search.filter(|_| !past.unable).map(|search| search.prefilter.clone());
        Some(Turn { page: self.pages, stream: past.stream, before: Some(before), prefilter })
    }

    /// A page came; none where nobody waits for it any more.
    pub fn arrived(&mut self, page: u64) -> Option<Arrived> {
        let waits = |past: &Past| past.reading.is_some_and(|reading| reading.page == page);
        let (whose, past) = self.pasts.iter_mut().find(|(_, past)| waits(past))?;
        let reading = past.reading.take()?;
        Some(Arrived { whose: whose.clone(), search: reading.search })
    }

    /// Its source cannot leave lines out. Where the search had just begun, what came is whole after all; says whether it is.
    pub fn cannot(&mut self, whose: &Whose) -> bool {
        let Some(past) = self.pasts.get_mut(whose) else { return false };
        past.unable = true;
        past.searches.len() == 1 && past.searches.pop_if(|search| search.pages == 0).is_some()
    }

    /// Gives up what was found of a past: it will be read whole. Returns the searches whose finds go.
    pub fn read_whole(&mut self, whose: &Whose) -> Vec<u32> {
        let Some(past) = self.pasts.get_mut(whose) else { return Vec::new() };
        past.unable = true;
        past.searches.drain(..).map(|search| search.number).collect()
    }

    /// A page was taken: where to go on, and when the oldest of what was looked at was written.
    pub fn read(&mut self, whose: &Whose, before: Option<Cursor>, first: Option<Nanos>) {
        let Some(past) = self.pasts.get_mut(whose) else { return };
        let reach = match past.searches.last_mut() {
            Some(search) => {
                search.pages += 1;
                &mut search.reach
            }
            None => &mut past.whole,
        };
        reach.lower(first);
        reach.exhausted = before.is_none();
        reach.before = before;
    }

    /// Where a search begins and what runs there, once: it is said in a line between what is whole and what was found.
    pub fn begins(&mut self, whose: &Whose) -> Option<(StreamId, u32, Option<Nanos>, String)> {
        let past = self.pasts.get_mut(whose)?;
        let begun = match past.searches.len().checked_sub(2).and_then(|below| past.searches.get(below)) {
            Some(below) => below.reach.back_to(),
            None => past.whole.back_to(),
        };
        let search = past.searches.last_mut().filter(|search| !search.said)?;
        search.said = true;
        Some((past.stream, search.number, begun, search.asked.there()))
    }

    /// Says whether any page is on its way.
    pub fn is_reading(&self) -> bool {
        self.pasts.values().any(|past| past.reading.is_some())
    }

    /// Says whether any page of this past is on its way.
    pub fn reads(&self, whose: &Whose) -> bool {
        self.pasts.get(whose).is_some_and(|past| past.reading.is_some())
    }

    /// How many pasts are searched at their source.
    pub fn searched(&self) -> usize {
        self.pasts.values().filter(|past| !past.searches.is_empty()).count()
    }

    /// How far back all pasts are complete for the filter: a time, or none where one of them does not tell or nothing is older.
    pub fn back_to(&self) -> Back {
        let reach = |past: &Past| past.searches.last().map_or(past.whole.clone(), |search| search.reach.clone());
        // What never gave a line is told of among the sources.
        let is_bare = |reach: &Reach| reach.before.is_none() && reach.at.is_none();
        let open: Vec<Reach> =
            self.pasts.values().map(reach).filter(|reach| !reach.exhausted && !is_bare(reach)).collect();
        if open.is_empty() {
            return Back::Begin;
        }
        let times: Option<Vec<Nanos>> = open.iter().map(Reach::back_to).collect();
        times.and_then(|times| times.into_iter().max()).map_or(Back::Unknown, Back::Time)
    }

    /// Says which part of the filter runs where for a past, and how far back it has come: for the list of sources.
    pub fn words(&self, whose: &Whose) -> Option<(String, Option<Nanos>, bool)> {
        let search = self.pasts.get(whose)?.searches.last()?;
        Some((search.asked.words(), search.reach.back_to(), search.reach.exhausted))
    }
}
