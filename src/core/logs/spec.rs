//! Where logs are, as the configuration says it: one `[[log]]` entry, checked, resolved and free of secrets.
use std::{collections::BTreeMap, sync::Arc};

use crate::core::id::{EnvName, HostName, ServiceId};

/// One place that lines come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogSpec {
    /// The entry's name, unique: `play-access`.
    pub name: Arc<str>,
    /// The environment it belongs to, where the entry says one.
    pub env: Option<EnvName>,
    /// The service whose lines these are.
    pub service: Option<ServiceId>,
    /// The hosts to read on: those that the entry names, else its service's. Empty: the machine that the console runs on.
    pub hosts: Vec<HostName>,
    /// The format's name; without it, it is found out.
    pub format: Option<String>,
    /// The zone of times that name none.
    pub timezone: Option<chrono_tz::Tz>,
    /// Which kind of place, and where exactly.
    pub place: LogPlace,
}

/// A kind of place, and where exactly it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogPlace {
    /// Files.
    File {
        /// An absolute path or glob (`*`, `?`, `[…]`; `\` before one of them takes it literally); `~/` is the home of the login.
        path: String,
        /// Glob of the rotated files; without it, what stands beside the file and begins with its name.
        rotated: Option<String>,
    },
    /// A Loki server.
    Loki(LokiSpec),
    /// The systemd journal; without units, all of it.
    Journald {
        /// Units to follow.
        units: Vec<String>,
    },
    /// A container's output.
    Docker {
        /// Its name or id.
        container: String,
    },
    /// What pods write.
    Kubernetes {
        /// Context of its kubeconfig.
        context: Option<String>,
        /// Namespace.
        namespace: Option<String>,
        /// What `kubectl logs` is given: `deploy/api`, `pod/x`, or a label selector: `-l app=api` is `app=api`.
        target: String,
        /// One container; without it, all.
        container: Option<String>,
    },
    /// Whatever a shell command prints.
    Command {
        /// The command.
        command: String,
    },
    /// What is piped in.
    Stdin,
}

/// A Loki server and what of it to read.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct LokiSpec {
    /// Base URL, with a path prefix if it has one.
    pub url: String,
    /// `X-Scope-OrgID`.
    pub tenant: Option<String>,
    /// How to log in.
    pub auth: Option<LogAuth>,
    /// Labels that must be equal. At least one.
    pub select: BTreeMap<String, String>,
    /// The label that names the service: `app`.
    pub service_label: Option<String>,
}

/// How to log in. Secrets are references: `env:NAME`, `file:PATH`, `command:…`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogAuth {
    /// By name and password.
    Basic {
        /// The name.
        user: String,
        /// Reference to the password.
        password: String,
    },
    /// By token.
    Bearer {
        /// Reference to the token.
        token: String,
    },
}

impl LogPlace {
    /// Its kind, as `type` in the configuration and [`super::Source::kind`] say it; a file on this machine is `local` there.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::File { .. } => "file",
            Self::Loki(_) => "loki",
            Self::Journald { .. } => "journald",
            Self::Docker { .. } => "docker",
            Self::Kubernetes { .. } => "kubernetes",
            Self::Command { .. } => "command",
            Self::Stdin => "stdin",
        }
    }
}
