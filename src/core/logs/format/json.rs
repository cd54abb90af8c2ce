//! JSON records, skimmed: only wanted keys are looked at, and nothing is built.
//!
//! Lenient on purpose: servers write `"status":009`, cut lines, put raw bytes ≥ 0x80 into strings. What cannot be read ends the
//! record there.
use std::borrow::Cow;

use super::escape::Escape;

/// A value as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Value<'a> {
    /// Its text: of a string what stands between the quotes, escaped.
    pub(super) text: &'a [u8],
    /// Which kind of value.
    pub(super) is: Is,
}

/// Which kind of value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Is {
    /// A string.
    Text,
    /// A number, `true`, `false`, or something that no JSON has.
    Bare,
    /// `null`.
    Null,
    /// An object.
    Object,
    /// An array.
    Array,
}

impl<'a> Value<'a> {
    /// Its text, unescaped. Null is nothing; an array of numbers below 256 is the bytes it spells, as journald writes them.
    pub(super) fn bytes(self) -> Option<Cow<'a, [u8]>> {
        match self.is {
            Is::Null => None,
            Is::Text => Some(Escape::Json.undo(self.text)),
            Is::Bare | Is::Object => Some(Cow::Borrowed(self.text)),
            Is::Array => Some(bytes_of(self.text).map_or(Cow::Borrowed(self.text), Cow::Owned)),
        }
    }
}

/// Reads `[27,91,51]` as bytes; none when it is anything else.
fn bytes_of(text: &[u8]) -> Option<Vec<u8>> {
    let inner = text.strip_prefix(b"[")?.strip_suffix(b"]")?;
    if inner.trim_ascii().is_empty() {
        return None;
    }
    let number = |part: &[u8]| std::str::from_utf8(part.trim_ascii()).ok()?.parse::<u8>().ok();
    inner.split(|byte| *byte == b',').map(number).collect()
}

/// Says whether a text may be an object: it begins with a brace.
pub(super) fn is_object(text: &[u8]) -> bool {
    text.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{')
}

#[inline]
fn skip_blank(text: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\t' | b'\r' | b'\n') = text.get(at) {
        at += 1;
    }
    at
}

/// Finds the quote that ends a string which begins at `at`. Eight bytes at a time: most strings are short.
#[inline]
pub(super) fn string_end(text: &[u8], mut at: usize) -> Option<usize> {
    const LOW: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let holds_zero = |word: u64| word.wrapping_sub(LOW) & !word & HIGH;
    loop {
        while let Some(chunk) = text.get(at..at + 8).and_then(|chunk| <[u8; 8]>::try_from(chunk).ok()) {
            let word = u64::from_le_bytes(chunk);
            let hits = holds_zero(word ^ (LOW * u64::from(b'"'))) | holds_zero(word ^ (LOW * u64::from(b'\\')));
            if hits != 0 {
                // Only the lowest hit is sure: a borrow may fake those above it.
                at += usize::try_from(hits.trailing_zeros() / 8).unwrap_or(0);
                break;
            }
            at += 8;
        }
        match text.get(at)? {
            b'"' => return Some(at),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// Finds the end of an object or array that begins at `at`.
fn nested_end(text: &[u8], mut at: usize) -> usize {
    let mut depth = 0_u32;
    while let Some(byte) = text.get(at) {
        at += 1;
        match byte {
            b'"' => match string_end(text, at) {
                Some(end) => at = end + 1,
                None => return text.len(),
            },
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at;
                }
            }
            _ => {}
        }
    }
    text.len()
}

/// Reads the value that begins at `at`; returns it and where it ends.
#[inline]
fn value(text: &[u8], at: usize) -> Option<(Value<'_>, usize)> {
    match text.get(at)? {
        b'"' => {
            // A cut line ends within its string.
            let end = string_end(text, at + 1).unwrap_or(text.len());
            Some((Value { text: text.get(at + 1..end)?, is: Is::Text }, (end + 1).min(text.len())))
        }
        open @ (b'{' | b'[') => {
            let end = nested_end(text, at);
            let is = if *open == b'{' { Is::Object } else { Is::Array };
            Some((Value { text: text.get(at..end)?, is }, end))
        }
        _ => {
            let rest = text.get(at..)?;
            let ends = |byte: &u8| matches!(byte, b',' | b'}' | b']' | b' ' | b'\t' | b'\r' | b'\n');
            let end = at + rest.iter().position(ends).unwrap_or(rest.len());
            let text = text.get(at..end)?;
            let is = if text == b"null" { Is::Null } else { Is::Bare };
            (!text.is_empty()).then_some((Value { text, is }, end))
        }
    }
}

/// Goes through the members of an object until `visit` says that it has enough. Keys are as written.
///
/// Returns false when the text is no object up to there.
#[inline]
pub(super) fn members<'a>(text: &'a [u8], mut visit: impl FnMut(&'a [u8], Value<'a>) -> bool) -> bool {
    let mut at = skip_blank(text, 0);
    if text.get(at) != Some(&b'{') {
        return false;
    }
    at += 1;
    loop {
        at = skip_blank(text, at);
        match text.get(at) {
            Some(b'"') => {}
            Some(b',') => {
                at += 1;
                continue;
            }
            other => return other == Some(&b'}'),
        }
        let Some(end) = string_end(text, at + 1) else { return false };
        let Some(key) = text.get(at + 1..end) else { return false };
        at = end + 1;
        if text.get(at) != Some(&b':') {
            at = skip_blank(text, at);
            if text.get(at) != Some(&b':') {
                return false;
            }
        }
        at += 1;
        if text.get(at).is_some_and(u8::is_ascii_whitespace) {
            at = skip_blank(text, at);
        }
        let Some((value, end)) = value(text, at) else { return false };
        at = end;
        if visit(key, value) {
            return true;
        }
    }
}

/// Goes through the parts of an array.
fn parts(text: &[u8], index: usize) -> Option<Value<'_>> {
    let mut at = skip_blank(text, 1);
    let mut number = 0;
    loop {
        let (value, end) = value(text, at)?;
        if number == index {
            return Some(value);
        }
        number += 1;
        at = skip_blank(text, end);
        if text.get(at) != Some(&b',') {
            return None;
        }
        at = skip_blank(text, at + 1);
    }
}

/// Finds a value by a path with dots. A key that has dots itself is found too.
pub(super) fn get<'a>(text: &'a [u8], path: &[u8]) -> Option<Value<'a>> {
    let mut found = None;
    members(text, |key, value| {
        if key == path {
            found = Some(value);
        } else if let Some(rest) = path.strip_prefix(key).and_then(|rest| rest.strip_prefix(b".")) {
            found = found.or_else(|| below(value, rest));
            return false;
        } else {
            return false;
        }
        true
    });
    found
}

/// Most paths that [`get_each`] looks for.
pub(super) const PATHS: usize = 32;

/// As [`get`] for several paths, going through the text once. Paths beyond [`PATHS`] are not looked for.
pub(super) fn get_each<'a>(text: &'a [u8], paths: &[&[u8]], found: &mut [Option<Value<'a>>; PATHS]) {
    let mut missing = paths.len().min(PATHS);
    let mut whole = [false; PATHS];
    members(text, |key, value| {
        for ((path, found), whole) in paths.iter().zip(found.iter_mut()).zip(&mut whole) {
            if *whole || path.first() != key.first() {
                continue;
            }
            if key == *path {
                (*found, *whole) = (Some(value), true);
                missing -= 1;
            } else if let Some(rest) = path.strip_prefix(key).and_then(|rest| rest.strip_prefix(b".")) {
                *found = found.or_else(|| below(value, rest));
            }
        }
        missing == 0
    });
}

fn below<'a>(value: Value<'a>, rest: &[u8]) -> Option<Value<'a>> {
    match value.is {
        Is::Object => get(value.text, rest),
        Is::Array => {
            let (first, more) = match memchr::memchr(b'.', rest).and_then(|dot| rest.split_at_checked(dot)) {
                Some((first, more)) => (first, more.strip_prefix(b".")),
                None => (rest, None),
            };
            let part = parts(value.text, std::str::from_utf8(first).ok()?.parse().ok()?)?;
            match more {
                Some(more) => below(part, more),
                None => Some(part),
            }
        }
        Is::Text | Is::Bare | Is::Null => None,
    }
}

/// Most fields that one record is spread into.
const MOST: usize = 512;

/// Spreads an object into paths and values, in the order written.
pub(super) fn all<'a>(text: &'a [u8], above: &str, out: &mut Vec<(Cow<'a, str>, Cow<'a, [u8]>)>, depth: u8) -> bool {
    members(text, |key, value| {
        let key = match Escape::Json.undo(key) {
            Cow::Borrowed(key) => String::from_utf8_lossy(key),
            Cow::Owned(key) => Cow::Owned(String::from_utf8_lossy(&key).into_owned()),
        };
        let key = if above.is_empty() { key } else { Cow::Owned(format!("{above}.{key}")) };
        if value.is == Is::Object && depth < 8 {
            all(value.text, &key, out, depth + 1);
        } else {
            out.push((key, value.bytes().unwrap_or(Cow::Borrowed(b"null"))));
        }
        out.len() >= MOST
    })
}

/// Keys that are wanted for several purposes at once, in one pass over a record.
#[derive(Debug, Default)]
pub(super) struct Wants {
    /// Whole keys, by their length modulo 32.
    flat: [Vec<Want>; 32],
    /// Paths that lead into objects.
    nested: Vec<Want>,
    /// Bit n: purpose n wants something.
    all: u8,
}

#[derive(Clone, Debug)]
struct Want {
    path: Box<[u8]>,
    purpose: usize,
    rank: usize,
}

/// Most purposes of one pass.
pub(super) const PURPOSES: usize = 5;

/// The best value for each purpose, and which of its keys it stands under.
pub(super) type Found<'a> = [Option<(usize, Value<'a>)>; PURPOSES];

impl Wants {
    /// Gathers paths by purpose; within one, the first that a record has wins.
    pub(super) fn new(purposes: [&[String]; PURPOSES]) -> Self {
        let mut all = Self::default();
        for (purpose, paths) in purposes.iter().enumerate() {
            for (rank, path) in paths.iter().enumerate() {
                let want = Want { path: path.as_bytes().into(), purpose, rank };
                if path.contains('.') {
                    all.nested.push(want.clone());
                }
                if let Some(bucket) = all.flat.get_mut(path.len() % 32) {
                    bucket.push(want);
                }
                all.all |= 1 << purpose;
            }
        }
        all
    }

    /// Finds for each purpose the value of its best key.
    #[inline]
    pub(super) fn find<'a>(&self, text: &'a [u8]) -> Found<'a> {
        let mut found: Found<'a> = [None; PURPOSES];
        let mut missing = self.all;
        members(text, |key, value| {
            for want in self.flat.get(key.len() % 32).into_iter().flatten() {
                if *want.path == *key {
                    note(&mut found, &mut missing, want, value);
                }
            }
            if value.is == Is::Object {
                for want in &self.nested {
                    if let Some(rest) = want.path.strip_prefix(key).and_then(|rest| rest.strip_prefix(b"."))
                        && let Some(value) = get(value.text, rest)
                    {
                        note(&mut found, &mut missing, want, value);
                    }
                }
            }
            missing == 0
        });
        found
    }
}

#[inline]
fn note<'a>(found: &mut Found<'a>, missing: &mut u8, want: &Want, value: Value<'a>) {
    if value.is == Is::Null {
        return;
    }
    if let Some(slot) = found.get_mut(want.purpose)
        && slot.is_none_or(|(rank, _)| want.rank < rank)
    {
        *slot = Some((want.rank, value));
        if want.rank == 0 {
            *missing &= !(1 << want.purpose);
        }
    }
}
