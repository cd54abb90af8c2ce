//! Numbers with their units.
use crate::core::logs::filter::Value;

/// Units of time in microseconds.
pub(in super::super) const DURATIONS: [(&str, f64); 8] = [
    ("h", 3_600_000_000.0),
    ("m", 60_000_000.0),
    ("s", 1_000_000.0),
    ("ms", 1_000.0),
    ("us", 1.0),
    ("µs", 1.0),
    ("μs", 1.0),
    ("ns", 0.001),
];

/// Units of size in bytes.
pub(in super::super) const SIZES: [(&str, f64); 9] = [
    ("TiB", 1_099_511_627_776.0),
    ("TB", 1e12),
    ("GiB", 1_073_741_824.0),
    ("GB", 1e9),
    ("MiB", 1_048_576.0),
    ("MB", 1e6),
    ("KiB", 1_024.0),
    ("KB", 1e3),
    ("B", 1.0),
];

/// Reads a number, a duration or a size. None where it is neither.
pub(in super::super) fn read(text: &str) -> Option<Value> {
    let (number, unit) = split(text)?;
    let number: f64 = number.parse().ok().filter(|number: &f64| number.is_finite())?;
    if unit.is_empty() {
        return Some(Value::Number(number));
    }
    if let Some((_, micros)) = DURATIONS.iter().find(|(name, _)| *name == unit) {
        return Some(Value::Micros(number * micros)).filter(is_finite);
    }
    let (_, bytes) = SIZES.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit))?;
    Some(Value::Bytes(number * bytes)).filter(is_finite)
}

fn is_finite(value: &Value) -> bool {
    let (Value::Number(number) | Value::Micros(number) | Value::Bytes(number)) = value;
    number.is_finite()
}

/// Splits a number from its unit; the number may have a sign and a fraction, and no exponent.
pub(super) fn split(text: &str) -> Option<(&str, &str)> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let length = digits.find(|char: char| !char.is_ascii_digit() && char != '.').unwrap_or(digits.len());
    let number = digits.get(..length)?;
    let is_number = number.starts_with(|char: char| char.is_ascii_digit())
        && number.ends_with(|char: char| char.is_ascii_digit())
        && number.matches('.').count() <= 1;
    let end = text.len() - digits.len() + length;
    is_number.then(|| Some((text.get(..end)?, text.get(end..)?))).flatten()
}
