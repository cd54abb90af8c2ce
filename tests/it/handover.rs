//! `qd handover` and `qd report`, from a store.
use std::time::UNIX_EPOCH;

use quarterdeck::{
    core::{
        alerts::Severity,
        id::Uid,
        incidents::{IncidentEvent, IncidentEventKind},
        record::Row,
        time::{HOUR, Timestamp},
    },
    store::{Options, Sqlite, Store as _},
};
use serde_json::Value;

use crate::json::{Desk, service};

/// A store with an incident of an hour ago; and the month that was in.
fn desk() -> (Desk, String) {
    let desk = Desk::new(&service("play", "127.0.0.1:1"));
    let now = Timestamp(i64::try_from(UNIX_EPOCH.elapsed().unwrap().as_millis()).unwrap());
    let mut store = Sqlite::open(&desk.dir.path().join("qd.db"), &Options::default()).unwrap();
    let service = Some("play@prod".parse().unwrap());
    let opened = IncidentEventKind::Opened { title: "play | is <b>down</b>".into(), severity: Severity::P1, service };
    let kinds = [opened, IncidentEventKind::Acknowledged, IncidentEventKind::Resolved { summary: "up".into() }];
    let rows = kinds.into_iter().zip(0..).map(|(kind, minute)| {
        let (incident, at) = (Uid([7; 6]), now - HOUR + minute * 60_000);
        Row::Incident(IncidentEvent { incident, at, by: "ana".into(), kind })
    });
    store.commit(&rows.collect::<Vec<_>>(), None).unwrap();
    (desk, (now - HOUR).to_utc().unwrap().format("%Y-%m").to_string())
}

async fn said(desk: &Desk, args: &[&str]) -> (Option<i32>, String) {
    let output = desk.output(args).await;
    (output.status.code(), String::from_utf8(output.stdout).unwrap() + &String::from_utf8_lossy(&output.stderr))
}

#[tokio::test]
async fn a_shift_is_handed_over_when_the_next_one_signs() {
    let (desk, _) = desk();
    let (code, text) = said(&desk, &["handover"]).await;
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("NOT SIGNED") && text.contains("INC-1: play \\| is \\<b>down\\</b>"), "{text}");
    let (code, text) = said(&desk, &["handover", "--promise", "ben 2h call the bank back"]).await;
    assert!(code == Some(1) && text.contains("promise 1, ben: call the bank back until"), "{text}");
    let (code, text) = said(&desk, &["handover", "--promise", "ben soon"]).await;
    assert!(code == Some(2) && text.contains("WHO WHEN WHAT"), "{text}");
    let json = async |args: &[&str]| -> Value {
        serde_json::from_slice(&desk.output(&[&["handover", "--json"], args].concat()).await.stdout).unwrap()
    };
    let before = json(&[]).await;
    let signed = json(&["--sign"]).await;
    for of in ["digest", "sections"] {
        assert_eq!(signed["data"][of], before["data"][of], "what was signed is printed");
    }
    assert!(signed["data"]["is_signed"] == true && signed["data"]["since"].as_str() < before["data"]["as_of"].as_str());
    let (code, text) = said(&desk, &["handover", "--sign"]).await;
    assert!(code == Some(0) && text.contains("signed by ana at"), "{text}");
    assert_eq!(said(&desk, &["handover"]).await.0, Some(0), "it stays signed");
    let (code, text) = said(&desk, &["handover", "--kept", "1"]).await;
    assert!(
        code == Some(1) && text.contains("ana signed an earlier one") && text.contains("nothing is promised"),
        "{text}"
    );
    assert_eq!(said(&desk, &["handover", "--kept", "1"]).await.0, Some(2), "once");
    let (_, audit) = said(&desk, &["audit"]).await;
    for what in ["promise.made", "handover.signed", "promise.kept"] {
        assert!(audit.contains(what), "{audit}");
    }
    assert_eq!(said(&desk, &["audit", "--verify"]).await.0, Some(0));
}

#[tokio::test]
async fn who_told_people_how_it_stands_is_on_the_audit_and_a_dry_run_is_not() {
    let (desk, _) = desk();
    let update = ["update", "INC-1", "Streams fail for some -- the pool on play-01", "--state", "identified"];
    let (code, text) = said(&desk, &[&update[..], &["--dry-run"]].concat()).await;
    assert_eq!(code, Some(0), "{text}");
    let (_, audit) = said(&desk, &["audit"]).await;
    assert!(!audit.contains("update.sent"), "{audit}");
    let (code, text) = said(&desk, &update).await;
    assert_eq!(code, Some(0), "{text}");
    let (_, audit) = said(&desk, &["audit"]).await;
    let entries: Vec<&str> = audit.lines().filter(|line| line.contains("update.sent")).collect();
    let [entry] = entries.as_slice() else { panic!("{audit}") };
    assert!(
        ["ana", "play@prod", "identified: Streams fail for some"].iter().all(|word| entry.contains(word)),
        "{entry}"
    );
    assert!(!audit.contains("play-01"), "what the team alone reads stays with the team: {audit}");
    assert_eq!(said(&desk, &["audit", "--verify"]).await.0, Some(0));
}

#[tokio::test]
async fn a_month_is_told_with_what_is_not_known() {
    let (desk, month) = desk();
    let output = desk.output(&["report", "--month", &month, "--by", "service", "--json"]).await;
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    let line = &json["data"]["lines"][0];
    assert_eq!((&json["schema"], &line["name"]), (&"qd.report/1".into(), &"play@prod".into()), "{json:#}");
    assert_eq!((&line["mttr"]["ms"], &line["mttd"]["ms"]), (&120_000.into(), &Value::Null), "{json:#}");
    let (code, text) = said(&desk, &["report", "--month", &month, "--markdown"]).await;
    assert!(code == Some(0) && text.contains("| P1 | 1 | 0 | 1 | ? | 1m00 | 2m00 |"), "{text}");
    let (_, text) = said(&desk, &["report", "--month", "2020-01"]).await;
    assert!(text.starts_with("0 incidents of 2020-01\n"), "{text}");
    let (code, text) = said(&desk, &["report", "--week", "2026-10"]).await;
    assert!(code == Some(2) && text.contains("2026-W44"), "{text}");
}
