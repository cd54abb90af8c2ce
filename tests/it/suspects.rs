//! Every incident in `tests/fixtures/suspects`: the change that it was is among the first three suspects, and where it was none, none
//! convinces. The format stands in the README.md beside them.
use std::{collections::BTreeMap, path::Path, sync::Arc};

use quarterdeck::core::{
    id::{HostName, ServiceId},
    incidents::suspects::{Around, Change, History, Kind, Ranking, Source, Weights, merge, rank_with},
    inventory::{Inventory, Service},
    time::{HOUR, Timestamp, parse_duration},
};
use serde::Deserialize;

const ONSET: Timestamp = Timestamp(1_000_000 * HOUR);

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Scenario {
    title: String,
    service: ServiceId,
    services: Vec<Known>,
    last_good: String,
    #[serde(default)]
    history: Vec<Verdicts>,
    cause: Option<String>,
    changes: Vec<Changed>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Known {
    id: ServiceId,
    hosts: Vec<HostName>,
    #[serde(default)]
    needs: Vec<ServiceId>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Verdicts {
    kind: Kind,
    chosen: u32,
    ruled_out: u32,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Changed {
    id: String,
    before: Option<String>,
    after: Option<String>,
    kind: Kind,
    what: String,
    service: Option<ServiceId>,
    #[serde(default)]
    hosts: Vec<HostName>,
    by: Option<String>,
    source: Source,
}

fn millis(text: &str) -> i64 {
    i64::try_from(parse_duration(text).unwrap()).unwrap()
}

impl Changed {
    fn change(&self, shift: f64) -> Change {
        let away = match (&self.before, &self.after) {
            (Some(before), None) => -millis(before),
            (None, Some(after)) => millis(after),
            _ => panic!("{}: either before or after", self.id),
        };
        Change {
            service: self.service.clone(),
            hosts: self.hosts.clone(),
            by: self.by.clone(),
            // By which it is found again, whatever it was merged with.
            detail: vec![self.id.clone()],
            ..Change::new(ONSET + (away as f64 * shift) as i64, self.kind, self.what.as_str(), self.source)
        }
    }
}

impl Scenario {
    fn rank(&self, weights: &Weights, shift: f64) -> Ranking {
        let services = self.services.iter().map(|known| {
            Arc::new(Service {
                hosts: known.hosts.clone(),
                needs: known.needs.clone(),
                ..Service::new(known.id.clone())
            })
        });
        let inventory = Inventory { services: services.collect(), ..Inventory::default() };
        let mut history = History::default();
        for of in &self.history {
            (0..of.chosen).for_each(|_| history.note(Some(&self.service), of.kind, true));
            (0..of.ruled_out).for_each(|_| history.note(Some(&self.service), of.kind, false));
        }
        let around = Around {
            onset: ONSET,
            not_before: ONSET - (millis(&self.last_good) as f64 * shift) as i64,
            service: Some(&self.service),
            hosts: &inventory.service(&self.service).unwrap().hosts,
            inventory: &inventory,
            history: &history,
        };
        let changes = self.changes.iter().map(|change| change.change(shift)).collect();
        rank_with(weights, &merge(changes), around)
    }

    /// Returns the place of the cause, from 1; 0 where the answer is none and none convinces.
    fn place(&self, weights: &Weights, shift: f64) -> Result<usize, String> {
        let ranking = self.rank(weights, shift);
        let convincing: Vec<_> = ranking.convincing().collect();
        let told =
            || ranking.suspects.iter().take(4).map(|of| format!("{:.3} {} {:?}", of.score, of.change.line(), of.why));
        let told = || told().collect::<Vec<_>>().join("\n");
        match &self.cause {
            None if convincing.is_empty() => Ok(0),
            None => Err(told()),
            Some(cause) => match convincing.iter().position(|suspect| suspect.change.detail.contains(cause)) {
                Some(place @ 0..3) => Ok(place + 1),
                _ => Err(told()),
            },
        }
    }
}

fn scenarios() -> BTreeMap<String, Scenario> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/suspects");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = files.filter(|path| path.extension().is_some_and(|of| of == "json"));
    files
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let read = serde_json::from_slice(&std::fs::read(&path).unwrap());
            (name.clone(), read.unwrap_or_else(|error| panic!("{name}: {error}")))
        })
        .collect()
}

#[test]
fn the_right_suspect_is_among_the_first_three_or_none_convinces() {
    let all = scenarios();
    assert!(all.len() >= 14 && all.values().filter(|scenario| scenario.cause.is_none()).count() >= 2);
    let (mut first, mut with_cause) = (0, 0);
    for (name, scenario) in &all {
        let decoys = scenario.changes.iter().filter(|change| Some(&change.id) != scenario.cause.as_ref()).count();
        assert!(decoys >= 8, "{name}: {decoys} decoys");
        assert!(
            scenario.cause.as_ref().is_none_or(|cause| scenario.changes.iter().any(|of| of.id == *cause)),
            "{name}"
        );
        match scenario.place(&Weights::default(), 1.0) {
            Ok(place) => {
                println!(
                    "{name}: {} — {}",
                    if place == 0 { "none".to_owned() } else { place.to_string() },
                    scenario.title
                );
                with_cause += usize::from(place > 0);
                first += usize::from(place == 1);
            }
            Err(told) => panic!("{name}: {}\n{told}", scenario.title),
        }
    }
    println!("first in {first} of {with_cause}");
    assert!(first * 4 >= with_cause * 3, "first in {first} of {with_cause} only");
}

#[test]
fn it_does_not_hang_on_the_exact_times() {
    for (name, scenario) in scenarios() {
        for shift in [0.8, 0.9, 1.1, 1.2] {
            scenario.place(&Weights::default(), shift).unwrap_or_else(|told| panic!("{name} × {shift}:\n{told}"));
        }
    }
}

#[test]
fn it_does_not_hang_on_a_decoy() {
    for (name, scenario) in scenarios() {
        for out in 0..scenario.changes.len() {
            let mut fewer = scenario.clone();
            let gone = fewer.changes.remove(out).id;
            if scenario.cause.as_ref() == Some(&gone) {
                continue;
            }
            fewer.place(&Weights::default(), 1.0).unwrap_or_else(|told| panic!("{name} without {gone}:\n{told}"));
        }
    }
}

/// Each weight a quarter more and less, one at a time, as if somebody else had guessed it: hardly an answer changes.
#[test]
fn it_does_not_hang_on_the_exact_weights() {
    let mut others = Vec::new();
    for factor in [0.75, 1.25] {
        for kind in Kind::ALL {
            let mut breaks = Weights::default();
            breaks.kinds.get_mut(&kind).unwrap().breaks *= factor;
            let mut half = Weights::default();
            let of = half.kinds.get_mut(&kind).unwrap();
            of.half_ms = (of.half_ms as f64 * factor) as i64;
            others
                .extend([(format!("{kind:?} breaks × {factor}"), breaks), (format!("{kind:?} half × {factor}"), half)]);
        }
        for (name, change) in [
            (
                "host",
                (|places, factor| places.host *= factor)
                    as fn(&mut quarterdeck::core::incidents::suspects::Places, f64),
            ),
            ("need", |places, factor| places.need *= factor),
            ("need_host", |places, factor| places.need_host *= factor),
            ("neighbour", |places, factor| places.neighbour *= factor),
            ("elsewhere", |places, factor| places.elsewhere *= factor),
        ] {
            let mut weights = Weights::default();
            change(&mut weights.places, factor);
            others.push((format!("{name} × {factor}"), weights));
        }
    }
    let all = scenarios();
    let mut wrong = Vec::new();
    for (what, weights) in &others {
        for (name, scenario) in &all {
            if scenario.place(weights, 1.0).is_err() {
                wrong.push(format!("{name}: {what}"));
            }
        }
    }
    let of = others.len() * all.len();
    println!("{} of {of} answers are others: {wrong:?}", wrong.len());
    assert!(wrong.len() * 50 <= of, "{} of {of}: {wrong:#?}", wrong.len());
}
