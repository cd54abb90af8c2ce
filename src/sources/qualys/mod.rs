//! Qualys: what it found on which host, page by page, and what its library calls that. It only reads.
//!
//! Calls are counted for everybody who uses the account, and a login that is refused too often is locked: what it will not have is
//! never tried again here. How long it wants to be left alone is told, and waited for by nobody: who asked comes back later.
use std::{collections::BTreeSet, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use secrecy::{ExposeSecret as _, SecretString};

use crate::{
    config::{Env, secret},
    core::{
        findings::{End, MOST, Order, Scanner, Told},
        time::{HOUR, Timestamp},
    },
    parse::{
        qualys::{self, Refusal, Said},
        sanitise,
    },
    remote::http::{Answer, Call, Client, Value},
};

/// What is asked for a list of detections in this version, where the one that is configured is not known there.
const OLDEST: &str = "2.0";
/// Hosts of a page.
const HOSTS: &str = "200";
/// Most bytes of a page; results of tests are not asked for.
const PAGE: usize = 64 << 20;
/// Pages of one pull.
const PAGES: usize = 400;
/// Vulnerabilities that the library is asked for at once, and how often in one pull.
const BATCH: usize = 100;
const BATCHES: usize = 20;
/// Tries where the server is ill for a moment.
const TRIES: u32 = 3;
/// How long a command for the password may take.
const SECRET: Duration = Duration::from_secs(10);
/// Milliseconds after which it is asked again where calls of others have to end before.
const BUSY_MS: i64 = 45_000;
/// The most that it may ask to be left alone.
const LONGEST_S: i64 = 7 * 86_400;

/// What is worked with.
#[derive(Clone, Debug)]
pub struct Means {
    /// Sends.
    pub http: Client,
    /// Where the password is looked up.
    pub env: Env,
    /// How long a page is waited for.
    pub patience: Duration,
    /// Between two tries where the server is ill.
    pub pause: Duration,
}

/// How long a page is waited for.
pub const PATIENCE: Duration = Duration::from_secs(300);
/// Between two tries where the server is ill.
pub const PAUSE: Duration = Duration::from_millis(500);

/// The way to it.
struct Desk<'a> {
    means: &'a Means,
    scanner: &'a Scanner,
    password: SecretString,
    remaining: Option<u64>,
}

/// Asks for all that is wanted, once.
pub async fn pull(order: &Order, means: &Means) -> Told {
    let mut told = Told {
        findings: Vec::new(),
        vulns: std::collections::BTreeMap::new(),
        server: None,
        remaining: None,
        notes: Vec::new(),
        end: End::Whole,
    };
    let scanner = &order.scanner;
    let mut desk = match secret::resolve(&scanner.password, &means.env, SECRET).await {
        Ok(password) => Desk { means, scanner, password, remaining: None },
        Err(error) => {
            told.end = failed(format!("its password: {error}"));
            return told;
        }
    };
    if let Err(end) = desk.detections(order, &mut told).await {
        told.end = end;
    }
    // Whatever came of the list, it is asked what it calls that; but not where it wants to be left alone.
    if told.end == End::Whole
        && let Err(end) = desk.library(order, &mut told).await
    {
        match end {
            End::Denied { .. } => told.end = end,
            End::Later { why, .. } | End::Failed { why } => told.notes.push(format!("titles are missing: {why}")),
            End::Whole => {}
        }
    }
    told.remaining = desk.remaining;
    told.end = desk.without_password(told.end);
    for note in &mut told.notes {
        *note = desk.veiled(std::mem::take(note));
    }
    told
}

/// Asks once for as little as there can be: says whether it would work.
///
/// # Errors
/// Why it would not.
pub async fn probe(scanner: &Scanner, means: &Means) -> Result<String, String> {
    let password = secret::resolve(&scanner.password, &means.env, SECRET).await;
    let password = password.map_err(|error| format!("its password: {error}"))?;
    let mut desk = Desk { means, scanner, password, remaining: None };
    let answer = desk.first_of(&scanner.version, None, "1").await;
    let page = answer.and_then(|(answer, _)| answer.read(qualys::detections));
    match page.map_err(|end| desk.without_password(end)) {
        Ok(_) | Err(End::Whole) => {}
        Err(End::Later { why, .. } | End::Denied { why } | End::Failed { why }) => return Err(why),
    }
    let left = desk.remaining.map(|left| format!(", {left} calls left in its window"));
    Ok(format!("it answers{}", left.unwrap_or_default()))
}

fn failed(why: impl AsRef<str>) -> End {
    End::Failed { why: sanitise::line_max(why.as_ref(), 240) }
}

/// An answer that was not refused by its status.
struct Heard(Answer);

impl Heard {
    /// Reads it: with a status of success a refusal may come all the same.
    fn read<T>(&self, how: impl Fn(&[u8]) -> Result<Said<T>, String>) -> Result<T, End> {
        match how(&self.0.body).map_err(failed)? {
            Said::Answer(answer) => Ok(answer),
            Said::Refused(refusal) => Err(refused(&self.0, &refusal)),
        }
    }
}

impl Desk<'_> {
    async fn detections(&mut self, order: &Order, told: &mut Told) -> Result<(), End> {
        let version = self.scanner.version.as_str();
        let (mut answer, by) = self.first_of(version, order.since, HOSTS).await?;
        if by != version {
            told.notes.push(format!("version {version} of its API is not there: asked by {by}"));
        }
        let first = self.call(&self.list(by))?;
        let mut seen = BTreeSet::new();
        loop {
            let page = answer.read(qualys::detections)?;
            told.server = told.server.or(page.at);
            if page.unread > 0 {
                let what = format!("{} detections name no vulnerability or no host, and are left out", page.unread);
                told.notes.push(what);
            }
            told.findings.extend(page.findings);
            let Some(next) = page.next else { return Ok(()) };
            if told.findings.len() >= MOST || seen.len() >= PAGES {
                return Err(failed(format!(
                    "it has more than {MOST} findings or {PAGES} pages: ask for less by `tags`"
                )));
            }
            let call = self.call(&next)?;
            if !call.goes_where(&first) {
                return Err(failed("its next page lies at another server: it is not asked for there"));
            }
            if !seen.insert(next) {
                return Err(failed("its pages lead in a circle"));
            }
            answer = self.ask(call).await?;
        }
    }

    fn list(&self, version: &str) -> String {
        format!("{}/api/{version}/fo/asset/host/vm/detection/", self.scanner.base_url.trim_end_matches('/'))
    }

    /// Asks for the first page by a version, where that is not known there by the oldest; returns by which.
    async fn first_of<'v>(
        &mut self,
        version: &'v str,
        since: Option<Timestamp>,
        hosts: &str,
    ) -> Result<(Heard, &'v str), End> {
        match self.first(version, since, hosts).await {
            Err(End::Failed { why }) if why.starts_with("404") && version != OLDEST => {
                self.first(OLDEST, since, hosts).await.map(|answer| (answer, OLDEST))
            }
            other => other.map(|answer| (answer, version)),
        }
    }

    async fn first(&mut self, version: &str, since: Option<Timestamp>, hosts: &str) -> Result<Heard, End> {
        let scanner = self.scanner;
        let severities: Vec<String> = scanner.severities.iter().map(ToString::to_string).collect();
        // Only what changed is told with what was fixed since: else nobody would hear of that.
        let status = if since.is_some() { "New,Active,Re-Opened,Fixed" } else { "New,Active,Re-Opened" };
        let mut call = self.call(&self.list(version))?;
        for (name, value) in [
            ("action", "list"),
            ("output_format", "XML"),
            ("show_results", "0"),
            ("show_qds", "1"),
            ("truncation_limit", hosts),
            ("severities", &severities.join(",")),
            ("status", status),
        ] {
            call = call.query(name, value);
        }
        if let Some(since) = since {
            call = call.query("detection_updated_since", &whole_seconds(since));
        }
        if !scanner.tags.is_empty() {
            let tags = scanner.tags.join(",");
            call = call.query("use_tags", "1").query("tag_set_by", "name").query("tag_set_include", &tags);
        }
        self.ask(call).await
    }

    /// Asks what those are called that are not known yet.
    async fn library(&mut self, order: &Order, told: &mut Told) -> Result<(), End> {
        let wanted: BTreeSet<u64> =
            told.findings.iter().map(|of| of.qid).filter(|qid| !order.known.contains(qid)).collect();
        let wanted: Vec<String> = wanted.iter().map(ToString::to_string).collect();
        for batch in wanted.chunks(BATCH).take(BATCHES) {
            let url = format!("{}/api/2.0/fo/knowledge_base/vuln/", self.scanner.base_url.trim_end_matches('/'));
            let call = self.call(&url)?.query("action", "list").query("ids", &batch.join(",")).query("details", "All");
            let answer = self.ask(call).await?;
            told.vulns.extend(answer.read(|body| qualys::knowledge(body, order.at))?);
        }
        let left = wanted.len().saturating_sub(BATCH * BATCHES);
        if left > 0 {
            told.notes.push(format!("{left} titles are asked for with the next pull"));
        }
        Ok(())
    }

    fn call(&self, url: &str) -> Result<Call, End> {
        let wrong = |fault: crate::remote::http::Fault| failed(format!("it cannot be asked: {fault}"));
        let pair = format!("{}:{}", self.scanner.user, self.password.expose_secret().trim());
        let login = SecretString::from(format!("Basic {}", STANDARD.encode(pair)));
        let mut call = Call::new("GET", url).map_err(wrong)?;
        if !call.keeps_secrets() {
            return Err(failed("the password would go over the network in the open: use https://"));
        }
        call = call.header("authorization", &Value::Secret(login)).map_err(wrong)?;
        call = call.header("x-requested-with", &Value::Plain("quarterdeck".to_owned())).map_err(wrong)?;
        call.max_body = PAGE;
        call.timeout = self.means.patience;
        Ok(call)
    }

    /// Sends a call, a few times where the server is ill for a moment: it only reads.
    async fn ask(&mut self, call: Call) -> Result<Heard, End> {
        let mut tries = 0;
        loop {
            tries += 1;
            let answer = match self.means.http.send(&call).await {
                Ok(answer) => call.veiled(&answer).unwrap_or(answer),
                Err(fault) => return Err(failed(format!("no answer: {fault}"))),
            };
            if let Some(left) = number(&answer, "x-ratelimit-remaining") {
                self.remaining = u64::try_from(left).ok();
            }
            if answer.cut {
                return Err(failed(format!("a page is larger than {} MiB: ask for less by `tags`", PAGE >> 20)));
            }
            match answer.status {
                200..=299 => return Ok(Heard(answer)),
                500 | 502..=504 if tries < TRIES && qualys::refusal(&answer.body).is_none() => {
                    tokio::time::sleep(self.means.pause).await;
                }
                _ => {
                    let refusal = qualys::refusal(&answer.body).unwrap_or_default();
                    return Err(refused(&answer, &refusal));
                }
            }
        }
    }

    /// A server may say back what it was sent, in its own words.
    fn without_password(&self, end: End) -> End {
        match end {
            End::Whole => End::Whole,
            End::Later { wait_ms, why } => End::Later { wait_ms, why: self.veiled(why) },
            End::Denied { why } => End::Denied { why: self.veiled(why) },
            End::Failed { why } => End::Failed { why: self.veiled(why) },
        }
    }

    fn veiled(&self, text: String) -> String {
        match self.password.expose_secret().trim() {
            "" => text,
            password => text.replace(password, "•••"),
        }
    }
}

fn number(answer: &Answer, name: &'static str) -> Option<i64> {
    answer.header(name).next()?.trim().parse().ok()
}

/// By its own clock, in whole seconds, as it writes them.
fn whole_seconds(at: Timestamp) -> String {
    let whole = at.to_utc().map(|at| at.format("%Y-%m-%dT%H:%M:%SZ").to_string());
    whole.unwrap_or_else(|| at.rfc3339())
}

/// Says what it means that it does not answer.
fn refused(answer: &Answer, refusal: &Refusal) -> End {
    let status = answer.status;
    let said = if refusal.text.is_empty() { String::new() } else { format!(": {}", refusal.text) };
    let code = refusal.code;
    if status == 401 || code == Some(2_000) {
        return End::Denied { why: format!("the login is refused{said}") };
    }
    let asked = [number(answer, "x-ratelimit-towait-sec"), refusal.wait_s, number(answer, "retry-after")];
    let left_alone = asked.into_iter().flatten().filter(|seconds| *seconds > 0).max();
    if matches!(status, 409 | 429) || matches!(code, Some(1_960 | 1_965)) {
        let running = refusal.calls.is_some() || code == Some(1_960);
        let wait_ms = match left_alone {
            Some(seconds) => Some(seconds.min(LONGEST_S) * 1_000),
            None if running => Some(BUSY_MS),
            None if status == 429 || code == Some(1_965) => Some(HOUR),
            None => None,
        };
        if let Some(wait_ms) = wait_ms {
            return End::Later { wait_ms, why: format!("it takes no more for a while{said}") };
        }
    }
    failed(match status {
        200..=299 => format!("it refuses{said}"),
        300..=399 => format!("{status}: it sends to another place: set `base_url` to where that is"),
        403 => format!("403: the user may not read that: give it the VM module and the use of the API{said}"),
        404 => "404: there is no such thing at its `base_url`".to_owned(),
        409 => format!("409: it cannot now{said}"),
        503 if code == Some(1_999) => format!("503: it is being maintained{said}"),
        _ => format!("{status}{said}"),
    })
}
