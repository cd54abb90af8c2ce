//! An incident that somebody opens in their own words: one line, and how bad it is where that begins it.
use super::{
    Effect, State,
    alerts::Severity,
    id::{ServiceId, Uid},
    incidents,
    time::Now,
};

/// Most characters of a title.
pub const TITLE: usize = 200;

/// Reads `checkout fails for some` or `P1 nobody can pay`: what says nothing of how bad it is, is a P3.
pub fn worded(text: &str) -> Option<(Severity, String)> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let said = |word: &str| match word.to_ascii_uppercase().as_str() {
        "P1" => Some(Severity::P1),
        "P2" => Some(Severity::P2),
        "P3" => Some(Severity::P3),
        "P4" => Some(Severity::P4),
        _ => None,
    };
    let (first, rest) = words.split_first()?;
    let (severity, rest) = said(first).map_or((Severity::P3, words.as_slice()), |severity| (severity, rest));
    let title: String = rest.join(" ").chars().take(TITLE).collect();
    (!title.is_empty()).then_some((severity, title))
}

impl State {
    /// Opens an incident; the one that is in hand under the same title for the same service is returned instead.
    ///
    /// # Errors
    /// That one: a key that is pressed twice opens one.
    pub fn open_worded(
        &mut self,
        (severity, title): (Severity, String),
        service: Option<ServiceId>,
        kept: Vec<incidents::IncidentEventKind>,
        now: Now,
    ) -> Result<(Uid, Vec<Effect>), Uid> {
        let same = |of: &&incidents::Incident| of.is_in_hand() && of.title == title && of.service == service;
        if let Some(known) = self.incidents.incidents.values().find(same) {
            return Err(known.uid);
        }
        let incident = Uid::of(&format!("{} {} {title}", now.utc.0, self.actor.by));
        let msg = incidents::Msg::OpenedByHand { incident, title, severity, service, kept };
        Ok((incident, self.incidents_update(msg, now, Some("opening the incident"))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_says_what_and_how_bad() {
        for (text, severity, title) in [
            ("  checkout\tfails ", Severity::P3, "checkout fails"),
            ("p1 nobody can pay", Severity::P1, "nobody can pay"),
            ("P4\u{a0}a typo", Severity::P4, "a typo"),
            ("P15 is a host", Severity::P3, "P15 is a host"),
        ] {
            assert_eq!(worded(text), Some((severity, title.to_owned())), "{text}");
        }
        for nothing in ["", " \t", "P1", "p2  "] {
            assert_eq!(worded(nothing), None, "{nothing:?}");
        }
        assert_eq!(worded(&"x".repeat(500)).unwrap().1.len(), TITLE);
    }
}
