//! What goes wrong on the way to a host while a change runs, on real OpenSSH: the link is cut at every boundary between steps and
//! in the middle of each. Every step runs once, all of it is told once, and no lock is left.
use std::{fmt::Write as _, path::PathBuf, sync::Arc, time::Duration};

use quarterdeck::{
    core::{
        Msg,
        id::Uid,
        inventory::Inventory,
        runs::{self, Plan, Run, RunOutcome, Step, StepEnd, Target, Wanted, Way},
        services::Health,
        time::Clock,
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
        sshd::{Setup, Sshd},
        tasks,
    },
    two_consoles::{console, inventory},
};

/// Steps that each host takes.
const STEPS: usize = 3;

/// Some hosts, each behind a link that can be cut, and a service on them that is changed by steps which a test holds up.
pub(crate) struct Bed {
    pub(crate) dir: TempDir,
    pub(crate) hosts: Vec<(Sshd, Arc<Relay>)>,
    pub(crate) inventory: Inventory,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Bed {
    pub(crate) async fn start(setups: Vec<Setup>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut hosts = Vec::new();
        for setup in setups {
            let sshd = Sshd::with(setup).await;
            let relay = Relay::start(sshd.address()).await;
            hosts.push((sshd, Arc::new(relay)));
        }
        let mut text = format!(
            "version = 1\nenvironment = [{{ name = \"stage\", kind = \"staging\" }}]\n[store]\npath = {:?}\n",
            dir.path().join("qd.db").display().to_string()
        );
        for (number, (sshd, relay)) in hosts.iter().enumerate() {
            write!(
                text,
                "[[host]]\nname = \"web-{number}\"\nenv = \"stage\"\naddress = \"127.0.0.1\"\nport = {}\nuser = {:?}\nidentity = \
                 {:?}\n",
                relay.port,
                sshd.user,
                sshd.identity().display().to_string()
            )
            .unwrap();
        }
        let names: Vec<String> = (0..hosts.len()).map(|number| format!("web-{number}")).collect();
        write!(text, "[[service]]\nname = \"play\"\n[service.in.stage]\nhosts = {names:?}\n").unwrap();
        Self { dir, hosts, inventory: inventory(&text), clock: clock() }
    }

    /// Starts hosts that are nothing special.
    pub(crate) async fn of(count: usize) -> Self {
        Self::start(vec![Setup::default(); count]).await
    }

    /// Opens a console; those with one store see each other.
    pub(crate) fn console(&self, by: &str, store: &str) -> Engine {
        let known = self.hosts.iter().map(|(sshd, relay)| sshd.known_hosts(relay.port)).collect();
        let ssh = PoolOptions { known_hosts: Some(known), agent: None, ssh: None, ..PoolOptions::from_env(false) };
        console(by, &self.dir.path().join(store), &self.inventory, ssh, &self.clock, &tasks())
    }

    /// Makes a plan of these commands on every host, one host after the other.
    pub(crate) fn plan(&self, commands: &[String]) -> Plan {
        let mut plan = Plan::new("play@stage".parse().unwrap(), "change play", "~/.qd.lock");
        for number in 0..self.hosts.len() {
            let host = format!("web-{number}");
            plan.steps.extend(commands.iter().enumerate().map(|(step, command)| Step {
                host: host.as_str().into(),
                name: format!("step {step}"),
                command: command.clone(),
                path_prefix: Vec::new(),
                timeout_ms: 60_000,
            }));
            let machine_id = std::fs::read_to_string(self.hosts[number].0.path("machine-id"));
            plan.targets.push(Target {
                host: host.as_str().into(),
                address: "127.0.0.1".into(),
                machine_id: machine_id.ok().map(|id| id.trim().to_owned()),
                host_key: None,
            });
        }
        plan
    }

    /// Returns a file in HOME of a host.
    pub(crate) fn file(&self, host: usize, name: &str) -> PathBuf {
        self.hosts[host].0.home().join(name)
    }

    /// Lets a step of a host that waits go on.
    pub(crate) fn go(&self, host: usize, step: usize) {
        std::fs::write(self.file(host, &format!("go.{step}")), "").unwrap();
    }

    /// Says how often a step ran on a host.
    pub(crate) fn count(&self, host: usize, step: usize) -> usize {
        std::fs::read_to_string(self.file(host, &format!("count.{step}"))).map_or(0, |text| text.lines().count())
    }

    /// Says whether a lock is left on a host.
    pub(crate) fn locked(&self, host: usize) -> bool {
        self.file(host, ".qd.lock").exists()
    }

    /// Returns the directory of a run on a host.
    pub(crate) fn folder(&self, host: usize, run: Uid) -> PathBuf {
        self.file(host, ".quarterdeck/runs").join(run.to_string())
    }

    /// Forgets what steps did, so that they may run again.
    fn clear(&self) {
        for host in 0..self.hosts.len() {
            for (name, step) in ["count", "at", "go"].iter().flat_map(|name| (0..STEPS).map(move |step| (name, step))) {
                _ = std::fs::remove_file(self.file(host, &format!("{name}.{step}")));
            }
        }
    }
}

/// A step that counts how often it runs, and waits until it may go on.
pub(crate) fn held(step: usize) -> String {
    format!("echo x >>count.{step}; : >at.{step}; until [ -e go.{step} ]; do sleep 0.02; done; echo over {step}")
}

/// Has a console confirm a plan, as a person does who has read it.
pub(crate) async fn confirm(engine: &mut Engine, clock: &Arc<dyn Clock>, run: Uid, plan: Plan) {
    until(engine, "the store", |engine| engine.state.is_loaded()).await;
    review(engine, run, plan);
    let opened = clock.now().mono;
    until(engine, "the type-ahead guard", |_| clock.now().mono.since(opened) > runs::TYPE_AHEAD_MS).await;
    engine.handle(Msg::Runs(runs::Msg::Confirmed));
    let review = engine.state.runs.review.as_ref().map(|review| review.refused.clone());
    assert!(review.is_none(), "{review:?}");
}

/// Has a plan before somebody's eyes.
pub(crate) fn review(engine: &mut Engine, run: Uid, plan: Plan) {
    engine.state.runs.planning = Some((plan.service.clone(), Wanted::Restart));
    let plan = Arc::new(plan);
    let planned = runs::Msg::Planned { run, plan, incident: None, before: Health::Unknown, urgent: false };
    engine.handle(Msg::Runs(planned));
}

/// Returns how a run ended, once it did.
pub(crate) async fn ended(engine: &mut Engine, run: Uid) -> Run {
    until(engine, "the run's end", |engine| of(engine, run).is_some_and(|run| run.outcome.is_some())).await;
    of(engine, run).unwrap().clone()
}

pub(crate) fn of(engine: &Engine, run: Uid) -> Option<&Run> {
    engine.state.runs.runs.get(&run)
}

fn lost(engine: &Engine, run: Uid) -> bool {
    of(engine, run).is_some_and(|run| !run.lost.is_empty() || run.outcome.is_some())
}

/// When the link is cut.
#[derive(Clone, Copy, Debug)]
enum Cut {
    /// It is gone when the host's share is to be started.
    Before,
    /// The host has taken the start, and its answer is on the way.
    Starting,
    /// The step runs.
    Within(usize),
    /// The step runs, and there is no link until it is over and the next one runs, or all of them are over.
    Between(usize),
    /// The console has just heard of the step's end.
    Told(usize),
}

/// A bed and the console that changes it.
struct Link {
    bed: Bed,
    engine: Engine,
    runs: u8,
}

impl Link {
    async fn new() -> Self {
        let bed = Bed::of(2).await;
        let engine = bed.console("ana", "qd.db");
        Self { bed, engine, runs: 0 }
    }

    async fn case(&mut self, host: usize, cut: Cut) {
        let Self { bed, engine, runs } = self;
        *runs += 1;
        let run = Uid([*runs; 6]);
        bed.clear();
        let gate = match cut {
            Cut::Before if host == 0 => None,
            // The step before the cut waits until it is made.
            Cut::Before | Cut::Starting => Some((0, 0)),
            Cut::Within(step) | Cut::Between(step) => Some((host, step)),
            Cut::Told(_) => None,
        };
        for (at, step) in (0..2).flat_map(|host| (0..STEPS).map(move |step| (host, step))) {
            if gate != Some((at, step)) {
                bed.go(at, step);
            }
        }
        let relay = Arc::clone(&bed.hosts[host].1);
        let at = |host: usize, step: usize| bed.file(host, &format!("at.{step}"));
        if matches!((cut, host), (Cut::Before, 0)) {
            relay.refuse(true);
            relay.cut();
        }
        let starting = matches!(cut, Cut::Starting).then(|| {
            relay.delay(Duration::from_millis(150));
            let (relay, claim) = (Arc::clone(&relay), bed.folder(host, run).join("claim"));
            tasks().spawn("cutter", async move {
                let mut look = tokio::time::interval(Duration::from_millis(5));
                while !claim.exists() {
                    look.tick().await;
                }
                relay.cut();
                relay.delay(Duration::ZERO);
            })
        });
        confirm(engine, &bed.clock, run, bed.plan(&(0..STEPS).map(held).collect::<Vec<_>>())).await;
        match cut {
            Cut::Before => {
                if host == 1 {
                    until(engine, "the host before it", |_| at(0, 0).exists()).await;
                    relay.refuse(true);
                    relay.cut();
                    bed.go(0, 0);
                }
                until(engine, "the loss", |engine| lost(engine, run)).await;
                relay.refuse(false);
            }
            Cut::Starting => {
                bed.go(0, 0);
                until(engine, "the start", |_| bed.folder(host, run).join("claim").exists()).await;
                starting.unwrap().join().await.unwrap();
            }
            Cut::Within(step) => {
                until(engine, "the step", |_| at(host, step).exists()).await;
                relay.cut();
                until(engine, "the loss", |engine| lost(engine, run)).await;
                until(engine, "the link, though the step is silent", |engine| !lost(engine, run)).await;
                bed.go(host, step);
            }
            Cut::Between(step) => {
                until(engine, "the step", |_| at(host, step).exists()).await;
                relay.refuse(true);
                relay.cut();
                bed.go(host, step);
                let journal = bed.folder(host, run).join("journal");
                let over = || std::fs::read_to_string(&journal).is_ok_and(|text| text.contains(" done "));
                until(engine, "what is next", |_| if step + 1 < STEPS { at(host, step + 1).exists() } else { over() })
                    .await;
                relay.refuse(false);
            }
            Cut::Told(step) => {
                until(engine, "the step's end", |engine| {
                    of(engine, run).is_some_and(|run| run.steps[host * STEPS + step].ended.is_some())
                })
                .await;
                relay.cut();
            }
        }
        let run = ended(engine, run).await;
        well_and_once(bed, &run, &format!("web-{host} {cut:?}")).await;
    }
}

/// Every step ran once and well, was told once, and no lock is left.
async fn well_and_once(bed: &Bed, run: &Run, case: &str) {
    assert_eq!(run.outcome.unwrap().0, RunOutcome::Succeeded, "{case}: {}", told(run));
    for (host, step) in (0..2).flat_map(|host| (0..STEPS).map(move |step| (host, step))) {
        assert_eq!(bed.count(host, step), 1, "web-{host} step {step}: {case}");
        let number = run.plan.steps_of(&format!("web-{host}").as_str().into(), Way::There)[step];
        assert_eq!(run.steps[number].ended.as_ref().unwrap().1, StepEnd::Exit(0));
        let said: Vec<&str> =
            run.output.iter().filter(|line| line.step == number).map(|line| line.text.as_str()).collect();
        assert_eq!(said, [format!("over {step}")], "told once: {case}");
    }
    eventually("the locks are given back", async || !bed.locked(0) && !bed.locked(1)).await;
}

#[tokio::test]
async fn a_link_that_is_cut_while_a_host_is_started_starts_it_once() {
    let mut link = Link::new().await;
    for host in 0..2 {
        link.case(host, Cut::Before).await;
        link.case(host, Cut::Starting).await;
    }
    link.engine.stop();
}

#[tokio::test]
async fn a_link_that_is_cut_in_the_middle_of_any_step_changes_nothing() {
    let mut link = Link::new().await;
    for (host, step) in (0..2).flat_map(|host| (0..STEPS).map(move |step| (host, step))) {
        link.case(host, Cut::Within(step)).await;
    }
    link.engine.stop();
}

#[tokio::test]
async fn a_link_that_is_cut_at_any_boundary_between_steps_changes_nothing() {
    let mut link = Link::new().await;
    for (host, step) in (0..2).flat_map(|host| (0..STEPS).map(move |step| (host, step))) {
        link.case(host, Cut::Between(step)).await;
        link.case(host, Cut::Told(step)).await;
    }
    link.engine.stop();
}
