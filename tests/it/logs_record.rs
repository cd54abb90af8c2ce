//! `qd logs` and what a console has recorded: moments by name, the audit; and lines that come slowly.
use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use quarterdeck::{
    core::{
        id::Uid,
        record::Row,
        runs::{Plan, RunEvent, RunEventKind, Step},
        services::Health,
        time::Timestamp,
    },
    store::{Options, Sqlite, Store as _},
};
use tempfile::TempDir;

struct Desk(TempDir);

impl Desk {
    /// A folder with a configuration, a store, and a log.
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = dir.path().join("qd.db");
        let config = format!("version = 1\nclient = \"acme\"\n[store]\npath = {:?}\n", store.display().to_string());
        std::fs::write(dir.path().join("qd.toml"), config).unwrap();
        let lines = "2026-11-21T03:12:01Z WARN before\n2026-11-21T03:12:03Z WARN authorization: Bearer abcdefgh12\n";
        std::fs::write(dir.path().join("app.log"), lines).unwrap();
        Self(dir)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn store(&self) -> Sqlite {
        Sqlite::open(&self.path("qd.db"), &Options::default()).unwrap()
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_qd"));
        command.arg("logs").args(args).current_dir(self.0.path()).env_clear();
        command.env("HOME", self.0.path()).env("TZ", "UTC").stdin(Stdio::null());
        command
    }

    fn run(&self, args: &[&str]) -> (Option<i32>, String, String) {
        let Output { status, stdout, stderr } = self.command(args).output().unwrap();
        (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
    }
}

fn deploy(at: Timestamp) -> Row {
    let step = Step {
        host: "stage-01".into(),
        name: "restart".into(),
        command: "true".into(),
        path_prefix: Vec::new(),
        timeout_ms: 60_000,
    };
    let id = "play@staging".parse().unwrap();
    let plan = Plan { steps: vec![step], ..Plan::new(id, "restart play", "/run/lock/qd-play") };
    let (plan, reason, before) = (plan.into(), String::new(), Health::Unknown);
    let kind = RunEventKind::Confirmed { plan, reason, incident: None, before, second_person: false, known: None };
    Row::Run(RunEvent { run: Uid([7; 6]), at, by: "ana".into(), kind })
}

#[test]
fn a_moment_by_name_is_what_the_store_knows() {
    let desk = Desk::new();
    let asked = ["app.log", "--config", "qd.toml", "--since", "@deploy"];
    let (code, _, said) = desk.run(&asked);
    assert_eq!(code, Some(2));
    assert!(said.contains("no console has recorded anything") && said.contains("--since 02:55"), "{said}");
    let mut store = desk.store();
    let (code, _, said) = desk.run(&asked);
    assert!(code == Some(2) && said.contains("there is no @deploy here") && said.contains("no run"), "{said}");
    let at = chrono::DateTime::parse_from_rfc3339("2026-11-21T03:12:02Z").unwrap().timestamp_millis();
    store.commit(&[deploy(Timestamp(at))], None).unwrap();
    let (code, printed, said) = desk.run(&asked);
    assert_eq!((code, said.as_str()), (Some(0), ""));
    assert!(printed.contains("authorization") && !printed.contains("before"), "{printed}");
    let (_, printed, _) = desk.run(&["app.log", "--config", "qd.toml", "-q", "until:@deploy", "-c"]);
    assert_eq!(printed, "1\n");
    let (code, _, said) = desk.run(&["app.log", "--config", "qd.toml", "-q", "since:@onset"]);
    assert!(code == Some(2) && said.contains("no incident is open"), "{said}");
}

#[test]
fn what_is_hidden_is_shown_on_the_audit_or_not_at_all() {
    let desk = Desk::new();
    let raw = ["app.log", "--config", "qd.toml", "--raw"];
    // Where nothing is recorded there is no audit.
    let (code, printed, _) = desk.run(&raw);
    assert!(code == Some(0) && printed.contains("abcdefgh12"), "{printed}");
    assert!(!desk.path("qd.db").exists());
    let mut store = desk.store();
    let entries = |path: &Path| {
        let store = rusqlite::Connection::open(path).unwrap();
        store.query_row("SELECT count(*) FROM audit", [], |row| row.get::<_, i64>(0)).unwrap()
    };
    let before = entries(&desk.path("qd.db"));
    assert_eq!(desk.run(&raw).0, Some(0));
    assert_eq!(entries(&desk.path("qd.db")), before + 1);
    assert!(store.audit_verify().is_ok());
    // What is masked needs none.
    let (_, printed, _) = desk.run(&["app.log", "--config", "qd.toml"]);
    assert!(!printed.contains("abcdefgh12"), "{printed}");
    assert_eq!(entries(&desk.path("qd.db")), before + 1);
    std::fs::write(desk.path("redact.toml"), "reveal = \"never\"\n").unwrap();
    let (code, printed, said) = desk.run(&raw);
    assert_eq!((code, printed.as_str()), (Some(5), ""));
    assert!(said.contains("reveal = \"never\""), "{said}");
}

#[test]
fn the_last_record_of_a_pipe_comes_without_waiting_for_the_next() {
    let desk = Desk::new();
    let mut child =
        desk.command(&["-", "--format", "python"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let record = "2026-11-21 03:12:01,000 ERROR app: failed\nTraceback (most recent call last):\nValueError: pool\n";
    for _ in 0..2 {
        input.write_all(record.as_bytes()).unwrap();
        let mut got = String::new();
        for _ in 0..3 {
            output.read_line(&mut got).unwrap();
        }
        assert_eq!(got, record, "while the other end is open");
    }
    drop(input);
    assert!(child.wait().unwrap().success());
    // Nobody reads any more: it ends though its input does not.
    let mut child = desk.command(&["-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    drop(child.stdout.take());
    input.write_all(b"one\n").unwrap();
    assert!(child.wait().unwrap().success());
}
