//! Sites of a real Nginx and a real Apache over real OpenSSH: enabled, replaced, disabled; a file that is broken is put back, and
//! the server answers all the while.
use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use quarterdeck::{
    core::{
        inventory::Inventory,
        runs::{Build, Order, Run, RunOutcome, Wanted},
        time::{Clock, Timestamp},
    },
    remote::ssh::PoolOptions,
    runtime::engine::Engine,
};
use sha2::Digest as _;

use crate::{
    deploy::{change, refused, told},
    support::{
        clock,
        servers::{Server, apache, get, nginx_sites, pace},
        sshd::Sshd,
        tasks,
    },
    two_consoles::{console, inventory},
};

/// A web server on a host, and what is changed there.
struct Web {
    sshd: Sshd,
    server: Server,
    inventory: Inventory,
    clock: Arc<dyn Clock>,
    /// Each its own: the lock of a service without a folder stands where all of the machine's do.
    name: String,
    /// A site that serves `text` at `/new`.
    site: fn(&str) -> String,
}

impl Web {
    async fn start(kind: &str, name: &str) -> Option<Self> {
        // What a test leaves that is killed holds up no later one.
        let name = format!("{name}-{}", std::process::id());
        let sshd = Sshd::start().await;
        let (home, bin) = (sshd.home(), sshd.home().join("bin"));
        std::fs::create_dir_all(home.join("files")).unwrap();
        for folder in [sshd.dir.path(), home.as_path(), &home.join("files")] {
            assert!(Command::new("chmod").arg("755").arg(folder).status().unwrap().success());
        }
        std::fs::write(home.join("files/index.html"), "home").unwrap();
        let (server, site): (Server, fn(&str) -> String) = if kind == "nginx-site" {
            (nginx_sites(&home.join("files"), &bin).await?, |text| {
                format!("location = /new {{\n\treturn 200 '{text}';\n}}\n")
            })
        } else {
            (apache(&home.join("files"), &bin).await?, |text| format!("# {text}\nRedirect 302 /new /{text}\n"))
        };
        let path = |path: PathBuf| format!("{:?}", path.display().to_string());
        let text = format!(
            "version = 1\nenvironment = [{{ name = \"stage\", kind = \"staging\" }}]\n[store]\npath = {}\n[[host]]\nname = \
             \"web-01\"\nenv = \"stage\"\naddress = \"127.0.0.1\"\nport = {}\nuser = {:?}\nidentity = {}\npath_prefix = \
             [{}]\n[[service]]\nname = {name:?}\nkind = {kind:?}\nrecipe = {{ site = \"new.conf\", available = {}, enabled = {}, \
             sudo = false, health = \"http://127.0.0.1:{web}/\", health_within = \"4s\" }}\n[service.in.stage]\nhosts = [\"web-01\"]\nchecks = [{{ name = \
             \"up\", type = \"http\", url = \"http://127.0.0.1:{web}/\", expect = [\"200\"], every = \"1s\", timeout = \"900ms\" \
             }}]\n",
            path(sshd.path("qd.db")),
            sshd.port,
            sshd.user,
            path(sshd.identity()),
            path(bin),
            path(server.dir.path().join("sites-available")),
            path(server.dir.path().join("sites-enabled")),
            web = server.port,
        );
        let inventory = inventory(&text);
        Some(Self { sshd, server, inventory, clock: clock(), name: format!("{name}@stage"), site })
    }

    fn console(&self) -> Engine {
        let files = vec![self.sshd.known_hosts(self.sshd.port)];
        let ssh = PoolOptions { known_hosts: Some(files), agent: None, ssh: None, ..PoolOptions::from_env(false) };
        console("ana", &self.sshd.path("qd.db"), &self.inventory, ssh, &self.clock, &tasks())
    }

    /// Asks for a task; `text` is what the site is to be.
    fn order(&self, task: &str, text: Option<&str>) -> Wanted {
        let file = text.map(|text| {
            let path = self.sshd.path("new");
            std::fs::write(&path, text).unwrap();
            Build {
                path: path.display().to_string(),
                version: "new".into(),
                sha256: sha2::Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect(),
                bytes: u64::try_from(text.len()).unwrap(),
                made: Timestamp(0),
            }
        });
        Wanted::Task(Order { task: task.into(), settings: std::collections::BTreeMap::new(), file })
    }

    async fn change(&self, engine: &mut Engine, wanted: Wanted) -> Run {
        change(engine, &self.clock, &self.name, wanted).await
    }

    fn available(&self) -> PathBuf {
        self.server.dir.path().join("sites-available/new.conf")
    }

    /// Says what the site says now, as users see it, once it is what it is to be or it never will be.
    async fn says(&self, text: Option<&str>) {
        let is = || async {
            let (status, body) = get(self.server.port, "/new").await?;
            (status == 200 || status == 302).then_some(body)
        };
        crate::support::eventually(&format!("{text:?}"), async || match (is().await, text) {
            (None, None) => true,
            (Some(body), Some(text)) => body.contains(text),
            _ => false,
        })
        .await;
    }
}

fn outcome(run: &Run) -> RunOutcome {
    run.outcome.unwrap().0
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

async fn lives(kind: &str) {
    let Some(web) = Web::start(kind, kind).await else { return };
    let mut engine = web.console();
    let stop = Arc::new(AtomicBool::new(false));
    let (port, stopped) = (web.server.port, Arc::clone(&stop));
    let user = tasks().spawn("user", async move {
        let (mut bad, mut pace) = (Vec::new(), pace());
        while !stopped.load(Ordering::Relaxed) {
            pace.tick().await;
            bad.extend(
                Some(get(port, "/").await).filter(|answer| answer.as_ref().is_none_or(|(status, _)| *status != 200)),
            );
        }
        bad
    });

    // A file that was not there; it is served once it is enabled.
    let run = web.change(&mut engine, web.order("replace", Some(&(web.site)("one")))).await;
    assert_eq!(outcome(&run), RunOutcome::Succeeded, "{}", told(&run));
    web.says(None).await;
    let run = web.change(&mut engine, web.order("enable", None)).await;
    assert_eq!(outcome(&run), RunOutcome::Succeeded, "{}", told(&run));
    web.says(Some("one")).await;
    let why = refused(&mut engine, &web.clock, &web.name, web.order("enable", None)).await;
    assert!(why.contains("already"), "{why}");

    // Another text: what differs is read before, and no secret of it.
    let two = format!("{}# password=hunter2hunter2\n", (web.site)("two"));
    let run = web.change(&mut engine, web.order("replace", Some(&two))).await;
    assert_eq!(outcome(&run), RunOutcome::Succeeded, "{}", told(&run));
    web.says(Some("two")).await;
    let notes = run.plan.notes.join("\n");
    assert!(
        notes.contains("\n- ") && notes.contains("one") && notes.contains("\n+ ") && notes.contains("two"),
        "{notes}"
    );
    assert!(!notes.contains("hunter2"), "{notes}");
    let previous = web.available().with_file_name("new.conf.qd-previous");
    assert_eq!((read(&web.available()), read(&previous)), (two.clone(), (web.site)("one")));

    // Back to the file before, which is read before too, and forward again.
    for text in ["one", "two"] {
        let run = web.change(&mut engine, Wanted::Rollback { to: None }).await;
        assert_eq!(outcome(&run), RunOutcome::Succeeded, "{}", told(&run));
        assert!(run.plan.notes.join("\n").contains("\n+ "), "{:?}", run.plan.notes);
        web.says(Some(text)).await;
    }
    assert_eq!((read(&web.available()), read(&previous)), (two.clone(), (web.site)("one")));
    // What is kept was broken by somebody since: the server never sees it, and both files stay.
    std::fs::write(&previous, "nonsense {\n").unwrap();
    let run = web.change(&mut engine, Wanted::Rollback { to: None }).await;
    assert_eq!(outcome(&run), RunOutcome::Failed, "{}", told(&run));
    assert_eq!((read(&web.available()), read(&previous)), (two.clone(), "nonsense {\n".to_owned()));
    web.says(Some("two")).await;

    // A broken one is put back before the server sees it.
    let run = web.change(&mut engine, web.order("replace", Some("nonsense {\n"))).await;
    assert_ne!(outcome(&run), RunOutcome::Succeeded, "{}", told(&run));
    assert_eq!(read(&web.available()), two);
    web.says(Some("two")).await;

    // Somebody breaks it by hand: nothing is changed on top of that.
    std::fs::write(web.available(), "nonsense {\n").unwrap();
    let why = refused(&mut engine, &web.clock, &web.name, Wanted::Restart).await;
    assert!(why.contains("does not pass its test"), "{why}");
    std::fs::write(web.available(), &two).unwrap();

    let run = web.change(&mut engine, Wanted::Restart).await;
    assert_eq!(outcome(&run), RunOutcome::Succeeded, "{}", told(&run));
    let run = web.change(&mut engine, web.order("disable", None)).await;
    assert_eq!(outcome(&run), RunOutcome::Succeeded, "{}", told(&run));
    web.says(None).await;
    assert!(web.available().exists(), "the file stays");

    stop.store(true, Ordering::Relaxed);
    assert_eq!(user.join().await.unwrap(), [], "it answered all the while");
    engine.stop();
}

#[tokio::test]
async fn a_site_of_nginx_is_enabled_replaced_and_disabled_while_it_answers() {
    Box::pin(lives("nginx-site")).await;
}

#[tokio::test]
async fn a_site_of_apache_is_enabled_replaced_and_disabled_while_it_answers() {
    Box::pin(lives("apache-site")).await;
}

#[tokio::test]
async fn a_site_that_is_served_badly_is_taken_back() {
    let Some(web) = Web::start("nginx-site", "www").await else { return };
    let mut engine = web.console();
    for (task, text) in [("replace", Some((web.site)("one"))), ("enable", None)] {
        let run = web.change(&mut engine, web.order(task, text.as_deref())).await;
        assert_eq!(outcome(&run), RunOutcome::Succeeded, "{}", told(&run));
    }
    // It passes Nginx's own test, and users get nothing: what was there comes back by itself.
    let run = web.change(&mut engine, web.order("replace", Some("location = / {\n  return 500;\n}\n"))).await;
    assert_eq!(outcome(&run), RunOutcome::Undone, "{}", told(&run));
    assert_eq!(read(&web.available()), (web.site)("one"));
    web.says(Some("one")).await;
    assert_eq!(get(web.server.port, "/").await.unwrap().0, 200);

    let why = refused(
        &mut engine,
        &web.clock,
        &web.name,
        Wanted::Task(Order {
            task: "disable".into(),
            settings: [("site".to_owned(), "../../x;touch pwned".to_owned())].into(),
            file: None,
        }),
    )
    .await;
    assert!(why.contains("no name of a site"), "{why}");
    engine.stop();
}
