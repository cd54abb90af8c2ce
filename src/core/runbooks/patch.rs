//! What incidents taught of a runbook: how often its steps were used and left out, and what was wrong, as a patch of its file.
use std::collections::BTreeMap;

use super::{Runbook, Step};
use crate::core::incidents::{BookStep, Incident, Stand};

/// Lines of a patch around what is new.
const AROUND: usize = 3;
/// Incidents in which a step must have been left out, every time, before that is worth a word.
const OFTEN: usize = 3;

/// How often a step was used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Incidents in which something was done of it.
    pub used: usize,
    /// Incidents in which it was left out by a word, or by nothing being done of it while others were.
    pub skipped: usize,
    /// How often it was said to be wrong.
    pub wrong: usize,
}

/// Counts a step over the incidents in which something of its runbook was done.
pub fn counts<'a>(book: &Runbook, step: &Step, incidents: impl Iterator<Item = &'a Incident>) -> Counts {
    let mut counts = Counts::default();
    for of in incidents.filter(|of| of.books.iter().any(|((name, _), step)| *name == book.name && step.used())) {
        let known = of.books.get(&(book.name.clone(), step.id.clone()));
        counts.wrong += known.map_or(0, |step| step.wrong.len());
        match known.map_or(Stand::Open, BookStep::stand) {
            Stand::Open | Stand::Skipped => counts.skipped += 1,
            Stand::Done | Stand::Met | Stand::NotMet | Stand::Unknown | Stand::Running | Stand::Failed => {
                counts.used += 1;
            }
        }
    }
    counts
}

/// Returns what is to be written above each step's fence, by the fence's line; what stands in the text already is left out.
pub fn notes(book: &Runbook, text: &str, incidents: &[&Incident]) -> BTreeMap<usize, Vec<String>> {
    let mut notes: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for step in &book.steps {
        let mut lines = Vec::new();
        for of in incidents {
            let known = of.books.get(&(book.name.clone(), step.id.clone()));
            for (by, at, note) in known.into_iter().flat_map(|step| &step.wrong) {
                let day: String = at.rfc3339().chars().take(10).collect();
                lines.push(format!("> Wrong, says {by} in {} on {day}: {}", of.number, one_line(note)));
            }
        }
        let counted = counts(book, step, incidents.iter().copied());
        if counted.used == 0 && counted.skipped >= OFTEN {
            lines.push(format!("> Left out in all of {} incidents.", counted.skipped));
        }
        lines.retain(|line| !text.lines().any(|known| known.trim() == line));
        if !lines.is_empty() {
            notes.insert(step.line, lines);
        }
    }
    notes
}

/// What was typed becomes a line of Markdown that begins nothing: no fence, no heading.
fn one_line(text: &str) -> String {
    let line: Vec<&str> = text.split_whitespace().collect();
    line.join(" ").replace('`', "'").replace(|letter: char| letter.is_control(), "")
}

/// Writes a unified diff that puts lines before others of a file; empty where there is nothing to put.
pub fn patch(path: &str, text: &str, notes: &BTreeMap<usize, Vec<String>>) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let mut hunks: Vec<(usize, usize, Vec<usize>)> = Vec::new();
    for at in notes.keys().copied().filter(|at| (1..=lines.len()).contains(at)) {
        let (from, to) = (at.saturating_sub(AROUND).max(1), (at + AROUND - 1).min(lines.len()));
        match hunks.last_mut() {
            Some((_, end, all)) if from <= *end + 1 => {
                *end = to;
                all.push(at);
            }
            _ => hunks.push((from, to, vec![at])),
        }
    }
    let mut out = String::new();
    if hunks.is_empty() {
        return out;
    }
    out.extend(["--- a/", path, "\n+++ b/", path, "\n"]);
    let mut added = 0;
    for (from, to, all) in hunks {
        let new: usize = all.iter().filter_map(|at| notes.get(at)).map(|lines| lines.len() + 1).sum();
        let old = to - from + 1;
        out.extend([format!("@@ -{from},{old} +{},{} @@\n", from + added, old + new)]);
        added += new;
        for number in from..=to {
            if all.contains(&number) {
                for line in notes.get(&number).into_iter().flatten() {
                    out.extend(["+", line, "\n"]);
                }
                out.push_str("+\n");
            }
            out.extend([" ", lines.get(number - 1).copied().unwrap_or_default(), "\n"]);
            if number == lines.len() && !text.ends_with('\n') {
                out.push_str("\\ No newline at end of file\n");
            }
        }
    }
    out
}
