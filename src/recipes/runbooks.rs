//! A step of a runbook as a change: planned alike for a service of any kind, even one that is only watched.
use super::Context;
use crate::core::{
    id::HostName,
    inventory::{Inventory, Service},
    runbooks::{self, Mode, Runbook, Step},
    runs::{self, Action, Order, Plan, Wanted},
};

/// Returns the runbook and the step that are wanted; none where something else is.
pub(super) fn wanted<'a>(inventory: &'a Inventory, wanted: &Wanted) -> Option<Result<(&'a Runbook, &'a Step), String>> {
    let Wanted::Task(order) = wanted else { return None };
    let (book, step) = runbooks::of_task(&order.task)?;
    let found = inventory.runbook(book).ok_or_else(|| format!("there is no runbook `{book}` any more"));
    Some(found.and_then(|found| {
        let step = found.step(step).ok_or_else(|| format!("runbook `{book}` has no step `{step}`"))?;
        Ok((&**found, step))
    }))
}

/// Names the hosts that a step changes, or that its way back does.
pub(super) fn hosts(
    inventory: &Inventory,
    service: &Service,
    (book, step): (&Runbook, &Step),
) -> Result<Vec<HostName>, String> {
    let mut all: Vec<HostName> = Vec::new();
    for step in std::iter::once(step).chain(book.undo_of(step)) {
        for host in runbooks::hosts(inventory, &service.id, &step.on)? {
            if !all.contains(&host) {
                all.push(host);
            }
        }
    }
    Ok(all)
}

/// Where the lock stands on a host that is none of the service's: its folder is not there.
pub(super) fn lock_elsewhere(service: &Service) -> String {
    format!("/run/lock/qd-{}", service.id)
}

/// Plans a step.
pub(super) fn plan(of: Context<'_>, (book, step): (&Runbook, &Step), order: &Order) -> Result<Plan, String> {
    if step.mode != Mode::Change {
        return Err(format!("`{}` of {} changes nothing: it runs without a review", step.name, book.name));
    }
    let steps = |step: &Step| -> Result<Vec<runs::Step>, String> {
        let text = book.script(step, &order.settings)?;
        let hosts = runbooks::hosts(of.inventory, &of.service.id, &step.on)?;
        Ok(hosts.iter().map(|host| of.step(host, step.name.as_str(), text.as_str(), step.timeout_ms)).collect())
    };
    let mut undo_steps = Vec::new();
    for back in book.undo_of(step) {
        undo_steps.extend(steps(back)?);
    }
    let own = &of.service.hosts;
    let all = hosts(of.inventory, of.service, (book, step))?;
    let elsewhere = all.into_iter().filter(|host| !own.contains(host));
    let says = step.prose.lines().find(|line| !line.is_empty()).unwrap_or_default();
    Ok(Plan {
        action: Action::Other { name: order.task.clone() },
        steps: steps(step)?,
        undo: if undo_steps.is_empty() { "nobody wrote down how" } else { "by the steps that are written for it" }
            .into(),
        undo_steps,
        locks: elsewhere.map(|host| (host, lock_elsewhere(of.service))).collect(),
        grave: step.grave.clone(),
        effect: if says.is_empty() {
            "what its step does; nobody wrote down what users notice".into()
        } else {
            says.to_owned()
        },
        proof: "it exits with 0; then the looks of the runbook, and the checks".into(),
        ..of.plan(format!("{} ({}/{}) {}", step.name, book.name, step.id, of.service.id.service))
    })
}
