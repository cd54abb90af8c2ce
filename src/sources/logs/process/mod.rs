//! Following what a command prints, on a host or here, and starting it again where it was.
mod stamped;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use super::{Batch, Cursor, FIRST_LINES, LogContext, Notice, StreamId, StreamInfo, follow::Lines};
use crate::{
    core::{
        logs::{LogSpec, Nanos, SourceState},
        time::Now,
    },
    parse::sanitise,
    remote::{self, Chunk, Exit, Lane, Output, RemoteError, Script, Stream},
    sources::{SourceError, first_line},
};

pub(super) use self::stamped::Stamped;

/// A line that a command printed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Line {
    /// Its text, without its end.
    pub(super) text: Vec<u8>,
    /// When it was written, where the command says.
    pub(super) at: Option<Nanos>,
    /// Where it stands, where that is not a moment.
    pub(super) cursor: Option<String>,
    /// What is known of it beyond its text, as logfmt.
    pub(super) extra: Option<String>,
}

/// How far a command was read.
#[derive(Clone, Debug, Default)]
pub(super) struct Mark {
    /// The last line's place.
    pub(super) cursor: Option<String>,
    /// The last line's moment.
    pub(super) at: Option<Nanos>,
}

/// A kind of command.
pub(super) trait Command: Send + Sync {
    /// Its kind's name.
    fn kind(&self) -> &'static str;

    /// Where exactly it reads.
    fn path(&self) -> String;

    /// The format of its lines, where the kind knows it.
    fn format(&self) -> Option<&'static str> {
        None
    }

    /// The shell text: from the last lines on when there is no mark, else from there on, with that line or without.
    fn script(&self, mark: Option<&Mark>, first: usize) -> String;

    /// Reads a line; none for what is no line of the log but a remark of the command.
    fn line(&self, raw: &[u8]) -> Option<Line>;

    /// Says whether it can be started again without losing or repeating anything.
    fn resumes(&self) -> bool {
        true
    }
}

/// Starts a command where the context says.
async fn start(context: &LogContext, text: String) -> Result<Stream, RemoteError> {
    let script = Script::new(text);
    match &context.host {
        Some(host) => context.remote.stream(&host.name, Lane::Logs, script).await,
        None => remote::stream_here(&script, &context.tasks).await,
    }
}

/// Runs a command to its end where the context says.
pub(super) async fn run(context: &LogContext, text: String) -> Result<Output, RemoteError> {
    let script = Script { timeout: Duration::from_secs(30), max_output: 8 * 1024 * 1024, ..Script::new(text) };
    match &context.host {
        Some(host) => context.remote.run(&host.name, Lane::Logs, script).await,
        None => remote::run_here(&script).await,
    }
}

/// Describes the stream of a command.
fn info(context: &LogContext, spec: &LogSpec, command: &impl Command) -> StreamInfo {
    StreamInfo {
        name: spec.name.to_string(),
        kind: command.kind(),
        path: sanitise::line(command.path()),
        service: spec.service.clone(),
        host: context.host.as_ref().map(|host| host.name.clone()),
        labels: Vec::new(),
        format: spec.format.clone().or_else(|| command.format().map(str::to_owned)),
        timezone: spec.timezone,
    }
}

/// Makes a batch.
pub(super) fn batch_of(lines: Vec<Line>) -> Batch {
    let mut batch = Batch::default();
    let times: Option<Vec<Nanos>> = lines.iter().map(|line| line.at).collect();
    for (number, line) in lines.into_iter().enumerate() {
        batch.bytes.extend(line.text.into_iter().filter(|byte| *byte != b'\n'));
        batch.bytes.push(b'\n');
        if let Some(extra) = line.extra {
            batch.extras.push((u32::try_from(number).unwrap_or(u32::MAX), extra));
        }
    }
    batch.times = times;
    batch
}

struct Follower<C> {
    context: LogContext,
    command: C,
    stream: StreamId,
    mark: Option<Mark>,
    /// Lines of the last moments: a restart from a moment brings them again.
    known: BTreeSet<(Nanos, u64)>,
    lost: Option<(Now, u32)>,
    first: bool,
    /// Lines from before it began are history, until the first that is not.
    began: Option<Nanos>,
}

/// Why a command is not read on.
enum End {
    /// It ended by itself.
    Exit(Exit, Option<String>),
    Lost(RemoteError),
    /// Some of it was dropped, and it can be started again from before that.
    Behind,
}

/// Follows a command until dropped.
pub(super) async fn follow(context: LogContext, spec: Arc<LogSpec>, command: impl Command) -> SourceError {
    let stream = context.sink.open(info(&context, &spec, &command));
    let began = Some(Nanos::from(context.clock.now().utc));
    let mut follower =
        Follower { context, command, stream, mark: None, known: BTreeSet::new(), lost: None, first: true, began };
    loop {
        let text = follower.command.script(follower.mark.as_ref(), FIRST_LINES);
        let end = match start(&follower.context, text).await {
            Ok(stream) => follower.read(stream).await,
            Err(error) => End::Lost(error),
        };
        match end {
            End::Behind => {}
            End::Exit(Exit::Code(0), _) if !follower.command.resumes() => {
                follower.context.sink.state(stream, SourceState::Ended);
                return SourceError::Absent("the command ended".into());
            }
            End::Exit(Exit::Code(code @ (126 | 127)), why) => {
                let why = why.unwrap_or_else(|| format!("the command cannot be run (code {code})"));
                follower.pause(why, true).await;
            }
            End::Exit(exit, why) => {
                let how = match exit {
                    Exit::Code(code) => format!("ended with code {code}"),
                    Exit::Signal(signal) => format!("was ended by {}", sanitise::name(signal)),
                };
                let denied = why.as_deref().is_some_and(is_denial);
                let why = why.map_or_else(|| how.clone(), |why| format!("{how}: {why}"));
                follower.pause(why, denied).await;
            }
            End::Lost(error) => {
                let lost = super::follow::Lost::from(error);
                follower.pause(lost.why, lost.denied).await;
            }
        }
    }
}

/// Says whether trying again soon would not help.
fn is_denial(why: &str) -> bool {
    let why = why.to_ascii_lowercase();
    ["permission denied", "forbidden", "unauthorized", "no such container", "not found", "unrecognized option"]
        .iter()
        .any(|known| why.contains(known))
}

impl<C: Command> Follower<C> {
    fn now(&self) -> Now {
        self.context.clock.now()
    }

    async fn pause(&mut self, why: String, denied: bool) {
        let now = self.now();
        let (since, tries) = *self.lost.get_or_insert((now, 0));
        self.lost = Some((since, tries.saturating_add(1)));
        if tries == 0 && !self.first {
            self.context.sink.notice(self.stream, Notice::Lost { why: why.clone() }, now.utc);
        }
        let state = if denied {
            SourceState::Denied { why }
        } else {
            SourceState::Reconnecting { since: since.utc, attempt: tries.saturating_add(1), why }
        };
        self.context.sink.state(self.stream, state);
        let wait = if denied { 30 } else { 1 << tries.min(4) };
        tokio::time::sleep(Duration::from_secs(wait)).await;
    }

    fn is_back(&mut self) {
        let now = self.now();
        if let Some((since, _)) = self.lost.take().filter(|_| !self.first) {
            let at = self.mark.as_ref().and_then(|mark| mark.at);
            let resumed = at.map_or_else(|| "from now on".to_owned(), |at| format!("at {}", at.timestamp().rfc3339()));
            let notice = Notice::Reconnected { after_ms: now.mono.since(since.mono), resumed };
            self.context.sink.notice(self.stream, notice, now.utc);
        }
        self.context.sink.state(self.stream, SourceState::Live);
    }

    async fn read(&mut self, mut stream: Stream) -> End {
        let mut lines = Lines::default();
        let (mut stderr, mut remarks) = (Vec::new(), Vec::new());
        // A command says nothing of its own about having started: its first line does, or that it has not ended after a second.
        let mut begun = false;
        loop {
            let next = tokio::time::timeout(Duration::from_secs(1), stream.chunks.recv()).await;
            if !begun && !matches!(next, Ok(Some(Chunk::Ended(_) | Chunk::Lost(_)) | None)) {
                let only_stderr = matches!(next, Ok(Some(Chunk::Stderr(_))));
                begun = !only_stderr;
                if begun {
                    self.is_back();
                    self.first = self.first && self.mark.is_none();
                }
            }
            let whole = match next {
                Err(_) => lines.aged(self.now().mono).unwrap_or_default(),
                Ok(Some(Chunk::Stdout(bytes))) => lines.push(&bytes, self.now().mono),
                Ok(Some(Chunk::Stderr(bytes))) => {
                    let room = 4_096_usize.saturating_sub(stderr.len());
                    stderr.extend(bytes.into_iter().take(room));
                    continue;
                }
                Ok(Some(Chunk::Dropped(_))) if self.command.resumes() => return End::Behind,
                Ok(Some(Chunk::Dropped(bytes))) => {
                    let why = "it came faster than it was taken".to_owned();
                    let notice = Notice::Dropped { lines: None, bytes: Some(bytes), why };
                    self.context.sink.notice(self.stream, notice, self.now().utc);
                    lines = Lines::skipping();
                    continue;
                }
                Ok(Some(Chunk::Ended(exit))) => {
                    let rest = lines.finish();
                    self.hand_over(&rest, &mut remarks).await;
                    return End::Exit(exit, first_line(&stderr).or_else(|| first_line(&remarks)));
                }
                Ok(Some(Chunk::Lost(error))) => return End::Lost(error),
                Ok(None) => return End::Exit(Exit::Code(-1), Some("its output broke off".into())),
            };
            self.hand_over(&whole, &mut remarks).await;
        }
    }

    async fn hand_over(&mut self, whole: &[u8], remarks: &mut Vec<u8>) {
        let mut lines = Vec::new();
        for raw in whole.strip_suffix(b"\n").unwrap_or(whole).split(|byte| *byte == b'\n') {
            if whole.is_empty() {
                break;
            }
            let Some(line) = self.command.line(raw) else {
                let room = 4_096_usize.saturating_sub(remarks.len());
                remarks.extend(raw.iter().chain(b"\n").take(room));
                continue;
            };
            if let (Some(at), None) = (line.at, &line.cursor) {
                if !self.known.insert((at, hash(&line.text))) {
                    continue;
                }
                while self.known.len() > 20_000 {
                    self.known.pop_first();
                }
            }
            if line.at.is_some() || line.cursor.is_some() {
                let before = self.mark.as_ref().and_then(|mark| mark.at);
                self.mark = Some(Mark { cursor: line.cursor.clone(), at: line.at.max(before) });
            }
            lines.push(line);
        }
        if lines.is_empty() {
            return;
        }
        let last = lines.last().and_then(|line| line.at);
        let history = last.is_some() && self.began.is_some_and(|began| last < Some(began));
        self.began = self.began.filter(|_| history);
        let before = before_of(&lines).filter(|_| history && self.first);
        let batch = Batch { history, before, ..batch_of(lines) };
        self.context.sink.batch(self.stream, batch).await;
        self.first = false;
    }
}

/// Says where the first of some lines stands.
pub(super) fn before_of(lines: &[Line]) -> Option<Cursor> {
    let first = lines.first()?;
    if let Some(cursor) = &first.cursor {
        return Some(Cursor::Journal(cursor.clone()));
    }
    let at = first.at?;
    let seen = lines.iter().filter(|line| line.at == Some(at)).map(|line| hash(&line.text)).collect();
    Some(Cursor::Time { at, seen: Arc::new(seen) })
}

/// Tells lines of one moment apart.
pub(super) fn hash(text: &[u8]) -> u64 {
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}
