//! The pipeline that brings a service out: its runs, and what is done to it through the same gate as any other change.
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::policy::Role;
use crate::core::time::Timestamp;

/// One run of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PipelineRun {
    /// Its id.
    pub id: u64,
    /// Its number, as people know it.
    pub number: u64,
    /// The workflow's name.
    pub workflow: String,
    /// What it is about.
    pub title: String,
    /// Its branch.
    pub branch: String,
    /// Its commit.
    pub sha: String,
    /// `queued`, `in_progress`, `waiting`, `completed`, or what is new.
    pub status: String,
    /// How it ended.
    pub conclusion: Option<String>,
    /// What began it: `push`, `workflow_dispatch`.
    pub event: String,
    /// Who began it.
    pub by: String,
    /// Its page.
    pub url: String,
    /// When it began.
    pub at: Option<Timestamp>,
    /// When something about it changed last: of one that is over, when it ended.
    pub updated: Option<Timestamp>,
    /// Environments whose approval it waits for.
    pub waits_for: Vec<String>,
}

impl PipelineRun {
    /// Says whether it ended. What nobody knows the meaning of has not.
    pub fn is_over(&self) -> bool {
        self.status == "completed"
    }

    /// Says how it stands: `waiting for approval of production`, `success`.
    pub fn stands(&self) -> String {
        if !self.waits_for.is_empty() {
            return format!("waiting for approval of {}", self.waits_for.join(", "));
        }
        stands(&self.status, self.conclusion.as_deref())
    }

    /// Says which it is: `run 812 of main by ann`.
    pub fn words(&self) -> String {
        let by = if self.by.is_empty() { String::new() } else { format!(" by {}", self.by) };
        format!("run {} of {}{by}", self.number, if self.branch.is_empty() { "?" } else { &self.branch })
    }
}

/// A job of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PipelineJob {
    /// Its id.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// `queued`, `in_progress`, `completed` …
    pub status: String,
    /// How it ended: `success`, `failure` …
    pub conclusion: Option<String>,
    /// When it began.
    pub began: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// Its steps.
    pub steps: Vec<PipelineStep>,
}

/// A step of a job.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PipelineStep {
    /// Its name.
    pub name: String,
    /// `queued`, `in_progress`, `completed` …
    pub status: String,
    /// How it ended.
    pub conclusion: Option<String>,
}

impl PipelineJob {
    /// Says whether it ended.
    pub fn is_over(&self) -> bool {
        self.status == "completed"
    }

    /// Says whether it ended, and not well.
    pub fn is_bad(&self) -> bool {
        self.is_over() && !matches!(self.conclusion.as_deref(), Some("success" | "skipped" | "neutral") | None)
    }

    /// Says how it stands: `in progress (composer install)`, `failure`.
    pub fn stands(&self) -> String {
        let step = self.steps.iter().find(|step| step.status == "in_progress");
        let step = step.map(|step| format!(" ({})", step.name)).unwrap_or_default();
        format!("{}{step}", stands(&self.status, self.conclusion.as_deref()))
    }
}

/// What a run of a pipeline left to be brought out, as a person names it: `run:812`, `run:812/play`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArtifactName {
    /// The run's number or id.
    pub run: u64,
    /// What it is called; none: the only one.
    pub name: Option<String>,
}

impl ArtifactName {
    /// What such a name begins with. A folder that is called so is `./run:812`.
    pub const BEGIN: &str = "run:";

    /// Reads one; none where it is something else.
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.trim().strip_prefix(Self::BEGIN)?;
        let (run, name) = rest.split_once('/').map_or((rest, None), |(run, name)| (run, Some(name)));
        let name = name.filter(|name| !name.is_empty()).map(str::to_owned);
        Some(Self { run: run.parse().ok()?, name })
    }
}

/// How something stands, by the two words that a server has for it.
fn stands(status: &str, conclusion: Option<&str>) -> String {
    conclusion.filter(|_| status == "completed").map_or_else(|| status.replace('_', " "), |how| how.replace('_', " "))
}

/// What can be done to a pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PipelineVerb {
    /// A run is begun.
    Dispatch,
    /// What a run waits for is approved.
    Approve,
    /// What a run waits for is rejected.
    Reject,
    /// A run is cancelled.
    Cancel,
    /// A run is run again.
    Rerun,
    /// Its jobs that failed are run again.
    RerunFailed,
    /// It is disabled, and what runs or waits is stopped.
    Hold,
    /// It is enabled again.
    Release,
}

impl PipelineVerb {
    /// Returns its name, as the audit has it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Dispatch => "dispatch",
            Self::Approve => "approve",
            Self::Reject => "reject",
            Self::Cancel => "cancel",
            Self::Rerun => "rerun",
            Self::RerunFailed => "rerun-failed",
            Self::Hold => "hold",
            Self::Release => "release",
        }
    }

    /// Returns who may do it: to stop a pipeline is part of going back.
    pub const fn needs(self) -> Role {
        match self {
            Self::Reject | Self::Cancel | Self::Hold => Role::Responder,
            Self::Dispatch | Self::Approve | Self::Rerun | Self::RerunFailed | Self::Release => Role::Deployer,
        }
    }

    /// Says whether it is done to one run, which has to be named.
    pub const fn is_of_a_run(self) -> bool {
        match self {
            Self::Approve | Self::Reject | Self::Cancel | Self::Rerun | Self::RerunFailed => true,
            Self::Dispatch | Self::Hold | Self::Release => false,
        }
    }
}

/// What a person asks of a pipeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PipelineOrder {
    /// What.
    pub verb: PipelineVerb,
    /// The run, by its number or its id.
    pub run: Option<u64>,
    /// The version that a run which is begun is to bring out.
    pub version: Option<String>,
}

/// One thing that is done to a pipeline. Part of what is confirmed: a run that stands otherwise by then is another deed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Deed {
    /// Something to a run.
    Run {
        /// Its id.
        id: u64,
        /// Which it is: `run 812 of main by ann`.
        name: String,
        /// Its commit.
        sha: String,
        /// How it stood when that was read.
        stands: String,
        /// What is done.
        verb: PipelineVerb,
    },
    /// The workflow is enabled, or disabled.
    Enable {
        /// Its file.
        workflow: String,
        /// Whether it is enabled.
        on: bool,
    },
    /// A run is begun.
    Begin {
        /// The workflow's file.
        workflow: String,
        /// A branch or a tag.
        branch: String,
        /// What it is given.
        inputs: BTreeMap<String, String>,
    },
}

impl Deed {
    /// Makes one that is done to a run.
    pub fn of_run(run: &PipelineRun, verb: PipelineVerb) -> Self {
        Self::Run { id: run.id, name: run.words(), sha: run.sha.clone(), stands: run.stands(), verb }
    }

    /// Says it in full: `approve run 812 of main by ann 5f3c… (waiting for approval of production)`.
    pub fn words(&self) -> String {
        match self {
            Self::Run { name, sha, stands, verb, .. } => {
                let (word, failed) = match verb {
                    PipelineVerb::RerunFailed => (PipelineVerb::Rerun.word(), ", its failed jobs only"),
                    PipelineVerb::Dispatch
                    | PipelineVerb::Approve
                    | PipelineVerb::Reject
                    | PipelineVerb::Cancel
                    | PipelineVerb::Rerun
                    | PipelineVerb::Hold
                    | PipelineVerb::Release => (verb.word(), ""),
                };
                format!("{word} {name} {sha} ({stands}){failed}")
            }
            Self::Enable { workflow, on } => format!("{} {workflow}", if *on { "enable" } else { "disable" }),
            Self::Begin { workflow, branch, inputs } => {
                let given: Vec<String> = inputs.iter().map(|(name, value)| format!("{name}={value}")).collect();
                let given = if given.is_empty() { String::new() } else { format!(" with {}", given.join(", ")) };
                format!("begin {workflow} of {branch}{given}")
            }
        }
    }

    /// Says it as the audit has it: where, what exactly, why, and by which plan.
    pub fn audited(&self, repo: &str, reason: &str, plan: &str) -> String {
        format!("{repo}: {}: {reason}: plan {plan}", self.words())
    }

    /// Says what it is done to.
    pub fn about(&self) -> &str {
        match self {
            Self::Run { name, .. } => name,
            Self::Enable { workflow, .. } | Self::Begin { workflow, .. } => workflow,
        }
    }

    /// Returns what the audit calls it.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Run { verb, .. } => verb.word(),
            Self::Enable { on: true, .. } => "enable",
            Self::Enable { on: false, .. } => "disable",
            Self::Begin { .. } => PipelineVerb::Dispatch.word(),
        }
    }

    /// Returns who may do it.
    pub const fn needs(&self) -> Role {
        match self {
            Self::Run { verb, .. } => verb.needs(),
            Self::Enable { on: true, .. } => PipelineVerb::Release.needs(),
            Self::Enable { on: false, .. } => PipelineVerb::Hold.needs(),
            Self::Begin { .. } => PipelineVerb::Dispatch.needs(),
        }
    }
}

/// What became of a deed. What is not answered is neither done nor refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Acted {
    /// It was done.
    Done(String),
    /// It was not done, and why.
    Refused(String),
    /// Nobody knows, and how to find out.
    Unknown(String),
}

impl Acted {
    /// Returns what is said of it.
    pub fn words(&self) -> &str {
        match self {
            Self::Done(text) | Self::Refused(text) | Self::Unknown(text) => text,
        }
    }

    /// Returns what the audit calls it.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Done(_) => "pipeline.done",
            Self::Refused(_) => "pipeline.failed",
            Self::Unknown(_) => "pipeline.unknown",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_a_job_stands_names_the_step_that_runs() {
        let step =
            |name: &str, status: &str| PipelineStep { name: name.into(), status: status.into(), conclusion: None };
        let mut job = PipelineJob {
            status: "in_progress".into(),
            steps: vec![step("checkout", "completed"), step("composer install", "in_progress")],
            ..PipelineJob::default()
        };
        assert_eq!((job.stands().as_str(), job.is_bad()), ("in progress (composer install)", false));
        job.steps.clear();
        (job.status, job.conclusion) = ("completed".into(), Some("timed_out".into()));
        assert_eq!((job.stands().as_str(), job.is_bad()), ("timed out", true));
        job.conclusion = Some("skipped".into());
        assert!(!job.is_bad());
    }

    #[test]
    fn a_run_that_stands_otherwise_is_another_deed() {
        let mut run =
            PipelineRun { number: 7, branch: "main".into(), status: "waiting".into(), ..PipelineRun::default() };
        let before = Deed::of_run(&run, PipelineVerb::Approve);
        run.waits_for.push("production".into());
        assert_ne!(before, Deed::of_run(&run, PipelineVerb::Approve));
        assert!(Deed::of_run(&run, PipelineVerb::RerunFailed).words().starts_with("rerun run 7 of main"));
    }
}
