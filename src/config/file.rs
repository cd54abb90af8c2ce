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
