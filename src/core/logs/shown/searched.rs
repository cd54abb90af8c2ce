//! How far back what is shown is complete.
use crate::core::logs::Nanos;

/// How far back something is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Back {
    /// All that there ever was.
    Begin,
    /// From this moment on.
    Time(Nanos),
    /// Nobody can say.
    #[default]
    Unknown,
}

/// How far back all sources were read or searched for what passes the filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Searched {
    /// More is being read.
    pub reading: bool,
    /// Sources that leave lines out themselves.
    pub sources: usize,
    /// Every source is complete from here on, for the filter that acts.
    pub back: Back,
}
