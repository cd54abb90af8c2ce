//! What incidents of months ago teach a console that starts now: whole ones it has of the last days only.
use std::{path::Path, sync::Arc};

use quarterdeck::{
    core::{
        Msg, State,
        alerts::{AlertEvent, AlertEventKind, Severity, Target},
        id::Uid,
        incidents::{
            IncidentEvent, IncidentEventKind,
            suspects::{self, Change, HostChanges, Kind, Source},
        },
        record::Row,
        time::{Clock as _, DAY, MINUTE, Timestamp},
        update,
    },
    runtime::clock::SystemClock,
    store::{self, Sqlite, Store as _},
};
use serde_json::Value;

use super::{
    json::{Desk, service},
    outbox::{console_on, until},
};

const OLD: Uid = Uid([9; 6]);
const NEW: Uid = Uid([7; 6]);
const RUN: Uid = Uid([8; 6]);

fn opened(title: &str) -> IncidentEventKind {
    let service = Some("play@prod".parse().unwrap());
    IncidentEventKind::Opened { title: title.into(), severity: Severity::P1, service }
}

/// What happened 60 days ago, was mended within five minutes and closed on the same day; and what is down now, by the same rule.
fn written(path: &Path) {
    let mut store = Sqlite::open(path, &store::Options::default()).unwrap();
    let Some(store::Lease::Mine { epoch }) = store.lease(&owner(), SystemClock::new().now(), 1_000).ok() else {
        panic!("nobody else is here")
    };
    let now = SystemClock::new().now().utc;
    let long_ago = now - 60 * DAY;
    let deploy = Change::new(long_ago - MINUTE, Kind::Deploy, "v7", Source::Run).key();
    let mut rows = Vec::new();
    for (incident, at, title) in [(OLD, long_ago, "play@prod down: page: 503"), (NEW, now, "play@prod down: page: 502")]
    {
        let alert = Uid([incident.0[0] + 100; 6]);
        let fired = AlertEventKind::Fired {
            rule: "service-down".into(),
            target: Target::Service("play@prod".parse().unwrap()),
            severity: Severity::P1,
            value: None,
            since: at,
            summary: "down".into(),
            muted: false,
        };
        rows.push(Row::Alert(AlertEvent { alert, at, by: "qd".into(), kind: fired }));
        rows.push(event(incident, at, opened(title)));
        rows.push(event(incident, at, IncidentEventKind::Detected { alert, summary: "down".into() }));
    }
    let resolved = AlertEventKind::Resolved { value: None };
    rows.push(Row::Alert(AlertEvent { alert: Uid([109; 6]), at: long_ago + MINUTE, by: "qd".into(), kind: resolved }));
    let later = [
        IncidentEventKind::SuspectChosen { key: Some(deploy), summary: "deploy v7".into() },
        IncidentEventKind::Action { run: RUN, summary: "roll play back to v6".into() },
        IncidentEventKind::Result { run: RUN, outcome: "Recovered".into(), summary: "exit 0".into() },
        IncidentEventKind::Resolved { summary: "up again".into() },
        IncidentEventKind::Closed,
    ];
    rows.extend(later.into_iter().zip(1..).map(|(kind, minute)| event(OLD, long_ago + minute * MINUTE, kind)));
    store.commit(&rows, Some(epoch)).unwrap();
    store.release(&owner()).unwrap();
}

fn owner() -> store::Owner {
    store::Owner { uid: Uid([1; 6]), label: "then".into() }
}

fn event(incident: Uid, at: Timestamp, kind: IncidentEventKind) -> Row {
    Row::Incident(IncidentEvent { incident, at, by: "ana".into(), kind })
}

/// What the newest incident of a state is told of the old one.
fn told(state: &State) -> Option<(String, Vec<String>)> {
    let like = state.similar(NEW, 1).into_iter().next()?;
    Some((like.words(), like.shares))
}

#[tokio::test]
async fn what_mended_it_sixty_days_ago_is_told_by_a_console_that_starts_now() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("qd.db");
    written(&path);
    // The same loop is a console's and `qd watch`'s.
    let store = Box::new(Sqlite::open(&path, &store::Options::default()).unwrap());
    let (mut engine, _tasks) = console_on(store, Arc::new(SystemClock::new()), &[]);
    until(&mut engine, "what was mended then", |engine| told(&engine.state).is_some()).await;
    assert!(!engine.state.incidents.incidents.contains_key(&OLD), "all of it would be too much");
    let (words, shares) = told(&engine.state).unwrap();
    assert!(words.ends_with("mended by roll play back to v6 → exit 0"), "{words}");
    assert!(shares.iter().any(|of| of == "service-down"), "the rule of an alert that is long forgotten: {shares:?}");

    // That a deploy broke it then counts for a deploy now.
    let now = SystemClock::new().now();
    let change = Change {
        service: Some("play@prod".parse().unwrap()),
        ..Change::new(now.utc - 2 * MINUTE, Kind::Deploy, "v9", Source::Releases)
    };
    let found = HostChanges { changes: vec![change], missing: Vec::new() };
    let seen = Box::new(Ok(found));
    let msg = suspects::Msg::Told { incident: NEW, host: "web-01".into(), seen };
    drop(update(&mut engine.state, Msg::Suspects(msg), now));
    let ranking = &engine.state.suspects.of(NEW).unwrap().ranking;
    let why: Vec<&String> = ranking.suspects.iter().flat_map(|suspect| &suspect.why).collect();
    assert!(why.iter().any(|why| *why == "this kind broke it 1 of 1 times"), "{why:?}");
}

#[tokio::test]
async fn a_command_tells_it_too() {
    let desk = Desk::new(&service("play", "127.0.0.1:1"));
    written(&desk.dir.path().join("qd.db"));
    let output = desk.output(&["incidents", "--json"]).await;
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    let like = &json["data"][0]["similar"][0];
    assert_eq!(like["mended"], "roll play back to v6 → exit 0", "{json:#}");
}
