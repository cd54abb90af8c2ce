//! Files that a configuration names. Only regular ones are opened: whoever opens a pipe waits for its other end, and that
//! may be for ever.
use std::{fs::File, io, path::Path};

/// Opens a regular file for reading.
///
/// # Errors
/// As [`File::open`], and when it is anything else than a regular file.
pub fn open_regular(path: &Path) -> io::Result<File> {
    let regular = |meta: io::Result<std::fs::Metadata>| match meta {
        Ok(meta) if meta.is_file() => Ok(()),
        Ok(meta) if meta.is_dir() => Err(io::Error::other("it is a directory")),
        Ok(_) => Err(io::Error::other("it is not a file")),
        Err(error) => Err(error),
    };
    regular(std::fs::metadata(path))?;
    let file = File::open(path)?;
    // What was opened may be another one by now.
    regular(file.metadata())?;
    Ok(file)
}

/// Writes a file so that a reader sees the old text or the new one, never a part.
///
/// # Errors
/// When its folder cannot be written.
pub fn write_whole(path: &Path, text: &[u8]) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    // A leading dot keeps it out of what a shell's `*` finds; two that write at once do not write into one.
    let fresh = path.with_file_name(format!(".{name}.{}.new", std::process::id()));
    let written = std::fs::File::create(&fresh).and_then(|mut file| {
        io::Write::write_all(&mut file, text)?;
        file.sync_all()
    });
    let moved = written.and_then(|()| std::fs::rename(&fresh, path));
    if moved.is_err() {
        drop(std::fs::remove_file(&fresh));
    }
    moved
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_pipe_is_refused_instead_of_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        assert_eq!(open_regular(&pipe).unwrap_err().to_string(), "it is not a file");
        assert_eq!(open_regular(folder.path()).unwrap_err().to_string(), "it is a directory");
        assert_eq!(open_regular(&folder.path().join("none")).unwrap_err().kind(), io::ErrorKind::NotFound);
        let file = folder.path().join("file");
        std::fs::write(&file, "text").unwrap();
        assert_eq!(open_regular(&file).unwrap().metadata().unwrap().len(), 4);
    }
}
