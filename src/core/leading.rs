//! Who leads an incident has what fires in it: the alerts are theirs, and what hears of an incident hears so.
use std::sync::Arc;

use super::{
    Effect, State, alerts,
    alerts::Alert,
    id::{Operator, Uid},
    incidents::{self, Duty, Incident, IncidentEventKind},
    push_commit,
    time::{Now, Timestamp},
    together,
};

impl State {
    /// Returns the incident that an alert belongs to: the one that was opened for it while somebody is at that, else the one of its
    /// service, else its own though that is over. What went into another is that one.
    pub(super) fn incident_of_alert(&self, alert: Uid) -> Option<Uid> {
        let own = self.incidents.incidents.get(&self.incidents.survivor(incidents::uid_for_alert(alert)));
        let of_service = || {
            let service = self.alerts.service_of(&self.alerts.alert(alert)?.target)?;
            self.incidents.in_hand_for(&service)
        };
        own.filter(|own| own.is_in_hand()).or_else(of_service).or(own).map(|of| of.uid)
    }

    /// Iterates over the alerts that fire and belong to an incident.
    fn firing_in<'a>(&'a self, of: &'a Incident) -> impl Iterator<Item = &'a Alert> {
        let told = |alert: Uid| {
            let tells =
                |kind: &IncidentEventKind| matches!(kind, IncidentEventKind::Alert { alert: of, .. } if *of == alert);
            of.timeline.values().any(|event| tells(&event.kind))
        };
        let (family, services) = (self.incidents.family(of.uid), self.incidents.services_of(of.uid));
        self.alerts.firing().filter(move |alert| {
            let of_service = || self.alerts.service_of(&alert.target).is_some_and(|id| services.contains(&id));
            family.contains(&incidents::uid_for_alert(alert.uid)) || of_service() || told(alert.uid)
        })
    }

    /// Writes an alert that was owned into its incident: the one that was opened for it, or the one of its service that nobody leads.
    pub(super) fn owned(&mut self, alert: Uid, (at, by): (Timestamp, Operator), now: Now) -> Vec<Effect> {
        let Some(of) = self.incident_of_alert(alert).and_then(|uid| self.incidents.incidents.get(&uid)) else {
            return Vec::new();
        };
        let own = of.uid == self.incidents.survivor(incidents::uid_for_alert(alert));
        if !own && (of.owner.is_some() || !of.is_open()) {
            return Vec::new();
        }
        let msg = incidents::Msg::Added { incident: of.uid, at, by, kind: IncidentEventKind::Acknowledged };
        self.incidents_update(msg, now, None)
    }

    /// Gives somebody the lead, in one commit with all that follows from it: it is acknowledged, and what fires in it has an owner.
    ///
    /// An alert that somebody else owns stays theirs, unless they led before.
    pub(super) fn lead(&mut self, incident: Uid, who: &Operator, now: Now) -> Vec<Effect> {
        let Some(of) = self.incidents.incidents.get(&incident) else { return Vec::new() };
        let by = self.actor.by.clone();
        let free = |alert: &&Alert| {
            alert.owner(now.utc).is_none_or(|owned| owned.by != *who && Some(&owned.by) == of.owner.as_ref())
        };
        let firing: Vec<Uid> = self.firing_in(of).filter(free).map(|alert| alert.uid).collect();
        let mut kinds = Vec::new();
        // Who gives it to somebody has seen it; who takes it says so anew, since others believed that they had it.
        if of.acknowledged.is_none() || *who == by {
            kinds.push(IncidentEventKind::Acknowledged);
        }
        kinds.push(IncidentEventKind::DutyTaken { duty: Duty::Lead, who: Some(who.clone()) });
        let reason = (*who != by).then(|| format!("{by} gave it to {who}"));
        let mut effects = Vec::new();
        for kind in kinds {
            let msg = incidents::Msg::Added { incident, at: now.utc, by: by.clone(), kind };
            effects.extend(self.incidents_update(msg, now, Some("writing it into the timeline")));
        }
        let inventory = Arc::clone(&self.inventory);
        for alert in firing {
            let (by, for_ms, reason) = (who.clone(), alerts::OWNED_MS, reason.clone());
            let msg = alerts::Msg::AcknowledgeRequested { alert, by, for_ms, reason };
            // What it leads to in the incident is written above.
            push_commit(&mut effects, alerts::update(&mut self.alerts, msg, now, &inventory).rows, None);
        }
        together(effects)
    }
}

#[cfg(test)]
#[path = "leading_tests.rs"]
mod tests;
