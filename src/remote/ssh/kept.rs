//! A shell that is kept open on a connection and runs brief commands, one after the other: a command on a channel of its own costs
//! the host a login each time, which is most of what it costs.
//!
//! Each command runs in a subshell without stdin, between two marks on its stdout and two on its stderr. The marks hold a number that
//! is drawn for this command alone and never stands among any process's arguments: output cannot forge them. A command that has had
//! its time, or whose caller goes away, is ended together with the shell, as on a channel of its own; the next one gets a new shell.
//! Whoever finds no kept shell free has a channel of its own.
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use memchr::memmem;
use russh::ChannelMsg;
use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc, oneshot},
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    channel::{self, For, Open},
    connect::{Link, error},
};
use crate::{
    core::{hosts::LinkFault, id::HostName},
    remote::{
        Exit, Output, RemoteError, Script, Stream,
        pump::{AFTER_EXIT, Collector, Piece, Queue, Take},
        script::{self, Marks, wrap_kept},
        timed_out,
    },
    tasks::Tasks,
};

/// How long a shell that nobody uses stays.
const IDLE: Duration = Duration::from_secs(120);
/// How old it may become: what its login was given may be another by then.
const AGE: Duration = Duration::from_secs(600);
/// Longest script that it is given: some shells read their commands a byte at a time.
const MAX_TEXT: usize = 64 * 1024;

/// The place of a connection's shell.
#[derive(Default)]
pub(super) struct Kept {
    place: Mutex<Place>,
    leave: Arc<Notify>,
}

#[derive(Default)]
enum Place {
    #[default]
    Empty,
    Shell(Shell),
    /// The host has no room for one, or cannot keep one.
    Never,
}

#[derive(Clone)]
struct Shell {
    jobs: mpsc::Sender<Job>,
    turn: Arc<Semaphore>,
}

struct Job {
    script: Script,
    to: To,
    turn: OwnedSemaphorePermit,
}

/// Who waits for a command. Told nothing, it did not run.
enum To {
    Run(oneshot::Sender<Option<Result<Output, RemoteError>>>),
    Stream(Streamed),
}

struct Streamed {
    queue: Queue,
    stop: CancellationToken,
    began: oneshot::Sender<()>,
    permit: OwnedSemaphorePermit,
    /// As long as it goes on, so does the connection.
    link: Arc<Link>,
}

impl Kept {
    /// Has a shell go as soon as it does nothing: others need its room.
    pub(super) fn give_way(&self) {
        let mut place = self.place();
        if matches!(*place, Place::Shell(_)) {
            *place = Place::Empty;
            self.leave.notify_one();
        }
    }

    fn place(&self) -> MutexGuard<'_, Place> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has none made any more, and the one there go.
    pub(super) fn never(&self) {
        self.give_way();
        *self.place() = Place::Never;
    }

    /// Hands a job to the shell. It is made if there is none, but not for a stream, which would have it alone. None when it has something
    /// else to do.
    fn give(&self, link: &Arc<Link>, script: &Script, to: To, tasks: &Tasks) -> Option<()> {
        let mut place = self.place();
        let known = match &*place {
            Place::Never => return None,
            Place::Shell(shell) if !shell.jobs.is_closed() => Some(shell.clone()),
            Place::Shell(_) | Place::Empty => None,
        };
        let is_stream = matches!(to, To::Stream(_));
        if known.is_none() && is_stream {
            return None;
        }
        let shell = known.unwrap_or_else(|| {
            let (jobs, next) = mpsc::channel(1);
            let shell = Shell { jobs, turn: Arc::new(Semaphore::new(1)) };
            let (link, tasks_of) = (Arc::downgrade(link), tasks.clone());
            tasks_of.spawn("ssh shell", serve(link, Arc::clone(&self.leave), next)).detach();
            *place = Place::Shell(shell.clone());
            shell
        });
        let turn = Arc::clone(&shell.turn).try_acquire_owned().ok()?;
        if is_stream {
            // It has it to its end: who comes next makes another.
            *place = Place::Empty;
        }
        shell.jobs.try_send(Job { script: script.clone(), to, turn }).ok()
    }
}

/// Runs a command in the kept shell; none when it has to have a channel of its own.
pub(super) async fn run(link: &Arc<Link>, script: &Script, tasks: &Tasks) -> Option<Result<Output, RemoteError>> {
    if !script.brief || script.secret.is_some() || script.text.len() > MAX_TEXT {
        return None;
    }
    let (answer, wait) = oneshot::channel();
    link.kept.give(link, script, To::Run(answer), tasks)?;
    // Dropped without a word: it never got there.
    wait.await.unwrap_or(None)
}

/// Starts a command in the kept shell, which is its own from then on.
pub(super) async fn stream(link: &Arc<Link>, script: &Script, tasks: &Tasks) -> Option<Stream> {
    if !script.brief || script.secret.is_some() || script.text.len() > MAX_TEXT {
        return None;
    }
    let permit = Arc::clone(&link.streams).try_acquire_owned().ok()?;
    let (queue, chunks) = Queue::new();
    let (began, wait) = oneshot::channel();
    let alive = CancellationToken::new();
    let to = Streamed { queue, stop: alive.clone(), began, permit, link: Arc::clone(link) };
    link.kept.give(link, script, To::Stream(to), tasks)?;
    let alive = alive.drop_guard();
    wait.await.ok()?;
    Some(Stream { chunks, alive })
}

/// How a command ended that the shell was given.
enum End {
    /// So, and what the shell is good for now.
    Exit(Exit, After),
    /// The shell never came to it.
    NotRun,
    /// Nobody knows.
    Lost,
}

/// Makes a shell, and carries out what it is given until it is of no more use.
async fn serve(link: Weak<Link>, leave: Arc<Notify>, mut jobs: mpsc::Receiver<Job>) {
    // What it is made for comes with it.
    let Some(first) = jobs.recv().await else { return };
    let opened = match link.upgrade() {
        Some(link) => channel::open(&link, script::kept(), For::Run).await.map_err(|_| link.kept.never()),
        None => Err(()),
    };
    // The connection must be able to end while nothing runs here: it is not held.
    let Ok(mut open) = opened else { return };
    let made = Instant::now();
    let (mut job, mut served) = (Some(first), false);
    while let Some(next) = job {
        let after = carry_out(&mut open, &link, next).await;
        if after == After::Unfit && !served {
            if let Some(link) = link.upgrade() {
                link.kept.never();
            }
            break;
        }
        if after != After::Fit || made.elapsed() > AGE {
            break;
        }
        served = true;
        job = loop {
            tokio::select! {
                biased;
                job = jobs.recv() => break job,
                message = open.read.wait() => match message {
                    // What it is told about its window is nothing that it says.
                    Some(ChannelMsg::WindowAdjusted { .. } | ChannelMsg::Success) => {}
                    // Something that an earlier command left writes where the next one's output will be.
                    _ => break None,
                },
                () = leave.notified() => break None,
                () = sleep(IDLE) => break None,
            }
        };
    }
    // Who comes between is told nothing, and has a channel of its own.
    drop(jobs);
    open.end().await;
}

/// What a shell is good for after a command.
#[derive(Clone, Copy, PartialEq, Eq)]
enum After {
    /// The next one.
    Fit,
    /// Nothing more.
    Spent,
    /// It did not run it. One that never ran any shows that this host keeps none.
    Unfit,
}

/// Carries out one command.
async fn carry_out(open: &mut Open, link: &Weak<Link>, job: Job) -> After {
    let Job { script, to, turn } = job;
    let Some(marks) = Marks::draw() else { return After::Spent };
    let text = wrap_kept(&script, &marks);
    let host = open.host.clone();
    match to {
        To::Run(mut answer) => {
            let mut collector = Collector::new(script.max_output);
            let mut ignore = None;
            let ended = tokio::select! {
                ended = timeout(script.timeout, between(open, text, &marks, &mut collector, &mut ignore)) => ended,
                () = answer.closed() => return After::Spent,
            };
            let (said, after) = match ended {
                Ok(End::Exit(exit, after)) => (Some(Ok(collector.finish(exit))), after),
                Ok(End::NotRun) => (None, After::Unfit),
                Ok(End::Lost) => (Some(Err(lost(link, &host))), After::Spent),
                Err(_) => (Some(Err(timed_out(&host, script.timeout))), After::Spent),
            };
            // Whoever hears the answer may come with the next command at once.
            drop(turn);
            // Nobody listening any more is fine: the answer is for them.
            answer.send(said).ok();
            after
        }
        To::Stream(Streamed { mut queue, stop, began, permit, link: of }) => {
            let mut began = Some(began);
            let ended = tokio::select! {
                ended = between(open, text, &marks, &mut queue, &mut began) => ended,
                () = stop.cancelled() => return After::Spent,
            };
            let end = match ended {
                End::Exit(exit, _) => Ok(exit),
                End::NotRun => return After::Unfit,
                End::Lost => Err(of.lost()),
            };
            drop((permit, of));
            queue.finish(end).await;
            After::Spent
        }
    }
}

fn lost(link: &Weak<Link>, host: &HostName) -> RemoteError {
    link.upgrade().map_or_else(|| error(host, LinkFault::Lost, "the connection ended", None), |link| link.lost())
}

/// Gives the shell a command, and hands over what is between its marks. Says how it ended.
async fn between(
    open: &mut Open,
    text: Vec<u8>,
    marks: &Marks,
    to: &mut impl Take,
    began: &mut Option<oneshot::Sender<()>>,
) -> End {
    let Open { read, write, .. } = open;
    let mut feed = std::pin::pin!(async {
        write.data_bytes(text).await.ok();
        std::future::pending::<()>().await;
    });
    let (mut out, mut err) = (Between::new(marks), Between::new(marks));
    let mut exit = None;
    loop {
        let message = tokio::select! {
            message = read.wait() => message,
            () = &mut feed => continue,
            () = sleep(AFTER_EXIT), if exit.is_some() => None,
        };
        let Some(message) = message else { break };
        if let ChannelMsg::Data { data } = message {
            if let Some(said) = out.take(&data) {
                to.take(Piece::Stdout(said.into())).await;
            }
        } else if let ChannelMsg::ExtendedData { data, ext: 1 } = message {
            if let Some(said) = err.take(&data) {
                to.take(Piece::Stderr(said.into())).await;
            }
        } else if let ChannelMsg::ExitStatus { exit_status } = message {
            exit = Some(Exit::Code(i32::try_from(exit_status).unwrap_or(i32::MAX)));
        } else if let ChannelMsg::ExitSignal { signal_name, .. } = message {
            exit = Some(Exit::Signal(channel::name_of(signal_name)));
        } else if let ChannelMsg::Failure = message {
            return End::NotRun;
        }
        if out.has_begun()
            && let Some(began) = began.take()
        {
            // Whoever started it may be gone: then it is stopped.
            began.send(()).ok();
        }
        if let (Some(code), Some(_)) = (out.code(), err.code()) {
            let is_clean = out.is_clean() && err.is_clean();
            return End::Exit(Exit::Code(code), if is_clean { After::Fit } else { After::Spent });
        }
    }
    match exit {
        // It ended before the command's first mark: the mark comes before the command.
        Some(_) if !out.has_begun() => End::NotRun,
        // It took the shell with it.
        Some(exit) => End::Exit(exit, After::Spent),
        // The end without an exit code is a lost connection, never a success.
        None => End::Lost,
    }
}

/// Finds what stands between the marks of one command, in pieces that may be cut anywhere.
struct Between {
    begin: Vec<u8>,
    end: Vec<u8>,
    held: Vec<u8>,
    at: At,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    Before,
    Inside,
    Code,
    After(i32),
}

impl Between {
    fn new(marks: &Marks) -> Self {
        Self { begin: marks.begin(), end: marks.end(), held: Vec::new(), at: At::Before }
    }

    fn has_begun(&self) -> bool {
        self.at != At::Before
    }

    /// Returns the command's exit code, once it has ended.
    fn code(&self) -> Option<i32> {
        if let At::After(code) = self.at { Some(code) } else { None }
    }

    /// Says whether nothing came after the end.
    fn is_clean(&self) -> bool {
        self.held.is_empty()
    }

    /// Takes a piece, and returns what of it the command said.
    fn take(&mut self, piece: &[u8]) -> Option<Vec<u8>> {
        self.held.extend_from_slice(piece);
        if self.at == At::Before {
            let Some(at) = memmem::find(&self.held, &self.begin) else {
                let kept = self.held.len().saturating_sub(self.begin.len());
                self.held.drain(..kept);
                return None;
            };
            self.held.drain(..at + self.begin.len());
            self.at = At::Inside;
        }
        let mut said = Vec::new();
        if self.at == At::Inside {
            if let Some(at) = memmem::find(&self.held, &self.end) {
                said.extend(self.held.drain(..at));
                self.held.drain(..self.end.len());
                self.at = At::Code;
            } else {
                // What may be the beginning of the mark waits, and nothing else: a stream's last line is not to hang.
                let longest = (1..self.end.len())
                    .rev()
                    .find(|length| self.end.get(..*length).is_some_and(|beginning| self.held.ends_with(beginning)));
                let free = self.held.len() - longest.unwrap_or(0);
                said.extend(self.held.drain(..free));
            }
        }
        if self.at == At::Code
            && let Some(end) = self.held.iter().position(|byte| *byte == b'\n')
        {
            let line: Vec<u8> = self.held.drain(..=end).collect();
            let code = std::str::from_utf8(line.trim_ascii()).ok().and_then(|code| code.parse().ok());
            self.at = At::After(code.unwrap_or(-1));
        }
        Some(said).filter(|said| !said.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_between_the_marks_is_found_however_it_is_cut() {
        let marks = Marks::draw().unwrap();
        let other = Marks::draw().unwrap();
        let mut inside = b"a\nb".to_vec();
        inside.extend(other.end());
        inside.extend(b"0\n");
        // The beginning of the mark, and no more of it.
        inside.extend(&marks.end()[..20]);
        let mut text = b"a login's greeting\n".to_vec();
        text.extend(marks.begin());
        text.extend(&inside);
        text.extend(marks.end());
        text.extend(b"7\n");
        for size in 1..text.len() {
            let mut between = Between::new(&marks);
            let said: Vec<u8> = text.chunks(size).filter_map(|piece| between.take(piece)).flatten().collect();
            assert_eq!((said, between.code(), between.is_clean()), (inside.clone(), Some(7), true), "{size}");
            between.take(b"x");
            assert!(!between.is_clean());
        }
    }

    #[test]
    fn a_stream_hears_each_line_at_once() {
        let marks = Marks::draw().unwrap();
        let mut between = Between::new(&marks);
        between.take(&marks.begin());
        assert_eq!(between.take(b"J 1 start 0\n"), Some(b"J 1 start 0\n".to_vec()));
    }
}
