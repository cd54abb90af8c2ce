//! The box of a status update: what is proposed, what each audience reads, and the last look before it goes.
use super::Reader;
use crate::{
    core::{
        id::{ServiceId, Uid},
        record::DeclaredState,
        screen::Draft,
        telling::Word,
    },
    parse::sanitise,
    ui::boxes::{Ask, Question},
};

impl Reader<'_> {
    /// One text, and what each audience reads of it.
    pub(super) fn update_box(
        &self,
        service: Option<&ServiceId>,
        incident: Option<Uid>,
        declared: DeclaredState,
    ) -> Ask {
        let text = self.state.screen.draft(Draft::Update).to_owned();
        let mut word = Word { incident, service: service.cloned(), state: declared, text: text.trim().to_owned() };
        let refused = self.state.update_refused(&word).filter(|_| !word.text.is_empty());
        let proposed = self.state.proposed(&word);
        if word.text.is_empty() {
            word.text.clone_from(&proposed);
        }
        Ask {
            title: self.update_title(service, incident),
            choices: DeclaredState::ALL.iter().map(|state| state.word().to_owned()).collect(),
            chosen: DeclaredState::ALL.iter().position(|state| *state == declared).unwrap_or(0),
            typed: (text.clone(), text.len()),
            rows: 3,
            optional: !proposed.is_empty(),
            verb: if text.trim().is_empty() && !proposed.is_empty() { "take this" } else { "go on" }.into(),
            hint: proposed,
            wrong: refused.unwrap_or_default(),
            after: self.audiences(&word),
            ..Ask::default()
        }
    }

    fn update_title(&self, service: Option<&ServiceId>, incident: Option<Uid>) -> String {
        let about = service.map_or_else(|| "everything".to_owned(), |id| self.service_name(id));
        let number = incident.and_then(|uid| self.state.incidents.incidents.get(&uid));
        let number = number.map(|of| format!("{}, ", of.number)).unwrap_or_default();
        format!("Status update about {number}{about}")
    }

    /// What each audience reads, and where it goes.
    fn audiences(&self, word: &Word) -> Vec<(&'static str, String)> {
        let versions = self.state.versions(word, self.now.utc);
        let safe = |text: &str| sanitise::line_max(text, 600);
        vec![
            ("everybody", safe(&versions.public)),
            ("the team", safe(&versions.internal)),
            ("goes to", safe(&versions.to.join(", "))),
        ]
    }

    /// The last look before people read it.
    pub(super) fn update_question(
        &self,
        service: Option<&ServiceId>,
        incident: Option<Uid>,
        declared: DeclaredState,
    ) -> Question {
        let text = self.state.screen.draft(Draft::Update).to_owned();
        let word = Word { incident, service: service.cloned(), state: declared, text };
        Question {
            title: self.update_title(service, incident),
            text: format!("People read this as {}. What is sent cannot be taken back.", declared.word()),
            facts: self.audiences(&word),
            yes: "send it".into(),
            yes_key: self.yes(),
            once: None,
            alarm: false,
        }
    }
}
