//! What earlier runs say about a change: how long its like took, what was tried already, what succeeded in staging.
use super::{
    Action, Deed, Fit, Known, Plan, Precheck, Run, RunOutcome, State, Verdict, Way, first_words, policy::Role, ready,
};
use crate::core::{
    id::{HostName, RunId, ServiceId, Uid},
    inventory::{EnvKind, Inventory},
    time::{Now, Timestamp, short},
};

/// Runs of the same kind that an estimate rests on, at most.
const LIKE: usize = 5;

/// Returns what stands against a change, or is good to know, by what this console knows of other runs.
pub fn prechecks(state: &State, plan: &Plan, incident: Option<Uid>, now: Now, inventory: &Inventory) -> Vec<Precheck> {
    let mut all = Vec::new();
    all.extend(under_way(state, plan));
    all.extend(calendar(plan, now, inventory));
    all.extend(staging(state, plan, now, inventory));
    all.extend(tried(state, plan, incident, now));
    all.extend(ready::known_good(state, plan, now));
    all
}

/// Milliseconds that another's run may need until it is seen here.
const SEEN_MS: i64 = 10_000;

/// What is known of other runs now.
pub(super) fn known(state: &State, now: Now) -> Known {
    let run = state.runs.values().filter_map(|run| run.number).max().unwrap_or(RunId(0));
    Known { run, since: now.utc - SEEN_MS }
}

/// Says which run of the service came after the review was opened: whoever reads it decided without that.
pub(super) fn came_first(state: &State) -> Option<String> {
    let review = state.review.as_ref()?;
    let late = |run: &&Run| {
        run.plan.service == review.plan.service && run.at >= review.known.since && run.number > Some(review.known.run)
    };
    let first = state.runs.values().find(late)?;
    Some(first_words(first.number?, &first.plan.title, &first.by))
}

/// How long it will take, in milliseconds: the middle of the last runs of its kind that went well on as many hosts.
pub(super) fn estimate(state: &State, plan: &Plan) -> Option<u64> {
    let is_like = |run: &&&Run| {
        run.plan.service == plan.service
            && std::mem::discriminant(&run.plan.action) == std::mem::discriminant(&plan.action)
            && run.plan.hosts().len() == plan.hosts().len()
            // Of two sets it may be only the switch.
            && (run.plan.sides().is_none() || run.plan.steps.len() == plan.steps.len())
            && run.outcome.is_some_and(|(outcome, _)| outcome == RunOutcome::Succeeded)
    };
    let newest = state.newest_first();
    let took = |run: &&Run| run.outcome.and_then(|(_, ended)| u64::try_from(ended.since(run.at)).ok());
    let mut times: Vec<u64> = newest.iter().filter(is_like).take(LIKE).filter_map(took).collect();
    times.sort_unstable();
    times.get(times.len() / 2).copied()
}

/// How long a run will still take, in milliseconds: by the last ones of its kind, else by its own waves so far. Zero where it takes
/// longer than they did; none where nobody can tell.
pub(super) fn left(state: &State, run: &Run, now: Timestamp) -> Option<u64> {
    if run.outcome.is_some() || run.stopped.is_some() || run.awaits_approval() || run.gate.failed.is_some() {
        return None;
    }
    let elapsed = u64::try_from(now.since(run.at)).ok()?;
    if let Some(all) = estimate(state, &run.plan) {
        return Some(all.saturating_sub(elapsed));
    }
    let waves = run.plan.waves();
    let (passed, all) = (u64::try_from(run.gate.passed).ok()?, u64::try_from(waves.len()).ok()?);
    let done = waves.get(run.gate.passed.checked_sub(1)?)?;
    let ended = |host: &HostName| {
        let numbers = run.plan.steps_of(host, Way::There);
        numbers.into_iter().filter_map(|number| run.steps.get(number)?.ended.as_ref().map(|(at, _)| *at)).max()
    };
    let passed_at = done.iter().filter_map(ended).max()?;
    // Waves of a rollout are of about one size, but for the canary: it tells more than nothing.
    let each = u64::try_from(passed_at.since(run.at)).ok()?.checked_div(passed)?;
    Some(each.saturating_mul(all).saturating_sub(elapsed))
}

/// A run of the same service that is not over.
fn under_way(state: &State, plan: &Plan) -> Option<Precheck> {
    let run = state.unfinished().find(|run| run.plan.service == plan.service && run.outcome.is_none())?;
    let name = run.name();
    let text = format!("{name} {} of {} is not over yet", run.plan.title, run.by);
    let verdict = if only_stops(plan) { Fit::Doubtful } else { Fit::Bad };
    Some(Precheck { verdict, text })
}

/// Says whether all that is done is to keep a pipeline from bringing something out: nothing holds that up.
fn only_stops(plan: &Plan) -> bool {
    !plan.deeds.is_empty() && Role::for_plan(plan) <= Role::Responder
}

/// A freeze, or a time outside of the windows. What mends a service is not held up.
fn calendar(plan: &Plan, now: Now, inventory: &Inventory) -> Option<Precheck> {
    if matches!(plan.action, Action::Restart | Action::Rollback { .. }) || only_stops(plan) {
        return None;
    }
    let calendar = &inventory.environment(&plan.service.env)?.calendar;
    let text = calendar.against(now.utc, inventory.display.timezone)?;
    Some(Precheck { verdict: Fit::Held, text })
}

/// Whether the same build succeeded in staging lately, where production asks for that.
fn staging(state: &State, plan: &Plan, now: Now, inventory: &Inventory) -> Option<Precheck> {
    let within = inventory.service(&plan.service)?.rollout.staging_first_ms?;
    let brings = |deed: &Deed| match deed {
        Deed::Run { verb, .. } => verb.needs() > Role::Responder,
        Deed::Begin { .. } => true,
        // What is let go on brings nothing out by itself.
        Deed::Enable { .. } => false,
    };
    let version = match &plan.action {
        Action::Deploy { version } => version,
        // Which build a run of the pipeline brings is not known here.
        Action::Other { .. } if plan.deeds.iter().any(brings) => {
            let text =
                "what the pipeline brings is to go to staging first: whether it did is not known here".to_owned();
            return Some(Precheck { verdict: Fit::Held, text });
        }
        Action::Restart | Action::Rollback { .. } | Action::Other { .. } => return None,
    };
    let sibling = inventory.services.iter().map(|service| &service.id).find(|id| {
        id.service == plan.service.service
            && inventory.env_kind(&id.env) == EnvKind::Staging
            && id.env != plan.service.env
    });
    let Some(sibling) = sibling else {
        let text = format!("{} has no staging, and is to go there first", plan.service.service);
        return Some(Precheck { verdict: Fit::Held, text });
    };
    let since = now.utc - i64::try_from(within).unwrap_or(i64::MAX);
    Some(match rehearsed(state, sibling, plan, since) {
        Ok(at) => {
            let ago = short(u64::try_from(now.utc.since(at)).unwrap_or(0));
            Precheck { verdict: Fit::Good, text: format!("{version} went well in {sibling} {ago} ago") }
        }
        Err(why) => Precheck { verdict: Fit::Held, text: format!("{sibling} goes first: {why}") },
    })
}

/// When the same build was proved in staging; else why that is not so.
fn rehearsed(state: &State, sibling: &ServiceId, plan: &Plan, since: Timestamp) -> Result<Timestamp, String> {
    let newest = state.newest_first();
    let mut changes = newest.iter().filter(|run| run.plan.service == *sibling && run.plan.changes_version());
    let same = |run: &Run| match (&run.plan.upload, &plan.upload) {
        (Some(there), Some(here)) => there.sha256 == here.sha256,
        (None, None) => run.plan.action == plan.action,
        (Some(_), None) | (None, Some(_)) => false,
    };
    let last = changes.next().ok_or_else(|| "nothing was brought out there yet".to_owned())?;
    if !same(last) {
        return Err(format!("what runs there is another: {}", last.plan.title));
    }
    let Some((RunOutcome::Succeeded, ended)) = last.outcome else {
        return Err("it did not go well there".to_owned());
    };
    match &last.proof {
        Some((Verdict::Recovered, _)) if ended >= since => Ok(ended),
        Some((Verdict::Recovered, _)) => Err("that was too long ago".to_owned()),
        Some((Verdict::NotRecovered | Verdict::Unknown, summary)) => Err(summary.clone()),
        None => Err("the checks have not said yet whether it works".to_owned()),
    }
}

/// What the same change did before, in the same incident or within the hour.
fn tried(state: &State, plan: &Plan, incident: Option<Uid>, now: Now) -> Option<Precheck> {
    const HOUR: i64 = 3_600_000;
    let newest = state.newest_first();
    let again = newest.into_iter().find(|run| {
        run.plan.service == plan.service
            && run.plan.action == plan.action
            && run.outcome.is_some()
            && (incident.is_some() && run.incident == incident || now.utc.since(run.at) < HOUR)
    })?;
    let ago = short(u64::try_from(now.utc.since(again.at)).unwrap_or(0));
    let effect = again.proof.as_ref().map_or("what it did was not seen", |(_, summary)| summary);
    let text = format!("tried already {ago} ago by {}: {effect}", again.by);
    Some(Precheck { verdict: Fit::Doubtful, text })
}
