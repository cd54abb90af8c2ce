//! Figures in words, the same on the screen and on the command line.
use super::aggregate::Unit;
use crate::core::time;

/// Writes a figure with its unit: `3`, `0.25`, `840µs`, `41ms`, `6.10s`, `7.0 MB`.
pub fn written(figure: f64, unit: Unit) -> String {
    match unit {
        Unit::Micros => duration(figure),
        Unit::Bytes => bytes(figure),
        Unit::Plain => {
            let text = format!("{figure:.3}");
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        }
    }
}

/// Writes a duration of so many microseconds.
pub fn duration(micros: f64) -> String {
    match micros {
        ..1_000.0 => format!("{micros:.0}µs"),
        1_000.0..10_000.0 => format!("{:.1}ms", micros / 1e3),
        10_000.0..1_000_000.0 => format!("{:.0}ms", micros / 1e3),
        1_000_000.0..10_000_000.0 => format!("{:.2}s", micros / 1e6),
        10_000_000.0..60_000_000.0 => format!("{:.1}s", micros / 1e6),
        _ => {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "saturates, which is what is wanted"
            )]
            let ms = (micros / 1e3) as u64;
            time::short(ms)
        }
    }
}

/// Writes so many bytes in thousands.
pub fn bytes(bytes: f64) -> String {
    let (mut bytes, mut unit) = (bytes, "B");
    for next in ["kB", "MB", "GB", "TB"] {
        if bytes < 1_000.0 {
            break;
        }
        bytes /= 1_000.0;
        unit = next;
    }
    if unit == "B" { format!("{bytes:.0} B") } else { format!("{bytes:.1} {unit}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_as_many_digits_as_one_reads() {
        let all = [
            (3.0, Unit::Plain, "3"),
            (0.25, Unit::Plain, "0.25"),
            (1_200.0, Unit::Plain, "1200"),
            (840.4, Unit::Micros, "840µs"),
            (1_540.0, Unit::Micros, "1.5ms"),
            (6_100_000.0, Unit::Micros, "6.10s"),
            (61e6, Unit::Micros, "1m"),
            (512.0, Unit::Bytes, "512 B"),
            (7_040_000.0, Unit::Bytes, "7.0 MB"),
        ];
        for (figure, unit, words) in all {
            assert_eq!(written(figure, unit), words);
        }
    }
}
