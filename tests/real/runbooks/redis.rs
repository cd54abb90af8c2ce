//! Redis: its queues and locks, and issuance that is stuck.
use std::process::{Child, Command, Stdio};

use quarterdeck::core::runs::RunOutcome;
use tempfile::TempDir;

use super::{Desk, dns::Nsd, eventually, service};
use crate::{
    ops::Ops,
    support::servers::{free_port, tool},
};

/// A server of its own.
pub(super) struct Redis {
    _dir: TempDir,
    pub(super) port: u16,
    child: Child,
}

impl Drop for Redis {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Redis {
    pub(super) async fn start() -> Option<Self> {
        let server = tool("QD_TEST_REDIS", "redis-server")?;
        let (dir, port) = (tempfile::tempdir().unwrap(), free_port());
        let child = Command::new(server)
            .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--port", &port.to_string(), "--dir"])
            .arg(dir.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let running = Self { _dir: dir, port, child };
        eventually("Redis", async || running.say(&["ping"]) == "PONG").await;
        Some(running)
    }

    pub(super) fn say(&self, words: &[&str]) -> String {
        let said = Command::new("redis-cli")
            .args(["-p", &self.port.to_string()])
            .args(words)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        String::from_utf8_lossy(&said.stdout).trim().to_owned()
    }

    async fn desk(&self, file: &str) -> Desk {
        let ops = Ops::start(service).await;
        let given = [("redis_host", "127.0.0.1".to_owned()), ("redis_port", self.port.to_string())];
        Desk::open(ops, file, &given).await
    }
}

#[tokio::test]
async fn a_queue_that_grows_and_a_lock_without_an_end_are_told_from_health_and_mended() {
    let Some(redis) = Redis::start().await else { return };
    let mut desk = redis.desk("email-saas/redis.md").await;
    let looks =
        ["does-it-answer", "memory-in-use", "writes-are-taken", "what-waits-in-the-queue", "locks-that-never-expire"];
    redis.say(&["set", "send:lock:one", "worker-1", "ex", "300"]);
    redis.say(&["lpush", "queue", "a", "b"]);
    desk.well(&looks).await;

    let jobs: Vec<String> = (0..1_500).map(|n| format!("job-{n}")).collect();
    let jobs: Vec<&str> = jobs.iter().map(String::as_str).collect();
    redis.say(&[&["lpush", "queue"], jobs.as_slice()].concat());
    redis.say(&["set", "send:lock:two words", "worker-2"]);
    let used: u64 = redis
        .say(&["info", "memory"])
        .lines()
        .find_map(|line| line.trim().strip_prefix("used_memory:")?.parse().ok())
        .unwrap();
    redis.say(&["config", "set", "maxmemory", &used.to_string()]);
    desk.well(&["does-it-answer"]).await;
    desk.ill(&["memory-in-use", "what-waits-in-the-queue", "locks-that-never-expire"]).await;
    redis.say(&["config", "set", "maxmemory", "0"]);

    desk.give("key", "send:lock:two words");
    desk.change("give-a-lock-an-end").await;
    desk.give("depth", 900);
    desk.change("put-what-cannot-be-done-aside").await;
    assert_eq!((redis.say(&["llen", "queue"]), redis.say(&["llen", "queue:aside"])), ("900".into(), "602".into()));
    assert_eq!(redis.say(&["lindex", "queue:aside", "-1"]), "a", "the oldest is the first to come back");
    desk.well(&looks).await;

    // One that refuses writes, and one that is not there.
    redis.say(&["replicaof", "127.0.0.1", "1"]);
    desk.ill(&["writes-are-taken"]).await;
    drop(redis);
    desk.ill(&looks).await;
    desk.ran_all();
}

#[tokio::test]
async fn issuance_that_is_stuck_is_told_from_health_and_freed() {
    const LED: &str = "is-the-domain-s-challenge-led-to-us";
    let Some(redis) = Redis::start().await else { return };
    let mut desk = redis.desk("cdn/acme-stuck.md").await;
    let looks = ["does-redis-answer", "locks-over-their-time", "tasks-over-their-time", "what-waits"];
    redis.say(&["set", "acme:lock:fine.example", "edge-1", "ex", "60"]);
    desk.well(&looks).await;
    redis.say(&["set", "acme:lock:shop.example", "edge-2"]);
    redis.say(&["hset", "acme:task:shop.example", "started", "1000000000"]);
    desk.ill(&["locks-over-their-time", "tasks-over-their-time"]).await;
    desk.give("domain", "shop.example");
    desk.change("unstick-the-domain").await;
    desk.well(&looks).await;
    assert_eq!(
        (redis.say(&["lrange", "acme:queue", "0", "-1"]), redis.say(&["exists", "acme:lock:fine.example"])),
        ("shop.example".into(), "1".into())
    );
    drop(redis);
    desk.ill(&looks).await;

    // Where its challenge is led to.
    let records = "_acme-challenge.shop IN CNAME shop.acme-dns.cirrus.example.\n_acme-challenge.old IN CNAME elsewhere.example.\n";
    let Some(nsd) = Nsd::start(&desk.ops.sshd.home().join("bin"), "customer.example", records).await else { return };
    desk.give("resolver", "127.0.0.1");
    desk.give("dns_port", nsd.port);
    for (domain, led) in
        [("shop.customer.example", true), ("old.customer.example", false), ("none.customer.example", false)]
    {
        desk.give("domain", domain);
        if led { desk.well(&[LED]).await } else { desk.ill(&[LED]).await }
    }
    desk.ran_all();
}

#[tokio::test]
async fn a_backup_is_taken_and_one_that_cannot_be_read_is_told() {
    let Some(redis) = Redis::start().await else { return };
    let mut desk = redis.desk("cdn/redis-backup.md").await;
    let backups = desk.ops.sshd.home().join("copies");
    desk.give("backups", backups.display());
    desk.give("port", free_port());
    redis.say(&["set", "domain:shop.example", "active"]);
    std::fs::create_dir(&backups).unwrap();
    desk.well(&["is-it-saved"]).await;
    desk.ill(&["how-old-is-the-last-copy"]).await;
    desk.change("take-a-copy").await;
    desk.well(&["is-it-saved", "how-old-is-the-last-copy"]).await;
    desk.change("can-it-be-read").await;

    let copy = std::fs::read_dir(&backups).unwrap().next().unwrap().unwrap().path();
    std::fs::write(&copy, "no copy at all").unwrap();
    let (outcome, told) = desk.try_change("can-it-be-read").await;
    assert_eq!(outcome, RunOutcome::Failed, "{told}");
    assert_eq!(redis.say(&["dbsize"]), "1", "the live one is not touched");
    desk.ran_all();
}
