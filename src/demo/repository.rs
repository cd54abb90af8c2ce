//! The repository beside the releases of an application, as far as the demo's git is asked about it: a list of commits, newest last.
use std::{fs, io, path::Path};

use super::cast::App;

/// Of which application.
const OF: &str = "play";
/// The list's file, by which the demo's git knows its own.
const LIST: &str = "demo-commits";

/// Version, author, lines that came and went, file, subject.
const COMMITS: &[(&str, &str, u32, u32, &str, &str)] = &[
    ("2.30.4", "ana", 3, 3, "src/player/subtitles.js", "DEMO: subtitles keep their place"),
    ("2.31.0", "leo", 88, 12, "src/home/rows.js", "DEMO: rows of the start page come as they are seen"),
    ("2.31.0", "mia", 9, 4, "src/player/segment.js", "DEMO: a segment that is late is asked for again"),
    ("2.31.1", "leo", 41, 9, "src/catalogue.js", "DEMO: keep every answer of the catalogue in memory"),
    ("2.31.1", "ana", 6, 6, "package-lock.json", "DEMO: undici 6.21.1"),
    ("2.31.1", "mia", 2, 1, "src/player/segment.js", "DEMO: ask for a late segment twice"),
    ("2.32.0-rc.1", "leo", 120, 31, "src/home/rows.js", "DEMO: rows by taste"),
];

/// Lays the repository of an application, where it has one.
///
/// # Errors
/// When it cannot be written.
pub(super) fn lay(folder: &Path, app: &App) -> io::Result<()> {
    if app.name != OF {
        return Ok(());
    }
    let repo = folder.join("repo");
    fs::create_dir_all(repo.join("objects"))?;
    fs::write(repo.join("HEAD"), "ref: refs/heads/main\n")?;
    let mut list = String::new();
    for (number, (version, by, come, gone, file, subject)) in (0xde30_c0de_u32..).zip(COMMITS) {
        line!(
            &mut list,
            "{:08x}{}\t{version}\t{by}\t{subject}\t{come}\t{gone}\t{file}",
            number.rotate_left(9),
            "0".repeat(32)
        );
    }
    fs::write(repo.join(LIST), list)
}
