//! Lines on their way from the server: which are known, which stream they are of, and the batch that they make.
use std::{
    collections::BTreeSet,
    hash::{DefaultHasher, Hash as _, Hasher as _},
};

use crate::{
    core::{
        id::ServiceId,
        logs::{LogSpec, LokiSpec, Nanos},
    },
    parse::{
        loki::{self, Labels},
        sanitise,
    },
    sources::logs::{Batch, StreamInfo},
};

/// Lines that are remembered.
const MAX_SEEN: usize = 200_000;

/// Lines that were handed over, by moment; the oldest are forgotten.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) lines: BTreeSet<(Nanos, u64)>,
    /// Before this, nobody knows what was handed over.
    pub(super) floor: Nanos,
}

impl Seen {
    /// Notes a line; says whether it had not been handed over.
    pub(super) fn is_new(&mut self, at: Nanos, hash: u64) -> bool {
        let new = self.lines.insert((at, hash));
        while self.lines.len() > MAX_SEEN {
            if let Some((at, _)) = self.lines.pop_first() {
                self.floor = Nanos(at.0.saturating_add(1));
            }
        }
        new
    }
}

pub(super) fn hash_of(labels: &Labels, line: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    labels.hash(&mut hasher);
    line.hash(&mut hasher);
    hasher.finish()
}

pub(super) fn selector_info(spec: &LogSpec, query: &str) -> StreamInfo {
    StreamInfo {
        name: spec.name.to_string(),
        kind: "loki",
        path: sanitise::line(query),
        service: spec.service.clone(),
        host: None,
        labels: Vec::new(),
        format: spec.format.clone(),
        timezone: spec.timezone,
    }
}

pub(super) fn stream_info(spec: &LogSpec, loki: &LokiSpec, labels: &Labels) -> StreamInfo {
    let by_label = || {
        let service = labels.get(loki.service_label.as_deref()?)?;
        let env = spec.env.as_ref()?;
        format!("{service}@{env}").parse::<ServiceId>().ok()
    };
    let path = loki::selector(labels).unwrap_or_else(|| "{}".into());
    StreamInfo {
        service: spec.service.clone().or_else(by_label),
        labels: labels.iter().map(|(name, value)| (sanitise::name(name), sanitise::line(value))).collect(),
        ..selector_info(spec, &path)
    }
}

/// Makes a batch of lines; one with line breaks becomes several of the same moment.
pub(super) fn batch_of<'a>(entries: impl Iterator<Item = &'a loki::Entry>) -> Batch {
    let mut batch = Batch::default();
    let mut times = Vec::new();
    for entry in entries {
        let number = u32::try_from(times.len()).unwrap_or(u32::MAX);
        let line = entry.line.strip_suffix('\n').unwrap_or(&entry.line);
        for part in line.split('\n') {
            batch.bytes.extend_from_slice(part.as_bytes());
            batch.bytes.push(b'\n');
            times.push(entry.at);
        }
        if !entry.extra.is_empty() {
            batch.extras.push((number, loki::logfmt(&entry.extra)));
        }
    }
    batch.times = Some(times);
    batch
}
