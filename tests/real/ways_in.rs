//! The ways into a host, as real OpenSSH servers see them: jump hosts, keys, agent, certificates, host keys, and each refusal by its name.
use std::{
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use quarterdeck::{
    core::{hosts::LinkFault, id::HostName},
    remote::{
        Chunk, Lane, LinkState, Question, Remote as _, RemoteError, Script,
        ssh::{Pool, PoolOptions},
    },
};

use crate::{
    ssh::{fault, host, next, options, pool, pool_of, text, web},
    support::{
        eventually,
        sshd::{Setup, Sshd, keygen, login},
        tasks,
    },
};

/// The question about a key that nobody knows, as it is put.
struct Shown {
    pattern: String,
    fingerprint: String,
    line: String,
}

async fn asked_about_key(pool: &Pool) -> Shown {
    let error = pool.run(&web(), Lane::Control, Script::new("true")).await.unwrap_err();
    let Some(Question::UnknownHostKey { pattern, line, fingerprint, .. }) = error.question else { panic!("{error:?}") };
    assert_eq!(error.fault, LinkFault::HostKey);
    assert!(error.what.contains(&fingerprint), "{}", error.what);
    Shown { pattern, fingerprint, line }
}

/// Asks OpenSSH's own tool for a file's entry of a name; none when it finds none.
fn find_in(known: &Path, name: &str) -> Option<String> {
    let output = Command::new("ssh-keygen").args(["-F", name, "-f"]).arg(known).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().find(|line| !line.starts_with('#')).map(str::to_owned)
}

/// Logs in by OpenSSH's own client, which may ask nothing.
fn ssh_is_let_in(sshd: &Sshd, known: &Path) -> bool {
    let mut ssh = Command::new("ssh");
    ssh.args(["-F", "/dev/null", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes", "-o"])
        .arg(format!("UserKnownHostsFile={}", known.display()))
        .args(["-o", "GlobalKnownHostsFile=/dev/null", "-p", &sshd.port.to_string(), "-i"])
        .arg(sshd.identity())
        .arg(format!("{}@127.0.0.1", login()))
        .arg("true")
        .stdin(Stdio::null())
        .stderr(Stdio::null());
    ssh.status().unwrap().success()
}

#[tokio::test]
async fn an_unknown_key_is_shown_and_remembered_where_openssh_finds_it() {
    let sshd = Sshd::start().await;
    let printed = Command::new("ssh-keygen").args(["-l", "-f"]).arg(sshd.path("host_ed25519.pub")).output().unwrap();
    let config = sshd.path("config");
    for hashed in ["no", "yes"] {
        let known = sshd.path(&format!("home-{hashed}/.ssh/known_hosts"));
        std::fs::write(&config, format!("HashKnownHosts {hashed}\n")).unwrap();
        let machine = host("web", "127.0.0.1", Some(sshd.port), Some(sshd.identity()));
        let options = PoolOptions { ssh_config: Some(config.clone()), ..options(vec![known.clone()]) };
        let pool = pool(vec![machine], options);
        let shown = asked_about_key(&pool).await;
        assert!(String::from_utf8_lossy(&printed.stdout).contains(&shown.fingerprint));
        assert!(matches!(pool.link(&web()), LinkState::Failing { attempts: 1, .. }));
        assert!(!known.exists() && !ssh_is_let_in(&sshd, &known));
        pool.accept_host_key(&shown.line).unwrap();
        assert_eq!(text(&pool, "echo in").await, "in\n");
        let found = find_in(&known, &shown.pattern).expect("ssh-keygen -F finds the line");
        assert!(found.contains(&sshd.host_key("ed25519")), "{found}");
        assert_eq!(std::fs::read_to_string(&known).unwrap(), format!("{}\n", shown.line));
        assert_eq!(shown.line.starts_with("|1|"), hashed == "yes", "{}", shown.line);
        assert!(ssh_is_let_in(&sshd, &known));
    }
}

#[tokio::test]
async fn a_key_trusted_once_is_written_nowhere_and_gone_with_the_pool() {
    let sshd = Sshd::start().await;
    let known = sshd.path("known");
    let made = || {
        let machine = host("web", "127.0.0.1", Some(sshd.port), Some(sshd.identity()));
        pool(vec![machine], options(vec![known.clone()]))
    };
    let pool = made();
    // An answer to another question lets nobody in.
    let shown = asked_about_key(&pool).await;
    pool.trust_host_key_once(&shown.line.replace("AAAA", "AAAB"));
    pool.forget(&web());
    let shown = asked_about_key(&pool).await;
    pool.trust_host_key_once(&shown.line);
    assert_eq!(text(&pool, "echo in").await, "in\n");
    pool.forget(&web());
    assert_eq!(text(&pool, "echo again").await, "again\n");
    assert!(!known.exists());
    asked_about_key(&made()).await;
}

#[tokio::test]
async fn a_key_that_is_refused_stays_unknown_and_nobody_asks_where_nobody_answers() {
    let sshd = Sshd::start().await;
    let (known, config) = (sshd.path("known"), sshd.path("config"));
    let ask = async |strict: &str, prompts: bool| {
        std::fs::write(&config, format!("StrictHostKeyChecking {strict}\n")).unwrap();
        let machine = host("web", "127.0.0.1", Some(sshd.port), Some(sshd.identity()));
        let options = PoolOptions { prompts, ssh_config: Some(config.clone()), ..options(vec![known.clone()]) };
        let pool = pool(vec![machine], options);
        let first = pool.run(&web(), Lane::Control, Script::new("true")).await;
        // Unanswered, or answered with no: the same error at once, and no second knock before the pause is over.
        let again = pool.run(&web(), Lane::Control, Script::new("true")).await;
        assert_eq!(first.as_ref().err(), again.as_ref().err());
        first
    };
    for (strict, prompts, question) in [("ask", true, true), ("ask", false, false), ("yes", true, false)] {
        let error = ask(strict, prompts).await.unwrap_err();
        assert_eq!((error.fault, error.question.is_some()), (LinkFault::HostKey, question), "{strict}: {error}");
        assert!(error.hint.is_some_and(|hint| hint.contains("known")) && !known.exists(), "{strict}");
    }
    assert!(ask("accept-new", false).await.is_ok());
    assert!(find_in(&known, &format!("[127.0.0.1]:{}", sshd.port)).is_some());
}

#[tokio::test]
async fn every_way_in_that_is_shut_has_its_name() {
    let sshd = Sshd::start().await;
    let other = sshd.path("other");
    keygen(&other, "ed25519", "");
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let rude = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let rude_port = rude.local_addr().unwrap().port();
    tasks().spawn("rude", async move { while rude.accept().await.is_ok() {} }).detach();
    let known = sshd.known_hosts(sshd.port);
    let mut options = options(vec![known]);
    options.connect_timeout = Duration::from_secs(2);
    let id = || Some(sshd.identity());
    let hosts = vec![
        host("dns", "no-such-host.invalid", Some(22), id()),
        host("refused", "127.0.0.1", Some(closed), id()),
        host("silent", "127.0.0.1", Some(silent.local_addr().unwrap().port()), id()),
        host("rude", "127.0.0.1", Some(rude_port), id()),
        host("auth", "127.0.0.1", Some(sshd.port), Some(other.clone())),
        host("nokey", "127.0.0.1", Some(sshd.port), Some(sshd.path("missing"))),
    ];
    let pool = pool(hosts, options);
    for (name, want, says) in [
        ("dns", LinkFault::Dns, "no-such-host.invalid"),
        ("refused", LinkFault::Refused, "refused"),
        ("silent", LinkFault::Timeout, "no SSH banner"),
        ("rude", LinkFault::Protocol, "without an SSH banner"),
        ("auth", LinkFault::Auth, "other"),
        ("nokey", LinkFault::Auth, "does not exist"),
    ] {
        let name = HostName::from(name);
        let error = pool.run(&name, Lane::Control, Script::new("true")).await.unwrap_err();
        println!("{error}\n  {:?}", error.hint);
        assert_eq!(error.fault, want, "{error}");
        assert!(error.what.contains(says), "{error}");
        assert!(error.hint.is_some(), "{error}");
        // Until the pause is over nothing is tried.
        assert_eq!(pool.run(&name, Lane::Control, Script::new("true")).await.unwrap_err(), error);
    }
    let unknown = pool.run(&"nobody".into(), Lane::Control, Script::new("true")).await.unwrap_err();
    assert!(unknown.what.contains("no such host"));
}

#[tokio::test]
async fn keys_of_every_kind_let_in() {
    let sshd = Sshd::with(Setup { host_keys: vec!["rsa", "ecdsa"], ..Setup::default() }).await;
    let mut hosts = Vec::new();
    for kind in ["ed25519", "rsa", "ecdsa"] {
        let file = sshd.path(&format!("user_{kind}"));
        keygen(&file, kind, "");
        sshd.authorize(&file.with_extension("pub"));
        hosts.push(host(kind, "127.0.0.1", Some(sshd.port), Some(file)));
    }
    let pool = pool(hosts, options(vec![sshd.known_hosts(sshd.port)]));
    for kind in ["ed25519", "rsa", "ecdsa"] {
        let output = pool.run(&kind.into(), Lane::Control, Script::new("echo in")).await;
        assert_eq!(output.unwrap().stdout, b"in\n", "{kind}");
    }
}

#[tokio::test]
async fn an_encrypted_key_is_asked_for_once_and_its_passphrase_stays_in_memory() {
    const SECRET: &str = "s3cret word";
    let sshd = Sshd::start().await;
    for kind in ["ed25519", "rsa", "ecdsa"] {
        let file = sshd.path(&format!("locked_{kind}"));
        keygen(&file, kind, SECRET);
        sshd.authorize(&file.with_extension("pub"));
        let machine = |name: &str| host(name, "127.0.0.1", Some(sshd.port), Some(file.clone()));
        let pool = pool(vec![machine("web"), machine("other")], options(vec![sshd.known_hosts(sshd.port)]));
        let ask = async |name: &str, lane| pool.run(&name.into(), lane, Script::new("echo in")).await;
        let asked = |error: &RemoteError| {
            let Some(Question::Passphrase { identity }) = &error.question else { panic!("{error:?}") };
            assert_eq!((error.fault, identity.as_str()), (LinkFault::Auth, file.to_str().unwrap()));
            identity.clone()
        };
        let error = ask("web", Lane::Control).await.unwrap_err();
        let identity = asked(&error);
        // Cancelled: nothing was answered. The error stands, and the server is not knocked at again.
        let failing = pool.link(&web());
        assert_eq!(ask("web", Lane::Control).await.unwrap_err(), error);
        assert_eq!(pool.link(&web()), failing);
        pool.unlock(&identity, "wrong".to_owned().into());
        let wrong = ask("web", Lane::Control).await.unwrap_err();
        assert!(wrong.what.contains("wrong passphrase"), "{wrong}");
        pool.unlock(&asked(&wrong), SECRET.to_owned().into());
        // Once for every lane, every host with this key, and every connection after this one.
        for (name, lane) in [("web", Lane::Control), ("web", Lane::Logs), ("other", Lane::Control)] {
            assert_eq!(ask(name, lane).await.unwrap().stdout, b"in\n", "{kind} {name}");
        }
        pool.forget(&web());
        assert_eq!(ask("web", Lane::Control).await.unwrap().stdout, b"in\n");
        assert!(!format!("{pool:?}{error:?}{wrong:?}{}", sshd.log()).contains(SECRET));
        let mut grep = Command::new("grep");
        grep.args(["-r", "-l", "-F", "-e", SECRET]).arg(sshd.dir.path());
        assert_eq!(grep.output().unwrap().stdout, b"", "the passphrase is on disk");
    }
}

#[tokio::test]
async fn several_hops_are_passed_and_the_one_that_fails_is_named() {
    let (outer, inner, target) = (Sshd::start().await, Sshd::start().await, Sshd::start().await);
    let mut known = Vec::new();
    let mut machine = |name: &str, sshd: &Sshd, jump: &[&str]| {
        known.push(sshd.known_hosts(sshd.port));
        let mut host = host(name, "127.0.0.1", Some(sshd.port), Some(sshd.identity()));
        host.jump = jump.iter().map(|name| HostName::from(*name)).collect();
        host
    };
    let hosts = vec![
        machine("outer", &outer, &[]),
        machine("inner", &inner, &["outer"]),
        machine("web", &target, &["inner"]),
        machine("listed", &target, &["outer", "inner"]),
    ];
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let mut unreachable = machine("unreachable", &target, &["inner"]);
    unreachable.port = Some(closed);
    let lockedout = machine("lockedout", &target, &["stranger"]);
    let mut stranger = machine("stranger", &inner, &["outer"]);
    stranger.identity = Some(outer.identity().display().to_string());
    let mut shut = machine("shut", &target, &["inner"]);
    shut.identity = stranger.identity.clone();
    // It is the target's own machine under a name that no known_hosts file has.
    let mut keyless = machine("keyless", &target, &["outer"]);
    keyless.address = "localhost".into();
    let mut nowhere = machine("nowhere", &outer, &[]);
    nowhere.address = "no-such-host.invalid".into();
    let unknown = machine("unknown", &inner, &["keyless"]);
    let nameless = machine("nameless", &target, &["nowhere", "outer", "inner"]);
    let hosts = [hosts, vec![unreachable, lockedout, stranger, shut, keyless, unknown, nowhere, nameless]].concat();
    let pool = pool(hosts, options(known));
    for name in ["web", "listed"] {
        let output = pool.run(&name.into(), Lane::Control, Script::new("echo through")).await.unwrap();
        assert_eq!(output.stdout, b"through\n", "{name}");
    }
    let begun = tokio::time::Instant::now();
    for _ in 0..20 {
        text(&pool, "true").await;
    }
    println!("20 commands through two hops: {:?}", begun.elapsed());
    for (name, at_fault, says) in [
        ("unreachable", "inner", "jump host inner (2 of 2): the jump host cannot reach"),
        ("lockedout", "stranger", "jump host stranger (2 of 2): auth: "),
        ("unknown", "keyless", "jump host keyless (2 of 2): host key: the host key is unknown"),
        ("nameless", "nowhere", "jump host nowhere (1 of 3): DNS: the name no-such-host.invalid"),
        ("shut", "shut", "is not let in: tried"),
    ] {
        let error = pool.run(&name.into(), Lane::Control, Script::new("true")).await.unwrap_err();
        println!("{error}");
        assert_eq!(error.host.as_str(), at_fault, "{error}");
        assert_eq!(error.fault, if name == "shut" { LinkFault::Auth } else { LinkFault::Jump }, "{error}");
        assert!(error.what.contains(says), "{error}");
        if name == "shut" {
            assert!(error.what.ends_with(", through outer, inner"), "{error}");
        }
    }
    // The outer hop dies: what goes through it is lost, not silent.
    let mut stream = pool.stream(&web(), Lane::Control, Script::new("echo go; sleep 6543.5")).await.unwrap();
    assert_eq!(next(&mut stream).await, Chunk::Stdout(b"go\n".to_vec()));
    let mut outer = outer;
    outer.stop().await;
    assert!(matches!(next(&mut stream).await, Chunk::Lost(_)));
    let error = pool.run(&web(), Lane::Control, Script::new("true")).await.unwrap_err();
    assert_eq!(fault(&error), (LinkFault::Jump, "outer"), "{error}");
}

#[tokio::test]
async fn the_ssh_configuration_is_followed_with_and_without_the_ssh_binary() {
    let (bastion, target) = (Sshd::start().await, Sshd::start().await);
    let known = target.path("known");
    let line = |sshd: &Sshd| format!("[127.0.0.1]:{} {}\n", sshd.port, sshd.host_key("ed25519"));
    std::fs::write(&known, line(&bastion) + &line(&target)).unwrap();
    let config = target.path("config");
    let user = login();
    let block = |name: &str, sshd: &Sshd| {
        let id = sshd.identity();
        format!(
            "Host {name}\n  HostName 127.0.0.1\n  Port {}\n  User {user}\n  IdentityFile {}\n",
            sshd.port,
            id.display()
        )
    };
    let text = format!("{}{}  ProxyJump bastion\n", block("bastion", &bastion), block("alias", &target));
    std::fs::write(&config, &text).unwrap();
    let through = async |ssh: Option<&str>, known_hosts| {
        let mut machine = host("web", "alias", None, None);
        machine.user = None;
        let ssh = ssh.map(PathBuf::from);
        let pool = pool(vec![machine], PoolOptions { ssh, ssh_config: Some(config.clone()), ..options(known_hosts) });
        pool.run(&web(), Lane::Control, Script::new("echo $SSH_CONNECTION")).await
    };
    for ssh in [Some("ssh"), None, Some("/nonexistent/ssh")] {
        let output = through(ssh, vec![known.clone()]).await.unwrap();
        assert!(String::from_utf8_lossy(&output.stdout).contains(&format!(" {}", target.port)), "{ssh:?}");
    }
    std::fs::write(&config, format!("{text}Match host nothing\n  User nobody\n")).unwrap();
    assert!(through(Some("ssh"), vec![known.clone()]).await.is_ok());
    let error = through(None, vec![known.clone()]).await.unwrap_err();
    assert!(error.what.contains("`Match`"), "{error}");
    std::fs::write(&config, "Frobnicate yes\n").unwrap();
    let error = through(Some("ssh"), vec![known]).await.unwrap_err();
    assert!(error.what.contains("does not accept its configuration"), "{error}");
}

/// An agent of its own, which ends with the test.
struct Agent {
    socket: PathBuf,
    _process: tokio::process::Child,
}

impl Agent {
    async fn start(folder: &std::path::Path, keys: &[PathBuf]) -> Self {
        let socket = folder.join("agent");
        let process = tokio::process::Command::new("ssh-agent")
            .arg("-D")
            .arg("-a")
            .arg(&socket)
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        eventually("the agent listens", async || socket.exists()).await;
        for key in keys {
            let mut add = Command::new("ssh-add");
            add.arg("-q").arg(key).env("SSH_AUTH_SOCK", &socket).stderr(Stdio::null());
            assert!(add.status().unwrap().success());
        }
        Self { socket, _process: process }
    }
}

#[tokio::test]
async fn an_agent_is_asked_and_too_many_keys_are_told() {
    let sshd = Sshd::start().await;
    let mut keys = Vec::new();
    for number in 0..7 {
        keys.push(sshd.path(&format!("wrong{number}")));
        keygen(&keys[number], "ed25519", "");
    }
    let good = sshd.path("good");
    keygen(&good, "rsa", "");
    sshd.authorize(&good.with_extension("pub"));
    keys.push(good.clone());
    let agent = Agent::start(sshd.dir.path(), &keys).await;
    let config = sshd.path("config");
    let ask = async |config_text: String, identity: Option<PathBuf>| {
        std::fs::write(&config, config_text).unwrap();
        let machine = host("web", "127.0.0.1", Some(sshd.port), identity);
        let options = PoolOptions {
            agent: Some(agent.socket.clone()),
            ssh_config: Some(config.clone()),
            ..options(vec![sshd.known_hosts(sshd.port)])
        };
        pool(vec![machine], options).run(&web(), Lane::Control, Script::new("echo in")).await
    };
    let error = ask("IdentityFile none\n".into(), None).await.unwrap_err();
    println!("{error}\n  {:?}", error.hint);
    assert_eq!(error.fault, LinkFault::Auth);
    assert!(error.what.contains("agent key") && error.hint.is_some_and(|hint| hint.contains("too many keys")));
    // The file that is named is in the agent: it goes first.
    let named = format!("IdentityFile {}\n", good.display());
    assert_eq!(ask(named.clone(), None).await.unwrap().stdout, b"in\n");
    std::fs::remove_file(&good).unwrap();
    assert_eq!(ask(format!("{named}IdentitiesOnly yes\n"), None).await.unwrap().stdout, b"in\n");
    assert_eq!(ask(String::new(), Some(good.clone())).await.unwrap().stdout, b"in\n");
    let other = format!("IdentityFile {}\nIdentitiesOnly yes\n", sshd.path("wrong0").display());
    let error = ask(other, None).await.unwrap_err();
    assert_eq!(error.what.matches("agent key").count(), 1, "{error}");
}

#[tokio::test]
async fn a_certificate_beside_a_key_lets_in() {
    let authority = tempfile::tempdir().unwrap();
    let ca = authority.path().join("ca");
    keygen(&ca, "ed25519", "");
    let lines = vec![format!("TrustedUserCAKeys {}.pub", ca.display())];
    let sshd = Sshd::with(Setup { lines, ..Setup::default() }).await;
    let mut hosts = Vec::new();
    for kind in ["ed25519", "rsa", "ecdsa"] {
        let key = sshd.path(&format!("user_{kind}"));
        keygen(&key, kind, "");
        let mut sign = Command::new("ssh-keygen");
        sign.args(["-q", "-I", "me", "-n", &login(), "-s"]).arg(&ca).arg(key.with_extension("pub"));
        assert!(sign.status().unwrap().success());
        hosts.push(host(kind, "127.0.0.1", Some(sshd.port), Some(key)));
    }
    let pool = pool(hosts, options(vec![sshd.known_hosts(sshd.port)]));
    for kind in ["ed25519", "rsa", "ecdsa"] {
        let output = pool.run(&kind.into(), Lane::Control, Script::new("echo in")).await;
        assert_eq!(output.map(|output| output.stdout), Ok(b"in\n".to_vec()), "{kind}");
    }
}

#[tokio::test]
async fn a_key_that_others_can_read_is_not_used() {
    let sshd = Sshd::start().await;
    std::fs::set_permissions(sshd.identity(), std::fs::Permissions::from_mode(0o644)).unwrap();
    let error = pool_of(&sshd).run(&web(), Lane::Control, Script::new("true")).await.unwrap_err();
    assert!(error.fault == LinkFault::Auth && error.what.contains("chmod 600"), "{error}");
}
