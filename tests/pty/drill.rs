//! The drill: a night of the demo's fleet by keys alone, over a link of 150 ms and 64 kbit/s that is lost in the middle.
use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use portable_pty::CommandBuilder;

use crate::{
    engineer::{Bad, Engineer, WRITTEN, is_filled, is_told_once},
    pty::{Process, command, qd},
    support::servers::free_port,
    tickets::{self, Vendor},
};

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
    /// Makes a console for somebody at a terminal.
    fn console(&self, home: &Path) -> CommandBuilder {
        let mut command = command(&qd(), home, &["--config", self.config.to_str().unwrap()]);
        command.env("TRACKER", "test-token-1234");
        command
    }

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

#[tokio::test(flavor = "multi_thread")]
async fn a_night_of_the_demo_over_a_bad_link() {
    let home = tempfile::tempdir().unwrap();
    let port = free_port();
    let fleet = Fleet::start(home.path(), port);
    let mut watch = quiet(home.path(), &["watch", "--config", fleet.config.to_str().unwrap()]);
    let mut watch = Process(watch.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap());
    let mut said = BufReader::new(watch.0.stdout.take().unwrap()).lines();
    assert!(said.any(|line| line.unwrap().contains("INC-1 opened")), "the watch says that it opened one");

    let bad = Bad { service: "play", env: "prod", version: "2.31.1", before: "2.31.0" };
    let mut ana = Engineer::comes(fleet.console(home.path()), bad);
    ana.takes_it();
    ana.finds_the_suspect();
    ana.keeps_evidence();
    ana.tells_everybody();
    ana.rolls_back();
    ana.is_cut_off(fleet.console(home.path()));
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
        is_told_once(ticket);
    }
    let document = fleet.qd(&["incidents", "INC-1"]);
    is_filled(&document);
    for written in WRITTEN.into_iter().chain(["RUN-1"]) {
        assert!(document.contains(written), "{written}: {document}");
    }
    // Nothing was written anywhere but where the box said it would be.
    assert_eq!(fleet.hosts_with_runs(), ["play-01"]);
    assert!(fleet.qd(&["audit", "--verify"]).starts_with("whole"));
}
