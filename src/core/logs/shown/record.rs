//! A record and the lines around it, read from what is shown.
use super::Shown;
use crate::core::logs::{
    Key, Level, Nanos, Source,
    eval::{At, Resolved},
    patterns::TemplateId,
    read::{Matches, RecordRef, service_of_last_resort, source_value},
    segment::Flags,
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
    /// The sources that a line of the console's own speaks for, where that is more than one.
    pub together: Vec<std::sync::Arc<str>>,
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
        if let Some(says) = self.of_all() {
            return says.into_bytes();
        }
        self.at.with_bytes(|bytes| match self.source().filter(|_| !self.notice) {
            Some(source) => source.format.message(bytes).into_owned(),
            None => bytes.to_vec(),
        })
    }

    /// Its raw bytes.
    pub fn raw(&self) -> Vec<u8> {
        self.at.with_bytes(<[u8]>::to_vec)
    }

    /// What a line of the console's own says for all sources of its host that it happened to.
    fn of_all(&self) -> Option<String> {
        let host = self.source()?.host.as_ref().filter(|_| self.together.len() > 1)?;
        let text = self.raw();
        let (_, event) = event(self.source()?, &text)?;
        let event = event.strip_suffix(',').unwrap_or(event);
        Some(format!("{host}: {event} · {} sources: {}", self.together.len(), self.together.join(", ")))
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
/// Lines of the console's own that are shown as one at most.
const TOGETHER: usize = 500;
/// Nanoseconds between what happened to two sources of a host that count as one event.
const WITHIN: u64 = 2_000_000_000;

impl<'a> LinesView<'a> {
    /// Returns where one comes to by so many rows, and how many that were.
    pub fn step(&self, from: Key, by: i64, fold: bool) -> (Key, i64) {
        let count = usize::try_from(by.unsigned_abs()).unwrap_or(usize::MAX).min(1 << 20);
        if fold {
            let rows = self.around(from, count, count, true);
            let Some(at) = row_of(&rows, from) else { return (from, 0) };
            let to = if by >= 0 { (at + count).min(rows.len() - 1) } else { at.saturating_sub(count) };
            let steps = i64::try_from(to.abs_diff(at)).unwrap_or(i64::MAX) * by.signum();
            return (rows.get(to).map_or(from, |(record, _)| record.key), steps);
        }
        let records = if by >= 0 {
            let after = Key { order: from.order.saturating_add(1), ..from };
            self.of.forward(after, count)
        } else {
            self.of.backward(from, count)
        };
        let reached = if by >= 0 { records.last() } else { records.first() };
        let steps = i64::try_from(records.len()).unwrap_or(i64::MAX) * by.signum();
        (reached.map_or(from, |reached| self.settled(reached, by >= 0).unwrap_or(from)), steps)
    }

    /// Leads from a line that is shown together with others to the first of them, or on to what is after them.
    fn settled(&self, at: &RecordRef, forward: bool) -> Option<Key> {
        if !at.flags().contains(Flags::NOTICE) {
            return Some(at.key());
        }
        let before = self.of.backward(at.key(), TOGETHER);
        let mut first = at;
        for earlier in before.iter().rev().take_while(|earlier| self.is_together(earlier, at)) {
            first = earlier;
        }
        if !forward || first.key() == at.key() {
            return Some(first.key());
        }
        let key = at.key();
        let after = self.of.forward(Key { order: key.order.saturating_add(1), ..key }, TOGETHER);
        after.iter().find(|later| !self.is_together(at, later)).map(RecordRef::key)
    }

    /// Says whether two lines of the console's own tell the same of sources of one host: a link that was lost has many.
    fn is_together(&self, one: &RecordRef, other: &RecordRef) -> bool {
        let is_own = |at: &RecordRef| at.flags().contains(Flags::NOTICE);
        if !is_own(one) || !is_own(other) || one.key().time.0.abs_diff(other.key().time.0) > WITHIN {
            return false;
        }
        let source = |at: &RecordRef| self.shown.snapshot.source(at.segment.source(at.index));
        let (Some(of_one), Some(of_other)) = (source(one), source(other)) else { return false };
        if of_one.host.is_none() || of_one.host != of_other.host || of_one.name == of_other.name {
            return false;
        }
        one.with_bytes(|one| {
            other.with_bytes(|other| match (event(of_one, one), event(of_other, other)) {
                (Some((one, _)), Some((other, _))) => one == other,
                _ => false,
            })
        })
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

    /// Returns lines around a place, in order, each with how often it repeats where repeats are folded. What happened to several
    /// sources of a host at once is one line.
    pub fn around(&self, key: Key, before: usize, after: usize, fold: bool) -> Vec<(Record<'a>, u64)> {
        let rows = self.rows(key, (before, after + 1), (before, after), fold);
        // Lines that were put together left room for others.
        let joined = !fold && rows.iter().any(|(record, _)| record.together.len() > 1);
        if joined { self.rows(key, (before + FOLDED, after + FOLDED), (before, after), false) } else { rows }
    }

    fn rows(&self, key: Key, read: (usize, usize), room: (usize, usize), fold: bool) -> Vec<(Record<'a>, u64)> {
        let (more_before, more_after) = if fold { (FOLDED, FOLDED) } else { read };
        let mut refs = self.of.backward(key, more_before);
        let middle = refs.len();
        refs.extend(self.of.forward(key, more_after));
        let mut rows: Vec<Row> = Vec::new();
        let mut cursor_row = 0;
        for (number, at) in refs.into_iter().enumerate() {
            let template = if fold { self.shown.template(&at) } else { None };
            match rows.last_mut() {
                Some(last) if template.is_some() && last.template == template => last.times += 1,
                Some(last) if self.is_together(&last.at, &at) => last.others.push(at),
                _ => rows.push(Row { at, template, times: 1, others: Vec::new() }),
            }
            if number == middle {
                cursor_row = rows.len() - 1;
            }
            if number > middle && rows.len() > cursor_row + room.1 {
                break;
            }
        }
        let first = cursor_row.saturating_sub(room.0);
        rows.into_iter().skip(first).map(|row| self.read(row)).collect()
    }

    fn read(&self, row: Row) -> (Record<'a>, u64) {
        let Row { at, times, others, .. } = row;
        let mut record = self.shown.read(at);
        if !others.is_empty() {
            let name = |at: &RecordRef| {
                let source = self.shown.snapshot.source(at.segment.source(at.index));
                source.map(|source| std::sync::Arc::clone(&source.name))
            };
            record.together = std::iter::once(&record.at).chain(&others).filter_map(name).collect();
        }
        (record, times)
    }
}

/// A row of lines that are shown as one.
struct Row {
    at: RecordRef,
    template: Option<TemplateId>,
    times: u64,
    others: Vec<RecordRef>,
}

/// Finds the row that holds a record.
pub fn row_of(rows: &[(Record<'_>, u64)], key: Key) -> Option<usize> {
    rows.iter().rposition(|(record, _)| record.key <= key).or_else(|| (!rows.is_empty()).then_some(0))
}

/// Takes what happened from a line of the console's own, for a lost link and one that is there again: which it is, and in full but for
/// where each source resumed.
fn event<'a>(source: &Source, line: &'a [u8]) -> Option<(&'a str, &'a str)> {
    let says = std::str::from_utf8(line).ok()?.trim_end().strip_prefix(&*source.name)?;
    let says = says.strip_prefix(" on ")?.strip_prefix(source.host.as_ref()?.as_str())?.strip_prefix(": ")?;
    if says.starts_with("lost: ") {
        return Some((says, says));
    }
    let (all, _) = says.split_once(" resumed ")?;
    all.starts_with("reconnected after ").then_some(("reconnected", all))
}
