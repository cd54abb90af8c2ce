//! The outbox, from an incident to its ticket.
mod at_once;
mod faults;
mod jira;
mod kills;
mod long;
mod mail;
mod mail_nights;
mod markdown;
mod nights;
mod notices;
mod pages;
mod probes;
mod sim;
mod vendors;
mod waits;
mod wires;

use std::{path::Path, sync::Arc, time::Duration};

use quarterdeck::{
    core::{
        id::Uid,
        incidents::{IncidentEvent, IncidentEventKind},
        inventory::Inventory,
        outbox::{self, Send, TrackerSpec},
        record::Row,
        runs::Actor,
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
use serde_json::Value;

/// Longest wait for an event that must come.
const HANG: Duration = Duration::from_secs(30);

/// The incident.
const INCIDENT: Uid = Uid([7; 6]);

fn spec(name: &str, kind: &str, params: Value) -> Arc<TrackerSpec> {
    let Value::Object(params) = params else { panic!("{params}") };
    Arc::new(TrackerSpec {
        name: name.into(),
        kind: kind.into(),
        send: Send::DEFAULT.into(),
        severities: std::collections::BTreeSet::new(),
        link: Some("https://wiki.example.com/{incident}".into()),
        window_ms: 15_000,
        params,
    })
}

/// A console on a store of its own or of others.
fn console(store: &Path, trackers: &[Arc<TrackerSpec>]) -> (Engine, Tasks) {
    let store = Box::new(Sqlite::open(store, &store::Options::default()).unwrap());
    console_on(store, Arc::new(SystemClock::new()), trackers)
}

/// A console on a store that somebody opened, by somebody's clock.
pub(crate) fn console_on(
    store: Box<dyn Store>,
    clock: Arc<dyn Clock>,
    trackers: &[Arc<TrackerSpec>],
) -> (Engine, Tasks) {
    console_of("ana", store, clock, Inventory { trackers: trackers.to_vec(), ..Inventory::default() })
}

/// Somebody's console.
fn console_of(by: &str, store: Box<dyn Store>, clock: Arc<dyn Clock>, inventory: Inventory) -> (Engine, Tasks) {
    let tasks = Tasks::new(tokio::runtime::Handle::current(), |panicked| println!("task panicked: {panicked:?}"));
    let pool = Pool::new(&[], tasks.clone(), Arc::clone(&clock), PoolOptions::from_env(false));
    let options = Options {
        actor: Actor { by: by.into(), from: "test".into() },
        label: by.to_owned(),
        keep: Keep::default(),
        may_record: true,
        unattended: false,
        sample_every_ms: 2_000,
        drafts: None,
        replay: None,
        redact: None,
        logs: None,
    };
    let mut engine = Engine::new(options, Ok(store), Arc::new(pool) as Arc<dyn Remote>, clock, &tasks);
    engine.adopt(Arc::new(inventory), Vec::new());
    (engine, tasks)
}

/// Writes an event of the incident with all that follows from it, as any console on the store does.
fn say(engine: &mut Engine, store: &Path, kind: IncidentEventKind) {
    say_on(engine, &mut Sqlite::open(store, &store::Options::default()).unwrap(), kind);
}

/// Writes an event of the incident with all that follows from it to a store.
fn say_on(engine: &Engine, store: &mut dyn Store, kind: IncidentEventKind) {
    let at = SystemClock::new().now().utc;
    let mut rows = vec![Row::Incident(IncidentEvent { incident: INCIDENT, at, by: "ana".into(), kind })];
    let state = &engine.state;
    let more = outbox::for_rows(&rows, &state.inventory.trackers, &state.incidents, &state.outbox);
    assert!(!more.is_empty());
    rows.extend(more);
    store.commit(&rows, None).unwrap();
}

pub(crate) async fn until(engine: &mut Engine, what: &str, mut holds: impl FnMut(&mut Engine) -> bool) {
    let waited = tokio::time::timeout(HANG, async {
        while !holds(engine) {
            drop(engine.turn().await);
        }
    });
    assert!(waited.await.is_ok(), "never came: {what}: {:#?}", engine.state.outbox);
}
