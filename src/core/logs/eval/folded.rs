//! Finds a text in any case, in many lines at once.
//!
//! A regex does the same, at a price for every hit that is more than that of the search where most lines have one.
use aho_corasick::{
    Span,
    packed::{Config, MatchKind, Searcher},
};
use regex::bytes::Regex;

/// The most bytes of a text that are searched for in all cases, and so at most sixteen texts; the rest is compared.
const ANCHOR: usize = 4;
/// Bytes of logs, the most frequent first, about.
const FREQUENT: &[u8] = b" eatonirs/0.1lcdh2mpu:\"-345g6f7w98b=y_v,k&%x?zj+q";

/// A text of ASCII that is found in any case, as a regex that ignores case finds it.
#[derive(Debug)]
pub(super) struct Folded {
    text: Vec<u8>,
    /// Where in it that stands which is searched for.
    anchor: usize,
    searcher: Searcher,
    /// What decides where letters beyond ASCII may stand for its own: the Kelvin sign for a k, the long s for an s.
    regex: Regex,
    has_others: bool,
}

impl Folded {
    /// Makes it; none where only the regex can find the text.
    pub(super) fn new(text: &str, regex: &Regex) -> Option<Self> {
        if !text.is_ascii() {
            return None;
        }
        let text = text.to_ascii_lowercase().into_bytes();
        let (anchor, bytes) = anchor(&text)?;
        let mut builder = Config::new().match_kind(MatchKind::LeftmostFirst).builder();
        for case in cases(bytes) {
            builder.add(case);
        }
        let searcher = builder.build()?;
        Some(Self { anchor, searcher, regex: regex.clone(), has_others: text.iter().copied().any(has_other), text })
    }

    /// Says whether a record has it.
    pub(super) fn is_in(&self, record: &[u8]) -> bool {
        let mut from = 0;
        while let Some(at) = self.candidate(record, from) {
            if self.stands(record, at) || self.is_written_otherwise(record) {
                return true;
            }
            from = at + 1;
        }
        false
    }

    /// Finds where it may stand from a place on: that of its anchor.
    pub(super) fn candidate(&self, text: &[u8], from: usize) -> Option<usize> {
        self.searcher.find_in(text, Span { start: from, end: text.len() }).map(|found| found.start())
    }

    /// Says whether it stands around an anchor, in letters of ASCII.
    pub(super) fn stands(&self, text: &[u8], at: usize) -> bool {
        let Some(begin) = at.checked_sub(self.anchor) else { return false };
        text.get(begin..begin + self.text.len()).is_some_and(|here| here.eq_ignore_ascii_case(&self.text))
    }

    /// Says whether a record that has its anchor has it with letters beyond ASCII.
    pub(super) fn is_written_otherwise(&self, record: &[u8]) -> bool {
        self.has_others && !record.is_ascii() && self.regex.is_match(record)
    }
}

/// Whether a letter beyond ASCII is the same in another case.
fn has_other(byte: u8) -> bool {
    matches!(byte, b'k' | b's')
}

/// Finds the part of a text that is met least, of letters that stand for themselves alone.
fn anchor(text: &[u8]) -> Option<(usize, &[u8])> {
    let rare = |byte: &u8| FREQUENT.iter().position(|frequent| frequent == byte).unwrap_or(FREQUENT.len());
    (2..=ANCHOR.min(text.len())).rev().find_map(|wide| {
        let parts = text.windows(wide).enumerate().filter(|(_, part)| !part.iter().copied().any(has_other));
        parts.max_by_key(|(_, part)| part.iter().map(rare).sum::<usize>())
    })
}

/// All ways to write a text in lower and upper case.
fn cases(text: &[u8]) -> Vec<Vec<u8>> {
    text.iter().fold(vec![Vec::new()], |cases, byte| {
        let upper = byte.to_ascii_uppercase();
        let letters = if upper == *byte { vec![*byte] } else { vec![*byte, upper] };
        cases.iter().flat_map(|case| letters.iter().map(|letter| [case, &[*letter][..]].concat())).collect()
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::core::logs::filter::Text;

    fn of(text: &str) -> (Option<Folded>, Regex) {
        let regex = Text { text: text.to_owned(), fold: true }.regex().unwrap();
        (Folded::new(text, &regex), regex)
    }

    #[test]
    fn what_is_met_least_is_searched_for() {
        let anchor = |text: &str| {
            let (folded, _) = of(text);
            folded.map(|folded| text.split_at(folded.anchor).1.to_owned())
        };
        assert_eq!(anchor("googlebot").unwrap(), "glebot");
        assert_eq!(anchor("disk").unwrap(), "disk", "a k may be the Kelvin sign");
        assert_eq!((anchor("ssh"), anchor("é"), anchor("x")), (None, None, None));
    }

    proptest! {
        #[test]
        fn it_finds_what_the_regex_finds(
            text in "[a-dk-mrs]{1,6}",
            records in prop::collection::vec("[a-dk-mrsA-DK-MRS\u{212a}\u{17f}é ]{0,12}", 1..6),
            cut in any::<prop::sample::Index>(),
        ) {
            let (folded, regex) = of(&text);
            let Some(folded) = folded else { return Ok(()) };
            for record in &records {
                prop_assert_eq!(folded.is_in(record.as_bytes()), regex.is_match(record.as_bytes()), "{}", record);
                let planted = [record.split_at(record.floor_char_boundary(cut.index(record.len() + 1))).0, &text.to_uppercase()].concat();
                prop_assert!(folded.is_in(planted.as_bytes()));
            }
        }
    }
}
