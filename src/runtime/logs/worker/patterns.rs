//! Counts the patterns of lines, and lists them.
use std::sync::Arc;

use super::Worker;
use crate::core::logs::{
    self, Nanos,
    buffer::Snapshot,
    eval::Matcher,
    patterns::{Novelty, Period, Seen, listed, under},
    read::Matches,
    segment::{Flags, Segment},
    shown::Pattern,
};

/// Patterns that are listed.
const LISTED: usize = 200;
/// How far back memory of patterns counts.
const REMEMBER_NS: i64 = 7 * 86_400 * Nanos::SECOND;
impl Worker {
    /// Counts the patterns of what came.
    pub(super) fn count(&mut self, segment: &Segment) {
        self.counted += 1;
        let text = segment.text();
        let sources = self.buffer.sources();
        for record in 0..segment.len() {
            if segment.flags(record).contains(Flags::NOTICE) {
                continue;
            }
            let id = segment.source(record);
            let Some(source) = sources.get(usize::from(id.0)) else { continue };
            let message = source.format.message(text.get(segment.span(record)).unwrap_or_default());
            let at = Some(segment.time(record)).filter(|_| !segment.flags(record).contains(Flags::UNTIMED));
            self.miner.add(
                &message,
                Seen { at, level: segment.level(record), source: id, record: segment.base() + record as u64 },
            );
        }
    }

    /// What patterns of each source are remembered under: its service, or its name.
    pub(super) fn scopes(&self) -> Vec<Arc<str>> {
        let scope = |source: &logs::Source| match &source.service {
            Some(service) => service.to_string().into(),
            None => Arc::clone(&source.name),
        };
        self.buffer.sources().iter().map(scope).collect()
    }

    /// Lists the patterns as of now.
    pub(super) fn mine(&mut self) {
        let now = self.clock.now();
        self.mined = now.mono;
        self.listed = self.counted;
        let templates = Arc::new(self.miner.templates());
        let until = Nanos::from(now.utc);
        // Of what was there before one looked, nobody can say that it is new, unless it is remembered.
        let since = self.query.baseline.or(self.began).unwrap_or(until);
        let period = Period { since, until, remember_from: Nanos(since.0 - REMEMBER_NS) };
        let sources = self.buffer.sources();
        let scopes = self.scopes();
        let novelty = Novelty::of(&templates, period, &self.memory, |id| scope_of(&scopes, id));
        self.patterns = listed(&templates, sources, &novelty, period);
        self.new = Arc::new(novelty.new.iter().map(|new| new.template).collect());
        self.templates = templates;
        self.dirty = true;
    }

    /// Lists the patterns of the lines that pass the filter, and says whether they are of those alone. Worked out once for a
    /// filter and a list.
    pub(super) fn patterns_of(&mut self, lines: &Matches, snapshot: &Snapshot) -> (Vec<Pattern>, bool) {
        let first = |patterns: &[Pattern]| patterns.iter().take(LISTED).cloned().collect();
        if self.matcher.as_ref().is_none_or(Matcher::is_all) {
            return (first(&self.patterns), true);
        }
        let of = (self.query.text.clone(), self.query.hidden.clone(), self.mined);
        if let Some((known, patterns, pass)) = &self.patterns_passing
            && *known == of
        {
            return (first(patterns), *pass);
        }
        let mut patterns = self.patterns.clone();
        let pass = under(&mut patterns, &self.templates, lines, snapshot);
        patterns.truncate(LISTED);
        self.patterns_passing = Some((of, patterns.clone(), pass));
        (patterns, pass)
    }
}

pub(super) fn scope_of(scopes: &[Arc<str>], id: logs::SourceId) -> Arc<str> {
    scopes.get(usize::from(id.0)).cloned().unwrap_or_else(|| "".into())
}
