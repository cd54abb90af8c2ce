//! The journal, containers, pods and commands, by programs that print what the real ones do and break off in the middle.
//!
//! No journal and no container runtime can run where tests do; the shell, the processes and the ends are real.
use std::{os::unix::fs::PermissionsExt as _, path::Path, sync::Arc};

use quarterdeck::{
    core::logs::{LogPlace, SourceState},
    sources::logs::{Cursor, HistoryRequest, Notice, source, stdin},
};

use crate::{
    ssh::{host, options, pool, pool_of},
    support::{
        clock, eventually,
        logs::{Bench, Event, Heard, Nowhere, entry},
        sshd::{self, Sshd},
        tasks,
    },
};

/// Prints forty lines from where it is told to begin, then breaks off; after 200 it stays.
const JOURNALCTL: &str = r#"#!/bin/sh
case "$*" in *"-n 0"*) exit 0;; esac
from=0; upto=; for a in "$@"; do case $a in --after-cursor=*) from=${a#--after-cursor=c};; --cursor=*) upto=${a#--cursor=c};; esac; done
line() { echo "{\"__CURSOR\":\"c$1\",\"__REALTIME_TIMESTAMP\":\"179523366900$((1000 + $1))\",\"PRIORITY\":\"6\",\"MESSAGE\":\"n $1\"}"; }
if [ -n "$upto" ]; then i=$upto; while [ $i -gt 0 ]; do line $i; i=$((i - 1)); done; exit 0; fi
i=$from; n=0
while [ $n -lt 40 ] && [ $i -lt 200 ]; do i=$((i + 1)); n=$((n + 1)); line $i; done
[ $i -lt 200 ] && exit 3
exec sleep 1000
"#;

/// As `docker logs --timestamps` does, it repeats the lines of the moment it is told to begin at; two lines share each.
const DOCKER: &str = r#"#!/bin/sh
from=0; while [ $# -gt 0 ]; do case $1 in --since) from=$(echo "$2" | sed 's/.*:00\.0*\([0-9][0-9]*\)Z/\1/');; esac; shift; done
i=$((from * 2)); n=0
while [ $n -lt 40 ] && [ $i -lt 200 ]; do
  printf '2026-11-20T19:41:00.%09dZ n %d\n' $((i / 2)) $((i + 1)); i=$((i + 1)); n=$((n + 1))
done
[ $i -lt 200 ] && { echo "error from daemon in stream: EOF"; exit 1; }
exec sleep 1000
"#;

/// As `kubectl logs --prefix --timestamps` does.
const KUBECTL: &str = r#"#!/bin/sh
from=0; for a in "$@"; do case $a in --since-time=*) from=$(echo "$a" | sed 's/.*:00\.0*\([0-9][0-9]*\)Z/\1/');; esac; done
i=$((from * 2)); n=0
while [ $n -lt 40 ] && [ $i -lt 200 ]; do
  printf '[pod/api-1/main] 2026-11-20T19:41:00.%09dZ n %d\n' $((i / 2)) $((i + 1)); i=$((i + 1)); n=$((n + 1))
done
[ $i -lt 200 ] && exit 1
exec sleep 1000
"#;

fn bench(dir: &Path, place: LogPlace) -> Bench {
    for (name, text) in [("journalctl", JOURNALCTL), ("docker", DOCKER), ("kubectl", KUBECTL)] {
        std::fs::write(dir.join(name), text).unwrap();
        std::fs::set_permissions(dir.join(name), std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let mut local = host("here", "local", None, None);
    local.path_prefix = vec![dir.display().to_string()];
    let pool = pool(vec![local.clone()], options(vec![]));
    Bench::new(vec![entry("log", place)], Some(local), Arc::new(pool), clock(), tasks())
}

fn messages(heard: &Heard) -> Vec<String> {
    let number = |line: &String| line.split("n ").nth(1).unwrap().trim_end_matches(['"', '}']).to_owned();
    heard.lines().iter().map(number).collect()
}

fn up_to(last: usize) -> Vec<String> {
    (1..=last).map(|number| number.to_string()).collect()
}

async fn resumes(name: &'static str, place: LogPlace) -> (Bench, Heard, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let bench = bench(dir.path(), place);
    bench.run(source(name).unwrap()).detach();
    let all = |heard: &Heard| heard.lines().len() >= 200 && heard.is(|state| *state == SourceState::Live);
    let heard = bench.ear.until("200 lines", all).await;
    assert_eq!(messages(&heard), up_to(200));
    assert!(heard.notices().iter().any(|notice| matches!(notice, Notice::Reconnected { .. })), "{:?}", heard.notices());
    let times: Vec<_> = heard
        .events
        .iter()
        .filter_map(|(_, event)| match event {
            Event::Batch(batch) => batch.times.clone(),
            Event::Notice(_) | Event::State(_) => None,
        })
        .flatten()
        .collect();
    assert!(times.len() == 200 && times.is_sorted());
    (bench, heard, dir)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_journal_is_resumed_at_its_cursor_and_read_upwards() {
    let (bench, heard, _dir) = resumes("journald", LogPlace::Journald { units: vec!["api.service".into()] }).await;
    assert_eq!(heard.streams[0].format.as_deref(), Some("journald"));
    let request = HistoryRequest {
        spec: Arc::clone(&bench.wants.borrow()[0]),
        info: heard.streams[0].clone(),
        before: Some(Cursor::Journal("c50".into())),
        limit: 100,
        prefilter: None,
    };
    let page = source("journald").unwrap().history(bench.context.clone(), request).await.unwrap();
    assert_eq!(page.parts[0].1.lines(), 49);
    assert_eq!(page.before, Some(Cursor::Journal("c1".into())));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_container_is_resumed_at_its_last_moment() {
    resumes("docker", LogPlace::Docker { container: "api".into() }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pods_are_resumed_at_their_last_moment() {
    let place = LogPlace::Kubernetes {
        context: None,
        namespace: Some("prod".into()),
        target: "deploy/api".into(),
        container: None,
    };
    let (_, heard, _dir) = resumes("kubernetes", place).await;
    let extras: usize = heard
        .events
        .iter()
        .map(|(_, event)| match event {
            Event::Batch(batch) => batch.extras.iter().filter(|(_, text)| text == "container=main pod=api-1").count(),
            Event::Notice(_) | Event::State(_) => 0,
        })
        .sum();
    assert_eq!(extras, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_installed_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let bench = bench(dir.path(), LogPlace::Command { command: "no-such-program-here --now".into() });
    bench.run(source("command").unwrap()).detach();
    bench
        .ear
        .until("denied", |heard| heard.is(|s| matches!(s, SourceState::Denied { why } if why.contains("not found"))))
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_on_a_host_ends_with_its_source_and_here_with_its_output() {
    let sshd = Sshd::start().await;
    let mark = format!("{}", u32::from(sshd.port) + 100_000);
    let command = LogPlace::Command { command: format!("echo one; printf two; sleep {mark}") };
    let web = host("web", "127.0.0.1", Some(sshd.port), None);
    let bench = Bench::new(vec![entry("log", command)], Some(web), Arc::new(pool_of(&sshd)), clock(), tasks());
    let running = bench.run(source("command").unwrap());
    // The second line has no end: it comes when it is old.
    bench.ear.until("lines", |heard| heard.lines() == ["one", "two"]).await;
    let sleeps = || sshd::processes().iter().any(|process| process.command == format!("sleep {mark} "));
    assert!(sleeps());
    running.stop();
    eventually("its end", async || !sleeps()).await;

    let command = LogPlace::Command { command: "echo three; printf four".into() };
    let bench = Bench::new(vec![entry("log", command)], None, Arc::new(Nowhere), clock(), tasks());
    bench.run(source("command").unwrap()).detach();
    let ended = |heard: &Heard| heard.is(|state| *state == SourceState::Ended);
    assert_eq!(bench.ear.until("the end", ended).await.lines(), ["three", "four"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_piped_in_is_read_to_its_end() {
    let bench = Bench::new(vec![entry("-", LogPlace::Stdin)], None, Arc::new(Nowhere), clock(), tasks());
    bench.ear.open(false);
    let text: String = (0..100_000).map(|number| format!("{number} \u{1b}[31m\0\n")).collect();
    let reading = stdin::read(bench.context.clone(), std::io::Cursor::new(format!("{text}last")));
    let running = bench.context.tasks.spawn("stdin", reading);
    bench.ear.until("live", |heard| heard.is(|state| *state == SourceState::Live)).await;
    bench.ear.open(true);
    running.join().await.unwrap();
    let heard = bench.ear.heard();
    assert_eq!((heard.lines().len(), heard.lines().last().map(String::as_str)), (100_001, Some("last")));
    assert!(heard.is(|state| *state == SourceState::Ended));
}
