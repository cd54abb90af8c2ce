//! `qd lock`: who holds the lock of a service on its hosts, and its recovery from a run that died.
use std::sync::Arc;

use serde_json::json;

use super::{
    Common, Exit, change,
    setup::{self, Setup},
    status,
};
use crate::{
    core::runs::{Order, Wanted},
    recipes::RECOVER_LOCK,
    runtime::planning,
};

/// What `qd lock` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Lock {
    #[command(flatten)]
    consent: change::Consent,
    /// Take the lock from runs that died; what they did is printed from their journals
    #[arg(long)]
    recover: bool,
}

pub(super) fn run(common: &Common, args: &Lock) -> color_eyre::Result<Exit> {
    let wanted = Wanted::Task(Order { task: RECOVER_LOCK.to_owned(), ..Order::default() });
    if args.recover {
        return change::change(common, &args.consent, |_| Ok(wanted));
    }
    let setup = Setup::new()?;
    let loaded = setup.config(common)?;
    let id = status::service_id(common, &loaded.inventory, args.consent.service())?;
    let Some(service) = loaded.inventory.service(&id).map(Arc::clone) else { return Ok(Exit::Usage) };
    let remote: setup::SharedRemote = setup.remote(&loaded, false);
    let surveys = setup.runtime.block_on(planning::surveys(remote.as_ref(), &loaded.inventory, &service, &wanted));
    let unknown = surveys.iter().any(|(_, survey)| survey.is_err());
    if common.json {
        let host = |(host, survey): (_, Result<crate::core::runs::Survey, String>)| match survey {
            Err(error) => json!({ "host": host, "error": error }),
            Ok(survey) => json!({
                "host": host,
                "locked": survey.lock.is_some(),
                "by": survey.lock.as_ref().and_then(|lock| lock.by.clone()),
                "since": survey.lock.as_ref().and_then(|lock| lock.since).map(crate::core::time::Timestamp::rfc3339),
                "run": survey.lock.as_ref().and_then(|lock| lock.run.clone()),
                "alive": survey.lock.as_ref().and_then(|lock| lock.alive),
                "silent_s": survey.lock.as_ref().and_then(|lock| lock.silent_s),
            }),
        };
        let data: Vec<_> = surveys.into_iter().map(host).collect();
        setup::print_json("qd.lock/1", setup.clock.as_ref(), json!(data))?;
    } else {
        let mut rows = vec![["HOST", "LOCK"].map(str::to_owned).to_vec()];
        rows.extend(surveys.into_iter().map(|(host, survey)| {
            let says = match survey {
                Err(error) => format!("? {error}"),
                Ok(survey) => survey.lock.map_or_else(|| "free".to_owned(), |lock| format!("held by {}", lock.words())),
            };
            vec![host.to_string(), says]
        }));
        setup::print(&setup::table(&rows))?;
    }
    Ok(if unknown { Exit::Unknown } else { Exit::Ok })
}
