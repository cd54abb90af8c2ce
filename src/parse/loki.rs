//! What Loki says: answers of `query_range`, frames of `tail`, refusals in plain text; and how a selector is written.
//!
//! Times are nanoseconds in strings beyond what a float can hold: they are read as integers and nothing else. Values have two
//! elements, or three with the structured metadata; every key may be missing.
use std::{collections::BTreeMap, fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, SeqAccess, Visitor},
};

use super::sanitise;
use crate::core::logs::Nanos;

/// Labels of a stream, by name.
pub type Labels = BTreeMap<String, String>;

/// A line as Loki keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its moment.
    pub at: Nanos,
    /// Its text, which may hold line breaks.
    pub line: String,
    /// Structured metadata and what the query parsed.
    pub extra: Labels,
}

/// Lines by stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// Streams with their lines, in the order sent. A stream may come several times.
    pub streams: Vec<(Labels, Vec<Entry>)>,
    /// Moments of lines that a slow reader missed. The list is cut: there may be far more.
    pub dropped: Vec<Nanos>,
}

impl Answer {
    /// Says how many lines it has.
    pub fn lines(&self) -> usize {
        self.streams.iter().map(|(_, entries)| entries.len()).sum()
    }

    /// Returns the moments of its first and last line.
    pub fn span(&self) -> Option<(Nanos, Nanos)> {
        let moments = || self.streams.iter().flat_map(|(_, entries)| entries).map(|entry| entry.at);
        Some((moments().min()?, moments().max()?))
    }
}

/// It is no answer of Loki's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an answer of Loki: {0}")]
pub struct Malformed(String);

#[derive(Deserialize)]
struct RawAnswer {
    status: String,
    #[serde(default)]
    data: Option<RawData>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawData {
    #[serde(default)]
    result_type: Option<String>,
    #[serde(default)]
    result: Option<Vec<RawStream>>,
}

#[derive(Deserialize)]
struct RawFrame {
    #[serde(default)]
    streams: Option<Vec<RawStream>>,
    #[serde(default)]
    dropped_entries: Option<Vec<RawDropped>>,
}

#[derive(Deserialize)]
struct RawDropped {
    #[serde(default)]
    timestamp: Option<Moment>,
}

#[derive(Deserialize)]
struct RawStream {
    #[serde(default, alias = "metric")]
    stream: BTreeMap<String, String>,
    #[serde(default)]
    values: Option<Vec<Value>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct RawMeta {
    #[serde(default)]
    structured_metadata: Option<BTreeMap<String, serde_json::Value>>,
    #[serde(default)]
    parsed: Option<BTreeMap<String, serde_json::Value>>,
}

/// A moment in a string, or as an integer.
struct Moment(i64);

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Digits;
        impl Visitor<'_> for Digits {
            type Value = Moment;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("nanoseconds since 1970")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Moment, E> {
                text.parse().map(Moment).map_err(|_| E::custom("not nanoseconds"))
            }
            fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Moment, E> {
                Ok(Moment(number))
            }
            fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Moment, E> {
                i64::try_from(number).map(Moment).map_err(|_| E::custom("beyond all times"))
            }
        }
        deserializer.deserialize_any(Digits)
    }
}

/// `[moment, line]` or `[moment, line, metadata]`.
struct Value(Entry);

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Elements(PhantomData<()>);
        impl<'de> Visitor<'de> for Elements {
            type Value = Value;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("[moment, line]")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
                let missing = || serde::de::Error::custom("a value without a line");
                let Moment(at) = seq.next_element()?.ok_or_else(missing)?;
                let line = seq.next_element()?.ok_or_else(missing)?;
                let meta: RawMeta = seq.next_element()?.unwrap_or_default();
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                let all = meta.structured_metadata.into_iter().chain(meta.parsed).flatten();
                let extra = all.map(|(name, value)| (name, text_of(value))).collect();
                Ok(Value(Entry { at: Nanos(at), line, extra }))
            }
        }
        deserializer.deserialize_seq(Elements(PhantomData))
    }
}

fn text_of(value: serde_json::Value) -> String {
    if let serde_json::Value::String(text) = value { text } else { value.to_string() }
}

fn streams_of(raw: Option<Vec<RawStream>>) -> Vec<(Labels, Vec<Entry>)> {
    let entries = |values: Option<Vec<Value>>| values.into_iter().flatten().map(|Value(entry)| entry).collect();
    raw.into_iter().flatten().map(|raw| (raw.stream, entries(raw.values))).collect()
}

/// Reads an answer of `query_range`.
///
/// # Errors
/// When it is none, or holds figures instead of lines.
pub fn answer(body: &[u8]) -> Result<Answer, Malformed> {
    let bad = |error: serde_json::Error| Malformed(sanitise::line_max(error.to_string(), 120));
    let raw: RawAnswer = serde_json::from_slice(body).map_err(bad)?;
    if raw.status != "success" {
        return Err(Malformed(format!("status {}", sanitise::name(&raw.status))));
    }
    let Some(data) = raw.data else { return Ok(Answer::default()) };
    if data.result_type.is_some_and(|kind| kind != "streams") {
        return Err(Malformed("figures instead of lines".into()));
    }
    Ok(Answer { streams: streams_of(data.result), dropped: Vec::new() })
}

/// Reads a frame of `tail`.
///
/// # Errors
/// When it is none.
pub fn frame(text: &[u8]) -> Result<Answer, Malformed> {
    let bad = |error: serde_json::Error| Malformed(sanitise::line_max(error.to_string(), 120));
    let raw: RawFrame = serde_json::from_slice(text).map_err(bad)?;
    let dropped = raw.dropped_entries.into_iter().flatten().filter_map(|raw| raw.timestamp);
    Ok(Answer { streams: streams_of(raw.streams), dropped: dropped.map(|Moment(at)| Nanos(at)).collect() })
}

/// What a refusal asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Fewer lines at once: at most so many, where it says.
    TooMany(Option<usize>),
    /// A shorter range: at most so many milliseconds, where it says.
    TooLong(Option<u64>),
    /// To wait.
    Busy(String),
    /// Something broke there; trying again may help.
    Broken(String),
    /// Another login, tenant or query: trying again does not help.
    Denied(String),
}

/// Reads a refusal: Loki answers in plain text, what stands before it in JSON or HTML.
pub fn refusal(status: u16, body: &[u8]) -> Refusal {
    let text = body_text(body);
    let said = if text.is_empty() { format!("HTTP {status}") } else { format!("HTTP {status}: {text}") };
    if let Some((_, limits)) = text.split_once("max_entries_limit_per_query (") {
        let most = limits.split_once('>').and_then(|(_, rest)| rest.trim().split(')').next()?.trim().parse().ok());
        return Refusal::TooMany(most);
    }
    if text.contains("query time range exceeds the limit") {
        let limit = text.rsplit_once("limit: ").and_then(|(_, rest)| go_duration(rest.trim_end_matches(')')));
        return Refusal::TooLong(limit);
    }
    match status {
        413 => Refusal::TooMany(None),
        504 => Refusal::TooLong(None),
        429 => Refusal::Busy(said),
        _ if text.contains("message larger than max") => Refusal::TooMany(None),
        500.. => Refusal::Broken(said),
        401 | 403 => Refusal::Denied(format!("{said}; check its login and tenant")),
        404 => Refusal::Denied(format!("{said}; is this the base URL of Loki?")),
        _ => Refusal::Denied(said),
    }
}

fn body_text(body: &[u8]) -> String {
    let json = serde_json::from_slice::<serde_json::Value>(body).ok();
    let message = json.as_ref().and_then(|json| json.get("message").or_else(|| json.get("error"))?.as_str());
    if let Some(message) = message {
        return sanitise::line_max(message, 300);
    }
    if body.trim_ascii_start().starts_with(b"<") {
        return "a web page instead of an answer".into();
    }
    sanitise::line_max(body.trim_ascii(), 300)
}

/// Reads a duration as Go and Prometheus write it: `721h0m0s`, `30d1h`.
fn go_duration(text: &str) -> Option<u64> {
    let mut total = 0_u64;
    let mut rest = text.trim();
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, after) = rest.split_at_checked(digits)?;
        let unit = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at_checked(unit)?;
        let factor = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            "w" => 7 * 86_400_000,
            "y" => 365 * 86_400_000,
            _ => return None,
        };
        total = total.checked_add(number.parse::<u64>().ok()?.checked_mul(factor)?)?;
        rest = after;
    }
    (total > 0).then_some(total)
}

/// How a tail ended, by the server's words: the code is always the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It had its time; nothing is wrong.
    Due,
    /// Too many tails at once: ask again and again instead.
    Crowded,
    /// The moment it was to begin at does not suit it.
    Moment,
    /// It will never do this.
    Denied(String),
    /// The server or something before it went away.
    Lost(String),
}

/// Reads the reason of a close frame.
pub fn ending(reason: &str) -> Ending {
    let said = sanitise::line_max(reason, 200);
    if reason.contains("reached tail max duration") {
        Ending::Due
    } else if reason.contains("max concurrent tail requests") {
        Ending::Crowded
    } else if reason.contains("past now - max_query_lookback") {
        Ending::Moment
    } else if ["only log selector is supported", "parse error", "Code(401)", "Code(403)"]
        .iter()
        .any(|known| reason.contains(known))
    {
        Ending::Denied(said)
    } else {
        Ending::Lost(if said.is_empty() { "the server closed the stream".into() } else { said })
    }
}

/// Writes a selector: labels that must be equal. None when there is none, or a name is no label's name.
pub fn selector(labels: &BTreeMap<String, String>) -> Option<String> {
    let is_name = |name: &str| {
        let mut chars = name.chars();
        chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
            && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    // At least one must not be empty: Loki refuses to look at everything.
    if !labels.keys().all(|name| is_name(name)) || labels.values().all(String::is_empty) {
        return None;
    }
    let pairs: Vec<String> = labels.iter().map(|(name, value)| format!("{name}={}", quoted(value))).collect();
    Some(format!("{{{}}}", pairs.join(", ")))
}

/// Writes a string literal of `LogQL`.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c < ' ' || c == '\x7f' => {
                out.push_str("\\u00");
                for shift in [4, 0] {
                    out.extend(char::from_digit(u32::from(c) >> shift & 15, 16));
                }
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Writes pairs as logfmt, in the order of their names.
pub fn logfmt(pairs: &Labels) -> String {
    let mut out = String::new();
    for (name, value) in pairs {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(name);
        out.push('=');
        let plain =
            !value.is_empty() && value.chars().all(|c| !c.is_whitespace() && !c.is_control() && !"\"=\\".contains(c));
        if plain { out.push_str(value) } else { out.push_str(&quoted(value)) }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(text: &str) -> Vec<Answer> {
        let raw = text.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        raw.filter_map(|raw| Some(frame(raw.get("text")?.as_str()?.as_bytes()).unwrap())).collect()
    }

    #[test]
    fn recorded_answers() {
        let read = answer(include_bytes!("../../tests/fixtures/loki/qr_json_sm_categorized.json")).unwrap();
        let (labels, entries) = read.streams.first().unwrap();
        assert_eq!(labels.get("app").map(String::as_str), Some("cloud"));
        let first = entries.first().unwrap();
        assert_eq!(first.at, Nanos(1_795_204_093_852_294_921));
        assert_eq!(logfmt(&first.extra), "detected_level=info pod=web-1 trace_id=000000000000000000000000000000c7");
        let two = answer(include_bytes!("../../tests/fixtures/loki/qr_backward.json")).unwrap();
        assert!(two.lines() > 0 && two.span().unwrap().0 <= two.span().unwrap().1);
        for empty in [
            &include_bytes!("../../tests/fixtures/loki/qr_empty.json")[..],
            include_bytes!("../../tests/fixtures/loki/label_values_missing.json"),
        ] {
            assert_eq!(answer(empty).unwrap(), Answer::default());
        }
        let special = answer(include_bytes!("../../tests/fixtures/loki/qr_stack_special.json")).unwrap();
        assert!(special.streams.iter().flat_map(|(_, entries)| entries).any(|entry| entry.line.contains('\n')));
        assert!(answer(b"<html>").is_err());
        assert!(answer(br#"{"status":"success","data":{"resultType":"matrix","result":[]}}"#).is_err());
        assert!(answer(br#"{"status":"success","data":{"result":[{"stream":{},"values":[["1e9","x"]]}]}}"#).is_err());
    }

    #[test]
    fn recorded_frames() {
        let read = frames(include_str!("../../tests/fixtures/loki/tail_history_categorized.txt"));
        assert!(read.first().unwrap().lines() > 3);
        let same = frames(include_str!("../../tests/fixtures/loki/tail_same_ts.txt"));
        assert!(same.iter().map(Answer::lines).sum::<usize>() > 1);
        let dropped = frame(include_bytes!("../../tests/fixtures/loki/tail_dropped_entries.json")).unwrap();
        assert_eq!((dropped.lines(), dropped.dropped.len()), (1, 3));
        assert_eq!(frame(br#"{"streams":null,"dropped_entries":null}"#).unwrap(), Answer::default());
    }

    #[test]
    fn refusals_say_what_helps() {
        let body = |text: &'static str| text.split_once("\n\n").map_or(text, |(_, body)| body).as_bytes();
        let over = body(include_str!("../../tests/fixtures/loki/qr_limit_over.txt"));
        assert_eq!(refusal(400, over), Refusal::TooMany(Some(5_000)));
        let long = body(include_str!("../../tests/fixtures/loki/range_over_721h.txt"));
        assert_eq!(refusal(400, long), Refusal::TooLong(Some(721 * 3_600_000)));
        assert!(matches!(refusal(401, b"no org id"), Refusal::Denied(why) if why.contains("no org id")));
        assert!(matches!(refusal(502, b"<html>x"), Refusal::Broken(why) if why.contains("web page")));
        assert!(matches!(refusal(429, b"{\"message\":\"too many\"}"), Refusal::Busy(why) if why.ends_with("too many")));
        assert_eq!(refusal(413, b""), Refusal::TooMany(None));
    }

    #[test]
    fn endings_are_told_by_their_words() {
        let reason = |text: &str| {
            let close = text.lines().find(|line| line.contains("\"close\"")).unwrap();
            let close: serde_json::Value = serde_json::from_str(close).unwrap();
            ending(close.get("reason").unwrap().as_str().unwrap())
        };
        assert_eq!(reason(include_str!("../../tests/fixtures/loki/tail_max_duration_6s.txt")), Ending::Due);
        assert_eq!(reason(include_str!("../../tests/fixtures/loki/tail_max_concurrent.txt")), Ending::Crowded);
        assert!(matches!(reason(include_str!("../../tests/fixtures/loki/tail_server_sigterm.txt")), Ending::Lost(_)));
        assert!(matches!(reason(include_str!("../../tests/fixtures/loki/tail_err_metric.txt")), Ending::Denied(_)));
    }

    #[test]
    fn selectors_are_quoted() {
        let labels = |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let written = selector(&labels(&[("env", "pr\"o\\d\n\u{1}"), ("app", "é")])).unwrap();
        assert_eq!(written, "{app=\"é\", env=\"pr\\\"o\\\\d\\n\\u0001\"}");
        assert_eq!(selector(&labels(&[("a-b", "x")])), None);
        assert_eq!(selector(&labels(&[("a", "")])), None);
        assert_eq!(selector(&labels(&[])), None);
        assert_eq!(logfmt(&labels(&[("a", "x y"), ("b", "")])), "a=\"x y\" b=\"\"");
    }
}
