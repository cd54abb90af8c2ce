//! Finds which shapes are one template: those that differ where a word is a value that no shape tells.
//!
//! A place is a value when many words are seen at it with everything else the same, not when two are: `session opened`
//! and `session closed` stay apart. The result depends on the set of shapes alone, not on their order.
use std::collections::{HashMap, HashSet};

/// A value's token.
pub(super) const VALUE: u64 = 0;
/// Below are marks, at and above are hashes of words.
pub(super) const FIRST_WORD: u64 = 256;
/// Set in the token of a word in capitals, as names of states are.
pub(super) const CAPITALS: u64 = 1 << 63;

/// Groups shapes; returns for each shape its template's tokens.
pub(super) fn cluster(shapes: &[&[u64]]) -> Vec<Vec<u64>> {
    let mut groups: HashMap<Vec<u64>, Vec<usize>> = HashMap::new();
    for (index, shape) in shapes.iter().enumerate() {
        groups.entry(shape.to_vec()).or_default().push(index);
    }
    while round(&mut groups, false) || joint(&mut groups) || round(&mut groups, true) {}
    let mut result = vec![Vec::new(); shapes.len()];
    for (tokens, members) in groups {
        for member in members {
            if let Some(slot) = result.get_mut(member) {
                slot.clone_from(&tokens);
            }
        }
    }
    result
}

struct Candidate {
    size: usize,
    at: usize,
    tokens: Vec<Vec<u64>>,
}

/// Merges once what is one template by now; returns whether there was any. `across`: also on what other templates show.
fn round(groups: &mut HashMap<Vec<u64>, Vec<usize>>, across: bool) -> bool {
    let mut buckets: HashMap<(usize, u64), Vec<&Vec<u64>>> = HashMap::new();
    for tokens in groups.keys() {
        let whole: u64 = tokens.iter().enumerate().fold(0, |sum, (at, token)| sum.wrapping_add(mix(at, *token)));
        for (at, token) in tokens.iter().enumerate() {
            if *token == VALUE || *token >= FIRST_WORD {
                let key = whole.wrapping_sub(mix(at, *token)).wrapping_add(mix(tokens.len(), 1));
                buckets.entry((at, key)).or_default().push(tokens);
            }
        }
    }
    buckets.retain(|_, tokens| tokens.len() > 1);
    let shared = across.then(|| Shared::of(&buckets));
    let mut candidates: Vec<Candidate> = buckets
        .into_iter()
        .filter(|((at, _), tokens)| is_value(*at, tokens, shared.as_ref()))
        .map(|((at, _), mut tokens)| {
            tokens.sort();
            Candidate { size: tokens.len(), at, tokens: tokens.into_iter().cloned().collect() }
        })
        .collect();
    candidates.sort_by(|a, b| b.size.cmp(&a.size).then_with(|| a.tokens.cmp(&b.tokens)).then(a.at.cmp(&b.at)));
    let mut used = HashSet::new();
    let mut changed = false;
    for candidate in candidates {
        if candidate.tokens.iter().any(|tokens| used.contains(tokens)) {
            continue;
        }
        let mut members = Vec::new();
        let mut merged = Vec::new();
        for tokens in candidate.tokens {
            members.extend(groups.remove(&tokens).unwrap_or_default());
            if merged.is_empty() {
                merged.clone_from(&tokens);
            }
            used.insert(tokens);
        }
        if let Some(slot) = merged.get_mut(candidate.at) {
            *slot = VALUE;
        }
        merged.dedup_by(|a, b| *a == VALUE && *b == VALUE);
        groups.entry(merged).or_default().extend(members);
        changed = true;
    }
    changed
}

/// Which words are seen in how many places after the same two pieces: a name that goes through several templates.
struct Shared(HashMap<(u64, u64, u64), usize>);

impl Shared {
    fn of(buckets: &HashMap<(usize, u64), Vec<&Vec<u64>>>) -> Self {
        let mut places = HashMap::new();
        for ((at, _), templates) in buckets {
            for tokens in templates {
                *places.entry(Self::key(*at, tokens)).or_insert(0) += 1;
            }
        }
        Self(places)
    }

    fn key(at: usize, tokens: &[u64]) -> (u64, u64, u64) {
        let token = |back: usize| at.checked_sub(back).and_then(|index| tokens.get(index)).copied().unwrap_or(1);
        (token(2), token(1), token(0))
    }

    /// Counts the words that are seen elsewhere too.
    fn count(&self, at: usize, templates: &[&Vec<u64>]) -> usize {
        let elsewhere = |tokens: &&&Vec<u64>| {
            tokens.get(at).is_some_and(|token| *token >= FIRST_WORD)
                && self.0.get(&Self::key(at, tokens)).is_some_and(|places| *places > 1)
        };
        templates.iter().filter(elsewhere).count()
    }
}

/// Whether a place at which these templates alone differ holds a value.
fn is_value(at: usize, templates: &[&Vec<u64>], shared: Option<&Shared>) -> bool {
    let Some(one) = templates.first() else { return false };
    let rest = one.iter().enumerate().filter(|(index, token)| *index != at && **token >= FIRST_WORD).count();
    let here = || templates.iter().filter_map(|tokens| tokens.get(at));
    let capitals = here().filter(|token| **token & CAPITALS != 0).count();
    let words = here().filter(|token| **token != VALUE).count();
    let known = words < templates.len();
    let first = one.iter().position(|token| *token == VALUE || *token >= FIRST_WORD) == Some(at);
    let mut needed = match rest {
        0 => return false,
        1 => 10,
        2 => 7,
        _ => 5,
    };
    if first || capitals * 2 > words {
        needed *= 3;
    }
    if known {
        needed = (needed / 2).max(2);
    }
    let elsewhere = shared.filter(|_| rest > 2).map_or(0, |shared| shared.count(at, templates));
    words >= needed || (elsewhere >= 3 && words + elsewhere > needed)
}

/// How many templates at least show that several places are values together.
const JOINT: usize = 8;

/// Merges templates that differ in several places at once, none of which can be told alone: `<who> came from <where>`.
///
/// What most templates of the same outline share is their frame; the rest are values when there are many of each.
fn joint(groups: &mut HashMap<Vec<u64>, Vec<usize>>) -> bool {
    let mut outlines: HashMap<Vec<u64>, Vec<Vec<u64>>> = HashMap::new();
    for tokens in groups.keys() {
        let outline = tokens.iter().map(|token| (*token).min(FIRST_WORD)).collect();
        outlines.entry(outline).or_default().push(tokens.clone());
    }
    let mut changed = false;
    for (_, templates) in outlines {
        if templates.len() < JOINT {
            continue;
        }
        let mut seen: HashMap<(usize, u64), usize> = HashMap::new();
        for (at, token) in templates.iter().flat_map(|tokens| tokens.iter().enumerate()) {
            *seen.entry((at, *token)).or_insert(0) += 1;
        }
        let mut frames: HashMap<Vec<u64>, Vec<Vec<u64>>> = HashMap::new();
        for tokens in templates {
            let count = |(at, token): (usize, &u64)| seen.get(&(at, *token)).copied().unwrap_or(0);
            let words = || tokens.iter().enumerate().filter(|(_, token)| **token >= FIRST_WORD);
            let most = words().map(count).max().unwrap_or(0);
            let frame = tokens
                .iter()
                .enumerate()
                .map(|(at, token)| if *token >= FIRST_WORD && count((at, token)) * 2 < most { VALUE } else { *token });
            frames.entry(frame.collect()).or_default().push(tokens);
        }
        for (frame, templates) in frames {
            if templates.len() >= JOINT && is_frame(&frame, &templates) {
                let mut frame = frame;
                frame.dedup_by(|a, b| *a == VALUE && *b == VALUE);
                for tokens in templates {
                    let members = groups.remove(&tokens).unwrap_or_default();
                    groups.entry(frame.clone()).or_default().extend(members);
                }
                changed = true;
            }
        }
    }
    changed
}

/// Whether what templates have besides a frame is values: more frame than values, and many of each. What comes first
/// says what a message is about, and so takes more to be told a value.
fn is_frame(frame: &[u64], templates: &[Vec<u64>]) -> bool {
    let kept = frame.iter().filter(|token| **token >= FIRST_WORD).count();
    let mut open = 0;
    for at in 0..frame.len() {
        let here: HashSet<u64> = templates.iter().filter_map(|tokens| tokens.get(at)).copied().collect();
        if here.len() > 1 {
            open += 1;
            let capitals = here.iter().filter(|token| **token & CAPITALS != 0).count();
            if here.len() * 4 < templates.len() || here.len() < JOINT / 2 || capitals * 2 > here.len() {
                return false;
            }
        }
    }
    let first = frame.iter().position(|token| *token == VALUE || *token >= FIRST_WORD);
    let opens = first.is_some_and(|at| {
        templates.iter().any(|tokens| tokens.get(at) != templates.first().and_then(|one| one.get(at)))
    });
    let enough = if opens { JOINT * 3 } else { JOINT };
    open > 1 && kept * 2 >= open * 3 && templates.len() >= enough
}

/// Spreads a token at a place over all bits.
fn mix(at: usize, token: u64) -> u64 {
    let mut x = token ^ (at as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}
