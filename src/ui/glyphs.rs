//! Signs: one set for terminals that have Unicode, one for those that do not.
//!
//! Every sign of the Unicode set is one column wide outside of the emoji set, so that no terminal disagrees about where
//! the next column begins.
use crate::core::services::Health;

/// Which characters the console may use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Glyphs {
    /// Box drawing, blocks and a few signs.
    #[default]
    Unicode,
    /// Only printable ASCII: frames of `+-|`, blocks of ` .:-=+*#`.
    Ascii,
}

/// How heavy a frame is, which says what the pane is: at rest, focused, or about to change production.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Weight {
    /// Light: not focused.
    Quiet,
    /// Heavy: focused, one per screen.
    Focused,
    /// Double: this pane changes production.
    Changes,
}

/// The six signs of a frame.
#[derive(Clone, Copy, Debug)]
pub struct Border {
    /// Upper left corner.
    pub top_left: char,
    /// Upper right corner.
    pub top_right: char,
    /// Lower left corner.
    pub bottom_left: char,
    /// Lower right corner.
    pub bottom_right: char,
    /// Horizontal.
    pub across: char,
    /// Vertical.
    pub down: char,
}

/// Blocks from an eighth to full.
const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const BLOCKS_ASCII: [char; 8] = ['.', ':', '-', '=', '+', '*', '#', '#'];

impl Glyphs {
    /// Returns a state's sign: `●`, or `[+]` in ASCII.
    pub fn health(self, health: Health) -> &'static str {
        match (self, health) {
            (Self::Unicode, Health::Up) => "●",
            (Self::Unicode, Health::Degraded) => "◐",
            (Self::Unicode, Health::Down) => "✗",
            (Self::Unicode, Health::Maintenance) => "M",
            (Self::Unicode, Health::Unknown) => "?",
            (Self::Ascii, Health::Up) => "[+]",
            (Self::Ascii, Health::Degraded) => "[~]",
            (Self::Ascii, Health::Down) => "[X]",
            (Self::Ascii, Health::Maintenance) => "[M]",
            (Self::Ascii, Health::Unknown) => "[?]",
        }
    }

    /// Returns how many columns a state's sign takes.
    pub fn health_width(self) -> u16 {
        match self {
            Self::Unicode => 1,
            Self::Ascii => 3,
        }
    }

    /// Returns the block of this many eighths, 1 to 8; anything else is pulled into that range.
    pub fn block(self, eighths: usize) -> char {
        let blocks = match self {
            Self::Unicode => &BLOCKS,
            Self::Ascii => &BLOCKS_ASCII,
        };
        blocks.get(eighths.clamp(1, 8) - 1).copied().unwrap_or(' ')
    }

    /// Returns the signs of a frame.
    pub fn border(self, weight: Weight) -> Border {
        let of = |[top_left, top_right, bottom_left, bottom_right, across, down]: [char; 6]| Border {
            top_left,
            top_right,
            bottom_left,
            bottom_right,
            across,
            down,
        };
        match (self, weight) {
            (Self::Unicode, Weight::Quiet) => of(['┌', '┐', '└', '┘', '─', '│']),
            (Self::Unicode, Weight::Focused) => of(['┏', '┓', '┗', '┛', '━', '┃']),
            (Self::Unicode, Weight::Changes) => of(['╔', '╗', '╚', '╝', '═', '║']),
            (Self::Ascii, Weight::Quiet) => of(['+', '+', '+', '+', '-', '|']),
            (Self::Ascii, Weight::Focused) => of(['+', '+', '+', '+', '=', '|']),
            (Self::Ascii, Weight::Changes) => of(['+', '+', '+', '+', '#', '#']),
        }
    }

    /// Returns what stands for a character in this set: itself, its ASCII likeness, or `?`.
    ///
    /// The last step before a cell, so that no view can forget it.
    pub fn plain(self, c: char) -> char {
        if self == Self::Unicode || c.is_ascii() {
            return c;
        }
        match c {
            '─' | '┄' | '┈' | '−' | '–' | '—' | '▃' => '-',
            '━' | '═' | '▄' => '=',
            '│' | '┃' | '║' | '┤' | '├' | '▏' | '▌' | '▐' => '|',
            '┌' | '┐' | '└' | '┘' | '┏' | '┓' | '┗' | '┛' | '╔' | '╗' | '╚' | '╝' | '┼' | '●' | '✓' | '▅' => {
                '+'
            }
            '▸' | '›' | '→' | '≥' | '»' => '>',
            '◂' | '‹' | '←' | '≤' | '«' => '<',
            '…' | '◐' | '≈' => '~',
            '·' | '▁' => '.',
            '▂' => ':',
            '▆' | '★' | '•' => '*',
            '▇' | '█' => '#',
            '○' | '°' => 'o',
            '✗' | '×' => 'x',
            '▲' | '↑' => '^',
            '▼' | '▾' | '↓' => 'v',
            '“' | '”' | '„' => '"',
            '‘' | '’' => '\'',
            '²' => '2',
            'µ' => 'u',
            '\u{a0}' => ' ',
            _ => '?',
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use unicode_width::UnicodeWidthChar;

    #[test]
    fn every_sign_is_one_column_wide_and_has_an_ascii_likeness() {
        for c in "─━═│┃║┌┐└┘┏┓┗┛╔╗╚╝▸›→≥◂‹←≤…◐·▁▂▃▄▅▆▇█★○✗×▲↑▼↓▏“”●✓−".chars()
        {
            assert_eq!(c.width(), Some(1), "{c}");
            let plain = Glyphs::Ascii.plain(c);
            assert!(plain.is_ascii_graphic() && plain != '?', "{c} became {plain}");
        }
    }
}
