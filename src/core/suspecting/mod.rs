//! Where changes come from that may have broken a service: runs, checks, samples, and what hosts tell when they are asked.
use std::sync::Arc;

use super::{
    Effect, State,
    id::{HostName, ServiceId, Uid},
    incidents::{
        self, Incident, IncidentEventKind, onset,
        precedent::Precedent,
        similar::{self, Similar},
        suspects::{
            self, Around, Change, History, Ranking,
            difference::{Answer, Ask},
        },
    },
    inventory::Service,
    screen::{Pane, View, rows},
    time::{DAY, Now, Timestamp},
};

mod known;

pub(super) use known::{certificate, rebooted};

/// How long before an incident changes are looked for.
const BACK_MS: i64 = DAY;
/// Hosts that are asked for one incident: its service's first, then those of what it needs.
const HOSTS: usize = 24;
/// Pipelines that are asked for one incident.
const PIPELINES: usize = 6;
/// Milliseconds after which what is in view is ranked anew.
const AGAIN_MS: u64 = 2_000;

impl State {
    /// Returns earlier incidents like one, the most alike first, with what mended them.
    pub fn similar(&self, of: Uid, limit: usize) -> Vec<Similar> {
        // An alert is forgotten sooner than the incident that began with it.
        let rule = |incident: &Incident| {
            let known = incident.alert.and_then(|alert| self.alerts.alert(alert)).map(|alert| alert.rule.clone());
            let old = || self.incidents.remembered.get(&incident.uid)?.signature.rule.clone();
            known.or_else(old)
        };
        similar::find(&self.incidents, of, limit, rule)
    }
}

/// Asks hosts what changed when an incident is new here and not over, and estimates when it began.
pub(super) fn opened(state: &mut State, incident: Uid, now: Now) -> Vec<Effect> {
    let Some(of) = state.incidents.incidents.get(&incident).filter(|of| of.is_open()) else { return Vec::new() };
    // What was opened long ago is looked at when somebody asks for it: a console that starts does not ask all hosts.
    if now.utc.since(of.opened) > BACK_MS {
        return Vec::new();
    }
    let mut effects = estimate(state, incident, now);
    effects.extend(look(state, incident, now));
    effects
}

/// Applies a message.
pub(super) fn update(state: &mut State, msg: suspects::Msg, now: Now) -> Vec<Effect> {
    match msg {
        suspects::Msg::Told { incident, host, seen } => {
            state.suspects.told(incident, host, *seen);
            told(state, incident, now)
        }
        suspects::Msg::PipelineTold { incident, service, runs } => {
            state.suspects.pipeline_told(incident, service, runs);
            told(state, incident, now)
        }
        suspects::Msg::Remembered(all) => {
            state.incidents.remembered = all.incidents.into_iter().map(|of| (of.uid, of)).collect();
            for of in all.certificates {
                state.suspects.saw(known::replaced(&of.check, of.at, (of.before, of.after)));
            }
            for incident in state.suspects.looked().collect::<Vec<_>>() {
                rank(state, incident, now);
            }
            rows::refresh(state, now, false);
            Vec::new()
        }
        suspects::Msg::Differs { key, seen } => {
            let answer = match *seen {
                Ok(difference) => Answer::Told(Box::new(difference)),
                Err(why) => Answer::Unknown(why),
            };
            state.suspects.differs(key, answer);
            rows::refresh(state, now, false);
            Vec::new()
        }
        suspects::Msg::Wanted { incident } => {
            let mut effects = estimate(state, incident, now);
            effects.extend(look(state, incident, now));
            effects
        }
    }
}

/// Ranks anew, since more is known.
fn told(state: &mut State, incident: Uid, now: Now) -> Vec<Effect> {
    let effects = estimate(state, incident, now);
    rank(state, incident, now);
    let first = state.screen.rows(Pane::Suspects).first();
    // Where the cursor stands on the first of them it stays there, on whatever is the first now.
    if state.screen.view == View::Suspects(incident) && state.screen.cursor(Pane::Suspects) == first {
        state.screen.cursors.remove(&(View::Suspects(incident), Pane::Suspects));
        rows::refresh(state, now, true);
    } else {
        rows::refresh(state, now, false);
    }
    effects
}

/// Writes when it began into the incident, once, where that is not known and can be told.
fn estimate(state: &mut State, incident: Uid, now: Now) -> Vec<Effect> {
    let known = state.incidents.incidents.get(&incident).filter(|of| of.onset.is_none() && state.records());
    let Some(of) = known else { return Vec::new() };
    let fired = of.detected.unwrap_or(of.opened);
    let estimate = match &of.service {
        Some(service) => onset::estimate(state, service, fired),
        None => onset::estimate_on(state, &hosts_of(state, of), fired),
    };
    let Some(onset) = estimate.onset else { return Vec::new() };
    let kind = IncidentEventKind::Onset { at: onset.at, how: onset.words(), estimated: true };
    state.incidents_update(incidents::Msg::ByItself { incident, kind }, now, None)
}

fn look(state: &mut State, incident: Uid, now: Now) -> Vec<Effect> {
    let Some(of) = state.incidents.incidents.get(&incident) else { return Vec::new() };
    let since = of.zero() - BACK_MS;
    let services = services_around(state, of);
    let hosts = hosts_around(state, of, &services);
    let brought = services.iter().filter(|service| service.pipeline.is_some());
    let pipelines: Vec<ServiceId> = brought.map(|service| service.id.clone()).take(PIPELINES).collect();
    let own = known::own(state, of.zero(), now);
    state.suspects.ask(incident, (&hosts, &pipelines), (since, now.utc), own);
    rank(state, incident, now);
    if hosts.is_empty() && pipelines.is_empty() {
        return Vec::new();
    }
    vec![Effect::LookForChanges { incident, hosts, pipelines, since }]
}

/// Has looked up what a change changed, unless that is known already or on its way; where that failed it is asked again.
pub(super) fn compare(state: &mut State, change: &Change, anew: bool) -> Vec<Effect> {
    let Some(ask) = Ask::of(change) else { return Vec::new() };
    if state.screen.replay.is_some() {
        let why = "this is a replay: what a change changed is not recorded, and nobody is asked".to_owned();
        state.suspects.differs(ask.key, Answer::Unknown(why));
        return Vec::new();
    }
    match state.suspects.difference(&ask.key) {
        Some(Answer::Asked) => return Vec::new(),
        Some(Answer::Told(_)) if !anew => return Vec::new(),
        Some(Answer::Told(_) | Answer::Unknown(_)) | None => {}
    }
    state.suspects.differs(ask.key.clone(), Answer::Asked);
    vec![Effect::LookForDifference(Box::new(ask))]
}

/// An incident's service, then what it needs.
fn services_around(state: &State, of: &Incident) -> Vec<Arc<Service>> {
    let mut services: Vec<Arc<Service>> = Vec::new();
    services.extend(of.service.as_ref().and_then(|id| state.inventory.service(id)).map(Arc::clone));
    let mut next = 0;
    while let Some(service) = services.get(next).map(Arc::clone) {
        next += 1;
        for id in &service.needs {
            let Some(need) = state.inventory.service(id) else { continue };
            if !services.iter().any(|known| known.id == need.id) {
                services.push(Arc::clone(need));
            }
        }
    }
    services
}

/// The hosts of an incident's services, in their order, after those that it is about itself.
fn hosts_around(state: &State, of: &Incident, services: &[Arc<Service>]) -> Vec<HostName> {
    let mut hosts = hosts_of(state, of);
    for host in services.iter().flat_map(|service| &service.hosts) {
        if !hosts.contains(host) && hosts.len() < HOSTS {
            hosts.push(host.clone());
        }
    }
    hosts
}

impl State {
    /// Returns the host whose charts tell most of an incident: its alert's or the one that it is about, else of its service the one that
    /// something fires on, else the first.
    pub fn host_to_chart(&self, of: &Incident) -> Option<HostName> {
        let own = hosts_of(self, of).into_iter().next();
        own.or_else(|| {
            let hosts = &self.inventory.service(of.service.as_ref()?)?.hosts;
            let fires = |host: &&HostName| self.alerts.firing().any(|alert| alert.target.host() == Some(host));
            hosts.iter().find(fires).or(hosts.first()).cloned()
        })
    }
}

/// The hosts that an incident is about itself: its alert's, and those that it was opened for.
pub(super) fn hosts_of(state: &State, of: &Incident) -> Vec<HostName> {
    let alert = of.alert.and_then(|alert| state.alerts.alert(alert));
    let mut hosts: Vec<HostName> = alert.and_then(|alert| alert.target.host()).cloned().into_iter().collect();
    for host in &of.hosts {
        if !hosts.contains(host) && hosts.len() < HOSTS {
            hosts.push(host.clone());
        }
    }
    hosts
}

/// Ranks anew what is in view, where that is some seconds old: runs go on, and processes start.
pub(super) fn tick(state: &mut State, now: Now) {
    let (View::Incident(incident) | View::Suspects(incident)) = state.screen.view else { return };
    let due = |looked: &suspects::Looked| now.mono.since(looked.ranked) >= AGAIN_MS;
    if state.suspects.of(incident).is_none_or(due) {
        rank(state, incident, now);
    }
}

fn rank(state: &mut State, incident: Uid, now: Now) {
    if let Some(of) = state.incidents.incidents.get(&incident) {
        let ranking = ranking(state, of, now);
        state.suspects.rank(incident, ranking, now.mono);
    }
}

/// Ranks what changed around an incident: runs as they are known now, and all that was seen and told.
fn ranking(state: &State, of: &Incident, now: Now) -> Ranking {
    let onset = of.zero();
    let mut changes = known::own(state, onset, now);
    changes.extend(state.suspects.of(of.uid).into_iter().flat_map(|looked| looked.changes.iter().cloned()));
    let told = state.suspects.of(of.uid).into_iter().flat_map(|looked| &looked.pipelines);
    let told = told.filter_map(|(service, told)| Some((service, told.as_ref()?.as_ref().ok()?)));
    changes.extend(told.flat_map(|(service, runs)| {
        runs.iter().filter_map(|run| known::of_pipeline(service, (run, runs.as_slice()), onset))
    }));
    let changes = suspects::merge(changes);
    let hosts = match of.service.as_ref().and_then(|id| state.inventory.service(id)) {
        Some(service) => service.hosts.clone(),
        None => hosts_of(state, of),
    };
    let around = Around {
        onset,
        not_before: not_before(state, of),
        service: of.service.as_ref(),
        hosts: &hosts,
        inventory: &state.inventory,
        history: &history(state, of.uid),
    };
    suspects::rank(&changes, around)
}

/// The last moment before the onset at which a check of the service answered, where that is still known.
fn not_before(state: &State, of: &Incident) -> Timestamp {
    let onset = of.zero();
    let service = of.service.as_ref().and_then(|service| state.services.service(service));
    let checks = service.map(|service| service.checks.as_slice()).unwrap_or_default();
    let slots = checks.iter().flat_map(|check| check.history.iter().map(|reading| reading.slot));
    slots.filter(|slot| *slot < onset).max().unwrap_or(onset)
}

/// What came of suspects in the other incidents.
fn history(state: &State, but: Uid) -> History {
    let mut history = History::default();
    let incidents = &state.incidents;
    let mut note = |of: &Precedent| {
        let service = of.signature.service.as_ref();
        of.chosen.into_iter().for_each(|kind| history.note(service, kind, true));
        of.ruled_out.iter().for_each(|kind| history.note(service, *kind, false));
    };
    // Most say nothing of suspects, and their evidence need not be read for that.
    let whole = incidents.incidents.values().filter(|of| of.uid != but);
    whole.filter(|of| of.suspect.is_some() || !of.ruled_out.is_empty()).for_each(|of| note(&Precedent::of(of, None)));
    let old = incidents.remembered.values().filter(|of| of.uid != but && !incidents.incidents.contains_key(&of.uid));
    old.for_each(&mut note);
    history
}

#[cfg(test)]
mod tests;
