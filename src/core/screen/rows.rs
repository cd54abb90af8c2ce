//! Which objects a pane shows, in which order. The view and the cursor read the same list, so they cannot disagree.
use super::{Draft, Pane, REST_MS, RowKey, View, documents, findings, handover, order, pipeline, runbooks, suspects};
use std::sync::Arc;

use crate::core::{
    State,
    findings::LISTED,
    id::HostName,
    record::StatusUpdate,
    runs::{Run, Share, Way},
    time::Now,
    windows::Key,
};

/// Brings the rows of the view's panes up to date.
///
/// Objects that came or went show at once. The order of those that stay changes only once the cursor has rested,
/// or when `sort` says that the person asked for it.
pub fn refresh(state: &mut State, now: Now, sort: bool) {
    let view = state.screen.view.clone();
    let rested = sort || now.mono.since(state.screen.moved) >= REST_MS;
    for pane in view.panes().iter().copied() {
        let key = (view.clone(), pane);
        let fresh = keys(state, &view, pane, now);
        let rows = match state.screen.order.get(&key) {
            Some(old) if !rested => steady(old, fresh),
            Some(_) | None => fresh,
        };
        let cursor = state.screen.cursors.get(&key);
        let held = state.screen.held.contains(&key);
        let at = cursor.filter(|_| held).and_then(|cursor| rows.iter().position(|row| row == cursor));
        let follows = begins_at_the_end(pane)
            && cursor.is_some_and(|cursor| state.screen.order.get(&key).is_some_and(|old| old.last() == Some(cursor)));
        if follows && let Some(last) = rows.last().cloned() {
            state.screen.cursors.insert(key.clone(), last);
        } else if at.is_none() {
            // The object is gone: the cursor takes the row that stands where it stood.
            let was = cursor.filter(|_| held).and_then(|cursor| {
                state.screen.order.get(&key).and_then(|old| old.iter().position(|row| row == cursor))
            });
            let start = if begins_at_the_end(pane) { rows.len() } else { 0 };
            match rows.get(was.unwrap_or(start).min(rows.len().saturating_sub(1))).cloned() {
                Some(row) => drop(state.screen.cursors.insert(key.clone(), row)),
                None => drop(state.screen.cursors.remove(&key)),
            }
        }
        state.screen.order.insert(key, rows);
    }
}

/// Says whether the newest entry of a pane is its last: there the cursor begins, and there it stays as entries come.
fn begins_at_the_end(pane: Pane) -> bool {
    matches!(pane, Pane::Availability | Pane::Output | Pane::Messages | Pane::Timeline | Pane::JobLog)
}

/// Keeps the old order of what is still there and puts what is new behind it.
fn steady(old: &[RowKey], fresh: Vec<RowKey>) -> Vec<RowKey> {
    let mut rows: Vec<RowKey> = old.iter().filter(|row| fresh.contains(row)).cloned().collect();
    for row in fresh {
        if !rows.contains(&row) {
            rows.push(row);
        }
    }
    rows
}

fn keys(state: &State, view: &View, pane: Pane, now: Now) -> Vec<RowKey> {
    let filter = state.screen.draft(Draft::Filter(pane)).trim().to_lowercase();
    let rows = all(state, view, pane, now);
    // Of findings there may be thousands: the worst are listed, and a filter looks at all.
    let most = if pane == Pane::Findings { LISTED } else { usize::MAX };
    if filter.is_empty() {
        return rows.into_iter().take(most).collect();
    }
    let (wanted, filter) = filter.strip_prefix('!').map_or((true, filter.as_str()), |rest| (false, rest.trim()));
    rows.into_iter().filter(|row| text(state, pane, row).to_lowercase().contains(filter) == wanted).take(most).collect()
}

#[expect(clippy::too_many_lines, reason = "one arm for each pane")]
fn all(state: &State, view: &View, pane: Pane, now: Now) -> Vec<RowKey> {
    let mut rows: Vec<RowKey> = match (view, pane) {
        (_, Pane::Services) => {
            state.services.worst_first().iter().map(|service| RowKey::Service(service.id().clone())).collect()
        }
        (_, Pane::Hosts) => {
            state.hosts.worst_first(now.mono).into_iter().map(|host| RowKey::Host(host.name.clone())).collect()
        }
        (_, Pane::Alerts) => state.alerts.rows(now).into_iter().map(alert_key).collect(),
        // The overview is about the present: what is over, and was watched for long enough, stands in the list of incidents.
        (View::Overview, Pane::Incidents) => {
            let present =
                |incident: &&crate::core::incidents::Incident| incident.is_present(&state.inventory.policy, now.utc);
            let incidents = state.incidents.worst_first().into_iter().filter(present);
            incidents.map(|incident| RowKey::Incident(incident.uid)).collect()
        }
        (_, Pane::Incidents) => {
            state.incidents.worst_first().iter().map(|incident| RowKey::Incident(incident.uid)).collect()
        }
        (View::Service(id), Pane::Checks) => state.services.service(id).map_or_else(Vec::new, |service| {
            service.checks.iter().map(|check| RowKey::Check(check.spec.id.clone())).collect()
        }),
        (View::Service(id), Pane::Availability) => {
            index(state.services.service(id).map_or(0, |service| service.days.len()))
        }
        (View::Service(id), Pane::Instances) => {
            let hosts = state.inventory.service(id).map_or_else(Vec::new, |service| service.hosts.clone());
            hosts.into_iter().map(RowKey::Host).collect()
        }
        (View::Service(id), Pane::Runs) => runs(state, |run| run.plan.service == *id),
        (View::Incident(uid), Pane::Runs) => runs(state, |run| run.incident == Some(*uid)),
        (_, Pane::Runs) => runs(state, |_| true),
        (View::Incident(uid), Pane::Timeline) => {
            index(state.incidents.incidents.get(uid).map_or(0, |incident| incident.timeline.len()))
        }
        (View::Suspects(uid), Pane::Suspects) => suspects::keys(state, *uid),
        (View::Suspects(uid), Pane::Difference) => index(suspects::lines(state, *uid).len()),
        (View::Runbook(uid), Pane::Book | Pane::Books) => runbooks::keys(state, *uid, pane),
        (View::Document(_), Pane::Sections) => index(10),
        (View::Handover, Pane::Handover) => index(handover::entries(&state.handover(now.utc)).len()),
        (View::Document(uid), Pane::Paper) => index(documents::lines(state, *uid).len()),
        (View::Pipeline(id), Pane::PipelineRuns | Pane::PipelineJobs | Pane::JobLog) => pipeline::keys(state, id, pane),
        (View::Run(uid), Pane::Steps) => state.runs.runs.get(uid).map_or_else(Vec::new, run_hosts),
        (View::Run(uid), Pane::Output) => {
            state.runs.runs.get(uid).map_or_else(Vec::new, |run| output(run, state.screen.output_of.as_ref()))
        }
        (View::Host(name), Pane::Processes) => processes(state, name),
        (View::Host(name), Pane::Disks) => disks(state, name),
        (View::Host(name), Pane::Instances) => index(instances(state, name)),
        (_, Pane::Updates) => index(updates(state).count()),
        (View::Logs, Pane::Patterns) => groups(state.logs.shown.iter().flat_map(|shown| shown.groups())),
        (View::Logs, Pane::Fields) => {
            let names = state.logs.shown.iter().flat_map(|shown| shown.record.iter().map(|field| field.name.clone()));
            names.map(RowKey::Field).collect()
        }
        (View::Web, Pane::Web(table)) => groups(state.logs.shown.iter().flat_map(|shown| shown.web_rows(table))),
        (_, Pane::Audit) => state.audit.entries().iter().map(|entry| RowKey::Entry(entry.seq)).collect(),
        (_, Pane::Findings) => state.findings.listed().map(|(key, _)| RowKey::Finding(Arc::clone(key))).collect(),
        (_, Pane::Windows) => {
            let all = state.windows.listed(&state.inventory, now.utc);
            all.into_iter().map(|of| RowKey::Window(of.key)).collect()
        }
        (_, Pane::Outbox) => state.outbox.by_need().into_iter().map(|entry| RowKey::Item(entry.token)).collect(),
        (_, Pane::Messages) => index(state.screen.messages.len()),
        (
            _,
            Pane::Availability
            | Pane::Checks
            | Pane::Instances
            | Pane::Charts
            | Pane::Processes
            | Pane::Disks
            | Pane::Facts
            | Pane::Timeline
            | Pane::Suspects
            | Pane::Change
            | Pane::Difference
            | Pane::Looked
            | Pane::Book
            | Pane::BookStep
            | Pane::Books
            | Pane::Sections
            | Pane::Paper
            | Pane::Handover
            | Pane::Steps
            | Pane::Output
            | Pane::Proof
            | Pane::PipelineRuns
            | Pane::PipelineJobs
            | Pane::JobLog
            | Pane::Histogram
            | Pane::Lines
            | Pane::Patterns
            | Pane::Fields
            | Pane::Entry
            | Pane::Request
            | Pane::Window
            | Pane::Finding
            | Pane::Web(_),
        ) => Vec::new(),
    };
    let order = state.screen.order_of(pane);
    if let Some(order) = order.filter(|order| pane.orders().first() != Some(order)) {
        order::sort(state, (view, pane), order, &mut rows, now);
    }
    rows
}

/// The hosts of a run: what went wrong first, then what is under way, the longest first, so that no slow one is hidden.
fn run_hosts(run: &Run) -> Vec<RowKey> {
    let rank = |host: &HostName| {
        let lacking = run.staged.get(host).is_some_and(Option::is_some);
        match (run.share(host, Way::Back), run.share(host, Way::There)) {
            _ if lacking => 0,
            (Share::Failed | Share::Refused, _) | (_, Share::Failed) => 0,
            (Share::Unknown, _) | (_, Share::Unknown) => 1,
            (Share::Running, _) | (_, Share::Running) => 2,
            (_, Share::Waiting | Share::Refused) => 3,
            (Share::Waiting | Share::Well, Share::Well) => 4,
        }
    };
    let since = |host: &HostName| {
        let mut numbers = run.plan.steps_of(host, Way::There);
        numbers.extend(run.plan.steps_of(host, Way::Back));
        let open = numbers.into_iter().filter_map(|number| run.steps.get(number)).filter(|step| step.ended.is_none());
        open.filter_map(|step| step.started).min()
    };
    let mut hosts: Vec<HostName> = run.plan.waves().into_iter().flatten().collect();
    hosts.sort_by_key(|host| {
        let brought = run.staging.contains(host).then(|| run.uploaded.get(host).copied().unwrap_or(0));
        (rank(host), since(host), brought.unwrap_or(u64::MAX))
    });
    hosts.into_iter().map(RowKey::Host).collect()
}

/// The lines of a run's output, those of one host alone where a person asked for it.
fn output(run: &Run, of: Option<&HostName>) -> Vec<RowKey> {
    let is_its = |step: usize| of.is_none_or(|host| run.plan.step(step).is_some_and(|step| step.host == *host));
    let lines = run.output.iter().enumerate().filter(|(_, line)| is_its(line.step));
    lines.map(|(at, _)| RowKey::Index(at)).collect()
}

/// A pending alert has no id yet: its rule and target stand for it.
fn alert_key(row: crate::core::alerts::Summary) -> RowKey {
    match row.uid {
        Some(uid) => RowKey::Alert(uid),
        None => RowKey::Pending(row.rule, row.target),
    }
}

fn groups(names: impl Iterator<Item = String>) -> Vec<RowKey> {
    names.map(RowKey::Group).collect()
}

fn index(len: usize) -> Vec<RowKey> {
    (0..len).map(RowKey::Index).collect()
}

fn runs(state: &State, wanted: impl Fn(&crate::core::runs::Run) -> bool) -> Vec<RowKey> {
    state.runs.newest_first().into_iter().filter(|run| wanted(run)).map(|run| RowKey::Run(run.run)).collect()
}

fn processes(state: &State, name: &HostName) -> Vec<RowKey> {
    let sample = state.hosts.host(name).and_then(|host| host.last_sample());
    sample.map_or_else(Vec::new, |sample| sample.top.iter().map(|process| RowKey::Process(process.pid)).collect())
}

/// The fullest disk first: the others are beside the point where there is no room.
fn disks(state: &State, name: &HostName) -> Vec<RowKey> {
    let Some(sample) = state.hosts.host(name).and_then(|host| host.last_sample()) else { return Vec::new() };
    let left = |disk: &crate::core::hosts::Disk| {
        let inodes = disk.inodes_pct.map_or(100.0, |used| 100.0 - used);
        disk.free_pct().unwrap_or(100.0).min(inodes)
    };
    let mut keyed: Vec<(f32, usize)> = sample.disks.iter().enumerate().map(|(at, disk)| (left(disk), at)).collect();
    keyed.sort_by(|a, b| a.0.total_cmp(&b.0));
    keyed.into_iter().map(|(_, at)| RowKey::Index(at)).collect()
}

fn instances(state: &State, name: &HostName) -> usize {
    state
        .hosts
        .host(name)
        .map_or(0, |host| host.last_pm2().map_or(0, |list| list.processes.len()) + host.last_units().len())
}

/// Returns the status updates that the view is about, the newest first.
pub fn updates(state: &State) -> impl Iterator<Item = &StatusUpdate> {
    let service = if let View::Service(id) = &state.screen.view { Some(id) } else { None };
    state
        .services
        .updates()
        .rev()
        .filter(move |update| service.is_none_or(|id| update.service.as_ref().is_none_or(|about| about == id)))
}

/// Returns an object in words: what a filter searches and what a copy takes.
pub fn text(state: &State, pane: Pane, row: &RowKey) -> String {
    match row {
        RowKey::Service(id) => state.services.service(id).map_or_else(
            || id.to_string(),
            |service| {
                let detail = service.last().map_or("", |result| result.detail.as_str());
                format!("{id} {:?} {detail}", service.health)
            },
        ),
        RowKey::Host(name) => state.inventory.host(name).map_or_else(
            || name.to_string(),
            |host| {
                let labels: Vec<String> = host.labels.iter().map(|(key, value)| format!("{key}:{value}")).collect();
                let env = host.env.as_ref().map_or("", AsRef::as_ref);
                format!("{name} {} {env} {}", host.address, labels.join(" "))
            },
        ),
        RowKey::Alert(uid) => state
            .alerts
            .alert(*uid)
            .map_or_else(|| uid.to_string(), |alert| format!("{:?} {} {}", alert.severity, alert.rule, alert.summary)),
        RowKey::Pending(rule, target) => format!("{rule} {target:?}"),
        RowKey::Incident(uid) => state.incidents.incidents.get(uid).map_or_else(
            || uid.to_string(),
            |incident| format!("{} {:?} {}", incident.number, incident.severity, incident.title),
        ),
        RowKey::Run(uid) => state.runs.runs.get(uid).map_or_else(
            || uid.to_string(),
            |run| {
                let number = run.name();
                format!("{number} {} {} {}", run.plan.service, run.plan.title, run.by)
            },
        ),
        RowKey::PipelineRun(id) | RowKey::PipelineJob(id) => {
            pipeline::words(state, row).unwrap_or_else(|| id.to_string())
        }
        RowKey::Change(key) => suspects::words(state, key),
        RowKey::Step(id) => runbooks::words(state, id),
        RowKey::Book(name) | RowKey::Window(Key::Configured(name)) => name.clone(),
        RowKey::Check(id) => state.services.check(id).map_or_else(
            || id.to_string(),
            |check| format!("{id} {}", check.last.as_ref().map_or("", |result| result.detail.as_str())),
        ),
        RowKey::Process(pid) => {
            let View::Host(name) = &state.screen.view else { return pid.to_string() };
            let sample = state.hosts.host(name).and_then(|host| host.last_sample());
            sample
                .and_then(|sample| sample.top.iter().find(|process| process.pid == *pid))
                .map_or_else(|| pid.to_string(), |process| format!("{pid} {} {}", process.user, process.command))
        }
        RowKey::Group(name) | RowKey::Field(name) => {
            state.logs.shown.as_ref().and_then(|shown| shown.words_of(pane, name)).unwrap_or_else(|| name.clone())
        }
        RowKey::Item(token) => {
            state.outbox.items.get(token).map_or_else(|| token.to_string(), crate::core::outbox::Entry::words)
        }
        RowKey::Window(Key::Declared(uid)) => state
            .windows
            .window(*uid)
            .map_or_else(|| uid.to_string(), |known| format!("{uid} {}", known.window.words())),
        RowKey::Finding(key) => {
            state.findings.finding(key).map_or_else(|| key.to_string(), |of| findings::words(state, of))
        }
        RowKey::Entry(seq) => state.audit.entry(*seq).map_or_else(|| seq.to_string(), crate::core::audit::Entry::words),
        RowKey::Index(index) => entry(state, pane, *index).unwrap_or_else(|| index.to_string()),
    }
}

/// Returns an entry that is only a position, in words.
fn entry(state: &State, pane: Pane, index: usize) -> Option<String> {
    let view = &state.screen.view;
    if let (Pane::Messages, View::Messages) = (pane, view) {
        return state.screen.messages.iter().nth(index).map(|message| message.text.clone());
    }
    if pane == Pane::JobLog {
        return pipeline::words(state, &RowKey::Index(index));
    }
    if let (Pane::Output, View::Run(uid)) = (pane, view) {
        return state.runs.runs.get(uid)?.output.iter().nth(index).map(|line| line.text.clone());
    }
    if let (Pane::Timeline, View::Incident(uid)) = (pane, view) {
        let incident = state.incidents.incidents.get(uid)?;
        let (seq, event) = incident.by_time().into_iter().nth(index)?;
        return Some(format!("{:?} {} {}", incident.happened(seq)?, event.by, event.kind.text()));
    }
    if let (Pane::Sections, View::Document(uid)) = (pane, view) {
        let of = state.incidents.incidents.get(uid)?;
        let section = state.document(of, of.opened).standing().into_iter().nth(index)?;
        return Some(format!("{}: {}", section.title, section.says));
    }
    if let (Pane::Paper, View::Document(uid)) = (pane, view) {
        return documents::lines(state, *uid).into_iter().nth(index);
    }
    if let (Pane::Difference, View::Suspects(uid)) = (pane, view) {
        return suspects::lines(state, *uid).into_iter().nth(index).map(|(_, text)| text);
    }
    if let (Pane::Availability, View::Service(id)) = (pane, view) {
        let day = state.services.service(id)?.days.get(index)?;
        let uptime = day.split.uptime().map_or_else(|| "nothing recorded".to_owned(), |pct| format!("{pct} %"));
        return Some(format!("{id} {} {uptime}", day.date));
    }
    if let (Pane::Instances | Pane::Disks, View::Host(name)) = (pane, view) {
        let host = state.hosts.host(name)?;
        if pane == Pane::Disks {
            return host.last_sample()?.disks.get(index).map(|disk| format!("{name} {}", disk.mount));
        }
        let processes = host.last_pm2().map_or(&[][..], |list| list.processes.as_slice());
        let unit = || host.last_units().get(index.checked_sub(processes.len())?);
        return match processes.get(index) {
            Some(process) => Some(format!("{name} {} {}", process.name, process.status)),
            None => unit().map(|unit| format!("{name} {} {}", unit.unit, unit.active)),
        };
    }
    if pane == Pane::Updates {
        return updates(state)
            .nth(index)
            .map(|update| format!("{:?} {} {:?} {}", update.at, update.by, update.state, update.text));
    }
    None
}
