//! The document of an incident, from all that the console knows.
use super::{
    State,
    incidents::{
        Document, Guard, Incident, Surroundings,
        phase::{self, Phase},
    },
    services::Split,
    time::Timestamp,
};

impl State {
    /// Puts the document of an incident together as of now.
    pub fn document(&self, of: &Incident, now: Timestamp) -> Document {
        let service = of.service.as_ref().and_then(|id| self.services.service(id));
        let configured =
            of.service.as_ref().and_then(|id| self.inventory.services.iter().find(|known| known.id == *id));
        let objective = configured.and_then(|service| service.slo);
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
}
