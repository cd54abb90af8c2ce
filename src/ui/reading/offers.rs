//! Reads the box in which one chooses what is brought out of a service.
use super::Reader;
use crate::{
    core::{
        runs::{
            ArtifactName,
            offer::{Brings, Choice, Known, Offering, Reading},
        },
        screen::Draft,
    },
    ui::offers::Deploy,
};

impl Reader<'_> {
    pub(super) fn deploy(&self) -> Option<Deploy> {
        let (state, of) = (self.state, self.state.runs.offering.as_ref()?);
        let typed = state.screen.draft(Draft::Deploy).to_owned();
        let choices = of.choices(&typed);
        let cursor = state.screen.overlay_cursor.min(choices.len().saturating_sub(1));
        let chosen = choices.get(cursor);
        let verb = if of.reading.is_some() { "" } else { chosen.map_or("", verb) };
        let id = &of.service;
        let end = typed.len();
        Some(Deploy {
            env: (id.env.to_string(), state.inventory.env_kind(&id.env)),
            title: format!("Deploy {}", self.service_name(id)),
            now: of.known.as_ref().and_then(|known| known.as_ref().ok()?.now.clone()),
            means: of
                .brings
                .as_ref()
                .map_or_else(String::new, |brings| brings.as_ref().map_or_else(|_| String::new(), means)),
            hint: "or choose below with Up and Down".into(),
            rows: choices.iter().map(|choice| row(choice, &of.builds)).collect(),
            cursor,
            says: says(of, choices.is_empty(), typed.trim().is_empty()),
            wrong: wrong(of),
            verb: verb.to_owned(),
            typed: (typed, end),
        })
    }
}

fn verb(choice: &Choice) -> &'static str {
    match choice {
        Choice::Known(offer) if offer.runs => "",
        Choice::Default(_) | Choice::Known(_) | Choice::Named(..) => "review it",
        Choice::Build { .. } => "read the build, then review it",
        Choice::Path(_) => "go on with this path",
    }
}

fn row(choice: &Choice, builds: &[String]) -> (bool, String, String) {
    match choice {
        Choice::Build { path, version: None } if builds.contains(path) => {
            let (folder, name) = path.rsplit_once('/').unwrap_or_default();
            (false, name.to_owned(), format!("a build in {folder}"))
        }
        Choice::Default(words) => (false, words.clone(), "where nothing is named".to_owned()),
        Choice::Known(offer) => (offer.runs, offer.name.clone(), offer.more.clone()),
        Choice::Named(name, means) => (false, name.clone(), format!("as typed: {means}")),
        Choice::Build { path, version } => {
            let named =
                version.as_ref().map_or_else(|| "PATH as VERSION names it".to_owned(), |name| format!("as {name}"));
            (false, path.clone(), format!("this build; {named}"))
        }
        Choice::Path(path) => {
            let what = if path.starts_with(ArtifactName::BEGIN) {
                "left by a run of its pipeline"
            } else if path.ends_with('/') {
                "a folder"
            } else {
                "an archive"
            };
            (false, path.clone(), what.to_owned())
        }
    }
}

/// What can be typed.
fn means(brings: &Brings) -> String {
    let mut all: Vec<&str> = brings.names.iter().map(String::as_str).collect();
    if brings.builds {
        all.push("the path of a build here: an archive, or a folder that is packed first (Tab completes)");
    }
    if brings.artifacts {
        all.push("run:812 for what that run of its pipeline left");
    }
    if all.is_empty() { "nothing need be named".to_owned() } else { all.join(", or ") }
}

/// What is waited for, or why nothing stands there.
fn says(of: &Offering, empty: bool, untyped: bool) -> String {
    if let Some(reading) = &of.reading {
        return progress(reading);
    }
    match (&of.brings, &of.known) {
        (None, _) | (Some(Ok(_)), None) => "the hosts are asked which versions they know".to_owned(),
        (Some(Ok(_)), Some(Ok(Known { offers, .. }))) if empty && untyped && offers.is_empty() => {
            "the hosts know no version: type what to bring out".to_owned()
        }
        (Some(Ok(_)), Some(Ok(_))) if empty => "no version is called so".to_owned(),
        (Some(_), _) => String::new(),
    }
}

fn wrong(of: &Offering) -> String {
    if let Some(why) = &of.wrong {
        return why.clone();
    }
    match (&of.brings, &of.known) {
        (Some(Err(why)), _) => why.clone(),
        (_, Some(Err(why))) => format!("which versions there are is not known: {why}"),
        _ => String::new(),
    }
}

fn progress(reading: &Reading) -> String {
    let mib = |bytes: u64| format!("{:.1}", f64::from(u32::try_from(bytes >> 10).unwrap_or(u32::MAX)) / 1_024.0);
    let of = reading.of.map_or_else(String::new, |of| format!(" of {}", mib(of)));
    let what = if reading.packs { "packed" } else { "read" };
    format!("{}: {}{of} MiB {what}; Esc stops", reading.path, mib(reading.bytes))
}
