//! The box that asks why an alert is held back, in all its ways.
use std::sync::Arc;

use super::*;
use crate::core::{
    Msg,
    action::Action,
    alerts::{AlertEvent, AlertEventKind, Severity, Target},
    audit,
    id::Operator,
    inventory::{Inventory, Service},
    record::{Audit, Row},
    runs::Actor,
    time::{MINUTE, Mono, Timestamp},
    update,
};

const ALERT: Uid = Uid([1; 6]);

/// A console of somebody at the list of alerts, where one fires.
struct Console {
    state: State,
    now: Now,
}

impl Console {
    fn new(who: &str) -> Self {
        let services = vec![Arc::new(Service::new("play@prod".parse().unwrap()))];
        let actor = Actor { by: who.into(), from: format!("{who}@jump") };
        let state = State::new(Arc::new(Inventory { services, ..Inventory::default() }), actor);
        let mut console = Self { state, now: Now { utc: Timestamp(1_000), mono: Mono(1_000) } };
        let kind = AlertEventKind::Fired {
            rule: "service-down".into(),
            target: Target::Service("play@prod".parse().unwrap()),
            severity: Severity::P1,
            value: None,
            since: console.now.utc,
            summary: "down".into(),
            muted: false,
        };
        console.hears(AlertEvent { alert: ALERT, at: console.now.utc, by: "qd".into(), kind });
        _ = console.press(Action::GoAlerts);
        console
    }

    fn hears(&mut self, event: AlertEvent) {
        _ = update(&mut self.state, Msg::Alerts(alerts::Msg::EventsArrived(vec![event])), self.now);
    }

    fn press(&mut self, action: Action) -> Vec<Row> {
        let effects = update(&mut self.state, Msg::Acted(action), self.now);
        effects
            .into_iter()
            .filter_map(|of| if let Effect::Commit { rows, .. } = of { Some(rows) } else { None })
            .flatten()
            .collect()
    }

    /// Types into the box that is open, and confirms.
    fn says(&mut self, text: &str) -> Vec<Row> {
        _ = update(&mut self.state, Msg::Drafted { draft: Draft::Note, text: text.to_owned() }, self.now);
        self.press(Action::Confirm)
    }

    fn owner(&self) -> (String, String) {
        let owned = self.state.alerts.alert(ALERT).and_then(|alert| alert.owner(self.now.utc));
        owned.map_or_else(Default::default, |owned| (owned.by.to_string(), owned.why().to_owned()))
    }

    fn is_asking(&self) -> bool {
        self.state.screen.overlay == Some(Overlay::Own { alert: ALERT })
    }

    fn pass(&mut self, ms: i64) {
        self.now = Now { utc: self.now.utc + ms, mono: Mono(self.now.mono.0 + ms.unsigned_abs()) };
    }
}

fn pair(by: &str, why: &str) -> (String, String) {
    (by.to_owned(), why.to_owned())
}

/// The one event, and who did it as the audit has it.
fn event(rows: &[Row]) -> (AlertEvent, Audit) {
    let [Row::Alert(event), Row::Audit(audit)] = rows else { panic!("{rows:?}") };
    (event.clone(), audit.clone())
}

#[test]
fn the_first_press_owns_it_and_the_second_asks_why() {
    let mut console = Console::new("ana");
    let (_, audit) = event(&console.press(Action::AcknowledgeAlert));
    assert_eq!(
        (audit.what.as_str(), audit.target.as_str(), audit.by.as_str()),
        (audit::ACKNOWLEDGED, "play@prod", "ana")
    );
    assert_eq!(audit.from, "ana@jump");
    assert!(
        audit.detail.starts_with("service-down until 1970-01-01T00:30:01.000Z: no reason given"),
        "{}",
        audit.detail
    );
    assert!(!console.is_asking());
    console.pass(MINUTE);
    assert_eq!(console.press(Action::AcknowledgeAlert), []);
    assert!(console.is_asking());
    // Esc leaves it as it was, and what was typed is gone with the box.
    _ = update(&mut console.state, Msg::Drafted { draft: Draft::Note, text: "never mind".into() }, console.now);
    assert_eq!(console.press(Action::GoBack), []);
    assert_eq!((console.is_asking(), console.owner()), (false, pair("ana", "no reason given")));
    assert_eq!(console.press(Action::AcknowledgeAlert), []);
    assert_eq!(console.state.screen.draft(Draft::Note), "");
    let (_, audit) = event(&console.says("  the bank is on it "));
    assert!(audit.detail.ends_with(": the bank is on it"), "{}", audit.detail);
    assert_eq!((console.is_asking(), console.owner()), (false, pair("ana", "the bank is on it")));
    // Nothing said keeps what was, and owns it for longer.
    console.pass(20 * MINUTE);
    _ = console.press(Action::AcknowledgeAlert);
    _ = event(&console.says("   "));
    assert_eq!(console.owner(), pair("ana", "the bank is on it"));
    console.pass(29 * MINUTE);
    assert_eq!(console.owner().0, "ana");
    console.pass(MINUTE);
    assert_eq!(console.owner().0, "", "its time is over");
}

#[test]
fn over_what_another_has_it_says_who_and_takes_it_over_only_when_confirmed() {
    let (mut ana, mut ben) = (Console::new("ana"), Console::new("ben"));
    let (first, _) = event(&ana.press(Action::AcknowledgeAlert));
    ben.hears(first);
    ben.pass(MINUTE);
    assert_eq!(ben.press(Action::AcknowledgeAlert), [], "one press takes nothing from anybody");
    assert!(ben.is_asking());
    assert_eq!(ben.press(Action::GoBack), []);
    assert_eq!(ben.owner().0, "ana");
    _ = ben.press(Action::AcknowledgeAlert);
    let (over, audit) = event(&ben.says("ana is asleep"));
    assert!(audit.detail.contains(" from ana until "), "{}", audit.detail);
    assert_eq!(ben.owner(), pair("ben", "ana is asleep"));
    // Ana learns of it.
    ana.pass(MINUTE);
    ana.hears(over);
    assert_eq!(ana.owner(), pair("ben", "ana is asleep"));
    let message = ana.state.screen.message.as_ref().unwrap();
    assert!(
        message.text.starts_with("play@prod is ben's until ") && message.text.ends_with(", not yours"),
        "{message:?}"
    );
    assert_eq!(message.tone, Tone::Error, "it stays until it is seen");
}

#[test]
fn of_two_presses_at_once_the_later_says_who_holds_it() {
    let (mut ana, mut ben) = (Console::new("ana"), Console::new("ben"));
    let (first, _) = event(&ana.press(Action::AcknowledgeAlert));
    ben.pass(200);
    let (second, _) = event(&ben.press(Action::AcknowledgeAlert));
    assert_eq!(ben.owner().0, "ben", "he cannot know yet");
    ana.hears(second);
    ben.hears(first);
    assert_eq!((ana.owner().0, ben.owner().0), ("ana".to_owned(), "ana".to_owned()));
    let text = ben.state.screen.message.as_ref().map(|message| message.text.clone()).unwrap();
    assert!(text.starts_with("play@prod is ana's until "), "{text}");
    assert!(!ana.state.screen.message.as_ref().is_some_and(|message| message.text.contains("not yours")));
}

#[test]
fn what_does_not_fire_any_more_is_not_owned_and_says_so() {
    let mut console = Console::new("ana");
    let kind = AlertEventKind::Resolved { value: None };
    console.hears(AlertEvent { alert: ALERT, at: console.now.utc, by: Operator::from("qd"), kind });
    assert_eq!(console.press(Action::AcknowledgeAlert), []);
    let text = console.state.screen.message.as_ref().map(|message| message.text.clone()).unwrap();
    assert!(text.contains("nothing to own") || text.contains("no alert here"), "{text}");
}
