//! Whole lines out of pieces of bytes.
use crate::core::time::Mono;

/// A line that grows beyond this is handed over in pieces.
const MAX_HELD: usize = 2 * 1024 * 1024;
/// A line without an end is handed over after so many milliseconds: some programs never end their last one.
const AGE_MS: u64 = 3_000;

/// Holds back what is not a whole line yet.
#[derive(Clone, Debug, Default)]
pub(in crate::sources::logs) struct Lines {
    held: Vec<u8>,
    since: Option<Mono>,
    /// The last line was handed over without its end: should only that come, it is nothing new.
    cut: bool,
    /// Everything up to the next end of a line belongs to one whose begin is not known.
    skip: bool,
}

impl Lines {
    /// Begins in the middle of a line, whose rest is not wanted.
    pub(in crate::sources::logs) fn skipping() -> Self {
        Self { skip: true, ..Self::default() }
    }

    /// Takes bytes, and returns the lines that are whole now.
    pub(in crate::sources::logs) fn push(&mut self, mut bytes: &[u8], now: Mono) -> Vec<u8> {
        if self.skip {
            let Some(rest) = memchr::memchr(b'\n', bytes).and_then(|end| bytes.get(end + 1..)) else {
                return Vec::new();
            };
            bytes = rest;
            self.skip = false;
        }
        if std::mem::take(&mut self.cut) {
            bytes = bytes.strip_prefix(b"\n").unwrap_or(bytes);
        }
        if bytes.is_empty() {
            return Vec::new();
        }
        let end = memchr::memrchr(b'\n', bytes).map_or(0, |end| end + 1);
        let (whole, rest) = bytes.split_at_checked(end).unwrap_or((bytes, &[]));
        let mut lines = Vec::new();
        if !whole.is_empty() {
            lines = std::mem::take(&mut self.held);
            lines.extend_from_slice(whole);
        }
        self.held.extend_from_slice(rest);
        self.since = (!self.held.is_empty()).then_some(now);
        if self.held.len() > MAX_HELD {
            lines.append(&mut self.finish());
        }
        lines
    }

    /// Returns what has been waiting for its end for too long.
    pub(in crate::sources::logs) fn aged(&mut self, now: Mono) -> Option<Vec<u8>> {
        self.since.filter(|since| now.since(*since) >= AGE_MS).map(|_| self.finish())
    }

    /// Returns what is held as a line; nothing when nothing is.
    pub(in crate::sources::logs) fn finish(&mut self) -> Vec<u8> {
        let mut line = std::mem::take(&mut self.held);
        self.since = None;
        if !line.is_empty() {
            line.push(b'\n');
            self.cut = true;
        }
        line
    }

    /// Says how many bytes are held back.
    pub(in crate::sources::logs) fn held(&self) -> usize {
        self.held.len()
    }
}

/// Returns where the last `count` lines of some whole lines begin.
pub(in crate::sources::logs) fn last(bytes: &[u8], count: usize) -> usize {
    let body = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    memchr::memrchr_iter(b'\n', body).nth(count.saturating_sub(1)).map_or(0, |end| end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_whole_however_they_come() {
        let mut lines = Lines::default();
        assert_eq!(lines.push(b"ab", Mono(0)), b"");
        assert_eq!(lines.push(b"c\nd\ne", Mono(5)), b"abc\nd\n");
        assert_eq!(lines.aged(Mono(3_004)), None);
        assert_eq!(lines.aged(Mono(3_005)).as_deref(), Some(&b"e\n"[..]));
        // Its end came late: no empty line.
        assert_eq!(lines.push(b"\nf\n", Mono(3_006)), b"f\n");
        assert_eq!(lines.push(b"\n", Mono(3_006)), b"\n");
    }

    #[test]
    fn a_line_without_end_does_not_fill_the_memory() {
        let mut lines = Lines::default();
        let mut out = 0;
        for _ in 0..50 {
            out += lines.push(&vec![b'x'; 100_000], Mono(0)).len();
            assert!(lines.held() <= MAX_HELD + 100_000);
        }
        out += lines.finish().len();
        assert_eq!(out, 5_000_000 + 3);
    }

    #[test]
    fn the_rest_of_a_line_is_skipped_and_the_last_are_found() {
        let mut lines = Lines::skipping();
        assert_eq!(lines.push(b"half", Mono(0)), b"");
        assert_eq!(lines.push(b" line\nwhole\n", Mono(0)), b"whole\n");
        assert_eq!(last(b"a\nb\nc\n", 2), 2);
        assert_eq!(last(b"a\nb\nc\n", 3), 0);
        assert_eq!(last(b"a\nb\nc\n", 9), 0);
        assert_eq!(last(b"", 9), 0);
    }
}
