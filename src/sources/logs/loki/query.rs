//! Asking a Loki server for a range: with a time limit of its own, and with fewer lines where there were too many.
//!
//! An answer beyond the server's internal limit does not fail: it hangs for a minute, and then the connection ends. So silence and a
//! broken answer count as "too many" too, and the next question asks for a quarter.
use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use secrecy::{ExposeSecret as _, SecretString};

use crate::{
    core::logs::{LogAuth, LogSpec, LokiSpec, Nanos},
    parse::{
        loki::{self, Answer, Refusal},
        sanitise,
    },
    remote::http::{Call, Client, Fault, Value},
    sources::logs::LogContext,
};

/// Most lines that are asked for at once.
pub(super) const PAGE: usize = 1_000;
/// Fewest lines that are asked for.
const FEWEST: usize = 10;
/// Longest wait for an answer.
const TIMEOUT: Duration = Duration::from_secs(12);
/// Largest answer that is read.
const MAX_BODY: usize = 20 * 1024 * 1024;
/// Longest wait for a secret.
const SECRET: Duration = Duration::from_secs(10);
/// A query that is longer goes into the body.
const LONG: usize = 1_500;

/// A server, how to log in there, and what it was found to bear.
#[derive(Clone)]
pub(super) struct Server {
    http: Client,
    base: String,
    headers: Vec<(&'static str, Value)>,
    /// Lines that it gives at once, as learnt.
    limit: usize,
    /// Never more than that, as it said.
    ceiling: usize,
    /// Longest range, as it said.
    range_ms: Option<u64>,
}

/// A range to read; its start is part of it, its end is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) query: String,
    pub(super) start: Nanos,
    pub(super) end: Nanos,
    pub(super) limit: usize,
    pub(super) forward: bool,
}

impl Server {
    /// Looks up the secrets.
    pub(super) async fn new(context: &LogContext, spec: &LokiSpec) -> Result<Self, String> {
        let mut headers = vec![("x-loki-response-encoding-flags", Value::Plain("categorize-labels".into()))];
        if let Some(tenant) = &spec.tenant {
            headers.push(("x-scope-orgid", Value::Plain(tenant.clone())));
        }
        let secret = async |reference: &str| {
            let found = crate::config::secret::resolve(reference, &context.env, SECRET).await;
            found.map_err(|error| error.to_string())
        };
        let authorization = match &spec.auth {
            None => None,
            Some(LogAuth::Bearer { token }) => Some(format!("Bearer {}", secret(token).await?.expose_secret().trim())),
            Some(LogAuth::Basic { user, password }) => {
                let pair = format!("{user}:{}", secret(password).await?.expose_secret().trim_end());
                Some(format!("Basic {}", STANDARD.encode(pair)))
            }
        };
        let base = spec.url.trim_end_matches('/').to_owned();
        let call = Call::new("GET", &base).map_err(|fault| fault.to_string())?;
        if let Some(authorization) = authorization {
            if !call.keeps_secrets() {
                return Err("it would send the login unencrypted: use https://".into());
            }
            headers.push(("authorization", Value::Secret(SecretString::from(authorization))));
        }
        Ok(Self { http: context.http.clone(), base, headers, limit: PAGE, ceiling: usize::MAX, range_ms: None })
    }

    /// Makes a call with everything it needs.
    pub(super) fn call(&self, method: &str, path: &str) -> Result<Call, Fault> {
        let mut call = Call::new(method, &format!("{}{path}", self.base))?;
        for (name, value) in &self.headers {
            call = call.header(name, value)?;
        }
        call.timeout = TIMEOUT;
        call.max_body = MAX_BODY;
        Ok(call)
    }

    /// Returns the client.
    pub(super) fn http(&self) -> &Client {
        &self.http
    }

    /// Says how long a range may be.
    pub(super) fn range_ms(&self) -> u64 {
        self.range_ms.unwrap_or(30 * 86_400_000)
    }

    /// Reads a range, or its part next to where reading begins; also returns how many lines were asked for in the end.
    pub(super) async fn range(&mut self, range: &Range) -> Result<(Answer, usize), Refusal> {
        let mut tries = 0_u32;
        loop {
            let limit = range.limit.min(self.limit).min(self.ceiling).max(1);
            let refused = match self.ask(range, limit).await {
                Ok(answer) => {
                    self.limit = (self.limit * 2).min(PAGE.max(range.limit));
                    return Ok((answer, limit));
                }
                Err(refused) => refused,
            };
            tries += 1;
            match refused {
                Refusal::TooMany(Some(most)) if most > 0 && most < limit => self.ceiling = most,
                Refusal::TooMany(_) if limit > FEWEST => self.limit = (limit / 4).max(FEWEST),
                Refusal::TooMany(_) => return Err(Refusal::Broken("even a few lines are too much for it".into())),
                Refusal::TooLong(most) => {
                    let span = u64::try_from((range.end.0 - range.start.0) / Nanos::MILLI).unwrap_or(0);
                    self.range_ms = Some(most.unwrap_or(span / 4).clamp(60_000, span.max(60_000)));
                    return Err(Refusal::TooLong(self.range_ms));
                }
                Refusal::Busy(_) if tries <= 3 => tokio::time::sleep(Duration::from_secs(1 << (tries - 1))).await,
                Refusal::Broken(_) if tries <= 2 => tokio::time::sleep(Duration::from_millis(300)).await,
                refused @ (Refusal::Busy(_) | Refusal::Broken(_) | Refusal::Denied(_)) => return Err(refused),
            }
            if tries > 8 {
                return Err(Refusal::Broken("it refuses every amount of lines".into()));
            }
        }
    }

    async fn ask(&self, range: &Range, limit: usize) -> Result<Answer, Refusal> {
        let fields = [
            ("query", range.query.clone()),
            ("start", range.start.0.to_string()),
            ("end", range.end.0.to_string()),
            ("limit", limit.to_string()),
            ("direction", if range.forward { "forward" } else { "backward" }.to_owned()),
        ];
        let ours = |fault: Fault| Refusal::Denied(fault.to_string());
        let path = "/loki/api/v1/query_range";
        let call = if range.query.len() > LONG {
            let fields = fields.map(|(name, value)| (name, Value::Plain(value)));
            self.call("POST", path).and_then(|call| call.form(&fields)).map_err(ours)?
        } else {
            let call = self.call("GET", path).map_err(ours)?;
            fields.iter().fold(call, |call, (name, value)| call.query(name, value))
        };
        let answer = match self.http.send(&call).await {
            Ok(answer) => answer,
            Err(Fault::Timeout { step: crate::remote::net::Step::Answer | crate::remote::net::Step::Body, .. })
                if limit > FEWEST =>
            {
                return Err(Refusal::TooMany(None));
            }
            Err(Fault::Body { .. } | Fault::Protocol(_)) if limit > FEWEST => return Err(Refusal::TooMany(None)),
            Err(fault) => return Err(Refusal::Broken(fault.to_string())),
        };
        if answer.status != 200 {
            return Err(loki::refusal(answer.status, &answer.body));
        }
        if answer.cut {
            return Err(Refusal::TooMany(None));
        }
        loki::answer(&answer.body).map_err(|error| Refusal::Broken(error.to_string()))
    }
}

/// Returns the words of a refusal for a person.
pub(super) fn words(refusal: &Refusal) -> String {
    match refusal {
        Refusal::TooMany(_) => "it gives no such number of lines".into(),
        Refusal::TooLong(_) => "the range is too long for it".into(),
        Refusal::Busy(why) | Refusal::Broken(why) | Refusal::Denied(why) => sanitise::line_max(why, 300),
    }
}

/// Returns the query for all of an entry.
pub(super) fn query(spec: &LogSpec, loki: &LokiSpec) -> Result<String, String> {
    loki::selector(&loki.select)
        .ok_or_else(|| format!("`select` of {} must name at least one label with a value", spec.name))
}
