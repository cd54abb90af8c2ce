//! From files to an inventory, in one pass that says everything that is wrong and keeps everything that is right.
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use super::{
    Env, Kind, fields,
    keymap::Keymap,
    locate,
    problem::{Problem, Severity},
    raw::{Book, Raw},
    theme::Theme,
    walk::Walk,
    words::shown,
};
use crate::core::inventory::Inventory;

/// What the rest of the house offers to the configuration, handed in by the caller.
#[derive(Clone, Copy)]
pub struct Catalog<'a> {
    /// Kinds of checks.
    pub checks: &'a [&'a dyn Kind],
    /// Kinds of services that can be restarted; `external` is always there.
    pub recipes: &'a [&'a dyn Kind],
    /// Kinds of trackers.
    pub trackers: &'a [&'a dyn Kind],
    /// Kinds of notifiers.
    pub notifiers: &'a [&'a dyn Kind],
    /// Names of what rules can measure; empty is all of core's.
    pub metrics: &'a [&'a str],
}

/// Everything a start needs, and what is wrong with the files.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// What there is to watch: the valid part.
    pub inventory: Inventory,
    /// What only the program itself needs.
    pub settings: Settings,
    /// Everything wrong, in the order of the files.
    pub problems: Vec<Problem>,
    /// Files that were read, the main one first: what a reload depends on.
    pub files: Vec<PathBuf>,
    /// Whether the main file could be used at all. On a reload, what was there before is better than nothing.
    pub usable: bool,
}

impl Loaded {
    /// Says whether something was left out.
    pub fn has_errors(&self) -> bool {
        self.problems.iter().any(|problem| problem.severity == Severity::Error)
    }
}

/// What only the program itself needs.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The database.
    pub store: PathBuf,
    /// Files of host keys, the first for keys that are accepted; none: those that OpenSSH would read.
    pub known_hosts: Option<Vec<PathBuf>>,
    /// How long one-minute samples of hosts are kept, in milliseconds.
    pub samples_ms: u64,
    /// Colours.
    pub theme: Theme,
    /// Keys, with `[keys]` over them.
    pub keymap: Keymap,
}

impl Settings {
    /// What holds where no file says otherwise.
    pub fn new(env: &Env) -> Self {
        Self {
            store: locate::state_dir(env).join("qd.db"),
            known_hosts: None,
            samples_ms: 30 * 86_400_000,
            theme: Theme::default(),
            keymap: Keymap::default(),
        }
    }
}

/// Most files that one configuration may have.
const MOST_FILES: usize = 256;

/// Loads a file and all that it includes.
pub fn load(path: &Path, catalog: &Catalog<'_>, env: &Env) -> Loaded {
    match super::read_bounded(path) {
        Ok(text) => load_main(path, &text, catalog, env),
        Err(why) => {
            let what = format!("the configuration cannot be read: {why}");
            let problem = Problem::of_file(path, Severity::Error, what).help("`qd demo` shows the console without one");
            Loaded {
                inventory: Inventory::default(),
                settings: Settings::new(env),
                problems: vec![problem],
                files: vec![path.to_owned()],
                usable: false,
            }
        }
    }
}

/// Loads a text as if it were the file at `path`. Nothing but what it includes is read.
pub fn load_text(path: &Path, text: &str, catalog: &Catalog<'_>, env: &Env) -> Loaded {
    load_main(path, text, catalog, env)
}

fn load_main(path: &Path, text: &str, catalog: &Catalog<'_>, env: &Env) -> Loaded {
    let mut walk = Walk { book: Book::default(), env, catalog, hosts: Vec::new() };
    let mut files = Files { env, paths: Vec::new(), known: BTreeSet::new(), roots: Vec::new() };
    files.read(&mut walk.book, path, text);
    let usable = files.roots.iter().any(|root| root.place.file == 0);
    let mut settings = Settings::new(env);
    let inventory =
        if usable { super::sections::build(&mut walk, &files.roots, &mut settings) } else { Inventory::default() };
    Loaded { inventory, settings, problems: walk.book.finish(), files: files.paths, usable }
}

/// The files of one configuration.
struct Files<'a> {
    env: &'a Env,
    paths: Vec<PathBuf>,
    known: BTreeSet<PathBuf>,
    roots: Vec<Raw>,
}

impl Files<'_> {
    fn read(&mut self, book: &mut Book, path: &Path, text: &str) {
        self.known.insert(std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()));
        self.paths.push(path.to_owned());
        let Some(root) = book.read(path, text) else { return };
        let includes = root.get("include").cloned();
        self.roots.push(root);
        let parts = includes.as_ref().and_then(Raw::list).unwrap_or_default();
        for (part, pattern) in parts.iter().filter_map(|part| Some((part, part.text()?))) {
            let dir = path.parent().unwrap_or_else(|| Path::new(""));
            for found in self.matching(book, part, dir, pattern) {
                self.include(book, part, &found);
            }
        }
    }

    /// Finds the files of a pattern, in the order of their names.
    fn matching(&self, book: &mut Book, part: &Raw, dir: &Path, pattern: &str) -> Vec<PathBuf> {
        let whole = self.env.resolve(dir, pattern);
        if !pattern.contains(['*', '?']) {
            return vec![whole];
        }
        let found = super::files_like(&whole, MOST_FILES);
        if found.is_empty() {
            book.warn(&part.place, format!("nothing matches `{}`", shown(pattern)), "");
        }
        found
    }

    fn include(&mut self, book: &mut Book, part: &Raw, path: &Path) {
        let canonical = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        if self.known.contains(&canonical) {
            return;
        }
        if self.paths.len() >= MOST_FILES {
            book.error(&part.place, format!("more than {MOST_FILES} files"), "");
            return;
        }
        match super::read_bounded(path) {
            Ok(text) => self.read(book, path, &text),
            Err(why) => {
                let what = format!("cannot include `{}`: {why}", shown(&path.display().to_string()));
                book.error(&part.place, what, "relative to this file; `*` and `?` match within a name");
            }
        }
    }
}

/// Keys that only the main file may have.
pub(super) fn main_only(key: &str) -> bool {
    !fields::LISTS.contains(&key) && !matches!(key, "version" | "include")
}
