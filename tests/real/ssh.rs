//! The pool against a real OpenSSH server: commands, streams, links that are cut or freeze.
use std::{os::unix::fs::PermissionsExt as _, path::PathBuf, sync::Arc, time::Duration};

use quarterdeck::{
    core::{hosts::LinkFault, id::HostName, inventory::Host},
    remote::{
        Chunk, Exit, Lane, LinkState, Remote as _, RemoteError, Script, Stream,
        ssh::{Pool, PoolOptions},
    },
};
use tokio::time::timeout;

use crate::support::{
    HANG, clock, eventually,
    relay::Relay,
    sshd::{self, Sshd, login},
    tasks,
};

pub(crate) fn host(name: &str, address: &str, port: Option<u16>, identity: Option<PathBuf>) -> Host {
    Host {
        address: address.into(),
        port,
        user: Some(login()),
        identity: identity.map(|path| path.display().to_string()),
        ..Host::new(name)
    }
}

pub(crate) fn options(known_hosts: Vec<PathBuf>) -> PoolOptions {
    PoolOptions {
        prompts: true,
        home: "/nonexistent".into(),
        user: login(),
        agent: None,
        known_hosts: Some(known_hosts),
        ssh: Some("ssh".into()),
        ssh_config: Some("/dev/null".into()),
        connect_timeout: Duration::from_secs(10),
        keepalive: Duration::from_secs(3),
    }
}

pub(crate) fn pool(hosts: Vec<Host>, options: PoolOptions) -> Pool {
    let hosts: Vec<Arc<Host>> = hosts.into_iter().map(Arc::new).collect();
    Pool::new(&hosts, tasks(), clock(), options)
}

/// A pool with one host `web` that is this server.
pub(crate) fn pool_of(sshd: &Sshd) -> Pool {
    let web = host("web", "127.0.0.1", Some(sshd.port), Some(sshd.identity()));
    pool(vec![web], options(vec![sshd.known_hosts(sshd.port)]))
}

/// A pool with one host `web` that is this server behind a relay.
pub(crate) fn pool_through(sshd: &Sshd, relay: &Relay) -> Pool {
    let web = host("web", "127.0.0.1", Some(relay.port), Some(sshd.identity()));
    pool(vec![web], options(vec![sshd.known_hosts(relay.port)]))
}

pub(crate) fn web() -> HostName {
    "web".into()
}

pub(crate) async fn text(pool: &Pool, script: &str) -> String {
    let output = pool.run(&web(), Lane::Control, Script::new(script)).await.unwrap();
    assert_eq!(output.exit, Exit::Code(0), "{script}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

pub(crate) async fn next(stream: &mut Stream) -> Chunk {
    timeout(HANG, stream.chunks.recv()).await.expect("no chunk came").expect("the stream ended without a word")
}

#[tokio::test]
async fn a_command_gives_output_and_exit_and_reads_no_stdin() {
    let sshd = Sshd::start().await;
    let pool = pool_of(&sshd);
    assert_eq!(pool.link(&web()), LinkState::Idle);
    let output = pool.run(&web(), Lane::Control, Script::new("echo out; echo err >&2; exit 7")).await.unwrap();
    assert_eq!((output.exit, &*output.stdout, &*output.stderr), (Exit::Code(7), &b"out\n"[..], &b"err\n"[..]));
    assert!(matches!(pool.link(&web()), LinkState::Connected { .. }));
    assert_eq!(text(&pool, "cat; echo $LC_ALL").await, "C\n");
    assert_eq!(text(&pool, "printf '%s\\n' 'a b' \"c\"").await, "a b\nc\n");
    let killed = pool.run(&web(), Lane::Control, Script::new("kill -9 $$")).await.unwrap();
    assert_eq!(killed.exit, Exit::Code(137));
    let missing = pool.run(&web(), Lane::Control, Script::new("nosuchcommand")).await.unwrap();
    assert_eq!(missing.exit, Exit::Code(127));
}

#[tokio::test]
async fn a_long_script_goes_by_stdin_and_a_prefix_comes_before_path() {
    let sshd = Sshd::start().await;
    let bin = sshd.path("bin it's");
    std::fs::create_dir(&bin).unwrap();
    let tool = bin.join("sometool");
    std::fs::write(&tool, "#!/bin/sh\necho tool\n").unwrap();
    std::fs::set_permissions(&tool, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut machine = host("web", "127.0.0.1", Some(sshd.port), Some(sshd.identity()));
    machine.path_prefix = vec![bin.display().to_string()];
    let pool = pool(vec![machine], options(vec![sshd.known_hosts(sshd.port)]));
    assert_eq!(text(&pool, "sometool").await, "tool\n");
    let long = format!("{}\nsometool; cat; printf %s \"$x\" | wc -c", format_args!("x='{}'", "y".repeat(300_000)));
    let output = text(&pool, &long).await;
    assert_eq!(output.split_whitespace().collect::<Vec<_>>(), ["tool", "300000"]);
}

#[tokio::test]
async fn output_beyond_the_limit_is_dropped_and_a_command_is_ended_after_its_time() {
    let sshd = Sshd::start().await;
    let pool = pool_of(&sshd);
    let mut script = Script::new("head -c 100000 /dev/zero");
    script.max_output = 1_000;
    let output = pool.run(&web(), Lane::Control, script).await.unwrap();
    assert_eq!((output.stdout.len(), output.dropped_bytes), (1_000, 99_000));

    let mut script = Script::new("sleep 7654.5 | cat");
    script.timeout = Duration::from_millis(300);
    let error = pool.run(&web(), Lane::Control, script).await.unwrap_err();
    assert_eq!(error.fault, LinkFault::Timeout);
    eventually("the remote process is gone", async || !sshd::runs("sleep 7654.5")).await;
    // A child in the background that holds stdout does not hold us.
    let output = pool.run(&web(), Lane::Control, Script::new("sleep 7655.5 & echo done")).await.unwrap();
    assert_eq!(output.stdout, b"done\n");
    text(&pool, "pkill -f 'sleep 7655[.]5' || true").await;
}

#[tokio::test]
async fn dropping_a_stream_ends_the_remote_process() {
    let sshd = Sshd::start().await;
    let pool = pool_of(&sshd);
    for script in [
        "echo go; sleep 8765.25",
        "echo go; tail -F /dev/null | grep 8765.25",
        "trap '' TERM; echo go; while :; do sleep 8765.25; done",
    ] {
        let mut stream = pool.stream(&web(), Lane::Logs, Script::new(script)).await.unwrap();
        assert_eq!(next(&mut stream).await, Chunk::Stdout(b"go\n".to_vec()));
        eventually("it runs", async || sshd::runs("8765.25")).await;
        drop(stream);
        eventually("the remote process is gone", async || !sshd::runs("8765.25")).await;
    }
    // None of these holds a session any more.
    for _ in 0..20 {
        let mut stream = pool.stream(&web(), Lane::Logs, Script::new("echo go; sleep 8766.25")).await.unwrap();
        assert_eq!(next(&mut stream).await, Chunk::Stdout(b"go\n".to_vec()));
    }
    eventually("all are gone", async || !sshd::runs("8766.25")).await;
}

#[tokio::test]
async fn a_stream_that_ends_says_how() {
    let sshd = Sshd::start().await;
    let pool = pool_of(&sshd);
    let mut stream = pool.stream(&web(), Lane::Control, Script::new("echo a; echo b >&2; exit 3")).await.unwrap();
    let mut seen = Vec::new();
    loop {
        let chunk = next(&mut stream).await;
        let last = matches!(chunk, Chunk::Ended(_) | Chunk::Lost(_));
        seen.push(chunk);
        if last {
            break;
        }
    }
    assert!(seen.contains(&Chunk::Stdout(b"a\n".to_vec())) && seen.contains(&Chunk::Stderr(b"b\n".to_vec())));
    assert_eq!(seen.last(), Some(&Chunk::Ended(Exit::Code(3))));
}

#[tokio::test]
async fn this_machine_is_reached_without_ssh() {
    let pool = pool(vec![host("web", "local", None, None)], options(Vec::new()));
    assert_eq!(text(&pool, "cat; echo here").await, "here\n");
    let output = pool.run(&web(), Lane::Control, Script::new("echo x >&2; exit 9")).await.unwrap();
    assert_eq!((output.exit, &*output.stderr), (Exit::Code(9), &b"x\n"[..]));
    let mut stream = pool.stream(&web(), Lane::Logs, Script::new("echo go; sleep 9876.25 | cat")).await.unwrap();
    assert_eq!(next(&mut stream).await, Chunk::Stdout(b"go\n".to_vec()));
    drop(stream);
    eventually("it is gone", async || !sshd::runs("sleep 9876.25")).await;
    let long = format!("# {}\necho long", "x".repeat(200_000));
    assert_eq!(text(&pool, &long).await, "long\n");
}

pub(crate) fn fault(error: &RemoteError) -> (LinkFault, &str) {
    (error.fault, error.host.as_str())
}

#[tokio::test]
async fn a_frozen_link_is_lost_within_ten_seconds_and_comes_back() {
    let sshd = Sshd::start().await;
    let relay = Relay::start(sshd.address()).await;
    let pool = pool_through(&sshd, &relay);
    let mut stream = pool.stream(&web(), Lane::Control, Script::new("echo go; sleep 8643.5")).await.unwrap();
    assert_eq!(next(&mut stream).await, Chunk::Stdout(b"go\n".to_vec()));
    relay.freeze(true);
    let frozen = tokio::time::Instant::now();
    let running = pool.run(&web(), Lane::Control, Script::new("true")).await.unwrap_err();
    println!("run lost after {:?}: {running}", frozen.elapsed());
    let Chunk::Lost(error) = next(&mut stream).await else { panic!("not lost") };
    println!("stream lost after {:?}: {error}", frozen.elapsed());
    assert_eq!(fault(&error), (LinkFault::Lost, "web"));
    assert_eq!(fault(&running), (LinkFault::Lost, "web"));
    relay.freeze(false);
    relay.cut();
    assert_eq!(text(&pool, "echo back").await, "back\n");
    eventually("the remote process is gone", async || !sshd::runs("sleep 8643.5")).await;
}

#[tokio::test]
async fn a_cut_link_is_lost_at_once_and_its_outcome_unknown() {
    let sshd = Sshd::start().await;
    let relay = Relay::start(sshd.address()).await;
    let pool = pool_through(&sshd, &relay);
    let mut stream = pool.stream(&web(), Lane::Control, Script::new("echo go; sleep 8644.5")).await.unwrap();
    assert_eq!(next(&mut stream).await, Chunk::Stdout(b"go\n".to_vec()));
    relay.cut();
    let Chunk::Lost(error) = next(&mut stream).await else { panic!("not lost") };
    assert_eq!(error.fault, LinkFault::Lost);
    eventually("the remote process is gone", async || !sshd::runs("sleep 8644.5")).await;
    assert_eq!(text(&pool, "echo back").await, "back\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_floods_and_one_that_hangs_slow_no_other() {
    let (flooding, hanging, fine) = (Sshd::start().await, Sshd::start().await, Sshd::start().await);
    let mut known = Vec::new();
    let mut machine = |name: &str, sshd: &Sshd| {
        known.push(sshd.known_hosts(sshd.port));
        host(name, "127.0.0.1", Some(sshd.port), Some(sshd.identity()))
    };
    let hosts = vec![machine("flooding", &flooding), machine("hanging", &hanging), machine("web", &fine)];
    let pool = pool(hosts, PoolOptions { keepalive: Duration::from_millis(500), ..options(known) });
    // Nobody reads the flood.
    let mut flood = pool.stream(&"flooding".into(), Lane::Control, Script::new("yes")).await.unwrap();
    pool.run(&"hanging".into(), Lane::Control, Script::new("true")).await.unwrap();
    // A login without rights is served by a child of the one that watches it.
    let watchers = hanging.sessions();
    let frozen: Vec<_> = watchers.iter().copied().chain(watchers.iter().copied().flat_map(sshd::children)).collect();
    for pid in &frozen {
        sshd::signal(*pid, "STOP");
    }
    let stuck = pool.clone();
    let mut stuck =
        tasks().spawn("stuck", async move { stuck.run(&"hanging".into(), Lane::Control, Script::new("true")).await });
    let (mut slowest, mut passed) = (Duration::ZERO, 0);
    // Others are served all the while, from before the hang is known until it is.
    while passed < 20 || !stuck.is_finished() {
        let begun = tokio::time::Instant::now();
        timeout(HANG, text(&pool, "true")).await.expect("the others wait for the one that hangs");
        slowest = slowest.max(begun.elapsed());
        passed += 1;
    }
    println!("beside a flood and a hang {passed} commands passed, the slowest in {slowest:?}");
    let lost = stuck.wait().await.unwrap().unwrap_err();
    assert_eq!(fault(&lost), (LinkFault::Lost, "hanging"));
    assert!(matches!(pool.link(&web()), LinkState::Connected { .. }));
    // Other commands of the flooded connection itself pass as well.
    let output = pool.run(&"flooding".into(), Lane::Control, Script::new("echo pass")).await.unwrap();
    assert_eq!(output.stdout, b"pass\n");
    let mut dropped = 0;
    while dropped == 0 {
        if let Chunk::Dropped(bytes) = next(&mut flood).await {
            dropped = bytes;
        }
    }
    println!("{dropped} bytes of the flood were dropped and counted");
    for pid in frozen {
        sshd::signal(pid, "CONT");
    }
}

#[tokio::test]
async fn streams_leave_room_for_runs_and_no_session_is_leaked() {
    let sshd = Sshd::start().await;
    let pool = pool_of(&sshd);
    let mut streams = Vec::new();
    for _ in 0..6 {
        let mut stream = pool.stream(&web(), Lane::Control, Script::new("echo go; sleep 5678.5")).await.unwrap();
        assert_eq!(next(&mut stream).await, Chunk::Stdout(b"go\n".to_vec()));
        streams.push(stream);
    }
    // A seventh waits for room while runs pass.
    let waiting = pool.clone();
    let seventh = tasks().spawn("seventh", async move {
        waiting.stream(&web(), Lane::Control, Script::new("echo go; sleep 5678.5")).await
    });
    for _ in 0..30 {
        text(&pool, "true").await;
    }
    assert!(!seventh.is_finished());
    streams.pop();
    let mut seventh = seventh.join().await.unwrap().unwrap();
    assert_eq!(next(&mut seventh).await, Chunk::Stdout(b"go\n".to_vec()));
    drop((streams, seventh));
    eventually("all are gone", async || !sshd::runs("sleep 5678.5")).await;
}

#[tokio::test]
async fn a_server_that_goes_down_is_failing_and_comes_back_by_itself() {
    let mut sshd = Sshd::start().await;
    let pool = pool_of(&sshd);
    text(&pool, "true").await;
    sshd.stop().await;
    eventually("the loss is seen", async || pool.run(&web(), Lane::Control, Script::new("true")).await.is_err()).await;
    eventually("it counts attempts", async || {
        drop(pool.run(&web(), Lane::Control, Script::new("true")).await);
        matches!(pool.link(&web()), LinkState::Failing { attempts: 2.., ref error, .. } if error.fault == LinkFault::Refused)
    })
    .await;
    sshd.restart().await;
    eventually("it is back", async || pool.run(&web(), Lane::Control, Script::new("true")).await.is_ok()).await;
    assert!(matches!(pool.link(&web()), LinkState::Connected { .. }));
}
