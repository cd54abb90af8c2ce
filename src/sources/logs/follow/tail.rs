//! One file that is read onwards.
use super::{Found, Want, lines::Lines};
use crate::core::time::Mono;

/// Bytes before the place reached that are kept, to know the file again by.
const MARK: usize = 64;

/// Which file it is, as far as that can be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// The one at the path that is followed.
    Current,
    /// It was renamed: whoever writes may still do so for a while.
    Renamed,
    /// Nobody writes to it any more: a copy, or a file that was whole before it was met.
    Finished,
    /// As before, and packed.
    Packed,
}

/// A file and how far it is read.
#[derive(Clone, Debug)]
pub(super) struct Tail {
    /// Where it is now; none when that must be found out.
    pub(super) path: Option<String>,
    pub(super) inode: u64,
    pub(super) device: u64,
    /// The next byte to read.
    pub(super) offset: u64,
    /// Its size when last looked at.
    pub(super) size: u64,
    pub(super) lines: Lines,
    pub(super) phase: Phase,
    /// Looks in vain for where it went.
    pub(super) tries: u32,
    /// Whether it was found once after it had gone: what came between it and the next one is known then.
    pub(super) located: bool,
    /// When something of it was last read, or when it was met.
    pub(super) active: Mono,
    mark: Vec<u8>,
}

/// What became of bytes that were read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// These are new.
    New(Vec<u8>),
    /// It is another file than before, or it was written anew from its start.
    Other,
}

impl Tail {
    /// Begins to read a file at a byte.
    pub(super) fn new(found: &Found, offset: u64, phase: Phase, now: Mono) -> Self {
        Self {
            path: Some(found.path.clone()),
            inode: found.inode,
            device: found.device,
            offset,
            size: found.size,
            lines: Lines::default(),
            phase,
            tries: 0,
            located: false,
            active: now,
            mark: Vec::new(),
        }
    }

    /// Says whether this is the file that was found.
    pub(super) fn is(&self, found: &Found) -> bool {
        self.inode == found.inode && self.device == found.device
    }

    /// Says whether it must be found out where it is, or what came after it.
    pub(super) fn is_to_be_located(&self) -> bool {
        self.path.is_none() || !self.located
    }

    /// Says how many bytes are not read yet.
    pub(super) fn behind(&self) -> u64 {
        self.size.saturating_sub(self.offset)
    }

    /// Asks for the next bytes, and for some before them.
    pub(super) fn want(&self, path: &str, most: u64) -> Want {
        let length = if self.phase == Phase::Packed { most } else { self.behind().min(most) };
        let back = length_of(&self.mark);
        Want { path: path.to_owned(), from: self.offset.saturating_sub(back), length: length + back }
    }

    /// Asks only for the bytes that it must have before the place reached; none when it is not known by any.
    pub(super) fn want_mark(&self, path: &str) -> Option<Want> {
        let back = length_of(&self.mark);
        (back > 0).then(|| Want { path: path.to_owned(), from: self.offset.saturating_sub(back), length: back })
    }

    /// Says whether bytes begin with those that it must have there.
    pub(super) fn is_known_by(&self, bytes: &[u8]) -> bool {
        bytes.starts_with(&self.mark)
    }

    /// Takes bytes that it asked for.
    pub(super) fn take(&mut self, mut bytes: Vec<u8>) -> Taken {
        if !self.is_known_by(&bytes) {
            return Taken::Other;
        }
        bytes.drain(..self.mark.len());
        self.offset += length_of(&bytes);
        self.size = self.size.max(self.offset);
        let kept = bytes.len().saturating_sub(MARK);
        self.mark.extend_from_slice(bytes.get(kept..).unwrap_or_default());
        let over = self.mark.len().saturating_sub(MARK);
        self.mark.drain(..over);
        Taken::New(bytes)
    }

    /// Returns the first byte of the next line that is not handed over: where its past ends.
    pub(super) fn handed_over(&self) -> u64 {
        self.offset.saturating_sub(u64::try_from(self.lines.held()).unwrap_or(0))
    }
}

fn length_of(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_known_by_what_was_read_of_it() {
        let found = Found { path: "/a".into(), inode: 1, device: 1, size: 100, modified: 0, regular: true };
        let mut tail = Tail::new(&found, 0, Phase::Current, Mono(0));
        assert_eq!(tail.want("/a", 50), Want { path: "/a".into(), from: 0, length: 50 });
        assert_eq!(tail.take(b"0123456789".to_vec()), Taken::New(b"0123456789".to_vec()));
        assert_eq!(tail.want("/a", 50), Want { path: "/a".into(), from: 0, length: 60 });
        assert_eq!(tail.take(b"0123456789ab".to_vec()), Taken::New(b"ab".to_vec()));
        assert_eq!(tail.take(b"0123456789xy".to_vec()), Taken::Other);
        assert_eq!(tail.take(b"0123".to_vec()), Taken::Other);
        assert_eq!(tail.take(vec![b'-'; 12]), Taken::Other);
        assert_eq!(tail.offset, 12);
        let long: Vec<u8> = (0..200).collect();
        assert_eq!(tail.take([b"0123456789ab", &long[..]].concat()), Taken::New(long));
        assert_eq!((tail.offset, tail.want("/a", 5).from), (212, 148));
    }
}
