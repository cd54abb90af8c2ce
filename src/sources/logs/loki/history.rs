//! History, read upwards.
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    lines::{batch_of, hash_of, stream_info},
    query::{self, PAGE, Range, Server, words},
};
use crate::{
    core::logs::{LogPlace, Nanos},
    parse::loki::{self, Labels, Refusal},
    sources::{
        SourceError,
        logs::{Batch, Cursor, HistoryRequest, LeftOut, LogContext, Page, Prefilter},
    },
};

/// Reads upwards, in ranges that grow while they are empty.
pub(super) async fn history(context: LogContext, request: HistoryRequest) -> Result<Page, SourceError> {
    let LogPlace::Loki(spec) = &request.spec.place else {
        return Err(SourceError::Absent("no entry of type loki".into()));
    };
    let (query, left_out) = match &request.prefilter {
        Some(Prefilter::LogQl(query)) => (query.clone(), LeftOut::Some { oldest: None }),
        Some(Prefilter::Shell(_)) | None => {
            (query::query(&request.spec, spec).map_err(SourceError::Absent)?, LeftOut::Nothing)
        }
    };
    let mut server = Server::new(&context, spec).await.map_err(SourceError::Absent)?;
    let (at, seen) = match &request.before {
        Some(Cursor::Time { at, seen }) => (*at, Arc::clone(seen)),
        _ => (Nanos(Nanos::from(context.clock.now().utc).0 + Nanos::SECOND), Arc::default()),
    };
    let oldest = at.0 - 30 * 86_400 * Nanos::SECOND;
    let mut end = Nanos(at.0 + 1);
    let mut back = 3_600 * Nanos::SECOND;
    // Lines of the last known moment come once more: they must not fill the page.
    let mut limit = request.limit.max(1) + seen.len();
    loop {
        let start = Nanos((end.0 - back).max(oldest));
        let range = Range { query: query.clone(), start, end, limit, forward: false };
        let (answer, asked) = match server.range(&range).await {
            Ok(answer) => answer,
            Err(Refusal::TooLong(Some(most))) if back > 60 * Nanos::SECOND => {
                back = back.min(i64::try_from(most).unwrap_or(i64::MAX).saturating_mul(Nanos::MILLI));
                continue;
            }
            Err(refusal) => return Err(SourceError::Malformed(words(&refusal))),
        };
        let full = answer.lines() >= asked;
        let Some((first, _)) = answer.span() else {
            if start.0 <= oldest {
                return Ok(Page { left_out, ..Page::default() });
            }
            (end, back) = (start, back.saturating_mul(6));
            continue;
        };
        let mut page = Page { left_out: left_out.clone(), ..Page::default() };
        let mut boundary: BTreeSet<u64> = if first == at { (*seen).clone() } else { BTreeSet::new() };
        let mut fresh: BTreeMap<Labels, Vec<loki::Entry>> = BTreeMap::new();
        for (labels, entries) in answer.streams {
            for entry in entries {
                let hash = hash_of(&labels, &entry.line);
                if entry.at == at && seen.contains(&hash) {
                    continue;
                }
                if entry.at == first {
                    boundary.insert(hash);
                }
                fresh.entry(labels.clone()).or_default().push(entry);
            }
        }
        if fresh.is_empty() {
            if full && limit < 4 * PAGE {
                limit *= 2;
            } else {
                (end, back) = (if full { at } else { start }, back.saturating_mul(6));
                if end.0 <= oldest {
                    return Ok(page);
                }
            }
            continue;
        }
        // Where the page is not full, everything in its range is known.
        let (next, known) = if full { (first, boundary) } else { (Nanos(start.0 - 1), BTreeSet::new()) };
        page.before = Some(Cursor::Time { at: next, seen: Arc::new(known) });
        for (labels, mut entries) in fresh {
            entries.reverse();
            entries.sort_by_key(|entry| entry.at);
            let batch = Batch { history: true, before: page.before.clone(), ..batch_of(entries.iter()) };
            page.parts.push((stream_info(&request.spec, spec, &labels), batch));
        }
        return Ok(page);
    }
}
