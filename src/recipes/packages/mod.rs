//! Packages of Debian and Ubuntu hosts.
use super::{Context, Recipe, fill};
use crate::{
    config::{Field, Kind, Shape},
    core::{
        inventory::Service,
        runs::{Action, Fit, Order, Plan, Precheck, Step, Strategy, Takes, Task, Wanted},
        words::many,
    },
    parse::apt::{self, Upgrade},
};

/// Upgrades packages by apt, always one host at a time.
#[derive(Debug)]
pub(super) struct Packages;

const FIELDS: &[Field] = &[
    super::PATH,
    Field {
        name: "sudo",
        shape: Shape::Flag,
        required: false,
        doc: "Whether apt-get needs sudo; it is called with -n and never asks. Default: true.",
    },
    Field {
        name: "within",
        shape: Shape::Duration,
        required: false,
        doc: "How long an upgrade may take. Default: 1h.",
    },
];

impl Kind for Packages {
    fn name(&self) -> &'static str {
        "packages"
    }

    fn fields(&self) -> &'static [Field] {
        FIELDS
    }

    fn misfits(&self, settings: &crate::core::inventory::Params) -> Vec<crate::config::Misfit> {
        super::path_misfit(settings).into_iter().collect()
    }
}

const UPDATE_MS: u64 = 10 * 60_000;
/// Lists that are older than this say little of what there is.
const OLD_SECONDS: u64 = 86_400;

/// Makes a step of a template.
fn step(
    of: Context<'_>,
    host: &crate::core::id::HostName,
    name: &str,
    (template, what): (&str, &str),
    ms: u64,
) -> Step {
    let sudo = if of.flag("sudo", true) { "sudo -n " } else { "" };
    of.step(host, name, fill(template, &[("SUDO", sudo), ("WHAT", what)]).trim_end(), ms)
}

/// Says in words how many packages there are, and which.
fn words(upgrades: &[&Upgrade]) -> String {
    let security = upgrades.iter().filter(|upgrade| upgrade.security).count();
    let some: Vec<String> =
        upgrades.iter().take(12).map(|upgrade| format!("{} {}", upgrade.name, upgrade.to)).collect();
    let more = upgrades.len().saturating_sub(12);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let all = many(upgrades.len(), "package");
    let security = if security == 0 { "no security fix".to_owned() } else { format!("{security} of them security") };
    format!("{all}, {security}: {}{more}", some.join(", "))
}

/// Says how a host stands for it.
fn prechecks(of: Context<'_>, host: &crate::core::id::HostName) -> Vec<Precheck> {
    let said = |question: &str| of.said(host, question).unwrap_or_default().trim();
    let mut checks = Vec::new();
    let mut check = |verdict, text: String| checks.push(Precheck { verdict, text });
    if !said("broken").is_empty() {
        check(
            Fit::Bad,
            format!("packages on {host} are not whole: {}", said("broken").lines().next().unwrap_or_default()),
        );
    }
    match said("age").parse::<u64>() {
        Ok(age) if age <= OLD_SECONDS => {
            check(Fit::Good, format!("the package lists of {host} are {} h old", age / 3_600));
        }
        Ok(age) => check(
            Fit::Doubtful,
            format!("the package lists of {host} are {} days old: there may be more by now", age / 86_400),
        ),
        Err(_) => check(Fit::Doubtful, format!("how old the package lists of {host} are is not known")),
    }
    if said("reboot").starts_with("needed") {
        check(Fit::Doubtful, format!("{host} needs a reboot already"));
    }
    checks
}

impl Recipe for Packages {
    fn strategy(&self, _: &Service) -> Strategy {
        Strategy::OneByOne
    }

    fn survey(&self, _: &Service, _: &Wanted) -> Option<String> {
        Some(include_str!("survey.sh").to_owned())
    }

    fn restart(&self, of: Context<'_>) -> Result<Plan, String> {
        Err(format!("{} are packages: its tasks are check and upgrade", of.service.id))
    }

    fn tasks(&self, _: &Service) -> Vec<Task> {
        let only =
            Takes { name: "only".into(), required: false, doc: "Names of packages, with commas. Default: all.".into() };
        vec![
            Task {
                name: "check".into(),
                doc: "Reads the package lists anew, and says what would be upgraded.".into(),
                takes: Vec::new(),
                file: false,
            },
            Task {
                name: "upgrade".into(),
                doc: "Upgrades packages, one host at a time; nothing is removed, and changed configuration files stay."
                    .into(),
                takes: vec![only],
                file: false,
            },
        ]
    }

    fn task(&self, of: Context<'_>, order: &Order) -> Result<Plan, String> {
        let (name, action) = (&of.service.id.service, Action::Other { name: order.task.clone() });
        let mut prechecks = Vec::new();
        if order.task == "check" {
            let steps =
                of.service.hosts.iter().map(|host| step(of, host, "update", (include_str!("list.sh"), ""), UPDATE_MS));
            return Ok(Plan {
                action,
                steps: steps.collect(),
                effect: "nothing that runs is changed: only the lists of packages are read anew".into(),
                undo: "nothing to undo: nothing is changed".into(),
                proof: "what would be upgraded is in its output".into(),
                ..of.plan(format!("check {name}"))
            });
        }
        let only: Vec<&str> = order.settings.get("only").into_iter().flat_map(|only| only.split([',', ' '])).collect();
        if let Some(bad) = only.iter().find(|name| !apt::is_package(name)) {
            return Err(format!("{bad:?} is no name of a package"));
        }
        let (mut steps, mut effects) = (Vec::new(), Vec::new());
        for host in &of.service.hosts {
            let all = apt::upgrades(of.said(host, "upgrades").unwrap_or_default());
            let all = all.map_err(|error| format!("apt-get on {host}: {error}"))?;
            let wanted: Vec<&Upgrade> =
                all.iter().filter(|upgrade| only.is_empty() || only.contains(&upgrade.name.as_str())).collect();
            if wanted.is_empty() {
                continue;
            }
            effects.push(format!("{host}: {}", words(&wanted)));
            prechecks.extend(self::prechecks(of, host));
            // What was read is what is upgraded, by name: a list that is read anew in between may hold more.
            let names: Vec<&str> = wanted.iter().map(|upgrade| upgrade.name.as_str()).collect();
            let what = format!("install --only-upgrade --no-remove {}", names.join(" "));
            steps.push(step(of, host, "upgrade", (include_str!("upgrade.sh"), &what), of.number("within", 3_600_000)));
            steps.push(step(of, host, "see what is left", (include_str!("after.sh"), ""), UPDATE_MS));
        }
        if steps.is_empty() {
            return Err("nothing is to be upgraded, as far as the package lists know: `check` reads them anew".into());
        }
        Ok(Plan {
            action,
            steps,
            effect: format!("{}; services of these packages start anew as their packages say", effects.join("; ")),
            undo: "apt takes nothing back: an older version is installed by hand, where it is still to be had".into(),
            proof: "dpkg has nothing left to do, and the checks answer; whether a reboot is needed is in its output"
                .into(),
            prechecks,
            ..of.plan(format!("upgrade {name}"))
        })
    }
}

#[cfg(test)]
mod tests;
