//! Hosts are not all alike: other login shells, another `sh`, another toolbox, logins and servers without rights.
use std::{path::PathBuf, process::Command, time::Duration};

use quarterdeck::{
    core::{hosts::LinkFault, id::Uid},
    remote::{Chunk, Exit, Lane, Remote as _, Script, detached, ssh::Pool},
};

use crate::{
    detached::{Told, lock, start, step},
    hosts::There,
    ssh::{host, next, options, pool, web},
    support::{
        eventually,
        sshd::{self, Setup, Sshd, login},
    },
};

fn which(command: &str) -> Option<PathBuf> {
    let output = Command::new("sh").args(["-c", "command -v -- \"$0\"", command]).output().unwrap();
    Some(PathBuf::from(String::from_utf8(output.stdout).unwrap().trim())).filter(|path| path.is_absolute())
}

/// Says that something cannot be shown here; where everything has to be there, it fails.
fn lacks(what: &str) {
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{what}");
    println!("NOT SHOWN: {what}");
}

fn pool_of(sshd: &Sshd) -> Pool {
    let mut web = host("web", "127.0.0.1", Some(sshd.port), Some(sshd.identity()));
    web.user = Some(sshd.user.clone());
    pool(vec![web], options(vec![sshd.known_hosts(sshd.port)]))
}

/// Everything that is asked of a host's shell: words, exits, prefixes, long scripts, time-outs, streams, and detached runs.
async fn serves(name: &str, sshd: &Sshd) {
    let pool = pool_of(sshd);
    answers(name, sshd, &pool, Script::new).await;
    answers(name, sshd, &pool, Script::brief).await;
    let shell = async || pool.run(&web(), Lane::Control, Script::brief("echo $$")).await.unwrap().stdout;
    assert_eq!(shell().await, shell().await, "{name}: the shell is kept");

    There::through(sshd, |_| {}).is_this_machine().await;
    outlives(name, sshd, &pool).await;
}

/// What is asked of a command, with a channel of its own or in the shell that is kept.
async fn answers(name: &str, sshd: &Sshd, pool: &Pool, script: fn(String) -> Script) {
    // Known by its port among the processes of other tests.
    let nap = format!("sleep 9{}", sshd.port);
    let run = async |script: Script| pool.run(&web(), Lane::Control, script).await.unwrap();
    let said = async |text: &str| {
        let output = run(script(text.to_owned())).await;
        assert_eq!(output.exit, Exit::Code(0), "{name}: {text}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(
        said("printf '%s|' 'a  b' \"c $((1 + 1))\" '$x' '!!' '\\\\' '{d,e}' '~' '*'").await,
        "a  b|c 2|$x|!!|\\\\|{d,e}|~|*|"
    );
    assert_eq!(said("for i in 1 2; do echo $i; done | tr 12 ab; cat; echo $LC_ALL").await, "a\nb\nC\n", "{name}");
    assert_eq!(said(&format!("# {}\nprintf %s \"it's long\"", "x".repeat(20_000))).await, "it's long", "{name}");
    let output = run(script("echo out; echo err >&2; exit 7".to_owned())).await;
    assert_eq!(
        (output.exit, &*output.stdout, &*output.stderr),
        (Exit::Code(7), &b"out\n"[..], &b"err\n"[..]),
        "{name}"
    );
    let mut prefixed = script("echo $PATH".to_owned());
    prefixed.path_prefix = vec!["/opt/it's mine/bin".into(), "/opt/b".into()];
    let path = String::from_utf8(run(prefixed).await.stdout).unwrap();
    assert!(path.starts_with("/opt/it's mine/bin:/opt/b:"), "{name}: {path}");
    let mut slow = script(format!("{nap}.25 | cat"));
    slow.timeout = Duration::from_millis(300);
    assert_eq!(pool.run(&web(), Lane::Control, slow).await.unwrap_err().fault, LinkFault::Timeout, "{name}");
    eventually("what took too long is gone", async || !sshd::runs(&nap)).await;
    let mut stream = pool.stream(&web(), Lane::Logs, script(format!("echo go; {nap}.5"))).await.unwrap();
    assert_eq!(next(&mut stream).await, Chunk::Stdout(b"go\n".to_vec()), "{name}");
    drop(stream);
    eventually("the stream's process is gone", async || !sshd::runs(&nap)).await;
}

/// What is asked of runs that go on without us.
async fn outlives(name: &str, sshd: &Sshd, pool: &Pool) {
    let nap = format!("sleep 9{}", sshd.port);
    let (good, cut, slow) = (Uid([1; 6]), Uid([2; 6]), Uid([3; 6]));
    let lock = lock(sshd);
    start(pool, good, &[step("one", "echo \"it's\" 'a  b'"), step("two", "exit 3")], &lock).await;
    let told = Told::all(pool, good).await;
    assert_eq!(told.events, ["start 0", "end 0 Exit(0)", "start 1", "end 1 Exit(3)", "Failed"], "{name}");
    assert_eq!(told.output[0], b"it's a  b\n", "{name}");
    start(pool, cut, &[step("much", "head -c 20000000 /dev/zero; echo end")], &lock).await;
    let told = Told::all(pool, cut).await;
    assert_eq!(told.events, ["start 0", "end 0 Exit(0)", "Succeeded"], "{name}");
    let end = String::from_utf8_lossy(&told.output[0][detached::FIRST..]).into_owned();
    assert!(end.contains(" bytes were not kept]\n") && end.ends_with("\0end\n"), "{name}");
    let mut long = step("long", format!("echo begun; {nap}.75 | cat"));
    long.timeout_ms = 900;
    start(pool, slow, &[long], &lock).await;
    let told = Told::all(pool, slow).await;
    assert_eq!(told.events, ["start 0", "end 0 TimedOut", "Failed"], "{name}");
    eventually("all of the step is gone", async || !sshd::runs(&nap)).await;
    let runs = sshd.home().join(".quarterdeck/runs");
    for uid in [good, cut, slow] {
        let plan = runs.join(uid.to_string()).display().to_string();
        eventually("nothing of the runs is left", async || !sshd::runs(&plan)).await;
    }
}

#[tokio::test]
async fn every_posix_shell_and_toolbox_serves() {
    for name in ["dash", "bash", "busybox"] {
        let Some(sh) = which(name) else {
            lacks(&format!("{name} is not installed"));
            continue;
        };
        serves(name, &Sshd::with(Setup { sh: Some(sh), ..Setup::default() }).await).await;
    }
}

#[tokio::test]
async fn login_shells_that_are_not_posix_serve() {
    if login() != "root" {
        return lacks("only root can log in with another shell");
    }
    for name in ["tcsh", "fish", "bash"] {
        let Some(shell) = which(name) else {
            lacks(&format!("{name} is not installed"));
            continue;
        };
        let sshd = Sshd::with(Setup { shell: Some(shell.clone()), ..Setup::default() }).await;
        // It is the shell that was meant, to which sshd hands our command line.
        let means = pool_of(&sshd).run(&web(), Lane::Control, Script::new("echo $SHELL")).await.unwrap();
        assert_eq!(String::from_utf8(means.stdout).unwrap().trim(), shell.display().to_string());
        serves(name, &sshd).await;
    }
}

#[tokio::test]
async fn a_login_and_a_server_without_rights_serve() {
    if login() != "root" {
        return lacks("only root can make a user without rights");
    }
    serves("unprivileged", &Sshd::with(Setup { unprivileged: true, ..Setup::default() }).await).await;
}
