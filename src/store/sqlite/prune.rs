//! Forgetting: small transactions, each along an index, so that nobody waits long for the lock.
use rusqlite::{Connection, params};

use super::{Keep, Pruned, Trouble, pack::floor_to_day};
use crate::core::time::Timestamp;

/// What is forgotten.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Results,
    Buckets,
    HostMinutes,
}

/// Everything that is forgotten.
pub(super) const ALL: [Kind; 3] = [Kind::Results, Kind::Buckets, Kind::HostMinutes];

/// Check by check, so that the index on check and slot is used.
pub(super) const OLD_RESULTS: &str = "DELETE FROM result WHERE feed IN (SELECT r.feed FROM name n CROSS JOIN result r
     ON r.\"check\" = n.id AND r.slot < ?1 WHERE n.kind = 'check' LIMIT 1000)";
/// Host by host, so that the primary key is used.
pub(super) const OLD_HOST_MINUTES: &str = "DELETE FROM host_minute WHERE (host, at) IN (SELECT m.host, m.at
     FROM name n CROSS JOIN host_minute m ON m.host = n.id AND m.at < ?1 WHERE n.kind = 'host' LIMIT 1000)";

impl Kind {
    /// Where its rows are counted.
    pub(super) fn count(self, pruned: &mut Pruned) -> &mut usize {
        match self {
            Self::Results => &mut pruned.results,
            Self::Buckets => &mut pruned.buckets,
            Self::HostMinutes => &mut pruned.host_minutes,
        }
    }

    /// Removes about a thousand rows; none when there was nothing left to remove.
    pub(super) fn batch(self, conn: &Connection, now: Timestamp, keep: &Keep) -> Result<Option<usize>, Trouble> {
        let removed = match self {
            Self::Results => conn.prepare_cached(OLD_RESULTS)?.execute([(now - keep.results_ms).0])?,
            Self::HostMinutes => conn.prepare_cached(OLD_HOST_MINUTES)?.execute([(now - keep.host_minutes_ms).0])?,
            Self::Buckets => return buckets(conn, floor_to_day(now - keep.buckets_ms)),
        };
        Ok((removed > 0).then_some(removed))
    }
}

fn buckets(conn: &Connection, before: i64) -> Result<Option<usize>, Trouble> {
    let days = conn
        .prepare_cached("SELECT day, service, source FROM bucket_day WHERE day < ?1 LIMIT 50")?
        .query_map([before], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, String>(2)?)))?
        .collect::<Result<Vec<_>, _>>()?;
    let mut removed = 0;
    for (day, service, source) in &days {
        removed += conn
            .prepare_cached(
                "DELETE FROM bucket WHERE service = ?2 AND source = ?3 AND start >= ?1 AND start < ?1 + 86400000",
            )?
            .execute(params![day, service, source])?;
        conn.prepare_cached("DELETE FROM bucket_day WHERE day = ?1 AND service = ?2 AND source = ?3")?
            .execute(params![day, service, source])?;
    }
    Ok((!days.is_empty()).then_some(removed))
}
