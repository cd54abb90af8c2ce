//! Findings, as the store keeps them.
use tempfile::TempDir;

use super::{
    tests::{epoch, open},
    *,
};
use crate::core::findings::{Asset, End, Event, Finding, Pull, Status};

fn finding(key: &str, at: i64) -> Event {
    Event::Found(Box::new(Finding {
        key: key.into(),
        qid: 38_904,
        asset: Asset { ip: Some("10.0.0.1".into()), ..Asset::default() },
        severity: None,
        sure: None,
        status: Status::Other("Paused".into()),
        port: None,
        protocol: None,
        first: None,
        last: Some(Timestamp(at)),
        score: None,
        vuln: None,
        gone: None,
        at: Timestamp(at),
    }))
}

fn pull(at: i64) -> Event {
    Event::Pulled(Pull {
        at: Timestamp(at),
        login: "l".into(),
        scope: "s".into(),
        all: None,
        whole: None,
        cursor: Some(Timestamp(at)),
        told: 2,
        remaining: None,
        notes: vec!["titles are missing".into()],
        end: End::Later { wait_ms: 45_000, why: "busy".into() },
        tries: 1,
    })
}

#[test]
fn what_a_scanner_told_is_kept_and_told_once() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("qd.db");
    let (mut one, mut two) = (open(&path).unwrap(), open(&path).unwrap());
    let rows = |events: &[Event]| events.iter().cloned().map(Row::Finding).collect::<Vec<_>>();
    let refused = two.commit(&rows(&[pull(1)]), None).unwrap_err();
    assert!(matches!(refused, StoreError::LostLease { .. }), "only who records asks: {refused:?}");
    let epoch = epoch(&mut one);
    let first = [finding("a", 1), finding("b", 1), pull(1)];
    one.commit(&rows(&first), Some(epoch)).unwrap();
    assert_eq!(two.changes().unwrap().unwrap().findings, first);
    assert_eq!(two.changes().unwrap(), None);
    for at in 2..50 {
        one.commit(&rows(&[finding("a", at), pull(at)]), Some(epoch)).unwrap();
    }
    let since = |events: i64| Since { events: Timestamp(events), results: Timestamp(0) };
    let known = open(&path).unwrap().open_state(since(1_000)).unwrap().findings;
    assert_eq!(known, [finding("b", 1), finding("a", 49), pull(49)], "as it is known");
    let all = open(&path).unwrap().open_state(since(0)).unwrap().findings;
    assert_eq!(all.len(), 1 + 20 + 20, "of each the last are kept");
}
