//! What a line without fields tells: its level, and whether it goes on with the one before.
use super::Level;

/// How far a level is looked for.
const FAR: usize = 200;

/// Infers a level from the words of a text: `ERROR`, `[warn]`, `level=error`, `panic:`, `TypeError:`. Cheap and cautious: a word in
/// a sentence is none.
pub fn level(text: &[u8]) -> Level {
    let near = text.get(..FAR).unwrap_or(text);
    let mut at = 0;
    let mut weak = Level::Unknown;
    let mut is_first = true;
    while let Some(byte) = near.get(at) {
        if *byte == 0x1b {
            at = after_escape(near, at);
            continue;
        }
        if !byte.is_ascii_alphabetic() {
            at += 1;
            continue;
        }
        let rest = near.get(at..).unwrap_or_default();
        let length = rest.iter().position(|byte| !is_of_word(*byte)).unwrap_or(rest.len());
        let word = rest.get(..length).unwrap_or_default();
        let before = at.checked_sub(1).and_then(|at| near.get(at)).copied();
        let after = near.get(at + length).copied();
        // The final letter of a colour's escape sequence has been passed over already.
        if (3..=64).contains(&length) && near.len() >= at + length {
            if let Some(level) = strong(word, before, after, rest.get(length..).unwrap_or_default(), is_first) {
                return level;
            }
            if weak == Level::Unknown && is_thrown(word, after) {
                weak = Level::Error;
            }
        }
        is_first = false;
        at += length;
    }
    weak
}

fn is_of_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-' | b'/' | b'\\')
}

fn after_escape(text: &[u8], at: usize) -> usize {
    let Some(b'[') = text.get(at + 1) else { return at + 1 };
    let rest = text.get(at + 2..).unwrap_or_default();
    at + 2 + rest.iter().position(|byte| (0x40..=0x7e).contains(byte)).map_or(rest.len(), |end| end + 1)
}

fn strong(word: &[u8], before: Option<u8>, after: Option<u8>, rest: &[u8], is_first: bool) -> Option<Level> {
    if word.len() > 13 {
        return None;
    }
    let opens =
        matches!(before, None | Some(b' ' | b'\t' | b'[' | b'<' | b'(' | b'|' | b':' | b',' | b'm' | b'"' | b'='));
    let closes = matches!(after, None | Some(b' ' | b'\t' | b']' | b'>' | b')' | b'|' | b':' | b',' | b'"' | 0x1b));
    if !opens || !closes {
        return key(word, rest);
    }
    if word.iter().all(u8::is_ascii_uppercase) {
        // A bare `ERR` or `LOG` in capitals is a level, too; one letter is not looked at here.
        return Level::parse(word).filter(|level| *level != Level::Unknown && word != b"HTTP");
    }
    let in_brackets =
        matches!((before, after), (Some(b'['), Some(b']')) | (Some(b'<'), Some(b'>')) | (Some(b'('), Some(b')')));
    if in_brackets || (is_first && after == Some(b':')) {
        return Level::parse(word).filter(|level| *level != Level::Unknown && !word.eq_ignore_ascii_case(b"http"));
    }
    match word {
        b"panicked" | b"Traceback" => Some(Level::Error),
        // `PHP Fatal error:  Uncaught …`
        b"Fatal" if rest.starts_with(b" error:") => Some(Level::Fatal),
        b"Warning" | b"Notice" if after == Some(b':') => Level::parse(word),
        _ => key(word, rest),
    }
}

/// Reads `level=error`, `"level":"error"`, `severity: warn`.
fn key(word: &[u8], rest: &[u8]) -> Option<Level> {
    if !matches!(word, b"level" | b"lvl" | b"severity" | b"loglevel" | b"log_level" | b"Level" | b"log.level") {
        return None;
    }
    let value = rest.strip_prefix(b"\"").or(rest.strip_prefix(b"\\\"")).unwrap_or(rest);
    let value = value.strip_prefix(b"=").or(value.strip_prefix(b":"))?;
    let begin = value.iter().position(|byte| !matches!(byte, b' ' | b'"' | b'\\'))?;
    let value = value.get(begin..)?;
    let end = value.iter().position(|byte| !byte.is_ascii_alphabetic()).unwrap_or(value.len());
    Level::parse(value.get(..end)?)
}

/// `TypeError:`, `java.lang.IllegalStateException`: something was thrown.
fn is_thrown(word: &[u8], after: Option<u8>) -> bool {
    let ends = matches!(after, Some(b':')) || (after.is_none() && word.contains(&b'.'));
    ends && word.first().is_some_and(u8::is_ascii_alphabetic)
        && (word.ends_with(b"Error") || word.ends_with(b"Exception"))
        && !word.contains(&b'/')
}

/// Says whether a line goes on with a stack trace or an indented text: it cannot stand alone.
pub fn continues(line: &[u8]) -> bool {
    let Some(first) = line.first() else { return true };
    match first {
        b' ' | b'\t' | b'\r' => true,
        b'}' | b')' | b']' | b'"' => {
            line.iter().all(|byte| matches!(byte, b'}' | b')' | b']' | b'"' | b',' | b';' | b' ' | b'\r'))
        }
        b'C' => line.starts_with(b"Caused by: "),
        b'S' => line.starts_with(b"Suppressed: ") || line.starts_with(b"Stack trace:"),
        b'a' => line.starts_with(b"at ") && line.ends_with(b")"),
        b'.' => line.starts_with(b"... "),
        b'[' => {
            [&b"[stacktrace]"[..], b"[previous exception]", b"[cause]:"].iter().any(|begin| line.starts_with(begin))
        }
        b'#' => {
            let digits = line.iter().skip(1).take_while(|byte| byte.is_ascii_digit()).count();
            digits > 0 && line.get(digits + 1) == Some(&b' ')
        }
        _ => false,
    }
}
