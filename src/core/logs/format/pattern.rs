//! Lines taken apart at their delimiters: `<client> - <user> [<time>] "<request>" <status:int>`.
//!
//! `<name>` takes what stands before the next literal, `<name:int>` digits or a dash, `<_>` what nobody wants. What follows
//! `<?>` may be missing. `<*>` at the end takes `key=value` pairs.
use memchr::memchr;

use super::escape::Escape;

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
    /// A capture of digits, or a dash.
    Digits(usize),
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

enum Token {
    Literal(Vec<u8>),
    Capture { slot: usize, digits: bool },
    Optional,
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
            if name == "?" {
                tokens.push(Token::Optional);
                continue;
            }
            let (name, class) = name.split_once(':').unwrap_or((name, ""));
            let fits = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '.' | '-');
            if name != "*" && (name.is_empty() || !name.chars().all(fits)) {
                return Err(format!("`<{name}>` is not a field's name"));
            }
            if !matches!(class, "" | "int") {
                return Err(format!("`<{name}:{class}>`: the only class is `int`"));
            }
            if name != "_" && names.iter().any(|known| known == name) {
                return Err(format!("`<{name}>` stands twice"));
            }
            if name == "*" {
                if !rest.is_empty() {
                    return Err("`<*>` must be the last".to_owned());
                }
                has_tail = true;
            }
            tokens.push(Token::Capture { slot: names.len(), digits: class == "int" });
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

    /// Takes a line apart up to a capture. Returns whether all that must be there, was there, as far as it went.
    #[inline]
    pub(super) fn run(&self, line: &[u8], last: usize, spans: &mut Spans) -> bool {
        let mut at = 0;
        let mut optional = false;
        for op in &self.ops {
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
                Op::Digits(slot) => {
                    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
                    let end = if digits == 0 && rest.first() == Some(&b'-') { 1 } else { digits };
                    if end == 0 {
                        return optional;
                    }
                    (*slot, at + end, at + end)
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
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match token {
            Token::Optional => ops.push(Op::Optional),
            Token::Literal(literal) => ops.push(Op::Literal(literal)),
            Token::Capture { slot, digits: true } => ops.push(Op::Digits(slot)),
            Token::Capture { slot, digits: false } => {
                let or_end = tokens.next_if(|token| matches!(token, Token::Optional)).is_some();
                let literal = match tokens.next() {
                    None => {
                        ops.push(Op::Rest(slot));
                        continue;
                    }
                    Some(Token::Literal(literal)) => literal,
                    Some(Token::Capture { .. } | Token::Optional) => {
                        return Err("two captures must have a literal between them".to_owned());
                    }
                };
                let is_optional = matches!(tokens.peek(), Some(Token::Optional));
                // A line that was cut has no closing quote.
                let may_end = or_end || is_optional || tokens.peek().is_none();
                let then = match tokens.peek() {
                    Some(Token::Capture { digits: true, .. }) => Then::Digit,
                    None => Then::ByteOrEnd(b' '),
                    // After the mark it is the literal that tells what may follow.
                    Some(Token::Optional | Token::Capture { .. } | Token::Literal(_)) => Then::Any,
                };
                ops.push(Op::Until { slot, literal, then, or_end: may_end });
                if is_optional {
                    tokens.next();
                    if let (Some(Token::Literal(after)), Some(Op::Until { then, .. })) = (tokens.peek(), ops.last_mut())
                        && let Some(byte) = after.first()
                    {
                        *then = Then::ByteOrEnd(*byte);
                    }
                    ops.push(Op::Optional);
                } else if or_end {
                    let last = ops.len().saturating_sub(1);
                    ops.insert(last + 1, Op::Optional);
                }
            }
        }
    }
    Ok(ops)
}
