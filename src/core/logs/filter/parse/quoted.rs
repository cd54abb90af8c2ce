//! Text in quotes.
use super::{Parser, Problem};

impl Parser<'_> {
    /// Reads text in either kind of quotes.
    pub(super) fn quoted(&mut self) -> Result<String, Problem> {
        let start = self.at;
        let quote = self.peek().unwrap_or('"');
        self.at += quote.len_utf8();
        let mut text = String::new();
        loop {
            let Some(char) = self.peek() else {
                return Err(Problem::new(start..start + 1, format!("this {quote} is not closed"))
                    .hint(format!("for example: {quote}exact text{quote}")));
            };
            let at = self.at;
            self.at += char.len_utf8();
            if char == quote {
                return Ok(text);
            }
            if char != '\\' {
                text.push(char);
                continue;
            }
            if quote == '\'' {
                text.push(if self.eat("'") { '\'' } else { '\\' });
                if text.ends_with('\\') {
                    let _ = self.eat("\\");
                }
            } else {
                text.push(self.escape(at)?);
            }
        }
    }

    /// Reads what follows a backslash in double quotes.
    fn escape(&mut self, start: usize) -> Result<char, Problem> {
        let Some(char) = self.peek() else {
            return Err(Problem::new(start..self.at, "these quotes are not closed"));
        };
        self.at += char.len_utf8();
        let code = match char {
            'n' => return Ok('\n'),
            'r' => return Ok('\r'),
            't' => return Ok('\t'),
            '0' => return Ok('\0'),
            '"' | '\\' | '\'' | '/' => return Ok(char),
            'x' => {
                let digits = self.rest().get(..2).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
                self.at += digits.map_or(0, str::len);
                // Above 0x7f it would be a byte, and text is made of characters.
                digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()).filter(|code| *code < 0x80)
            }
            'u' => {
                let opened = self.eat("{");
                let digits = self.take(|char| char.is_ascii_hexdigit());
                (opened && digits.len() <= 6 && self.eat("}")).then(|| u32::from_str_radix(digits, 16).ok()).flatten()
            }
            _ => None,
        };
        code.and_then(char::from_u32).ok_or_else(|| {
            Problem::new(start..self.at, "no such escape")
                .hint(r#"\n \t \r \" \\ \x1b \u{e9} are; for a backslash write \\, or use single quotes: 'App\Models'"#)
        })
    }
}

/// Writes text in double quotes, with escapes for what cannot be seen.
pub(in super::super) fn double(text: &str) -> String {
    quoted(text, |char, quoted| {
        let is_hidden = is_hidden(char);
        if is_hidden {
            quoted.extend(char.escape_unicode());
        }
        is_hidden
    })
}

/// Writes text in double quotes; `escape` writes a character in its own way, or says that it does not.
pub(in super::super) fn quoted(text: &str, escape: impl Fn(char, &mut String) -> bool) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for char in text.chars() {
        match char {
            '"' | '\\' => quoted.extend(['\\', char]),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            other if escape(other, &mut quoted) => {}
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

/// Says whether a character would not be seen, or would change how others are.
pub(in super::super) fn is_hidden(char: char) -> bool {
    char.is_control()
        || matches!(char, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
        || (char.is_whitespace() && char != ' ')
}
