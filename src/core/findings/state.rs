//! What is known of findings, and when the scanner is asked again.
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{End, Event, Finding, MOST, Order, Pull, Scanner, Status, Told, Vuln};
use crate::core::{
    id::{HostName, ServiceId},
    inventory::{Host, Inventory},
    time::{DAY, HOUR, MINUTE, Mono, Now, Timestamp},
};

/// Findings that a list shows; a filter finds the others.
pub const LISTED: usize = 500;
/// How long what the library says of a vulnerability is not asked again.
const LIBRARY_MS: i64 = 14 * DAY;
/// How often all there is is asked for, and not only what changed.
const ALL_MS: i64 = DAY;
/// How soon a person may have it asked again.
const AGAIN_MS: i64 = 5 * MINUTE;
/// After this nobody waits for the end of a pull any more.
const LOST_MS: u64 = 3_600_000;

/// What is known of findings.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    findings: BTreeMap<Arc<str>, Arc<Finding>>,
    /// Keys in the order in which they are listed.
    order: Vec<Arc<str>>,
    pull: Option<Pull>,
    /// The last pull until it is on disk: where that fails, the scanner is not asked all the time.
    unsaved: Option<Pull>,
    asking: Option<Mono>,
}

/// Where a finding is, of the hosts that are configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// On this one.
    Host(HostName),
    /// On one that nobody configured.
    Nowhere,
    /// Several fit, or its address is of one and its name of another.
    Unclear,
}

impl State {
    /// Takes what was committed, by whomever.
    pub fn stored(&mut self, events: Vec<Event>) {
        let changed = events.iter().any(|event| matches!(event, Event::Found(_)));
        for event in events {
            match event {
                Event::Found(finding) => {
                    let key: Arc<str> = finding.key.as_str().into();
                    if self.findings.len() < MOST || self.findings.contains_key(&key) {
                        self.findings.insert(key, Arc::new(*finding));
                    }
                }
                Event::Pulled(pull) => {
                    self.pull = Some(pull);
                    self.unsaved = None;
                }
            }
        }
        if changed {
            let mut all: Vec<(&Arc<str>, &Arc<Finding>)> = self.findings.iter().collect();
            // What is there, then what was; the worst first, what nobody rated among them; of the same what fails PCI, then the newest.
            all.sort_by_key(|(_, of)| {
                let severity = of.severity.map_or(45, |severity| 10 * i16::from(severity));
                (!of.is_open(), -severity, of.pci() != Some(true), std::cmp::Reverse(of.last))
            });
            self.order = all.into_iter().map(|(key, _)| Arc::clone(key)).collect();
        }
    }

    /// Returns the last pull.
    pub fn pull(&self) -> Option<&Pull> {
        self.pull.as_ref()
    }

    /// Says whether the scanner is being asked from here.
    pub fn is_asking(&self) -> bool {
        self.asking.is_some()
    }

    /// Returns a finding.
    pub fn finding(&self, key: &str) -> Option<&Arc<Finding>> {
        self.findings.get(key)
    }

    /// Iterates over all findings: what is there first, the worst of it on top.
    pub fn listed(&self) -> impl Iterator<Item = (&Arc<str>, &Arc<Finding>)> {
        self.order.iter().filter_map(|key| self.findings.get_key_value(key))
    }

    /// Returns when the next pull is due; none: not by itself.
    pub fn next(&self, scanner: &Scanner) -> Option<Timestamp> {
        self.unsaved.as_ref().or(self.pull.as_ref()).map_or(Some(Timestamp(0)), |pull| pull.next(scanner))
    }

    /// Returns why a person cannot have it asked now.
    pub fn why_not(&self, now: Timestamp) -> Option<String> {
        if self.is_asking() {
            return Some("it is being asked already".to_owned());
        }
        let pull = self.unsaved.as_ref().or(self.pull.as_ref())?;
        let soonest = match &pull.end {
            End::Later { wait_ms, .. } => pull.at + *wait_ms,
            End::Whole | End::Denied { .. } | End::Failed { .. } => pull.at + AGAIN_MS,
        };
        (now >= pull.at && now < soonest).then(|| format!("not before {}: its calls are counted", soonest.rfc3339()))
    }

    /// Returns what is to be asked, where that is due; a person may have it asked before.
    pub fn ask(&mut self, scanner: &Arc<Scanner>, now: Now, wanted: bool) -> Option<Order> {
        if self.asking.is_some_and(|since| now.mono.since(since) >= LOST_MS) {
            self.asking = None;
        }
        let due = wanted || self.next(scanner).is_some_and(|next| next <= now.utc);
        if self.is_asking() || !due {
            return None;
        }
        self.asking = Some(now.mono);
        let same = self.pull.as_ref().filter(|pull| pull.scope == scanner.scope());
        let lately = |pull: &&Pull| pull.all.is_some_and(|all| now.utc.since(all) < ALL_MS - HOUR);
        let fresh = |vuln: &Vuln| now.utc.since(vuln.asked) < LIBRARY_MS;
        let known = self.findings.values().filter(|of| of.vuln.as_ref().is_some_and(fresh));
        Some(Order {
            scanner: Arc::clone(scanner),
            since: same.filter(lately).and_then(|pull| pull.cursor),
            known: known.map(|of| of.qid).collect(),
            at: now.utc,
        })
    }

    /// Compares what was told with what is known, and returns what is new, with the pull at its end.
    pub fn pulled(&mut self, order: &Order, told: Told, now: Timestamp) -> Vec<Event> {
        self.asking = None;
        let Told { findings, mut vulns, server, remaining, mut notes, end } = told;
        for of in self.findings.values() {
            if let Some(vuln) = &of.vuln {
                vulns.entry(of.qid).or_insert_with(|| vuln.clone());
            }
        }
        let (count, mut new, mut seen) = (findings.len(), Vec::new(), BTreeSet::new());
        let mut room = MOST.saturating_sub(self.findings.len());
        let mut left_out = 0_usize;
        for told in findings {
            let known = self.findings.get(told.key.as_str());
            let first = seen.insert(told.key.clone());
            // What was fixed before it was ever known is no news; and of two with one key the first is right.
            if !first || known.is_none() && told.status == Status::Fixed {
                continue;
            }
            if known.is_none() && room == 0 {
                left_out += 1;
                continue;
            }
            room -= usize::from(known.is_none());
            let at = known.map_or(now, |known| known.at);
            let found = Finding { vuln: vulns.get(&told.qid).cloned(), at, ..told };
            if known.is_none_or(|known| **known != found) {
                new.push(Event::Found(Box::new(Finding { at: now, ..found })));
            }
        }
        if left_out > 0 {
            notes.push(format!("{left_out} more are not kept: {MOST} are the most"));
        }
        let (whole, all) = (end == End::Whole, order.since.is_none());
        if whole && all {
            let gone = self.findings.values().filter(|of| of.is_open() && !seen.contains(&of.key));
            new.extend(
                gone.map(|of| Event::Found(Box::new(Finding { gone: Some(now), at: now, ..Finding::clone(of) }))),
            );
        }
        let (login, scope) = (order.scanner.login(), order.scanner.scope());
        let before = self.pull.as_ref().filter(|pull| pull.scope == scope);
        let cursor = before.and_then(|pull| pull.cursor);
        let pull = Pull {
            at: now,
            login,
            all: if whole && all { Some(now) } else { before.and_then(|pull| pull.all) },
            whole: if whole { Some(now) } else { before.and_then(|pull| pull.whole) },
            // After all was asked for, changes are asked for from before it: they tell what of it was fixed.
            cursor: if whole && (!all || cursor.is_none()) { server.or(cursor) } else { cursor },
            scope,
            told: count,
            remaining,
            notes,
            tries: if whole { 0 } else { self.pull.as_ref().map_or(0, |pull| pull.tries) + 1 },
            end,
        };
        self.unsaved = Some(pull.clone());
        new.push(Event::Pulled(pull));
        new
    }
}

/// Finds the host that a scanner means: by its address, its name in the DNS, or its own. Nothing is guessed.
pub fn host_of(finding: &Finding, inventory: &Inventory) -> Found {
    let asset = &finding.asset;
    let same = |one: &str, other: Option<&String>| other.is_some_and(|other| other.eq_ignore_ascii_case(one));
    let fits = |host: &Host| {
        let by_address = [&asset.ip, &asset.dns].into_iter().any(|of| same(&host.address, of.as_ref()));
        by_address || [&asset.dns, &asset.name].into_iter().any(|of| same(host.name.as_str(), of.as_ref()))
    };
    let mut all = inventory.hosts.iter().filter(|host| fits(host));
    match (all.next(), all.next()) {
        (Some(host), None) => Found::Host(host.name.clone()),
        (None, _) => Found::Nowhere,
        (Some(_), Some(_)) => Found::Unclear,
    }
}

/// Returns the services that run on a host.
pub fn services_on(host: &HostName, inventory: &Inventory) -> Vec<ServiceId> {
    let on = inventory.services.iter().filter(|service| service.hosts.contains(host));
    on.map(|service| service.id.clone()).collect()
}
