//! Takes what log sources hand over, and lets tests wait for it.
#![allow(dead_code, reason = "each test binary uses another part of this")]
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::{FutureExt as _, future::BoxFuture};
use quarterdeck::{
    config::Env,
    core::{
        id::HostName,
        inventory::Host,
        logs::{LogPlace, LogSpec, SourceState},
        time::{Clock, Timestamp},
    },
    remote::{
        Lane, Output, Remote, RemoteError, Script, Stream,
        http::{Client, Trust},
    },
    sources::logs::{Batch, LogContext, LogSource, Notice, Sink, StreamId, StreamInfo, Wants},
    tasks::{Task, Tasks},
};
use tokio::sync::watch;

/// Something that came, in its order within the stream.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    Batch(Batch),
    Notice(Notice),
    State(SourceState),
}

/// All that came so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Heard {
    pub(crate) streams: Vec<StreamInfo>,
    pub(crate) events: Vec<(StreamId, Event)>,
    pub(crate) skews: Vec<(HostName, i64)>,
}

impl Heard {
    /// Returns the lines of all streams that a test accepts, in the order in which they came.
    pub(crate) fn lines_of(&self, accept: impl Fn(&StreamInfo) -> bool) -> Vec<String> {
        let batches = self.events.iter().filter_map(|(id, event)| {
            let Event::Batch(batch) = event else { return None };
            accept(&self.streams[id.0 as usize]).then_some(&batch.bytes)
        });
        let mut lines = Vec::new();
        for bytes in batches {
            assert!(bytes.is_empty() || bytes.ends_with(b"\n"), "a batch ends within a line");
            lines.extend(String::from_utf8_lossy(bytes).lines().map(str::to_owned));
        }
        lines
    }

    /// Returns all lines.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.lines_of(|_| true)
    }

    /// Returns all notices.
    pub(crate) fn notices(&self) -> Vec<Notice> {
        let notice = |(_, event): &(StreamId, Event)| {
            if let Event::Notice(notice) = event { Some(notice.clone()) } else { None }
        };
        self.events.iter().filter_map(notice).collect()
    }

    /// Returns the last state of each stream.
    pub(crate) fn states(&self) -> Vec<Option<SourceState>> {
        let last = |number: usize| {
            self.events
                .iter()
                .rev()
                .filter(|(id, _)| id.0 as usize == number)
                .find_map(|(_, event)| if let Event::State(state) = event { Some(state.clone()) } else { None })
        };
        (0..self.streams.len()).map(last).collect()
    }

    /// Says whether some stream is in such a state.
    pub(crate) fn is(&self, such: impl Fn(&SourceState) -> bool) -> bool {
        self.states().iter().flatten().any(such)
    }
}

/// A sink that remembers; it can be made to take nothing for a while.
pub(crate) struct Ear {
    heard: Mutex<Heard>,
    changed: watch::Sender<u64>,
    open: watch::Sender<bool>,
}

impl Ear {
    pub(crate) fn new() -> Arc<Self> {
        let (changed, open) = (watch::channel(0).0, watch::channel(true).0);
        Arc::new(Self { heard: Mutex::default(), changed, open })
    }

    /// Lets batches in, or makes them wait.
    pub(crate) fn open(&self, open: bool) {
        self.open.send_replace(open);
    }

    pub(crate) fn heard(&self) -> Heard {
        self.heard.lock().unwrap().clone()
    }

    /// Waits until what came fulfils something.
    pub(crate) async fn until(&self, what: &str, holds: impl Fn(&Heard) -> bool) -> Heard {
        let mut changes = self.changed.subscribe();
        let wait = async {
            loop {
                changes.borrow_and_update();
                {
                    let heard = self.heard.lock().unwrap();
                    if holds(&heard) {
                        return heard.clone();
                    }
                }
                changes.changed().await.unwrap();
            }
        };
        if let Ok(heard) = tokio::time::timeout(Duration::from_secs(30), wait).await {
            heard
        } else {
            {
                let mut heard = self.heard();
                let lines = heard.lines();
                heard.events.retain(|(_, event)| !matches!(event, Event::Batch(_)));
                let tail: Vec<_> = lines.iter().rev().take(3).collect();
                panic!("never came: {what}; {} lines, the last {tail:?}; {:#?}", lines.len(), heard)
            }
        }
    }

    fn change(&self, change: impl FnOnce(&mut Heard)) {
        change(&mut self.heard.lock().unwrap());
        self.changed.send_modify(|count| *count += 1);
    }
}

impl Sink for Ear {
    fn open(&self, info: StreamInfo) -> StreamId {
        let mut id = StreamId(0);
        self.change(|heard| {
            id = StreamId(u32::try_from(heard.streams.len()).unwrap());
            heard.streams.push(info);
        });
        id
    }

    fn batch(&self, stream: StreamId, batch: Batch) -> BoxFuture<'_, ()> {
        async move {
            let mut open = self.open.subscribe();
            open.wait_for(|open| *open).await.unwrap();
            self.change(|heard| heard.events.push((stream, Event::Batch(batch))));
        }
        .boxed()
    }

    fn notice(&self, stream: StreamId, notice: Notice, _: Timestamp) {
        self.change(|heard| heard.events.push((stream, Event::Notice(notice))));
    }

    fn state(&self, stream: StreamId, state: SourceState) {
        self.change(|heard| heard.events.push((stream, Event::State(state))));
    }

    fn skew(&self, host: &HostName, ms: i64) {
        self.change(|heard| heard.skews.push((host.clone(), ms)));
    }
}

/// Reaches nothing.
pub(crate) struct Nowhere;

impl Remote for Nowhere {
    fn run<'a>(&'a self, _: &'a HostName, _: Lane, _: Script) -> BoxFuture<'a, Result<Output, RemoteError>> {
        panic!("nothing is to be reached")
    }
    fn stream<'a>(&'a self, _: &'a HostName, _: Lane, _: Script) -> BoxFuture<'a, Result<Stream, RemoteError>> {
        panic!("nothing is to be reached")
    }
    fn forget(&self, _: &HostName) {}
    fn accept_host_key(&self, _: &str) -> Result<(), RemoteError> {
        Ok(())
    }
    fn unlock(&self, _: &str, _: secrecy::SecretString) {}
}

/// An entry of the configuration.
pub(crate) fn entry(name: &str, place: LogPlace) -> LogSpec {
    LogSpec { name: name.into(), env: None, service: None, hosts: vec![], format: None, timezone: None, place }
}

/// A file.
pub(crate) fn file(path: impl AsRef<std::path::Path>) -> LogSpec {
    let path = path.as_ref().display().to_string();
    entry("log", LogPlace::File { path, rotated: None })
}

/// What a source needs, with a sink that remembers.
pub(crate) struct Bench {
    pub(crate) ear: Arc<Ear>,
    pub(crate) wants: watch::Sender<Wants>,
    pub(crate) context: LogContext,
}

impl Bench {
    pub(crate) fn new(
        specs: Vec<LogSpec>,
        host: Option<Host>,
        remote: Arc<dyn Remote>,
        clock: Arc<dyn Clock>,
        tasks: Tasks,
    ) -> Self {
        let ear = Ear::new();
        let wants: Wants = specs.into_iter().map(Arc::new).collect();
        let (wants, watch) = watch::channel(wants);
        let context = LogContext {
            host: host.map(Arc::new),
            wants: watch,
            remote,
            http: Client::new(Trust::system()),
            env: Env::new("/nonexistent", [("QD_TEST_SECRET", "s3cret")]),
            sink: Arc::clone(&ear) as Arc<dyn Sink>,
            clock,
            tasks,
        };
        Self { ear, wants, context }
    }

    /// Runs a source until the returned task is stopped.
    pub(crate) fn run(&self, source: &'static dyn LogSource) -> Task<quarterdeck::sources::SourceError> {
        self.context.tasks.spawn("source", source.run(self.context.clone()))
    }
}
