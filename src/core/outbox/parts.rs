//! A long document in parts that every tracker takes: each is Markdown of its own.
//!
//! It is cut where a reader would, before a heading or between paragraphs, and never silently: what was cut says which part it is.

use crate::core::words::fence;

/// Most characters of a part: what a tracker makes of them, escaped or as a tree, is within what it takes.
pub(super) const MOST: usize = 12_000;
/// Most lines of a part.
const LINES: usize = 1_000;
/// Characters that a part may have beside its own lines: what opens again what was cut through.
const SPARE: usize = 400;

/// Where a line stands.
#[derive(Clone, Default, PartialEq)]
struct Within {
    /// The line that opened the fence that it is in.
    fence: Option<String>,
    /// The head of the table that it is in: two lines.
    table: Option<String>,
}

impl Within {
    /// What a part begins with that goes on here.
    fn opens(&self) -> String {
        self.fence.iter().chain(&self.table).flat_map(|line| [line, "\n"]).collect()
    }

    /// What a part ends with that is cut here.
    fn closes(&self) -> String {
        self.fence.as_ref().map(|open| format!("{}\n", fence(open).unwrap_or("```"))).unwrap_or_default()
    }
}

/// Cuts a document into parts; one that is short is one.
pub(super) fn parts(text: &str) -> Vec<String> {
    if text.chars().count() <= MOST && text.lines().count() <= LINES {
        return vec![text.to_owned()];
    }
    let lines: Vec<String> = text.lines().flat_map(|line| pieces(line, MOST / 4)).collect();
    let within = contexts(&lines);
    let (mut parts, mut from) = (Vec::new(), 0);
    while from < lines.len() {
        let to = cut(&lines, &within, from);
        let mut part = within.get(from).map(Within::opens).unwrap_or_default();
        for line in lines.get(from..to).unwrap_or_default() {
            part.push_str(line);
            part.push('\n');
        }
        part.extend(within.get(to).map(Within::closes));
        parts.push(part.trim_end().to_owned());
        from = to;
    }
    parts
}

/// Returns where the part ends that begins at a line: the line that is the first of the next.
fn cut(lines: &[String], within: &[Within], from: usize) -> usize {
    let (mut size, mut end) = (0, from);
    // The last good places: before a heading, and after an empty line.
    let (mut heading, mut paragraph) = (None, None);
    while let Some(line) = lines.get(end) {
        size += line.chars().count() + 1;
        if end > from && (size > MOST - SPARE || end - from >= LINES) {
            // One that leaves less than a third of a part is none.
            return heading.or(paragraph).unwrap_or(end);
        }
        let open = within.get(end).is_some_and(|within| *within == Within::default());
        if open && size > MOST / 3 {
            let before = lines.get(end.wrapping_sub(1)).is_none_or(|before| before.trim().is_empty());
            if line.starts_with('#') && end > from {
                heading = Some(end);
            } else if before && end > from {
                paragraph = Some(end);
            }
        }
        end += 1;
    }
    end
}

/// Says of every line, and of the end, where it stands.
fn contexts(lines: &[String]) -> Vec<Within> {
    let mut at = Within::default();
    let mut all = Vec::with_capacity(lines.len() + 1);
    for (number, line) in lines.iter().enumerate() {
        if at.table.is_some() && !line.starts_with('|') {
            at.table = None;
        }
        all.push(at.clone());
        let mark = fence(line);
        match (&at.fence, mark) {
            (Some(open), Some(mark))
                if fence(open).is_some_and(|open| mark.starts_with(open)) && line.trim() == mark =>
            {
                at.fence = None;
            }
            (None, Some(_)) => at.fence = Some(line.clone()),
            (None, None) if at.table.is_none() && line.starts_with("|--") => {
                let head = lines.get(number.wrapping_sub(1)).map_or("", String::as_str);
                at.table = Some(format!("{head}\n{line}"));
            }
            (Some(_), _) | (None, None) => {}
        }
    }
    all.push(Within::default());
    all
}

/// Cuts a line that is longer than a reader ever sees.
fn pieces(line: &str, most: usize) -> Vec<String> {
    let letters: Vec<char> = line.chars().collect();
    if letters.is_empty() {
        return vec![String::new()];
    }
    letters.chunks(most).map(|piece| piece.iter().collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_short_is_one_part() {
        assert_eq!(parts("# A\n\ntext\n"), ["# A\n\ntext\n"]);
    }

    #[test]
    fn a_long_one_is_cut_before_headings_and_nothing_of_it_is_lost() {
        let section = |n: usize| format!("## {n}. Section\n\n{}\n", format!("word {n} and more.\n").repeat(300));
        let text: String = (1..=8).map(section).collect();
        let all = parts(&text);
        assert!(all.len() >= 4, "{}", all.len());
        assert!(all.iter().all(|part| part.starts_with("## ") && part.chars().count() <= MOST));
        assert_eq!(all.join("\n").replace('\n', ""), text.replace('\n', ""));
    }

    #[test]
    fn a_fence_and_a_table_that_are_cut_through_are_whole_in_each_part() {
        let code = format!("# E\n\n````text\n{}````\n\nafter\n", "```\n# no heading\nline\n".repeat(1_500));
        let all = parts(&code);
        assert!(all.len() > 2);
        for part in &all {
            assert!(part.chars().count() <= MOST && part.lines().count() <= LINES + 4);
            assert_eq!(part.lines().filter(|line| line.starts_with("````")).count(), 2, "{part}");
        }
        assert!(all.last().unwrap().ends_with("after"));
        let table = format!("| a | b |\n|---|---|\n{}\nend\n", "| one | two |\n".repeat(2_000));
        let all = parts(&table);
        assert!(all.iter().all(|part| part.starts_with("| a | b |\n|---|---|\n| one | two |")));
        let rows = all.iter().flat_map(|part| part.lines()).filter(|line| *line == "| one | two |").count();
        assert_eq!((rows, all.last().unwrap().lines().last()), (2_000, Some("end")));
    }

    #[test]
    fn a_line_without_an_end_is_cut_too() {
        let all = parts(&"x".repeat(40_000));
        assert!(all.len() >= 4 && all.iter().all(|part| part.chars().count() <= MOST));
        assert_eq!(all.iter().map(|part| part.matches('x').count()).sum::<usize>(), 40_000);
    }
}
