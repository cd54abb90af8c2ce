//! Releases: builds that lie side by side in `PATH/releases`, one of which `PATH/current` leads to.
//!
//! A release is complete once its `.qd-release` is there, which is written last. `current` is replaced by a rename, so that it
//! always leads somewhere. Before it is switched, what it led to is noted in `PATH/.qd-before.RELEASE`: the way back.
//!
//! In place there is one folder and no link: the build is unpacked beside it, and two renames put it there and what was there into
//! `PATH.qd-previous`.
use super::{Context, PATH, at_home, fill};
use crate::{
    config::{Field, Misfit, Shape},
    core::{
        id::HostName,
        inventory::Params,
        runs::{Build, Fit, PlanFacts, Precheck, Release, Step, Survey, is_version},
    },
};

/// How many releases stay.
pub(super) const KEEP: Field = Field {
    name: "keep",
    shape: Shape::Integer { min: 2, max: 100 },
    required: false,
    doc: "How many releases stay on each host. Default: 5.",
};

/// Where builds lie on this machine.
pub(super) const BUILDS: Field = Field {
    name: "builds",
    shape: Shape::Text,
    required: false,
    doc: "The folder of the console's machine in which builds lie, archives or folders: D offers them. As in \"~/play/dist\".",
};

/// Where the service is asked on its own host.
pub(super) const HEALTH: Field = Field {
    name: "health",
    shape: Shape::Url,
    required: false,
    doc: "Asked on each host after a change, as in \"http://127.0.0.1:3004/health\": it must answer well three times in a row.",
};

/// Where the service says which version it is.
pub(super) const VERSION_URL: Field = Field {
    name: "version_url",
    shape: Shape::Url,
    required: false,
    doc: "Asked on each host after a change, as in \"http://127.0.0.1:3004/version\": the answer must hold the new version, three times in a row.",
};

/// How long it may take.
pub(super) const HEALTH_WITHIN: Field = Field {
    name: "health_within",
    shape: Shape::Duration,
    required: false,
    doc: "How long it may take to answer well. Default: 60s.",
};

/// Where a build goes.
pub(super) const LAYOUT: Field = Field {
    name: "layout",
    shape: Shape::Choice(&["releases", "in-place"]),
    required: false,
    doc: "`releases`: `path` holds `releases` and `current`; `in-place`: `path` is the application itself, and the previous build stays beside it. Default: releases.",
};

/// What a build does not bring.
pub(super) const SHARED: Field = Field {
    name: "shared",
    shape: Shape::List(&Shape::Text),
    required: false,
    doc: "In place: files and folders that no build brings, copied from what is there: [\".env\"]. Default: [\".env\"].",
};

/// Says whether a service has one folder, and no releases.
pub(super) fn is_in_place(settings: &Params) -> bool {
    settings.get(LAYOUT.name).and_then(serde_json::Value::as_str) == Some("in-place")
}

/// Good answers in a row that make a host healthy.
const HEALTHY: u64 = 3;
/// Unpacking a large build on a slow disk.
const UNPACK_MS: u64 = 10 * 60_000;
/// What only moves links and folders.
const QUICK_MS: u64 = 60_000;

/// The steps of one service's releases.
pub(super) struct Releases<'a> {
    of: Context<'a>,
    path: &'a str,
    in_place: bool,
}

impl<'a> Releases<'a> {
    /// Makes them; the service needs a folder.
    pub(super) fn of(of: Context<'a>) -> Result<Self, String> {
        let help = "set `path` in its recipe to the folder that holds `releases` and `current`";
        let path = of.text(PATH.name).ok_or_else(|| format!("{} has no folder for releases: {help}", of.service.id))?;
        Ok(Self { of, path: path.trim_end_matches('/'), in_place: is_in_place(&of.service.recipe) })
    }

    fn step(&self, host: &HostName, name: &str, template: &str, values: &[(&str, &str)]) -> Step {
        let path = at_home(self.path);
        let mut all = vec![("PATH", path.as_str())];
        all.extend_from_slice(values);
        self.of.step(host, name, fill(template, &all).trim_end(), QUICK_MS)
    }

    /// Unpacks an uploaded build, unless it is there already.
    pub(super) fn unpack(&self, host: &HostName, build: &Build) -> Step {
        let name = build.release();
        let values = [("RELEASE", name.as_str()), ("VERSION", build.version.as_str()), ("SUM", build.sha256.as_str())];
        let shared = self.shared();
        let [release, version, sum] = values;
        let values = [release, version, sum, ("SHARED", shared.as_str())];
        let template = if self.in_place { include_str!("place_unpack.sh") } else { include_str!("unpack.sh") };
        Step { timeout_ms: UNPACK_MS, ..self.step(host, "unpack", template, &values) }
    }

    /// Has `current` lead to a release.
    pub(super) fn switch(&self, host: &HostName, release: &str) -> Step {
        let template = if self.in_place { include_str!("place_swap.sh") } else { include_str!("switch.sh") };
        self.step(host, "switch", template, &[("RELEASE", release)])
    }

    /// Has `current` lead to what it led to before.
    pub(super) fn back(&self, host: &HostName, release: &str) -> Step {
        let template = if self.in_place { include_str!("place_back.sh") } else { include_str!("back.sh") };
        self.step(host, "switch back", template, &[("RELEASE", release)])
    }

    /// In place: puts the previous build there, and what is there into its place.
    pub(super) fn swap(&self, host: &HostName, release: &str, other: &str) -> Step {
        self.step(host, "swap", include_str!("place_swap_back.sh"), &[("RELEASE", release), ("OTHER", other)])
    }

    /// Removes old releases, never the one in use or the one before it.
    pub(super) fn keep(&self, host: &HostName) -> Step {
        if self.in_place {
            return self.step(host, "tidy", "rm -rf @PATH@.qd-old", &[]);
        }
        let keep = self.of.number(KEEP.name, 5);
        self.step(host, "tidy", include_str!("keep.sh"), &[("KEEP", &keep.to_string())])
    }

    /// Sees whether the processes that PM2 calls so run from a release: what was switched may have no effect on them.
    pub(super) fn runs(&self, host: &HostName, app: &str, release: &str) -> Step {
        let (app, path) = (at_home(app), at_home(self.path));
        let (folder, start) = if self.in_place {
            (path.clone(), self.path.to_owned())
        } else {
            (format!("{path}/releases/{release}"), format!("{}/current", self.path))
        };
        let values = [("FOLDER", folder.as_str()), ("START", &start), ("APP", &app)];
        self.step(host, "see it run", include_str!("runs.sh"), &values)
    }

    /// Returns what PM2 starts an application from.
    pub(super) fn start_from(&self) -> String {
        let path = at_home(self.path);
        if self.in_place { path } else { format!("{path}/current") }
    }

    /// Says whether there is one folder, and no releases.
    pub(super) fn in_place(&self) -> bool {
        self.in_place
    }

    /// Names what is taken over from what is there, each quoted.
    fn shared(&self) -> String {
        let listed = self.of.service.recipe.get(SHARED.name).and_then(serde_json::Value::as_array);
        let listed =
            listed.map(|all| all.iter().filter_map(serde_json::Value::as_str).map(at_home).collect::<Vec<_>>());
        listed.unwrap_or_else(|| vec![".env".to_owned()]).join(" ")
    }

    /// In place: says what stands against it, and what is replaced.
    pub(super) fn in_place_checks(&self) -> (Vec<Precheck>, Vec<String>) {
        let (mut checks, mut notes) = (Vec::new(), Vec::new());
        for host in self.of.service.hosts.iter().filter(|_| self.in_place) {
            if let Some(folder) = self.of.said(host, "closed") {
                let text = format!(
                    "the login may not write in {folder} on {host}: a build cannot be put beside what is there"
                );
                checks.push(Precheck { verdict: Fit::Bad, text });
            }
            let stands: Vec<&str> = self
                .of
                .said(host, "stands")
                .unwrap_or_default()
                .lines()
                .filter_map(|line| line.strip_prefix("| "))
                .collect();
            if !stands.is_empty() {
                let shared = self.shared();
                notes.push(format!(
                    "{} on {host} is replaced as a whole, but for {shared}; it holds {}",
                    self.path,
                    stands.join(", ")
                ));
            }
        }
        (checks, notes)
    }

    /// Says what proves a version.
    pub(super) fn proof(&self, version: &str) -> String {
        let asked = match (self.of.text(HEALTH.name), self.of.text(VERSION_URL.name)) {
            (_, Some(url)) => format!("{url} names {version} on each host, {HEALTHY} times in a row"),
            (Some(url), None) => format!("{url} answers well on each host, {HEALTHY} times in a row"),
            (None, None) => "each process runs from the release's folder".to_owned(),
        };
        format!("{asked}; then the checks")
    }

    /// Waits until the service answers well, as [`healthy`] does.
    pub(super) fn healthy(&self, host: &HostName, version: Option<&str>) -> Vec<Step> {
        healthy(self.of, host, [version.unwrap_or_default(); 2])
    }
}

/// Waits until the service answers well on its host, and names the version that it is to be, by either name; nothing where nobody
/// said how to ask.
pub(super) fn healthy(of: Context<'_>, host: &HostName, [version, or]: [&str; 2]) -> Vec<Step> {
    let within = of.number(HEALTH_WITHIN.name, 60_000);
    let tries = (within / 1_000).max(HEALTHY);
    let ask = |name: &str, url: &str, [version, or]: [&str; 2]| {
        let (url, version, or) = (at_home(url), at_home(version), at_home(or));
        let (most, healthy) = (tries.to_string(), HEALTHY.to_string());
        let values =
            [("URL", url.as_str()), ("VERSION", &version), ("OR", &or), ("TRIES", &most), ("HEALTHY", &healthy)];
        // A try may take its two seconds and another.
        let timeout = tries * 4_000 + QUICK_MS;
        of.step(host, name, fill(include_str!("healthy.sh"), &values).trim_end(), timeout)
    };
    let healthy = of.text(HEALTH.name).map(|url| ask("healthy", url, [""; 2]));
    let version = of.text(VERSION_URL.name).map(|url| ask("version", url, [version, or]));
    healthy.into_iter().chain(version).collect()
}

/// Says what is wrong with the settings of releases.
pub(super) fn misfit(settings: &Params) -> Option<Misfit> {
    let path = settings.get("path").and_then(serde_json::Value::as_str);
    if let Some(stray) = settings.get(SHARED.name).and_then(serde_json::Value::as_array).and_then(|all| {
        all.iter().filter_map(serde_json::Value::as_str).find(|name| {
            name.is_empty()
                || name.starts_with(['/', '~', '-'])
                || name.split('/').any(|part| matches!(part, ".." | "." | ""))
        })
    }) {
        let what = format!("`shared` names what lies in the application's folder, and not {stray:?}");
        return Some(Misfit::new(SHARED.name, what, "as in [\".env\", \"uploads\"]"));
    }
    if let Some(stray) = settings.get(BUILDS.name).and_then(serde_json::Value::as_str)
        && !stray.starts_with(['/', '~'])
    {
        let what = format!("`builds` is no whole path of this machine: {stray:?}");
        return Some(Misfit::new(BUILDS.name, what, "from the root, or from the home, as in \"~/play/dist\""));
    }
    let lone = [KEEP, HEALTH, VERSION_URL, HEALTH_WITHIN, LAYOUT, SHARED, BUILDS];
    let lone = lone.iter().find(|field| settings.contains_key(field.name) && path.is_none())?;
    let what = format!("`{}` is about releases, and there is no `path` for them", lone.name);
    Some(Misfit::new(lone.name, what, "add `path`: the folder that holds `releases` and `current`"))
}

/// Says why a build cannot become a release.
pub(super) fn check(build: &Build) -> Result<(), String> {
    if !is_version(&build.version) {
        let what = format!("{:?} cannot be a version", build.version);
        return Err(format!("{what}: up to 48 letters, digits, dots, dashes, underscores and pluses"));
    }
    if build.sha256.len() != 64 || !build.sha256.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(format!("{} has no SHA-256", build.path));
    }
    Ok(())
}

/// Names the release that every host runs now; a host that runs something else than the others is named with it.
pub(super) fn current(hosts: &[HostName], facts: &PlanFacts) -> Option<String> {
    common_to(hosts, |host| facts.hosts.get(host)?.current.clone())
}

/// Names the version that every host runs now, as [`current`] does its release.
pub(super) fn running(hosts: &[HostName], facts: &PlanFacts) -> Option<String> {
    common_to(hosts, |host| {
        let survey = facts.hosts.get(host)?;
        let name = survey.current.as_ref()?;
        let known = survey.releases.iter().find(|of| of.name == *name);
        Some(known.map_or_else(|| version_in(name, "").to_owned(), |of| of.version.clone()))
    })
}

fn common_to(hosts: &[HostName], of: impl Fn(&HostName) -> Option<String>) -> Option<String> {
    let first = of(hosts.first()?)?;
    if hosts.iter().all(|host| of(host).as_ref() == Some(&first)) {
        return Some(first);
    }
    let each: Vec<String> =
        hosts.iter().map(|host| format!("{host}: {}", of(host).unwrap_or_else(|| "none".to_owned()))).collect();
    Some(each.join(", "))
}

/// Returns the version in a release's name, for people; the name as it is where it has no date, or where `other` is called the same.
pub(super) fn version_in<'a>(name: &'a str, other: &str) -> &'a str {
    let dated = |(date, _): &(&str, &str)| date.len() == 14 && date.bytes().all(|byte| byte.is_ascii_digit());
    name.split_once('-').filter(dated).map(|(_, version)| version).filter(|version| *version != other).unwrap_or(name)
}

/// Chooses what to go back to: complete on every host, not what runs there now, and older than that; the named one, or the
/// newest of those.
pub(super) fn target(hosts: &[HostName], to: Option<&str>, facts: &PlanFacts) -> Result<Release, String> {
    let surveys = surveys(hosts, facts)?;
    let common = || common(&surveys);
    if let Some(to) = to {
        let found = common().rev().find(|of| of.name == to || of.version == to);
        return found.cloned().ok_or_else(|| {
            let lacking: Vec<&str> = surveys
                .iter()
                .filter(|(_, survey)| !survey.releases.iter().any(|of| of.name == to || of.version == to))
                .map(|(host, _)| host.as_str())
                .collect();
            let known: Vec<&str> = common().map(|of| of.version.as_str()).collect();
            let lacking =
                if lacking.is_empty() { "every host, but not the same build".into() } else { lacking.join(", ") };
            format!("{to} is not complete on {lacking}; on all of them are: {}", listed(&known))
        });
    }
    let newest = surveys.iter().filter_map(|(_, survey)| survey.current.as_ref()).max();
    match newest {
        Some(newest) => older(hosts, newest, facts),
        None => Err("no host says which release it runs: name the one to go back to".to_owned()),
    }
}

/// Chooses the newest release that is complete on every host and older than this one.
pub(super) fn older(hosts: &[HostName], newest: &str, facts: &PlanFacts) -> Result<Release, String> {
    let surveys = surveys(hosts, facts)?;
    let common = || common(&surveys);
    common().rev().find(|of| of.name.as_str() < newest).cloned().ok_or_else(|| {
        let known: Vec<&str> = common().map(|of| of.version.as_str()).collect();
        format!(
            "nothing to go back to: before {newest} no release is complete on every host (on all of them: {})",
            listed(&known)
        )
    })
}

type Surveys<'a> = Vec<(&'a HostName, &'a Survey)>;

/// Returns what every host said; one that said nothing is an error.
fn surveys<'a>(hosts: &'a [HostName], facts: &'a PlanFacts) -> Result<Surveys<'a>, String> {
    let of = |host: &'a HostName| {
        let survey = facts.hosts.get(host).ok_or_else(|| format!("{host} did not say which releases it has"))?;
        Ok((host, survey))
    };
    if hosts.is_empty() {
        return Err("there are no hosts".to_owned());
    }
    hosts.iter().map(of).collect()
}

/// Lists the releases that are the same and complete on every host, the newest last.
fn common<'a>(surveys: &'a Surveys<'_>) -> impl DoubleEndedIterator<Item = &'a Release> {
    let has = |survey: &Survey, of: &Release| {
        survey.releases.iter().any(|known| known.name == of.name && known.sha256 == of.sha256)
    };
    let (first, rest) = surveys.split_at(surveys.len().min(1));
    let all = first.iter().flat_map(|(_, survey)| &survey.releases);
    all.filter(move |of| rest.iter().all(|(_, survey)| has(survey, of)))
}

/// In place: returns what is there and what was there before, which every host must have alike.
pub(super) fn previous(of: Context<'_>, to: Option<&str>) -> Result<(String, Release), String> {
    let current = current(&of.service.hosts, of.facts).ok_or("nothing is there to be rolled back")?;
    let mut found: Option<Release> = None;
    for host in &of.service.hosts {
        let survey = of.survey(host)?;
        let name = of.said(host, "previous").ok_or_else(|| format!("{host} has no previous build beside it"))?;
        let release = survey.releases.iter().find(|release| release.name == name).cloned();
        let release = release.ok_or_else(|| format!("{host} does not say what its previous build is"))?;
        if survey.current.as_deref() != Some(current.as_str()) {
            return Err(format!("the hosts run different builds ({current}): there is no one way back"));
        }
        if let Some(other) = found.as_ref().filter(|other| other.name != release.name) {
            return Err(format!("the previous build is {} on {host} and {} on others", release.version, other.version));
        }
        found = Some(release);
    }
    let release = found.ok_or("there are no hosts")?;
    match to {
        Some(to) if to != release.name && to != release.version => {
            Err(format!("in place only the previous build is kept, which is {}, and not {to}", release.version))
        }
        None if release.name > current && release.name != "before" => {
            let version = &release.version;
            Err(format!("the previous build, {version}, is newer than what runs: name it (--to {version}) to go there"))
        }
        _ => Ok((current, release)),
    }
}

fn listed(versions: &[&str]) -> String {
    if versions.is_empty() { "none".to_owned() } else { versions.join(", ") }
}
