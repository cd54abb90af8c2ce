//! What is searched for on later pages, and what is never followed.
use std::time::Duration;

use quarterdeck::core::{
    incidents::IncidentEventKind,
    outbox::{Standing, Sync, Write},
};

use super::{
    faults::tracker,
    sim::{Sim, means},
};
use crate::tickets::{Fault, Vendor, start};

fn note() -> IncidentEventKind {
    IncidentEventKind::Note { text: "said once".into() }
}

#[tokio::test]
async fn a_comment_is_found_behind_two_hundred_of_others() {
    for vendor in [Vendor::GitHub, Vendor::JiraCloud, Vendor::JiraDataCenter, Vendor::Monday] {
        let (fake, url) = start(vendor, 0).await;
        let mut sim = Sim::new(&tracker(vendor, &url), &fake, means(Duration::from_secs(30)));
        sim.opened().await;
        sim.settle(20).await;
        {
            let mut fake = fake.lock().unwrap();
            fake.tickets[0].comments = (1..=230).map(|id| (id, format!("comment {id}"))).collect();
            fake.faults = vec![Fault::Lost];
        }
        sim.happens(note()).await;
        sim.settle(40).await;
        let fake = fake.lock().unwrap();
        let said = fake.tickets[0].comments.iter().filter(|(_, text)| text.contains("said once")).count();
        assert_eq!((said, sim.sync()), (1, Some(Sync::Synced)), "{vendor:?}");
    }
}

#[tokio::test]
async fn a_next_page_at_another_server_is_not_asked_for_with_the_token() {
    let (other, there) = start(Vendor::GitHub, 0).await;
    let (fake, url) = start(Vendor::GitHub, 0).await;
    let mut sim = Sim::new(&tracker(Vendor::GitHub, &url), &fake, means(Duration::from_secs(30)));
    sim.opened().await;
    sim.settle(20).await;
    {
        let mut fake = fake.lock().unwrap();
        fake.tickets[0].comments = (1..=230).map(|id| (id, format!("comment {id}"))).collect();
        fake.faults = vec![Fault::Lost];
        fake.elsewhere = Some(format!("{there}/repos/acme/incidents/issues/1/comments?page=2"));
    }
    sim.happens(note()).await;
    for _ in 0..10 {
        sim.step().await;
    }
    let said = sim.state.outbox.items.values().find(|item| matches!(item.item.write, Write::Comment { .. })).unwrap();
    assert!(matches!(said.standing, Standing::Unclear { .. }), "{said:?}");
    assert!(said.reason().contains("lies at another server"), "{}", said.reason());
    assert!(other.lock().unwrap().requests.is_empty());
    let count = fake.lock().unwrap().tickets[0].comments.iter().filter(|(_, text)| text.contains("said once")).count();
    assert_eq!(count, 1, "and it is not sent once more");
}
