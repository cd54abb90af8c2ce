//! The lease: who records. The parent module's parent says how it holds when clocks jump.
use rusqlite::{Connection, OptionalExtension as _, params};

use super::{Holder, Lease, Owner, Trouble, signed, unsigned};
use crate::core::time::{Mono, Now, Timestamp};

/// The lease's row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Current {
    owner: Option<String>,
    label: String,
    pub(super) epoch: u64,
    until: Timestamp,
    beat: u64,
}

/// Since when another's lease has been standing still, on this process's own clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Watch {
    epoch: u64,
    beat: u64,
    since: Mono,
}

impl Current {
    /// Who holds it.
    pub(super) fn holder(self) -> Option<Holder> {
        self.owner.is_some().then_some(Holder { label: self.label, epoch: self.epoch, until: self.until })
    }

    /// Whether a recorder with this epoch may write.
    pub(super) fn is_held_in(&self, epoch: u64) -> bool {
        self.owner.is_some() && self.epoch == epoch
    }

    /// Whether its holder has gone.
    fn is_dead(&self, now: Now, ttl_ms: u64, watch: Option<Watch>) -> bool {
        let stands_still = watch.is_some_and(|watch| {
            watch.epoch == self.epoch && watch.beat == self.beat && now.mono.since(watch.since) >= ttl_ms
        });
        self.owner.is_none() || now.utc >= self.until || stands_still
    }

    fn is_of(&self, owner: &Owner) -> bool {
        self.owner.as_deref() == Some(&*owner.uid.to_string())
    }
}

/// Reads the lease.
pub(super) fn current(conn: &Connection) -> Result<Current, Trouble> {
    let row = conn
        .prepare_cached("SELECT owner, label, epoch, until, beat FROM lease WHERE id = 1")?
        .query_row([], |row| {
            Ok(Current {
                owner: row.get(0)?,
                label: row.get(1)?,
                epoch: unsigned(row.get(2)?),
                until: Timestamp(row.get(3)?),
                beat: unsigned(row.get(4)?),
            })
        })
        .optional()?;
    row.ok_or_else(|| Trouble::Damaged("the lease has no row".to_owned()))
}

/// Says who else holds a living lease; none when `owner` may take or renew it.
pub(super) fn of_another(
    seen: &Current,
    owner: &Owner,
    now: Now,
    ttl_ms: u64,
    watch: &mut Option<Watch>,
) -> Option<Lease> {
    if seen.is_of(owner) || seen.is_dead(now, ttl_ms, *watch) {
        return None;
    }
    if watch.is_none_or(|watch| watch.epoch != seen.epoch || watch.beat != seen.beat) {
        *watch = Some(Watch { epoch: seen.epoch, beat: seen.beat, since: now.mono });
    }
    Some(Lease::Other { label: seen.label.clone(), epoch: seen.epoch, until: seen.until })
}

/// Takes or renews the lease, unless another was faster. Runs within a write transaction.
pub(super) fn take(
    conn: &Connection,
    owner: &Owner,
    now: Now,
    ttl_ms: u64,
    mut watch: Option<Watch>,
) -> Result<Lease, Trouble> {
    let seen = current(conn)?;
    if let Some(lease) = of_another(&seen, owner, now, ttl_ms, &mut watch) {
        return Ok(lease);
    }
    let epoch = if seen.is_of(owner) { seen.epoch } else { seen.epoch + 1 };
    conn.prepare_cached("UPDATE lease SET owner = ?1, label = ?2, epoch = ?3, until = ?4, beat = beat + 1")?
        .execute(params![owner.uid.to_string(), owner.label, signed(epoch), (now.utc + signed(ttl_ms)).0])?;
    Ok(Lease::Mine { epoch })
}

/// Gives the lease back if `owner` has it.
pub(super) fn release(conn: &Connection, owner: &Owner) -> Result<(), Trouble> {
    conn.execute("UPDATE lease SET owner = NULL, label = '', until = 0 WHERE owner = ?1", [owner.uid.to_string()])?;
    Ok(())
}
