//! The engine's thread: takes lines in, keeps them, answers what is asked, publishes the latest answer.
use std::{
    collections::{BTreeMap, HashSet},
    path::PathBuf,
    sync::{Arc, mpsc::RecvTimeoutError},
    time::Duration,
};

use regex::bytes::Regex;

use super::{
    Order, Received, answer,
    stream::Stream,
    supervisor::{Means, Supervisor},
};
use crate::{
    config::sessions,
    core::{
        Msg, alerts,
        alerts::feed,
        hosts::Pm2List,
        id::HostName,
        inventory::Inventory,
        logs::{
            self, Ask, Key, Nanos, SourceState,
            buffer::{Buffer, Snapshot},
            derive::Derived,
            eval::{Cache, Matcher},
            filter::{Expr, Filter, Moment, Term, moment},
            format::{Assume, Formats},
            patterns::{Memory, Miner, Novelty, Period, Seen, TemplateId, Templates},
            read::Matches,
            redact::Redactor,
            segment::{Flags, Segment},
            shown::{self, FieldValue, Pattern, Shown, SourceStatus},
            state::Query,
            window::Window,
        },
        screen::Tone,
        time::{Clock, Mono},
    },
    runtime::inbox::Post,
    sources::logs::{Batch, Notice, StreamId},
    tasks::Tasks,
};

/// Between two answers while lines come in.
const PUBLISH: Duration = Duration::from_millis(80);
/// Between two looks at what is held back.
const LOOK: Duration = Duration::from_millis(200);
/// Between two lists of patterns.
const PATTERNS_MS: u64 = 2_000;
/// Patterns that are listed.
const LISTED: usize = 200;
/// How long a source's lag is told after its last line.
const LAG_MS: u64 = 15_000;
/// Lines of which shares are worked out at most; fields of a record at most.
const SHARES_OF: u64 = 200_000;
const SHARED_FIELDS: usize = 12;
/// Between two looks of the rules.
const MEASURE_MS: u64 = 5_000;
/// The stretch of time that the rules are told about.
const WINDOW_MS: i64 = 60_000;
/// Between two times that patterns are remembered.
const LEARN_MS: u64 = 60_000;
/// How far back memory of patterns counts.
const REMEMBER_NS: i64 = 7 * 86_400 * Nanos::SECOND;
/// Bytes of sets that are kept, beside the lines.
const CACHE: usize = 64 << 20;
/// Orders that are handled between two answers.
const AT_ONCE: usize = 512;

/// What the thread is made of.
pub struct Parts {
    /// Where orders come from.
    pub orders: Received,
    /// How sources work.
    pub means: Means,
    /// Where answers go.
    pub post: Post,
    /// How lines are read.
    pub formats: Formats,
    /// Rules that make fields.
    pub derived: Arc<Derived>,
    /// Masks secrets.
    pub redact: Arc<Redactor>,
    /// Bytes of lines and columns at most.
    pub limit: usize,
    /// Where sessions are kept; none: nowhere.
    pub sessions: Option<PathBuf>,
}

impl std::fmt::Debug for Parts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parts").field("limit", &self.limit).finish_non_exhaustive()
    }
}

/// The engine's state.
pub struct Worker {
    orders: Received,
    supervisor: Supervisor,
    post: Post,
    clock: Arc<dyn Clock>,
    tasks: Tasks,
    formats: Formats,
    derived: Arc<Derived>,
    redact: Arc<Redactor>,
    sessions: Option<PathBuf>,
    inventory: Arc<Inventory>,
    pm2: BTreeMap<HostName, Pm2List>,
    started: bool,
    /// When the sources began.
    began: Option<Nanos>,
    streams: BTreeMap<StreamId, Stream>,
    buffer: Buffer,
    cache: Cache,
    query: Query,
    matcher: Option<Matcher>,
    search: Option<Matcher>,
    needles: Vec<Regex>,
    skew: BTreeMap<HostName, i64>,
    miner: Miner,
    memory: Memory,
    templates: Arc<Templates>,
    patterns: Vec<Pattern>,
    new: Arc<HashSet<TemplateId>>,
    mined: Mono,
    learned: Mono,
    measured: Mono,
    /// The record that was last looked at, for which query and when.
    looked: Option<Looked>,
    dirty: bool,
    asked: bool,
    published: Mono,
}

type Looked = ((Option<Key>, u64), Mono, Vec<FieldValue>, usize);

impl std::fmt::Debug for Worker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Worker").field("streams", &self.streams.len()).finish_non_exhaustive()
    }
}

impl Worker {
    /// Makes it; nothing runs before somebody asks.
    pub fn new(parts: Parts) -> Self {
        let Parts { orders, means, post, formats, derived, redact, limit, sessions } = parts;
        let miner = Miner::default();
        let templates = Arc::new(miner.templates());
        Self {
            orders,
            clock: Arc::clone(&means.clock),
            tasks: means.tasks.clone(),
            supervisor: Supervisor::new(means),
            post,
            formats,
            derived,
            redact,
            sessions,
            inventory: Arc::default(),
            pm2: BTreeMap::new(),
            started: false,
            began: None,
            streams: BTreeMap::new(),
            buffer: Buffer::new(limit),
            cache: Cache::new(CACHE),
            query: Query::default(),
            matcher: None,
            search: None,
            needles: Vec::new(),
            skew: BTreeMap::new(),
            miner,
            memory: Memory::default(),
            templates,
            patterns: Vec::new(),
            new: Arc::default(),
            mined: Mono(0),
            learned: Mono(0),
            measured: Mono(0),
            looked: None,
            dirty: false,
            asked: false,
            published: Mono(0),
        }
    }

    /// Works until nobody can send orders any more.
    pub fn work(mut self) {
        self.read_sessions();
        loop {
            let wait = if self.dirty { PUBLISH } else { LOOK };
            match self.orders.recv_timeout(wait) {
                Ok(order) => self.take(order),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            for _ in 0..AT_ONCE {
                match self.orders.try_recv() {
                    Ok(order) => self.take(order),
                    Err(_) => break,
                }
            }
            if self.tasks.is_cancelled() {
                return;
            }
            self.flush();
            self.measure();
            let since = self.clock.now().mono.since(self.published);
            if self.asked || self.dirty && since >= u64::try_from(PUBLISH.as_millis()).unwrap_or(0) {
                self.publish();
            }
        }
    }

    fn take(&mut self, order: Order) {
        match order {
            Order::Ask(ask) => self.answer(ask),
            Order::Adopt(inventory) => {
                self.inventory = inventory;
                self.reconcile();
            }
            Order::Pm2(host, list) => {
                let paths = |list: &Pm2List| -> Vec<Vec<String>> {
                    list.processes.iter().map(|process| process.log_paths.clone()).collect()
                };
                let changed = self.pm2.get(&host).is_none_or(|known| paths(known) != paths(&list));
                self.pm2.insert(host, list);
                if changed {
                    self.reconcile();
                }
            }
            Order::Opened(stream, info) => {
                self.streams.insert(stream, Stream::new(info));
                self.dirty = true;
            }
            Order::Came(stream, batch, room) => {
                self.came(stream, batch);
                drop(room);
            }
            Order::Happened(stream, notice, at) => self.happened(stream, &notice, at.into()),
            Order::Stands(stream, state) => {
                let now = self.clock.now().mono;
                if let Some(known) = self.streams.get_mut(&stream) {
                    known.stands(state, now);
                    self.dirty = true;
                }
            }
            Order::Skew(host, ms) => {
                self.skew.insert(host, ms);
                self.dirty = true;
            }
            Order::Paged(stream, before) => {
                self.supervisor.paged(stream);
                if let Some(known) = self.streams.get_mut(&stream) {
                    known.exhausted = before.is_none();
                    known.before = before;
                }
            }
        }
    }

    fn reconcile(&mut self) {
        if self.started {
            self.supervisor.reconcile(&self.inventory, &self.pm2);
        }
    }

    fn answer(&mut self, ask: Ask) {
        match ask {
            Ask::Start => {
                self.started = true;
                self.began = Some(self.clock.now().utc.into());
                self.reconcile();
            }
            Ask::Remember(known) => {
                for row in known {
                    self.memory.merge(row);
                }
                self.mine();
            }
            Ask::Query(query) => self.adopt(*query),
            Ask::Earlier => {
                for (stream, known) in &self.streams {
                    if !known.exhausted && !matches!(known.state, SourceState::Denied { .. }) {
                        self.supervisor.page(*stream, &known.info, known.before.clone());
                    }
                }
            }
            Ask::Export { path } => self.export(path),
            Ask::Save { name, session } => {
                let Some(file) = &self.sessions else {
                    return self.say(Tone::Error, "sessions are not kept here");
                };
                match sessions::save(file, &name, &session) {
                    Ok(all) => {
                        let text = format!("saved as {name} in {}", file.display());
                        self.post.try_fact(Msg::Logs(logs::Msg::Saved(all)));
                        self.say(Tone::Done, text);
                    }
                    Err(why) => self.say(Tone::Error, format!("the session was not saved: {why}")),
                }
            }
        }
    }

    fn say(&self, tone: Tone, text: impl Into<String>) {
        self.post.try_fact(Msg::Said { tone, text: text.into() });
    }

    fn read_sessions(&self) {
        let Some(path) = &self.sessions else { return };
        match sessions::load(path) {
            Ok(all) if all.is_empty() => {}
            Ok(all) => self.post.try_fact(Msg::Logs(logs::Msg::Saved(all))),
            Err(why) => self.say(Tone::Error, format!("saved filters cannot be read: {why}")),
        }
    }

    fn moment(&self, of: Option<&Moment>, named: &BTreeMap<String, Nanos>) -> Result<Option<Nanos>, String> {
        let Some(of) = of else { return Ok(None) };
        let zone = self.inventory.display.timezone;
        let resolved = moment::resolve(of, self.clock.now().utc.into(), zone, &|name| named.get(name).copied());
        resolved.map(Some).map_err(|error| error.to_string())
    }

    fn adopt(&mut self, query: Query) {
        let moments = |worker: &Self, filter: &Filter| -> Result<_, String> {
            let since = worker.moment(filter.since.as_ref(), &query.named)?;
            Ok((since, worker.moment(filter.until.as_ref(), &query.named)?))
        };
        let ready = |worker: &Self, filter: &Filter| -> Result<Matcher, String> {
            let moments = moments(worker, filter)?;
            Matcher::new(filter, moments, Arc::clone(&worker.derived)).map_err(|error| error.to_string())
        };
        let matcher = ready(self, &query.filter).map(|matcher| matcher.without(query.hidden.iter().cloned()));
        match matcher {
            Ok(matcher) => self.matcher = Some(matcher),
            Err(why) => self.say(Tone::Error, format!("the filter cannot be used: {why}")),
        }
        self.search = query.search.as_ref().and_then(|search| ready(self, search).ok());
        self.needles = query.search.as_ref().map_or_else(Vec::new, needles);
        let again = query.baseline != self.query.baseline;
        self.query = query;
        if again {
            self.mine();
        }
        self.asked = true;
    }

    /// Takes lines of a stream.
    fn came(&mut self, stream: StreamId, batch: Batch) {
        let now = self.clock.now();
        let assume = Assume { zone: self.zone(stream), now: now.utc.into() };
        let Some(known) = self.streams.get_mut(&stream) else { return };
        if known.before.is_none() && batch.before.is_some() {
            known.before.clone_from(&batch.before);
        }
        known.recognise(&self.formats, &batch, &mut self.buffer);
        let skew = known.info.host.as_ref().and_then(|host| self.skew.get(host)).copied().unwrap_or(0);
        let history = batch.history;
        let Some(segment) = known.read(batch, assume, skew, now.mono) else { return };
        self.keep(stream, segment, history);
    }

    fn keep(&mut self, stream: StreamId, segment: Segment, history: bool) {
        let now = self.clock.now();
        let older = history && self.streams.get(&stream).is_some_and(|known| known.records > 0);
        let segment = if older { self.buffer.push_older(segment) } else { self.buffer.push(segment) };
        if let Some(known) = self.streams.get_mut(&stream) {
            known.took(&segment, history, now);
        }
        self.count(&segment);
        self.dirty = true;
    }

    /// Counts the patterns of what came.
    fn count(&mut self, segment: &Segment) {
        let text = segment.text();
        let sources = self.buffer.sources();
        for record in 0..segment.len() {
            if segment.flags(record).contains(Flags::NOTICE) {
                continue;
            }
            let id = segment.source(record);
            let Some(source) = sources.get(usize::from(id.0)) else { continue };
            let message = source.format.message(text.get(segment.span(record)).unwrap_or_default());
            let at = Some(segment.time(record)).filter(|_| !segment.flags(record).contains(Flags::UNTIMED));
            self.miner.add(
                &message,
                Seen { at, level: segment.level(record), source: id, record: segment.base() + record as u64 },
            );
        }
    }

    fn zone(&self, stream: StreamId) -> chrono_tz::Tz {
        self.streams.get(&stream).and_then(|known| known.info.timezone).unwrap_or(chrono_tz::UTC)
    }

    /// Something happened to a stream: it becomes a line of its own.
    fn happened(&mut self, stream: StreamId, notice: &Notice, at: Nanos) {
        let now = self.clock.now();
        let assume = Assume { zone: chrono_tz::UTC, now: at };
        let flushed = self.streams.get_mut(&stream).and_then(|known| known.flush(assume, now.mono, true));
        if let Some(segment) = flushed {
            self.keep(stream, segment, false);
        }
        let Some(known) = self.streams.get_mut(&stream) else { return };
        let segment = known.notice(&notice.to_string(), at, &mut self.buffer);
        if let Some(segment) = segment {
            self.buffer.push(segment);
        }
        self.dirty = true;
    }

    /// Lets records go that were held back for more of their lines, once none has come for a while.
    fn flush(&mut self) {
        let now = self.clock.now();
        let ready: Vec<StreamId> =
            self.streams.iter().filter(|(_, known)| known.is_held()).map(|(stream, _)| *stream).collect();
        for stream in ready {
            let assume = Assume { zone: self.zone(stream), now: now.utc.into() };
            let segment = self.streams.get_mut(&stream).and_then(|known| known.flush(assume, now.mono, false));
            if let Some(segment) = segment {
                self.keep(stream, segment, false);
            }
        }
    }

    /// Feeds the rules about logs, and remembers patterns, every so often.
    fn measure(&mut self) {
        let now = self.clock.now();
        if !self.started || now.mono.since(self.measured) < MEASURE_MS {
            return;
        }
        self.measured = now.mono;
        let from = Nanos(Nanos::from(now.utc).0 - WINDOW_MS * Nanos::MILLI);
        let mut windows: BTreeMap<logs::SourceId, Window> = BTreeMap::new();
        for known in self.streams.values() {
            let Some(id) = known.source_id() else { continue };
            let mut window = Window::new(known.info.name.as_str(), WINDOW_MS.unsigned_abs());
            window.service.clone_from(&known.info.service);
            window.host.clone_from(&known.info.host);
            let lived = known.live_since.is_some_and(|since| now.mono.since(since) >= WINDOW_MS.unsigned_abs());
            window.live = lived && matches!(known.state, SourceState::Live);
            window.silent_ms = known.came.map(|at| now.mono.since(at));
            windows.insert(id, window);
        }
        let snapshot = self.buffer.snapshot();
        for segment in snapshot.segments.iter().filter(|segment| segment.last() >= from) {
            for record in (0..segment.len()).filter(|record| segment.time(*record) >= from) {
                if segment.flags(record).contains(Flags::NOTICE) {
                    continue;
                }
                if let Some(window) = windows.get_mut(&segment.source(record)) {
                    let duration = segment.duration_us(record).unwrap_or(u32::MAX);
                    window.count(segment.status(record).unwrap_or(0), duration);
                }
            }
        }
        let windows: Vec<Window> = windows.into_values().collect();
        let measured = feed::logs(&windows);
        if !measured.is_empty() {
            self.post.try_fact(Msg::Alerts(alerts::Msg::Measured(measured)));
        }
        if now.mono.since(self.learned) >= LEARN_MS {
            self.learned = now.mono;
            let scopes = self.scopes();
            self.memory.learn(&self.templates, |id| scope_of(&scopes, id));
            let redact = Arc::clone(&self.redact);
            let learned = self.memory.changed(|text| redact.text(text).into_owned());
            if !learned.is_empty() {
                self.post.try_fact(Msg::Logs(logs::Msg::Learned(learned)));
            }
        }
    }

    /// What patterns of each source are remembered under: its service, or its name.
    fn scopes(&self) -> Vec<Arc<str>> {
        let scope = |source: &logs::Source| match &source.service {
            Some(service) => service.to_string().into(),
            None => Arc::clone(&source.name),
        };
        self.buffer.sources().iter().map(scope).collect()
    }

    /// Works out and publishes the answer to the query.
    fn publish(&mut self) {
        let before = self.clock.now();
        self.buffer.tidy();
        let snapshot = self.buffer.snapshot();
        self.cache.retain(&snapshot.segments);
        let all = Arc::new(Matches::all(&snapshot));
        let matches = match &self.matcher {
            Some(matcher) if !matcher.is_all() => Arc::new(matcher.matches(&snapshot, &self.cache)),
            _ => Arc::clone(&all),
        };
        let took = self.clock.now().mono.since(before.mono);
        let hits = self.search.as_ref().map(|search| Arc::new(search.matches(&snapshot, &self.cache)));
        if before.mono.since(self.mined) >= PATTERNS_MS {
            self.mine();
        }
        let span = self.query.span.or_else(|| span_of(&matches)).unwrap_or_default();
        let histogram = matches.histogram(span.0, span.1, usize::from(self.query.bars));
        let minute = Nanos::from(before.utc);
        let last_minute = matches.histogram(Nanos(minute.0 - 60 * Nanos::SECOND), minute, 1);
        let errors = last_minute.first().map_or(0, |counts| counts.iter().skip(6).sum());
        let (record_of, record, record_redacted) = self.looked_at(&snapshot, &all, &matches, before.mono);
        let stage = self.query.filter.stage.as_ref();
        let stage = stage.map(|stage| answer::stage(stage, &matches, &snapshot, &self.derived));
        let web = self.query.web.then(|| answer::web(&matches, &snapshot, &self.derived, usize::from(self.query.bars)));
        let shown = Shown {
            version: self.query.version,
            took_us: took * 1_000,
            ran: String::new(),
            matches,
            all,
            hits,
            needles: self.needles.clone(),
            sources: self.statuses(),
            histogram,
            histogram_span: span,
            templates: Arc::clone(&self.templates),
            patterns: self.patterns.clone(),
            new: Arc::clone(&self.new),
            record_of,
            record,
            record_redacted,
            stage,
            web: web.flatten(),
            lag_ms: self.lag(),
            errors_a_minute: errors,
            derived: Arc::clone(&self.derived),
            redact: Arc::clone(&self.redact),
            snapshot,
        };
        self.post.logs(Arc::new(shown));
        // Only now may the oldest go: the filter has seen them.
        let beside = self.cache.bytes();
        self.buffer.fit(beside, |_| {});
        self.asked = false;
        self.dirty = false;
        self.published = self.clock.now().mono;
    }

    fn lag(&self) -> Option<u64> {
        let live = self.streams.values().filter(|known| matches!(known.state, SourceState::Live));
        let now = self.clock.now().mono;
        let lately = live.filter_map(|known| known.lag).filter(|(_, at)| now.since(*at) < LAG_MS);
        lately.map(|(ms, _)| ms).max().map(|ms| u64::try_from(ms).unwrap_or(0))
    }

    fn statuses(&self) -> Vec<SourceStatus> {
        let status = |known: &Stream| SourceStatus {
            name: known.info.name.as_str().into(),
            kind: known.info.kind,
            path: known.info.path.as_str().into(),
            format: known.format.as_ref().map_or_else(|| "?".to_owned(), |format| format.name().to_owned()),
            state: known.state.clone(),
            records: known.records,
            lag_ms: known.lag.map(|(ms, _)| ms),
            skew_ms: known.info.host.as_ref().and_then(|host| self.skew.get(host)).copied().unwrap_or(0),
        };
        self.streams.values().map(status).collect()
    }

    /// Reads a record, field by field.
    fn record(&self, key: Option<Key>, snapshot: &Snapshot, all: &Matches) -> (Vec<FieldValue>, usize) {
        let Some(at) = key.and_then(|key| all.at(key)) else { return (Vec::new(), 0) };
        let Some(source) = snapshot.source(at.segment.source(at.index)) else { return (Vec::new(), 0) };
        let mut fields = Vec::new();
        let mut put = |name: &str, value: String| {
            if !value.is_empty() && fields.iter().all(|field: &FieldValue| field.name != name) {
                fields.push(FieldValue { name: name.to_owned(), value, share: None });
            }
        };
        for name in ["service", "env", "host", "source"] {
            put(name, logs::read::source_value(source, name).unwrap_or_default().to_owned());
        }
        put("level", at.segment.level(at.index).word().to_owned());
        let masked = at.with_bytes(|bytes| {
            for (name, value) in source.format.all(bytes) {
                put(&name, String::from_utf8_lossy(&value).into_owned());
            }
            shown::masked(&self.redact, bytes).1
        });
        for name in self.derived.names() {
            let value = at.with_bytes(|bytes| self.derived.value(name, bytes, &source.format));
            // Where a rule finds nothing, that is said: a partner that is not known is no blank.
            let says = value.map_or_else(|| "?".to_owned(), |value| String::from_utf8_lossy(&value).into_owned());
            put(name, says);
        }
        if let Some(extras) = at.segment.extras(at.index) {
            put("beside", extras.to_owned());
        }
        put("file", source.path.to_string());
        (fields, masked)
    }

    /// Reads the record under the cursor; what was read of it a moment ago still holds.
    fn looked_at(
        &mut self,
        snapshot: &Snapshot,
        all: &Matches,
        matches: &Matches,
        now: Mono,
    ) -> (Option<Key>, Vec<FieldValue>, usize) {
        // While the newest line is followed, it is the one that is looked at.
        let record = self.query.record.or_else(|| matches.last().map(|last| last.key()));
        let of = (record, self.query.version);
        if let Some((known, at, fields, masked)) = &self.looked
            && *known == of
            && now.since(*at) < PATTERNS_MS
        {
            return (record, fields.clone(), *masked);
        }
        let key = record;
        let (mut record, masked) = self.record(key, snapshot, all);
        self.shares(&mut record, matches, snapshot);
        self.looked = Some((of, now, record.clone(), masked));
        (key, record, masked)
    }

    /// Says of each field how many of the lines that pass have the same value. As it reads them all, only where somebody looks
    /// at a record, and a field at a time no longer than the view may wait.
    fn shares(&self, record: &mut [FieldValue], matches: &Matches, snapshot: &Snapshot) {
        if matches.total == 0 || matches.total > SHARES_OF {
            return;
        }
        let names: Vec<String> = record.iter().map(|field| field.name.clone()).take(SHARED_FIELDS).collect();
        for (field, table) in record.iter_mut().zip(answer::shares(&names, matches, snapshot, &self.derived)) {
            let same = |row: &&crate::core::logs::aggregate::Row| matches!(row.keys.first(), Some(Some(key)) if String::from_utf8_lossy(key) == field.value);
            let count = table.rows.iter().find(same).map(|row| row.count);
            field.share = count.map(|count| count as f64 / matches.total as f64);
        }
    }

    /// Lists the patterns as of now.
    fn mine(&mut self) {
        let now = self.clock.now();
        self.mined = now.mono;
        let templates = Arc::new(self.miner.templates());
        let until = Nanos::from(now.utc);
        // Of what was there before one looked, nobody can say that it is new, unless it is remembered.
        let since = self.query.baseline.or(self.began).unwrap_or(until);
        let period = Period { since, until, remember_from: Nanos(since.0 - REMEMBER_NS) };
        let sources = self.buffer.sources();
        let scopes = self.scopes();
        let novelty = Novelty::of(&templates, period, &self.memory, |id| scope_of(&scopes, id));
        let new: HashSet<TemplateId> = novelty.new.iter().map(|new| new.template).collect();
        let gone: HashSet<TemplateId> = novelty.gone.iter().map(|gone| gone.template).collect();
        let first = templates.first().unwrap_or(since);
        let mut patterns: Vec<Pattern> = templates
            .iter()
            .map(|template| {
                let stats = &template.stats;
                let most = stats.sources.iter().max_by_key(|of| of.count).map(|of| of.source);
                let source = most.and_then(|id| sources.get(usize::from(id.0)));
                let regex = Term::Regex(logs::filter::Pattern { regex: template.regex(), fold: false });
                Pattern {
                    id: template.id.to_string(),
                    template: template.text.clone(),
                    term: Expr::Term(regex).to_string(),
                    count: stats.count,
                    trend: stats.trend.spread(first, until, 8).into_iter().map(u64::from).collect(),
                    first: stats.first.unwrap_or_default(),
                    last: stats.last.unwrap_or_default(),
                    level: stats.level,
                    service: source.map_or_else(String::new, |source| {
                        source.service.as_ref().map_or_else(|| source.name.to_string(), |id| id.service.to_string())
                    }),
                    hue: source.map_or(0, shown::hue),
                    new: new.contains(&template.id),
                    gone: gone.contains(&template.id),
                    known: stats.first.is_none_or(|at| at.0 <= first.0 + 60 * Nanos::SECOND),
                }
            })
            .collect();
        // What is new and grave is why one looks.
        patterns.sort_by_key(|of| {
            (!of.new, !of.gone, std::cmp::Reverse(of.level.max(logs::Level::Info)), std::cmp::Reverse(of.count))
        });
        patterns.truncate(LISTED);
        self.patterns = patterns;
        self.new = Arc::new(new);
        self.templates = templates;
        self.dirty = true;
    }

    /// Writes what passes the filter to a file, redacted, in a thread of its own.
    fn export(&mut self, path: String) {
        let snapshot = self.buffer.snapshot();
        let matches = match &self.matcher {
            Some(matcher) => matcher.matches(&snapshot, &self.cache),
            None => Matches::all(&snapshot),
        };
        let (post, redact) = (self.post.clone(), Arc::clone(&self.redact));
        let task = move || {
            let path = std::path::absolute(&path).map_or(path, |whole| whole.to_string_lossy().into_owned());
            let (tone, text) = match super::export::write(&path, &snapshot, &matches, &redact) {
                Ok((lines, masked)) => {
                    (Tone::Done, format!("{lines} lines written to {path}, {masked} secrets masked"))
                }
                Err(error) => (Tone::Error, format!("{path}: {error}")),
            };
            post.try_fact(Msg::Said { tone, text });
        };
        self.tasks.blocking("log export", task).detach();
    }
}

fn scope_of(scopes: &[Arc<str>], id: logs::SourceId) -> Arc<str> {
    scopes.get(usize::from(id.0)).cloned().unwrap_or_else(|| "".into())
}

/// The time from the first to the last of some records.
fn span_of(matches: &Matches) -> Option<(Nanos, Nanos)> {
    Some((matches.first()?.key().time, matches.last()?.key().time))
}

/// Regexes that find what is searched for in a text, to mark it.
fn needles(filter: &Filter) -> Vec<Regex> {
    let mut needles = Vec::new();
    filter.expr.each_term(&mut |term| {
        let regex = match term {
            Term::Text(text) => text.regex().ok(),
            Term::Regex(pattern) => pattern.compile().ok(),
            Term::Level { .. } | Term::Glob { .. } | Term::FieldRegex { .. } | Term::Compare { .. } | Term::Has(_) => {
                None
            }
        };
        needles.extend(regex);
    });
    needles
}
