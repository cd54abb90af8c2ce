//! What there is to watch: the configuration once it is checked, resolved and free of secrets.
use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{
    alerts::RuleSpec,
    findings::Scanner,
    id::{CheckId, EnvName, HostName, ServiceId},
    incidents::policy::Policy,
    logs::{LogSpec, derive::DeriveSpec},
    outbox::{NotifierSpec, TrackerSpec},
    runbooks::Runbook,
    runs::{
        Strategy, TwoSets,
        policy::{Calendar, Grave, Roles},
    },
    services::maintenance::Plan,
    telling::Templates,
};

/// Settings of one check kind or recipe, as the configuration gave them after validation.
///
/// Durations are milliseconds. The kind's own file knows the shape: core only carries and compares it.
pub type Params = serde_json::Map<String, serde_json::Value>;

/// Everything the configuration names. Replaced as a whole on reload.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Inventory {
    /// The client's name, shown on line 0.
    pub client: String,
    /// Environments in the order of the configuration.
    pub environments: Vec<Environment>,
    /// Hosts in the order of the configuration.
    pub hosts: Vec<Arc<Host>>,
    /// Services in the order of the configuration, one entry per environment.
    pub services: Vec<Arc<Service>>,
    /// Where logs are, in the order of the configuration.
    pub logs: Vec<Arc<LogSpec>>,
    /// Rules that make fields of log records of other fields.
    pub derives: Vec<Arc<DeriveSpec>>,
    /// Alert rules: the built-in ones as overridden, then the configuration's own.
    pub rules: Vec<Arc<RuleSpec>>,
    /// Where tickets are kept, in the order of the configuration.
    pub trackers: Vec<Arc<TrackerSpec>>,
    /// What a team wrote down of what is to be done.
    pub runbooks: Vec<Arc<Runbook>>,
    /// How people are told, in the order of the configuration.
    pub notifiers: Vec<Arc<NotifierSpec>>,
    /// How the console looks and tells time.
    pub display: Display,
    /// When a change is allowed.
    pub write: WritePolicy,
    /// What the team agreed on for incidents.
    pub policy: Policy,
    /// Planned work, as it was agreed on.
    pub maintenance: Vec<Plan>,
    /// How updates are worded.
    pub updates: Templates,
    /// The scanner whose findings are listed.
    pub scanner: Option<Arc<Scanner>>,
}

/// An environment: `prod`.
#[derive(Clone, Debug, PartialEq)]
pub struct Environment {
    /// Its name.
    pub name: EnvName,
    /// Decides the confirmation level of changes, whatever the name says.
    pub kind: EnvKind,
    /// Who may do what.
    pub roles: Roles,
    /// When versions may be brought out.
    pub calendar: Calendar,
}

impl Environment {
    /// Makes one in which everybody may do everything at any time.
    pub fn new(name: impl Into<EnvName>, kind: EnvKind) -> Self {
        Self { name: name.into(), kind, roles: Roles::default(), calendar: Calendar::default() }
    }
}

/// What kind of environment, which decides how hard a change is guarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EnvKind {
    /// Users are hurt by a mistake: armed write, review, typed name, reason.
    Production,
    /// A rehearsal: review and `y`.
    Staging,
    /// Anything else: review and `y`.
    Other,
}

/// A machine that is reached by SSH, or the machine the console runs on.
#[derive(Clone, Debug, PartialEq)]
pub struct Host {
    /// Its name in the configuration.
    pub name: HostName,
    /// Its environment; none means it is only a jump host and is never changed.
    pub env: Option<EnvName>,
    /// Address or `~/.ssh/config` alias; `local` is this machine without SSH.
    pub address: String,
    /// SSH port, when the configuration says one.
    pub port: Option<u16>,
    /// Login name, when the configuration says one.
    pub user: Option<String>,
    /// Jump hosts, outermost first.
    pub jump: Vec<HostName>,
    /// Private key file.
    pub identity: Option<String>,
    /// Free labels, which rules may match.
    pub labels: BTreeMap<String, String>,
    /// Directories put before PATH on the host: where `pm2` and `node` live.
    pub path_prefix: Vec<String>,
    /// systemd units to watch.
    pub units: Vec<String>,
    /// What `sudo` asks for there.
    pub sudo: Sudo,
}

/// What `sudo` asks for on a host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Sudo {
    /// Nothing.
    #[default]
    Nopasswd,
    /// The password.
    Password {
        /// Reference to it; none: a person is asked.
        from: Option<String>,
    },
}

impl Sudo {
    /// Says whether it asks for a password.
    pub fn asks(&self) -> bool {
        matches!(self, Self::Password { .. })
    }
}

impl Host {
    /// Makes one of no environment that is reached under its name, with nothing said of how.
    pub fn new(name: impl Into<HostName>) -> Self {
        let name = name.into();
        Self {
            address: name.as_str().to_owned(),
            name,
            env: None,
            port: None,
            user: None,
            jump: Vec::new(),
            identity: None,
            labels: BTreeMap::new(),
            path_prefix: Vec::new(),
            units: Vec::new(),
            sudo: Sudo::default(),
        }
    }
}

/// A service in one environment.
#[derive(Clone, Debug, PartialEq)]
pub struct Service {
    /// Its id: `play@prod`.
    pub id: ServiceId,
    /// The recipe that changes it (`node-pm2`, `systemd`), or `external`.
    pub kind: Arc<str>,
    /// The team that owns it.
    pub owner: Option<String>,
    /// Services it needs.
    pub needs: Vec<ServiceId>,
    /// Its objective.
    pub slo: Option<Slo>,
    /// The recipe's settings.
    pub recipe: Params,
    /// Hosts it runs on.
    pub hosts: Vec<HostName>,
    /// Its checks.
    pub checks: Vec<Arc<CheckSpec>>,
    /// How a change goes over its hosts.
    pub rollout: Rollout,
    /// The pipeline that brings it out here, where there is one.
    pub pipeline: Option<Arc<Pipeline>>,
}

/// What of a pipeline is held where its service goes back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PipelineHolds {
    /// Its workflow is disabled, and runs that wait or are queued are stopped.
    #[default]
    Workflow,
    /// Only runs that wait or are queued are stopped: the next push begins another.
    Runs,
    /// Nothing.
    Nothing,
}

/// The workflow of GitHub Actions that brings a service out in an environment.
#[derive(Clone, Debug, PartialEq)]
pub struct Pipeline {
    /// Its repository: `acme/play`.
    pub repo: String,
    /// The workflow's file: `deploy.yml`.
    pub workflow: String,
    /// The branch or tag that a run is begun of.
    pub branch: String,
    /// The environment whose approval it waits for.
    pub environment: Option<String>,
    /// What a run is given.
    pub inputs: BTreeMap<String, String>,
    /// What of it is held where the service goes back.
    pub hold: PipelineHolds,
    /// The input that takes the version.
    pub version_input: Option<String>,
    /// The input that the workflow shows in the name of its run.
    pub id_input: Option<String>,
    /// Reference to the token.
    pub token: String,
    /// Where the API is.
    pub api: String,
}

impl Pipeline {
    /// Makes one of a workflow of GitHub that brings out what is on `main`.
    pub fn new(repo: &str, workflow: &str, token: &str) -> Self {
        Self {
            repo: repo.to_owned(),
            workflow: workflow.to_owned(),
            branch: "main".to_owned(),
            environment: None,
            inputs: BTreeMap::new(),
            hold: PipelineHolds::Workflow,
            version_input: None,
            id_input: None,
            token: token.to_owned(),
            api: "https://api.github.com".to_owned(),
        }
    }
}

impl Service {
    /// Makes one that is only watched, without hosts and checks.
    pub fn new(id: ServiceId) -> Self {
        Self {
            id,
            kind: "external".into(),
            owner: None,
            needs: Vec::new(),
            slo: None,
            recipe: Params::new(),
            hosts: Vec::new(),
            checks: Vec::new(),
            rollout: Rollout::default(),
            pipeline: None,
        }
    }
}

/// How a change goes over the hosts of a service.
#[derive(Clone, Debug, PartialEq)]
pub struct Rollout {
    /// In which order.
    pub strategy: Strategy,
    /// Its two sets of hosts, of which users are served by one; none where all serve.
    pub sets: Option<Arc<TwoSets>>,
    /// How many hosts may fail before it stops.
    pub max_failures: u32,
    /// Milliseconds of good answers after the last host, before it counts as done.
    pub bake_ms: u64,
    /// Whether what failed is taken back without asking, where the recipe can.
    pub undo: UndoPolicy,
    /// Milliseconds for which a success of the same build in staging counts; none where production does not ask for one.
    pub staging_first_ms: Option<u64>,
    /// Whether each host is looked at before it is changed.
    pub snapshot: bool,
    /// Milliseconds after which a host whose health is bad takes a change back by itself when nobody watches.
    pub dead_man_ms: Option<u64>,
    /// Whether a run goes on under `qd watch` when its console is gone.
    pub unattended: bool,
    /// The one host on which migrations run. Default: the first that is changed.
    pub migrate_on: Option<HostName>,
}

impl Default for Rollout {
    fn default() -> Self {
        Self {
            strategy: Strategy::default(),
            sets: None,
            max_failures: 0,
            bake_ms: 0,
            undo: UndoPolicy::default(),
            staging_first_ms: None,
            snapshot: true,
            dead_man_ms: None,
            unattended: false,
            migrate_on: None,
        }
    }
}

/// Whether what failed is taken back without asking.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UndoPolicy {
    /// Where the recipe can.
    #[default]
    Auto,
    /// A person is asked.
    Ask,
}

/// A service level objective.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slo {
    /// Percent of time that is to be up.
    pub objective: f64,
    /// Over how long, in milliseconds.
    pub window_ms: u64,
}

/// One check: what every kind has in common, and the kind's own settings.
#[derive(Clone, Debug, PartialEq)]
pub struct CheckSpec {
    /// Its id: `play@prod/page`.
    pub id: CheckId,
    /// The kind's name: `http`, `tcp`, `tls`, `dns`, `command`.
    pub kind: Arc<str>,
    /// Milliseconds between two starts.
    pub every_ms: u64,
    /// Milliseconds after which it is given up.
    pub timeout_ms: u64,
    /// Failures in a row that make it down.
    pub fail_after: u32,
    /// Milliseconds from which an answer counts as degraded.
    pub slow_ms: Option<u64>,
    /// The host a `command` runs on.
    pub on: Option<HostName>,
    /// The kind's own settings.
    pub params: Params,
}

/// How the console looks and tells time.
#[derive(Clone, Debug, PartialEq)]
pub struct Display {
    /// Theme name or path.
    pub theme: String,
    /// Keymap name or path.
    pub keymap: String,
    /// `auto`, `unicode` or `ascii`.
    pub glyphs: String,
    /// Second clock and the borders of days.
    pub timezone: chrono_tz::Tz,
    /// `[keys]`: action id to key, over the keymap.
    pub keys: BTreeMap<String, String>,
}

impl Default for Display {
    fn default() -> Self {
        Self {
            theme: "dark".into(),
            keymap: "default".into(),
            glyphs: "auto".into(),
            timezone: chrono_tz::UTC,
            keys: BTreeMap::new(),
        }
    }
}

/// When a change is allowed.
#[derive(Clone, Debug, PartialEq)]
pub struct WritePolicy {
    /// Milliseconds that write stays armed.
    pub arm_ms: u64,
    /// What needs a second person.
    pub second_person: Vec<Grave>,
}

impl Default for WritePolicy {
    fn default() -> Self {
        Self { arm_ms: 5 * 60_000, second_person: Vec::new() }
    }
}

impl Inventory {
    /// Returns the services of a host, with their folders there.
    pub fn folders_on(&self, host: &HostName) -> Vec<(ServiceId, Option<String>)> {
        let here = self.services.iter().filter(|service| service.hosts.contains(host));
        here.map(|service| {
            let path = service.recipe.get("path").and_then(serde_json::Value::as_str);
            // A folder of this machine (a playbook's) is not one of the host.
            let path = path.filter(|path| path.starts_with(['/', '~']) && &*service.kind != "ansible");
            (service.id.clone(), path.map(|path| path.trim_end_matches('/').to_owned()))
        })
        .collect()
    }

    /// Finds a service by id.
    pub fn service(&self, id: &ServiceId) -> Option<&Arc<Service>> {
        self.services.iter().find(|service| service.id == *id)
    }

    /// Finds a host by name.
    pub fn host(&self, name: &HostName) -> Option<&Arc<Host>> {
        self.hosts.iter().find(|host| host.name == *name)
    }

    /// Finds an environment by name.
    pub fn environment(&self, name: &EnvName) -> Option<&Environment> {
        self.environments.iter().find(|env| env.name == *name)
    }

    /// Returns an environment's kind; an unknown environment counts as production, the strictest.
    pub fn env_kind(&self, env: &EnvName) -> EnvKind {
        self.environment(env).map_or(EnvKind::Production, |env| env.kind)
    }

    /// Finds a runbook by name.
    pub fn runbook(&self, name: &str) -> Option<&Arc<Runbook>> {
        self.runbooks.iter().find(|book| book.name == name)
    }

    /// Iterates over all checks of all services.
    pub fn checks(&self) -> impl Iterator<Item = &Arc<CheckSpec>> {
        self.services.iter().flat_map(|service| service.checks.iter())
    }

    /// Finds a check by id.
    pub fn check(&self, id: &CheckId) -> Option<&Arc<CheckSpec>> {
        self.service(&id.service)?.checks.iter().find(|check| check.id == *id)
    }
}
