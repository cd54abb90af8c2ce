//! Where the person goes: over the lines, to errors, hits and marks, along a request, to a bar, to a time.
use super::{asked, at_record, cursor, land, pause};
use crate::core::{
    Effect, State,
    action::Motion,
    logs::{
        Ask, Level, Nanos, filter,
        state::{LogClock, Sought},
    },
    screen::{Pane, Tone, act},
    time::Now,
};

/// Columns that one move sideways takes, where the width is not known.
const SIDEWAYS: usize = 40;
/// Names that a request or trace goes by, the surest first.
const REQUEST_FIELDS: [&str; 9] =
    ["trace_id", "traceId", "traceid", "request_id", "requestId", "req_id", "req", "correlation_id", "x_request_id"];

/// Moves over the lines, or sideways.
pub(in crate::core::screen) fn moved(state: &mut State, motion: Motion) -> Vec<Effect> {
    let page = state.screen.page(Pane::Lines);
    let by = match motion {
        Motion::Left | Motion::Right => {
            let facts = state.screen.layout.panes.iter().find(|facts| facts.pane == Pane::Lines);
            let half = facts.map_or(SIDEWAYS, |facts| usize::from(facts.area.2) / 2);
            // No further than the end of the longest line that is seen.
            let most = facts.map_or(0, |facts| facts.beyond);
            let at = state.logs.sideways;
            state.logs.sideways =
                if motion == Motion::Right { (at + half).min(most.max(at)) } else { at.min(most).saturating_sub(half) };
            return Vec::new();
        }
        Motion::Bottom => {
            state.logs.follows = true;
            state.logs.cursor = None;
            return Vec::new();
        }
        Motion::Top => {
            let first = state.logs.shown.as_ref().and_then(|shown| shown.first());
            let mut effects = first.map_or_else(Vec::new, |key| land(state, key));
            state.logs.anchor = 0;
            effects.push(Effect::Logs(Ask::Earlier));
            return effects;
        }
        Motion::Down => 1,
        Motion::Up => -1,
        Motion::HalfDown => half(page),
        Motion::HalfUp => -half(page),
        Motion::PageDown => whole(page),
        Motion::PageUp => -whole(page),
    };
    if state.logs.follows && by > 0 {
        return Vec::new();
    }
    pause(state);
    let Some(shown) = state.logs.shown.clone() else { return Vec::new() };
    let Some(from) = cursor(state) else { return Vec::new() };
    let view = shown.lines(state.logs.context.is_some());
    let (to, steps) = view.step(from, by, state.logs.fold);
    state.logs.cursor = Some(to);
    state.logs.revealed = None;
    let anchor = i64::try_from(state.logs.anchor).unwrap_or(0).saturating_add(steps);
    let lowest = i64::try_from(page.saturating_sub(1)).unwrap_or(0);
    // A page keeps the cursor's row; a step walks over the pane first.
    if by.abs() <= 1 {
        state.logs.anchor = usize::try_from(anchor.clamp(0, lowest)).unwrap_or(0);
    }
    let mut effects = at_record(state);
    if by < 0 && steps > by {
        // Its beginning is reached: what is older comes from the sources.
        effects.push(Effect::Logs(Ask::Earlier));
    }
    effects
}

fn half(page: usize) -> i64 {
    i64::try_from((page / 2).max(1)).unwrap_or(1)
}

fn whole(page: usize) -> i64 {
    i64::try_from(page.saturating_sub(1).max(1)).unwrap_or(1)
}

/// What is hopped to.
#[derive(Clone, Copy)]
pub(super) enum Hop {
    Level(Level),
    Hit,
    Mark,
}

pub(super) fn hop(state: &mut State, to: Hop, forward: bool, now: Now) -> Vec<Effect> {
    let (Some(shown), Some(from)) = (state.logs.shown.clone(), cursor(state)) else { return Vec::new() };
    let (found, what) = match to {
        // `w` stops at warnings alone: errors have a key of their own.
        Hop::Level(Level::Warn) => (shown.next_level(from, Level::Warn..=Level::Warn, forward), "warning"),
        Hop::Level(level) => (shown.next_level(from, level..=Level::Fatal, forward), "error"),
        Hop::Hit if state.logs.search.is_empty() => (None, "hit: nothing is searched for"),
        Hop::Hit => (shown.next_hit(from, forward), "hit"),
        Hop::Mark if forward => (state.logs.marks.range(from..).find(|key| **key != from).copied(), "mark"),
        Hop::Mark => (state.logs.marks.range(..from).next_back().copied(), "mark"),
    };
    if let Some(key) = found {
        return land(state, key);
    }
    let side = if forward { "after" } else { "before" };
    state.screen.say(now, Tone::Info, format!("{side} this line there is no {what}"));
    // What is older may not be read yet.
    if forward { Vec::new() } else { vec![Effect::Logs(Ask::Earlier)] }
}

pub(super) fn of_request(state: &mut State, forward: bool, now: Now) -> Vec<Effect> {
    let (Some(shown), Some(from)) = (state.logs.shown.clone(), cursor(state)) else { return Vec::new() };
    let found = REQUEST_FIELDS.iter().find_map(|name| Some((*name, shown.field_of(from, name)?)));
    let Some((name, id)) = found else {
        state.screen.say(now, Tone::Info, "this line has no request or trace id");
        return Vec::new();
    };
    if let Some(key) = shown.next_with(from, &id, forward) {
        let effects = land(state, key);
        state.screen.say(now, Tone::Info, format!("{name} {id}"));
        return effects;
    }
    let side = if forward { "after" } else { "before" };
    state.screen.say(now, Tone::Info, format!("{side} this line nothing has {name} {id}"));
    Vec::new()
}

pub(super) fn bar(state: &mut State, by: isize) -> Vec<Effect> {
    let Some(shown) = state.logs.shown.clone() else { return Vec::new() };
    let bars = shown.bars();
    let here = state.logs.bar.or_else(|| shown.bar_of(cursor(state)?));
    let Some(to) = here.unwrap_or(bars).checked_add_signed(by).filter(|bar| *bar < bars) else { return Vec::new() };
    state.logs.bar = Some(to);
    // Only bars with lines are worth a stop; on an empty one the cursor of the lines stays.
    shown.first_in_bar(to).map_or_else(Vec::new, |key| land(state, key))
}

pub(super) fn zoom(state: &mut State, closer: bool, now: Now) -> Vec<Effect> {
    let Some(shown) = state.logs.shown.clone() else { return Vec::new() };
    let (from, to) = shown.span();
    let wide = to.0.saturating_sub(from.0).max(1);
    let middle = cursor(state).map_or(to.0, |key| key.time.0).clamp(from.0, to.0);
    let wide = if closer { (wide / 2).max(2 * Nanos::MILLI) } else { wide.saturating_mul(2) };
    let (first, last) = shown.extent();
    // At an end of what is here it is the other side that grows.
    let from = middle.saturating_sub(wide / 2).min(last.0.saturating_sub(wide)).max(first.0);
    let (from, to) = (Nanos(from), Nanos(from.saturating_add(wide)));
    state.logs.bar = None;
    state.logs.query.span = (from > first || to < last).then_some((from.max(first), to.min(last)));
    if state.logs.query.span.is_none() {
        state.screen.say(now, Tone::Info, "the histogram spans all lines that are here");
    }
    state.logs.asks();
    vec![asked(state)]
}

pub(super) fn go_to(state: &mut State, text: &str, now: Now) -> Vec<Effect> {
    let Some(moment) = filter::moment::read(text) else { return Vec::new() };
    let zone = if state.logs.clock == LogClock::Local { state.inventory.display.timezone } else { chrono_tz::UTC };
    let named = |name: &str| named_moment(state, name);
    let at = match filter::moment::resolve(&moment, now.utc.into(), zone, &named) {
        Ok(at) => at,
        Err(error) => {
            state.screen.say(now, Tone::Error, error.to_string());
            return Vec::new();
        }
    };
    go_to_moment(state, at, now)
}

pub(super) fn go_to_moment(state: &mut State, at: Nanos, now: Now) -> Vec<Effect> {
    let Some(shown) = state.logs.shown.clone() else { return Vec::new() };
    match shown.lines(state.logs.context.is_some()).at(at) {
        Some(key) => {
            let mut effects = land(state, key);
            if at < shown.extent().0 {
                state.screen.say(now, Tone::Info, "what is older is not read yet: it is asked for");
                effects.push(Effect::Logs(Ask::Earlier));
            }
            effects
        }
        None => Vec::new(),
    }
}

/// Goes to the moment that is sought, as far as its lines are here, and asks for what is older.
pub(super) fn seek(state: &mut State, now: Now) -> Vec<Effect> {
    let (Some(sought), Some(shown)) = (state.logs.wanted, state.logs.shown.clone()) else { return Vec::new() };
    if sought.put.is_some() && sought.put != state.logs.cursor {
        state.logs.wanted = None;
        return Vec::new();
    }
    if shown.lines(state.logs.context.is_some()).at(sought.at).is_none() {
        return Vec::new();
    }
    let here = shown.extent().0 <= sought.at;
    let tries = sought.tries.saturating_sub(1);
    let effects = go_to_moment(state, sought.at, now);
    let more = !here && tries > 0;
    state.logs.wanted = more.then_some(Sought { put: state.logs.cursor, tries, ..sought });
    if here {
        state.screen.say(now, Tone::Info, "this is where it began");
    }
    effects
}

/// Finds a moment that the console knows by name: the onset of the incident at hand, the last run, the last mark.
pub(crate) fn named_moment(state: &State, name: &str) -> Option<Nanos> {
    let at = match name {
        "onset" => act::at_hand(state)?.zero(),
        "deploy" => state.runs.newest_first().first()?.at,
        "mark" => return state.logs.marks.iter().next_back().map(|key| key.time),
        _ => return None,
    };
    Some(at.into())
}
