//! The demo's temporary folder: made private, removed at the end, and after a kill by the next demo.
use std::{
    fs, io,
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use super::random::Random;

/// How every demo's folder begins; the process id and a random part follow.
const PREFIX: &str = "qd-demo-";

/// How often a folder is removed in which somebody writes.
const TRIES: usize = 200;

/// A folder that is removed when dropped.
#[derive(Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    /// Makes a folder that only this user can enter, after removing those of demos that are no more.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub(super) fn new(parent: &Path, salt: u64) -> io::Result<Self> {
        let mut random = Random::new(salt ^ u64::from(std::process::id()).rotate_left(32));
        let mut last = io::Error::from(io::ErrorKind::AlreadyExists);
        for _ in 0..8 {
            let path = parent.join(format!("{PREFIX}{}-{:06x}", std::process::id(), random.below(1 << 24)));
            // Never one that exists: somebody else may have put it there.
            match fs::DirBuilder::new().mode(0o700).create(&path) {
                Ok(()) => {
                    remove_leftovers(parent, &path);
                    return Ok(Self(path));
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Returns its path.
    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Programs on simulated hosts may go on for a moment. They know it by its old name; what they have open or stand in
        // they may still write to, which is why it is tried again. The next demo removes the rest.
        let away = self.0.with_extension("gone");
        let moved = fs::rename(&self.0, &away).is_ok();
        for path in moved.then_some(&away).into_iter().chain([&self.0]) {
            for _ in 0..TRIES {
                match fs::remove_dir_all(path) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => std::thread::yield_now(),
                    Ok(()) | Err(_) => break,
                }
            }
        }
    }
}

/// Removes folders of this user's demos whose process is no more. What cannot be told is left alone.
fn remove_leftovers(parent: &Path, own: &Path) {
    let (Ok(entries), Ok(mine)) = (fs::read_dir(parent), fs::metadata(own)) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let pid = name.to_str().and_then(|name| name.strip_prefix(PREFIX)).and_then(|rest| rest.split_once('-'));
        let Some(pid) = pid.and_then(|(pid, _)| pid.parse::<u32>().ok()) else { continue };
        // Without /proc nobody can tell who lives.
        let dead = Path::new("/proc/self").exists() && !Path::new(&format!("/proc/{pid}")).exists();
        let ours = entry.metadata().is_ok_and(|entry| entry.is_dir() && entry.uid() == mine.uid());
        if dead && ours {
            let _gone = fs::remove_dir_all(entry.path());
        }
    }
}

/// Writes a file so that a reader sees the old text or the new one, never a part.
///
/// # Errors
/// When the folder cannot be written.
pub(super) fn write(path: &Path, text: &[u8]) -> io::Result<()> {
    crate::config::write_whole(path, text)
}

/// Writes a file with these permissions, which it has from its first moment on.
///
/// # Errors
/// When the file exists already or cannot be written.
pub(super) fn write_with_mode(path: &Path, text: &[u8], mode: u32) -> io::Result<()> {
    use std::{io::Write as _, os::unix::fs::OpenOptionsExt as _};
    fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?.write_all(text)?;
    // The mask of the process may have taken some away.
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_private_and_goes_with_its_owner() {
        let parent = tempfile::tempdir().unwrap();
        let folder = Folder::new(parent.path(), 1).unwrap();
        let path = folder.path().to_owned();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        write_with_mode(&path.join("key"), b"k", 0o600).unwrap();
        assert!(write_with_mode(&path.join("key"), b"k", 0o600).is_err(), "it exists");
        drop(folder);
        assert!(!path.exists());
    }

    #[test]
    fn leftovers_of_the_dead_go_and_those_of_the_living_stay() {
        let parent = tempfile::tempdir().unwrap();
        // A process id above the kernel's limit of 2^22 is nobody's.
        let dead = parent.path().join("qd-demo-4194999-abcdef");
        let alive = parent.path().join("qd-demo-1-abcdef");
        let strange = parent.path().join("qd-demo-notes");
        for path in [&dead, &alive, &strange] {
            fs::create_dir(path).unwrap();
        }
        let _folder = Folder::new(parent.path(), 1).unwrap();
        assert!(!dead.exists());
        assert!(alive.exists() && strange.exists());
    }
}
