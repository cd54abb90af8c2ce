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
    core::logs::{LogPlace, SourceState},
    sources::logs::{Cursor, HistoryRequest, LogSource, Notice, Prefilter, StreamInfo, source},
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
async fn a_file_that_is_just_being_packed_is_not_read_twice() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("app.log");
    append(&path, "");
    let bench = bench_here(&path);
    let _running = bench.run(here());
    bench.ear.until("live", is_live).await;
    append(&path, "0 a\n1 b\n");
    all_came(&bench.ear, 2).await;
    // A packer removes the file only when its copy is whole.
    let old = dir.path().join("app.log.1");
    std::fs::copy(&path, &old).unwrap();
    assert!(Command::new("gzip").arg("--keep").arg(&old).status().unwrap().success());
    std::fs::rename(&path, &old).unwrap();
    append(&path, "2 c\n");
    all_came(&bench.ear, 3).await;
    std::fs::remove_file(&old).unwrap();
    append(&path, "3 d\n");
    assert_all(&all_came(&bench.ear, 4).await, 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_came_and_went_while_none_was_there_is_read_too() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("app.log");
    let at = |name: &str| dir.path().join(format!("app.log{name}"));
    append(&path, "");
    let bench = bench_here(&path);
    let _running = bench.run(here());
    bench.ear.until("live", is_live).await;
    append(&path, "0 a\n");
    all_came(&bench.ear, 1).await;
    std::fs::rename(&path, at("-1")).unwrap();
    // It is read under its new name, and nothing is under the old one.
    append(&at("-1"), "1 b\n");
    all_came(&bench.ear, 2).await;
    append(&at("-2"), "2 c\n");
    append(&at(".new"), "3 d\n");
    std::fs::rename(at(".new"), &path).unwrap();
    let heard = all_came(&bench.ear, 4).await;
    assert_all(&heard, 4);
    // And once more, after what is gone is read and forgotten.
    std::fs::rename(&path, at("-3")).unwrap();
    append(&at("-3"), "4 e\n");
    all_came(&bench.ear, 5).await;
    append(&at("-4"), "5 f\n");
    append(&at("-5"), "6 g\n");
    append(&at(".new"), "7 h\n");
    std::fs::rename(at(".new"), &path).unwrap();
    assert_all(&all_came(&bench.ear, 8).await, 8);
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

/// Reads upwards from the first batch until there is nothing before it.
async fn upwards(
    bench: &Bench,
    source: &'static dyn LogSource,
    heard: &Heard,
    filter: Option<&str>,
) -> (Vec<String>, usize) {
    let mut before: Option<Cursor> = heard
        .events
        .iter()
        .find_map(|(_, event)| if let Event::Batch(batch) = event { batch.before.clone() } else { None });
    let mut lines: Vec<String> = Vec::new();
    let mut pages = 0;
    while before.is_some() {
        let request = HistoryRequest {
            spec: Arc::clone(&bench.wants.borrow()[0]),
            info: heard.streams[0].clone(),
            before,
            limit: 700,
            prefilter: filter.map(|filter| Prefilter::Shell(filter.to_owned())),
        };
        let page = source.history(bench.context.clone(), request).await.unwrap();
        assert_eq!(page.notices, []);
        let mut read: Vec<String> = Vec::new();
        for (_, batch) in &page.parts {
            assert!(batch.history && (filter.is_some() || batch.lines() <= 700));
            read.extend(String::from_utf8_lossy(&batch.bytes).lines().map(str::to_owned));
        }
        lines.splice(0..0, read);
        before = page.before;
        pages += 1;
        assert!(pages < 500);
    }
    (lines, pages)
}

/// Writes a past over several files, one of them packed, and reads it back.
async fn reads_the_past(bench: Bench, source: &'static dyn LogSource, path: &Path, filters: bool) {
    let mut number = 0;
    let mut write = |name: &str, count: usize| {
        let mut text = String::new();
        for _ in 0..count {
            text.extend([number.to_string(), " ".to_owned(), "x".repeat(number % 200), "\n".to_owned()]);
            number += 1;
        }
        std::fs::write(format!("{}{name}", path.display()), text).unwrap();
    };
    write(".3", 3_000);
    write(".2", 5_000);
    write(".1", 10);
    write("", 9_000);
    for name in [".2", ".3"] {
        assert!(Command::new("gzip").arg(format!("{}{name}", path.display())).status().unwrap().success());
    }
    let _running = bench.run(source);
    let heard =
        bench.ear.until("the end", |heard| heard.lines().last().is_some_and(|line| line.starts_with("17009"))).await;
    let shown = heard.lines();
    assert_eq!(shown.len(), 1_000, "the view opens at the end, with as much as one looks at");
    // It is rotated once more while somebody scrolls up.
    std::fs::rename(path, format!("{}.0", path.display())).unwrap();
    append(path, "17010 \n");
    bench.ear.until("the new file", |heard| heard.lines().last().is_some_and(|line| line.starts_with("17010"))).await;
    let (mut lines, pages) = upwards(&bench, source, &heard, None).await;
    lines.extend(shown);
    let numbers: Vec<usize> = lines.iter().map(|line| line.split(' ').next().unwrap().parse().unwrap()).collect();
    assert_eq!(numbers, (0..17_010).collect::<Vec<_>>());
    assert!(pages > 10);
    if filters {
        let (lines, pages) = upwards(&bench, source, &heard, Some("grep -a -F -e '77 '")).await;
        let expected: Vec<String> = (0..16_010).map(|n| n.to_string()).filter(|n| n.ends_with("77")).collect();
        let numbers: Vec<&str> = lines.iter().map(|line| line.split(' ').next().unwrap()).collect();
        assert_eq!(numbers, expected);
        assert!(pages <= 8, "{pages}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_past_is_read_upwards_through_rotated_and_packed_files_on_this_machine() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("app.log");
    reads_the_past(bench_here(&path), here(), &path, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_past_is_read_upwards_through_rotated_and_packed_files_on_a_host() {
    let sshd = Sshd::start().await;
    let path = sshd.path("app.log");
    reads_the_past(bench_on(&sshd, &path), over_ssh(), &path, true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_past_is_read_upwards_with_busybox() {
    let Some(busybox) = crate::support::servers::tool("QD_TEST_BUSYBOX", "busybox") else { return };
    let sshd = Sshd::with(Setup { sh: Some(busybox), ..Setup::default() }).await;
    let path = sshd.path("app.log");
    reads_the_past(bench_on(&sshd, &path), over_ssh(), &path, true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_who_takes_nothing_costs_no_line_and_no_memory_on_the_way() {
    let sshd = Sshd::start().await;
    let path = sshd.path("app.log");
    append(&path, "");
    let bench = bench_on(&sshd, &path);
    let _running = bench.run(over_ssh());
    bench.ear.until("live", is_live).await;
    bench.ear.open(false);
    let mut text = String::new();
    for number in 0..200_000 {
        text.extend([number.to_string(), " ".to_owned(), "y".repeat(90), "\n".to_owned()]);
    }
    append(&path, &text);
    bench
        .ear
        .until("behind", |heard| heard.is(|s| matches!(s, SourceState::CatchingUp { .. } | SourceState::Live)))
        .await;
    // Others on the same connection are not held up meanwhile.
    let more = HistoryRequest {
        spec: Arc::clone(&bench.wants.borrow()[0]),
        info: bench.ear.heard().streams[0].clone(),
        before: None,
        limit: 10,
        prefilter: None,
    };
    let page = over_ssh().history(bench.context.clone(), more).await.unwrap();
    assert!(page.parts[0].1.bytes.ends_with(format!("199999 {}\n", "y".repeat(90)).as_bytes()));
    bench.ear.open(true);
    let heard = all_came(&bench.ear, 200_000).await;
    assert_all(&heard, 200_000);
    assert!(
        heard
            .events
            .iter()
            .any(|(_, event)| matches!(event, Event::State(SourceState::CatchingUp { behind_bytes: Some(_) })))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn globs_take_in_new_files_and_leave_rotated_ones() {
    let sshd = Sshd::start().await;
    let dir = sshd.path("it is");
    std::fs::create_dir(&dir).unwrap();
    append(&dir.join("a.log"), "a1\n");
    append(&dir.join("a.log.1"), "old\n");
    append(&dir.join("a.log.2.gz"), "packed\n");
    let bench = bench_on(&sshd, &dir.join("*.log*"));
    let _running = bench.run(over_ssh());
    bench.ear.until("a", |heard| heard.lines() == ["a1"]).await;
    append(&dir.join("b.log"), "b1\nb");
    bench.ear.until("b", |heard| heard.lines() == ["a1", "b1"]).await;
    append(&dir.join("b.log"), "2\n");
    bench.ear.until("b2", |heard| heard.lines() == ["a1", "b1", "b2"]).await;
    std::fs::rename(dir.join("b.log"), dir.join("b.log.1")).unwrap();
    append(&dir.join("b.log.1"), "b3\n");
    append(&dir.join("b.log"), "b4\n");
    let heard = bench.ear.until("b4", |heard| heard.lines().last().is_some_and(|line| line == "b4")).await;
    assert_eq!(heard.lines(), ["a1", "b1", "b2", "b3", "b4"]);
    assert_eq!(heard.streams.iter().map(|info| info.name.as_str()).collect::<Vec<_>>(), ["a.log", "b.log"]);
    bench
        .ear
        .until("skew", |heard| heard.skews.iter().any(|(host, ms)| host.as_str() == "web" && ms.abs() < 1_000))
        .await;
    // What is not wanted any more is not followed.
    bench.wants.send_replace(Arc::new([]));
    bench.ear.until("ended", |heard| heard.states().iter().all(|state| *state == Some(SourceState::Ended))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_may_not_be_read_is_said_and_read_once_it_may() {
    use std::os::unix::fs::PermissionsExt as _;
    if sshd::login() != "root" {
        return println!("!! NOT SHOWN HERE: a user without rights takes root to set up");
    }
    let sshd = Sshd::with(Setup { unprivileged: true, ..Setup::default() }).await;
    let path = sshd.path("home/secret.log");
    append(&path, "one\n");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    let mut web = host("web", "127.0.0.1", Some(sshd.port), Some(sshd.identity()));
    web.user = Some(sshd.user.clone());
    let pool = crate::ssh::pool(vec![web.clone()], crate::ssh::options(vec![sshd.known_hosts(sshd.port)]));
    let bench = Bench::new(vec![file(&path)], Some(web), Arc::new(pool), clock(), tasks());
    let _running = bench.run(over_ssh());
    bench
        .ear
        .until("denied", |heard| heard.is(|s| matches!(s, SourceState::Denied { why } if why.contains("permission"))))
        .await;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    bench.ear.until("read", |heard| heard.lines() == ["one"] && is_live(heard)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_left_on_the_host_when_the_source_ends() {
    let sshd = Sshd::start().await;
    let path = sshd.path("app.log");
    append(&path, "x\n");
    let bench = bench_on(&sshd, &path);
    let running = bench.run(over_ssh());
    bench.ear.until("x", |heard| heard.lines() == ["x"]).await;
    let below = || {
        let mut found = sshd.sessions();
        let mut at = 0;
        while let Some(pid) = found.get(at).copied() {
            found.extend(sshd::children(pid));
            at += 1;
        }
        sshd::processes().into_iter().filter(|p| found.contains(&p.pid) && p.command.contains("q=$(head")).count()
    };
    // A shell that begins a command is two of the same words for a moment.
    eventually("one shell", async || below() == 1).await;
    running.stop();
    eventually("the shell's end", async || below() == 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn real_nginx_and_pm2_logs_are_followed() {
    let Some(stack) = crate::support::servers::Play::start().await else { return };
    let mut web = host("web", "127.0.0.1", Some(stack.sshd.port), None);
    web.path_prefix.clone_from(&stack.pm2.path_prefix);
    let access = stack.nginx.dir.path().join("access.log");
    let out = stack.pm2.home.join(".pm2/logs/*.log");
    let mut specs = vec![file(&access), file(&out)];
    specs[1].name = "pm2".into();
    assert!(matches!(&specs[0].place, LogPlace::File { .. }));
    let bench = Bench::new(specs, Some(web), Arc::new(pool_of(&stack.sshd)), clock(), tasks());
    let _running = bench.run(over_ssh());
    bench.ear.until("live", is_live).await;
    for number in 0..50 {
        crate::support::servers::get(stack.nginx.port, &format!("/health?n={number}")).await.unwrap();
    }
    let of_nginx = |info: &StreamInfo| info.path.ends_with("access.log");
    let heard = bench
        .ear
        .until("50 requests", |heard| {
            heard.lines_of(of_nginx).iter().filter(|line| line.contains("/health?n=")).count() >= 50
        })
        .await;
    let lines = heard.lines_of(of_nginx);
    let numbers: Vec<_> = lines.iter().filter_map(|line| line.split("/health?n=").nth(1)?.split(' ').next()).collect();
    assert_eq!(numbers, (0..50).map(|number| number.to_string()).collect::<Vec<_>>());
    let of_pm2 = |info: &StreamInfo| info.path.contains("/.pm2/logs/play-");
    assert!(heard.streams.iter().any(of_pm2), "{:?}", heard.streams);
    // The file is renamed, and Nginx told to open a new one, as logrotate does.
    std::fs::rename(&access, access.with_extension("log.1")).unwrap();
    crate::support::servers::get(stack.nginx.port, "/health?n=50").await.unwrap();
    let pid = std::fs::read_to_string(stack.nginx.dir.path().join("nginx.pid")).unwrap();
    sshd::signal(pid.trim().parse().unwrap(), "USR1");
    eventually("the new file", async || access.exists()).await;
    crate::support::servers::get(stack.nginx.port, "/health?n=51").await.unwrap();
    let last = |heard: &Heard| heard.lines_of(of_nginx).last().is_some_and(|line| line.contains("/health?n=51"));
    let heard = bench.ear.until("the last", last).await;
    assert!(heard.lines_of(of_nginx).iter().any(|line| line.contains("/health?n=50 ")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_line_is_lost_or_repeated_on_a_host_that_has_not_even_stat() {
    let Some(busybox) = crate::support::servers::tool("QD_TEST_BUSYBOX", "busybox") else { return };
    let sshd = Sshd::with(Setup { sh: Some(busybox), ..Setup::default() }).await;
    std::fs::remove_file(sshd.path("tools/stat")).unwrap();
    let path = sshd.path("app.log");
    survives_rotation(bench_on(&sshd, &path), over_ssh(), &path).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_shell_of_another_family_and_its_greeting_do_not_matter() {
    let Some(csh) = crate::support::servers::tool("QD_TEST_CSH", "tcsh") else { return };
    if sshd::login() != "root" {
        return println!("!! NOT SHOWN HERE: another login shell takes root to set up");
    }
    let sshd = Sshd::with(Setup { shell: Some(csh), ..Setup::default() }).await;
    std::fs::write(sshd.home().join(".cshrc"), "echo 'Welcome! @@ qd-logs ready? no'\n").unwrap();
    let path = sshd.path("it's $HOME `x` !.log");
    append(&path, "one\n");
    let bench = bench_on(&sshd, &path);
    let _running = bench.run(over_ssh());
    bench.ear.until("one", |heard| heard.lines() == ["one"]).await;
    append(&path, "two\n");
    bench.ear.until("two", |heard| heard.lines() == ["one", "two"]).await;
}
