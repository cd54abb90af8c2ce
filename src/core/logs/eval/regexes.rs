//! What is known of a regex without running it: how it may run over an arena, and texts that its matches hold.
use regex::bytes::Regex;

use super::super::filter::{Piece, Text};

/// Whether a regex may run over a whole arena.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scan {
    /// Over the arena, and no match can hold a line break.
    Lines,
    /// Over the arena; what is found may begin in a record before.
    Arena,
    /// Record by record.
    Record,
}

/// Makes a regex for the longest literals of globs: what a field matches stands in its record as it is, unless escaped.
pub(super) fn hint(any: &[Text]) -> Option<Regex> {
    let mut words = Vec::with_capacity(any.len());
    for glob in any {
        let pieces = glob.pieces();
        let literals = pieces.iter().filter_map(|piece| match piece {
            Piece::Literal(text) => Some(text),
            Piece::Any | Piece::One => None,
        });
        let longest = literals.max_by_key(|text| text.len()).filter(|text| text.len() >= 2)?;
        // Quotes and what is beyond ASCII are what escapes are made for.
        if !longest.is_ascii() || longest.contains(['"', '\\', '\n']) {
            return None;
        }
        let word = regex::escape(longest);
        words.push(if glob.fold { format!("(?i:{word})") } else { word });
    }
    Regex::new(&words.join("|")).ok()
}

/// Anchors of the whole haystack, and text with line breaks, mean something else in an arena.
pub(super) fn scan(source: &str, literal: bool) -> Scan {
    let mut switches = source.match_indices("(?").map(|(at, _)| {
        let flags = source.get(at + 2..).unwrap_or_default();
        flags.split([':', ')', '<', 'P']).next().unwrap_or_default()
    });
    // `^` and `$` may be switched to the whole text, and to count `\r`; a dot may be switched to match a line break.
    let whole = !literal && switches.clone().any(|flags| flags.contains(['-', 'R']));
    let dots = !literal && switches.any(|flags| flags.contains('s'));
    let anchors = whole || !literal && ["\\A", "\\z", "\\Z"].iter().any(|anchor| source.contains(anchor));
    if anchors || source.contains('\n') {
        Scan::Record
    } else if literal || !dots && never_breaks(source) {
        Scan::Lines
    } else {
        Scan::Arena
    }
}

/// Finds texts that every match of a regex holds, the longest first, as far as that is seen without taking the regex apart:
/// outside of groups, classes and alternatives.
pub(super) fn required(regex: &str) -> Option<Vec<String>> {
    let mut texts = vec![String::new()];
    let mut rest = regex.chars().peekable();
    let mut depth = 0_usize;
    while let Some(char) = rest.next() {
        // None is what breaks a text: something that may be many things.
        let literal = match char {
            '\\' => rest.next().filter(char::is_ascii_punctuation),
            '[' => {
                // A bracket right behind the opening one is a member; one with a backslash too.
                let _ = rest.next_if_eq(&'^');
                let _ = rest.next_if_eq(&']');
                while let Some(member) = rest.next() {
                    match member {
                        '\\' => drop(rest.next()),
                        '[' => return None,
                        ']' => break,
                        _ => {}
                    }
                }
                None
            }
            '(' => {
                if rest.next_if_eq(&'?').is_some() && rest.next_if(|next| matches!(next, ':' | 'P' | '<')).is_none() {
                    return None;
                }
                depth += 1;
                None
            }
            ')' => {
                depth = depth.checked_sub(1)?;
                None
            }
            '|' if depth == 0 => return None,
            '.' | '^' | '$' | '+' | '|' => None,
            '?' | '*' | '{' => {
                // What comes before it may be missing. A count is taken for one that allows none.
                if char == '{' {
                    let _ = rest.by_ref().find(|char| *char == '}');
                }
                texts.last_mut()?.pop();
                None
            }
            char => Some(char),
        };
        match literal.filter(|_| depth == 0) {
            Some(char) => texts.last_mut()?.push(char),
            None => texts.push(String::new()),
        }
    }
    texts.retain(|text| text.len() >= 3);
    texts.sort_by_key(|text| std::cmp::Reverse(text.len()));
    Some(texts)
}

/// Says whether a regex without switches surely matches no line break. Cautious: escapes and classes that are not known to be
/// harmless count as if they did.
fn never_breaks(regex: &str) -> bool {
    let mut rest = regex.chars();
    let mut in_class = false;
    while let Some(char) = rest.next() {
        match char {
            '\\' => match rest.next() {
                Some('d' | 'w' | 'b' | 'B') => {}
                Some('S') if !in_class => {}
                Some(char) if char.is_ascii_punctuation() => {}
                _ => return false,
            },
            '[' => {
                in_class = true;
                if rest.as_str().starts_with('^') {
                    return false;
                }
            }
            ']' => in_class = false,
            // A range from below may have the line break within.
            char if char < ' ' => return false,
            _ => {}
        }
    }
    true
}
