//! From the state to what is shown: which object is worst, what is too old to be believed, and how it is put into words.
//!
//! Nothing here draws, and nothing here decides what the state does not know.
mod acts;
mod around;
mod audit;
mod boxes;
mod documents;
mod findings;
mod handover;
mod hosts;
mod incidents;
mod logs;
mod maintenance;
mod offers;
mod outbox;
mod overview;
mod pipeline;
mod runbook;
mod runs;
mod services;
mod suspects;
mod telling;
pub mod words;

use super::{
    Screen, View,
    page::Focus,
    show::{Keys, Second},
};
use crate::{
    config::keymap::Keymap,
    core::{
        State,
        screen::{Overlay, Pane, RowKey, View as Place},
        time::{Now, Timestamp},
    },
};

/// Reads the whole screen from the state.
pub fn screen(state: &State, keymap: &Keymap, now: Now) -> Screen {
    let reader = Reader { state, keymap, now };
    let (view, second) = reader.view();
    let mut focus = reader.focus();
    if matches!(state.screen.overlay, Some(Overlay::Help)) {
        focus = Focus { pane: 1, cursor: 0, first: state.screen.overlay_cursor, zoomed: false };
    }
    let orders = state.screen.view.panes().iter().map(|pane| state.screen.order_of(*pane)).collect();
    let (surround, over) = (reader.around(second), reader.over());
    Screen { surround, view, focus, orders, keys: Keys::new(keymap), over }
}

/// What every part of reading needs.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    pub(super) state: &'a State,
    pub(super) keymap: &'a Keymap,
    pub(super) now: Now,
}

impl Reader<'_> {
    fn view(&self) -> (View, Second) {
        let trail = |steps: &[String]| Second::Trail(steps.to_vec());
        if matches!(self.state.screen.overlay, Some(Overlay::Help)) {
            return (View::Help(Box::new(self.help())), trail(&["Help".into()]));
        }
        match &self.state.screen.view {
            Place::Overview => (View::Overview(Box::new(self.overview())), Second::Global(self.global())),
            Place::Service(id) => match self.state.services.service(id) {
                Some(service) => {
                    let name = self.service_name(id);
                    (View::Service(Box::new(self.service_detail(service))), trail(&["Services".into(), name]))
                }
                None => gone("Services", &id.to_string()),
            },
            Place::Hosts => (View::Hosts(self.host_rows()), trail(&["Hosts".into()])),
            Place::Host(name) => match self.state.hosts.host(name) {
                Some(host) => {
                    (View::Host(Box::new(self.host_detail(host))), trail(&["Hosts".into(), name.to_string()]))
                }
                None => gone("Hosts", name.as_str()),
            },
            Place::Alerts => (View::Alerts(Box::new(self.alerts_view())), trail(&["Alerts".into()])),
            Place::Incidents => (View::Incidents(self.incident_list()), trail(&["Incidents".into()])),
            Place::Incident(uid) => match self.state.incidents.incidents.get(uid) {
                Some(incident) => {
                    let name = format!("{} {}", incident.number, incident.title);
                    (View::Incident(Box::new(self.incident_detail(incident))), trail(&["Incidents".into(), name]))
                }
                None => gone("Incidents", &uid.to_string()),
            },
            Place::Suspects(uid) => match self.state.incidents.incidents.get(uid) {
                Some(incident) => {
                    let names = ["Incidents".into(), incident.number.to_string(), "what changed".into()];
                    (View::Suspects(Box::new(self.suspects(incident))), trail(&names))
                }
                None => gone("Incidents", &uid.to_string()),
            },
            Place::Runbook(uid) => match self.state.incidents.incidents.get(uid) {
                Some(incident) => {
                    let runbook = self.runbook(incident);
                    let title = if runbook.title.is_empty() { "runbooks".to_owned() } else { runbook.title.clone() };
                    let names = ["Incidents".into(), incident.number.to_string(), title];
                    (View::Runbook(Box::new(runbook)), trail(&names))
                }
                None => gone("Incidents", &uid.to_string()),
            },
            Place::Document(uid) => match self.state.incidents.incidents.get(uid) {
                Some(incident) => {
                    let names = ["Incidents".into(), incident.number.to_string(), "document".into()];
                    (View::Document(Box::new(self.document(incident))), trail(&names))
                }
                None => gone("Incidents", &uid.to_string()),
            },
            Place::Runs => (View::Runs(self.run_rows(self.state.screen.rows(Pane::Runs))), trail(&["Runs".into()])),
            Place::Run(uid) => match self.state.runs.runs.get(uid) {
                Some(run) => {
                    let name = self.state.run_name(*uid);
                    (View::Run(Box::new(self.run_detail(run))), trail(&["Runs".into(), name]))
                }
                None => gone("Runs", &uid.to_string()),
            },
            Place::Logs => {
                let (sources, lag) = self.source_marks();
                (View::Logs(Box::new(self.logs(false))), Second::Logs { sources, lag })
            }
            Place::Web => (View::Logs(Box::new(self.logs(true))), trail(&["Logs".into(), "Web servers".into()])),
            Place::Audit => (View::Audit(Box::new(self.audit())), trail(&["Audit".into()])),
            Place::Handover => (View::Handover(Box::new(self.handover())), trail(&["Hand-over".into()])),
            Place::Pipeline(id) => {
                let names = ["Services".into(), self.service_name(id), "pipeline".into()];
                (View::Pipeline(Box::new(self.pipeline(id))), trail(&names))
            }
            Place::Findings => (View::Findings(Box::new(self.findings())), trail(&["Findings".into()])),
            Place::Maintenance => (View::Maintenance(Box::new(self.maintenance())), trail(&["Planned work".into()])),
            Place::Outbox => (View::Outbox(Box::new(self.outbox())), trail(&["Outbox".into()])),
            Place::Messages => (View::Messages(self.messages()), trail(&["Messages".into()])),
        }
    }

    fn focus(&self) -> Focus {
        let screen = &self.state.screen;
        let pane = screen.pane();
        let index = screen.view.panes().iter().position(|known| *known == pane).unwrap_or(0);
        let first = screen.layout.panes.iter().find(|facts| facts.pane == pane).map_or(0, |facts| facts.offset);
        Focus { pane: u8::try_from(index + 1).unwrap_or(1), cursor: self.cursor(pane), first, zoomed: screen.zoomed }
    }

    /// Returns the positions that a pane of mere positions shows, in its order.
    pub(super) fn indices(&self, pane: Pane) -> impl Iterator<Item = usize> {
        self.state.screen.rows(pane).iter().filter_map(|row| if let RowKey::Index(at) = row { Some(*at) } else { None })
    }

    /// Writes a moment as the person asked for it: UTC, local, or how long ago.
    pub(super) fn moment(&self, at: Timestamp) -> String {
        self.state.moment(at, self.now.utc)
    }

    /// Returns the row of a pane that the cursor is on, as the pane shows its rows.
    fn cursor(&self, pane: Pane) -> usize {
        let Some(key) = self.state.screen.cursor(pane) else { return 0 };
        let at = self.state.screen.rows(pane).iter().position(|row| row == key).unwrap_or(0);
        match (&self.state.screen.view, pane, key) {
            // A host has as many rows there as it has processes of the service.
            (Place::Service(id), Pane::Instances, RowKey::Host(name)) => {
                self.instances(id).iter().position(|row| row.host == name.as_str()).unwrap_or(at)
            }
            _ => at,
        }
    }
}

/// What was looked at is no longer there: a reload took it away.
fn gone(kind: &str, name: &str) -> (View, Second) {
    let trail = vec![kind.to_owned(), format!("{name} (gone from the configuration; Esc goes back)")];
    (View::Messages(Vec::new()), Second::Trail(trail))
}
