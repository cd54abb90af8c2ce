//! The engine's thread by itself: what sources hand over, what a person asks for, and its end.
use std::{future::Future as _, pin::pin, task::Poll};

use quarterdeck::{
    core::{
        logs::{Ask, SourceState, shown::Back, state::Session},
        time::Timestamp,
    },
    runtime::logs::{Order, Worker, desk},
    sources::logs::{Batch, Notice, Sink as _, StreamId, StreamInfo},
    tasks::Tasks,
};

use super::{Console, Setup, lines, notices};

fn info(name: &str) -> StreamInfo {
    StreamInfo {
        name: name.into(),
        kind: "file",
        path: format!("/var/log/{name}.log"),
        service: None,
        host: Some("web-01".into()),
        labels: Vec::new(),
        format: Some("logfmt".into()),
        timezone: None,
    }
}

/// Numbered lines, each with so many words that do not pack well.
fn lines_of(from: usize, to: usize, words: usize) -> Batch {
    let mut text = String::new();
    for number in from..to {
        let at = 1_795_200_000 + number as i64;
        let time = chrono::DateTime::from_timestamp(at, 0).unwrap().format("%Y-%m-%dT%H:%M:%SZ");
        let level = if number % 10 == 0 { "error" } else { "info" };
        let mix = |word: u64| (word ^ word >> 31).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let word = |part: usize| mix(mix(mix(((number * words + part) as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15))));
        let noise: String = (0..words).map(|part| format!("{:016x}", word(part))).collect();
        text.push_str(&format!("time={time} level={level} msg=\"line {number}\" id={noise}\n"));
    }
    Batch { bytes: text.into_bytes(), ..Batch::default() }
}

fn batch(from: usize, to: usize) -> Batch {
    lines_of(from, to, 1)
}

async fn console(limit: usize) -> (Console, StreamId) {
    let mut console = Console::new(Setup { limit, ..Setup::default() });
    console.ask(Ask::Start);
    console.query(|_| {}).await;
    let stream = console.desk.open(info("app"));
    console.desk.state(stream, SourceState::Live);
    (console, stream)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_is_shown_filtered_and_followed() {
    let (mut console, stream) = console(64 << 20).await;
    console.desk.batch(stream, batch(0, 100)).await;
    let shown = console.until("lines", |shown, _| shown.total() == 100).await;
    assert_eq!((shown.live(), shown.sources[0].records, shown.sources[0].format.as_str()), (1, 100, "logfmt"));
    let shown = console.filter("level:error").await;
    assert_eq!((shown.matched(), shown.total()), (10, 100));
    console.desk.batch(stream, batch(100, 130)).await;
    let shown = console.until("more", |shown, _| shown.total() == 130).await;
    assert_eq!(shown.matched(), 13, "the filter acts on what comes");
    let shown = console.query(|query| _ = query.hidden.insert("app".into())).await;
    assert_eq!(shown.matched(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_missing_is_a_line() {
    let (mut console, stream) = console(64 << 20).await;
    console.desk.batch(stream, batch(0, 5)).await;
    let gap = Notice::Gap { bytes: None, lines: Some(3), why: "the file was cut".into() };
    console.desk.notice(stream, gap, Timestamp(1_795_200_010_000));
    console.desk.batch(stream, batch(20, 25)).await;
    let shown = console.until("all of it", |shown, _| shown.total() == 10).await;
    assert_eq!(notices(&shown), ["app on web-01: gap: 3 lines missing, the file was cut"]);
    // No filter hides it.
    let shown = console.filter("nothing-like-this").await;
    assert_eq!((lines(&shown).len(), shown.matched(), shown.matches.total), (0, 0, 1));
    let why = "no permission".to_owned();
    console.desk.state(stream, SourceState::Denied { why });
    let shown = console.until("denied", |shown, _| shown.live() == 0).await;
    assert!(shown.sources[0].words().starts_with("refused: no permission"), "{}", shown.sources[0].words());
    let shown = console.earlier().await;
    assert!(!shown.searched.reading);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_fit_goes_is_counted_and_was_matched() {
    const LINES: usize = 12_000;
    const LIMIT: usize = 9 << 20;
    let (mut console, stream) = console(LIMIT).await;
    console.filter("level:error").await;
    for from in (0..LINES).step_by(500) {
        console.desk.batch(stream, lines_of(from, from + 500, 128)).await;
    }
    let all = |shown: &quarterdeck::core::logs::shown::Shown| shown.total() + shown.snapshot.dropped.records;
    // What goes, goes after it was shown: the answer to a question tells of it.
    console.until("the last line", |shown, _| all(shown) == LINES as u64).await;
    let shown = console.query(|_| {}).await;
    assert_eq!(all(&shown), LINES as u64);
    assert!(shown.snapshot.dropped.records > 0 && shown.snapshot.bytes <= LIMIT, "{:?}", shown.snapshot.dropped);
    let gone = shown.snapshot.dropped.records;
    let said = notices(&shown);
    assert!(
        matches!(said.as_slice(), [one] if one.contains(&format!("app on web-01: {gone} lines up to ")) && one.contains("qd logs -q FILTER")),
        "{said:?}"
    );
    let Back::Time(at) = shown.searched.back else { panic!("it is not complete: {:?}", shown.searched) };
    assert!(shown.all.first().is_some_and(|first| first.key().time >= at));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_are_written_and_sessions_kept() {
    let dir = tempfile::tempdir().unwrap();
    let sessions = dir.path().join("sessions.toml");
    let mut console = Console::new(Setup { sessions: Some(sessions.clone()), ..Setup::default() });
    console.ask(Ask::Start);
    let stream = console.desk.open(info("app"));
    let mut secret = batch(0, 20);
    secret.bytes.extend_from_slice(b"time=2026-11-21T00:00:00Z level=error msg=\"login\" password=hunter2-5512\n");
    console.desk.batch(stream, secret).await;
    console.filter("level:error").await;
    console.until("lines", |shown, _| shown.total() == 21).await;
    let gap = Notice::Gap { bytes: None, lines: Some(3), why: "the file was cut".into() };
    console.desk.notice(stream, gap, Timestamp(1_795_200_005_000));
    console.until("the gap", |shown, _| notices(shown).len() == 1).await;
    let path = dir.path().join("out.jsonl").display().to_string();
    console.ask(Ask::Export { path: path.clone() });
    console.says("3 lines written to").await;
    let text = std::fs::read_to_string(&path).unwrap();
    // What is missing is told where it is missing, and is none of the lines.
    let said: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let kinds: Vec<bool> = said.iter().map(|line| line.get("line").is_some()).collect();
    assert_eq!(kinds, [true, false, true, true], "{text}");
    assert_eq!(said[1]["notice"], "app on web-01: gap: 3 lines missing, the file was cut");
    assert_eq!((&said[1]["at"], &said[1]["source"]), (&"2026-11-20T18:40:05.000000000Z".into(), &"app".into()));
    assert!(text.contains("line 10") && !text.contains("hunter2"), "{text}");
    console.said.clear();
    console.ask(Ask::Export { path });
    console.says("exists").await;
    let session = Session { stage: "count by host".into(), ..Session::default() };
    console.ask(Ask::Save { name: "night".into(), session: Box::new(session) });
    console.says("saved as night").await;
    assert!(std::fs::read_to_string(&sessions).unwrap().contains("count by host"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_ends_while_it_waits_and_so_does_who_waits_for_it() {
    let tasks = Tasks::new(tokio::runtime::Handle::current(), |panicked| panic!("{panicked:?}"));
    let (desk_of, orders) = desk();
    let (worker, _inbox) = Setup::default().parts(&desk_of, orders, &tasks);
    let working = tasks.child().blocking("logs", move || Worker::work(worker));
    desk_of.send(Order::Ask(Ask::Start));
    tasks.cancel();
    tokio::time::timeout(std::time::Duration::from_secs(30), working.join()).await.unwrap();
    // There is no room for a second one, until nobody is there who could want it.
    let (desk_of, orders) = desk();
    let large = || Batch { bytes: vec![b'\n'; 40 << 20], ..Batch::default() };
    let stream = desk_of.open(info("app"));
    desk_of.batch(stream, large()).await;
    let mut second = pin!(desk_of.batch(stream, large()));
    let waits = std::future::poll_fn(|context| Poll::Ready(second.as_mut().poll(context).is_pending())).await;
    assert!(waits);
    drop(orders);
    tokio::time::timeout(std::time::Duration::from_secs(30), second).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_row_of_the_web_view_steps_into_its_requests() {
    let mut console = Console::new(Setup::default());
    console.ask(Ask::Start);
    let stream = console.desk.open(StreamInfo { format: Some("nginx-timed".into()), ..info("access") });
    // Paths that differ in case alone, that begin alike, and with what filters take for signs; the slower the rarer.
    let paths = ["/Play", "/play", "/play/1", "/a*b", "/a b?x=\"1\"", "/none-slow"];
    let mut text = String::new();
    for (nth, path) in paths.iter().enumerate() {
        for again in 0..=nth * 3 {
            let (status, seconds) = (if again % 3 == 1 { 503 } else { 200 }, 9 - nth);
            text.push_str(&format!(
                "10.0.0.{nth} - - [20/Nov/2026:19:42:{again:02} +0000] \"GET {path} HTTP/1.1\" {status} 17 \"-\" \"curl/{nth}\" rt={seconds}.25\n"
            ));
        }
    }
    let all = text.lines().count() as u64;
    console.desk.batch(stream, Batch { bytes: text.clone().into_bytes(), ..Batch::default() }).await;
    console.until("requests", |shown, _| shown.total() == all).await;
    let shown = console.query(|query| query.web = true).await;
    let web = shown.web.clone().unwrap();
    let rows = |title: &str| web.tables.iter().find(|table| table.title == title).unwrap().rows.clone();
    let asked = |path: &str, failed: bool| {
        // What follows a question mark is no part of the path.
        let named = [format!("\"GET {path} HTTP"), format!("\"GET {path}?")];
        let is_it = |line: &&str| named.iter().any(|name| line.contains(name)) && (!failed || line.contains("\" 503 "));
        text.lines().filter(is_it).count() as u64
    };
    let slowest = rows("Slowest");
    assert_eq!(slowest.first().map(|row| (row.label.as_str(), row.number.as_str())), Some(("/Play", "9.25s")));
    assert_eq!(slowest.len(), rows("Paths").len());
    for (title, failed) in [("Slowest", false), ("Paths", false), ("Failing most", true)] {
        for row in rows(title) {
            let shown = console.filter(&row.term).await;
            assert_eq!(shown.matched(), asked(&row.label, failed), "{title}: {} by {}", row.label, row.term);
        }
    }
}
