//! Node.js under PM2.
use super::{
    Context, PATH, Recipe, Runs, fill, offers, path_misfit, quote,
    release::{self, Releases},
};
use crate::{
    config::{Field, Kind, Misfit, Shape},
    core::{
        hosts::Pm2Process,
        id::HostName,
        inventory::{Params, Service},
        runs::{
            Action, LOOK, Plan, PlanFacts, Step, Wanted, What,
            offer::{Brings, Known},
        },
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
    Field {
        name: "start",
        shape: Shape::Text,
        required: false,
        doc: "What PM2 starts where the process is not there yet, from the folder of the release: \"server.js\".",
    },
    release::LAYOUT,
    release::SHARED,
    release::KEEP,
    release::BUILDS,
    release::HEALTH,
    release::VERSION_URL,
    release::HEALTH_WITHIN,
];

impl Kind for NodePm2 {
    fn name(&self) -> &'static str {
        "node-pm2"
    }

    fn fields(&self) -> &'static [Field] {
        FIELDS
    }

    fn misfits(&self, settings: &Params) -> Vec<Misfit> {
        // PM2 would take it for an option, wherever it stands.
        let app = settings
            .get("app")
            .and_then(serde_json::Value::as_str)
            .filter(|app| app.starts_with('-') || app.is_empty());
        let app =
            app.map(|app| Misfit::new("app", format!("`app` is no process's name: {app:?}"), "as `pm2 ls` shows it"));
        app.into_iter().chain(path_misfit(settings)).chain(release::misfit(settings)).collect()
    }

    fn has_sets(&self) -> bool {
        true
    }
}

/// PM2 needs 1.6 s to kill what ignores SIGINT, and a reload waits for each worker in turn.
const TIMEOUT_MS: u64 = 120_000;

/// Returns the process's name in PM2.
fn app(service: &Service) -> &str {
    service.recipe.get("app").and_then(serde_json::Value::as_str).unwrap_or(service.id.service.as_str())
}

/// Finds the processes of the service on a host.
fn processes<'a>(service: &Service, host: &HostName, facts: &'a PlanFacts) -> Result<Vec<&'a Pm2Process>, String> {
    let list = facts.pm2.get(host).ok_or_else(|| format!("PM2's list of {host} is missing: see why on {host}"))?;
    Ok(list.processes.iter().filter(|process| list.daemon && process.name == app(service)).collect())
}

impl Recipe for NodePm2 {
    fn reads_pm2(&self) -> bool {
        true
    }

    fn survey(&self, service: &Service, _: &Wanted) -> Option<String> {
        release::is_in_place(&service.recipe).then(|| include_str!("release/place_survey.sh").to_owned())
    }

    fn brings(&self, service: &Service) -> Option<Brings> {
        let folder = service.recipe.get(release::BUILDS.name).and_then(serde_json::Value::as_str);
        Some(Brings { builds: true, folder: folder.map(str::to_owned), ..Brings::default() })
    }

    fn known(&self, of: Context<'_>) -> Result<Known, String> {
        Ok(offers::releases(of))
    }

    fn stands(&self, of: Context<'_>, host: &HostName) -> Result<Vec<Step>, String> {
        let releases = Releases::of(of)?;
        let runs = self.runs(of, host).ok_or_else(|| format!("{host} does not say which release it runs"))?;
        let found = processes(of.service, host, of.facts)?;
        let mut change = Change { of, undo_steps: Vec::new(), cuts: false };
        let mut steps = Vec::new();
        // Nobody is served by it: what stands still is started.
        let sleeps = found.is_empty() || found.iter().any(|process| process.status != "online");
        if sleeps {
            steps.extend(change.start_anew(host)?);
        }
        steps.push(releases.runs(host, app(of.service), &runs.name));
        let version = Some(runs.version.as_str()).filter(|version| *version != "before");
        steps.extend(releases.healthy(host, version));
        steps.extend(sleeps.then(|| change.save(host)));
        Ok(steps)
    }

    fn before(&self, of: Context<'_>, now: &Runs) -> Result<Option<String>, String> {
        if !release::is_in_place(&of.service.recipe) {
            return release::older(&of.service.hosts, &now.name, of.facts).map(|release| Some(release.name));
        }
        // What was there before anything was noted has no date.
        let is_dated = |name: &str| name != "before";
        let host = of.service.hosts.first().ok_or("there are no hosts")?;
        let runs = release::current(&of.service.hosts, of.facts);
        let beside = of.said(host, "previous").map(str::to_owned);
        let older = runs.iter().chain(&beside).filter(|name| is_dated(name) && **name < now.name).max();
        match (older, runs.as_deref()) {
            (Some(older), _) if is_dated(&now.name) => Ok(Some(older.clone())),
            (_, Some(runs)) if is_dated(runs) && is_dated(&now.name) => {
                Err(format!("nothing that is there is older than {}: name what to go to (--to {runs})", now.version))
            }
            _ => Ok(None),
        }
    }

    fn restart(&self, of: Context<'_>) -> Result<Plan, String> {
        let Context { service, facts, .. } = of;
        let app = app(service);
        let verb = match of.text("restart") {
            Some("reload") => "reload",
            _ => "restart",
        };
        let mut steps = Vec::new();
        let mut cuts = verb == "restart";
        for name in &service.hosts {
            let found = processes(service, name, facts)?;
            if facts.pm2.get(name).is_some_and(|list| !list.daemon) {
                return Err(format!("no PM2 daemon runs on {name}: nothing there can be restarted by PM2"));
            }
            if found.is_empty() {
                return Err(format!("PM2 on {name} has no process named {app}"));
            }
            cuts |= found.iter().any(|process| process.exec_mode == "fork_mode");
            steps.extend(anew(of, name, verb, &found)?);
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
            proof: "PM2 says so, and the checks answer".into(),
            ..of.plan(format!("{verb} {}", service.id.service))
        })
    }

    fn deploy(&self, of: Context<'_>, what: &What) -> Result<Plan, String> {
        let Context { service, facts, .. } = of;
        let What::Build(build) = what else {
            return Err(
                "it is brought out as a build: `qd deploy --build PATH` names an archive or a folder".to_owned()
            );
        };
        release::check(build)?;
        let releases = Releases::of(of)?;
        let (name, mut steps) = (build.release(), Vec::new());
        let mut change = Change { of, undo_steps: Vec::new(), cuts: false };
        for host in &service.hosts {
            steps.extend([releases.unpack(host, build), releases.switch(host, &name)]);
            steps.extend(change.start_anew(host)?);
            steps.push(releases.runs(host, app(service), &name));
            steps.extend(releases.healthy(host, Some(&build.version)));
            steps.extend([change.save(host), releases.keep(host)]);
            change.undo_steps.push(releases.back(host, &name));
            let again = change.start_anew(host)?;
            change.undo_steps.extend(again);
            let saved = change.save(host);
            change.undo_steps.extend(releases.healthy(host, None).into_iter().chain([saved]));
        }
        let from = release::current(&service.hosts, facts);
        let from = from.map(|name| release::version_in(&name, &build.version).to_owned());
        let before = from.clone().unwrap_or_else(|| "no release yet".to_owned());
        let (prechecks, notes) = releases.in_place_checks();
        let undo = if releases.in_place() {
            format!("by itself, once: the folder of {before} is put back, and PM2 starts that")
        } else {
            format!("by itself, once: current leads back to {before}, and PM2 starts that")
        };
        Ok(Plan {
            from,
            action: Action::Deploy { version: build.version.clone() },
            upload: Some(build.clone()),
            steps,
            effect: change.effect(),
            undo,
            prechecks,
            notes,
            undo_steps: change.undo_steps,
            undo_by_itself: true,
            proof: releases.proof(&build.version),
            ..of.plan(format!("deploy {} {}", service.id.service, build.version))
        })
    }

    fn rollback(&self, of: Context<'_>, to: Option<&str>) -> Result<Plan, String> {
        let Context { service, facts, .. } = of;
        let releases = Releases::of(of)?;
        let (now, target) = if releases.in_place() {
            release::previous(of, to)?
        } else {
            let target = release::target(&service.hosts, to, facts)?;
            (release::current(&service.hosts, facts).unwrap_or_else(|| "no release".to_owned()), target)
        };
        if now == target.name {
            return Err(format!("every host runs {} already", target.version));
        }
        let mut steps = Vec::new();
        let mut change = Change { of, undo_steps: Vec::new(), cuts: false };
        for host in &service.hosts {
            let (there, back) = if releases.in_place() {
                (releases.swap(host, &target.name, &now), releases.swap(host, &now, &target.name))
            } else {
                (releases.switch(host, &target.name), releases.back(host, &target.name))
            };
            steps.push(there);
            steps.extend(change.start_anew(host)?);
            steps.push(releases.runs(host, app(service), &target.name));
            // Of what was there before anything was noted nobody knows what it calls itself.
            let version = Some(target.version.as_str()).filter(|version| *version != "before");
            steps.extend(releases.healthy(host, version));
            steps.push(change.save(host));
            change.undo_steps.push(back);
            let again = change.start_anew(host)?;
            change.undo_steps.extend(again);
        }
        let now = release::version_in(&now, &target.version);
        Ok(Plan {
            from: Some(now.to_owned()),
            action: Action::Rollback { version: target.version.clone() },
            steps,
            effect: change.effect(),
            undo: format!("never by itself: it would bring {now} back, which is what you leave"),
            undo_steps: change.undo_steps,
            proof: releases.proof(&target.version),
            ..of.plan(format!("roll {} back to {}", service.id.service, target.version))
        })
    }
}

/// A change of version while it is planned.
struct Change<'a> {
    of: Context<'a>,
    undo_steps: Vec<Step>,
    cuts: bool,
}

impl Change<'_> {
    /// Has PM2 run what `current` leads to: a reload of what is there, else a start.
    fn start_anew(&mut self, host: &HostName) -> Result<Vec<Step>, String> {
        let found = processes(self.of.service, host, self.of.facts)?;
        self.cuts |= found.is_empty() || found.iter().any(|process| process.exec_mode == "fork_mode");
        if !found.is_empty() {
            return anew(self.of, host, "reload", &found);
        }
        let Some(start) = self.of.text("start") else {
            let what = format!("PM2 on {host} has no process named {}", app(self.of.service));
            return Err(format!("{what}: start it there once, or say in the recipe what to `start`"));
        };
        // By the link's name, and from nowhere inside of it: PM2 notes where it stands as the system says, which is the release
        // that the link leads to now, and would go on starting that for ever.
        let (from, start, app) = (Releases::of(self.of)?.start_from(), quote(start)?, quote(app(self.of.service))?);
        let command = format!("pm2 start {from}/{start} --name {app} --cwd {from} --no-color");
        Ok(vec![self.of.step(host, "start", command, TIMEOUT_MS)])
    }

    fn save(&self, host: &HostName) -> Step {
        self.of.step(host, "save", "pm2 save --no-color", TIMEOUT_MS)
    }

    fn effect(&self) -> String {
        let text = if self.cuts {
            "on each host open requests are cut while its process starts anew (in fork mode a reload is a restart)"
        } else {
            "workers are replaced one by one; no request is lost if each starts in time"
        };
        text.to_owned()
    }
}

/// Has processes started anew by their ids, once these were seen to be the app's still.
fn anew(of: Context<'_>, host: &HostName, verb: &str, found: &[&Pm2Process]) -> Result<Vec<Step>, String> {
    let ids: Vec<String> = found.iter().map(|process| process.pm_id.to_string()).collect();
    let look = ids_are(&ids, app(of.service))?;
    let each = ids.iter().map(|id| {
        let command = format!("pm2 {verb} {id} --no-color");
        of.step(host, format!("{verb} {id}"), command, TIMEOUT_MS)
    });
    Ok([of.step(host, LOOK, look, TIMEOUT_MS)].into_iter().chain(each).collect())
}

/// Fails where one of these ids is not this app's.
fn ids_are(ids: &[String], app: &str) -> Result<String, String> {
    let text = fill(include_str!("release/ids.sh"), &[("IDS", &ids.join(" ")), ("APP", &quote(app)?)]);
    Ok(text.trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        core::{
            hosts::Pm2List,
            inventory::{Host, Inventory},
        },
        recipes::tests::service,
    };

    fn play() -> Service {
        service("play@prod", "node-pm2", &["web-01"], &[("app", "play"), ("path", "/var/www/play/")])
    }

    fn inventory() -> Inventory {
        Inventory {
            hosts: vec![Arc::new(Host {
                env: Some("prod".into()),
                address: "10.0.1.11".into(),
                path_prefix: vec!["/opt/node/bin".into()],
                ..Host::new("web-01")
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
        PlanFacts { pm2: [("web-01".into(), list)].into(), ..PlanFacts::default() }
    }

    fn restart(facts: &PlanFacts) -> Result<Plan, String> {
        NodePm2.restart(Context { inventory: &inventory(), service: &play(), facts })
    }

    #[test]
    fn a_restart_goes_by_id_and_only_to_the_app() {
        let facts = facts(true, vec![process(0, "cloud"), process(4, "play"), process(5, "play")]);
        let plan = restart(&facts).unwrap();
        let names: Vec<_> = plan.steps.iter().map(|step| step.name.as_str()).collect();
        assert_eq!(names, [LOOK, "restart 4", "restart 5"]);
        assert_eq!(plan.steps[1].command, "pm2 restart 4 --no-color");
        assert_eq!(
            (plan.lock.as_str(), plan.steps[0].path_prefix.as_slice()),
            ("/var/www/play/.qd.lock", &["/opt/node/bin".to_owned()][..])
        );
        assert!(plan.effect.contains("cut"));
    }

    #[test]
    fn what_cannot_be_known_is_not_planned() {
        let why = |facts| restart(&facts).unwrap_err();
        assert!(why(PlanFacts::default()).contains("missing"));
        assert!(why(facts(false, Vec::new())).contains("no PM2 daemon"));
        assert!(why(facts(true, vec![process(0, "cloud")])).contains("no process named play"));
    }

    #[test]
    fn a_release_is_called_by_its_version_unless_that_says_too_little() {
        let called = |name, other| release::version_in(name, other);
        assert_eq!(called("20261121181146-2.31.1", "2.31.0"), "2.31.1");
        assert_eq!(called("20261121181146-2.31.1", "2.31.1"), "20261121181146-2.31.1");
        assert_eq!(called("before", ""), "before");
        assert_eq!(called("web-0: 20261121181146-v1, web-1: none", "v2"), "web-0: 20261121181146-v1, web-1: none");
    }

    #[test]
    fn the_file_of_a_process_counts_only_for_a_child_of_the_daemon() {
        let home = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(home.path().join(name), text).unwrap();
        std::fs::create_dir(home.path().join("pids")).unwrap();
        // The shell that runs the line is a child of this program, as an app is one of PM2.
        let run = |daemon: u32| {
            write("pm2.pid", &daemon.to_string());
            let line = format!(
                "echo $$ >\"$PM2_HOME/pids/play-1.pid\"; pm2() {{ echo \"$1\" >>\"$PM2_HOME/asked\"; echo '[ 7 ]'; }}; {}",
                ids_are(&["1".to_owned()], "play").unwrap()
            );
            write("asked", "");
            let ended =
                std::process::Command::new("sh").args(["-c", &line]).env("PM2_HOME", home.path()).output().unwrap();
            (ended.status.code(), std::fs::read_to_string(home.path().join("asked")).unwrap())
        };
        assert_eq!(run(std::process::id()), (Some(0), String::new()));
        assert_eq!(run(1), (Some(65), "id\n".to_owned()), "a file that was left behind is not believed");
    }
}
