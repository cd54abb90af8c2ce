//! Noting from anywhere, and incidents in one's own words.
use std::sync::Arc;

use super::*;
use crate::core::{
    Msg,
    action::{ACTIONS, Action},
    id::IncidentId,
    incidents::{IncidentEvent, StoredIncidentEvent},
    inventory::{Inventory, Service},
    record::Row,
    runs::Actor,
    screen::{Draft, palette},
    time::{Mono, Timestamp},
    update,
};

const NOW: Now = Now { utc: Timestamp(1_795_144_361_000), mono: Mono(0) };

struct Console {
    state: State,
    seq: u64,
}

impl Console {
    fn new() -> Self {
        let services = vec![Arc::new(Service::new("play@prod".parse().unwrap()))];
        let actor = Actor { by: "ana".into(), from: "ana@jump".into() };
        Self { state: State::new(Arc::new(Inventory { services, ..Inventory::default() }), actor), seq: 0 }
    }

    fn press(&mut self, action: Action) {
        let effects = update(&mut self.state, Msg::Acted(action), NOW);
        let rows =
            effects.into_iter().filter_map(|of| if let Effect::Commit { rows, .. } = of { Some(rows) } else { None });
        for row in rows.flatten() {
            let Row::Incident(event) = row else { continue };
            self.stored(event);
        }
    }

    fn stored(&mut self, event: IncidentEvent) {
        self.seq += 1;
        let known = self.state.incidents.incidents.get(&event.incident).map(|of| of.number);
        let number = known.unwrap_or_else(|| IncidentId(self.state.incidents.incidents.len() as u64 + 1));
        let stored = StoredIncidentEvent { number, seq: self.seq, event };
        _ = self.state.incidents_update(incidents::Msg::Stored(vec![stored]), NOW, None);
    }

    fn types(&mut self, draft: Draft, text: &str) {
        _ = update(&mut self.state, Msg::Drafted { draft, text: text.into() }, NOW);
    }

    fn titles(&self) -> Vec<String> {
        let all = self.state.incidents.incidents.values();
        let mut all: Vec<String> = all.map(|of| format!("{:?} {}", of.severity, of.title)).collect();
        all.sort();
        all
    }
}

#[test]
fn a_note_goes_into_the_newest_incident_from_every_view() {
    let mut console = Console::new();
    let views = [
        View::Overview,
        View::Service("play@prod".parse().unwrap()),
        View::Pipeline("play@prod".parse().unwrap()),
        View::Hosts,
        View::Host("web-01".into()),
        View::Alerts,
        View::Incidents,
        View::Runs,
        View::Run(Uid([9; 6])),
        View::Logs,
        View::Web,
        View::Audit,
        View::Handover,
        View::Maintenance,
        View::Findings,
        View::Outbox,
        View::Messages,
    ];
    for view in &views {
        console.state.screen.go(view.clone());
        console.press(Action::AddNote);
        let said = console.state.screen.message.as_ref().map_or("", |said| said.text.as_str());
        assert_eq!(said, "no incident is open to note it in: open one first", "{view:?}");
    }
    let kind = IncidentEventKind::Opened { title: "api is slow".into(), severity: Severity::P3, service: None };
    let incident = Uid([7; 6]);
    console.stored(IncidentEvent { incident, at: NOW.utc, by: "ana".into(), kind });
    let of_it = [View::Incident(incident), View::Suspects(incident), View::Runbook(incident), View::Document(incident)];
    for view in views.iter().chain(&of_it) {
        console.state.screen.go(view.clone());
        console.press(Action::AddNote);
        assert_eq!(console.state.screen.overlay, Some(Overlay::Note { incident }), "{view:?}");
        console.types(Draft::Note, &format!("seen in {view:?}"));
        console.press(Action::Confirm);
    }
    let notes = console.state.incidents.incidents[&incident].timeline.len() - 1;
    assert_eq!(notes, views.len() + of_it.len());
}

#[test]
fn an_incident_is_opened_in_ones_own_words() {
    let mut console = Console::new();
    console.state.screen.go(View::Service("play@prod".parse().unwrap()));
    console.press(Action::OpenInWords);
    let service = "play@prod".parse().ok();
    assert_eq!(console.state.screen.overlay, Some(Overlay::InWords { service: service.clone() }));
    console.press(Action::Confirm);
    assert!(console.state.screen.overlay.is_some(), "it needs a word");
    console.types(Draft::Note, "p2 streams stutter");
    console.press(Action::Confirm);
    let of = console.state.incidents.incidents.values().next().unwrap();
    assert_eq!((of.service.clone(), of.title.as_str(), of.severity), (service, "streams stutter", Severity::P2));
    let uid = of.uid;
    // The same once more shows it.
    console.press(Action::OpenInWords);
    console.types(Draft::Note, "streams stutter");
    console.press(Action::Confirm);
    assert_eq!(console.state.screen.view, View::Incident(uid));
    assert_eq!(console.titles(), ["P2 streams stutter"]);
}

#[test]
fn the_palette_opens_one_in_the_words_that_are_typed_but_goes_to_what_is_there_first() {
    let mut console = Console::new();
    console.press(Action::OpenPalette);
    console.types(Draft::Palette, "incident P1 nobody can pay");
    console.press(Action::Confirm);
    assert_eq!(console.titles(), ["P1 nobody can pay"]);
    console.press(Action::OpenPalette);
    console.types(Draft::Palette, "incident INC-1");
    let labels: Vec<String> = palette::lines(&console.state).into_iter().map(|line| line.label).collect();
    assert_eq!(labels.first().map(String::as_str), Some("incident INC-1"));
    console.press(Action::Confirm);
    assert_eq!(console.titles().len(), 1, "that one is shown: {labels:?}");
    assert!(matches!(console.state.screen.view, View::Incident(_)));
    assert!(ACTIONS.iter().any(|entry| entry.action == Action::OpenInWords));
}

#[test]
fn who_is_quicker_than_the_alert_opens_what_it_would_have_opened() {
    use crate::core::{
        alerts::{self, builtin_rules},
        services::{
            self, Outcome,
            testing::{check, inventory, result},
        },
    };
    let mut console = Console::new();
    let rules = builtin_rules().into_iter().map(Arc::new).collect();
    console.state.inventory = Arc::new(Inventory { rules, ..inventory(&[check("play@prod/page", 30_000, 10_000, 1)]) });
    _ = console.state.alerts_update(alerts::Msg::InventoryReplaced, NOW);
    _ = console.state.services_update(services::Msg::InventoryReplaced, NOW);
    console.state.screen.go(View::Service("play@prod".parse().unwrap()));
    for before in [60_000, 30_000, 1_000] {
        let failed = result("play@prod/page", NOW.utc.0 - before, Outcome::Down);
        let msg = services::Msg::ResultArrived { result: failed, origin: services::Origin::Stored };
        _ = console.state.services_update(msg, NOW);
    }
    console.press(Action::OpenIncident);
    assert_eq!(console.titles(), ["P1 play@prod down: page: down"]);
    // Twice is once.
    console.state.screen.go(View::Service("play@prod".parse().unwrap()));
    console.press(Action::OpenIncident);
    assert_eq!(console.titles().len(), 1);
}
