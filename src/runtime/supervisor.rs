//! Keeps sources running: one task per host and source, started again with back-off, and it says why it had to be.
use std::{collections::BTreeMap, sync::Arc, time::Duration};

use super::inbox::Post;
use crate::{
    core::{
        Msg, hosts,
        hosts::Link,
        id::{HostName, ServiceId},
        inventory::{Host, Inventory},
        time::{Clock, Timestamp},
    },
    remote::Remote,
    sources::{self, Context, Source, SourceError},
    tasks::{Task, Tasks},
};

/// First wait after a failure; it doubles up to [`MAX_WAIT`].
const MIN_WAIT: Duration = Duration::from_secs(1);
/// Longest wait after a failure.
const MAX_WAIT: Duration = Duration::from_secs(30);
/// Wait before a host is asked again for what it does not have.
const ABSENT_WAIT: Duration = Duration::from_secs(300);
/// A source that worked for this long starts over with the shortest wait.
const STEADY_MS: u64 = 30_000;

/// A host's source.
type Key = (HostName, &'static str);
/// The services of a host, with their folders there.
type Folders = Arc<[(ServiceId, Option<String>)]>;
/// A host with what a source of it stands on.
type Subject = (Arc<Host>, Folders);
/// The host as it was when its source was started, and the task that keeps it running.
type Running = (Subject, Task<()>);

/// Starts and stops sources as the inventory says.
pub struct Supervisor {
    remote: Arc<dyn Remote>,
    clock: Arc<dyn Clock>,
    post: Post,
    tasks: Tasks,
    every_ms: u64,
    running: BTreeMap<Key, Running>,
}

impl std::fmt::Debug for Supervisor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Supervisor").field("running", &self.running.len()).finish_non_exhaustive()
    }
}

impl Supervisor {
    /// Makes a supervisor that runs nothing yet.
    pub fn new(remote: Arc<dyn Remote>, clock: Arc<dyn Clock>, post: Post, tasks: Tasks, every_ms: u64) -> Self {
        Self { remote, clock, post, tasks, every_ms, running: BTreeMap::new() }
    }

    /// Starts what is new, stops what is gone, starts anew what changed.
    pub fn reconcile(&mut self, inventory: &Inventory) {
        let mut wanted: BTreeMap<Key, (Subject, &'static dyn Source)> = BTreeMap::new();
        for host in &inventory.hosts {
            let folders: Folders = inventory.folders_on(&host.name).into();
            for source in sources::ALL {
                if source.applies(inventory, host) {
                    wanted.insert(
                        (host.name.clone(), source.name()),
                        ((Arc::clone(host), Arc::clone(&folders)), *source),
                    );
                }
            }
        }
        self.running.retain(|key, (subject, task)| {
            let keep = wanted.get(key).is_some_and(|(now, _)| now == subject);
            if !keep {
                task.stop();
            }
            keep
        });
        for (key, (subject, source)) in wanted {
            if !self.running.contains_key(&key) {
                let task = self.start(subject.clone(), source);
                self.running.insert(key, (subject, task));
            }
        }
    }

    /// Starts a host's sources anew, without waiting for their back-off.
    pub fn restart(&mut self, name: &HostName, inventory: &Inventory) {
        self.running.retain(|(host, _), (_, task)| {
            if host == name {
                task.stop();
            }
            host != name
        });
        self.reconcile(inventory);
    }

    fn start(&self, (host, folders): Subject, source: &'static dyn Source) -> Task<()> {
        let context = Context {
            host,
            folders,
            remote: Arc::clone(&self.remote),
            deliver: Arc::new(self.post.clone()),
            clock: Arc::clone(&self.clock),
            every_ms: self.every_ms,
        };
        let (post, inner) = (self.post.clone(), self.tasks.child());
        self.tasks.spawn(source.name(), keep(source, context, post, inner))
    }
}

async fn keep(source: &'static dyn Source, context: Context, post: Post, tasks: Tasks) {
    let clock = Arc::clone(&context.clock);
    let mut wait = MIN_WAIT;
    tokio::time::sleep(source.after()).await;
    loop {
        let began = clock.now().mono;
        // In a task of its own, so that a panic ends one try and not the supervision.
        let task = Guard(tasks.spawn(source.name(), source.run(context.clone())));
        let error = task.join().await;
        if clock.now().mono.since(began) >= STEADY_MS {
            wait = MIN_WAIT;
        }
        let pause = match &error {
            Some(SourceError::Absent(_)) => ABSENT_WAIT,
            Some(SourceError::Remote(_) | SourceError::Malformed(_)) | None => jittered(wait, began.0),
        };
        if !tell(&post, source, &context, error, pause).await {
            return;
        }
        tokio::time::sleep(pause).await;
        wait = (wait * 2).min(MAX_WAIT);
    }
}

/// Stops its task when dropped, so that stopping the supervision stops the source.
struct Guard(Task<SourceError>);

impl Guard {
    async fn join(mut self) -> Option<SourceError> {
        self.0.wait().await
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.stop();
    }
}

/// Spreads waits over 75 to 125 %, so that hosts behind one jump host do not come back all at once.
fn jittered(wait: Duration, seed: u64) -> Duration {
    let spread = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 57;
    wait * u32::try_from(96 + spread / 2).unwrap_or(128) / 128
}

async fn tell(
    post: &Post,
    source: &dyn Source,
    context: &Context,
    error: Option<SourceError>,
    pause: Duration,
) -> bool {
    let host = context.host.name.clone();
    let now = context.clock.now();
    let retry_at = Some(now.utc + i64::try_from(pause.as_millis()).unwrap_or(i64::MAX));
    let (fault, reason, question) = match error {
        Some(SourceError::Remote(error)) => {
            let reason = match &error.hint {
                Some(hint) => format!("{} ({hint})", error.what),
                None => error.what.clone(),
            };
            (error.fault, reason, error.question)
        }
        Some(SourceError::Absent(what)) => {
            return post.fact(ended(source, host, what, retry_at)).await;
        }
        Some(SourceError::Malformed(what)) => return post.fact(ended(source, host, what, retry_at)).await,
        None => {
            let what = "reading failed inside quarterdeck; see the log".to_owned();
            return post.fact(ended(source, host, what, retry_at)).await;
        }
    };
    if let Some(question) = question.clone()
        && !post.fact(Msg::HostAsked { host: host.clone(), question }).await
    {
        return false;
    }
    let link = Link::Stale { since: now.utc, fault, reason, retry_at, question };
    post.fact(Msg::Hosts(hosts::Msg::LinkChanged { host, link })).await
}

/// What is said of a source that gave up although its host is reached.
fn ended(source: &dyn Source, host: HostName, reason: String, retry_at: Option<Timestamp>) -> Msg {
    Msg::Hosts(hosts::Msg::SourceEnded { host, source: source.name(), reason, retry_at })
}
