//! Loki as it was observed to behave: pings, endings with and without a word, dropped lines, answers that never come.
mod desk;
mod fake;

use std::sync::Arc;

use quarterdeck::{
    core::{
        logs::{LogAuth, LogPlace, LogSpec, LokiSpec, Nanos, SourceState},
        time::{Clock, Mono, Now, Timestamp},
    },
    sources::logs::{Batch, Cursor, HistoryRequest, Notice, Prefilter, StreamInfo, source},
    tasks::Tasks,
};

use self::fake::{Fake, Inner, T0, Tail};
use crate::log_support::{Bench, Heard, Nowhere, entry};

struct Still;
impl Clock for Still {
    fn now(&self) -> Now {
        static BEGAN: std::sync::OnceLock<tokio::time::Instant> = std::sync::OnceLock::new();
        let ms = BEGAN.get_or_init(tokio::time::Instant::now).elapsed().as_millis() as u64;
        Now { utc: Timestamp(T0 / 1_000_000 + 60_000 + ms as i64), mono: Mono(ms) }
    }
}

struct World {
    fake: Arc<Fake>,
    bench: Bench,
    spec: Arc<LogSpec>,
    server: tokio::task::JoinHandle<()>,
}

impl Drop for World {
    fn drop(&mut self) {
        self.bench.context.tasks.cancel();
        self.server.abort();
    }
}

#[expect(clippy::disallowed_methods, reason = "a test's own server; it ends with the test")]
async fn world(change: impl FnOnce(&mut Inner), edit: impl FnOnce(&mut LokiSpec)) -> World {
    let mut inner = Inner::default();
    change(&mut inner);
    let fake = Fake::new(inner);
    let app = fake.router();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/prefix/", listener.local_addr().unwrap());
    let server = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    let mut loki = LokiSpec {
        url,
        select: [("env".to_owned(), "prod".to_owned())].into(),
        service_label: Some("app".into()),
        ..LokiSpec::default()
    };
    edit(&mut loki);
    let spec = LogSpec { env: Some("prod".into()), ..entry("loki", LogPlace::Loki(loki)) };
    let tasks = Tasks::new(tokio::runtime::Handle::current(), |panicked| println!("{panicked:?}"));
    let bench = Bench::new(vec![spec.clone()], None, Arc::new(Nowhere), Arc::new(Still), tasks);
    World { fake, bench, spec: Arc::new(spec), server }
}

impl World {
    fn run(&self) {
        self.bench.run(source("loki").unwrap()).detach();
    }

    async fn live(&self) -> Heard {
        self.bench.ear.until("live", |heard| heard.is(|state| *state == SourceState::Live)).await
    }

    /// Pushes numbered lines, a few at a time: the next when the tail has taken them.
    async fn push(&self, numbers: std::ops::Range<i64>) {
        for number in numbers {
            self.fake.push(
                T0 + number * 1_000_003,
                if number % 3 == 0 { "api" } else { "web" },
                &format!("{number:06}"),
            );
            if number % 20 == 0 {
                self.fake.taken().await;
            }
        }
    }

    /// Waits until the source says something of which this is a part.
    async fn said(&self, part: &str) {
        let says = |notice: &Notice| matches!(notice, Notice::Said(what) if what.contains(part));
        self.bench.ear.until(part, |heard| heard.notices().iter().any(says)).await;
    }

    async fn all(&self, count: usize) -> Heard {
        let heard = self.bench.ear.until(&format!("{count} lines"), |heard| heard.lines().len() >= count).await;
        let mut lines = heard.lines();
        lines.sort();
        let expected: Vec<_> = (0..count).map(|number| format!("{number:06}")).collect();
        assert_eq!(lines, expected, "{:?}", heard.notices());
        heard
    }
}

fn lost(heard: &Heard) -> usize {
    heard.notices().iter().filter(|notice| matches!(notice, Notice::Lost { .. })).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn history_and_live_lines_meet_and_every_label_set_is_a_stream() {
    let world = world(|_| {}, |_| {}).await;
    world.push(0..50).await;
    world.run();
    world.live().await;
    world.push(50..120).await;
    let heard = world.all(120).await;
    let kinds: Vec<_> =
        heard.streams.iter().map(|info| (info.path.as_str(), info.service.as_ref().map(ToString::to_string))).collect();
    assert_eq!(kinds[0], ("{env=\"prod\"}", None));
    assert!(kinds.contains(&("{app=\"api\"}", Some("api@prod".into()))) && kinds.len() == 3, "{kinds:?}");
    let batch = heard.events.iter().find_map(|(_, event)| match event {
        crate::log_support::Event::Batch(batch) => Some(batch.clone()),
        _ => None,
    });
    let Batch { times, extras, history, before, .. } = batch.unwrap();
    assert_eq!(times.unwrap()[0], Nanos(T0));
    assert_eq!((extras[0].clone(), history), ((0, "trace_id=\"t 1\"".to_owned()), true));
    assert!(matches!(before, Some(Cursor::Time { at: Nanos(T0), .. })));
    assert_eq!(lost(&heard), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_ends_a_tail_no_line_is_lost_or_repeated() {
    let tails = [
        Tail::Closes(20, "reached tail max duration limit"),
        Tail::Closes(20, "all ingesters closed the connection"),
        Tail::Breaks(20),
        Tail::Freezes(20),
        Tail::Closes(
            0,
            "rpc error: code = Code(400) desc = this data is no longer available, it is past now - max_query_lookback (0s)",
        ),
    ];
    let world = world(|inner| inner.tails = tails.into(), |_| {}).await;
    world.push(0..10).await;
    world.run();
    let mut pushed = 10;
    for tail in 1..=6 {
        world.fake.tails(tail).await;
        world.push(pushed..pushed + 1_300).await;
        pushed += 1_300;
    }
    let heard = world.all(usize::try_from(pushed).unwrap()).await;
    assert!(lost(&heard) >= 3, "{:?}", heard.notices());
    assert!(
        heard.notices().iter().any(|n| matches!(n, Notice::BackFilled { lines } if *lines > 0)),
        "{:?}",
        heard.notices()
    );
    assert!(heard.notices().iter().any(|n| matches!(n, Notice::Reconnected { .. })));
    assert!(heard.notices().iter().any(|n| matches!(n, Notice::Lost { why } if why.contains("no sign of life"))));
    assert!(!heard.notices().iter().any(|n| matches!(n, Notice::Gap { .. })), "{:?}", heard.notices());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_slow_reader_missed_is_read_afterwards() {
    let world = world(|inner| inner.tails = [Tail::Drops(5, 2_500)].into(), |_| {}).await;
    world.run();
    world.live().await;
    world.fake.reads().await;
    world.push(0..3_000).await;
    world.all(3_000).await;
    // The lines may have been asked for before the frame came that names those that were dropped.
    let names = |notice: &Notice| matches!(notice, Notice::Dropped { lines: None, why, .. } if why.contains("names 3"));
    world.bench.ear.until("dropped", |heard| heard.notices().iter().any(names)).await;
    world
        .bench
        .ear
        .until("told", |heard| {
            heard.notices().contains(&Notice::BackFilled { lines: 2_500 }) || heard.notices().len() > 1
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_there_is_no_tail_it_is_asked_again_and_again() {
    let world = world(|inner| inner.tails = [Tail::NoUpgrade].into(), |_| {}).await;
    world.push(0..10).await;
    world.run();
    world.said("Bad Request").await;
    world.push(10..2_600).await;
    let heard = world.all(2_600).await;
    assert_eq!(lost(&heard), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_many_tails_are_no_error() {
    let reason =
        "rpc error: code = Code(400) desc = max concurrent tail requests limit exceeded, count > limit (5 > 4)";
    let world = world(|inner| inner.tails = [Tail::Closes(0, reason)].into(), |_| {}).await;
    world.push(0..10).await;
    world.run();
    world.said("too many tails").await;
    world.push(10..60).await;
    world.all(60).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_never_comes_is_asked_for_in_smaller_parts() {
    let world = world(|inner| inner.hangs_over = Some(400), |_| {}).await;
    world.push(0..900).await;
    world.run();
    let heard = world.bench.ear.until("the end", |heard| heard.lines().iter().any(|line| line == "000899")).await;
    assert_eq!(lost(&heard), 0);
    assert!(world.fake.inner.lock().unwrap().asked.iter().any(|asked| asked["limit"] == "250"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_are_learnt_from_what_the_server_says() {
    let world = world(|inner| inner.refuses_over = Some(77), |_| {}).await;
    world.push(0..300).await;
    world.run();
    world.bench.ear.until("the newest", |heard| heard.lines().len() >= 77).await;
    world.push(300..900).await;
    world.bench.ear.until("new ones", |heard| heard.lines().iter().any(|line| line == "000899")).await;
    let asked = world.fake.inner.lock().unwrap().asked.clone();
    assert!(asked[1..].iter().all(|asked| asked["limit"] == "77"), "{asked:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn history_is_read_upwards_to_the_first_line_though_many_share_a_nanosecond() {
    let world = world(|_| {}, |_| {}).await;
    // 700 lines within 70 nanoseconds, some of them the same but for their labels.
    for number in 0..700 {
        let (app, text) = if number % 2 == 0 { ("api", number) } else { ("web", number - 1) };
        world.fake.push(T0 + number / 10, app, &format!("{text:06}"));
    }
    let mut cursor = None;
    let mut read: Vec<(Nanos, String, String)> = Vec::new();
    for _ in 0..200 {
        let info = StreamInfo {
            name: "loki".into(),
            kind: "loki",
            path: String::new(),
            service: None,
            host: None,
            labels: vec![],
            format: None,
            timezone: None,
        };
        let request = HistoryRequest {
            spec: Arc::clone(&world.spec),
            info,
            before: cursor.clone(),
            limit: 25,
            prefilter: Some(Prefilter::LogQl("{env=\"prod\"} |= \"0\"".into())),
        };
        let page = source("loki").unwrap().history(world.bench.context.clone(), request).await.unwrap();
        let mut now = Vec::new();
        for (info, batch) in page.parts {
            let times = batch.times.unwrap();
            assert!(times.is_sorted() && batch.history);
            let lines = String::from_utf8(batch.bytes).unwrap();
            now.extend(
                times.into_iter().zip(lines.lines()).map(|(at, line)| (at, info.labels[0].1.clone(), line.to_owned())),
            );
        }
        read.splice(0..0, now);
        cursor = page.before;
        if cursor.is_none() {
            break;
        }
    }
    assert!(cursor.is_none());
    assert!(world.fake.inner.lock().unwrap().asked.iter().all(|asked| asked["query"] == "{env=\"prod\"} |= \"0\""));
    let mut expected: Vec<_> = world
        .fake
        .inner
        .lock()
        .unwrap()
        .lines
        .iter()
        .map(|(at, app, line)| (Nanos(*at), app.clone(), line.clone()))
        .collect();
    read.sort();
    expected.sort();
    assert_eq!(read, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tenant_and_login_are_sent_and_a_refusal_is_shown() {
    let login = |loki: &mut LokiSpec| {
        loki.tenant = Some("acme".into());
        loki.auth = Some(LogAuth::Basic { user: "qd".into(), password: "env:QD_TEST_SECRET".into() });
    };
    let good = world(|inner| inner.tenant = Some("acme"), login).await;
    good.push(0..10).await;
    good.run();
    good.all(10).await;
    good.fake.tails(1).await;
    let bad = world(|inner| inner.tenant = Some("acme"), |_| {}).await;
    bad.run();
    bad.bench
        .ear
        .until("denied", |heard| {
            heard.is(|state| matches!(state, SourceState::Denied { why } if why.contains("no org id")))
        })
        .await;
    let plain = world(
        |_| {},
        |loki| {
            login(loki);
            loki.url = "http://loki.example:3100".into();
        },
    )
    .await;
    plain.run();
    let unencrypted = |state: &SourceState| matches!(state, SourceState::Denied { why } if why.contains("unencrypted"));
    plain.bench.ear.until("refused", |heard| heard.is(unencrypted)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_is_sent_and_nowhere_to_be_read() {
    let login = |loki: &mut LokiSpec| {
        loki.tenant = Some("acme".into());
        loki.auth = Some(LogAuth::Bearer { token: "env:QD_TEST_SECRET".into() });
    };
    let good = world(
        |inner| {
            inner.tenant = Some("acme");
            inner.login = Some("Bearer s3cret");
        },
        login,
    )
    .await;
    good.push(0..10).await;
    good.run();
    let heard = good.all(10).await;
    good.fake.tails(1).await;
    // Neither what is configured nor what was heard holds it.
    let said = format!("{:?} {:?} {:?}", good.spec, heard.streams, heard.events);
    assert!(said.contains("env:QD_TEST_SECRET") && !said.contains("s3cret"), "{said}");
    // A server that knows it by another is refused, and what is said of it does not name it.
    let other = world(|inner| inner.refuses = true, login).await;
    other.run();
    let heard =
        other.bench.ear.until("denied", |heard| heard.is(|state| matches!(state, SourceState::Denied { .. }))).await;
    assert!(!format!("{:?}", heard.events).contains("s3cret"), "{:?}", heard.events);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_as_a_real_server_sent_them_are_read_over_the_socket() {
    for (recorded, count) in [
        (include_str!("../../fixtures/loki/tail_history_categorized.txt"), None),
        (include_str!("../../fixtures/loki/tail_live.txt"), None),
        // The same nanosecond thrice, twice the same words, of different streams: three lines.
        (include_str!("../../fixtures/loki/tail_same_ts.txt"), Some(3)),
    ] {
        let mut sent = Vec::new();
        for frame in recorded.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()) {
            let Some(text) = frame["text"].as_str().filter(|_| frame["op"] == "text") else { continue };
            let frame: serde_json::Value = serde_json::from_str(text).unwrap();
            for stream in frame["streams"].as_array().unwrap() {
                for value in stream["values"].as_array().unwrap() {
                    sent.extend(value[1].as_str().unwrap().split('\n').map(str::to_owned));
                }
            }
        }
        assert!(count.is_none_or(|count| sent.len() == count) && !sent.is_empty(), "{sent:?}");
        let world = world(|inner| inner.tails = [Tail::Replays(recorded)].into(), |_| {}).await;
        world.run();
        let heard = world.bench.ear.until("all frames", |heard| heard.lines().len() >= sent.len()).await;
        let mut lines = heard.lines();
        lines.sort();
        sent.sort();
        assert_eq!(lines, sent);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_is_survived() {
    let world =
        world(|inner| inner.tails = [Tail::Closes(15, "all ingesters closed the connection")].into(), |_| {}).await;
    world.push(0..10).await;
    world.run();
    world.fake.tails(1).await;
    world.fake.set(|inner| inner.down = true);
    world.push(10..400).await;
    world
        .bench
        .ear
        .until("lost", |heard| {
            heard.is(|state| matches!(state, SourceState::Reconnecting { attempt, .. } if *attempt > 1))
        })
        .await;
    world.fake.set(|inner| inner.down = false);
    let heard = world.all(400).await;
    assert_eq!(lost(&heard), 1);
    world.live().await;
}
