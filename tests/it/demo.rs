//! The demo's fleet as its clients see it: OpenSSH's `ssh` logs in, plain HTTP asks, and a restart mends what broke.
use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    process::{Command, Output, Stdio},
    sync::Arc,
    time::Duration,
};

use quarterdeck::{
    checks::Context,
    config::{self, Catalog, Env},
    core::{
        id::HostName,
        inventory::Inventory,
        runs::{PlanFacts, Wanted},
        services::Outcome,
        time::{Clock, Mono, Now, Timestamp},
    },
    demo::{self, Fleet, Options},
    parse::proc::{Blocks, Sampler},
    remote::{
        Exit, Lane, Remote as _, Script,
        ssh::{Pool, PoolOptions},
    },
    sources::{Deliver, Reading},
    store::{BucketKind, IfMissing, Sqlite, Store as _},
    tasks::Tasks,
};

/// Longer than anything here takes; only a hang reaches it.
const GUARD: Duration = Duration::from_secs(30);

#[derive(Debug)]
struct Ticking(std::time::Instant);

impl Ticking {
    #[expect(clippy::disallowed_methods, reason = "live servers belong to real time")]
    fn start() -> Arc<Self> {
        Arc::new(Self(std::time::Instant::now()))
    }
}

impl Clock for Ticking {
    fn now(&self) -> Now {
        let ms = u64::try_from(self.0.elapsed().as_millis()).unwrap();
        // Today's date: certificates are judged by it.
        let utc = std::time::UNIX_EPOCH.elapsed().unwrap();
        Now { utc: Timestamp(i64::try_from(utc.as_millis()).unwrap()), mono: Mono(ms) }
    }
}

struct Demo {
    fleet: Fleet,
    config: toml::Table,
    _parent: tempfile::TempDir,
    runtime: tokio::runtime::Runtime,
}

impl Demo {
    fn start(breaks_after: Option<Duration>) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let parent = tempfile::tempdir().unwrap();
        let options = Options { breaks_after, parent: Some(parent.path().to_owned()), ..Options::default() };
        let tasks = Tasks::new(runtime.handle().clone(), |panicked| panic!("{panicked:?}"));
        let fleet = runtime.block_on(demo::start(&tasks, Ticking::start(), options)).unwrap();
        let config = fleet.config_toml.parse().unwrap();
        Self { fleet, config, _parent: parent, runtime }
    }

    fn port(&self, host: &str) -> i64 {
        let hosts = self.config["host"].as_array().unwrap();
        hosts.iter().find(|entry| entry["name"].as_str() == Some(host)).unwrap()["port"].as_integer().unwrap()
    }

    fn ssh(&self, host: &str) -> Command {
        let mut ssh = Command::new("ssh");
        ssh.args([
            "-F",
            "/dev/null",
            "-o",
            "BatchMode=yes",
            "-o",
            "StrictHostKeyChecking=yes",
            "-o",
            "IdentitiesOnly=yes",
        ])
        .args(["-o", "GlobalKnownHostsFile=/dev/null", "-o", "IdentityAgent=none", "-o", "ConnectTimeout=30"])
        .arg("-o")
        .arg(format!("UserKnownHostsFile={}", self.fleet.known_hosts.display()))
        .arg("-i")
        .arg(&self.fleet.identity)
        .args(["-p", &self.port(host).to_string(), "deploy@127.0.0.1"])
        .stdin(Stdio::null());
        ssh
    }

    fn run(&self, host: &str, command: &str) -> (Option<i32>, String) {
        let Output { status, stdout, stderr } = self.ssh(host).arg(command).output().unwrap();
        let text = String::from_utf8_lossy(&stdout).into_owned();
        (status.code(), if stderr.is_empty() { text } else { text + &String::from_utf8_lossy(&stderr) })
    }

    fn status(&self, service: &str, env: &str) -> String {
        let services = self.config["service"].as_array().unwrap();
        let entry = services.iter().find(|entry| entry["name"].as_str() == Some(service)).unwrap();
        let url = entry["in"][env]["checks"][0]["url"].as_str().unwrap();
        let (address, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(GUARD)).unwrap();
        write!(stream, "GET /{path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.split(' ').nth(1).unwrap().to_owned()
    }
}

/// Asks until the answer is what is awaited, or hangs.
fn wait_for<T: PartialEq + std::fmt::Debug>(what: &str, wanted: &T, mut ask: impl FnMut() -> T) {
    let clock = Ticking::start();
    loop {
        let got = ask();
        if got == *wanted {
            return;
        }
        assert!(clock.now().mono.0 < 30_000, "{what}: still {got:?}");
    }
}

#[test]
fn openssh_logs_in_to_a_simulated_machine() {
    let demo = Demo::start(None);
    assert_eq!(demo.run("api-01", "hostname; exit 7"), (Some(7), "api-01\n".into()));
    let (_, df) = demo.run("db-01", "df -P -l -k");
    assert!(df.contains(" /var/lib/mysql\n") && df.lines().count() == 3, "{df}");
    let (_, inodes) = demo.run("db-01", "df -P -l -i");
    assert!(inodes.contains("Inodes"), "{inodes}");
    let (_, busiest) = demo.run("db-01", "ps -o pid= -o user= -o args= -p 931,958");
    assert!(busiest.contains("/usr/sbin/mysqld") && busiest.lines().count() == 2, "{busiest}");
    let (_, stat) = demo.run("db-01", "head -n 1 \"$QD_PROC/stat\"; cat \"$QD_PROC/931/stat\"");
    assert!(stat.starts_with("cpu ") && stat.contains("931 (mysqld) S "), "{stat}");
    let (code, unit) = demo.run("api-01", "systemctl show --no-pager -p Id,ActiveState apache2.service nope.service");
    assert_eq!(
        (code, unit.as_str()),
        (Some(0), "Id=apache2.service\nActiveState=active\n\nId=nope.service\nActiveState=inactive\n")
    );
    let (_, skew) = demo.run("stage-01", "echo $(($(date +%s) - $(/bin/date +%s)))");
    assert!(["41\n", "40\n", "42\n"].contains(&skew.as_str()), "{skew}");
    assert_eq!(demo.run("api-01", "kill -9 $$").0, Some(255), "a signal is no exit code");
    assert_eq!(
        demo.run("api-01", "echo \"$HOME$SSH_AUTH_SOCK\" | grep -c \"^$PWD$\"").1,
        "1\n",
        "nothing of our environment"
    );
}

#[test]
fn stdin_reaches_the_command_and_its_end_ends_what_waits_for_it() {
    let demo = Demo::start(None);
    let mut child = demo
        .ssh("api-01")
        .arg("wc -c; echo ended >&2")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&vec![b'x'; 3_000_000]).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "3000000");
    assert_eq!(output.stderr, b"ended\n");
    // The other way round, more than any window.
    let output = demo.ssh("api-01").arg("head -c 30000000 /dev/zero").output().unwrap();
    assert_eq!(output.stdout.len(), 30_000_000);
}

#[test]
fn a_detached_command_goes_on_after_the_link_is_closed() {
    let demo = Demo::start(None);
    let (code, _) =
        demo.run("play-01", "mkfifo go; setsid sh -c 'read x <go; echo $x >done' >/dev/null 2>&1 </dev/null &");
    assert_eq!(code, Some(0));
    demo.run("play-01", "echo on >go");
    wait_for("the detached command", &"on\n".to_owned(), || demo.run("play-01", "cat done 2>/dev/null").1);
}

#[test]
fn a_stranger_is_not_let_in() {
    let demo = Demo::start(None);
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("other");
    let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key).status().unwrap();
    assert!(made.success());
    let port = demo.port("api-01").to_string();
    let output = Command::new("ssh")
        .args(["-F", "/dev/null", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none", "-o"])
        .arg(format!("UserKnownHostsFile={}", demo.fleet.known_hosts.display()))
        .arg("-i")
        .arg(&key)
        .args(["-p", &port, "deploy@127.0.0.1", "true"])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(255) && said.contains("Permission denied (publickey)"), "{said}");
}

#[test]
fn a_jump_leads_to_the_fleet_and_nowhere_else() {
    let demo = Demo::start(None);
    let through = |target: i64| {
        let proxy = format!(
            "ssh -F /dev/null -o BatchMode=yes -o IdentitiesOnly=yes -o IdentityAgent=none -o UserKnownHostsFile={} -i {} \
             -p {} -W 127.0.0.1:{target} deploy@127.0.0.1",
            demo.fleet.known_hosts.display(),
            demo.fleet.identity.display(),
            demo.port("lb-01"),
        );
        let output = demo.ssh("db-01").arg("-o").arg(format!("ProxyCommand={proxy}")).arg("hostname").output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    assert_eq!(through(demo.port("db-01")), (Some(0), "db-01\n".into()));
    assert_eq!(through(1).0, Some(255), "no way out");
}

#[test]
fn a_service_breaks_and_pm2_mends_it() {
    let demo = Demo::start(Some(Duration::from_secs(1)));
    wait_for("the outage", &"502".to_owned(), || demo.status("play", "prod"));
    assert_eq!(demo.status("play", "staging"), "200");
    let status = || {
        let (code, list) = demo.run("play-01", "pm2 jlist --silent");
        assert_eq!(code, Some(0), "{list}");
        let list: serde_json::Value = serde_json::from_str(&list).unwrap();
        (list[0]["pm2_env"]["status"].as_str().unwrap().to_owned(), list[0]["pid"].as_u64().unwrap())
    };
    // Its list is written a moment after users see it.
    wait_for("PM2 gives it up", &("errored".to_owned(), 0), status);
    assert_eq!(demo.run("play-01", "pm2 restart 9").0, Some(1));
    let (code, text) = demo.run("play-01", "PATH=/nowhere:$PATH pm2 restart 0 --no-color");
    assert!(code == Some(0) && text.contains("[play](0)"), "{code:?} {text}");
    let (state, pid) = status();
    assert!(state == "online" && pid > 0, "{state} {pid}");
    wait_for("the recovery", &"200".to_owned(), || demo.status("play", "prod"));
    let (_, log) = demo.run("play-01", "cat .pm2/logs/play-error.log");
    assert!(log.contains("MongoServerSelectionError"), "{log}");
    assert_eq!(demo.run("play-01", "tr '\\0' ' ' <\"/proc/$(cat .pm2/pm2.pid)/cmdline\" | grep -c 'PM2 v'").1, "1\n");
}

#[test]
fn the_sampler_reads_the_simulated_machine_and_not_this_one() {
    let demo = Demo::start(None);
    let clock = Ticking::start();
    for (host, cores, low, high) in [("db-01", 8, 75.0, 99.0), ("stage-01", 2, 0.5, 30.0)] {
        let script = format!("{}\n", quarterdeck::sources::ssh_metrics::script(1_000));
        let mut child = demo.ssh(host).arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (mut blocks, mut sampler) = (Blocks::default(), Sampler::default());
        let mut stdout = child.stdout.take().unwrap();
        let sample = loop {
            let mut bytes = [0; 4096];
            let read = stdout.read(&mut bytes).unwrap();
            assert!(read > 0, "the loop ended");
            let mut last = None;
            for block in blocks.push(&bytes[..read]).unwrap() {
                last = Some(sampler.push(&block, clock.now(), Some(1)).unwrap());
            }
            // The first samples have nothing to compare with; file systems and processes come beside the loop.
            if let Some(sample) = last.filter(|sample| {
                sample.cpu_pct.is_some_and(|cpu| cpu > 0.0) && !sample.disks.is_empty() && !sample.top.is_empty()
            }) {
                break sample;
            }
        };
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(sample.cpu_pct.is_some_and(|cpu| (low..high).contains(&cpu)), "{sample:#?}");
        assert_eq!(sample.core_count.or(u32::try_from(sample.cores_pct.len()).ok()), Some(cores));
        assert!(sample.psi.is_some() && sample.net.is_some() && sample.uptime_s.is_some(), "{sample:#?}");
        let busiest = sample.top.first().unwrap();
        assert!(["mysqld", "node", "apache2"].iter().any(|name| busiest.command.contains(name)), "{busiest:?}");
        assert!(sample.disks.iter().any(|disk| disk.mount == "/"), "{:?}", sample.disks);
    }
}

/// What the console is given to work with: the demo's configuration, loaded, and a way to its hosts.
fn console(demo: &Demo) -> (Inventory, Pool, Arc<Ticking>) {
    let (checks, recipes) = (quarterdeck::checks::kinds(), quarterdeck::recipes::kinds());
    let catalog = Catalog { checks: &checks, recipes: &recipes, trackers: &[], notifiers: &[], metrics: &[] };
    let env = Env::new(demo.fleet.folder(), []);
    let loaded = config::load(&demo.fleet.config_path, &catalog, &env);
    assert!(loaded.usable && loaded.problems.is_empty(), "{:#?}", loaded.problems);
    assert!(loaded.settings.store.starts_with(&demo.fleet.state_dir), "{:?}", loaded.settings.store);
    let clock = Ticking::start();
    let tasks = Tasks::new(demo.runtime.handle().clone(), |panicked| panic!("{panicked:?}"));
    let options = PoolOptions {
        home: demo.fleet.folder().to_owned(),
        known_hosts: Some(vec![demo.fleet.known_hosts.clone()]),
        ssh: None,
        ssh_config: Some("/dev/null".into()),
        agent: None,
        ..PoolOptions::from_env(false)
    };
    let pool = Pool::new(&loaded.inventory.hosts, tasks, clock.clone(), options);
    (loaded.inventory, pool, clock)
}

#[test]
fn the_console_finds_everything_up_then_one_down_and_mends_it_by_its_recipe() {
    let demo = Demo::start(Some(Duration::from_secs(6)));
    let (inventory, pool, clock) = console(&demo);
    assert_eq!((inventory.hosts.len(), inventory.services.len()), (8, 10));
    let context = Context { remote: Arc::new(pool.clone()), clock };
    let ask = |id: &str| {
        let check = inventory.check(&id.parse().unwrap()).unwrap();
        demo.runtime.block_on(quarterdeck::checks::probe(check).unwrap().ask(&context))
    };
    assert_ne!(ask("play@prod/page").outcome, Outcome::Down, "before it breaks");
    // The one that breaks may have done so by the time that a busy machine comes to it.
    let others = inventory.checks().filter(|check| check.id.service.to_string() != "play@prod");
    for check in others {
        let seen = ask(&check.id.to_string());
        assert_ne!(seen.outcome, Outcome::Down, "{}: {seen:?}", check.id);
        // A slow answer is part of the play; a check that cannot be made is not.
        assert_ne!(seen.outcome, Outcome::Unknown, "{}: {seen:?}", check.id);
    }
    wait_for("the outage", &Outcome::Down, || ask("play@prod/page").outcome);

    let host = inventory.host(&"play-01".into()).unwrap().clone();
    // The first reading that is as asked: its process is tried again a few times before PM2 gives it up.
    let read = |source: &'static str, holds: &dyn Fn(&Reading) -> bool| {
        let (send, receive) = std::sync::mpsc::channel();
        let source = quarterdeck::sources::ALL.iter().find(|known| known.name() == source).unwrap();
        let context = quarterdeck::sources::Context {
            host: host.clone(),
            folders: Arc::new([]),
            remote: Arc::new(pool.clone()),
            deliver: Arc::new(Hand(std::sync::Mutex::new(send))),
            clock: Ticking::start(),
            every_ms: 1_000,
        };
        let running = demo.runtime.spawn(source.run(context));
        let mut readings = std::iter::from_fn(|| receive.recv_timeout(GUARD).ok());
        let reading = readings.find(holds).unwrap();
        running.abort();
        reading
    };
    let Reading::Units(units) = read("systemd", &|_| true) else { panic!() };
    assert_eq!((units[0].unit.as_str(), units[0].active.as_str()), ("nginx.service", "active"));
    let gave_up =
        |reading: &Reading| matches!(reading, Reading::Pm2(list) if list.processes[0].status.as_str() == "errored");
    let Reading::Pm2(list) = read("pm2", &gave_up) else { panic!() };
    assert!(list.daemon && list.logs_bytes.is_some(), "{list:?}");
    assert_eq!((list.processes[0].name.as_str(), list.processes[0].status.as_str()), ("play", "errored"));

    let service = inventory.service(&"play@prod".parse().unwrap()).unwrap();
    let facts = PlanFacts { pm2: [(host.name.clone(), list)].into(), ..PlanFacts::default() };
    let plan = quarterdeck::recipes::plan(&inventory, service, &Wanted::Restart, &facts).unwrap();
    assert_eq!(plan.lock, "~/www/play/.qd.lock", "the home is the simulated host's");
    for step in &plan.steps {
        let script = Script { path_prefix: step.path_prefix.clone(), ..Script::new(&step.command) };
        let output = demo.runtime.block_on(pool.run(&step.host, Lane::Control, script)).unwrap();
        assert_eq!(output.exit, Exit::Code(0), "{output:?}");
    }
    wait_for("the recovery", &true, || ask("play@prod/page").outcome != Outcome::Down);
    let billing = inventory.service(&"billing@prod".parse().unwrap()).unwrap();
    let plan = quarterdeck::recipes::plan(&inventory, billing, &Wanted::Restart, &PlanFacts::default()).unwrap();
    assert!(plan.lock.starts_with(&*demo.fleet.folder().to_string_lossy()), "{}", plan.lock);
    let script = Script { timeout: GUARD, ..Script::new(&plan.steps[0].command) };
    let output = demo.runtime.block_on(pool.run(&plan.steps[0].host, Lane::Control, script)).unwrap();
    assert_eq!(output.exit, Exit::Code(0), "{output:?}");
}

struct Hand(std::sync::Mutex<std::sync::mpsc::Sender<Reading>>);

impl Deliver for Hand {
    fn reading(&self, _host: &HostName, _source: &'static str, reading: Reading) {
        let _nobody_waits = self.0.lock().unwrap().send(reading);
    }
}

/// The program as a process of its own, with a home of its own; it is ended by its own signal.
struct Process(std::process::Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _gone = Command::new("kill").args(["-s", "TERM", "--", &self.0.id().to_string()]).status();
        let _ended = self.0.wait();
    }
}

/// A fleet that another process runs, and a home for consoles that are given its printed configuration.
pub(crate) struct Apart {
    place: tempfile::TempDir,
    fleet: Option<Process>,
    /// The fleet's own folder.
    pub(crate) folder: std::path::PathBuf,
}

impl Apart {
    pub(crate) fn start() -> Self {
        let place = tempfile::tempdir().unwrap();
        for name in ["home", "tmp"] {
            std::fs::create_dir(place.path().join(name)).unwrap();
        }
        let mut apart = Self { place, fleet: None, folder: std::path::PathBuf::new() };
        let mut fleet = Process(apart.command(&["demo", "--fleet-only"]).stdout(Stdio::piped()).spawn().unwrap());
        let mut printed = std::io::BufReader::new(fleet.0.stdout.take().unwrap());
        let mut text = vec![0];
        printed.read_exact(&mut text).unwrap();
        // It is printed as it stands in the fleet's folder, which is complete by now.
        apart.folder = std::fs::read_dir(apart.place.path().join("tmp")).unwrap().next().unwrap().unwrap().path();
        let written = std::fs::read(apart.folder.join("qd.toml")).unwrap();
        text.resize(written.len(), 0);
        printed.read_exact(&mut text[1..]).unwrap();
        assert!(text == written);
        std::fs::write(apart.place.path().join("qd.toml"), &text).unwrap();
        apart.fleet = Some(fleet);
        apart
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut qd = Command::new(env!("CARGO_BIN_EXE_qd"));
        qd.args(words).env_clear().env("PATH", std::env::var_os("PATH").unwrap()).env("USER", "somebody");
        qd.env("HOME", self.place.path().join("home"))
            .env("TMPDIR", self.place.path().join("tmp"))
            .stdin(Stdio::null());
        qd
    }

    /// Runs `qd` on the fleet, as somebody who was given its configuration.
    pub(crate) fn qd(&self, words: &[&str]) -> Output {
        self.command(words).arg("--config").arg(self.place.path().join("qd.toml")).output().unwrap()
    }
}

#[test]
fn another_console_uses_the_printed_configuration_and_is_asked_nothing() {
    let mut apart = Apart::start();
    let qd = |words: &[&str]| apart.qd(words);
    let tried = qd(&["check", "--connect", "--json"]);
    let all: serde_json::Value = serde_json::from_slice(&tried.stdout).unwrap();
    let tried = all["data"]["tried"].as_array().unwrap();
    let host_fails = |one: &&serde_json::Value| one["ok"] != true && one["what"].as_str().unwrap().starts_with("host ");
    assert_eq!(tried.iter().find(host_fails), None);
    assert_eq!(all["data"]["problems"].as_array().map(Vec::len), Some(0), "{all}");

    let status = qd(&["status", "--json"]);
    // 1: the service may have broken by now, as it is meant to.
    assert!(matches!(status.status.code(), Some(0 | 1)), "{status:?}");
    let all: serde_json::Value = serde_json::from_slice(&status.stdout).unwrap();
    let services = all["data"].as_array().unwrap();
    assert_eq!(services.len(), 10);
    for service in services {
        for check in service["checks"].as_array().unwrap() {
            assert!(matches!(check["outcome"].as_str(), Some("up" | "degraded" | "down")), "{check}");
        }
    }
    let hosts = qd(&["hosts", "--json"]);
    let all: serde_json::Value = serde_json::from_slice(&hosts.stdout).unwrap();
    for host in all["data"].as_array().unwrap() {
        assert_eq!(host["fault"], serde_json::Value::Null, "{host}");
    }
    assert!(!apart.place.path().join("home/.ssh").exists());
    drop(apart.fleet.take());
    assert!(!apart.folder.exists(), "the fleet's folder is left behind");
    let left: Vec<_> =
        std::fs::read_dir(apart.place.path().join("tmp")).unwrap().map(|of| of.unwrap().path()).collect();
    assert!(left.is_empty(), "nor is anything under another name: {left:?}");
}

#[test]
fn one_service_answers_by_tls_and_says_how_long_its_certificate_is_good() {
    let demo = Demo::start(None);
    let (inventory, pool, clock) = console(&demo);
    let billing = inventory.service(&"billing@prod".parse().unwrap()).unwrap();
    let page = billing.checks.iter().find(|check| check.id.check.as_str() == "page").unwrap();
    let probe = quarterdeck::checks::probe(page).unwrap();
    let now = clock.now().utc;
    let context = Context { remote: Arc::new(pool), clock };
    let seen = demo.runtime.block_on(probe.ask(&context));
    // Slow on a busy machine, but answered.
    assert!(matches!(seen.outcome, Outcome::Up | Outcome::Degraded) && seen.detail.starts_with("200"), "{seen:?}");
    assert_eq!(seen.cert_not_after.unwrap().since(now) / 86_400_000, 41);
    // Nobody else trusts the demo's authority.
    let mut strange = quarterdeck::core::inventory::CheckSpec::clone(page);
    assert!(strange.params.remove("ca").is_some());
    let seen = demo.runtime.block_on(quarterdeck::checks::probe(&strange).unwrap().ask(&context));
    assert_ne!(seen.outcome, Outcome::Up, "{seen:?}");
}

#[test]
fn the_fleet_leaves_nothing_behind() {
    let demo = Demo::start(None);
    let folder = demo.fleet.folder().to_owned();
    let daemon: u32 = demo.run("play-01", "cat .pm2/pm2.pid").1.trim().parse().unwrap();
    let port = demo.port("api-01");
    drop(demo.fleet);
    assert!(!folder.exists());
    wait_for("its processes' end", &false, || std::path::Path::new(&format!("/proc/{daemon}/cmdline")).exists());
    wait_for("its ports' end", &true, || TcpStream::connect(format!("127.0.0.1:{port}")).is_err());
}

#[test]
fn the_past_is_written_once_and_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let options = quarterdeck::store::Options { if_missing: IfMissing::Create, ..Default::default() };
    let mut store = Sqlite::open(&folder.path().join("qd.db"), &options).unwrap();
    let now = Ticking::start().now();
    demo::write_past(&mut store, 1, now).unwrap();
    let buckets = store.buckets(BucketKind::Hours, Timestamp(0), now.utc).unwrap();
    let days = store.buckets(BucketKind::Days, Timestamp(0), now.utc).unwrap();
    assert!((800..=900).contains(&days.len()), "{}", days.len());
    let services: std::collections::BTreeSet<_> = buckets.iter().map(|bucket| bucket.service.to_string()).collect();
    assert_eq!(services.len(), 10);
    assert!(buckets.len() > 20_000, "{}", buckets.len());
    assert_eq!(store.holder().unwrap().filter(|holder| holder.until > now.utc), None, "the lease is free again");
}
