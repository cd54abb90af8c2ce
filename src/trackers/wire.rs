//! What trackers that are spoken to by HTTP share: one request, and what its answer says of whether it was heard.
use std::{sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use secrecy::SecretString;
use serde_json::Value as Json;

use super::{Means, Missed};
use crate::{
    config::secret,
    core::{
        alerts::Severity,
        outbox::{Miss, TrackerSpec},
        time::short,
    },
    parse::sanitise,
    remote::{
        http::{Answer, Call, Fault, Value},
        net::Step,
        tls::TlsFault,
    },
};

/// Most bytes of an answer.
const MOST: usize = 4 << 20;
/// How long a command for a secret may take.
const SECRET: Duration = Duration::from_secs(10);
/// Pages that are read of a list.
pub(super) const PAGES: usize = 10;

/// The way to one server.
pub(super) struct Wire {
    means: Means,
    spec: Arc<TrackerSpec>,
    base: String,
    headers: Vec<(&'static str, String)>,
    /// How the token goes into `Authorization`.
    scheme: Scheme,
}

/// How a token goes into `Authorization`.
#[derive(Clone, Debug)]
pub(super) enum Scheme {
    /// By itself.
    Raw,
    /// As a bearer's.
    Bearer,
    /// As the password of a user.
    Basic(String),
}

/// What a vendor says of an answer in its own way.
pub(crate) trait Vendor: Sync {
    /// Says whether it takes no more for a while.
    fn throttled(&self, answer: &Answer, body: &Json) -> Limit;

    /// Returns what it says went wrong.
    fn said(&self, answer: &Answer, body: &Json) -> String;

    /// Says whether a status means that another change is under way there: nothing was written, and it may be soon.
    fn is_busy(&self, status: u16) -> bool {
        _ = status;
        false
    }

    /// Says whether what came with a status of success is an answer of its own: a proxy's page is not.
    fn heard(&self, answer: &Answer, body: &Json) -> bool {
        _ = answer;
        !body.is_null()
    }
}

/// Whether a vendor takes no more for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limit {
    /// It takes more.
    No,
    /// It does not say for how long.
    Unsaid,
    /// For so many milliseconds.
    Ms(i64),
}

impl Limit {
    /// For as long as is said.
    pub(crate) fn of(wait_ms: Option<i64>) -> Self {
        wait_ms.map_or(Self::Unsaid, Self::Ms)
    }
}

/// Whether something is written by a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Does {
    Read,
    Write,
}

impl Does {
    /// What it means that nobody knows whether it was heard.
    pub(crate) fn unclear(self, reason: impl AsRef<str>) -> Missed {
        match self {
            Self::Read => Missed::unreachable(reason),
            Self::Write => Missed::ambiguous(reason),
        }
    }
}

impl Missed {
    /// With how long the answer asks to wait.
    pub(crate) fn asked(self, answer: &Answer) -> Self {
        Self { wait_ms: asked(answer), ..self }
    }
}

impl Wire {
    pub(super) fn new(spec: &Arc<TrackerSpec>, means: &Means, base: &str, scheme: Scheme) -> Self {
        let base = base.trim_end_matches('/').to_owned();
        Self { means: means.clone(), spec: Arc::clone(spec), base, headers: Vec::new(), scheme }
    }

    pub(super) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Returns a setting that is text.
    pub(super) fn text(&self, key: &str) -> Option<&str> {
        self.spec.params.get(key)?.as_str()
    }

    /// Returns a setting that is a map.
    pub(super) fn map(&self, map: &str) -> Option<&serde_json::Map<String, Json>> {
        self.spec.params.get(map)?.as_object()
    }

    /// Returns what a setting that is a map has for a key.
    pub(super) fn mapped(&self, map: &str, key: &str) -> Option<&str> {
        self.map(map)?.get(key)?.as_str()
    }

    /// Says whether incidents of a severity get a ticket there.
    pub(super) fn keeps(&self, severity: Severity) -> bool {
        self.spec.severities.is_empty() || self.spec.severities.contains(&severity)
    }

    /// Returns the texts of a setting that is a list.
    pub(super) fn texts(&self, key: &str) -> Option<Vec<String>> {
        let list = self.spec.params.get(key)?.as_array()?;
        Some(list.iter().filter_map(Json::as_str).map(str::to_owned).collect())
    }

    /// Sends a request once and reads its answer: JSON, or null where there is none.
    pub(super) async fn ask(
        &self,
        vendor: &dyn Vendor,
        (method, path): (&str, &str),
        body: Option<&Json>,
        does: Does,
    ) -> Result<(Answer, Json), Missed> {
        let call = self.call(method, path, body, does).await?;
        let answer = self.means.http.send(&call).await.map_err(|fault| missed(&fault, does))?;
        let answer = call.veiled(&answer).unwrap_or(answer);
        let json: Json = serde_json::from_slice(&answer.body).unwrap_or_default();
        judge(vendor, &answer, &json, does)?;
        Ok((answer, json))
    }

    async fn call(&self, method: &str, path: &str, body: Option<&Json>, does: Does) -> Result<Call, Missed> {
        let wrong = |fault: Fault| Missed::refused(format!("the request cannot be made: {fault}"));
        // A page that is named by its whole address was held against ours before.
        let url = if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.base) };
        let mut call = Call::new(method, &url).map_err(wrong)?;
        if !call.keeps_secrets() {
            return Err(Missed::refused("the token would go over the network in the open: use https://"));
        }
        let token = self.text("token").unwrap_or_default();
        let token = secret::resolve(token, &self.means.env, SECRET).await;
        let token = token.map_err(|error| Missed::refused(format!("its token: {error}; then retry")))?;
        let token = secrecy::ExposeSecret::expose_secret(&token).trim();
        let authorization = match &self.scheme {
            Scheme::Raw => token.to_owned(),
            Scheme::Bearer => format!("Bearer {token}"),
            Scheme::Basic(user) => {
                let pair = format!("{user}:{token}");
                format!("Basic {}", STANDARD.encode(pair))
            }
        };
        let secret = Value::Secret(SecretString::from(authorization));
        call = call.header("authorization", &secret).map_err(wrong)?;
        for (name, value) in &self.headers {
            call = call.header(name, &Value::Plain(value.clone())).map_err(wrong)?;
        }
        if let Some(body) = body {
            let json = Value::Plain("application/json".to_owned());
            call = call.header("content-type", &json).map_err(wrong)?.body(body.to_string());
        }
        call.max_body = MOST;
        call.timeout = match does {
            Does::Read => self.means.patience / 3,
            Does::Write => self.means.patience,
        };
        Ok(call)
    }

    /// Returns the next page of a list. One that lies at another server is not followed, and not passed over either.
    pub(super) fn next_page(&self, answer: &Answer) -> Result<Option<String>, Missed> {
        let links = answer.header("link").flat_map(|header| header.split(','));
        let mut next = links.filter(|link| link.contains("rel=\"next\""));
        let Some(link) = next.next() else { return Ok(None) };
        let url = link.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map(|(url, _)| url);
        match url.filter(|url| url.starts_with(&origin(&self.base))) {
            Some(url) => Ok(Some(url.to_owned())),
            None => Err(Missed::unreachable("the next page of its list lies at another server")),
        }
    }
}

/// Returns the beginning of an address up to its path, with the slash that ends a name: `evil` after it is no part of it.
fn origin(url: &str) -> String {
    url.splitn(4, '/').take(3).collect::<Vec<_>>().join("/") + "/"
}

/// Says what a fault means: whether the request may have been heard.
pub(crate) fn missed(fault: &Fault, does: Does) -> Missed {
    let surely_not = match fault {
        Fault::Net(_) | Fault::Call(_) => true,
        // Once a connection stands, its end may come as an error of TLS.
        Fault::Tls(fault) => !matches!(fault, TlsFault::Other(_)),
        Fault::Timeout { step, .. } => matches!(step, Step::Resolve),
        Fault::Protocol(_) | Fault::Body { .. } | Fault::Redirect(_) => false,
    };
    if surely_not { Missed::unreachable(fault.to_string()) } else { does.unclear(fault.to_string()) }
}

/// Says what an answer means. What is no answer of the vendor's says nothing.
pub(crate) fn judge(vendor: &dyn Vendor, answer: &Answer, body: &Json, does: Does) -> Result<(), Missed> {
    let limit = vendor.throttled(answer, body);
    if limit != Limit::No {
        let wait_ms = if let Limit::Ms(ms) = limit { Some(ms) } else { None };
        let said = said(vendor, answer, body);
        return Err(Missed { wait_ms, ..Missed::new(Miss::Throttled, format!("it takes no more for a while{said}")) });
    }
    let status = answer.status;
    match status {
        204 => Ok(()),
        200..=299 if answer.cut => Err(does.unclear(format!("{status}, but the answer is longer than is read"))),
        200..=299 if !vendor.heard(answer, body) => {
            Err(does.unclear(format!("{status}, but no answer of its own: {}", page(answer))))
        }
        200..=299 => Ok(()),
        300..=399 => {
            let to = answer.header("location").next().unwrap_or("elsewhere").to_owned();
            Err(Missed::refused(format!("it sends to another place: set its address to {to}, then retry")))
        }
        401 => Err(Missed::refused(format!(
            "the token is not valid, or has expired: renew it, then retry{}",
            said(vendor, answer, body)
        ))),
        403 => {
            Err(Missed::refused(format!("the token may not: give it leave, then retry{}", said(vendor, answer, body))))
        }
        404 | 410 => Err(Missed::refused(format!(
            "there is no such thing, or the token may not see it: correct the settings, then retry{}",
            said(vendor, answer, body)
        ))),
        408 | 425 | 500.. => {
            let asks = asked(answer).map(|ms| format!(", and asks to wait {}", short(ms.unsigned_abs())));
            let why = format!("{status}{}{}", asks.unwrap_or_default(), said(vendor, answer, body));
            Err(does.unclear(why).asked(answer))
        }
        _ if vendor.is_busy(status) => {
            let said = said(vendor, answer, body);
            Err(Missed::unreachable(format!("another change is under way there{said}")).asked(answer))
        }
        _ => Err(Missed::refused(format!("{status}: edit or drop it{}", said(vendor, answer, body)))),
    }
}

fn said(vendor: &dyn Vendor, answer: &Answer, body: &Json) -> String {
    let said = sanitise::line_max(vendor.said(answer, body), 160);
    let said = if said.is_empty() && body.is_null() { page(answer) } else { said };
    if said.is_empty() { said } else { format!(": {said}") }
}

/// Returns the beginning of what is no JSON, without its tags.
fn page(answer: &Answer) -> String {
    let text = String::from_utf8_lossy(answer.body.get(..answer.body.len().min(4_096)).unwrap_or_default());
    let mut plain = String::new();
    let mut tag = false;
    for letter in text.chars() {
        match letter {
            '<' => tag = true,
            '>' => {
                tag = false;
                plain.push(' ');
            }
            _ if !tag => plain.push(letter),
            _ => {}
        }
    }
    let words: Vec<&str> = plain.split_whitespace().take(24).collect();
    sanitise::line_max(words.join(" "), 120)
}

/// Reads how long is to be waited by `Retry-After`: seconds, or a date held against the answer's own. A day at most.
pub(crate) fn retry_after(answer: &Answer) -> Option<i64> {
    let text = answer.header("retry-after").next()?.trim();
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        // What does not fit is as absurd as what is too long.
        let seconds = if text.starts_with('-') { 0 } else { digits.parse::<i64>().unwrap_or(i64::MAX) };
        return Some(seconds.min(86_400) * 1_000);
    }
    Some((date(text)? - said_at(answer)?).clamp(0, 86_400) * 1_000)
}

/// Reads how long a server that is not well asks to be left alone; none where it says "at once", which some say on every answer.
fn asked(answer: &Answer) -> Option<i64> {
    retry_after(answer).filter(|ms| *ms > 0)
}

/// Returns when an answer was given, by the server's own clock, in seconds.
pub(super) fn said_at(answer: &Answer) -> Option<i64> {
    date(answer.header("date").next()?)
}

/// Reads a date in each of the three forms that HTTP has.
fn date(text: &str) -> Option<i64> {
    let usual = chrono::DateTime::parse_from_rfc2822(text).ok().map(|date| date.timestamp());
    let old = ["%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"];
    let old = || old.iter().find_map(|form| chrono::NaiveDateTime::parse_from_str(text, form).ok());
    usual.or_else(|| Some(old()?.and_utc().timestamp()))
}

/// Returns an id, which may be a number.
pub(crate) fn id(of: &Json) -> Option<String> {
    let text = match of {
        Json::String(text) => text.clone(),
        Json::Number(number) => number.to_string(),
        Json::Null | Json::Bool(_) | Json::Array(_) | Json::Object(_) => return None,
    };
    let text = sanitise::name(text);
    let fits = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    (!text.is_empty() && text.len() <= 64 && text.chars().all(fits)).then_some(text)
}

/// Returns an address that a person may be led to.
pub(super) fn url(of: &Json) -> Option<String> {
    let text = of.as_str()?;
    let begins = text.starts_with("https://") || text.starts_with("http://");
    (begins && text.len() <= 500 && text.chars().all(|letter| letter.is_ascii_graphic())).then(|| text.to_owned())
}

/// Returns a text as it may be shown.
pub(super) fn line(of: &Json) -> Option<String> {
    of.as_str().map(|text| sanitise::line_max(text, 300))
}
