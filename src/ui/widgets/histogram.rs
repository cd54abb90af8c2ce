//! Lines over time by level: errors below, warnings on top, the moments of deploys on the axis.
use crate::config::theme::Role;
use crate::ui::{canvas::Canvas, style::Ink, words::Words};

/// A histogram, to be drawn on all of a canvas.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Histogram {
    /// Bars, oldest first.
    pub bars: Vec<Bar>,
    /// So many of the first bars are of a time that was not all read yet: what they count is the least there is.
    pub unread: usize,
    /// The bar under the cursor.
    pub cursor: Option<usize>,
    /// When that bar begins.
    pub cursor_at: String,
    /// Said in place of bars where there is nothing to count.
    pub nothing: String,
    /// What stands under the first bar.
    pub from: String,
    /// What stands under the last bar.
    pub to: String,
    /// Moments on the axis: the bar, and what it was.
    pub marks: Vec<(usize, String)>,
    /// Levels with their totals: role, word, number; the levels that are not drawn are words without a role.
    pub legend: Vec<(Option<Role>, String, String)>,
}

/// What a bar counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bar {
    /// Errors and worse.
    pub errors: u64,
    /// Warnings.
    pub warnings: u64,
    /// All others.
    pub others: u64,
}

impl Bar {
    fn total(self) -> u64 {
        self.errors + self.warnings + self.others
    }
}

/// Columns of the scale.
const SCALE: u16 = 7;
/// Columns of the legend, where there is room for one.
const LEGEND: u16 = 24;

impl Histogram {
    /// Returns how many bars a canvas of this width has room for.
    pub fn room(width: u16) -> u16 {
        let legend = if width >= 100 { LEGEND } else { 0 };
        width.saturating_sub(SCALE + 1 + legend)
    }

    /// Draws it.
    pub fn draw(&self, canvas: &mut Canvas<'_>) {
        let (wide, high) = (canvas.width(), canvas.height());
        if wide < SCALE + 4 || high < 2 {
            return;
        }
        let rows = high - 1;
        if !self.nothing.is_empty() {
            canvas.put_within(1, rows / 2, wide.saturating_sub(2), Words::of(self.nothing.clone(), Role::Dim));
            return;
        }
        let most = self.bars.iter().map(|bar| bar.total()).max().unwrap_or(0);
        canvas.put_right(SCALE - 1, 0, Words::of(short(most), Role::Faint));
        if rows > 1 {
            canvas.put_right(SCALE - 1, rows - 1, Words::of("0", Role::Faint));
        }
        for row in 0..rows {
            let sign = if row == 0 || row == rows - 1 { '┤' } else { '│' };
            canvas.sign(SCALE - 1, row, sign, Role::ChartFloor);
        }
        let room = Self::room(wide);
        for ((x, bar), at) in (SCALE..SCALE + room).zip(&self.bars).zip(0..) {
            if at < self.unread && bar.total() == 0 {
                // Nothing is known of it: that is no zero.
                canvas.sign(x, rows - 1, '·', Role::Faint);
                continue;
            }
            Self::column(canvas, x, *bar, most, rows);
        }
        self.axis(&mut canvas.rows(rows, 1), room);
        if wide >= 100 {
            let x = wide - LEGEND + 2;
            for (row, (role, word, number)) in (0..rows).zip(&self.legend) {
                match role {
                    Some(role) => canvas.sign(x, row, '█', *role),
                    None => canvas.sign(x, row, '·', Role::Faint),
                }
                canvas.put(x + 2, row, Words::of(word.clone(), Role::Dim));
                canvas.put_right(wide - 1, row, Words::of(number.clone(), Role::Text));
            }
        }
    }

    fn column(canvas: &mut Canvas<'_>, x: u16, bar: Bar, most: u64, rows: u16) {
        if bar.total() == 0 || most == 0 {
            canvas.sign(x, rows - 1, '▁', Role::ChartFloor);
            return;
        }
        // Heights in eighths of a row; what is there is seen, however little it is.
        let whole = u64::from(rows) * 8;
        let height = |count: u64| (count * whole).div_ceil(most).min(whole);
        let errors = height(bar.errors);
        let warnings = height(bar.errors + bar.warnings);
        let all = height(bar.total());
        for row in 0..rows {
            let floor = u64::from(rows - 1 - row) * 8;
            if all <= floor {
                continue;
            }
            // A cell takes the colour of the larger share of it.
            let within = |level: u64| level.saturating_sub(floor).min(8);
            let (error, warning) = (within(errors), within(warnings) - within(errors));
            let other = within(all) - within(warnings);
            let role = if error > 0 && error >= warning.max(other) {
                Role::DownFill
            } else if warning > 0 && warning >= other {
                Role::DegradedFill
            } else {
                Role::Chart1
            };
            let eighths = usize::try_from(within(all)).unwrap_or(8);
            canvas.sign(x, row, canvas.look.glyphs.block(eighths), role);
        }
    }

    /// Labels the axis. Nothing is written over anything else: the cursor goes first, then deploys, its ends, the cursor's time.
    fn axis(&self, canvas: &mut Canvas<'_>, room: u16) {
        let mut free = Free(vec![true; usize::from(room)]);
        let cursor = self.cursor.filter(|bar| free.is(*bar, bar + 1));
        if let Some(bar) = cursor {
            free.take(bar, bar + 1);
        }
        let end = usize::from(room);
        let from = crate::ui::words::width(&self.from);
        let to = crate::ui::words::width(&self.to);
        let ends = [(0, from, &self.from), (end.saturating_sub(to), end, &self.to)];
        for (begin, end, says) in ends {
            let has_mark = self.marks.iter().any(|(bar, _)| (begin..end).contains(bar));
            if free.is(begin, end) && !has_mark {
                free.take(begin, end + 1);
                put(canvas, begin, says, Ink::of(Role::Faint));
            }
        }
        for (bar, says) in &self.marks {
            let at_cursor = cursor == Some(*bar);
            let sign_fits = at_cursor || free.is(*bar, bar + 1);
            let wide = free.after(bar + 1).saturating_sub(1).min(crate::ui::words::width(says) + 1);
            if !sign_fits || wide < 6 {
                continue;
            }
            free.take(*bar, bar + wide + 2);
            put(canvas, *bar, "▲", Ink::of(Role::Accent));
            let x = SCALE + u16::try_from(bar + 2).unwrap_or(u16::MAX);
            canvas.put_within(x, 0, u16::try_from(wide - 1).unwrap_or(0), Words::of(says.clone(), Role::Dim));
        }
        let Some(bar) = cursor else { return };
        put(canvas, bar, "▲", Ink::bold(Role::Accent));
        let wide = crate::ui::words::width(&self.cursor_at);
        let right = bar + 2;
        let left = bar.checked_sub(wide + 1);
        if free.is(bar + 1, right + wide) {
            put(canvas, right, &self.cursor_at, Ink::of(Role::Text));
        } else if let Some(left) = left.filter(|left| free.is(left.saturating_sub(1), bar)) {
            put(canvas, left, &self.cursor_at, Ink::of(Role::Text));
        }
    }
}

/// Which columns of the axis nothing is written on yet.
struct Free(Vec<bool>);

impl Free {
    fn is(&self, from: usize, to: usize) -> bool {
        self.0.get(from..to).is_some_and(|columns| columns.iter().all(|free| *free))
    }

    /// Counts the free columns from one on.
    fn after(&self, from: usize) -> usize {
        self.0.iter().skip(from).take_while(|free| **free).count()
    }

    fn take(&mut self, from: usize, to: usize) {
        self.0.iter_mut().take(to).skip(from).for_each(|free| *free = false);
    }
}

fn put(canvas: &mut Canvas<'_>, bar: usize, says: &str, ink: Ink) {
    canvas.put(SCALE + u16::try_from(bar).unwrap_or(u16::MAX), 0, Words::of(says.to_owned(), ink));
}

/// Writes a count in at most five columns: `412`, `9.8k`, `120k`, `3.4M`.
pub fn short(count: u64) -> String {
    let of = |unit: u64, sign: &str| {
        let tenths = count / (unit / 10);
        if tenths < 100 { format!("{}.{}{sign}", tenths / 10, tenths % 10) } else { format!("{}{sign}", tenths / 10) }
    };
    match count {
        0..10_000 => count.to_string(),
        10_000..1_000_000 => of(1_000, "k"),
        1_000_000..1_000_000_000 => of(1_000_000, "M"),
        _ => of(1_000_000_000, "G"),
    }
}

/// Draws counts as one row of blocks, as wide as there are counts.
pub fn trend(counts: &[u64], role: Role, glyphs: crate::ui::glyphs::Glyphs) -> Words {
    let most = counts.iter().copied().max().unwrap_or(0);
    let mut words = Words::new();
    for count in counts {
        let (sign, ink) = if *count == 0 || most == 0 {
            (glyphs.block(1), Role::ChartFloor)
        } else {
            let eighths = (u128::from(*count) * 7).div_ceil(u128::from(most));
            (glyphs.block(usize::try_from(eighths).unwrap_or(7)), role)
        };
        words.push(sign.to_string(), ink);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::testing;

    #[test]
    fn counts_are_short() {
        let of = [0, 9_999, 10_000, 123_456, 3_400_000, 12_000_000_000].map(short);
        assert_eq!(of, ["0", "9999", "10k", "123k", "3.4M", "12G"]);
    }

    #[test]
    fn bars_stand_on_an_axis_with_its_marks_and_never_leave_it() {
        let histogram = Histogram {
            bars: vec![
                Bar::default(),
                Bar { errors: 0, warnings: 0, others: 1 },
                Bar { errors: 8, warnings: 4, others: 0 },
                Bar { errors: 16, warnings: 0, others: 0 },
            ],
            from: "02:33".into(),
            to: "03:12".into(),
            marks: vec![(20, "deploy".into())],
            ..Histogram::default()
        };
        assert_eq!(
            testing::text(50, 4, |canvas| histogram.draw(canvas)),
            ["    16┤  ▂█", "      │  ██", "     0┤▁▂██", "       02:33               ▲ deploy         03:12"]
        );
        for width in 0..130 {
            for height in 0..6 {
                for cursor in [None, Some(0), Some(3), Some(20), Some(200)] {
                    let histogram = Histogram { cursor, cursor_at: "02:40".into(), ..histogram.clone() };
                    testing::text(width, height, |canvas| histogram.draw(canvas));
                }
            }
        }
    }

    #[test]
    fn nothing_is_written_over_anything_else_on_the_axis() {
        let of = |cursor: usize, marks: &[(usize, &str)]| {
            let histogram = Histogram {
                bars: vec![Bar { others: 1, ..Bar::default() }; 40],
                from: "02:33".into(),
                to: "03:12".into(),
                cursor: Some(cursor),
                cursor_at: "02:50".into(),
                marks: marks.iter().map(|(bar, says)| (*bar, (*says).to_owned())).collect(),
                ..Histogram::default()
            };
            testing::text(48, 3, |canvas| histogram.draw(canvas)).pop().unwrap().get(7..).unwrap().to_owned()
        };
        assert_eq!(of(20, &[]), "02:33               ▲ 02:50        03:12");
        assert_eq!(of(2, &[]), "  ▲ 02:50                          03:12", "its own time stands for the end's");
        assert_eq!(of(38, &[]), "02:33                           02:50 ▲");
        assert_eq!(of(20, &[(12, "deploy play")]), "02:33       ▲ depl… ▲ 02:50        03:12");
        assert_eq!(of(20, &[(20, "deploy play")]), "02:33         02:50 ▲ deploy play  03:12");
        assert_eq!(of(20, &[(1, "deploy play")]), " ▲ deploy play      ▲ 02:50        03:12");
    }
}
