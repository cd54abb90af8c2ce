//! The onset of what an alert tells of a service, from what this console has measured.
use super::{NoOnset, Onset, Series, Unit, step};
use crate::core::{
    State,
    hosts::{HostState, Point},
    id::{HostName, ServiceId},
    services::{CheckState, Outcome},
    time::{HOUR, Timestamp},
};

/// How far before the alert is looked.
const BACK_MS: i64 = HOUR;
/// Answers that got slower by less are the same, in milliseconds.
const SLOWER_MS: f64 = 50.0;
/// Shares that rose by less are the same, in percent.
const HIGHER_PCT: f64 = 15.0;
/// Loads for each core that rose by less are the same.
const LOAD: f64 = 0.5;

/// What came of looking.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Estimate {
    /// The onset, where one can be told.
    pub onset: Option<Onset>,
    /// Every series that was looked at, and what was seen.
    pub looked: Vec<Looked>,
}

/// A series that was looked at.
#[derive(Clone, Debug, PartialEq)]
pub struct Looked {
    /// Which.
    pub what: String,
    /// The onset that it tells of, or why none.
    pub seen: Result<Onset, NoOnset>,
}

/// Estimates when what an alert tells of a service began: the earliest step among the outcomes and latencies of its checks; where they
/// tell of none, among the CPU, memory and load of its hosts, which may have another reason.
pub fn estimate(state: &State, service: &ServiceId, fired: Timestamp) -> Estimate {
    let Some(of) = state.services.service(service) else { return Estimate::default() };
    let own = of.checks.iter().flat_map(|check| [outcomes(check), latencies(check)]);
    let mut looked: Vec<Looked> = own.map(|series| look(&series, fired)).collect();
    let mut onset = earliest(&looked);
    if onset.is_none() {
        let hosts = estimate_on(state, &of.service.hosts, fired);
        onset = hosts.onset;
        looked.extend(hosts.looked);
    }
    Estimate { onset, looked }
}

/// Estimates when what was seen on hosts began, from their CPU, memory and load alone.
pub fn estimate_on(state: &State, hosts: &[HostName], fired: Timestamp) -> Estimate {
    let hosts = hosts.iter().filter_map(|host| state.hosts.host(host));
    let looked: Vec<Looked> = hosts.flat_map(of_host).map(|series| look(&series, fired)).collect();
    Estimate { onset: earliest(&looked), looked }
}

fn look(series: &Series, fired: Timestamp) -> Looked {
    let recent = series.values.iter().copied().filter(|(at, _)| fired.since(*at) <= BACK_MS).collect();
    Looked { what: series.what.clone(), seen: step(&Series { values: recent, ..series.clone() }, fired) }
}

fn earliest(looked: &[Looked]) -> Option<Onset> {
    looked.iter().filter_map(|looked| looked.seen.as_ref().ok()).min_by_key(|onset| onset.at).cloned()
}

/// Whether the check failed: a slow answer is none, and one that could not be made says nothing.
fn outcomes(check: &CheckState) -> Series {
    let value = |outcome| match outcome {
        Outcome::Up | Outcome::Degraded => Some(0.0),
        Outcome::Down => Some(1.0),
        Outcome::Unknown => None,
    };
    let values = check.history.iter().filter_map(|reading| Some((reading.slot, value(reading.outcome)?))).collect();
    Series { what: format!("check {}", check.spec.id.check), unit: Unit::Failed, floor: 0.5, values }
}

fn latencies(check: &CheckState) -> Series {
    let values = check.history.iter().filter_map(|reading| Some((reading.slot, f64::from(reading.took_ms?))));
    Series {
        what: format!("latency of {}", check.spec.id.check),
        unit: Unit::Milliseconds,
        floor: SLOWER_MS,
        values: values.collect(),
    }
}

fn of_host(host: &HostState) -> [Series; 3] {
    let values = |of: fn(&Point) -> Option<f32>| {
        // The last ten minutes are finer than the hour's means, which stand for what was before them.
        let from = host.recent().next().map_or(Timestamp(i64::MAX), |point| point.at);
        let points = host.hour().filter(|point| point.at < from).chain(host.recent());
        points.filter_map(|point| Some((point.at, f64::from(of(point)?)))).collect()
    };
    let series = |name: &str, unit, floor, of| Series {
        what: format!("{name} of {}", host.name),
        unit,
        floor,
        values: values(of),
    };
    [
        series("CPU", Unit::Percent, HIGHER_PCT, |point| point.cpu_pct),
        series("memory", Unit::Percent, HIGHER_PCT, |point| point.mem_pct),
        series("load", Unit::Plain, LOAD, |point| point.load_per_core),
    ]
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::core::{
        Msg,
        hosts::{self, HostSample},
        inventory::{Host, Inventory},
        runs::Actor,
        services::{
            self, Origin,
            testing::{check, id, result},
        },
        time::{Mono, Now},
        update,
    };

    fn state() -> State {
        let mut inventory: Inventory = services::testing::inventory(&[check("play@prod/page", 10_000, 5_000, 3)]);
        let mut service = (*inventory.services[0]).clone();
        service.hosts = vec!["web-01".into()];
        inventory.services = vec![Arc::new(service)];
        inventory.hosts = vec![Arc::new(Host::new("web-01"))];
        let inventory = Arc::new(inventory);
        let mut state = State::new(Arc::clone(&inventory), Actor { by: "ana".into(), from: "tty1".into() });
        _ = update(&mut state, Msg::InventoryReplaced { inventory, problems: Vec::new() }, now(0));
        state
    }

    fn now(at: i64) -> Now {
        Now { utc: Timestamp(at), mono: Mono(at.unsigned_abs()) }
    }

    fn answer(state: &mut State, at: i64, outcome: Outcome, took_ms: Option<u32>) {
        let result = services::CheckResult { took_ms, ..result("play@prod/page", at, outcome) };
        let msg = services::Msg::ResultArrived { result, origin: Origin::Measured };
        _ = update(state, Msg::Services(msg), now(at));
    }

    #[test]
    fn the_earliest_step_of_a_services_own_series_is_the_onset() {
        let mut state = state();
        for at in 0..40_i64 {
            let (outcome, took) = match at {
                0..30 => (Outcome::Up, Some(180 + u32::try_from(at % 5).unwrap())),
                30..34 => (Outcome::Degraded, Some(4_000)),
                _ => (Outcome::Down, None),
            };
            answer(&mut state, at * 10_000, outcome, took);
        }
        let estimate = estimate(&state, &id("play@prod/page").service, Timestamp(395_000));
        let onset = estimate.onset.unwrap();
        assert_eq!((onset.at, onset.words()), (Timestamp(300_000), "latency of page 182 ms → 4000 ms".into()));
        assert_eq!(estimate.looked.len(), 2, "hosts are not asked where the service tells it: {:?}", estimate.looked);
        let failed = estimate.looked[0].seen.as_ref().unwrap();
        assert_eq!((failed.at, &*failed.what), (Timestamp(340_000), "check page"));
    }

    #[test]
    fn hosts_are_looked_at_where_the_checks_tell_nothing() {
        let mut state = state();
        for at in 0..60_i64 {
            answer(&mut state, at * 10_000, Outcome::Up, Some(180));
            let cpu_pct = Some(if at < 40 { 21.0 } else { 97.0 });
            let sample = HostSample { at: Timestamp(at * 10_000), cpu_pct, ..HostSample::default() };
            let msg = hosts::Msg::SampleArrived { host: "web-01".into(), sample: Box::new(sample) };
            _ = update(&mut state, Msg::Hosts(msg), now(at * 10_000));
        }
        let service = id("play@prod/page").service;
        let told = estimate(&state, &service, Timestamp(600_000));
        assert_eq!(told.onset.unwrap().words(), "CPU of web-01 21.0 % → 97.0 %");
        let whats: Vec<&str> = told.looked.iter().map(|looked| &*looked.what).collect();
        assert_eq!(whats, ["check page", "latency of page", "CPU of web-01", "memory of web-01", "load of web-01"]);
        assert_eq!(told.looked[0].seen, Err(NoOnset::Constant { of: 60 }));
        let none = estimate(&state, &service, Timestamp(300_000));
        assert!(none.onset.is_none() && none.looked.iter().all(|looked| looked.seen.is_err()));
        assert_eq!(estimate(&state, &"no@prod".parse().unwrap(), Timestamp(0)), Estimate::default());
    }
}
