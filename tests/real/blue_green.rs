//! Two sets of hosts behind two balancers, on real OpenSSH, PM2 and Nginx: what is brought out goes onto the set that serves nobody,
//! then each balancer leads there, and users never notice.
use std::{fmt::Write as _, path::PathBuf, sync::Arc};

use quarterdeck::{
    core::{
        Msg,
        inventory::Inventory,
        runs::{self, Order, Run, RunOutcome, Wanted, What},
        time::Clock,
    },
    remote::ssh::PoolOptions,
    runtime::engine::Engine,
};

use crate::{
    deploy::{build, change, refused, told, under_load, until},
    support::{
        clock,
        servers::{Pm2, Server, get, nginx_led},
        sshd::{Setup, Sshd},
        tasks,
    },
    two_consoles::{console, inventory},
};

/// Blue is `web-0`, green is `web-1`; `lb-0` and `lb-1` lead to one of them.
struct Fleet {
    web: Vec<(Pm2, Sshd)>,
    lb: Vec<(Server, Sshd)>,
    inventory: Inventory,
    clock: Arc<dyn Clock>,
    id: String,
}

impl Fleet {
    /// `name` is the service's: on one machine, its balancers share a lock with those of another of its name.
    async fn start(name: &'static str) -> Option<Self> {
        // Servers first: a port that is only looked for may be another's by the time that PM2 starts what listens there.
        let mut sshds = Vec::new();
        for _ in 0..4 {
            sshds.push(Sshd::with(Setup { own_machine: true, ..Setup::default() }).await);
        }
        let (mut web, mut lb, led) = (Vec::new(), Vec::new(), sshds.split_off(2));
        for sshd in sshds {
            let pm2 = Pm2::idle(&sshd.home())?;
            std::fs::write(sshd.home().join("port"), pm2.port.to_string()).unwrap();
            // The hosts share an address here: what each asks of itself goes to its own process.
            let own = format!("connect-to = \"127.0.0.1:9:127.0.0.1:{}\"\n", pm2.port);
            std::fs::write(sshd.home().join(".curlrc"), own).unwrap();
            web.push((pm2, sshd));
        }
        for sshd in led {
            let (bin, sets) = (sshd.path("bin"), [web[0].0.port, web[1].0.port]);
            std::fs::create_dir(&bin).unwrap();
            lb.push((nginx_led(&sshd.home(), &bin, sets.each_ref().map(std::slice::from_ref)).await?, sshd));
        }
        let path = |path: PathBuf| format!("{:?}", path.display().to_string());
        let mut text = format!(
            "version = 1\nenvironment = [{{ name = \"stage\", kind = \"staging\" }}]\n[store]\npath = {}\n",
            path(web[0].1.path("qd.db"))
        );
        let mut host = |name: String, sshd: &Sshd, prefix: &[String]| {
            let (port, user, identity) = (sshd.port, &sshd.user, path(sshd.identity()));
            write!(
                text,
                "[[host]]\nname = {name:?}\nenv = \"stage\"\naddress = \"127.0.0.1\"\nport = {port}\nuser = {user:?}\nidentity = \
                 {identity}\npath_prefix = {prefix:?}\n"
            )
            .unwrap();
        };
        for (at, (pm2, sshd)) in web.iter().enumerate() {
            host(format!("web-{at}"), sshd, &pm2.path_prefix);
        }
        for (at, (_, sshd)) in lb.iter().enumerate() {
            host(format!("lb-{at}"), sshd, &[sshd.path("bin").display().to_string()]);
        }
        write!(
            text,
            "[[service]]\nname = {name:?}\nkind = \"node-pm2\"\nrecipe = {{ app = \"play\", path = \"~/app\", start = \
             \"server.js\", health = \"http://127.0.0.1:9/\", health_within = \"20s\" }}\n[service.in.stage]\nhosts = \
             [\"web-0\", \"web-1\"]\nchecks = [{{ name = \"up\", type = \"http\", url = \"http://127.0.0.1:{}/\", expect = \
             [\"200\"], every = \"1s\", timeout = \"900ms\" }}]\n[service.in.stage.rollout]\nstrategy = \"blue-green\"\n\
             sets = {{ blue = [\"web-0\"], green = [\"web-1\"] }}\nswitch = {{ on = [\"lb-0\", \"lb-1\"], link = \
             \"~/live.conf\", to = {{ blue = \"~/blue.conf\", green = \"~/green.conf\" }}, reload = \"nginx -s reload\", sudo \
             = false }}\n",
            lb[0].0.port
        )
        .unwrap();
        let inventory = inventory(&text);
        Some(Self { web, lb, inventory, clock: clock(), id: format!("{name}@stage") })
    }

    fn console(&self, by: &str) -> Engine {
        let sshds = self.web.iter().map(|(_, sshd)| sshd).chain(self.lb.iter().map(|(_, sshd)| sshd));
        let files = sshds.map(|sshd| sshd.known_hosts(sshd.port)).collect();
        let ssh = PoolOptions { known_hosts: Some(files), agent: None, ssh: None, ..PoolOptions::from_env(false) };
        console(by, &self.web[0].1.path("qd.db"), &self.inventory, ssh, &self.clock, &tasks())
    }

    async fn change(&self, engine: &mut Engine, wanted: Wanted) -> Run {
        change(engine, &self.clock, &self.id, wanted).await
    }

    /// The same while users ask both balancers without a pause.
    async fn under_load(&self, engine: &mut Engine, wanted: Wanted) -> (Run, u32) {
        let ports = [&self.lb[0], &self.lb[1], &self.lb[0], &self.lb[1]].map(|(nginx, _)| nginx.port);
        under_load(&ports, self.change(engine, wanted)).await
    }

    async fn refused(&self, engine: &mut Engine, wanted: Wanted) -> String {
        refused(engine, &self.clock, &self.id, wanted).await
    }

    /// Has both sets run a version, and blue serve: what comes next can go back.
    async fn seeded(&self, engine: &mut Engine) {
        for (version, made, serves) in [("v1", 1, "green"), ("v2", 2, "blue")] {
            let run = self.change(engine, self.deploy(version, made)).await;
            assert_eq!(outcome(&run), RunOutcome::Succeeded, "{}", told(&run));
            assert_eq!(self.links(), [format!("{serves}.conf"), format!("{serves}.conf")]);
        }
    }

    fn deploy(&self, version: &str, made: i64) -> Wanted {
        Wanted::Deploy { what: What::Build(build(&self.web[0].1, version, made)) }
    }

    /// Where each balancer leads.
    fn links(&self) -> [String; 2] {
        [0, 1].map(|at| {
            let to = std::fs::read_link(self.lb[at].1.home().join("live.conf")).unwrap();
            to.file_name().unwrap().to_str().unwrap().to_owned()
        })
    }

    /// Returns the version that answers at a port.
    async fn version(port: u16) -> Option<String> {
        let (_, body) = get(port, "/").await?;
        let json: serde_json::Value = serde_json::from_str(&body).ok()?;
        json["version"].as_str().map(str::to_owned)
    }

    /// Sees what users of each balancer get, and what each set runs.
    async fn runs(&self, users: &str, sets: [&str; 2]) {
        for (nginx, _) in &self.lb {
            // A reload is taken a moment after it is asked for.
            let what = format!("{users} at {}", nginx.port);
            crate::support::eventually(&what, async || Self::version(nginx.port).await.as_deref() == Some(users)).await;
        }
        for ((pm2, _), version) in self.web.iter().zip(sets) {
            assert_eq!(Self::version(pm2.port).await.as_deref(), Some(version));
        }
    }
}

fn outcome(run: &Run) -> RunOutcome {
    run.outcome.unwrap().0
}

/// Names the steps of a host that began.
fn began(run: &Run, host: &str) -> Vec<String> {
    let numbers = run.plan.steps_of(&host.into(), runs::Way::There);
    let began = numbers.into_iter().filter(|number| run.steps[*number].started.is_some());
    began.map(|number| run.plan.step(number).unwrap().name.clone()).collect()
}

#[tokio::test]
async fn users_are_led_to_what_was_proved_before_and_back_without_a_failed_request() {
    let Some(fleet) = Fleet::start("led").await else { return };
    let mut engine = fleet.console("ana");
    fleet.seeded(&mut engine).await;
    fleet.runs("v2", ["v2", "v1"]).await;

    let (run, good) = fleet.under_load(&mut engine, fleet.deploy("v3", 3)).await;
    assert_eq!(outcome(&run), RunOutcome::Succeeded, "{}", told(&run));
    assert!(good > 100, "{good}");
    assert_eq!((run.plan.from.as_deref(), run.serves().as_str()), (Some("v2"), "green serves (lb-0, lb-1)"));
    assert_eq!(began(&run, "web-0"), [""; 0], "what serves is not touched");
    fleet.runs("v3", ["v2", "v3"]).await;

    // The way back is what ran before, and it ran all the while.
    let (run, _) = fleet.under_load(&mut engine, Wanted::Rollback { to: None }).await;
    assert_eq!(outcome(&run), RunOutcome::Succeeded, "{}", told(&run));
    assert_eq!((run.plan.title.as_str(), began(&run, "web-1").len()), ("roll led back to v2", 0));
    assert_eq!(began(&run, "web-0"), ["see it run", "healthy"]);
    fleet.runs("v2", ["v2", "v3"]).await;

    // A build that is not well where it is gets nobody, and what was there comes back.
    let (run, _) = fleet.under_load(&mut engine, fleet.deploy("v3-bad", 4)).await;
    assert_eq!(outcome(&run), RunOutcome::Undone, "{}", told(&run));
    assert_eq!((began(&run, "lb-0"), run.serves().as_str()), (Vec::new(), "blue serves (lb-0, lb-1)"));
    fleet.runs("v2", ["v2", "v3"]).await;

    // Both sets start anew, that first which serves nobody.
    let run = fleet.change(&mut engine, Wanted::Restart).await;
    assert_eq!(outcome(&run), RunOutcome::Succeeded, "{}", told(&run));
    let first = |host: &str| run.steps[run.plan.steps_of(&host.into(), runs::Way::There)[0]].started.unwrap();
    assert!(first("web-1") < first("web-0"));
    engine.stop();
}

#[tokio::test]
async fn a_balancer_whose_test_fails_keeps_its_link_and_the_others_are_led_back() {
    let Some(fleet) = Fleet::start("refusing").await else { return };
    let mut engine = fleet.console("ana");
    fleet.seeded(&mut engine).await;
    // It is not read before it is led to.
    let green = fleet.lb[1].1.home().join("green.conf");
    let whole = std::fs::read_to_string(&green).unwrap();
    std::fs::write(&green, "nonsense {\n").unwrap();

    let (run, _) = fleet.under_load(&mut engine, fleet.deploy("v3", 3)).await;
    assert_eq!(outcome(&run), RunOutcome::Undone, "{}", told(&run));
    assert_eq!(
        (fleet.links(), run.serves().as_str()),
        (["blue.conf", "blue.conf"].map(str::to_owned), "blue serves (lb-0, lb-1)")
    );
    assert!(told(&run).contains("blue.conf again; it saw nothing else"), "{}", told(&run));
    fleet.runs("v2", ["v2", "v1"]).await;
    let left: Vec<_> = fleet.lb.iter().flat_map(|(_, sshd)| std::fs::read_dir(sshd.home()).unwrap()).collect();
    let names = left.into_iter().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert!(!names.into_iter().any(|name| name.contains(".qd-")), "nothing is left behind");

    // Somebody leads one elsewhere: nothing is changed on a guess, and one task has them agree.
    std::fs::write(&green, whole).unwrap();
    std::fs::remove_file(fleet.lb[1].1.home().join("live.conf")).unwrap();
    std::os::unix::fs::symlink("green.conf", fleet.lb[1].1.home().join("live.conf")).unwrap();
    let why = fleet.refused(&mut engine, Wanted::Rollback { to: None }).await;
    assert!(why.contains("lb-0 to blue, lb-1 to green"), "{why}");
    let settings = [("set".to_owned(), "green".to_owned())].into();
    let run = fleet.change(&mut engine, Wanted::Task(Order { task: "switch".into(), settings, file: None })).await;
    assert_eq!(outcome(&run), RunOutcome::Succeeded, "{}", told(&run));
    assert_eq!(fleet.links(), ["green.conf", "green.conf"].map(str::to_owned));
    fleet.runs("v1", ["v2", "v1"]).await;
    engine.stop();
}

#[tokio::test]
async fn a_console_that_is_gone_between_two_balancers_leaves_what_is_told_as_it_is() {
    let Some(fleet) = Fleet::start("torn").await else { return };
    let mut engine = fleet.console("ana");
    fleet.seeded(&mut engine).await;
    let wanted = fleet.deploy("v3", 3);
    engine.handle(Msg::Runs(runs::Msg::Asked { service: fleet.id.parse().unwrap(), wanted }));
    until(&mut engine, "a plan", |engine| engine.state.runs.review.is_some()).await;
    let (uid, opened) = (engine.state.runs.review.as_ref().unwrap().run, fleet.clock.now().mono);
    until(&mut engine, "the type-ahead guard", |_| fleet.clock.now().mono.since(opened) > runs::TYPE_AHEAD_MS).await;
    engine.handle(Msg::Runs(runs::Msg::Confirmed));
    let torn = |engine: &Engine| {
        engine.state.runs.runs.get(&uid).is_some_and(|run| run.serves() == "lb-0 leads to green; lb-1 leads to blue")
    };
    // The checks stand between the two: it is gone before they let it go on.
    until(&mut engine, "the first balancer", torn).await;
    drop(engine);
    assert_eq!(fleet.links(), ["green.conf", "blue.conf"].map(str::to_owned));

    // Whoever comes next sees it as it is, and nothing is changed on top of it.
    let mut next = fleet.console("leo");
    until(&mut next, "the run as it is", torn).await;
    let why = fleet.refused(&mut next, Wanted::Rollback { to: None }).await;
    assert!(why.contains("lb-0 to green, lb-1 to blue"), "{why}");
    assert_eq!(fleet.links(), ["green.conf", "blue.conf"].map(str::to_owned));

    // A person has it go on.
    next.handle(Msg::Runs(runs::Msg::Adopted { run: uid }));
    until(&mut next, "the run's end", |engine| engine.state.runs.runs[&uid].outcome.is_some()).await;
    let run = next.state.runs.runs[&uid].clone();
    assert_eq!(
        (outcome(&run), run.serves().as_str()),
        (RunOutcome::Succeeded, "green serves (lb-0, lb-1)"),
        "{}",
        told(&run)
    );
    fleet.runs("v3", ["v2", "v3"]).await;
    next.stop();
}
