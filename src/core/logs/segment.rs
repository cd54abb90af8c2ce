//! A run of records in columns: immutable, shared by all threads.
//!
//! The text of all records stands in one arena, byte for byte as it came, so that a search goes over megabytes and not
//! over lines. Every record ends in `\n`; a text without `\n` is therefore never found across a border.
use std::{
    fmt,
    ops::Deref,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use super::{Level, Nanos, SourceId, format::Assume, format::Format, format::Head};

/// What is noted about a record besides its text, as bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Hash)]
pub struct Flags(pub u8);

impl Flags {
    /// It names no time: it has the one of the record before it, or of its arrival.
    pub const UNTIMED: Self = Self(1);
    /// It came after younger ones had been shown, and was inserted where it belongs.
    pub const LATE: Self = Self(2);
    /// Nobody's log has it: the console says that there is a gap, that lines were dropped, that a link was lost.
    pub const NOTICE: Self = Self(4);
    /// It was longer than what is kept; the rest is lost and was said so.
    pub const TRUNCATED: Self = Self(8);
    /// It came without the `\n` that its text ends with here: the last line of a file.
    pub const UNTERMINATED: Self = Self(16);

    /// Says whether all of the other's bits are set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Returns both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// Whole records of one source, to be made a segment of.
#[derive(Debug)]
pub struct Batch<'a> {
    /// Whose they are.
    pub source: SourceId,
    /// How they are read.
    pub format: &'a Format,
    /// What they leave out.
    pub assume: Assume,
    /// The text. The vector is kept, not copied.
    pub bytes: Vec<u8>,
    /// Where each record ends in `bytes`, behind its `\n`, where the source says so (an entry of Loki or journald may have
    /// many lines). Empty: the format splits them.
    pub ends: Vec<u32>,
    /// The records' times, where the source knows them better than the text. As many as records, or empty.
    pub times: Vec<Nanos>,
    /// Fields that are not in the text, as logfmt: the record's number in this batch, rising, and its fields.
    pub extras: Vec<(u32, String)>,
    /// Set on every record.
    pub flags: Flags,
    /// The time of the source's record before, for those that name none.
    pub previous: Option<Nanos>,
    /// Records before this moment are marked late.
    pub late_before: Option<Nanos>,
    /// Nanoseconds to add to the times that the text names: what its host's clock is off by.
    pub shift: i64,
}

impl<'a> Batch<'a> {
    /// Makes a batch that the format splits and reads.
    pub fn new(source: SourceId, format: &'a Format, assume: Assume, bytes: Vec<u8>) -> Self {
        Self {
            source,
            format,
            assume,
            bytes,
            ends: Vec::new(),
            times: Vec::new(),
            extras: Vec::new(),
            flags: Flags::default(),
            previous: None,
            late_before: None,
            shift: 0,
        }
    }
}

/// Records in the order in which they came.
pub struct Segment {
    pub(super) id: u64,
    pub(super) base: u64,
    pub(super) parts: Vec<(u64, usize)>,
    text: Text,
    columns: Arc<Columns>,
}

/// What a segment has besides its text.
#[derive(Debug, Default)]
struct Columns {
    /// Where each record begins, and at last where the text ends.
    bounds: Vec<u32>,
    times: Times,
    order: Order,
    levels: Vec<u8>,
    sources: Sources,
    /// Empty where no record has one; the same with the next two.
    statuses: Vec<u16>,
    durations: Vec<u32>,
    flags: Vec<u8>,
    extras: Extras,
    first: Nanos,
    last: Nanos,
    by_level: [u32; 8],
    lines: usize,
    has_notices: bool,
}

/// Times as four bytes where a common unit allows it.
#[derive(Debug)]
enum Times {
    Scaled { base: i64, unit: i64, offsets: Vec<u32> },
    Full(Vec<i64>),
}

impl Default for Times {
    fn default() -> Self {
        Self::Full(Vec::new())
    }
}

/// Records by time; the same time in the order of arrival.
#[derive(Debug, Default)]
enum Order {
    #[default]
    Arrival,
    Short(Vec<u16>),
    Long(Vec<u32>),
}

#[derive(Debug)]
enum Sources {
    One(u16),
    Few { table: Vec<u16>, each: Vec<u8> },
    Each(Vec<u16>),
}

impl Default for Sources {
    fn default() -> Self {
        Self::One(0)
    }
}

#[derive(Debug, Default)]
struct Extras {
    text: String,
    /// Record and end in `text`.
    ends: Vec<(u32, u32)>,
}

/// Text as it came, or packed.
enum Text {
    Plain(Vec<u8>),
    Packed(Packed),
}

struct Packed {
    bytes: Vec<u8>,
    len: usize,
    /// Unpacked text that somebody still holds.
    held: Mutex<Weak<Vec<u8>>>,
    recent: Arc<Recent>,
}

/// The texts that were unpacked last, so that paging through old records does not unpack each time.
#[derive(Debug, Default)]
pub(super) struct Recent(Mutex<Vec<Arc<Vec<u8>>>>);

/// How many unpacked texts are kept.
const RECENT: usize = 4;

impl Recent {
    fn keep(&self, text: Arc<Vec<u8>>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.insert(0, text);
        kept.truncate(RECENT);
    }

    /// Bytes that it holds.
    pub(super) fn bytes(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().map(|text| text.capacity()).sum()
    }
}

/// A segment's text, to be read.
pub enum TextRef<'a> {
    /// It stands in the segment.
    Plain(&'a [u8]),
    /// It was unpacked.
    Unpacked(Arc<Vec<u8>>),
}

impl Deref for TextRef<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Plain(text) => text,
            Self::Unpacked(text) => text,
        }
    }
}

impl Segment {
    /// Splits a batch into records and reads their columns. Takes as long as the format needs; pure, so many may be
    /// made at the same time.
    pub fn parse(batch: Batch<'_>) -> Self {
        let mut maker = Maker::new(&batch);
        let Batch { mut bytes, ends, .. } = batch;
        let unterminated = bytes.last().is_some_and(|last| *last != b'\n');
        if unterminated {
            bytes.push(b'\n');
        }
        if ends.is_empty() {
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
        let Batch { mut bytes, .. } = batch;
        let unterminated = bytes.last().is_some_and(|last| *last != b'\n');
        if unterminated {
            bytes.push(b'\n');
        }
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

    /// Puts neighbours together, which must come one after the other and be unpacked.
    pub(super) fn join(id: u64, parts: &[Arc<Self>]) -> Self {
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
            if part.parts.is_empty() { own.to_vec() } else { part.parts.clone() }
        });
        Self { id, base, parts: known.collect(), text: Text::Plain(text), columns: Arc::new(maker.columns()) }
    }

    /// Makes the same segment with its text packed.
    pub(super) fn packed(&self, recent: &Arc<Recent>) -> Option<Self> {
        let Text::Plain(text) = &self.text else { return None };
        let mut bytes = lz4_flex::block::compress(text);
        bytes.shrink_to_fit();
        let packed = Packed { bytes, len: text.len(), held: Mutex::default(), recent: Arc::clone(recent) };
        let (parts, columns) = (self.parts.clone(), Arc::clone(&self.columns));
        Some(Self { id: self.id, base: self.base, parts, text: Text::Packed(packed), columns })
    }

    /// Its number; the same records never change under a number.
    pub fn id(&self) -> u64 {
        self.id
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

impl Packed {
    fn unpack(&self, keep: bool) -> Arc<Vec<u8>> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(text) = held.upgrade() {
            return text;
        }
        // What was packed here always unpacks; should it not, the records would read empty rather than end the console.
        let text = Arc::new(lz4_flex::block::decompress(&self.bytes, self.len).unwrap_or_default());
        *held = Arc::downgrade(&text);
        if keep {
            self.recent.keep(Arc::clone(&text));
        }
        text
    }
}

impl Times {
    #[inline]
    fn get(&self, record: usize) -> Nanos {
        Nanos(match self {
            Self::Scaled { base, unit, offsets } => {
                base + i64::from(offsets.get(record).copied().unwrap_or_default()) * unit
            }
            Self::Full(times) => times.get(record).copied().unwrap_or_default(),
        })
    }
}

impl Columns {
    /// Packs the times and finds their order.
    fn set_times(&mut self, times: Vec<i64>, ordered: bool) {
        let (first, last) =
            times.iter().fold((i64::MAX, i64::MIN), |(low, high), time| (low.min(*time), high.max(*time)));
        (self.first, self.last) = if times.is_empty() { (Nanos(0), Nanos(0)) } else { (Nanos(first), Nanos(last)) };
        if !ordered {
            self.times = Times::Full(times);
            return;
        }
        let is_sorted = times.is_sorted();
        let range = last.checked_sub(first).unwrap_or(i64::MAX);
        let unit = [Nanos::SECOND, Nanos::MILLI, 1_000, 1]
            .into_iter()
            .find(|unit| range / unit <= i64::from(u32::MAX) && times.iter().all(|time| (time - first) % unit == 0));
        self.times = match unit {
            Some(unit) if range != i64::MAX => {
                let offsets = times.iter().map(|time| u32::try_from((time - first) / unit).unwrap_or(u32::MAX));
                Times::Scaled { base: first, unit, offsets: offsets.collect() }
            }
            _ => Times::Full(times),
        };
        self.order = if is_sorted { Order::Arrival } else { self.sorted() };
    }

    fn sorted(&self) -> Order {
        let len = index32(self.levels.len());
        let order: Vec<u32> = match &self.times {
            Times::Scaled { offsets, .. } => {
                // Time above, number below: an unstable sort of numbers is a stable sort by time.
                let mut keys: Vec<u64> =
                    offsets.iter().zip(0..len).map(|(time, at)| u64::from(*time) << 32 | u64::from(at)).collect();
                keys.sort_unstable();
                keys.into_iter().map(|key| u32::try_from(key & u64::from(u32::MAX)).unwrap_or(0)).collect()
            }
            Times::Full(times) => {
                let mut keys: Vec<(i64, u32)> = times.iter().copied().zip(0..len).collect();
                keys.sort_unstable();
                keys.into_iter().map(|(_, at)| at).collect()
            }
        };
        if order.len() <= usize::from(u16::MAX) + 1 {
            return Order::Short(order.into_iter().map(|at| u16::try_from(at).unwrap_or(0)).collect());
        }
        Order::Long(order)
    }
}

/// Columns while they are written.
struct Maker<'a> {
    format: Option<&'a Format>,
    assume: Option<Assume>,
    given_times: Vec<Nanos>,
    set: Flags,
    previous: Option<Nanos>,
    late_before: Option<Nanos>,
    shift: i64,
    bounds: Vec<u32>,
    times: Vec<i64>,
    levels: Vec<u8>,
    source: u16,
    sources: Vec<u16>,
    statuses: Vec<u16>,
    durations: Vec<u32>,
    flags: Vec<u8>,
    extras: Extras,
    lines: usize,
    columns_wanted: bool,
    ordered: bool,
    /// Records at the begin whose time is not known yet.
    waiting: usize,
}

impl<'a> Maker<'a> {
    fn with_capacity(records: usize) -> Self {
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

    fn new(batch: &Batch<'a>) -> Self {
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

    fn split(&mut self, bytes: &[u8]) {
        let Some(format) = self.format else { return };
        let multi_line = format.is_multi_line();
        let (mut start, mut line_start) = (0, 0);
        for newline in memchr::memchr_iter(b'\n', bytes) {
            self.lines += 1;
            if multi_line {
                let line = bytes.get(line_start..newline).unwrap_or_default();
                let before = bytes.get(start..line_start.saturating_sub(1)).unwrap_or_default();
                if line_start > start && !format.continues(before, line) {
                    self.record(bytes, start, line_start);
                    start = line_start;
                }
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

    fn given(&mut self, bytes: &[u8], ends: &[u32]) {
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

    fn done(mut self, mut text: Vec<u8>, unterminated: bool) -> Segment {
        if unterminated && let Some(last) = self.flags.last_mut() {
            *last |= Flags::UNTERMINATED.0;
        }
        // A copy is dearer than some spare room; half of it is not some.
        if text.capacity() > text.len() + text.len() / 8 + 64 {
            text.shrink_to_fit();
        }
        let columns = Arc::new(self.columns());
        Segment { id: 0, base: 0, parts: Vec::new(), text: Text::Plain(text), columns }
    }

    fn columns(self) -> Columns {
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

impl Sources {
    fn of(each: &[u16]) -> Self {
        let mut table = each.to_vec();
        table.sort_unstable();
        table.dedup();
        table.shrink_to_fit();
        if let [one] = *table {
            return Self::One(one);
        }
        if table.len() > 256 {
            return Self::Each(each.to_vec());
        }
        let index = |source: &u16| table.binary_search(source).map_or(0, |at| u8::try_from(at).unwrap_or(0));
        Self::Few { each: each.iter().map(index).collect(), table }
    }
}

trait Absent: Copy + PartialEq {
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

fn fill<T: Absent>(into: &mut Vec<T>, from: &[T], len: usize) {
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

/// Segments are cut long before four gigabytes.
fn index32(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}
