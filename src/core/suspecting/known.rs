//! What the console knows of changes without asking hosts, as changes: runs, starts, certificates, silences, and what pipelines said.
use std::sync::Arc;

use super::BACK_MS;
use crate::core::{
    State,
    alerts::{AlertEventKind, Target},
    hosts,
    id::{CheckId, HostName, Operator, ServiceId},
    incidents::suspects::{ANEW, Between, Change, Kind, Source},
    inventory::Service,
    runs::{self, PipelineRun, Run, RunOutcome},
    services::{self, uptime::Span},
    time::{Now, SECOND, Timestamp},
};

/// A process that started within so much of what is known already is no other start.
const START_MS: i64 = 2 * SECOND;

/// What the console knows without asking anybody: runs, what it saw, starts of processes and units, when hosts started.
pub(super) fn own(state: &State, around: Timestamp, now: Now) -> Vec<Change> {
    let mut changes: Vec<Change> = state.runs.runs.values().filter_map(of_run).collect();
    changes.extend(state.suspects.seen().cloned());
    changes.extend(silences(state));
    changes.extend(planned(state, now));
    for host in state.hosts.hosts() {
        changes.extend(starts(state, host));
        if let Some((sample, uptime)) = host.last_sample().and_then(|sample| Some((sample, sample.uptime_s?))) {
            let up = i64::try_from(uptime.saturating_mul(1_000)).unwrap_or(i64::MAX);
            changes.push(rebooted(&host.name, sample.at - up));
        }
    }
    changes.retain(|change| around.since(change.at) <= BACK_MS && change.at <= now.utc);
    changes
}

/// A run of a pipeline that may have brought something out: at its end, or at its beginning where it went on at the onset.
pub(super) fn of_pipeline(
    service: &ServiceId,
    (run, all): (&PipelineRun, &[PipelineRun]),
    onset: Timestamp,
) -> Option<Change> {
    let began = run.at?;
    // One that waits, or that was never let begin, has brought out nothing.
    let idle = ["queued", "waiting", "pending", "requested"].contains(&run.status.as_str());
    let skipped =
        matches!(run.conclusion.as_deref(), Some("skipped" | "action_required" | "startup_failure" | "stale"));
    if idle || skipped || onset.since(began) > BACK_MS {
        return None;
    }
    let ended = run.updated.filter(|at| run.is_over() && *at >= began);
    let at = ended.filter(|at| *at <= onset).unwrap_or(began);
    let short: String = run.sha.chars().take(7).collect();
    let mut detail = vec![format!("{}: {}", run.words(), run.title), format!("began {}", began.rfc3339())];
    detail.push(ended.map_or_else(|| run.stands(), |at| format!("ended {}: {}", at.rfc3339(), run.stands())));
    detail.extend((!run.url.is_empty()).then(|| run.url.clone()));
    // What the last run before it brought that went well: what ran until then, as far as GitHub knows.
    let earlier =
        all.iter().filter(|one| one.at.is_some_and(|at| at < began) && one.conclusion.as_deref() == Some("success"));
    let before = earlier.max_by_key(|one| one.at).map(|one| one.sha.as_str());
    Some(Change {
        service: Some(service.clone()),
        by: Some(run.by.clone()).filter(|by| !by.is_empty()),
        between: Some(Between::versions(before, Some(&run.sha).filter(|sha| !sha.is_empty()).map(String::as_str))),
        detail,
        ..Change::new(at, Kind::Deploy, format!("{short} of {}", run.branch), Source::Github)
    })
}

/// Alerts that somebody took upon himself: it keeps others from being called, and tells that somebody was at work there.
fn silences(state: &State) -> impl Iterator<Item = Change> {
    state.alerts.all().flat_map(|alert| {
        let acknowledged =
            alert.events.iter().filter(|event| matches!(event.kind, AlertEventKind::Acknowledged { .. }));
        acknowledged.map(|event| {
            let (service, hosts) = match &alert.target {
                Target::Service(service) => (Some(service.clone()), Vec::new()),
                Target::Check(check) => (Some(check.service.clone()), Vec::new()),
                Target::Host(host) | Target::Part { host, .. } => (None, vec![host.clone()]),
            };
            let what = format!("{} of {} acknowledged", alert.rule, alert.target);
            Change {
                service,
                hosts,
                by: Some(event.by.to_string()),
                detail: vec![alert.summary.clone()],
                ..Change::new(event.at, Kind::Silence, what, Source::Console)
            }
        })
    })
}

/// Planned work: from its beginning on nobody is called about what it covers, and somebody is at work there.
fn planned(state: &State, now: Now) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut add = |span: Span, why: &str, by: Option<&Operator>, (services, hosts): (&[ServiceId], &[HostName])| {
        let change = Change {
            by: by.map(ToString::to_string),
            detail: vec![format!("planned until {}", span.to.rfc3339())],
            ..Change::new(span.from, Kind::Silence, format!("planned work: {why}"), Source::Console)
        };
        changes.extend(services.iter().map(|id| Change { service: Some(id.clone()), ..change.clone() }));
        // What covers an environment, or everything, is nobody's own.
        if services.is_empty() || !hosts.is_empty() {
            changes.push(Change { hosts: hosts.to_vec(), ..change });
        }
    };
    for (_, known) in state.windows.all() {
        let window = &known.window;
        if let Some(span) = known.span() {
            add(span, &window.why, Some(&known.by), (&window.covers.services, &window.covers.hosts));
        }
    }
    for plan in &state.inventory.maintenance {
        let why = if plan.why.is_empty() { &plan.name } else { &plan.why };
        for span in plan.spans(now.utc) {
            add(span, why, None, (&plan.services, &[]));
        }
    }
    changes
}

fn of_run(run: &Run) -> Option<Change> {
    // What never began has changed nothing.
    let began = run.steps.iter().filter_map(|step| step.started).min();
    if began.is_none() && run.outcome.is_some_and(|(outcome, _)| outcome == RunOutcome::Refused) {
        return None;
    }
    let from = run.plan.from.as_ref().map(|from| format!(", from {from}")).unwrap_or_default();
    let (kind, what) = match &run.plan.action {
        runs::Action::Restart => (Kind::Restart, run.plan.service.service.to_string()),
        runs::Action::Deploy { version } => (Kind::Deploy, format!("{version}{from}")),
        runs::Action::Rollback { version } => (Kind::Deploy, format!("{version}, back{from}")),
        runs::Action::Other { name } => (Kind::Config, name.clone()),
    };
    let number = run.name();
    let mut detail = vec![format!("{number}: {}", run.plan.title)];
    if !run.reason.is_empty() {
        detail.push(format!("reason: {}", run.reason));
    }
    if let Some((outcome, _)) = run.outcome.filter(|(outcome, _)| *outcome != RunOutcome::Succeeded) {
        detail.push(format!("it ended as {outcome:?}"));
    }
    detail.extend(run.plan.notes.iter().cloned());
    let between = match &run.plan.action {
        runs::Action::Deploy { version } | runs::Action::Rollback { version } => {
            Some(Between::versions(run.plan.from.as_deref(), Some(version)))
        }
        runs::Action::Restart | runs::Action::Other { .. } => None,
    };
    Some(Change {
        service: Some(run.plan.service.clone()),
        between,
        hosts: run.plan.hosts(),
        by: Some(run.by.to_string()),
        detail,
        ..Change::new(began.unwrap_or(run.at), kind, what, Source::Run)
    })
}

/// Starts of a host's processes and units, as far as the last lists tell them.
fn starts(state: &State, host: &hosts::HostState) -> Vec<Change> {
    let skew = host.last_sample().and_then(|sample| sample.skew_ms).unwrap_or(0);
    let here = |service: &&Arc<Service>| service.hosts.contains(&host.name);
    let named = |setting: &str, name: &str| {
        let is =
            |service: &&Arc<Service>| service.recipe.get(setting).and_then(serde_json::Value::as_str) == Some(name);
        state.inventory.services.iter().filter(here).find(is).map(|service| service.id.clone())
    };
    let start = |at: Timestamp, what: &str, source| Change {
        hosts: vec![host.name.clone()],
        ..Change::new(at - skew, Kind::Restart, what, source)
    };
    let mut changes: Vec<Change> = Vec::new();
    for process in host.last_pm2().into_iter().flat_map(|list| &list.processes) {
        let Some(at) = process.started_at else { continue };
        let change = Change {
            service: named("app", &process.name),
            detail: vec![format!("PM2 has started it {} times since it was added", process.restarts.saturating_add(1))],
            ..start(at, &process.name, Source::Pm2)
        };
        // Processes of one application start together.
        let known = |known: &Change| known.what == change.what && known.at.since(change.at).abs() <= START_MS;
        if !changes.iter().any(known) {
            changes.push(change);
        }
    }
    for unit in host.last_units() {
        if let Some(at) = unit.active_since {
            let bare = unit.unit.trim_end_matches(".service");
            let service = named("unit", &unit.unit).or_else(|| named("unit", bare));
            changes.push(Change { service, ..start(at, &unit.unit, Source::Systemd) });
        }
    }
    changes
}

/// A start of a machine.
pub(in crate::core) fn rebooted(host: &HostName, at: Timestamp) -> Change {
    Change { hosts: vec![host.clone()], ..Change::new(at, Kind::Reboot, ANEW, Source::Boot) }
}

/// Notes that a check sees another certificate than before, or one that is no longer valid.
pub(in crate::core) fn certificate(state: &mut State, result: &services::CheckResult) {
    let Some(after) = result.cert_not_after else { return };
    let before = state.services.check(&result.check).and_then(|check| check.cert_not_after);
    if let Some(before) = before.filter(|before| *before != after) {
        state.suspects.saw(replaced(&result.check, result.at, (before, after)));
    }
    if after <= result.at {
        let what = format!("certificate of {} expired", result.check.check);
        state.suspects.saw(of_check(&result.check, after, what));
    }
}

/// A certificate that was replaced, seen at that moment by a check; until when the two are valid.
pub(super) fn replaced(check: &CheckId, at: Timestamp, (before, after): (Timestamp, Timestamp)) -> Change {
    let detail = vec![format!("valid until {}, before until {}", after.rfc3339(), before.rfc3339())];
    Change { detail, ..of_check(check, at, format!("certificate of {} replaced", check.check)) }
}

fn of_check(check: &CheckId, at: Timestamp, what: String) -> Change {
    Change { service: Some(check.service.clone()), ..Change::new(at, Kind::Certificate, what, Source::Checks) }
}
