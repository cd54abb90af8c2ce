//! A store that refuses: what a person did is taken back, and said.
use std::{sync::Arc, time::Duration};

use quarterdeck::{
    core::{
        Msg, alerts,
        id::Uid,
        inventory::{EnvKind, Environment, Host, Inventory},
        runs::{self, Actor, Plan, Step},
        screen::View,
        services::Health,
        time::Clock,
    },
    remote::{
        Remote,
        ssh::{Pool, PoolOptions},
    },
    runtime::{
        clock::SystemClock,
        engine::{Engine, Options},
    },
    store::{self, Keep, Sqlite, Store},
    tasks::Tasks,
};

/// Longest wait for an event that must come.
const HANG: Duration = Duration::from_secs(30);
/// More than the pages that the store has got hold.
const MUCH: usize = 200_000;

fn inventory() -> Inventory {
    Inventory {
        environments: vec![Environment::new("staging", EnvKind::Staging)],
        hosts: vec![Arc::new(Host {
            env: Some("staging".into()),
            address: "127.0.0.1".into(),
            port: Some(1),
            ..Host::new("stage-01")
        })],
        ..Inventory::default()
    }
}

fn plan() -> Plan {
    Plan {
        steps: vec![Step {
            host: "stage-01".into(),
            name: "restart".into(),
            command: format!("true # {}", "x".repeat(MUCH)),
            path_prefix: Vec::new(),
            timeout_ms: 60_000,
        }],
        ..Plan::new("play@staging".parse().unwrap(), "restart play", "/run/lock/qd-play")
    }
}

async fn until(engine: &mut Engine, what: &str, holds: impl Fn(&mut Engine) -> bool) {
    let waited = tokio::time::timeout(HANG, async {
        while !holds(engine) {
            drop(engine.turn().await);
        }
    });
    assert!(waited.await.is_ok(), "never came: {what}");
}

async fn refused(engine: &mut Engine, what: &str) {
    let text = format!("{what}: not saved, and so not done: no space is left for the store");
    until(engine, &text, |engine| {
        engine.state.screen.message.as_ref().is_some_and(|message| message.text.starts_with(&text))
    })
    .await;
}

#[tokio::test]
async fn nothing_stays_on_screen_that_a_full_store_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("qd.db");
    drop(Sqlite::open(&path, &store::Options::default()).unwrap());
    let options = store::Options { max_pages: Some(1), ..store::Options::default() };
    let store: Box<dyn Store> = Box::new(Sqlite::open(&path, &options).unwrap());
    let tasks = Tasks::new(tokio::runtime::Handle::current(), |panicked| println!("task panicked: {panicked:?}"));
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let pool = Pool::new(&[], tasks.clone(), Arc::clone(&clock), PoolOptions::from_env(false));
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
        logs: None,
    };
    let mut engine = Engine::new(options, Ok(store), Arc::new(pool) as Arc<dyn Remote>, Arc::clone(&clock), &tasks);
    engine.adopt(Arc::new(inventory()), Vec::new());

    let alert = Uid([1; 6]);
    let fired = alerts::AlertEvent {
        alert,
        at: clock.now().utc,
        by: "qd".into(),
        kind: alerts::AlertEventKind::Fired {
            rule: "service-down".into(),
            target: alerts::Target::Service("play@staging".parse().unwrap()),
            severity: alerts::Severity::P1,
            value: None,
            since: clock.now().utc,
            summary: "down".into(),
            muted: false,
        },
    };
    engine.handle(Msg::Alerts(alerts::Msg::EventsLoaded(vec![fired])));
    let by = "a".repeat(MUCH).as_str().into();
    engine.handle(Msg::Alerts(alerts::Msg::AcknowledgeRequested { alert, by, for_ms: 60_000, reason: None }));
    refused(&mut engine, "owning the alert").await;
    assert_eq!(engine.state.alerts.alert(alert).unwrap().owned, None);

    engine.handle(Msg::Runs(runs::Msg::WriteArmed("e".repeat(MUCH).as_str().into())));
    assert!(engine.state.runs.armed.left(clock.now()).is_some());
    refused(&mut engine, "arming write").await;
    assert_eq!(engine.state.runs.armed.left(clock.now()), None);

    engine.state.runs.planning = Some((plan().service, runs::Wanted::Restart));
    let planned = runs::Msg::Planned {
        run: Uid([2; 6]),
        plan: plan().into(),
        incident: None,
        before: Health::Down,
        urgent: false,
    };
    engine.handle(Msg::Runs(planned));
    assert!(engine.state.runs.review.is_some());
    until(&mut engine, "the review's end", |engine| {
        engine.handle(Msg::Runs(runs::Msg::Confirmed));
        engine.state.runs.review.is_none()
    })
    .await;
    assert_eq!(engine.state.screen.view, View::Run(Uid([2; 6])));
    refused(&mut engine, "starting the run").await;
    assert_eq!(engine.state.runs.runs.len(), 0);
    assert_ne!(engine.state.screen.view, View::Run(Uid([2; 6])), "there is no page of what is not");
    engine.stop();
    tasks.cancel();
}
