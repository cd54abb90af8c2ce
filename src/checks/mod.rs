//! Checks: how a service is asked whether it works. One file per kind; `ALL` lists them.
//!
//! What every kind promises, and one test holds for all of them: it ends within its time-out, also when nobody ever
//! answers; it stops when dropped; whatever the answer, it says what it saw in one clean line. [`probe`] wraps every
//! kind so that a new one cannot break this.
//!
//! **Down and Unknown.** Down means that the service answered wrongly or not at all. Unknown means that the check could
//! not be made, and says nothing about the service: no route from this machine, its resolver silent, the SSH host that
//! a command runs on out of reach. A name that is denied (NXDOMAIN) is Down: whoever asks for the service gets the same
//! answer.
use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;

use crate::{
    config::Kind,
    core::{
        inventory::CheckSpec,
        services::Outcome,
        time::{self, Clock, Timestamp},
    },
    error::{self, Report},
    parse::sanitise,
    remote::{Remote, http::words_of, net::Progress},
};

mod command;
mod dns;
mod http;
mod params;
mod tcp;
mod tls;

/// Every kind of check.
pub const ALL: &[&dyn Check] = &[&command::Command, &dns::Dns, &http::Http, &tcp::Tcp, &tls::Tls];

/// Most characters of a result's line.
pub const MAX_DETAIL: usize = 240;

/// Every kind, as the configuration wants them.
pub fn kinds() -> Vec<&'static dyn Kind> {
    ALL.iter().map(|check| *check as &dyn Kind).collect()
}

/// Makes the probe of a check. Costly parts (certificates, patterns) are made here, once.
///
/// # Errors
/// When there is no such kind, or something that the configuration names is not there: a CA file, a secret.
pub fn probe(spec: &CheckSpec) -> Result<Box<dyn Probe>, Report> {
    let check = ALL.iter().find(|check| check.name() == &*spec.kind).ok_or_else(|| {
        let known: Vec<_> = ALL.iter().map(|check| check.name()).collect();
        Report::new(error::Kind::Config, format!("{}: there is no check of type `{}`", spec.id, spec.kind))
            .hint(format!("types: {}", known.join(", ")))
    })?;
    let inner = check.probe(spec).map_err(|mut report| {
        report.what = format!("{}: {}", spec.id, report.what);
        report
    })?;
    Ok(Box::new(Guarded { inner, timeout_ms: spec.timeout_ms, slow_ms: spec.slow_ms, silence: check.silence() }))
}

/// What a check is given to work with.
#[derive(Clone)]
pub struct Context {
    /// How to reach hosts, for checks that run on one.
    pub remote: Arc<dyn Remote>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// What one run of a check saw.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// What it makes of it.
    pub outcome: Outcome,
    /// How long the answer took, in milliseconds.
    pub took_ms: Option<u32>,
    /// One sanitised line.
    pub detail: String,
    /// When the certificate that was shown expires.
    pub cert_not_after: Option<Timestamp>,
}

impl Seen {
    /// Makes a result without a time and a certificate.
    pub fn new(outcome: Outcome, detail: impl Into<String>) -> Self {
        Self { outcome, took_ms: None, detail: detail.into(), cert_not_after: None }
    }
}

/// A check that is ready to run; it keeps what is costly to make (clients, compiled patterns).
pub trait Probe: Send + Sync {
    /// Asks once. Ends within the check's time-out.
    fn ask<'a>(&'a self, context: &'a Context) -> BoxFuture<'a, Seen>;
}

/// A kind of check.
pub trait Check: crate::config::Kind {
    /// Makes a probe of a valid specification.
    ///
    /// # Errors
    /// When something the configuration names is not there: a CA file, a secret. Says what and where.
    fn probe(&self, spec: &CheckSpec) -> Result<Box<dyn Probe>, Report>;

    /// Says what it means when the time-out passes without a result: Down, unless the way there may be at fault.
    fn silence(&self) -> Outcome {
        Outcome::Down
    }
}

/// How long after the time-out the guard waits, so that the probe itself can say how far it came.
const GRACE: Duration = Duration::from_millis(100);

/// Returns the time a probe may take.
fn patience(spec: &CheckSpec) -> Duration {
    Duration::from_millis(spec.timeout_ms)
}

/// Says how far a probe came before its time was up.
fn too_late(timeout_ms: u64, progress: &Progress) -> Seen {
    Seen::new(Outcome::Down, format!("no answer within {}, {}", words_of(timeout_ms), progress.step().words()))
}

/// Milliseconds since a reading of the clock.
fn took(context: &Context, since: time::Mono) -> Option<u32> {
    u32::try_from(context.clock.now().mono.since(since)).ok()
}

/// Returns the worse of two outcomes: what is down for sure before what is unknown.
fn worse(one: Outcome, other: Outcome) -> Outcome {
    let rank = |outcome| match outcome {
        Outcome::Up => 0,
        Outcome::Degraded => 1,
        Outcome::Unknown => 2,
        Outcome::Down => 3,
    };
    if rank(other) > rank(one) { other } else { one }
}

/// Holds every kind to the promises of this module.
struct Guarded {
    inner: Box<dyn Probe>,
    timeout_ms: u64,
    slow_ms: Option<u64>,
    silence: Outcome,
}

impl Probe for Guarded {
    fn ask<'a>(&'a self, context: &'a Context) -> BoxFuture<'a, Seen> {
        Box::pin(async move {
            let limit = Duration::from_millis(self.timeout_ms) + GRACE;
            let asked = tokio::time::timeout(limit, self.inner.ask(context)).await;
            let mut seen = asked
                .unwrap_or_else(|_| Seen::new(self.silence, format!("no answer within {}", words_of(self.timeout_ms))));
            let slow = self.slow_ms.zip(seen.took_ms).filter(|(slow, took)| u64::from(*took) >= *slow);
            if let (Some((slow, took)), Outcome::Up | Outcome::Degraded) = (slow, seen.outcome) {
                seen.outcome = Outcome::Degraded;
                seen.detail = format!("took {}, slow from {}; {}", words_of(took.into()), words_of(slow), seen.detail);
            }
            seen.detail = sanitise::line_max(&seen.detail, MAX_DETAIL);
            seen
        })
    }
}
