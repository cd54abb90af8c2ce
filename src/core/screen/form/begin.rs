//! What a person wants done to an incident: done at once where nothing is to be asked.
use super::{Purpose, open, words_of, write};
use crate::core::{
    Effect, State,
    incidents::{IncidentAction as Wanted, advance},
    screen::{Pane, RowKey, Tone, View, act, pin},
    time::Now,
};

/// Does what a person wants done to an incident, or opens the box that asks for the rest.
pub(in crate::core::screen) fn begin(state: &mut State, action: Wanted, now: Now) -> Vec<Effect> {
    if action == Wanted::Pin {
        return pin::pin(state, now);
    }
    if action == Wanted::PinScreen {
        return pin::screen(state);
    }
    let Some(uid) = act::selected_incident(state) else { return Vec::new() };
    let Some(of) = state.incidents.incidents.get(&uid) else { return Vec::new() };
    let purpose = match action {
        Wanted::NextPhase => {
            let policy = &state.inventory.policy;
            match advance::go_on(of, state.around(of), policy, "", now.utc) {
                Ok(kind) => return write(state, uid, vec![kind], now),
                Err(stays) if stays.may_be_owed => Purpose::GoOn,
                Err(stays) => {
                    let text = format!("{} is not left yet; missing: {}", of.phase.word(), words_of(&stays.missing));
                    state.screen.say(now, Tone::Info, text);
                    return Vec::new();
                }
            }
        }
        Wanted::PreviousPhase => {
            return advance::go_back(of).map_or_else(Vec::new, |kind| write(state, uid, vec![kind], now));
        }
        Wanted::Claim => {
            let who = state.actor.by.clone();
            return state.lead(uid, &who, now);
        }
        Wanted::CorrectTime | Wanted::Split => {
            let at = match state.screen.cursor(Pane::Timeline) {
                Some(RowKey::Index(at)) => *at,
                _ => 0,
            };
            let Some((of, _)) = of.by_time().into_iter().nth(at) else { return Vec::new() };
            if action == Wanted::Split { Purpose::Split { of } } else { Purpose::Time { of } }
        }
        Wanted::Classify => Purpose::Classify,
        Wanted::GiveDuty => Purpose::Duty,
        Wanted::ChangeSeverity => Purpose::Severity,
        Wanted::AddHypothesis => Purpose::Hypothesis,
        Wanted::Judge => Purpose::Judge,
        Wanted::Escalate => Purpose::Escalate,
        Wanted::SetOnset => Purpose::Onset,
        Wanted::AddTask => Purpose::Task,
        Wanted::FinishTask => Purpose::Done,
        Wanted::Link => Purpose::Link,
        Wanted::Rename => Purpose::Title,
        Wanted::Mitigated => Purpose::Mitigated,
        Wanted::WriteSection => Purpose::Section,
        Wanted::Charts => {
            let Some(host) = state.host_to_chart(of) else { return Vec::new() };
            return act::go(state, View::Host(host), now);
        }
        Wanted::Pin | Wanted::PinScreen => return Vec::new(),
    };
    open(state, uid, purpose, now);
    Vec::new()
}

/// Returns why an incident cannot be dealt with so.
pub(in crate::core::screen) fn why_not(state: &State, action: Wanted) -> Option<String> {
    let because = |holds: bool, why: &str| holds.then(|| why.to_owned());
    if matches!(action, Wanted::Pin | Wanted::PinScreen) {
        return pin::why_not(state, action);
    }
    let Some(of) = act::selected_incident(state).and_then(|uid| state.incidents.incidents.get(&uid)) else {
        return Some("put the cursor on an incident, or open one".to_owned());
    };
    if of.merged_into.is_some() {
        return Some("it went into another one: go there".to_owned());
    }
    match action {
        Wanted::NextPhase => because(of.closed.is_some(), "it is closed: its document is whole"),
        Wanted::PreviousPhase => because(advance::go_back(of).is_none(), "it was registered: there is nothing before"),
        Wanted::Claim => because(of.owner.as_ref() == Some(&state.actor.by), "you lead it already"),
        Wanted::Judge => because(of.hypotheses.is_empty(), "there is no hypothesis yet: write one first"),
        Wanted::FinishTask => because(of.tasks.values().all(|task| task.done.is_some()), "there is no task that waits"),
        Wanted::Charts => because(state.host_to_chart(of).is_none(), "it names no service and no host"),
        Wanted::Link => because(state.incidents.incidents.len() < 2, "there is no other incident"),
        Wanted::Mitigated => because(of.mitigated.is_some(), "that users are helped is written already"),
        Wanted::CorrectTime | Wanted::Split => because(
            !matches!((&state.screen.view, state.screen.pane()), (View::Incident(_), Pane::Timeline)),
            "put the cursor on an entry of an incident's timeline",
        ),
        Wanted::Classify
        | Wanted::GiveDuty
        | Wanted::ChangeSeverity
        | Wanted::AddHypothesis
        | Wanted::Escalate
        | Wanted::SetOnset
        | Wanted::AddTask
        | Wanted::Rename
        | Wanted::WriteSection
        | Wanted::Pin
        | Wanted::PinScreen => None,
    }
}
