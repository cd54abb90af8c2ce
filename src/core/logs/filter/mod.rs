//! The filter language: what a person types, as a tree. One parser, three backends: the buffer, LogQL, grep.
//!
//! `level>=warn service:play status>=500 path:/api/* -path:/health dur>1s "exact text" /regex/i (a OR b) since:02:55
//! until:@now | count by host`. All terms must hold; `OR` in parentheses; `-` negates.
//!
//! [`parse::parse`] reads it, `Display` writes it back canonically, [`edit`] adds and excludes terms for keys,
//! [`complete`] offers what may be typed, [`moment`] gives times a meaning. What text, globs and regexes match is decided
//! by [`Text::regex`], [`Text::glob`] and [`Pattern::compile`]; whoever is faster must agree with them.
mod build;
pub mod complete;
pub mod edit;
pub mod grep;
pub mod logql;
mod matching;
pub mod moment;
mod near;
pub mod parse;
mod print;
pub mod push;

use super::Level;

pub use matching::Piece;
pub use parse::{Chip, Parsed, Part, Problem, parse};

/// A whole filter.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Filter {
    /// What a record must fulfil. Time terms are not in it: they stand in `since` and `until`.
    pub expr: Expr,
    /// Only records at or after.
    pub since: Option<Moment>,
    /// Only records before.
    pub until: Option<Moment>,
    /// What is made of the records that match.
    pub stage: Option<Stage>,
}

/// A condition.
#[derive(Clone, Debug, PartialEq, Default)]
pub enum Expr {
    /// Everything matches.
    #[default]
    All,
    /// All must hold. Never empty.
    And(Vec<Self>),
    /// One must hold. Never empty.
    Or(Vec<Self>),
    /// Must not hold.
    Not(Box<Self>),
    /// One term.
    Term(Term),
}

/// One condition without parts.
#[derive(Clone, Debug, PartialEq)]
pub enum Term {
    /// The record's raw text contains this.
    Text(Text),
    /// The record's raw text matches this regex (Rust syntax, bytes, `.` matches no `\n`).
    Regex(Pattern),
    /// Its level. A record without one matches `level:unknown`, and `level!=` of any other: it is not known to be that.
    Level {
        /// How to compare.
        op: Op,
        /// With which level.
        level: Level,
    },
    /// A field's whole text matches one of some globs: `service:play,api`, `path:/api/*`. Without the field it is false.
    Glob {
        /// The field's name: `service`, `env`, `host`, `source`, `file`, `format`, a label, a derived field, or one of the record's own.
        field: String,
        /// Alternatives; `*` is any text, `?` one character, and after a backslash `*`, `?` and `\\` mean themselves (see
        /// [`Text::glob`]). Case smart, each by itself.
        any: Vec<Text>,
    },
    /// A field's text matches a regex: `path~/^\/api/`.
    FieldRegex {
        /// The field's name.
        field: String,
        /// The regex.
        pattern: Pattern,
    },
    /// A field's number, duration or size compares. Without the field, or where it is no number, it is false.
    Compare {
        /// The field's name; `status` and `dur` are columns.
        field: String,
        /// How.
        op: Op,
        /// With what.
        value: Value,
    },
    /// The field is there: `req:*`.
    Has(String),
}

/// Text to find. `fold` when it was written without upper case (case smart): simple Unicode case is ignored, exactly as
/// the regex crate's `(?i)` does. So `k` finds the Kelvin sign and `s` the long s: ASCII folding alone would lose them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Text {
    /// The text, unescaped. Never empty outside of globs.
    pub text: String,
    /// Ignore case.
    pub fold: bool,
}

/// A regex that was compiled once to see that it is one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pattern {
    /// The regex between its slashes, with `/` for `\\/`.
    pub regex: String,
    /// `i` was given, or the regex has no upper case.
    pub fold: bool,
}

/// A comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `=`, and `:` with a number
    Equal,
    /// `!=`
    NotEqual,
    /// `>=`
    AtLeast,
    /// `>`
    More,
}

/// What a field is compared with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    /// A bare number, compared in the field's own unit.
    Number(f64),
    /// A duration in microseconds: `1s`, `250ms`.
    Micros(f64),
    /// Bytes: `20KB`, `1MiB`.
    Bytes(f64),
}

/// A moment as a person writes it; what it means depends on now, marks and the time zone on screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Moment {
    /// A date and time with or without a zone, as written.
    At(String),
    /// The latest time of day that is not in the future: `02:55`, `02:55:30`.
    TimeOfDay(String),
    /// So many milliseconds before now: `-10m`, `15m`.
    Ago(u64),
    /// `@now`
    Now,
    /// `@onset`, `@deploy`, `@mark`: a name the console knows.
    Named(String),
}

/// What is made of the records that match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    /// `| count`, `| count by host, status`
    Count {
        /// Group by these fields.
        by: Vec<String>,
    },
    /// `| top 5 path`
    Top {
        /// How many.
        limit: usize,
        /// The field.
        field: String,
    },
    /// `| p95 dur by service`; also `avg`, `min`, `max`, `sum`.
    Measure {
        /// Which figure.
        figure: Figure,
        /// Of which field.
        field: String,
        /// Group by these fields.
        by: Vec<String>,
    },
}

/// A figure over many values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Figure {
    /// The smallest value that at least this many tenths of a percent of all are not above: 950 is p95.
    Quantile(u16),
    /// Mean.
    Average,
    /// Smallest.
    Least,
    /// Largest.
    Most,
    /// Sum.
    Sum,
}
