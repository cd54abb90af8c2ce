//! Laravel under Apache: a git work tree on each host, of which a commit is checked out.
//!
//! A ref is resolved before anything is planned, and the plan names the commit: what was reviewed is what is checked out, wherever
//! the branch is by then. What was there before is noted in the work tree's git directory: `qd-undo` is the way back of the last
//! run, `qd-before/COMMIT` what a commit was brought out over. Migrations run on one host, and are never taken back.
mod fpm;

use super::{
    Context, PATH, Recipe, Runs, at_home, fill, offers, path_misfit, quote, release,
    web::{self, Server, Take},
};
use crate::{
    config::{Field, Kind, Misfit, Shape},
    core::{
        id::HostName,
        inventory::{Params, Service},
        runs::{
            Action, Fit, Plan, Precheck, Step, Strategy, Wanted, What,
            offer::{Brings, Known},
        },
    },
};

/// Brings out commits of a Laravel application.
#[derive(Debug)]
pub(super) struct LaravelApache;

const FIELDS: &[Field] = &[
    Field { required: true, doc: "The application's work tree of git on its hosts: \"/var/www/billing\".", ..PATH },
    Field {
        name: "ref",
        shape: Shape::Text,
        required: false,
        doc: "The branch or tag of `origin` that is brought out where none is named.",
    },
    Field {
        name: "restart",
        shape: Shape::Choice(&["graceful", "restart"]),
        required: false,
        doc: "What Apache does after its own test: `graceful` finishes requests, `restart` cuts them. Default: graceful.",
    },
    Field {
        name: "maintenance_mode",
        shape: Shape::Flag,
        required: false,
        doc: "Whether users of a host see Laravel's maintenance page (503) while it is changed. Default: false.",
    },
    web::SUDO,
    web::UNIT,
    fpm::UNIT,
    release::HEALTH,
    Field {
        doc: "Asked on each host after a change: the answer must hold the first seven letters of the commit, or the tag, three times in a row.",
        ..release::VERSION_URL
    },
    release::HEALTH_WITHIN,
];

/// What only moves files here and there.
const QUICK_MS: u64 = 120_000;
/// What a network or a package index takes part in.
const LONG_MS: u64 = 15 * 60_000;
/// A migration that is ended half way is worse than one that takes long.
const MIGRATE_MS: u64 = 60 * 60_000;

/// Caches are cleared before they are made: the other way round nothing of them would be left. Workers of queues end after the
/// job that they have.
const CACHES: &str = "cache:clear config:clear route:clear optimize queue:restart";

impl Kind for LaravelApache {
    fn name(&self) -> &'static str {
        "laravel-apache"
    }

    fn fields(&self) -> &'static [Field] {
        FIELDS
    }

    fn misfits(&self, settings: &Params) -> Vec<Misfit> {
        let wanted = settings.get("ref").and_then(serde_json::Value::as_str).filter(|name| !is_ref(name));
        let wanted = wanted.map(|name| {
            Misfit::new(
                "ref",
                format!("`ref` is no name of a branch or tag: {name:?}"),
                "as in \"main\" or \"v2.31.0\"",
            )
        });
        path_misfit(settings)
            .into_iter()
            .chain(wanted)
            .chain(web::misfit(settings))
            .chain(fpm::misfit(settings))
            .collect()
    }

    fn has_sets(&self) -> bool {
        true
    }
}

impl Recipe for LaravelApache {
    fn brings(&self, service: &Service) -> Option<Brings> {
        let set = service.recipe.get("ref").and_then(serde_json::Value::as_str);
        let default = set.map(|name| format!("{name}, as its recipe has it"));
        Some(Brings { default, ..offers::named("a branch, tag or commit of origin") })
    }

    fn known(&self, of: Context<'_>) -> Result<Known, String> {
        let host = of.service.hosts.first().ok_or("there are no hosts")?;
        let branches = of.said(host, "branches").unwrap_or_default().lines();
        let branches = branches.filter_map(|line| line.split_once(' ')).filter(|(_, name)| is_ref(name));
        let branches = branches.map(|(commit, name)| (name.to_owned(), format!("branch, {commit} when last fetched")));
        let tags = of.survey(host)?.releases.iter().rev().filter(|tag| is_ref(&tag.version));
        let tags = tags.map(|tag| {
            let at = tag.at.and_then(crate::core::time::Timestamp::to_utc);
            let at = at.map(|at| at.format(", %Y-%m-%d %H:%M").to_string()).unwrap_or_default();
            (tag.version.clone(), format!("tag{at}"))
        });
        let mut known = offers::versions(None, tags.chain(branches));
        known.now = release::current(&of.service.hosts, of.facts);
        let head = of.said(host, "head").unwrap_or_default();
        let alike = of.service.hosts.iter().all(|other| of.said(other, "head") == Some(head));
        for offer in known.offers.iter_mut().filter(|_| alike && !head.is_empty()) {
            offer.runs = of.survey(host)?.releases.iter().any(|tag| tag.version == offer.name && tag.sha256 == head);
        }
        Ok(known)
    }

    fn restart(&self, of: Context<'_>) -> Result<Plan, String> {
        let take = take(of);
        let mut steps = Vec::new();
        for host in &of.service.hosts {
            steps.extend(fpm::reload(of, host)?);
            steps.push(Server::Apache.take(of, host, take)?);
        }
        Ok(Plan {
            steps,
            effect: effect(of),
            undo: "nothing to undo: the same version starts again".into(),
            proof: "Apache's own test passes, and the checks answer".into(),
            prechecks: prechecks(of),
            ..of.plan(format!("restart {}", of.service.id.service))
        })
    }

    fn deploy(&self, of: Context<'_>, what: &What) -> Result<Plan, String> {
        let name = match what {
            What::Version { version } => version.as_str(),
            What::Default => of.text("ref").ok_or_else(|| {
                format!("{}: name a branch, tag or commit (--version), or set `ref` in its recipe", of.service.id)
            })?,
            What::Build(_) => {
                let help = "name a branch, tag or commit with --version";
                return Err(format!("{} is brought out by git, and not as a build: {help}", of.service.id));
            }
        };
        let change = Change::of(of, name, false)?;
        let steps = change.steps()?;
        let migrates = change.migrates_on()?;
        let migrations = if of.service.hosts.len() > 1 {
            let older = "until they follow, others run the older code on newer tables";
            format!("migrations run on {migrates} only, which goes first: {older}")
        } else {
            format!("migrations run on {migrates}")
        };
        Ok(Plan {
            from: change.from(),
            action: Action::Deploy { version: change.version() },
            steps,
            effect: format!("{}; {}; {migrations}", change.meanwhile(), effect(of)),
            undo: format!(
                "by itself, once: the commit that was there is checked out and built again on each host; migrations stay{}",
                if change.migrations.is_empty() { "" } else { ": they are listed below" }
            ),
            undo_steps: change.undo_steps()?,
            undo_by_itself: true,
            proof: change.proof(),
            prechecks: change.prechecks()?,
            ..of.plan(format!("deploy {} {}", of.service.id.service, change.version()))
        })
    }

    fn rollback(&self, of: Context<'_>, to: Option<&str>) -> Result<Plan, String> {
        let change = Change::of(of, to.unwrap_or_default(), true)?;
        let now = change.from().unwrap_or_else(|| "what is there".to_owned());
        if of.service.hosts.iter().all(|host| of.said(host, "head") == Some(change.commit.as_str())) {
            return Err(format!("every host has {} checked out already", change.version()));
        }
        Ok(Plan {
            from: change.from(),
            action: Action::Rollback { version: change.version() },
            steps: change.steps()?,
            effect: format!(
                "{}; {}; migrations are not undone: the older code runs on the tables of the newer",
                change.meanwhile(),
                effect(of)
            ),
            undo: format!("never by itself: it would bring {now} back, which is what you leave"),
            undo_steps: change.undo_steps()?,
            proof: change.proof(),
            prechecks: change.prechecks()?,
            ..of.plan(format!("roll {} back to {}", of.service.id.service, change.version()))
        })
    }

    /// Where all of a set are changed at once, the one that migrates goes before them.
    fn strategy(&self, service: &Service) -> Strategy {
        let (all, first) = (Strategy::All, service.hosts.first());
        match &service.rollout.strategy {
            strategy if *strategy != all || service.rollout.sets.is_none() => strategy.clone(),
            _ => Strategy::Canary { hosts: first.cloned().into_iter().collect(), then: u32::MAX },
        }
    }

    fn runs(&self, of: Context<'_>, host: &HostName) -> Option<Runs> {
        let survey = of.facts.hosts.get(host)?;
        let head = of.said(host, "head").filter(|head| is_commit(head))?;
        let tags: Vec<String> =
            survey.releases.iter().filter(|tag| tag.sha256 == head).map(|tag| tag.version.clone()).collect();
        let version = tags.last().map_or_else(|| short(head).to_owned(), |tag| format!("{tag} ({})", short(head)));
        let also = tags.into_iter().chain([short(head).to_owned()]).collect();
        Some(Runs { name: head.to_owned(), version, also, since: None })
    }

    fn stands(&self, of: Context<'_>, host: &HostName) -> Result<Vec<Step>, String> {
        let runs = self.runs(of, host).ok_or_else(|| format!("{host} does not say what it has checked out"))?;
        let test = format!("{}test_it", Server::Apache.prelude(of)?);
        let commit = runs.name.get(..7).unwrap_or_default();
        let tag = runs.also.first().map_or(commit, String::as_str);
        let healthy = release::healthy(of, host, [commit, tag]);
        Ok([of.step(host, "test", test, QUICK_MS)].into_iter().chain(healthy).collect())
    }

    fn survey(&self, service: &Service, wanted: &Wanted) -> Option<String> {
        let set = service.recipe.get("ref").and_then(serde_json::Value::as_str).unwrap_or_default();
        let (name, back) = match wanted {
            Wanted::Deploy { what: What::Version { version } } => (version.as_str(), ""),
            Wanted::Deploy { what: What::Default } => (set, ""),
            Wanted::Rollback { to } => (to.as_deref().unwrap_or_default(), "yes"),
            Wanted::Restart | Wanted::Deploy { what: What::Build(_) } | Wanted::Task(_) | Wanted::Pipeline(_) => {
                ("", "")
            }
        };
        // What is no ref is not asked about; the plan says so.
        let name = if is_ref(name) { quote(name).ok()? } else { "''".to_owned() };
        let sudo = service.recipe.get(web::SUDO.name).and_then(serde_json::Value::as_bool).unwrap_or(true);
        let sudo = if sudo { "sudo -n" } else { "" };
        Some(fill(
            include_str!("survey.sh"),
            &[("REF", &name), ("BACK", back), ("SERVER", &Server::Apache.survey(sudo)), ("FPM", &fpm::survey(service))],
        ))
    }
}

/// How Apache takes a change.
fn take(of: Context<'_>) -> Take {
    if of.text("restart") == Some("restart") { Take::Restart } else { Take::Reload }
}

/// Says what users notice of what serves them.
fn effect(of: Context<'_>) -> String {
    format!("{}{}", Server::Apache.effect(take(of)), fpm::effect(of))
}

/// Says how what serves them stands.
fn prechecks(of: Context<'_>) -> Vec<Precheck> {
    let mut checks = Server::Apache.prechecks(of);
    checks.extend(fpm::prechecks(of));
    checks
}

/// Says whether a text can name a branch, a tag or a commit, by the rules of `git check-ref-format`.
fn is_ref(name: &str) -> bool {
    let stray = |letter: char| letter.is_whitespace() || letter.is_control() || "~^:?*[\\".contains(letter);
    (1..=200).contains(&name.len())
        && !name.contains(stray)
        && !name.contains("..")
        && !name.contains("@{")
        && !name.contains("//")
        && !name.starts_with(['-', '/', '.'])
        && !name.ends_with(['/', '.'])
}

fn is_commit(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn short(commit: &str) -> &str {
    commit.get(..8).unwrap_or(commit)
}

/// A change of what is checked out, while it is planned.
struct Change<'a> {
    of: Context<'a>,
    /// What was asked for: a ref or a commit; empty for what was there before.
    name: String,
    /// `branch`, `tag` or `commit`.
    kind: String,
    commit: String,
    back: bool,
    /// Migrations between what any host has and the commit; none where that is not known before it is fetched.
    migrations: Vec<String>,
    known: bool,
}

impl<'a> Change<'a> {
    /// Reads what the hosts say of it: they must mean the same commit by it.
    fn of(of: Context<'a>, name: &str, back: bool) -> Result<Self, String> {
        if !(is_ref(name) || back && name.is_empty()) {
            return Err(format!("{name:?} can be neither a branch nor a tag nor a commit"));
        }
        let mut found: Option<(&HostName, &str, String)> = None;
        let (mut migrations, mut known) = (Vec::new(), true);
        for host in &of.service.hosts {
            of.survey(host)?;
            if let Some(wrong) = of.said(host, "wrong") {
                return Err(format!("{host}: {}", wrong.trim_start_matches("said ")));
            }
            let (kind, commit) = resolved(of, host, name, back)?;
            match &found {
                Some((first, _, same)) if *same != commit => {
                    let what = if name.is_empty() { "what was there before" } else { name };
                    let (one, other) = (short(same), short(&commit));
                    return Err(format!(
                        "{what} is {one} on {first} and {other} on {host}: name the commit that all are to have"
                    ));
                }
                Some(_) => {}
                None => found = Some((host, kind, commit)),
            }
            let said = of.said(host, "migrations");
            known &= said.is_some();
            let files = said.unwrap_or_default().lines().filter(|line| line.starts_with("database/"));
            migrations.extend(files.map(str::to_owned));
        }
        migrations.sort();
        migrations.dedup();
        let (_, kind, commit) = found.ok_or("there are no hosts")?;
        Ok(Self { of, name: name.to_owned(), kind: kind.to_owned(), commit, back, migrations, known })
    }

    /// Names the version: the ref with the commit it is, or the commit.
    fn version(&self) -> String {
        if matches!(self.kind.as_str(), "branch" | "tag") {
            format!("{} ({})", self.name, short(&self.commit))
        } else {
            short(&self.commit).to_owned()
        }
    }

    fn from(&self) -> Option<String> {
        release::current(&self.of.service.hosts, self.of.facts)
    }

    /// Returns the host that migrates.
    fn migrates_on(&self) -> Result<&'a HostName, String> {
        let service = self.of.service;
        service.rollout.migrate_on.as_ref().or_else(|| service.hosts.first()).ok_or_else(|| "there are no hosts".into())
    }

    /// Returns the hosts in the order in which they are changed: the one that migrates goes first.
    fn order(&self) -> Result<Vec<&'a HostName>, String> {
        let first = self.migrates_on()?;
        let rest = self.of.service.hosts.iter().filter(|host| *host != first);
        Ok([first].into_iter().chain(rest).collect())
    }

    fn maintains(&self) -> bool {
        self.of.flag("maintenance_mode", false)
    }

    /// Says what users of a host notice until Apache takes the change.
    fn meanwhile(&self) -> String {
        if self.maintains() {
            "users of a host see the maintenance page (503) while it is changed".to_owned()
        } else {
            "while Composer works, a host serves the new code with the old packages (`maintenance_mode` keeps users out)"
                .to_owned()
        }
    }

    fn proof(&self) -> String {
        let commit = short(&self.commit);
        let own = format!("{commit} is checked out on each host, and Apache's own test passes");
        match (self.of.text(release::HEALTH.name), self.of.text(release::VERSION_URL.name)) {
            (None, None) => format!("{own}; then the checks"),
            (_, Some(url)) => format!("{own}; {url} names it, three times in a row; then the checks"),
            (Some(url), None) => format!("{own}; {url} answers well, three times in a row; then the checks"),
        }
    }

    fn step(
        &self,
        host: &HostName,
        name: &str,
        template: &str,
        values: &[(&str, &str)],
        timeout_ms: u64,
    ) -> Result<Step, String> {
        let path = self.of.needed(PATH.name)?.trim_end_matches('/');
        let path = at_home(path);
        let mut all = vec![("PATH", path.as_str()), ("COMMIT", self.commit.as_str())];
        all.extend_from_slice(values);
        let text = [include_str!("prelude.sh"), template].concat();
        Ok(self.of.step(host, name, fill(&text, &all).trim_end(), timeout_ms))
    }

    fn artisan(&self, host: &HostName, name: &str, commands: &str, timeout_ms: u64) -> Result<Step, String> {
        self.step(host, name, include_str!("artisan.sh"), &[("COMMANDS", commands)], timeout_ms)
    }

    /// Builds what is checked out, has Apache take it and lets users in.
    fn build(&self, host: &HostName, migrate: bool) -> Result<Vec<Step>, String> {
        let mut steps = vec![self.step(host, "composer", include_str!("composer.sh"), &[], LONG_MS)?];
        if migrate {
            steps.push(self.artisan(host, "migrate", "'migrate --force'", MIGRATE_MS)?);
        }
        steps.push(self.artisan(host, "caches", CACHES, QUICK_MS)?);
        steps.extend(fpm::reload(self.of, host)?);
        steps.push(Server::Apache.take(self.of, host, take(self.of))?);
        if self.maintains() {
            steps.push(self.artisan(host, "up", "up", QUICK_MS)?);
        }
        Ok(steps)
    }

    fn steps(&self) -> Result<Vec<Step>, String> {
        let mut steps = Vec::new();
        for host in self.order()? {
            let head = self.of.said(host, "head").unwrap_or_default();
            if !is_commit(head) {
                return Err(format!("{host} does not say what it has checked out"));
            }
            let test = format!("{}test_it", Server::Apache.prelude(self.of)?);
            steps.push(self.step(host, "look", include_str!("look.sh"), &[("HEAD", head)], QUICK_MS)?);
            steps.push(self.of.step(host, "test", test, QUICK_MS));
            let from = match self.kind.as_str() {
                "branch" => format!("refs/heads/{}", self.name),
                "tag" => format!("refs/tags/{}", self.name),
                _ => String::new(),
            };
            let from = quote(&from)?;
            let fetch = include_str!("fetch.sh");
            steps.push(self.step(host, "fetch", fetch, &[("FROM", &from)], LONG_MS)?);
            if self.maintains() {
                steps.push(self.artisan(host, "down", "'down --retry=60'", QUICK_MS)?);
            }
            let keep = if self.back { "" } else { "yes" };
            steps.push(self.step(host, "check out", include_str!("checkout.sh"), &[("KEEP", keep)], QUICK_MS)?);
            steps.extend(self.build(host, !self.back && host == self.migrates_on()?)?);
            let tag = if self.kind == "tag" { self.name.as_str() } else { "" };
            let commit = self.commit.get(..7).unwrap_or_default();
            steps.extend(release::healthy(self.of, host, [commit, if tag.is_empty() { commit } else { tag }]));
        }
        Ok(steps)
    }

    /// Migrations are no part of it.
    fn undo_steps(&self) -> Result<Vec<Step>, String> {
        let mut steps = Vec::new();
        for host in self.order()? {
            steps.push(self.step(host, "check out what was", include_str!("back.sh"), &[], QUICK_MS)?);
            steps.extend(self.build(host, false)?);
            steps.extend(release::healthy(self.of, host, [""; 2]));
        }
        Ok(steps)
    }

    fn prechecks(&self) -> Result<Vec<Precheck>, String> {
        let of = self.of;
        let doubtful = |text: String| Precheck { verdict: Fit::Doubtful, text };
        let mut checks = prechecks(of);
        for host in &of.service.hosts {
            let dirty: Vec<&str> = of.said(host, "dirty").unwrap_or_default().lines().map(str::trim).collect();
            if let [first, rest @ ..] = dirty.as_slice() {
                let more = if rest.is_empty() { String::new() } else { format!(" and {} more", rest.len()) };
                checks.push(web::bad(format!("somebody changed files on {host}: {first}{more}")));
            }
            for lacks in of.said(host, "lacks").unwrap_or_default().lines() {
                checks.push(web::bad(format!("{host} has no {lacks} on its PATH")));
            }
        }
        let count = self.migrations.len();
        let named = || {
            let names: Vec<&str> = self.migrations.iter().map(|path| path.rsplit('/').next().unwrap_or(path)).collect();
            let shown = names.get(..names.len().min(5)).unwrap_or_default().join(", ");
            if names.len() > 5 { format!("{shown} and {} more", names.len() - 5) } else { shown }
        };
        let migrations = match (self.back, count) {
            (true, 1..) => {
                Some(doubtful(format!("{count} migrations lie between the two and are not undone: {}", named())))
            }
            (false, 1..) => Some(doubtful(format!("{count} migrations come with it: {}", named()))),
            (_, 0) if self.known => {
                Some(Precheck { verdict: Fit::Good, text: "no migration lies between the two".into() })
            }
            (true, 0) => {
                Some(doubtful("whether migrations lie between the two is seen only once it is fetched".into()))
            }
            (false, 0) => None,
        };
        checks.extend(migrations);
        let on = self.migrates_on()?;
        if !self.back
            && let Some(pending) = of.said(on, "pending").filter(|count| *count != "0" && !count.is_empty())
        {
            checks.push(doubtful(format!("{pending} migrations are pending on {on} already, and run with it")));
        }
        let others_first = match &of.service.rollout.strategy {
            // A set that serves nobody waits for the host that migrates.
            _ if of.service.rollout.sets.is_some() => false,
            Strategy::All => of.service.hosts.len() > 1,
            Strategy::Canary { hosts, .. } => !hosts.contains(on) && !hosts.is_empty(),
            Strategy::Batches { size } => *size > 1 && of.service.hosts.len() > 1,
            Strategy::OneByOne | Strategy::BlueGreen(_) => false,
        };
        if others_first && !self.back {
            checks.push(doubtful(format!(
                "other hosts run the new code before {on} has migrated: the rollout has it so"
            )));
        }
        Ok(checks)
    }
}

/// Reads what a host means by a name.
fn resolved<'a>(of: Context<'a>, host: &HostName, name: &str, back: bool) -> Result<(&'a str, String), String> {
    let said = of.said(host, "target").unwrap_or_default();
    let (kind, rest) = said.split_once(' ').unwrap_or((said, ""));
    if matches!(kind, "branch" | "tag" | "commit") && is_commit(rest) {
        return Ok((kind, rest.to_owned()));
    }
    if kind == "error" {
        return Err(format!("{host} cannot ask `origin` for {name}: {rest}"));
    }
    if kind == "both" {
        return Err(format!("{name} is a branch and a tag at `origin`: name the commit"));
    }
    let tags: Vec<&str> = of.survey(host)?.releases.iter().rev().take(5).map(|tag| tag.version.as_str()).collect();
    let tags = if tags.is_empty() { String::new() } else { format!("; tags there: {}", tags.join(", ")) };
    if back && name.is_empty() {
        return Err(format!("{host} has no note of what was there before: name a tag or a commit (--to){tags}"));
    }
    // A whole commit need not be at the tip of anything.
    if is_commit(name) {
        return Ok(("commit", name.to_owned()));
    }
    Err(format!("`origin` of {host} has no branch or tag {name}, and the host no commit of that name{tags}"))
}

#[cfg(test)]
mod tests;
