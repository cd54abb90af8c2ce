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
        release::is_in_place(&service.recipe).then(|| include_str!("../release/place_survey.sh").to_owned())
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
        let mut change = Change { of, release: &runs.name, undo_steps: Vec::new(), cuts: false };
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
        let mut change = Change { of, release: &name, undo_steps: Vec::new(), cuts: false };
        for host in &service.hosts {
            steps.extend([releases.unpack(host, build), releases.switch(host, &name)]);
            steps.extend(change.start_anew(host)?);
            steps.push(releases.runs(host, app(service), &name));
            steps.extend(releases.healthy(host, Some(&build.version)));
            steps.extend([change.save(host), releases.keep(host)]);
            if !change.take_back(host, releases.back(host, &name))? {
                let saved = change.save(host);
                change.undo_steps.extend(releases.healthy(host, None).into_iter().chain([saved]));
            }
        }
        let from = release::current(&service.hosts, facts);
        let from = from.map(|name| release::version_in(&name, &build.version).to_owned());
        let before = from.clone().unwrap_or_else(|| "no release yet".to_owned());
        let (prechecks, notes) = releases.in_place_checks();
        let mut undo = if releases.in_place() {
            format!("by itself, once: the folder of {before} is put back, and PM2 starts that")
        } else {
            format!("by itself, once: current leads back to {before}, and PM2 starts that")
        };
        let idle: Vec<&str> = service.hosts.iter().filter(|host| change.was_idle(host)).map(HostName::as_str).collect();
        let gone = "what this run starts is stopped, and nothing runs again";
        if idle.len() == service.hosts.len() {
            undo = format!("by itself, once: {gone}, as before it");
        } else if !idle.is_empty() {
            undo = format!("{undo}; on {}, where nothing ran, {gone}", idle.join(", "));
        }
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
        let mut change = Change { of, release: &target.name, undo_steps: Vec::new(), cuts: false };
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
            change.take_back(host, back)?;
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
    release: &'a str,
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
        let values = [("FROM", from.as_str()), ("APP", &app), ("RELEASE", self.release)];
        let look = fill(include_str!("absent.sh"), &values);
        // The way back stops what is noted there, and nothing else that is called so.
        let start = format!("pm2 start {from}/{start} --name {app} --cwd {from} --no-color");
        let note = format!("{from}/.qd-started.{}", self.release);
        let command = format!(": >{note} && {start} && pm2 id {app} --no-color >{note}");
        let steps = [(LOOK, look.trim_end()), ("start", &command)];
        Ok(steps.map(|(name, command)| self.of.step(host, name, command, TIMEOUT_MS)).into())
    }

    /// Says whether nothing of the service ran on a host that has no release yet.
    fn was_idle(&self, host: &HostName) -> bool {
        let rests = |process: &&Pm2Process| matches!(process.status.as_str(), "stopped" | "errored");
        let survey = self.of.facts.hosts.get(host);
        // Whoever prepared a folder by hand put no release there.
        survey.is_some_and(|survey| survey.current.as_deref().is_none_or(|name| name == "before"))
            && processes(self.of.service, host, self.of.facts).is_ok_and(|found| found.iter().all(rests))
    }

    /// Adds the way back of a host: what was there before is there again, and runs if there was something to run. Says whether there
    /// was nothing, so that nothing is to be well.
    fn take_back(&mut self, host: &HostName, back: Step) -> Result<bool, String> {
        let found = processes(self.of.service, host, self.of.facts)?;
        let idle = self.was_idle(host);
        if found.is_empty() {
            // PM2 starts nothing that it has already: what this run started goes first.
            let (from, app) = (Releases::of(self.of)?.start_from(), quote(app(self.of.service))?);
            let text = fill(include_str!("unstart.sh"), &[("FROM", &from), ("APP", &app), ("RELEASE", self.release)]);
            self.undo_steps.extend([self.of.step(host, "stop", text.trim_end(), TIMEOUT_MS), back]);
        } else if idle {
            self.undo_steps.extend(anew(self.of, host, "stop", &found)?.into_iter().chain([back, self.save(host)]));
        } else {
            self.undo_steps.push(back);
        }
        if !idle {
            let again = self.start_anew(host)?;
            self.undo_steps.extend(again);
        }
        Ok(idle)
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
    let text = fill(include_str!("../release/ids.sh"), &[("IDS", &ids.join(" ")), ("APP", &quote(app)?)]);
    Ok(text.trim_end().to_owned())
}

#[cfg(test)]
mod tests;
