//! What can be brought out of services, as several recipes tell it.
use std::collections::BTreeMap;

use crate::core::{
    id::HostName,
    runs::{
        Release, Survey, Wanted, What,
        offer::{Brings, Known, Offer},
    },
};

use super::Context;

/// Versions that are offered at most.
const MOST: usize = 60;

/// What is brought out by a name that is typed.
pub(super) fn named(means: &str) -> Brings {
    Brings { names: Some(means.to_owned()), ..Brings::default() }
}

/// Offers names that can be deployed, in this order, each once.
pub(super) fn versions(now: Option<&str>, names: impl IntoIterator<Item = (String, String)>) -> Known {
    let mut offers: Vec<Offer> = Vec::new();
    for (name, more) in names {
        if offers.len() >= MOST || offers.iter().any(|offer| offer.name == name) {
            continue;
        }
        let wanted = Wanted::Deploy { what: What::Version { version: name.clone() } };
        offers.push(Offer { runs: now == Some(name.as_str()), name, more, wanted });
    }
    Known { now: now.filter(|now| !now.is_empty()).map(str::to_owned), offers }
}

/// Offers the releases that lie complete on hosts: to bring one of them out is to go back to it, or forward.
pub(super) fn releases(of: Context<'_>) -> Known {
    let hosts = &of.service.hosts;
    let mut found: BTreeMap<&str, (&Release, usize)> = BTreeMap::new();
    for release in surveys(of).flat_map(|(_, survey)| &survey.releases) {
        found.entry(&release.name).or_insert((release, 0)).1 += 1;
    }
    let current = |name: &str| {
        let runs = surveys(of).filter(|(_, survey)| survey.current.as_deref() == Some(name)).count();
        (runs > 0, !hosts.is_empty() && runs == hosts.len())
    };
    let offer = |(name, (release, on)): (&str, (&Release, usize))| {
        let on =
            if on == hosts.len() { "on all hosts".to_owned() } else { format!("on {on} of {} hosts", hosts.len()) };
        let at = release.at.and_then(crate::core::time::Timestamp::to_utc);
        let since = at.map(|at| at.format(", since %Y-%m-%d %H:%M").to_string()).unwrap_or_default();
        let by = if release.by.is_empty() { String::new() } else { format!(" by {}", release.by) };
        let (some, all) = current(name);
        let partly = if some && !all { "; some hosts run it" } else { "" };
        Offer {
            name: release.version.clone(),
            more: format!("{on}{since}{by}{partly}"),
            wanted: Wanted::Rollback { to: Some(name.to_owned()) },
            runs: all,
        }
    };
    let offers = found.into_iter().rev().take(MOST).map(offer).collect();
    Known { now: super::release::running(hosts, of.facts), offers }
}

fn surveys(of: Context<'_>) -> impl Iterator<Item = (&HostName, &Survey)> {
    of.service.hosts.iter().filter_map(move |host| Some((host, of.facts.hosts.get(host)?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        core::{inventory::Inventory, runs::PlanFacts, time::Timestamp},
        recipes::tests::service,
    };

    #[test]
    fn a_release_is_offered_with_the_hosts_that_have_it_the_newest_first() {
        let release = |name: &str, version: &str| Release {
            name: name.into(),
            version: version.into(),
            sha256: "0".into(),
            at: Some(Timestamp(1_795_144_361_000)),
            by: "leo".into(),
        };
        let (old, new) = (release("20261118-v1", "v1"), release("20261120-v2", "v2"));
        let survey = |releases: &[&Release]| Survey {
            current: Some(old.name.clone()),
            releases: releases.iter().map(|of| (*of).clone()).collect(),
            ..Survey::default()
        };
        let hosts = [("a".into(), survey(&[&old, &new])), ("b".into(), survey(&[&old]))];
        let facts = PlanFacts { hosts: hosts.into(), ..PlanFacts::default() };
        let service = service("play@prod", "node-pm2", &["a", "b"], &[("app", "play")]);
        let known = releases(Context { inventory: &Inventory::default(), service: &service, facts: &facts });
        let seen: Vec<_> = known.offers.iter().map(|of| (of.name.as_str(), of.more.as_str(), of.runs)).collect();
        assert_eq!(known.now.as_deref(), Some("v1"), "as in the rows");
        let since = "since 2026-11-20 03:12 by leo";
        assert_eq!(
            seen,
            [("v2", &*format!("on 1 of 2 hosts, {since}"), false), ("v1", &*format!("on all hosts, {since}"), true)]
        );
        assert_eq!(known.offers[0].wanted, Wanted::Rollback { to: Some("20261120-v2".into()) });
    }

    #[test]
    fn a_version_is_offered_once() {
        let names = ["v3", "v2", "v3"].map(|name| (name.to_owned(), String::new()));
        let known = versions(Some("v2"), names);
        let seen: Vec<_> = known.offers.iter().map(|of| (of.name.as_str(), of.runs)).collect();
        assert_eq!(seen, [("v3", false), ("v2", true)]);
    }
}
