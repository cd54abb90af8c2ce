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
        let begin = events.first().map_or(of.opened, |event| event.at);
        let end = of.resolved.unwrap_or(self.now.utc);
        IncidentRow {
            id: of.number.to_string(),
            severity: of.severity,
            title: of.title.clone(),
            service: of.service.as_ref().map_or_else(String::new, |id| self.service_name(id)),
            owner: of.owner.as_ref().map(ToString::to_string),
            age: time::precise(words::ms(end.since(begin))),
            resolved: of.resolved.is_some(),
            last: events.into_iter().map(|event| self.timeline_row(event)).collect(),
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

    fn timeline_row(&self, of: &IncidentEvent) -> TimelineRow {
        let (kind, tone, text) = match &of.kind {
            IncidentEventKind::Opened { title, severity, .. } => {
                ("opened", Tone::Info, format!("{title}, {severity:?}"))
            }
            IncidentEventKind::Detected { summary, .. } => ("detected", Tone::Error, summary.clone()),
            IncidentEventKind::Acknowledged => ("acknowledged", Tone::Info, "took it".to_owned()),
            IncidentEventKind::Action { run, summary } => {
                ("action", Tone::Warn, format!("{} {summary}", self.run_number(*run)))
            }
            IncidentEventKind::Result { run, summary, outcome } => {
                let tone = match outcome.as_str() {
                    "Succeeded" | "Recovered" => Tone::Good,
                    "Unknown" => Tone::Warn,
                    _ => Tone::Error,
                };
                ("result", tone, format!("{} {summary}", self.run_number(*run)))
            }
            IncidentEventKind::Note { text } => ("note", Tone::Info, text.clone()),
            IncidentEventKind::SeverityChanged { to } => ("severity", Tone::Info, format!("now {to:?}")),
            IncidentEventKind::Resolved { summary } => ("resolved", Tone::Good, summary.clone()),
        };
        TimelineRow { at: self.moment(of.at), by: of.by.to_string(), kind: kind.to_owned(), tone, text }
    }
}
