//! A Laravel-shaped service over its life, on real OpenSSH, git, PHP, Composer and Apache: brought out, taken back by itself on
//! every host, rolled back, and refused where somebody changed files.
//!
//! `artisan` is a script of a few lines that real PHP runs: it writes down what it is asked for, and says of migrations what the
//! framework says. The framework itself comes from a package index, which a test must not need.
use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

use quarterdeck::{
    core::{
        inventory::Inventory,
        runs::{Run, RunOutcome, Wanted, What},
        time::Clock,
    },
    remote::ssh::PoolOptions,
    runtime::engine::Engine,
};

use crate::{
    deploy::{change, offered, refused, told},
    support::{
        clock,
        servers::{Server, apache, get, program, tool},
        sshd::{Setup, Sshd},
        tasks,
    },
    two_consoles::{console, inventory},
};

const ARTISAN: &str = r#"<?php
$asked = implode(' ', array_slice($argv, 1));
file_put_contents(getenv('HOME') . '/artisan.log', $asked . "\n", FILE_APPEND);
$ran = getenv('HOME') . '/migrated';
$done = is_file($ran) ? file($ran, FILE_IGNORE_NEW_LINES) : [];
$all = array_map('basename', glob(__DIR__ . '/database/migrations/*.php'));
if ($argv[1] === 'migrate:status') {
    foreach ($all as $one) echo "  $one ", str_repeat('.', 20), in_array($one, $done) ? ' [1] Ran' : ' Pending', "\n";
}
if ($argv[1] === 'migrate') file_put_contents($ran, implode("\n", array_unique(array_merge($done, $all))) . "\n");
if ($argv[1] === 'down') file_put_contents(__DIR__ . '/storage/down', '');
if ($argv[1] === 'up') @unlink(__DIR__ . '/storage/down');
exit(0);
"#;

/// There is no systemd where tests run. This one knows PHP-FPM alone, and notes which code it would serve from then on.
const SYSTEMCTL: &str = r#"#!/bin/sh
case "$*" in
  'is-active php8.2-fpm') echo active ;;
  'reload php8.2-fpm') cat "$HOME/app/public/index.html" >>"$HOME/fpm.log" && echo >>"$HOME/fpm.log" ;;
  *) exit 3 ;;
esac
"#;

/// A service on some hosts, each with an Apache of its own, and the repository that they all have.
struct Farm {
    hosts: Vec<(Sshd, Server)>,
    inventory: Inventory,
    clock: Arc<dyn Clock>,
}

/// Runs git as somebody; returns what it printed.
fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .args(["-c", "user.name=ana", "-c", "user.email=ana@acme.example", "-c", "init.defaultBranch=main"])
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Lets everybody in: the web server is another user.
fn open(path: &Path) {
    assert!(Command::new("chmod").arg("755").arg(path).status().unwrap().success());
}

impl Farm {
    async fn start(count: usize, recipe: &str) -> Option<Self> {
        for (variable, name) in [("QD_TEST_PHP", "php"), ("QD_TEST_COMPOSER", "composer"), ("QD_TEST_GIT", "git")] {
            tool(variable, name)?;
        }
        let mut sshds = Vec::new();
        for _ in 0..count {
            sshds.push(Sshd::with(Setup { own_machine: true, ..Setup::default() }).await);
        }
        // The repository, with its first version, and a work tree of it on each host.
        let desk = sshds[0].path("desk");
        std::fs::create_dir(&desk).unwrap();
        git(&desk, &["init", "-q", "--bare", "../origin.git"]);
        git(&desk, &["init", "-q"]);
        let origin = format!("file://{}", sshds[0].path("origin.git").display());
        git(&desk, &["remote", "add", "origin", &origin]);
        std::fs::create_dir_all(desk.join("database/migrations")).unwrap();
        std::fs::create_dir_all(desk.join("storage")).unwrap();
        std::fs::create_dir_all(desk.join("public")).unwrap();
        let composer = r#"{ "name": "acme/billing", "repositories": [{ "packagist.org": false }], "autoload": { "classmap": ["database"] } }"#;
        let files = [
            ("artisan", ARTISAN),
            ("composer.json", composer),
            (".gitignore", "vendor\ncomposer.lock\n.env\n.qd.lock\n"),
            ("storage/.gitignore", "*\n!.gitignore\n"),
            ("public/health", "ok"),
        ];
        for (name, text) in files {
            std::fs::write(desk.join(name), text).unwrap();
        }
        commit(&desk, "v1", Some("2026_01_01_000000_create_users.php"));
        let mut hosts = Vec::new();
        let store = sshds[0].path("qd.db");
        for sshd in sshds {
            let home = sshd.home();
            git(&home, &["clone", "-q", &origin, "app"]);
            for folder in [sshd.dir.path(), home.as_path(), &home.join("app"), &home.join("app/public")] {
                open(folder);
            }
            program(&home.join("bin/systemctl"), SYSTEMCTL);
            let apache = apache(&home.join("app/public"), &home.join("bin")).await?;
            hosts.push((sshd, apache));
        }
        let path = |path: PathBuf| format!("{:?}", path.display().to_string());
        let mut text = format!(
            "version = 1\nenvironment = [{{ name = \"stage\", kind = \"staging\" }}]\n[store]\npath = {}\n",
            path(store)
        );
        for (number, (sshd, _)) in hosts.iter().enumerate() {
            write!(
                text,
                "[[host]]\nname = \"app-{number}\"\nenv = \"stage\"\naddress = \"127.0.0.1\"\nport = {}\nuser = {:?}\nidentity = \
                 {}\npath_prefix = [{}]\n",
                sshd.port,
                sshd.user,
                path(sshd.identity()),
                path(sshd.home().join("bin")),
            )
            .unwrap();
        }
        let names: Vec<String> = (0..count).map(|number| format!("app-{number}")).collect();
        let last = names.last().unwrap();
        // They share an address: all of them ask the first one's server, which is changed last.
        let web = format!("http://127.0.0.1:{}", hosts[0].1.port);
        write!(
            text,
            "[[service]]\nname = \"billing\"\nkind = \"laravel-apache\"\nrecipe = {{ path = \"~/app\", ref = \"main\", sudo = false, \
             health = \"{web}/health\", health_within = \"5s\"{recipe} }}\n[service.in.stage]\nhosts = {names:?}\nrollout = {{ \
             migrate_on = {last:?} }}\nchecks = [{{ name = \"up\", type = \"http\", url = \"{web}/\", expect = [\"200\"], every = \
             \"1s\", timeout = \"900ms\" }}]\n",
        )
        .unwrap();
        let inventory = inventory(&text);
        Some(Self { hosts, inventory, clock: clock() })
    }

    fn desk(&self) -> PathBuf {
        self.hosts[0].0.path("desk")
    }

    fn app(&self, host: usize) -> PathBuf {
        self.hosts[host].0.home().join("app")
    }

    fn console(&self) -> Engine {
        let files = self.hosts.iter().map(|(sshd, _)| sshd.known_hosts(sshd.port)).collect();
        let ssh = PoolOptions { known_hosts: Some(files), agent: None, ssh: None, ..PoolOptions::from_env(false) };
        console("ana", &self.hosts[0].0.path("qd.db"), &self.inventory, ssh, &self.clock, &tasks())
    }

    async fn change(&self, engine: &mut Engine, wanted: Wanted) -> Run {
        change(engine, &self.clock, "billing@stage", wanted).await
    }

    /// Returns the version that each host's Apache serves.
    async fn served(&self) -> Vec<String> {
        let mut all = Vec::new();
        for (_, apache) in &self.hosts {
            all.push(get(apache.port, "/").await.map(|(_, body)| body).unwrap_or_default());
        }
        all
    }

    /// Returns what `artisan` was asked for on a host since the last time.
    fn asked(&self, host: usize) -> Vec<String> {
        let log = self.hosts[host].0.home().join("artisan.log");
        let text = std::fs::read_to_string(&log).unwrap_or_default();
        std::fs::write(log, "").unwrap();
        text.lines().filter(|line| !line.starts_with("migrate:status")).map(str::to_owned).collect()
    }

    fn head(&self, host: usize) -> String {
        git(&self.app(host), &["rev-parse", "HEAD"])
    }
}

/// Writes a version down, has everybody see it, and returns its commit.
fn commit(desk: &Path, version: &str, migration: Option<&str>) -> String {
    std::fs::write(desk.join("public/index.html"), version).unwrap();
    if let Some(name) = migration {
        std::fs::write(desk.join("database/migrations").join(name), "<?php\n").unwrap();
    }
    git(desk, &["add", "-A"]);
    git(desk, &["commit", "-q", "-m", version]);
    git(desk, &["push", "-q", "-f", "origin", "HEAD:refs/heads/main"]);
    git(desk, &["rev-parse", "HEAD"])
}

/// Returns what stood there whenever PHP-FPM was reloaded.
fn reloads(sshd: &Sshd) -> Vec<String> {
    let text = std::fs::read_to_string(sshd.home().join("fpm.log")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

fn version(name: &str) -> Wanted {
    Wanted::Deploy { what: What::Version { version: name.to_owned() } }
}

fn outcome(run: &Run) -> RunOutcome {
    run.outcome.unwrap().0
}

#[tokio::test]
async fn a_laravel_service_is_deployed_taken_back_and_rolled_back_and_migrates_on_one_host() {
    let Some(farm) = Farm::start(2, ", maintenance_mode = true, php_fpm = \"php8.2-fpm\"").await else { return };
    let mut engine = farm.console();
    let v1 = farm.head(0);

    // What is asked for is `main` as origin has it now; the host that migrates goes first, and it alone does.
    let v2 = commit(&farm.desk(), "v2", Some("2026_02_02_000000_create_bills.php"));
    let run = farm.change(&mut engine, Wanted::Deploy { what: What::Default }).await;
    assert_eq!(outcome(&run), RunOutcome::Succeeded, "{}", told(&run));
    assert_eq!(farm.served().await, ["v2", "v2"]);
    assert_eq!(run.plan.hosts(), ["app-1".into(), "app-0".into()]);
    let caches = ["cache:clear", "config:clear", "route:clear", "optimize", "queue:restart"];
    let caches: Vec<String> = caches.iter().map(|name| format!("{name} --no-interaction --no-ansi")).collect();
    let (zero, one) = (farm.asked(0), farm.asked(1));
    assert_eq!(one[0], "down --retry=60 --no-interaction --no-ansi");
    assert_eq!(one[1], "migrate --force --no-interaction --no-ansi");
    assert_eq!((&one[2..7], &zero[1..6]), (&caches[..], &caches[..]));
    assert_eq!(zero.last().unwrap(), "up --no-interaction --no-ansi");
    assert!(!zero.iter().any(|line| line.starts_with("migrate")), "{zero:?}");
    assert!(farm.app(0).join("vendor/autoload.php").exists(), "Composer was there");
    for (sshd, _) in &farm.hosts {
        let taken = std::fs::read_to_string(sshd.home().join("bin/asked")).unwrap();
        assert!(taken.lines().any(|line| line == "graceful"), "{taken}");
        assert_eq!(reloads(sshd), ["v2"]);
    }

    let known = offered(&mut engine, "billing@stage").await;
    assert!(known.iter().any(|(name, _)| name == "main"), "{known:?}");

    // A version that does not answer well: both hosts go back by themselves, and nothing is migrated on the way.
    let desk = farm.desk();
    git(&desk, &["rm", "-q", "public/health"]);
    commit(&desk, "v3-bad", Some("2026_03_03_000000_drop_all.php"));
    let run = farm.change(&mut engine, Wanted::Deploy { what: What::Default }).await;
    assert_eq!(outcome(&run), RunOutcome::Undone, "{}", told(&run));
    assert_eq!((farm.served().await, farm.head(0), farm.head(1)), (vec!["v2".into(), "v2".into()], v2.clone(), v2));
    let migrations = farm.asked(1).iter().filter(|line| line.starts_with("migrate")).count();
    assert_eq!((migrations, farm.asked(0).iter().filter(|line| line.starts_with("migrate")).count()), (1, 0));
    for (sshd, _) in &farm.hosts {
        let all = reloads(sshd);
        assert_eq!(all.last().map(String::as_str), Some("v2"), "what is taken back is too: {all:?}");
    }
    assert_eq!(reloads(&farm.hosts[1].0), ["v2", "v3-bad", "v2"]);
    assert!(!farm.app(0).join("storage/down").exists() && !farm.app(1).join("storage/down").exists(), "users are in");

    // To what each host noted before its last deployment, without asking the network, and without a migration.
    std::fs::rename(farm.hosts[0].0.path("origin.git"), farm.hosts[0].0.path("gone.git")).unwrap();
    let run = farm.change(&mut engine, Wanted::Rollback { to: None }).await;
    assert_eq!(outcome(&run), RunOutcome::Succeeded, "{}", told(&run));
    assert!(run.plan.prechecks.iter().any(|check| check.text.contains("create_bills.php")), "{:?}", run.plan.prechecks);
    assert_eq!((farm.served().await, farm.head(1)), (vec!["v1".into(), "v1".into()], v1));
    assert!(!farm.asked(1).iter().any(|line| line.starts_with("migrate")));
    assert!(!farm.app(0).join(".qd.lock").exists(), "the lock is given back");
    engine.stop();
}

#[tokio::test]
async fn a_changed_work_tree_and_a_ref_that_is_none_are_refused_and_a_ref_is_only_text() {
    let Some(farm) = Farm::start(1, "").await else { return };
    let mut engine = farm.console();
    let desk = farm.desk();
    let v2 = commit(&desk, "v2", None);

    let why = refused(&mut engine, &farm.clock, "billing@stage", version("v9")).await;
    assert!(why.contains("no branch or tag v9"), "{why}");
    let why = refused(&mut engine, &farm.clock, "billing@stage", Wanted::Rollback { to: None }).await;
    assert!(why.contains("no note"), "{why}");

    std::fs::write(farm.app(0).join("public/index.html"), "by hand").unwrap();
    let why = refused(&mut engine, &farm.clock, "billing@stage", version("main")).await;
    assert!(why.contains("somebody changed files on app-0: M public/index.html"), "{why}");
    assert_eq!(std::fs::read_to_string(farm.app(0).join("public/index.html")).unwrap(), "by hand", "it is left alone");
    git(&farm.app(0), &["checkout", "-q", "--", "."]);

    // A tag that a shell would make something of.
    let name = "v2;touch${IFS}pwned;$(touch${IFS}pwned)'`touch${IFS}pwned`\"&|<>";
    git(&desk, &["tag", name]);
    git(&desk, &["push", "-q", "origin", "--tags"]);
    let run = farm.change(&mut engine, version(name)).await;
    assert_eq!(outcome(&run), RunOutcome::Succeeded, "{}", told(&run));
    assert_eq!(farm.head(0), v2);
    let home = farm.hosts[0].0.home();
    assert!(!home.join("pwned").exists() && !farm.app(0).join("pwned").exists());

    // A commit by its hash, which no tip leads to any more.
    let v3 = commit(&desk, "v3", None);
    git(&desk, &["reset", "-q", "--hard", &v2]);
    commit(&desk, "v4", None);
    let run = farm.change(&mut engine, version(&v3)).await;
    assert_eq!(outcome(&run), RunOutcome::Succeeded, "{}", told(&run));
    engine.stop();
}
