//! What is confirmed and done elsewhere than on hosts: to the pipeline of a service. It is on the audit before it is sent, and what
//! became of it afterwards; no run is made of it, as no host has a part in it.
use std::sync::Arc;

use super::{
    Acted, Action, Ask, Deed, Fact, Out, PipelineVerb, Plan, Review, RunEventKind, State,
    conduct::{Scene, happen},
    gate::Permit,
    reducer::audit,
    stick::Held,
};
use crate::core::{
    id::Uid,
    record::{Audit, Row},
};

/// Returns what kind of change it is to do this to a pipeline.
pub fn action_of(verb: PipelineVerb) -> Action {
    Action::Other { name: format!("pipeline {}", verb.word()) }
}

/// Has what was confirmed done, once it is on the audit.
pub(super) fn begin(review: Review, permit: Permit, (now, inventory, actor): Scene<'_>, out: &mut Out) {
    let Review { plan, reason, incident, hash, .. } = review;
    let reason = reason.trim().to_owned();
    let repo = inventory.service(&plan.service).and_then(|service| service.pipeline.as_ref()).map(|of| of.repo.clone());
    let repo = repo.unwrap_or_default();
    let line = |deed: &Deed| {
        let (what, detail) = (format!("pipeline.{}", deed.word()), deed.audited(&repo, &reason, &hash));
        Row::Audit(audit(actor, now, &what, &plan.service.to_string(), &detail))
    };
    let rows = plan.deeds.iter().map(line).collect();
    out.asks.push(Ask::Act { rows, plan, incident, reason, permit });
}

/// Says whether a plan holds a pipeline, or releases it.
fn switches(plan: &Plan) -> bool {
    [PipelineVerb::Hold, PipelineVerb::Release].map(action_of).contains(&plan.action)
}

/// Returns how a pipeline stands after what was done to hold or release it. What was not done, or nobody knows of, leaves it as it was.
pub fn held_after(plan: &Plan, acted: &[Acted], before: Held) -> Held {
    let wrong: Vec<&str> = acted.iter().filter(|one| !matches!(one, Acted::Done(_))).map(Acted::words).collect();
    let done = plan.deeds.iter().zip(acted).filter(|(_, one)| matches!(one, Acted::Done(_)));
    let turned = |deed: &Deed| match deed {
        Deed::Enable { on, .. } => Some(!on),
        Deed::Run { .. } | Deed::Begin { .. } => None,
    };
    Held {
        disabled: done.clone().find_map(|(deed, _)| turned(deed)).unwrap_or(before.disabled),
        did: done.map(|(_, one)| one.words().to_owned()).collect(),
        commit: before.commit,
        error: (!wrong.is_empty()).then(|| wrong.join("; ")),
    }
}

/// Notes what became of it: on the audit, and with the run whose version must not come back.
pub(super) fn acted(
    state: &mut State,
    (plan, incident): (&Arc<Plan>, Option<Uid>),
    acted: Vec<Acted>,
    (now, _, actor): Scene<'_>,
    out: &mut Out,
) {
    let service = plan.service.to_string();
    let line = |one: &Acted| -> Audit { audit(actor, now, one.word(), &service, one.words()) };
    out.rows.extend(acted.iter().map(line).map(Row::Audit));
    let left = state.notice(&plan.service).map(|notice| (notice.run.run, notice.run.hold.clone().unwrap_or_default()));
    if let (true, Some((run, before))) = (switches(plan), left) {
        let kind = RunEventKind::PipelineHeld(held_after(plan, &acted, before));
        happen(state, run, kind, (now, actor), out);
    }
    out.facts.push(Fact::ActedOutside { service: plan.service.clone(), incident, acted });
}
