//! What of a filter can be asked elsewhere, where only lines of text are known.
//!
//! A remote part may keep more than the filter, never less: what it cannot say exactly is said wider, or not at all, and
//! all of the filter runs here afterwards. Only what is exact may be negated.
use regex_syntax::{
    ParserBuilder,
    hir::{Class, Hir, HirKind, Look, Repetition},
};

use super::{Expr, Op, Pattern, Piece, Term, Text, Value};

/// What is known about the lines that are asked elsewhere.
#[derive(Clone, Copy)]
pub struct Lines<'a> {
    /// Whether each line is a record by itself. Where records span lines, nothing can be asked of one line.
    pub whole: bool,
    /// A regex of what stands directly before the digits of each record's status, where they always stand behind the same.
    pub status: Option<&'a str>,
    /// A regex of what a line has in which a field's text may be written otherwise: those pass.
    pub escape: Option<&'a str>,
    /// Says whether a field's text stands in the line exactly as it is compared.
    pub verbatim: &'a dyn Fn(&str) -> bool,
}

impl std::fmt::Debug for Lines<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lines").field("whole", &self.whole).finish_non_exhaustive()
    }
}

/// Returns what must all hold, each as it is written.
pub fn terms(expr: &Expr) -> Vec<String> {
    conjuncts(expr).iter().map(ToString::to_string).collect()
}

impl Lines<'_> {
    /// Says whether a line holds a field's text wherever the field has it. A service may be that of its source.
    fn holds(&self, field: &str) -> bool {
        field != "service" && (self.verbatim)(field)
    }
}

/// Something that a line must contain, or must not.
#[derive(Clone, Debug)]
pub(super) struct Need {
    /// How the filter says it.
    pub(super) text: String,
    /// One of these must be found.
    pub(super) any: Vec<Atom>,
    /// None of them may be found.
    pub(super) negated: bool,
    /// Finding them is all that the filter asks here.
    pub(super) exact: bool,
}

/// What is searched in a line.
#[derive(Clone, Debug)]
pub(super) enum Atom {
    /// Text in the case given.
    Text(String),
    /// Any of what this describes; case is in it already.
    Hir(Hir),
}

/// Splits a filter into what can be searched in a line and what cannot.
pub(super) fn needs(expr: &Expr, lines: Lines<'_>) -> (Vec<Need>, Vec<String>) {
    let (mut needs, mut local) = (Vec::new(), Vec::new());
    for part in conjuncts(expr) {
        let (positive, negated) = match &part {
            Expr::Not(inner) => (&**inner, true),
            other @ (Expr::All | Expr::And(_) | Expr::Or(_) | Expr::Term(_)) => (other, false),
        };
        let found = if lines.whole { search(positive, lines) } else { None };
        match found.filter(|(_, exact)| *exact || !negated) {
            Some((any, exact)) => needs.push(Need { text: part.to_string(), any, negated, exact }),
            None => local.push(part.to_string()),
        }
    }
    (needs, local)
}

/// Returns what must all hold, with negations drawn inward as far as that makes more of it.
pub(super) fn conjuncts(expr: &Expr) -> Vec<Expr> {
    match expr {
        Expr::All => Vec::new(),
        Expr::And(parts) => parts.iter().flat_map(conjuncts).collect(),
        Expr::Not(inner) => match &**inner {
            Expr::Or(parts) => parts.iter().flat_map(|part| conjuncts(&part.clone().negated())).collect(),
            Expr::Not(inner) => conjuncts(inner),
            Expr::All | Expr::And(_) | Expr::Term(_) => vec![expr.clone()],
        },
        Expr::Or(_) | Expr::Term(_) => vec![expr.clone()],
    }
}

/// Finds what a line that fulfils a condition must contain one of, and whether that is all.
fn search(expr: &Expr, lines: Lines<'_>) -> Option<(Vec<Atom>, bool)> {
    match expr {
        Expr::Term(term) => of_term(term, lines),
        Expr::Or(parts) => {
            let mut any = Vec::new();
            let mut exact = true;
            for part in parts {
                let (more, is_exact) = search(part, lines)?;
                any.extend(more);
                exact &= is_exact;
            }
            Some((any, exact))
        }
        Expr::And(parts) => {
            let found = parts.iter().filter_map(|part| search(part, lines));
            let best = found.max_by_key(|(any, _)| any.iter().map(Atom::weight).min().unwrap_or(0))?;
            Some((best.0, false))
        }
        Expr::All | Expr::Not(_) => None,
    }
}

fn of_term(term: &Term, lines: Lines<'_>) -> Option<(Vec<Atom>, bool)> {
    match term {
        Term::Text(text) => Some((vec![Atom::of_text(text)?], true)),
        Term::Regex(pattern) => Some((vec![Atom::Hir(hir(&pattern.regex, pattern.fold)?)], true)),
        Term::Glob { field, any } if lines.holds(field) => {
            let longest = |glob: &Text| {
                let literals = glob.pieces().into_iter().filter_map(|piece| match piece {
                    Piece::Literal(text) => Some(text),
                    Piece::Any | Piece::One => None,
                });
                Atom::of_text(&Text { text: literals.max_by_key(String::len)?, fold: glob.fold })
            };
            let mut found = any.iter().map(longest).collect::<Option<Vec<_>>>()?;
            if let Some(escape) = lines.escape {
                found.push(Atom::of_regex(escape)?);
            }
            Some((found, false))
        }
        Term::FieldRegex { field, pattern } if lines.holds(field) => {
            let found = hir(&pattern.regex, pattern.fold)?;
            // Anchors hold at the field's ends, which are not the line's.
            let is_free = found.properties().look_set().is_empty();
            let mut any = vec![Atom::Hir(found)];
            if let Some(escape) = lines.escape {
                any.push(Atom::of_regex(escape)?);
            }
            is_free.then_some((any, false))
        }
        Term::Compare { field, op: Op::Equal, value: Value::Number(number) }
            if field == "status"
                && lines.holds(field)
                && (100.0..1_000.0).contains(number)
                && number.fract() == 0.0 =>
        {
            Some((vec![Atom::Text(number.to_string())], false))
        }
        Term::Compare { field, op, value: Value::Number(number) } if field == "status" => {
            let digits = status_digits(*op, *number)?;
            Some((vec![Atom::Hir(hir(&format!("{}0*(?:{digits})", lines.status?), false)?)], false))
        }
        Term::Glob { .. } | Term::FieldRegex { .. } | Term::Compare { .. } | Term::Level { .. } | Term::Has(_) => None,
    }
}

/// Writes the digits that a status begins with which compares so, by hundreds: more may match, never less.
fn status_digits(op: Op, number: f64) -> Option<String> {
    if !(100.0..1_000.0).contains(&number) || number.fract() != 0.0 {
        return None;
    }
    match op {
        Op::Equal => Some(number.to_string()),
        Op::AtLeast | Op::More => Some(format!("[{}-9][0-9][0-9]|[1-9][0-9][0-9][0-9]", (number / 100.0).floor())),
        Op::Less | Op::AtMost | Op::NotEqual => None,
    }
}

impl Atom {
    /// Makes what finds a text.
    pub(super) fn of_text(text: &Text) -> Option<Self> {
        if text.fold {
            // Case of letters that have none is no case.
            let folded = hir(&regex::escape(&text.text), true)?;
            let plain = hir(&regex::escape(&text.text), false)?;
            if folded != plain {
                return Some(Self::Hir(folded));
            }
        }
        Some(Self::Text(text.text.clone()))
    }

    /// Makes what finds a regex.
    fn of_regex(regex: &str) -> Option<Self> {
        let hir = hir(regex, false)?;
        if let HirKind::Literal(literal) = hir.kind() {
            return Some(Self::Text(std::str::from_utf8(&literal.0).ok()?.to_owned()));
        }
        Some(Self::Hir(hir))
    }

    /// How selective it is.
    fn weight(&self) -> usize {
        match self {
            Self::Text(text) => text.len() * 2,
            Self::Hir(hir) => hir.properties().minimum_len().unwrap_or(0),
        }
    }

    /// Says whether it can be found in every line.
    pub(super) fn is_everywhere(&self) -> bool {
        match self {
            Self::Text(text) => text.is_empty(),
            Self::Hir(hir) => hir.properties().minimum_len().is_none_or(|length| length == 0),
        }
    }
}

/// Takes a regex apart as the regex crate does for bytes.
pub(super) fn hir(regex: &str, fold: bool) -> Option<Hir> {
    let mut builder = ParserBuilder::new();
    builder.utf8(false).multi_line(true).case_insensitive(fold).nest_limit(100);
    builder.build().parse(regex).ok()
}

/// Takes apart what a field's whole text must match.
pub(super) fn hir_of_pattern(pattern: &Pattern) -> Option<Hir> {
    hir(&pattern.regex, pattern.fold)
}

/// Returns a class as ranges of characters, and whether that is all it matches.
pub(super) fn ranges(class: &Class) -> (Vec<(char, char)>, bool) {
    match class {
        Class::Unicode(class) => (class.iter().map(|range| (range.start(), range.end())).collect(), true),
        Class::Bytes(class) => {
            let mut ranges = Vec::new();
            let mut exact = true;
            for range in class.iter() {
                if range.start() < 0x80 {
                    ranges.push((char::from(range.start()), char::from(range.end().min(0x7f))));
                }
                if range.end() >= 0x80 {
                    // Bytes of a character are no characters; any of them stands for it.
                    ranges.push(('\u{80}', char::MAX));
                    exact = false;
                }
            }
            ranges.dedup();
            (ranges, exact)
        }
    }
}

/// Says whether it is any one byte.
pub(super) fn is_any_byte(hir: &Hir) -> bool {
    if let HirKind::Class(Class::Bytes(class)) = hir.kind() {
        return class.iter().any(|range| range.start() == 0 && range.end() == 0xff);
    }
    if let HirKind::Capture(capture) = hir.kind() { is_any_byte(&capture.sub) } else { false }
}

/// Where an assertion of a regex holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Edge {
    /// At the start of the text.
    Start,
    /// At the start of a line.
    LineStart,
    /// At the end of the text.
    End,
    /// At the end of a line.
    LineEnd,
    /// At an edge of words, or one that the places that lines come from know otherwise: without it, more is found.
    Other,
}

/// Says where an assertion holds.
pub(super) fn edge(look: Look) -> Edge {
    match look {
        Look::Start => Edge::Start,
        Look::StartLF => Edge::LineStart,
        Look::End => Edge::End,
        Look::EndLF => Edge::LineEnd,
        Look::StartCRLF
        | Look::EndCRLF
        | Look::WordAscii
        | Look::WordAsciiNegate
        | Look::WordUnicode
        | Look::WordUnicodeNegate
        | Look::WordStartAscii
        | Look::WordEndAscii
        | Look::WordStartUnicode
        | Look::WordEndUnicode
        | Look::WordStartHalfAscii
        | Look::WordEndHalfAscii
        | Look::WordStartHalfUnicode
        | Look::WordEndHalfUnicode => Edge::Other,
    }
}

/// How often something is repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Times {
    pub(super) min: u32,
    pub(super) max: Option<u32>,
}

impl Times {
    /// Bounds a repetition; also says whether more is found by that. Counts within counts multiply: an outer one is enough.
    pub(super) fn of(repetition: &Repetition, within_count: bool, most: u32) -> (Self, bool) {
        let times = Self { min: repetition.min, max: repetition.max };
        if within_count && times.is_count() {
            (Self { min: times.min.min(1), max: None }, true)
        } else if times.min > most || times.max.is_some_and(|max| max > most) {
            (Self { min: times.min.min(most), max: None }, true)
        } else {
            (times, false)
        }
    }

    /// Says whether it needs numbers.
    pub(super) fn is_count(self) -> bool {
        !matches!((self.min, self.max), (0 | 1, None) | (0, Some(1)))
    }

    /// Writes it behind what is repeated.
    pub(super) fn write(self, text: &mut String) {
        match (self.min, self.max) {
            (0, None) => text.push('*'),
            (1, None) => text.push('+'),
            (0, Some(1)) => text.push('?'),
            (min, max) => {
                let most = max.map_or_else(String::new, |max| max.to_string());
                text.extend(["{", &min.to_string(), ",", &most, "}"]);
            }
        }
    }
}
