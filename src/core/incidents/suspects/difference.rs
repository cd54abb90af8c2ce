//! What a change changed: the commits between two releases, the lines of a configuration file. Asked of GitHub or the hosts when somebody
//! wants to see it, and kept while the console runs: nothing of it is stored, since files may hold secrets.
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Change;
use crate::core::{
    id::{HostName, ServiceId},
    runs::stick::is_commit,
    time::Timestamp,
    words::many,
};

/// Answers that are kept.
const KEPT: usize = 50;
/// Lines of an answer.
pub const LINES: usize = 200;
/// Bytes of all of its lines.
pub const BYTES: usize = 64 << 10;
/// Commits that are listed.
pub const COMMITS: usize = 60;
/// Files that are listed.
pub const FILES: usize = 100;

/// What a change lies between, as far as whoever tells of it knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Between {
    /// Two versions: commits, tags, names of releases.
    Versions {
        /// What ran before.
        before: Option<String>,
        /// What runs since.
        after: Option<String>,
    },
    /// Two states of a file, by the beginnings of their SHA-256.
    File {
        /// Its path.
        path: String,
        /// What stood in it before.
        before: Option<String>,
        /// What stands in it since.
        after: Option<String>,
    },
}

/// What is to be looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// The change's key.
    pub key: String,
    /// When it was made.
    pub at: Timestamp,
    /// Whose it is.
    pub service: Option<ServiceId>,
    /// Where it was made.
    pub hosts: Vec<HostName>,
    /// Between what it lies.
    pub between: Between,
}

/// How a line is meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mark {
    /// Stands in both, or is only said.
    #[default]
    Same,
    /// Says what comes after it.
    Head,
    /// Came.
    Come,
    /// Went.
    Gone,
    /// What a reader must know of it before believing it.
    Doubt,
}

/// A line: how it is meant, and sanitised text.
pub type Line = (Mark, String);

/// What differs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// Who told: `GitHub, acme/play`, `git in /srv/play/repo on web-01`.
    pub from: String,
    /// Its lines.
    pub lines: Vec<Line>,
    /// Lines that are left out behind them.
    pub left_out: usize,
}

/// How far an answer is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It was asked for.
    Asked,
    /// It came.
    Told(Box<Difference>),
    /// There is none: why, and what to do.
    Unknown(String),
}

/// Answers by the key of their change, and in which order they were asked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answers {
    of: BTreeMap<String, (u64, Answer)>,
    asked: u64,
}

/// A commit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Commit {
    /// The beginning of its hash.
    pub short: String,
    /// Who wrote it.
    pub by: String,
    /// The first line of its message.
    pub subject: String,
}

/// A file that differs: lines that came and went, where it has any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct File {
    /// Its path.
    pub path: String,
    /// Lines that came.
    pub come: Option<u64>,
    /// Lines that went.
    pub gone: Option<u64>,
}

/// What lies between two commits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Commits {
    /// Commits that only the later one has.
    pub come: u64,
    /// Commits that only the earlier one has: they were taken back.
    pub gone: u64,
    /// Those that came, or where none did those that went, newest first; not always all.
    pub commits: Vec<Commit>,
    /// Files that differ; not always all.
    pub files: Vec<File>,
    /// How many differ, where that is known beyond the list: files, lines that came, lines that went.
    pub totals: Option<(u64, u64, u64)>,
}

impl Between {
    /// Versions of which what tells of them knows these.
    pub fn versions(before: Option<&str>, after: Option<&str>) -> Self {
        Self::Versions { before: before.map(str::to_owned), after: after.map(str::to_owned) }
    }

    /// Puts together what two tell of one change. Commits are believed before names, and a pair before its halves.
    pub(super) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Versions { before, after }, Self::Versions { before: b, after: a }) => {
                let rank = |pair: (&Option<String>, &Option<String>)| match pair {
                    (Some(before), Some(after)) if is_commit(before) && is_commit(after) => 2,
                    (Some(_), Some(_)) => 1,
                    (_, _) => 0,
                };
                match (rank((&before, &after)), rank((&b, &a))) {
                    (0, 0) => Self::Versions { before: before.or(b), after: after.or(a) },
                    (own, others) if own >= others => Self::Versions { before, after },
                    (_, _) => Self::Versions { before: b, after: a },
                }
            }
            (Self::File { path, before, after }, Self::File { path: same, before: b, after: a }) if path == same => {
                Self::File { path, before: before.or(b), after: after.or(a) }
            }
            (own, _) => own,
        }
    }
}

impl Ask {
    /// Makes one of a change; none where nothing of it can be compared.
    pub fn of(change: &Change) -> Option<Self> {
        let between = change.between.clone()?;
        let (service, hosts) = (change.service.clone(), change.hosts.clone());
        Some(Self { key: change.key(), at: change.at, service, hosts, between })
    }
}

impl Answers {
    /// Returns what is known of a change.
    pub fn of(&self, key: &str) -> Option<&Answer> {
        self.of.get(key).map(|(_, answer)| answer)
    }

    /// Notes an answer, or that one was asked for. The oldest go.
    pub fn note(&mut self, key: String, answer: Answer) {
        self.asked += 1;
        self.of.insert(key, (self.asked, answer));
        while self.of.len() > KEPT {
            let oldest = self.of.iter().min_by_key(|(_, (asked, _))| *asked).map(|(key, _)| key.clone());
            let Some(oldest) = oldest else { break };
            self.of.remove(&oldest);
        }
    }
}

impl Difference {
    /// Makes one of lines, and leaves out what is too much.
    pub fn new(from: String, lines: Vec<Line>) -> Self {
        let (all, mut bytes, mut kept) = (lines.len(), 0, Vec::new());
        for line in lines.into_iter().take(LINES) {
            bytes += line.1.len();
            if bytes > BYTES {
                break;
            }
            kept.push(line);
        }
        Self { from, left_out: all - kept.len(), lines: kept }
    }

    /// Passes every line through what hides secrets.
    #[must_use]
    pub fn veiled(mut self, veil: impl Fn(&str) -> String) -> Self {
        for (_, text) in &mut self.lines {
            *text = veil(text);
        }
        self
    }
}

impl Answer {
    /// Says it line by line: what was asked, what came, or why there is nothing and what to do.
    pub fn lines(&self) -> Vec<Line> {
        match self {
            Self::Asked => vec![(Mark::Head, "asking…".to_owned())],
            Self::Unknown(why) => {
                let mut lines = vec![(Mark::Doubt, "what it changed is not known:".to_owned())];
                lines.extend(why.lines().map(|line| (Mark::Same, line.to_owned())));
                lines
            }
            Self::Told(difference) => {
                let mut lines = vec![(Mark::Head, format!("told by {}", difference.from))];
                lines.extend(difference.lines.iter().cloned());
                if difference.left_out > 0 {
                    lines.push((Mark::Doubt, format!("{} are not shown", many(difference.left_out, "more line"))));
                }
                lines
            }
        }
    }
}

impl Commits {
    /// Says them line by line.
    pub fn lines(&self) -> Vec<Line> {
        let count = |number: u64| many(usize::try_from(number).unwrap_or(usize::MAX), "commit");
        let back = self.come == 0 && self.gone > 0;
        let mut lines = Vec::new();
        match (self.come, self.gone) {
            (0, 0) => lines.push((Mark::Head, "no commit lies between them: it is the same once more".to_owned())),
            (come, 0) => lines.push((Mark::Head, format!("{} came", count(come)))),
            (0, gone) => {
                lines.push((Mark::Head, format!("{} were taken back: what ran before was newer", count(gone))));
            }
            (come, gone) => {
                lines.push((Mark::Head, format!("{} came", count(come))));
                lines.push((Mark::Doubt, format!("{} of what ran before are not in it", count(gone))));
            }
        }
        let (mark, sign) = if back { (Mark::Gone, '-') } else { (Mark::Come, '+') };
        let wide = self.commits.iter().take(COMMITS).map(|one| one.by.chars().count()).max().unwrap_or(0).min(16);
        for one in self.commits.iter().take(COMMITS) {
            let by: String = one.by.chars().take(16).collect();
            lines.push((mark, format!("{sign} {}  {by:wide$}  {}", one.short, one.subject)));
        }
        let listed = u64::try_from(self.commits.len().min(COMMITS)).unwrap_or(0);
        let more = if back { self.gone } else { self.come }.saturating_sub(listed);
        if more > 0 {
            let more = many(usize::try_from(more).unwrap_or(usize::MAX), "more commit");
            lines.push((Mark::Doubt, format!("{more} are not listed")));
        }
        lines.extend(self.of_files());
        lines
    }

    fn of_files(&self) -> Vec<Line> {
        let sum = |of: fn(&File) -> Option<u64>| self.files.iter().filter_map(of).fold(0, u64::saturating_add);
        let listed = u64::try_from(self.files.len()).unwrap_or(u64::MAX);
        let (files, come, gone) = self.totals.unwrap_or_else(|| (listed, sum(|file| file.come), sum(|file| file.gone)));
        if files == 0 {
            return Vec::new();
        }
        let all = many(usize::try_from(files).unwrap_or(usize::MAX), "file");
        let mut lines = vec![(Mark::Head, format!("{all} changed, +{come} -{gone} lines"))];
        for file in self.files.iter().take(FILES) {
            let lines_of = match (file.come, file.gone) {
                (Some(come), Some(gone)) => format!("{:>6} {:>6}", format!("+{come}"), format!("-{gone}")),
                (_, _) => format!("{:>13}", "no text"),
            };
            lines.push((Mark::Same, format!("{lines_of}  {}", file.path)));
        }
        let more = files.saturating_sub(listed.min(FILES as u64));
        if more > 0 {
            let more = many(usize::try_from(more).unwrap_or(usize::MAX), "more file");
            lines.push((Mark::Doubt, format!("{more} are not listed")));
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(lines: &[Line]) -> Vec<&str> {
        lines.iter().map(|(_, text)| text.as_str()).collect()
    }

    #[test]
    fn a_pair_of_commits_is_believed_before_names() {
        let sha = |digit: &str| digit.repeat(40);
        let run = || Between::versions(Some("v1"), Some("v2"));
        let hub = || Between::versions(Some(&sha("a")), Some(&sha("b")));
        let folder = || Between::versions(None, Some("v2"));
        assert_eq!(run().and(hub()), hub());
        assert_eq!(hub().and(run()), hub());
        assert_eq!(folder().and(run()), run());
        assert_eq!(run().and(folder()), run());
        assert_eq!(folder().and(Between::versions(Some("v1"), None)), run());
        let file = |before: Option<&str>, after: Option<&str>| Between::File {
            path: "/etc/hosts".into(),
            before: before.map(Into::into),
            after: after.map(Into::into),
        };
        assert_eq!(file(None, Some("2")).and(file(Some("1"), None)), file(Some("1"), Some("2")));
        assert_eq!(file(None, None).and(run()), file(None, None));
    }

    #[test]
    fn what_came_and_what_was_taken_back_is_said() {
        let commit = |short: &str| Commit { short: short.into(), by: "ana".into(), subject: "Cache the page".into() };
        let file = |path: &str, lines: Option<u64>| File { path: path.into(), come: lines, gone: lines };
        let came = Commits {
            come: 2,
            commits: vec![commit("abc1234"), commit("def5678")],
            files: vec![file("src/a.js", Some(3)), file("logo.png", None)],
            ..Commits::default()
        };
        let lines = came.lines();
        assert_eq!(
            words(&lines),
            [
                "2 commits came",
                "+ abc1234  ana  Cache the page",
                "+ def5678  ana  Cache the page",
                "2 files changed, +3 -3 lines",
                "    +3     -3  src/a.js",
                "      no text  logo.png"
            ]
        );
        let back = Commits { come: 0, gone: 9, ..came.clone() };
        let lines = back.lines();
        assert_eq!(lines[0].1, "9 commits were taken back: what ran before was newer");
        assert_eq!((lines[1].0, &*lines[1].1), (Mark::Gone, "- abc1234  ana  Cache the page"));
        assert_eq!(lines[3], (Mark::Doubt, "7 more commits are not listed".to_owned()));
        let apart = Commits { gone: 1, totals: Some((700, 9, 8)), ..came };
        let lines = apart.lines();
        assert_eq!(lines[1], (Mark::Doubt, "1 commit of what ran before are not in it".to_owned()));
        assert_eq!(lines.last().unwrap().1, "698 more files are not listed");
        assert_eq!(words(&Commits::default().lines()), ["no commit lies between them: it is the same once more"]);
    }

    #[test]
    fn an_answer_is_bounded_and_the_oldest_go() {
        let lines = |count: usize, text: &str| (0..count).map(|_| (Mark::Same, text.to_owned())).collect();
        let of = Difference::new("git".into(), lines(LINES + 7, "x"));
        assert_eq!((of.lines.len(), of.left_out), (LINES, 7));
        let of = Difference::new("git".into(), lines(20, &"x".repeat(BYTES / 10)));
        assert!(of.lines.len() <= 10 && of.left_out >= 10);
        assert!(Answer::Told(Box::new(of)).lines().last().unwrap().1.ends_with("more lines are not shown"));
        let mut answers = Answers::default();
        for number in 0..KEPT + 3 {
            answers.note(format!("change {number}"), Answer::Asked);
        }
        assert_eq!(
            (answers.of.len(), answers.of("change 2"), answers.of("change 3")),
            (KEPT, None, Some(&Answer::Asked))
        );
    }
}
