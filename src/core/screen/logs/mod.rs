//! What an action does in the log view: the filter and its terms, where the person is, what is shown of a record.
#![expect(clippy::wildcard_enum_match_arm, reason = "what is typed elsewhere, and other rows, are not for it")]
use std::sync::Arc;

use super::{Draft, LogList, Overlay, Pane, Tone, View, act as acts};
use crate::core::{
    Effect, State,
    incidents::Incident,
    logs::{
        Ask, Key, Level, LogAction, filter,
        shown::Shown,
        state::{Chip, LogClock, Sought},
    },
    time::Now,
};

mod lines;
mod lists;
mod places;
mod typed;

pub use self::lists::{Listed, list};
pub(super) use self::{
    lines::copy,
    lists::{chosen, rename},
    places::moved,
    typed::{given_up, typed},
};
use self::{
    lines::{context, keep, mark, new_since, range, reveal},
    places::{Hop, bar, hop, of_request, zoom},
    typed::searched,
};
pub(crate) use self::{places::named_moment, typed::drafted};

/// How often what is older is asked for on the way to a moment.
const TRIES: u8 = 5;

/// Opens the logs of what the cursor is on.
pub(super) fn open(state: &mut State, now: Now) -> Vec<Effect> {
    let term = match (acts::selected_service(state), acts::selected_host(state)) {
        (Some(service), _) => filter::edit::keep("service", service.service.as_str()).to_string(),
        (None, Some(host)) => filter::edit::keep("host", host.as_str()).to_string(),
        (None, None) => return Vec::new(),
    };
    let onset = acts::about(state, &state.screen.view).map(Incident::zero);
    state.logs.remember();
    let others = state.logs.chips.iter().filter(|chip| !chip.on).cloned();
    state.logs.chips = std::iter::once(Chip::new(term)).chain(others).collect();
    state.logs.stage.clear();
    state.logs.reparse();
    // From an incident one comes for what was said when it began.
    state.logs.wanted = onset.map(|at| Sought { at: at.into(), put: None, tries: TRIES });
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

/// The engine has answered.
pub(crate) fn came(state: &mut State, shown: Arc<Shown>, now: Now) -> Vec<Effect> {
    let version = shown.version;
    state.logs.shown = Some(shown);
    if state.logs.hop.is_some_and(|wanted| wanted <= version) {
        state.logs.hop = None;
        return typed::found(state, now);
    }
    places::seek(state, now)
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
        state.logs.left_at = state.logs.shown.as_ref().map_or(0, |shown| shown.next_order());
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
