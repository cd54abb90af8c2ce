//! What readings mean for alert rules.
use std::{collections::BTreeMap, sync::Arc};

use super::{
    Effect, State, alerts,
    alerts::{Target, feed},
    hosts,
    id::{CheckId, ServiceId},
    logs::Level,
    runs::proof::Measured,
    time::{Now, Timestamp},
};

/// Returns what a reading of a host is to the rules, if it is anything to them.
pub(super) fn of_host(msg: &hosts::Msg) -> Option<alerts::Msg> {
    match msg {
        hosts::Msg::SampleArrived { host, sample } => {
            Some(alerts::Msg::HostSampled { host: host.clone(), sample: Arc::new((**sample).clone()) })
        }
        hosts::Msg::Pm2Arrived { host, list } => {
            Some(alerts::Msg::Pm2Listed { host: host.clone(), list: Arc::new(list.clone()) })
        }
        hosts::Msg::UnitsArrived { host, units } => {
            Some(alerts::Msg::UnitsRead { host: host.clone(), units: units.clone() })
        }
        // The past alarms nobody.
        hosts::Msg::InventoryReplaced
        | hosts::Msg::MinutesLoaded { .. }
        | hosts::Msg::FilesRead { .. }
        | hosts::Msg::LinkChanged { .. }
        | hosts::Msg::SourceEnded { .. }
        | hosts::Msg::Ticked => None,
    }
}

/// Feeds the rules with what a result says of its service.
pub(super) fn result(state: &mut State, check: &CheckId, now: Now) -> Vec<Effect> {
    let measured = feed::result(&state.services, check, now.utc);
    state.alerts_update(alerts::Msg::Measured(measured), now)
}

/// Feeds the rules with all services as they stand: what time alone changes (silence, expiry) shows only here.
pub(super) fn services(state: &mut State, now: Now) -> Vec<Effect> {
    let measured = feed::services(&state.services, now.utc);
    state.alerts_update(alerts::Msg::Measured(measured), now)
}

/// Milliseconds for which what the logs said counts as now.
const LOGS_MS: i64 = 30_000;
/// A list of PM2's processes that arrived so soon after a moment may have been read before it, in milliseconds.
const PM2_MS: i64 = 2_000;
/// Patterns are learned once in this time: before that, that none is new says nothing.
const LEARN_MS: i64 = 90_000;

/// Returns what is measured of a service now; `since` is from when on a pattern of errors counts as
/// new, and how often processes were started is counted.
pub(super) fn of_service(state: &State, id: &ServiceId, since: Timestamp, now: Now) -> Measured {
    let service = state.services.service(id);
    let answers = service.map(|service| service.checks.as_slice()).unwrap_or_default();
    let latest = answers.iter().filter(|check| check.level(now.utc).is_some());
    let target = Target::Service(id.clone());
    let logged = |metric: &'static str| {
        let (at, value) = state.alerts.measured(metric, &target)?;
        value.filter(|_| now.utc.since(at) < LOGS_MS)
    };
    let scope = id.to_string();
    // Where nobody reads its logs, that nothing new was seen says nothing.
    let reads = state.alerts.measured("log.pattern_rate", &target).is_some_and(|(at, _)| now.utc.since(at) < LOGS_MS);
    let reads = reads && now.utc.since(since) >= LEARN_MS;
    let fresh = state
        .logs
        .learned
        .iter()
        .filter(|known| *known.scope == *scope && known.first_seen >= since && known.level >= Level::Error);
    let app = service.and_then(|of| of.service.recipe.get("app")).and_then(serde_json::Value::as_str);
    let hosts = service.map(|of| of.service.hosts.as_slice()).unwrap_or_default();
    let restarts = hosts.iter().filter_map(|name| {
        let (at, list) = state.hosts.host(name)?.pm2_at(now.mono)?;
        // Read before that moment, it does not have what was started last.
        let age = i64::try_from(now.mono.since(at)).unwrap_or(i64::MAX);
        let after = now.utc.since(since).saturating_sub(age);
        if after < PM2_MS {
            return None;
        }
        let own = list.processes.iter().filter(|process| Some(process.name.as_str()) == app);
        Some((name.to_string(), own.map(|process| process.restarts).sum()))
    });
    Measured {
        health: service.map(|of| of.health),
        latency_ms: latest.filter_map(|check| check.last.as_ref()?.took_ms).max(),
        error_pct: logged("log.error_rate"),
        p95_ms: logged("log.latency_p95"),
        new_errors: reads.then(|| u32::try_from(fresh.count()).unwrap_or(u32::MAX)),
        restarts: if app.is_some() { restarts.collect() } else { BTreeMap::default() },
    }
}
