//! Hosts and the way to them.
use std::collections::BTreeMap;

use super::{Seen, Surroundings, called, environment, name};
use crate::{
    config::{
        fields,
        problem::Severity,
        raw::{Place, Raw},
        walk::{Entries, HostState, Keys, Walk},
        words::shown,
    },
    core::{
        id::{EnvName, HostName},
        inventory::{Host, Sudo},
    },
};

/// Builds the hosts; one that is wrong, or whose way is, is left out.
pub(super) fn build(walk: &mut Walk<'_>, tables: &[&Raw], around: &[Surroundings]) -> Vec<Host> {
    for name in tables.iter().filter_map(|raw| raw.get("name")?.text()) {
        if !walk.hosts.iter().any(|(known, _)| known == name) {
            walk.hosts.push((name.to_owned(), HostState::Valid));
        }
    }
    let mut seen = Seen::default();
    let mut hosts = Vec::new();
    for raw in tables {
        let mark = walk.book.drafts.len();
        let first = raw.get("name").and_then(Raw::text).is_some_and(|name| !seen.0.iter().any(|(n, _)| n == name));
        if let Some(host) = one(walk, raw, around, &mut seen) {
            hosts.push(host);
            continue;
        }
        walk.book.left_out_since(mark, &called(raw, "host"));
        if let Some(name) = raw.get("name").and_then(Raw::text).filter(|_| first) {
            leave_out(walk, name);
        }
    }
    circles(walk, &mut hosts);
    follow(walk, &mut hosts);
    hosts.into_iter().map(|(host, _)| host).collect()
}

fn leave_out(walk: &mut Walk<'_>, name: &str) {
    walk.hosts.iter_mut().filter(|(known, _)| known == name).for_each(|(_, state)| *state = HostState::LeftOut);
}

fn one(walk: &mut Walk<'_>, raw: &Raw, around: &[Surroundings], seen: &mut Seen) -> Option<(Host, Place)> {
    let called = called(raw, "host");
    let mut entries = walk.table(raw, Keys { fields: &[fields::HOST], ..Keys::default() }, &called);
    let name = name(walk, &mut entries, "host");
    let is_new = name.as_ref().is_none_or(|name| seen.is_new(walk, &entries, name, "host"));
    let mark = walk.book.drafts.len();
    let env = entries.text("env").map(|env| {
        let place = entries.place_of("env");
        environment(walk, around, env, place, Severity::Error).map(|around| around.env.name.clone())
    });
    for key in ["address", "user"] {
        word(walk, &entries, key);
    }
    for (unit, place) in entries.texts("units") {
        if !crate::config::is_unit(unit) {
            let what = format!("\"{}\" is not the name of a unit", shown(unit));
            walk.book.error(place, what, "with its suffix, as in nginx.service");
        }
    }
    for (dir, place) in entries.texts("path_prefix") {
        if !dir.starts_with('/') || dir.contains([':', '\n']) {
            let what = format!("\"{}\" is not a directory for PATH", shown(dir));
            walk.book.error(place, what, "a whole path on the host, as in /opt/node/bin");
        }
    }
    // Without a home the paths are of another machine: nothing is known of its files.
    if let Some(key) = entries.text("identity")
        && walk.env.home().is_dir()
        && !std::path::Path::new(key).is_file()
    {
        let what = format!("there is no file \"{}\"", shown(key));
        let help = "only an agent that holds the key can log in; `ssh-keygen -f FILE` makes one";
        walk.book.warn(entries.place_of("identity"), what, help);
    }
    let sudo = match (entries.text("sudo"), entries.owned("sudo_password")) {
        (Some("password"), from) => Sudo::Password { from },
        (_, Some(_)) => {
            let what = "`sudo_password` is never used: `sudo` asks for nothing there".to_owned();
            walk.book.error(entries.place_of("sudo_password"), what, "add sudo = \"password\"");
            Sudo::Nopasswd
        }
        (_, None) => Sudo::Nopasswd,
    };
    let env: Option<EnvName> = env.flatten();
    let name = name.filter(|_| is_new && !entries.broken && walk.book.drafts.len() == mark)?;
    let host = Host {
        address: entries.owned("address").unwrap_or_else(|| name.clone()),
        name: HostName::from(name),
        env,
        port: entries.count("port").and_then(|port| u16::try_from(port).ok()),
        user: entries.owned("user"),
        jump: entries.texts("jump").into_iter().map(|(name, _)| HostName::from(name)).collect(),
        identity: entries.owned("identity"),
        labels: entries.pairs("labels").into_iter().collect(),
        path_prefix: entries.texts("path_prefix").into_iter().map(|(dir, _)| dir.to_owned()).collect(),
        units: entries.texts("units").into_iter().map(|(unit, _)| unit.to_owned()).collect(),
        sudo,
    };
    Some((host, entries.place_of("jump").clone()))
}

/// Holds what becomes an argument of `ssh` to one word that is no option.
fn word(walk: &mut Walk<'_>, entries: &Entries, key: &str) {
    let Some(text) = entries.text(key) else { return };
    let what = if text.is_empty() {
        format!("`{key}` is empty")
    } else if text.starts_with('-') || text.chars().any(char::is_whitespace) {
        format!("`{key}` must be one word that does not begin with `-`")
    } else if key == "address" && text.contains(['@', '/']) {
        format!("`{key}` is a name or an IP address alone")
    } else {
        return;
    };
    let help = if text.contains('@') { "the login name goes into `user`, the port into `port`" } else { "" };
    walk.book.error(entries.place_of(key), what, help);
}

/// Leaves out hosts whose jump hosts lead back to them.
fn circles(walk: &mut Walk<'_>, hosts: &mut Vec<(Host, Place)>) {
    let graph: BTreeMap<HostName, Vec<HostName>> =
        hosts.iter().map(|(host, _)| (host.name.clone(), host.jump.clone())).collect();
    hosts.retain(|(host, place)| {
        let Some(path) = way_back(&graph, &host.name) else { return true };
        let path: Vec<_> = path.iter().map(HostName::as_str).collect();
        let mark = walk.book.drafts.len();
        let what = format!("jump hosts go in a circle: {}", path.join(" → "));
        walk.book.error(place, what, "one of them must be reachable by itself");
        walk.book.left_out_since(mark, &format!("host `{}`", host.name));
        leave_out(walk, host.name.as_str());
        false
    });
}

/// Finds a way from a host back to itself.
fn way_back(graph: &BTreeMap<HostName, Vec<HostName>>, start: &HostName) -> Option<Vec<HostName>> {
    let mut ways = vec![vec![start.clone()]];
    let mut visited: Vec<HostName> = Vec::new();
    while let Some(way) = ways.pop() {
        for next in way.last().and_then(|last| graph.get(last)).into_iter().flatten() {
            let mut longer = way.clone();
            longer.push(next.clone());
            if next == start {
                return Some(longer);
            }
            if !visited.contains(next) {
                visited.push(next.clone());
                ways.push(longer);
            }
        }
    }
    None
}

/// Leaves out hosts whose jump host is left out, and those behind them.
fn follow(walk: &mut Walk<'_>, hosts: &mut Vec<(Host, Place)>) {
    loop {
        let before = hosts.len();
        hosts.retain(|(host, place)| {
            let gone = |jump: &&HostName| {
                walk.hosts.iter().any(|(name, state)| name == jump.as_str() && *state == HostState::LeftOut)
            };
            let Some(jump) = host.jump.iter().find(gone).cloned() else { return true };
            let what = format!("host `{}` is left out: its jump host `{jump}` is", host.name);
            walk.book.warn(place, what, "mend the jump host first");
            leave_out(walk, host.name.as_str());
            false
        });
        if hosts.len() == before {
            return;
        }
    }
}
