//! One change that several tell of is one row: a deploy of two hosts, a release folder that a run made, the restart that came with it.
use std::collections::BTreeMap;

use super::{ANEW, Change, Kind, Source};
use crate::core::{id::HostName, time::MINUTE, words::many};

/// What is alike and so near is the same, told twice or made on one host after the other.
pub(super) const SAME_MS: i64 = 10 * MINUTE;
/// A start of processes so soon after a deploy, or a restart by a run, is part of it.
const PART_MS: i64 = 3 * MINUTE;
/// From so many files of one folder on, written within a minute, they are one change.
const MANY: usize = 4;
/// Lines that are kept of what all of them tell.
const DETAIL: usize = 200;

/// Puts together what is told several times of one change, oldest first.
pub fn merge(mut changes: Vec<Change>) -> Vec<Change> {
    // Where two tell of one, the better source's words stay.
    changes.sort_by_key(|change| (change.source, change.at));
    let mut merged: Vec<Change> = Vec::new();
    for change in changes {
        match merged.iter_mut().find(|known| is_same(known, &change)) {
            Some(known) => take(known, change),
            None => merged.push(change),
        }
    }
    let (parts, mut whole): (Vec<Change>, Vec<Change>) = merged.into_iter().partition(is_start);
    for part in parts {
        match whole.iter_mut().find(|known| is_part(known, &part)) {
            Some(known) => {
                let line =
                    format!("{}, {} s later: {}", part.line(), part.at.since(known.at) / 1_000, part.source.words());
                known.detail.push(line);
                take(known, Change { detail: Vec::new(), ..part });
            }
            None => whole.push(part),
        }
    }
    whole.sort_by(|a, b| a.at.cmp(&b.at).then_with(|| a.what.cmp(&b.what)));
    whole
}

/// Makes one change of many files that were written below one folder within a minute: an upgrade, a roll-out.
pub fn fold_files(files: Vec<Change>) -> Vec<Change> {
    let mut groups: BTreeMap<(Vec<HostName>, String, i64), Vec<Change>> = BTreeMap::new();
    for file in files {
        let folder: Vec<&str> = file.what.split('/').take(3).collect();
        let key = (file.hosts.clone(), folder.join("/"), file.at.0.div_euclid(MINUTE));
        groups.entry(key).or_default().push(file);
    }
    let mut folded = Vec::new();
    for ((hosts, folder, _), files) in groups {
        let first = files.iter().map(|file| (file.at, file.source)).min();
        if let Some((at, source)) = first.filter(|_| files.len() >= MANY) {
            let what = format!("{folder}, {}", many(files.len(), "file"));
            let detail = files.into_iter().map(|file| file.what).take(DETAIL).collect();
            folded.push(Change { hosts, detail, ..Change::new(at, Kind::Config, what, source) });
        } else {
            folded.extend(files);
        }
    }
    folded
}

fn is_same(known: &Change, change: &Change) -> bool {
    let place = match (&known.service, &change.service) {
        (Some(a), Some(b)) => a == b,
        // A host's is told of by hosts: what happens to two of them is two changes, but for one that is rolled out over all.
        (None, None) => known.hosts == change.hosts || matches!(known.kind, Kind::Package | Kind::Config),
        (Some(_), None) | (None, Some(_)) => false,
    };
    place
        && known.kind == change.kind
        && (version(&known.what) == version(&change.what)
            // A machine starts once in that time, whoever tells of it: by how long it runs, or with its kernel.
            || known.kind == Kind::Reboot
            || is_delivery(known, change))
        && known.at.since(change.at).abs() <= SAME_MS
        // A job or a login that comes again is another one, however soon.
        && (!matches!(known.kind, Kind::Cron | Kind::Login) || known.at == change.at)
}

/// Says whether one is a pipeline's run and the other what it brought: they call it by other names, a commit and a version.
fn is_delivery(known: &Change, change: &Change) -> bool {
    known.kind == Kind::Deploy && (known.source == Source::Github) != (change.source == Source::Github)
}

/// The version or the name that a line begins with; what comes after it is said in other words by others.
fn version(what: &str) -> &str {
    what.split([' ', ',']).next().unwrap_or_default()
}

fn is_start(change: &Change) -> bool {
    change.kind == Kind::Restart && matches!(change.source, Source::Pm2 | Source::Systemd | Source::Syslog)
}

fn is_part(known: &Change, part: &Change) -> bool {
    let after = part.at.since(known.at);
    matches!(known.kind, Kind::Deploy | Kind::Restart)
        && !is_start(known)
        && known.service.is_some()
        && known.service == part.service
        && (0..=PART_MS).contains(&after)
}

fn take(known: &mut Change, other: Change) {
    known.at = known.at.min(other.at);
    if known.what == ANEW {
        known.what.clone_from(&other.what);
    }
    for host in other.hosts {
        if !known.hosts.contains(&host) {
            known.hosts.push(host);
        }
    }
    known.by = known.by.take().or(other.by);
    known.between = match (known.between.take(), other.between) {
        (Some(own), Some(others)) => Some(own.and(others)),
        (own, others) => own.or(others),
    };
    let new: Vec<String> = other.detail.into_iter().filter(|line| !known.detail.contains(line)).collect();
    known.detail.extend(new);
    known.detail.truncate(DETAIL);
}
