//! Where the lock of a service stands, and how it is taken from runs that died.
use super::{Context, RECOVER_LOCK, at_home, balancers, fill, release, sets};
use crate::core::{
    id::HostName,
    inventory::Service,
    runs::{Action, Plan, policy::Grave},
};

/// Plans to take the lock of a service from runs that died on its hosts.
pub(super) fn recover(of: Context<'_>) -> Result<Plan, String> {
    let locked = |host: &&HostName| of.survey(host).is_ok_and(|survey| survey.lock.is_some());
    let hosts: Vec<&HostName> = of.service.hosts.iter().chain(balancers(of.service)).filter(locked).collect();
    if hosts.is_empty() {
        return Err("none of its hosts has its lock: there is nothing to recover".to_owned());
    }
    let lock = lock(of.service);
    let recover = |host: &HostName| {
        let lock = lock_on(of.service, host);
        let command = fill(include_str!("recover.sh"), &[("LOCK", &at_home(&lock))]);
        of.step(host, RECOVER_LOCK, command.trim_end(), 60_000)
    };
    let on = balancers(of.service).iter();
    Ok(Plan {
        action: Action::Other { name: RECOVER_LOCK.to_owned() },
        locks: on.map(|host| (host.clone(), format!("{}.recover", lock_on(of.service, host)))).collect(),
        steps: hosts.into_iter().map(recover).collect(),
        grave: vec![Grave::Lock],
        effect: "none on the service: only the lock goes, and only where its run is dead".into(),
        undo: "nothing to undo: the lock is kept beside the journal of the run that had it".into(),
        proof: "the journal of the dead run, as printed".into(),
        // Two who recover at once exclude each other; the lock itself is what they are after.
        lock: format!("{lock}.recover"),
        ..of.plan(format!("recover the lock of {}", of.service.id.service))
    })
}

/// Returns where the lock of a service stands on one of its hosts or balancers.
pub(super) fn lock_on(service: &Service, host: &HostName) -> String {
    if balancers(service).contains(host) { sets::lock(service) } else { lock(service) }
}

/// Returns where the lock of a service stands on its hosts.
pub(super) fn lock(service: &Service) -> String {
    match service.recipe.get("path").and_then(serde_json::Value::as_str) {
        // What is swapped as a whole would take the lock with it.
        Some(path) if release::is_in_place(&service.recipe) => format!("{}.qd.lock", path.trim_end_matches('/')),
        Some(path) => format!("{}/.qd.lock", path.trim_end_matches('/')),
        None => format!("/run/lock/qd-{}", service.id),
    }
}
