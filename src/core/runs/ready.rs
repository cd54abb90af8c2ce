//! The way back of each service, kept ready: which release is the best to go back to, by what is known of how each did, and the
//! plan of it, made before anybody needs it.
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{Action, Ask, Fit, LOOK_MS, Plan, Precheck, Run, RunOutcome, State, Verdict, Wanted, offer::Offer};
use crate::core::{
    id::ServiceId,
    inventory::Inventory,
    time::{Mono, Now, Timestamp, short},
};

/// How old a way back may be before its hosts are asked again, in milliseconds.
const AGAIN_MS: u64 = 3_600_000;
/// The same where it was not known, or there was none.
const RETRY_MS: u64 = 600_000;
/// How long after the start nothing is asked yet: what is on screen goes first.
const FIRST_MS: u64 = 5_000;
/// How long an answer may take before the next service is asked.
const PATIENCE_MS: u64 = 60_000;
/// A release that ran for less was hardly tried.
const TRIED_MS: u64 = 3_600_000;
/// Releases that are named as another way.
const OTHERS: usize = 2;

/// What is known of the ways back.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WaysBack {
    /// Whether they are asked for before anybody needs them: where a person sits.
    pub kept_ready: bool,
    since: Option<Mono>,
    of: BTreeMap<ServiceId, WayBack>,
}

/// The way back of one service.
#[derive(Clone, Debug, PartialEq)]
struct WayBack {
    asked: Mono,
    waits: bool,
    seen: Option<Seen>,
}

/// A way back as its hosts told it.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// When they were asked: a change since then may not be in it.
    pub asked: Timestamp,
    /// When they answered.
    pub at: Timestamp,
    /// What was asked for: the recipe's choice, or a release that did better.
    pub wanted: Wanted,
    /// The plan; why there is none.
    pub plan: Result<Arc<Plan>, String>,
    /// Versions that the hosts know, the newest first.
    pub known: Vec<Offer>,
}

impl WaysBack {
    /// Returns what is known of a service's way back.
    pub fn seen(&self, service: &ServiceId) -> Option<&Seen> {
        self.of.get(service)?.seen.as_ref()
    }

    /// Forgets all: the configuration is another.
    pub(super) fn forget(&mut self) {
        self.of.clear();
    }

    /// Returns when this very plan was made, if it is one that was kept.
    pub(super) fn kept(&self, plan: &Arc<Plan>) -> Option<Timestamp> {
        let seen = self.seen(&plan.service)?;
        seen.plan.as_ref().is_ok_and(|kept| Arc::ptr_eq(kept, plan)).then_some(seen.at)
    }

    fn ask(&mut self, service: &ServiceId, wanted: Wanted, now: Now) -> Ask {
        let seen = self.of.remove(service).and_then(|of| of.seen);
        self.of.insert(service.clone(), WayBack { asked: now.mono, waits: true, seen });
        Ask::LookBack(service.clone(), wanted)
    }
}

/// Answers who asks to go back without saying to what: by the plan that is kept, else once the hosts have said what there is.
pub(super) fn asked(state: &mut State, service: &ServiceId, now: Now) -> Ask {
    let kept =
        state.ways_back.seen(service).filter(|seen| state.ways_back.kept_ready && !changed(state, service, seen));
    if let Some(Seen { wanted, plan: Ok(plan), .. }) = kept {
        state.planning = Some((service.clone(), wanted.clone()));
        return Ask::Open(Arc::clone(plan));
    }
    state.ways_back.ask(service, Wanted::Rollback { to: None }, now)
}

/// Says whether a service was changed since its way back was asked for: what was kept leads elsewhere then.
fn changed(state: &State, service: &ServiceId, seen: &Seen) -> bool {
    state.runs.values().any(|run| run.plan.service == *service && last_sign(run) >= seen.asked)
}

/// When a run ended; while it goes on, when it began.
fn last_sign(run: &Run) -> Timestamp {
    run.outcome.map_or(run.at, |(_, ended)| ended)
}

/// Asks for the way back of the next service of which it is not known, or was looked up too long ago. One at a time: it is
/// nothing that hurries.
pub(super) fn tick(state: &mut State, now: Now, inventory: &Inventory) -> Option<Ask> {
    let since = *state.ways_back.since.get_or_insert(now.mono);
    let waits = |of: &WayBack| of.waits && now.mono.since(of.asked) < PATIENCE_MS;
    if !state.ways_back.kept_ready || now.mono.since(since) < FIRST_MS || state.ways_back.of.values().any(waits) {
        return None;
    }
    // One pass over the runs: this is asked ten times a second.
    let (mut signs, mut open) = (BTreeMap::new(), BTreeSet::new());
    for run in state.runs.values() {
        let sign = signs.entry(&run.plan.service).or_insert_with(|| last_sign(run));
        *sign = last_sign(run).max(*sign);
        if run.outcome.is_none() {
            open.insert(&run.plan.service);
        }
    }
    let due = |service: &ServiceId| {
        let Some(of) = state.ways_back.of.get(service) else { return true };
        let again = match &of.seen {
            Some(Seen { plan: Ok(_), .. }) => AGAIN_MS,
            Some(Seen { plan: Err(_), .. }) | None => RETRY_MS,
        };
        let changed = of.seen.as_ref().is_some_and(|seen| signs.get(service).is_some_and(|sign| *sign >= seen.asked));
        now.mono.since(of.asked) >= again || changed
    };
    // While it is being changed nobody can say what will be there.
    let services = inventory.services.iter().filter(|service| !service.hosts.is_empty()).map(|service| &service.id);
    let next = services.filter(|service| !open.contains(service)).find(|service| due(service)).cloned()?;
    Some(state.ways_back.ask(&next, Wanted::Rollback { to: None }, now))
}

/// Keeps what the hosts told; none where nobody goes back there. Returns what follows, and what is said to a person who waits.
pub(super) fn looked(
    state: &mut State,
    service: &ServiceId,
    seen: Option<Seen>,
    now: Now,
) -> (Option<Ask>, Option<String>) {
    let awaited = state
        .planning
        .as_ref()
        .is_some_and(|(of, wanted)| of == service && matches!(wanted, Wanted::Rollback { to: None }));
    let Some(of) = state.ways_back.of.get_mut(service) else { return (None, None) };
    of.waits = false;
    let Some(seen) = seen else {
        // Its recipe says best why.
        return (awaited.then(|| Ask::Plan(service.clone(), Wanted::Rollback { to: None }, true)), None);
    };
    // The review of what was kept is being opened: how old that is must stay known.
    if !awaited
        && state
            .planning
            .as_ref()
            .is_some_and(|(of, wanted)| of == service && matches!(wanted, Wanted::Rollback { .. }))
    {
        return (None, None);
    }
    // A release that did better was asked for, and cannot be had: the recipe's own choice stands.
    let in_vain = seen.plan.is_err() && matches!(seen.wanted, Wanted::Rollback { to: Some(_) });
    if !in_vain {
        of.seen = Some(seen.clone());
    }
    if let (Wanted::Rollback { to: None }, Some(better)) = (&seen.wanted, better(state, &seen, now)) {
        return (Some(state.ways_back.ask(service, Wanted::Rollback { to: Some(better) }, now)), None);
    }
    if !awaited {
        return (None, None);
    }
    match state.ways_back.seen(service).map(|seen| (seen.wanted.clone(), seen.plan.clone())) {
        Some((wanted, Ok(plan))) => {
            state.planning = Some((service.clone(), wanted));
            (Some(Ask::Open(plan)), None)
        }
        Some((_, Err(why))) => {
            state.planning = None;
            let ways = instead(state, service, None, now).join(", ");
            (None, Some(format!("{service}: {why}; instead: {ways}")))
        }
        None => (None, None),
    }
}

/// How a release did while it ran here last, as far as runs tell.
struct Record {
    from: Timestamp,
    lived_ms: u64,
    proof: Option<(Verdict, String)>,
    errors: Option<f64>,
    /// Why it was left for an earlier one.
    left: Option<String>,
}

impl Record {
    fn of(state: &State, service: &ServiceId, version: &str, now: Now) -> Option<Self> {
        let mut runs = state.newest_first();
        runs.retain(|run| run.plan.service == *service && run.plan.changes_version() && stands(run));
        runs.reverse();
        let at = runs.iter().rposition(|run| brings(run) == Some(version))?;
        let (run, next) = (runs.get(at)?, runs.get(at + 1));
        let (_, from) = run.outcome?;
        let until = next.map_or(now.utc, |next| next.at);
        let back = next.filter(|next| matches!(next.plan.action, Action::Rollback { .. }));
        Some(Self {
            from,
            lived_ms: u64::try_from(until.since(from)).unwrap_or(0),
            proof: run.proof.clone(),
            errors: run.measured.as_ref().and_then(|(_, last)| last.error_pct),
            left: back.map(|next| next.reason.clone()),
        })
    }

    fn is_good(&self) -> bool {
        self.left.is_none() && matches!(self.proof, Some((Verdict::Recovered, _)))
    }

    fn is_bad(&self) -> bool {
        self.left.is_some() || matches!(self.proof, Some((Verdict::NotRecovered, _)))
    }

    fn words(&self, version: &str) -> String {
        let lived = short(self.lived_ms);
        let errors = self.errors.map(|of| format!(" (errors {of:.1} %)")).unwrap_or_default();
        match (&self.left, &self.proof) {
            (Some(why), _) if why.is_empty() => format!("{version} ran {lived} and was rolled back from"),
            (Some(why), _) => format!("{version} ran {lived} and was rolled back from: {why}"),
            (None, Some((Verdict::Recovered, _))) => format!("{version} ran {lived} and was proved good{errors}"),
            (None, Some((Verdict::NotRecovered | Verdict::Unknown, summary))) => {
                format!("{version} ran {lived}: {summary}")
            }
            (None, None) => format!("{version} ran {lived}, and was never proved good"),
        }
    }
}

fn stands(run: &Run) -> bool {
    run.outcome.is_some_and(|(outcome, _)| outcome == RunOutcome::Succeeded)
}

fn brings(run: &Run) -> Option<&str> {
    match &run.plan.action {
        Action::Deploy { version } | Action::Rollback { version } => Some(version),
        Action::Restart | Action::Other { .. } => None,
    }
}

/// Says how the version that is to come back did while it ran.
pub(super) fn known_good(state: &State, plan: &Plan, now: Now) -> Option<Precheck> {
    let Action::Rollback { version } = &plan.action else { return None };
    let Some(record) = Record::of(state, &plan.service, version, now) else {
        let text = format!("nothing is known here of how {version} did");
        return Some(Precheck { verdict: Fit::Doubtful, text });
    };
    let verdict = if record.is_good() { Fit::Good } else { Fit::Doubtful };
    Some(Precheck { verdict, text: record.words(version) })
}

/// Chooses a version that did better than the one that the recipe would go back to; none where there is none.
fn better(state: &State, seen: &Seen, now: Now) -> Option<String> {
    let plan = seen.plan.as_ref().ok()?;
    let Action::Rollback { version } = &plan.action else { return None };
    let of = |version: &str| Record::of(state, &plan.service, version, now);
    // Of what was never seen here nothing bad is known: what ran last before is the smallest step back.
    of(version).filter(Record::is_bad)?;
    let others = others(state, &plan.service, &seen.known, now).into_iter();
    others.map(|(offer, _)| offer.name.clone()).find(|name| name != version)
}

/// Versions that the hosts know, that do not run, and that did well; the best first.
fn others<'a>(state: &State, service: &ServiceId, known: &'a [Offer], now: Now) -> Vec<(&'a Offer, Record)> {
    let stopped = known.iter().filter(|offer| !offer.runs);
    let recorded = stopped.filter_map(|offer| Some((offer, Record::of(state, service, &offer.name, now)?)));
    let mut good: Vec<_> = recorded.filter(|(_, record)| record.is_good()).collect();
    // What was tried for long goes first, then what ran last.
    good.sort_by_key(|(_, record)| std::cmp::Reverse((record.lived_ms >= TRIED_MS, record.from)));
    good
}

/// Says what else would work where it is doubtful to go back to a version, or nothing can be gone back to.
pub(super) fn instead(state: &State, service: &ServiceId, version: Option<&str>, now: Now) -> Vec<String> {
    let seen = state.ways_back.seen(service);
    let known = seen.map_or(&[][..], |seen| &seen.known);
    let others =
        others(state, service, known, now).into_iter().filter(|(offer, _)| Some(offer.name.as_str()) != version);
    let mut ways: Vec<String> = others.take(OTHERS).map(|(offer, record)| record.words(&offer.name)).collect();
    ways.push("a build that mends it, or a restart where only its state is wrong".to_owned());
    ways
}

/// Says in few words how a version did here; none where no run tells.
pub(super) fn did(state: &State, service: &ServiceId, version: &str, now: Now) -> Option<String> {
    let newest = state.newest_first();
    let last = newest.into_iter().find(|run| run.plan.service == *service && brings(run) == Some(version))?;
    match last.outcome {
        Some((RunOutcome::Undone, _)) => return Some("failed and was taken back".to_owned()),
        Some((RunOutcome::Failed, _)) => return Some("failed".to_owned()),
        None | Some((RunOutcome::Succeeded | RunOutcome::Unknown | RunOutcome::Refused | RunOutcome::Stopped, _)) => {}
    }
    let record = Record::of(state, service, version, now)?;
    let lived = short(record.lived_ms);
    Some(match (&record.left, &record.proof) {
        (Some(_), _) => format!("ran {lived}, was rolled back from"),
        (None, Some((Verdict::Recovered, _))) => format!("ran {lived}, proved good"),
        (None, Some((Verdict::NotRecovered, _))) => format!("ran {lived}, was not well"),
        (None, Some((Verdict::Unknown, _)) | None) => format!("ran {lived}, never proved good"),
    })
}

/// Says what else would work where something speaks against going back.
pub(super) fn against(state: &State, plan: &Plan, history: &[Precheck], now: Now) -> Vec<String> {
    let Action::Rollback { version } = &plan.action else { return Vec::new() };
    let stops = |check: &Precheck| matches!(check.verdict, Fit::Bad | Fit::Held);
    let doubted = || known_good(state, plan, now).is_some_and(|check| check.verdict != Fit::Good);
    let speaks = plan.prechecks.iter().chain(history).any(stops) || doubted();
    if speaks { instead(state, &plan.service, Some(version), now) } else { Vec::new() }
}

/// Says of how long ago a plan is that was kept; none where it is of now.
pub(super) fn aged(at: Timestamp, now: Now) -> Option<String> {
    let ago = u64::try_from(now.utc.since(at)).unwrap_or(0);
    (ago >= LOOK_MS).then(|| format!("this is of {} ago: its hosts are being asked again", short(ago)))
}
