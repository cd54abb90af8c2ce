//! Services: their rows, and one of them in detail.
use super::{Reader, around::percent, words};
use crate::{
    core::{
        id::ServiceId,
        runs::{Action as Change, Fit},
        screen::{Pane, RowKey},
        services::{
            CheckState, Figures, Health, ServiceState,
            days::{Day as DayState, Grade, amount},
            verdict,
        },
        time::{self, DAY},
    },
    ui::{
        service::{CheckRow, InstanceRow, ServiceDetail},
        show::{Level, ServiceRow, TimelineRow, Tone, Value},
    },
};

impl Reader<'_> {
    /// Returns what a service is called here: with its environment where another environment has one of that name.
    pub(super) fn service_name(&self, id: &ServiceId) -> String {
        let mut all = self.state.inventory.services.iter();
        let twin = all.any(|other| other.id.service == id.service && other.id.env != id.env);
        if twin { id.to_string() } else { id.service.to_string() }
    }

    pub(super) fn service_row(&self, of: &ServiceState) -> ServiceRow {
        let objective = of.service.slo.map_or(99.9, |slo| slo.objective);
        let figures = &of.figures;
        let quiet = |value: Value| match value.level {
            Level::Fine => Value { level: Level::Quiet, ..value },
            Level::Quiet | Level::Warn | Level::Bad => value,
        };
        let worst = of.telling(self.now.utc).or(of.checks.first());
        ServiceRow {
            name: self.service_name(of.id()),
            health: of.health,
            failing: of.failing.as_ref().map(|failing| (failing.failures, failing.of)),
            days: of.days.iter().map(|day| self.day(day)).collect(),
            percentages: [figures.h24, figures.d7, figures.d30, figures.d90]
                .map(|split| quiet(percent(split.figure(1), objective))),
            today: self.today(of),
            next: self.until(self.state.services.next_check(of.id())),
            latency: worst.map_or_else(Vec::new, latency),
            took: worst.map_or_else(Value::default, |check| self.took(check)),
        }
    }

    fn day(&self, of: &DayState) -> Grade {
        let grade = Grade::of(&of.split);
        // Planned work can be left out of the bars: what is left of the day decides.
        if grade != Grade::Maintenance || self.state.screen.maintenance {
            grade
        } else if of.split.counted_ms() > 0 {
            Grade::Perfect
        } else {
            Grade::NoData
        }
    }

    /// How long it is down now, else how long it was down today.
    fn today(&self, of: &ServiceState) -> Value {
        if let (Some(since), Health::Down) = (of.down_since, of.health) {
            return Value::at(time::precise(words::ms(self.now.utc.since(since))), Level::Bad);
        }
        match of.days.last().map(|day| day.split.down_ms).filter(|down| *down > 0) {
            Some(down) => Value::at(time::precise(words::ms(down)), Level::Warn),
            None => Value { text: Some(String::new()), level: Level::Quiet },
        }
    }

    fn until(&self, at: Option<time::Timestamp>) -> String {
        at.map_or_else(String::new, |at| words::until(at, self.now.utc))
    }

    fn took(&self, check: &CheckState) -> Value {
        let level = match check.level(self.now.utc) {
            Some(verdict::Level::Up) => Level::Fine,
            Some(verdict::Level::Degraded) => Level::Warn,
            Some(verdict::Level::Down) => Level::Bad,
            None => return Value::default(),
        };
        let took = check.last.as_ref().and_then(|last| last.took_ms);
        Value { text: took.map(|ms| format!("{ms} ms")), level }
    }

    pub(super) fn service_detail(&self, of: &ServiceState) -> ServiceDetail {
        let id = of.id();
        let cursor = self.state.screen.cursor(Pane::Availability);
        let at = if let Some(RowKey::Index(at)) = cursor { *at } else { of.days.len().saturating_sub(1) };
        let back = of.days.len().saturating_sub(1).saturating_sub(at);
        let slo = of.service.slo.map_or_else(
            || "no objective".to_owned(),
            |slo| format!("objective {} % over {}", slo.objective, time::short(slo.window_ms)),
        );
        ServiceDetail {
            row: self.service_row(of),
            day: (back, of.days.get(at).map_or_else(|| "nothing recorded yet".to_owned(), day_words)),
            slo,
            known: known(&of.figures),
            checks: self
                .state
                .screen
                .rows(Pane::Checks)
                .iter()
                .filter_map(|row| if let RowKey::Check(id) = row { self.state.services.check(id) } else { None })
                .map(|check| self.check_row(check))
                .collect(),
            instances: self.instances(id),
            no_instances: no_instances(of),
            way_back: self.way_back(id),
            recent: self.recent(id),
            updates: self.update_rows(),
        }
    }

    fn check_row(&self, of: &CheckState) -> CheckRow {
        let mut health = health_of(of.level(self.now.utc));
        let unconfirmed = of.unconfirmed(self.now.utc);
        let mut detail = of.last.as_ref().map_or_else(|| "no result yet".to_owned(), |last| last.detail.clone());
        if unconfirmed > 0 && health != Health::Down {
            detail = format!("failing {unconfirmed} of {}: {detail}", of.spec.fail_after);
            health = Health::Degraded;
        }
        let certificate = of.cert_not_after.map_or_else(Value::default, |at| {
            let days = words::days_until(at, self.now.utc);
            let level = match days {
                ..3 => Level::Bad,
                3..14 => Level::Warn,
                _ => Level::Fine,
            };
            Value::at(format!("{days}d"), level)
        });
        CheckRow {
            name: of.spec.id.check.to_string(),
            kind: of.spec.kind.to_string(),
            health,
            detail,
            took: self.took(of),
            latency: latency(of),
            certificate,
            age: of
                .last
                .as_ref()
                .map_or_else(|| "?".into(), |last| time::short(words::ms(self.now.utc.since(last.at)))),
            next: if of.is_running() { "now".into() } else { self.until(self.state.services.next_of(&of.spec.id)) },
        }
    }

    /// The processes of a service on its hosts: what PM2 and systemd call by the names in its recipe.
    pub(super) fn instances(&self, id: &ServiceId) -> Vec<InstanceRow> {
        let Some(service) = self.state.inventory.service(id) else { return Vec::new() };
        let text = |key: &str| service.recipe.get(key).and_then(|value| value.as_str());
        let (app, unit) = (text("app"), text("unit"));
        let mut rows = Vec::new();
        for name in &service.hosts {
            let Some(host) = self.state.hosts.host(name) else { continue };
            let before = rows.len();
            if let (Some(app), Some(list)) = (app, host.last_pm2()) {
                let age = host.pm2_freshness(self.now.mono);
                let named = list.processes.iter().filter(|process| process.name == app);
                rows.extend(named.map(|process| self.pm2_row(name, process, age)));
            }
            if let Some(unit) = unit {
                let age = host.units_freshness(self.now.mono);
                let wanted = |known: &str| known == unit || known.strip_suffix(".service") == Some(unit);
                let named = host.last_units().iter().filter(|state| wanted(&state.unit));
                rows.extend(named.map(|state| self.unit_row(name, state, age)));
            }
            if rows.len() == before {
                let name_of = app.or(unit).unwrap_or("?").to_owned();
                rows.push(InstanceRow { host: name.to_string(), name: name_of, ..InstanceRow::default() });
            }
        }
        rows
    }

    /// What its hosts said of the way back.
    fn way_back(&self, id: &ServiceId) -> Option<(Tone, String)> {
        let seen = self.state.runs.ways_back.seen(id)?;
        let ago = time::short(words::ms(self.now.utc.since(seen.at)));
        Some(match &seen.plan {
            Ok(plan) => {
                let to = match &plan.action {
                    Change::Rollback { version } => version,
                    Change::Restart | Change::Deploy { .. } | Change::Other { .. } => &plan.title,
                };
                let against =
                    plan.prechecks.iter().filter(|check| matches!(check.verdict, Fit::Bad | Fit::Held)).count();
                if against == 0 {
                    (Tone::Good, format!("way back {to}, seen {ago} ago"))
                } else {
                    (Tone::Warn, format!("way back {to} is held, seen {ago} ago"))
                }
            }
            Err(_) => (Tone::Warn, format!("no way back, seen {ago} ago")),
        })
    }

    /// Runs and incidents of a service, the newest first.
    fn recent(&self, id: &ServiceId) -> Vec<TimelineRow> {
        let runs = self.state.screen.rows(Pane::Runs).iter().filter_map(|row| {
            let RowKey::Run(uid) = row else { return None };
            self.state.runs.runs.get(uid)
        });
        let at = |at| self.moment(at);
        let mut rows: Vec<TimelineRow> = runs
            .map(|run| {
                let (tone, result) = self.result(run);
                TimelineRow {
                    at: at(run.at),
                    by: run.by.to_string(),
                    kind: run.number.map_or_else(|| "run".into(), |number| number.to_string()),
                    tone,
                    text: format!("{}: {result}", run.plan.title),
                }
            })
            .collect();
        // The cursor walks over the runs, so they come first.
        let incidents = self.state.incidents.worst_first();
        rows.extend(incidents.into_iter().filter(|incident| incident.service.as_ref() == Some(id)).map(|incident| {
            TimelineRow {
                at: at(incident.opened),
                by: incident.owner.as_ref().map_or_else(|| "nobody".into(), ToString::to_string),
                kind: incident.number.to_string(),
                tone: if incident.resolved.is_some() { Tone::Good } else { Tone::Error },
                // The view says which service this is.
                text: incident.title.strip_prefix(&format!("{id} ")).unwrap_or(&incident.title).to_owned(),
            }
        }));
        rows
    }
}

/// Returns the latency of a check's last answers in milliseconds.
pub(super) fn latency(check: &CheckState) -> Vec<Option<f32>> {
    #[expect(clippy::cast_precision_loss, reason = "a height of eight steps")]
    check.history.iter().map(|reading| reading.took_ms.map(|ms| ms as f32)).collect()
}

/// Returns the health that a check's level is.
pub(super) fn health_of(level: Option<verdict::Level>) -> Health {
    match level {
        Some(verdict::Level::Up) => Health::Up,
        Some(verdict::Level::Degraded) => Health::Degraded,
        Some(verdict::Level::Down) => Health::Down,
        None => Health::Unknown,
    }
}

/// Says what percentages are made of where at least a day is missing, and explains their mark.
fn known(of: &Figures) -> String {
    let marked = [of.h24, of.d7, of.d30, of.d90].iter().any(|split| split.figure(1).of().is_some());
    let mark = if marked { "* " } else { "" };
    if of.d90.unknown_ms < DAY { String::new() } else { format!("{mark}{} known of 90d", amount(of.d90.known_ms())) }
}

fn day_words(day: &DayState) -> String {
    let split = &day.split;
    let mut parts = vec![day.date.format("%a %-d %b").to_string()];
    parts.push(split.uptime().map_or_else(|| "nothing recorded".to_owned(), |percent| format!("{percent} %")));
    for (name, ms) in [
        ("down", split.down_ms),
        ("degraded", split.degraded_ms),
        ("maintenance", split.maintenance_ms),
        ("not recorded", split.unknown_ms),
    ] {
        if ms > 0 {
            parts.push(format!("{name} {}", amount(ms)));
        }
    }
    if day.length_ms < DAY - time::HOUR - 1 {
        parts.push("so far".to_owned());
    }
    if day.imported == crate::core::services::uptime::Imported::Yes {
        parts.push("imported".to_owned());
    }
    parts.join("   ")
}

fn no_instances(of: &ServiceState) -> String {
    if of.service.hosts.is_empty() {
        "it has no hosts: only its checks speak for it".into()
    } else {
        "nobody listed its processes yet".into()
    }
}
