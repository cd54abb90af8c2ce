//! Filters divided, and what each part keeps.
use std::{
    collections::BTreeMap,
    io::Write as _,
    process::{Command, Stdio},
    sync::Arc,
};

use proptest::prelude::*;

use super::*;
use crate::{
    config::formats::built_in,
    core::logs::{
        Nanos, Source, SourceId,
        buffer::Buffer,
        eval::{Cache, Matcher},
        filter::{Filter, logql::tests::reader},
        format::Assume,
        segment::{Batch, Segment},
    },
};

fn spec(place: LogPlace) -> LogSpec {
    LogSpec {
        name: "x".into(),
        env: Some("prod".into()),
        service: None,
        hosts: Vec::new(),
        format: None,
        timezone: None,
        place,
    }
}

fn info(kind: &'static str, labels: &[(&str, &str)]) -> StreamInfo {
    let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    StreamInfo {
        name: "x".into(),
        kind,
        path: "/x".into(),
        service: None,
        host: None,
        labels: labels.iter().map(own).collect(),
        format: None,
        timezone: None,
    }
}

fn asked(place: LogPlace, format: &str, filter: &str) -> Asked {
    let spec = spec(place);
    let info = info(spec.place.kind(), &[("app", "play"), ("host", "web-01")]);
    let filter: crate::core::logs::filter::Filter = filter.parse().unwrap();
    divide(&filter.expr, &spec, &info, &Derived::default(), [&**built_in().get(format).unwrap()])
}

fn file() -> LogPlace {
    LogPlace::File { path: "/x".into(), rotated: None }
}

#[test]
fn each_place_is_asked_in_its_own_words() {
    let filter = "\"PoolX\" -Health level:error";
    let there = asked(file(), "nginx-combined", filter);
    let Some(Prefilter::Shell(script)) = &there.prefilter else { panic!("{there:?}") };
    assert!(script.contains("g -F -e 'PoolX' | g -v -F -e 'Health'"), "{script}");
    assert_eq!(there.local, ["level:error"]);
    assert_eq!(there.words(), "PoolX -Health on the host (grep), level:error here");
    let select = [("env".to_owned(), "prod".to_owned())].into();
    let loki = asked(LogPlace::Loki(LokiSpec { select, ..LokiSpec::default() }), "nginx-combined", filter);
    assert_eq!(loki.prefilter, Some(Prefilter::LogQl("{env=\"prod\"} |= \"PoolX\"".into())));
    assert_eq!(loki.local, ["level:error", "PoolX", "-Health"]);
    let spans = asked(file(), "java", filter);
    assert_eq!((spans.prefilter, spans.pushed.len(), spans.local.len()), (None, 0, 3));
    assert_eq!(asked(LogPlace::Stdin, "nginx-combined", filter).local, ["PoolX", "-Health", "level:error"]);
}

#[test]
fn a_status_is_searched_where_it_stands() {
    let there = asked(file(), "nginx-combined", "status>=500 dur>1s");
    let Some(Prefilter::Shell(script)) = &there.prefilter else { panic!("{there:?}") };
    assert!(script.contains("g -E -e '\" ( )*(0)*([5-9][0-9][0-9]|"), "{script}");
    assert_eq!(there.words(), "status>=500 on the host (grep), dur>1s status>=500 here");
}

#[test]
fn a_fields_text_is_searched_where_it_stands_as_it_is() {
    let there = asked(file(), "nginx-combined", "path:/api/* -path:/health client:10.0.0.1 service:play");
    let Some(Prefilter::Shell(script)) = &there.prefilter else { panic!("{there:?}") };
    // A line with a backslash may write it otherwise.
    assert!(script.contains(r" -e '\\' | g -F -e '10.0.0.1' -e '\'"), "{script}");
    assert_eq!(there.pushed, ["path:/api/*", "client:10.0.0.1"]);
    assert_eq!(there.local, ["-path:/health", "service:play", "path:/api/*", "client:10.0.0.1"]);
    let json = asked(file(), "json", "user:ana@x dur>1s");
    let Some(Prefilter::Shell(script)) = &json.prefilter else { panic!("{json:?}") };
    assert!(script.contains(r"\[[\t\r ]*[0-9]") || script.contains("\\["), "{script}");
    assert_eq!(json.pushed, ["user:ana@x"]);
}

fn loki() -> LokiSpec {
    LokiSpec {
        select: [("env".to_owned(), "prod".to_owned())].into(),
        service_label: Some("app".into()),
        ..LokiSpec::default()
    }
}

#[test]
fn labels_are_asked_of_loki_and_nothing_that_a_line_may_say_otherwise() {
    let query = |filter: &str| match asked(LogPlace::Loki(loki()), "java", filter).prefilter {
        Some(Prefilter::LogQl(query)) => query,
        Some(Prefilter::Shell(_)) | None => String::new(),
    };
    assert!(query("host:web-01 boom").starts_with(r#"{env="prod", host=~"#), "also where records span lines");
    assert_eq!(query("-host:WEB-01"), r#"{env="prod", host!="WEB-01"}"#);
    assert!(query("service:play").contains("app=~"), "{}", query("service:play"));
    assert!(query("app:play").contains("app=~"));
    for not in ["source:x", "file:x", "env:prod", "level:error", "pod:x", "trace_id:7", "path:/api/*", "status:500"] {
        assert_eq!(query(not), "", "{not}");
    }
}

/// What evaluates a filter on one line of a source.
fn kept(filter: &Filter, source: impl FnOnce(SourceId) -> Source, format: &Format, line: &[u8]) -> bool {
    let mut buffer = Buffer::new(1 << 20);
    let id = buffer.add_source(source).unwrap();
    let assume = Assume { zone: chrono_tz::UTC, now: Nanos(1_795_144_361_000_000_000) };
    buffer.push(Segment::parse(Batch::new(id, format, assume, line.to_vec())));
    let matcher = Matcher::new(filter, (None, None), Arc::default()).unwrap();
    matcher.matches(&buffer.snapshot(), &Cache::new(1 << 16)).total > 0
}

/// Runs a pre-filter by the shell and `grep` that are here.
fn ran(script: &str, lines: &[u8]) -> Vec<u8> {
    let mut child =
        Command::new("/bin/sh").args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(lines).unwrap();
    child.wait_with_output().unwrap().stdout
}

fn a_value() -> impl Strategy<Value = serde_json::Value> {
    let text = prop_oneof![
        "[a-c/K ]{0,4}",
        prop::sample::select(vec![
            "a\"b",
            "a\\b",
            "é",
            "/a/b",
            "\u{212a}",
            "a\nb",
            "[1,2]",
            "{\"u\":\"ab\"}",
            "7",
            "\u{1b}"
        ])
        .prop_map(str::to_owned),
    ];
    let leaf = prop_oneof![
        4 => text.prop_map(serde_json::Value::from),
        1 => any::<u8>().prop_map(serde_json::Value::from),
        1 => prop::sample::select(vec![serde_json::json!(null), serde_json::json!(true), serde_json::json!(1.5)]),
        1 => prop::collection::vec(97_u8..100, 0..4).prop_map(serde_json::Value::from),
    ];
    leaf.prop_recursive(2, 6, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(serde_json::Value::from),
            prop::collection::btree_map("[uv]", inner, 0..3).prop_map(serde_json::Value::from_iter),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_grep_drops_a_record_of_json_that_the_buffer_keeps(
        records in prop::collection::vec((prop::collection::btree_map("u|v|url|msg|level|time|u\\.v", a_value(), 0..4), any::<bool>(), any::<bool>()), 1..8),
        field in prop::sample::select(vec!["u", "v", "u.v", "u.u", "v.0", "msg", "url", "path", "request", "time"]),
        glob in prop::sample::select(vec!["a", "ab", "abc", "a*", "*b", "/a", "k", "a?b", "*[1,2]*", "7", "true", "é", "c*,b", "A"]),
        regex in any::<bool>(),
        format in prop::sample::select(vec!["json", "nginx-json", "pino", "winston"]),
    ) {
        let format = built_in().get(format).unwrap();
        let text = if regex { format!("{field}~/{}/", regex::escape(glob).replace('/', "\\/")) } else { format!("{field}:\"{glob}\"").replace('"', "") };
        let Ok(filter) = text.parse::<Filter>() else { return Ok(()) };
        let made = divide(&filter.expr, &spec(file()), &info("file", &[]), &Derived::default(), [&**format]);
        let Some(Prefilter::Shell(script)) = made.prefilter else { return Ok(()) };
        let lines: Vec<String> = records.iter().map(|(record, ascii, wide)| {
            let line = if *wide { serde_json::to_string_pretty(record).unwrap().replace('\n', " ") } else { serde_json::to_string(record).unwrap() };
            if *ascii { line.chars().map(|c| if c.is_ascii() { c.to_string() } else { format!("\\u{:04x}", u32::from(c)) }).collect() } else { line }
        }).collect();
        let passed = ran(&script, (lines.join("\n") + "\n").as_bytes());
        let passed: Vec<&[u8]> = passed.split(|byte| *byte == b'\n').collect();
        for line in &lines {
            let here = kept(&filter, |id| Source::new(id, ("x", "file", "/x"), format), format, line.as_bytes());
            prop_assert!(!here || passed.contains(&line.as_bytes()), "{script}\ndrops {line}\nof {text}");
        }
    }

    #[test]
    fn no_query_drops_a_stream_of_which_the_buffer_keeps_a_line(
        labels in prop::collection::btree_map(prop::sample::select(vec!["app", "host", "service", "pod"]), prop_oneof!["[a-c]{1,2}", "[aA@\\x1b ſkK\u{200b}]{1,3}"], 0..4),
        field in prop::sample::select(vec!["service", "host", "env", "app", "pod"]),
        glob in prop::sample::select(vec!["a", "b,c", "a*", "?b", "A", "k", "s", "x", "*"]),
        negated: bool,
        with_service_label: bool,
        word in prop::sample::select(vec!["", "host", "plain"]),
        line in prop::sample::select(vec!["{\"host\":\"a\",\"service\":\"b\",\"pod\":\"ab\"}", "plain", "{\"app\":\"a\",\"env\":\"c\"}"]),
    ) {
        let text = format!("{}{field}:{glob} {word}", if negated { "-" } else { "" });
        let filter: Filter = text.parse().unwrap();
        let labels: BTreeMap<&str, String> = labels.into_iter().chain([("env", "prod".to_owned())]).collect();
        let loki = LokiSpec { service_label: with_service_label.then(|| "app".into()), ..loki() };
        let spec = spec(LogPlace::Loki(loki));
        let format = built_in().get("json").unwrap();
        let known = info("loki", &["app", "host", "service", "env", "pod"].map(|name| (name, "x")));
        let Some(Prefilter::LogQl(query)) = divide(&filter.expr, &spec, &known, &Derived::default(), [&**format]).prefilter else { return Ok(()) };
        let service = labels.get("app").filter(|_| with_service_label).and_then(|app| format!("{app}@prod").parse().ok());
        let source = |id| Source {
            service,
            labels: labels.iter().map(|(name, value)| ((*name).into(), crate::parse::sanitise::line(value).into())).collect(),
            ..Source::new(id, ("x", "loki", "{}"), format)
        };
        let here = kept(&filter, source, format, line.as_bytes());
        let (selects, stages) = reader::Selector::read(&query);
        let there = selects.selects(|name| labels.get(name).cloned().unwrap_or_default()) && reader::line_filter(stages)(line);
        prop_assert!(!here || there, "{query} drops {labels:?} {line} of {text}");
    }
}
