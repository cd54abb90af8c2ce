//! What goes over the wire to channels: who signed it, how much of it there is, and what nobody is shown.
use std::{fmt::Write as _, sync::Arc, time::Duration};

use quarterdeck::core::{
    incidents::IncidentEventKind,
    inventory::Inventory,
    outbox::{Audience, Hears, News, NotifierSpec, Repeats, Sync},
    record::DeclaredState,
};
use serde_json::json;

use super::{
    notices,
    sim::{Sim, means_with},
    spec,
};
use crate::tickets::{
    Fault, Request, Vendor,
    channels::{Channel, HOOK},
    start,
};

fn header<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    request.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

#[tokio::test]
async fn a_webhook_is_signed_as_it_is_written_down() {
    let (fake, inventory, means) = notices::started(Channel::Webhook, Duration::from_secs(30)).await;
    let mut sim = Sim::with(inventory, &fake, means);
    sim.opened().await;
    sim.settle(20).await;
    let fake = fake.lock().unwrap();
    let request = fake.requests.first().unwrap();
    let stamp = header(request, "x-quarterdeck-timestamp").unwrap();
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, b"test-token-1234");
    let tag = ring::hmac::sign(&key, format!("{stamp}.{}", request.raw).as_bytes());
    let mut wanted = String::from("sha256=");
    for byte in tag.as_ref() {
        _ = write!(wanted, "{byte:02x}");
    }
    assert_eq!(header(request, "x-quarterdeck-signature"), Some(wanted.as_str()));
    assert_eq!(header(request, "idempotency-key"), request.body["id"].as_str());
    let told = notices::entry(&sim, News::Opened).item.write.notice().unwrap();
    assert_eq!(stamp, (told.at.0 / 1_000).to_string(), "the moment of what it tells");
    assert_eq!((request.body["version"].as_str(), request.body["event"].as_str()), (Some("1"), Some("notice.opened")));
}

#[tokio::test]
async fn the_address_of_a_webhook_may_be_the_secret() {
    let (fake, url) = start(Vendor::Channel(Channel::Webhook), 0).await;
    let notifier = NotifierSpec {
        place: spec("hook", "webhook", json!({ "webhook": "env:HOOK", "token": "env:T" })),
        hears: Hears::ALL.into_iter().map(|(_, of)| of).collect(),
        audience: Audience::Internal,
        repeats: Repeats::Few,
        local: false,
    };
    let mut inventory = Inventory { notifiers: vec![Arc::new(notifier)], ..Inventory::default() };
    for of in &mut inventory.policy.severities {
        of.notify = vec!["hook".to_owned()];
    }
    let hook = format!("{url}{HOOK}");
    let means = means_with(Duration::from_secs(30), &[("T", "test-token-1234"), ("HOOK", &hook)]);
    let mut sim = Sim::with(inventory, &fake, means);
    fake.lock().unwrap().faults =
        vec![Fault::Answers(400, &[], r#"{"message":"no /services/T000/B000/hook-secret-7777?sig=sig-secret-8888"}"#)];
    sim.opened().await;
    sim.step().await;
    let reason = sim.state.outbox.items.values().next().unwrap().reason().to_owned();
    assert!(reason.contains("400") && !reason.contains("hook-secret") && !reason.contains("sig-secret"), "{reason}");
    sim.settle(10).await;
    assert_eq!((sim.sync(), fake.lock().unwrap().requests.last().unwrap().path.as_str()), (Some(Sync::Synced), HOOK));
}

/// A text that is long and full of what is escaped, and what stands after it.
fn told(line: &str, lines: usize) -> IncidentEventKind {
    let text = (0..lines).map(|_| line).collect::<Vec<_>>().join("\n");
    let internal = String::new();
    IncidentEventKind::Told { state: DeclaredState::Investigating, text, internal, to: Vec::new() }
}

#[tokio::test]
async fn what_is_long_is_cut_where_the_channel_still_takes_it() {
    for channel in [Channel::Slack, Channel::SlackHook, Channel::Teams, Channel::Webhook] {
        for (line, lines) in [("<&>*_[]\\\"\u{1f525}".repeat(700), 1), ("&<".repeat(40), 90)] {
            let (fake, inventory, means) = notices::started(channel, Duration::from_secs(30)).await;
            let mut sim = Sim::with(inventory, &fake, means);
            sim.opened().await;
            sim.settle(20).await;
            sim.happens(told(&line, lines)).await;
            sim.settle(20).await;
            assert_eq!(sim.sync(), Some(Sync::Synced), "{channel:?}: {:#?}", sim.state.outbox.items);
            let fake = fake.lock().unwrap();
            let text = &fake.tickets.last().unwrap().text;
            assert!(text.contains("investigating"), "{channel:?}: {text}");
            if channel == Channel::Teams {
                let blocks = fake.requests.last().unwrap().body["attachments"][0]["content"]["body"].clone();
                let texts: Vec<&str> = blocks.as_array().unwrap().iter().filter_map(|of| of["text"].as_str()).collect();
                assert!(texts[1].starts_with("investigating: "), "{texts:?}");
                assert!(texts.iter().any(|text| text.contains("by ana")), "who said it when: {texts:?}");
            }
        }
    }
}
