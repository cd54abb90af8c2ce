//! What a log says again and again: templates, how often each, since when, and which are new or gone.
//!
//! A record's message is taken apart into words, marks and values (`scan`); the sequence with its values left out is
//! its *shape*. Shapes are few, so a record costs one pass over its message and one look-up. *Templates* are made of
//! shapes when somebody asks ([`Miner::templates`]): where many shapes differ at one place only, that place is a value
//! too (`cluster`). The result depends on the set of shapes, not on their order, so miners of several threads or
//! segments can be merged in any order.
//!
//! **Memory.** At most [`Limits::shapes`] shapes of about a kilobyte each (20 MB by default). When they are full, those
//! of one template become one shape; if that does not help, those that were not seen for longest go, and are counted.
mod cluster;
mod kind;
mod listed;
mod memory;
mod novelty;
mod scan;
mod template;
#[cfg(test)]
mod tests;
mod token;
mod trend;
mod under;

use std::{
    collections::HashMap,
    fmt,
    hash::{BuildHasherDefault, Hasher},
};

use super::{Level, Nanos, SourceId};

pub use listed::listed;
pub use memory::{KnownPattern, Memory};
pub use novelty::{Gone, New, Novelty, Period};
pub use template::{Template, Templates};
pub use trend::Trend;
pub use under::under;

/// A template's number, made of its text: the same tomorrow, in another process, on another machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TemplateId(pub u64);

impl fmt::Display for TemplateId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl std::str::FromStr for TemplateId {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        u64::from_str_radix(text, 16).map(Self)
    }
}

/// What a record is counted under within one miner; four bytes to keep for each record.
///
/// [`Templates::of`] says which template it belongs to by now. Not stable between miners or runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ShapeId(pub u32);

/// What is known of a record besides its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Seen {
    /// When it was written.
    pub at: Option<Nanos>,
    /// Its level.
    pub level: Level,
    /// Where it came from.
    pub source: SourceId,
    /// Its number, by which an example is found again.
    pub record: u64,
}

/// How much a miner remembers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most shapes at once.
    pub shapes: usize,
    /// The most look-ups that are remembered besides.
    pub remembered: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { shapes: 20_000, remembered: 200_000 }
    }
}

/// Counts of one shape or template.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Stats {
    /// How many records.
    pub count: u64,
    /// The earliest.
    pub first: Option<Nanos>,
    /// The latest.
    pub last: Option<Nanos>,
    /// The gravest level.
    pub level: Level,
    /// The same of each source.
    pub sources: Vec<BySource>,
    /// Counts by time.
    pub trend: Trend,
}

/// Counts of one template in one source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BySource {
    /// The source.
    pub source: SourceId,
    /// How many records.
    pub count: u64,
    /// The earliest.
    pub first: Option<Nanos>,
    /// The latest.
    pub last: Option<Nanos>,
}

impl BySource {
    fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.first = earlier(self.first, other.first);
        self.last = self.last.max(other.last);
    }
}

fn earlier(one: Option<Nanos>, other: Option<Nanos>) -> Option<Nanos> {
    [one, other].into_iter().flatten().min()
}

impl Stats {
    fn add(&mut self, seen: Seen) {
        self.count += 1;
        self.level = self.level.max(seen.level);
        self.add_source(BySource { source: seen.source, count: 1, first: seen.at, last: seen.at });
        if let Some(at) = seen.at {
            self.first = earlier(self.first, Some(at));
            self.last = self.last.max(Some(at));
            self.trend.add(at);
        }
    }

    fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.level = self.level.max(other.level);
        for source in &other.sources {
            self.add_source(*source);
        }
        self.sources.sort_unstable();
        self.first = earlier(self.first, other.first);
        self.last = self.last.max(other.last);
        self.trend.merge(&other.trend);
    }

    fn add_source(&mut self, more: BySource) {
        match self.sources.iter_mut().find(|known| known.source == more.source) {
            Some(known) => known.merge(&more),
            None => self.sources.push(more),
        }
    }
}

/// A record that a template was seen in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Example {
    at: Option<Nanos>,
    record: u64,
    text: Box<[u8]>,
}

/// The longest example that is kept.
const EXAMPLE: usize = 512;
/// How many examples of a shape are kept: enough to see what its values look like.
const EXAMPLES: usize = 6;

#[derive(Clone, Debug)]
struct Shape {
    tokens: Box<[u64]>,
    hash: u64,
    /// Made of several: matches what it covers, not only its own hash.
    general: bool,
    stats: Stats,
    examples: Vec<Example>,
    /// When it was last seen, in records.
    used: u64,
}

#[derive(Clone, Debug)]
enum Slot {
    Live(Box<Shape>),
    /// Became part of another.
    Merged(u32),
    /// Was not seen for longest.
    Evicted,
}

/// A hash is its own hash.
#[derive(Default)]
struct Same(u64);

impl Hasher for Same {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |hash, byte| hash << 8 | u64::from(*byte));
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

type ByHash = HashMap<u64, u32, BuildHasherDefault<Same>>;

/// Finds templates in records as they arrive.
#[derive(Clone, Debug, Default)]
pub struct Miner {
    limits: Limits,
    slots: Vec<Slot>,
    by_hash: ByHash,
    live: usize,
    /// By their first token.
    general: HashMap<u64, Vec<u32>>,
    records: u64,
    evicted: Evicted,
}

/// What a miner had to forget.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Evicted {
    /// Shapes.
    pub shapes: u64,
    /// Records that were counted under them.
    pub records: u64,
}

impl Miner {
    /// Makes a miner with limits of its own.
    pub fn new(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Counts a record by its message ([`super::format::Format::message`]).
    pub fn add(&mut self, message: &[u8], seen: Seen) -> ShapeId {
        let hash = token::shape_hash(message);
        self.records += 1;
        let id = match self.by_hash.get(&hash) {
            Some(id) => *id,
            None => self.place(message, hash),
        };
        let used = self.records;
        if let Some(Slot::Live(shape)) = self.slots.get_mut(id as usize) {
            shape.stats.add(seen);
            shape.used = used;
            if shape.stats.count.is_power_of_two() && matches!(shape.stats.count, 1 | 2 | 4 | 16 | 64 | 256) {
                shape.keep(Example { at: seen.at, record: seen.record, text: cut(message) });
            }
        }
        ShapeId(id)
    }

    /// Adds what another miner counted; returns what its shapes are called here, by their number there.
    ///
    /// Those that it had forgotten are [`ShapeId`]s of no template here too.
    pub fn merge(&mut self, other: &Self) -> Vec<ShapeId> {
        let mut names = vec![u32::MAX; other.slots.len()];
        let before = self.records;
        self.records += other.records;
        for (slot, name) in other.slots.iter().zip(&mut names) {
            let Slot::Live(shape) = slot else { continue };
            let id = match self.by_hash.get(&shape.hash) {
                Some(id) => *id,
                None => self.adopt(shape),
            };
            *name = id;
            if let Some(Slot::Live(mine)) = self.slots.get_mut(id as usize) {
                mine.stats.merge(&shape.stats);
                mine.used = mine.used.max(before + shape.used);
                mine.general |= shape.general;
                for example in &shape.examples {
                    mine.keep(example.clone());
                }
            }
        }
        self.evicted.shapes += other.evicted.shapes;
        self.evicted.records += other.evicted.records;
        let name = |id: u32| other.resolve(id).and_then(|live| names.get(live as usize)).copied();
        (0..).take(names.len()).map(|id| ShapeId(name(id).unwrap_or(u32::MAX))).collect()
    }

    /// Returns the templates as of now. Costs about a tenth of a second for the most shapes there can be.
    pub fn templates(&self) -> Templates {
        Templates::of_miner(self)
    }

    /// Returns how many records were counted.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// Returns how many shapes there are.
    pub fn shapes(&self) -> usize {
        self.live
    }

    /// Returns what had to be forgotten.
    pub fn evicted(&self) -> Evicted {
        self.evicted
    }

    /// Finds what a shape is called by now; none when it was forgotten.
    fn resolve(&self, id: u32) -> Option<u32> {
        match self.slots.get(id as usize)? {
            Slot::Live(_) => Some(id),
            // Never more than one step: merging renames what was merged before.
            Slot::Merged(into) => matches!(self.slots.get(*into as usize), Some(Slot::Live(_))).then_some(*into),
            Slot::Evicted => None,
        }
    }

    /// Finds or makes the shape of a message that was not met before.
    #[cold]
    fn place(&mut self, message: &[u8], hash: u64) -> u32 {
        let tokens = token::tokens(message);
        let Some(id) = self.room_for(&tokens) else { return self.insert(tokens.into(), hash, false) };
        if self.by_hash.len() >= self.limits.remembered {
            self.forget_lookups();
        }
        self.by_hash.insert(hash, id);
        id
    }

    /// Finds or makes the shape of another miner's.
    fn adopt(&mut self, shape: &Shape) -> u32 {
        match self.room_for(&shape.tokens) {
            Some(id) => id,
            None => self.insert(shape.tokens.clone(), shape.hash, shape.general),
        }
    }

    /// Finds a shape that covers these tokens, or makes room for one of their own.
    fn room_for(&mut self, tokens: &[u64]) -> Option<u32> {
        let found = self.find_general(tokens);
        if found.is_some() || self.live < self.limits.shapes {
            return found;
        }
        self.make_room();
        self.find_general(tokens)
    }

    fn find_general(&self, tokens: &[u64]) -> Option<u32> {
        if self.general.is_empty() {
            return None;
        }
        let first = tokens.first().copied().unwrap_or_default();
        let covers = |id: &&u32| match self.slots.get(**id as usize) {
            Some(Slot::Live(shape)) => token::covers(&shape.tokens, tokens),
            Some(Slot::Merged(_) | Slot::Evicted) | None => false,
        };
        let under = |key: u64| self.general.get(&key).and_then(|ids| ids.iter().find(covers));
        // A value that begins a template may stand for words.
        under(first).or_else(|| under(cluster::VALUE)).copied()
    }

    fn insert(&mut self, tokens: Box<[u64]>, hash: u64, general: bool) -> u32 {
        let id = u32::try_from(self.slots.len()).unwrap_or(u32::MAX);
        if general {
            let key = tokens.first().copied().unwrap_or_default();
            self.general.entry(key).or_default().push(id);
        }
        let shape = Shape { tokens, hash, general, stats: Stats::default(), examples: Vec::new(), used: self.records };
        self.slots.push(Slot::Live(Box::new(shape)));
        self.by_hash.insert(hash, id);
        self.live += 1;
        id
    }

    fn forget_lookups(&mut self) {
        let slots = &self.slots;
        self.by_hash.retain(|hash, id| match slots.get(*id as usize) {
            Some(Slot::Live(shape)) => shape.hash == *hash,
            Some(Slot::Merged(_) | Slot::Evicted) | None => false,
        });
    }

    /// Makes one shape of each template that has several, then forgets what was not seen for longest.
    fn make_room(&mut self) {
        let live: Vec<u32> =
            (0..).zip(&self.slots).filter(|(_, slot)| matches!(slot, Slot::Live(_))).map(|(id, _)| id).collect();
        let shape = |id: &u32| match self.slots.get(*id as usize) {
            Some(Slot::Live(shape)) => &*shape.tokens,
            Some(Slot::Merged(_) | Slot::Evicted) | None => &[],
        };
        let grouped = cluster::cluster(&live.iter().map(shape).collect::<Vec<_>>());
        let mut members: HashMap<Vec<u64>, Vec<u32>> = HashMap::new();
        for (id, tokens) in live.iter().zip(grouped) {
            members.entry(tokens).or_default().push(*id);
        }
        let mut members: Vec<_> = members.into_iter().filter(|(_, ids)| ids.len() > 1).collect();
        members.sort_unstable_by(|a, b| a.1.cmp(&b.1));
        let mut renamed: HashMap<u32, u32> = HashMap::new();
        for (tokens, ids) in members {
            self.unite(tokens, &ids, &mut renamed);
        }
        for slot in &mut self.slots {
            if let Slot::Merged(into) = slot
                && let Some(now) = renamed.get(into)
            {
                *into = *now;
            }
        }
        let target = self.limits.shapes - self.limits.shapes / 4;
        if self.live > target {
            self.evict(self.live - target);
        }
        self.forget_lookups();
    }

    fn unite(&mut self, tokens: Vec<u64>, ids: &[u32], renamed: &mut HashMap<u32, u32>) {
        let hash = token::tokens_hash(&tokens);
        let id = self.insert(tokens.into(), hash, true);
        for old in ids {
            let Some(slot) = self.slots.get_mut(*old as usize) else { continue };
            let Slot::Live(shape) = std::mem::replace(slot, Slot::Merged(id)) else { continue };
            self.live -= 1;
            renamed.insert(*old, id);
            if let Some(Slot::Live(whole)) = self.slots.get_mut(id as usize) {
                whole.stats.merge(&shape.stats);
                whole.used = whole.used.max(shape.used);
                for example in shape.examples {
                    whole.keep(example);
                }
            }
        }
    }

    fn evict(&mut self, count: usize) {
        let mut by_age: Vec<(u64, u32)> = (0..)
            .zip(&self.slots)
            .filter_map(|(id, slot)| match slot {
                Slot::Live(shape) => Some((shape.used, id)),
                Slot::Merged(_) | Slot::Evicted => None,
            })
            .collect();
        by_age.sort_unstable();
        for (_, id) in by_age.into_iter().take(count) {
            let Some(slot) = self.slots.get_mut(id as usize) else { continue };
            if let Slot::Live(shape) = std::mem::replace(slot, Slot::Evicted) {
                self.live -= 1;
                self.evicted.shapes += 1;
                self.evicted.records += shape.stats.count;
            }
        }
        let slots = &self.slots;
        for ids in self.general.values_mut() {
            ids.retain(|id| matches!(slots.get(*id as usize), Some(Slot::Live(_))));
        }
        self.general.retain(|_, ids| !ids.is_empty());
    }
}

impl Shape {
    /// Keeps the earliest examples, whatever order they come in.
    fn keep(&mut self, example: Example) {
        if self.examples.len() >= EXAMPLES && self.examples.last().is_some_and(|last| *last <= example) {
            return;
        }
        let at = self.examples.partition_point(|kept| *kept < example);
        self.examples.insert(at, example);
        self.examples.truncate(EXAMPLES);
    }
}

fn cut(message: &[u8]) -> Box<[u8]> {
    message.get(..EXAMPLE).unwrap_or(message).into()
}
