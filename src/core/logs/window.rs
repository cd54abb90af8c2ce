//! What the last minutes of a source were like, in counters that add up: what rules on logs are measured from.
use std::{collections::BTreeMap, sync::Arc};

use crate::core::id::{HostName, ServiceId};

/// Durations in buckets that are 6 % wide at most; they add up, and quantiles are read from them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Latencies {
    buckets: BTreeMap<u16, u64>,
    count: u64,
}

/// Each doubling is cut in 2^4 buckets.
const BITS: u32 = 4;

impl Latencies {
    /// Counts a duration in microseconds.
    pub fn add(&mut self, micros: u32) {
        *self.buckets.entry(Self::bucket(micros)).or_insert(0) += 1;
        self.count += 1;
    }

    /// Adds others.
    pub fn merge(&mut self, other: &Self) {
        for (bucket, count) in &other.buckets {
            *self.buckets.entry(*bucket).or_insert(0) += count;
        }
        self.count += other.count;
    }

    /// Returns how many there are.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Returns a duration in microseconds that so many tenths of a percent are not above (950: p95), none without any.
    pub fn quantile(&self, tenths: u16) -> Option<u32> {
        let rank = (u128::from(self.count) * u128::from(tenths)).div_ceil(1000).max(1);
        let mut below = 0;
        for (bucket, count) in &self.buckets {
            below += u128::from(*count);
            if below >= rank {
                return Some(Self::end(*bucket));
            }
        }
        None
    }

    fn bucket(micros: u32) -> u16 {
        let shift = (u32::BITS - micros.leading_zeros()).saturating_sub(BITS + 1);
        u16::try_from((shift << BITS) + (micros >> shift)).unwrap_or(u16::MAX)
    }

    /// The largest duration of a bucket.
    fn end(bucket: u16) -> u32 {
        let bucket = u32::from(bucket);
        let shift = (bucket >> BITS).saturating_sub(1);
        let first = bucket - (shift << BITS);
        u32::try_from(((u64::from(first) + 1) << shift) - 1).unwrap_or(u32::MAX)
    }
}

/// A source's last minutes.
#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    /// The source's name.
    pub source: Arc<str>,
    /// The service whose lines these are.
    pub service: Option<ServiceId>,
    /// The host that they are written on.
    pub host: Option<HostName>,
    /// Whether the source is live and was for all of the window: nothing is measured of one that is not.
    pub live: bool,
    /// The window's length in milliseconds.
    pub length_ms: u64,
    /// Records.
    pub records: u64,
    /// Those with a status.
    pub requests: u64,
    /// Those with a status from 500 on.
    pub failed: u64,
    /// Durations of those that have one.
    pub latencies: Latencies,
    /// The template of level error or worse with most records: its text, sanitised and redacted, and how many.
    pub loudest: Option<(String, u64)>,
    /// Milliseconds since its last record; none when none was seen yet.
    pub silent_ms: Option<u64>,
}

impl Window {
    /// Makes an empty window of a live source.
    pub fn new(source: impl Into<Arc<str>>, length_ms: u64) -> Self {
        Self {
            source: source.into(),
            service: None,
            host: None,
            live: true,
            length_ms,
            records: 0,
            requests: 0,
            failed: 0,
            latencies: Latencies::default(),
            loudest: None,
            silent_ms: None,
        }
    }

    /// Counts a record by its columns, as [`Head`](super::format::Head) has them: no status is 0, no duration `u32::MAX`.
    pub fn count(&mut self, status: u16, duration_us: u32) {
        self.records += 1;
        if status > 0 {
            self.requests += 1;
            self.failed += u64::from(status >= 500);
        }
        if duration_us < u32::MAX {
            self.latencies.add(duration_us);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_right_within_a_bucket() {
        let mut latencies = Latencies::default();
        assert_eq!(latencies.quantile(950), None);
        (1..=10_000).for_each(|micros| latencies.add(micros));
        for (tenths, exact) in [(500, 5_000.0), (950, 9_500.0), (990, 9_900.0), (1000, 10_000.0), (0, 1.0)] {
            let got = f64::from(latencies.quantile(tenths).unwrap());
            assert!((exact..=exact * 1.07).contains(&got), "{tenths}: {got}");
        }
        for micros in [0, 1, 15, 16, 17, 31, 32, 33, 1_000_000, u32::MAX] {
            let end = Latencies::end(Latencies::bucket(micros));
            assert!(end >= micros && f64::from(end) <= f64::from(micros) * 1.07, "{micros}: {end}");
        }
    }

    #[test]
    fn halves_add_up() {
        let (mut whole, mut one, mut other) = (Latencies::default(), Latencies::default(), Latencies::default());
        for micros in (0..1_000).map(|n| n * n) {
            whole.add(micros);
            if micros % 2 == 0 { one.add(micros) } else { other.add(micros) }
        }
        one.merge(&other);
        assert_eq!(one, whole);
    }
}
