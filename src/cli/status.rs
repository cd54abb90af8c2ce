//! `qd status`: each service's state and uptime.
use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use serde_json::json;

use super::{
    Common, Exit,
    setup::{self, Setup},
};
use crate::{
    config::{self, problem::closest},
    core::{
        State,
        id::{EnvName, ServiceId},
        inventory::Inventory,
        services::{CheckState, Failing, Health, ServiceState, Split, uptime::Percent},
        time::{Timestamp, short},
    },
    render,
    runtime::engine::Engine,
    store::{IfMissing, Since, StoreError},
};

/// What `qd status` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Status {
    /// Only this service, as SERVICE or SERVICE@ENV
    service: Option<String>,
    /// Write a status page for everybody: one file that needs no server, script or network
    #[arg(long, value_name = "FILE", conflicts_with_all = ["service", "json"])]
    html: Option<PathBuf>,
}

/// What is said under percentages that are marked.
const PARTLY: &str = "* less than half of that time is known: KNOWN says how much of 90 days is\n";
/// Time that checks are given beyond their own time-outs and re-tries.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) fn run(common: &Common, args: &Status) -> color_eyre::Result<Exit> {
    let setup = Setup::new()?;
    let state = observe(&setup, common)?;
    let now = setup.clock.now().utc;
    if let Some(env) = common.env.as_deref()
        && !state.inventory.environments.iter().any(|known| known.name.as_str() == env)
    {
        let known: Vec<&str> = state.inventory.environments.iter().map(|known| known.name.as_str()).collect();
        return Err(unknown("environment", env, &known));
    }
    let wanted: Vec<&ServiceState> = state
        .services
        .worst_first()
        .into_iter()
        .filter(|service| of_env(common, &service.id().env))
        .filter(|service| args.service.as_deref().is_none_or(|name| names(service, name)))
        .collect();
    if let (Some(path), false) = (&args.html, wanted.is_empty()) {
        publish(&setup, common, &state, path)?;
        return Ok(exit(wanted.iter().map(|service| service.health)));
    }
    if wanted.is_empty() {
        let here = state.inventory.services.iter().filter(|service| of_env(common, &service.id.env));
        let known: Vec<String> = here.map(|service| service.id.to_string()).collect();
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        return Err(match args.service.as_deref() {
            Some(name) => unknown("service", name, &known),
            None => {
                color_eyre::eyre::eyre!("no services are configured here\n  add `[[service]]`; `qd check` says where")
            }
        });
    }
    if common.json {
        let notice = |service: &ServiceState| state.runs.notice(service.id()).map(|notice| notice.words());
        let data = wanted.iter().map(|service| to_json(service, notice(service), now)).collect();
        setup::print_json("qd.status/1", setup.clock.as_ref(), data)?;
    } else {
        setup::print(&to_text(&wanted, now))?;
        for notice in wanted.iter().filter_map(|service| state.runs.notice(service.id())) {
            setup::print(&format!("{}: {}\n  {}\n", notice.run.plan.service, notice.words(), notice.help()))?;
        }
    }
    Ok(exit(wanted.iter().map(|service| service.health)))
}

/// Writes the status page, whole or not at all.
fn publish(setup: &Setup, common: &Common, state: &State, path: &Path) -> color_eyre::Result<()> {
    let loaded = setup.config(common)?;
    let now = setup.clock.now().utc;
    let updates = match Setup::store(&loaded, IfMissing::Fail) {
        Ok(mut store) => {
            let since = Since { events: Timestamp(i64::MIN), results: now };
            store.open_state(since).map_err(|error| error.report())?.updates
        }
        Err(StoreError::Missing { .. }) => Vec::new(),
        Err(error) => return Err(error.report().into()),
    };
    let page = state.published(common.env.as_deref(), &updates, now);
    let text = render::status_page(&page).map_err(|error| color_eyre::eyre::eyre!("{error}"))?;
    let shown = crate::parse::sanitise::line(path.display().to_string());
    config::write_whole(path, text.as_bytes())
        .map_err(|error| color_eyre::eyre::eyre!("cannot write {shown}: {error}"))?;
    setup::print(&format!("{shown}: {}, {}\n", page.state, setup::many(page.services.len(), "service")))?;
    Ok(())
}

/// Finds the service that is meant by SERVICE or SERVICE@ENV.
pub(super) fn service_id(common: &Common, inventory: &Inventory, name: &str) -> color_eyre::Result<ServiceId> {
    let here = || inventory.services.iter().map(|service| &service.id).filter(|id| of_env(common, &id.env));
    let meant: Vec<&ServiceId> = here().filter(|id| id.service.as_str() == name || id.to_string() == name).collect();
    match meant.as_slice() {
        [id] => Ok((*id).clone()),
        [] => {
            let known: Vec<String> = here().map(ToString::to_string).collect();
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            Err(unknown("service", name, &known))
        }
        several => {
            let several: Vec<String> = several.iter().map(ToString::to_string).collect();
            Err(color_eyre::eyre::eyre!("{name} is in several environments\n  name one: {}", several.join(", ")))
        }
    }
}

fn of_env(common: &Common, env: &EnvName) -> bool {
    common.env.as_deref().is_none_or(|wanted| env.as_str() == wanted)
}

/// How many names a message lists.
const LISTED: usize = 10;

/// Says that there is nothing of this name, which was probably meant, and which there are.
fn unknown(thing: &str, name: &str, known: &[&str]) -> color_eyre::Report {
    let shown = crate::parse::sanitise::line(name.as_bytes());
    if known.is_empty() {
        return color_eyre::eyre::eyre!("no {thing} `{shown}`: none is configured");
    }
    // Where it was left out, the environment of what is known is no letter that was mistyped.
    let plain: Vec<&str> = known.iter().map(|name| name.split('@').next().unwrap_or(name)).collect();
    let among = if name.contains('@') { known } else { &plain };
    let meant =
        closest(name, among.iter().copied()).map_or_else(String::new, |meant| format!("did you mean `{meant}`? "));
    let more = known.len().saturating_sub(LISTED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let listed = known.iter().take(LISTED).copied().collect::<Vec<_>>().join(", ");
    color_eyre::eyre::eyre!("no {thing} `{shown}`\n  {meant}there are: {listed}{more}")
}

fn names(service: &ServiceState, name: &str) -> bool {
    service.id().service.as_str() == name || service.id().to_string() == name
}

fn exit(healths: impl Iterator<Item = Health> + Clone) -> Exit {
    if healths.clone().any(|health| health == Health::Down) {
        Exit::Down
    } else if healths.clone().any(|health| health == Health::Unknown) {
        Exit::Unknown
    } else {
        Exit::Ok
    }
}

/// Learns the state: from the store of a living recorder, else by running every check once.
pub(super) fn observe(setup: &Setup, common: &Common) -> color_eyre::Result<State> {
    let loaded = setup.config(common)?;
    let remote: setup::SharedRemote = setup.remote(&loaded, false);
    let mut store = Setup::store(&loaded, IfMissing::Fail);
    let now = setup.clock.now();
    let holder = match &mut store {
        Ok(store) => store.holder(),
        Err(StoreError::Missing { .. }) => Ok(None),
        Err(error) => {
            setup::warn(&format!(
                "{}\n  the checks run once now instead; what was recorded is not known",
                error.report()
            ));
            Ok(None)
        }
    };
    if let Err(error) = &holder {
        setup::warn(&format!("{}\n  the checks run once now instead", error.report()));
    }
    let recorded = matches!(&holder, Ok(Some(holder)) if holder.until > now.utc);
    let problems = loaded.problems.iter().map(crate::config::Problem::one_line).collect();
    let longest = loaded.inventory.checks().map(|check| check.timeout_ms * 2).max().unwrap_or(0);
    let inventory = std::sync::Arc::new(loaded.inventory.clone());
    // Without a recorder the checks run here, once, and nothing is written: two answers a minute are no record. What was
    // recorded before counts all the same.
    let stored = holder.is_ok() && store.is_ok();
    let store = if stored { store } else { Err(StoreError::Missing { path: loaded.settings.store.clone() }) };
    let options = setup.options(&loaded, false, false);
    let clock = std::sync::Arc::clone(&setup.clock);
    let state = setup::block_on(setup, async move {
        let mut engine = Engine::new(options, store, remote, clock, &setup.tasks);
        engine.adopt(inventory, problems);
        let deadline = now.mono + longest + u64::try_from(PATIENCE.as_millis()).unwrap_or(5_000);
        if !recorded {
            for service in engine.state.inventory.services.clone() {
                engine
                    .handle(crate::core::Msg::Services(crate::core::services::Msg::CheckRequested(service.id.clone())));
            }
        }
        while setup.clock.now().mono < deadline && !known(&engine.state, stored, (!recorded).then_some(now.utc)) {
            drop(engine.turn().await);
        }
        engine.stop();
        engine.state
    });
    Ok(state)
}

/// Says whether all is known that is waited for: history where there is a store, and results, from `since` on where they
/// are made here.
fn known(state: &State, stored: bool, since: Option<Timestamp>) -> bool {
    let fresh = |check: &CheckState| {
        let last = check.last.as_ref();
        last.is_some_and(|last| since.is_none_or(|since| last.at >= since)) && !check.is_running()
    };
    state.services.services().all(|service| service.checks.iter().all(fresh)) && (!stored || state.has_history())
}

fn to_json(service: &ServiceState, comes_back: Option<String>, now: Timestamp) -> serde_json::Value {
    let pct = |split: &Split| split.figure(1).percent.map(Percent::pct);
    let figures = &service.figures;
    json!({
        "service": service.id(),
        "health": service.health,
        "since": service.since.rfc3339(),
        "unconfirmed": service.failing.as_ref().map_or(0, |failing| failing.failures),
        "unconfirmed_of": service.failing.as_ref().map(|failing| failing.of),
        "down_since": service.down_since.map(Timestamp::rfc3339),
        "uptime_24h_pct": pct(&figures.h24),
        "uptime_7d_pct": pct(&figures.d7),
        "uptime_30d_pct": pct(&figures.d30),
        "uptime_90d_pct": pct(&figures.d90),
        "known_24h_ms": figures.h24.known_ms(),
        "known_7d_ms": figures.d7.known_ms(),
        "known_30d_ms": figures.d30.known_ms(),
        "known_90d_ms": figures.d90.known_ms(),
        "unknown_90d_ms": figures.d90.unknown_ms,
        "cert_not_after": service.cert_not_after().map(Timestamp::rfc3339),
        "comes_back": comes_back,
        "checks": service.checks.iter().map(|check| json!({
            "check": check.spec.id,
            "type": &*check.spec.kind,
            "unconfirmed": check.unconfirmed(now),
            "unconfirmed_of": check.spec.fail_after,
            "outcome": check.last.as_ref().map(|last| last.outcome),
            "at": check.last.as_ref().map(|last| last.at.rfc3339()),
            "age_ms": check.last.as_ref().map(|last| now.since(last.at)),
            "took_ms": check.last.as_ref().and_then(|last| last.took_ms),
            "detail": check.last.as_ref().map(|last| last.detail.as_str()),
        })).collect::<Vec<_>>(),
    })
}

fn to_text(services: &[&ServiceState], now: Timestamp) -> String {
    let mut rows =
        vec![["", "SERVICE", "STATE", "24H", "7D", "30D", "90D %", "KNOWN", "LAST"].map(str::to_owned).to_vec()];
    let mut partly = false;
    for service in services {
        let (sign, word) = match service.health {
            _ if service.failing.is_some() => ("◐", "FAIL"),
            Health::Up => ("●", "UP"),
            Health::Degraded => ("◐", "DEGR"),
            Health::Down => ("✗", "DOWN"),
            Health::Maintenance => ("M", "MNT"),
            Health::Unknown => ("?", "?"),
        };
        let figures = &service.figures;
        let mut pct = |split: &Split| {
            let figure = split.figure(1);
            partly |= figure.of().is_some();
            figure.brief().unwrap_or_else(|| "?".to_owned())
        };
        let last = service.telling(now).and_then(|check| check.last.as_ref());
        let detail = last.map_or_else(|| "?".to_owned(), |last| last.detail.clone());
        let detail = match &service.failing {
            Some(Failing { failures, of, .. }) => format!("failing {failures} of {of}: {detail}"),
            None => detail,
        };
        rows.push(vec![
            sign.into(),
            service.id().to_string(),
            word.into(),
            pct(&figures.h24),
            pct(&figures.d7),
            pct(&figures.d30),
            pct(&figures.d90),
            short(u64::try_from(figures.d90.known_ms()).unwrap_or(0)),
            detail,
        ]);
    }
    let mut text = setup::table(&rows);
    if partly {
        text.push_str(PARTLY);
    }
    text
}
