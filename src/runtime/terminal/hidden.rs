//! A line that is typed at the terminal and never shown.
use std::io::{self, IsTerminal as _, Write as _};

use crossterm::{
    event::{Event, KeyCode, KeyEventKind, KeyModifiers, read},
    terminal::{disable_raw_mode, enable_raw_mode},
};
use secrecy::{SecretString, zeroize::Zeroizing};

/// Bytes of the longest line; memory for it is taken once, so that nothing of it stays where it was before.
const LONGEST: usize = 512;

/// The terminal says nothing of what is typed until this is dropped.
struct Silent;

impl Silent {
    fn begin() -> io::Result<Self> {
        enable_raw_mode()?;
        Ok(Self)
    }
}

impl Drop for Silent {
    fn drop(&mut self) {
        // A terminal that is gone needs nothing.
        disable_raw_mode().ok();
    }
}

/// Says whether somebody sits at a terminal who can be asked.
pub fn can_ask() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks on standard error, and waits for the line; none when it is given up. It blocks.
///
/// # Errors
/// When the terminal is gone.
pub fn ask(question: &str) -> io::Result<Option<SecretString>> {
    let silent = Silent::begin()?;
    io::stderr().write_all(question.as_bytes())?;
    let typed = line();
    drop(silent);
    io::stderr().write_all(b"\n")?;
    typed
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the terminal's keys are somebody else's list")]
fn line() -> io::Result<Option<SecretString>> {
    let mut typed = Zeroizing::new(String::with_capacity(LONGEST));
    loop {
        let Event::Key(key) = read()? else { continue };
        if key.kind == KeyEventKind::Release {
            continue;
        }
        match key.code {
            KeyCode::Enter => return Ok(Some(SecretString::from(typed.as_str()))),
            KeyCode::Esc => return Ok(None),
            KeyCode::Char('c' | 'd') if key.modifiers.contains(KeyModifiers::CONTROL) => return Ok(None),
            KeyCode::Char('u') if key.modifiers.contains(KeyModifiers::CONTROL) => typed.clear(),
            KeyCode::Char(letter) if typed.len() + letter.len_utf8() <= LONGEST => typed.push(letter),
            KeyCode::Backspace => _ = typed.pop(),
            _ => {}
        }
    }
}
