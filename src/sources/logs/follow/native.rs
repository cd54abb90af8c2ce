//! Files of the machine that the console runs on, without a shell.
use std::{
    fs::{File, Metadata},
    io::{Read as _, Seek as _, SeekFrom},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use futures_util::future::BoxFuture;

use super::{Connect, Found, Got, Look, Lost, Place, Quiet, Want, glob::Glob};
use crate::{core::logs::Nanos, tasks::Tasks};

/// Most files that a glob is followed into.
const MAX_FILES: usize = 4_096;

/// Opens the files of this machine.
#[derive(Clone, Debug)]
pub(in crate::sources::logs) struct Native {
    /// Runs what blocks.
    pub(in crate::sources::logs) tasks: Tasks,
    /// Home directory of who runs the console.
    pub(in crate::sources::logs) home: String,
}

impl Connect for Native {
    fn connect(&self, _: Quiet) -> BoxFuture<'_, Result<Box<dyn Place>, Lost>> {
        let place = NativePlace { tasks: self.tasks.clone(), home: self.home.clone() };
        Box::pin(std::future::ready(Ok(Box::new(place) as Box<dyn Place>)))
    }
}

/// The files of this machine.
pub(in crate::sources::logs) struct NativePlace {
    tasks: Tasks,
    home: String,
}

impl NativePlace {
    async fn blocking<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Lost> {
        let done = self.tasks.blocking("log files", work).join().await;
        done.ok_or_else(|| Lost { why: "reading failed inside quarterdeck; see the log".into(), denied: false })
    }
}

impl Place for NativePlace {
    fn look<'a>(&'a mut self, globs: &'a [Glob]) -> BoxFuture<'a, Result<Look, Lost>> {
        let globs = globs.to_vec();
        Box::pin(self.blocking(move || {
            let mut look = Look::default();
            for glob in &globs {
                expand(glob, &mut look);
            }
            look
        }))
    }

    fn read<'a>(&'a mut self, wants: &'a [Want]) -> BoxFuture<'a, Result<Vec<Got>, Lost>> {
        let wants = wants.to_vec();
        Box::pin(self.blocking(move || wants.iter().map(read).collect()))
    }

    fn unpack<'a>(&'a mut self, want: &'a Want) -> BoxFuture<'a, Result<Vec<u8>, Lost>> {
        let want = want.clone();
        // What cannot be read is as good as empty: nothing of it is known.
        Box::pin(self.blocking(move || unpack(&want).unwrap_or_default()))
    }

    fn unpacked_size<'a>(&'a mut self, path: &'a str) -> BoxFuture<'a, Result<u64, Lost>> {
        let path = path.to_owned();
        Box::pin(self.blocking(move || {
            let whole = |file| std::io::copy(&mut unpacked(&path, file), &mut std::io::sink());
            File::open(&path).and_then(whole).unwrap_or(0)
        }))
    }

    fn clock(&mut self) -> BoxFuture<'_, Result<Option<(Nanos, bool)>, Lost>> {
        Box::pin(std::future::ready(Ok(None)))
    }

    fn home(&self) -> &str {
        &self.home
    }
}

fn expand(glob: &Glob, look: &mut Look) {
    let mut at = vec![PathBuf::from("/")];
    for part in glob.parts() {
        if let Some(name) = part.plain() {
            for path in &mut at {
                path.push(&name);
            }
            continue;
        }
        let mut next = Vec::new();
        for folder in &at {
            let entries = match std::fs::read_dir(folder) {
                Ok(entries) => entries,
                Err(error) => {
                    if error.kind() == std::io::ErrorKind::PermissionDenied {
                        look.denied.push(folder.display().to_string());
                    }
                    continue;
                }
            };
            for entry in entries.flatten() {
                let name = entry.file_name();
                // As in a shell: what is hidden must be asked for.
                let Some(name) = name.to_str().filter(|name| !name.starts_with('.')) else { continue };
                if part.matches(name) && next.len() < MAX_FILES {
                    next.push(folder.join(name));
                }
            }
        }
        next.sort();
        at = next;
    }
    for path in at {
        match std::fs::metadata(&path) {
            Ok(metadata) => look.files.extend(found(&path, &metadata)),
            Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
                look.denied.push(path.display().to_string());
            }
            Err(_) => {}
        }
    }
}

fn found(path: &Path, metadata: &Metadata) -> Option<Found> {
    Some(Found {
        path: path.to_str()?.to_owned(),
        inode: metadata.ino(),
        device: metadata.dev(),
        size: metadata.len(),
        modified: metadata.mtime(),
        regular: metadata.is_file(),
    })
}

fn read(want: &Want) -> Got {
    let open = || -> std::io::Result<Got> {
        let mut file = File::open(&want.path)?;
        let metadata = file.metadata()?;
        file.seek(SeekFrom::Start(want.from))?;
        let mut bytes = Vec::new();
        file.take(want.length).read_to_end(&mut bytes)?;
        Ok(Got::Bytes { bytes, inode: metadata.ino(), device: metadata.dev() })
    };
    let denied = |error: std::io::Error| error.kind() == std::io::ErrorKind::PermissionDenied;
    open().unwrap_or_else(|error| if denied(error) { Got::Denied } else { Got::Gone })
}

fn unpacked(path: &str, file: File) -> Box<dyn std::io::Read> {
    let gzip = Path::new(path).extension().is_some_and(|end| end == "gz");
    if gzip { Box::new(flate2::read::MultiGzDecoder::new(file)) } else { Box::new(file) }
}

fn unpack(want: &Want) -> std::io::Result<Vec<u8>> {
    let file = File::open(&want.path)?;
    let mut bytes = Vec::new();
    let mut reader = unpacked(&want.path, file);
    std::io::copy(&mut reader.by_ref().take(want.from), &mut std::io::sink())?;
    reader.take(want.length).read_to_end(&mut bytes)?;
    Ok(bytes)
}
