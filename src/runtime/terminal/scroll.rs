//! Blocks of rows that moved between two frames: the terminal can move them itself, which costs a few bytes.
use std::io::{self, Write};

use ratatui::buffer::Buffer;

/// Rows that a block may have moved by; more is a page, of which little stays on the screen.
const FAR: u16 = 8;
/// Cells that must be saved before moving rows is worth its escape sequences and its flicker on slow terminals.
const WORTH: usize = 60;

/// A block of rows that moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moved {
    /// Its first row.
    pub(super) top: u16,
    /// Its last row.
    pub(super) bottom: u16,
    /// By how many rows: up where negative.
    pub(super) by: i16,
}

/// Finds the block whose moving saves the most cells between two frames of one size.
pub(super) fn moved(shown: &Buffer, next: &Buffer) -> Option<Moved> {
    if shown.area != next.area {
        return None;
    }
    let high = next.area.height;
    let stays: Vec<usize> = (0..high).map(|row| differing(shown, row, next, row)).collect();
    if stays.iter().sum::<usize>() < WORTH {
        return None;
    }
    let mut best: Option<(usize, Moved)> = None;
    for by in (1..=FAR).flat_map(|by| [by.cast_signed(), -by.cast_signed()]) {
        // The greatest sum of what each row saves, over rows that follow each other.
        let (mut sum, mut top) = (0_i64, 0);
        for row in 0..high {
            let Some(from) = row.checked_add_signed(-by).filter(|from| *from < high) else {
                sum = 0;
                continue;
            };
            if sum <= 0 {
                (sum, top) = (0, row);
            }
            let stays = stays.get(usize::from(row)).copied().unwrap_or(0);
            sum += i64::try_from(stays).unwrap_or(0) - i64::try_from(differing(shown, from, next, row)).unwrap_or(0);
            let saves = usize::try_from(sum).unwrap_or(0);
            if saves >= WORTH && best.is_none_or(|(most, _)| saves > most) {
                // The region is what is moved and what it moves over.
                let (first, last) =
                    if by > 0 { (top - by.cast_unsigned(), row) } else { (top, row + by.unsigned_abs()) };
                best = Some((saves, Moved { top: first, bottom: last, by }));
            }
        }
    }
    best.map(|(_, moved)| moved)
}

/// Moves a block in what is known to be on the terminal, as the terminal does: what comes in is blank.
pub(super) fn apply(shown: &mut Buffer, moved: Moved) {
    let wide = usize::from(shown.area.width);
    let before = shown.content.clone();
    for row in moved.top..=moved.bottom {
        let from = row.checked_add_signed(-moved.by).filter(|from| (moved.top..=moved.bottom).contains(from));
        for column in 0..wide {
            let cell = from.and_then(|from| before.get(usize::from(from) * wide + column)).cloned().unwrap_or_default();
            if let Some(place) = shown.content.get_mut(usize::from(row) * wide + column) {
                *place = cell;
            }
        }
    }
}

/// Writes what makes the terminal move a block: its region, the move, and the whole screen as region again.
///
/// # Errors
/// When the writer fails.
pub(super) fn write(out: &mut impl Write, moved: Moved) -> io::Result<()> {
    // Inserted or deleted lines rather than a scroll: the Linux console knows only these. Rows that come in take the ground
    // that is set, and the cursor ends where nobody expects it: the first cell that is drawn says where it stands.
    let letter = if moved.by > 0 { 'L' } else { 'M' };
    let (top, bottom, by) = (moved.top + 1, moved.bottom + 1, moved.by.unsigned_abs());
    write!(out, "\x1b[0m\x1b[{top};{bottom}r\x1b[{top}H\x1b[{by}{letter}\x1b[r")
}

fn differing(shown: &Buffer, from: u16, next: &Buffer, to: u16) -> usize {
    let wide = usize::from(next.area.width);
    let row = |buffer: &Buffer, row: u16| -> Option<std::ops::Range<usize>> {
        let start = usize::from(row) * wide;
        (start + wide <= buffer.content.len()).then_some(start..start + wide)
    };
    let (Some(old), Some(new)) = (row(shown, from), row(next, to)) else { return wide };
    let old = shown.content.get(old).unwrap_or_default();
    let new = next.content.get(new).unwrap_or_default();
    old.iter().zip(new).filter(|(old, new)| old != new).count()
}

#[cfg(test)]
mod tests {
    use ratatui::{
        backend::{Backend as _, CrosstermBackend},
        layout::Rect,
        style::Style,
    };

    use super::*;

    /// A list of lines in a frame, the first line shown being this one.
    fn frame(first: usize, noise: &str) -> Buffer {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 80, 24));
        buffer.set_string(0, 0, format!("header {noise}"), Style::new());
        for row in 0..20_u16 {
            // No two lines say the same, as in a log.
            let number = first + usize::from(row);
            let words: Vec<String> = (1..9).map(|word| format!("{:x}", number * word * 7_919 % 65_537)).collect();
            let text = words.join(" ");
            buffer.set_string(0, row + 2, format!("│{text:<78}│"), Style::new());
        }
        buffer.set_string(0, 23, "footer", Style::new());
        buffer
    }

    fn bytes(shown: &Buffer, next: &Buffer) -> Vec<u8> {
        let mut out = Vec::new();
        CrosstermBackend::new(&mut out).draw(shown.diff(next).into_iter()).unwrap();
        out
    }

    #[test]
    fn a_list_that_moved_is_found_wherever_it_went() {
        for (by, top, bottom) in [(-1, 2, 21), (-3, 2, 21), (1, 2, 21), (2, 2, 21)] {
            let first = 100_usize.saturating_add_signed(-isize::from(by));
            assert_eq!(moved(&frame(100, "a"), &frame(first, "b")), Some(Moved { top, bottom, by }));
        }
        assert_eq!(moved(&frame(100, "a"), &frame(100, "b")), None, "a clock is not worth it");
        assert_eq!(moved(&frame(100, "a"), &frame(500, "b")), None, "nothing of it was there before");
    }

    #[test]
    fn a_real_terminal_ends_up_with_the_same_screen_for_fewer_bytes() {
        let (shown, next) = (frame(100, "a"), frame(103, "b"));
        let size = |lines: u16| std::num::NonZero::new(lines).unwrap();
        let mut parser = vt100::Parser::new(size(24), size(80), 0);
        parser.process(&bytes(&Buffer::empty(shown.area), &shown));
        let found = moved(&shown, &next).unwrap();
        let mut wire = Vec::new();
        write(&mut wire, found).unwrap();
        let mut then = shown.clone();
        apply(&mut then, found);
        wire.extend(bytes(&then, &next));
        parser.process(&wire);
        let want: Vec<String> =
            (0..24).map(|y| (0..80).map(|x| next[(x, y)].symbol()).collect::<String>().trim_end().to_owned()).collect();
        let got: Vec<String> = parser.screen().rows(0, 80).map(|row| row.trim_end().to_owned()).collect();
        assert_eq!(got, want);
        let plain = bytes(&shown, &next).len();
        assert!(wire.len() * 2 < plain, "{} bytes against {plain}", wire.len());
    }
}
