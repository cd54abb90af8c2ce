//! What a place of a template holds, told from some of its values.
use std::net::{IpAddr, SocketAddr};

/// How often a value is the same before it is taken for part of the text.
const SAME: u64 = 64;

/// Names what these values are: `<n>`, `blk_<n>`, `<ip>`; the value itself when it was never another.
pub(super) fn placeholder(values: &[&[u8]], count: u64) -> String {
    let mut values: Vec<&[u8]> = values.iter().copied().filter(|value| !value.is_empty()).collect();
    let Some(first) = values.first().copied() else { return "<*>".into() };
    if count >= SAME && values.len() > 2 && values.iter().all(|value| *value == first) && of(first) == "n" {
        // A number may change tomorrow.
        return "<n>".into();
    }
    if count >= SAME && values.len() > 2 && values.iter().all(|value| *value == first) {
        return String::from_utf8_lossy(first).into_owned();
    }
    let whole = common(&values);
    if whole != "*" {
        return format!("<{whole}>");
    }
    let shared = values.iter().skip(1).fold(first, |shared, value| {
        let same = shared.iter().zip(*value).take_while(|(a, b)| a == b).count();
        shared.get(..same).unwrap_or_default()
    });
    let letters = shared.iter().take_while(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'#' | b'-'));
    let prefix = shared.get(..letters.count()).unwrap_or_default();
    let cut = values.iter().any(|value| value.get(prefix.len()).is_none_or(|byte| matches!(byte, b'.' | b' ' | b':')));
    let tells = !cut && prefix.len() > 1 && prefix.iter().any(|byte| !byte.is_ascii_hexdigit() && *byte != b'-');
    // `-` may be the number's own.
    let prefix = match prefix {
        _ if !tells => b"",
        [prefix @ .., b'-'] if prefix.ends_with(b"_") => prefix,
        prefix => prefix,
    };
    for value in &mut values {
        *value = value.strip_prefix(prefix).unwrap_or(value);
    }
    format!("{}<{}>", String::from_utf8_lossy(prefix), common(&values))
}

fn common(values: &[&[u8]]) -> &'static str {
    let mut kinds = values.iter().map(|value| of(value));
    let Some(first) = kinds.next() else { return "*" };
    kinds.fold(first, |common, kind| match (common, kind) {
        (a, b) if a == b => a,
        ("n", "hex") | ("hex", "n") => "hex",
        ("ip", "host") | ("host", "ip") => "host",
        ("n", "dur") | ("dur", "n") => "dur",
        ("n", "size") | ("size", "n") => "size",
        _ => "*",
    })
}

/// Names one value.
fn of(value: &[u8]) -> &'static str {
    let Ok(text) = std::str::from_utf8(value) else { return "*" };
    let plain = text.trim_start_matches('/');
    if plain.parse::<IpAddr>().is_ok() || plain.parse::<SocketAddr>().is_ok() {
        return "ip";
    }
    let is_number = |text: &str| {
        text.bytes().any(|byte| byte.is_ascii_digit())
            && text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b',' | b'-' | b'+' | b'%'))
    };
    if is_number(text) && !is_date(text) {
        return "n";
    }
    if text.contains("://") {
        return "url";
    }
    if text.contains('@') {
        return if text.contains('.') { "email" } else { "*" };
    }
    if is_date(text) {
        return "time";
    }
    if text.starts_with('/') || text.contains('\\') {
        return "path";
    }
    let hex = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    if hex.is_some_and(|hex| !hex.is_empty() && hex.bytes().all(|byte| byte.is_ascii_hexdigit())) {
        return "hex";
    }
    if text.len() == 36 && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-') {
        return "uuid";
    }
    if text.len() >= 6 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return "hex";
    }
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | ',' | '-' | '+')).trim_start();
    if unit.len() < text.len() && is_number(text.strip_suffix(unit).unwrap_or_default().trim_end()) {
        match unit.to_ascii_lowercase().as_str() {
            "ns" | "us" | "µs" | "ms" | "s" | "sec" | "m" | "h" => return "dur",
            "b" | "kb" | "mb" | "gb" | "tb" | "k" | "kib" | "mib" | "gib" => return "size",
            _ => {}
        }
    }
    if text.contains('.') && text.bytes().any(|byte| byte.is_ascii_lowercase()) && !text.contains(['/', ' ', ',']) {
        return if text.contains(':')
            || text
                .rsplit('.')
                .next()
                .is_some_and(|last| last.len() < 4 && last.bytes().all(|byte| byte.is_ascii_lowercase()))
        {
            "host"
        } else {
            "*"
        };
    }
    "*"
}

/// Digits with what stands between the parts of a date or a time of day.
fn is_date(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let between = text.bytes().filter(|byte| matches!(byte, b':' | b'-' | b'/')).count();
    let date = |text: &str| text.split(['-', '/']).count() == 3 && text.len() >= 8 && !text.starts_with('-');
    digits >= 3
        && between >= 1
        && text.matches('.').count() < 2
        && (text.contains(':') || date(text))
        && text.bytes().all(|byte| {
            byte.is_ascii_digit() || matches!(byte, b':' | b'-' | b'/' | b'.' | b',' | b'T' | b'Z' | b'+' | b' ')
        })
}
