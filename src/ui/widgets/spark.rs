//! One row of history: height is the value, colour only says where a limit was crossed.
use crate::config::theme::Role;
use crate::ui::{glyphs::Glyphs, style::Ink, words::Words};

/// From which values on a cell changes its colour.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Limits {
    /// Attend.
    pub warn: Option<f32>,
    /// Broken.
    pub hard: Option<f32>,
}

impl Limits {
    /// Returns the role that fills a value.
    pub fn fill(self, value: f32) -> Role {
        match (self.warn, self.hard) {
            (_, Some(hard)) if value >= hard => Role::DownFill,
            (Some(warn), _) if value >= warn => Role::DegradedFill,
            _ => Role::Chart1,
        }
    }
}

/// Draws the newest `cells` values, oldest first; a missing one is `·`, and what is before the first is blank.
///
/// `top` is the value of a full cell; where it is not above zero the largest value is.
pub fn words(values: &[Option<f32>], cells: usize, top: f32, limits: Limits, glyphs: Glyphs) -> Words {
    let shown = values.get(values.len().saturating_sub(cells)..).unwrap_or_default();
    let largest = shown.iter().flatten().copied().fold(0.0_f32, f32::max);
    let top = if top > 0.0 { top } else { largest };
    let mut words = Words::new().gap(cells.saturating_sub(shown.len()));
    for value in shown {
        let (sign, role) = match value {
            Some(value) if *value > 0.0 && top > 0.0 => {
                let eighths = eighths(*value / top, 7);
                (glyphs.block(eighths), limits.fill(*value))
            }
            Some(_) => (glyphs.block(1), Role::ChartFloor),
            None => (glyphs.plain('·'), Role::Unknown),
        };
        words.push(sign.to_string(), Ink::of(role));
    }
    words
}

/// Returns a part of one as eighths, at least one so that a small value does not vanish, at most `most`.
pub(super) fn eighths(part: f32, most: u8) -> usize {
    let most = f32::from(most);
    let scaled = (part * most).ceil().clamp(1.0, most);
    if scaled.is_nan() { 1 } else { (1..=8_u8).take_while(|n| f32::from(*n) <= scaled).count() }
}

/// Folds a history into so many cells, each the largest of its stretch, so that a peak never disappears.
///
/// A whole history has `of` values: one that began later is folded as the end of such a one, so that a cell is as long in the
/// first minute as ever after.
pub fn fold(values: &[Option<f32>], of: usize, cells: usize) -> Vec<Option<f32>> {
    let of = of.max(values.len());
    if cells == 0 || of <= cells {
        return values.to_vec();
    }
    let before = of - values.len();
    (0..cells)
        .map(|cell| (cell * of / cells, (cell + 1) * of / cells))
        .filter(|(_, to)| *to > before)
        .map(|(from, to)| {
            let stretch = values.get(from.saturating_sub(before)..to - before).unwrap_or_default();
            stretch.iter().flatten().copied().reduce(f32::max)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_become_heights_and_missing_ones_dots() {
        let draw =
            |values: &[Option<f32>], cells| words(values, cells, 100.0, Limits::default(), Glyphs::Unicode).plain();
        assert_eq!(draw(&[Some(0.0), Some(1.0), Some(50.0), Some(100.0), None], 5), "▁▁▄▇·");
        assert_eq!(draw(&[Some(900.0), Some(f32::NAN), Some(-3.0)], 3), "▇▁▁");
        assert_eq!(draw(&[Some(1.0)], 0), "");
        assert_eq!(draw(&[], 3), "   ");
    }

    #[test]
    fn limits_change_the_role_only() {
        let limits = Limits { warn: Some(80.0), hard: Some(90.0) };
        assert_eq!(
            [limits.fill(79.9), limits.fill(80.0), limits.fill(95.0)],
            [Role::Chart1, Role::DegradedFill, Role::DownFill]
        );
    }

    #[test]
    fn a_history_that_has_just_begun_fills_only_its_part() {
        let folded = |values: usize| fold(&vec![Some(7.0); values], 60, 10);
        assert_eq!([folded(0), folded(3), folded(12)].map(|cells| cells.len()), [0, 1, 2]);
        assert_eq!(folded(60), vec![Some(7.0); 10]);
    }

    #[test]
    fn folding_keeps_the_peak() {
        let mut values = vec![Some(1.0); 61];
        values[33] = Some(99.0);
        for cells in [1, 2, 7, 60] {
            assert!(fold(&values, 61, cells).contains(&Some(99.0)), "{cells}");
        }
    }
}
