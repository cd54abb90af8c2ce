//! The script, run by real shells and real `grep`s over hostile lines.
use std::{io::Write as _, process::Command};

use proptest::prelude::*;

use super::*;
use crate::core::logs::filter::{Pattern, Term, Text, parse};

/// Decides a filter on one line as the buffer would.
pub(in super::super) fn keeps(expr: &Expr, line: &[u8]) -> bool {
    match expr {
        Expr::All => true,
        Expr::And(parts) => parts.iter().all(|part| keeps(part, line)),
        Expr::Or(parts) => parts.iter().any(|part| keeps(part, line)),
        Expr::Not(inner) => !keeps(inner, line),
        Expr::Term(Term::Text(text)) => text.regex().unwrap().is_match(line),
        Expr::Term(Term::Regex(pattern)) => pattern.compile().unwrap().is_match(line),
        // `field` is what stands after `f=` up to the next space.
        Expr::Term(Term::Glob { any, .. }) => {
            field(line).is_some_and(|value| any.iter().any(|glob| glob.glob().unwrap().is_match(value)))
        }
        Expr::Term(Term::FieldRegex { pattern, .. }) => {
            field(line).is_some_and(|value| pattern.compile().unwrap().is_match(value))
        }
        Expr::Term(Term::Level { .. } | Term::Compare { .. } | Term::Has(_)) => line.len().is_multiple_of(2),
    }
}

fn field(line: &[u8]) -> Option<&[u8]> {
    let at = line.windows(2).position(|two| two == b"f=")?;
    line[at + 2..].split(|byte| *byte == b' ').next()
}

pub(in super::super) fn lines_of(whole: bool) -> Lines<'static> {
    Lines { whole, status: None, escape: None, verbatim: &|field| field == "f" }
}

/// Makes a folder in which `grep`, `tr`, `cat`, `printf` and `gzip` are those of `BusyBox`.
fn busybox() -> Option<tempfile::TempDir> {
    let busybox = ["/usr/bin/busybox", "/bin/busybox"].into_iter().find(|path| std::path::Path::new(path).exists())?;
    let dir = tempfile::tempdir().unwrap();
    for applet in ["sh", "grep", "tr", "cat", "printf", "gzip"] {
        std::os::unix::fs::symlink(busybox, dir.path().join(applet)).unwrap();
    }
    Some(dir)
}

/// Runs a script; returns the lines and what it said.
fn run(script: &str, path: Option<&std::path::Path>) -> (Vec<Vec<u8>>, String) {
    let mut command = Command::new(path.map_or("/bin/sh".into(), |path| path.join("sh")));
    command.args(["-c", script]).env("LANG", "C.UTF-8");
    if let Some(path) = path {
        command.env("PATH", path);
    }
    let output = command.output().unwrap();
    let mut lines: Vec<Vec<u8>> = output.stdout.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    assert_eq!(lines.pop().as_deref(), Some(&b""[..]), "the last line is ended");
    (lines, String::from_utf8_lossy(&output.stderr).into_owned())
}

/// Runs a filter over lines by each `grep` that there is, plain and packed, and holds them to the rule.
fn check(filter: &str, lines: &[Vec<u8>]) {
    let expr = parse(filter).unwrap().filter.expr;
    check_expr(&expr, lines);
}

fn check_expr(expr: &Expr, lines: &[Vec<u8>]) {
    let made = grep(expr, lines_of(true));
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("it's a log");
    let mut file = std::fs::File::create(&path).unwrap();
    for (index, line) in lines.iter().enumerate() {
        file.write_all(line).unwrap();
        if index + 1 < lines.len() || line.is_empty() {
            file.write_all(b"\n").unwrap();
        }
    }
    drop(file);
    let script = made.of_file(path.to_str().unwrap());
    let wanted: Vec<&Vec<u8>> = lines.iter().filter(|line| keeps(expr, line)).collect();
    let busybox = busybox();
    for place in
        [None, busybox.as_ref().map(tempfile::TempDir::path)].into_iter().take(1 + usize::from(busybox.is_some()))
    {
        if made.filter.is_empty() {
            continue;
        }
        let (got, said) = run(&script, place);
        assert_eq!(said, "", "{script}");
        // What came is a part of what there was, in its order, and nothing that is wanted is missing.
        let mut there = lines.iter();
        for line in &got {
            assert!(there.any(|other| other == line), "{:?} was not there\n{script}", String::from_utf8_lossy(line));
        }
        let kept: Vec<&Vec<u8>> = got.iter().filter(|line| keeps(expr, line)).collect();
        assert_eq!(kept, wanted, "by {place:?}: {expr}\n{script}");
        if made.local.is_empty() {
            assert_eq!(got.len(), wanted.len(), "nothing is left to do here: {expr}\n{script}");
        }
    }
}

fn hostile() -> Vec<Vec<u8>> {
    let mut lines: Vec<Vec<u8>> = [
        "GET /api/v1 504 f=/api/v1",
        "get /API/V1 200 f=/API/V1 x",
        "pool timeout after 5000ms",
        "Pool Timeout",
        "",
        " ",
        "a\tb",
        "k",
        "\u{212a}elvin",
        "lon\u{17f} ſtory",
        "ÉCOLE école",
        "straße STRASSE",
        "ΑΣ ας ασ",
        "a.b",
        "a*b",
        "a]b",
        "a^b",
        "a-b",
        "a[b",
        "a\\b",
        "'quoted' \"x\"",
        "{\"a\":1}",
        "$HOME `id` $(id)",
        "x\r",
        "-e",
        "\u{1b}[31mred",
        "日本語 ログ",
    ]
    .into_iter()
    .map(|line| line.as_bytes().to_vec())
    .collect();
    lines.extend([
        b"nul\0timeout f=/api/x".to_vec(),
        b"\xff\xfe timeout \xc3".to_vec(),
        b"\xc3\x89COLE \0".to_vec(),
        b"\0".to_vec(),
        [b"long ".as_slice(), &b"x".repeat(70_000), b" timeout"].concat(),
    ]);
    lines
}

#[test]
fn real_greps_lose_no_line() {
    for filter in [
        "timeout",
        "\"Timeout\"",
        "-timeout",
        "pool timeout",
        "(pool OR 504)",
        "-(pool OR GET)",
        "-(a b)",
        "école",
        "-école",
        "k",
        "-k",
        "straße",
        "'a*b'",
        "'a]b'",
        "\"it's\"",
        "'$(id)'",
        "\"-e\"",
        "/time.?out/",
        "/^a.b$/",
        "/x$/",
        "/a[^b]b/",
        "/a[]^-]b/",
        r"/a[\[\]\\^-]b/",
        r"/\d+ms/",
        r"/\btimeout\b/",
        "/[^a-z]/",
        "/(a|)b/",
        "/語.ロ/",
        r"/\S+ \S+/",
        "/x{70}/",
        "/(?:x{3}y?){2}/",
        "/^$/",
        "/^ *k/",
        "/É/i",
        "/(^|x)a/",
        "/[k-m]elvin/",
        "/\\x00time/",
        "/[\\x00-\\x1f]/",
        "/.o/",
        "f:/api/*",
        "-f:/api/*",
        "f~/v1/",
        "f:*x,*v1",
        "level:error",
        "(timeout OR level:error)",
        "(pool level:error OR 504)",
        "-level:error",
        r#""a\tb""#,
        r#""\u{1b}[31""#,
        r#""x\r""#,
        r#""nul\0t""#,
        "日本",
        "/日+/",
        "/[日月]本/",
        "/[а-я日]本/",
        "-/[日月]本/",
    ] {
        check(filter, &hostile());
    }
}

#[test]
fn what_runs_there_is_said() {
    let made = |filter: &str, whole| grep(&parse(filter).unwrap().filter.expr, lines_of(whole));
    let exact = made("'Pool Timeout' -GET level:error", true);
    assert_eq!(exact.pushed, ["\"Pool Timeout\"", "-GET"]);
    assert_eq!(exact.local, ["level:error"]);
    assert!(exact.filter.contains("q() { g -F -e 'Pool Timeout' | g -v -F -e 'GET'; }"), "{}", exact.filter);
    let wider = made("école /a.b/", true);
    assert_eq!((wider.pushed.len(), wider.local.as_slice()), (2, &["/a.b/".to_owned()][..]));
    let spans = made("timeout", false);
    assert_eq!((spans.filter.as_str(), spans.local.as_slice()), ("", &["timeout".to_owned()][..]));
    assert_eq!(spans.of_file("/var/log/it's.log"), r"cat < '/var/log/it'\''s.log'");
    assert_eq!(spans.of_file("/x.gz"), "gzip -dc < '/x.gz'");
    assert_eq!(made("/a*/", true).filter, "", "it would keep all");
}

#[test]
fn packed_files_are_read_where_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.log");
    std::fs::write(&path, "one timeout\ntwo\n").unwrap();
    assert!(Command::new("gzip").arg(&path).status().unwrap().success());
    let made = grep(&parse("timeout").unwrap().filter.expr, lines_of(true));
    let script = made.of_file(dir.path().join("x.log.gz").to_str().unwrap());
    let busybox = busybox();
    for place in std::iter::once(None).chain(busybox.iter().map(|dir| Some(dir.path()))) {
        assert_eq!(run(&script, place).0, [b"one timeout".to_vec()]);
    }
}

pub(in super::super) fn a_text() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "a", "b", "k", "s", "K", "Z", "é", "É", "ß", "\u{212a}", "ſ", "日", ".", "*", "[", "]", "^", "-", "\\", "'",
        "\"", "$", " ", "\t", "{", "}", "(", ")", "|", "+", "?", "`", "f=", "/", "5",
    ]);
    prop::collection::vec(piece, 1..4).prop_map(|pieces| pieces.concat())
}

fn a_regex() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        a_text().prop_map(|text| regex::escape(&text)),
        prop::sample::select(vec![
            ".",
            r"\d",
            r"\w",
            r"\s",
            r"\S",
            r"\W",
            "[a-c]",
            "[^a]",
            "[^é]",
            "[kß]",
            r"[\]\[^-]",
            "^",
            "$",
            r"\b",
            r"\B",
            r"\A",
            r"\z",
            "[^\\x00-\\x7f]",
            "(?-u:\\xff)",
            "(?s:.)",
            r"\p{Lu}",
            "",
            "(?-i:K)",
        ])
        .prop_map(str::to_owned),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        let times = prop::sample::select(vec!["*", "+", "?", "{2}", "{1,3}", "{0,40}", "{2,}", "*?", "{0}"]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(|all| all.concat()),
            prop::collection::vec(inner.clone(), 2..4).prop_map(|all| format!("(?:{})", all.join("|"))),
            (inner, times).prop_map(|(inner, times)| format!("(?:{inner}){times}")),
        ]
    })
}

pub(in super::super) fn an_expr() -> impl Strategy<Value = Expr> {
    let term = prop_oneof![
        (a_text(), any::<bool>()).prop_map(|(text, fold)| Term::Text(Text { text, fold })),
        (a_regex(), any::<bool>()).prop_filter_map("a regex", |(regex, fold)| {
            let pattern = Pattern { regex, fold };
            (!pattern.regex.is_empty() && pattern.compile().is_ok()).then_some(Term::Regex(pattern))
        }),
        (a_text(), any::<bool>())
            .prop_map(|(text, fold)| Term::Glob { field: "f".into(), any: vec![Text { text, fold }] }),
        a_text().prop_map(|text| Term::FieldRegex { field: "f".into(), pattern: Pattern::smart(regex::escape(&text)) }),
        Just(Term::Has("other".into())),
    ];
    term.prop_map(Expr::Term).prop_recursive(3, 10, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..4).prop_map(Expr::and),
            prop::collection::vec(inner.clone(), 2..4).prop_map(Expr::or),
            inner.prop_map(Expr::negated),
        ]
    })
}

pub(in super::super) fn a_line() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => a_text().prop_map(String::into_bytes),
        1 => prop::sample::select(vec![b"\0".to_vec(), b"\xff".to_vec(), b"\xc3".to_vec(), b"\r".to_vec(), b"5".to_vec(), b"aaab".to_vec()]),
    ];
    prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_grep_drops_what_the_buffer_keeps(expr in an_expr(), lines in prop::collection::vec(a_line(), 1..40)) {
        check_expr(&expr, &lines);
    }
}
