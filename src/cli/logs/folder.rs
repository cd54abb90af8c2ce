//! The log files in a directory that is named on the command line, and what of it was left out.
use std::{
    fs::{self, File},
    io::{self, Read as _},
    path::{Path, PathBuf},
    time::SystemTime,
};

use super::input;
use crate::{cli::setup, config, parse::sanitise};

/// Files of one directory that are read at most: those written last.
const MOST: usize = 200;
/// Entries of a directory that are looked at.
const ENTRIES: usize = 10_000;
/// How much of a file is looked at for what it is.
const LOOKED_AT: u64 = 1_024;

/// What is to be read.
#[derive(Debug, Default)]
pub(super) struct Named {
    /// Files, and what else was named.
    pub(super) files: Vec<PathBuf>,
    /// Something cannot be read.
    pub(super) failed: bool,
}

/// Puts the log files of directories in the place of these, and says what is left out.
pub(super) fn opened(files: &[PathBuf], follows: bool) -> Named {
    let mut named = Named::default();
    for path in files {
        if let Some(found) = quoted(path) {
            let shown = sanitise::line(path.display().to_string());
            if found.is_empty() {
                named.failed = true;
                setup::warn(&format!("qd: {shown}: no file is called so; `*` and `?` stand for what is in one name"));
            } else {
                setup::warn(&format!("qd: {shown}: {} read", setup::many(found.len(), "file")));
                named.files.extend(found);
            }
            continue;
        }
        if !path.is_dir() {
            named.files.push(path.clone());
            continue;
        }
        match look(path, follows) {
            Ok(found) => {
                named.failed |= found.denied > 0 || found.files.is_empty();
                setup::warn(&format!("qd: {}: {}", sanitise::line(path.display().to_string()), found.words()));
                named.files.extend(found.files);
            }
            Err(error) => {
                named.failed = true;
                input::cannot(path.display(), &error);
            }
        }
    }
    named
}

/// Finds the files of a pattern that the shell left as it is, because it stood in quotes; none where it is no pattern, or a file.
fn quoted(path: &Path) -> Option<Vec<PathBuf>> {
    let is_pattern = path.to_str().is_some_and(|text| text.contains(['*', '?']));
    (is_pattern && fs::symlink_metadata(path).is_err()).then(|| config::files_like(path, MOST))
}

/// What a file is, told by its begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Gzip,
    Empty,
    /// Packed in a way that is not read here.
    Packed,
    Binary,
}

/// What is in a directory.
#[derive(Debug, Default)]
struct Found {
    files: Vec<PathBuf>,
    directories: usize,
    hidden: usize,
    empty: usize,
    packed: usize,
    binary: usize,
    /// Other names of files that are read anyway.
    linked: usize,
    /// No files: sockets, pipes, links that lead nowhere.
    odd: usize,
    denied: usize,
    /// Files that were written before the others.
    older: usize,
    /// There are more entries than are looked at.
    more: bool,
}

impl Found {
    fn words(&self) -> String {
        let files = setup::many(self.files.len(), "file");
        let left_out = [
            (self.directories, if self.directories == 1 { "directory" } else { "directories" }),
            (self.hidden, "hidden"),
            (self.empty, "empty"),
            (self.packed, "packed other than by gzip"),
            (self.binary, "not text"),
            (self.linked, "linked to those"),
            (self.odd, "no file"),
            (self.denied, "not readable"),
            (self.older, "written before those"),
        ];
        let left_out: Vec<String> =
            left_out.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
        let left_out = if left_out.is_empty() { String::new() } else { format!("; left out: {}", left_out.join(", ")) };
        let more = if self.more { format!("; only {ENTRIES} entries were looked at") } else { String::new() };
        format!("{files} read{left_out}{more}")
    }
}

/// Finds the log files in a directory, not in those within; oldest name first.
fn look(folder: &Path, follows: bool) -> io::Result<Found> {
    let mut found = Found::default();
    let whole = fs::canonicalize(folder)?;
    let is_within = |path: &Path| fs::canonicalize(path).is_ok_and(|to| to.parent() == Some(&whole));
    let mut files: Vec<(SystemTime, PathBuf)> = Vec::new();
    for (seen, entry) in fs::read_dir(folder)?.enumerate() {
        if seen >= ENTRIES {
            found.more = true;
            break;
        }
        let entry = entry?;
        let path = entry.path();
        // Through links, as many a log is one.
        let Ok(about) = fs::metadata(&path) else {
            found.odd += 1;
            continue;
        };
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            found.hidden += 1;
        } else if entry.file_type()?.is_symlink() && about.is_file() && is_within(&path) {
            found.linked += 1;
        } else if about.is_dir() {
            found.directories += 1;
        } else if !about.is_file() {
            // A pipe would be waited for.
            found.odd += 1;
        } else {
            match kind(&path) {
                Err(_) => found.denied += 1,
                // A file without a line yet may get one.
                Ok(Kind::Empty) if !follows => found.empty += 1,
                // What is packed is never written to again.
                Ok(Kind::Packed) => found.packed += 1,
                Ok(Kind::Gzip) if follows => found.older += 1,
                Ok(Kind::Binary) => found.binary += 1,
                Ok(Kind::Text | Kind::Gzip | Kind::Empty) => {
                    files.push((about.modified().unwrap_or(SystemTime::UNIX_EPOCH), path));
                }
            }
        }
    }
    files.sort_by(|a, b| b.cmp(a));
    found.older += files.len().saturating_sub(MOST);
    files.truncate(MOST);
    found.files = files.into_iter().map(|(_, path)| path).collect();
    found.files.sort();
    Ok(found)
}

fn kind(path: &Path) -> io::Result<Kind> {
    let mut begin = Vec::new();
    File::open(path)?.take(LOOKED_AT).read_to_end(&mut begin)?;
    Ok(match begin.as_slice() {
        [] => Kind::Empty,
        [0x1f, 0x8b, ..] => Kind::Gzip,
        [0xfd, b'7', b'z', b'X', b'Z', ..] | [b'B', b'Z', b'h', ..] | [0x28, 0xb5, 0x2f, 0xfd, ..] => Kind::Packed,
        // A log may hold one; a file of numbers is full of them.
        begin if memchr::memchr_iter(0, begin).count() * 10 > begin.len() => Kind::Binary,
        _ => Kind::Text,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_logs_of_a_directory_are_found_and_the_rest_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
        write("b.log", b"a line\n");
        write("a.log.2.gz", &[0x1f, 0x8b, 8]);
        write("with-zero.log", b"cut here: \0 and on it goes for a while\n");
        write("new.log", b"");
        write("old.xz", &[0xfd, b'7', b'z', b'X', b'Z', 0]);
        write("wtmp", &[7, 0, 0, 0, 1, 0, 0, 0]);
        write(".hidden", b"x\n");
        fs::create_dir(folder.path().join("journal")).unwrap();
        std::os::unix::fs::symlink("b.log", folder.path().join("link")).unwrap();
        std::os::unix::fs::symlink("nowhere", folder.path().join("lost")).unwrap();
        let names = |found: &Found| -> Vec<String> {
            found.files.iter().map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect()
        };
        let found = look(folder.path(), false).unwrap();
        assert_eq!(names(&found), ["a.log.2.gz", "b.log", "with-zero.log"], "a link to what is read anyway is not");
        let words = "3 files read; left out: 1 directory, 1 hidden, 1 empty, 1 packed other than by gzip, 1 not text, 1 linked to those, 1 no file";
        assert_eq!(found.words(), words);
        let found = look(folder.path(), true).unwrap();
        assert_eq!(names(&found), ["b.log", "new.log", "with-zero.log"]);
    }

    #[test]
    fn a_pattern_in_quotes_is_read_as_the_shell_would_have() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.log", "a.log", "c.txt", "d?.log"] {
            fs::write(folder.path().join(name), "a line\n").unwrap();
        }
        let opened = |name: &str| opened(&[folder.path().join(name)], false);
        let names = |named: &Named| -> Vec<String> {
            named.files.iter().map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect()
        };
        assert_eq!(names(&opened("[ab]*.log")), [""; 0], "brackets are letters");
        assert_eq!(names(&opened("?.log")), ["a.log", "b.log"]);
        assert_eq!(names(&opened("d?.log")), ["d?.log"], "a file that is called so is that file");
        let none = opened("*.gz");
        assert!(none.failed && none.files.is_empty());
    }

    #[test]
    fn of_many_files_those_written_last_are_read() {
        let folder = tempfile::tempdir().unwrap();
        for number in 0..MOST + 5 {
            let path = folder.path().join(format!("{number:04}.log"));
            fs::write(&path, "a line\n").unwrap();
            let at = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000 - number as u64);
            File::options().write(true).open(&path).unwrap().set_modified(at).unwrap();
        }
        let found = look(folder.path(), false).unwrap();
        assert_eq!((found.files.len(), found.older), (MOST, 5));
        assert!(found.files[0].ends_with("0000.log"));
    }
}
