//! How messages change runs: the review, its confirmation, the fold of events, the proof by checks.
use super::{
    Actor, Ask, CANCEL_MS, Fact, Msg, OUTPUT_LINES, Out, PROOF_MS, Plan, Review, Run, RunEvent, RunEventKind, State,
    StepState, TYPE_AHEAD_MS, Verdict,
    gate::{self, Level, Permit},
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
            if let (RunEventKind::Ended { .. }, Some(run)) = (&event.kind, state.runs.get(&event.run)) {
                out.asks.push(Ask::CheckNow(run.plan.service.clone()));
            }
            out.rows.push(Row::Run(event));
        }
        Msg::LinkLost { run, how } => {
            if let Some(run) = state.runs.get_mut(&run).filter(|run| run.outcome.is_none()) {
                run.lost = Some(how);
            }
        }
        Msg::Stored { number, event } => {
            _ = fold(state, Some(number), &event, now, &mut Vec::new());
        }
        Msg::NotSaved(event) => {
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

/// Returns the first 8 hex digits of the plan's SHA-256: enough for a person to compare two boxes.
pub fn hash(plan: &Plan) -> String {
    use sha2::Digest as _;
    use std::fmt::Write as _;

    let bytes = serde_json::to_vec(plan).unwrap_or_default();
    sha2::Sha256::digest(&bytes).iter().take(4).fold(String::new(), |mut hex, byte| {
        // Writing to a String cannot fail.
        if write!(hex, "{byte:02x}").is_err() {
            hex.clear();
        }
        hex
    })
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
            Level::Review => start(state, permit, now, actor, out),
        },
    }
}

fn start(state: &mut State, permit: Permit, now: Now, actor: &Actor, out: &mut Out) {
    let Some(review) = state.review.take() else { return };
    let event = RunEvent {
        run: review.run,
        at: now.utc,
        by: actor.by.clone(),
        kind: RunEventKind::Confirmed {
            plan: review.plan.clone(),
            reason: review.reason.trim().to_owned(),
            incident: review.incident,
            before: review.before,
        },
    };
    _ = fold(state, None, &event, now, &mut out.facts);
    let service = review.plan.service.to_string();
    let rows = vec![
        Row::Audit(audit(actor, now, "run.confirmed", &service, &format!("{} plan {}", review.run, review.hash))),
        Row::Run(event),
    ];
    out.asks.push(Ask::Start { rows, run: review.run, plan: review.plan, permit });
}

/// Adds one event. False when it says nothing new.
fn fold(state: &mut State, number: Option<RunId>, event: &RunEvent, now: Now, facts: &mut Vec<Fact>) -> bool {
    if let RunEventKind::Confirmed { plan, reason, incident, before } = &event.kind {
        let fresh = !state.runs.contains_key(&event.run);
        let run = state.runs.entry(event.run).or_insert_with(|| Run {
            run: event.run,
            number: None,
            steps: vec![StepState::default(); plan.steps.len()],
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
            Ok(permit) => start(state, permit, now, actor, out),
            Err(refusal) => {
                review.starts = None;
                review.refused = Some(refusal.to_string());
            }
        }
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
