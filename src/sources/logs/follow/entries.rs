//! The configured paths and globs, and which files they are at the moment.
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, PoisonError},
};

use super::{Found, Look, engine::Follower, file::File, glob::Glob, is_packed, rotated::is_rotated};
use crate::{
    core::{
        logs::{LogPlace, LogSpec, SourceState},
        time::Now,
    },
    sources::logs::StreamId,
};

/// Most files of one place.
const MAX_FILES: usize = 256;
/// Files of a glob that were not written to for this long before the newest one are only watched.
const DORMANT_S: i64 = 2 * 86_400;
/// Most files of a glob whose end is read at the start.
const MAX_FIRST: usize = 32;

/// A configured path or glob.
pub(super) struct Entry {
    pub(super) spec: Arc<LogSpec>,
    pub(super) raw: Glob,
    pub(super) glob: Glob,
    pub(super) rotated: Option<Glob>,
    /// Files that nobody writes to, and their sizes.
    pub(super) dormant: BTreeMap<String, u64>,
    pub(super) looked: bool,
    /// Speaks for a glob that has no file.
    pub(super) stand_in: Option<StreamId>,
}

impl Follower {
    /// Takes over the entries as they are wanted now.
    pub(super) fn reconcile(&mut self) {
        let wants = Arc::clone(&self.context.wants.borrow_and_update());
        let kept = |spec: &Arc<LogSpec>| wants.iter().any(|want| want == spec);
        let gone: BTreeSet<Arc<str>> =
            self.entries.iter().filter(|entry| !kept(&entry.spec)).map(|entry| Arc::clone(&entry.spec.name)).collect();
        self.entries.retain(|entry| !gone.contains(&entry.spec.name));
        let sink = &self.context.sink;
        self.files.retain(|file| {
            if gone.contains(&file.entry) {
                sink.state(file.stream, SourceState::Ended);
            }
            !gone.contains(&file.entry)
        });
        for spec in wants.iter() {
            if self.entries.iter().any(|entry| entry.spec == *spec) {
                continue;
            }
            let LogPlace::File { path, rotated } = &spec.place else { continue };
            let glob = Glob::parse(path);
            let rotated = rotated.as_deref().map(Glob::parse);
            if let Some(path) = glob.plain() {
                if self.files.iter().any(|file| file.path == path) {
                    continue;
                }
                self.follow_path(spec, &path, false);
            }
            self.entries.push(Entry {
                spec: Arc::clone(spec),
                raw: glob.clone(),
                glob,
                rotated,
                dormant: BTreeMap::new(),
                looked: false,
                stand_in: None,
            });
        }
    }

    /// Lets a glob without files say something.
    pub(super) fn stand_in(&mut self, at: usize, state: &SourceState) {
        let Some(entry) = self.entries.get(at) else { return };
        if entry.stand_in.is_some() || self.files.iter().any(|file| file.entry == entry.spec.name) {
            return;
        }
        let LogPlace::File { path, .. } = &entry.spec.place else { return };
        let stream = self.open(&entry.spec, entry.spec.name.to_string(), path);
        self.context.sink.state(stream, state.clone());
        if let Some(entry) = self.entries.get_mut(at) {
            entry.stand_in = Some(stream);
        }
    }

    pub(super) fn take_entry(&mut self, at: usize, look: &Look, by_path: &HashMap<&str, &Found>, home: &str, now: Now) {
        let Some(entry) = self.entries.get_mut(at) else { return };
        let first = !std::mem::replace(&mut entry.looked, true);
        let Some(path) = entry.glob.plain() else { return self.take_glob(at, first, look, now) };
        let name = Arc::clone(&entry.spec.name);
        let absolute = entry.glob.is_absolute();
        let Some(file) = self.files.iter_mut().find(|file| file.entry == name) else { return };
        if !absolute {
            let home = if home.is_empty() { ", and no home directory is known" } else { "" };
            return file.tell(SourceState::Denied { why: format!("not an absolute path in one line{home}") });
        }
        file.path.clone_from(&path);
        let denied = look.denied.iter().any(|denied| *denied == path || path.starts_with(&format!("{denied}/")));
        match by_path.get(path.as_str()) {
            Some(found) => file.seen(found, now),
            None if denied => {
                file.tell(SourceState::Denied {
                    why: "permission denied: the login may not look into its folder".into(),
                });
            }
            None => file.missing(now),
        }
    }

    fn take_glob(&mut self, at: usize, first: bool, look: &Look, now: Now) {
        let Some(entry) = self.entries.get(at) else { return };
        let spec = Arc::clone(&entry.spec);
        let fits = |found: &&Found| found.regular && !is_packed(&found.path) && entry.glob.matches(&found.path);
        let matching: Vec<Found> = look.files.iter().filter(fits).cloned().collect();
        let mut fresh: Vec<&Found> = Vec::new();
        for found in &matching {
            let beside = |of: &str| of != found.path && found.path.starts_with(of) && is_rotated(&found.path, of);
            if let Some(file) = self.files.iter_mut().find(|file| file.path == found.path) {
                if file.entry == spec.name {
                    file.seen(found, now);
                }
            } else if !matching.iter().any(|other| beside(&other.path))
                && !self.files.iter().any(|file| beside(&file.path) || follows(file, found))
            {
                fresh.push(found);
            }
        }
        self.take_fresh(at, &spec, first, fresh, now);
        for file in self.files.iter_mut().filter(|file| file.entry == spec.name) {
            if !matching.iter().any(|found| found.path == file.path) {
                file.missing(now);
            }
        }
        self.files.retain(|file| {
            // A file of a glob that is gone for good is no news.
            file.entry != spec.name || file.tail.is_some() || !file.old.is_empty() || file.busy
        });
        let has_files = self.files.iter().any(|file| file.entry == spec.name);
        if !has_files {
            let why = if look.denied.is_empty() { "no file matches yet" } else { "permission denied" };
            self.stand_in(at, &SourceState::Denied { why: why.to_owned() });
        } else if let Some(stream) = self.entries.get_mut(at).and_then(|entry| entry.stand_in.take()) {
            self.context.sink.state(stream, SourceState::Ended);
            self.silence.streams.lock().unwrap_or_else(PoisonError::into_inner).remove(&stream);
        }
    }

    /// Begins with files of a glob that are not followed yet: the newest of those that are there at the start, and what grows.
    fn take_fresh(&mut self, at: usize, spec: &Arc<LogSpec>, first: bool, mut fresh: Vec<&Found>, now: Now) {
        fresh.sort_by_key(|found| std::cmp::Reverse(found.modified));
        let newest = fresh.first().map_or(0, |found| found.modified);
        for (number, found) in fresh.into_iter().enumerate() {
            let Some(entry) = self.entries.get_mut(at) else { return };
            if first && (number >= MAX_FIRST || found.modified < newest - DORMANT_S) {
                entry.dormant.insert(found.path.clone(), found.size);
                continue;
            }
            let slept = entry.dormant.get(&found.path).copied();
            if slept == Some(found.size) || self.files.len() >= MAX_FILES {
                continue;
            }
            entry.dormant.remove(&found.path);
            self.follow_path(spec, &found.path, true);
            let Some(file) = self.files.last_mut() else { return };
            if let Some(size) = slept.filter(|size| *size < found.size) {
                file.begin_at(found, size, now);
            } else {
                file.opened = !first;
                file.seen(found, now);
            }
        }
    }
}

/// Says whether a file that was found elsewhere is one that is followed already: it was renamed to a name that the glob matches.
fn follows(file: &File, found: &Found) -> bool {
    file.old.iter().chain(&file.tail).any(|tail| tail.is(found) && found.size >= tail.offset)
}
