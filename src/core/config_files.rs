//! Configuration files of hosts by their hashes: what the recorder knew of them, and so what was written and what is gone.
//!
//! Only the recorder compares what a host tells with what is known, and commits what is new. What was committed, by whomever, is what
//! all consoles know.
use std::collections::BTreeMap;

use super::{
    id::{HostName, ServiceId},
    incidents::suspects::{self, Between, Change, Kind, Source},
    inventory::Inventory,
    time::{HOUR, Timestamp},
};

/// Files of one host that are known at most.
pub const FILES: usize = 2_000;
/// What a host told longer ago than this says nothing of when something was removed since.
const NEAR_MS: i64 = HOUR;
/// Files that each host has as its own.
const OWN: [&str; 3] = ["/etc/hosts", "/etc/resolv.conf", "/etc/environment"];

/// A file as it was found to be: written to the store where it differs from what was known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigFile {
    /// The host.
    pub host: HostName,
    /// Its path there.
    pub path: String,
    /// When it came to be so, as far as that can be told.
    pub at: Timestamp,
    /// When it was found.
    pub seen: Timestamp,
    /// The beginning of its SHA-256; none where it is gone, or cannot be read.
    pub hash: Option<String>,
    /// The same of what was known before.
    pub before: Option<String>,
    /// Whether it was changed, or is found for the first time.
    pub news: bool,
}

/// What a host tells of its files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostFiles {
    /// When, by our clock.
    pub at: Timestamp,
    /// By path.
    pub files: BTreeMap<String, Found>,
    /// Folders and files that were looked into.
    pub roots: Vec<String>,
    /// Whether nothing was left out: only then what is not there is gone.
    pub whole: bool,
}

/// A file on a host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// When it, or its name, was changed last.
    pub changed: Timestamp,
    /// The beginning of its SHA-256; none where it cannot be read.
    pub hash: Option<String>,
}

/// What is known of the files of all hosts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    hosts: BTreeMap<HostName, Known>,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Known {
    /// The hash of each file that is there; none where it cannot be read.
    files: BTreeMap<String, Option<String>>,
    /// When the host last told.
    looked: Option<Timestamp>,
}

impl super::State {
    /// Takes what was committed of configuration files: what was changed may be a suspect.
    pub(super) fn files_stored(&mut self, files: Vec<ConfigFile>) {
        // An upgrade writes hundreds: they are one suspect, as where hosts tell of them.
        for change in suspects::fold_files(self.config_files.stored(files, &self.inventory)) {
            self.suspects.saw(change);
        }
    }
}

impl State {
    /// Takes what was committed, and returns the changes among it.
    pub fn stored(&mut self, files: Vec<ConfigFile>, inventory: &Inventory) -> Vec<Change> {
        let mut changes = Vec::new();
        for file in files {
            let known = self.hosts.entry(file.host.clone()).or_default();
            known.looked = known.looked.max(Some(file.seen));
            changes.extend(file.news.then(|| change(&file, inventory)));
            if file.hash.is_none() && file.news {
                known.files.remove(&file.path);
            } else if known.files.len() < FILES || known.files.contains_key(&file.path) {
                known.files.insert(file.path, file.hash);
            }
        }
        changes
    }

    /// Compares what a host tells with what is known of it, and returns what is new. The first time all of it is, and nothing changed.
    pub fn compare(&mut self, host: &HostName, told: &HostFiles) -> Vec<ConfigFile> {
        let known = self.hosts.entry(host.clone()).or_default();
        let looked = known.looked.replace(told.at);
        let one = |path: &str, at: Timestamp| ConfigFile {
            host: host.clone(),
            path: path.to_owned(),
            at,
            seen: told.at,
            hash: None,
            before: None,
            news: true,
        };
        let mut new = Vec::new();
        for (path, found) in told.files.iter().take(FILES) {
            // A time that was brought along, or that lies ahead, does not say when.
            let since = looked.unwrap_or(Timestamp(i64::MIN));
            let timely = found.changed > since && found.changed <= told.at;
            let between = looked.filter(|looked| told.at.since(*looked) <= NEAR_MS);
            let at = if timely { found.changed } else { between.unwrap_or(told.at) };
            match known.files.get(path) {
                Some(before) if *before == found.hash => {}
                // What becomes readable, or is no longer, was not changed by that.
                Some(before) => {
                    let news = before.is_some() && found.hash.is_some();
                    new.push(ConfigFile { hash: found.hash.clone(), before: before.clone(), news, ..one(path, at) });
                }
                // A file that is older than the last look was only not looked at then.
                None => {
                    let news = looked.is_some() && timely;
                    let at = if news { at } else { found.changed.min(told.at) };
                    new.push(ConfigFile { hash: found.hash.clone(), news, ..one(path, at) });
                }
            }
        }
        let looked_into = |path: &str| {
            let within = |root: &String| {
                path.strip_prefix(root.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            };
            told.roots.iter().any(within)
        };
        let gone =
            known.files.iter().filter(|(path, _)| told.whole && !told.files.contains_key(*path) && looked_into(path));
        for (path, before) in gone {
            let at = looked.filter(|looked| told.at.since(*looked) <= NEAR_MS).unwrap_or(told.at);
            new.push(ConfigFile { before: before.clone(), ..one(path, at) });
        }
        new
    }

    /// Returns the files of a service that are not the same on all of its hosts, as far as they are known there.
    pub fn apart(&self, hosts: &[HostName]) -> Vec<(String, Vec<HostName>)> {
        let of: Vec<(&HostName, &Known)> =
            hosts.iter().filter_map(|host| Some((host, self.hosts.get(host)?))).collect();
        // It is asked for each drawing of the hand-over: what is alike, nearly all of it, costs one look a host.
        let Some(((_, first), others)) = of.split_first().filter(|(_, others)| !others.is_empty()) else {
            return Vec::new();
        };
        let mut apart = Vec::new();
        for (path, hash) in first.files.iter().filter(|(path, _)| !OWN.contains(&path.as_str())) {
            if others.iter().all(|(_, known)| known.files.get(path) == Some(hash)) {
                continue;
            }
            let hashes: Option<Vec<(&HostName, &String)>> =
                of.iter().map(|(host, known)| Some((*host, known.files.get(path)?.as_ref()?))).collect();
            // What one of them does not have, or does not let be read, is not compared.
            let Some(hashes) = hashes else { continue };
            let counted = hashes.iter().fold(BTreeMap::<&String, usize>::new(), |mut all, (_, hash)| {
                *all.entry(hash).or_default() += 1;
                all
            });
            if counted.len() > 1 {
                // Where most are alike, the others are named; else nobody knows which of them is right.
                let usual = counted.iter().find(|(_, count)| **count * 2 > of.len()).map(|(hash, _)| *hash);
                let other = hashes.iter().filter(|(_, hash)| Some(*hash) != usual).map(|(host, _)| (*host).clone());
                apart.push((path.clone(), other.collect()));
            }
        }
        apart
    }
}

fn change(file: &ConfigFile, inventory: &Inventory) -> Change {
    let what = match file.hash {
        Some(_) => file.path.clone(),
        None => format!("{} removed", file.path),
    };
    let hash = |label: &str, hash: &Option<String>| hash.as_ref().map(|hash| format!("SHA-256 {label} {hash}"));
    let mut detail: Vec<String> = hash("before", &file.before).into_iter().chain(hash("now", &file.hash)).collect();
    detail.push(format!("found {}", file.seen.rfc3339()));
    let service: Option<ServiceId> = suspects::service_of(&inventory.folders_on(&file.host), &file.path);
    Change {
        service,
        hosts: vec![file.host.clone()],
        detail,
        between: Some(Between::File { path: file.path.clone(), before: file.before.clone(), after: file.hash.clone() }),
        ..Change::new(file.at, Kind::Config, what, Source::Hashes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::time::MINUTE;

    const START: i64 = 100 * HOUR;

    fn told(minute: i64, files: &[(&str, i64, &str)]) -> HostFiles {
        let found = |(path, changed, hash): &(&str, i64, &str)| {
            let hash = Some((*hash).to_owned()).filter(|hash| !hash.is_empty());
            ((*path).to_owned(), Found { changed: Timestamp(START + changed * MINUTE), hash })
        };
        HostFiles {
            at: Timestamp(START + minute * MINUTE),
            files: files.iter().map(found).collect(),
            roots: vec!["/etc/nginx".into()],
            whole: true,
        }
    }

    /// Compares, commits, and returns what counts as changed: path, minute, before and now.
    fn look(state: &mut State, told: &HostFiles) -> Vec<(String, i64, Option<String>, Option<String>)> {
        let new = state.compare(&"web-01".into(), told);
        let news = new.iter().filter(|file| file.news);
        let minute = |at: Timestamp| at.since(Timestamp(START)) / MINUTE;
        let lines =
            news.map(|file| (file.path.clone(), minute(file.at), file.before.clone(), file.hash.clone())).collect();
        let changes = state.stored(new.clone(), &Inventory::default());
        assert_eq!(changes.len(), new.iter().filter(|file| file.news).count());
        lines
    }

    #[test]
    fn what_changed_is_told_from_what_was_not_known() {
        let mut state = State::default();
        let first = told(0, &[("/etc/nginx/a", -900, "1"), ("/etc/nginx/b", -3, "1")]);
        assert_eq!(look(&mut state, &first), [], "the first look knows nothing to compare with");
        assert_eq!(look(&mut state, &first), []);
        // Written, new, and one whose time was brought along.
        let second = told(10, &[("/etc/nginx/a", 4, "2"), ("/etc/nginx/b", -3, "2"), ("/etc/nginx/c", 6, "1")]);
        assert_eq!(
            look(&mut state, &second),
            [
                ("/etc/nginx/a".to_owned(), 4, Some("1".into()), Some("2".into())),
                ("/etc/nginx/b".to_owned(), 0, Some("1".into()), Some("2".into())),
                ("/etc/nginx/c".to_owned(), 6, None, Some("1".into())),
            ]
        );
        // Written with the same in it is no change; a file that is older than the last look was only not looked at.
        let third = told(
            20,
            &[
                ("/etc/nginx/a", 15, "2"),
                ("/etc/nginx/b", -3, "2"),
                ("/etc/nginx/c", 6, "1"),
                ("/etc/nginx/d", -9, "1"),
            ],
        );
        assert_eq!(look(&mut state, &third), []);
        // What is not there any more is gone: at some time since the last look.
        let fourth = told(30, &[("/etc/nginx/a", 15, "2"), ("/etc/nginx/b", -3, "2"), ("/etc/nginx/d", -9, "1")]);
        assert_eq!(look(&mut state, &fourth), [("/etc/nginx/c".to_owned(), 20, Some("1".into()), None)]);
        assert_eq!(look(&mut state, &fourth), []);
    }

    #[test]
    fn what_could_not_be_looked_at_is_not_gone() {
        let mut state = State::default();
        let all = [("/etc/nginx/a", -900, "1"), ("/etc/php/b", -900, "1"), ("/etc/nginx/key", -900, "")];
        assert_eq!(
            look(&mut state, &HostFiles { roots: vec!["/etc/nginx".into(), "/etc/php".into()], ..told(0, &all) }),
            []
        );
        assert_eq!(look(&mut state, &HostFiles { whole: false, ..told(10, &[]) }), []);
        // Its folder may not be entered any more: only what is in the others is gone.
        assert_eq!(
            look(&mut state, &told(20, &[("/etc/nginx/key", -900, "3")])),
            [("/etc/nginx/a".to_owned(), 10, Some("1".into()), None)]
        );
        // It became readable, and then no longer was: nobody wrote it.
        assert_eq!(look(&mut state, &told(30, &[("/etc/nginx/key", -900, "")])), []);
        // A name that only begins alike does not lie in the folder.
        let roots = vec!["/etc/ph".to_owned()];
        assert_eq!(look(&mut state, &HostFiles { roots, ..told(40, &[]) }), []);
    }

    #[test]
    fn an_upgrade_is_one_suspect() {
        let mut state = crate::core::State::new(
            std::sync::Arc::default(),
            crate::core::runs::Actor { by: "ana".into(), from: "tty1".into() },
        );
        let file = |number: i64| ConfigFile {
            host: "web-01".into(),
            path: format!("/etc/php/8.2/mods/{number}.ini"),
            at: Timestamp(START + number),
            seen: Timestamp(START + HOUR),
            hash: Some("2".into()),
            before: Some("1".into()),
            news: true,
        };
        state.files_stored((0..900).map(file).chain([ConfigFile { path: "/etc/hosts".into(), ..file(1) }]).collect());
        let seen: Vec<&str> = state.suspects.seen().map(|change| change.what.as_str()).collect();
        assert_eq!(seen, ["/etc/hosts", "/etc/php, 900 files"]);
    }

    #[test]
    fn after_a_long_pause_nobody_knows_when() {
        let mut state = State::default();
        _ = look(&mut state, &told(0, &[("/etc/nginx/a", -900, "1"), ("/etc/nginx/b", -900, "1")]));
        let late = told(600, &[("/etc/nginx/a", -900, "2")]);
        let found = look(&mut state, &late);
        assert_eq!(
            found.iter().map(|(path, at, ..)| (path.as_str(), *at)).collect::<Vec<_>>(),
            [("/etc/nginx/a", 600), ("/etc/nginx/b", 600)]
        );
        // A time that lies ahead of the look is none.
        let ahead = told(610, &[("/etc/nginx/a", 5_000, "3")]);
        assert_eq!(look(&mut state, &ahead)[0].1, 600);
    }

    #[test]
    fn a_service_whose_hosts_are_not_alike_is_found() {
        let mut state = State::default();
        for (host, hash) in [("a", "1"), ("b", "2"), ("c", "1")] {
            let told = told(
                0,
                &[
                    ("/etc/nginx/x", -9, hash),
                    ("/etc/nginx/y", -9, "1"),
                    (if host == "a" { "/etc/nginx/z" } else { "/etc/nginx/w" }, -9, hash),
                ],
            );
            let new = state.compare(&host.into(), &told);
            _ = state.stored(new, &Inventory::default());
        }
        let hosts = ["a", "b", "c"].map(HostName::from);
        assert_eq!(state.apart(&hosts), [("/etc/nginx/x".to_owned(), vec![HostName::from("b")])]);
        let two = ["a", "b"].map(HostName::from);
        assert_eq!(state.apart(&two), [("/etc/nginx/x".to_owned(), two.to_vec())], "which of two is right?");
        assert_eq!(state.apart(&[HostName::from("unknown")]), []);
    }
}
