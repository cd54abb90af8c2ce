//! What becomes of runs that were confirmed: what hosts and other consoles tell of them, and what is next.
use std::sync::Arc;

use super::{
    Actor, Ask, Fact, Msg, Out, RunEvent, RunEventKind, RunOutcome, State, StepEnd, Way,
    coordinate::{self, Next, Share},
    fold::fold,
    gate,
    proof::When,
    reducer::audit,
    sudo,
};
use crate::core::{
    id::{HostName, Uid},
    inventory::Inventory,
    record::Row,
    time::{Now, short},
};

/// When, by which configuration and who.
pub(super) type Scene<'a> = (Now, &'a Inventory, &'a Actor);

/// Milliseconds between two questions to the checks while a gate waits for them.
pub(super) const ASK_MS: u64 = 1_000;
/// Rounds of bad answers in a row that end the baking.
const BAD_ROUNDS: u32 = 3;
/// How often who coordinates a run says that it is still there.
const ATTENDED_MS: u64 = 10_000;
/// After how long without a word of it who coordinates a run is gone.
pub(super) const GONE_MS: u64 = 35_000;
/// How long a run whose end is plain stays without a word of who coordinates it, before another console says it.
const GRACE_MS: u64 = 5_000;

/// Has something happen to a run here: it is folded and goes to the store.
pub(super) fn happen(
    state: &mut State,
    run: Uid,
    kind: RunEventKind,
    (now, actor): (Now, &Actor),
    out: &mut Out,
) -> bool {
    let event = RunEvent { run, at: now.utc, by: actor.by.clone(), kind };
    let news = fold(state, None, &event, now, &mut out.facts);
    if news {
        out.rows.push(Row::Run(event));
    }
    news
}

/// Takes a run on whose coordinator is gone: the gate is asked as for a new one.
pub(super) fn adopt(state: &mut State, uid: Uid, (now, inventory, actor): Scene<'_>, out: &mut Out) {
    let Some(run) = state.runs.get(&uid).filter(|run| !run.is_over()) else { return };
    match gate::go_on(inventory, &state.armed, &run.plan, &actor.by, now) {
        Ok(permit) => {
            let missing = sudo::missing(state, inventory, run);
            if !missing.is_empty() {
                return sudo::ask(state, missing, sudo::Then::GoOn(uid), (now, inventory), out);
            }
            take_on(state, uid, (permit, "goes on from here"), (now, inventory, actor), out);
        }
        Err(refusal) => out.facts.push(Fact::Said(refusal.to_string())),
    }
}

/// Coordinates a run from here on.
fn take_on(state: &mut State, uid: Uid, (permit, how): (gate::Permit, &str), scene: Scene<'_>, out: &mut Out) {
    let (now, _, actor) = scene;
    let Some(service) = state.runs.get(&uid).map(|run| run.plan.service.to_string()) else { return };
    out.rows.push(Row::Audit(audit(actor, now, "run.adopted", &service, &format!("{uid} {how}"))));
    let console = state.console;
    happen(state, uid, RunEventKind::Coordinated { console }, (now, actor), out);
    if let Some(run) = state.runs.get_mut(&uid) {
        run.permit = Some(permit);
        // What did not get there before is tried anew.
        run.staged.retain(|_, error| error.is_none());
    }
    advance(state, uid, scene, out);
}

/// Says that this console still coordinates a run; or takes one on whose coordinator is silent, where nobody sits here and the
/// configuration lets it.
pub(super) fn attend(state: &mut State, uid: Uid, scene: Scene<'_>, out: &mut Out) {
    let (now, inventory, actor) = scene;
    let (console, nobody_sits) = (state.console, state.unattended);
    let needs_password =
        state.runs.get(&uid).is_some_and(|run| nobody_sits && !sudo::missing(state, inventory, run).is_empty());
    let Some(run) = state.runs.get_mut(&uid).filter(|run| run.outcome.is_none()) else { return };
    let silent = now.mono.since(run.attended);
    if run.coordinator == Some(console) && run.permit.is_some() {
        if silent >= ATTENDED_MS {
            happen(state, uid, RunEventKind::Attended { console }, (now, actor), out);
        }
        return;
    }
    if !nobody_sits && !run.heard.told && run.unled(now.utc).is_some() {
        run.heard.told = true;
        let name = run.name();
        out.facts.push(Fact::Said(format!("{name} waits: its console is gone, and nobody leads it")));
    }
    if !nobody_sits || run.coordinator.is_none() || (silent < GONE_MS && !run.heard.leaves) {
        return;
    }
    let Ok(permit) = gate::unattended(inventory, &run.plan) else { return };
    // Nobody sits here who could be asked.
    if needs_password {
        return;
    }
    match coordinate::next(run) {
        Next::Stage { .. } | Next::Start { .. } | Next::Gate { .. } => {
            let how = "goes on unattended: its console is gone, and the configuration lets it";
            take_on(state, uid, (permit, how), scene, out);
        }
        // What it is on the hosts nobody here knows yet.
        Next::Wait if !run.followed => {
            run.followed = true;
            out.asks.extend(run.shares_to_follow());
        }
        Next::Wait | Next::End(_) => {}
    }
}

/// Approves what another person confirmed.
fn approve(state: &mut State, uid: Uid, (now, inventory, actor): Scene<'_>, out: &mut Out) {
    let Some(run) = state.runs.get(&uid) else { return };
    match gate::approve(inventory, &state.armed, run, &actor.by, now) {
        Ok(()) => {
            let (plan, service) = (super::hash(&run.plan), run.plan.service.to_string());
            let detail = format!("{uid} plan {plan}");
            out.rows.push(Row::Audit(audit(actor, now, "run.approved", &service, &detail)));
            happen(state, uid, RunEventKind::Approved { plan }, (now, actor), out);
        }
        Err(refusal) => out.facts.push(Fact::Said(refusal.to_string())),
    }
}

/// Does what is next for a run that this console coordinates.
pub(super) fn advance(state: &mut State, uid: Uid, (now, inventory, actor): Scene<'_>, out: &mut Out) {
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
        (Next::Stage { hosts }, true) => {
            let hosts: Vec<HostName> = hosts.into_iter().filter(|host| run.staging.insert(host.clone())).collect();
            if let (Some(permit), false) = (run.permit.clone(), hosts.is_empty()) {
                let (plan, rows) = (Arc::clone(&run.plan), std::mem::take(&mut out.rows));
                out.asks.push(Ask::Stage { rows, run: uid, plan, hosts, permit });
            }
        }
        (Next::Start { hosts, way }, true) => {
            let Some(permit) = run.permit.clone() else { return };
            let plan = Arc::clone(&run.plan);
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
        RunOutcome::Succeeded | RunOutcome::Failed | RunOutcome::Refused | RunOutcome::Undone => {
            "a host before it did not succeed"
        }
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
    // After the last hosts it must stay good for a while.
    let bake_ms = if wave + 1 >= run.plan.waves().len() { between.bake_ms } else { 0 };
    let waited = now.mono.since(since);
    let verdict = if !watched {
        Some(Ok("no checks watch it: by the exit codes alone".to_owned()))
    } else if run.gate.healthy >= between.healthy && waited >= bake_ms {
        let baked = if bake_ms == 0 { String::new() } else { format!(", for {}", short(waited)) };
        Some(Ok(format!("{} answers in a row no worse than before{baked}", run.gate.healthy)))
    } else if run.gate.bad >= BAD_ROUNDS && bake_ms > 0 && waited >= between.within_ms.min(bake_ms) {
        Some(Err(format!("{} answers in a row were bad while it baked", run.gate.bad)))
    } else if waited >= between.within_ms.saturating_add(bake_ms) {
        let (seconds, healthy) = (waited / 1_000, run.gate.healthy);
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

/// Has the snapshots end that are being taken: the change goes on without the rest of them.
fn skip_snapshot(state: &State, run: Uid, (now, actor): (Now, &Actor), out: &mut Out) {
    let Some(found) = state.runs.get(&run) else { return };
    let (hosts, service) = (found.snapshots(), found.plan.service.to_string());
    if !hosts.is_empty() {
        let names: Vec<String> = hosts.iter().map(ToString::to_string).collect();
        let detail = format!("{run} on {}", names.join(" "));
        let rows = vec![Row::Audit(audit(actor, now, "snapshot.skipped", &service, &detail))];
        out.asks.push(Ask::SkipSnapshot { rows, run, hosts });
    }
}

/// Takes back what the store refused.
fn not_saved(state: &mut State, event: &RunEvent) {
    if let (RunEventKind::HostStarted { host, way }, Some(run)) = (&event.kind, state.runs.get_mut(&event.run)) {
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

/// Applies a message about runs that were confirmed.
pub(super) fn follow(state: &mut State, msg: Msg, (now, inventory, actor): Scene<'_>, out: &mut Out) {
    match msg {
        Msg::Uploading { run, host, bytes } => {
            if let Some(run) = state.runs.get_mut(&run) {
                run.uploaded.insert(host, bytes);
            }
        }
        Msg::OutputArrived { run, line } => {
            if let Some(run) = state.runs.get_mut(&run) {
                run.output.push(line);
            }
        }
        Msg::Happened(event) => {
            // A host that is asked again tells all of it again.
            if !fold(state, None, &event, now, &mut out.facts) {
                return;
            }
            let run = event.run;
            out.rows.push(Row::Run(event));
            advance(state, run, (now, inventory, actor), out);
        }
        Msg::LinkLost { run, host, how } => {
            if let Some(run) = state.runs.get_mut(&run).filter(|run| run.outcome.is_none()) {
                run.lost.insert(host, how);
            }
        }
        Msg::LinkBack { run, host } => {
            if let Some(run) = state.runs.get_mut(&run) {
                run.lost.remove(&host);
            }
        }
        Msg::Stored { number, event } => {
            let news = fold(state, Some(number), &event, now, &mut Vec::new());
            if let (true, RunEventKind::HostStarted { host, way }) = (news, event.kind) {
                // What another console starts is followed here too: it may die.
                if let Some(run) = state.runs.get(&event.run) {
                    let (plan, share) = (Arc::clone(&run.plan), (host, way));
                    out.asks.push(Ask::Follow { run: event.run, plan, share, since: event.at });
                }
            }
        }
        Msg::Baseline { run, measured } => {
            happen(state, run, RunEventKind::Measured { when: When::Before, of: measured }, (now, actor), out);
        }
        Msg::Approved { run } => approve(state, run, (now, inventory, actor), out),
        Msg::Adopted { run } => adopt(state, run, (now, inventory, actor), out),
        Msg::SnapshotSkipped { run } => skip_snapshot(state, run, (now, actor), out),
        Msg::Stopped { run, undo } => {
            let open = state.runs.get(&run).is_some_and(|run| run.outcome.is_none());
            if open {
                happen(state, run, RunEventKind::Stopped { undo }, (now, actor), out);
                advance(state, run, (now, inventory, actor), out);
            }
        }
        Msg::NotSaved(event) => not_saved(state, &event),
        Msg::Asked { .. }
        | Msg::Offer(_)
        | Msg::Sudo(_)
        | Msg::Planned { .. }
        | Msg::PlanRefused { .. }
        | Msg::LookedBack { .. }
        | Msg::ActedOutside { .. }
        | Msg::NameTyped(_)
        | Msg::ReasonTyped(_)
        | Msg::CommandsToggled
        | Msg::OverrideToggled
        | Msg::Confirmed
        | Msg::Cancelled
        | Msg::InventoryReplaced { .. }
        | Msg::WriteArmed(_)
        | Msg::WriteDisarmed
        | Msg::HealthSeen { .. }
        | Msg::Ticked => {}
    }
}
