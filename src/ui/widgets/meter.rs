//! Progress as a line: heavy for what is done, light for what is left. Blocks are data, lines are progress.
use crate::{config::theme::Role, ui::words::Words};

/// Draws a part of one over so many columns; out of range is pulled in, and not a number is nothing done.
pub fn words(part: f64, cells: usize, role: Role) -> Words {
    let part = if part.is_nan() { 0.0 } else { part.clamp(0.0, 1.0) };
    let done = (0..cells).filter(|cell| (*cell as f64 + 0.5) / cells as f64 <= part).count();
    Words::of("━".repeat(done), role).add("─".repeat(cells - done), Role::ChartFloor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_meter_is_as_wide_as_asked_whatever_the_part() {
        for part in [-1.0, 0.0, 0.5, 1.0, 7.0, f64::NAN, f64::INFINITY] {
            for cells in [0, 1, 2, 9] {
                assert_eq!(words(part, cells, Role::Ok).width(), cells);
            }
        }
        assert_eq!(words(0.5, 8, Role::Ok).plain(), "━━━━────");
    }
}
