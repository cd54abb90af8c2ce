use super::*;
use crate::core::{
    alerts::Severity,
    id::{IncidentId, Uid},
    incidents::{
        self, Incident, IncidentEvent, IncidentEventKind, Link, StoredIncidentEvent, evidence::sha256, policy::Policy,
    },
    inventory::Slo,
    reports, runs,
    services::Split,
    time::{DAY, MINUTE, Timestamp},
};

const UID: Uid = Uid([7; 6]);
const OTHER: Uid = Uid([8; 6]);
const SLO: Slo = Slo { objective: 99.9, window_ms: 30 * DAY.unsigned_abs() };

/// Folds what happened, minute by minute.
fn story(events: &[(Uid, i64, IncidentEventKind)]) -> incidents::State {
    let mut state = incidents::State::default();
    let stored = events.iter().zip(1..).map(|((incident, minute, kind), seq)| {
        let event =
            IncidentEvent { incident: *incident, at: Timestamp(minute * MINUTE), by: "ana".into(), kind: kind.clone() };
        StoredIncidentEvent { number: IncidentId(if *incident == UID { 214 } else { 213 }), seq, event }
    });
    _ = incidents::update(&mut state, incidents::Msg::Stored(stored.collect()), Timestamp(0), &"ana".into());
    state
}

fn opened(service: Option<&str>) -> IncidentEventKind {
    let service = service.map(|name| name.parse().unwrap());
    IncidentEventKind::Opened { title: "play is down".into(), severity: Severity::P1, service }
}

fn well() -> IncidentEventKind {
    IncidentEventKind::Resolved { summary: "all checks are up".into() }
}

fn document(state: &incidents::State, objective: Option<Slo>, measured: Option<Split>) -> Document {
    let of: &Incident = &state.incidents[&UID];
    let (runs, policy) = (runs::State::default(), Policy::default());
    let with = Surroundings {
        incidents: state,
        runs: &runs,
        policy: &policy,
        objective,
        measured,
        owed: &[],
        now: Timestamp(60 * MINUTE),
    };
    Document::of(of, with)
}

#[test]
fn what_nobody_knows_is_none_and_never_zero() {
    let of = document(&story(&[(UID, 10, opened(None))]), Some(SLO), None);
    let times = &of.times;
    assert_eq!((times.onset, times.acknowledged, times.mitigated, times.resolved), (None, None, None, None));
    assert_eq!((times.detect_ms, times.acknowledge_ms, times.repair_ms), (None, None, None));
    assert_eq!((of.class, of.service, of.lead, of.impact.users, of.over_by), (None, None, None, None, None));
    assert!(of.impact.at_least && of.impact.ongoing, "it goes on since when it was seen at the latest");
    assert_eq!(of.impact.lasted_ms, Some(50 * MINUTE));
    let budget = of.impact.budget.unwrap();
    assert_eq!((budget.down_ms, budget.spent_pct), (None, None), "nothing was measured");
    assert_eq!((of.root_cause, of.lessons, of.follow_ups), (None, None, None));
}

#[test]
fn times_and_impact_are_counted_from_what_is_known() {
    let onset = IncidentEventKind::Onset { at: Timestamp(5 * MINUTE), how: "p95".into(), estimated: true };
    let detected = IncidentEventKind::Detected { alert: Uid([1; 6]), summary: "down".into() };
    let helped = IncidentEventKind::Mitigated { summary: "rerouted".into() };
    let state = story(&[
        (UID, 10, opened(Some("play@prod"))),
        (UID, 8, detected),
        (UID, 11, onset),
        (UID, 12, IncidentEventKind::Acknowledged),
        (UID, 25, helped),
        (UID, 30, well()),
        (OTHER, 9, opened(Some("api@prod"))),
        (OTHER, 13, IncidentEventKind::Linked { other: UID, how: Link::MergedInto }),
    ]);
    let down = Split { up_ms: 29 * DAY, down_ms: 30 * MINUTE, ..Split::default() };
    let of = document(&state, Some(SLO), Some(down));
    let minutes = |ms: Option<i64>| ms.map(|ms| ms / MINUTE);
    let times = &of.times;
    assert_eq!([times.detect_ms, times.acknowledge_ms, times.repair_ms].map(minutes), [Some(3), Some(4), Some(22)]);
    assert_eq!((minutes(of.impact.lasted_ms), of.impact.at_least, of.impact.ongoing), (Some(20), false, false));
    assert_eq!(of.impact.services, ["play@prod", "api@prod"], "what went into it was touched too");
    let budget = of.impact.budget.unwrap();
    assert_eq!(budget.allowed_ms, 43 * MINUTE + 12_000, "a thousandth of 30 days");
    assert_eq!((budget.incident_pct, budget.spent_pct), (Some(46.3), Some(69.4)));
    assert_eq!(of.over_by.as_deref(), Some("all checks are up"));
    let offsets: Vec<&str> = of.timeline.iter().map(|entry| entry.offset.as_str()).collect();
    let all = ["+03:00", "+04:00", "+05:00", "+06:00", "+07:00", "+08:00", "+20:00", "+25:00"];
    assert_eq!(offsets, all, "with what went into it");
    let merged: Vec<&str> =
        of.timeline.iter().map(|entry| entry.text.as_str()).filter(|t| t.contains("INC-")).collect();
    assert_eq!(merged, ["INC-213: play is down, P1", "INC-213: merged into INC-214: play is down"]);
}

#[test]
fn a_corrected_time_is_the_one_that_everything_counts_by() {
    let corrected = |of: u64, minute: i64| IncidentEventKind::TimeCorrected { of, to: Timestamp(minute * MINUTE) };
    let mut events = vec![
        (UID, 10, opened(Some("play@prod"))),
        (UID, 10, IncidentEventKind::Detected { alert: Uid([1; 6]), summary: "down".into() }),
        (UID, 12, IncidentEventKind::Acknowledged),
        (UID, 40, well()),
    ];
    let times = |events: &[_]| {
        let state = story(events);
        let of = document(&state, None, None);
        let resolved = of.timeline.iter().find(|entry| entry.kind == "resolved").unwrap().at;
        assert_eq!(of.times.resolved, Some(resolved), "one document, one time");
        let period = reports::Period { name: "now".into(), from: Timestamp(0), to: Timestamp(DAY) };
        let report = reports::report(state.incidents.values(), &period, reports::By::Severity, Vec::new());
        assert_eq!(report.all.mttr.ms, of.times.repair_ms);
        let minutes = |ms: Option<i64>| ms.map(|ms| ms / MINUTE);
        [of.times.acknowledge_ms, of.times.repair_ms, of.impact.lasted_ms].map(minutes)
    };
    assert_eq!(times(&events), [Some(2), Some(30), Some(30)]);
    events.push((UID, 50, corrected(4, 25)));
    assert_eq!(times(&events), [Some(2), Some(15), Some(15)]);
    // Each that something follows from, and one that is corrected once more.
    events.extend([(UID, 51, corrected(2, 5)), (UID, 52, corrected(3, 15)), (UID, 53, corrected(4, 35))]);
    assert_eq!(times(&events), [Some(10), Some(30), Some(30)]);
    let state = story(&events);
    assert_eq!(state.incidents[&UID].timeline[&4].at, Timestamp(40 * MINUTE), "what was written first is kept");
    let clocks = state.incidents[&UID].clocks(&Policy::default());
    assert!(clocks.iter().any(|clock| clock.met == Some(Timestamp(15 * MINUTE))), "{clocks:?}");
}

#[test]
fn a_clock_that_went_back_makes_no_time_of_it() {
    let state = story(&[(UID, 10, opened(None)), (UID, 9, IncidentEventKind::Acknowledged), (UID, 3, well())]);
    let times = document(&state, None, None).times;
    assert_eq!((times.acknowledge_ms, times.repair_ms), (None, None));
}

#[test]
fn evidence_that_was_changed_is_said_to_be() {
    let kept = |body: &str, of: &str| IncidentEventKind::Pinned {
        what: "1 log line".into(),
        source: "play-01".into(),
        body: body.into(),
        sha256: sha256(of),
    };
    let command = IncidentEventKind::Command {
        host: "play-01".into(),
        command: "lsof | wc -l".into(),
        exit: None,
        sha256: sha256("1024"),
        output: "1024".into(),
        of: None,
    };
    let state = story(&[
        (UID, 1, opened(None)),
        (UID, 2, kept("pool timeout", "pool timeout")),
        (UID, 3, kept("pool timeout", "all is well")),
        (UID, 4, command),
    ]);
    let of = document(&state, None, None);
    let names: Vec<(&str, bool)> = of.evidence.iter().map(|kept| (kept.name.as_str(), kept.holds)).collect();
    assert_eq!(names, [("E1", true), ("E2", false)]);
    let step = &of.actions[0].steps.as_ref().unwrap()[0];
    assert_eq!((step.command.as_str(), step.end.as_deref()), ("lsof | wc -l", None), "nobody knows how it ended");
    let standing = of.standing();
    assert_eq!(standing.len(), 10);
    assert_eq!(standing.iter().filter(|section| section.written).count(), 5, "no onset, no run, nothing of people's");
}

#[test]
fn nothing_that_is_missing_is_told_as_written() {
    let of = document(&story(&[(UID, 10, opened(None))]), None, None);
    let standing = of.standing();
    let written: Vec<&str> = standing.iter().filter(|section| section.written).map(|section| section.title).collect();
    assert_eq!(written, ["summary", "impact", "timeline"]);
    let says = |title: &str| standing.iter().find(|section| section.title == title).unwrap().says.clone();
    assert_eq!(says("impact"), "at least 50m00");
    assert_eq!(says("times"), "onset not known; offsets count from when it was seen");
    assert_eq!(
        (says("proof").as_str(), says("evidence").as_str()),
        ("no run was to prove anything", "nothing was kept")
    );
    let onset = IncidentEventKind::Onset { at: Timestamp(9 * MINUTE), how: "p95".into(), estimated: true };
    let of = document(&story(&[(UID, 10, opened(None)), (UID, 11, onset)]), None, None);
    assert!(of.standing().iter().any(|section| section.written && section.says == "seen 1m00 after onset"));
}

#[test]
fn what_went_into_it_was_done_and_kept_for_it_too_and_each_thing_stands_once() {
    let command = |text: &str| IncidentEventKind::Command {
        host: "play-01".into(),
        command: text.into(),
        exit: Some(0),
        sha256: sha256(text),
        output: text.into(),
        of: None,
    };
    let kept = |body: &str, of: &str| IncidentEventKind::Pinned {
        what: "1 log line".into(),
        source: "play-01".into(),
        body: body.into(),
        sha256: sha256(of),
    };
    let ran = |run: u8| IncidentEventKind::Action { run: Uid([run; 6]), summary: format!("restart {run}") };
    let state = story(&[
        (UID, 10, opened(Some("play@prod"))),
        (OTHER, 9, opened(Some("api@prod"))),
        (OTHER, 11, command("lsof")),
        (OTHER, 12, ran(1)),
        (OTHER, 12, kept("pool timeout", "pool timeout")),
        (OTHER, 13, kept("changed", "as it was")),
        (OTHER, 14, IncidentEventKind::Linked { other: UID, how: Link::MergedInto }),
        (UID, 15, command("df")),
        (UID, 16, ran(2)),
        // The same as there.
        (UID, 17, ran(1)),
        (UID, 18, kept("pool timeout", "pool timeout")),
        (UID, 19, kept("another", "another")),
    ]);
    let of = document(&state, None, None);
    let from = |from: &Option<String>| from.clone().unwrap_or_default();
    let actions: Vec<_> = of.actions.iter().map(|of| (of.offset.as_str(), of.title.as_str(), from(&of.from))).collect();
    let there = "INC-213".to_owned();
    let own = String::new();
    assert_eq!(
        actions,
        [
            ("+01:00", "command on play-01", there.clone()),
            ("+05:00", "command on play-01", own.clone()),
            ("+06:00", "restart 2", own.clone()),
            ("+07:00", "restart 1", own.clone()),
        ]
    );
    let proof: Vec<_> = of.proof.iter().map(|of| (of.run.clone(), from(&of.from))).collect();
    let name = |run: u8| Uid([run; 6]).to_string();
    assert_eq!(proof, [(name(2), own.clone()), (name(1), own.clone())]);
    let pieces: Vec<_> = of.evidence.iter().map(|of| (of.name.as_str(), of.holds, from(&of.from))).collect();
    assert_eq!(pieces, [("E1", true, own.clone()), ("E2", true, own), ("INC-213 E2", false, there)]);
    let hashes: Vec<_> = of.evidence.iter().map(|of| of.sha256.clone()).collect();
    assert_eq!(hashes, ["pool timeout", "another", "as it was"].map(sha256), "what they were when they were kept");
    // Of the one that went into it, only what is its own is told.
    let with = &state.incidents[&OTHER];
    let policy = Policy::default();
    let runs = runs::State::default();
    let other = Document::of(
        with,
        Surroundings {
            incidents: &state,
            runs: &runs,
            policy: &policy,
            objective: None,
            measured: None,
            owed: &[],
            now: Timestamp(60 * MINUTE),
        },
    );
    assert_eq!((other.actions.len(), other.evidence.len(), other.proof.len()), (2, 2, 1));
    assert!(other.evidence.iter().all(|kept| kept.from.is_none()));
}
