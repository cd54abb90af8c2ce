//! Runbooks beside incidents: which fit, what is run of them, and what hosts answer.
use std::sync::Arc;

use super::{
    Effect, State,
    id::{HostName, Uid},
    incidents::Incident,
    runbooks::{self, Asked, Look, Runbook, Step},
    runs::{gate, policy::Role},
    screen::{Tone, rows},
    suspecting,
    time::Now,
};

impl State {
    /// Returns the runbooks for an incident: those that fit first, the best before the others, each with whether it does.
    pub fn runbooks_for(&self, of: &Incident) -> Vec<(Arc<Runbook>, bool)> {
        let class = of.classified.as_ref().map(|known| known.class.as_str());
        let service = of.service.as_ref().and_then(|id| self.inventory.service(id));
        let named: &[String] =
            class.and_then(|class| self.inventory.policy.class(class)).map_or(&[], |class| class.runbooks.as_slice());
        let fit = |book: &Runbook| {
            let named = if named.contains(&book.name) { 8 } else { 0 };
            book.fits(class, service.map(|service| &**service)).max(named)
        };
        let mut all: Vec<(u8, Arc<Runbook>)> =
            self.inventory.runbooks.iter().map(|book| (fit(book), Arc::clone(book))).collect();
        all.sort_by_key(|(fit, _)| std::cmp::Reverse(*fit));
        all.into_iter().map(|(fit, book)| (book, fit > 0)).collect()
    }

    /// Returns the runbook that stands beside an incident: the one that was taken, else the one that fits best.
    pub fn runbook_beside(&self, incident: Uid) -> Option<Arc<Runbook>> {
        let taken = self.runbooks.shown.get(&incident).and_then(|name| self.inventory.runbook(name));
        let best = || Some(self.runbooks_for(self.incidents.incidents.get(&incident)?).into_iter().next()?.0);
        taken.cloned().or_else(best)
    }
}

/// Has hosts asked what a step asks.
///
/// # Errors
/// Why not.
pub(super) fn look(state: &mut State, incident: Uid, book: &Runbook, step: &Step) -> Result<Vec<Effect>, String> {
    let gone = || "the incident is not there any more".to_owned();
    let of = state.incidents.incidents.get(&incident).ok_or_else(gone)?;
    let own = suspecting::hosts_of(state, of);
    let hosts = match &of.service {
        Some(service) => runbooks::hosts(&state.inventory, service, &step.on)?,
        None if own.is_empty() => {
            return Err("the incident names no service and no host: `qd runbook run` can be told one".to_owned());
        }
        None => runbooks::among(&state.inventory, &own, &step.on)?,
    };
    // A host of no environment is a way to others, and nobody's to ask.
    let envs = of.service.as_ref().map(|service| Some(service.env.clone())).into_iter();
    for env in envs.chain(hosts.iter().map(|host| state.inventory.host(host).and_then(|host| host.env.clone()))) {
        let env = env.ok_or("a host of no environment is only a way to others: nothing runs there")?;
        gate::may(&state.inventory, &env, &state.actor.by, Role::Responder).map_err(|refused| refused.to_string())?;
    }
    let given = state.runbooks.given.get(&incident).cloned().unwrap_or_default();
    // What another runbook was given does not hurt this one.
    let given = given.into_iter().filter(|(name, _)| book.params.iter().any(|param| param.name == *name)).collect();
    let look = Look::new(book, step, &given)?;
    let key = (incident, book.name.clone(), step.id.clone());
    if state.runbooks.waits.get(&key).is_some_and(|waits| !waits.is_empty()) {
        return Err("it is being asked: wait for the answer".to_owned());
    }
    state.runbooks.waits.insert(key, hosts.iter().cloned().collect());
    let ask = |host: HostName| Effect::LookByRunbook {
        incident,
        step: (book.name.clone(), step.id.clone()),
        command: step.command.clone(),
        host,
        look: Box::new(look.clone()),
    };
    Ok(hosts.into_iter().map(ask).collect())
}

/// Applies a message: what a host answered goes into the timeline.
pub(super) fn update(state: &mut State, msg: runbooks::Msg, now: Now) -> Vec<Effect> {
    let runbooks::Msg::Seen { incident, step: (book, step), command, seen } = msg;
    let key = (incident, book.clone(), step.clone());
    if let Some(waits) = state.runbooks.waits.get_mut(&key) {
        waits.remove(&seen.host);
        if waits.is_empty() {
            state.runbooks.waits.remove(&key);
        }
    }
    let tone = if seen.met == Some(true) { Tone::Done } else { Tone::Info };
    let why = if seen.why.is_empty() { String::new() } else { format!(": {}", seen.why) };
    state.screen.say(now, tone, format!("{step} on {}: {}{why}", seen.host, seen.word()));
    let rows = seen.rows(Asked { book, step, command }, Some(incident), &state.actor, now.utc);
    let effects = vec![Effect::Commit { rows, then: Vec::new(), what: Some("writing what the step answered") }];
    rows::refresh(state, now, false);
    effects
}
