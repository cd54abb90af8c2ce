//! What changed on a host, asked when an incident opens and by hand: one script that only reads.
//!
//! `changes.sh` needs a POSIX shell, find, stat and date as GNU or busybox have them. It tells names, times and hashes of files, never what stands in
//! them; lines that others wrote (jobs, packages, logins) are bounded and pass the redactor, since a job's command may hold a password.
use std::time::Duration;

use crate::{
    core::{
        incidents::suspects::HostChanges,
        inventory::{Host, Inventory},
        logs::redact::Redactor,
        time::{Clock, Timestamp},
    },
    parse::changes::{self, Asked},
    remote::{Lane, Remote, Script, script::quote},
};

mod copies;
mod releases;

pub use copies::{copies, texts};
pub use releases::releases;

/// The question.
pub const SCRIPT: &str = include_str!("changes.sh");
/// What finds the files of configuration, in every script that asks for them.
const FILES: &str = include_str!("files.sh");
/// What asks git, in every script that does.
const GIT: &str = include_str!("git.sh");
/// The first words of the script, by which a simulated host knows it.
pub const MARK: &str = "# qd-changes 1";
/// It looks through folders of configuration; on a slow disk that takes a while.
const PATIENCE: Duration = Duration::from_secs(20);

/// Returns the script for changes since a moment, with the services' folders.
pub fn script(since: Timestamp, paths: &[&str]) -> String {
    let seconds = since.0.div_euclid(1_000).max(0).to_string();
    with_folders(SCRIPT, paths).replace("@SINCE@", &seconds)
}

/// Gives a script what finds the files of configuration, with the services' folders.
pub(super) fn with_folders(script: &str, paths: &[&str]) -> String {
    let paths: Vec<String> = paths.iter().map(|path| shell(path)).collect();
    // An empty list is no mistake of its loops.
    script.replace("@FILES@", FILES).replace("@PATHS@", &paths.join(" "))
}

/// Writes a folder for the shell; a tilde is the home of who logs in.
fn shell(path: &str) -> String {
    path.strip_prefix("~/").map_or_else(|| quote(path), |rest| format!("\"$HOME\"/{}", quote(rest)))
}

/// Asks a host what changed there since a moment.
///
/// # Errors
/// Why it is not known, in words.
pub async fn look(
    remote: &dyn Remote,
    (inventory, host): (&Inventory, &Host),
    since: Timestamp,
    clock: &dyn Clock,
    redact: &Redactor,
) -> Result<HostChanges, String> {
    let services = inventory.folders_on(&host.name);
    let paths: Vec<&str> = services.iter().filter_map(|(_, path)| path.as_deref()).collect();
    let script =
        Script { path_prefix: host.path_prefix.clone(), timeout: PATIENCE, ..Script::new(script(since, &paths)) };
    let output = remote.run(&host.name, Lane::Control, script).await.map_err(|error| error.to_string())?;
    let asked = Asked { host: &host.name, services: &services, since, at: clock.now().utc };
    let mut found = changes::read(&output.stdout, asked)?;
    for change in &mut found.changes {
        for text in std::iter::once(&mut change.what).chain(&mut change.detail) {
            *text = redact.text(text).into_owned();
        }
    }
    Ok(found)
}
