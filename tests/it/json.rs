//! What scripts build on: the shape of every `--json`, written down. It is only ever added to.
use std::{fmt::Write as _, path::Path, process::Stdio};

use quarterdeck::{
    core::{
        id::Uid,
        record::{Bucket, Row},
        services::Split,
        time::{HOUR, Mono, Now, Timestamp},
    },
    store::{Lease, Options, Owner, Sqlite, Store as _},
};
use regex::Regex;
use serde_json::Value;
use tempfile::TempDir;

use super::net::{self, closed_port, http, web};

/// A folder with a configuration, and what runs commands in it.
pub(crate) struct Desk {
    pub(crate) dir: TempDir,
}

impl Desk {
    pub(crate) fn new(services: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let text = format!(
            "version = 1\nclient = \"acme\"\nenvironment = [{{ name = \"prod\", kind = \"production\" }}]\n[store]\npath = \
             {:?}\n{services}",
            dir.path().join("qd.db")
        );
        std::fs::write(dir.path().join("qd.toml"), text).unwrap();
        Self { dir }
    }

    pub(crate) async fn output(&self, args: &[&str]) -> std::process::Output {
        let run = tokio::process::Command::new(env!("CARGO_BIN_EXE_qd"))
            .args(args)
            .arg("--config")
            .arg(self.dir.path().join("qd.toml"))
            .env_clear()
            .env("HOME", self.dir.path())
            .env("USER", "ana")
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output();
        tokio::time::timeout(net::HANG, run).await.expect("it hangs").unwrap()
    }

    /// Returns the exit code and the JSON, with what differs from run to run replaced.
    pub(crate) async fn json(&self, args: &[&str]) -> String {
        let output = self.output(&[args, &["--json"]].concat()).await;
        let err = String::from_utf8_lossy(&output.stderr);
        let json: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{err}"));
        format!("exit {}\n{}\n", output.status.code().unwrap(), stable(&json, self.dir.path()))
    }
}

/// Replaces moments, ids, ports, folders, and milliseconds by words.
fn stable(json: &Value, folder: &Path) -> String {
    let mut text = serde_json::to_string_pretty(json).unwrap().replace(&folder.display().to_string(), "FOLDER");
    for (pattern, word) in [
        (r#""\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z""#, r#""TIME""#),
        (r"qd-[0-9a-f]{12}", "UID"),
        (r"127\.0\.0\.1:\d+", "127.0.0.1:PORT"),
        (r#"_ms": \d+"#, r#"_ms": MS"#),
        // Of the first millisecond nothing may be known yet.
        (r#"(uptime_\w+_pct)": (null|[\d.]+)"#, r#"$1": PCT"#),
    ] {
        text = Regex::new(pattern).unwrap().replace_all(&text, word).into_owned();
    }
    text
}

pub(crate) fn service(name: &str, address: &str) -> String {
    format!(
        "[[service]]\nname = \"{name}\"\n[service.in.prod]\nchecks = [{{ name = \"port\", type = \"tcp\", address = \
         \"{address}\", timeout = \"2s\", fail_after = 1 }}]\n"
    )
}

#[tokio::test]
async fn status_and_alerts() {
    let up = net::greets("hello").await;
    let desk = Desk::new(&(service("play", &up.to_string()) + &service("billing", &closed_port().to_string())));
    insta::assert_snapshot!("json-status", desk.json(&["status"]).await);
    insta::assert_snapshot!("json-alerts", desk.json(&["alerts"]).await);
}

#[tokio::test]
async fn hosts() {
    let desk = Desk::new("[[host]]\nname = \"here\"\nenv = \"prod\"\naddress = \"local\"\n");
    let output = desk.output(&["hosts", "--json"]).await;
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    // What this machine has is its own affair: the names are what counts, and the one disk that every machine has.
    let mut text = format!("{}\n", json["schema"]);
    for host in json["data"].as_array().unwrap() {
        for (name, value) in host.as_object().unwrap() {
            _ = writeln!(text, "{name}");
            for (name, _) in value.as_array().and_then(|all| all.first()?.as_object()).into_iter().flatten() {
                _ = writeln!(text, "  {name}");
            }
        }
    }
    insta::assert_snapshot!("json-hosts", text);
}

#[tokio::test]
async fn check() {
    let up = net::greets("hello").await;
    let desk = Desk::new(&(service("play", &up.to_string()) + &service("billing", &closed_port().to_string())));
    insta::assert_snapshot!("json-check-connect", desk.json(&["check", "--connect"]).await);
    let desk = Desk::new("[[service]]\nname = \"play\"\nknid = \"external\"\n");
    insta::assert_snapshot!("json-check", desk.json(&["check"]).await);
}

#[tokio::test]
async fn what_is_asked_for_and_is_not_there_is_answered_with_what_is() {
    let desk = Desk::new(&service("play", "127.0.0.1:1"));
    for (args, wanted) in [
        (&["status", "plya"][..], &["no service `plya`", "did you mean `play`?", "there are: play@prod"][..]),
        (&["status", "--env", "prdo"], &["no environment `prdo`", "did you mean `prod`?"]),
        (&["watch", "--json"], &["`qd watch` has no --json"]),
        (&["replay", "INC-1", "--json"], &["`qd replay` has no --json"]),
        (&["man", "--json"], &["`qd man` has no --json"]),
        (&["completions", "bash", "--json"], &["`qd completions` has no --json"]),
    ] {
        let output = desk.output(args).await;
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {err}");
        assert!(wanted.iter().all(|wanted| err.contains(wanted)), "{args:?}: {err}");
    }
}

#[tokio::test]
async fn metrics_on_a_port_that_is_taken_name_it() {
    let taken = net::greets("hello").await;
    let output = Desk::new("").output(&["watch", "--metrics", &taken.to_string()]).await;
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(err.contains(&format!("cannot serve metrics on {taken}")) && err.contains("another port"), "{err}");
}

#[tokio::test]
async fn a_key_that_is_not_there_is_a_warning_with_its_place() {
    let key = "identity = \"~/.ssh/none\"";
    let desk = Desk::new(&format!("[[host]]\nname = \"h\"\nenv = \"prod\"\naddress = \"h.example\"\n{key}\n"));
    let output = desk.output(&["check"]).await;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("qd.toml:10:") && text.contains("there is no file"), "{text}");
}

#[tokio::test]
async fn keys() {
    insta::assert_snapshot!("json-keys", Desk::new("").json(&["keys"]).await);
}

#[tokio::test]
async fn import() {
    // Every day of the question was three quarters up, and known as a whole.
    let prometheus = web(|request| {
        let (_, query) = request.split(' ').nth(1).unwrap().split_once('?').unwrap();
        let of = |name: &str| {
            let pair = query.split('&').find_map(|pair| pair.strip_prefix(&format!("{name}="))).unwrap();
            pair.parse::<i64>().unwrap()
        };
        let value = if query.contains("count_over_time") { "288" } else { "0.75" };
        let (start, end, step) = (of("start"), of("end"), of("step"));
        let days = (start..=end).step_by(usize::try_from(step).unwrap());
        let values: Vec<Value> = days.map(|at| serde_json::json!([at, value])).collect();
        let series = |name: &str| serde_json::json!({ "metric": { "instance": name }, "values": values });
        let data = serde_json::json!({ "resultType": "matrix", "result": [series("play"), series("unheard-of")] });
        http("200 OK", "", &serde_json::json!({ "status": "success", "data": data }).to_string())
    })
    .await;
    let desk = Desk::new(&service("play", "127.0.0.1:1"));
    let args = ["import", "prometheus", "--url", &format!("http://{prometheus}"), "--days", "3"];
    insta::assert_snapshot!("json-import", desk.json(&args).await);
}

#[tokio::test]
async fn what_was_recorded_counts_although_nobody_records_now() {
    let up = net::greets("hello").await;
    let desk = Desk::new(&service("play", &up.to_string()));
    {
        // A day of which a quarter was down, recorded by somebody who has left since.
        let mut store = Sqlite::open(&desk.dir.path().join("qd.db"), &Options::default()).unwrap();
        let since = std::time::UNIX_EPOCH.elapsed().unwrap();
        let now = Timestamp(i64::try_from(since.as_millis()).unwrap());
        let owner = Owner { uid: Uid(*b"filler"), label: "filler".into() };
        let lease = store.lease(&owner, Now { utc: now, mono: Mono(0) }, 60_000).unwrap();
        let Lease::Mine { epoch } = lease else { panic!("{lease:?}") };
        let start = Timestamp(now.0 / HOUR * HOUR);
        let hours = (2..10).map(|back| {
            let split = Split { up_ms: HOUR / 4 * 3, down_ms: HOUR / 4, ..Split::default() };
            let service = "play@prod".parse().unwrap();
            let (start, length_ms) = (start - back * HOUR, HOUR);
            Row::Bucket(Bucket { service, start, length_ms, split, source: Bucket::OWN.into() })
        });
        store.commit(&hours.collect::<Vec<_>>(), Some(epoch)).unwrap();
        store.release(&owner).unwrap();
    }
    let output = desk.output(&["status", "--json"]).await;
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    let of = &json["data"][0];
    assert_eq!((output.status.code(), of["health"].as_str()), (Some(0), Some("up")), "{json:#}");
    let pct = of["uptime_24h_pct"].as_f64().unwrap();
    assert!((70.0..80.0).contains(&pct), "{json:#}");
}
