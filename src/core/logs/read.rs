//! Reading a snapshot in the order of time: windows, steps, the next of something, counts over time.
//!
//! Segments overlap in time and each is in its own order; what is shown is merged as it is read, a window at a time.
use std::{cmp::Ordering, ops::RangeInclusive, sync::Arc};

use rayon::prelude::*;

use super::{
    Level, Nanos, Source,
    bitmap::{Bitmap, Bits},
    buffer::Snapshot,
    segment::{Flags, Segment},
};

/// A place in the merged order of all records: by time, then by arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Key {
    /// When it was written.
    pub time: Nanos,
    /// Which of those it is, by arrival.
    pub order: u64,
}

/// A record of a snapshot.
#[derive(Clone, Debug)]
pub struct RecordRef {
    /// Its segment.
    pub segment: Arc<Segment>,
    /// Its number there.
    pub index: usize,
}

impl RecordRef {
    /// Where it is in the merged order.
    pub fn key(&self) -> Key {
        key_of(&self.segment, self.index)
    }

    /// Its raw bytes, without the last `\n`.
    pub fn with_bytes<T>(&self, read: impl FnOnce(&[u8]) -> T) -> T {
        let text = self.segment.text();
        read(text.get(self.segment.span(self.index)).unwrap_or_default())
    }

    /// What is noted about it.
    pub fn flags(&self) -> Flags {
        self.segment.flags(self.index)
    }
}

fn key_of(segment: &Segment, index: usize) -> Key {
    Key { time: segment.time(index), order: segment.base() + index as u64 }
}

/// Records of a snapshot that match something: a set per segment.
#[derive(Clone, Debug, Default)]
pub struct Matches {
    /// The segments, each with its set; in the order of the snapshot.
    pub sets: Vec<(Arc<Segment>, Arc<Bitmap>)>,
    /// How many match, lines of the console's own included.
    pub total: u64,
    /// How many of those are the console's own: gaps, reconnects. They pass every filter, and are lines of no log.
    pub notices: u64,
}

/// Packed segments that are read for what is said of the newest records.
const PACKED: usize = 2;

impl Matches {
    /// Makes it of sets.
    pub fn new(sets: Vec<(Arc<Segment>, Arc<Bitmap>)>) -> Self {
        let total = sets.iter().map(|(_, set)| set.count() as u64).sum();
        let notices = sets.iter().map(|(segment, set)| notices(segment, set).count() as u64).sum();
        Self { sets, total, notices }
    }

    /// How many lines of logs match.
    pub fn lines(&self) -> u64 {
        self.total - self.notices
    }

    /// How many of them were searched at their source, where others were left out.
    pub fn found(&self) -> u64 {
        let partial = self.sets.iter().filter(|(segment, _)| segment.is_partial());
        partial.map(|(segment, set)| (set.count() - notices(segment, set).count()) as u64).sum()
    }

    /// How many lines of logs match that came at or after a place in the order of arrival.
    pub fn came_since(&self, order: u64) -> u64 {
        let since = |(segment, set): &(Arc<Segment>, Arc<Bitmap>)| {
            let before = usize::try_from(order.saturating_sub(segment.base())).unwrap_or(usize::MAX).min(segment.len());
            let own = notices(segment, set).filter(|index| *index >= before).count();
            (set.count() - set.rank(before) - own) as u64
        };
        self.sets.iter().map(since).sum()
    }

    /// Those lines of logs that another set has too.
    #[must_use]
    pub fn both(&self, other: &Self) -> Self {
        let both = self.sets.iter().filter_map(|(segment, set)| {
            let (_, other) = other.sets.iter().find(|(of, _)| of.id() == segment.id())?;
            Some((Arc::clone(segment), Arc::new(set.and(other))))
        });
        Self::new(both.collect()).of_logs()
    }

    /// Those that are lines of logs: what is counted, grouped and exported.
    #[must_use]
    pub fn of_logs(&self) -> Self {
        if self.notices == 0 {
            return self.clone();
        }
        let lines = |(segment, set): &(Arc<Segment>, Arc<Bitmap>)| {
            let mut own = Bits::none(segment.len());
            notices(segment, set).for_each(|index| own.set(index));
            (Arc::clone(segment), Arc::new(set.without(&own.done())))
        };
        Self::new(self.sets.iter().map(lines).collect())
    }

    /// Those of the newest segments, until there are so many; of packed segments only a few are taken, as each must be
    /// unpacked to be read.
    #[must_use]
    pub fn newest(&self, most: u64) -> Self {
        let (mut sets, mut total, mut packed) = (Vec::new(), 0, 0);
        for (segment, set) in self.sets.iter().rev().filter(|(_, set)| set.count() > 0) {
            packed += usize::from(segment.is_packed());
            if total >= most || packed > PACKED {
                break;
            }
            total += set.count() as u64;
            sets.push((Arc::clone(segment), Arc::clone(set)));
        }
        sets.reverse();
        Self::new(sets)
    }

    /// Makes the set of all records.
    pub fn all(snapshot: &Snapshot) -> Self {
        let all = |segment: &Arc<Segment>| (Arc::clone(segment), Arc::new(Bitmap::full(segment.len())));
        Self::new(snapshot.segments.iter().map(all).collect())
    }

    /// The latest record.
    pub fn last(&self) -> Option<RecordRef> {
        let latest = self.sets.iter().filter_map(|(segment, set)| Cursor::before(segment, set, None));
        latest.max_by_key(|cursor| cursor.key).map(Cursor::record)
    }

    /// The earliest record.
    pub fn first(&self) -> Option<RecordRef> {
        let earliest = self.sets.iter().filter_map(|(segment, set)| Cursor::from(segment, set, None));
        earliest.min_by_key(|cursor| cursor.key).map(Cursor::record)
    }

    /// Returns up to so many records from a place on, itself included, in order.
    pub fn forward(&self, from: Key, count: usize) -> Vec<RecordRef> {
        // Segments wait, by the earliest that they may have, until the merge comes to them: most never do.
        let bound = |segment: &Segment| Key { time: segment.first(), order: 0 }.max(from);
        let mut waiting: Vec<_> =
            self.sets.iter().filter(|(segment, set)| set.count() > 0 && segment.last() >= from.time).collect();
        waiting.sort_by_key(|(segment, _)| std::cmp::Reverse(bound(segment)));
        let mut cursors: Vec<Cursor<'_>> = Vec::new();
        let mut out = Vec::with_capacity(count.min(4_096));
        while out.len() < count {
            let mut next = (0..cursors.len()).min_by_key(|at| cursors.get(*at).map(|cursor| cursor.key));
            while let Some((segment, set)) = waiting.last() {
                let key = next.and_then(|at| cursors.get(at)).map(|cursor| cursor.key);
                if key.is_some_and(|key| key < bound(segment)) {
                    break;
                }
                if let Some(cursor) = Cursor::from(segment, set, Some(from)) {
                    if key.is_none_or(|key| cursor.key < key) {
                        next = Some(cursors.len());
                    }
                    cursors.push(cursor);
                }
                waiting.pop();
            }
            let Some((at, cursor)) = next.and_then(|at| Some((at, cursors.get_mut(at)?))) else { break };
            out.push(cursor.record_ref());
            if !cursor.next() {
                cursors.swap_remove(at);
            }
        }
        out
    }

    /// Returns up to so many records before a place, in order.
    pub fn backward(&self, before: Key, count: usize) -> Vec<RecordRef> {
        let bound = |segment: &Segment| Key { time: segment.last(), order: u64::MAX }.min(before);
        let mut waiting: Vec<_> =
            self.sets.iter().filter(|(segment, set)| set.count() > 0 && segment.first() <= before.time).collect();
        waiting.sort_by_key(|(segment, _)| bound(segment));
        let mut cursors: Vec<Cursor<'_>> = Vec::new();
        let mut out = Vec::with_capacity(count.min(4_096));
        while out.len() < count {
            let mut next = (0..cursors.len()).max_by_key(|at| cursors.get(*at).map(|cursor| cursor.key));
            while let Some((segment, set)) = waiting.last() {
                let key = next.and_then(|at| cursors.get(at)).map(|cursor| cursor.key);
                if key.is_some_and(|key| key > bound(segment)) {
                    break;
                }
                if let Some(cursor) = Cursor::before(segment, set, Some(before)) {
                    if key.is_none_or(|key| cursor.key > key) {
                        next = Some(cursors.len());
                    }
                    cursors.push(cursor);
                }
                waiting.pop();
            }
            let Some((at, cursor)) = next.and_then(|at| Some((at, cursors.get_mut(at)?))) else { break };
            out.push(cursor.record_ref());
            if !cursor.previous() {
                cursors.swap_remove(at);
            }
        }
        out.reverse();
        out
    }

    /// How many records stand before a place.
    pub fn position(&self, key: Key) -> u64 {
        let before = |(segment, set): &(Arc<Segment>, Arc<Bitmap>)| {
            if set.count() == 0 || segment.first() > key.time {
                return 0;
            }
            if segment.last() < key.time {
                return set.count() as u64;
            }
            let place = lower_bound(segment, key);
            if segment.is_sorted() {
                return set.rank(place) as u64;
            }
            (0..place).filter(|place| set.get(segment.at(*place))).count() as u64
        };
        self.sets.par_iter().with_min_len(16).map(before).sum()
    }

    /// Finds the nearest record after or before a place that fulfils something.
    pub fn nearest(&self, from: Key, forward: bool, holds: impl Fn(&Segment, usize) -> bool) -> Option<RecordRef> {
        let mut best: Option<(Key, &Arc<Segment>, usize)> = None;
        for (segment, set) in &self.sets {
            // A segment that lies wholly behind the best so far, or on the wrong side, holds nothing of interest.
            let hopeless = match (&best, forward) {
                (Some((key, ..)), true) => segment.first() > key.time,
                (Some((key, ..)), false) => segment.last() < key.time,
                (None, true) => segment.last() < from.time,
                (None, false) => segment.first() > from.time,
            };
            if hopeless || set.count() == 0 {
                continue;
            }
            let start =
                if forward { Cursor::from(segment, set, Some(from)) } else { Cursor::before(segment, set, Some(from)) };
            let Some(mut cursor) = start else { continue };
            loop {
                let beyond = best
                    .as_ref()
                    .is_some_and(|(key, ..)| if forward { cursor.key >= *key } else { cursor.key <= *key });
                if beyond {
                    break;
                }
                if cursor.key != from && holds(segment, cursor.index) {
                    best = Some((cursor.key, segment, cursor.index));
                    break;
                }
                if !(if forward { cursor.next() } else { cursor.previous() }) {
                    break;
                }
            }
        }
        best.map(|(_, segment, index)| RecordRef { segment: Arc::clone(segment), index })
    }

    /// Finds the nearest record with a level within a range.
    pub fn next_level(&self, from: Key, levels: &RangeInclusive<Level>, forward: bool) -> Option<RecordRef> {
        let within = Self {
            sets: self
                .sets
                .iter()
                .filter(|(segment, _)| {
                    let has = |(count, level): (u32, Level)| count > 0 && levels.contains(&level);
                    segment.by_level().into_iter().zip(Level::ALL).any(has)
                })
                .cloned()
                .collect(),
            total: 0,
            notices: 0,
        };
        within.nearest(from, forward, |segment, index| levels.contains(&segment.level(index)))
    }

    /// Counts by time and level: so many equal bars from one moment to another, the last moment included.
    pub fn histogram(&self, from: Nanos, to: Nanos, bars: usize) -> Vec<[u64; 8]> {
        let empty = || vec![[0_u64; 8]; bars];
        if bars == 0 || to < from {
            return empty();
        }
        let wide = (i128::from(to.0) - i128::from(from.0) + 1).max(1);
        let count = |(segment, set): &(Arc<Segment>, Arc<Bitmap>)| {
            let mut counts = empty();
            if set.count() == 0 || segment.last() < from || segment.first() > to {
                return counts;
            }
            let levels = segment.levels();
            for index in set.iter() {
                let time = segment.time(index);
                if time < from || time > to || segment.flags(index).contains(Flags::NOTICE) {
                    continue;
                }
                let bar = (i128::from(time.0) - i128::from(from.0)) * bars as i128 / wide;
                let level = levels.get(index).copied().unwrap_or_default();
                let slot = usize::try_from(bar).ok().and_then(|bar| counts.get_mut(bar));
                if let Some(slot) = slot.and_then(|bar| bar.get_mut(usize::from(level))) {
                    *slot += 1;
                }
            }
            counts
        };
        let add = |mut left: Vec<[u64; 8]>, right: Vec<[u64; 8]>| {
            for (left, right) in left.iter_mut().zip(right) {
                for (left, right) in left.iter_mut().zip(right) {
                    *left += right;
                }
            }
            left
        };
        self.sets.par_iter().map(count).reduce(empty, add)
    }

    /// Says whether a record is in it.
    pub fn contains(&self, record: &RecordRef) -> bool {
        let found = self.sets.iter().find(|(segment, _)| segment.id() == record.segment.id());
        found.is_some_and(|(_, set)| set.get(record.index))
    }

    /// Finds the record at a place.
    pub fn at(&self, key: Key) -> Option<RecordRef> {
        let has = |segment: &Segment| (segment.base()..segment.base() + segment.len() as u64).contains(&key.order);
        let (segment, _) = self.sets.iter().find(|(segment, _)| has(segment))?;
        let index = usize::try_from(key.order - segment.base()).ok()?;
        Some(RecordRef { segment: Arc::clone(segment), index })
    }
}

/// How many records a filter has matched since it became active, those that had to go included.
///
/// It must be told of every snapshot's matches before [`super::buffer::Buffer::fit`] may drop any of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// The order numbers that were counted: from, and to before which.
    counted: Option<(u64, u64)>,
    /// Records.
    pub records: u64,
    /// The same by level, as in [`Level::ALL`].
    pub by_level: [u64; 8],
}

impl Tally {
    /// Counts those that were not counted yet.
    pub fn add(&mut self, matches: &Matches) {
        let (mut from, mut to) = self.counted.unwrap_or((u64::MAX, 0));
        let (low, high) = (from, to.max(from));
        for (segment, set) in &matches.sets {
            let (base, end) = (segment.base(), segment.base() + segment.len() as u64);
            (from, to) = (from.min(base), to.max(end));
            if base >= low && end <= high {
                continue;
            }
            let is_new = |index: &usize| !(low..high).contains(&(base + *index as u64));
            for index in set.iter().filter(is_new) {
                self.records += 1;
                if let Some(count) = self.by_level.get_mut(segment.level(index) as usize) {
                    *count += 1;
                }
            }
        }
        self.counted = (from < to).then_some((from, to));
    }
}

/// The lines of the console's own within a set.
fn notices<'a>(segment: &'a Segment, set: &'a Bitmap) -> impl Iterator<Item = usize> + 'a {
    let all = if segment.has_notices() { segment.len() } else { 0 };
    (0..all).filter(|index| segment.flags(*index).contains(Flags::NOTICE) && set.get(*index))
}

/// A place within the matching records of one segment, in the order of time.
struct Cursor<'a> {
    segment: &'a Arc<Segment>,
    set: &'a Bitmap,
    /// All of them in order, where arrival is not the order of time and they are so few that they are sorted sooner than
    /// found.
    few: Option<Vec<(Key, usize)>>,
    place: usize,
    index: usize,
    key: Key,
}

impl<'a> Cursor<'a> {
    fn new(segment: &'a Arc<Segment>, set: &'a Bitmap) -> Option<Self> {
        if set.count() == 0 {
            return None;
        }
        let few = (!segment.is_sorted() && set.count() * 16 < segment.len()).then(|| {
            let mut few: Vec<(Key, usize)> = set.iter().map(|index| (key_of(segment, index), index)).collect();
            few.sort_unstable();
            few
        });
        Some(Self { segment, set, few, place: 0, index: 0, key: Key::default() })
    }

    /// The first record at or after a place.
    fn from(segment: &'a Arc<Segment>, set: &'a Bitmap, key: Option<Key>) -> Option<Self> {
        let mut cursor = Self::new(segment, set)?;
        cursor.place = key.map_or(0, |key| cursor.place_of(key));
        cursor.settle_forward().then_some(cursor)
    }

    /// The last record before a place.
    fn before(segment: &'a Arc<Segment>, set: &'a Bitmap, key: Option<Key>) -> Option<Self> {
        let mut cursor = Self::new(segment, set)?;
        let end = cursor.few.as_ref().map_or(segment.len(), Vec::len);
        cursor.place = key.map_or(end, |key| cursor.place_of(key));
        cursor.previous().then_some(cursor)
    }

    fn place_of(&self, key: Key) -> usize {
        match &self.few {
            Some(few) => few.partition_point(|(of, _)| *of < key),
            None => lower_bound(self.segment, key),
        }
    }

    fn stand(&mut self) -> bool {
        self.index = self.segment.at(self.place);
        self.key = key_of(self.segment, self.index);
        true
    }

    fn stand_among_few(&mut self) -> bool {
        let at = self.few.as_ref().and_then(|few| few.get(self.place)).copied();
        at.inspect(|(key, index)| (self.key, self.index) = (*key, *index)).is_some()
    }

    fn settle_forward(&mut self) -> bool {
        if self.few.is_some() {
            return self.stand_among_few();
        }
        if self.segment.is_sorted() {
            let Some(place) = self.set.next(self.place) else { return false };
            self.place = place;
            return self.stand();
        }
        while self.place < self.segment.len() {
            if self.set.get(self.segment.at(self.place)) {
                return self.stand();
            }
            self.place += 1;
        }
        false
    }

    fn next(&mut self) -> bool {
        self.place += 1;
        self.settle_forward()
    }

    fn previous(&mut self) -> bool {
        if self.few.is_some() {
            let Some(place) = self.place.checked_sub(1) else { return false };
            self.place = place;
            return self.stand_among_few();
        }
        if self.segment.is_sorted() {
            let Some(place) = self.set.previous(self.place) else { return false };
            self.place = place;
            return self.stand();
        }
        while let Some(place) = self.place.checked_sub(1) {
            self.place = place;
            if self.set.get(self.segment.at(place)) {
                return self.stand();
            }
        }
        false
    }

    fn record_ref(&self) -> RecordRef {
        RecordRef { segment: Arc::clone(self.segment), index: self.index }
    }

    fn record(self) -> RecordRef {
        self.record_ref()
    }
}

/// Returns the first place in the order of time that is not before a key.
fn lower_bound(segment: &Segment, key: Key) -> usize {
    let (mut low, mut high) = (0, segment.len());
    while low < high {
        let middle = low + (high - low) / 2;
        match key_of(segment, segment.at(middle)).cmp(&key) {
            Ordering::Less => low = middle + 1,
            Ordering::Equal | Ordering::Greater => high = middle,
        }
    }
    low
}

/// The service that a source's records are of where neither it nor they name one: its own name, which is what its column
/// shows. Not so of Loki's streams: there a label decides, and Loki is asked by it.
pub fn service_of_last_resort(source: &Source) -> Option<&str> {
    (source.kind != "loki").then_some(&*source.name)
}

/// Returns a source's value of a name that holds for all of its records: `service`, `env`, `host`, `source`, `file`,
/// `format`, `kind`, or a label.
pub fn source_value<'a>(source: &'a Source, name: &str) -> Option<&'a str> {
    match name {
        "service" => source.service.as_ref().map(|id| id.service.as_str()),
        "env" => source.service.as_ref().map(|id| id.env.as_str()),
        "host" => source.host.as_ref().map(crate::core::id::HostName::as_str),
        "source" => Some(&*source.name),
        "file" => Some(&*source.path),
        "format" => Some(source.format.name()),
        "kind" => Some(source.kind),
        _ => None,
    }
    .or_else(|| source.labels.iter().find(|(label, _)| **label == *name).map(|(_, value)| &**value))
}
