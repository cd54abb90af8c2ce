//! Taking the lead, and alerts that belong to an incident of their service.
use super::*;
use crate::core::{
    Msg,
    action::Action,
    alerts::{AlertEvent, AlertEventKind, Severity, Target},
    id::IncidentId,
    incidents::{IncidentAction, IncidentEvent, StoredIncidentEvent},
    inventory::{Inventory, Service},
    record::Row,
    runs::Actor,
    screen::{Overlay, Pane, RowKey, View},
    time::Mono,
    update,
};

const FIRST: Uid = Uid([1; 6]);
const SECOND: Uid = Uid([2; 6]);

/// A console at the list of alerts, with a store that gives back what it is told of incidents.
struct Console {
    state: State,
    now: Now,
    seq: u64,
}

impl Console {
    /// Two alerts of a service fire, and an incident is open for the first.
    fn new() -> Self {
        let services = vec![Arc::new(Service::new("play@prod".parse().unwrap()))];
        let actor = Actor { by: "ana".into(), from: "ana@jump".into() };
        let state = State::new(Arc::new(Inventory { services, ..Inventory::default() }), actor);
        let mut console = Self { state, now: Now { utc: Timestamp(1_000), mono: Mono(1_000) }, seq: 0 };
        for (alert, rule) in [(FIRST, "service-down"), (SECOND, "latency")] {
            let kind = AlertEventKind::Fired {
                rule: rule.into(),
                target: Target::Service("play@prod".parse().unwrap()),
                severity: Severity::P1,
                value: None,
                since: console.now.utc,
                summary: rule.into(),
                muted: false,
            };
            console.alert(alert, "qd", kind);
        }
        let opening = console.state.opening(FIRST).unwrap();
        let out = incidents::update(
            &mut console.state.incidents,
            incidents::Msg::OpenedForAlert(opening),
            console.now.utc,
            &"qd".into(),
        );
        console.keep(out.rows);
        console.press(Action::GoAlerts);
        console
    }

    fn alert(&mut self, alert: Uid, by: &str, kind: AlertEventKind) {
        let event = AlertEvent { alert, at: self.now.utc, by: by.into(), kind };
        _ = update(&mut self.state, Msg::Alerts(alerts::Msg::EventsLoaded(vec![event])), self.now);
    }

    fn keep(&mut self, rows: Vec<Row>) {
        for row in rows {
            let Row::Incident(event) = row else { continue };
            self.seq += 1;
            let stored = StoredIncidentEvent { number: IncidentId(1), seq: self.seq, event };
            _ = self.state.incidents_update(incidents::Msg::Stored(vec![stored]), self.now, None);
        }
    }

    /// Presses a key; returns the commits that it led to.
    fn press(&mut self, action: Action) -> Vec<Vec<Row>> {
        let effects = update(&mut self.state, Msg::Acted(action), self.now);
        let rows =
            effects.into_iter().filter_map(|of| if let Effect::Commit { rows, .. } = of { Some(rows) } else { None });
        let all: Vec<Vec<Row>> = rows.collect();
        self.keep(all.concat());
        all
    }

    fn on(&mut self, alert: Uid) {
        self.state.screen.cursors.insert((View::Alerts, Pane::Alerts), RowKey::Alert(alert));
    }

    fn incident(&self) -> &Incident {
        assert_eq!(self.state.incidents.incidents.len(), 1, "one incident");
        self.state.incidents.incidents.values().next().unwrap()
    }

    fn owner(&self, alert: Uid) -> Option<(String, String)> {
        let owned = self.state.alerts.alert(alert)?.owner(self.now.utc)?;
        Some((owned.by.to_string(), owned.why().to_owned()))
    }

    fn words(&self) -> Vec<&'static str> {
        self.incident().timeline.values().map(|event: &IncidentEvent| event.kind.word()).collect()
    }
}

#[test]
fn who_takes_the_lead_has_its_alerts_in_the_same_commit() {
    let mut console = Console::new();
    let commits = console.press(Action::Incident(IncidentAction::Claim));
    let [rows] = commits.as_slice() else { panic!("one commit: {commits:?}") };
    assert_eq!(rows.iter().filter(|row| matches!(row, Row::Alert(_))).count(), 2, "{rows:?}");
    assert_eq!(console.words(), ["opened", "detected", "acknowledged", "duty"]);
    for alert in [FIRST, SECOND] {
        assert_eq!(console.owner(alert).unwrap().0, "ana");
    }
    assert_eq!(console.incident().owner, Some("ana".into()));
    assert_eq!(console.press(Action::Incident(IncidentAction::Claim)), [] as [Vec<Row>; 0], "it is theirs already");
}

#[test]
fn what_another_owns_stays_theirs_and_what_is_given_says_by_whom() {
    let mut console = Console::new();
    let until = console.now.utc + 60_000;
    console.alert(SECOND, "cy", AlertEventKind::Acknowledged { until, reason: Some("mine".into()), over: None });
    let uid = console.incident().uid;
    let effects = console.state.lead(uid, &"bo".into(), console.now);
    let rows =
        effects.into_iter().filter_map(|of| if let Effect::Commit { rows, .. } = of { Some(rows) } else { None });
    let rows = rows.flatten().collect();
    console.keep(rows);
    assert_eq!(console.owner(FIRST), Some(("bo".to_owned(), "ana gave it to bo".to_owned())));
    assert_eq!(console.owner(SECOND), Some(("cy".to_owned(), "mine".to_owned())));
    let of = console.incident();
    assert_eq!((of.owner.as_ref(), of.acknowledged), (Some(&"bo".into()), Some(console.now.utc)));
    // Who takes it over has what the last lead had, and says so; not what cy has.
    console.press(Action::Incident(IncidentAction::Claim));
    assert_eq!(console.owner(FIRST).unwrap().0, "ana");
    assert_eq!(console.owner(SECOND).unwrap().0, "cy");
    assert_eq!(console.words().iter().filter(|word| **word == "acknowledged").count(), 2);
}

#[test]
fn a_second_alert_of_a_service_is_of_its_incident() {
    let mut console = Console::new();
    let uid = console.incident().uid;
    console.on(SECOND);
    assert_eq!(console.press(Action::OpenIncident), [] as [Vec<Row>; 0]);
    assert_eq!(console.state.screen.view, View::Incident(uid), "it goes there");
    console.press(Action::GoAlerts);
    console.on(SECOND);
    console.press(Action::AddNote);
    assert_eq!(console.state.screen.overlay, Some(Overlay::Note { incident: uid }));
    console.state.screen.close();
    // Owning it takes the incident, which nobody leads yet.
    console.press(Action::AcknowledgeAlert);
    assert_eq!(console.words(), ["opened", "detected", "acknowledged"]);
    assert_eq!(console.incident().owner, Some("ana".into()));
}

#[test]
fn an_alert_whose_incident_is_over_shows_that_one() {
    let mut console = Console::new();
    let uid = console.incident().uid;
    let event = |kind| Row::Incident(IncidentEvent { incident: uid, at: console.now.utc, by: "ana".into(), kind });
    let rows = vec![event(IncidentEventKind::Resolved { summary: "done".into() }), event(IncidentEventKind::Closed)];
    console.keep(rows);
    console.on(FIRST);
    assert_eq!(console.press(Action::OpenIncident), [] as [Vec<Row>; 0]);
    assert_eq!(console.state.screen.view, View::Incident(uid));
}
