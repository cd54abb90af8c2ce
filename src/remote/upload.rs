//! Brings a file to a host, under the name of its SHA-256, and says nothing is there that does not hash to it.
//!
//! It lies in `~/.quarterdeck/uploads/SHA256` (mode 0600) and is removed after thirty days. What was cut off goes on where it stopped.
//! It goes through a command's stdin on the connection for bulk: that is as fast as the server's file transfer subsystem and
//! needs none.
use std::{path::Path, time::Duration};

use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};

use super::{Chunk, Dialog, Exit, Lane, Remote, RemoteError, Script};
use crate::{
    core::{hosts::LinkFault, id::HostName},
    parse::sanitise,
};

const STORE: &str = include_str!("upload.sh");
/// Bytes that are read and sent at once.
const PIECE: usize = 128 * 1024;
/// How long the host may be silent before it asks for bytes, and after the last byte: it hashes the file meanwhile.
const QUIET: Duration = Duration::from_secs(300);

/// A file to be brought to hosts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File<'a> {
    /// Where it is here.
    pub path: &'a Path,
    /// Its SHA-256, in lower-case hex.
    pub sha256: &'a str,
    /// Its length.
    pub bytes: u64,
}

/// What became of an upload that succeeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// The host had it already.
    Already,
    /// It is there now; so many bytes went over the wire.
    Sent(u64),
}

/// Why a file is not there.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// The host could not be reached, or was lost: what is there goes on next time.
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// The file here cannot be read, or is not what it was.
    #[error("{0}")]
    Local(String),
    /// The host cannot take it.
    #[error("{0}")]
    Host(String),
}

/// Brings a file to a host; `progress` hears how many bytes are there.
///
/// # Errors
/// Why it is not there whole.
pub async fn upload(
    remote: &dyn Remote,
    host: &HostName,
    file: &File<'_>,
    mut progress: impl FnMut(u64) + Send,
) -> Result<Stored, UploadError> {
    if file.sha256.len() != 64 || !file.sha256.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(UploadError::Local(format!("{} is no SHA-256", sanitise::name(file.sha256))));
    }
    let text = STORE.replace("@SUM@", file.sha256).replace("@BYTES@", &file.bytes.to_string());
    let Dialog { input, stream } = remote.dialog(host, Lane::Bulk, Script::new(text)).await?;
    let mut answers = Answers { chunks: stream.chunks, held: Vec::new(), host };
    let offset = match answers.next().await?.as_deref() {
        Some("have") => return Ok(Stored::Already),
        Some(answer) => match answer.split_once(' ') {
            Some(("from", bytes)) => bytes.parse::<u64>().map_err(|_| nonsense(host, answer))?,
            _ => return Err(told(host, answer)),
        },
        None => return Err(nonsense(host, "nothing")),
    };
    progress(offset);
    let sent = send(file, offset, &input, &mut progress).await?;
    // The end of its stdin is the end of the file.
    drop(input);
    match answers.next().await?.as_deref() {
        Some("stored") => Ok(Stored::Sent(sent)),
        Some(answer) => Err(told(host, answer)),
        None => Err(nonsense(host, "nothing")),
    }
}

async fn send(
    file: &File<'_>,
    offset: u64,
    input: &tokio::sync::mpsc::Sender<Vec<u8>>,
    progress: &mut (impl FnMut(u64) + Send),
) -> Result<u64, UploadError> {
    let local = |error: std::io::Error| UploadError::Local(format!("{}: {error}", file.path.display()));
    let mut source = tokio::fs::File::open(file.path).await.map_err(local)?;
    source.seek(std::io::SeekFrom::Start(offset)).await.map_err(local)?;
    let mut at = offset;
    while at < file.bytes {
        let mut piece = vec![0; PIECE];
        let read = source.read(&mut piece).await.map_err(local)?;
        if read == 0 {
            return Err(UploadError::Local(format!("{} has become shorter", file.path.display())));
        }
        piece.truncate(read);
        at += u64::try_from(read).unwrap_or(0);
        if input.send(piece).await.is_err() {
            // The host has ended it: its last words say why.
            return Ok(at - offset);
        }
        progress(at.min(file.bytes));
    }
    Ok(at - offset)
}

fn nonsense(host: &HostName, answer: &str) -> UploadError {
    UploadError::Host(format!("{host} answered the upload with {:?}", sanitise::line_max(answer, 80)))
}

fn told(host: &HostName, answer: &str) -> UploadError {
    let (word, rest) = answer.split_once(' ').unwrap_or((answer, ""));
    match word {
        "full" => {
            let mut kib = rest.split(' ').map(|number| number.parse::<u64>().unwrap_or(0) / 1_024);
            let (free, need) = (kib.next().unwrap_or(0), kib.next().unwrap_or(0));
            UploadError::Host(format!("{host} has {free} MiB free, and {need} MiB are needed: make room there"))
        }
        "short" => UploadError::Host(format!("{host} got only {rest} bytes: try again, it goes on from there")),
        "damaged" => UploadError::Host(format!("what {host} got has another SHA-256, and was thrown away: try again")),
        "error" => UploadError::Host(format!("{host}: {}", sanitise::line_max(rest, 200))),
        _ => nonsense(host, answer),
    }
}

/// Lines that the host answers with.
struct Answers<'a> {
    chunks: tokio::sync::mpsc::Receiver<Chunk>,
    held: Vec<u8>,
    host: &'a HostName,
}

impl Answers<'_> {
    async fn next(&mut self) -> Result<Option<String>, UploadError> {
        loop {
            if let Some(end) = self.held.iter().position(|byte| *byte == b'\n') {
                let rest = self.held.split_off(end + 1);
                let line = std::mem::replace(&mut self.held, rest);
                return Ok(Some(sanitise::line(line.trim_ascii_end())));
            }
            let chunk = tokio::time::timeout(QUIET, self.chunks.recv()).await;
            match chunk.map_err(|_| super::timed_out(self.host, QUIET))? {
                Some(Chunk::Stdout(bytes)) if self.held.len() < 4_096 => self.held.extend(bytes),
                Some(Chunk::Stdout(_) | Chunk::Stderr(_) | Chunk::Dropped(_)) => {}
                Some(Chunk::Lost(error)) => return Err(error.into()),
                Some(Chunk::Ended(Exit::Code(0))) | None => return Ok(None),
                Some(Chunk::Ended(exit)) => {
                    let what = format!("the upload ended early ({exit:?})");
                    let (host, fault) = (self.host.clone(), LinkFault::Protocol);
                    return Err(RemoteError { host, fault, what, hint: None, question: None }.into());
                }
            }
        }
    }
}
