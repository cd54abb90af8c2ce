//! Sets that were worked out.
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use super::super::{bitmap::Bitmap, segment::Segment};

/// Sets that were worked out, by segment and term. Bounded in bytes; the longest unused go first.
#[derive(Debug)]
pub struct Cache {
    inner: Mutex<Kept>,
    limit: usize,
}

#[derive(Debug, Default)]
struct Kept {
    sets: HashMap<(u64, Arc<str>), (Arc<Bitmap>, u64)>,
    bytes: usize,
    clock: u64,
}

impl Cache {
    /// Makes one that holds at most about so many bytes.
    pub fn new(limit: usize) -> Self {
        Self { inner: Mutex::default(), limit }
    }

    /// Bytes that it holds.
    pub fn bytes(&self) -> usize {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).bytes
    }

    pub(super) fn get(&self, segment: u64, key: &Arc<str>) -> Option<Arc<Bitmap>> {
        let mut kept = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        kept.clock += 1;
        let clock = kept.clock;
        let (set, used) = kept.sets.get_mut(&(segment, Arc::clone(key)))?;
        *used = clock;
        Some(Arc::clone(set))
    }

    pub(super) fn keep(&self, segment: u64, key: &Arc<str>, set: &Arc<Bitmap>) {
        let mut kept = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        kept.clock += 1;
        let (clock, bytes) = (kept.clock, set.bytes() + 64);
        if kept.sets.insert((segment, Arc::clone(key)), (Arc::clone(set), clock)).is_none() {
            kept.bytes += bytes;
        }
        if kept.bytes > self.limit {
            let mut ages: Vec<u64> = kept.sets.values().map(|(_, used)| *used).collect();
            ages.sort_unstable();
            let old = ages.get(ages.len() / 2).copied().unwrap_or(0);
            kept.sets.retain(|_, (_, used)| *used > old);
            kept.bytes = kept.sets.values().map(|(set, _)| set.bytes() + 64).sum();
        }
    }

    /// Forgets the sets of segments that are no longer there.
    pub fn retain(&self, segments: &[Arc<Segment>]) {
        let there: std::collections::HashSet<u64> = segments.iter().map(|segment| segment.id()).collect();
        let mut kept = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        kept.sets.retain(|(segment, _), _| there.contains(segment));
        kept.bytes = kept.sets.values().map(|(set, _)| set.bytes() + 64).sum();
    }
}
