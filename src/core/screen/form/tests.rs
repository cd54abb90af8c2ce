use std::sync::Arc;

use super::*;
use crate::core::{
    Msg,
    action::Action,
    id::IncidentId,
    incidents::{
        IncidentAction, IncidentEvent, Link, Phase, StoredIncidentEvent,
        policy::{Contact, Member, Team},
    },
    inventory::Inventory,
    record::Row,
    runs::Actor,
    screen::{Pane, RowKey, View},
    time::{MINUTE, Mono, Timestamp},
    update,
};

const UID: Uid = Uid([7; 6]);
const NOW: Now = Now { utc: Timestamp(1_795_144_361_000), mono: Mono(0) };

/// A console with an incident open, and a store that gives back what it is told.
struct Console {
    state: State,
    seq: u64,
}

impl Console {
    fn new(severity: Severity) -> Self {
        let actor = Actor { by: "ana".into(), from: "ana@jump".into() };
        let mut console = Self { state: State::new(Arc::new(Inventory::default()), actor), seq: 0 };
        console.stored(UID, IncidentEventKind::Opened { title: "play is down".into(), severity, service: None });
        console.stored(Uid([8; 6]), IncidentEventKind::Opened { title: "api".into(), severity, service: None });
        console.state.screen.go(View::Incident(UID));
        console
    }

    fn stored(&mut self, incident: Uid, kind: IncidentEventKind) {
        self.seq += 1;
        let event = IncidentEvent { incident, at: NOW.utc, by: "ana".into(), kind };
        let stored = StoredIncidentEvent { number: IncidentId(incident.0[0].into()), seq: self.seq, event };
        _ = self.state.incidents_update(incidents::Msg::Stored(vec![stored]), NOW, None);
    }

    /// Presses keys, types a text where there is a box, accepts it; returns what was written.
    fn does(&mut self, action: IncidentAction, keys: &[Motion], text: &str) -> Vec<IncidentEventKind> {
        let mut effects = update(&mut self.state, Msg::Acted(Action::Incident(action)), NOW);
        if matches!(self.state.screen.overlay, Some(Overlay::Form(_))) {
            for key in keys {
                effects.extend(update(&mut self.state, Msg::Acted(Action::Move(*key)), NOW));
            }
            self.state.screen.drafts.insert(Draft::Form, text.to_owned());
            effects.extend(update(&mut self.state, Msg::Acted(Action::Confirm), NOW));
        }
        let rows = effects.into_iter().filter_map(|effect| {
            let Effect::Commit { rows, .. } = effect else { return None };
            Some(rows)
        });
        let events: Vec<_> =
            rows.flatten().filter_map(|row| if let Row::Incident(event) = row { Some(event) } else { None }).collect();
        for event in &events {
            self.stored(event.incident, event.kind.clone());
        }
        events.into_iter().map(|event| event.kind).collect()
    }

    fn incident(&self) -> &incidents::Incident {
        &self.state.incidents.incidents[&UID]
    }

    fn said(&self) -> &str {
        self.state.screen.message.as_ref().map_or("", |message| message.text.as_str())
    }
}

#[test]
fn classifying_writes_all_fields_and_takes_the_severity_that_is_proposed() {
    let mut console = Console::new(Severity::P3);
    let keys = [
        Motion::Right,
        Motion::Down,
        Motion::Left,
        Motion::Left,
        Motion::Down,
        Motion::Right,
        Motion::Right,
        Motion::Right,
    ];
    let written = console.does(IncidentAction::Classify, &keys, "nobody can play");
    let classified = IncidentEventKind::Classified {
        class: "api-errors".into(),
        impact: Impact::All,
        urgency: Urgency::Now,
        words: "nobody can play".into(),
    };
    let reason = "all users, data or money × hurts now".to_owned();
    assert_eq!(written, [classified, IncidentEventKind::SeverityChanged { to: Severity::P1, reason }]);
    let keys = [Motion::Down, Motion::Down, Motion::Down, Motion::Right];
    assert_eq!(console.does(IncidentAction::Classify, &keys, "").len(), 1, "the severity stays where that is chosen");
    assert_eq!(console.incident().classified.as_ref().unwrap().words, "nobody can play", "and so do the words");
}

#[test]
fn a_phase_is_left_at_once_with_a_note_or_not() {
    let mut mild = Console::new(Severity::P3);
    assert_eq!(mild.does(IncidentAction::NextPhase, &[], "users first"), []);
    assert_eq!(mild.said(), "classify is not left yet; missing: somebody leads, type chosen, impact said");
    let mut grave = Console::new(Severity::P1);
    assert_eq!(grave.does(IncidentAction::NextPhase, &[], " "), []);
    assert!(grave.state.screen.overlay.is_some(), "the box stays until there is a word");
    grave.state.screen.close();
    assert_eq!(grave.does(IncidentAction::NextPhase, &[], "users first").len(), 1);
    assert_eq!(grave.incident().phase, Phase::Diagnose);
    _ = update(&mut grave.state, Msg::Acted(Action::Incident(IncidentAction::NextPhase)), NOW);
    grave.stored(UID, IncidentEventKind::Hypothesis { text: "a leak".into(), test: String::new() });
    grave.stored(UID, IncidentEventKind::SuspectChosen { key: None, summary: String::new() });
    grave.stored(UID, IncidentEventKind::Onset { at: NOW.utc, how: "p95".into(), estimated: true });
    grave.state.screen.drafts.clear();
    let effects = update(&mut grave.state, Msg::Acted(Action::Confirm), NOW);
    assert_eq!(effects.len(), 1, "what was missing came while the box was open: no word is asked for");
    assert_eq!(grave.incident().phase, Phase::Diagnose);
    assert_eq!(grave.does(IncidentAction::PreviousPhase, &[], "").len(), 1);
    assert_eq!(grave.incident().phase, Phase::Classify);
    assert_eq!(grave.does(IncidentAction::PreviousPhase, &[], ""), [], "it was registered by being there");
}

#[test]
fn times_are_read_and_those_to_come_refused() {
    let mut console = Console::new(Severity::P2);
    for (text, minutes) in [("-14m", Some(14)), ("02:58:41", Some(14)), ("+5m", None), ("soon", None)] {
        let written = console.does(IncidentAction::SetOnset, &[], text);
        let at = written.first().map(|kind| {
            let IncidentEventKind::Onset { at, estimated: false, .. } = kind else { panic!("{kind:?}") };
            NOW.utc.since(*at) / MINUTE
        });
        assert_eq!(at, minutes, "{text}: {}", console.said());
        console.state.screen.close();
    }
}

#[test]
fn hypotheses_are_weighed_and_decided() {
    let mut console = Console::new(Severity::P2);
    assert_eq!(console.does(IncidentAction::Judge, &[], "x"), []);
    assert_eq!(console.said(), "there is no hypothesis yet: write one first");
    let written = console.does(IncidentAction::AddHypothesis, &[], "the pool leaks; test: roll one host back");
    assert_eq!(
        written,
        [IncidentEventKind::Hypothesis { text: "the pool leaks".into(), test: "roll one host back".into() }]
    );
    console.does(IncidentAction::Judge, &[], "connections grow");
    console.does(IncidentAction::Judge, &[Motion::Down, Motion::Right], "none on the other host");
    console.does(IncidentAction::Judge, &[Motion::Down, Motion::Left], "");
    let thought = console.incident().hypotheses.values().next().unwrap();
    assert_eq!((thought.supports.len(), thought.opposes.len(), thought.verdict), (1, 1, Some(false)));
}

#[test]
fn duties_tasks_sections_and_links_are_written() {
    let mut console = Console::new(Severity::P2);
    console.does(IncidentAction::Claim, &[], "");
    assert_eq!(console.incident().owner, Some("ana".into()));
    console.does(IncidentAction::GiveDuty, &[Motion::Down, Motion::Right], "");
    assert_eq!(console.incident().owner, None, "the last choice is nobody");
    console.does(IncidentAction::AddTask, &[Motion::Down, Motion::Right], "call the bank");
    let task = console.incident().tasks.values().next().unwrap();
    assert_eq!((task.owner.clone(), task.due), (Some("ana".into()), Some(Timestamp(NOW.utc.0 + 4 * HOUR))));
    console.does(IncidentAction::FinishTask, &[], "");
    assert!(console.incident().tasks.values().all(|task| task.done.is_some()));
    console.does(IncidentAction::WriteSection, &[], "a leak");
    assert_eq!(console.incident().sections[&Section::RootCause], "a leak");
    console.does(IncidentAction::WriteSection, &[], "watch the pool");
    assert_eq!(console.incident().sections[&Section::Lessons], "watch the pool", "the next that is empty is offered");
    console.does(IncidentAction::Link, &[Motion::Right], "");
    assert_eq!(console.incident().links, [(Uid([8; 6]), Link::MergedInto)]);
    let other = |console: &Console| console.state.incidents.incidents[&Uid([8; 6])].links.clone();
    assert_eq!(other(&console), [(UID, Link::TookIn)], "it leads back");
    assert_eq!(console.does(IncidentAction::Classify, &[], "x"), []);
    assert_eq!(console.said(), "it went into another one: go there");
}

#[test]
fn a_task_is_for_anybody_and_until_when_it_says() {
    let mut console = Console::new(Severity::P2);
    let member = |name: &str| Member { name: name.into(), mail: None, phone: None };
    let team = |name: &str, of: &str| Team { name: name.into(), members: vec![member(of)] };
    let mut inventory = Inventory::default();
    inventory.policy.teams = vec![team("ops", "ben"), team("shop", "cy")];
    console.state.inventory = Arc::new(inventory);
    let cy = [Motion::Left, Motion::Left];
    let task = |kinds: Vec<IncidentEventKind>| match kinds.as_slice() {
        [IncidentEventKind::TaskAdded { text, owner, due }] => {
            (text.clone(), owner.clone(), due.map(Timestamp::rfc3339).unwrap_or_default())
        }
        other => panic!("{other:?}"),
    };
    for (says, text, due) in [
        ("2026-12-01 alert on the pool", "alert on the pool", "2026-12-01T23:59:00.000Z"),
        ("09:00 call the bank", "call the bank", "2026-11-20T09:00:00.000Z"),
        ("2h look again", "look again", "2026-11-20T05:12:41.000Z"),
        ("tell them", "tell them", ""),
    ] {
        let written = task(console.does(IncidentAction::AddTask, &cy, says));
        assert_eq!(written, (text.to_owned(), Some("cy".into()), due.to_owned()), "{says}");
    }
    assert_eq!(console.does(IncidentAction::AddTask, &[], "2020-01-01 too late"), []);
    assert_eq!(console.said(), "2020-01-01 is over");
    console.state.screen.close();
    // It stands in the hand-over until it is done, the next first.
    let due = |console: &Console| {
        let of = console.state.handover(NOW.utc);
        let section = of.sections.into_iter().find(|section| section.title == "to do").unwrap();
        section.lines.into_iter().map(|line| line.text).collect::<Vec<_>>()
    };
    assert_eq!(
        due(&console),
        [
            "cy: look again until 05:12:41",
            "cy: call the bank until 09:00:00",
            "cy: alert on the pool until 1 Dec 23:59",
            "cy: tell them"
        ]
    );
    console.does(IncidentAction::FinishTask, &[], "");
    assert_eq!(due(&console).len(), 3);
}

#[test]
fn a_vendor_is_called_with_what_was_promised() {
    let mut console = Console::new(Severity::P2);
    let mut inventory = Inventory::default();
    let vendor = |responds_ms| Contact {
        name: "Edge".into(),
        role: "CDN".into(),
        reach: "+49 30 1".into(),
        responds_ms,
        services: Vec::new(),
    };
    inventory.policy.contacts = vec![vendor(Some(30 * MINUTE.unsigned_abs())), vendor(None)];
    console.state.inventory = Arc::new(inventory);
    let to = |kinds: Vec<IncidentEventKind>| kinds.iter().map(IncidentEventKind::says).collect::<Vec<_>>();
    let first = console.does(IncidentAction::Escalate, &[], "purge it");
    assert_eq!(to(first), ["to Edge (CDN, answers within 30m): purge it"]);
    let second = console.does(IncidentAction::Escalate, &[Motion::Right], "purge it");
    assert_eq!(to(second), ["to Edge (CDN): purge it"]);
}

#[test]
fn nothing_goes_into_what_went_into_another() {
    let mut console = Console::new(Severity::P2);
    let into = IncidentEventKind::Linked { other: UID, how: Link::MergedInto };
    console.stored(Uid([8; 6]), into);
    assert_eq!(console.does(IncidentAction::Link, &[Motion::Right], ""), []);
    assert_eq!(console.said(), "INC-8 went into INC-7 before: they are one already");
    assert!(console.incident().is_open());
}

#[test]
fn an_entry_becomes_an_incident_of_its_own_and_each_leads_to_the_other() {
    let mut console = Console::new(Severity::P2);
    let note = IncidentEventKind::Note { text: "the disk of db-01 fills too".into() };
    console.stored(UID, note.clone());
    let cursor = |console: &mut Console, at| {
        console.state.screen.cursors.insert((View::Incident(UID), Pane::Timeline), RowKey::Index(at));
    };
    cursor(&mut console, 1);
    _ = update(&mut console.state, Msg::Acted(Action::Incident(IncidentAction::Split)), NOW);
    assert_eq!(console.state.screen.draft(Draft::Form), "the disk of db-01 fills too", "it can be called that");
    console.state.screen.close();
    let written = console.does(IncidentAction::Split, &[], "db-01 is full");
    let split = console.state.incidents.incidents.values().find(|of| of.title == "db-01 is full").unwrap();
    assert_eq!((split.severity, split.links.as_slice()), (Severity::P2, [(UID, Link::SplitFrom)].as_slice()));
    assert!(written.contains(&note), "the entry goes with it: {written:?}");
    assert_eq!(console.incident().links, [(split.uid, Link::SplitOff)]);
    assert_eq!(console.incident().timeline.len(), 3, "and stays where it was");
    // What is no word of a person is told of; the same title once more opens no second one.
    cursor(&mut console, 0);
    let written = console.does(IncidentAction::Split, &[], "another");
    assert!(written.iter().any(|kind| kind.says().starts_with("INC-7, by ana: opened ")), "{written:?}");
    console.state.screen.go(View::Incident(UID));
    cursor(&mut console, 1);
    assert_eq!(console.does(IncidentAction::Split, &[], "db-01 is full"), []);
    assert_eq!(console.said(), "that is open already: this is it");
}

#[test]
fn a_title_is_changed_for_the_record() {
    let mut console = Console::new(Severity::P2);
    _ = update(&mut console.state, Msg::Acted(Action::Incident(IncidentAction::Rename)), NOW);
    assert_eq!(console.state.screen.draft(Draft::Form), "play is down", "as it is");
    console.state.screen.close();
    console.does(IncidentAction::Rename, &[], "  streams\nfail ");
    assert_eq!(console.incident().title, "streams fail");
    assert_eq!(console.incident().timeline.values().last().unwrap().kind.text(), "title streams fail");
    assert_eq!(console.does(IncidentAction::Rename, &[], "streams fail"), []);
    assert_eq!(console.said(), "it is called that already");
}

#[test]
fn the_next_section_is_offered_while_the_last_is_being_saved() {
    let mut console = Console::new(Severity::P1);
    let mut wrote = Vec::new();
    for text in ["a leak", "watch the pool", "alert on its size"] {
        _ = update(&mut console.state, Msg::Acted(Action::Incident(IncidentAction::WriteSection)), NOW);
        console.state.screen.drafts.insert(Draft::Form, text.to_owned());
        // The store answers none of them yet.
        for effect in update(&mut console.state, Msg::Acted(Action::Confirm), NOW) {
            let Effect::Commit { rows, .. } = effect else { continue };
            wrote.extend(rows);
        }
    }
    let section = |row: &Row| {
        let Row::Incident(IncidentEvent { kind: IncidentEventKind::Section { section, .. }, .. }) = row else {
            return None;
        };
        Some(*section)
    };
    assert_eq!(wrote.iter().filter_map(section).collect::<Vec<_>>(), Section::ALL);
    // What the store refuses is offered again.
    let why = "the disk is full".to_owned();
    _ = update(&mut console.state, Msg::NotSaved { rows: wrote, what: "writing", why }, NOW);
    assert_eq!(console.does(IncidentAction::WriteSection, &[], "a leak").len(), 1);
    assert_eq!(console.incident().sections[&Section::RootCause], "a leak");
}

#[test]
fn what_was_left_in_one_box_is_not_in_the_next() {
    let mut console = Console::new(Severity::P1);
    let act = |action| Msg::Acted(Action::Incident(action));
    for (left, next) in [
        (IncidentAction::NextPhase, IncidentAction::Classify),
        (IncidentAction::AddTask, IncidentAction::ChangeSeverity),
        (IncidentAction::Classify, IncidentAction::Classify),
    ] {
        _ = update(&mut console.state, act(left), NOW);
        assert!(matches!(console.state.screen.overlay, Some(Overlay::Form(_))), "{left:?}");
        console.state.screen.drafts.insert(Draft::Form, "left".into());
        _ = update(&mut console.state, Msg::Acted(Action::GoBack), NOW);
        _ = update(&mut console.state, act(next), NOW);
        assert_eq!(console.state.screen.draft(Draft::Form), "", "{next:?}");
        _ = update(&mut console.state, Msg::Acted(Action::GoBack), NOW);
    }
}

#[test]
fn whoever_begins_to_type_is_brought_to_the_text_and_numbers_choose() {
    let mut console = Console::new(Severity::P2);
    let press = |console: &mut Console, action| _ = update(&mut console.state, Msg::Acted(action), NOW);
    let form = |console: &Console| match &console.state.screen.overlay {
        Some(Overlay::Form(form)) => form.clone(),
        other => panic!("{other:?}"),
    };
    press(&mut console, Action::Incident(IncidentAction::Classify));
    assert!(console.state.awaits_text());
    press(&mut console, Action::FocusPane(3));
    assert_eq!(form(&console).chosen.first(), Some(&2));
    press(&mut console, Action::Move(Motion::Down));
    press(&mut console, Action::FocusPane(9));
    assert!(console.said().starts_with("there is no 9: "), "{}", console.said());
    let before = form(&console);
    _ = update(&mut console.state, Msg::TextBegun, NOW);
    let after = form(&console);
    assert_eq!((after.at, &after.chosen), (4, &before.chosen), "nothing that was chosen changed");
    assert!(!console.state.awaits_text() && console.state.editing() == Some(Draft::Form));
    // What was typed before stays when one comes back to it.
    console.state.screen.drafts.insert(Draft::Form, "nobody can".into());
    press(&mut console, Action::Move(Motion::Up));
    _ = update(&mut console.state, Msg::TextBegun, NOW);
    assert_eq!(console.state.screen.draft(Draft::Form), "nobody can");
    // A box without a text has nothing to bring anybody to.
    press(&mut console, Action::GoBack);
    press(&mut console, Action::Incident(IncidentAction::GiveDuty));
    assert!(!console.state.awaits_text());
    press(&mut console, Action::FocusPane(2));
    assert_eq!(form(&console).chosen.first(), Some(&1));
}

#[test]
fn leaving_a_demo_asks_first_once_something_was_written_there() {
    let leaves = |console: &mut Console| {
        console.state.screen.go(View::Overview);
        update(&mut console.state, Msg::Acted(Action::CloseView), NOW) == [Effect::Quit]
    };
    for demo in [true, false] {
        let mut console = Console::new(Severity::P2);
        console.state.screen.demo = demo;
        assert!(leaves(&mut console), "nothing was written");
        console.state.screen.go(View::Incident(UID));
        assert_eq!(console.does(IncidentAction::AddHypothesis, &[], "the pool leaks").len(), 1);
        assert_eq!(leaves(&mut console), !demo, "a store of one's own stays");
        assert_eq!(console.state.screen.overlay == Some(Overlay::Quit), demo);
        assert!(!demo || update(&mut console.state, Msg::Acted(Action::SayYes), NOW) == [Effect::Quit]);
    }
}

#[test]
fn its_charts_are_those_of_its_host() {
    use crate::core::inventory::{Host, Service};
    let mut console = Console::new(Severity::P2);
    let press = |console: &mut Console| console.does(IncidentAction::Charts, &[], "");
    assert_eq!(press(&mut console), []);
    assert_eq!((console.said(), &console.state.screen.view), ("it names no service and no host", &View::Incident(UID)));
    let service: crate::core::id::ServiceId = "play@prod".parse().unwrap();
    let hosts: Vec<crate::core::id::HostName> = vec!["web-01".into(), "web-02".into()];
    console.state.inventory = Arc::new(Inventory {
        services: vec![Arc::new(Service { hosts: hosts.clone(), ..Service::new(service.clone()) })],
        hosts: hosts.iter().map(|name| Arc::new(Host::new(name.as_str()))).collect(),
        ..Inventory::default()
    });
    let opened = |service| IncidentEventKind::Opened { title: "slow".into(), severity: Severity::P2, service };
    console.stored(Uid([9; 6]), opened(Some(service)));
    console.state.screen.go(View::Incident(Uid([9; 6])));
    assert_eq!(press(&mut console), []);
    assert_eq!(console.state.screen.view, View::Host("web-01".into()), "none fires: the first");
    // What it is about itself goes before.
    console.stored(Uid([9; 6]), IncidentEventKind::About { hosts: vec!["web-02".into()] });
    console.state.screen.go(View::Incident(Uid([9; 6])));
    assert_eq!(press(&mut console), []);
    assert_eq!(console.state.screen.view, View::Host("web-02".into()));
}
