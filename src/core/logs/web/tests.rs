use std::sync::{Arc, OnceLock};

use super::*;
use crate::{
    config::formats::built_in,
    core::logs::{
        Source,
        aggregate::{self, Table, Unit},
        buffer::{Buffer, Snapshot},
        derive::Derived,
        eval::{Cache, Fields, Matcher},
        filter,
        format::{Assume, Format},
        segment::Batch,
    },
};

fn source(id: SourceId, format: &Arc<Format>) -> Source {
    Source::new(id, ("access", "local", "access.log"), format)
}

/// Pieces of a text of one format.
fn held(name: &str, pieces: &[&[u8]]) -> Snapshot {
    let format = built_in().get(name).unwrap();
    let assume = Assume { zone: chrono_tz::UTC, now: Nanos(1_795_144_361_000_000_000) };
    let mut buffer = Buffer::new(1 << 30);
    let id = buffer.add_source(|id| source(id, format)).unwrap();
    for piece in pieces {
        buffer.push(Segment::parse(Batch::new(id, format, assume, piece.to_vec())));
    }
    buffer.snapshot()
}

/// Ten thousand real requests; what they hold was counted by independent programs.
fn real() -> &'static Snapshot {
    static REAL: OnceLock<Snapshot> = OnceLock::new();
    REAL.get_or_init(|| {
        let text = include_bytes!("../../../../tests/fixtures/logs/web/access.log");
        let half = text.len() / 2 + memchr::memchr(b'\n', &text[text.len() / 2..]).unwrap() + 1;
        held("nginx-combined", &[&text[..half], &text[half..]])
    })
}

fn table(snapshot: &Snapshot, text: &str) -> Table {
    let filter = filter::parse(text).unwrap().filter;
    let matcher = Matcher::new(&filter, (None, None), Arc::default()).unwrap();
    let found = matcher.matches(snapshot, &Cache::new(1 << 20));
    let derived = Derived::default();
    let stage = filter.stage.as_ref().unwrap();
    let read = Fields { sources: &snapshot.sources, derived: &derived, cache: None };
    let table = aggregate::run(stage, &found, read);
    // Of columns, which are made when a field was asked for often enough, the same is made.
    let cache = Cache::new(1 << 20);
    for _ in 0..3 {
        assert_eq!(aggregate::run(stage, &found, Fields { cache: Some(&cache), ..read }), table);
    }
    table
}

fn rows(table: &Table) -> Vec<(String, u64)> {
    let key = |key: &Option<Vec<u8>>| key.as_ref().map_or("?".into(), |key| String::from_utf8_lossy(key).into_owned());
    table.rows.iter().map(|row| (row.keys.iter().map(key).collect::<Vec<_>>().join(" "), row.count)).collect()
}

fn view_of(snapshot: &Snapshot, proxies: &[String]) -> Web {
    let (from, to) = snapshot.extent().unwrap();
    let ask = Ask { from, to, bars: 10, limit: 3, proxies };
    seen(&ask, snapshot)
}

/// The view of all; of columns, which are made when the same is asked for again, the same is made.
fn seen(ask: &Ask<'_>, snapshot: &Snapshot) -> Web {
    let (all, derived, cache) = (Matches::all(snapshot), Derived::default(), Cache::new(1 << 20));
    let read = Fields { sources: &snapshot.sources, derived: &derived, cache: None };
    let web = view(ask, &all, read);
    for _ in 0..3 {
        assert_eq!(view(ask, &all, Fields { cache: Some(&cache), ..read }), web);
    }
    let has_columns =
        |segment: &Arc<Segment>| FIELDS.iter().all(|name| cache.column(segment, name, &derived).is_some());
    assert!(snapshot.segments.iter().all(has_columns), "the last ones were made of columns");
    web
}

#[test]
fn real_requests_are_counted_as_others_count_them() {
    let web = view_of(real(), &[]);
    assert_eq!(web.requests, 10_000);
    assert_eq!(web.bytes, Some(2_747_282_740));
    assert_eq!(web.classes, [0, 0, 9126 + 45, 445 + 164, 213 + 2 + 2, 3]);
    assert_eq!(web.series.iter().map(|bar| bar.requests).sum::<u64>(), 10_000);
    assert_eq!(web.series.iter().map(|bar| bar.errors).sum::<u64>(), 3);
    assert_eq!(web.durations, None);
    assert!(web.slowest.is_empty());
    assert!(!web.only_proxies);
    assert_eq!(web.failing.iter().map(|item| item.errors).sum::<u64>(), 3);
    assert_eq!(web.refused[0].refused, web.refused.iter().map(|item| item.refused).max().unwrap());
    assert_eq!(web.clients.items.len(), 3);
    assert_eq!(
        web.clients.items[0],
        Item { value: b"66.249.73.135".to_vec(), count: 482, ..web.clients.items[0].clone() }
    );
    assert_eq!(web.hosts.without, 10_000);
}

#[test]
fn stages_count_real_requests() {
    let statuses = table(real(), "| count by status");
    let want =
        [("200", 9126), ("304", 445), ("404", 213), ("301", 164), ("206", 45), ("500", 3), ("403", 2), ("416", 2)];
    assert_eq!(rows(&statuses), want.map(|(status, count)| (status.to_owned(), count)));
    assert_eq!((statuses.records, statuses.groups, statuses.without), (10_000, 8, 0));
    assert_eq!(rows(&table(real(), "| count")), [(String::new(), 10_000)]);
    assert_eq!(rows(&table(real(), "status>=500 | count")), [(String::new(), 3)]);
    let top = table(real(), "| top 2 url");
    assert_eq!(top.rows.len(), 2);
    assert!(top.groups > 1_000);
    let both = table(real(), "status>=400 | count by method, status");
    assert_eq!(rows(&both)[0], ("GET 404".to_owned(), 202));
    assert_eq!(rows(&table(real(), "nothing-is-like-this | count by status")), []);
}

#[test]
fn figures_are_in_the_unit_of_their_field() {
    let lines: Vec<String> = (1..=100)
        .map(|at| format!("{{\"time\":\"2026-08-01T10:05:03Z\",\"status\":200,\"path\":\"/{}\",\"request_time\":{}.5,\"body_bytes_sent\":{at}}}\n", at % 2, at))
        .collect();
    let snapshot = held("nginx-json", &[lines.concat().as_bytes()]);
    let figure = |text: &str| {
        let table = table(&snapshot, text);
        (table.unit, table.rows.iter().map(|row| row.figure.unwrap()).collect::<Vec<_>>())
    };
    assert_eq!(figure("| p95 dur"), (Unit::Micros, vec![95_500_000.0]));
    assert_eq!(figure("| max dur by path"), (Unit::Micros, vec![100_500_000.0, 99_500_000.0]));
    assert_eq!(figure("| sum bytes"), (Unit::Bytes, vec![5_050.0]));
    assert_eq!(figure("| avg bytes by path"), (Unit::Bytes, vec![51.0, 50.0]));
    assert_eq!(figure("| min status"), (Unit::Plain, vec![200.0]));
    assert_eq!(table(&snapshot, "| p95 nothing").without, 100);
    let web = view_of(&snapshot, &[]);
    let durations = web.durations.unwrap();
    assert_eq!((durations.p50, durations.p95, durations.most), (50_500_000.0, 95_500_000.0, 100_500_000.0));
    assert_eq!(web.slowest[0].value, b"/0");
    assert_eq!((web.slowest[0].average_us, web.slowest[0].p95_us), (Some(51_500_000.0), Some(96_500_000.0)));
    assert_eq!(web.slowest[1].p95_us, Some(95_500_000.0));
}

#[test]
fn quantiles_of_many_values_are_within_the_stated_error() {
    let mut spread = aggregate::Spread::default();
    let mut other = aggregate::Spread::default();
    for value in 1..=300_000_u32 {
        if value % 3 == 0 { other.add(f64::from(value)) } else { spread.add(f64::from(value)) }
    }
    spread.merge(other);
    assert!(spread.is_estimated());
    for tenths in [1, 500, 950, 990, 999, 1000] {
        let want = f64::from(tenths) * 300.0;
        let got = spread.quantile(tenths).unwrap();
        assert!((got - want).abs() <= want * (aggregate::SKETCH_ERROR + 1e-6), "{tenths}: {got} for {want}");
    }
    assert_eq!(spread.figure(filter::Figure::Sum), Some(300_000.0 * 300_001.0 / 2.0));
}

#[test]
fn clients_that_are_all_proxies_are_not_the_real_ones() {
    let of = |clients: &[&str], forwarded: &str| {
        let line = |client: &&str| {
            format!("{client} - - [01/Aug/2026:10:05:03 +0000] \"GET / HTTP/1.1\" 200 1 \"-\" \"curl\"{forwarded}\n")
        };
        let text = clients.iter().map(line).collect::<Vec<_>>().concat();
        view_of(&held("nginx-combined", &[text.as_bytes()]), &["203.0.113.9".to_owned()])
    };
    assert!(of(&["10.1.2.3", "192.168.0.1", "::1", "fd00::1", "100.64.0.1", "203.0.113.9"], "").only_proxies);
    assert!(!of(&["10.1.2.3", "198.51.100.7"], "").only_proxies);
    let forwarded = of(&["10.1.2.3"], " \"198.51.100.7, 10.0.0.1\"");
    assert!(!forwarded.only_proxies);
    assert_eq!((forwarded.forwarded, &*forwarded.clients.items[0].value), (1, &b"198.51.100.7"[..]));
}

const ODD: [&[u8]; 9] = [
    b"cut - - [01/Aug/2026:10:05:03 +0000] \"GET /a?b",
    b"",
    b"- - -",
    b"\"\" \"\"",
    br#"{"request":"GET /a?b=1 HTTP/1.1","status":"204","remote_addr":"::1","http":{"user_agent":"x"},"path":null}"#,
    br#"{"uri":"/b\/c","path":"\u002fd","args":"","bytes":1e3,"agent":["a"],"http.referer":"r","http":{"referer":"s"}}"#,
    br#"{"time":"2026-08-01T10:05:03Z","msg":"m","level":"info","status":12,"request_uri":"/e?f"#,
    br#"{"a":{"b":{"status":1}},"req":{"url":"/g","method":"GET","headers":{"host":"h"}},"res":{"statusCode":500}}"#,
    b"[1,2]",
];

#[test]
fn several_fields_at_once_are_what_each_is_alone() {
    let names = [
        "agent",
        "path",
        "status",
        "referer",
        "query",
        "nothing",
        "client",
        "forwarded",
        "url",
        "bytes",
        "host",
        "msg",
    ];
    for format in built_in().iter() {
        let fields: Vec<_> = names.iter().map(|name| format.resolve(name)).collect();
        let segments = real().segments.first().into_iter().take(usize::from(format.name() == "nginx-combined"));
        let texts: Vec<_> = segments.map(|segment| (segment.text(), segment)).collect();
        let records =
            texts.iter().flat_map(|(text, segment)| (0..segment.len()).map(|record| &text[segment.span(record)]));
        for line in records.chain(ODD) {
            let mut all = vec![None; fields.len()];
            format.fields_of(line, &fields, |at, value| all[at] = Some(value.into_owned()));
            let each: Vec<_> =
                fields.iter().map(|field| format.field(line, field).map(std::borrow::Cow::into_owned)).collect();
            assert_eq!(all, each, "{}: {}", format.name(), String::from_utf8_lossy(line));
        }
    }
}

#[test]
fn every_item_and_every_group_steps_into_its_own_records() {
    let total = |text: &str| {
        let filter = filter::parse(text).unwrap().filter;
        let matcher = Matcher::new(&filter, (None, None), Arc::default()).unwrap();
        matcher.matches(real(), &Cache::new(1 << 20)).total
    };
    let (from, to) = real().extent().unwrap();
    let ask = Ask { from, to, bars: 1, limit: 12, proxies: &[] };
    let web = seen(&ask, real());
    let mut exact = 0;
    for top in [&web.paths, &web.clients, &web.agents, &web.referers] {
        for item in &top.items {
            let term = term(top.field, item, false, &web, &real().sources).unwrap();
            assert_eq!(total(&term), item.count, "{term}");
            exact += 1;
        }
    }
    assert!(exact > 20);
    for item in &web.failing {
        let term = term("path", item, true, &web, &real().sources).unwrap();
        assert_eq!(total(&term), item.errors, "{term}");
    }
    let counts = table(real(), "| count by status, forwarded");
    assert!((counts.rows.iter().map(|row| counts.share(row)).sum::<f64>() - 1.0).abs() < 1e-9);
    for row in &counts.rows {
        let term = counts.term(row).unwrap();
        assert_eq!(total(&term), row.count, "{term}");
    }
}

/// What a web server writes besides requests: the same clients and paths, and no status.
const BESIDE: &[u8] = b"2026/11/20 19:42:11 [error] 7#7: *1 upstream timed out (110: Connection timed out) while reading response \
    header from upstream, client: 10.0.0.7, server: x, request: \"GET /Play/A HTTP/1.1\", upstream: \"http://127.0.0.1:1/\", \
    host: \"Shop.example\"\n";

#[test]
fn a_row_steps_into_its_requests_alone_whatever_else_names_the_same() {
    let request = |client: &str, path: &str, status: u16, rest: &str| {
        format!(
            "{client} - - [20/Nov/2026:19:42:11 +0000] \"GET {path} HTTP/1.1\" {status} 17 \"-\" \"curl\" rt=0.001{rest}\n"
        )
    };
    let timed: String = [
        request("10.0.0.7", "/Play/A", 200, " host=\"Shop.example\""),
        request("10.0.0.7", "/Play/A", 504, " host=\"Shop.example\""),
        request("10.0.0.7", "/Play/A", 502, " host=\"10.1.1.1\" forwarded=\"192.0.2.1, 10.0.0.9\""),
        request("192.0.2.1", "/Play/B", 200, ""),
        request("192.0.2.9", "/Play/B", 404, " forwarded=\"10.0.0.7\""),
    ]
    .concat();
    let assume = Assume { zone: chrono_tz::UTC, now: Nanos(1_795_144_361_000_000_000) };
    let mut buffer = Buffer::new(1 << 30);
    for (name, text) in [("nginx-timed", timed.as_bytes()), ("nginx-error", BESIDE)] {
        let format = built_in().get(name).unwrap();
        let of = |id| Source { host: Some("10.1.1.1".into()), ..source(id, format) };
        let id = buffer.add_source(of).unwrap();
        buffer.push(Segment::parse(Batch::new(id, format, assume, text.to_vec())));
    }
    let here = buffer.snapshot();
    let (from, to) = here.extent().unwrap();
    let web = view(
        &Ask { from, to, bars: 1, limit: 12, proxies: &[] },
        &Matches::all(&here),
        Fields { sources: &here.sources, derived: &Derived::default(), cache: None },
    );
    let total = |text: &str| {
        let filter = filter::parse(text).unwrap().filter;
        Matcher::new(&filter, (None, None), Arc::default()).unwrap().matches(&here, &Cache::new(1 << 20)).total
    };
    assert_eq!((web.requests, web.forwarded, web.hosts.items.len(), web.failing.len()), (5, 2, 2, 1));
    for top in [&web.paths, &web.clients, &web.hosts, &web.agents] {
        assert!(!top.items.is_empty(), "{}", top.field);
        for item in &top.items {
            let term = term(top.field, item, false, &web, &here.sources).unwrap();
            assert_eq!(total(&term), item.count, "{term}");
        }
    }
    for item in &web.failing {
        let term = term("path", item, true, &web, &here.sources).unwrap();
        assert_eq!(total(&term), item.errors, "{term}");
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(16))]

    /// However the lines are cut to segments, a stage says what a reader says who goes one by one.
    #[test]
    fn stages_do_not_depend_on_segments(
        lines in proptest::collection::vec((0..4_u8, proptest::option::of(0..5_u16), 0..100_000_u32), 1..120),
        cut in 1..40_usize,
        tenths in proptest::sample::select(vec![500_u16, 950, 990]),
    ) {
        let text = |(path, status, bytes): &(u8, Option<u16>, u32)| {
            let status = status.map_or(String::new(), |status| format!(",\"status\":{}", 200 + status));
            format!("{{\"time\":\"2026-08-01T10:05:03Z\",\"path\":\"/{path}\"{status},\"body_bytes_sent\":{bytes}}}\n")
        };
        let pieces: Vec<String> = lines.chunks(cut).map(|lines| lines.iter().map(text).collect::<Vec<_>>().concat()).collect();
        let pieces: Vec<&[u8]> = pieces.iter().map(String::as_bytes).collect();
        let snapshot = held("nginx-json", &pieces);
        let mut counts = std::collections::BTreeMap::new();
        let mut bytes = std::collections::BTreeMap::<String, Vec<u32>>::new();
        for (path, status, size) in &lines {
            let status = status.map_or("?".to_owned(), |status| (200 + status).to_string());
            *counts.entry(format!("/{path} {status}")).or_insert(0_u64) += 1;
            bytes.entry(format!("/{path}")).or_default().push(*size);
        }
        let mut got = rows(&table(&snapshot, "| count by path, status"));
        got.sort();
        proptest::prop_assert_eq!(got, counts.into_iter().collect::<Vec<_>>());
        let figures = table(&snapshot, &format!("| p{} bytes by path", tenths / 10));
        for row in &figures.rows {
            let all = bytes.get_mut(std::str::from_utf8(row.keys[0].as_ref().unwrap()).unwrap()).unwrap();
            all.sort_unstable();
            let rank = (all.len() * usize::from(tenths)).div_ceil(1000);
            proptest::prop_assert_eq!(row.figure, Some(f64::from(all[rank - 1])));
        }
        proptest::prop_assert_eq!(figures.rows.len(), bytes.len());
    }
}
