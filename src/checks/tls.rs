//! `tls`: the certificate that a port shows, whatever is spoken behind it.
use std::time::Duration;

use futures_util::future::BoxFuture;

use super::{
    Check, Context, Probe, Seen,
    params::{Flag, Settings, address_field},
    patience, too_late, took,
};
use crate::{
    config::{Field, Kind, Misfit, Shape},
    core::{
        inventory::{CheckSpec, Params},
        services::Outcome,
        time::{self, DAY, Timestamp},
    },
    error::Report,
    remote::{
        http::{Fault, Trust},
        net::{self, HostPort, Progress, Step},
        tls::{self, Shown},
    },
};

/// The port where none is said.
const PORT: u16 = 443;

/// The kind.
pub(super) struct Tls;

/// When a certificate that is about to expire is worth a warning; shared with `http`.
pub(super) const CERT_WARN: Field = Field {
    name: "cert_warn",
    shape: Shape::List(&Shape::Duration),
    required: false,
    doc: "How long before the certificate expires the check is degraded; each step is named in the result. Default `[\"14d\", \"7d\", \"3d\"]`; `[]` never warns.",
};
/// A certificate authority of one's own; shared with `http`.
pub(super) const CA: Field = Field {
    name: "ca",
    shape: Shape::Path,
    required: false,
    doc: "PEM file with certificate authorities to trust beside the system's.",
};

impl Kind for Tls {
    fn name(&self) -> &'static str {
        "tls"
    }

    fn fields(&self) -> &'static [Field] {
        const FIELDS: &[Field] = &[
            address_field("Host and port: `mail.example:993`; the port is 443 unless said."),
            Field {
                name: "server_name",
                shape: Shape::Text,
                required: false,
                doc: "Name to ask for (SNI) and to find in the certificate; default: the address's host.",
            },
            Field {
                name: "verify",
                shape: Shape::Flag,
                required: false,
                doc: "Whether the certificate must be trusted and fit the name; `false` looks at its dates alone. Default `true`.",
            },
            CA,
            CERT_WARN,
        ];
        FIELDS
    }

    fn misfits(&self, settings: &Params) -> Vec<Misfit> {
        let settings = Settings(settings);
        let mut wrong = settings.address_misfits(Some(PORT));
        let name = settings.text("server_name").ok().flatten();
        wrong.extend(name.filter(|name| !tls::is_server_name(name)).map(|name| {
            let what = format!("`server_name` is not a name or an address: {name:?}");
            Misfit::new("server_name", what, "the name in the certificate alone, as in \"www.example.com\"")
        }));
        wrong
    }
}

impl Check for Tls {
    fn probe(&self, spec: &CheckSpec) -> Result<Box<dyn Probe>, Report> {
        let settings = Settings(&spec.params);
        let at = settings.address(Some(PORT))?;
        Ok(Box::new(TlsProbe {
            server_name: settings.text("server_name")?.unwrap_or(&at.host).to_owned(),
            at,
            verify: settings.flag("verify", Flag::On)?,
            trust: settings.trust()?,
            warn: Warn::read(settings)?,
            patience: patience(spec),
            timeout_ms: spec.timeout_ms,
        }))
    }
}

struct TlsProbe {
    at: HostPort,
    server_name: String,
    verify: Flag,
    trust: Trust,
    warn: Warn,
    patience: Duration,
    timeout_ms: u64,
}

impl Probe for TlsProbe {
    fn ask<'a>(&'a self, context: &'a Context) -> BoxFuture<'a, Seen> {
        Box::pin(async move {
            let began = context.clock.now().mono;
            let progress = Progress::default();
            let tried = tokio::time::timeout(self.patience, self.attempt(&progress)).await;
            let now = context.clock.now().utc;
            let shown = match tried {
                Ok(Ok(shown)) => shown,
                Ok(Err(fault)) => {
                    return Seen::new(if fault.ours() { Outcome::Unknown } else { Outcome::Down }, fault.text(now));
                }
                Err(_) => return too_late(self.timeout_ms, &progress),
            };
            Seen { took_ms: took(context, began), ..self.judge(&shown, now) }
        })
    }
}

impl TlsProbe {
    async fn attempt(&self, progress: &Progress) -> Result<Shown, Fault> {
        let addresses = net::resolve(&self.at.host, self.at.port).await?;
        progress.at(Step::Connect);
        let stream = net::connect(&addresses).await?;
        progress.at(Step::Handshake);
        Ok(tls::handshake(stream, &self.server_name, &self.trust).await?)
    }

    fn judge(&self, shown: &Shown, now: Timestamp) -> Seen {
        let cert_not_after = shown.first_to_expire(now).map(|one| one.not_after);
        let dates = shown.chain.first().map(|own| (own.not_before, own.not_after));
        let (outcome, detail) = match (&shown.fault, dates) {
            (_, None) => (Outcome::Down, "tls: no certificate that can be read".to_owned()),
            (Some(fault), _) if self.verify == Flag::On => {
                let ours = Fault::from(fault.clone()).ours();
                (if ours { Outcome::Unknown } else { Outcome::Down }, fault.text(now))
            }
            (_, Some((_, end))) if end <= now => (Outcome::Down, tls::TlsFault::Expired(end).text(now)),
            (_, Some((begin, _))) if begin > now => (Outcome::Down, tls::TlsFault::NotYetValid(begin).text(now)),
            (_, Some((_, end))) => match self.warn.of(shown, now) {
                Some(warning) => (Outcome::Degraded, warning),
                None => (Outcome::Up, format!("certificate valid for {}", time::short(left(end, now)))),
            },
        };
        Seen { cert_not_after, ..Seen::new(outcome, detail) }
    }
}

fn left(end: Timestamp, now: Timestamp) -> u64 {
    end.since(now).max(0).unsigned_abs()
}

/// The steps at which a certificate's end is announced, in milliseconds.
#[derive(Clone, Debug)]
pub(super) struct Warn(Vec<i64>);

impl Warn {
    pub(super) fn read(settings: Settings<'_>) -> Result<Self, Report> {
        let mut steps = settings.durations("cert_warn")?.unwrap_or_else(|| vec![14 * DAY, 7 * DAY, 3 * DAY]);
        steps.sort_unstable();
        Ok(Self(steps))
    }

    /// Says that the first certificate to expire is within a step, and which.
    pub(super) fn of(&self, shown: &Shown, now: Timestamp) -> Option<String> {
        let first = shown.first_to_expire(now)?;
        let left_ms = first.not_after.since(now);
        let step = self.0.iter().find(|step| left_ms <= **step)?;
        let which = if shown.chain.first() == Some(first) {
            "certificate".to_owned()
        } else {
            format!("intermediate certificate {:?}", first.subject)
        };
        let (left, step) = (time::short(left(first.not_after, now)), time::short(step.unsigned_abs()));
        Some(format!("{which} expires in {left}, warned from {step}"))
    }
}
