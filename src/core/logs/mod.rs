//! Logs as data: formats, the filter language, columnar segments, patterns. Pure; bytes and times come in from outside.
pub mod action;
pub mod aggregate;
pub mod ask;
pub mod bitmap;
pub mod buffer;
pub mod bundle;
pub mod derive;
pub mod eval;
pub mod figures;
pub mod filter;
pub mod format;
mod hash;
pub mod level;
pub mod patterns;
pub mod read;
pub mod redact;
pub mod segment;
pub mod shown;
pub mod source;
pub mod spec;
pub mod state;
pub mod web;
pub mod window;

use std::fmt;

use super::time::Timestamp;

pub use action::LogAction;
pub use ask::{Ask, Msg};
pub use level::Level;
pub use read::Key;
pub use source::{Source, SourceId, SourceState};
pub use spec::{LogAuth, LogPlace, LogSpec, LokiSpec};
pub use state::State;

/// A moment of a log line in UTC, nanoseconds since 1970. Never passes through a float.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Nanos(pub i64);

impl Nanos {
    /// Nanoseconds in a second.
    pub const SECOND: i64 = 1_000_000_000;
    /// Nanoseconds in a millisecond.
    pub const MILLI: i64 = 1_000_000;

    /// Returns the millisecond that it falls into.
    pub fn timestamp(self) -> Timestamp {
        Timestamp(self.0.div_euclid(Self::MILLI))
    }
}

impl From<Timestamp> for Nanos {
    fn from(at: Timestamp) -> Self {
        Self(at.0.saturating_mul(Self::MILLI))
    }
}

impl fmt::Debug for Nanos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = chrono::DateTime::from_timestamp_nanos(self.0);
        f.write_str(&at.to_rfc3339_opts(chrono::SecondsFormat::Nanos, true))
    }
}
