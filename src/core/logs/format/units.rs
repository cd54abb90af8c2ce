//! Durations as programs write them.
use super::Head;

/// Reads a duration in microseconds: a number in the field's own unit, or one with a unit of its own (`12ms`, `1.5s`, `1m3s`).
///
/// A list, as Nginx writes for several upstreams (`0.000, 0.001`), is their sum. None where it is no duration.
pub fn micros(text: &[u8], unit: f64) -> Option<f64> {
    let text = std::str::from_utf8(text).ok()?.trim();
    if let Ok(value) = text.parse::<f64>() {
        return (value.is_finite() && value >= 0.0).then_some(value * unit);
    }
    if text.contains([',', ':']) {
        let parts = text.split([',', ':']).map(str::trim).filter(|part| !part.is_empty() && *part != "-");
        let mut sum = None;
        for part in parts {
            sum = Some(sum.unwrap_or(0.0) + part.parse::<f64>().ok().filter(|part| part.is_finite())? * unit);
        }
        return sum;
    }
    let mut rest = text;
    let mut sum = None;
    while !rest.is_empty() {
        let digits = rest.find(|letter: char| !(letter.is_ascii_digit() || letter == '.'))?;
        let (number, after) = rest.split_at_checked(digits)?;
        let letters = after.find(|letter: char| letter.is_ascii_digit()).unwrap_or(after.len());
        let (word, after) = after.split_at_checked(letters)?;
        let factor = match word.trim() {
            "ns" => 0.001,
            "us" | "µs" | "μs" => 1.0,
            "ms" => 1000.0,
            "s" | "sec" | "secs" => 1_000_000.0,
            "m" | "min" => 60_000_000.0,
            "h" => 3_600_000_000.0,
            _ => return None,
        };
        sum = Some(sum.unwrap_or(0.0) + number.parse::<f64>().ok()? * factor);
        rest = after;
    }
    sum
}

/// Reads a duration for its column. Plain decimals, which is what nearly all are, without floating point.
pub(super) fn column(text: &[u8], unit: f64) -> u32 {
    let scale: Option<u64> = match unit {
        1_000_000.0 => Some(1_000_000),
        1000.0 => Some(1000),
        1.0 => Some(1),
        _ => None,
    };
    let fast = scale.and_then(|scale| decimal(text, scale));
    let micros = match fast {
        Some(micros) => micros,
        None => match micros(text, unit) {
            // Saturating, as `as` is defined to do.
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "it is finite and not negative"
            )]
            Some(micros) => micros.round() as u64,
            None => return Head::NO_DURATION,
        },
    };
    u32::try_from(micros).unwrap_or(u32::MAX).min(Head::NO_DURATION - 1)
}

fn decimal(text: &[u8], scale: u64) -> Option<u64> {
    if text.is_empty() || text.len() > 12 {
        return None;
    }
    let (mut value, mut divide, mut has_point) = (0_u64, 1_u64, false);
    for byte in text {
        match byte {
            b'0'..=b'9' => {
                value = value * 10 + u64::from(byte - b'0');
                if has_point {
                    divide *= 10;
                }
            }
            b'.' if !has_point => has_point = true,
            _ => return None,
        }
    }
    Some(value * scale / divide)
}

/// Writes a duration in another unit.
pub(super) fn scaled(text: &[u8], factor: f64) -> Option<String> {
    let value: f64 = std::str::from_utf8(text).ok()?.trim().parse().ok()?;
    Some(format!("{}", value * factor))
}

/// Writes a duration for a person: `5004ms`, `1.2ms`, `25s`.
pub(super) fn shown(text: &[u8], unit: f64) -> String {
    match micros(text, unit) {
        None => String::from_utf8_lossy(text).into_owned(),
        Some(micros) if micros < 1000.0 && micros > 0.0 => format!("{micros:.0}µs"),
        Some(micros) if micros < 10_000.0 && micros > 0.0 => format!("{:.1}ms", micros / 1000.0),
        Some(micros) if micros < 10_000_000.0 => format!("{:.0}ms", micros / 1000.0),
        Some(micros) => format!("{:.1}s", micros / 1_000_000.0),
    }
}
