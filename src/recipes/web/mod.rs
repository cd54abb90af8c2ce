//! Web servers: their own test of the configuration, and how they take it.
pub(super) mod site;

use super::{Context, fill, quote};
use crate::{
    config::{self, Field, Misfit, Shape},
    core::{
        id::HostName,
        inventory::Params,
        runs::{Fit, Precheck, Step},
    },
};

/// Whether its commands need sudo.
pub(super) const SUDO: Field = Field {
    name: "sudo",
    shape: Shape::Flag,
    required: false,
    doc: "Whether the web server's commands need sudo; it is called with -n and never asks. Default: true.",
};

/// The unit that systemd knows it by.
pub(super) const UNIT: Field = Field {
    name: "unit",
    shape: Shape::Text,
    required: false,
    doc: "The web server's unit. Default: nginx.service; for Apache apache2.service or httpd.service. Without systemd its own command is used.",
};

/// A web server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Server {
    /// Nginx.
    Nginx,
    /// Apache.
    Apache,
}

/// How it takes a configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Take {
    /// New workers beside the old ones, which finish what they have.
    Reload,
    /// It stops and starts.
    Restart,
}

/// A reload waits for nothing; a restart may wait 90 s for a unit that does not stop.
const TIMEOUT_MS: u64 = 180_000;

impl Server {
    /// Returns what it is called.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Nginx => "Nginx",
            Self::Apache => "Apache",
        }
    }

    /// Returns shell text that defines `run`, `test_it`, `reload_it` and `restart_it`.
    pub(super) fn prelude(self, of: Context<'_>) -> Result<String, String> {
        let units = match (of.text(UNIT.name), self) {
            (Some(unit), _) => quote(unit)?,
            (None, Self::Nginx) => "nginx.service".to_owned(),
            (None, Self::Apache) => "apache2.service httpd.service".to_owned(),
        };
        let own = match self {
            Self::Nginx => include_str!("nginx.sh"),
            Self::Apache => include_str!("apache.sh"),
        };
        let text = [include_str!("prelude.sh"), own].concat();
        Ok(fill(&text, &[("SUDO", sudo(of)), ("UNITS", &units)]))
    }

    /// Returns shell text that asks how its configuration stands, and defines `own` and `within` for further questions.
    pub(super) fn survey(self, sudo: &str) -> String {
        let test = match self {
            Self::Nginx => "nginx -t",
            Self::Apache => "apachectl configtest",
        };
        fill(include_str!("survey.sh"), &[("SUDO", sudo), ("TEST", test)])
    }

    /// Has it take its configuration, which must pass its own test right before.
    pub(super) fn take(self, of: Context<'_>, host: &HostName, how: Take) -> Result<Step, String> {
        let (name, verb) = match how {
            Take::Reload if self == Self::Apache => ("graceful", "reload_it"),
            Take::Reload => ("reload", "reload_it"),
            Take::Restart => ("restart", "restart_it"),
        };
        let command = format!("{}test_it && {verb}", self.prelude(of)?);
        Ok(of.step(host, name, command, TIMEOUT_MS))
    }

    /// Says what users notice of it.
    pub(super) const fn effect(self, how: Take) -> &'static str {
        match (self, how) {
            (Self::Nginx, Take::Reload) => {
                "Nginx reloads: open connections are kept, and end with the workers that have them"
            }
            (Self::Nginx, Take::Restart) => "Nginx restarts: open connections are cut, and it is away while it starts",
            (Self::Apache, Take::Reload) => "Apache restarts gracefully: requests that it serves now are finished",
            (Self::Apache, Take::Restart) => {
                "Apache restarts: open connections are cut, and it is away while it starts"
            }
        }
    }

    /// Says how its configuration stands on every host, as the survey's `server` answers: `good`, or what its test said.
    pub(super) fn prechecks(self, of: Context<'_>) -> Vec<Precheck> {
        let mut good = 0;
        let mut checks = Vec::new();
        for host in &of.service.hosts {
            let said = of.said(host, "server").unwrap_or_default();
            let name = self.name();
            if said.lines().any(|line| line == "good") {
                good += 1;
            } else {
                let last = said.lines().filter_map(|line| line.strip_prefix("said ")).next_back();
                let last = last.unwrap_or("it did not answer");
                checks.push(bad(format!("{name}'s configuration on {host} does not pass its test as it is: {last}")));
            }
        }
        if good > 0 {
            let text =
                format!("{}'s configuration passes its test on {good} of {}", self.name(), of.service.hosts.len());
            checks.push(Precheck { verdict: Fit::Good, text });
        }
        checks
    }
}

/// Makes a precheck that stands against a change.
pub(super) fn bad(text: String) -> Precheck {
    Precheck { verdict: Fit::Bad, text }
}

/// Returns what goes before commands that need root.
pub(super) fn sudo(of: Context<'_>) -> &'static str {
    if of.flag(SUDO.name, true) { "sudo -n" } else { "" }
}

/// Says what is wrong with [`UNIT`].
pub(super) fn misfit(settings: &Params) -> Option<Misfit> {
    let unit = settings.get(UNIT.name)?.as_str().filter(|unit| !config::is_unit(unit))?;
    Some(Misfit::new(UNIT.name, format!("`unit` is not the name of a unit: {unit:?}"), "as in \"apache2.service\""))
}
