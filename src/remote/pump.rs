//! Where a command's output goes: into bounded memory for a run, into a bounded queue for a stream.
use std::time::Duration;

use tokio::sync::mpsc;

use super::{Chunk, Exit, Output, RemoteError};

/// How long output may still come in after the exit code: a child left in the background can hold it open for ever.
pub(super) const AFTER_EXIT: Duration = Duration::from_secs(1);
/// How long a command that was told to end is given before its channel is closed anyway.
pub(super) const TO_END: Duration = Duration::from_secs(5);
/// Chunks that wait for a slow reader.
pub(super) const QUEUE: usize = 256;

/// A piece of a command's output, before anyone has room for it.
#[derive(Debug)]
pub(super) enum Piece {
    Stdout(bytes::Bytes),
    Stderr(bytes::Bytes),
}

/// Takes output as it comes.
pub(super) trait Take: Send {
    /// Takes a piece; whoever has no room makes the command wait, or drops it.
    fn take(&mut self, piece: Piece) -> impl Future<Output = ()> + Send;
}

impl Take for Collector {
    async fn take(&mut self, piece: Piece) {
        self.keep(&piece);
    }
}

impl Take for Queue {
    async fn take(&mut self, piece: Piece) {
        self.push(piece);
    }
}

impl Take for mpsc::Sender<Chunk> {
    async fn take(&mut self, piece: Piece) {
        // An error means that nobody reads any more: then the command is about to be stopped.
        self.send(piece.into()).await.ok();
    }
}

impl From<Piece> for Chunk {
    fn from(piece: Piece) -> Self {
        match piece {
            Piece::Stdout(bytes) => Self::Stdout(bytes.into()),
            Piece::Stderr(bytes) => Self::Stderr(bytes.into()),
        }
    }
}

/// Keeps the first bytes of a run's output and counts the rest.
#[derive(Debug)]
pub(super) struct Collector {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    dropped_bytes: u64,
    max: usize,
}

impl Collector {
    pub(super) fn new(max: usize) -> Self {
        Self { stdout: Vec::new(), stderr: Vec::new(), dropped_bytes: 0, max }
    }

    pub(super) fn keep(&mut self, piece: &Piece) {
        let (kept, bytes) = match piece {
            Piece::Stdout(bytes) => (&mut self.stdout, bytes),
            Piece::Stderr(bytes) => (&mut self.stderr, bytes),
        };
        let room = self.max.saturating_sub(kept.len()).min(bytes.len());
        kept.extend(bytes.iter().take(room));
        self.dropped_bytes = self.dropped_bytes.saturating_add(length(bytes.len() - room));
    }

    pub(super) fn finish(self, exit: Exit) -> Output {
        Output { exit, stdout: self.stdout, stderr: self.stderr, dropped_bytes: self.dropped_bytes }
    }
}

/// A bounded queue that never blocks who fills it: what finds no room is dropped and counted.
#[derive(Debug)]
pub(super) struct Queue {
    chunks: mpsc::Sender<Chunk>,
    dropped: u64,
}

impl Queue {
    pub(super) fn new() -> (Self, mpsc::Receiver<Chunk>) {
        let (chunks, reader) = mpsc::channel(QUEUE);
        (Self { chunks, dropped: 0 }, reader)
    }

    pub(super) fn push(&mut self, piece: Piece) {
        let (size, chunk) = match piece {
            Piece::Stdout(bytes) => (bytes.len(), Chunk::Stdout(bytes.into())),
            Piece::Stderr(bytes) => (bytes.len(), Chunk::Stderr(bytes.into())),
        };
        if self.dropped > 0 {
            // The gap must be told before what comes after it: both find room, or neither goes in.
            if self.chunks.capacity() < 2 || self.chunks.try_send(Chunk::Dropped(self.dropped)).is_err() {
                self.dropped = self.dropped.saturating_add(length(size));
                return;
            }
            self.dropped = 0;
        }
        if self.chunks.try_send(chunk).is_err() {
            self.dropped = self.dropped.saturating_add(length(size));
        }
    }

    /// Waits for room for the last word, or for the reader to go away.
    pub(super) async fn finish(self, end: Result<Exit, RemoteError>) {
        if self.dropped > 0 && self.chunks.send(Chunk::Dropped(self.dropped)).await.is_err() {
            return;
        }
        let last = end.map_or_else(Chunk::Lost, Chunk::Ended);
        // An error means that nobody reads any more, who would have wanted to know.
        self.chunks.send(last).await.ok();
    }
}

fn length(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_slow_reader_loses_the_middle_and_is_told_how_much() {
        let (mut queue, mut reader) = Queue::new();
        for _ in 0..QUEUE + 10 {
            queue.push(Piece::Stdout("12345".into()));
        }
        for _ in 0..QUEUE {
            assert_eq!(reader.recv().await, Some(Chunk::Stdout(b"12345".to_vec())));
        }
        queue.push(Piece::Stderr("x".into()));
        assert_eq!(reader.recv().await, Some(Chunk::Dropped(50)));
        assert_eq!(reader.recv().await, Some(Chunk::Stderr(b"x".to_vec())));
        queue.finish(Ok(Exit::Code(0))).await;
        assert_eq!(reader.recv().await, Some(Chunk::Ended(Exit::Code(0))));
        assert_eq!(reader.recv().await, None);
    }

    #[test]
    fn output_beyond_the_limit_is_counted() {
        let mut collector = Collector::new(4);
        collector.keep(&Piece::Stdout("abcdef".into()));
        collector.keep(&Piece::Stderr("x".into()));
        collector.keep(&Piece::Stdout("gh".into()));
        let output = collector.finish(Exit::Code(0));
        assert_eq!((output.stdout.as_slice(), output.stderr.as_slice()), (&b"abcd"[..], &b"x"[..]));
        assert_eq!(output.dropped_bytes, 4);
    }
}
