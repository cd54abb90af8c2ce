//! What a change has to do with the pipeline of its service, whatever the recipe.
use crate::core::{
    inventory::{PipelineHolds, Service},
    runs::{Fit, PipelineRun, Plan, PlanFacts, Precheck, Wanted, stick::PipelineHold},
};

/// Says what is done to the pipeline of a service that goes back with this plan, or may.
pub(super) fn held_with(service: &Service, wanted: &Wanted, plan: &Plan) -> Option<PipelineHold> {
    let pipeline = service.pipeline.as_ref()?;
    let goes_back = match wanted {
        Wanted::Rollback { .. } => true,
        Wanted::Deploy { .. } => !plan.undo_steps.is_empty(),
        Wanted::Restart | Wanted::Task(_) | Wanted::Pipeline(_) => false,
    };
    let hold = PipelineHold {
        repo: pipeline.repo.clone(),
        workflow: pipeline.workflow.clone(),
        branch: pipeline.branch.clone(),
        disables: pipeline.hold == PipelineHolds::Workflow,
    };
    (goes_back && pipeline.hold != PipelineHolds::Nothing).then_some(hold)
}

/// Says how the pipeline of a service stands: a deploy by CI would bring its commit over what is done here.
pub(super) fn prechecks(service: &Service, (wanted, plan): (&Wanted, &Plan), facts: &PlanFacts) -> Vec<Precheck> {
    let one = |verdict, text| vec![Precheck { verdict, text }];
    let verdict = match wanted {
        Wanted::Deploy { .. } | Wanted::Rollback { .. } => Fit::Held,
        Wanted::Restart | Wanted::Task(_) | Wanted::Pipeline(_) => Fit::Doubtful,
    };
    match &facts.pipeline {
        None => Vec::new(),
        Some(Err(why)) => one(Fit::Doubtful, format!("whether its pipeline runs is not known: {why}")),
        Some(Ok(runs)) if runs.is_empty() => one(Fit::Good, "no run of its pipeline goes on or waits".to_owned()),
        Some(Ok(runs)) => {
            let hold = format!("`qd pipeline hold {}` holds it", service.id);
            let text = |run: &PipelineRun| format!("{} of its pipeline is {}: {hold}", run.words(), run.stands());
            let stopped = |run: &PipelineRun| {
                let goes_back = matches!(wanted, Wanted::Rollback { .. }) && plan.pipeline.is_some();
                goes_back && run.status != "in_progress"
            };
            let check = |run: &PipelineRun| {
                if !stopped(run) {
                    return Precheck { verdict, text: text(run) };
                }
                let text = format!("{} of its pipeline is {}: it is stopped with this", run.words(), run.stands());
                Precheck { verdict: Fit::Doubtful, text }
            };
            runs.iter().map(check).collect()
        }
    }
}
