//! Globs of paths: for the shell of a host, for this machine, and to tell afterwards which pattern a path belongs to.
use crate::remote::script::quote;

/// A glob: `*`, `?` and `[…]` match within one part of a path; `\` takes the next character literally.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::sources::logs) struct Glob {
    tokens: Vec<Token>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    One(char),
    Any,
    Many,
    /// Ranges, both ends included; negated.
    Class(Vec<(char, char)>, bool),
}

impl Glob {
    /// Reads a glob. Whatever is no valid bracket stands for itself.
    pub(super) fn parse(text: &str) -> Self {
        let chars: Vec<char> = text.chars().collect();
        let mut tokens = Vec::new();
        let mut at = 0;
        while let Some(&c) = chars.get(at) {
            at += 1;
            tokens.push(match c {
                '\\' => {
                    let literal = chars.get(at).copied().unwrap_or('\\');
                    at += 1;
                    Token::One(literal)
                }
                '*' => Token::Many,
                '?' => Token::Any,
                '[' => match class(chars.get(at..).unwrap_or_default()) {
                    Some((token, length)) => {
                        at += length;
                        token
                    }
                    None => Token::One('['),
                },
                other => Token::One(other),
            });
        }
        Self { tokens }
    }

    /// Makes a glob that matches only this path.
    pub(super) fn literal(path: &str) -> Self {
        Self { tokens: path.chars().map(Token::One).collect() }
    }

    /// Returns the path when it can match no other.
    pub(super) fn plain(&self) -> Option<String> {
        self.tokens.iter().map(|token| if let Token::One(c) = token { Some(*c) } else { None }).collect()
    }

    /// Replaces `~` at the front by a home directory.
    pub(super) fn at_home(&self, home: &str) -> Self {
        match self.tokens.get(..2) {
            Some([Token::One('~'), Token::One('/')]) if !home.is_empty() => {
                let rest = self.tokens.iter().skip(1).cloned();
                Self { tokens: home.trim_end_matches('/').chars().map(Token::One).chain(rest).collect() }
            }
            _ => self.clone(),
        }
    }

    /// Says whether it begins at the root and can stand in one line.
    pub(super) fn is_absolute(&self) -> bool {
        self.tokens.first() == Some(&Token::One('/'))
            && !self.tokens.iter().any(|token| matches!(token, Token::One('\n' | '\r' | '\0')))
    }

    /// Puts something behind the last part's name and before its extension or end: patterns of rotated files.
    pub(super) fn siblings(&self) -> Vec<Self> {
        let with = |end: &str| {
            let mut tokens = self.tokens.clone();
            tokens.extend(end.chars().map(|c| if c == '*' { Token::Many } else { Token::One(c) }));
            Self { tokens }
        };
        let mut all = vec![with(".*"), with("-*")];
        let name = self.tokens.iter().rposition(|token| *token == Token::One('/')).map_or(0, |at| at + 1);
        let dot = self.tokens.iter().rposition(|token| *token == Token::One('.')).filter(|at| *at > name);
        if let Some((stem, extension)) = dot.and_then(|at| self.tokens.split_at_checked(at)) {
            for between in ['-', '.', '_'] {
                let middle = [Token::One(between), Token::Many];
                let tokens = stem.iter().chain(&middle).chain(extension).cloned().collect();
                all.push(Self { tokens });
            }
        }
        all
    }

    /// Says whether a path matches.
    pub(super) fn matches(&self, path: &str) -> bool {
        let path: Vec<char> = path.chars().collect();
        // Only the last star is ever tried again: what stood before it matched already. A star ends at the next slash.
        let (mut p, mut t) = (0, 0);
        let mut star: Option<(usize, usize)> = None;
        while let Some(&c) = path.get(p) {
            match self.tokens.get(t) {
                Some(Token::Many) => {
                    star = Some((t, p));
                    t += 1;
                    continue;
                }
                Some(token) if token.takes(c) => {
                    if c == '/' {
                        star = None;
                    }
                    (p, t) = (p + 1, t + 1);
                    continue;
                }
                _ => {}
            }
            match star {
                Some((token, from)) if path.get(from) != Some(&'/') => {
                    star = Some((token, from + 1));
                    (p, t) = (from + 1, token + 1);
                }
                _ => return false,
            }
        }
        self.tokens.get(t..).unwrap_or_default().iter().all(|token| *token == Token::Many)
    }

    /// Writes it as a word for a POSIX shell, which expands it.
    pub(super) fn word(&self) -> String {
        let mut word = String::new();
        let mut literal = String::new();
        let flush = |literal: &mut String, word: &mut String| {
            if !literal.is_empty() {
                word.push_str(&quote(literal));
                literal.clear();
            }
        };
        for token in &self.tokens {
            match token {
                Token::One(c) => literal.push(*c),
                Token::Any => {
                    flush(&mut literal, &mut word);
                    word.push('?');
                }
                Token::Many => {
                    flush(&mut literal, &mut word);
                    word.push('*');
                }
                Token::Class(ranges, not) => {
                    flush(&mut literal, &mut word);
                    word.push('[');
                    if *not {
                        word.push('!');
                    }
                    for (from, to) in ranges {
                        word.push(*from);
                        if from != to {
                            word.extend(['-', *to]);
                        }
                    }
                    word.push(']');
                }
            }
        }
        flush(&mut literal, &mut word);
        word
    }

    /// Splits it at slashes, for walking folders.
    pub(super) fn parts(&self) -> Vec<Self> {
        self.tokens
            .split(|token| *token == Token::One('/'))
            .filter(|tokens| !tokens.is_empty())
            .map(|tokens| Self { tokens: tokens.to_vec() })
            .collect()
    }
}

impl Token {
    fn takes(&self, c: char) -> bool {
        match self {
            Self::One(own) => *own == c,
            Self::Any => c != '/',
            Self::Many => false,
            Self::Class(ranges, not) => c != '/' && ranges.iter().any(|(from, to)| (*from..=*to).contains(&c)) != *not,
        }
    }
}

/// Reads a bracket after its `[`; only plain letters, digits and a few signs, which mean the same to every shell.
fn class(rest: &[char]) -> Option<(Token, usize)> {
    let end = rest.iter().position(|c| *c == ']')?;
    let not = matches!(rest.first(), Some('!' | '^'));
    let inner = rest.get(usize::from(not)..end)?;
    let fits = |c: &char| c.is_ascii_alphanumeric() || "._-".contains(*c);
    if inner.is_empty() || !inner.iter().all(fits) {
        return None;
    }
    let mut ranges = Vec::new();
    let mut at = 0;
    while let Some(&from) = inner.get(at) {
        if let (Some('-'), Some(&to)) = (inner.get(at + 1), inner.get(at + 2)) {
            ranges.push((from, to));
            at += 3;
        } else {
            ranges.push((from, from));
            at += 1;
        }
    }
    Some((Token::Class(ranges, not), end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_match_within_parts_of_a_path() {
        for (glob, path, expected) in [
            ("/var/log/*.log", "/var/log/a.log", true),
            ("/var/log/*.log", "/var/log/x/a.log", false),
            ("/var/*/a.log", "/var/x/a.log", true),
            ("/var/*/a.log", "/var/x/y/a.log", false),
            ("/a/*b*c", "/a/xbybzc", true),
            ("/a/*b*c", "/a/xbybz", false),
            ("/a/?[0-9].log", "/a/x7.log", true),
            ("/a/[!0-9]", "/a/7", false),
            ("/a/\\*", "/a/*", true),
            ("/a/\\*", "/a/b", false),
            ("/a/[", "/a/[", true),
            ("/a*", "/a", true),
        ] {
            assert_eq!(Glob::parse(glob).matches(path), expected, "{glob} {path}");
        }
    }

    #[test]
    fn words_leave_only_the_glob_to_the_shell() {
        assert_eq!(Glob::parse("/va r/$(x)*.l'og").word(), "'/va r/$(x)'*'.l'\\''og'");
        assert_eq!(Glob::parse("/a/\\*[a-c]?").word(), "'/a/*'[a-c]?");
        assert_eq!(Glob::parse("/a/[$(x)]").word(), "'/a/[$(x)]'");
    }

    #[test]
    fn rotated_files_stand_beside() {
        let siblings = Glob::parse("/l/app.log").siblings();
        for path in ["/l/app.log.1", "/l/app.log.2.gz", "/l/app.log-20261120", "/l/app-2026-11-20.log"] {
            assert!(siblings.iter().any(|glob| glob.matches(path)), "{path}");
        }
        assert!(!siblings.iter().any(|glob| glob.matches("/l/other.log")));
    }

    #[test]
    fn home_is_put_in_front() {
        assert_eq!(Glob::parse("~/logs/*").at_home("/home/x/").word(), "/home/x/logs/*");
        assert_eq!(Glob::literal("/a*b").plain().as_deref(), Some("/a*b"));
        assert_eq!(Glob::parse("/a*b").plain(), None);
        assert!(!Glob::parse("a/b").is_absolute());
    }
}
