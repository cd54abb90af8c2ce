//! Two consoles on one store take the same thing at the same time: one has it, and people are told so once.
use std::{collections::BTreeSet, path::Path, sync::Arc};

use quarterdeck::{
    checks, config,
    config::{Catalog, Env},
    core::{
        Msg,
        action::Action,
        alerts,
        id::Operator,
        incidents::{self, IncidentAction},
        inventory::Inventory,
        outbox::{Audience, Hears, News, Notice, NotifierSpec, Repeats, Sync},
    },
    recipes,
    runtime::{clock::SystemClock, engine::Engine},
    store::{self, Sqlite},
};
use serde_json::json;

use super::{HANG, console_of, spec};
use crate::{
    json::service,
    net::closed_port,
    tickets::{Vendor, channels::Channel, start},
};

/// One service that is down, and a chat that is told of everything.
fn inventory(url: &str) -> Inventory {
    let text = "version = 1\nclient = \"acme\"\nenvironment = [{ name = \"prod\", kind = \"production\" }]\n"
        .to_owned()
        + &service("play", &closed_port().to_string())
            .replace("2s", "900ms")
            .replace("fail_after = 1", "fail_after = 1, every = \"1s\"");
    let (checks, recipes) = (checks::kinds(), recipes::kinds());
    let catalog = Catalog { checks: &checks, recipes: &recipes, trackers: &[], notifiers: &[], metrics: &[] };
    let loaded = config::load_text(Path::new("qd.toml"), &text, &catalog, &Env::new(Path::new("/nonexistent"), []));
    assert!(!loaded.has_errors(), "{}", config::check_text(&loaded.problems));
    let token = "command:printf test-token-1234";
    let chat = NotifierSpec {
        place: spec("chat", "slack", json!({ "channel": "C0123456789", "token": token, "api": url })),
        hears: Hears::ALL.into_iter().map(|(_, of)| of).collect::<BTreeSet<_>>(),
        audience: Audience::Internal,
        repeats: Repeats::Once,
        local: false,
    };
    let mut inventory = Inventory { notifiers: vec![Arc::new(chat)], ..loaded.inventory };
    for of in &mut inventory.policy.severities {
        of.notify = vec!["chat".into()];
    }
    inventory
}

fn console(by: &str, store: &Path, inventory: &Inventory) -> Engine {
    let store = Box::new(Sqlite::open(store, &store::Options::default()).unwrap());
    console_of(by, store, Arc::new(SystemClock::new()), inventory.clone()).0
}

async fn both(one: &mut Engine, two: &mut Engine, what: &str, holds: impl Fn(&Engine) -> bool) {
    let waited = tokio::time::timeout(HANG, async {
        while !(holds(one) && holds(two)) {
            tokio::select! {
                turn = one.turn() => drop(turn),
                turn = two.turn() => drop(turn),
            }
        }
    });
    assert!(waited.await.is_ok(), "never came: {what}: {:#?} {:#?}", one.state.outbox, two.state.outbox);
}

/// What is said of who has it, and how that stands.
fn has_it(engine: &Engine) -> Vec<(&Notice, Sync)> {
    let items = engine.state.outbox.in_order();
    let notices = items.filter_map(|entry| Some((entry.item.write.notice()?, entry.sync())));
    notices.filter(|(notice, _)| notice.news == News::Acknowledged).collect()
}

/// Lets two do the same at the same time, and holds that one has it and one notice says so.
async fn at_once(is_opened: bool, deed: impl Fn(&Engine) -> Msg) {
    let (fake, url) = start(Vendor::Channel(Channel::Slack), 0).await;
    let dir = tempfile::tempdir().unwrap();
    let (path, inventory) = (dir.path().join("qd.db"), inventory(&url));
    let (mut ana, mut ben) = (console("ana", &path, &inventory), console("ben", &path, &inventory));
    both(&mut ana, &mut ben, "the alert in both", |of| of.state.alerts.firing().next().is_some()).await;
    if is_opened {
        ana.state.screen.go(quarterdeck::core::screen::View::Alerts);
        ana.handle(Msg::Ticked);
        ana.handle(Msg::Acted(Action::OpenIncident));
        both(&mut ana, &mut ben, "the incident in both", |of| of.state.incidents.open().next().is_some()).await;
    }
    let before = has_it(&ana).len();
    for console in [&mut ana, &mut ben] {
        let msg = deed(console);
        console.handle(Msg::Acted(Action::GoIncidents));
        console.handle(Msg::Ticked);
        console.handle(msg);
    }
    let is_over = |of: &Engine| {
        let all = has_it(of);
        all.len() == before + 2 && all.iter().all(|(_, sync)| matches!(sync, Sync::Synced | Sync::Dropped))
    };
    both(&mut ana, &mut ben, "what is said is said", is_over).await;
    for console in [&ana, &ben] {
        let alert = console.state.alerts.firing().next().unwrap();
        let owner: Operator = alert.owned.as_ref().unwrap().by.clone();
        let leads = console.state.incidents.open().next().map(|of| of.owner.clone().unwrap());
        assert!(leads.is_none_or(|leads| leads == owner), "who leads has its alerts");
        let told: Vec<_> = has_it(console).into_iter().filter(|(_, sync)| *sync == Sync::Synced).collect();
        let [(notice, _)] = told.as_slice() else { panic!("{told:?}") };
        assert_eq!(notice.by, owner);
    }
    let heard = fake.lock().unwrap().tickets.iter().filter(|kept| kept.text.contains(" has it")).count();
    assert_eq!(heard, 1, "{:#?}", fake.lock().unwrap().tickets);
}

#[tokio::test]
async fn of_two_who_take_an_alert_at_once_one_is_said_to_have_it() {
    at_once(false, |of| {
        let alert = of.state.alerts.firing().next().unwrap().uid;
        let by = of.state.actor.by.clone();
        Msg::Alerts(alerts::Msg::AcknowledgeRequested { alert, by, for_ms: 1_800_000, reason: None })
    })
    .await;
}

#[tokio::test]
async fn of_two_who_take_the_lead_at_once_one_is_said_to_have_it() {
    at_once(true, |of| {
        let alert = of.state.alerts.firing().next().unwrap().uid;
        assert!(of.state.incidents.incidents.contains_key(&incidents::uid_for_alert(alert)));
        Msg::Acted(Action::Incident(IncidentAction::Claim))
    })
    .await;
}
