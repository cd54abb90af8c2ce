use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::core::{
    inventory::{Inventory, Service},
    time::{HOUR, MINUTE, SECOND},
};

fn id(text: &str) -> ServiceId {
    text.parse().unwrap()
}

/// play runs on web-01 with cloud, and needs api (api-01), which needs db (db-01).
fn inventory() -> Inventory {
    let service = |name: &str, host: &str, needs: &[&str]| {
        Arc::new(Service {
            hosts: vec![host.into()],
            needs: needs.iter().map(|need| id(need)).collect(),
            ..Service::new(id(name))
        })
    };
    Inventory {
        services: vec![
            service("play@prod", "web-01", &["api@prod"]),
            service("cloud@prod", "web-01", &[]),
            service("api@prod", "api-01", &["db@prod"]),
            // A circle is no end.
            service("db@prod", "db-01", &["api@prod"]),
            service("jobs@prod", "jobs-01", &[]),
        ],
        ..Inventory::default()
    }
}

const ONSET: Timestamp = Timestamp(10 * HOUR);

fn change(kind: Kind, before: i64, service: Option<&str>, hosts: &[&str]) -> Change {
    Change {
        service: service.map(id),
        hosts: hosts.iter().map(|host| (*host).into()).collect(),
        ..Change::new(ONSET - before, kind, "it", Source::Run)
    }
}

fn ranked(changes: &[Change], history: &History) -> Ranking {
    let (inventory, service) = (inventory(), id("play@prod"));
    let hosts = ["web-01".into()];
    let around = Around {
        onset: ONSET,
        not_before: ONSET - 10 * SECOND,
        service: Some(&service),
        hosts: &hosts,
        inventory: &inventory,
        history,
    };
    rank(changes, around)
}

#[test]
fn place_is_said_in_words_and_the_nearer_weighs_more() {
    let table = [
        (change(Kind::Deploy, 30_000, Some("play@prod"), &[]), "same service"),
        (change(Kind::Deploy, 30_000, None, &["web-01"]), "same host, web-01"),
        (change(Kind::Deploy, 30_000, Some("api@prod"), &[]), "play needs it"),
        (change(Kind::Deploy, 30_000, None, &["api-01"]), "on api-01, where api runs, which play needs"),
        (change(Kind::Deploy, 30_000, Some("db@prod"), &[]), "api needs it"),
        (change(Kind::Deploy, 30_000, Some("cloud@prod"), &["web-01"]), "on the same host, web-01"),
        (change(Kind::Deploy, 30_000, Some("jobs@prod"), &["jobs-01"]), "another service, on other hosts"),
    ];
    let changes: Vec<Change> = table.iter().map(|(change, _)| change.clone()).collect();
    let ranking = ranked(&changes, &History::default());
    let got: Vec<&str> = ranking.suspects.iter().map(|suspect| &*suspect.why[1]).collect();
    assert_eq!(got, table.map(|(_, words)| words));
    assert!(ranking.suspects.windows(2).all(|pair| pair[0].score > pair[1].score));
    assert_eq!(ranking.suspects[0].why, ["30 s before the onset", "same service"]);
    assert_eq!(ranking.convincing().count(), 6);
}

#[test]
fn what_changed_after_the_onset_is_no_suspect() {
    let changes = [
        change(Kind::Deploy, -1, Some("play@prod"), &[]),
        change(Kind::Deploy, 0, Some("play@prod"), &[]),
        change(Kind::Login, 100 * HOUR, Some("jobs@prod"), &[]),
    ];
    let ranking = ranked(&changes, &History::default());
    assert_eq!((ranking.suspects.len(), ranking.later, ranking.far), (1, 1, 1));
    assert_eq!(ranking.suspects[0].why[0], "at the onset");
}

#[test]
fn time_halves_by_kind_and_what_was_made_since_the_last_good_value_is_at_the_very_moment() {
    let score =
        |kind, before| ranked(&[change(kind, before, Some("play@prod"), &[])], &History::default()).suspects[0].score;
    let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-9, "{a} {b}");
    near(score(Kind::Deploy, 10 * SECOND), 1.0);
    near(score(Kind::Deploy, SECOND), 1.0);
    near(score(Kind::Deploy, 30 * MINUTE + 10 * SECOND), 0.5);
    near(score(Kind::Restart, 5 * MINUTE + 10 * SECOND), 0.25);
    assert!(score(Kind::Deploy, 3 * HOUR) < CONVINCING && score(Kind::Deploy, HOUR) > CONVINCING);
}

#[test]
fn history_moves_a_kind_and_says_so() {
    let changes =
        [change(Kind::Config, 60_000, Some("play@prod"), &[]), change(Kind::Deploy, 60_000, Some("play@prod"), &[])];
    let mut history = History::default();
    assert_eq!(ranked(&changes, &history).suspects[0].change.kind, Kind::Deploy);
    let play = id("play@prod");
    for chosen in [true, false, true] {
        history.note(Some(&play), Kind::Config, chosen);
    }
    for _ in 0..4 {
        history.note(Some(&play), Kind::Deploy, false);
        history.note(Some(&id("api@prod")), Kind::Deploy, true);
    }
    let ranking = ranked(&changes, &history);
    assert_eq!(ranking.suspects[0].why[2], "this kind broke it 2 of 3 times");
    assert_eq!(ranking.suspects[1].why[2], "this kind never broke it, of 4 times");
    let tally = history.tally(Some(&play), Kind::Config);
    assert_eq!((tally.chosen, tally.ruled_out), (2, 1));
}

#[test]
fn what_comes_every_few_minutes_is_near_everything_and_weighs_little() {
    let job = |before| change(Kind::Cron, before, None, &["web-01"]);
    let rare = ranked(&[job(20_000)], &History::default());
    assert!(rare.suspects[0].score >= CONVINCING);
    let often: Vec<Change> = (0..12).map(|at| job(20_000 + at * 5 * MINUTE)).collect();
    let ranking = ranked(&often, &History::default());
    assert!(ranking.suspects[0].score < CONVINCING / 2.0);
    assert_eq!(ranking.suspects[0].why[2], "11 more like it in this time");
}

#[test]
fn one_change_that_several_tell_of_is_one() {
    let of = |source, kind, before, what: &str, host: &str| Change {
        source,
        what: what.into(),
        ..change(kind, before, Some("play@prod"), &[host])
    };
    let run = Change {
        by: Some("leo".into()),
        detail: vec!["RUN-7".into()],
        ..of(Source::Run, Kind::Deploy, 40_000, "v2, from v1", "web-01")
    };
    let merged = merge(vec![
        of(Source::Pm2, Kind::Restart, 28_000, "play", "web-02"),
        of(Source::Releases, Kind::Deploy, 41_000, "v2", "web-02"),
        run,
        of(Source::Releases, Kind::Deploy, 2 * HOUR, "v1", "web-01"),
        of(Source::Pm2, Kind::Restart, HOUR, "play", "web-01"),
    ]);
    let lines: Vec<String> = merged.iter().map(Change::line).collect();
    assert_eq!(
        lines,
        [
            "deploy v1 of play@prod on web-01",
            "restart play of play@prod on web-01",
            "deploy v2, from v1 of play@prod on web-01, web-02"
        ]
    );
    let last = merged.last().unwrap();
    assert_eq!((last.at, last.by.as_deref(), last.source), (ONSET - 41_000, Some("leo"), Source::Run));
    assert_eq!(last.detail, ["RUN-7", "restart play of play@prod on web-02, 13 s later: PM2"]);
    // Jobs come again.
    let job = |before| change(Kind::Cron, before, None, &["web-01"]);
    assert_eq!(merge(vec![job(60_000), job(120_000), job(60_000)]).len(), 2);
    // A reboot of two hosts is two, a package on two is one.
    let on = |kind, host| change(kind, 60_000, None, &[host]);
    assert_eq!(merge(vec![on(Kind::Reboot, "web-01"), on(Kind::Reboot, "web-02")]).len(), 2);
    assert_eq!(merge(vec![on(Kind::Package, "web-01"), on(Kind::Package, "web-02")]).len(), 1);
}

#[test]
fn a_key_is_the_same_everywhere_and_tells_its_kind() {
    let mut change = change(Kind::Config, 28_400, None, &["web-01"]);
    assert_eq!(change.key(), "config web-01 it 1970-01-01T09:59:31.000Z");
    assert_eq!(Change::kind_of(&change.key()), Some(Kind::Config));
    change.service = Some(id("play@prod"));
    assert_eq!(change.key(), "config play@prod it 1970-01-01T09:59:31.000Z");
    assert_eq!(Change::kind_of("weather - x"), None);
    assert!(Kind::ALL.iter().all(|kind| kind.word().len() <= 7));
}

fn any_change() -> impl Strategy<Value = Change> {
    let service = prop::sample::select(vec![None, Some("play@prod"), Some("api@prod"), Some("jobs@prod")]);
    let host = prop::sample::select(vec!["web-01", "api-01", "jobs-01"]);
    (prop::sample::select(Kind::ALL.to_vec()), -HOUR..48 * HOUR, service, host)
        .prop_map(|(kind, before, service, host)| change(kind, before, service, &[host]))
}

proptest! {
    #[test]
    fn scores_are_in_order_and_within_bounds_and_nothing_is_lost(changes in prop::collection::vec(any_change(), 0..40)) {
        let ranking = ranked(&changes, &History::default());
        prop_assert_eq!(ranking.suspects.len() + ranking.later + ranking.far + ranking.folded, changes.len());
        prop_assert!(ranking.suspects.windows(2).all(|pair| pair[0].score >= pair[1].score));
        prop_assert!(ranking.suspects.iter().all(|suspect| (0.0..=1.0).contains(&suspect.score) && suspect.before_ms >= 0));
    }

    #[test]
    fn earlier_is_never_more_suspicious(change in any_change(), more in 0..10 * HOUR) {
        let earlier = Change { at: change.at - more, ..change.clone() };
        let score = |change: Change| ranked(&[change], &History::default()).suspects.first().map_or(0.0, |of| of.score);
        if change.at <= ONSET {
            prop_assert!(score(earlier) <= score(change));
        }
    }

    #[test]
    fn merging_twice_changes_nothing_and_keeps_every_host(changes in prop::collection::vec(any_change(), 0..30)) {
        let once = merge(changes.clone());
        prop_assert!(changes.iter().all(|change| once.iter().any(|of| of.hosts.contains(&change.hosts[0]))));
        prop_assert!(once.len() <= changes.len() && once.windows(2).all(|pair| pair[0].at <= pair[1].at));
    }
}
