//! Queries, read back by a small reader of what is written: strings are decoded, stages are run.
#[path = "../../../../../tests/support/logql.rs"]
pub(crate) mod reader;

use proptest::prelude::*;

use self::reader::{Selector, decode, line_filter};
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
    let otherwise = OTHERWISE;
    assert_eq!(
        both.query,
        format!(
            r#"{{env="prod", app=~"\\A(?:(?:Play)|{otherwise})"}} != "GET /health" |~ " *(?:Time(?:[\\x{{00}}-\\x{{09}}\\x{{0b}}-\\x{{10ffff}}])?out)""#
        )
    );
    assert_eq!(both.pushed, ["service:Play", "-\"GET /health\"", "/Time.?out/"]);
    assert_eq!(both.local, ["service:Play", "level>=warn"], "a stream without the label passes");
    assert_eq!(made("-service:Play").query, r#"{env="prod", app!="Play"}"#);
    assert_eq!(made("-service:play,Api").query, r#"{env="prod", app!~"\\A(?:[Pp][Ll][Aa][Yy]|Api)"}"#);
    assert_eq!(made("service:*").query, r#"{env="prod"}"#, "it may stand in the line");
    assert_eq!(
        made("service:Pl*,Api").query,
        format!(r#"{{env="prod", app=~"\\A(?:(?:Pl(?s:.)*)|(?:Api)|{otherwise})"}}"#)
    );
    assert_eq!(made("-service:*y*").query, r#"{env="prod"}"#);
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
        let (_, stages) = Selector::read(&made.query);
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
        prop_assert!(line_filter(Selector::read(&made.query).1)(&entry) || !here, "{} drops {:?} of {}", made.query, entry, expr);
    }

    #[test]
    fn labels_are_asked_as_they_are_compared(values in prop::collection::vec("[aAkKs*?\\\\ ]{0,3}|ſ|\u{212a}", 1..3), label in "[aAkKs ]{0,3}|ſ|\u{212a}|é", negated: bool) {
        let globs: Vec<Text> = values.iter().map(|value| Text::smart(value.as_str())).collect();
        let expr = Expr::Term(Term::Glob { field: "service".into(), any: globs.clone() });
        let part = if negated { expr.negated() } else { expr };
        let loki = Loki { select: &[("env", "prod")], labels: &[("service", "app")], lines: lines_of(true), split: false };
        let made = logql(&part, loki).unwrap();
        let here = |value: &str| globs.iter().any(|glob| glob.glob().unwrap().is_match(value.as_bytes())) != negated;
        let (selector, _) = Selector::read(&made.query);
        let there = |value: &str| selector.selects(|name| if name == "app" { value.to_owned() } else { "prod".to_owned() });
        prop_assert!(there(&label) || !here(&label), "{} {label:?}", made.query);
        // What is not there may be anything, and what is odd may be read otherwise.
        for odd in ["", "a\u{1b}[1m", "play@x", &"a".repeat(600)] {
            prop_assert!(there(odd) || negated, "{} {odd:?}", made.query);
        }
        prop_assert!(there(""), "{}", made.query);
    }
}
