//! What a run explains: what broke while its service is being changed, or while it is proved.
use super::{PROOF_MS, Run, RunOutcome, State};
use crate::core::{id::ServiceId, time::Timestamp};

impl Run {
    /// Says whether its service is being changed now, or its proof goes on: somebody or something is at it, and an end is in sight.
    ///
    /// One that waits for an approval changes nothing yet; one that nobody leads, or whose end nobody knows, may never end.
    pub fn is_under_way(&self, now: Timestamp) -> bool {
        match self.outcome {
            None => !self.awaits_approval() && self.unled(now).is_none(),
            Some((RunOutcome::Unknown | RunOutcome::Refused, _)) => false,
            Some((_, ended)) => self.proof.is_none() && is_within_proof(ended, now),
        }
    }

    /// Returns its number, or its id while the store has given none.
    pub fn name(&self) -> String {
        self.number.map_or_else(|| self.run.to_string(), |number| number.to_string())
    }
}

fn is_within_proof(ended: Timestamp, at: Timestamp) -> bool {
    u64::try_from(at.since(ended)).unwrap_or(0) < PROOF_MS
}

impl State {
    /// Returns the run under way of a service that began before something broke there.
    pub fn under_way(&self, service: &ServiceId, broke: Timestamp, now: Timestamp) -> Option<&Run> {
        self.before(service, broke).filter(|run| run.is_under_way(now)).max_by_key(|run| (run.at, run.run))
    }

    /// Returns when the last run of a service ended within which, or within whose proof, something broke there.
    pub fn over_since(&self, service: &ServiceId, broke: Timestamp) -> Option<Timestamp> {
        let ends = self.before(service, broke).filter_map(|run| run.outcome.map(|(_, ended)| ended));
        ends.filter(|ended| is_within_proof(*ended, broke)).max()
    }

    fn before(&self, service: &ServiceId, broke: Timestamp) -> impl Iterator<Item = &Run> {
        self.runs.values().filter(move |run| run.plan.service == *service && run.at <= broke)
    }
}
