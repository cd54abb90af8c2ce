//! A configuration that is read again: what is new has its history at once, what stays keeps it.
use std::{path::Path, sync::Arc, time::Duration};

use quarterdeck::{
    config,
    core::{
        Msg,
        action::Action,
        id::ServiceId,
        inventory::{CheckSpec, Inventory, Params, Service},
        logs::{LogPlace, LogSpec},
        record::{Bucket, Row},
        runs::Actor,
        services::{Split, days::Day},
        time::{Clock, DAY, HOUR, Timestamp},
    },
    remote::{
        Remote,
        ssh::{Pool, PoolOptions},
    },
    runtime::{
        clock::SystemClock,
        engine::{Engine, LogOptions, Options},
        logs::Rules,
    },
    store::{self, Keep, Lease, Owner, Sqlite, Store},
    tasks::Tasks,
};

/// Longest wait for an event that must come.
const HANG: Duration = Duration::from_secs(30);

fn service(id: &str) -> Arc<Service> {
    let check = CheckSpec {
        id: format!("{id}/port").parse().unwrap(),
        kind: "tcp".into(),
        every_ms: 3_600_000,
        timeout_ms: 1_000,
        fail_after: 3,
        slow_ms: None,
        on: None,
        params: Params::from_iter([("address".to_owned(), "127.0.0.1:1".into())]),
    };
    Arc::new(Service { checks: vec![Arc::new(check)], ..Service::new(id.parse().unwrap()) })
}

/// Three days of UTC before today, hour by hour: up but for the last six hours of each day.
fn fill(store: &mut Sqlite, service: &ServiceId, today: Timestamp, clock: &dyn Clock) {
    let owner = Owner { uid: quarterdeck::core::id::Uid([7; 6]), label: "before".into() };
    let Lease::Mine { epoch } = store.lease(&owner, clock.now(), 6_000).unwrap() else { panic!("somebody records") };
    let bucket = |start, length_ms, split| {
        Row::Bucket(Bucket { service: service.clone(), start, length_ms, split, source: Bucket::OWN.to_owned() })
    };
    let mut rows = Vec::new();
    for day in 1..=3 {
        let start = today - day * DAY;
        for hour in 0..24 {
            let (up, down) = if hour < 18 { (HOUR, 0) } else { (0, HOUR) };
            rows.push(bucket(start + hour * HOUR, HOUR, Split { up_ms: up, down_ms: down, ..Split::default() }));
        }
        rows.push(bucket(start, DAY, Split { up_ms: 18 * HOUR, down_ms: 6 * HOUR, ..Split::default() }));
    }
    store.commit(&rows, Some(epoch)).unwrap();
    store.release(&owner).unwrap();
}

fn engine(path: &Path, clock: &Arc<dyn Clock>, tasks: &Tasks) -> Engine {
    engine_of(path, clock, tasks, None)
}

fn engine_of(path: &Path, clock: &Arc<dyn Clock>, tasks: &Tasks, logs: Option<LogOptions>) -> Engine {
    let pool = Pool::new(&[], tasks.clone(), Arc::clone(clock), PoolOptions::from_env(false));
    let store: Box<dyn Store> = Box::new(Sqlite::open(path, &store::Options::default()).unwrap());
    let options = Options {
        actor: Actor { by: "ana".into(), from: "test".into() },
        label: "test".into(),
        keep: Keep::default(),
        may_record: true,
        unattended: false,
        sample_every_ms: 2_000,
        drafts: None,
        replay: None,
        redact: None,
        logs,
    };
    Engine::new(options, Ok(store), Arc::new(pool) as Arc<dyn Remote>, Arc::clone(clock), tasks)
}

async fn until(engine: &mut Engine, what: &str, holds: impl Fn(&Engine) -> bool) {
    let waited = tokio::time::timeout(HANG, async {
        while !holds(engine) {
            drop(engine.turn().await);
        }
    });
    assert!(waited.await.is_ok(), "never came: {what}");
}

/// Returns how a day divides: counted back from today.
fn day(engine: &Engine, service: &ServiceId, back: usize) -> Option<Day> {
    let days = &engine.state.services.service(service)?.days;
    days.get(days.len().checked_sub(back + 1)?).copied()
}

#[tokio::test]
async fn a_new_service_and_another_zone_have_their_history_after_a_reload() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("qd.db");
    let tasks = Tasks::new(tokio::runtime::Handle::current(), |panicked| println!("task panicked: {panicked:?}"));
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let today = clock.now().utc;
    let today = today - today.0.rem_euclid(DAY);
    let (old, new): (ServiceId, ServiceId) = ("play@prod".parse().unwrap(), "billing@prod".parse().unwrap());
    {
        let mut store = Sqlite::open(&path, &store::Options::default()).unwrap();
        fill(&mut store, &old, today, clock.as_ref());
        fill(&mut store, &new, today, clock.as_ref());
    }
    let mut engine = engine(&path, &clock, &tasks);
    // Nobody has looked at a log yet, and what is kept as evidence is redacted all the same.
    let masked = engine.state.logs.masked("login with password=hunter2-and-more");
    assert!(masked.contains("[redacted:") && !masked.contains("hunter2"), "{masked}");
    let mut inventory = Inventory { services: vec![service("play@prod")], ..Inventory::default() };
    engine.adopt(Arc::new(inventory.clone()), Vec::new());
    let down = |engine: &Engine, of: &ServiceId, back| day(engine, of, back).map(|day| day.split.down_ms / HOUR);
    until(&mut engine, "the first service's days", |engine| down(engine, &old, 1) == Some(6)).await;

    inventory.services.push(service("billing@prod"));
    engine.adopt(Arc::new(inventory.clone()), Vec::new());
    until(&mut engine, "the new service's days", |engine| down(engine, &new, 3) == Some(6)).await;
    assert_eq!(down(&engine, &old, 1), Some(6), "what stays keeps its history");

    // Nine hours ahead: the six hours before midnight of UTC are the next day's there.
    inventory.display.timezone = chrono_tz::Asia::Tokyo;
    engine.adopt(Arc::new(inventory.clone()), Vec::new());
    let local_today = (clock.now().utc - today.0).0 / HOUR >= 15;
    let back = if local_today { 3 } else { 2 };
    // A day there: fifteen hours of one day of UTC, then nine of the one before it, of which six were down.
    until(&mut engine, "days of the other zone", |engine| {
        [&old, &new].iter().all(|of| {
            let split = day(engine, of, back).map(|day| day.split);
            split.is_some_and(|split| (split.up_ms, split.down_ms) == (18 * HOUR, 6 * HOUR))
        })
    })
    .await;
    // And back again: the stored days count, whatever was made of hours in between.
    inventory.display.timezone = chrono_tz::UTC;
    engine.adopt(Arc::new(inventory), Vec::new());
    until(&mut engine, "days of the first zone", |engine| {
        [&old, &new].iter().all(|of| (1..=3).all(|back| down(engine, of, back) == Some(6)))
    })
    .await;
    engine.stop();
    tasks.cancel();
}

#[tokio::test]
async fn logs_are_shown_by_the_rules_that_were_read_again() {
    let dir = tempfile::tempdir().unwrap();
    let (path, log) = (dir.path().join("qd.db"), dir.path().join("app.log"));
    std::fs::write(&log, "2026-11-21T03:12:01Z ERROR order 81723 of claro failed\n").unwrap();
    let tasks = Tasks::new(tokio::runtime::Handle::current(), |panicked| println!("task panicked: {panicked:?}"));
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let rules = |redact: &str, formats: &str| {
        let (redact_at, formats_at) = (dir.path().join("redact.toml"), dir.path().join("formats"));
        std::fs::write(&redact_at, redact).unwrap();
        std::fs::create_dir_all(&formats_at).unwrap();
        std::fs::write(formats_at.join("orders.toml"), formats).unwrap();
        let (formats, problems) = config::formats::load(Some(&formats_at));
        assert_eq!(problems, []);
        let (redact, problems) = config::redact::load(Some(&redact_at));
        assert_eq!(problems, []);
        Rules { formats, derived: Arc::default(), redact: Arc::new(redact) }
    };
    let orders = |of: &str| {
        format!(
            "words = \"x\"\nkind = \"regex\"\nregex = '^(?<time>\\S+) (?<level>\\w+) order (?<id>\\d+) of (?<{of}>\\w+)'\n[time]\nfrom = [\"time\"]\n"
        )
    };
    let logs = LogOptions {
        rules: rules("", &orders("first")),
        limit: 8 << 20,
        sessions: None,
        env: config::Env::new("/nonexistent", []),
    };
    let mut engine = engine_of(&path, &clock, &tasks, Some(logs));
    let place = LogPlace::File { path: log.display().to_string(), rotated: None };
    let spec = LogSpec {
        name: "app".into(),
        env: None,
        service: None,
        hosts: vec![],
        format: Some("orders".into()),
        timezone: None,
        place,
    };
    engine.adopt(Arc::new(Inventory { logs: vec![Arc::new(spec)], ..Inventory::default() }), Vec::new());
    engine.handle(Msg::Acted(Action::GoLogs));
    engine.read_logs();
    let seen = |engine: &Engine| {
        let shown = engine.state.logs.shown.clone()?;
        let record = shown.matches.last()?;
        let format = Arc::clone(&shown.snapshot.source(record.segment.source(record.index))?.format);
        let text = String::from_utf8_lossy(&shown.redacted(&record.with_bytes(<[u8]>::to_vec))).into_owned();
        Some((text, format.fields().iter().any(|field| field.name == "partner")))
    };
    let is = |engine: &Engine, part: &str, partner: bool| {
        seen(engine).is_some_and(|(text, has)| text.contains(part) && has == partner)
    };
    until(&mut engine, "the line", |engine| is(engine, "order 81723", false)).await;
    let hide = "[rules.orders]\nnear = [\"claro\"]\nregex = 'order (\\d+) of claro'\n";
    engine.log_rules(rules(hide, &orders("partner")));
    until(&mut engine, "the line by other rules", |engine| is(engine, "order [redacted:orders]", true)).await;
    engine.stop();
    tasks.cancel();
}
