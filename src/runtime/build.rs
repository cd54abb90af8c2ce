//! A build that is to be brought out: an archive of this machine, or a folder that is packed first.
//!
//! Reading takes as long as the disk does. It is done by threads of their own, says how far it is, and ends when nobody waits any more.
use std::{
    io::Read as _,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use sha2::Digest as _;

use super::artifact;
use crate::{
    config::{self, Env},
    core::{
        runs::{Build, is_version},
        time::Timestamp,
    },
    parse::sanitise,
    remote::{self, Exit, Script, script::quote},
    tasks::Tasks,
};

/// Packing a large folder.
const PACK: Duration = Duration::from_secs(600);
/// How often it is looked how far packing is.
const LOOK: Duration = Duration::from_millis(200);
/// Bytes between two words of how far hashing is.
const STEP: u64 = 4 << 20;
/// Files of a folder that are counted: what has more is packed without saying how far it is.
const FILES: usize = 500_000;
/// How long an archive that was packed is kept: a run that needs it may be taken up again.
const KEEP_MS: i64 = 7 * 24 * 3_600_000;

/// Why a build cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// It, or something of it.
    #[error("{0} cannot be read: {1}")]
    Unreadable(String, std::io::Error),
    /// It is called nothing.
    #[error("{0} has no name to call its version by")]
    Nameless(String),
    /// It is called something that no folder can be.
    #[error("{0:?} cannot be a version: up to 48 letters, digits, dots, dashes, underscores and pluses")]
    NoVersion(String),
    /// A task takes files alone.
    #[error("{0} is no file")]
    NoFile(String),
    /// `tar` said no.
    #[error("{0} could not be packed: {1}")]
    Unpackable(String, String),
    /// What a run of a pipeline left cannot be had.
    #[error("{0}")]
    Artifact(String),
    /// Nobody waits for it any more.
    #[error("it was stopped")]
    Stopped,
}

impl BuildError {
    /// Says whether another name for the version would help.
    pub const fn is_the_name(&self) -> bool {
        match self {
            Self::Nameless(_) | Self::NoVersion(_) => true,
            Self::Unreadable(..) | Self::NoFile(_) | Self::Unpackable(..) | Self::Artifact(_) | Self::Stopped => false,
        }
    }
}

/// How far the reading of a build is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Whether a folder is still being packed.
    pub packs: bool,
    /// Bytes that are done.
    pub bytes: u64,
    /// Of how many, where that is known.
    pub of: Option<u64>,
}

/// Hears how far it is, from any thread.
pub type Tell = Arc<dyn Fn(Progress) + Send + Sync>;

/// What reads builds.
#[derive(Clone)]
pub struct Reader {
    /// Who spawns.
    pub tasks: Tasks,
    /// Where packed folders are kept.
    pub builds: PathBuf,
    /// Hears how far it is.
    pub tell: Tell,
    /// Set by whoever does not wait any more.
    pub stop: Arc<AtomicBool>,
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").field("builds", &self.builds).finish_non_exhaustive()
    }
}

/// What is told of a build's files before any is read.
struct About {
    version: String,
    folder: bool,
    /// The newest change of anything in it: a folder that is built anew in place is another build.
    made: Timestamp,
    bytes: Option<u64>,
}

impl Reader {
    /// Makes a reader that keeps packed folders in the state directory.
    pub fn new(tasks: Tasks, env: &Env, tell: Tell) -> Self {
        let builds = config::locate::state_dir(env).join("builds");
        Self { tasks, builds, tell, stop: Arc::default() }
    }

    /// Reads a build: its hash, its length, when it was made and what it is called.
    ///
    /// # Errors
    /// When it cannot be, or nobody waits any more.
    pub async fn read(&self, path: &Path, version: Option<&str>) -> Result<Build, BuildError> {
        let (at, named) = (path.to_owned(), version.map(str::to_owned));
        let about = self.thread(move |_| about(&at, named)).await?;
        let archive = if about.folder {
            self.pack(path, &about).await?
        } else {
            std::path::absolute(path).map_err(|error| unreadable(path, error))?
        };
        let shown = archive.display().to_string();
        let (sha256, bytes) = self.hash(archive).await?;
        Ok(Build { path: shown, version: about.version, sha256, bytes, made: about.made })
    }

    /// Reads a file that a task is given: it goes to the hosts as it is.
    ///
    /// # Errors
    /// When it cannot be, or is no file.
    pub async fn file(&self, path: &Path) -> Result<Build, BuildError> {
        let metadata = std::fs::metadata(path).map_err(|error| unreadable(path, error))?;
        if !metadata.is_file() {
            return Err(BuildError::NoFile(path.display().to_string()));
        }
        let whole = std::path::absolute(path).map_err(|error| unreadable(path, error))?;
        let (sha256, bytes) = self.hash(whole.clone()).await?;
        let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        Ok(Build { path: whole.display().to_string(), version: name, sha256, bytes, made: made(&metadata) })
    }

    /// Works on a thread of its own, which is told when nobody waits any more.
    pub(super) async fn thread<T: Send + 'static>(
        &self,
        work: impl FnOnce(&AtomicBool) -> Result<T, BuildError> + Send + 'static,
    ) -> Result<T, BuildError> {
        let stop = Arc::clone(&self.stop);
        self.tasks.blocking("build", move || work(&stop)).join().await.unwrap_or(Err(BuildError::Stopped))
    }

    async fn hash(&self, archive: PathBuf) -> Result<(String, u64), BuildError> {
        let tell = Arc::clone(&self.tell);
        self.thread(move |stop| {
            let of = std::fs::metadata(&archive).map(|about| about.len()).ok();
            let tell = |bytes| tell(Progress { packs: false, bytes, of });
            digest(&archive, &tell, stop).map_err(|error| {
                if stop.load(Ordering::Relaxed) { BuildError::Stopped } else { unreadable(&archive, error) }
            })
        })
        .await
    }

    /// Packs a folder; what is packed alike hashes alike where tar can.
    async fn pack(&self, folder: &Path, about: &About) -> Result<PathBuf, BuildError> {
        let builds = self.builds.clone();
        let archive = builds.join(format!("{}.tar", about.version));
        self.thread(move |_| {
            std::fs::create_dir_all(&builds).map_err(|error| unreadable(&builds, error))?;
            forget_old(&builds);
            Ok(())
        })
        .await?;
        let (from, to) = (folder.display().to_string(), archive.display().to_string());
        let all = format!("-C {} -cf {} .", quote(&from), quote(&to));
        let text = format!("tar --sort=name --owner=0 --group=0 --numeric-owner {all} 2>/dev/null || tar {all}");
        let script = Script { timeout: PACK, ..Script::new(text) };
        let mut packing = std::pin::pin!(remote::run_here(&script));
        let said = loop {
            // What is dropped before its end ends its processes too.
            let looked = tokio::time::timeout(LOOK, packing.as_mut()).await;
            if self.stop.load(Ordering::Relaxed) {
                return Err(BuildError::Stopped);
            }
            match looked {
                Ok(Ok(output)) if output.exit == Exit::Code(0) => return Ok(archive),
                Ok(Ok(output)) => break sanitise::line(output.stderr.trim_ascii()),
                Ok(Err(error)) => break error.what,
                Err(_) => {
                    let bytes = tokio::fs::metadata(&archive).await.map_or(0, |about| about.len());
                    (self.tell)(Progress { packs: true, bytes, of: about.bytes });
                }
            }
        };
        Err(BuildError::Unpackable(from, said))
    }
}

fn unreadable(path: &Path, error: std::io::Error) -> BuildError {
    BuildError::Unreadable(path.display().to_string(), error)
}

fn about(path: &Path, version: Option<String>) -> Result<About, BuildError> {
    let metadata = std::fs::metadata(path).map_err(|error| unreadable(path, error))?;
    let version = version.or_else(|| named(path)).ok_or_else(|| BuildError::Nameless(path.display().to_string()))?;
    if !is_version(&version) {
        return Err(BuildError::NoVersion(version));
    }
    let folder = metadata.is_dir();
    let (newest, bytes) = if folder { inside(path) } else { (None, Some(metadata.len())) };
    let made = newest.unwrap_or(Timestamp(0)).max(made(&metadata));
    Ok(About { version, folder, made, bytes })
}

/// Returns the newest change below a folder and the bytes of its files; no bytes where there are too many to count.
fn inside(folder: &Path) -> (Option<Timestamp>, Option<u64>) {
    let (mut newest, mut bytes, mut files) = (None, 0_u64, 0);
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            // Of a link, not of what it leads to: that is what is packed.
            let Ok(metadata) = entry.metadata() else { continue };
            files += 1;
            if files > FILES {
                return (newest, None);
            }
            newest = newest.max(Some(made(&metadata)));
            if metadata.is_dir() {
                folders.push(entry.path());
            } else {
                bytes = bytes.saturating_add(metadata.len());
            }
        }
    }
    (newest, Some(bytes))
}

fn made(about: &std::fs::Metadata) -> Timestamp {
    let made = about.modified().ok().and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
    made.and_then(|at| i64::try_from(at.as_secs()).ok()).map_or(Timestamp(0), |at| Timestamp(at * 1_000))
}

/// Returns what a build is called: its file's name without the endings of archives.
fn named(path: &Path) -> Option<String> {
    let path = std::path::absolute(path).ok()?;
    let name = path.file_name()?.to_str()?;
    let name = ENDINGS.iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(name);
    Some(name.to_owned()).filter(|name| !name.is_empty())
}

/// How the names of archives end.
pub(super) const ENDINGS: [&str; 3] = [".tar.gz", ".tgz", ".tar"];

/// Lets archives go that no run needs any more: by the clock of the file system, which is what they were written by.
fn forget_old(builds: &Path) {
    let entries: Vec<_> = std::fs::read_dir(builds).into_iter().flatten().flatten().collect();
    let ages = entries.iter().filter_map(|entry| Some((entry, made(&entry.metadata().ok()?))));
    let now = std::fs::metadata(builds).map_or(Timestamp(0), |about| made(&about));
    for (entry, _) in ages.filter(|(_, at)| now.since(*at) > KEEP_MS) {
        let path = entry.path();
        // What a program that was killed had unpacked.
        let left = entry.file_name().to_str().is_some_and(|name| name.starts_with(artifact::PLACE));
        let gone = if left { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) };
        if let Err(error) = gone {
            tracing::warn!(path = %entry.path().display(), %error, "an old build stays");
        }
    }
}

pub(super) fn digest(path: &Path, tell: &dyn Fn(u64), stop: &AtomicBool) -> std::io::Result<(String, u64)> {
    let mut file = std::fs::File::open(path)?;
    let (mut digest, mut bytes, mut told, mut buffer) = (sha2::Sha256::new(), 0, 0, vec![0; 1 << 20]);
    loop {
        let read = file.read(&mut buffer)?;
        if stop.load(Ordering::Relaxed) {
            return Err(std::io::Error::from(std::io::ErrorKind::Interrupted));
        }
        if read == 0 {
            break;
        }
        digest.update(buffer.get(..read).unwrap_or_default());
        bytes += u64::try_from(read).unwrap_or(0);
        if bytes >= told + STEP {
            told = bytes;
            tell(bytes);
        }
    }
    let hex = digest.finalize().iter().fold(String::new(), |mut hex, byte| {
        for half in [byte >> 4, byte & 15] {
            hex.extend(char::from_digit(u32::from(half), 16));
        }
        hex
    });
    Ok((hex, bytes))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    fn reader(builds: &Path) -> (Reader, Arc<Mutex<Vec<Progress>>>) {
        let told = Arc::new(Mutex::new(Vec::new()));
        let hears = Arc::clone(&told);
        let tasks = Tasks::new(tokio::runtime::Handle::current(), |_| {});
        let tell: Tell = Arc::new(move |progress| hears.lock().unwrap().push(progress));
        (Reader { tasks, builds: builds.join("builds"), tell, stop: Arc::default() }, told)
    }

    #[tokio::test]
    async fn an_archive_is_hashed_as_it_is_and_a_folder_is_packed() {
        let folder = tempfile::tempdir().unwrap();
        let (reader, told) = reader(folder.path());
        let archive = folder.path().join("v2.31.0.tar.gz");
        std::fs::write(&archive, vec![7; 9 << 20]).unwrap();
        let build = reader.read(&archive, None).await.unwrap();
        assert_eq!((build.version.as_str(), build.bytes), ("v2.31.0", 9 << 20));
        assert_eq!(build.sha256.len(), 64);
        let told = std::mem::take(&mut *told.lock().unwrap());
        assert!(!told.is_empty() && told.iter().all(|told| told.of == Some(9 << 20) && !told.packs), "{told:?}");

        let dist = folder.path().join("dist");
        std::fs::create_dir(&dist).unwrap();
        std::fs::write(dist.join("server.js"), "one").unwrap();
        let first = reader.read(&dist, Some("v3")).await.unwrap();
        assert!(first.path.ends_with("builds/v3.tar"), "{}", first.path);
        assert_eq!(first.sha256, reader.read(&dist, Some("v3")).await.unwrap().sha256, "what is alike hashes alike");
        std::fs::write(dist.join("server.js"), "two").unwrap();
        assert_ne!(first.sha256, reader.read(&dist, Some("v3")).await.unwrap().sha256);
    }

    #[test]
    fn what_no_run_needs_any_more_goes_and_what_a_killed_program_left_too() {
        let builds = tempfile::tempdir().unwrap();
        let place = |name: &str| builds.path().join(format!("{}{name}", artifact::PLACE));
        for name in ["1-old", "2-new"] {
            std::fs::create_dir(place(name)).unwrap();
            std::fs::write(place(name).join("archive.zip"), "x").unwrap();
        }
        for name in ["v1.tar", "v2.tar"] {
            std::fs::write(builds.path().join(name), "x").unwrap();
        }
        let old = std::fs::metadata(builds.path()).unwrap().modified().unwrap() - Duration::from_secs(8 * 24 * 3_600);
        for path in [place("1-old"), builds.path().join("v1.tar")] {
            std::fs::File::open(path).unwrap().set_modified(old).unwrap();
        }
        forget_old(builds.path());
        let there = [place("1-old"), place("2-new"), builds.path().join("v1.tar"), builds.path().join("v2.tar")];
        assert_eq!(there.map(|path| path.exists()), [false, true, false, true]);
    }

    #[tokio::test]
    async fn what_cannot_be_a_build_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let (reader, _) = reader(folder.path());
        let missing = reader.read(&folder.path().join("none.tar"), None).await.unwrap_err();
        assert!(matches!(missing, BuildError::Unreadable(..)), "{missing}");
        let odd = folder.path().join("my build.tar");
        std::fs::write(&odd, "x").unwrap();
        assert!(matches!(reader.read(&odd, None).await.unwrap_err(), BuildError::NoVersion(_)));
        assert_eq!(reader.read(&odd, Some("v1")).await.unwrap().version, "v1");
        reader.stop.store(true, Ordering::Relaxed);
        assert!(matches!(reader.read(&odd, Some("v1")).await.unwrap_err(), BuildError::Stopped));
        assert!(matches!(reader.file(folder.path()).await.unwrap_err(), BuildError::NoFile(_)));
    }
}
