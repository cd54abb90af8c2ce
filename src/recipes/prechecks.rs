//! How hosts stand for a plan, whatever the recipe.
use crate::core::{
    id::HostName,
    inventory::Inventory,
    runs::{Fit, Plan, PlanFacts, Precheck, Target, policy::Grave},
};

/// Says how the hosts stand for a plan, whatever the recipe.
pub(super) fn of(plan: &Plan, facts: &PlanFacts) -> Vec<Precheck> {
    let mut checks = Vec::new();
    let hosts = plan.hosts();
    let surveys = || hosts.iter().filter_map(|host| Some((host, facts.hosts.get(host)?)));
    let recovers = plan.grave.contains(&Grave::Lock);
    for (host, holder) in surveys().filter_map(|(host, survey)| Some((host, survey.lock.as_ref()?))) {
        let verdict = if recovers && holder.alive == Some(false) { Fit::Good } else { Fit::Bad };
        checks.push(Precheck { verdict, text: format!("{host} is locked by {}", holder.words()) });
    }
    if checks.is_empty() {
        checks.push(Precheck {
            verdict: Fit::Good,
            text: format!("the lock is free on {} of {}", hosts.len(), hosts.len()),
        });
    }
    if let Some(build) = &plan.upload {
        // The archive, what is unpacked from it, and as much again to be safe.
        let need = build.bytes.saturating_mul(4);
        let takes = plan.takes_build();
        for (host, survey) in surveys().filter(|(host, _)| takes.contains(host)) {
            let mib = |bytes: u64| bytes / (1 << 20);
            match survey.free_bytes {
                Some(free) if free >= need => {}
                Some(free) => checks.push(Precheck {
                    verdict: Fit::Bad,
                    text: format!("{host} has {} MiB free; the build may need {}", mib(free), mib(need)),
                }),
                None => checks.push(Precheck {
                    verdict: Fit::Doubtful,
                    text: format!("{host} does not say how much room it has"),
                }),
            }
        }
    }
    checks
}

/// Names the machines behind the hosts of a plan; two names of one machine are refused: it would be changed twice.
pub(super) fn targets(inventory: &Inventory, hosts: &[HostName], facts: &PlanFacts) -> Result<Vec<Target>, String> {
    let mut targets: Vec<Target> = Vec::new();
    for name in hosts {
        let Some(host) = inventory.host(name) else { return Err(format!("{name} is not in the configuration")) };
        let machine_id = facts.hosts.get(name).and_then(|survey| survey.machine_id.clone());
        let same = |known: &&Target| machine_id.is_some() && known.machine_id == machine_id;
        if let Some(other) = targets.iter().find(same) {
            let what = format!("{name} and {} are one machine (the same /etc/machine-id)", other.host);
            return Err(format!("{what}: name it once, or give a cloned machine an id of its own"));
        }
        let host_key = facts.host_keys.get(name).cloned();
        targets.push(Target { host: name.clone(), address: host.address.clone(), machine_id, host_key });
    }
    Ok(targets)
}
