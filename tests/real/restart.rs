//! The whole way, on real OpenSSH, Nginx and PM2: a process dies and stays down, the engine sees it, fires the alert,
//! opens the incident, restarts it through the gate, sees it up again, and the timeline has every step.
use std::{path::Path, sync::Arc, time::Duration};

use quarterdeck::{
    checks, config,
    config::{Catalog, Env},
    core::{
        Msg,
        id::ServiceId,
        incidents::Incident,
        runs::{self, Actor, RunOutcome, Verdict},
        services::Health,
    },
    recipes,
    remote::{
        Remote,
        ssh::{Pool, PoolOptions},
    },
    runtime::engine::{Engine, Options},
    store::{self, Keep, Sqlite, Store},
};

use crate::support::{clock, servers::Play, tasks};

/// Longest wait for any one step; none should take nearly as long.
const HANG: Duration = Duration::from_secs(120);

async fn until(engine: &mut Engine, what: &str, holds: impl Fn(&Engine) -> bool) {
    let waited = tokio::time::timeout(HANG, async {
        while !holds(engine) {
            drop(engine.turn().await);
        }
    });
    let done = waited.await.is_ok();
    assert!(done, "{what}: {:?}", engine.state.screen.messages.iter().map(|said| &said.text).collect::<Vec<_>>());
}

fn incident(engine: &Engine) -> Option<&Incident> {
    engine.state.incidents.incidents.values().next()
}

fn say(engine: &mut Engine, msg: runs::Msg) {
    engine.handle(Msg::Runs(msg));
}

#[tokio::test]
async fn a_dead_process_becomes_an_incident_and_is_restarted_through_the_gate_with_proof() {
    let Some(play) = Play::start().await else { return };
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("qd.db");
    let (checks, recipes) = (checks::kinds(), recipes::kinds());
    let catalog = Catalog { checks: &checks, recipes: &recipes, trackers: &[], notifiers: &[], metrics: &[] };
    let env = Env::new(dir.path(), []);
    let loaded = config::load_text(Path::new("qd.toml"), &play.config(&path), &catalog, &env);
    assert!(!loaded.has_errors(), "{}", config::check_text(&loaded.problems));

    let (tasks, clock) = (tasks(), clock());
    let options = PoolOptions {
        known_hosts: Some(vec![play.sshd.known_hosts(play.sshd.port)]),
        agent: None,
        ssh: None,
        ..PoolOptions::from_env(false)
    };
    let pool = Arc::new(Pool::new(&loaded.inventory.hosts, tasks.clone(), Arc::clone(&clock), options));
    let store: Box<dyn Store> = Box::new(Sqlite::open(&path, &store::Options::default()).unwrap());
    let options = Options {
        actor: Actor { by: "ana".into(), from: "test".into() },
        label: "test".into(),
        keep: Keep::default(),
        may_record: true,
        unattended: true,
        sample_every_ms: 1_000,
        drafts: None,
        replay: None,
        redact: None,
        logs: None,
    };
    let mut engine = Engine::new(options, Ok(store), pool as Arc<dyn Remote>, Arc::clone(&clock), &tasks);
    engine.adopt(Arc::new(loaded.inventory), Vec::new());
    let id: ServiceId = "play@prod".parse().unwrap();
    let health = |engine: &Engine| engine.state.services.service(&id).map(|service| service.health);
    until(&mut engine, "up", |engine| health(engine) == Some(Health::Up)).await;
    until(&mut engine, "PM2's list", |engine| {
        engine.state.hosts.host(&"web-01".into()).is_some_and(|host| host.last_pm2().is_some_and(|list| list.daemon))
    })
    .await;

    play.pm2.kill_app();
    let killed = clock.now();
    until(&mut engine, "down", |engine| health(engine) == Some(Health::Down)).await;
    println!("down is seen {} ms after the kill", clock.now().mono.since(killed.mono));
    until(&mut engine, "an alert", |engine| {
        engine.state.alerts.firing().any(|alert| alert.rule.as_str().contains("down"))
    })
    .await;
    until(&mut engine, "an incident", |engine| incident(engine).is_some()).await;

    // The gate: nothing runs before write is armed, the name is typed and a reason is given.
    say(&mut engine, runs::Msg::Asked { service: id.clone(), wanted: runs::Wanted::Restart });
    until(&mut engine, "a review", |engine| engine.state.runs.review.is_some()).await;
    let opened = clock.now().mono;
    until(&mut engine, "the type-ahead guard", |_| clock.now().mono.since(opened) > runs::TYPE_AHEAD_MS).await;
    say(&mut engine, runs::Msg::Confirmed);
    assert!(
        engine.state.runs.review.as_ref().unwrap().refused.as_ref().unwrap().contains("write is not armed for prod")
    );
    say(&mut engine, runs::Msg::WriteArmed("prod".into()));
    say(&mut engine, runs::Msg::NameTyped("play".into()));
    say(&mut engine, runs::Msg::ReasonTyped("it is down".into()));
    say(&mut engine, runs::Msg::Confirmed);
    until(&mut engine, "the run's end", |engine| engine.state.runs.runs.values().any(|run| run.outcome.is_some()))
        .await;
    let outcome = |engine: &Engine| engine.state.runs.runs.values().next().unwrap().outcome.unwrap().0;
    assert_eq!(outcome(&engine), RunOutcome::Succeeded);
    until(&mut engine, "proof", |engine| engine.state.runs.runs.values().any(|run| run.proof.is_some())).await;
    let (verdict, summary) = engine.state.runs.runs.values().next().unwrap().proof.clone().unwrap();
    assert_eq!(verdict, Verdict::Recovered, "{summary}");
    assert_eq!(play.status().await, Some(200));
    until(&mut engine, "the incident's end", |engine| incident(engine).is_some_and(|i| i.resolved.is_some())).await;
    println!("up again and resolved {} ms after the kill", clock.now().mono.since(killed.mono));

    let found = incident(&engine).unwrap();
    let mut steps: Vec<&str> = found.timeline.values().map(|event| event.kind.word()).collect();
    steps.sort_unstable();
    steps.dedup();
    assert_eq!(steps, ["action", "detected", "opened", "resolved", "result"]);
    assert!(found.by_time().iter().all(|(_, event)| event.at >= killed.utc - 2_000), "every step has its time");
    engine.stop();
    tasks.cancel();
}
