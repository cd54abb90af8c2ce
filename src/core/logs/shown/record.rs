//! A record and the lines around it, read from what is shown.
use super::Shown;
use crate::core::logs::{
    Key, Level, Nanos, Source,
    eval::{At, Resolved},
    patterns::TemplateId,
    read::{Matches, RecordRef, service_of_last_resort, source_value},
};

/// A record, to be shown.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "marks that have nothing to do with each other")]
pub struct Record<'a> {
    pub(super) shown: &'a Shown,
    /// The record itself.
    pub at: RecordRef,
    /// Where it is in the merged order.
    pub key: Key,
    /// Its level.
    pub level: Level,
    /// The hue of its service.
    pub hue: usize,
    /// HTTP status.
    pub status: Option<u16>,
    /// It came late.
    pub late: bool,
    /// It is a line of the console's own.
    pub notice: bool,
    /// It passes the filter.
    pub matches: bool,
    /// It names no time.
    pub untimed: bool,
}

impl Record<'_> {
    pub(super) fn source(&self) -> Option<&Source> {
        self.shown.snapshot.source(self.at.segment.source(self.at.index))
    }

    /// Its service, or its source where nothing names one: what `service:` compares with.
    pub fn service(&self) -> String {
        self.named("service")
    }

    /// Its host: what `host:` compares with.
    pub fn host(&self) -> String {
        self.named("host")
    }

    /// A field that most sources know for all of their records. Bytes from outside, to be sanitised.
    fn named(&self, name: &str) -> String {
        let Some(source) = self.source() else { return String::new() };
        if let Some(value) = source_value(source, name) {
            return value.to_owned();
        }
        let value = if self.notice { None } else { self.field(name) };
        match value {
            Some(value) => String::from_utf8_lossy(&value).into_owned(),
            None if name == "service" => service_of_last_resort(source).unwrap_or_default().to_owned(),
            None => String::new(),
        }
    }

    /// What a person reads of it, continuation lines included.
    pub fn message(&self) -> Vec<u8> {
        self.at.with_bytes(|bytes| match self.source().filter(|_| !self.notice) {
            Some(source) => source.format.message(bytes).into_owned(),
            None => bytes.to_vec(),
        })
    }

    /// Its raw bytes.
    pub fn raw(&self) -> Vec<u8> {
        self.at.with_bytes(<[u8]>::to_vec)
    }

    /// Its JSON with a line for each entry; none where it has none.
    pub fn pretty(&self) -> Option<Vec<u8>> {
        self.at.with_bytes(|bytes| {
            let begin = bytes.iter().position(|byte| *byte == b'{')?;
            let value: serde_json::Value = serde_json::from_slice(bytes.get(begin..)?).ok()?;
            serde_json::to_vec_pretty(&value).ok()
        })
    }

    /// A field's value.
    pub fn field(&self, name: &str) -> Option<Vec<u8>> {
        let mut resolved = Resolved::new(name, &self.shown.snapshot.sources, &self.shown.derived);
        let (segment, record) = (&self.at.segment, self.at.index);
        self.at.with_bytes(|bytes| resolved.with(At { segment, record, bytes }, |value, _| value.to_vec()))
    }
}

/// The lines that are shown: those that pass the filter, or all of them around a line.
#[derive(Clone, Copy, Debug)]
pub struct LinesView<'a> {
    pub(super) shown: &'a Shown,
    pub(super) of: &'a Matches,
}

/// Records that are looked at to fill a screen of folded ones.
const FOLDED: usize = 2_000;

impl<'a> LinesView<'a> {
    /// Returns where one comes to by so many records, and how many that were.
    pub fn step(&self, from: Key, by: i64) -> (Key, i64) {
        let count = usize::try_from(by.unsigned_abs()).unwrap_or(usize::MAX).min(1 << 20);
        let records = if by >= 0 {
            let after = Key { order: from.order.saturating_add(1), ..from };
            self.of.forward(after, count)
        } else {
            self.of.backward(from, count)
        };
        let reached = if by >= 0 { records.last() } else { records.first() };
        let steps = i64::try_from(records.len()).unwrap_or(i64::MAX) * by.signum();
        (reached.map_or(from, RecordRef::key), steps)
    }

    /// Finds the first line at or after a moment, else the last one.
    pub fn at(&self, time: Nanos) -> Option<Key> {
        let found = self.of.forward(Key { time, order: 0 }, 1);
        found.first().map(RecordRef::key).or_else(|| self.of.last().map(|last| last.key()))
    }

    /// Returns the lines from one to another, both included.
    pub fn between(&self, from: Key, to: Key) -> Vec<Key> {
        const MOST: usize = 100_000;
        let records = self.of.forward(from, MOST);
        records.iter().map(RecordRef::key).take_while(|key| *key <= to).collect()
    }

    /// Returns lines around a place, in order, each with how often it repeats where repeats are folded.
    pub fn around(&self, key: Key, before: usize, after: usize, fold: bool) -> Vec<(Record<'a>, u64)> {
        let (more_before, more_after) = if fold { (FOLDED, FOLDED) } else { (before, after + 1) };
        let mut refs = self.of.backward(key, more_before);
        let middle = refs.len();
        refs.extend(self.of.forward(key, more_after));
        if !fold {
            return refs.into_iter().map(|at| (self.shown.read(at), 1)).collect();
        }
        let mut rows: Vec<(RecordRef, Option<TemplateId>, u64)> = Vec::new();
        let mut cursor_row = 0;
        for (number, at) in refs.into_iter().enumerate() {
            let template = self.shown.template(&at);
            match rows.last_mut() {
                Some((_, last, times)) if template.is_some() && *last == template => *times += 1,
                _ => rows.push((at, template, 1)),
            }
            if number == middle {
                cursor_row = rows.len() - 1;
            }
            if number > middle && rows.len() > cursor_row + after {
                break;
            }
        }
        let first = cursor_row.saturating_sub(before);
        rows.into_iter().skip(first).map(|(at, _, times)| (self.shown.read(at), times)).collect()
    }
}
