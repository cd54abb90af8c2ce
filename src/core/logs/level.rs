//! How grave a log line says it is.
use std::fmt;

/// A log line's level, in the order of gravity. What no rule recognises is `Unknown`, which is not `Info`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[repr(u8)]
pub enum Level {
    /// The line does not say.
    #[default]
    Unknown,
    /// Trace.
    Trace,
    /// Debug.
    Debug,
    /// Informational.
    Info,
    /// Notice: normal but worth a look.
    Notice,
    /// Warning.
    Warn,
    /// Error.
    Error,
    /// Critical, alert, emergency, fatal, panic.
    Fatal,
}

impl Level {
    /// Every level, least grave first.
    pub const ALL: [Self; 8] =
        [Self::Unknown, Self::Trace, Self::Debug, Self::Info, Self::Notice, Self::Warn, Self::Error, Self::Fatal];

    /// Its word in filters, output and on screen.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Notice => "notice",
            Self::Warn => "warn",
            Self::Error => "error",
            Self::Fatal => "fatal",
        }
    }

    /// Reads a level as programs write it, in any case: `warning`, `ERR`, `emerg`, `CRITICAL`, `I`.
    pub fn parse(word: &[u8]) -> Option<Self> {
        let mut lower = [0; 16];
        let lower = lower.get_mut(..word.len())?;
        lower.copy_from_slice(word);
        lower.make_ascii_lowercase();
        Some(match &*lower {
            b"trace" | b"trce" | b"verbose" | b"silly" | b"finest" | b"t" => Self::Trace,
            b"debug" | b"dbg" | b"fine" | b"finer" | b"d" => Self::Debug,
            b"info" | b"inf" | b"information" | b"informational" | b"log" | b"http" | b"i" => Self::Info,
            b"notice" | b"note" | b"n" => Self::Notice,
            b"warn" | b"warning" | b"wrn" | b"w" => Self::Warn,
            b"error" | b"err" | b"eror" | b"severe" | b"failure" | b"e" => Self::Error,
            b"fatal" | b"critical" | b"crit" | b"alert" | b"emerg" | b"emergency" | b"panic" | b"f" | b"c" => {
                Self::Fatal
            }
            b"unknown" => Self::Unknown,
            _ => return None,
        })
    }

    /// Returns the level with this number in [`Level::ALL`].
    pub fn from_index(index: u8) -> Self {
        Self::ALL.get(usize::from(index)).copied().unwrap_or_default()
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}
