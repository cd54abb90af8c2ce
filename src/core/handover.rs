//! The hand-over: what whoever comes next has to know, and that they have read it.
//!
//! Promises and signatures are entries of the audit log: who made them is chained there like everything else that people do.
use serde::Serialize;
use sha2::Digest as _;

use super::{
    State,
    alerts::Alert,
    audit::Entry,
    hosts::Link,
    id::{HostName, Operator},
    incidents::{Incident, document::Moment},
    outbox::Sync,
    record::Audit,
    runs::{Actor, RunOutcome},
    services::Health,
    time::{DAY, HOUR, MINUTE, Now, Timestamp, parse_duration, short},
    windows::Standing,
};

/// What the audit log calls it that somebody has read a hand-over and takes over.
pub const SIGNED: &str = "handover.signed";
/// What it calls it that somebody promised something.
pub const PROMISED: &str = "promise.made";
/// What it calls it that a promise was kept.
pub const KEPT: &str = "promise.kept";
/// Milliseconds back to which changes are told where nobody has signed.
const SHIFT_MS: i64 = 12 * HOUR;
/// Milliseconds after a signature for which what was signed still stands as it was read: who signs has just that before their eyes.
const READ_MS: i64 = 30 * MINUTE;
/// Files of a service that are not the same on its hosts and are named.
const APART: usize = 3;

/// What whoever comes next has to know.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Handover {
    /// As of when.
    pub as_of: Moment,
    /// Who has it ready.
    pub by: String,
    /// Since when changes are told.
    pub since: Moment,
    /// Who signed last.
    pub signed: Option<Signature>,
    /// Whether that was for what stands here.
    pub is_signed: bool,
    /// What stands here, in a word: a signature names it.
    pub digest: String,
    /// Its sections.
    pub sections: Vec<Section>,
    /// What could not be read, so that nothing missing looks like nothing there.
    pub unread: Option<String>,
}

/// That somebody took over.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Signature {
    /// Who.
    pub by: String,
    /// When.
    pub at: Moment,
}

/// A section.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Section {
    /// Its heading.
    pub title: &'static str,
    /// What stands there while there is nothing.
    pub none: &'static str,
    /// Its lines.
    pub lines: Vec<Line>,
}

/// A line.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Line {
    /// What it is about: a number, a name.
    pub about: String,
    /// What there is to know.
    pub text: String,
    /// Whether it is late, unowned, or otherwise asks for somebody now.
    pub urgent: bool,
    /// The promise that it is.
    pub promise: Option<u64>,
    /// What a signature is for besides what it is about: how bad it is, whose, why; no age and no time that is left.
    #[serde(skip)]
    pub stands: String,
}

/// Something that somebody promised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Promise {
    /// The number of its entry in the audit log.
    pub id: u64,
    /// Who.
    pub who: String,
    /// Until when.
    pub due: Timestamp,
    /// What.
    pub what: String,
}

impl Promise {
    /// Reads `WHO WHEN WHAT`: `ben 09:00 call the bank back`, `ana 2h restart the import`. Clock times are UTC and mean the next one.
    ///
    /// # Errors
    /// What is missing or cannot be read.
    pub fn read(text: &str, now: Timestamp) -> Result<(String, Timestamp, String), String> {
        let mut words = text.split_whitespace();
        let form = "write WHO WHEN WHAT, as in: ben 09:00 call the bank back";
        let (Some(who), Some(when)) = (words.next(), words.next()) else { return Err(form.to_owned()) };
        let what = words.collect::<Vec<_>>().join(" ");
        if what.is_empty() {
            return Err(form.to_owned());
        }
        let due = due(when, now)
            .ok_or_else(|| format!("`{when}` is no time: 09:00 (UTC), 2h, 2026-11-21 or 2026-11-21T09:00Z"))?;
        if due <= now {
            return Err(format!("{when} is over"));
        }
        Ok((who.to_owned(), due, what))
    }

    /// Returns the entry that makes it.
    pub fn entry(actor: &Actor, now: Now, (who, due, what): (&str, Timestamp, &str)) -> Audit {
        entry(actor, now, PROMISED, who, &format!("{} {what}", due.rfc3339()))
    }

    /// Returns the entry that says that it was kept.
    pub fn kept(actor: &Actor, now: Now, id: u64) -> Audit {
        entry(actor, now, KEPT, &format!("promise {id}"), "")
    }

    fn of(entry: &Entry) -> Option<Self> {
        let (due, what) = entry.of.detail.split_once(' ')?;
        let due = chrono::DateTime::parse_from_rfc3339(due).ok()?;
        let due = Timestamp(due.timestamp_millis());
        Some(Self { id: entry.seq, who: entry.of.target.clone(), due, what: what.to_owned() })
    }
}

/// Reads until when: `09:00` (UTC, the next one), `2h`, `2026-11-21T09:00Z`, or `2026-11-21` for the end of that day.
pub(super) fn due(when: &str, now: Timestamp) -> Option<Timestamp> {
    if let Ok(day) = chrono::NaiveDate::parse_from_str(when, "%Y-%m-%d") {
        return Some(Timestamp(day.and_hms_opt(23, 59, 0)?.and_utc().timestamp_millis()));
    }
    if let Ok(at) = chrono::DateTime::parse_from_rfc3339(when) {
        return Some(Timestamp(at.timestamp_millis()));
    }
    if let Ok(at) = chrono::DateTime::parse_from_str(&when.replace('Z', "+00:00"), "%Y-%m-%dT%H:%M%:z") {
        return Some(Timestamp(at.timestamp_millis()));
    }
    if let Ok(time) = chrono::NaiveTime::parse_from_str(when, "%H:%M") {
        let today = now.to_utc()?.date_naive().and_time(time).and_utc();
        let today = Timestamp(today.timestamp_millis());
        return Some(if today > now { today } else { today + DAY });
    }
    let ms = i64::try_from(parse_duration(when).ok()?).ok()?;
    Some(now + ms)
}

fn entry(actor: &Actor, now: Now, what: &str, target: &str, detail: &str) -> Audit {
    Audit {
        at: now.utc,
        by: actor.by.clone(),
        from: actor.from.clone(),
        what: what.to_owned(),
        target: target.to_owned(),
        detail: detail.to_owned(),
    }
}

impl Handover {
    /// Returns the entry by which somebody takes it over.
    pub fn signature(&self, actor: &Actor, now: Now) -> Audit {
        entry(actor, now, SIGNED, "the shift", &self.digest)
    }

    /// Says whether it is signed, and by whom.
    pub fn standing(&self) -> String {
        match &self.signed {
            Some(of) if self.is_signed => format!("signed by {} at {}", of.by, of.at.0.rfc3339()),
            Some(of) => format!("NOT SIGNED: {} signed an earlier one at {}", of.by, of.at.0.rfc3339()),
            None => "NOT SIGNED: nothing is handed over until the next engineer signs".to_owned(),
        }
    }
}

impl State {
    /// Returns what was promised and not kept, the next first.
    pub fn promises(&self) -> Vec<Promise> {
        let entries = self.audit.entries();
        let kept =
            |id: u64| entries.iter().any(|entry| entry.of.what == KEPT && entry.of.target == format!("promise {id}"));
        let made = entries.iter().filter(|entry| entry.of.what == PROMISED).filter_map(Promise::of);
        let mut open: Vec<Promise> = made.filter(|promise| !kept(promise.id)).collect();
        open.sort_by_key(|promise| promise.due);
        open
    }

    /// Returns who signed the hand-over last, and when: they have the shift.
    pub fn shift(&self) -> Option<(&Operator, Timestamp)> {
        self.audit.last(SIGNED)
    }

    /// Puts the hand-over together as of now.
    pub fn handover(&self, now: Timestamp) -> Handover {
        let mut signed = self.audit.entries().iter().filter(|entry| entry.of.what == SIGNED);
        let (last, before) = (signed.next(), signed.next());
        let since = match last {
            Some(last) if now.since(last.of.at) < READ_MS => before.map_or(last.of.at - SHIFT_MS, |entry| entry.of.at),
            Some(last) => last.of.at,
            None => now - SHIFT_MS,
        };
        let sections = vec![
            self.open_incidents(now),
            self.held_back(now),
            self.planned(now),
            self.drift(),
            self.changed(since),
            self.promised(now),
            self.unsynced(),
            self.documents_due(now),
            self.to_watch(now),
            self.tasks(now),
        ];
        let digest = digest(&sections);
        let unread = match &self.audit.read {
            Some(Ok(read)) if read.unreadable > 0 => {
                Some(format!("{} of the audit log cannot be read here", entries(read.unreadable)))
            }
            Some(Ok(_)) => None,
            Some(Err(why)) => Some(format!("promises and signatures are not known: {why}")),
            None => Some("promises and signatures are being read".to_owned()),
        };
        Handover {
            as_of: Moment(now),
            by: self.actor.by.to_string(),
            since: Moment(since),
            signed: last.map(|entry| Signature { by: entry.of.by.to_string(), at: Moment(entry.of.at) }),
            is_signed: last.is_some_and(|entry| entry.of.detail == digest),
            digest,
            sections,
            unread,
        }
    }

    fn open_incidents(&self, now: Timestamp) -> Section {
        let policy = &self.inventory.policy;
        let open = self.incidents.worst_first().into_iter().filter(|of| of.is_present(policy, now));
        let lines = open.map(|of| {
            let lead = of.owner.as_ref().map_or("nobody leads", |owner| owner.as_str());
            let clock = of.next_clock(policy).map(|clock| {
                let left = clock.left(now).unwrap_or(0);
                let how = if left < 0 { "over" } else { "left" };
                format!(", {} {} {how}", clock.kind.word(), short(left.unsigned_abs()))
            });
            let watched = of.bake_left(policy, now).map(|left| format!(", well, and watched for {} more", short(left)));
            Line {
                about: of.number.to_string(),
                text: format!(
                    "{:?} {}, {lead}: {}{}",
                    of.severity,
                    of.phase.word(),
                    of.title,
                    watched.or(clock).unwrap_or_default()
                ),
                urgent: of.owner.is_none() || of.next_clock(policy).is_some_and(|clock| clock.is_late(now)),
                promise: None,
                stands: format!("{:?} {} {lead}", of.severity, of.phase.word()),
            }
        });
        Section { title: "open", none: "no incident is open", lines: lines.collect() }
    }

    fn held_back(&self, now: Timestamp) -> Section {
        let lines = self.fires().into_iter().filter_map(|alert| {
            let owned = alert
                .owner(now)
                .map(|owned| format!("owned by {} until {}: {}", owned.by, self.moment(owned.until, now), owned.why()));
            let muted_until = self.muted_until(&alert.target, now);
            let stands = [
                alert.rule.to_string(),
                alert.owner(now).map_or_else(String::new, |owned| format!("{} {}", owned.by, owned.why())),
                muted_until.map_or_else(String::new, Timestamp::rfc3339),
            ];
            let muted = muted_until.map(|until| format!("muted by planned work until {}", self.moment(until, now)));
            let why: Vec<String> = owned.into_iter().chain(muted).collect();
            let about = alert.target.to_string();
            let line = |text| Line { about, text, stands: stands.join("\n"), ..Line::default() };
            (!why.is_empty()).then(|| line(format!("{} {}", alert.summary, why.join("; "))))
        });
        Section { title: "held back", none: "every alert that fires is heard", lines: lines.collect() }
    }

    /// Work that goes on, or begins within the next shift: its alerts are told to nobody.
    fn planned(&self, now: Timestamp) -> Section {
        let soon = |from: Timestamp| from <= now + SHIFT_MS;
        let all = self.windows.listed(&self.inventory, now).into_iter();
        let lines = all.filter_map(|of| {
            let span = of.span?;
            let when = match of.standing {
                Standing::Running => format!("goes on until {}", self.moment(span.to, now)),
                Standing::Coming if soon(span.from) => {
                    format!("{} to {}", self.moment(span.from, now), self.moment(span.to, now))
                }
                Standing::Coming | Standing::Ended | Standing::Cancelled => return None,
            };
            let by = of.by.map(|by| format!(", by {by}")).unwrap_or_default();
            let text = format!("{when}{by}: {}", of.why);
            let stands = format!("{} {} {}", span.from.rfc3339(), span.to.rfc3339(), of.why);
            Some(Line { about: of.covers, text, stands, ..Line::default() })
        });
        Section { title: "planned", none: "no work goes on or begins within a shift", lines: lines.collect() }
    }

    /// The alerts that fire, the worst first.
    fn fires(&self) -> Vec<&Alert> {
        let mut all: Vec<&Alert> = self.alerts.firing().collect();
        all.sort_by(|a, b| (a.severity, &a.target, &a.rule).cmp(&(b.severity, &b.target, &b.rule)));
        all
    }

    fn drift(&self) -> Section {
        let notices = self.runs.notices();
        let mut lines: Vec<Line> = notices
            .iter()
            .map(|notice| Line {
                about: notice.run.plan.service.to_string(),
                text: notice.words(),
                urgent: true,
                stands: notice.run.run.to_string(),
                ..Line::default()
            })
            .collect();
        let unknown = self.runs.unfinished().filter(|run| matches!(run.outcome, Some((RunOutcome::Unknown, _))));
        lines.extend(unknown.map(|run| Line {
            about: run.plan.service.to_string(),
            text: format!("{}: nobody knows how it ended", self.run_name(run.run)),
            urgent: true,
            stands: run.run.to_string(),
            ..Line::default()
        }));
        for service in &self.inventory.services {
            let apart = self.config_files.apart(&service.hosts);
            let more = apart.len().saturating_sub(APART);
            let named = apart.into_iter().take(APART).map(|(path, hosts)| {
                let hosts: Vec<&str> = hosts.iter().map(HostName::as_str).collect();
                format!("{path} is not the same on {}", hosts.join(", "))
            });
            let more = (more > 0).then(|| format!("and {more} more files are not the same on its hosts"));
            let about = service.id.to_string();
            let line = |text: String| Line { about: about.clone(), stands: text.clone(), text, ..Line::default() };
            lines.extend(named.chain(more).map(line));
        }
        Section { title: "drift", none: "nothing is known to stand other than it should", lines }
    }

    fn changed(&self, since: Timestamp) -> Section {
        let recent = self.runs.newest_first().into_iter().filter(|run| run.at >= since);
        let lines = recent.map(|run| {
            let how = run.ended_words().unwrap_or_else(|| "goes on".to_owned());
            let proof = run.proof.as_ref().map_or_else(String::new, |(verdict, _)| format!(", {}", verdict.words()));
            Line {
                about: run.plan.service.to_string(),
                text: format!("{} by {}: {how}{proof}", self.run_name(run.run), run.by),
                ..Line::default()
            }
        });
        Section { title: "changed", none: "nothing was changed from here", lines: lines.collect() }
    }

    fn promised(&self, now: Timestamp) -> Section {
        let lines = self.promises().into_iter().map(|promise| Line {
            about: promise.who,
            text: format!("{} until {}", promise.what, self.moment(promise.due, now)),
            urgent: promise.due < now + 30 * MINUTE,
            promise: Some(promise.id),
            stands: promise.id.to_string(),
        });
        Section { title: "promised", none: "nothing is promised", lines: lines.collect() }
    }

    /// What is to be done after incidents, the next first; what has no date comes last.
    fn tasks(&self, now: Timestamp) -> Section {
        let of = |of: &'_ Incident| of.tasks.values().filter(|task| task.done.is_none()).cloned().collect::<Vec<_>>();
        let incidents = self.incidents.incidents.values();
        let mut open: Vec<_> =
            incidents.flat_map(|incident| of(incident).into_iter().map(|task| (incident.number, task))).collect();
        open.sort_by_key(|(number, task)| (task.due.is_none(), task.due, *number));
        let lines = open.into_iter().map(|(number, task)| {
            let due = task.due.map(|due| format!(" until {}", self.moment(due, now))).unwrap_or_default();
            let who = task.owner.as_ref().map_or("nobody", |who| who.as_str());
            Line {
                about: number.to_string(),
                text: format!("{who}: {}{due}", task.text),
                urgent: task.due.is_some_and(|due| due < now + 30 * MINUTE),
                stands: format!("{who} {} {:?}", task.text, task.due),
                ..Line::default()
            }
        });
        Section { title: "to do", none: "no incident has left anything to do", lines: lines.collect() }
    }

    fn unsynced(&self) -> Section {
        let waits = self.outbox.by_need().into_iter();
        let lines = waits.filter(|entry| matches!(entry.sync(), Sync::Waiting | Sync::Failed)).map(|entry| Line {
            about: entry.item.tracker.to_string(),
            text: format!(
                "{} {}: {} {}",
                entry.item.write.word(),
                entry.item.write.summary(),
                entry.sync().word(),
                entry.reason()
            ),
            urgent: entry.sync() == Sync::Failed,
            stands: format!("{} {}", entry.token, entry.sync().word()),
            ..Line::default()
        });
        let nowhere = self.inventory.trackers.is_empty();
        let none = if nowhere { "no tracker is configured" } else { "all is written to its trackers" };
        Section { title: "not synced", none, lines: lines.collect() }
    }

    fn documents_due(&self, now: Timestamp) -> Section {
        let policy = &self.inventory.policy;
        let lines = self.incidents.owed().map(|of| {
            let clock = of.next_clock(policy).map(|clock| clock.due);
            let due = clock.map_or_else(String::new, |due| format!(" until {}", self.moment(due, now)));
            let missing: Vec<&str> =
                self.missing_to_close(of, now).into_iter().map(super::incidents::Guard::words).collect();
            Line {
                about: of.number.to_string(),
                text: format!("{}{due}; missing: {}", of.title, missing.join(", ")),
                urgent: clock.is_some_and(|due| due < now),
                ..Line::default()
            }
        });
        Section { title: "documents due", none: "no document is due", lines: lines.collect() }
    }

    fn to_watch(&self, now: Timestamp) -> Section {
        let is_held = |alert: &Alert| alert.owner(now).is_some() || self.is_muted(&alert.target, now);
        let heard = self.fires().into_iter().filter(|alert| !is_held(alert));
        let line = |about: String, text: String, urgent| Line { about, text, urgent, ..Line::default() };
        let mut lines: Vec<Line> = heard
            .map(|alert| {
                line(alert.target.to_string(), format!("{:?} {}, nobody's", alert.severity, alert.summary), true)
            })
            .collect();
        for service in self.services.worst_first() {
            let words = match service.health {
                Health::Down => "down",
                Health::Degraded => "degraded",
                Health::Unknown => "nobody knows how it is",
                Health::Up if service.failing.is_some() => "a check fails, not down yet",
                Health::Up | Health::Maintenance => continue,
            };
            lines.push(line(service.id().to_string(), words.to_owned(), service.health == Health::Down));
        }
        let stale = self.hosts.hosts().filter_map(|host| match &host.link {
            Link::Stale { reason, .. } => Some(line(host.name.to_string(), format!("not reached: {reason}"), false)),
            Link::Connecting { .. } | Link::Up { .. } => None,
        });
        lines.extend(stale);
        Section { title: "watch", none: "nothing asks for attention", lines }
    }
}

fn entries(count: usize) -> String {
    if count == 1 { "1 entry".to_owned() } else { format!("{count} entries") }
}

/// Names what stands in a hand-over: what it is about, how it stands and whose it is, not the ages that go on by themselves.
fn digest(sections: &[Section]) -> String {
    let mut hash = sha2::Sha256::new();
    for section in sections.iter().filter(|section| !matches!(section.title, "watch" | "changed")) {
        hash.update(section.title.as_bytes());
        for line in &section.lines {
            hash.update([0]);
            hash.update(line.about.as_bytes());
            hash.update([2]);
            hash.update(line.stands.as_bytes());
        }
        hash.update([1]);
    }
    hash.finalize().iter().take(8).fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}

#[cfg(test)]
#[path = "handover_tests.rs"]
mod tests;
