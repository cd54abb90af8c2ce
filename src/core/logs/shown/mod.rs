//! What the engine last worked out, for views and keys to read. Immutable; the engine publishes another one.
#![expect(clippy::wildcard_enum_match_arm, reason = "other panes have nothing of it")]
use std::{collections::HashSet, fmt, ops::RangeInclusive, sync::Arc};

use regex::bytes::Regex;

use super::{
    Key, Level, Nanos, Source, SourceState,
    buffer::Snapshot,
    bundle,
    derive::Derived,
    patterns::{Template, TemplateId, Templates},
    read::{Matches, RecordRef},
    redact::Redactor,
    segment::Flags,
};
use crate::core::screen::Pane;

mod record;
mod rows;
mod searched;

pub use record::{LinesView, Record, row_of};
pub use rows::{Counted, FieldValue, Number, Pattern, SourceStatus, Table, Web};
pub use searched::{Back, Searched};

/// Makes bytes fit to leave the buffer: what is secret is masked. Says in how many places.
pub fn masked(redactor: &Redactor, bytes: &[u8]) -> (Vec<u8>, usize) {
    let mut out = Vec::with_capacity(bytes.len());
    let marks = redactor.apply(bytes, &mut out);
    (out, marks.len())
}

/// What the engine last worked out.
#[derive(Clone)]
pub struct Shown {
    /// The query that it answers.
    pub version: u64,
    /// How long the filter took, in microseconds.
    pub took_us: u64,
    /// Where the filter ran, when not all of it ran here.
    pub ran: String,
    /// How far back what is shown is complete.
    pub searched: Searched,
    /// All that is here.
    pub snapshot: Snapshot,
    /// What passes the filter.
    pub matches: Arc<Matches>,
    /// Everything, for context around a line.
    pub all: Arc<Matches>,
    /// What is searched for, of what passes the filter: [`Matches::both`].
    pub hits: Option<Arc<Matches>>,
    /// The same, to mark it in text.
    pub needles: Vec<Regex>,
    /// Sources and how they are.
    pub sources: Vec<SourceStatus>,
    /// Counts by time and level.
    pub histogram: Vec<[u64; 8]>,
    /// What the histogram spans.
    pub histogram_span: (Nanos, Nanos),
    /// Templates of all that is here.
    pub templates: Arc<Templates>,
    /// Those to be listed.
    pub patterns: Vec<Pattern>,
    /// Whether those are counted among the lines that pass the filter; of all lines otherwise, as too many pass.
    pub patterns_pass: bool,
    /// Those that are new.
    pub new: Arc<HashSet<TemplateId>>,
    /// The record whose fields are here.
    pub record_of: Option<Key>,
    /// Its fields.
    pub record: Vec<FieldValue>,
    /// How much of it is masked.
    pub record_redacted: usize,
    /// Of how many of the newest lines that pass its shares are.
    pub shares_of: u64,
    /// What the filter's last stage makes.
    pub stage: Option<Vec<Counted>>,
    /// What web servers did.
    pub web: Option<Web>,
    /// By how much the newest line was late, over all sources, in milliseconds.
    pub lag_ms: Option<u64>,
    /// Errors in the last minute.
    pub errors_a_minute: u64,
    /// Rules that make fields.
    pub derived: Arc<Derived>,
    /// Masks secrets.
    pub redact: Arc<Redactor>,
}

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shown")
            .field("version", &self.version)
            .field("snapshot", &self.snapshot)
            .field("matches", &self.matches.total)
            .finish_non_exhaustive()
    }
}

impl PartialEq for Shown {
    fn eq(&self, other: &Self) -> bool {
        self.version == other.version && self.snapshot.generation == other.snapshot.generation
    }
}

impl Shown {
    /// How many lines of logs pass the filter, of those that are all here.
    pub fn matched(&self) -> u64 {
        self.matches.lines() - self.found()
    }

    /// How many lines of logs are here, without those of which a source left some out.
    pub fn total(&self) -> u64 {
        self.all.lines() - self.all.found()
    }

    /// How many lines pass the filter that were searched at their source.
    pub fn found(&self) -> u64 {
        self.matches.found()
    }

    /// How many sources are live.
    pub fn live(&self) -> usize {
        self.sources.iter().filter(|source| matches!(source.state, SourceState::Live | SourceState::Ended)).count()
    }

    /// The newest line that passes.
    pub fn last(&self) -> Option<Key> {
        self.matches.last().map(|record| record.key())
    }

    /// The oldest line that passes.
    pub fn first(&self) -> Option<Key> {
        self.matches.first().map(|record| record.key())
    }

    /// The lines that are shown.
    pub fn lines(&self, context: bool) -> LinesView<'_> {
        LinesView { shown: self, of: if context { &self.all } else { &self.matches } }
    }

    fn read(&self, at: RecordRef) -> Record<'_> {
        let source = self.snapshot.source(at.segment.source(at.index));
        let flags = at.flags();
        let (key, level) = (at.key(), at.segment.level(at.index));
        Record {
            shown: self,
            key,
            level,
            hue: source.map_or(0, hue),
            status: at.segment.status(at.index),
            late: flags.contains(Flags::LATE),
            notice: flags.contains(Flags::NOTICE),
            matches: self.matches.contains(&at),
            untimed: flags.contains(Flags::UNTIMED),
            together: Vec::new(),
            at,
        }
    }

    /// Reads the record at a place.
    pub fn record_at(&self, key: Key) -> Option<Record<'_>> {
        self.all.at(key).map(|at| self.read(at))
    }

    fn template(&self, at: &RecordRef) -> Option<TemplateId> {
        if at.flags().contains(Flags::NOTICE) {
            return None;
        }
        let source = self.snapshot.source(at.segment.source(at.index))?;
        at.with_bytes(|bytes| self.templates.classify(&source.format.message(bytes)).map(|template| template.id))
    }

    /// Finds the next line of a level.
    pub fn next_level(&self, from: Key, levels: RangeInclusive<Level>, forward: bool) -> Option<Key> {
        self.matches.next_level(from, &levels, forward).map(|record| record.key())
    }

    /// Finds the next line that is searched for.
    pub fn next_hit(&self, from: Key, forward: bool) -> Option<Key> {
        self.hits.as_deref()?.nearest(from, forward, |_, _| true).map(|record| record.key())
    }

    /// Which hit of how many a line is, counted from 1 and the oldest; 0 where it is none. None where nothing is searched.
    pub fn hit(&self, key: Option<Key>) -> Option<(u64, u64)> {
        let hits = self.hits.as_deref()?;
        let at = key.and_then(|key| self.all.at(key)).filter(|at| hits.contains(at));
        Some((at.map_or(0, |at| hits.position(at.key()) + 1), hits.total))
    }

    /// The place in the order of arrival that the next record will have.
    pub fn next_order(&self) -> u64 {
        let end = |segment: &std::sync::Arc<super::segment::Segment>| segment.base() + segment.len() as u64;
        self.snapshot.segments.iter().map(end).max().unwrap_or(0)
    }

    /// Finds the next line of any source that holds a text, whether it passes the filter or not.
    pub fn next_with(&self, from: Key, text: &str, forward: bool) -> Option<Key> {
        let finder = memchr::memmem::Finder::new(text);
        let holds = |segment: &super::segment::Segment, index: usize| {
            let text = segment.text();
            text.get(segment.span(index)).is_some_and(|bytes| finder.find(bytes).is_some())
        };
        self.all.nearest(from, forward, holds).map(|record| record.key())
    }

    /// How many bars the histogram has.
    pub fn bars(&self) -> usize {
        self.histogram.len()
    }

    /// The bar that a place falls into.
    pub fn bar_of(&self, key: Key) -> Option<usize> {
        let (from, to) = self.histogram_span;
        let within = key.time >= from && key.time <= to && !self.histogram.is_empty();
        let wide = i128::from(to.0) - i128::from(from.0) + 1;
        let bar = (i128::from(key.time.0) - i128::from(from.0)) * self.histogram.len() as i128 / wide.max(1);
        within.then(|| usize::try_from(bar).unwrap_or(0))
    }

    /// The first line of a bar that passes.
    pub fn first_in_bar(&self, bar: usize) -> Option<Key> {
        let (from, to) = self.histogram_span;
        let wide = i128::from(to.0) - i128::from(from.0) + 1;
        let bars = i128::try_from(self.histogram.len()).ok().filter(|bars| *bars > 0)?;
        let begin = i128::from(from.0) + (i128::try_from(bar).ok()? * wide + bars - 1) / bars;
        let key = self.matches.forward(Key { time: Nanos(i64::try_from(begin).ok()?), order: 0 }, 1);
        key.first().map(RecordRef::key).filter(|key| self.bar_of(*key) == Some(bar))
    }

    /// How many bars, from the first, are of a time that was not all read or searched; none where nobody can say.
    pub fn unread_bars(&self) -> Option<usize> {
        let since = match self.searched.back {
            Back::Begin => return Some(0),
            Back::Unknown => return None,
            Back::Time(since) => since,
        };
        let (from, to) = self.histogram_span;
        let wide = i128::from(to.0) - i128::from(from.0) + 1;
        let bars = self.histogram.len() as i128;
        let before = (i128::from(since.0) - i128::from(from.0)).clamp(0, wide);
        usize::try_from((before * bars + wide - 1) / wide.max(1)).ok()
    }

    /// What the histogram spans.
    pub fn span(&self) -> (Nanos, Nanos) {
        self.histogram_span
    }

    /// The earliest and the latest moment that is here.
    pub fn extent(&self) -> (Nanos, Nanos) {
        self.snapshot.extent().unwrap_or_default()
    }

    /// A field's value of the record under the cursor.
    pub fn value_of(&self, name: &str) -> Option<&str> {
        self.record.iter().find(|field| field.name == name).map(|field| field.value.as_str())
    }

    /// What the filter takes to keep a row of a pane.
    pub fn term_of(&self, pane: Pane, name: &str) -> Option<String> {
        let counted = |rows: &[Counted]| rows.iter().find(|row| row.label == name).map(|row| row.term.clone());
        let term = match pane {
            Pane::Patterns => match &self.stage {
                Some(stage) => counted(stage),
                None => self.patterns.iter().find(|pattern| pattern.id == name).map(|pattern| pattern.term.clone()),
            },
            Pane::Web(table) => counted(&self.web.as_ref()?.tables.get(usize::from(table))?.rows),
            _ => None,
        };
        term.filter(|term| !term.is_empty())
    }

    /// What the filter takes to keep the pattern of a line.
    pub fn pattern_term(&self, key: Key) -> Option<String> {
        let id = self.template(&self.all.at(key)?)?;
        let template = self.templates.get(id)?;
        Some(pattern_term(template))
    }

    /// A field of a record as text.
    pub fn field_of(&self, key: Key, name: &str) -> Option<String> {
        let value = self.record_at(key)?.field(name)?;
        String::from_utf8(value).ok().filter(|value| !value.is_empty() && value != "-")
    }

    /// The name of a record's source.
    pub fn source_name(&self, key: Key) -> String {
        let record = self.record_at(key);
        record.as_ref().and_then(Record::source).map_or_else(String::new, |source| source.name.to_string())
    }

    /// Records as text, redacted.
    pub fn text(&self, keys: &[Key]) -> String {
        let mut text = String::new();
        for record in keys.iter().filter_map(|key| self.record_at(*key)) {
            // What the console says of a source is no line of its log.
            text.push_str(if record.notice { "# " } else { "" });
            text.push_str(&String::from_utf8_lossy(&self.redacted(&record.raw())));
            text.push('\n');
        }
        text
    }

    /// Records with where they are from and what they were filtered by, redacted.
    pub fn bundle(&self, keys: &[Key], filter: &str) -> String {
        let (mut count_all, mut own) = (0, 0);
        let mut lines = String::new();
        for record in keys.iter().filter_map(|key| self.record_at(*key)) {
            let (text, count) = masked(&self.redact, &record.raw());
            count_all += count;
            let text = String::from_utf8_lossy(&text);
            if record.notice {
                own += 1;
                lines.push_str(&bundle::notice(record.key.time, &text));
                continue;
            }
            let source = record.source().map_or("", |source| &source.name);
            lines.push_str(&bundle::line(record.key.time, (&record.host(), source), &text));
        }
        let filter = if filter.is_empty() { "none".into() } else { self.redact.text(filter) };
        bundle::head(&filter, keys.len() - own, count_all) + &lines
    }

    /// Names of fields that the formats here have.
    pub fn field_names(&self) -> Vec<String> {
        let of = |source: &Source| source.format.fields().iter().map(|field| field.name.clone()).collect::<Vec<_>>();
        let mut names: Vec<String> = self.snapshot.sources.iter().flat_map(of).collect();
        names.extend(self.record.iter().map(|field| field.name.clone()));
        names.sort();
        names.dedup();
        names
    }

    /// What the pane of patterns lists.
    pub fn groups(&self) -> Vec<String> {
        match &self.stage {
            Some(stage) => stage.iter().map(|row| row.label.clone()).collect(),
            None => self.patterns.iter().map(|pattern| pattern.id.clone()).collect(),
        }
    }

    /// What a table of the web-server view lists.
    pub fn web_rows(&self, table: u8) -> Vec<String> {
        let table = self.web.as_ref().and_then(|web| web.tables.get(usize::from(table)));
        table.map_or_else(Vec::new, |table| table.rows.iter().map(|row| row.label.clone()).collect())
    }

    /// A row of a pane in words, redacted.
    pub fn words_of(&self, pane: Pane, name: &str) -> Option<String> {
        let words = match pane {
            Pane::Fields => format!("{name}={}", self.value_of(name)?),
            Pane::Patterns if self.stage.is_none() => {
                let pattern = self.patterns.iter().find(|pattern| pattern.id == name)?;
                format!("{} × {}", pattern.count, pattern.template)
            }
            _ => name.to_owned(),
        };
        Some(String::from_utf8_lossy(&self.redacted(words.as_bytes())).into_owned())
    }

    /// Masks what is secret.
    pub fn redacted(&self, bytes: &[u8]) -> Vec<u8> {
        masked(&self.redact, bytes).0
    }

    /// Says whether a record's pattern is new.
    pub fn is_new(&self, record: &Record<'_>) -> bool {
        !self.new.is_empty() && self.template(&record.at).is_some_and(|template| self.new.contains(&template))
    }

    /// Finds what is searched for in a text.
    pub fn hits_in(&self, text: &str) -> Vec<(usize, usize)> {
        let mut hits: Vec<(usize, usize)> = self
            .needles
            .iter()
            .flat_map(|needle| needle.find_iter(text.as_bytes()).map(|hit| (hit.start(), hit.end())))
            .filter(|(from, to)| to > from && text.is_char_boundary(*from) && text.is_char_boundary(*to))
            .collect();
        hits.sort_unstable();
        hits
    }

    /// What the lower border of the lines says.
    pub fn legend(&self) -> String {
        let held = match self.snapshot.bytes >> 20 {
            0 if self.snapshot.bytes > 0 => "<1".to_owned(),
            mib => mib.to_string(),
        };
        let limit = self.snapshot.limit >> 20;
        format!("{} errors/min · {held} of {limit} MiB", self.errors_a_minute)
    }
}

/// What the filter takes to keep a template's lines.
pub fn pattern_term(template: &Template) -> String {
    let literals = template.outline.split("<*>").map(str::trim).filter(|part| part.chars().any(char::is_alphanumeric));
    super::filter::edit::keep_pattern(literals).to_string()
}

/// A source's hue: that of its service's name, the same for all its hosts.
pub fn hue(source: &Source) -> usize {
    let name = source.service.as_ref().map_or(&*source.name, |id| id.service.as_str());
    name.bytes().fold(0_usize, |hash, byte| hash.wrapping_mul(31).wrapping_add(usize::from(byte)))
}
