//! Where batches and questions wait for the engine's thread.
use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
    mpsc,
};

use futures_util::future::BoxFuture;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{
    core::{
        hosts::Pm2List,
        id::HostName,
        inventory::Inventory,
        logs::{Ask, SourceState, derive::Derived, format::Formats, redact::Redactor},
        time::Timestamp,
    },
    sources::logs::{Batch, Notice, Page, Sink, StreamId, StreamInfo},
};

/// KiB of text that wait at most; a source that brings more waits with it.
const WAITING_KIB: usize = 64 * 1_024;

/// Something for the engine's thread.
#[derive(Debug)]
pub enum Order {
    /// A person asks.
    Ask(Ask),
    /// What there is to watch changed.
    Adopt(Arc<Inventory>),
    /// Lines are read and shown by other rules from now on.
    Rules(Rules),
    /// PM2 on a host says where its logs are.
    Pm2(HostName, Pm2List),
    /// A stream begins.
    Opened(StreamId, StreamInfo),
    /// Lines came. The permit is their room in the queue.
    Came(StreamId, Batch, OwnedSemaphorePermit),
    /// Something happened to a stream.
    Happened(StreamId, Notice, Timestamp),
    /// A stream is doing otherwise.
    Stands(StreamId, SourceState),
    /// A host's clock is ahead by so many milliseconds.
    Skew(HostName, i64),
    /// What is older came. The permit is its room in the queue.
    Paged(Paged, Option<OwnedSemaphorePermit>),
}

/// A page of what is older, whole.
#[derive(Debug)]
pub struct Paged {
    /// Its number.
    pub page: u64,
    /// The stream that was asked.
    pub stream: StreamId,
    /// The lines, or why there are none, sanitised.
    pub read: Result<Page, String>,
}

/// How lines are read and shown: what stands in files beside the configuration.
#[derive(Clone, Debug)]
pub struct Rules {
    /// How they are taken apart.
    pub formats: Formats,
    /// Rules that make fields.
    pub derived: Arc<Derived>,
    /// Masks secrets.
    pub redact: Arc<Redactor>,
}

/// The sending end: a sink for sources, and what the console asks through. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Desk {
    orders: mpsc::Sender<Order>,
    room: Arc<Semaphore>,
    streams: Arc<AtomicU32>,
}

/// The receiving end, for the thread alone.
pub type Received = mpsc::Receiver<Order>;

/// Makes both ends.
pub fn desk() -> (Desk, Received) {
    // Only batches are many and large, and those wait for room; of the rest a source sends a few at a time.
    let (orders, received) = mpsc::channel();
    let room = Arc::new(Semaphore::new(WAITING_KIB));
    (Desk { orders, room, streams: Arc::default() }, received)
}

impl Desk {
    /// Sends an order; nothing where the thread has ended.
    pub fn send(&self, order: Order) {
        drop(self.orders.send(order));
    }

    /// Sends a page, once there is room for it.
    pub async fn page(&self, paged: Paged) {
        let bytes = paged.read.iter().flat_map(|page| &page.parts).map(|(_, batch)| batch.bytes.len()).sum();
        let room = self.room_for(bytes).await;
        self.send(Order::Paged(paged, room));
    }

    async fn room_for(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let kib = u32::try_from((bytes / 1_024 + 1).min(WAITING_KIB)).unwrap_or(u32::MAX);
        // Closed never: whoever waits for room gets it as the thread goes on.
        Arc::clone(&self.room).acquire_many_owned(kib).await.ok()
    }
}

impl Sink for Desk {
    fn open(&self, info: StreamInfo) -> StreamId {
        let stream = StreamId(self.streams.fetch_add(1, Ordering::Relaxed));
        self.send(Order::Opened(stream, info));
        stream
    }

    fn batch(&self, stream: StreamId, batch: Batch) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            if let Some(room) = self.room_for(batch.bytes.len()).await {
                self.send(Order::Came(stream, batch, room));
            }
        })
    }

    fn notice(&self, stream: StreamId, notice: Notice, at: Timestamp) {
        self.send(Order::Happened(stream, notice, at));
    }

    fn state(&self, stream: StreamId, state: SourceState) {
        self.send(Order::Stands(stream, state));
    }

    fn skew(&self, host: &HostName, ms: i64) {
        self.send(Order::Skew(host.clone(), ms));
    }
}
