//! The way to the terminal: one frame under way at most, written by a thread of its own.
//!
//! A terminal at the far end of a slow or frozen link takes bytes late or never. Only this thread waits for it: checks,
//! rules and the store go on, and the next frame is drawn from what is known when the last one has been taken. So a slow
//! link gets fewer frames, each of them new, and holds at most one frame and a few short sequences in memory.
use std::{
    io::{self, Write},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::sync::Notify;

use crate::core::time::Clock;

/// A frame being collected: everything until [`Wire::send`] leaves in one write.
#[derive(Clone, Debug, Default)]
pub(super) struct Collector(Arc<Mutex<Vec<u8>>>);

impl Write for Collector {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        locked(&self.0).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    /// Does nothing: a frame is complete when the screen says so, not when a part of it is.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The sending end.
#[derive(Debug)]
pub(super) struct Wire {
    collector: Collector,
    line: Arc<Line>,
}

/// What the writing thread and the screen share.
#[derive(Debug)]
struct Line {
    state: Mutex<State>,
    changed: Condvar,
    taken: Notify,
    written: AtomicU64,
    took_ms: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    waiting: Vec<u8>,
    writing: bool,
    closed: bool,
    failed: Option<io::Error>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Wire {
    /// Makes a wire and the work of its thread, which writes with `write` until the wire is dropped.
    pub(super) fn new(
        clock: Arc<dyn Clock>,
        mut write: impl FnMut(&[u8]) -> io::Result<()> + Send + 'static,
    ) -> (Self, impl FnOnce() + Send + 'static) {
        let line = Arc::new(Line {
            state: Mutex::default(),
            changed: Condvar::new(),
            taken: Notify::new(),
            written: AtomicU64::new(0),
            took_ms: AtomicU64::new(0),
        });
        let wire = Self { collector: Collector::default(), line: Arc::clone(&line) };
        let work = move || {
            let mut bytes = Vec::new();
            while line.next(&mut bytes) {
                let began = clock.now().mono;
                let result = write(&bytes);
                line.took_ms.store(clock.now().mono.since(began), Ordering::Relaxed);
                line.written.fetch_add(bytes.len() as u64, Ordering::Relaxed);
                bytes.clear();
                line.done(result.err());
            }
        };
        (wire, work)
    }

    /// Returns where a frame is collected.
    pub(super) fn collector(&self) -> Collector {
        self.collector.clone()
    }

    /// Sends what was collected. Returns at once.
    ///
    /// # Errors
    /// When an earlier write failed: the terminal is gone.
    pub(super) fn send(&self) -> io::Result<()> {
        let mut state = locked(&self.line.state);
        if let Some(error) = state.failed.take() {
            return Err(error);
        }
        state.waiting.append(&mut locked(&self.collector.0));
        self.line.changed.notify_all();
        Ok(())
    }

    /// Says whether the terminal has taken all: only then is the next frame worth drawing.
    pub(super) fn idle(&self) -> bool {
        locked(&self.line.state).idle()
    }

    /// Waits until the terminal has taken what was sent.
    pub(super) async fn taken(&self) {
        while !self.idle() {
            self.line.taken.notified().await;
        }
    }

    /// Waits on this thread until the terminal has taken all, but not for ever. False when it has not.
    pub(super) fn drained(&self, within: Duration) -> bool {
        let state = locked(&self.line.state);
        let (_state, timeout) = self
            .line
            .changed
            .wait_timeout_while(state, within, |state| !state.idle())
            .unwrap_or_else(PoisonError::into_inner);
        !timeout.timed_out()
    }

    /// Returns how many bytes were written.
    pub(super) fn written(&self) -> u64 {
        self.line.written.load(Ordering::Relaxed)
    }

    /// Returns how long the terminal needed for the last frame.
    pub(super) fn took(&self) -> Duration {
        Duration::from_millis(self.line.took_ms.load(Ordering::Relaxed))
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        locked(&self.line.state).closed = true;
        self.line.changed.notify_all();
    }
}

impl State {
    /// A terminal that is gone takes nothing any more, so nothing is waited for.
    fn idle(&self) -> bool {
        self.failed.is_some() || (self.waiting.is_empty() && !self.writing)
    }
}

impl Line {
    /// Waits for bytes; false when there will be none.
    fn next(&self, into: &mut Vec<u8>) -> bool {
        let mut state = self
            .changed
            .wait_while(locked(&self.state), |state| state.waiting.is_empty() && !state.closed)
            .unwrap_or_else(PoisonError::into_inner);
        std::mem::swap(&mut state.waiting, into);
        state.writing = !into.is_empty();
        state.writing
    }

    fn done(&self, failed: Option<io::Error>) {
        let mut state = locked(&self.state);
        state.writing = false;
        if failed.is_some() {
            state.failed = failed;
            state.waiting.clear();
        }
        drop(state);
        self.changed.notify_all();
        self.taken.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;
    use crate::core::time::{Mono, Now, Timestamp};

    #[derive(Debug)]
    struct Still;

    impl Clock for Still {
        fn now(&self) -> Now {
            Now { utc: Timestamp(0), mono: Mono(0) }
        }
    }

    /// A terminal that takes a write only when it is told how that ends.
    fn terminal() -> (Wire, Sender<io::Result<()>>, Receiver<Vec<u8>>, tokio::runtime::Runtime) {
        let (allow, allowed) = channel();
        let (out, sees) = channel();
        let (wire, work) = Wire::new(Arc::new(Still), move |bytes| {
            out.send(bytes.to_vec()).unwrap();
            allowed.recv().unwrap_or(Ok(()))
        });
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        crate::tasks::Tasks::new(runtime.handle().clone(), |_| {}).thread("terminal", work).unwrap();
        (wire, allow, sees, runtime)
    }

    #[test]
    fn a_frame_leaves_in_one_write_and_a_slow_terminal_holds_back_the_next() {
        let (wire, allow, sees, runtime) = terminal();
        let mut collector = wire.collector();
        assert!(wire.idle());
        for part in [b"one ".as_slice(), b"frame"] {
            collector.write_all(part).unwrap();
            collector.flush().unwrap();
        }
        assert!(wire.idle(), "nothing leaves before it is complete");
        wire.send().unwrap();
        assert_eq!(sees.recv().unwrap(), b"one frame");
        assert!(!wire.idle());
        assert!(!wire.drained(Duration::from_millis(1)));
        // Short sequences may follow while it writes; they go together.
        for part in [b"bell ".as_slice(), b"copy"] {
            collector.write_all(part).unwrap();
            wire.send().unwrap();
        }
        allow.send(Ok(())).unwrap();
        assert_eq!(sees.recv().unwrap(), b"bell copy");
        allow.send(Ok(())).unwrap();
        runtime.block_on(wire.taken());
        assert_eq!(wire.written(), 18);
        assert!(wire.drained(Duration::ZERO));
    }

    #[test]
    fn a_terminal_that_is_gone_is_said_by_the_next_frame_and_waited_for_by_nobody() {
        let (wire, allow, sees, runtime) = terminal();
        wire.collector().write_all(b"frame").unwrap();
        wire.send().unwrap();
        assert_eq!(sees.recv().unwrap(), b"frame");
        allow.send(Err(io::ErrorKind::BrokenPipe.into())).unwrap();
        runtime.block_on(wire.taken());
        assert!(wire.drained(Duration::ZERO));
        assert_eq!(wire.send().unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }
}
