//! The outbox and what lies around it: incidents' events queue writes in their own commit, and only who records delivers.
use std::sync::Arc;

use super::{
    Effect, State,
    alerts::Severity,
    id::Uid,
    outbox::{self, Hears, NotifierSpec},
    push_commit,
    record::Recorder,
    screen::{Tone, rows},
    time::Now,
};

/// Adds the tickets and notices that follow from events to the commits of those: both are on disk, or neither.
pub(crate) fn register(state: &State, effects: &mut [Effect]) {
    let (trackers, notifiers) = (&state.inventory.trackers, &state.inventory.notifiers);
    if trackers.is_empty() && notifiers.is_empty() {
        return;
    }
    let known = state.known();
    for effect in effects {
        if let Effect::Commit { rows, .. } = effect {
            let mut more = outbox::for_rows(rows, trackers, &state.incidents, &state.outbox);
            more.extend(outbox::notices(rows, known));
            rows.extend(more);
        }
    }
}

impl State {
    /// Returns what is known around notices.
    pub(super) fn known(&self) -> outbox::Known<'_> {
        outbox::Known {
            inventory: &self.inventory,
            alerts: &self.alerts,
            incidents: &self.incidents,
            services: &self.services,
            windows: &self.windows,
            outbox: &self.outbox,
        }
    }

    /// Rings where this console is shown: as its terminals are configured, or by the bell where none is.
    pub(super) fn ring(&self, severity: Severity, of: Hears, (title, text): (&str, &str)) -> Vec<Effect> {
        let mut terminals = self.inventory.notifiers.iter().filter(|notifier| notifier.local).peekable();
        if terminals.peek().is_none() {
            return vec![Effect::Bell];
        }
        let told = |notifier: &&Arc<NotifierSpec>| {
            notifier.hears.contains(&of) && outbox::is_told(&self.inventory, notifier, severity)
        };
        let ring = |notifier: &Arc<NotifierSpec>| Effect::Ring {
            terminal: Arc::clone(&notifier.place),
            title: title.to_owned(),
            text: text.to_owned(),
        };
        terminals.filter(told).map(ring).collect()
    }

    /// Says whether a terminal is configured, so that what alerts tell is not told twice.
    pub(super) fn has_terminal(&self) -> bool {
        self.inventory.notifiers.iter().any(|notifier| notifier.local)
    }

    fn with_outbox(
        &mut self,
        work: impl FnOnce(&mut outbox::State, outbox::Around<'_>) -> outbox::Out,
    ) -> (outbox::Out, bool) {
        let inventory = Arc::clone(&self.inventory);
        let around = outbox::Around {
            trackers: &inventory.trackers,
            notifiers: &inventory.notifiers,
            incidents: &self.incidents,
            alerts: &self.alerts,
            by: &self.actor.by,
            delivers: matches!(self.recorder, Recorder::Me { .. }) && self.loaded,
        };
        (work(&mut self.outbox, around), around.delivers)
    }

    pub(super) fn outbox_update(&mut self, msg: outbox::Msg, now: Now) -> Vec<Effect> {
        let what = match &msg {
            outbox::Msg::RetryAsked { .. } => Some("trying it again"),
            outbox::Msg::DropAsked { .. } => Some("dropping it"),
            outbox::Msg::EditAsked { .. } => Some("editing it"),
            outbox::Msg::Ended { .. } => Some("what a tracker said"),
            outbox::Msg::Stored(_) | outbox::Msg::Previewed { .. } => None,
        };
        let (out, _) = self.with_outbox(|outbox, around| outbox::update(outbox, msg, now.utc, around));
        let effects = self.carry_outbox(out, what, now);
        rows::refresh(self, now, false);
        effects
    }

    /// Returns the order that would write an item; what was shown of another one is let go of.
    pub(super) fn outbox_preview(&mut self, token: Uid) -> Option<outbox::Order> {
        self.outbox.preview = None;
        let around = outbox::Around {
            trackers: &self.inventory.trackers,
            notifiers: &self.inventory.notifiers,
            incidents: &self.incidents,
            alerts: &self.alerts,
            by: &self.actor.by,
            delivers: false,
        };
        self.outbox.order_of(token, around)
    }

    pub(super) fn outbox_ticked(&mut self, now: Now) -> Vec<Effect> {
        let (out, _) = self.with_outbox(|outbox, around| outbox::tick(outbox, now.utc, around));
        self.carry_outbox(out, None, now)
    }

    fn carry_outbox(&mut self, out: outbox::Out, what: Option<&'static str>, now: Now) -> Vec<Effect> {
        let mut effects = Vec::new();
        push_commit(&mut effects, out.rows, what);
        for (rows, order) in out.orders {
            let deliver = Effect::Deliver(Box::new(order));
            if rows.is_empty() {
                effects.push(deliver);
            } else {
                effects.push(Effect::Commit { rows, then: vec![deliver], what: None });
            }
        }
        for token in out.failed {
            if let Some(entry) = self.outbox.items.get(&token) {
                let text = format!("{}: {}; see :outbox", entry.item.tracker, entry.reason());
                self.screen.say(now, Tone::Error, text);
            }
        }
        effects
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::{
        Msg,
        action::Action,
        alerts,
        id::Operator,
        inventory::{Inventory, Service},
        record::Row,
        runs::Actor,
        time::{Mono, Timestamp},
        update,
    };

    #[test]
    fn an_incident_and_its_ticket_are_one_commit() {
        let inventory = Inventory {
            trackers: vec![outbox::tests::tracker()],
            services: vec![Arc::new(Service::new("play@prod".parse().unwrap()))],
            ..Inventory::default()
        };
        let actor = Actor { by: Operator::from("ana"), from: "test".into() };
        let mut state = State::new(Arc::new(inventory), actor);
        let now = Now { utc: Timestamp(1_000), mono: Mono(1_000) };
        let fired = alerts::AlertEvent {
            alert: Uid([1; 6]),
            at: now.utc,
            by: "qd".into(),
            kind: alerts::AlertEventKind::Fired {
                rule: "service-down".into(),
                target: alerts::Target::Service("play@prod".parse().unwrap()),
                severity: alerts::Severity::P1,
                value: None,
                since: now.utc,
                summary: "down".into(),
                muted: false,
            },
        };
        _ = update(&mut state, Msg::Alerts(alerts::Msg::EventsLoaded(vec![fired])), now);
        _ = update(&mut state, Msg::Acted(Action::GoAlerts), now);
        let effects = update(&mut state, Msg::Acted(Action::OpenIncident), now);
        let rows: Vec<&Row> = effects
            .iter()
            .filter_map(|effect| if let Effect::Commit { rows, .. } = effect { Some(rows) } else { None })
            .flatten()
            .collect();
        assert!(
            matches!(rows.as_slice(), [Row::Incident(_), Row::Incident(_), Row::Outbox(_), Row::Audit(_)]),
            "{effects:?}"
        );
        assert_eq!(effects.len(), 1);
        let audited = rows.iter().find_map(|row| if let Row::Audit(of) = row { Some(of) } else { None }).unwrap();
        let said = (audited.what.as_str(), audited.by.as_str(), audited.target.as_str(), audited.detail.as_str());
        assert_eq!(said, ("incident.opened", "ana", "play@prod", "play@prod down, P1"));
    }
}
