//! A host that controls others, on real OpenSSH, and a console that has changes planned, confirmed and followed there.
use std::{
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use quarterdeck::{
    core::{
        Msg,
        id::ServiceId,
        inventory::Inventory,
        runs::{self, Order, Review, Run, RunOutcome, Wanted, What},
        time::Clock,
    },
    remote::ssh::PoolOptions,
    runtime::engine::Engine,
};

use crate::{
    support::{HANG, clock, sshd::Sshd, tasks},
    two_consoles::{console, inventory},
};

/// The host, and the console.
pub(crate) struct Ops {
    /// Where commands run.
    pub(crate) sshd: Sshd,
    /// The console.
    pub(crate) engine: Engine,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Ops {
    /// Starts both; `service` is the service's kind and recipe as the configuration has them, given the host's home.
    pub(crate) async fn start(service: impl FnOnce(&Path) -> String) -> Self {
        Self::on(Sshd::start().await, service)
    }

    /// Starts a console for a host that is there.
    pub(crate) fn on(sshd: Sshd, service: impl FnOnce(&Path) -> String) -> Self {
        Self::labelled(sshd, "", service)
    }

    /// Starts a console for a host with these labels, as the configuration has them.
    pub(crate) fn labelled(sshd: Sshd, labels: &str, service: impl FnOnce(&Path) -> String) -> Self {
        std::fs::create_dir(sshd.home().join("bin")).unwrap();
        let path = |path: PathBuf| format!("{:?}", path.display().to_string());
        let text = format!(
            "version = 1\nenvironment = [{{ name = \"stage\", kind = \"staging\" }}]\n[store]\npath = {}\n[[host]]\nname = \
             \"ops\"\nenv = \"stage\"\naddress = \"127.0.0.1\"\nport = {}\nuser = {:?}\nidentity = {}\npath_prefix = \
             [{}]\nlabels = {{ {labels} }}\n[[service]]\nname = \"api\"\n{}\n[service.in.stage]\nhosts = [\"ops\"]\n",
            path(sshd.path("qd.db")),
            sshd.port,
            sshd.user,
            path(sshd.identity()),
            path(sshd.home().join("bin")),
            service(&sshd.home()),
        );
        let inventory: Inventory = inventory(&text);
        let clock = clock();
        let engine = console("ana", &sshd.path("qd.db"), &inventory, ways(&sshd), &clock, &tasks());
        Self { sshd, engine, clock }
    }

    /// Another person's console, with the same store and configuration.
    pub(crate) fn another(&self, by: &str) -> Engine {
        let inventory = &self.engine.state.inventory;
        console(by, &self.sshd.path("qd.db"), inventory, ways(&self.sshd), &self.clock, &tasks())
    }

    /// Puts a program on the host's PATH.
    pub(crate) fn program(&self, name: &str, script: &str) {
        let file = self.sshd.home().join("bin").join(name);
        std::fs::write(&file, script).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Writes a file in the host's home.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let file = self.sshd.home().join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }

    /// Reads a file in the host's home.
    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.sshd.home().join(name)).unwrap_or_default()
    }

    /// Has a change planned.
    pub(crate) async fn review(&mut self, wanted: Wanted) -> Result<Review, String> {
        let service: ServiceId = "api@stage".parse().unwrap();
        until(&mut self.engine, "the store", |engine| engine.state.is_loaded()).await;
        self.engine.state.screen.message = None;
        self.engine.handle(Msg::Runs(runs::Msg::Asked { service, wanted }));
        until(&mut self.engine, "a plan", |engine| engine.state.runs.planning.is_none()).await;
        match &self.engine.state.runs.review {
            Some(review) => Ok(review.clone()),
            None => Err(self.engine.state.screen.message.as_ref().unwrap().text.clone()),
        }
    }

    /// Confirms what was planned, and returns the run once it ended.
    pub(crate) async fn confirm(&mut self) -> Run {
        let opened = self.clock.now().mono;
        let (run, clock) = (self.engine.state.runs.review.as_ref().unwrap().run, Arc::clone(&self.clock));
        until(&mut self.engine, "the type-ahead guard", |_| clock.now().mono.since(opened) > runs::TYPE_AHEAD_MS).await;
        self.engine.handle(Msg::Runs(runs::Msg::Confirmed));
        let review = self.engine.state.runs.review.as_ref();
        assert_eq!(review.and_then(|review| review.refused.clone()), None);
        until(&mut self.engine, "the run's end", |engine| {
            engine.state.runs.runs.get(&run).is_some_and(|run| run.outcome.is_some())
        })
        .await;
        self.engine.state.runs.runs[&run].clone()
    }

    /// Has a change planned and confirms it.
    pub(crate) async fn change(&mut self, wanted: Wanted) -> (RunOutcome, String) {
        self.review(wanted).await.unwrap();
        let run = self.confirm().await;
        let said = self.engine.state.screen.message.as_ref().map(|said| said.text.clone()).unwrap_or_default();
        let told = format!("{}{said}", told(&run));
        (run.outcome.unwrap().0, told)
    }

    /// Says why a change is not planned.
    pub(crate) async fn refused(&mut self, wanted: Wanted) -> String {
        let planned = self.review(wanted).await;
        planned.map(|review| review.plan.title.clone()).expect_err("it is planned")
    }

    /// Closes the review.
    pub(crate) fn cancel(&mut self) {
        self.engine.handle(Msg::Runs(runs::Msg::Cancelled));
    }
}

fn ways(sshd: &Sshd) -> PoolOptions {
    let known_hosts = Some(vec![sshd.known_hosts(sshd.port)]);
    PoolOptions { known_hosts, agent: None, ssh: None, ..PoolOptions::from_env(false) }
}

/// A version.
pub(crate) fn version(version: &str) -> Wanted {
    Wanted::Deploy { what: What::Version { version: version.into() } }
}

/// The way back: to what was there before, or to what is named.
pub(crate) fn back(to: Option<&str>) -> Wanted {
    Wanted::Rollback { to: to.map(str::to_owned) }
}

/// A task.
pub(crate) fn task(name: &str, settings: &[(&str, &str)]) -> Wanted {
    let settings = settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    Wanted::Task(Order { task: name.into(), settings, file: None })
}

/// What a run wrote.
fn told(run: &Run) -> String {
    let output = run.output.iter().map(|line| format!("{}: {}\n", line.step, line.text));
    let ends = run.steps.iter().enumerate().map(|(number, step)| format!("{number}: {:?}\n", step.ended));
    output.chain(ends).collect()
}

pub(crate) async fn until(engine: &mut Engine, what: &str, holds: impl Fn(&Engine) -> bool) {
    let waited = tokio::time::timeout(HANG * 2, async {
        while !holds(engine) {
            drop(engine.turn().await);
        }
    });
    let done = waited.await.is_ok();
    let said: Vec<&String> = engine.state.screen.messages.iter().map(|said| &said.text).collect();
    assert!(done, "never came: {what}: {said:?}");
}
