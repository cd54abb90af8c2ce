//! What a person does about the pipeline of a service: look at its runs, and act on one after a review.
use super::{Draft, Overlay, Pane, RowKey, View, act, rows};
use crate::core::{
    Effect, State,
    id::ServiceId,
    pipelines::{Log, Watched},
    runs::{PipelineJob, PipelineOrder, PipelineRun, PipelineVerb, Wanted, is_version},
    time::Now,
};

/// Something done in the view of a pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PipelineAction {
    /// Goes to the pipeline of the selected service.
    Show,
    /// Does something to it, after a review.
    Act(PipelineVerb),
}

/// The pipeline in view, and what is known of it.
fn in_view(state: &State) -> Option<(&ServiceId, Option<&Watched>)> {
    let View::Pipeline(service) = &state.screen.view else { return None };
    Some((service, state.pipelines.of(service)))
}

/// The id of the run that the cursor is on; the newest where it is on none.
pub fn run(state: &State) -> Option<u64> {
    let (_, watched) = in_view(state)?;
    match state.screen.cursor(Pane::PipelineRuns) {
        Some(RowKey::PipelineRun(id)) => Some(*id),
        _ => watched?.told()?.runs.first().map(|run| run.id),
    }
}

/// The id of the job that the cursor is on.
pub fn job(state: &State) -> Option<u64> {
    let (_, watched) = in_view(state)?;
    let jobs = worst_first(watched?.jobs(run(state)?)?.as_ref().ok()?);
    let under = match state.screen.cursor(Pane::PipelineJobs) {
        Some(RowKey::PipelineJob(id)) => jobs.iter().find(|job| job.id == *id),
        _ => None,
    };
    under.or_else(|| jobs.first()).map(|job| job.id)
}

/// Orders jobs as a person needs them: what failed, what runs, what waits, what went well.
fn worst_first(jobs: &[PipelineJob]) -> Vec<&PipelineJob> {
    let mut jobs: Vec<&PipelineJob> = jobs.iter().collect();
    jobs.sort_by_key(|job| match job.status.as_str() {
        _ if job.is_bad() => 0,
        "in_progress" => 1,
        "completed" => 3,
        _ => 2,
    });
    jobs
}

/// The run that the cursor is on.
pub fn selected(state: &State) -> Option<&PipelineRun> {
    in_view(state)?.1?.run(run(state)?)
}

/// The end of the log of the job in view.
pub(super) fn log(state: &State) -> Option<&Log> {
    in_view(state)?.1?.log(job(state)?)?.as_ref().ok()
}

/// Returns the rows of a pane.
pub(super) fn keys(state: &State, service: &ServiceId, pane: Pane) -> Vec<RowKey> {
    let Some(watched) = state.pipelines.of(service) else { return Vec::new() };
    let jobs = || run(state).and_then(|run| watched.jobs(run)?.as_ref().ok());
    if pane == Pane::PipelineRuns {
        let runs = watched.told().map_or(&[][..], |told| &told.runs);
        return runs.iter().map(|run| RowKey::PipelineRun(run.id)).collect();
    }
    if pane == Pane::PipelineJobs {
        let jobs = jobs().map_or_else(Vec::new, |jobs| worst_first(jobs));
        return jobs.into_iter().map(|job| RowKey::PipelineJob(job.id)).collect();
    }
    let lines = job(state).and_then(|job| watched.log(job)?.as_ref().ok()).map_or(0, |log| log.lines.len());
    (0..lines).map(RowKey::Index).collect()
}

/// Returns a row in words: what a filter searches and what a copy takes.
pub(super) fn words(state: &State, row: &RowKey) -> Option<String> {
    let (_, watched) = in_view(state)?;
    let jobs = || watched?.jobs(run(state)?)?.as_ref().ok();
    if let RowKey::PipelineRun(id) = row {
        let run = watched?.run(*id)?;
        return Some(format!("{} {} {} {} {}", run.words(), run.stands(), run.sha, run.title, run.url));
    }
    if let RowKey::PipelineJob(id) = row {
        let job = jobs()?.iter().find(|job| job.id == *id)?;
        return Some(format!("{} {}", job.name, job.stands()));
    }
    let RowKey::Index(at) = row else { return None };
    watched?.log(job(state)?)?.as_ref().ok()?.lines.get(*at).cloned()
}

/// Returns why an action would do nothing.
pub(super) fn why_not(state: &State, action: PipelineAction) -> Option<String> {
    let verb = match action {
        PipelineAction::Act(verb) => verb,
        PipelineAction::Show => {
            let Some(id) = act::selected_service(state) else {
                return Some("put the cursor on a service to see its pipeline".to_owned());
            };
            if matches!(&state.screen.view, View::Pipeline(shown) if *shown == id) {
                return Some("this is its pipeline".to_owned());
            }
            let has = state.inventory.service(&id).is_some_and(|service| service.pipeline.is_some());
            return (!has)
                .then(|| format!("{id} has no pipeline: `pipeline = {{ repo, workflow, token }}` in its environment"));
        }
    };
    let Some((_, watched)) = in_view(state) else {
        return Some("this acts on a pipeline: go to it first (show-pipeline)".to_owned());
    };
    let disabled = watched.and_then(Watched::is_disabled);
    let open = || watched.and_then(Watched::told).is_some_and(|told| told.runs.iter().any(|run| !run.is_over()));
    if verb == PipelineVerb::Release && disabled == Some(false) {
        return Some("it is enabled: there is nothing to release".to_owned());
    }
    if verb == PipelineVerb::Hold && disabled == Some(true) && !open() {
        return Some("it is held: it is disabled, and nothing of it runs or waits".to_owned());
    }
    if !verb.is_of_a_run() {
        return None;
    }
    let Some(run) = selected(state) else { return Some("put the cursor on a run".to_owned()) };
    let (name, stands) = (run.words(), run.stands());
    match verb {
        PipelineVerb::Approve | PipelineVerb::Reject if run.status != "waiting" => {
            Some(format!("{name} waits for no approval: {stands}"))
        }
        PipelineVerb::Cancel if run.is_over() => Some(format!("{name} has ended: {stands}")),
        PipelineVerb::Rerun | PipelineVerb::RerunFailed if !run.is_over() => {
            Some(format!("{name} has not ended: {stands}"))
        }
        PipelineVerb::RerunFailed if run.conclusion.as_deref() == Some("success") => {
            Some(format!("{name} has no job that failed"))
        }
        PipelineVerb::Approve
        | PipelineVerb::Reject
        | PipelineVerb::Cancel
        | PipelineVerb::Rerun
        | PipelineVerb::RerunFailed
        | PipelineVerb::Dispatch
        | PipelineVerb::Hold
        | PipelineVerb::Release => None,
    }
}

/// Does what a person wants: goes there, asks for what is missing, or asks for the plan.
pub(super) fn act(state: &mut State, action: PipelineAction, now: Now) -> Vec<Effect> {
    let verb = match action {
        PipelineAction::Act(verb) => verb,
        PipelineAction::Show => {
            let Some(service) = act::selected_service(state) else { return Vec::new() };
            return act::go(state, View::Pipeline(service), now);
        }
    };
    let Some((service, _)) = in_view(state) else { return Vec::new() };
    let service = service.clone();
    let takes = state.inventory.service(&service).and_then(|service| service.pipeline.as_ref());
    if verb == PipelineVerb::Dispatch && takes.is_some_and(|pipeline| pipeline.version_input.is_some()) {
        state.screen.open(Overlay::Version { service });
        return Vec::new();
    }
    let run = if verb.is_of_a_run() { run(state) } else { None };
    act::change(state, service, Wanted::Pipeline(PipelineOrder { verb, run, version: None }), now)
}

/// Asks for the plan of a run that is to bring out the version that was typed.
pub(super) fn begin(state: &mut State, service: ServiceId, now: Now) -> Vec<Effect> {
    let version = state.screen.draft(Draft::Note).trim().to_owned();
    if wrong_version(&version).is_some() {
        return Vec::new();
    }
    state.screen.close();
    let version = (!version.is_empty()).then_some(version);
    act::change(
        state,
        service,
        Wanted::Pipeline(PipelineOrder { verb: PipelineVerb::Dispatch, run: None, version }),
        now,
    )
}

/// Returns why a text is no version. Without one, the pipeline's own is taken.
pub fn wrong_version(text: &str) -> Option<&'static str> {
    let text = text.trim();
    (!text.is_empty() && !is_version(text)).then_some("a plain version: letters, digits, . _ + - and no space")
}

/// Opens what the cursor is on: the jobs of a run, the log of a job.
pub(super) fn open(state: &mut State, now: Now) -> bool {
    let pane = state.screen.pane();
    let (View::Pipeline(_), Pane::PipelineRuns | Pane::PipelineJobs) = (&state.screen.view, pane) else { return false };
    let next = if pane == Pane::PipelineRuns { 1 } else { 2 };
    // The one that was opened stays under the cursor, whatever comes before it.
    state.screen.hold();
    state.screen.focus.insert(state.screen.view.clone(), next);
    rows::refresh(state, now, false);
    true
}
