//! What a change changed, told by a host through OpenSSH: commits between two releases by a real git, whatever its repository says.
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
    assert!(why.contains("no repository of git lies there") && why.contains("pipeline = { repo ="), "{why}");

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
