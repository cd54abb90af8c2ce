//! Checks: how a service is asked whether it works. One file per kind; `ALL` lists them.
use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::{
    core::{
        inventory::CheckSpec,
        services::Outcome,
        time::{Clock, Timestamp},
    },
    remote::Remote,
};

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
    fn probe(&self, spec: &CheckSpec) -> Result<Box<dyn Probe>, crate::error::Report>;
}
