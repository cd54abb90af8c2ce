//! The reducer: what is to be done next, and what comes of what was done.
use std::{collections::BTreeSet, sync::Arc};

use super::{
    Deed, End, Fields, Item, Miss, News, NotifierSpec, Order, OutboxEvent, OutboxEventKind, Remote, Repeats, State,
    TrackerSpec, Unseen, Verdict, Write,
    fold::{self, Entry, Standing},
    policy::{self, COMMIT_MS, FLIGHT_MS, PACE_MS, Step},
    register::token_of,
};
use crate::core::{
    alerts,
    id::{Operator, Uid},
    incidents::{self, IncidentEvent, IncidentEventKind},
    record::Row,
    time::{DAY, Timestamp},
};

/// Something about the outbox.
#[derive(Clone, Debug, PartialEq)]
pub enum Msg {
    /// The store gave events back, from this or another console.
    Stored(Vec<OutboxEvent>),
    /// An order ended.
    Ended {
        /// The item.
        token: Uid,
        /// What was done.
        deed: Deed,
        /// Which try it was.
        attempt: u32,
        /// How it ended.
        end: End,
    },
    /// A person wants it tried now.
    RetryAsked {
        /// The item.
        token: Uid,
    },
    /// A person changed its text.
    EditAsked {
        /// The item.
        token: Uid,
        /// The text, as [`Entry::edit`] takes it.
        text: String,
    },
    /// A person wants it not to be written.
    DropAsked {
        /// The item.
        token: Uid,
        /// Why.
        reason: String,
    },
    /// What would be sent for an item.
    Previewed {
        /// The item.
        token: Uid,
        /// The request's body.
        text: String,
    },
}

/// What is known around the outbox.
#[derive(Clone, Copy, Debug)]
pub struct Around<'a> {
    /// The trackers.
    pub trackers: &'a [Arc<TrackerSpec>],
    /// The notifiers.
    pub notifiers: &'a [Arc<NotifierSpec>],
    /// The incidents.
    pub incidents: &'a incidents::State,
    /// The alerts.
    pub alerts: &'a alerts::State,
    /// Who acts here.
    pub by: &'a Operator,
    /// Whether this console holds the lease: it alone delivers.
    pub delivers: bool,
}

/// What an update leaves to do.
#[derive(Clone, Debug, Default, PartialEq)]
#[must_use = "what is not carried out never happens"]
pub struct Out {
    /// To be written.
    pub rows: Vec<Row>,
    /// To be done at a tracker, each after its rows are on disk.
    pub orders: Vec<(Vec<Row>, Order)>,
    /// Items that need a person since.
    pub failed: Vec<Uid>,
}

/// Applies one message.
pub fn update(state: &mut State, msg: Msg, now: Timestamp, around: Around<'_>) -> Out {
    let mut out = Out::default();
    match msg {
        Msg::Stored(events) => {
            for event in events {
                stored(state, event, &mut out);
            }
        }
        Msg::Ended { token, deed, attempt, end } => ended(state, (token, deed, attempt), end, (now, around), &mut out),
        Msg::RetryAsked { token } => out.say(around.by, now, token, OutboxEventKind::RetryAsked),
        Msg::DropAsked { token, reason } => out.say(around.by, now, token, OutboxEventKind::Dropped { reason }),
        Msg::EditAsked { token, text } => {
            if let Some(Ok(kind)) = state.items.get(&token).map(|entry| entry.edit(&text)) {
                out.say(around.by, now, token, kind);
            }
        }
        Msg::Previewed { token, text } => state.preview = Some((token, text)),
    }
    out
}

impl<'a> Around<'a> {
    /// Iterates over all places that are written to.
    fn places(self) -> impl Iterator<Item = &'a Arc<TrackerSpec>> {
        self.trackers.iter().chain(self.notifiers.iter().map(|notifier| &notifier.place))
    }

    /// Says how often a place may be told the same.
    fn repeats(self, name: &str) -> Repeats {
        let notifier = self.notifiers.iter().find(|notifier| &*notifier.place.name == name);
        notifier.map_or(Repeats::Once, |notifier| notifier.repeats)
    }
}

impl Out {
    fn say(&mut self, by: &Operator, at: Timestamp, token: Uid, kind: OutboxEventKind) {
        self.rows.push(Row::Outbox(OutboxEvent { token, at, by: by.clone(), kind }));
    }

    /// Notes in the incident what its ticket is called.
    fn ticket(&mut self, entry: &Entry, remote: &Remote, at: Timestamp) {
        if matches!(entry.item.write, Write::Create(_)) {
            let (tracker, id, url) = (entry.item.tracker.to_string(), remote.id.clone(), remote.url.clone());
            let kind = IncidentEventKind::Ticket { tracker, id, url };
            self.rows.push(Row::Incident(IncidentEvent { incident: entry.item.incident, at, by: "qd".into(), kind }));
        }
    }

    /// Says what the console itself did.
    fn tell(&mut self, at: Timestamp, token: Uid, kind: OutboxEventKind) {
        self.say(&"qd".into(), at, token, kind);
    }
}

fn stored(state: &mut State, event: OutboxEvent, out: &mut Out) {
    let token = event.token;
    let ends = match event.kind {
        OutboxEventKind::Tried { .. }
        | OutboxEventKind::Searched { .. }
        | OutboxEventKind::Accepted { .. }
        | OutboxEventKind::LeftUnsure { .. }
        | OutboxEventKind::Looked { .. }
        | OutboxEventKind::Dropped { .. } => true,
        OutboxEventKind::Queued { .. }
        | OutboxEventKind::Began { .. }
        | OutboxEventKind::Edited { .. }
        | OutboxEventKind::RetryAsked
        | OutboxEventKind::Duplicate { .. }
        | OutboxEventKind::ForeignChange { .. } => false,
    };
    if ends {
        state.flying.remove(&token);
    }
    let failed =
        |state: &State| state.items.get(&token).is_some_and(|entry| matches!(entry.standing, Standing::Failed { .. }));
    let before = (failed(state), unseen(state, token));
    fold::fold(state, event);
    let now = unseen(state, token);
    if (!before.0 && failed(state)) || (now.is_some() && now != before.1) {
        out.failed.push(token);
    }
}

/// Returns why a ticket cannot be looked at, where a person has to do something; what was said of another of its tracker is said once.
fn unseen(state: &State, token: Uid) -> Option<String> {
    let refused = |entry: &Entry| {
        let unseen = entry.unseen.as_ref().filter(|unseen| unseen.how == Miss::Refused);
        unseen.map(|unseen| unseen.reason.clone())
    };
    let entry = state.items.get(&token)?;
    let reason = refused(entry)?;
    let mut others =
        state.items.values().filter(|other| other.token != token && other.item.tracker == entry.item.tracker);
    (!others.any(|other| refused(other).as_ref() == Some(&reason))).then_some(reason)
}

/// Finds what is to be done now: one thing at a time at each tracker.
pub(in crate::core) fn tick(state: &mut State, now: Timestamp, around: Around<'_>) -> Out {
    let mut out = Out::default();
    if !around.delivers || state.items.is_empty() {
        return out;
    }
    state.flying.retain(|_, until| !policy::is_due(*until, now));
    let mut done = Vec::new();
    for tracker in around.places() {
        let of = |entry: &&Entry| entry.item.tracker == tracker.name;
        let busy = state.items.values().filter(of).any(|entry| state.flying.contains_key(&entry.token));
        let paced = state.paced.get(&tracker.name).is_some_and(|at| !policy::is_due(*at + PACE_MS, now));
        let full = state.items.values().filter(of).filter_map(Entry::full_until).any(|at| !policy::is_due(at, now));
        if busy || paced || full {
            continue;
        }
        if let Some(next) = next_at(state, tracker, now, around) {
            done.push(next);
        }
    }
    for next in done {
        match next {
            Next::Say(token, kind) => {
                state.flying.insert(token, now + COMMIT_MS);
                out.tell(now, token, kind);
            }
            Next::Do(order) => {
                state.flying.insert(order.token, now + FLIGHT_MS);
                state.paced.insert(Arc::clone(&order.tracker.name), now);
                let began = OutboxEvent {
                    token: order.token,
                    at: now,
                    by: "qd".into(),
                    kind: OutboxEventKind::Began { attempt: order.attempt },
                };
                let rows = if order.deed == Deed::Write { vec![Row::Outbox(began)] } else { Vec::new() };
                out.orders.push((rows, *order));
            }
        }
    }
    out
}

/// What is next at a tracker.
enum Next {
    Say(Uid, OutboxEventKind),
    Do(Box<Order>),
}

fn next_at(state: &mut State, tracker: &Arc<TrackerSpec>, now: Timestamp, around: Around<'_>) -> Option<Next> {
    for entry in state.in_order().filter(|entry| entry.item.tracker == tracker.name) {
        let token = entry.token;
        if let Some(has) = has_it(entry, now, around) {
            if has == &entry.by {
                // Not before it is known whether another took it at the same time.
                if !policy::is_due(entry.queued + incidents::AT_ONCE_MS, now) {
                    continue;
                }
            } else {
                return Some(Next::Say(token, OutboxEventKind::Dropped { reason: format!("{has} has it") }));
            }
        }
        match policy::step(state, entry, now) {
            Step::Rest => {}
            Step::Send(write) => {
                let item = Item { write, ..entry.item.clone() };
                let order = order(state, entry, tracker, around, (Deed::Write, item));
                return Some(Next::Do(Box::new(order)));
            }
            Step::Search => {
                let order = order(state, entry, tracker, around, (Deed::Search, entry.item.clone()));
                return Some(Next::Do(Box::new(order)));
            }
            Step::Interrupted => {
                let reason = "the console that sent it is gone".to_owned();
                if entry.item.write.notice().is_some() {
                    return Some(Next::Say(token, unheard(entry, (reason, None), around.repeats(&tracker.name), now)));
                }
                return Some(Next::Say(token, OutboxEventKind::Tried { how: Miss::Ambiguous, reason, next: None }));
            }
            Step::Drop(reason) => {
                return Some(Next::Say(token, OutboxEventKind::Dropped { reason: reason.to_owned() }));
            }
        }
    }
    look(state, tracker, now, around)
}

/// Returns who has what a notice that waits says that somebody has; none where it says something else, or nobody has it by now.
fn has_it<'a>(entry: &Entry, now: Timestamp, around: Around<'a>) -> Option<&'a Operator> {
    let says = entry.item.write.notice().is_some_and(|notice| notice.news == News::Acknowledged);
    if !says || !matches!(entry.standing, Standing::Waiting { .. }) {
        return None;
    }
    let of = entry.item.incident;
    if let Some(incident) = around.incidents.incidents.get(&of) {
        return incident.owner.as_ref();
    }
    let alert = around.alerts.all().find(|alert| incidents::uid_for_alert(alert.uid) == of)?;
    alert.owner(now).map(|owned| &owned.by)
}

/// Says what becomes of a notice that may have been heard.
fn unheard(entry: &Entry, (reason, asked): (String, Option<i64>), repeats: Repeats, now: Timestamp) -> OutboxEventKind {
    match policy::told_again(entry, repeats, asked, now) {
        Some(next) => OutboxEventKind::Tried { how: Miss::Ambiguous, reason: unsure(&reason), next: Some(next) },
        None => OutboxEventKind::LeftUnsure { reason: unsure(&reason) },
    }
}

fn unsure(reason: &str) -> String {
    format!("it may have been sent: {reason}")
}

/// Looks at a ticket now and then, while nothing else is to be done.
fn look(state: &mut State, tracker: &Arc<TrackerSpec>, now: Timestamp, around: Around<'_>) -> Option<Next> {
    let is_ticket = |entry: &&Entry| {
        entry.item.tracker == tracker.name
            && matches!(entry.item.write, Write::Create(_))
            && matches!(entry.standing, Standing::Synced)
    };
    let due = state.items.values().filter(is_ticket).find(|entry| {
        let first = || policy::look_ms(0, entry, is_open(entry, around), tracker.window_ms).map(|ms| entry.last + ms);
        let at = state.looks.get(&entry.token).map_or_else(first, |(_, at)| Some(*at));
        at.is_some_and(|at| policy::is_due(at, now))
    })?;
    let order = order(state, due, tracker, around, (Deed::Look, due.item.clone()));
    let looks = state.looks.get(&due.token).map_or(0, |(looks, _)| *looks) + 1;
    let next = policy::look_ms(looks, due, is_open(due, around), tracker.window_ms);
    state.looks.insert(order.token, (looks, now + next.unwrap_or(DAY)));
    Some(Next::Do(Box::new(order)))
}

fn is_open(entry: &Entry, around: Around<'_>) -> bool {
    around.incidents.incidents.get(&entry.item.incident).is_some_and(incidents::Incident::is_open)
}

fn order(
    state: &State,
    entry: &Entry,
    tracker: &Arc<TrackerSpec>,
    around: Around<'_>,
    (deed, item): (Deed, Item),
) -> Order {
    let ticket_token = token_of(item.incident, &item.tracker, None);
    let ticket = state.items.get(&ticket_token).and_then(|ticket| ticket.remote.clone());
    Order {
        token: entry.token,
        deed,
        attempt: entry.tries + 1,
        tracker: Arc::clone(tracker),
        number: around.incidents.incidents.get(&item.incident).map(|incident| incident.number),
        ticket_token,
        ticket,
        wrote: written(state, &item),
        force: entry.force,
        item,
    }
}

/// Returns fields of ours as they were written last.
fn written(state: &State, of: &Item) -> Fields {
    let same = |entry: &&Entry| entry.item.incident == of.incident && entry.item.tracker == of.tracker;
    let mut fields = Fields::new();
    for entry in state.in_order().filter(same) {
        fields.extend(entry.wrote.clone());
    }
    fields
}

impl State {
    /// Makes the order that would write an item, for a preview.
    pub fn order_of(&self, token: Uid, around: Around<'_>) -> Option<Order> {
        let entry = self.items.get(&token)?;
        let tracker = around.places().find(|place| place.name == entry.item.tracker)?;
        Some(order(self, entry, tracker, around, (Deed::Write, entry.item.clone())))
    }

    /// Says whether a person may have it tried, or not written, and why not.
    ///
    /// # Errors
    /// Why not, for a person.
    pub fn may_change(&self, token: Uid) -> Result<&Entry, String> {
        let entry = self.items.get(&token).ok_or_else(|| format!("there is no item {token}"))?;
        match entry.standing {
            Standing::Synced => Err(format!("{token} is written already")),
            Standing::Sending { .. } => Err(format!("{token} is just being sent")),
            Standing::Waiting { .. }
            | Standing::Unclear { .. }
            | Standing::Failed { .. }
            | Standing::Unsure { .. }
            | Standing::Dropped { .. } => Ok(entry),
        }
    }
}

fn ended(
    state: &mut State,
    (token, deed, attempt): (Uid, Deed, u32),
    end: End,
    (now, around): (Timestamp, Around<'_>),
    out: &mut Out,
) {
    state.flying.remove(&token);
    let Some(entry) = state.items.get(&token) else { return };
    // Another delivers by now, and finds out by itself what came of it.
    if !around.delivers {
        return;
    }
    let spec = around.places().find(|place| place.name == entry.item.tracker);
    let window_ms = spec.map_or(policy::UNDER_WAY_MS, |tracker| tracker.window_ms);
    match end {
        End::Accepted { remote, wrote } => {
            out.ticket(entry, &remote, now);
            out.tell(now, token, OutboxEventKind::Accepted { remote, wrote, found: false });
        }
        End::Found(found) => {
            if let Some((first, rest)) = found.split_first() {
                out.ticket(entry, first, now);
                let accepted = OutboxEventKind::Accepted { remote: first.clone(), wrote: Fields::new(), found: true };
                out.tell(now, token, accepted);
                duplicates(entry, Some(first), rest, now, out);
            } else {
                nothing_found(entry, window_ms, now, out);
            }
        }
        End::Looked { fields, found } => {
            duplicates(entry, entry.remote.as_ref(), &found, now, out);
            let ours = written(state, &entry.item);
            for (field, theirs) in fields {
                let Some(ours) = ours.get(&field).cloned() else { continue };
                let known = entry.foreign.get(&field).map_or(&ours, |foreign| &foreign.theirs);
                if *known != theirs {
                    out.tell(now, token, OutboxEventKind::ForeignChange { field, ours, theirs });
                }
            }
            if entry.unseen.is_some() {
                out.tell(now, token, OutboxEventKind::Looked { missed: None });
            }
            return;
        }
        End::Foreign(changes) => {
            let words: Vec<_> =
                changes.iter().map(|(field, ours, theirs)| format!("{field} is {theirs}, ours {ours}")).collect();
            for (field, ours, theirs) in changes {
                out.tell(now, token, OutboxEventKind::ForeignChange { field, ours, theirs });
            }
            let reason =
                format!("another changed it: {}; retry writes ours over it, drop keeps theirs", words.join(", "));
            out.tell(now, token, OutboxEventKind::Tried { how: Miss::Foreign, reason, next: None });
        }
        End::Missed { how: Miss::Ambiguous, reason, wait_ms } if entry.item.write.notice().is_some() => {
            let repeats = around.repeats(&entry.item.tracker);
            out.tell(now, token, unheard(entry, (reason, wait_ms), repeats, now));
        }
        End::Missed { how, reason, wait_ms } => missed(entry, (deed, attempt), (how, reason, wait_ms), now, out),
    }
    if out.rows.is_empty() {
        return;
    }
    // Until its end is back from the store: it is not done anew before.
    state.flying.insert(token, now + COMMIT_MS);
}

fn nothing_found(entry: &Entry, window_ms: i64, now: Timestamp, out: &mut Out) {
    let (verdict, counted, next) = policy::judged(entry, window_ms, now);
    let (tracker, token) = (&entry.item.tracker, entry.token);
    let reason = match verdict {
        Verdict::Again => "nobody knows whether it was accepted: it is searched for".to_owned(),
        Verdict::Retry => "it was not accepted: it is sent again".to_owned(),
        Verdict::Ask => format!(
            "nobody knows whether it was accepted, and it is not found: look in {tracker} for {token}, then retry or drop it"
        ),
    };
    out.tell(now, token, OutboxEventKind::Searched { verdict, counted, reason, next: Some(next) });
}

fn missed(
    entry: &Entry,
    (deed, attempt): (Deed, u32),
    (how, reason, wait_ms): (Miss, String, Option<i64>),
    now: Timestamp,
    out: &mut Out,
) {
    let token = entry.token;
    let told = entry.item.write.notice().is_some();
    let next = match how {
        Miss::Refused | Miss::Foreign => None,
        Miss::Throttled => Some(now + policy::throttle_ms(wait_ms, entry.throttled, told)),
        Miss::Ambiguous if !entry.item.write.may_repeat() && wait_ms.is_none() => Some(now + policy::FIRST_SEARCH_MS),
        Miss::Ambiguous | Miss::Unreachable => Some(now + policy::again_ms(wait_ms, attempt, told)),
    };
    match deed {
        Deed::Write => out.tell(now, token, OutboxEventKind::Tried { how, reason, next }),
        Deed::Search => {
            // A search that fails says nothing of what is searched for.
            let next = match how {
                Miss::Throttled => next,
                Miss::Ambiguous | Miss::Unreachable | Miss::Refused | Miss::Foreign => {
                    Some(now + policy::again_ms(wait_ms, entry.searches + 2, told))
                }
            };
            let verdict = Verdict::Again;
            out.tell(now, token, OutboxEventKind::Searched { verdict, counted: false, reason, next });
        }
        Deed::Look => {
            let until = next.filter(|_| how == Miss::Throttled);
            let missed = Unseen { how, reason: format!("it cannot be looked at: {reason}"), until };
            // The same again is no news.
            if entry.unseen.as_ref() != Some(&missed) {
                out.tell(now, token, OutboxEventKind::Looked { missed: Some(missed) });
            }
        }
    }
}

/// Notes what a tracker has more than once, and has it told so.
fn duplicates(entry: &Entry, first: Option<&Remote>, found: &[Remote], now: Timestamp, out: &mut Out) {
    let mut told: BTreeSet<&Remote> = entry.duplicates.iter().collect();
    told.extend(first);
    if !matches!(entry.item.write, Write::Create(_)) {
        return;
    }
    for remote in found {
        if !told.insert(remote) {
            continue;
        }
        out.tell(now, entry.token, OutboxEventKind::Duplicate { remote: remote.clone() });
        let (incident, tracker) = (entry.item.incident, Arc::clone(&entry.item.tracker));
        let token = token_of(incident, &tracker, Some(&format!("duplicate {}", remote.id)));
        let item = Item { incident, tracker, write: Write::Link { duplicate: remote.clone() } };
        out.tell(now, token, OutboxEventKind::Queued { item });
    }
}
