//! Runbooks: steps that a team wrote down, each a command that only looks or that changes, and what its answer must be.
//!
//! Read by `parse::runbook`. What only looks runs at once; what changes is planned and goes through the one gate.
mod action;
mod expect;
mod param;
mod patch;
mod state;
#[cfg(test)]
mod tests;
mod words;
mod written;

use std::collections::BTreeMap;

pub use action::RunbookAction;
pub use expect::{Answer, Expect, Judged, Order, judge};
pub use param::{MOST_BYTES, Param, Takes};
pub use patch::{Counts, counts, notes, patch};
pub use state::{Msg, State};
pub use words::words;
pub use written::{Asked, LOOKED};

use super::{
    id::{HostName, ServiceId, ServiceName},
    inventory::{Host, Inventory, Service},
    logs::filter::grep::quote,
    runs::policy::Grave,
};

/// A runbook.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Runbook {
    /// Its file's name without `.md`.
    pub name: String,
    /// Where it stands.
    pub path: String,
    /// Its first heading.
    pub title: String,
    /// The first paragraph under it.
    pub about: String,
    /// The types of incidents for which it is offered; empty: any.
    pub types: Vec<String>,
    /// The services for which it is offered, by name.
    pub services: Vec<String>,
    /// The kinds of services for which it is offered.
    pub kinds: Vec<String>,
    /// Its headings that have steps.
    pub sections: Vec<Section>,
    /// What its steps are given.
    pub params: Vec<Param>,
    /// Its steps, in order; ways back too.
    pub steps: Vec<Step>,
}

/// A heading with steps under it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Section {
    /// The heading as a name: `drain-a-node`.
    pub name: String,
    /// The heading.
    pub title: String,
    /// The first paragraph under it.
    pub doc: String,
}

/// A step.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// What it is called within its runbook: `count-connections`.
    pub id: String,
    /// What a person reads.
    pub name: String,
    /// Under which of the sections it stands.
    pub section: usize,
    /// What is written above it.
    pub prose: String,
    /// The shell text, as it is written.
    pub command: String,
    /// Whether it changes something.
    pub mode: Mode,
    /// Where it runs.
    pub on: On,
    /// What its answer must be.
    pub expect: Vec<Expect>,
    /// What it must exit with; none: anything.
    pub exit: Option<i32>,
    /// Milliseconds after which it is ended.
    pub timeout_ms: u64,
    /// What is grave about it.
    pub grave: Vec<Grave>,
    /// What it is given, of the runbook's.
    pub takes: Vec<String>,
    /// The line of its fence, from 1.
    pub line: usize,
}

/// Whether a step changes something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    /// It only looks.
    Read,
    /// It changes something; so does what does not say.
    #[default]
    Change,
    /// It takes back what the changing steps under its heading did.
    Undo,
}

impl Mode {
    /// Returns its name.
    pub fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Change => "change",
            Self::Undo => "undo",
        }
    }
}

/// Where a step runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum On {
    /// On each host of the service.
    #[default]
    Each,
    /// On the first host of the service.
    First,
    /// On this host.
    Host(HostName),
    /// On each host of the environment with this label.
    Label(String, String),
    /// On each host of another service in the environment.
    Service(ServiceName),
}

impl On {
    /// Says it in words.
    pub fn words(&self) -> String {
        match self {
            Self::Each => "each host".to_owned(),
            Self::First => "the first host".to_owned(),
            Self::Host(host) => host.to_string(),
            Self::Label(key, value) => format!("hosts with {key} {value}"),
            Self::Service(service) => format!("hosts of {service}"),
        }
    }
}

impl Runbook {
    /// Finds a step by its id, or by its number from 1 among those that are no way back.
    pub fn step(&self, called: &str) -> Option<&Step> {
        let by_number = || self.numbered().nth(called.parse::<usize>().ok()?.checked_sub(1)?);
        self.steps.iter().find(|step| step.id == called).or_else(by_number)
    }

    /// Iterates over the steps that a person goes through: all but ways back.
    pub fn numbered(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter().filter(|step| step.mode != Mode::Undo)
    }

    /// Returns the number of a step, from 1.
    pub fn number(&self, id: &str) -> Option<usize> {
        self.numbered().position(|step| step.id == id).map(|at| at + 1)
    }

    /// Iterates over the steps that take back what one did.
    pub fn undo_of(&self, step: &Step) -> impl Iterator<Item = &Step> {
        let section = step.section;
        self.steps.iter().filter(move |other| other.mode == Mode::Undo && other.section == section)
    }

    /// Iterates over what a step is given.
    pub fn takes<'a>(&'a self, step: &'a Step) -> impl Iterator<Item = &'a Param> {
        self.params.iter().filter(|param| step.takes.contains(&param.name))
    }

    /// Says how well it fits an incident: 0 not at all, more is better.
    pub fn fits(&self, class: Option<&str>, service: Option<&Service>) -> u8 {
        let named = service.is_some_and(|of| self.services.iter().any(|name| name == of.id.service.as_str()));
        let kind = service.is_some_and(|of| self.kinds.iter().any(|kind| **kind == *of.kind));
        let anywhere = self.services.is_empty() && self.kinds.is_empty();
        if !named && !kind && !anywhere {
            return 0;
        }
        let typed = class.is_some_and(|class| self.types.iter().any(|known| known == class));
        if class.is_some() && !typed && !self.types.is_empty() && !named {
            return 0;
        }
        // What says nothing of where it belongs is offered only where its type is.
        if anywhere && !typed {
            return 0;
        }
        1 + u8::from(named) * 4 + u8::from(kind) * 2 + u8::from(typed)
    }

    /// Returns the shell text of a step with what it is given before it: each value is one word, whatever stands in it.
    ///
    /// # Errors
    /// What is missing or wrong.
    pub fn script(&self, step: &Step, given: &BTreeMap<String, String>) -> Result<String, String> {
        if let Some(stray) = given.keys().find(|name| !self.params.iter().any(|param| param.name == **name)) {
            let known: Vec<&str> = self.params.iter().map(|param| param.name.as_str()).collect();
            let known =
                if known.is_empty() { "it takes nothing".into() } else { format!("it takes {}", known.join(", ")) };
            return Err(format!("{} is given `{stray}`, and {known}", self.name));
        }
        let mut text = String::new();
        for param in self.takes(step) {
            let Some(value) = given.get(&param.name).or(param.default.as_ref()) else {
                return Err(format!("{} needs `{}`: {}", step.name, param.name, param.takes.words()));
            };
            param.check(value)?;
            text.push_str(&assign(&variable(&param.name), value));
        }
        text.push_str(&step.command);
        Ok(text)
    }
}

/// A step that only looks, with all that it is given.
#[derive(Clone, Debug, PartialEq)]
pub struct Look {
    /// The shell text that runs.
    pub script: String,
    /// What it must exit with; none: anything.
    pub exit: Option<i32>,
    /// What its answer must be.
    pub expect: Vec<Expect>,
    /// Milliseconds after which it is ended.
    pub timeout_ms: u64,
}

impl Look {
    /// Makes one of a step.
    ///
    /// # Errors
    /// What is missing or wrong in what it is given.
    pub fn new(book: &Runbook, step: &Step, given: &BTreeMap<String, String>) -> Result<Self, String> {
        let script = book.script(step, given)?;
        Ok(Self { script, exit: step.exit, expect: step.expect.clone(), timeout_ms: step.timeout_ms })
    }
}

/// What a host answered to a step that only looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Where.
    pub host: HostName,
    /// What it exited with; none: nobody knows how it ended.
    pub exit: Option<i32>,
    /// Whether it is what it must be; none: nobody knows.
    pub met: Option<bool>,
    /// Why it is not; empty where it is.
    pub why: String,
    /// SHA-256 of what it printed, in hex; empty where there is nothing.
    pub sha256: String,
    /// The first lines of it, sanitised and redacted.
    pub head: Vec<String>,
}

impl Seen {
    /// Says in a word whether it is what it must be.
    pub fn word(&self) -> &'static str {
        met_word(self.met)
    }
}

/// Says in a word whether an answer is what it must be.
pub fn met_word(met: Option<bool>) -> &'static str {
    match met {
        Some(true) => "as it must be",
        Some(false) => "NOT as it must be",
        None => "unknown",
    }
}

/// What a step finds a value in: `$QD_NODE` for `node`.
pub fn variable(name: &str) -> String {
    format!("QD_{}", name.to_ascii_uppercase())
}

/// Sets a variable for what comes after; its value is one word of a POSIX shell.
pub fn assign(variable: &str, value: &str) -> String {
    format!("{variable}={}; export {variable}\n", quote(&value.replace('\0', "")))
}

/// Returns the hosts that a step runs on, of a service.
///
/// # Errors
/// That there is none, and why.
pub fn hosts(inventory: &Inventory, service: &ServiceId, on: &On) -> Result<Vec<HostName>, String> {
    let own = |id: &ServiceId| inventory.service(id).map(|service| service.hosts.clone());
    let env = &service.env;
    let found = match on {
        On::Each => own(service).unwrap_or_default(),
        On::First => own(service).unwrap_or_default().into_iter().take(1).collect(),
        On::Host(host) => vec![host.clone()],
        On::Label(key, value) => {
            let with = |host: &&std::sync::Arc<Host>| {
                host.env.as_ref() == Some(env) && host.labels.get(key).is_some_and(|known| known == value)
            };
            inventory.hosts.iter().filter(with).map(|host| host.name.clone()).collect()
        }
        On::Service(name) => own(&ServiceId { service: name.clone(), env: env.clone() }).unwrap_or_default(),
    };
    if found.is_empty() {
        return Err(format!("{service}: there are no {} to run it on", plural(&on.words())));
    }
    // What only looks is held to it too: a step never reaches a host of another environment.
    let stray = found.iter().find(|name| inventory.host(name).and_then(|host| host.env.as_ref()) != Some(env));
    match stray {
        Some(host) => Err(format!("{host} is not in {env}: a step for {service} does not run there")),
        None => Ok(found),
    }
}

/// Returns the hosts that a step runs on where it is about hosts and no service: those of them that it names.
///
/// # Errors
/// Why there are none.
pub fn among(inventory: &Inventory, hosts: &[HostName], on: &On) -> Result<Vec<HostName>, String> {
    let fits = |host: &&HostName| match on {
        On::Each | On::First => true,
        On::Host(named) => named == *host,
        On::Label(key, value) => inventory.host(host).is_some_and(|of| of.labels.get(key) == Some(value)),
        On::Service(_) => false,
    };
    let most = if matches!(on, On::First) { 1 } else { usize::MAX };
    let found: Vec<HostName> =
        hosts.iter().filter(|host| inventory.host(host).is_some()).filter(fits).take(most).cloned().collect();
    if found.is_empty() { Err(format!("it runs on {}: name the service", on.words())) } else { Ok(found) }
}

fn plural(words: &str) -> String {
    match words {
        "each host" | "the first host" => "hosts".to_owned(),
        other => other.to_owned(),
    }
}

const TASK: &str = "runbook ";

/// Returns the name of the task that runs a step: it is planned by every recipe alike.
pub fn task(book: &str, step: &str) -> String {
    format!("{TASK}{book}/{step}")
}

/// Returns the runbook and the step that a task runs.
pub fn of_task(name: &str) -> Option<(&str, &str)> {
    name.strip_prefix(TASK)?.split_once('/')
}
