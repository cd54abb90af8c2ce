//! Templates as of one moment: what a view lists, and which of them a record belongs to.
use std::{collections::HashMap, fmt::Write as _};

use super::{
    ByHash, Example, Miner, Shape, ShapeId, Slot, Stats, TemplateId, cluster,
    cluster::VALUE,
    kind,
    scan::{Piece, is_mark_byte, scan},
    token,
};
use crate::core::logs::Nanos;

/// How many records' values are looked at to say what a place holds.
const LOOKED_AT: usize = 24;

/// What many records say, with what differs left out.
///
/// Its texts are of what was logged, and so neither sanitised nor redacted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// Its number.
    pub id: TemplateId,
    /// As it is shown, with placeholders: `session opened for user <*> by (uid=<n>)`.
    ///
    /// A placeholder says what was seen there so far (`<n>`, `<ip>`, `<hex>`, `<path>`, …), so that it may change; what
    /// was always the same is shown as it is. The id does not depend on it.
    pub text: String,
    /// Its words and marks with a space between and `<*>` for every value; the id is made of this.
    pub outline: String,
    /// Its counts.
    pub stats: Stats,
    /// The number of a record that it was seen in, the earliest of some.
    pub record: u64,
    /// That record's message, cut.
    pub example: String,
    /// How many shapes it is made of.
    pub shapes: usize,
    tokens: Vec<u64>,
}

impl Template {
    /// Returns a regex (Rust syntax, for bytes) that finds its records, and may find others that hold the same words in
    /// the same order. What must be exact asks [`Templates::matches`].
    pub fn regex(&self) -> String {
        let mut regex = String::from("(?s-u)");
        let mut gap = "";
        for word in self.outline.split(' ').filter(|word| !word.is_empty()) {
            if word == "<*>" {
                gap = ".*?";
                continue;
            }
            regex.push_str(gap);
            regex.push_str(&regex::escape(word));
            gap = r"\W*?";
        }
        regex
    }

    /// Whether one of it and another outline covers the other: the same thing, said with more or fewer values told.
    pub fn is_akin(&self, outline: &str) -> bool {
        let other = tokens_of(outline);
        token::covers(&self.tokens, &other) || token::covers(&other, &self.tokens)
    }

    /// Whether everything that another outline stands for is this template's.
    pub fn covers(&self, outline: &str) -> bool {
        token::covers(&self.tokens, &tokens_of(outline))
    }
}

/// Returns the tokens of an outline.
pub(super) fn tokens_of(outline: &str) -> Vec<u64> {
    let token = |word: &str| match word.as_bytes() {
        b"<*>" => VALUE,
        [mark] if is_mark_byte(*mark) => u64::from(*mark),
        word => token::word(word),
    };
    outline.split(' ').filter(|word| !word.is_empty()).map(token).collect()
}

/// Every template as of one moment, most frequent first.
#[derive(Clone, Debug, Default)]
pub struct Templates {
    list: Vec<Template>,
    by_id: HashMap<TemplateId, usize>,
    /// By shape.
    of: Vec<u32>,
    by_hash: ByHash,
}

impl Templates {
    /// Returns all, most frequent first.
    pub fn iter(&self) -> std::slice::Iter<'_, Template> {
        self.list.iter()
    }

    /// Returns how many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Says whether there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Returns the one with this number.
    pub fn get(&self, id: TemplateId) -> Option<&Template> {
        self.list.get(*self.by_id.get(&id)?)
    }

    /// Returns the one that a counted record belongs to; none when the miner had to forget it.
    pub fn of(&self, shape: ShapeId) -> Option<&Template> {
        self.list.get(*self.of.get(shape.0 as usize)? as usize)
    }

    /// Returns the one that a message belongs to, whether it was counted or not.
    pub fn classify(&self, message: &[u8]) -> Option<&Template> {
        if let Some(index) = self.by_hash.get(&token::shape_hash(message)) {
            return self.list.get(*index as usize);
        }
        let tokens = token::tokens(message);
        self.list.iter().find(|template| token::covers(&template.tokens, &tokens))
    }

    /// Says whether a message belongs to a template. As quick as counting it, when its shape is known.
    pub fn matches(&self, id: TemplateId, message: &[u8]) -> bool {
        self.classify(message).is_some_and(|template| template.id == id)
    }

    /// Returns the earliest moment of any.
    pub fn first(&self) -> Option<Nanos> {
        self.list.iter().filter_map(|template| template.stats.first).min()
    }

    pub(super) fn of_miner(miner: &Miner) -> Self {
        let live: Vec<(u32, &Shape)> = (0..)
            .zip(&miner.slots)
            .filter_map(|(id, slot)| match slot {
                Slot::Live(shape) => Some((id, &**shape)),
                Slot::Merged(_) | Slot::Evicted => None,
            })
            .collect();
        let tokens: Vec<&[u64]> = live.iter().map(|(_, shape)| &*shape.tokens).collect();
        let mut groups: HashMap<Vec<u64>, Vec<(u32, &Shape)>> = HashMap::new();
        for (shape, tokens) in live.into_iter().zip(cluster::cluster(&tokens)) {
            groups.entry(tokens).or_default().push(shape);
        }
        absorb(&mut groups);
        let mut made: Vec<(Template, Vec<(u32, &Shape)>)> =
            groups.into_iter().map(|(tokens, shapes)| (make(tokens, &shapes), shapes)).collect();
        made.sort_by(|(a, _), (b, _)| b.stats.count.cmp(&a.stats.count).then(a.id.cmp(&b.id)));
        let mut templates = Self { of: vec![u32::MAX; miner.slots.len()], ..Self::default() };
        for (number, (template, shapes)) in (0..).zip(made) {
            for (id, shape) in shapes {
                if let Some(slot) = templates.of.get_mut(id as usize) {
                    *slot = number;
                }
                templates.by_hash.insert(shape.hash, number);
            }
            templates.by_id.insert(template.id, templates.list.len());
            templates.list.push(template);
        }
        for (hash, id) in &miner.by_hash {
            if let Some(number) = templates.of.get(*id as usize) {
                templates.by_hash.insert(*hash, *number);
            }
        }
        for id in 0..miner.slots.len() {
            let live = u32::try_from(id).ok().and_then(|id| miner.resolve(id));
            let number = live.and_then(|live| templates.of.get(live as usize)).copied();
            if let (Some(slot), Some(number)) = (templates.of.get_mut(id), number) {
                *slot = number;
            }
        }
        templates
    }
}

impl<'a> IntoIterator for &'a Templates {
    type Item = &'a Template;
    type IntoIter = std::slice::Iter<'a, Template>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// Gives what a shape made of several covers to its template: such a shape stands for messages that are forgotten.
fn absorb(groups: &mut HashMap<Vec<u64>, Vec<(u32, &Shape)>>) {
    let mut general: Vec<Vec<u64>> = groups
        .iter()
        .filter(|(_, shapes)| shapes.iter().any(|(_, shape)| shape.general))
        .map(|(tokens, _)| tokens.clone())
        .collect();
    general.sort_unstable();
    for tokens in general {
        let mut covered: Vec<Vec<u64>> =
            groups.keys().filter(|other| **other != tokens && token::covers(&tokens, other)).cloned().collect();
        covered.sort_unstable();
        for other in covered {
            if groups.contains_key(&tokens) {
                let shapes = groups.remove(&other).unwrap_or_default();
                groups.entry(tokens.clone()).or_default().extend(shapes);
            }
        }
    }
}

fn make(tokens: Vec<u64>, shapes: &[(u32, &Shape)]) -> Template {
    let mut stats = Stats::default();
    for (_, shape) in shapes {
        stats.merge(&shape.stats);
    }
    let mut examples: Vec<&Example> = shapes.iter().flat_map(|(_, shape)| &shape.examples).collect();
    examples.sort_unstable();
    let mut seen: Vec<Vec<&[u8]>> = Vec::new();
    for example in examples.iter().take(LOOKED_AT) {
        let (head, last) = token::subject(&example.text);
        for (place, range) in places(&tokens, head, last).into_iter().filter_map(Part::value).enumerate() {
            if seen.len() <= place {
                seen.push(Vec::new());
            }
            if let Some(values) = seen.get_mut(place) {
                values.push(range);
            }
        }
    }
    let (text, outline) =
        examples.first().map(|example| render(&tokens, example, &seen, stats.count)).unwrap_or_default();
    let example = examples.first();
    Template {
        id: TemplateId(token::tokens_hash(&tokens)),
        text,
        outline,
        stats,
        record: example.map_or(0, |example| example.record),
        example: example.map(|example| String::from_utf8_lossy(&example.text).into_owned()).unwrap_or_default(),
        shapes: shapes.len(),
        tokens,
    }
}

/// A piece of an example as its template sees it.
enum Part<'a> {
    /// Constant, with what stands before it.
    Constant(&'a [u8], &'a [u8]),
    /// A value, with what stands before it.
    Value(&'a [u8], &'a [u8]),
}

impl<'a> Part<'a> {
    fn value(self) -> Option<&'a [u8]> {
        match self {
            Self::Value(_, value) => Some(value),
            Self::Constant(..) => None,
        }
    }
}

/// Cuts a message in its template's constants and values.
fn places<'a>(tokens: &[u64], head: &'a [u8], last: &'a [u8]) -> Vec<Part<'a>> {
    let mut pieces: Vec<(u64, &[u8], usize, usize)> = Vec::new();
    for line in [head, last] {
        scan(line, |piece| {
            pieces.push(match piece {
                Piece::Word(from, to) => (token::word(line.get(from..to).unwrap_or_default()), line, from, to),
                Piece::Mark(mark, at) => (u64::from(mark), line, at, at + 1),
                Piece::Value(from, to) => (VALUE, line, from, to),
            });
        });
    }
    let mut parts = Vec::new();
    let mut pieces = pieces.into_iter().peekable();
    let mut done: (&[u8], usize) = (head, 0);
    for (index, token) in tokens.iter().enumerate() {
        let Some((have, line, from, mut to)) = pieces.next() else { break };
        if *token == VALUE {
            let next = tokens.get(index + 1).copied();
            while let Some((_, _, _, end)) =
                pieces.next_if(|(have, other, ..)| Some(*have) != next && std::ptr::eq(*other, line) && is_word(*have))
            {
                to = end;
            }
        } else if *token != have {
            break;
        }
        if !std::ptr::eq(done.0, line) {
            done = (line, 0);
        }
        let before = line.get(done.1..from).unwrap_or_default();
        let here = line.get(from..to).unwrap_or_default();
        parts.push(if *token == VALUE { Part::Value(before, here) } else { Part::Constant(before, here) });
        done.1 = to;
    }
    parts
}

fn is_word(token: u64) -> bool {
    token == VALUE || token >= cluster::FIRST_WORD
}

/// Writes a template as it is shown, and its outline.
fn render(tokens: &[u64], example: &Example, seen: &[Vec<&[u8]>], count: u64) -> (String, String) {
    let (head, last) = token::subject(&example.text);
    let (mut text, mut outline) = (String::new(), String::new());
    let mut values = seen.iter();
    for part in places(tokens, head, last) {
        if !outline.is_empty() {
            outline.push(' ');
        }
        match part {
            Part::Constant(before, word) => {
                _ = write!(text, "{}{}", String::from_utf8_lossy(before), String::from_utf8_lossy(word));
                outline.push_str(&String::from_utf8_lossy(word));
            }
            Part::Value(before, _) => {
                let here = values.next().map(Vec::as_slice).unwrap_or_default();
                _ = write!(text, "{}{}", String::from_utf8_lossy(before), kind::placeholder(here, count));
                outline.push_str("<*>");
            }
        }
    }
    (text, outline)
}
