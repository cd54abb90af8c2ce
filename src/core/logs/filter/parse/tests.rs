//! The language, by examples and by properties.
use proptest::prelude::*;

use super::*;
use crate::core::logs::{
    Level,
    filter::{Figure, Op, Value},
};

fn read(text: &str) -> Expr {
    match parse(text) {
        Ok(parsed) => parsed.filter.expr,
        Err(problem) => panic!("{}\n{problem}", problem.drawn(text)),
    }
}

fn text(text: &str) -> Expr {
    Term::Text(Text::smart(text)).into()
}

fn glob(field: &str, values: &[&str]) -> Expr {
    Term::Glob { field: field.into(), any: values.iter().map(|value| Text::smart(*value)).collect() }.into()
}

fn compare(field: &str, op: Op, value: Value) -> Expr {
    Term::Compare { field: field.into(), op, value }.into()
}

fn level(op: Op, level: Level) -> Expr {
    Term::Level { op, level }.into()
}

#[test]
fn the_language_by_example() {
    let all = read(
        r#"level>=warn service:play,api status>=500 path:/api/* -path:/health dur>1s partner:claro "exact Text" 'exact too' word /re\/gex/i tag~/^x/ (a OR b c) NOT x"#,
    );
    let expected = Expr::And(vec![
        level(Op::AtLeast, Level::Warn),
        glob("service", &["play", "api"]),
        compare("status", Op::AtLeast, Value::Number(500.0)),
        glob("path", &["/api/*"]),
        glob("path", &["/health"]).negated(),
        compare("dur", Op::More, Value::Micros(1_000_000.0)),
        glob("partner", &["claro"]),
        text("exact Text"),
        text("exact too"),
        text("word"),
        Term::Regex(Pattern { regex: "re/gex".into(), fold: true }).into(),
        Term::FieldRegex { field: "tag".into(), pattern: Pattern::smart("^x") }.into(),
        Expr::Or(vec![text("a"), Expr::And(vec![text("b"), text("c")])]),
        text("x").negated(),
    ]);
    assert_eq!(all, expected);
}

#[test]
fn words_that_look_like_more_are_text() {
    for word in [
        "http://x/y?a=b",
        "Foo::bar",
        "10.0.0.1:443",
        "12:30:05",
        "<script>",
        "ana@example.com",
        "[error]",
        "it's",
        "->x",
        "#5",
        "$x",
        "a=>b",
        "foo->bar",
        "50%",
        "C:\\x",
    ] {
        let expected = match word {
            "->x" => text(">x").negated(),
            "C:\\x" => glob("C", &[r"\\x"]),
            _ => text(word),
        };
        assert_eq!(read(word), expected, "{word}");
    }
}

#[test]
fn numbers_compare_and_text_does_not() {
    assert_eq!(read("status:500"), compare("status", Op::Equal, Value::Number(500.0)));
    assert_eq!(
        read("status:5xx"),
        Expr::And(vec![
            compare("status", Op::AtLeast, Value::Number(500.0)),
            compare("status", Op::Less, Value::Number(600.0))
        ])
    );
    assert_eq!(read("status:50*"), glob("status", &["50*"]));
    assert_eq!(read("status:installed"), glob("status", &["installed"]));
    assert_eq!(read("status:*"), Term::Has("status".into()).into());
    assert_eq!(read("req:007"), glob("req", &["007"]));
    assert_eq!(read("req=007"), compare("req", Op::Equal, Value::Number(7.0)));
    assert_eq!(read("id=9007199254740993"), glob("id", &["9007199254740993"]), "no digit may be lost");
    assert_eq!(read("id!=x"), glob("id", &["x"]).negated());
    assert_eq!(read("bytes>=1KiB"), compare("bytes", Op::AtLeast, Value::Bytes(1024.0)));
    assert_eq!(read("bytes<2.5mb"), compare("bytes", Op::Less, Value::Bytes(2_500_000.0)));
    assert_eq!(read("temp>-5"), compare("temp", Op::More, Value::Number(-5.0)));
    assert_eq!(read("dur:250ms"), compare("dur", Op::Equal, Value::Micros(250_000.0)));
    assert_eq!(read("level:error,warn"), Expr::Or(vec![level(Op::Equal, Level::Error), level(Op::Equal, Level::Warn)]));
    assert_eq!(read("level!=info"), level(Op::NotEqual, Level::Info));
    assert_eq!(read("req:*"), Term::Has("req".into()).into());
    assert_eq!(read("req!=*"), Expr::from(Term::Has("req".into())).negated());
    for star in ["req!=*", "ಎ!=*", "req=5,*", "status:5xx,*", "req!=5,*", r#"req:"*"g"#] {
        let filter = parse(star).unwrap().filter;
        assert_eq!(parse(&filter.to_string()).unwrap().filter, filter, "{star} → {filter}");
    }
}

#[test]
fn quotes_make_any_text_and_any_name() {
    assert_eq!(read(r#""a \"b\" \\ \n\x1b\u{e9}""#), text("a \"b\" \\ \n\u{1b}é"));
    assert_eq!(read(r"'App\Models\'s\\'"), text(r"App\Models's\"));
    assert_eq!(read(r#""lower"c"#), Term::Text(Text { text: "lower".into(), fold: false }).into());
    assert_eq!(read(r#"path:"/a b*""#), glob("path", &[r"/a b\*"]));
    assert_eq!(read(r#"path:"/a b*"g"#), glob("path", &["/a b*"]));
    assert_eq!(read(r#""odd name":x"#), glob("odd name", &["x"]));
    assert_eq!(read(r#""level":x* "since":y"#), Expr::And(vec![glob("level", &["x*"]), glob("since", &["y"])]));
}

#[test]
fn or_binds_least() {
    assert_eq!(read("a b OR c"), Expr::Or(vec![Expr::And(vec![text("a"), text("b")]), text("c")]));
    assert_eq!(read("a AND (b OR c)"), Expr::And(vec![text("a"), Expr::Or(vec![text("b"), text("c")])]));
    assert_eq!(read("-(a b)"), Expr::And(vec![text("a"), text("b")]).negated());
    assert_eq!(read("NOT -(a)".replace('-', "").as_str()), text("a").negated());
    assert_eq!(read("(a (b c))"), Expr::And(vec![text("a"), text("b"), text("c")]));
}

#[test]
fn times_and_stages_hold_for_the_whole_filter() {
    let parsed = parse("a since:02:55 until:@now b | p99.9 dur by service, host").unwrap();
    assert_eq!(parsed.filter.since, Some(Moment::TimeOfDay("02:55".into())));
    assert_eq!(parsed.filter.until, Some(Moment::Now));
    let by = vec!["service".to_owned(), "host".to_owned()];
    assert_eq!(parsed.filter.stage, Some(Stage::Measure { figure: Figure::Quantile(999), field: "dur".into(), by }));
    assert_eq!(
        parsed.chips.iter().map(|chip| chip.range.clone()).collect::<Vec<_>>(),
        [0..1, 2..13, 14..24, 25..26, 27..55]
    );
    assert_eq!(parse("|count").unwrap().filter.stage, Some(Stage::Count { by: vec![] }));
    assert_eq!(parse("x | top path").unwrap().filter.stage, Some(Stage::Top { limit: 10, field: "path".into() }));
    assert_eq!(parse("since:-10m").unwrap().filter.since, Some(Moment::Ago(600_000)));
    assert_eq!(parse("").unwrap(), Parsed::default());
}

#[test]
fn mistakes_are_told_with_their_place_and_a_way_out() {
    for (text, marked, says) in [
        ("a level:errror", "errror", "did you mean error"),
        ("x | cuont by host", "cuont", "did you mean count"),
        ("status>=5oo", "5oo", "`oo` is no unit"),
        ("status:5oo", "5oo", "status:5xx"),
        ("status:>=500", ">", "status>=5"),
        ("dur>fast", "fast", "dur>250ms"),
        ("a (b", "(", "not closed"),
        ("a )", ")", "no `(`"),
        ("\"abc", "\"", "not closed"),
        ("/abc", "/abc", "not closed by a `/`"),
        ("/api/v1/users", "v1/users", "\"/api/v1\""),
        ("/a(/", "a(", "no regex"),
        ("foo(bar) x", "(", "\"foo(bar)\""),
        ("a or b", "or", "written OR"),
        ("a && b", "&&", "AND"),
        ("a || b", "||", "written OR"),
        ("a OR", "OR", "after OR"),
        ("OR a", "OR", "before OR"),
        ("a - b", "-", "right after `-`"),
        ("--x", "--", "once"),
        ("error: x", "", "\"error:\""),
        ("(a since:-5m)", "since:-5m", "outside of ( )"),
        ("a OR b since:-5m", "since:-5m", "parentheses"),
        ("-since:-5m", "-since:-5m", "negated"),
        ("since:yesterday", "yesterday", "since:-10m"),
        ("since:1m since:2m", "since:2m", "twice"),
        ("a | count | top x", "|", "one stage"),
        ("a | top 0 path", "0", "from 1"),
        ("path~x", "x", ""),
        ("path:a(b)", "(", "quoted"),
        ("level>unknown", "unknown", "level:unknown"),
        (r#""a\d""#, r"\d", "single quotes"),
        ("\"\"", "\"\"", "nothing between"),
        ("()", "()", "between ( and )"),
    ] {
        match parse(text) {
            Err(problem) => {
                assert_eq!(text.get(problem.range.clone()), Some(marked), "{text}: {problem}");
                assert!(problem.to_string().contains(says), "{text}: {problem}");
            }
            // Without an operator it is a word.
            Ok(parsed) => assert_eq!((text, parsed.filter.expr), ("path~x", super::tests::text("path~x"))),
        }
    }
}

#[test]
fn a_problem_points_at_its_column() {
    let text = "é\tlevel:errror";
    let problem = parse(text).unwrap_err();
    assert_eq!(problem.column(text), 9);
    assert_eq!(problem.drawn(text), "é level:errror\n        ^^^^^^");
}

#[test]
fn what_is_too_much_is_refused() {
    assert!(parse(&"x ".repeat(LONGEST)).is_err());
    assert!(parse(&"(".repeat(5_000)).is_err());
    assert!(parse(&"-(".repeat(5_000)).is_err());
    assert!(parse(&format!("/{}/", "(a{1000}){1000}")).is_err());
    assert!(parse(&format!("/{}/", "(".repeat(3_000))).is_err());
}

/// Text that comes close to filters.
fn like_a_filter() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "a", "B", "level", "status", "dur", "path", "since", "until", "service", ":", ">=", "<", "=", "!=", "~/",
            "!~/", "/", "(", ")", " OR ", " AND ", "NOT ", "-", "!", "\"", "'", "\\", ",", "*", "?", "|", "count",
            "top 5 ", " by ", "p95 ", "500", "5xx", "1s", "250ms", "20KB", "warn", "error", "unknown", "@now", "-10m",
            "02:55", " ", "  ", "\t", "\n", "é", "İ", "ß", "\u{1b}", "\u{0}", "\u{202e}", "i", "c", "g", "[", "]",
            "{2}", "+", ".", "^", "$", "\\d", "\\b",
        ])
        .prop_map(str::to_owned),
        "\\PC{0,3}",
    ];
    prop::collection::vec(piece, 0..14).prop_map(|pieces| pieces.concat())
}

fn a_text() -> impl Strategy<Value = Text> {
    ("\\PC{1,6}|[a-z]{1,6}|[*?,\\\\/'\" a-z\n\u{1b}]{1,5}", any::<bool>()).prop_map(|(text, fold)| Text { text, fold })
}

fn a_field() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "path",
            "service",
            "status",
            "dur",
            "level",
            "since",
            "by",
            "odd name",
            "a:b",
            "@timestamp",
            "x-id"
        ])
        .prop_map(str::to_owned),
        "\\PC{1,5}"
    ]
}

fn a_value() -> impl Strategy<Value = Value> {
    let number = prop_oneof![(-1_000_000_i32..1_000_000).prop_map(f64::from), -1e12..1e12_f64];
    (number, 0..3).prop_map(|(number, kind)| match kind {
        0 => Value::Number(number),
        1 => Value::Micros(number),
        _ => Value::Bytes(number),
    })
}

fn an_op() -> impl Strategy<Value = Op> {
    prop::sample::select(vec![Op::Less, Op::AtMost, Op::Equal, Op::NotEqual, Op::AtLeast, Op::More])
}

fn a_term() -> impl Strategy<Value = Term> {
    let globs = prop::collection::vec(a_text(), 1..3).prop_map(|any| {
        any.into_iter()
            .map(|text| Text { text: Text::exactly(&text.text).text.replace("\\*", "*"), ..text })
            .collect::<Vec<_>>()
    });
    prop_oneof![
        a_text().prop_map(Term::Text),
        ("[a-zA-Z0-9./ ]{1,6}", any::<bool>()).prop_map(|(regex, fold)| Term::Regex(Pattern { regex, fold })),
        (an_op(), prop::sample::select(Level::ALL.to_vec())).prop_filter_map("unknown has no order", |(op, level)| {
            (level != Level::Unknown || matches!(op, Op::Equal | Op::NotEqual)).then_some(Term::Level { op, level })
        }),
        (a_field(), globs).prop_filter_map("a lone star is Has", |(field, any)| {
            (any.len() > 1 || any.iter().all(|text| text.text != "*")).then_some(Term::Glob { field, any })
        }),
        (a_field(), "[a-z^$./]{1,5}")
            .prop_map(|(field, regex)| Term::FieldRegex { field, pattern: Pattern::smart(regex) }),
        (a_field(), an_op(), a_value()).prop_filter_map("more digits than = keeps", |(field, op, value)| {
            let digits = value.to_string().bytes().filter(u8::is_ascii_digit).count();
            (digits <= 15 || !matches!(op, Op::Equal | Op::NotEqual)).then_some(Term::Compare { field, op, value })
        }),
        a_field().prop_map(Term::Has),
    ]
}

fn an_expr() -> impl Strategy<Value = Expr> {
    a_term().prop_map(Expr::Term).prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..4).prop_map(Expr::and),
            prop::collection::vec(inner.clone(), 2..4).prop_map(Expr::or),
            inner.prop_map(Expr::negated),
        ]
    })
}

/// What a terminal makes of whatever bytes are pasted.
fn of_bytes() -> impl Strategy<Value = String> {
    prop::collection::vec(any::<u8>(), 0..60).prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(4_000), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_breaks_the_parser(text in prop_oneof![like_a_filter(), any::<String>(), of_bytes()]) {
        match parse(&text) {
            Ok(parsed) => {
                let written = parsed.filter.to_string();
                let again = parse(&written).map_err(|problem| TestCaseError::fail(format!("{text:?} → {written:?}: {problem}")))?;
                prop_assert_eq!(&again.filter, &parsed.filter, "{:?} → {:?}", text, written);
                prop_assert!(!written.contains(|char: char| char.is_control()), "{:?}", written);
                for chip in &parsed.chips {
                    prop_assert!(text.get(chip.range.clone()).is_some_and(|text| !text.is_empty()));
                }
                let joined = super::super::edit::without(&text, &[]).unwrap();
                prop_assert_eq!(parse(&joined).unwrap().filter, parsed.filter);
            }
            Err(problem) => {
                prop_assert!(text.get(problem.range.clone()).is_some(), "{:?} {:?}", text, problem);
                prop_assert!(!problem.message.is_empty());
                let _ = (problem.drawn(&text), problem.column(&text));
            }
        }
        let known = super::super::complete::Known { fields: &["path"], values: &|_| vec!["a b".into()], moments: &[] };
        for cursor in 0..=text.len() {
            for offer in super::super::complete::complete(&text, cursor, &known) {
                prop_assert!(text.get(offer.range).is_some());
            }
        }
    }

    #[test]
    fn what_is_written_is_read_back(expr in an_expr()) {
        let filter = Filter { expr, ..Filter::default() };
        let written = filter.to_string();
        let again = parse(&written).map_err(|problem| TestCaseError::fail(format!("{filter:?}\n{}\n{problem}", problem.drawn(&written))))?;
        prop_assert_eq!(&again.filter, &filter, "{}", written);
    }

    #[test]
    fn a_term_is_added_to_any_filter(text in like_a_filter(), expr in an_expr()) {
        if let Ok(before) = parse(&text) {
            let after = super::super::edit::add(&text, &expr).unwrap();
            let read = parse(&after).map_err(|problem| TestCaseError::fail(format!("{}\n{problem}", problem.drawn(&after))))?;
            let parts = read.filter.expr.conjuncts();
            for wanted in expr.conjuncts() {
                prop_assert!(parts.contains(wanted), "{:?}", after);
            }
            prop_assert_eq!(read.filter.stage, before.filter.stage);
            prop_assert_eq!(read.filter.since, before.filter.since);
        }
    }
}
