//! What follows from what a scanner tells: what is new, what is gone, when it is asked again.
use std::{collections::BTreeMap, sync::Arc};

use super::*;
use crate::core::{
    inventory::{Host, Inventory},
    time::{DAY, MINUTE, Mono, Now},
};

const START: Timestamp = Timestamp(1_000 * DAY);

fn scanner() -> Arc<Scanner> {
    Arc::new(Scanner {
        base_url: "https://qualysapi.example".into(),
        user: "ro".into(),
        password: "env:Q".into(),
        version: "5.0".into(),
        every_ms: 6 * HOUR,
        severities: vec![3, 4, 5],
        tags: Vec::new(),
    })
}

fn finding(key: &str, severity: u8) -> Finding {
    Finding {
        key: key.into(),
        qid: u64::from(severity),
        asset: Asset { id: Some(1), ip: Some("10.0.0.1".into()), dns: None, name: None },
        severity: Some(severity),
        sure: None,
        status: Status::Active,
        port: None,
        protocol: None,
        first: None,
        last: None,
        score: None,
        vuln: None,
        gone: None,
        at: Timestamp(0),
    }
}

fn told(findings: Vec<Finding>, end: End) -> Told {
    Told { findings, vulns: BTreeMap::new(), server: None, remaining: None, notes: Vec::new(), end }
}

fn now(at: Timestamp) -> Now {
    Now { utc: at, mono: Mono(at.0.unsigned_abs()) }
}

/// A console that records: asks where that is due, and keeps what is told.
#[derive(Default)]
struct Desk(State);

impl Desk {
    /// Asks at a moment, and returns from when on changes are asked for, where it asks.
    fn pull(&mut self, at: Timestamp, of: &Arc<Scanner>, told: Told) -> Result<Option<Timestamp>, &'static str> {
        let order = self.0.ask(of, now(at), false).ok_or("not due")?;
        let events = self.0.pulled(&order, told, at);
        self.0.stored(events);
        Ok(order.since)
    }

    fn standing(&self) -> Vec<(String, String)> {
        let words = |of: &Finding| of.gone.map_or_else(|| of.status.word().to_owned(), |_| "gone".to_owned());
        self.0.listed().map(|(key, of)| (key.to_string(), words(of))).collect()
    }
}

#[test]
fn what_is_no_longer_told_is_gone_and_fixed_only_by_its_word() {
    let (mut desk, of) = (Desk::default(), scanner());
    let server = |hours: i64| Some(START + hours * HOUR - 7);
    let two = vec![finding("a", 4), finding("b", 5), Finding { status: Status::Fixed, ..finding("old", 5) }];
    let first = Told { server: server(0), ..told(two, End::Whole) };
    assert_eq!(desk.pull(START, &of, first), Ok(None), "all is asked for first");
    assert_eq!(desk.standing(), [("b".into(), "active".into()), ("a".into(), "active".into())]);
    // Not before it is due, and then only what changed: what is not told of is as it was.
    assert_eq!(desk.pull(START + HOUR, &of, told(Vec::new(), End::Whole)), Err("not due"));
    let changed = Told { server: server(6), ..told(vec![finding("c", 3)], End::Whole) };
    assert_eq!(desk.pull(START + 6 * HOUR, &of, changed), Ok(server(0)));
    assert_eq!(desk.standing().len(), 3);
    let fixed = told(vec![Finding { status: Status::Fixed, ..finding("c", 3) }], End::Whole);
    assert_eq!(desk.pull(START + 12 * HOUR, &of, Told { server: server(12), ..fixed }), Ok(server(6)));
    assert_eq!(desk.pull(START + 18 * HOUR, &of, told(Vec::new(), End::Whole)), Ok(server(12)));
    // After a day all is asked for: what is missing there is gone, but not what would be asked for by less than all.
    let failed = told(Vec::new(), End::Failed { why: "x".into() });
    assert_eq!(desk.pull(START + DAY, &of, failed), Ok(None));
    assert_eq!(desk.standing().iter().filter(|(_, words)| words == "active").count(), 2, "it broke off");
    assert_eq!(desk.pull(START + DAY + HOUR, &of, told(vec![finding("b", 5)], End::Whole)), Ok(None));
    let words = [("b", "active"), ("a", "gone"), ("c", "fixed")].map(|(key, word)| (key.to_owned(), word.to_owned()));
    assert_eq!(desk.standing(), words);
    // Changes are asked for from before that, so that it is told what was fixed of it.
    let fixed = told(vec![Finding { status: Status::Fixed, ..finding("a", 4) }], End::Whole);
    assert_eq!(desk.pull(START + DAY + 7 * HOUR, &of, fixed), Ok(server(12)));
    assert_eq!(desk.standing().iter().find(|(key, _)| key == "a").unwrap().1, "fixed");
    let back = told(vec![Finding { status: Status::ReOpened, ..finding("a", 4) }], End::Whole);
    _ = desk.pull(START + DAY + 13 * HOUR, &of, back);
    assert_eq!(desk.standing()[1], ("a".into(), "re-opened".into()));
}

#[test]
fn when_it_is_asked_again_follows_from_how_it_ended() {
    let why = || "x".to_owned();
    for (end, after) in [
        (End::Whole, Some(6 * HOUR)),
        (End::Failed { why: why() }, Some(HOUR)),
        (End::Later { wait_ms: 19 * HOUR, why: why() }, Some(19 * HOUR)),
        (End::Later { wait_ms: 45_000, why: why() }, Some(45_000)),
        (End::Denied { why: why() }, None),
    ] {
        let (mut desk, of) = (Desk::default(), scanner());
        _ = desk.pull(START, &of, told(Vec::new(), end.clone()));
        assert_eq!(desk.0.next(&of), after.map(|after| START + after), "{end:?}");
        let far = START + 300 * DAY;
        assert_eq!(desk.0.ask(&of, now(far), false).is_some(), after.is_some(), "{end:?}");
    }
    // Where others are always faster it waits for its turn.
    let (mut desk, of) = (Desk::default(), scanner());
    let mut at = START;
    for minutes in [1, 1, 1, 360] {
        _ = desk.pull(at, &of, told(Vec::new(), End::Later { wait_ms: MINUTE, why: why() })).unwrap();
        assert_eq!(desk.0.next(&of), Some(at + minutes * MINUTE));
        at = at + minutes * MINUTE;
    }
    // Another login is tried: it is not the one that was refused.
    let (mut desk, of) = (Desk::default(), scanner());
    _ = desk.pull(START, &of, told(Vec::new(), End::Denied { why: why() }));
    let other = Arc::new(Scanner { user: "rw".into(), ..Scanner::clone(&of) });
    assert_eq!(desk.pull(START + MINUTE, &other, told(Vec::new(), End::Whole)), Ok(None));
    // What is asked for is more now: changes would say too little.
    let more = Arc::new(Scanner { severities: vec![1, 5], ..Scanner::clone(&other) });
    _ = desk.pull(START + 7 * HOUR, &other, Told { server: Some(START), ..told(Vec::new(), End::Whole) });
    assert_eq!(desk.pull(START + 14 * HOUR, &more, told(Vec::new(), End::Whole)), Ok(None));
}

#[test]
fn where_it_cannot_be_written_down_it_is_not_asked_all_the_time() {
    let (mut state, of) = (State::default(), scanner());
    let order = state.ask(&of, now(START), false).unwrap();
    assert_eq!(state.ask(&of, now(START + MINUTE), true), None, "it is being asked");
    drop(state.pulled(&order, told(Vec::new(), End::Whole), START + MINUTE));
    assert_eq!(state.pull(), None, "what is not on disk is not shown");
    assert_eq!(state.ask(&of, now(START + HOUR), false), None);
    assert!(state.why_not(START + 2 * MINUTE).unwrap().starts_with("not before"));
    assert_eq!(state.why_not(START + HOUR), None);
    assert!(state.ask(&of, now(START + HOUR), true).is_some(), "a person may");
    // The end of a pull that nobody hears of is not waited for.
    assert!(state.ask(&of, now(START + 9 * HOUR), false).is_some());
}

#[test]
fn what_the_library_said_is_kept_and_asked_again_after_weeks() {
    let (mut desk, of) = (Desk::default(), scanner());
    let vuln = Vuln { title: Some("OpenSSH".into()), asked: START, ..Vuln::default() };
    let first = Told { vulns: [(5, vuln.clone())].into(), ..told(vec![finding("a", 5)], End::Whole) };
    _ = desk.pull(START, &of, first);
    _ = desk.pull(START + 6 * HOUR, &of, told(vec![finding("a", 5), finding("b", 5)], End::Whole));
    let titles: Vec<_> = desk.0.listed().map(|(_, of)| of.title()).collect();
    assert_eq!(titles, ["OpenSSH", "OpenSSH"]);
    let known = |state: &mut State, at| state.ask(&of, now(at), true).unwrap().known.len();
    assert_eq!(known(&mut desk.0.clone(), START + 13 * DAY), 1);
    assert_eq!(known(&mut desk.0.clone(), START + 15 * DAY), 0);
}

#[test]
fn a_host_is_found_by_what_it_is_called_and_never_guessed() {
    let host = |name: &str, address: &str| Arc::new(Host { address: address.into(), ..Host::new(name) });
    let hosts = vec![host("api-01", "10.0.0.1"), host("api-02", "api-02.acme.test"), host("db-01", "10.0.0.3")];
    let inventory = Inventory { hosts, ..Inventory::default() };
    let found = |ip: &str, dns: &str, name: &str| {
        let known = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let asset = Asset { id: None, ip: known(ip), dns: known(dns), name: known(name) };
        host_of(&Finding { asset, ..finding("a", 5) }, &inventory)
    };
    let on = |name: &str| Found::Host(name.into());
    for (ip, dns, name, is) in [
        ("10.0.0.1", "", "", on("api-01")),
        ("", "API-02.acme.test", "", on("api-02")),
        ("", "", "db-01", on("db-01")),
        ("10.0.0.9", "db-01", "", on("db-01")),
        ("10.0.0.9", "db-01.elsewhere.test", "", Found::Nowhere),
        ("10.0.0.11", "", "", Found::Nowhere),
        ("", "", "", Found::Nowhere),
        ("10.0.0.1", "", "db-01", Found::Unclear),
    ] {
        assert_eq!(found(ip, dns, name), is, "{ip} {dns} {name}");
    }
}
