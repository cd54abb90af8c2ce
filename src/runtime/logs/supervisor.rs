//! Keeps one log source running for each place that lines come from, and has what is older read on demand.
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use tokio::sync::watch;

use super::{Desk, desk::Paged, older::Turn};
use crate::{
    config::Env,
    core::{
        hosts::Pm2List,
        id::HostName,
        inventory::Inventory,
        logs::{LogSpec, SourceState},
        time::Clock,
    },
    parse::sanitise,
    remote::{Remote, http},
    sources::logs::{self, HistoryRequest, Job, LogContext, Sink as _, StreamId, StreamInfo, Wants},
    tasks::{Task, Tasks},
};

type Key = (&'static str, Option<HostName>, Option<Arc<str>>);

/// Lines that one look at what is older brings, per source.
const PAGE: usize = 2_000;

struct Running {
    job: Job,
    wants: watch::Sender<Wants>,
    tasks: Tasks,
}

/// What the supervisor works with.
#[derive(Clone)]
pub struct Means {
    /// How hosts are reached.
    pub remote: Arc<dyn Remote>,
    /// How servers are reached.
    pub http: http::Client,
    /// Where secrets are looked up.
    pub env: Env,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Who spawns.
    pub tasks: Tasks,
    /// Where lines go.
    pub desk: Desk,
}

/// Runs the log sources.
pub struct Supervisor {
    means: Means,
    running: HashMap<Key, Running>,
    paging: HashMap<u64, Task<()>>,
}

impl std::fmt::Debug for Supervisor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Supervisor").field("running", &self.running.len()).finish_non_exhaustive()
    }
}

impl Supervisor {
    /// Makes one that runs nothing yet.
    pub fn new(means: Means) -> Self {
        Self { means, running: HashMap::new(), paging: HashMap::new() }
    }

    /// Starts what is to run, ends what is not, and tells the rest what is wanted of it now.
    pub fn reconcile(&mut self, inventory: &Inventory, pm2: &BTreeMap<HostName, Pm2List>) {
        let jobs = logs::plan(inventory, pm2);
        let keys: HashSet<Key> = jobs.iter().map(Job::key).collect();
        self.running.retain(|key, running| {
            let stays = keys.contains(key);
            if !stays {
                running.tasks.cancel();
            }
            stays
        });
        for job in jobs {
            match self.running.get_mut(&job.key()) {
                // The host itself may be another machine now: then everything begins anew.
                Some(running) if running.job.host == job.host && (many(&job) || running.job.wants == job.wants) => {
                    running.wants.send_if_modified(|wants| {
                        let changed = *wants != job.wants;
                        wants.clone_from(&job.wants);
                        changed
                    });
                    running.job = job;
                }
                Some(running) => {
                    running.tasks.cancel();
                    let key = job.key();
                    let fresh = self.start(job);
                    self.running.insert(key, fresh);
                }
                None => {
                    let key = job.key();
                    let fresh = self.start(job);
                    self.running.insert(key, fresh);
                }
            }
        }
    }

    fn start(&self, job: Job) -> Running {
        let (wants, wanted) = watch::channel(Arc::clone(&job.wants));
        let tasks = self.means.tasks.child();
        let context = self.context(&job, wanted, tasks.clone());
        let (source, desk) = (job.source, self.means.desk.clone());
        let (names, host) = (Arc::clone(&job.wants), job.host.as_ref().map(|host| host.name.clone()));
        tasks
            .spawn("log source", async move {
                let why = source.run(context).await;
                tracing::info!(source = source.name(), %why, "a log source ended");
                // It may have ended before it opened a stream: then nothing else would say that it is not there.
                for spec in names.iter() {
                    let stream = desk.open(StreamInfo {
                        name: spec.name.to_string(),
                        kind: source.name(),
                        path: String::new(),
                        service: spec.service.clone(),
                        host: host.clone(),
                        labels: Vec::new(),
                        format: spec.format.clone(),
                        timezone: spec.timezone,
                    });
                    desk.state(stream, SourceState::Denied { why: sanitise::line_max(why.to_string(), 200) });
                }
            })
            .detach();
        Running { job, wants, tasks }
    }

    fn context(&self, job: &Job, wants: watch::Receiver<Wants>, tasks: Tasks) -> LogContext {
        LogContext {
            host: job.host.clone(),
            wants,
            remote: Arc::clone(&self.means.remote),
            http: self.means.http.clone(),
            env: self.means.env.clone(),
            sink: Arc::new(self.means.desk.clone()),
            clock: Arc::clone(&self.means.clock),
            tasks,
        }
    }

    /// Has what is older than a place in a stream read. False where nothing runs that could.
    pub fn page(&mut self, turn: Turn, info: &StreamInfo) -> bool {
        let Some((running, spec)) = self.of(info) else { return false };
        let (source, wants) = (running.job.source, running.wants.subscribe());
        let context = self.context(&running.job, wants, running.tasks.clone());
        let Turn { page, stream, before, prefilter } = turn;
        let request = HistoryRequest { spec, info: info.clone(), before, limit: PAGE, prefilter };
        let desk = self.means.desk.clone();
        let task = running.tasks.spawn("log history", async move {
            let read = source.history(context, request).await;
            let read = read.map_err(|why| sanitise::line_max(why.to_string(), 200));
            desk.page(Paged { page, stream, read }).await;
        });
        self.paging.insert(page, task);
        true
    }

    /// A page was read.
    pub fn paged(&mut self, page: u64) {
        self.paging.remove(&page);
    }

    /// Nobody waits for a page any more.
    pub fn stop(&mut self, page: u64) {
        if let Some(task) = self.paging.remove(&page) {
            task.stop();
        }
    }

    /// Pages whose reading ended without a word: their source was ended.
    pub fn lost(&mut self) -> Vec<u64> {
        self.paging.extract_if(|_, task| task.is_finished()).map(|(page, _)| page).collect()
    }

    /// Returns the entry that a stream is of.
    pub fn spec(&self, info: &StreamInfo) -> Option<Arc<LogSpec>> {
        self.of(info).map(|(_, spec)| spec)
    }

    /// Begins a stream of what a page brought.
    pub fn open(&self, info: StreamInfo) -> StreamId {
        self.means.desk.open(info)
    }

    /// Finds what runs a stream, and the entry it is of.
    fn of(&self, info: &StreamInfo) -> Option<(&Running, Arc<LogSpec>)> {
        let serves = |running: &&Running| {
            running.job.source.name() == info.kind
                && running.job.host.as_ref().map(|host| &host.name) == info.host.as_ref()
        };
        let by_name = |running: &Running| running.job.wants.iter().find(|spec| *spec.name == *info.name).cloned();
        let all = || self.running.values().filter(serves);
        let named = all().find_map(|running| Some((running, by_name(running)?)));
        // A glob's files and a selector's streams have names of their own.
        named.or_else(|| {
            let of_service = |spec: &&Arc<LogSpec>| spec.service == info.service;
            all().find_map(|running| Some((running, running.job.wants.iter().find(of_service)?.clone())))
        })
    }
}

fn many(job: &Job) -> bool {
    matches!(job.source.name(), "file" | "local")
}
