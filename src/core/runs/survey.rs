//! What hosts say of themselves before they are changed.
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::PipelineOrder;
use crate::core::time::{Timestamp, short};

/// What is wanted of a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Wanted {
    /// The same version, started again.
    Restart,
    /// Another version, brought out.
    Deploy {
        /// Which.
        what: What,
    },
    /// An earlier release.
    Rollback {
        /// Its name or version; none: the best there is.
        to: Option<String>,
    },
    /// Something else that the recipe knows how to do.
    Task(Order),
    /// Something that is done to its pipeline.
    Pipeline(PipelineOrder),
}

/// What is brought out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum What {
    /// An archive of this machine.
    Build(Build),
    /// What the hosts fetch themselves: a git ref, the tag of an image, a revision.
    Version {
        /// Its name.
        version: String,
    },
    /// What the recipe is set to bring out: its `ref`, or the newest there is.
    Default,
}

/// One of a recipe's tasks, asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Its name: `scale`.
    pub task: String,
    /// What it is given: `replicas` is `5`.
    #[serde(default)]
    pub settings: BTreeMap<String, String>,
    /// A file of this machine that it is given.
    #[serde(default)]
    pub file: Option<Build>,
}

/// A task that a recipe has beside restart, deploy and rollback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// Its name: `scale`.
    pub name: String,
    /// What it does, as a sentence.
    pub doc: String,
    /// What it is given: name, whether it must be, and what it means.
    pub takes: Vec<Takes>,
    /// Whether it needs a file of this machine.
    pub file: bool,
}

/// What a task is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Takes {
    /// Its name: `replicas`.
    pub name: String,
    /// Whether it must be given.
    pub required: bool,
    /// What it means, as a sentence.
    pub doc: String,
}

/// A build on this machine, ready to be brought to hosts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Build {
    /// The archive's path here.
    pub path: String,
    /// What the version is called.
    pub version: String,
    /// SHA-256 of the archive, in lower-case hex.
    pub sha256: String,
    /// Its length.
    pub bytes: u64,
    /// When it was made: it gives the release its name, so that the same build has the same one everywhere.
    pub made: Timestamp,
}

/// What a host says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Survey {
    /// `/etc/machine-id`.
    pub machine_id: Option<String>,
    /// Who holds the lock of the service.
    pub lock: Option<Holder>,
    /// Bytes free where the application stands.
    pub free_bytes: Option<u64>,
    /// The name of the release that `current` leads to.
    pub current: Option<String>,
    /// Complete releases, the newest last.
    pub releases: Vec<Release>,
    /// What the recipe's own questions were answered, by their names. Text from outside, sanitised.
    pub own: BTreeMap<String, String>,
}

/// Who holds a lock.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Holder {
    /// Who.
    pub by: Option<String>,
    /// Since when, by the host's clock.
    pub since: Option<Timestamp>,
    /// The run it is for.
    pub run: Option<String>,
    /// Whether that run goes on, where the host can tell.
    pub alive: Option<bool>,
    /// Seconds since it last gave a sign of life, by the host's clock. It gives one every five seconds while a step runs.
    pub silent_s: Option<u64>,
}

impl Holder {
    /// Says who it is, since when, and whether that is over: `ana since 2026-11-20T03:12:41Z, and its run goes on`.
    pub fn words(&self) -> String {
        let by = self.by.as_deref().unwrap_or("somebody");
        let since = self.since.map(|at| format!(" since {}", at.rfc3339())).unwrap_or_default();
        let sign = self.silent_s.map(|seconds| format!("; its last sign of life was {} ago", short(seconds * 1_000)));
        let run = match self.alive {
            Some(true) => ", and its run goes on".to_owned(),
            Some(false) => ", and its run is dead: `qd lock` shows it and can recover it".to_owned(),
            None => sign.unwrap_or_default(),
        };
        format!("{by}{since}{run}")
    }
}

/// A release that lies complete on a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// Its folder's name: `20261120025801-v2.31.0`.
    pub name: String,
    /// Its version.
    pub version: String,
    /// SHA-256 of the archive that it came from.
    pub sha256: String,
    /// When it was unpacked there.
    pub at: Option<Timestamp>,
    /// Who brought it.
    pub by: String,
}

impl Build {
    /// Returns the name of the release that it becomes: when it was made, and its version.
    pub fn release(&self) -> String {
        let made = self.made.to_utc().map(|at| at.format("%Y%m%d%H%M%S").to_string()).unwrap_or_default();
        format!("{made}-{}", self.version)
    }
}

/// Says whether a text can be a version: it becomes the name of a folder, and part of commands.
pub fn is_version(text: &str) -> bool {
    text.len() <= 48 && is_release(text)
}

/// Says whether a text can be the name of a release.
pub fn is_release(text: &str) -> bool {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || "._+-".contains(letter);
    (1..=80).contains(&text.len()) && text.chars().all(fits) && !text.starts_with(['.', '-'])
}
