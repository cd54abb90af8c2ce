//! Services of Docker Compose, version 2.
use std::fmt::Write as _;

use super::{
    Context, PATH, Recipe, Runs, at_home, fill, is_variable, offers, path_misfit, quote,
    release::{self, Releases},
};
use crate::{
    config::{Field, Kind, Misfit, Shape},
    core::{
        id::HostName,
        inventory::{Params, Service},
        runs::{
            Action, Fit, Plan, Precheck, Step, Wanted, What, is_version,
            offer::{Brings, Known},
        },
    },
    parse::{
        compose::{self, Container},
        kubernetes::image,
    },
};

/// Changes one service of a Compose project. Its version is the tag of its image, which the project's file takes from a variable
/// of its `.env`: so it stays what it is, whoever starts the project next.
#[derive(Debug)]
pub(super) struct Compose;

const FIELDS: &[Field] = &[
    PATH,
    Field {
        name: "service",
        shape: Shape::Text,
        required: false,
        doc: "The service in the project's file. Default: the service's name.",
    },
    Field { name: "project", shape: Shape::Text, required: false, doc: "The project's name, as for `-p`." },
    Field {
        name: "files",
        shape: Shape::List(&Shape::Text),
        required: false,
        doc: "The project's files, as for `-f`, relative to `path`. Default: what Compose finds there.",
    },
    Field {
        name: "variable",
        shape: Shape::Text,
        required: false,
        doc: "The variable that the image's tag comes from, as in `image: shop/api:${API_TAG}`. Without it nothing can be deployed.",
    },
    Field {
        name: "env_file",
        shape: Shape::Text,
        required: false,
        doc: "The file in `path` where the variable stands. Default: .env.",
    },
    Field {
        name: "sudo",
        shape: Shape::Flag,
        required: false,
        doc: "Whether docker needs sudo; it is called with -n and never asks. Default: false.",
    },
    Field {
        name: "within",
        shape: Shape::Duration,
        required: false,
        doc: "How long its containers may take to run, and to be healthy where they are asked. Default: 2m.",
    },
    release::HEALTH,
    release::VERSION_URL,
    release::HEALTH_WITHIN,
];

impl Kind for Compose {
    fn name(&self) -> &'static str {
        "compose"
    }

    fn fields(&self) -> &'static [Field] {
        FIELDS
    }

    fn misfits(&self, settings: &Params) -> Vec<Misfit> {
        let text = |key: &str| settings.get(key).and_then(serde_json::Value::as_str);
        let lacking = text("path").is_none().then(|| {
            Misfit::new("path", "there is no `path`", "the project's folder on its hosts, as in \"/srv/shop\"")
        });
        let variable = text("variable").filter(|name| !is_variable(name)).map(|name| {
            let help = "letters, digits and underscores, as in \"API_TAG\"";
            Misfit::new("variable", format!("`variable` is no name of a variable: {name:?}"), help)
        });
        let service = text("service").filter(|name| !is_name(name)).map(|name| {
            let help = "as it stands in the project's file";
            Misfit::new("service", format!("`service` is no name of a service: {name:?}"), help)
        });
        lacking
            .into_iter()
            .chain(variable)
            .chain(service)
            .chain(path_misfit(settings))
            .chain(release::misfit(settings))
            .collect()
    }

    fn has_sets(&self) -> bool {
        true
    }
}

fn is_name(text: &str) -> bool {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
    !text.is_empty() && text.chars().all(fits) && !text.starts_with('-')
}

fn is_tag(text: &str) -> bool {
    is_version(text) && !text.contains('+')
}

/// Pulling a large image over a slow line.
const PULL_MS: u64 = 20 * 60_000;
/// A container may take its time to end.
const UP_MS: u64 = 5 * 60_000;
const QUICK_MS: u64 = 60_000;

/// The project of one service, as commands name it.
struct Project<'a> {
    path: String,
    engine: &'static str,
    files: String,
    service: &'a str,
    env_file: String,
    variable: Option<&'a str>,
}

impl<'a> Project<'a> {
    fn of(service: &'a Service) -> Result<Self, String> {
        let text = |key: &str| service.recipe.get(key).and_then(serde_json::Value::as_str);
        let mut files = String::new();
        let mut flag = |name: &str, value: &str| -> Result<(), String> {
            let value = quote(value)?;
            write!(files, "{name}={value} ").map_err(|error| error.to_string())
        };
        if let Some(project) = text("project") {
            flag("--project-name", project)?;
        }
        let list = service.recipe.get("files").and_then(serde_json::Value::as_array);
        for file in list.into_iter().flatten().filter_map(serde_json::Value::as_str) {
            flag("--file", file)?;
        }
        if let Some(file) = text("env_file") {
            flag("--env-file", file)?;
        }
        let name = text("service").unwrap_or(service.id.service.as_str());
        if !is_name(name) {
            return Err(format!("{name:?} cannot be a service of a project: name it in the recipe"));
        }
        let path = text("path").ok_or_else(|| format!("{}: its recipe says no `path`", service.id))?;
        let sudo = service.recipe.get("sudo").and_then(serde_json::Value::as_bool).unwrap_or(false);
        Ok(Self {
            path: at_home(path),
            engine: if sudo { "sudo -n docker" } else { "docker" },
            files: files.trim_end().to_owned(),
            service: name,
            // Relative to the folder; a name that begins with a dash would be an option.
            env_file: at_home(&text("env_file").map_or_else(
                || ".env".to_owned(),
                |file| if file.starts_with('-') { format!("./{file}") } else { file.to_owned() },
            )),
            variable: text("variable"),
        })
    }

    fn fill(&self, template: &str, values: &[(&str, &str)]) -> String {
        let own = [
            ("PATH", self.path.as_str()),
            ("ENGINE", self.engine),
            ("FILES", &self.files),
            ("SERVICE", self.service),
            ("ENV_FILE", &self.env_file),
            // Without one the file says nothing of it.
            ("VARIABLE", self.variable.unwrap_or("-")),
        ];
        let values: Vec<(&str, &str)> = own.into_iter().chain(values.iter().copied()).collect();
        fill(template, &values).trim_end().to_owned()
    }
}

/// What is planned of one host.
struct Here<'a> {
    of: Context<'a>,
    project: &'a Project<'a>,
    host: &'a HostName,
    tag: &'a str,
    containers: Vec<Container>,
}

impl<'a> Here<'a> {
    fn of(of: Context<'a>, project: &'a Project<'a>, host: &'a HostName) -> Result<Self, String> {
        let said = |question: &str| of.said(host, question);
        let Some(version) = said("version") else {
            return Err(format!("{host} has no folder {}: name the project's folder as `path`", project.path));
        };
        if !version.trim_start_matches('v').starts_with(|first: char| first.is_ascii_digit()) {
            return Err(format!("{host} has no Docker Compose of version 2: {}", version.trim()));
        }
        let services = said("services").unwrap_or_default();
        if !services.lines().any(|name| name == project.service) {
            let help = services.trim().replace('\n', ", ");
            return Err(format!("the project on {host} has no service {}: {help}", project.service));
        }
        let containers = compose::containers(said("containers").unwrap_or_default());
        let containers = containers.map_err(|error| format!("docker compose on {host}: {error}"))?;
        Ok(Self { of, project, host, tag: said("tag").unwrap_or_default().trim(), containers })
    }

    /// Returns tags that were brought out here, the newest last.
    fn tags(&self) -> Vec<&'a str> {
        let tags = self.of.said(self.host, "tags").unwrap_or_default();
        tags.lines().filter(|tag| is_tag(tag)).collect()
    }

    fn step(&self, name: &str, template: &str, values: &[(&str, &str)], timeout_ms: u64) -> Step {
        self.of.step(self.host, name, self.project.fill(template, values), timeout_ms)
    }

    /// Has the variable go from one tag to another. `note` says what becomes of the list of tags.
    fn set(&self, name: &str, from: &str, to: &str, note: &str) -> Result<Step, String> {
        let (from, to) = (quote(from)?, quote(to)?);
        let note = fill(note, &[("FROM", &from), ("TO", &to)]);
        Ok(self.step(
            name,
            include_str!("tag.sh"),
            &[("FROM", &from), ("TO", &to), ("NOTE", note.trim_end())],
            QUICK_MS,
        ))
    }

    fn pull(&self, tag: &str) -> Result<Step, String> {
        let variable = self.project.variable.unwrap_or_default();
        // Behind sudo: what stands before it does not reach the command.
        let set = format!("env {variable}={}", quote(tag)?);
        let engine = match self.project.engine.strip_suffix("docker") {
            Some(sudo) => format!("{sudo}{set} docker"),
            None => format!("{set} docker"),
        };
        let name = self.containers.iter().map(|container| image(&container.image).0).find(|name| !name.is_empty());
        let known = quote(&name.map_or_else(String::new, |name| format!("{name}:{tag}")))?;
        let values = [("ENGINE_SET", engine.as_str()), ("IMAGE", &known)];
        Ok(self.step("pull", include_str!("pull.sh"), &values, PULL_MS))
    }

    fn compose(&self, name: &str, verb: &str) -> Step {
        self.step(name, include_str!("up.sh"), &[("VERB", verb)], UP_MS)
    }

    fn up(&self) -> Step {
        self.compose("up", "up --detach --no-deps")
    }

    /// Waits until its containers run, and keep running; with a tag they must be of it.
    fn running(&self, tag: Option<&str>) -> Result<Step, String> {
        let within = self.of.number("within", 120_000).max(5_000);
        let tag = tag.map_or_else(|| Ok("''".to_owned()), |tag| quote(&format!(":{tag}")))?;
        let values = [("SECONDS", (within / 1_000).to_string()), ("TAG", tag)];
        let values: Vec<(&str, &str)> = values.iter().map(|(name, value)| (*name, value.as_str())).collect();
        Ok(self.step("see it run", include_str!("running.sh"), &values, within + UP_MS))
    }

    fn precheck(&self) -> Precheck {
        let bad: Vec<String> =
            self.containers.iter().filter(|container| !container.runs()).map(Container::words).collect();
        let (verdict, text) = match (self.containers.len(), bad.is_empty()) {
            (0, _) => (Fit::Doubtful, format!("{} has no container on {}", self.project.service, self.host)),
            (count, true) => (Fit::Good, format!("{count} of {count} containers run on {}", self.host)),
            (_, false) => (Fit::Doubtful, format!("{}: {}", self.host, bad.join(", "))),
        };
        Precheck { verdict, text }
    }
}

/// A tag that may be none.
fn shown(tag: &str) -> &str {
    if tag.is_empty() { "no tag" } else { tag }
}

/// Names what every host has; a host that has something else is named with it.
fn now(all: &[Here<'_>]) -> String {
    let first = all.first().map_or("", |here| here.tag);
    if all.iter().all(|here| here.tag == first) {
        return shown(first).to_owned();
    }
    all.iter().map(|here| format!("{}: {}", here.host, shown(here.tag))).collect::<Vec<_>>().join(", ")
}

/// A change of tag on all hosts.
fn change(of: Context<'_>, project: &Project<'_>, all: &[Here<'_>], to: &str, back: bool) -> Result<Plan, String> {
    if all.iter().all(|here| here.tag == to) {
        return Err(format!("every host is at {to} already; to start it anew, restart it"));
    }
    if let Some(here) = all.iter().find(|here| !here.tag.is_empty() && !is_tag(here.tag)) {
        return Err(format!(
            "{} on {} is no plain tag: {:?}",
            project.variable.unwrap_or_default(),
            here.host,
            here.tag
        ));
    }
    let releases = Releases::of(of)?;
    let (push, pop) = (include_str!("push.sh"), include_str!("pop.sh"));
    let (there, undone) = if back { (pop, push) } else { (push, pop) };
    let (mut steps, mut undo_steps) = (Vec::new(), Vec::new());
    for here in all {
        steps.extend([here.pull(to)?, here.set("set tag", here.tag, to, there)?, here.up(), here.running(Some(to))?]);
        steps.extend(releases.healthy(here.host, Some(to)));
        let was = Some(here.tag).filter(|tag| !tag.is_empty());
        undo_steps.extend([here.set("set tag back", to, here.tag, undone)?, here.up(), here.running(was)?]);
        undo_steps.extend(releases.healthy(here.host, None));
    }
    Ok(Plan {
        from: Some(now(all)),
        steps,
        undo_steps,
        effect: "on each host its container is ended and a new one started: open requests are cut unless something before it \
                 sends them elsewhere"
            .into(),
        proof: format!("its containers run {to} and keep running, {}", releases.proof(to)),
        prechecks: all.iter().map(Here::precheck).collect(),
        ..of.plan("")
    })
}

/// Chooses the tag to go back to: what every host had before the one it has.
fn before(all: &[Here<'_>]) -> Result<String, String> {
    let mut found: Option<&str> = None;
    for here in all {
        let tags = here.tags();
        let at = tags.iter().rposition(|tag| *tag == here.tag).unwrap_or(tags.len());
        let Some(tag) = tags.iter().take(at).rev().find(|tag| **tag != here.tag) else {
            return Err(format!("{} does not know what ran before {}: name the tag", here.host, shown(here.tag)));
        };
        if found.is_some_and(|found| found != *tag) {
            return Err(format!("the hosts had different tags before, {tag} among them: name one"));
        }
        found = Some(tag);
    }
    found.map(str::to_owned).ok_or_else(|| "there are no hosts".to_owned())
}

fn all<'a>(of: Context<'a>, project: &'a Project<'a>) -> Result<Vec<Here<'a>>, String> {
    of.service.hosts.iter().map(|host| Here::of(of, project, host)).collect()
}

/// Says that a deploy needs to know where the tag stands.
fn needs_variable(project: &Project<'_>) -> Result<(), String> {
    let help = "say in the recipe which `variable` of its .env holds the tag";
    project
        .variable
        .map(|_| ())
        .ok_or_else(|| format!("nobody knows where {} takes its tag from: {help}", project.service))
}

impl Recipe for Compose {
    fn survey(&self, service: &Service, _: &Wanted) -> Option<String> {
        Some(Project::of(service).ok()?.fill(include_str!("survey.sh"), &[]))
    }

    fn runs(&self, of: Context<'_>, host: &HostName) -> Option<Runs> {
        let tag = of.said(host, "tag").map(str::trim).filter(|tag| !tag.is_empty())?.to_owned();
        Some(Runs { version: tag.clone(), name: tag, ..Runs::default() })
    }

    fn stands(&self, of: Context<'_>, host: &HostName) -> Result<Vec<Step>, String> {
        let project = Project::of(of.service)?;
        let here = Here::of(of, &project, host)?;
        let tag = Some(here.tag).filter(|tag| !tag.is_empty());
        let healthy = Releases::of(of)?.healthy(host, tag);
        Ok([here.running(tag)?].into_iter().chain(healthy).collect())
    }

    fn restart(&self, of: Context<'_>) -> Result<Plan, String> {
        let project = Project::of(of.service)?;
        let all = all(of, &project)?;
        let mut steps = Vec::new();
        for here in &all {
            if here.containers.is_empty() {
                return Err(format!(
                    "{} has no container on {}: there is nothing to restart",
                    project.service, here.host
                ));
            }
            steps.extend([here.compose("restart", "restart"), here.running(None)?]);
        }
        Ok(Plan {
            from: Some(now(&all)),
            steps,
            effect: "open requests are cut; each host is away while its container starts. What changed in the project's file is \
                     not taken up by a restart"
                .into(),
            undo: "nothing to undo: the same container starts again".into(),
            proof: "its containers run, and keep running; then the checks".into(),
            prechecks: all.iter().map(Here::precheck).collect(),
            ..of.plan(format!("restart {}", of.service.id.service))
        })
    }

    fn deploy(&self, of: Context<'_>, what: &What) -> Result<Plan, String> {
        let project = Project::of(of.service)?;
        needs_variable(&project)?;
        let What::Version { version } = what else {
            return Err(format!("{} is brought out as an image: --version names its tag", of.service.id));
        };
        if !is_tag(version) {
            return Err(format!("{version:?} cannot be the tag of an image"));
        }
        let all = all(of, &project)?;
        Ok(Plan {
            action: Action::Deploy { version: version.clone() },
            title: format!("deploy {} {version}", of.service.id.service),
            undo: format!("by itself, once: the tag is {} again, and its container started anew", now(&all)),
            undo_by_itself: true,
            ..change(of, &project, &all, version, false)?
        })
    }

    fn brings(&self, service: &Service) -> Option<Brings> {
        Project::of(service).ok()?.variable.map(|_| offers::named("the tag of its image"))
    }

    fn known(&self, of: Context<'_>) -> Result<Known, String> {
        let project = Project::of(of.service)?;
        let all = all(of, &project)?;
        let tags = all.iter().flat_map(|here| here.tags().into_iter().rev());
        let tags = tags.map(|tag| (tag.to_owned(), "was brought out here before".to_owned()));
        Ok(offers::versions(Some(&now(&all)), tags))
    }

    fn rollback(&self, of: Context<'_>, to: Option<&str>) -> Result<Plan, String> {
        let project = Project::of(of.service)?;
        needs_variable(&project)?;
        let all = all(of, &project)?;
        let to = match to {
            Some(to) if is_tag(to) => to.to_owned(),
            Some(to) => return Err(format!("{to:?} cannot be the tag of an image")),
            None => before(&all)?,
        };
        Ok(Plan {
            action: Action::Rollback { version: to.clone() },
            title: format!("roll {} back to {to}", of.service.id.service),
            undo: format!("never by itself: it would bring {} back, which is what you leave", now(&all)),
            ..change(of, &project, &all, &to, true)?
        })
    }
}

#[cfg(test)]
mod tests;
