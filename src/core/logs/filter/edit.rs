//! What keys do to a filter's text: they change the text that a person sees, and nothing else of it.
use super::{Expr, Op, Part, Pattern, Problem, Term, Text, Value, parse};
use crate::core::logs::Level;

/// Makes the term that keeps a field's value, taken literally.
pub fn keep(field: &str, value: &str) -> Expr {
    let term = match field {
        "level" => Level::parse(value.as_bytes()).map(|level| Term::Level { op: Op::Equal, level }),
        "status" => value.parse::<u16>().ok().map(|status| {
            let value = Value::Number(f64::from(status));
            Term::Compare { field: "status".into(), op: Op::Equal, value }
        }),
        _ => None,
    };
    let glob = || Term::Glob { field: field.to_owned(), any: vec![Text::exactly(value)] };
    Expr::Term(term.unwrap_or_else(glob))
}

/// Makes the term that keeps lines of a pattern: its literals in this order, anything between them.
pub fn keep_pattern<'a>(literals: impl IntoIterator<Item = &'a str>) -> Expr {
    let mut parts: Vec<&str> = literals.into_iter().filter(|part| !part.trim().is_empty()).collect();
    if let [one] = parts.as_mut_slice() {
        return Expr::Term(Term::Text(Text { text: (*one).to_owned(), fold: false }));
    }
    let regex = parts.iter().map(|part| regex_escape(part)).collect::<Vec<_>>().join(".*");
    Expr::Term(Term::Regex(Pattern { regex, fold: false }))
}

/// Escapes text for a regex, with escapes for what a filter's text cannot have.
fn regex_escape(text: &str) -> String {
    let mut escaped = String::new();
    for char in text.chars() {
        if char.is_control() {
            escaped.extend(char.escape_unicode());
        } else if char == '/' {
            escaped.push('/');
        } else {
            escaped.push_str(&regex::escape(char.encode_utf8(&mut [0; 4])));
        }
    }
    escaped
}

/// Adds a condition to a filter's text, before its stage. What is there already stays as it is; its opposite gives way.
///
/// # Errors
/// When the text is no filter.
pub fn add(text: &str, expr: &Expr) -> Result<String, Problem> {
    let parsed = parse(text)?;
    let is_there = |part: &Part| matches!(part, Part::Expr(there) if there == expr);
    if *expr == Expr::All || parsed.chips.iter().any(|chip| is_there(&chip.part)) {
        return Ok(text.to_owned());
    }
    let opposite = expr.clone().negated();
    let mut kept: Vec<String> = Vec::new();
    let mut stage = None;
    for chip in &parsed.chips {
        let written = text.get(chip.range.clone()).unwrap_or("");
        match &chip.part {
            Part::Expr(there) if *there == opposite => {}
            Part::Expr(Expr::Or(_)) if !is_one(written) => kept.push(format!("({written})")),
            Part::Stage(_) => stage = Some(written),
            Part::Expr(_) | Part::Since(_) | Part::Until(_) => kept.push(written.to_owned()),
        }
    }
    kept.push(expr.to_string());
    kept.extend(stage.map(str::to_owned));
    Ok(kept.join(" "))
}

/// Leaves out the parts at these places of [`super::Parsed::chips`]: what was switched off.
///
/// # Errors
/// When the text is no filter.
pub fn without(text: &str, off: &[usize]) -> Result<String, Problem> {
    let parsed = parse(text)?;
    let on = parsed.chips.iter().enumerate().filter(|(index, _)| !off.contains(index));
    let written: Vec<&str> = on.filter_map(|(_, chip)| text.get(chip.range.clone())).collect();
    Ok(written.join(" "))
}

/// Says whether alternatives at the top are written as one term: in parentheses, or as a list of values.
fn is_one(written: &str) -> bool {
    // Another term can be put after it without changing what it means.
    parse(&format!("{written} x")).is_ok_and(|parsed| parsed.chips.len() == 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_term_is_added_once_before_the_stage() {
        let play = keep("service", "play");
        let text = add("", &play).unwrap();
        assert_eq!(text, "service:play");
        assert_eq!(add(&text, &play).unwrap(), text);
        assert_eq!(
            add("a  -b since:-5m|count by host", &keep("status", "503")).unwrap(),
            "a -b since:-5m status:503 |count by host"
        );
        assert_eq!(add("a OR b", &keep("level", "error")).unwrap(), "(a OR b) level:error");
        assert_eq!(add("level:error,warn", &keep("host", "X1")).unwrap(), "level:error,warn host:X1");
        assert_eq!(add("a -service:play", &play).unwrap(), "a service:play");
        assert_eq!(add("a status:503", &keep("status", "503").negated()).unwrap(), "a -status:503");
        assert!(add("(", &play).is_err());
    }

    #[test]
    fn any_value_is_quoted_safely() {
        for value in [
            "",
            "*",
            "a b",
            "/api/*",
            "x\"y'z",
            "a,b",
            "-1",
            "5",
            "tab\there",
            "\u{1b}[31m",
            r"App\Models",
            "OR",
            "//x",
            "(",
            "it's|",
        ] {
            for field in ["path", "since", "odd field", "a:b", "status", "level", "dur"] {
                let kept = keep(field, value);
                let text = add("x", &kept).unwrap();
                let read = parse(&text).unwrap().filter.expr;
                assert_eq!(read, Expr::and([Expr::Term(Term::Text(Text::smart("x"))), kept]), "{text}");
                assert!(!text.contains(|char: char| char.is_control()), "{text}");
            }
        }
    }

    #[test]
    fn a_pattern_is_text_in_order() {
        let pattern = keep_pattern(["PG pool timeout after ", "ms acquiring /client", ""]);
        let text = add("", &pattern.clone().negated()).unwrap();
        assert_eq!(text, r"-/PG pool timeout after .*ms acquiring \/client/");
        assert_eq!(parse(&text).unwrap().filter.expr, pattern.negated());
        assert_eq!(keep_pattern(["Cache warm"]).to_string(), r#""Cache warm""#);
        let Expr::Term(Term::Regex(pattern)) = keep_pattern(["a\tb", "c"]) else { panic!() };
        assert!(pattern.compile().unwrap().is_match(b"a\tb xx c"));
    }

    #[test]
    fn parts_are_switched_off_by_leaving_them_out() {
        let text = "level>=warn  (a OR b) since:-5m | count";
        assert_eq!(without(text, &[1]).unwrap(), "level>=warn since:-5m | count");
        assert_eq!(without(text, &[0, 2, 3]).unwrap(), "(a OR b)");
        assert_eq!(without("a OR b", &[0]).unwrap(), "");
    }
}
