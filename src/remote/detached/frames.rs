//! What the watcher on the host writes: `J LINE` for a line of the journal, `O STEP OFFSET LENGTH` with LENGTH raw bytes after it,
//! `X absent`, `X dead`; and before all of that, where it starts the run, `S started`, `S started alone`, `S already` or `S other MACHINE`.
use super::{Event, LockRefused};
use crate::{
    core::{
        runs::{RunOutcome, StepEnd},
        time::Timestamp,
    },
    parse::sanitise,
};

/// No line is longer: what follows is not ours.
const MAX_LINE: usize = 8 * 1024;

/// A piece of what the watcher writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Frame {
    /// How a start went.
    Started(String),
    Journal(String),
    Output {
        index: usize,
        offset: u64,
        bytes: Vec<u8>,
    },
    Absent,
    Dead,
}

/// Cuts a stream of bytes into frames. Output is handed on as it comes, whole or in parts.
#[derive(Debug, Default)]
pub(super) struct Frames {
    buffer: Vec<u8>,
    body: Option<Body>,
}

#[derive(Clone, Copy, Debug)]
struct Body {
    index: usize,
    offset: u64,
    left: usize,
}

impl Frames {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Returns the next frame that is there; an error when the bytes are no frame.
    pub(super) fn next(&mut self) -> Option<Result<Frame, String>> {
        if let Some(Body { index, offset, left }) = self.body {
            if self.buffer.is_empty() {
                return None;
            }
            let bytes: Vec<u8> = self.buffer.drain(..left.min(self.buffer.len())).collect();
            let after = offset.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
            let left = left - bytes.len();
            self.body = (left > 0).then_some(Body { index, offset: after, left });
            return Some(Ok(Frame::Output { index, offset, bytes }));
        }
        let Some(end) = memchr::memchr(b'\n', &self.buffer) else {
            return (self.buffer.len() > MAX_LINE)
                .then(|| Err("the host writes something that is no journal".to_owned()));
        };
        let line: Vec<u8> = self.buffer.drain(..=end).collect();
        let line = String::from_utf8_lossy(&line);
        let line = line.trim_end_matches('\n');
        if let Some(entry) = line.strip_prefix("J ") {
            return Some(Ok(Frame::Journal(entry.to_owned())));
        }
        if let Some(how) = line.strip_prefix("S ") {
            return Some(Ok(Frame::Started(how.to_owned())));
        }
        if let Some(body) = line.strip_prefix("O ").and_then(read_body) {
            self.body = Some(body);
            return self.next();
        }
        Some(match line {
            "X absent" => Ok(Frame::Absent),
            "X dead" => Ok(Frame::Dead),
            _ => Err(format!("the host writes something that is no journal: {}", sanitise::name(line))),
        })
    }
}

fn read_body(line: &str) -> Option<Body> {
    let mut words = line.split(' ');
    let body = Body {
        index: words.next()?.parse().ok()?,
        offset: words.next()?.parse().ok()?,
        left: words.next()?.parse().ok().filter(|left| *left > 0)?,
    };
    words.next().is_none().then_some(body)
}

/// Reads a line of the journal; none when it says nothing that matters, or is none of ours.
pub(super) fn journal_event(line: &str) -> Option<Event> {
    let (seconds, rest) = line.split_once(' ')?;
    let at = time(seconds)?;
    let (word, rest) = rest.split_once(' ').unwrap_or((rest, ""));
    let number = |text: &str| text.parse().ok();
    match word {
        "start" => Some(Event::StepStarted { index: number(rest)?, at }),
        "end" => {
            let (index, code) = rest.split_once(' ')?;
            Some(Event::StepEnded { index: number(index)?, at, end: StepEnd::Exit(code.parse().ok()?) })
        }
        "timeout" => Some(Event::StepEnded { index: number(rest)?, at, end: StepEnd::TimedOut }),
        "nolock" => {
            let error = Some(sanitise::line(rest));
            Some(Event::LockRefused(LockRefused { uid: None, by: None, since: None, alive: None, error }))
        }
        "refused" => {
            let mut words = rest.splitn(4, ' ');
            Some(Event::LockRefused(LockRefused {
                uid: words.next()?.parse().ok(),
                since: words.next().and_then(time),
                alive: match words.next() {
                    Some("yes") => Some(true),
                    Some("no") => Some(false),
                    _ => None,
                },
                by: words.next().filter(|by| !by.is_empty()).map(sanitise::name),
                error: None,
            }))
        }
        "done" => Some(Event::Done {
            at,
            outcome: match rest {
                "ok" => RunOutcome::Succeeded,
                "failed" => RunOutcome::Failed,
                "refused" => RunOutcome::Refused,
                _ => RunOutcome::Unknown,
            },
        }),
        _ => None,
    }
}

fn time(seconds: &str) -> Option<Timestamp> {
    seconds.parse::<i64>().ok()?.checked_mul(1_000).map(Timestamp)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_the_same_however_the_bytes_are_cut() {
        let bytes = b"J 10 start 0\nO 0 0 5\na\nb\nJO 0 5 1\nzJ 11 end 0 3\nJ 12 done failed\n";
        let read = |size: usize| {
            let mut frames = Frames::default();
            let (mut journal, mut output) = (Vec::new(), Vec::new());
            for part in bytes.chunks(size) {
                frames.push(part);
                while let Some(frame) = frames.next() {
                    match frame.unwrap() {
                        Frame::Journal(line) => journal.push(line),
                        Frame::Output { offset, bytes, .. } => {
                            assert_eq!(offset, output.len() as u64);
                            output.extend(bytes);
                        }
                        other @ (Frame::Absent | Frame::Dead | Frame::Started(_)) => panic!("{other:?}"),
                    }
                }
            }
            (journal, output)
        };
        let whole = read(bytes.len());
        assert_eq!(whole.0, ["10 start 0", "11 end 0 3", "12 done failed"]);
        assert_eq!(whole.1, b"a\nb\nJz");
        for size in 1..bytes.len() {
            assert_eq!(read(size), whole, "{size}");
        }
    }

    #[test]
    fn the_journal_is_read_and_nonsense_is_not() {
        let at = Timestamp(10_000);
        assert_eq!(journal_event("10 timeout 2"), Some(Event::StepEnded { index: 2, at, end: StepEnd::TimedOut }));
        let refused = LockRefused {
            uid: Some("qd-0001fe030405".parse().unwrap()),
            by: Some("ann b".into()),
            since: Some(Timestamp(7_000)),
            alive: Some(false),
            error: None,
        };
        assert_eq!(journal_event("10 refused qd-0001fe030405 7 no ann b"), Some(Event::LockRefused(refused)));
        let empty = LockRefused { uid: None, by: None, since: None, alive: None, error: None };
        assert_eq!(journal_event("10 refused - - unknown "), Some(Event::LockRefused(empty)));
        for line in ["", "10", "x start 1", "10 start x", "10 end 1", "10 dance 1", "99999999999999999999 start 1"] {
            assert_eq!(journal_event(line), None, "{line}");
        }
        let mut frames = Frames::default();
        frames.push(b"hello\n");
        assert!(frames.next().unwrap().is_err());
        frames.push(&vec![b'x'; 10_000]);
        assert!(frames.next().unwrap().is_err());
    }
}
