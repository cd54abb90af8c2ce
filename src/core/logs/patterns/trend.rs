//! Counts by time in little room: sixty buckets that widen as the time they span grows.
use crate::core::logs::Nanos;

/// How many buckets a trend has.
const BUCKETS: usize = 60;

const SPAN: i64 = 60;

/// Counts by time. A bucket is 2^n seconds wide and begins at a multiple of its width, so that trends can be added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trend {
    shift: u8,
    first: i64,
    used: usize,
    counts: [u32; BUCKETS],
}

impl Default for Trend {
    fn default() -> Self {
        Self { shift: 0, first: 0, used: 0, counts: [0; BUCKETS] }
    }
}

impl Trend {
    /// Counts one more at a moment.
    pub fn add(&mut self, at: Nanos) {
        self.add_many(at.0.div_euclid(Nanos::SECOND), 1);
    }

    /// Adds another trend.
    pub fn merge(&mut self, other: &Self) {
        while self.shift < other.shift {
            self.widen();
        }
        for (second, count) in other.seconds() {
            self.add_many(second, count);
        }
    }

    /// Returns a bucket's width.
    pub fn width(&self) -> Nanos {
        Nanos(Nanos::SECOND << self.shift)
    }

    /// Returns each bucket's start and count, from the first to the last that counts anything.
    pub fn series(&self) -> impl Iterator<Item = (Nanos, u32)> + '_ {
        self.seconds().map(|(second, count)| (Nanos(second.saturating_mul(Nanos::SECOND)), count))
    }

    /// Returns the counts of a stretch cut in so many parts, for a sparkline. A bucket counts where it begins.
    pub fn spread(&self, from: Nanos, until: Nanos, parts: usize) -> Vec<u32> {
        let mut spread = vec![0_u32; parts];
        let length = i128::from(until.0) - i128::from(from.0);
        for (at, count) in self.series() {
            let offset = i128::from(at.0.max(from.0.min(at.0.saturating_add(self.width().0 - 1)))) - i128::from(from.0);
            if length > 0 && (0..length).contains(&offset) {
                let part = usize::try_from(offset * parts as i128 / length).unwrap_or(usize::MAX);
                if let Some(slot) = spread.get_mut(part) {
                    *slot = slot.saturating_add(count);
                }
            }
        }
        spread
    }

    fn seconds(&self) -> impl Iterator<Item = (i64, u32)> + '_ {
        let (shift, first) = (self.shift, self.first);
        (first..).zip(self.counts.iter().take(self.used)).map(move |(bucket, count)| (bucket << shift, *count))
    }

    fn add_many(&mut self, second: i64, count: u32) {
        if self.used == 0 {
            self.first = second >> self.shift;
            self.used = 1;
        }
        let last = |trend: &Self| trend.first.saturating_add(i64::try_from(trend.used).unwrap_or(0) - 1);
        let mut bucket = second >> self.shift;
        while last(self).max(bucket).saturating_sub(self.first.min(bucket)) >= SPAN {
            self.widen();
            bucket = second >> self.shift;
        }
        if bucket < self.first {
            let by = usize::try_from(self.first - bucket).unwrap_or(0);
            self.counts.rotate_right(by);
            self.used += by;
            self.first = bucket;
        }
        let index = usize::try_from(bucket - self.first).unwrap_or(0);
        self.used = self.used.max(index + 1);
        if let Some(slot) = self.counts.get_mut(index) {
            *slot = slot.saturating_add(count);
        }
    }

    fn widen(&mut self) {
        let first = self.first >> 1;
        let mut counts = [0_u32; BUCKETS];
        for (bucket, count) in (self.first..).zip(self.counts.iter().take(self.used)) {
            let index = usize::try_from((bucket >> 1) - first).unwrap_or(0);
            if let Some(slot) = counts.get_mut(index) {
                *slot = slot.saturating_add(*count);
            }
        }
        let last = self.first.saturating_add(i64::try_from(self.used).unwrap_or(0) - 1) >> 1;
        self.used = if self.used == 0 { 0 } else { usize::try_from(last - first).unwrap_or(0) + 1 };
        self.first = first;
        self.shift += 1;
        self.counts = counts;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Nanos {
        Nanos(second * Nanos::SECOND)
    }

    #[test]
    fn nothing_is_lost_when_buckets_widen() {
        let mut trend = Trend::default();
        for second in [1_000, 1_001, 1_001, 5_000, 100, 1_000_000] {
            trend.add(at(second));
        }
        assert_eq!(trend.series().map(|(_, count)| count).sum::<u32>(), 6);
        assert_eq!(trend.width(), Nanos(Nanos::SECOND << 15));
        assert!(trend.series().count() <= BUCKETS);
    }

    #[test]
    fn adding_two_is_counting_both() {
        let moments = [5, 7, 7, 90, 91, 300, -50, 4_000];
        let mut both = Trend::default();
        let (mut one, mut other) = (Trend::default(), Trend::default());
        for (index, second) in moments.into_iter().enumerate() {
            both.add(at(second));
            if index % 2 == 0 { one.add(at(second)) } else { other.add(at(second)) }
        }
        let mut turned = other.clone();
        turned.merge(&one);
        one.merge(&other);
        assert_eq!(one, both);
        assert_eq!(turned, both);
    }

    #[test]
    fn a_sparkline_counts_what_lies_in_it() {
        let mut trend = Trend::default();
        (0..60).for_each(|second| trend.add(at(second)));
        assert_eq!(trend.spread(at(0), at(60), 6), [10; 6]);
        assert_eq!(trend.spread(at(30), at(60), 3), [10; 3]);
    }
}
