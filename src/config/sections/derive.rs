//! Rules that make fields of log records of other fields.
use std::sync::Arc;

use super::called;
use crate::{
    config::{
        fields,
        raw::Raw,
        walk::{Keys, Walk},
        words::shown,
    },
    core::logs::derive::DeriveSpec,
};

/// Names that mean something else in every filter.
const TAKEN: &[&str] =
    &["time", "level", "status", "dur", "service", "env", "host", "source", "file", "format", "line", "since", "until"];

/// Builds the rules. What is wrong leaves out that rule alone.
pub(super) fn build(walk: &mut Walk<'_>, tables: &[&Raw]) -> Vec<Arc<DeriveSpec>> {
    let mut all = Vec::new();
    for raw in tables {
        let mark = walk.book.drafts.len();
        let called = called(raw, "derived field");
        match one(walk, raw, &called) {
            Some(rule) => all.push(Arc::new(rule)),
            None => walk.book.left_out_since(mark, &format!("this rule of {called}")),
        }
    }
    all
}

fn one(walk: &mut Walk<'_>, raw: &Raw, called: &str) -> Option<DeriveSpec> {
    let mark = walk.book.drafts.len();
    let entries = walk.table(raw, Keys { fields: &[fields::DERIVE], ..Keys::default() }, called);
    let name = entries.owned("name")?;
    let begins = name.starts_with(|first: char| first.is_ascii_lowercase());
    let fits = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_';
    if !begins || name.len() > 40 || !name.chars().all(fits) {
        let what = format!("\"{}\" cannot be the name of a field", shown(&name));
        walk.book.error(entries.place_of("name"), what, "small letters, digits and `_`, beginning with a letter");
    } else if TAKEN.contains(&name.as_str()) {
        let what = format!("`{name}` is a field of every record");
        walk.book.error(entries.place_of("name"), what, "choose another name");
    }
    if raw.get("match").is_none() && raw.get("lookup").is_none() {
        let what = format!("{called} neither takes a part nor looks anything up");
        walk.book.error(&raw.place, what, "add `match`, `lookup` or both");
    }
    if entries.node("other").is_some() && raw.get("lookup").is_none() {
        walk.book.error(entries.place_of("other"), "`other` means nothing without `lookup`", "");
    }
    for (format, place) in entries.texts("formats") {
        super::logs::known_format(walk, format, place);
    }
    if entries.broken || walk.book.drafts.len() > mark {
        return None;
    }
    Some(DeriveSpec {
        name,
        from: entries.owned("from")?,
        regex: entries.owned("match"),
        lookup: entries.pairs("lookup").into_iter().collect(),
        other: entries.owned("other"),
        formats: entries.texts("formats").into_iter().map(|(format, _)| format.to_owned()).collect(),
    })
}
