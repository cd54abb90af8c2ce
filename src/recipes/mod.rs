//! Recipes: how a service of some stack is changed. One file per stack; a recipe builds a plan and runs nothing.
mod ansible;
mod apache_site;
mod command;
mod compose;
mod ecs;
mod kubernetes;
mod laravel_apache;
mod locks;
mod nginx_site;
mod node_pm2;
mod offers;
mod packages;
mod pipeline;
mod prechecks;
mod release;
mod resend;
mod runbooks;
mod sets;
mod systemd;
mod web;

use self::locks::lock;
use crate::{
    config::{Field, Kind, Misfit, Shape},
    core::{
        id::HostName,
        inventory::{Inventory, Params, Service, UndoPolicy},
        logs::LogPlace,
        runs::{
            Action, Order, Plan, PlanFacts, SNAPSHOT, Step, Strategy, Survey, Task, Wanted, What,
            offer::{Brings, Known},
            policy::{Grave, MANY},
        },
    },
};

/// Every recipe, by the `kind` of its services.
pub const ALL: &[&dyn Recipe] = &[
    &ansible::Ansible,
    &apache_site::APACHE_SITE,
    &command::Command,
    &compose::Compose,
    &ecs::Ecs,
    &kubernetes::Kubernetes,
    &laravel_apache::LaravelApache,
    &nginx_site::NGINX_SITE,
    &node_pm2::NodePm2,
    &packages::Packages,
    &resend::Resend,
    &systemd::Systemd,
];

pub use sets::Runs;

/// What a recipe plans with.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The configuration.
    pub inventory: &'a Inventory,
    /// The service that is to be changed.
    pub service: &'a Service,
    /// What its hosts said just now.
    pub facts: &'a PlanFacts,
}

/// How services of one kind are changed. A recipe says what would run, and runs nothing: what it makes is read by a person, and
/// names in its plan what users notice, how it is undone and what proves it.
pub trait Recipe: Kind {
    /// Plans a restart on every host of the service.
    ///
    /// # Errors
    /// Why it cannot be planned, and what to do: a sentence for the message line.
    fn restart(&self, of: Context<'_>) -> Result<Plan, String>;

    /// Plans to bring a version out.
    ///
    /// # Errors
    /// Why it cannot be planned, and what to do.
    fn deploy(&self, of: Context<'_>, what: &What) -> Result<Plan, String> {
        let _ = what;
        Err(format!("a service of kind `{}` cannot be deployed from here: {}", self.name(), of.service.id))
    }

    /// Says what can be brought out of a service, before any host is asked; none where it cannot be deployed.
    fn brings(&self, service: &Service) -> Option<Brings> {
        let _ = service;
        None
    }

    /// Lists the versions that hosts know, from what they said.
    ///
    /// # Errors
    /// Why it is not known.
    fn known(&self, of: Context<'_>) -> Result<Known, String> {
        let _ = of;
        Ok(Known::default())
    }

    /// Plans to bring an earlier release back: the named one, or the best there is.
    ///
    /// # Errors
    /// Why it cannot be planned, and what to do.
    fn rollback(&self, of: Context<'_>, to: Option<&str>) -> Result<Plan, String> {
        let _ = to;
        Err(format!("a service of kind `{}` cannot be rolled back from here: {}", self.name(), of.service.id))
    }

    /// Lists what else it can do for a service.
    fn tasks(&self, service: &Service) -> Vec<Task> {
        let _ = service;
        Vec::new()
    }

    /// Plans one of its [`Recipe::tasks`]; what is asked for has been held against them.
    ///
    /// # Errors
    /// Why it cannot be planned, and what to do.
    fn task(&self, of: Context<'_>, order: &Order) -> Result<Plan, String> {
        Err(format!("a service of kind `{}` has no task `{}`: {}", self.name(), order.task, of.service.id))
    }

    /// Returns what it asks every host before it plans: a shell text that changes nothing and prints `@@ own NAME` before each
    /// answer. Answers come back in [`Survey::own`](crate::core::runs::Survey); `@@ current` and `@@ releases` fill those fields.
    fn survey(&self, service: &Service, wanted: &Wanted) -> Option<String> {
        let _ = (service, wanted);
        None
    }

    /// Names the hosts that it asks and works on: all of them, or only the one that controls the others.
    fn hosts<'a>(&self, service: &'a Service) -> &'a [HostName] {
        &service.hosts
    }

    /// Says in which order its hosts are changed: as the configuration has it, unless that would be wrong for all of its kind.
    fn strategy(&self, service: &Service) -> Strategy {
        service.rollout.strategy.clone()
    }

    /// Says whether what is seen of its hosts is kept before they are changed: of a host that only controls others it says
    /// nothing.
    fn looks_first(&self) -> bool {
        true
    }

    /// Says what a host runs, where it can be of a set of its service; none where that is not known.
    fn runs(&self, of: Context<'_>, host: &HostName) -> Option<Runs> {
        let survey = of.facts.hosts.get(host)?;
        let name = survey.current.clone()?;
        let release = survey.releases.iter().find(|release| release.name == name);
        let version = release.map_or_else(|| name.clone(), |release| release.version.clone());
        Some(Runs { version, since: release.and_then(|release| release.at), also: Vec::new(), name })
    }

    /// Plans to see that a host runs what it has, and is well: what runs well already is not changed.
    ///
    /// # Errors
    /// Why it cannot be seen, and what to do.
    fn stands(&self, of: Context<'_>, host: &HostName) -> Result<Vec<Step>, String> {
        Err(format!("a service of kind `{}` does not say how it stands on {host}: {}", self.name(), of.service.id))
    }

    /// Names the best release to go back to from what runs now, of those that all hosts have; none where they have no order.
    ///
    /// # Errors
    /// That there is none, and what to do.
    fn before(&self, of: Context<'_>, now: &Runs) -> Result<Option<String>, String> {
        let _ = (of, now);
        Ok(None)
    }

    /// Says whether it plans with the lists of PM2.
    fn reads_pm2(&self) -> bool {
        false
    }
}

impl<'a> Context<'a> {
    /// Returns a setting of the recipe that is text.
    pub fn text(&self, key: &str) -> Option<&'a str> {
        self.service.recipe.get(key).and_then(serde_json::Value::as_str)
    }

    /// Returns a setting of the recipe that is `true` or `false`.
    pub fn flag(&self, key: &str, default: bool) -> bool {
        self.service.recipe.get(key).and_then(serde_json::Value::as_bool).unwrap_or(default)
    }

    /// Returns a setting of the recipe that is a number, or a duration in milliseconds.
    pub fn number(&self, key: &str, default: u64) -> u64 {
        self.service.recipe.get(key).and_then(serde_json::Value::as_u64).unwrap_or(default)
    }

    /// Returns a setting that the plan cannot do without.
    ///
    /// # Errors
    /// That it is missing.
    pub fn needed(&self, key: &str) -> Result<&'a str, String> {
        self.text(key).ok_or_else(|| format!("{}: its recipe says no `{key}`", self.service.id))
    }

    /// Returns what a host said of itself.
    ///
    /// # Errors
    /// That it said nothing.
    pub fn survey(&self, host: &HostName) -> Result<&'a Survey, String> {
        self.facts.hosts.get(host).ok_or_else(|| {
            let why = self.facts.silent.get(host).map(|why| format!(": {why}")).unwrap_or_default();
            format!("{host} did not say how it stands{why}")
        })
    }

    /// Returns what a host answered to a question of the recipe's own.
    pub fn said(&self, host: &HostName, name: &str) -> Option<&'a str> {
        self.facts.hosts.get(host)?.own.get(name).map(|said| said.trim_end_matches('\n'))
    }

    /// Makes a step: `command` is shell text, whatever came from outside in it quoted.
    pub fn step(&self, host: &HostName, name: impl Into<String>, command: impl Into<String>, timeout_ms: u64) -> Step {
        Step {
            host: host.clone(),
            name: name.into(),
            command: command.into(),
            path_prefix: self.inventory.host(host).map_or_else(Vec::new, |host| host.path_prefix.clone()),
            timeout_ms,
        }
    }

    /// Makes a plan without steps: verb and object are its title.
    pub fn plan(&self, title: impl Into<String>) -> Plan {
        Plan::new(self.service.id.clone(), title, lock(self.service))
    }
}

/// Returns all recipes as the configuration needs them.
pub fn kinds() -> Vec<&'static dyn Kind> {
    ALL.iter().map(|recipe| *recipe as &dyn Kind).collect()
}

/// Plans a change by the recipe of the service's kind.
///
/// # Errors
/// Why it cannot be planned, and what to do.
pub fn plan(inventory: &Inventory, service: &Service, wanted: &Wanted, facts: &PlanFacts) -> Result<Plan, String> {
    if service.hosts.is_empty() {
        return Err(format!("{} has no hosts in the configuration", service.id));
    }
    let of_kind = of(service);
    let of = Context { inventory, service, facts };
    let mut plan = match (runbooks::wanted(inventory, wanted), wanted, of_kind) {
        (Some(step), Wanted::Task(order), _) => runbooks::plan(of, step?, order)?,
        (_, _, Some(recipe)) => planned(of, recipe, wanted)?,
        (_, _, None) => {
            return Err(format!("{}: nobody knows how to change a service of kind `{}`", service.id, service.kind));
        }
    };
    let rollout = &service.rollout;
    plan.max_failures = rollout.max_failures;
    plan.undo_by_itself &= rollout.undo == UndoPolicy::Auto;
    plan.reach =
        inventory.services.iter().filter(|of| of.needs.contains(&service.id)).map(|of| of.id.clone()).collect();
    if plan.hosts().len() > MANY {
        plan.grave.push(Grave::ManyHosts);
    }
    plan.grave.sort_unstable();
    plan.grave.dedup();
    if plan.changes_version() {
        plan.between.bake_ms = rollout.bake_ms;
    }
    plan.pipeline = pipeline::held_with(service, wanted, &plan);
    if let Some(hold) = &plan.pipeline {
        let when = if matches!(wanted, Wanted::Rollback { .. }) { "with it" } else { "where it is taken back" };
        plan.notes.push(format!("{when}, {}; `qd pipeline release {}` undoes that", hold.words(), service.id));
    }
    if plan.undo_by_itself {
        plan.dead_man_ms = rollout.dead_man_ms;
    }
    if rollout.snapshot && of_kind.is_some_and(Recipe::looks_first) && !matches!(plan.action, Action::Other { .. }) {
        plan.steps = with_snapshots(of, &plan);
    }
    plan.targets = prechecks::targets(inventory, &plan.hosts(), facts)?;
    plan.prechecks.extend(prechecks::of(&plan, facts));
    plan.prechecks.extend(pipeline::prechecks(service, (wanted, &plan), facts));
    Ok(plan)
}

/// Why a recipe plans nothing of what is done to a pipeline: no host has a part in it.
const NO_RECIPE: &str = "what is done to a pipeline is planned by no recipe";

/// Has the recipe plan what is wanted; the order of the hosts is part of it.
fn planned(of: Context<'_>, recipe: &dyn Recipe, wanted: &Wanted) -> Result<Plan, String> {
    let service = of.service;
    let own = |plan: Plan| Plan { strategy: recipe.strategy(service), ..plan };
    let sets = service.rollout.sets.as_deref();
    match (wanted, sets) {
        (Wanted::Task(order), _) if order.task == RECOVER_LOCK => locks::recover(of).map(own),
        (Wanted::Task(order), Some(sets)) if order.task == sets::SWITCH => {
            check_order(&tasks(service), service, order).and_then(|()| sets::plan(of, recipe, sets, wanted))
        }
        (Wanted::Task(order), _) => {
            check_order(&recipe.tasks(service), service, order).and_then(|()| recipe.task(of, order)).map(own)
        }
        (Wanted::Pipeline(_), _) => Err(NO_RECIPE.to_owned()),
        (_, Some(sets)) => sets::plan(of, recipe, sets, wanted),
        (Wanted::Restart, None) => recipe.restart(of).map(own),
        (Wanted::Deploy { what }, None) => recipe.deploy(of, what).map(own),
        (Wanted::Rollback { to }, None) => recipe.rollback(of, to.as_deref()).map(own),
    }
}

/// Says what can be brought out of a service.
///
/// # Errors
/// Why nothing can, and what can be done instead.
pub fn brings(service: &Service) -> Result<Brings, String> {
    let id = &service.id;
    let brings = of(service).and_then(|recipe| recipe.brings(service));
    brings.ok_or_else(|| {
        let what = format!("a service of kind `{}` brings out no versions", service.kind);
        let names: Vec<String> = tasks(service).into_iter().map(|task| task.name).collect();
        format!("{what}; what it can do: R restarts it, and `qd run {id} TASK` knows {}", names.join(", "))
    })
}

/// Lists the versions that the hosts of a service know.
///
/// # Errors
/// Why it is not known.
pub fn known(inventory: &Inventory, service: &Service, facts: &PlanFacts) -> Result<Known, String> {
    let Some(recipe) = of(service) else { return Ok(Known::default()) };
    let of = Context { inventory, service, facts };
    match &service.rollout.sets {
        Some(sets) => sets::known(of, recipe, sets),
        None => recipe.known(of),
    }
}

/// Names the hosts that are asked before a change of a service; its balancers are.
pub fn hosts(service: &Service) -> Vec<HostName> {
    let own = of(service).map_or(service.hosts.as_slice(), |recipe| recipe.hosts(service));
    own.iter().chain(balancers(service)).cloned().collect()
}

/// Names the hosts that are asked before what is wanted of a service: for a step of a runbook those that it changes.
pub fn asked(inventory: &Inventory, service: &Service, wanted: &Wanted) -> Vec<HostName> {
    match runbooks::wanted(inventory, wanted) {
        // What is wrong with it is said when it is planned.
        Some(step) => step.and_then(|step| runbooks::hosts(inventory, service, step)).unwrap_or_default(),
        None => hosts(service),
    }
}

/// Says whether a step of a runbook is wanted: it rests on nothing that the recipe would ask.
pub fn is_of_a_runbook(wanted: &Wanted) -> bool {
    matches!(wanted, Wanted::Task(order) if crate::core::runbooks::of_task(&order.task).is_some())
}

/// Names the balancers that lead users to one of a service's two sets.
fn balancers(service: &Service) -> &[HostName] {
    service.rollout.sets.as_ref().map(|sets| sets.switch.on.as_slice()).unwrap_or_default()
}

/// Names the one host that controls the others: the first that is listed.
fn control(service: &Service) -> &[HostName] {
    service.hosts.get(..1).unwrap_or_default()
}

/// Puts values into a template, each for its `@NAME@`, in one pass: what stands in a value is never taken for a name.
fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let (mut text, mut rest) = (String::with_capacity(template.len()), template);
    while let Some((before, after)) = rest.split_once('@') {
        text.push_str(before);
        let named =
            values.iter().find_map(|(name, value)| Some((value, after.strip_prefix(*name)?.strip_prefix('@')?)));
        rest = if let Some((value, behind)) = named {
            text.push_str(value);
            behind
        } else {
            text.push('@');
            after
        };
    }
    text.push_str(rest);
    text
}

/// Puts a look at each host before its first step: a restart destroys what one would have wanted to see. A balancer loses nothing by
/// a reload, nor a host that is only seen to be well before users are led to it.
fn with_snapshots(of: Context<'_>, plan: &Plan) -> Vec<Step> {
    let leads = plan.sides().filter(|sides| !sides.balancers.is_empty());
    let changes = |host: &HostName| {
        leads.is_none_or(|sides| !sides.leads(host) && plan.undo_steps.iter().any(|step| step.host == *host))
    };
    let mut all: Vec<Step> = Vec::new();
    for step in &plan.steps {
        if changes(&step.host) && !all.iter().any(|known| known.host == step.host) {
            all.push(snapshot(of, &step.host));
        }
        all.push(step.clone());
    }
    all
}

/// Keeps what is seen of a host and of the service's logs there, with the run.
fn snapshot(of: Context<'_>, host: &HostName) -> Step {
    let mut logs: Vec<String> = Vec::new();
    for log in of.inventory.logs.iter().filter(|log| log.service.as_ref() == Some(&of.service.id)) {
        if let (LogPlace::File { path, .. }, true) = (&log.place, log.hosts.contains(host)) {
            logs.push(at_home(path));
        }
    }
    let app = of.text("app");
    let processes = of.facts.pm2.get(host).map(|list| list.processes.as_slice()).unwrap_or_default();
    for process in processes.iter().filter(|process| Some(process.name.as_str()) == app) {
        logs.extend(process.log_paths.iter().map(|path| at_home(path)));
    }
    logs.truncate(SNAPSHOT_LOGS);
    let pm2 = if of.facts.pm2.contains_key(host) { "yes" } else { "" };
    let command = fill(include_str!("snapshot.sh"), &[("PM2", pm2), ("LOGS", &logs.join(" "))]);
    of.step(host, SNAPSHOT, command.trim_end(), SNAPSHOT_MS)
}

/// Logs whose ends a snapshot keeps.
const SNAPSHOT_LOGS: usize = 6;
/// It ends by itself after two seconds.
const SNAPSHOT_MS: u64 = 10_000;

/// Returns the recipe of a service; none where it is only watched.
pub fn of(service: &Service) -> Option<&'static dyn Recipe> {
    ALL.iter().find(|recipe| recipe.name() == &*service.kind).copied()
}

/// The task that every recipe has.
pub const RECOVER_LOCK: &str = "recover-lock";

/// Returns what can be run for a service beside restart, deploy and rollback.
pub fn tasks(service: &Service) -> Vec<Task> {
    let Some(recipe) = of(service) else { return Vec::new() };
    let mut tasks = recipe.tasks(service);
    tasks.extend(service.rollout.sets.as_deref().map(sets::task));
    tasks.push(Task {
        name: RECOVER_LOCK.to_owned(),
        doc: "Takes the lock from a run that died: its journal says first what it did.".to_owned(),
        takes: Vec::new(),
        file: false,
    });
    tasks
}

/// Holds what is asked for against what there is.
fn check_order(tasks: &[Task], service: &Service, order: &Order) -> Result<(), String> {
    let Some(task) = tasks.iter().find(|task| task.name == order.task) else {
        let names: Vec<&str> = tasks.iter().map(|task| task.name.as_str()).collect();
        let known =
            if names.is_empty() { "it has none".to_owned() } else { format!("its tasks: {}", names.join(", ")) };
        return Err(format!("{} has no task `{}`; {known}", service.id, order.task));
    };
    if let Some(lacking) = task.takes.iter().find(|takes| takes.required && !order.settings.contains_key(&takes.name)) {
        return Err(format!("`{}` needs `{}`: {}", task.name, lacking.name, lacking.doc));
    }
    if let Some(stray) = order.settings.keys().find(|name| !task.takes.iter().any(|takes| takes.name == **name)) {
        let names: Vec<&str> = task.takes.iter().map(|takes| takes.name.as_str()).collect();
        let takes = if names.is_empty() { "nothing".to_owned() } else { names.join(", ") };
        return Err(format!("`{}` is given `{stray}`, and takes {takes}", task.name));
    }
    match (&order.file, task.file) {
        (None, true) => Err(format!("`{}` needs a file: --file PATH", task.name)),
        (Some(_), false) => Err(format!("`{}` takes no file", task.name)),
        (Some(_), true) | (None, false) => Ok(()),
    }
}

/// Returns the script that asks a host or a balancer how it stands before a change of a service. It changes nothing.
pub fn survey(service: &Service, host: &HostName, wanted: &Wanted) -> String {
    if is_of_a_runbook(wanted) && !service.hosts.contains(host) {
        let lock = at_home(&runbooks::lock_elsewhere(service));
        return fill(include_str!("survey.sh"), &[("LOCK", &lock), ("PATH", "\"$HOME\""), ("OWN", "")]);
    }
    if let Some(sets) = service.rollout.sets.as_ref().filter(|sets| sets.switch.on.contains(host)) {
        let (lock, own) = (at_home(&sets::lock(service)), sets::survey(&sets.switch));
        return fill(include_str!("survey.sh"), &[("LOCK", &lock), ("PATH", "\"$HOME\""), ("OWN", &own)]);
    }
    let own = of(service).filter(|_| !is_of_a_runbook(wanted));
    let own = own.and_then(|recipe| recipe.survey(service, wanted)).unwrap_or_default();
    let path = service.recipe.get(PATH.name).and_then(serde_json::Value::as_str);
    // Without a folder of its own there is no release to look for; its disk is that of the home directory.
    let path = path.map_or("\"$HOME\"".to_owned(), at_home);
    fill(include_str!("survey.sh"), &[("LOCK", &at_home(&lock(service))), ("PATH", &path), ("OWN", &own)])
}

/// Quotes a path for a POSIX shell; a leading `~/` is the home directory there.
fn at_home(path: &str) -> String {
    let path = path.replace('\0', "");
    let quote = |word: &str| shlex::try_quote(word).map_or_else(|_| "''".to_owned(), std::borrow::Cow::into_owned);
    path.strip_prefix("~/").map_or_else(|| quote(&path), |rest| format!("\"$HOME\"/{}", quote(rest)))
}

/// Where an application stands: what every recipe takes.
const PATH: Field = Field {
    name: "path",
    shape: Shape::Text,
    required: false,
    doc: "The application's directory on its hosts; the lock of a change stands there. Default: /run/lock.",
};

/// Says what is wrong with [`PATH`].
fn path_misfit(settings: &Params) -> Option<Misfit> {
    let path = settings.get(PATH.name)?.as_str().filter(|path| !path.starts_with('/') && !path.starts_with("~/"))?;
    let what = format!("`path` is no whole path on a host: {path:?}");
    Some(Misfit::new(PATH.name, what, "from the root, as in \"/var/www/play\", or from the home, as in \"~/play\""))
}

/// Says whether a text can be the name of a variable.
fn is_variable(text: &str) -> bool {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    !text.is_empty() && text.chars().all(fits) && !text.starts_with(|first: char| first.is_ascii_digit())
}

/// Quotes a word for a POSIX shell.
fn quote(word: &str) -> Result<String, String> {
    shlex::try_quote(word).map(std::borrow::Cow::into_owned).map_err(|_| "a name contains a NUL byte".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::{hosts::Pm2Process, id::ServiceId};

    /// A service with the settings of its recipe.
    pub(super) fn service(id: &str, kind: &str, hosts: &[&str], recipe: &[(&str, &str)]) -> Service {
        Service {
            kind: kind.into(),
            recipe: recipe.iter().map(|(key, value)| ((*key).to_owned(), (*value).into())).collect(),
            hosts: hosts.iter().map(|host| (*host).into()).collect(),
            ..Service::new(id.parse::<ServiceId>().unwrap())
        }
    }

    /// A process in fork mode that PM2 keeps.
    pub(super) fn pm2_process(pm_id: u32, name: &str, status: &str) -> Pm2Process {
        let (name, status, exec_mode) = (name.to_owned(), status.to_owned(), "fork_mode".to_owned());
        Pm2Process { pm_id, name, status, exec_mode, autorestart: true, ..Pm2Process::default() }
    }

    #[test]
    fn a_value_is_never_taken_for_a_name() {
        let filled = fill("a@b @X@ @Y@ @X", &[("X", "'@Y@'"), ("Y", "'y'")]);
        assert_eq!(filled, "a@b '@Y@' 'y' @X");
    }

    #[test]
    fn every_file_is_registered_and_named_like_its_kind() {
        let mut files: Vec<String> = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src/recipes"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_none_or(|extension| extension == "rs"))
            .map(|path| path.file_stem().unwrap().to_string_lossy().replace('_', "-"))
            // What several stacks share is no recipe.
            .filter(|name| {
                !["locks", "mod", "offers", "pipeline", "prechecks", "release", "runbooks", "sets", "web"]
                    .contains(&name.as_str())
            })
            .collect();
        files.sort();
        // A recipe may have a folder of templates beside its file.
        files.dedup();
        let mut kinds: Vec<String> = ALL.iter().map(|recipe| recipe.name().to_owned()).collect();
        kinds.sort();
        assert_eq!(files, kinds);
        for recipe in ALL {
            assert!(recipe.fields().iter().all(|field| field.doc.ends_with('.')));
            let names: std::collections::BTreeSet<_> = recipe.fields().iter().map(|field| field.name).collect();
            assert_eq!(names.len(), recipe.fields().len(), "{}: a setting stands there twice", recipe.name());
        }
    }

    #[test]
    fn a_host_is_looked_at_once_before_it_is_changed_unless_nobody_wants_it() {
        let hosts = ["a", "b"].map(|name| std::sync::Arc::new(crate::core::inventory::Host::new(name)));
        let inventory = Inventory { hosts: hosts.to_vec(), ..Inventory::default() };
        let surveys = ["a", "b"].map(|name| (HostName::from(name), Survey::default()));
        let facts = PlanFacts { hosts: surveys.into(), ..PlanFacts::default() };
        let mut service = service("www@prod", "systemd", &["a", "b"], &[("unit", "nginx.service")]);
        let names = |service: &Service| -> Vec<String> {
            let plan = plan(&inventory, service, &Wanted::Restart, &facts).unwrap();
            plan.steps.iter().map(|step| format!("{} {}", step.host, step.name)).collect()
        };
        let restart = "restart nginx.service";
        assert_eq!(names(&service), ["a snapshot", &format!("a {restart}"), "b snapshot", &format!("b {restart}")]);
        service.rollout.snapshot = false;
        assert_eq!(names(&service), [format!("a {restart}"), format!("b {restart}")]);
    }
}
