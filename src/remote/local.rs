//! The machine the console runs on, with the same semantics as a host behind SSH: `address = "local"`.
//!
//! A command runs in its own process group under the same watcher as on any host, so that nothing is left when the console ends.
use std::process::{ExitStatus, Stdio};

use secrecy::zeroize::Zeroizing;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _},
    process::{Child, ChildStderr, ChildStdin, ChildStdout, Command},
    sync::mpsc,
    time::{Instant, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    Chunk, Dialog, Exit, Output, RemoteError, Script, Stream,
    pump::{AFTER_EXIT, Collector, Piece, QUEUE, Queue, TO_END},
    script::{wrap_local, wrap_talked_local},
};
use crate::{
    core::{hosts::LinkFault, id::HostName},
    tasks::Tasks,
};

struct Running {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Option<ChildStdout>,
    stderr: Option<ChildStderr>,
    exit: Option<Exit>,
    /// When output is no longer waited for, once the process has ended.
    until: Option<Instant>,
}

impl Running {
    async fn start(host: &HostName, script: &Script) -> Result<Self, RemoteError> {
        Self::spawn(host, wrap_local(script)).await
    }

    async fn spawn(host: &HostName, wire: (Vec<String>, Vec<u8>)) -> Result<Self, RemoteError> {
        let (arguments, payload) = (wire.0, Zeroizing::new(wire.1));
        let failed = |error: std::io::Error| RemoteError {
            host: host.clone(),
            fault: LinkFault::Protocol,
            what: format!("cannot start sh: {error}"),
            hint: None,
            question: None,
        };
        let mut child = Command::new("/bin/sh")
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        let (mut stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        if let Some(stdin) = stdin.as_mut().filter(|_| !payload.is_empty()) {
            stdin.write_all(&payload).await.map_err(failed)?;
        }
        Ok(Self { child, stdin, stdout, stderr, exit: None, until: None })
    }

    /// Waits for a piece of output; none when it ended and all output is read.
    async fn next(&mut self) -> Option<Piece> {
        loop {
            if self.exit.is_some() && self.stdout.is_none() && self.stderr.is_none() {
                return None;
            }
            let until = self.until;
            tokio::select! {
                bytes = read(&mut self.stdout) => match bytes {
                    Some(bytes) => { self.more_time(); return Some(Piece::Stdout(bytes)) }
                    None => self.stdout = None,
                },
                bytes = read(&mut self.stderr) => match bytes {
                    Some(bytes) => { self.more_time(); return Some(Piece::Stderr(bytes)) }
                    None => self.stderr = None,
                },
                status = self.child.wait(), if self.exit.is_none() => {
                    self.exit = Some(status.map_or(Exit::Code(-1), exit_of));
                    self.until = Some(Instant::now() + AFTER_EXIT);
                }
                () = sleep_until(until.unwrap_or_else(Instant::now)), if until.is_some() => return None,
            }
        }
    }

    fn more_time(&mut self) {
        self.until = self.until.map(|_| Instant::now() + AFTER_EXIT);
    }
}

async fn read(from: &mut Option<impl AsyncRead + Unpin>) -> Option<bytes::Bytes> {
    let Some(from) = from else { return std::future::pending().await };
    let mut buffer = bytes::BytesMut::with_capacity(16 * 1024);
    match from.read_buf(&mut buffer).await {
        Ok(0) | Err(_) => None,
        Ok(_) => Some(buffer.freeze()),
    }
}

fn exit_of(status: ExitStatus) -> Exit {
    use std::os::unix::process::ExitStatusExt as _;
    match (status.code(), status.signal()) {
        (Some(code), _) => Exit::Code(code),
        (None, Some(signal)) => Exit::Signal(signal_name(signal)),
        (None, None) => Exit::Code(-1),
    }
}

fn signal_name(signal: i32) -> String {
    let names =
        [(1, "HUP"), (2, "INT"), (3, "QUIT"), (6, "ABRT"), (9, "KILL"), (11, "SEGV"), (13, "PIPE"), (15, "TERM")];
    names
        .iter()
        .find(|(number, _)| *number == signal)
        .map_or_else(|| signal.to_string(), |(_, name)| (*name).to_owned())
}

/// Runs a script and waits for its end.
pub(super) async fn run(host: &HostName, script: &Script) -> Result<Output, RemoteError> {
    let mut running = Running::start(host, script).await?;
    let mut collector = Collector::new(script.max_output);
    let collect = async {
        while let Some(piece) = running.next().await {
            collector.keep(&piece);
        }
    };
    if timeout(script.timeout, collect).await.is_err() {
        end(&mut running).await;
        return Err(super::timed_out(host, script.timeout));
    }
    let exit = running.exit.take().unwrap_or(Exit::Code(-1));
    Ok(collector.finish(exit))
}

/// Closes stdin, which the watcher waits for, and gives the process time to go.
async fn end(running: &mut Running) {
    drop(running.stdin.take());
    let gone = async { while running.next().await.is_some() {} };
    // Who does not go is killed when `running` is dropped.
    timeout(TO_END, gone).await.ok();
}

/// Starts a script that is talked to until its stream is dropped.
pub(super) async fn dialog(host: &HostName, script: &Script, tasks: &Tasks) -> Result<Dialog, RemoteError> {
    let mut running = Running::spawn(host, wrap_talked_local(script)).await?;
    let (say, chunks) = mpsc::channel(QUEUE);
    let (input, mut said) = mpsc::channel::<Vec<u8>>(8);
    let alive = CancellationToken::new();
    let stop = alive.clone();
    let mut stdin = running.stdin.take();
    let pump = async move {
        let feed = async {
            while let (Some(bytes), Some(stdin)) = (said.recv().await, &mut stdin) {
                if stdin.write_all(&bytes).await.is_err() {
                    break;
                }
            }
            drop(stdin.take());
            std::future::pending::<()>().await;
        };
        let take = async {
            while let Some(piece) = running.next().await {
                if say.send(piece.into()).await.is_err() {
                    break;
                }
            }
        };
        let ended = tokio::select! {
            () = stop.cancelled() => false,
            () = feed => false,
            () = take => true,
        };
        drop(stdin);
        if !ended {
            return end(&mut running).await;
        }
        let exit = running.exit.take().unwrap_or(Exit::Code(-1));
        drop(running);
        say.send(Chunk::Ended(exit)).await.ok();
    };
    tasks.spawn("local dialog", pump).detach();
    Ok(Dialog { input, stream: Stream { chunks, alive: alive.drop_guard() } })
}

/// Starts a script that goes on until the stream is dropped.
pub(super) async fn stream(host: &HostName, script: &Script, tasks: &Tasks) -> Result<Stream, RemoteError> {
    let mut running = Running::start(host, script).await?;
    let (mut queue, chunks) = Queue::new();
    let alive = CancellationToken::new();
    let stop = alive.clone();
    let pump = async move {
        loop {
            tokio::select! {
                () = stop.cancelled() => return end(&mut running).await,
                piece = running.next() => match piece {
                    Some(piece) => queue.push(piece),
                    None => break,
                },
            }
        }
        let exit = running.exit.take().unwrap_or(Exit::Code(-1));
        drop(running);
        queue.finish(Ok(exit)).await;
    };
    tasks.spawn("local stream", pump).detach();
    Ok(Stream { chunks, alive: alive.drop_guard() })
}
