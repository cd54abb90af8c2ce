//! What a run of a pipeline left to be brought out: fetched, checked against the digest that the server says, and unpacked, so that it
//! can be read like any build of this machine.
use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, UNIX_EPOCH},
};

use super::{
    build::{BuildError, ENDINGS, Progress, Reader, digest},
    pipeline,
};
use crate::{
    config::Env,
    core::{
        inventory::Pipeline,
        runs::{ArtifactName, Build, PipelineRun, is_version},
        time::Timestamp,
    },
    parse::github::Artifact,
    remote::github::GitHub,
};

/// Most bytes that are unpacked, and most files: an archive may hold more than a disk.
const UNPACKED: u64 = 8 << 30;
const FILES: usize = 200_000;

/// How the folders begin in which what runs left is unpacked.
pub(super) const PLACE: &str = ".run-";

/// Where what a run left is unpacked; it goes with whoever waits for it.
struct Place(PathBuf);

impl Drop for Place {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(path = %self.0.display(), %error, "what a run left stays");
        }
    }
}

impl Reader {
    /// Reads what a run of a pipeline left, as a build.
    ///
    /// # Errors
    /// When there is none, it cannot be had, or is not what the server says it is.
    pub async fn artifact(
        &self,
        pipeline: &Pipeline,
        env: &Env,
        wanted: &ArtifactName,
        version: Option<&str>,
    ) -> Result<Build, BuildError> {
        let wrong = |why: String| BuildError::Artifact(format!("run {}: {why}", wanted.run));
        let github = pipeline::github(pipeline, env).await.map_err(wrong)?;
        let run = pipeline::one(&github, pipeline, Some(wanted.run)).await.map_err(wrong)?;
        let of = choose(&github, &run, wanted.name.as_deref()).await.map_err(wrong)?;
        let made = of.made.or(run.at).unwrap_or(Timestamp(0));
        // Two readers at once do not write over each other.
        let place = Place(self.builds.join(format!("{PLACE}{}-{}", run.id, super::executor::random_uid())));
        let made_there = std::fs::create_dir_all(&place.0);
        made_there.map_err(|error| BuildError::Unreadable(place.0.display().to_string(), error))?;
        let found = self.unpacked(&github, (&of, made), &place.0).await?;
        let read = self.named(&found, &run, version).await?;
        Ok(Build { made, ..read })
    }

    /// Fetches and unpacks it; returns the one archive that it holds, or the folder.
    async fn unpacked(
        &self,
        github: &GitHub,
        (of, made): (&Artifact, Timestamp),
        place: &Path,
    ) -> Result<PathBuf, BuildError> {
        let wrong = |why: String| BuildError::Artifact(format!("{}: {why}", of.name));
        let archive = place.join("archive.zip");
        let mut file = tokio::fs::File::create(&archive)
            .await
            .map_err(|error| BuildError::Unreadable(archive.display().to_string(), error))?;
        let (tell, stop) = (Arc::clone(&self.tell), Arc::clone(&self.stop));
        let all = (of.bytes > 0).then_some(of.bytes);
        let said = move |bytes| tell(Progress { packs: false, bytes, of: all });
        let fetched = github.fetch(of.id, &mut file, &said).await;
        if stop.load(Ordering::Relaxed) {
            return Err(BuildError::Stopped);
        }
        fetched.map_err(|error| wrong(error.to_string()))?;
        drop(file);
        let (digested, told, folder) = (archive.clone(), of.sha256.clone(), place.join("content"));
        let (name, to) = (of.name.clone(), folder.clone());
        self.thread(move |stop| {
            let wrong = |why: String| BuildError::Artifact(format!("{name}: {why}"));
            if let Some(told) = told {
                let is = digest(&digested, &|_| {}, stop).map_err(|error| wrong(error.to_string()))?.0;
                if is != told {
                    return Err(wrong(format!("what came is not what GitHub says it is: sha256 {is}, not {told}")));
                }
            }
            unpack(&digested, &to, made, stop).map_err(wrong)
        })
        .await?;
        Ok(only_archive(&folder).unwrap_or(folder))
    }

    /// Reads what was unpacked, under the name that it is to have: the one that is said, else its archive's, else its commit.
    async fn named(&self, found: &Path, run: &PipelineRun, version: Option<&str>) -> Result<Build, BuildError> {
        let sha: String = run.sha.chars().take(9).collect();
        if found.is_dir() {
            let version = version.map_or(sha, str::to_owned);
            return self.read(found, Some(&version)).await;
        }
        let name = found.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let bare = ENDINGS.iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(&name);
        let own = if is_version(bare) { bare.to_owned() } else { sha };
        let version = version.map_or(own, str::to_owned);
        // A run that needs it may be taken up again: it outlives this reading.
        let ending = ENDINGS.iter().find(|ending| name.ends_with(**ending)).copied().unwrap_or_default();
        let kept = self.builds.join(format!("run-{}-{version}{ending}", run.number));
        // Copied: how long it is kept counts from now, not from when it was made.
        let (from, to) = (found.to_owned(), kept.clone());
        let copied = self.thread(move |_| {
            std::fs::copy(&from, &to).map_err(|error| BuildError::Unreadable(to.display().to_string(), error))
        });
        copied.await?;
        self.read(&kept, Some(&version)).await
    }
}

/// Lists what runs of a pipeline left, as one would go on typing it: runs that went well, or what one left.
///
/// # Errors
/// Why it is not known.
pub(super) async fn left(pipeline: &Pipeline, env: &Env, text: &str) -> Result<Vec<String>, String> {
    let begin = ArtifactName::BEGIN;
    let github = pipeline::github(pipeline, env).await?;
    let Some(wanted) = ArtifactName::parse(text) else {
        let runs = pipeline::newest(pipeline, env).await?;
        let well = runs.into_iter().filter(|run| run.conclusion.as_deref() == Some("success"));
        return Ok(well.map(|run| format!("{begin}{}", run.number)).collect());
    };
    let run = pipeline::one(&github, pipeline, Some(wanted.run)).await?;
    let all = github.artifacts(run.id).await.map_err(|error| error.to_string())?;
    Ok(all.into_iter().filter(|of| !of.expired).map(|of| format!("{begin}{}/{}", wanted.run, of.name)).collect())
}

/// Finds what is meant among what a run left.
async fn choose(github: &GitHub, run: &PipelineRun, name: Option<&str>) -> Result<Artifact, String> {
    let all = github.artifacts(run.id).await.map_err(|error| error.to_string())?;
    let names = || all.iter().map(|of| of.name.as_str()).collect::<Vec<_>>().join(", ");
    let found = match (name, all.as_slice()) {
        (_, []) => return Err(format!("it left nothing to be brought out ({})", run.stands())),
        (Some(name), all) => {
            all.iter().find(|of| of.name == name).ok_or_else(|| format!("it left no {name:?}, but {}", names()))?
        }
        (None, [only]) => only,
        (None, _) => return Err(format!("it left several: name one of {}", names())),
    };
    if found.expired {
        return Err(format!("{} is kept no more", found.name));
    }
    Ok(found.clone())
}

/// Returns the archive that a folder holds, where that is all it holds.
fn only_archive(folder: &Path) -> Option<PathBuf> {
    let entries: Vec<_> = std::fs::read_dir(folder).ok()?.flatten().collect();
    let [only] = entries.as_slice() else { return None };
    let name = only.file_name();
    let is_archive = ENDINGS.iter().any(|ending| name.to_str().is_some_and(|name| name.ends_with(ending)));
    (is_archive && only.file_type().is_ok_and(|kind| kind.is_file())).then(|| only.path())
}

/// Unpacks an archive. What leads out of its folder, links elsewhere, or never ends is refused: it comes from a server.
fn unpack(archive: &Path, to: &Path, made: Timestamp, stop: &AtomicBool) -> Result<(), String> {
    let said = |error: io::Error| format!("it cannot be unpacked: {error}");
    let file = File::open(archive).map_err(said)?;
    let mut zip = zip::ZipArchive::new(io::BufReader::new(file)).map_err(|error| format!("it is no zip: {error}"))?;
    if zip.len() > FILES {
        return Err(format!("it holds more than {FILES} files"));
    }
    let (mut left, mut folders) = (UNPACKED, vec![to.to_owned()]);
    std::fs::create_dir_all(to).map_err(said)?;
    for at in 0..zip.len() {
        if stop.load(Ordering::Relaxed) {
            return Err("it was stopped".to_owned());
        }
        let mut entry = zip.by_index(at).map_err(|error| format!("it cannot be unpacked: {error}"))?;
        let name = entry.enclosed_name().ok_or("it holds a file that would lie outside of its folder")?;
        if entry.is_symlink() {
            return Err("it holds a link: pack it as a tar first".to_owned());
        }
        let path = to.join(name);
        if entry.is_dir() {
            std::fs::create_dir_all(&path).map_err(said)?;
            folders.push(path);
            continue;
        }
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(said)?;
            folders.push(parent.to_owned());
        }
        let runs = entry.unix_mode().is_some_and(|mode| mode & 0o111 != 0);
        let mut file = File::create_new(&path).map_err(said)?;
        let written = io::copy(&mut io::Read::take(&mut entry, left.saturating_add(1)), &mut file).map_err(said)?;
        left = left.checked_sub(written).ok_or_else(|| format!("it holds more than {} GiB", UNPACKED >> 30))?;
        let rights = std::os::unix::fs::PermissionsExt::from_mode(if runs { 0o755 } else { 0o644 });
        file.set_permissions(rights).map_err(said)?;
        touch(&file, made).map_err(said)?;
    }
    // What is unpacked twice is packed alike: the deepest first, as a folder changes with what is put into it.
    folders.sort();
    folders.dedup();
    for folder in folders.iter().rev() {
        File::open(folder).and_then(|folder| touch(&folder, made)).map_err(said)?;
    }
    Ok(())
}

fn touch(file: &File, made: Timestamp) -> io::Result<()> {
    file.set_modified(UNIX_EPOCH + Duration::from_millis(u64::try_from(made.0).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use zip::write::SimpleFileOptions;

    use super::*;

    fn archive(at: &Path, files: &[(&str, &str, u32)]) -> PathBuf {
        let path = at.join("a.zip");
        let mut zip = zip::ZipWriter::new(File::create(&path).unwrap());
        for (name, text, mode) in files {
            zip.start_file(*name, SimpleFileOptions::default().unix_permissions(*mode)).unwrap();
            zip.write_all(text.as_bytes()).unwrap();
        }
        zip.finish().unwrap();
        path
    }

    fn unpacked(at: &Path, files: &[(&str, &str, u32)]) -> Result<PathBuf, String> {
        let to = at.join("to");
        unpack(&archive(at, files), &to, Timestamp(1_795_000_000_000), &AtomicBool::new(false)).map(|()| to)
    }

    #[test]
    fn it_is_unpacked_with_what_runs_and_when_it_was_made() {
        let folder = tempfile::tempdir().unwrap();
        let to = unpacked(folder.path(), &[("bin/start", "#!/bin/sh", 0o755), ("index.js", "1", 0o600)]).unwrap();
        let mode =
            |name: &str| std::os::unix::fs::PermissionsExt::mode(&to.join(name).metadata().unwrap().permissions());
        assert_eq!((mode("bin/start") & 0o777, mode("index.js") & 0o777), (0o755, 0o644));
        for name in ["bin/start", "index.js", "bin", "."] {
            let at = to.join(name).metadata().unwrap().modified().unwrap();
            assert_eq!(at.duration_since(UNIX_EPOCH).unwrap().as_secs(), 1_795_000_000, "{name}");
        }
        assert_eq!(only_archive(&to), None);
    }

    #[test]
    fn what_leads_out_of_its_folder_is_refused() {
        for name in ["../evil", "a/../../evil", "/etc/evil"] {
            let folder = tempfile::tempdir().unwrap();
            let result = unpacked(folder.path(), &[(name, "x", 0o644)]);
            assert!(!folder.path().join("evil").exists() && !Path::new("/etc/evil").exists(), "{name}");
            if let Ok(to) = result {
                assert!(to.join("etc/evil").exists() || to.join("evil").exists(), "{name} stays inside");
            }
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.zip");
        let mut zip = zip::ZipWriter::new(File::create(&path).unwrap());
        zip.add_symlink("link", "/etc/passwd", SimpleFileOptions::default()).unwrap();
        zip.finish().unwrap();
        let why = unpack(&path, &folder.path().join("to"), Timestamp(0), &AtomicBool::new(false)).unwrap_err();
        assert!(why.contains("a link"), "{why}");
        for body in [&b""[..], b"PK\x03\x04", b"<html>"] {
            std::fs::write(&path, body).unwrap();
            let why = unpack(&path, &folder.path().join("to2"), Timestamp(0), &AtomicBool::new(false)).unwrap_err();
            assert!(why.contains("no zip"), "{why}");
        }
    }

    #[test]
    fn the_one_archive_in_it_is_meant() {
        let folder = tempfile::tempdir().unwrap();
        let to = unpacked(folder.path(), &[("v4.tar.gz", "x", 0o644)]).unwrap();
        assert_eq!(only_archive(&to), Some(to.join("v4.tar.gz")));
    }
}
