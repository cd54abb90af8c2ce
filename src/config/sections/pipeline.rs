//! The pipeline that brings a service out in an environment.
use std::sync::Arc;

use crate::{
    config::{
        fields,
        raw::Raw,
        walk::{Keys, Walk},
        words::shown,
    },
    core::inventory::{Pipeline, PipelineHolds},
};

/// Where the API of github.com is.
const API: &str = "https://api.github.com";
/// What a token may go to: encrypted, or within this machine.
const SAFE: [&str; 4] = ["https://", "http://127.0.0.1", "http://localhost", "http://[::1]"];

/// Reads a pipeline; what is wrong with it is said, and it is left out.
pub(super) fn build(walk: &mut Walk<'_>, raw: &Raw) -> Option<Arc<Pipeline>> {
    let entries = walk.table(raw, Keys { fields: &[fields::PIPELINE], ..Keys::default() }, "`pipeline`");
    let (repo, workflow, token) = (entries.text("repo")?, entries.text("workflow")?, entries.owned("token")?);
    let fits = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
    let is_name = |name: &str| !name.is_empty() && name.chars().all(fits) && !name.starts_with('.');
    if !repo.split_once('/').is_some_and(|(owner, name)| is_name(owner) && is_name(name)) {
        let what = format!("`repo` is no repository: \"{}\"", shown(repo));
        walk.book.error(entries.place_of("repo"), what, "its owner and its name, as in \"acme/play\"");
        return None;
    }
    if !is_name(workflow) {
        let what = format!("`workflow` is no file of a workflow: \"{}\"", shown(workflow));
        walk.book.error(entries.place_of("workflow"), what, "the name of its file, as in \"deploy.yml\"");
        return None;
    }
    let api = entries.owned("api").unwrap_or_else(|| API.to_owned());
    if !SAFE.iter().any(|begin| api.starts_with(begin)) {
        walk.book.error(entries.place_of("api"), "the token would go to `api` in the open", "use https://");
        return None;
    }
    Some(Arc::new(Pipeline {
        repo: repo.to_owned(),
        workflow: workflow.to_owned(),
        branch: entries.owned("branch").unwrap_or_else(|| "main".to_owned()),
        environment: entries.owned("environment"),
        inputs: entries.pairs("inputs").into_iter().collect(),
        hold: match entries.text("hold") {
            Some("runs") => PipelineHolds::Runs,
            Some("nothing") => PipelineHolds::Nothing,
            Some(_) | None => PipelineHolds::Workflow,
        },
        version_input: entries.owned("version_input"),
        id_input: entries.owned("id_input"),
        token,
        api,
    }))
}
