//! What is wrong with a file, so that a person can mend it without looking anything up.
use std::{
    fmt::{self, Write as _},
    path::PathBuf,
};

/// How bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Something is left out until it is mended; `qd check` exits with 2.
    Error,
    /// All that was asked for works, but not as somebody may think.
    Warning,
}

/// One thing that is wrong, with its place. It never holds a secret: values that may be one are masked before it is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file it stands in.
    pub file: PathBuf,
    /// Line, from 1; 0 when it is about the whole file.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// How bad.
    pub severity: Severity,
    /// What is wrong, in one line, with the offending text.
    pub what: String,
    /// The line as it stands in the file, with what may be secret masked.
    pub excerpt: Option<Excerpt>,
    /// What to do about it.
    pub help: Option<String>,
    /// What does not start because of it: `check play@prod/page`.
    pub left_out: Option<String>,
}

/// A line of a file and the part of it that is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excerpt {
    /// The line, without secrets, comments and control characters.
    pub text: String,
    /// Characters before the part.
    pub start: usize,
    /// Length of the part in characters, at least 1.
    pub len: usize,
}

impl Problem {
    /// Makes a problem of a whole file.
    pub fn of_file(file: impl Into<PathBuf>, severity: Severity, what: impl Into<String>) -> Self {
        Self {
            file: file.into(),
            line: 0,
            column: 0,
            severity,
            what: what.into(),
            excerpt: None,
            help: None,
            left_out: None,
        }
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Says in one line where and what: `qd.toml:3:8: unknown key`.
    pub fn one_line(&self) -> String {
        let file = self.file.display();
        match self.line {
            0 => format!("{file}: {}", self.what),
            line => format!("{file}:{line}:{}: {}", self.column, self.what),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file.display();
        let warning = if self.severity == Severity::Warning { "warning: " } else { "" };
        match self.line {
            0 => write!(f, "{file}: {warning}{}", self.what)?,
            line => write!(f, "{file}:{line}:{}: {warning}{}", self.column, self.what)?,
        }
        if let Some(Excerpt { text, start, len }) = &self.excerpt {
            let number = self.line.to_string();
            let gutter = " ".repeat(number.len());
            let (before, carets) = (" ".repeat(*start), "^".repeat((*len).max(1)));
            write!(f, "\n {gutter} |\n {number} | {text}\n {gutter} | {before}{carets}")?;
        }
        if let Some(left_out) = &self.left_out {
            write!(f, "\n  left out: {left_out}")?;
        }
        if let Some(help) = &self.help {
            write!(f, "\n  help: {help}")?;
        }
        Ok(())
    }
}

/// Renders problems for a terminal or a log: errors and warnings in the order of the files, then a count.
pub fn check_text(problems: &[Problem]) -> String {
    let mut text = String::new();
    for problem in problems {
        let _infallible = writeln!(text, "{problem}\n");
    }
    let errors = problems.iter().filter(|p| p.severity == Severity::Error).count();
    let warnings = problems.len() - errors;
    let summary = match (errors, warnings) {
        (0, 0) => "no problems in the configuration".to_owned(),
        (errors, 0) => count(errors, "error"),
        (0, warnings) => count(warnings, "warning"),
        (errors, warnings) => [count(errors, "error"), count(warnings, "warning")].join(", "),
    };
    text + &summary + "\n"
}

fn count(n: usize, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}

/// Finds the word that was probably meant: at most two letters off, or one begins the other.
pub fn closest<'a>(word: &str, among: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = word.to_lowercase();
    let allowed = match lower.chars().count() {
        0..=2 => 1,
        3..=5 => 2,
        _ => 3,
    };
    among
        .into_iter()
        .map(|candidate| (distance(&lower, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| {
            let begins = lower.len() >= 3 && (candidate.starts_with(&lower) || lower.starts_with(candidate));
            *distance <= allowed && *distance < candidate.chars().count() || begins
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Counts the letters to insert, delete, replace or swap with a neighbour (optimal string alignment).
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().take(64).collect(), b.chars().take(64).collect());
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut next = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let at = |row: &[usize], j: usize| row.get(j).copied().unwrap_or(usize::MAX / 2);
            let mut best = (at(&row, j) + usize::from(x != y)).min(at(&row, j + 1) + 1).min(at(&next, j) + 1);
            let swapped = i > 0 && j > 0 && a.get(i - 1) == Some(y) && b.get(j - 1) == Some(x);
            if swapped {
                best = best.min(at(&before, j - 1) + 1);
            }
            next.push(best);
        }
        before = std::mem::replace(&mut row, next);
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_that_was_meant_is_found() {
        let keys = ["name", "address", "port", "user", "jump", "identity", "timeout", "fail_after"];
        assert_eq!(closest("adress", keys), Some("address"));
        assert_eq!(closest("prot", keys), Some("port"));
        assert_eq!(closest("fail_aftr", keys), Some("fail_after"));
        assert_eq!(closest("ident", keys), Some("identity"));
        assert_eq!(closest("Timeout", keys), Some("timeout"));
        assert_eq!(closest("colour", keys), None);
        assert_eq!(closest("", keys), None);
        assert_eq!(closest("x", ["y"]), None);
    }

    #[test]
    fn distances_are_those_of_optimal_string_alignment() {
        for (a, b, is) in [("", "", 0), ("", "abc", 3), ("abc", "abc", 0), ("ab", "ba", 1), ("kitten", "sitting", 3)] {
            assert_eq!(distance(a, b), is, "{a} {b}");
            assert_eq!(distance(b, a), is, "{b} {a}");
        }
    }

    #[test]
    fn a_problem_shows_its_place() {
        let problem = Problem {
            line: 12,
            column: 3,
            excerpt: Some(Excerpt { text: "  prot = 22".into(), start: 2, len: 4 }),
            left_out: Some("host web-01".into()),
            ..Problem::of_file("qd.toml", Severity::Error, "unknown key `prot`").help("did you mean `port`?")
        };
        assert_eq!(
            problem.to_string(),
            "qd.toml:12:3: unknown key `prot`\n    |\n 12 |   prot = 22\n    |   ^^^^\n  left out: host web-01\n  help: did you mean `port`?"
        );
        assert!(check_text(&[problem]).ends_with("\n\n1 error\n"));
        assert_eq!(check_text(&[]), "no problems in the configuration\n");
    }
}
