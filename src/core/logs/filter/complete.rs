//! What may be typed at the cursor.
use std::ops::Range;

use super::parse::{field, quoted, stage};
use crate::core::logs::Level;

/// What the caller knows about its records.
pub struct Known<'a> {
    /// Names of fields, most useful first.
    pub fields: &'a [&'a str],
    /// Values that a field has, most frequent first.
    pub values: &'a dyn Fn(&str) -> Vec<String>,
    /// Names of moments, without `@`.
    pub moments: &'a [&'a str],
}

/// Fields that every record has or may have.
pub const FIELDS: [&str; 11] =
    ["level", "service", "host", "status", "dur", "path", "source", "env", "format", "since", "until"];

/// One offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// Which bytes of the text it replaces.
    pub range: Range<usize>,
    /// With what.
    pub text: String,
}

/// The most offers for one place.
const MOST: usize = 50;

/// Offers what may be typed at the cursor, a byte offset: fields, levels, values, times, stages.
pub fn complete(text: &str, cursor: usize, known: &Known<'_>) -> Vec<Completion> {
    let Some(before) = text.get(..cursor) else { return Vec::new() };
    let Some((start, in_stage)) = token(before) else { return Vec::new() };
    let typed = before.get(start..).unwrap_or("");
    if in_stage {
        return in_a_stage(before, start, typed, known);
    }
    let skipped = typed.len() - typed.trim_start_matches(['-', '!', '(']).len();
    let (start, typed) = (start + skipped, typed.get(skipped..).unwrap_or(""));
    let sign = typed.find([':', '=', '<', '>', '~']);
    let Some(sign) = sign else { return fields(start, cursor, typed, known) };
    let name = typed.get(..sign).unwrap_or("").trim_end_matches('!');
    let operator =
        typed.get(sign..).map_or(0, |rest| rest.len() - rest.trim_start_matches([':', '=', '<', '>', '~']).len());
    let mut begin = sign + operator;
    if let Some(comma) = typed.rfind(',').filter(|comma| *comma >= begin) {
        begin = comma + 1;
    }
    let value = typed.get(begin..).unwrap_or("");
    let values: Vec<String> = match name {
        "level" => Level::ALL.iter().rev().map(|level| level.word().to_owned()).collect(),
        "since" | "until" => moments(known),
        _ => (known.values)(name).iter().map(|value| written(name, value)).collect(),
    };
    offers(start + begin..cursor, value, values)
}

fn fields(start: usize, cursor: usize, typed: &str, known: &Known<'_>) -> Vec<Completion> {
    let mut names: Vec<String> = Vec::new();
    for name in known.fields.iter().chain(&FIELDS) {
        let sign = match *name {
            "level" => ">=",
            _ => ":",
        };
        let offered = format!("{name}{sign}");
        if !names.contains(&offered) && name.chars().all(super::parse::in_name) {
            names.push(offered);
        }
    }
    offers(start..cursor, typed, names)
}

fn moments(known: &Known<'_>) -> Vec<String> {
    let named = known.moments.iter().map(|name| format!("@{name}"));
    named.chain(["@now", "-10m", "-1h", "-24h"].map(str::to_owned)).collect()
}

fn in_a_stage(before: &str, start: usize, typed: &str, known: &Known<'_>) -> Vec<Completion> {
    let earlier = before.get(..start).unwrap_or("").trim_end();
    let range = start..before.len();
    if earlier.ends_with('|') {
        return offers(range, typed, stage::STAGES.map(str::to_owned).to_vec());
    }
    let names = known.fields.iter().map(|name| (*name).to_owned()).collect();
    offers(range, typed, names)
}

/// Keeps what continues what was typed, without regard to case.
fn offers(range: Range<usize>, typed: &str, all: Vec<String>) -> Vec<Completion> {
    let wanted = typed.to_lowercase();
    let fitting = all.into_iter().filter(|text| {
        let plain = text.to_lowercase();
        plain != wanted && (plain.starts_with(&wanted) || plain.trim_start_matches('"').starts_with(&wanted))
    });
    fitting.take(MOST).map(|text| Completion { range: range.clone(), text }).collect()
}

/// Writes a value so that it means itself.
fn written(field: &str, value: &str) -> String {
    let kept = super::edit::keep(field, value).to_string();
    let plain = format!("{field}:{value}");
    // In the smart case a value without wildcards can stand as it is.
    match super::parse(&plain) {
        Ok(parsed) if parsed.filter.expr.to_string() == plain && !value.contains(['*', '?', '\\']) => value.to_owned(),
        _ => kept.split_once(':').map_or_else(|| quoted::double(value), |(_, value)| value.to_owned()),
    }
}

/// Finds where the word at the end begins, and whether it belongs to a stage. None inside of quotes.
fn token(before: &str) -> Option<(usize, bool)> {
    let mut start = 0;
    let mut in_stage = false;
    let mut quote = None;
    let mut escaped = false;
    let mut at_start = true;
    for (at, char) in before.char_indices() {
        let next = at + char.len_utf8();
        if let Some(open) = quote {
            if escaped {
                escaped = false;
            } else if char == '\\' {
                escaped = true;
            } else if char == open {
                quote = None;
            }
            continue;
        }
        let begins = at_start || before.get(..at).is_some_and(|before| before.ends_with([':', ',', '~']));
        match char {
            '"' | '\'' => quote = begins.then_some(char).or((char == '"').then_some('"')),
            '/' if at_start || before.get(..at).is_some_and(|before| before.ends_with('~')) => quote = Some('/'),
            _ if char.is_whitespace() => start = next,
            '|' => {
                start = next;
                in_stage = true;
            }
            ',' if in_stage => start = next,
            _ => {}
        }
        at_start = char.is_whitespace() || matches!(char, '(' | '-' | '!');
    }
    quote.is_none().then_some((start, in_stage))
}

/// Finds fields of a filter that no record has, with what was probably meant.
pub fn doubts<'a>(filter: &super::Filter, fields: &[&'a str]) -> Vec<(String, Option<&'a str>)> {
    let mut doubts: Vec<(String, Option<&'a str>)> = Vec::new();
    filter.expr.each_term(&mut |term| {
        let Some(name) = term.field() else { return };
        let known = fields.contains(&name) || field::SPECIAL.contains(&name) || FIELDS.contains(&name);
        if !known && doubts.iter().all(|(doubted, _)| doubted != name) {
            let near = super::near::nearest(name, fields.iter().copied().chain(FIELDS));
            doubts.push((name.to_owned(), near));
        }
    });
    doubts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offered(text: &str) -> Vec<String> {
        let values = |field: &str| match field {
            "service" => vec!["play".into(), "Api Core".into(), "a*b".into()],
            _ => Vec::new(),
        };
        let known = Known { fields: &["partner", "path", "tag"], values: &values, moments: &["deploy"] };
        complete(text, text.len(), &known)
            .into_iter()
            .map(|offer| {
                let mut done = text.to_owned();
                done.replace_range(offer.range, &offer.text);
                done
            })
            .collect()
    }

    #[test]
    fn offers_fit_the_place() {
        assert_eq!(offered("a -pa"), ["a -partner:", "a -path:"]);
        assert_eq!(offered("level>=e"), ["level>=error"]);
        assert_eq!(offered("level:error,w"), ["level:error,warn"]);
        assert_eq!(offered("(x OR service:p"), ["(x OR service:play"]);
        assert_eq!(offered("service:a"), [r#"service:"Api Core""#, r"service:a\*b"]);
        assert_eq!(offered("since:@d"), ["since:@deploy"]);
        assert_eq!(offered("x | co"), ["x | count"]);
        assert_eq!(offered("x | count by pa"), ["x | count by partner", "x | count by path"]);
        assert_eq!(offered("\"pa"), Vec::<String>::new());
        assert_eq!(offered("it's pa"), ["it's partner:", "it's path:"]);
        assert!(offered("").contains(&"level>=".to_owned()));
    }

    #[test]
    fn a_field_that_nobody_has_is_told() {
        let filter = "servce:play x foo:1 level:error tag:a".parse().unwrap();
        let told = doubts(&filter, &["tag", "partner"]);
        assert_eq!(told, [("servce".to_owned(), Some("service")), ("foo".to_owned(), None)]);
    }
}
