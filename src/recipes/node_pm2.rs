//! Node.js under PM2.
use super::{PATH, Recipe, lock, path_misfit, quote};
use crate::{
    config::{Field, Kind, Misfit, Shape},
    core::{
        hosts::Pm2Process,
        inventory::{Inventory, Params, Service},
        runs::{Plan, PlanFacts, Step},
    },
};

/// Restarts PM2 processes by id, never by name: a name may match a namespace, or more processes than meant.
#[derive(Debug)]
pub(super) struct NodePm2;

const FIELDS: &[Field] = &[
    Field { name: "app", shape: Shape::Text, required: true, doc: "The process's name in PM2." },
    PATH,
    Field {
        name: "restart",
        shape: Shape::Choice(&["restart", "reload"]),
        required: false,
        doc: "What R does; in fork mode a reload is a restart all the same. Default: restart.",
    },
];

impl Kind for NodePm2 {
    fn name(&self) -> &'static str {
        "node-pm2"
    }

    fn fields(&self) -> &'static [Field] {
        FIELDS
    }

    fn misfits(&self, settings: &Params) -> Vec<Misfit> {
        path_misfit(settings).into_iter().collect()
    }
}

/// PM2 needs 1.6 s to kill what ignores SIGINT, and a reload waits for each worker in turn.
const TIMEOUT_MS: u64 = 120_000;

impl Recipe for NodePm2 {
    fn restart(&self, inventory: &Inventory, service: &Service, facts: &PlanFacts) -> Result<Plan, String> {
        let app = service.recipe.get("app").and_then(serde_json::Value::as_str).unwrap_or(service.id.service.as_str());
        let verb = match service.recipe.get("restart").and_then(serde_json::Value::as_str) {
            Some("reload") => "reload",
            _ => "restart",
        };
        let mut steps = Vec::new();
        let mut cuts = verb == "restart";
        for name in &service.hosts {
            let list = facts.pm2.get(name).ok_or_else(|| {
                format!("PM2's list of {name} is missing or too old: wait for it, or see why on {name}")
            })?;
            if !list.daemon {
                return Err(format!("no PM2 daemon runs on {name}: nothing there can be restarted by PM2"));
            }
            let found: Vec<&Pm2Process> = list.processes.iter().filter(|process| process.name == app).collect();
            if found.is_empty() {
                return Err(format!("PM2 on {name} has no process named {app}"));
            }
            let path_prefix = inventory.host(name).map_or_else(Vec::new, |host| host.path_prefix.clone());
            cuts |= found.iter().any(|process| process.exec_mode == "fork_mode");
            for process in found {
                steps.push(Step {
                    host: name.clone(),
                    name: format!("{verb} {}", process.pm_id),
                    command: command(verb, process.pm_id, app)?,
                    path_prefix: path_prefix.clone(),
                    timeout_ms: TIMEOUT_MS,
                });
            }
        }
        let effect = if cuts {
            "open requests are cut; the service is away for some seconds (fork mode: a reload is a restart too)"
        } else {
            "workers are replaced one by one; no request is lost if each starts in time"
        };
        Ok(Plan {
            steps,
            effect: effect.into(),
            undo: "nothing to undo: the same version starts again".into(),
            ..Plan::new(service.id.clone(), format!("{verb} {}", service.id.service), lock(service))
        })
    }
}

/// The id may belong to another app since the list was read: the name is compared on the host, right before.
fn command(verb: &str, id: u32, app: &str) -> Result<String, String> {
    let app = quote(app)?;
    Ok(format!(
        "pm2 id {app} --no-color | tr -c '0-9\\n' ' ' | tr -s ' ' '\\n' | grep -qx {id} \
         || {{ echo \"process {id} is not \"{app}\" any more\" >&2; exit 65; }}; pm2 {verb} {id} --no-color"
    ))
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, sync::Arc};

    use super::*;
    use crate::{
        core::{hosts::Pm2List, inventory::Host},
        recipes::tests::service,
    };

    fn play() -> Service {
        service("play@prod", "node-pm2", &["web-01"], &[("app", "play"), ("path", "/var/www/play/")])
    }

    fn inventory() -> Inventory {
        Inventory {
            hosts: vec![Arc::new(Host {
                name: "web-01".into(),
                env: Some("prod".into()),
                address: "10.0.1.11".into(),
                port: None,
                user: None,
                jump: Vec::new(),
                identity: None,
                labels: BTreeMap::new(),
                path_prefix: vec!["/opt/node/bin".into()],
                units: Vec::new(),
            })],
            ..Inventory::default()
        }
    }

    fn process(pm_id: u32, name: &str) -> Pm2Process {
        Pm2Process {
            pm_id,
            name: name.into(),
            status: "errored".into(),
            autorestart: true,
            pid: None,
            restarts: 3,
            unstable_restarts: 0,
            memory_bytes: None,
            cpu_pct: None,
            started_at: None,
            exec_mode: "fork_mode".into(),
            version: None,
            node_version: None,
            log_paths: Vec::new(),
        }
    }

    fn facts(daemon: bool, processes: Vec<Pm2Process>) -> PlanFacts {
        let list = Pm2List { daemon, processes, ..Pm2List::default() };
        PlanFacts { pm2: [("web-01".into(), list)].into() }
    }

    #[test]
    fn a_restart_goes_by_id_and_only_to_the_app() {
        let facts = facts(true, vec![process(0, "cloud"), process(4, "play"), process(5, "play")]);
        let plan = NodePm2.restart(&inventory(), &play(), &facts).unwrap();
        let names: Vec<_> = plan.steps.iter().map(|step| step.name.as_str()).collect();
        assert_eq!(names, ["restart 4", "restart 5"]);
        assert!(plan.steps[0].command.ends_with("pm2 restart 4 --no-color"));
        assert_eq!(
            (plan.lock.as_str(), plan.steps[0].path_prefix.as_slice()),
            ("/var/www/play/.qd.lock", &["/opt/node/bin".to_owned()][..])
        );
        assert!(plan.effect.contains("cut"));
    }

    #[test]
    fn what_cannot_be_known_is_not_planned() {
        let why = |facts| NodePm2.restart(&inventory(), &play(), &facts).unwrap_err();
        assert!(why(PlanFacts::default()).contains("too old"));
        assert!(why(facts(false, Vec::new())).contains("no PM2 daemon"));
        assert!(why(facts(true, vec![process(0, "cloud")])).contains("no process named play"));
    }

    #[test]
    fn a_name_cannot_leave_its_quotes() {
        let command = command("restart", 1, "x'; rm -rf / #").unwrap();
        let words = shlex::split(command.split('|').next().unwrap()).unwrap();
        assert_eq!(words, ["pm2", "id", "x'; rm -rf / #", "--no-color"]);
    }
}
