//! The score of a change, and its reasons.
use std::collections::BTreeMap;

use super::{Change, Kind};
use crate::core::{
    id::{HostName, ServiceId},
    inventory::Inventory,
    time::{MINUTE, Timestamp, precise},
};

/// From this score on a suspect convinces.
///
/// Chosen once, by what one would wake a colleague for, and not by the scenarios: the weakest that is to convince is a deploy of what
/// the service needs, half an hour before (0.65 × 0.5 = 0.33), the strongest that is not is a login on its host at the very moment
/// (0.8 × 0.15 = 0.12). This lies in the middle between them.
pub const CONVINCING: f64 = 0.2;
/// Suspects below are not listed: far away, or days ago.
const LISTED: f64 = 0.005;
/// How far services that are needed are followed.
const DEEP: usize = 4;

/// What is known around an incident.
#[derive(Clone, Copy, Debug)]
pub struct Around<'a> {
    /// When it began: what changed later is no suspect.
    pub onset: Timestamp,
    /// The last moment at which all was well: it began after it, so what changed in between was made at the very moment.
    pub not_before: Timestamp,
    /// The service.
    pub service: Option<&'a ServiceId>,
    /// Its hosts; where it is about no service, the hosts that it is about.
    pub hosts: &'a [HostName],
    /// What there is, and what needs what.
    pub inventory: &'a Inventory,
    /// What came of earlier suspects.
    pub history: &'a History,
}

/// What came of suspects in earlier incidents, by service and kind.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    of: BTreeMap<(Option<ServiceId>, Kind), Tally>,
}

/// How often a kind was what broke it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Incidents in which a person chose one of its kind.
    pub chosen: u32,
    /// Incidents in which the most of its kind could be was ruled out.
    pub ruled_out: u32,
}

/// What a kind weighs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Weight {
    /// How often such a change breaks something, from 0 to 1, where nothing else is known.
    pub breaks: f64,
    /// After how many milliseconds it is half as suspicious.
    pub half_ms: i64,
}

/// What nearness weighs, from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Places {
    /// The service itself.
    pub same: f64,
    /// One of its hosts as a whole.
    pub host: f64,
    /// A service that it needs; one that this needs, the square, and so on.
    pub need: f64,
    /// A host of such a service, as a part of what the service itself would weigh.
    pub need_host: f64,
    /// Another service on one of its hosts.
    pub neighbour: f64,
    /// Nobody knows where.
    pub anywhere: f64,
    /// Somewhere else.
    pub elsewhere: f64,
}

/// All weights.
#[derive(Clone, Debug, PartialEq)]
pub struct Weights {
    /// By kind.
    pub kinds: BTreeMap<Kind, Weight>,
    /// By nearness.
    pub places: Places,
}

/// A change and what speaks for it.
#[derive(Clone, Debug, PartialEq)]
pub struct Suspect {
    /// The change.
    pub change: Change,
    /// From 0 to 1. It is no probability: it only puts suspects in order.
    pub score: f64,
    /// Milliseconds from it to the onset.
    pub before_ms: i64,
    /// Why, strongest first: `28 s before the onset`, `same service`.
    pub why: Vec<String>,
}

/// All suspects, the strongest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ranking {
    /// Those worth listing.
    pub suspects: Vec<Suspect>,
    /// Changes after the onset: they can have broken nothing.
    pub later: usize,
    /// Changes that are too far away in time or place to be listed.
    pub far: usize,
    /// Jobs and logins like one that is listed, before it.
    pub folded: usize,
}

impl Ranking {
    /// Returns the suspects that convince; none: none convincing.
    pub fn convincing(&self) -> impl Iterator<Item = &Suspect> {
        self.suspects.iter().filter(|suspect| suspect.score >= CONVINCING)
    }
}

impl History {
    /// Notes a verdict.
    pub fn note(&mut self, service: Option<&ServiceId>, kind: Kind, chosen: bool) {
        let tally = self.of.entry((service.cloned(), kind)).or_default();
        if chosen {
            tally.chosen += 1;
        } else {
            tally.ruled_out += 1;
        }
    }

    /// Returns what came of a kind.
    pub fn tally(&self, service: Option<&ServiceId>, kind: Kind) -> Tally {
        self.of.get(&(service.cloned(), kind)).copied().unwrap_or_default()
    }
}

impl Tally {
    /// What it weighs: 1 where nothing is known, up to 1.5 for a kind that always was it, down to 0.5 for one that never was
    /// (Laplace's rule of succession, so that one time is no proof).
    fn weight(self) -> f64 {
        0.5 + f64::from(self.chosen + 1) / f64::from(self.chosen + self.ruled_out + 2)
    }
}

impl Default for Weights {
    /// What post-mortems say in general, and no more exact than that: most outages follow a new version or a configuration that was
    /// changed by hand ("Site Reliability Engineering", 2016: some 70 % follow a change in a live system); what is started anew without a change, jobs
    /// and logins mostly go by; a silence breaks nothing, but tells that somebody was at work.
    fn default() -> Self {
        let kinds = [
            (Kind::Deploy, 1.0, 30),
            (Kind::Config, 0.8, 30),
            (Kind::Reboot, 0.8, 10),
            (Kind::Package, 0.6, 30),
            (Kind::Certificate, 0.6, 20),
            (Kind::Restart, 0.5, 5),
            (Kind::Cron, 0.4, 5),
            (Kind::Login, 0.15, 10),
            (Kind::Silence, 0.05, 10),
        ];
        let kinds = kinds.map(|(kind, breaks, minutes)| (kind, Weight { breaks, half_ms: minutes * MINUTE }));
        let places = Places {
            same: 1.0,
            host: 0.8,
            need: 0.65,
            need_host: 0.8,
            neighbour: 0.35,
            anywhere: 0.3,
            elsewhere: 0.03,
        };
        Self { kinds: kinds.into(), places }
    }
}

/// Ranks changes. Those that tell of one are to be one already: see [`merge`](super::merge).
pub fn rank(changes: &[Change], around: Around<'_>) -> Ranking {
    rank_with(&Weights::default(), changes, around)
}

/// Ranks by other weights, to see how much depends on them.
pub fn rank_with(weights: &Weights, changes: &[Change], around: Around<'_>) -> Ranking {
    let mut ranking = Ranking::default();
    let needs = needs(around);
    for change in changes {
        if change.at > around.onset {
            ranking.later += 1;
            continue;
        }
        if comes_again(change, changes, around.onset) {
            ranking.folded += 1;
            continue;
        }
        let suspect = judge(weights, change, changes, around, &needs);
        if suspect.score < LISTED {
            ranking.far += 1;
        } else {
            ranking.suspects.push(suspect);
        }
    }
    ranking.suspects.sort_by(|a, b| {
        let by = b.score.total_cmp(&a.score).then(b.change.at.cmp(&a.change.at));
        by.then_with(|| a.change.what.cmp(&b.change.what))
    });
    ranking
}

fn judge(
    weights: &Weights,
    change: &Change,
    all: &[Change],
    around: Around<'_>,
    needs: &BTreeMap<&ServiceId, Need<'_>>,
) -> Suspect {
    let weight = weights.kinds.get(&change.kind).copied().unwrap_or(Weight { breaks: 0.0, half_ms: 1 });
    let before_ms = around.onset.since(change.at);
    // What was made after the last good value was made at the very moment, as far as anybody can tell.
    let distance = around.not_before.since(change.at).max(0);
    let time = 1.0 / (1.0 + distance as f64 / weight.half_ms.max(1) as f64);
    let (near, place) = place(&weights.places, change, around, needs);
    let tally = around.history.tally(around.service, change.kind);
    let often = routine(change, all);
    let score = (time * near * weight.breaks * tally.weight() / (often + 1) as f64).min(1.0);
    let mut why = vec![match before_ms {
        0..1_000 => "at the onset".to_owned(),
        _ => format!("{} before the onset", spaced(before_ms)),
    }];
    why.extend(place);
    let of = tally.chosen + tally.ruled_out;
    if of > 0 {
        why.push(match tally.chosen {
            0 => format!("this kind never broke it, of {of} times"),
            chosen => format!("this kind broke it {chosen} of {of} times"),
        });
    }
    if often > 0 {
        why.push(format!("{often} more like it in this time"));
    }
    Suspect { change: change.clone(), score, before_ms, why }
}

fn spaced(ms: i64) -> String {
    let ms = ms.unsigned_abs();
    if ms < 60_000 { format!("{} s", ms / 1_000) } else { precise(ms) }
}

/// Counts how often else the same happened: what comes every few minutes is near everything.
fn routine(change: &Change, all: &[Change]) -> usize {
    all.iter().filter(|other| is_like(change, other)).count()
}

/// Says whether the same happened once more before the onset: the nearest stands for all.
fn comes_again(change: &Change, all: &[Change], onset: Timestamp) -> bool {
    all.iter().any(|other| is_like(change, other) && (change.at..=onset).contains(&other.at))
}

fn is_like(change: &Change, other: &Change) -> bool {
    matches!(change.kind, Kind::Cron | Kind::Login)
        && other.kind == change.kind
        && other.what == change.what
        && other.hosts == change.hosts
        && other.at != change.at
}

/// A service that is needed, directly or by one that is.
struct Need<'a> {
    /// How many steps away: 1 is needed by the service itself.
    steps: usize,
    /// Who needs it.
    by: &'a ServiceId,
    hosts: &'a [HostName],
}

fn needs(around: Around<'_>) -> BTreeMap<&ServiceId, Need<'_>> {
    let mut found: BTreeMap<&ServiceId, Need<'_>> = BTreeMap::new();
    let mut edge: Vec<&ServiceId> = around.service.into_iter().collect();
    for steps in 1..=DEEP {
        let mut next = Vec::new();
        for by in edge {
            let Some(service) = around.inventory.service(by) else { continue };
            for id in &service.needs {
                if Some(id) != around.service && !found.contains_key(id) {
                    let hosts = around.inventory.service(id).map(|of| of.hosts.as_slice()).unwrap_or_default();
                    found.insert(id, Need { steps, by: &service.id, hosts });
                    next.push(id);
                }
            }
        }
        edge = next;
    }
    found
}

/// How near a change is to the service, and what to say of it.
fn place(
    places: &Places,
    change: &Change,
    around: Around<'_>,
    needs: &BTreeMap<&ServiceId, Need<'_>>,
) -> (f64, Option<String>) {
    let shared = |hosts: &[HostName]| change.hosts.iter().find(|host| hosts.contains(host)).cloned();
    let here = shared(around.hosts);
    let far = |steps: usize| places.need.powi(i32::try_from(steps).unwrap_or(i32::MAX));
    if let Some(of) = &change.service {
        if Some(of) == around.service {
            return (places.same, Some("same service".to_owned()));
        }
        if let Some(need) = needs.get(of) {
            return (far(need.steps), Some(format!("{} needs it", need.by.service)));
        }
        return match here {
            Some(host) => (places.neighbour, Some(format!("on the same host, {host}"))),
            None => (places.elsewhere, Some("another service, on other hosts".to_owned())),
        };
    }
    if let Some(host) = here {
        return (places.host, Some(format!("same host, {host}")));
    }
    let of_need = needs.iter().filter_map(|(id, need)| Some((need.steps, *id, shared(need.hosts)?, need.by)));
    if let Some((steps, id, host, by)) = of_need.min_by_key(|(steps, ..)| *steps) {
        let words = format!("on {host}, where {} runs, which {} needs", id.service, by.service);
        return (far(steps) * places.need_host, Some(words));
    }
    if change.hosts.is_empty() {
        return (places.anywhere, None);
    }
    (places.elsewhere, Some("on other hosts".to_owned()))
}
