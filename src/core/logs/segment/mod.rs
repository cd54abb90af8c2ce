//! A run of records in columns: immutable, shared by all threads.
//!
//! The text of all records stands in one arena, byte for byte as it came, so that a search goes over megabytes and not
//! over lines. Every record ends in `\n`; a text without `\n` is therefore never found across a border.
use std::{
    fmt,
    sync::{Arc, Mutex},
};

use super::{Level, Nanos, SourceId};

mod batch;
mod columns;
mod maker;
mod text;

pub use batch::{Batch, Flags};
pub(super) use text::Recent;
pub use text::TextRef;

use columns::{Columns, Extras, Order, Sources, Times, index32};
use maker::{Maker, fill};
use text::{Packed, Text};

/// Records in the order in which they came.
pub struct Segment {
    pub(super) id: u64,
    pub(super) base: u64,
    parts: Vec<(u64, usize)>,
    /// The search that found its records, of lines that are not all there; zero: they are all that were written.
    pub(super) search: u32,
    text: Text,
    columns: Arc<Columns>,
}

impl Segment {
    /// Splits a batch into records, of [`MOST_LINES`](super::format::records::MOST_LINES) lines at most unless the source says where
    /// they end, and reads their columns. Takes as long as the format needs; pure, so many may be
    /// made at the same time.
    pub fn parse(batch: Batch<'_>) -> Self {
        let mut maker = Maker::new(&batch);
        let Batch { mut bytes, ends, format, .. } = batch;
        let unterminated = bytes.last().is_some_and(|last| *last != b'\n');
        if unterminated {
            bytes.push(b'\n');
        }
        if ends.is_empty() {
            bytes = format.gather(&bytes).map_or(bytes, |gathered| gathered.bytes);
            maker.split(&bytes);
        } else {
            maker.given(&bytes, &ends);
        }
        maker.done(bytes, unterminated)
    }

    /// As [`Segment::parse`], but only to be matched and let go: it knows no order of time, and without `columns` no level,
    /// status, time and duration either.
    pub fn parse_to_match(batch: Batch<'_>, columns: bool) -> Self {
        let mut maker = Maker::new(&batch);
        maker.columns_wanted = columns;
        maker.ordered = false;
        let Batch { mut bytes, format, .. } = batch;
        let unterminated = bytes.last().is_some_and(|last| *last != b'\n');
        if unterminated {
            bytes.push(b'\n');
        }
        bytes = format.gather(&bytes).map_or(bytes, |gathered| gathered.bytes);
        maker.split(&bytes);
        maker.done(bytes, unterminated)
    }

    /// Gives its text back, so that the room can be used again.
    pub fn into_text(self) -> Vec<u8> {
        match self.text {
            Text::Plain(text) => text,
            Text::Packed(_) => Vec::new(),
        }
    }

    /// Puts neighbours together, which must come one after the other and be unpacked. Those with numbers above `seen` were
    /// seen by nobody: their parts count instead of them.
    pub(super) fn join(id: u64, parts: &[Arc<Self>], seen: u64) -> Self {
        let records = parts.iter().map(|part| part.len()).sum();
        let mut text = Vec::with_capacity(parts.iter().map(|part| part.text_len()).sum());
        let mut maker = Maker::with_capacity(records);
        for part in parts {
            let columns = &*part.columns;
            let (offset, before) = (index32(text.len()), index32(maker.levels.len()));
            maker.bounds.extend(columns.bounds.iter().skip(1).map(|bound| bound + offset));
            maker.times.extend((0..part.len()).map(|index| part.time(index).0));
            maker.levels.extend_from_slice(&columns.levels);
            maker.sources.extend((0..part.len()).map(|index| part.source(index).0));
            fill(&mut maker.statuses, &columns.statuses, part.len());
            fill(&mut maker.durations, &columns.durations, part.len());
            fill(&mut maker.flags, &columns.flags, part.len());
            let extra_before = index32(maker.extras.text.len());
            maker.extras.text.push_str(&columns.extras.text);
            let ends = columns.extras.ends.iter().map(|(record, end)| (record + before, end + extra_before));
            maker.extras.ends.extend(ends);
            maker.lines += columns.lines;
            text.extend_from_slice(&part.text());
        }
        let base = parts.first().map_or(0, |part| part.base);
        let known = parts.iter().flat_map(|part| {
            let own = [(part.id, part.len())];
            if part.id <= seen || part.parts.is_empty() { own.to_vec() } else { part.parts.clone() }
        });
        let search = parts.first().map_or(0, |part| part.search);
        Self { id, base, parts: known.collect(), search, text: Text::Plain(text), columns: Arc::new(maker.columns()) }
    }

    /// Makes the same segment under another number, because its records are read otherwise now.
    pub(super) fn renumbered(&self, id: u64) -> Self {
        let text = Text::Plain(self.text_once().to_vec());
        Self { id, base: self.base, parts: Vec::new(), search: self.search, text, columns: Arc::clone(&self.columns) }
    }

    /// Says whether any record is a source's.
    pub(super) fn is_of(&self, source: SourceId) -> bool {
        match &self.columns.sources {
            Sources::One(only) => *only == source.0,
            Sources::Few { table, .. } => table.contains(&source.0),
            Sources::Each(each) => each.contains(&source.0),
        }
    }

    /// Makes the same segment with its text packed.
    pub(super) fn packed(&self, recent: &Arc<Recent>) -> Option<Self> {
        let Text::Plain(text) = &self.text else { return None };
        let mut bytes = lz4_flex::block::compress(text);
        bytes.shrink_to_fit();
        let packed = Packed { bytes, len: text.len(), held: Mutex::default(), recent: Arc::clone(recent) };
        let (parts, columns) = (self.parts.clone(), Arc::clone(&self.columns));
        Some(Self { id: self.id, base: self.base, parts, search: self.search, text: Text::Packed(packed), columns })
    }

    /// When the oldest of the records that tell their time was written.
    pub fn first_timed(&self) -> Option<Nanos> {
        let timed = (0..self.len()).filter(|record| !self.flags(*record).contains(Flags::UNTIMED));
        timed.map(|record| self.time(record)).min()
    }

    /// The segments that it was merged of, and how many records each has.
    pub(super) fn parts(&self) -> &[(u64, usize)] {
        &self.parts
    }

    /// Its number; the same records never change under a number.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Says whether it is what a search at the source found: lines between its records were left out there.
    pub fn is_partial(&self) -> bool {
        self.search != 0
    }

    /// How many records came before its first.
    pub fn base(&self) -> u64 {
        self.base
    }

    /// How many records it has.
    pub fn len(&self) -> usize {
        self.columns.levels.len()
    }

    /// Says whether it has none.
    pub fn is_empty(&self) -> bool {
        self.columns.levels.is_empty()
    }

    /// How many lines as they came; a record may have many.
    pub fn lines(&self) -> usize {
        self.columns.lines
    }

    /// The earliest time.
    pub fn first(&self) -> Nanos {
        self.columns.first
    }

    /// The latest time.
    pub fn last(&self) -> Nanos {
        self.columns.last
    }

    /// How many records of each level, as in [`Level::ALL`].
    pub fn by_level(&self) -> [u32; 8] {
        self.columns.by_level
    }

    /// Says whether its text is packed.
    pub fn is_packed(&self) -> bool {
        matches!(self.text, Text::Packed(_))
    }

    /// Its whole text; each record ends in `\n`. Unpacks it where it is packed, and keeps what was unpacked for a while.
    pub fn text(&self) -> TextRef<'_> {
        match &self.text {
            Text::Plain(text) => TextRef::Plain(text),
            Text::Packed(packed) => TextRef::Unpacked(packed.unpack(true)),
        }
    }

    /// As [`Segment::text`] for who reads all segments one after the other: what was unpacked is not kept.
    pub fn text_once(&self) -> TextRef<'_> {
        match &self.text {
            Text::Plain(text) => TextRef::Plain(text),
            Text::Packed(packed) => TextRef::Unpacked(packed.unpack(false)),
        }
    }

    /// Bytes of its text unpacked.
    pub fn text_len(&self) -> usize {
        match &self.text {
            Text::Plain(text) => text.len(),
            Text::Packed(packed) => packed.len,
        }
    }

    /// Bytes that it holds, text and columns, as allocated.
    pub fn bytes(&self) -> usize {
        let text = match &self.text {
            Text::Plain(text) => text.capacity(),
            Text::Packed(packed) => packed.bytes.capacity(),
        };
        text + self.overhead()
    }

    /// Bytes that it holds besides its text.
    pub fn overhead(&self) -> usize {
        let columns = &*self.columns;
        let times = match &columns.times {
            Times::Scaled { offsets, .. } => offsets.capacity() * 4,
            Times::Full(times) => times.capacity() * 8,
        };
        let order = match &columns.order {
            Order::Arrival => 0,
            Order::Short(order) => order.capacity() * 2,
            Order::Long(order) => order.capacity() * 4,
        };
        let sources = match &columns.sources {
            Sources::One(_) => 0,
            Sources::Few { table, each } => table.capacity() * 2 + each.capacity(),
            Sources::Each(each) => each.capacity() * 2,
        };
        let optional = columns.statuses.capacity() * 2 + columns.durations.capacity() * 4 + columns.flags.capacity();
        let extras = columns.extras.text.capacity() + columns.extras.ends.capacity() * 8;
        let fixed = size_of::<Self>() + size_of::<Columns>() + self.parts.capacity() * 16;
        fixed + columns.bounds.capacity() * 4 + times + order + columns.levels.capacity() + sources + optional + extras
    }

    /// When a record says it was written.
    #[inline]
    pub fn time(&self, record: usize) -> Nanos {
        self.columns.times.get(record)
    }

    /// A record's level.
    #[inline]
    pub fn level(&self, record: usize) -> Level {
        Level::from_index(self.columns.levels.get(record).copied().unwrap_or_default())
    }

    /// Every record's level by its number in [`Level::ALL`].
    pub fn levels(&self) -> &[u8] {
        &self.columns.levels
    }

    /// Whose a record is.
    #[inline]
    pub fn source(&self, record: usize) -> SourceId {
        SourceId(match &self.columns.sources {
            Sources::One(source) => *source,
            Sources::Few { table, each } => {
                each.get(record).and_then(|index| table.get(usize::from(*index))).copied().unwrap_or_default()
            }
            Sources::Each(each) => each.get(record).copied().unwrap_or_default(),
        })
    }

    /// Whose all records are, where they are one source's.
    pub fn only_source(&self) -> Option<SourceId> {
        match &self.columns.sources {
            Sources::One(source) => Some(SourceId(*source)),
            Sources::Few { .. } | Sources::Each(_) => None,
        }
    }

    /// Every record's HTTP status, zero where it has none; empty where no record has one.
    pub fn statuses(&self) -> &[u16] {
        &self.columns.statuses
    }

    /// Every record's duration in microseconds, `u32::MAX` where it has none; empty where no record has one.
    pub fn durations(&self) -> &[u32] {
        &self.columns.durations
    }

    /// A record's HTTP status.
    pub fn status(&self, record: usize) -> Option<u16> {
        self.columns.statuses.get(record).copied().filter(|status| *status != 0)
    }

    /// A record's duration in microseconds.
    pub fn duration_us(&self, record: usize) -> Option<u32> {
        self.columns.durations.get(record).copied().filter(|duration| *duration != u32::MAX)
    }

    /// What is noted about a record.
    pub fn flags(&self, record: usize) -> Flags {
        Flags(self.columns.flags.get(record).copied().unwrap_or_default())
    }

    /// Says whether any record is a line of the console's own.
    pub fn has_notices(&self) -> bool {
        self.columns.has_notices
    }

    /// A record's fields that are not in its text, as logfmt.
    pub fn extras(&self, record: usize) -> Option<&str> {
        let Extras { text, ends } = &self.columns.extras;
        let at = ends.binary_search_by_key(&index32(record), |(record, _)| *record).ok()?;
        let end = ends.get(at)?.1 as usize;
        let start = at.checked_sub(1).and_then(|before| ends.get(before)).map_or(0, |(_, end)| *end as usize);
        text.get(start..end)
    }

    /// Says whether any record has fields that are not in its text.
    pub fn has_extras(&self) -> bool {
        !self.columns.extras.ends.is_empty()
    }

    /// Where records begin in the text, and at last where it ends.
    pub fn bounds(&self) -> &[u32] {
        &self.columns.bounds
    }

    /// Where a record stands in the text, without its last `\n`.
    #[inline]
    pub fn span(&self, record: usize) -> std::ops::Range<usize> {
        let bound = |index: usize| self.columns.bounds.get(index).map_or(0, |bound| *bound as usize);
        let start = bound(record);
        start..bound(record + 1).saturating_sub(1).max(start)
    }

    /// Says whether arrival is the order of time too.
    pub fn is_sorted(&self) -> bool {
        matches!(self.columns.order, Order::Arrival)
    }

    /// Returns the record at a place in the order of time.
    #[inline]
    pub fn at(&self, place: usize) -> usize {
        match &self.columns.order {
            Order::Arrival => place,
            Order::Short(order) => order.get(place).copied().map_or(place, usize::from),
            Order::Long(order) => order.get(place).copied().map_or(place, |record| record as usize),
        }
    }

    /// Gives the records at its begin that name no time the one of the source's record before them.
    pub fn inherit(&mut self, previous: Nanos) {
        let leading = self.columns.flags.iter().take_while(|flags| Flags(**flags).contains(Flags::UNTIMED)).count();
        let Some(columns) = Arc::get_mut(&mut self.columns) else { return };
        if leading > 0 {
            let len = columns.levels.len();
            let times = (0..len).map(|at| if at < leading { previous.0 } else { columns.times.get(at).0 }).collect();
            columns.set_times(times, true);
        }
    }

    /// The time of the last record in the order of arrival.
    pub fn newest(&self) -> Option<Nanos> {
        self.len().checked_sub(1).map(|last| self.time(last))
    }

    /// Says whether any record names its time.
    pub fn is_timed(&self) -> bool {
        self.columns.flags.len() < self.len()
            || self.columns.flags.iter().any(|flags| !Flags(*flags).contains(Flags::UNTIMED))
    }
}

impl fmt::Debug for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = f.debug_struct("Segment");
        fields.field("id", &self.id).field("base", &self.base).field("records", &self.len());
        fields.field("first", &self.first()).field("last", &self.last()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::logs::format::{Assume, Format, Spec, records};

    #[test]
    fn what_never_ends_is_cut_as_records_are() {
        let spec: Spec = toml::from_str(include_str!("../../../config/formats/java.toml")).unwrap();
        let format = Format::compile("java", &spec).unwrap();
        let assume = Assume { zone: chrono_tz::UTC, now: Nanos(0) };
        for lines in [999, 1_000, 1_001, 2_500] {
            let text = format!("2026-11-20 10:00:00 ERROR x\n{}", "    at a.b(C.java:1)\n".repeat(lines - 1));
            let segment = Segment::parse(Batch::new(SourceId(0), &format, assume, text.clone().into_bytes()));
            let each: Vec<&[u8]> = records::records(&format, text.as_bytes()).collect();
            let all = segment.text();
            let own: Vec<&[u8]> = (0..segment.len()).map(|record| &all[segment.span(record)]).collect();
            assert_eq!(own, each);
            assert_eq!((segment.len(), segment.lines()), (lines.div_ceil(1_000), lines));
        }
    }
}
