//! Keys as plain data, with names that a person writes.
use std::{fmt, str::FromStr};

/// A key with Ctrl or Shift. Alt is no part of it: it begins with Esc, which would then have to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// Which key. A letter holds its case; Ctrl goes with lower case.
    pub code: Code,
    /// With Ctrl.
    pub ctrl: bool,
    /// With Shift; only where the key is no character.
    pub shift: bool,
}

/// Which key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Code {
    /// A character; space is one.
    Char(char),
    /// F1 to F12.
    F(u8),
    /// Return.
    Enter,
    /// Escape.
    Esc,
    /// Tab; with shift it goes back.
    Tab,
    /// Backspace.
    Backspace,
    /// Delete.
    Delete,
    /// Insert.
    Insert,
    /// Home.
    Home,
    /// End.
    End,
    /// Page up.
    PageUp,
    /// Page down.
    PageDown,
    /// Up.
    Up,
    /// Down.
    Down,
    /// Left.
    Left,
    /// Right.
    Right,
}

/// A text that names no key, or one that must not be bound.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadKey {
    /// Nothing is called so.
    #[error("`{0}` is no key")]
    Unknown(String),
    /// Alt.
    #[error("`{0}` needs Alt, which begins with Esc: Esc would have to wait for it")]
    Alt(String),
    /// A terminal sends another key for it.
    #[error("`{0}` cannot be told from {1}")]
    Same(String, &'static str),
}

const NAMES: &[(&str, Code)] = &[
    ("Enter", Code::Enter),
    ("Return", Code::Enter),
    ("Esc", Code::Esc),
    ("Escape", Code::Esc),
    ("Space", Code::Char(' ')),
    ("Tab", Code::Tab),
    ("Backspace", Code::Backspace),
    ("BkSp", Code::Backspace),
    ("Delete", Code::Delete),
    ("Del", Code::Delete),
    ("Insert", Code::Insert),
    ("Ins", Code::Insert),
    ("Home", Code::Home),
    ("End", Code::End),
    ("PgUp", Code::PageUp),
    ("PageUp", Code::PageUp),
    ("PgDn", Code::PageDown),
    ("PageDown", Code::PageDown),
    ("Up", Code::Up),
    ("Down", Code::Down),
    ("Left", Code::Left),
    ("Right", Code::Right),
];

impl Key {
    /// A key without Ctrl and Shift.
    pub const fn plain(code: Code) -> Self {
        Self { code, ctrl: false, shift: false }
    }

    /// A character; its case says whether Shift is held.
    pub const fn char(letter: char) -> Self {
        Self::plain(Code::Char(letter))
    }

    /// A letter with Ctrl.
    pub const fn ctrl(letter: char) -> Self {
        Self { code: Code::Char(letter.to_ascii_lowercase()), ctrl: true, shift: false }
    }

    /// A key that is no character, with Shift.
    pub const fn shift(code: Code) -> Self {
        Self { code, ctrl: false, shift: true }
    }
}

impl FromStr for Key {
    type Err = BadKey;

    fn from_str(text: &str) -> Result<Self, BadKey> {
        let unknown = || BadKey::Unknown(text.to_owned());
        if ["A-", "M-", "Alt-", "Meta-", "alt-", "alt+"].iter().any(|prefix| text.starts_with(prefix) && text != "A-") {
            return Err(BadKey::Alt(text.to_owned()));
        }
        let ctrl = ["^", "C-", "Ctrl-", "ctrl-", "Ctrl+", "ctrl+"]
            .iter()
            .find_map(|prefix| text.strip_prefix(prefix))
            .filter(|rest| !rest.is_empty());
        if let Some(rest) = ctrl {
            return match (one(rest), rest) {
                (Some('i' | 'I'), _) => Err(BadKey::Same(text.to_owned(), "Tab")),
                (Some('m' | 'M'), _) => Err(BadKey::Same(text.to_owned(), "Enter")),
                (Some('['), _) => Err(BadKey::Same(text.to_owned(), "Esc")),
                (Some(letter), _) if letter.is_ascii_alphabetic() => Ok(Self::ctrl(letter)),
                _ => Err(unknown()),
            };
        }
        if let Some(rest) = text.strip_prefix("S-").or_else(|| text.strip_prefix("Shift-")).filter(|r| !r.is_empty()) {
            return match code(rest) {
                Some(Code::Char(' ')) => Err(BadKey::Same(text.to_owned(), "Space")),
                Some(Code::Enter) => Err(BadKey::Same(text.to_owned(), "Enter")),
                Some(code) => Ok(Self::shift(code)),
                None => match one(rest) {
                    Some(letter) if letter.is_alphabetic() => {
                        Ok(Self::char(letter.to_uppercase().next().unwrap_or(letter)))
                    }
                    _ => Err(unknown()),
                },
            };
        }
        match one(text) {
            Some(letter) if !letter.is_control() => Ok(Self::char(letter)),
            _ => code(text).map(Self::plain).ok_or_else(unknown),
        }
    }
}

fn one(text: &str) -> Option<char> {
    let mut letters = text.chars();
    letters.next().filter(|_| letters.next().is_none())
}

fn code(text: &str) -> Option<Code> {
    if let Some(number) = text.strip_prefix(['F', 'f']).and_then(|number| number.parse().ok()) {
        return (1..=12).contains(&number).then_some(Code::F(number));
    }
    NAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)).map(|(_, code)| *code)
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match (NAMES.iter().find(|(_, of)| *of == self.code), self.code) {
            (Some((name, _)), _) => (*name).to_owned(),
            (None, Code::F(number)) => format!("F{number}"),
            (None, Code::Char(letter)) => letter.to_string(),
            (None, _) => String::new(),
        };
        let prefix = match (self.ctrl, self.shift) {
            (true, _) => "^",
            (false, true) => "S-",
            (false, false) => "",
        };
        f.pad(&format!("{prefix}{name}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_read_back_what_they_write() {
        for text in
            ["a", "G", "?", ":", "-", "[", "^p", "S-Tab", "S-Down", "Enter", "Space", "F1", "F12", "PgDn", "^", "ñ"]
        {
            assert_eq!(text.parse::<Key>().unwrap().to_string(), text);
        }
        for (text, is) in [("C-p", "^p"), ("^P", "^p"), ("esc", "Esc"), (" ", "Space"), ("S-g", "G"), ("f2", "F2")] {
            assert_eq!(text.parse::<Key>().unwrap().to_string(), is);
        }
    }

    #[test]
    fn what_is_no_key_says_why() {
        for (text, says) in [
            ("", "`` is no key"),
            ("Entre", "`Entre` is no key"),
            ("F13", "`F13` is no key"),
            ("^1", "`^1` is no key"),
            ("g g", "`g g` is no key"),
            ("M-x", "`M-x` needs Alt, which begins with Esc: Esc would have to wait for it"),
            ("^m", "`^m` cannot be told from Enter"),
            ("^i", "`^i` cannot be told from Tab"),
        ] {
            assert_eq!(text.parse::<Key>().unwrap_err().to_string(), says);
        }
    }
}
