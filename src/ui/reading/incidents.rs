//! Incidents: their rows, and one of them in detail.
use super::{Reader, words};
use crate::{
    core::{
        incidents::{Incident, IncidentEvent, IncidentEventKind},
        screen::{Pane, RowKey},
        time,
    },
    ui::{
        incidents::IncidentDetail,
        rows::health_word,
        show::{IncidentRow, TimelineRow, Tone},
    },
};

impl Reader<'_> {
    pub(super) fn incident_rows(&self) -> Vec<IncidentRow> {
        let incidents = self.state.screen.rows(Pane::Incidents).iter().filter_map(|row| {
            let RowKey::Incident(uid) = row else { return None };
            self.state.incidents.incidents.get(uid)
        });
        incidents.map(|incident| self.incident_row(incident)).collect()
    }

    pub(super) fn incident_row(&self, of: &Incident) -> IncidentRow {
        let events = of.by_time();
        let begin = of.detected.unwrap_or(of.opened);
        let end = of.resolved.unwrap_or(self.now.utc);
        IncidentRow {
            id: of.number.to_string(),
            severity: of.severity,
            title: of.title.clone(),
            service: of.service.as_ref().map_or_else(String::new, |id| self.service_name(id)),
            owner: of.owner.as_ref().map(ToString::to_string),
            age: time::precise(words::ms(end.since(begin))),
            resolved: of.resolved.is_some(),
            last: events.into_iter().map(|(seq, event)| self.timeline_row(of, seq, event)).collect(),
        }
    }

    pub(super) fn incident_detail(&self, of: &Incident) -> IncidentDetail {
        let row = self.incident_row(of);
        let at = |at| self.moment(at);
        let mut facts = Vec::new();
        if let Some(id) = &of.service {
            let health = self.state.services.service(id).map_or("?", |service| health_word(service.health));
            facts.push(("service".to_owned(), format!("{} {health}", self.service_name(id))));
        }
        if let Some(alert) = of.alert.and_then(|uid| self.state.alerts.alert(uid)) {
            let state = if alert.is_firing() { "firing" } else { "resolved" };
            facts.push(("alert".to_owned(), format!("{}, {state}", alert.summary)));
        }
        facts.push(("opened".to_owned(), at(of.opened)));
        if let Some(resolved) = of.resolved {
            facts.push(("resolved".to_owned(), at(resolved)));
        }
        facts.push(("taken by".to_owned(), row.owner.clone().unwrap_or_else(|| "nobody".to_owned())));
        let runs = self.run_rows(self.state.screen.rows(Pane::Runs));
        let timeline = self.indices(Pane::Timeline).filter_map(|index| row.last.get(index).cloned()).collect();
        IncidentDetail { row, facts, timeline, runs }
    }

    fn timeline_row(&self, of: &Incident, seq: u64, event: &IncidentEvent) -> TimelineRow {
        let at = of.happened(seq).unwrap_or(event.at);
        let kind = &event.kind;
        let (tone, text) = if let IncidentEventKind::Action { run, summary } = kind {
            (Tone::Warn, format!("{} {summary}", self.run_number(*run)))
        } else if let IncidentEventKind::Result { run, summary, outcome } = kind {
            let tone = match outcome.as_str() {
                "Succeeded" | "Recovered" => Tone::Good,
                "Unknown" => Tone::Warn,
                _ => Tone::Error,
            };
            (tone, format!("{} {summary}", self.run_number(*run)))
        } else {
            (tone_of(kind), kind.says())
        };
        TimelineRow { at: self.moment(at), by: event.by.to_string(), kind: kind.word().to_owned(), tone, text }
    }
}

fn tone_of(kind: &IncidentEventKind) -> Tone {
    use IncidentEventKind::{Closed, Detected, Escalated, Mitigated, Reopened, Resolved};
    if matches!(kind, Detected { .. } | Reopened { .. }) {
        Tone::Error
    } else if matches!(kind, Mitigated { .. } | Resolved { .. } | Closed) {
        Tone::Good
    } else if matches!(kind, Escalated { .. }) {
        Tone::Warn
    } else {
        Tone::Info
    }
}
