//! `runbooks`: Markdown files whose fences are steps. A file with a fault is left out whole: what it means is not what is written.
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    config::{
        raw::{Place, Raw},
        walk::Walk,
        words::shown,
    },
    core::runbooks::Runbook,
    parse::runbook,
};

/// Most runbooks of one configuration.
const MOST: usize = 500;

/// Reads the runbooks of every file, relative to it, in the order of their names.
pub(super) fn build(walk: &mut Walk<'_>, roots: &[Raw]) -> Vec<Arc<Runbook>> {
    let mut all: Vec<Arc<Runbook>> = Vec::new();
    for root in roots {
        let Some(said) = root.get("runbooks") else { continue };
        if walk.value(said, &crate::config::Shape::List(&crate::config::Shape::Text), "runbooks").is_none() {
            continue;
        }
        let dir = walk.book.source(&root.place).and_then(|source| source.path().parent()).map(Path::to_owned);
        let dir = dir.unwrap_or_default();
        for (part, pattern) in said.list().unwrap_or_default().iter().filter_map(|part| Some((part, part.text()?))) {
            for path in matching(walk, part, &dir, pattern) {
                if all.len() >= MOST {
                    walk.book.error(&part.place, format!("more than {MOST} runbooks"), "");
                    return all;
                }
                let before = walk.book.drafts.len();
                match one(walk, &part.place, &path, &all) {
                    Some(book) => all.push(Arc::new(book)),
                    None => walk.book.left_out_since(before, &format!("runbook `{}`", shown(&name(&path)))),
                }
            }
        }
    }
    all
}

fn matching(walk: &mut Walk<'_>, part: &Raw, dir: &Path, pattern: &str) -> Vec<PathBuf> {
    let whole = walk.env.resolve(dir, pattern);
    if !pattern.contains(['*', '?']) {
        return vec![whole];
    }
    let found = crate::config::files_like(&whole, MOST);
    if found.is_empty() {
        walk.book.warn(&part.place, format!("nothing matches `{}`", shown(pattern)), "");
    }
    found
}

fn name(path: &Path) -> String {
    path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
}

fn one(walk: &mut Walk<'_>, place: &Place, path: &Path, known: &[Arc<Runbook>]) -> Option<Runbook> {
    let (name, shown_path) = (name(path), shown(&path.display().to_string()));
    if runbook::slug(&name) != name {
        let help = "lower-case letters and digits, joined by dashes, then `.md`";
        walk.book.error(place, format!("`{}` cannot be the name of a runbook", shown(&name)), help);
        return None;
    }
    if let Some(first) = known.iter().find(|book| book.name == name) {
        let what = format!("there is already a runbook `{name}`, {}", first.path);
        walk.book.error(place, what, "a runbook is called after its file: rename one");
        return None;
    }
    let text = match crate::config::read_bounded(path) {
        Ok(text) => text,
        Err(why) => {
            walk.book.error(place, format!("runbook `{shown_path}` cannot be read: {why}"), "relative to this file");
            return None;
        }
    };
    let (mut book, faults) = runbook::read(&name, &text);
    for fault in &faults {
        let what = format!("{shown_path}:{}:{}: {}", fault.line, fault.column, fault.what);
        walk.book.error(place, what, fault.help.clone());
    }
    if book.steps.is_empty() && faults.is_empty() {
        let help = "a heading, and under it a command between ```sh read and ```";
        walk.book.error(place, format!("runbook `{shown_path}` has no steps"), help);
        return None;
    }
    book.path = path.display().to_string();
    faults.is_empty().then_some(book)
}
