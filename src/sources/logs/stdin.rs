//! What is piped in: read to its end, no faster than it is taken.
use futures_util::future::BoxFuture;
use tokio::sync::mpsc;

use super::{Batch, LogContext, LogSource, StreamInfo, follow::Lines};
use crate::{core::logs::SourceState, sources::SourceError};

/// Reads stdin.
#[derive(Debug)]
pub struct Stdin;

/// Bytes that are read at once.
const PIECE: usize = 256 * 1024;

impl LogSource for Stdin {
    fn name(&self) -> &'static str {
        "stdin"
    }

    fn run(&self, context: LogContext) -> BoxFuture<'static, SourceError> {
        Box::pin(read(context, std::io::stdin()))
    }
}

/// Reads a pipe to its end, in a thread that may wait for it for ever.
pub async fn read(context: LogContext, mut from: impl std::io::Read + Send + 'static) -> SourceError {
    let spec = context.wants.borrow().first().cloned();
    let stream = context.sink.open(StreamInfo {
        name: spec.as_ref().map_or_else(|| "stdin".to_owned(), |spec| spec.name.to_string()),
        kind: "stdin",
        path: "-".into(),
        service: spec.as_ref().and_then(|spec| spec.service.clone()),
        host: None,
        labels: Vec::new(),
        format: spec.as_ref().and_then(|spec| spec.format.clone()),
        timezone: spec.as_ref().and_then(|spec| spec.timezone),
    });
    context.sink.state(stream, SourceState::Live);
    let mut lines = Lines::default();
    let (pieces, mut taken) = mpsc::channel(2);
    let reading = move || {
        loop {
            let mut piece = vec![0; PIECE];
            let read = from.read(&mut piece).map(|count| {
                piece.truncate(count);
                piece
            });
            let last = read.as_ref().map_or(true, Vec::is_empty);
            if pieces.blocking_send(read).is_err() || last {
                return;
            }
        }
    };
    if let Err(error) = context.tasks.thread("stdin", reading) {
        return SourceError::Absent(format!("the input cannot be read: {error}"));
    }
    let end = loop {
        let whole = match taken.recv().await {
            Some(Ok(piece)) if piece.is_empty() => break "the input ended".to_owned(),
            Some(Ok(piece)) => lines.push(&piece, context.clock.now().mono),
            Some(Err(error)) => break format!("the input cannot be read: {error}"),
            None => break "reading failed inside quarterdeck; see the log".to_owned(),
        };
        if !whole.is_empty() {
            context.sink.batch(stream, Batch { bytes: whole, ..Batch::default() }).await;
        }
    };
    let rest = lines.finish();
    if !rest.is_empty() {
        context.sink.batch(stream, Batch { bytes: rest, ..Batch::default() }).await;
    }
    context.sink.state(stream, SourceState::Ended);
    SourceError::Absent(end)
}
