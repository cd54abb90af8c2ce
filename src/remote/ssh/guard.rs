//! The byte stream under an SSH connection, which can be cut from our side at any moment.
//!
//! russh has no time-out before authentication and none for a write that the peer does not take; cutting the stream under it
//! is what ends its task in every state.
use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep},
};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// A write of which nothing is taken for this long is a dead link.
const STUCK: Duration = Duration::from_secs(10);

/// What russh needs of a stream.
pub(super) trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

/// A stream that ends when its token is cancelled, or when a write is stuck.
pub(super) struct Guarded {
    wire: Box<dyn Wire>,
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
    stuck: Option<Pin<Box<Sleep>>>,
    heard: Arc<AtomicBool>,
}

impl Guarded {
    /// Guards a stream; `heard` is set once the peer says anything.
    pub(super) fn new(wire: Box<dyn Wire>, cut: CancellationToken, heard: Arc<AtomicBool>) -> Self {
        Self { wire, cut: Box::pin(cut.cancelled_owned()), stuck: None, heard }
    }

    fn is_cut(&mut self, context: &mut Context<'_>) -> bool {
        use std::future::Future as _;
        self.cut.as_mut().poll(context).is_ready()
    }

    fn written<T>(&mut self, context: &mut Context<'_>, poll: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        use std::future::Future as _;
        if poll.is_ready() {
            self.stuck = None;
            return poll;
        }
        let stuck = self.stuck.get_or_insert_with(|| Box::pin(sleep(STUCK)));
        match stuck.as_mut().poll(context) {
            Poll::Ready(()) => {
                stuck.as_mut().reset(Instant::now() + STUCK);
                Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the peer takes no data")))
            }
            Poll::Pending => Poll::Pending,
        }
    }
}

fn cut() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, "closed by us")
}

impl AsyncRead for Guarded {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.is_cut(context) {
            return Poll::Ready(Err(cut()));
        }
        let poll = Pin::new(&mut this.wire).poll_read(context, buffer);
        if poll.is_ready() && !buffer.filled().is_empty() {
            this.heard.store(true, Ordering::Relaxed);
        }
        poll
    }
}

impl AsyncWrite for Guarded {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.is_cut(context) {
            return Poll::Ready(Err(cut()));
        }
        let poll = Pin::new(&mut this.wire).poll_write(context, bytes);
        this.written(context, poll)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.is_cut(context) {
            return Poll::Ready(Err(cut()));
        }
        let poll = Pin::new(&mut this.wire).poll_flush(context);
        this.written(context, poll)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().wire).poll_shutdown(context)
    }
}
