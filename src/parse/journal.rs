//! One line of `journalctl -o json`: a JSON object whose values are texts, lists of bytes, or null.
use serde::Deserialize;

use crate::core::logs::Nanos;

/// What is read of an entry besides its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where it stands in the journal.
    pub cursor: String,
    /// When it was written.
    pub at: Option<Nanos>,
    /// The line as it is to be kept: as it came, or with a message of bytes made text.
    pub line: Vec<u8>,
}

#[derive(Deserialize)]
struct Raw {
    #[serde(rename = "__CURSOR")]
    cursor: String,
    #[serde(rename = "__REALTIME_TIMESTAMP", default)]
    micros: Option<String>,
    #[serde(rename = "MESSAGE", default)]
    message: Option<serde_json::Value>,
}

/// Reads a line; none when it is no entry.
pub fn entry(line: &[u8]) -> Option<Entry> {
    let raw: Raw = serde_json::from_slice(line).ok()?;
    let at = raw.micros.and_then(|micros| micros.parse::<i64>().ok()?.checked_mul(1_000)).map(Nanos);
    let line = match &raw.message {
        // Colours make a message "not printable": it comes as its bytes.
        Some(serde_json::Value::Array(bytes)) => with_text(line, bytes).unwrap_or_else(|| line.to_vec()),
        Some(_) | None => line.to_vec(),
    };
    Some(Entry { cursor: raw.cursor, at, line })
}

fn with_text(line: &[u8], bytes: &[serde_json::Value]) -> Option<Vec<u8>> {
    let mut object: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(line).ok()?;
    let byte = |value: &serde_json::Value| value.as_u64().and_then(|byte| u8::try_from(byte).ok());
    let bytes: Option<Vec<u8>> = bytes.iter().map(byte).collect();
    let text = match bytes {
        Some(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        // A field that was given several times.
        None => bytes_of_many(object.get("MESSAGE")?.as_array()?),
    };
    object.insert("MESSAGE".into(), text.into());
    serde_json::to_vec(&object).ok()
}

fn bytes_of_many(values: &[serde_json::Value]) -> String {
    values.iter().filter_map(serde_json::Value::as_str).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_keep_their_line_and_messages_of_bytes_become_text() {
        let plain = br#"{"__CURSOR":"s=1;i=2","__REALTIME_TIMESTAMP":"1763667060409001","MESSAGE":"GET /v1"}"#;
        let read = entry(plain).unwrap();
        assert_eq!((read.cursor.as_str(), read.at), ("s=1;i=2", Some(Nanos(1_763_667_060_409_001_000))));
        assert_eq!(read.line, plain);
        let bytes = entry(br#"{"__CURSOR":"c","MESSAGE":[27,91,51,49,109,195,169,255]}"#).unwrap();
        let value: serde_json::Value = serde_json::from_slice(&bytes.line).unwrap();
        assert_eq!(value.get("MESSAGE").unwrap().as_str(), Some("\u{1b}[31m\u{e9}\u{fffd}"));
        let many = entry(br#"{"__CURSOR":"c","MESSAGE":["a","b"]}"#).unwrap();
        assert!(String::from_utf8(many.line).unwrap().contains(r#""a\nb""#));
        assert!(entry(br#"{"__CURSOR":"c","MESSAGE":null}"#).is_some());
        assert_eq!(entry(b"-- No entries --"), None);
    }
}
