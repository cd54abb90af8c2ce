//! The servers that other tests build on do what those tests rely on: what is killed stays down, a restart mends it.
use std::{fmt::Write as _, process::Stdio};

use crate::support::{
    eventually,
    servers::{Exporter, Play, get, prometheus},
};

#[tokio::test]
async fn what_is_killed_stays_down_until_pm2_restarts_it_over_ssh() {
    let Some(play) = Play::start().await else { return };
    assert_eq!(play.status().await, Some(200));
    let (status, pid) = play.pm2.app();
    assert_eq!(status, "online");

    play.pm2.kill_app();
    eventually("502 by nginx", async || play.status().await == Some(502)).await;
    let (status, _) = play.pm2.app();
    assert_ne!(status, "online", "autorestart is off");

    let output = tokio::process::Command::new("ssh")
        .args(["-F", "/dev/null", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none", "-o"])
        .arg(format!("UserKnownHostsFile={}", play.sshd.known_hosts(play.sshd.port).display()))
        .arg("-i")
        .arg(play.sshd.identity())
        .args(["-p", &play.sshd.port.to_string(), &format!("{}@127.0.0.1", play.sshd.user)])
        .arg(format!("PATH={}:$PATH; pm2 restart 0 --no-color", play.pm2.path_prefix.join(":")))
        .stdin(Stdio::null())
        .output()
        .await
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    eventually("200 by nginx", async || play.status().await == Some(200)).await;
    let (status, again) = play.pm2.app();
    assert!(status == "online" && again != pid, "{status} {again}");
}

#[tokio::test]
async fn prometheus_has_the_past_that_it_was_given_and_scrapes_the_present() {
    let exporter = Exporter::start("probe_success{instance=\"https://play.acme.example\"} 1\n").await;
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let yesterday = now / 86_400 * 86_400 - 86_400;
    let mut past = String::from("# TYPE probe_success gauge\n");
    for minute in 0..1_440 {
        let (up, at) = (u8::from(minute >= 144), yesterday + minute * 60);
        writeln!(past, "probe_success{{instance=\"https://play.acme.example\"}} {up} {at}").unwrap();
    }
    let Some(server) = prometheus(&past, &[exporter.port]).await else { return };
    let query = format!("/api/v1/query?query=avg_over_time(probe_success%5B1d%5D)&time={}", yesterday + 86_399);
    let (status, body) = get(server.port, &query).await.unwrap();
    assert_eq!(status, 200, "{body}");
    let answer: serde_json::Value = serde_json::from_str(&body).unwrap();
    let share: f64 = answer["data"]["result"][0]["value"][1].as_str().unwrap().parse().unwrap();
    assert!((share - 0.9).abs() < 1e-9, "{body}");
    eventually("the first scrape", async || {
        get(server.port, "/api/v1/query?query=probe_success").await.is_some_and(|(_, body)| body.contains("\"1\"]"))
    })
    .await;
}
