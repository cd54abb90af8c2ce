//! What segments are made of.
use super::super::{
    Nanos, SourceId,
    format::{Assume, Format},
};

/// What is noted about a record besides its text, as bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Hash)]
pub struct Flags(pub u8);

impl Flags {
    /// It names no time: it has the one of the record before it, or of its arrival.
    pub const UNTIMED: Self = Self(1);
    /// It came after younger ones had been shown, and was inserted where it belongs.
    pub const LATE: Self = Self(2);
    /// Nobody's log has it: the console says that there is a gap, that lines were dropped, that a link was lost.
    pub const NOTICE: Self = Self(4);
    /// It was longer than what is kept; the rest is lost and was said so.
    pub const TRUNCATED: Self = Self(8);
    /// It came without the `\n` that its text ends with here: the last line of a file.
    pub const UNTERMINATED: Self = Self(16);

    /// Says whether all of the other's bits are set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Returns both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// Whole records of one source, to be made a segment of.
#[derive(Debug)]
pub struct Batch<'a> {
    /// Whose they are.
    pub source: SourceId,
    /// How they are read.
    pub format: &'a Format,
    /// What they leave out.
    pub assume: Assume,
    /// The text. The vector is kept, not copied.
    pub bytes: Vec<u8>,
    /// Where each record ends in `bytes`, behind its `\n`, where the source says so (an entry of Loki or journald may have
    /// many lines). Empty: the format splits them, and cuts a record that goes on for more than a thousand lines.
    pub ends: Vec<u32>,
    /// The records' times, where the source knows them better than the text. As many as records, or empty.
    pub times: Vec<Nanos>,
    /// Fields that are not in the text, as logfmt: the record's number in this batch, rising, and its fields.
    pub extras: Vec<(u32, String)>,
    /// Set on every record.
    pub flags: Flags,
    /// The time of the source's record before, for those that name none.
    pub previous: Option<Nanos>,
    /// Records before this moment are marked late.
    pub late_before: Option<Nanos>,
    /// Nanoseconds to add to the times that the text names: what its host's clock is off by.
    pub shift: i64,
}

impl<'a> Batch<'a> {
    /// Makes a batch that the format splits and reads.
    pub fn new(source: SourceId, format: &'a Format, assume: Assume, bytes: Vec<u8>) -> Self {
        Self {
            source,
            format,
            assume,
            bytes,
            ends: Vec::new(),
            times: Vec::new(),
            extras: Vec::new(),
            flags: Flags::default(),
            previous: None,
            late_before: None,
            shift: 0,
        }
    }
}
