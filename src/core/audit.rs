//! What the audit screen shows: who did what, from where, as the store has chained it.
use super::{
    Effect, State as Everything,
    alerts::{AlertEvent, AlertEventKind},
    id::{Operator, Uid},
    incidents::{IncidentEvent, IncidentEventKind},
    outbox::{OutboxEvent, OutboxEventKind},
    record::{Audit, Row},
    time::{Mono, Now, Timestamp},
};

/// Milliseconds between two looks at the log while it is on screen.
pub const LOOK_MS: u64 = 5_000;
/// Milliseconds for which it is taken for as it is that somebody is called by it.
const FRESH_MS: u64 = 60_000;
/// Milliseconds that somebody is called later at most because it is not read.
const AWAITED_MS: u64 = 30_000;
/// What it calls it that somebody took an alert.
pub const ACKNOWLEDGED: &str = "alert.acknowledged";
/// What it calls it that people were told how it stands.
pub const TOLD: &str = "update.sent";
/// Characters of an entry's detail.
const DETAIL: usize = 200;
/// Entries that are shown, the newest.
pub const SHOWN: usize = 5_000;

/// An entry of the log.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Its number.
    pub seq: u64,
    /// Its hash, which the next one carries.
    pub hash: String,
    /// What it says.
    pub of: Audit,
}

/// Whether the log is as it was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chain {
    /// How many entries hold, from the first on.
    pub entries: u64,
    /// The hash of the last that holds.
    pub head: String,
    /// The first that does not, and why.
    pub broken: Option<(u64, String)>,
}

/// What was read of the log.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Read {
    /// Entries, the newest first.
    pub entries: Vec<Entry>,
    /// How many cannot be read.
    pub unreadable: usize,
    /// Whether it is as it was written.
    pub chain: Chain,
}

/// The log, as far as this console has read it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    /// What was read last; why it could not be.
    pub read: Option<Result<Read, String>>,
    asked: Option<Mono>,
    /// When it was read last.
    arrived: Option<Mono>,
    /// Since when something waits until it is read.
    awaited: Option<Mono>,
}

impl State {
    /// Says whether it is time to read it again, and notes that it is being read.
    pub(super) fn due(&mut self, now: Now) -> bool {
        let due = self.asked.is_none_or(|asked| now.mono.since(asked) >= LOOK_MS);
        if due {
            self.asked = Some(now.mono);
        }
        due
    }

    /// Takes what was read.
    pub(super) fn arrived(&mut self, read: Result<Read, String>, now: Now) {
        (self.read, self.arrived, self.awaited) = (Some(read), Some(now.mono), None);
    }

    /// Says whether it was not read for a while.
    pub(super) fn is_old(&self, now: Now) -> bool {
        self.arrived.is_none_or(|at| now.mono.since(at) >= FRESH_MS)
    }

    /// Says whether what was read is of now; what waits for that does not for long, since nothing may hang on a log.
    pub(super) fn is_fresh(&mut self, now: Now) -> bool {
        if !self.is_old(now) {
            return true;
        }
        let since = *self.awaited.get_or_insert(now.mono);
        now.mono.since(since) >= AWAITED_MS
    }

    /// Returns who did something last, and when.
    pub(super) fn last(&self, what: &str) -> Option<(&Operator, Timestamp)> {
        self.entries().iter().find(|entry| entry.of.what == what).map(|entry| (&entry.of.by, entry.of.at))
    }

    /// Returns the entries, the newest first.
    pub fn entries(&self) -> &[Entry] {
        self.read.as_ref().and_then(|read| read.as_ref().ok()).map_or(&[], |read| read.entries.as_slice())
    }

    /// Finds an entry.
    pub fn entry(&self, seq: u64) -> Option<&Entry> {
        self.entries().iter().find(|entry| entry.seq == seq)
    }
}

impl Entry {
    /// Returns the run that it is about: its detail names that first.
    pub fn run(&self) -> Option<Uid> {
        self.of.detail.split(' ').find_map(|word| word.parse().ok())
    }

    /// Returns the hash of the plan that it names.
    pub fn plan(&self) -> Option<&str> {
        let mut words = self.of.detail.split(' ');
        words.find(|word| *word == "plan")?;
        words.next()
    }

    /// Returns it in words: what a filter searches and what a copy takes.
    pub fn words(&self) -> String {
        let Audit { at, by, from, what, target, detail } = &self.of;
        format!("{} {} {by} {from} {what} {target} {detail} {}", self.seq, at.rfc3339(), self.hash)
    }
}

/// Adds who did it to the commits of what a person did to alerts, incidents, updates and the outbox: both are on disk, or neither.
///
/// What goes on by itself is nobody's deed. What runs, runbooks, planned work and hand-overs write is on it by themselves.
pub(crate) fn written(state: &Everything, effects: &mut [Effect]) {
    for effect in effects {
        if let Effect::Commit { rows, .. } = effect {
            let entries: Vec<Row> = rows.iter().filter_map(|row| deed(state, row)).map(Row::Audit).collect();
            rows.extend(entries);
        }
    }
}

/// Returns the entry of a row that the person here has caused.
fn deed(state: &Everything, row: &Row) -> Option<Audit> {
    let (at, by, (what, target, detail)) = match row {
        Row::Alert(event) => (event.at, &event.by, of_alert(state, event)?),
        Row::Incident(event) => (event.at, &event.by, of_incident(state, event)?),
        Row::Outbox(event) => (event.at, &event.by, of_outbox(state, event)?),
        Row::StatusUpdate(update) => {
            let about = update.service.as_ref().map_or_else(|| "everything".to_owned(), ToString::to_string);
            (update.at, &update.by, (TOLD.to_owned(), about, format!("{}: {}", update.state.word(), update.text)))
        }
        Row::Result(_)
        | Row::Bucket(_)
        | Row::HostMinute(_)
        | Row::Run(_)
        | Row::Audit(_)
        | Row::Pattern(_)
        | Row::Window(_)
        | Row::ConfigFile(_)
        | Row::Finding(_) => return None,
    };
    let line = detail.lines().next().unwrap_or_default();
    let detail = line.chars().take(DETAIL).collect();
    let (by, from) = (by.clone(), state.actor.from.clone());
    (by == state.actor.by).then_some(Audit { at, by, from, what, target, detail })
}

fn of_alert(state: &Everything, event: &AlertEvent) -> Option<(String, String, String)> {
    let AlertEventKind::Acknowledged { until, reason, over } = &event.kind else { return None };
    let alert = state.alerts.alert(event.alert)?;
    let over = over.as_ref().map(|owner| format!(" from {owner}")).unwrap_or_default();
    let why = reason.as_deref().unwrap_or("no reason given");
    let detail = format!("{}{over} until {}: {why}", alert.rule, until.rfc3339());
    Some((ACKNOWLEDGED.to_owned(), alert.target.to_string(), detail))
}

/// What a person writes into a timeline, by its word; free text stays there, where it can be read with what it is about.
fn of_incident(state: &Everything, event: &IncidentEvent) -> Option<(String, String, String)> {
    use IncidentEventKind as Kind;
    let kind = &event.kind;
    // Known by themselves, or on the audit already: what was measured, runs, what was asked of hosts, updates, tickets.
    let is_told = matches!(
        kind,
        Kind::Detected { .. }
            | Kind::Alert { .. }
            | Kind::Onset { estimated: true, .. }
            | Kind::Action { .. }
            | Kind::Result { .. }
            | Kind::Command { .. }
            | Kind::StepRun { .. }
            | Kind::Told { .. }
            | Kind::Ticket { .. }
    );
    if is_told {
        return None;
    }
    let free = matches!(
        kind,
        Kind::Note { .. }
            | Kind::Pinned { .. }
            | Kind::Hypothesis { .. }
            | Kind::Argument { .. }
            | Kind::Section { .. }
    );
    // What is free is named by its kind.
    let said = if free { String::new() } else { kind.says() };
    let known = state.incidents.incidents.get(&event.incident);
    let opened = if let Kind::Opened { service, .. } = kind { service.as_ref() } else { None };
    let target = known.map(|of| of.number.to_string()).or_else(|| opened.map(ToString::to_string));
    let target = target.unwrap_or_else(|| "an incident".to_owned());
    Some((format!("incident.{}", kind.word()), target, said))
}

fn of_outbox(state: &Everything, event: &OutboxEvent) -> Option<(String, String, String)> {
    let (word, why) = if let OutboxEventKind::Dropped { reason } = &event.kind {
        ("dropped", format!(": {reason}"))
    } else if matches!(event.kind, OutboxEventKind::Edited { .. }) {
        ("edited", String::new())
    } else if matches!(event.kind, OutboxEventKind::RetryAsked) {
        ("retried", String::new())
    } else {
        return None;
    };
    let item = &state.outbox.items.get(&event.token)?.item;
    Some((format!("outbox.{word}"), item.tracker.to_string(), format!("{}{why}", item.write.summary())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::time::Timestamp;

    #[test]
    fn an_entry_names_its_run_and_its_plan() {
        let of = Audit {
            at: Timestamp(0),
            by: "ana".into(),
            from: "ana@jump".into(),
            what: "run.confirmed".into(),
            target: "play@prod".into(),
            detail: "qd-8f21c0aa9d31 plan 4be1c07a".into(),
        };
        let entry = Entry { seq: 7, hash: "0".into(), of };
        assert_eq!(entry.run(), Some(Uid([0x8f, 0x21, 0xc0, 0xaa, 0x9d, 0x31])));
        assert_eq!(entry.plan(), Some("4be1c07a"));
        assert!(entry.words().contains("ana@jump run.confirmed play@prod"));
    }

    #[test]
    fn it_is_read_again_after_a_while() {
        let mut state = State::default();
        let at = |ms| Now { utc: Timestamp(0), mono: Mono(ms) };
        assert!(state.due(at(100)) && !state.due(at(200)) && !state.due(at(5_099)) && state.due(at(5_100)));
    }
}
