//! What a playbook of Ansible brings out, run on the host that controls the others.
use std::fmt::Write as _;

use super::{Context, PATH, Recipe, at_home, control, fill, is_variable, offers, path_misfit, quote};
use crate::{
    config::{Field, Kind, Misfit, Shape},
    core::{
        id::HostName,
        inventory::{Params, Service},
        runs::{
            Action, Fit, Order, Plan, Precheck, Step, Takes, Task, Wanted, What, is_version,
            offer::{Brings, Known},
        },
    },
    parse::ansible,
};

/// Runs a playbook. Which hosts it changes is asked of Ansible itself, and said before it is confirmed.
#[derive(Debug)]
pub(super) struct Ansible;

const FIELDS: &[Field] = &[
    Field { name: "playbook", shape: Shape::Text, required: true, doc: "The playbook, relative to `path`." },
    PATH,
    Field {
        name: "inventory",
        shape: Shape::Text,
        required: false,
        doc: "The inventory, relative to `path`. Default: Ansible's own.",
    },
    Field {
        name: "limit",
        shape: Shape::Text,
        required: false,
        doc: "The hosts or groups of it that are changed. Default: all that the playbook names.",
    },
    Field {
        name: "version_var",
        shape: Shape::Text,
        required: false,
        doc: "The variable that the playbook takes the version from. Without it a deploy runs the playbook as it is.",
    },
    Field {
        name: "vars",
        shape: Shape::Map(&Shape::Text),
        required: false,
        doc: "Further variables, given as `--extra-vars`.",
    },
    Field {
        name: "args",
        shape: Shape::List(&Shape::Text),
        required: false,
        doc: "Further arguments, as in `--forks=20`.",
    },
    Field {
        name: "restart_playbook",
        shape: Shape::Text,
        required: false,
        doc: "The playbook that R runs. Default: none.",
    },
    Field {
        name: "within",
        shape: Shape::Duration,
        required: false,
        doc: "How long a playbook may take. Default: 1h.",
    },
];

impl Kind for Ansible {
    fn name(&self) -> &'static str {
        "ansible"
    }

    fn fields(&self) -> &'static [Field] {
        FIELDS
    }

    fn misfits(&self, settings: &Params) -> Vec<Misfit> {
        let text = |key: &str| settings.get(key).and_then(serde_json::Value::as_str);
        let lacking = text("path")
            .is_none()
            .then(|| Misfit::new("path", "there is no `path`", "the folder of the playbook, as in \"/srv/ansible\""));
        let dashed = ["playbook", "restart_playbook"].into_iter().filter_map(|key| {
            let name = text(key).filter(|name| name.starts_with('-') || name.is_empty())?;
            Some(Misfit::new(key, format!("`{key}` is no file: {name:?}"), "relative to `path`, as in \"edge.yml\""))
        });
        let variable = text("version_var").filter(|name| !is_variable(name)).map(|name| {
            let help = "letters, digits and underscores, as in \"app_version\"";
            Misfit::new("version_var", format!("`version_var` is no name of a variable: {name:?}"), help)
        });
        lacking.into_iter().chain(dashed).chain(variable).chain(path_misfit(settings)).collect()
    }
}

/// Returns the command up to what it plays.
fn play(service: &Service) -> Result<String, String> {
    let text = |key: &str| service.recipe.get(key).and_then(serde_json::Value::as_str);
    // Commands run here without a locale, and Ansible refuses one that is not UTF-8. Neither colours nor files of its
    // own, whatever its configuration says.
    let mut play =
        "env LC_ALL=C.UTF-8 ANSIBLE_NOCOLOR=1 ANSIBLE_FORCE_COLOR=0 ANSIBLE_RETRY_FILES_ENABLED=0 ansible-playbook"
            .to_owned();
    for (name, key) in [("--inventory", "inventory"), ("--limit", "limit")] {
        if let Some(value) = text(key) {
            write!(play, " {name}={}", quote(value)?).map_err(|error| error.to_string())?;
        }
    }
    let args = service.recipe.get("args").and_then(serde_json::Value::as_array);
    for arg in args.into_iter().flatten().filter_map(serde_json::Value::as_str) {
        write!(play, " {}", quote(arg)?).map_err(|error| error.to_string())?;
    }
    Ok(play)
}

/// What the control host said.
struct Book<'a> {
    of: Context<'a>,
    host: &'a HostName,
    play: String,
    path: String,
    hosts: Vec<String>,
    versions: Vec<&'a str>,
}

impl<'a> Book<'a> {
    fn of(of: Context<'a>) -> Result<Self, String> {
        let host = of.service.hosts.first().ok_or("it has no host that ansible-playbook is run on")?;
        let path = of.needed("path")?;
        let said = of.said(host, "hosts").ok_or_else(|| format!("{host} has no folder {path}"))?;
        let hosts = ansible::hosts(said).map_err(|error| format!("ansible-playbook on {host}: {error}"))?;
        let versions = of.said(host, "versions").unwrap_or_default().lines().filter(|line| is_version(line)).collect();
        Ok(Self { of, host, play: play(of.service)?, path: at_home(path), hosts, versions })
    }

    fn now(&self) -> Option<&'a str> {
        self.versions.last().copied()
    }

    /// Plays a playbook. `note` says what becomes of the list of versions.
    fn step(
        &self,
        name: &str,
        playbook: &str,
        version: Option<&str>,
        (flags, note): (&str, &str),
    ) -> Result<Step, String> {
        let mut vars =
            self.of.service.recipe.get("vars").and_then(serde_json::Value::as_object).cloned().unwrap_or_default();
        if let (Some(name), Some(version)) = (self.of.text("version_var"), version) {
            vars.insert(name.to_owned(), version.into());
        }
        let mut given = String::new();
        if !vars.is_empty() {
            given = format!("--extra-vars={} ", quote(&serde_json::Value::Object(vars).to_string())?);
        }
        given.push_str(flags);
        let version = quote(version.unwrap_or_default())?;
        let note = fill(note, &[("VERSION", &version)]);
        let playbook = quote(playbook)?;
        let values = [
            ("PATH", self.path.as_str()),
            ("PLAY", &self.play),
            ("PLAYBOOK", &playbook),
            ("VARS", &given),
            ("NOTE", note.trim_end()),
        ];
        let within = self.of.number("within", 3_600_000).max(10_000);
        Ok(self.of.step(self.host, name, fill(include_str!("play.sh"), &values).trim_end(), within))
    }

    fn plan(&self, title: String) -> Plan {
        let more = self.hosts.len().saturating_sub(12);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let some = self.hosts.iter().take(12).map(String::as_str).collect::<Vec<_>>().join(", ");
        Plan {
            from: self.now().map(str::to_owned),
            effect: format!("the playbook changes {some}{more}; how, and how many at a time, stands in it"),
            proof: "the playbook ends well on every host; then the checks".into(),
            prechecks: vec![Precheck {
                verdict: Fit::Good,
                text: format!(
                    "{} on {} reads its playbook and inventory",
                    self.of.said(self.host, "ansible").unwrap_or("ansible").trim(),
                    self.host
                ),
            }],
            ..self.of.plan(title)
        }
    }

    /// Returns the version before the one that was brought out last.
    fn before(&self) -> Result<&'a str, String> {
        let now = self.now().ok_or("nothing was brought out from here yet: name the version")?;
        let mut before = self.versions.iter().rev().filter(|version| **version != now);
        before.next().copied().ok_or_else(|| format!("nobody knows what ran before {now}: name the version"))
    }
}

const PUSH: &str = include_str!("push.sh");
const POP: &str = include_str!("pop.sh");

impl Recipe for Ansible {
    fn hosts<'a>(&self, service: &'a Service) -> &'a [HostName] {
        control(service)
    }

    fn looks_first(&self) -> bool {
        false
    }

    fn survey(&self, service: &Service, _: &Wanted) -> Option<String> {
        let text = |key: &str| service.recipe.get(key).and_then(serde_json::Value::as_str).unwrap_or_default();
        let (path, playbook, play) = (at_home(text("path")), quote(text("playbook")).ok()?, play(service).ok()?);
        Some(fill(include_str!("survey.sh"), &[("PATH", &path), ("PLAY", &play), ("PLAYBOOK", &playbook)]))
    }

    fn restart(&self, of: Context<'_>) -> Result<Plan, String> {
        let book = Book::of(of)?;
        let playbook = of.text("restart_playbook").ok_or_else(|| {
            format!("{} has no playbook that restarts it: name one as `restart_playbook`", of.service.id)
        })?;
        Ok(Plan {
            steps: vec![book.step("restart", playbook, None, ("", ""))?],
            undo: "nothing to undo: the same version starts again".into(),
            ..book.plan(format!("restart {}", of.service.id.service))
        })
    }

    fn deploy(&self, of: Context<'_>, what: &What) -> Result<Plan, String> {
        let book = Book::of(of)?;
        let playbook = of.needed("playbook")?;
        let named = of.text("version_var");
        let version = match (what, named) {
            (What::Version { version }, Some(_)) if is_version(version) => Some(version.as_str()),
            (What::Version { version }, Some(_)) => return Err(format!("{version:?} cannot be a version")),
            (What::Version { .. }, None) => {
                return Err(format!(
                    "{}: say in the recipe which variable takes the version, as `version_var`",
                    of.service.id
                ));
            }
            (What::Default, None) => None,
            (What::Default, Some(named)) => return Err(format!("its playbook needs {named}: --version names it")),
            (What::Build(_), _) => {
                return Err("a playbook takes no build: --version names what it is to bring out".into());
            }
        };
        let step = book.step("play", playbook, version, ("", if version.is_some() { PUSH } else { "" }))?;
        let back = book.now().filter(|now| version.is_some_and(|version| version != *now));
        let undo_steps =
            back.map(|now| book.step("play what was before", playbook, Some(now), ("", POP))).transpose()?;
        let shown = version.unwrap_or("the playbook as it is");
        Ok(Plan {
            action: Action::Deploy { version: shown.to_owned() },
            steps: vec![step],
            undo: back.map_or_else(
                || "not by itself: nobody knows what was there before".to_owned(),
                |now| format!("by itself, once: the playbook is played with {now}"),
            ),
            undo_by_itself: undo_steps.is_some(),
            undo_steps: undo_steps.into_iter().collect(),
            ..book.plan(format!("deploy {} {shown}", of.service.id.service))
        })
    }

    fn brings(&self, service: &Service) -> Option<Brings> {
        let variable = service.recipe.get("version_var").and_then(serde_json::Value::as_str);
        Some(match variable {
            Some(variable) => offers::named(&format!("the version, as {variable}")),
            None => Brings { default: Some("the playbook as it is".to_owned()), ..Brings::default() },
        })
    }

    fn known(&self, of: Context<'_>) -> Result<Known, String> {
        let book = Book::of(of)?;
        let all = book.versions.iter().rev().map(|name| ((*name).to_owned(), "was played from here".to_owned()));
        Ok(offers::versions(book.now(), all))
    }

    fn rollback(&self, of: Context<'_>, to: Option<&str>) -> Result<Plan, String> {
        let book = Book::of(of)?;
        if of.text("version_var").is_none() {
            return Err(format!("{}: its playbook takes no version: say `version_var` in the recipe", of.service.id));
        }
        let to = to.map_or_else(|| book.before(), Ok)?;
        if !is_version(to) {
            return Err(format!("{to:?} cannot be a version"));
        }
        if book.now() == Some(to) {
            return Err(format!("{to} is what was brought out last"));
        }
        let playbook = of.needed("playbook")?;
        let left =
            book.now().map(|now| book.step("play what was left", playbook, Some(now), ("", PUSH))).transpose()?;
        Ok(Plan {
            action: Action::Rollback { version: to.to_owned() },
            steps: vec![book.step("play", playbook, Some(to), ("", POP))?],
            undo: "never by itself: it would bring back what you leave".into(),
            undo_steps: left.into_iter().collect(),
            ..book.plan(format!("roll {} back to {to}", of.service.id.service))
        })
    }

    fn tasks(&self, _: &Service) -> Vec<Task> {
        let version =
            Takes { name: "version".into(), required: false, doc: "The version that it would bring out.".into() };
        let doc = "Shows what the playbook would change, and changes nothing.".into();
        vec![Task { name: "check".into(), doc, takes: vec![version], file: false }]
    }

    fn task(&self, of: Context<'_>, order: &Order) -> Result<Plan, String> {
        let book = Book::of(of)?;
        let version = order.settings.get("version").map(String::as_str);
        if version.is_some_and(|version| !is_version(version)) {
            return Err(format!("{:?} cannot be a version", version.unwrap_or_default()));
        }
        Ok(Plan {
            action: Action::Other { name: "check".into() },
            steps: vec![book.step("check", of.needed("playbook")?, version, ("--check --diff ", ""))?],
            effect: format!(
                "nothing is changed, as far as its modules keep to --check; asked are {}",
                book.hosts.join(", ")
            ),
            undo: "nothing to undo: nothing is changed".into(),
            proof: "what it would change is in its output".into(),
            ..book.plan(format!("check {}", of.service.id.service))
        })
    }
}

#[cfg(test)]
mod tests;
