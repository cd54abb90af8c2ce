//! What changed around the onset, in one ranked list. A suspect is never called the cause: near in time and place is all that is known.
//!
//! [`rank`] scores a change by how long before the onset it was made × how near it is to the service × how often changes of its kind
//! break something × what came of that kind before. Every factor says its reason in words.
use serde::{Deserialize, Serialize};

use crate::core::{
    id::{HostName, ServiceId},
    time::Timestamp,
};

mod action;
pub mod difference;
mod merge;
mod rank;
mod state;
#[cfg(test)]
mod tests;

pub use action::SuspectAction;
pub use difference::Between;
pub use merge::{fold_files, merge};
pub use rank::{Around, CONVINCING, History, Places, Ranking, Suspect, Tally, Weight, Weights, rank, rank_with};
pub use state::{Looked, Msg, State};

/// What is said of a start of a machine of which no more is known.
pub const ANEW: &str = "it started anew";
/// When something began is counted back from how long it runs, in whole seconds, and from clocks that drift: so near is the same moment.
const KEY_MS: i64 = 5_000;

/// Something that was changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// When.
    pub at: Timestamp,
    /// What kind.
    pub kind: Kind,
    /// What, in one line: `v2.31.0`, `/etc/nginx/sites-available/play.conf`, `libssl3 3.0.15 → 3.0.16`.
    pub what: String,
    /// The service that it belongs to; none where it belongs to its hosts, or to nothing that is known.
    #[serde(default)]
    pub service: Option<ServiceId>,
    /// The hosts that it was made on; empty where that is not known.
    #[serde(default)]
    pub hosts: Vec<HostName>,
    /// Who made it, where that is known.
    #[serde(default)]
    pub by: Option<String>,
    /// How it is known.
    pub source: Source,
    /// What is known of it beyond one line: a difference, a reason.
    #[serde(default)]
    pub detail: Vec<String>,
    /// What it lies between, where that can be compared.
    #[serde(default)]
    pub between: Option<Between>,
}

/// What kind of change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A version was brought out, or brought back.
    Deploy,
    /// Something was started anew.
    Restart,
    /// A configuration file was written.
    Config,
    /// A package was installed, upgraded or removed.
    Package,
    /// A job began that its time started.
    Cron,
    /// Somebody logged in.
    Login,
    /// A certificate was replaced, or expired.
    Certificate,
    /// Somebody had alerts be silent.
    Silence,
    /// A machine started, with another kernel or the same.
    Reboot,
}

/// How a change is known. What comes first is believed where two tell of the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// A run of this console or another one.
    Run,
    /// GitHub.
    Github,
    /// The checks.
    Checks,
    /// Folders of releases, and what `current` leads to.
    Releases,
    /// The package manager's log.
    Packages,
    /// When files were written.
    Files,
    /// What the recorder knew of files.
    Hashes,
    /// PM2.
    Pm2,
    /// systemd.
    Systemd,
    /// The system's log.
    Syslog,
    /// The record of logins.
    Logins,
    /// When the machine started.
    Boot,
    /// What people declared in the console.
    Console,
}

/// What one host told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostChanges {
    /// What changed there.
    pub changes: Vec<Change>,
    /// What could not be read there, and why.
    pub missing: Vec<String>,
}

/// Returns the service, of those of a host with their folders, whose folder a path lies in, or that gave its file the name.
pub fn service_of(services: &[(ServiceId, Option<String>)], path: &str) -> Option<ServiceId> {
    let within = |folder: &str| {
        // A tilde is the home of who logs in, wherever that is.
        let rest = match folder.strip_prefix('~') {
            Some(home) => path.find(home).and_then(|at| path.get(at + home.len()..)),
            None => path.strip_prefix(folder),
        };
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let file = path.rsplit('/').next().unwrap_or(path);
    let stem = file.split('.').next().unwrap_or(file);
    let own = services.iter().find(|(_, folder)| folder.as_deref().is_some_and(within));
    let own = own.or_else(|| services.iter().find(|(id, _)| id.service.as_str() == stem));
    own.map(|(id, _)| id.clone())
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Deploy,
        Self::Restart,
        Self::Config,
        Self::Package,
        Self::Cron,
        Self::Login,
        Self::Certificate,
        Self::Silence,
        Self::Reboot,
    ];

    /// Returns its word, of at most seven letters.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Deploy => "deploy",
            Self::Restart => "restart",
            Self::Config => "config",
            Self::Package => "package",
            Self::Cron => "cron",
            Self::Login => "login",
            Self::Certificate => "cert",
            Self::Silence => "silence",
            Self::Reboot => "reboot",
        }
    }
}

impl Source {
    /// Says it in words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Run => "a run of qd",
            Self::Github => "GitHub",
            Self::Checks => "the checks",
            Self::Releases => "the folder of releases",
            Self::Packages => "the package log",
            Self::Files => "the file's time",
            Self::Hashes => "the file's hash",
            Self::Pm2 => "PM2",
            Self::Systemd => "systemd",
            Self::Syslog => "the system's log",
            Self::Logins => "the record of logins",
            Self::Boot => "the time of the start",
            Self::Console => "the console",
        }
    }
}

impl Change {
    /// Makes one of which no more is known than this.
    pub fn new(at: Timestamp, kind: Kind, what: impl Into<String>, source: Source) -> Self {
        Self {
            at,
            kind,
            what: what.into(),
            service: None,
            hosts: Vec::new(),
            by: None,
            source,
            detail: Vec::new(),
            between: None,
        }
    }

    /// Returns by what it is known in an incident's events, the same on every console: `deploy play@prod v2.31.0 2026-11-21T02:58:12Z`.
    /// Its first word is the kind's.
    pub fn key(&self) -> String {
        let place = match (&self.service, self.hosts.first()) {
            (Some(service), _) => service.to_string(),
            (None, Some(host)) => host.to_string(),
            (None, None) => "-".to_owned(),
        };
        let seconds = Timestamp(self.at.0.div_euclid(1_000) * 1_000);
        format!("{} {place} {} {}", self.kind.word(), self.what, seconds.rfc3339())
    }

    /// Says whether this is what a key names: words and moments of a start of a machine differ with who tells of it.
    pub fn is_named(&self, key: &str) -> bool {
        let own = self.key();
        if own == key {
            return true;
        }
        let part = |key: &str| {
            let (rest, at) = key.rsplit_once(' ')?;
            let at = chrono::DateTime::parse_from_rfc3339(at).ok()?.timestamp_millis();
            Some((rest.to_owned(), Timestamp(at)))
        };
        let (Some((own, at)), Some((named, then))) = (part(&own), part(key)) else { return false };
        let apart = at.since(then).abs();
        match self.kind {
            Kind::Reboot => apart <= merge::SAME_MS && own.split(' ').take(2).eq(named.split(' ').take(2)),
            // A job or a login that comes again is another one, however soon.
            Kind::Cron | Kind::Login => false,
            Kind::Deploy | Kind::Restart | Kind::Config | Kind::Package | Kind::Certificate | Kind::Silence => {
                apart <= KEY_MS && own == named
            }
        }
    }

    /// Returns the kind that a key is about.
    pub fn kind_of(key: &str) -> Option<Kind> {
        let word = key.split(' ').next()?;
        Kind::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// Says what it is and where, in one line: `deploy v2.31.0 of play@prod on web-01`.
    pub fn line(&self) -> String {
        let of = self.service.as_ref().map(|service| format!(" of {service}")).unwrap_or_default();
        let names: Vec<&str> = self.hosts.iter().map(HostName::as_str).collect();
        let on = if names.is_empty() { String::new() } else { format!(" on {}", names.join(", ")) };
        format!("{} {}{of}{on}", self.kind.word(), self.what)
    }
}
