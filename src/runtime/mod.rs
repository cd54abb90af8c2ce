//! The loop and everything with a side effect around core: the inbox, the executor of effects, the supervisor of
//! sources, the store's thread, the clock, the terminal.
mod audited;
pub mod build;
mod changes;
pub mod clock;
pub mod console;
mod drafts;
mod elsewhere;
pub mod engine;
pub mod executor;
pub mod findings;
mod history;
pub mod inbox;
pub mod logs;
mod offers;
pub mod outbox;
mod output;
pub mod pipeline;
pub mod planning;
pub mod recorder;
pub mod replay;
pub mod runbooks;
pub mod runs;
mod staging;
mod sudo;
pub mod supervisor;
pub mod terminal;
mod wire;
