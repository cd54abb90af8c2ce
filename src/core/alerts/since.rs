//! What an alert says of the time from a moment on: a window that reaches back over it holds what was before it, too.
use super::{Alert, State, metric, state::Restarts};
use crate::core::time::{MINUTE, Mono, Now, Timestamp};

impl State {
    /// Says whether what was measured from a moment on breaks an alert's rule by itself, without what was before it.
    ///
    /// Restarts are counted from there; a window counts once it lies behind the moment whole; what must stand for a while stands
    /// from there. Where nobody knows the rule any more, it is taken for new: a regression that is hidden is worse.
    pub fn breaks_since(&self, alert: &Alert, from: Timestamp, now: Now) -> bool {
        let Some(rule) = self.rule(&alert.rule) else { return true };
        let passed = |since: Timestamp| u64::try_from(now.utc.since(since)).unwrap_or(0);
        if passed(alert.since.max(from)) < rule.for_ms {
            return false;
        }
        let key = (alert.rule.clone(), alert.target.clone());
        let last = self.live.get(&key).map_or(alert.value, |live| live.value);
        let window = metric(&rule.metric).map_or(0, |metric| metric.window_ms);
        let value = match self.restarts_of(&rule.metric, &alert.target) {
            Some(restarts) => Some(restarts.since(passed(from), now.mono)),
            None => last.filter(|_| passed(from) >= window),
        };
        value.is_some_and(|value| rule.is_bad(value))
    }

    /// Says whether an alert tells how it was over a long time rather than how it is.
    pub fn looks_back(&self, alert: &Alert) -> bool {
        let metric = self.rule(&alert.rule).and_then(|rule| metric(&rule.metric));
        metric.is_some_and(|metric| metric.window_ms > MINUTE.unsigned_abs())
    }
}

impl Restarts {
    /// Returns by how much the counter grew in the last so many milliseconds: between the first reading in them and the last.
    fn since(&self, ms: u64, now: Mono) -> f64 {
        let first = self.counts.iter().find(|(at, _)| now.since(*at) <= ms);
        let grown = first.zip(self.counts.back()).map(|((_, first), (_, last))| last.saturating_sub(*first));
        grown.map_or(0.0, |grown| grown as f64)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{
        super::{Measurement, Msg, RuleSpec, Target, builtin_rules, listed, process, update},
        *,
    };
    use crate::core::{inventory::Inventory, time::SECOND};

    /// Rules without a configuration, at work.
    struct Bench {
        state: State,
        inventory: Inventory,
    }

    fn at(second: i64) -> Now {
        Now { utc: Timestamp(second * SECOND), mono: Mono((second * SECOND).unsigned_abs()) }
    }

    impl Bench {
        fn new() -> Self {
            let rules = builtin_rules().into_iter().map(Arc::<RuleSpec>::new).collect();
            let mut bench = Self { state: State::default(), inventory: Inventory { rules, ..Inventory::default() } };
            bench.send(0, Msg::InventoryReplaced);
            bench.send(0, Msg::RecordingStarted);
            bench
        }

        fn send(&mut self, second: i64, msg: Msg) {
            _ = update(&mut self.state, msg, at(second), &self.inventory);
        }

        fn listed(&mut self, second: i64, restarts: u32) {
            self.send(second, listed(vec![process("play", "online", restarts)], true));
        }

        fn measured(&mut self, second: i64, metric: &'static str, value: f64, stood_ms: u64) {
            let target = Target::Service("play@prod".parse().unwrap());
            let of = Measurement { stood_ms, holds_ms: 600_000, ..Measurement::new(metric, target, Some(value)) };
            self.send(second, Msg::Measured(vec![of]));
        }

        fn breaks(&self, from: i64, second: i64) -> bool {
            let firing: Vec<&Alert> = self.state.firing().collect();
            assert_eq!(firing.len(), 1, "at {second}");
            self.state.breaks_since(firing[0], Timestamp(from * SECOND), at(second))
        }
    }

    #[test]
    fn restarts_from_before_are_not_counted_and_new_ones_are() {
        // Seven within the minute before it was mended at 100 s; then so many more, read at these moments.
        let nights: [(&[(i64, u32)], bool); 4] = [
            (&[(110, 7), (200, 7), (500, 7)], false),
            (&[(110, 7), (200, 11)], false),
            (&[(110, 7), (200, 12)], true),
            // Read late: what was between the last look before and the first one after is nobody's.
            (&[(130, 12), (140, 12)], false),
        ];
        for (later, breaks) in nights {
            let mut bench = Bench::new();
            for (second, restarts) in [(10, 0), (40, 3), (90, 7)].into_iter().chain(later.iter().copied()) {
                bench.listed(second, restarts);
            }
            let last = later.last().unwrap().0;
            assert_eq!(bench.breaks(100, last), breaks, "{later:?}");
            assert!(bench.state.firing().all(|alert| bench.state.looks_back(alert)));
            assert!(bench.breaks(0, last), "of all of it, it breaks the rule");
        }
    }

    #[test]
    fn a_window_counts_once_it_lies_behind_and_what_must_stand_stands_from_there() {
        // A rate of the last minute that is bad from 0 s on and fires at 120 s; mended at 90 s.
        let mut bench = Bench::new();
        for second in (0..=240).step_by(10) {
            bench.measured(second, "log.error_rate", 8.0, 0);
        }
        assert_eq!([130, 149, 209, 210].map(|second| bench.breaks(90, second)), [false, false, false, true]);
        // Good enough not to break the rule, though not so good that it clears.
        bench.measured(250, "log.error_rate", 1.5, 0);
        assert!(!bench.breaks(90, 250));
        // A check that failed for the first time before, and says so after: it is down now.
        let mut bench = Bench::new();
        bench.measured(100, "service.down", 1.0, 20_000);
        assert!(bench.breaks(90, 100) && bench.state.firing().all(|alert| !bench.state.looks_back(alert)));
    }
}
