//! What a format makes of lines: for its samples, and for whoever writes one.
use super::{Assume, Format, Head, Level, Nanos, records::records, spec::Sample};

/// What a format makes of one record.
#[derive(Clone, Debug)]
pub struct Reading {
    /// The line it begins at, counted from one.
    pub line: usize,
    /// How many lines it has.
    pub lines: usize,
    /// The record as it is.
    pub text: Vec<u8>,
    /// Whether it is of the format. One that is not is shown as it is.
    pub fits: bool,
    /// Its columns.
    pub head: Head,
    /// Its fields, in the order written.
    pub fields: Vec<(String, Vec<u8>)>,
    /// The short text.
    pub message: Vec<u8>,
}

/// Reads every record of a text.
pub fn read(format: &Format, text: &[u8], assume: Assume) -> Vec<Reading> {
    let mut line = 1;
    let mut all = Vec::new();
    for record in records(format, text) {
        let lines = 1 + memchr::memchr_iter(b'\n', record).count();
        let fields = format.all(record).into_iter();
        all.push(Reading {
            line,
            lines,
            text: record.to_vec(),
            fits: format.fits(record),
            head: format.head(record, assume),
            fields: fields.map(|(name, value)| (name.into_owned(), value.into_owned())).collect(),
            message: format.message(record).into_owned(),
        });
        line += lines;
    }
    all
}

/// Holds a format against one of its samples; says each thing that is read differently: `status is 200, not 404`.
pub fn hold(format: &Format, sample: &Sample) -> Vec<String> {
    // Samples are read as on the evening when they were recorded, in UTC.
    let assume = Assume { zone: chrono_tz::Tz::UTC, now: Nanos(1_795_300_000 * Nanos::SECOND) };
    let text = sample.text.trim_matches('\n').as_bytes();
    let all: Vec<&[u8]> = records(format, text).collect();
    let mut wrong = Vec::new();
    let mut differ = |what: &str, is: &str, should: &str| {
        if is != should {
            wrong.push(format!("{what} is {is:?}, not {should:?}"));
        }
    };
    if let Some(records) = sample.records {
        differ("the number of records", &all.len().to_string(), &records.to_string());
    }
    let record = all.first().copied().unwrap_or_default();
    let head = format.head(record, assume);
    if let Some(time) = &sample.time {
        let should = chrono::DateTime::parse_from_rfc3339(time);
        let should = should.map_or_else(|_| "none".to_owned(), |at| nanos(at.timestamp_nanos_opt().map(Nanos)));
        differ("the time", &nanos(head.time), &should);
    }
    if let Some(level) = &sample.level {
        let known = Level::parse(level.as_bytes());
        differ("the level", head.level.word(), known.map_or(level, |level| level.word()));
    }
    if let Some(status) = sample.status {
        differ("the status", &head.status.to_string(), &status.to_string());
    }
    if let Some(micros) = sample.dur_us {
        differ("the duration", &head.duration_us.to_string(), &micros.to_string());
    }
    if let Some(message) = &sample.message {
        differ("the message", &String::from_utf8_lossy(&format.message(record)), message);
    }
    for (name, should) in &sample.fields {
        let value = format.field(record, &format.resolve(name));
        let value = value.map_or("none".into(), |value| String::from_utf8_lossy(&value).into_owned());
        differ(&format!("`{name}`"), &value, should);
    }
    wrong
}

fn nanos(at: Option<Nanos>) -> String {
    at.map_or_else(|| "none".to_owned(), |at| format!("{at:?}"))
}
