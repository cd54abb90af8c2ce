//! A Node service over its life, on real OpenSSH and PM2: it is brought out, brought out anew, a bad build is taken back by
//! itself, and an earlier release is brought back.
use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use quarterdeck::{
    core::{
        Msg,
        id::{ServiceId, Uid},
        inventory::Inventory,
        runs::{self, Build, Run, RunOutcome, Wanted, What, offer::OfferMsg},
        time::{Clock, Timestamp},
    },
    remote::ssh::PoolOptions,
    runtime::engine::Engine,
};
use sha2::Digest as _;

use crate::{
    support::{
        HANG, clock,
        servers::{Pm2, Server, get, nginx, pace},
        sshd::{Setup, Sshd},
        tasks,
    },
    two_consoles::{console, inventory},
};

pub(crate) const SERVER: &str = r"
const http = require('http');
const fs = require('fs');
const version = fs.readFileSync(__dirname + '/VERSION', 'utf8').trim();
http.createServer((request, response) => {
  const night = version === 'v2' && fs.existsSync(process.env.HOME + '/night');
  response.statusCode = version === 'v3-bad' || night ? 500 : 200;
  response.end(JSON.stringify({ status: 'ok', version }));
}).listen(Number(fs.readFileSync(process.env.HOME + '/port', 'utf8')), '127.0.0.1');
";

/// What each host calls its own process.
const OWN: &str = "play.internal";

/// A service on some hosts, and Nginx before them.
pub(crate) struct Fleet {
    pub(crate) hosts: Vec<(Pm2, Sshd)>,
    nginx: Server,
    inventory: Inventory,
    /// The configuration.
    pub(crate) text: String,
    clock: Arc<dyn Clock>,
}

impl Fleet {
    async fn start(count: usize) -> Option<Self> {
        Self::laid_out(count, "keep = 2").await
    }

    /// Starts one whose recipe has these settings too.
    pub(crate) async fn laid_out(count: usize, settings: &str) -> Option<Self> {
        let mut hosts = Vec::new();
        for _ in 0..count {
            let sshd = Sshd::with(Setup { own_machine: true, ..Setup::default() }).await;
            hosts.push((Pm2::idle(&sshd.home())?, sshd));
        }
        let ports: Vec<u16> = hosts.iter().map(|(pm2, _)| pm2.port).collect();
        let nginx = nginx(&ports).await?;
        let path = |path: PathBuf| format!("{:?}", path.display().to_string());
        let mut text = format!(
            "version = 1\nenvironment = [{{ name = \"stage\", kind = \"staging\" }}]\n[store]\npath = {}\n",
            path(hosts[0].1.path("qd.db"))
        );
        for (number, (pm2, sshd)) in hosts.iter().enumerate() {
            // Each asks its own process for its health: they share an address, so the port is by host.
            std::fs::write(sshd.home().join("port"), pm2.port.to_string()).unwrap();
            // And by one name its own process, as behind a port that is the same on every host.
            let own = format!("connect-to = \"{OWN}:80:127.0.0.1:{}\"\n", pm2.port);
            std::fs::write(sshd.home().join(".curlrc"), own).unwrap();
            // The third is reached through the first only.
            let jump = if number == 2 { "jump = [\"web-0\"]\n" } else { "" };
            write!(
                text,
                "[[host]]\nname = \"web-{number}\"\nenv = \"stage\"\naddress = \"127.0.0.1\"\nport = {}\nuser = {:?}\nidentity = \
                 {}\npath_prefix = {:?}\n{jump}",
                sshd.port,
                sshd.user,
                path(sshd.identity()),
                pm2.path_prefix,
            )
            .unwrap();
        }
        let names: Vec<String> = (0..count).map(|number| format!("web-{number}")).collect();
        let health = format!("http://{OWN}/");
        write!(
            text,
            "[[service]]\nname = \"play\"\nkind = \"node-pm2\"\nrecipe = {{ app = \"play\", path = \"~/app\", start = \
             \"server.js\", {settings}, health = {health:?}, health_within = \"8s\", version_url = {health:?} \
             }}\n[service.in.stage]\nhosts = {names:?}\nchecks = [{{ name = \"up\", type = \"http\", url = \
             \"http://127.0.0.1:{}/\", expect = [\"200\"], every = \"1s\", timeout = \"900ms\" }}]\n",
            nginx.port
        )
        .unwrap();
        let inventory = inventory(&text);
        Some(Self { hosts, nginx, inventory, text, clock: clock() })
    }

    /// Packs a build of a version.
    pub(crate) fn build(&self, version: &str, made: i64) -> Build {
        build(&self.hosts[0].1, version, made)
    }

    pub(crate) fn console(&self) -> Engine {
        let files = self.hosts.iter().map(|(_, sshd)| sshd.known_hosts(sshd.port)).collect();
        let ssh = PoolOptions { known_hosts: Some(files), agent: None, ssh: None, ..PoolOptions::from_env(false) };
        console("ana", &self.hosts[0].1.path("qd.db"), &self.inventory, ssh, &self.clock, &tasks())
    }

    /// Has a change planned, confirms it, and returns the run once it ended.
    pub(crate) async fn change(&self, engine: &mut Engine, wanted: Wanted) -> Run {
        change(engine, &self.clock, "play@stage", wanted).await
    }

    /// The same while four users ask for the page without a pause; returns also how often it was answered. No request may fail.
    async fn under_load(&self, engine: &mut Engine, wanted: Wanted) -> (Run, u32) {
        under_load(&[self.nginx.port; 4], self.change(engine, wanted)).await
    }

    /// Returns the version that answers on a host.
    pub(crate) async fn version(&self, host: usize) -> Option<String> {
        let (_, body) = get(self.hosts[host].0.port, "/").await?;
        let json: serde_json::Value = serde_json::from_str(&body).ok()?;
        json["version"].as_str().map(str::to_owned)
    }

    fn app(&self) -> PathBuf {
        self.hosts[0].1.home().join("app")
    }
}

/// Makes a change while users ask for a page again and again, one for each port; returns also how often it was answered. No request
/// may fail.
pub(crate) async fn under_load(ports: &[u16], change: impl Future<Output = Run>) -> (Run, u32) {
    let stop = Arc::new(AtomicBool::new(false));
    let ask = |port: u16, stop: Arc<AtomicBool>| async move {
        let (mut good, mut bad) = (0_u32, Vec::new());
        let mut pace = pace();
        while !stop.load(Ordering::Relaxed) {
            pace.tick().await;
            match get(port, "/").await {
                Some((200, _)) => good += 1,
                other => bad.push(other),
            }
        }
        (good, bad)
    };
    let tasks = tasks();
    let users: Vec<_> = ports.iter().map(|port| tasks.spawn("user", ask(*port, Arc::clone(&stop)))).collect();
    let run = change.await;
    stop.store(true, Ordering::Relaxed);
    let (mut good, mut bad) = (0, Vec::new());
    for user in users {
        let (more, failed) = user.join().await.unwrap();
        good += more;
        bad.extend(failed);
    }
    println!("{}: {good} requests answered meanwhile, {} failed", run.plan.title, bad.len());
    assert_eq!(bad, [], "of {good}");
    (run, good)
}

/// Packs a build of a version, whose `server.js` says which it is.
pub(crate) fn build(sshd: &Sshd, version: &str, made: i64) -> Build {
    let folder = sshd.path(&format!("build-{version}"));
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("server.js"), SERVER).unwrap();
    std::fs::write(folder.join("VERSION"), version).unwrap();
    let archive = sshd.path(&format!("{version}.tar.gz"));
    let packed = Command::new("tar").arg("-C").arg(&folder).arg("-czf").arg(&archive).arg(".").status().unwrap();
    assert!(packed.success());
    let bytes = std::fs::read(&archive).unwrap();
    Build {
        path: archive.display().to_string(),
        version: version.into(),
        sha256: sha2::Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect(),
        bytes: u64::try_from(bytes.len()).unwrap(),
        made: Timestamp(made * 86_400_000),
    }
}

/// Has a change planned, confirms it, and returns the run once it ended.
pub(crate) async fn change(engine: &mut Engine, clock: &Arc<dyn Clock>, service: &str, wanted: Wanted) -> Run {
    let run = confirmed(engine, clock, service, wanted).await;
    until(engine, "the run's end", |engine| engine.state.runs.runs.get(&run).is_some_and(|run| run.outcome.is_some()))
        .await;
    engine.state.runs.runs[&run].clone()
}

/// Opens the box in which one chooses what is brought out, and returns what the hosts know: versions, and which runs.
pub(crate) async fn offered(engine: &mut Engine, service: &str) -> Vec<(String, bool)> {
    let tell = |msg| Msg::Runs(runs::Msg::Offer(msg));
    engine.handle(tell(OfferMsg::Opened(service.parse().unwrap())));
    until(engine, "what the hosts know", |engine| {
        engine.state.runs.offering.as_ref().is_some_and(|of| of.known.is_some())
    })
    .await;
    let known = engine.state.runs.offering.take().unwrap().known.unwrap().unwrap();
    engine.handle(tell(OfferMsg::Closed));
    known.offers.into_iter().map(|offer| (offer.name, offer.runs)).collect()
}

/// Asks for a change that must be refused, and returns why it is.
pub(crate) async fn refused(engine: &mut Engine, clock: &Arc<dyn Clock>, service: &str, wanted: Wanted) -> String {
    confirmed(engine, clock, service, wanted).await;
    let review = engine.state.runs.review.as_ref().and_then(|review| review.refused.clone());
    let said = review.or_else(|| engine.state.screen.message.as_ref().map(|message| message.text.clone()));
    engine.handle(Msg::Runs(runs::Msg::Cancelled));
    said.unwrap()
}

/// Has a change planned and confirms it, if it can be planned.
async fn confirmed(engine: &mut Engine, clock: &Arc<dyn Clock>, service: &str, wanted: Wanted) -> Uid {
    let service: ServiceId = service.parse().unwrap();
    engine.state.screen.message = None;
    engine.handle(Msg::Runs(runs::Msg::Asked { service, wanted }));
    until(engine, "a plan", |engine| engine.state.runs.planning.is_none()).await;
    let Some(run) = engine.state.runs.review.as_ref().map(|review| review.run) else { return Uid::default() };
    let opened = clock.now().mono;
    until(engine, "the type-ahead guard", |_| clock.now().mono.since(opened) > runs::TYPE_AHEAD_MS).await;
    engine.handle(Msg::Runs(runs::Msg::Confirmed));
    run
}

pub(crate) async fn until(engine: &mut Engine, what: &str, holds: impl Fn(&Engine) -> bool) {
    let waited = tokio::time::timeout(HANG * 2, async {
        while !holds(engine) {
            drop(engine.turn().await);
        }
    });
    let done = waited.await.is_ok();
    let said: Vec<&String> = engine.state.screen.messages.iter().map(|said| &said.text).collect();
    let runs: Vec<_> = engine.state.runs.runs.values().map(|run| (&run.steps, &run.lost, &run.staged)).collect();
    assert!(done, "never came: {what}: {said:?} {runs:?}");
}

/// What a run wrote, for the message of a test that fails.
pub(crate) fn told(run: &Run) -> String {
    let output = run.output.iter().map(|line| format!("{}: {}\n", line.step, line.text));
    let ends = run.steps.iter().enumerate().map(|(number, step)| format!("{number}: {:?}\n", step.ended));
    output.chain(ends).collect()
}

fn link(path: &Path) -> String {
    std::fs::read_link(path).unwrap().display().to_string()
}

#[tokio::test]
async fn a_node_service_is_deployed_anew_taken_back_and_rolled_back() {
    let Some(fleet) = Fleet::start(1).await else { return };
    let mut engine = fleet.console();
    let (v1, v2, v3) = (fleet.build("v1", 1), fleet.build("v2", 2), fleet.build("v3-bad", 3));

    // The first one: nothing is there yet, PM2 has not even a daemon.
    let run = fleet.change(&mut engine, Wanted::Deploy { what: What::Build(v1.clone()) }).await;
    assert_eq!(run.outcome.unwrap().0, RunOutcome::Succeeded, "{}", told(&run));
    assert_eq!(
        (fleet.version(0).await.as_deref(), link(&fleet.app().join("current"))),
        (Some("v1"), "releases/19700102000000-v1".into())
    );

    let run = fleet.change(&mut engine, Wanted::Deploy { what: What::Build(v2.clone()) }).await;
    assert_eq!(run.outcome.unwrap().0, RunOutcome::Succeeded, "{}", told(&run));
    assert_eq!(fleet.version(0).await.as_deref(), Some("v2"));
    let shown = run.plan.targets[0].host_key.clone().unwrap();
    let listed = std::process::Command::new("ssh-keygen")
        .arg("-lf")
        .arg(fleet.hosts[0].1.path("host_ed25519.pub"))
        .output()
        .unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    assert_eq!(shown.split(' ').nth(1), listed.split(' ').nth(1), "{shown}: the plan names the key, {listed}");

    // It answers, and badly: what was there comes back without anybody asking.
    let run = fleet.change(&mut engine, Wanted::Deploy { what: What::Build(v3) }).await;
    assert_eq!(run.outcome.unwrap().0, RunOutcome::Undone, "{}", told(&run));
    assert_eq!(fleet.version(0).await.as_deref(), Some("v2"), "{}", told(&run));

    // To the newest before the one that runs, which is not the one that failed.
    let run = fleet.change(&mut engine, Wanted::Rollback { to: None }).await;
    assert_eq!(run.outcome.unwrap().0, RunOutcome::Succeeded, "{}", told(&run));
    assert_eq!(fleet.version(0).await.as_deref(), Some("v1"));
    assert!(!fleet.app().join(".qd.lock").exists(), "the lock is given back");

    // What can be chosen in the box is what lies on the host whole, the newest first.
    let known = [("v3-bad", false), ("v2", false), ("v1", true)].map(|(name, runs)| (name.to_owned(), runs));
    assert_eq!(offered(&mut engine, "play@stage").await, known);

    // The same build once more: it is there already, and only the switch is made.
    let run = fleet.change(&mut engine, Wanted::Deploy { what: What::Build(v2) }).await;
    assert_eq!(run.outcome.unwrap().0, RunOutcome::Succeeded, "{}", told(&run));
    assert_eq!(fleet.version(0).await.as_deref(), Some("v2"));
    engine.stop();
}

#[tokio::test]
async fn a_first_deploy_that_fails_leaves_what_was_there_which_is_nothing() {
    for (settings, left) in [("keep = 2", "app/current"), ("layout = \"in-place\"", "app")] {
        let Some(fleet) = Fleet::laid_out(1, settings).await else { return };
        let mut engine = fleet.console();
        let home = fleet.hosts[0].1.home();
        let (bad, good) = (fleet.build("v3-bad", 3), fleet.build("v4", 4));
        let run = fleet.change(&mut engine, Wanted::Deploy { what: What::Build(bad) }).await;
        assert_eq!(run.outcome.unwrap().0, RunOutcome::Undone, "{}", told(&run));
        assert_eq!(fleet.version(0).await, None, "{}", told(&run));
        assert_eq!(fleet.hosts[0].0.names(), [""; 0], "{}", told(&run));
        assert!(std::fs::symlink_metadata(home.join(left)).is_err(), "{}", told(&run));
        assert!(!home.join("app.qd.lock").exists() && !fleet.app().join(".qd.lock").exists(), "the lock is given back");

        // And nothing of it stands in the way of the next one.
        let run = fleet.change(&mut engine, Wanted::Deploy { what: What::Build(good) }).await;
        assert_eq!(run.outcome.unwrap().0, RunOutcome::Succeeded, "{}", told(&run));
        assert_eq!(fleet.version(0).await.as_deref(), Some("v4"));
        assert_eq!(fleet.hosts[0].0.names(), ["play"]);
        engine.stop();
    }
}

#[tokio::test]
async fn a_rolling_deploy_behind_nginx_loses_no_request() {
    let Some(fleet) = Fleet::start(3).await else { return };
    let mut engine = fleet.console();
    let (v1, v2) = (fleet.build("v1", 1), fleet.build("v2", 2));
    let run = fleet.change(&mut engine, Wanted::Deploy { what: What::Build(v1) }).await;
    assert_eq!(run.outcome.unwrap().0, RunOutcome::Succeeded, "{}", told(&run));

    let (run, good) = fleet.under_load(&mut engine, Wanted::Deploy { what: What::Build(v2) }).await;
    assert_eq!(run.outcome.unwrap().0, RunOutcome::Succeeded, "{}", told(&run));
    assert!(good > 100, "{good}");
    for host in 0..3 {
        assert_eq!(fleet.version(host).await.as_deref(), Some("v2"), "web-{host}");
    }
    // One host was over before the other began, and the checks stood between them.
    let moments = |host: &str| {
        let numbers = run.plan.steps_of(&host.into(), runs::Way::There);
        let first = run.steps[numbers[0]].started.unwrap();
        (first, run.steps[*numbers.last().unwrap()].ended.clone().unwrap().0)
    };
    assert!(moments("web-0").1 <= moments("web-1").0 && moments("web-1").1 <= moments("web-2").0);
    assert_eq!(run.gate.passed, 3);

    // And back, the same way.
    let (run, _) = fleet.under_load(&mut engine, Wanted::Rollback { to: None }).await;
    assert_eq!(run.outcome.unwrap().0, RunOutcome::Succeeded, "{}", told(&run));
    for host in 0..3 {
        assert_eq!(fleet.version(host).await.as_deref(), Some("v1"), "web-{host}");
    }
    engine.stop();
}

#[tokio::test]
async fn in_place_the_folder_is_swapped_as_a_whole_and_the_one_before_it_comes_back() {
    let Some(fleet) = Fleet::laid_out(1, "layout = \"in-place\", shared = [\".env\", \"data/users\"]").await else {
        return;
    };
    let mut engine = fleet.console();
    let (v1, v2, v3) = (fleet.build("v1", 1), fleet.build("v2", 2), fleet.build("v3-bad", 3));
    let home = fleet.hosts[0].1.home();
    let beside = |name: &str| home.join(format!("app.qd-{name}"));
    // As somebody copied it there, before there was anything else.
    std::fs::create_dir_all(fleet.app().join("data")).unwrap();
    for (name, text) in
        [("server.js", SERVER), ("VERSION", "v0"), (".env", "SECRET=1"), ("data/users", "ana"), ("old.js", "")]
    {
        std::fs::write(fleet.app().join(name), text).unwrap();
    }

    let run = fleet.change(&mut engine, Wanted::Deploy { what: What::Build(v1) }).await;
    assert_eq!(run.outcome.unwrap().0, RunOutcome::Succeeded, "{}", told(&run));
    assert!(run.plan.notes.join("\n").contains("old.js"), "{:?}", run.plan.notes);
    assert_eq!(fleet.version(0).await.as_deref(), Some("v1"));
    let kept = |name: &str| std::fs::read_to_string(fleet.app().join(name)).unwrap();
    assert_eq!((kept(".env"), kept("data/users")), ("SECRET=1".into(), "ana".into()));
    assert!(!fleet.app().join("old.js").exists() && beside("previous").join("old.js").exists());

    let run = fleet.change(&mut engine, Wanted::Deploy { what: What::Build(v2) }).await;
    assert_eq!(run.outcome.unwrap().0, RunOutcome::Succeeded, "{}", told(&run));
    assert_eq!(fleet.version(0).await.as_deref(), Some("v2"));

    // It answers badly: the folder that was there comes back, and the one before it is still the one before it.
    let run = fleet.change(&mut engine, Wanted::Deploy { what: What::Build(v3) }).await;
    assert_eq!(run.outcome.unwrap().0, RunOutcome::Undone, "{}", told(&run));
    assert_eq!(fleet.version(0).await.as_deref(), Some("v2"), "{}", told(&run));
    let version = |folder: &Path| std::fs::read_to_string(folder.join("VERSION")).unwrap();
    assert_eq!((version(&fleet.app()), version(&beside("previous"))), ("v2".into(), "v1".into()));

    let run = fleet.change(&mut engine, Wanted::Rollback { to: None }).await;
    assert_eq!(run.outcome.unwrap().0, RunOutcome::Succeeded, "{}", told(&run));
    assert_eq!(fleet.version(0).await.as_deref(), Some("v1"));
    assert_eq!(version(&beside("previous")), "v2");
    // Once more would bring back what was left.
    let why = refused(&mut engine, &fleet.clock, "play@stage", Wanted::Rollback { to: None }).await;
    assert!(why.contains("newer than what runs"), "{why}");
    assert_eq!(["next", "old", "swap"].map(|name| beside(name).exists()), [false; 3]);
    assert!(!home.join("app.qd.lock").exists() && !fleet.app().join(".qd.lock").exists(), "the lock is given back");
    engine.stop();
}
