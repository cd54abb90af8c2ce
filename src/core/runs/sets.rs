//! Two sets of hosts, of which users are served by one: what is brought out goes onto the other, and then the balancers lead there.
use std::{collections::BTreeMap, fmt::Write as _};

use serde::{Deserialize, Serialize};

use super::{Run, Share, StepEnd, Strategy, Way};
use crate::core::id::HostName;

/// What the step ends with that cannot tell any more where its balancer leads; every other end leaves it where it was or is to be.
pub const ASTRAY: i32 = 70;

/// Hosts that serve users together, or none of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostSet {
    /// What the configuration calls it: `green`.
    pub name: String,
    /// Its hosts.
    pub hosts: Vec<HostName>,
}

/// The two sets of a service, as the configuration has them.
#[derive(Clone, Debug, PartialEq)]
pub struct TwoSets {
    /// Both; every host of the service is in one of them.
    pub sets: [HostSet; 2],
    /// In which order the hosts of a set are changed that serves nobody.
    pub within: Strategy,
    /// How users are led to one of them.
    pub switch: Switch,
}

/// How balancers lead users to one of two sets.
#[derive(Clone, Debug, PartialEq)]
pub struct Switch {
    /// The balancers, in the order in which they are switched.
    pub on: Vec<HostName>,
    /// The symbolic link there that their configuration includes.
    pub link: String,
    /// What it leads to for each set, in the order of [`TwoSets::sets`].
    pub files: [String; 2],
    /// The words of the command that tests their configuration.
    pub test: Vec<String>,
    /// The words of the command that has them take it.
    pub reload: Vec<String>,
    /// Whether all this needs sudo.
    pub sudo: bool,
}

/// The two sets in a plan, as its balancers were read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sides {
    /// The set that serves users when it is planned.
    pub live: HostSet,
    /// The other one.
    pub idle: HostSet,
    /// The balancers that are led to `idle`, one after the other once it is well; none where nothing is switched.
    pub balancers: Vec<HostName>,
    /// The order of the hosts of both sets.
    pub waves: Vec<Vec<HostName>>,
    /// To which set each balancer leads that says so, where they do not agree that it is `live`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub led: Option<BTreeMap<HostName, String>>,
}

impl TwoSets {
    /// Returns the set of a name, the file that leads to it and the other set.
    pub fn named(&self, name: &str) -> Option<(&HostSet, &str, &HostSet)> {
        let ([one, other], [first, second]) = (&self.sets, &self.switch.files);
        match name {
            _ if name == one.name => Some((one, first, other)),
            _ if name == other.name => Some((other, second, one)),
            _ => None,
        }
    }
}

impl Sides {
    /// Divides hosts into waves: those of the sets in their order, then one balancer after the other. Every host is in exactly one.
    pub(super) fn waves(&self, hosts: &[HostName]) -> Vec<Vec<HostName>> {
        let planned = self.waves.iter().map(|wave| wave.iter().filter(|host| hosts.contains(host)).cloned().collect());
        let mut waves: Vec<Vec<HostName>> = planned.filter(|wave: &Vec<HostName>| !wave.is_empty()).collect();
        let lone = hosts.iter().filter(|host| !self.waves.iter().any(|wave| wave.contains(host)));
        waves.extend(lone.map(|host| vec![host.clone()]));
        waves
    }

    /// Says it in words: `green while blue serves, then lb-01, lb-02`.
    pub(super) fn words(&self) -> String {
        let (idle, live) = (&self.idle.name, &self.live.name);
        let names: Vec<&str> = self.balancers.iter().map(HostName::as_str).collect();
        let then = if names.is_empty() { live.clone() } else { format!("{} one by one", names.join(", ")) };
        format!("{idle} while {live} serves, then {then}")
    }

    /// Says what a host is: `green`, `blue, live`, `balancer`.
    pub fn role(&self, host: &HostName) -> Option<String> {
        if self.balancers.contains(host) {
            return Some("balancer".to_owned());
        }
        if self.live.hosts.contains(host) {
            return Some(format!("{}, live", self.live.name));
        }
        self.idle.hosts.contains(host).then(|| self.idle.name.clone())
    }

    /// Says whether a host leads users to the sets, and is in none of them.
    pub fn leads(&self, host: &HostName) -> bool {
        self.balancers.contains(host)
    }
}

impl Run {
    /// Returns to which set each balancer of its plan leads by what is known of the run; none where nobody can tell.
    pub fn leads(&self) -> Vec<(&HostName, Option<&str>)> {
        let Strategy::BlueGreen(sides) = &self.plan.strategy else { return Vec::new() };
        let (live, idle) = (Some(sides.live.name.as_str()), Some(sides.idle.name.as_str()));
        let before = |host: &HostName| match &sides.led {
            Some(led) => led.get(host).map(String::as_str),
            None => live,
        };
        // A step that failed put the link back, unless it says that it could not.
        let failed = |host: &HostName, way: Way, put_back| {
            let numbers = self.plan.steps_of(host, way);
            let ends = numbers.into_iter().filter_map(|number| self.steps.get(number)?.ended.as_ref());
            let plain = ends.map(|(_, end)| end).all(|end| match end {
                StepEnd::Exit(code) => *code != ASTRAY,
                StepEnd::NotStarted(_) => true,
                StepEnd::Signal(_) | StepEnd::TimedOut | StepEnd::Unknown(_) => false,
            });
            if plain { put_back } else { None }
        };
        let of = |host: &HostName| match (self.share(host, Way::There), self.share(host, Way::Back)) {
            (_, Share::Well) => live,
            (Share::Waiting | Share::Refused, Share::Waiting) => before(host),
            (Share::Well, Share::Waiting | Share::Refused) => idle,
            (Share::Well, Share::Failed) => failed(host, Way::Back, idle),
            (Share::Failed, Share::Waiting | Share::Refused) => failed(host, Way::There, before(host)),
            (Share::Running | Share::Unknown, _)
            | (_, Share::Running | Share::Unknown)
            | (Share::Waiting | Share::Refused | Share::Failed, Share::Failed | Share::Refused) => None,
        };
        sides.balancers.iter().map(|host| (host, of(host))).collect()
    }

    /// Says which set serves users: `green serves (lb-01, lb-02)`, or which balancer leads where. Empty where there are no sets.
    pub fn serves(&self) -> String {
        let Strategy::BlueGreen(sides) = &self.plan.strategy else { return String::new() };
        let leads = self.leads();
        let Some((_, first)) = leads.first() else { return format!("{} serves", sides.live.name) };
        let names: Vec<&str> = leads.iter().map(|(host, _)| host.as_str()).collect();
        if let (Some(set), true) = (first, leads.iter().all(|(_, set)| set == first)) {
            return format!("{set} serves ({})", names.join(", "));
        }
        leads.iter().fold(String::new(), |mut text, (host, set)| {
            let before = if text.is_empty() { "" } else { "; " };
            // Writing to a String cannot fail.
            _ = match set {
                Some(set) => write!(text, "{before}{host} leads to {set}"),
                None => write!(text, "{before}where {host} leads is not known"),
            };
            text
        })
    }
}
