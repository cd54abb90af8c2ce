//! Incidents that went into others: what is about one of them is about the one that goes on.
use std::collections::BTreeSet;

use super::{Incident, Link, State};
use crate::core::id::{ServiceId, Uid};

impl State {
    /// Returns the incident that goes on in place of one: itself, where it went into no other. A ring of them leads nowhere, and ends.
    pub fn survivor(&self, of: Uid) -> Uid {
        let (mut seen, mut at) = (BTreeSet::new(), of);
        while seen.insert(at)
            && let Some(next) = self.incidents.get(&at).and_then(|of| of.merged_into)
        {
            at = next;
        }
        at
    }

    /// Says whether an incident may go into another, which then goes on for both.
    ///
    /// # Errors
    /// Why not, for a person: nobody would be called for what is still broken.
    pub fn may_go_into(&self, of: Uid, other: Uid) -> Result<(), String> {
        let (Some(of), Some(other)) = (self.incidents.get(&of), self.incidents.get(&other)) else {
            return Err("one of them is gone".to_owned());
        };
        if self.survivor(other.uid) == of.uid {
            return Err(format!("{} went into {} before: they are one already", other.number, of.number));
        }
        if other.merged_into.is_some() {
            let on = self.incidents.get(&self.survivor(other.uid)).map(|on| on.number.to_string()).unwrap_or_default();
            return Err(format!("{} went into {on} itself: choose that", other.number));
        }
        if of.is_open() && !other.is_open() {
            return Err(format!("{} is over, and {} is not: let it go into this one", other.number, of.number));
        }
        Ok(())
    }

    /// Says what one went into: its number and title.
    pub fn merged_words(&self, into: Uid) -> String {
        self.linked_words(into, Link::MergedInto)
    }

    /// Says how one belongs to another, with the number and the title of that.
    pub fn linked_words(&self, other: Uid, how: Link) -> String {
        match self.incidents.get(&other) {
            Some(of) => format!("{} {}: {}", how.word(), of.number, of.title),
            None => format!("{} {other}", how.word()),
        }
    }

    /// Returns an incident and all that went into it.
    pub fn family(&self, of: Uid) -> BTreeSet<Uid> {
        let all = self.incidents.values().filter(|other| other.merged_into.is_some());
        let went = all.map(|other| other.uid).filter(|other| self.survivor(*other) == of);
        went.chain([of]).collect()
    }

    /// Returns the services that an incident and what went into it are about.
    pub fn services_of(&self, of: Uid) -> BTreeSet<ServiceId> {
        let family = self.family(of);
        let all = family.iter().filter_map(|uid| self.incidents.get(uid));
        all.filter_map(|incident| incident.service.clone()).collect()
    }

    /// Returns the open incident of a service: its own, else the one that its own went into.
    pub fn open_for(&self, service: &ServiceId) -> Option<&Incident> {
        let of = |incident: &&Incident| incident.service.as_ref() == Some(service);
        // Of several, the one that was opened first: what was split off comes after it.
        self.open().filter(of).min_by_key(|incident| (incident.opened, incident.number)).or_else(|| {
            let merged = self.incidents.values().filter(of).filter(|incident| incident.merged_into.is_some());
            let mut on = merged.filter_map(|incident| self.incidents.get(&self.survivor(incident.uid)));
            on.find(|incident| incident.is_open())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::{
        alerts::Severity,
        id::IncidentId,
        incidents::{IncidentEvent, IncidentEventKind, Link, Msg, StoredIncidentEvent, update},
        time::Timestamp,
    };

    fn says(state: &mut State, of: u8, kind: IncidentEventKind) {
        let seq = 1 + state.incidents.values().flat_map(|of| of.timeline.keys()).max().copied().unwrap_or(0);
        let event = IncidentEvent { incident: Uid([of; 6]), at: Timestamp(1), by: "ana".into(), kind };
        let stored = StoredIncidentEvent { number: IncidentId(of.into()), seq, event };
        _ = update(state, Msg::Stored(vec![stored]), Timestamp(1), &"ana".into());
    }

    #[test]
    fn what_is_broken_goes_into_nothing_that_is_over_or_gone() {
        let mut state = State::default();
        for of in 1..=4 {
            let (title, service) = (format!("{of}"), None);
            says(&mut state, of, IncidentEventKind::Opened { title, severity: Severity::P1, service });
        }
        let uid = |of: u8| Uid([of; 6]);
        let into = |state: &State, of: u8, other: u8| state.may_go_into(uid(of), uid(other));
        says(&mut state, 4, IncidentEventKind::Resolved { summary: "green".into() });
        assert_eq!(into(&state, 1, 4).unwrap_err(), "INC-4 is over, and INC-1 is not: let it go into this one");
        assert_eq!(into(&state, 4, 1), Ok(()));
        assert_eq!(into(&state, 1, 2), Ok(()));
        says(&mut state, 1, IncidentEventKind::Linked { other: uid(2), how: Link::MergedInto });
        assert_eq!(into(&state, 2, 1).unwrap_err(), "INC-1 went into INC-2 before: they are one already");
        assert_eq!(into(&state, 3, 1).unwrap_err(), "INC-1 went into INC-2 itself: choose that");
        assert_eq!(state.survivor(uid(1)), uid(2));
        assert_eq!(state.family(uid(2)), [uid(1), uid(2)].into());
    }
}
