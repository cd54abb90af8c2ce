//! Text with roles: what a view builds before it knows where it stands.
use std::borrow::Cow;

use ratatui::text::Span;
use unicode_width::UnicodeWidthStr;

use super::style::{Extra, Ink, Look};
use crate::config::theme::Role;

/// A line of text, each piece with its ink.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words {
    pieces: Vec<Piece>,
}

/// A piece of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// What is written.
    pub text: Cow<'static, str>,
    /// How.
    pub ink: Ink,
}

impl Words {
    /// Makes an empty line.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes a line of one piece.
    pub fn of(text: impl Into<Cow<'static, str>>, ink: impl Into<Ink>) -> Self {
        Self::new().add(text, ink)
    }

    /// Adds a piece.
    #[must_use]
    pub fn add(mut self, text: impl Into<Cow<'static, str>>, ink: impl Into<Ink>) -> Self {
        self.push(text, ink);
        self
    }

    /// Adds a piece in place.
    pub fn push(&mut self, text: impl Into<Cow<'static, str>>, ink: impl Into<Ink>) {
        let text = text.into();
        if !text.is_empty() {
            self.pieces.push(Piece { text, ink: ink.into() });
        }
    }

    /// Adds a line at the end.
    #[must_use]
    pub fn join(mut self, other: Self) -> Self {
        self.pieces.extend(other.pieces);
        self
    }

    /// Adds blank columns.
    #[must_use]
    pub fn gap(self, columns: usize) -> Self {
        self.add(" ".repeat(columns), Role::Text)
    }

    /// Adds labels and units.
    #[must_use]
    pub fn dim(self, text: impl Into<Cow<'static, str>>) -> Self {
        self.add(text, Role::Dim)
    }

    /// Adds what may be overlooked.
    #[must_use]
    pub fn faint(self, text: impl Into<Cow<'static, str>>) -> Self {
        self.add(text, Role::Faint)
    }

    /// Adds values.
    #[must_use]
    pub fn text(self, text: impl Into<Cow<'static, str>>) -> Self {
        self.add(text, Role::Text)
    }

    /// Adds what is to be read first.
    #[must_use]
    pub fn strong(self, text: impl Into<Cow<'static, str>>) -> Self {
        self.add(text, Ink::bold(Role::Strong))
    }

    /// Adds a solid pill with a blank on each side.
    #[must_use]
    pub fn pill(self, text: &str, role: Role) -> Self {
        self.add(format!(" {text} "), Ink::pill(role))
    }

    /// Adds a key and what it does.
    #[must_use]
    pub fn key(self, key: impl Into<Cow<'static, str>>, does: &str) -> Self {
        self.add(key, Ink::bold(Role::Key)).dim(format!(" {does}"))
    }

    /// Returns the pieces.
    pub fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// Says whether there is nothing to draw.
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Returns the number of columns it takes.
    pub fn width(&self) -> usize {
        self.pieces.iter().map(|piece| width(&piece.text)).sum()
    }

    /// Cuts it to this many columns; the last one says `…` when something was cut.
    #[must_use]
    pub fn cut(mut self, columns: usize) -> Self {
        if self.width() <= columns {
            return self;
        }
        let mut left = columns;
        let mut kept = Vec::new();
        for mut piece in self.pieces.drain(..) {
            let wide = width(&piece.text);
            if wide < left {
                left -= wide;
                kept.push(piece);
                continue;
            }
            piece.text = Cow::Owned(cut(&format!("{}…", piece.text), left));
            kept.push(piece);
            break;
        }
        Self { pieces: kept }
    }

    /// Leaves out its first columns; a wide character that is cut in two goes as a whole.
    #[must_use]
    pub fn skip(self, columns: usize) -> Self {
        let mut left = columns;
        let mut kept = Self::new();
        for piece in self.pieces {
            let wide = width(&piece.text);
            if wide <= left {
                left -= wide;
            } else if left == 0 {
                kept.pieces.push(piece);
            } else {
                let mut text = String::new();
                for grapheme in graphemes(&piece.text) {
                    if left == 0 {
                        text.push_str(grapheme);
                    }
                    left = left.saturating_sub(width(grapheme));
                }
                kept.push(text, piece.ink);
            }
        }
        kept
    }

    /// Breaks it into lines of at most so many columns, wherever they end. Never without a line.
    pub fn broken(self, columns: usize) -> Vec<Self> {
        let columns = columns.max(1);
        let (mut lines, mut line, mut used) = (Vec::new(), Self::new(), 0);
        for piece in self.pieces {
            let mut text = String::new();
            for grapheme in graphemes(&piece.text) {
                let wide = width(grapheme);
                if used + wide > columns && used > 0 {
                    line.push(std::mem::take(&mut text), piece.ink);
                    lines.push(std::mem::take(&mut line));
                    used = 0;
                }
                text.push_str(grapheme);
                used += wide;
            }
            line.push(text, piece.ink);
        }
        lines.push(line);
        lines
    }

    /// Gives every piece of one role another.
    #[must_use]
    pub fn recast(mut self, from: Role, to: Role) -> Self {
        for piece in &mut self.pieces {
            if piece.ink.role == from {
                piece.ink.role = to;
            }
        }
        self
    }

    /// Gives every piece this extra weight.
    #[must_use]
    pub fn weigh(mut self, extra: Extra) -> Self {
        for piece in &mut self.pieces {
            piece.ink.extra = extra;
        }
        self
    }

    /// Gives every piece this role, pills flattened: for what is stale or under a box.
    #[must_use]
    pub fn faded(mut self, role: Role) -> Self {
        for piece in &mut self.pieces {
            piece.ink = Ink::of(role);
        }
        self
    }

    /// Returns the text alone.
    pub fn plain(&self) -> String {
        self.pieces.iter().map(|piece| piece.text.as_ref()).collect()
    }
}

impl From<&'static str> for Words {
    fn from(text: &'static str) -> Self {
        Self::of(text, Role::Text)
    }
}

/// Returns the columns a text takes.
pub fn width(text: &str) -> usize {
    text.width()
}

/// Cuts a text to this many columns; the last one says `…` when something was cut. Never splits a character.
pub fn cut(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    if columns == 0 {
        return String::new();
    }
    let mut out = String::new();
    let mut used = 0;
    for grapheme in graphemes(text) {
        let wide = width(grapheme);
        if used + wide > columns - 1 {
            break;
        }
        used += wide;
        out.push_str(grapheme);
    }
    out.push('…');
    out
}

/// Pads a text on the right to this many columns, or cuts it.
pub fn pad(text: &str, columns: usize) -> String {
    let mut out = cut(text, columns);
    out.push_str(&" ".repeat(columns.saturating_sub(width(&out))));
    out
}

/// Breaks a text at blanks into lines of at most this many columns; a word that is longer is broken.
pub fn wrap(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(1);
    let mut lines = Vec::new();
    for paragraph in text.split('\n') {
        let mut line = String::new();
        for word in paragraph.split(' ') {
            let room = columns.saturating_sub(width(&line) + usize::from(!line.is_empty()));
            if width(word) <= room {
                if !line.is_empty() {
                    line.push(' ');
                }
                line.push_str(word);
                continue;
            }
            if !line.is_empty() {
                lines.push(std::mem::take(&mut line));
            }
            for grapheme in graphemes(word) {
                if width(&line) + width(grapheme) > columns && !line.is_empty() {
                    lines.push(std::mem::take(&mut line));
                }
                line.push_str(grapheme);
            }
        }
        lines.push(line);
    }
    lines
}

/// Iterates over what a reader takes for characters, control characters left out.
pub(super) fn graphemes(text: &str) -> impl Iterator<Item = &str> {
    // A borrowed span is only a way to ratatui's own idea of a grapheme, so that ours never differs from it.
    let mut rest = text;
    std::iter::from_fn(move || {
        while !rest.is_empty() {
            let length = first_grapheme(rest);
            let (grapheme, tail) = rest.split_at_checked(length)?;
            rest = tail;
            if !grapheme.chars().any(char::is_control) {
                return Some(grapheme);
            }
        }
        None
    })
}

fn first_grapheme(text: &str) -> usize {
    let mut chars = text.char_indices();
    let Some((_, first)) = chars.next() else { return 0 };
    if first.is_ascii_graphic() || first == ' ' {
        // The common case by far: an ASCII character that nothing combines with.
        match chars.clone().next() {
            None => return first.len_utf8(),
            Some((at, next)) if next.is_ascii() => return at,
            Some(_) => {}
        }
    }
    if first.is_control() {
        return first.len_utf8();
    }
    Span::raw(text).styled_graphemes(ratatui::style::Style::new()).next().map_or(first.len_utf8(), |g| g.symbol.len())
}

/// Returns the pieces of a line as `(grapheme, columns, ink)`, zero-width ones left out and the signs as this look has them.
pub(super) fn cells<'a>(words: &'a Words, look: &Look) -> impl Iterator<Item = (Cow<'a, str>, u16, Ink)> {
    let glyphs = look.glyphs;
    words.pieces.iter().flat_map(move |piece| {
        graphemes(&piece.text).filter_map(move |grapheme| {
            let wide = u16::try_from(width(grapheme)).ok().filter(|wide| *wide > 0)?;
            if grapheme.is_ascii() || glyphs == super::glyphs::Glyphs::Unicode {
                return Some((Cow::Borrowed(grapheme), wide, piece.ink));
            }
            let sign: String = grapheme.chars().take(1).map(|c| glyphs.plain(c)).collect();
            Some((Cow::Owned(sign), 1, piece.ink))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cutting_says_so_and_never_splits_a_character() {
        assert_eq!(cut("payments", 8), "payments");
        assert_eq!(cut("payments", 5), "paym…");
        assert_eq!(cut("日本語", 4), "日…");
        assert_eq!([cut("ab", 1), cut("ab", 0)], ["…", ""]);
        assert_eq!(pad("ab", 4), "ab  ");
        let words = Words::of("CPU ", Role::Dim).strong("91 %").cut(6);
        assert_eq!((words.plain().as_str(), words.width()), ("CPU 9…", 6));
        assert_eq!(Words::of("abcd", Role::Dim).strong("x").cut(4).plain(), "abc…");
        assert_eq!(Words::of("abcd", Role::Dim).cut(0).plain(), "");
    }

    #[test]
    fn text_wraps_at_blanks_and_long_words_are_broken() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("abcdefgh i", 3), ["abc", "def", "gh", "i"]);
        assert_eq!(wrap("a\n\nb", 9), ["a", "", "b"]);
        assert_eq!(wrap("x", 0), ["x"]);
    }

    #[test]
    fn control_characters_never_become_cells() {
        let evil = "a\u{1b}[2Jb\u{7}\r\n\u{9b}c\u{202e}d";
        let look = crate::ui::testing::look();
        let words = Words::of(evil, Role::Text);
        let shown: String = cells(&words, &look).map(|(text, ..)| text).collect();
        assert_eq!(shown, "a[2Jbcd");
    }

    #[test]
    fn combined_characters_stay_together() {
        assert_eq!(graphemes("e\u{301}a\u{308}x").collect::<Vec<_>>(), ["e\u{301}", "a\u{308}", "x"]);
    }
}
