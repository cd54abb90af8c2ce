//! PostgreSQL: connections that run out, and slow queries.
use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use tempfile::TempDir;

use super::{Desk, eventually, service};
use crate::{
    ops::Ops,
    support::{
        servers::{free_port, tool},
        sshd::{is_root, signal},
    },
};

/// A server of its own, run by nobody where the tests are run by root: it refuses to run for root.
struct Postgres {
    dir: TempDir,
    port: u16,
    child: Child,
}

/// A session that goes on.
struct Session(Child);

impl Drop for Session {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // Fast, as it calls it: sessions are ended, what runs is taken back.
        signal(self.child.id(), "INT");
        drop(self.child.wait());
    }
}

/// Where Debian keeps what no plain login calls.
fn bin(name: &str) -> Option<PathBuf> {
    let mut versions: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .map(|all| {
            all.filter_map(|entry| Some(entry.ok()?.path().join("bin").join(name)))
                .filter(|path| path.is_file())
                .collect()
        })
        .unwrap_or_default();
    versions.sort();
    versions.pop().or_else(|| tool("QD_TEST_POSTGRES_BIN", name))
}

fn as_nobody(program: &Path, home: &Path) -> Command {
    let mut command = if is_root() {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=nobody", "--regid=nogroup", "--clear-groups"]).arg(program);
        command
    } else {
        Command::new(program)
    };
    command.env("HOME", home).current_dir(home).stdin(Stdio::null());
    command
}

impl Postgres {
    async fn start() -> Option<Self> {
        let (initdb, postgres) = (bin("initdb")?, bin("postgres")?);
        tool("QD_TEST_PSQL", "psql")?;
        let (dir, port) = (tempfile::tempdir().unwrap(), free_port());
        let at = dir.path().to_owned();
        if is_root() {
            assert!(Command::new("chown").arg("nobody:nogroup").arg(&at).status().unwrap().success());
        }
        let made = as_nobody(&initdb, &at)
            .args(["-A", "trust", "-U", "ops", "--no-sync", "-E", "UTF8", "--locale=C", "-D"])
            .arg(at.join("data"))
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let log = std::fs::File::create(at.join("log")).unwrap();
        let child = as_nobody(&postgres, &at)
            .args(["-D", at.join("data").to_str().unwrap(), "-p", &port.to_string()])
            .args([
                "-c",
                "listen_addresses=127.0.0.1",
                "-c",
                "max_connections=10",
                "-c",
                "superuser_reserved_connections=3",
            ])
            .args(["-c", "fsync=off", "-c", "shared_preload_libraries=pg_stat_statements"])
            .args(["-c", &format!("unix_socket_directories={}", at.display())])
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let running = Self { dir, port, child };
        eventually("PostgreSQL", async || running.try_sql("select 1").is_ok()).await;
        running.sql("create role app login");
        running.sql("create database shop owner app");
        Some(running)
    }

    fn psql(&self, user: &str) -> Command {
        let mut command = Command::new("psql");
        command
            .args(["-XAtqw", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-U", user, "-d", "postgres", "-p"])
            .arg(self.port.to_string());
        command
    }

    fn try_sql(&self, text: &str) -> Result<String, String> {
        let said = self.psql("ops").args(["-c", text]).stdin(Stdio::null()).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        if said.status.success() { Ok(text(&said.stdout)) } else { Err(text(&said.stderr)) }
    }

    fn sql(&self, text: &str) -> String {
        self.try_sql(text).unwrap_or_else(|why| {
            panic!("{text}: {why}\n{}", std::fs::read_to_string(self.dir.path().join("log")).unwrap())
        })
    }

    /// Opens a session of the application that says this and stays.
    fn session(&self, text: &str) -> Session {
        let mut child =
            self.psql("app").stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        writeln!(child.stdin.as_mut().unwrap(), "{text}").unwrap();
        Session(child)
    }

    async fn counts(&self, what: &str, is: &str) {
        let query = format!("select count(*) from pg_stat_activity where usename = 'app' and {what}");
        eventually(what, async || self.sql(&query) == is).await;
    }

    async fn desk(&self, file: &str) -> Desk {
        let ops = Ops::start(service).await;
        let given = [
            ("dbhost", "127.0.0.1".to_owned()),
            ("dbport", self.port.to_string()),
            ("dbuser", "ops".to_owned()),
            ("database", "postgres".to_owned()),
        ];
        Desk::open(ops, file, &given).await
    }
}

const LOOKS: [&str; 4] =
    ["share-of-connections-in-use", "idle-in-a-transaction", "queries-that-run-for-long", "who-waits-for-whom"];

#[tokio::test]
async fn connections_that_run_out_are_told_from_health_and_freed() {
    let Some(postgres) = Postgres::start().await else { return };
    let mut desk = postgres.desk("email-saas/postgres-connections.md").await;
    desk.give("minutes", 0);
    desk.give("login", "app");
    desk.well(&["is-it-there"]).await;
    desk.well(&LOOKS).await;

    postgres.sql("create table orders (id int); alter table orders owner to app");
    let holds = postgres.session("begin; lock table orders;");
    postgres.counts("state = 'idle in transaction'", "1").await;
    let idle: Vec<Session> = (0..5).map(|_| postgres.session("begin; select 1;")).collect();
    postgres.counts("state = 'idle in transaction'", "6").await;
    let waits = postgres.session("select count(*) from orders;");
    postgres.counts("wait_event_type = 'Lock'", "1").await;
    let refused = postgres.psql("app").args(["-c", "select 1"]).output().unwrap();
    assert!(String::from_utf8_lossy(&refused.stderr).contains("remaining connection slots"), "users are refused");
    desk.well(&["is-it-there"]).await;
    desk.ill(&LOOKS).await;

    desk.change("end-what-is-idle-in-a-transaction").await;
    postgres.counts("state = 'idle in transaction'", "0").await;
    // Who waited goes on, and keeps its connection.
    postgres.counts("state = 'idle'", "1").await;
    desk.well(&LOOKS).await;

    let long = postgres.session("select pg_sleep(600);");
    postgres.counts("state = 'active'", "1").await;
    desk.ill(&["queries-that-run-for-long"]).await;
    desk.change("end-queries-that-run-for-long").await;
    postgres.counts("state = 'active'", "0").await;
    desk.well(&LOOKS).await;
    desk.change("limit-idle-transactions").await;
    let limit = postgres.sql("select array_to_string(rolconfig, ',') from pg_roles where rolname = 'app'");
    assert_eq!(limit, "idle_in_transaction_session_timeout=5min");
    drop((holds, idle, waits, long));

    // A server that is not there is not well, and no look says that there is nothing to see.
    drop(postgres);
    desk.ill(&["is-it-there"]).await;
    desk.ill(&LOOKS).await;
}

#[tokio::test]
async fn slow_queries_are_told_from_health_and_mended() {
    let Some(postgres) = Postgres::start().await else { return };
    let mut desk = postgres.desk("email-saas/postgres-slow-queries.md").await;
    desk.give("calls", 2);
    desk.give("seconds", 0);
    desk.ill(&["is-it-measured"]).await;
    let (met, told) = desk.look("the-slowest-statement").await;
    assert_eq!(met, Some(false), "what is not measured is not fast: {told}");
    postgres.sql("create extension pg_stat_statements");
    let looks =
        ["is-it-measured", "the-slowest-statement", "tables-that-are-read-from-end-to-end", "what-runs-now-for-long"];
    desk.well(&looks).await;

    postgres.sql("create table orders as select n as id, 'c' || n % 500 as customer from generate_series(1, 20000) n");
    postgres.sql("analyze orders");
    let scans: Vec<&str> = vec!["select count(*) from orders where customer = 'c7'"; 60];
    postgres.sql(&scans.join("; "));
    for _ in 0..2 {
        postgres.sql("select pg_sleep(0.7)");
    }
    let sleeps = postgres.session("select pg_sleep(600);");
    postgres.counts("state = 'active'", "1").await;
    eventually("the statistics", async || {
        postgres.sql("select coalesce(max(seq_scan), 0) > 50 from pg_stat_user_tables") == "t"
    })
    .await;
    desk.well(&["is-it-measured"]).await;
    desk.ill(&looks[1..]).await;
    let (_, told) = desk.look("which-they-are").await;
    assert!(told.contains("pg_sleep"), "{told}");
    assert!(!told.contains("c7"), "values are not told: {told}");

    let process = postgres.sql("select pid from pg_stat_activity where usename = 'app' and state = 'active'");
    desk.give("process", process);
    desk.change("cancel-one-of-them").await;
    postgres.counts("state = 'active'", "0").await;
    desk.give("table", "orders");
    desk.give("column", "customer");
    desk.change("add-an-index").await;
    assert_eq!(postgres.sql("select count(*) from pg_indexes where indexname = 'qd_orders_customer'"), "1");
    desk.change("begin-to-count-anew").await;
    desk.well(&looks).await;
    drop(sleeps);
}
