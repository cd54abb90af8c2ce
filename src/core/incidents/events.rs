//! What is written into an incident's timeline. A word said is never changed: what corrects it is another one.
use serde::{Deserialize, Serialize};

use super::{Duty, Impact, Phase, Urgency};
use crate::core::{
    alerts::Severity,
    id::{HostName, IncidentId, Operator, ServiceId, Uid},
    record::DeclaredState,
    time::Timestamp,
    words::many,
};

/// One entry of an incident's timeline, committed before it is shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IncidentEvent {
    /// The incident.
    pub incident: Uid,
    /// When it happened (not when it was written down).
    pub at: Timestamp,
    /// Who did it.
    pub by: Operator,
    /// What.
    pub kind: IncidentEventKind,
}

/// An incident event as the store gave it back.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredIncidentEvent {
    /// The incident's number.
    pub number: IncidentId,
    /// Position within the incident, from 1.
    pub seq: u64,
    /// The event.
    pub event: IncidentEvent,
}

/// What happened in an incident. Where an event speaks of another one, it names its position.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum IncidentEventKind {
    /// It was opened.
    Opened {
        /// One line.
        title: String,
        /// How bad.
        severity: Severity,
        /// The service it is about.
        service: Option<ServiceId>,
    },
    /// It is about hosts: what somebody opened it for was on them, and names no service.
    About {
        /// Which.
        hosts: Vec<HostName>,
    },
    /// The alert that it is about began: dated back to when the alert fired.
    Detected {
        /// The alert.
        alert: Uid,
        /// Its one-line summary.
        summary: String,
    },
    /// Another alert of its service fired, or is over.
    Alert {
        /// The alert.
        alert: Uid,
        /// Its one-line summary.
        summary: String,
        /// Whether it fires.
        firing: bool,
    },
    /// Somebody took it.
    Acknowledged,
    /// A phase began.
    PhaseBegan {
        /// Which.
        phase: Phase,
        /// Why, and for a phase that was left before its guards held what a person said to that; empty where it goes by itself.
        #[serde(default)]
        note: String,
        /// The guards of the phases before it that did not hold: they are owed.
        #[serde(default)]
        owed: Vec<super::Guard>,
    },
    /// What kind of incident it is and whom it hurts.
    Classified {
        /// The type's name in the configuration.
        class: String,
        /// Whom it hurts.
        impact: Impact,
        /// How soon it gets worse.
        urgency: Urgency,
        /// Whom and how, in words: `checkout fails for 71 % of card payments`.
        #[serde(default)]
        words: String,
    },
    /// It is called something else from now on.
    Renamed {
        /// One line.
        title: String,
    },
    /// How bad it is was changed.
    SeverityChanged {
        /// To what.
        to: Severity,
        /// Why.
        #[serde(default)]
        reason: String,
    },
    /// Somebody has a duty, or lays it down.
    DutyTaken {
        /// Which.
        duty: Duty,
        /// Who has it from now on; nobody.
        who: Option<Operator>,
    },
    /// When it began.
    Onset {
        /// When.
        at: Timestamp,
        /// How that is known: of which series, or who says so.
        how: String,
        /// Whether it was computed; what a person says goes before it.
        estimated: bool,
    },
    /// When something happened was corrected; what was written first is kept.
    TimeCorrected {
        /// Position of what happened.
        of: u64,
        /// When it did.
        to: Timestamp,
    },
    /// A run was confirmed for it.
    Action {
        /// The run.
        run: Uid,
        /// One line: `restart play on web-01 by pm2 restart 0`.
        summary: String,
    },
    /// A run ended.
    Result {
        /// The run.
        run: Uid,
        /// How it ended.
        outcome: String,
        /// One line with exit codes and, once the checks have decided, whether the service recovered.
        summary: String,
    },
    /// A command was run on a host, outside of a run.
    Command {
        /// Where.
        host: HostName,
        /// What exactly.
        command: String,
        /// How it ended; none: nobody knows.
        exit: Option<i32>,
        /// SHA-256 of what it said, in hex.
        sha256: String,
        /// The first lines of it, redacted.
        output: String,
        /// The step of a runbook that it was.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        of: Option<Box<super::BookAnswer>>,
    },
    /// Somebody said how a step of a runbook stands.
    StepMarked {
        /// The runbook.
        book: String,
        /// The step's id.
        step: String,
        /// What.
        mark: super::StepMark,
        /// Why it is wrong.
        #[serde(default)]
        note: String,
    },
    /// A run that was confirmed carries a step of a runbook out.
    StepRun {
        /// The runbook.
        book: String,
        /// The step's id.
        step: String,
        /// The run.
        run: Uid,
    },
    /// A note.
    Note {
        /// The text.
        text: String,
    },
    /// Something was kept as evidence: redacted, then hashed.
    Pinned {
        /// What it is: `3 log lines`, `screen`.
        what: String,
        /// Where it is from, with the offset where there is one.
        source: String,
        /// What it says.
        body: String,
        /// SHA-256 of it, in hex.
        sha256: String,
    },
    /// Somebody thinks that this may be why.
    Hypothesis {
        /// What.
        text: String,
        /// How it would be found out.
        #[serde(default)]
        test: String,
    },
    /// Something speaks for a hypothesis, or against it.
    Argument {
        /// Position of the hypothesis.
        of: u64,
        /// Whether it speaks for it.
        supports: bool,
        /// What.
        text: String,
    },
    /// A hypothesis was decided.
    Verdict {
        /// Position of the hypothesis.
        of: u64,
        /// Whether it holds.
        holds: bool,
    },
    /// A change was chosen as what probably broke it; none: none of them convinces.
    SuspectChosen {
        /// The change's key, as `suspects` names it.
        key: Option<String>,
        /// One line.
        summary: String,
    },
    /// A change was ruled out.
    SuspectRuledOut {
        /// The change's key.
        key: String,
        /// One line.
        summary: String,
    },
    /// People were told.
    Told {
        /// The declared state.
        state: DeclaredState,
        /// What everybody may read.
        text: String,
        /// What the team reads instead, with names of hosts; empty: the same.
        #[serde(default)]
        internal: String,
        /// Where it went: the status page, a ticket, a channel.
        to: Vec<String>,
    },
    /// Somebody else was called.
    Escalated {
        /// Whom.
        to: String,
        /// Why.
        reason: String,
    },
    /// Something is to be done by somebody.
    TaskAdded {
        /// What.
        text: String,
        /// By whom.
        owner: Option<Operator>,
        /// Until when.
        due: Option<Timestamp>,
    },
    /// A task was done.
    TaskDone {
        /// Position of the task.
        of: u64,
    },
    /// It has to do with another incident.
    Linked {
        /// The other one.
        other: Uid,
        /// How.
        how: Link,
    },
    /// A ticket of it came to be.
    Ticket {
        /// The tracker's name.
        tracker: String,
        /// What it is called there.
        id: String,
        /// Where it is.
        url: Option<String>,
    },
    /// A section of its document was written.
    Section {
        /// Its name.
        section: super::Section,
        /// The text, in Markdown; empty takes it back.
        text: String,
    },
    /// Its document was sent to its tickets, as it was then.
    Published {
        /// The document, in Markdown.
        text: String,
        /// SHA-256 of it, in hex.
        sha256: String,
    },
    /// Users are helped, whatever the cause: seen by the checks, or said by a person.
    Mitigated {
        /// One line that says how it is known.
        summary: String,
    },
    /// The alert or the checks say it is over, or a person does.
    Resolved {
        /// One line that says how it is known.
        summary: String,
    },
    /// It is back.
    Reopened {
        /// One line that says how it is known.
        summary: String,
    },
    /// Its document is whole, and nothing is owed.
    Closed,
}

/// How two incidents belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Link {
    /// They have to do with each other.
    Related,
    /// This one went into the other.
    MergedInto,
    /// The other one came out of this.
    SplitOff,
    /// The other one went into this.
    TookIn,
    /// This one came out of the other.
    SplitFrom,
}

impl Link {
    /// Returns it in words.
    pub fn word(self) -> &'static str {
        match self {
            Self::Related => "related to",
            Self::MergedInto => "merged into",
            Self::SplitOff => "split off",
            Self::TookIn => "took in",
            Self::SplitFrom => "split from",
        }
    }

    /// Returns how the other one belongs to this, as it is written there.
    #[must_use]
    pub fn back(self) -> Self {
        match self {
            Self::Related => Self::Related,
            Self::MergedInto => Self::TookIn,
            Self::TookIn => Self::MergedInto,
            Self::SplitOff => Self::SplitFrom,
            Self::SplitFrom => Self::SplitOff,
        }
    }
}

impl IncidentEvent {
    /// Says whether an earlier event of the same incident has said this already: consoles that follow one run all note how
    /// it ended, and those of one person all note what that person owns. What a person wrote is never dropped.
    pub fn repeats(&self, earlier: &Self) -> bool {
        use IncidentEventKind::{Acknowledged, Action, Alert, Closed, Detected, Onset, Published, Result, Ticket};
        match (&self.kind, &earlier.kind) {
            (Action { run, .. }, Action { run: known, .. }) => run == known,
            (Result { run, outcome, .. }, Result { run: known, outcome: was, .. }) => run == known && outcome == was,
            (Detected { alert, .. }, Detected { alert: known, .. }) => alert == known,
            (Alert { alert, firing, .. }, Alert { alert: known, firing: was, .. }) => alert == known && firing == was,
            (Acknowledged, Acknowledged) => self.by == earlier.by && self.at == earlier.at,
            (Onset { at, estimated: true, .. }, Onset { at: known, estimated: true, .. }) => at == known,
            (Ticket { tracker, id, .. }, Ticket { tracker: known, id: was, .. }) => tracker == known && id == was,
            (Published { sha256, .. }, Published { sha256: known, .. }) => sha256 == known,
            (Closed, Closed) => true,
            (_, _) => false,
        }
    }
}

impl IncidentEventKind {
    /// Says whether nothing more is expected of the incident, or something is again; none: that stays as it was.
    pub fn ends(&self) -> Option<bool> {
        if let Self::Linked { how, .. } = self {
            return (*how == Link::MergedInto).then_some(true);
        }
        if matches!(self, Self::Opened { .. } | Self::Reopened { .. }) {
            return Some(false);
        }
        matches!(self, Self::Closed).then_some(true)
    }

    /// Returns one word for what it is.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Opened { .. } => "opened",
            Self::About { .. } => "about",
            Self::Detected { .. } => "detected",
            Self::Alert { .. } => "alert",
            Self::Acknowledged => "acknowledged",
            Self::PhaseBegan { .. } => "phase",
            Self::Classified { .. } => "class",
            Self::Renamed { .. } => "title",
            Self::SeverityChanged { .. } => "severity",
            Self::DutyTaken { .. } => "duty",
            Self::Onset { .. } => "onset",
            Self::TimeCorrected { .. } => "time",
            Self::Action { .. } => "action",
            Self::Result { .. } => "result",
            Self::Command { .. } => "command",
            Self::StepMarked { .. } | Self::StepRun { .. } => "runbook",
            Self::Note { .. } => "note",
            Self::Pinned { .. } => "pinned",
            Self::Hypothesis { .. } => "hypothesis",
            Self::Argument { .. } => "argument",
            Self::Verdict { .. } => "verdict",
            Self::SuspectChosen { .. } | Self::SuspectRuledOut { .. } => "suspect",
            Self::Told { .. } => "update",
            Self::Escalated { .. } => "escalated",
            Self::TaskAdded { .. } | Self::TaskDone { .. } => "task",
            Self::Linked { .. } => "link",
            Self::Ticket { .. } => "ticket",
            Self::Section { .. } | Self::Published { .. } => "document",
            Self::Mitigated { .. } => "mitigated",
            Self::Resolved { .. } => "resolved",
            Self::Reopened { .. } => "reopened",
            Self::Closed => "closed",
        }
    }

    /// Returns what it says, in words.
    pub fn says(&self) -> String {
        match self {
            Self::Opened { title, severity, .. } => format!("{title}, {severity:?}"),
            Self::Detected { summary, .. }
            | Self::Alert { summary, .. }
            | Self::Action { summary, .. }
            | Self::Result { summary, .. }
            | Self::Mitigated { summary }
            | Self::Resolved { summary }
            | Self::Reopened { summary } => summary.clone(),
            Self::About { hosts } => hosts.iter().map(HostName::as_str).collect::<Vec<_>>().join(", "),
            Self::Acknowledged => "took it".to_owned(),
            Self::PhaseBegan { phase, note, owed } => {
                let mut text = phase.word().to_owned();
                if !owed.is_empty() {
                    let owed: Vec<&str> = owed.iter().map(|guard| guard.words()).collect();
                    text.extend([" without: ", &owed.join(", ")]);
                }
                if !note.is_empty() {
                    text.extend([": ", note]);
                }
                text
            }
            Self::Classified { class, impact, urgency, words } => {
                let mut text = format!("{class}, {}, {}", impact.words(), urgency.words());
                if !words.is_empty() {
                    text.extend([": ", words]);
                }
                text
            }
            Self::Renamed { title } => title.clone(),
            Self::SeverityChanged { to, reason } if reason.is_empty() => format!("now {to:?}"),
            Self::SeverityChanged { to, reason } => format!("now {to:?}: {reason}"),
            Self::DutyTaken { duty, who: Some(who) } => format!("{} is {who}", duty.word()),
            Self::DutyTaken { duty, who: None } => format!("{} is nobody", duty.word()),
            Self::Onset { at, how, .. } => format!("{}: {how}", at.rfc3339()),
            Self::TimeCorrected { of, to } => format!("entry {of} happened at {}", to.rfc3339()),
            Self::Command { host, of: Some(of), .. } => {
                let why = if of.why.is_empty() { String::new() } else { format!(": {}", of.why) };
                format!("{host}: {}/{} {}{why}", of.book, of.step, crate::core::runbooks::met_word(of.met))
            }
            Self::Command { host, command, exit, .. } => match exit {
                Some(code) => format!("{host}: {command} (exit {code})"),
                None => format!("{host}: {command} (nobody knows how it ended)"),
            },
            Self::StepMarked { book, step, mark, note } if note.is_empty() => format!("{book}/{step} {}", mark.word()),
            Self::StepMarked { book, step, mark, note } => format!("{book}/{step} {}: {note}", mark.word()),
            Self::StepRun { book, step, run } => format!("{book}/{step} by run {run}"),
            Self::Pinned { what, source, .. } => format!("{what} of {source}"),
            Self::Hypothesis { text, test } if test.is_empty() => text.clone(),
            Self::Hypothesis { text, test } => format!("{text}; test: {test}"),
            Self::Argument { of, supports: true, text } => format!("for {of}: {text}"),
            Self::Argument { of, supports: false, text } => format!("against {of}: {text}"),
            Self::Verdict { of, holds: true } => format!("{of} holds"),
            Self::Verdict { of, holds: false } => format!("{of} is ruled out"),
            Self::SuspectChosen { key: Some(_), summary } => format!("chosen: {summary}"),
            Self::SuspectChosen { key: None, .. } => "none of the changes convinces".to_owned(),
            Self::SuspectRuledOut { summary, .. } => format!("ruled out: {summary}"),
            Self::Told { state, text, to, .. } => format!("{} to {}: {text}", state.word(), to.join(", ")),
            Self::Escalated { to, reason } => format!("to {to}: {reason}"),
            Self::TaskAdded { text, owner: Some(owner), .. } => format!("{owner}: {text}"),
            Self::Note { text } | Self::TaskAdded { text, owner: None, .. } => text.clone(),
            Self::TaskDone { of } => format!("{of} is done"),
            Self::Linked { other, how } => format!("{} {other}", how.word()),
            Self::Ticket { tracker, id, .. } => format!("{tracker} {id}"),
            Self::Section { section, text } if text.is_empty() => format!("{} is empty", section.title()),
            Self::Section { section, .. } => format!("{} is written", section.title()),
            Self::Published { text, sha256 } => {
                let short: String = sha256.chars().take(12).collect();
                format!("sent to its tickets: {}, SHA-256 {short}", many(text.lines().count(), "line"))
            }
            Self::Closed => "its document is whole".to_owned(),
        }
    }

    /// Returns what it is and its text, in words: for a search and for a copy.
    pub fn text(&self) -> String {
        [self.word(), " ", &self.says()].concat()
    }
}
