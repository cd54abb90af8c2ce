//! Where a file went that is no longer where it was: among its rotated siblings.
use super::{Found, is_packed, unpacked};

/// Says whether `path` is `of` after a rotation: its name, then a number or a date, packed or not; `app-2026-11-20.log` for `app.log`.
pub(super) fn is_rotated(path: &str, of: &str) -> bool {
    let dated = |rest: &str| {
        let rest = rest.strip_prefix(['.', '-', '_']);
        rest.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    if let Some(rest) = path.strip_prefix(of) {
        return dated(rest) || rest.starts_with(".old") || rest.starts_with(".bak");
    }
    let name = of.rfind('/').map_or(0, |at| at + 1);
    let Some((stem, extension)) = of.rfind('.').filter(|at| *at > name).and_then(|at| of.split_at_checked(at)) else {
        return false;
    };
    let middle = path.strip_prefix(stem).and_then(|rest| rest.split_once(extension));
    middle.is_some_and(|(middle, _)| dated(middle))
}

/// Sorts siblings from the oldest to the newest. Within one second the number tells: `.2` is older than `.1`.
pub(super) fn by_age(files: &mut [Found]) {
    let number = |path: &str| -> Option<u64> {
        let digits = unpacked(path).unwrap_or(path).rsplit('.').next()?;
        if digits.len() > 5 { None } else { digits.parse().ok() }
    };
    files.sort_by(|a, b| {
        let numbers = number(&b.path).cmp(&number(&a.path));
        a.modified.cmp(&b.modified).then(numbers).then_with(|| a.path.cmp(&b.path))
    });
}

/// Returns the newest files that may be a copy of one that was read up to `offset`, newest first.
pub(super) fn candidates(siblings: &[Found], offset: u64) -> impl Iterator<Item = &Found> {
    siblings.iter().rev().filter(move |file| file.regular && (is_packed(&file.path) || file.size >= offset)).take(4)
}

/// Returns the files between the one at `home` and the next one that is followed already, oldest first.
///
/// The present file may itself have been renamed since it was looked at: what is newer than it has to wait until it is read.
pub(super) fn came_between(
    siblings: &[Found],
    home: usize,
    known: impl Fn(&Found) -> bool,
) -> impl Iterator<Item = &Found> {
    siblings.iter().skip(home + 1).take_while(move |found| !known(found))
}

/// Says whether a packed file is still being made: what it is made of is removed when it is whole, and until then holds the lines.
pub(super) fn is_being_packed(found: &Found, siblings: &[Found]) -> bool {
    unpacked(&found.path).is_some_and(|path| siblings.iter().any(|sibling| sibling.path == path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rotated_names() {
        for (path, expected) in [
            ("/l/app.log.1", true),
            ("/l/app.log.12.gz", true),
            ("/l/app.log-20261120.gz", true),
            ("/l/app-2026-11-20.log", true),
            ("/l/app-2026-11-20.log.gz", true),
            ("/l/app.log.old", true),
            ("/l/app.log", false),
            ("/l/app-worker.log", false),
            ("/l/app.log.swp", false),
            ("/l/apps.log", false),
        ] {
            assert_eq!(is_rotated(path, "/l/app.log"), expected, "{path}");
        }
    }

    #[test]
    fn what_is_newer_than_a_file_that_is_followed_waits_for_it() {
        let found =
            |path: &str, inode| Found { path: path.into(), inode, device: 1, size: 10, modified: 0, regular: true };
        let files = [found("/a-1", 1), found("/a-2", 2), found("/a-3", 3), found("/a-4", 4)];
        for (home, known, expected) in [
            (0, vec![1, 9], vec!["/a-2", "/a-3", "/a-4"]),
            (0, vec![1, 2], vec![]),
            (0, vec![1, 3], vec!["/a-2"]),
            (1, vec![1, 2, 9], vec!["/a-3", "/a-4"]),
            (3, vec![4], vec![]),
        ] {
            let between: Vec<_> = came_between(&files, home, |found| known.contains(&found.inode))
                .map(|found| found.path.as_str())
                .collect();
            assert_eq!(between, expected, "{home} {known:?}");
        }
    }

    #[test]
    fn siblings_are_sorted_by_age() {
        let found =
            |path: &str, modified| Found { path: path.into(), inode: 1, device: 1, size: 10, modified, regular: true };
        let mut files = vec![found("/a.1", 9), found("/a.10.gz", 9), found("/a.2", 9), found("/a.3", 2)];
        by_age(&mut files);
        let names: Vec<_> = files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(names, ["/a.3", "/a.10.gz", "/a.2", "/a.1"]);
        assert_eq!(candidates(&files, 11).map(|file| file.path.as_str()).collect::<Vec<_>>(), ["/a.10.gz"]);
    }
}
