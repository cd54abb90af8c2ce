//! An incident that is played back: the same screens, and nothing that reaches the present.
use std::{collections::BTreeMap, path::Path, sync::Arc};

use quarterdeck::{
    core::{
        Effect, Msg,
        action::{ACTIONS, Action, Danger},
        alerts::Severity,
        id::Uid,
        incidents::{IncidentEvent, IncidentEventKind},
        inventory::Inventory,
        record::Row,
        replay::{ReplayAction, Turn},
        runs::Actor,
        screen::Draft,
        time::{MINUTE, Timestamp},
        update,
    },
    remote::{
        Remote,
        ssh::{Pool, PoolOptions},
    },
    runtime::{
        clock::SystemClock,
        engine::{self, Engine},
        replay::{Past, Recording},
    },
    store::{IfMissing, Keep, Options, Since, Sqlite, Store as _, StoreError},
    tasks::Tasks,
};

use crate::{night::Night, papers};

#[test]
fn no_action_of_a_replay_reaches_the_present() {
    for mut night in [papers::replay(), papers::night(), papers::handover(), Night::new().run()] {
        night.state.screen.replay = Some(papers::standing(&papers::replay()));
        for entry in ACTIONS {
            let mut console = night.clone();
            let (runs, alerts) = (console.state.runs.clone(), console.state.alerts.clone());
            let effects = update(&mut console.state, Msg::Acted(entry.action), console.now);
            assert!(effects.iter().all(Effect::stays_here), "{}: {effects:?}", entry.id);
            if entry.danger != Danger::None {
                assert!(console.state.runs == runs && console.state.alerts == alerts, "{} did something", entry.id);
                assert!(console.state.screen.overlay.is_none(), "{} opens a box", entry.id);
                assert!(console.state.screen.message.is_some(), "{} is silent", entry.id);
            }
        }
    }
}

#[test]
fn its_keys_act_in_a_replay_alone() {
    let pause = Action::Replay(ReplayAction::Pause);
    let mut night = Night::new();
    assert!(update(&mut night.state, Msg::Acted(pause), night.now).is_empty());
    assert!(night.state.screen.message.as_ref().is_some_and(|said| said.text.contains("qd replay")));
    let mut night = papers::replay();
    let effects = update(&mut night.state, Msg::Acted(pause), night.now);
    assert!(matches!(effects.as_slice(), [Effect::Replay(Turn::Pause)]), "{effects:?}");
}

#[test]
fn a_moment_is_typed_and_what_is_wrong_with_it_is_said() {
    let mut night = papers::seeking();
    let effects = update(&mut night.state, Msg::Acted(Action::Confirm), night.now);
    assert!(matches!(effects.as_slice(), [Effect::Replay(Turn::To(at))] if *at == night.now.utc + 10 * MINUTE));
    let mut night = papers::seeking();
    night.types(Draft::Note, "+9h");
    assert!(update(&mut night.state, Msg::Acted(Action::Confirm), night.now).is_empty());
    assert!(night.state.screen.overlay.is_some(), "it can be mended");
    assert!(night.state.screen.message.as_ref().is_some_and(|said| said.text.contains("beyond what is played back")));
}

/// What stands in a folder, byte for byte. What goes away while it is read is not there.
fn bytes(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let all = std::fs::read_dir(folder).unwrap().map(Result::unwrap);
    let read = |file: std::fs::DirEntry| match std::fs::read(file.path()) {
        Ok(bytes) => Some((file.file_name().into_string().unwrap(), bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => panic!("{error}"),
    };
    all.filter_map(read).collect()
}

/// An hour of an incident, as consoles committed it.
fn recorded(store: &mut Sqlite) {
    let event = |minute: i64, kind| {
        Row::Incident(IncidentEvent { incident: Uid([7; 6]), at: Timestamp(minute * MINUTE), by: "ana".into(), kind })
    };
    let opened = IncidentEventKind::Opened { title: "play is down".into(), severity: Severity::P1, service: None };
    let note = |text: &str| IncidentEventKind::Note { text: text.into() };
    let resolved = IncidentEventKind::Resolved { summary: "all checks are up".into() };
    for (minute, kind) in
        [(10, opened), (12, IncidentEventKind::Acknowledged), (20, note("first")), (30, note("second")), (60, resolved)]
    {
        store.commit(&[event(minute, kind)], None).unwrap();
    }
}

/// Turns the loop until something holds.
async fn until(engine: &mut Engine, what: &str, holds: impl Fn(&Engine) -> bool) {
    let wait = async {
        while !holds(engine) {
            drop(engine.turn().await);
        }
    };
    let ended = tokio::time::timeout(std::time::Duration::from_secs(60), wait).await;
    assert!(ended.is_ok(), "{what}");
}

fn notes(engine: &Engine) -> usize {
    engine.state.incidents.incidents.values().next().map_or(0, |of| of.timeline.len())
}

#[tokio::test(flavor = "multi_thread")]
async fn it_goes_forth_and_back_and_not_a_byte_of_the_store_changes() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("qd.db");
    recorded(&mut Sqlite::open(&path, &Options::default()).unwrap());
    let before = bytes(dir.path());
    assert_eq!(before.keys().collect::<Vec<_>>(), ["qd.db"]);
    let tasks = Tasks::new(tokio::runtime::Handle::current(), |_| {});
    let options = Options { if_missing: IfMissing::Fail, only_read: true, ..Options::default() };
    let mut store = Sqlite::open(&path, &options).unwrap();
    let everything = Since { events: Timestamp(i64::MIN), results: Timestamp(0) };
    let open = store.open_state(everything).unwrap();
    let refused = store.commit(&[Row::Incident(open.incidents.first().unwrap().event.clone())], None);
    assert!(matches!(refused, Err(StoreError::ReadOnly { .. } | StoreError::Io { .. } | StoreError::Internal { .. })));
    let number = open.incidents.first().unwrap().number;
    let past = Arc::new(Past::new(Arc::new(SystemClock::new()), number, &open.incidents, 1));
    let recording = Recording::new(store, Arc::clone(&past), open, &[]).unwrap();
    let clock: Arc<dyn quarterdeck::core::time::Clock> = Arc::clone(&past) as Arc<_>;
    let pool = Arc::new(Pool::new(&[], tasks.clone(), Arc::clone(&clock), PoolOptions::from_env(false)));
    let options = engine::Options {
        actor: Actor { by: "ana".into(), from: "test".into() },
        label: "test".into(),
        keep: Keep::default(),
        may_record: false,
        unattended: false,
        sample_every_ms: 2_000,
        logs: None,
        drafts: None,
        replay: Some(Arc::clone(&past)),
        redact: None,
    };
    let mut engine = Engine::new(options, Ok(Box::new(recording)), pool as Arc<dyn Remote>, clock, &tasks);
    engine.adopt(Arc::new(Inventory::default()), Vec::new());
    engine.handle(Msg::Acted(Action::Replay(ReplayAction::Pause)));
    until(&mut engine, "what was stored is read", |engine| engine.state.is_loaded()).await;
    assert!(engine.state.incidents.incidents.is_empty(), "it did not exist yet");
    let mut seen = Vec::new();
    for entry in 1..=5 {
        engine.handle(Msg::Acted(Action::Replay(ReplayAction::Next)));
        until(&mut engine, "the next entry", |engine| notes(engine) == entry).await;
        seen.push(engine.state.screen.replay.unwrap().entry);
    }
    assert_eq!(seen, [1, 2, 3, 4, 5]);
    assert!(engine.state.incidents.incidents.values().all(|of| !of.is_open()));
    let said: Vec<&str> = engine.state.screen.messages.iter().map(|said| said.text.as_str()).collect();
    assert!(said.iter().any(|said| said.contains("all that is recorded")), "{said:?}");
    for entry in (0..5).rev() {
        engine.handle(Msg::Acted(Action::Replay(ReplayAction::Previous)));
        until(&mut engine, "the entry before", |engine| notes(engine) == entry).await;
    }
    engine.handle(Msg::Acted(Action::GoIncidents));
    engine.handle(Msg::Acted(Action::Replay(ReplayAction::Seek)));
    engine.handle(Msg::Drafted { draft: Draft::Note, text: "00:25".into() });
    engine.handle(Msg::Acted(Action::Confirm));
    until(&mut engine, "the moment that was typed", |engine| notes(engine) == 3).await;
    assert!(engine.state.incidents.incidents.values().all(|of| of.is_open() && of.owner.is_some()));
    engine.handle(Msg::Acted(Action::AddNote));
    assert!(engine.state.screen.overlay.is_none());
    engine.stop();
    drop(engine);
    tasks.cancel();
    let closed = async {
        while bytes(dir.path()) != before {
            tokio::task::yield_now().await;
        }
    };
    let ended = tokio::time::timeout(std::time::Duration::from_secs(60), closed).await;
    assert!(ended.is_ok(), "another folder than before: {:?}", bytes(dir.path()).keys());
}
