//! What is Jira's alone: priorities, transitions that collide, tokens of limited scope, issues that were moved.
use std::{sync::Arc, time::Duration};

use quarterdeck::core::{
    Msg,
    alerts::Severity,
    incidents::IncidentEventKind,
    outbox::{Standing, Sync, TrackerSpec},
    time::MINUTE,
};
use serde_json::{Value, json};

use super::{
    faults,
    sim::{Sim, means},
    spec,
};
use crate::tickets::{Shared, Vendor, start};

async fn opened(spec: impl Fn(&str) -> Arc<TrackerSpec>) -> (Shared, Sim) {
    let (fake, url) = start(Vendor::JiraCloud, 0).await;
    let mut sim = Sim::new(&spec(&url), &fake, means(Duration::from_secs(30)));
    sim.opened().await;
    sim.settle(20).await;
    (fake, sim)
}

fn with(url: &str, more: &Value) -> Arc<TrackerSpec> {
    let mut params =
        json!({ "url": url, "flavour": "cloud", "project": "OPS", "user": "bot@acme.example", "token": "env:T" });
    params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    spec("jira", "jira", params)
}

fn worse() -> IncidentEventKind {
    IncidentEventKind::SeverityChanged { to: Severity::P1, reason: String::new() }
}

#[tokio::test]
async fn a_priority_that_another_set_is_shown_beside_ours_and_kept_until_a_person_says() {
    let priorities = json!({ "priorities": { "P1": "highest", "P2": "High" } });
    let (fake, mut sim) = opened(|url| with(url, &priorities)).await;
    let set = |fake: &Shared, name: &str| {
        fake.lock().unwrap().tickets[0].columns.insert("priority".into(), json!(name));
    };
    let is = |fake: &Shared| fake.lock().unwrap().tickets[0].columns["priority"].clone();
    assert_eq!(is(&fake), "High");
    set(&fake, "HIGH");
    sim.happens(worse()).await;
    sim.settle(10).await;
    assert_eq!((sim.sync(), is(&fake)), (Some(Sync::Synced), json!("highest")), "upper and lower case are one");
    set(&fake, "Low");
    let down = IncidentEventKind::SeverityChanged { to: Severity::P2, reason: String::new() };
    sim.happens(down).await;
    for _ in 0..5 {
        sim.step().await;
    }
    let failed = sim.state.outbox.items.values().find(|item| item.sync() == Sync::Failed).unwrap();
    assert!(failed.reason().contains("priority is Low, ours highest"), "{}", failed.reason());
    assert_eq!(is(&fake), "Low");
    sim.settle(20).await;
    assert_eq!(is(&fake), "High", "a person said that ours holds");
}

#[tokio::test]
async fn a_look_shows_who_set_another_priority_and_that_an_issue_was_moved() {
    let priorities = json!({ "priorities": { "P2": "High" } });
    let (fake, mut sim) = opened(|url| with(url, &priorities)).await;
    {
        let mut fake = fake.lock().unwrap();
        fake.moved = Some("SHOP");
        fake.tickets[0].columns.insert("priority".into(), json!("Low"));
    }
    sim.pass(11 * MINUTE);
    sim.does(Msg::Ticked).await;
    let entry = sim.state.outbox.ticket(super::INCIDENT, "jira").unwrap();
    assert_eq!(entry.foreign["priority"].theirs, "Low");
    let (ours, theirs) = (&entry.foreign["key"].ours, &entry.foreign["key"].theirs);
    assert_eq!((ours.replace("OPS", "SHOP"), ours.starts_with("OPS-")), (theirs.clone(), true));
}

#[tokio::test]
async fn a_transition_that_collides_is_tried_again_soon() {
    let (fake, mut sim) = opened(|url| faults::tracker(Vendor::JiraCloud, url)).await;
    fake.lock().unwrap().busy = 1;
    sim.happens(IncidentEventKind::Resolved { summary: "green".into() }).await;
    let says = |sim: &Sim| {
        let mut all = sim.state.outbox.items.values().map(|item| (item.standing.clone(), sim.now.utc));
        all.find(|(standing, _)| matches!(standing, Standing::Waiting { reason, .. } if !reason.is_empty()))
    };
    while says(&sim).is_none() {
        sim.step().await;
    }
    let Some((Standing::Waiting { next, reason, throttled: false }, now)) = says(&sim) else {
        panic!("{:?}", says(&sim))
    };
    assert!(reason.contains("another change is under way there: Another transition"), "{reason}");
    assert!(next.since(now) <= 5_000);
    sim.settle(20).await;
    assert!(fake.lock().unwrap().tickets[0].done);
}

#[tokio::test]
async fn a_token_of_limited_scope_leads_people_to_the_site_and_not_to_the_gate() {
    let gate = |url: &str| with(&format!("{url}/ex/jira/0c5e"), &json!({}));
    let (_fake, sim) = opened(gate).await;
    let link = |sim: &Sim| sim.state.outbox.tickets(super::INCIDENT).next().and_then(|(_, ticket)| ticket.url.clone());
    assert!(
        link(&sim).is_some_and(|url| url.starts_with("https://acme.atlassian.example/browse/OPS-")),
        "{:?}",
        link(&sim)
    );
    let site = json!({ "site": "https://tickets.acme.example/" });
    let (fake, sim) = opened(|url| with(&format!("{url}/ex/jira/0c5e"), &site)).await;
    assert!(
        link(&sim).is_some_and(|url| url.starts_with("https://tickets.acme.example/browse/OPS-")),
        "{:?}",
        link(&sim)
    );
    assert!(!fake.lock().unwrap().requests.iter().any(|request| request.path.contains("serverInfo")));
}
