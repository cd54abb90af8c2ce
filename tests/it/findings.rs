//! Findings from the scanner to the screen: pulled by `qd watch`, printed by `qd findings`, opened as an incident.
use std::{process::Stdio, sync::Arc};

use quarterdeck::core::{
    action::{Action, Motion},
    alerts::Severity,
    incidents::{Impact, IncidentEventKind, Urgency},
    screen::{Pane, View},
};
use serde_json::Value;

use super::{json::Desk, net, night, qualys, scans};

#[test]
fn an_incident_is_opened_for_a_finding_and_shown_the_second_time() {
    let mut night = scans::found();
    let before: Vec<_> = night.state.incidents.incidents.keys().copied().collect();
    night.act(&[Action::Move(Motion::Down), Action::Move(Motion::Down), Action::OpenIncident]);
    let new: Vec<_> = night.state.incidents.incidents.values().filter(|of| !before.contains(&of.uid)).collect();
    let [of] = &*new else { panic!("{new:#?}") };
    assert_eq!(of.title, "cloud-01: QID 197595: Ubuntu security notice for OpenSSL");
    assert_eq!((of.service.clone(), of.severity), (Some(night::id("Cloud")), Severity::P3));
    let class = of.classified.as_ref().unwrap();
    assert_eq!((class.class.as_str(), class.impact, class.urgency), ("vulnerability", Impact::Nobody, Urgency::Soon));
    assert!(class.words.contains("there: Cloud@prod; whether somebody used it is not known"), "{}", class.words);
    let [evidence] = of.evidence.as_slice() else { panic!("{:?}", of.evidence) };
    let event = of.timeline.values().find(|event| matches!(event.kind, IncidentEventKind::Pinned { .. }));
    let Some(IncidentEventKind::Pinned { what, source, body, .. }) = event.map(|event| &event.kind) else {
        panic!("{evidence} {event:?}")
    };
    assert_eq!(what, "a finding");
    assert!(source.starts_with("Qualys, finding cloud-01/197595, asked 2026-11-20T01:"), "{source}");
    for text in
        ["QID 197595", "4 of 5, confirmed", "no matter of PCI", "CVE-2022-3602", "services: Cloud@prod", "first 2026-"]
    {
        assert!(body.contains(text), "{text}: {body}");
    }
    let (uid, count) = (of.uid, night.state.incidents.incidents.len());
    night.act(&[Action::OpenIncident]);
    assert_eq!((&night.state.screen.view, night.state.incidents.incidents.len()), (&View::Incident(uid), count));
    // One that nobody configured has no service, and says where it is.
    night.act(&[Action::GoFindings, Action::Move(Motion::Bottom)]);
    let on = |night: &night::Night| format!("{:?}", night.state.screen.cursor(Pane::Findings).unwrap());
    while !on(&night).contains("print-07") {
        night.act(&[Action::Move(Motion::Up)]);
    }
    night.act(&[Action::OpenIncident]);
    let of = night.state.incidents.incidents.values().find(|of| of.title.contains("print-07")).unwrap();
    assert_eq!((of.title.as_str(), of.service.is_none()), ("print-07.acme.example: QID 11830", true));
}

#[test]
fn a_host_is_opened_from_its_finding_and_one_that_is_unknown_is_not() {
    let mut night = scans::found();
    night.act(&[Action::OpenSelected]);
    assert_eq!(night.state.screen.view, View::Host("play-01".into()));
    // Where another records, that one asks: who asks in vain is told.
    let mut night = scans::refused();
    night.act(&[Action::PullFindings]);
    assert!(night.state.findings.is_asking(), "{:?}", night.state.screen.message);
    night.tell(quarterdeck::core::Msg::RecorderChanged(quarterdeck::core::record::Recorder::Other {
        owner: "ben@jump pid 8812".into(),
    }));
    night.act(&[Action::PullFindings]);
    let said = &night.state.screen.message.as_ref().unwrap().text;
    assert!(said.contains("only who records asks it: ben@jump pid 8812"), "{said}");
    let mut night = scans::none();
    night.act(&[Action::PullFindings]);
    let said = &night.state.screen.message.as_ref().unwrap().text;
    assert!(said.contains("no scanner is configured"), "{said}");
}

#[test]
fn thousands_are_listed_by_the_worst_and_found_by_a_filter() {
    let all = (0..3_000).map(|number| scans::finding(number, &format!("h{number}"), Some(3), 0)).collect();
    let told = scans::told(all, quarterdeck::core::findings::End::Whole);
    let mut night = scans::scanned(night::Night::calm(), 0, told);
    assert_eq!(night.state.screen.rows(Pane::Findings).len(), quarterdeck::core::findings::LISTED);
    night.act(&[Action::FilterRows]);
    night.types(quarterdeck::core::screen::Draft::Filter(Pane::Findings), "h2999.acme");
    night.pass(1);
    assert_eq!(night.state.screen.rows(Pane::Findings).len(), 1);
}

#[tokio::test]
async fn a_watch_pulls_and_a_command_prints() {
    let fake = qualys::server().await;
    let base = fake.lock().unwrap().base.clone();
    let desk = Arc::new(Desk::new(&format!(
        "[[host]]\nname = \"api-01\"\nenv = \"prod\"\naddress = \"10.50.2.111\"\n[qualys]\nbase_url = \"{base}\"\n\
         user = \"ana\"\npassword = \"command:printf hunter2-long\"\n"
    )));
    let output = desk.output(&["check", "--connect", "--json"]).await;
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    let tried = said["data"]["tried"].as_array().unwrap();
    let scanner = tried.iter().find(|of| of["what"] == "scanner Qualys").unwrap();
    assert_eq!((&scanner["ok"], &scanner["said"]), (&true.into(), &"it answers, 297 calls left in its window".into()));
    let mut watch = tokio::process::Command::new(env!("CARGO_BIN_EXE_qd"))
        .args(["watch", "--config"])
        .arg(desk.dir.path().join("qd.toml"))
        .env_clear()
        .env("HOME", desk.dir.path())
        .env("USER", "watch")
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let pulled = async {
        loop {
            let output = desk.output(&["findings", "--json"]).await;
            let json: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
            if !json["data"]["pull"].is_null() {
                return;
            }
        }
    };
    tokio::time::timeout(net::HANG, pulled).await.expect("it is never pulled");
    watch.kill().await.unwrap();
    insta::assert_snapshot!("findings", desk.json(&["findings"]).await);
    let output = desk.output(&["findings"]).await;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let first = text.lines().nth(1).unwrap();
    assert!(
        first.starts_with("5 ") && first.contains("api-01") && first.contains("OpenSSL < 3.0.7 & friends"),
        "{text}"
    );
    assert!(text.contains("3 findings, asked 20") && text.contains("next pull at 20"), "{text}");
    let asked = fake.lock().unwrap().asked.clone();
    assert_eq!(asked.iter().filter(|path| path.contains("truncation_limit=200")).count(), 1, "{asked:?}");
    for file in std::fs::read_dir(desk.dir.path()).unwrap() {
        let path = file.unwrap().path();
        if path.is_file() && !path.ends_with("qd.toml") {
            let bytes = std::fs::read(&path).unwrap();
            assert!(!bytes.windows(12).any(|part| part == b"hunter2-long"), "{}", path.display());
        }
    }
}
