//! The pipeline that brings a service out, as far as a change must know of it.
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
        self.conclusion.clone().filter(|_| self.is_over()).unwrap_or_else(|| self.status.replace('_', " "))
    }

    /// Says which it is: `run 812 of main by ann`.
    pub fn words(&self) -> String {
        let by = if self.by.is_empty() { String::new() } else { format!(" by {}", self.by) };
        format!("run {} of {}{by}", self.number, if self.branch.is_empty() { "?" } else { &self.branch })
    }
}
