//! `[qualys]`: the scanner whose findings are listed. What is wrong leaves it out: it would be asked for something else.
use std::sync::Arc;

use super::{display::within, main};
use crate::{
    config::{
        fields,
        raw::Raw,
        walk::{Entries, Keys, Walk},
        words::shown,
    },
    core::findings::Scanner,
};

const HOUR: u64 = 3_600_000;

/// Reads how it is asked.
pub(super) fn build(walk: &mut Walk<'_>, roots: &[Raw]) -> Option<Arc<Scanner>> {
    let raw = main(roots, "qualys")?;
    let mark = walk.book.drafts.len();
    let entries = walk.table(raw, Keys { fields: &[fields::QUALYS], ..Keys::default() }, "`qualys`");
    let scanner = scanner(walk, &entries);
    if scanner.is_none() {
        walk.book.left_out_since(mark, "`qualys`");
    }
    scanner.map(Arc::new)
}

fn scanner(walk: &mut Walk<'_>, entries: &Entries) -> Option<Scanner> {
    let every = match entries.node("every") {
        Some(_) => within(walk, entries, "every", (HOUR, 7 * 24 * HOUR), "from 1h to 7d"),
        None => Some(6 * HOUR),
    };
    let version = entries.owned("version").unwrap_or_else(|| "5.0".to_owned());
    let is_version = version.split('.').count() == 2
        && version
            .split('.')
            .all(|part| (1..=2).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit()));
    if !is_version {
        let what = format!("`version`: \"{}\" is no version", shown(&version));
        walk.book.error(entries.place_of("version"), what, "as in \"5.0\", \"2.0\"");
    }
    let tags = entries.texts("tags");
    let bad = tags.iter().find(|(tag, _)| tag.trim().is_empty() || tag.contains(','));
    if let Some((tag, place)) = bad {
        let what = format!("`tags`: \"{}\" cannot be asked for", shown(tag));
        walk.book.error(place, what, "a tag has a name, without a comma in it");
    }
    let mut severities: Vec<u8> = match entries.node("severities") {
        Some(node) => {
            let numbers = node.parts.iter().filter_map(|part| part.value.as_u64());
            numbers.filter_map(|number| u8::try_from(number).ok()).collect()
        }
        None => vec![3, 4, 5],
    };
    severities.sort_unstable();
    severities.dedup();
    if severities.is_empty() && !entries.broken {
        walk.book.error(entries.place_of("severities"), "`severities` names none", "as in [3, 4, 5]");
    }
    let (base_url, user, password) = (entries.owned("base_url")?, entries.owned("user")?, entries.owned("password")?);
    let colon = user.contains(':');
    if colon {
        walk.book.error(entries.place_of("user"), "`user` has a colon in it", "the name that one logs in with");
    }
    let fits = is_version && bad.is_none() && !severities.is_empty() && !colon && !entries.broken;
    fits.then_some(Scanner {
        base_url,
        user,
        password,
        version,
        every_ms: i64::try_from(every?).unwrap_or(i64::MAX),
        severities,
        tags: tags.into_iter().map(|(tag, _)| tag.to_owned()).collect(),
    })
}
