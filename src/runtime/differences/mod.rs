//! Looks up what a change changed: commits at GitHub or by git on a host, lines of a file by the older copy that its host has. Nothing is
//! changed by it, and nothing of it is stored.
mod files;

use super::pipeline;
use crate::{
    config::Env,
    core::{
        id::ServiceId,
        incidents::suspects::difference::{Ask, Between, Commits, Difference, Line, Mark},
        inventory::{Host, Inventory, Pipeline},
        logs::redact::Redactor,
    },
    parse::compare::Releases,
    remote::{Remote, github::GitHub},
    sources::changes,
};

/// Hosts that are asked at most: where one is not reached, another may be.
const HOSTS: usize = 2;
/// Letters of a name that GitHub or git is asked for.
const NAME: usize = 100;

/// Two names, or hashes, that a repository may know.
type Pair = (String, String);

/// Looks up what a change changed.
///
/// # Errors
/// Why it is not known, and what to do, in lines.
pub async fn look(
    remote: &dyn Remote,
    inventory: &Inventory,
    ask: &Ask,
    redact: &Redactor,
) -> Result<Difference, String> {
    let found = match &ask.between {
        Between::Versions { before, after } => {
            let versions = (before.as_deref(), after.as_deref());
            releases(remote, inventory, ask, versions, &Env::of_process()).await
        }
        Between::File { path, before, after } => {
            let file = files::Asked { path, before: before.as_deref(), after: after.as_deref() };
            files::look(remote, inventory, ask, file).await
        }
    };
    let veil = |text: &str| redact.text(text).into_owned();
    found.map(|found| found.veiled(veil)).map_err(|why| veil(&why))
}

/// Asks GitHub where it is known which commits they are, else a host, and with what that says GitHub again.
async fn releases(
    remote: &dyn Remote,
    inventory: &Inventory,
    ask: &Ask,
    (before, after): (Option<&str>, Option<&str>),
    env: &Env,
) -> Result<Difference, String> {
    let mut why = Vec::new();
    let service = ask.service.as_ref().and_then(|id| inventory.service(id));
    let pipeline = service.and_then(|service| service.pipeline.as_deref());
    let github = match pipeline {
        Some(pipeline) => Some((pipeline, pipeline::github(pipeline, env).await)),
        None => None,
    };
    let known = pair(before, after);
    if let (Some((pipeline, github)), Some(pair)) = (&github, &known) {
        match at_github(github, pipeline, pair).await {
            Ok(found) => return Ok(found),
            Err(error) => why.push(error),
        }
    }
    for (host, path) in places(inventory, ask).into_iter().take(HOSTS) {
        let told = match changes::releases(remote, (host, &path), (before, after), ask.at).await {
            Ok(told) => told,
            Err(error) => {
                why.push(format!("{}: {error}", host.name));
                continue;
            }
        };
        if let Some(commits) = &told.commits {
            let from = format!("git in {} on {}", told.repo.as_deref().unwrap_or(&path), host.name);
            let mut lines = between(&told);
            lines.extend(why.into_iter().map(|why| (Mark::Doubt, why)));
            lines.extend(commits.lines());
            return Ok(Difference::new(from, lines));
        }
        let of = |side: &Option<(String, Option<String>)>| {
            side.as_ref().map(|(name, rev)| rev.clone().unwrap_or_else(|| name.clone()))
        };
        let (before, after) = (of(&told.before), of(&told.after));
        let pair = pair(before.as_deref(), after.as_deref()).filter(|pair| known.as_ref() != Some(pair));
        if let (Some((pipeline, github)), Some(pair)) = (&github, &pair) {
            match at_github(github, pipeline, pair).await {
                Ok(mut found) => {
                    let mut lines = between(&told);
                    lines.append(&mut found.lines);
                    return Ok(Difference::new(found.from, lines));
                }
                Err(error) => why.push(error),
            }
        }
        why.extend(told.missing.iter().map(|missing| format!("{}: {missing}", host.name)));
        break;
    }
    Err(nothing(ask.service.as_ref(), pipeline, why))
}

/// The hosts on which a release was brought out, with the service's folder there.
fn places<'a>(inventory: &'a Inventory, ask: &Ask) -> Vec<(&'a Host, String)> {
    let Some(service) = ask.service.as_ref().and_then(|id| inventory.service(id)) else { return Vec::new() };
    let hosts = if ask.hosts.is_empty() { &service.hosts } else { &ask.hosts };
    let of = |host| {
        let folders = inventory.folders_on(host);
        let (_, path) = folders.into_iter().find(|(id, _)| *id == service.id)?;
        Some((inventory.host(host)?.as_ref(), path?))
    };
    hosts.iter().filter_map(of).collect()
}

/// Says between which releases it lies, and whether that is sure.
fn between(told: &Releases) -> Vec<Line> {
    let name = |side: &Option<(String, Option<String>)>| {
        side.as_ref().map_or_else(|| "?".to_owned(), |(name, _)| name.clone())
    };
    let (before, after) = (name(&told.before), name(&told.after));
    let mut lines = vec![(Mark::Same, format!("from {before} to {after}"))];
    if told.guessed {
        let sure = format!("{before} is taken for the one before: the newest other release that lay there by then");
        lines.push((Mark::Doubt, sure));
    }
    lines
}

/// Says why nothing is known, and what would help.
fn nothing(service: Option<&ServiceId>, pipeline: Option<&Pipeline>, mut why: Vec<String>) -> String {
    let Some(service) = service else {
        why.push("it belongs to no service that is configured: nobody knows its repository".to_owned());
        return why.join("\n");
    };
    if pipeline.is_none() {
        why.push(format!(
            "no repository at GitHub is configured for {service}: a `pipeline` with `repo = \"owner/name\"` where its hosts are says it"
        ));
    }
    if why.is_empty() {
        why.push(format!("no host of {service} is known with a folder of it: `path` in its recipe says where it lies"));
    }
    why.join("\n")
}

async fn at_github(github: &Result<GitHub, String>, pipeline: &Pipeline, pair: &Pair) -> Result<Difference, String> {
    let github = github.as_ref().map_err(|why| format!("GitHub, {}: {why}", pipeline.repo))?;
    let mut first = None;
    // Who names releases without the `v` of their tags, or the other way round, means the same.
    let other = tagged(&pair.0).zip(tagged(&pair.1));
    for (before, after) in std::iter::once(pair.clone()).chain(other) {
        match compared(github, &before, &after).await {
            Ok(commits) => {
                let mut lines = vec![(Mark::Same, format!("from {before} to {after}"))];
                lines.extend(commits.lines());
                return Ok(Difference::new(format!("GitHub, {}", pipeline.repo), lines));
            }
            Err(error) => _ = first.get_or_insert(format!("{error}: {before}...{after} of {}", pipeline.repo)),
        }
    }
    Err(first.unwrap_or_default())
}

/// Compares two; of what was taken back GitHub lists the commits only where it is asked the other way round.
async fn compared(github: &GitHub, before: &str, after: &str) -> Result<Commits, String> {
    let words = |error: crate::remote::github::Error| error.to_string();
    let found = github.compare(before, after).await.map_err(words)?;
    if found.come > 0 || found.gone == 0 {
        return Ok(found);
    }
    let mut back = github.compare(after, before).await.map_err(words)?;
    (back.come, back.gone) = (found.come, found.gone);
    for file in &mut back.files {
        std::mem::swap(&mut file.come, &mut file.gone);
    }
    Ok(back)
}

/// Two names that may be asked for.
fn pair(before: Option<&str>, after: Option<&str>) -> Option<Pair> {
    Some((name(before?)?, name(after?)?)).filter(|(before, after)| before != after)
}

/// The part of a version by which a repository may know it: of an image its tag.
fn name(version: &str) -> Option<String> {
    let tag = version.rsplit(':').next().unwrap_or(version).trim();
    let fits = |letter: char| letter.is_ascii_alphanumeric() || "._/+-".contains(letter);
    let is = (1..=NAME).contains(&tag.len()) && tag.chars().all(fits) && !tag.starts_with(['-', '.', '/']);
    (is && !tag.contains("..") && !version.contains("@sha256:")).then(|| tag.to_owned())
}

/// The same version with the `v` of its tag, or without it.
fn tagged(name: &str) -> Option<String> {
    let begins = |text: &str| text.starts_with(|letter: char| letter.is_ascii_digit());
    match name.strip_prefix('v') {
        Some(bare) if begins(bare) => Some(bare.to_owned()),
        Some(_) => None,
        // A hash is no version.
        None => (begins(name) && name.contains('.')).then(|| format!("v{name}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_go_into_a_question() {
        let of = |version| name(version).unwrap_or_default();
        assert_eq!(of("v2.31.0"), "v2.31.0");
        assert_eq!(of("registry.example:5000/acme/play:2.31.0"), "2.31.0");
        assert_eq!(of("feature/x"), "feature/x");
        for hostile in ["", "-x", "a..b", "../x", "a b", "a\nb", "$(x)", "acme/play@sha256:00ff", "/etc"] {
            assert_eq!(name(hostile), None, "{hostile}");
        }
        assert_eq!(pair(Some("v1"), Some("v1")), None);
        assert_eq!(pair(Some("v1"), None), None);
        assert_eq!(tagged("v2.3"), Some("2.3".into()));
        assert_eq!(tagged("2.3"), Some("v2.3".into()));
        assert_eq!((tagged("main"), tagged("vnext"), tagged("0123abc")), (None, None, None));
    }

    #[test]
    fn what_is_missing_is_said_with_what_helps() {
        let play: ServiceId = "play@prod".parse().unwrap();
        let why = nothing(Some(&play), None, vec!["web-01: no route".into()]);
        assert!(
            why.starts_with(
                "web-01: no route\nno repository at GitHub is configured for play@prod: a `pipeline` with `repo"
            ),
            "{why}"
        );
        let pipeline = Pipeline::new("acme/play", "deploy.yml", "env:TOKEN");
        assert!(nothing(Some(&play), Some(&pipeline), Vec::new()).contains("`path` in its recipe"));
        assert!(nothing(None, None, Vec::new()).contains("no service"));
    }
}
