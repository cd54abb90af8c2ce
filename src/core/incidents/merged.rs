//! Incidents that went into others: what is about one of them is about the one that goes on.
use std::collections::BTreeSet;

use super::{Incident, State};
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

    /// Says what one went into: its number and title.
    pub fn merged_words(&self, into: Uid) -> String {
        match self.incidents.get(&into) {
            Some(other) => format!("merged into {}: {}", other.number, other.title),
            None => format!("merged into {into}"),
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
        self.open().find(of).or_else(|| {
            let merged = self.incidents.values().filter(of).filter(|incident| incident.merged_into.is_some());
            let mut on = merged.filter_map(|incident| self.incidents.get(&self.survivor(incident.uid)));
            on.find(|incident| incident.is_open())
        })
    }
}
