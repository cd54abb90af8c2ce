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

/// Signs what stands, and says whether it is still signed after something happened.
fn outlives(state: &mut State, happens: impl FnOnce(&mut State)) -> bool {
    let signature = state.handover(NOW.utc).signature(&actor("ben"), NOW);
    let mut read = state.audit.read.take().and_then(Result::ok).unwrap_or_default();
    read.entries.insert(0, Entry { seq: 1_000 + read.entries.len() as u64, hash: String::new(), of: signature });
    state.audit.read = Some(Ok(read));
    assert!(state.handover(NOW.utc).is_signed);
    happens(state);
    state.handover(NOW.utc + MINUTE).is_signed
}

fn audited(state: &mut State, seq: u64, of: Audit) {
    let Some(Ok(read)) = &mut state.audit.read else { panic!("nothing is read") };
    read.entries.insert(0, Entry { seq, hash: String::new(), of });
}

#[test]
fn a_signature_does_not_outlive_what_it_was_for() {
    use crate::core::{
        alerts::{self, AlertEvent, AlertEventKind, Target},
        incidents::{Duty, Phase},
        outbox::{self, Item, Miss, OutboxEvent, OutboxEventKind, Write},
    };
    let mut state = state(Vec::new());
    let mut seq = 0;
    let mut told = |state: &mut State, kind| {
        seq += 1;
        let event = IncidentEvent { incident: Uid([7; 6]), at: NOW.utc, by: "ana".into(), kind };
        let stored = StoredIncidentEvent { number: IncidentId(214), seq, event };
        _ = incidents::update(&mut state.incidents, incidents::Msg::Stored(vec![stored]), NOW.utc, &"ana".into());
    };
    told(&mut state, IncidentEventKind::Opened { title: "play is down".into(), severity: Severity::P3, service: None });
    assert!(outlives(&mut state, |state| told(state, IncidentEventKind::Note { text: "a word".into() })), "no change");
    let lead = IncidentEventKind::DutyTaken { duty: Duty::Lead, who: Some("leo".into()) };
    let began = |phase| IncidentEventKind::PhaseBegan { phase, note: String::new(), owed: Vec::new() };
    for kind in
        [IncidentEventKind::SeverityChanged { to: Severity::P1, reason: "all users".into() }, lead, began(Phase::Act)]
    {
        let words = format!("{kind:?}");
        assert!(!outlives(&mut state, |state| told(state, kind)), "{words}");
    }
    // A promise that was kept, and another by the same person that came in its place.
    let promise = |what: &str| Promise::entry(&actor("ana"), NOW, ("ben", NOW.utc + 5 * HOUR, what));
    audited(&mut state, 1, promise("call the bank back"));
    assert!(!outlives(&mut state, |state| {
        audited(state, 2, Promise::kept(&actor("ben"), NOW, 1));
        audited(state, 3, promise("restart the import"));
    }));
    // An alert whose reason is another.
    let alert = |state: &mut State, kind| {
        let event = AlertEvent { alert: Uid([3; 6]), at: NOW.utc, by: "ana".into(), kind };
        _ = state.alerts_update(alerts::Msg::EventsArrived(vec![event]), NOW);
    };
    let fired = AlertEventKind::Fired {
        rule: "service-down".into(),
        target: Target::Service("play@prod".parse().unwrap()),
        severity: Severity::P2,
        value: None,
        since: NOW.utc,
        summary: "down".into(),
        muted: false,
    };
    let own =
        |reason: &str| AlertEventKind::Acknowledged { until: NOW.utc + HOUR, reason: Some(reason.into()), over: None };
    alert(&mut state, fired);
    alert(&mut state, own("the disks are being changed"));
    assert_eq!(state.handover(NOW.utc).sections[1].lines.len(), 1);
    assert!(!outlives(&mut state, |state| alert(state, own("nobody knows why"))));
    // What waited is refused.
    let item = |state: &mut State, kind| {
        let event = OutboxEvent { token: Uid([5; 6]), at: NOW.utc, by: "qd".into(), kind };
        _ = state.outbox_update(outbox::Msg::Stored(vec![event]), NOW);
    };
    let write = Write::Comment { text: "it is down".into(), markdown: false };
    let queued = OutboxEventKind::Queued { item: Item { incident: Uid([7; 6]), tracker: "ops".into(), write } };
    item(&mut state, queued);
    let refused = OutboxEventKind::Tried { how: Miss::Refused, reason: "no such board".into(), next: None };
    item(&mut state, OutboxEventKind::Began { attempt: 1 });
    assert!(!outlives(&mut state, |state| item(state, refused)));
}

#[test]
fn who_signs_still_sees_what_they_read_for_a_while() {
    let mut state = state(Vec::new());
    let sign = |state: &mut State, at: Timestamp, seq| {
        let signature = state.handover(at).signature(&actor("ben"), Now { utc: at, ..NOW });
        audited(state, seq, signature);
    };
    let (first, second) = (NOW.utc, NOW.utc + 8 * HOUR);
    sign(&mut state, first, 1);
    assert_eq!(state.handover(first + MINUTE).since.0, first - SHIFT_MS);
    sign(&mut state, second, 2);
    assert_eq!(state.handover(second + MINUTE).since.0, first, "what was signed a minute ago");
    assert_eq!(state.handover(second + HOUR).since.0, second, "what comes next");
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
