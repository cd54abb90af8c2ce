//! The tail's socket, read by a task of its own.
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::sync::mpsc;

use crate::{
    parse::loki::{self, Ending},
    remote::websocket::{Heard, Socket},
};

/// A server that sends no ping for so long is dead; it sends one every second.
const SILENCE: Duration = Duration::from_secs(5);
/// The same before the first ping.
const FIRST_SILENCE: Duration = Duration::from_secs(15);

/// How a tail ended.
pub(super) enum End {
    Due,
    Crowded,
    Unsupported(String),
    Moment,
    Denied(String),
    Lost(String),
}

/// What the task that reads the socket hands on.
pub(super) enum Fed {
    Frame(Vec<u8>),
    End(End),
}

/// Stops its task when dropped.
pub(super) struct Stops(pub(super) crate::tasks::Task<()>);

impl Drop for Stops {
    fn drop(&mut self) {
        self.0.stop();
    }
}

/// Reads the socket without ever waiting for whoever takes the lines: the server would drop some.
pub(super) async fn read(mut socket: Socket, feed: mpsc::Sender<Fed>, overflow: Arc<AtomicBool>) {
    let mut patience = FIRST_SILENCE;
    let end = loop {
        match tokio::time::timeout(patience, socket.next()).await {
            Ok(Heard::Text(text)) => {
                if let Err(mpsc::error::TrySendError::Full(_)) = feed.try_send(Fed::Frame(text)) {
                    overflow.store(true, Ordering::Relaxed);
                }
            }
            Ok(Heard::Ping) => patience = SILENCE,
            Ok(Heard::Closed { code: 1000 | 1001 | 1005, reason }) if reason.is_empty() => {
                break End::Lost("the server closed the stream".into());
            }
            Ok(Heard::Closed { reason, .. }) => {
                break match loki::ending(&reason) {
                    Ending::Due => End::Due,
                    Ending::Crowded => End::Crowded,
                    Ending::Moment => End::Moment,
                    Ending::Denied(why) => End::Denied(why),
                    Ending::Lost(why) => End::Lost(why),
                };
            }
            Ok(Heard::Lost(why)) => break End::Lost(why),
            Err(_) => break End::Lost(format!("no sign of life for {} s", patience.as_secs())),
        }
    };
    socket.close().await;
    // Nobody there any more: then nobody wants to know.
    feed.send(Fed::End(end)).await.ok();
}
