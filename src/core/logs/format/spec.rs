//! What a format's file says.
use std::collections::BTreeMap;

use serde::Deserialize;

use super::{escape::Escape, request::Part, time::Style};

/// A format as written in its TOML file. [`super::Format::compile`] makes it usable.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// One line for lists: `Nginx: access log, combined`.
    pub words: String,
    /// How a line is taken apart.
    pub kind: SpecKind,
    /// The pattern of `kind = "pattern"`.
    pub pattern: Option<String>,
    /// The regex of `kind = "regex"`, with named groups. One that begins with `(?s)` is held against all lines of a record.
    pub regex: Option<String>,
    /// How its fields are escaped.
    #[serde(default)]
    pub escape: Escape,
    /// Keys that stand after the message as `, key: value`, in their order; for `kind = "pattern"`.
    #[serde(default)]
    pub tail: Vec<String>,
    /// Where the time stands.
    #[serde(default)]
    pub time: TimeSpec,
    /// Where the level stands.
    #[serde(default)]
    pub level: LevelSpec,
    /// Where a record begins.
    #[serde(default)]
    pub record: RecordSpec,
    /// How it is shown.
    #[serde(default)]
    pub view: ViewSpec,
    /// How it is told from others.
    #[serde(default)]
    pub detect: DetectSpec,
    /// Its fields, beside those that the pattern names.
    #[serde(default, rename = "field")]
    pub fields: Vec<FieldSpec>,
    /// Records that must read as said.
    #[serde(default, rename = "sample")]
    pub samples: Vec<Sample>,
}

/// How a line is taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SpecKind {
    /// At literals between captures: fast.
    Pattern,
    /// By a regex with named groups: slow, for what no pattern can say.
    Regex,
    /// A JSON object a line.
    Json,
    /// `key=value` pairs.
    Logfmt,
    /// Not at all: the time is what it begins with, the level is inferred.
    #[default]
    Plain,
}

/// Where the time stands.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TimeSpec {
    /// The field or fields, best first.
    pub from: Vec<String>,
    /// How it is written.
    #[serde(rename = "as")]
    pub style: Style,
}

/// Where the level stands.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LevelSpec {
    /// The field or fields, best first.
    pub from: Vec<String>,
    /// What its words and numbers mean, where they do not mean what everybody means by them.
    pub map: BTreeMap<String, String>,
    /// Whether the HTTP status tells it: 5xx is an error, 4xx and what is no status a warning, all else information.
    pub of_status: bool,
    /// Whether the number is a priority of syslog, facility included: of 165 the level is 5.
    pub is_priority: bool,
    /// Whether it is inferred from the message where no field tells it.
    pub infer: bool,
}

impl Default for LevelSpec {
    fn default() -> Self {
        Self { from: Vec::new(), map: BTreeMap::new(), of_status: false, is_priority: false, infer: true }
    }
}

/// Where a record begins.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RecordSpec {
    /// Which lines begin one.
    pub start: StartSpec,
    /// The regex of `start = "regex"`.
    pub regex: Option<String>,
    /// A regex of lines with which no record ends: the line after one goes on with it.
    pub open: Option<String>,
    /// A key whose value ends with a line break where the record is whole: else the next of the same `same` goes on with it.
    pub whole: Option<String>,
    /// Keys that must be equal for that.
    pub same: Vec<String>,
}

/// Which lines begin a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StartSpec {
    /// Every line.
    #[default]
    Line,
    /// Lines that the pattern or the regex fits, with a time where it has one.
    Head,
    /// Lines whose message does not go on with a stack trace or an indented text.
    Trace,
    /// Lines that a regex of its own fits.
    Regex,
}

/// How it is shown.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ViewSpec {
    /// The short text, made of fields: `<method> <path> <status> <dur>`. Default: the field `message`, or the whole record.
    pub message: Option<String>,
    /// The fields that stand in columns at first.
    pub columns: Vec<String>,
}

/// How it is told from others.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DetectSpec {
    /// Fields that must be there.
    pub need: Vec<String>,
    /// Fields that must be these texts or begin with one of them.
    pub begin: BTreeMap<String, Vec<String>>,
    /// A regex that a line must fit, too, to count for it: what tells it from others that look alike.
    pub like: Option<String>,
    /// Texts in the lines that speak for it.
    pub hints: Vec<String>,
    /// Whether one of them must be there.
    pub hinted: bool,
    /// Wins over those with less where as many lines fit.
    pub rank: i32,
    /// Parts of file names that speak for it: `access.log`.
    pub files: Vec<String>,
    /// Whether it is never chosen by itself.
    pub never: bool,
}

/// A field.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FieldSpec {
    /// Its name in filters. The fields `status` and `dur` are columns. Two entries of one name are alternatives.
    pub name: String,
    /// Other names that mean it.
    pub alias: Vec<String>,
    /// The captures or keys that it is read from, best first; its own name where there are none.
    pub from: Vec<String>,
    /// Which part of that.
    pub part: Option<Part>,
    /// What its text means.
    pub kind: KindSpec,
    /// Of a duration: the unit of a bare number.
    pub unit: Unit,
}

/// What a field's text means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KindSpec {
    /// Text.
    #[default]
    Text,
    /// A number.
    Number,
    /// A duration.
    Duration,
    /// Bytes.
    Bytes,
}

/// A unit of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Deserialize)]
pub enum Unit {
    /// Seconds.
    #[default]
    #[serde(rename = "s")]
    Second,
    /// Milliseconds.
    #[serde(rename = "ms")]
    Milli,
    /// Microseconds.
    #[serde(rename = "us")]
    Micro,
    /// Nanoseconds.
    #[serde(rename = "ns")]
    Nano,
}

impl Unit {
    /// Microseconds in one.
    pub fn micros(self) -> f64 {
        match self {
            Self::Second => 1_000_000.0,
            Self::Milli => 1000.0,
            Self::Micro => 1.0,
            Self::Nano => 0.001,
        }
    }
}

/// Text that must read as said. What is not said is not looked at.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sample {
    /// The lines.
    pub text: String,
    /// How many records they are; the rest is about the first one.
    pub records: Option<usize>,
    /// Its time in RFC 3339, or `none`.
    pub time: Option<String>,
    /// Its level.
    pub level: Option<String>,
    /// Its status; nought is none.
    pub status: Option<u16>,
    /// Its duration in microseconds.
    pub dur_us: Option<u32>,
    /// Its short text.
    pub message: Option<String>,
    /// Fields by name; `none` is absence.
    pub fields: BTreeMap<String, String>,
}
