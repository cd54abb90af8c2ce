//! What an action does in the log view: the filter and its terms, where the person is, what is shown of a record.
#![expect(clippy::wildcard_enum_match_arm, reason = "what is typed elsewhere, and other rows, are not for it")]
use super::{Draft, LogList, Overlay, Pane, RowKey, Tone, View, act as acts, rows};
use crate::core::{
    Effect, State,
    action::Motion,
    logs::{
        Ask, Key, Level, LogAction, Nanos, filter,
        state::{Chip, LogClock, Session, Wrong},
    },
    record::{Audit, Row},
    time::Now,
};

/// Columns that one move sideways takes, where the width is not known.
const SIDEWAYS: usize = 40;
/// Names that a request or trace goes by, the surest first.
const REQUEST_FIELDS: [&str; 9] =
    ["trace_id", "traceId", "traceid", "request_id", "requestId", "req_id", "req", "correlation_id", "x_request_id"];

/// Opens the logs of what the cursor is on.
pub(super) fn open(state: &mut State, now: Now) -> Vec<Effect> {
    let term = match (acts::selected_service(state), acts::selected_host(state)) {
        (Some(service), _) => filter::edit::keep("service", service.service.as_str()).to_string(),
        (None, Some(host)) => filter::edit::keep("host", host.as_str()).to_string(),
        (None, None) => return Vec::new(),
    };
    state.logs.remember();
    let others = state.logs.chips.iter().filter(|chip| !chip.on).cloned();
    state.logs.chips = std::iter::once(Chip { text: term, on: true }).chain(others).collect();
    state.logs.stage.clear();
    state.logs.reparse();
    acts::go(state, View::Logs, now)
}

/// What follows when the log view comes on screen: its sources run, and it is asked for what it shows.
pub(super) fn arrived(state: &mut State) -> Vec<Effect> {
    if !matches!(state.screen.view, View::Logs | View::Web) {
        return Vec::new();
    }
    state.logs.query.web = state.screen.view == View::Web;
    state.logs.asks();
    let mut effects = Vec::new();
    if !std::mem::replace(&mut state.logs.started, true) {
        effects.push(Effect::Logs(Ask::Start));
        // The lines are what one came for.
        state.screen.focus.entry(View::Logs).or_insert(1);
    }
    effects.push(asked(state));
    effects
}

/// Columns of a histogram that hold no bars: borders, scale, and a legend where there is room for one.
const BESIDE: (u16, u16, u16) = (10, 24, 100);

/// The histogram has as many bars as its pane has room for.
pub(crate) fn laid_out(state: &mut State) -> Vec<Effect> {
    let Some(facts) = state.screen.layout.panes.iter().find(|facts| facts.pane == Pane::Histogram) else {
        return Vec::new();
    };
    let (borders, legend, roomy) = BESIDE;
    let wide = facts.area.2.saturating_sub(borders);
    let bars = if facts.area.2.saturating_sub(2) >= roomy { wide.saturating_sub(legend) } else { wide };
    if state.logs.query.bars == bars || bars == 0 {
        return Vec::new();
    }
    state.logs.query.bars = bars;
    state.logs.asks();
    vec![asked(state)]
}

/// Asks the engine for what the state says.
pub(super) fn asked(state: &State) -> Effect {
    let mut query = state.logs.query.clone();
    for name in ["onset", "deploy", "mark"] {
        query.named.extend(named_moment(state, name).map(|at| (name.to_owned(), at)));
    }
    Effect::Logs(Ask::Query(Box::new(query)))
}

/// Applies an action of the log view.
pub(super) fn act(state: &mut State, action: LogAction, now: Now) -> Vec<Effect> {
    match action {
        LogAction::Search => state.screen.open(Overlay::Log(Draft::LogSearch)),
        LogAction::EditFilter => {
            let line = state.logs.line();
            state.logs.before_typing = Some((state.logs.chips.clone(), state.logs.stage.clone()));
            state.logs.wrong = None;
            state.screen.open(Overlay::Log(Draft::LogFilter));
            state.screen.drafts.insert(Draft::LogFilter, line);
        }
        LogAction::GoToTime => state.screen.open(Overlay::Log(Draft::LogTime)),
        LogAction::SaveSession => state.screen.open(Overlay::Log(Draft::LogSession)),
        LogAction::ListFilters => state.screen.open(Overlay::LogList(LogList::Filters)),
        LogAction::ListSources => state.screen.open(Overlay::LogList(LogList::Sources)),
        LogAction::ListColumns => state.screen.open(Overlay::LogList(LogList::Columns)),
        LogAction::Follow => return follow(state),
        LogAction::NextError => return hop(state, Hop::Level(Level::Error), true, now),
        LogAction::PreviousError => return hop(state, Hop::Level(Level::Error), false, now),
        LogAction::NextWarning => return hop(state, Hop::Level(Level::Warn), true, now),
        LogAction::PreviousWarning => return hop(state, Hop::Level(Level::Warn), false, now),
        LogAction::NextHit => return hop(state, Hop::Hit, true, now),
        LogAction::PreviousHit => return hop(state, Hop::Hit, false, now),
        LogAction::NextMark => return hop(state, Hop::Mark, true, now),
        LogAction::PreviousMark => return hop(state, Hop::Mark, false, now),
        LogAction::Mark => mark(state, now),
        LogAction::Range => range(state, now),
        LogAction::Wrap => state.logs.wrap = !state.logs.wrap,
        LogAction::FoldRepeats => {
            state.logs.fold = !state.logs.fold;
            let says = if state.logs.fold { "lines that repeat are folded" } else { "every line is shown" };
            state.screen.say(now, Tone::Info, says);
        }
        LogAction::TurnClock => {
            state.logs.clock = state.logs.clock.next();
            let zone = state.inventory.display.timezone;
            let says = match state.logs.clock {
                LogClock::Utc => "times are in UTC".to_owned(),
                LogClock::Local => format!("times are in {zone}"),
                LogClock::SincePrevious => "times say how long after the line before".to_owned(),
                LogClock::SinceMark => "times say how long before or after the nearest mark".to_owned(),
            };
            state.screen.say(now, Tone::Info, says);
        }
        LogAction::Context => return context(state, now),
        LogAction::Keep => return keep(state, false, now),
        LogAction::Exclude => return keep(state, true, now),
        LogAction::NextOfRequest => return of_request(state, true, now),
        LogAction::PreviousOfRequest => return of_request(state, false, now),
        LogAction::Unfold => {
            if let Some(key) = cursor(state)
                && !state.logs.unfolded.remove(&key)
            {
                state.logs.unfolded.insert(key);
            }
        }
        LogAction::EarlierBar => return bar(state, -1),
        LogAction::LaterBar => return bar(state, 1),
        LogAction::ZoomIn => return zoom(state, true, now),
        LogAction::ZoomOut => return zoom(state, false, now),
        LogAction::NewSinceHere => return new_since(state, now),
        LogAction::Undo => {
            if state.logs.take_back() {
                state.screen.say(now, Tone::Info, "the filter is as it was before");
                return vec![asked(state)];
            }
            state.screen.say(now, Tone::Info, "no change of the filter to take back");
        }
        LogAction::Reveal => return reveal(state, now),
        LogAction::Web => {
            let view = if state.screen.view == View::Web { View::Logs } else { View::Web };
            return acts::go(state, view, now);
        }
        LogAction::CopyBundle => return copy(state, true),
        LogAction::Export => {
            let path = format!("qd-logs-{}.jsonl", file_time(now));
            return vec![Effect::Logs(Ask::Export { path })];
        }
    }
    Vec::new()
}

fn file_time(now: Now) -> String {
    now.utc.to_utc().map_or_else(|| now.utc.0.to_string(), |utc| utc.format("%Y%m%dT%H%M%SZ").to_string())
}

/// Enter in the log view: a bar leads to its lines, a line unfolds, what is listed is kept. None elsewhere.
pub(super) fn entered(state: &mut State, now: Now) -> Option<Vec<Effect>> {
    match state.screen.pane() {
        Pane::Histogram if state.screen.view == View::Logs => {
            state.screen.focus.insert(View::Logs, 1);
            state.screen.zoomed = false;
            Some(Vec::new())
        }
        Pane::Lines => Some(act(state, LogAction::Unfold, now)),
        Pane::Patterns | Pane::Fields | Pane::Web(_) => Some(act(state, LogAction::Keep, now)),
        _ => None,
    }
}

/// Esc in the log view first takes back what was put over the lines: context, a range, a search. None where nothing was.
pub(super) fn back(state: &mut State) -> Option<Vec<Effect>> {
    if state.screen.view != View::Logs || state.screen.zoomed {
        return None;
    }
    if state.logs.context.take().is_some() || state.logs.range.take().is_some() {
        return Some(Vec::new());
    }
    if !state.logs.search.is_empty() {
        state.screen.drafts.remove(&Draft::LogSearch);
        return Some(searched(state, ""));
    }
    None
}

/// Returns the record that the person is on: the newest one while that is followed.
pub fn cursor(state: &State) -> Option<Key> {
    let shown = state.logs.shown.as_ref()?;
    match state.logs.cursor {
        Some(key) if !state.logs.follows => Some(key),
        _ => shown.last(),
    }
}

fn follow(state: &mut State) -> Vec<Effect> {
    if state.logs.follows {
        pause(state);
    } else {
        state.logs.follows = true;
        state.logs.cursor = None;
        state.logs.context = None;
    }
    at_record(state)
}

/// Stays on the record that is newest now.
fn pause(state: &mut State) {
    if state.logs.follows {
        state.logs.cursor = state.logs.shown.as_ref().and_then(|shown| shown.last());
        state.logs.matched = state.logs.shown.as_ref().map_or(0, |shown| shown.matched());
        state.logs.anchor = state.screen.page(Pane::Lines);
        state.logs.follows = false;
    }
}

/// The record under the cursor changed: its fields are asked for.
fn at_record(state: &mut State) -> Vec<Effect> {
    let record = cursor(state);
    if state.logs.query.record == record || state.logs.follows {
        return Vec::new();
    }
    state.logs.query.record = record;
    state.logs.asks();
    vec![asked(state)]
}

/// Puts the cursor on a record, in the middle of the pane where it was not to be seen.
fn land(state: &mut State, key: Key) -> Vec<Effect> {
    pause(state);
    state.logs.cursor = Some(key);
    state.logs.anchor = state.screen.page(Pane::Lines) / 2;
    state.logs.revealed = None;
    at_record(state)
}

/// Moves over the lines, or sideways.
pub(super) fn moved(state: &mut State, motion: Motion) -> Vec<Effect> {
    let page = state.screen.page(Pane::Lines);
    let by = match motion {
        Motion::Left | Motion::Right => {
            let wide = state.screen.layout.panes.iter().find(|facts| facts.pane == Pane::Lines);
            let half = wide.map_or(SIDEWAYS, |facts| usize::from(facts.area.2) / 2);
            let at = state.logs.sideways;
            state.logs.sideways =
                if motion == Motion::Right { (at + half).min(1 << 20) } else { at.saturating_sub(half) };
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
    let (to, steps) = view.step(from, by);
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
enum Hop {
    Level(Level),
    Hit,
    Mark,
}

fn hop(state: &mut State, to: Hop, forward: bool, now: Now) -> Vec<Effect> {
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

fn mark(state: &mut State, now: Now) {
    let Some(key) = cursor(state) else { return };
    pause(state);
    if state.logs.marks.remove(&key) {
        state.screen.say(now, Tone::Info, "mark taken away");
    } else {
        state.logs.marks.insert(key);
    }
}

fn range(state: &mut State, now: Now) {
    pause(state);
    state.logs.range = match state.logs.range {
        Some(_) => None,
        None => cursor(state),
    };
    let says = if state.logs.range.is_some() { "range begins here: move, then y copies it" } else { "no range" };
    state.screen.say(now, Tone::Info, says);
}

fn context(state: &mut State, now: Now) -> Vec<Effect> {
    if state.logs.context.take().is_some() {
        return Vec::new();
    }
    let Some(key) = cursor(state) else { return Vec::new() };
    let effects = land(state, key);
    state.logs.context = Some(key);
    state.screen.say(now, Tone::Info, "all lines around this one; c again filters as before");
    effects
}

/// Keeps or leaves out what the cursor is on: a field's value, a pattern, a row of the web-server view; among the lines, the
/// service.
fn keep(state: &mut State, exclude: bool, now: Now) -> Vec<Effect> {
    let pane = state.screen.pane();
    if let (Some(RowKey::Field(name)), Some(shown)) = (state.screen.cursor(pane), &state.logs.shown)
        && let Some(value) = shown.value_of(name)
        && shown.redacted(value.as_bytes()) != value.as_bytes()
    {
        // A term stays on screen, in exports and in sessions: it would carry the secret there.
        state.screen.say(now, Tone::Info, "this value is masked: as a term of the filter everybody would read it");
        return Vec::new();
    }
    let term = match (state.screen.cursor(pane), &state.logs.shown) {
        (Some(RowKey::Field(name)), Some(shown)) => {
            shown.value_of(name).map(|value| filter::edit::keep(name, value).to_string())
        }
        (Some(RowKey::Group(id)), Some(shown)) => shown.term_of(pane, id),
        _ => None,
    };
    let term = term.or_else(|| {
        let (shown, key) = (state.logs.shown.as_ref()?, cursor(state)?);
        shown.pattern_term(key)
    });
    let Some(term) = term else {
        state.screen.say(now, Tone::Info, "put the cursor on a field's value, a pattern or a line");
        return Vec::new();
    };
    let term = if exclude { negated(&term) } else { term };
    match state.logs.add_term(&term) {
        Ok(()) => {
            let does = if exclude { "left out" } else { "kept" };
            state.screen.say(now, Tone::Info, format!("{does}: {term}; Backspace takes it back"));
            vec![asked(state)]
        }
        Err(wrong) => {
            state.screen.say(now, Tone::Error, wrong.says);
            Vec::new()
        }
    }
}

/// Turns a term into its opposite.
fn negated(term: &str) -> String {
    filter::parse(term).map_or_else(|_| format!("-{term}"), |parsed| parsed.filter.expr.negated().to_string())
}

fn of_request(state: &mut State, forward: bool, now: Now) -> Vec<Effect> {
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

fn bar(state: &mut State, by: isize) -> Vec<Effect> {
    let Some(shown) = state.logs.shown.clone() else { return Vec::new() };
    let bars = shown.bars();
    let here = state.logs.bar.or_else(|| shown.bar_of(cursor(state)?));
    let Some(to) = here.unwrap_or(bars).checked_add_signed(by).filter(|bar| *bar < bars) else { return Vec::new() };
    state.logs.bar = Some(to);
    // Only bars with lines are worth a stop; on an empty one the cursor of the lines stays.
    shown.first_in_bar(to).map_or_else(Vec::new, |key| land(state, key))
}

fn zoom(state: &mut State, closer: bool, now: Now) -> Vec<Effect> {
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

fn new_since(state: &mut State, now: Now) -> Vec<Effect> {
    let Some(key) = cursor(state) else { return Vec::new() };
    if state.logs.query.baseline == Some(key.time) {
        state.logs.query.baseline = None;
        state.screen.say(now, Tone::Info, "patterns are new when they were not seen in the last days");
    } else {
        state.logs.query.baseline = Some(key.time);
        state.screen.say(now, Tone::Info, "patterns first seen after this line are NEW, those that stopped are gone");
    }
    state.logs.asks();
    vec![asked(state)]
}

/// Shows what is redacted in one record, and keeps on record that somebody looked.
fn reveal(state: &mut State, now: Now) -> Vec<Effect> {
    let (Some(shown), Some(key)) = (state.logs.shown.clone(), cursor(state)) else { return Vec::new() };
    if state.logs.revealed.take().is_some() {
        return Vec::new();
    }
    pause(state);
    state.logs.cursor = Some(key);
    state.logs.revealed = Some(key);
    let audit = Audit {
        at: now.utc,
        by: state.actor.by.clone(),
        from: state.actor.from.clone(),
        what: "log.revealed".into(),
        target: shown.source_name(key),
        detail: format!("a record of {:?}", key.time),
    };
    let mut effects = at_record(state);
    effects.push(Effect::Commit {
        rows: vec![Row::Audit(audit)],
        then: Vec::new(),
        what: Some("revealing the record"),
    });
    effects
}

/// Copies the line, or the range; as a bundle with where it is from.
pub(super) fn copy(state: &mut State, bundle: bool) -> Vec<Effect> {
    let (Some(shown), Some(key)) = (state.logs.shown.clone(), cursor(state)) else { return Vec::new() };
    let pane = state.screen.pane();
    if !bundle && let (Pane::Fields, Some(RowKey::Field(name))) = (pane, state.screen.cursor(pane)) {
        let masked = |text: &str| String::from_utf8_lossy(&shown.redacted(text.as_bytes())).into_owned();
        return shown.value_of(name).map_or_else(Vec::new, |text| vec![Effect::Copy { text: masked(text) }]);
    }
    let keys = match (state.logs.range, bundle && !state.logs.marks.is_empty()) {
        (_, true) => state.logs.marks.iter().copied().collect(),
        (Some(begin), _) => shown.lines(state.logs.context.is_some()).between(begin.min(key), begin.max(key)),
        (None, _) => vec![key],
    };
    state.logs.range = None;
    let text = if bundle { shown.bundle(&keys, &state.logs.query.text) } else { shown.text(&keys) };
    vec![Effect::Copy { text }]
}

/// A line of the log view was typed so far.
pub(crate) fn drafted(state: &mut State, draft: Draft, text: &str) -> Vec<Effect> {
    state.logs.wrong = None;
    match draft {
        Draft::LogFilter => match state.logs.set_line(text) {
            Ok(()) => return vec![asked(state)],
            Err(wrong) => state.logs.wrong = Some(wrong),
        },
        Draft::LogSearch => return searched(state, text),
        Draft::LogTime if !text.trim().is_empty() => {
            let text = text.trim();
            let bad = filter::moment::read(text).is_none();
            state.logs.wrong = bad.then(|| Wrong {
                from: 0,
                to: text.len(),
                says: "not a time: 02:58, -10m, @onset, @deploy, 2026-11-20T03:12Z".into(),
            });
        }
        _ => {}
    }
    Vec::new()
}

fn searched(state: &mut State, text: &str) -> Vec<Effect> {
    let text = text.trim();
    let parsed = if text.is_empty() { Ok(None) } else { filter::parse(text).map(|parsed| Some(parsed.filter)) };
    match parsed {
        Ok(search) => {
            text.clone_into(&mut state.logs.search);
            state.logs.query.search = search;
            state.logs.asks();
            vec![asked(state)]
        }
        Err(error) => {
            state.logs.wrong = Some(crate::core::logs::state::wrong(error));
            Vec::new()
        }
    }
}

/// A line of the log view was typed, and is taken.
pub(super) fn typed(state: &mut State, draft: Draft, now: Now) -> Vec<Effect> {
    let text = state.screen.draft(draft).trim().to_owned();
    if let Some(wrong) = &state.logs.wrong {
        let says = wrong.says.clone();
        state.screen.say(now, Tone::Error, says);
        return Vec::new();
    }
    state.screen.close();
    match draft {
        Draft::LogFilter => {
            if let Some(before) = state.logs.before_typing.take()
                && before != (state.logs.chips.clone(), state.logs.stage.clone())
            {
                state.logs.undo.push(before);
            }
            Vec::new()
        }
        Draft::LogSearch => hop(state, Hop::Hit, false, now),
        Draft::LogTime => go_to(state, &text, now),
        Draft::LogSession if !text.is_empty() => {
            let session = Session {
                chips: state.logs.chips.clone(),
                stage: state.logs.stage.clone(),
                columns: state.logs.columns.clone(),
                hidden: state.logs.query.hidden.clone(),
                marks: state.logs.marks.iter().copied().collect(),
                at: if state.logs.follows { None } else { state.logs.cursor.map(|key| key.time) },
            };
            state.logs.saved.insert(text.clone(), session.clone());
            vec![Effect::Logs(Ask::Save { name: text, session: Box::new(session) })]
        }
        _ => Vec::new(),
    }
}

/// A line of the log view was begun, and is given up.
pub(super) fn given_up(state: &mut State, draft: Draft, _now: Now) -> Vec<Effect> {
    state.screen.close();
    state.logs.wrong = None;
    match draft {
        Draft::LogFilter => {
            if let Some((chips, stage)) = state.logs.before_typing.take() {
                (state.logs.chips, state.logs.stage) = (chips, stage);
                state.logs.reparse();
            }
            vec![asked(state)]
        }
        Draft::LogSearch => {
            state.screen.drafts.remove(&Draft::LogSearch);
            searched(state, "")
        }
        _ => Vec::new(),
    }
}

fn go_to(state: &mut State, text: &str, now: Now) -> Vec<Effect> {
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

/// Finds a moment that the console knows by name: the onset of the newest incident, the last run, the last mark.
pub(crate) fn named_moment(state: &State, name: &str) -> Option<Nanos> {
    let at = match name {
        "onset" => {
            let open = state.incidents.open().max_by_key(|incident| incident.opened)?;
            open.by_time().first().map_or(open.opened, |event| event.at)
        }
        "deploy" => state.runs.newest_first().first()?.at,
        "mark" => return state.logs.marks.iter().next_back().map(|key| key.time),
        _ => return None,
    };
    Some(at.into())
}

/// A line of a list of the log view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// What it is.
    pub what: String,
    /// Whether it acts, is shown, is chosen; none where that means nothing.
    pub on: Option<bool>,
    /// More about it.
    pub more: String,
}

/// Returns the lines of a list.
pub fn list(state: &State, list: LogList) -> Vec<Listed> {
    match list {
        LogList::Filters => {
            let chips = state.logs.chips.iter().map(|chip| Listed {
                what: chip.text.clone(),
                on: Some(chip.on),
                more: if chip.on { String::new() } else { "rests".into() },
            });
            let saved = state.logs.saved.iter().map(|(name, session)| Listed {
                what: name.clone(),
                on: None,
                more: session.chips.iter().map(|chip| chip.text.as_str()).collect::<Vec<_>>().join(" "),
            });
            chips.chain(saved).collect()
        }
        LogList::Sources => {
            let shown = state.logs.shown.as_ref();
            shown.map_or_else(Vec::new, |shown| {
                let listed = |source: &crate::core::logs::shown::SourceStatus| Listed {
                    what: source.name.to_string(),
                    on: Some(!state.logs.query.hidden.contains(&source.name)),
                    more: source.words(),
                };
                shown.sources.iter().map(listed).collect()
            })
        }
        LogList::Columns => {
            let shown = state.logs.shown.as_ref();
            let names = shown.map_or_else(Vec::new, |shown| shown.field_names());
            let listed =
                |name: String| Listed { on: Some(state.logs.columns.contains(&name)), what: name, more: String::new() };
            names.into_iter().map(listed).collect()
        }
    }
}

/// A line of a list was chosen: it is turned, or taken.
pub(super) fn chosen(state: &mut State, of: LogList, now: Now) -> Vec<Effect> {
    let at = state.screen.overlay_cursor;
    let Some(line) = list(state, of).into_iter().nth(at) else { return Vec::new() };
    match of {
        LogList::Filters => {
            state.logs.remember();
            if let Some(chip) = state.logs.chips.get_mut(at) {
                chip.on = !chip.on;
            } else if let Some(session) = state.logs.saved.get(&line.what).cloned() {
                state.screen.close();
                state.screen.say(now, Tone::Info, format!("as saved: {}", line.what));
                state.logs.chips = session.chips;
                state.logs.stage = session.stage;
                state.logs.columns = session.columns;
                state.logs.query.hidden = session.hidden;
                state.logs.marks.extend(session.marks);
            }
            state.logs.reparse();
        }
        LogList::Sources => {
            let name: std::sync::Arc<str> = line.what.into();
            if !state.logs.query.hidden.remove(&name) {
                state.logs.query.hidden.insert(name);
            }
            state.logs.asks();
        }
        LogList::Columns => {
            match state.logs.columns.iter().position(|column| *column == line.what) {
                Some(at) => drop(state.logs.columns.remove(at)),
                None => state.logs.columns.push(line.what),
            }
            return Vec::new();
        }
    }
    rows::refresh(state, now, true);
    vec![asked(state)]
}
