//! Which records of a segment match: one bit a record, with ranks.

/// Words between two ranks.
const STEP: usize = 8;

/// A set of record numbers of one segment. Counting below a number and finding the n-th take constant time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bitmap {
    words: Vec<u64>,
    /// How many are set before each eighth word.
    ranks: Vec<u32>,
    len: usize,
    count: usize,
}

/// A bitmap while it is written.
#[derive(Clone, Debug)]
pub struct Bits {
    words: Vec<u64>,
    len: usize,
}

impl Bits {
    /// Makes a set without members for so many records.
    pub fn none(len: usize) -> Self {
        Self { words: vec![0; len.div_ceil(64)], len }
    }

    /// Makes the set of all records from one to before another.
    pub fn range(len: usize, from: usize, to: usize) -> Self {
        let (from, to) = (from.min(len), to.min(len));
        let mut bits = Self::none(len);
        for (index, word) in bits.words.iter_mut().enumerate() {
            let (first, end) = (index * 64, index * 64 + 64);
            if first >= to || end <= from {
                continue;
            }
            let low = u64::MAX << from.saturating_sub(first);
            let high = u64::MAX >> (end - end.min(to));
            *word = low & high;
        }
        bits
    }

    /// Makes the set of the records for which the iterator says true, in order.
    pub fn of(len: usize, each: impl Iterator<Item = bool>) -> Self {
        let mut bits = Self::none(len);
        let mut each = each.take(len);
        for word in &mut bits.words {
            let mut made = 0;
            for bit in 0..64 {
                match each.next() {
                    Some(set) => made |= u64::from(set) << bit,
                    None => break,
                }
            }
            *word = made;
        }
        bits
    }

    /// Adds a record.
    #[inline]
    pub fn set(&mut self, index: usize) {
        debug_assert!(index < self.len, "a record of the segment");
        if let Some(word) = self.words.get_mut(index / 64) {
            *word |= 1 << (index % 64);
        }
    }

    /// Adds another set's records, the first of them as `offset`.
    pub fn splice(&mut self, other: &Bitmap, offset: usize) {
        let (skip, shift) = (offset / 64, offset % 64);
        for (index, &word) in other.words.iter().enumerate() {
            if let Some(low) = self.words.get_mut(skip + index) {
                *low |= word << shift;
            }
            if shift > 0
                && let Some(high) = self.words.get_mut(skip + index + 1)
            {
                *high |= word >> (64 - shift);
            }
        }
    }

    /// Adds another set's records.
    pub fn or(&mut self, other: &Bitmap) {
        self.words.iter_mut().zip(&other.words).for_each(|(word, with)| *word |= with);
    }

    /// Keeps only those that the other set has too.
    pub fn and(&mut self, other: &Bitmap) {
        self.words.iter_mut().zip(&other.words).for_each(|(word, with)| *word &= with);
    }

    /// Counts and ranks it.
    pub fn done(self) -> Bitmap {
        let mut ranks = Vec::with_capacity(self.words.len().div_ceil(STEP));
        let mut count = 0u32;
        for words in self.words.chunks(STEP) {
            ranks.push(count);
            count += words.iter().map(|word| word.count_ones()).sum::<u32>();
        }
        Bitmap { words: self.words, ranks, len: self.len, count: count as usize }
    }
}

impl Bitmap {
    /// Makes the set of all of so many records.
    pub fn full(len: usize) -> Self {
        Bits::range(len, 0, len).done()
    }

    /// Makes the empty set of so many records.
    pub fn empty(len: usize) -> Self {
        Bits::none(len).done()
    }

    /// How many records the segment has.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Says whether no record is in it.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Says whether every record is in it.
    pub fn is_full(&self) -> bool {
        self.count == self.len
    }

    /// How many records are in it.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Says whether a record is in it.
    #[inline]
    pub fn get(&self, index: usize) -> bool {
        self.words.get(index / 64).is_some_and(|word| word >> (index % 64) & 1 == 1)
    }

    /// How many members stand before a number.
    pub fn rank(&self, index: usize) -> usize {
        let index = index.min(self.len);
        let word = index / 64;
        let Some(&before) = self.ranks.get(word / STEP) else { return self.count };
        let whole = self.words.get(word - word % STEP..word).unwrap_or_default();
        let rest = self.words.get(word).map_or(0, |last| (last & !(u64::MAX << (index % 64))).count_ones());
        (before + whole.iter().map(|word| word.count_ones()).sum::<u32>() + rest) as usize
    }

    /// Finds the member before which so many stand.
    pub fn select(&self, nth: usize) -> Option<usize> {
        if nth >= self.count {
            return None;
        }
        let step = self.ranks.partition_point(|&rank| rank as usize <= nth).checked_sub(1)?;
        let mut rest = nth - *self.ranks.get(step)? as usize;
        for (index, &word) in self.words.iter().enumerate().skip(step * STEP) {
            let ones = word.count_ones() as usize;
            if rest < ones {
                let mut word = word;
                for _ in 0..rest {
                    word &= word - 1;
                }
                return Some(index * 64 + word.trailing_zeros() as usize);
            }
            rest -= ones;
        }
        None
    }

    /// Finds the first member at or after a number.
    pub fn next(&self, from: usize) -> Option<usize> {
        let first = from / 64;
        let word = self.words.get(first)? & (u64::MAX << (from % 64));
        if word != 0 {
            return Some(first * 64 + word.trailing_zeros() as usize);
        }
        let later = self.words.iter().enumerate().skip(first + 1).find(|(_, word)| **word != 0);
        later.map(|(index, word)| index * 64 + word.trailing_zeros() as usize)
    }

    /// Finds the last member before a number.
    pub fn previous(&self, before: usize) -> Option<usize> {
        let last = before.min(self.len).checked_sub(1)?;
        let words = self.words.get(..=last / 64)?;
        let mask = u64::MAX >> (63 - last % 64);
        let masked = words
            .iter()
            .enumerate()
            .rev()
            .map(|(index, word)| (index, if index == last / 64 { word & mask } else { *word }));
        let mut found = masked.filter(|(_, word)| *word != 0);
        found.next().map(|(index, word)| index * 64 + 63 - word.leading_zeros() as usize)
    }

    /// Goes through the members, lowest first.
    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.words.iter().enumerate().flat_map(|(index, &word)| Ones { word, base: index * 64 })
    }

    /// Returns the members that the other set has too.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        self.with(other, |word, with| word & with)
    }

    /// Returns the members that the other set has not.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        self.with(other, |word, with| word & !with)
    }

    /// Returns the members of either.
    #[must_use]
    pub fn or(&self, other: &Self) -> Self {
        self.with(other, |word, with| word | with)
    }

    /// Returns it as a set to be written to.
    pub fn to_bits(&self) -> Bits {
        Bits { words: self.words.clone(), len: self.len }
    }

    /// Bytes that it holds.
    pub fn bytes(&self) -> usize {
        size_of::<Self>() + self.words.capacity() * 8 + self.ranks.capacity() * 4
    }

    fn with(&self, other: &Self, with: impl Fn(u64, u64) -> u64) -> Self {
        debug_assert_eq!(self.len, other.len, "sets of the same segment");
        let words = self.words.iter().zip(&other.words).map(|(word, other)| with(*word, *other)).collect();
        Bits { words, len: self.len }.done()
    }
}

struct Ones {
    word: u64,
    base: usize,
}

impl Iterator for Ones {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        if self.word == 0 {
            return None;
        }
        let bit = self.word.trailing_zeros() as usize;
        self.word &= self.word - 1;
        Some(self.base + bit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_and_selects_agree_with_a_list() {
        for len in [0usize, 1, 63, 64, 65, 511, 512, 513, 2000] {
            for step in [1usize, 3, 64, 700] {
                let members: Vec<usize> = (0..len).step_by(step).collect();
                let map = Bits::of(len, (0..len).map(|index| index % step == 0)).done();
                assert_eq!(map.iter().collect::<Vec<_>>(), members);
                assert_eq!(map.count(), members.len());
                for index in 0..=len {
                    assert_eq!(map.rank(index), members.iter().filter(|member| **member < index).count());
                    assert_eq!(map.next(index), members.iter().copied().find(|member| *member >= index));
                    assert_eq!(map.previous(index), members.iter().copied().rfind(|member| *member < index));
                }
                for nth in 0..=members.len() {
                    assert_eq!(map.select(nth), members.get(nth).copied());
                }
            }
        }
    }

    #[test]
    fn ranges_and_splices_keep_their_borders() {
        for (len, from, to) in [(200, 0, 200), (200, 3, 64), (200, 64, 128), (200, 70, 71), (200, 5, 5), (64, 0, 64)] {
            let map = Bits::range(len, from, to).done();
            assert_eq!(map.iter().collect::<Vec<_>>(), (from..to).collect::<Vec<_>>());
        }
        for offset in [0, 1, 63, 64, 100] {
            let mut bits = Bits::none(300);
            bits.splice(&Bits::range(130, 2, 129).done(), offset);
            assert_eq!(bits.done().iter().collect::<Vec<_>>(), (offset + 2..offset + 129).collect::<Vec<_>>());
        }
    }
}
