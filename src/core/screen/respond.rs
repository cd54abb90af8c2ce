//! What a person does when something fires: owns the alert, opens its incident, says that it is over.
use super::{Overlay, Pane, RowKey, Tone, View, act, findings, pin};
use crate::core::{
    Effect, State,
    alerts::{self, Severity},
    id::{HostName, ServiceId, Uid},
    incidents::{self, IncidentEventKind},
    logs::bundle,
    opening,
    time::Now,
};

/// Plays the selected incident back.
pub(super) fn play_back(state: &State) -> Vec<Effect> {
    let of = act::selected_incident(state).and_then(|uid| state.incidents.incidents.get(&uid));
    of.map_or_else(Vec::new, |of| vec![Effect::PlayBack { incident: of.number }])
}

/// Owns the alert at once; where somebody owns it already, says who, and asks why it is held back.
pub(super) fn acknowledge(state: &mut State, now: Now) -> Vec<Effect> {
    let Some(alert) = act::selected_alert(state) else { return Vec::new() };
    if state.alerts.alert(alert).and_then(|alert| alert.owner(now.utc)).is_some() {
        state.screen.open(Overlay::Own { alert });
        return Vec::new();
    }
    own(state, alert, None, now)
}

/// Owns an alert for a while, from now on.
pub(super) fn own(state: &mut State, alert: Uid, reason: Option<String>, now: Now) -> Vec<Effect> {
    let msg = alerts::Msg::AcknowledgeRequested { alert, by: state.actor.by.clone(), for_ms: alerts::OWNED_MS, reason };
    state.alerts_update(msg, now)
}

/// Opens an incident for what the cursor is on, or goes to the one that is open.
pub(super) fn open_incident(state: &mut State, now: Now) -> Vec<Effect> {
    if let Some(uid) = act::selected_incident(state)
        .filter(|uid| state.incidents.incidents.get(uid).is_some_and(incidents::Incident::is_in_hand))
    {
        return act::go(state, View::Incident(uid), now);
    }
    if let Some(opening) = act::selected_alert(state).and_then(|alert| state.opening(alert)) {
        // An alert has one incident, though that is over by now.
        let own = incidents::uid_for_alert(opening.alert);
        if state.incidents.incidents.contains_key(&own) {
            return act::go(state, View::Incident(own), now);
        }
        return state.incidents_update(incidents::Msg::OpenedForAlert(opening), now, Some("opening the incident"));
    }
    if let Some(finding) = findings::under(state) {
        return findings::open(state, &finding, now);
    }
    let service = act::selected_service(state);
    // A line, a pattern, a host: what made somebody open it is its title and its first evidence.
    let kept = if service.is_none() || pin::is_of_logs(state) { pin::evidence(state) } else { None };
    let (pane, charts) = (state.screen.pane(), state.screen.pane() == Pane::Charts);
    let is_host = charts || matches!(state.screen.cursor(pane), Some(RowKey::Host(_)));
    let host = act::selected_host(state).filter(|_| is_host);
    let worded = match (&kept, &service) {
        (Some((title, _)), None) => {
            let title = host.as_ref().map_or_else(|| title.clone(), |host| format!("{host}: opened by hand"));
            (Severity::P3, title)
        }
        (Some((title, _)), Some(service)) => (Severity::P3, format!("{service}: {title}")),
        (None, Some(service)) => {
            about_to_fire(state, service, now).unwrap_or_else(|| (Severity::P3, format!("{service}: opened by hand")))
        }
        (None, None) => return Vec::new(),
    };
    let mut kept: Vec<IncidentEventKind> = kept.map(|(_, kind)| kind).into_iter().collect();
    if service.is_none() {
        let hosts = about(state, host, &kept);
        kept.extend((!hosts.is_empty()).then_some(IncidentEventKind::About { hosts }));
    }
    opened(state, worded, (service, kept), now)
}

/// What is wrong with a service of which no alert fires yet, the worst of it: who is quicker than the rule's `for`, or than the disk,
/// opens the same incident as after it.
fn about_to_fire(state: &State, service: &ServiceId, now: Now) -> Option<(Severity, String)> {
    let measured = alerts::feed::service(state.services.service(service)?, now.utc);
    state.alerts.worst_of(&measured, &state.inventory)
}

/// Opens an incident, or goes to the one that is open for the same already: a key that is pressed twice opens one.
fn opened(
    state: &mut State,
    worded: (Severity, String),
    (service, kept): (Option<ServiceId>, Vec<IncidentEventKind>),
    now: Now,
) -> Vec<Effect> {
    match state.open_worded(worded, service, kept, now) {
        Ok((_, effects)) => effects,
        Err(known) => act::go(state, View::Incident(known), now),
    }
}

/// Opens an incident in one line of somebody's own; how bad it is may begin it.
pub(super) fn open_in_words(state: &mut State, text: String, service: Option<ServiceId>, now: Now) -> Vec<Effect> {
    let Some(worded) = opening::worded(&text) else {
        state.screen.say(now, Tone::Info, "say what is wrong, in one line; Esc leaves it");
        return Vec::new();
    };
    state.screen.close();
    opened(state, worded, (service, Vec::new()), now)
}

/// The hosts that an incident without a service is about: the one that the cursor is on, or those that its lines were read on.
fn about(state: &State, host: Option<HostName>, kept: &[IncidentEventKind]) -> Vec<HostName> {
    let mut hosts: Vec<HostName> = host.or_else(|| act::selected_host(state)).into_iter().collect();
    for kind in kept {
        let IncidentEventKind::Pinned { body, .. } = kind else { continue };
        for name in bundle::lines(body).map(|line| HostName::from(line.host)) {
            if !hosts.contains(&name) && state.inventory.host(&name).is_some() {
                hosts.push(name);
            }
        }
    }
    hosts
}

/// Says that the incident is over.
pub(super) fn resolve_incident(state: &mut State, now: Now) -> Vec<Effect> {
    let Some(incident) = act::selected_incident(state) else { return Vec::new() };
    let (at, by) = (now.utc, state.actor.by.clone());
    let kind = IncidentEventKind::Resolved { summary: format!("{by} says it is over") };
    state.incidents_update(incidents::Msg::Added { incident, at, by, kind }, now, Some("resolving the incident"))
}

#[cfg(test)]
#[path = "respond_tests.rs"]
mod tests;
