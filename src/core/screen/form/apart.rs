//! Two incidents that are one, or one that is two: what is written goes into both in one commit, so that each leads to the other.
use super::Form;
use crate::core::{
    Effect, State,
    id::Uid,
    incidents::{self, IncidentEvent, IncidentEventKind, Link},
    opening::TITLE,
    record::Row,
    screen::{Tone, View, act},
    time::Now,
};

/// Writes that two incidents belong together, into both.
pub(super) fn linked(state: &mut State, (of, other): (Uid, Uid), how: Link, now: Now) -> Vec<Effect> {
    let by = state.actor.by.clone();
    let mut effects = Vec::new();
    for (incident, other, how) in [(of, other, how), (other, of, how.back())] {
        let kind = IncidentEventKind::Linked { other, how };
        let msg = incidents::Msg::Added { incident, at: now.utc, by: by.clone(), kind };
        effects.extend(state.incidents_update(msg, now, Some("writing it into both timelines")));
    }
    crate::core::together(effects)
}

/// Opens an incident of its own for an entry of a timeline, which goes with it; each leads to the other.
pub(super) fn split(state: &mut State, form: &Form, (seq, title): (u64, &str), now: Now) -> Vec<Effect> {
    let Some(of) = state.incidents.incidents.get(&form.incident) else { return Vec::new() };
    let Some((at, event)) = of.happened(seq).zip(of.timeline.get(&seq).cloned()) else { return Vec::new() };
    let (severity, service, number) = (of.severity, of.service.clone(), of.number);
    let title: String = title.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(TITLE).collect();
    let from = IncidentEventKind::Linked { other: form.incident, how: Link::SplitFrom };
    let (uid, mut effects) = match state.open_worded((severity, title), service, vec![from], now) {
        Ok(opened) => opened,
        Err(known) => {
            state.screen.say(now, Tone::Info, "that is open already: this is it");
            return act::go(state, View::Incident(known), now);
        }
    };
    // What was kept and thought goes as it is; what else happened there is told of, by whoever tells it.
    let kept = matches!(
        event.kind,
        IncidentEventKind::Note { .. } | IncidentEventKind::Pinned { .. } | IncidentEventKind::Hypothesis { .. }
    );
    let (by, kind) = if kept {
        (event.by, event.kind)
    } else {
        let text = format!("{number}, by {}: {}", event.by, event.kind.text());
        (state.actor.by.clone(), IncidentEventKind::Note { text })
    };
    let mut rows = vec![Row::Incident(IncidentEvent { incident: uid, at, by, kind })];
    let kind = IncidentEventKind::Linked { other: uid, how: Link::SplitOff };
    let by = state.actor.by.clone();
    rows.push(Row::Incident(IncidentEvent { incident: form.incident, at: now.utc, by, kind }));
    crate::core::push_commit(&mut effects, rows, None);
    crate::core::together(effects)
}
