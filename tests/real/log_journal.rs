//! A real journal on disk, written by `systemd-journal-remote` and read by the real `journalctl`, which is only told where it is.
use std::{
    io::Write as _,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
};

use quarterdeck::{
    core::logs::{LogPlace, Nanos, SourceState},
    sources::logs::{Cursor, HistoryRequest, source},
};

use crate::{
    ssh::{host, options, pool},
    support::{
        clock,
        logs::{Bench, Event, Heard, entry},
        servers::tool,
        tasks,
    },
};

/// The moment of the first entry, in microseconds.
const T0: u64 = 1_795_233_669_000_000;

/// A folder with a journal, and with a `journalctl` that looks there.
struct Journal {
    dir: tempfile::TempDir,
    remote: PathBuf,
}

/// An entry in the export format, with a message of any bytes.
fn export(number: u64, message: &[u8]) -> Vec<u8> {
    let mut entry = format!(
        "__REALTIME_TIMESTAMP={}\n__MONOTONIC_TIMESTAMP={}\n_BOOT_ID=0123456789abcdef0123456789abcdef\n\
         PRIORITY=4\n_HOSTNAME=web-01\n_SYSTEMD_UNIT={}.service\nSYSLOG_IDENTIFIER=api\n_PID={number}\n",
        T0 + number * 1_000,
        number * 1_000,
        if number % 10 == 9 { "other" } else { "api" },
    )
    .into_bytes();
    if message.iter().all(|byte| (b' '..=b'~').contains(byte)) {
        entry.extend_from_slice(b"MESSAGE=");
    } else {
        entry.extend_from_slice(b"MESSAGE\n");
        entry.extend_from_slice(&(message.len() as u64).to_le_bytes());
    }
    entry.extend_from_slice(message);
    entry.extend_from_slice(b"\n\n");
    entry
}

fn message(number: u64) -> Vec<u8> {
    match number % 50 {
        7 => format!("n {number}\nTraceback:\n  of several lines").into_bytes(),
        8 => [b"\x1b[31mn ".as_slice(), number.to_string().as_bytes(), b"\x1b[0m \xff\xfe\0 end"].concat(),
        // Longer than what is given without `--all`.
        9 => format!("n {number} {}", "long ".repeat(2_000)).into_bytes(),
        _ => format!("n {number}").into_bytes(),
    }
}

impl Journal {
    fn new() -> Option<Self> {
        let journalctl = tool("QD_TEST_JOURNALCTL", "journalctl")?;
        let remote = ["/lib/systemd/systemd-journal-remote", "/usr/lib/systemd/systemd-journal-remote"];
        let Some(remote) = remote.map(PathBuf::from).into_iter().find(|path| path.exists()) else {
            tool("QD_TEST_JOURNAL_REMOTE", "systemd-journal-remote")?;
            return None;
        };
        let dir = tempfile::tempdir().unwrap();
        let wrapper = format!("#!/bin/sh\nexec '{}' -D '{}' \"$@\"\n", journalctl.display(), dir.path().display());
        let (bin, file) = (dir.path().join("bin"), dir.path().join("bin/journalctl"));
        std::fs::create_dir(&bin).unwrap();
        std::fs::write(&file, wrapper).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
        Some(Self { dir, remote })
    }

    /// Appends entries to the journal's file.
    fn write(&self, numbers: std::ops::Range<u64>) {
        let mut child = Command::new(&self.remote)
            .arg(format!("--output={}", self.dir.path().join("host.journal").display()))
            .arg("-")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let all: Vec<u8> = numbers.flat_map(|number| export(number, &message(number))).collect();
        child.stdin.take().unwrap().write_all(&all).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    fn bench(&self, units: &[&str]) -> Bench {
        let mut local = host("here", "local", None, None);
        local.path_prefix = vec![self.bin().display().to_string()];
        let pool = pool(vec![local.clone()], options(vec![]));
        let place = LogPlace::Journald { units: units.iter().map(|unit| (*unit).to_owned()).collect() };
        Bench::new(vec![entry("log", place)], Some(local), Arc::new(pool), clock(), tasks())
    }

    fn bin(&self) -> PathBuf {
        Path::new(self.dir.path()).join("bin")
    }
}

/// The numbers that the messages tell, read by the format as the console does.
fn numbers(heard: &Heard) -> Vec<u64> {
    heard.lines().iter().map(|line| number(line.as_bytes())).collect()
}

fn number(line: &[u8]) -> u64 {
    let format = quarterdeck::config::formats::built_in().get("journald").unwrap();
    assert!(format.fits(line), "{}", String::from_utf8_lossy(line));
    let text = String::from_utf8_lossy(&format.message(line)).into_owned();
    let digits = text.split("n ").nth(1).unwrap_or_else(|| panic!("{text:?}"));
    digits.split(|c: char| !c.is_ascii_digit()).next().unwrap().parse().unwrap()
}

fn live(heard: &Heard) -> bool {
    heard.is(|state| *state == SourceState::Live)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_journal_is_followed_resumed_and_read_upwards() {
    let Some(journal) = Journal::new() else { return };
    journal.write(0..1_500);
    let bench = journal.bench(&[]);
    let running = bench.run(source("journald").unwrap());
    let heard = bench.ear.until("the end of the journal", |heard| live(heard) && heard.lines().len() >= 1_000).await;
    let first = numbers(&heard);
    assert!(first.iter().copied().eq(500..1_500), "{} {:?} {:?}", first.len(), first.first(), first.last());
    let times: Vec<Nanos> = heard
        .events
        .iter()
        .filter_map(|(_, event)| if let Event::Batch(batch) = event { batch.times.clone() } else { None })
        .flatten()
        .collect();
    assert_eq!(times.first(), Some(&Nanos(i64::try_from(T0 + 500_000).unwrap() * 1_000)));
    assert!(times.is_sorted());
    // What is binary, of several lines or long is whole.
    let format = quarterdeck::config::formats::built_in().get("journald").unwrap();
    let text = |number: u64| {
        let lines = heard.lines();
        format.message(lines[usize::try_from(number - 500).unwrap()].as_bytes()).into_owned()
    };
    assert_eq!(String::from_utf8(text(507)).unwrap(), "n 507\nTraceback:\n  of several lines");
    assert!(text(508).starts_with(b"\x1b[31mn 508\x1b[0m "), "{:?}", String::from_utf8_lossy(&text(508)));
    assert!(text(509).len() > 10_000);

    // What comes meanwhile is followed.
    journal.write(1_500..1_700);
    let heard = bench.ear.until("what came", |heard| heard.lines().len() >= 1_200).await;
    assert!(numbers(&heard).into_iter().eq(500..1_700));
    running.stop();

    // Upwards from the first that was read.
    let before = heard.events.iter().find_map(|(_, event)| match event {
        Event::Batch(batch) => batch.before.clone(),
        Event::Notice(_) | Event::State(_) => None,
    });
    assert!(matches!(before, Some(Cursor::Journal(_))), "{before:?}");
    let (mut before, mut older) = (before, Vec::new());
    while before.is_some() {
        let request = HistoryRequest {
            spec: Arc::clone(&bench.wants.borrow()[0]),
            info: heard.streams[0].clone(),
            before: before.clone(),
            limit: 200,
            prefilter: None,
        };
        let page = source("journald").unwrap().history(bench.context.clone(), request).await.unwrap();
        let lines = page.parts.iter().flat_map(|(_, batch)| batch.bytes.split(|byte| *byte == b'\n'));
        let page_numbers: Vec<u64> = lines.filter(|line| !line.is_empty()).map(number).collect();
        older.splice(0..0, page_numbers);
        before = page.before;
    }
    assert!(older.iter().copied().eq(0..500), "{} {:?} {:?}", older.len(), older.first(), older.last());

    // One unit alone.
    let bench = journal.bench(&["other.service"]);
    bench.run(source("journald").unwrap()).detach();
    let heard = bench.ear.until("one unit", |heard| live(heard) && heard.lines().len() >= 170).await;
    assert!(numbers(&heard).into_iter().eq((0..1_700).filter(|number| number % 10 == 9)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_journalctl_that_is_killed_is_started_again_at_its_cursor() {
    let Some(journal) = Journal::new() else { return };
    journal.write(0..100);
    let bench = journal.bench(&[]);
    let running = bench.run(source("journald").unwrap());
    bench.ear.until("the first", |heard| live(heard) && heard.lines().len() >= 100).await;
    let folder = journal.dir.path().display().to_string();
    let pid = crate::support::sshd::processes()
        .into_iter()
        .find(|process| process.command.contains("journalctl") && process.command.contains(&folder))
        .expect("no journalctl runs")
        .pid;
    assert!(Command::new("kill").args(["-KILL", &pid.to_string()]).status().unwrap().success());
    journal.write(100..250);
    let heard = bench.ear.until("the rest", |heard| heard.lines().len() >= 250).await;
    assert!(numbers(&heard).into_iter().eq(0..250));
    running.stop();
}
