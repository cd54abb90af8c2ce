//! Why the store does not work, in words that say what to do.
use std::{io, path::PathBuf};

use crate::error::{Kind, Report};

/// Why something could not be read or written. Whatever it is, nothing was overwritten.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no store yet, and it was not to be made.
    #[error("there is no store at {}", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// Its directory is not there and cannot be made.
    #[error("the directory {} cannot be made", path.display())]
    NoDirectory {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// This login may not open it, or it is no file.
    #[error("the store {} cannot be opened", path.display())]
    CannotOpen {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// It is no longer where it was opened: what is written now nobody finds.
    #[error("the store {} was moved or deleted while it was open", path.display())]
    Moved {
        /// Where it was.
        path: PathBuf,
    },
    /// It can be read but not written.
    #[error("the store {} is read-only", path.display())]
    ReadOnly {
        /// The file.
        path: PathBuf,
    },
    /// The disk, or the quota, is used up.
    #[error("no space is left for the store {}", path.display())]
    Full {
        /// The file.
        path: PathBuf,
    },
    /// It is damaged.
    #[error("the store {} is damaged ({detail})", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What was found.
        detail: String,
    },
    /// It is some other file.
    #[error("{} is not a store of quarterdeck ({detail})", path.display())]
    NotOurs {
        /// The file.
        path: PathBuf,
        /// What it is instead.
        detail: &'static str,
    },
    /// A newer quarterdeck wrote it.
    #[error("the store {} has format {found}, this version knows up to {known}", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// The format it has.
        found: u32,
        /// The newest format that this version knows.
        known: u32,
    },
    /// An older quarterdeck wrote it, and it was only to be read.
    #[error("the store {} has the older format {found}; what only reads knows {known} alone", path.display())]
    Older {
        /// The file.
        path: PathBuf,
        /// The format it has.
        found: u32,
        /// The format that this version makes.
        known: u32,
    },
    /// Another process keeps it locked.
    #[error("the store {} stayed locked by another process for {waited_ms} ms", path.display())]
    Busy {
        /// The file.
        path: PathBuf,
        /// How long was waited.
        waited_ms: u64,
    },
    /// What was to be written only the recorder may write, and that is another one, or nobody.
    #[error("another console records now (epoch {current}{})", label.as_ref().map(|l| format!(", {l}")).unwrap_or_default())]
    LostLease {
        /// The epoch that the writer had; none when it never had one.
        mine: Option<u64>,
        /// The epoch that counts.
        current: u64,
        /// Who records now, if anybody does.
        label: Option<String>,
    },
    /// A run was decided on by somebody who could not see another one of the same service: that one came first.
    #[error("{0}")]
    CameFirst(String),
    /// The disk or the file system failed.
    #[error("the store {} cannot be read or written ({detail})", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        detail: String,
    },
    /// A mistake of ours.
    #[error("the store {} refused a request ({detail})", path.display())]
    Internal {
        /// The file.
        path: PathBuf,
        /// What was said.
        detail: String,
    },
}

impl StoreError {
    /// Says what a person can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "start `qd` or `qd watch` once; it makes the store",
            Self::NoDirectory { .. } => "make it, or set XDG_STATE_HOME to a directory that you may write",
            Self::CannotOpen { .. } => {
                "give this login read and write access to the file and its directory (shared: a group, mode 2770)"
            }
            Self::Moved { .. } => "put it back with its -wal and -shm files, or start qd again: it makes a new one",
            Self::ReadOnly { .. } => {
                "make the file, its directory and its file system writable; until then nothing is recorded"
            }
            Self::Full { .. } => "free space on its file system; recording goes on by itself once there is some",
            Self::Corrupt { .. } => {
                "it was left as it is: move it away to start a new one, and recover it with `sqlite3 FILE .recover`"
            }
            Self::NotOurs { .. } => "it was left as it is: move it away, or name another path",
            Self::Older { .. } => "start `qd` once: it brings the store up to date",
            Self::Newer { .. } => "it was left as it is: run the newer qd, or name another path",
            Self::Busy { .. } => "find who holds it (`fuser FILE`): a process that is stopped or hangs keeps the lock",
            Self::LostLease { .. } => "nothing was written; this console now shows what the other records",
            Self::CameFirst(_) => "look at what that one did, and ask again",
            Self::Io { .. } => "look at the file system (dmesg, df); WAL needs a local disk, not NFS",
            Self::Internal { .. } => "please report it with the log",
        }
    }

    /// Says whether the same call may work later without anybody mending anything in the file.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Full { .. } | Self::Busy { .. } | Self::Io { .. } | Self::ReadOnly { .. } | Self::Moved { .. } => {
                true
            }
            Self::Missing { .. }
            | Self::NoDirectory { .. }
            | Self::CannotOpen { .. }
            | Self::Corrupt { .. }
            | Self::NotOurs { .. }
            | Self::Newer { .. }
            | Self::Older { .. }
            | Self::LostLease { .. }
            | Self::CameFirst(_)
            | Self::Internal { .. } => false,
        }
    }

    /// Makes what a person is shown.
    pub fn report(&self) -> Report {
        let kind = match self {
            Self::Missing { .. }
            | Self::NoDirectory { .. }
            | Self::CannotOpen { .. }
            | Self::NotOurs { .. }
            | Self::CameFirst(_)
            | Self::Older { .. } => Kind::User,
            Self::Moved { .. }
            | Self::ReadOnly { .. }
            | Self::Full { .. }
            | Self::Corrupt { .. }
            | Self::Newer { .. }
            | Self::Busy { .. }
            | Self::LostLease { .. }
            | Self::Io { .. }
            | Self::Internal { .. } => Kind::Internal,
        };
        let mut report = Report::new(kind, self.to_string()).hint(self.hint());
        if let Some(source) = std::error::Error::source(self) {
            report = report.because(source);
        }
        report
    }
}
