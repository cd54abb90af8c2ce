//! Hosts, a console that changes them, and the peers' ways to them.
use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use quarterdeck::{
    checks, config,
    config::{
        Catalog, Env,
        keymap::Keymap,
        theme::{ColourDepth, Theme},
    },
    core::{
        Msg,
        inventory::Inventory,
        runs::{self, Actor, RunOutcome, Wanted},
        screen::View,
        time::Clock,
    },
    recipes,
    remote::{
        Remote,
        ssh::{Pool, PoolOptions},
    },
    runtime::engine::{Engine, Options},
    store::{self, Keep, Sqlite, Store},
    ui::{self, Look, glyphs::Glyphs},
};
use ratatui::{buffer::Buffer, layout::Rect};

use crate::{
    TIMES, Times,
    support::{
        HANG, clock,
        servers::{Pm2, tool},
        sshd::Sshd,
        tasks,
    },
};

/// Ten hosts at most, and what runs there.
pub(crate) struct Fleet {
    pub(crate) pm2: Vec<Pm2>,
    pub(crate) hosts: Vec<Sshd>,
    inventory: Inventory,
    engine: Engine,
    clock: Arc<dyn Clock>,
    look: Look,
    keymap: Keymap,
    known_hosts: PathBuf,
}

/// When a change was confirmed, and when its result was on screen: nanoseconds since 1970.
pub(crate) struct Took {
    pub(crate) confirmed: u128,
    pub(crate) shown: u128,
}

fn now() -> u128 {
    SystemTime::UNIX_EPOCH.elapsed().unwrap().as_nanos()
}

impl Fleet {
    /// Starts so many hosts, each with an application under PM2 where that is wanted.
    pub(crate) async fn start(count: usize, with_pm2: bool) -> Self {
        let (mut hosts, mut pm2) = (Vec::new(), Vec::new());
        for _ in 0..count {
            // Ten consoles' worth of connections come at once.
            let setup = crate::support::sshd::Setup {
                lines: vec!["MaxStartups 100".into(), "Subsystem sftp internal-sftp".into()],
                own_machine: true,
                ..crate::support::sshd::Setup::default()
            };
            let sshd = Sshd::with(setup).await;
            if with_pm2 {
                pm2.extend(Pm2::start(&sshd.home()).await);
            }
            hosts.push(sshd);
        }
        let known_hosts = hosts[0].path("known");
        let lines: String =
            hosts.iter().map(|sshd| std::fs::read_to_string(sshd.known_hosts(sshd.port)).unwrap()).collect();
        std::fs::write(&known_hosts, lines).unwrap();
        let inventory = inventory(&hosts, &pm2);
        let (clock, tasks) = (clock(), tasks());
        let store: Box<dyn Store> =
            Box::new(Sqlite::open(&hosts[0].path("qd.db"), &store::Options::default()).unwrap());
        let options = Options {
            actor: Actor { by: "ana".into(), from: "bench".into() },
            label: "bench".into(),
            keep: Keep::default(),
            may_record: true,
            unattended: false,
            sample_every_ms: 60_000,
            logs: None,
            drafts: None,
            replay: None,
            redact: None,
        };
        let pool = pool(&inventory, &known_hosts) as Arc<dyn Remote>;
        let mut engine = Engine::new(options, Ok(store), pool, Arc::clone(&clock), &tasks);
        engine.adopt(Arc::new(inventory.clone()), Vec::new());
        engine.state.screen.go(View::Runs);
        let look = Look::new(Theme::default(), ColourDepth::True, Glyphs::Unicode);
        Self { pm2, hosts, inventory, engine, clock, look, keymap: Keymap::default(), known_hosts }
    }

    /// Makes a way to the hosts without open connections.
    pub(crate) fn pool(&self) -> Arc<Pool> {
        pool(&self.inventory, &self.known_hosts)
    }

    async fn until(&mut self, what: &str, holds: impl Fn(&Engine) -> bool) {
        let began = Instant::now();
        while !holds(&self.engine) {
            drop(self.engine.turn().await);
            let said: Vec<_> = self.engine.state.screen.messages.iter().map(|said| &said.text).collect();
            assert!(began.elapsed() < 4 * HANG, "never came: {what}: {said:?}");
        }
    }

    /// Has a change planned, confirms it, and follows it until its result is on screen.
    pub(crate) async fn change(&mut self, service: &str, wanted: Wanted) -> Took {
        let msg = runs::Msg::Asked { service: service.parse().unwrap(), wanted };
        self.engine.handle(Msg::Runs(msg));
        self.until("a plan", |engine| engine.state.runs.planning.is_none()).await;
        let review = self.engine.state.runs.review.as_ref().map(|review| review.run);
        let said = self.engine.state.screen.message.as_ref().map(|message| message.text.clone());
        let run = review.unwrap_or_else(|| panic!("no plan: {said:?}"));
        let opened = Instant::now();
        let guard = Duration::from_millis(runs::TYPE_AHEAD_MS + 300);
        self.until("the type-ahead guard", |_| opened.elapsed() > guard).await;
        let confirmed = now();
        self.engine.handle(Msg::Runs(runs::Msg::Confirmed));
        self.until("the run's end", |engine| {
            engine.state.runs.runs.get(&run).is_some_and(|run| run.outcome.is_some())
                || engine.state.runs.review.as_ref().is_some_and(|review| review.refused.is_some())
        })
        .await;
        let mut buffer = Buffer::empty(Rect::new(0, 0, 120, 36));
        _ = ui::draw(&self.engine.state, &self.keymap, &self.look, self.clock.now(), None, &mut buffer);
        let shown = now();
        let ended = self.engine.state.runs.runs.get(&run).map(|run| (run.outcome, &run.steps));
        let outcome = ended.as_ref().and_then(|(outcome, _)| outcome.map(|(outcome, _)| outcome));
        let refused = self.engine.state.runs.review.as_ref().map(|review| &review.refused);
        assert_eq!(outcome, Some(RunOutcome::Succeeded), "{ended:?} {refused:?}");
        Took { confirmed, shown }
    }

    /// Reads when each host carried out the command that does nothing.
    pub(crate) fn stamps(&self) -> Vec<u128> {
        let read = |sshd: &Sshd| {
            let text = std::fs::read_to_string(sshd.home().join("at")).unwrap();
            text.trim().parse().unwrap()
        };
        self.hosts.iter().map(read).collect()
    }

    fn options(&self, host: usize, is_kept: bool) -> Vec<String> {
        let sshd = &self.hosts[host];
        let mut options: Vec<String> =
            ["-F", "none", "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes", "-o"].map(str::to_owned).to_vec();
        options.push(format!("UserKnownHostsFile={}", self.known_hosts.display()));
        options.extend(["-i".to_owned(), sshd.identity().display().to_string()]);
        if is_kept {
            options.extend(["-o", "ControlMaster=auto", "-o", "ControlPersist=30", "-o"].map(str::to_owned));
            options.push(format!("ControlPath={}", sshd.path("c").display()));
        }
        options
    }

    /// OpenSSH's client to a host, on the connection that it keeps open or on one of its own.
    pub(crate) fn ssh(&self, host: usize, is_kept: bool) -> Command {
        let sshd = &self.hosts[host];
        let mut command = Command::new("ssh");
        command.args(self.options(host, is_kept)).args(["-p", &sshd.port.to_string()]);
        command.arg(format!("{}@127.0.0.1", sshd.user));
        command
    }

    /// Its copy of a file to a host.
    pub(crate) fn scp(&self, host: usize, is_kept: bool, file: &Path) -> Command {
        let sshd = &self.hosts[host];
        let mut command = Command::new("scp");
        command.args(self.options(host, is_kept)).args(["-q", "-P", &sshd.port.to_string()]).arg(file);
        command.arg(format!("{}@127.0.0.1:copied", sshd.user));
        command
    }

    /// Runs a command on all hosts at a time, each on a connection of its own.
    pub(crate) fn new_connections(&self, text: &str) -> Times {
        let once = || {
            let began = Instant::now();
            let start = |host| {
                let mut ssh = self.ssh(host, false);
                ssh.arg(text).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
            };
            let started: Vec<_> = (0..self.hosts.len()).map(start).collect();
            for mut child in started {
                assert!(child.wait().unwrap().success(), "{text}");
            }
            began.elapsed()
        };
        once();
        Times((0..TIMES).map(|_| once()).collect())
    }

    /// Ansible on all hosts at a time, its connections kept open.
    pub(crate) fn ansible(&self, module: &str, text: &str) -> Command {
        let home = self.hosts[0].path("ansible");
        std::fs::create_dir_all(&home).unwrap();
        let mut hosts = String::new();
        for (number, sshd) in self.hosts.iter().enumerate() {
            writeln!(
                hosts,
                "web-{number} ansible_host=127.0.0.1 ansible_port={} ansible_user={} ansible_ssh_private_key_file={} \
                 ansible_python_interpreter=/usr/bin/python3 ansible_ssh_common_args='-F none -o UserKnownHostsFile={} -o \
                 IdentitiesOnly=yes'",
                sshd.port,
                sshd.user,
                sshd.identity().display(),
                self.known_hosts.display()
            )
            .unwrap();
        }
        std::fs::write(home.join("hosts"), hosts).unwrap();
        let program = tool("QD_TEST_ANSIBLE", "ansible").unwrap_or_else(|| "ansible".into());
        let mut command = Command::new(program.with_file_name("ansible"));
        command.current_dir(&home).env("ANSIBLE_PIPELINING", "True").env("ANSIBLE_HOME", &home);
        command.env("ANSIBLE_SSH_CONTROL_PATH_DIR", home.join("c"));
        let forks = self.hosts.len().to_string();
        command.args(["all", "-i", "hosts", "-f", &forks, "-m", &format!("ansible.builtin.{module}"), "-a", text]);
        command
    }
}

fn pool(inventory: &Inventory, known_hosts: &Path) -> Arc<Pool> {
    let options = PoolOptions {
        known_hosts: Some(vec![known_hosts.to_owned()]),
        agent: None,
        ssh: None,
        ..PoolOptions::from_env(false)
    };
    Arc::new(Pool::new(&inventory.hosts, tasks(), clock(), options))
}

/// Two services on all hosts at once: one that does nothing but say when, and one that PM2 keeps.
fn inventory(hosts: &[Sshd], pm2: &[Pm2]) -> Inventory {
    let path = |path: &Path| format!("{:?}", path.display().to_string());
    let mut text = format!(
        "version = 1\nenvironment = [{{ name = \"stage\", kind = \"staging\" }}]\n[store]\npath = {}\n",
        path(&hosts[0].path("qd.db"))
    );
    let prefix = pm2.first().map(|pm2| pm2.path_prefix.clone()).unwrap_or_default();
    for (number, sshd) in hosts.iter().enumerate() {
        writeln!(
            text,
            "[[host]]\nname = \"web-{number}\"\nenv = \"stage\"\naddress = \"127.0.0.1\"\nport = {}\nuser = {:?}\nidentity = \
             {}\npath_prefix = {prefix:?}",
            sshd.port,
            sshd.user,
            path(&sshd.identity()),
        )
        .unwrap();
    }
    let names: Vec<String> = (0..hosts.len()).map(|number| format!("web-{number}")).collect();
    let mut service = |name: &str, of: &str| {
        writeln!(
            text,
            "[[service]]\nname = {name:?}\n{of}\n[service.in.stage]\nhosts = {names:?}\nrollout = {{ strategy = \"all\", snapshot = false }}"
        )
        .unwrap();
    };
    service(
        "idle",
        "kind = \"command\"\n[service.recipe]\npath = \"~/lock\"\n[service.recipe.tasks.restart]\nsteps = [\"date +%s%N >~/at\"]",
    );
    if !pm2.is_empty() {
        service("play", "kind = \"node-pm2\"\nrecipe = { app = \"play\", path = \"~/app\" }");
    }
    let (checks, recipes) = (checks::kinds(), recipes::kinds());
    let catalog = Catalog { checks: &checks, recipes: &recipes, trackers: &[], notifiers: &[], metrics: &[] };
    let loaded = config::load_text(Path::new("qd.toml"), &text, &catalog, &Env::new(Path::new("/nonexistent"), []));
    assert!(!loaded.has_errors(), "{}", config::check_text(&loaded.problems));
    loaded.inventory
}
