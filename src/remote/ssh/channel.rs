//! One command on one channel. Every channel has a task of its own that reads it: an unread one would stall all others.
use std::{pin::pin, sync::Arc, time::Duration};

use bytes::Bytes;
use russh::{ChannelMsg, ChannelOpenFailure, ChannelReadHalf, ChannelWriteHalf, Sig, client::Msg};
use secrecy::zeroize::Zeroizing;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot},
    time::{Instant, sleep, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    connect::{Link, STREAMS, error},
    kept,
};
use crate::{
    core::{hosts::LinkFault, id::HostName},
    remote::{
        Chunk, Dialog, Exit, Output, RemoteError, Script, Stream,
        pump::{AFTER_EXIT, Collector, Piece, QUEUE, Queue, TO_END, Take},
        script::{Wire, wrap, wrap_talked},
        timed_out,
    },
    tasks::Tasks,
};

/// How long a command waits for a channel that others are using.
const FOR_ROOM: Duration = Duration::from_secs(10);
/// How long it does when none is used, as far as we know.
const TO_BE_FREE: Duration = Duration::from_secs(1);
/// Pause before a server that has no session left is asked again.
const AGAIN: Duration = Duration::from_millis(200);

/// A channel that a command was sent on. It does not hold the connection.
pub(super) struct Open {
    pub(super) read: ChannelReadHalf,
    pub(super) write: ChannelWriteHalf<Msg>,
    pub(super) host: HostName,
    stdin: Vec<u8>,
    _permits: Vec<OwnedSemaphorePermit>,
}

#[derive(Clone, Copy, PartialEq)]
pub(super) enum For {
    Run,
    Stream,
}

pub(super) async fn open(link: &Link, wire: Wire, what_for: For) -> Result<Open, RemoteError> {
    let mut permits = Vec::new();
    if what_for == For::Stream {
        permits.push(room(link, &link.streams).await?);
    }
    permits.push(room(link, &link.sessions).await?);
    let (now, others) = (Instant::now(), || link.sessions.available_permits() + 1 < super::connect::SESSIONS);
    let channel = loop {
        match timeout(FOR_ROOM, link.handle.channel_open_session()).await {
            Ok(Ok(channel)) => break channel,
            // The slot of a command that was ended is free only when its process is gone, a moment later.
            Ok(Err(russh::Error::ChannelOpenFailure(ChannelOpenFailure::ConnectFailed)))
                if now.elapsed() < if others() { FOR_ROOM } else { TO_BE_FREE } =>
            {
                // It has fewer than others have: what is kept is in the way.
                link.kept.never();
                sleep(AGAIN).await;
            }
            Ok(Err(russh::Error::ChannelOpenFailure(_))) => {
                let hint = Some("MaxSessions of its sshd_config may be too small, or the account may not run commands");
                return Err(error(&link.host, LinkFault::Protocol, "the server refuses one more session", hint));
            }
            Ok(Err(_)) => return Err(link.lost()),
            Err(_) => {
                return Err(error(&link.host, LinkFault::Timeout, "the server does not answer within 10 s", None));
            }
        }
    };
    let (read, write) = channel.split();
    write.exec(true, wire.command.as_bytes()).await.map_err(|_| link.lost())?;
    Ok(Open { read, write, host: link.host.clone(), stdin: wire.stdin, _permits: permits })
}

async fn room(link: &Link, of: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, RemoteError> {
    if let Ok(permit) = Arc::clone(of).try_acquire_owned() {
        return Ok(permit);
    }
    link.kept.give_way();
    match timeout(FOR_ROOM, Arc::clone(of).acquire_owned()).await {
        Ok(Ok(permit)) => Ok(permit),
        Ok(Err(_)) => Err(link.lost()),
        Err(_) => {
            let what = format!("its {STREAMS} streams and the runs beside them are all in use");
            Err(error(&link.host, LinkFault::Timeout, what, None))
        }
    }
}

impl Open {
    /// Reads until the end, hands over what comes, and says how it ended.
    async fn pump(&mut self, link: &Link, to: &mut impl Take) -> Result<Exit, RemoteError> {
        let (_unused, nothing) = mpsc::channel(1);
        self.converse(link, nothing, to).await
    }

    /// The same, while it is told things.
    async fn converse(
        &mut self,
        link: &Link,
        mut input: mpsc::Receiver<Vec<u8>>,
        to: &mut impl Take,
    ) -> Result<Exit, RemoteError> {
        // There may be a secret in it: what it was is nothing again once it is sent.
        let payload = Bytes::from_owner(Zeroizing::new(std::mem::take(&mut self.stdin)));
        let write = &self.write;
        // A payload that is larger than the window hangs for ever when the command is gone: it must not be waited for.
        let mut feed = pin!(async move {
            if !payload.is_empty() {
                write.data_bytes(payload).await.ok();
            }
            while let Some(said) = input.recv().await {
                write.data_bytes(said).await.ok();
            }
            write.eof().await.ok();
            std::future::pending::<()>().await;
        });
        let (mut exit, mut until) = (None, None);
        loop {
            let message = tokio::select! {
                message = self.read.wait() => message,
                () = &mut feed => continue,
                () = sleep_until(until.unwrap_or_else(Instant::now)), if until.is_some() => None,
            };
            let Some(message) = message else { break };
            if let ChannelMsg::Data { data } = message {
                until = until.map(|_| Instant::now() + AFTER_EXIT);
                to.take(Piece::Stdout(data)).await;
            } else if let ChannelMsg::ExtendedData { data, ext: 1 } = message {
                until = until.map(|_| Instant::now() + AFTER_EXIT);
                to.take(Piece::Stderr(data)).await;
            } else if let ChannelMsg::ExitStatus { exit_status } = message {
                exit = Some(Exit::Code(i32::try_from(exit_status).unwrap_or(i32::MAX)));
                until = Some(Instant::now() + AFTER_EXIT);
            } else if let ChannelMsg::ExitSignal { signal_name, .. } = message {
                exit = Some(Exit::Signal(name_of(signal_name)));
                until = Some(Instant::now() + AFTER_EXIT);
            } else if let ChannelMsg::Failure = message {
                let hint = Some("the account may be allowed to do something else only");
                return Err(error(&self.host, LinkFault::Protocol, "the server refuses to run commands", hint));
            }
        }
        // The end without an exit code is a lost connection, never a success.
        exit.ok_or_else(|| link.lost())
    }

    /// Tells the command to end by closing its stdin, waits for that, and closes the channel.
    pub(super) async fn end(mut self) {
        if self.write.eof().await.is_ok() {
            let gone = async { while self.read.wait().await.is_some() {} };
            timeout(TO_END, gone).await.ok();
        }
        self.close().await;
    }

    /// Closes the channel: dropping it would leave it open. Who it was is known by then, so an error is of no interest.
    async fn close(&self) {
        self.write.close().await.ok();
    }
}

pub(super) fn name_of(signal: Sig) -> String {
    if let Sig::Custom(name) = signal { crate::parse::sanitise::name(name) } else { format!("{signal:?}") }
}

/// Runs a script to its end. The caller may go away: the command is ended then.
pub(super) async fn run(link: &Arc<Link>, script: &Script, tasks: &Tasks) -> Result<Output, RemoteError> {
    if let Some(result) = kept::run(link, script, tasks).await {
        return result;
    }
    let of = Arc::clone(link);
    let mut open = open(link, wrap(script), For::Run).await?;
    let (mut answer, wait) = oneshot::channel();
    let (limit, max) = (script.timeout, script.max_output);
    let pump = async move {
        let mut collector = Collector::new(max);
        let result = tokio::select! {
            result = timeout(limit, open.pump(&of, &mut collector)) => result,
            () = answer.closed() => return open.end().await,
        };
        let Ok(result) = result else {
            // Nobody listening any more is fine: the error is for them.
            answer.send(Err(timed_out(&open.host, limit))).ok();
            return open.end().await;
        };
        open.close().await;
        drop(open);
        answer.send(result.map(|exit| collector.finish(exit))).ok();
    };
    tasks.spawn("ssh run", pump).detach();
    wait.await.unwrap_or_else(|_| Err(link.lost()))
}

/// Starts a script that is talked to until its stream is dropped.
pub(super) async fn dialog(link: &Arc<Link>, script: &Script, tasks: &Tasks) -> Result<Dialog, RemoteError> {
    let of = Arc::clone(link);
    let mut open = open(link, wrap_talked(script), For::Stream).await?;
    let (mut say, chunks) = mpsc::channel(QUEUE);
    let (input, said) = mpsc::channel(8);
    let alive = CancellationToken::new();
    let stop = alive.clone();
    let pump = async move {
        let end = tokio::select! {
            end = open.converse(&of, said, &mut say) => end,
            () = stop.cancelled() => return open.end().await,
        };
        open.close().await;
        drop(open);
        say.send(end.map_or_else(Chunk::Lost, Chunk::Ended)).await.ok();
    };
    tasks.spawn("ssh dialog", pump).detach();
    Ok(Dialog { input, stream: Stream { chunks, alive: alive.drop_guard() } })
}

/// Starts a script that goes on until the stream is dropped.
pub(super) async fn stream(link: &Arc<Link>, script: &Script, tasks: &Tasks) -> Result<Stream, RemoteError> {
    if let Some(stream) = kept::stream(link, script, tasks).await {
        return Ok(stream);
    }
    let of = Arc::clone(link);
    let mut open = open(link, wrap(script), For::Stream).await?;
    let (mut queue, chunks) = Queue::new();
    let alive = CancellationToken::new();
    let stop = alive.clone();
    let pump = async move {
        let end = tokio::select! {
            end = open.pump(&of, &mut queue) => end,
            () = stop.cancelled() => return open.end().await,
        };
        open.close().await;
        drop(open);
        queue.finish(end).await;
    };
    tasks.spawn("ssh stream", pump).detach();
    Ok(Stream { chunks, alive: alive.drop_guard() })
}
