//! Log sources: where lines come from. One file per place; `ALL` lists them.
//!
//! A source keeps itself running: it connects again by itself, resumes where it was, and says on its streams what happened
//! meanwhile. It hands over whole lines in batches and waits for whoever takes them, so that memory stays bounded on both sides.
mod follow;
mod process;

pub mod command;
pub mod docker;
pub mod file;
pub mod journald;
pub mod kubernetes;
pub mod local;
pub mod loki;
pub mod stdin;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use futures_util::future::BoxFuture;
use tokio::sync::watch;

use super::SourceError;
use crate::{
    config::Env,
    core::{
        hosts::Pm2List,
        id::{HostName, ServiceId},
        inventory::{Host, Inventory},
        logs::{LogPlace, LogSpec, Nanos, SourceState},
        time::{Clock, Timestamp},
    },
    parse::sanitise,
    remote::{Remote, http},
    tasks::Tasks,
};

/// All log sources.
pub const ALL: &[&dyn LogSource] = &[
    &command::Commands,
    &docker::Docker,
    &file::Files,
    &journald::Journald,
    &kubernetes::Kubernetes,
    &local::Local,
    &loki::Loki,
    &stdin::Stdin,
];

/// Lines that a source reads from before it began, so that a view opens at the end at once.
pub const FIRST_LINES: usize = 1_000;

/// What is known of a stream before its first line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamInfo {
    /// The entry's name, or the file's: `play-access`.
    pub name: String,
    /// Which kind of place: `file`, `local`, `loki`, `journald`, `docker`, `kubernetes`, `command`, `stdin`.
    pub kind: &'static str,
    /// Where exactly: a path, a unit, a selector. Sanitised.
    pub path: String,
    /// The service whose lines these are.
    pub service: Option<ServiceId>,
    /// The host they are written on.
    pub host: Option<HostName>,
    /// Labels that hold for every line of it.
    pub labels: Vec<(String, String)>,
    /// The configured format; without it, whoever reads the lines finds it out.
    pub format: Option<String>,
    /// The zone of times that name none.
    pub timezone: Option<chrono_tz::Tz>,
}

/// A stream's number, given by the sink.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct StreamId(pub u32);

/// Some whole lines of one stream, in the order written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// Raw lines, each ended by `\n`. A line that is not finished is held back until it is, or until it is old.
    pub bytes: Vec<u8>,
    /// When each line was written, where the place knows: one per line, else none at all.
    pub times: Option<Vec<Nanos>>,
    /// Number of a line within `bytes`, and what the place knows of it beyond its text, as logfmt.
    pub extras: Vec<(u32, String)>,
    /// Written before the source began: what a view shows first, or what is paged up.
    pub history: bool,
    /// Where the first of these lines stands: hand it to [`LogSource::history`] for what is before it.
    pub before: Option<Cursor>,
}

impl Batch {
    /// Says how many lines it has.
    pub fn lines(&self) -> usize {
        memchr::memchr_iter(b'\n', &self.bytes).count()
    }
}

/// A place in a stream, for reading upwards from there. Only its source understands it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cursor {
    /// A byte of a file.
    Byte {
        /// The file's path at the time.
        path: String,
        /// Its inode.
        inode: u64,
        /// Everything before this byte is not read yet. None: up to its end.
        offset: Option<u64>,
    },
    /// A moment, and what is known already of exactly that moment.
    Time {
        /// Everything before is not read yet.
        at: Nanos,
        /// Hashes of the lines of that very nanosecond that were handed over.
        seen: Arc<BTreeSet<u64>>,
    },
    /// A place in the journal.
    Journal(String),
}

/// Something that happened to a stream; it becomes a line in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// Lines are missing here, and will not come.
    Gap {
        /// How many bytes, where known.
        bytes: Option<u64>,
        /// How many lines, where known.
        lines: Option<u64>,
        /// Why.
        why: String,
    },
    /// The server or the system threw lines away because someone was too slow.
    Dropped {
        /// How many lines, where known.
        lines: Option<u64>,
        /// How many bytes, where known.
        bytes: Option<u64>,
        /// Who did it and why.
        why: String,
    },
    /// What was missing was read afterwards, and follows or has followed.
    BackFilled {
        /// How many lines.
        lines: u64,
    },
    /// The link or the server is lost.
    Lost {
        /// Why, sanitised.
        why: String,
    },
    /// It is there again.
    Reconnected {
        /// How long it was away, in milliseconds.
        after_ms: u64,
        /// Where reading went on: `at byte 4711`.
        resumed: String,
    },
    /// The file was renamed and a new one took its place.
    Rotated {
        /// Bytes of the old one that were still read afterwards.
        drained: u64,
    },
    /// The file was emptied in place.
    Truncated {
        /// Up to which byte it had been read.
        at: u64,
    },
    /// Anything else that a person should know: the server's own words, sanitised.
    Said(String),
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let amount = |lines: &Option<u64>, bytes: &Option<u64>| match (lines, bytes) {
            (Some(1), _) => "1 line".to_owned(),
            (Some(lines), _) => format!("{lines} lines"),
            (None, Some(bytes)) => format!("{bytes} bytes"),
            (None, None) => "nobody knows how much".to_owned(),
        };
        match self {
            Self::Gap { bytes, lines, why } => write!(f, "gap: {} missing, {why}", amount(lines, bytes)),
            Self::Dropped { lines, bytes, why } => write!(f, "dropped: {}, {why}", amount(lines, bytes)),
            Self::BackFilled { lines } => write!(f, "back-filled: {}", amount(&Some(*lines), &None)),
            Self::Lost { why } => write!(f, "lost: {why}"),
            Self::Reconnected { after_ms, resumed } => {
                write!(f, "reconnected after {}, resumed {resumed}", crate::core::time::precise(*after_ms))
            }
            Self::Rotated { drained: 0 } => f.write_str("rotated"),
            Self::Rotated { drained } => write!(f, "rotated, {drained} bytes of the old file were read after that"),
            Self::Truncated { at } => write!(f, "truncated: it had been read to byte {at}"),
            Self::Said(what) => f.write_str(what),
        }
    }
}

/// Takes what log sources read.
pub trait Sink: Send + Sync {
    /// Begins a stream. Its state is `Opening` until told otherwise.
    fn open(&self, info: StreamInfo) -> StreamId;

    /// Takes lines. Whoever is slow makes the source wait, and nothing is read meanwhile for that stream.
    fn batch(&self, stream: StreamId, batch: Batch) -> BoxFuture<'_, ()>;

    /// Takes what happened, in order with the batches of that stream.
    fn notice(&self, stream: StreamId, notice: Notice, at: Timestamp);

    /// Takes how a stream is doing.
    fn state(&self, stream: StreamId, state: SourceState);

    /// Takes by how many milliseconds a host's clock is ahead of ours.
    fn skew(&self, host: &HostName, ms: i64);
}

/// The entries that one running source serves; replaced as a whole when they change.
pub type Wants = Arc<[Arc<LogSpec>]>;

/// What a log source is given to work with.
#[derive(Clone)]
pub struct LogContext {
    /// The host to read on; none is the machine that the console runs on, or a server.
    pub host: Option<Arc<Host>>,
    /// What to read there. Files follow changes while they run; every other source has one entry that stays.
    pub wants: watch::Receiver<Wants>,
    /// How hosts are reached.
    pub remote: Arc<dyn Remote>,
    /// How servers are reached.
    pub http: http::Client,
    /// Where secrets are looked up.
    pub env: Env,
    /// Where lines go.
    pub sink: Arc<dyn Sink>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Spawns what must go on beside the source; ends with it.
    pub tasks: Tasks,
}

/// What to read upwards.
#[derive(Clone, Debug)]
pub struct HistoryRequest {
    /// The entry.
    pub spec: Arc<LogSpec>,
    /// The stream as it was opened.
    pub info: StreamInfo,
    /// From where: a batch's or a page's `before`. Without it, from the end.
    pub before: Option<Cursor>,
    /// Most lines.
    pub limit: usize,
    /// What the place itself may leave out, so that less is sent. Never more than the filter would.
    pub prefilter: Option<Prefilter>,
}

/// A filter that runs where the lines are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Prefilter {
    /// A shell command that reads lines and prints some of them: `grep -a -F -e 504`.
    Shell(String),
    /// A whole `LogQL` query: `{env="prod"} |= "504"`.
    LogQl(String),
}

/// What was read upwards.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// Lines, per stream; a stream that is not the asked one may be among them (a Loki selector has many).
    pub parts: Vec<(StreamInfo, Batch)>,
    /// Where to go on; none when there is nothing before.
    pub before: Option<Cursor>,
    /// What a person should know: a rotated file that could not be read.
    pub notices: Vec<Notice>,
    /// How the place took what it was asked to leave out.
    pub left_out: LeftOut,
}

/// What became of a [`Prefilter`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum LeftOut {
    /// Nothing was left out.
    #[default]
    Nothing,
    /// Lines may have been left out: what is here is not all.
    Some {
        /// The oldest line that was looked at, where only the lines themselves tell their time.
        oldest: Option<Vec<u8>>,
    },
    /// Lines were left out until the place failed; asking again would not help.
    Failed,
}

/// A place that lines come from.
pub trait LogSource: Sync {
    /// Its name, unique, also its file's name and the kind of its streams.
    fn name(&self) -> &'static str;

    /// Reads until dropped. It returns only when going on makes no sense: a finished input, an entry it cannot serve.
    fn run(&self, context: LogContext) -> BoxFuture<'static, SourceError>;

    /// Reads upwards. A place without a past answers with an empty page.
    fn history(&self, context: LogContext, request: HistoryRequest) -> BoxFuture<'static, Result<Page, SourceError>> {
        let _ = (context, request);
        Box::pin(std::future::ready(Ok(Page::default())))
    }
}

/// A source to be started, for a host and some entries.
#[derive(Clone)]
pub struct Job {
    /// The source.
    pub source: &'static dyn LogSource,
    /// On which host.
    pub host: Option<Arc<Host>>,
    /// What to read.
    pub wants: Wants,
}

impl Job {
    /// What it is known by: with the same key, only `wants` changes and the source goes on.
    pub fn key(&self) -> (&'static str, Option<HostName>, Option<Arc<str>>) {
        let many = matches!(self.source.name(), "file" | "local");
        let entry = if many { None } else { self.wants.first().map(|spec| Arc::clone(&spec.name)) };
        (self.source.name(), self.host.as_ref().map(|host| host.name.clone()), entry)
    }
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Job").field(&self.key()).finish()
    }
}

/// Returns the source with this name.
pub fn source(name: &str) -> Option<&'static dyn LogSource> {
    ALL.iter().copied().find(|source| source.name() == name)
}

/// Says what is to run: the configuration's entries, and the files that PM2 names for the services it runs.
///
/// All files of one host are one job, which is one channel. Call it again when the configuration or a PM2 list changed.
pub fn plan(inventory: &Inventory, pm2: &BTreeMap<HostName, Pm2List>) -> Vec<Job> {
    let mut files: BTreeMap<Option<HostName>, Vec<Arc<LogSpec>>> = BTreeMap::new();
    let mut jobs = Vec::new();
    let host = |name: &HostName| inventory.host(name).cloned();
    for spec in &inventory.logs {
        let is_file = matches!(spec.place, LogPlace::File { .. });
        if is_file {
            let places = spec.hosts.iter().cloned().map(Some);
            let here = spec.hosts.is_empty().then_some(None);
            for place in places.chain(here) {
                files.entry(place).or_default().push(Arc::clone(spec));
            }
            continue;
        }
        let Some(source) = source(spec.place.kind()) else { continue };
        let wants: Wants = Arc::new([Arc::clone(spec)]);
        if spec.hosts.is_empty() || matches!(spec.place, LogPlace::Loki(_) | LogPlace::Stdin) {
            jobs.push(Job { source, host: None, wants });
            continue;
        }
        let on = spec.hosts.iter().filter_map(host);
        jobs.extend(on.map(|host| Job { source, host: Some(host), wants: Arc::clone(&wants) }));
    }
    for (name, list) in pm2 {
        for spec in pm2_specs(inventory, name, list) {
            let known = files.entry(Some(name.clone())).or_default();
            // An entry of the configuration knows more: its format, its zone.
            if !known.iter().any(|other| path_of(other) == path_of(&spec)) {
                known.push(Arc::new(spec));
            }
        }
    }
    for (name, specs) in files {
        let at = name.as_ref().and_then(host);
        let kind = if name.is_none() { "local" } else { "file" };
        if let Some(source) = source(kind).filter(|_| name.is_none() || at.is_some()) {
            jobs.push(Job { source, host: at, wants: specs.into() });
        }
    }
    jobs
}

/// Returns entries for the log files of the services that PM2 runs on a host.
pub fn pm2_specs(inventory: &Inventory, host: &HostName, list: &Pm2List) -> Vec<LogSpec> {
    let mut specs = Vec::new();
    for process in &list.processes {
        let runs_it = |service: &&Arc<crate::core::inventory::Service>| {
            let app = service.recipe.get("app").and_then(serde_json::Value::as_str);
            &*service.kind == "node-pm2"
                && service.hosts.contains(host)
                && app.unwrap_or(service.id.service.as_str()) == process.name
        };
        let Some(service) = inventory.services.iter().find(runs_it) else { continue };
        for path in process.log_paths.iter().filter(|path| path.starts_with('/') && !path.starts_with("/dev/")) {
            let file = path.rsplit('/').next().unwrap_or(path);
            specs.push(LogSpec {
                name: sanitise::name(file.strip_suffix(".log").unwrap_or(file)).into(),
                env: Some(service.id.env.clone()),
                service: Some(service.id.clone()),
                hosts: vec![host.clone()],
                format: None,
                timezone: None,
                // A path may hold what a glob would take for its own.
                place: LogPlace::File { path: escape(path), rotated: None },
            });
        }
    }
    specs
}

fn path_of(spec: &LogSpec) -> Option<&str> {
    if let LogPlace::File { path, .. } = &spec.place { Some(path) } else { None }
}

/// Escapes a path so that as a glob it means only itself.
fn escape(path: &str) -> String {
    path.chars().fold(String::new(), |mut glob, c| {
        if matches!(c, '*' | '?' | '[' | '\\') {
            glob.push('\\');
        }
        glob.push(c);
        glob
    })
}
