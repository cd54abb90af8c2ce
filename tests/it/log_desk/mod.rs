//! The log engine's thread as the console drives it: asked by its desk, answering by its lane.
mod search;
mod worker;

use std::{
    collections::BTreeSet,
    io::Write as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use quarterdeck::{
    config::{Env, formats::built_in},
    core::{
        Msg,
        inventory::{Host, Inventory},
        logs::{
            self, Ask, LogPlace, LogSpec, Nanos, Source,
            buffer::Buffer,
            derive::Derived,
            eval::Matcher,
            filter::{self, Filter},
            format::Assume,
            segment::{Batch, Segment},
            shown::{Back, Shown},
            state::Query,
        },
        screen::Tone,
        time::{Clock, Mono, Now, Timestamp},
    },
    remote::{
        Remote,
        http::{Client, Trust},
    },
    runtime::{
        inbox::{Inbox, lanes},
        logs::{Desk, Means, Order, Parts, Received, Worker, desk},
    },
    tasks::Tasks,
};

use crate::log_support::{Nowhere, entry};

/// The engine's thread, what asks it, and what it said.
pub(crate) struct Console {
    pub(crate) desk: Desk,
    pub(crate) said: Vec<(Tone, String)>,
    tasks: Tasks,
    inbox: Inbox,
    latest: Option<Arc<Shown>>,
    query: Query,
}

impl Drop for Console {
    fn drop(&mut self) {
        self.tasks.cancel();
    }
}

/// Makes the host that files are on.
pub(crate) fn host() -> Host {
    Host { env: Some("prod".into()), ..Host::new("web-01") }
}

/// Makes the entry of a file on that host.
pub(crate) fn on_host(name: &str, path: &Path) -> LogSpec {
    let place = LogPlace::File { path: path.display().to_string(), rotated: None };
    LogSpec { hosts: vec!["web-01".into()], ..entry(name, place) }
}

/// A clock that goes on from a night in November.
pub(crate) struct Night(tokio::time::Instant);

impl Default for Night {
    fn default() -> Self {
        Self(tokio::time::Instant::now())
    }
}

impl Clock for Night {
    fn now(&self) -> Now {
        let ms = self.0.elapsed().as_millis() as u64;
        Now { utc: Timestamp(1_795_280_000_000 + ms as i64), mono: Mono(ms) }
    }
}

/// What an engine is made with.
pub(crate) struct Setup {
    pub(crate) specs: Vec<LogSpec>,
    pub(crate) remote: Arc<dyn Remote>,
    pub(crate) limit: usize,
    pub(crate) sessions: Option<PathBuf>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            specs: Vec::new(),
            remote: Arc::new(Nowhere),
            limit: 256 << 20,
            sessions: None,
            clock: Arc::new(Night::default()),
        }
    }
}

impl Setup {
    /// Makes the engine, not yet at work, and the lane that it answers by.
    pub(crate) fn parts(self, desk: &Desk, orders: Received, tasks: &Tasks) -> (Worker, Inbox) {
        let (post, inbox) = lanes();
        let means = Means {
            remote: self.remote,
            http: Client::new(Trust::system()),
            env: Env::new("/nonexistent", [("QD_TEST_SECRET", "s3cret")]),
            clock: self.clock,
            tasks: tasks.child(),
            desk: desk.clone(),
        };
        let worker = Worker::new(Parts {
            orders,
            means,
            post,
            formats: built_in().clone(),
            derived: Arc::default(),
            redact: Arc::new(quarterdeck::config::redact::load(None).0),
            limit: self.limit,
            sessions: self.sessions,
        });
        (worker, inbox)
    }
}

impl Console {
    pub(crate) fn new(mut setup: Setup) -> Self {
        let (desk, orders) = desk();
        let tasks = Tasks::new(tokio::runtime::Handle::current(), |panicked| panic!("{panicked:?}"));
        let specs = std::mem::take(&mut setup.specs);
        let (worker, inbox) = setup.parts(&desk, orders, &tasks);
        tasks.thread("logs", move || worker.work()).unwrap();
        let inventory = Inventory {
            hosts: vec![Arc::new(host())],
            logs: specs.into_iter().map(Arc::new).collect(),
            ..Inventory::default()
        };
        desk.send(Order::Adopt(Arc::new(inventory)));
        let query = Query { bars: 40, ..Query::default() };
        Self { desk, said: Vec::new(), tasks, inbox, latest: None, query }
    }

    pub(crate) fn ask(&self, ask: Ask) {
        self.desk.send(Order::Ask(ask));
    }

    /// Takes what came, waiting for it; for how long nothing of it depends on.
    async fn hear(&mut self) {
        let mut came = Vec::new();
        self.inbox.wait(Duration::from_secs(1), &mut came).await;
        self.inbox.drain(&mut came);
        for msg in came {
            match msg {
                Msg::Logs(logs::Msg::Shown(shown)) => self.latest = Some(shown),
                Msg::Said { tone, text } => self.said.push((tone, text)),
                _ => {}
            }
        }
    }

    /// Waits until what is shown, or was said, fulfils something.
    pub(crate) async fn until(&mut self, what: &str, holds: impl Fn(&Shown, &[(Tone, String)]) -> bool) -> Arc<Shown> {
        let began = tokio::time::Instant::now();
        loop {
            if let Some(shown) = self.latest.clone().filter(|shown| holds(shown, &self.said)) {
                return shown;
            }
            if began.elapsed() > Duration::from_secs(30) {
                let shown = self.latest.as_ref();
                let states: Vec<String> = shown.iter().flat_map(|s| &s.sources).map(|source| source.words()).collect();
                panic!(
                    "never came: {what}; {:?} of {:?}, {:?}; {states:#?}; {:?}",
                    shown.map(|shown| shown.matched()),
                    shown.map(|shown| shown.total()),
                    shown.map(|shown| shown.searched),
                    self.said
                );
            }
            self.hear().await;
        }
    }

    /// Waits until something was said.
    pub(crate) async fn says(&mut self, text: &str) {
        let text = text.to_owned();
        self.until(&format!("says {text}"), |_, said| said.iter().any(|(_, says)| says.contains(&text))).await;
    }

    /// Changes what is asked for, and waits for the answer to that.
    pub(crate) async fn query(&mut self, change: impl FnOnce(&mut Query)) -> Arc<Shown> {
        change(&mut self.query);
        self.query.version += 1;
        let version = self.query.version;
        self.ask(Ask::Query(Box::new(self.query.clone())));
        self.until("an answer", |shown, _| shown.version >= version).await
    }

    /// Filters.
    pub(crate) async fn filter(&mut self, text: &str) -> Arc<Shown> {
        let filter: Filter = text.parse().unwrap();
        self.query(|query| query.filter = filter).await
    }

    /// Asks for what is older, and waits until all of it came.
    pub(crate) async fn earlier(&mut self) -> Arc<Shown> {
        self.ask(Ask::Earlier);
        let version = self.query(|_| {}).await.version;
        self.until("what is older", |shown, _| shown.version >= version && !shown.searched.reading).await
    }
}

/// The lines that are shown, those of the console's own left out, in order.
pub(crate) fn lines(shown: &Shown) -> Vec<String> {
    let records = shown.matches.forward(logs::Key::default(), 10_000_000);
    let own = |record: &logs::read::RecordRef| record.flags().contains(logs::segment::Flags::NOTICE);
    records.iter().filter(|record| !own(record)).map(text).collect()
}

/// The lines of the console's own.
pub(crate) fn notices(shown: &Shown) -> Vec<String> {
    let records = shown.all.forward(logs::Key::default(), 10_000_000);
    let own = |record: &logs::read::RecordRef| record.flags().contains(logs::segment::Flags::NOTICE);
    records.iter().filter(|record| own(record)).map(text).collect()
}

fn text(record: &logs::read::RecordRef) -> String {
    record.with_bytes(|bytes| String::from_utf8_lossy(bytes).into_owned())
}

/// A whole text, of which a filter can be evaluated here.
pub(crate) struct Whole(logs::buffer::Snapshot);

impl Whole {
    pub(crate) fn new(text: &str, format: &str) -> Self {
        let format = Arc::clone(built_in().get(format).unwrap());
        let mut buffer = Buffer::new(1 << 30);
        let source = buffer
            .add_source(|id| Source { host: Some("web-01".into()), ..Source::new(id, ("log", "file", ""), &format) });
        let assume = Assume { zone: chrono_tz::UTC, now: Nanos(i64::MAX / 2) };
        let batch = Batch::new(source.unwrap(), &format, assume, text.as_bytes().to_vec());
        buffer.push(Segment::parse(batch));
        Self(buffer.snapshot())
    }

    /// Goes from filter to filter, each with so many pages of what is older, and holds the view to this text at every step.
    pub(crate) async fn follows(&self, console: &mut Console, steps: &[(&str, usize)]) {
        for (filter, pages) in steps {
            let shown = console.filter(filter).await;
            holds(&shown, self, filter);
            for _ in 0..*pages {
                let shown = console.earlier().await;
                holds(&shown, self, filter);
            }
        }
    }

    /// Evaluates a filter, in the order of time; each line with its time.
    fn evaluated(&self, filter: &str) -> Vec<(Nanos, String)> {
        let filter: Filter = filter.parse().unwrap();
        let at = |of: &Option<filter::Moment>| {
            let of = of.as_ref()?;
            filter::moment::resolve(of, Nanos(i64::MAX / 2), chrono_tz::UTC, &|_| None).ok()
        };
        let moments = (at(&filter.since), at(&filter.until));
        let matcher = Matcher::new(&filter, moments, Arc::new(Derived::default())).unwrap();
        let matches = matcher.matches(&self.0, &logs::eval::Cache::new(0));
        let records = matches.forward(logs::Key::default(), 10_000_000);
        records.iter().map(|record| (record.key().time, text(record))).collect()
    }
}

/// What is shown is what the whole would give, as far back as the view says that it goes, each line once.
pub(crate) fn holds(shown: &Shown, whole: &Whole, filter: &str) {
    let wanted = whole.evaluated(filter);
    let got = lines(shown);
    let begin = match shown.searched.back {
        Back::Begin => Nanos(i64::MIN),
        Back::Time(at) => at,
        Back::Unknown => panic!("{filter}: nobody says how far back it goes"),
    };
    let sure: Vec<&String> = wanted.iter().filter(|(at, _)| *at > begin).map(|(_, line)| line).collect();
    let all: BTreeSet<&String> = wanted.iter().map(|(_, line)| line).collect();
    let mut seen = BTreeSet::new();
    for line in &got {
        assert!(all.contains(line), "{filter}: does not pass: {line}");
        assert!(seen.insert(line), "{filter}: twice: {line}");
    }
    for line in &sure {
        assert!(seen.contains(line), "{filter}: missing, though it goes back to {begin:?}: {line}");
    }
    if shown.searched.back == Back::Begin {
        assert!(got.iter().eq(sure.iter().copied()), "{filter}: in another order");
    }
}

/// Writes a file; packed where its name says so.
pub(crate) fn write(path: &Path, text: &str) {
    if path.extension().is_some_and(|end| end == "gz") {
        let file = std::fs::File::create(path).unwrap();
        let mut packer = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
        packer.write_all(text.as_bytes()).unwrap();
        packer.finish().unwrap();
    } else {
        std::fs::write(path, text).unwrap();
    }
}
