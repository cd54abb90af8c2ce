//! What a term asks of one record or one value.
use memchr::memmem;
use regex::bytes::Regex;

use super::{
    super::{
        Level,
        aggregate::Unit,
        filter::{Op, Term, Text, Value},
        format::Kind,
    },
    folded::Folded,
    regexes::{Scan, hint, required, scan},
};

/// Texts of a regex that are looked at for the rarest.
const TEXTS: usize = 3;

#[derive(Debug)]
pub(super) enum Test {
    /// Text as it is.
    Find(Box<memmem::Finder<'static>>),
    /// Text in any case.
    Folded(Box<Folded>),
    /// A regex over the raw record, and texts that are in every match of it.
    Regex(Regex, Scan, Vec<Regex>),
    Level(Op, Level),
    Status(Op, f64),
    Duration(Op, f64),
    Field(String, FieldTest),
}

#[derive(Debug)]
pub(super) enum FieldTest {
    /// One of these is the whole text. Where one is, the record holds the hint, unless it writes it with escapes.
    Any(Vec<Glob>, Option<Regex>),
    Regex(Regex),
    Compare(Op, Value),
    Has,
}

#[derive(Debug)]
pub(super) enum Glob {
    Exact(Vec<u8>),
    Prefix(Vec<u8>),
    /// In any case, where all of it is ASCII; the regex for values that are not.
    Folded {
        text: Vec<u8>,
        prefix: bool,
        regex: Regex,
    },
    Regex(Regex),
}

impl Glob {
    fn new(text: &Text) -> Result<Self, regex::Error> {
        let star = text.text.strip_suffix('*').filter(|rest| !rest.contains(['*', '?', '\\'])).map(str::to_owned);
        let (plain, prefix) = match text.plain() {
            Some(plain) => (Some(plain), false),
            None => (star, true),
        };
        if let Some(plain) = plain {
            let text_bytes = plain.into_bytes();
            return Ok(match (text.fold, prefix) {
                (false, false) => Self::Exact(text_bytes),
                (false, true) => Self::Prefix(text_bytes),
                (true, _) if text_bytes.is_ascii() => Self::Folded { text: text_bytes, prefix, regex: text.glob()? },
                (true, _) => Self::Regex(text.glob()?),
            });
        }
        Ok(Self::Regex(text.glob()?))
    }

    fn matches(&self, value: &[u8]) -> bool {
        match self {
            Self::Exact(text) => value == text,
            Self::Prefix(prefix) => value.starts_with(prefix),
            Self::Folded { text, prefix, regex } => {
                let head = if *prefix { value.get(..text.len()) } else { Some(value) };
                // Beyond ASCII two letters are the same as one of it: the Kelvin sign and the long s.
                head.is_some_and(|head| head.eq_ignore_ascii_case(text)) || !value.is_ascii() && regex.is_match(value)
            }
            Self::Regex(regex) => regex.is_match(value),
        }
    }
}

impl FieldTest {
    pub(super) fn holds(&self, value: &[u8], kind: Kind) -> bool {
        match self {
            Self::Any(globs, _) => globs.iter().any(|glob| glob.matches(value)),
            Self::Regex(regex) => regex.is_match(value),
            Self::Compare(op, wanted) => compare(*op, *wanted, value, kind),
            Self::Has => true,
        }
    }
}

/// Compares a field's text with a value: in microseconds or bytes where both have such a unit, else as written.
fn compare(op: Op, wanted: Value, text: &[u8], kind: Kind) -> bool {
    let Some((number, unit)) = measured(text) else { return false };
    let (left, right) = match (wanted, kind, unit) {
        (Value::Micros(wanted), Kind::Duration { micros }, Unit::Plain) => (number * micros, wanted),
        // Without a unit anywhere, seconds are what programs write.
        (Value::Micros(wanted), _, Unit::Plain) => (number * 1e6, wanted),
        (Value::Number(wanted), Kind::Duration { micros }, Unit::Micros) => (number / micros, wanted),
        (Value::Micros(wanted), _, Unit::Micros)
        | (Value::Bytes(wanted), _, Unit::Plain | Unit::Bytes)
        | (Value::Number(wanted), _, _) => (number, wanted),
        (Value::Micros(_), _, Unit::Bytes) | (Value::Bytes(_), _, Unit::Micros) => return false,
    };
    op.holds(left, right)
}

/// Reads a number with or without a unit: `5`, `0.042`, `12ms`, `4 KB`.
pub(in super::super) fn measured(text: &[u8]) -> Option<(f64, Unit)> {
    let text = std::str::from_utf8(text).ok()?.trim();
    if let Ok(number) = text.parse::<f64>() {
        return number.is_finite().then_some((number, Unit::Plain));
    }
    let at = text.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '-'))?;
    let (number, unit) = text.split_at_checked(at)?;
    let number: f64 = number.parse().ok()?;
    let (factor, unit) = match unit.trim() {
        "ns" => (0.001, Unit::Micros),
        "us" | "µs" => (1.0, Unit::Micros),
        "ms" => (1e3, Unit::Micros),
        "s" => (1e6, Unit::Micros),
        "m" | "min" => (6e7, Unit::Micros),
        "h" => (3.6e9, Unit::Micros),
        "B" => (1.0, Unit::Bytes),
        "kB" | "KB" => (1e3, Unit::Bytes),
        "MB" => (1e6, Unit::Bytes),
        "GB" => (1e9, Unit::Bytes),
        "KiB" => (1_024.0, Unit::Bytes),
        "MiB" => (1_048_576.0, Unit::Bytes),
        "GiB" => (1_073_741_824.0, Unit::Bytes),
        _ => return None,
    };
    Some((number * factor, unit))
}

pub(super) fn test(term: &Term) -> Result<Test, regex::Error> {
    Ok(match term {
        Term::Text(text) if !text.fold || !text.text.chars().any(char::is_alphabetic) => {
            Test::Find(Box::new(memmem::Finder::new(text.text.as_bytes()).into_owned()))
        }
        Term::Text(text) => {
            let (regex, scan) = (text.regex()?, scan(&text.text, true));
            match Folded::new(&text.text, &regex).filter(|_| scan == Scan::Lines) {
                Some(folded) => Test::Folded(Box::new(folded)),
                None => Test::Regex(regex, scan, Vec::new()),
            }
        }
        Term::Regex(pattern) => {
            let scan = scan(&pattern.regex, false);
            let texts = required(&pattern.regex).filter(|_| scan == Scan::Lines).unwrap_or_default();
            let texts = texts.into_iter().take(TEXTS).map(|text| Text { text, fold: pattern.fold }.regex());
            let within = texts.collect::<Result<_, _>>()?;
            Test::Regex(pattern.compile()?, scan, within)
        }
        Term::Level { op, level } => Test::Level(*op, *level),
        Term::Glob { field, any } => {
            let globs = any.iter().map(Glob::new).collect::<Result<_, _>>()?;
            Test::Field(field.clone(), FieldTest::Any(globs, hint(any)))
        }
        Term::FieldRegex { field, pattern } => Test::Field(field.clone(), FieldTest::Regex(pattern.compile()?)),
        Term::Compare { field, op, value: Value::Number(number) } if field == "status" => Test::Status(*op, *number),
        Term::Compare { field, op, value: Value::Micros(micros) } if field == "dur" => Test::Duration(*op, *micros),
        Term::Compare { field, op, value } => Test::Field(field.clone(), FieldTest::Compare(*op, *value)),
        Term::Has(field) => Test::Field(field.clone(), FieldTest::Has),
    })
}
