//! How messages change runs: the review, its confirmation, the fold of events, the proof by checks.
use std::collections::BTreeSet;

use super::{
    Actor, Ask, CANCEL_MS, Fact, GateState, Msg, OUTPUT_LINES, Out, PROOF_MS, Plan, Review, Run, RunEvent,
    RunEventKind, RunOutcome, State, StepEnd, StepState, TYPE_AHEAD_MS, Verdict, Way,
    coordinate::{self, Next, Share},
    gate::{self, Level, Permit},
    hash,
};
use crate::core::{
    id::{RunId, ServiceId, Uid},
    inventory::Inventory,
    record::{Audit, Row},
    ring::Ring,
    services::Health,
    time::{Now, Timestamp},
};

/// Applies one message.
pub fn update(state: &mut State, msg: Msg, now: Now, inventory: &Inventory, actor: &Actor) -> Out {
    let mut out = Out::default();
    match msg {
        Msg::RestartAsked { service } => {
            state.planning = Some(service.clone());
            out.asks.push(Ask::Plan(service));
        }
        Msg::Planned { run, plan, incident, before } => {
            open_review(state, (run, plan, incident, before), now, inventory, &mut out);
        }
        Msg::PlanRefused { service, why } => {
            if state.planning.as_ref() == Some(&service) {
                state.planning = None;
            }
            out.facts.push(Fact::Said(format!("{service}: {why}")));
        }
        Msg::NameTyped(text) => edit(state, now, |review| review.typed = text),
        Msg::ReasonTyped(text) => edit(state, now, |review| review.reason = text),
        Msg::CommandsToggled => edit(state, now, |review| review.commands = !review.commands),
        Msg::Confirmed => confirm(state, now, inventory, actor, &mut out),
        Msg::Cancelled => {
            if let Some(review) = state.review.take() {
                out.facts.push(Fact::Said(format!("{}: cancelled, nothing was changed", review.plan.title)));
            }
        }
        Msg::InventoryReplaced { touched } => {
            if let Some(service) = state.planning.take() {
                out.facts.push(Fact::Said(format!("{service}: the configuration changed meanwhile, ask again")));
            }
            if let Some(review) = state.review.take_if(|_| touched) {
                let title = review.plan.title;
                out.facts
                    .push(Fact::Said(format!("{title}: closed, nothing was changed: the configuration is another")));
            }
        }
        Msg::WriteArmed(env) => {
            out.rows.push(Row::Audit(audit(actor, now, super::ARMED, env.as_str(), "")));
            state.armed.arm(env, now.mono + inventory.write.arm_ms);
        }
        Msg::WriteDisarmed => state.armed.disarm(),
        Msg::OutputArrived { run, line } => {
            if let Some(run) = state.runs.get_mut(&run) {
                run.lost = None;
                run.output.push(line);
            }
        }
        Msg::Happened(event) => {
            // A host that is asked again tells all of it again.
            if !fold(state, None, &event, now, &mut out.facts) {
                return out;
            }
            let run = event.run;
            out.rows.push(Row::Run(event));
            advance(state, run, (now, inventory, actor), &mut out);
        }
        Msg::LinkLost { run, how } => {
            if let Some(run) = state.runs.get_mut(&run).filter(|run| run.outcome.is_none()) {
                run.lost = Some(how);
            }
        }
        Msg::Stored { number, event } => {
            let news = fold(state, Some(number), &event, now, &mut Vec::new());
            if let (true, RunEventKind::HostStarted { host, way }) = (news, event.kind) {
                // What another console starts is followed here too: it may die.
                if let Some(run) = state.runs.get(&event.run) {
                    let (plan, share) = (run.plan.clone(), (host, way));
                    out.asks.push(Ask::Follow { run: event.run, plan, share, since: event.at });
                }
            }
        }
        Msg::Adopted { run } => adopt(state, run, (now, inventory, actor), &mut out),
        Msg::Stopped { run, undo } => {
            let open = state.runs.get(&run).is_some_and(|run| run.outcome.is_none());
            if open {
                happen(state, run, RunEventKind::Stopped { undo }, (now, actor), &mut out);
                advance(state, run, (now, inventory, actor), &mut out);
            }
        }
        Msg::NotSaved(event) => {
            if let (RunEventKind::HostStarted { host, way }, Some(run)) = (&event.kind, state.runs.get_mut(&event.run))
            {
                // It was not started. Nothing more is, until a person has this console go on.
                run.shares.remove(&(host.clone(), *way));
                run.permit = None;
            }
            let confirmed = matches!(event.kind, RunEventKind::Confirmed { .. });
            // One that has a number is in the store, whatever was refused now.
            if confirmed && state.runs.get(&event.run).is_some_and(|run| run.number.is_none()) {
                state.runs.remove(&event.run);
            }
        }
        Msg::HealthSeen { service, health, since } => prove(state, &service, (health, since), now, actor, &mut out),
        Msg::Ticked => tick(state, now, inventory, actor, &mut out),
    }
    out
}

fn audit(actor: &Actor, now: Now, what: &str, target: &str, detail: &str) -> Audit {
    Audit {
        at: now.utc,
        by: actor.by.clone(),
        from: actor.from.clone(),
        what: what.into(),
        target: target.into(),
        detail: detail.into(),
    }
}

fn open_review(
    state: &mut State,
    (run, plan, incident, before): (Uid, Plan, Option<Uid>, Health),
    now: Now,
    inventory: &Inventory,
    out: &mut Out,
) {
    // A plan that nobody waits for any more (the person asked for another, or left) opens no box.
    if state.planning.as_ref() != Some(&plan.service) {
        return;
    }
    state.planning = None;
    if let Err(refusal) = gate::check_hosts(inventory, &plan) {
        out.facts.push(Fact::Said(format!("{}: {refusal}", plan.title)));
        return;
    }
    state.review = Some(Review {
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
    });
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
    let Some(review) = state.review.as_mut().filter(|review| settled(review, now) && review.starts.is_none()) else {
        return;
    };
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
    let Review { run, plan, reason, incident, before, .. } = review;
    let service = plan.service.to_string();
    let detail = format!("{run} plan {}", review.hash);
    let kind = RunEventKind::Confirmed { plan, reason: reason.trim().to_owned(), incident, before };
    out.rows.push(Row::Audit(audit(actor, now, "run.confirmed", &service, &detail)));
    happen(state, run, kind, (now, actor), out);
    happen(state, run, RunEventKind::Coordinated { console: state.console }, (now, actor), out);
    if let Some(found) = state.runs.get_mut(&run) {
        found.permit = Some(permit);
    }
    advance(state, run, (now, inventory, actor), out);
}

/// When, by which configuration and who.
type Scene<'a> = (Now, &'a Inventory, &'a Actor);

/// Milliseconds between two questions to the checks while a gate waits for them.
const ASK_MS: u64 = 1_000;
/// How long a run whose end is plain stays without a word of who coordinates it, before another console says it.
const GRACE_MS: u64 = 5_000;

/// Has something happen to a run here: it is folded and goes to the store.
fn happen(state: &mut State, run: Uid, kind: RunEventKind, (now, actor): (Now, &Actor), out: &mut Out) -> bool {
    let event = RunEvent { run, at: now.utc, by: actor.by.clone(), kind };
    let news = fold(state, None, &event, now, &mut out.facts);
    if news {
        out.rows.push(Row::Run(event));
    }
    news
}

/// Takes a run on whose coordinator is gone: the gate is asked as for a new one.
fn adopt(state: &mut State, uid: Uid, (now, inventory, actor): Scene<'_>, out: &mut Out) {
    let Some(run) = state.runs.get(&uid).filter(|run| !run.is_over()) else { return };
    match gate::go_on(inventory, &state.armed, &run.plan, now) {
        Ok(permit) => {
            let detail = format!("{uid} goes on from here");
            out.rows.push(Row::Audit(audit(actor, now, "run.adopted", &run.plan.service.to_string(), &detail)));
            let console = state.console;
            happen(state, uid, RunEventKind::Coordinated { console }, (now, actor), out);
            if let Some(run) = state.runs.get_mut(&uid) {
                run.permit = Some(permit);
            }
            advance(state, uid, (now, inventory, actor), out);
        }
        Err(refusal) => out.facts.push(Fact::Said(refusal.to_string())),
    }
}

/// Does what is next for a run that this console coordinates.
fn advance(state: &mut State, uid: Uid, (now, inventory, actor): Scene<'_>, out: &mut Out) {
    let console = state.console;
    let Some(run) = state.runs.get_mut(&uid) else { return };
    let ours = run.coordinator == Some(console) && run.permit.is_some();
    match (coordinate::next(run), ours) {
        (Next::Wait, _) => run.plain_since = None,
        (Next::End(outcome), true) => end(state, uid, outcome, (now, actor), out),
        (Next::End(outcome), false) => {
            // Whoever coordinates it may be about to take it back, and says so first.
            let since = *run.plain_since.get_or_insert(now.mono);
            if now.mono.since(since) >= GRACE_MS {
                end(state, uid, outcome, (now, actor), out);
            }
        }
        (_, false) => {}
        (Next::Gate { wave }, true) => wait_at_gate(state, uid, wave, (now, inventory, actor), out),
        (Next::Start { hosts, way }, true) => {
            let Some(permit) = run.permit.clone() else { return };
            let plan = run.plan.clone();
            // Before they are started: who comes later, looks at these hosts.
            let mut rows = std::mem::take(&mut out.rows);
            for host in &hosts {
                happen(state, uid, RunEventKind::HostStarted { host: host.clone(), way }, (now, actor), out);
            }
            rows.append(&mut out.rows);
            let shares = hosts.into_iter().map(|host| (host, way)).collect();
            out.asks.push(Ask::Start { rows, run: uid, plan, shares, permit });
        }
    }
}

/// Ends a run; what was not started is told apart from what was.
fn end(state: &mut State, uid: Uid, outcome: RunOutcome, (now, actor): (Now, &Actor), out: &mut Out) {
    let Some(run) = state.runs.get_mut(&uid) else { return };
    run.plain_since = None;
    let hosts = run.plan.hosts();
    let waiting = hosts.iter().filter(|host| run.share(host, Way::There) == Share::Waiting);
    let left: Vec<usize> = waiting.flat_map(|host| run.plan.steps_of(host, Way::There)).collect();
    let service = run.plan.service.clone();
    let why = match outcome {
        RunOutcome::Stopped => "it was stopped before this host",
        RunOutcome::Unknown => "",
        _ => "a host before it did not succeed",
    };
    for step in left.into_iter().filter(|_| !why.is_empty()) {
        let end = StepEnd::NotStarted(why.to_owned());
        happen(state, uid, RunEventKind::StepEnded { step, end }, (now, actor), out);
    }
    if happen(state, uid, RunEventKind::Ended { outcome }, (now, actor), out) {
        out.asks.push(Ask::CheckNow(service));
    }
}

/// Waits between two waves until the checks say that it may go on.
fn wait_at_gate(state: &mut State, uid: Uid, wave: usize, scene: Scene<'_>, out: &mut Out) {
    let (now, inventory, actor) = scene;
    let Some(run) = state.runs.get_mut(&uid) else { return };
    let between = run.plan.between;
    let watched = inventory.service(&run.plan.service).is_some_and(|service| !service.checks.is_empty());
    let since = *run.gate.since.get_or_insert(now.mono);
    let verdict = if !watched {
        Some(Ok("no checks watch it: by the exit codes alone".to_owned()))
    } else if run.gate.healthy >= between.healthy {
        Some(Ok(format!("{} answers in a row no worse than before", run.gate.healthy)))
    } else if now.mono.since(since) >= between.within_ms {
        let (seconds, healthy) = (between.within_ms / 1_000, run.gate.healthy);
        Some(Err(format!("{healthy} of {} good answers in a row within {seconds} s", between.healthy)))
    } else {
        None
    };
    match verdict {
        Some(Ok(summary)) => {
            happen(state, uid, RunEventKind::GatePassed { wave, summary }, (now, actor), out);
            advance(state, uid, scene, out);
        }
        Some(Err(summary)) => {
            happen(state, uid, RunEventKind::GateFailed { wave, summary }, (now, actor), out);
            advance(state, uid, scene, out);
        }
        None if run.gate.from.is_none_or(|_| now.mono.since(run.gate.asked) >= ASK_MS) => {
            run.gate.from.get_or_insert(now.utc);
            run.gate.asked = now.mono;
            out.asks.push(Ask::CheckNow(run.plan.service.clone()));
        }
        None => {}
    }
}

/// Adds one event. False when it says nothing new.
fn fold(state: &mut State, number: Option<RunId>, event: &RunEvent, now: Now, facts: &mut Vec<Fact>) -> bool {
    if let RunEventKind::Confirmed { plan, reason, incident, before } = &event.kind {
        let fresh = !state.runs.contains_key(&event.run);
        let run = state.runs.entry(event.run).or_insert_with(|| Run {
            run: event.run,
            number: None,
            steps: vec![StepState::default(); plan.steps.len() + plan.undo_steps.len()],
            plan: plan.clone(),
            reason: reason.clone(),
            by: event.by.clone(),
            at: event.at,
            incident: *incident,
            outcome: None,
            proof: None,
            output: Ring::new(OUTPUT_LINES),
            ended: None,
            before: *before,
            after: Health::Unknown,
            lost: None,
            coordinator: None,
            permit: None,
            shares: BTreeSet::new(),
            gate: GateState::default(),
            stopped: None,
            plain_since: None,
        });
        run.number = run.number.or(number);
        if fresh {
            facts.push(Fact::Confirmed { run: event.run });
        }
        return fresh;
    }
    let Some(run) = state.runs.get_mut(&event.run) else { return false };
    run.number = run.number.or(number);
    match &event.kind {
        RunEventKind::Confirmed { .. } => false,
        RunEventKind::Coordinated { console } => {
            // What nobody knew the end of is open again.
            let reopened = run.outcome.is_some_and(|(outcome, at)| outcome == RunOutcome::Unknown && at <= event.at);
            if reopened {
                (run.outcome, run.ended) = (None, None);
            }
            run.coordinator.replace(*console) != Some(*console) || reopened
        }
        RunEventKind::HostStarted { host, way } => run.shares.insert((host.clone(), *way)),
        RunEventKind::GatePassed { wave, .. } => {
            let news = *wave >= run.gate.passed && run.gate.failed.is_none();
            if news {
                run.gate = GateState { passed: wave + 1, ..GateState::default() };
            }
            news
        }
        RunEventKind::GateFailed { wave, summary } => {
            let news = *wave >= run.gate.passed && run.gate.failed.is_none();
            if news {
                run.gate = GateState { passed: run.gate.passed, failed: Some(summary.clone()), ..GateState::default() };
            }
            news
        }
        RunEventKind::Stopped { undo } => {
            let news = run.stopped.is_none() || run.stopped == Some(false) && *undo;
            if news {
                run.stopped = Some(*undo);
            }
            news
        }
        RunEventKind::StepStarted { step } => match run.steps.get_mut(*step) {
            Some(step) if step.started.is_none() => {
                step.started = Some(event.at);
                true
            }
            Some(_) | None => false,
        },
        RunEventKind::StepEnded { step, end } => match run.steps.get_mut(*step) {
            Some(step) if step.ended.as_ref().is_none_or(|(_, known)| known.yields_to(end)) => {
                step.ended = Some((event.at, end.clone()));
                true
            }
            Some(_) | None => false,
        },
        RunEventKind::Ended { outcome } => {
            let news = run.outcome.is_none_or(|(known, _)| known.yields_to(*outcome));
            if news {
                run.outcome = Some((*outcome, event.at));
                run.ended = Some(now.mono);
                run.lost = None;
                facts.push(Fact::Ended { run: event.run });
            }
            news
        }
        RunEventKind::Proved { verdict, summary } => {
            let news = run.proof.is_none();
            if news {
                run.proof = Some((*verdict, summary.clone()));
                facts.push(Fact::Proved { run: event.run });
            }
            news
        }
    }
}

fn prove(
    state: &mut State,
    service: &ServiceId,
    (health, since): (Health, Timestamp),
    now: Now,
    actor: &Actor,
    out: &mut Out,
) {
    let console = state.console;
    let of_service = |run: &&mut Run| run.plan.service == *service && run.coordinator == Some(console);
    for run in state.runs.values_mut().filter(of_service) {
        // Every check has answered anew: one more round.
        if run.gate.from.is_some_and(|from| since >= from) {
            let good = matches!(health, Health::Up | Health::Degraded | Health::Maintenance) || health == run.before;
            run.gate.healthy = if good { run.gate.healthy + 1 } else { 0 };
            run.gate.from = Some(now.utc);
        }
    }
    let waiting: Vec<Uid> = waiting_for_proof(state, actor)
        .filter(|run| run.plan.service == *service && run.outcome.is_some_and(|(_, ended)| since >= ended))
        .map(|run| run.run)
        .collect();
    for run in waiting {
        if let Some(run) = state.runs.get_mut(&run) {
            run.after = health;
        }
        // While it is not up the verdict waits: the time for it is not over.
        if matches!(health, Health::Up | Health::Degraded) {
            conclude(state, run, Verdict::Recovered, (now, actor), out);
        }
    }
}

/// Runs of this operator that ended and whose service has not been proved yet.
fn waiting_for_proof<'a>(state: &'a State, actor: &'a Actor) -> impl Iterator<Item = &'a Run> {
    state.runs.values().filter(|run| run.proof.is_none() && run.ended.is_some() && run.by == actor.by)
}

fn conclude(state: &mut State, uid: Uid, verdict: Verdict, (now, actor): (Now, &Actor), out: &mut Out) {
    let Some(run) = state.runs.get(&uid) else { return };
    let word = |health: Health| match health {
        Health::Up => "up",
        Health::Degraded => "degraded",
        Health::Down => "down",
        Health::Maintenance => "in maintenance",
        Health::Unknown => "unknown",
    };
    let verdict_words = match verdict {
        Verdict::Recovered => "recovered",
        Verdict::NotRecovered => "did not recover",
        Verdict::Unknown => "nobody can tell whether it recovered",
    };
    let summary = format!("{} {verdict_words}: {} before, {} now", run.plan.service, word(run.before), word(run.after));
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
        advance(state, run, (now, inventory, actor), out);
    }
    let late: Vec<Uid> = waiting_for_proof(state, actor)
        .filter(|run| run.ended.is_some_and(|ended| now.mono.since(ended) >= PROOF_MS))
        .map(|run| run.run)
        .collect();
    for run in late {
        let after = state.runs.get(&run).map_or(Health::Unknown, |run| run.after);
        let verdict = if after == Health::Down { Verdict::NotRecovered } else { Verdict::Unknown };
        conclude(state, run, verdict, (now, actor), out);
    }
}
