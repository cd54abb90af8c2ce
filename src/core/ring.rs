//! A bounded history: the newest entries, oldest first, never more than its capacity.
use std::collections::VecDeque;

/// Keeps the last `capacity` entries and counts what it let go.
#[derive(Clone, Debug, PartialEq)]
pub struct Ring<T> {
    entries: VecDeque<T>,
    capacity: usize,
    dropped: u64,
}

impl<T> Ring<T> {
    /// Makes an empty ring that holds at most `capacity` entries (at least one).
    pub fn new(capacity: usize) -> Self {
        Self { entries: VecDeque::new(), capacity: capacity.max(1), dropped: 0 }
    }

    /// Adds an entry, letting the oldest go when full.
    pub fn push(&mut self, entry: T) {
        if self.entries.len() == self.capacity {
            self.entries.pop_front();
            self.dropped += 1;
        }
        self.entries.push_back(entry);
    }

    /// Puts older entries, oldest first, before those that are held; the oldest of all go when there is no room.
    pub fn precede(&mut self, older: Vec<T>) {
        let room = self.capacity.saturating_sub(self.entries.len());
        let skipped = older.len().saturating_sub(room);
        self.dropped += skipped as u64;
        for entry in older.into_iter().skip(skipped).rev() {
            self.entries.push_front(entry);
        }
    }

    /// Iterates from the oldest to the newest.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &T> + ExactSizeIterator {
        self.entries.iter()
    }

    /// Returns the newest entry.
    pub fn last(&self) -> Option<&T> {
        self.entries.back()
    }

    /// Returns how many entries are held.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Says whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns how many entries were let go so far.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_entry_goes_first_and_is_counted() {
        let mut ring = Ring::new(2);
        for n in 1..=3 {
            ring.push(n);
        }
        assert_eq!(ring.iter().copied().collect::<Vec<_>>(), [2, 3]);
        assert_eq!((ring.len(), ring.dropped(), ring.last()), (2, 1, Some(&3)));
    }
}
