//! Works out the answer to what was asked, and hands it to the console.
use std::sync::Arc;

use super::{PATTERNS_MS, Worker, older::clock};
use crate::{
    core::logs::{
        Nanos, SourceState,
        buffer::Snapshot,
        eval::Fields,
        figures,
        read::Matches,
        shown::{Shown, SourceStatus},
    },
    runtime::logs::{Stream, answer, older::Whose},
    sources::logs::StreamId,
};

/// How long a source's lag is told after its last line.
const LAG_MS: u64 = 15_000;

impl Worker {
    /// Works out and publishes the answer to the query.
    pub(super) fn publish(&mut self) {
        let before = self.clock.now();
        let snapshot = self.buffer.snapshot();
        self.cache.retain(&snapshot.segments);
        let all = Arc::new(Matches::all(&snapshot));
        let matches = match &self.matcher {
            Some(matcher) if !matcher.is_all() => Arc::new(matcher.matches(&snapshot, &self.cache)),
            _ => Arc::clone(&all),
        };
        let took = self.clock.now().mono.since(before.mono);
        let hits = self.search.as_ref().map(|search| Arc::new(matches.both(&search.matches(&snapshot, &self.cache))));
        let lines = Arc::new(matches.of_logs());
        if before.mono.since(self.mined) >= PATTERNS_MS {
            self.mine();
        }
        let (patterns, patterns_pass) = self.patterns_of(&lines, &snapshot);
        let span = self.query.span.or_else(|| span_of(&matches)).unwrap_or_default();
        let histogram = matches.histogram(span.0, span.1, usize::from(self.query.bars));
        let minute = Nanos::from(before.utc);
        let last_minute = matches.histogram(Nanos(minute.0 - 60 * Nanos::SECOND), minute, 1);
        let errors = last_minute.first().map_or(0, |counts| counts.iter().skip(6).sum());
        let (record_of, record, record_redacted) = self.looked_at(&snapshot, &all, &lines, before.mono);
        let stage = self.query.filter.stage.as_ref();
        let (read, bars) = (self.fields(&snapshot), usize::from(self.query.bars));
        let stage = stage.map(|stage| answer::stage(stage, &lines, read));
        let web = self.query.web.then(|| answer::web(&lines, &snapshot, read, bars));
        let shown = Shown {
            version: self.query.version,
            took_us: took * 1_000,
            ran: self.ran(),
            searched: self.searched(),
            matches,
            all,
            hits,
            needles: self.needles.clone(),
            sources: self.statuses(),
            histogram,
            histogram_span: span,
            templates: Arc::clone(&self.templates),
            patterns,
            patterns_pass,
            new: Arc::clone(&self.new),
            record_of,
            record,
            record_redacted,
            shares_of: self.shares.as_ref().map_or(0, |shares| shares.of.lines()),
            stage,
            web: web.flatten(),
            lag_ms: self.lag(),
            errors_a_minute: errors,
            derived: Arc::clone(&self.derived),
            redact: Arc::clone(&self.redact),
            snapshot,
        };
        self.post.logs(Arc::new(shown));
        // Only now may segments be merged and the oldest go: the filter has seen them, and what it found can be put together.
        self.buffer.tidy();
        let beside = self.cache.bytes() + self.spare;
        self.fit(beside);
        self.fresh = 0;
        self.asked = false;
        self.dirty = false;
        self.published = self.clock.now().mono;
    }

    /// Lets the oldest go where there is no room, and says so in a line above what is left.
    fn fit(&mut self, beside: usize) {
        if self.buffer.bytes() + beside <= self.buffer.limit() {
            return;
        }
        let (mut gone_to, mut of) = (self.gone_to, None);
        self.buffer.fit(beside, |gone| {
            // What a search found and is over its share is found again by the next.
            if !gone.is_partial() {
                gone_to = gone_to.max(Some(gone.last()));
            }
            of = of.or(Some(gone.source(0)));
        });
        self.gone_to = gone_to;
        let Some(at) = gone_to else { return };
        let dropped = self.buffer.dropped();
        let says = format!(
            "{} lines up to {} were let go, so that all fits into {}: `qd logs -q FILTER --since TIME --until TIME` reads them where they are written",
            dropped.records,
            clock(at, self.clock.now().utc.into()),
            figures::bytes(self.buffer.limit() as f64)
        );
        let whose = self.streams.iter().find(|(_, known)| of.is_some_and(|of| known.is_of(of))).map(|(id, _)| *id);
        let whose = whose.or_else(|| self.streams.keys().next().copied());
        // It stands behind the last that went.
        let stream = whose.and_then(|whose| self.streams.get_mut(&whose));
        let line = stream.and_then(|stream| stream.notice(&says, at, &mut self.buffer));
        if let Some(line) = line {
            self.buffer.push_gone(line);
        }
    }

    /// How fields are read, columns kept.
    pub(super) fn fields<'a>(&'a self, snapshot: &'a Snapshot) -> Fields<'a> {
        Fields { sources: &snapshot.sources, derived: &self.derived, cache: Some(&self.cache) }
    }

    fn lag(&self) -> Option<u64> {
        let live = self.streams.values().filter(|known| matches!(known.state, SourceState::Live));
        let now = self.clock.now().mono;
        let lately = live.filter_map(|known| known.lag).filter(|(_, at)| now.since(*at) < LAG_MS);
        lately.map(|(ms, _)| ms).max().map(|ms| u64::try_from(ms).unwrap_or(0))
    }

    fn statuses(&self) -> Vec<SourceStatus> {
        let status = |(id, known): (&StreamId, &Stream)| SourceStatus {
            name: known.info.name.as_str().into(),
            kind: known.info.kind,
            path: known.info.path.as_str().into(),
            format: known.format.as_ref().map_or_else(|| "?".to_owned(), |format| format.name().to_owned()),
            state: known.state.clone(),
            records: known.records,
            lag_ms: known.lag.map(|(ms, _)| ms),
            ran: self.ran_of(&Whose::of(*id, &known.info)),
            skew_ms: known.info.host.as_ref().and_then(|host| self.skew.get(host)).copied().unwrap_or(0),
        };
        self.streams.iter().map(status).collect()
    }
}

/// The time from the first to the last of some records.
fn span_of(matches: &Matches) -> Option<(Nanos, Nanos)> {
    Some((matches.first()?.key().time, matches.last()?.key().time))
}
