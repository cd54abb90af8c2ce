//! The one clock that ticks.
#![expect(clippy::disallowed_methods, reason = "this is the one place that reads the time")]
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::core::time::{Clock, Mono, Now, Timestamp};

/// Reads the machine's clocks.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    start: Instant,
}

impl SystemClock {
    /// Makes a clock whose monotonic time begins now.
    pub fn new() -> Self {
        Self { start: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Now {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Now {
            utc: Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX)),
            mono: Mono(u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)),
        }
    }
}
