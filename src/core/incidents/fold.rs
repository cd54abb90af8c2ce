//! An incident as the fold of its events: whoever folds the same events in the order of the store knows the same.
use std::collections::{BTreeMap, BTreeSet};

use super::{
    AT_ONCE_MS, Duty, Guard, Impact, IncidentEvent, IncidentEventKind, Link, Phase, Section, StoredIncidentEvent,
    Urgency, evidence::sha256, similar::Signature, suspects::Change,
};
use crate::core::{
    alerts::Severity,
    id::{HostName, IncidentId, Operator, ServiceId, Uid},
    record::DeclaredState,
    runs::Verdict,
    time::Timestamp,
};

/// An incident: the fold of its events.
#[derive(Clone, Debug, PartialEq)]
pub struct Incident {
    /// Its id.
    pub uid: Uid,
    /// Its number.
    pub number: IncidentId,
    /// One line.
    pub title: String,
    /// How bad.
    pub severity: Severity,
    /// The service it is about.
    pub service: Option<ServiceId>,
    /// The hosts that it is about, where it names no service.
    pub hosts: Vec<HostName>,
    /// The alert it began with.
    pub alert: Option<Uid>,
    /// When the alert fired.
    pub detected: Option<Timestamp>,
    /// When it was opened.
    pub opened: Timestamp,
    /// Who leads: who took it, until somebody else does.
    pub owner: Option<Operator>,
    /// When whoever leads took it.
    pub(super) led: Option<Timestamp>,
    /// When it was taken for the first time.
    pub acknowledged: Option<Timestamp>,
    /// Who has which duty besides.
    pub duties: BTreeMap<Duty, Operator>,
    /// Where it is.
    pub phase: Phase,
    /// Since when.
    pub phase_since: Timestamp,
    /// When each phase began last.
    pub phases: BTreeMap<Phase, Timestamp>,
    /// Guards of phases that were left: which of them do not hold is asked when it is shown.
    pub owed: BTreeSet<Guard>,
    /// What it is and whom it hurts.
    pub classified: Option<Classified>,
    /// When it began: what a person said last, else what was computed last.
    pub onset: Option<KnownOnset>,
    /// The suspect; a key, or none where none convinces.
    pub suspect: Option<(Option<String>, String)>,
    /// Keys of changes that were ruled out.
    pub ruled_out: BTreeSet<String>,
    /// By position.
    pub hypotheses: BTreeMap<u64, Hypothesis>,
    /// What was done of runbooks.
    pub books: super::Books,
    /// Positions of what was kept as evidence.
    pub evidence: Vec<u64>,
    /// Positions of evidence that was not what it was when it was kept, as the store gave it back.
    pub changed: BTreeSet<u64>,
    /// What people were told, oldest first.
    pub told: Vec<Told>,
    /// When somebody else was called, and who.
    pub escalated: Vec<(Timestamp, String)>,
    /// By position.
    pub tasks: BTreeMap<u64, Task>,
    /// What it has to do with.
    pub links: Vec<(Uid, Link)>,
    /// The incident that it went into.
    pub merged_into: Option<Uid>,
    /// Tickets: tracker, what it is called there, where it is.
    pub tickets: Vec<(String, String, Option<String>)>,
    /// What a person wrote for its document.
    pub sections: BTreeMap<Section, String>,
    /// When its document was last sent to its tickets, and what it was: its SHA-256.
    pub published: Option<(Timestamp, String)>,
    /// Whether something was done.
    pub acted: bool,
    /// When users were helped.
    pub mitigated: Option<Timestamp>,
    /// When it was over.
    pub resolved: Option<Timestamp>,
    /// When its document was whole.
    pub closed: Option<Timestamp>,
    /// Its timeline, by position.
    pub timeline: BTreeMap<u64, IncidentEvent>,
    /// When things happened that were written with another time.
    pub corrected: BTreeMap<u64, Timestamp>,
    /// By what it is known, but for the rule of its alert, which only others know.
    pub signature: Signature,
}

/// What an incident is and whom it hurts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Classified {
    /// The type's name.
    pub class: String,
    /// Whom it hurts.
    pub impact: Impact,
    /// How soon it gets worse.
    pub urgency: Urgency,
    /// Whom and how, in words.
    pub words: String,
}

/// When an incident began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownOnset {
    /// When.
    pub at: Timestamp,
    /// How that is known.
    pub how: String,
    /// Whether it was computed.
    pub estimated: bool,
}

/// Why it may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hypothesis {
    /// What.
    pub text: String,
    /// How it would be found out.
    pub test: String,
    /// What speaks for it.
    pub supports: Vec<String>,
    /// What speaks against it.
    pub opposes: Vec<String>,
    /// Whether it holds; none: nobody knows yet.
    pub verdict: Option<bool>,
}

/// What people were told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// When.
    pub at: Timestamp,
    /// The declared state.
    pub state: DeclaredState,
    /// The text.
    pub text: String,
    /// Where it went.
    pub to: Vec<String>,
}

/// Something to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// What.
    pub text: String,
    /// By whom.
    pub owner: Option<Operator>,
    /// Until when.
    pub due: Option<Timestamp>,
    /// When it was.
    pub done: Option<Timestamp>,
}

impl Incident {
    fn new(of: &StoredIncidentEvent, title: String, severity: Severity, service: Option<ServiceId>) -> Self {
        let at = of.event.at;
        let signature = Signature::new(&title, service.as_ref(), None);
        Self {
            uid: of.event.incident,
            number: of.number,
            title,
            severity,
            service,
            hosts: Vec::new(),
            alert: None,
            detected: None,
            opened: at,
            owner: None,
            led: None,
            acknowledged: None,
            duties: BTreeMap::new(),
            // It is registered by being there; its ticket follows by the outbox.
            phase: Phase::Classify,
            phase_since: at,
            phases: [Phase::Detect, Phase::Register, Phase::Classify].map(|phase| (phase, at)).into(),
            owed: Phase::Register.guards().iter().copied().collect(),
            classified: None,
            onset: None,
            suspect: None,
            ruled_out: BTreeSet::new(),
            hypotheses: BTreeMap::new(),
            books: super::Books::new(),
            evidence: Vec::new(),
            changed: BTreeSet::new(),
            told: Vec::new(),
            escalated: Vec::new(),
            tasks: BTreeMap::new(),
            links: Vec::new(),
            merged_into: None,
            tickets: Vec::new(),
            sections: BTreeMap::new(),
            published: None,
            acted: false,
            mitigated: None,
            resolved: None,
            closed: None,
            timeline: BTreeMap::new(),
            corrected: BTreeMap::new(),
            signature,
        }
    }

    /// Returns when an entry of the timeline happened.
    pub fn happened(&self, seq: u64) -> Option<Timestamp> {
        let written = self.timeline.get(&seq).map(|event| event.at);
        self.corrected.get(&seq).copied().or(written)
    }

    /// Returns the timeline with positions, by when things happened; what happened at once stays in the order of writing.
    pub fn by_time(&self) -> Vec<(u64, &IncidentEvent)> {
        let mut events: Vec<_> = self.timeline.iter().map(|(seq, event)| (*seq, event)).collect();
        events.sort_by_key(|(seq, event)| self.corrected.get(seq).copied().unwrap_or(event.at));
        events
    }

    /// Returns what offsets of its timeline are counted from: its onset, else when it was detected or opened.
    pub fn zero(&self) -> Timestamp {
        self.onset.as_ref().map_or_else(|| self.detected.unwrap_or(self.opened), |onset| onset.at)
    }

    /// Says whether users are, or may be, still hurt.
    pub fn is_open(&self) -> bool {
        self.resolved.is_none() && self.closed.is_none() && self.merged_into.is_none()
    }

    /// Says whether a change was chosen as what probably broke it.
    pub fn suspects(&self, change: &Change) -> bool {
        self.suspect.as_ref().and_then(|(key, _)| key.as_deref()).is_some_and(|key| change.is_named(key))
    }

    /// Says whether a change was ruled out.
    pub fn rules_out(&self, change: &Change) -> bool {
        self.ruled_out.iter().any(|key| change.is_named(key))
    }

    /// Says whether somebody is still at it: users may be hurt, or it is being proved that they are not any more.
    pub fn is_in_hand(&self) -> bool {
        let proved = self.phase > Phase::Validate;
        self.is_open() || (self.closed.is_none() && self.merged_into.is_none() && !proved)
    }

    /// Says whether it is over, but its document is not whole.
    pub fn is_owed(&self) -> bool {
        self.resolved.is_some() && self.closed.is_none() && self.merged_into.is_none()
    }

    /// Says in a word how it stands.
    pub fn standing(&self) -> &'static str {
        match (self.merged_into, self.closed, self.resolved) {
            (Some(_), _, _) => "merged",
            (None, Some(_), _) => "closed",
            (None, None, Some(_)) => "resolved",
            (None, None, None) => "open",
        }
    }

    fn enter(&mut self, phase: Phase, at: Timestamp) {
        self.phase = phase;
        self.phase_since = at;
        self.phases.insert(phase, at);
    }

    /// Goes on to a phase, past others; what those ask for is owed.
    fn leap(&mut self, to: Phase, at: Timestamp) {
        if self.phase < to {
            let left = Phase::ALL.into_iter().filter(|phase| (self.phase..to).contains(phase));
            self.owed.extend(left.flat_map(Phase::guards).filter(|guard| guard.may_be_owed()));
            self.enter(to, at);
        }
    }

    fn take(&mut self, seq: u64, event: &IncidentEvent) {
        let at = event.at;
        super::books::take(&mut self.books, seq, &event.by, at, &event.kind);
        match &event.kind {
            // A second `Opened` of the same incident changes nothing.
            IncidentEventKind::Opened { .. }
            | IncidentEventKind::Alert { .. }
            | IncidentEventKind::Note { .. }
            | IncidentEventKind::Command { .. }
            | IncidentEventKind::StepMarked { .. } => {}
            IncidentEventKind::About { hosts } => self.hosts.clone_from(hosts),
            IncidentEventKind::Detected { alert, .. } => self.is_seen(*alert, at),
            IncidentEventKind::Acknowledged => self.lead((&event.by, &event.by), at),
            IncidentEventKind::PhaseBegan { phase, owed, .. } => {
                self.owed.extend(owed.iter().copied());
                self.enter(*phase, at);
            }
            IncidentEventKind::Classified { class, impact, urgency, words } => {
                let (class, words) = (class.clone(), words.clone());
                self.classified = Some(Classified { class, impact: *impact, urgency: *urgency, words });
            }
            IncidentEventKind::Renamed { title } => {
                self.title.clone_from(title);
                self.signature.entitle(title);
            }
            IncidentEventKind::SeverityChanged { to, .. } => self.severity = *to,
            IncidentEventKind::DutyTaken { duty: Duty::Lead, who: Some(who) } => self.lead((who, &event.by), at),
            IncidentEventKind::DutyTaken { duty: Duty::Lead, who: None } => (self.owner, self.led) = (None, None),
            IncidentEventKind::DutyTaken { duty, who: Some(who) } => _ = self.duties.insert(*duty, who.clone()),
            IncidentEventKind::DutyTaken { duty, who: None } => _ = self.duties.remove(duty),
            IncidentEventKind::Onset { at, how, estimated } => {
                if !estimated || self.onset.as_ref().is_none_or(|known| known.estimated) {
                    self.onset = Some(KnownOnset { at: *at, how: how.clone(), estimated: *estimated });
                }
            }
            IncidentEventKind::TimeCorrected { of, to } => _ = self.corrected.insert(*of, *to),
            IncidentEventKind::Action { .. } | IncidentEventKind::StepRun { .. } => self.acted = true,
            IncidentEventKind::Result { outcome, .. } => {
                self.acted = true;
                if outcome == Verdict::Recovered.noted() {
                    self.mitigated = self.mitigated.or(Some(at));
                }
            }
            IncidentEventKind::Pinned { what, source, body, sha256: kept } => {
                self.evidence.push(seq);
                self.signature.keep(what, source, body);
                if sha256(body) != *kept {
                    self.changed.insert(seq);
                }
            }
            IncidentEventKind::Hypothesis { .. }
            | IncidentEventKind::Argument { .. }
            | IncidentEventKind::Verdict { .. }
            | IncidentEventKind::SuspectChosen { .. }
            | IncidentEventKind::SuspectRuledOut { .. } => self.think(seq, &event.kind),
            IncidentEventKind::Told { state, text, to, .. } => {
                self.told.push(Told { at, state: *state, text: text.clone(), to: to.clone() });
            }
            IncidentEventKind::Escalated { to, .. } => self.escalated.push((at, to.clone())),
            IncidentEventKind::TaskAdded { text, owner, due } => {
                let task = Task { text: text.clone(), owner: owner.clone(), due: *due, done: None };
                self.tasks.insert(seq, task);
            }
            IncidentEventKind::TaskDone { of } => {
                if let Some(task) = self.tasks.get_mut(of) {
                    task.done = task.done.or(Some(at));
                }
            }
            IncidentEventKind::Linked { other, how } => self.link(*other, *how),
            IncidentEventKind::Ticket { tracker, id, url } => {
                self.tickets.push((tracker.clone(), id.clone(), url.clone()));
            }
            IncidentEventKind::Section { section, text } if text.trim().is_empty() => _ = self.sections.remove(section),
            IncidentEventKind::Section { section, text } => _ = self.sections.insert(*section, text.clone()),
            IncidentEventKind::Published { sha256, .. } => self.published = Some((at, sha256.clone())),
            IncidentEventKind::Mitigated { .. } => self.mitigated = self.mitigated.or(Some(at)),
            IncidentEventKind::Resolved { .. } => self.is_well(at),
            IncidentEventKind::Reopened { .. } => self.is_back(at),
            IncidentEventKind::Closed => self.closed = self.closed.or(Some(at)),
        }
    }

    /// Folds it anew with each entry at the time at which it happened as is known by now: what is said of it anywhere follows from
    /// the same times. The timeline itself stays as it was written.
    fn retold(&mut self) {
        let first = self.timeline.iter().find_map(|(seq, event)| {
            let IncidentEventKind::Opened { title, severity, service } = &event.kind else { return None };
            Some((*seq, event.clone(), title.clone(), *severity, service.clone()))
        });
        let Some((seq, event, title, severity, service)) = first else { return };
        let at = self.happened(seq).unwrap_or(event.at);
        let stored = StoredIncidentEvent { number: self.number, seq, event: IncidentEvent { at, ..event } };
        let mut again = Self::new(&stored, title, severity, service);
        for (seq, event) in &self.timeline {
            let at = self.happened(*seq).unwrap_or(event.at);
            again.take(*seq, &IncidentEvent { at, ..event.clone() });
        }
        again.timeline = std::mem::take(&mut self.timeline);
        *self = again;
    }

    fn is_seen(&mut self, alert: Uid, at: Timestamp) {
        (self.alert, self.detected) = (Some(alert), Some(at));
        self.phases.insert(Phase::Detect, at);
    }

    fn is_well(&mut self, at: Timestamp) {
        if self.resolved.is_none() {
            self.resolved = Some(at);
            self.mitigated = self.mitigated.or(Some(at));
            self.leap(Phase::Validate, at);
        }
    }

    fn is_back(&mut self, at: Timestamp) {
        (self.resolved, self.mitigated, self.closed) = (None, None, None);
        if self.phase > Phase::Diagnose {
            self.enter(Phase::Diagnose, at);
        }
    }

    fn link(&mut self, other: Uid, how: Link) {
        self.links.push((other, how));
        if how == Link::MergedInto {
            self.merged_into = Some(other);
        }
    }

    /// Has somebody lead. Of two who take it at once neither knows of the other: the first has it, as the first has its alerts.
    fn lead(&mut self, (who, by): (&Operator, &Operator), at: Timestamp) {
        let at_once = |led: Timestamp| who == by && at.since(led).abs() < AT_ONCE_MS;
        let has = self.owner.as_ref().zip(self.led).filter(|(owner, led)| *owner != who && at_once(*led));
        if has.is_none_or(|(owner, led)| (at, who) < (led, owner)) {
            (self.owner, self.led) = (Some(who.clone()), Some(at));
        }
        self.acknowledged = Some(self.acknowledged.map_or(at, |known| known.min(at)));
    }

    /// Takes what people think may be why.
    fn think(&mut self, seq: u64, kind: &IncidentEventKind) {
        if let IncidentEventKind::Hypothesis { text, test } = kind {
            self.hypotheses.insert(
                seq,
                Hypothesis {
                    text: text.clone(),
                    test: test.clone(),
                    supports: Vec::new(),
                    opposes: Vec::new(),
                    verdict: None,
                },
            );
        } else if let IncidentEventKind::Argument { of, supports, text } = kind
            && let Some(hypothesis) = self.hypotheses.get_mut(of)
        {
            if *supports { &mut hypothesis.supports } else { &mut hypothesis.opposes }.push(text.clone());
        } else if let IncidentEventKind::Verdict { of, holds } = kind
            && let Some(hypothesis) = self.hypotheses.get_mut(of)
        {
            hypothesis.verdict = Some(*holds);
        } else if let IncidentEventKind::SuspectChosen { key, summary } = kind {
            self.suspect = Some((key.clone(), summary.clone()));
        } else if let IncidentEventKind::SuspectRuledOut { key, .. } = kind {
            self.ruled_out.insert(key.clone());
            if self.suspect.as_ref().is_some_and(|(chosen, _)| chosen.as_ref() == Some(key)) {
                self.suspect = None;
            }
        }
    }
}

/// Adds one stored event; returns the incident that is new by it.
pub(super) fn fold(incidents: &mut BTreeMap<Uid, Incident>, stored: StoredIncidentEvent) -> Option<Uid> {
    let uid = stored.event.incident;
    let mut opened = None;
    if let (IncidentEventKind::Opened { title, severity, service }, false) =
        (&stored.event.kind, incidents.contains_key(&uid))
    {
        opened = Some(uid);
        let incident = Incident::new(&stored, title.clone(), *severity, service.clone());
        incidents.insert(uid, incident);
    }
    let incident = incidents.get_mut(&uid)?;
    let StoredIncidentEvent { seq, event, .. } = stored;
    // The same event again, as a look back may bring it.
    if !incident.timeline.contains_key(&seq) {
        let corrects = matches!(event.kind, IncidentEventKind::TimeCorrected { .. });
        incident.take(seq, &event);
        incident.timeline.insert(seq, event);
        if corrects {
            incident.retold();
        }
    }
    opened
}
