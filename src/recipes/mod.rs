//! Recipes: how a service of some stack is changed. One file per stack; a recipe builds a plan and runs nothing.
mod node_pm2;
mod systemd;

use crate::{
    config::{Field, Kind, Misfit, Shape},
    core::{
        inventory::{Inventory, Params, Service},
        runs::{Plan, PlanFacts},
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
}

/// Returns all recipes as the configuration needs them.
pub fn kinds() -> Vec<&'static dyn Kind> {
    ALL.iter().map(|recipe| *recipe as &dyn Kind).collect()
}

/// Plans a restart by the recipe of the service's kind.
///
/// # Errors
/// Why it cannot be planned, and what to do.
pub fn restart(inventory: &Inventory, service: &Service, facts: &PlanFacts) -> Result<Plan, String> {
    if service.hosts.is_empty() {
        return Err(format!("{} has no hosts in the configuration", service.id));
    }
    match ALL.iter().find(|recipe| recipe.name() == &*service.kind) {
        Some(recipe) => recipe.restart(inventory, service, facts),
        None => Err(format!("{}: nobody knows how to restart a service of kind `{}`", service.id, service.kind)),
    }
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
            .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().replace('_', "-"))
            .filter(|name| name != "mod")
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
