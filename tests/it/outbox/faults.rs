//! Every tracker, at a server that fails in every way: one ticket each in the end.
use std::{sync::Arc, time::Duration};

use quarterdeck::core::{
    alerts::Severity,
    incidents::IncidentEventKind,
    outbox::{Standing, Sync, TrackerSpec, Write},
};
use serde_json::json;

use super::{
    nights::Nights,
    sim::{Dice, Sim, means},
    spec,
};
use crate::tickets::{Fault, Vendor, start};

const WINDOW: i64 = 15_000;
/// What is injected into each tracker at least.
const INJECTIONS: usize = 1_000;

pub(crate) fn tracker(vendor: Vendor, url: &str) -> Arc<TrackerSpec> {
    match vendor {
        Vendor::GitHub => spec("gh", "github", json!({ "repo": "acme/incidents", "token": "env:T", "api": url })),
        Vendor::JiraCloud => spec(
            "jira",
            "jira",
            json!({ "url": url, "flavour": "cloud", "project": "OPS", "user": "bot@acme.example", "token": "env:T" }),
        ),
        Vendor::JiraDataCenter => spec("jira", "jira", json!({ "url": url, "project": "OPS", "token": "env:T" })),
        Vendor::Monday => spec(
            "monday",
            "monday",
            json!({ "url": url, "board": "77", "token": "env:T",
                "columns": { "token": "text_dedup", "severity": "sev", "status": "status" } }),
        ),
        Vendor::Channel(_) => panic!("people are told by notifiers"),
    }
}

pub(super) fn random(dice: &mut Dice) -> Fault {
    const ALL: [Fault; 11] = [
        Fault::Unheard,
        Fault::Lost,
        Fault::Cut,
        Fault::Ill,
        Fault::IllAfter,
        Fault::Throttled,
        Fault::Denied,
        Fault::Login,
        Fault::Asks(503, &[("retry-after", "90")]),
        Fault::Asks(500, &[("retry-after", "99999999999999999999")]),
        Fault::Asks(504, &[("retry-after", "\u{7f}soon")]),
    ];
    ALL[usize::try_from(dice.below(11)).unwrap()]
}

async fn a_thousand_faults(vendor: Vendor) {
    let (fake, url) = start(vendor, 0).await;
    let (tracker, means) = (tracker(vendor, &url), means(Duration::from_secs(30)));
    let happens = [
        IncidentEventKind::Note { text: "disk <full> & so on".into() },
        IncidentEventKind::SeverityChanged { to: Severity::P1, reason: String::new() },
        IncidentEventKind::Renamed { title: "play <is> slow & sad".into() },
        IncidentEventKind::Resolved { summary: "green".into() },
    ];
    let nights = Nights { fake: &fake, injections: INJECTIONS, faults: (10, 12), lag: 15, happens: &happens };
    let is_one = |seed: u64, sim: &Sim| {
        let fake = fake.lock().unwrap();
        assert_eq!(fake.tickets.len(), 1, "seed {seed}: one ticket: {:#?} {:#?}", fake.tickets, sim.stored);
        let ticket = &fake.tickets[0];
        assert_eq!(ticket.comments.len(), 2, "seed {seed}: each said once: {ticket:?}");
        assert!(ticket.done, "seed {seed}: {ticket:?}");
        assert_eq!(ticket.title, "play <is> slow & sad", "seed {seed}");
        let known: Vec<_> = sim.state.outbox.tickets(super::INCIDENT).map(|(_, remote)| remote.id.clone()).collect();
        assert!(known.len() == 1 && known[0].ends_with(&ticket.id.to_string()), "seed {seed}: {known:?}");
    };
    let (_, kills) = nights.pass(|| Sim::new(&tracker, &fake, means.clone()), is_one).await;
    assert!(kills > 20);
}

#[tokio::test]
async fn a_thousand_faults_of_github_leave_one_issue_each() {
    a_thousand_faults(Vendor::GitHub).await;
}

#[tokio::test]
async fn a_thousand_faults_of_jira_cloud_leave_one_issue_each() {
    a_thousand_faults(Vendor::JiraCloud).await;
}

#[tokio::test]
async fn a_thousand_faults_of_jira_data_center_leave_one_issue_each() {
    a_thousand_faults(Vendor::JiraDataCenter).await;
}

#[tokio::test]
async fn a_thousand_faults_of_monday_leave_one_item_each() {
    a_thousand_faults(Vendor::Monday).await;
}

/// What goes wrong with the first write: monday is asked for its columns before that.
pub(super) fn first(vendor: Vendor, fault: Fault) -> Vec<Fault> {
    const BOARD: &str = r#"{"data":{"boards":[{"id":"77","columns":[{"id":"text_dedup","type":"text"},{"id":"sev","type":"text"},{"id":"status","type":"text"}]}]}}"#;
    let mut faults = vec![fault];
    faults.extend((vendor == Vendor::Monday).then_some(Fault::Says(200, BOARD)));
    faults
}

#[tokio::test]
async fn a_thousand_kills_leave_one_file_each() {
    let (fake, _) = start(Vendor::GitHub, 0).await;
    let (mut seed, mut kills) = (0, 0);
    while kills < INJECTIONS {
        seed += 1;
        let dir = tempfile::tempdir().unwrap();
        let tracker = spec("notes", "markdown", json!({ "path": dir.path().join("incidents"), "commit": false }));
        let mut sim = Sim::new(&tracker, &fake, means(Duration::from_secs(30)));
        sim.killer = Some(Dice(seed));
        sim.opened().await;
        for text in ["one", "two", "three"] {
            sim.pass(1_000);
            sim.happens(IncidentEventKind::Note { text: text.into() }).await;
        }
        sim.happens(IncidentEventKind::Renamed { title: "play is slow".into() }).await;
        sim.happens(IncidentEventKind::Resolved { summary: "green".into() }).await;
        sim.settle(300).await;
        kills += sim.kills;
        let files: Vec<_> =
            std::fs::read_dir(dir.path().join("incidents")).unwrap().map(|file| file.unwrap().path()).collect();
        assert_eq!(files.len(), 1, "seed {seed}: {files:?}");
        let text = std::fs::read_to_string(&files[0]).unwrap();
        for said in ["one", "two", "three", "green"] {
            assert_eq!(text.matches(&format!(" {said} (ana")).count(), 1, "seed {seed}: {said}: {text}");
        }
        assert!(text.contains("status: resolved"), "{text}");
        assert!(text.contains("title: play is slow\n") && text.contains("\n# play is slow\n"), "{text}");
        assert!(!text.contains("play@prod is down"), "{text}");
    }
    println!("{kills} kills in {seed} nights");
}

#[tokio::test]
async fn a_ticket_that_shows_after_it_was_sent_again_is_found_and_told_that_it_is_one_too_many() {
    for vendor in [Vendor::GitHub, Vendor::JiraCloud, Vendor::JiraDataCenter, Vendor::Monday] {
        let (fake, url) = start(vendor, 5_000).await;
        let tracker = tracker(vendor, &url);
        let mut sim = Sim::new(&tracker, &fake, means(Duration::from_secs(30)));
        let faults = first(vendor, Fault::Late(60_000));
        fake.lock().unwrap().faults = faults;
        sim.opened().await;
        sim.settle(100).await;
        for _ in 0..200 {
            sim.pass(10_000);
            sim.does(quarterdeck::core::Msg::Ticked).await;
        }
        let entry = sim.state.outbox.ticket(super::INCIDENT, &tracker.name).unwrap();
        let fake = fake.lock().unwrap();
        assert_eq!(fake.tickets.len(), 2, "{vendor:?}");
        assert_eq!(entry.duplicates.len(), 1, "{vendor:?}: {entry:#?}");
        let (ours, other) = (entry.remote.as_ref().unwrap(), &entry.duplicates[0]);
        let other = fake.tickets.iter().find(|ticket| other.id.ends_with(&ticket.id.to_string())).unwrap();
        assert!(
            other.comments.iter().any(|(_, text)| text.contains("Duplicate of") && text.contains(&ours.id)),
            "{other:?}"
        );
        assert!(fake.tickets.iter().all(|ticket| ticket.comments.len() == usize::from(ticket.id == other.id)));
        assert_eq!(sim.sync(), Some(Sync::Synced));
        assert!(WINDOW >= fake.lag);
    }
}

/// One answer to the first write, whatever it is, and what becomes of it.
#[tokio::test]
async fn what_servers_say_is_told_and_nothing_is_made_twice() {
    const LONG: &str = "\u{1b}[2J\u{1b}]0;x\u{7}\r\nSet-Cookie: a=b";
    for vendor in [Vendor::GitHub, Vendor::JiraCloud, Vendor::JiraDataCenter, Vendor::Monday] {
        for (fault, failed, says) in [
            (Fault::Denied, true, "renew it"),
            (Fault::Says(403, "{}"), true, "give it leave"),
            (Fault::Says(404, "{}"), true, "correct the settings"),
            (Fault::Says(400, "{}"), true, "edit or drop it"),
            (Fault::Says(302, ""), true, "another place"),
            (Fault::Throttled, false, "no more for a while"),
            (Fault::Says(429, "{}"), false, "no more for a while"),
            (Fault::Ill, false, "503"),
            (Fault::Login, false, "no answer of its own: Log in"),
            (Fault::Says(200, "[]"), false, ""),
            (Fault::Says(200, r#"{"data":{"create_item":{}},"id":null,"key":"../../x","number":{}}"#), false, ""),
            (Fault::Says(500, LONG), false, "500"),
            (Fault::Cut, false, ""),
            (Fault::Silent, false, "no answer within"),
        ] {
            let (fake, url) = start(vendor, 1_000).await;
            let patience = if fault == Fault::Silent { Duration::from_millis(300) } else { Duration::from_secs(30) };
            let tracker = tracker(vendor, &url);
            let mut sim = Sim::new(&tracker, &fake, means(patience));
            fake.lock().unwrap().faults = first(vendor, fault);
            sim.opened().await;
            sim.step().await;
            let entry = sim.state.outbox.ticket(super::INCIDENT, &tracker.name).unwrap();
            println!("{vendor:?} {fault:?}: {:?}", entry.standing);
            assert_eq!(matches!(entry.standing, Standing::Failed { .. }), failed, "{vendor:?} {fault:?}: {entry:?}");
            assert!(entry.reason().contains(says), "{vendor:?} {fault:?}: {}", entry.reason());
            assert!(entry.reason().chars().count() <= 400 && !entry.reason().contains(['\u{1b}', '\r', '\u{7}']));
            assert!(!entry.reason().contains("test-token"));
            sim.settle(60).await;
            let fake = fake.lock().unwrap();
            assert_eq!(fake.tickets.len(), 1, "{vendor:?} {fault:?}");
            let ticket = format!("{:?}", fake.tickets[0]);
            assert!(!ticket.contains("hunter2") && !ticket.contains("\\u{1b}"), "{ticket}");
            assert!(fake.tickets[0].title.chars().count() <= 255);
        }
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_tried_again_and_what_another_changed_is_kept() {
    for vendor in [Vendor::GitHub, Vendor::JiraCloud, Vendor::Monday] {
        let (fake, url) = start(vendor, 0).await;
        let mut sim = Sim::new(&tracker(vendor, "http://127.0.0.1:1"), &fake, means(Duration::from_secs(30)));
        sim.opened().await;
        sim.step().await;
        let items: Vec<_> = sim.state.outbox.items.values().collect();
        assert!(items[0].reason().contains("refused") && !items[0].doubt, "{vendor:?}: {items:?}");

        let tracker = tracker(vendor, &url);
        let mut sim = Sim::new(&tracker, &fake, means(Duration::from_secs(30)));
        sim.opened().await;
        sim.settle(20).await;
        {
            let mut fake = fake.lock().unwrap();
            let ticket = &mut fake.tickets[0];
            ticket.labels.iter_mut().for_each(|label| *label = label.replace("P2", "P4"));
            if vendor == Vendor::Monday {
                ticket.columns.insert("sev".into(), json!({ "label": "P4" }));
            }
        }
        sim.happens(IncidentEventKind::SeverityChanged { to: Severity::P1, reason: String::new() }).await;
        for _ in 0..5 {
            sim.step().await;
        }
        assert_eq!(sim.sync(), Some(Sync::Failed), "{vendor:?}");
        let update = sim.state.outbox.items.values().find(|item| matches!(item.item.write, Write::Update(_))).unwrap();
        assert!(update.reason().contains("severity is P4, ours P2"), "{vendor:?}: {}", update.reason());
        sim.settle(20).await;
        let fake = fake.lock().unwrap();
        let ticket = format!("{:?}", fake.tickets[0]);
        assert!(ticket.contains("P1") && !ticket.contains("P4"), "{vendor:?}: a person said that ours holds: {ticket}");
    }
}

/// A monday board without a column for the token, which stands at the end of the name then.
fn nameless(url: &str) -> Arc<TrackerSpec> {
    let mut spec = (*tracker(Vendor::Monday, url)).clone();
    spec.params.insert("columns".to_owned(), json!({ "status": "status" }));
    Arc::new(spec)
}

#[tokio::test]
async fn a_renamed_incident_renames_its_ticket_and_not_what_another_called_it() {
    for (vendor, is_nameless) in
        [Vendor::GitHub, Vendor::JiraCloud, Vendor::JiraDataCenter, Vendor::Monday, Vendor::Monday]
            .into_iter()
            .zip([false, false, false, false, true])
    {
        let (fake, url) = start(vendor, 0).await;
        let tracker = if is_nameless { nameless(&url) } else { tracker(vendor, &url) };
        let token = quarterdeck::core::outbox::token_of(super::INCIDENT, &tracker.name, None);
        let named = |title: &str| if is_nameless { format!("{title} #{token}") } else { title.to_owned() };
        let title = || fake.lock().unwrap().tickets[0].title.clone();
        let renamed = |title: &str| IncidentEventKind::Renamed { title: title.into() };
        let mut sim = Sim::new(&tracker, &fake, means(Duration::from_secs(30)));
        sim.opened().await;
        sim.settle(20).await;
        // What is secret is masked, what is too long is cut, and it is no quarrel with oneself afterwards.
        sim.happens(renamed(&format!("nobody can pay password=hunter2 {}", "long ".repeat(100)))).await;
        sim.settle(20).await;
        assert!(title().starts_with("nobody can pay password=") && !title().contains("hunter2"), "{}", title());
        assert!((200..=255).contains(&title().chars().count()), "{vendor:?}: {}", title());
        sim.happens(renamed("nobody can pay")).await;
        sim.settle(20).await;
        assert_eq!((title(), sim.sync()), (named("nobody can pay"), Some(Sync::Synced)), "{vendor:?}");
        let comments = fake.lock().unwrap().tickets[0].comments.len();
        assert_eq!(comments, 0, "it is a field, and nothing that is said");

        fake.lock().unwrap().tickets[0].title = "Checkout, says the boss".to_owned();
        sim.happens(renamed("nobody can log in")).await;
        for _ in 0..5 {
            sim.step().await;
        }
        assert_eq!((title().as_str(), sim.sync()), ("Checkout, says the boss", Some(Sync::Failed)), "{vendor:?}");
        let failed = sim.state.outbox.items.values().find(|item| item.sync() == Sync::Failed).unwrap();
        let foreign = &failed.foreign["title"];
        assert_eq!(
            (foreign.ours.as_str(), foreign.theirs.as_str()),
            (named("nobody can pay").as_str(), "Checkout, says the boss")
        );
        assert!(
            failed.reason().contains("title is Checkout, says the boss, ours nobody can pay"),
            "{}",
            failed.reason()
        );
        sim.settle(20).await;
        assert_eq!(title(), named("nobody can log in"), "{vendor:?}: a person said that ours holds");
        assert_eq!(fake.lock().unwrap().tickets.len(), 1);
    }
}

#[tokio::test]
async fn a_renamed_incident_renames_its_file_and_a_heading_of_ones_own_stays() {
    let (fake, _) = start(Vendor::GitHub, 0).await;
    let dir = tempfile::tempdir().unwrap();
    let tracker = spec("notes", "markdown", json!({ "path": dir.path(), "commit": false }));
    let mut sim = Sim::new(&tracker, &fake, means(Duration::from_secs(30)));
    let file = || {
        let all: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(|file| file.unwrap().path()).collect();
        assert_eq!(all.len(), 1, "{all:?}");
        all[0].clone()
    };
    let text = || std::fs::read_to_string(file()).unwrap();
    let renamed = |title: &str| IncidentEventKind::Renamed { title: title.into() };
    sim.opened().await;
    sim.happens(renamed("nobody can pay")).await;
    sim.settle(20).await;
    assert!(text().contains("\ntitle: nobody can pay\n") && text().contains("\n# nobody can pay\n"), "{}", text());
    std::fs::write(file(), text().replace("# nobody can pay", "# Ours")).unwrap();
    sim.happens(renamed("nobody can log in")).await;
    sim.settle(20).await;
    assert!(text().contains("\ntitle: nobody can log in\n") && text().contains("\n# Ours\n"), "{}", text());
    std::fs::write(file(), text().replace("title: nobody can log in", "title: Checkout")).unwrap();
    sim.happens(renamed("all is well")).await;
    for _ in 0..5 {
        sim.step().await;
    }
    assert_eq!(sim.sync(), Some(Sync::Failed));
    assert!(text().contains("\ntitle: Checkout\n"), "{}", text());
}
