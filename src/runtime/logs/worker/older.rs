//! Reads what is older than what is here, and searches it at its source while a filter acts.
use super::Worker;
use crate::{
    core::{
        logs::{
            Nanos, SourceState,
            filter::{Expr, push},
            format::Assume,
            segment::Segment,
            shown::{Back, Searched},
        },
        screen::Tone,
    },
    runtime::logs::{
        Paged,
        older::{Arrived, PAGES, Whose},
        prefilter::divide,
    },
    sources::logs::{LeftOut, Notice, Page, StreamId, StreamInfo},
};

/// What was asked for and is not over yet.
#[derive(Debug, Default)]
pub(super) struct Round {
    /// Lines that pass.
    passed: u64,
    /// Something went wrong, and was said.
    failed: bool,
}

impl Worker {
    /// Asks every source for what is older.
    pub(super) fn earlier(&mut self) {
        for page in self.supervisor.lost() {
            self.older.arrived(page);
        }
        self.older.allow(PAGES);
        self.round.get_or_insert_default();
        for (whose, _) in self.older.all() {
            self.ask_older(&whose);
        }
        self.end_round();
        self.dirty = true;
    }

    /// Asks for the next page of a past, where there may be one that the filter wants.
    fn ask_older(&mut self, whose: &Whose) {
        let streams = || self.streams.iter().filter(|(id, known)| Whose::of(**id, &known.info) == *whose);
        let Some((_, known)) = streams().next() else { return };
        if matches!(known.state, SourceState::Denied { .. }) {
            return;
        }
        let Some(spec) = self.supervisor.spec(&known.info) else { return };
        let formats = streams().filter_map(|(_, known)| known.format.as_deref());
        let asked = divide(&self.wanted.0, &spec, &known.info, &self.derived, formats);
        let Some(turn) = self.older.next(whose, &asked, self.wanted.1) else { return };
        let page = turn.page;
        if !self.supervisor.page(turn, &known.info) {
            self.older.arrived(page);
        }
    }

    /// Another filter acts: what was found for the one before may be of no use.
    pub(super) fn settle(&mut self, terms: &[String]) {
        let settled = self.older.settle(terms);
        for page in settled.stop {
            self.supervisor.stop(page);
        }
        self.buffer.forget(&settled.forget);
        self.round = None;
    }

    /// Takes a page, whole, or not at all where nobody waits for it any more.
    pub(super) fn paged(&mut self, paged: Paged) {
        self.supervisor.paged(paged.page);
        let Some(arrived) = self.older.arrived(paged.page) else { return };
        match paged.read {
            Ok(page) => self.take_page(&arrived, paged.stream, page),
            Err(why) => {
                self.older.halt(&arrived.whose);
                let says = Notice::Said(format!("what is older cannot be read: {why}"));
                let now = self.clock.now().utc;
                self.happened(paged.stream, &says, now.into());
                if let Some(round) = &mut self.round {
                    round.failed = true;
                }
            }
        }
        self.end_round();
        self.dirty = true;
    }

    fn take_page(&mut self, arrived: &Arrived, asked: StreamId, page: Page) {
        let Arrived { whose, mut search } = arrived.clone();
        let (is_whole, oldest) = match page.left_out {
            LeftOut::Nothing => (true, None),
            LeftOut::Some { oldest } => (false, oldest),
            LeftOut::Failed => (false, None),
        };
        if search.is_some() && is_whole && self.older.cannot(&whose) {
            search = None;
        }
        let now = self.clock.now();
        let parts: Vec<_> = page.parts.into_iter().map(|(info, batch)| (self.stream_of(asked, info), batch)).collect();
        for (stream, batch) in &parts {
            if let Some(known) = self.streams.get_mut(stream) {
                known.recognise(&self.formats, batch, &mut self.buffer);
                if search.is_some() && known.format.as_ref().is_some_and(|format| format.is_multi_line()) {
                    // Records of several lines may have lost some of them.
                    let found = self.older.read_whole(&whose);
                    self.buffer.forget(&found);
                    return self.ask_older(&whose);
                }
            }
        }
        let mut first = oldest.and_then(|line| self.time_of(asked, &line));
        let mut passed = 0;
        for (stream, mut batch) in parts {
            batch.history = true;
            let (assume, skew) = (Assume { zone: self.zone(stream), now: now.utc.into() }, self.skew_of(stream));
            let read = self.streams.get_mut(&stream).and_then(|known| known.read(batch, assume, skew, now.mono));
            let Some(segment) = read else { continue };
            first = segment.first_timed().into_iter().chain(first).min();
            passed += self.passing(&segment);
            self.keep_older(stream, segment, search);
        }
        if search.is_some() && passed > 0 {
            self.say_search(&whose, first);
        }
        self.older.read(&whose, page.before, first);
        for notice in page.notices {
            self.happened(asked, &notice, now.utc.into());
        }
        if passed == 0 && self.older.goes_on(&whose) {
            self.ask_older(&whose);
        }
        if let Some(round) = &mut self.round {
            round.passed += passed;
        }
    }

    fn keep_older(&mut self, stream: StreamId, segment: Segment, search: Option<u32>) {
        if let Some(search) = search {
            // What is not all there says nothing of how often anything is.
            self.buffer.push_found(segment, search);
            return;
        }
        let now = self.clock.now();
        let segment = self.buffer.push_older(segment);
        if let Some(known) = self.streams.get_mut(&stream) {
            known.took(&segment, true, now);
        }
        self.count(&segment);
    }

    /// Says in a line of its own, above what is whole, that from here on lines were left out.
    fn say_search(&mut self, whose: &Whose, first: Option<Nanos>) {
        let Some((stream, search, at, there)) = self.older.begins(whose) else { return };
        let Some(at) = at.or(first) else { return };
        let says = format!("what is older was searched for {there}: lines that it left out are not here");
        let line = self.streams.get_mut(&stream).and_then(|known| known.notice(&says, at, &mut self.buffer));
        if let Some(line) = line {
            self.buffer.push_found(line, search);
        }
    }

    /// Finds the stream that lines of a page are of; one that was never heard of begins with them.
    fn stream_of(&mut self, asked: StreamId, info: StreamInfo) -> StreamId {
        if self.streams.get(&asked).is_some_and(|known| known.info == info) {
            return asked;
        }
        if let Some((known, _)) = self.streams.iter().find(|(_, known)| known.info == info) {
            return *known;
        }
        let stream = self.supervisor.open(info.clone());
        self.opened(stream, info);
        if let Some(known) = self.streams.get_mut(&stream) {
            known.stands(SourceState::Ended, self.clock.now().mono);
        }
        stream
    }

    fn passing(&self, segment: &Segment) -> u64 {
        match &self.matcher {
            Some(matcher) => matcher.set(segment, self.buffer.sources(), None).count() as u64,
            None => segment.len() as u64,
        }
    }

    fn time_of(&self, stream: StreamId, line: &[u8]) -> Option<Nanos> {
        let format = self.streams.get(&stream)?.format.as_ref()?;
        let assume = Assume { zone: self.zone(stream), now: self.clock.now().utc.into() };
        let time = format.head(line, assume).time?;
        Some(Nanos(time.0.saturating_sub(self.skew_of(stream).saturating_mul(Nanos::MILLI))))
    }

    /// Says how it went, once no page is on its way.
    fn end_round(&mut self) {
        if self.older.is_reading() {
            return;
        }
        let Some(round) = self.round.take() else { return };
        if round.passed > 0 || round.failed || self.older.all().is_empty() {
            return;
        }
        let says = match (self.back(), self.wanted.1) {
            (Back::Time(at), Some(since)) if at < since => "nothing older passes: the filter begins there".to_owned(),
            (Back::Time(at), _) => {
                format!(
                    "searched back to {}: nothing older passes so far; Home looks further",
                    clock(at, self.clock.now().utc.into())
                )
            }
            (Back::Begin, _) => "nothing older passes: all sources are read to their beginning".to_owned(),
            (Back::Unknown, _) => "nothing older passes so far; Home looks further".to_owned(),
        };
        self.say(Tone::Info, says);
    }

    fn back(&self) -> Back {
        match (self.older.back_to(), self.gone_to) {
            (Back::Time(at), Some(gone)) => Back::Time(at.max(gone)),
            (Back::Begin, Some(gone)) => Back::Time(gone),
            (back, _) => back,
        }
    }

    /// Says how far back what is shown is complete, and whether it is being read.
    pub(super) fn searched(&self) -> Searched {
        Searched {
            reading: self.round.is_some() && self.older.is_reading(),
            sources: self.older.searched(),
            back: self.back(),
        }
    }

    /// Says in a few words what leaves lines out at its source.
    pub(super) fn ran(&self) -> String {
        match self.older.searched() {
            0 => String::new(),
            1 => "older lines searched at 1 source".to_owned(),
            many => format!("older lines searched at {many} sources"),
        }
    }

    /// Says which part of the filter runs where for a source, and how far back that is.
    pub(super) fn ran_of(&self, whose: &Whose) -> String {
        let Some((words, at, is_all)) = self.older.words(whose) else { return String::new() };
        match at.filter(|_| !is_all) {
            Some(at) => format!("{words}, searched back to {}", clock(at, self.clock.now().utc.into())),
            None if is_all => format!("{words}, searched to its beginning"),
            None => words,
        }
    }

    /// Remembers the terms that the filter has now; where they changed, searches that they have no use for end.
    pub(super) fn wants(&mut self, expr: Expr, since: Option<Nanos>) {
        if self.wanted.0 != expr {
            self.settle(&push::terms(&expr));
        }
        self.wanted = (expr, since);
    }
}

/// Writes a moment, with its day where it is not today.
pub(super) fn clock(at: Nanos, now: Nanos) -> String {
    let day = |at: Nanos| at.0.div_euclid(86_400 * Nanos::SECOND);
    let form = if day(at) == day(now) { "%H:%M:%S UTC" } else { "%m-%d %H:%M:%S UTC" };
    chrono::DateTime::from_timestamp_nanos(at.0).format(form).to_string()
}
