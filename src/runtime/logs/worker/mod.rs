//! The engine's thread: takes lines in, keeps them, answers what is asked, publishes the latest answer.
mod ahead;
mod asked;
mod measure;
mod older;
mod patterns;
mod publish;
mod record;
mod take;

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    path::PathBuf,
    sync::{Arc, mpsc::RecvTimeoutError},
    time::Duration,
};

use regex::bytes::Regex;

use ahead::Ahead;
use older::Round;

use super::{Means, Received, Stream, Supervisor, older::Older};
use crate::{
    core::{
        hosts::Pm2List,
        id::HostName,
        inventory::Inventory,
        logs::{
            Nanos,
            buffer::Buffer,
            derive::Derived,
            eval::{Cache, Matcher},
            filter::Expr,
            format::Formats,
            patterns::{Memory, Miner, TemplateId, Templates},
            redact::Redactor,
            shown::Pattern,
            state::Query,
        },
        time::{Clock, Mono},
    },
    runtime::inbox::Post,
    sources::logs::StreamId,
    tasks::Tasks,
};

/// Between two answers while lines come in.
const PUBLISH: Duration = Duration::from_millis(80);
/// Between two looks at what is held back.
const LOOK: Duration = Duration::from_millis(200);
/// Between two lists of patterns.
const PATTERNS_MS: u64 = 2_000;
/// Bytes of sets that are kept, beside the lines.
const CACHE: usize = 64 << 20;
/// One part in so many of the limit is left free for what comes between two answers.
const SPARE: usize = 16;
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
    /// Bytes of the limit that are left free for what comes until the next answer, and those of it that came.
    spare: usize,
    fresh: usize,
    cache: Cache,
    ahead: Ahead,
    query: Query,
    matcher: Option<Matcher>,
    /// What the matcher was made of, and since when: what older lines are asked for.
    wanted: (Expr, Option<Nanos>),
    older: Older,
    /// Older lines were asked for.
    round: Option<Round>,
    /// Up to here lines were let go.
    gone_to: Option<Nanos>,
    search: Option<Matcher>,
    needles: Vec<Regex>,
    skew: BTreeMap<HostName, i64>,
    miner: Miner,
    memory: Memory,
    templates: Arc<Templates>,
    patterns: Vec<Pattern>,
    /// The same of the lines that pass, with the filter, the sources left out and the list that they are of.
    patterns_passing: Option<(Passing, Vec<Pattern>, bool)>,
    new: Arc<HashSet<TemplateId>>,
    mined: Mono,
    /// Batches whose patterns were counted, and how many of them the list knows.
    counted: u64,
    listed: u64,
    learned: Mono,
    measured: Mono,
    /// How often values of fields come, as of a moment ago.
    shares: Option<record::Shares>,
    dirty: bool,
    asked: bool,
    published: Mono,
}

/// A filter, the sources left out, and when patterns were listed.
type Passing = (String, BTreeSet<Arc<str>>, Mono);

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
            spare: limit / SPARE,
            fresh: 0,
            cache: Cache::new(CACHE),
            ahead: Ahead::default(),
            query: Query::default(),
            matcher: None,
            wanted: (Expr::All, None),
            older: Older::default(),
            round: None,
            gone_to: None,
            search: None,
            needles: Vec::new(),
            skew: BTreeMap::new(),
            miner,
            memory: Memory::default(),
            templates,
            patterns: Vec::new(),
            patterns_passing: None,
            new: Arc::default(),
            mined: Mono(0),
            counted: 0,
            listed: 0,
            learned: Mono(0),
            measured: Mono(0),
            shares: None,
            dirty: false,
            asked: false,
            published: Mono(0),
        }
    }

    /// Says whether so much came that what is older must go before more is taken: memory has a limit in a storm, too.
    fn is_full(&self) -> bool {
        self.fresh >= self.spare
    }

    /// Works until nobody can send orders any more.
    pub fn work(mut self) {
        self.read_sessions();
        loop {
            let wait = match (self.prepare(), self.dirty) {
                (true, _) => Duration::ZERO,
                (false, true) => PUBLISH,
                (false, false) => LOOK,
            };
            match self.orders.recv_timeout(wait) {
                Ok(order) => self.take(order),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            for _ in 0..AT_ONCE {
                if self.is_full() {
                    break;
                }
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
            if self.counted != self.listed && self.clock.now().mono.since(self.mined) >= PATTERNS_MS {
                self.mine();
            }
            let since = self.clock.now().mono.since(self.published);
            if self.asked || self.is_full() || self.dirty && since >= u64::try_from(PUBLISH.as_millis()).unwrap_or(0) {
                self.publish();
            }
        }
    }
}
