//! A field to type in: one line or several, perhaps masked. Nothing stands in it that was not typed, but for a hint while it is empty.
use crate::config::theme::Role;
use crate::ui::{
    canvas::Canvas,
    style::Ink,
    words::{self, Words},
};

/// A field, to be drawn on all of a canvas.
#[derive(Clone, Debug, Default)]
pub struct Field {
    /// What was typed.
    pub text: String,
    /// Where the text cursor is, in bytes; none when the field is not the one that is typed in.
    pub cursor: Option<usize>,
    /// Whether only the number of characters may be seen.
    pub masked: bool,
    /// What stands there while nothing is typed.
    pub hint: String,
    /// What stands before the text: `›`.
    pub prompt: &'static str,
}

impl Field {
    /// Draws it; a long text is moved so that the cursor can be seen.
    pub fn draw(&self, canvas: &mut Canvas<'_>) {
        canvas.ground(Role::Surface);
        if canvas.width() == 0 || canvas.height() == 0 {
            return;
        }
        if canvas.height() > 1 {
            self.draw_many(canvas);
            return;
        }
        let mut x = 1;
        if !self.prompt.is_empty() {
            x = canvas.put(1, 0, Words::of(self.prompt, Role::Prod).gap(1));
        }
        let room = usize::from(canvas.width().saturating_sub(x + 1));
        let shown = self.shown();
        let before = self.cursor_column(&shown);
        let skip = (before + 1).saturating_sub(room);
        let visible: String = words::graphemes(&shown).skip(skip).collect();
        if shown.is_empty() && !self.hint.is_empty() {
            canvas.put(x, 0, Words::of(self.hint.clone(), Role::Faint));
        } else {
            canvas.put(x, 0, Words::of(visible, Ink::bold(Role::Strong)));
        }
        if self.cursor.is_some() {
            let at = u16::try_from(before.saturating_sub(skip)).unwrap_or(0);
            canvas.cursor(x + at, 0);
        }
    }

    fn draw_many(&self, canvas: &mut Canvas<'_>) {
        let columns = usize::from(canvas.width().saturating_sub(2)).max(1);
        if self.text.is_empty() {
            canvas.put(1, 0, Words::of(self.hint.clone(), Role::Faint));
            if self.cursor.is_some() {
                canvas.cursor(1, 0);
            }
            return;
        }
        let shown = self.shown();
        let lines = words::wrap(&shown, columns);
        let (row, column) = place(&shown, &lines, self.cursor.unwrap_or(shown.len()));
        let room = usize::from(canvas.height());
        let skip = (row + 1).saturating_sub(room).max(lines.len().saturating_sub(room).min(row));
        for (y, line) in (0..).zip(lines.into_iter().skip(skip).take(room)) {
            canvas.put(1, y, Words::of(line, Role::Text));
        }
        if self.cursor.is_some() {
            let at = |value: usize| u16::try_from(value).unwrap_or(u16::MAX);
            canvas.cursor(at(column).saturating_add(1), at(row - skip));
        }
    }

    fn shown(&self) -> String {
        if self.masked { "•".repeat(words::graphemes(&self.text).count()) } else { self.text.clone() }
    }

    fn cursor_column(&self, shown: &str) -> usize {
        let Some(cursor) = self.cursor else { return words::width(shown) };
        let before = self.text.get(..cursor).unwrap_or(&self.text);
        if self.masked { words::graphemes(before).count() } else { words::width(before) }
    }
}

/// Finds the line and the column of a place in a text that was broken into lines: blanks at which it was broken are gone.
fn place(text: &str, lines: &[String], cursor: usize) -> (usize, usize) {
    let mut start = 0;
    let mut found = (0, 0);
    for (row, line) in lines.iter().enumerate() {
        let rest = text.get(start..).unwrap_or_default();
        start += rest.find(line.as_str()).unwrap_or(0);
        if cursor < start {
            break;
        }
        let end = start + line.len();
        let before = text.get(start..cursor.min(end)).unwrap_or_default();
        // A blank that was typed at the end of a line stands after it; a line break begins the next.
        let breaks = text.get(end..).is_some_and(|rest| rest.starts_with('\n'));
        let after = usize::from(cursor > end && !breaks);
        found = (row, words::width(before) + after);
        start = end + usize::from(breaks);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::testing;

    #[test]
    fn a_masked_field_shows_only_how_much_was_typed() {
        let field = Field { text: "s3cret".into(), cursor: Some(6), masked: true, ..Field::default() };
        assert_eq!(testing::text(12, 1, |canvas| field.draw(canvas)), [" ••••••"]);
    }

    #[test]
    fn the_end_of_a_long_text_can_be_seen() {
        let text = "abcdefghijklmnop".to_owned();
        let field = Field { cursor: Some(text.len()), text, ..Field::default() };
        assert_eq!(testing::text(8, 1, |canvas| field.draw(canvas)), [" lmnop"]);
        for width in 0..20 {
            for height in 0..4 {
                testing::text(width, height, |canvas| field.draw(canvas));
            }
        }
    }

    #[test]
    fn the_cursor_is_found_in_broken_lines() {
        let text = "one two three four";
        let lines = words::wrap(text, 9);
        assert_eq!(lines, ["one two", "three", "four"]);
        let at = |cursor| place(text, &lines, cursor);
        assert_eq!(
            [at(0), at(4), at(7), at(8), at(13), at(14), at(18)],
            [(0, 0), (0, 4), (0, 7), (1, 0), (1, 5), (2, 0), (2, 4)]
        );
        assert_eq!(place("one ", &words::wrap("one ", 9), 4), (0, 4));
        let text = "a\n\nbc\n";
        let at = |cursor| place(text, &words::wrap(text, 9), cursor);
        assert_eq!([at(1), at(2), at(3), at(5), at(6)], [(0, 1), (1, 0), (2, 0), (2, 2), (3, 0)]);
    }
}
