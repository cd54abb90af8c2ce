//! Planned work by the command: added, listed, ended, refused; on the audit and on the status page.
use super::{
    json::{Desk, service},
    net,
};

const PLAN: &str = "[[maintenance]]\nname = \"weekly\"\nservices = [\"play@prod\"]\nat = \"Sun 02:00-04:00\"\n\
                    timezone = \"America/Bogota\"\nwhy = \"database upgrades\"\n";

async fn text(desk: &Desk, args: &[&str]) -> String {
    let output = desk.output(args).await;
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    format!("exit {}\n{out}{err}", output.status.code().unwrap())
}

#[tokio::test]
async fn a_window_is_added_listed_counted_and_ended() {
    let up = net::greets("hello").await;
    let desk = Desk::new(&(service("play", &up.to_string()) + &service("api", &up.to_string())));
    assert_eq!(text(&desk, &["maintenance"]).await, "exit 0\nno work is planned\n  qd maintenance add --help\n");
    let add = ["maintenance", "add", "play", "--to", "2h", "--reason", "new disk"];
    let dry = text(&desk, &[&add[..], &["--dry-run"]].concat()).await;
    assert!(dry.contains("nothing is added: it would mute 1 service, 0 hosts: play@prod"), "{dry}");
    assert!(!desk.dir.path().join("qd.db").exists(), "a dry run makes nothing");
    insta::assert_snapshot!("maintenance-add", desk.json(&add).await);
    let again = text(&desk, &add).await;
    assert!(again.starts_with("exit 0\n"), "its end is another one: {again}");
    insta::assert_snapshot!("maintenance-list", desk.json(&["maintenance", "list"]).await);
    // Whoever runs checks knows of it: measured up, and planned work all the same.
    let status = desk.json(&["status", "play"]).await;
    assert!(status.contains("\"health\": \"maintenance\""), "{status}");
    assert!(desk.json(&["status", "api"]).await.contains("\"health\": \"up\""));
    let page = desk.dir.path().join("page.html");
    let wrote = text(&desk, &["status", "--html", page.to_str().unwrap()]).await;
    assert!(wrote.contains("page.html"), "{wrote}");
    let page = std::fs::read_to_string(page).unwrap();
    assert!(page.to_lowercase().contains("planned") && page.contains("play") && !page.contains("new disk"), "{page}");
    let listed = desk.output(&["maintenance", "--json"]).await;
    let listed: serde_json::Value = serde_json::from_slice(&listed.stdout).unwrap();
    for window in listed["data"].as_array().unwrap() {
        let id = window["window"].as_str().unwrap();
        let ended = text(&desk, &["maintenance", "end", id]).await;
        assert_eq!(ended, format!("exit 0\n{id} is over: play@prod, before its time: new disk\n"));
        let again = text(&desk, &["maintenance", "end", id]).await;
        assert!(again.starts_with("exit 2\n") && again.contains("ana ended it already, at"), "{again}");
    }
    assert!(desk.json(&["status", "play"]).await.contains("\"health\": \"up\""));
    let audit = text(&desk, &["audit", "--verify"]).await;
    assert!(audit.starts_with("exit 0\n"), "{audit}");
    let audit = text(&desk, &["audit"]).await;
    assert_eq!(audit.matches("maintenance.added").count(), 2, "{audit}");
    assert_eq!(audit.matches("maintenance.ended").count(), 2, "{audit}");
}

#[tokio::test]
async fn what_the_configuration_plans_is_listed_and_changed_there_alone() {
    let desk = Desk::new(&(service("play", "127.0.0.1:1") + PLAN));
    let listed = text(&desk, &["maintenance"]).await;
    for word in ["weekly", "America/Bogota", "configuration", "play@prod", "database upgrades", "02:00", "04:00"] {
        assert!(listed.contains(word), "{word}: {listed}");
    }
    let json = desk.json(&["maintenance"]).await;
    assert!(json.contains("\"configured\": true") && json.contains("\"recurs\": true"), "{json}");
    let add = ["maintenance", "add", "play", "--to", "1h", "--reason", "x"];
    assert!(text(&desk, &add).await.starts_with("exit 0"));
    let ended = text(&desk, &["maintenance", "end", "weekly"]).await;
    assert!(ended.starts_with("exit 2") && ended.contains("weekly stands in the configuration"), "{ended}");
}

#[tokio::test]
async fn what_is_past_overlong_or_not_there_is_refused_and_makes_nothing() {
    let desk = Desk::new(&service("play", "127.0.0.1:1"));
    for (args, wanted) in [
        (&["play", "--to", "25h", "--reason", "x"][..], "it lasts 25 h: at most 24 h"),
        (&["play", "--from", "2026-01-01 02:00", "--to", "1h", "--reason", "x"], "which is over"),
        (&["plya", "--to", "1h", "--reason", "x"], "there is no service, host or environment `plya`"),
        (&["play", "--to", "soon", "--reason", "x"], "to: `soon` is no time"),
        (&["play", "--to", "1h", "--zone", "Mars", "--reason", "x"], "there is no time zone `Mars`"),
        (&["play", "--to", "1h", "--reason", " "], "say why"),
        (&["--to", "1h", "--reason", "x"], "<WHAT>"),
    ] {
        let said = text(&desk, &[&["maintenance", "add"], args].concat()).await;
        assert!(said.starts_with("exit 2\n") && said.contains(wanted), "{args:?}: {said}");
    }
    assert!(!desk.dir.path().join("qd.db").exists());
    let ended = text(&desk, &["maintenance", "end", "qd-000000000000"]).await;
    assert!(ended.starts_with("exit"), "{ended}");
}

#[tokio::test]
async fn its_help_has_examples() {
    let desk = Desk::new("");
    insta::assert_snapshot!("maintenance-help", text(&desk, &["maintenance", "--help"]).await);
    insta::assert_snapshot!("maintenance-add-help", text(&desk, &["maintenance", "add", "--help"]).await);
}
