//! Where lines come from, and how each place is doing.
use std::sync::Arc;

use super::format::Format;
use crate::core::{
    id::{HostName, ServiceId},
    time::Timestamp,
};

/// A source's number within one engine. A file, a Loki stream, a unit's journal: each is a source of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct SourceId(pub u16);

/// A place that lines come from.
#[derive(Clone, Debug)]
pub struct Source {
    /// Its number.
    pub id: SourceId,
    /// The configured entry's name, or the file's: `play-access`.
    pub name: Arc<str>,
    /// Which kind of place: `file`, `loki`, `journald`, `docker`, `kubernetes`, `command`, `local`, `stdin`.
    pub kind: &'static str,
    /// Where exactly: a path, a unit, a selector.
    pub path: Arc<str>,
    /// The service whose lines these are.
    pub service: Option<ServiceId>,
    /// The host they are written on.
    pub host: Option<HostName>,
    /// Labels that hold for every line of it, such as a Loki stream's.
    pub labels: Vec<(Arc<str>, Arc<str>)>,
    /// How its lines are read.
    pub format: Arc<Format>,
}

impl Source {
    /// Makes one of no service, on no host, without labels: `("access", "file", "/var/log/nginx/access.log")`.
    pub fn new(id: SourceId, (name, kind, path): (&str, &'static str, &str), format: &Arc<Format>) -> Self {
        Self {
            id,
            name: name.into(),
            kind,
            path: path.into(),
            service: None,
            host: None,
            labels: Vec::new(),
            format: Arc::clone(format),
        }
    }
}

/// How a source is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceState {
    /// Being opened for the first time.
    Opening,
    /// What comes in is new.
    Live,
    /// Reading what was written while nobody read, this many bytes or lines behind where known.
    CatchingUp {
        /// Bytes still to read.
        behind_bytes: Option<u64>,
    },
    /// The link or the server is lost; it is tried again.
    Reconnecting {
        /// Since when.
        since: Timestamp,
        /// Which try.
        attempt: u32,
        /// Why, sanitised.
        why: String,
    },
    /// Connected, but silent for longer than it should be.
    Stale {
        /// Since when.
        since: Timestamp,
    },
    /// The server or the system refuses, or there is no such thing: trying again by itself would not help.
    Denied {
        /// Why, sanitised.
        why: String,
    },
    /// It came to its end: a finished file, a closed pipe.
    Ended,
}
