//! `qd INC-214`: the console, open at an incident. A page names it so, and it is typed half asleep.
use std::ffi::OsString;

use crate::core::id::IncidentId;

/// Takes an incident's number out of a command line, where one stands in place of a command: `INC-214`, `inc-214`, `inc214`. What stands
/// behind an option that takes a value is that.
pub(super) fn taken(
    words: impl IntoIterator<Item = OsString>,
    of: &clap::Command,
) -> (Vec<OsString>, Option<IncidentId>) {
    let takes = |option: &str| {
        let mut valued = of.get_arguments().filter(|one| one.get_action().takes_values());
        valued.any(|one| one.get_long().is_some_and(|long| option.strip_prefix("--") == Some(long)))
    };
    let (mut left, mut found) = (Vec::new(), None);
    let mut words = words.into_iter();
    left.extend(words.next());
    while let Some(word) = words.next() {
        let text = word.to_string_lossy();
        if text.starts_with('-') {
            let has_value = takes(&text);
            left.push(word);
            if has_value {
                left.extend(words.next());
            }
            continue;
        }
        found = number(&text);
        if found.is_none() {
            left.push(word);
        }
        break;
    }
    left.extend(words);
    (left, found)
}

fn number(word: &str) -> Option<IncidentId> {
    let lower = word.to_ascii_lowercase();
    let rest = lower.strip_prefix("inc")?;
    let digits = rest.strip_prefix('-').unwrap_or(rest);
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| is_number).map(IncidentId)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> (String, Option<u64>) {
        let of = <crate::cli::Args as clap::CommandFactory>::command();
        let (left, found) = taken(line.split(' ').map(OsString::from), &of);
        let left: Vec<String> = left.into_iter().map(|word| word.to_string_lossy().into_owned()).collect();
        (left.join(" "), found.map(|found| found.0))
    }

    #[test]
    fn a_number_in_place_of_a_command_is_taken_and_nothing_else() {
        for (line, left, found) in [
            ("qd INC-214", "qd", Some(214)),
            ("qd inc-214", "qd", Some(214)),
            ("qd Inc214", "qd", Some(214)),
            ("qd --config INC-1 inc-214 --json", "qd --config INC-1 --json", Some(214)),
            ("qd --config=x INC-214", "qd --config=x", Some(214)),
            ("qd INC-214 status", "qd status", Some(214)),
            ("qd incidents INC-214", "qd incidents INC-214", None),
            ("qd replay INC-214", "qd replay INC-214", None),
            ("qd --env INC-214", "qd --env INC-214", None),
            ("qd incidents", "qd incidents", None),
            ("qd INC-", "qd INC-", None),
            ("qd INC-+1", "qd INC-+1", None),
            ("qd INC-99999999999999999999999", "qd INC-99999999999999999999999", None),
            ("qd --json status INC-1", "qd --json status INC-1", None),
            ("qd --", "qd --", None),
            ("qd", "qd", None),
        ] {
            assert_eq!(read(line), (left.to_owned(), found), "{line}");
        }
    }
}
