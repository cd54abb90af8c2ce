//! What the answer of a step must be, and whether it is.
use std::cmp::Ordering;

use regex::Regex;

/// What an answer must be.
#[derive(Clone, Debug)]
pub enum Expect {
    /// This text stands in it.
    Contains(String),
    /// This text does not.
    Lacks(String),
    /// This matches it.
    Matches(Regex),
    /// There is nothing but blanks.
    Empty,
    /// Its first number.
    Number(Order, f64),
}

impl PartialEq for Expect {
    fn eq(&self, other: &Self) -> bool {
        self.words() == other.words()
    }
}

/// How a number must stand to another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Less.
    Less,
    /// Less, or the same.
    AtMost,
    /// More.
    More,
    /// More, or the same.
    AtLeast,
    /// The same.
    Equal,
    /// Another.
    Other,
}

impl Order {
    /// All of them; what begins like another one is before it.
    pub const ALL: [(&'static str, Self); 6] = [
        ("<=", Self::AtMost),
        (">=", Self::AtLeast),
        ("!=", Self::Other),
        ("==", Self::Equal),
        ("<", Self::Less),
        (">", Self::More),
    ];

    fn sign(self) -> &'static str {
        Self::ALL.iter().find(|(_, order)| *order == self).map_or("?", |(sign, _)| sign)
    }

    fn holds(self, left: f64, right: f64) -> bool {
        left.partial_cmp(&right).is_some_and(|is| match self {
            Self::Less => is == Ordering::Less,
            Self::AtMost => is != Ordering::Greater,
            Self::More => is == Ordering::Greater,
            Self::AtLeast => is != Ordering::Less,
            Self::Equal => is == Ordering::Equal,
            Self::Other => is != Ordering::Equal,
        })
    }
}

impl Expect {
    /// Says it in words.
    pub fn words(&self) -> String {
        match self {
            Self::Contains(text) => format!("contains {text:?}"),
            Self::Lacks(text) => format!("lacks {text:?}"),
            Self::Matches(regex) => format!("matches /{regex}/"),
            Self::Empty => "is empty".to_owned(),
            Self::Number(order, of) => format!("number {} {of}", order.sign()),
        }
    }

    /// Says whether it holds, and what was seen instead; none: nobody can tell.
    fn holds(&self, said: &str) -> (Option<bool>, String) {
        match self {
            Self::Contains(text) => (Some(said.contains(text)), format!("{text:?} is not there")),
            Self::Lacks(text) => (Some(!said.contains(text)), format!("{text:?} is there")),
            Self::Matches(regex) => (Some(regex.is_match(said)), format!("/{regex}/ matches nothing")),
            Self::Empty => (Some(said.trim().is_empty()), "it is not empty".to_owned()),
            Self::Number(order, of) => match number(said) {
                Some(found) => (Some(order.holds(found, *of)), format!("{found} is not {} {of}", order.sign())),
                None => (None, "there is no number in it".to_owned()),
            },
        }
    }
}

/// Returns the first number of a text.
fn number(text: &str) -> Option<f64> {
    let is_part = |letter: char| letter.is_ascii_digit() || letter == '.';
    let mut before = ' ';
    let mut letters = text.char_indices();
    let (at, _) = letters.find(|(_, letter)| {
        // The 2 of `p2` or `v1.2` is no number of its own.
        let begins = letter.is_ascii_digit() && !before.is_alphanumeric() && before != '.';
        if !begins {
            before = *letter;
        }
        begins
    })?;
    let rest = text.get(at..)?;
    let end = rest.find(|letter| !is_part(letter)).unwrap_or(rest.len());
    let digits = rest.get(..end)?.trim_end_matches('.');
    digits.parse::<f64>().ok().map(|found| if before == '-' { -found } else { found })
}

/// What a step answered on a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer<'a> {
    /// What it exited with; none: nobody knows how it ended.
    pub exit: Option<i32>,
    /// What it printed.
    pub stdout: &'a str,
    /// Whether some of that was dropped.
    pub cut: bool,
}

/// Whether an answer is what it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// Whether it is; none: nobody knows.
    pub met: Option<bool>,
    /// Why, in a few words; empty where all is as it must be.
    pub why: String,
}

/// What a shell exits with where a program is not there, or is none.
const NO_PROGRAM: [i32; 2] = [126, 127];

/// Holds an answer against what it must be. What was not answered is not known: it is neither good nor bad.
pub fn judge(wanted: (Option<i32>, &[Expect]), answer: Answer<'_>) -> Judged {
    let (exit, expect) = wanted;
    let not = |met: Option<bool>, why: String| Judged { met, why };
    let Some(code) = answer.exit else { return not(None, "nobody knows how it ended".to_owned()) };
    if NO_PROGRAM.contains(&code) && exit != Some(code) {
        return not(None, format!("exit {code}: a program of it is not there"));
    }
    if let Some(wanted) = exit.filter(|wanted| *wanted != code) {
        return not(Some(false), format!("exit {code}, not {wanted}"));
    }
    let mut unknown = None;
    for one in expect {
        match one.holds(answer.stdout) {
            (Some(true), _) => {}
            // The rest of it may have what is missed here; what is there is there.
            (Some(false), why)
                if answer.cut && !matches!(one, Expect::Lacks(_) | Expect::Empty | Expect::Number(..)) =>
            {
                unknown = Some(format!("{why}, as far as it was kept"));
            }
            (Some(false), why) => return not(Some(false), why),
            (None, why) => unknown = Some(why),
        }
        if answer.cut && matches!(one, Expect::Lacks(_)) && unknown.is_none() {
            unknown = Some("only a part of it was kept".to_owned());
        }
    }
    match unknown {
        Some(why) => not(None, why),
        None => not(Some(true), String::new()),
    }
}
