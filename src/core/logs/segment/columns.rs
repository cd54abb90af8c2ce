//! What a segment has besides its text, in as few bytes as it takes.
use super::super::Nanos;

/// What a segment has besides its text.
#[derive(Debug, Default)]
pub(super) struct Columns {
    /// Where each record begins, and at last where the text ends.
    pub(super) bounds: Vec<u32>,
    pub(super) times: Times,
    pub(super) order: Order,
    pub(super) levels: Vec<u8>,
    pub(super) sources: Sources,
    /// Empty where no record has one; the same with the next two.
    pub(super) statuses: Vec<u16>,
    pub(super) durations: Vec<u32>,
    pub(super) flags: Vec<u8>,
    pub(super) extras: Extras,
    pub(super) first: Nanos,
    pub(super) last: Nanos,
    pub(super) by_level: [u32; 8],
    pub(super) lines: usize,
    pub(super) has_notices: bool,
}

/// Times as four bytes where a common unit allows it.
#[derive(Debug)]
pub(super) enum Times {
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
pub(super) enum Order {
    #[default]
    Arrival,
    Short(Vec<u16>),
    Long(Vec<u32>),
}

#[derive(Debug)]
pub(super) enum Sources {
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
pub(super) struct Extras {
    pub(super) text: String,
    /// Record and end in `text`.
    pub(super) ends: Vec<(u32, u32)>,
}

impl Times {
    #[inline]
    pub(super) fn get(&self, record: usize) -> Nanos {
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
    pub(super) fn set_times(&mut self, times: Vec<i64>, ordered: bool) {
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

impl Sources {
    pub(super) fn of(each: &[u16]) -> Self {
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

/// Segments are cut long before four gigabytes.
pub(super) fn index32(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}
