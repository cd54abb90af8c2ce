//! Pipelines that a person looks at: asked while their view is open, and never else.
use std::collections::BTreeMap;

use super::{
    Effect, State as Core,
    id::ServiceId,
    runs::{PipelineJob, PipelineRun},
    screen::{self, View, rows},
    time::{Mono, Now, Timestamp},
};

/// Milliseconds between two looks while something goes on, and while nothing does: a server counts what it is asked.
const OPEN_MS: u64 = 10_000;
const REST_MS: u64 = 60_000;
/// Most milliseconds between two looks that fail.
const FAILED_MS: u64 = 120_000;
/// After so many milliseconds a look that never ended is asked anew.
const PATIENCE_MS: u64 = 120_000;
/// Milliseconds for which the cursor must rest on a run before its jobs are asked for.
const STEADY_MS: u64 = 250;
/// Pipelines that are kept at once.
const KEPT: usize = 8;
/// Lines of a job's log that are kept: its end.
pub const LOG_LINES: usize = 1_000;

/// What is asked of a pipeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    /// Of which service.
    pub service: ServiceId,
    /// The run whose jobs are wanted; none: the newest.
    pub run: Option<u64>,
    /// The job whose log is wanted, where it is not known yet.
    pub log: Option<u64>,
}

/// What it told.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// When.
    pub at: Timestamp,
    /// Whether the workflow is enabled, in the server's word: `active`, `disabled_manually`; or why that is not known.
    pub workflow: Result<String, String>,
    /// Its newest runs, the newest first.
    pub runs: Vec<PipelineRun>,
    /// The run whose jobs were asked for, and what they are.
    pub jobs: Option<(u64, Result<Vec<PipelineJob>, String>)>,
    /// The job whose log was asked for, and its end.
    pub log: Option<(u64, Result<Log, String>)>,
}

/// The end of a job's log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Log {
    /// Lines before those that are kept.
    pub before: usize,
    /// The last lines.
    pub lines: Vec<String>,
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Msg {
    /// A look ended.
    Looked {
        /// What was asked.
        look: Look,
        /// What it told, or why it did not.
        told: Box<Result<Told, String>>,
    },
}

/// Pipelines that were looked at.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    of: BTreeMap<ServiceId, Watched>,
}

/// A pipeline as it is known.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Watched {
    told: Option<Told>,
    log: Option<(u64, Result<Log, String>)>,
    wrong: Option<String>,
    failures: u32,
    asked: Option<Mono>,
    asking: bool,
    changed: bool,
}

impl Watched {
    /// Returns what it told last.
    pub fn told(&self) -> Option<&Told> {
        self.told.as_ref()
    }

    /// Says why the last look failed.
    pub fn wrong(&self) -> Option<&str> {
        self.wrong.as_deref()
    }

    /// Returns a run by its id.
    pub fn run(&self, id: u64) -> Option<&PipelineRun> {
        self.told.as_ref()?.runs.iter().find(|run| run.id == id)
    }

    /// Returns the jobs of a run, where they were told, or why they were not.
    pub fn jobs(&self, run: u64) -> Option<&Result<Vec<PipelineJob>, String>> {
        self.told.as_ref()?.jobs.as_ref().filter(|(of, _)| *of == run).map(|(_, jobs)| jobs)
    }

    /// Returns the end of a job's log.
    pub fn log(&self, job: u64) -> Option<&Result<Log, String>> {
        self.log.as_ref().filter(|(of, _)| *of == job).map(|(_, log)| log)
    }

    /// Returns whether the workflow is disabled; none where nobody knows.
    pub fn is_disabled(&self) -> Option<bool> {
        self.told.as_ref()?.workflow.as_ref().ok().map(|word| word.starts_with("disabled"))
    }

    /// After so many milliseconds it is asked again.
    fn pause(&self) -> u64 {
        if self.failures > 0 {
            return FAILED_MS.min(OPEN_MS << (self.failures - 1).min(8));
        }
        let goes_on = self.told.as_ref().is_some_and(|told| told.runs.iter().any(|run| !run.is_over()));
        if goes_on { OPEN_MS } else { REST_MS }
    }
}

impl State {
    /// Returns a pipeline as it is known.
    pub fn of(&self, service: &ServiceId) -> Option<&Watched> {
        self.of.get(service)
    }

    /// Something was done to it: it is looked at again at once.
    pub fn changed(&mut self, service: &ServiceId) {
        if let Some(watched) = self.of.get_mut(service) {
            watched.changed = true;
        }
    }

    fn looked(&mut self, look: &Look, told: Result<Told, String>) {
        let Some(watched) = self.of.get_mut(&look.service) else { return };
        watched.asking = false;
        match told {
            Ok(mut told) => {
                (watched.wrong, watched.failures) = (None, 0);
                if let Some(log) = told.log.take() {
                    watched.log = Some(log);
                }
                watched.told = Some(told);
            }
            // What was told before stays, with its age.
            Err(why) => {
                watched.wrong = Some(why);
                watched.failures += 1;
            }
        }
    }
}

impl Core {
    /// Has the pipeline asked whose view is open, where that is due.
    pub(super) fn look_at_pipeline(&mut self, now: Now) -> Option<Effect> {
        let View::Pipeline(service) = &self.screen.view else { return None };
        let service = service.clone();
        self.inventory.service(&service)?.pipeline.as_ref()?;
        let (run, job) = (screen::pipeline::run(self), screen::pipeline::job(self));
        if !self.pipelines.of.contains_key(&service) && self.pipelines.of.len() >= KEPT {
            self.pipelines.of.pop_first();
        }
        let steady = now.mono.since(self.screen.moved) >= STEADY_MS;
        let watched = self.pipelines.of.entry(service.clone()).or_default();
        let waited = watched.asked.map(|asked| now.mono.since(asked));
        if watched.asking && waited.is_some_and(|waited| waited < PATIENCE_MS) {
            return None;
        }
        let ended = |id: &u64| {
            let jobs = run.and_then(|run| watched.jobs(run))?.as_ref().ok()?;
            jobs.iter().find(|job| job.id == *id).map(PipelineJob::is_over)
        };
        let log = job.filter(|job| ended(job) == Some(true) && watched.log(*job).is_none());
        // Another run under the cursor, or a log that nobody read yet, waits for no round.
        let wants =
            steady && watched.failures == 0 && (run.is_some_and(|run| watched.jobs(run).is_none()) || log.is_some());
        let due = waited.is_none_or(|waited| waited >= watched.pause());
        if !(due || wants || watched.changed) {
            return None;
        }
        (watched.asked, watched.asking, watched.changed) = (Some(now.mono), true, false);
        Some(Effect::LookAtPipeline(Look { service, run, log }))
    }

    pub(super) fn pipelines_update(&mut self, msg: Msg, now: Now) {
        let Msg::Looked { look, told } = msg;
        self.pipelines.looked(&look, *told);
        rows::refresh(self, now, false);
    }
}

#[cfg(test)]
#[path = "pipelines_tests.rs"]
mod tests;
