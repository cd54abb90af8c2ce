//! Forgetting: small transactions, each along an index, so that nobody waits long for the lock.
use rusqlite::Connection;

use super::{Keep, Pruned, Trouble};
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
/// By the first two columns of the primary key.
pub(super) const OLD_BUCKETS: &str = "DELETE FROM bucket WHERE (days, start, service, source, length_ms) IN
     (SELECT days, start, service, source, length_ms FROM bucket WHERE days IN (0, 1) AND start < ?1 LIMIT 1000)";

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
            Self::Buckets => conn.prepare_cached(OLD_BUCKETS)?.execute([(now - keep.buckets_ms).0])?,
        };
        Ok((removed > 0).then_some(removed))
    }
}
