//! Trackers and channels are tried before they are needed: what is wrong is said, nothing is written, nobody is told.
use std::{collections::BTreeSet, path::Path, sync::Arc, time::Duration};

use quarterdeck::{
    core::{
        alerts::Severity,
        outbox::{Audience, Miss, NotifierSpec, Repeats, TrackerSpec},
    },
    notify,
    trackers::{
        Missed,
        probe::{Probed, SILENT, probe},
    },
};
use serde_json::{Value, json};

use super::{faults, notices, sim, spec};
use crate::{
    json::Desk,
    tickets::{Fault, Shared, Vendor, channels::Channel, start},
};

/// A tracker as the fakes have it, with a setting of one's own.
fn tracker(vendor: Vendor, url: &str, over: Value) -> Arc<TrackerSpec> {
    let Value::Object(over) = over else { panic!("{over}") };
    let mut spec = (*faults::tracker(vendor, url)).clone();
    spec.params.extend(over);
    // The board has labels of these two.
    spec.severities = BTreeSet::from([Severity::P1, Severity::P2]);
    Arc::new(spec)
}

async fn tried(vendor: Vendor, over: Value, faults: Vec<Fault>) -> (Result<Probed, Missed>, Shared) {
    let (fake, url) = start(vendor, 0).await;
    fake.lock().unwrap().faults = faults;
    let probed = probe(&tracker(vendor, &url, over), &sim::means(Duration::from_secs(3))).await;
    (probed, fake)
}

/// Holds that nothing of what was asked writes, and that no secret is in what is said.
fn harmless(probed: &Result<Probed, Missed>, fake: &Shared) {
    let said = format!("{probed:?}");
    assert!(!said.contains("test-token") && !said.contains("hook-secret") && !said.contains('\u{1b}'), "{said}");
    let fake = fake.lock().unwrap();
    assert!(fake.tickets.is_empty(), "{:?}", fake.tickets);
    for request in &fake.requests {
        let query = request.body["query"].as_str().unwrap_or("mutation");
        let asks = request.method == "GET" || request.path == "/auth.test" || !query.contains("mutation");
        assert!(asks, "{} {} {}", request.method, request.path, request.raw);
    }
}

const TRACKERS: [Vendor; 4] = [Vendor::GitHub, Vendor::JiraCloud, Vendor::JiraDataCenter, Vendor::Monday];

#[tokio::test]
async fn a_tracker_that_is_well_says_who_asks_what_it_sees_and_what_is_left() {
    for (vendor, wanted, left) in [
        (Vendor::GitHub, "ops-bot sees acme/incidents and its issues", Some("4987 of 5000 calls left")),
        (Vendor::JiraCloud, "Ops Bot may write to project Operations", None),
        (Vendor::JiraDataCenter, "Ops Bot may write to project Operations", None),
        (
            Vendor::Monday,
            "Ops Bot sees board Incidents and its columns",
            Some("9997988 points of complexity left, anew in 41s"),
        ),
    ] {
        let (probed, fake) = tried(vendor, json!({}), Vec::new()).await;
        harmless(&probed, &fake);
        let probed = probed.unwrap_or_else(|missed| panic!("{vendor:?}: {missed:?}"));
        assert_eq!((probed.said.as_str(), probed.quota.as_deref(), probed.asked), (wanted, left, true), "{vendor:?}");
    }
}

#[tokio::test]
async fn what_is_mapped_and_is_not_there_is_said_with_what_is() {
    for (vendor, over, wanted) in [
        (Vendor::GitHub, json!({ "repo": "acme/gone" }), "there is no such thing, or the token may not see it"),
        (Vendor::JiraCloud, json!({ "project": "SPO" }), "No project could be found with key."),
        (
            Vendor::JiraCloud,
            json!({ "issue_type": "Outage" }),
            "no issues of type Outage: correct `issue_type`; it has Task, Incident",
        ),
        (
            Vendor::JiraCloud,
            json!({ "priorities": { "P1": "Blocker" } }),
            "there is no priority Blocker: correct `priorities`; there are Highest, High",
        ),
        (
            Vendor::Monday,
            json!({ "columns": { "severity": "svr" } }),
            "the board has no column svr: correct columns.severity; it has",
        ),
        (
            Vendor::Monday,
            json!({ "severity_labels": { "P1": "Fire" } }),
            "column sev has no label Fire: map it, then retry; it has P1, P2",
        ),
        (Vendor::Monday, json!({ "group": "gone" }), "the board has no group gone: correct `group`; it has topics"),
    ] {
        let (probed, fake) = tried(vendor, over.clone(), Vec::new()).await;
        harmless(&probed, &fake);
        let missed = probed.expect_err(wanted);
        assert!(missed.how == Miss::Refused && missed.reason.contains(wanted), "{vendor:?} {over}: {missed:?}");
    }
    let (probed, _) = tried(Vendor::Monday, json!({ "api_version": "2026-07" }), Vec::new()).await;
    assert!(!probed.unwrap().said.contains("version"), "the one of today is well");
}

#[tokio::test]
async fn what_a_server_says_of_itself_while_it_is_tried() {
    const REPO: &str = r#"{"full_name":"acme/incidents\u001b[2J","archived":true}"#;
    const READER: &str = r#"{"full_name":"acme/incidents","permissions":{"pull":true,"push":false,"triage":false}}"#;
    for (vendor, fault, how, wanted) in [
        (Vendor::GitHub, Fault::Denied, Miss::Refused, "renew it"),
        (Vendor::GitHub, Fault::Answers(200, &[], REPO), Miss::Refused, "is archived: nothing can be written there"),
        (Vendor::GitHub, Fault::Answers(200, &[], READER), Miss::Refused, "it sets no labels and closes nothing"),
        (
            Vendor::GitHub,
            Fault::Answers(200, &[], r#"{"has_issues":false}"#),
            Miss::Refused,
            "has no issues: switch them on",
        ),
        (
            Vendor::GitHub,
            Fault::Answers(301, &[("location", "https://elsewhere.example/")], ""),
            Miss::Refused,
            "set its address to",
        ),
        (Vendor::JiraCloud, Fault::Denied, Miss::Refused, "renew it"),
        (Vendor::JiraCloud, Fault::Login, Miss::Unreachable, "no answer of its own: Log in"),
        (Vendor::JiraDataCenter, Fault::Throttled, Miss::Throttled, "it takes no more for a while"),
        (Vendor::Monday, Fault::Denied, Miss::Refused, "Not Authenticated"),
        (Vendor::Monday, Fault::Ill, Miss::Unreachable, "503"),
        (Vendor::Monday, Fault::Cut, Miss::Unreachable, "broke off"),
        (Vendor::Monday, Fault::Answers(200, &[], r#"{"data":{"boards":[]}}"#), Miss::Refused, "there is no board 77"),
        (Vendor::Monday, Fault::Silent, Miss::Unreachable, "no answer within 1s"),
    ] {
        let (probed, fake) = tried(vendor, json!({}), vec![fault]).await;
        harmless(&probed, &fake);
        let missed = probed.expect_err(wanted);
        assert!(missed.how == how && missed.reason.contains(wanted), "{vendor:?} {fault:?}: {missed:?}");
    }
    // Jira says what the person may not, and an older server says nothing of it.
    let may = r#"{"permissions":{"CREATE_ISSUES":{"havePermission":false},"EDIT_ISSUES":{"havePermission":true}}}"#;
    for (says, wanted) in [(may, Err("may not create issues in project OPS")), ("{}", Ok("Ops Bot sees project"))] {
        let faults = vec![Fault::Answers(200, &[], says), Fault::Well, Fault::Well];
        let (probed, _) = tried(Vendor::JiraCloud, json!({}), faults).await;
        match (&probed, wanted) {
            (Ok(probed), Ok(wanted)) => assert!(probed.said.contains(wanted), "{probed:?}"),
            (Err(missed), Err(wanted)) => assert!(missed.reason.contains(wanted), "{missed:?}"),
            _ => panic!("{probed:?}"),
        }
    }
}

#[tokio::test]
async fn a_token_that_is_not_there_or_a_server_that_is_not_is_said() {
    for vendor in TRACKERS {
        let (probed, _) = tried(vendor, json!({ "token": "env:GONE" }), Vec::new()).await;
        let missed = probed.unwrap_err();
        assert!(missed.reason.starts_with("its token: ") && missed.reason.contains("GONE"), "{missed:?}");
        let nowhere = tracker(vendor, "http://127.0.0.1:1", json!({}));
        let missed = probe(&nowhere, &sim::means(Duration::from_secs(3))).await.unwrap_err();
        assert!(missed.how == Miss::Unreachable && missed.reason.contains("refused"), "{missed:?}");
    }
}

async fn folder(path: &Path, commit: bool) -> Result<Probed, Missed> {
    let spec = spec("md", "markdown", json!({ "path": path, "commit": commit }));
    probe(&spec, &sim::means(Duration::from_secs(30))).await
}

#[tokio::test]
async fn a_folder_is_looked_at_and_left_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let inside = dir.path().join("a b'c/d");
    let said = folder(&inside, true).await.unwrap().said;
    assert!(
        said.ends_with("is not there yet: the first ticket makes it; in no git repository, nothing is committed"),
        "{said}"
    );
    assert!(!dir.path().join("a b'c").exists(), "it is not made by looking");
    let git = std::process::Command::new("git").args(["init", "-q"]).arg(dir.path()).status().unwrap();
    assert!(git.success());
    let said = folder(dir.path(), true).await.unwrap().said;
    assert!(said.ends_with("is there; in a git repository, each write is committed"), "{said}");
    let said = folder(dir.path(), false).await.unwrap().said;
    assert!(said.ends_with("nothing is committed, as `commit` says"), "{said}");
    let file = dir.path().join("file");
    std::fs::write(&file, "x").unwrap();
    for path in [file.clone(), file.join("in it")] {
        let missed = folder(&path, true).await.unwrap_err();
        assert!(missed.reason.contains("is no folder, or lies in none"), "{missed:?}");
    }
    // Where nobody may write, not even an administrator.
    let missed = folder(Path::new("/proc/1/tickets"), true).await.unwrap_err();
    assert!(missed.reason.contains("cannot be made by you"), "{missed:?}");
}

fn notifier(channel: Channel, url: &str) -> NotifierSpec {
    NotifierSpec {
        place: notices::place(channel, url),
        hears: BTreeSet::new(),
        audience: Audience::Internal,
        repeats: Repeats::Once,
        local: false,
    }
}

#[tokio::test]
async fn a_channel_is_asked_what_tells_nobody_or_nothing() {
    for channel in Channel::ALL {
        let (fake, url) = start(Vendor::Channel(channel), 0).await;
        let means = sim::means_with(
            Duration::from_secs(3),
            &[("T", "test-token-1234"), ("HOOK", &format!("{url}/hook-secret-7777"))],
        );
        let probed = notify::probe(&notifier(channel, &url), &means).await;
        harmless(&probed, &fake);
        let probed = probed.unwrap();
        if channel == Channel::Slack {
            assert!(probed.asked && probed.said.starts_with("qd of Acme"), "{probed:?}");
            continue;
        }
        assert!(!probed.asked && probed.said.starts_with(SILENT) && probed.said.contains("found"), "{probed:?}");
        assert!(fake.lock().unwrap().requests.is_empty(), "{channel:?}");
        let nothing = sim::means_with(Duration::from_secs(3), &[]);
        let missed = notify::probe(&notifier(channel, &url), &nothing).await.unwrap_err();
        assert!(missed.reason.contains("has no variable"), "{channel:?}: {missed:?}");
    }
    let open = sim::means_with(Duration::from_secs(3), &[("HOOK", "http://hooks.example/hook-secret-7777")]);
    let missed = notify::probe(&notifier(Channel::Teams, ""), &open).await.unwrap_err();
    assert_eq!(missed.reason, "it would go over the network in the open: use https://");
}

#[tokio::test]
async fn slack_says_no_within_an_answer_that_is_well() {
    const LIMITED: &[(&str, &str)] = &[("x-oauth-scopes", "channels:read, users:read")];
    for (fault, wanted) in [
        (Fault::Denied, "it says invalid_auth"),
        (Fault::Answers(200, &[], r#"{"ok":false,"error":"token_expired"}"#), "token_expired"),
        (Fault::Answers(200, LIMITED, r#"{"ok":true}"#), "give the app the scope chat:write"),
        (Fault::Login, "no answer of its own"),
        (Fault::Throttled, "it takes no more for a while"),
    ] {
        let (fake, url) = start(Vendor::Channel(Channel::Slack), 0).await;
        fake.lock().unwrap().faults = vec![fault];
        let means = sim::means(Duration::from_secs(3));
        let probed = notify::probe(&notifier(Channel::Slack, &url), &means).await;
        harmless(&probed, &fake);
        let missed = probed.unwrap_err();
        assert!(missed.reason.contains(wanted), "{fault:?}: {missed:?}");
    }
}

#[tokio::test]
async fn the_command_tries_them_all_and_fails_by_what_fails_alone() {
    let (fake, url) = start(Vendor::GitHub, 0).await;
    let dir = tempfile::tempdir().unwrap();
    let config = |token: &str| {
        format!(
            "[[tracker]]\nname = \"gh\"\ntype = \"github\"\nrepo = \"acme/incidents\"\napi = \"{url}\"\n\
             token = \"command:printf {token}\"\n[[tracker]]\nname = \"wiki\"\ntype = \"markdown\"\npath = {:?}\n\
             [[notifier]]\nname = \"hook\"\ntype = \"webhook\"\nurl = \"{url}/hook\"\n",
            dir.path().join("incidents")
        )
    };
    let desk = Desk::new(&config("test-token-1234"));
    insta::assert_snapshot!(
        "check-connect-places",
        desk.json(&["check", "--connect"]).await.replace(&dir.path().display().to_string(), "WIKI")
    );
    let text = String::from_utf8(desk.output(&["check", "--connect"]).await.stdout).unwrap();
    assert!(text.contains("tracker gh (github)") && text.contains("4987 of 5000 calls left"), "{text}");
    assert!(
        text.lines()
            .any(|line| line.starts_with("?     notifier hook (webhook)")
                || line.starts_with("?   notifier hook (webhook)")),
        "{text}"
    );
    let output = Desk::new(&config("wrong-token-9999")).output(&["check", "--connect"]).await;
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(4), "{text}");
    assert!(text.contains("FAIL  tracker gh (github)") && !text.contains("9999"), "{text}");
    assert!(fake.lock().unwrap().tickets.is_empty());
}
