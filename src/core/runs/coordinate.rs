//! Which hosts are next: a pure function of what became of a run so far, so that any console comes to the same answer.
use super::{Action, Run, RunOutcome, StepEnd, Way};
use crate::core::id::HostName;

/// What is to be done next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Nothing: something is under way, or it is over.
    Wait,
    /// The plan's build is brought to these hosts, at once: nothing is changed before all have it.
    Stage {
        /// Where.
        hosts: Vec<HostName>,
    },
    /// The checks must say that it may go on after this wave.
    Gate {
        /// The wave that ended.
        wave: usize,
    },
    /// These hosts' shares are started, at once.
    Start {
        /// Where.
        hosts: Vec<HostName>,
        /// There or back.
        way: Way,
    },
    /// It is over.
    End(RunOutcome),
}

/// How one host's share stands, there or back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// Not started.
    Waiting,
    /// Under way.
    Running,
    /// Every step exited with 0.
    Well,
    /// A step did not.
    Failed,
    /// Nothing of it ran.
    Refused,
    /// Nobody knows.
    Unknown,
}

impl Run {
    /// Says how the share of a host stands.
    pub fn share(&self, host: &HostName, way: Way) -> Share {
        let numbers = self.plan.steps_of(host, way);
        let states: Vec<_> = numbers.iter().filter_map(|number| self.steps.get(*number)).collect();
        let ends = || states.iter().filter_map(|state| state.ended.as_ref().map(|(_, end)| end));
        let began = self.shares.contains(&(host.clone(), way)) || states.iter().any(|state| state.started.is_some());
        if ends().any(is_bad) {
            Share::Failed
        } else if ends().any(|end| matches!(end, StepEnd::Unknown(_))) {
            Share::Unknown
        } else if states.iter().any(|state| matches!(state.ended, Some((_, StepEnd::NotStarted(_))))) {
            Share::Refused
        } else if !states.is_empty() && ends().count() == states.len() {
            Share::Well
        } else if began {
            Share::Running
        } else {
            Share::Waiting
        }
    }
}

fn is_bad(end: &StepEnd) -> bool {
    match end {
        StepEnd::Exit(code) => *code != 0,
        StepEnd::Signal(_) | StepEnd::TimedOut => true,
        StepEnd::Unknown(_) | StepEnd::NotStarted(_) => false,
    }
}

/// Says whether users may be served by a host that was changed while it served nobody: a balancer that was led to it has not been
/// led back, as far as anybody knows.
fn serves(run: &Run, host: &HostName) -> bool {
    let leads = || run.leads().into_iter().any(|(_, set)| set != run.plan.sides().map(|of| of.live.name.as_str()));
    run.plan.sides().is_some_and(|sides| sides.idle.hosts.contains(host)) && leads()
}

/// Decides what is next.
pub(super) fn next(run: &Run) -> Next {
    let before = run.outcome.map(|(outcome, _)| outcome);
    if before.is_some_and(|outcome| outcome != RunOutcome::Unknown) {
        return Next::Wait;
    }
    match (before, decide(run)) {
        // What was given up goes on only when a person says so; that it ended all the same may be said.
        (Some(_), Next::Stage { .. } | Next::Start { .. } | Next::Gate { .. } | Next::End(RunOutcome::Unknown)) => {
            Next::Wait
        }
        (_, next) => next,
    }
}

fn decide(run: &Run) -> Next {
    let (plan, hosts) = (&run.plan, run.plan.hosts());
    if run.awaits_approval() {
        return if run.stopped.is_some() { Next::End(RunOutcome::Refused) } else { Next::Wait };
    }
    let of = |way: Way| hosts.iter().map(move |host| (host, run.share(host, way)));
    let back: Vec<Share> = of(Way::Back).map(|(_, share)| share).filter(|share| *share != Share::Waiting).collect();
    if of(Way::There).any(|(_, share)| share == Share::Running) || back.contains(&Share::Running) {
        return Next::Wait;
    }
    // What may have happened is not taken back blindly.
    if back.contains(&Share::Unknown) || back.is_empty() && of(Way::There).any(|(_, share)| share == Share::Unknown) {
        return Next::End(RunOutcome::Unknown);
    }
    if !run.staging.is_empty() {
        return Next::Wait;
    }
    let fell = of(Way::There).filter(|(_, share)| matches!(share, Share::Failed | Share::Refused)).count();
    let failed = fell > usize::try_from(plan.max_failures).unwrap_or(usize::MAX)
        || run.gate.failed.is_some()
        || run.staged.values().any(Option::is_some);
    let given_up = run.stopped == Some(true);
    let waves = plan.waves();
    if failed || given_up || !back.is_empty() {
        if given_up || !back.is_empty() || plan.undo_by_itself {
            let open = |host: &&HostName| {
                matches!(run.share(host, Way::There), Share::Well | Share::Failed)
                    && run.share(host, Way::Back) == Share::Waiting
                    && !plan.steps_of(host, Way::Back).is_empty()
                    && !serves(run, host)
            };
            // The last that was changed is the first that is taken back.
            let last = waves.iter().rev().find(|wave| wave.iter().any(|host| open(&host)));
            if let Some(wave) = last {
                return Next::Start { hosts: wave.iter().filter(open).cloned().collect(), way: Way::Back };
            }
        }
        let changed = of(Way::There).any(|(_, share)| matches!(share, Share::Well | Share::Failed));
        return Next::End(match (back.is_empty(), failed) {
            (false, _) if run.is_all_back() => RunOutcome::Undone,
            (false, _) => RunOutcome::Failed,
            (true, true) if changed => RunOutcome::Failed,
            (true, true) => RunOutcome::Refused,
            (true, false) => RunOutcome::Stopped,
        });
    }
    let mut lacking = plan.takes_build();
    lacking.retain(|host| !run.staged.contains_key(host));
    if run.stopped.is_none() && !lacking.is_empty() {
        return Next::Stage { hosts: lacking };
    }
    // A host that may fail is left as it is, and the others go on.
    let is_done = |wave: &Vec<HostName>| {
        wave.iter().all(|host| matches!(run.share(host, Way::There), Share::Well | Share::Failed | Share::Refused))
    };
    let Some((number, wave)) = waves.iter().enumerate().find(|(_, wave)| !is_done(wave)) else {
        // A new version stays only if the checks bear it; a restart is proved afterwards.
        let last = waves.len().saturating_sub(1);
        let bakes = plan.action != Action::Restart && last >= run.gate.passed;
        let outcome = if fell == 0 { RunOutcome::Succeeded } else { RunOutcome::Failed };
        return if bakes { Next::Gate { wave: last } } else { Next::End(outcome) };
    };
    if run.stopped.is_some() {
        return Next::End(RunOutcome::Stopped);
    }
    if number > run.gate.passed {
        return Next::Gate { wave: number - 1 };
    }
    let waiting = wave.iter().filter(|host| run.share(host, Way::There) == Share::Waiting);
    Next::Start { hosts: waiting.cloned().collect(), way: Way::There }
}
