//! Incidents and what lies around them: the alert they began with, the health and the runs of their service, what goes on by itself.
use super::{
    Effect, State, alerts,
    alerts::Severity,
    id::Uid,
    incidents::{self, Incident, IncidentEventKind, advance, phase::Around},
    outbox::Hears,
    push_commit,
    screen::Tone,
    services::Health,
    suspecting,
    time::{Now, Timestamp},
};

impl State {
    /// Returns what an incident for this alert begins with.
    pub fn opening(&self, alert: Uid) -> Option<incidents::Opening> {
        let alert = self.alerts.alert(alert)?;
        Some(incidents::Opening {
            alert: alert.uid,
            target: alert.target.to_string(),
            summary: alert.summary.clone(),
            fired: alert.fired_at,
            severity: alert.severity,
            service: self.alerts.service_of(&alert.target),
            acknowledged: alert.owned.as_ref().map(|owned| (owned.by.clone(), owned.at)),
        })
    }

    pub(super) fn after_alert(&mut self, fact: alerts::Fact, now: Now) -> Vec<Effect> {
        match fact {
            alerts::Fact::Fired { alert } | alerts::Fact::AcknowledgementExpired { alert, .. } => {
                let mut effects = self.alert_rings(alert);
                effects.extend(self.alert_fired(alert, now));
                effects
            }
            alerts::Fact::Resolved { alert } if self.records() => self.alert_resolved(alert, now),
            alerts::Fact::Acknowledged { alert, by, at, .. } if by == self.actor.by => {
                let uid = incidents::uid_for_alert(alert);
                if !self.incidents.incidents.contains_key(&uid) {
                    return Vec::new();
                }
                let msg = incidents::Msg::Added { incident: uid, at, by, kind: IncidentEventKind::Acknowledged };
                self.incidents_update(msg, now, None)
            }
            alerts::Fact::Resolved { .. } | alerts::Fact::Acknowledged { .. } | alerts::Fact::Flapping { .. } => {
                Vec::new()
            }
        }
    }

    /// Says whether planned work goes on where an alert is about: it is seen, and nobody is told.
    pub fn is_muted(&self, target: &alerts::Target, at: Timestamp) -> bool {
        self.known().is_muted(target, at)
    }

    fn alert_rings(&self, alert: Uid) -> Vec<Effect> {
        let Some(alert) = self.alerts.alert(alert) else { return Vec::new() };
        if self.is_muted(&alert.target, alert.fired_at) {
            return Vec::new();
        }
        let title = format!("{:?} {}", alert.severity, alert.target);
        self.ring(alert.severity, Hears::Alert, (&title, &alert.summary))
    }

    pub(super) fn incidents_update(
        &mut self,
        msg: incidents::Msg,
        now: Now,
        what: Option<&'static str>,
    ) -> Vec<Effect> {
        let by = self.actor.by.clone();
        let out = incidents::update(&mut self.incidents, msg, now.utc, &by);
        let mut effects = Vec::new();
        push_commit(&mut effects, out.rows, what);
        for uid in out.opened {
            if let Some(incident) = self.incidents.incidents.get(&uid) {
                let text = format!("{} opened: {}", incident.number, incident.title);
                self.screen.say(now, Tone::Info, text);
            }
            effects.extend(suspecting::opened(self, uid, now));
        }
        effects
    }

    /// An alert belongs to the incident of its service that is there already; nobody looking, the worst open one by themselves.
    fn alert_fired(&mut self, alert: Uid, now: Now) -> Vec<Effect> {
        let Some(found) = self.alerts.alert(alert).filter(|_| self.records()) else { return Vec::new() };
        let (severity, summary) = (found.severity, format!("{} {}", found.target, found.summary));
        let service = self.alerts.service_of(&found.target);
        let muted = self.is_muted(&found.target, now.utc);
        let of = |incident: &&Incident| incident.service.is_some() && incident.service == service;
        let open = self.incidents.open().find(of).map(|incident| incident.uid);
        let validated = |incident: &&Incident| of(incident) && incident.phase == incidents::Phase::Validate;
        let mended = self.incidents.owed().find(validated).map(|incident| incident.uid);
        if let Some(incident) = open {
            let kind = IncidentEventKind::Alert { alert, summary, firing: true };
            let msg = incidents::Msg::Added { incident, at: now.utc, by: "qd".into(), kind };
            return self.incidents_update(msg, now, None);
        }
        if let Some(incident) = mended {
            let kind = IncidentEventKind::Reopened { summary };
            let msg = incidents::Msg::Added { incident, at: now.utc, by: "qd".into(), kind };
            return self.incidents_update(msg, now, Some("opening the incident again"));
        }
        if self.unattended
            && !muted
            && severity == Severity::P1
            && let Some(opening) = self.opening(alert)
        {
            let by = "qd".into();
            let out = incidents::update(&mut self.incidents, incidents::Msg::OpenedForAlert(opening), now.utc, &by);
            let mut effects = Vec::new();
            push_commit(&mut effects, out.rows, Some("opening the incident"));
            return effects;
        }
        Vec::new()
    }

    fn alert_resolved(&mut self, alert: Uid, now: Now) -> Vec<Effect> {
        let Some(found) = self.alerts.alert(alert) else { return Vec::new() };
        let service = self.alerts.service_of(&found.target);
        let summary = format!("no longer: {}", found.summary);
        let own = incidents::uid_for_alert(alert);
        let of =
            |incident: &&Incident| incident.uid == own || (incident.service.is_some() && incident.service == service);
        let Some((incident, began)) = self.incidents.open().find(of).map(|of| (of.uid, of.alert.is_some())) else {
            return Vec::new();
        };
        let rest = self.alerts.firing().any(|alert| self.alerts.service_of(&alert.target) == service);
        // What began with an alert ends with it, or with the last one of its service where it had been opened again.
        let ends = incident == own || (began && !rest);
        let kind = if ends {
            IncidentEventKind::Resolved { summary }
        } else {
            IncidentEventKind::Alert { alert, summary, firing: false }
        };
        let msg = incidents::Msg::Added { incident, at: now.utc, by: "qd".into(), kind };
        self.incidents_update(msg, now, Some("resolving the incident"))
    }

    /// Returns what the guards of an incident ask of the rest.
    pub fn around(&self, of: &Incident) -> Around {
        let health = of.service.as_ref().and_then(|id| self.services.service(id)).map(|service| service.health);
        let healthy = match health {
            Some(Health::Up) => Some(true),
            Some(Health::Degraded | Health::Down) => Some(false),
            Some(Health::Unknown | Health::Maintenance) | None => None,
        };
        let running = self.runs.unfinished().any(|run| run.incident == Some(of.uid));
        let mut trackers = self.inventory.trackers.iter();
        let tracked =
            trackers.any(|tracker| tracker.severities.is_empty() || tracker.severities.contains(&of.severity));
        let ticket = !of.tickets.is_empty() || self.outbox.of_incident(of.uid).is_some();
        Around { tracked, ticket, healthy, running }
    }

    /// Writes down what happens to incidents by itself; only who records does.
    pub(super) fn incidents_by_themselves(&mut self, now: Now) -> Vec<Effect> {
        if !self.records() {
            return Vec::new();
        }
        let policy = &self.inventory.policy;
        let next = |incident: &Incident| {
            let kind = advance::by_itself(incident, self.around(incident), policy, now.utc)?;
            Some((incident.uid, kind))
        };
        let due: Vec<_> = self.incidents.settled().filter_map(next).collect();
        let mut effects = Vec::new();
        for (incident, kind) in due {
            if let IncidentEventKind::Escalated { to, reason } = &kind {
                let found = self.incidents.incidents.get(&incident);
                let number = found.map(|found| found.number.to_string()).unwrap_or_default();
                let severity = found.map_or(Severity::P1, |found| found.severity);
                let text = format!("goes to {to}: {reason}");
                self.screen.say(now, Tone::Error, format!("{number} {text}"));
                effects.extend(self.ring(severity, Hears::Escalated, (&number, &text)));
            }
            let msg = incidents::Msg::ByItself { incident, kind };
            effects.extend(self.incidents_update(msg, now, Some("writing the timeline")));
        }
        effects
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::core::{
        Msg,
        alerts::{AlertEvent, AlertEventKind, Target},
        id::IncidentId,
        incidents::{IncidentEvent, Phase, StoredIncidentEvent},
        inventory::Inventory,
        record::{Recorder, Row},
        runs::Actor,
        time::{MINUTE, Mono},
        update,
    };

    /// A console that records, with a store that gives back what it is told.
    struct Console {
        state: State,
        seq: u64,
        now: Now,
    }

    impl Console {
        fn new() -> Self {
            let actor = Actor { by: "ana".into(), from: "ana@jump".into() };
            let state = State::new(Arc::new(Inventory::default()), actor);
            let mut console = Self { state, seq: 0, now: Now { utc: Timestamp(0), mono: Mono(0) } };
            console.tell(Msg::Loaded(Box::default()));
            console.tell(Msg::RecorderChanged(Recorder::Me { epoch: 1 }));
            console
        }

        fn tell(&mut self, msg: Msg) {
            let effects = update(&mut self.state, msg, self.now);
            self.store(effects);
        }

        fn store(&mut self, effects: Vec<Effect>) {
            for effect in effects {
                let Effect::Commit { rows, then, .. } = effect else { continue };
                for row in rows {
                    let Row::Incident(event) = row else { continue };
                    self.seq += 1;
                    let stored = StoredIncidentEvent { number: IncidentId(1), seq: self.seq, event };
                    let effects = self.state.incidents_update(incidents::Msg::Stored(vec![stored]), self.now, None);
                    self.store(effects);
                }
                self.store(then);
            }
        }

        /// An alert of the service fires, or is over.
        fn alert(&mut self, uid: u8, fires: bool) {
            let alert = Uid([uid; 6]);
            let kind = if fires {
                AlertEventKind::Fired {
                    rule: format!("rule-{uid}").into(),
                    target: Target::Service("play@prod".parse().unwrap()),
                    severity: Severity::P1,
                    value: None,
                    since: self.now.utc,
                    summary: "down: page".into(),
                }
            } else {
                AlertEventKind::Resolved { value: None }
            };
            let event = AlertEvent { alert, at: self.now.utc, by: "qd".into(), kind };
            _ = self.state.alerts_update(alerts::Msg::EventsArrived(vec![event]), self.now);
            let fact = if fires { alerts::Fact::Fired { alert } } else { alerts::Fact::Resolved { alert } };
            let effects = self.state.after_alert(fact, self.now);
            self.store(effects);
        }

        fn pass(&mut self, ms: i64) {
            self.now = Now { utc: self.now.utc + ms, mono: Mono(self.now.mono.0 + ms.unsigned_abs()) };
            self.tell(Msg::Ticked);
        }

        fn only(&self) -> &Incident {
            assert_eq!(self.state.incidents.incidents.len(), 1);
            self.state.incidents.incidents.values().next().unwrap()
        }

        fn words(&self) -> Vec<&'static str> {
            self.only().timeline.values().map(|event: &IncidentEvent| event.kind.word()).collect()
        }
    }

    #[test]
    fn an_incident_ends_with_its_alert_and_comes_back_with_another_while_it_is_validated() {
        let mut console = Console::new();
        console.state.unattended = true;
        console.alert(1, true);
        assert_eq!(console.words(), ["opened", "detected"], "nobody looks: the worst opens by itself");
        console.alert(2, true);
        console.alert(2, false);
        assert_eq!(console.words(), ["opened", "detected", "alert", "alert"], "other alerts of its service are told");
        console.alert(1, false);
        assert_eq!(console.only().phase, Phase::Validate);
        console.pass(9 * MINUTE);
        console.alert(3, true);
        assert_eq!(console.words().last(), Some(&"reopened"));
        assert_eq!((console.only().phase, console.only().is_open()), (Phase::Diagnose, true));
        console.alert(3, false);
        assert_eq!(console.only().phase, Phase::Validate, "it ends with the last alert of its service");
        console.pass(10 * MINUTE);
        console.pass(10_000);
        let phases = console.words().iter().filter(|word| **word == "phase").count();
        assert_eq!((console.only().phase, phases), (Phase::Document, 1), "once it was well for long enough");
        console.alert(4, true);
        assert_eq!(console.state.incidents.incidents.len(), 2, "what comes later is another incident");
    }

    #[test]
    fn only_who_records_writes_by_itself() {
        let mut console = Console::new();
        console.state.unattended = true;
        console.alert(1, true);
        console.tell(Msg::RecorderChanged(Recorder::Other { owner: "ben".into() }));
        let before = console.seq;
        console.alert(2, true);
        console.alert(1, false);
        console.pass(60 * MINUTE);
        assert_eq!(console.seq, before);
    }
}
