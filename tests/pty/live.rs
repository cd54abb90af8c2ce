//! The console on real servers: the SSH server goes and comes back while somebody looks.
use std::path::Path;

use crate::{
    pty::{Terminal, command, qd},
    support::servers::Play,
};

fn console(play: &Play, home: &Path, columns: u16, rows: u16) -> Terminal {
    let config = home.join("qd.toml");
    std::fs::write(&config, play.config(&home.join("qd.db"))).unwrap();
    let mut command = command(&qd(), home, &["--config", config.to_str().unwrap()]);
    // Without `ssh`, which knows its user's home from elsewhere: nothing of the person who runs the tests is touched.
    command.env("PATH", "/nonexistent");
    Terminal::start(command, columns, rows)
}

/// Says whether the row of a host has live percentages.
fn numbers(text: &str, host: &str) -> bool {
    text.lines().any(|line| line.contains(host) && line.matches('%').count() >= 3)
}

async fn goes_and_returns(columns: u16, rows: u16) {
    let Some(mut play) = Play::start().await else { return };
    let home = tempfile::tempdir().unwrap();
    let mut terminal = console(&play, home.path(), columns, rows);
    // Nobody has met this host: its key is shown, and only then trusted.
    terminal.shows("Unknown host key");
    terminal.keys("y");
    terminal.until("the service is up", |text| text.contains("ALL UP") && text.contains("hosts 1/1"));
    let known = std::fs::read_to_string(home.path().join(".ssh/known_hosts")).unwrap();
    assert_eq!(known.trim(), format!("[127.0.0.1]:{} {}", play.sshd.port, play.sshd.host_key("ed25519")));
    terminal.keys("\x1bOS");
    terminal.until("live numbers", |text| numbers(text, "web-01"));
    play.sshd.stop().await;
    terminal.shows("refused");
    terminal.shows("hosts 0/1");
    play.sshd.restart().await;
    terminal.until("numbers again", |text| text.contains("hosts 1/1") && numbers(text, "web-01"));
    terminal.keys("\x1b");
    terminal.until("all is well", |text| text.contains("ALL UP"));
    terminal.signal("TERM");
    terminal.ended().clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_host_is_said_and_comes_back_at_80_by_24() {
    goes_and_returns(80, 24).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_host_is_said_and_comes_back_at_120_by_36() {
    goes_and_returns(120, 36).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_night_s_job_by_keys_alone_a_process_dies_and_is_restarted_with_proof() {
    let Some(play) = Play::start().await else { return };
    let home = tempfile::tempdir().unwrap();
    let mut terminal = console(&play, home.path(), 80, 24);
    terminal.shows("Unknown host key");
    terminal.keys("y");
    terminal.until("all is well", |text| text.contains("ALL UP") && text.contains("hosts 1/1"));

    play.pm2.kill_app();
    terminal.until("it is down, and said in words", |text| text.contains("1 DOWN") || text.contains("OUTAGE"));
    terminal.until("an alert", |text| text.contains("service down"));
    terminal.keys("i");
    terminal.shows("INC-");
    terminal.keys("\x1bOR");
    terminal.shows("Services");

    // The review opens read-only: what is typed goes nowhere until write is armed for this environment.
    terminal.keys("R");
    terminal.shows("pm2");
    terminal.keys("play\tit is down\r");
    terminal.shows("arm");
    terminal.keys("\x1bOS");
    terminal.keys("\r");
    terminal.shows("recovered");
    assert_eq!(play.status().await, Some(200));
    terminal.keys("q");
    terminal.keys("\x03");
    terminal.ended().clean();
}
