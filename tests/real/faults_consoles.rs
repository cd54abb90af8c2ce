//! What goes wrong with whoever changes a service, on real OpenSSH: the console is killed, two press the same key at once, somebody
//! else holds the lock, whoever held it is dead. The program itself is run, as a person or a pipeline runs it.
use std::{
    fmt::Write as _,
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    process::{Output, Stdio},
};

use quarterdeck::{
    core::{
        Msg,
        id::Uid,
        runs::{self, RunOutcome, StepEnd, Strategy},
    },
    remote::detached::{self, Terms},
    runtime::engine::Engine,
};
use tempfile::TempDir;
use tokio::process::Command;

use crate::{
    deploy::told,
    faults::{Bed, held, of, review},
    ssh::{pool_of, web},
    support::{
        HANG, eventually,
        sshd::{self, Setup, Sshd},
    },
    two_consoles::both,
};

/// Who calls `qd`, with a configuration and a store, and some hosts.
struct Desk {
    dir: TempDir,
    hosts: Vec<Sshd>,
}

impl Desk {
    /// Makes it; none without the rights to give each host an id of its own.
    async fn new(count: usize) -> Option<Self> {
        if count > 1 && !(sshd::is_root() && std::path::Path::new("/etc/machine-id").exists()) {
            return None;
        }
        let dir = tempfile::tempdir().unwrap();
        let mut hosts = Vec::new();
        for _ in 0..count {
            hosts.push(Sshd::with(Setup { own_machine: true, ..Setup::default() }).await);
        }
        let mut text = format!(
            "version = 1\nenvironment = [{{ name = \"stage\", kind = \"staging\" }}]\n[store]\npath = {:?}\n",
            dir.path().join("qd.db").display().to_string()
        );
        for (number, sshd) in hosts.iter().enumerate() {
            let bin = sshd.home().join("bin");
            std::fs::create_dir(&bin).unwrap();
            // No systemd runs where tests run: what it is asked for is noted.
            for (name, does) in [("systemctl", "echo \"$*\" >>$HOME/systemctl"), ("sleep", "exec /bin/sleep 0.02")] {
                std::fs::write(bin.join(name), format!("#!/bin/sh\n{does}\n")).unwrap();
                std::fs::set_permissions(bin.join(name), std::fs::Permissions::from_mode(0o755)).unwrap();
            }
            write!(
                text,
                "[[host]]\nname = \"web-{number}\"\nenv = \"stage\"\naddress = \"127.0.0.1\"\nport = {}\nuser = {:?}\nidentity = \
                 {:?}\npath_prefix = [{:?}]\n",
                sshd.port,
                sshd.user,
                sshd.identity().display().to_string(),
                bin.display().to_string()
            )
            .unwrap();
        }
        let names: Vec<String> = (0..count).map(|number| format!("web-{number}")).collect();
        write!(
            text,
            "[[service]]\nname = \"play\"\nkind = \"systemd\"\nrecipe = {{ unit = \"play.service\", sudo = false, path = \
             \"~/app\", test = {:?} }}\n[service.in.stage]\nhosts = {names:?}\n",
            held(0)
        )
        .unwrap();
        let known: Vec<String> = hosts.iter().map(|sshd| sshd.known_hosts(sshd.port).display().to_string()).collect();
        write!(text, "[ssh]\nknown_hosts = {known:?}\n").unwrap();
        std::fs::write(dir.path().join("qd.toml"), text).unwrap();
        Some(Self { dir, hosts })
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_qd"));
        command.args(arguments).arg("--config").arg(self.dir.path().join("qd.toml"));
        command.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", self.dir.path()).env("USER", "ana");
        command.env("XDG_STATE_HOME", self.dir.path().join("state")).stdin(Stdio::null()).kill_on_drop(true);
        command
    }

    /// Calls it to its end; what it says, on both outputs, and its exit code.
    async fn qd(&self, arguments: &[&str]) -> (String, i32) {
        let output = tokio::time::timeout(HANG, self.command(arguments).output());
        let Output { status, stdout, stderr } = output.await.unwrap_or_else(|_| panic!("{arguments:?} hangs")).unwrap();
        let said = [stdout, stderr].concat();
        let said = String::from_utf8(said).unwrap();
        println!("$ qd {arguments:?} -> {status}\n{said}");
        (said, status.code().unwrap())
    }

    fn file(&self, host: usize, name: &str) -> PathBuf {
        self.hosts[host].home().join(name)
    }

    fn go(&self, host: usize) {
        std::fs::write(self.file(host, "go.0"), "").unwrap();
    }

    /// Says how often the step ran, and the service was restarted, on a host.
    fn counts(&self, host: usize) -> (usize, usize) {
        let lines = |name: &str, of: &str| {
            let text = std::fs::read_to_string(self.file(host, name)).unwrap_or_default();
            text.lines().filter(|line| line.starts_with(of)).count()
        };
        (lines("count.0", "x"), lines("systemctl", "restart play.service"))
    }

    /// Returns the runs that a host knows.
    fn runs(&self, host: usize) -> Vec<PathBuf> {
        let listed = std::fs::read_dir(self.file(host, ".quarterdeck/runs"));
        listed.map_or_else(|_| Vec::new(), |all| all.map(|entry| entry.unwrap().path()).collect())
    }

    fn locked(&self, host: usize) -> bool {
        self.file(host, "app/.qd.lock").exists()
    }
}

const RESTART: [&str; 4] = ["restart", "play@stage", "--yes-i-mean", "play@stage"];

#[tokio::test]
async fn a_console_that_is_killed_mid_run_is_replaced_by_one_that_says_so() {
    for killed_at in 0..2 {
        let Some(desk) = Desk::new(2).await else { return };
        if killed_at == 1 {
            desk.go(0);
        }
        let mut console = desk.command(&RESTART).stdout(Stdio::null()).spawn().unwrap();
        eventually("the step", async || desk.file(killed_at, "at.0").exists()).await;
        sshd::signal(console.id().unwrap(), "KILL");
        console.wait().await.unwrap();
        // The host finishes what it has, without anybody.
        desk.go(killed_at);
        let journal = desk.runs(killed_at)[0].join("journal");
        eventually("its end", async || std::fs::read_to_string(&journal).unwrap().contains(" done ok")).await;
        assert_eq!(desk.runs(1).len(), killed_at, "the next host waits for a person");

        let (runs, _) = desk.qd(&["runs", "--json"]).await;
        let runs: serde_json::Value = serde_json::from_str(&runs).unwrap();
        let (run, outcome) = (&runs["data"][0]["uid"], &runs["data"][0]["outcome"]);
        assert!(outcome.is_null(), "{outcome}");
        let run = run.as_str().unwrap();
        if killed_at == 0 {
            let (said, code) = desk.qd(&["attach", run, "--go-on"]).await;
            assert!(code == 5 && said.contains("--yes-i-mean play@stage"), "{said}");
            assert_eq!(desk.runs(1).len(), 0);
        }
        desk.go(1);
        let (said, code) = desk.qd(&["attach", run, "--go-on", "--yes-i-mean", "play@stage"]).await;
        assert!(code == 0 && said.contains("done on 2 of 2 hosts"), "{said}");
        for host in 0..2 {
            assert_eq!(desk.counts(host), (1, 1), "host {host}, killed at {killed_at}");
            eventually("the lock is given back", async || !desk.locked(host)).await;
            assert_eq!(desk.runs(host).len(), 1);
        }
        // Once more is once too often: it is over, and nothing runs.
        let (_, code) = desk.qd(&["attach", run, "--go-on", "--yes-i-mean", "play@stage"]).await;
        assert_eq!((code, desk.counts(0), desk.counts(1)), (0, (1, 1), (1, 1)));
    }
}

#[tokio::test]
async fn a_lock_of_somebody_else_refuses_and_one_of_the_dead_is_recovered_by_its_journal() {
    let Some(desk) = Desk::new(1).await else { return };
    let (server, other) = (&desk.hosts[0], Uid([7; 6]));
    let steps = [crate::detached::step("theirs", held(0))];
    let terms = Terms {
        lock: "~/app/.qd.lock",
        operator: &"ben".into(),
        machine_id: None,
        dead_man: None,
        now: None,
        sudo: None,
    };
    detached::start(&pool_of(server), &web(), other, &steps, terms).await.unwrap();
    eventually("the other's step", async || desk.file(0, "at.0").exists()).await;

    let (said, code) = desk.qd(&["lock", "play@stage"]).await;
    assert!(code == 0 && said.contains("held by ben"), "{said}");
    let (said, code) = desk.qd(&RESTART).await;
    assert!(code == 5 && said.contains("locked by ben"), "{said}");
    let recover = ["lock", "play@stage", "--recover", "--yes-i-mean", "play@stage"];
    let (said, code) = desk.qd(&recover).await;
    assert!(code == 5 && said.contains("locked by ben"), "the living keep theirs: {said}");
    assert!(desk.locked(0));
    assert_eq!((desk.runs(0).len(), desk.counts(0)), (1, (1, 0)), "nothing of ours was begun");

    // Whoever holds it dies within the step.
    let folder = desk.file(0, ".quarterdeck/runs").join(other.to_string());
    let pid = std::fs::read_to_string(folder.join("pid")).unwrap();
    sshd::signal(pid.trim().parse().unwrap(), "KILL");
    let (said, code) = desk.qd(&RESTART).await;
    assert!(code == 5 && said.contains("its run is dead") && said.contains("qd lock"), "{said}");
    let (said, code) = desk.qd(&recover).await;
    assert_eq!(code, 0, "{said}");
    let of_journal =
        [format!("{other} of ben died"), "start 0".into(), "whether the step did its work is unknown".into()];
    assert!(of_journal.iter().all(|text| said.contains(text)), "{said}");
    assert!(!desk.locked(0) && !desk.file(0, "app/.qd.lock.recover").exists());
    let kept = std::fs::read_dir(&folder)
        .unwrap()
        .any(|file| file.unwrap().file_name().to_string_lossy().starts_with("lock."));
    assert!(kept, "it is kept beside the journal");
    assert!(std::fs::read_to_string(folder.join("journal")).unwrap().ends_with(" done killed\n"));
    let (said, code) = desk.qd(&recover).await;
    assert!(code == 5 && said.contains("nothing to recover"), "{said}");
    desk.go(0);
    let (said, code) = desk.qd(&RESTART).await;
    assert!(code == 0 && said.contains(": done on "), "{said}");
    assert_eq!((desk.counts(0), desk.locked(0)), ((2, 1), false), "theirs and ours");
}

#[tokio::test]
async fn of_two_consoles_that_press_the_same_key_at_once_exactly_one_runs() {
    let runs = [Uid([1; 6]), Uid([2; 6])];
    // With one store between them, and as two who know nothing of each other.
    for (stores, strategy) in [
        (["qd.db", "qd.db"], Strategy::OneByOne),
        (["a.db", "b.db"], Strategy::OneByOne),
        (["a.db", "b.db"], Strategy::All),
    ] {
        let bed = Bed::of(if strategy == Strategy::All { 1 } else { 2 }).await;
        let hosts = bed.hosts.len();
        let (mut ana, mut ben) = (bed.console("ana", stores[0]), bed.console("ben", stores[1]));
        both(&mut ana, &mut ben, "the stores", |ana, ben| ana.state.is_loaded() && ben.state.is_loaded()).await;
        let mut plan = bed.plan(&[held(0), held(1)]);
        plan.strategy = strategy;
        for (engine, run) in [&mut ana, &mut ben].into_iter().zip(runs) {
            review(engine, run, plan.clone());
        }
        let opened = bed.clock.now().mono;
        both(&mut ana, &mut ben, "the guard", |_, _| bed.clock.now().mono.since(opened) > runs::TYPE_AHEAD_MS).await;
        ana.handle(Msg::Runs(runs::Msg::Confirmed));
        ben.handle(Msg::Runs(runs::Msg::Confirmed));
        let end = |engine: &_, run| of(engine, run).and_then(|run| run.outcome).map(|(outcome, _)| outcome);
        // Where they have one store it takes one of them; else the locks do.
        let one_store = stores[0] == stores[1];
        let said = |engine: &Engine| engine.state.screen.messages.iter().any(|said| said.text.contains("came first"));
        let refused = |ana: &Engine, ben: &Engine| {
            let by_hosts = |engine, run| end(engine, run) == Some(RunOutcome::Refused);
            if one_store { said(ana) != said(ben) } else { by_hosts(ana, runs[0]) != by_hosts(ben, runs[1]) }
        };
        both(&mut ana, &mut ben, "that one is refused", |ana, ben| refused(ana, ben)).await;
        for (host, step) in (0..hosts).flat_map(|host| [(host, 0), (host, 1)]) {
            bed.go(host, step);
        }
        let ends = |ana: &Engine, ben: &Engine| [end(ana, runs[0]), end(ben, runs[1])];
        let wanted = if one_store { 1 } else { 2 };
        both(&mut ana, &mut ben, "every end", |ana, ben| ends(ana, ben).iter().flatten().count() == wanted).await;
        let succeeded = ends(&ana, &ben).iter().filter(|end| **end == Some(RunOutcome::Succeeded)).count();
        assert_eq!(succeeded, 1, "{:?}", ends(&ana, &ben));
        if !one_store {
            let (loser, run) =
                if end(&ana, runs[0]) == Some(RunOutcome::Refused) { (&ana, runs[0]) } else { (&ben, runs[1]) };
            let loser = of(loser, run).unwrap();
            let StepEnd::NotStarted(why) = &loser.steps[0].ended.as_ref().unwrap().1 else { panic!("{}", told(loser)) };
            assert!(why.contains("web-0 is locked by "), "{why}");
        }
        for (host, step) in (0..hosts).flat_map(|host| [(host, 0), (host, 1)]) {
            assert_eq!(bed.count(host, step), 1, "web-{host}, step {step}");
        }
        eventually("the locks are given back", async || (0..hosts).all(|host| !bed.locked(host))).await;
        ana.stop();
        ben.stop();
    }
}
