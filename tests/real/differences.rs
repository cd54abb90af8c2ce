//! What a change changed, told by a host through OpenSSH: commits between two releases by a real git, whatever its repository says; lines
//! of a file by the copy that is found in the repository of `/etc`, beside it, in backups, in another release.
use std::{path::Path, process::Command, sync::Arc};

use quarterdeck::{
    core::{
        incidents::suspects::difference::{Ask, Between, Difference},
        inventory::{Inventory, Service},
        logs::redact::Redactor,
        time::HOUR,
    },
    runtime::differences,
};

use crate::{
    changes::{server, set_age, way, write},
    support::{clock, sshd::Sshd},
};

/// Runs git as Ana; returns what it printed.
fn git(folder: &Path, arguments: &[&str]) -> String {
    let who = [("NAME", "Ana"), ("EMAIL", "ana@acme.example")];
    let who = who.iter().flat_map(|(key, value)| ["AUTHOR", "COMMITTER"].map(|of| (format!("GIT_{of}_{key}"), *value)));
    let output = Command::new("git")
        .args(["-c", "commit.gpgsign=false", "-c", "init.defaultBranch=main", "-C"])
        .arg(folder)
        .args(arguments)
        .envs(who)
        .output()
        .unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// A repository with two commits after the first; returns the first and the last.
fn history(folder: &Path) -> (String, String) {
    write(&folder.join("server.js"), "one\n");
    git(folder, &["init", "-q"]);
    for (text, message) in [
        ("one\n", "Begin"),
        ("two\ntwo\n", "Cache \u{1b}[31mthe page\n\nand a body"),
        ("three\n", "Sign in with password=hunter2hunter2"),
    ] {
        write(&folder.join("server.js"), text);
        write(&folder.join(format!("{}.txt", text.len())), text);
        git(folder, &["add", "."]);
        git(folder, &["commit", "-q", "--allow-empty", "-m", message]);
    }
    (git(folder, &["rev-parse", "HEAD~2"]), git(folder, &["rev-parse", "HEAD"]))
}

pub(crate) async fn ask(sshd: &Sshd, service: Option<&str>, between: Between) -> Result<Difference, String> {
    let (remote, inventory, web) = way(sshd);
    let inventory = Inventory { hosts: vec![Arc::new(web)], ..inventory };
    let ask = Ask {
        key: "deploy".into(),
        at: clock().now().utc,
        service: service.map(|name| name.parse().unwrap()),
        hosts: vec!["web".into()],
        between,
    };
    let redact = Redactor::new(&quarterdeck::config::redact::built_in()).unwrap();
    differences::look(remote.as_ref(), &inventory, &ask, &redact).await
}

async fn releases(sshd: &Sshd, before: Option<&str>, after: Option<&str>) -> Result<Difference, String> {
    ask(sshd, Some("play@prod"), Between::versions(before, after)).await
}

pub(crate) fn text(of: &Difference) -> String {
    of.lines.iter().map(|(_, line)| format!("{line}\n")).collect()
}

#[tokio::test]
async fn the_commits_between_two_releases_are_told_by_git_on_the_host() {
    let sshd = server().await;
    let play = sshd.path("srv/it's play");
    let desk = sshd.path("desk");
    let (first, last) = history(&desk);
    for (release, commit) in [("20261119", &first), ("20261120", &last)] {
        write(&play.join("releases").join(release).join("REVISION"), &format!("{commit}\n"));
    }
    set_age(&play.join("releases/20261119"), std::time::Duration::from_millis(HOUR.unsigned_abs()));
    std::os::unix::fs::symlink("releases/20261120", play.join("current")).unwrap();
    // Nothing is there to tell it: that is said, with what would help.
    let why = releases(&sshd, None, Some("20261120")).await.unwrap_err();
    assert!(why.contains("no repository of git lies there") && why.contains("a `pipeline` with `repo ="), "{why}");

    git(&desk, &["clone", "-q", "--bare", ".", &play.join("repo").display().to_string()]);
    let found = releases(&sshd, None, Some("20261120")).await.unwrap();
    let told = text(&found);
    assert!(found.from.starts_with("git in ") && found.from.ends_with("/repo on web"), "{}", found.from);
    assert!(told.starts_with("from 20261119 to 20261120\n20261119 is taken for the one before"), "{told}");
    assert!(told.contains("2 commits came\n+ ") && told.contains("  Ana  Cache "), "{told}");
    assert!(told.contains("3 files changed, +4 -1 lines") && told.contains("server.js"), "{told}");
    assert!(!told.contains("hunter2") && !told.contains('\u{1b}') && !told.contains("body"), "{told}");
    // A way back says what is not there any more.
    let back = text(&releases(&sshd, Some("20261120"), Some("20261119")).await.unwrap());
    assert!(
        back.contains("2 commits were taken back") && back.contains("\n- ") && !back.contains("taken for"),
        "{back}"
    );
    let same = text(&releases(&sshd, Some(&last), Some("20261120")).await.unwrap());
    assert!(same.contains("no commit lies between them"), "{same}");
    // A release that is called by its folder, and was laid by the console, is known by the tag of its version.
    git(&play.join("repo"), &["tag", "v1.0", &first]);
    git(&play.join("repo"), &["tag", "v1.1", &last]);
    for (release, version) in [("20261121-1.0", "1.0"), ("20261122-1.1", "1.1")] {
        write(&play.join("releases").join(release).join(".qd-release"), &format!("version={version}\nsha256=x\n"));
    }
    let tagged = text(&releases(&sshd, Some("20261121-1.0"), Some("1.1")).await.unwrap());
    assert!(tagged.starts_with("from 1.0 to 1.1\n2 commits came"), "{tagged}");
    let unknown = releases(&sshd, Some("v0"), Some("20261120")).await.unwrap_err();
    assert!(unknown.contains("it knows no commit of v0"), "{unknown}");
    let gone = ask(&sshd, Some("gone@prod"), Between::versions(None, None)).await.unwrap_err();
    assert!(gone.contains("srv/gone: not there"), "{gone}");
}

/// Whoever may write into a repository must not have commands run by whoever looks into it.
#[tokio::test]
async fn a_work_tree_tells_it_too_and_has_nothing_run() {
    let sshd = server().await;
    let play = sshd.path("srv/it's play");
    std::fs::create_dir_all(&play).unwrap();
    let (first, last) = history(&play);
    let trap = sshd.path("trap.sh");
    write(&trap, &format!("#!/bin/sh\ntouch {}\ncat \"$1\" 2>/dev/null\n", sshd.path("sprung").display()));
    Command::new("chmod").arg("755").arg(&trap).status().unwrap();
    let trap = trap.display().to_string();
    for key in [
        "core.fsmonitor",
        "core.pager",
        "pager.log",
        "diff.external",
        "diff.x.command",
        "diff.x.textconv",
        "gpg.program",
        "core.sshCommand",
        "core.gitProxy",
        "filter.x.clean",
        "filter.x.smudge",
        "core.editor",
        "alias.log",
        "alias.rev-parse",
    ] {
        git(&play, &["config", key, &trap]);
    }
    git(&play, &["config", "log.showSignature", "true"]);
    git(&play, &["config", "protocol.ext.allow", "always"]);
    git(&play, &["config", "remote.origin.url", &format!("ext::{trap}")]);
    git(&play, &["config", "remote.origin.promisor", "true"]);
    write(&play.join(".git/info/attributes"), "* diff=x filter=x\n");
    let hook = play.join(".git/hooks/reference-transaction");
    std::fs::copy(&trap, &hook).unwrap();
    // An object that is missing would be fetched from the remote.
    let blob = git(&play, &["rev-parse", &format!("{first}:server.js")]);
    let (head, tail) = blob.split_at(2);
    std::fs::remove_file(play.join(".git/objects").join(head).join(tail)).unwrap();
    _ = std::fs::remove_file(sshd.path("sprung"));

    let found = text(&releases(&sshd, Some(&first), Some(&last)).await.unwrap());
    assert!(found.contains("2 commits came"), "{found}");
    assert!(!sshd.path("sprung").exists(), "something was run");
    // Names that are none reach nobody's shell.
    for hostile in ["$(touch sprung)", "--output=sprung", "'; touch sprung; '", "x '$(touch sprung)' @AFTER@"] {
        let why = releases(&sshd, Some(hostile), Some(&last)).await.unwrap_err();
        assert!(why.contains("it knows no commit of"), "{why}");
    }
    let known = Service::new("play@prod".parse().unwrap());
    assert!(known.pipeline.is_none() && !sshd.path("sprung").exists());
}

fn sha(text: &str) -> String {
    use sha2::Digest as _;

    sha2::Sha256::digest(text).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

async fn file(sshd: &Sshd, path: &str, before: Option<&str>, after: Option<&str>) -> Result<Difference, String> {
    let of = |text: Option<&str>| text.map(sha);
    ask(sshd, None, Between::File { path: path.into(), before: of(before), after: of(after) }).await
}

const OLD: &str = "worker_connections 512;\nkeepalive_timeout 65;\nset $TOKEN hunter2hunter2;\n";
const NEW: &str = "worker_connections 64;\nkeepalive_timeout 65;\nset $TOKEN hunter3hunter3;\n";

/// As etckeeper keeps it: all of `/etc` in a repository.
#[tokio::test]
async fn what_stood_in_a_file_is_found_in_the_repository_of_etc_and_proved_by_its_hash() {
    let sshd = server().await;
    let etc = sshd.path("root/etc");
    let conf = etc.join("nginx/nginx.conf");
    let path = "/etc/nginx/nginx.conf";
    for text in ["worker_connections 256;\n", OLD] {
        write(&conf, text);
        git(sshd.path("root").as_path(), &["init", "-q", "etc"]);
        git(&etc, &["add", "."]);
        git(&etc, &["commit", "-q", "-m", "daily autocommit"]);
    }
    write(&conf, NEW);
    // A copy that somebody made later, of something else.
    write(&etc.join("nginx/nginx.conf.bak"), "worker_connections 1;\n");
    let found = file(&sshd, path, Some(OLD), Some(NEW)).await.unwrap();
    let told = text(&found);
    assert!(found.from.starts_with("git in /etc, ") && found.from.ends_with(" by Ana on web"), "{}", found.from);
    assert!(told.starts_with("it is what stood there: its SHA-256 is the one that was kept"), "{told}");
    assert!(told.contains("- worker_connections 512;\n+ worker_connections 64;\n"), "{told}");
    assert!(told.contains("- set $TOKEN [hidden: the value before]\n+ set $TOKEN [hidden: another value]"), "{told}");
    assert!(told.contains("  keepalive_timeout 65;") && !told.contains("hunter"), "{told}");
    // Another was kept than any that is there: the newest from before is shown, and said not to be the one.
    let found = file(&sshd, path, Some("gone for good"), Some("written over")).await.unwrap();
    let told = text(&found);
    assert!(told.contains("not the last one: no copy has the SHA-256") && told.contains("once more since"), "{told}");
    // What is removed is held against nothing.
    std::fs::remove_file(&conf).unwrap();
    let told = text(&file(&sshd, path, Some(OLD), None).await.unwrap());
    assert!(
        told.contains("not there any more") && told.contains("- keepalive_timeout 65;") && !told.contains("\n+ "),
        "{told}"
    );
}

#[tokio::test]
async fn what_stood_in_a_file_is_found_beside_it_in_backups_and_in_another_release() {
    let sshd = server().await;
    let root = sshd.path("root");
    let old = std::time::Duration::from_hours(30);
    let redis = root.join("etc/redis/redis [1].conf");
    write(&redis, "port 6379\nrequirepass hunter3\n");
    let path = "/etc/redis/redis [1].conf";
    let none = file(&sshd, path, Some("x"), Some("y")).await.unwrap_err();
    assert!(none.contains("no older copy of /etc/redis") && none.contains("only its hashes are kept"), "{none}");
    write(&root.join("etc/redis/redis [1].conf~"), "port 6378\nrequirepass hunter2\n");
    set_age(&root.join("etc/redis/redis [1].conf~"), old);
    let found = file(&sshd, path, None, None).await.unwrap();
    assert_eq!(found.from, "/etc/redis/redis [1].conf~ on web");
    let told = text(&found);
    assert!(told.starts_with("of 1d before the change, not surely the last one"), "{told}");
    assert!(told.contains("- port 6378") && told.contains("+ requirepass [hidden: another value]"), "{told}");
    assert!(!told.contains("hunter"), "{told}");

    write(&root.join("etc/hosts"), "127.0.0.1 a\n");
    write(&root.join("var/backups/etc/hosts"), "127.0.0.1 b\n");
    set_age(&root.join("var/backups/etc/hosts"), old);
    assert_eq!(file(&sshd, "/etc/hosts", None, None).await.unwrap().from, "/var/backups/etc/hosts on web");

    let play = sshd.path("srv/it's play");
    for (release, value) in [("1", "hunter2"), ("2", "hunter3")] {
        write(&play.join("releases").join(release).join(".env"), &format!("DB_PASSWORD={value}\nMODE=prod\n"));
    }
    set_age(&play.join("releases/1/.env"), old);
    std::os::unix::fs::symlink("releases/2", play.join("current")).unwrap();
    let env = play.join("current/.env").display().to_string();
    let found = file(&sshd, &env, Some("DB_PASSWORD=hunter2\nMODE=prod\n"), None).await.unwrap();
    let told = text(&found);
    assert!(found.from.contains("/releases/1/.env on web") && told.starts_with("it is what stood there"), "{found:?}");
    assert!(
        told.contains("+ DB_PASSWORD=[hidden: another value]\n  MODE=[hidden]") && !told.contains("hunter"),
        "{told}"
    );

    // What is no text, holds keys, or is a link or a pipe that lies in wait.
    for (name, bytes, says) in [
        ("bin", "a\0b", "it is no text"),
        ("all.pem", "x\n", "it differs, and holds keys"),
        ("big", &*"x".repeat(300 << 10), "longer than the 256 KiB"),
    ] {
        let conf = root.join("etc/haproxy").join(name);
        write(&conf, "now\n");
        write(&root.join("etc/haproxy").join(format!("{name}.old")), bytes);
        set_age(&root.join("etc/haproxy").join(format!("{name}.old")), old);
        let told = match file(&sshd, &format!("/etc/haproxy/{name}"), None, None).await {
            Ok(found) => text(&found),
            Err(why) => why,
        };
        assert!(told.contains(says), "{name}: {told}");
    }
    write(&root.join("etc/haproxy/x"), "now\n");
    std::os::unix::fs::symlink("/etc/passwd", root.join("etc/haproxy/x.bak")).unwrap();
    Command::new("mkfifo").arg(root.join("etc/haproxy/x~")).status().unwrap();
    assert!(file(&sshd, "/etc/haproxy/x", None, None).await.unwrap_err().contains("no older copy"));
}
