//! Logs: a million lines of a real access log beside the peers, in one run on one machine: ratios mean something, milliseconds of
//! another machine do not. `cargo bench --bench logs`; a missing peer is reported and its ratio left out.
//!
//! | figure | peer or limit |
//! |---|---|
//! | open to searchable | `lnav` opens and counts: a quarter of its time |
//! | substring and regex filter of what is loaded | `rg -c` on the file: 1.5 times |
//! | `qd logs FILE -q 'status>=500' --count`, the whole process, access log and the same as JSON | 0.4 s; `hl` for JSON; beside it `rg`, `agrind` and `jq` |
//! | field filter after load; one more term, the first on a field included | 20 ms |
//! | web-server view of all | `goaccess`: a tenth |
//! | `top 5 path` on what is loaded | 100 ms |
//! | patterns, one core: a real access log, and the messages of six kinds of programs | 500,000 lines a second |
//! | redaction, one core | none; beside counting the lines of the same bytes |
//! | overhead of a record besides its text | 24 bytes |
//! | 200,000 lines a second for 30 s, a filter active, memory limited | all are counted and matched, none waits |
//! | the same over a socket, through the whole engine, while keys are pressed | key to paint p99 16 ms |
//!
//! Each figure is the best of several, both sides warm. Words after `--` choose figures: `load`, `filter`, `terms`, `count`, `web`,
//! `patterns`, `ingest`, `storm`. Wall time and, for whole processes, the time of all cores (user and system) are told.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a bench prints, measures real time, and ends when it cannot go on"
)]

mod one_core;
mod storm;

use std::{
    fmt::Write as _,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use rayon::prelude::*;

use quarterdeck::{
    config::formats,
    core::logs::{
        Key, Nanos, Source, SourceId, aggregate,
        buffer::{Buffer, Snapshot},
        derive::{DeriveSpec, Derived},
        eval::{Cache, Fields, Matcher},
        filter,
        format::{Assume, Format},
        read::Matches,
        segment::{Batch, Segment},
        web,
    },
    runtime::logs::load,
};

const LINES: usize = 1_000_000;
const TIMES: usize = 5;
/// Lines a second, for so many seconds.
const RATE: usize = 200_000;
const SECONDS: usize = 30;
/// What the buffer of the ingest may hold.
const LIMIT: usize = 256 << 20;
const ASSUME: Assume = Assume { zone: chrono_tz::UTC, now: Nanos(1_900_000_000_000_000_000) };

fn main() {
    // `cargo test --benches` calls this too: nothing is measured then.
    if !std::env::args().any(|arg| arg == "--bench") {
        return;
    }
    let chosen: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    let wants = |figure: &str| chosen.is_empty() || chosen.iter().any(|chosen| chosen == figure);
    let dir = tempfile::tempdir().unwrap();
    let files = Files::new(dir.path());
    if wants("load") {
        load_figures(&files);
    }
    if wants("filter") || wants("terms") || wants("web") {
        let loaded = Loaded::new(&files.access, "nginx-combined");
        if wants("filter") {
            filter_figures(&files, &loaded);
        }
        if wants("terms") {
            term_figures(&loaded);
        }
        if wants("web") {
            web_figures(&files, &loaded);
        }
    }
    if wants("count") {
        count_figures(&files);
    }
    if wants("patterns") {
        one_core::figures(&files);
    }
    if wants("ingest") {
        ingest(&files);
    }
    if wants("storm") {
        storm::storm(&files.access, &files.home);
    }
}

/// The corpus.
struct Files {
    access: PathBuf,
    json: PathBuf,
    home: PathBuf,
}

impl Files {
    /// Repeats the real log with dates that keep rising, and writes the same as JSON.
    fn new(dir: &Path) -> Self {
        let real = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/logs/web/access.log");
        let real = std::fs::read(real).unwrap();
        let files = Self { access: dir.join("access.log"), json: dir.join("access.json"), home: dir.join("home") };
        std::fs::create_dir(&files.home).unwrap();
        let lines: Vec<&[u8]> = real.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
        let (mut plain, mut json) = (create(&files.access), create(&files.json));
        let format = formats::built_in().get("nginx-combined").unwrap();
        let keys = ["client", "method", "url", "status", "bytes", "referer", "agent"];
        let fields = keys.map(|key| (key, format.resolve(key)));
        let start = chrono::NaiveDate::from_ymd_opt(2026, 8, 1).unwrap();
        for number in 0..LINES {
            let line = lines[number % lines.len()];
            // `[17/May/2015:10:05:03 +0000]`: four days of it.
            let open = memchr::memchr(b'[', line).unwrap() + 1;
            let day: u64 = std::str::from_utf8(&line[open..open + 2]).unwrap().parse().unwrap();
            let days = 4 * (number / lines.len()) as u64 + day - 17;
            let date = start + chrono::Days::new(days);
            let clock = &line[open + 12..open + 20];
            plain.write_all(&line[..open]).unwrap();
            write!(plain, "{}", date.format("%d/%b/%Y")).unwrap();
            plain.write_all(&line[open + 11..]).unwrap();
            plain.write_all(b"\n").unwrap();
            let mut object = format!("{{\"time\":\"{}T{}+00:00\"", date, std::str::from_utf8(clock).unwrap());
            for (key, field) in &fields {
                let Some(value) = format.field(line, field) else { continue };
                let value = String::from_utf8_lossy(&value);
                match *key {
                    "status" | "bytes" => write!(object, ",\"{key}\":{value}").unwrap(),
                    _ => write!(object, ",\"{key}\":{}", serde_json::to_string(&*value).unwrap()).unwrap(),
                }
            }
            object.push_str("}\n");
            json.write_all(object.as_bytes()).unwrap();
        }
        plain.flush().unwrap();
        json.flush().unwrap();
        let size = |path: &Path| std::fs::metadata(path).unwrap().len() as f64 / 1e6;
        println!("{LINES} lines: access log {:.0} MB, JSON {:.0} MB", size(&files.access), size(&files.json));
        files
    }
}

fn create(path: &Path) -> std::io::BufWriter<std::fs::File> {
    std::io::BufWriter::with_capacity(1 << 20, std::fs::File::create(path).unwrap())
}

/// The best time of several.
fn best<T>(mut run: impl FnMut() -> T) -> (Duration, T) {
    let mut result = None;
    let mut best = Duration::MAX;
    for _ in 0..TIMES {
        drop(result.take());
        let began = Instant::now();
        result = Some(run());
        best = best.min(began.elapsed());
    }
    (best, result.unwrap())
}

/// The best time of a peer; none where it is not installed.
fn peer(name: &str, arguments: &[&str], times: usize) -> Option<Duration> {
    let mut best = Duration::MAX;
    for _ in 0..times {
        let began = Instant::now();
        let mut command = Command::new(name);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        // grep says with 1 that nothing matched.
        match command.status() {
            Ok(status) if status.code().is_some_and(|code| code <= 1) => best = best.min(began.elapsed()),
            Ok(status) => panic!("{name}: {status}"),
            Err(_) => {
                println!("    {name} is not installed: its ratio is left out");
                return None;
            }
        }
    }
    Some(best)
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// Prints a figure beside a peer: at most so many times its time.
fn beside(what: &str, own: Duration, name: &str, peer: Option<Duration>, most: f64) {
    match peer {
        Some(peer) => {
            let ratio = own.as_secs_f64() / peer.as_secs_f64();
            let kept = if ratio <= most { "kept" } else { "MISSED" };
            println!("  {what}: {:.1} ms, {name} {:.1} ms: {ratio:.2} times (limit {most}: {kept})", ms(own), ms(peer));
        }
        None => println!("  {what}: {:.1} ms", ms(own)),
    }
}

/// Prints a figure with a limit.
fn within(what: &str, own: Duration, limit: Duration) {
    let kept = if own <= limit { "kept" } else { "MISSED" };
    println!("  {what}: {:.1} ms (limit {:.0} ms: {kept})", ms(own), ms(limit));
}

fn format(name: &str) -> Arc<Format> {
    Arc::clone(formats::built_in().get(name).unwrap())
}

fn source(id: SourceId, format: &Arc<Format>) -> Source {
    Source::new(id, ("access", "local", "access.log"), format)
}

fn matcher(text: &str) -> Matcher {
    matcher_of(text, &Arc::default())
}

fn matcher_of(text: &str, derived: &Arc<Derived>) -> Matcher {
    let filter = filter::parse(text).unwrap().filter;
    Matcher::new(&filter, (None, None), Arc::clone(derived)).unwrap()
}

struct Loaded {
    snapshot: Snapshot,
    _buffer: Buffer,
}

impl Loaded {
    fn new(path: &Path, name: &str) -> Self {
        let format = format(name);
        let mut buffer = Buffer::new(4 << 30);
        buffer.add_source(|id| source(id, &format)).unwrap();
        let reading = load::Reading { source: SourceId(0), format: &format, assume: ASSUME };
        for segment in load::load(path, reading).unwrap() {
            buffer.push(segment);
        }
        let snapshot = buffer.snapshot();
        assert_eq!(snapshot.records(), LINES as u64);
        Self { snapshot, _buffer: buffer }
    }
}

fn load_figures(files: &Files) {
    println!("open to searchable");
    let sql = ["-n", "-c", ";SELECT count(*) FROM access_log WHERE sc_status >= 500", files.access.to_str().unwrap()];
    let lnav = peer("lnav", &sql, 3);
    let (own, loaded) = best(|| {
        let loaded = Loaded::new(&files.access, "nginx-combined");
        let found = matcher("status>=500").matches(&loaded.snapshot, &Cache::new(64 << 20)).total;
        assert!(found > 0);
        loaded
    });
    beside("access log, and status>=500 found", own, "lnav", lnav, 0.25);
    let overhead: usize = loaded.snapshot.segments.iter().map(|segment| segment.overhead()).sum();
    println!("  besides the text: {:.1} bytes a record (limit 24)", overhead as f64 / LINES as f64);
    drop(loaded);
    let (own, loaded) = best(|| Loaded::new(&files.json, "json"));
    println!("  the same as JSON: {:.1} ms", ms(own));
    let overhead: usize = loaded.snapshot.segments.iter().map(|segment| segment.overhead()).sum();
    println!("  besides the text: {:.1} bytes a record (limit 24)", overhead as f64 / LINES as f64);
}

fn filter_figures(files: &Files, loaded: &Loaded) {
    println!("filters of what is loaded");
    let path = files.access.to_str().unwrap();
    let total = |text: &str| {
        let matcher = matcher(text);
        best(|| matcher.matches(&loaded.snapshot, &Cache::new(64 << 20)).total)
    };
    for (text, pattern, is_any_case) in [
        ("\"Presentations\"", "Presentations", false),
        ("presentations", "presentations", true),
        ("\"zzzqqq\"", "zzzqqq", false),
        (r"/(?:Chrome|Firefox)\/3\d/", r"(?:Chrome|Firefox)/3\d", false),
        (r"/GET \S+ HTTP/", r"GET \S+ HTTP", false),
        (r"/[a-z]+\.png/", r"[a-z]+\.png", true),
    ] {
        let case = if is_any_case { "-i" } else { "-s" };
        let rg = peer("rg", &["-c", "-a", case, pattern, path], TIMES);
        let (own, count) = total(text);
        beside(&format!("{text} ({count})"), own, "rg -c", rg, 1.5);
    }
    let limit = Duration::from_millis(20);
    for text in ["status>=500 path:/x*", "status>=500", "level>=error", "status>=400 path:/blog/*"] {
        let (own, count) = total(text);
        within(&format!("{text} ({count})"), own, limit);
    }
    let all = Matches::all(&loaded.snapshot);
    let (own, _) = best(|| (all.backward(Key { time: Nanos(i64::MAX), order: u64::MAX }, 100), all.first()));
    within("the last hundred records", own, Duration::from_millis(1));
}

/// One more term, beside reading all of the text once, on all cores: what no search of the text can be quicker than.
fn term_figures(loaded: &Loaded) {
    println!("one more term");
    let limit = Duration::from_millis(20);
    let count = |segment: &Arc<Segment>| memchr::memchr_iter(b'\n', &segment.text()).count();
    let (pass, lines) = best(|| loaded.snapshot.segments.par_iter().with_max_len(1).map(count).sum::<usize>());
    assert!(lines >= LINES - loaded.snapshot.segments.len());
    let bytes: usize = loaded.snapshot.segments.iter().map(|segment| segment.text().len()).sum();
    println!("  counting all lines: {:.1} ms, {:.1} GB/s", ms(pass), bytes as f64 / 1e9 / pass.as_secs_f64());
    // What was typed before is known; the last term is new each time.
    for (before, text) in [
        ("mozilla", "mozilla status>=400"),
        ("mozilla status>=400", "mozilla status>=400 path:/blog/*"),
        ("status:200", "status:200 chrome"),
        ("path:/blog/*", "path:/blog/* googlebot"),
    ] {
        let (before, after) = (matcher(before), matcher(text));
        let mut own = Duration::MAX;
        for _ in 0..TIMES {
            let cache = Cache::new(64 << 20);
            _ = before.matches(&loaded.snapshot, &cache);
            let began = Instant::now();
            _ = after.matches(&loaded.snapshot, &cache);
            own = own.min(began.elapsed());
        }
        within(&format!("{text} ({:.1} times counting all lines)", own.as_secs_f64() / pass.as_secs_f64()), own, limit);
    }
    broad_terms(loaded);
}

/// Terms on a field that most records have. The engine makes columns of them while nobody asks for anything; what they cost who asks
/// sooner is told beside.
fn broad_terms(loaded: &Loaded) {
    let partner = DeriveSpec {
        name: "partner".into(),
        from: "path".into(),
        regex: Some("^/([a-z]+)/".into()),
        ..DeriveSpec::default()
    };
    let derived = Arc::new(Derived::new([partner]).unwrap());
    let read = Fields { sources: &loaded.snapshot.sources, derived: &derived, cache: None };
    let began = Instant::now();
    let (ahead, mut segments) = (Cache::new(64 << 20), 0);
    while let Some(mut making) = ahead.next(&loaded.snapshot.segments, &[], read, 32 << 20) {
        while !making.step(1_024, read) {}
        ahead.made(making, &loaded.snapshot.segments, read, 32 << 20);
        segments += 1;
    }
    println!(
        "  columns made ahead, of {segments} of {} segments: {:.0} ms of one core, {:.1} bytes a record",
        loaded.snapshot.segments.len(),
        ms(began.elapsed()),
        ahead.bytes() as f64 / LINES as f64
    );
    let limit = Duration::from_millis(20);
    for text in ["path:/*", "partner:blog", "client:46.*", "-method:GET", "agent~/chrome/i", "bytes>20KB", "referer:*"]
    {
        let matcher = matcher_of(text, &derived);
        let mut own = (Duration::MAX, Duration::MAX);
        for _ in 0..TIMES {
            // What stands in no column is another key each time: only columns are known.
            ahead.forget_sets();
            let began = Instant::now();
            let found = matcher.matches(&loaded.snapshot, &ahead).total;
            own.0 = own.0.min(began.elapsed());
            let began = Instant::now();
            assert_eq!(matcher.matches(&loaded.snapshot, &Cache::new(64 << 20)).total, found, "{text}");
            own.1 = own.1.min(began.elapsed());
        }
        within(
            &format!("the first term on a field: {text} (before its column is made {:.1} ms)", ms(own.1)),
            own.0,
            limit,
        );
    }
    typed_terms(loaded);
}

/// As they are typed where no column was made ahead: the first is asked of a field that nobody has asked for, the others of its column.
fn typed_terms(loaded: &Loaded) {
    let texts =
        ["mozilla", "mozilla path:/*", "mozilla path:/* -path:/blog/*", "mozilla path:/* -path:/blog/* path:*.png"];
    let mut own = [Duration::MAX; 4];
    for _ in 0..TIMES {
        let cache = Cache::new(64 << 20);
        for (text, own) in texts.iter().zip(&mut own) {
            let matcher = matcher(text);
            let began = Instant::now();
            _ = matcher.matches(&loaded.snapshot, &cache);
            *own = (*own).min(began.elapsed());
        }
    }
    let [_, first, second, third] = own;
    println!("  before columns are made, a field that most records have: {:.1} ms", ms(first));
    for (text, own) in [(texts[2], second), (texts[3], third)] {
        within(&format!("one more broad term: {text}"), own, Duration::from_millis(20));
    }
}

fn web_figures(files: &Files, loaded: &Loaded) {
    println!("web-server view");
    let report = files.home.join("report.json");
    let arguments =
        [files.access.to_str().unwrap(), "--log-format=COMBINED", "--no-progress", "-o", report.to_str().unwrap()];
    let goaccess = peer("goaccess", &arguments, 2);
    let all = Matches::all(&loaded.snapshot);
    let (from, to) = loaded.snapshot.extent().unwrap();
    let ask = web::Ask { from, to, bars: 120, limit: 10, proxies: &[] };
    let derived = Derived::default();
    let cache = Cache::new(64 << 20);
    let read = Fields { sources: &loaded.snapshot.sources, derived: &derived, cache: None };
    let (own, first) = best(|| web::view(&ask, &all, read));
    assert_eq!(first.requests, LINES as u64);
    beside("all of it", own, "goaccess", goaccess, 0.1);
    let read = Fields { cache: Some(&cache), ..read };
    let (own, again) = best(|| web::view(&ask, &all, read));
    assert_eq!(again, first);
    within("the same again, of columns", own, Duration::from_millis(100));
    for text in ["| top 5 path", "| count by status", "status>=400 | top 5 client"] {
        let filter = filter::parse(text).unwrap().filter;
        let matches = matcher(text).matches(&loaded.snapshot, &Cache::new(64 << 20));
        let stage = filter.stage.unwrap();
        let cache = Cache::new(64 << 20);
        let read = Fields { sources: &loaded.snapshot.sources, derived: &derived, cache: Some(&cache) };
        let (first, _) = best(|| aggregate::run(&stage, &matches, Fields { cache: None, ..read }));
        let (own, _) = best(|| aggregate::run(&stage, &matches, read));
        within(&format!("{text}, of the text"), first, Duration::from_millis(100));
        within(&format!("{text}, of the field's column"), own, Duration::from_millis(100));
    }
}

/// Whole processes.
fn count_figures(files: &Files) {
    println!("qd logs FILE -q 'status>=500' --count, the whole process");
    let limit = Duration::from_millis(400);
    let qd = |path: &Path| {
        let (own, output) = best(|| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_qd"));
            command.env_clear().env("HOME", &files.home).env("TERM", "dumb").env("TZ", "UTC");
            command.args(["logs", path.to_str().unwrap(), "-q", "status>=500", "--count"]).output().unwrap()
        });
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        (own, String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let (own, count) = qd(&files.access);
    within(&format!("access log ({count})"), own, limit);
    let (own, count_json) = qd(&files.json);
    assert_eq!(count, count_json, "the same lines");
    within(&format!("the same as JSON ({count_json})"), own, limit);
    let json = files.json.to_str().unwrap();
    let hl = peer("hl", &["-q", "status >= 500", json], TIMES);
    beside("the same as JSON", own, "hl", hl, 1.0);
    // Readers of JSON that are easier to have; rg reads no JSON at all, and is what no reader is expected to beat.
    let agrind = peer("agrind", &["-f", json, "* | json | where status >= 500 | count"], 2);
    beside("the same as JSON", own, "agrind", agrind, 1.0);
    let jq = peer("jq", &["-c", "select(.status >= 500)", json], 2);
    beside("the same as JSON", own, "jq", jq, 1.0);
    let rg = peer("rg", &["-c", "-a", r#""status":5\d\d"#, json], TIMES);
    beside("the same as JSON", own, "rg -c of the text", rg, f64::INFINITY);
}

/// Lines as they come in a storm, in batches of a hundredth of a second.
fn ingest(files: &Files) {
    println!("ingest of {RATE} lines a second for {SECONDS} s, a filter active, {} MB at most", LIMIT >> 20);
    let text = std::fs::read(&files.access).unwrap();
    let ends: Vec<usize> = memchr::memchr_iter(b'\n', &text).map(|at| at + 1).collect();
    let batch = RATE / 100;
    let format = format("nginx-combined");
    let mut buffer = Buffer::new(LIMIT);
    buffer.add_source(|id| source(id, &format)).unwrap();
    let (matcher, cache) = (matcher("mozilla status>=400"), Cache::new(16 << 20));
    let (mut sent, mut hits, mut counted) = (0, 0_u64, 0_u64);
    let (mut slowest, mut busy, mut late, mut most) = (Duration::ZERO, Duration::ZERO, Duration::ZERO, 0);
    let tick = Duration::from_millis(10);
    let began = Instant::now();
    for number in 1..=SECONDS * 100 {
        let (first, last) = ((number - 1) * batch % LINES, (number * batch - 1) % LINES);
        let start = first.checked_sub(1).map_or(0, |before| ends[before]);
        let piece = &text[start..ends[last]];
        let work = Instant::now();
        let segment = buffer.push(Segment::parse(Batch::new(SourceId(0), &format, ASSUME, piece.to_vec())));
        let found = matcher.set(&segment, buffer.sources(), Some(&cache));
        sent += batch;
        counted += segment.len() as u64;
        hits += found.count() as u64;
        buffer.tidy();
        cache.retain(&buffer.snapshot().segments);
        buffer.fit(cache.bytes(), |_| {});
        let snapshot = buffer.snapshot();
        let took = work.elapsed();
        busy += took;
        slowest = slowest.max(took);
        most = most.max(snapshot.bytes);
        let due = tick * u32::try_from(number).unwrap();
        match due.checked_sub(began.elapsed()) {
            Some(rest) => std::thread::sleep(rest),
            None => late = late.max(began.elapsed().saturating_sub(due)),
        }
    }
    let (whole, snapshot) = (began.elapsed(), buffer.snapshot());
    assert_eq!(counted, sent as u64, "every line is counted");
    assert_eq!(snapshot.records() + snapshot.dropped.records, counted, "what is not here was dropped and counted");
    assert!(most <= LIMIT, "{most} bytes");
    println!(
        "  {counted} lines in {:.1} s, {hits} matched before they went, {} dropped and counted",
        whole.as_secs_f64(),
        snapshot.dropped.records
    );
    println!(
        "  busy {:.0} % of one core, slowest batch {:.1} ms, most behind {:.1} ms, most held {} MB",
        busy.as_secs_f64() / whole.as_secs_f64() * 100.0,
        ms(slowest),
        ms(late),
        most >> 20
    );
}
