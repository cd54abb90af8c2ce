//! Reads the record that is looked at.
use super::{PATTERNS_MS, Worker};
use crate::{
    core::{
        logs::{
            self, Key,
            buffer::Snapshot,
            read::Matches,
            shown::{self, FieldValue},
        },
        time::Mono,
    },
    runtime::logs::answer,
};

/// Lines of which shares are worked out at most; fields of a record at most.
const SHARES_OF: u64 = 200_000;
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

    /// Reads the record under the cursor; what was read of it a moment ago still holds.
    pub(super) fn looked_at(
        &mut self,
        snapshot: &Snapshot,
        all: &Matches,
        matches: &Matches,
        now: Mono,
    ) -> (Option<Key>, Vec<FieldValue>, usize) {
        // While the newest line is followed, it is the one that is looked at.
        let record = self.query.record.or_else(|| matches.last().map(|last| last.key()));
        let of = (record, self.query.version);
        if let Some((known, at, fields, masked)) = &self.looked
            && *known == of
            && now.since(*at) < PATTERNS_MS
        {
            return (record, fields.clone(), *masked);
        }
        let key = record;
        let (mut record, masked) = self.record(key, snapshot, all);
        self.shares(&mut record, matches, snapshot);
        self.looked = Some((of, now, record.clone(), masked));
        (key, record, masked)
    }

    /// Says of each field how many of the lines that pass have the same value. As it reads them all, only where somebody looks
    /// at a record, and a field at a time no longer than the view may wait.
    fn shares(&self, record: &mut [FieldValue], matches: &Matches, snapshot: &Snapshot) {
        if matches.total == 0 || matches.total > SHARES_OF {
            return;
        }
        let mut asked: Vec<&mut FieldValue> = Vec::new();
        for (at, field) in record.iter_mut().enumerate() {
            // Of what rules derive, one wants to know what they miss, however many fields there are.
            if at < SHARED_FIELDS || self.derived.has(&field.name) {
                asked.push(field);
            }
        }
        let names: Vec<String> = asked.iter().map(|field| field.name.clone()).collect();
        for (field, table) in asked.into_iter().zip(answer::shares(&names, matches, self.fields(snapshot))) {
            if self.derived.has(&field.name) {
                let without = |row: &&logs::aggregate::Row| matches!(row.keys.first(), Some(None));
                let count = table.rows.iter().find(without).map_or(0, |row| row.count);
                field.missed = Some(count as f64 / matches.total as f64);
            }
            let same = |row: &&logs::aggregate::Row| matches!(row.keys.first(), Some(Some(key)) if String::from_utf8_lossy(key) == field.value);
            let count = table.rows.iter().find(same).map(|row| row.count);
            field.share = count.map(|count| count as f64 / matches.total as f64);
        }
    }
}
