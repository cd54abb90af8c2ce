//! One update for every audience: what everybody reads, what the team reads, where it goes, and when the next one is due.
//!
//! One text is written. Two templates make two versions of it; what follows ` -- ` only the team reads. The status update, the
//! timeline, the ticket's comment and the notices are one commit.
use super::{
    Effect, State,
    id::{HostName, ServiceId, Uid},
    incidents,
    incidents::{Incident, IncidentEventKind, Phase},
    outbox::{self, Audience, Hears, Send},
    record::{DeclaredState, Row, StatusUpdate},
    services::{Health, ServiceState},
    time::{Now, Timestamp},
};

/// What parts the words for everybody from those for the team.
const TEAM_ONLY: &str = " -- ";
/// Letters of a host's name that are too few to be meant.
const SHORT: usize = 3;

/// How the two versions are made. `{text}` is what was written; a part in brackets goes where what it names is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Templates {
    /// For everybody.
    pub public: String,
    /// For the team.
    pub internal: String,
}

impl Default for Templates {
    fn default() -> Self {
        Self {
            public: "{text}[ Next update by {next}.]".to_owned(),
            internal: "{text}[ Next update by {next}.][ {number}][ {severity}][ {service}][ on {hosts}][, lead {lead}]"
                .to_owned(),
        }
    }
}

/// What a template may name.
pub const PLACES: [&str; 8] = ["text", "next", "state", "number", "severity", "service", "hosts", "lead"];
/// What of it nobody but the team may read.
pub const INTERNAL_PLACES: [&str; 2] = ["hosts", "lead"];

/// An update as somebody wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// The incident that it is about.
    pub incident: Option<Uid>,
    /// The service; none: everything.
    pub service: Option<ServiceId>,
    /// The declared state.
    pub state: DeclaredState,
    /// What was written.
    pub text: String,
}

/// An update as it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Versions {
    /// What everybody reads.
    pub public: String,
    /// What the team reads.
    pub internal: String,
    /// Where it goes.
    pub to: Vec<String>,
    /// Until when the next one is promised.
    pub next: Option<Timestamp>,
}

impl Incident {
    /// Returns the state that the next word is to declare: as the incident stands, and none before what was said last.
    pub fn to_declare(&self) -> DeclaredState {
        let last = self.told.last().map(|told| told.state);
        let known = self.phase == Phase::Act || self.hypotheses.values().any(|of| of.verdict == Some(true));
        let now = match (self.resolved.is_some(), self.mitigated.is_some()) {
            (true, _) if self.phase == Phase::Document || last == Some(DeclaredState::Monitoring) => {
                DeclaredState::Resolved
            }
            (true, _) | (false, true) => DeclaredState::Monitoring,
            (false, false) if known => DeclaredState::Identified,
            (false, false) => DeclaredState::Investigating,
        };
        let place = |state| DeclaredState::ALL.iter().position(|known| *known == state);
        // What came back after its end is no longer over.
        let said = last.filter(|last| !matches!(last, DeclaredState::Resolved | DeclaredState::Maintenance));
        said.filter(|said| place(*said) > place(now)).unwrap_or(now)
    }

    /// Says whether nobody still waits for a word on it: nobody was told anything, or all were told that it is over.
    pub fn is_last_word_said(&self) -> bool {
        let open = |state| !matches!(state, DeclaredState::Resolved | DeclaredState::Maintenance);
        self.told.last().is_none_or(|told| !open(told.state))
    }
}

impl State {
    fn incident_of(&self, word: &Word) -> Option<&Incident> {
        let named = word.incident.and_then(|uid| self.incidents.incidents.get(&uid));
        named.or_else(|| self.incidents.to_tell_of(word.service.as_ref()?))
    }

    /// Proposes the words for everybody, of what is known: the impact as somebody said it, the service, since when it is well. They
    /// say no more than the declared state does, and nothing where nothing is known to be wrong.
    pub fn proposed(&self, word: &Word) -> String {
        let incident = self.incident_of(word);
        let service = word.service.as_ref().or_else(|| incident?.service.as_ref());
        if incident.is_none() && !self.is_anything_wrong(service) {
            return String::new();
        }
        let what = service.map_or_else(|| "some of our systems".to_owned(), |id| id.service.to_string());
        let said = incident.and_then(|of| of.classified.as_ref()).map(|of| of.words.trim()).filter(|of| !of.is_empty());
        let hurt = said.map_or_else(|| format!("There is a problem with {what}."), |said| sentence(&capital(said)));
        match word.state {
            DeclaredState::Investigating => format!("{hurt} We are looking into it."),
            DeclaredState::Identified => format!("{hurt} We know what it is and are mending it."),
            DeclaredState::Monitoring => format!("A fix for {what} is in place. We are watching whether it holds."),
            DeclaredState::Resolved => {
                let well = service.map_or_else(|| "everything".to_owned(), |id| id.service.to_string());
                let since = incident.and_then(|of| of.resolved).map(|at| format!(", since {}", clock_of(at)));
                format!("This is over: {well} is well again{}.", since.unwrap_or_default())
            }
            DeclaredState::Maintenance => format!("Planned work on {what} goes on."),
        }
    }

    /// Says whether a service, or any, is measured to be unwell, or people were told so last.
    fn is_anything_wrong(&self, service: Option<&ServiceId>) -> bool {
        let unwell = |of: &ServiceState| matches!(of.health, Health::Down | Health::Degraded);
        let newest = self.services.updates().rev().find(|known| known.service.as_ref() == service);
        let told = newest.is_some_and(|known| known.state != DeclaredState::Resolved);
        told || match service {
            Some(id) => self.services.service(id).is_some_and(unwell),
            None => self.services.services().any(unwell),
        }
    }

    /// Makes both versions of an update, and says where they go.
    pub fn versions(&self, word: &Word, now: Timestamp) -> Versions {
        let incident = self.incident_of(word);
        let next = incident.and_then(|of| self.next_update(of, word.state, now));
        let (public, internal) = self.filled(word, incident, next.map(clock_of).as_deref());
        let mut to = vec!["status page".to_owned()];
        if let Some(of) = incident {
            to.extend(self.listeners(of));
        }
        Versions { public, internal, to, next }
    }

    /// Returns until when the policy promises the next word.
    fn next_update(&self, of: &Incident, state: DeclaredState, now: Timestamp) -> Option<Timestamp> {
        let policy = &self.inventory.policy;
        let every = policy.of(of.severity).update_every_ms.filter(|_| state != DeclaredState::Resolved)?;
        if policy.of(of.severity).business {
            return policy.business.after(now, every);
        }
        i64::try_from(every).ok().map(|every| now + every)
    }

    fn filled(&self, word: &Word, incident: Option<&Incident>, next: Option<&str>) -> (String, String) {
        let (open, closed) = word.text.split_once(TEAM_ONLY).unwrap_or((&word.text, ""));
        let (open, closed) = (sentence(open), sentence(closed));
        let service = word.service.as_ref().or_else(|| incident?.service.as_ref());
        let hosts = service.and_then(|id| self.inventory.service(id));
        let hosts = hosts.map(|of| of.hosts.iter().map(HostName::as_str).collect::<Vec<_>>().join(", "));
        let find = |name: &str, text: &str| match name {
            "text" => text.to_owned(),
            "next" => next.unwrap_or_default().to_owned(),
            "state" => word.state.word().to_owned(),
            "number" => incident.map(|of| of.number.to_string()).unwrap_or_default(),
            "severity" => incident.map(|of| format!("{:?}", of.severity)).unwrap_or_default(),
            "service" => service.map(ToString::to_string).unwrap_or_default(),
            "hosts" => hosts.clone().unwrap_or_default(),
            "lead" => incident.and_then(|of| of.owner.as_ref()).map(ToString::to_string).unwrap_or_default(),
            _ => String::new(),
        };
        let team = [open.as_str(), closed.as_str()].join(" ").trim().to_owned();
        let templates = &self.inventory.updates;
        (fill(&templates.public, |name| find(name, &open)), fill(&templates.internal, |name| find(name, &team)))
    }

    /// Names the tickets and the notifiers that hear an update of an incident.
    fn listeners(&self, of: &Incident) -> Vec<String> {
        let trackers = self.inventory.trackers.iter().filter(|tracker| {
            tracker.send.contains(&Send::Update) && self.outbox.ticket(of.uid, &tracker.name).is_some()
        });
        let notifiers = self.inventory.notifiers.iter().filter(|notifier| {
            !notifier.local
                && notifier.hears.contains(&Hears::Update)
                && outbox::listens(&self.inventory, notifier, of.severity, (of.uid, &self.incidents, &self.outbox))
        });
        let public = |audience| if audience == Audience::Public { " (everybody)" } else { "" };
        let notifiers = notifiers.map(|notifier| format!("{}{}", notifier.place.name, public(notifier.audience)));
        trackers.map(|tracker| tracker.name.to_string()).chain(notifiers).collect()
    }

    /// Says why an update is not sent as it is.
    pub fn update_refused(&self, word: &Word) -> Option<String> {
        let open = word.text.split(TEAM_ONLY).next().unwrap_or_default();
        if open.trim().is_empty() {
            return Some("a status update needs a text for everybody".to_owned());
        }
        let incident = self.incident_of(word);
        let (public, _) = self.filled(word, incident, None);
        if let Some(host) = self.named_host(&public) {
            return Some(format!("everybody reads it, and it names {host}: write that after `--`, for the team alone"));
        }
        let service = word.service.as_ref().or_else(|| incident?.service.as_ref());
        let newest = self.services.updates().rev().find(|known| known.service.as_ref() == service)?;
        // The promised moment is another one each time.
        let (cut, _) = self.filled(word, incident, Some("\u{0}"));
        let (begins, ends) = cut.split_once('\u{0}').unwrap_or((&cut, ""));
        let promised = newest.text.starts_with(begins) && newest.text.ends_with(ends) && cut.contains('\u{0}');
        let same = newest.state == word.state && (promised || newest.text == public);
        same.then(|| {
            let at = clock_of(newest.at);
            format!("this says again what the newest update says, by {} at {at}: not written", newest.by)
        })
    }

    /// Returns the host that a text names.
    fn named_host(&self, text: &str) -> Option<String> {
        let text = text.to_lowercase();
        let part = |letter: char| letter.is_alphanumeric() || "-_.".contains(letter);
        let words: Vec<&str> = text.split(|letter| !part(letter)).map(|word| word.trim_matches('.')).collect();
        let hosts = self.inventory.hosts.iter();
        let all = hosts.flat_map(|host| [host.name.as_str(), host.address.as_str()]);
        let mut meant = all.filter(|name| name.len() > SHORT && *name != "local" && *name != "localhost");
        meant.find(|name| words.contains(&name.to_lowercase().as_str())).map(str::to_owned)
    }

    /// Sends an update to every audience: all of it is on disk, or none.
    ///
    /// # Errors
    /// Why it is not sent as it is.
    pub fn announce(&mut self, word: &Word, now: Now) -> Result<Vec<Effect>, String> {
        if let Some(why) = self.update_refused(word) {
            return Err(why);
        }
        let Versions { public, internal, to, .. } = self.versions(word, now.utc);
        let incident = self.incident_of(word).map(|of| (of.uid, of.service.clone()));
        let service = word.service.clone().or_else(|| incident.as_ref()?.1.clone());
        let by = self.actor.by.clone();
        let update = StatusUpdate { at: now.utc, by: by.clone(), service, state: word.state, text: public.clone() };
        let what = Some("saving the status update");
        let mut effects = vec![Effect::Commit { rows: vec![Row::StatusUpdate(update)], then: Vec::new(), what }];
        if let Some((incident, _)) = incident {
            let kind = IncidentEventKind::Told { state: word.state, text: public, internal, to };
            let msg = incidents::Msg::Added { incident, at: now.utc, by, kind };
            effects.extend(self.incidents_update(msg, now, what));
        }
        Ok(super::together(effects))
    }
}

/// Writes a moment as people read it in a text: `03:15 UTC`.
fn clock_of(at: Timestamp) -> String {
    at.to_utc().map(|at| at.format("%H:%M UTC").to_string()).unwrap_or_default()
}

/// Begins a text as a sentence begins.
fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// Ends a text as a sentence ends.
fn sentence(text: &str) -> String {
    let text = text.trim();
    let ended = text.is_empty() || text.ends_with(['.', '!', '?', '…', ':', ')']);
    if ended { text.to_owned() } else { format!("{text}.") }
}

/// Fills a template: `{name}` by what it stands for; a part in brackets goes where something that it names is empty.
fn fill(template: &str, find: impl Fn(&str) -> String) -> String {
    let mut all = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('[') {
        all.push_str(&named(before, &find).0);
        let (part, then) = after.split_once(']').unwrap_or((after, ""));
        let (text, whole) = named(part, &find);
        if whole {
            all.push_str(&text);
        }
        rest = then;
    }
    all.push_str(&named(rest, &find).0);
    all.trim().to_owned()
}

/// Fills the names of a part; says whether all of them stand for something.
fn named(part: &str, find: impl Fn(&str) -> String) -> (String, bool) {
    let (mut all, mut whole, mut rest) = (String::new(), true, part);
    while let Some((before, after)) = rest.split_once('{') {
        all.push_str(before);
        let (name, then) = after.split_once('}').unwrap_or((after, ""));
        let text = find(name);
        whole &= !text.is_empty();
        all.push_str(&text);
        rest = then;
    }
    all.push_str(rest);
    (all, whole)
}

/// Returns the names in a template.
pub fn places(template: &str) -> impl Iterator<Item = &str> {
    template.split('{').skip(1).filter_map(|part| part.split_once('}').map(|(name, _)| name))
}

#[cfg(test)]
#[path = "telling_tests.rs"]
mod tests;
