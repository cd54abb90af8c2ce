//! What the box asks for in which one chooses what is brought out: what hosts know, paths of this machine, builds.
use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use super::{artifact, build, inbox::Post, planning};
use crate::{
    config::Env,
    core::{
        Msg,
        inventory::Inventory,
        runs::{
            self, ArtifactName,
            offer::{Brings, OfferAsk, OfferMsg, Reading},
        },
        time::Clock,
    },
    recipes,
    remote::Remote,
    tasks::{Task, Tasks},
};

/// Entries of a folder that are looked at.
const LOOKED: usize = 20_000;
/// Paths that are listed.
const LISTED: usize = 50;

/// Builds that are offered.
const OFFERED: usize = 8;

/// What the answers are had with.
pub(super) struct Around<'a> {
    pub(super) remote: &'a Arc<dyn Remote>,
    pub(super) clock: &'a Arc<dyn Clock>,
    pub(super) inventory: &'a Arc<Inventory>,
    pub(super) post: &'a Post,
    pub(super) tasks: &'a Tasks,
}

/// Answers, and ends what nobody waits for any more.
#[derive(Debug, Default)]
pub(super) struct Desk {
    asking: Option<Task<()>>,
    reading: Option<(Task<()>, Arc<AtomicBool>)>,
}

impl Desk {
    pub(super) fn answer(&mut self, ask: OfferAsk, around: &Around<'_>) {
        match ask {
            OfferAsk::Versions(service) => {
                self.stop();
                let brings = match around.inventory.service(&service) {
                    Some(found) => recipes::brings(found)
                        .map(|brings| Brings { artifacts: brings.builds && found.pipeline.is_some(), ..brings }),
                    None => Err(format!("{service} is not in the configuration")),
                };
                let can = brings.is_ok();
                if let Some(folder) = brings.as_ref().ok().and_then(|brings| brings.folder.clone()) {
                    let (service, post) = (service.clone(), around.post.clone());
                    let list = move || {
                        let builds = builds(&folder, Env::of_process().home());
                        post.try_fact(told(OfferMsg::Builds(service, builds)));
                    };
                    around.tasks.blocking("builds", list).detach();
                }
                around.post.try_fact(told(OfferMsg::Brings(service.clone(), brings)));
                if !can {
                    return;
                }
                let (remote, clock) = (Arc::clone(around.remote), Arc::clone(around.clock));
                let (inventory, post) = (Arc::clone(around.inventory), around.post.clone());
                let ask = async move {
                    let known = planning::known(remote.as_ref(), &inventory, &service, clock.as_ref()).await;
                    post.fact(told(OfferMsg::Known(service, known))).await;
                };
                self.asking = Some(around.tasks.spawn("versions", ask));
            }
            OfferAsk::Paths { service, text } if text.starts_with(ArtifactName::BEGIN) => {
                let of = around.inventory.service(&service).and_then(|service| service.pipeline.clone());
                let post = around.post.clone();
                let list = async move {
                    let Some(of) = of else { return };
                    // What cannot be listed can be named all the same; reading it says why it cannot be had.
                    let left = artifact::left(&of, &Env::of_process(), &text).await.unwrap_or_default();
                    post.fact(told(OfferMsg::Paths(text, left))).await;
                };
                around.tasks.spawn("artifacts", list).detach();
            }
            OfferAsk::Paths { text, .. } => {
                let post = around.post.clone();
                let list = move || {
                    let paths = paths(&text, Env::of_process().home());
                    post.try_fact(told(OfferMsg::Paths(text, paths)));
                };
                around.tasks.blocking("paths", list).detach();
            }
            OfferAsk::Read { service, path, version } => {
                let of = around.inventory.service(&service).and_then(|service| service.pipeline.clone());
                let (post, typed, env) = (around.post.clone(), path.clone(), Env::of_process());
                let tell = move |progress: build::Progress| {
                    let build::Progress { packs, bytes, of } = progress;
                    let reading = Reading { path: typed.clone(), packs, bytes, of };
                    post.try_fact(told(OfferMsg::Reading(reading)));
                };
                let reader = build::Reader::new(around.tasks.clone(), &env, Arc::new(tell));
                let (stop, post) = (Arc::clone(&reader.stop), around.post.clone());
                let read = async move {
                    let read = match (ArtifactName::parse(&path), of) {
                        (Some(wanted), Some(of)) => reader.artifact(&of, &env, &wanted, version.as_deref()).await,
                        (Some(_) | None, _) => reader.read(&at_home(&path, env.home()), version.as_deref()).await,
                    };
                    let named = |error: &build::BuildError| {
                        if error.is_the_name() { format!("; name it: {path} as VERSION") } else { String::new() }
                    };
                    let read = read.map_err(|error| format!("{error}{}", named(&error)));
                    post.fact(told(OfferMsg::Read(path, read))).await;
                };
                self.reading = Some((around.tasks.spawn("build", read), stop));
            }
            OfferAsk::Stop => self.stop(),
        }
    }

    fn stop(&mut self) {
        if let Some(task) = self.asking.take() {
            task.stop();
        }
        if let Some((task, stop)) = self.reading.take() {
            stop.store(true, Ordering::Relaxed);
            task.stop();
        }
    }
}

fn told(msg: OfferMsg) -> Msg {
    Msg::Runs(runs::Msg::Offer(msg))
}

fn at_home(path: &str, home: &Path) -> PathBuf {
    match path.strip_prefix('~') {
        Some("") => home.to_owned(),
        Some(rest) if rest.starts_with('/') => home.join(rest.trim_start_matches('/')),
        _ => PathBuf::from(path),
    }
}

/// Lists the builds of a folder, the newest first.
fn builds(folder: &str, home: &Path) -> Vec<String> {
    let folder = format!("{}/", folder.trim_end_matches('/'));
    let made = |path: &String| std::fs::metadata(at_home(path, home)).and_then(|about| about.modified()).ok();
    let listed = paths(&folder, home).into_iter().map(|path| path.trim_end_matches('/').to_owned());
    let mut builds: Vec<_> = listed.map(|path| (made(&path), path)).collect();
    builds.sort_by(|a, b| b.cmp(a));
    builds.into_iter().take(OFFERED).map(|(_, path)| path).collect()
}

/// Lists folders and archives whose paths begin with a text, as one would go on typing them; folders end with a slash.
fn paths(text: &str, home: &Path) -> Vec<String> {
    let (folder, begins) = match text.rsplit_once('/') {
        Some((folder, begins)) => (format!("{folder}/"), begins),
        None if text == "~" => return vec!["~/".to_owned()],
        None => (String::new(), text),
    };
    let at = if folder.is_empty() { PathBuf::from(".") } else { at_home(&folder, home) };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(at).into_iter().flatten().flatten().take(LOOKED) {
        let name = entry.file_name();
        // What is no text cannot be typed.
        let Some(name) = name.to_str().filter(|name| name.starts_with(begins)) else { continue };
        let hidden = name.starts_with('.') && !begins.starts_with('.');
        if hidden || !name.chars().all(crate::parse::sanitise::is_safe) {
            continue;
        }
        let is_folder = entry.path().is_dir();
        if is_folder || build::ENDINGS.iter().any(|ending| name.ends_with(ending)) {
            found.push(format!("{folder}{name}{}", if is_folder { "/" } else { "" }));
        }
    }
    found.sort();
    found.truncate(LISTED);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_builds_of_a_folder_are_offered_the_newest_first() {
        let home = tempfile::tempdir().unwrap();
        for (name, age) in [("v1.tar", 30), ("v3.tgz", 10), ("v2", 20)] {
            let path = home.path().join(name);
            if name == "v2" {
                std::fs::create_dir(&path).unwrap();
            } else {
                std::fs::write(&path, "").unwrap();
            }
            let made = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_795_000_000 - age);
            std::fs::File::open(&path).unwrap().set_modified(made).unwrap();
        }
        std::fs::write(home.path().join("notes.txt"), "").unwrap();
        assert_eq!(builds("~/", home.path()), ["~/v3.tgz", "~/v2", "~/v1.tar"]);
        assert!(builds("~/none", home.path()).is_empty());
    }

    #[test]
    fn folders_and_archives_are_listed_as_one_would_go_on_typing() {
        let home = tempfile::tempdir().unwrap();
        for folder in ["dist", "dist-old", ".cache"] {
            std::fs::create_dir(home.path().join(folder)).unwrap();
        }
        for file in ["dist.tar.gz", "dist.txt", "my \u{1b}[31m.tar"] {
            std::fs::write(home.path().join(file), "").unwrap();
        }
        let shown = |text: &str| paths(text, home.path());
        assert_eq!(shown("~/di"), ["~/dist-old/", "~/dist.tar.gz", "~/dist/"]);
        assert_eq!(shown("~/"), ["~/dist-old/", "~/dist.tar.gz", "~/dist/"]);
        assert_eq!(shown("~/.c"), ["~/.cache/"]);
        assert_eq!(shown("~"), ["~/"]);
        let whole = format!("{}/dist-", home.path().display());
        assert_eq!(shown(&whole), [format!("{whole}old/")]);
        assert!(shown("~/none/").is_empty());
    }
}
