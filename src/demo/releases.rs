//! The releases of the fleet's applications, as quarterdeck lays them: folders side by side, and a link to the one that runs.
use std::{fs, io, os::unix::fs::symlink, path::Path, path::PathBuf};

use sha2::Digest as _;

use super::{
    cast::{App, BUILDS},
    stage::Rooms,
    world::Version,
};
use crate::core::time::{MINUTE, Timestamp};

/// Returns the folder of an application on its host.
pub(super) fn folder(rooms: &Rooms, app: &App) -> PathBuf {
    rooms.home().join("www").join(app.name)
}

/// Lays the releases of an application, and the link to the one that runs.
///
/// # Errors
/// When the folder cannot be written.
pub(super) fn lay(folder: &Path, app: &App, born: Timestamp) -> io::Result<()> {
    for release in app.releases {
        let Version { version, release: name } = Version::of(release, born);
        let to = folder.join("releases").join(&name);
        fill(&to, app.name, &version)?;
        let sum = sum(app, &version);
        let at = (born.0 - release.minutes_ago * MINUTE) / 1_000;
        fs::write(to.join(".qd-release"), format!("version={version}\nsha256={sum}\nat={at}\nby=ana\n"))?;
    }
    let Some(last) = app.releases.last() else { return Ok(()) };
    symlink(Path::new("releases").join(Version::of(last, born).release), folder.join("current"))?;
    age(&folder.join("current"), (born.0 - last.minutes_ago * MINUTE) / 1_000);
    Ok(())
}

/// Dates a link back. Only `touch` can; where it cannot, the link is as old as the demo.
fn age(link: &Path, seconds: i64) {
    let at = format!("@{seconds}");
    let touched = std::process::Command::new("touch").args(["-h", "-d", &at]).arg(link).status();
    if !touched.is_ok_and(|status| status.success()) {
        tracing::debug!("a link of the demo is as old as the demo");
    }
}

/// Lays the builds that nobody has brought out yet, a folder each.
///
/// # Errors
/// When the folder cannot be written.
pub(super) fn lay_builds(folder: &Path, born: Timestamp) -> io::Result<()> {
    for build in &BUILDS {
        let to = folder.join(build.version);
        fill(&to, super::BUILDS_OF, build.version)?;
        let made = u64::try_from((born.0 - build.minutes_ago * MINUTE) / 1_000).unwrap_or_default();
        let made = std::time::UNIX_EPOCH + std::time::Duration::from_secs(made);
        fs::File::open(&to)?.set_modified(made)?;
    }
    Ok(())
}

/// Returns what the link leads to; none where it leads nowhere.
pub(super) fn current(folder: &Path) -> Option<Version> {
    let to = fs::read_link(folder.join("current")).ok()?;
    let about = fs::read_to_string(folder.join(&to).join(".qd-release")).ok()?;
    let version = about.lines().find_map(|line| line.strip_prefix("version="))?.to_owned();
    Some(Version { version, release: to.file_name()?.to_str()?.to_owned() })
}

fn fill(folder: &Path, app: &str, version: &str) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    fs::write(folder.join("server.js"), "// The demo simulates what runs here.\n")?;
    fs::write(folder.join("package.json"), format!("{{\"name\": \"{app}\", \"version\": \"{version}\"}}\n"))
}

/// Returns the hash of the archive that a release came from.
pub(super) fn sum(app: &App, version: &str) -> String {
    let digest = sha2::Sha256::digest(format!("{} {version}", app.name));
    digest.iter().flat_map(|byte| [byte >> 4, byte & 15]).filter_map(|half| char::from_digit(half.into(), 16)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::cast::HOSTS;

    #[test]
    fn the_link_leads_to_the_last_release() {
        let (dir, born) = (tempfile::tempdir().unwrap(), Timestamp(1_795_204_865_304));
        let app = &HOSTS[1].apps[0];
        assert_eq!(current(dir.path()), None);
        lay(dir.path(), app, born).unwrap();
        let now = current(dir.path()).unwrap();
        assert_eq!(now, Version::of(&app.releases[2], born));
        assert!(now.release.starts_with("2026") && now.release.ends_with("-2.31.1"), "{now:?}");
    }
}
