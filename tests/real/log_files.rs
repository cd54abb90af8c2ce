//! Log files on a real host over OpenSSH, and on this machine: rotation, truncation, cut and frozen links, and never a line
//! too few or too many.
use std::{
    fs::{File, OpenOptions},
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use quarterdeck::{
    core::logs::SourceState,
    sources::logs::{LogSource, Notice, source},
};

use crate::{
    ssh::{host, pool_of, pool_through},
    support::{
        clock, eventually,
        logs::{Bench, Ear, Event, Heard, Nowhere, file},
        relay::Relay,
        sshd::{self, Setup, Sshd},
        tasks,
    },
};

fn over_ssh() -> &'static dyn LogSource {
    source("file").unwrap()
}

fn here() -> &'static dyn LogSource {
    source("local").unwrap()
}

fn bench_here(path: &Path) -> Bench {
    Bench::new(vec![file(path)], None, Arc::new(Nowhere), clock(), tasks())
}

fn bench_on(sshd: &Sshd, path: &Path) -> Bench {
    let web = host("web", "127.0.0.1", Some(sshd.port), None);
    Bench::new(vec![file(path)], Some(web), Arc::new(pool_of(sshd)), clock(), tasks())
}

fn append(path: &Path, text: &str) {
    OpenOptions::new().append(true).create(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
}

fn is_live(heard: &Heard) -> bool {
    heard.is(|state| *state == SourceState::Live)
}

/// Says that every number from 0 came once and in order.
fn assert_all(heard: &Heard, count: u64) {
    let mut expected = 0;
    for line in heard.lines() {
        let number: u64 = line.split(' ').next().unwrap().parse().unwrap();
        assert_eq!(number, expected, "{:?}", heard.notices());
        expected += 1;
    }
    assert_eq!(expected, count);
}

async fn all_came(ear: &Ear, count: u64) -> Heard {
    let last = format!("{} ", count - 1);
    ear.until(&format!("line {}", count - 1), |heard| {
        heard.events.iter().rev().any(|(_, event)| {
            let Event::Batch(batch) = event else { return false };
            String::from_utf8_lossy(&batch.bytes).lines().any(|line| line.starts_with(&last))
        })
    })
    .await
}

/// Writes 2,000 numbered lines a second until told to stop; does to the file what it is told in between.
struct Writer {
    orders: std::sync::mpsc::Sender<Order>,
    thread: Option<std::thread::JoinHandle<u64>>,
    written: Arc<AtomicU64>,
}

enum Order {
    /// Renames the file and begins a new one.
    Rename(PathBuf),
    /// Renames the file, begins a new one, and packs the old one at once.
    RenameAndPack(PathBuf),
    /// Copies the file and empties it. Nothing is written in between: what would be, nobody could read.
    Copy(PathBuf),
    Stop,
}

impl Writer {
    #[expect(clippy::disallowed_methods, reason = "a writer is another program")]
    fn start(path: &Path) -> Self {
        let (orders, told) = std::sync::mpsc::channel();
        let (path, written) = (path.to_owned(), Arc::new(AtomicU64::new(0)));
        let count = Arc::clone(&written);
        let thread = std::thread::spawn(move || {
            let open = |path: &Path| OpenOptions::new().append(true).create(true).open(path).unwrap();
            let mut file = open(&path);
            let mut number = 0;
            loop {
                let began = std::time::Instant::now();
                for _ in 0..20 {
                    writeln!(file, "{number} some words that make it as long as lines are wont to be \u{1b}[31m")
                        .unwrap();
                    number += 1;
                }
                count.store(number, Ordering::Relaxed);
                match told.recv_timeout(Duration::from_millis(10).saturating_sub(began.elapsed())) {
                    Ok(Order::Stop) => return number,
                    Ok(Order::Rename(to)) => {
                        std::fs::rename(&path, to).unwrap();
                        // Whoever rotates lets the writer go on with the old file for a while.
                        for _ in 0..20 {
                            writeln!(file, "{number} into the old file").unwrap();
                            number += 1;
                        }
                        file = open(&path);
                    }
                    Ok(Order::RenameAndPack(to)) => {
                        std::fs::rename(&path, &to).unwrap();
                        file = open(&path);
                        assert!(Command::new("gzip").arg(&to).status().unwrap().success());
                    }
                    Ok(Order::Copy(to)) => {
                        std::fs::copy(&path, to).unwrap();
                        File::options().write(true).open(&path).unwrap().set_len(0).unwrap();
                    }
                    Err(_) => {}
                }
            }
        });
        Self { orders, thread: Some(thread), written }
    }

    fn tell(&self, order: Order) {
        self.orders.send(order).unwrap();
    }

    /// Waits until so many more lines are written.
    async fn writes(&self, more: u64) {
        let until = self.written.load(Ordering::Relaxed) + more;
        eventually("lines", async || self.written.load(Ordering::Relaxed) >= until).await;
    }

    fn stop(mut self) -> u64 {
        self.tell(Order::Stop);
        self.thread.take().unwrap().join().unwrap()
    }
}

/// Rotates in every way while lines are written.
async fn survives_rotation(bench: Bench, source: &'static dyn LogSource, path: &Path) {
    let at = |name: &str| PathBuf::from(format!("{}{name}", path.display()));
    append(path, "");
    let _running = bench.run(source);
    bench.ear.until("live", is_live).await;
    let writer = Writer::start(path);
    writer.writes(600).await;
    writer.tell(Order::Rename(at(".1")));
    writer.writes(900).await;
    writer.tell(Order::Copy(at(".2")));
    writer.writes(900).await;
    std::fs::rename(at(".1"), at(".3")).unwrap();
    writer.tell(Order::Rename(at(".1")));
    writer.writes(900).await;
    writer.tell(Order::RenameAndPack(at(".0")));
    writer.writes(900).await;
    // Three within one look.
    for name in ["-20261121-1", "-20261121-2", "-20261121-3"] {
        writer.tell(Order::Rename(at(name)));
        writer.writes(20).await;
    }
    writer.writes(600).await;
    let count = writer.stop();
    let heard = all_came(&bench.ear, count).await;
    assert_all(&heard, count);
    let rotations = heard.notices().iter().filter(|notice| matches!(notice, Notice::Rotated { .. })).count();
    let truncations = heard.notices().iter().filter(|notice| matches!(notice, Notice::Truncated { .. })).count();
    assert!(rotations >= 4 && truncations == 1, "{:?}", heard.notices());
    assert!(!heard.notices().iter().any(|notice| matches!(notice, Notice::Gap { .. })), "{:?}", heard.notices());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_line_is_lost_or_repeated_when_files_rotate_on_this_machine() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("app.log");
    survives_rotation(bench_here(&path), here(), &path).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_line_is_lost_or_repeated_when_files_rotate_on_a_host() {
    let sshd = Sshd::start().await;
    let path = sshd.path("it's app.log");
    survives_rotation(bench_on(&sshd, &path), over_ssh(), &path).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_line_is_lost_or_repeated_on_a_host_with_busybox() {
    let Some(busybox) = crate::support::servers::tool("QD_TEST_BUSYBOX", "busybox") else { return };
    let sshd = Sshd::with(Setup { sh: Some(busybox), ..Setup::default() }).await;
    let path = sshd.path("app.log");
    survives_rotation(bench_on(&sshd, &path), over_ssh(), &path).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_line_is_lost_or_repeated_when_the_link_is_cut_or_freezes() {
    let sshd = Sshd::start().await;
    let relay = Relay::start(sshd.address()).await;
    let path = sshd.path("app.log");
    let at = |name: &str| PathBuf::from(format!("{}{name}", path.display()));
    append(&path, "");
    let web = host("web", "127.0.0.1", Some(relay.port), None);
    let bench = Bench::new(vec![file(&path)], Some(web), Arc::new(pool_through(&sshd, &relay)), clock(), tasks());
    let _running = bench.run(over_ssh());
    bench.ear.until("live", is_live).await;
    let writer = Writer::start(&path);
    for round in 0..3 {
        writer.writes(500).await;
        relay.cut();
        writer.writes(200).await;
        if round == 1 {
            writer.tell(Order::Rename(at(".2")));
            writer.writes(200).await;
            writer.tell(Order::RenameAndPack(at(".1")));
        }
        let lost = |heard: &Heard| heard.notices().iter().filter(|n| matches!(n, Notice::Lost { .. })).count();
        let back = |heard: &Heard| heard.notices().iter().filter(|n| matches!(n, Notice::Reconnected { .. })).count();
        bench.ear.until("lost and back", |heard| lost(heard) > round && back(heard) > round).await;
    }
    // The host itself stands still: the keepalive notices.
    writer.writes(300).await;
    let frozen = sshd.sessions();
    let inner: Vec<u32> = frozen.iter().flat_map(|pid| sshd::children(*pid)).collect();
    frozen.iter().chain(&inner).for_each(|pid| sshd::signal(*pid, "STOP"));
    bench
        .ear
        .until("noticed", |heard| {
            heard.is(|s| matches!(s, SourceState::Reconnecting { .. } | SourceState::Stale { .. }))
        })
        .await;
    frozen.iter().chain(&inner).for_each(|pid| sshd::signal(*pid, "CONT"));
    bench.ear.until("live again", is_live).await;
    writer.writes(300).await;
    let count = writer.stop();
    let heard = all_came(&bench.ear, count).await;
    assert_all(&heard, count);
    assert!(!heard.notices().iter().any(|notice| matches!(notice, Notice::Gap { .. })), "{:?}", heard.notices());
}
