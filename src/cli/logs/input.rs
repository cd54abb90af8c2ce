//! Files and standard input, read in runs of whole records.
use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
    sync::{Arc, mpsc},
    time::Duration,
};

use super::desk::Desk;
use crate::{
    cli::setup::{self, Setup},
    core::logs::{
        Nanos, Source, SourceId,
        format::{Format, detect::detect},
    },
    parse::sanitise,
    runtime::logs::{HOLD_MS, load},
};

/// How much is read before the first record is looked at: little, so that the first lines come at once.
const FIRST: usize = 64 * 1024;

/// How much is read at a time later.
const CHUNK: usize = 1024 * 1024;

/// The longest record that is kept whole; what is longer is cut.
const LONGEST: usize = 32 * 1024 * 1024;

/// Where bytes come from.
enum From {
    /// It is read as fast as it can be.
    File(Box<dyn Read + Send>),
    /// It may come slowly, and what has come is shown.
    Pipe(Pipe),
    /// It came to its end.
    Ended,
}

/// Standard input, read by a thread of its own: it may be silent for ever.
struct Pipe {
    chunks: mpsc::Receiver<io::Result<Vec<u8>>>,
    /// What was read and not taken yet.
    rest: io::Cursor<Vec<u8>>,
}

/// What reading brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Came {
    Bytes,
    /// Nothing, for as long as one waits.
    Nothing,
}

/// One file, or standard input.
pub(super) struct Stream {
    pub(super) source: Source,
    from: From,
    /// Where it can be read from its begin.
    file: Option<PathBuf>,
    /// What was read and not yet handed over.
    held: Vec<u8>,
    /// How much is read next.
    step: usize,
    /// The time of the last record.
    pub(super) previous: Option<Nanos>,
    /// Lines that were handed over.
    pub(super) lines: u64,
}

/// What could be opened.
pub(super) struct Opened {
    pub(super) open: Vec<Stream>,
    pub(super) failed: bool,
}

/// Opens files; says which cannot be.
pub(super) fn open(setup: &Setup, desk: &Desk, files: &[PathBuf]) -> Opened {
    let mut opened = Opened { open: Vec::new(), failed: false };
    for path in files {
        match u16::try_from(opened.open.len())
            .map_err(|_| io::Error::other("too many files"))
            .and_then(|number| Stream::open(setup, desk, SourceId(number), path))
        {
            Ok(stream) => opened.open.push(stream),
            Err(error) => {
                opened.failed = true;
                cannot(path.display(), &error);
            }
        }
    }
    let formats: Vec<&Format> = opened.open.iter().map(|stream| &*stream.source.format).collect();
    if !formats.is_empty() {
        desk.doubt(&formats);
    }
    opened
}

/// Says that something cannot be read.
pub(super) fn cannot(name: impl std::fmt::Display, error: &io::Error) {
    setup::warn(&format!("qd: {}: {error}", sanitise::line(name.to_string())));
}

impl Stream {
    fn open(setup: &Setup, desk: &Desk, id: SourceId, path: &Path) -> io::Result<Self> {
        let is_stdin = path == Path::new("-");
        let (mut from, kind) = if is_stdin { (From::stdin(setup)?, "stdin") } else { (From::file(path)?, "local") };
        let mut held = Vec::new();
        from.read(&mut held, FIRST, None)?;
        if held.starts_with(&[0x1f, 0x8b]) {
            let rest = std::mem::replace(&mut from, From::Ended);
            let packed = io::Cursor::new(std::mem::take(&mut held)).chain(rest);
            from = From::File(Box::new(flate2::read::MultiGzDecoder::new(packed)));
            from.read(&mut held, FIRST, None)?;
        }
        let shown = path.display().to_string();
        let format = desk.format.clone().unwrap_or_else(|| detect(&desk.formats, &held, Some(&shown)).format);
        let name = path.file_name().map_or_else(|| "stdin".into(), |name| name.to_string_lossy());
        let name = if is_stdin { "stdin".to_owned() } else { sanitise::name(name.as_bytes()) };
        let source = Source::new(id, (&name, kind, &shown), &format);
        let file = (!is_stdin && path.is_file()).then(|| path.to_path_buf());
        Ok(Self { source, from, file, held, step: FIRST, previous: None, lines: 0 })
    }

    /// Returns what is to be read next: whole records. None at the end.
    pub(super) fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            let ended = matches!(self.from, From::Ended);
            let cut = if ended {
                self.held.len()
            } else if let Some(gathered) = self.source.format.gather(&self.held) {
                self.held = gathered.bytes;
                gathered.open
            } else {
                boundary(&self.source.format, &self.held)
            };
            if cut > 0 {
                let rest = self.held.split_off(cut);
                return Ok(Some(std::mem::replace(&mut self.held, rest)));
            }
            if ended {
                return Ok(None);
            }
            if self.held.len() >= LONGEST {
                return Ok(Some(std::mem::take(&mut self.held)));
            }
            // A record that may go on is let go of when nothing follows for as long as the console waits.
            let whole = memchr::memrchr(b'\n', &self.held).map(|at| at + 1);
            let wait = whole.map(|_| Duration::from_millis(HOLD_MS));
            if self.from.read(&mut self.held, self.step, wait)? == Came::Nothing
                && let Some(whole) = whole
            {
                let rest = self.held.split_off(whole);
                return Ok(Some(std::mem::replace(&mut self.held, rest)));
            }
            self.step = (self.step * 2).min(CHUNK).max(self.held.len().min(LONGEST));
        }
    }

    /// Counts what matches of all that it has.
    pub(super) fn count(mut self, desk: &Desk) -> Result<load::Counted, (Arc<str>, io::Error)> {
        let format = Arc::clone(&self.source.format);
        let source = Source { id: SourceId(0), ..self.source.clone() };
        let reading = load::Reading { source: source.id, format: &format, assume: desk.assume };
        let counted = if let Some(file) = &self.file {
            load::count(file, reading, &source, &desk.matcher)
        } else {
            let held = io::Cursor::new(std::mem::take(&mut self.held));
            load::count_read(held.chain(&mut self.from), reading, &source, &desk.matcher)
        };
        counted.map_err(|error| (self.source.path, error))
    }

    /// Says whether it hands over what has come, however little.
    pub(super) fn is_slow(&self) -> bool {
        matches!(self.from, From::Pipe(_))
    }
}

impl From {
    fn file(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        if file.metadata()?.is_dir() {
            return Err(io::Error::new(io::ErrorKind::IsADirectory, "is a directory"));
        }
        Ok(Self::File(Box::new(file)))
    }

    fn stdin(setup: &Setup) -> io::Result<Self> {
        let (send, chunks) = mpsc::sync_channel(4);
        setup.tasks.thread("standard input", move || {
            let mut stdin = io::stdin().lock();
            loop {
                let mut chunk = vec![0; CHUNK / 4];
                let read = match stdin.read(&mut chunk) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    read => read,
                };
                chunk.truncate(*read.as_ref().unwrap_or(&0));
                let is_end = chunk.is_empty();
                // Whoever reads knows the end by the channel's.
                let is_heard = matches!(read, Ok(0)) || send.send(read.map(|_| chunk)).is_ok();
                if is_end || !is_heard {
                    return;
                }
            }
        })?;
        Ok(Self::Pipe(Pipe { chunks, rest: io::Cursor::default() }))
    }

    /// Reads up to so many bytes more; notes the end. Waits no longer than that for a pipe.
    fn read(&mut self, into: &mut Vec<u8>, most: usize, wait: Option<Duration>) -> io::Result<Came> {
        let is_end = match self {
            Self::Ended => return Ok(Came::Bytes),
            Self::File(file) => {
                into.reserve(most);
                let read = file.by_ref().take(u64::try_from(most).unwrap_or(u64::MAX)).read_to_end(into)?;
                read < most
            }
            Self::Pipe(pipe) => {
                if !pipe.fill(wait)? {
                    return Ok(Came::Nothing);
                }
                let read = pipe.rest.by_ref().take(u64::try_from(most).unwrap_or(u64::MAX)).read_to_end(into)?;
                read == 0
            }
        };
        if is_end {
            *self = Self::Ended;
        }
        Ok(Came::Bytes)
    }
}

impl Pipe {
    /// Waits until there is something to take, or the end. False: neither came in time.
    fn fill(&mut self, wait: Option<Duration>) -> io::Result<bool> {
        if self.rest.position() < self.rest.get_ref().len() as u64 {
            return Ok(true);
        }
        let came = match wait {
            None => self.chunks.recv().map_err(|_| mpsc::RecvTimeoutError::Disconnected),
            Some(wait) => self.chunks.recv_timeout(wait),
        };
        match came {
            Ok(chunk) => self.rest = io::Cursor::new(chunk?),
            Err(mpsc::RecvTimeoutError::Timeout) => return Ok(false),
            Err(mpsc::RecvTimeoutError::Disconnected) => {}
        }
        Ok(true)
    }
}

impl Read for From {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::File(file) => file.read(buffer),
            Self::Pipe(pipe) => pipe.fill(None).and_then(|_| pipe.rest.read(buffer)),
            Self::Ended => Ok(0),
        }
    }
}

/// Finds how many bytes are whole records, if more may follow.
fn boundary(format: &Arc<Format>, held: &[u8]) -> usize {
    let Some(last) = memchr::memrchr(b'\n', held) else { return 0 };
    if !format.is_multi_line() {
        return last + 1;
    }
    // The last record may go on; it ends where another begins. The line that is not yet whole says nothing.
    let mut end = last;
    for _ in 0..10_000 {
        let begin = held.get(..end).and_then(|before| memchr::memrchr(b'\n', before));
        let Some(begin) = begin else { return 0 };
        let before = held.get(..begin).unwrap_or_default();
        let previous = before.get(memchr::memrchr(b'\n', before).map_or(0, |at| at + 1)..).unwrap_or_default();
        let line = held.get(begin + 1..end).unwrap_or_default();
        if !format.continues(previous, line) {
            return begin + 1;
        }
        end = begin;
    }
    last + 1
}
