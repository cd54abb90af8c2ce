//! `qd watch` with a webhook while work is planned: nobody is told of what it mutes, and of what outlives it once.
use std::{
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    sync::mpsc,
};

use super::{json::Desk, net};

/// A desk with two services, of which `play` alone is in planned work, and a webhook that hears of all.
struct Night {
    desk: Desk,
    text: String,
    play: Arc<AtomicBool>,
    api: Arc<AtomicBool>,
    heard: mpsc::UnboundedReceiver<Value>,
    /// All that was heard about `play`.
    play_heard: Vec<Value>,
}

/// A `qd watch` that is ended with the test.
struct Watch {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

const DAY_MS: i64 = 86_400_000;

/// Returns a window of the configuration that began yesterday and ends tomorrow.
#[expect(clippy::disallowed_methods, reason = "the program that is tested shares only the real clock")]
fn planned() -> String {
    let now = chrono::Utc::now();
    let day =
        |offset: i64| (now + chrono::Duration::milliseconds(offset * DAY_MS)).format("%Y-%m-%d %H:%M").to_string();
    format!(
        "[[maintenance]]\nname = \"disks\"\nservices = [\"play@prod\"]\nfrom = {:?}\nto = {:?}\ntimezone = \"UTC\"\nwhy = \"new disks\"\n",
        day(-1),
        day(1)
    )
}

async fn page(up: &Arc<AtomicBool>) -> String {
    let up = Arc::clone(up);
    let status = move |_: &str| {
        let status = if up.load(Ordering::SeqCst) { "200 OK" } else { "503 Service Unavailable" };
        net::http(status, "", "x")
    };
    format!("http://{}/", net::web(status).await)
}

impl Night {
    async fn new(more: &str) -> Self {
        let (play, api) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicBool::new(true)));
        let (tell, heard) = mpsc::unbounded_channel();
        let hook = net::web(move |request| {
            let body = request.split_once("\r\n\r\n").map_or("", |(_, body)| body);
            tell.send(serde_json::from_str(body).unwrap()).unwrap();
            net::http("204 No Content", "", "")
        })
        .await;
        let mut text = format!(
            "[[notifier]]\nname = \"hook\"\ntype = \"webhook\"\nurl = \"http://{hook}/\"\n[severity]\nP1 = {{ notify = [\"hook\"] }}\n"
        );
        for (name, up) in [("play", &play), ("api", &api)] {
            text += &format!(
                "[[service]]\nname = \"{name}\"\n[service.in.prod]\nchecks = [{{ name = \"page\", type = \"http\", url = \"{}\", \
                 every = \"1s\", timeout = \"1s\", fail_after = 1 }}]\n",
                page(up).await
            );
        }
        Self { desk: Desk::new(&format!("{text}{more}")), text, play, api, heard, play_heard: Vec::new() }
    }

    async fn watch(&self) -> Watch {
        let mut child = Command::new(env!("CARGO_BIN_EXE_qd"))
            .arg("watch")
            .arg("--config")
            .arg(self.desk.dir.path().join("qd.toml"))
            .env_clear()
            .env("HOME", self.desk.dir.path())
            .env("USER", "watch")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut watch = Watch { child, lines };
        watch.says("recording").await;
        watch
    }

    fn configured(&self, more: &str) {
        let path = self.desk.dir.path().join("qd.toml");
        let before = std::fs::read_to_string(&path).unwrap();
        let head = before.split_once("[[notifier]]").unwrap().0.to_owned();
        std::fs::write(path, format!("{head}{}{more}", self.text)).unwrap();
    }

    /// Waits for the next thing that people are told.
    async fn hears(&mut self) -> (String, String) {
        let body = tokio::time::timeout(net::HANG, self.heard.recv()).await.expect("nothing is heard").unwrap();
        let text = |name: &str| body["data"][name].as_str().unwrap_or_default().to_owned();
        let (service, event) = (text("service"), body["event"].as_str().unwrap().to_owned());
        if service.starts_with("play") {
            self.play_heard.push(body);
        }
        (service, event)
    }

    /// Waits until people are told this.
    async fn hears_that(&mut self, service: &str, event: &str) {
        while self.hears().await != (service.to_owned(), event.to_owned()) {}
    }

    /// Waits until an alert about a service stands so, as `qd alerts` prints it.
    async fn stands(&self, service: &str, word: &str) {
        let mut text = String::new();
        let look = async {
            loop {
                let output = self.desk.output(&["alerts", "--all"]).await;
                text =
                    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
                if text.lines().any(|line| line.contains(service) && line.contains(&format!(" {word} "))) {
                    return;
                }
            }
        };
        let came = tokio::time::timeout(net::HANG, look).await;
        assert!(came.is_ok(), "{service} is never {word}: {text}");
    }

    /// `play` comes back, and all that people were told of it is this.
    async fn ends_with(&mut self, told: &[&str]) {
        self.play.store(true, Ordering::SeqCst);
        self.hears_that("play@prod", told.last().unwrap()).await;
        // What would come late comes before what another service does now.
        let was_up = self.api.fetch_xor(true, Ordering::SeqCst);
        self.hears_that("api@prod", if was_up { "notice.opened" } else { "notice.resolved" }).await;
        let events: Vec<&str> = self.play_heard.iter().map(|body| body["event"].as_str().unwrap()).collect();
        assert_eq!(events, told, "{:#?}", self.play_heard);
    }
}

impl Watch {
    async fn says(&mut self, text: &str) {
        let look = async {
            while let Some(line) = self.lines.next_line().await.unwrap() {
                println!("{line}");
                if line.contains(text) {
                    return;
                }
            }
            panic!("it ended");
        };
        tokio::time::timeout(net::HANG, look).await.unwrap_or_else(|_| panic!("never said: {text}"));
    }

    async fn signal(&self, name: &str) {
        let pid = self.child.id().unwrap().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().await.unwrap().success());
    }

    async fn ends(mut self) {
        self.signal("TERM").await;
        assert!(tokio::time::timeout(net::HANG, self.child.wait()).await.unwrap().unwrap().success());
    }
}

#[tokio::test]
async fn what_outlives_a_window_that_is_ended_is_told_once() {
    let mut night = Night::new("").await;
    let added =
        night.desk.output(&["maintenance", "add", "play", "--to", "2h", "--reason", "new disks", "--json"]).await;
    let added: Value = serde_json::from_slice(&added.stdout).unwrap();
    let window = added["data"]["window"].as_str().unwrap().to_owned();
    let _watch = night.watch().await;
    night.play.store(false, Ordering::SeqCst);
    night.stands("play@prod", "muted").await;
    // Whoever is not in it is told of.
    night.api.store(false, Ordering::SeqCst);
    night.hears_that("api@prod", "notice.opened").await;
    assert_eq!(night.play_heard, [Value::Null; 0], "nobody is told of planned work");
    let handover = night.desk.output(&["handover"]).await;
    let handover = String::from_utf8_lossy(&handover.stdout).into_owned();
    for text in ["play@prod: down: page: 503", "muted by planned work until", "goes on until", "by ana: new disks"] {
        assert!(handover.contains(text), "{text}: {handover}");
    }
    assert!(night.desk.output(&["maintenance", "end", &window]).await.status.success());
    night.hears_that("play@prod", "notice.opened").await;
    night.stands("play@prod", "firing").await;
    night.ends_with(&["notice.firing", "notice.opened", "notice.resolved"]).await;
}

#[tokio::test]
async fn what_outlives_a_window_that_a_reload_takes_away_is_told_once() {
    let mut night = Night::new(&planned()).await;
    let mut watch = night.watch().await;
    night.play.store(false, Ordering::SeqCst);
    night.stands("play@prod", "muted").await;
    night.configured("");
    watch.signal("HUP").await;
    night.hears_that("play@prod", "notice.opened").await;
    watch.says("play@prod").await;
    night.ends_with(&["notice.firing", "notice.opened", "notice.resolved"]).await;
}

#[tokio::test]
async fn what_outlives_a_window_and_its_watch_is_told_once() {
    let mut night = Night::new(&planned()).await;
    let watch = night.watch().await;
    night.play.store(false, Ordering::SeqCst);
    night.stands("play@prod", "muted").await;
    watch.ends().await;
    night.configured("");
    let _watch = night.watch().await;
    night.hears_that("play@prod", "notice.opened").await;
    night.ends_with(&["notice.firing", "notice.opened", "notice.resolved"]).await;
}

#[tokio::test]
async fn of_what_comes_and_goes_within_a_window_nobody_is_told() {
    let mut night = Night::new(&planned()).await;
    let _watch = night.watch().await;
    night.play.store(false, Ordering::SeqCst);
    night.stands("play@prod", "muted").await;
    assert!(night.desk.output(&["ack", "play@prod", "--reason", "it is us"]).await.status.success());
    night.play.store(true, Ordering::SeqCst);
    night.stands("play@prod", "resolved").await;
    night.api.store(false, Ordering::SeqCst);
    night.hears_that("api@prod", "notice.opened").await;
    assert_eq!(night.play_heard, [Value::Null; 0]);
}
