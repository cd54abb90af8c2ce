//! A run outlives the console that started it: the next console follows it to its end and writes down how it went.
use std::{path::Path, sync::Arc};

use quarterdeck::{
    core::{
        Msg,
        id::{HostName, ServiceId, Uid},
        inventory::Inventory,
        record::{Recorder, Row},
        runs::{self, Plan, RunEventKind, RunOutcome, Step},
        services::Health,
        time::{Clock, Timestamp},
    },
    remote::{
        detached::{self, Terms},
        ssh::{Pool, PoolOptions},
    },
    runtime::engine::Engine,
    store::{self, Since, Sqlite, Store as _},
    tasks::Tasks,
};

use crate::{
    support::{
        HANG, clock, eventually,
        servers::free_port,
        sshd::{self, Sshd},
        tasks,
    },
    two_consoles::{console, inventory, settings},
};

const RUN: Uid = Uid([0, 0, 0, 0, 0x77, 0x01]);
const ROLE: &str = "QD_TEST_REATTACH";

fn config(store: &Path, port: u16, user: &str, identity: &Path) -> Inventory {
    let host = format!(
        "\n[[host]]\nname = \"web-01\"\nenv = \"prod\"\naddress = \"127.0.0.1\"\nport = {port}\nuser = \"{user}\"\nidentity = \
         {:?}\n",
        identity.display().to_string()
    );
    inventory(&(settings(store, free_port()) + &host))
}

fn ssh(known_hosts: &Path) -> PoolOptions {
    PoolOptions {
        known_hosts: Some(vec![known_hosts.to_owned()]),
        agent: None,
        ssh: None,
        ..PoolOptions::from_env(false)
    }
}

/// One step that says something, waits for a file, and ends with 0.
fn plan(folder: &Path) -> Plan {
    let host: HostName = "web-01".into();
    let gate = folder.join("gate");
    let count = folder.join("count");
    let command = format!(
        "echo once >>{}; echo begun; until [ -e {} ]; do sleep 0.05; done; echo over",
        count.display(),
        gate.display()
    );
    let step = Step { host, name: "restart".into(), command, path_prefix: Vec::new(), timeout_ms: 60_000 };
    let lock = folder.join("lock").display().to_string();
    Plan { steps: vec![step], ..Plan::new("play@prod".parse().unwrap(), "restart play", lock) }
}

async fn until(engine: &mut Engine, what: &str, holds: impl Fn(&Engine) -> bool) {
    let waited = tokio::time::timeout(HANG, async {
        while !holds(engine) {
            drop(engine.turn().await);
        }
    });
    assert!(waited.await.is_ok(), "never came: {what}");
}

/// Confirms the plan through the gate, as a person does.
async fn confirm(engine: &mut Engine, folder: &Path, clock: &Arc<dyn Clock>) {
    let service: ServiceId = "play@prod".parse().unwrap();
    until(engine, "a recorder", |engine| matches!(engine.state.recorder, Recorder::Me { .. })).await;
    until(engine, "a result", |engine| engine.state.services.count(Health::Down) == 1).await;
    engine.state.runs.planning = Some((service, runs::Wanted::Restart));
    let planned = runs::Msg::Planned {
        run: RUN,
        plan: plan(folder).into(),
        incident: None,
        before: Health::Unknown,
        urgent: false,
    };
    engine.handle(Msg::Runs(planned));
    let opened = clock.now().mono;
    until(engine, "the type-ahead guard", |_| clock.now().mono.since(opened) > runs::TYPE_AHEAD_MS).await;
    for msg in [
        runs::Msg::WriteArmed("prod".into()),
        runs::Msg::NameTyped("play".into()),
        runs::Msg::ReasonTyped("it is down".into()),
        runs::Msg::Confirmed,
    ] {
        engine.handle(Msg::Runs(msg));
    }
}

/// What `a_run_of_a_killed_console_…` kills; by itself it does nothing.
#[tokio::test]
async fn a_console_to_be_killed_mid_run() {
    let Ok(text) = std::env::var(ROLE) else { return };
    let mut words = text.lines();
    let (folder, port, user) = (words.next().unwrap(), words.next().unwrap(), words.next().unwrap());
    let folder = Path::new(folder);
    let (clock, tasks) = (clock(), tasks());
    let store = folder.join("qd.db");
    let inventory = config(&store, port.parse().unwrap(), user, &folder.join("id"));
    let mut engine = console("ana", &store, &inventory, ssh(&folder.join("known")), &clock, &tasks);
    confirm(&mut engine, folder, &clock).await;
    loop {
        drop(engine.turn().await);
    }
}

/// Returns what the store holds of the run.
fn told(store: &Path) -> Vec<RunEventKind> {
    let mut store = Sqlite::open(store, &store::Options::default()).unwrap();
    let state = store.open_state(Since { events: Timestamp(0), results: Timestamp(0) }).unwrap();
    state.runs.into_iter().map(|(_, event)| event.kind).collect()
}

#[tokio::test]
async fn a_run_of_a_killed_console_is_followed_to_its_end_by_the_next_ones() {
    let sshd = Sshd::start().await;
    let folder = sshd.dir.path().to_owned();
    let (store, known) = (folder.join("qd.db"), folder.join("known"));
    std::fs::copy(sshd.known_hosts(sshd.port), &known).unwrap();
    let mut first = tokio::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "reattach::a_console_to_be_killed_mid_run", "--nocapture"])
        .env(ROLE, format!("{}\n{}\n{}\n", folder.display(), sshd.port, sshd.user))
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let out = sshd.home().join(".quarterdeck/runs").join(RUN.to_string()).join("out.0");
    eventually("the run writes", async || std::fs::read_to_string(&out).is_ok_and(|text| text.contains("begun"))).await;
    sshd::signal(first.id().unwrap(), "KILL");
    first.wait().await.unwrap();

    // Two consoles of the same person start on the store while it runs: both follow, and one end is written.
    let (clock, tasks) = (clock(), tasks());
    let inventory = config(&store, sshd.port, &sshd.user, &sshd.identity());
    let open = |tasks: &Tasks| console("ana", &store, &inventory, ssh(&known), &clock, tasks);
    let (mut one, mut two) = (open(&tasks), open(&tasks));
    let begun = |engine: &Engine| {
        engine.state.runs.runs.get(&RUN).is_some_and(|run| run.output.iter().any(|line| line.text == "begun"))
    };
    until(&mut one, "the output so far", begun).await;
    until(&mut two, "the output so far, in the other", begun).await;
    assert_eq!(one.state.runs.unfinished().count(), 1);
    std::fs::write(folder.join("gate"), "").unwrap();
    let ended = |engine: &Engine| engine.state.runs.runs.get(&RUN).and_then(|run| run.outcome);
    until(&mut one, "the end", |engine| ended(engine).is_some()).await;
    until(&mut two, "the end, in the other", |engine| ended(engine).is_some()).await;
    assert_eq!(ended(&one).unwrap().0, RunOutcome::Succeeded);
    eventually("the end is written", async || {
        told(&store).iter().any(|kind| matches!(kind, RunEventKind::Ended { .. }))
    })
    .await;
    // The other's share of the telling is in the store's queue; the next change shows that it was handled.
    one.stop();
    two.stop();
    let mut third = open(&tasks);
    until(&mut third, "a recorder", |engine| matches!(engine.state.recorder, Recorder::Me { .. })).await;
    let kinds: Vec<&str> = told(&store)
        .iter()
        // How often that is said depends on how long it takes.
        .filter(|kind| !matches!(kind, RunEventKind::Attended { .. }))
        .map(|kind| match kind {
            RunEventKind::Confirmed { before, .. } => {
                assert_eq!(*before, Health::Down, "kept for the proof, whoever gives it");
                "confirmed"
            }
            RunEventKind::Measured { .. } => "measured",
            RunEventKind::Approved { .. } => "approved",
            RunEventKind::Coordinated { .. } | RunEventKind::Attended { .. } => "coordinated",
            RunEventKind::Left { .. } => "left",
            RunEventKind::HostStarted { .. } => "host",
            RunEventKind::Staged { .. } => "staged",
            RunEventKind::GatePassed { .. } | RunEventKind::GateFailed { .. } => "gate",
            RunEventKind::Stopped { .. } => "stopped",
            RunEventKind::StepStarted { .. } => "started",
            RunEventKind::StepEnded { .. } => "ended",
            RunEventKind::Ended { .. } => "over",
            RunEventKind::Proved { .. } => "proved",
            RunEventKind::PipelineHeld(_) => "held",
            RunEventKind::Settled(_) => "settled",
        })
        .collect();
    assert_eq!(kinds, ["confirmed", "coordinated", "host", "measured", "started", "ended", "over"]);
    assert_eq!(third.state.runs.unfinished().count(), 0, "nothing is left to follow");
    assert_eq!(std::fs::read_to_string(folder.join("count")).unwrap(), "once\n", "it ran once");
    third.stop();
    tasks.cancel();
}

#[tokio::test]
async fn a_run_that_its_console_is_about_to_start_is_waited_for() {
    let sshd = Sshd::start().await;
    let folder = sshd.dir.path().to_owned();
    let store = folder.join("qd.db");
    let (clock, tasks) = (clock(), tasks());
    let inventory = config(&store, sshd.port, &sshd.user, &sshd.identity());
    let known = sshd.known_hosts(sshd.port);
    // Confirmed and written down, a moment ago, by a console that has not reached the host yet.
    let plan = plan(&folder);
    let kind = RunEventKind::Confirmed {
        plan: plan.clone().into(),
        reason: "it is down".into(),
        incident: None,
        before: Health::Down,
        second_person: false,
        known: None,
    };
    let confirmed = runs::RunEvent { run: RUN, at: clock.now().utc, by: "ben".into(), kind };
    Sqlite::open(&store, &store::Options::default()).unwrap().commit(&[Row::Run(confirmed)], None).unwrap();
    let mut ana = console("ana", &store, &inventory, ssh(&known), &clock, &tasks);
    let state = |engine: &Engine| engine.state.runs.runs.get(&RUN).map(|run| (run.lost.clone(), run.outcome));
    until(&mut ana, "that it has not begun", |engine| {
        state(engine).is_some_and(|(lost, _)| lost.values().any(|how| how.contains("not begun on web-01")))
    })
    .await;
    assert_eq!(state(&ana).unwrap().1, None, "it is neither failed nor over");

    std::fs::write(folder.join("gate"), "").unwrap();
    let pool = Pool::new(&inventory.hosts, tasks.clone(), Arc::clone(&clock), ssh(&known));
    let (host, lock) = ("web-01".into(), folder.join("lock").display().to_string());
    detached::start(
        &pool,
        &host,
        RUN,
        &plan.steps,
        Terms { lock: &lock, operator: &"ben".into(), machine_id: None, dead_man: None, now: None, sudo: None },
    )
    .await
    .unwrap();
    until(&mut ana, "its end", |engine| state(engine).is_some_and(|(_, outcome)| outcome.is_some())).await;
    assert_eq!(state(&ana).unwrap().1.unwrap().0, RunOutcome::Succeeded);
    ana.stop();
    tasks.cancel();
}
