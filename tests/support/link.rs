//! A slow link between a person and a terminal: what goes through is late, and only so much of it a second.
use std::{
    io::{self, Read, Write},
    sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel},
    time::{Duration, Instant},
};

/// How a link is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Link {
    /// How late anything comes, in each direction.
    pub(crate) delay: Duration,
    /// Bytes that come through in a second towards the person; keys are few.
    pub(crate) bytes_a_second: u32,
}

/// A piece of what goes through, and when it was sent.
struct Piece {
    sent: Instant,
    bytes: Vec<u8>,
}

/// Pieces that may be under way: with them full, the program waits in its write, as it does behind a real connection.
const UNDER_WAY: usize = 32;

#[expect(clippy::disallowed_methods, reason = "the link itself is made of real time")]
fn now() -> Instant {
    Instant::now()
}

/// Holds a piece back: what a link is late by is time itself, and no event ends it sooner.
fn wait_until(due: Instant) {
    let (_keep, never) = channel::<()>();
    never.recv_timeout(due.saturating_duration_since(now())).unwrap_err();
}

#[expect(clippy::disallowed_methods, reason = "it ends with what it reads from or writes to")]
fn aside(work: impl FnOnce() + Send + 'static) {
    drop(std::thread::spawn(work));
}

/// What comes through a link.
struct Far {
    pieces: Receiver<Piece>,
    link: Link,
    /// When the link has sent what it has.
    free: Instant,
    left: io::Cursor<Vec<u8>>,
}

impl Read for Far {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = self.left.read(buffer)?;
        if got > 0 {
            return Ok(got);
        }
        let Ok(piece) = self.pieces.recv() else { return Ok(0) };
        let many = u32::try_from(piece.bytes.len()).unwrap_or(u32::MAX);
        self.free = self.free.max(piece.sent) + Duration::from_secs(1) * many / self.link.bytes_a_second;
        wait_until(self.free + self.link.delay);
        self.left = io::Cursor::new(piece.bytes);
        self.left.read(buffer)
    }
}

fn send_on(mut from: Box<dyn Read + Send>, to: &SyncSender<Piece>) {
    let mut buffer = [0; 1_024];
    while let Ok(many @ 1..) = from.read(&mut buffer) {
        let bytes = buffer.get(..many).unwrap_or_default().to_vec();
        if to.send(Piece { sent: now(), bytes }).is_err() {
            return;
        }
    }
}

/// Reads from something through a link.
pub(crate) fn reader(from: Box<dyn Read + Send>, link: Link) -> Box<dyn Read + Send> {
    let (send, pieces) = sync_channel(UNDER_WAY);
    aside(move || send_on(from, &send));
    Box::new(Far { pieces, link, free: now(), left: io::Cursor::default() })
}

/// What goes through a link.
struct Near {
    to: Sender<Piece>,
}

impl Write for Near {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let piece = Piece { sent: now(), bytes: bytes.to_vec() };
        self.to.send(piece).map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes to something through a link.
pub(crate) fn writer(mut to: Box<dyn Write + Send>, link: Link) -> Box<dyn Write + Send> {
    let (send, pieces) = channel::<Piece>();
    aside(move || {
        for piece in pieces {
            wait_until(piece.sent + link.delay);
            if to.write_all(&piece.bytes).and_then(|()| to.flush()).is_err() {
                return;
            }
        }
    });
    Box::new(Near { to: send })
}
