//! What a person does about the hand-over: read it, promise something, keep a promise, take it over.
use super::{Draft, Overlay, Pane, RowKey, Tone, View};
use crate::core::{
    Effect, State,
    action::Action,
    handover::{Handover, Line, Promise},
    record::{Audit, Row},
    said,
    time::Now,
};

/// A row of the hand-over.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry {
    /// A section begins.
    Head(&'static str),
    /// There is nothing in it.
    Nothing(&'static str),
    /// A line of it.
    Line(Line),
}

/// Returns the rows of a hand-over.
pub fn entries(of: &Handover) -> Vec<Entry> {
    let mut all = Vec::new();
    for section in &of.sections {
        all.push(Entry::Head(section.title));
        if section.lines.is_empty() {
            all.push(Entry::Nothing(section.none));
        }
        all.extend(section.lines.iter().cloned().map(Entry::Line));
    }
    all
}

/// Copies the row under the cursor; where that is a heading, all of its section.
pub(super) fn copy(state: &State, now: Now) -> Vec<Effect> {
    let Some(RowKey::Index(at)) = state.screen.cursor(Pane::Handover) else { return Vec::new() };
    let words = |entry: &Entry| match entry {
        Entry::Head(text) | Entry::Nothing(text) => (*text).to_owned(),
        Entry::Line(line) => format!("{}: {}", line.about, line.text),
    };
    let all = entries(&state.handover(now.utc));
    let mut from = all.iter().skip(*at);
    let Some(first) = from.next() else { return Vec::new() };
    let rest = from.take_while(|entry| matches!(first, Entry::Head(_)) && !matches!(entry, Entry::Head(_)));
    let lines: Vec<String> = std::iter::once(first).chain(rest).map(words).collect();
    vec![Effect::Copy { text: lines.join("\n") }]
}

/// The promise under the cursor.
fn under(state: &State, now: Now) -> Option<u64> {
    let RowKey::Index(at) = state.screen.cursor(Pane::Handover)? else { return None };
    match entries(&state.handover(now.utc)).into_iter().nth(*at)? {
        Entry::Line(line) => line.promise,
        Entry::Head(_) | Entry::Nothing(_) => None,
    }
}

/// Returns why an action would do nothing.
pub(super) fn why_not(state: &State, action: Action, now: Now) -> Option<String> {
    if state.screen.view != View::Handover {
        return Some("this acts on the hand-over: go to it first".to_owned());
    }
    if action == Action::KeepPromise && under(state, now).is_none() {
        return Some("put the cursor on a promise that was kept".to_owned());
    }
    let of = state.handover(now.utc);
    if action == Action::SignHandover && of.is_signed {
        return Some(of.standing());
    }
    of.unread.filter(|_| action == Action::SignHandover)
}

/// Says that the promise under the cursor was kept.
pub(super) fn keep(state: &mut State, now: Now) -> Vec<Effect> {
    let Some(id) = under(state, now) else { return Vec::new() };
    let effects = write(Promise::kept(&state.actor, now, id), "keeping the promise");
    said(effects, format!("promise {id} is kept"))
}

/// Makes the promise that was typed.
pub(super) fn promise(state: &mut State, now: Now) -> Vec<Effect> {
    match Promise::read(state.screen.draft(Draft::Note), now.utc) {
        Ok((who, due, what)) => {
            state.screen.close();
            let until = state.moment(due, now.utc);
            let effects = write(Promise::entry(&state.actor, now, (&who, due, &what)), "making the promise");
            said(effects, format!("{who} promised it until {until}"))
        }
        Err(why) => {
            state.screen.say(now, Tone::Error, why);
            Vec::new()
        }
    }
}

/// Takes over what was shown: nothing is signed that changed while the question stood.
pub(super) fn sign(state: &mut State, digest: &str, now: Now) -> Vec<Effect> {
    state.screen.close();
    let of = state.handover(now.utc);
    if of.digest != digest {
        state.screen.say(now, Tone::Error, "it changed while you were asked: read it again, then sign");
        return Vec::new();
    }
    let effects = write(of.signature(&state.actor, now), "signing the hand-over");
    said(effects, "you have taken over; it is on the audit")
}

/// Opens the question whether it is taken over.
pub(super) fn ask(state: &mut State, now: Now) {
    let digest = state.handover(now.utc).digest;
    state.screen.open(Overlay::Sign { digest });
}

fn write(entry: Audit, what: &'static str) -> Vec<Effect> {
    vec![Effect::Commit { rows: vec![Row::Audit(entry)], then: vec![Effect::ReadAudit], what: Some(what) }]
}
