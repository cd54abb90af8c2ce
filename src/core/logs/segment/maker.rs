//! Reads a batch to columns.
use std::sync::Arc;

use super::{
    super::{
        Nanos,
        format::{Assume, Format, Head, records::MOST_LINES},
    },
    Batch, Flags, Segment,
    columns::{Columns, Extras, Sources, index32},
    text::Text,
};

/// Columns while they are written.
pub(super) struct Maker<'a> {
    format: Option<&'a Format>,
    assume: Option<Assume>,
    given_times: Vec<Nanos>,
    set: Flags,
    previous: Option<Nanos>,
    late_before: Option<Nanos>,
    shift: i64,
    pub(super) bounds: Vec<u32>,
    pub(super) times: Vec<i64>,
    pub(super) levels: Vec<u8>,
    source: u16,
    pub(super) sources: Vec<u16>,
    pub(super) statuses: Vec<u16>,
    pub(super) durations: Vec<u32>,
    pub(super) flags: Vec<u8>,
    pub(super) extras: Extras,
    pub(super) lines: usize,
    pub(super) columns_wanted: bool,
    pub(super) ordered: bool,
    /// Records at the begin whose time is not known yet.
    waiting: usize,
}

impl<'a> Maker<'a> {
    pub(super) fn with_capacity(records: usize) -> Self {
        let mut bounds = Vec::with_capacity(records + 1);
        bounds.push(0);
        Self {
            format: None,
            assume: None,
            given_times: Vec::new(),
            set: Flags::default(),
            previous: None,
            late_before: None,
            shift: 0,
            bounds,
            times: Vec::with_capacity(records),
            levels: Vec::with_capacity(records),
            source: 0,
            sources: Vec::new(),
            statuses: Vec::with_capacity(records),
            durations: Vec::with_capacity(records),
            flags: Vec::with_capacity(records),
            extras: Extras::default(),
            lines: 0,
            columns_wanted: true,
            ordered: true,
            waiting: 0,
        }
    }

    pub(super) fn new(batch: &Batch<'a>) -> Self {
        let mut extras = Extras::default();
        for (record, fields) in &batch.extras {
            extras.text.push_str(fields);
            extras.ends.push((*record, index32(extras.text.len())));
        }
        // A guess that most logs meet; what it misses by is given back at the end.
        let records = if batch.ends.is_empty() { batch.bytes.len() / 128 } else { batch.ends.len() };
        Self {
            format: Some(batch.format),
            assume: Some(batch.assume),
            given_times: batch.times.clone(),
            set: batch.flags,
            previous: batch.previous,
            late_before: batch.late_before,
            shift: batch.shift,
            source: batch.source.0,
            extras,
            ..Self::with_capacity(records)
        }
    }

    /// Splits text where its format says that records begin; what has more than [`MOST_LINES`] lines is cut after so many.
    pub(super) fn split(&mut self, bytes: &[u8]) {
        let Some(format) = self.format else { return };
        let multi_line = format.is_multi_line();
        let (mut start, mut line_start, mut lines) = (0, 0, 0);
        for newline in memchr::memchr_iter(b'\n', bytes) {
            self.lines += 1;
            if multi_line {
                let line = bytes.get(line_start..newline).unwrap_or_default();
                let before = bytes.get(start..line_start.saturating_sub(1)).unwrap_or_default();
                if line_start > start && (lines >= MOST_LINES || !format.continues(before, line)) {
                    self.record(bytes, start, line_start);
                    (start, lines) = (line_start, 0);
                }
                lines += 1;
                line_start = newline + 1;
            } else {
                self.record(bytes, start, newline + 1);
                start = newline + 1;
            }
        }
        if start < bytes.len() {
            self.record(bytes, start, bytes.len());
        }
    }

    pub(super) fn given(&mut self, bytes: &[u8], ends: &[u32]) {
        let mut start = 0;
        for end in ends {
            let end = (*end as usize).min(bytes.len());
            if end > start {
                self.record(bytes, start, end);
                start = end;
            }
        }
        if start < bytes.len() {
            self.record(bytes, start, bytes.len());
        }
        self.lines = memchr::memchr_iter(b'\n', bytes).count();
    }

    fn record(&mut self, bytes: &[u8], start: usize, end: usize) {
        let record = bytes.get(start..end - 1).unwrap_or_default();
        let head = match (self.format, self.assume) {
            (Some(format), Some(assume)) if self.columns_wanted => format.head(record, assume),
            _ => Head { duration_us: u32::MAX, ..Head::default() },
        };
        let number = self.levels.len();
        let given = self.given_times.get(number).copied();
        let mut flags = self.set;
        let time = if let Some(time) = given.or(head.time.map(|time| Nanos(time.0.saturating_add(self.shift)))) {
            if self.waiting > 0 && self.previous.is_none() {
                self.times.fill(time.0);
            }
            self.waiting = 0;
            self.previous = Some(time);
            time
        } else {
            flags = flags.and(Flags::UNTIMED);
            self.waiting += usize::from(self.previous.is_none());
            self.previous.or(self.assume.map(|assume| assume.now)).unwrap_or_default()
        };
        if self.late_before.is_some_and(|before| time < before) {
            flags = flags.and(Flags::LATE);
        }
        self.bounds.push(index32(end));
        self.times.push(time.0);
        self.levels.push(head.level as u8);
        self.statuses.push(head.status);
        self.durations.push(head.duration_us);
        self.flags.push(flags.0);
    }

    pub(super) fn done(mut self, mut text: Vec<u8>, unterminated: bool) -> Segment {
        if unterminated && let Some(last) = self.flags.last_mut() {
            *last |= Flags::UNTERMINATED.0;
        }
        // A copy is dearer than some spare room; half of it is not some.
        if text.capacity() > text.len() + text.len() / 8 + 64 {
            text.shrink_to_fit();
        }
        let columns = Arc::new(self.columns());
        Segment { id: 0, base: 0, parts: Vec::new(), search: 0, text: Text::Plain(text), columns }
    }

    pub(super) fn columns(self) -> Columns {
        let mut by_level = [0; 8];
        for level in &self.levels {
            if let Some(count) = by_level.get_mut(usize::from(*level)) {
                *count += 1;
            }
        }
        let has_notices = self.flags.iter().any(|flags| Flags(*flags).contains(Flags::NOTICE));
        let mut columns = Columns {
            bounds: exact(self.bounds),
            levels: exact(self.levels),
            sources: if self.sources.is_empty() { Sources::One(self.source) } else { Sources::of(&self.sources) },
            statuses: exact_unless(self.statuses, 0),
            durations: exact_unless(self.durations, u32::MAX),
            flags: exact_unless(self.flags, 0),
            extras: self.extras,
            by_level,
            lines: self.lines,
            has_notices,
            ..Columns::default()
        };
        columns.set_times(self.times, self.ordered);
        columns
    }
}

pub(super) trait Absent: Copy + PartialEq {
    const ABSENT: Self;
}

impl Absent for u16 {
    const ABSENT: Self = 0;
}

impl Absent for u32 {
    const ABSENT: Self = Self::MAX;
}

impl Absent for u8 {
    const ABSENT: Self = 0;
}

pub(super) fn fill<T: Absent>(into: &mut Vec<T>, from: &[T], len: usize) {
    into.extend_from_slice(from);
    if from.is_empty() {
        into.resize(into.len() + len, T::ABSENT);
    }
}

fn exact<T>(mut column: Vec<T>) -> Vec<T> {
    column.shrink_to_fit();
    column
}

fn exact_unless<T: PartialEq>(column: Vec<T>, absent: T) -> Vec<T> {
    if column.iter().all(|value| *value == absent) { Vec::new() } else { exact(column) }
}
