//! `qd runbook diff`: what incidents taught of a runbook, as a patch to review in git.
use color_eyre::eyre::eyre;
use serde_json::json;

use super::find;
use crate::{
    cli::{
        Common, Exit,
        setup::{self, Setup},
    },
    core::{
        incidents::{self, Incident},
        runbooks::{Runbook, counts, notes, patch},
        time::Timestamp,
    },
    store::{IfMissing, Since},
};

pub(super) fn run(setup: &Setup, common: &Common, name: &str) -> color_eyre::Result<Exit> {
    let loaded = setup.config(common)?;
    let book = find(Some(&loaded), name)?;
    let text = std::fs::read_to_string(&book.path).map_err(|error| eyre!("{}: {error}", book.path))?;
    let mut store = Setup::store(&loaded, IfMissing::Fail).map_err(|error| error.report())?;
    let now = setup.clock.now().utc;
    let since = Since { events: Timestamp(i64::MIN), results: now };
    let open = store.open_state(since).map_err(|error| error.report())?;
    let mut known = incidents::State::default();
    drop(incidents::update(&mut known, incidents::Msg::Stored(open.incidents), now, &setup.actor.by));
    let mut all: Vec<&Incident> = known.incidents.values().collect();
    all.sort_by_key(|of| of.opened);
    let diff = patch(&within(&book.path), &text, &notes(&book, &text, &all));
    if common.json {
        let data = json!({ "name": book.name, "path": book.path, "steps": steps(&book, &all), "diff": diff });
        setup::print_json("qd.runbook.diff/1", setup.clock.as_ref(), data)?;
        return Ok(Exit::Ok);
    }
    // The counts go where they are in nobody's way: the patch is for `git apply`.
    let mut rows = vec![["STEP", "USED", "LEFT OUT", "WRONG"].map(str::to_owned).to_vec()];
    for step in book.numbered() {
        let of = counts(&book, step, all.iter().copied());
        rows.push(vec![step.id.clone(), of.used.to_string(), of.skipped.to_string(), of.wrong.to_string()]);
    }
    setup::warn(setup::table(&rows).trim_end());
    setup::print(&diff)?;
    Ok(Exit::Ok)
}

/// A path as git has it where this is run within its folder.
fn within(path: &str) -> String {
    let path = std::path::Path::new(path);
    let here = std::env::current_dir().ok();
    let within = here.and_then(|here| path.strip_prefix(here).ok().map(std::path::Path::to_owned));
    within.unwrap_or_else(|| path.to_owned()).display().to_string().trim_start_matches('/').to_owned()
}

fn steps(book: &Runbook, all: &[&Incident]) -> Vec<serde_json::Value> {
    let step = |step| {
        let of = counts(book, step, all.iter().copied());
        json!({ "id": step.id, "used": of.used, "skipped": of.skipped, "wrong": of.wrong })
    };
    book.numbered().map(step).collect()
}
