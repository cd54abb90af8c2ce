//! Lines taken apart at their delimiters: `<client> - <user> [<time>] "<request>" <status:int>`.
//!
//! `<name>` takes what stands before the next literal, `<name:int>` digits or a dash, `<name:tag>` what stands before a blank, a
//! colon or a bracket, `<name:time>` a timestamp, `<_>` what nobody wants. What follows `<?>` may be missing, as may what stands
//! between `<[>` and `<]>` and begins with a literal. `<*>` at the end takes `key=value` pairs.
use memchr::memchr;

use super::{UTC, escape::Escape, time};

/// Most captures a pattern has.
pub(super) const MOST: usize = 24;

/// Where a capture begins and ends within its line, counted from one: noughts are a capture that was not found.
pub(super) type Span = (u32, u32);

/// The captures of one line.
pub(super) type Spans = [Span; MOST];

/// No capture was found.
pub(super) const NONE: Spans = [(0, 0); MOST];

/// Takes what a capture holds.
#[inline]
pub(super) fn cut(line: &[u8], (begin, end): Span) -> Option<&[u8]> {
    line.get(usize::try_from(begin).ok()?.checked_sub(1)?..usize::try_from(end).ok()?.checked_sub(1)?)
}

/// A compiled pattern.
#[derive(Debug)]
pub(super) struct Pattern {
    ops: Vec<Op>,
    names: Vec<String>,
    has_tail: bool,
    quotes: bool,
}

#[derive(Debug)]
enum Op {
    /// Stands there.
    Literal(Vec<u8>),
    /// A capture up to a literal, which is taken too.
    Until {
        slot: usize,
        literal: Vec<u8>,
        /// What must follow the literal, so that one within the field does not end it.
        then: Then,
        /// The literal may be missing: then the capture ends with the line.
        or_end: bool,
    },
    /// A capture whose end is told by what it is.
    Own(usize, Class),
    /// If this literal does not stand there, so many of the next are passed over.
    Maybe(Vec<u8>, usize),
    /// A capture of the rest.
    Rest(usize),
    /// What follows may be missing.
    Optional,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    Any,
    /// A digit or a dash.
    Digit,
    /// This byte or the end.
    ByteOrEnd(u8),
}

impl Then {
    fn holds(self, rest: &[u8]) -> bool {
        match (self, rest.first()) {
            (Self::Any, _) | (Self::ByteOrEnd(_), None) => true,
            (Self::Digit, Some(next)) => next.is_ascii_digit() || *next == b'-',
            (Self::Digit, None) => false,
            (Self::ByteOrEnd(byte), Some(next)) => byte == *next,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    /// Digits, or a dash. Blanks before them are padding.
    Digits,
    /// Up to a blank, a colon or a bracket.
    Tag,
    /// A timestamp.
    Time,
}

impl Class {
    /// Finds where a capture that begins a text begins and ends.
    fn span(self, text: &[u8]) -> Option<(usize, usize)> {
        match self {
            Self::Digits => {
                let padding = text.iter().take_while(|byte| **byte == b' ').count();
                let text = text.get(padding..)?;
                let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
                let taken = if digits == 0 && text.first() == Some(&b'-') { 1 } else { digits };
                (taken > 0).then_some((padding, padding + taken))
            }
            Self::Tag => {
                let end = text.iter().position(|byte| matches!(byte, b' ' | b':' | b'['))?;
                (end > 0).then_some((0, end))
            }
            Self::Time => time::read(text, time::Style::Auto, UTC).map(|(_, taken)| (0, taken)),
        }
    }
}

enum Token {
    Literal(Vec<u8>),
    Capture { slot: usize, class: Option<Class> },
    Optional,
    Open,
    Close,
}

impl Pattern {
    /// Compiles a pattern; says what is wrong with it.
    pub(super) fn compile(text: &str, escape: Escape) -> Result<Self, String> {
        let mut names: Vec<String> = Vec::new();
        let mut tokens = Vec::new();
        let mut has_tail = false;
        let mut rest = text;
        while !rest.is_empty() {
            let Some((literal, after)) = rest.split_once('<') else {
                tokens.push(Token::Literal(rest.as_bytes().to_vec()));
                break;
            };
            // `<<` is a `<` that stands in the line.
            if let Some(after) = after.strip_prefix('<') {
                tokens.push(Token::Literal(format!("{literal}<").into_bytes()));
                rest = after;
                continue;
            }
            if !literal.is_empty() {
                tokens.push(Token::Literal(literal.as_bytes().to_vec()));
            }
            let (name, after) = after.split_once('>').ok_or("a `<` is not closed; `<<` stands for itself")?;
            rest = after;
            if let Some(mark) = match name {
                "?" => Some(Token::Optional),
                "[" => Some(Token::Open),
                "]" => Some(Token::Close),
                _ => None,
            } {
                tokens.push(mark);
                continue;
            }
            let (name, class) = name.split_once(':').unwrap_or((name, ""));
            let fits = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '.' | '-');
            if name != "*" && (name.is_empty() || !name.chars().all(fits)) {
                return Err(format!("`<{name}>` is not a field's name"));
            }
            let class = match class {
                "" => None,
                "int" => Some(Class::Digits),
                "tag" => Some(Class::Tag),
                "time" => Some(Class::Time),
                _ => return Err(format!("`<{name}:{class}>`: a class is `int`, `tag` or `time`")),
            };
            if name != "_" && names.iter().any(|known| known == name) {
                return Err(format!("`<{name}>` stands twice"));
            }
            if name == "*" {
                if !rest.is_empty() {
                    return Err("`<*>` must be the last".to_owned());
                }
                has_tail = true;
            }
            tokens.push(Token::Capture { slot: names.len(), class });
            names.push(name.to_owned());
        }
        if names.len() > MOST {
            return Err(format!("more than {MOST} captures"));
        }
        let mut merged: Vec<Token> = Vec::new();
        for token in tokens {
            match (merged.last_mut(), token) {
                (Some(Token::Literal(before)), Token::Literal(more)) => before.extend(more),
                (_, token) => merged.push(token),
            }
        }
        Ok(Self { ops: ops(merged)?, names, has_tail, quotes: escape.is_of_quotes() })
    }

    /// The captures' names, in order; `_` for those that nobody wants.
    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// The capture that holds `key=value` pairs.
    pub(super) fn tail(&self) -> Option<usize> {
        self.has_tail.then(|| self.names.len().saturating_sub(1))
    }

    /// The literal that always stands before a capture of digits, but for padding.
    pub(super) fn before_digits(&self, slot: usize) -> Option<&[u8]> {
        let is_it = |op: &Op| matches!(op, Op::Own(of, Class::Digits) if *of == slot);
        let at = self.ops.iter().position(is_it)?;
        let before = self.ops.get(..at)?;
        if before.iter().any(|op| matches!(op, Op::Maybe(..))) {
            return None;
        }
        match before.last()? {
            Op::Literal(literal) | Op::Until { literal, or_end: false, .. } => Some(literal),
            Op::Until { .. } | Op::Own(..) | Op::Maybe(..) | Op::Rest(_) | Op::Optional => None,
        }
    }

    /// Takes a line apart up to a capture. Returns whether all that must be there, was there, as far as it went.
    #[inline]
    pub(super) fn run(&self, line: &[u8], last: usize, spans: &mut Spans) -> bool {
        let mut at = 0;
        let mut optional = false;
        let mut skip = 0;
        for op in &self.ops {
            if skip > 0 {
                skip -= 1;
                continue;
            }
            let Some(rest) = line.get(at..) else { return optional };
            let (slot, end, next) = match op {
                Op::Optional => {
                    optional = true;
                    continue;
                }
                Op::Literal(literal) => {
                    if !rest.starts_with(literal) {
                        return optional;
                    }
                    at += literal.len();
                    continue;
                }
                Op::Maybe(literal, count) => {
                    if !rest.starts_with(literal) {
                        skip = *count;
                    }
                    continue;
                }
                Op::Own(slot, class) => {
                    let Some((begin, end)) = class.span(rest) else { return optional };
                    let next = at + end;
                    at += begin;
                    (*slot, next, next)
                }
                Op::Rest(slot) => (*slot, line.len(), line.len()),
                Op::Until { slot, literal, then, or_end } => match self.find(rest, literal, *then) {
                    Some(found) => (*slot, at + found, at + found + literal.len()),
                    None if *or_end || optional => (*slot, line.len(), line.len()),
                    None => return false,
                },
            };
            if let Some(span) = spans.get_mut(slot) {
                *span = (u32::try_from(at + 1).unwrap_or(0), u32::try_from(end + 1).unwrap_or(0));
            }
            if slot == last {
                return true;
            }
            at = next;
        }
        true
    }

    #[inline]
    fn find(&self, text: &[u8], literal: &[u8], then: Then) -> Option<usize> {
        let (&first, more) = literal.split_first()?;
        let mut from = 0;
        // The rare byte is searched: blanks are everywhere.
        if let ([rare], b' ') = (more, first) {
            loop {
                let at = from + memchr(*rare, text.get(from..)?)?;
                from = at + 1;
                if at > 0 && text.get(at - 1) == Some(&first) && then.holds(text.get(from..)?) {
                    return Some(at - 1);
                }
            }
        }
        loop {
            let at = from + memchr(first, text.get(from..)?)?;
            from = at + 1;
            let Some(after) = text.get(from..)?.strip_prefix(more) else { continue };
            if then.holds(after) && !(self.quotes && first == b'"' && is_escaped(text, at)) {
                return Some(at);
            }
        }
    }
}

fn is_escaped(text: &[u8], at: usize) -> bool {
    let before = text.get(..at).unwrap_or_default();
    before.iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1
}

fn ops(tokens: Vec<Token>) -> Result<Vec<Op>, String> {
    let mut ops = Vec::new();
    let mut open: Option<usize> = None;
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match token {
            Token::Optional => ops.push(Op::Optional),
            Token::Literal(literal) => ops.push(Op::Literal(literal)),
            Token::Open => {
                let (Some(Token::Literal(literal)), None) = (tokens.peek(), open) else {
                    return Err("after `<[>` must stand a literal, and not another `<[>`".to_owned());
                };
                open = Some(ops.len());
                ops.push(Op::Maybe(literal.clone(), 0));
            }
            Token::Close => {
                let at = open.take().ok_or("a `<]>` without `<[>`")?;
                let length = ops.len() - at - 1;
                if let Some(Op::Maybe(_, count)) = ops.get_mut(at) {
                    *count = length;
                }
            }
            Token::Capture { slot, class: Some(class) } => ops.push(Op::Own(slot, class)),
            Token::Capture { slot, class: None } => until(slot, &mut tokens, &mut ops)?,
        }
    }
    if open.is_some() { Err("a `<[>` is not closed by `<]>`".to_owned()) } else { Ok(ops) }
}

/// Reads what ends a capture.
fn until(
    slot: usize,
    tokens: &mut std::iter::Peekable<impl Iterator<Item = Token>>,
    ops: &mut Vec<Op>,
) -> Result<(), String> {
    let or_end = tokens.next_if(|token| matches!(token, Token::Optional)).is_some();
    let literal = match tokens.next() {
        None => {
            ops.push(Op::Rest(slot));
            return Ok(());
        }
        Some(Token::Literal(literal)) => literal,
        Some(Token::Capture { .. } | Token::Optional | Token::Open | Token::Close) => {
            return Err("after a capture without a class must stand a literal".to_owned());
        }
    };
    let is_optional = matches!(tokens.peek(), Some(Token::Optional));
    // A line that was cut has no closing quote.
    let may_end = or_end || is_optional || tokens.peek().is_none();
    let mut then = match tokens.peek() {
        Some(Token::Capture { class: Some(Class::Digits), .. }) => Then::Digit,
        None => Then::ByteOrEnd(b' '),
        // After the mark it is the literal that tells what may follow.
        Some(Token::Optional | Token::Capture { .. } | Token::Literal(_) | Token::Open | Token::Close) => Then::Any,
    };
    if is_optional {
        tokens.next();
        if let Some(Token::Literal(after)) = tokens.peek()
            && let Some(byte) = after.first()
        {
            then = Then::ByteOrEnd(*byte);
        }
    }
    ops.push(Op::Until { slot, literal, then, or_end: may_end });
    if is_optional || or_end {
        ops.push(Op::Optional);
    }
    Ok(())
}
