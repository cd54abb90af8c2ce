//! Documents in the console: what is shown of one, what is typed into its sections, and where it goes.
//!
//! Core gathers the facts; writing them out by a template and keeping drafts on disk are effects. What is typed is kept
//! twice a second at most, so that a console that dies loses no more than that.
use std::sync::Arc;

use super::{
    Effect, State as Core,
    id::Uid,
    incidents::{
        Document, Guard, Incident, IncidentEventKind, Section, Surroundings,
        evidence::sha256,
        phase::{self, Phase},
        policy::Template,
    },
    screen::{Draft, Overlay, Tone, View, form, rows},
    services::Split,
    time::{Mono, Now, Timestamp},
};

/// Milliseconds between two looks at the facts while a document is shown: its ages go on.
const LOOK_MS: u64 = 10_000;
/// Milliseconds for which what is typed may be in memory alone.
const KEEP_MS: u64 = 500;

/// A section of an incident's document, as something is kept of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DraftName {
    /// The incident.
    pub incident: Uid,
    /// The section.
    pub section: Section,
}

/// A document that is to be written out.
#[derive(Clone, Debug, PartialEq)]
pub struct Paper {
    /// Of which incident.
    pub incident: Uid,
    /// What it says.
    pub document: Document,
    /// What for.
    pub wanted: Wanted,
    /// By which template; none: the built-in one.
    pub template: Option<Arc<Template>>,
}

/// What a document is written out for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// To be read here.
    Show,
    /// To be sent to its tickets.
    Send,
    /// To be put into a file.
    Export,
}

/// What happened to documents.
#[derive(Clone, Debug, PartialEq)]
pub enum Msg {
    /// One was written out, or why it was not.
    Written {
        /// Of which incident.
        incident: Uid,
        /// What for.
        wanted: Wanted,
        /// The text, or for a file where it is.
        text: Result<String, String>,
    },
    /// What was kept of a section.
    Recalled {
        /// Of which section.
        of: DraftName,
        /// The text.
        text: String,
    },
    /// What the person's own editor made of a section.
    Edited {
        /// Of which section.
        of: DraftName,
        /// The text, or why there is none.
        text: Result<String, String>,
    },
}

/// Documents that are looked at and written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    /// The one that is shown, as text, or why it cannot be.
    pub shown: Option<(Uid, Result<String, String>)>,
    /// What it was asked for: of which incident, with how many entries, when.
    asked: Option<(Uid, usize, Mono)>,
    /// Since when what is typed is in memory alone.
    unkept: Option<Mono>,
}

impl State {
    /// Notes that something was typed.
    pub(super) fn typed(&mut self, now: Now) {
        self.unkept = self.unkept.or(Some(now.mono));
    }
}

impl Core {
    /// Puts the document of an incident together as of now.
    pub fn document(&self, of: &Incident, now: Timestamp) -> Document {
        let service = of.service.as_ref().and_then(|id| self.services.service(id));
        let objective = of.service.as_ref().and_then(|id| self.inventory.service(id)).and_then(|service| service.slo);
        let measured = service.zip(objective).map(|(service, slo)| {
            let days = service.days.iter().rev().take(slo.days());
            days.fold(Split::default(), |sum, day| sum.plus(day.split))
        });
        let owed = self.missing_to_close(of, now);
        Document::of(
            of,
            Surroundings {
                incidents: &self.incidents,
                runs: &self.runs,
                policy: &self.inventory.policy,
                objective,
                measured,
                owed: &owed,
                now,
            },
        )
    }

    /// Returns what is missing before an incident can be closed: what its last phase asks for, and what earlier ones were left without.
    pub fn missing_to_close(&self, of: &Incident, now: Timestamp) -> Vec<Guard> {
        if of.closed.is_some() || of.merged_into.is_some() {
            return Vec::new();
        }
        let (around, policy) = (self.around(of), &self.inventory.policy);
        let asked = Phase::Document.guards().iter().copied();
        let mut missing: Vec<Guard> = asked.filter(|guard| !phase::holds(*guard, of, around, policy, now)).collect();
        for guard in phase::owed(of, around, policy, now) {
            if !missing.contains(&guard) {
                missing.push(guard);
            }
        }
        missing
    }

    /// Asks for a document to be written out.
    pub(super) fn write_paper(&self, incident: Uid, wanted: Wanted, now: Now) -> Vec<Effect> {
        let Some(of) = self.incidents.incidents.get(&incident) else { return Vec::new() };
        let class = of.classified.as_ref().map(|classified| classified.class.as_str());
        let template = self.inventory.policy.template(class).cloned();
        let document = self.document(of, now.utc);
        vec![Effect::WritePaper(Box::new(Paper { incident, document, wanted, template }))]
    }

    /// Keeps what is typed, where it has been in memory alone for long enough, or at once.
    pub(super) fn keep_draft(&mut self, at_once: bool, now: Now) -> Vec<Effect> {
        let due = self.documents.unkept.is_some_and(|since| at_once || now.mono.since(since) >= KEEP_MS);
        let Some(Overlay::Section(of)) = self.screen.overlay.clone().filter(|_| due) else { return Vec::new() };
        self.documents.unkept = None;
        vec![Effect::KeepDraft { of, text: Some(self.screen.draft(Draft::Section).to_owned()) }]
    }

    pub(super) fn documents_ticked(&mut self, now: Now) -> Vec<Effect> {
        let mut effects = self.keep_draft(false, now);
        let View::Document(uid) = self.screen.view else { return effects };
        let Some(entries) = self.incidents.incidents.get(&uid).map(|of| of.timeline.len()) else { return effects };
        let known = self
            .documents
            .asked
            .is_some_and(|(of, seen, at)| of == uid && seen == entries && now.mono.since(at) < LOOK_MS);
        if !known {
            self.documents.asked = Some((uid, entries, now.mono));
            effects.extend(self.write_paper(uid, Wanted::Show, now));
        }
        effects
    }

    pub(super) fn documents_update(&mut self, msg: Msg, now: Now) -> Vec<Effect> {
        match msg {
            Msg::Written { incident, wanted: Wanted::Show, text } => {
                self.documents.shown = Some((incident, text));
                rows::refresh(self, now, false);
            }
            Msg::Written { wanted: Wanted::Send | Wanted::Export, text: Err(why), .. } => {
                self.screen.say(now, Tone::Error, why);
            }
            Msg::Written { wanted: Wanted::Export, text: Ok(place), .. } => {
                self.screen.say(now, Tone::Done, format!("written to {place}"));
            }
            Msg::Written { incident, wanted: Wanted::Send, text: Ok(text) } => {
                return self.send_paper(incident, text, now);
            }
            // What was written meanwhile goes before what is on disk.
            Msg::Recalled { of, text } => {
                let waits = self.screen.overlay == Some(Overlay::Section(of)) && self.documents.unkept.is_none();
                if waits && !text.trim().is_empty() && text != self.screen.draft(Draft::Section) {
                    self.screen.drafts.insert(Draft::Section, text);
                    self.screen.say(now, Tone::Info, "this is what was typed here before and not saved");
                }
            }
            Msg::Edited { text: Err(why), .. } => self.screen.say(now, Tone::Error, why),
            Msg::Edited { of, text: Ok(text) } => return self.section_written(of, text, now),
        }
        Vec::new()
    }

    /// Writes a section down, unless it is what it was.
    pub(super) fn section_written(&mut self, of: DraftName, text: String, now: Now) -> Vec<Effect> {
        let Some(incident) = self.incidents.incidents.get(&of.incident) else { return Vec::new() };
        let text = text.trim_end().to_owned();
        let forget = Effect::KeepDraft { of, text: None };
        if incident.sections.get(&of.section).map_or("", String::as_str) == text {
            self.screen.say(now, Tone::Info, format!("{} is as it was", of.section.title()));
            return vec![forget];
        }
        let kind = IncidentEventKind::Section { section: of.section, text };
        let mut effects = form::write(self, of.incident, vec![kind], now);
        // What is kept of it goes once it is saved, and no sooner.
        if let Some(Effect::Commit { then, .. }) = effects.first_mut() {
            then.push(forget);
        }
        super::said(effects, format!("{} is saved", of.section.title()))
    }

    fn send_paper(&mut self, incident: Uid, text: String, now: Now) -> Vec<Effect> {
        let Some(of) = self.incidents.incidents.get(&incident) else { return Vec::new() };
        let sha256 = sha256(&text);
        if of.published.as_ref().is_some_and(|(_, known)| *known == sha256) {
            self.screen.say(now, Tone::Info, "it was sent as it is");
            return Vec::new();
        }
        let effects = form::write(self, incident, vec![IncidentEventKind::Published { text, sha256 }], now);
        super::said(effects, "it goes to its tickets by the outbox")
    }
}
