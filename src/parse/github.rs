//! What the API of GitHub says of the runs of a workflow.
use serde::Deserialize;

use super::sanitise;
use crate::core::{
    runs::{PipelineJob, PipelineRun, PipelineStep},
    time::Timestamp,
};

/// Most jobs of a run, and most steps of one, that are read.
const JOBS: usize = 100;
const STEPS: usize = 200;

/// A list of runs.
#[derive(Debug, Deserialize)]
struct Runs {
    workflow_runs: Vec<Run>,
}

/// A run, as far as it is read: everything but its id may be missing.
#[derive(Debug, Default, Deserialize)]
struct Run {
    id: u64,
    #[serde(rename = "run_number")]
    number: Option<u64>,
    name: Option<String>,
    display_title: Option<String>,
    head_branch: Option<String>,
    head_sha: Option<String>,
    status: Option<String>,
    conclusion: Option<String>,
    event: Option<String>,
    html_url: Option<String>,
    created_at: Option<String>,
    #[serde(rename = "run_started_at")]
    started_at: Option<String>,
    updated_at: Option<String>,
    actor: Option<Actor>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Actor {
    login: Option<String>,
}

/// A commit of a branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// Which.
    pub sha: String,
    /// Its message, in lines.
    pub message: Vec<String>,
}

impl Commit {
    /// Says whether it takes back another, by the words of `git revert`.
    pub fn reverts(&self, other: &str) -> bool {
        let named = self.message.iter().filter_map(|line| line.trim().strip_prefix("This reverts commit "));
        let mut named = named.map(|rest| rest.trim_end_matches('.').split([',', ' ']).next().unwrap_or_default());
        named.any(|sha| sha.len() >= 7 && other.starts_with(sha))
    }
}

/// Reads the commits of a branch.
///
/// # Errors
/// That it is no such list.
pub fn commits(body: &[u8]) -> Result<Vec<Commit>, String> {
    #[derive(Deserialize)]
    struct One {
        sha: String,
        commit: Inner,
    }
    #[derive(Deserialize)]
    struct Inner {
        message: Option<String>,
    }
    let all: Vec<One> =
        serde_json::from_slice(body).map_err(|error| format!("its list of commits cannot be read: {error}"))?;
    let commit = |one: One| Commit {
        sha: sanitise::name(one.sha),
        message: sanitise::lines(one.commit.message.unwrap_or_default(), 200, 300),
    };
    Ok(all.into_iter().take(100).map(commit).collect())
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Job {
    id: u64,
    name: String,
    status: String,
    conclusion: Option<String>,
    started_at: Option<String>,
    completed_at: Option<String>,
    steps: Vec<Step>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Step {
    name: String,
    status: String,
    conclusion: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Jobs {
    jobs: Vec<Job>,
}

/// What a run left to be brought out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    /// Its id.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// Its length, as it is stored.
    pub bytes: u64,
    /// Whether it is kept no more.
    pub expired: bool,
    /// SHA-256 of the archive that is handed out, where the server says it.
    pub sha256: Option<String>,
    /// When it was made.
    pub made: Option<Timestamp>,
}

/// An environment that a run waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// The environment's id.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// Whether who asks may approve or reject it.
    pub may_approve: bool,
}

#[derive(Debug, Deserialize)]
struct Waiting {
    environment: Environment,
    #[serde(default)]
    current_user_can_approve: bool,
}

#[derive(Debug, Deserialize)]
struct Environment {
    id: u64,
    name: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Message {
    message: Option<String>,
    errors: serde_json::Value,
}

#[derive(Debug, Deserialize)]
struct Dispatched {
    workflow_run_id: u64,
}

fn text(text: Option<String>) -> String {
    sanitise::line_max(text.unwrap_or_default(), 200)
}

impl Run {
    fn read(self) -> PipelineRun {
        PipelineRun {
            id: self.id,
            number: self.number.unwrap_or(0),
            workflow: text(self.name),
            title: text(self.display_title),
            branch: text(self.head_branch),
            sha: text(self.head_sha),
            status: text(self.status),
            conclusion: self.conclusion.map(|conclusion| text(Some(conclusion))),
            event: text(self.event),
            by: text(self.actor.and_then(|actor| actor.login)),
            url: text(self.html_url),
            // Of a run that is run once more, the last time counts.
            at: self.started_at.or(self.created_at).as_deref().and_then(time),
            updated: self.updated_at.as_deref().and_then(time),
            waits_for: Vec::new(),
        }
    }
}

fn time(text: &str) -> Option<Timestamp> {
    let at = chrono::DateTime::parse_from_rfc3339(text).ok()?;
    Some(Timestamp(at.timestamp_millis()))
}

fn json<T: for<'a> Deserialize<'a>>(body: &[u8]) -> Result<T, String> {
    serde_json::from_slice(body).map_err(|error| format!("its answer cannot be read: {error}"))
}

/// Reads a list of runs, the newest first.
///
/// # Errors
/// When it is no such list.
pub fn runs(body: &[u8]) -> Result<Vec<PipelineRun>, String> {
    Ok(json::<Runs>(body)?.workflow_runs.into_iter().map(Run::read).collect())
}

/// Reads one run.
///
/// # Errors
/// When it is none.
pub fn run(body: &[u8]) -> Result<PipelineRun, String> {
    json::<Run>(body).map(Run::read)
}

/// Reads the jobs of a run; their texts are sanitised.
///
/// # Errors
/// When they are none.
pub fn jobs(body: &[u8]) -> Result<Vec<PipelineJob>, String> {
    let clean = |dirty: String| text(Some(dirty));
    let step = |step: Step| PipelineStep {
        name: clean(step.name),
        status: clean(step.status),
        conclusion: step.conclusion.map(clean),
    };
    let job = |job: Job| PipelineJob {
        id: job.id,
        name: clean(job.name),
        status: clean(job.status),
        conclusion: job.conclusion.map(clean),
        began: job.started_at.as_deref().and_then(time),
        ended: job.completed_at.as_deref().and_then(time),
        steps: job.steps.into_iter().take(STEPS).map(step).collect(),
    };
    Ok(json::<Jobs>(body)?.jobs.into_iter().take(JOBS).map(job).collect())
}

/// Reads whether a workflow is enabled, in the server's word.
///
/// # Errors
/// When it does not say.
pub fn workflow(body: &[u8]) -> Result<String, String> {
    #[derive(Deserialize)]
    struct Workflow {
        state: String,
    }
    json::<Workflow>(body).map(|workflow| sanitise::name(workflow.state))
}

/// Reads what a run left to be brought out.
///
/// # Errors
/// When it is no such list.
pub fn artifacts(body: &[u8]) -> Result<Vec<Artifact>, String> {
    #[derive(Deserialize)]
    struct List {
        artifacts: Vec<One>,
    }
    #[derive(Deserialize)]
    struct One {
        id: u64,
        name: Option<String>,
        size_in_bytes: Option<u64>,
        #[serde(default)]
        expired: bool,
        digest: Option<String>,
        created_at: Option<String>,
    }
    let hex = |digest: String| {
        let hex = digest.strip_prefix("sha256:")?.to_ascii_lowercase();
        (hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(hex)
    };
    let artifact = |one: One| Artifact {
        id: one.id,
        name: text(one.name),
        bytes: one.size_in_bytes.unwrap_or(0),
        expired: one.expired,
        sha256: one.digest.and_then(hex),
        made: one.created_at.as_deref().and_then(time),
    };
    Ok(json::<List>(body)?.artifacts.into_iter().take(100).map(artifact).collect())
}

/// Reads what a run waits for.
///
/// # Errors
/// When it is no such list.
pub fn pending(body: &[u8]) -> Result<Vec<Pending>, String> {
    let waiting = json::<Vec<Waiting>>(body)?;
    let pending = |one: Waiting| Pending {
        id: one.environment.id,
        name: text(Some(one.environment.name)),
        may_approve: one.current_user_can_approve,
    };
    Ok(waiting.into_iter().map(pending).collect())
}

/// Reads the id of the run that a dispatch began; none where it is not said.
pub fn dispatched(body: &[u8]) -> Option<u64> {
    json::<Dispatched>(body).ok().map(|dispatched| dispatched.workflow_run_id)
}

/// Returns what an answer says is wrong.
pub fn message(body: &[u8]) -> String {
    let read = json::<Message>(body).unwrap_or_default();
    let errors = if read.errors.is_null() { String::new() } else { format!(" {}", read.errors) };
    text(read.message.map(|message| format!("{message}{errors}")))
}

/// Returns the lines of a job's log without what only its page shows: the mark at its beginning, the times, the control characters.
pub fn log(bytes: &[u8]) -> Vec<String> {
    let text = sanitise::text(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes));
    let line = |line: &str| {
        let bare = line
            .split_once(' ')
            .filter(|(at, _)| at.ends_with('Z') && at.len() > 19 && at.as_bytes().get(10) == Some(&b'T'));
        bare.map_or(line, |(_, rest)| rest).to_owned()
    };
    text.lines().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_read_whatever_is_missing() {
        let body = br#"{"total_count":2,"workflow_runs":[
            {"id":7,"run_number":812,"display_title":"Deploy v2\u001b[31m","head_branch":"main","status":"waiting","conclusion":null,"actor":{"login":"ann"},"created_at":"2026-11-20T19:31:00Z"},
            {"id":8,"status":"brand_new","actor":null}]}"#;
        let read = runs(body).unwrap();
        assert_eq!((read[0].number, read[0].by.as_str(), read[0].is_over()), (812, "ann", false));
        assert!(!read[0].title.contains('\u{1b}') && read[0].at.is_some());
        assert!(!read[1].is_over(), "what is new is not over");
        for hostile in [&b"["[..], b"7", b"{\"workflow_runs\":7}", b"[]", b"{}", b"{\"workflow_runs\":[{}]}"] {
            assert!(runs(hostile).is_err(), "{}", String::from_utf8_lossy(hostile));
        }
    }

    #[test]
    fn what_it_waits_for_is_read() {
        let body = br#"[{"environment":{"id":9,"name":"production"},"wait_timer":0,"current_user_can_approve":true,"reviewers":[]}]"#;
        assert_eq!(pending(body).unwrap(), [Pending { id: 9, name: "production".into(), may_approve: true }]);
    }

    #[test]
    fn a_log_is_read_without_its_times() {
        let lines = log(b"\xef\xbb\xbf2026-11-20T19:31:05.1234567Z ##[error]no\n2026-11-20T19:31:06.1Z \x1b[31mred\x1b[0m\nplain line\n");
        assert_eq!(lines, ["##[error]no", "red", "plain line"]);
        assert_eq!(message(br#"{"message":"Unexpected inputs","errors":["x"]}"#), "Unexpected inputs [\"x\"]");
    }
}
