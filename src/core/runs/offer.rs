//! What can be brought out of a service, and what a person chooses of it: a version that is known, a name, a build.
use super::{ArtifactName, Build, Wanted, What, is_version};
use crate::core::id::ServiceId;

/// What can be brought out of a service, as its recipe is set: known before any host was asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Brings {
    /// What a name that is typed means: `a branch, tag or commit`; none where only what is listed or built can be.
    pub names: Option<String>,
    /// Whether an archive or a folder of this machine can be.
    pub builds: bool,
    /// Whether what a run of its pipeline left can be.
    pub artifacts: bool,
    /// The folder of this machine in which they lie, where the recipe names one.
    pub folder: Option<String>,
    /// What it is where nothing is named: `main, as its recipe has it`; none where something must be.
    pub default: Option<String>,
}

/// What the hosts of a service know of versions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// What runs now, where that is known.
    pub now: Option<String>,
    /// What can be chosen, the newest first.
    pub offers: Vec<Offer>,
}

/// A version that can be chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// What it is called: `v2.31.0`.
    pub name: String,
    /// How it did here, as far as runs tell, and more about it: `on 3 hosts, since 2026-11-18 09:11 by leo`.
    pub more: String,
    /// What is asked for when it is chosen.
    pub wanted: Wanted,
    /// Whether every host runs it now.
    pub runs: bool,
}

/// The box in which one chooses what is brought out.
#[derive(Clone, Debug, PartialEq)]
pub struct Offering {
    /// Of which service.
    pub service: ServiceId,
    /// What can be; why nothing can.
    pub brings: Option<Result<Brings, String>>,
    /// What the hosts know; why they do not say.
    pub known: Option<Result<Known, String>>,
    /// Builds that lie in the recipe's folder, the newest first.
    pub builds: Vec<String>,
    /// Paths of this machine that begin with this text.
    pub paths: Option<(String, Vec<String>)>,
    /// While a build is read: how far that is.
    pub reading: Option<Reading>,
    /// Why what was chosen last could not be.
    pub wrong: Option<String>,
}

/// How far the reading of a build is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// As it was typed.
    pub path: String,
    /// Whether a folder is still being packed; else its archive is hashed.
    pub packs: bool,
    /// Bytes that are done.
    pub bytes: u64,
    /// Of how many, where that is known.
    pub of: Option<u64>,
}

/// What the box is told.
#[derive(Clone, Debug, PartialEq)]
pub enum OfferMsg {
    /// A person asked for it.
    Opened(ServiceId),
    /// The recipe says what can be.
    Brings(ServiceId, Result<Brings, String>),
    /// The hosts have said what they know.
    Known(ServiceId, Result<Known, String>),
    /// Builds that lie in the recipe's folder, the newest first.
    Builds(ServiceId, Vec<String>),
    /// Paths were listed that begin with a text.
    Paths(String, Vec<String>),
    /// The text changed.
    Typed(String),
    /// A build is to be read.
    Chosen {
        /// Its path, as typed.
        path: String,
        /// What it is called; none: its name.
        version: Option<String>,
    },
    /// A build is being read.
    Reading(Reading),
    /// A build was read, by its path as typed.
    Read(String, Result<Build, String>),
    /// The box was closed.
    Closed,
}

/// What the box asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OfferAsk {
    /// What can be brought out of a service.
    Versions(ServiceId),
    /// Which paths of this machine begin with this, or which runs of its pipeline left something.
    Paths {
        /// Of which service.
        service: ServiceId,
        /// The text.
        text: String,
    },
    /// Read a build.
    Read {
        /// Of which service.
        service: ServiceId,
        /// Its path, as typed.
        path: String,
        /// What it is called; none: its name.
        version: Option<String>,
    },
    /// Nobody waits for anything any more.
    Stop,
}

/// A row of the box.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// What the recipe is set to bring out, in words.
    Default(String),
    /// A version that is known.
    Known(Offer),
    /// The name that was typed, and what it would be.
    Named(String, String),
    /// The build whose path was typed, and what it is to be called.
    Build {
        /// Its path.
        path: String,
        /// What it is called; none: its name.
        version: Option<String>,
    },
    /// A path that begins as the one that is typed.
    Path(String),
}

impl Offering {
    /// Makes the box for a service about which nothing is known yet.
    pub const fn new(service: ServiceId) -> Self {
        Self { service, brings: None, known: None, builds: Vec::new(), paths: None, reading: None, wrong: None }
    }

    fn brings(&self) -> Option<&Brings> {
        self.brings.as_ref()?.as_ref().ok()
    }

    /// Says whether what is typed is the path of a build, rather than a name.
    pub fn is_path(&self, typed: &str) -> bool {
        if typed.starts_with(ArtifactName::BEGIN) {
            return self.brings().is_some_and(|brings| brings.artifacts);
        }
        let begins = ["/", "~", "./", "../"].iter().any(|start| typed.starts_with(start));
        self.brings().is_some_and(|brings| brings.builds && (begins || brings.names.is_none() && typed.contains('/')))
    }

    /// Returns what can be chosen for what is typed; what Enter takes by itself stands first.
    pub fn choices(&self, typed: &str) -> Vec<Choice> {
        let typed = typed.trim();
        let brings = self.brings().cloned().unwrap_or_default();
        let mut all = Vec::new();
        if self.is_path(typed) {
            let (path, version) = called(typed);
            let build = Choice::Build { path: path.to_owned(), version };
            let of = self.paths.iter().filter(|(of, _)| of == listed(path));
            let paths = of.flat_map(|(_, paths)| paths).filter(|found| *found != path && found.starts_with(path));
            return [build].into_iter().chain(paths.cloned().map(Choice::Path)).collect();
        }
        if typed.is_empty() {
            all.extend(brings.default.map(Choice::Default));
        }
        let lower = typed.to_lowercase();
        let known = self.known.iter().flatten().flat_map(|known| &known.offers);
        let known: Vec<&Offer> = known.filter(|offer| offer.name.to_lowercase().contains(&lower)).collect();
        let exact = known.iter().any(|offer| offer.name == typed);
        // What was typed in full is meant as it was typed.
        if let Some(means) = brings.names.filter(|_| !typed.is_empty() && !exact) {
            all.push(Choice::Named(typed.to_owned(), means));
        }
        // What was built and not brought out yet is what one mostly wants.
        let fits = |path: &&String| path.rsplit('/').next().is_some_and(|name| name.to_lowercase().contains(&lower));
        let builds = self.builds.iter().filter(fits);
        all.extend(builds.map(|path| Choice::Build { path: path.clone(), version: None }));
        let (same, rest): (Vec<&Offer>, Vec<&Offer>) = known.into_iter().partition(|offer| offer.name == typed);
        all.extend(same.into_iter().chain(rest).cloned().map(Choice::Known));
        if all.is_empty() && brings.builds && !typed.is_empty() {
            let (path, version) = called(typed);
            all.push(Choice::Build { path: path.to_owned(), version });
        }
        all
    }

    /// Completes a path as far as all that begin with it agree; none where that is no further than what is typed.
    pub fn completed(&self, typed: &str) -> Option<String> {
        let (_, paths) = self.paths.as_ref().filter(|(of, _)| of == listed(typed))?;
        let paths: Vec<&String> = paths.iter().filter(|path| path.starts_with(typed)).collect();
        let first = paths.first()?;
        let same = |other: &&String| first.chars().zip(other.chars()).take_while(|(a, b)| a == b).count();
        let all = paths.iter().map(same).min()?;
        Some(first.chars().take(all).collect()).filter(|text: &String| text.len() > typed.len())
    }
}

/// Returns what paths are listed for: of what runs left, all runs, or all that one left.
fn listed(path: &str) -> &str {
    match (path.strip_prefix(ArtifactName::BEGIN), path.rsplit_once('/')) {
        (None, _) => path,
        (Some(_), Some((run, _))) => path.get(..=run.len()).unwrap_or(path),
        (Some(_), None) => ArtifactName::BEGIN,
    }
}

/// Parts a build's path from what it is to be called: `PATH as VERSION`.
fn called(typed: &str) -> (&str, Option<String>) {
    match typed.rsplit_once(" as ") {
        Some((path, version)) if is_version(version.trim()) => (path.trim(), Some(version.trim().to_owned())),
        _ => (typed, None),
    }
}

/// Applies one message; returns what is to be done, and what is wanted once a build was read.
pub fn update(state: &mut Option<Offering>, msg: OfferMsg) -> (Vec<OfferAsk>, Option<(ServiceId, Wanted)>) {
    let mut asks = Vec::new();
    match msg {
        OfferMsg::Opened(service) => {
            asks.push(OfferAsk::Versions(service.clone()));
            *state = Some(Offering::new(service));
        }
        OfferMsg::Closed => {
            *state = None;
            asks.push(OfferAsk::Stop);
        }
        OfferMsg::Read(path, read) => {
            let Some(of) = state.as_mut().filter(|of| of.reading.as_ref().is_some_and(|is| is.path == path)) else {
                return (asks, None);
            };
            of.reading = None;
            match read {
                Ok(build) => {
                    let service = of.service.clone();
                    *state = None;
                    return (asks, Some((service, Wanted::Deploy { what: What::Build(build) })));
                }
                Err(why) => of.wrong = Some(why),
            }
        }
        OfferMsg::Brings(service, brings) => {
            if let Some(of) = state.as_mut().filter(|of| of.service == service) {
                of.brings = Some(brings);
            }
        }
        OfferMsg::Known(service, known) => {
            if let Some(of) = state.as_mut().filter(|of| of.service == service) {
                of.known = Some(known);
            }
        }
        OfferMsg::Builds(service, builds) => {
            if let Some(of) = state.as_mut().filter(|of| of.service == service) {
                of.builds = builds;
            }
        }
        OfferMsg::Paths(text, paths) => {
            if let Some(of) = state {
                of.paths = Some((text, paths));
            }
        }
        OfferMsg::Typed(text) => {
            if let Some(of) = state {
                of.wrong = None;
                let path = called(text.trim()).0;
                let wanted = listed(path);
                if of.is_path(text.trim()) && of.paths.as_ref().is_none_or(|(known, _)| known != wanted) {
                    asks.push(OfferAsk::Paths { service: of.service.clone(), text: wanted.to_owned() });
                }
            }
        }
        OfferMsg::Chosen { path, version } => {
            if let Some(of) = state {
                of.wrong = None;
                of.reading = Some(Reading { path: path.clone(), packs: false, bytes: 0, of: None });
                asks.push(OfferAsk::Read { service: of.service.clone(), path, version });
            }
        }
        OfferMsg::Reading(reading) => {
            if let Some(of) = state.as_mut().and_then(|of| of.reading.as_mut()).filter(|of| of.path == reading.path) {
                *of = reading;
            }
        }
    }
    (asks, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(name: &str) -> Offer {
        let wanted = Wanted::Rollback { to: Some(name.to_owned()) };
        Offer { name: name.into(), more: String::new(), wanted, runs: false }
    }

    fn offering(names: bool, builds: bool) -> Offering {
        let names = names.then(|| "a branch, tag or commit".to_owned());
        Offering {
            brings: Some(Ok(Brings { names, builds, ..Brings::default() })),
            known: Some(Ok(Known { now: None, offers: vec![offer("v2.31.0"), offer("v2.30.4")] })),
            ..Offering::new("play@prod".parse().unwrap())
        }
    }

    #[test]
    fn what_is_typed_in_full_is_meant_as_it_was_typed() {
        let of = offering(true, false);
        assert_eq!(of.choices(""), [Choice::Known(offer("v2.31.0")), Choice::Known(offer("v2.30.4"))]);
        let means = "a branch, tag or commit".to_owned();
        assert_eq!(
            of.choices("v2.30"),
            [Choice::Named("v2.30".into(), means.clone()), Choice::Known(offer("v2.30.4"))]
        );
        assert_eq!(of.choices(" v2.30.4 "), [Choice::Known(offer("v2.30.4"))]);
        // A branch may have slashes: without builds no text is a path.
        assert_eq!(of.choices("fix/pool"), [Choice::Named("fix/pool".into(), means)]);
    }

    #[test]
    fn a_path_is_a_build_and_may_be_given_a_name() {
        let mut of = offering(false, true);
        let build = |path: &str, version: Option<&str>| Choice::Build {
            path: path.to_owned(),
            version: version.map(str::to_owned),
        };
        assert_eq!(of.choices("/srv/dist as v9"), [build("/srv/dist", Some("v9"))]);
        assert_eq!(of.choices("/srv/known as well"), [build("/srv/known", Some("well"))]);
        assert_eq!(of.choices("/srv/as is.tar"), [build("/srv/as is.tar", None)]);
        assert_eq!(of.choices("dist"), [build("dist", None)]);
        of.paths = Some(("/srv/d".into(), vec!["/srv/dist-1.tar".into(), "/srv/dist-2.tar".into()]));
        assert_eq!(of.choices("/srv/d").len(), 3);
        assert_eq!(of.completed("/srv/d").as_deref(), Some("/srv/dist-"));
        assert_eq!(of.completed("/srv/di"), None, "listed for another text");
    }

    #[test]
    fn what_a_run_of_its_pipeline_left_is_named_by_the_run() {
        let mut of = offering(false, true);
        assert!(!of.is_path("run:812"), "it has no pipeline");
        if let Some(Ok(brings)) = &mut of.brings {
            brings.artifacts = true;
        }
        let mut state = Some(of);
        let typed = |state: &mut Option<Offering>, text: &str| update(state, OfferMsg::Typed(text.into())).0;
        let ask = |text: &str| vec![OfferAsk::Paths { service: "play@prod".parse().unwrap(), text: text.into() }];
        assert_eq!(typed(&mut state, "run:"), ask("run:"));
        assert_eq!(typed(&mut state, "run:8"), ask("run:"), "not told yet");
        _ = update(
            &mut state,
            OfferMsg::Paths("run:".into(), vec!["run:812".into(), "run:811".into(), "run:7".into()]),
        );
        assert_eq!(typed(&mut state, "run:81"), [], "it is known");
        let of = state.as_ref().unwrap();
        let build = |path: &str| Choice::Build { path: path.into(), version: None };
        let path = |path: &str| Choice::Path(path.into());
        assert_eq!(of.choices("run:81"), [build("run:81"), path("run:812"), path("run:811")]);
        assert_eq!(of.completed("run:8").as_deref(), Some("run:81"));
        assert_eq!(typed(&mut state, "run:812/"), ask("run:812/"));
        let named = |text| ArtifactName::parse(text).map(|of| (of.run, of.name));
        assert_eq!(named("run:812/play dist"), Some((812, Some("play dist".into()))));
        assert_eq!(named("run:812/"), Some((812, None)));
        assert_eq!((named("run:"), named("run:x"), named("./run:812")), (None, None, None));
    }

    #[test]
    fn builds_of_the_recipes_folder_stand_before_what_is_known() {
        let mut of = offering(false, true);
        of.builds = vec!["/srv/dist/v2.31.1.tar".into(), "/srv/dist/v2.31.0.tar".into()];
        let build = |path: &str| Choice::Build { path: path.to_owned(), version: None };
        let all = of.choices("");
        assert_eq!(all[..2], [build("/srv/dist/v2.31.1.tar"), build("/srv/dist/v2.31.0.tar")]);
        assert_eq!(all.len(), 4);
        assert_eq!(of.choices("31.1"), [build("/srv/dist/v2.31.1.tar")]);
        _ = update(&mut Some(of), OfferMsg::Builds("cloud@prod".parse().unwrap(), Vec::new()));
    }

    #[test]
    fn a_build_that_nobody_waits_for_any_more_is_not_brought_out() {
        let mut state = None;
        let build = Build {
            path: "/b".into(),
            version: "v1".into(),
            sha256: "0".into(),
            bytes: 1,
            made: crate::core::time::Timestamp(0),
        };
        _ = update(&mut state, OfferMsg::Opened("play@prod".parse().unwrap()));
        _ = update(&mut state, OfferMsg::Chosen { path: "/a".into(), version: None });
        assert_eq!(update(&mut state, OfferMsg::Read("/b".into(), Ok(build.clone()))).1, None);
        assert_eq!(update(&mut state, OfferMsg::Closed).0, [OfferAsk::Stop]);
        assert_eq!(update(&mut state, OfferMsg::Read("/a".into(), Ok(build.clone()))).1, None);
        _ = update(&mut state, OfferMsg::Opened("play@prod".parse().unwrap()));
        _ = update(&mut state, OfferMsg::Chosen { path: "/a".into(), version: None });
        _ = update(&mut state, OfferMsg::Read("/a".into(), Err("gone".into())));
        assert_eq!(state.as_ref().and_then(|of| of.wrong.as_deref()), Some("gone"));
        _ = update(&mut state, OfferMsg::Chosen { path: "/a".into(), version: None });
        assert!(update(&mut state, OfferMsg::Read("/a".into(), Ok(build))).1.is_some());
        assert_eq!(state, None);
    }
}
