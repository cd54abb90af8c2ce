//! Lines put together to records.
use memchr::memchr;

use super::Format;

/// Most lines that are one record: a file that is indented throughout is not one record.
pub const MOST_LINES: usize = 1000;

/// Splits a text into records. A record is whole lines without the last line break; `\r` before it stays.
pub fn records<'a>(format: &'a Format, text: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    Records { format, rest: text, is_multi_line: format.is_multi_line() }
}

struct Records<'a> {
    format: &'a Format,
    rest: &'a [u8],
    is_multi_line: bool,
}

impl<'a> Iterator for Records<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.rest.is_empty() {
            return None;
        }
        let line_end = |from: usize| {
            let rest = self.rest.get(from..)?;
            Some(from + memchr(b'\n', rest).unwrap_or(rest.len()))
        };
        let mut end = line_end(0)?;
        let mut lines = 1;
        while self.is_multi_line && lines < MOST_LINES && end + 1 < self.rest.len() {
            let Some(next) = line_end(end + 1) else { break };
            let (Some(record), Some(line)) = (self.rest.get(..end), self.rest.get(end + 1..next)) else { break };
            if !self.format.continues(record, line) {
                break;
            }
            end = next;
            lines += 1;
        }
        let record = self.rest.get(..end)?;
        self.rest = self.rest.get(end + 1..).unwrap_or_default();
        Some(record)
    }
}
