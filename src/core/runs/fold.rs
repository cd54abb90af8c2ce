//! A run is the fold of its events, whoever tells them and however often.
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    Fact, GateState, Heard, OUTPUT_LINES, Run, RunEvent, RunEventKind, RunOutcome, State, StepState, proof::When, stick,
};
use crate::core::{
    id::RunId,
    ring::Ring,
    services::Health,
    time::{Mono, Now},
};

/// Adds one event. False when it says nothing new.
pub(super) fn fold(
    state: &mut State,
    number: Option<RunId>,
    event: &RunEvent,
    now: Now,
    facts: &mut Vec<Fact>,
) -> bool {
    let fresh = !state.runs.contains_key(&event.run);
    if fresh && let Some(run) = confirmed(event) {
        state.runs.insert(event.run, run);
        facts.push(Fact::Confirmed { run: event.run });
    }
    let Some(run) = state.runs.get_mut(&event.run) else { return false };
    run.number = run.number.or(number);
    match &event.kind {
        RunEventKind::Confirmed { .. } => {
            run.attended = if fresh { now.mono } else { run.attended };
            fresh
        }
        RunEventKind::Attended { console } => {
            let news = run.coordinator == Some(*console) && run.outcome.is_none();
            if news {
                (run.attended, run.heard, run.followed) = (now.mono, Heard::there(event.at), false);
            }
            news
        }
        RunEventKind::Left { console } => {
            let news = run.coordinator == Some(*console) && run.outcome.is_none() && !run.heard.leaves;
            run.heard.leaves |= news;
            news
        }
        RunEventKind::Coordinated { .. } => {
            (run.attended, run.heard, run.followed) = (now.mono, Heard::there(event.at), false);
            conducted(run, event)
        }
        RunEventKind::Approved { .. }
        | RunEventKind::Measured { .. }
        | RunEventKind::HostStarted { .. }
        | RunEventKind::Staged { .. }
        | RunEventKind::GatePassed { .. }
        | RunEventKind::GateFailed { .. }
        | RunEventKind::Stopped { .. } => conducted(run, event),
        RunEventKind::PipelineHeld(held) => stick::held(run, held),
        RunEventKind::Settled(how) => stick::settle(run, how, &event.by, event.at),
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
                run.lost.clear();
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

/// Makes the run that was confirmed.
fn confirmed(event: &RunEvent) -> Option<Run> {
    let RunEventKind::Confirmed { plan, reason, incident, before, second_person, known: _ } = &event.kind else {
        return None;
    };
    Some(Run {
        run: event.run,
        number: None,
        steps: vec![StepState::default(); plan.steps.len() + plan.undo_steps.len()],
        plan: Arc::clone(plan),
        reason: reason.clone(),
        by: event.by.clone(),
        at: event.at,
        incident: *incident,
        outcome: None,
        proof: None,
        output: Ring::new(OUTPUT_LINES),
        ended: None,
        before: *before,
        second_person: *second_person,
        approved: None,
        after: Health::Unknown,
        baseline: None,
        measured: None,
        good: 0,
        round: None,
        asked: Mono(0),
        lost: BTreeMap::new(),
        coordinator: None,
        attended: Mono(0),
        heard: Heard::there(event.at),
        followed: false,
        permit: None,
        shares: BTreeSet::new(),
        staged: BTreeMap::new(),
        uploaded: BTreeMap::new(),
        staging: BTreeSet::new(),
        gate: GateState::default(),
        stopped: None,
        hold: None,
        hold_asked: false,
        settled: None,
        branch_asked: None,
        plain_since: None,
    })
}

/// Adds what was decided about a run's hosts.
fn conducted(run: &mut Run, event: &RunEvent) -> bool {
    match &event.kind {
        RunEventKind::Coordinated { console } => {
            // What nobody knew the end of is open again.
            let reopened = run.outcome.is_some_and(|(outcome, at)| outcome == RunOutcome::Unknown && at <= event.at);
            if reopened {
                (run.outcome, run.ended) = (None, None);
            }
            run.coordinator.replace(*console) != Some(*console) || reopened
        }
        RunEventKind::Measured { when: When::Before, of } => {
            let news = run.baseline.is_none();
            if news {
                run.baseline = Some((**of).clone());
            }
            news
        }
        RunEventKind::Measured { when: When::After, of } => {
            let first = run.measured.take().map_or_else(|| (**of).clone(), |(first, _)| first);
            run.measured = Some((first, (**of).clone()));
            run.proof.is_none()
        }
        // Nobody is the second person of what they asked for, whatever a store says.
        RunEventKind::Approved { plan } => {
            let fits = run.approved.is_none() && event.by != run.by && *plan == super::hash(&run.plan);
            if fits {
                run.approved = Some(event.by.clone());
            }
            fits
        }
        RunEventKind::HostStarted { host, way } => run.shares.insert((host.clone(), *way)),
        RunEventKind::Staged { host, error } => {
            let news = run.staged.get(host).is_none_or(Option::is_some) && run.staged.get(host) != Some(error);
            if news {
                run.staged.insert(host.clone(), error.clone());
            }
            run.staging.remove(host);
            news
        }
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
        RunEventKind::Confirmed { .. }
        | RunEventKind::Attended { .. }
        | RunEventKind::Left { .. }
        | RunEventKind::StepStarted { .. }
        | RunEventKind::StepEnded { .. }
        | RunEventKind::Ended { .. }
        | RunEventKind::PipelineHeld(_)
        | RunEventKind::Settled(_)
        | RunEventKind::Proved { .. } => false,
    }
}
