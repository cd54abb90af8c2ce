//! The log engine at work: sources on one side, the console on the other, a thread of its own between them.
//!
//! Sources hand over batches and wait while the thread is behind: memory is bounded by bytes, not by messages. The thread
//! parses, stores, matches and counts, and publishes what it worked out, the latest instead of all before it. Nothing of it
//! runs on the interface thread.
mod answer;
mod desk;
mod export;
pub mod load;
pub mod older;
pub mod prefilter;
mod stream;
mod supervisor;
mod worker;

pub use desk::{Desk, Order, Paged, Received, Rules, desk};
pub use stream::{HOLD_MS, Stream};
pub use supervisor::{Means, Supervisor};
pub use worker::{Parts, Worker};
