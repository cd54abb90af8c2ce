//! Services of Amazon ECS, by the `aws` command line of a host that controls them.
use super::{Context, PATH, Recipe, control, fill, offers, path_misfit, quote};
use crate::{
    config::{Field, Kind, Misfit, Shape},
    core::{
        id::HostName,
        inventory::{Params, Service},
        runs::{
            Action, Fit, Order, Plan, Precheck, Step, Takes, Task, Wanted, What,
            offer::{Brings, Known},
        },
    },
    parse::ecs,
};

/// Changes a service of ECS. Its version is its task definition; what waits for a deployment waits for the one that it began.
#[derive(Debug)]
pub(super) struct Ecs;

const FIELDS: &[Field] = &[
    Field { name: "region", shape: Shape::Text, required: true, doc: "The region, as in us-west-2." },
    Field { name: "cluster", shape: Shape::Text, required: true, doc: "The cluster's name." },
    Field {
        name: "service",
        shape: Shape::Text,
        required: false,
        doc: "The service in it. Default: the service's name.",
    },
    Field {
        name: "profile",
        shape: Shape::Text,
        required: false,
        doc: "The profile of the command line on the first of `hosts`, where aws is run. Default: what it finds there.",
    },
    Field {
        name: "within",
        shape: Shape::Duration,
        required: false,
        doc: "How long a deployment may take. Default: 15m.",
    },
    PATH,
];

impl Kind for Ecs {
    fn name(&self) -> &'static str {
        "ecs"
    }

    fn fields(&self) -> &'static [Field] {
        FIELDS
    }

    fn misfits(&self, settings: &Params) -> Vec<Misfit> {
        let named = ["region", "cluster", "service"].into_iter().filter_map(|key| {
            let name = settings.get(key)?.as_str().filter(|name| !is_name(name))?;
            let help = "letters, digits, dashes and underscores: the name, and not the ARN";
            Some(Misfit::new(key, format!("`{key}` is no name in AWS: {name:?}"), help))
        });
        named.chain(path_misfit(settings)).collect()
    }
}

fn is_name(text: &str) -> bool {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || "_-".contains(letter);
    (1..=255).contains(&text.len()) && text.chars().all(fits) && !text.starts_with('-')
}

/// Most tasks that a service is scaled to from here.
const MOST_TASKS: u32 = 1_000;
/// The calls around the wait, each with its own limits.
const CALLS_MS: u64 = 5 * 60_000;

fn name(service: &Service) -> &str {
    service.recipe.get("service").and_then(serde_json::Value::as_str).unwrap_or(service.id.service.as_str())
}

/// Puts a service's settings and further values into a template.
fn filled(service: &Service, template: &str, values: &[(&str, &str)]) -> Result<String, String> {
    let text = |key: &str| service.recipe.get(key).and_then(serde_json::Value::as_str);
    let profile = text("profile").map(quote).transpose()?.map(|profile| format!("--profile={profile} "));
    if !is_name(name(service)) {
        return Err(format!("{:?} cannot be a service of ECS: name it in the recipe", name(service)));
    }
    let (region, cluster) = (quote(text("region").unwrap_or_default())?, quote(text("cluster").unwrap_or_default())?);
    let own = [
        ("REGION", region.as_str()),
        ("CLUSTER", &cluster),
        ("NAME", name(service)),
        ("PROFILE", profile.as_deref().unwrap_or_default()),
    ];
    let values: Vec<(&str, &str)> = own.into_iter().chain(values.iter().copied()).collect();
    Ok(fill(template, &values))
}

/// What AWS said of the service.
struct Cluster<'a> {
    of: Context<'a>,
    host: &'a HostName,
    service: ecs::Service,
    primary: ecs::Deployment,
    /// What it is to run now: `api:42`.
    now: String,
    /// Task definitions of its family, the newest first.
    definitions: Vec<String>,
}

impl<'a> Cluster<'a> {
    fn of(of: Context<'a>) -> Result<Self, String> {
        let host = of.service.hosts.first().ok_or("it has no host that aws is run on")?;
        let said = |question: &str| of.said(host, question).unwrap_or_default();
        let why = |error: String| format!("aws on {host}: {error}");
        let service = ecs::service(said("service")).map_err(why)?;
        if service.status != "ACTIVE" {
            return Err(format!("{} is {}: it takes no change", name(of.service), service.status.to_lowercase()));
        }
        if let Some(other) = service.controller.as_deref().filter(|controller| *controller != "ECS") {
            return Err(format!("{} is rolled out by {other}, and not by ECS itself", name(of.service)));
        }
        let primary = service.primary().cloned().unwrap_or_default();
        let now = ecs::short(&service.task_definition).to_owned();
        if ecs::revision(&now).is_none() {
            return Err(format!("its task definition cannot be read: {now:?}"));
        }
        let definitions = ecs::definitions(said("definitions")).map_err(why)?;
        Ok(Self { of, host, service, primary, now, definitions })
    }

    /// One step begins a deployment and waits for it: what it waits for is the id that its own call gave it.
    fn step(&self, name: &str, templates: [&str; 2], values: &[(&str, &str)]) -> Result<Step, String> {
        let within = self.of.number("within", 15 * 60_000).max(1_000);
        let seconds = (within / 1_000).to_string();
        let values: Vec<(&str, &str)> =
            [("SECONDS", seconds.as_str())].into_iter().chain(values.iter().copied()).collect();
        let command = filled(self.of.service, &templates.concat(), &values)?;
        Ok(self.of.step(self.host, name, command.trim_end(), within + CALLS_MS))
    }

    /// Makes a change; `tasks` is how many are to run afterwards where that changes.
    fn change(&self, name: &str, change: &str, tasks: Option<u32>) -> Result<Step, String> {
        let primary = quote(&self.primary.id)?;
        let count = count(tasks);
        let values = [("PRIMARY", primary.as_str()), ("CHANGE", change), ("COUNT", &count)];
        self.step(name, [include_str!("change.sh"), include_str!("wait.sh")], &values)
    }

    /// Brings the task definition of before back, unless AWS did that already.
    fn back(&self, target: &str) -> Result<Step, String> {
        let values = [("TARGET", target), ("BEFORE", self.now.as_str()), ("COUNT", "")];
        self.step("take back", [include_str!("back.sh"), include_str!("wait.sh")], &values)
    }

    fn plan(&self, title: String) -> Plan {
        Plan {
            from: Some(self.shown()),
            effect: "tasks are replaced as its configuration says; no request is lost if each is healthy when it says so, and \
                     ends gently"
                .into(),
            proof: "the deployment that this began is completed, and is still the one that counts; then the checks".into(),
            prechecks: self.prechecks(),
            ..self.of.plan(title)
        }
    }

    fn shown(&self) -> String {
        let images = ecs::images(self.of.said(self.host, "images").unwrap_or_default());
        if images.is_empty() { self.now.clone() } else { format!("{} ({})", self.now, images.join(", ")) }
    }

    fn prechecks(&self) -> Vec<Precheck> {
        let service = &self.service;
        let mut checks = Vec::new();
        let mut check = |verdict, text: String| checks.push(Precheck { verdict, text });
        let state = self.primary.rollout_state.as_deref().unwrap_or("COMPLETED");
        let tasks = format!("{} of {} tasks run", service.running_count, service.desired_count);
        if state == "COMPLETED" && service.running_count >= service.desired_count {
            check(Fit::Good, format!("{}: {tasks}", self.now));
        } else {
            let failed = self.primary.failed_tasks.unwrap_or(0);
            check(Fit::Doubtful, format!("{}: its last deployment is {state}; {tasks}, {failed} failed", self.now));
        }
        if let ecs::Breaker { enable: true, rollback } = service.breaker.unwrap_or_default() {
            let then = if rollback { "ends it and brings back what was there" } else { "ends it, and leaves it so" };
            check(Fit::Good, format!("the circuit breaker is on: of a bad deployment AWS {then}"));
        } else {
            let what = "the circuit breaker is off: a bad deployment would be tried for ever";
            check(Fit::Doubtful, format!("{what}; here it is given up after its time"));
        }
        checks
    }

    /// Finds a task definition by its number or its name.
    fn named(&self, wanted: &str) -> Result<String, String> {
        let family = self.now.rsplit_once(':').map_or("", |(family, _)| family);
        let name = if wanted.contains(':') { wanted.to_owned() } else { format!("{family}:{wanted}") };
        let found = self.definitions.iter().find(|known| **known == name);
        found.cloned().ok_or_else(|| format!("there is no task definition {wanted}; the newest are: {}", self.listed()))
    }

    fn listed(&self) -> String {
        let some: Vec<&str> = self.definitions.iter().take(10).map(String::as_str).collect();
        if some.is_empty() { "none".to_owned() } else { some.join(", ") }
    }

    /// Returns what ran before: what is still there of the deployment before, else the next lower number.
    fn before(&self) -> Result<String, String> {
        let active = self.service.deployments.iter().filter(|deployment| deployment.status == "ACTIVE");
        let mut still =
            active.map(|deployment| ecs::short(&deployment.task_definition)).filter(|name| *name != self.now);
        if let Some(name) = still.next().filter(|name| ecs::revision(name).is_some()) {
            return Ok(name.to_owned());
        }
        let number = |name: &str| ecs::revision(name).map(|(_, number)| number);
        let now = number(&self.now);
        let older = self.definitions.iter().filter(|name| number(name) < now);
        older
            .max_by_key(|name| number(name))
            .cloned()
            .ok_or_else(|| format!("there is no task definition before {}; there are: {}", self.now, self.listed()))
    }
}

/// Returns a further condition of the wait: so many tasks.
fn count(tasks: Option<u32>) -> String {
    tasks.map_or_else(String::new, |tasks| format!(" && [ \"$want\" = {tasks} ]"))
}

impl Recipe for Ecs {
    fn hosts<'a>(&self, service: &'a Service) -> &'a [HostName] {
        control(service)
    }

    fn looks_first(&self) -> bool {
        false
    }

    fn survey(&self, service: &Service, wanted: &Wanted) -> Option<String> {
        let scalers = if matches!(wanted, Wanted::Task(_)) { include_str!("scalers.sh") } else { "" };
        let scalers = filled(service, scalers, &[]).ok()?;
        filled(service, include_str!("survey.sh"), &[("SCALERS", &scalers)]).ok()
    }

    fn restart(&self, of: Context<'_>) -> Result<Plan, String> {
        let cluster = Cluster::of(of)?;
        Ok(Plan {
            steps: vec![cluster.change("deploy anew", "--force-new-deployment", None)?],
            undo: "nothing to undo: the same task definition starts again".into(),
            ..cluster.plan(format!("restart {}", of.service.id.service))
        })
    }

    fn deploy(&self, of: Context<'_>, what: &What) -> Result<Plan, String> {
        let cluster = Cluster::of(of)?;
        let target = match what {
            What::Version { version } => cluster.named(version)?,
            What::Default => cluster.definitions.first().cloned().ok_or("its family has no task definition")?,
            What::Build(_) => {
                let help = "--version names one that is there, as 43 or api:43";
                return Err(format!("{} is brought out as a task definition: {help}", of.service.id));
            }
        };
        if target == cluster.now {
            return Err(format!("it runs {target} already; to start it anew, restart it"));
        }
        Ok(Plan {
            action: Action::Deploy { version: target.clone() },
            steps: vec![cluster.change("deploy", &format!("--task-definition {target}"), None)?],
            undo: format!("by itself, once: {} is brought back, unless AWS did that already", cluster.now),
            undo_steps: vec![cluster.back(&target)?],
            undo_by_itself: true,
            ..cluster.plan(format!("deploy {} {target}", of.service.id.service))
        })
    }

    fn brings(&self, _: &Service) -> Option<Brings> {
        let default = Some("the newest task definition of its family".to_owned());
        Some(Brings { default, ..offers::named("a task definition, as 43 or api:43") })
    }

    fn known(&self, of: Context<'_>) -> Result<Known, String> {
        let cluster = Cluster::of(of)?;
        let all = cluster.definitions.iter().map(|name| (name.clone(), "task definition".to_owned()));
        Ok(offers::versions(Some(&cluster.now), all))
    }

    fn rollback(&self, of: Context<'_>, to: Option<&str>) -> Result<Plan, String> {
        let cluster = Cluster::of(of)?;
        let target = to.map_or_else(|| cluster.before(), |to| cluster.named(to))?;
        if target == cluster.now {
            return Err(format!("it runs {target} already"));
        }
        Ok(Plan {
            action: Action::Rollback { version: target.clone() },
            steps: vec![cluster.change("go back", &format!("--task-definition {target}"), None)?],
            undo: format!("never by itself: it would bring {} back, which is what you leave", cluster.now),
            undo_steps: vec![cluster.back(&target)?],
            ..cluster.plan(format!("roll {} back to {target}", of.service.id.service))
        })
    }

    fn tasks(&self, _: &Service) -> Vec<Task> {
        let tasks = Takes { name: "tasks".into(), required: true, doc: "How many tasks.".into() };
        let doc = "Sets how many tasks there are.".into();
        vec![Task { name: "scale".into(), doc, takes: vec![tasks], file: false }]
    }

    fn task(&self, of: Context<'_>, order: &Order) -> Result<Plan, String> {
        let cluster = Cluster::of(of)?;
        let given = order.settings.get("tasks").map(String::as_str).unwrap_or_default();
        let to = given.parse::<u32>().ok().filter(|to| *to <= MOST_TASKS);
        let to = to.ok_or_else(|| format!("tasks is a number up to {MOST_TASKS}, and not {given:?}"))?;
        let now = cluster.service.desired_count;
        if to == now {
            return Err(format!("{} has {now} tasks already", name(of.service)));
        }
        let scale = |name: &str, to: u32| cluster.change(name, &format!("--desired-count {to}"), Some(to));
        let mut plan = Plan {
            action: Action::Other { name: "scale".into() },
            steps: vec![scale("scale", to)?],
            undo: format!("it is scaled back to {now}"),
            undo_steps: vec![scale("scale back", now)?],
            ..cluster.plan(format!("scale {} from {now} to {to}", of.service.id.service))
        };
        plan.effect = match to {
            0 => "its last task goes: it is away until it is scaled up again".into(),
            _ if to < now => format!("{} of {now} tasks end; the others take their share", now - to),
            _ => format!("{} more tasks, as far as there is room", to - now),
        };
        match ecs::scalers(of.said(cluster.host, "scalers").unwrap_or_default()) {
            Ok(scalers) => plan.prechecks.extend(scalers.iter().map(|scaler| {
                let within = format!("between {} and {}", scaler.min, scaler.max);
                let text = format!("auto scaling keeps it {within}, and will set it as it sees fit");
                Precheck { verdict: Fit::Doubtful, text }
            })),
            Err(why) => plan.prechecks.push(Precheck {
                verdict: Fit::Doubtful,
                text: format!("whether something else scales it is not known: {why}"),
            }),
        }
        Ok(plan)
    }
}

#[cfg(test)]
mod tests;
