use std::sync::Arc;

use super::*;
use crate::core::{
    alerts::Severity,
    audit::Read,
    id::{IncidentId, Uid},
    incidents::{self, IncidentEvent, IncidentEventKind, StoredIncidentEvent},
    inventory::Inventory,
    time::Mono,
};

const NOW: Now = Now { utc: Timestamp(1_795_144_361_000), mono: Mono(0) };

fn actor(name: &str) -> Actor {
    Actor { by: name.into(), from: format!("{name}@jump") }
}

fn state(entries: Vec<Audit>) -> State {
    let mut state = State::new(Arc::new(Inventory::default()), actor("ana"));
    let numbered = entries.into_iter().zip(1..).map(|(of, seq)| Entry { seq, hash: String::new(), of });
    let mut entries: Vec<Entry> = numbered.collect();
    entries.reverse();
    state.audit.read = Some(Ok(Read { entries, ..Read::default() }));
    state
}

#[test]
fn a_promise_says_who_when_and_what() {
    let read = |text: &str| Promise::read(text, NOW.utc);
    let (who, due, what) = read("ben 09:00 call the bank back").unwrap();
    assert_eq!(
        (who.as_str(), due.rfc3339().as_str(), what.as_str()),
        ("ben", "2026-11-20T09:00:00.000Z", "call the bank back")
    );
    assert_eq!(read("ben 03:00 x").unwrap().1.rfc3339(), "2026-11-21T03:00:00.000Z", "the next one");
    assert_eq!(read("ben 2h x").unwrap().1, NOW.utc + 2 * HOUR);
    assert_eq!(read("ben 2026-11-22T09:00Z x").unwrap().1.rfc3339(), "2026-11-22T09:00:00.000Z");
    for wrong in ["", "ben", "ben 09:00", "ben soon x", "ben 2020-01-01T00:00:00Z x"] {
        assert!(read(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn promises_stand_until_they_are_kept() {
    let promise =
        |who: &str, hours: i64| Promise::entry(&actor("ana"), NOW, (who, NOW.utc + hours * HOUR, "call back"));
    let state = state(vec![promise("ben", 5), promise("leo", 1), Promise::kept(&actor("ben"), NOW, 1)]);
    let open = state.promises();
    assert_eq!(open.len(), 1);
    assert_eq!((open[0].id, open[0].who.as_str(), open[0].what.as_str()), (2, "leo", "call back"));
}

#[test]
fn a_signature_is_for_what_stood_there_then() {
    let mut state = state(Vec::new());
    let before = state.handover(NOW.utc);
    assert!(!before.is_signed && before.signed.is_none() && before.standing().starts_with("NOT SIGNED"));
    let entry = Entry { seq: 1, hash: String::new(), of: before.signature(&actor("ben"), NOW) };
    state.audit.read = Some(Ok(Read { entries: vec![entry], ..Read::default() }));
    let signed = state.handover(NOW.utc + HOUR);
    assert!(signed.is_signed && signed.standing().starts_with("signed by ben"), "{}", signed.standing());
    assert_eq!(signed.since.0, NOW.utc, "changes are told since then");
    let kind = IncidentEventKind::Opened { title: "play is down".into(), severity: Severity::P1, service: None };
    let event = IncidentEvent { incident: Uid([7; 6]), at: NOW.utc, by: "ana".into(), kind };
    let stored = StoredIncidentEvent { number: IncidentId(214), seq: 1, event };
    _ = incidents::update(&mut state.incidents, incidents::Msg::Stored(vec![stored]), NOW.utc, &"ana".into());
    let later = state.handover(NOW.utc + HOUR);
    assert!(!later.is_signed && later.standing().contains("ben signed an earlier one"), "{}", later.standing());
    assert!(later.sections[0].lines[0].urgent, "nobody leads it");
}

#[test]
fn what_planned_work_mutes_is_held_back_until_it_is_over() {
    use crate::core::{
        alerts::{self, AlertEvent, AlertEventKind, Target},
        id::ServiceId,
        inventory::Service,
        windows::{Covers, Window},
    };
    let services = ["play@prod", "api@prod"].map(|id| id.parse::<ServiceId>().unwrap());
    let inventory = Inventory {
        services: services.iter().map(|id| Arc::new(Service::new(id.clone()))).collect(),
        ..Inventory::default()
    };
    let mut state = State::new(Arc::new(inventory), actor("ana"));
    let [play, api] = services;
    let covers = Covers { services: [play.clone()].into(), ..Covers::default() };
    let (from, to) = (NOW.utc - HOUR, NOW.utc + HOUR);
    let window = Window { covers, from, to, zone: "UTC".into(), why: "new disks".into() };
    let event = window.declared(&actor("ben"), NOW.utc);
    _ = state.windows_arrived(&[event], NOW);
    for (service, uid) in [(play, 1), (api, 2)] {
        let kind = AlertEventKind::Fired {
            rule: "service-down".into(),
            target: Target::Service(service),
            severity: Severity::P1,
            value: None,
            since: NOW.utc,
            summary: "down: page".into(),
            muted: uid == 1,
        };
        let event = AlertEvent { alert: Uid([uid; 6]), at: NOW.utc, by: "qd".into(), kind };
        _ = state.alerts_update(alerts::Msg::EventsArrived(vec![event]), NOW);
    }
    let section = |now: Timestamp, title: &str| -> Vec<String> {
        let sections = state.handover(now).sections;
        let of = sections.into_iter().find(|section| section.title == title).unwrap();
        of.lines.into_iter().map(|line| format!("{}: {}", line.about, line.text)).collect()
    };
    let clock = state.moment(to, NOW.utc);
    let held = format!("play@prod: down: page muted by planned work until {clock}");
    assert_eq!(section(NOW.utc, "held back"), [held]);
    assert_eq!(section(NOW.utc, "planned"), [format!("play@prod: goes on until {clock}, by ben: new disks")]);
    assert!(section(NOW.utc, "watch").contains(&"api@prod: P1 down: page, nobody's".to_owned()));
    assert!(!section(NOW.utc, "watch").iter().any(|line| line.starts_with("play@prod: P1")));
    // Before it begins it is planned; once it is over, nothing is held back any more.
    assert_eq!(section(from - HOUR, "planned").len(), 1);
    assert!(section(from - 13 * HOUR, "planned").is_empty(), "that is for the shift after the next");
    assert!(section(to, "held back").is_empty() && section(to, "planned").is_empty());
}

#[test]
fn what_could_not_be_read_is_said() {
    let mut state = state(Vec::new());
    state.audit.read = Some(Err("the store is locked".into()));
    let of = state.handover(NOW.utc);
    assert!(of.unread.is_some_and(|why| why.contains("the store is locked")));
    state.audit.read = None;
    assert!(state.handover(NOW.utc).unread.is_some(), "not yet is not nothing");
}
