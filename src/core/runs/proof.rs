//! Proof that a change worked: what was measured of the service before and after it, held against goals.
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Run, RunOutcome, Verdict};
use crate::core::services::Health;

/// What was measured of a service at one moment. What nobody measured is none: it neither proves nor disproves.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// Its state by its checks.
    pub health: Option<Health>,
    /// Milliseconds of the slowest answer among its checks' last ones.
    pub latency_ms: Option<u32>,
    /// Percent of requests that failed in the last minute, by its logs.
    pub error_pct: Option<f64>,
    /// 95th percentile of its requests' durations in the last minute, by its logs, in milliseconds.
    pub p95_ms: Option<f64>,
    /// Patterns of errors in its logs that were never seen before the change.
    pub new_errors: Option<u32>,
    /// How often its processes were started anew, by host: PM2 counts them.
    #[serde(default)]
    pub restarts: BTreeMap<String, u32>,
}

/// One line of the proof.
#[derive(Clone, Debug, PartialEq)]
pub struct Goal {
    /// What is looked at: `errors`.
    pub name: &'static str,
    /// How it was before.
    pub before: Option<String>,
    /// How it is now.
    pub now: Option<String>,
    /// What it is to be: `≤ 2 %`.
    pub goal: String,
    /// Whether it is; none where that is unknown.
    pub met: Option<bool>,
}

/// The share of failed requests that is good enough, in percent: what the rule on errors alarms at.
const ERROR_PCT: f64 = 2.0;
/// The 95th percentile that is good enough, in milliseconds.
const P95_MS: f64 = 500.0;

fn percent(value: f64) -> String {
    format!("{value:.1} %")
}

fn millis(value: f64) -> String {
    format!("{value:.0} ms")
}

/// Returns the word for a state.
pub fn word(health: Health) -> &'static str {
    match health {
        Health::Up => "up",
        Health::Degraded => "degraded",
        Health::Down => "down",
        Health::Maintenance => "in maintenance",
        Health::Unknown => "unknown",
    }
}

/// Holds what is measured now against what was before, and at the change's end (`first`).
///
/// What was good before is the goal where it is looser than the general one: a service that always takes 800 ms is not called
/// worse for it. What was bad before is no goal.
pub fn goals(before: Option<&Measured>, first: Option<&Measured>, now: &Measured) -> Vec<Goal> {
    let was_up = before.and_then(|before| before.health).is_some_and(|health| health == Health::Up);
    let loosened = |general: f64, before: Option<f64>, factor: f64| match before.filter(|_| was_up) {
        Some(before) => general.max(before * factor),
        None => general,
    };
    let health = now.health.filter(|health| *health != Health::Unknown);
    let mut goals = vec![Goal {
        name: "checks",
        before: before.and_then(|before| before.health).map(|health| word(health).to_owned()),
        now: now.health.map(|health| word(health).to_owned()),
        goal: "up".into(),
        met: health.map(|health| matches!(health, Health::Up | Health::Degraded)),
    }];
    let was = |of: fn(&Measured) -> Option<f64>| before.and_then(of);
    if now.latency_ms.is_some() {
        let limit = loosened(P95_MS, before.and_then(|before| before.latency_ms).map(f64::from), 2.0);
        goals.push(Goal {
            name: "answer",
            before: before.and_then(|before| before.latency_ms).map(|ms| millis(f64::from(ms))),
            now: now.latency_ms.map(|ms| millis(f64::from(ms))),
            goal: format!("≤ {}", millis(limit)),
            // One slow answer of a probe proves nothing: the checks have limits of their own.
            met: now.latency_ms.map(|ms| f64::from(ms) <= limit),
        });
    }
    let mut limited = |name, (before, now): (Option<f64>, Option<f64>), limit: f64, say: fn(f64) -> String| {
        if before.or(now).is_some() {
            let (before, goal) = (before.map(say), format!("≤ {}", say(limit)));
            goals.push(Goal { name, before, now: now.map(say), goal, met: now.map(|value| value <= limit) });
        }
    };
    let errors = (was(|of| of.error_pct), now.error_pct);
    limited("errors", errors, loosened(ERROR_PCT, errors.0, 1.0), percent);
    let p95 = (was(|of| of.p95_ms), now.p95_ms);
    limited("p95", p95, loosened(P95_MS, p95.0, 1.5), millis);
    if let Some(count) = now.new_errors {
        goals.push(Goal {
            name: "new errors",
            before: None,
            now: Some(count.to_string()),
            goal: "0".into(),
            met: Some(count == 0),
        });
    }
    if !now.restarts.is_empty() {
        let again: Option<u32> = first.map(|first| {
            let more = now
                .restarts
                .iter()
                .map(|(host, count)| first.restarts.get(host).map_or(0, |before| count.saturating_sub(*before)));
            more.sum()
        });
        goals.push(Goal {
            name: "restarts",
            before: None,
            now: again.map(|again| format!("{again} since")),
            goal: "none since".into(),
            met: again.map(|again| again == 0),
        });
    }
    goals
}

/// Says whether a round of answers is good: the checks say up, and nothing that was measured misses its goal.
///
/// The answer of a probe alone does not decide, and what is unknown is held against nobody.
pub fn is_good(goals: &[Goal]) -> bool {
    let checks = goals.iter().find(|goal| goal.name == "checks").and_then(|goal| goal.met);
    checks == Some(true) && missed(goals).next().is_none()
}

/// Returns the goals that are missed.
pub fn missed(goals: &[Goal]) -> impl Iterator<Item = &Goal> {
    goals.iter().filter(|goal| goal.name != "answer" && goal.met == Some(false))
}

/// Decides what is proved of a run.
///
/// Goals that are missed speak against any run; goals that are met speak only for one that did what it was to do on all of its
/// hosts (`provable`).
pub fn verdict(goals: &[Goal], provable: bool) -> Verdict {
    if missed(goals).next().is_some() {
        Verdict::NotRecovered
    } else if is_good(goals) && provable {
        Verdict::Recovered
    } else {
        Verdict::Unknown
    }
}

/// Says in one line what is proved of a run, and why not where it is not.
pub(super) fn summary(run: &Run, verdict: Verdict) -> String {
    let was_well = run.was_well();
    let ended = run.outcome.map(|(outcome, _)| outcome);
    let goes = match (verdict, ended) {
        (Verdict::Recovered, _) if was_well => "is well",
        (Verdict::Recovered, _) => "recovered",
        (Verdict::NotRecovered, _) if was_well => "is not well",
        (Verdict::NotRecovered, _) => "did not recover",
        (Verdict::Unknown, Some(RunOutcome::Succeeded)) if was_well => "nobody can tell whether it is well",
        (Verdict::Unknown, Some(RunOutcome::Succeeded)) => "nobody can tell whether it recovered",
        (Verdict::Unknown, _) => "its checks prove nothing of this run",
    };
    let how = match ended {
        None | Some(RunOutcome::Succeeded) => None,
        Some(RunOutcome::Refused) => Some("nothing ran"),
        Some(RunOutcome::Failed) => Some("it failed"),
        Some(RunOutcome::Undone) => Some("it was taken back"),
        Some(RunOutcome::Stopped) => Some("it was stopped"),
        Some(RunOutcome::Unknown) => Some("nobody knows how it ended"),
    };
    let measured = words(run.before, &run.goals());
    let service = &run.plan.service;
    match how {
        None => format!("{service} {goes}: {measured}"),
        Some(how) if ended == Some(RunOutcome::Refused) => format!("{service} {goes}: {how}; {measured}"),
        Some(how) => format!("{service} {goes}: {how}, {}; {measured}", run.reached().words()),
    }
}

/// Says before and now in one line: `down before, up now; errors 8.4 % → 0.1 %`.
pub fn words(before: Health, goals: &[Goal]) -> String {
    let now = goals.first().and_then(|goal| goal.now.as_deref()).unwrap_or("unknown");
    let rest =
        goals.iter().skip(1).filter(|goal| goal.met == Some(false) || goal.before.is_some() && goal.now.is_some());
    rest.fold(format!("{} before, {now} now", word(before)), |mut line, goal| {
        let (before, now) = (goal.before.as_deref(), goal.now.as_deref().unwrap_or("?"));
        line.push_str("; ");
        line.push_str(goal.name);
        line.push(' ');
        if let Some(before) = before {
            line.push_str(before);
            line.push_str(" → ");
        }
        line.push_str(now);
        if goal.met == Some(false) {
            line.push_str(" (");
            line.push_str(&goal.goal);
            line.push(')');
        }
        line
    })
}

/// When something was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// Before the change.
    Before,
    /// When the verdict was given.
    After,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(health: Health, error_pct: Option<f64>, p95_ms: Option<f64>) -> Measured {
        Measured { health: Some(health), error_pct, p95_ms, ..Measured::default() }
    }

    #[test]
    fn goals_are_what_was_good_before_or_the_general_ones() {
        use Health::{Down, Up};
        for (before, now, good, verdict) in [
            (measured(Down, None, None), measured(Up, None, None), true, Verdict::Recovered),
            (measured(Down, Some(8.4), None), measured(Up, Some(0.1), None), true, Verdict::Recovered),
            (measured(Down, Some(8.4), None), measured(Up, Some(5.1), None), false, Verdict::NotRecovered),
            (measured(Up, Some(3.0), None), measured(Up, Some(3.0), None), true, Verdict::Recovered),
            (measured(Up, None, Some(800.0)), measured(Up, None, Some(1_000.0)), true, Verdict::Recovered),
            (measured(Up, None, Some(800.0)), measured(Up, None, Some(2_000.0)), false, Verdict::NotRecovered),
            (measured(Up, Some(1.0), None), measured(Up, None, None), true, Verdict::Recovered),
            (measured(Up, None, None), measured(Down, None, None), false, Verdict::NotRecovered),
            (measured(Up, None, None), measured(Health::Unknown, None, None), false, Verdict::Unknown),
        ] {
            let goals = goals(Some(&before), None, &now);
            assert_eq!((is_good(&goals), super::verdict(&goals, true)), (good, verdict), "{before:?} {now:?}");
            // What did not do what it was to do on all hosts is never proved good, and may be proved bad.
            let never = if verdict == Verdict::Recovered { Verdict::Unknown } else { verdict };
            assert_eq!(super::verdict(&goals, false), never, "{before:?} {now:?}");
        }
    }

    #[test]
    fn new_errors_and_restarts_miss_their_goals_once_they_are_known() {
        let up = || measured(Health::Up, None, None);
        let restarts = |count| Measured { restarts: [("web-01".to_owned(), count)].into(), ..up() };
        let is_good = |first: Option<&Measured>, now: &Measured| is_good(&goals(None, first, now));
        assert!(is_good(None, &restarts(7)), "what was at first is unknown");
        assert!(is_good(Some(&restarts(7)), &restarts(7)));
        assert!(!is_good(Some(&restarts(7)), &restarts(8)));
        assert!(!is_good(None, &Measured { new_errors: Some(1), ..up() }));
        assert!(is_good(None, &Measured { new_errors: Some(0), latency_ms: Some(9_000), ..up() }), "one slow answer");
    }

    #[test]
    fn a_line_says_before_and_now_and_what_is_missed() {
        let (before, now) = (measured(Health::Down, Some(8.4), None), measured(Health::Up, Some(5.12), None));
        let line = words(Health::Down, &goals(Some(&before), None, &now));
        assert_eq!(line, "down before, up now; errors 8.4 % → 5.1 % (≤ 2.0 %)");
        assert_eq!(words(Health::Unknown, &[]), "unknown before, unknown now");
    }
}
