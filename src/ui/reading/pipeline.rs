//! Reads the pipeline of a service.
use super::Reader;
use crate::{
    core::{
        action::Action,
        id::ServiceId,
        pipelines::{Told, Watched},
        runs::{PipelineJob, PipelineRun, PipelineVerb},
        screen::{
            Pane, RowKey,
            pipeline::{self, PipelineAction},
        },
        time::{Timestamp, short},
    },
    parse::sanitise,
    ui::{
        boxes::Ask,
        pipeline::{JobRow, Pipeline, RunRow, Stands},
        show::Tone,
    },
};

/// Milliseconds after which what was told is old.
const OLD_MS: i64 = 90_000;

impl Reader<'_> {
    pub(super) fn pipeline(&self, service: &ServiceId) -> Pipeline {
        let state = self.state;
        let configured = state.inventory.service(service).and_then(|service| service.pipeline.clone());
        let name =
            configured.as_ref().map_or_else(|| "Pipeline".to_owned(), |of| format!("{} of {}", of.workflow, of.repo));
        let Some(watched) = state.pipelines.of(service) else {
            let empty = if configured.is_some() { "it is asked" } else { "it has no pipeline in the configuration" };
            return Pipeline { name: safe(&name), empty: empty.to_owned(), ..Pipeline::default() };
        };
        let run_row = |row: &RowKey| {
            let RowKey::PipelineRun(id) = row else { return None };
            watched.run(*id).map(|run| self.pipeline_run(run))
        };
        let run = pipeline::selected(state);
        let jobs = run.and_then(|run| watched.jobs(run.id));
        let known: &[PipelineJob] = jobs.and_then(|jobs| jobs.as_ref().ok()).map_or(&[], Vec::as_slice);
        let job_row = |row: &RowKey| {
            let RowKey::PipelineJob(id) = row else { return None };
            known.iter().find(|job| job.id == *id).map(|job| self.pipeline_job(job))
        };
        let job = pipeline::job(state).and_then(|id| known.iter().find(|job| job.id == id));
        // One that is run once more has a log of before.
        let log = job.filter(|job| job.is_over()).and_then(|job| watched.log(job.id));
        let lines = log.and_then(|log| log.as_ref().ok());
        let shown = state.screen.rows(Pane::JobLog).iter().filter_map(|row| {
            let RowKey::Index(at) = row else { return None };
            lines?.lines.get(*at).map(|line| safe(line))
        });
        Pipeline {
            name: safe(&name),
            fact: self.pipeline_fact(watched),
            notice: self.pipeline_notice(service, watched),
            runs: state.screen.rows(Pane::PipelineRuns).iter().filter_map(run_row).collect(),
            empty: no_runs(watched),
            of: run.map_or_else(String::new, |run| safe(&format!("run {}, {}", run.number, run.stands()))),
            jobs: state.screen.rows(Pane::PipelineJobs).iter().filter_map(job_row).collect(),
            no_jobs: match (run, jobs) {
                (None, _) => String::new(),
                (Some(_), None) => "its jobs are asked for".to_owned(),
                (Some(_), Some(Err(why))) => safe(why),
                (Some(_), Some(Ok(_))) => "it has no jobs yet".to_owned(),
            },
            job: job.map_or_else(String::new, |job| safe(&job.name)),
            log: shown.collect(),
            before: lines.map_or(0, |log| log.before),
            no_log: match (job, log) {
                (None, _) => String::new(),
                (Some(job), _) if !job.is_over() => "there is a log once the job has ended".to_owned(),
                (Some(_), None) => "its log is asked for".to_owned(),
                (Some(_), Some(Err(why))) => safe(why),
                (Some(_), Some(Ok(_))) => "its log is empty".to_owned(),
            },
        }
    }

    fn pipeline_run(&self, run: &PipelineRun) -> RunRow {
        RunRow {
            number: run.number.to_string(),
            stands: (how(&run.status, run.conclusion.as_deref(), !run.waits_for.is_empty()), safe(&run.stands())),
            branch: safe(&run.branch),
            sha: run.sha.chars().take(9).collect(),
            by: safe(&run.by),
            title: safe(&run.title),
            age: run.at.map_or_else(|| "?".to_owned(), |at| short(super::words::ms(self.now.utc.since(at)))),
        }
    }

    fn pipeline_job(&self, job: &PipelineJob) -> JobRow {
        let done = job.steps.iter().filter(|step| step.status == "completed").count();
        let took = |from: Timestamp, to: Timestamp| short(super::words::ms(to.since(from)));
        JobRow {
            name: safe(&job.name),
            stands: (how(&job.status, job.conclusion.as_deref(), false), safe(&job.stands())),
            steps: (done, job.steps.len()),
            took: match (job.began, job.ended) {
                (Some(from), Some(to)) if job.is_over() => took(from, to),
                (Some(from), _) if job.status == "in_progress" => took(from, self.now.utc),
                _ => String::new(),
            },
        }
    }

    /// Says how it stands, and of when that is.
    fn pipeline_fact(&self, watched: &Watched) -> Option<(Tone, String)> {
        let told = watched.told()?;
        let age = self.now.utc.since(told.at);
        let open = told.runs.iter().filter(|run| !run.is_over()).count();
        let goes_on = if open == 0 { "nothing goes on".to_owned() } else { format!("{open} not over") };
        let tone = if age > OLD_MS || watched.wrong().is_some() { Tone::Warn } else { Tone::Good };
        Some((tone, format!("{goes_on}, asked {} ago", short(super::words::ms(age)))))
    }

    fn pipeline_notice(&self, service: &ServiceId, watched: &Watched) -> Option<(Tone, String)> {
        if let Some(why) = watched.wrong() {
            let told = watched.told();
            let shown = if told.is_some() { "; what is shown is of before" } else { "" };
            return Some((Tone::Error, safe(&format!("{why}{shown}"))));
        }
        let back = self.state.runs.notice(service).map(|notice| notice.words());
        let held = match (watched.told().map(|told: &Told| &told.workflow), watched.is_disabled()) {
            (_, Some(true)) => {
                let release = Action::Pipeline(PipelineAction::Act(PipelineVerb::Release));
                let key = self.key(release).unwrap_or_else(|| ":release-pipeline".to_owned());
                Some(format!("it is disabled: nothing begins a run of it; {key} releases it"))
            }
            (Some(Err(why)), _) => Some(format!("whether it is enabled is not known: {why}")),
            (_, Some(false) | None) => None,
        };
        let text: Vec<String> = held.into_iter().chain(back).collect();
        (!text.is_empty()).then(|| (Tone::Warn, safe(&text.join("; "))))
    }

    /// The box that asks which version a run is to bring out.
    pub(super) fn version_box(&self, service: &ServiceId, typed: (String, usize)) -> Ask {
        let configured = self.state.inventory.service(service).and_then(|service| service.pipeline.clone());
        let workflow = configured.as_ref().map_or("", |of| of.workflow.as_str());
        let branch = configured.as_ref().map_or("", |of| of.branch.as_str());
        Ask {
            title: format!("Begin {workflow} for {service}"),
            text: format!("It runs on {branch}. Nothing begins yet: a review of it comes first."),
            wrong: pipeline::wrong_version(&typed.0).unwrap_or_default().to_owned(),
            typed,
            rows: 1,
            optional: true,
            verb: "to the review".into(),
            hint: "the version to bring out; empty: as the workflow has it".into(),
            ..Ask::default()
        }
    }
}

fn no_runs(watched: &Watched) -> String {
    match (watched.told(), watched.wrong()) {
        (Some(_), _) => "it has not run yet".to_owned(),
        (None, Some(_)) => "nothing is known of its runs".to_owned(),
        (None, None) => "it is asked".to_owned(),
    }
}

fn how(status: &str, conclusion: Option<&str>, waits: bool) -> Stands {
    match (status, conclusion) {
        _ if waits => Stands::Waits,
        ("completed", Some("success")) => Stands::Well,
        ("completed", Some("cancelled" | "skipped" | "neutral")) => Stands::Over,
        // What ended in a way that nobody knows did not end well.
        ("completed", Some(_)) => Stands::Badly,
        ("in_progress", _) => Stands::On,
        ("waiting", _) => Stands::Waits,
        _ => Stands::Queued,
    }
}

fn safe(text: &str) -> String {
    sanitise::line_max(text, 600)
}
