//! Two people take one alert, with and without knowing of each other.
use super::*;

const ALERT: Uid = Uid([1; 6]);

fn fired() -> AlertEvent {
    let kind = AlertEventKind::Fired {
        rule: "service-down".into(),
        target: Target::Service("play@prod".parse().unwrap()),
        severity: Severity::P1,
        value: None,
        since: Timestamp(0),
        summary: "down: page".into(),
        muted: false,
    };
    AlertEvent { alert: ALERT, at: Timestamp(0), by: "qd".into(), kind }
}

/// Somebody takes it at a second for a minute, from whom is known to have it.
fn taken(by: &str, second: i64, over: Option<&str>) -> AlertEvent {
    let until = Timestamp((second + 60) * 1_000);
    let kind = AlertEventKind::Acknowledged { until, reason: None, over: over.map(Operator::from) };
    AlertEvent { alert: ALERT, at: Timestamp(second * 1_000), by: by.into(), kind }
}

/// Folds events in an order; returns whose it is, and whom each was told to have it, from whom.
fn folded(events: &[&AlertEvent]) -> (Option<String>, Vec<String>) {
    let mut alerts = Alerts::default();
    _ = alerts.apply(&fired());
    let mut told = Vec::new();
    for event in events {
        if let Some(Fact::Acknowledged { by, from, .. }) = alerts.apply(event) {
            told.push(format!("{by} {}", from.as_ref().map_or("-", |from| from.as_str())));
        }
    }
    (alerts.all[&ALERT].owned.as_ref().map(|owned| owned.by.to_string()), told)
}

#[test]
fn of_two_who_did_not_know_of_each_other_the_first_has_it_in_every_console() {
    let (ana, ben) = (taken("ana", 10, None), taken("ben", 11, None));
    assert_eq!(folded(&[&ana, &ben]), (Some("ana".into()), vec!["ana -".into()]));
    // Ben's own console heard of ana too late: it says so.
    assert_eq!(folded(&[&ben, &ana]), (Some("ana".into()), vec!["ben -".into(), "ana ben".into()]));
    // In the same millisecond too all decide alike.
    let same = taken("ben", 10, None);
    assert_eq!(folded(&[&ana, &same]).0, folded(&[&same, &ana]).0);
    // Once it is nobody's any more, it is whoever's who comes next.
    let late = taken("ben", 70, None);
    assert_eq!(folded(&[&ana, &late]).0.as_deref(), Some("ben"));
}

#[test]
fn who_knows_whose_it_is_takes_it_over_from_that_one_alone() {
    let (ana, ben, cleo) = (taken("ana", 10, None), taken("ben", 20, Some("ana")), taken("cleo", 21, Some("ana")));
    assert_eq!(folded(&[&ana, &ben]), (Some("ben".into()), vec!["ana -".into(), "ben ana".into()]));
    // Cleo wanted it from ana, whose it was not any more.
    for order in [[&ana, &ben, &cleo], [&ana, &cleo, &ben], [&cleo, &ben, &ana], [&ben, &ana, &cleo]] {
        assert_eq!(folded(&order).0.as_deref(), Some("ben"), "{order:?}");
    }
    // Whoever has it takes it anew without a word, and keeps it.
    let anew = taken("ben", 30, None);
    assert_eq!(folded(&[&ana, &ben, &anew]).1.last().map(String::as_str), Some("ben -"));
}
