//! The overview, and the rows that it shares with other views.
use super::{Reader, words};
use crate::core::alerts::{AlertEventKind, OWNED_MS, RuleSpec, Threshold};
use crate::{
    core::{
        alerts::{Phase, Subject, Summary, Target, Unit, metric},
        hosts::Chart,
        id::{RuleName, Uid},
        record::DeclaredState,
        screen::{Pane, RowKey, rows},
        time,
    },
    parse::sanitise::line_max,
    ui::{
        alerts::Alerts,
        boxes::Ask,
        overview::Overview,
        show::{AlertRow, Level, TimelineRow, Tone, UpdateRow, Value},
    },
};

impl Reader<'_> {
    pub(super) fn overview(&self) -> Overview {
        let state = self.state;
        let services = state.screen.rows(Pane::Services).iter().filter_map(|row| {
            let RowKey::Service(id) = row else { return None };
            Some(self.service_row(state.services.service(id)?))
        });
        let next = state.services.next_due().map(|at| words::until(at, self.now.utc));
        Overview {
            services: services.collect(),
            hosts: self.host_rows(),
            alerts: self.alert_rows(),
            owed: state.incidents.owed().count(),
            incident: self.incident_in_view().map(|incident| self.incident_row(incident)),
            updates: self.update_rows(),
            next: next.unwrap_or_default(),
            reading: !state.is_loaded() && !state.inventory.services.is_empty(),
            no_services: String::new(),
        }
    }

    /// The incident under the cursor of its pane, else the worst open one.
    fn incident_in_view(&self) -> Option<&crate::core::incidents::Incident> {
        let incidents = &self.state.incidents;
        let focused = self.state.screen.pane() == Pane::Incidents;
        let under = match self.state.screen.cursor(Pane::Incidents) {
            Some(RowKey::Incident(uid)) if focused => incidents.incidents.get(uid),
            _ => None,
        };
        let present =
            |of: &&crate::core::incidents::Incident| of.is_present(&self.state.inventory.policy, self.now.utc);
        under.filter(present).or_else(|| incidents.worst_first().into_iter().find(present))
    }

    pub(super) fn update_rows(&self) -> Vec<UpdateRow> {
        let updates: Vec<_> = rows::updates(self.state).collect();
        self.indices(Pane::Updates)
            .filter_map(|index| updates.get(index))
            .map(|update| UpdateRow {
                at: self.moment(update.at),
                by: update.by.to_string(),
                state: update.state.word().to_owned(),
                over: update.state == DeclaredState::Resolved,
                service: update.service.as_ref().map_or_else(String::new, |id| self.service_name(id)),
                text: update.text.clone(),
            })
            .collect()
    }

    pub(super) fn alert_rows(&self) -> Vec<AlertRow> {
        let summaries = self.state.alerts.rows(self.now);
        let find = |row: &RowKey| {
            summaries.iter().find(|summary| {
                if let RowKey::Alert(uid) = row {
                    summary.uid == Some(*uid)
                } else if let RowKey::Pending(rule, target) = row {
                    summary.uid.is_none() && summary.rule == *rule && summary.target == *target
                } else {
                    false
                }
            })
        };
        self.state.screen.rows(Pane::Alerts).iter().filter_map(find).map(|summary| self.alert_row(summary)).collect()
    }

    fn alert_row(&self, of: &Summary) -> AlertRow {
        let rule = self.state.alerts.rule(&of.rule);
        let unit = rule.and_then(|rule| metric(&rule.metric)).map_or(Unit::Number, |metric| metric.unit);
        let value = match of.value {
            Some(_) if unit == Unit::Flag => Value { text: Some(String::new()), level: Level::Fine },
            Some(value) => Value::fine(compact(unit, value)),
            None => Value::default(),
        };
        let (state, note) = match of.phase {
            Phase::Pending { fires_in_ms } => ("pending", format!("fires in {}", time::precise(fires_in_ms))),
            Phase::Firing => ("firing", String::new()),
            Phase::Flapping { flips } => ("flapping", format!("{flips} flips in an hour")),
            Phase::Resolved { at } => ("resolved", format!("{} ago", time::short(words::ms(self.now.utc.since(at))))),
        };
        let firing = matches!(of.phase, Phase::Firing | Phase::Flapping { .. });
        let muted = firing && self.state.is_muted(&of.target, self.now.utc);
        let (state, note) = if muted { ("muted", "muted by maintenance".to_owned()) } else { (state, note) };
        let note = match &of.expired_owner {
            Some(by) => format!("was {by}'s"),
            None if firing && of.owner.as_ref().is_some_and(|owned| owned.reason.is_some()) => {
                of.owner.as_ref().map(|owned| line_max(owned.why(), 80)).unwrap_or_default()
            }
            None if of.covered => "a worse one fires too".to_owned(),
            None => note,
        };
        let incident = of.uid.and_then(|uid| {
            let incident = self.state.incidents.incidents.get(&crate::core::incidents::uid_for_alert(uid))?;
            Some(incident.number.to_string())
        });
        AlertRow {
            severity: of.severity,
            age: time::short(of.age_ms),
            target: self.target_name(&of.target),
            rule: rule.map_or_else(|| of.summary.clone(), |rule| rule_words(rule)),
            lasting: rule
                .filter(|rule| rule.for_ms > 0)
                .map_or_else(String::new, |rule| format!(" for {}", time::short(rule.for_ms))),
            value,
            state: state.to_owned(),
            owner: of.owner.as_ref().map(|owned| owned.by.to_string()),
            unowned: firing && of.owner.is_none() && !of.covered && !muted,
            trend: self.trend(&of.rule, &of.target),
            incident: incident.unwrap_or_default(),
            note,
        }
    }

    /// The last ten minutes of what the rule is about, where they are kept.
    fn trend(&self, rule: &RuleName, target: &Target) -> Vec<Option<f32>> {
        let metric = self.state.alerts.rule(rule).map_or("", |rule| rule.metric.as_str());
        let chart = match metric {
            "host.cpu" => Chart::Cpu,
            "host.mem" => Chart::Memory,
            "host.load_per_core" => Chart::Load,
            "check.latency" => {
                let Target::Check(id) = target else { return Vec::new() };
                return self.state.services.check(id).map_or_else(Vec::new, super::services::latency);
            }
            _ => return Vec::new(),
        };
        let Target::Host(name) = target else { return Vec::new() };
        let Some(host) = self.state.hosts.host(name) else { return Vec::new() };
        let points = host.recent().map(|point| (point.at, chart.of(point)));
        crate::ui::widgets::spark::fold(&words::in_cells(points, self.now.utc, 10 * time::MINUTE, 60), 60, 10)
    }

    fn target_name(&self, target: &Target) -> String {
        match target {
            Target::Service(id) => self.service_name(id),
            Target::Check(check) => format!("{}/{}", self.service_name(&check.service), check.check),
            Target::Host(host) => host.to_string(),
            Target::Part { host, part } => format!("{host} {part}"),
        }
    }

    /// The box that asks why an alert is held back.
    pub(super) fn own_box(&self, alert: Uid, typed: (String, usize)) -> Option<Ask> {
        let of = self.state.alerts.alert(alert)?;
        let owner = of.owner(self.now.utc);
        let said = owner.and_then(|owned| owned.reason.as_ref());
        let (name, long) = (self.target_name(&of.target), time::short(OWNED_MS));
        let other = owner.filter(|of| of.by != self.state.actor.by);
        let (title, text, verb) = match other {
            None => (
                format!("Why {name} is held back"),
                format!("It is yours for {long} from then on; Esc leaves it as it is."),
                "own it",
            ),
            Some(other) => (
                format!("{} has {name} until {}", other.by, self.moment(other.until)),
                format!("Taken over, it is yours for {long}; Esc leaves it with {}.", other.by),
                "take it over",
            ),
        };
        Some(Ask {
            title,
            text,
            typed,
            rows: 2,
            optional: true,
            verb: verb.into(),
            hint: "one line for whoever comes next; it stands in the hand-over".into(),
            after: said.map(|why| ("so far", line_max(why, 200))).into_iter().collect(),
            ..Ask::default()
        })
    }

    pub(super) fn alerts_view(&self) -> Alerts {
        let state = self.state;
        let rules = state.inventory.rules.iter().filter(|rule| rule.enabled).count();
        let mut facts = Vec::new();
        let mut timeline = Vec::new();
        if let Some(RowKey::Alert(uid)) = state.screen.cursor(Pane::Alerts)
            && let Some(alert) = state.alerts.alert(*uid)
        {
            let at = |at| self.moment(at);
            facts.push(("what".to_owned(), alert.summary.clone()));
            facts.push(("since".to_owned(), format!("{}, fired {}", at(alert.since), at(alert.fired_at))));
            let owner = alert.owner(self.now.utc);
            facts.push((
                "owner".to_owned(),
                owner.map_or_else(
                    || "nobody".to_owned(),
                    |o| format!("{} until {}: {}", o.by, at(o.until), line_max(o.why(), 200)),
                ),
            ));
            if let Some(service) = state.alerts.service_of(&alert.target) {
                facts.push(("service".to_owned(), self.service_name(&service)));
            }
            if let Some(incident) = state.incidents.incidents.get(&crate::core::incidents::uid_for_alert(*uid)) {
                facts.push(("incident".to_owned(), format!("{} {}", incident.number, incident.title)));
            }
            timeline = alert
                .events
                .iter()
                .map(|event| {
                    let (kind, tone, text) = match &event.kind {
                        AlertEventKind::Fired { summary, .. } => ("fired", Tone::Error, summary.clone()),
                        AlertEventKind::Acknowledged { until, reason, .. } => {
                            let why = reason.as_ref().map(|why| format!(": {}", line_max(why, 200)));
                            ("owned", Tone::Info, format!("until {}{}", at(*until), why.unwrap_or_default()))
                        }
                        AlertEventKind::Resolved { .. } => ("resolved", Tone::Good, String::new()),
                        AlertEventKind::Flapping { flips } => {
                            ("flapping", Tone::Warn, format!("{flips} flips in an hour"))
                        }
                    };
                    TimelineRow { at: at(event.at), by: event.by.to_string(), kind: kind.to_owned(), tone, text }
                })
                .collect();
        }
        Alerts { rows: self.alert_rows(), facts, timeline, rules }
    }
}

/// Writes a rule: `CPU > 80 % for 5m`.
fn rule_words(rule: &RuleSpec) -> String {
    let known = metric(&rule.metric);
    let label = known.map_or(rule.metric.as_str(), |metric| metric.label);
    let unit = known.map_or(Unit::Number, |metric| metric.unit);
    // Alone beside a service's name, `down` would not say what it is about.
    let of_service = known.is_some_and(|metric| metric.subject == Subject::Service);
    let mut line = if of_service { format!("service {label}") } else { label.to_owned() };
    if unit != Unit::Flag {
        let sign = match rule.threshold {
            Threshold::Above(_) => ">",
            Threshold::Below(_) => "<",
        };
        line = format!("{label} {sign} {}", compact(unit, rule.threshold.limit()));
    }
    line
}

/// Writes a value in as few columns as it can be told apart in: `88%`, `7.1%`, `812 ms`.
fn compact(unit: Unit, value: f64) -> String {
    match unit {
        Unit::Percent if value.abs() >= 10.0 => format!("{value:.0}%"),
        Unit::Percent => unit.write(value).replace(" %", "%"),
        Unit::Milliseconds | Unit::Seconds | Unit::Days | Unit::Number | Unit::Flag => unit.write(value),
    }
}
