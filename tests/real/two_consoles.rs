//! Several consoles and watchers on one store: they see each other, one of them records, and another takes over.
use std::{
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
};

use quarterdeck::{
    checks, config,
    config::{Catalog, Env},
    core::{
        Msg,
        action::Action,
        alerts,
        id::{IncidentId, Uid},
        incidents::{self, IncidentAction, IncidentEventKind, StepMark},
        inventory::Inventory,
        record::Recorder,
        runbooks::{Runbook, RunbookAction},
        runs::Actor,
        screen::{Draft, Pane, RowKey, View},
        time::{Clock, Timestamp},
    },
    parse::runbook,
    recipes,
    remote::{
        Remote,
        ssh::{Pool, PoolOptions},
    },
    runtime::engine::{Engine, Options},
    store::{self, Keep, Since, Sqlite, Store},
    tasks::Tasks,
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    net::TcpListener,
    process::{Child, ChildStdout},
};

use crate::support::{HANG, clock, servers::free_port, sshd, tasks};

/// A configuration with one check a second of a port, and its store.
pub(crate) fn settings(store: &Path, port: u16) -> String {
    format!(
        "version = 1\nclient = \"acme\"\nenvironment = [{{ name = \"prod\", kind = \"production\" }}]\n\n[store]\npath = \
         {:?}\n\n[[service]]\nname = \"play\"\n[service.in.prod]\nchecks = [{{ name = \"port\", type = \"tcp\", address = \
         \"127.0.0.1:{port}\", every = \"1s\", timeout = \"900ms\", fail_after = 1 }}]\n",
        store.display().to_string()
    )
}

pub(crate) fn inventory(text: &str) -> Inventory {
    let (checks, recipes) = (checks::kinds(), recipes::kinds());
    let catalog = Catalog { checks: &checks, recipes: &recipes, trackers: &[], notifiers: &[], metrics: &[] };
    let loaded = config::load_text(Path::new("qd.toml"), text, &catalog, &Env::new(Path::new("/nonexistent"), []));
    assert!(!loaded.has_errors(), "{}", config::check_text(&loaded.problems));
    loaded.inventory
}

/// A console's engine, with a store and a way to hosts of its own.
pub(crate) fn console(
    by: &str,
    store: &Path,
    inventory: &Inventory,
    ssh: PoolOptions,
    clock: &Arc<dyn Clock>,
    tasks: &Tasks,
) -> Engine {
    let pool = Pool::new(&inventory.hosts, tasks.clone(), Arc::clone(clock), ssh);
    let store: Box<dyn Store> = Box::new(Sqlite::open(store, &store::Options::default()).unwrap());
    let options = Options {
        actor: Actor { by: by.into(), from: "test".into() },
        label: by.to_owned(),
        keep: Keep::default(),
        may_record: true,
        unattended: false,
        sample_every_ms: 1_000,
        drafts: None,
        replay: None,
        redact: None,
        logs: None,
    };
    let mut engine = Engine::new(options, Ok(store), Arc::new(pool) as Arc<dyn Remote>, Arc::clone(clock), tasks);
    engine.adopt(Arc::new(inventory.clone()), Vec::new());
    engine
}

/// Lets both work until something holds.
pub(crate) async fn both(one: &mut Engine, two: &mut Engine, what: &str, holds: impl Fn(&Engine, &Engine) -> bool) {
    let waited = tokio::time::timeout(HANG, async {
        while !holds(one, two) {
            tokio::select! {
                turn = one.turn() => drop(turn),
                turn = two.turn() => drop(turn),
            }
        }
    });
    if waited.await.is_err() {
        let told = |engine: &Engine| {
            let alerts: Vec<_> = engine.state.alerts.firing().map(|alert| alert.summary.clone()).collect();
            let said: Vec<_> = engine.state.screen.messages.iter().map(|said| said.text.clone()).collect();
            format!("{:?} {alerts:?} {said:?}", engine.state.recorder)
        };
        panic!("never came: {what}\n{}\n{}", told(one), told(two));
    }
}

fn records(engine: &Engine) -> bool {
    matches!(engine.state.recorder, Recorder::Me { .. })
}

fn stands_by(engine: &Engine) -> bool {
    matches!(engine.state.recorder, Recorder::Other { .. })
}

#[tokio::test]
async fn two_consoles_see_each_others_ownership_and_incidents_and_one_records() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("qd.db");
    let inventory = inventory(&settings(&path, free_port()));
    let (clock, tasks) = (clock(), tasks());
    let ssh = || PoolOptions::from_env(false);
    let mut ana = console("ana", &path, &inventory, ssh(), &clock, &tasks);
    let mut ben = console("ben", &path, &inventory, ssh(), &clock, &tasks);
    both(&mut ana, &mut ben, "one recorder", |ana, ben| {
        (records(ana) && stands_by(ben)) || (records(ben) && stands_by(ana))
    })
    .await;
    let down =
        |engine: &Engine| engine.state.alerts.firing().find(|alert| alert.rule.as_str().contains("down")).cloned();
    both(&mut ana, &mut ben, "the alert in both", |ana, ben| down(ana).is_some() && down(ben).is_some()).await;
    let alert = down(&ana).unwrap().uid;
    assert_eq!(down(&ben).unwrap().uid, alert, "one alert");

    let owner = |engine: &Engine| down(engine).and_then(|alert| alert.owned.map(|owned| owned.by.to_string()));
    let asked = clock.now().mono;
    ana.handle(Msg::Alerts(alerts::Msg::AcknowledgeRequested {
        alert,
        by: "ana".into(),
        for_ms: 1_800_000,
        reason: None,
    }));
    both(&mut ana, &mut ben, "ana's ownership in ben's console", |_, ben| owner(ben).as_deref() == Some("ana")).await;
    println!("ownership is seen in the other console after {} ms", clock.now().mono.since(asked));

    let open: fn(&Engine) -> Option<IncidentId> =
        |engine| engine.state.incidents.open().next().map(|found| found.number);
    let asked = clock.now().mono;
    ben.state.screen.go(View::Alerts);
    ben.handle(Msg::Ticked);
    ben.handle(Msg::Acted(Action::OpenIncident));
    both(&mut ana, &mut ben, "ben's incident in ana's console", |ana, _| open(ana).is_some()).await;
    println!("an incident is seen in the other console after {} ms", clock.now().mono.since(asked));
    // Ana opens one for the same alert: it is the same.
    ana.state.screen.go(View::Alerts);
    ana.handle(Msg::Ticked);
    ana.handle(Msg::Acted(Action::OpenIncident));
    let uid = incidents::uid_for_alert(alert);
    let noted = |engine: &Engine| engine.state.incidents.incidents.get(&uid).map_or(0, |found| found.timeline.len());
    both(&mut ana, &mut ben, "opened, detected, acknowledged", |ana, ben| noted(ana) == 3 && noted(ben) == 3).await;
    assert_eq!((open(&ana), ana.state.incidents.open().count()), (open(&ben), 1));
    let timeline = |engine: &Engine| engine.state.incidents.incidents.get(&uid).unwrap().timeline.clone();
    assert_eq!(timeline(&ana), timeline(&ben));

    // Whoever records ends: the other takes over at once, and goes on with what it knows.
    let (mut gone, mut left) = if records(&ana) { (ana, ben) } else { (ben, ana) };
    let asked = clock.now().mono;
    gone.stop();
    both(&mut gone, &mut left, "the other records", |_, left| records(left)).await;
    println!("a lease that was given back is taken after {} ms", clock.now().mono.since(asked));
    assert_eq!(owner(&left).as_deref(), Some("ana"));
    left.stop();
    tasks.cancel();
}

/// Has two consoles see the same incident, which one of them opens.
async fn in_one_incident(ana: &mut Engine, ben: &mut Engine) -> Uid {
    let fires = |engine: &Engine| engine.state.alerts.firing().next().is_some();
    both(ana, ben, "the alert in both", |ana, ben| fires(ana) && fires(ben)).await;
    ben.state.screen.go(View::Alerts);
    ben.handle(Msg::Ticked);
    ben.handle(Msg::Acted(Action::OpenIncident));
    let of = |engine: &Engine| engine.state.incidents.open().next().map(|of| of.uid);
    both(ana, ben, "the incident in both", |ana, ben| of(ana).is_some() && of(ben).is_some()).await;
    of(ana).unwrap()
}

/// A runbook of so many steps.
fn book_of(steps: usize) -> Arc<Runbook> {
    let step = |n| format!("## Step {n}\n\n```sh read on=first exit=0\ntrue\n```\n\n");
    let text =
        format!("---\ntypes: failure\nservices: play\n---\n# Walk\n\n{}", (1..=steps).map(step).collect::<String>());
    let (book, faults) = runbook::read("walk", &text);
    assert_eq!(faults, []);
    Arc::new(book)
}

#[tokio::test]
async fn what_two_people_tick_in_one_runbook_at_once_is_ticked_in_both() {
    const STEPS: usize = 21;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("qd.db");
    let mut inventory = inventory(&settings(&path, free_port()));
    inventory.runbooks.push(book_of(STEPS));
    let (clock, tasks) = (clock(), tasks());
    let ssh = || PoolOptions::from_env(false);
    let mut ana = console("ana", &path, &inventory, ssh(), &clock, &tasks);
    let mut ben = console("ben", &path, &inventory, ssh(), &clock, &tasks);
    let uid = in_one_incident(&mut ana, &mut ben).await;

    // Each goes through half of it, and both tick the last step: neither has seen the other's tick.
    for n in 1..=STEPS {
        for (mine, engine) in [(n % 2 == 0, &mut ana), (n % 2 == 1, &mut ben)] {
            if !mine && n != STEPS {
                continue;
            }
            let state = &mut engine.state;
            state.runbooks.shown.insert(uid, "walk".into());
            let view = View::Runbook(uid);
            state.screen.go(view.clone());
            state.screen.focus.insert(view.clone(), 0);
            state.screen.cursors.insert((view, Pane::Book), RowKey::Step(format!("step-{n}")));
            engine.handle(Msg::Acted(Action::Runbook(RunbookAction::Tick)));
        }
    }
    let ticks = |engine: &Engine| {
        let of = &engine.state.incidents.incidents[&uid];
        of.timeline.values().filter(|event| matches!(event.kind, IncidentEventKind::StepMarked { .. })).count()
    };
    both(&mut ana, &mut ben, "every tick in both", |ana, ben| ticks(ana) > STEPS && ticks(ben) > STEPS).await;
    let of = |engine: &Engine| engine.state.incidents.incidents[&uid].clone();
    assert_eq!((ticks(&ana), of(&ana)), (STEPS + 1, of(&ben)), "both fold the same");
    let by = |n: usize| of(&ana).books[&("walk".to_owned(), format!("step-{n}"))].mark.clone().unwrap();
    for n in 1..=STEPS {
        assert_eq!(by(n).0, StepMark::Done, "{n}");
    }
    for n in 1..STEPS {
        assert_eq!(by(n).1.as_str(), if n % 2 == 0 { "ana" } else { "ben" }, "{n}");
    }
    ana.stop();
    ben.stop();
    tasks.cancel();
}

#[tokio::test]
async fn what_two_people_write_into_one_incident_at_once_is_all_there_in_both() {
    const EACH: usize = 40;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("qd.db");
    let inventory = inventory(&settings(&path, free_port()));
    let (clock, tasks) = (clock(), tasks());
    let ssh = || PoolOptions::from_env(false);
    let mut ana = console("ana", &path, &inventory, ssh(), &clock, &tasks);
    let mut ben = console("ben", &path, &inventory, ssh(), &clock, &tasks);
    let uid = in_one_incident(&mut ana, &mut ben).await;
    let of = |engine: &Engine| engine.state.incidents.open().next().cloned();

    // Neither waits for the other, nor for the disk.
    for n in 0..EACH {
        for (who, engine) in [("ana", &mut ana), ("ben", &mut ben)] {
            engine.state.screen.go(View::Incident(uid));
            engine.handle(Msg::Acted(Action::AddNote));
            engine.handle(Msg::Drafted { draft: Draft::Note, text: format!("{who} saw {n}") });
            engine.handle(Msg::Acted(Action::Confirm));
            // And both at the same texts, each of which only one of them can have had last.
            engine.handle(Msg::Acted(Action::Incident(IncidentAction::WriteSection)));
            engine.handle(Msg::Drafted { draft: Draft::Form, text: format!("{who} thinks {n}") });
            engine.handle(Msg::Acted(Action::Confirm));
        }
    }
    let said = |engine: &Engine, words: &str| {
        let of = of(engine).unwrap();
        of.timeline.values().filter(|event| format!("{:?}", event.kind).contains(words)).count()
    };
    let whole = |engine: &Engine| said(engine, " saw ") == 2 * EACH && said(engine, " thinks ") == 2 * EACH;
    both(&mut ana, &mut ben, "everything in both", |ana, ben| whole(ana) && whole(ben)).await;
    let (one, other) = (of(&ana).unwrap(), of(&ben).unwrap());
    for who in ["ana", "ben"] {
        for n in 0..EACH {
            assert_eq!(said(&ana, &format!("{who} saw {n}\"")), 1, "{who} {n}");
            assert_eq!(said(&ana, &format!("{who} thinks {n}\"")), 1, "{who} {n}");
        }
    }
    assert_eq!(one, other, "both fold the same");
    assert!(!one.sections.is_empty());
    for (section, text) in &one.sections {
        let written = one.timeline.values().rev().find_map(|event| {
            let IncidentEventKind::Section { section: of, text } = &event.kind else { return None };
            (of == section).then_some(text)
        });
        assert_eq!(written, Some(text), "{section:?}: whoever was last in the store stands");
    }
    ana.stop();
    ben.stop();
    tasks.cancel();
}

/// A real `qd watch`, started as a person or systemd starts it.
struct Watcher {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    pid: u32,
}

impl Watcher {
    fn start(dir: &Path, config: &Path) -> Self {
        // Both outputs in one, in the order in which they are written; the shell is replaced by qd.
        let mut child = tokio::process::Command::new("sh")
            .args(["-c", "exec \"$0\" watch --config \"$1\" 2>&1", env!("CARGO_BIN_EXE_qd")])
            .arg(config)
            .env("HOME", dir)
            .env("XDG_STATE_HOME", dir.join("state"))
            .env("USER", "ana")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let pid = child.id().unwrap();
        Self { child, lines, pid }
    }

    /// Reads until a line says it.
    async fn says(&mut self, what: &str) -> String {
        let reading = async {
            loop {
                let line = self.lines.next_line().await.unwrap().expect("it ended");
                println!("[{}] {line}", self.pid);
                if line.contains(what) {
                    return line;
                }
            }
        };
        tokio::time::timeout(HANG, reading).await.unwrap_or_else(|_| panic!("{} never said: {what}", self.pid))
    }

    /// Ends it as the kernel does, without a word.
    async fn kill(&mut self) {
        sshd::signal(self.pid, "KILL");
        self.child.wait().await.unwrap();
    }
}

/// Listens and answers nothing: enough for a check of a port.
async fn listener() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

struct Shop {
    dir: TempDir,
    config: PathBuf,
    store: PathBuf,
    _listener: TcpListener,
}

impl Shop {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (listener, port) = listener().await;
        let (config, store) = (dir.path().join("qd.toml"), dir.path().join("qd.db"));
        std::fs::write(&config, settings(&store, port)).unwrap();
        Self { dir, config, store, _listener: listener }
    }

    fn watch(&self) -> Watcher {
        Watcher::start(self.dir.path(), &self.config)
    }
}

#[tokio::test]
async fn a_killed_recorder_is_replaced_by_another_watcher_within_its_lease() {
    let shop = Shop::new().await;
    let clock = clock();
    let mut first = shop.watch();
    assert!(first.says("recording").await.ends_with("epoch 1"));
    let mut second = shop.watch();
    let standing_by = second.says("standing by").await;
    assert!(standing_by.contains(&format!("pid {} records", first.pid)), "{standing_by}");
    let mut reader = Sqlite::open(&shop.store, &store::Options::default()).unwrap();
    let slots = |reader: &mut Sqlite| -> Vec<i64> {
        let all = reader.results(&"play@prod/port".parse().unwrap(), Timestamp(0)).unwrap();
        all.iter().map(|result| result.slot.0).collect()
    };
    crate::support::eventually("results", async || slots(&mut reader).len() >= 3).await;

    first.kill().await;
    let killed = clock.now();
    assert!(second.says("recording").await.ends_with("epoch 2"));
    println!("take-over by a 6 s lease: {} ms after kill -9", clock.now().mono.since(killed.mono));
    crate::support::eventually("results of the second", async || {
        slots(&mut reader).iter().any(|slot| *slot > killed.utc.0 + 1_000)
    })
    .await;
    let written = slots(&mut reader);
    let gap = written.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap();
    println!("longest gap between two results: {gap} ms of {} results", written.len());
    assert!(written.windows(2).all(|pair| pair[0] < pair[1]), "no slot twice");

    // The one that was killed comes back and stands by; a gentle end hands over at once.
    let mut third = shop.watch();
    third.says("standing by").await;
    let asked = clock.now().mono;
    sshd::signal(second.pid, "TERM");
    assert!(third.says("recording").await.ends_with("epoch 3"));
    println!("hand-over after SIGTERM: {} ms", clock.now().mono.since(asked));
    assert!(second.child.wait().await.unwrap().success());
    let state = reader.open_state(Since { events: killed.utc, results: killed.utc }).unwrap();
    assert!(state.alerts.is_empty(), "a change of recorders is no outage: {:?}", state.alerts);
    third.kill().await;
}

#[tokio::test]
async fn a_reload_with_a_bad_file_keeps_the_last_good_one() {
    let shop = Shop::new().await;
    let mut watcher = shop.watch();
    watcher.says("recording").await;
    let good = std::fs::read_to_string(&shop.config).unwrap();
    let mut reader = Sqlite::open(&shop.store, &store::Options::default()).unwrap();
    let mut count = |check: &str| reader.results(&check.parse().unwrap(), Timestamp(0)).map_or(0, |all| all.len());
    crate::support::eventually("a result", async || count("play@prod/port") > 0).await;
    std::fs::write(&shop.config, good.replace("every = \"1s\"", "every = \"soon\"")).unwrap();
    sshd::signal(watcher.pid, "HUP");
    watcher.says("the configuration in use stays").await;
    watcher.says("qd.toml").await;
    let before = count("play@prod/port");
    crate::support::eventually("it goes on", async || count("play@prod/port") > before + 1).await;
    // And a good one is taken up.
    std::fs::write(&shop.config, good.replace("name = \"port\"", "name = \"door\"")).unwrap();
    sshd::signal(watcher.pid, "HUP");
    watcher.says("configuration read again").await;
    crate::support::eventually("the new check", async || count("play@prod/door") > 0).await;
    watcher.kill().await;
}
