//! Runs on a host that outlive the link: started once, watched as often as one likes.
//!
//! A run is a directory `~/.quarterdeck/runs/UID` (mode 0700) on its host: `plan` is the script that runs, `journal` has a line
//! with the host's time for everything that happens, `out.N` what step N wrote, `pid` who runs it. The runner has a session of
//! its own, so it goes on when the link is cut. Its lock is a file that only one can make (which also excludes other logins): it says
//! who holds it, and the runner gives it back itself, before it tells the end of the last step. `claim` is a file that only one
//! runner can make: starting the same run twice runs it once, and a start whose answer was lost can be repeated.
//!
//! Before a run's first command its host starts as few programs as can be: what a shell can do by itself it does, and the pipes of
//! all steps are made by one.
//!
//! Of a step's output its first 16 MiB are kept, and of a longer rest the last MiB ([`FIRST`], [`LAST`]): nothing that talks for
//! ever fills the host's disk. It goes through a pipe that is read for as long as anyone holds it: a daemon that a step leaves
//! behind with our pipe as its stdout is neither ended by it nor waited for. Runs are removed after thirty days.
//!
//! Where it is asked for, a run that failed is taken back by its host when nobody watches for a while: watchers leave the time in
//! `seen`, and the way back is a run of its own, under the id that any console would start it with, so that it happens once.
//!
//! A step finds the run's directory in `QD_RUN`: what it leaves there is kept as long as the run.
//!
//! Whoever watches waits at a pipe in that directory, at which the runner knocks after each line of the journal.
//!
//! Watching reads journal and output from a cursor on; after a lost link the next watcher goes on where the last one was, so
//! that every byte arrives once. A lost link is neither success nor failure: [`Event::Lost`] says so, and asking again resolves it.
mod frames;

use std::{sync::Arc, time::Duration};

use secrecy::SecretString;
use tokio::time::timeout;

use self::frames::{Frame, Frames};
use super::{Chunk, Exit, Lane, Remote, RemoteError, Script, Stream, script::quote, timed_out};
use crate::{
    core::{
        hosts::LinkFault,
        id::{HostName, Operator, Uid},
        runs::{RunOutcome, Step, StepEnd},
        time::Timestamp,
    },
    parse::sanitise,
};

const START: &str = include_str!("start.sh");
const RUNNER: &str = include_str!("runner.sh");
const DEAD_MAN: &str = include_str!("dead_man.sh");
const ATTACH: &str = include_str!("attach.sh");
const STATUS: &str = include_str!("status.sh");
/// What a watcher does first: a run that is not there is not waited for.
const KNOWN: &str = "[ -e \"$d/claim\" ] || { echo 'X absent'; exit 0; }";
/// How long a start may take.
const TO_START: Duration = Duration::from_secs(30);
/// Most that is kept of why one failed.
const MAX_SAID: usize = 4 * 1024;

/// Longest command of a step: it is an argument of `sh`, of which Linux takes 128 KiB.
const MAX_COMMAND: usize = 64 * 1024;

/// What is kept of a step's output on its host, in bytes: the first ones as they come, and of a longer rest the last ones, once
/// the step has ended. A line in square brackets says so where it is cut, and how much is missing. Meanwhile a step takes up to
/// three times `LAST` more.
pub const FIRST: usize = 16 * 1024 * 1024;
/// See [`FIRST`].
pub const LAST: usize = 1024 * 1024;

/// How far a watcher has read. A new one starts at the default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Cursor {
    /// Lines of the journal.
    pub lines: u64,
    /// The step whose output is being read.
    pub step: Option<usize>,
    /// Bytes of its output.
    pub offset: u64,
}

/// What a run tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The lock is held by someone else, or could not be made: nothing ran.
    LockRefused(LockRefused),
    /// A step began.
    StepStarted {
        /// Index into the steps.
        index: usize,
        /// By the host's clock.
        at: Timestamp,
    },
    /// A step wrote something: stdout and stderr together, raw bytes.
    Output {
        /// Index into the steps.
        index: usize,
        /// Where in the step's output it begins.
        offset: u64,
        /// What.
        bytes: Vec<u8>,
    },
    /// A step ended; the output before it is complete.
    StepEnded {
        /// Index into the steps.
        index: usize,
        /// By the host's clock.
        at: Timestamp,
        /// How: [`StepEnd::Exit`] or [`StepEnd::TimedOut`]. The code of a step that a signal ended is 128 and its number.
        end: StepEnd,
    },
    /// The run ended; the lock is free again.
    Done {
        /// By the host's clock.
        at: Timestamp,
        /// How.
        outcome: RunOutcome,
    },
    /// The runner is gone without having said how it ended (killed, or the host went down): the outcome is unknown, and the lock may still stand.
    Died,
    /// The host knows of no such run: it never started.
    Absent,
    /// The link was lost: the outcome is unknown. Asking for the next event tries again from the same place.
    Lost(RemoteError),
    /// The host is watched again after that.
    Back,
}

/// Why a run did not get the lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockRefused {
    /// The run that holds it, when it says so.
    pub uid: Option<Uid>,
    /// Who started that.
    pub by: Option<String>,
    /// Since when, by the host's clock.
    pub since: Option<Timestamp>,
    /// Whether its runner is alive; none when nobody can tell. A dead one's lock is stale: a person removes it.
    pub alive: Option<bool>,
    /// What the host said when the lock could not be made at all.
    pub error: Option<String>,
}

/// Whether a start was the first one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Started {
    /// It runs now.
    Now,
    /// It was started before, and was not started again.
    Already,
    /// Another machine answers under this name: nothing was started.
    Elsewhere {
        /// What its `/etc/machine-id` says.
        machine_id: String,
    },
    /// The host cannot take it: nothing was started.
    Refused {
        /// What it says: its disk is full.
        why: String,
    },
}

/// What a run is started with, beside its steps.
#[derive(Clone, Copy, Debug)]
pub struct Terms<'a> {
    /// The lock's path; a leading `~/` is the home directory there.
    pub lock: &'a str,
    /// Who starts it.
    pub operator: &'a Operator,
    /// The machine that it is meant for; none: whichever answers.
    pub machine_id: Option<&'a str>,
    /// What the host does by itself when a step failed and nobody watches.
    pub dead_man: Option<DeadMan<'a>>,
    /// The time here: the journal's times begin with it, so that the host need not be asked. None: the host's own.
    pub now: Option<Timestamp>,
    /// What `sudo` asks for there: the runner gives it to every step, as [`super::sudo`] says.
    pub sudo: Option<&'a SecretString>,
}

/// The way back that a host starts by itself: as a run of its own, the one that whoever watches would start.
#[derive(Clone, Copy, Debug)]
pub struct DeadMan<'a> {
    /// The id of the run that takes it back.
    pub uid: Uid,
    /// Its steps.
    pub steps: &'a [Step],
    /// Milliseconds without anybody who watches.
    pub after_ms: u64,
}

/// How a run stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// The host knows of no such run.
    Absent,
    /// Its runner is alive.
    Running {
        /// The step that runs.
        step: Option<usize>,
    },
    /// It ended.
    Done {
        /// By the host's clock.
        at: Timestamp,
        /// How.
        outcome: RunOutcome,
    },
    /// Its runner is gone and did not say how it ended.
    Died,
}

fn failed(host: &HostName, what: impl Into<String>) -> RemoteError {
    RemoteError { host: host.clone(), fault: LinkFault::Protocol, what: what.into(), hint: None, question: None }
}

/// Starts a run of these steps, one after the other until one fails.
///
/// # Errors
/// When the host cannot be reached or cannot start it. With [`LinkFault::Lost`] or [`LinkFault::Timeout`] nobody knows whether
/// it runs: starting it again with the same uid is safe, [`status`] tells.
pub async fn start(
    remote: &dyn Remote,
    host: &HostName,
    uid: Uid,
    steps: &[Step],
    terms: Terms<'_>,
) -> Result<Started, RemoteError> {
    launch(remote, host, uid, steps, terms).await.map(|(started, ..)| started)
}

/// Starts a run as [`start`] does, and watches it from its beginning on by the same command: one login less for the host.
///
/// # Errors
/// As [`start`].
pub async fn begin(
    remote: &Arc<dyn Remote>,
    host: &HostName,
    uid: Uid,
    steps: &[Step],
    terms: Terms<'_>,
) -> Result<(Started, Attached), RemoteError> {
    let (started, stream, frames) = launch(remote.as_ref(), host, uid, steps, terms).await?;
    Ok((started, Attached { stream, frames, ..attach(Arc::clone(remote), host, uid, Cursor::default()) }))
}

async fn launch(
    remote: &dyn Remote,
    host: &HostName,
    uid: Uid,
    steps: &[Step],
    terms: Terms<'_>,
) -> Result<(Started, Option<Stream>, Frames), RemoteError> {
    if let Some(step) = steps.iter().find(|step| step.command.len() > MAX_COMMAND) {
        return Err(failed(host, format!("the command of step {} is longer than 64 KiB", sanitise::name(&step.name))));
    }
    let text = watch_script(uid, Cursor::default(), &start_script(uid, steps, terms));
    let (brief, secret) = (terms.sudo.is_none(), terms.sudo.cloned());
    let mut stream = remote.stream(host, Lane::Control, Script { brief, secret, ..Script::new(text) }).await?;
    let mut frames = Frames::default();
    let told = timeout(TO_START, started(host, &mut stream, &mut frames)).await;
    let (started, goes_on) = told.unwrap_or_else(|_| Err(timed_out(host, TO_START)))?;
    Ok(if goes_on { (started, Some(stream), frames) } else { (started, None, Frames::default()) })
}

/// Waits for the word on how a start went, and whether the same command watches the run from there on.
async fn started(host: &HostName, stream: &mut Stream, frames: &mut Frames) -> Result<(Started, bool), RemoteError> {
    let nonsense = || failed(host, "the host does not say whether the run started");
    let mut said = Vec::new();
    loop {
        match frames.next() {
            Some(Ok(Frame::Started(how))) => {
                return match how.split_once(' ').unwrap_or((&how, "")) {
                    // There, who watches must not be who started it: it would end with them.
                    ("started", "alone") => Ok((Started::Now, false)),
                    ("started", _) => Ok((Started::Now, true)),
                    ("already", _) => Ok((Started::Already, true)),
                    ("other", id) => Ok((Started::Elsewhere { machine_id: sanitise::name(id) }, false)),
                    _ => Err(nonsense()),
                };
            }
            Some(Ok(_)) => return Err(nonsense()),
            Some(Err(what)) => return Err(failed(host, what)),
            None => {}
        }
        match stream.chunks.recv().await {
            Some(Chunk::Stdout(bytes)) => frames.push(&bytes),
            Some(Chunk::Stderr(bytes)) if said.len() < MAX_SAID => said.extend(bytes),
            Some(Chunk::Stderr(_) | Chunk::Dropped(_)) => {}
            Some(Chunk::Lost(error)) => return Err(error),
            // Before anything of it could run.
            Some(Chunk::Ended(Exit::Code(73))) => {
                return Ok((Started::Refused { why: sanitise::line(said.trim_ascii()) }, false));
            }
            Some(Chunk::Ended(_)) | None => {
                let said = sanitise::line(said.trim_ascii());
                return Err(failed(host, format!("the run could not be started: {said}")));
            }
        }
    }
}

fn start_script(uid: Uid, steps: &[Step], terms: Terms<'_>) -> String {
    // Quoted, so that no step's text can run as part of the start.
    let (plan, machine) = (plan_script(uid, steps, terms), quote(terms.machine_id.unwrap_or_default()));
    let word = if terms.sudo.is_some() { "printf '%s\\n' \"$qd_secret\" |" } else { "</dev/null" };
    let pipes: Vec<String> = (0..steps.len()).map(|step| format!("\"$d/pipe.{step}\" \"$d/told.{step}\"")).collect();
    let plan = quote(plan.trim_end());
    fill(START, &[("PLAN", &plan), ("MACHINE", &machine), ("WORD", word), ("PIPES", &pipes.join(" "))])
}

/// Returns what watches a run from a cursor on, once what is to be done first is done.
fn watch_script(uid: Uid, from: Cursor, first: &str) -> String {
    let step = from.step.map(|step| step.to_string()).unwrap_or_default();
    let (uid, lines, offset) = (uid.to_string(), from.lines.to_string(), from.offset.to_string());
    let values = [("UID", uid.as_str()), ("LINES", &lines), ("STEP", &step), ("OFFSET", &offset), ("BEGIN", first)];
    fill(ATTACH, &values)
}

fn plan_script(uid: Uid, steps: &[Step], terms: Terms<'_>) -> String {
    let Terms { lock, operator, dead_man, .. } = terms;
    let last_step = steps.len().saturating_sub(1).to_string();
    let now = terms.now.map(|now| now.0.div_euclid(1_000).to_string()).unwrap_or_default();
    let steps: Vec<String> = steps
        .iter()
        .enumerate()
        .map(|(index, step)| {
            let seconds = step.timeout_ms.div_ceil(1_000).max(1);
            format!("step {index} {seconds} {} {}", quote(&step.path_prefix.join(":")), quote(&step.command))
        })
        .collect();
    let steps = if steps.is_empty() { ":".to_owned() } else { steps.join(" &&\n  ") };
    let by = quote(&sanitise::name(operator.as_str()));
    let path = lock.strip_prefix("~/").map_or_else(|| quote(lock), |rest| format!("\"$HOME\"/{}", quote(rest)));
    let dead_man = dead_man.map_or_else(String::new, |of| {
        let back = plan_script(of.uid, of.steps, Terms { dead_man: None, now: None, ..terms });
        let (uid, after) = (of.uid.to_string(), of.after_ms.div_ceil(1_000).to_string());
        fill(DEAD_MAN, &[("BACK", &uid), ("AFTER", &after), ("PLAN", &quote(back.trim_end()))])
    });
    let (uid, first, last) = (uid.to_string(), FIRST.to_string(), LAST.to_string());
    let borrow = if terms.sudo.is_some() { "[ -n \"$lent\" ] || lend \"$d/sudo\"" } else { "" };
    // Who may have to take it back needs it still.
    let forget = if dead_man.is_empty() { "unlend" } else { "[ \"$r\" = failed ] || unlend" };
    let values = [
        ("UID", &uid),
        ("LOCK", &path),
        ("BY", &by),
        ("STEPS", &steps),
        ("FIRST", &first),
        ("LAST", &last),
        ("LAST_STEP", &last_step),
        ("NOW", &now),
        ("DEAD_MAN", &dead_man),
    ];
    let values = values.map(|(name, value)| (name, value.as_str()));
    let lend = if terms.sudo.is_some() { super::sudo::LEND.trim_end() } else { "unlend() { :; }" };
    let own = [("LEND", lend), ("BORROW", borrow), ("FORGET", forget)];
    fill(RUNNER, &[values.as_slice(), &own].concat())
}

/// Puts values where `@NAME@` stands in a template; what a value holds is never looked at again.
///
/// Comments and indentation of the template stay here, but for its first line: every host would read them for nothing, twice.
fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let said = |(number, line): &(usize, &str)| *number == 0 || !(line.is_empty() || line.starts_with('#'));
    let lines = template.lines().map(str::trim_start).enumerate().filter(said);
    let template: String = lines.flat_map(|(_, line)| [line, "\n"]).collect();
    let mut text = String::with_capacity(template.len());
    let mut rest = template.as_str();
    while let Some((before, after)) = rest.split_once('@') {
        text.push_str(before);
        let found = values.iter().find_map(|(name, value)| Some((value, after.strip_prefix(name)?.strip_prefix('@')?)));
        if let Some((value, after)) = found {
            text.push_str(value);
            rest = after;
        } else {
            text.push('@');
            rest = after;
        }
    }
    text.push_str(rest);
    text
}

/// Says how a run stands.
///
/// # Errors
/// When the host cannot be reached.
pub async fn status(remote: &dyn Remote, host: &HostName, uid: Uid) -> Result<Status, RemoteError> {
    let text = fill(STATUS, &[("UID", &uid.to_string())]);
    let output = remote.run(host, Lane::Control, Script::brief(text)).await?;
    let said = String::from_utf8_lossy(&output.stdout);
    let mut lines = said.lines();
    let alive = match lines.next() {
        Some("absent") => return Ok(Status::Absent),
        Some("alive") => true,
        Some("dead") => false,
        _ => return Err(failed(host, "the host does not say how the run stands")),
    };
    let mut step = None;
    for line in lines {
        match frames::journal_event(line) {
            Some(Event::StepStarted { index, .. }) => step = Some(index),
            Some(Event::StepEnded { .. }) => step = None,
            Some(Event::Done { at, outcome }) => return Ok(Status::Done { at, outcome }),
            Some(
                Event::LockRefused(_)
                | Event::Output { .. }
                | Event::Died
                | Event::Absent
                | Event::Lost(_)
                | Event::Back,
            )
            | None => {}
        }
    }
    Ok(if alive { Status::Running { step } } else { Status::Died })
}

/// A watcher of one run.
pub struct Attached {
    remote: Arc<dyn Remote>,
    host: HostName,
    uid: Uid,
    cursor: Cursor,
    stream: Option<Stream>,
    frames: Frames,
    over: bool,
    /// Whether the last that was told is that the link was lost.
    away: bool,
}

impl std::fmt::Debug for Attached {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { host, uid, cursor, over, .. } = self;
        f.debug_struct("Attached")
            .field("host", host)
            .field("uid", uid)
            .field("cursor", cursor)
            .field("over", over)
            .finish_non_exhaustive()
    }
}

/// Watches a run from a cursor on. Nothing is asked before the first [`Attached::next`].
pub fn attach(remote: Arc<dyn Remote>, host: &HostName, uid: Uid, from: Cursor) -> Attached {
    Attached {
        remote,
        host: host.clone(),
        uid,
        cursor: from,
        stream: None,
        frames: Frames::default(),
        over: false,
        away: false,
    }
}

impl Attached {
    /// Says how far it has read: with what [`Attached::next`] has handed out, and no more.
    pub fn cursor(&self) -> Cursor {
        self.cursor
    }

    /// Waits for the next event; none once the run is over.
    ///
    /// After [`Event::Lost`] the next call tries again from where it was: wait a little before.
    /// Cancel-safe: an event that was not handed out comes with the next call.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            if self.over {
                return None;
            }
            match self.frames.next() {
                Some(Ok(frame)) => {
                    if let Some(event) = self.take(frame) {
                        return Some(event);
                    }
                    continue;
                }
                Some(Err(what)) => return Some(self.lost(failed(&self.host, what))),
                None => {}
            }
            let Some(stream) = &mut self.stream else {
                match self.open().await {
                    Ok(stream) => {
                        self.stream = Some(stream);
                        if std::mem::take(&mut self.away) {
                            return Some(Event::Back);
                        }
                    }
                    Err(error) => return Some(self.lost(error)),
                }
                continue;
            };
            match stream.chunks.recv().await {
                Some(Chunk::Stdout(bytes)) => self.frames.push(&bytes),
                Some(Chunk::Stderr(_)) => {}
                // We were too slow and a piece is missing: it is read again.
                Some(Chunk::Dropped(_)) => self.reset(),
                Some(Chunk::Lost(error)) => return Some(self.lost(error)),
                Some(Chunk::Ended(exit)) => {
                    let what = format!("watching the run ended early ({exit:?})");
                    return Some(self.lost(failed(&self.host, what)));
                }
                None => return Some(self.lost(failed(&self.host, "watching the run ended"))),
            }
        }
    }

    async fn open(&self) -> Result<Stream, RemoteError> {
        let text = watch_script(self.uid, self.cursor, KNOWN);
        self.remote.stream(&self.host, Lane::Control, Script::brief(text)).await
    }

    fn reset(&mut self) {
        self.stream = None;
        self.frames = Frames::default();
    }

    fn lost(&mut self, error: RemoteError) -> Event {
        self.reset();
        self.away = true;
        Event::Lost(error)
    }

    fn take(&mut self, frame: Frame) -> Option<Event> {
        match frame {
            Frame::Output { index, offset, bytes } => {
                self.cursor.step = Some(index);
                self.cursor.offset = offset.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
                Some(Event::Output { index, offset, bytes })
            }
            Frame::Journal(line) => {
                self.cursor.lines = self.cursor.lines.saturating_add(1);
                let event = frames::journal_event(&line)?;
                if let Event::StepStarted { index, .. } = &event {
                    self.cursor.step = Some(*index);
                    self.cursor.offset = 0;
                }
                self.over = matches!(event, Event::Done { .. });
                Some(event)
            }
            // Said once, before all of this.
            Frame::Started(_) => None,
            Frame::Absent => Some(self.end(Event::Absent)),
            Frame::Dead => Some(self.end(Event::Died)),
        }
    }

    fn end(&mut self, event: Event) -> Event {
        self.over = true;
        self.stream = None;
        event
    }
}
