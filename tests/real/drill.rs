//! The drill on real parts: two hosts behind OpenSSH, PM2 and Nginx, a release that fails in the night, a person behind a link of
//! 150 ms and 64 kbit/s, and hosts whose links are lost in the middle of the way back.
use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Command, Stdio},
};

use portable_pty::CommandBuilder;
use quarterdeck::core::runs::{RunOutcome, Wanted, What};

use crate::{
    deploy::{Fleet, told},
    engineer::{Bad, Engineer, WRITTEN, is_filled, is_told_once},
    pty::{Process, command, qd},
    support::{
        relay::Relay,
        servers::free_port,
        sshd::{Setup, Sshd},
    },
    tickets::{self, Vendor},
};

/// A console for somebody at a terminal, who reaches the hosts by relays alone.
fn console(home: &Path, config: &Path) -> CommandBuilder {
    let mut console = command(&qd(), home, &["--config", config.to_str().unwrap()]);
    // Without `ssh`, which knows its user's home from elsewhere.
    console.env("PATH", "/nonexistent");
    console.env("TRACKER", "test-token-1234");
    console
}

fn from_shell(home: &Path, config: &Path, words: &[&str]) -> Command {
    let mut program = Command::new(qd());
    program.args(words).arg("--config").arg(config).env_clear().env("PATH", "/nonexistent").env("USER", "watch");
    program.env("HOME", home).env("TRACKER", "test-token-1234").stdin(Stdio::null());
    program
}

/// What the service writes into its log that night.
const LINES: &str = "2026-11-21 03:00:01 ERROR pool exhausted after 3012 ms\n2026-11-21 03:00:02 ERROR answered 500\n";

/// All that stands below a folder, with when it was written.
fn standing(folder: &Path) -> String {
    let mut find = Command::new("find");
    let found = find.arg(folder).args(["-printf", "%p %y %s %T@\n"]).output().unwrap();
    assert!(found.status.success(), "{found:?}");
    let mut lines: Vec<String> = String::from_utf8(found.stdout).unwrap().lines().map(str::to_owned).collect();
    lines.sort();
    lines.join("\n")
}

/// Writes the configuration of a fleet whose hosts are reached by relays, in production, with a tracker.
fn configured(fleet: &Fleet, other: &Sshd, relays: &[Relay], (tracker, home): (u16, &Path)) -> std::path::PathBuf {
    let tracker = format!(
        "version = 1\ntracker = [{{ name = \"gh\", type = \"github\", repo = \"acme/incidents\", token = \"env:TRACKER\", api = \
         \"http://127.0.0.1:{tracker}\" }}]\nlog = [{{ name = \"play\", type = \"file\", service = \"play@stage\", path = \
         \"~/app.log\" }}]\n"
    );
    let mut text = fleet.text.replacen("version = 1\n", &tracker, 1);
    text = text.replace("kind = \"staging\"", "kind = \"production\"");
    let mut known = Vec::new();
    for ((_, sshd), relay) in fleet.hosts.iter().zip(relays) {
        text = text.replace(&format!("port = {}\n", sshd.port), &format!("port = {}\n", relay.port));
        known.push(format!("{:?}", sshd.known_hosts(relay.port).display().to_string()));
    }
    known.push(format!("{:?}", other.known_hosts(other.port).display().to_string()));
    // Another host of the same environment, watched like the others: what is done to the service never reaches it.
    let other = format!(
        "[[host]]\nname = \"web-9\"\nenv = \"stage\"\naddress = \"127.0.0.1\"\nport = {}\nuser = {:?}\nidentity = {:?}\n",
        other.port,
        other.user,
        other.identity().display().to_string()
    );
    let config = home.join("qd.toml");
    fs::write(&config, format!("{text}{other}[ssh]\nknown_hosts = [{}]\n", known.join(", "))).unwrap();
    config
}

/// Says whether every step of the run that is shown was done.
fn is_whole(text: &str) -> bool {
    let all = text.lines().find(|line| line.contains(" steps ")).and_then(|line| line.split(" steps ").next());
    let words: Vec<&str> = all.unwrap_or_default().split_whitespace().collect();
    matches!(words[..], [.., done, "of", all] if done == all)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_night_of_real_servers_whose_links_are_lost_in_the_way_back() {
    let Some(fleet) = Fleet::laid_out(2, "keep = 3").await else { return };
    let mut engine = fleet.console();
    for (version, made) in [("v1", 1), ("v2", 2)] {
        let run = fleet.change(&mut engine, Wanted::Deploy { what: What::Build(fleet.build(version, made)) }).await;
        assert_eq!(run.outcome.unwrap().0, RunOutcome::Succeeded, "{}", told(&run));
    }
    engine.stop();
    drop(engine);

    let home = tempfile::tempdir().unwrap();
    let port = free_port();
    let mut relays = Vec::new();
    for (_, sshd) in &fleet.hosts {
        relays.push(Relay::start(([127, 0, 0, 1], sshd.port).into()).await);
    }
    let other = Sshd::with(Setup { own_machine: true, ..Setup::default() }).await;
    let before = standing(&other.home());
    for (_, sshd) in &fleet.hosts {
        fs::write(sshd.home().join("app.log"), LINES).unwrap();
    }
    let config = configured(&fleet, &other, &relays, (port, home.path()));
    let mut watch = from_shell(home.path(), &config, &["watch"]);
    let mut watch = Process(watch.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap());
    let mut said = BufReader::new(watch.0.stdout.take().unwrap()).lines();
    assert!(said.any(|line| line.unwrap().contains("recording")), "it watches");
    // The release that went out fails from now on.
    for (_, sshd) in &fleet.hosts {
        fs::write(sshd.home().join("night"), "").unwrap();
    }
    assert!(said.any(|line| line.unwrap().contains("INC-1 opened")), "the watch says that it opened one");

    let bad = Bad { service: "play", env: "stage", version: "v2", before: "v1" };
    let mut ana = Engineer::comes(console(home.path(), &config), bad);
    ana.takes_it();
    ana.finds_the_suspect();
    ana.keeps_evidence();
    ana.tells_everybody();
    ana.rolls_back();
    for relay in &relays {
        relay.refuse(true);
        relay.cut();
    }
    ana.terminal.shows("link lost");
    for relay in &relays {
        relay.refuse(false);
    }
    ana.terminal.until("all of it was done", |text| text.contains("recovered") && is_whole(text));
    ana.sees_the_proof();
    ana.writes_what_only_she_knows();
    let (tracker, _) = tickets::start_at(&format!("127.0.0.1:{port}"), Vendor::GitHub, 0).await;
    ana.sees_the_ticket();
    ana.press(&["\x03"]);
    let (seconds, keys) = (ana.began.elapsed().as_secs_f64(), ana.keys);
    let bytes = ana.leaves();
    println!("the whole night: {keys} keys, {seconds:.0} s, {bytes} bytes over 150 ms and 64 kbit/s");

    // The console was there all night, and changed nothing: no run, no file, no login that left anything behind.
    let looked = from_shell(home.path(), &config, &["hosts", "web-9"]).output().unwrap();
    assert!(looked.status.success() && String::from_utf8_lossy(&looked.stdout).contains("web-9"), "{looked:?}");
    assert_eq!(standing(&other.home()), before);
    for (_, sshd) in &fleet.hosts {
        assert!(sshd.home().join(".quarterdeck/runs").is_dir(), "where it ran");
    }
    for host in [0, 1] {
        assert_eq!(fleet.version(host).await.as_deref(), Some("v1"), "web-{host}");
    }
    {
        let tracker = tracker.lock().unwrap();
        let [ticket] = &*tracker.tickets else { panic!("one ticket: {:#?}", tracker.tickets) };
        is_told_once(ticket);
    }
    let document = from_shell(home.path(), &config, &["incidents", "INC-1"]).output().unwrap();
    let document = String::from_utf8(document.stdout).unwrap();
    is_filled(&document);
    for written in WRITTEN.into_iter().chain(["RUN-3", "recovered"]) {
        assert!(document.contains(written), "{written}: {document}");
    }
}
