//! The document of an incident: from a night that was lived through, and by `qd incidents` from a store.
use quarterdeck::{
    core::{
        alerts::Severity,
        incidents::{Document, IncidentEvent, IncidentEventKind, Section, evidence::sha256},
        record::Row,
    },
    render,
    store::{Options, Sqlite, Store as _},
};

use crate::{
    json::{Desk, service},
    night::{AT, Night},
};

fn shipped(of: &Document) -> String {
    render::incident(of, ("incident.md", render::INCIDENT)).unwrap()
}

fn document(night: &Night) -> Document {
    let of = night.state.incidents.incidents.values().next().unwrap();
    night.state.document(of, night.now.utc)
}

#[test]
fn the_facts_of_a_night_are_written_by_themselves() {
    let night = Night::new().diagnosed().ended();
    insta::assert_snapshot!("document", shipped(&document(&night)));
}

#[test]
fn what_nobody_knows_is_not_known() {
    let night = Night::new();
    let mut of = document(&night);
    (of.lead, of.service, of.class) = (None, None, None);
    let text = shipped(&of);
    for line in ["| Type | not known |", "| Service | not known |", "| Led by | not known |", "- Users: not known"] {
        assert!(text.lines().any(|known| known == line), "{line}\n{text}");
    }
    assert!(text.contains("- Over: not known") && text.contains("*Not written yet.*"), "{text}");
    assert!(!text.contains("None") && !text.contains("undefined"), "{text}");
}

fn told() -> Vec<Row> {
    let hostile = "| x |\n# owned <img src=x> \u{1b}]0;title\u{7}`rm -rf /`";
    let event = |minute: i64, kind| {
        let (incident, at) = (quarterdeck::core::id::Uid([7; 6]), AT + minute * 60_000);
        Row::Incident(IncidentEvent { incident, at, by: "ana".into(), kind })
    };
    let kept = IncidentEventKind::Pinned {
        what: "2 log lines".into(),
        source: "play-01 /var/log/a".into(),
        body: "```\n# not a heading\n".into(),
        sha256: sha256("```\n# not a heading\n"),
    };
    vec![
        event(
            0,
            IncidentEventKind::Opened {
                title: hostile.into(),
                severity: Severity::P1,
                service: Some("play@prod".parse().unwrap()),
            },
        ),
        event(1, IncidentEventKind::Acknowledged),
        event(2, IncidentEventKind::Note { text: hostile.into() }),
        event(3, kept),
        event(
            4,
            IncidentEventKind::Section { section: Section::RootCause, text: "# Ours\nthe *pool*\n```\nopen".into() },
        ),
        event(5, IncidentEventKind::Resolved { summary: "all checks are up".into() }),
    ]
}

fn desk() -> Desk {
    let desk = Desk::new(&service("play", "127.0.0.1:1"));
    let mut store = Sqlite::open(&desk.dir.path().join("qd.db"), &Options::default()).unwrap();
    store.commit(&told(), None).unwrap();
    desk
}

#[tokio::test]
async fn it_is_printed_whatever_was_written_into_the_incident() {
    let desk = desk();
    let output = desk.output(&["incidents", "INC-1"]).await;
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let headings: Vec<&str> = text.lines().filter(|line| line.starts_with("# ") || line.starts_with("## ")).collect();
    // One of the lines is in a fence that is longer than the marks in it.
    assert_eq!(headings.len(), 1 + 10 + 1, "{text}");
    assert!(text.contains("````text\n```\n# not a heading\n````"), "{text}");
    assert!(text.contains("### Ours\nthe *pool*\n```\nopen\n```\n"), "{text}");
    assert!(!text.contains('\u{1b}') && !text.replace("\\<img", "").contains("<img"), "{text}");
    for line in text.lines().filter(|line| line.starts_with("| +")) {
        let bars = line.replace("\\|", "").matches('|').count();
        assert_eq!(bars, 6, "{line}");
    }
}

#[tokio::test]
async fn lists_and_documents_have_their_json() {
    let desk = desk();
    insta::assert_snapshot!("json-incidents", desk.json(&["incidents", "--all"]).await);
    let json = desk.json(&["incidents", "1"]).await;
    assert!(json.contains("qd.document/1") && json.contains("\"root_cause\": \"# Ours"), "{json}");
    let output = desk.output(&["incidents", "INC-9"]).await;
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{err}");
    assert!(err.contains("no incident `INC-9`") && err.contains("--all"), "{err}");
}

#[tokio::test]
async fn a_template_of_ones_own_is_used_and_its_mistakes_are_named() {
    let desk = desk();
    let path = desk.dir.path().join("mine.md");
    let print = async |text: &str| {
        std::fs::write(&path, text).unwrap();
        let output = desk.output(&["incidents", "INC-1", "--template", path.to_str().unwrap()]).await;
        (output.status.code(), String::from_utf8(output.stdout).unwrap() + &String::from_utf8_lossy(&output.stderr))
    };
    let (code, text) = print("{{ id }} {{ times.acknowledge_ms | long }} {{ service }} \u{1b}[2J{{ class }}\n").await;
    assert_eq!((code, text.as_str()), (Some(0), "INC-1 1 min play@prod not known\n"));
    let (code, text) = print("{{ id }}\n{{ srevice }}").await;
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("mine.md, line 2") && text.contains("undefined"), "{text}");
}
