//! Ninety days in a row of cells, where height, ground and colour each carry how the day was.
use crate::config::theme::Role;
use crate::ui::{glyphs::Glyphs, style::Ink, words::Words};

/// How a day was, from what says least to what says worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Day {
    /// Nobody was recording: not counted.
    NoData,
    /// Nothing was down.
    Full,
    /// At least 99.9 %.
    High,
    /// Planned work, and nothing was down beside it.
    Maintenance,
    /// At least 99 %.
    Fair,
    /// At least 95 %.
    Low,
    /// Below 95 %.
    Bad,
}

impl Day {
    /// Judges a day by the percentage of its recorded time that was up; none where nothing was recorded.
    pub fn judge(up_pct: Option<f64>, maintenance_ms: i64) -> Self {
        match up_pct {
            Some(pct) if pct < 95.0 => Self::Bad,
            Some(pct) if pct < 99.0 => Self::Low,
            Some(pct) if pct < 99.9 => Self::Fair,
            _ if maintenance_ms > 0 => Self::Maintenance,
            Some(pct) if pct < 100.0 => Self::High,
            Some(_) => Self::Full,
            None => Self::NoData,
        }
    }

    /// Returns its sign.
    pub fn sign(self, glyphs: Glyphs) -> char {
        match (glyphs, self) {
            (Glyphs::Unicode, Self::NoData) => '·',
            (Glyphs::Unicode, Self::Full) => '▆',
            (Glyphs::Unicode, Self::High) => '▅',
            (Glyphs::Unicode, Self::Fair) => '▄',
            (Glyphs::Unicode, Self::Low) => '▂',
            (Glyphs::Unicode, Self::Bad) => '▁',
            (_, Self::Maintenance) => 'm',
            (Glyphs::Ascii, Self::NoData) => '.',
            (Glyphs::Ascii, Self::Full) => '|',
            (Glyphs::Ascii, Self::High) => ':',
            (Glyphs::Ascii, Self::Fair) => '=',
            (Glyphs::Ascii, Self::Low) => '!',
            (Glyphs::Ascii, Self::Bad) => 'X',
        }
    }

    /// Returns its ink.
    pub fn ink(self) -> Ink {
        match self {
            Self::NoData => Ink::of(Role::Unknown),
            Self::Full => Ink::of(Role::OkFill),
            Self::High => Ink::of(Role::MinorFill),
            Self::Maintenance => Ink::of(Role::Maint),
            Self::Fair | Self::Low => Ink::of(Role::DayDegraded).on(Role::DegradedTint),
            Self::Bad => Ink::of(Role::DayDown).on(Role::DownTint),
        }
    }
}

/// Returns how many cells a pane of this inner width has for ninety days.
pub fn cells_for(inner_width: u16) -> usize {
    match inner_width {
        112.. => 90,
        64..=111 => 45,
        _ => 30,
    }
}

/// Says what a cell is, where it is not a day.
pub fn cell_says(days: usize, cells: usize) -> Option<String> {
    (cells > 0 && days > cells).then(|| {
        let (whole, half) = (days / cells, !days.is_multiple_of(cells));
        format!("1 cell = {whole}{} days, worst wins", if half { ".5" } else { "" })
    })
}

/// Folds days into cells, oldest first; the worst day of a cell wins.
pub fn fold(days: &[Day], cells: usize) -> Vec<Day> {
    if cells == 0 || days.is_empty() {
        return Vec::new();
    }
    if days.len() <= cells {
        return days.to_vec();
    }
    (0..cells)
        .map(|cell| {
            let from = cell * days.len() / cells;
            let to = ((cell + 1) * days.len()).div_ceil(cells);
            days.get(from..to).unwrap_or_default().iter().copied().max().unwrap_or(Day::NoData)
        })
        .collect()
}

/// Draws days as words of exactly `cells` columns; what is before the first day is blank.
pub fn words(days: &[Day], cells: usize, glyphs: Glyphs) -> Words {
    let folded = fold(days, cells);
    let mut words = Words::new().gap(cells.saturating_sub(folded.len()));
    for run in folded.chunk_by(|a, b| a == b) {
        if let Some(day) = run.first() {
            words.push(day.sign(glyphs).to_string().repeat(run.len()), day.ink());
        }
    }
    words
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
        (Day::Full, " 100  "),
        (Day::High, " ≥99.9  "),
        (Day::Fair, " ≥99  "),
        (Day::Low, " ≥95  "),
        (Day::Bad, " <95  "),
        (Day::Maintenance, " maint  "),
        (Day::NoData, " no data"),
    ]
    .into_iter()
    .enumerate()
    {
        if let Some(line) = lines.get_mut(at / 4) {
            line.push(day.sign(glyphs).to_string(), day.ink());
            line.push(says, Role::Dim);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_judged_by_its_border_values() {
        let judge = |pct| Day::judge(Some(pct), 0);
        assert_eq!([judge(100.0), judge(99.999), judge(99.9)], [Day::Full, Day::High, Day::High]);
        assert_eq!([judge(99.899), judge(99.0), judge(98.9)], [Day::Fair, Day::Fair, Day::Low]);
        assert_eq!([judge(95.0), judge(94.999), judge(0.0)], [Day::Low, Day::Bad, Day::Bad]);
        assert_eq!(
            [Day::judge(None, 0), Day::judge(None, 5), Day::judge(Some(50.0), 5)],
            [Day::NoData, Day::Maintenance, Day::Bad]
        );
    }

    #[test]
    fn the_worst_day_of_a_cell_wins_and_no_day_is_lost() {
        for cells in [1, 2, 7, 30, 45, 60, 89, 90, 200] {
            for bad in [0, 1, 44, 88, 89] {
                let mut days = vec![Day::Full; 90];
                days[bad] = Day::Bad;
                let folded = fold(&days, cells);
                assert!(folded.contains(&Day::Bad), "{cells} {bad}");
                assert_eq!(folded.len(), cells.min(90));
                assert_eq!(words(&days, cells, Glyphs::Unicode).width(), cells);
            }
        }
        assert_eq!(cell_says(90, 60).unwrap(), "1 cell = 1.5 days, worst wins");
        assert_eq!(cell_says(90, 90), None);
    }

    #[test]
    fn nothing_to_draw_is_no_trouble() {
        assert_eq!(words(&[], 0, Glyphs::Unicode).width(), 0);
        assert_eq!(words(&[], 5, Glyphs::Ascii).plain(), "     ");
        assert_eq!(
            [cells_for(118), cells_for(112), cells_for(111), cells_for(78), cells_for(63), cells_for(0)],
            [90, 90, 45, 45, 30, 30]
        );
    }
}
