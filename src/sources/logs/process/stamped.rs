//! Lines that a container's runtime puts the moment before: `2026-11-20T19:41:09.123456789Z text`.
use chrono::DateTime;

use super::Line;
use crate::core::logs::Nanos;

/// Reads such lines.
#[derive(Clone, Copy, Debug)]
pub(in crate::sources::logs) struct Stamped;

impl Stamped {
    /// Reads a line; none when no moment stands before it.
    pub(in crate::sources::logs) fn line(raw: &[u8]) -> Option<Line> {
        let space = memchr::memchr(b' ', raw).unwrap_or(raw.len());
        let (stamp, rest) = raw.split_at_checked(space)?;
        let stamp = std::str::from_utf8(stamp).ok()?;
        let at = DateTime::parse_from_rfc3339(stamp).ok()?.timestamp_nanos_opt()?;
        let text = rest.strip_prefix(b" ").unwrap_or(rest).to_vec();
        Some(Line { text, at: Some(Nanos(at)), ..Line::default() })
    }

    /// Writes a moment so that nothing of it is lost.
    pub(in crate::sources::logs) fn moment(at: Nanos) -> String {
        format!("{at:?}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_stand_before_lines() {
        let line = Stamped::line(b"2026-11-20T19:41:09.123456789Z  two blanks\xff").unwrap();
        assert_eq!((line.text.as_slice(), line.at), (&b" two blanks\xff"[..], Some(Nanos(1_795_203_669_123_456_789))));
        assert_eq!(Stamped::line(b"2026-11-20T19:41:09Z").unwrap().text, b"");
        assert_eq!(Stamped::line(b"Error response from daemon: No such container: x"), None);
        assert_eq!(Stamped::moment(Nanos(1_795_203_669_123_456_789)), "2026-11-20T19:41:09.123456789Z");
    }
}
