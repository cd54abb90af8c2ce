//! What older copies a host has of a file, and what stands in one: two scripts that only read. Contents are asked only of the one copy
//! that is compared, when somebody wants to see it; they go no further than the difference that is made of them.
use std::time::Duration;

use super::GIT;
use crate::{
    core::inventory::Host,
    parse::copies::{self, Copies, Place, Texts},
    remote::{Lane, Remote, Script, script::quote},
};

/// Which copies there are.
const COPIES: &str = include_str!("copies.sh");
/// What stands in one.
const COPY: &str = include_str!("copy.sh");
/// It looks through history and backups; on a slow disk that takes a while.
const PATIENCE: Duration = Duration::from_secs(30);
/// Most bytes of an answer: two files in base64.
const MOST: usize = 3 * copies::BYTES;

/// Asks a host which older copies it has of a file.
///
/// # Errors
/// Why it is not known, in words.
pub async fn copies(remote: &dyn Remote, host: &Host, path: &str) -> Result<Copies, String> {
    copies::read(&ask(remote, host, format!("f={}\n{GIT}{COPIES}", quote(path))).await?)
}

/// Asks a host what stands in a file, and in an older copy of it.
///
/// # Errors
/// Why it is not known, in words.
pub async fn texts(remote: &dyn Remote, host: &Host, path: &str, place: &Place) -> Result<Texts, String> {
    let (from, commit) = match place {
        Place::File(from) => (from, ""),
        Place::Commit { repo, commit, .. } => (repo, commit.as_str()),
    };
    let text = format!("f={} x={} c={}\n{GIT}{COPY}", quote(path), quote(from), quote(commit));
    copies::texts(&ask(remote, host, text).await?)
}

async fn ask(remote: &dyn Remote, host: &Host, text: String) -> Result<Vec<u8>, String> {
    let path_prefix = host.path_prefix.clone();
    let script = Script { path_prefix, timeout: PATIENCE, max_output: MOST, ..Script::new(text) };
    let output = remote.run(&host.name, Lane::Control, script).await.map_err(|error| error.to_string())?;
    Ok(output.stdout)
}
