//! What was worked out of segments and may be asked for again: sets of records by term, and columns of fields.
use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{
    super::{Source, bitmap::Bitmap, bitmap::Bits, derive::Derived, segment::Segment},
    column::Column,
    field::Fields,
};

/// Bytes of field columns that are kept where nobody says how many.
const COLUMNS: usize = 64 << 20;

/// Sets that were worked out, by segment and term, and columns of the fields that were asked for, by segment and name. Each
/// kind has its own limit in bytes; what was not used for longest goes first.
///
/// What is worked out under other rules for derived fields is another thing: a reload of the configuration never answers
/// from the rules before. Of segments that are merged, what is known of all parts is put together and not worked out again.
#[derive(Debug)]
pub struct Cache {
    sets: Mutex<Kept<Set>>,
    columns: Mutex<Kept<Field>>,
}

/// A segment's number, and the version of the rules for derived fields.
type Scope = (u64, u64);

#[derive(Debug)]
struct Kept<T> {
    by_scope: HashMap<Scope, HashMap<Arc<str>, (T, u64)>>,
    bytes: usize,
    clock: u64,
    limit: usize,
}

/// What is kept, and can be put together of parts.
trait Part: Clone {
    fn bytes(&self) -> usize;
    /// Puts the parts together, each with its number of records; none where that cannot be.
    fn join(parts: &[(&Self, usize)]) -> Option<Self>;
}

type Set = Arc<Bitmap>;

impl Part for Set {
    fn bytes(&self) -> usize {
        Bitmap::bytes(self)
    }

    fn join(parts: &[(&Self, usize)]) -> Option<Self> {
        let mut set = Bits::none(parts.iter().map(|(_, records)| records).sum());
        let mut offset = 0;
        for (part, records) in parts {
            set.splice(part, offset);
            offset += records;
        }
        Some(Self::new(set.done()))
    }
}

/// What is known of a field of a segment.
#[derive(Clone, Debug)]
enum Field {
    /// So many records have been read for it: not enough that reading all for a column had been cheaper.
    Read(usize),
    Column(Arc<Column>),
    /// It has too many different values.
    Various,
}

impl Part for Field {
    fn bytes(&self) -> usize {
        match self {
            Self::Column(column) => column.bytes(),
            Self::Read(_) | Self::Various => 0,
        }
    }

    fn join(parts: &[(&Self, usize)]) -> Option<Self> {
        let columns = parts.iter().map(|(part, records)| match part {
            Self::Column(column) => Some((&**column, *records)),
            Self::Read(_) | Self::Various => None,
        });
        Some(
            Column::join(&columns.collect::<Option<Vec<_>>>()?)
                .map_or(Self::Various, |all| Self::Column(Arc::new(all))),
        )
    }
}

/// When that was used which nobody has asked for.
const UNASKED: u64 = 0;

/// What an entry takes besides what it holds.
const ENTRY: usize = 64;

impl<T: Part> Kept<T> {
    fn new(limit: usize) -> Self {
        Self { by_scope: HashMap::new(), bytes: 0, clock: 0, limit }
    }

    fn get(&mut self, scope: Scope, key: &str) -> Option<T> {
        self.clock += 1;
        let (kept, used) = self.by_scope.get_mut(&scope)?.get_mut(key)?;
        *used = self.clock;
        Some(kept.clone())
    }

    fn keep(&mut self, scope: Scope, key: &Arc<str>, new: T) {
        self.clock += 1;
        self.keep_as(scope, key, new, self.clock);
    }

    /// Keeps what was used last at a moment.
    fn keep_as(&mut self, scope: Scope, key: &Arc<str>, new: T, used: u64) {
        self.bytes += new.bytes() + ENTRY;
        let before = self.by_scope.entry(scope).or_default().insert(Arc::clone(key), (new, used));
        self.bytes -= before.map_or(0, |(before, _)| before.bytes() + ENTRY);
        if self.bytes > self.limit {
            self.shrink();
        }
    }

    /// Lets the half go that was not used for longer than the other.
    fn shrink(&mut self) {
        let mut ages: Vec<u64> = self.by_scope.values().flat_map(HashMap::values).map(|(_, used)| *used).collect();
        ages.sort_unstable();
        let old = ages.get(ages.len() / 2).copied().unwrap_or(0);
        self.by_scope.values_mut().for_each(|of| of.retain(|_, (_, used)| *used > old));
        self.by_scope.retain(|_, of| !of.is_empty());
        self.count();
    }

    fn clear(&mut self) {
        self.by_scope.clear();
        self.bytes = 0;
    }

    fn let_go_unasked(&mut self, scope: Scope) {
        let Some(of) = self.by_scope.get_mut(&scope) else { return };
        let mut gone = 0;
        of.retain(|_, (kept, used)| {
            let stays = *used != UNASKED;
            gone += if stays { 0 } else { kept.bytes() + ENTRY };
            stays
        });
        self.bytes -= gone;
    }

    fn count(&mut self) {
        let all = self.by_scope.values().flat_map(HashMap::values);
        self.bytes = all.map(|(kept, _)| kept.bytes() + ENTRY).sum();
    }

    /// Puts together what is known of the parts of segments, and forgets what is not of any of these.
    fn adopt(&mut self, segments: &[Arc<Segment>]) {
        let mut known: HashMap<u64, Vec<u64>> = HashMap::new();
        for (segment, version) in self.by_scope.keys() {
            known.entry(*segment).or_default().push(*version);
        }
        for segment in segments {
            let Some(((first, _), others)) = segment.parts().split_first() else { continue };
            for &version in known.get(first).map_or(&[][..], Vec::as_slice) {
                let joined = self.join(segment, (*first, version), others);
                if !joined.is_empty() {
                    self.by_scope.entry((segment.id(), version)).or_default().extend(joined);
                }
            }
        }
        let there: HashSet<u64> = segments.iter().map(|segment| segment.id()).collect();
        self.by_scope.retain(|(segment, _), _| there.contains(segment));
        self.count();
        if self.bytes > self.limit {
            self.shrink();
        }
    }

    fn join(&self, segment: &Segment, first: Scope, others: &[(u64, usize)]) -> Vec<(Arc<str>, (T, u64))> {
        let known = self.by_scope.get(&(segment.id(), first.1));
        let Some(of_first) = self.by_scope.get(&first) else { return Vec::new() };
        let mut all = Vec::new();
        for (key, (part, used)) in of_first {
            if known.is_some_and(|known| known.contains_key(key)) {
                continue;
            }
            let records = segment.parts().first().map_or(0, |(_, records)| *records);
            let rest = others.iter().map(|(id, records)| {
                let (part, _) = self.by_scope.get(&(*id, first.1))?.get(key)?;
                Some((part, *records))
            });
            let parts: Option<Vec<_>> = std::iter::once(Some((part, records))).chain(rest).collect();
            if let Some(joined) = parts.and_then(|parts| T::join(&parts)) {
                all.push((Arc::clone(key), (joined, *used)));
            }
        }
        all
    }
}

fn held<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Cache {
    /// Makes one that holds sets of at most about so many bytes, and columns of fields of at most 64 MB.
    pub fn new(limit: usize) -> Self {
        Self::with_columns(limit, COLUMNS)
    }

    /// Makes one that holds sets and columns of fields of at most about so many bytes each.
    pub fn with_columns(sets: usize, columns: usize) -> Self {
        Self { sets: Mutex::new(Kept::new(sets)), columns: Mutex::new(Kept::new(columns)) }
    }

    /// Bytes that it holds, sets and columns.
    pub fn bytes(&self) -> usize {
        held(&self.sets).bytes + held(&self.columns).bytes
    }

    /// Puts together what is known of segments that were merged to these, and forgets what is of others.
    pub fn retain(&self, segments: &[Arc<Segment>]) {
        held(&self.sets).adopt(segments);
        held(&self.columns).adopt(segments);
    }

    /// Forgets all sets; columns stay.
    pub fn forget_sets(&self) {
        held(&self.sets).clear();
    }

    pub(super) fn get(&self, scope: Scope, key: &Arc<str>) -> Option<Arc<Bitmap>> {
        held(&self.sets).get(scope, key)
    }

    pub(super) fn keep(&self, scope: Scope, key: &Arc<str>, set: &Arc<Bitmap>) {
        held(&self.sets).keep(scope, key, Arc::clone(set));
    }

    /// Returns a field's column of a segment, where it is known.
    pub(in super::super) fn column(&self, segment: &Segment, name: &str, derived: &Derived) -> Option<Arc<Column>> {
        match held(&self.columns).get((segment.id(), derived.version()), name) {
            Some(Field::Column(column)) => Some(column),
            Some(Field::Read(_) | Field::Various) | None => None,
        }
    }

    /// As [`Cache::column`] for who is about to read the field of so many records: the column is made once half as many were read
    /// as the segment has, so that it costs at most about twice what was done without.
    pub(in super::super) fn column_for(
        &self,
        segment: &Segment,
        name: &str,
        (sources, derived): (&[Source], &Derived),
        records: usize,
    ) -> Option<Arc<Column>> {
        let scope = (segment.id(), derived.version());
        let before = match held(&self.columns).get(scope, name) {
            Some(Field::Column(column)) => return Some(column),
            Some(Field::Various) => return None,
            Some(Field::Read(before)) => before,
            None => 0,
        };
        let (key, read) = (Arc::from(name), before.saturating_add(records));
        if read.saturating_mul(2) < segment.len() {
            held(&self.columns).keep(scope, &key, Field::Read(read));
            return None;
        }
        let column = Column::read(name, segment, Fields { sources, derived, cache: None }).map(Arc::new);
        let known = column.as_ref().map_or(Field::Various, |column| Field::Column(Arc::clone(column)));
        held(&self.columns).keep(scope, &key, known);
        column
    }

    /// Names the fields of a segment of which all is known, and says how many bytes their columns take.
    pub(super) fn known(&self, segment: &Segment, derived: &Derived) -> (Vec<Arc<str>>, usize) {
        let columns = held(&self.columns);
        let Some(of) = columns.by_scope.get(&(segment.id(), derived.version())) else { return (Vec::new(), 0) };
        let whole = of.iter().filter(|(_, (field, _))| !matches!(field, Field::Read(_)));
        (whole.map(|(name, _)| Arc::clone(name)).collect(), of.values().map(|(field, _)| field.bytes() + ENTRY).sum())
    }

    /// Keeps columns that nobody has asked for yet; none: there are too many different values. Says how many bytes they take.
    pub(super) fn keep_ahead(
        &self,
        segment: &Segment,
        derived: &Derived,
        made: impl IntoIterator<Item = (Arc<str>, Option<Column>)>,
    ) -> usize {
        let (scope, mut took) = ((segment.id(), derived.version()), 0);
        let mut columns = held(&self.columns);
        for (name, column) in made {
            let field = column.map_or(Field::Various, |column| Field::Column(Arc::new(column)));
            took += field.bytes() + ENTRY;
            columns.keep_as(scope, &name, field, UNASKED);
        }
        took
    }

    /// Lets columns go that nobody has asked for yet, those of the first segments first, until all take no more than so many bytes.
    pub(super) fn let_go_ahead<'a>(
        &self,
        segments: impl Iterator<Item = &'a Arc<Segment>>,
        derived: &Derived,
        room: usize,
    ) {
        let mut columns = held(&self.columns);
        for segment in segments {
            if columns.bytes <= room {
                return;
            }
            columns.let_go_unasked((segment.id(), derived.version()));
        }
    }
}

#[cfg(test)]
#[path = "cache_tests.rs"]
mod tests;
