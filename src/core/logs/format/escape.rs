//! What servers do to bytes that would break a line, undone.
use std::borrow::Cow;

use memchr::memchr;
use serde::Deserialize;

/// How a format's fields are escaped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Escape {
    /// Not at all.
    #[default]
    None,
    /// `\x22` for quotes, the backslash, control characters and all from 0x80.
    Nginx,
    /// `\"`, `\\`, `\t`, `\xc3`.
    Apache,
    /// `\"`, `\n`, `\u00e9`.
    Json,
}

impl Escape {
    /// Says whether a quote after a backslash does not end a quoted field.
    pub(super) fn is_of_quotes(self) -> bool {
        matches!(self, Self::Apache | Self::Json)
    }

    /// Undoes it. What is not a right escape stays as it is written.
    pub fn undo(self, text: &[u8]) -> Cow<'_, [u8]> {
        match (self, memchr(b'\\', text)) {
            (Self::None, _) | (_, None) => Cow::Borrowed(text),
            (Self::Json, Some(first)) => Cow::Owned(json(text, first)),
            (Self::Nginx | Self::Apache, Some(first)) => Cow::Owned(hex(text, first)),
        }
    }
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// Undoes escapes from the first backslash on. `one` reads what follows a backslash, and says how much of it is left; where that is
/// no escape, the backslash stays.
fn undo(text: &[u8], first: usize, mut one: impl for<'t> FnMut(&'t [u8], &mut Vec<u8>) -> Option<&'t [u8]>) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let (plain, mut rest) = text.split_at_checked(first).unwrap_or((text, b""));
    out.extend_from_slice(plain);
    while let [byte, after @ ..] = rest {
        rest = after;
        if *byte != b'\\' {
            out.push(*byte);
        } else if let Some(after) = common(rest, &mut out).or_else(|| one(rest, &mut out)) {
            rest = after;
        } else {
            out.push(b'\\');
        }
    }
    out
}

/// Reads the escapes that all servers write alike.
fn common<'t>(text: &'t [u8], out: &mut Vec<u8>) -> Option<&'t [u8]> {
    let (byte, after) = text.split_first()?;
    out.push(match byte {
        b'"' | b'\\' => *byte,
        b't' => b'\t',
        b'n' => b'\n',
        b'r' => b'\r',
        b'b' => 8,
        b'f' => 12,
        _ => return None,
    });
    Some(after)
}

fn hex(text: &[u8], first: usize) -> Vec<u8> {
    undo(text, first, |text, out| match text {
        [b'x', a, b, after @ ..] => {
            out.push(hex_digit(*a)? * 16 + hex_digit(*b)?);
            Some(after)
        }
        [b'v', after @ ..] => {
            out.push(11);
            Some(after)
        }
        _ => None,
    })
}

fn unit(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |value, digit| Some(value * 16 + u32::from(hex_digit(*digit)?)))
}

fn json(text: &[u8], first: usize) -> Vec<u8> {
    undo(text, first, |text, out| match text {
        [b'/', after @ ..] => {
            out.push(b'/');
            Some(after)
        }
        [b'u', after @ ..] => {
            let (letter, after) = unicode(after)?;
            out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
            Some(after)
        }
        _ => None,
    })
}

/// Reads what follows `\u`, a surrogate pair included; half a pair becomes U+FFFD.
fn unicode(text: &[u8]) -> Option<(char, &[u8])> {
    let (digits, rest) = text.split_at_checked(4)?;
    let high = unit(digits)?;
    if (0xD800..0xDC00).contains(&high)
        && let Some((digits, after)) = rest.strip_prefix(b"\\u").and_then(|rest| rest.split_at_checked(4))
        && let Some(low) = unit(digits).filter(|low| (0xDC00..0xE000).contains(low))
    {
        return Some((char::from_u32(0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00))?, after));
    }
    Some((char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER), rest))
}
