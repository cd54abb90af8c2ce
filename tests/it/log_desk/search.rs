//! History that is searched at its source: what is shown is what the whole of it would give.
use std::{
    path::Path,
    sync::{Arc, LazyLock},
    time::SystemTime,
};

use chrono::{DateTime, TimeDelta, Utc};
use quarterdeck::{
    core::{logs::shown::Back, time::Clock as _},
    runtime::clock::SystemClock,
};

use super::{Console, Setup, Whole, holds, notices, on_host, write};
use crate::shell::LocalShell;

/// When the first line is written. The shell tells the time of this machine, by which times are put right.
fn begin() -> DateTime<Utc> {
    static BEGIN: LazyLock<DateTime<Utc>> = LazyLock::new(|| {
        let now = SystemClock::new().now().utc;
        DateTime::from_timestamp(now.0 / 1_000 - 71_000, 0).unwrap()
    });
    *BEGIN
}

/// Lines of an access log, one a second; a few are rare.
fn access(from: usize, to: usize) -> String {
    let mut text = String::new();
    let begin = begin();
    for number in from..to {
        let at = begin + TimeDelta::seconds(number as i64);
        let status = match number % 97 {
            0 => 502,
            1 => 404,
            _ => 200,
        };
        let path = if number % 1_009 == 0 { "PoolX" } else { "titles" };
        let agent = match number % 26 {
            0 => "Health",
            13 => r"\x48ealth",
            _ => "curl/8",
        };
        text.push_str(&format!(
            "203.0.113.{} - - [{}] \"GET /{path}/{number:06} HTTP/1.1\" {status} {} \"-\" \"{agent}\"\n",
            number % 250,
            at.format("%d/%b/%Y:%H:%M:%S +0000"),
            number % 900 + 5_000,
        ));
    }
    text
}

/// Writes a past of four files, two of them packed; returns all of it.
fn past(path: &Path) -> String {
    let parts = [access(0, 4_000), access(4_000, 9_000), access(9_000, 9_020), access(9_020, 70_000)];
    let sibling = |end: &str| std::path::PathBuf::from(format!("{}{end}", path.display()));
    for (part, end) in parts.iter().zip([".3.gz", ".2.gz", ".1", ""]) {
        write(&sibling(end), part);
    }
    // The newest is the last to be written to, whatever the clock of the file system says.
    for (age, end) in [(40, ".3.gz"), (30, ".2.gz"), (20, ".1")] {
        let at = SystemTime::from(begin() - TimeDelta::seconds(age));
        std::fs::File::options().append(true).open(sibling(end)).unwrap().set_modified(at).unwrap();
    }
    parts.concat()
}

async fn open(path: &Path, shell: LocalShell) -> Console {
    let mut console = Console::new(Setup {
        specs: vec![on_host("access", path)],
        remote: Arc::new(shell),
        clock: Arc::new(SystemClock::new()),
        ..Setup::default()
    });
    console.ask(quarterdeck::core::logs::Ask::Start);
    console.query(|_| {}).await;
    console.until("the end of the file", |shown, _| shown.total() >= 1_000).await;
    console
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rare_term_is_found_on_the_host() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("access.log");
    let whole = Whole::new(&past(&path), "nginx-combined");
    let mut console = open(&path, LocalShell::default()).await;
    let shown = console.filter("PoolX -Health status<500").await;
    let here = shown.total();
    holds(&shown, &whole, "PoolX -Health status<500");
    let mut shown = console.earlier().await;
    let mut asked = 1;
    while shown.searched.back != Back::Begin {
        holds(&shown, &whole, "PoolX -Health status<500");
        shown = console.earlier().await;
        asked += 1;
        assert!(asked < 20, "{:?}", shown.searched);
    }
    holds(&shown, &whole, "PoolX -Health status<500");
    assert_eq!(shown.total(), here, "what is searched is not of the whole");
    assert!(shown.found() > 50, "{}", shown.found());
    assert_eq!(shown.sources[0].ran, "PoolX -Health on the host (grep), status<500 here, searched to its beginning");
    assert_eq!(shown.ran, "older lines searched at 1 source");
    let said = notices(&shown);
    assert!(
        said.iter().any(|line| line.contains("what is older was searched for PoolX -Health on the host")),
        "{said:?}"
    );
    console.filter("").await;
    let shown = console.until("patterns", |shown, _| !shown.patterns.is_empty()).await;
    assert_eq!((shown.found(), shown.total()), (0, here), "what was found for a filter goes with it");
    let patterns: u64 = shown.patterns.iter().map(|pattern| pattern.count).sum();
    assert_eq!(patterns, here, "patterns are remembered of what is all there");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_filters_follow_one_another_the_view_is_that_of_the_whole_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("access.log");
    let whole = Whole::new(&past(&path), "nginx-combined");
    let mut console = open(&path, LocalShell::default()).await;
    // Narrower, wider, another, none; with and without paging between.
    let steps = [
        ("PoolX", 1),
        ("PoolX -Health", 2),
        ("PoolX", 1),
        ("PoolX -Health status:200", 1),
        ("status>=500", 1),
        ("status>=500 titles", 2),
        ("", 2),
        ("(PoolX OR 404) -Health", 0),
        ("(PoolX OR 404) -Health", 3),
        ("", 1),
        ("status>=500", 3),
        ("path:/poolx/* agent~/health/", 2),
        ("/PoolX.*Health/", 4),
        ("PoolX", 9),
    ];
    whole.follows(&mut console, &steps).await;
    // A page that is on its way when the filter changes is nobody's.
    for filter in ["Health", "status>=500", "PoolX", "Health -PoolX", ""] {
        console.ask(quarterdeck::core::logs::Ask::Earlier);
        let shown = console.filter(filter).await;
        holds(&shown, &whole, filter);
    }
    let shown = console.earlier().await;
    holds(&shown, &whole, "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_filters_begin_ends_the_search() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("access.log");
    let whole = Whole::new(&past(&path), "nginx-combined");
    let mut console = open(&path, LocalShell::default()).await;
    let since = begin() + TimeDelta::milliseconds(62_400_500);
    let filter = &format!("PoolX since:{}", since.format("%Y-%m-%dT%H:%M:%S%.3fZ"));
    console.filter(filter).await;
    let first = console.earlier().await;
    let second = console.earlier().await;
    let third = console.earlier().await;
    holds(&third, &whole, filter);
    let Back::Time(at) = second.searched.back else { panic!("{:?} {:?}", first.searched, second.searched) };
    assert!(
        at.0 < since.timestamp_nanos_opt().unwrap() && third.searched.back == second.searched.back,
        "{:?}",
        third.searched
    );
    assert!(console.said.iter().any(|(_, says)| says.contains("the filter begins there")), "{:?}", console.said);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_term_that_is_nowhere_needs_no_fifty_keys() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("access.log");
    past(&path);
    let mut console = open(&path, LocalShell::default()).await;
    console.filter("nowhere-to-be-found").await;
    let shown = console.earlier().await;
    assert_eq!((shown.searched.back, shown.found()), (Back::Begin, 0));
    console.says("all sources are read to their beginning").await;
    // What only can be told here is looked for page by page, and it says how far back it has come.
    console.filter("dur>1h").await;
    let shown = console.earlier().await;
    assert!(matches!(shown.searched.back, Back::Time(_)), "{:?}", shown.searched);
    console.says("nothing older passes so far; Home looks further").await;
    assert!(shown.total() > 10_000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_grep_that_fails_is_no_answer() {
    for broken in [
        None,
        Some("#!/bin/sh\nexit 2\n"),
        Some("#!/bin/sh\ncase \"$*\" in *PoolX*) exit 2;; esac\nexec /usr/bin/grep \"$@\"\n"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let bin = dir.path().join("bin");
        std::fs::create_dir(&bin).unwrap();
        for tool in ["sh", "head", "od", "tr", "date", "stat", "dd", "tail", "gzip", "cat", "wc", "ls", "printf"] {
            let at =
                ["/usr/bin", "/bin"].iter().map(|dir| Path::new(dir).join(tool)).find(|path| path.exists()).unwrap();
            std::os::unix::fs::symlink(at, bin.join(tool)).unwrap();
        }
        if let Some(script) = broken {
            use std::os::unix::fs::PermissionsExt as _;
            std::fs::write(bin.join("grep"), script).unwrap();
            std::fs::set_permissions(bin.join("grep"), std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        let path = dir.path().join("access.log");
        let text = access(0, 9_000);
        let whole = Whole::new(&text, "nginx-combined");
        write(&path, &text);
        let mut console = open(&path, LocalShell { path: Some(bin) }).await;
        console.filter("PoolX").await;
        let mut shown = console.earlier().await;
        for _ in 0..6 {
            holds(&shown, &whole, "PoolX");
            shown = console.earlier().await;
        }
        assert_eq!((shown.searched.back, shown.found()), (Back::Begin, 0), "{broken:?}");
        assert_eq!(shown.total(), 9_000, "all of it was read: {broken:?}");
        let said: Vec<String> = notices(&shown).into_iter().filter(|line| line.contains("grep failed")).collect();
        assert_eq!(said.len(), 1, "once: {said:?}");
    }
}
