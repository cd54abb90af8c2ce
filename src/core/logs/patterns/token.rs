//! A message as numbers: the same tomorrow and on every machine, since ids of templates are made of them.
use super::{
    cluster::{CAPITALS, FIRST_WORD, VALUE},
    scan::{Piece, scan},
};

/// The most tokens of a message that are told apart.
const TOKENS: usize = 160;

/// Returns the part of a message that says what it is: its first line, and the last one of a traceback, which is not
/// indented and names the error.
pub(super) fn subject(message: &[u8]) -> (&[u8], &[u8]) {
    let Some(end) = memchr::memchr(b'\n', message) else { return (message, &[]) };
    let (head, rest) = message.split_at(end);
    let rest = rest.trim_ascii_end();
    let last = memchr::memrchr(b'\n', rest).and_then(|at| rest.get(at + 1..)).unwrap_or_default();
    (head, if last.first().is_some_and(|byte| !byte.is_ascii_whitespace()) { last } else { &[] })
}

/// Numbers a message's shape. The hot path: runs once a record.
pub(super) fn shape_hash(message: &[u8]) -> u64 {
    let (head, last) = subject(message);
    let mut hash = 0x243f_6a88_85a3_08d3;
    let mut count = 0;
    for line in [head, last] {
        if line.is_empty() {
            continue;
        }
        scan(line, |piece| {
            count += 1;
            if count <= TOKENS {
                let token = match piece {
                    Piece::Word(from, to) => word_hash(line.get(from..to).unwrap_or_default()),
                    Piece::Mark(mark, _) => u64::from(mark),
                    Piece::Value(..) => VALUE,
                };
                hash = fold(hash, token);
            }
        });
    }
    finish(hash)
}

/// Returns a message's tokens.
pub(super) fn tokens(message: &[u8]) -> Vec<u64> {
    let (head, last) = subject(message);
    let mut tokens = Vec::new();
    for line in [head, last] {
        scan(line, |piece| {
            tokens.push(match piece {
                Piece::Word(from, to) => word(line.get(from..to).unwrap_or_default()),
                Piece::Mark(mark, _) => u64::from(mark),
                Piece::Value(..) => VALUE,
            });
        });
    }
    tokens.truncate(TOKENS);
    tokens
}

/// Numbers tokens: what a template's id is.
pub(super) fn tokens_hash(tokens: &[u64]) -> u64 {
    finish(tokens.iter().fold(0x4528_21e6_38d0_1377, |hash, token| fold(hash, *token)))
}

/// A word's token.
pub(super) fn word(word: &[u8]) -> u64 {
    let capitals =
        word.len() > 1 && word.iter().any(u8::is_ascii_uppercase) && !word.iter().any(u8::is_ascii_lowercase);
    let hash = word_hash(word) & !CAPITALS;
    let hash = if hash < FIRST_WORD { hash + FIRST_WORD } else { hash };
    if capitals { hash | CAPITALS } else { hash }
}

fn word_hash(word: &[u8]) -> u64 {
    let mut hash = 0x1319_8a2e_0370_7344 ^ word.len() as u64;
    let mut chunks = word.chunks_exact(8);
    for chunk in &mut chunks {
        hash = fold(hash, chunk.try_into().map_or(0, u64::from_le_bytes));
    }
    let rest = chunks.remainder().iter().fold(0, |rest, byte| rest << 8 | u64::from(*byte));
    finish(fold(hash, rest))
}

fn fold(hash: u64, token: u64) -> u64 {
    (hash.rotate_left(5) ^ token).wrapping_mul(0x517c_c1b7_2722_0a95)
}

fn finish(hash: u64) -> u64 {
    let hash = (hash ^ (hash >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    hash ^ (hash >> 32)
}

/// Whether a template with values covers a message or another template. A value covers one token or more.
pub(super) fn covers(template: &[u64], tokens: &[u64]) -> bool {
    // The usual matching of globs: after a mismatch the last value takes one token more.
    let (mut at, mut from) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    loop {
        let here = template.get(at).copied();
        match (here, tokens.get(from).copied()) {
            (None, None) => return true,
            (Some(VALUE), Some(_)) => {
                retry = Some((at, from));
                at += 1;
                from += 1;
                continue;
            }
            (Some(want), Some(have)) if want == have => {
                at += 1;
                from += 1;
                continue;
            }
            _ => {}
        }
        let Some((value, taken)) = retry else { return false };
        // A mark ends a value; without this `<*>` at the end would cover every longer message.
        if tokens.get(taken + 1).is_none_or(|token| *token != VALUE && *token < FIRST_WORD) {
            return false;
        }
        retry = Some((value, taken + 1));
        at = value + 1;
        from = taken + 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_shape_has_the_same_number() {
        let same = |a: &str, b: &str| shape_hash(a.as_bytes()) == shape_hash(b.as_bytes());
        assert!(same("took 12 ms", "took 3 s"));
        assert!(same("peer 10.0.0.1:80 left", "peer 2001:db8::1 left"));
        assert!(same("from 00:1a:2b:3c:4d:5e ok", "from ac:de:fa:ce:ab:cd ok"));
        assert!(same("GET /a/b?x=1&y=2 done", "GET /c done"));
        assert!(same("ids 1, 2, 3 done", "ids 7 done"));
        assert!(same("user= host=a1 x", "user=7 host=b2 x"));
        assert!(same("mail to ana@example.com sent", "mail to b.c@d.org sent"));
        assert!(same("host db.example.com is up", "host 10.1.2.3 is up"));
        assert!(same("at Sun Dec 4 04:47:44 2005 up", "at 2005-12-04T04:47:44Z up"));
        assert!(same("req 550e8400-e29b-41d4-a716-446655440000 in", "req 17 in"));
        assert!(same("open C:\\Windows\\x.log ok", "open /var/log/x ok"));
        assert!(!same("session opened for x", "session closed for x"));
        assert!(!same("java.lang.NullPointerException", "java.io.IOException"));
    }

    #[test]
    fn a_traceback_is_told_by_its_first_and_last_line() {
        let hash = |text: &str| shape_hash(text.as_bytes());
        let head = "Traceback (most recent call last):\n  File \"a.py\", line 3\n";
        assert_ne!(hash(&format!("{head}ValueError: no")), hash(&format!("{head}KeyError: no")));
        assert_eq!(hash("boom\n\tat a.B(C.java:1)\n\tat x"), hash("boom\n\tat other"));
    }

    #[test]
    fn a_template_covers_what_it_came_from_and_nothing_longer() {
        let of = |text: &str| tokens(text.as_bytes());
        let template = of("user 1 came from 2");
        assert!(covers(&template, &of("user ana came from home")));
        assert!(covers(&template, &of("user ana maria came from home")));
        assert!(!covers(&template, &of("user ana left from home")));
        assert!(!covers(&template, &of("user ana came from home: with a friend")));
        assert!(covers(&of("x 1"), &of("x 1")));
    }
}
