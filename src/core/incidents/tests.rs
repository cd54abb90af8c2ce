use super::*;
use crate::core::id::IncidentId;

fn opening() -> Opening {
    Opening {
        alert: Uid([9; 6]),
        target: "play@prod".into(),
        summary: "down: page: 503".into(),
        fired: Timestamp(1_000),
        severity: Severity::P1,
        service: Some("play@prod".parse().unwrap()),
        acknowledged: Some(("ana".into(), Timestamp(2_000))),
    }
}

/// Gives rows back the way a store does: numbered, in the order of commit.
fn store(rows: &[Row]) -> Vec<StoredIncidentEvent> {
    let events = rows.iter().filter_map(|row| if let Row::Incident(event) = row { Some(event.clone()) } else { None });
    events.zip(1..).map(|(event, seq)| StoredIncidentEvent { number: IncidentId(214), seq, event }).collect()
}

#[test]
fn an_incident_appears_only_once_the_store_gives_it_back() {
    let mut state = State::default();
    let out = update(&mut state, Msg::OpenedForAlert(opening()), Timestamp(3_000), &"ben".into());
    assert!(state.incidents.is_empty());
    let stored = store(&out.rows);
    let uid = uid_for_alert(Uid([9; 6]));
    assert_eq!(update(&mut state, Msg::Stored(stored.clone()), Timestamp(3_001), &"ben".into()).opened, [uid]);
    let incident = &state.incidents[&uid];
    assert_eq!(incident.number.to_string(), "INC-214");
    assert_eq!(incident.owner, Some("ana".into()));
    let order: Vec<_> = incident.by_time().iter().map(|(_, event)| event.at.0).collect();
    assert_eq!(order, [1_000, 2_000, 3_000], "detected, acknowledged, opened");
    let before = state.clone();
    assert!(update(&mut state, Msg::Stored(stored), Timestamp(4_000), &"ben".into()).opened.is_empty());
    assert_eq!(state, before, "the same events again change nothing");
}

#[test]
fn evidence_that_somebody_changed_in_the_store_is_told() {
    let pinned = |sha256: String| IncidentEventKind::Pinned {
        what: "log line".into(),
        source: "play@prod".into(),
        body: "ECONNREFUSED".into(),
        sha256,
    };
    let mut state = State::default();
    let mut rows = update(&mut state, Msg::OpenedForAlert(opening()), Timestamp(3_000), &"ben".into()).rows;
    for kept in ["ECONNREFUSED", "ECONNRESET"] {
        let kind = pinned(evidence::sha256(kept));
        let incident = uid_for_alert(Uid([9; 6]));
        rows.push(Row::Incident(IncidentEvent { incident, at: Timestamp(4_000), by: "ana".into(), kind }));
    }
    let stored = store(&rows);
    let seqs: Vec<u64> = stored.iter().rev().take(2).map(|event| event.seq).collect();
    _ = update(&mut state, Msg::Stored(stored), Timestamp(5_000), &"ben".into());
    let incident = &state.incidents[&uid_for_alert(Uid([9; 6]))];
    assert_eq!(incident.evidence, [seqs[1], seqs[0]]);
    assert_eq!(incident.changed, [seqs[0]].into(), "only the one whose text is not what its hash says");
}

#[test]
fn two_people_who_open_an_alert_at_once_open_one_incident() {
    let (mut ana, mut ben) = (State::default(), State::default());
    let first = update(&mut ana, Msg::OpenedForAlert(opening()), Timestamp(3_000), &"ana".into());
    let second = update(&mut ben, Msg::OpenedForAlert(opening()), Timestamp(3_001), &"ben".into());
    let all = store(&[first.rows, second.rows].concat());
    _ = update(&mut ana, Msg::Stored(all.clone()), Timestamp(3_002), &"ana".into());
    _ = update(&mut ben, Msg::Stored(all), Timestamp(3_002), &"ben".into());
    assert_eq!(ana, ben);
    assert_eq!(ana.incidents.len(), 1);
    assert!(update(&mut ana, Msg::OpenedForAlert(opening()), Timestamp(3_003), &"ana".into()).rows.is_empty());
}

#[test]
fn open_incidents_come_first_and_the_worst_of_them_on_top() {
    let mut state = State::default();
    for (n, severity, resolved) in [(1, Severity::P3, None), (2, Severity::P1, None), (3, Severity::P1, Some(9))] {
        let mut events = vec![IncidentEvent {
            incident: Uid([n; 6]),
            at: Timestamp(i64::from(n)),
            by: "ana".into(),
            kind: IncidentEventKind::Opened { title: n.to_string(), severity, service: None },
        }];
        events.extend(resolved.map(|at| IncidentEvent {
            incident: Uid([n; 6]),
            at: Timestamp(at),
            by: "ana".into(),
            kind: IncidentEventKind::Resolved { summary: "over".into() },
        }));
        let rows: Vec<_> = events.into_iter().map(Row::Incident).collect();
        _ = update(&mut state, Msg::Stored(store(&rows)), Timestamp(10), &"ana".into());
    }
    let titles: Vec<_> = state.worst_first().iter().map(|incident| incident.title.clone()).collect();
    assert_eq!(titles, ["2", "1", "3"]);
}
