//! Changes on hosts beside the peers, in one run on one machine: ratios mean something, milliseconds of another machine do not.
//! `cargo bench --bench runs`; a missing peer is reported and its ratio left out. Hosts are OpenSSH servers on loopback, which share this
//! machine's processors: what each of ten hosts does for itself, these do one after the other.
//!
//! | figure | peer or limit |
//! |---|---|
//! | one service restarted by PM2 on ten hosts, planned and confirmed, from there to its result on screen | `ansible` (shell and raw, connections kept); ten `ssh` at a time |
//! | the same of a command that does nothing: from confirmation to the first command, and from the last one's end to the screen | 50 ms together |
//! | 50 MB brought to a host, hashed there | `scp`: not slower |
//! | a command on an open connection | `ssh` by its `ControlMaster`: a third |
//!
//! Words after `--` choose figures: `restart`, `around`, `upload`, `exec`.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::format_collect,
    reason = "a bench prints, measures real time, and ends when it cannot go on"
)]
#[path = "../../tests/support/mod.rs"]
mod support;

mod fleet;

use std::{
    process::{Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use quarterdeck::{
    core::{id::HostName, runs::Wanted},
    remote::{
        Lane, Remote, Script,
        upload::{File, Stored, upload},
    },
};
use sha2::Digest as _;

use self::fleet::Fleet;

/// Hosts that a change goes over.
const HOSTS: usize = 10;
/// How often each figure is taken.
const TIMES: usize = 5;
/// Bytes of a build.
const BUILD: usize = 50_000_000;

fn main() {
    // `cargo test --benches` calls this too: nothing is measured then.
    if !std::env::args().any(|arg| arg == "--bench") {
        return;
    }
    let chosen: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    let wants = |figure: &str| chosen.is_empty() || chosen.iter().any(|chosen| chosen == figure);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        if wants("exec") || wants("upload") {
            let fleet = Fleet::start(1, false).await;
            if wants("exec") {
                exec(&fleet).await;
            }
            if wants("upload") {
                uploads(&fleet).await;
            }
        }
        if wants("around") {
            around(&mut Fleet::start(HOSTS, false).await).await;
        }
        if wants("restart") {
            restart(&mut Fleet::start(HOSTS, true).await).await;
        }
    });
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// Times of one figure.
struct Times(Vec<Duration>);

impl Times {
    fn median(&self) -> Duration {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        sorted[sorted.len() / 2]
    }

    fn told(&self) -> String {
        let (least, most) = (self.0.iter().min().unwrap(), self.0.iter().max().unwrap());
        format!("median {:.1} ms ({:.1} to {:.1})", ms(self.median()), ms(*least), ms(*most))
    }
}

/// Prints a figure beside a peer: at most so many times its time.
fn beside(own: &Times, name: &str, peer: Option<&Times>, most: f64) {
    let Some(peer) = peer else { return println!("  {name} is not installed: its ratio is left out") };
    let ratio = own.median().as_secs_f64() / peer.median().as_secs_f64();
    let kept = if ratio <= most { "kept" } else { "MISSED" };
    println!("  {name}: {}: qd takes {ratio:.2} times that (limit {most:.2}: {kept})", peer.told());
}

/// Times a peer; none where it is not installed.
fn peer(times: usize, mut command: impl FnMut() -> Command) -> Option<Times> {
    let mut took = Vec::new();
    for number in 0..=times {
        let mut command = command();
        let began = Instant::now();
        let output = command.stdin(Stdio::null()).output().ok()?;
        let (said, failed) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{command:?}: {said}{failed}");
        // The first opens what is kept open.
        if number > 0 {
            took.push(began.elapsed());
        }
    }
    Some(Times(took))
}

/// Commands on open connections.
async fn exec(fleet: &Fleet) {
    const COMMANDS: usize = 100;
    println!("`true` on an open connection, {COMMANDS} times one after the other");
    let (pool, host) = (fleet.pool(), HostName::from("web-0"));
    let mut own = Vec::new();
    for number in 0..=COMMANDS {
        let began = Instant::now();
        pool.run(&host, Lane::Control, Script::brief("true")).await.unwrap();
        if number > 0 {
            own.push(began.elapsed());
        }
    }
    let own = Times(own);
    println!("  qd: {}", own.told());
    let kept = peer(COMMANDS, || {
        let mut ssh = fleet.ssh(0, true);
        ssh.arg("true");
        ssh
    });
    beside(&own, "ssh by its ControlMaster", kept.as_ref(), 1.0 / 3.0);
}

/// A build brought to a host.
async fn uploads(fleet: &Fleet) {
    println!("{} MB brought to a host, its SHA-256 known here; qd has it verified there", BUILD / 1_000_000);
    // Numbers without a pattern: what compresses well would flatter whoever compresses.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = Vec::with_capacity(BUILD + 8);
    while bytes.len() < BUILD {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(BUILD);
    let path = fleet.hosts[0].path("build.tar.gz");
    std::fs::write(&path, &bytes).unwrap();
    let sum: String = sha2::Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    let file = File { path: &path, sha256: &sum, bytes: BUILD as u64 };
    let (host, there) = (HostName::from("web-0"), fleet.hosts[0].home().join(".quarterdeck/uploads").join(&sum));
    let mut own = (Vec::new(), Vec::new());
    let kept: Arc<dyn Remote> = fleet.pool();
    for number in 0..=TIMES {
        for (pool, times) in [(Arc::clone(&kept), &mut own.0), (fleet.pool() as Arc<dyn Remote>, &mut own.1)] {
            let began = Instant::now();
            let stored = upload(pool.as_ref(), &host, &file, |_| {}).await.unwrap();
            let took = began.elapsed();
            assert_eq!(stored, Stored::Sent(BUILD as u64));
            assert_eq!(std::fs::metadata(&there).unwrap().len(), BUILD as u64);
            std::fs::remove_file(&there).unwrap();
            if number > 0 {
                times.push(took);
            }
        }
    }
    let (open, new) = (Times(own.0), Times(own.1));
    println!("  qd: open connection {}, new connection {}", open.told(), new.told());
    for (name, own, is_open) in
        [("scp by ssh's ControlMaster", &open, true), ("scp with a connection of its own", &new, false)]
    {
        let peer = peer(TIMES, || fleet.scp(0, is_open, &path));
        beside(own, name, peer.as_ref(), 1.0);
    }
}

/// What qd adds to the commands of a run.
async fn around(fleet: &mut Fleet) {
    println!("a command that does nothing on {HOSTS} hosts at once, connections open");
    let limit = Duration::from_millis(50);
    let (mut before, mut after, mut both, mut whole) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for number in 0..=2 * TIMES {
        let took = fleet.change("idle@stage", Wanted::Restart).await;
        let stamps = fleet.stamps();
        let (first, last) = (*stamps.iter().min().unwrap(), *stamps.iter().max().unwrap());
        let since = |from: u128, to: u128| Duration::from_nanos(u64::try_from(to.saturating_sub(from)).unwrap());
        if number > 0 {
            before.push(since(took.confirmed, first));
            after.push(since(last, took.shown));
            both.push(since(took.confirmed, first) + since(last, took.shown));
            whole.push(since(took.confirmed, took.shown));
        }
    }
    println!("  from confirmation to the first command: {}", Times(before).told());
    println!("  from the last one's end to the screen: {}", Times(after).told());
    println!("  from confirmation to the screen: {}", Times(whole).told());
    let both = Times(both);
    let kept = if both.median() <= limit { "kept" } else { "MISSED" };
    println!("  both: {} (limit {:.0} ms: {kept})", both.told(), ms(limit));
    let ten = fleet.new_connections("true");
    println!("  beside them, ten `ssh … true` at a time: {}", ten.told());
    for module in ["raw", "shell"] {
        match peer(TIMES, || fleet.ansible(module, "true")) {
            Some(times) => println!("  ansible's {module} module: {}", times.told()),
            None => println!("  ansible is not installed"),
        }
    }
}

/// One service on all hosts.
async fn restart(fleet: &mut Fleet) {
    if fleet.pm2.is_empty() {
        return println!("PM2 is not installed: no restart");
    }
    println!("one service restarted by PM2 on {HOSTS} hosts at once, connections open");
    let mut own = Vec::new();
    for number in 0..=TIMES {
        let took = fleet.change("play@stage", Wanted::Restart).await;
        if number > 0 {
            own.push(Duration::from_nanos(u64::try_from(took.shown - took.confirmed).unwrap()));
        }
    }
    let own = Times(own);
    println!("  qd, from confirmation to the screen: {}", own.told());
    let command = format!("PATH={}:$PATH pm2 restart play", fleet.pm2[0].path_prefix.join(":"));
    beside(&own, "ten ssh at a time, new connections", Some(&fleet.new_connections(&command)), 1.0);
    for module in ["raw", "shell"] {
        let peer = peer(TIMES, || fleet.ansible(module, &command));
        beside(&own, &format!("ansible's {module} module, connections kept"), peer.as_ref(), 1.0);
    }
}
