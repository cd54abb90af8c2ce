//! Reads the hand-over.
use super::Reader;
use crate::{
    core::screen::{
        Overlay,
        handover::{Entry, entries},
    },
    parse::sanitise,
    ui::{
        Over,
        boxes::{Ask, Question},
        handover::Handover,
    },
};

impl Reader<'_> {
    pub(super) fn handover(&self) -> Handover {
        let of = self.state.handover(self.now.utc);
        let rows = entries(&of).into_iter().map(|entry| match entry {
            Entry::Line(mut line) => {
                line.text = sanitise::line_max(&line.text, 600);
                Entry::Line(line)
            }
            other @ (Entry::Head(_) | Entry::Nothing(_)) => other,
        });
        let signed = match (&of.signed, of.is_signed) {
            (Some(by), true) => format!("signed by {} {}", by.by, self.moment(by.at.0)),
            (Some(by), false) => format!("NOT SIGNED; {} signed an earlier one {}", by.by, self.moment(by.at.0)),
            (None, _) => "NOT SIGNED: nothing is handed over until the next engineer signs".to_owned(),
        };
        Handover { rows: rows.collect(), signed: (of.is_signed, signed), unread: of.unread }
    }

    /// The boxes about it.
    pub(super) fn about_handover(&self, overlay: &Overlay, typed: (String, usize)) -> Over {
        if matches!(overlay, Overlay::Promise) {
            return Over::Ask(Box::new(Ask {
                title: "A promise".into(),
                text: "Who, until when, and what: it stands in the hand-over until it is kept.".into(),
                typed,
                rows: 2,
                verb: "promise".into(),
                hint: "ben 09:00 call the bank back; a time is UTC, or 2h from now".into(),
                ..Ask::default()
            }));
        }
        let by = self.state.actor.by.to_string();
        Over::Question(Box::new(Question {
            title: "Take over".into(),
            text: "You have read what stands here, and it is yours from now on. It is on the audit.".into(),
            facts: vec![("signs", by)],
            yes: "take over".into(),
            yes_key: self.yes(),
            once: None,
            alarm: false,
        }))
    }
}
