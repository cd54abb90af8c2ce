//! What lies between two commits, as GitHub tells it, and as the script of [`sources::changes`](crate::sources::changes) has it from git.
//!
//! Whoever may write a commit chooses its words: every text is sanitised, and numbers are believed only as numbers.
use serde::Deserialize;

use super::sanitise;
use crate::core::incidents::suspects::difference::{COMMITS, Commit, Commits, FILES, File};

/// Letters of the first line of a message, and of a path.
const LETTERS: usize = 160;
/// Letters of a hash that are shown.
const SHORT: usize = 7;
/// Lines of a host's answer that are read.
const LINES: usize = 1_000;

/// What a host says of two releases.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Releases {
    /// Where its repository lies; none where it has none.
    pub repo: Option<String>,
    /// The release before: its name, and of which commit or tag it was made, where that is known.
    pub before: Option<(String, Option<String>)>,
    /// The same of the one since.
    pub after: Option<(String, Option<String>)>,
    /// Whether the one before is only taken to be that, by the times of the folders.
    pub guessed: bool,
    /// What lies between them, where git told.
    pub commits: Option<Commits>,
    /// Why something is not known.
    pub missing: Vec<String>,
}

/// Reads what GitHub answers to a comparison.
///
/// # Errors
/// When it is none.
pub fn github(body: &[u8]) -> Result<Commits, String> {
    #[derive(Deserialize)]
    struct Compared {
        ahead_by: u64,
        behind_by: u64,
        #[serde(default)]
        commits: Option<Vec<Of>>,
        #[serde(default)]
        files: Option<Vec<Changed>>,
    }
    #[derive(Deserialize)]
    struct Of {
        sha: String,
        #[serde(default)]
        commit: Option<Inner>,
        #[serde(default)]
        author: Option<Who>,
    }
    #[derive(Deserialize)]
    struct Inner {
        message: Option<String>,
        author: Option<Who>,
    }
    #[derive(Deserialize)]
    struct Who {
        name: Option<String>,
        login: Option<String>,
    }
    #[derive(Deserialize)]
    struct Changed {
        filename: String,
        additions: Option<u64>,
        deletions: Option<u64>,
        changes: Option<u64>,
    }
    let read: Compared =
        serde_json::from_slice(body).map_err(|error| format!("its comparison cannot be read: {error}"))?;
    let commit = |of: Of| {
        let (message, author) = of.commit.map_or((None, None), |inner| (inner.message, inner.author));
        let name = |who: Option<Who>| who.and_then(|who| who.name.or(who.login));
        let message = message.unwrap_or_default();
        Commit {
            short: short(&of.sha),
            by: sanitise::line_max(name(author).or_else(|| name(of.author)).unwrap_or_default(), 40),
            subject: sanitise::line_max(message.lines().next().unwrap_or_default(), LETTERS),
        }
    };
    // A picture has no lines, and GitHub calls that no change of lines.
    let file = |of: Changed| {
        let text = of.changes != Some(0);
        let lines = |lines: Option<u64>| lines.filter(|_| text);
        File { path: sanitise::line_max(of.filename, LETTERS), come: lines(of.additions), gone: lines(of.deletions) }
    };
    // They come oldest first.
    let commits = read.commits.unwrap_or_default().into_iter().rev().take(COMMITS).map(commit).collect();
    let files: Vec<File> = read.files.unwrap_or_default().into_iter().map(file).collect();
    Ok(Commits { come: read.ahead_by, gone: read.behind_by, commits, files, totals: None })
}

/// Reads what a host answers to the question for two releases.
///
/// # Errors
/// When it is not whole.
pub fn releases(bytes: &[u8]) -> Result<Releases, String> {
    let (mut read, mut whole) = (Releases::default(), false);
    let (mut counted, mut commits, mut files, mut totals) = (None, Vec::new(), Vec::new(), None);
    for line in bytes.split(|byte| *byte == b'\n').take(LINES) {
        let Some(line) = line.strip_prefix(b"@@ ") else { continue };
        let fields: Vec<String> =
            line.split(|byte| *byte == b'\t').map(|field| sanitise::line_max(field, 400)).collect();
        let Some((first, rest)) = fields.split_first() else { continue };
        let (what, value) = first.split_once(' ').unwrap_or((first, ""));
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let number = |text: &str| text.trim().parse::<u64>().ok();
        match (what, rest) {
            ("repo", []) => read.repo = some(value),
            ("before", [of]) => read.before = some(value).map(|name| (name, some(of))),
            ("after", [of]) => read.after = some(value).map(|name| (name, some(of))),
            ("guessed", []) => read.guessed = true,
            ("count", [gone]) => counted = number(value).zip(number(gone)),
            ("commit", [by, subject @ ..]) if commits.len() < COMMITS => {
                let subject = sanitise::line_max(subject.join(" "), LETTERS);
                commits.push(Commit { short: short(value), by: sanitise::line_max(by, 40), subject });
            }
            ("stat", [gone, path @ ..]) if files.len() < FILES => {
                let path = sanitise::line_max(path.join(" "), LETTERS);
                files.push(File { path, come: number(value), gone: number(gone) });
            }
            ("total", []) => totals = total(value),
            ("missing", [why]) => read.missing.push(format!("{value}: {why}")),
            ("end", []) => whole = true,
            (_, _) => {}
        }
    }
    if !whole {
        return Err("its answer broke off".to_owned());
    }
    read.commits = counted.map(|(come, gone)| Commits { come, gone, commits, files, totals });
    Ok(read)
}

fn short(sha: &str) -> String {
    sanitise::name(sha).chars().filter(char::is_ascii_alphanumeric).take(SHORT).collect()
}

/// ` 3 files changed, 10 insertions(+), 2 deletions(-)`; what there is none of is left out.
fn total(text: &str) -> Option<(u64, u64, u64)> {
    let of = |word: &str| {
        let part = text.split(',').find(|part| part.contains(word))?;
        part.trim().split(' ').next()?.parse::<u64>().ok()
    };
    Some((of("file")?, of("insertion").unwrap_or(0), of("deletion").unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_github_compares_is_read_whatever_is_missing() {
        let body = br#"{"status":"ahead","ahead_by":2,"behind_by":0,"total_commits":2,"commits":[
            {"sha":"1111111aaaa","commit":{"message":"older","author":{"name":"Ann"}},"author":null},
            {"sha":"2222222bbbb","commit":{"message":"fix: \u001b[31mred\u0007\n\nbody","author":null},"author":{"login":"ben"}}],
            "files":[{"filename":"src/a.rs","status":"modified","additions":3,"deletions":1,"changes":4,"patch":"@@"},
            {"filename":"a\u202e.png","additions":0,"deletions":0,"changes":0}]}"#;
        let read = github(body).unwrap();
        let commits: Vec<(&str, &str, &str)> =
            read.commits.iter().map(|one| (&*one.short, &*one.by, &*one.subject)).collect();
        assert_eq!((read.come, read.gone), (2, 0));
        assert_eq!(commits[1], ("1111111", "Ann", "older"));
        assert_eq!((commits[0].0, commits[0].1), ("2222222", "ben"));
        assert!(!commits[0].2.contains(['\u{1b}', '\u{7}', '\n']), "{commits:?}");
        assert_eq!((read.files[0].come, read.files[0].gone, read.files[1].come), (Some(3), Some(1), None));
        assert!(!read.files[1].path.contains('\u{202e}'), "{:?}", read.files);
        let read = github(br#"{"ahead_by":0,"behind_by":3,"commits":null,"files":null,"new":{}}"#).unwrap();
        assert_eq!((read.gone, read.commits.len()), (3, 0));
        for hostile in
            [&b"["[..], b"{}", b"[]", b"<html>", b"{\"ahead_by\":-1,\"behind_by\":0}", b"{\"ahead_by\":\"x\"}"]
        {
            assert!(github(hostile).is_err(), "{}", String::from_utf8_lossy(hostile));
        }
        let many: Vec<String> =
            (0..300).map(|at| format!("{{\"sha\":\"{at:040}\",\"commit\":{{\"message\":\"{at}\"}}}}")).collect();
        let body = format!("{{\"ahead_by\":300,\"behind_by\":0,\"commits\":[{}]}}", many.join(","));
        let read = github(body.as_bytes()).unwrap();
        assert_eq!((read.commits.len(), &*read.commits[0].subject), (COMMITS, "299"));
    }

    #[test]
    fn what_a_host_says_of_releases_is_read() {
        let told = b"noise\n@@ repo /srv/play/repo\n@@ before v1\tabc\n@@ after v2\t\n@@ guessed\n@@ count 1\t0\n\
            @@ commit 1234567890\tana\tfix\ttabs \x1b[2Jand more\r\n@@ stat 3\t-\tlogo.png\n\
            @@ total 1 file changed, 3 insertions(+)\n@@ missing git\tnot there\n@@ strange 1\t2\n@@ end\n";
        let read = releases(told).unwrap();
        assert_eq!(read.repo.as_deref(), Some("/srv/play/repo"));
        assert_eq!(read.before, Some(("v1".into(), Some("abc".into()))));
        assert_eq!((read.after, read.guessed), (Some(("v2".into(), None)), true));
        let commits = read.commits.unwrap();
        assert_eq!((commits.come, commits.gone, commits.totals), (1, 0, Some((1, 3, 0))));
        assert_eq!(commits.commits[0].short, "1234567");
        assert!(commits.commits[0].subject.starts_with("fix tabs") && !commits.commits[0].subject.contains('\u{1b}'));
        assert_eq!((commits.files[0].come, commits.files[0].gone), (Some(3), None));
        assert_eq!(read.missing, ["git: not there"]);
        assert!(releases(b"@@ count 1\t0\n@@ commit x").is_err(), "it broke off");
        assert_eq!(releases(b"@@ count -1\tx\n@@ end").unwrap().commits, None);
        let much = [b"@@ count 9\t0\n".as_slice(), &b"@@ commit a\tb\tc\n".repeat(100), b"@@ end\n"].concat();
        assert_eq!(releases(&much).unwrap().commits.unwrap().commits.len(), COMMITS);
    }

    proptest::proptest! {
        #[test]
        fn no_answer_breaks_the_reader(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..400)) {
            let safe = |commits: &Commits| {
                commits.lines().iter().all(|(_, line)| line.chars().all(sanitise::is_safe))
            };
            let told = [b"@@ count 2\t2\n@@ commit ".as_slice(), &bytes, b"\n@@ stat ", &bytes, b"\n@@ end\n"].concat();
            if let Ok(Releases { commits: Some(commits), .. }) = releases(&told) {
                proptest::prop_assert!(safe(&commits));
            }
            _ = github(&bytes);
        }
    }
}
