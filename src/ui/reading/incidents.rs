//! Incidents: their rows, and one of them in detail.
use super::{Reader, words};
use crate::{
    core::{
        incidents::{Clock, Guard, Hypothesis, Incident, IncidentEvent, IncidentEventKind, Phase, phase},
        outbox::Sync,
        screen::{Pane, RowKey},
        time,
    },
    parse::sanitise,
    ui::{
        incidents::{IncidentDetail, Incidents, Step},
        rows::health_word,
        show::{IncidentRow, TimelineRow, Tone},
    },
};

/// Most incidents that are told to be like one.
const LIKE: usize = 2;
/// Most entries of a timeline beside an incident in a list.
const NEWEST: usize = 40;

impl Reader<'_> {
    pub(super) fn incident_list(&self) -> Incidents {
        let under = match self.state.screen.cursor(Pane::Incidents) {
            Some(RowKey::Incident(uid)) => self.state.incidents.incidents.get(uid),
            _ => None,
        };
        let like = under.map(|of| {
            let like = self.state.similar(of.uid, 1).into_iter().next();
            let words = like.map_or_else(
                || "no earlier one".to_owned(),
                |like| format!("{}; both: {}", like.words(), like.shares.join(", ")),
            );
            (of.number.to_string(), sanitise::line_max(words, 300))
        });
        Incidents { rows: self.incident_rows(), like }
    }

    fn incident_rows(&self) -> Vec<IncidentRow> {
        let incidents = self.state.screen.rows(Pane::Incidents).iter().filter_map(|row| {
            let RowKey::Incident(uid) = row else { return None };
            self.state.incidents.incidents.get(uid)
        });
        incidents.map(|incident| self.incident_row(incident)).collect()
    }

    pub(super) fn incident_row(&self, of: &Incident) -> IncidentRow {
        let begin = of.detected.unwrap_or(of.opened);
        let end = of.resolved.unwrap_or(self.now.utc);
        let clock = of.next_clock(&self.state.inventory.policy).filter(|_| of.closed.is_none()).map(|clock| {
            let (how, tone) = self.promise(clock);
            (clock.kind.word(), how, tone == Tone::Error)
        });
        IncidentRow {
            id: of.number.to_string(),
            severity: of.severity,
            title: of.title.clone(),
            service: of.service.as_ref().map_or_else(String::new, |id| self.service_name(id)),
            owner: of.owner.as_ref().map(ToString::to_string),
            age: time::precise(words::ms(end.since(begin))),
            resolved: of.resolved.is_some() || of.merged_into.is_some(),
            closed: of.closed.is_some() || of.merged_into.is_some(),
            phase: format!("{} {}", of.phase.number(), of.phase.word()),
            sync: self.sync(of),
            clock,
            last: self.newest(of),
        }
    }

    /// Returns the newest entries of its timeline, oldest first: as many as any list has room for.
    fn newest(&self, of: &Incident) -> Vec<TimelineRow> {
        let all = of.by_time();
        let newest = all.iter().skip(all.len().saturating_sub(NEWEST));
        newest.map(|(seq, event)| self.timeline_row(of, *seq, event)).collect()
    }

    /// Says how its tickets stand.
    fn sync(&self, of: &Incident) -> Option<(&'static str, Tone)> {
        let sync = self.state.outbox.of_incident(of.uid)?;
        let tone = match sync {
            Sync::Synced => Tone::Good,
            Sync::Waiting | Sync::Unsure => Tone::Warn,
            Sync::Failed => Tone::Error,
            Sync::Dropped => Tone::Info,
        };
        Some((sync.word(), tone))
    }

    /// Says how a clock stands.
    pub(super) fn promise(&self, clock: Clock) -> (String, Tone) {
        let long = |ms: i64| time::short(words::ms(ms));
        match (clock.met, clock.left(self.now.utc)) {
            (Some(met), _) if clock.is_late(met) => (format!("✓ late by {}", long(met.since(clock.due))), Tone::Warn),
            (Some(met), _) => (format!("✓ {}", long(met.since(clock.from))), Tone::Good),
            (None, Some(left)) if left < 0 => (format!("{} over", long(-left)), Tone::Error),
            (None, Some(left)) if left * 4 < clock.due.since(clock.from) => {
                (format!("{} left", long(left)), Tone::Warn)
            }
            (None, left) => (format!("{} left", long(left.unwrap_or(0))), Tone::Info),
        }
    }

    pub(super) fn incident_detail(&self, of: &Incident) -> IncidentDetail {
        let row = self.incident_row(of);
        let policy = &self.state.inventory.policy;
        let around = self.state.around(of);
        let guards: Vec<_> = of
            .phase
            .guards()
            .iter()
            .map(|guard| (guard.words(), phase::holds(*guard, of, around, policy, self.now.utc)))
            .collect();
        let owed = phase::owed(of, around, policy, self.now.utc);
        let owed = owed.into_iter().filter(|guard| !of.phase.guards().contains(guard)).map(Guard::words).collect();
        let clocks = of.clocks(policy).into_iter().map(|clock| {
            let (how, tone) = self.promise(clock);
            (clock.kind.word(), how, tone)
        });
        let step = |phase: Phase| {
            let state = match phase.cmp(&of.phase) {
                _ if of.closed.is_some() => Step::Done,
                std::cmp::Ordering::Less => Step::Done,
                std::cmp::Ordering::Equal => Step::Here,
                std::cmp::Ordering::Greater => Step::Ahead,
            };
            let since = time::precise(words::ms(self.now.utc.since(of.phase_since)));
            (phase.word(), since, state)
        };
        let next = match of.phase.next() {
            _ if of.closed.is_some() => "is closed".to_owned(),
            Some(next) => next.word().to_owned(),
            None => "close".to_owned(),
        };
        let all = of.by_time();
        let timeline = self.indices(Pane::Timeline).filter_map(|index| {
            let (seq, event) = *all.get(index)?;
            Some((of.offset(of.happened(seq)?), self.timeline_row(of, seq, event)))
        });
        IncidentDetail {
            phases: Phase::ALL.map(step).into(),
            guards,
            owed,
            clocks: clocks.collect(),
            facts: self.incident_facts(of),
            procedure: self.procedure(of),
            hypotheses: of.hypotheses.values().map(thought).collect(),
            timeline: timeline.collect(),
            runs: self.run_rows(self.state.screen.rows(Pane::Runs)),
            acts: self.incident_acts(of),
            next,
            row,
        }
    }

    /// What its type has people do, while it goes on.
    fn procedure(&self, of: &Incident) -> Vec<(String, String)> {
        let class = of.classified.as_ref().and_then(|of| self.state.inventory.policy.class(&of.class));
        let steps = class.filter(|_| of.is_open()).map_or(&[][..], |class| &class.procedure);
        let label = |at| if at == 0 { "procedure" } else { "" };
        steps.iter().enumerate().map(|(at, step)| (label(at).to_owned(), format!("{} {step}", at + 1))).collect()
    }

    fn incident_facts(&self, of: &Incident) -> Vec<(String, String)> {
        let at = |at| self.moment(at);
        let mut facts: Vec<(String, String)> = Vec::new();
        let mut add = |label: &str, text: String| facts.push((label.to_owned(), text));
        if let Some(id) = &of.service {
            let health = self.state.services.service(id).map_or("?", |service| health_word(service.health));
            add("service", format!("{} {health}", self.service_name(id)));
        }
        if let Some(alert) = of.alert.and_then(|uid| self.state.alerts.alert(uid)) {
            let state = if alert.is_firing() { "firing" } else { "resolved" };
            add("alert", format!("{}, {state}", alert.summary));
        }
        let owner = of.owner.as_ref().map_or_else(|| "nobody".to_owned(), ToString::to_string);
        add("lead", owner);
        for (duty, who) in &of.duties {
            add(duty.word(), who.to_string());
        }
        if let Some(classified) = &of.classified {
            let class = self
                .state
                .inventory
                .policy
                .class(&classified.class)
                .map_or(classified.class.as_str(), |class| class.title.as_str());
            add("type", class.to_owned());
            let mut impact = classified.impact.words().to_owned();
            if !classified.words.is_empty() {
                impact.extend([": ", &classified.words]);
            }
            add("impact", impact);
        }
        match &of.onset {
            Some(onset) => add("onset", format!("{}  {}", at(onset.at), onset.how)),
            None => add("onset", format!("?  offsets count from {}", at(of.zero()))),
        }
        if let Some((_, suspect)) = &of.suspect {
            let text = if suspect.is_empty() { "none convincing" } else { suspect };
            add("suspect", text.to_owned());
        }
        add("opened", at(of.opened));
        if let Some(resolved) = of.resolved {
            add("resolved", at(resolved));
            if of.phase == Phase::Validate
                && let Some(left) = of.bake_left(&self.state.inventory.policy, self.now.utc)
            {
                add("well for", format!("{} more", time::precise(left)));
            }
        }
        if !of.evidence.is_empty() {
            let changed = of.changed.len();
            let state =
                if changed == 0 { "hashes hold".to_owned() } else { format!("{changed} CHANGED since it was kept") };
            add("evidence", format!("{} pinned, {state}", of.evidence.len()));
        }
        if let Some((word, _)) = self.sync(of) {
            add("tickets", word.to_owned());
        }
        for (tracker, id, url) in &of.tickets {
            add("ticket", format!("{tracker} {id} {}", url.as_deref().unwrap_or_default()));
        }
        for task in of.tasks.values().filter(|task| task.done.is_none()) {
            let owner = task.owner.as_ref().map_or("nobody", |owner| owner.as_str());
            let due = task.due.map_or_else(String::new, |due| format!(", until {}", at(due)));
            add("to do", format!("{owner}: {}{due}", task.text));
        }
        for (other, how) in &of.links {
            let other =
                self.state.incidents.incidents.get(other).map_or_else(|| other.to_string(), |of| of.number.to_string());
            add("link", format!("{} {other}", how.word()));
        }
        for like in self.state.similar(of.uid, LIKE) {
            add("similar to", sanitise::line_max(like.words(), 300));
        }
        facts
    }

    fn timeline_row(&self, of: &Incident, seq: u64, event: &IncidentEvent) -> TimelineRow {
        let at = of.happened(seq).unwrap_or(event.at);
        let kind = &event.kind;
        let (tone, text) = if let IncidentEventKind::Action { run, summary } = kind {
            (Tone::Warn, format!("{} {summary}", self.run_number(*run)))
        } else if let IncidentEventKind::Result { run, summary, outcome } = kind {
            let tone = match outcome.as_str() {
                "Succeeded" | "Recovered" => Tone::Good,
                "Unknown" | "NotProved" => Tone::Warn,
                _ => Tone::Error,
            };
            (tone, format!("{} {summary}", self.run_number(*run)))
        } else if let IncidentEventKind::Onset { at, how, .. } = kind {
            (Tone::Info, format!("{}, {how}", self.moment(*at)))
        } else if let IncidentEventKind::TimeCorrected { of: seq, to } = kind {
            let what = of.timeline.get(seq).map_or_else(String::new, |event| event.kind.text());
            (Tone::Info, format!("{} it was: {what}", self.moment(*to)))
        } else if let IncidentEventKind::Linked { other, how } = kind {
            (tone_of(kind), self.state.incidents.linked_words(*other, *how))
        } else {
            (tone_of(kind), of.tells(kind))
        };
        TimelineRow { at: self.moment(at), by: event.by.to_string(), kind: kind.word().to_owned(), tone, text }
    }
}

/// How a hypothesis stands.
fn thought(of: &Hypothesis) -> (Tone, String, String) {
    let tone = match of.verdict {
        Some(true) => Tone::Good,
        Some(false) => Tone::Error,
        None => Tone::Info,
    };
    let verdict = match of.verdict {
        Some(true) => "holds, ",
        Some(false) => "ruled out, ",
        None => "",
    };
    (tone, of.text.clone(), format!("{verdict}for {} against {}", of.supports.len(), of.opposes.len()))
}

fn tone_of(kind: &IncidentEventKind) -> Tone {
    use IncidentEventKind::{Closed, Detected, Escalated, Mitigated, Reopened, Resolved};
    if matches!(kind, Detected { .. } | Reopened { .. }) {
        Tone::Error
    } else if matches!(kind, Mitigated { .. } | Resolved { .. } | Closed) {
        Tone::Good
    } else if matches!(kind, Escalated { .. }) {
        Tone::Warn
    } else {
        Tone::Info
    }
}
