//! Where tickets are kept: what all trackers have here, what a kind adds from its own fields.
use std::{collections::BTreeSet, sync::Arc};

use super::{Seen, called, kind, name};
use crate::{
    config::{
        fields,
        raw::Raw,
        walk::{Entries, Keys, Walk},
    },
    core::{
        alerts::Severity,
        outbox::{Send, TrackerSpec},
    },
};

/// Milliseconds after which a search finds what was written, where nothing is said.
const WINDOW_MS: u64 = 15_000;

/// Builds the trackers. What is wrong leaves out that tracker alone.
pub(super) fn build(walk: &mut Walk<'_>, tables: &[&Raw]) -> Vec<Arc<TrackerSpec>> {
    let mut seen = Seen::default();
    let mut all = Vec::new();
    for raw in tables {
        let mark = walk.book.drafts.len();
        let called = called(raw, "tracker");
        match one(walk, raw, &mut seen) {
            Some(tracker) => all.push(Arc::new(tracker)),
            None => walk.book.left_out_since(mark, &called),
        }
    }
    all
}

fn one(walk: &mut Walk<'_>, raw: &Raw, seen: &mut Seen) -> Option<TrackerSpec> {
    let kind = kind(walk, raw, walk.catalog.trackers, "tracker");
    // Without a kind nobody knows which settings are right: only the common ones are looked at.
    let unknown: Vec<&str> = match (kind, raw.table()) {
        (None, Some(table)) => table.iter().map(|(key, _)| key.name.as_str()).collect(),
        _ => Vec::new(),
    };
    let own = kind.map_or(&[][..], |kind| kind.fields());
    let keys = Keys { fields: &[own, fields::TRACKER], own: &unknown, ..Keys::default() };
    let mut entries = walk.table(raw, keys, &called(raw, "tracker"));
    let is_common = |key: &str| fields::TRACKER.iter().any(|field| field.name == key);
    match kind {
        Some(kind) => walk.misfits(&mut entries, kind, fields::TRACKER),
        None => {
            for (_, value) in raw.table().unwrap_or_default().iter().filter(|(key, _)| !is_common(&key.name)) {
                walk.book.hide(value);
            }
        }
    }
    let name = name(walk, &mut entries, "tracker");
    let is_new = name.as_ref().is_none_or(|name| seen.is_new(walk, &entries, name, "tracker"));
    let (name, kind) = (name?, kind?);
    (is_new && !entries.broken).then(|| TrackerSpec {
        name: name.into(),
        kind: kind.name().into(),
        send: sends(&entries),
        severities: severities(&entries),
        link: entries.owned("link"),
        window_ms: i64::try_from(entries.count("consistency").unwrap_or(WINDOW_MS)).unwrap_or(i64::MAX),
        params: entries.params(fields::TRACKER),
    })
}

fn sends(entries: &Entries) -> BTreeSet<Send> {
    if entries.node("send").is_none() {
        return Send::DEFAULT.into();
    }
    let said = entries.texts("send");
    Send::ALL.into_iter().filter(|(word, _)| said.iter().any(|(said, _)| said == word)).map(|(_, send)| send).collect()
}

fn severities(entries: &Entries) -> BTreeSet<Severity> {
    let all = [Severity::P1, Severity::P2, Severity::P3, Severity::P4];
    let said = entries.texts("severities");
    all.into_iter().filter(|severity| said.iter().any(|(said, _)| *said == format!("{severity:?}"))).collect()
}
