//! How messages change runs: the review, its confirmation, the proof by checks.
use std::sync::Arc;

use super::{
    APPROVAL_MS, Actor, Ask, CANCEL_MS, Fact, LOOK_MS, Msg, Out, PROOF_MS, PROOF_ROUNDS, Plan, Review, Run, RunEvent,
    RunEventKind, State, TYPE_AHEAD_MS, Verdict, Wanted,
    conduct::{ASK_MS, Scene, advance, attend, follow, happen},
    fold::fold,
    gate::{self, Level, Permit},
    hash, history, offer, outside,
    proof::{self, Measured, When},
    ready, stick, sudo,
};
use crate::core::{
    id::{ServiceId, Uid},
    inventory::Inventory,
    record::{Audit, Row},
    services::Health,
    time::{Now, Timestamp, short},
};

/// Applies one message.
pub fn update(state: &mut State, msg: Msg, now: Now, inventory: &Inventory, actor: &Actor) -> Out {
    let mut out = Out::default();
    match msg {
        Msg::Asked { service, wanted } => {
            state.planning = Some((service.clone(), wanted.clone()));
            out.asks.push(match wanted {
                Wanted::Rollback { to: None } => ready::asked(state, &service, now),
                Wanted::Restart
                | Wanted::Deploy { .. }
                | Wanted::Rollback { .. }
                | Wanted::Task(_)
                | Wanted::Pipeline(_) => Ask::Plan(service, wanted, true),
            });
        }
        Msg::Offer(msg) => offered(state, msg, now, &mut out),
        Msg::Sudo(msg) => sudo::update(state, msg, (now, inventory, actor), &mut out),
        Msg::Planned { run, plan, incident, before, urgent } => {
            let opened = Opened { run, plan, incident, before, urgent };
            open_review(state, opened, (now, inventory, actor), &mut out);
        }
        Msg::LookedBack { service, seen } => {
            let (ask, said) = ready::looked(state, &service, seen.map(|seen| *seen), now);
            out.asks.extend(ask);
            out.facts.extend(said.map(Fact::Said));
        }
        Msg::PlanRefused { service, why } => {
            if state.planning.as_ref().is_some_and(|(asked, _)| *asked == service) {
                state.planning = None;
                out.facts.push(Fact::Said(format!("{service}: {why}")));
            } else if let Some(review) = state.review.as_mut().filter(|review| review.plan.service == service) {
                review.stale = Some(why);
            }
        }
        Msg::ActedOutside { plan, incident, acted } => {
            outside::acted(state, (&plan, incident), acted, (now, inventory, actor), &mut out);
        }
        Msg::NameTyped(text) => edit(state, now, |review| review.typed = text),
        Msg::ReasonTyped(text) => edit(state, now, |review| review.reason = text),
        Msg::CommandsToggled => edit(state, now, |review| review.commands = !review.commands),
        Msg::OverrideToggled => edit(state, now, |review| review.overridden = !review.overridden),
        Msg::Confirmed => confirm(state, now, inventory, actor, &mut out),
        Msg::Cancelled => {
            if let Some(review) = state.review.take() {
                out.facts.push(Fact::Said(format!("{}: cancelled, nothing was changed", review.plan.title)));
            }
        }
        Msg::InventoryReplaced { touched } => replaced(state, touched, &mut out),
        Msg::WriteArmed(env) => {
            out.rows.push(Row::Audit(audit(actor, now, super::ARMED, env.as_str(), "")));
            state.armed.arm(env, now.mono + inventory.write.arm_ms);
        }
        Msg::WriteDisarmed => {
            state.armed.disarm();
            sudo::disarmed(state, now);
        }
        Msg::Uploading { .. }
        | Msg::OutputArrived { .. }
        | Msg::Happened(_)
        | Msg::LinkLost { .. }
        | Msg::LinkBack { .. }
        | Msg::Stored { .. }
        | Msg::Adopted { .. }
        | Msg::Approved { .. }
        | Msg::Baseline { .. }
        | Msg::Stopped { .. }
        | Msg::SnapshotSkipped { .. }
        | Msg::NotSaved(_) => follow(state, msg, (now, inventory, actor), &mut out),
        Msg::HealthSeen { service, measured, since } => {
            prove(state, &service, (&measured, since), (now, actor), &mut out);
        }
        Msg::Ticked => tick(state, now, inventory, actor, &mut out),
    }
    out
}

/// Carries on the box in which one chooses what is brought out; what the hosts know is told with how it did here.
fn offered(state: &mut State, mut msg: offer::OfferMsg, now: Now, out: &mut Out) {
    if let offer::OfferMsg::Known(service, Ok(known)) = &mut msg {
        for offer in &mut known.offers {
            if let Some(did) = ready::did(state, service, &offer.name, now) {
                offer.more = format!("{did}; {}", offer.more);
            }
        }
    }
    let (asks, wanted) = offer::update(&mut state.offering, msg);
    out.asks.extend(asks.into_iter().map(Ask::Offer));
    out.facts.extend(wanted.map(|(service, wanted)| Fact::Chosen { service, wanted }));
}

/// What is asked for now rests on a configuration that is no more.
fn replaced(state: &mut State, touched: bool, out: &mut Out) {
    state.ways_back.forget();
    state.sudo.asking = None;
    if let Some((service, _)) = state.planning.take() {
        out.facts.push(Fact::Said(format!("{service}: the configuration changed meanwhile, ask again")));
    }
    if let Some(review) = state.review.take_if(|_| touched) {
        let title = &review.plan.title;
        out.facts.push(Fact::Said(format!("{title}: closed, nothing was changed: the configuration is another")));
    }
}

pub(super) fn audit(actor: &Actor, now: Now, what: &str, target: &str, detail: &str) -> Audit {
    Audit {
        at: now.utc,
        by: actor.by.clone(),
        from: actor.from.clone(),
        what: what.into(),
        target: target.into(),
        detail: detail.into(),
    }
}

/// What a review is opened with.
struct Opened {
    run: Uid,
    plan: Arc<Plan>,
    incident: Option<Uid>,
    before: Health,
    urgent: bool,
}

fn open_review(state: &mut State, opened: Opened, (now, inventory, actor): Scene<'_>, out: &mut Out) {
    let Opened { run, plan, incident, before, urgent } = opened;
    // A plan that nobody waits for any more (the person asked for another, or left) opens no box.
    let asked = state.planning.take_if(|(service, _)| *service == plan.service);
    let Some((_, wanted)) = asked else { return look_again(state, &plan, now, inventory) };
    if let Err(refusal) = gate::check_hosts(inventory, &plan) {
        out.facts.push(Fact::Said(format!("{}: {refusal}", plan.title)));
        return;
    }
    // In an incident of the highest severity nobody waits for a second person: that is on the audit.
    let second = if urgent { Vec::new() } else { gate::second_person(inventory, &plan) };
    let kept = state.ways_back.kept(&plan);
    let aged = kept.and_then(|at| ready::aged(at, now));
    if aged.is_some() {
        out.asks.push(Ask::Plan(plan.service.clone(), wanted.clone(), false));
    }
    let history = history::prechecks(state, &plan, incident, now, inventory);
    state.review = Some(Review {
        instead: ready::against(state, &plan, &history, now),
        kept: kept.filter(|_| aged.is_some()),
        by: actor.by.clone(),
        estimate_ms: history::estimate(state, &plan),
        history,
        overridden: false,
        second,
        run,
        hash: hash(&plan),
        level: gate::level(inventory, &plan.service.env),
        plan,
        incident,
        opened: now.mono,
        typed: String::new(),
        reason: String::new(),
        commands: false,
        starts: None,
        refused: None,
        before,
        wanted,
        looked: now.mono,
        stale: aged,
        known: history::known(state, now),
    });
}

/// Takes a look at the hosts into the review that is open.
fn look_again(state: &mut State, plan: &Arc<Plan>, now: Now, inventory: &Inventory) {
    let Some(review) = state.review.as_ref().filter(|review| review.plan.service == plan.service) else { return };
    let history = history::prechecks(state, plan, review.incident, now, inventory);
    let instead = ready::against(state, plan, &history, now);
    let Some(review) = state.review.as_mut() else { return };
    review.stale = None;
    let kept = review.kept.take();
    if hash(plan) == review.hash {
        (review.plan, review.history, review.instead) = (Arc::clone(plan), history, instead);
    } else if let Some(kept) = kept {
        // What was kept was only shown: what would be done now takes its place, and is read before anything is typed.
        let ago = short(u64::try_from(now.utc.since(kept)).unwrap_or(0));
        review.refused = Some(format!("its hosts stand otherwise than {ago} ago: this is what would be done now"));
        (review.plan, review.history, review.instead) = (Arc::clone(plan), history, instead);
        (review.hash, review.opened, review.typed) = (hash(plan), now.mono, String::new());
    } else {
        review.stale = Some("by now another plan would be made: close this and ask again".to_owned());
    }
}

/// Changes the review unless the keys may have been meant for what was on screen before the box.
fn edit(state: &mut State, now: Now, change: impl FnOnce(&mut Review)) {
    if let Some(review) = state.review.as_mut().filter(|review| settled(review, now) && review.starts.is_none()) {
        review.refused = None;
        change(review);
    }
}

fn settled(review: &Review, now: Now) -> bool {
    now.mono.since(review.opened) >= TYPE_AHEAD_MS
}

fn confirm(state: &mut State, now: Now, inventory: &Inventory, actor: &Actor, out: &mut Out) {
    let first = history::came_first(state);
    let Some(review) = state.review.as_mut().filter(|review| settled(review, now) && review.starts.is_none()) else {
        return;
    };
    if let Some(first) = &first {
        review.refused = Some(first.clone());
        return;
    }
    match review.ready(inventory, &state.armed, now) {
        Err(refusal) => review.refused = Some(refusal.to_string()),
        Ok(permit) => match permit.level() {
            Level::Production => review.starts = Some(now.mono + CANCEL_MS),
            Level::Review => start(state, permit, (now, inventory, actor), out),
        },
    }
}

fn start(state: &mut State, permit: Permit, (now, inventory, actor): Scene<'_>, out: &mut Out) {
    let Some(review) = state.review.take() else { return };
    let service = review.plan.service.to_string();
    let set_aside = review.held().map(|held| audit(actor, now, "gate.overridden", &service, &held.text));
    out.rows.extend(set_aside.map(Row::Audit));
    if !review.plan.deeds.is_empty() {
        return outside::begin(review, permit, (now, inventory, actor), out);
    }
    let Review { run, plan, reason, incident, before, known, .. } = review;
    let detail = format!("{run} plan {}", review.hash);
    out.rows.push(Row::Audit(audit(actor, now, "run.confirmed", &service, &detail)));
    if review.second.is_empty() && !gate::second_person(inventory, &plan).is_empty() {
        out.rows.push(Row::Audit(audit(actor, now, "second-person.waived", &service, &detail)));
    }
    let (reason, second_person) = (reason.trim().to_owned(), !review.second.is_empty());
    let kind = RunEventKind::Confirmed { plan, reason, incident, before, second_person, known: Some(known) };
    happen(state, run, kind, (now, actor), out);
    happen(state, run, RunEventKind::Coordinated { console: state.console }, (now, actor), out);
    if let Some(found) = state.runs.get_mut(&run) {
        found.permit = Some(permit);
    }
    advance(state, run, (now, inventory, actor), out);
}

fn prove(
    state: &mut State,
    service: &ServiceId,
    (measured, since): (&Measured, Timestamp),
    (now, actor): (Now, &Actor),
    out: &mut Out,
) {
    let (console, health) = (state.console, measured.health.unwrap_or(Health::Unknown));
    let of_service = |run: &&mut Run| run.plan.service == *service && run.coordinator == Some(console);
    for run in state.runs.values_mut().filter(of_service) {
        // Every check has answered anew: one more round.
        if run.gate.from.is_some_and(|from| since >= from) {
            let bears = matches!(health, Health::Up | Health::Degraded | Health::Maintenance) || health == run.before;
            let goals = proof::goals(run.baseline.as_ref(), None, measured);
            let good = bears && proof::missed(&goals).all(|goal| goal.name == "checks");
            (run.gate.healthy, run.gate.bad) = if good { (run.gate.healthy + 1, 0) } else { (0, run.gate.bad + 1) };
            run.gate.from = Some(now.utc);
        }
    }
    let waiting: Vec<Uid> = waiting_for_proof(state, actor)
        .filter(|run| {
            run.plan.service == *service && run.outcome.is_some_and(|(_, ended)| since >= run.round.unwrap_or(ended))
        })
        .map(|run| run.run)
        .collect();
    for uid in waiting {
        let Some(run) = state.runs.get_mut(&uid) else { continue };
        run.after = health;
        run.round = Some(now.utc);
        let mut first = run.measured.take().map_or_else(|| measured.clone(), |(first, _)| first);
        for (host, count) in &measured.restarts {
            // A host that said nothing in the first round counts from the round in which it does.
            first.restarts.entry(host.clone()).or_insert(*count);
        }
        run.measured = Some((first, measured.clone()));
        // While it is not good the verdict waits: the time for it is not over.
        run.good = if proof::is_good(&run.goals()) { run.good + 1 } else { 0 };
        if run.good >= PROOF_ROUNDS {
            let verdict = proof::verdict(&run.goals(), run.is_provable());
            conclude(state, uid, verdict, (now, actor), out);
        }
    }
}

/// Runs of this operator, or that went on from here, that ended and whose service has not been proved yet. Whose end nobody
/// knows waits for that first: it may be going on.
fn waiting_for_proof<'a>(state: &'a State, actor: &'a Actor) -> impl Iterator<Item = &'a Run> {
    let ours = |run: &&Run| run.by == actor.by || run.coordinator == Some(state.console);
    state.runs.values().filter(move |run| run.proof.is_none() && run.ended.is_some() && run.is_over() && ours(run))
}

fn conclude(state: &mut State, uid: Uid, verdict: Verdict, (now, actor): (Now, &Actor), out: &mut Out) {
    let Some(run) = state.runs.get(&uid) else { return };
    let summary = proof::summary(run, verdict);
    if let Some((_, of)) = run.measured.clone() {
        let (when, of) = (When::After, Box::new(of));
        happen(state, uid, RunEventKind::Measured { when, of }, (now, actor), out);
    }
    let event =
        RunEvent { run: uid, at: now.utc, by: actor.by.clone(), kind: RunEventKind::Proved { verdict, summary } };
    if fold(state, None, &event, now, &mut out.facts) {
        out.rows.push(Row::Run(event));
    }
}

fn tick(state: &mut State, now: Now, inventory: &Inventory, actor: &Actor, out: &mut Out) {
    if state.armed.left(now).is_none() {
        state.armed.disarm();
    }
    if let Some(review) = state.review.as_mut().filter(|review| now.mono.since(review.looked) >= LOOK_MS) {
        review.looked = now.mono;
        out.asks.push(Ask::Plan(review.plan.service.clone(), review.wanted.clone(), false));
    }
    if let Some(review) = state.review.as_mut().filter(|review| review.starts.is_some_and(|at| at <= now.mono)) {
        // The gate is asked again: write may have been disarmed during the two seconds.
        match review.ready(inventory, &state.armed, now) {
            Ok(permit) => start(state, permit, (now, inventory, actor), out),
            Err(refusal) => {
                review.starts = None;
                review.refused = Some(refusal.to_string());
            }
        }
    }
    let open: Vec<Uid> = state.unfinished().map(|run| run.run).collect();
    for run in open {
        let waits_in_vain = |run: &Run| {
            run.awaits_approval() && run.coordinator == Some(state.console) && now.utc.since(run.at) >= APPROVAL_MS
        };
        if state.runs.get(&run).is_some_and(waits_in_vain) {
            happen(state, run, RunEventKind::Stopped { undo: false }, (now, actor), out);
        }
        advance(state, run, (now, inventory, actor), out);
        attend(state, run, (now, inventory, actor), out);
    }
    stick::tick(state, (now, inventory, actor), out);
    out.asks.extend(ready::tick(state, now, inventory));
    sudo::tick(state, now, out);
    // A round of answers takes as long as the checks' interval, unless they are asked.
    let asking: Vec<Uid> = waiting_for_proof(state, actor).map(|run| run.run).collect();
    for run in asking {
        let Some(run) = state.runs.get_mut(&run).filter(|run| now.mono.since(run.asked) >= ASK_MS) else { continue };
        run.asked = now.mono;
        out.asks.push(Ask::CheckNow(run.plan.service.clone()));
    }
    let late: Vec<Uid> = waiting_for_proof(state, actor)
        .filter(|run| run.ended.is_some_and(|ended| now.mono.since(ended) >= PROOF_MS))
        .map(|run| run.run)
        .collect();
    for run in late {
        let verdict =
            state.runs.get(&run).map_or(Verdict::Unknown, |run| proof::verdict(&run.goals(), run.is_provable()));
        conclude(state, run, verdict, (now, actor), out);
    }
}
