//! A chart of several rows with its scale and its limit.
use unicode_width::UnicodeWidthStr as _;

use super::spark::{self, Limits};
use crate::config::theme::Role;
use crate::ui::{canvas::Canvas, glyphs::Glyphs, style::Ink, words::Words};

/// A chart, to be drawn on all of a canvas.
#[derive(Clone, Debug, Default)]
pub struct Chart {
    /// Values, oldest first; folded to the width, the peak of each stretch stays.
    pub values: Vec<Option<f32>>,
    /// How many values a whole history has.
    pub of: usize,
    /// The value at the upper border.
    pub top: f32,
    /// Limits: the lower one is drawn as a line.
    pub limits: Limits,
    /// What stands under the oldest value.
    pub from: String,
    /// What stands under the newest value.
    pub to: String,
    /// A moment that is marked: how many values it is before the newest, and its name.
    pub mark: Option<(usize, String)>,
}

const SCALE: u16 = 5;

impl Chart {
    /// Draws it.
    pub fn draw(&self, canvas: &mut Canvas<'_>) {
        let (wide, high) = (canvas.width(), canvas.height());
        if wide < SCALE + 2 || high < 2 {
            return;
        }
        let rows = high - 1;
        let cells = usize::from(wide - SCALE - 1);
        let values = spark::fold(&self.values, self.of, cells);
        let offset = u16::try_from(cells.saturating_sub(values.len())).unwrap_or(0);
        let top = if self.top > 0.0 { self.top } else { 1.0 };
        for row in 0..rows {
            let floor = top * f32::from(rows - 1 - row) / f32::from(rows);
            let ceiling = top * f32::from(rows - row) / f32::from(rows);
            if row == 0 || row * 2 == rows {
                canvas.put_right(SCALE - 1, row, Words::of(format!("{ceiling:.0}"), Role::Faint));
            }
            canvas.sign(SCALE - 1, row, '┤', Role::ChartFloor);
            let limit = self.limits.warn.or(self.limits.hard).filter(|limit| *limit > floor && *limit <= ceiling);
            if limit.is_some() {
                canvas.put(SCALE, row, Words::of("┈".repeat(cells), Role::Faint));
            }
            for (at, value) in (SCALE + offset..).zip(&values) {
                let Some(value) = value else {
                    if row == rows - 1 {
                        canvas.sign(at, row, '·', Role::Unknown);
                    }
                    continue;
                };
                if let Some(sign) = block(*value, floor, ceiling, row == rows - 1, canvas.look.glyphs) {
                    canvas.sign(at, row, sign, Ink::of(self.limits.fill(*value)));
                }
            }
        }
        let to = canvas.put_right(wide - 1, rows, Words::of(self.to.clone(), Role::Faint));
        if let Some(start) = self.mark(canvas, (rows, to), cells) {
            canvas.put_within(SCALE, rows, start.saturating_sub(SCALE + 1), Words::of(self.from.clone(), Role::Faint));
            return;
        }
        // Under the oldest value, or as near to it as the other word lets it.
        let from = Words::of(self.from.clone(), Role::Faint);
        let width = u16::try_from(from.width()).unwrap_or(u16::MAX);
        let start = (SCALE + offset).min(to.saturating_sub(width.saturating_add(1))).max(SCALE);
        canvas.put_within(start, rows, to.saturating_sub(start + 1), from);
    }
}

impl Chart {
    /// Marks a moment under the value that was measured then, its name on the side that has room; returns where that begins.
    fn mark(&self, canvas: &mut Canvas<'_>, (row, to): (u16, u16), cells: usize) -> Option<u16> {
        let (back, name) = self.mark.as_ref()?;
        let of = self.of.max(self.values.len()).max(1);
        let before = back.checked_mul(cells)?.div_ceil(of);
        // What has just begun stands before the word at the end, as near as that lets it.
        let at = (SCALE + u16::try_from(cells.checked_sub(before.max(1))?).ok()?).min(to.saturating_sub(2)).max(SCALE);
        let width = u16::try_from(name.width()).ok()?;
        let words = |text: &str| Words::of(text.to_owned(), Role::Accent);
        let after = at + 2;
        let start = if after + width < to {
            canvas.put(after, row, words(name));
            at
        } else if let Some(before) = at.checked_sub(width + 1).filter(|before| *before >= SCALE) {
            canvas.put(before, row, words(name));
            before
        } else {
            at
        };
        if at < to {
            canvas.put(at, row, words("▲"));
        }
        Some(start)
    }
}

fn block(value: f32, floor: f32, ceiling: f32, lowest: bool, glyphs: Glyphs) -> Option<char> {
    if value >= ceiling {
        return Some(glyphs.block(8));
    }
    if value > floor {
        return Some(glyphs.block(spark::eighths((value - floor) / (ceiling - floor), 8)));
    }
    lowest.then(|| glyphs.block(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::testing;

    #[test]
    fn a_chart_has_a_scale_a_limit_and_never_panics() {
        let chart = Chart {
            values: vec![Some(10.0), Some(50.0), Some(100.0), None],
            of: 4,
            top: 100.0,
            limits: Limits { warn: Some(80.0), hard: None },
            from: "02:13".into(),
            to: "now".into(),
            mark: None,
        };
        assert_eq!(
            testing::text(20, 5, |canvas| chart.draw(canvas)),
            [
                " 100┤┈┈┈┈┈┈┈┈┈┈┈┈█┈",
                "    ┤            █",
                "  50┤           ██",
                "    ┤          ▄██·",
                "          02:13 now"
            ]
        );
        let marked =
            |back| Chart { values: vec![Some(50.0); 60], of: 60, mark: Some((back, "INC-7".into())), ..chart.clone() };
        let last = |back| testing::text(36, 4, |canvas| marked(back).draw(canvas)).pop().unwrap();
        assert_eq!(last(40), "     02:13     ▲ INC-7          now");
        assert_eq!(last(10), "     02:13              INC-7 ▲ now");
        assert_eq!(last(0), "     02:13              INC-7 ▲ now");
        assert_eq!(last(3), "     02:13              INC-7 ▲ now");
        assert_eq!(last(60), "     ▲ INC-7                    now");
        assert_eq!(last(61), "     02:13                      now", "what is before the chart is not marked");
        for width in 0..24 {
            for height in 0..6 {
                testing::text(width, height, |canvas| chart.draw(canvas));
                testing::text(width, height, |canvas| marked(width.into()).draw(canvas));
            }
        }
    }
}
