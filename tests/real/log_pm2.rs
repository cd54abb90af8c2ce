//! `qd logs` without a file reads what PM2 on the hosts of its services says where it is: real `OpenSSH`, real PM2.
use std::process::{Command, Stdio};

use crate::support::{eventually, servers::Play};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_line_reads_the_files_that_pm2_names() {
    let Some(play) = Play::start().await else { return };
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("qd.toml");
    let known_hosts = play.sshd.known_hosts(play.sshd.port);
    let text = play.config(&dir.path().join("qd.db"));
    std::fs::write(&config, format!("{text}\n[ssh]\nknown_hosts = [{:?}]\n", known_hosts.display().to_string()))
        .unwrap();
    let out = play.pm2.home.join(".pm2/logs/play-out.log");
    eventually("a log of PM2", async || out.exists()).await;
    std::fs::write(&out, "2026-11-21T03:12:01Z ERROR pool is empty\n2026-11-21T03:12:02Z INFO fine\n").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_qd"))
        .args(["logs", "--config"])
        .arg(&config)
        .args(["-q", "service:play level>=error", "--json"])
        .env_clear()
        .env("HOME", dir.path())
        .env("PATH", std::env::var_os("PATH").unwrap())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}");
    let one: serde_json::Value =
        serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{error}: {printed} {said}"));
    assert_eq!((one["source"].as_str(), one["service"].as_str()), (Some("play-out"), Some("play")), "{one}");
    assert!(printed.contains("pool is empty"), "{one}");
}
