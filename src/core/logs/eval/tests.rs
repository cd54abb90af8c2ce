//! The engine against a reader that goes line by line.
use std::sync::Arc;

use proptest::prelude::*;

use super::{regexes::required, *};
use crate::core::logs::{
    SourceId,
    buffer::Buffer,
    filter::{self, Expr, Term, Text},
    format::{Assume, Format},
    read::{Key, RecordRef, Tally},
    segment::Batch,
};

fn assume() -> Assume {
    Assume { zone: chrono_tz::UTC, now: Nanos(1_795_144_361_000_000_000) }
}

fn buffer(texts: &[&str]) -> Buffer {
    let mut buffer = Buffer::new(1 << 30);
    for (at, text) in texts.iter().enumerate() {
        let format = Format::plain_shared();
        let source = buffer
            .add_source(|id| Source {
                host: Some(if at == 0 { "web-01".into() } else { "web-02".into() }),
                ..Source::new(id, (&format!("s{at}"), "file", &format!("/var/log/{at}.log")), &format)
            })
            .unwrap();
        let segment = Segment::parse(Batch::new(source, &format, assume(), text.as_bytes().to_vec()));
        buffer.push(segment);
    }
    buffer
}

fn matcher(text: &str) -> Matcher {
    let parsed = filter::parse(text).unwrap();
    Matcher::new(&parsed.filter, (None, None), Arc::default()).unwrap()
}

fn found(buffer: &Buffer, text: &str) -> Vec<String> {
    let snapshot = buffer.snapshot();
    let matches = matcher(text).matches(&snapshot, &Cache::new(1 << 20));
    let all = matches.forward(Key::default(), usize::MAX);
    all.iter().map(|record| record.with_bytes(|bytes| String::from_utf8_lossy(bytes).into_owned())).collect()
}

#[test]
fn terms_mean_what_they_say() {
    let buffer = buffer(&[
        "2026-11-20T10:00:00Z ERROR pool timeout id=7\n2026-11-20T10:00:02Z info ok GET /api/x\n",
        "2026-11-20T10:00:01Z WARN slow POOL dur=12\n",
    ]);
    let first =
        |text: &str| found(&buffer, text).iter().map(|line| line.get(17..19).unwrap().to_owned()).collect::<Vec<_>>();
    for (text, want) in [
        ("", vec!["00", "01", "02"]),
        ("pool", vec!["00", "01"]),
        ("\"POOL\"", vec!["01"]),
        ("-pool", vec!["02"]),
        ("level>=warn", vec!["00", "01"]),
        ("level>=warn -slow", vec!["00"]),
        ("host:web-02", vec!["01"]),
        ("host:web-*  /t[i]meout/", vec!["00"]),
        ("(timeout OR ok)", vec!["00", "02"]),
        ("source:s0 /^2026.*x$/", vec!["02"]),
        ("file:*1.log", vec!["01"]),
        ("nothing:x", vec![]),
        ("-nothing:x", vec!["00", "01", "02"]),
    ] {
        assert_eq!(first(text), want, "{text}");
    }
}

#[test]
fn windows_steps_and_ties_are_in_order() {
    let lines = |from: i64, step: i64, count: i64| -> String {
        let line = |n: i64| {
            let at = from + n * step;
            format!("2026-11-20T10:{:02}:{:02}Z n={from}-{n}\n", at / 60, at % 60)
        };
        (0..count).map(line).collect()
    };
    let (a, b) = (lines(0, 2, 40), lines(1, 2, 40));
    let mut buffer = buffer(&[&a, &b]);
    for n in 0..30 {
        let format = Format::plain_shared();
        let text = format!("2026-11-20T10:05:{n:02}Z late n={n}\n");
        buffer.push(Segment::parse(Batch::new(SourceId(0), &format, assume(), text.into_bytes())));
        buffer.tidy();
    }
    let snapshot = buffer.snapshot();
    assert!(snapshot.segments.len() < 15, "{}", snapshot.segments.len());
    let matches = Matches::all(&snapshot);
    assert_eq!(matches.total, 110);
    let all = matches.forward(Key::default(), usize::MAX);
    assert!(all.windows(2).all(|pair| pair[0].key() < pair[1].key()));
    let middle = all[50].key();
    let keys =
        |records: Vec<crate::core::logs::read::RecordRef>| records.iter().map(RecordRef::key).collect::<Vec<_>>();
    let want: Vec<Key> = all.iter().map(RecordRef::key).collect();
    assert_eq!(keys(matches.backward(middle, 10)), want[40..50]);
    assert_eq!(keys(matches.forward(middle, 10)), want[50..60]);
    assert_eq!(matches.last().unwrap().key(), want[109]);
    assert_eq!(matches.first().unwrap().key(), want[0]);
    let counts = matches.histogram(snapshot.extent().unwrap().0, snapshot.extent().unwrap().1, 7);
    assert_eq!(counts.iter().flatten().sum::<u64>(), 110);
    let late = matches.nearest(want[0], true, |segment, index| {
        segment.text()[segment.span(index)].windows(4).any(|part| part == b"late")
    });
    assert_eq!(late.unwrap().key(), want[80]);
}

#[test]
fn what_was_searched_for_stays_though_it_is_the_oldest() {
    let mut buffer = Buffer::new(100_000);
    let format = Format::plain_shared();
    buffer.add_source(|id| Source::new(id, ("s", "file", "p"), &format));
    let lines = |at: i64| {
        let text = (0..200).map(|n| format!("{at} {n} {:x}\n", (at * 7_919 + n).wrapping_mul(0x1E37_79B9_7F4A_7C15)));
        let assume = Assume { zone: chrono_tz::UTC, now: Nanos(at * Nanos::SECOND) };
        Segment::parse(Batch::new(SourceId(0), &format, assume, text.collect::<String>().into_bytes()))
    };
    let kept = |buffer: &Buffer, search: u32| {
        let segments = buffer.snapshot().segments;
        segments
            .iter()
            .filter(|segment| segment.is_partial() == (search > 0))
            .map(|segment| segment.first().0 / Nanos::SECOND)
            .min()
    };
    for at in 1_000..1_030 {
        buffer.push(lines(at));
        buffer.fit(0, |_| {});
    }
    let oldest = kept(&buffer, 0);
    assert!(oldest > Some(1_000));
    buffer.push_found(lines(10), 1);
    buffer.fit(0, |segment| assert!(!segment.is_partial()));
    assert!(kept(&buffer, 1) == Some(10) && kept(&buffer, 0) > oldest, "it stays, and others go for it");
    // Of more than its share, the oldest goes.
    for at in (0..10).rev() {
        buffer.push_found(lines(at), 1);
        buffer.fit(0, |_| {});
    }
    assert!(kept(&buffer, 1) > Some(0) && kept(&buffer, 0).is_some());
    assert!(buffer.bytes() <= 100_000);
    assert_eq!(buffer.forget(&[1]) % 200, 0);
    assert_eq!(kept(&buffer, 1), None);
}

#[test]
fn the_limit_holds_and_what_goes_is_counted() {
    let mut buffer = Buffer::new(40_000);
    let format = Format::plain_shared();
    buffer.add_source(|id| Source::new(id, ("s", "file", "p"), &format));
    let mut gone = 0;
    for n in 0..400 {
        let lines = (0..20).map(|at| format!("line {n} {at} {:x}\n", (n * 7_919_i64 + at) * 104_729));
        let text = lines.collect::<Vec<_>>().concat();
        buffer.push(Segment::parse(Batch::new(SourceId(0), &format, assume(), text.into_bytes())));
        buffer.tidy();
        buffer.fit(0, |segment| gone += segment.len());
        assert!(buffer.bytes() <= 60_000, "{}", buffer.bytes());
    }
    let snapshot = buffer.snapshot();
    assert!(gone > 0);
    assert_eq!(snapshot.dropped.records, gone as u64);
    assert_eq!(snapshot.records() + snapshot.dropped.records, 8_000);
    assert_eq!(matcher("line").matches(&snapshot, &Cache::new(1_000)).total, snapshot.records());
}

#[test]
fn what_a_regex_must_hold_is_found_cautiously() {
    for (regex, want) in [
        (r"[a-z]+\.png", Some(".png")),
        (r"GET \S+ HTTP/", Some(" HTTP/")),
        (r"colou?rs", Some("colo")),
        (r"abcd*efg", Some("abc")),
        (r"abcd+efg", Some("abcd")),
        (r"abc{0}", None),
        (r"abcd{2,3}xyz9", Some("xyz9")),
        (r"abc|defg", None),
        (r"(abc|def)ghi", Some("ghi")),
        (r"(abcd)?efg", Some("efg")),
        (r"(?i)abc", None),
        (r"[\]abc]defg", Some("defg")),
        (r"[]abc]defg", Some("defg")),
        (r"[[:alpha:]]abc", None),
        (r"\dabc\w", Some("abc")),
        (r"^abc$", Some("abc")),
        (r"ab", None),
        (r"abé*cde", Some("cde")),
    ] {
        let got = required(regex).and_then(|texts| texts.into_iter().next());
        assert_eq!(got.as_deref(), want, "{regex}");
    }
}

proptest! {
    #[test]
    fn the_arena_says_what_lines_say(
        lines in proptest::collection::vec("[abAB é0-9=/.]{0,12}", 1..40),
        term in "[abAB0-9 ]{1,3}", regex in prop::sample::select(vec![
            "a", "b+", "[0-9]+", "\\s", "\\bb", "\\Ba", "x*", "a.b", "^a", "b$", "[^a]", "[^a]+b", "a\\s*b", "^$", "\\Aa", "b\\z",
        ]), negate: bool, fold: bool,
    ) {
        // Blank and indented lines belong to the one before, in the plain format.
        let text = lines.iter().map(|line| format!("b{line}\n")).collect::<Vec<_>>().concat();
        let buffer = buffer(&[&text]);
        let snapshot = buffer.snapshot();
        let text_term = Expr::Term(Term::Text(Text { text: term.clone(), fold }));
        let pattern = filter::Pattern { regex: regex.to_owned(), fold };
        let regex_term = Expr::Term(Term::Regex(pattern.clone()));
        let not = |expr: Expr| if negate { Expr::Not(Box::new(expr)) } else { expr };
        let expr = Expr::And(vec![not(text_term), regex_term]);
        let filter = Filter { expr, ..Filter::default() };
        let matcher = Matcher::new(&filter, (None, None), Arc::default()).unwrap();
        let cache = Cache::new(1 << 20);
        let (find, scan) = (Text { text: term, fold }.regex().unwrap(), pattern.compile().unwrap());
        let want: Vec<usize> = text.split_terminator('\n').enumerate()
            .filter(|(_, line)| find.is_match(line.as_bytes()) != negate && scan.is_match(line.as_bytes()))
            .map(|(at, _)| at).collect();
        // Twice: the second time from what was kept.
        for _ in 0..2 {
            let matches = matcher.matches(&snapshot, &cache);
            let got: Vec<usize> = matches.sets.iter().flat_map(|(_, set)| set.iter().collect::<Vec<_>>()).collect();
            prop_assert_eq!(&got, &want);
        }
    }
}

/// All records in the order of time that a reader finds who goes one by one.
fn one_by_one(snapshot: &Snapshot, holds: &dyn Fn(&[u8]) -> bool) -> Vec<(Nanos, u64)> {
    let mut all = Vec::new();
    for segment in snapshot.segments.iter() {
        let text = segment.text();
        let hits = (0..segment.len()).filter(|record| holds(&text[segment.span(*record)]));
        all.extend(hits.map(|record| (segment.time(record), segment.base() + record as u64)));
    }
    all.sort_unstable();
    all
}

fn holds(expr: &Expr, record: &[u8]) -> bool {
    match expr {
        Expr::All => true,
        Expr::And(all) => all.iter().all(|expr| holds(expr, record)),
        Expr::Or(any) => any.iter().any(|expr| holds(expr, record)),
        Expr::Not(expr) => !holds(expr, record),
        Expr::Term(Term::Text(text)) => text.regex().unwrap().is_match(record),
        Expr::Term(Term::Regex(pattern)) => pattern.compile().unwrap().is_match(record),
        Expr::Term(_) => unreachable!("not made here"),
    }
}

fn any_expr() -> impl Strategy<Value = Expr> {
    let text = |text: &str| Expr::Term(Term::Text(Text::smart(text)));
    let regex = |regex: &str| Expr::Term(Term::Regex(filter::Pattern { regex: regex.into(), fold: false }));
    let leaf = prop_oneof![
        prop::sample::select(vec!["a", "Err", "err", "b\na", "k", "é", " ", "GET /a"]).prop_map(text),
        prop::sample::select(vec![
            "^a", "b$", "[^b]*b", r"\s+a", r"\Aa", r"a\z", "(?-m:^)b", "^$", "a.*b", "(?s)a.*b", "a|", r"\bE",
            "(?i)err",
        ])
        .prop_map(regex),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 1..4).prop_map(Expr::And),
            proptest::collection::vec(inner.clone(), 1..4).prop_map(Expr::Or),
            inner.prop_map(|expr| Expr::Not(Box::new(expr))),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Segments of several sources that overlap in time, of records with several lines, joined, packed and dropped.
    #[test]
    fn reading_by_time_finds_what_a_reader_finds_who_goes_one_by_one(
        batches in proptest::collection::vec(proptest::collection::vec((0i64..40, "(a|b|Err|err|\u{212a}|é|É| |\n|GET /a|\r){0,6}"), 1..24), 1..14),
        exprs in proptest::collection::vec(any_expr(), 1..4),
        limit in prop_oneof![Just(3_000usize), Just(1 << 20)],
    ) {
        let mut buffer = Buffer::new(limit);
        for source in self::buffer(&["", ""]).sources() {
            buffer.add_source(|_| source.clone());
        }
        let format = Format::plain();
        let cache = Cache::new(limit);
        let (mut ever, mut tallies) = (vec![0; exprs.len()], vec![Tally::default(); exprs.len()]);
        for (number, lines) in batches.iter().enumerate() {
            let (mut bytes, mut ends) = (Vec::new(), Vec::new());
            for (_, line) in lines {
                bytes.extend_from_slice(line.as_bytes());
                bytes.push(b'\n');
                ends.push(u32::try_from(bytes.len()).unwrap());
            }
            let times = lines.iter().map(|(time, _)| Nanos(*time)).collect();
            let source = SourceId(u16::try_from(number % 2).unwrap());
            for (expr, ever) in exprs.iter().zip(&mut ever) {
                *ever += lines.iter().filter(|(_, line)| holds(expr, line.as_bytes())).count() as u64;
            }
            let segment = Segment::parse(Batch { ends, times, ..Batch::new(source, &format, assume(), bytes) });
            if number % 4 == 1 {
                buffer.push_older(segment);
            } else {
                buffer.push(segment);
            }
            if number % 3 == 0 {
                buffer.tidy();
            }
            let snapshot = buffer.snapshot();
            cache.retain(&snapshot.segments);
            for (expr, tally) in exprs.iter().zip(&mut tallies) {
                let filter = Filter { expr: expr.clone(), ..Filter::default() };
                let matches = Matcher::new(&filter, (None, None), Arc::default()).unwrap().matches(&snapshot, &cache);
                tally.add(&matches);
                let want = one_by_one(&snapshot, &|record| holds(expr, record));
                prop_assert_eq!(matches.total, want.len() as u64, "{:?}", expr);
                let keys = |records: &[RecordRef]| records.iter().map(|record| (record.key().time, record.key().order)).collect::<Vec<_>>();
                prop_assert_eq!(&keys(&matches.forward(Key::default(), usize::MAX)), &want, "{:?}", expr);
                let end = Key { time: Nanos(i64::MAX), order: 0 };
                prop_assert_eq!(&keys(&matches.backward(end, usize::MAX)), &want, "{:?}", expr);
                for (at, (time, order)) in want.iter().enumerate() {
                    let key = Key { time: *time, order: *order };
                    prop_assert_eq!(matches.position(key), at as u64);
                    prop_assert_eq!(keys(&matches.forward(key, 3)), &want[at..want.len().min(at + 3)]);
                    prop_assert_eq!(keys(&matches.backward(key, 3)), &want[at.saturating_sub(3)..at]);
                }
            }
            if number % 3 == 0 {
                buffer.fit(0, |_| {});
            }
        }
        prop_assert_eq!(tallies.iter().map(|tally| tally.records).collect::<Vec<_>>(), ever);
    }
}

#[test]
fn live_segments_stay_few_and_the_newest_text_stays_unpacked() {
    let mut buffer = Buffer::new(4 << 20);
    let format = Format::plain_shared();
    for source in self::buffer(&[""]).sources() {
        buffer.add_source(|_| source.clone());
    }
    let lines =
        |n: i64| (0..20).map(|at| format!("line {n} {at} {:x}\n", (n * 7_919 + at) * 104_729)).collect::<Vec<_>>();
    for n in 0..20_000 {
        buffer.push(Segment::parse(Batch::new(SourceId(0), &format, assume(), lines(n).concat().into_bytes())));
        buffer.tidy();
        buffer.fit(0, |_| {});
    }
    let snapshot = buffer.snapshot();
    assert!(buffer.bytes() <= 4 << 20);
    assert!(snapshot.dropped.records > 0);
    assert!(snapshot.segments.len() < 100, "{} segments", snapshot.segments.len());
    assert!(!snapshot.segments.last().unwrap().is_packed());
    assert!(snapshot.segments.first().unwrap().is_packed());
}
