//! The whole program beside its peers, in one run on one machine: ratios mean something, milliseconds of another machine
//! do not. `cargo bench --bench versus`; a missing peer is reported and its ratios are left out.
//!
//! | figure | peer or limit |
//! |---|---|
//! | first useful frame from exec | `btop`'s; the limit is a process that writes one line |
//! | bytes a second to the terminal, at rest and with all panes live | `btop`'s |
//! | processor and memory while all panes are live | `btop`'s |
//!
//! The console watches the demo's fleet (eight hosts, ten services), which runs in this process and is not counted.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a bench prints, measures real time, and ends when it cannot go on"
)]
#[path = "../../tests/support/pty.rs"]
mod pty;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use portable_pty::CommandBuilder;
use quarterdeck::{
    demo::{self, Fleet},
    runtime::clock::SystemClock,
    store::{Options, Sqlite},
    tasks::Tasks,
};

use self::pty::{Terminal, command, qd};

/// How long bytes, processor and memory are watched.
const WATCHED: Duration = Duration::from_secs(20);
/// How often a start is measured.
const STARTS: usize = 15;

fn main() {
    // `cargo test --benches` calls this too: nothing is measured then.
    if !std::env::args().any(|arg| arg == "--bench") {
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let tasks = Tasks::new(runtime.handle().clone(), |panicked| panic!("{panicked:?}"));
    let options = demo::Options { breaks_after: None, ..demo::Options::default() };
    let fleet = runtime.block_on(demo::start(&tasks, Arc::new(SystemClock::new()), options)).unwrap();
    let home = tempfile::tempdir().unwrap();
    let bench = Bench::new(&fleet, home.path());

    let limit = Starts::of(|| Terminal::start(bench.echo(), 120, 36), |text| text.contains("ready"));
    let own = Starts::of(|| Terminal::start(bench.qd(), 120, 36), useful);
    println!("first useful frame, 120×36, {STARTS} starts");
    limit.print("  the limit: sh that writes a line", None);
    own.print("  qd, ten services with ninety days", Some(("× the limit", &limit)));
    let btop = find("btop");
    match &btop {
        Some(btop) => {
            let peer = Starts::of(
                || Terminal::start(bench.peer(btop), 120, 36),
                |text| text.contains("cpu") && text.contains('%'),
            );
            peer.print("  btop", Some(("× the limit", &limit)));
            println!("  qd / btop: {:.2}", own.median() / peer.median());
        }
        None => println!("  btop is not installed: no ratio"),
    }

    println!("\n{} s with all panes live (numbers of eight hosts every 2 s)", WATCHED.as_secs());
    let live = Watched::of(bench.qd(), "hosts 8/8", "\x1b[I");
    live.print("  qd");
    println!("\n{} s at rest (the terminal has lost the focus)", WATCHED.as_secs());
    Watched::of(bench.qd(), "hosts 8/8", "\x1b[O").print("  qd");
    if let Some(btop) = &btop {
        println!("\n{} s of btop, one host, every 2 s", WATCHED.as_secs());
        let peer = Watched::of(bench.peer(btop), "cpu", "");
        peer.print("  btop");
        println!(
            "  qd live / btop: bytes {:.2}, processor {:.2}, memory {:.2}",
            live.bytes_s / peer.bytes_s,
            live.cpu_pct / peer.cpu_pct,
            live.rss_mb / peer.rss_mb
        );
    }
}

/// Says whether a frame is of use: what is watched, how it is, and how it has been.
fn useful(text: &str) -> bool {
    text.contains("Services") && text.contains("play") && text.contains('%') && text.contains('▆')
}

fn find(name: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?).map(|folder| folder.join(name)).find(|path| path.is_file())
}

struct Bench {
    home: PathBuf,
    config: PathBuf,
}

impl Bench {
    fn new(fleet: &Fleet, home: &Path) -> Self {
        // A store of its own with the made-up past, and the fleet's keys where the program looks for them.
        let config = home.join("qd.toml");
        let db = home.join("qd.db");
        let theirs = fleet.state_dir.join("qd.db");
        std::fs::write(&config, fleet.config_toml.replace(theirs.to_str().unwrap(), db.to_str().unwrap())).unwrap();
        std::fs::create_dir_all(home.join(".ssh")).unwrap();
        std::fs::copy(&fleet.known_hosts, home.join(".ssh/known_hosts")).unwrap();
        let mut store = Sqlite::open(&db, &Options::default()).unwrap();
        let now = quarterdeck::core::time::Clock::now(&SystemClock::new());
        demo::write_past(&mut store, demo::Options::default().seed, now).unwrap();
        Self { home: home.to_owned(), config }
    }

    fn qd(&self) -> CommandBuilder {
        let mut command = command(&qd(), &self.home, &["--config", self.config.to_str().unwrap()]);
        // Without `ssh`, whose configuration is the person's: known hosts are the home's above.
        command.env("PATH", "/nonexistent");
        command
    }

    fn peer(&self, program: &Path) -> CommandBuilder {
        command(program, &self.home, &[])
    }

    fn echo(&self) -> CommandBuilder {
        command(Path::new("/bin/sh"), &self.home, &["-c", "echo ready; read line"])
    }
}

/// Times from exec until the screen is as asked, in milliseconds, sorted.
struct Starts(Vec<f64>);

impl Starts {
    fn of(start: impl Fn() -> Terminal, holds: impl Fn(&str) -> bool + Copy) -> Self {
        let mut times: Vec<f64> = (0..STARTS)
            .map(|_| {
                let began = Instant::now();
                let terminal = start();
                terminal.until("a useful frame", holds);
                let took = began.elapsed().as_secs_f64() * 1_000.0;
                terminal.signal("TERM");
                took
            })
            .collect();
        times.sort_by(f64::total_cmp);
        Self(times)
    }

    fn median(&self) -> f64 {
        self.0.get(self.0.len() / 2).copied().unwrap_or(f64::NAN)
    }

    fn print(&self, name: &str, to: Option<(&str, &Self)>) {
        let (least, most) = (self.0.first().unwrap(), self.0.last().unwrap());
        let ratio =
            to.map_or_else(String::new, |(what, other)| format!("  {:.1} {what}", self.median() / other.median()));
        println!("{name}: median {:.1} ms ({least:.1} to {most:.1}){ratio}", self.median());
    }
}

/// What a program does while nobody touches it.
struct Watched {
    bytes_s: f64,
    cpu_pct: f64,
    rss_mb: f64,
}

impl Watched {
    fn of(command: CommandBuilder, ready: &str, keys: &str) -> Self {
        let mut terminal = Terminal::start(command, 120, 36);
        terminal.shows(ready);
        terminal.keys(keys);
        // The first seconds are the start's.
        std::thread::sleep(Duration::from_secs(5));
        let (bytes, busy) = (terminal.bytes(), busy_ticks(terminal.pid()));
        std::thread::sleep(WATCHED);
        let seconds = WATCHED.as_secs_f64();
        // Ticks are a hundredth of a second on Linux.
        let cpu_pct = (busy_ticks(terminal.pid()) - busy) as f64 / seconds;
        let bytes_s = (terminal.bytes() - bytes) as f64 / seconds;
        let rss_mb = rss_kb(terminal.pid()) as f64 / 1_024.0;
        terminal.signal("TERM");
        Self { bytes_s, cpu_pct, rss_mb }
    }

    fn print(&self, name: &str) {
        println!(
            "{name}: {:.2} KB/s, {:.1} % of a processor, {:.1} MB resident",
            self.bytes_s / 1_000.0,
            self.cpu_pct,
            self.rss_mb
        );
    }
}

fn busy_ticks(pid: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let (_, after) = stat.rsplit_once(')').unwrap();
    after.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum()
}

fn rss_kb(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}
