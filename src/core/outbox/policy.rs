//! When what is done next. No jitter: one console delivers, and what it does can be foretold.
use super::{
    Change, Repeats, Write,
    fold::{Entry, Standing},
    register::token_of,
};
use crate::core::{
    outbox::{State, Verdict},
    time::{DAY, HOUR, MINUTE, SECOND, Timestamp},
};

/// Milliseconds after which what may have been accepted is searched for.
pub(super) const FIRST_SEARCH_MS: i64 = 3 * SECOND;
/// Milliseconds after which a request of a console that is gone has ended.
pub(super) const UNDER_WAY_MS: i64 = MINUTE;
/// Milliseconds after which nobody waits for the end of an order any more.
pub(super) const FLIGHT_MS: i64 = 2 * MINUTE;
/// Milliseconds within which what was told is on disk.
pub(super) const COMMIT_MS: i64 = 10 * SECOND;
/// Milliseconds between two requests to a tracker.
pub(super) const PACE_MS: i64 = SECOND;
/// Milliseconds that a tracker is left alone that takes no more and does not say for how long.
const THROTTLED_MS: i64 = MINUTE;
/// How often the same is sent at most to whom its key says that it is.
const FEW: u32 = 5;
/// Milliseconds within which people are told of something.
const NEWS_MS: i64 = DAY;
/// Milliseconds between two looks at a ticket, the last one for good.
const LOOKS: [i64; 3] = [10 * MINUTE, 10 * MINUTE, 30 * MINUTE];
/// Milliseconds before each further try.
const BACKOFF: [i64; 6] = [5 * SECOND, 15 * SECOND, MINUTE, 5 * MINUTE, 15 * MINUTE, 30 * MINUTE];

/// Returns how long it is waited after so many tries, in milliseconds.
pub fn backoff_ms(tries: u32) -> i64 {
    let at = usize::try_from(tries.saturating_sub(1)).unwrap_or(usize::MAX).min(BACKOFF.len() - 1);
    BACKOFF.get(at).copied().unwrap_or(MINUTE)
}

/// Returns how long a place is left alone that takes no more: as long as it says, at most a day. One that does not say is asked half as
/// often each time that it says so again. Whom people are told by, not longer than between any two tries.
pub(super) fn throttle_ms(asked: Option<i64>, times: u32, told: bool) -> i64 {
    let own = THROTTLED_MS.saturating_mul(1 << times.min(6)).min(HOUR);
    asked.unwrap_or(own).clamp(SECOND, if told { backoff_ms(u32::MAX) } else { DAY })
}

/// Returns when a place that was not well is asked again: at the moment that it named, or after as many tries as there were. What it
/// names is a guess, so that nothing waits for it longer than an hour, and what people are told not longer than between any two tries;
/// nor is it asked more often than once a minute because it names seconds again and again.
pub(super) fn again_ms(asked: Option<i64>, tries: u32, told: bool) -> i64 {
    let most = if told { backoff_ms(u32::MAX) } else { HOUR };
    let own = backoff_ms(tries);
    asked.map_or(own, |ms| ms.clamp(own.min(MINUTE), most))
}

/// Returns how long after so many looks a ticket is looked at again; none where it is not any more.
pub(super) fn look_ms(looks: u32, entry: &Entry, open: bool, window_ms: i64) -> Option<i64> {
    let at = usize::try_from(looks).unwrap_or(usize::MAX);
    match looks {
        // What was accepted unseen shows once a search finds it.
        0 if entry.doubt => Some(window_ms),
        _ if open => Some(LOOKS.get(at).copied().unwrap_or(30 * MINUTE)),
        1..=3 if entry.doubt => Some(20 * MINUTE),
        _ => None,
    }
}

/// Says whether it is time. What lies further ahead than anything waits was dated by a clock that has been set back since.
pub(super) fn is_due(at: Timestamp, now: Timestamp) -> bool {
    now >= at || at.since(now) > 2 * DAY
}

/// What is done next with an item.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Nothing now.
    Rest,
    /// It is sent: this, of what was queued.
    Send(Write),
    /// It is searched for.
    Search,
    /// The console that sent it is gone.
    Interrupted,
    /// It is not to be written any more.
    Drop(&'static str),
}

/// Says what is done next with an item that this console has not under way.
pub(super) fn step(state: &State, entry: &Entry, now: Timestamp) -> Step {
    match &entry.standing {
        Standing::Failed { .. } | Standing::Synced | Standing::Unsure { .. } | Standing::Dropped { .. } => Step::Rest,
        Standing::Sending { .. } => Step::Interrupted,
        Standing::Unclear { next, .. } => {
            if is_due(*next, now) {
                Step::Search
            } else {
                Step::Rest
            }
        }
        Standing::Waiting { next, .. } => {
            if entry.item.write.notice().is_some() {
                return tell(state, entry, is_due(*next, now), now);
            }
            if matches!(entry.item.write, Write::Create(_)) {
                return if is_due(*next, now) { Step::Send(entry.item.write.clone()) } else { Step::Rest };
            }
            follow(state, entry, is_due(*next, now))
        }
    }
}

/// What people are told, in the order in which it happened, while it is news.
fn tell(state: &State, entry: &Entry, due: bool, now: Timestamp) -> Step {
    if now.since(entry.queued) > NEWS_MS {
        return Step::Drop("it is no news any more: it could not be told within a day");
    }
    let of = &entry.item;
    let before = state.items.values().any(|other| {
        other.item.incident == of.incident
            && other.item.tracker == of.tracker
            && other.position < entry.position
            && matches!(other.standing, Standing::Waiting { .. } | Standing::Sending { .. })
    });
    if due && !before { Step::Send(of.write.clone()) } else { Step::Rest }
}

/// What comes after its ticket, in the order in which it was queued.
fn follow(state: &State, entry: &Entry, due: bool) -> Step {
    let of = &entry.item;
    let Some(ticket) = state.items.get(&token_of(of.incident, &of.tracker, None)) else { return Step::Rest };
    match ticket.standing {
        Standing::Dropped { .. } => return Step::Drop("its ticket was dropped"),
        Standing::Synced => {}
        Standing::Waiting { .. }
        | Standing::Sending { .. }
        | Standing::Unclear { .. }
        | Standing::Unsure { .. }
        | Standing::Failed { .. } => return Step::Rest,
    }
    let lane = || {
        let same = |other: &&Entry| other.item.incident == of.incident && other.item.tracker == of.tracker;
        state.items.values().filter(same).filter(|other| other.token != entry.token)
    };
    let write = match &of.write {
        Write::Update(change) => {
            let mut left = change.clone();
            for later in lane().filter(|other| other.position > entry.position) {
                if let (Write::Update(later), false) =
                    (&later.item.write, matches!(later.standing, Standing::Dropped { .. }))
                {
                    left.without(later);
                }
            }
            if left == Change::default() {
                return Step::Drop("a later update says it");
            }
            Write::Update(left)
        }
        Write::Create(_) | Write::Comment { .. } | Write::Link { .. } | Write::Notice(_) => of.write.clone(),
    };
    let is_before = |other: &Entry| {
        other.position < entry.position
            && matches!(other.standing, Standing::Waiting { .. } | Standing::Sending { .. } | Standing::Unclear { .. })
    };
    if due && !lane().any(is_before) { Step::Send(write) } else { Step::Rest }
}

/// Says when a notice that may have been heard is told again; none: it is left at that. What is the same told twice is told until
/// somebody says that it was heard, or a few times; what calls somebody once more, rather twice than never; anything else not.
pub(super) fn told_again(entry: &Entry, repeats: Repeats, asked: Option<i64>, now: Timestamp) -> Option<Timestamp> {
    let calls = entry.item.write.notice().is_some_and(|notice| notice.calls);
    let again = match repeats {
        Repeats::Once => calls && entry.resent == 0,
        Repeats::Few => entry.resent < FEW - 1,
        Repeats::Always => true,
    };
    again.then(|| now + again_ms(asked, entry.tries.max(1), true))
}

/// Judges a search that found nothing: what follows, whether it says something, and when it goes on.
pub(super) fn judged(entry: &Entry, window_ms: i64, now: Timestamp) -> (Verdict, bool, Timestamp) {
    let Standing::Unclear { counts_from, empty, asked, .. } = &entry.standing else {
        return (Verdict::Again, false, now + window_ms);
    };
    if now < *counts_from {
        return (Verdict::Again, false, *counts_from);
    }
    match empty {
        None => (Verdict::Again, true, now + window_ms),
        Some(first) if now.since(*first) < window_ms => (Verdict::Again, false, *first + window_ms),
        Some(_) if entry.resent == 0 || *asked => (Verdict::Retry, true, now),
        Some(_) => (Verdict::Ask, true, now),
    }
}
