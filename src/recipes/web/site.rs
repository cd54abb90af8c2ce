//! Sites of a web server: files in one folder, and links to those that are served in another.
//!
//! Nothing is edited: a site is enabled, disabled, or replaced by a file whose difference is shown. The server's own test comes
//! before it takes anything, and what was there is put back where the test fails, before the server has seen it.
use super::{SUDO, Server, Take};
use crate::{
    config::{self, Field, Kind, Misfit, Shape},
    core::{
        id::HostName,
        inventory::{Params, Service},
        logs::redact::Redactor,
        runs::{Action, Fit, Order, Plan, Precheck, Step, Takes, Task, Wanted, is_release},
        words::many,
    },
    parse::{diff, sanitise},
    recipes::{Context, Recipe, at_home, fill, quote, release},
};

/// The site that is meant where none is named.
pub(in crate::recipes) const SITE: Field = Field {
    name: "site",
    shape: Shape::Text,
    required: false,
    doc: "The site that is meant where none is named: \"play.conf\".",
};

/// The folder of all sites.
pub(in crate::recipes) const AVAILABLE: Field =
    Field { name: "available", shape: Shape::Text, required: false, doc: "The folder of all sites." };

/// The folder of those that are served.
pub(in crate::recipes) const ENABLED: Field = Field {
    name: "enabled",
    shape: Shape::Text,
    required: false,
    doc: "The folder of links to those that are served.",
};

/// Testing and reloading, or a unit that is slow to start.
const TIMEOUT_MS: u64 = 240_000;
/// Lines of a difference that are shown.
const MOST_LINES: usize = 400;
/// As in the survey: what is longer is not shown, and so not replaced.
const MOST_BYTES: usize = 150_000;

/// The sites of one kind of server.
#[derive(Clone, Copy, Debug)]
pub(in crate::recipes) struct Sites {
    /// What the kind is called.
    pub(in crate::recipes) name: &'static str,
    /// Its settings.
    pub(in crate::recipes) fields: &'static [Field],
    /// Whose.
    pub(in crate::recipes) server: Server,
    /// Where they are unless it is said.
    pub(in crate::recipes) available: &'static str,
    /// Where those are that are served.
    pub(in crate::recipes) enabled: &'static str,
}

fn text<'a>(service: &'a Service, key: &str) -> Option<&'a str> {
    service.recipe.get(key).and_then(serde_json::Value::as_str)
}

impl Sites {
    /// Says whether a site can be called so.
    fn named(self, name: &str) -> Result<&str, String> {
        if !is_release(name) || name.contains(".qd-") {
            return Err(format!(
                "{name:?} is no name of a site: letters, digits, dots, dashes, underscores and pluses"
            ));
        }
        if self.server == Server::Apache && name.strip_suffix(".conf").is_none() {
            return Err(format!("Apache serves only sites whose name ends with .conf, and not {name:?}"));
        }
        Ok(name)
    }
}

impl Kind for Sites {
    fn name(&self) -> &'static str {
        self.name
    }

    fn fields(&self) -> &'static [Field] {
        self.fields
    }

    fn misfits(&self, settings: &Params) -> Vec<Misfit> {
        let text = |key: &str| settings.get(key).and_then(serde_json::Value::as_str);
        let folder = |key: &'static str| {
            let path = text(key).filter(|path| !path.starts_with('/') && !path.starts_with("~/"))?;
            let what = format!("`{key}` is no whole path on a host: {path:?}");
            Some(Misfit::new(key, what, "from the root, as in \"/etc/nginx/sites-available\""))
        };
        let site = text(SITE.name).and_then(|name| self.named(name).err());
        let site = site.map(|why| Misfit::new(SITE.name, why, "as in \"play.conf\""));
        let folders = [folder(AVAILABLE.name), folder(ENABLED.name)];
        folders.into_iter().flatten().chain(site).chain(super::misfit(settings)).collect()
    }
}

impl Recipe for Sites {
    fn restart(&self, of: Context<'_>) -> Result<Plan, String> {
        let how = if of.text("restart") == Some("restart") { Take::Restart } else { Take::Reload };
        let mut steps = Vec::new();
        for host in &of.service.hosts {
            steps.push(self.server.take(of, host, how)?);
            steps.extend(release::healthy(of, host, [""; 2]));
        }
        let verb = if how == Take::Restart { "restart" } else { "reload" };
        Ok(Plan {
            steps,
            effect: self.server.effect(how).into(),
            undo: "nothing to undo: it reads the configuration that is there".into(),
            proof: format!("{}'s own test passes, and the checks answer", self.server.name()),
            prechecks: self.server.prechecks(of),
            ..of.plan(format!("{verb} {}", of.service.id.service))
        })
    }

    fn rollback(&self, of: Context<'_>, to: Option<&str>) -> Result<Plan, String> {
        let help = "set `site` in its recipe, or replace one by its name";
        let site = of.text(SITE.name).ok_or_else(|| format!("{} has several sites: {help}", of.service.id))?;
        let site = self.named(site)?;
        for host in &of.service.hosts {
            of.survey(host)?;
        }
        let mut plan = Change { of, sites: *self, site, sum: "" }.restore(to)?;
        plan.prechecks.extend(self.server.prechecks(of));
        Ok(plan)
    }

    fn tasks(&self, service: &Service) -> Vec<Task> {
        let name = self.server.name();
        let required = text(service, SITE.name).is_none();
        let takes =
            || vec![Takes { name: "site".into(), required, doc: "The file's name in the folder of sites.".into() }];
        let task = |task: &str, doc: String, file| Task { name: task.into(), doc, takes: takes(), file };
        vec![
            task("enable", format!("Has {name} serve a site that is there."), false),
            task("disable", format!("Has {name} serve a site no more; its file stays."), false),
            task("replace", "Puts a file of this machine in a site's place; the previous one is kept.".into(), true),
        ]
    }

    fn task(&self, of: Context<'_>, order: &Order) -> Result<Plan, String> {
        let site = order.settings.get("site").map(String::as_str).or_else(|| of.text(SITE.name));
        let site = self.named(site.ok_or("name the site")?)?;
        for host in &of.service.hosts {
            of.survey(host)?;
        }
        let change =
            Change { of, sites: *self, site, sum: order.file.as_ref().map_or("", |file| file.sha256.as_str()) };
        let mut plan = match order.task.as_str() {
            "enable" => change.links("enable", include_str!("enable.sh"), "yes"),
            "disable" => change.links("disable", include_str!("disable.sh"), "no"),
            "replace" => change.replace(order),
            other => Err(format!("there is no task {other}")),
        }?;
        plan.action = Action::Other { name: order.task.clone() };
        plan.undo_by_itself = true;
        plan.prechecks.extend(self.server.prechecks(of));
        Ok(plan)
    }

    fn survey(&self, service: &Service, wanted: &Wanted) -> Option<String> {
        let sudo = service.recipe.get(SUDO.name).and_then(serde_json::Value::as_bool).unwrap_or(true);
        let sudo = if sudo { "sudo -n" } else { "" };
        let mut script = self.server.survey(sudo);
        let named = match wanted {
            Wanted::Task(order) => order.settings.get("site").map(String::as_str).or_else(|| text(service, SITE.name)),
            Wanted::Rollback { .. } => text(service, SITE.name),
            Wanted::Restart | Wanted::Deploy { .. } | Wanted::Pipeline(_) => None,
        };
        if let Some(site) = named.and_then(|name| self.named(name).ok()) {
            let folder =
                |key: &str, default: &str| at_home(text(service, key).unwrap_or(default).trim_end_matches('/'));
            let (available, enabled) = (folder(AVAILABLE.name, self.available), folder(ENABLED.name, self.enabled));
            let site = quote(site).ok()?;
            let values = [("AVAILABLE", available.as_str()), ("ENABLED", &enabled), ("SITE", &site), ("SUDO", sudo)];
            script.push_str(include_str!("sum.sh"));
            script.push_str(&fill(include_str!("site_survey.sh"), &values));
        }
        Some(format!("(\n{script})"))
    }
}

/// A change of one site, while it is planned.
#[derive(Clone, Copy)]
struct Change<'a> {
    of: Context<'a>,
    sites: Sites,
    site: &'a str,
    /// SHA-256 of the file that comes; empty where none does.
    sum: &'a str,
}

impl Change<'_> {
    fn available(&self) -> &str {
        self.of.text(AVAILABLE.name).unwrap_or(self.sites.available).trim_end_matches('/')
    }

    fn step(&self, host: &HostName, name: &str, template: &str, was: &str) -> Result<Step, String> {
        let enabled = self.of.text(ENABLED.name).unwrap_or(self.sites.enabled).trim_end_matches('/');
        let (available, enabled, site) = (at_home(self.available()), at_home(enabled), quote(self.site)?);
        let note = quote(&format!("{}.{}", self.of.service.id, self.site))?;
        let values = [
            ("AVAILABLE", available.as_str()),
            ("ENABLED", &enabled),
            ("SITE", &site),
            ("NOTE", &note),
            ("SUM", self.sum),
            ("WAS", was),
        ];
        let text = [include_str!("sum.sh"), include_str!("site.sh"), template].concat();
        let command = self.sites.server.prelude(self.of)? + fill(&text, &values).trim_end();
        Ok(self.of.step(host, name, command, TIMEOUT_MS))
    }

    /// Plans the steps for all hosts, and the way back.
    fn plan(&self, name: &str, template: &str) -> Result<Plan, String> {
        let mut plan = self.of.plan(format!("{name} {} of {}", self.site, self.of.service.id.service));
        for host in &self.of.service.hosts {
            let was = self.of.said(host, "sum").unwrap_or("none");
            if was == "unreadable" {
                return Err(format!(
                    "{}/{} on {host} cannot be read by its login, nor by sudo",
                    self.available(),
                    self.site
                ));
            }
            let was = if was.len() == 64 && was.bytes().all(|byte| byte.is_ascii_hexdigit()) { was } else { "none" };
            plan.steps.push(self.step(host, name, template, was)?);
            plan.steps.extend(release::healthy(self.of, host, [""; 2]));
            plan.undo_steps.push(self.step(host, "take back", include_str!("back.sh"), was)?);
            plan.undo_steps.extend(release::healthy(self.of, host, [""; 2]));
        }
        let server = self.sites.server;
        plan.effect = server.effect(Take::Reload).into();
        plan.undo =
            format!("where {}'s own test fails, at once; else the link or the previous file comes back", server.name());
        plan.proof = match self.of.text(release::HEALTH.name) {
            Some(url) => {
                format!("{}'s own test passes, {url} answers well on each host; then the checks", server.name())
            }
            None => format!("{}'s own test passes on each host; then the checks", server.name()),
        };
        Ok(plan)
    }

    /// Plans to make or remove the link.
    fn links(&self, name: &str, template: &str, is: &str) -> Result<Plan, String> {
        let hosts = &self.of.service.hosts;
        if hosts.iter().all(|host| self.of.said(host, "enabled") == Some(is)) {
            let state = if is == "yes" { "enabled" } else { "not enabled" };
            return Err(format!("{} is {state} on every host already", self.site));
        }
        let mut plan = self.plan(name, template)?;
        for host in hosts {
            if self.of.said(host, "enabled") == Some("other") {
                let text = format!("on {host} something else is enabled as {}: it is left as it is", self.site);
                plan.prechecks.push(super::bad(text));
            }
            if name == "enable" && self.of.said(host, "sum") == Some("none") {
                plan.prechecks.push(super::bad(format!("{host} has no {}/{}", self.available(), self.site)));
            }
        }
        Ok(plan)
    }

    /// Plans to put a file in its place, and shows what differs.
    fn replace(&self, order: &Order) -> Result<Plan, String> {
        let file = order.file.as_ref().ok_or("name the file: --file PATH")?;
        release::check(file)?;
        let new = self.of.facts.file.as_deref().filter(|bytes| bytes.len() <= MOST_BYTES);
        let new = new.ok_or_else(|| format!("{} is too long for a site whose difference is to be read", file.path))?;
        let hosts = &self.of.service.hosts;
        if hosts.iter().all(|host| self.of.said(host, "sum") == Some(file.sha256.as_str())) {
            return Err(format!("{} has this text on every host already", self.site));
        }
        // As the survey has it: each line behind a mark, so that tabs end at the same place.
        let marked: String =
            String::from_utf8_lossy(new).lines().flat_map(|line| ["|", line, "\n"].map(str::to_owned)).collect();
        let new = unmarked(&sanitise::text(marked));
        let mut plan = self.plan("replace", include_str!("replace.sh"))?;
        for host in hosts {
            plan.prechecks.extend(self.unserved(host));
        }
        self.show(&mut plan, |_| Ok(new.clone()))?;
        plan.undo = format!("{}; it is kept as {}.qd-previous", plan.undo, self.site);
        plan.upload = Some(file.clone());
        Ok(plan)
    }

    /// Says that the server does not test a site on a host, where it does not serve it.
    fn unserved(&self, host: &HostName) -> Option<Precheck> {
        let name = self.sites.server.name();
        let text = || format!("{} is not enabled on {host}: {name} does not test what it does not serve", self.site);
        (self.of.said(host, "enabled") != Some("yes")).then(|| Precheck { verdict: Fit::Doubtful, text: text() })
    }

    /// Reads a file as a host says it: each line behind a mark.
    fn read(&self, host: &HostName, what: &str) -> Result<String, String> {
        let said = self.of.said(host, what).unwrap_or_default();
        if said.lines().any(|line| line == "long") {
            return Err(format!("{} is too long on {host} for its difference to be read", self.site));
        }
        Ok(unmarked(said))
    }

    /// Adds what differs between what is there and what comes to a plan, once for hosts that are alike.
    fn show(&self, plan: &mut Plan, new: impl Fn(&HostName) -> Result<String, String>) -> Result<(), String> {
        let redactor = Redactor::new(&config::redact::built_in()).map_err(|error| error.to_string())?;
        let mut told: Vec<(String, String, Vec<&HostName>)> = Vec::new();
        for host in &self.of.service.hosts {
            let (old, new) = (self.read(host, "file")?, new(host)?);
            match told.iter_mut().find(|(known, comes, _)| *known == old && *comes == new) {
                Some((.., hosts)) => hosts.push(host),
                None => told.push((old, new, vec![host])),
            }
        }
        let (mut gone, mut come) = (0, 0);
        for (old, new, hosts) in &told {
            let hosts: Vec<&str> = hosts.iter().map(|host| host.as_str()).collect();
            plan.notes.push(format!("{}/{} on {}", self.available(), self.site, hosts.join(", ")));
            let lines = diff::unified(old, new);
            gone += lines.iter().filter(|line| line.starts_with("- ")).count();
            come += lines.iter().filter(|line| line.starts_with("+ ")).count();
            if lines.is_empty() {
                plan.notes.push("no line of it differs".into());
            }
            let more = lines.len().saturating_sub(MOST_LINES);
            // One text, so that what goes over several lines is hidden too.
            let shown = lines.get(..lines.len() - more).unwrap_or_default().join("\n");
            plan.notes.extend(redactor.text(&shown).lines().map(str::to_owned));
            if more > 0 {
                plan.notes.push(format!("… and {} more", many(more, "line")));
            }
        }
        plan.effect = format!("{} to come, {gone} to go; {}", many(come, "line"), plan.effect);
        Ok(())
    }

    /// Plans to put the file back that was there before the last one came.
    fn restore(&self, to: Option<&str>) -> Result<Plan, String> {
        let hosts = &self.of.service.hosts;
        let mut plan = self.of.plan(format!("roll {} of {} back", self.site, self.of.service.id.service));
        let mut versions: Vec<&str> = Vec::new();
        for host in hosts {
            let is_sum = |sum: &&str| sum.len() == 64 && sum.bytes().all(|byte| byte.is_ascii_hexdigit());
            let said = |name: &str| self.of.said(host, name).filter(is_sum);
            let sum = said("previous").ok_or_else(|| format!("{host} keeps no previous file of {}", self.site))?;
            let was = said("sum").ok_or_else(|| format!("{host} has no {}/{}", self.available(), self.site))?;
            if sum == was {
                return Err(format!("what is kept of {} on {host} is what is there: nothing to go back to", self.site));
            }
            let change = Change { sum, ..*self };
            plan.steps.push(change.step(host, "restore", include_str!("restore.sh"), was)?);
            plan.steps.extend(release::healthy(self.of, host, [""; 2]));
            plan.undo_steps.push(change.step(host, "take back", include_str!("back.sh"), was)?);
            plan.undo_steps.extend(release::healthy(self.of, host, [""; 2]));
            plan.prechecks.extend(self.unserved(host));
            versions.extend(sum.get(..8).filter(|sum| !versions.contains(sum)));
        }
        let version = versions.join(", ");
        if let Some(to) = to.filter(|to| *to != version) {
            return Err(format!("only the previous file is kept, which is {version}, and not {to}"));
        }
        plan.effect = self.sites.server.effect(Take::Reload).into();
        self.show(&mut plan, |host| self.read(host, "kept"))?;
        plan.action = Action::Rollback { version };
        let name = self.sites.server.name();
        plan.undo = format!(
            "where {name}'s own test fails, at once; else never by itself: what is left is kept as the previous file"
        );
        plan.proof = format!("{name}'s own test passes on each host; then the checks");
        Ok(plan)
    }
}

/// Takes the mark off each line.
fn unmarked(text: &str) -> String {
    text.lines().filter_map(|line| line.strip_prefix('|')).flat_map(|line| [line, "\n"]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        core::{
            inventory::Inventory,
            runs::{PlanFacts, Survey},
        },
        recipes::{nginx_site::NGINX_SITE, tests},
    };

    fn back(settings: &[(&str, &str)], own: &[(&str, &str)], to: Option<&str>) -> Result<Plan, String> {
        let service = tests::service("web@prod", "nginx-site", &["a", "b"], settings);
        let own = own.iter().map(|(name, said)| ((*name).to_owned(), (*said).to_owned()));
        let said = Survey { own: own.collect(), ..Survey::default() };
        let hosts = ["a", "b"].map(|host| (host.into(), said.clone())).into();
        let facts = PlanFacts { hosts, ..PlanFacts::default() };
        NGINX_SITE.rollback(Context { inventory: &Inventory::default(), service: &service, facts: &facts }, to)
    }

    #[test]
    fn a_site_goes_back_to_the_file_that_is_kept_and_says_what_differs() {
        let (now, kept) = ("a".repeat(64), "b".repeat(64));
        let own = [("sum", now.as_str()), ("file", "|new"), ("previous", &kept), ("kept", "|old"), ("enabled", "yes")];
        let site = [("site", "play.conf")];
        let plan = back(&site, &own, None).unwrap();
        assert_eq!(plan.action, Action::Rollback { version: "bbbbbbbb".into() });
        assert!(!plan.undo_by_itself && plan.steps.len() == 2 && plan.undo_steps.len() == 2);
        let notes = plan.notes.join("\n");
        assert!(notes.contains("- new") && notes.contains("+ old") && notes.contains("a, b"), "{notes}");
        assert!(plan.effect.starts_with("1 line to come, 1 to go"), "{}", plan.effect);

        let why = |settings: &[(&str, &str)], own: &[(&str, &str)], to| back(settings, own, to).unwrap_err();
        assert!(why(&site, &own, Some("v1")).contains("only the previous file is kept"));
        assert!(why(&[], &own, None).contains("several sites"));
        assert!(why(&site, &[("sum", &now)], None).contains("keeps no previous file"));
        assert!(why(&site, &[("sum", &now), ("previous", &now)], None).contains("nothing to go back to"));
        assert!(why(&site, &[("sum", "$(x)"), ("previous", &kept)], None).contains("has no"));
    }
}
