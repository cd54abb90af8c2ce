//! What every log source promises: it is registered, says what it is, shows a loss, and ends with its future.
use std::sync::Arc;

use futures_util::{
    FutureExt as _,
    future::{BoxFuture, ready},
};
use quarterdeck::{
    core::{
        hosts::{LinkFault, Pm2List},
        id::HostName,
        inventory::{Inventory, Service},
        logs::{LogPlace, LokiSpec, SourceState},
    },
    parse::sanitise,
    remote::{Dialog, Lane, Output, Remote, RemoteError, Script, Stream},
    sources::logs::{self, LogSource, plan},
    tasks::Tasks,
};

use crate::{
    log_desk::host,
    log_support::{Bench, entry},
    sources_contract::Still,
};

struct Unreachable;

fn lost(host: &HostName) -> RemoteError {
    RemoteError {
        host: host.clone(),
        fault: LinkFault::Lost,
        what: sanitise::line("connection reset \u{1b}[31m"),
        hint: Some("look at it".into()),
        question: None,
    }
}

impl Remote for Unreachable {
    fn run<'a>(&'a self, host: &'a HostName, _: Lane, _: Script) -> BoxFuture<'a, Result<Output, RemoteError>> {
        ready(Err(lost(host))).boxed()
    }
    fn stream<'a>(&'a self, host: &'a HostName, lane: Lane, _: Script) -> BoxFuture<'a, Result<Stream, RemoteError>> {
        assert_eq!(lane, Lane::Logs);
        ready(Err(lost(host))).boxed()
    }
    fn dialog<'a>(&'a self, host: &'a HostName, lane: Lane, _: Script) -> BoxFuture<'a, Result<Dialog, RemoteError>> {
        assert_eq!(lane, Lane::Logs);
        ready(Err(lost(host))).boxed()
    }
    fn forget(&self, _: &HostName) {}
    fn accept_host_key(&self, _: &str) -> Result<(), RemoteError> {
        Ok(())
    }
    fn unlock(&self, _: &str, _: secrecy::SecretString) {}
}

fn place(kind: &str) -> LogPlace {
    match kind {
        "file" | "local" => LogPlace::File { path: "/nonexistent/x.log".into(), rotated: None },
        "loki" => LogPlace::Loki(LokiSpec {
            url: "http://127.0.0.1:1".into(),
            select: [("a".to_owned(), "b".to_owned())].into(),
            ..LokiSpec::default()
        }),
        "journald" => LogPlace::Journald { units: vec![] },
        "docker" => LogPlace::Docker { container: "x".into() },
        "kubernetes" => {
            LogPlace::Kubernetes { context: None, namespace: None, target: "pod/x".into(), container: None }
        }
        "command" => LogPlace::Command { command: "true".into() },
        "stdin" => LogPlace::Stdin,
        other => panic!("give the contract a place for {other}"),
    }
}

/// Sources that reach something which may be away.
fn reaching() -> impl Iterator<Item = &'static dyn LogSource> {
    logs::ALL.iter().copied().filter(|source| !matches!(source.name(), "local" | "stdin"))
}

fn bench(source: &dyn LogSource) -> Bench {
    let tasks = Tasks::new(tokio::runtime::Handle::current(), |panicked| panic!("{panicked:?}"));
    Bench::new(vec![entry("x", place(source.name()))], Some(host()), Arc::new(Unreachable), Arc::new(Still), tasks)
}

#[tokio::test]
async fn a_place_that_cannot_be_reached_is_shown_so_and_tried_again() {
    for source in reaching() {
        let bench = bench(source);
        let running = bench.run(source);
        let away = |state: &SourceState| matches!(state, SourceState::Reconnecting { why, .. } if why.chars().all(sanitise::is_safe) && !why.is_empty());
        let heard = bench.ear.until(source.name(), |heard| heard.is(away)).await;
        assert_eq!(heard.streams.len(), 1, "{}", source.name());
        assert_eq!(heard.streams[0].kind, source.name());
        assert!(!running.is_finished(), "{}", source.name());
        running.stop();
    }
}

#[tokio::test]
async fn the_past_of_a_place_that_cannot_be_reached_is_an_error_or_empty_and_never_hangs() {
    for source in reaching() {
        let bench = bench(source);
        let spec = Arc::clone(&bench.wants.borrow()[0]);
        let info = logs::StreamInfo {
            name: "x".into(),
            kind: source.name(),
            path: "/nonexistent/x.log".into(),
            service: None,
            host: Some("web-01".into()),
            labels: vec![],
            format: None,
            timezone: None,
        };
        let request = logs::HistoryRequest { spec, info, before: None, limit: 10, prefilter: None };
        let page = source.history(bench.context.clone(), request).await;
        assert!(page.is_err() || page.is_ok_and(|page| page.parts.is_empty()), "{}", source.name());
    }
}

#[tokio::test]
async fn an_entry_of_another_kind_ends_a_source_instead_of_confusing_it() {
    for source in reaching().filter(|source| source.name() != "file") {
        let mut bench = bench(source);
        bench.context.wants = tokio::sync::watch::channel([Arc::new(entry("x", LogPlace::Stdin))].into()).1;
        source.run(bench.context.clone()).await;
        assert_eq!(bench.ear.heard().streams, []);
    }
}

#[test]
fn every_file_of_the_folder_is_registered() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/sources/logs");
    let mut files: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_str().unwrap().trim_end_matches(".rs").to_owned())
        .filter(|name| !matches!(name.as_str(), "mod" | "follow" | "process"))
        .collect();
    let mut names: Vec<String> = logs::ALL.iter().map(|source| source.name().to_owned()).collect();
    files.sort();
    names.sort();
    assert_eq!(names, files, "a source is a file and its entry in ALL");
}

#[test]
fn all_files_of_a_host_are_one_job_those_that_pm2_names_included() {
    let mut inventory = Inventory { hosts: vec![Arc::new(host())], ..Inventory::default() };
    let recipe = serde_json::json!({ "app": "play" }).as_object().unwrap().clone();
    inventory.services.push(Arc::new(Service {
        kind: "node-pm2".into(),
        recipe,
        hosts: vec!["web-01".into()],
        ..Service::new("play@prod".parse().unwrap())
    }));
    for (name, place, hosts) in [
        ("access", place("file"), vec!["web-01"]),
        ("own", LogPlace::File { path: "/l/play-out.log".into(), rotated: None }, vec!["web-01"]),
        ("here", place("local"), vec![]),
        ("loki", place("loki"), vec![]),
        ("journal", place("journald"), vec!["web-01"]),
    ] {
        let mut spec = entry(name, place);
        spec.hosts = hosts.into_iter().map(HostName::from).collect();
        inventory.logs.push(Arc::new(spec));
    }
    let json = r#"[{"pm_id":0,"name":"play","pm2_env":{"status":"online","pm_out_log_path":"/l/play-out.log","pm_err_log_path":"/l/play [1].log"}},
        {"pm_id":1,"name":"other","pm2_env":{"status":"online","pm_out_log_path":"/l/other.log"}}]"#;
    let list = Pm2List {
        processes: quarterdeck::parse::pm2::jlist(json.as_bytes()).unwrap(),
        daemon: true,
        ..Pm2List::default()
    };
    let jobs = plan(&inventory, &[(HostName::from("web-01"), list)].into());
    let shown: Vec<(&str, Option<&str>, Vec<&str>)> = jobs
        .iter()
        .map(|job| {
            let names = job.wants.iter().map(|spec| &*spec.name).collect();
            (job.source.name(), job.host.as_ref().map(|host| host.name.as_str()), names)
        })
        .collect();
    assert_eq!(
        shown,
        [
            ("loki", None, vec!["loki"]),
            ("journald", Some("web-01"), vec!["journal"]),
            ("local", None, vec!["here"]),
            ("file", Some("web-01"), vec!["access", "own", "play [1]"]),
        ]
    );
    assert_eq!(jobs[3].wants[2].place, LogPlace::File { path: "/l/play \\[1].log".into(), rotated: None });
    assert_eq!(jobs[3].wants[2].service.as_ref().map(ToString::to_string).as_deref(), Some("play@prod"));
}
