//! `sudo` that asks for a password: the machine's own sudo and PAM, on real OpenSSH, for a user whom only that server sees. It is
//! typed once, tried before anything is changed, given to every step of a run that outlives its console, and found nowhere.
use std::{
    fmt::Write as _,
    io::Write as _,
    os::unix::fs::{FileTypeExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use quarterdeck::{
    core::{
        Msg,
        id::{HostName, ServiceId},
        runs::{self, Fit, Run, RunOutcome, Wanted, sudo::SudoMsg},
        screen::Overlay,
    },
    remote::ssh::PoolOptions,
    runtime::engine::Engine,
};
use tempfile::TempDir;

use crate::{
    deploy::{told, until},
    support::{
        clock, eventually,
        relay::Relay,
        sshd::{self, PASSWORD, Setup, Sshd, Sudo},
        tasks,
    },
    two_consoles::{console, inventory},
};

pub(crate) const SERVICE: &str = "play@stage";

/// Hosts whose `sudo` asks, and a service that is restarted by steps which call it.
pub(crate) struct Bed {
    pub(crate) dir: TempDir,
    hosts: Vec<Sshd>,
    /// The way to each.
    relays: Vec<Relay>,
    text: String,
}

/// What the steps are: as whom, by a script that calls it; what comes by a pipe, and what comes after a while.
const STEPS: [&str; 3] = [
    "printf '%s\n' 'sudo -n id -u >>ids' >own.sh; sudo -v && sh own.sh; cat >>stdin",
    "printf '%s\\n' piped | sudo -n -u root tee -a piped",
    ": >at; until [ -e go ]; do sleep 0.02; done; sudo -nE -- sh -c 'echo \"$0 for $SUDO_USER\"' over >>over",
];

impl Bed {
    /// None where there is no `sudo`, or nobody may give a server a list of passwords of its own.
    pub(crate) async fn of(count: usize, sudo: Sudo, host: &str, rest: &str) -> Option<Self> {
        let has = ["/usr/bin/sudo", "/usr/local/bin/sudo", "/bin/sudo"].iter().any(|file| Path::new(file).exists());
        if !sshd::is_root() || !has {
            println!("!! NOT SHOWN: sudo with a password needs root and a sudo");
            assert!(!sshd::is_root() || std::env::var("CI").is_err(), "there is no sudo");
            return None;
        }
        let dir = tempfile::tempdir().unwrap();
        let (mut hosts, mut relays) = (Vec::new(), Vec::new());
        for number in 0..count {
            let sh = (number == 1).then(|| PathBuf::from("/bin/bash"));
            let setup = Setup { sudo: Some(sudo), unprivileged: true, own_machine: true, sh, ..Setup::default() };
            hosts.push(Sshd::with(setup).await);
            relays.push(Relay::start(hosts[number].address()).await);
        }
        let ways = || hosts.iter().zip(&relays);
        let known: Vec<String> =
            ways().map(|(sshd, relay)| sshd.known_hosts(relay.port).display().to_string()).collect();
        let mut text = format!(
            "version = 1\nenvironment = [{{ name = \"stage\", kind = \"staging\" }}]\n[store]\npath = {:?}\n[ssh]\nknown_hosts = \
             {known:?}\n",
            dir.path().join("qd.db").display().to_string()
        );
        for (number, (sshd, relay)) in ways().enumerate() {
            let (port, user, key) = (relay.port, &sshd.user, sshd.identity().display().to_string());
            write!(
                text,
                "[[host]]\nname = \"web-{number}\"\nenv = \"stage\"\naddress = \"127.0.0.1\"\nport = {port}\nuser = {user:?}\n\
                 identity = {key:?}\n{host}\n"
            )
            .unwrap();
        }
        let names: Vec<String> = (0..count).map(|number| format!("web-{number}")).collect();
        write!(
            text,
            "[[service]]\nname = \"play\"\nkind = \"command\"\n[service.recipe]\npath = \"~/app\"\n[service.recipe.tasks.restart]\nsteps = {STEPS:?}\n\
             undo = [\"sudo -n id -u >>undone\"]\n{rest}\n[service.in.stage]\nhosts = {names:?}\nrollout = {{ snapshot = false, \
             undo = \"auto\", dead_man = \"1s\" }}\n"
        )
        .unwrap();
        std::fs::write(dir.path().join("qd.toml"), &text).unwrap();
        Some(Self { dir, hosts, relays, text })
    }

    fn console(&self, by: &str) -> Engine {
        let known = self.hosts.iter().zip(&self.relays).map(|(sshd, relay)| sshd.known_hosts(relay.port)).collect();
        let ssh = PoolOptions { known_hosts: Some(known), agent: None, ssh: None, ..PoolOptions::from_env(false) };
        console(by, &self.dir.path().join("qd.db"), &inventory(&self.text), ssh, &clock(), &tasks())
    }

    fn command(&self, arguments: &[&str]) -> tokio::process::Command {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_qd"));
        command.args(arguments).arg("--config").arg(self.dir.path().join("qd.toml"));
        command.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", self.dir.path()).env("USER", "ana");
        command.env("XDG_STATE_HOME", self.dir.path().join("state")).kill_on_drop(true);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Calls it with something on its standard input; what it says and its exit code.
    async fn qd(&self, arguments: &[&str], stdin: &str) -> (String, i32) {
        use tokio::io::AsyncWriteExt as _;

        let mut child = self.command(arguments).spawn().unwrap();
        child.stdin.take().unwrap().write_all(stdin.as_bytes()).await.unwrap();
        let output = tokio::time::timeout(crate::support::HANG, child.wait_with_output());
        let Output { status, stdout, stderr } = output.await.unwrap_or_else(|_| panic!("{arguments:?} hangs")).unwrap();
        let said = String::from_utf8([stdout, stderr].concat()).unwrap();
        println!("$ qd {arguments:?} -> {status}\n{said}");
        (said, status.code().unwrap())
    }

    /// Begins a change from the shell, and kills what began it while its last step runs on the first host.
    async fn abandoned(&self, change: &str) {
        use tokio::io::AsyncWriteExt as _;

        let words = [change, SERVICE, "--yes-i-mean", SERVICE, "--sudo-password-stdin"];
        let mut qd = self.command(&words).spawn().unwrap();
        qd.stdin.take().unwrap().write_all(PASSWORD.as_bytes()).await.unwrap();
        eventually("the last step", async || self.file(0, "at").exists()).await;
        sshd::signal(qd.id().unwrap(), "KILL");
        qd.wait().await.unwrap();
    }

    fn file(&self, host: usize, name: &str) -> PathBuf {
        self.hosts[host].home().join(name)
    }

    fn text(&self, host: usize, name: &str) -> String {
        std::fs::read_to_string(self.file(host, name)).unwrap_or_default()
    }

    pub(crate) fn go(&self) {
        for host in 0..self.hosts.len() {
            std::fs::write(self.file(host, "go"), "").unwrap();
        }
    }

    /// How many wrong passwords `sudo` saw on a host.
    pub(crate) fn wrong(&self, host: usize) -> usize {
        let log = std::fs::read_to_string(self.hosts[host].path("sudo/log")).unwrap_or_default();
        log.lines().filter(|line| line.contains("incorrect password attempt")).count()
    }

    /// What the steps did on a host that they all ran on once.
    pub(crate) fn did_all(&self, host: usize) {
        let user = &self.hosts[host].user;
        assert_eq!((self.text(host, "ids").as_str(), self.text(host, "stdin").as_str()), ("0\n", ""), "web-{host}");
        assert_eq!(self.text(host, "piped"), "piped\n", "web-{host}");
        assert_eq!(self.text(host, "over"), format!("over for {user}\n"), "web-{host}");
    }

    pub(crate) fn runs(&self, host: usize) -> Vec<PathBuf> {
        let listed = std::fs::read_dir(self.file(host, ".quarterdeck/runs"));
        listed.map_or_else(|_| Vec::new(), |all| all.map(|entry| entry.unwrap().path()).collect())
    }

    /// It is in no argument and no environment of any process, and in no file of hosts and console.
    pub(crate) fn found_nowhere(&self) {
        let has = |bytes: &[u8]| bytes.windows(PASSWORD.len()).any(|part| part == PASSWORD.as_bytes());
        for entry in std::fs::read_dir("/proc").unwrap().flatten() {
            for of in ["cmdline", "environ"] {
                let bytes = std::fs::read(entry.path().join(of)).unwrap_or_default();
                assert!(!has(&bytes), "{}/{of}", entry.path().display());
            }
        }
        let mut folders = vec![self.dir.path().to_owned()];
        folders.extend(self.hosts.iter().map(|sshd| sshd.dir.path().to_owned()));
        let mut files = 0;
        while let Some(folder) = folders.pop() {
            // What is looked at while a run goes on may be gone by then.
            for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
                let Ok(kind) = entry.file_type() else { continue };
                if kind.is_dir() {
                    folders.push(entry.path());
                } else if kind.is_file() {
                    files += 1;
                    assert!(!has(&std::fs::read(entry.path()).unwrap_or_default()), "{}", entry.path().display());
                }
            }
        }
        assert!(files > 10, "{files}");
    }

    /// Nothing is left of what had it.
    pub(crate) async fn forgotten(&self) {
        for host in 0..self.hosts.len() {
            let left = || {
                let lent = std::fs::read_dir(self.file(host, ".quarterdeck/sudo")).map_or(0, Iterator::count);
                lent + self.runs(host).iter().filter(|run| run.join("sudo").exists()).count()
            };
            let home = self.hosts[host].home().display().to_string();
            eventually("it is forgotten", async || left() == 0 && !sshd::runs(&format!("{home}/.quarterdeck"))).await;
        }
    }
}

fn asks(engine: &Engine) -> bool {
    engine.state.runs.sudo.asking.as_ref().is_some_and(|asking| !asking.trying)
        && engine.state.screen.overlay == Some(Overlay::Sudo)
}

/// Asks for the restart until a password is asked for.
async fn asked(engine: &mut Engine) {
    until(engine, "the store", |engine| engine.state.is_loaded()).await;
    let service: ServiceId = SERVICE.parse().unwrap();
    engine.handle(Msg::Runs(runs::Msg::Asked { service, wanted: Wanted::Restart }));
    until(engine, "the question", asks).await;
}

/// Answers as the terminal does.
fn answer(engine: &mut Engine, password: &str) -> Vec<HostName> {
    let hosts = engine.state.runs.sudo.asking.as_ref().unwrap().meant(&engine.state.inventory);
    engine.state.screen.close();
    engine.handle(Msg::Runs(runs::Msg::Sudo(SudoMsg::Given)));
    engine.try_sudo(hosts.clone(), password.into());
    hosts
}

async fn confirmed(engine: &mut Engine) {
    until(engine, "the review", |engine| engine.state.runs.review.is_some()).await;
    let (clock, checks) = (clock(), engine.state.runs.review.as_ref().unwrap().plan.prechecks.clone());
    let known = |check: &runs::Precheck| check.verdict == Fit::Good && check.text.contains("is right");
    assert!(checks.iter().any(known), "{checks:?}");
    let opened = clock.now().mono;
    until(engine, "the type-ahead guard", |_| clock.now().mono.since(opened) > runs::TYPE_AHEAD_MS + 100).await;
    engine.handle(Msg::Runs(runs::Msg::Confirmed));
    let review = engine.state.runs.review.as_ref().map(|review| review.refused.clone());
    assert!(review.is_none(), "{review:?}");
}

fn run(engine: &Engine) -> Option<&Run> {
    engine.state.runs.runs.values().next()
}

async fn ended(engine: &mut Engine) -> Run {
    until(engine, "the run's end", |engine| run(engine).is_some_and(|run| run.outcome.is_some())).await;
    run(engine).unwrap().clone()
}

pub(crate) const ASKS: &str = "sudo = \"password\"";
pub(crate) const ALL: Sudo = Sudo { lines: "USER ALL=(ALL) ALL" };

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_typed_once_for_all_steps_of_all_hosts_and_found_nowhere() {
    let Some(bed) = Bed::of(2, ALL, ASKS, "").await else { return };
    let mut engine = bed.console("ana");
    asked(&mut engine).await;
    assert_eq!(answer(&mut engine, PASSWORD).len(), 2, "one login, one answer");
    confirmed(&mut engine).await;
    for host in 0..2 {
        until(&mut engine, "the last step", |_| bed.file(host, "at").exists()).await;
        let folder = bed.runs(host).pop().unwrap().join("sudo");
        let (of, word) = (folder.metadata().unwrap(), folder.join("want").metadata().unwrap());
        assert_eq!((of.permissions().mode() & 0o777, word.permissions().mode() & 0o777), (0o700, 0o600));
        assert!(word.file_type().is_fifo());
        bed.found_nowhere();
        std::fs::write(bed.file(host, "go"), "").unwrap();
    }
    let run = ended(&mut engine).await;
    assert_eq!(run.outcome.unwrap().0, RunOutcome::Succeeded, "{}", told(&run));
    for host in 0..2 {
        bed.did_all(host);
        assert_eq!(bed.wrong(host), 0);
    }
    assert!(run.output.iter().all(|line| !line.text.contains("assword")), "{}", told(&run));
    engine.stop();
    bed.found_nowhere();
    bed.forgotten().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn three_wrong_passwords_are_told_change_nothing_and_are_tried_once_each() {
    let Some(bed) = Bed::of(2, ALL, ASKS, "").await else { return };
    let mut engine = bed.console("ana");
    asked(&mut engine).await;
    for left in ["2 more tries", "1 more try"] {
        answer(&mut engine, "wrong");
        until(&mut engine, "the question", asks).await;
        let wrong = engine.state.runs.sudo.asking.as_ref().unwrap().wrong.clone().unwrap();
        assert!(wrong.contains("web-0") && wrong.contains("nothing was changed") && wrong.contains(left), "{wrong}");
    }
    answer(&mut engine, "wrong");
    until(&mut engine, "the end of it", |engine| engine.state.runs.planning.is_none()).await;
    // A link that a busy machine loses for a moment says something of its own after it.
    let said: Vec<String> = engine.state.screen.messages.iter().map(|message| message.text.clone()).collect();
    let told =
        |text: &String| text.contains("3 wrong passwords for sudo on web-0") && text.contains("nothing was changed");
    assert!(said.iter().any(told), "{said:#?}");
    assert!(engine.state.runs.review.is_none() && engine.state.screen.overlay.is_none());
    assert_eq!((bed.wrong(0), bed.wrong(1)), (3, 0), "never on the next host, never twice");

    // Without it one may look: nothing of it is green, and it cannot be confirmed.
    asked(&mut engine).await;
    engine.state.screen.close();
    engine.handle(Msg::Runs(runs::Msg::Sudo(SudoMsg::Declined)));
    until(&mut engine, "the review", |engine| engine.state.runs.review.is_some()).await;
    let checks = engine.state.runs.review.as_ref().unwrap().plan.prechecks.clone();
    let unknown = checks.iter().find(|check| check.text.contains("sudo")).unwrap();
    assert_eq!(unknown.verdict, Fit::Bad);
    assert!(unknown.text.contains("web-0, web-1: not known until the sudo password is given"), "{unknown:?}");
    let (clock, opened) = (clock(), clock().now().mono);
    until(&mut engine, "the guard", |_| clock.now().mono.since(opened) > runs::TYPE_AHEAD_MS + 100).await;
    engine.handle(Msg::Runs(runs::Msg::Confirmed));
    assert!(engine.state.runs.review.as_ref().unwrap().refused.as_ref().unwrap().contains("not known until"));
    engine.stop();
    assert!(bed.runs(0).is_empty() && bed.runs(1).is_empty() && !bed.file(0, "ids").exists());
    bed.forgotten().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_shell_takes_it_from_standard_input_and_what_echoes_it_shows_stars() {
    let echo = "[service.recipe.tasks.echo]\nsteps = [\"echo it is $($SUDO_ASKPASS); sudo -n true\"]";
    let Some(bed) = Bed::of(1, ALL, ASKS, echo).await else { return };
    let change = ["restart", SERVICE, "--yes-i-mean", SERVICE];
    let with = [&change[..], &["--sudo-password-stdin"]].concat();
    let (said, code) = bed.qd(&change, "").await;
    assert!(code == 5 && said.contains("--sudo-password-stdin") && said.contains("nothing was changed"), "{said}");
    let (said, code) = bed.qd(&with, "wrong\n").await;
    assert!(code == 5 && said.contains("is wrong for sudo on web-0: nothing was changed"), "{said}");
    assert_eq!((bed.wrong(0), bed.runs(0).len()), (1, 0));
    let (said, code) = bed.qd(&with, "").await;
    assert!(code == 5 && said.contains("no password on standard input"), "{said}");
    // A dry run needs none, and says what it does not know.
    let (said, code) = bed.qd(&["restart", SERVICE, "--dry-run"], "").await;
    assert!(code == 0 && said.contains("not known until the sudo password is given"), "{said}");
    bed.go();
    let (said, code) = bed.qd(&with, &format!("{PASSWORD}\nmore\n")).await;
    assert_eq!(code, 0, "{said}");
    bed.did_all(0);
    bed.found_nowhere();

    let (said, code) =
        bed.qd(&["run", SERVICE, "echo", "--yes-i-mean", SERVICE, "--sudo-password-stdin"], PASSWORD).await;
    assert!(code == 0 && said.contains("it is ***") && !said.contains(PASSWORD), "{said}");
    bed.forgotten().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_console_leaves_it_to_the_host_and_who_goes_on_is_asked() {
    let Some(bed) = Bed::of(2, ALL, ASKS, "").await else { return };
    bed.abandoned("restart").await;
    bed.go();
    let folder = bed.runs(0).pop().unwrap();
    eventually("the host's end", async || {
        std::fs::read_to_string(folder.join("journal")).is_ok_and(|text| text.contains(" done ok"))
    })
    .await;
    bed.did_all(0);
    assert!(!folder.join("sudo").exists(), "gone with the end");

    let name = folder.file_name().unwrap().to_str().unwrap();
    let go_on = ["attach", name, "--go-on", "--yes-i-mean", SERVICE];
    let (said, code) = bed.qd(&go_on, "").await;
    assert!(code == 5 && said.contains("sudo on web-0 asks for a password"), "{said}");
    assert!(!bed.file(1, "ids").exists());
    let (said, code) = bed.qd(&[&go_on[..], &["--sudo-password-stdin"]].concat(), PASSWORD).await;
    assert_eq!(code, 0, "{said}");
    bed.did_all(1);
    assert_eq!(bed.text(0, "ids"), "0\n", "nothing ran twice");
    bed.found_nowhere();
    bed.forgotten().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_is_cut_meanwhile_is_unknown_and_goes_on_with_it_when_it_is_back() {
    let Some(bed) = Bed::of(2, ALL, ASKS, "").await else { return };
    let mut engine = bed.console("ana");
    asked(&mut engine).await;
    answer(&mut engine, PASSWORD);
    confirmed(&mut engine).await;
    until(&mut engine, "the last step", |_| bed.file(0, "at").exists()).await;
    let lost = |engine: &Engine| run(engine).is_some_and(|run| run.lost.contains_key(&HostName::from("web-0")));
    bed.relays[0].refuse(true);
    bed.relays[0].cut();
    until(&mut engine, "the loss", lost).await;
    assert_eq!(run(&engine).unwrap().outcome, None, "nobody knows yet");
    // Its last step calls sudo while nobody is connected.
    bed.go();
    let folder = bed.runs(0).pop().unwrap();
    until(&mut engine, "the host's end", |_| {
        std::fs::read_to_string(folder.join("journal")).is_ok_and(|text| text.contains(" done ok"))
    })
    .await;
    assert!(lost(&engine) && !bed.file(1, "ids").exists(), "the next host waits for the first");
    // The next host cannot be reached at first either.
    bed.relays[1].refuse(true);
    bed.relays[1].cut();
    bed.relays[0].refuse(false);
    let away = |engine: &Engine| run(engine).is_some_and(|run| run.lost.contains_key(&HostName::from("web-1")));
    until(&mut engine, "the loss of the next", away).await;
    assert_eq!(run(&engine).unwrap().outcome, None, "it is tried again");
    bed.relays[1].refuse(false);
    let run = ended(&mut engine).await;
    assert_eq!(run.outcome.unwrap().0, RunOutcome::Succeeded, "{}", told(&run));
    for host in 0..2 {
        // What it did it did once, with the password that was typed once.
        bed.did_all(host);
        assert_eq!(bed.wrong(host), 0);
    }
    bed.found_nowhere();
    engine.stop();
    bed.forgotten().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_goes_back_by_itself_has_it() {
    let fails = "[service.recipe.tasks.deploy]\nsteps = [\"sudo -n id -u >>ids\", \": >at; until [ -e go ]; do sleep 0.02; done; false\"]\nundo = [\"sudo -n id -u >>undone\"]";
    let Some(bed) = Bed::of(1, ALL, ASKS, fails).await else { return };
    bed.abandoned("deploy").await;
    bed.go();
    eventually("the way back", async || bed.text(0, "undone") == "0\n").await;
    bed.forgotten().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_runner_takes_it_along() {
    let Some(bed) = Bed::of(1, ALL, ASKS, "").await else { return };
    bed.abandoned("restart").await;
    let folder = bed.runs(0).pop().unwrap();
    let pid = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap().trim().to_owned();
    let feeder = PathBuf::from(format!("/proc/{}", pid("sudo/feeder")));
    assert!(feeder.exists());
    sshd::signal(pid("pid").parse().unwrap(), "KILL");
    eventually("it is gone with the runner", async || !folder.join("sudo").exists() && !feeder.exists()).await;
    bed.found_nowhere();
    // The step goes on without, and is refused.
    bed.go();
    eventually("the step is over", async || {
        std::fs::read_to_string(folder.join("out.2")).is_ok_and(|said| said.contains("sudo: "))
    })
    .await;
    assert!(!bed.file(0, "over").exists() || bed.text(0, "over").is_empty());
    bed.forgotten().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_wrong_password_is_told_as_what_it_is_and_a_reference_asks_nobody() {
    let Some(bed) = Bed::of(1, Sudo { lines: "USER ALL=(ALL) ALL\nDefaults requiretty" }, ASKS, "").await else {
        return;
    };
    let (said, code) = bed.qd(&["restart", SERVICE, "--yes-i-mean", SERVICE, "--sudo-password-stdin"], PASSWORD).await;
    assert!(code == 5 && said.contains("sudo on web-0") && said.contains("tty"), "{said}");
    assert!(!bed.file(0, "ids").exists());

    // The configuration knows it: nobody is asked. A wrong one is tried once.
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let host = format!("{ASKS}\nsudo_password = \"file:{}\"", file.path().display());
    let bed = Bed::of(1, ALL, &host, "").await.unwrap();
    bed.go();
    file.write_all(b"wrong").unwrap();
    let (said, code) = bed.qd(&["restart", SERVICE, "--yes-i-mean", SERVICE], "").await;
    assert!(code == 5 && said.contains("its `sudo_password` is wrong") && bed.wrong(0) == 1, "{said}");
    std::fs::write(file.path(), PASSWORD).unwrap();
    let (said, code) = bed.qd(&["restart", SERVICE, "--yes-i-mean", SERVICE], "").await;
    assert_eq!(code, 0, "{said}");
    bed.did_all(0);
    bed.found_nowhere();

    // Where nothing is asked nothing is changed by all this.
    let bed = Bed::of(1, Sudo { lines: "USER ALL=(ALL) NOPASSWD: ALL" }, "", "").await.unwrap();
    bed.go();
    let (said, code) = bed.qd(&["restart", SERVICE, "--yes-i-mean", SERVICE], "").await;
    assert_eq!(code, 0, "{said}");
    bed.did_all(0);
    assert!(bed.runs(0).iter().all(|run| !run.join("sudo").exists()) && !bed.file(0, ".quarterdeck/sudo").exists());
}

/// Only so that a machine without `sudo` says so once.
#[test]
fn sudo_says_its_version() {
    let has = Command::new("sudo").arg("-V").stdin(Stdio::null()).output();
    println!(
        "{}",
        has.map_or_else(|error| error.to_string(), |of| String::from_utf8_lossy(&of.stdout).lines().take(1).collect())
    );
}
