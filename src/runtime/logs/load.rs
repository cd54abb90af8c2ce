//! Reads local files to segments, and counts in them without keeping them.
//!
//! A plain file is cut at record borders and its pieces are read and taken apart at the same time; what is packed or piped
//! is read piece by piece while those before are taken apart.
use std::{
    fs::File,
    io::{self, Read},
    path::Path,
    sync::{Mutex, PoisonError},
};

use flate2::read::MultiGzDecoder;
use memchr::{memchr, memrchr};
use rayon::prelude::*;

use crate::core::logs::{
    Source, SourceId,
    eval::Matcher,
    format::{Assume, Format},
    segment::{Batch, Segment},
};

/// Bytes of a piece: large enough for the arena's searches, small enough for all cores to have some.
const PIECE: usize = 4 << 20;
/// A piece of a file that is only counted is read again into the same memory, which should stay in the cache.
const COUNTED: usize = 1 << 20;
/// A record's end is searched for within so many bytes; what is longer is cut between two lines, or anywhere.
const LONGEST: usize = 64 << 20;
/// Pieces that are taken apart at the same time while more is read.
const AT_ONCE: usize = 8;

/// How records are read.
#[derive(Clone, Copy, Debug)]
pub struct Reading<'a> {
    /// Whose they are.
    pub source: SourceId,
    /// How they are taken apart.
    pub format: &'a Format,
    /// What they leave out.
    pub assume: Assume,
}

/// What was counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Records.
    pub records: u64,
    /// Records that match.
    pub matched: u64,
}

/// Reads up to so many bytes from the begin of a file, unpacked where it is packed, to find its format out.
///
/// # Errors
/// When it cannot be read.
pub fn sample(path: &Path, bytes: usize) -> io::Result<Vec<u8>> {
    let mut text = Vec::with_capacity(bytes.min(1 << 20));
    open(path)?.take(bytes as u64).read_to_end(&mut text)?;
    Ok(text)
}

/// Reads a whole file, gzip included, on all cores. Segments are in the file's order and hold whole records.
///
/// # Errors
/// When it cannot be read.
pub fn load(path: &Path, reading: Reading<'_>) -> io::Result<Vec<Segment>> {
    let Some(file) = Plain::open(path)?.filter(|_| !reading.format.gathers()) else {
        return read(open(path)?, reading);
    };
    let borders = file.borders(reading.format, PIECE)?;
    borders.par_windows(2).with_max_len(1).map(|range| Ok(parse(file.read(range, Vec::new())?, reading))).collect()
}

/// Reads all that comes to segments, in order; stops at its end.
///
/// # Errors
/// When it cannot be read.
pub fn read(from: impl Read, reading: Reading<'_>) -> io::Result<Vec<Segment>> {
    let mut pieces = Pieces::new(from, reading.format, PIECE);
    let mut segments = Vec::new();
    loop {
        let some: Vec<Vec<u8>> = pieces.by_ref().take(AT_ONCE).collect::<io::Result<_>>()?;
        if some.is_empty() {
            return Ok(segments);
        }
        segments.par_extend(some.into_par_iter().with_max_len(1).map(|bytes| parse(bytes, reading)));
    }
}

/// Counts what matches, in memory that does not grow with the file. `source` is what the filter's terms on sources see.
///
/// # Errors
/// When it cannot be read.
pub fn count(path: &Path, reading: Reading<'_>, source: &Source, matcher: &Matcher) -> io::Result<Counted> {
    let Some(file) = Plain::open(path)?.filter(|_| !reading.format.gathers()) else {
        return count_read(open(path)?, reading, source, matcher);
    };
    let borders = file.borders(reading.format, COUNTED)?;
    let spare: Mutex<Vec<Vec<u8>>> = Mutex::default();
    let of_piece = |range: &[u64]| -> io::Result<Counted> {
        let room = spare.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
        let (counted, room) = count_piece(file.read(range, room)?, reading, source, matcher);
        spare.lock().unwrap_or_else(PoisonError::into_inner).push(room);
        Ok(counted)
    };
    borders.par_windows(2).with_max_len(1).map(of_piece).try_reduce(Counted::default, |one, other| Ok(one.and(other)))
}

/// Counts what matches of all that comes, in memory that does not grow with it.
///
/// # Errors
/// When it cannot be read.
pub fn count_read(from: impl Read, reading: Reading<'_>, source: &Source, matcher: &Matcher) -> io::Result<Counted> {
    let mut pieces = Pieces::new(from, reading.format, COUNTED);
    let mut all = Counted::default();
    loop {
        let some: Vec<Vec<u8>> = pieces.by_ref().take(AT_ONCE).collect::<io::Result<_>>()?;
        if some.is_empty() {
            return Ok(all);
        }
        let counted = some.into_par_iter().with_max_len(1).map(|bytes| count_piece(bytes, reading, source, matcher).0);
        all = all.and(counted.reduce(Counted::default, Counted::and));
    }
}

impl Counted {
    fn and(self, other: Self) -> Self {
        Self { records: self.records + other.records, matched: self.matched + other.matched }
    }
}

fn parse(bytes: Vec<u8>, reading: Reading<'_>) -> Segment {
    Segment::parse(Batch::new(reading.source, reading.format, reading.assume, bytes))
}

fn count_piece(bytes: Vec<u8>, reading: Reading<'_>, source: &Source, matcher: &Matcher) -> (Counted, Vec<u8>) {
    let batch = Batch::new(SourceId(0), reading.format, reading.assume, bytes);
    let segment = Segment::parse_to_match(batch, matcher.needs_columns());
    let found = matcher.set(&segment, std::slice::from_ref(source), None).count() as u64;
    (Counted { records: segment.len() as u64, matched: found }, segment.into_text())
}

fn open(path: &Path) -> io::Result<Box<dyn Read + Send>> {
    let mut file = File::open(path)?;
    let mut magic = [0; 2];
    let is_packed = file.metadata()?.is_file() && read_up_to(&mut file, &mut magic)? == 2 && magic == [0x1f, 0x8b];
    let file = File::open(path)?;
    Ok(if is_packed { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) })
}

fn read_up_to(from: &mut impl Read, mut room: &mut [u8]) -> io::Result<usize> {
    let mut read = 0;
    while !room.is_empty() {
        match from.read(room) {
            Ok(0) => break,
            Ok(bytes) => {
                read += bytes;
                room = room.get_mut(bytes..).unwrap_or_default();
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(read)
}

/// A file that can be read at any place.
struct Plain {
    file: File,
    len: u64,
}

impl Plain {
    /// Opens a file; none where it is packed, or is no file but a pipe or the like.
    fn open(path: &Path) -> io::Result<Option<Self>> {
        let file = File::open(path)?;
        let meta = file.metadata()?;
        let mut magic = [0; 2];
        // Files of /proc have no length.
        if !meta.is_file() || meta.len() == 0 {
            return Ok(None);
        }
        let plain = Self { file, len: meta.len() };
        let read = plain.read_at(&mut magic, 0)?;
        Ok((read < 2 || magic != [0x1f, 0x8b]).then_some(plain))
    }

    #[cfg(unix)]
    fn read_at(&self, room: &mut [u8], at: u64) -> io::Result<usize> {
        use std::os::unix::fs::FileExt;

        let mut read = 0;
        while let Some(rest) = room.get_mut(read..).filter(|rest| !rest.is_empty()) {
            match self.file.read_at(rest, at + read as u64) {
                Ok(0) => break,
                Ok(bytes) => read += bytes,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(read)
    }

    /// Reads from one border to the next. A file that has become shorter ends earlier.
    fn read(&self, range: &[u64], mut room: Vec<u8>) -> io::Result<Vec<u8>> {
        let [from, to] = range else { return Ok(room) };
        let bytes = usize::try_from(to - from).unwrap_or(usize::MAX);
        // A spare byte, should the last line have no end.
        room.reserve_exact((bytes + 1).saturating_sub(room.len()));
        room.resize(bytes, 0);
        let read = self.read_at(&mut room, *from)?;
        room.truncate(read);
        Ok(room)
    }

    /// Where pieces begin, and at last where the file ends: about equally long, each beginning with a record.
    fn borders(&self, format: &Format, piece: usize) -> io::Result<Vec<u64>> {
        let mut borders = vec![0];
        let mut from = piece as u64;
        let mut window = vec![0; 64 << 10];
        while from < self.len {
            let border = self.border(format, from - 1, &mut window)?;
            if border >= self.len {
                break;
            }
            borders.push(border);
            from = border.max(from) + piece as u64;
        }
        borders.push(self.len);
        Ok(borders)
    }

    /// The first place behind another one at which a record begins.
    fn border(&self, format: &Format, at: u64, window: &mut Vec<u8>) -> io::Result<u64> {
        loop {
            let read = self.read_at(window, at)?;
            let text = window.get(..read).unwrap_or_default();
            if let Some(found) = border(format, text, at + read as u64 >= self.len) {
                return Ok(at + found as u64);
            }
            if read < window.len() {
                return Ok(self.len);
            }
            if window.len() >= LONGEST {
                let line = memchr(b'\n', text).map_or(read, |newline| newline + 1);
                return Ok(at + line as u64);
            }
            window.resize(window.len() * 8, 0);
        }
    }
}

/// Finds the begin of a record behind the first line break.
fn border(format: &Format, text: &[u8], is_end: bool) -> Option<usize> {
    let mut line = memchr(b'\n', text)? + 1;
    if !format.is_multi_line() {
        return Some(line);
    }
    // Whether a line goes on with the one before is seen by both, so the first whole line can only be the one before.
    loop {
        let (_, rest) = text.split_at_checked(line)?;
        let end = memchr(b'\n', rest)?;
        let (before, rest) = (rest.get(..end)?, rest.get(end + 1..)?);
        let next = match memchr(b'\n', rest) {
            Some(next) => rest.get(..next)?,
            None if is_end && !rest.is_empty() => rest,
            None => return None,
        };
        line += end + 1;
        if !format.continues(before, next) {
            return Some(line);
        }
    }
}

/// Whole records of what can only be read once, about so many bytes at a time.
struct Pieces<'a, R> {
    from: R,
    format: &'a Format,
    piece: usize,
    rest: Vec<u8>,
    ended: bool,
}

impl<'a, R: Read> Pieces<'a, R> {
    fn new(from: R, format: &'a Format, piece: usize) -> Self {
        Self { from, format, piece, rest: Vec::new(), ended: false }
    }
}

impl<R: Read> Iterator for Pieces<'_, R> {
    type Item = io::Result<Vec<u8>>;

    fn next(&mut self) -> Option<io::Result<Vec<u8>>> {
        let mut piece = self.piece;
        loop {
            let kept = self.rest.len();
            if !self.ended {
                self.rest.reserve_exact(piece + 1);
                let room = piece.saturating_sub(kept).max(64 << 10) as u64;
                let read = match self.from.by_ref().take(room).read_to_end(&mut self.rest) {
                    Ok(read) => read,
                    Err(error) => {
                        self.ended = true;
                        self.rest.clear();
                        return Some(Err(error));
                    }
                };
                self.ended = (read as u64) < room;
            }
            if self.ended {
                return (!self.rest.is_empty()).then(|| Ok(std::mem::take(&mut self.rest)));
            }
            let border = if let Some(gathered) = self.format.gather(&self.rest) {
                self.rest = gathered.bytes;
                Some(gathered.open)
            } else {
                last_border(self.format, &self.rest)
            };
            let cut = border.or_else(|| {
                (self.rest.len() >= LONGEST).then(|| memrchr(b'\n', &self.rest).map_or(self.rest.len(), |at| at + 1))
            });
            if let Some(cut) = cut.filter(|cut| *cut > 0) {
                let rest = self.rest.split_off(cut);
                return Some(Ok(std::mem::replace(&mut self.rest, rest)));
            }
            piece = piece.saturating_mul(2).min(2 * LONGEST);
        }
    }
}

/// Finds where the last record begins, which may go on in what is not there yet.
fn last_border(format: &Format, text: &[u8]) -> Option<usize> {
    let end = memrchr(b'\n', text)? + 1;
    if !format.is_multi_line() {
        return Some(end);
    }
    let mut end = end - 1;
    loop {
        let line = memrchr(b'\n', text.get(..end)?)? + 1;
        let before = memrchr(b'\n', text.get(..line - 1)?).map_or(0, |newline| newline + 1);
        let (before, line_text) = (text.get(before..line - 1)?, text.get(line..end)?);
        if !format.continues(before, line_text) {
            return Some(line);
        }
        end = line - 1;
    }
}

#[cfg(test)]
#[path = "load_tests.rs"]
mod tests;
