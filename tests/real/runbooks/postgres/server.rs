//! A PostgreSQL server of a test's own, with its settings beside its data, as Debian has them.
use std::{
    io::{BufRead as _, BufReader, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use tempfile::TempDir;

use super::{super::service, Desk, eventually};
use crate::{
    ops::Ops,
    support::{
        servers::{free_port, tool},
        sshd::{self, Setup, Sshd, is_root, signal},
    },
};

/// The password of all who have one.
const PASSWORD: &str = "only for tests";

/// A server, run by nobody where the tests are run by root: it refuses to run for root.
pub(super) struct Postgres {
    pub(super) dir: TempDir,
    pub(super) address: &'static str,
    pub(super) port: u16,
    child: Child,
}

/// A session that goes on.
pub(super) struct Session(Child);

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
    command.env("HOME", home).current_dir(home).stdin(Stdio::null()).env("PGPASSWORD", PASSWORD);
    command
}

/// A folder of whoever runs the server, into which others may look.
fn folder() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::create_dir(dir.path().join("etc")).unwrap();
    if is_root() {
        assert!(Command::new("chown").arg("-R").arg("nobody:nogroup").arg(dir.path()).status().unwrap().success());
    }
    dir
}

fn start(dir: &Path, address: &str, port: u16) -> Child {
    let (etc, log) =
        (dir.join("etc"), std::fs::OpenOptions::new().create(true).append(true).open(dir.join("log")).unwrap());
    let mut command = as_nobody(&bin("postgres").unwrap(), dir);
    command.arg("-D").arg(&etc).args(["-p", &port.to_string(), "-c", &format!("listen_addresses={address}")]);
    command.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap()
}

fn client(address: &str, port: u16, user: &str) -> Command {
    let mut command = Command::new("psql");
    command
        .args(["-XAtqw", "-v", "ON_ERROR_STOP=1", "-h", address, "-U", user, "-d", "postgres", "-p"])
        .arg(port.to_string())
        .env("PGPASSWORD", PASSWORD);
    command
}

fn asked(mut client: Command, text: &str) -> Result<String, String> {
    let said = client.args(["-c", text]).stdin(Stdio::null()).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if said.status.success() { Ok(text(&said.stdout)) } else { Err(text(&said.stderr)) }
}

/// Asks a server at another port of this machine.
pub(super) fn ask_at(port: u16, text: &str) -> Result<String, String> {
    asked(client("127.0.0.1", port, "ops"), text)
}

impl Postgres {
    /// Starts one that takes ten sessions, three of them kept for superusers.
    pub(super) async fn start() -> Option<Self> {
        Self::with(
            "max_connections = 10\nsuperuser_reserved_connections = 3\nshared_preload_libraries = pg_stat_statements\n",
        )
        .await
    }

    /// Starts one with these settings.
    pub(super) async fn with(settings: &str) -> Option<Self> {
        let (initdb, _) = (bin("initdb")?, bin("postgres")?);
        tool("QD_TEST_PSQL", "psql")?;
        let dir = folder();
        let at = dir.path();
        std::fs::write(at.join("password"), PASSWORD).unwrap();
        let made = as_nobody(&initdb, at)
            .args(["-A", "scram-sha-256", "-U", "ops", "--no-sync", "-E", "UTF8", "--locale=C", "--pwfile"])
            .arg(at.join("password"))
            .arg("-D")
            .arg(at.join("data"))
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let own = "fsync = off\nwal_keep_size = 256MB\n";
        let running = Self::run(dir, "127.0.0.1", free_port(), &format!("{own}{settings}")).await;
        running.sql(&format!("create role app login password '{PASSWORD}'"));
        running.sql("create database shop owner app");
        Some(running)
    }

    /// Starts a server on the data that lie in the folder.
    async fn run(dir: TempDir, address: &'static str, port: u16, settings: &str) -> Self {
        let (data, etc) = (dir.path().join("data"), dir.path().join("etc"));
        for file in ["postgresql.conf", "pg_hba.conf", "pg_ident.conf"] {
            drop(std::fs::remove_file(data.join(file)));
        }
        let ours =
            format!("data_directory = '{}'\nunix_socket_directories = '{}'\n", data.display(), dir.path().display());
        std::fs::write(etc.join("postgresql.conf"), format!("{settings}{ours}")).unwrap();
        let who = "host all all 127.0.0.0/8 scram-sha-256\nhost replication all 127.0.0.0/8 scram-sha-256\n";
        std::fs::write(etc.join("pg_hba.conf"), who).unwrap();
        std::fs::write(etc.join("pg_ident.conf"), "").unwrap();
        let child = start(dir.path(), address, port);
        let mut running = Self { dir, address, port, child };
        running.comes().await;
        running
    }

    /// Waits until it answers.
    async fn comes(&mut self) {
        eventually("PostgreSQL", async || {
            // One that was killed may leave some that hold its memory for a moment.
            if self.child.try_wait().unwrap().is_some() {
                self.child = start(self.dir.path(), self.address, self.port);
            }
            self.try_sql("select 1").is_ok()
        })
        .await;
    }

    /// Starts a second server that copies this one as it goes on, at another address and the same port.
    pub(super) async fn standby(&self) -> Self {
        let dir = folder();
        let copied = as_nobody(Path::new("pg_basebackup"), dir.path())
            .args(["-w", "-R", "-X", "stream", "-c", "fast", "-h", self.address, "-U", "ops", "-p"])
            .arg(self.port.to_string())
            .arg("-D")
            .arg(dir.path().join("data"))
            .output()
            .unwrap();
        assert!(copied.status.success(), "{}", String::from_utf8_lossy(&copied.stderr));
        Self::run(dir, "127.0.0.2", self.port, "fsync = off\n").await
    }

    /// Ends it as a machine that loses its power.
    pub(super) fn kill(&mut self) {
        let all = sshd::children(self.child.id());
        signal(self.child.id(), "KILL");
        drop(self.child.wait());
        for pid in all {
            signal(pid, "KILL");
        }
    }

    /// Starts it again on what it has.
    pub(super) async fn comes_back(&mut self) {
        self.child = start(self.dir.path(), self.address, self.port);
        self.comes().await;
    }

    pub(super) fn psql(&self, user: &str) -> Command {
        client(self.address, self.port, user)
    }

    /// Asks as this login.
    pub(super) fn ask(&self, user: &str, text: &str) -> Result<String, String> {
        asked(self.psql(user), text)
    }

    pub(super) fn try_sql(&self, text: &str) -> Result<String, String> {
        self.ask("ops", text)
    }

    pub(super) fn sql(&self, text: &str) -> String {
        self.try_sql(text).unwrap_or_else(|why| {
            panic!("{text}: {why}\n{}", std::fs::read_to_string(self.dir.path().join("log")).unwrap())
        })
    }

    /// Opens a session of the application that says this and stays.
    pub(super) fn session(&self, text: &str) -> Session {
        // Where all are taken, the one who looked a moment ago may not be gone yet.
        for _ in 0..50 {
            let mut child =
                self.psql("app").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
            // Who was refused reads nothing.
            let asked = writeln!(child.stdin.as_mut().unwrap(), "\\echo is there\n{text}");
            let mut said = String::new();
            let heard = BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut said);
            let session = Session(child);
            if asked.is_ok() && heard.is_ok() && said == "is there\n" {
                return session;
            }
        }
        panic!("there is no room for: {text}");
    }

    pub(super) async fn counts(&self, what: &str, is: &str) {
        let query = format!("select count(*) from pg_stat_activity where usename = 'app' and {what}");
        eventually(what, async || self.sql(&query) == is).await;
    }

    /// Opens a runbook on a host whose login knows the password, and is not root.
    pub(super) async fn desk(&self, file: &str) -> Desk {
        let sshd = Sshd::with(Setup { unprivileged: is_root(), ..Setup::default() }).await;
        let pgpass = sshd.home().join(".pgpass");
        std::fs::write(&pgpass, format!("*:*:*:ops:{PASSWORD}\n")).unwrap();
        std::fs::set_permissions(&pgpass, std::fs::Permissions::from_mode(0o600)).unwrap();
        sshd.give(&pgpass);
        let ops = Ops::on(sshd, service);
        let given = [
            ("dbhost", self.address.to_owned()),
            ("dbport", self.port.to_string()),
            ("dbuser", "ops".to_owned()),
            ("database", "postgres".to_owned()),
        ];
        Desk::open(ops, file, &given).await
    }
}
