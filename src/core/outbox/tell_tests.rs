use std::{collections::BTreeSet, sync::Arc};

use super::*;
use crate::core::{
    alerts::{AlertEvent, AlertEventKind, Target},
    id::IncidentId,
    incidents::{
        StoredIncidentEvent,
        policy::{Member, Team},
    },
    inventory::{Inventory, Params},
    outbox::{Around, Hears, Msg, TrackerSpec, update},
    record::DeclaredState,
    time::{Mono, Now, Timestamp},
};

const ALERT: Uid = Uid([1; 6]);

/// What consoles on one store know, and what was told.
struct World {
    inventory: Inventory,
    alerts: alerts::State,
    incidents: incidents::State,
    services: services::State,
    outbox: State,
    now: i64,
    seq: u64,
}

fn notifier(name: &str, audience: Audience) -> Arc<NotifierSpec> {
    Arc::new(NotifierSpec {
        place: Arc::new(TrackerSpec {
            name: name.into(),
            kind: "fake".into(),
            send: BTreeSet::new(),
            severities: BTreeSet::new(),
            link: None,
            window_ms: 0,
            params: Params::new(),
        }),
        hears: Hears::ALL.into_iter().map(|(_, hears)| hears).collect(),
        audience,
        repeats: crate::core::outbox::Repeats::Once,
        local: false,
    })
}

impl World {
    fn new() -> Self {
        let mut inventory = Inventory {
            notifiers: vec![notifier("chat", Audience::Internal), notifier("page", Audience::Public)],
            ..Inventory::default()
        };
        for of in &mut inventory.policy.severities {
            of.notify = vec!["chat".into(), "page".into()];
        }
        let [_, _, p3, p4] = &mut inventory.policy.severities;
        (p3.notify, p4.notify) = (Vec::new(), Vec::new());
        let member = |name: &str| Member { name: name.into(), mail: Some(format!("{name}@x.example")), phone: None };
        inventory.policy.teams = vec![Team { name: "response".into(), members: vec![member("ana"), member("ben")] }];
        Self {
            inventory,
            alerts: alerts::State::default(),
            incidents: incidents::State::default(),
            services: services::State::default(),
            outbox: State::default(),
            now: 1_000,
            seq: 0,
        }
    }

    /// Notes a row and what follows from it; returns what is told: to whom, and in which words.
    fn note(&mut self, row: Row) -> Vec<String> {
        let now = Now { utc: Timestamp(self.now), mono: Mono(self.now.unsigned_abs()) };
        if let Row::Alert(event) = &row {
            _ = alerts::update(&mut self.alerts, alerts::Msg::EventsArrived(vec![event.clone()]), now, &self.inventory);
        }
        let known = Known {
            inventory: &self.inventory,
            alerts: &self.alerts,
            incidents: &self.incidents,
            services: &self.services,
            windows: &windows::State::default(),
            outbox: &self.outbox,
        };
        let rows = notices(std::slice::from_ref(&row), known);
        if let Row::Incident(event) = row {
            self.seq += 1;
            let stored = StoredIncidentEvent { number: IncidentId(1), seq: self.seq, event };
            _ = incidents::update(&mut self.incidents, incidents::Msg::Stored(vec![stored]), now.utc, &"ana".into());
        }
        self.now += 60_000;
        let by = "ana".into();
        let mut told = Vec::new();
        for row in rows {
            let Row::Outbox(event) = row else { panic!("{row:?}") };
            let new = !self.outbox.items.contains_key(&event.token);
            let around = Around {
                trackers: &[],
                notifiers: &self.inventory.notifiers,
                incidents: &self.incidents,
                alerts: &self.alerts,
                by: &by,
                delivers: true,
            };
            _ = update(&mut self.outbox, Msg::Stored(vec![event.clone()]), now.utc, around);
            let item = &self.outbox.items[&event.token].item;
            if new {
                told.push(format!("{}: {}", item.tracker, item.write.summary()));
            }
        }
        told
    }

    fn alert(&mut self, severity: Severity, kind: Option<AlertEventKind>) -> Vec<String> {
        let fired = AlertEventKind::Fired {
            rule: "service-down".into(),
            target: Target::Service("play@prod".parse().unwrap()),
            severity,
            value: None,
            since: Timestamp(self.now),
            summary: "down: page".into(),
            muted: false,
        };
        let kind = kind.unwrap_or(fired);
        self.note(Row::Alert(AlertEvent { alert: ALERT, at: Timestamp(self.now), by: "qd".into(), kind }))
    }

    fn happens(&mut self, kind: IncidentEventKind) -> Vec<String> {
        let incident = incidents::uid_for_alert(ALERT);
        self.note(Row::Incident(IncidentEvent { incident, at: Timestamp(self.now), by: "ana".into(), kind }))
    }

    fn opened(&mut self, severity: Severity) -> Vec<String> {
        let service = Some("play@prod".parse().unwrap());
        self.happens(IncidentEventKind::Opened { title: "play@prod down: page".into(), severity, service })
    }
}

#[test]
fn an_alert_is_told_until_an_incident_is_about_it() {
    let mut world = World::new();
    assert_eq!(world.alert(Severity::P1, None), ["chat: P1 firing play@prod down: page"]);
    assert_eq!(world.alert(Severity::P1, None), [""; 0], "another console notes the same");
    let entry = world.outbox.items.values().next().unwrap().clone();
    let notice = entry.item.write.notice().unwrap();
    assert!(notice.calls);
    assert_eq!(notice.mails, ["ana@x.example", "ben@x.example"]);
    assert_eq!(entry.item.incident, incidents::uid_for_alert(ALERT), "one key from the alert to the end");
    assert_eq!(world.opened(Severity::P1), ["chat: P1 opened play@prod down: page: opened by ana"]);
    let until = Timestamp(world.now + 1);
    assert_eq!(
        world.alert(Severity::P1, Some(AlertEventKind::Acknowledged { until, reason: None, over: None })),
        [""; 0],
        "its incident tells"
    );
    assert_eq!(world.alert(Severity::P1, Some(AlertEventKind::Resolved { value: None })), [""; 0]);
    let resolved = IncidentEventKind::Resolved { summary: "green".into() };
    assert_eq!(world.happens(resolved), ["chat: P1 resolved play@prod down: page: green"]);

    let mut world = World::new();
    drop(world.alert(Severity::P2, None));
    let until = Timestamp(world.now + 1);
    let taken = world.alert(Severity::P2, Some(AlertEventKind::Acknowledged { until, reason: None, over: None }));
    assert_eq!(taken, ["chat: P2 acknowledged play@prod down: page: qd has it"]);
    let over = world.alert(Severity::P2, Some(AlertEventKind::Resolved { value: None }));
    assert_eq!(over, ["chat: P2 over play@prod down: page"], "no incident was opened");
}

#[test]
fn the_policy_says_who_hears_and_who_heard_hears_the_end() {
    let mut world = World::new();
    assert_eq!(world.alert(Severity::P3, None), [""; 0]);
    assert_eq!(world.opened(Severity::P3), [""; 0]);
    let to = |to: Severity| IncidentEventKind::SeverityChanged { to, reason: "orders fail".into() };
    assert_eq!(world.happens(to(Severity::P1)), ["chat: P1 severity play@prod down: page: was P3: orders fail"]);
    let calls = |world: &World| world.outbox.items.values().filter(|e| e.item.write.notice().unwrap().calls).count();
    assert_eq!(calls(&world), 1, "what gets worse calls");
    assert_eq!(world.happens(to(Severity::P4)), ["chat: P4 severity play@prod down: page: was P1: orders fail"]);
    let resolved = IncidentEventKind::Resolved { summary: "green".into() };
    assert_eq!(world.happens(resolved.clone()), ["chat: P4 resolved play@prod down: page: green"]);
    assert_eq!(world.happens(resolved), [""; 0], "what it was told last is not told again");
    assert_eq!(calls(&world), 1);
}

#[test]
fn everybody_hears_only_what_was_written_for_everybody() {
    let mut world = World::new();
    drop(world.alert(Severity::P1, None));
    drop(world.opened(Severity::P1));
    let escalated = IncidentEventKind::Escalated { to: "ben".into(), reason: "nothing is done".into() };
    assert_eq!(world.happens(escalated), ["chat: P1 escalated play@prod down: page: ben is called: nothing is done"]);
    let mails: Vec<_> =
        world.outbox.items.values().map(|entry| entry.item.write.notice().unwrap().mails.len()).collect();
    assert!(mails.contains(&1), "the one who is called alone: {mails:?}");
    let told = IncidentEventKind::Told {
        state: DeclaredState::Identified,
        text: "Payments fail for some.".into(),
        internal: "pool of web-01 is full".into(),
        to: Vec::new(),
    };
    assert_eq!(
        world.happens(told),
        [
            "chat: P1 update play@prod down: page: identified: pool of web-01 is full",
            "page: P1 update play@prod: identified: Payments fail for some."
        ]
    );
}

#[test]
fn an_alert_of_planned_work_is_told_only_if_it_outlives_it() {
    let mut world = World::new();
    let window = services::Maintenance {
        service: Some("play@prod".parse().unwrap()),
        span: services::uptime::Span::new(Timestamp(0), Timestamp(200_000)),
    };
    let at = |ms: i64| Now { utc: Timestamp(ms), mono: Mono(ms.unsigned_abs()) };
    _ = services::update(
        &mut world.services,
        services::Msg::MaintenanceReplaced(vec![window]),
        at(1_000),
        &world.inventory,
    );
    assert_eq!(world.alert(Severity::P1, None), [""; 0]);
    let late = |world: &World, ms: i64| {
        let World { inventory, alerts, incidents, services, outbox, .. } = world;
        let windows = &windows::State::default();
        unmuted(Known { inventory, alerts, incidents, services, windows, outbox }, Timestamp(ms))
    };
    assert_eq!(late(&world, 199_999), []);
    let told = late(&world, 200_000);
    let Some(Row::Outbox(event)) = told.first() else { panic!("{told:?}") };
    let OutboxEventKind::Queued { item } = &event.kind else { panic!("{event:?}") };
    assert_eq!(item.write.summary(), "P1 firing play@prod down: page");
    let by = "ana".into();
    let around = Around {
        trackers: &[],
        notifiers: &world.inventory.notifiers,
        incidents: &world.incidents,
        alerts: &world.alerts,
        by: &by,
        delivers: true,
    };
    _ = update(&mut world.outbox, Msg::Stored(vec![event.clone()]), Timestamp(200_000), around);
    assert_eq!(late(&world, 260_000), [], "once");
}

#[test]
fn who_was_told_hears_that_it_went_into_another_and_how_that_one_goes_on() {
    let mut world = World::new();
    drop(world.alert(Severity::P1, None));
    drop(world.opened(Severity::P1));
    let (merged, other) = (incidents::uid_for_alert(ALERT), Uid([9; 6]));
    let of_other = |world: &mut World, kind| {
        world.note(Row::Incident(IncidentEvent { incident: other, at: Timestamp(world.now), by: "ana".into(), kind }))
    };
    let opened = IncidentEventKind::Opened { title: "checkout is slow".into(), severity: Severity::P3, service: None };
    assert_eq!(of_other(&mut world, opened), [""; 0], "the policy of P3 names nobody");
    let into = IncidentEventKind::Linked { other, how: Link::MergedInto };
    assert_eq!(world.happens(into), ["chat: P1 merged play@prod down: page: merged into INC-1: checkout is slow"]);
    let last = world.outbox.items.values().max_by_key(|entry| entry.queued).unwrap();
    assert_eq!(last.item.incident, merged, "the key that people were called by is the one that ends");
    let resolved = IncidentEventKind::Resolved { summary: "green".into() };
    assert_eq!(of_other(&mut world, resolved), ["chat: P3 resolved checkout is slow: green"]);

    let mut world = World::new();
    drop(world.opened(Severity::P3));
    let into = IncidentEventKind::Linked { other, how: Link::MergedInto };
    assert_eq!(world.happens(into), [""; 0], "who was told nothing hears nothing of it");
}
