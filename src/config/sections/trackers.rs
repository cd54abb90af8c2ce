//! Where tickets are kept, and how people are told: what all trackers and notifiers have here, what a kind adds from its own fields.
use std::{collections::BTreeSet, sync::Arc};

use super::{Seen, called, kind, name};
use crate::{
    config::{
        Field, Kind, fields,
        raw::Raw,
        walk::{Entries, Keys, Walk},
        words::shown,
    },
    core::{
        alerts::Severity,
        outbox::{Audience, Hears, NotifierSpec, Send, TrackerSpec},
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

/// What all places have that the outbox writes to.
struct Common {
    entries: Entries,
    name: String,
    kind: &'static str,
}

/// Reads a table of a kind's own settings and those that all kinds have.
fn common<'c>(
    walk: &mut Walk<'c>,
    (raw, noun): (&Raw, &str),
    kinds: &'c [&'c dyn Kind],
    fields: &'static [Field],
    seen: &mut Seen,
) -> Option<(Common, &'c dyn Kind)> {
    let kind = kind(walk, raw, kinds, noun);
    // Without a kind nobody knows which settings are right: only the common ones are looked at.
    let unknown: Vec<&str> = match (kind, raw.table()) {
        (None, Some(table)) => table.iter().map(|(key, _)| key.name.as_str()).collect(),
        _ => Vec::new(),
    };
    let own = kind.map_or(&[][..], |kind| kind.fields());
    let keys = Keys { fields: &[own, fields], own: &unknown, ..Keys::default() };
    let mut entries = walk.table(raw, keys, &called(raw, noun));
    let is_common = |key: &str| fields.iter().any(|field| field.name == key);
    match kind {
        Some(kind) => walk.misfits(&mut entries, kind, fields),
        None => {
            for (_, value) in raw.table().unwrap_or_default().iter().filter(|(key, _)| !is_common(&key.name)) {
                walk.book.hide(value);
            }
        }
    }
    let name = name(walk, &mut entries, noun);
    let is_new = name.as_ref().is_none_or(|name| seen.is_new(walk, &entries, name, noun));
    let (name, kind) = (name?, kind?);
    (is_new && !entries.broken).then(|| (Common { entries, name, kind: kind.name() }, kind))
}

fn one(walk: &mut Walk<'_>, raw: &Raw, seen: &mut Seen) -> Option<TrackerSpec> {
    let (of, _) = common(walk, (raw, "tracker"), walk.catalog.trackers, fields::TRACKER, seen)?;
    let entries = &of.entries;
    Some(TrackerSpec {
        name: of.name.into(),
        kind: of.kind.into(),
        send: sends(entries),
        severities: severities(entries),
        link: entries.owned("link"),
        window_ms: i64::try_from(entries.count("consistency").unwrap_or(WINDOW_MS)).unwrap_or(i64::MAX),
        params: entries.params(fields::TRACKER),
    })
}

/// Builds the notifiers. What is wrong leaves out that notifier alone.
pub(super) fn notifiers(walk: &mut Walk<'_>, tables: &[&Raw], trackers: &[Arc<TrackerSpec>]) -> Vec<Arc<NotifierSpec>> {
    let mut seen = Seen::default();
    let mut all = Vec::new();
    for raw in tables {
        let mark = walk.book.drafts.len();
        let called = called(raw, "notifier");
        match notifier(walk, raw, &mut seen, trackers) {
            Some(notifier) => all.push(Arc::new(notifier)),
            None => walk.book.left_out_since(mark, &called),
        }
    }
    all
}

fn notifier(walk: &mut Walk<'_>, raw: &Raw, seen: &mut Seen, trackers: &[Arc<TrackerSpec>]) -> Option<NotifierSpec> {
    let (of, kind) = common(walk, (raw, "notifier"), walk.catalog.notifiers, fields::NOTIFIER, seen)?;
    let entries = &of.entries;
    if trackers.iter().any(|tracker| *tracker.name == *of.name) {
        let what = format!("there is already a tracker `{}`", shown(&of.name));
        walk.book.error(entries.place_of("name"), what, "the outbox knows them by their names: choose another");
        return None;
    }
    let deaf = |word: &str| kind.deaf_to().contains(&word);
    let said = entries.texts("on");
    for (word, place) in said.iter().filter(|(word, _)| deaf(word)) {
        let what = format!("a notifier of type \"{}\" cannot tell of \"{word}\"", of.kind);
        walk.book.error(place, what, "leave it out");
    }
    let hears =
        |word: &str| if entries.node("on").is_none() { true } else { said.iter().any(|(said, _)| *said == word) };
    let params = entries.params(fields::NOTIFIER);
    Some(NotifierSpec {
        hears: Hears::ALL.into_iter().filter(|(word, _)| hears(word) && !deaf(word)).map(|(_, hears)| hears).collect(),
        audience: if entries.text("audience") == Some("public") { Audience::Public } else { Audience::Internal },
        repeats: kind.repeats(&params),
        local: kind.is_local(),
        place: Arc::new(TrackerSpec {
            name: of.name.clone().into(),
            kind: of.kind.into(),
            send: BTreeSet::new(),
            severities: BTreeSet::new(),
            link: entries.owned("link"),
            window_ms: 0,
            params,
        }),
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
