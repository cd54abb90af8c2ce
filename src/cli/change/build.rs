//! A build that is to be brought out: an archive, or a folder that is packed first.
use std::{
    io::Read as _,
    path::{Path, PathBuf},
    time::Duration,
};

use color_eyre::eyre::{Result, eyre};
use sha2::Digest as _;

use crate::{
    cli::setup::Setup,
    config,
    core::{
        runs::{Build, is_version},
        time::Timestamp,
    },
    remote::{self, Exit, Script, script::quote},
};

/// Packing a large folder.
const PACK: Duration = Duration::from_secs(600);

/// Reads a build: its hash, its length, when it was made and what it is called.
pub(super) fn read(setup: &Setup, path: &Path, version: Option<&str>) -> Result<Build> {
    let shown = path.display();
    let about = std::fs::metadata(path).map_err(|error| eyre!("the build {shown} cannot be read: {error}"))?;
    let version = match version {
        Some(version) => version.to_owned(),
        None => {
            named(path).ok_or_else(|| eyre!("{shown} has no name to call its version by\n  name it: --as VERSION"))?
        }
    };
    if !is_version(&version) {
        return Err(eyre!(
            "{version:?} cannot be a version\n  up to 48 letters, digits, dots, dashes, underscores and pluses: --as VERSION"
        ));
    }
    let archive = if about.is_dir() { pack(setup, path, &version)? } else { std::path::absolute(path)? };
    let (sha256, bytes) = digest(&archive).map_err(|error| eyre!("{}: {error}", archive.display()))?;
    Ok(Build { path: archive.display().to_string(), version, sha256, bytes, made: made(&about) })
}

/// Reads a file that a task is given: it goes to the hosts as it is.
pub(super) fn file(path: &Path) -> Result<Build> {
    let shown = path.display();
    let about = std::fs::metadata(path).map_err(|error| eyre!("{shown} cannot be read: {error}"))?;
    if !about.is_file() {
        return Err(eyre!("{shown} is no file"));
    }
    let (sha256, bytes) = digest(path).map_err(|error| eyre!("{shown}: {error}"))?;
    let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    Ok(Build {
        path: std::path::absolute(path)?.display().to_string(),
        version: name,
        sha256,
        bytes,
        made: made(&about),
    })
}

fn made(about: &std::fs::Metadata) -> Timestamp {
    let made = about.modified().ok().and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
    made.and_then(|at| i64::try_from(at.as_secs()).ok()).map_or(Timestamp(0), |at| Timestamp(at * 1_000))
}

/// Returns what a build is called: its file's name without the endings of archives.
fn named(path: &Path) -> Option<String> {
    let name = path.file_name().or_else(|| path.parent()?.file_name())?.to_str()?;
    let name = [".tar.gz", ".tgz", ".tar"].iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(name);
    Some(name.to_owned()).filter(|name| !name.is_empty())
}

/// Packs a folder into an archive of the state directory; what is packed alike hashes alike where tar can.
fn pack(setup: &Setup, folder: &Path, version: &str) -> Result<PathBuf> {
    let builds = config::locate::state_dir(&setup.env).join("builds");
    std::fs::create_dir_all(&builds)?;
    let archive = builds.join(format!("{version}.tar"));
    let (from, to) = (folder.display().to_string(), archive.display().to_string());
    let plain = format!("tar -C {} -cf {} .", quote(&from), quote(&to));
    let text = format!(
        "tar --sort=name --owner=0 --group=0 --numeric-owner -C {} -cf {} . 2>/dev/null || {plain}",
        quote(&from),
        quote(&to)
    );
    let output = setup.runtime.block_on(remote::run_here(&Script { timeout: PACK, ..Script::new(text) }))?;
    if output.exit != Exit::Code(0) {
        let said = crate::parse::sanitise::line(output.stderr.trim_ascii());
        return Err(eyre!("{from} could not be packed: {said}"));
    }
    Ok(archive)
}

fn digest(path: &Path) -> std::io::Result<(String, u64)> {
    let mut file = std::fs::File::open(path)?;
    let (mut digest, mut bytes, mut buffer) = (sha2::Sha256::new(), 0, vec![0; 1 << 20]);
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        digest.update(buffer.get(..read).unwrap_or_default());
        bytes += u64::try_from(read).unwrap_or(0);
    }
    let hex = digest.finalize().iter().fold(String::new(), |mut hex, byte| {
        for half in [byte >> 4, byte & 15] {
            hex.extend(char::from_digit(u32::from(half), 16));
        }
        hex
    });
    Ok((hex, bytes))
}
