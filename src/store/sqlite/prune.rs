//! Forgetting: small transactions, each along an index, so that nobody waits long for the lock.
//!
//! A policy of 400 days keeps 400 days *on record*, not 400 days of the calendar: rows go only when they are both older
//! than the policy says and older than that many of the newest days (of UTC) of which there are any rows. So a wall clock
//! that is years ahead, for a moment or for a night, costs none of the past: what it recorded counts as the one or two
//! days that it was. A console that is used now and then keeps its days for longer than the calendar would.
use rusqlite::Connection;

use super::{Keep, Pruned, Trouble};
use crate::core::time::{DAY, Timestamp};

/// What is forgotten.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Results,
    Buckets,
    HostMinutes,
    Patterns,
}

/// Everything that is forgotten.
pub(super) const ALL: [Kind; 4] = [Kind::Results, Kind::Buckets, Kind::HostMinutes, Kind::Patterns];

/// Check by check, so that the index on check and slot is used.
pub(super) const OLD_RESULTS: &str = "DELETE FROM result WHERE feed IN (SELECT r.feed FROM name n CROSS JOIN result r
     ON r.\"check\" = n.id AND r.slot < ?1 WHERE n.kind = 'check' LIMIT 1000)";
/// Host by host, so that the primary key is used.
pub(super) const OLD_HOST_MINUTES: &str = "DELETE FROM host_minute WHERE (host, at) IN (SELECT m.host, m.at
     FROM name n CROSS JOIN host_minute m ON m.host = n.id AND m.at < ?1 WHERE n.kind = 'host' LIMIT 1000)";
/// By the first two columns of the primary key.
pub(super) const OLD_BUCKETS: &str = "DELETE FROM bucket WHERE (days, start, service, source, length_ms) IN
     (SELECT days, start, service, source, length_ms FROM bucket WHERE days IN (0, 1) AND start < ?1 LIMIT 1000)";

/// By the index on age.
pub(super) const OLD_PATTERNS: &str = "DELETE FROM pattern WHERE (scope, template) IN
     (SELECT scope, template FROM pattern WHERE last_seen < ?1 LIMIT 1000)";

/// The newest result before a moment.
pub(super) const NEWEST_RESULT: &str = "SELECT max((SELECT max(slot) FROM result r WHERE r.\"check\" = n.id
     AND r.slot < ?1)) FROM name n WHERE n.kind = 'check'";
/// The newest host minute before a moment.
pub(super) const NEWEST_HOST_MINUTE: &str = "SELECT max((SELECT max(at) FROM host_minute m WHERE m.host = n.id
     AND m.at < ?1)) FROM name n WHERE n.kind = 'host'";
/// The newest hour before a moment: hours are always recorded here, while days may be imported.
pub(super) const NEWEST_HOUR: &str = "SELECT max(start) FROM bucket WHERE days = 0 AND start < ?1";

/// The newest hour, or pattern, before a moment: one that is logged all the time is of the newest day alone.
pub(super) const NEWEST_PATTERN: &str = "SELECT max(at) FROM (SELECT max(start) AS at FROM bucket
     WHERE days = 0 AND start < ?1 UNION ALL SELECT max(last_seen) FROM pattern WHERE last_seen < ?1)";

impl Kind {
    /// Where its rows are counted.
    pub(super) fn count(self, pruned: &mut Pruned) -> &mut usize {
        match self {
            Self::Results => &mut pruned.results,
            Self::Buckets => &mut pruned.buckets,
            Self::HostMinutes => &mut pruned.host_minutes,
            Self::Patterns => &mut pruned.patterns,
        }
    }

    /// Returns from when on rows are kept; none when all of them are.
    pub(super) fn kept_from(
        self,
        conn: &Connection,
        now: Timestamp,
        keep: &Keep,
    ) -> Result<Option<Timestamp>, Trouble> {
        let (keep_ms, newest) = match self {
            Self::Results => (keep.results_ms, NEWEST_RESULT),
            Self::HostMinutes => (keep.host_minutes_ms, NEWEST_HOST_MINUTE),
            Self::Buckets => (keep.buckets_ms, NEWEST_HOUR),
            Self::Patterns => (keep.patterns_ms, NEWEST_PATTERN),
        };
        let mut newest = conn.prepare_cached(newest)?;
        // From day to day on record, newest first: as many searches as days are kept.
        let mut recorded = Timestamp(i64::MAX);
        for _ in 0..keep_ms.saturating_add(DAY - 1) / DAY {
            let Some(at) = newest.query_row([recorded.0], |row| row.get::<_, Option<i64>>(0))? else {
                return Ok(None);
            };
            recorded = Timestamp(at - at.rem_euclid(DAY));
        }
        Ok(Some(recorded.min(now - keep_ms)))
    }

    /// Removes about a thousand rows from before a moment; none when there was nothing left to remove.
    pub(super) fn batch(self, conn: &Connection, kept_from: Timestamp) -> Result<Option<usize>, Trouble> {
        let old = match self {
            Self::Results => OLD_RESULTS,
            Self::HostMinutes => OLD_HOST_MINUTES,
            Self::Buckets => OLD_BUCKETS,
            Self::Patterns => OLD_PATTERNS,
        };
        let removed = conn.prepare_cached(old)?.execute([kept_from.0])?;
        Ok((removed > 0).then_some(removed))
    }
}
