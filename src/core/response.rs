//! Incidents and what lies around them: the alert they began with, the health and the runs of their service, what goes on by itself.
use super::{
    Effect, State, alerts,
    alerts::Severity,
    id::Uid,
    incidents::{self, Incident, IncidentEventKind, advance, phase::Around},
    push_commit,
    screen::Tone,
    services::Health,
    suspecting,
    time::Now,
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
                let mut effects = vec![Effect::Bell];
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
        Around { tracked: false, ticket: false, healthy, running }
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
                let number = self.incidents.incidents.get(&incident).map(|found| found.number.to_string());
                self.screen.say(now, Tone::Error, format!("{} goes to {to}: {reason}", number.unwrap_or_default()));
                effects.push(Effect::Bell);
            }
            let msg = incidents::Msg::ByItself { incident, kind };
            effects.extend(self.incidents_update(msg, now, Some("writing the timeline")));
        }
        effects
    }
}
