//! How values are spread, in little room.
use super::super::filter::Figure;

/// Values of a group that are kept as they are for its quantiles; beyond, a sketch is made of them.
const EXACT: usize = 1 << 16;
/// How far a sketched quantile may be from the exact one, as a share of it.
pub const SKETCH_ERROR: f64 = 0.005;

/// How values are spread, in little room.
#[derive(Clone, Debug, Default)]
pub struct Spread {
    exact: Vec<f64>,
    /// How many of them are kept; none: [`EXACT`].
    few: Option<usize>,
    /// Buckets by logarithm and their counts, in order. Empty as long as all values are kept.
    buckets: Vec<(i32, u64)>,
    count: u64,
    sum: f64,
    least: f64,
    most: f64,
}

impl Spread {
    /// Makes one that keeps only so many values as they are, for where there are many of it.
    pub fn of_few(few: usize) -> Self {
        Self { few: Some(few), ..Self::default() }
    }

    fn room(&self) -> usize {
        self.few.unwrap_or(EXACT)
    }

    /// Adds a value.
    pub fn add(&mut self, value: f64) {
        (self.least, self.most) =
            if self.count == 0 { (value, value) } else { (self.least.min(value), self.most.max(value)) };
        self.count += 1;
        self.sum += value;
        if self.buckets.is_empty() && self.exact.len() < self.room() {
            self.exact.push(value);
            return;
        }
        self.sketch();
        self.count_bucket(bucket(value), 1);
    }

    /// Adds all values of another.
    pub fn merge(&mut self, other: Self) {
        if other.count == 0 {
            return;
        }
        (self.least, self.most) = if self.count == 0 {
            (other.least, other.most)
        } else {
            (self.least.min(other.least), self.most.max(other.most))
        };
        self.count += other.count;
        self.sum += other.sum;
        if self.buckets.is_empty() && other.buckets.is_empty() && self.exact.len() + other.exact.len() <= self.room() {
            self.exact.extend(other.exact);
            return;
        }
        self.sketch();
        for value in other.exact {
            self.count_bucket(bucket(value), 1);
        }
        for (bucket, count) in other.buckets {
            self.count_bucket(bucket, count);
        }
    }

    /// How many values there are.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Says whether quantiles are estimates.
    pub fn is_estimated(&self) -> bool {
        !self.buckets.is_empty()
    }

    /// Returns a figure; none without values.
    pub fn figure(&mut self, figure: Figure) -> Option<f64> {
        if self.count == 0 {
            return None;
        }
        Some(match figure {
            Figure::Least => self.least,
            Figure::Most => self.most,
            Figure::Sum => self.sum,
            Figure::Average => self.sum / self.count as f64,
            Figure::Quantile(tenths) => return self.quantile(tenths),
        })
    }

    /// The smallest value that at least so many tenths of a percent of all are not above.
    pub fn quantile(&mut self, tenths: u16) -> Option<f64> {
        let rank = (self.count * u64::from(tenths)).div_ceil(1000).max(1).min(self.count);
        let place = rank.checked_sub(1)?;
        if self.buckets.is_empty() {
            let place = usize::try_from(place).ok()?;
            let (_, value, _) = self.exact.select_nth_unstable_by(place, f64::total_cmp);
            return Some(*value);
        }
        let mut before = 0;
        let found = self.buckets.iter().find(|(_, count)| {
            before += count;
            before > place
        });
        found.map(|(bucket, _)| middle(*bucket).clamp(self.least, self.most))
    }

    fn sketch(&mut self) {
        for value in std::mem::take(&mut self.exact) {
            self.count_bucket(bucket(value), 1);
        }
    }

    fn count_bucket(&mut self, bucket: i32, count: u64) {
        match self.buckets.binary_search_by_key(&bucket, |(of, _)| *of) {
            Ok(at) => {
                if let Some((_, counted)) = self.buckets.get_mut(at) {
                    *counted += count;
                }
            }
            Err(at) => self.buckets.insert(at, (bucket, count)),
        }
    }
}

/// The width of a bucket, as a factor: its middle is off by half of it at most.
const WIDTH: f64 = 1.0 + 2.0 * SKETCH_ERROR;

/// Positive values by logarithm, those below them mirrored, zero and what is next to it in the middle.
fn bucket(value: f64) -> i32 {
    const NEAR_ZERO: f64 = 1e-9;
    if value.abs() < NEAR_ZERO {
        return 0;
    }
    #[expect(clippy::cast_possible_truncation, reason = "the logarithm of a float is far from the limits")]
    let steps = ((value.abs() / NEAR_ZERO).ln() / WIDTH.ln()) as i32 + 1;
    if value < 0.0 { -steps } else { steps }
}

fn middle(bucket: i32) -> f64 {
    if bucket == 0 {
        return 0.0;
    }
    let low = 1e-9 * WIDTH.powi(bucket.abs() - 1);
    let middle = low * (1.0 + WIDTH) / 2.0;
    if bucket < 0 { -middle } else { middle }
}
