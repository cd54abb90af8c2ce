//! What terms match, said once: the engine may be faster, the backends may be wider, but both are measured by this.
use regex::bytes::{Regex, RegexBuilder};

use super::{Pattern, Text};

/// The most that a compiled regex may take, in bytes: filters come from people and from saved files.
const SIZE_LIMIT: usize = 4 << 20;

/// How deep a regex may nest.
const NEST_LIMIT: u32 = 100;

/// A piece of a glob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// This text.
    Literal(String),
    /// Any text, also none: `*`.
    Any,
    /// One character: `?`. A byte that is no UTF-8 is none.
    One,
}

impl Text {
    /// Makes text that is found as its case says: lower case finds any case.
    pub fn smart(text: impl Into<String>) -> Self {
        let text = text.into();
        Self { fold: is_lower(&text), text }
    }

    /// Makes the text of a glob that matches just this text.
    pub fn exactly(text: &str) -> Self {
        Self { text: escape_glob(text), fold: is_lower(text) }
    }

    /// Reads the text as a glob. Neighbouring stars are one; literals are never empty and never neighbours.
    pub fn pieces(&self) -> Vec<Piece> {
        let mut pieces = Vec::new();
        let mut literal = String::new();
        let mut rest = self.text.chars().peekable();
        while let Some(char) = rest.next() {
            let wild = match char {
                '*' => Piece::Any,
                '?' => Piece::One,
                '\\' => {
                    literal.push(rest.next_if(|next| matches!(next, '*' | '?' | '\\')).unwrap_or('\\'));
                    continue;
                }
                _ => {
                    literal.push(char);
                    continue;
                }
            };
            if !literal.is_empty() {
                pieces.push(Piece::Literal(std::mem::take(&mut literal)));
            }
            if wild != Piece::Any || pieces.last() != Some(&Piece::Any) {
                pieces.push(wild);
            }
        }
        if !literal.is_empty() {
            pieces.push(Piece::Literal(literal));
        }
        pieces
    }

    /// Returns the text that a glob without stars and question marks matches.
    pub fn plain(&self) -> Option<String> {
        match self.pieces().as_slice() {
            [] => Some(String::new()),
            [Piece::Literal(text)] => Some(text.clone()),
            _ => None,
        }
    }

    /// Makes the regex that finds this text, taken literally.
    ///
    /// # Errors
    /// When it is too long to be compiled.
    pub fn regex(&self) -> Result<Regex, regex::Error> {
        builder(&regex::escape(&self.text), self.fold).build()
    }

    /// Makes the regex that matches a whole field's text as a glob.
    ///
    /// # Errors
    /// When it is too long to be compiled.
    pub fn glob(&self) -> Result<Regex, regex::Error> {
        builder(&self.glob_source(), self.fold).build()
    }

    /// Writes the glob as a regex over the whole text.
    pub(super) fn glob_source(&self) -> String {
        let mut source = String::from(r"\A");
        for piece in self.pieces() {
            match piece {
                Piece::Literal(text) => source.push_str(&regex::escape(&text)),
                Piece::Any => source.push_str("(?s-u:.)*"),
                Piece::One => source.push_str("(?s:.)"),
            }
        }
        source.push_str(r"\z");
        source
    }
}

impl Pattern {
    /// Makes a pattern whose case says whether case counts; a class such as `\S` has no case.
    pub fn smart(regex: impl Into<String>) -> Self {
        let regex = regex.into();
        Self { fold: has_no_upper(&regex), regex }
    }

    /// Compiles it. In records of several lines `^` and `$` hold at each line.
    ///
    /// # Errors
    /// When it is no regex, or one that is too large.
    pub fn compile(&self) -> Result<Regex, regex::Error> {
        builder(&self.regex, self.fold).build()
    }
}

/// The options that all regexes of filters are compiled with.
fn builder(source: &str, fold: bool) -> RegexBuilder {
    let mut builder = RegexBuilder::new(source);
    builder.case_insensitive(fold).multi_line(true).size_limit(SIZE_LIMIT).nest_limit(NEST_LIMIT);
    builder
}

/// Puts a backslash before what a glob would take for itself.
pub(super) fn escape_glob(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        if matches!(char, '*' | '?' | '\\') {
            escaped.push('\\');
        }
        escaped.push(char);
    }
    escaped
}

/// Says whether text is written without upper case.
pub(super) fn is_lower(text: &str) -> bool {
    !text.chars().any(char::is_uppercase)
}

/// Says whether a regex is written without upper case, `\W` and `\p{Lu}` left aside.
pub(super) fn has_no_upper(regex: &str) -> bool {
    let mut rest = regex.chars();
    while let Some(char) = rest.next() {
        if char == '\\' {
            let class = rest.next();
            if matches!(class, Some('p' | 'P' | 'x' | 'u' | 'U')) && rest.as_str().starts_with('{') {
                let _ = rest.by_ref().find(|&char| char == '}');
            }
        } else if char == '(' && rest.as_str().starts_with('?') {
            // Flags and names of groups are no text.
            let _ = rest.by_ref().find(|&char| matches!(char, ':' | ')' | '>'));
        } else if char.is_uppercase() {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_glob_matches_the_whole_text() {
        let is = |glob: &str, text: &[u8]| Text::smart(glob).glob().unwrap().is_match(text);
        assert!(is("/api/*", b"/api/"));
        assert!(is("/api/*", b"/API/x\ny"));
        assert!(!is("/api/*", b"x/api/"));
        assert!(is("?", "é".as_bytes()) && !is("?", b"\xff") && is("?", b"\n"));
        assert!(!is("?", b"ab"));
        assert!(is(r"a\*b", b"a*b") && !is(r"a\*b", b"axb"));
        assert!(is(r"App\Models", br"App\Models"));
        assert!(is("", b"") && !is("", b"a"));
        assert!(is("*", b"\xff\xfe\n"));
        assert!(is("Play", b"Play") && !is("Play", b"play"));
        assert!(is("k", "\u{212a}".as_bytes()));
    }

    #[test]
    fn pieces_are_never_empty() {
        assert_eq!(Text::smart("a**?b").pieces().len(), 4);
        assert_eq!(Text::exactly(r"a*\b").plain().as_deref(), Some(r"a*\b"));
        assert_eq!(Text::smart("a*").plain(), None);
    }

    #[test]
    fn classes_of_a_regex_have_no_case() {
        assert!(has_no_upper(r"\S+ \p{Lu} (?<Name>x) (?U:y) \x{1F}"));
        assert!(!has_no_upper(r"a\\B"));
        assert!(!has_no_upper("GET"));
    }
}
