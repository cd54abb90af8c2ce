//! Queries, read back by a small reader of what is written: strings are decoded, stages are run.
#[path = "../../../../../tests/support/logql.rs"]
mod reader;

use proptest::prelude::*;

use self::reader::{decode, line_filter};
use super::*;
use crate::core::logs::filter::{
    grep::tests::{a_line, an_expr, keeps, lines_of},
    parse,
};

fn made(filter: &str) -> LogQl {
    let select = [("env", "prod")];
    let labels = [("service", "app"), ("host", "host")];
    let loki = Loki { select: &select, labels: &labels, lines: lines_of(true), split: false };
    logql(&parse(filter).unwrap().filter.expr, loki).unwrap()
}

#[test]
fn queries_by_example() {
    assert_eq!(made("").query, r#"{env="prod"}"#);
    assert_eq!(made(r#""say \"hi\"\nX""#).query, r#"{env="prod"} |= "say \"hi\"\nX""#);
    let both = made("service:Play -'GET /health' level>=warn /Time.?out/");
    assert_eq!(
        both.query,
        r#"{env="prod", app="Play"} != "GET /health" |~ " *(?:Time(?:[\\x{00}-\\x{09}\\x{0b}-\\x{10ffff}])?out)""#
    );
    assert_eq!(both.pushed, ["service:Play", "-\"GET /health\"", "/Time.?out/"]);
    assert_eq!(both.local, ["level>=warn"]);
    assert!(both.stages.ends_with(r#"| app="Play""#), "{}", both.stages);
    assert_eq!(made("-service:Play").query, r#"{env="prod", app!="Play"}"#);
    assert_eq!(made("service:*").query, r#"{env="prod", app!=""}"#);
    assert_eq!(made("service:Pl*,Api").query, r#"{env="prod", app=~"\\A(?:(?:Pl(?s:.)*)|(?:Api))"}"#);
    assert_eq!(made("-service:*y*").query, r#"{env="prod", app!~"\\A(?:(?:(?s:.)*[Yy](?s:.)*))"}"#);
    assert_eq!(made("-service:*").query, r#"{env="prod", app=""}"#);
    assert_eq!(made("(A OR level:error)").local, ["(A OR level:error)"]);
    assert_eq!(made("(A OR B)").query, r#"{env="prod"} |~ " *(?:A|B)""#);
    assert_eq!(made("timeout").query, r#"{env="prod"} |~ " *(?:[Tt][Ii][Mm][Ee][Oo][Uu][Tt])""#);
}

#[test]
fn a_selector_is_demanded_and_names_are_checked() {
    let expr = Expr::All;
    let with = |select| logql(&expr, Loki { select, labels: &[], lines: lines_of(true), split: false });
    assert_eq!(with(&[]), Err(LogQlError::NoSelector));
    assert_eq!(with(&[("env", "")]), Err(LogQlError::NoSelector));
    assert_eq!(with(&[("e-nv", "x")]), Err(LogQlError::Label("e-nv".into())));
    assert_eq!(with(&[("a\"} |= \"", "x")]).unwrap_err().to_string().lines().count(), 1);
    assert_eq!(with(&[("env", "x\"} or {a=\"")]).unwrap().query, r#"{env="x\"} or {a=\""}"#);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_string_is_read_back(text in any::<String>(), after in "[ |a]{0,3}") {
        let written = string(&text) + &after;
        prop_assert_eq!(decode(&written), (text, after.as_str()));
    }

    #[test]
    fn no_query_drops_what_the_buffer_keeps(expr in an_expr(), lines in prop::collection::vec(a_line(), 1..20)) {
        let made = logql(&expr, Loki { select: &[("env", "prod")], labels: &[], lines: lines_of(true), split: false }).unwrap();
        let stages = made.query.strip_prefix(r#"{env="prod"}"#).unwrap().trim_start();
        prop_assert_eq!(stages, &made.stages);
        for line in &lines {
            // Loki stores text.
            let line = String::from_utf8_lossy(line);
            let (there, here) = (line_filter(stages)(&line), keeps(&expr, line.as_bytes()));
            prop_assert!(there || !here, "{} drops {:?} of {}", made.query, line, expr);
            if made.local.is_empty() {
                prop_assert_eq!(there, here, "nothing is left to do here: {} {:?}", made.query, line);
            }
        }
    }

    #[test]
    fn no_query_drops_an_entry_of_which_a_line_is_kept(expr in an_expr(), lines in prop::collection::vec(a_line(), 1..5)) {
        let loki = Loki { select: &[("env", "prod")], labels: &[], lines: lines_of(true), split: true };
        let made = logql(&expr, loki).unwrap();
        let entry = String::from_utf8_lossy(&lines.join(&b'\n')).into_owned();
        let here = entry.split('\n').any(|line| keeps(&expr, line.as_bytes()));
        prop_assert!(line_filter(&made.stages)(&entry) || !here, "{} drops {:?} of {}", made.query, entry, expr);
    }

    #[test]
    fn labels_are_asked_as_they_are_compared(values in prop::collection::vec("[aAkKs*?\\\\ ]{0,3}|ſ|\u{212a}", 1..3), label in "[aAkKs ]{0,3}|ſ|\u{212a}|é", negated: bool) {
        let globs: Vec<Text> = values.iter().map(|value| Text::smart(value.as_str())).collect();
        let expr = Expr::Term(Term::Glob { field: "service".into(), any: globs.clone() });
        let part = if negated { expr.negated() } else { expr };
        let loki = Loki { select: &[("env", "prod")], labels: &[("service", "app")], lines: lines_of(true), split: false };
        let made = logql(&part, loki).unwrap();
        // A label that is empty is none, and none matches no glob.
        let here = (!label.is_empty() && globs.iter().any(|glob| glob.glob().unwrap().is_match(label.as_bytes()))) != negated;
        let there = match made.stages.strip_prefix("| app") {
            None => true,
            Some(matcher) => {
                let sign = if matcher.starts_with("=\"") { 1 } else { 2 };
                let (text, rest) = decode(matcher.split_at(sign).1);
                assert_eq!(rest, "");
                let anchored = || regex::Regex::new(&format!("^(?:{text})$")).unwrap().is_match(&label);
                match matcher.split_at(sign).0 { "=" => label == text, "!=" => label != text, "=~" => anchored(), _ => !anchored() }
            }
        };
        prop_assert!(there || !here, "{} {label:?}", made.stages);
    }
}
