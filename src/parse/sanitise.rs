//! The sanitiser: the only way by which bytes from outside become text for the screen.
//!
//! What comes out holds no control character (C0, DEL, C1), no escape sequence, no character that reorders text (bidi
//! marks, embeddings, overrides and isolates) and none that is invisible (zero width, soft hyphen, byte order mark,
//! variation selectors, tags, fillers). Bytes that are no UTF-8 become `�`. A terminated escape sequence goes as a
//! whole, payload included; one that never ends loses only its introducer, so that it cannot hide the text after it.
//! Tabs become spaces up to the next multiple of eight. All functions are linear in what they read, bounded in what
//! they return, and idempotent.

/// Most characters that [`line()`] returns.
pub const MAX_LINE: usize = 4_096;
/// Most characters that [`name`] returns.
pub const MAX_NAME: usize = 256;
/// Most characters that [`text`] returns.
pub const MAX_TEXT: usize = 256 * 1024;

const TAB: usize = 8;
const CUT: char = '…';
/// Stands for a line break where only one line may be shown.
const BREAK: char = '⏎';

/// Makes one line of at most [`MAX_LINE`] characters: inner line breaks become `⏎`, a last one goes.
pub fn line(bytes: impl AsRef<[u8]>) -> String {
    line_max(bytes, MAX_LINE)
}

/// Makes one short line, for names, versions and states.
pub fn name(bytes: impl AsRef<[u8]>) -> String {
    line_max(bytes, MAX_NAME)
}

/// Makes one line of at most `max_chars` characters; what was cut shows as a last `…`.
pub fn line_max(bytes: impl AsRef<[u8]>, max_chars: usize) -> String {
    clean(trim_break(bytes.as_ref()), max_chars, BREAK)
}

/// Makes text of at most [`MAX_TEXT`] characters, whose only control character is `\n`.
pub fn text(bytes: impl AsRef<[u8]>) -> String {
    text_max(bytes, MAX_TEXT)
}

/// Makes text of at most `max_chars` characters, whose only control character is `\n`.
pub fn text_max(bytes: impl AsRef<[u8]>, max_chars: usize) -> String {
    clean(bytes.as_ref(), max_chars, '\n')
}

/// Splits into at most `max_lines` lines of at most `max_chars` characters each; the rest is left out.
pub fn lines(bytes: impl AsRef<[u8]>, max_lines: usize, max_chars: usize) -> Vec<String> {
    trim_break(bytes.as_ref())
        .split(|byte| *byte == b'\n')
        .take(max_lines)
        .map(|one| line_max(one, max_chars))
        .collect()
}

/// Writes JSON such that a terminal takes nothing of it for a command: what is not safe stands there as its escape (`\u001b`), and
/// means the same to whoever reads the JSON. Line breaks between values stay.
pub fn json(text: &str) -> std::borrow::Cow<'_, str> {
    let harmless = |c: char| c == '\n' || is_safe(c);
    if text.chars().all(harmless) {
        return text.into();
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if harmless(c) {
            safe.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            safe.push_str("\\u");
            safe.extend((0..4).rev().filter_map(|digit| char::from_digit(u32::from(*unit >> (digit * 4) & 15), 16)));
        }
    }
    safe.into()
}

/// Says whether a character may reach the terminal; `\n` may not, the caller lays out lines.
pub fn is_safe(c: char) -> bool {
    !c.is_control() && !is_hidden(c) && !matches!(c, '\u{2028}' | '\u{2029}')
}

/// Says whether a character is invisible or reorders its neighbours.
///
/// Unicode's format characters and default-ignorable code points, as of Unicode 16.
fn is_hidden(c: char) -> bool {
    matches!(c,
        '\u{AD}' | '\u{34F}' | '\u{600}'..='\u{605}' | '\u{61C}' | '\u{6DD}' | '\u{70F}' | '\u{890}' | '\u{891}' | '\u{8E2}'
        | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}'
        | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}'
        | '\u{FFF0}'..='\u{FFFB}' | '\u{110BD}' | '\u{110CD}' | '\u{13430}'..='\u{1343F}' | '\u{1BCA0}'..='\u{1BCA3}'
        | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E0FFF}')
}

fn trim_break(bytes: &[u8]) -> &[u8] {
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    bytes.strip_suffix(b"\r").unwrap_or(bytes)
}

/// Decodes without a copy and without reading further than asked.
fn decode(bytes: &[u8]) -> impl Iterator<Item = char> + Clone {
    bytes.utf8_chunks().flat_map(|chunk| {
        let bad = if chunk.invalid().is_empty() { None } else { Some(char::REPLACEMENT_CHARACTER) };
        chunk.valid().chars().chain(bad)
    })
}

fn clean(bytes: &[u8], max_chars: usize, line_break: char) -> String {
    if bytes.len() <= max_chars
        && bytes.iter().all(|byte| (b' '..=b'~').contains(byte))
        && let Ok(plain) = std::str::from_utf8(bytes)
    {
        return plain.to_owned();
    }
    let mut out =
        Bounded { text: String::with_capacity(bytes.len().min(max_chars)), chars: 0, column: 0, max: max_chars };
    let mut rest = decode(bytes);
    while let Some(c) = rest.next() {
        let fits = match c {
            '\x1b' => {
                skip_escape(&mut rest);
                true
            }
            '\u{9b}' => {
                skip_csi(&mut rest);
                true
            }
            '\u{90}' | '\u{98}' | '\u{9d}'..='\u{9f}' => {
                skip_string(&mut rest);
                true
            }
            '\t' => out.pad(),
            '\n' | '\u{85}' | '\u{2028}' | '\u{2029}' => out.line_break(line_break),
            '\r' => {
                let mut ahead = rest.clone();
                if ahead.next() == Some('\n') {
                    rest = ahead;
                }
                out.line_break(line_break)
            }
            _ if is_safe(c) => out.push(c),
            _ => true,
        };
        if !fits {
            break;
        }
    }
    out.text
}

/// Takes what follows ESC: a control sequence, a string, or an escape of its own.
fn skip_escape(rest: &mut (impl Iterator<Item = char> + Clone)) {
    let mut ahead = rest.clone();
    match ahead.next() {
        Some('[') => {
            *rest = ahead;
            skip_csi(rest);
        }
        Some(']' | 'P' | 'X' | '^' | '_') => {
            *rest = ahead;
            skip_string(rest);
        }
        Some(' '..='/') => {
            while matches!(ahead.clone().next(), Some(' '..='/')) {
                ahead.next();
            }
            if matches!(ahead.next(), Some('0'..='~')) {
                *rest = ahead;
            }
        }
        Some('0'..='~') => *rest = ahead,
        Some(_) | None => {}
    }
}

/// Takes parameters, intermediates and the final byte (ECMA-48 §5.4); what is no sequence stays as text.
fn skip_csi(rest: &mut (impl Iterator<Item = char> + Clone)) {
    let mut ahead = rest.clone();
    // A sequence that a terminal would act on is short; the bound keeps a line of digits readable.
    for _ in 0..256 {
        match ahead.next() {
            Some(' '..='?') => {}
            Some('@'..='~') => {
                *rest = ahead;
                return;
            }
            Some(_) | None => return,
        }
    }
}

/// Takes the payload of OSC, DCS, SOS, PM or APC, if it is terminated by BEL or ST before any other control character.
fn skip_string(rest: &mut (impl Iterator<Item = char> + Clone)) {
    let mut ahead = rest.clone();
    while let Some(c) = ahead.next() {
        match c {
            '\x07' | '\u{9c}' => {
                *rest = ahead;
                return;
            }
            '\x1b' => {
                if ahead.next() == Some('\\') {
                    *rest = ahead;
                }
                return;
            }
            _ if c.is_control() => return,
            _ => {}
        }
    }
}

struct Bounded {
    text: String,
    chars: usize,
    column: usize,
    max: usize,
}

impl Bounded {
    /// Adds a character; when there is no room, turns the last one into `…` and says no.
    fn push(&mut self, c: char) -> bool {
        if self.chars >= self.max {
            if self.text.pop().is_some() {
                self.text.push(CUT);
            }
            return false;
        }
        self.text.push(c);
        self.chars += 1;
        self.column += 1;
        true
    }

    fn pad(&mut self) -> bool {
        let spaces = TAB - self.column % TAB;
        (0..spaces).all(|_| self.push(' '))
    }

    fn line_break(&mut self, c: char) -> bool {
        let fits = self.push(c);
        self.column = 0;
        fits
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn json_reaches_no_terminal_as_a_command_and_means_the_same() {
        let value = serde_json::json!({ "a": "x\u{9b}31m\u{202e}y\u{7f}\u{1b}[2J\u{e0001}z", "ñ": [1, "é\n"] });
        let text = serde_json::to_string_pretty(&value).unwrap();
        let safe = json(&text);
        assert!(safe.chars().all(|c| c == '\n' || is_safe(c)), "{safe:?}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&safe).unwrap(), value);
        assert!(safe.contains("ñ") && safe.contains("\\u009b"), "{safe}");
        assert!(matches!(json("{\"a\":1}"), std::borrow::Cow::Borrowed(_)));
    }

    #[test]
    fn plain_text_stays_as_it_is() {
        for plain in ["", "GET /v1 200", "müßig — 日本語 🚀", "a  b"] {
            assert_eq!(line(plain), plain);
            assert_eq!(text(plain), plain);
        }
    }

    #[test]
    fn escape_sequences_go_as_a_whole() {
        for (hostile, want) in [
            ("\x1b[31mred\x1b[0m", "red"),
            ("\x1b]0;title\x07after", "after"),
            ("\x1b]52;c;aGk=\x1b\\after", "after"),
            ("\x1b]8;;http://evil\x1b\\click\x1b]8;;\x1b\\", "click"),
            ("\x1bP+q544e\x1b\\x", "x"),
            ("\u{9b}2Jx", "x"),
            ("\u{9d}0;t\u{9c}x", "x"),
            ("\x1b(0lqk", "lqk"),
            ("\x1bcx", "x"),
            ("a\x08\x08b\x07\0\x7f", "ab"),
            ("\x1b[1;31", "1;31"),
            ("\x1b", ""),
            ("\x1b\x1b[2Jx", "x"),
        ] {
            assert_eq!(line(hostile), want, "{hostile:?}");
        }
    }

    #[test]
    fn an_escape_that_never_ends_hides_nothing() {
        assert_eq!(line("\x1b]0;paid 12 EUR"), "0;paid 12 EUR");
        assert_eq!(line("\x1b]0;one\x1b[31mtwo"), "0;onetwo");
        assert_eq!(text("\x1b]0;one\ntwo\x07"), "0;one\ntwo");
    }

    #[test]
    fn hidden_and_reordering_characters_go() {
        assert_eq!(line("adm\u{200b}in\u{202e}gpj.exe\u{2066}x\u{feff}\u{ad}\u{e0041}"), "admingpj.exex");
    }

    #[test]
    fn tabs_line_breaks_and_bad_bytes_become_visible() {
        assert_eq!(line("a\tb\n"), "a       b");
        assert_eq!(line("one\r\ntwo\rthree\n"), "one⏎two⏎three");
        assert_eq!(text("one\r\ntwo\rthree\n\tx"), "one\ntwo\nthree\n        x");
        assert_eq!(line(b"a\xff\xfeb\xc3"), "a��b�");
        assert_eq!(lines("a\r\nb\nc\n", 2, 9), ["a", "b"]);
    }

    #[test]
    fn what_is_too_long_is_cut_and_says_so() {
        assert_eq!(line_max("abcdef", 4), "abc…");
        assert_eq!(line_max("abcd", 4), "abcd");
        assert_eq!(line_max("a\tb", 4), "a  …");
        assert_eq!(line_max("abc", 0), "");
        assert_eq!(line(vec![b'x'; 1 << 20]).chars().count(), MAX_LINE);
    }

    fn hostile() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            any::<Vec<u8>>(),
            any::<String>().prop_map(String::into_bytes),
            "[\\x00-\\x1f\\x7f-\\x9f\\u{200b}-\\u{200f}\\u{2028}-\\u{202e}\\u{2060}-\\u{2069}\\u{feff}\\u{61c}a-z\\[\\]\\\\;0-9]{0,20}"
                .prop_map(String::into_bytes),
        ];
        prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(4_000), ..ProptestConfig::default() })]

        #[test]
        fn no_unsafe_character_survives(bytes in hostile(), max in 0_usize..300) {
            let one = line_max(&bytes, max);
            prop_assert!(one.chars().all(is_safe), "{one:?}");
            prop_assert!(one.chars().count() <= max);
            prop_assert_eq!(&line_max(&one, max), &one);
            let many = text_max(&bytes, max);
            prop_assert!(many.chars().all(|c| c == '\n' || is_safe(c)), "{many:?}");
            prop_assert!(many.chars().count() <= max);
            prop_assert_eq!(&text_max(&many, max), &many);
        }
    }
}
