//! Files of a host, through one shell there that answers questions (`shell.sh`): one channel for all of them.
//!
//! The shell needs `stat` or `ls`, `dd`, `head`, `tail` and, for packed files, `gzip`. Asking costs it one process, a piece of a
//! file two more.
use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;

use super::{Connect, Found, Got, Look, Lost, Place, Quiet, Want, glob::Glob};
use crate::{
    core::{id::HostName, inventory::Host, logs::Nanos},
    parse::sanitise,
    remote::{Chunk, Dialog, Exit, Lane, Remote, Script, script::quote},
};

/// The shell's script.
pub(crate) const SCRIPT: &str = include_str!("shell.sh");
/// A shell that says nothing for so long is shown as silent.
const QUIET: Duration = Duration::from_secs(5);
/// And is given up after that.
const GIVEN_UP: Duration = Duration::from_secs(60);
/// Most that comes before the shell is ready: what a login prints.
const MAX_GREETING: usize = 256 * 1024;
/// Most that an answer has, whatever was asked.
const MAX_ANSWER: usize = 24 * 1024 * 1024;

/// Opens the shell of a host.
#[derive(Clone)]
pub(in crate::sources::logs) struct Shell {
    /// The host.
    pub(in crate::sources::logs) host: Arc<Host>,
    /// How it is reached.
    pub(in crate::sources::logs) remote: Arc<dyn Remote>,
}

impl Connect for Shell {
    fn connect(&self, quiet: Quiet) -> BoxFuture<'_, Result<Box<dyn Place>, Lost>> {
        Box::pin(async move {
            let place = ShellPlace::open(self.remote.as_ref(), &self.host.name, quiet).await?;
            Ok(Box::new(place) as Box<dyn Place>)
        })
    }
}

/// The files of a host.
pub(in crate::sources::logs) struct ShellPlace {
    dialog: Dialog,
    mark: Vec<u8>,
    home: String,
    buffer: Vec<u8>,
    stderr: Vec<u8>,
    quiet: Quiet,
}

impl ShellPlace {
    /// Starts a shell on a host and waits until it is ready.
    async fn open(remote: &dyn Remote, host: &HostName, quiet: Quiet) -> Result<Self, Lost> {
        let dialog = remote.dialog(host, Lane::Logs, Script::new(SCRIPT)).await?;
        let mut place =
            Self { dialog, mark: Vec::new(), home: String::new(), buffer: Vec::new(), stderr: Vec::new(), quiet };
        place.greet().await?;
        Ok(place)
    }

    /// Skips what a login prints, and learns the mark and the home directory.
    async fn greet(&mut self) -> Result<(), Lost> {
        const READY: &[u8] = b"\n@@ qd-logs ready ";
        loop {
            let ready = memchr::memmem::find(&self.buffer, READY);
            let rest = ready.and_then(|at| self.buffer.get(at + READY.len()..)).unwrap_or_default();
            let mut lines = rest.split(|byte| *byte == b'\n');
            if let (Some(mark), Some(home), Some(after)) = (lines.next(), lines.next(), lines.next()) {
                let unsafe_home = home.contains(&b'\0') || !home.starts_with(b"/");
                self.home = if unsafe_home { String::new() } else { String::from_utf8_lossy(home).into_owned() };
                self.mark = mark.to_vec();
                let after = after.to_vec();
                self.buffer = after;
                if self.mark.len() < 8 {
                    return Err(self.broken("the shell did not start rightly"));
                }
                return Ok(());
            }
            if self.buffer.len() > MAX_GREETING {
                return Err(self.broken("the login prints without end instead of starting a shell"));
            }
            self.more().await?;
        }
    }

    fn broken(&self, what: &str) -> Lost {
        let why = crate::sources::first_line(&self.stderr);
        let why = why.map_or_else(|| what.to_owned(), |why| format!("{what}: {why}"));
        Lost { why, denied: false }
    }

    /// Waits for more output.
    async fn more(&mut self) -> Result<(), Lost> {
        let chunks = &mut self.dialog.stream.chunks;
        let chunk = if let Ok(chunk) = tokio::time::timeout(QUIET, chunks.recv()).await {
            chunk
        } else {
            (self.quiet)();
            let late = tokio::time::timeout(GIVEN_UP, chunks.recv()).await;
            late.map_err(|_| Lost { why: "the host's shell does not answer".into(), denied: false })?
        };
        match chunk {
            Some(Chunk::Stdout(bytes)) => self.buffer.extend_from_slice(&bytes),
            Some(Chunk::Stderr(bytes)) => {
                let room = 4_096_usize.saturating_sub(self.stderr.len());
                self.stderr.extend(bytes.into_iter().take(room));
            }
            Some(Chunk::Ended(Exit::Code(code))) => {
                return Err(self.broken(&format!("the shell for logs ended with code {code}")));
            }
            Some(Chunk::Ended(Exit::Signal(signal))) => {
                return Err(self.broken(&format!("the shell for logs was ended by {}", sanitise::name(signal))));
            }
            Some(Chunk::Lost(error)) => return Err(error.into()),
            Some(Chunk::Dropped(_)) | None => return Err(self.broken("the shell's output broke off")),
        }
        Ok(())
    }

    async fn ask(&mut self, question: String) -> Result<(), Lost> {
        let sent = self.dialog.input.send(question.into_bytes()).await;
        // When nobody takes questions any more, the answers say why.
        if sent.is_err() { self.more().await } else { Ok(()) }
    }

    /// Waits for the next answer: what stands before the mark, and the rest of the mark's line.
    async fn answer(&mut self) -> Result<(Vec<u8>, String), Lost> {
        let mut searched = 0;
        loop {
            let from = searched.min(self.buffer.len());
            let found = memchr::memmem::find(self.buffer.get(from..).unwrap_or_default(), &self.mark);
            if let Some(at) = found.map(|at| from + at) {
                let after = at + self.mark.len();
                let end = memchr::memchr(b'\n', self.buffer.get(after..).unwrap_or_default());
                if let Some(end) = end.map(|end| after + end) {
                    let word = String::from_utf8_lossy(self.buffer.get(after..end).unwrap_or_default()).into_owned();
                    let rest = self.buffer.split_off((end + 1).min(self.buffer.len()));
                    let mut answer = std::mem::replace(&mut self.buffer, rest);
                    answer.truncate(at);
                    return Ok((answer, word));
                }
            }
            searched = found.map_or_else(|| (self.buffer.len() + 1).saturating_sub(self.mark.len()), |at| from + at);
            if self.buffer.len() > MAX_ANSWER {
                return Err(self.broken("the shell answers without end"));
            }
            self.more().await?;
        }
    }
}

impl Place for ShellPlace {
    fn look<'a>(&'a mut self, globs: &'a [Glob]) -> BoxFuture<'a, Result<Look, Lost>> {
        Box::pin(async move {
            if globs.is_empty() {
                return Ok(Look::default());
            }
            let words: Vec<String> = globs.iter().map(Glob::word).collect();
            self.ask(format!("s {}\n", words.join(" "))).await?;
            let (answer, _) = self.answer().await?;
            Ok(read_look(&answer))
        })
    }

    fn read<'a>(&'a mut self, wants: &'a [Want]) -> BoxFuture<'a, Result<Vec<Got>, Lost>> {
        Box::pin(async move {
            let mut starts = Vec::new();
            let mut question = String::new();
            for want in wants {
                // Small blocks, so that little is read twice; large ones where much is wanted.
                let block = if want.length <= 128 * 1024 { 512 } else { 64 * 1024 };
                let skip = want.from / block;
                let start = skip * block;
                let count = (want.from + want.length - start).div_ceil(block).max(1);
                question.push_str(&format_read(&want.path, block, skip, count));
                starts.push(start);
            }
            self.ask(question).await?;
            let mut answers = Vec::new();
            for (want, start) in wants.iter().zip(starts) {
                let (mut bytes, word) = self.answer().await?;
                answers.push(match word.trim() {
                    "gone" => Got::Gone,
                    "denied" => Got::Denied,
                    word => match word.strip_prefix("at ").and_then(read_stat) {
                        Some(found) => {
                            let skip = usize::try_from(want.from - start).unwrap_or(usize::MAX).min(bytes.len());
                            bytes.drain(..skip);
                            Got::Bytes { bytes, inode: found.inode, device: found.device }
                        }
                        None => Got::Gone,
                    },
                });
            }
            Ok(answers)
        })
    }

    fn unpack<'a>(&'a mut self, want: &'a Want) -> BoxFuture<'a, Result<Vec<u8>, Lost>> {
        Box::pin(async move {
            self.ask(format!("z {} {} {}\n", quote(&want.path), want.from + 1, want.length)).await?;
            Ok(self.answer().await?.0)
        })
    }

    fn unpacked_size<'a>(&'a mut self, path: &'a str) -> BoxFuture<'a, Result<u64, Lost>> {
        Box::pin(async move {
            self.ask(format!("y {}\n", quote(path))).await?;
            let (answer, _) = self.answer().await?;
            Ok(String::from_utf8_lossy(&answer).trim().parse().unwrap_or(0))
        })
    }

    fn filters(&self) -> bool {
        true
    }

    fn filter<'a>(&'a mut self, want: &'a Want, command: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>, Lost>> {
        Box::pin(async move {
            let skip = want.from / FILTER_BLOCK;
            let rest = want.from - skip * FILTER_BLOCK + 1;
            let (path, command) = (quote(&want.path), quote(&command.replace('\n', " ")));
            self.ask(format!("f {path} {} {skip} {rest} {} {command}\n", want.from + 1, want.length)).await?;
            let (lines, word) = self.answer().await?;
            Ok((word.trim() != "failed").then_some(lines))
        })
    }

    fn clock(&mut self) -> BoxFuture<'_, Result<Option<(Nanos, bool)>, Lost>> {
        Box::pin(async move {
            self.ask("t\n".into()).await?;
            let (answer, _) = self.answer().await?;
            Ok(read_clock(&answer))
        })
    }

    fn home(&self) -> &str {
        &self.home
    }
}

/// Blocks in which a file is skipped before it is filtered; `shell.sh` says the same.
const FILTER_BLOCK: u64 = 65_536;

fn format_read(path: &str, block: u64, skip: u64, count: u64) -> String {
    format!("r {} {block} {skip} {count}\n", quote(path))
}

/// Reads the lines of `stat` or `ls`, and of what they could not look at.
fn read_look(answer: &[u8]) -> Look {
    let mut look = Look::default();
    for line in answer.split(|byte| *byte == b'\n') {
        let Ok(line) = std::str::from_utf8(line) else { continue };
        if let Some(found) = read_stat(line) {
            look.files.push(found);
        } else if let Some(what) = line.strip_suffix(": Permission denied") {
            // GNU, busybox and BSD quote the path in different ways, or not at all.
            let path = what.find('/').and_then(|at| what.get(at..)).unwrap_or_default();
            look.denied.push(path.trim_end_matches('\'').to_owned());
        }
    }
    look
}

/// Reads `inode device size modified mode path`, or a line of `ls -lni`: `inode mode links user group size month day time path`.
fn read_stat(line: &str) -> Option<Found> {
    let mut rest = line.trim_start();
    let mut word = || {
        let end = rest.find(' ')?;
        let (word, after) = rest.split_at_checked(end)?;
        rest = after.trim_start_matches(' ');
        Some(word.to_owned())
    };
    let inode = word()?.parse().ok()?;
    let second = word()?;
    if let Ok(device) = second.parse() {
        let (size, modified) = (word()?.parse().ok()?, word()?.parse().ok()?);
        let mode = u32::from_str_radix(&word()?, 16).ok()?;
        return Some(Found {
            path: rest.to_owned(),
            inode,
            device,
            size,
            modified,
            regular: mode & 0o170_000 == 0o100_000,
        });
    }
    let regular = second.starts_with('-');
    for _ in 0..3 {
        word()?;
    }
    let size = word()?.parse().ok()?;
    for _ in 0..3 {
        word()?;
    }
    Some(Found { path: rest.to_owned(), inode, device: 0, size, modified: 0, regular })
}

/// Reads what `date +%s%N` printed; busybox may know no nanoseconds.
fn read_clock(answer: &[u8]) -> Option<(Nanos, bool)> {
    let text = std::str::from_utf8(answer).ok()?.trim();
    let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
    if digits.len() > 15 {
        return Some((Nanos(digits.parse().ok()?), true));
    }
    let seconds: i64 = digits.parse().ok()?;
    Some((Nanos(seconds.checked_mul(Nanos::SECOND)?), false))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stat_ls_and_their_complaints_say() {
        let answer = b"611 65024 3 1795208964 81ed /etc/host name\nstat: cannot statx '/root/x y': Permission denied\n\
            stat: can't stat '/a': No such file or directory\nls: /b: Permission denied\n\
            612 -rw-r--r-- 1 0 0 77 Nov 20 19:31 /var/log/x\n3 65024 4096 1 41ed /var\n";
        let look = read_look(answer);
        assert_eq!(look.denied, ["/root/x y", "/b"]);
        let shown: Vec<_> = look.files.iter().map(|f| (f.path.as_str(), f.inode, f.size, f.regular)).collect();
        assert_eq!(shown, [("/etc/host name", 611, 3, true), ("/var/log/x", 612, 77, true), ("/var", 3, 4096, false)]);
    }

    #[test]
    fn clocks_with_and_without_nanoseconds() {
        assert_eq!(read_clock(b"1795234083115851079\n"), Some((Nanos(1_795_234_083_115_851_079), true)));
        assert_eq!(read_clock(b"1795234083%N\n"), Some((Nanos(1_795_234_083_000_000_000), false)));
        assert_eq!(read_clock(b"date: what?\n"), None);
    }
}
