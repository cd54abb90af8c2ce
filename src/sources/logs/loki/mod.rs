//! A Loki server: history by `query_range`, live lines by the `tail` WebSocket, and nothing lost or repeated in between.
//!
//! A tail may lose lines: whoever reads slowly misses some, a reconnect with a limit skips the oldest. So the socket is read by a task
//! of its own, and after every gap the range is asked for again; what is known already, by (labels, nanosecond, line), is left out.
mod history;
mod lines;
mod query;
mod socket;

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::future::BoxFuture;
use tokio::sync::mpsc;

use self::{
    lines::{Seen, batch_of, hash_of, selector_info, stream_info},
    query::{PAGE, Range, Server, words},
    socket::{End, Fed, Stops, read},
};
use super::{Batch, Cursor, FIRST_LINES, HistoryRequest, LogContext, LogSource, Notice, Page, StreamId};
use crate::{
    core::{
        logs::{LogPlace, LogSpec, LokiSpec, Nanos, SourceState},
        time::Now,
    },
    parse::loki::{self, Answer, Labels, Refusal},
    remote::websocket::{Refused, Socket},
    sources::SourceError,
};

/// Follows a Loki server.
#[derive(Debug)]
pub struct Loki;

/// Pause between two questions where there is no tail.
const POLL: Duration = Duration::from_secs(3);
/// How long it is polled before a tail is tried again.
const POLLED: Duration = Duration::from_secs(600);
/// Lines may arrive there this much later than they say: so far back a gap is asked for again.
const LATE: i64 = 10 * Nanos::SECOND;
/// Clocks there may be ahead of ours by this much.
const AHEAD: i64 = 600 * Nanos::SECOND;
/// Most lines of one back-fill.
const MAX_FILL: u64 = 100_000;
/// Frames that wait while lines are handed over.
const FRAMES: usize = 512;
/// Most streams that are told apart.
const MAX_STREAMS: usize = 1_000;

impl LogSource for Loki {
    fn name(&self) -> &'static str {
        "loki"
    }

    fn run(&self, context: LogContext) -> BoxFuture<'static, SourceError> {
        Box::pin(async move {
            let spec = context.wants.borrow().first().cloned();
            let Some((spec, loki)) = spec.and_then(|spec| {
                let LogPlace::Loki(loki) = &spec.place else { return None };
                let loki = loki.clone();
                Some((spec, loki))
            }) else {
                return SourceError::Absent("no entry of type loki".into());
            };
            Reader::run(context, spec, loki).await
        })
    }

    fn history(&self, context: LogContext, request: HistoryRequest) -> BoxFuture<'static, Result<Page, SourceError>> {
        Box::pin(history::history(context, request))
    }
}

struct Reader {
    context: LogContext,
    spec: Arc<LogSpec>,
    loki: LokiSpec,
    server: Server,
    query: String,
    /// Speaks for the whole entry.
    entry: StreamId,
    streams: BTreeMap<Labels, StreamId>,
    seen: Seen,
    /// The latest moment that was handed over.
    reached: Nanos,
    /// Since when it is lost, and how often it was tried.
    lost: Option<(Now, u32)>,
}

impl Reader {
    async fn run(context: LogContext, spec: Arc<LogSpec>, loki: LokiSpec) -> SourceError {
        let query = match query::query(&spec, &loki) {
            Ok(query) => query,
            Err(why) => return SourceError::Absent(why),
        };
        let entry = context.sink.open(selector_info(&spec, &query));
        let server = match Server::new(&context, &loki).await {
            Ok(server) => server,
            Err(why) => {
                context.sink.state(entry, SourceState::Denied { why: why.clone() });
                return SourceError::Absent(why);
            }
        };
        let mut reader = Self {
            context,
            spec,
            loki,
            server,
            query,
            entry,
            streams: BTreeMap::new(),
            seen: Seen::default(),
            reached: Nanos(0),
            lost: None,
        };
        reader.first().await;
        reader.follow().await
    }

    fn now(&self) -> Now {
        self.context.clock.now()
    }

    fn say(&self, notice: Notice) {
        self.context.sink.notice(self.entry, notice, self.now().utc);
    }

    fn state(&self, state: &SourceState) {
        for stream in self.streams.values().chain([&self.entry]) {
            self.context.sink.state(*stream, state.clone());
        }
    }

    /// Marks it as lost and waits before the next try.
    async fn pause(&mut self, why: String, denied: bool) {
        let now = self.now();
        let (since, tries) = *self.lost.get_or_insert((now, 0));
        self.lost = Some((since, tries.saturating_add(1)));
        if tries == 0 {
            self.say(Notice::Lost { why: why.clone() });
        }
        self.state(&if denied {
            SourceState::Denied { why }
        } else {
            SourceState::Reconnecting { since: since.utc, attempt: tries + 1, why }
        });
        let seconds = if denied { 60 } else { 1_u64 << tries.min(4) };
        // Many consoles must not come back in the same moment.
        let jitter = now.mono.0.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 55;
        tokio::time::sleep(Duration::from_millis(seconds * 1_000 - 250 + jitter % 500)).await;
    }

    fn is_back(&mut self) {
        if let Some((since, _)) = self.lost.take() {
            let at = self.reached.timestamp().rfc3339();
            let after_ms = self.now().mono.since(since.mono);
            self.say(Notice::Reconnected { after_ms, resumed: format!("at {at}") });
        }
        self.state(&SourceState::Live);
    }

    /// Reads the end of what is there, until that works.
    async fn first(&mut self) {
        let mut back_ms = 3_600_000;
        loop {
            let end = Nanos(Nanos::from(self.now().utc).0 + AHEAD);
            let start = Nanos(end.0 - i64::try_from(back_ms).unwrap_or(0).saturating_mul(Nanos::MILLI));
            let range = Range { query: self.query.clone(), start, end, limit: FIRST_LINES, forward: false };
            match self.server.range(&range).await {
                Ok((answer, asked)) => {
                    let span = answer.span();
                    if span.is_none() && back_ms < self.server.range_ms().min(7 * 86_400_000) {
                        back_ms = (back_ms * 24).min(self.server.range_ms());
                        continue;
                    }
                    self.is_back();
                    let full = answer.lines() >= asked;
                    self.seen.floor = span.filter(|_| full).map_or(start, |(first, _)| first);
                    self.reached = span.map_or(Nanos(end.0 - 3_600 * Nanos::SECOND), |(_, last)| last);
                    self.deliver(answer, true).await;
                    return;
                }
                Err(Refusal::TooLong(_)) => back_ms = back_ms.min(self.server.range_ms()),
                Err(refusal @ Refusal::Denied(_)) => self.pause(words(&refusal), true).await,
                Err(refusal) => self.pause(words(&refusal), false).await,
            }
        }
    }

    async fn follow(&mut self) -> SourceError {
        let mut start = Some(self.reached);
        loop {
            match self.tail(start).await {
                End::Due => {}
                End::Crowded => {
                    self.say(Notice::Said("too many tails on the server: asking every few seconds instead".into()));
                    self.poll(Duration::from_secs(60)).await;
                }
                End::Unsupported(why) => {
                    self.say(Notice::Said(format!("no live tail here ({why}): asking every few seconds instead")));
                    self.poll(POLLED).await;
                }
                End::Moment if start.is_some() => {
                    // Its clock is behind: it begins at its own now, and the range in between is asked for.
                    start = None;
                    continue;
                }
                End::Moment => self.pause("it accepts no moment to begin at".into(), false).await,
                End::Denied(why) => self.pause(why, true).await,
                End::Lost(why) => self.pause(why, false).await,
            }
            start = Some(self.reached);
        }
    }

    async fn open(&self, start: Option<Nanos>) -> Result<Socket, End> {
        let fault = |error: crate::remote::http::Fault| End::Denied(error.to_string());
        let call = self.server.call("GET", "/loki/api/v1/tail").map_err(fault)?;
        let mut call = call.query("query", &self.query).query("limit", &PAGE.to_string());
        if let Some(start) = start {
            call = call.query("start", &start.0.to_string());
        }
        match self.server.http().websocket(&call).await {
            Ok(socket) => Ok(socket),
            Err(Refused::Fault(fault)) => Err(End::Lost(fault.to_string())),
            Err(Refused::Status { status, body }) => Err(match loki::refusal(status, &body) {
                Refusal::Broken(why) | Refusal::Busy(why) => End::Lost(why),
                Refusal::Denied(why) if status == 401 || status == 403 || why.contains("parse error") => {
                    End::Denied(why)
                }
                Refusal::Denied(why) => End::Unsupported(why),
                Refusal::TooMany(_) | Refusal::TooLong(_) => End::Unsupported(format!("HTTP {status}")),
            }),
        }
    }

    /// Follows one tail to its end.
    async fn tail(&mut self, start: Option<Nanos>) -> End {
        let socket = match self.open(start).await {
            Ok(socket) => socket,
            Err(end) => return end,
        };
        let (feed, mut frames) = mpsc::channel(FRAMES);
        let overflow = Arc::new(AtomicBool::new(false));
        let reading = read(socket, feed, Arc::clone(&overflow));
        let _task = Stops(self.context.tasks.spawn("loki tail", reading));
        // A tail replays only so many lines: what it skips is asked for. Its own come twice and are left out.
        let from = self.reached;
        let was_lost = self.lost.is_some();
        let mut filled = false;
        loop {
            let next = if filled {
                frames.recv().await
            } else {
                // The server may end the tail at once; only one that goes on counts as being back.
                match tokio::time::timeout(Duration::from_millis(300), frames.recv()).await {
                    Ok(Some(Fed::End(end))) => return end,
                    next => {
                        filled = true;
                        self.is_back();
                        self.fill(from, was_lost).await;
                        match next {
                            Ok(next) => next,
                            Err(_) => continue,
                        }
                    }
                }
            };
            match next {
                Some(Fed::Frame(text)) => match loki::frame(&text) {
                    Ok(answer) => {
                        let from = answer.dropped.iter().min().copied();
                        let dropped = u64::try_from(answer.dropped.len()).unwrap_or(u64::MAX);
                        self.deliver(answer, false).await;
                        if let Some(from) = from {
                            let why = format!("by the server, which found its reader slow and names {dropped}");
                            self.say(Notice::Dropped { lines: None, bytes: None, why });
                            self.fill(from, true).await;
                        }
                    }
                    Err(error) => self.say(Notice::Said(format!("a frame was left out: {error}"))),
                },
                Some(Fed::End(end)) => return end,
                None => return End::Lost("reading failed inside quarterdeck; see the log".into()),
            }
            if overflow.swap(false, Ordering::Relaxed) {
                let why = "here, where they came faster than they were taken".to_owned();
                self.say(Notice::Dropped { lines: None, bytes: None, why });
                let from = self.reached;
                while let Ok(Fed::Frame(_)) = frames.try_recv() {}
                self.fill(from, true).await;
            }
        }
    }

    /// Asks again and again where there is no tail.
    async fn poll(&mut self, duration: Duration) {
        let until = self.now().mono.0 + u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        while self.now().mono.0 < until {
            let range = self.range_from(self.reached);
            match self.pages(range).await {
                Ok(_) if self.lost.is_some() => self.is_back(),
                Ok(_) => self.state(&SourceState::Live),
                Err(refusal) => {
                    self.pause(words(&refusal), matches!(refusal, Refusal::Denied(_))).await;
                    continue;
                }
            }
            tokio::time::sleep(POLL).await;
        }
    }

    fn range_from(&self, from: Nanos) -> Range {
        let start = Nanos((from.0 - LATE).max(self.seen.floor.0).min(from.0));
        let end = Nanos(Nanos::from(self.now().utc).0.max(from.0) + AHEAD);
        Range { query: self.query.clone(), start, end, limit: PAGE, forward: true }
    }

    /// Reads what may be missing since a moment, and says how much it was.
    async fn fill(&mut self, from: Nanos, say: bool) {
        let range = self.range_from(from);
        match self.pages(range).await {
            Ok(lines) if say => self.say(Notice::BackFilled { lines }),
            Ok(_) => {}
            Err(refusal) => {
                let why = format!(
                    "what came since {} could not be asked for: {}",
                    from.timestamp().rfc3339(),
                    words(&refusal)
                );
                self.say(Notice::Gap { bytes: None, lines: None, why });
            }
        }
    }

    /// Reads a range page by page and hands over what is new; returns how many lines that was.
    async fn pages(&mut self, mut range: Range) -> Result<u64, Refusal> {
        let mut new = 0;
        loop {
            let longest = i64::try_from(self.server.range_ms()).unwrap_or(i64::MAX).saturating_mul(Nanos::MILLI);
            if range.end.0 - range.start.0 > longest {
                let why = "it was away for longer than the server lets one ask for".to_owned();
                self.say(Notice::Gap { bytes: None, lines: None, why });
                range.start = Nanos(range.end.0 - longest);
            }
            let (answer, asked) = match self.server.range(&range).await {
                Ok(answer) => answer,
                Err(Refusal::TooLong(Some(_))) if range.end.0 - range.start.0 > 60_000 * Nanos::MILLI => continue,
                Err(refusal) => return Err(refusal),
            };
            let (full, span) = (answer.lines() >= asked, answer.span());
            new += self.deliver(answer, false).await;
            let Some((_, last)) = span.filter(|_| full) else { return Ok(new) };
            if last > range.start {
                // Lines of that very moment may be on the next page, too.
                range.start = last;
                range.limit = PAGE;
            } else if asked >= range.limit && range.limit < 4 * PAGE {
                range.limit *= 2;
            } else {
                let why = "more lines in one nanosecond than the server gives at once".to_owned();
                self.say(Notice::Gap { bytes: None, lines: None, why });
                range.start = Nanos(last.0 + 1);
            }
            if new > MAX_FILL {
                let why = format!("more than {MAX_FILL} lines came meanwhile; from here on only new ones");
                self.say(Notice::Gap { bytes: None, lines: None, why });
                return Ok(new);
            }
        }
    }

    /// Hands over what is new; returns how many lines that is.
    async fn deliver(&mut self, answer: Answer, history: bool) -> u64 {
        let mut fresh: BTreeMap<Labels, Vec<loki::Entry>> = BTreeMap::new();
        let mut count = 0;
        let oldest = answer.span().map(|(first, _)| first);
        for (labels, entries) in answer.streams {
            for entry in entries {
                if self.seen.is_new(entry.at, hash_of(&labels, &entry.line)) {
                    self.reached = self.reached.max(entry.at);
                    count += 1;
                    fresh.entry(labels.clone()).or_default().push(entry);
                }
            }
        }
        let before = oldest.filter(|_| history).map(|at| {
            let seen = self.seen.lines.range((at, 0)..=(at, u64::MAX)).map(|(_, hash)| *hash).collect();
            Cursor::Time { at, seen: Arc::new(seen) }
        });
        for (labels, mut entries) in fresh {
            if history {
                entries.reverse();
                entries.sort_by_key(|entry| entry.at);
            }
            let stream = self.stream(labels);
            let batch = Batch { history, before: before.clone(), ..batch_of(entries.iter()) };
            self.context.sink.batch(stream, batch).await;
        }
        count
    }

    fn stream(&mut self, labels: Labels) -> StreamId {
        if let Some(known) = self.streams.get(&labels) {
            return *known;
        }
        if self.streams.len() >= MAX_STREAMS {
            return self.entry;
        }
        let stream = self.context.sink.open(stream_info(&self.spec, &self.loki, &labels));
        self.context.sink.state(stream, SourceState::Live);
        self.streams.insert(labels, stream);
        stream
    }
}
