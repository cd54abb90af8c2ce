//! Which word was probably meant.

/// Finds the word that differs fewest from what was typed, if it differs little.
pub(super) fn nearest<'a>(typed: &str, words: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let typed = typed.to_lowercase();
    let length = typed.chars().count();
    if !(2..=40).contains(&length) {
        return None;
    }
    let allowed = 1 + length / 4;
    let far = words.into_iter().map(|word| (distance(&typed, &word.to_lowercase()), word));
    far.filter(|(far, _)| *far <= allowed).min_by_key(|(far, _)| *far).map(|(_, word)| word)
}

/// Counts the letters to add, drop, change or swap with a neighbour.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    let mut last = None;
    for (line, from) in left.chars().enumerate() {
        let mut next = Vec::with_capacity(row.len());
        next.push(line + 1);
        for (column, &to) in right.iter().enumerate() {
            let at = |row: &[usize], column: usize| row.get(column).copied().unwrap_or(usize::MAX - 1);
            let mut fewest = at(&row, column) + usize::from(from != to);
            fewest = fewest.min(at(&row, column + 1) + 1).min(at(&next, column) + 1);
            let crossed = column.checked_sub(1).is_some_and(|left| right.get(left) == Some(&from)) && last == Some(to);
            if crossed && let Some(&swapped) = column.checked_sub(1).and_then(|column| before.get(column)) {
                fewest = fewest.min(swapped + 1);
            }
            next.push(fewest);
        }
        before = std::mem::replace(&mut row, next);
        last = Some(from);
    }
    row.last().copied().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_swapped_letter_is_one_mistake() {
        assert_eq!(distance("servcie", "service"), 1);
        assert_eq!(nearest("servce", ["level", "service"]), Some("service"));
        assert_eq!(nearest("cuont", ["count", "top"]), Some("count"));
        assert_eq!(nearest("foo", ["level", "service"]), None);
    }
}
