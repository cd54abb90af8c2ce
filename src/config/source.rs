//! One file of the configuration: its text, its spans, and what of it may be shown.
use std::{
    ops::Range,
    path::{Path, PathBuf},
};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::problem::{Excerpt, Problem, Severity};

/// Where in a text something stands, in bytes.
pub(crate) type Span = Range<usize>;

/// What toml makes of a text: the root table.
pub(crate) type Root<'a> = Spanned<DeTable<'a>>;

/// A file's text, and which parts of it must never be shown.
#[derive(Debug)]
pub(crate) struct Source {
    path: PathBuf,
    text: String,
    /// Keys and strings: a `#` within them begins no comment.
    quoted: Vec<Span>,
    /// May be secret.
    hidden: Vec<Span>,
}

impl Source {
    pub(crate) fn new(path: &Path, text: impl Into<String>) -> Self {
        Self { path: path.to_owned(), text: text.into(), quoted: Vec::new(), hidden: Vec::new() }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Notes where strings stand, and hides the ones that look like secrets whatever their key is for.
    pub(crate) fn learn(&mut self, root: &Root<'_>) {
        let mut strings = Vec::new();
        learn_table(root.get_ref(), Hide::IfItLooksSecret, &mut strings);
        for (span, hide) in strings {
            if hide {
                self.hidden.push(span.clone());
            }
            self.quoted.push(span);
        }
        self.quoted.sort_by_key(|span| span.start);
    }

    /// Hides a part from every excerpt.
    pub(crate) fn hide(&mut self, span: &Span) {
        self.hidden.push(span.clone());
    }

    /// Says whether a part may be shown.
    pub(crate) fn is_hidden(&self, span: &Span) -> bool {
        self.hidden.iter().any(|hidden| hidden.start < span.end && span.start < hidden.end)
    }

    /// Line and column of a byte, from 1; the column counts characters.
    pub(crate) fn place(&self, at: usize) -> (usize, usize) {
        let before = self.text.get(..at.min(self.text.len())).unwrap_or(&self.text);
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        (line, column)
    }

    /// Makes a problem about a part. The excerpt comes later, when all that must be hidden is known.
    pub(crate) fn problem(&self, span: &Span, severity: Severity, what: impl Into<String>) -> Problem {
        let (line, column) = self.place(span.start);
        Problem { line, column, ..Problem::of_file(&self.path, severity, what) }
    }

    /// Cuts the line of a part out of the text and masks what may be secret.
    pub(crate) fn excerpt(&self, span: &Span) -> Option<Excerpt> {
        let start = self.text.get(..span.start)?.rfind('\n').map_or(0, |newline| newline + 1);
        let end = self.text.get(span.start..)?.find('\n').map_or(self.text.len(), |newline| span.start + newline);
        let within = |spans: &[Span], at: usize| spans.iter().any(|span| span.contains(&at));
        let mut line = String::new();
        for (offset, letter) in self.text.get(start..end)?.char_indices() {
            let at = start + offset;
            if letter == '#' && !within(&self.quoted, at) {
                break;
            }
            line.push(match letter {
                _ if within(&self.hidden, at) => '*',
                letter if !crate::parse::sanitise::is_safe(letter) => ' ',
                letter => letter,
            });
        }
        Some(window(line.trim_end(), self.text.get(start..span.start)?.chars().count(), self.letters(span, end)))
    }

    fn letters(&self, span: &Span, end: usize) -> usize {
        self.text.get(span.start..span.end.min(end)).map_or(1, |text| text.chars().count().max(1))
    }

    /// Cuts the line of a syntax error out of the text. What is broken has no spans, so all but keys and punctuation is masked.
    pub(crate) fn broken_excerpt(&self, span: &Span) -> Option<Excerpt> {
        let start = self.text.get(..span.start)?.rfind('\n').map_or(0, |newline| newline + 1);
        let end = self.text.get(span.start..)?.find('\n').map_or(self.text.len(), |newline| span.start + newline);
        let line = self.text.get(start..end)?;
        let keys = if self.text.contains("\"\"\"") || self.text.contains("'''") { Keys::Mask } else { Keys::Show };
        Some(window(
            &mask_values(line, keys),
            self.text.get(start..span.start)?.chars().count(),
            self.letters(span, end),
        ))
    }
}

/// Most characters of a line that are shown.
const WIDTH: usize = 110;

/// Shows the part of a long line around what is meant.
fn window(line: &str, start: usize, len: usize) -> Excerpt {
    let total = line.chars().count();
    let start = start.min(total);
    if total <= WIDTH {
        return Excerpt { text: line.to_owned(), start, len: len.min((total - start).max(1)) };
    }
    let first = start.saturating_sub(WIDTH / 3).min(total - WIDTH.min(total));
    let (head, tail) = (if first > 0 { "…" } else { "" }, if first + WIDTH < total { "…" } else { "" });
    let text: String = line.chars().skip(first).take(WIDTH).collect();
    let shown = start - first + head.chars().count();
    Excerpt { len: len.min((WIDTH - (start - first)).max(1)), start: shown, text: format!("{head}{text}{tail}") }
}

/// Keeps table headers, keys before `=` and punctuation; every other letter and digit becomes `*`.
///
/// A key is shown at the start of the line only: anywhere else it could be part of a broken string. Where strings may span lines, and
/// where nothing or another `=` follows (the end of something in base64), it is masked too.
fn mask_values(line: &str, keys: Keys) -> String {
    let trimmed = line.trim();
    if trimmed.starts_with('[') && trimmed.ends_with(']') && !trimmed.contains(['=', '"', '\'', ',', '#']) {
        return line.to_owned();
    }
    let letters: Vec<char> = line.chars().collect();
    let mut masked: Vec<char> = letters
        .iter()
        .map(|letter| match letter {
            '=' | '[' | ']' | '{' | '}' | ',' | '"' | '\'' => *letter,
            letter if letter.is_whitespace() => ' ',
            _ => '*',
        })
        .collect();
    let indent = letters.iter().take_while(|letter| letter.is_whitespace()).count();
    let is_key = |letter: &char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-' | '.');
    let key = letters.iter().skip(indent).take_while(|letter| is_key(letter)).count();
    let mut after = letters.iter().skip(indent + key).filter(|letter| !letter.is_whitespace());
    let assigned = after.next() == Some(&'=') && after.next().is_some_and(|next| *next != '=');
    if assigned && keys == Keys::Show {
        for (to, from) in masked.iter_mut().zip(&letters).skip(indent).take(key) {
            *to = *from;
        }
    }
    masked.into_iter().collect()
}

/// Whether the key of a broken line is shown.
#[derive(Clone, Copy, PartialEq)]
enum Keys {
    Show,
    Mask,
}

#[derive(Clone, Copy, PartialEq)]
enum Hide {
    IfItLooksSecret,
    Always,
}

fn learn_table(table: &DeTable<'_>, hide: Hide, strings: &mut Vec<(Span, bool)>) {
    for (key, value) in table {
        // Somebody may have written a whole header where its name belongs.
        strings.push((key.span(), holds_a_secret(key.get_ref())));
        let hide = if names_a_secret(key.get_ref()) { Hide::Always } else { hide };
        learn_value(value, hide, strings);
    }
}

fn learn_value(value: &Spanned<DeValue<'_>>, hide: Hide, strings: &mut Vec<(Span, bool)>) {
    match value.get_ref() {
        DeValue::String(text) => {
            let refers = super::secret::SecretRef::parse(text).is_ok();
            strings.push((value.span(), !refers && (hide == Hide::Always || looks_secret(text))));
        }
        DeValue::Array(list) => list.iter().for_each(|value| learn_value(value, hide, strings)),
        DeValue::Table(table) => learn_table(table, hide, strings),
        DeValue::Integer(_) | DeValue::Float(_) if hide == Hide::Always => strings.push((value.span(), true)),
        DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_) | DeValue::Datetime(_) => {}
    }
}

/// Says whether a key's name lets one expect a secret behind it.
pub(crate) fn names_a_secret(key: &str) -> bool {
    let key = key.to_lowercase().replace(['-', '_', '.'], "");
    [
        "password",
        "passwd",
        "passphrase",
        "secret",
        "token",
        "apikey",
        "authorization",
        "cookie",
        "credential",
        "webhook",
    ]
    .iter()
    .any(|word| key.contains(word))
        || matches!(key.as_str(), "pass" | "pwd" | "auth" | "bearer" | "privatekey")
}

/// Says whether a text that is more than a name holds a secret by its look.
fn holds_a_secret(text: &str) -> bool {
    text.contains([' ', ':', '@', '=']) && super::secret::SecretRef::parse(text).is_err() && looks_secret(text)
}

/// Masks what a message quotes, if that holds a secret by its look: a value that is refused may be one in the wrong place.
pub(crate) fn veil_quoted(message: &str) -> String {
    let mut veiled = String::with_capacity(message.len());
    let mut rest = message;
    while let Some(at) = rest.find(['"', '`']) {
        let (before, quoted) = rest.split_at(at);
        let quote = if quoted.starts_with('"') { '"' } else { '`' };
        let Some((inner, after)) = quoted.strip_prefix(quote).and_then(|quoted| quoted.split_once(quote)) else {
            break;
        };
        veiled.push_str(before);
        veiled.push(quote);
        veiled.push_str(if holds_a_secret(inner) { "***" } else { inner });
        veiled.push(quote);
        rest = after;
    }
    veiled.push_str(rest);
    veiled
}

/// Says whether a text holds a secret by its look: a password before an `@`, an option that is followed by one.
pub(crate) fn looks_secret(text: &str) -> bool {
    let lower = text.to_lowercase();
    let login = |text: &str| {
        text.rsplit_once('@').is_some_and(|(user, _)| user.contains(':') && !user.contains(char::is_whitespace))
    };
    let in_url = lower.split_once("://").and_then(|(_, rest)| rest.split(['/', '?', '#']).next()).is_some_and(login);
    in_url
        || (!lower.contains("://") && login(&lower))
        || [
            "passw",
            "token",
            "secret",
            "bearer ",
            "basic ",
            "authorization",
            "apikey",
            "api_key",
            "api-key",
            "private key",
        ]
        .iter()
        .any(|word| lower.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Source {
        let mut source = Source::new(Path::new("qd.toml"), text);
        let (root, errors) = DeTable::parse_recoverable(text);
        assert!(errors.is_empty(), "{errors:?}");
        source.learn(&root);
        source
    }

    #[test]
    fn a_secret_in_the_wrong_place_is_masked_and_names_are_not() {
        let text = "h = { 'Authorization: Bearer hunter2' = 'x', cookie = 'env:hunter2 x', a = 'u:hunter2@db:1:2' }";
        let excerpt = source(text).excerpt(&(0..1)).unwrap();
        assert!(!excerpt.text.contains("hunter2"), "{}", excerpt.text);
        for (message, veiled) in [
            ("`address` is not a host and port: \"u:hunter2@x:1:2\"", "`address` is not a host and port: \"***\""),
            ("`Authorization: Bearer hunter2` is no header", "`***` is no header"),
            ("`token` is a literal secret", "`token` is a literal secret"),
            ("refer to it: \"env:API_TOKEN\"", "refer to it: \"env:API_TOKEN\""),
            ("unknown key `tokn`, did you mean `token`?", "unknown key `tokn`, did you mean `token`?"),
            ("an odd \" quote", "an odd \" quote"),
        ] {
            assert_eq!(veil_quoted(message), veiled);
        }
    }

    #[test]
    fn what_may_be_secret_is_masked_and_comments_are_cut() {
        let text = "a = { token = 'hunter2', url = \"https://u:hunter2@x.example/\", n = 'ok#1' } # hunter2";
        let excerpt = source(text).excerpt(&(0..1)).unwrap();
        assert!(!excerpt.text.contains("hunter2"), "{}", excerpt.text);
        assert!(excerpt.text.ends_with("n = 'ok#1' }"), "{}", excerpt.text);
        assert_eq!((excerpt.start, excerpt.len), (0, 1));
    }

    #[test]
    fn a_reference_to_a_secret_is_no_secret() {
        let text = "token = 'env:MONDAY_TOKEN'";
        assert_eq!(source(text).excerpt(&(0..5)).unwrap().text, text);
    }

    #[test]
    fn a_long_line_is_cut_around_what_is_meant() {
        let text = format!("name = \"{}\"\nkey = [{} 'x']", "a".repeat(300), "'abcdef',".repeat(40));
        let at = text.rfind("'x'").unwrap();
        let excerpt = source(&text).excerpt(&(at..at + 3)).unwrap();
        assert_eq!(excerpt.text.chars().skip(excerpt.start).take(3).collect::<String>(), "'x'");
        assert!(excerpt.text.chars().count() <= WIDTH + 2);
    }

    #[test]
    fn a_broken_line_shows_no_value() {
        assert_eq!(mask_values("  token = hunter2", Keys::Show), "  token = *******");
        assert_eq!(mask_values("pass word = 'hunter2", Keys::Show), "**** **** = '*******");
        assert_eq!(mask_values("[service.in.prod]", Keys::Show), "[service.in.prod]");
        assert_eq!(mask_values("hunter2, 'x' = 3", Keys::Show), "*******, '*' = *");
        assert_eq!(mask_values("token = hunter2 = hunter3", Keys::Show), "token = ******* = *******");
        assert_eq!(mask_values("aHVudGVyMg==", Keys::Show), "**********==");
        assert_eq!(mask_values("aHVudGVyM=", Keys::Show), "*********=");
        assert_eq!(mask_values("hunter2 = 1", Keys::Mask), "******* = *");
    }

    #[test]
    fn places_count_characters() {
        let source = source("a = 'ñandú'\nb = 1\n");
        assert_eq!(source.place(0), (1, 1));
        let b = source.text.find('b').unwrap();
        assert_eq!(source.place(b), (2, 1));
        assert_eq!(source.place(9999), (3, 1));
    }
}
