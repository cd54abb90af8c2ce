//! The API of GitHub, as far as pipelines need it: runs of a workflow, their jobs and logs, approvals, what acts on them, and what lies
//! between two commits.
//!
//! What reads is tried again where the server is ill for a moment. What acts is sent once: where its answer is lost, what there is
//! now is looked at instead.
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use secrecy::SecretString;
use serde_json::{Value, json};
use sha2::Digest as _;

use super::http::{self, Answer, Call, Client, Fault};
use crate::{
    core::{
        incidents::suspects::difference::Commits,
        runs::{PipelineJob, PipelineRun},
        time::Timestamp,
    },
    parse::{
        compare,
        github::{self, Artifact, Commit, Pending},
    },
};

/// The version of the API that this is written for.
const VERSION: &str = "2022-11-28";
/// Most bytes of a log.
const LOG: usize = 20 << 20;
/// Most bytes of what a run left.
const ARTIFACT: usize = 4 << 30;
/// Most bytes of a comparison.
const COMPARED: usize = 8 << 20;
/// Answers that are kept, and most bytes of one.
const KEPT: usize = 32;
const KEPT_BYTES: usize = 1 << 20;
/// Tries of what reads.
const TRIES: u32 = 3;
/// How long a run that was dispatched is looked for.
const LOCATE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_secs(2);

/// Why GitHub did not do it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No answer. Of what acts nobody knows whether it was heard.
    #[error("GitHub does not answer: {0}")]
    Silent(#[from] Fault),
    /// It says no, and why, in words for a person.
    #[error("GitHub: {0}")]
    Refused(String),
    /// An answer that is none.
    #[error("GitHub: {0}")]
    Unread(String),
    /// It is ill, and may have done it all the same.
    #[error("GitHub answered {0}")]
    Ill(u16),
}

/// Answers with the tags by which a server tells whether they changed since. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Kept(Arc<Mutex<BTreeMap<String, (String, Answer)>>>);

impl Kept {
    fn of(&self, key: &str) -> Option<(String, Answer)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    fn keep(&self, key: String, answer: &Answer) {
        let fits = |tag: &&str| tag.len() <= 200 && tag.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        let tag = answer.header("etag").next().filter(fits).map(str::to_owned);
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.remove(&key);
        if let Some(tag) = tag.filter(|_| answer.body.len() <= KEPT_BYTES) {
            if kept.len() >= KEPT {
                kept.pop_first();
            }
            kept.insert(key, (tag, answer.clone()));
        }
    }
}

/// One repository.
pub struct GitHub {
    client: Client,
    base: String,
    token: SecretString,
    kept: Kept,
}

impl Error {
    /// Says whether what acts was surely not done.
    pub fn is_sure(&self) -> bool {
        match self {
            Self::Refused(_) => true,
            // Where there is no connection nothing was sent.
            Self::Silent(fault) => match fault {
                Fault::Net(_) | Fault::Tls(_) | Fault::Call(_) => true,
                Fault::Protocol(_) | Fault::Body { .. } | Fault::Timeout { .. } | Fault::Redirect(_) => false,
            },
            Self::Unread(_) | Self::Ill(_) => false,
        }
    }
}

impl std::fmt::Debug for GitHub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GitHub").field("base", &self.base).finish_non_exhaustive()
    }
}

/// A run that is to be begun.
#[derive(Clone, Debug)]
pub struct Dispatch<'a> {
    /// The workflow's file.
    pub workflow: &'a str,
    /// A branch or a tag.
    pub branch: &'a str,
    /// What it is given.
    pub inputs: BTreeMap<String, String>,
    /// A text by which it can be found, where the workflow shows one of its inputs in the name of its run.
    pub mark: Option<&'a str>,
    /// Now: what began before was begun by others.
    pub now: Timestamp,
}

impl GitHub {
    /// Makes one; `repo` is `owner/name`, `api` the base of the API.
    pub fn new(client: Client, api: &str, repo: &str, token: SecretString) -> Self {
        Self { client, base: format!("{}/repos/{repo}", api.trim_end_matches('/')), token, kept: Kept::default() }
    }

    /// Has it share answers with others: what did not change since is not sent again, and counts against no limit.
    #[must_use]
    pub fn keeping(mut self, kept: &Kept) -> Self {
        self.kept = kept.clone();
        self
    }

    /// Lists the newest runs of a workflow, up to so many.
    ///
    /// # Errors
    /// When GitHub does not say.
    pub async fn runs(&self, workflow: &str, most: u8) -> Result<Vec<PipelineRun>, Error> {
        let path = format!("/actions/workflows/{workflow}/runs?exclude_pull_requests=true&per_page={most}");
        github::runs(&self.get(&path).await?.body).map_err(Error::Unread)
    }

    /// Returns one run.
    ///
    /// # Errors
    /// When GitHub does not say.
    pub async fn run(&self, id: u64) -> Result<PipelineRun, Error> {
        github::run(&self.get(&format!("/actions/runs/{id}")).await?.body).map_err(Error::Unread)
    }

    /// Lists the jobs of a run's last attempt, up to a hundred.
    ///
    /// # Errors
    /// When GitHub does not say.
    pub async fn jobs(&self, run: u64) -> Result<Vec<PipelineJob>, Error> {
        let path = format!("/actions/runs/{run}/jobs?filter=latest&per_page=100");
        github::jobs(&self.get(&path).await?.body).map_err(Error::Unread)
    }

    /// Lists the environments whose approval a run waits for.
    ///
    /// # Errors
    /// When GitHub does not say.
    pub async fn pending(&self, run: u64) -> Result<Vec<Pending>, Error> {
        github::pending(&self.get(&format!("/actions/runs/{run}/pending_deployments")).await?.body)
            .map_err(Error::Unread)
    }

    /// Returns the log of a job that ended, in lines. The log lies elsewhere: the token does not go there.
    ///
    /// # Errors
    /// When there is none: the job still runs, or it is too long ago.
    pub async fn log(&self, job: u64) -> Result<Vec<String>, Error> {
        let call = self.call("GET", &format!("/actions/jobs/{job}/logs"), None)?;
        let answer = self.client.send(&call).await?;
        if answer.status == 404 {
            return Err(Error::Refused("there is no log yet: the job has not ended".to_owned()));
        }
        if answer.status == 410 {
            return Err(Error::Refused("the log is kept no more".to_owned()));
        }
        let mut call = elsewhere(&call, &answer, "the log")?;
        call.max_body = LOG;
        call.timeout = Duration::from_secs(60);
        let answer = self.client.send(&call).await?;
        if answer.status != 200 {
            return Err(Error::Refused(format!("the log cannot be had: {}", answer.status)));
        }
        Ok(github::log(&answer.body))
    }

    /// Lists what a run left to be brought out, up to a hundred.
    ///
    /// # Errors
    /// When GitHub does not say.
    pub async fn artifacts(&self, run: u64) -> Result<Vec<Artifact>, Error> {
        let path = format!("/actions/runs/{run}/artifacts?per_page=100");
        github::artifacts(&self.get(&path).await?.body).map_err(Error::Unread)
    }

    /// Writes the archive of what a run left into a file, and says how far that is. It lies elsewhere: the token does not go there.
    ///
    /// # Errors
    /// When there is none any more, it is too long, or not all of it came.
    pub async fn fetch(
        &self,
        artifact: u64,
        to: &mut tokio::fs::File,
        tell: &(dyn Fn(u64) + Send + Sync),
    ) -> Result<(), Error> {
        let call = self.call("GET", &format!("/actions/artifacts/{artifact}/zip"), None)?;
        let answer = self.client.send(&call).await?;
        if answer.status == 410 {
            return Err(Error::Refused("it is kept no more".to_owned()));
        }
        let mut call = elsewhere(&call, &answer, "what the run left")?;
        call.max_body = ARTIFACT;
        call.timeout = Duration::from_secs(3_600);
        let answer = self.client.download(&call, to, tell).await?;
        match answer.status {
            200 if answer.cut => Err(Error::Unread(format!("it is longer than {} GiB", ARTIFACT >> 30))),
            200 => Ok(()),
            status => Err(Error::Refused(format!("what the run left cannot be had: {status}"))),
        }
    }

    /// Approves or rejects environments that a run waits for.
    ///
    /// # Errors
    /// When GitHub refuses, or does not answer: then nobody knows.
    pub async fn review(&self, run: u64, environments: &[u64], approve: bool, comment: &str) -> Result<(), Error> {
        let state = if approve { "approved" } else { "rejected" };
        let body = json!({ "environment_ids": environments, "state": state, "comment": comment });
        self.act(&format!("/actions/runs/{run}/pending_deployments"), Some(&body), &[200]).await.map(drop)
    }

    /// Cancels a run.
    ///
    /// # Errors
    /// When GitHub refuses (it ended already), or does not answer.
    pub async fn cancel(&self, run: u64) -> Result<(), Error> {
        self.act(&format!("/actions/runs/{run}/cancel"), None, &[202]).await.map(drop)
    }

    /// Disables a workflow, so that nothing begins a run of it, or enables it again.
    ///
    /// # Errors
    /// When GitHub refuses, or does not answer.
    pub async fn set_enabled(&self, workflow: &str, enabled: bool) -> Result<(), Error> {
        let verb = if enabled { "enable" } else { "disable" };
        let call = self.call("PUT", &format!("/actions/workflows/{workflow}/{verb}"), None)?;
        let answer = self.client.send(&call).await?;
        match answer.status {
            204 => Ok(()),
            status @ 500.. => Err(Error::Ill(status)),
            _ => Err(refused(&call, &answer)),
        }
    }

    /// Returns whether a workflow is enabled, in GitHub's word: `active`, `disabled_manually`.
    ///
    /// # Errors
    /// When GitHub does not say.
    pub async fn workflow(&self, workflow: &str) -> Result<String, Error> {
        github::workflow(&self.get(&format!("/actions/workflows/{workflow}")).await?.body).map_err(Error::Unread)
    }

    /// Lists the newest commits of a branch, up to a hundred: each with its message.
    ///
    /// # Errors
    /// When GitHub does not say.
    pub async fn commits(&self, branch: &str) -> Result<Vec<Commit>, Error> {
        let path = format!("/commits?sha={}&per_page=100", encoded(branch));
        github::commits(&self.get(&path).await?.body).map_err(Error::Unread)
    }

    /// Compares two commits, tags or branches: what the second has that the first has not.
    ///
    /// # Errors
    /// When GitHub does not say, as where it knows one of them not.
    pub async fn compare(&self, before: &str, after: &str) -> Result<Commits, Error> {
        let path = format!("/compare/{}...{}", encoded(before), encoded(after));
        let mut call = self.call("GET", &path, None)?;
        // It says the difference of each file too.
        (call.max_body, call.timeout) = (COMPARED, Duration::from_secs(30));
        compare::github(&self.get_by(call, &path).await?.body).map_err(Error::Unread)
    }

    /// Runs a run once more: all of it, or only the jobs that failed.
    ///
    /// # Errors
    /// When GitHub refuses, or does not answer.
    pub async fn rerun(&self, run: u64, failed_only: bool) -> Result<(), Error> {
        let what = if failed_only { "rerun-failed-jobs" } else { "rerun" };
        self.act(&format!("/actions/runs/{run}/{what}"), None, &[201]).await.map(drop)
    }

    /// Begins a run of a workflow and returns it; none where it was begun, and cannot be told from others.
    ///
    /// # Errors
    /// When GitHub refuses, or does not answer and no such run is there.
    pub async fn dispatch(&self, what: &Dispatch<'_>) -> Result<Option<PipelineRun>, Error> {
        let path = format!("/actions/workflows/{}/dispatches", what.workflow);
        let mut body = json!({ "ref": what.branch, "inputs": what.inputs, "return_run_details": true });
        let mut answer = self.send("POST", &path, Some(&body)).await;
        // Servers that do not know the flag refuse, and began nothing: it is sent once more without.
        let unknown = |answer: &Answer| {
            matches!(answer.status, 400 | 422) && github::message(&answer.body).contains("return_run_details")
        };
        if answer.as_ref().is_ok_and(unknown) {
            if let Some(body) = body.as_object_mut() {
                body.remove("return_run_details");
            }
            answer = self.send("POST", &path, Some(&body)).await;
        }
        match answer {
            Ok(answer) if answer.status == 200 => match github::dispatched(&answer.body) {
                Some(id) => self.run(id).await.map(Some),
                None => self.locate(what).await,
            },
            Ok(answer) if answer.status == 204 => self.locate(what).await,
            // It may have begun, and is never sent again by itself.
            Ok(answer) if answer.status >= 500 => {
                let found = self.locate(what).await?;
                let said =
                    format!("{}; whether it was begun is not known: look before you send it again", answer.status);
                found.map(Some).ok_or(Error::Refused(said))
            }
            Ok(answer) => Err(refused(&self.call("POST", &path, None)?, &answer)),
            Err(Error::Silent(fault)) => self.locate(what).await?.map(Some).ok_or(Error::Silent(fault)),
            Err(error) => Err(error),
        }
    }

    /// Looks for a run that was begun just now: by its mark, else the only one.
    async fn locate(&self, what: &Dispatch<'_>) -> Result<Option<PipelineRun>, Error> {
        let since = Timestamp(what.now.0 - 5_000);
        let path = format!(
            "/actions/workflows/{}/runs?event=workflow_dispatch&branch={}&per_page=10",
            what.workflow,
            encoded(what.branch)
        );
        let mut waited = Duration::ZERO;
        loop {
            let runs = github::runs(&self.get(&path).await?.body).map_err(Error::Unread)?;
            let fresh: Vec<_> = runs.into_iter().filter(|run| run.at.is_some_and(|at| at >= since)).collect();
            match (what.mark, fresh.as_slice()) {
                (Some(mark), runs) => {
                    if let Some(run) = runs.iter().find(|run| run.title.contains(mark)) {
                        return Ok(Some(run.clone()));
                    }
                }
                (None, [only]) => return Ok(Some(only.clone())),
                (None, [_, _, ..]) => return Ok(None),
                (None, []) => {}
            }
            if waited >= LOCATE {
                return Ok(None);
            }
            tokio::time::sleep(PAUSE).await;
            waited += PAUSE;
        }
    }

    fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Call, Error> {
        let plain = |text: &str| http::Value::Plain(text.to_owned());
        let token = SecretString::from(format!("Bearer {}", secrecy::ExposeSecret::expose_secret(&self.token)));
        let mut call = Call::new(method, &format!("{}{path}", self.base))?
            .header("accept", &plain("application/vnd.github+json"))?
            .header("x-github-api-version", &plain(VERSION))?
            .header("authorization", &http::Value::Secret(token))?;
        if !call.keeps_secrets() {
            return Err(Error::Refused("the token would go over the network in the open: use https://".to_owned()));
        }
        if let Some(body) = body {
            call = call.header("content-type", &plain("application/json"))?.body(body.to_string());
        }
        Ok(call)
    }

    async fn send(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Answer, Error> {
        Ok(self.client.send(&self.call(method, path, body)?).await?)
    }

    /// Reads, a few times where the server is ill.
    async fn get(&self, path: &str) -> Result<Answer, Error> {
        self.get_by(self.call("GET", path, None)?, path).await
    }

    async fn get_by(&self, mut call: Call, path: &str) -> Result<Answer, Error> {
        let key = self.key(path);
        let known = self.kept.of(&key);
        if let Some((tag, _)) = &known {
            call = call.header("if-none-match", &http::Value::Plain(tag.clone()))?;
        }
        let mut tries = 0;
        loop {
            tries += 1;
            let answer = self.client.send(&call).await?;
            match answer.status {
                200 if answer.cut => return Err(Error::Unread("its answer is longer than is read".to_owned())),
                200 => {
                    self.kept.keep(key, &answer);
                    return Ok(answer);
                }
                304 => {
                    let same = known.map(|(_, same)| same);
                    return same.ok_or_else(|| Error::Unread("it says that nothing changed since nothing".to_owned()));
                }
                502..=504 if tries < TRIES => tokio::time::sleep(PAUSE / 4).await,
                _ => return Err(refused(&call, &answer)),
            }
        }
    }

    /// What an answer is kept by: another token may see something else.
    fn key(&self, path: &str) -> String {
        let token = sha2::Sha256::digest(secrecy::ExposeSecret::expose_secret(&self.token));
        let token = token.iter().take(8).fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
        format!("{token} {}{path}", self.base)
    }

    /// Acts, once.
    async fn act(&self, path: &str, body: Option<&Value>, good: &[u16]) -> Result<Answer, Error> {
        let call = self.call("POST", path, body)?;
        let answer = self.client.send(&call).await?;
        match answer.status {
            status if good.contains(&status) => Ok(answer),
            status @ 500.. => Err(Error::Ill(status)),
            _ => Err(refused(&call, &answer)),
        }
    }
}

/// Makes the call for what lies elsewhere, without the token.
fn elsewhere(call: &Call, answer: &Answer, what: &str) -> Result<Call, Error> {
    let to = answer.header("location").next().filter(|_| answer.status == 302);
    let Some(to) = to else { return Err(refused(call, answer)) };
    let call = Call::new("GET", to)?;
    if !call.keeps_secrets() {
        return Err(Error::Refused(format!("{what} lies where the way is not encrypted")));
    }
    Ok(call)
}

/// Says why it refuses, in words for a person. A server may send back what it was sent: the token is not repeated.
fn refused(call: &Call, answer: &Answer) -> Error {
    let veiled = call.veiled(answer).unwrap_or_else(|| answer.clone());
    let said = github::message(&veiled.body);
    let header = |name: &'static str| veiled.header(name).next().map(crate::parse::sanitise::name);
    let number = |name: &'static str| header(name).and_then(|value| value.parse::<i64>().ok());
    let limited = matches!(answer.status, 403 | 429)
        && (number("retry-after").is_some()
            || number("x-ratelimit-remaining") == Some(0)
            || said.contains("rate limit"));
    if limited {
        let until = match (number("retry-after"), number("x-ratelimit-reset").and_then(|at| at.checked_mul(1_000))) {
            (Some(seconds), _) => format!("ask again in {seconds} s"),
            (None, Some(at)) => format!("ask again at {}", Timestamp(at).rfc3339()),
            (None, None) => "ask again in a minute".to_owned(),
        };
        return Error::Refused(format!("too much was asked: {until}"));
    }
    let because = if said.is_empty() { String::new() } else { format!(": {said}") };
    Error::Refused(match answer.status {
        401 => format!("the token is not valid{because}"),
        403 => match (header("x-github-sso"), header("x-accepted-github-permissions")) {
            (Some(sso), _) => format!("the token must be authorised for the organisation: {sso}"),
            (None, Some(needs)) => format!("the token may not{because} (it needs {needs})"),
            (None, None) => format!("the token may not{because}"),
        },
        404 => "there is no such thing, or the token has no permission for it".to_owned(),
        409 => format!("it is too late for that{because}"),
        status => format!("{status}{because}"),
    })
}

/// Encodes a branch for a query.
fn encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            for half in [byte >> 4, byte & 15] {
                encoded.extend(char::from_digit(u32::from(half), 16).map(|digit| digit.to_ascii_uppercase()));
            }
        }
    }
    encoded
}
