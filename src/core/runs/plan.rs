//! What a change would do, as data: the hosts, the steps, their order, and the way back.
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Build, Deed, PipelineRun, Survey, policy::Grave, sets::Sides, stick::PipelineHold};
use crate::core::{
    hosts::Pm2List,
    id::{HostName, ServiceId, Uid},
    inventory::Inventory,
};

/// What a change would do, as data. Built by a recipe; nothing runs while it is only a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The service it changes.
    pub service: ServiceId,
    /// Verb and object: `restart play`.
    pub title: String,
    /// What kind of change it is.
    #[serde(default)]
    pub action: Action,
    /// What runs there now, where that is known: a release, or one by host.
    #[serde(default)]
    pub from: Option<String>,
    /// The machines behind the names, as they were when it was planned.
    #[serde(default)]
    pub targets: Vec<Target>,
    /// The file that every host must have before any of them is changed.
    #[serde(default)]
    pub upload: Option<Build>,
    /// The steps per host, in order.
    pub steps: Vec<Step>,
    /// The steps per host that take it back, in order; none where nothing can.
    #[serde(default)]
    pub undo_steps: Vec<Step>,
    /// Whether what failed is taken back without asking.
    #[serde(default)]
    pub undo_by_itself: bool,
    /// Milliseconds after which a host takes back what failed there when nobody watches.
    #[serde(default)]
    pub dead_man_ms: Option<u64>,
    /// What is done to the service's pipeline where it goes back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pipeline: Option<PipelineHold>,
    /// What is done to the service's pipeline, where that is all that is done: no host is changed then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deeds: Vec<Deed>,
    /// In which order hosts are changed.
    #[serde(default)]
    pub strategy: Strategy,
    /// How many hosts may fail before it stops.
    #[serde(default)]
    pub max_failures: u32,
    /// What must be seen before the next hosts are changed.
    #[serde(default)]
    pub between: Between,
    /// What is grave about it.
    #[serde(default)]
    pub grave: Vec<Grave>,
    /// Services that need this one: they may notice.
    #[serde(default)]
    pub reach: Vec<ServiceId>,
    /// What users will notice: `a restart cuts open requests`.
    pub effect: String,
    /// How to undo it, or why that is not needed.
    pub undo: String,
    /// What will show that it worked.
    #[serde(default)]
    pub proof: String,
    /// What a person should read before it is confirmed, line by line: what differs between two files.
    #[serde(default)]
    pub notes: Vec<String>,
    /// Where the lock stands that keeps another login out: a file that only one can make.
    pub lock: String,
    /// Where it stands on hosts that have it elsewhere: the service's folder is not there.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub locks: BTreeMap<HostName, String>,
    /// How its hosts stand for it now. No part of what is confirmed: it is looked at again while the review is open.
    #[serde(skip)]
    pub prechecks: Vec<Precheck>,
}

/// How something stands before a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Precheck {
    /// Whether the change may go on.
    pub verdict: Fit,
    /// What was seen: `web-01 has 12 GiB free`.
    pub text: String,
}

/// Whether a change may go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fit {
    /// Nothing stands against it.
    Good,
    /// A person should know of it.
    Doubtful,
    /// It must not, but for one who may set that aside and says why.
    Held,
    /// It must not.
    Bad,
}

/// What kind of change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Action {
    /// The same version starts again.
    #[default]
    Restart,
    /// A version is brought out.
    Deploy {
        /// Which.
        version: String,
    },
    /// An earlier version is brought back.
    Rollback {
        /// Which.
        version: String,
    },
    /// Something else that the recipe knows by this name.
    Other {
        /// Its name.
        name: String,
    },
}

/// The machine behind a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// Its name in the configuration.
    pub host: HostName,
    /// Its address there.
    pub address: String,
    /// What `/etc/machine-id` says; none where it says nothing.
    pub machine_id: Option<String>,
    /// Kind and fingerprint of the key that it showed: `ssh-ed25519 SHA256:…`; none where it is this machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_key: Option<String>,
}

impl Target {
    /// Says which machine it is: `10.0.1.11, machine-id 3d12…, ssh-ed25519 SHA256:…`.
    pub fn words(&self) -> String {
        let machine =
            self.machine_id.as_ref().map_or_else(|| "no machine-id".to_owned(), |id| format!("machine-id {id}"));
        let key = self.host_key.as_ref().map(|key| format!(", {key}")).unwrap_or_default();
        format!("{}, {machine}{key}", self.address)
    }
}

/// One command on one host.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Where.
    pub host: HostName,
    /// What it is called: `restart`.
    pub name: String,
    /// The exact shell text that will run under `sh`, as the review box shows it.
    pub command: String,
    /// Directories put before PATH.
    pub path_prefix: Vec<String>,
    /// Milliseconds after which it is ended.
    pub timeout_ms: u64,
}

/// In which order hosts are changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Strategy {
    /// One after the other.
    #[default]
    OneByOne,
    /// So many at a time.
    Batches {
        /// How many; at least one.
        size: u32,
    },
    /// Some first, then so many at a time.
    Canary {
        /// The first ones.
        hosts: Vec<HostName>,
        /// How many at a time after them; at least one.
        then: u32,
    },
    /// All at once.
    All,
    /// A set that serves nobody first, and then what has users served by it.
    BlueGreen(Sides),
}

/// What must be seen of the service's checks before the next hosts are changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Between {
    /// Answers in a row that are no worse than before.
    pub healthy: u32,
    /// Milliseconds within which they must come.
    pub within_ms: u64,
    /// Milliseconds for which they must stay so after the last hosts.
    #[serde(default)]
    pub bake_ms: u64,
}

impl Default for Between {
    fn default() -> Self {
        Self { healthy: 2, within_ms: 60_000, bake_ms: 0 }
    }
}

/// Facts about a service's hosts that recipes plan with, as of just now.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct PlanFacts {
    /// PM2 processes by host.
    pub pm2: BTreeMap<HostName, Pm2List>,
    /// What hosts said of themselves just now.
    pub hosts: BTreeMap<HostName, Survey>,
    /// Kinds and fingerprints of the keys that they showed.
    pub host_keys: BTreeMap<HostName, String>,
    /// Why hosts said nothing, where a plan may do without them.
    pub silent: BTreeMap<HostName, String>,
    /// What stands in the file that a task is given, where it is short enough to be read.
    pub file: Option<Vec<u8>>,
    /// Runs of its pipeline that have not ended, or why they are not known; none where it has no pipeline.
    pub pipeline: Option<Result<Vec<PipelineRun>, String>>,
}

impl Strategy {
    /// Divides hosts into waves: each is changed at once, and one after the other. Every host is in exactly one.
    pub fn waves(&self, hosts: &[HostName]) -> Vec<Vec<HostName>> {
        let parts = |hosts: &[HostName], size: u32| -> Vec<Vec<HostName>> {
            hosts.chunks(usize::try_from(size.max(1)).unwrap_or(1)).map(<[HostName]>::to_vec).collect()
        };
        match self {
            Self::OneByOne => parts(hosts, 1),
            Self::Batches { size } => parts(hosts, *size),
            Self::All => parts(hosts, u32::MAX),
            Self::BlueGreen(sides) => sides.waves(hosts),
            Self::Canary { hosts: first, then } => {
                let (canaries, rest): (Vec<HostName>, Vec<HostName>) =
                    hosts.iter().cloned().partition(|host| first.contains(host));
                let canaries = (!canaries.is_empty()).then_some(canaries);
                canaries.into_iter().chain(parts(&rest, *then)).collect()
            }
        }
    }

    /// Says it in words: `one at a time`.
    pub fn words(&self) -> String {
        match self {
            Self::OneByOne | Self::Batches { size: 0 | 1 } => "one at a time".to_owned(),
            Self::Batches { size } => format!("{size} at a time"),
            Self::All => "all at once".to_owned(),
            Self::BlueGreen(sides) => sides.words(),
            Self::Canary { hosts, then } => {
                let names: Vec<&str> = hosts.iter().map(HostName::as_str).collect();
                let then = Self::Batches { size: *then }.words();
                format!("{} first, then {then}", names.join(", "))
            }
        }
    }
}

impl Plan {
    /// Makes a plan without steps. `lock` is where its lock stands on the hosts.
    pub fn new(service: ServiceId, title: impl Into<String>, lock: impl Into<String>) -> Self {
        Self {
            service,
            title: title.into(),
            action: Action::default(),
            from: None,
            targets: Vec::new(),
            upload: None,
            steps: Vec::new(),
            undo_steps: Vec::new(),
            undo_by_itself: false,
            dead_man_ms: None,
            pipeline: None,
            deeds: Vec::new(),
            strategy: Strategy::default(),
            max_failures: 0,
            between: Between::default(),
            grave: Vec::new(),
            reach: Vec::new(),
            effect: String::new(),
            undo: String::new(),
            proof: String::new(),
            notes: Vec::new(),
            lock: lock.into(),
            locks: BTreeMap::new(),
            prechecks: Vec::new(),
        }
    }

    /// Says whether another version runs afterwards.
    pub fn changes_version(&self) -> bool {
        matches!(self.action, Action::Deploy { .. } | Action::Rollback { .. })
    }

    /// Returns the hosts that it changes, in its order.
    pub fn hosts(&self) -> Vec<HostName> {
        let mut hosts: Vec<HostName> = Vec::new();
        for step in &self.steps {
            if !hosts.contains(&step.host) {
                hosts.push(step.host.clone());
            }
        }
        hosts
    }

    /// Returns the two sets of its hosts, where there are any.
    pub fn sides(&self) -> Option<&Sides> {
        match &self.strategy {
            Strategy::BlueGreen(sides) => Some(sides),
            Strategy::OneByOne | Strategy::Batches { .. } | Strategy::Canary { .. } | Strategy::All => None,
        }
    }

    /// Returns the hosts that must have its build before any of them is changed; none where there is no build.
    pub fn takes_build(&self) -> Vec<HostName> {
        let mut hosts = if self.upload.is_some() { self.hosts() } else { Vec::new() };
        hosts.retain(|host| !self.sides().is_some_and(|sides| sides.leads(host)));
        hosts
    }

    /// Returns where its lock stands on a host.
    pub fn lock_on(&self, host: &HostName) -> &str {
        self.locks.get(host).unwrap_or(&self.lock)
    }

    /// Returns the hosts by wave.
    pub fn waves(&self) -> Vec<Vec<HostName>> {
        self.strategy.waves(&self.hosts())
    }

    /// Returns the numbers of a host's steps, there or back. Steps back are counted after all steps there.
    pub fn steps_of(&self, host: &HostName, way: Way) -> Vec<usize> {
        let (steps, first) = match way {
            Way::There => (&self.steps, 0),
            Way::Back => (&self.undo_steps, self.steps.len()),
        };
        let own = steps.iter().enumerate().filter(|(_, step)| step.host == *host);
        own.map(|(number, _)| number + first).collect()
    }

    /// Returns a step by its number.
    pub fn step(&self, number: usize) -> Option<&Step> {
        self.steps.iter().chain(&self.undo_steps).nth(number)
    }

    /// Says whether what it is about differs between two configurations: the service, the kind of its environment, a host
    /// or one on the way to it. Names alone are not enough: behind the same name may be another machine.
    pub fn touched(&self, before: &Inventory, after: &Inventory) -> bool {
        let env = &self.service.env;
        let host = |name: &HostName| before.host(name) != after.host(name);
        let way = |name: &HostName| before.host(name).is_some_and(|known| known.jump.iter().any(host));
        before.service(&self.service) != after.service(&self.service)
            || before.env_kind(env) != after.env_kind(env)
            || self.steps.iter().any(|step| host(&step.host) || way(&step.host))
    }
}

/// Whether a change is made or taken back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// It is made.
    #[default]
    There,
    /// It is taken back.
    Back,
}

impl Way {
    /// Returns the id of a run's share on its hosts: what is taken back is a run of its own there.
    pub fn uid(self, run: Uid) -> Uid {
        use sha2::Digest as _;

        match self {
            Self::There => run,
            Self::Back => {
                let mut digest = sha2::Sha256::new();
                digest.update(b"back");
                digest.update(run.0);
                let mut uid = [0; 6];
                uid.iter_mut().zip(digest.finalize()).for_each(|(to, from)| *to = from);
                Uid(uid)
            }
        }
    }
}

/// Returns the first 8 hex digits of the plan's SHA-256: enough for a person to compare two boxes.
pub fn hash(plan: &Plan) -> String {
    use sha2::Digest as _;
    use std::fmt::Write as _;

    let bytes = serde_json::to_vec(plan).unwrap_or_default();
    sha2::Sha256::digest(&bytes).iter().take(4).fold(String::new(), |mut hex, byte| {
        // Writing to a String cannot fail.
        if write!(hex, "{byte:02x}").is_err() {
            hex.clear();
        }
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_host_is_in_exactly_one_wave() {
        let hosts: Vec<HostName> = ["a", "b", "c", "d", "e"].map(HostName::from).to_vec();
        let waves = |strategy: Strategy| -> Vec<String> {
            let waves = strategy.waves(&hosts);
            waves.iter().map(|wave| wave.iter().map(HostName::as_str).collect()).collect()
        };
        assert_eq!(waves(Strategy::OneByOne), ["a", "b", "c", "d", "e"]);
        assert_eq!(waves(Strategy::Batches { size: 2 }), ["ab", "cd", "e"]);
        assert_eq!(waves(Strategy::Batches { size: 0 }), ["a", "b", "c", "d", "e"], "never none at a time");
        assert_eq!(waves(Strategy::All), ["abcde"]);
        let canary =
            |first: &[&str], then| Strategy::Canary { hosts: first.iter().map(|h| (*h).into()).collect(), then };
        assert_eq!(waves(canary(&["c"], 3)), ["c", "abd", "e"]);
        assert_eq!(waves(canary(&["z"], 3)), ["abc", "de"], "a canary that is no host of it");
        assert_eq!(canary(&["c"], 3).words(), "c first, then 3 at a time");
    }

    #[test]
    fn the_way_back_has_an_id_of_its_own() {
        let run = Uid([1, 2, 3, 4, 5, 6]);
        assert_eq!(Way::There.uid(run), run);
        assert_ne!(Way::Back.uid(run), run);
        assert_eq!(Way::Back.uid(run), Way::Back.uid(run));
    }
}
