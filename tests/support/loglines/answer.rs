//! What the engine would answer, worked out with the same buffer, filter, miner and redaction.
use std::sync::Arc;

use quarterdeck::core::logs::{
    self, Nanos, Source,
    derive::Derived,
    eval::Matcher,
    filter::{self, Filter, Term, moment},
    patterns::{Memory, Novelty, Period, listed, under},
    read::Matches,
    shown::{self, Counted, FieldValue, Number, Shown, SourceStatus, Table, Web},
    state::Query,
};

use super::{DEPLOY, Desk, MAIL};

impl Desk {
    pub(super) fn answer(&self, query: Query) -> Shown {
        let snapshot = self.buffer.snapshot();
        let derived = Arc::new(Derived::default());
        let ready = |filter: &Filter| {
            let at = |of: &Option<filter::Moment>| {
                let named = |name: &str| query.named.get(name).copied();
                of.as_ref().and_then(|of| moment::resolve(of, self.night.now.utc.into(), chrono_tz::UTC, &named).ok())
            };
            Matcher::new(filter, (at(&filter.since), at(&filter.until)), Arc::clone(&derived)).unwrap()
        };
        let all = Arc::new(Matches::all(&snapshot));
        let matcher = ready(&query.filter).without(query.hidden.iter().cloned());
        let matches = Arc::new(matcher.matches(&snapshot, &self.cache));
        let hits =
            query.search.as_ref().map(|search| Arc::new(matches.both(&ready(search).matches(&snapshot, &self.cache))));
        let mut needles = Vec::new();
        if let Some(search) = &query.search {
            search.expr.each_term(&mut |term| match term {
                Term::Text(text) => needles.extend(text.regex().ok()),
                Term::Regex(pattern) => needles.extend(pattern.compile().ok()),
                _ => {}
            });
        }
        let whole = || Some((matches.first()?.key().time, matches.last()?.key().time));
        let span = query.span.or_else(whole).unwrap_or_default();
        let templates = Arc::new(self.miner.templates());
        let until = Nanos::from(self.night.now.utc);
        let since = query.baseline.unwrap_or(DEPLOY.into());
        let period = Period { since, until, remember_from: Nanos(since.0 - 3_600 * Nanos::SECOND) };
        let sources = self.buffer.sources();
        let novelty =
            Novelty::of(&templates, period, &Memory::default(), |id| Arc::clone(&sources[usize::from(id.0)].name));
        let mut patterns = listed(&templates, sources, &novelty, period);
        let patterns_pass = matcher.is_all() || under(&mut patterns, &templates, &matches, &snapshot);
        let new = novelty.new.iter().map(|new| new.template).collect();
        let (record, record_redacted) = self.record(&query, &all);
        let shares_of = matches.lines();
        Shown {
            version: query.version,
            took_us: 3_100,
            ran: String::new(),
            searched: self.searched,
            histogram: matches.histogram(span.0, span.1, usize::from(query.bars)),
            histogram_span: span,
            matches,
            all,
            hits,
            needles,
            sources: self.statuses(),
            templates,
            patterns,
            patterns_pass,
            new: Arc::new(new),
            record_of: query.record,
            record,
            record_redacted,
            shares_of,
            stage: self.stage.clone(),
            web: query.web.then(web),
            lag_ms: Some(840),
            errors_a_minute: 31,
            derived,
            redact: Arc::clone(&self.redact),
            snapshot,
        }
    }

    fn statuses(&self) -> Vec<SourceStatus> {
        let status = |source: &Source| SourceStatus {
            name: Arc::clone(&source.name),
            kind: source.kind,
            path: Arc::clone(&source.path),
            format: source.format.name().to_owned(),
            state: self.states[usize::from(source.id.0)].clone(),
            records: self.records[usize::from(source.id.0)],
            lag_ms: (source.id.0 == 2).then_some(840),
            ran: String::new(),
            skew_ms: if source.id.0 == 3 { 1_210 } else { 4 },
        };
        self.buffer.sources().iter().map(status).collect()
    }

    fn record(&self, query: &Query, all: &Matches) -> (Vec<FieldValue>, usize) {
        let Some(at) = query.record.and_then(|key| all.at(key)) else { return (Vec::new(), 0) };
        let source = &self.buffer.sources()[usize::from(at.segment.source(at.index).0)];
        let mut fields = Vec::new();
        for name in ["service", "env", "host", "source"] {
            let value = logs::read::source_value(source, name).unwrap_or_default().to_owned();
            fields.push(FieldValue { name: name.into(), value, share: Some(0.42), missed: None });
        }
        let masked = at.with_bytes(|bytes| {
            for (name, value) in source.format.all(bytes) {
                let value = String::from_utf8_lossy(&value).into_owned();
                fields.push(FieldValue { name: name.into_owned(), value, ..FieldValue::default() });
            }
            shown::masked(&self.redact, bytes).1
        });
        fields.extend(self.derived.iter().cloned());
        fields.retain(|field| !field.value.is_empty());
        (fields, masked)
    }
}

fn counted(rows: &[(&str, &str, f64, &str)]) -> Vec<Counted> {
    let row = |(label, number, share, term): &(&str, &str, f64, &str)| Counted {
        label: (*label).into(),
        number: (*number).into(),
        share: *share,
        term: (*term).into(),
    };
    rows.iter().map(row).collect()
}

/// A table of `count by host`.
pub(crate) fn by_host() -> Vec<Counted> {
    counted(&[
        ("play-01", "404", 1.0, "host:play-01"),
        ("api-01", "152", 0.38, "host:api-01"),
        ("admin-01", "10", 0.02, "host:admin-01"),
    ])
}

fn web() -> Web {
    let number = |label, value: &str, bad| Number { label, value: value.into(), bad };
    let table = |title, head, rows: &[(&str, &str, f64, &str)]| Table { title, head, rows: counted(rows) };
    Web {
        numbers: vec![
            number("requests", "344", false),
            number("a second", "0.14", false),
            number("5xx", "9.6 %", true),
            number("4xx", "2.3 %", false),
            number("p50", "41 ms", false),
            number("p95", "6.1 s", true),
            number("p99", "8.0 s", true),
            number("sent", "7.0 MB", false),
        ],
        caution: "all 3 clients are proxies: the real client is not logged".into(),
        tables: vec![
            table(
                "Paths",
                "COUNT",
                &[
                    ("/play/manifest.m3u8", "69", 1.0, "path:/play/manifest.m3u8"),
                    ("/play/segment/1042.ts", "69", 1.0, "path:/play/segment/1042.ts"),
                    ("/api/session", "68", 0.98, "path:/api/session"),
                ],
            ),
            table(
                "Status",
                "COUNT",
                &[
                    ("200", "304", 1.0, "status:200"),
                    ("504", "32", 0.1, "status:504"),
                    ("404", "8", 0.03, "status:404"),
                ],
            ),
            table("Clients", "COUNT", &[("203.0.113.9", "7", 1.0, "client:203.0.113.9"), (MAIL, "2", 0.3, "")]),
            table("Agents", "COUNT", &[("ExoPlayer/2.19", "343", 1.0, "agent:\"ExoPlayer/2.19\"")]),
            table("Referrers", "COUNT", &[]),
            table("Slowest", "P95", &[("/play/manifest.m3u8", "6.1 s", 1.0, "path:/play/manifest.m3u8")]),
            table("Failing", "5XX", &[("/play/segment/1042.ts", "17", 1.0, "path:/play/segment/1042.ts status>=500")]),
        ],
    }
}
