//! Plans a change: asks every host of the service how it stands, all at once, and has the recipe make the plan.
use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;

use super::pipeline;
use crate::{
    config::Env,
    core::{
        id::{HostName, ServiceId},
        incidents::evidence::sha256,
        inventory::{Inventory, Service},
        runs::{Build, Order, Plan, PlanFacts, Survey, Wanted, What, offer::Known, ready::Seen, sudo},
        time::Clock,
    },
    parse::{sanitise, survey},
    recipes,
    remote::{self, Exit, Lane, Remote, Script},
    sources::pm2,
};

/// How long a host may take to say how it stands: it may have to ask a cluster, whose login alone takes seconds.
const SURVEY: Duration = Duration::from_secs(40);
/// Most bytes of what it says.
const SAID: usize = 1 << 20;

/// Plans a change; nothing is changed by it. What it rests on is asked for now: a sample of half a minute ago may be of before
/// the last change.
///
/// # Errors
/// Why it cannot be planned, and what to do: a host that cannot be asked is one.
pub async fn plan(
    remote: &dyn Remote,
    inventory: &Inventory,
    service: &ServiceId,
    wanted: &Wanted,
    clock: &dyn Clock,
) -> Result<Plan, String> {
    let found = inventory.service(service).ok_or_else(|| "it is not in the configuration".to_owned())?;
    if let Wanted::Pipeline(order) = wanted {
        let of = found.pipeline.as_ref().ok_or_else(|| "it has no pipeline in the configuration".to_owned())?;
        let mut plan = pipeline::plan(service, of, order, &Env::of_process()).await?;
        plan.reach =
            inventory.services.iter().filter(|of| of.needs.contains(service)).map(|of| of.id.clone()).collect();
        return Ok(plan);
    }
    let mut facts = facts(remote, inventory, found, wanted, clock).await?;
    if let Wanted::Task(Order { file: Some(file), .. }) = wanted {
        facts.file = read(file).await?;
    }
    ask_pipeline(&mut facts, found).await;
    let mut plan = recipes::plan(inventory, found, wanted, &facts)?;
    let needed = sudo::needed(inventory, &plan);
    plan.prechecks.extend(sudo::prechecks(&needed, |host| remote.sudo(host).is_some()));
    Ok(plan)
}

/// Asks how a service would go back, and what there is to go back to; nothing is changed by it. None where nobody goes back
/// there: its hosts are not asked then.
pub(super) async fn way_back(
    remote: &dyn Remote,
    inventory: &Inventory,
    service: &ServiceId,
    wanted: Wanted,
    clock: &dyn Clock,
) -> Option<Seen> {
    let found = inventory.service(service)?;
    recipes::brings(found).ok()?;
    if !lacking(remote, inventory, service, &wanted).is_empty() {
        // Whoever wants it is asked for the password then.
        return None;
    }
    let read = async {
        let mut facts = facts(remote, inventory, found, &wanted, clock).await?;
        ask_pipeline(&mut facts, found).await;
        Ok::<PlanFacts, String>(facts)
    };
    let asked = clock.now().utc;
    let (plan, known) = match read.await {
        Ok(facts) => {
            let known = recipes::known(inventory, found, &facts).unwrap_or_default();
            (recipes::plan(inventory, found, &wanted, &facts).map(Arc::new), known.offers)
        }
        Err(why) => (Err(why), Vec::new()),
    };
    Some(Seen { asked, at: clock.now().utc, wanted, plan, known })
}

async fn ask_pipeline(facts: &mut PlanFacts, service: &Service) {
    if let Some(of) = &service.pipeline {
        facts.pipeline = Some(pipeline::unfinished(of, &Env::of_process()).await);
    }
}

/// Names the hosts that cannot say how they stand without a password for `sudo` that is not known.
pub(super) fn lacking(
    remote: &dyn Remote,
    inventory: &Inventory,
    service: &ServiceId,
    wanted: &Wanted,
) -> Vec<HostName> {
    let Some(found) = inventory.service(service) else { return Vec::new() };
    // No host has a part in what is done to a pipeline.
    if matches!(wanted, Wanted::Pipeline(_)) {
        return Vec::new();
    }
    let mut hosts = recipes::asked(inventory, found, wanted);
    hosts.retain(|host| {
        let lacks = sudo::asks(inventory, host) && remote.sudo(host).is_none();
        lacks && sudo::names(&recipes::survey(found, host, wanted))
    });
    hosts
}

/// Names the hosts on which a plan needs a password for `sudo` that is not known.
pub(super) fn lacked_by(remote: &dyn Remote, inventory: &Inventory, plan: &Plan) -> Vec<HostName> {
    let mut hosts = sudo::needed(inventory, plan);
    hosts.retain(|host| remote.sudo(host).is_none());
    hosts
}

/// Asks what the hosts of a service know of its versions.
///
/// # Errors
/// Why it is not known.
pub(super) async fn known(
    remote: &dyn Remote,
    inventory: &Inventory,
    service: &ServiceId,
    clock: &dyn Clock,
) -> Result<Known, String> {
    let found = inventory.service(service).ok_or_else(|| "it is not in the configuration".to_owned())?;
    let wanted = Wanted::Deploy { what: What::Default };
    let facts = facts(remote, inventory, found, &wanted, clock).await?;
    recipes::known(inventory, found, &facts)
}

/// Asks every host of a service what a plan rests on.
async fn facts(
    remote: &dyn Remote,
    inventory: &Inventory,
    found: &Service,
    wanted: &Wanted,
    clock: &dyn Clock,
) -> Result<PlanFacts, String> {
    let mut facts = PlanFacts::default();
    // A host of two sets may be what one wants to leave: the plan says what it cannot do without.
    let may_be_silent = found.rollout.sets.is_some();
    for (host, survey) in surveys(remote, inventory, found, wanted).await {
        match survey {
            Ok(survey) => {
                facts.host_keys.extend(remote.host_key(&host).map(|key| (host.clone(), key)));
                facts.hosts.insert(host, survey);
            }
            Err(why) if may_be_silent => _ = facts.silent.insert(host, why),
            Err(why) => return Err(why),
        }
    }
    let reads_pm2 = recipes::of(found).is_some_and(recipes::Recipe::reads_pm2);
    if reads_pm2 && !recipes::is_of_a_runbook(wanted) {
        let asked = found.hosts.iter().filter(|name| !facts.silent.contains_key(*name));
        let hosts: Vec<_> = asked.filter_map(|name| inventory.host(name)).collect();
        let lists = join_all(hosts.iter().map(|host| pm2::list(remote, host, clock))).await;
        for (host, list) in hosts.into_iter().zip(lists) {
            match list.map_err(|error| format!("{}: PM2's list: {error}", host.name)) {
                Ok(list) => _ = facts.pm2.insert(host.name.clone(), list),
                Err(why) if may_be_silent => _ = facts.silent.insert(host.name.clone(), why),
                Err(why) => return Err(why),
            }
        }
    }
    Ok(facts)
}

/// Reads a file that a task is given; none where it is long.
async fn read(file: &Build) -> Result<Option<Vec<u8>>, String> {
    if file.bytes > SAID as u64 {
        return Ok(None);
    }
    let bytes = tokio::fs::read(&file.path).await.map_err(|error| format!("{}: {error}", file.path))?;
    if sha256(&bytes) != file.sha256 {
        return Err(format!("{} has changed since it was named: name it again", file.path));
    }
    Ok(Some(bytes))
}

/// Asks every host of a service that a change is made from how it stands, all at once.
pub async fn surveys(
    remote: &dyn Remote,
    inventory: &Inventory,
    service: &Service,
    wanted: &Wanted,
) -> Vec<(HostName, Result<Survey, String>)> {
    let asked = recipes::asked(inventory, service, wanted);
    let prefix = |host: &HostName| inventory.host(host).map_or_else(Vec::new, |host| host.path_prefix.clone());
    let ask = |host| ask(remote, host, recipes::survey(service, host, wanted), prefix(host));
    let surveys = join_all(asked.iter().map(ask)).await;
    asked.into_iter().zip(surveys).collect()
}

async fn ask(remote: &dyn Remote, host: &HostName, script: String, path_prefix: Vec<String>) -> Result<Survey, String> {
    let mut script = Script { timeout: SURVEY, max_output: SAID, path_prefix, ..Script::brief(script) };
    if let Some(password) = remote.sudo(host).filter(|_| sudo::names(&script.text)) {
        script = remote::sudo::lend(script, password);
    }
    let output = remote.run(host, Lane::Control, script).await.map_err(|error| error.to_string())?;
    let survey = survey::survey(&output.stdout).filter(|_| output.exit == Exit::Code(0));
    survey.ok_or_else(|| {
        let said = sanitise::line_max(output.stderr.trim_ascii(), 200);
        format!("{host} did not say how it stands: {said}")
    })
}
