//! Checks: what all have in common here, what a kind adds from its own fields.
use std::sync::Arc;

use super::{Seen, Surroundings, called, kind, name};
use crate::{
    config::{
        Kind, fields,
        raw::Raw,
        walk::{Entries, Keys, Walk},
        words::shown,
    },
    core::{
        id::{CheckId, CheckName, HostName, ServiceId},
        inventory::CheckSpec,
        time::{self, short},
    },
};

/// How often a check is made, and when it counts as failed.
pub(super) struct Pace {
    pub(super) every_ms: u64,
    pub(super) timeout_ms: u64,
    pub(super) fail_after: u32,
}

const EVERY: u64 = 30_000;
const TIMEOUT: u64 = 10_000;
const LEAST_EVERY: u64 = 1_000;
const LEAST_TIMEOUT: u64 = 10;

/// Reads `every`, `timeout` and `fail_after`, over what the environment says, and says what cannot be.
pub(super) fn pace(walk: &mut Walk<'_>, entries: &Entries, around: Option<&Surroundings>) -> Option<Pace> {
    let mark = walk.book.drafts.len();
    let every_ms = entries.count("every").unwrap_or_else(|| around.map_or(EVERY, |around| around.every_ms));
    let default = around.and_then(|around| around.timeout_ms).unwrap_or(TIMEOUT).min(every_ms);
    let timeout_ms = entries.count("timeout").unwrap_or(default);
    let fail_after = entries.count("fail_after").and_then(|n| u32::try_from(n).ok());
    let day = time::DAY.unsigned_abs();
    if entries.node("every").is_some() && !(LEAST_EVERY..=day).contains(&every_ms) {
        walk.book.error(entries.place_of("every"), "`every` must be from 1s to 1d", "");
    } else if timeout_ms > every_ms {
        let what = format!("`timeout` is longer than `every` ({})", words(every_ms));
        walk.book.error(entries.place_of("timeout"), what, "a check must end before it starts again");
    }
    if timeout_ms < LEAST_TIMEOUT {
        walk.book.error(entries.place_of("timeout"), "`timeout` is too short for any answer", "at least 10ms");
    }
    (walk.book.drafts.len() == mark).then(|| Pace {
        every_ms,
        timeout_ms,
        fail_after: fail_after.unwrap_or_else(|| around.map_or(3, |around| around.fail_after)),
    })
}

/// Writes a duration exactly where that is short: `1500ms`, `10s`.
fn words(ms: u64) -> String {
    if ms.is_multiple_of(1_000) && ms < 60_000 || ms.is_multiple_of(60_000) { short(ms) } else { format!("{ms}ms") }
}

/// Builds the checks of a service in an environment. What is wrong leaves out that check alone.
pub(super) fn build(walk: &mut Walk<'_>, raw: &Raw, service: &ServiceId, around: &Surroundings) -> Vec<Arc<CheckSpec>> {
    let mut seen = Seen::default();
    let mut all = Vec::new();
    for raw in walk.tables(raw, "checks") {
        let mark = walk.book.drafts.len();
        if let Some(check) = one(walk, raw, service, around, &mut seen) {
            all.push(Arc::new(check));
        } else {
            let name = raw.get("name").and_then(Raw::text).map_or_else(|| "?".to_owned(), shown);
            walk.book.left_out_since(mark, &format!("check {service}/{name}"));
        }
    }
    all
}

fn one(
    walk: &mut Walk<'_>,
    raw: &Raw,
    service: &ServiceId,
    around: &Surroundings,
    seen: &mut Seen,
) -> Option<CheckSpec> {
    let called = called(raw, "check");
    let kind = kind(walk, raw, walk.catalog.checks, "check");
    let own = kind.map_or(&[][..], |kind| kind.fields());
    // Without a kind nobody knows which settings are right: only the common ones are looked at.
    let all: Vec<&str> = match (kind, raw.table()) {
        (None, Some(table)) => table.iter().map(|(key, _)| key.name.as_str()).collect(),
        _ => Vec::new(),
    };
    let mut entries = walk.table(raw, Keys { fields: &[own, fields::CHECK], own: &all, ..Keys::default() }, &called);
    if kind.is_none() {
        for (_, value) in raw.table().unwrap_or_default().iter().filter(|(key, _)| is_own(&key.name)) {
            walk.book.hide(value);
        }
    }
    if let Some(kind) = kind {
        walk.misfits(&mut entries, kind, fields::CHECK);
    }
    let name = name(walk, &mut entries, "check");
    let is_new = name.as_ref().is_none_or(|name| seen.is_new(walk, &entries, name, "check"));
    let pace = pace(walk, &entries, Some(around));
    let fits = kind.is_none_or(|kind| limits(walk, &entries, raw, pace.as_ref(), kind));
    let (name, kind, pace) = (name?, kind?, pace?);
    (is_new && fits && !entries.broken).then(|| CheckSpec {
        id: CheckId { service: service.clone(), check: CheckName::from(name) },
        kind: kind.name().into(),
        every_ms: pace.every_ms,
        timeout_ms: pace.timeout_ms,
        fail_after: pace.fail_after,
        slow_ms: entries.count("slow"),
        on: entries.text("on").map(HostName::from),
        params: entries.params(fields::CHECK),
    })
}

fn is_own(key: &str) -> bool {
    !fields::CHECK.iter().any(|field| field.name == key)
}

/// Says what cannot be, although each setting by itself can.
fn limits(walk: &mut Walk<'_>, entries: &Entries, raw: &Raw, pace: Option<&Pace>, kind: &dyn Kind) -> bool {
    let mark = walk.book.drafts.len();
    if let (Some(slow), Some(pace)) = (entries.count("slow"), pace)
        && slow >= pace.timeout_ms
    {
        let what = format!("`slow` is not less than `timeout` ({})", words(pace.timeout_ms));
        walk.book.error(entries.place_of("slow"), what, "no answer could ever be slow: it would be given up first");
    }
    let runs_there = kind.name() == "command" || kind.fields().iter().any(|field| field.name == "on");
    match raw.get("on") {
        None if kind.name() == "command" => {
            walk.book.error(&raw.place, "a check of type command has no `on`", "add `on = \"HOST\"`: where it runs");
        }
        Some(on) if !runs_there => {
            let what = format!("`on` means nothing to a check of type {}", kind.name());
            walk.book.error(&on.place, what, "it is made from this machine; leave `on` out");
        }
        _ => {}
    }
    walk.book.drafts.len() == mark
}
