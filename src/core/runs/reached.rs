//! On which hosts a run did what it was to do: what its service's checks prove of it rests on that.
use serde::Serialize;

use super::{Run, RunOutcome, Share, Way};
use crate::core::{id::HostName, services::Health};

/// How a run's hosts stand, each in one of the lists.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Reached {
    /// Changed as planned, and still so.
    pub done: Vec<HostName>,
    /// A step failed there, of the change or of the way back.
    pub failed: Vec<HostName>,
    /// Changed, at least in part, and taken back whole.
    pub taken_back: Vec<HostName>,
    /// Nobody knows.
    pub unknown: Vec<HostName>,
    /// Nothing was done there.
    pub not_changed: Vec<HostName>,
}

impl Reached {
    /// Says it in words: `done on 1 of 2 hosts, failed on web-02`.
    pub fn words(&self) -> String {
        let lists = [
            ("done", &self.done),
            ("failed", &self.failed),
            ("taken back", &self.taken_back),
            ("unknown", &self.unknown),
            ("not changed", &self.not_changed),
        ];
        let all: usize = lists.iter().map(|(_, hosts)| hosts.len()).sum();
        let mut parts = Vec::new();
        for (what, hosts) in lists {
            match &**hosts {
                [] if what == "done" && all > 1 => parts.push(format!("done on none of {all} hosts")),
                [] => {}
                _ if what == "done" && all > 1 => parts.push(format!("done on {} of {all} hosts", hosts.len())),
                [one] => parts.push(format!("{what} on {one}")),
                [one, other] => parts.push(format!("{what} on {one} and {other}")),
                [_, _, _, ..] => parts.push(format!("{what} on {} of {all} hosts", hosts.len())),
            }
        }
        parts.join(", ")
    }
}

impl Run {
    /// Returns how its hosts stand.
    pub fn reached(&self) -> Reached {
        let mut reached = Reached::default();
        for host in self.plan.hosts() {
            let list = match (self.share(&host, Way::There), self.share(&host, Way::Back)) {
                (Share::Waiting | Share::Refused, _) => &mut reached.not_changed,
                (Share::Well, Share::Waiting) => &mut reached.done,
                (Share::Well | Share::Failed, Share::Well) => &mut reached.taken_back,
                (Share::Failed, Share::Waiting) | (Share::Well | Share::Failed, Share::Failed | Share::Refused) => {
                    &mut reached.failed
                }
                (Share::Running | Share::Unknown, _)
                | (Share::Well | Share::Failed, Share::Running | Share::Unknown) => &mut reached.unknown,
            };
            list.push(host);
        }
        reached
    }

    /// Says how it ended, and on which hosts where that is not all of them; none while it has not.
    pub fn ended_words(&self) -> Option<String> {
        let (outcome, _) = self.outcome?;
        let partly = match outcome {
            RunOutcome::Failed | RunOutcome::Stopped | RunOutcome::Unknown => self.plan.hosts().len() > 1,
            RunOutcome::Undone => !self.is_all_back(),
            RunOutcome::Succeeded | RunOutcome::Refused => false,
        };
        let words = match outcome {
            RunOutcome::Undone if self.stopped == Some(true) => "it was stopped, and what it did was taken back",
            RunOutcome::Succeeded
            | RunOutcome::Failed
            | RunOutcome::Unknown
            | RunOutcome::Refused
            | RunOutcome::Undone
            | RunOutcome::Stopped => outcome.words(),
        };
        Some(if partly { format!("{words}: {}", self.reached().words()) } else { words.to_owned() })
    }

    /// Says whether all hosts are as they were before it.
    pub(super) fn is_all_back(&self) -> bool {
        let Reached { done, failed, taken_back: _, unknown, not_changed: _ } = self.reached();
        done.is_empty() && failed.is_empty() && unknown.is_empty()
    }

    /// Says whether its checks may prove it: only where all hosts are as they were to be. Checks ask the service as a whole, and
    /// one host that is well answers them for all others.
    ///
    /// What was taken back is as it was: that proves that a service is still well, and mends nothing that was down before.
    pub fn is_provable(&self) -> bool {
        match self.outcome {
            Some((RunOutcome::Succeeded, _)) => true,
            Some((RunOutcome::Undone, _)) => self.was_well() && self.is_all_back(),
            Some((RunOutcome::Failed | RunOutcome::Unknown | RunOutcome::Refused | RunOutcome::Stopped, _)) | None => {
                false
            }
        }
    }

    /// Says whether its service was well before it: then there is nothing to recover from.
    pub fn was_well(&self) -> bool {
        matches!(self.before, Health::Up | Health::Degraded)
    }
}
