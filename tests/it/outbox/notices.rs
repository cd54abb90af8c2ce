//! Every channel at a server that fails in every way: a page rather twice than never, anything else once, and no secret in what is
//! said of it.
use std::{collections::BTreeSet, sync::Arc, time::Duration};

use quarterdeck::{
    core::{
        Msg,
        action::Action,
        alerts::{self, AlertEvent, AlertEventKind, Severity, Target},
        id::Uid,
        incidents::{
            IncidentAction, IncidentEventKind,
            policy::{Member, Team},
        },
        inventory::{Inventory, Service},
        outbox::{Audience, Entry, Hears, News, NotifierSpec, Repeats, Standing, Sync, TrackerSpec},
        record::DeclaredState,
    },
    trackers::Means,
};
use serde_json::json;

use super::{
    nights::Nights,
    sim::{Sim, means_with},
    spec,
};
use crate::tickets::{
    Fault, Shared, Vendor,
    channels::{Channel, HOOK},
    start,
};

/// What is injected into each channel at least.
const INJECTIONS: usize = 1_000;

pub(super) fn place(channel: Channel, url: &str) -> Arc<TrackerSpec> {
    match channel {
        Channel::PagerDuty => spec("pager", "pagerduty", json!({ "routing_key": "env:T", "url": url })),
        Channel::Slack => spec("chat", "slack", json!({ "channel": "C0123456789", "token": "env:T", "api": url })),
        Channel::SlackHook => spec("chat", "slack", json!({ "webhook": "env:HOOK" })),
        Channel::Teams => spec("teams", "teams", json!({ "webhook": "env:HOOK" })),
        Channel::Webhook => spec("hook", "webhook", json!({ "url": url, "token": "env:T", "secret": "env:T" })),
    }
}

/// An inventory in which the policy of every severity names a notifier.
fn inventory(channel: Channel, url: &str) -> Inventory {
    let deaf = [Hears::Update, Hears::Mitigated];
    let is_pager = channel == Channel::PagerDuty;
    let notifier = NotifierSpec {
        place: place(channel, url),
        hears: Hears::ALL.into_iter().map(|(_, of)| of).filter(|of| !is_pager || !deaf.contains(of)).collect(),
        audience: Audience::Internal,
        repeats: match channel {
            Channel::PagerDuty => Repeats::Always,
            Channel::Webhook => Repeats::Few,
            Channel::Slack | Channel::SlackHook | Channel::Teams => Repeats::Once,
        },
        local: false,
    };
    let mut inventory = Inventory { notifiers: vec![Arc::new(notifier)], ..Inventory::default() };
    for of in &mut inventory.policy.severities {
        of.notify = vec![inventory.notifiers[0].place.name.to_string()];
    }
    inventory
}

pub(super) async fn started(channel: Channel, patience: Duration) -> (Shared, Inventory, Means) {
    let (fake, url) = start(Vendor::Channel(channel), 0).await;
    let hook = format!("{url}{HOOK}");
    (fake, inventory(channel, &url), means_with(patience, &[("T", "test-token-1234"), ("HOOK", &hook)]))
}

pub(super) fn entry(sim: &Sim, news: News) -> &Entry {
    let is = |entry: &&Entry| entry.item.write.notice().is_some_and(|notice| notice.news == news);
    sim.state.outbox.items.values().find(is).unwrap()
}

fn resolved() -> IncidentEventKind {
    IncidentEventKind::Resolved { summary: "green again".into() }
}

/// How often a text was heard.
fn heard(fake: &Shared, text: &str) -> usize {
    fake.lock().unwrap().tickets.iter().filter(|kept| kept.text.contains(text)).count()
}

#[tokio::test]
async fn what_channels_say_is_told_without_secrets() {
    const LONG: &str = "\u{1b}[2J\u{1b}]0;x\u{7}\r\nSet-Cookie: a=b";
    for channel in Channel::ALL {
        for (fault, failed, says) in [
            (Fault::Denied, true, "then retry"),
            (Fault::Says(403, "{}"), true, "give it leave"),
            (Fault::Says(404, "{}"), true, "correct the settings"),
            (Fault::Says(410, "channel_is_archived"), true, "correct the settings"),
            (Fault::Says(302, ""), true, "another place"),
            (Fault::Throttled, false, "no more for a while"),
            (Fault::Ill, false, "it may have been sent: 503"),
            (Fault::IllAfter, false, "it may have been sent: 502"),
            (Fault::Login, false, "no answer of its own: Log in"),
            (Fault::Says(500, LONG), false, "500"),
            (Fault::Lost, false, "it may have been sent"),
            (Fault::Silent, false, "no answer within"),
        ] {
            if channel == Channel::PagerDuty && fault == Fault::Denied {
                continue;
            }
            let patience = if fault == Fault::Silent { Duration::from_millis(300) } else { Duration::from_secs(30) };
            let (fake, inventory, means) = started(channel, patience).await;
            let mut sim = Sim::with(inventory, &fake, means);
            fake.lock().unwrap().faults = vec![fault];
            sim.opened().await;
            sim.step().await;
            let entry = entry(&sim, News::Opened);
            println!("{channel:?} {fault:?}: {:?}", entry.standing);
            assert_eq!(matches!(entry.standing, Standing::Failed { .. }), failed, "{channel:?} {fault:?}: {entry:?}");
            assert!(entry.reason().contains(says), "{channel:?} {fault:?}: {}", entry.reason());
            assert!(entry.reason().chars().count() <= 400 && !entry.reason().contains(['\u{1b}', '\r', '\u{7}']));
            for secret in ["test-token", "hook-secret", "sig-secret"] {
                assert!(!entry.reason().contains(secret), "{channel:?} {fault:?}: {}", entry.reason());
            }
            sim.settle(60).await;
            assert_eq!(sim.sync(), Some(Sync::Synced), "{channel:?} {fault:?}");
            let fake = fake.lock().unwrap();
            let ambiguous = matches!(fault, Fault::IllAfter | Fault::Lost | Fault::Silent);
            assert_eq!(fake.tickets.len(), 1 + usize::from(ambiguous), "{channel:?} {fault:?}");
            let text = &fake.tickets[0].text;
            assert!(["INC-7", "opened", "P2"].iter().all(|word| text.contains(word)), "{text}");
            assert!(!text.contains("hunter2") && !text.contains("\\u001b"), "{text}");
            let sent = fake.requests.iter().filter(|request| request.head.contains("idempotency-key: qd-")).count();
            assert_eq!(sent > 0, channel == Channel::Webhook);
        }
    }
}

#[tokio::test]
async fn what_calls_nobody_is_said_once_and_what_is_unsure_says_so() {
    for channel in Channel::ALL {
        let (fake, inventory, means) = started(channel, Duration::from_secs(30)).await;
        let mut sim = Sim::with(inventory, &fake, means);
        sim.opened().await;
        sim.settle(20).await;
        fake.lock().unwrap().faults = vec![Fault::Lost];
        sim.happens(resolved()).await;
        sim.settle(60).await;
        let end = entry(&sim, News::Resolved);
        if channel == Channel::PagerDuty {
            // The same key twice is once.
            assert_eq!((end.sync(), heard(&fake, "resolve")), (Sync::Synced, 2));
            let fake = fake.lock().unwrap();
            let keys: BTreeSet<_> = fake.tickets.iter().map(|kept| kept.title.clone()).collect();
            assert_eq!(keys.into_iter().collect::<Vec<_>>(), [super::INCIDENT.to_string()]);
            continue;
        }
        if channel == Channel::Webhook {
            // Each says by its key that it is the same.
            assert_eq!((end.sync(), heard(&fake, "green again")), (Sync::Synced, 2));
            let fake = fake.lock().unwrap();
            let of = fake.requests.iter().filter(|request| request.body.to_string().contains("green again"));
            assert_eq!(of.map(|request| request.body["id"].to_string()).collect::<BTreeSet<_>>().len(), 1);
            continue;
        }
        assert_eq!(end.sync(), Sync::Unsure, "{channel:?}: {end:?}");
        assert!(end.reason().starts_with("it may have been sent"), "{}", end.reason());
        assert_eq!(heard(&fake, "green again"), 1, "{channel:?}");
        // A person looks there, and has it sent once more.
        let token = end.token;
        sim.does(quarterdeck::core::Msg::Outbox(quarterdeck::core::outbox::Msg::RetryAsked { token })).await;
        sim.settle(20).await;
        assert_eq!((entry(&sim, News::Resolved).sync(), heard(&fake, "green again")), (Sync::Synced, 2));
    }
}

#[tokio::test]
async fn an_incident_that_went_into_another_calls_nobody_any_more() {
    let (fake, inventory, means) = started(Channel::PagerDuty, Duration::from_secs(30)).await;
    let mut sim = Sim::with(inventory, &fake, means);
    sim.opened().await;
    let how = quarterdeck::core::incidents::Link::MergedInto;
    let other = quarterdeck::core::id::Uid([8; 6]);
    sim.happens(IncidentEventKind::Linked { other, how }).await;
    sim.settle(20).await;
    let fake = fake.lock().unwrap();
    let said: Vec<_> = fake.tickets.iter().map(|kept| (kept.labels[0].as_str(), kept.title.clone())).collect();
    let key = super::INCIDENT.to_string();
    assert_eq!(said, [("trigger", key.clone()), ("resolve", key)]);
}

#[tokio::test]
async fn what_was_told_last_is_not_told_again_whoever_notes_it() {
    let (fake, inventory, means) = started(Channel::Slack, Duration::from_secs(30)).await;
    let mut sim = Sim::with(inventory, &fake, means);
    sim.opened().await;
    sim.settle(20).await;
    let to = |to: Severity| IncidentEventKind::SeverityChanged { to, reason: "orders fail".into() };
    for severity in [Severity::P1, Severity::P1, Severity::P2, Severity::P1] {
        sim.happens(to(severity)).await;
        sim.settle(20).await;
    }
    assert_eq!(heard(&fake, "was P2: orders fail"), 2, "it got bad twice");
    assert_eq!(heard(&fake, "was P1: orders fail"), 1);
    let told = |text: &str| IncidentEventKind::Told {
        state: DeclaredState::Investigating,
        text: text.into(),
        internal: String::new(),
        to: Vec::new(),
    };
    sim.happens(told("we look <!channel> & so on")).await;
    sim.settle(20).await;
    assert_eq!(heard(&fake, "investigating: we look &lt;!channel&gt; &amp; so on"), 1);
}

#[tokio::test]
async fn what_begins_names_the_command_that_opens_the_console_there_and_what_ends_does_not() {
    for channel in Channel::ALL {
        let (fake, inventory, means) = started(channel, Duration::from_secs(30)).await;
        let mut sim = Sim::with(inventory, &fake, means);
        sim.opened().await;
        sim.settle(20).await;
        // A webhook is JSON for a machine, which has the number.
        let wanted = usize::from(channel != Channel::Webhook);
        assert_eq!(heard(&fake, "In the console: qd INC-7"), wanted, "{channel:?}");
        sim.happens(resolved()).await;
        sim.settle(20).await;
        assert_eq!(heard(&fake, "In the console: qd INC-7"), wanted, "{channel:?}");
    }
}

#[tokio::test]
async fn who_takes_the_lead_of_what_opened_by_itself_silences_the_pager_once() {
    let (fake, mut inventory, means) = started(Channel::PagerDuty, Duration::from_secs(30)).await;
    inventory.services = vec![Arc::new(Service::new("play@prod".parse().unwrap()))];
    let mut sim = Sim::with(inventory, &fake, means);
    sim.state.unattended = true;
    let kind = AlertEventKind::Fired {
        rule: "service-down".into(),
        target: Target::Service("play@prod".parse().unwrap()),
        severity: Severity::P1,
        value: None,
        since: sim.now.utc,
        summary: "down".into(),
        muted: false,
    };
    let alert = Uid([1; 6]);
    let event = AlertEvent { alert, at: sim.now.utc, by: "qd".into(), kind };
    sim.does(Msg::Alerts(alerts::Msg::EventsArrived(vec![event]))).await;
    sim.settle(20).await;
    let steps = || fake.lock().unwrap().tickets.iter().map(|kept| kept.labels[0].clone()).collect::<Vec<_>>();
    assert_eq!(steps(), ["trigger"], "the incident opened by itself");
    sim.does(Msg::Acted(Action::GoIncidents)).await;
    sim.does(Msg::Acted(Action::Incident(IncidentAction::Claim))).await;
    sim.settle(20).await;
    assert_eq!(steps(), ["trigger", "acknowledge"]);
    let owner = sim.state.alerts.alert(alert).unwrap().owner(sim.now.utc).unwrap();
    assert_eq!(owner.by, "ana".into());
}

#[tokio::test]
async fn a_phase_in_which_nothing_is_done_calls_the_next_person_by_itself() {
    let (fake, mut inventory, means) = started(Channel::Slack, Duration::from_secs(30)).await;
    inventory.services = vec![Arc::new(Service::new("play@prod".parse().unwrap()))];
    let member = |name: &str| Member { name: name.into(), mail: Some(format!("{name}@example.com")), phone: None };
    inventory.policy.teams = vec![Team { name: "night".into(), members: ["ana", "ben", "cy"].map(member).into() }];
    for of in &mut inventory.policy.severities {
        (of.team, of.escalate_ms) = ("night".into(), Some(60_000));
    }
    let mut sim = Sim::with(inventory, &fake, means);
    sim.opened().await;
    // Ana has it, and nothing happens.
    sim.happens(IncidentEventKind::Acknowledged).await;
    sim.settle(20).await;
    let called = |sim: &Sim| {
        let notices = sim.state.outbox.items.values().filter_map(|entry| entry.item.write.notice());
        let mut of: Vec<_> = notices.filter(|notice| notice.news == News::Escalated).collect();
        of.sort_by_key(|notice| notice.at);
        of.into_iter().map(|notice| (notice.mails.join(" "), notice.calls)).collect::<Vec<_>>()
    };
    while called(&sim).is_empty() {
        assert!(sim.now.utc.since(sim.state.incidents.incidents[&super::INCIDENT].opened) < 120_000, "it never comes");
        sim.pass(10_000);
        sim.does(Msg::Ticked).await;
    }
    sim.settle(20).await;
    assert_eq!(called(&sim), [("ben@example.com".to_owned(), true)], "the next of the team, not who has it");
    assert_eq!(heard(&fake, "ben is called: in classify for 1m"), 1);
    // Nor does ben get on with it: the next is called once, and then there is nobody.
    for _ in 0..30 {
        sim.pass(10_000);
        sim.does(Msg::Ticked).await;
    }
    sim.settle(20).await;
    let mails: Vec<String> = called(&sim).into_iter().map(|(mails, _)| mails).collect();
    assert_eq!(mails, ["ben@example.com", "cy@example.com"]);
}

async fn nights(channel: Channel) {
    let (fake, inventory, means) = started(channel, Duration::from_secs(30)).await;
    let happens = [
        IncidentEventKind::SeverityChanged { to: Severity::P1, reason: "worse".into() },
        IncidentEventKind::Acknowledged,
        resolved(),
    ];
    let nights = Nights { fake: &fake, injections: INJECTIONS, faults: (4, 8), lag: 0, happens: &happens };
    let begin = || Sim::with(inventory.clone(), &fake, means.clone());
    let (_, kills) = nights.pass(begin, |seed, sim| is_heard(channel, &fake, seed, sim)).await;
    assert!(kills > 10);
}

/// Holds that a page is heard rather twice than never, anything else once, or that it says that nobody knows.
fn is_heard(channel: Channel, fake: &Shared, seed: u64, sim: &Sim) {
    if channel == Channel::PagerDuty {
        let fake = fake.lock().unwrap();
        let actions: Vec<_> = fake.tickets.iter().map(|kept| kept.labels[0].clone()).collect();
        let mut steps = actions.clone();
        steps.dedup();
        assert_eq!(steps, ["trigger", "acknowledge", "resolve"], "seed {seed}: in order: {actions:?}");
        return;
    }
    for (text, most) in [("opened by ana", 2), ("was P2: worse", 2), ("ana has it", 1), ("green again", 1)] {
        let times = heard(fake, text);
        let most = if channel == Channel::Webhook { 5 } else { most };
        assert!(times <= most, "seed {seed}: {text} {times} times: {:#?}", sim.stored);
    }
    for entry in sim.state.outbox.items.values() {
        let text = entry.item.write.notice().unwrap().text.clone();
        match entry.sync() {
            Sync::Synced => assert!(heard(fake, &text) >= 1, "seed {seed}: {entry:?}"),
            Sync::Unsure => assert!(entry.reason().starts_with("it may have been sent"), "seed {seed}: {entry:?}"),
            Sync::Dropped | Sync::Waiting | Sync::Failed => panic!("seed {seed}: {entry:?}"),
        }
    }
}

#[tokio::test]
async fn nights_of_pagerduty_are_one_incident_in_order() {
    nights(Channel::PagerDuty).await;
}

#[tokio::test]
async fn nights_of_slack_page_rather_twice_and_chat_once() {
    nights(Channel::Slack).await;
}

#[tokio::test]
async fn nights_of_a_slack_webhook_page_rather_twice_and_chat_once() {
    nights(Channel::SlackHook).await;
}

#[tokio::test]
async fn nights_of_teams_page_rather_twice_and_chat_once() {
    nights(Channel::Teams).await;
}

#[tokio::test]
async fn nights_of_a_webhook_page_rather_twice_and_chat_once() {
    nights(Channel::Webhook).await;
}
