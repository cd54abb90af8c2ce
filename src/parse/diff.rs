//! What is different between two texts, as people read it: a unified diff.

/// Lines that stand around a difference.
const AROUND: usize = 3;
/// Cells of the table by which the least difference is found; what needs more is shown as gone and come.
const MOST_CELLS: usize = 4_000_000;

/// A line of one or both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line<'a> {
    Same(&'a str),
    Gone(&'a str),
    Come(&'a str),
}

/// Returns the hunks, line by line; none where both are the same.
pub fn unified(before: &str, after: &str) -> Vec<String> {
    let (old, new): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    let all = lines(&old, &new);
    let far = |at: usize| {
        let from = at.saturating_sub(AROUND);
        all.iter().skip(from).take(at - from + AROUND + 1).all(|line| matches!(line, Line::Same(_)))
    };
    let (mut shown, mut left, mut right, mut open) = (Vec::new(), 1_usize, 1_usize, false);
    for (at, line) in all.iter().enumerate() {
        if far(at) {
            open = false;
        } else {
            if !open {
                shown.push(format!("@@ -{left} +{right} @@"));
                open = true;
            }
            shown.push(match line {
                Line::Same(text) => format!("  {text}"),
                Line::Gone(text) => format!("- {text}"),
                Line::Come(text) => format!("+ {text}"),
            });
        }
        left += usize::from(!matches!(line, Line::Come(_)));
        right += usize::from(!matches!(line, Line::Gone(_)));
    }
    shown
}

/// Goes through both by their longest common lines.
fn lines<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<Line<'a>> {
    let head = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let (old_rest, new_rest) = (old.get(head..).unwrap_or_default(), new.get(head..).unwrap_or_default());
    let tail = old_rest.iter().rev().zip(new_rest.iter().rev()).take_while(|(a, b)| a == b).count();
    let inner = |all: &[&'a str]| all.get(..all.len() - tail).unwrap_or_default().to_vec();
    let same = |all: &[&'a str]| all.iter().map(|line| Line::Same(line)).collect::<Vec<_>>();
    let mut found = same(old.get(..head).unwrap_or_default());
    found.extend(middle(&inner(old_rest), &inner(new_rest)));
    found.extend(same(old.get(old.len() - tail..).unwrap_or_default()));
    found
}

fn middle<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<Line<'a>> {
    let gone = |lines: &[&'a str]| lines.iter().map(|line| Line::Gone(line)).collect::<Vec<_>>();
    let come = |lines: &[&'a str]| lines.iter().map(|line| Line::Come(line)).collect::<Vec<_>>();
    let width = new.len() + 1;
    if (old.len() + 1).saturating_mul(width) > MOST_CELLS {
        return [gone(old), come(new)].concat();
    }
    // How many lines are common from here on, row by row from the end.
    let mut common = vec![0_u32; (old.len() + 1) * width];
    let cell = |table: &[u32], row: usize, column: usize| table.get(row * width + column).copied().unwrap_or(0);
    for (row, a) in old.iter().enumerate().rev() {
        for (column, b) in new.iter().enumerate().rev() {
            let best = if a == b {
                cell(&common, row + 1, column + 1) + 1
            } else {
                cell(&common, row + 1, column).max(cell(&common, row, column + 1))
            };
            if let Some(place) = common.get_mut(row * width + column) {
                *place = best;
            }
        }
    }
    let (mut found, mut row, mut column) = (Vec::new(), 0, 0);
    while let (Some(a), Some(b)) = (old.get(row), new.get(column)) {
        if a == b {
            found.push(Line::Same(a));
            (row, column) = (row + 1, column + 1);
        } else if cell(&common, row + 1, column) >= cell(&common, row, column + 1) {
            found.push(Line::Gone(a));
            row += 1;
        } else {
            found.push(Line::Come(b));
            column += 1;
        }
    }
    found.extend(gone(old.get(row..).unwrap_or_default()));
    found.extend(come(new.get(column..).unwrap_or_default()));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_shown_with_what_stands_around_it() {
        let before: String = (1..=20).flat_map(|number| [number.to_string(), "\n".to_owned()]).collect();
        let after = before.replace("10\n", "ten\n10.5\n").replace("20\n", "");
        let lines = unified(&before, &after);
        assert_eq!(
            lines,
            [
                "@@ -7 +7 @@",
                "  7",
                "  8",
                "  9",
                "- 10",
                "+ ten",
                "+ 10.5",
                "  11",
                "  12",
                "  13",
                "@@ -17 +18 @@",
                "  17",
                "  18",
                "  19",
                "- 20"
            ]
        );
        assert!(unified(&before, &before).is_empty());
        assert_eq!(unified("", "a\n"), ["@@ -1 +1 @@", "+ a"]);
    }

    proptest::proptest! {
        #[test]
        fn what_is_shown_makes_one_of_the_other(
            old in proptest::collection::vec("[a-c]", 0..12),
            new in proptest::collection::vec("[a-c]", 0..12),
        ) {
            let (old, new): (Vec<&str>, Vec<&str>) =
                (old.iter().map(String::as_str).collect(), new.iter().map(String::as_str).collect());
            let all = lines(&old, &new);
            let left: Vec<&str> =
                all.iter().filter_map(|line| match line { Line::Same(a) | Line::Gone(a) => Some(*a), Line::Come(_) => None }).collect();
            let right: Vec<&str> =
                all.iter().filter_map(|line| match line { Line::Same(a) | Line::Come(a) => Some(*a), Line::Gone(_) => None }).collect();
            proptest::prop_assert_eq!((left, right), (old, new));
        }
    }
}
