//! Ninety days in a row of cells, where height, ground and colour each carry how the day was.
use crate::config::theme::Role;
use crate::core::services::days::{self, Cells, Grade};
use crate::ui::{glyphs::Glyphs, style::Ink, words::Words};

/// Returns the sign of a day.
pub fn sign(day: Grade, glyphs: Glyphs) -> char {
    match (glyphs, day) {
        (Glyphs::Unicode, Grade::NoData) => '·',
        (Glyphs::Unicode, Grade::Perfect) => '▆',
        (Glyphs::Unicode, Grade::Minor) => '▅',
        (Glyphs::Unicode, Grade::Fair) => '▄',
        (Glyphs::Unicode, Grade::Poor) => '▂',
        (Glyphs::Unicode, Grade::Bad) => '▁',
        (_, Grade::Maintenance) => 'm',
        (Glyphs::Ascii, Grade::NoData) => '.',
        (Glyphs::Ascii, Grade::Perfect) => '|',
        (Glyphs::Ascii, Grade::Minor) => ':',
        (Glyphs::Ascii, Grade::Fair) => '=',
        (Glyphs::Ascii, Grade::Poor) => '!',
        (Glyphs::Ascii, Grade::Bad) => 'X',
    }
}

/// Returns the ink of a day.
pub fn ink(day: Grade) -> Ink {
    match day {
        Grade::NoData => Ink::of(Role::Unknown),
        Grade::Perfect => Ink::of(Role::OkFill),
        Grade::Minor => Ink::of(Role::MinorFill),
        Grade::Maintenance => Ink::of(Role::Maint),
        Grade::Fair | Grade::Poor => Ink::of(Role::DayDegraded).on(Role::DegradedTint),
        Grade::Bad => Ink::of(Role::DayDown).on(Role::DownTint),
    }
}

/// Says what a cell is, where it is not a day.
pub fn cell_says(cells: Cells) -> Option<&'static str> {
    match cells {
        Cells::Ninety => None,
        Cells::FortyFive => Some("1 cell = 2 days, worst wins"),
        Cells::Thirty => Some("1 cell = 3 days, worst wins"),
    }
}

/// Draws days as words of exactly as many columns as there are cells; what is before the first day is blank.
pub fn words(days: &[Grade], cells: Cells, glyphs: Glyphs) -> Words {
    let mut folded = days::fold(days, cells);
    folded.drain(..folded.len().saturating_sub(cells.count()));
    let mut words = Words::new().gap(cells.count() - folded.len());
    for run in folded.chunk_by(|a, b| a == b) {
        if let Some(day) = run.first() {
            words.push(sign(*day, glyphs).to_string().repeat(run.len()), ink(*day));
        }
    }
    words
}

/// Returns the cell that a day stands in, so many days before today.
pub fn cell_of(back: usize, cells: Cells) -> usize {
    cells.count().saturating_sub(1 + back / cells.days())
}

/// Says what the signs mean.
pub fn legend(glyphs: Glyphs) -> Words {
    let [good, bad] = legend_lines(glyphs);
    Words::of("day ", Role::Faint).join(good).join(bad)
}

/// Says what the signs mean, on two lines.
pub fn legend_lines(glyphs: Glyphs) -> [Words; 2] {
    let mut lines = [Words::new(), Words::new()];
    for (at, (day, says)) in [
        (Grade::Perfect, " 100  "),
        (Grade::Minor, " ≥99.9  "),
        (Grade::Fair, " ≥99  "),
        (Grade::Poor, " ≥95  "),
        (Grade::Bad, " <95  "),
        (Grade::Maintenance, " maint  "),
        (Grade::NoData, " no data"),
    ]
    .into_iter()
    .enumerate()
    {
        if let Some(line) = lines.get_mut(at / 4) {
            line.push(sign(day, glyphs).to_string(), ink(day));
            line.push(says, Role::Dim);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_wide_as_its_cells_and_ends_today() {
        for cells in [Cells::Ninety, Cells::FortyFive, Cells::Thirty] {
            for known in [0, 1, 7, 89, 90, 91, 200] {
                let mut days = vec![Grade::Perfect; known];
                if let Some(last) = days.last_mut() {
                    *last = Grade::Bad;
                }
                let bar = words(&days, cells, Glyphs::Unicode);
                assert_eq!(bar.width(), cells.count(), "{cells:?} {known}");
                assert_eq!(bar.plain().ends_with('▁'), known > 0, "{cells:?} {known}");
            }
        }
        assert_eq!([cell_of(0, Cells::Ninety), cell_of(89, Cells::Ninety)], [89, 0]);
        assert_eq!([cell_of(0, Cells::Thirty), cell_of(2, Cells::Thirty), cell_of(3, Cells::Thirty)], [29, 29, 28]);
    }
}
