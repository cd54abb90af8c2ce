use super::*;
use crate::core::{
    id::IncidentId,
    incidents::{self, IncidentEvent, IncidentEventKind, StoredIncidentEvent},
    record::Row,
    time::{HOUR, SECOND},
};

const INCIDENT: Uid = Uid([7; 6]);
const WINDOW: i64 = 15_000;

pub(in crate::core) fn tracker() -> Arc<TrackerSpec> {
    Arc::new(TrackerSpec {
        name: "ops".into(),
        kind: "fake".into(),
        send: Send::DEFAULT.into(),
        severities: BTreeSet::new(),
        link: None,
        window_ms: WINDOW,
        params: Params::new(),
    })
}

fn event(at: i64, kind: IncidentEventKind) -> IncidentEvent {
    IncidentEvent { incident: INCIDENT, at: Timestamp(at), by: "ana".into(), kind }
}

fn opened(severity: Severity) -> IncidentEventKind {
    IncidentEventKind::Opened { title: "play is down".into(), severity, service: Some("play@prod".parse().unwrap()) }
}

fn remote(id: &str) -> Remote {
    Remote { id: id.into(), url: None }
}

/// A console, the store that it and others share, and a clock that is moved by hand.
struct World {
    state: State,
    incidents: incidents::State,
    trackers: Vec<Arc<TrackerSpec>>,
    stored: Vec<OutboxEvent>,
    now: Timestamp,
    seq: u64,
    delivers: bool,
}

impl World {
    fn new() -> Self {
        Self {
            state: State::default(),
            incidents: incidents::State::default(),
            trackers: vec![tracker()],
            stored: Vec::new(),
            now: Timestamp(1_000_000),
            seq: 0,
            delivers: true,
        }
    }

    /// One whose incident was opened.
    fn opened() -> Self {
        let mut world = Self::new();
        world.happens(opened(Severity::P2));
        world
    }

    fn around<T>(&mut self, work: impl FnOnce(&mut State, Around<'_>, Timestamp) -> T) -> T {
        let by = "ana".into();
        let around = Around {
            trackers: &self.trackers,
            notifiers: &[],
            incidents: &self.incidents,
            alerts: &crate::core::alerts::State::default(),
            by: &by,
            delivers: self.delivers,
        };
        work(&mut self.state, around, self.now)
    }

    fn commit(&mut self, rows: Vec<Row>) {
        let mut events = Vec::new();
        for row in rows {
            match row {
                Row::Outbox(event) => {
                    let queued = matches!(event.kind, OutboxEventKind::Queued { .. });
                    if queued && self.stored.iter().any(|known| known.token == event.token) {
                        continue;
                    }
                    events.push(event);
                }
                Row::Incident(event) => {
                    self.seq += 1;
                    let stored = StoredIncidentEvent { number: IncidentId(1), seq: self.seq, event };
                    let msg = incidents::Msg::Stored(vec![stored]);
                    _ = incidents::update(&mut self.incidents, msg, self.now, &"ana".into());
                }
                Row::Result(_)
                | Row::Bucket(_)
                | Row::HostMinute(_)
                | Row::Alert(_)
                | Row::Run(_)
                | Row::Audit(_)
                | Row::StatusUpdate(_)
                | Row::Window(_)
                | Row::Pattern(_)
                | Row::ConfigFile(_)
                | Row::Finding(_) => panic!("{row:?}"),
            }
        }
        self.stored.extend(events.clone());
        self.tell(Msg::Stored(events));
    }

    fn tell(&mut self, msg: Msg) {
        let out = self.around(|state, around, now| update(state, msg, now, around));
        if !out.rows.is_empty() {
            self.commit(out.rows);
        }
    }

    fn happens(&mut self, kind: IncidentEventKind) {
        let row = Row::Incident(event(self.now.0, kind));
        let mut rows = vec![row.clone()];
        rows.extend(for_rows(&[row], &self.trackers, &self.incidents, &self.state));
        self.commit(rows);
    }

    /// Lets time pass until something is to be done, at most so long.
    fn order_within(&mut self, ms: i64) -> Option<Order> {
        let until = self.now + ms;
        while self.now <= until {
            let out = self.around(|state, around, now| tick(state, now, around));
            if !out.rows.is_empty() {
                self.commit(out.rows);
            }
            if let Some((rows, order)) = out.orders.into_iter().next() {
                if !rows.is_empty() {
                    self.commit(rows);
                }
                return Some(order);
            }
            self.now = self.now + 500;
        }
        None
    }

    fn order(&mut self) -> Order {
        self.order_within(HOUR).expect("nothing is done within an hour")
    }

    fn end(&mut self, order: &Order, end: End) {
        self.tell(Msg::Ended { token: order.token, deed: order.deed, attempt: order.attempt, end });
    }

    fn accept(&mut self, order: &Order, id: &str) {
        self.end(order, End::Accepted { remote: remote(id), wrote: Fields::new() });
    }

    fn miss(&mut self, order: &Order, how: Miss) {
        self.end(order, End::Missed { how, reason: "so it is".into(), wait_ms: None });
    }

    fn entry(&self) -> &Entry {
        self.state.ticket(INCIDENT, "ops").unwrap()
    }

    /// A console that starts anew on the same store.
    fn restarted(&self) -> Self {
        let mut world = Self { stored: self.stored.clone(), now: self.now, seq: self.seq, ..Self::new() };
        world.incidents = self.incidents.clone();
        world.tell(Msg::Stored(self.stored.clone()));
        world
    }
}

#[test]
fn an_incident_queues_its_ticket_and_what_follows_waits_for_it() {
    let mut world = World::opened();
    world.happens(IncidentEventKind::Note { text: "disk is full".into() });
    world.happens(IncidentEventKind::SeverityChanged { to: Severity::P1, reason: String::new() });
    world.happens(IncidentEventKind::Acknowledged);
    assert_eq!(world.state.items.len(), 3, "what is acknowledged is not sent unless it is asked for");
    assert_eq!(world.state.of_incident(INCIDENT), Some(Sync::Waiting));
    assert_eq!(world.state.waiting(), (3, 0));
    let create = world.order();
    assert!(matches!(&create.item.write, Write::Create(ticket) if ticket.title == "play is down"), "{create:?}");
    assert_eq!(create.token, token_of(INCIDENT, "ops", None));
    assert_eq!(world.order_within(50 * SECOND), None, "nothing goes before its ticket is there");
    world.accept(&create, "OPS-1");
    let comment = world.order();
    assert!(matches!(&comment.item.write, Write::Comment { text, .. } if text.contains("disk is full")), "{comment:?}");
    assert_eq!(comment.ticket, Some(remote("OPS-1")));
    world.accept(&comment, "c1");
    let change = world.order();
    assert!(matches!(&change.item.write, Write::Update(change) if change.severity == Some(Severity::P1)));
    world.accept(&change, "OPS-1");
    assert_eq!(world.state.of_incident(INCIDENT), Some(Sync::Synced));
    assert_eq!(world.state.tickets(INCIDENT).map(|(_, ticket)| ticket.id.as_str()).collect::<Vec<_>>(), ["OPS-1"]);
}

#[test]
fn two_consoles_that_queue_the_same_write_queue_one() {
    let rows = |by: &str| {
        let event = IncidentEvent { by: by.into(), ..event(5, opened(Severity::P1)) };
        for_rows(&[Row::Incident(event)], &[tracker()], &incidents::State::default(), &State::default())
    };
    let mut world = World::new();
    world.commit(rows("ana"));
    world.commit(rows("ben"));
    assert_eq!(world.stored.len(), 1);
    assert_eq!(world.entry().by, "ana".into());
}

#[test]
fn only_severities_that_are_asked_for_get_a_ticket_and_one_that_gets_worse_gets_it_then() {
    let mut world = World::new();
    world.trackers = vec![Arc::new(TrackerSpec { severities: [Severity::P1].into(), ..(*tracker()).clone() })];
    world.happens(opened(Severity::P3));
    world.happens(IncidentEventKind::Note { text: "x".into() });
    assert!(world.state.items.is_empty());
    world.happens(IncidentEventKind::SeverityChanged { to: Severity::P1, reason: String::new() });
    let create = world.order();
    assert!(matches!(&create.item.write, Write::Create(ticket) if ticket.severity == Severity::P1));
}

#[test]
fn a_ticket_whose_incident_went_into_another_is_told_and_done() {
    let mut world = World::opened();
    let create = world.order();
    world.accept(&create, "OPS-1");
    let how = incidents::Link::MergedInto;
    world.happens(IncidentEventKind::Linked { other: Uid([8; 6]), how });
    let said = world.order();
    let Write::Comment { text, .. } = &said.item.write else { panic!("{said:?}") };
    assert!(text.starts_with(&format!("merged into {} (ana, ", Uid([8; 6]))), "{text}");
    world.accept(&said, "c1");
    let done = world.order();
    let over = Change { status: Some(Status::Resolved), ..Change::default() };
    assert_eq!(done.item.write, Write::Update(over));
    world.accept(&done, "OPS-1");
    assert_eq!(world.order_within(24 * HOUR), None, "nobody looks at it any more");
    world.happens(IncidentEventKind::Linked { other: Uid([8; 6]), how: incidents::Link::Related });
    assert_eq!(world.state.of_incident(INCIDENT), Some(Sync::Synced), "what is only related is no end");
}

#[test]
fn what_may_have_been_accepted_is_searched_for_twice_a_window_apart_and_sent_once_more() {
    let mut world = World::opened();
    let first = world.order();
    world.miss(&first, Miss::Ambiguous);
    let sent = world.now;
    let search = world.order();
    assert_eq!((search.deed, search.token), (Deed::Search, first.token));
    assert!(world.now.since(sent) >= 3 * SECOND);
    let one = world.now;
    world.end(&search, End::Found(Vec::new()));
    let search = world.order();
    assert_eq!(search.deed, Deed::Search);
    assert!(world.now.since(one) >= WINDOW, "{}", world.now.since(one));
    world.end(&search, End::Found(Vec::new()));
    let again = world.order();
    assert_eq!((again.deed, again.attempt), (Deed::Write, 2));
    // Once more, and a person is asked.
    world.miss(&again, Miss::Ambiguous);
    for _ in 0..2 {
        let search = world.order();
        assert_eq!(search.deed, Deed::Search);
        world.end(&search, End::Found(Vec::new()));
    }
    assert_eq!(world.order_within(HOUR), None);
    let Standing::Failed { reason } = &world.entry().standing else { panic!("{:?}", world.entry()) };
    assert!(reason.contains("retry or drop"), "{reason}");
    // Who has it tried again has it searched for first.
    world.tell(Msg::RetryAsked { token: first.token });
    for _ in 0..2 {
        let search = world.order();
        assert_eq!(search.deed, Deed::Search);
        world.end(&search, End::Found(Vec::new()));
    }
    let again = world.order();
    assert_eq!((again.deed, again.attempt), (Deed::Write, 3));
    world.accept(&again, "OPS-1");
    assert_eq!(world.state.of_incident(INCIDENT), Some(Sync::Synced));
}

#[test]
fn what_is_found_by_its_token_is_ours_and_what_is_found_once_more_is_a_duplicate() {
    let mut world = World::opened();
    let first = world.order();
    world.miss(&first, Miss::Ambiguous);
    let search = world.order();
    world.end(&search, End::Found(vec![remote("OPS-1"), remote("OPS-2")]));
    assert_eq!(world.entry().remote, Some(remote("OPS-1")));
    assert_eq!(world.entry().duplicates, [remote("OPS-2")]);
    let link = world.order();
    assert_eq!(link.item.write, Write::Link { duplicate: remote("OPS-2") });
    assert_eq!(link.ticket, Some(remote("OPS-1")));
    world.accept(&link, "c1");
    // One that shows even later.
    let look = world.order();
    assert_eq!(look.deed, Deed::Look);
    let found = vec![remote("OPS-1"), remote("OPS-2"), remote("OPS-3")];
    world.end(&look, End::Looked { fields: Fields::new(), found });
    assert_eq!(world.entry().duplicates, [remote("OPS-2"), remote("OPS-3")]);
    assert_eq!(world.order().item.write, Write::Link { duplicate: remote("OPS-3") });
}

#[test]
fn a_console_that_dies_while_it_sends_leaves_it_unclear_and_nothing_is_sent_before_that_request_has_ended() {
    let mut world = World::opened();
    let first = world.order();
    let began = world.now;
    let mut world = world.restarted();
    let search = world.order();
    assert_eq!((search.deed, search.token), (Deed::Search, first.token));
    let mut searches = 0;
    let mut order = search;
    while order.deed == Deed::Search {
        searches += 1;
        world.end(&order, End::Found(Vec::new()));
        order = world.order();
    }
    assert!(searches >= 3 && world.now.since(began) >= 60 * SECOND + WINDOW, "{searches} {}", world.now.since(began));
    assert_eq!(order.attempt, 2);
}

#[test]
fn what_was_not_sent_is_tried_again_ever_later_without_a_search() {
    let mut world = World::opened();
    let mut waits = Vec::new();
    for _ in 0..8 {
        let order = world.order();
        assert_eq!(order.deed, Deed::Write);
        world.miss(&order, Miss::Unreachable);
        waits.push(world.entry().next().unwrap().since(world.now) / 1_000);
    }
    assert_eq!(waits, [5, 15, 60, 300, 900, 1_800, 1_800, 1_800]);
}

#[test]
fn a_tracker_that_takes_no_more_is_left_alone_for_as_long_as_it_says() {
    let mut world = World::opened();
    let order = world.order();
    let said = world.now;
    world.end(&order, End::Missed { how: Miss::Throttled, reason: "too much".into(), wait_ms: Some(90_000) });
    world.incidents = incidents::State::default();
    let other = IncidentEvent { incident: Uid([9; 6]), ..event(0, opened(Severity::P1)) };
    let rows = for_rows(&[Row::Incident(other)], &world.trackers, &world.incidents, &world.state);
    world.commit(rows);
    // A person cannot have it sooner either.
    world.tell(Msg::RetryAsked { token: order.token });
    let _next = world.order();
    assert!(world.now.since(said) >= 90_000, "{}", world.now.since(said));
}

#[test]
fn a_place_that_is_not_well_is_asked_again_at_the_moment_that_it_names_whatever_it_was_asked_for() {
    let mut world = World::opened();
    let missed = |how: Miss, wait_ms: Option<i64>| End::Missed { how, reason: "503".into(), wait_ms };
    let waits = |world: &World, token: &Uid| world.state.items[token].next().unwrap().since(world.now);
    let order = world.order();
    world.end(&order, missed(Miss::Ambiguous, Some(2 * HOUR)));
    assert_eq!(waits(&world, &order.token), HOUR, "a guess that is longer than is waited for");
    let search = world.order_within(2 * HOUR).unwrap();
    assert_eq!(search.deed, Deed::Search);
    world.end(&search, missed(Miss::Unreachable, Some(10 * SECOND)));
    assert_eq!(waits(&world, &order.token), 15 * SECOND, "seconds again and again");
    let search = world.order();
    world.end(&search, missed(Miss::Unreachable, Some(600 * SECOND)));
    assert_eq!(waits(&world, &order.token), 600 * SECOND);
    let search = world.order_within(HOUR).unwrap();
    world.end(&search, End::Found(vec![remote("OPS-1")]));
    world.happens(IncidentEventKind::SeverityChanged { to: Severity::P1, reason: String::new() });
    let mut update = world.order();
    assert!(update.item.write.may_repeat());
    for (asked, own) in [(7, 7), (7, 15), (7, 60), (7, 60), (90, 90)] {
        world.end(&update, missed(Miss::Ambiguous, Some(asked * SECOND)));
        assert_eq!(waits(&world, &update.token), own * SECOND, "after {} tries", update.attempt);
        update = world.order();
        while update.deed == Deed::Look {
            world.end(&update, missed(Miss::Unreachable, Some(600 * SECOND)));
            update = world.order();
        }
    }
}

#[test]
fn what_is_refused_waits_for_a_person() {
    let mut world = World::opened();
    let order = world.order();
    world.miss(&order, Miss::Refused);
    assert_eq!(world.state.waiting(), (1, 1));
    assert_eq!(world.order_within(2 * HOUR), None);
    let edited = OutboxEventKind::Edited { title: Some("shorter".into()), text: None };
    world.commit(vec![Row::Outbox(OutboxEvent { token: order.token, at: world.now, by: "ana".into(), kind: edited })]);
    let order = world.order();
    assert!(matches!(&order.item.write, Write::Create(ticket) if ticket.title == "shorter"));
    assert!(world.state.may_change(order.token).unwrap_err().contains("just being sent"));
}

#[test]
fn what_is_dropped_takes_along_what_waits_for_it() {
    let mut world = World::opened();
    world.happens(IncidentEventKind::Note { text: "x".into() });
    let order = world.order();
    world.miss(&order, Miss::Refused);
    world.tell(Msg::DropAsked { token: order.token, reason: "not an incident".into() });
    assert_eq!(world.order_within(HOUR), None);
    let reasons: Vec<_> = world.state.in_order().map(|entry| entry.reason().to_owned()).collect();
    assert_eq!(reasons, ["not an incident", "its ticket was dropped"]);
    assert_eq!(world.state.waiting(), (0, 0));
}

#[test]
fn a_later_change_is_never_overwritten_by_an_earlier_one() {
    let mut world = World::opened();
    let create = world.order();
    world.accept(&create, "OPS-1");
    world.happens(IncidentEventKind::SeverityChanged { to: Severity::P1, reason: String::new() });
    let first = world.order();
    world.miss(&first, Miss::Refused);
    world.now = world.now + SECOND;
    world.happens(IncidentEventKind::SeverityChanged { to: Severity::P3, reason: String::new() });
    let second = world.order();
    world.accept(&second, "OPS-1");
    world.tell(Msg::RetryAsked { token: first.token });
    assert!(world.order_within(60 * SECOND).is_none());
    assert_eq!(world.state.items[&first.token].reason(), "a later update says it");
}

#[test]
fn what_another_changed_is_shown_beside_ours_and_a_person_says_which_holds() {
    let mut world = World::opened();
    let create = world.order();
    let wrote: Fields = [("severity".to_owned(), "P2".to_owned())].into();
    world.end(&create, End::Accepted { remote: remote("OPS-1"), wrote });
    world.happens(IncidentEventKind::SeverityChanged { to: Severity::P1, reason: String::new() });
    let order = world.order();
    assert_eq!(order.wrote["severity"], "P2");
    assert!(!order.force);
    world.end(&order, End::Foreign(vec![("severity".into(), "P2".into(), "P4".into())]));
    let entry = &world.state.items[&order.token];
    assert!(entry.reason().contains("severity is P4, ours P2"), "{}", entry.reason());
    assert_eq!(entry.foreign["severity"], Foreign { ours: "P2".into(), theirs: "P4".into() });
    world.tell(Msg::RetryAsked { token: order.token });
    assert!(world.order().force);
}

#[test]
fn a_look_shows_what_another_changed_once_and_takes_nothing() {
    let mut world = World::opened();
    let create = world.order();
    let wrote: Fields = [("status".to_owned(), "open".to_owned())].into();
    world.end(&create, End::Accepted { remote: remote("OPS-1"), wrote });
    let theirs: Fields = [("status".to_owned(), "done".to_owned())].into();
    for _ in 0..2 {
        let look = world.order();
        assert_eq!(look.deed, Deed::Look);
        world.end(&look, End::Looked { fields: theirs.clone(), found: vec![remote("OPS-1")] });
    }
    let told = world.stored.iter().filter(|event| matches!(event.kind, OutboxEventKind::ForeignChange { .. }));
    assert_eq!(told.count(), 1);
    assert_eq!(world.entry().foreign["status"].theirs, "done");
    assert_eq!(world.entry().sync(), Sync::Synced);
}

#[test]
fn what_a_look_hears_is_shown_on_the_item_and_obeyed() {
    let missed = |how: Miss, reason: &str, wait_ms| End::Missed { how, reason: reason.into(), wait_ms };
    let mut world = World::opened();
    let create = world.order();
    world.accept(&create, "OPS-1");
    for times in 1..=2 {
        let look = world.order();
        assert_eq!(look.deed, Deed::Look);
        world.end(&look, missed(Miss::Refused, "the token is not valid, or has expired", None));
        assert_eq!(world.entry().reason(), "it cannot be looked at: the token is not valid, or has expired");
        assert_eq!(world.entry().sync(), Sync::Synced, "what was written is written");
        let told = world.stored.iter().filter(|event| matches!(event.kind, OutboxEventKind::Looked { .. })).count();
        assert_eq!(told, 1, "{times}");
    }
    let look = world.order();
    let said = world.now;
    world.end(&look, missed(Miss::Throttled, "it takes no more for a while", Some(90_000)));
    world.happens(IncidentEventKind::Note { text: "x".into() });
    let note = world.order();
    assert!(matches!(note.item.write, Write::Comment { .. }) && world.now.since(said) >= 90_000);
    world.accept(&note, "c1");
    let look = world.order();
    world.end(&look, End::Looked { fields: Fields::new(), found: vec![remote("OPS-1")] });
    assert_eq!((world.entry().reason(), &world.entry().unseen), ("", &None));
}

#[test]
fn who_does_not_hold_the_lease_delivers_nothing_and_drops_what_came_of_it() {
    let mut world = World::opened();
    let order = world.order();
    world.delivers = false;
    let before = world.stored.len();
    world.accept(&order, "OPS-1");
    assert_eq!(world.stored.len(), before);
    assert_eq!(world.order_within(HOUR), None);
}

#[test]
fn a_clock_that_is_set_back_holds_nothing_up() {
    let mut world = World::opened();
    let order = world.order();
    world.miss(&order, Miss::Unreachable);
    world.now = Timestamp(world.now.0 - 400 * 24 * HOUR);
    assert!(world.order_within(5 * SECOND).is_some());
}

#[test]
fn every_event_reads_back_what_it_wrote() {
    let world = World::opened();
    for event in &world.stored {
        let text = serde_json::to_string(event).unwrap();
        assert_eq!(serde_json::from_str::<OutboxEvent>(&text).unwrap(), *event, "{text}");
    }
    let kinds = [
        OutboxEventKind::Began { attempt: 1 },
        OutboxEventKind::Tried { how: Miss::Foreign, reason: "x".into(), next: None },
        OutboxEventKind::Queued {
            item: Item { incident: INCIDENT, tracker: "ops".into(), write: Write::Link { duplicate: remote("1") } },
        },
        OutboxEventKind::RetryAsked,
        OutboxEventKind::Looked {
            missed: Some(Unseen { how: Miss::Throttled, reason: "x".into(), until: Some(Timestamp(7)) }),
        },
    ];
    for kind in kinds {
        let text = serde_json::to_string(&kind).unwrap();
        assert_eq!(serde_json::from_str::<OutboxEventKind>(&text).unwrap(), kind, "{text}");
    }
}

#[test]
fn what_is_edited_while_it_is_being_sent_counts_for_the_next_try_or_says_that_it_came_too_late() {
    let edit = |text: &str| OutboxEventKind::Edited { title: None, text: Some(text.to_owned()) };
    let say = |world: &mut World, token: Uid, kind: OutboxEventKind| {
        let event = OutboxEvent { token, at: world.now, by: "ben".into(), kind };
        world.commit(vec![Row::Outbox(event)]);
    };
    let sent = |order: &Order| match &order.item.write {
        Write::Create(ticket) => ticket.text.clone(),
        Write::Comment { .. } | Write::Notice(_) | Write::Update(_) | Write::Link { .. } => String::new(),
    };
    let mut world = World::opened();
    let order = world.order();
    say(&mut world, order.token, edit("late"));
    let entry = &world.state.items[&order.token];
    assert_eq!(entry.reason(), "it is being sent as it was before the edit");
    assert!(!entry.text().unwrap().contains("late"), "what is shown is what was sent");
    world.miss(&order, Miss::Refused);
    assert!(world.state.items[&order.token].text().unwrap().contains("late"), "it was not taken: the edit counts");
    world.tell(Msg::RetryAsked { token: order.token });
    let again = world.order();
    assert_eq!(sent(&again), "late");
    say(&mut world, again.token, edit("too late"));
    world.accept(&again, "OPS-1");
    let entry = &world.state.items[&order.token];
    assert_eq!(entry.sync(), Sync::Synced);
    assert_eq!(entry.reason(), "it was being sent when it was edited: what is there is as it was before");
    assert!(entry.text().unwrap().ends_with("late") && !entry.text().unwrap().contains("too late"));
}

#[test]
fn a_text_is_edited_in_place_with_the_title_of_a_ticket_as_its_first_line() {
    let mut world = World::opened();
    let token = world.order().token;
    let entry = &world.state.items[&token];
    assert!(entry.edit(&entry.text().unwrap()).unwrap_err().contains("nothing is changed"));
    assert!(entry.edit(" \n ").unwrap_err().contains("it needs words"));
    assert!(entry.edit("\nno title").unwrap_err().contains("it needs words"));
    let kind = entry.edit("shorter \nwithout the table\n\nnor this\n").unwrap();
    let (title, text) = (Some("shorter".to_owned()), Some("without the table\n\nnor this".to_owned()));
    assert_eq!(kind, OutboxEventKind::Edited { title, text });
}
