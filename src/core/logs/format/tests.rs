use super::{Assume, Format, Spec, spec::Sample};
use crate::core::logs::{Level, Nanos};

const NOW: Assume = Assume { zone: chrono_tz::Tz::UTC, now: Nanos(1_795_300_000 * Nanos::SECOND) };

fn load(name: &str, text: &str) -> (Format, Spec) {
    let spec: Spec = toml::from_str(text).unwrap();
    (Format::compile(name, &spec).unwrap(), spec)
}

fn check(format: &Format, sample: &Sample) {
    let text = sample.text.as_bytes();
    let head = format.head(text, NOW);
    let line = &sample.text;
    if let Some(time) = &sample.time {
        let read = head.time.map_or("none".to_owned(), |at| at.timestamp().0.to_string());
        let want = chrono::DateTime::parse_from_rfc3339(time)
            .map_or("none".to_owned(), |at| at.timestamp_millis().to_string());
        assert_eq!(read, want, "{line}");
    }
    if let Some(level) = &sample.level {
        assert_eq!(Some(head.level), Level::parse(level.as_bytes()), "{line}");
    }
    if let Some(status) = sample.status {
        assert_eq!(head.status, status, "{line}");
    }
    if let Some(message) = &sample.message {
        assert_eq!(&String::from_utf8_lossy(&format.message(text)), message, "{line}");
    }
    for (name, value) in &sample.fields {
        let read = format
            .field(text, &format.resolve(name))
            .map_or("none".into(), |read| String::from_utf8_lossy(&read).into_owned());
        assert_eq!(&read, value, "{name} in {line}");
    }
}

#[test]
fn samples() {
    for (name, text) in [
        ("nginx-combined", include_str!("../../../config/formats/nginx-combined.toml")),
        ("json", include_str!("../../../config/formats/json.toml")),
    ] {
        let (format, spec) = load(name, text);
        for sample in &spec.samples {
            check(&format, sample);
        }
    }
}
