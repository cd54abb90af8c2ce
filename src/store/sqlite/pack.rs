//! The buckets of a UTC day in a few bytes, so that 90 days of 200 services are 18,000 short rows instead of 432,000.
//!
//! A day is a list of runs of equal buckets, one after the other in time: eight LEB128 numbers each, namely offset from
//! the start of the UTC day, length of one bucket, how many follow each other, and the five parts of one bucket, in
//! milliseconds. A day without trouble is one run of 24. It keeps every hour apart, so that days can be cut in any time
//! zone afterwards.
use std::collections::BTreeMap;

use rusqlite::{Connection, params};

use super::{Trouble, read::names};
use crate::core::{
    id::ServiceId,
    record::Bucket,
    services::Split,
    time::{DAY, Timestamp},
};

/// Which packed day.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    day: i64,
    service: i64,
    source: String,
}

impl Key {
    /// The day in which a bucket starts.
    pub(super) fn of(start: Timestamp, service: i64, source: &str) -> Self {
        Self { day: floor_to_day(start), service, source: source.to_owned() }
    }
}

/// The start of a moment's UTC day.
pub(super) fn floor_to_day(at: Timestamp) -> i64 {
    at.0.div_euclid(DAY).saturating_mul(DAY)
}

/// Packs a day anew from its buckets.
pub(super) fn rebuild(conn: &Connection, key: &Key) -> Result<(), Trouble> {
    let mut statement = conn.prepare_cached(
        "SELECT start, length_ms, up_ms, degraded_ms, down_ms, maintenance_ms, unknown_ms FROM bucket
         WHERE service = ?1 AND source = ?2 AND start >= ?3 AND start < ?3 + 86400000 ORDER BY start",
    )?;
    let mut rows = statement.query(params![key.service, key.source, key.day])?;
    let mut runs: Vec<Run> = Vec::new();
    while let Some(row) = rows.next()? {
        let start: i64 = row.get(0)?;
        let run = Run {
            offset_ms: start - key.day,
            length_ms: row.get(1)?,
            count: 1,
            split: Split {
                up_ms: row.get(2)?,
                degraded_ms: row.get(3)?,
                down_ms: row.get(4)?,
                maintenance_ms: row.get(5)?,
                unknown_ms: row.get(6)?,
            },
        };
        match runs.last_mut() {
            Some(last) if last.is_followed_by(&run) => last.count += 1,
            _ => runs.push(run),
        }
    }
    conn.prepare_cached("INSERT OR REPLACE INTO bucket_day VALUES (?1, ?2, ?3, ?4)")?.execute(params![
        key.day,
        key.service,
        key.source,
        encode(&runs)
    ])?;
    Ok(())
}

/// Adds up whole days between borders.
pub(super) fn days(conn: &Connection, borders: &[Timestamp]) -> Result<Vec<Bucket>, Trouble> {
    let (Some(first), Some(last)) = (borders.first(), borders.last()) else { return Ok(Vec::new()) };
    let services = names::<ServiceId>(conn, "service")?;
    // A bucket of the day before may have its middle after the first border (imported days).
    let mut statement =
        conn.prepare_cached("SELECT day, service, source, runs FROM bucket_day WHERE day >= ?1 AND day < ?2")?;
    let mut rows = statement.query(params![floor_to_day(*first) - DAY, last.0])?;
    let mut sums: BTreeMap<(&ServiceId, String), Vec<Option<Split>>> = BTreeMap::new();
    let mut by_id: BTreeMap<(i64, String), Vec<Option<Split>>> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let (day, service): (i64, i64) = (row.get(0)?, row.get(1)?);
        let source = row.get_ref(2)?.as_str().unwrap_or_default();
        let damaged = || Trouble::Damaged(format!("packed day {day} of service {service}"));
        let runs = decode(row.get_ref(3)?.as_blob().unwrap_or_default()).ok_or_else(damaged)?;
        let key = (service, source.to_owned());
        let of_service = by_id.entry(key).or_insert_with(|| vec![None; borders.len().saturating_sub(1)]);
        for run in runs {
            run.add_to(day, borders, of_service);
        }
    }
    for ((service, source), splits) in by_id {
        if let Some(name) = services.get(&service) {
            sums.insert((name, source), splits);
        }
    }
    let mut buckets = Vec::with_capacity(sums.len().saturating_mul(borders.len()));
    for ((service, source), splits) in sums {
        for (pair, split) in borders.windows(2).zip(splits) {
            if let ([start, end], Some(split)) = (pair, split) {
                let (service, source) = (service.clone(), source.clone());
                buckets.push(Bucket { service, start: *start, length_ms: end.since(*start), split, source });
            }
        }
    }
    Ok(buckets)
}

/// Equal buckets, one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Run {
    offset_ms: i64,
    length_ms: i64,
    count: i64,
    split: Split,
}

impl Run {
    fn is_followed_by(&self, next: &Self) -> bool {
        next.offset_ms == self.offset_ms + self.length_ms * self.count
            && next.length_ms == self.length_ms
            && next.split == self.split
    }

    /// Adds each bucket to the day that contains its middle.
    fn add_to(&self, day: i64, borders: &[Timestamp], sums: &mut [Option<Split>]) {
        let middle = |index: i64| {
            let offset = self.offset_ms.saturating_add(self.length_ms.saturating_mul(index));
            Timestamp(day.saturating_add(offset).saturating_add(self.length_ms / 2))
        };
        let slot_of = |at: Timestamp| borders.partition_point(|border| *border <= at).checked_sub(1);
        let mut index = 0;
        while index < self.count {
            let slot = slot_of(middle(index));
            // Most runs lie in one day as a whole.
            let many = if slot_of(middle(self.count - 1)) == slot { self.count - index } else { 1 };
            if let Some(sum) = slot.and_then(|slot| sums.get_mut(slot)) {
                add(sum.get_or_insert_default(), &self.split, many);
            }
            index += many;
        }
    }
}

fn add(sum: &mut Split, part: &Split, times: i64) {
    let add = |sum: &mut i64, part: i64| *sum = sum.saturating_add(part.saturating_mul(times));
    add(&mut sum.up_ms, part.up_ms);
    add(&mut sum.degraded_ms, part.degraded_ms);
    add(&mut sum.down_ms, part.down_ms);
    add(&mut sum.maintenance_ms, part.maintenance_ms);
    add(&mut sum.unknown_ms, part.unknown_ms);
}

fn encode(runs: &[Run]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(runs.len() * 16);
    for run in runs {
        let split = run.split;
        let parts = [split.up_ms, split.degraded_ms, split.down_ms, split.maintenance_ms, split.unknown_ms];
        for number in [run.offset_ms, run.length_ms, run.count].into_iter().chain(parts) {
            let mut rest = u64::try_from(number).unwrap_or(0);
            while rest >= 0x80 {
                bytes.push(u8::try_from(rest & 0x7f).unwrap_or(0) | 0x80);
                rest >>= 7;
            }
            bytes.push(u8::try_from(rest).unwrap_or(0));
        }
    }
    bytes
}

/// Unpacks a day; none when the bytes are not what [`encode`] makes.
fn decode(bytes: &[u8]) -> Option<Vec<Run>> {
    let mut bytes = bytes.iter().copied();
    let mut runs = Vec::new();
    while bytes.len() > 0 {
        let mut next = || -> Option<i64> {
            let mut number: u64 = 0;
            for shift in (0..63).step_by(7) {
                let byte = bytes.next()?;
                number |= u64::from(byte & 0x7f) << shift;
                if byte & 0x80 == 0 {
                    return i64::try_from(number).ok();
                }
            }
            None
        };
        let run = Run {
            offset_ms: next()?,
            length_ms: next()?,
            count: next()?,
            split: Split {
                up_ms: next()?,
                degraded_ms: next()?,
                down_ms: next()?,
                maintenance_ms: next()?,
                unknown_ms: next()?,
            },
        };
        // No day has more buckets than milliseconds.
        if run.count < 1 || run.count > DAY {
            return None;
        }
        runs.push(run);
    }
    Some(runs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::time::HOUR;

    fn run(offset_ms: i64, count: i64, up_ms: i64) -> Run {
        let split = Split { up_ms, down_ms: HOUR - up_ms, ..Split::default() };
        Run { offset_ms, length_ms: HOUR, count, split }
    }

    #[test]
    fn what_is_packed_is_unpacked() {
        let runs = vec![run(0, 7, HOUR), run(7 * HOUR, 1, 12_345), run(8 * HOUR, 16, HOUR)];
        assert_eq!(decode(&encode(&runs)), Some(runs));
        assert_eq!(encode(&[run(0, 24, HOUR)]).len(), 14, "a day without trouble");
        assert_eq!(decode(&[]), Some(vec![]));
    }

    #[test]
    fn what_is_not_packed_is_refused() {
        let bytes = encode(&[run(0, 24, HOUR)]);
        for cut in 1..bytes.len() {
            assert_eq!(decode(&bytes[..cut]), None, "{cut}");
        }
        assert_eq!(decode(&[0xff; 80]), None);
        assert_eq!(decode(&[0; 8]), None, "a run of none");
    }

    #[test]
    fn hours_count_to_the_day_of_their_middle() {
        let borders: Vec<_> = [-2, 22, 46].map(|hours| Timestamp(hours * HOUR)).into();
        let mut sums = vec![None; 2];
        run(0, 24, HOUR).add_to(0, &borders, &mut sums);
        assert_eq!(sums.iter().map(|sum| sum.unwrap().up_ms / HOUR).collect::<Vec<_>>(), [22, 2]);

        // India is half an hour off: 18:00 to 19:00 UTC belongs half to each day, and counts to the later.
        let borders: Vec<_> = [-11, 37, 85].map(|halves| Timestamp(halves * HOUR / 2)).into();
        let mut sums = vec![None; 2];
        run(0, 24, HOUR).add_to(0, &borders, &mut sums);
        assert_eq!(sums.iter().map(|sum| sum.unwrap().up_ms / HOUR).collect::<Vec<_>>(), [18, 6]);
    }
}
