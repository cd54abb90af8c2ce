//! Brief commands, which share a shell that is kept: they are to mean the same as commands with a channel of their own.
use std::{sync::Arc, time::Duration};

use quarterdeck::{
    core::hosts::LinkFault,
    remote::{Chunk, Exit, Lane, Output, Remote as _, Script, ssh::Pool},
};

use crate::{
    ssh::{fault, next, pool_of, pool_through, web},
    support::{
        eventually,
        relay::Relay,
        sshd::{self, Setup, Sshd},
        tasks,
    },
};

async fn run(pool: &Pool, script: Script) -> Output {
    pool.run(&web(), Lane::Control, script).await.unwrap()
}

async fn brief(pool: &Pool, text: &str) -> String {
    let output = run(pool, Script::brief(text)).await;
    assert_eq!((&output.exit, output.stderr.as_slice()), (&Exit::Code(0), &b""[..]), "{text}");
    String::from_utf8(output.stdout).unwrap()
}

/// Returns the process that a brief command runs in: as long as the shell is kept, it is the same.
async fn shell(pool: &Pool) -> u32 {
    brief(pool, "echo $$").await.trim().parse().unwrap()
}

fn is_alive(pid: u32) -> bool {
    sshd::processes().iter().any(|process| process.pid == pid)
}

#[tokio::test]
async fn a_command_means_the_same_with_a_channel_of_its_own_and_without() {
    let sshd = Sshd::start().await;
    let pool = pool_of(&sshd);
    let first = shell(&pool).await;
    for text in [
        "true",
        "printf 'no line end'",
        "echo out; echo err >&2; exit 7",
        "cat; echo \"$LC_ALL\"; x=1; cd /; exit 255",
        "printf '%s|' \"it's\" 'a  b' '$x' \\\\ '!!' '*'; echo; pwd; echo \"$x\"",
        "nosuchcommand",
        "sh -c 'kill -9 $$'",
        "if true; then",
        "echo '",
        "exec sh -c 'echo in another; exit 4'",
        "set -e; false; echo never",
        "trap 'echo at its end' EXIT; exit 3",
        "exec >&2; echo all of it; exit 2",
        "head -c 300000 /dev/zero | tr '\\0' a; head -c 100000 /dev/zero | tr '\\0' b >&2",
        "printf '\\377\\000\\n\\n'",
        &format!("# {}\necho long", "x".repeat(30_000)),
    ] {
        let (own, kept) = (run(&pool, Script::new(text)).await, run(&pool, Script::brief(text)).await);
        assert_eq!((&own.exit, &own.stdout), (&kept.exit, &kept.stdout), "{text}");
        // What a shell says of a mistake begins with its name, and where it is.
        let said = |output: &Output| {
            let text = String::from_utf8_lossy(&output.stderr).into_owned();
            text.split_once(": ").map_or(text.clone(), |(_, rest)| rest.replace("eval: ", ""))
        };
        assert_eq!(said(&own), said(&kept), "{text}");
    }
    let mut script = Script::brief("sometool=1; echo $PATH; head -c 100000 /dev/zero");
    script.max_output = 1_000;
    script.path_prefix = vec!["/opt/it's mine/bin".into(), "/opt/b".into()];
    let output = run(&pool, script).await;
    assert!(output.stdout.starts_with(b"/opt/it's mine/bin:/opt/b:"), "{output:?}");
    assert_eq!(output.stdout.len(), 1_000);
    assert!(output.dropped_bytes > 99_000);
    assert_eq!(shell(&pool).await, first, "one shell ran all of it");
}

#[tokio::test]
async fn what_takes_too_long_or_is_given_up_is_ended_and_the_next_gets_a_new_shell() {
    let sshd = Sshd::start().await;
    let pool = pool_of(&sshd);
    let first = shell(&pool).await;
    let nap = format!("sleep 4{}.5", sshd.port);
    let mut script = Script::brief(format!("echo begun; {nap} | cat"));
    script.timeout = Duration::from_millis(300);
    assert_eq!(pool.run(&web(), Lane::Control, script).await.unwrap_err().fault, LinkFault::Timeout);
    eventually("what took too long is gone", async || !sshd::runs(&nap) && !is_alive(first)).await;
    let second = shell(&pool).await;
    assert_ne!(first, second);

    let given_up = pool.clone();
    let text = format!("trap '' TERM; {nap}; echo never");
    let waiting = tasks().spawn("given up", async move { run(&given_up, Script::brief(text)).await });
    eventually("it runs", async || sshd::runs(&nap)).await;
    // Meanwhile others pass, each with a channel of its own.
    let other = run(&pool, Script::brief("echo $$")).await;
    assert_ne!(String::from_utf8_lossy(&other.stdout).trim(), second.to_string());
    drop(waiting);
    eventually("what was given up is gone", async || !sshd::runs(&nap) && !is_alive(second)).await;
    assert_ne!(shell(&pool).await, second);
}

#[tokio::test]
async fn a_shell_that_dies_or_is_written_into_is_replaced() {
    let sshd = Sshd::start().await;
    let pool = pool_of(&sshd);
    let first = shell(&pool).await;
    sshd::signal(first, "KILL");
    eventually("it is gone", async || !is_alive(first)).await;
    let second = shell(&pool).await;
    assert_ne!(first, second);
    // While it runs something.
    let dies = run(&pool, Script::brief("echo said; kill -9 $$; sleep 30")).await;
    assert_eq!((dies.exit, dies.stdout.as_slice()), (Exit::Signal("KILL".into()), &b"said\n"[..]));
    let third = shell(&pool).await;
    // Against the rule, but nothing of it may be taken for the next one's.
    let gate = sshd.path("gate");
    let text = format!("(while [ ! -e '{}' ]; do sleep 0.01; done; echo stray) & echo said", gate.display());
    assert_eq!(brief(&pool, &text).await, "said\n");
    std::fs::write(&gate, "").unwrap();
    eventually("it is not used any more", async || !is_alive(third)).await;
    assert_ne!(shell(&pool).await, third);
}

#[tokio::test]
async fn nothing_that_a_command_can_see_holds_a_mark() {
    let sshd = Sshd::start().await;
    let pool = pool_of(&sshd);
    shell(&pool).await;
    // From the command up to the server; what a server's own environment holds is that of whoever runs the test.
    let text = format!(
        "p=$$; while [ \"$p\" -ne {} ]; do cat /proc/$p/cmdline /proc/$p/environ; echo; \
         while read -r k v; do [ \"$k\" = PPid: ] && n=$v; done </proc/$p/status; p=$n; done 2>/dev/null; set",
        sshd.pid()
    );
    let seen = String::from_utf8_lossy(&run(&pool, Script::brief(text)).await.stdout).into_owned();
    assert!(seen.contains("sshd"), "{seen}");
    let own: Vec<String> = std::env::vars().map(|(_, value)| value).collect();
    let words = seen.split(|c: char| !c.is_ascii_hexdigit() || c.is_ascii_uppercase());
    let longest = words.filter(|word| !own.iter().any(|value| value.contains(word))).map(str::len).max();
    assert!(longest < Some(32), "{seen}");
}

#[tokio::test]
async fn a_host_without_room_for_a_shell_is_served_all_the_same() {
    let narrow = Sshd::with(Setup { lines: vec!["MaxSessions 1".into()], ..Setup::default() }).await;
    let pool = pool_of(&narrow);
    for _ in 0..3 {
        assert_eq!(brief(&pool, "echo a").await, "a\n");
        let mut stream = pool.stream(&web(), Lane::Control, Script::new("echo go")).await.unwrap();
        assert_eq!(next(&mut stream).await, Chunk::Stdout(b"go\n".to_vec()));
        assert_eq!(next(&mut stream).await, Chunk::Ended(Exit::Code(0)));
    }
}

#[tokio::test]
async fn a_lost_link_leaves_a_brief_command_unknown() {
    let sshd = Sshd::start().await;
    let relay = Relay::start(sshd.address()).await;
    let pool = pool_through(&sshd, &relay);
    let first = shell(&pool).await;
    let nap = format!("sleep 5{}.5", sshd.port);
    let (under_way, text) = (pool.clone(), nap.clone());
    let waiting = tasks().spawn("lost", async move { under_way.run(&web(), Lane::Control, Script::brief(text)).await });
    eventually("it runs", async || sshd::runs(&nap)).await;
    relay.cut();
    let lost = waiting.join().await.unwrap().unwrap_err();
    assert_eq!(fault(&lost), (LinkFault::Lost, "web"));
    eventually("nothing is left", async || !sshd::runs(&nap) && !is_alive(first)).await;
    assert_eq!(brief(&pool, "echo back").await, "back\n");
}

#[tokio::test]
async fn a_stream_takes_the_shell_and_ends_with_it() {
    let sshd = Sshd::start().await;
    let pool = Arc::new(pool_of(&sshd));
    let first = shell(&pool).await;
    let mut stream = pool.stream(&web(), Lane::Control, Script::brief("echo $$; echo b >&2; exit 3")).await.unwrap();
    let mut seen = Vec::new();
    while !matches!(seen.last(), Some(Chunk::Ended(_) | Chunk::Lost(_))) {
        seen.push(next(&mut stream).await);
    }
    assert!(seen.contains(&Chunk::Stdout(format!("{first}\n").into_bytes())), "{seen:?}");
    assert!(seen.contains(&Chunk::Stderr(b"b\n".to_vec())), "{seen:?}");
    assert_eq!(seen.last(), Some(&Chunk::Ended(Exit::Code(3))));
    let second = shell(&pool).await;
    assert_ne!(first, second);
    let nap = format!("sleep 6{}.5", sshd.port);
    let mut stream = pool.stream(&web(), Lane::Control, Script::brief(format!("echo go; {nap} | cat"))).await.unwrap();
    assert_eq!(next(&mut stream).await, Chunk::Stdout(b"go\n".to_vec()));
    let third = shell(&pool).await;
    assert_ne!(second, third, "a run does not wait for it");
    drop(stream);
    eventually("the remote process is gone", async || !sshd::runs(&nap) && !is_alive(second)).await;
    assert_eq!(shell(&pool).await, third);
}
