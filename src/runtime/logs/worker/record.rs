//! Reads the record that is looked at.
use std::collections::{HashMap, hash_map::Entry};

use super::{PATTERNS_MS, Worker};
use crate::{
    core::{
        logs::{
            self, Key,
            aggregate::{Row, Table},
            buffer::Snapshot,
            read::Matches,
            shown::{self, FieldValue},
        },
        time::Mono,
    },
    runtime::logs::answer,
};

/// Lines of which shares are worked out, about; fields of a record at most.
const SHARES_OF: u64 = 20_000;
const SHARED_FIELDS: usize = 12;
impl Worker {
    /// Reads a record, field by field.
    fn record(&self, key: Option<Key>, snapshot: &Snapshot, all: &Matches) -> (Vec<FieldValue>, usize) {
        let Some(at) = key.and_then(|key| all.at(key)) else { return (Vec::new(), 0) };
        let Some(source) = snapshot.source(at.segment.source(at.index)) else { return (Vec::new(), 0) };
        let mut fields = Vec::new();
        let mut put = |name: &str, value: String| {
            if !value.is_empty() && fields.iter().all(|field: &FieldValue| field.name != name) {
                fields.push(FieldValue { name: name.to_owned(), value, ..FieldValue::default() });
            }
        };
        for name in ["service", "env", "host", "source"] {
            put(name, logs::read::source_value(source, name).unwrap_or_default().to_owned());
        }
        put("level", at.segment.level(at.index).word().to_owned());
        let masked = at.with_bytes(|bytes| {
            for (name, value) in source.format.all(bytes) {
                put(&name, String::from_utf8_lossy(&value).into_owned());
            }
            shown::masked(&self.redact, bytes).1
        });
        put("service", logs::read::service_of_last_resort(source).unwrap_or_default().to_owned());
        for name in self.derived.names() {
            let value = at.with_bytes(|bytes| self.derived.value(name, bytes, &source.format));
            // Where a rule finds nothing, that is said: a partner that is not known is no blank.
            let says = value.map_or_else(|| "?".to_owned(), |value| String::from_utf8_lossy(&value).into_owned());
            put(name, says);
        }
        if let Some(extras) = at.segment.extras(at.index) {
            put("beside", extras.to_owned());
        }
        put("file", source.path.to_string());
        (fields, masked)
    }

    /// Reads the record under the cursor, and says of each field how many of the newest lines that pass have the same value.
    pub(super) fn looked_at(
        &mut self,
        snapshot: &Snapshot,
        all: &Matches,
        matches: &Matches,
        now: Mono,
    ) -> (Option<Key>, Vec<FieldValue>, usize) {
        // While the newest line is followed, it is the one that is looked at.
        let key = self.query.record.or_else(|| matches.last().map(|last| last.key()));
        let (mut record, masked) = self.record(key, snapshot, all);
        self.shares(&mut record, matches, snapshot, now);
        (key, record, masked)
    }

    /// Counts values of a field at a time, and only those of fields that the record has; what was counted a moment ago still
    /// holds, whichever record is looked at.
    fn shares(&mut self, record: &mut [FieldValue], matches: &Matches, snapshot: &Snapshot, now: Mono) {
        let old = |shares: &Shares| shares.version != self.query.version || now.since(shares.at) >= PATTERNS_MS;
        if self.shares.as_ref().is_none_or(old) {
            let of = matches.newest(SHARES_OF);
            self.shares = Some(Shares { version: self.query.version, at: now, of, tables: HashMap::new() });
        }
        let Some(mut shares) = self.shares.take().filter(|shares| shares.of.total > 0) else { return };
        for (at, field) in record.iter_mut().enumerate() {
            let derived = self.derived.has(&field.name);
            // Of what rules derive, one wants to know what they miss, however many fields there are.
            if at >= SHARED_FIELDS && !derived {
                continue;
            }
            let table = match shares.tables.entry(field.name.clone()) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(new) => new.insert(answer::shares(&field.name, &shares.of, self.fields(snapshot))),
            };
            let share = |count: u64| count as f64 / shares.of.total as f64;
            if derived {
                let without = |row: &&Row| matches!(row.keys.first(), Some(None));
                field.missed = Some(share(table.rows.iter().find(without).map_or(0, |row| row.count)));
            }
            let same =
                |row: &&Row| matches!(row.keys.first(), Some(Some(key)) if String::from_utf8_lossy(key) == field.value);
            field.share = table.rows.iter().find(same).map(|row| share(row.count));
        }
        self.shares = Some(shares);
    }
}

/// How often values of fields come among the newest lines that pass.
#[derive(Debug)]
pub(super) struct Shares {
    /// Of which query.
    version: u64,
    at: Mono,
    /// Of which lines.
    pub(super) of: Matches,
    tables: HashMap<String, Table>,
}
