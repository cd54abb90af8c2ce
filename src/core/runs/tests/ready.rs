//! The way back, kept ready.
use super::{policy::past, *};
use crate::core::runs::{offer::Offer, ready::Seen};
use crate::core::{inventory::Service, time::Mono};

const HOUR: i64 = 3_600_000;

fn play() -> ServiceId {
    "play@staging".parse().unwrap()
}

fn to(version: &str) -> Arc<Plan> {
    Arc::new(Plan {
        action: Action::Rollback { version: version.into() },
        title: format!("roll play back to {version}"),
        ..plan("play@staging", "stage-01")
    })
}

fn deploy(version: &str) -> Plan {
    Plan { action: Action::Deploy { version: version.into() }, ..plan("play@staging", "stage-01") }
}

fn offer(name: &str, runs: bool) -> Offer {
    let wanted = Wanted::Rollback { to: Some(name.into()) };
    Offer { name: name.into(), more: String::new(), wanted, runs }
}

/// One who sits at a console an hour after the last of these releases ran: which, and whether it was proved.
fn desk(past_runs: &[(Plan, Option<Verdict>)]) -> Desk {
    let mut desk = Desk::new();
    let service = Service { hosts: vec!["stage-01".into()], ..Service::new(play()) };
    desk.inventory.services.push(Arc::new(service));
    desk.state.ways_back.kept_ready = true;
    for (at, (plan, proof)) in past_runs.iter().enumerate() {
        let uid = u8::try_from(at + 1).unwrap();
        past(&mut desk, uid, plan.clone(), (i64::from(uid) - 20) * 2 * HOUR, *proof);
    }
    desk
}

fn asks_back(out: &Out) -> Vec<Wanted> {
    let mut all = Vec::new();
    for ask in &out.asks {
        if let Ask::LookBack(service, wanted) = ask {
            assert_eq!(*service, play());
            all.push(wanted.clone());
        }
    }
    all
}

/// The hosts answer at once.
fn looked(desk: &mut Desk, ms: u64, wanted: Wanted, plan: Result<Arc<Plan>, String>) -> Out {
    answered(desk, (ms, ms), wanted, plan)
}

fn answered(desk: &mut Desk, (asked, ms): (u64, u64), wanted: Wanted, plan: Result<Arc<Plan>, String>) -> Out {
    let known = vec![offer("v3", true), offer("v2", false), offer("v1", false)];
    let seen = Some(Box::new(Seen { asked: at(asked).utc, at: at(ms).utc, wanted, plan, known }));
    desk.send(ms, Msg::LookedBack { service: play(), seen })
}

const ANY: Wanted = Wanted::Rollback { to: None };

fn named(version: &str) -> Wanted {
    Wanted::Rollback { to: Some(version.into()) }
}

#[test]
fn it_is_asked_for_before_anybody_needs_it_and_again_each_hour() {
    let mut desk = desk(&[]);
    assert_eq!(asks_back(&desk.send(0, Msg::Ticked)), [], "what is on screen goes first");
    assert_eq!(asks_back(&desk.send(5_000, Msg::Ticked)), [ANY]);
    assert_eq!(asks_back(&desk.send(20_000, Msg::Ticked)), [], "it has not answered");
    _ = looked(&mut desk, 21_000, ANY, Ok(to("v2")));
    assert_eq!(asks_back(&desk.send(3_600_000, Msg::Ticked)), []);
    assert_eq!(asks_back(&desk.send(3_605_000, Msg::Ticked)), [ANY]);
    _ = looked(&mut desk, 3_606_000, ANY, Err("stage-01: no answer".into()));
    assert_eq!(asks_back(&desk.send(4_205_000, Msg::Ticked)), [ANY], "sooner where it is not known");
    desk.state.ways_back.kept_ready = false;
    assert_eq!(asks_back(&desk.send(90_000_000, Msg::Ticked)), [], "nobody sits here");
}

#[test]
fn the_box_opens_at_once_with_what_was_kept_and_cannot_be_confirmed_before_the_hosts_are_heard() {
    let mut desk = desk(&[]);
    _ = desk.send(0, Msg::Ticked);
    _ = desk.send(5_000, Msg::Ticked);
    let plan = to("v2");
    _ = looked(&mut desk, 6_000, ANY, Ok(Arc::clone(&plan)));
    let open = |desk: &mut Desk, ms: u64| {
        let asked = desk.send(ms, Msg::Asked { service: play(), wanted: ANY });
        let [Ask::Open(kept)] = asked.asks.as_slice() else { panic!("{asked:?}") };
        let (before, plan) = (Health::Up, Arc::clone(kept));
        desk.send(ms, Msg::Planned { run: RUN, plan, incident: None, before, urgent: false })
    };
    let opened = open(&mut desk, 600_000);
    assert!(matches!(opened.asks.as_slice(), [Ask::Plan(_, wanted, _)] if *wanted == ANY), "{opened:?}");
    assert!(desk.state.review.as_ref().unwrap().stale.as_ref().unwrap().contains("of 9m ago"));
    _ = desk.send(601_000, Msg::Confirmed);
    assert!(desk.state.runs.is_empty());
    // The hosts say the same: it can be.
    let again =
        |plan: Arc<Plan>| Msg::Planned { run: Uid([8; 6]), plan, incident: None, before: Health::Up, urgent: false };
    _ = desk.send(601_500, again(to("v2")));
    assert_eq!(desk.state.review.as_ref().unwrap().stale, None);
    _ = desk.send(601_600, Msg::Cancelled);
    // They say something else: that is what is shown, and type-ahead does not confirm it.
    _ = open(&mut desk, 700_000);
    _ = desk.send(701_000, again(to("v1")));
    let review = desk.state.review.as_ref().unwrap();
    assert_eq!((review.plan.title.as_str(), review.opened), ("roll play back to v1", Mono(701_000)));
    assert!(review.refused.as_ref().unwrap().contains("stand otherwise"));
    _ = desk.send(701_100, Msg::Confirmed);
    assert!(desk.state.runs.is_empty());
    _ = desk.send(702_000, Msg::Confirmed);
    assert!(desk.state.runs.contains_key(&RUN));
}

#[test]
fn a_release_that_was_left_is_not_what_one_goes_back_to() {
    let left = [
        (deploy("v1"), Some(Verdict::Recovered)),
        (deploy("v2"), Some(Verdict::Recovered)),
        ((*to("v1")).clone(), Some(Verdict::Recovered)),
        (deploy("v3"), Some(Verdict::Recovered)),
    ];
    let mut desk = desk(&left);
    assert_eq!(asks_back(&desk.send(0, Msg::Asked { service: play(), wanted: ANY })), [ANY]);
    let better = looked(&mut desk, 100, ANY, Ok(to("v2")));
    assert_eq!(asks_back(&better), [named("v1")], "v2 was rolled back from");
    let found = looked(&mut desk, 200, named("v1"), Ok(to("v1")));
    assert!(matches!(found.asks.as_slice(), [Ask::Open(plan)] if plan.title.ends_with("v1")), "{found:?}");
    assert_eq!(desk.state.planning, Some((play(), named("v1"))), "looked at again by its name");
    // It cannot be had after all: the recipe's own choice stands, with what it did.
    let mut desk = self::desk(&left);
    _ = desk.send(0, Msg::Asked { service: play(), wanted: ANY });
    _ = looked(&mut desk, 100, ANY, Ok(to("v2")));
    let found = looked(&mut desk, 200, named("v1"), Err("v1 is not complete".into()));
    let [Ask::Open(plan)] = found.asks.as_slice() else { panic!("{found:?}") };
    let plan = Arc::clone(plan);
    _ = desk.send(300, Msg::Planned { run: RUN, plan, incident: None, before: Health::Up, urgent: false });
    let review = desk.state.review.as_ref().unwrap();
    assert!(review.history.iter().any(|check| check.text.contains("was rolled back from: x")), "{review:?}");
    assert!(review.instead[0].starts_with("v1 ran") && review.instead.len() == 2, "{:?}", review.instead);
}

#[test]
fn where_nobody_can_go_back_it_is_said_what_else_would_work() {
    let mut desk = desk(&[(deploy("v1"), Some(Verdict::Recovered)), (deploy("v3"), None)]);
    _ = desk.send(0, Msg::Asked { service: play(), wanted: ANY });
    let said = looked(&mut desk, 100, ANY, Err("three migrations lie between".into()));
    let [Fact::Said(text)] = said.facts.as_slice() else { panic!("{said:?}") };
    assert!(text.contains("three migrations lie between; instead: v1 ran"), "{text}");
    assert_eq!(desk.state.planning, None);
    // Whose recipe knows no way back says so itself.
    _ = desk.send(200, Msg::Asked { service: play(), wanted: ANY });
    let none = desk.send(300, Msg::LookedBack { service: play(), seen: None });
    assert!(matches!(none.asks.as_slice(), [Ask::Plan(_, wanted, _)] if *wanted == ANY), "{none:?}");
}

#[test]
fn what_was_changed_is_asked_for_anew() {
    let mut desk = desk(&[]);
    _ = desk.send(0, Msg::Ticked);
    _ = desk.send(5_000, Msg::Ticked);
    _ = looked(&mut desk, 6_000, ANY, Ok(to("v2")));
    _ = desk.reviewed(10_000, plan("play@staging", "stage-01"));
    _ = desk.send(11_000, Msg::Confirmed);
    let asked = desk.send(12_000, Msg::Asked { service: play(), wanted: ANY });
    assert_eq!(asks_back(&asked), [ANY], "what was kept is of before the change");
    _ = looked(&mut desk, 12_100, ANY, Err("it is being changed".into()));
    assert_eq!(asks_back(&desk.send(4_000_000, Msg::Ticked)), [], "while it is changed nobody can say");
    let event = |kind| Msg::Happened(RunEvent { run: RUN, at: at(4_000_000).utc, by: "ana".into(), kind });
    _ = desk.send(4_000_000, event(RunEventKind::Ended { outcome: RunOutcome::Succeeded }));
    assert_eq!(asks_back(&desk.send(4_000_100, Msg::Ticked)), [ANY]);
}

#[test]
fn what_is_offered_says_how_it_did_here() {
    let mut desk = desk(&[
        (deploy("v1"), Some(Verdict::Recovered)),
        (deploy("v2"), Some(Verdict::Recovered)),
        ((*to("v1")).clone(), Some(Verdict::Recovered)),
    ]);
    let tell = |desk: &mut Desk, msg| desk.send(0, Msg::Offer(msg));
    _ = tell(&mut desk, offer::OfferMsg::Opened(play()));
    let offers = vec![offer("v2", false), offer("v1", true), offer("v0", false)];
    _ = tell(&mut desk, offer::OfferMsg::Known(play(), Ok(offer::Known { now: None, offers })));
    let known = desk.state.offering.unwrap().known.unwrap().unwrap();
    let more: Vec<&str> = known.offers.iter().map(|offer| offer.more.as_str()).collect();
    assert_eq!(more, ["ran 1h, was rolled back from; ", "ran 1d, proved good; ", ""]);
}

#[test]
fn an_answer_to_what_was_asked_before_a_change_is_not_what_is_there_after_it() {
    let mut desk = desk(&[]);
    _ = desk.send(0, Msg::Ticked);
    _ = desk.send(5_000, Msg::Ticked);
    _ = desk.reviewed(6_000, plan("play@staging", "stage-01"));
    _ = desk.send(7_000, Msg::Confirmed);
    let event = |kind| Msg::Happened(RunEvent { run: RUN, at: at(8_000).utc, by: "ana".into(), kind });
    _ = desk.send(8_000, event(RunEventKind::Ended { outcome: RunOutcome::Succeeded }));
    _ = answered(&mut desk, (5_000, 9_000), ANY, Ok(to("v2")));
    assert_eq!(asks_back(&desk.send(9_100, Msg::Asked { service: play(), wanted: ANY })), [ANY]);
}

#[test]
fn what_is_being_opened_keeps_its_age() {
    let good = [(deploy("v1"), Some(Verdict::Recovered)), (deploy("v2"), Some(Verdict::NotRecovered))];
    let mut desk = desk(&good);
    _ = desk.send(0, Msg::Ticked);
    _ = desk.send(5_000, Msg::Ticked);
    _ = looked(&mut desk, 6_000, ANY, Ok(to("v2")));
    _ = looked(&mut desk, 6_100, named("v1"), Ok(to("v1")));
    let asked = desk.send(600_000, Msg::Asked { service: play(), wanted: ANY });
    let [Ask::Open(kept)] = asked.asks.as_slice() else { panic!("{asked:?}") };
    // An answer that was under way comes between.
    assert_eq!(looked(&mut desk, 600_001, ANY, Ok(to("v2"))), Out::default());
    let plan = Arc::clone(kept);
    _ = desk.send(600_002, Msg::Planned { run: RUN, plan, incident: None, before: Health::Up, urgent: false });
    assert!(desk.state.review.as_ref().unwrap().stale.is_some());
}
