//! The drill: a night of the demo's fleet by keys alone, over a link of 150 ms and 64 kbit/s that is lost in the middle.
use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use tokio::time::Instant;

use crate::{
    pty::{Link, Terminal, command, qd},
    support::servers::free_port,
    tickets::{self, Vendor},
};

/// 64 kbit a second, and 150 ms in each direction.
const LINK: Link = Link { delay: Duration::from_millis(150), bytes_a_second: 8_000 };

const ESC: &str = "\x1b";
const F4: &str = "\x1bOS";
const PAGE_DOWN: &str = "\x1b[6~";
const BACK_TAB: &str = "\x1b[Z";

/// A process that is ended by its own signal.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        _ = Command::new("kill").args(["-s", "TERM", "--", &self.0.id().to_string()]).status();
        _ = self.0.wait();
    }
}

/// The fleet, as a process of its own, and what consoles are given of it.
struct Fleet {
    _process: Process,
    config: PathBuf,
    folder: PathBuf,
}

fn quiet(home: &Path, words: &[&str]) -> Command {
    let mut program = Command::new(qd());
    program.args(words).env_clear().env("PATH", std::env::var_os("PATH").unwrap()).env("USER", "watch");
    program.env("HOME", home).env("TMPDIR", home).env("TRACKER", "test-token-1234").stdin(Stdio::null());
    program
}

impl Fleet {
    /// Starts it, with a tracker whose server is not there yet.
    fn start(home: &Path, tracker: u16) -> Self {
        let place = home.join("fleet");
        fs::create_dir(&place).unwrap();
        let started = quiet(&place, &["demo", "--fleet-only"]).stdout(Stdio::piped()).spawn().unwrap();
        let mut process = Process(started);
        // With the first byte that it prints, all that it prints stands in its folder.
        process.0.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
        let folder = fs::read_dir(&place).unwrap().next().unwrap().unwrap().path();
        let text = fs::read_to_string(folder.join("qd.toml")).unwrap();
        let tracker = format!(
            "version = 1\ntracker = [{{ name = \"gh\", type = \"github\", repo = \"acme/incidents\", token = \
             \"env:TRACKER\", api = \"http://127.0.0.1:{tracker}\" }}]\n"
        );
        let config = home.join("qd.toml");
        fs::write(&config, text.replacen("version = 1\n", &tracker, 1)).unwrap();
        Self { _process: process, config, folder }
    }
}

impl Fleet {
    /// Runs a command of the console from a shell.
    fn qd(&self, words: &[&str]) -> String {
        let home = self.config.parent().unwrap();
        let output = quiet(home, words).arg("--config").arg(&self.config).output().unwrap();
        assert!(output.status.success(), "{words:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Returns the hosts on which anything of a run was written.
    fn hosts_with_runs(&self) -> Vec<String> {
        let found =
            Command::new("find").arg(&self.folder).args(["-path", "*/.quarterdeck/runs/qd-*", "-prune"]).output();
        let found = String::from_utf8(found.unwrap().stdout).unwrap();
        let host = |path: &str| Some(path.split_once("/hosts/")?.1.split_once('/')?.0.to_owned());
        found.lines().map(|path| host(path).unwrap_or_else(|| path.to_owned())).collect()
    }
}

/// Somebody at a terminal: counts what is typed.
struct Engineer {
    terminal: Terminal,
    keys: usize,
    bytes: usize,
    began: Instant,
}

impl Engineer {
    fn comes(home: &Path, fleet: &Fleet) -> Self {
        let mut command = command(&qd(), home, &["--config", fleet.config.to_str().unwrap()]);
        command.env("TRACKER", "test-token-1234");
        Self { terminal: Terminal::over(command, (80, 24), Some(LINK)), keys: 0, bytes: 0, began: Instant::now() }
    }

    /// Types keys, each a piece: what a person presses once is one key.
    fn press(&mut self, keys: &[&str]) {
        for key in keys {
            self.terminal.keys(key);
            self.keys += 1;
        }
    }

    fn types(&mut self, text: &str) {
        self.terminal.keys(text);
        self.keys += text.chars().count();
    }

    /// Leaves, and says how many bytes came over the link.
    fn leaves(self) -> usize {
        let ended = self.terminal.ended();
        ended.clean();
        self.bytes + ended.bytes.len()
    }

    /// The link is lost: the terminal is gone, and the console with it.
    fn is_cut_off(&mut self, home: &Path, fleet: &Fleet) {
        self.bytes += self.terminal.bytes();
        let next = Self::comes(home, fleet);
        self.terminal = next.terminal;
    }
}

/// The night, in the order in which it goes.
impl Engineer {
    /// A cold start, and it is hers.
    fn takes_it(&mut self) {
        self.terminal.shows("INC-1");
        self.press(&["i"]);
        self.terminal.shows("3 CLASSIFY");
        self.press(&["c"]);
        self.terminal.until("it is hers", |text| text.contains("acknowledge ✓"));
        let seconds = self.began.elapsed().as_secs_f64();
        println!("acknowledged: {} keys, {seconds:.1} s after a cold start", self.keys);
        assert!(self.keys <= 10);
    }

    fn finds_the_suspect(&mut self) {
        self.press(&["C", BACK_TAB]);
        self.types("nobody can start a stream");
        self.press(&["\r"]);
        self.terminal.shows("✓ impact said");
        self.press(&[">"]);
        self.terminal.shows("4 DIAGNOSE");
        self.press(&["d"]);
        self.terminal.until("the bad release first", |text| {
            text.lines().any(|line| line.contains("▸1") && line.contains("deploy") && line.contains("2.31.1"))
        });
        self.press(&["\r", ESC]);
        self.terminal.until("the suspect is chosen", |text| text.contains("4 DIAGNOSE") && text.contains("✓ suspect"));
    }

    /// Until it is in the middle.
    fn rolls_back(&mut self) {
        self.press(&["B"]);
        self.terminal.shows("Roll play back to 2.31.0");
        self.press(&[F4]);
        self.types("play\tbad release");
        // What does not fit has to be read before it is confirmed.
        self.press(&[PAGE_DOWN]);
        self.terminal.shows("2 s to cancel with Esc");
        self.press(&["\r"]);
        self.terminal.until("it runs", |text| (1..8).any(|done| text.contains(&format!("{done} of 8 steps"))));
    }

    /// The run is found again where it goes on by itself, and taken on to its proof.
    fn takes_the_run_over(&mut self) {
        self.terminal.shows("INC-1");
        self.press(&["i"]);
        self.terminal.shows("no lead");
        self.press(&["3", "\r"]);
        self.terminal.shows("nobody leads it, its console");
        self.press(&["T"]);
        self.terminal.shows("arm write for prod first");
        self.press(&["W"]);
        self.terminal.shows("Now everything only looks");
        self.press(&["y"]);
        self.terminal.shows("RW 0");
        self.press(&["T"]);
        self.terminal.shows("✓ play@prod recovered");
        self.press(&[ESC]);
        self.terminal.shows("6 VALIDATE");
    }

    fn writes_what_only_she_knows(&mut self) {
        self.press(&["1", "@"]);
        self.terminal.shows("when it began");
        self.types("-5m");
        self.press(&["\r"]);
        self.terminal.until("the onset is known", |text| text.contains("to leave") && !text.contains("onset known"));
        self.press(&["h"]);
        self.terminal.shows("why it may be");
        self.types("2.31.1 exhausts the pool");
        self.press(&["\r"]);
        self.terminal.until("nothing is owed", |text| text.contains("to leave") && !text.contains("owed"));
        self.press(&[">"]);
        self.terminal.shows("leave validate");
        self.types("users are well");
        self.press(&["\r"]);
        self.terminal.shows("7 DOCUMENT");
        for text in WRITTEN {
            self.press(&["E"]);
            self.terminal.shows("what only you know");
            self.types(text);
            self.press(&["\r"]);
            self.terminal.until("the box is closed", |text| !text.contains("what only you know"));
        }
        self.terminal.shows("document without");
    }

    fn sees_the_ticket(&mut self) {
        self.press(&["O"]);
        self.terminal.shows("1 Outbox");
        self.press(&["r"]);
        self.terminal.until("all is written", |text| {
            text.contains("1 Outbox") && text.contains("synced") && !text.contains("not written yet")
        });
    }
}

/// What the document asks a person for.
const WRITTEN: [&str; 3] = ["it leaks connections", "watch the pool", "alert on its size"];

#[tokio::test(flavor = "multi_thread")]
async fn a_night_of_the_demo_over_a_bad_link() {
    let home = tempfile::tempdir().unwrap();
    let port = free_port();
    let fleet = Fleet::start(home.path(), port);
    let mut watch = quiet(home.path(), &["watch", "--config", fleet.config.to_str().unwrap()]);
    let mut watch = Process(watch.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap());
    let mut said = BufReader::new(watch.0.stdout.take().unwrap()).lines();
    assert!(said.any(|line| line.unwrap().contains("INC-1 opened")), "the watch says that it opened one");

    let mut ana = Engineer::comes(home.path(), &fleet);
    ana.takes_it();
    ana.finds_the_suspect();
    ana.rolls_back();
    ana.is_cut_off(home.path(), &fleet);
    ana.takes_the_run_over();
    ana.writes_what_only_she_knows();
    // The tracker's server comes up again: what waited for it is there, once.
    let (tracker, _) = tickets::start_at(&format!("127.0.0.1:{port}"), Vendor::GitHub, 0).await;
    ana.sees_the_ticket();
    ana.press(&["\x03"]);
    let (seconds, keys) = (ana.began.elapsed().as_secs_f64(), ana.keys);
    let bytes = ana.leaves();
    println!("the whole night: {keys} keys, {seconds:.0} s, {bytes} bytes over 150 ms and 64 kbit/s");

    {
        let tracker = tracker.lock().unwrap();
        let [ticket] = &*tracker.tickets else { panic!("one ticket: {:#?}", tracker.tickets) };
        assert!(ticket.title.contains("play@prod down"), "{ticket:#?}");
    }
    let document = fleet.qd(&["incidents", "INC-1"]);
    for section in ["Summary", "Impact", "Timeline", "Detection", "Actions", "Proof", "Evidence"] {
        let begin = document.lines().position(|line| line.starts_with("## ") && line.contains(section));
        let text = begin.map(|at| document.lines().skip(at + 1).take_while(|line| !line.starts_with("## ")).count());
        assert!(text.is_some_and(|lines| lines > 2), "{section} is filled from what happened: {document}");
    }
    for written in WRITTEN.into_iter().chain(["RUN-1"]) {
        assert!(document.contains(written), "{written}: {document}");
    }
    // Nothing was written anywhere but where the box said it would be.
    assert_eq!(fleet.hosts_with_runs(), ["play-01"]);
    assert!(fleet.qd(&["audit", "--verify"]).starts_with("whole"));
}
