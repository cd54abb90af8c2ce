//! Recipes: how a service of some stack is changed. One file per stack; a recipe builds a plan and runs nothing.
mod node_pm2;
mod release;
mod systemd;

use crate::{
    config::{Field, Kind, Misfit, Shape},
    core::{
        id::HostName,
        inventory::{Inventory, Params, Service},
        runs::{Build, Fit, Plan, PlanFacts, Precheck, Target, Wanted},
    },
};

/// Every recipe, by the `kind` of its services.
pub const ALL: &[&dyn Recipe] = &[&node_pm2::NodePm2, &systemd::Systemd];

/// How services of one kind are changed.
pub trait Recipe: Kind {
    /// Plans a restart on every host of the service.
    ///
    /// # Errors
    /// Why it cannot be planned, and what to do: a sentence for the message line.
    fn restart(&self, inventory: &Inventory, service: &Service, facts: &PlanFacts) -> Result<Plan, String>;

    /// Says whether it plans with the lists of PM2.
    fn reads_pm2(&self) -> bool {
        false
    }

    /// Plans to bring a build out.
    ///
    /// # Errors
    /// Why it cannot be planned, and what to do.
    fn deploy(
        &self,
        inventory: &Inventory,
        service: &Service,
        build: &Build,
        facts: &PlanFacts,
    ) -> Result<Plan, String> {
        let _ = (inventory, build, facts);
        Err(format!("a service of kind `{}` cannot be deployed from here yet: {}", self.name(), service.id))
    }

    /// Plans to bring an earlier release back: the named one, or the best there is.
    ///
    /// # Errors
    /// Why it cannot be planned, and what to do.
    fn rollback(
        &self,
        inventory: &Inventory,
        service: &Service,
        to: Option<&str>,
        facts: &PlanFacts,
    ) -> Result<Plan, String> {
        let _ = (inventory, to, facts);
        Err(format!("a service of kind `{}` cannot be rolled back from here yet: {}", self.name(), service.id))
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
    let Some(recipe) = ALL.iter().find(|recipe| recipe.name() == &*service.kind) else {
        return Err(format!("{}: nobody knows how to change a service of kind `{}`", service.id, service.kind));
    };
    let mut plan = match wanted {
        Wanted::Restart => recipe.restart(inventory, service, facts),
        Wanted::Deploy { build } => recipe.deploy(inventory, service, build, facts),
        Wanted::Rollback { to } => recipe.rollback(inventory, service, to.as_deref(), facts),
    }?;
    plan.targets = targets(inventory, &plan.hosts(), facts)?;
    plan.prechecks.extend(prechecks(&plan, facts));
    Ok(plan)
}

/// Says whether a change of this service is planned with the lists of PM2.
pub fn reads_pm2(service: &Service) -> bool {
    ALL.iter().any(|recipe| recipe.name() == &*service.kind && recipe.reads_pm2())
}

/// Says how the hosts stand for a plan, whatever the recipe.
fn prechecks(plan: &Plan, facts: &PlanFacts) -> Vec<Precheck> {
    let mut checks = Vec::new();
    let hosts = plan.hosts();
    let surveys = || hosts.iter().filter_map(|host| Some((host, facts.hosts.get(host)?)));
    for (host, holder) in surveys().filter_map(|(host, survey)| Some((host, survey.lock.as_ref()?))) {
        let by = holder.by.as_deref().unwrap_or("somebody");
        let since = holder.since.map(|at| format!(" since {}", at.rfc3339())).unwrap_or_default();
        checks.push(Precheck { verdict: Fit::Bad, text: format!("{host} is locked by {by}{since}") });
    }
    if checks.is_empty() {
        checks.push(Precheck {
            verdict: Fit::Good,
            text: format!("the lock is free on {} of {}", hosts.len(), hosts.len()),
        });
    }
    if let Some(build) = &plan.upload {
        // The archive, what is unpacked from it, and as much again to be safe.
        let need = build.bytes.saturating_mul(4);
        for (host, survey) in surveys() {
            let mib = |bytes: u64| bytes / (1 << 20);
            match survey.free_bytes {
                Some(free) if free >= need => {}
                Some(free) => checks.push(Precheck {
                    verdict: Fit::Bad,
                    text: format!("{host} has {} MiB free; the build may need {}", mib(free), mib(need)),
                }),
                None => checks.push(Precheck {
                    verdict: Fit::Doubtful,
                    text: format!("{host} does not say how much room it has"),
                }),
            }
        }
    }
    checks
}

/// Names the machines behind the hosts of a plan; two names of one machine are refused: it would be changed twice.
fn targets(inventory: &Inventory, hosts: &[HostName], facts: &PlanFacts) -> Result<Vec<Target>, String> {
    let mut targets: Vec<Target> = Vec::new();
    for name in hosts {
        let Some(host) = inventory.host(name) else { return Err(format!("{name} is not in the configuration")) };
        let machine_id = facts.hosts.get(name).and_then(|survey| survey.machine_id.clone());
        let same = |known: &&Target| machine_id.is_some() && known.machine_id == machine_id;
        if let Some(other) = targets.iter().find(same) {
            let what = format!("{name} and {} are one machine (the same /etc/machine-id)", other.host);
            return Err(format!("{what}: name it once, or give a cloned machine an id of its own"));
        }
        targets.push(Target { host: name.clone(), address: host.address.clone(), machine_id });
    }
    Ok(targets)
}

/// Returns the script that asks a host how it stands before a change of a service. It changes nothing.
pub fn survey(service: &Service) -> String {
    let path = service.recipe.get(PATH.name).and_then(serde_json::Value::as_str);
    // Without a folder of its own there is no release to look for; its disk is that of the home directory.
    let values = [("@LOCK@", at_home(&lock(service))), ("@PATH@", path.map_or("\"$HOME\"".to_owned(), at_home))];
    values.iter().fold(include_str!("survey.sh").to_owned(), |text, (name, value)| text.replace(name, value))
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

/// Returns where the lock of a service stands on its hosts.
fn lock(service: &Service) -> String {
    match service.recipe.get("path").and_then(serde_json::Value::as_str) {
        Some(path) => format!("{}/.qd.lock", path.trim_end_matches('/')),
        None => format!("/run/lock/qd-{}", service.id),
    }
}

/// Quotes a word for a POSIX shell.
fn quote(word: &str) -> Result<String, String> {
    shlex::try_quote(word).map(std::borrow::Cow::into_owned).map_err(|_| "a name contains a NUL byte".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::id::ServiceId;

    /// A service with the settings of its recipe.
    pub(super) fn service(id: &str, kind: &str, hosts: &[&str], recipe: &[(&str, &str)]) -> Service {
        Service {
            id: id.parse::<ServiceId>().unwrap(),
            kind: kind.into(),
            owner: None,
            needs: Vec::new(),
            slo: None,
            recipe: recipe.iter().map(|(key, value)| ((*key).to_owned(), (*value).into())).collect(),
            hosts: hosts.iter().map(|host| (*host).into()).collect(),
            checks: Vec::new(),
        }
    }

    #[test]
    fn every_file_is_registered_and_named_like_its_kind() {
        let mut files: Vec<String> = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src/recipes"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_none_or(|extension| extension == "rs"))
            .map(|path| path.file_stem().unwrap().to_string_lossy().replace('_', "-"))
            // What several stacks share is no recipe.
            .filter(|name| name != "mod" && name != "release")
            .collect();
        files.sort();
        let mut kinds: Vec<String> = ALL.iter().map(|recipe| recipe.name().to_owned()).collect();
        kinds.sort();
        assert_eq!(files, kinds);
        for recipe in ALL {
            assert!(recipe.fields().iter().all(|field| field.doc.ends_with('.')));
            let names: std::collections::BTreeSet<_> = recipe.fields().iter().map(|field| field.name).collect();
            assert_eq!(names.len(), recipe.fields().len(), "{}: a setting stands there twice", recipe.name());
        }
    }
}
