//! `tcp`: something accepts connections, and says what it should.
use futures_util::future::BoxFuture;
use tokio::io::AsyncReadExt as _;

use super::{
    Check, Context, Probe, Seen,
    params::{Settings, address_field},
    patience, too_late, took,
};
use crate::{
    config::{Field, Kind, Misfit, Shape},
    core::{
        inventory::{CheckSpec, Params},
        services::Outcome,
    },
    error::Report,
    parse::sanitise,
    remote::net::{self, HostPort, NetFault, Progress, Step},
};

/// Most bytes read while the banner is waited for.
const MAX_BANNER: usize = 4_096;

/// The kind.
pub(super) struct Tcp;

impl Kind for Tcp {
    fn name(&self) -> &'static str {
        "tcp"
    }

    fn fields(&self) -> &'static [Field] {
        const FIELDS: &[Field] = &[
            address_field("Host and port: `db.example:5432` or `[::1]:5432`."),
            Field {
                name: "banner",
                shape: Shape::Text,
                required: false,
                doc: "Text that the server must send by itself within its first 4 KiB, as `SSH-2.0` or `220`; without it the connection is enough.",
            },
        ];
        FIELDS
    }

    fn misfits(&self, settings: &Params) -> Vec<Misfit> {
        Settings(settings).address_misfits(None)
    }
}

impl Check for Tcp {
    fn probe(&self, spec: &CheckSpec) -> Result<Box<dyn Probe>, Report> {
        let settings = Settings(&spec.params);
        Ok(Box::new(TcpProbe {
            at: settings.address(None)?,
            banner: settings.text("banner")?.filter(|banner| !banner.is_empty()).map(str::to_owned),
            patience: patience(spec),
            timeout_ms: spec.timeout_ms,
        }))
    }
}

struct TcpProbe {
    at: HostPort,
    banner: Option<String>,
    patience: std::time::Duration,
    timeout_ms: u64,
}

impl Probe for TcpProbe {
    fn ask<'a>(&'a self, context: &'a Context) -> BoxFuture<'a, Seen> {
        Box::pin(async move {
            let began = context.clock.now().mono;
            let progress = Progress::default();
            let tried = tokio::time::timeout(self.patience, self.attempt(&progress)).await;
            let Ok((outcome, detail)) = tried else { return too_late(self.timeout_ms, &progress) };
            let took_ms = (outcome == Outcome::Up).then(|| took(context, began)).flatten();
            Seen { took_ms, ..Seen::new(outcome, detail) }
        })
    }
}

impl TcpProbe {
    async fn attempt(&self, progress: &Progress) -> (Outcome, String) {
        let fault = |fault: &NetFault| (if fault.ours() { Outcome::Unknown } else { Outcome::Down }, fault.to_string());
        let addresses = match net::resolve(&self.at.host, self.at.port).await {
            Ok(addresses) => addresses,
            Err(error) => return fault(&error),
        };
        progress.at(Step::Connect);
        let mut stream = match net::connect(&addresses).await {
            Ok(stream) => stream,
            Err(error) => return fault(&error),
        };
        let Some(wanted) = &self.banner else { return (Outcome::Up, "connected".into()) };
        progress.at(Step::Answer);
        let mut said = Vec::new();
        loop {
            let mut piece = [0; 1_024];
            let read = match stream.read(&mut piece).await {
                Ok(read) => read,
                Err(error) => return (Outcome::Down, format!("no banner: {}", net::plain(&error))),
            };
            said.extend_from_slice(piece.get(..read).unwrap_or_default());
            if memchr::memmem::find(&said, wanted.as_bytes()).is_some() {
                return (Outcome::Up, format!("said {:?}", first_line(&said)));
            }
            if read == 0 || said.len() >= MAX_BANNER {
                return (Outcome::Down, format!("said {:?}, expected {wanted:?}", first_line(&said)));
            }
        }
    }
}

fn first_line(said: &[u8]) -> String {
    sanitise::line_max(said.split(|byte| *byte == b'\n').next().unwrap_or_default(), 80)
}
