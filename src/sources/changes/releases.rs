//! What lies between two releases of a service, asked of a host of it: its folders of releases, and the repository of git beside them.
//!
//! git runs with what a repository's own configuration may have it do turned off (commands for differences, signatures, monitors; the
//! network), so that whoever may write there does not have commands run by whoever looks.
use std::time::Duration;

use super::{GIT, shell};
use crate::{
    core::{inventory::Host, time::Timestamp},
    parse::compare::{self, Releases},
    remote::{Lane, Remote, Script, script::quote},
};

/// The question.
const SCRIPT: &str = include_str!("releases.sh");
/// git walks through history; on a slow disk that takes a while.
const PATIENCE: Duration = Duration::from_secs(30);

/// Asks a host what lies between two releases in a folder there; of what is not named, the release that runs, and the one before it.
///
/// # Errors
/// Why it is not known, in words.
pub async fn releases(
    remote: &dyn Remote,
    (host, path): (&Host, &str),
    (before, after): (Option<&str>, Option<&str>),
    at: Timestamp,
) -> Result<Releases, String> {
    let (seconds, folder) = (at.0.div_euclid(1_000).max(0), shell(path));
    let [before, after] = [before, after].map(|name| quote(name.unwrap_or_default()));
    // Hosts say what releases are called: nothing is put in among what was put in before.
    let text = format!("p={folder} b={before} a={after} at={seconds}\n{GIT}{SCRIPT}");
    let script = Script { path_prefix: host.path_prefix.clone(), timeout: PATIENCE, ..Script::new(text) };
    let output = remote.run(&host.name, Lane::Control, script).await.map_err(|error| error.to_string())?;
    compare::releases(&output.stdout)
}
