//! Incidents and what lies around them: the alert they began with, the health and the runs of their service, what goes on by itself.
use super::{
    Effect, State, alerts,
    alerts::{AlertEvent, AlertEventKind, Severity},
    id::Uid,
    incidents::{self, Incident, IncidentEventKind, advance, phase::Around},
    outbox::{self, Hears},
    push_commit,
    record::{Recorder, Row},
    runs,
    screen::Tone,
    services::Health,
    suspecting,
    time::{Now, Timestamp},
};

/// What is said of an alert that counts what was before an incident was mitigated.
const BEFORE: &str = "it counts what was before this was mitigated, so it is not opened again for it";
/// What is said of an alert that came up while its service was changed.
const MEANWHILE: &str = "so it is not opened again before that and its proof are over";
/// What is said of an alert of planned work.
const PLANNED: &str = "work is planned there, so it is not opened again for it";

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
                let mut effects = self.alert_rings(alert, now);
                effects.extend(self.alert_fired(alert, now));
                effects
            }
            alerts::Fact::Resolved { alert } if self.records() => self.alert_resolved(alert, now),
            alerts::Fact::Acknowledged { alert, by, at, .. } if by == self.actor.by => self.owned(alert, (at, by), now),
            // Whoever believes to have it must hear that it is another's.
            alerts::Fact::Acknowledged { alert, by, until, from: Some(from), .. } if from == self.actor.by => {
                let about = self.alerts.alert(alert).map(|alert| alert.target.to_string()).unwrap_or_default();
                let text = format!("{about} is {by}'s until {}, not yours", self.moment(until, now.utc));
                self.screen.say(now, Tone::Error, text);
                Vec::new()
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

    /// Returns until when planned work goes on where an alert is about.
    pub fn muted_until(&self, target: &alerts::Target, at: Timestamp) -> Option<Timestamp> {
        self.known().muted_until(target, at)
    }

    /// Writes into what begins to fire that planned work goes on there.
    pub(super) fn mute(&mut self, rows: &mut [Row]) {
        for row in rows {
            if let Row::Alert(AlertEvent { alert, at, kind: AlertEventKind::Fired { target, muted, .. }, .. }) = row
                && self.is_muted(target, *at)
            {
                *muted = true;
                self.alerts.fired_muted(*alert);
            }
        }
    }

    fn alert_rings(&self, alert: Uid, now: Now) -> Vec<Effect> {
        let Some(alert) = self.alerts.alert(alert) else { return Vec::new() };
        if self.is_muted(&alert.target, now.utc) {
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
        self.screen.wrote |= out.rows.iter().any(|row| matches!(row, Row::Incident(event) if event.by == by));
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
    ///
    /// An incident that is being validated is opened again by what broke since it was mitigated and soon after its end
    /// ([`Incident::may_come_back`]), and by nothing else: a window that
    /// reaches back over that moment counts what was mended, and is written down as that. So is what broke while a run of its
    /// service is under way, or while that is proved: a reload flickers. What still is broken when both are over opens it again then
    /// (`back_after_all`). What broke before the run began is none of its doing, and is not put off.
    fn alert_fired(&mut self, alert: Uid, now: Now) -> Vec<Effect> {
        let Some(found) = self.alerts.alert(alert).filter(|_| self.records()) else { return Vec::new() };
        let (severity, summary) = (found.severity, format!("{} {}", found.target, found.summary));
        let service = self.alerts.service_of(&found.target);
        let muted = self.is_muted(&found.target, now.utc);
        let open = service.as_ref().and_then(|service| self.incidents.open_for(service)).map(|incident| incident.uid);
        let watched = |service| self.incidents.watched_for(service, &self.inventory.policy, now.utc);
        let mended = service.as_ref().and_then(watched).map(|incident| incident.uid);
        let is_back = mended.is_some_and(|incident| self.is_back(incident, alert, now));
        let run = self.run_around(alert, now);
        if let Some(incident) = open {
            let kind = IncidentEventKind::Alert { alert, summary, firing: true };
            let msg = incidents::Msg::Added { incident, at: now.utc, by: "qd".into(), kind };
            return self.incidents_update(msg, now, None);
        }
        if let Some(incident) = mended {
            // What is broken by planned work opens nothing: if it outlives that, it does then.
            if is_back && run.is_none() && !muted {
                return self.open_again(incident, summary, now);
            }
            let alone = if is_back && muted { PLANNED } else { BEFORE };
            let why = run.map_or_else(|| alone.to_owned(), |run| format!("during {run}, {MEANWHILE}"));
            let number = self.incidents.incidents.get(&incident).map(|of| of.number.to_string()).unwrap_or_default();
            self.screen.say(now, Tone::Info, format!("{number} {summary}: {why}"));
            let kind = IncidentEventKind::Alert { alert, summary: format!("{summary}: {why}"), firing: true };
            let msg = incidents::Msg::Added { incident, at: now.utc, by: "qd".into(), kind };
            return self.incidents_update(msg, now, Some("writing the timeline"));
        }
        if muted || severity != Severity::P1 { Vec::new() } else { self.opens_by_itself(alert, now) }
    }

    /// Nobody looks: an incident opens for an alert by itself.
    fn opens_by_itself(&mut self, alert: Uid, now: Now) -> Vec<Effect> {
        let Some(opening) = self.opening(alert).filter(|_| self.unattended) else { return Vec::new() };
        let msg = incidents::Msg::OpenedForAlert(opening);
        let out = incidents::update(&mut self.incidents, msg, now.utc, &"qd".into());
        let mut effects = Vec::new();
        push_commit(&mut effects, out.rows, Some("opening the incident"));
        effects
    }

    /// Tells of alerts that began while planned work went on, once it is over, and opens what would have been opened then.
    pub(super) fn unmuted(&mut self, now: Now) -> Vec<Effect> {
        let mut effects = Vec::new();
        if !matches!(self.recorder, Recorder::Me { .. }) || !self.loaded {
            return effects;
        }
        push_commit(&mut effects, outbox::unmuted(self.known(), now.utc), None);
        let alone = |alert: &&alerts::Alert| {
            let service = self.alerts.service_of(&alert.target);
            let of = |incident: &Incident| service.is_some() && incident.service == service;
            let there =
                self.incidents.settled().any(|incident| (incident.is_open() || incident.is_owed()) && of(incident));
            alert.severity == Severity::P1
                && !there
                && !self.incidents.incidents.contains_key(&incidents::uid_for_alert(alert.uid))
        };
        let due: Vec<Uid> = outbox::outlived(self.known(), now.utc).filter(alone).map(|alert| alert.uid).collect();
        for alert in due {
            effects.extend(self.opens_by_itself(alert, now));
        }
        effects
    }

    /// Names the run under way of an alert's service that began before what the alert is about.
    fn run_around(&self, alert: Uid, now: Now) -> Option<String> {
        let alert = self.alerts.alert(alert)?;
        let service = self.alerts.service_of(&alert.target)?;
        self.runs.under_way(&service, alert.since, now.utc).map(runs::Run::name)
    }

    /// Says whether an alert tells of something that broke since an incident was mitigated, or since the end of the run in which it
    /// broke.
    fn is_back(&self, incident: Uid, alert: Uid, now: Now) -> bool {
        let from = self.incidents.incidents.get(&incident).and_then(|of| of.mitigated.or(of.resolved));
        let Some((from, alert)) = from.zip(self.alerts.alert(alert)) else { return true };
        let service = self.alerts.service_of(&alert.target);
        let run = service.and_then(|service| self.runs.over_since(&service, alert.since));
        self.alerts.breaks_since(alert, run.map_or(from, |ended| ended.max(from)), now)
    }

    fn open_again(&mut self, incident: Uid, summary: String, now: Now) -> Vec<Effect> {
        let kind = IncidentEventKind::Reopened { summary };
        let msg = incidents::Msg::Added { incident, at: now.utc, by: "qd".into(), kind };
        self.incidents_update(msg, now, Some("opening the incident again"))
    }

    /// Opens incidents again whose service has an alert that was of before, or of a run, at first, and by now is broken by what came
    /// since.
    fn back_after_all(&mut self, now: Now) -> Vec<Effect> {
        let validated = |of: &&Incident| of.is_owed() && of.phase == incidents::Phase::Validate && of.service.is_some();
        let policy = &self.inventory.policy;
        let mut due = Vec::new();
        for incident in self.incidents.settled().filter(validated) {
            let late = |alert: &&alerts::Alert| {
                let about = self.alerts.service_of(&alert.target) == incident.service;
                let after = incident.mitigated.or(incident.resolved).is_some_and(|from| alert.fired_at >= from);
                let lately = incident.may_come_back(policy, alert.fired_at);
                about && lately && (after || self.alerts.looks_back(alert)) && !self.is_muted(&alert.target, now.utc)
            };
            let mut firing: Vec<&alerts::Alert> = self.alerts.firing().filter(late).collect();
            firing.sort_by_key(|alert| (alert.fired_at, alert.uid));
            let is_back = |alert: &&alerts::Alert| {
                self.is_back(incident.uid, alert.uid, now) && self.run_around(alert.uid, now).is_none()
            };
            if let Some(alert) = firing.into_iter().find(is_back) {
                due.push((incident.uid, format!("{} {}", alert.target, alert.summary)));
            }
        }
        due.into_iter().flat_map(|(incident, summary)| self.open_again(incident, summary, now)).collect()
    }

    fn alert_resolved(&mut self, alert: Uid, now: Now) -> Vec<Effect> {
        let Some(found) = self.alerts.alert(alert) else { return Vec::new() };
        let service = self.alerts.service_of(&found.target);
        let summary = format!("no longer: {}", found.summary);
        // Its own incident may have gone into another, which is the one that ends with it.
        let own = self.incidents.survivor(incidents::uid_for_alert(alert));
        let own_open = self.incidents.incidents.get(&own).filter(|of| of.is_open());
        let open = own_open.or_else(|| self.incidents.open_for(service.as_ref()?));
        let Some((incident, began)) = open.map(|of| (of.uid, of.alert.is_some())) else {
            return self.told_and_over(alert, summary, now);
        };
        // What only counts what was, holds nothing open: what comes of it from now on opens it again.
        let holds = |other: &&alerts::Alert| other.uid != alert && !self.alerts.looks_back(other);
        let (family, services) = (self.incidents.family(incident), self.incidents.services_of(incident));
        let is_one = |other: &alerts::Alert| family.contains(&incidents::uid_for_alert(other.uid));
        let about = |other: &alerts::Alert| {
            self.alerts.service_of(&other.target).is_some_and(|service| services.contains(&service))
        };
        let held = self.alerts.firing().filter(holds).any(is_one);
        let rest = self.alerts.firing().filter(holds).any(about);
        // What began with an alert ends with it, or with the last one of its service where it had been opened again; what others went
        // into, with the last that began one of them.
        let first = incident == incidents::uid_for_alert(alert);
        let ends = !held && (first || (began && !rest));
        let kind = if ends {
            IncidentEventKind::Resolved { summary }
        } else {
            IncidentEventKind::Alert { alert, summary, firing: false }
        };
        let msg = incidents::Msg::Added { incident, at: now.utc, by: "qd".into(), kind };
        self.incidents_update(msg, now, Some("resolving the incident"))
    }

    /// An alert is over that was written into an incident while that was being validated: so is that.
    fn told_and_over(&mut self, alert: Uid, summary: String, now: Now) -> Vec<Effect> {
        let of_it = |event: &incidents::IncidentEvent| matches!(&event.kind, IncidentEventKind::Alert { alert: told, firing: true, .. } if *told == alert);
        let told = |of: &&Incident| {
            of.is_owed()
                && of.resolved.is_some_and(|at| of.timeline.values().any(|event| event.at >= at && of_it(event)))
        };
        let Some(incident) = self.incidents.owed().find(told).map(|of| of.uid) else { return Vec::new() };
        let kind = IncidentEventKind::Alert { alert, summary, firing: false };
        let msg = incidents::Msg::Added { incident, at: now.utc, by: "qd".into(), kind };
        self.incidents_update(msg, now, Some("writing the timeline"))
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
        let mut effects = self.back_after_all(now);
        // Who has the shift is looked up before anybody is called.
        let stalls = self.incidents.settled().any(|of| of.stalls(&self.inventory.policy, now.utc));
        let calls = !stalls || self.audit.is_fresh(now);
        if !calls && self.audit.due(now) {
            effects.push(Effect::ReadAudit);
        }
        let policy = (&self.inventory.policy, self.shift());
        let next = |incident: &Incident| {
            let kind = advance::by_itself(incident, self.around(incident), policy, now.utc)?;
            let is_call = matches!(kind, IncidentEventKind::Escalated { .. });
            (calls || !is_call).then_some((incident.uid, kind))
        };
        let due: Vec<_> = self.incidents.settled().filter_map(next).collect();
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
#[path = "response_tests.rs"]
mod tests;
