//! What is known of changes around incidents: what the console saw itself, and what hosts told when they were asked.
use std::collections::{BTreeMap, BTreeSet};

use super::{
    Change, HostChanges, Ranking,
    difference::{Answer, Answers, Difference},
};
use crate::core::{
    id::{HostName, ServiceId, Uid},
    incidents::precedent::Remembered,
    ring::Ring,
    runs::PipelineRun,
    time::{Mono, Timestamp},
};

/// Changes that the console saw by itself and keeps.
const SEEN: usize = 500;
/// Incidents that are kept: the oldest looks go.
const INCIDENTS: usize = 50;

/// Changes by incident.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    of: BTreeMap<Uid, Looked>,
    seen: Ring<Change>,
    differences: Answers,
}

/// What was looked at for an incident.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Looked {
    /// When hosts were asked last.
    pub asked: Timestamp,
    /// What is older was not looked at.
    pub since: Timestamp,
    /// Hosts that have not answered yet.
    pub waits: BTreeSet<HostName>,
    /// Hosts that answered.
    pub told: BTreeSet<HostName>,
    /// What could not be read, by host; of a host that said nothing, why.
    pub missing: BTreeMap<HostName, Vec<String>>,
    /// What pipelines of the services said; none of one that has not answered yet.
    pub pipelines: BTreeMap<ServiceId, Option<Result<Vec<PipelineRun>, String>>>,
    /// What they told, and what the console saw by then.
    pub changes: Vec<Change>,
    /// How they ranked when that was computed last.
    pub ranking: Ranking,
    /// When that was.
    pub ranked: Mono,
}

/// What happens to it.
#[derive(Clone, Debug, PartialEq)]
pub enum Msg {
    /// A host told what changed there; or why it did not.
    Told {
        /// For which incident.
        incident: Uid,
        /// Which host.
        host: HostName,
        /// What.
        seen: Box<Result<HostChanges, String>>,
    },
    /// GitHub told which runs the pipeline of a service had; or why it did not.
    PipelineTold {
        /// For which incident.
        incident: Uid,
        /// Whose pipeline.
        service: ServiceId,
        /// Its newest runs.
        runs: Result<Vec<PipelineRun>, String>,
    },
    /// The store told what earlier incidents teach, and which certificates were replaced.
    Remembered(Remembered),
    /// What a change changed was found out; or why it is not known.
    Differs {
        /// The change's key.
        key: String,
        /// What.
        seen: Box<Result<Difference, String>>,
    },
    /// Somebody wants the hosts of an incident to be asked anew.
    Wanted {
        /// Which incident.
        incident: Uid,
    },
}

impl Default for State {
    fn default() -> Self {
        Self { of: BTreeMap::new(), seen: Ring::new(SEEN), differences: Answers::default() }
    }
}

impl State {
    /// Returns what was looked at for an incident.
    pub fn of(&self, incident: Uid) -> Option<&Looked> {
        self.of.get(&incident)
    }

    /// Iterates over the incidents for which something was looked at.
    pub fn looked(&self) -> impl Iterator<Item = Uid> {
        self.of.keys().copied()
    }

    /// Iterates over what the console saw by itself, oldest first.
    pub fn seen(&self) -> impl Iterator<Item = &Change> {
        self.seen.iter()
    }

    /// Notes what the console saw by itself; what is known is not noted again.
    pub fn saw(&mut self, change: Change) {
        if !self.seen.iter().any(|known| *known == change) {
            self.seen.push(change);
        }
    }

    /// Notes that hosts and pipelines are asked, and what is known without them.
    pub fn ask(
        &mut self,
        incident: Uid,
        (hosts, pipelines): (&[HostName], &[ServiceId]),
        (since, at): (Timestamp, Timestamp),
        own: Vec<Change>,
    ) {
        let looked = self.of.entry(incident).or_default();
        (looked.asked, looked.since) = (at, since);
        looked.waits = hosts.iter().cloned().collect();
        looked.pipelines = pipelines.iter().map(|service| (service.clone(), None)).collect();
        add(&mut looked.changes, own);
        while self.of.len() > INCIDENTS {
            let Some(oldest) = self.of.iter().min_by_key(|(_, looked)| looked.asked).map(|(uid, _)| *uid) else {
                break;
            };
            self.of.remove(&oldest);
        }
    }

    /// Notes how the changes around an incident rank.
    pub fn rank(&mut self, incident: Uid, ranking: Ranking, at: Mono) {
        let looked = self.of.entry(incident).or_default();
        (looked.ranking, looked.ranked) = (ranking, at);
    }

    /// Takes what a host told.
    pub fn told(&mut self, incident: Uid, host: HostName, seen: Result<HostChanges, String>) {
        let Some(looked) = self.of.get_mut(&incident) else { return };
        looked.waits.remove(&host);
        match seen {
            Ok(found) => {
                add(&mut looked.changes, found.changes);
                looked.told.insert(host.clone());
                looked.missing.insert(host, found.missing);
            }
            Err(why) => _ = looked.missing.insert(host, vec![why]),
        }
    }

    /// Returns what is known of what a change changed.
    pub fn difference(&self, key: &str) -> Option<&Answer> {
        self.differences.of(key)
    }

    /// Notes what is known of what a change changed, or that it was asked for.
    pub fn differs(&mut self, key: String, answer: Answer) {
        self.differences.note(key, answer);
    }

    /// Takes what GitHub told of a pipeline.
    pub fn pipeline_told(&mut self, incident: Uid, service: ServiceId, runs: Result<Vec<PipelineRun>, String>) {
        if let Some(looked) = self.of.get_mut(&incident) {
            looked.pipelines.insert(service, Some(runs));
        }
    }
}

impl Looked {
    /// Counts hosts and pipelines that have not answered yet.
    pub fn waiting(&self) -> usize {
        self.waits.len() + self.pipelines.values().filter(|told| told.is_none()).count()
    }
}

fn add(known: &mut Vec<Change>, more: Vec<Change>) {
    for change in more {
        if !known.contains(&change) {
            known.push(change);
        }
    }
}
