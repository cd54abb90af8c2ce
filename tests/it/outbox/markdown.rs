//! A folder of Markdown in a git repository, through the whole console.
use std::{fs, path::Path, process::Command};

use quarterdeck::core::{
    Msg,
    alerts::Severity,
    incidents::IncidentEventKind,
    outbox::{Standing, Sync, Write},
};
use serde_json::json;

use super::{INCIDENT, console, say, spec, until};

fn git(folder: &Path, args: &[&str]) -> String {
    let output = Command::new("git").arg("-C").arg(folder).args(args).output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn files(folder: &Path) -> Vec<String> {
    let mut files: Vec<String> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    files.retain(|name| name.ends_with(".md"));
    files
}

#[tokio::test]
async fn an_incident_becomes_a_file_that_is_committed_and_goes_on_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("incidents");
    fs::create_dir(&folder).unwrap();
    git(&folder, &["init", "-q"]);
    let trackers = [spec("notes", "markdown", json!({ "path": folder }))];
    let store = dir.path().join("qd.db");
    let (mut engine, tasks) = console(&store, &trackers);
    until(&mut engine, "recording", |engine| engine.state.records() && engine.state.is_loaded()).await;
    let title = "play is down, password=hunter2\u{1b}[31m".to_owned();
    say(&mut engine, &store, IncidentEventKind::Opened { title, severity: Severity::P2, service: None });
    until(&mut engine, "the ticket", |engine| engine.state.outbox.of_incident(INCIDENT) == Some(Sync::Synced)).await;
    say(&mut engine, &store, IncidentEventKind::Note { text: "the disk is full".into() });
    say(&mut engine, &store, IncidentEventKind::SeverityChanged { to: Severity::P1, reason: String::new() });
    say(&mut engine, &store, IncidentEventKind::Resolved { summary: "checks are green".into() });
    until(&mut engine, "all of it", |engine| {
        engine.state.outbox.items.len() == 5
            && engine.state.outbox.items.values().all(|item| item.standing == Standing::Synced)
    })
    .await;
    let names = files(&folder);
    assert_eq!(names.len(), 1, "{names:?}");
    let text = fs::read_to_string(folder.join(&names[0])).unwrap();
    println!("{text}");
    let token = engine.state.outbox.ticket(INCIDENT, "notes").unwrap().token;
    for part in [
        &format!("token: {token}"),
        "incident: INC-1",
        "severity: P1",
        "status: resolved",
        "# play is down",
        "the disk is full (ana, ",
        "https://wiki.example.com/INC-1",
    ] {
        assert!(text.contains(part), "{part}");
    }
    assert!(!text.contains("hunter2") && !text.contains('\u{1b}'), "what is secret or no text does not leave");
    assert_eq!(git(&folder, &["log", "--oneline"]).lines().count(), 5, "one commit a write");
    assert_eq!(git(&folder, &["status", "--porcelain"]), "");
    engine.stop();
    tasks.cancel();
}

#[tokio::test]
async fn what_another_changed_in_the_file_is_not_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("incidents");
    let trackers = [spec("notes", "markdown", json!({ "path": folder }))];
    let store = dir.path().join("qd.db");
    let (mut engine, tasks) = console(&store, &trackers);
    until(&mut engine, "recording", |engine| engine.state.records() && engine.state.is_loaded()).await;
    say(&mut engine, &store, IncidentEventKind::Opened { title: "x".into(), severity: Severity::P2, service: None });
    until(&mut engine, "the ticket", |engine| engine.state.outbox.of_incident(INCIDENT) == Some(Sync::Synced)).await;
    let file = folder.join(&files(&folder)[0]);
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("severity: P2", "severity: P4")).unwrap();
    say(&mut engine, &store, IncidentEventKind::SeverityChanged { to: Severity::P1, reason: String::new() });
    until(&mut engine, "a quarrel", |engine| engine.state.outbox.of_incident(INCIDENT) == Some(Sync::Failed)).await;
    assert!(fs::read_to_string(&file).unwrap().contains("severity: P4"));
    let item = engine.state.outbox.items.values().find(|item| matches!(item.item.write, Write::Update(_))).unwrap();
    assert!(item.reason().contains("severity is P4, ours P2"), "{}", item.reason());
    let token = item.token;
    engine.handle(Msg::Outbox(quarterdeck::core::outbox::Msg::RetryAsked { token }));
    until(&mut engine, "ours", |engine| engine.state.outbox.of_incident(INCIDENT) == Some(Sync::Synced)).await;
    assert!(fs::read_to_string(&file).unwrap().contains("severity: P1"));
    engine.stop();
    tasks.cancel();
}
