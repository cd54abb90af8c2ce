//! From one phase to the next: by a person, or by what is measured.
use super::{
    Guard, Incident, IncidentEventKind, Phase,
    phase::{Around, missing, owed},
    policy::Policy,
};
use crate::core::{
    alerts::Severity,
    id::Operator,
    time::{Timestamp, short},
};

/// Why a phase is not left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stays {
    /// What is missing.
    pub missing: Vec<Guard>,
    /// Whether a note of why would let it go on, and what is missing be owed.
    pub may_be_owed: bool,
}

/// Returns what lets an incident go on to its next phase, or closes it.
///
/// # Errors
/// What is missing. P1 and P2 go on with a note all the same, and owe it: at 3 am users come first. Nothing is closed that owes.
pub fn go_on(
    of: &Incident,
    around: Around,
    policy: &Policy,
    note: &str,
    now: Timestamp,
) -> Result<IncidentEventKind, Stays> {
    let mut missing = missing(of, around, policy, now);
    let note = note.trim().to_owned();
    let Some(next) = of.phase.next() else {
        let rest = owed(of, around, policy, now);
        missing.extend(rest.into_iter().filter(|guard| !of.phase.guards().contains(guard)));
        return if missing.is_empty() {
            Ok(IncidentEventKind::Closed)
        } else {
            Err(Stays { missing, may_be_owed: false })
        };
    };
    let may_be_owed = of.severity <= Severity::P2 && missing.iter().all(|guard| guard.may_be_owed());
    if missing.is_empty() || (may_be_owed && !note.is_empty()) {
        return Ok(IncidentEventKind::PhaseBegan { phase: next, note, owed: missing });
    }
    Err(Stays { missing, may_be_owed })
}

/// Returns what lets an incident go back to the phase before; none at the first that can be stood in.
pub fn go_back(of: &Incident) -> Option<IncidentEventKind> {
    let phase = of.phase.previous().filter(|phase| *phase >= Phase::Classify)?;
    Some(IncidentEventKind::PhaseBegan { phase, note: "went back".to_owned(), owed: Vec::new() })
}

/// Returns what happens to an incident by itself: it has been well for long enough, or nobody gets on with it. Who signed the
/// hand-over last has the shift, and is called first.
pub fn by_itself(
    of: &Incident,
    around: Around,
    (policy, signed): (&Policy, Option<(&Operator, Timestamp)>),
    now: Timestamp,
) -> Option<IncidentEventKind> {
    if of.merged_into.is_some() || of.closed.is_some() {
        return None;
    }
    if of.phase == Phase::Validate
        && of.resolved.is_some()
        && !around.running
        && missing(of, around, policy, now).is_empty()
    {
        let note = format!("well for {}", short(policy.bake_ms));
        return Some(IncidentEventKind::PhaseBegan { phase: Phase::Document, note, owed: Vec::new() });
    }
    if of.stalls(policy, now) {
        let next = of.next_to_call(policy, signed.map(|(by, _)| by))?;
        let long = |since: Timestamp| short(u64::try_from(now.since(since)).unwrap_or(0));
        let shift = signed.filter(|(by, _)| by.as_str() == next.name);
        let shift = shift.map(|(_, at)| format!("; signed the hand-over last, {} ago", long(at))).unwrap_or_default();
        let reason = format!("in {} for {}{shift}", of.phase.word(), long(of.phase_since));
        return Some(IncidentEventKind::Escalated { to: next.name.clone(), reason });
    }
    None
}

#[cfg(test)]
mod tests;
