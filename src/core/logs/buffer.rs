//! Everything that is here: segments in the order they came, their sources, a limit in bytes, and what had to go.
use std::{fmt, sync::Arc};

use super::{
    Nanos, Source, SourceId,
    segment::{Recent, Segment},
};

/// Order numbers of the first live record: what is older is numbered downwards from here.
const MIDDLE: u64 = 1 << 48;
/// Records that a merged segment has at most.
const MERGED: usize = 65_536;
/// Bytes of text that a merged segment has at most.
const MERGED_BYTES: usize = 8 << 20;
/// Neighbours of about the same size that are merged together.
const FAN: usize = 8;

/// One part in so many of the limit is text that is not packed.
const HOT: usize = 4;
/// One part in so many of the limit may be what searches found, though it is older than what goes for it: somebody looks for it now.
const FOUND: usize = 4;
/// The search of which the line is that says what had to go.
const GONE: u32 = u32::MAX;

/// What had to be dropped to stay within the limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    /// Records.
    pub records: u64,
    /// Bytes of their text.
    pub bytes: u64,
}

/// The owner of all segments. It lives on the engine's thread; [`Buffer::snapshot`] is for all others.
#[derive(Debug)]
pub struct Buffer {
    /// By order number.
    segments: Vec<Arc<Segment>>,
    sources: Vec<Source>,
    limit: usize,
    next: u64,
    oldest: u64,
    ids: u64,
    recent: Arc<Recent>,
    dropped: Dropped,
    generation: u64,
}

/// All that is here, as of a moment. Cheap to clone, immutable.
#[derive(Clone)]
pub struct Snapshot {
    /// Segments by order number.
    pub segments: Arc<[Arc<Segment>]>,
    /// Sources by their number.
    pub sources: Arc<[Source]>,
    /// Counts up with every change.
    pub generation: u64,
    /// Bytes held.
    pub bytes: usize,
    /// The limit of bytes.
    pub limit: usize,
    /// What had to go.
    pub dropped: Dropped,
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot")
            .field("segments", &self.segments.len())
            .field("generation", &self.generation)
            .finish_non_exhaustive()
    }
}

impl Snapshot {
    /// Says how many records there are.
    pub fn records(&self) -> u64 {
        self.segments.iter().map(|segment| segment.len() as u64).sum()
    }

    /// Returns a source.
    pub fn source(&self, id: SourceId) -> Option<&Source> {
        self.sources.get(usize::from(id.0))
    }

    /// The earliest and the latest time, if there is any record.
    pub fn extent(&self) -> Option<(Nanos, Nanos)> {
        let filled = || self.segments.iter().filter(|segment| !segment.is_empty());
        Some((filled().map(|segment| segment.first()).min()?, filled().map(|segment| segment.last()).max()?))
    }
}

impl Buffer {
    /// Makes an empty one that holds at most about so many bytes, text and columns together.
    pub fn new(limit: usize) -> Self {
        Self {
            segments: Vec::new(),
            sources: Vec::new(),
            limit,
            next: MIDDLE,
            oldest: MIDDLE,
            ids: 0,
            recent: Arc::default(),
            dropped: Dropped::default(),
            generation: 0,
        }
    }

    /// Adds a source; it is given its number. None where there are as many as can be told apart.
    pub fn add_source(&mut self, make: impl FnOnce(SourceId) -> Source) -> Option<SourceId> {
        let id = SourceId(u16::try_from(self.sources.len()).ok()?);
        self.sources.push(make(id));
        self.generation += 1;
        Some(id)
    }

    /// Replaces what is known of a source: its format was found out. What has come of it is read anew, so nothing that was
    /// worked out of it may be kept: it gets other numbers.
    pub fn set_source(&mut self, source: Source) {
        let id = source.id;
        let Some(known) = self.sources.get_mut(usize::from(id.0)) else { return };
        *known = source;
        self.generation += 1;
        for segment in self.segments.iter_mut().filter(|segment| segment.is_of(id)) {
            self.ids += 1;
            *segment = Arc::new(segment.renumbered(self.ids));
        }
    }

    /// Returns the sources.
    pub fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// Takes a segment of what has just come, behind all others. Returns it as it is kept.
    pub fn push(&mut self, mut segment: Segment) -> Arc<Segment> {
        segment.base = self.next;
        self.next += segment.len() as u64;
        self.place(segment, false)
    }

    /// Takes a segment of what is older than all that its source has here.
    pub fn push_older(&mut self, mut segment: Segment) -> Arc<Segment> {
        self.oldest -= segment.len() as u64;
        segment.base = self.oldest;
        self.place(segment, true)
    }

    /// As [`Buffer::push_older`], of what a search found: a source left lines out between these. Searches are counted from one.
    pub fn push_found(&mut self, mut segment: Segment, search: u32) -> Arc<Segment> {
        segment.search = search;
        self.push_older(segment)
    }

    /// Takes the line that says what had to go, in place of the one before.
    pub fn push_gone(&mut self, line: Segment) {
        self.forget(&[GONE]);
        self.push_found(line, GONE);
    }

    /// Forgets what some searches found. Says how many records that were.
    pub fn forget(&mut self, searches: &[u32]) -> u64 {
        let mut records = 0;
        self.segments.retain(|segment| {
            let stays = segment.search == 0 || !searches.contains(&segment.search);
            records += if stays { 0 } else { segment.len() as u64 };
            stays
        });
        self.generation += u64::from(records > 0);
        records
    }

    fn place(&mut self, mut segment: Segment, first: bool) -> Arc<Segment> {
        self.ids += 1;
        segment.id = self.ids;
        self.generation += 1;
        let segment = Arc::new(segment);
        if segment.is_empty() {
            return segment;
        }
        if first {
            self.segments.insert(0, Arc::clone(&segment));
        } else {
            self.segments.push(Arc::clone(&segment));
        }
        segment
    }

    /// Merges small neighbours, so that their number grows with the logarithm of the records.
    ///
    /// The best time is after they were matched: then what is known of them is put together and not worked out again.
    pub fn tidy(&mut self) {
        let seen = self.ids;
        let mut end = self.segments.len();
        while end > 0 {
            let (size, search) = self.segments.get(end - 1).map_or((0, 0), |last| (last.len(), last.search));
            let mut begin = end;
            let (mut records, mut bytes) = (0, 0);
            while let Some(part) = begin.checked_sub(1).and_then(|at| self.segments.get(at)) {
                let follows =
                    self.segments.get(begin).is_none_or(|next| part.base() + part.len() as u64 == next.base());
                records += part.len();
                bytes += part.text_len();
                let same_tier = part.len() <= size.max(1) * FAN && part.len() * FAN >= size;
                if part.is_packed()
                    || part.search != search
                    || !(follows || begin == end)
                    || !same_tier
                    || records > MERGED
                    || bytes > MERGED_BYTES
                {
                    break;
                }
                begin -= 1;
            }
            if end - begin >= FAN {
                self.ids += 1;
                let merged = Segment::join(self.ids, self.segments.get(begin..end).unwrap_or_default(), seen);
                self.segments.splice(begin..end, [Arc::new(merged)]);
                self.generation += 1;
                end = begin + 1;
                if self.segments.get(begin).is_some_and(|merged| merged.len() * 2 < MERGED) {
                    continue;
                }
            }
            if end == begin {
                end -= 1;
            } else {
                end = begin;
            }
        }
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.segments.iter().map(|segment| segment.bytes()).sum::<usize>() + self.recent.bytes()
    }

    /// Brings it within its limit: the oldest text is packed first, then the oldest records go. `seen` is told of those
    /// that go, before they do.
    ///
    /// The newest text stays as it is, up to a share of the limit: it is what is read, and small segments must not be packed
    /// before they are merged.
    pub fn fit(&mut self, beside: usize, mut seen: impl FnMut(&Arc<Segment>)) {
        let mut held = self.bytes() + beside;
        if held <= self.limit {
            return;
        }
        // The line that says what had to go is none of it.
        self.forget(&[GONE]);
        let plain = self.segments.iter().filter(|segment| !segment.is_packed());
        let mut plain: usize = plain.map(|segment| segment.text_len()).sum();
        let mut by_age: Vec<usize> = (0..self.segments.len()).collect();
        by_age.sort_by_key(|at| self.segments.get(*at).map(|segment| segment.last()));
        for &at in &by_age {
            if held <= self.limit || plain <= self.limit / HOT {
                break;
            }
            let Some(segment) = self.segments.get_mut(at) else { continue };
            let Some(packed) = segment.packed(&self.recent) else { continue };
            plain -= segment.text_len().min(plain);
            held = held.saturating_sub(segment.bytes()).saturating_add(packed.bytes());
            *segment = Arc::new(packed);
            self.generation += 1;
        }
        let mut found = 0;
        let mut last = Vec::new();
        // From the newest on: what was found last to be older is what is over its share first.
        for &at in by_age.iter().rev() {
            let Some(segment) = self.segments.get(at).filter(|segment| segment.is_partial()) else { continue };
            found += segment.bytes();
            if found <= self.limit / FOUND {
                last.push(at);
            }
        }
        by_age.sort_by_key(|at| last.contains(at));
        let mut gone = vec![false; self.segments.len()];
        for at in by_age.into_iter().take(self.segments.len().saturating_sub(1)) {
            if held <= self.limit {
                break;
            }
            let (Some(segment), Some(gone)) = (self.segments.get(at), gone.get_mut(at)) else { continue };
            seen(segment);
            held = held.saturating_sub(segment.bytes());
            self.dropped.records += segment.len() as u64;
            self.dropped.bytes += segment.text_len() as u64;
            self.generation += 1;
            *gone = true;
        }
        let mut gone = gone.into_iter();
        self.segments.retain(|_| !gone.next().unwrap_or_default());
    }

    /// What had to go.
    pub fn dropped(&self) -> Dropped {
        self.dropped
    }

    /// Counts up with every change.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// The limit of bytes.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Returns all that is here now.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            segments: self.segments.as_slice().into(),
            sources: self.sources.as_slice().into(),
            generation: self.generation,
            bytes: self.bytes(),
            limit: self.limit,
            dropped: self.dropped,
        }
    }
}
