//! Reads the document of an incident.
use super::Reader;
use crate::{
    core::{
        incidents::{Guard, Incident},
        screen::documents,
    },
    parse::sanitise,
    ui::{documents::Paper, show::Tone},
};

/// Things that are missing, of which the title says so many.
const MISSING: usize = 2;
/// Sections that facts make.
const FACTS: usize = 7;

impl Reader<'_> {
    pub(super) fn document(&self, of: &Incident) -> Paper {
        let document = self.state.document(of, self.now.utc);
        let standing = document.standing();
        let written = standing.iter().filter(|section| section.written).count();
        let missing = self.state.missing_to_close(of, self.now.utc);
        let fact = if of.closed.is_some() {
            (Some(Tone::Good), "whole; the incident is closed".to_owned())
        } else if missing.is_empty() {
            (Some(Tone::Good), "what people write is written: it can be closed".to_owned())
        } else {
            let words: Vec<&str> = missing.iter().take(MISSING).copied().map(Guard::words).collect();
            let more = missing.len().saturating_sub(MISSING);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            (Some(Tone::Warn), format!("{written} of {} written; missing: {}{more}", standing.len(), words.join(", ")))
        };
        let sent = of.published.as_ref().map_or_else(
            || "not sent to its tickets".to_owned(),
            |(at, _)| format!("sent to its tickets {}", self.moment(*at)),
        );
        let shown = self.state.documents.shown.as_ref().filter(|(shown, _)| *shown == of.uid);
        let sections = standing.into_iter().enumerate();
        Paper {
            sections: sections
                .map(|(at, section)| (section.written, section.title, section.says, at >= FACTS))
                .collect(),
            fact,
            sent,
            lines: documents::lines(self.state, of.uid).iter().map(sanitise::line).collect(),
            wrong: shown.is_some_and(|(_, text)| text.is_err()),
        }
    }
}
