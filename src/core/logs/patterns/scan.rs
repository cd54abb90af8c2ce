//! Takes a message apart: constant words, punctuation, and values, which are what differs from line to line.
//!
//! A value is told by its shape alone, never by a list of what programs say: it holds a digit, it is a path, an address,
//! a date. Neighbouring values are one (`10.0.0.1:80`, `1, 2, 3`, `12 kB`), so that a list's length does not matter.

/// The longest part of a message that is looked at.
pub(super) const LOOKED_AT: usize = 2048;

/// A part of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// A constant word.
    Word(usize, usize),
    /// A punctuation mark.
    Mark(u8, usize),
    /// What differs.
    Value(usize, usize),
}

const ALPHA: u8 = 1;
const DIGIT: u8 = 2;
/// Part of a word: `_ - . # $` and the like.
const JOIN: u8 = 4;
/// Ends a word and counts.
const MARK: u8 = 8;
const SPACE: u8 = 16;
/// `/` and `\`: a path, perhaps.
const SLASH: u8 = 32;
/// `@`
const AT: u8 = 64;
/// Ends a word; begins a port, a drive, a scheme, perhaps.
const COLON: u8 = 128;

static CLASS: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        #[expect(clippy::cast_possible_truncation, reason = "below 256")]
        let b = byte as u8;
        #[expect(clippy::indexing_slicing, reason = "below 256")]
        {
            table[byte] = match b {
                b'a'..=b'z' | b'A'..=b'Z' | 0x80.. => ALPHA,
                b'0'..=b'9' => DIGIT,
                b'/' | b'\\' => SLASH,
                b'@' => AT,
                b':' => COLON,
                b'_' | b'-' | b'.' | b'#' | b'$' | b'+' | b'%' | b'~' | b'*' | b'&' | b'!' | b'?' => JOIN,
                0..=b' ' | 0x7f => SPACE,
                _ => MARK,
            };
        }
        byte += 1;
    }
    table
}

fn class(byte: u8) -> u8 {
    CLASS.get(usize::from(byte)).copied().unwrap_or(SPACE)
}

/// Whether a byte is a mark.
pub(super) fn is_mark_byte(byte: u8) -> bool {
    class(byte) & (MARK | COLON) != 0
}

fn at(line: &[u8], index: usize) -> u8 {
    line.get(index).copied().unwrap_or(0)
}

/// A value that may still grow, with the marks seen since.
#[derive(Default)]
struct Held {
    range: Option<(usize, usize)>,
    marks: [(u8, usize); 2],
    count: usize,
}

impl Held {
    /// Whether the last piece was a value.
    fn is_last(&self) -> bool {
        self.range.is_some() && self.count == 0
    }

    /// Keeps a mark that may stand within a value; says whether it did.
    fn keep(&mut self, mark: u8, index: usize) -> bool {
        if self.range.is_none() || !matches!(mark, b':' | b',') {
            return false;
        }
        let Some(slot) = self.marks.get_mut(self.count) else { return false };
        *slot = (mark, index);
        self.count += 1;
        true
    }

    fn extend(&mut self, from: usize, to: usize) {
        self.range = Some((self.range.map_or(from, |range| range.0), to));
        self.count = 0;
    }

    #[inline]
    fn flush(&mut self, emit: &mut impl FnMut(Piece)) {
        if let Some((from, to)) = self.range.take() {
            emit(Piece::Value(from, to));
            for (mark, index) in self.marks.iter().take(self.count) {
                emit(Piece::Mark(*mark, *index));
            }
        }
        self.count = 0;
    }
}

/// Gives the pieces of a message in order.
pub(super) fn scan(line: &[u8], mut emit: impl FnMut(Piece)) {
    let line = line.get(..LOOKED_AT).unwrap_or(line);
    let mut held = Held::default();
    let mut index = 0;
    let mut after_equals = false;
    while let Some(&byte) = line.get(index) {
        let kind = class(byte);
        if kind == SPACE {
            index += 1;
            continue;
        }
        if kind & (MARK | COLON) != 0 {
            if byte == b':'
                && let Some(end) = short_address(line, index)
            {
                held.extend(index, end);
                index = end;
                continue;
            }
            index += 1;
            // `<1 sec`: as much a value as the number itself.
            if matches!(byte, b'<' | b'>') && class(at(line, index)) == DIGIT {
                continue;
            }
            after_equals = byte == b'=';
            if !held.keep(byte, index - 1) {
                held.flush(&mut emit);
                emit(Piece::Mark(byte, index - 1));
                if is_absent(line, index - 1) {
                    emit(Piece::Value(index, index));
                    after_equals = false;
                }
            }
            continue;
        }
        let start = index;
        let seen;
        (index, seen) = word(line, start);
        let end = trimmed(line, start, index);
        if end == start {
            // Nothing but dots, dashes and the like; between values they are part of a list.
            if held.range.is_none() || !matches!(byte, b'*' | b'-') {
                held.flush(&mut emit);
                emit(Piece::Word(start, index));
            }
            continue;
        }
        let is_value = if seen & (DIGIT | SLASH | AT) == 0 {
            let text = line.get(start..end).unwrap_or_default();
            (end - start <= 9 && is_small_value(line, start, end, held.is_last(), after_equals))
                || is_long_hex(text)
                || (seen & JOIN != 0 && is_host(text))
        } else {
            is_value(line.get(start..end).unwrap_or_default(), seen)
        };
        after_equals = false;
        if is_value {
            held.extend(start, end);
        } else {
            held.flush(&mut emit);
            emit(Piece::Word(start, end));
        }
    }
    held.flush(&mut emit);
}

/// Finds a word's end, and which classes of bytes it has.
#[inline]
fn word(line: &[u8], start: usize) -> (usize, u8) {
    let (mut index, mut seen) = (start, 0);
    if let Some(end) = hex_groups(line, start) {
        // Never a word: the digits may all be letters.
        seen = DIGIT;
        index = end;
    }
    loop {
        let next = at(line, index);
        let kind = class(next);
        if kind & (ALPHA | DIGIT | JOIN | SLASH | AT) != 0 {
            seen |= kind;
            index = if next == b'?' && seen & SLASH != 0 { query(line, index) } else { index + 1 };
        } else if kind == COLON && class(at(line, index + 1)) == SLASH && index > start {
            seen |= SLASH;
            index += 1;
        } else {
            return (index, seen);
        }
    }
}

/// Whether a value is missing after this mark: `key= next=…`, `key=` at the end, `from ()`.
fn is_absent(line: &[u8], index: usize) -> bool {
    let next = at(line, index + 1);
    match at(line, index) {
        b'=' => {
            if !matches!(next, b' ' | b',' | b';' | 0) || index == 0 || class(at(line, index - 1)) == SPACE {
                return false;
            }
            let rest = line.get(index + 1..).unwrap_or_default().trim_ascii_start();
            if next != b' ' || rest.is_empty() {
                return true;
            }
            let name = rest.iter().position(|byte| class(*byte) & (ALPHA | DIGIT | JOIN) == 0);
            name.is_some_and(|end| end > 0 && at(rest, end) == b'=')
        }
        b'(' => next == b')' && index > 0 && class(at(line, index - 1)) == SPACE,
        b'[' => next == b']' && index > 0 && class(at(line, index - 1)) & (SPACE | MARK) != 0,
        _ => false,
    }
}

/// Whether it is a host's full name: `db.example.com`, but not a class's, which begins with what a host's ends with.
fn is_host(word: &[u8]) -> bool {
    let labels = || word.split(|byte| *byte == b'.');
    let common = |label: &[u8]| {
        matches!(
            label,
            b"com"
                | b"org"
                | b"net"
                | b"edu"
                | b"gov"
                | b"mil"
                | b"info"
                | b"biz"
                | b"io"
                | b"dev"
                | b"arpa"
                | b"local"
                | b"lan"
                | b"internal"
                | b"localdomain"
                | b"java"
                | b"javax"
                | b"sun"
        )
    };
    let well_formed = |label: &[u8]| {
        !label.is_empty() && label.iter().all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'-' | b'_'))
    };
    let count = labels().count();
    let (Some(first), Some(last)) = (labels().next(), labels().next_back()) else { return false };
    count > 1 && !common(first) && labels().all(well_formed) && (common(last) || (count > 2 && last.len() == 2))
}

/// Finds the end of an address of at least three groups of hexadecimal digits: MAC, IPv6.
fn hex_groups(line: &[u8], start: usize) -> Option<usize> {
    // Nearly always decided here.
    let near =
        (1..=4).find(|ahead| !at(line, start + ahead - 1).is_ascii_hexdigit() || at(line, start + ahead) == b':')?;
    if at(line, start + near) != b':' || !at(line, start + near - 1).is_ascii_hexdigit() {
        return None;
    }
    let (mut index, mut groups) = (start, 0);
    loop {
        let digits = (0..4).take_while(|ahead| at(line, index + ahead).is_ascii_hexdigit()).count();
        if digits == 0 {
            break;
        }
        groups += 1;
        index += digits;
        let colons = (0..2).take_while(|ahead| at(line, index + ahead) == b':').count();
        if colons == 0 || !at(line, index + colons).is_ascii_hexdigit() {
            break;
        }
        index += colons;
    }
    (groups > 2 && class(at(line, index)) & (ALPHA | DIGIT) == 0).then_some(index)
}

/// Finds the end of an IPv6 address that begins with its zeros left out: `::1`, `::ffff:10.0.0.1`.
fn short_address(line: &[u8], start: usize) -> Option<usize> {
    let begins = start == 0 || class(at(line, start - 1)) & (SPACE | MARK | SLASH) != 0;
    if !begins || at(line, start + 1) != b':' || !at(line, start + 2).is_ascii_hexdigit() {
        return None;
    }
    let rest = line.get(start..)?;
    let length = rest.iter().position(|byte| !byte.is_ascii_hexdigit() && !matches!(byte, b':' | b'.'));
    let end = start + length.unwrap_or(rest.len());
    (class(at(line, end)) & (ALPHA | JOIN) == 0).then_some(end)
}

/// Finds the end of a query string: it may hold marks that would end a word.
fn query(line: &[u8], from: usize) -> usize {
    let ends = |byte: &u8| class(*byte) == SPACE || matches!(byte, b'"' | b'\'' | b')' | b']' | b'>' | b'}');
    line.get(from..).and_then(|rest| rest.iter().position(ends)).map_or(line.len(), |length| from + length)
}

/// A word's end without what ends a sentence.
fn trimmed(line: &[u8], start: usize, mut end: usize) -> usize {
    while end > start && class(at(line, end - 1)) == JOIN && at(line, end - 1) != b'$' && at(line, end - 1) != b'%' {
        end -= 1;
    }
    end
}

/// Whether a word with digits, slashes or an `@` is a value.
fn is_value(word: &[u8], seen: u8) -> bool {
    if seen & DIGIT != 0 {
        return true;
    }
    let first = at(word, 0);
    if seen & AT != 0 {
        return first != b'@' && word.last() != Some(&b'@');
    }
    let slashes = word.iter().filter(|byte| class(**byte) == SLASH).count();
    // `I/O` and `read/write` are words; `/var`, `a/b/c` and `a/b.c` are not.
    (class(first) == SLASH && word.len() > 1) || slashes > 1 || (slashes == 1 && word.contains(&b'.'))
}

/// Whether it is a long run of hexadecimal letters.
fn is_long_hex(word: &[u8]) -> bool {
    word.len() >= 8 && word.iter().all(|byte| matches!(byte, b'a'..=b'f' | b'A'..=b'F'))
}

/// Words that are values where they stand: parts of dates, units after a number, truth and absence after `=`.
fn is_small_value(line: &[u8], start: usize, end: usize, follows: bool, after_equals: bool) -> bool {
    let word = line.get(start..end).unwrap_or_default();
    let mut lower = [0; 9];
    let Some(lower) = lower.get_mut(..word.len()) else { return false };
    lower.copy_from_slice(word);
    lower.make_ascii_lowercase();
    if after_equals
        && matches!(&*lower, b"true" | b"false" | b"null" | b"none" | b"nil" | b"yes" | b"no" | b"undefined" | b"nan")
    {
        return true;
    }
    if follows
        && matches!(
            &*lower,
            b"b" | b"kb"
                | b"mb"
                | b"gb"
                | b"tb"
                | b"kib"
                | b"mib"
                | b"gib"
                | b"ns"
                | b"us"
                | b"ms"
                | b"s"
                | b"sec"
                | b"am"
                | b"pm"
                | b"utc"
                | b"gmt"
                | b"edt"
                | b"est"
                | b"pdt"
                | b"pst"
                | b"cst"
                | b"cdt"
                | b"cet"
                | b"cest"
        )
    {
        return true;
    }
    if !is_date_word(lower) {
        return false;
    }
    // `Dec 10`, `10 Dec`, `Sun Dec 4`
    let next = at(line, end + 1 + usize::from(matches!(at(line, end), b',' | b'.')));
    follows || class(next) == DIGIT || is_date_word(&next_word(line, end + 1))
}

fn next_word(line: &[u8], from: usize) -> Vec<u8> {
    let rest = line.get(from..).unwrap_or_default();
    rest.iter().take(10).take_while(|byte| byte.is_ascii_alphabetic()).map(u8::to_ascii_lowercase).collect()
}

fn is_date_word(lower: &[u8]) -> bool {
    matches!(
        lower,
        b"jan"
            | b"feb"
            | b"mar"
            | b"apr"
            | b"may"
            | b"jun"
            | b"jul"
            | b"aug"
            | b"sep"
            | b"oct"
            | b"nov"
            | b"dec"
            | b"january"
            | b"february"
            | b"march"
            | b"april"
            | b"june"
            | b"july"
            | b"august"
            | b"september"
            | b"october"
            | b"november"
            | b"december"
            | b"mon"
            | b"tue"
            | b"wed"
            | b"thu"
            | b"fri"
            | b"sat"
            | b"sun"
            | b"monday"
            | b"tuesday"
            | b"wednesday"
            | b"thursday"
            | b"friday"
            | b"saturday"
            | b"sunday"
    )
}
