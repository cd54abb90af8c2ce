//! Hides secrets and personal data in what leaves the buffer: the view, copies, exports, pins.
//!
//! Rules are data (`config::redact`). Each is a regex whose groups are what is hidden, with literals of which one must be
//! near: one pass over a record finds which rules are worth a try, and most records need no other. Whoever draws hides
//! first and cuts to the width then, since half a secret is recognised by no rule.
use std::{borrow::Cow, ops::Range};

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, MatchKind};
use regex::bytes::{Regex, RegexBuilder};

/// What stands in place of a secret begins with this, then the rule's name and `]`.
const MARK: &[u8] = b"[redacted:";
/// Redacting again finds at most what the text around a mark shows; it comes to rest at once in practice.
const PASSES: usize = 6;

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct RedactRule {
    /// Its name: lower-case letters, digits, `-`. It is shown in place of the secret.
    pub name: String,
    /// Literals in any ASCII case, of which a record must have one for the regex to be tried; none: always tried.
    pub near: Vec<String>,
    /// A regex for bytes. What its groups match is hidden, or the whole match when it has none.
    pub regex: String,
    /// What else must hold.
    pub check: RedactCheck,
    /// Texts in any ASCII case that are no secret: `null`, and words of sentences.
    pub except: Vec<String>,
    /// Whether it is used.
    pub enabled: bool,
    /// Texts and what they become under all rules that are on, which a test runs.
    pub samples: Vec<RedactSample>,
}

/// What must hold for a match besides its regex.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum RedactCheck {
    /// Nothing.
    #[default]
    None,
    /// It has a digit, or 20 characters: a token, not a word of a sentence.
    Token,
    /// It is the base64 of `name:password`.
    Basic,
    /// It has a card number's length, issuer and check digit (Luhn).
    Card,
}

impl RedactCheck {
    /// Every check with its name in a rule file.
    pub const ALL: [(&'static str, Self); 4] =
        [("none", Self::None), ("token", Self::Token), ("basic", Self::Basic), ("card", Self::Card)];

    fn holds(self, text: &[u8], secret: &Range<usize>) -> bool {
        let part = text.get(secret.clone()).unwrap_or_default();
        match self {
            Self::None => true,
            Self::Token => part.len() >= 20 || part.iter().any(u8::is_ascii_digit),
            Self::Basic => is_basic(part),
            Self::Card => {
                let before = secret.start.checked_sub(1).and_then(|at| text.get(at));
                before.is_none_or(|byte| !matches!(byte, b'-' | b'.' | b'_')) && is_card(part)
            }
        }
    }
}

/// A text and what it becomes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedactSample {
    /// As it was logged.
    pub text: String,
    /// As it is shown.
    pub shows: String,
}

/// A rule that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the rule `{rule}` cannot be used: {why}")]
pub struct RedactError {
    /// Its name.
    pub rule: String,
    /// Why, in one line.
    pub why: String,
}

/// All rules that are on, compiled; without any by default. Cheap to share, safe on all threads.
#[derive(Debug, Default)]
pub struct Redactor {
    rules: Vec<Rule>,
    /// Finds literals; says which rules each is of by its number.
    near: Option<AhoCorasick>,
    of_literal: Vec<u64>,
    /// Rules that need no literal, by their bits.
    always: u64,
    cards: u64,
    /// Whether nobody may be shown what is hidden.
    sealed: bool,
}

#[derive(Debug)]
struct Rule {
    name: String,
    regex: Regex,
    check: RedactCheck,
    except: Vec<String>,
}

/// The most rules that can be on: one bit each.
pub const MOST_RULES: usize = 64;

impl Redactor {
    /// Compiles the rules that are on.
    ///
    /// # Errors
    /// When one cannot be used, or there are more than [`MOST_RULES`].
    pub fn new(rules: &[RedactRule]) -> Result<Self, RedactError> {
        let wrong = |rule: &RedactRule, why: String| RedactError { rule: rule.name.clone(), why };
        let (mut compiled, mut literals, mut of_literal) = (Vec::new(), Vec::<String>::new(), Vec::<u64>::new());
        let (mut always, mut cards) = (0, 0);
        for rule in rules.iter().filter(|rule| rule.enabled) {
            if compiled.len() == MOST_RULES {
                return Err(wrong(rule, format!("there are more than {MOST_RULES} rules")));
            }
            if !is_name(&rule.name) {
                return Err(wrong(rule, "a name is made of lower-case letters, digits and `-`".into()));
            }
            let bit = 1_u64 << compiled.len();
            let regex = compile(&rule.regex).map_err(|why| wrong(rule, why))?;
            if regex.is_match(b"") {
                return Err(wrong(rule, "its regex matches nothing at all, and so everywhere".into()));
            }
            if rule.near.is_empty() && rule.check == RedactCheck::Card {
                cards |= bit;
            } else if rule.near.iter().all(String::is_empty) {
                always |= bit;
            }
            for literal in rule.near.iter().filter(|literal| !literal.is_empty()) {
                let literal = literal.to_ascii_lowercase();
                if let Some((_, bits)) = literals.iter().zip(&mut of_literal).find(|(known, _)| **known == literal) {
                    *bits |= bit;
                } else {
                    literals.push(literal);
                    of_literal.push(bit);
                }
            }
            compiled.push(Rule { name: rule.name.clone(), regex, check: rule.check, except: rule.except.clone() });
        }
        let near = AhoCorasickBuilder::new()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::Standard)
            .kind(Some(aho_corasick::AhoCorasickKind::DFA))
            .build(&literals)
            .map_err(|error| RedactError { rule: "near".into(), why: error.to_string() })?;
        let near = (!literals.is_empty()).then_some(near);
        Ok(Self { rules: compiled, near, of_literal, always, cards, sealed: false })
    }

    /// Says whether nobody may be shown what is hidden, by no key and no option.
    #[must_use]
    pub fn sealed(self, sealed: bool) -> Self {
        Self { sealed, ..self }
    }

    /// Says whether somebody may be shown what is hidden, which goes on the audit.
    pub fn may_reveal(&self) -> bool {
        !self.sealed
    }

    /// Writes a record with its secrets hidden; returns where the marks stand in what was written.
    ///
    /// Redacting what was redacted changes nothing. All other bytes stay as they are.
    pub fn apply(&self, text: &[u8], out: &mut Vec<u8>) -> Vec<Range<usize>> {
        out.clear();
        match self.hidden(text) {
            None => {
                out.extend_from_slice(text);
                Vec::new()
            }
            Some(hidden) => {
                *out = hidden;
                marks(out)
            }
        }
    }

    /// Returns a record with its secrets hidden.
    pub fn redact<'a>(&self, text: &'a [u8]) -> Cow<'a, [u8]> {
        self.hidden(text).map_or(Cow::Borrowed(text), Cow::Owned)
    }

    /// Returns a text with its secrets hidden.
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match self.hidden(text.as_bytes()) {
            None => Cow::Borrowed(text),
            // Rules match bytes: one of a user's may cut a character in two.
            Some(hidden) => Cow::Owned(
                String::from_utf8(hidden)
                    .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()),
            ),
        }
    }

    fn hidden(&self, text: &[u8]) -> Option<Vec<u8>> {
        let mut hidden = self.pass(text)?;
        for _ in 1..PASSES {
            match self.pass(&hidden) {
                Some(more) => hidden = more,
                None => break,
            }
        }
        Some(hidden)
    }

    /// Hides what is found at once; none when there is nothing.
    fn pass(&self, text: &[u8]) -> Option<Vec<u8>> {
        let worth = self.worth(text);
        if worth == 0 {
            return None;
        }
        let hidden_before = marks(text);
        let mut found: Vec<(Range<usize>, &str)> = Vec::new();
        for (bit, rule) in self.rules.iter().enumerate() {
            if worth & (1 << bit) != 0 {
                rule.find(text, |secret| {
                    // What is hidden already is none.
                    if !hidden_before.iter().any(|mark| mark.start <= secret.start && secret.end <= mark.end) {
                        found.push((secret, &rule.name));
                    }
                });
            }
        }
        if found.is_empty() {
            return None;
        }
        // Marks that a secret reaches into go with it, so that none is cut.
        found.extend(hidden_before.into_iter().map(|mark| (mark, "")));
        found.sort_by(|(a, _), (b, _)| a.start.cmp(&b.start).then(b.end.cmp(&a.end)));
        let mut out = Vec::with_capacity(text.len() + 16);
        let mut done = 0;
        let mut found = found.into_iter().peekable();
        while let Some((mut span, mut name)) = found.next() {
            let alone = span.end;
            while let Some((next, other)) = found.next_if(|(next, _)| next.start < span.end) {
                span.end = span.end.max(next.end);
                if name.is_empty() {
                    name = other;
                }
            }
            out.extend_from_slice(text.get(done..span.start)?);
            if name.is_empty() {
                out.extend_from_slice(text.get(span.start..alone)?);
            } else {
                out.extend_from_slice(MARK);
                out.extend_from_slice(name.as_bytes());
                out.push(b']');
            }
            done = span.end;
        }
        out.extend_from_slice(text.get(done..)?);
        (out != text).then_some(out)
    }

    /// Returns which rules may find something, by their bits. The hot path.
    fn worth(&self, text: &[u8]) -> u64 {
        let mut worth = self.always;
        if let Some(near) = &self.near
            && near.is_match(text)
        {
            for found in near.find_overlapping_iter(text) {
                worth |= self.of_literal.get(found.pattern().as_usize()).copied().unwrap_or(0);
            }
        }
        if self.cards != 0 && has_long_number(text) {
            worth |= self.cards;
        }
        worth
    }
}

impl Rule {
    fn holds(&self, text: &[u8], secret: &Range<usize>) -> bool {
        let part = text.get(secret.clone()).unwrap_or_default();
        self.check.holds(text, secret) && !self.except.iter().any(|word| part.eq_ignore_ascii_case(word.as_bytes()))
    }

    fn find(&self, text: &[u8], mut secret: impl FnMut(Range<usize>)) {
        for found in self.regex.captures_iter(text) {
            let mut groups = found.iter().skip(1).flatten().peekable();
            if groups.peek().is_none() {
                let whole = found.get(0).map(|whole| whole.range()).unwrap_or_default();
                if self.regex.captures_len() == 1 && !whole.is_empty() && self.holds(text, &whole) {
                    secret(whole);
                }
            }
            for group in groups {
                let range = group.range();
                if !range.is_empty() && self.holds(text, &range) {
                    secret(range);
                }
            }
        }
    }
}

/// Compiles a rule's regex, or says in one line what is wrong with it.
///
/// # Errors
/// When it is none, or takes too much memory.
pub fn compile(regex: &str) -> Result<Regex, String> {
    let built = RegexBuilder::new(regex).unicode(false).size_limit(1 << 20).build();
    built.map_err(|error| error.to_string().lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned())
}

/// Whether a rule may have this name.
pub fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// Finds the marks in a text that was redacted.
pub fn marks(text: &[u8]) -> Vec<Range<usize>> {
    let mut marks = Vec::new();
    for start in memchr::memmem::find_iter(text, MARK) {
        let from = start + MARK.len();
        let name = text.get(from..).unwrap_or_default();
        let length =
            name.iter().take_while(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || **byte == b'-');
        let length = length.count();
        if length > 0 && name.get(length) == Some(&b']') {
            marks.push(start..from + length + 1);
        }
    }
    marks
}

/// Whether there is a run of 13 digits or more, with single spaces or dashes between them.
fn has_long_number(text: &[u8]) -> bool {
    let (mut digits, mut gap) = (0, false);
    for byte in text {
        if byte.is_ascii_digit() {
            digits += 1;
            gap = false;
            if digits >= 13 {
                return true;
            }
        } else if matches!(byte, b' ' | b'-') && !gap {
            gap = true;
        } else {
            digits = 0;
        }
    }
    false
}

/// Lengths by issuer: Visa 13, 16, 19; Mastercard 16; American Express 15; Diners 14; the others 16 to 19.
fn is_card(text: &[u8]) -> bool {
    let digits: Vec<u8> = text.iter().filter(|byte| byte.is_ascii_digit()).map(|byte| byte - b'0').collect();
    let begins = |count: usize| digits.iter().take(count).fold(0_u32, |number, digit| number * 10 + u32::from(*digit));
    let fits = match digits.len() {
        13 => begins(1) == 4,
        14 => begins(2) == 36 || begins(2) == 38 || (300..=305).contains(&begins(3)),
        15 => matches!(begins(2), 34 | 37),
        16 => matches!(begins(1), 4 | 6) || matches!(begins(2), 35 | 51..=55) || (2_221..=2_720).contains(&begins(4)),
        17..=19 => matches!(begins(1), 4 | 6),
        _ => false,
    };
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let digit = u32::from(*digit) * if place % 2 == 1 { 2 } else { 1 };
            digit / 10 + digit % 10
        })
        .sum();
    fits && sum.is_multiple_of(10) && digits.windows(2).any(|pair| pair.first() != pair.last())
}

/// Whether it is the base64 of printable text with a colon.
fn is_basic(text: &[u8]) -> bool {
    let (mut bits, mut held, mut plain) = (0_u32, 0, Vec::new());
    for byte in text.iter().take_while(|byte| **byte != b'=') {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return false,
        };
        bits = bits << 6 | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            plain.push(u8::try_from(bits >> held & 0xff).unwrap_or(0));
        }
    }
    plain.contains(&b':') && plain.iter().all(|byte| *byte >= b' ' && *byte != 0x7f)
}

#[cfg(test)]
mod tests;
