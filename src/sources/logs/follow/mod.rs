//! Following files by inode and byte, wherever they are: through rotation, truncation and lost links, without losing or
//! repeating a line.
//!
//! The follower asks and the place answers, so that nothing is under way that nobody wants: whoever reads slowly is asked for less.
//! A file is known by its inode and by the last bytes that were read of it, because inodes are used again and `copytruncate`
//! keeps them.
mod engine;
mod entries;
mod file;
mod glob;
mod history;
mod lines;
mod locate;
mod native;
mod rotated;
mod shell;
mod tail;

use futures_util::future::BoxFuture;

use self::glob::Glob;
pub(super) use self::{engine::follow, history::history, lines::Lines, native::Native, shell::Shell};
use crate::core::{hosts::LinkFault, logs::Nanos};
use crate::remote::RemoteError;

/// Bytes at the end of a file that are read when it is first met.
pub(super) const WINDOW: u64 = 256 * 1024;
/// Most bytes of one file that are asked for at once, so that none starves the others.
const SHARE: u64 = 512 * 1024;

/// A file as the place sees it now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) path: String,
    pub(super) inode: u64,
    pub(super) device: u64,
    pub(super) size: u64,
    /// Seconds since 1970, by the clock of the place; zero where it does not say.
    pub(super) modified: i64,
    /// Whether it is a file with bytes, and no folder, pipe or device.
    pub(super) regular: bool,
}

/// What a look brought.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Look {
    pub(super) files: Vec<Found>,
    /// Paths and folders that may not be looked into.
    pub(super) denied: Vec<String>,
}

/// Some bytes of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Want {
    pub(super) path: String,
    pub(super) from: u64,
    pub(super) length: u64,
}

/// An answer to a [`Want`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Got {
    /// Bytes from there on, about as many as wanted, fewer at the end; and the file they are of.
    Bytes { bytes: Vec<u8>, inode: u64, device: u64 },
    /// Nothing is there.
    Gone,
    /// It may not be read.
    Denied,
}

/// The place cannot be asked any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Lost {
    /// Why, sanitised.
    pub(super) why: String,
    /// Whether trying again by itself would not help.
    pub(super) denied: bool,
}

impl From<RemoteError> for Lost {
    fn from(error: RemoteError) -> Self {
        let why = match &error.hint {
            Some(hint) => format!("{} ({hint})", error.what),
            None => error.what,
        };
        Self { why, denied: matches!(error.fault, LinkFault::Auth | LinkFault::HostKey) }
    }
}

/// A place with files.
pub(super) trait Place: Send {
    /// Lists what the globs match.
    fn look<'a>(&'a mut self, globs: &'a [Glob]) -> BoxFuture<'a, Result<Look, Lost>>;

    /// Reads pieces of files, in this order.
    fn read<'a>(&'a mut self, wants: &'a [Want]) -> BoxFuture<'a, Result<Vec<Got>, Lost>>;

    /// Reads a piece of a file after unpacking it, as its name says it is packed. Fewer bytes than wanted mean its end.
    fn unpack<'a>(&'a mut self, want: &'a Want) -> BoxFuture<'a, Result<Vec<u8>, Lost>>;

    /// Says how many bytes a packed file has when it is unpacked.
    fn unpacked_size<'a>(&'a mut self, path: &'a str) -> BoxFuture<'a, Result<u64, Lost>>;

    /// Says whether it can leave out lines by itself.
    fn filters(&self) -> bool {
        false
    }

    /// Reads whole lines, unpacked, through a shell command that leaves out some. None where the command fails there.
    fn filter<'a>(&'a mut self, want: &'a Want, command: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>, Lost>> {
        let _ = (want, command);
        Box::pin(std::future::ready(Ok(None)))
    }

    /// Reads its clock; the flag says whether it is exact, or cut to whole seconds.
    fn clock(&mut self) -> BoxFuture<'_, Result<Option<(Nanos, bool)>, Lost>>;

    /// Returns the home directory of the login.
    fn home(&self) -> &str;
}

/// Opens a place.
pub(super) trait Connect: Send + Sync {
    /// Opens it. `quiet` is told when it is silent for long, and when it speaks again.
    fn connect(&self, quiet: Quiet) -> BoxFuture<'_, Result<Box<dyn Place>, Lost>>;
}

/// Hears that a place is silent for longer than it should be.
pub(super) type Quiet = std::sync::Arc<dyn Fn() + Send + Sync>;

/// Returns the name that a packed file had before it was packed.
fn unpacked(path: &str) -> Option<&str> {
    [".gz", ".Z", ".bz2", ".xz", ".zst"].iter().find_map(|end| path.strip_suffix(end))
}

/// Says whether a name is that of a packed file.
fn is_packed(path: &str) -> bool {
    unpacked(path).is_some()
}
