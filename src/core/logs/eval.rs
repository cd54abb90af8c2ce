//! Evaluates a filter on segments, to sets of records.
//!
//! A term looks at the whole arena of a segment, or at a column, or is decided once for a source; only what stands in a
//! record's own fields is read record by record, and only where all cheaper terms of the same AND hold. Sets are kept by
//! segment and term, so that a term added to a filter costs that term on what matched before.
//!
//! What a term means, exactly, is what LogQL and grep are measured by:
//! *Text* and *regex* look at the record's raw bytes, continuation lines included. *Level* compares with the column; a record
//! without one matches `level:unknown` alone. A *field* is first the source's (service, env, host, source, file, format,
//! kind, a label), then a derived one, then the record's own, then one that the place told beside the text. A comparison with
//! something that is no number is false, and so is every comparison with a field that is not there: `NOT` turns both.
//! Lines of the console's own (gaps, reconnects) match whatever their source and time allow.
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use memchr::memmem;
use rayon::prelude::*;
use regex::bytes::Regex;

use super::{
    Level, Nanos, Source,
    aggregate::Unit,
    bitmap::{Bitmap, Bits},
    buffer::Snapshot,
    derive::Derived,
    filter::{Expr, Filter, Op, Piece, Term, Text, Value},
    format::{FieldRef, Format, Kind},
    read::{Matches, source_value},
    segment::{Flags, Segment},
};

#[cfg(test)]
#[path = "eval_tests.rs"]
mod tests;

/// Below this share of records that are left, text is searched in them one by one instead of in the whole arena.
const FEW: usize = 4;
/// The same of fields, which take longer to read than a text to search.
const FEW_FIELDS: usize = 24;

/// Texts of a regex that are looked at for the rarest.
const TEXTS: usize = 3;

/// Sets that were worked out, by segment and term. Bounded in bytes; the longest unused go first.
#[derive(Debug)]
pub struct Cache {
    inner: Mutex<Kept>,
    limit: usize,
}

#[derive(Debug, Default)]
struct Kept {
    sets: HashMap<(u64, Arc<str>), (Arc<Bitmap>, u64)>,
    bytes: usize,
    clock: u64,
}

impl Cache {
    /// Makes one that holds at most about so many bytes.
    pub fn new(limit: usize) -> Self {
        Self { inner: Mutex::default(), limit }
    }

    /// Bytes that it holds.
    pub fn bytes(&self) -> usize {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).bytes
    }

    fn get(&self, segment: u64, key: &Arc<str>) -> Option<Arc<Bitmap>> {
        let mut kept = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        kept.clock += 1;
        let clock = kept.clock;
        let (set, used) = kept.sets.get_mut(&(segment, Arc::clone(key)))?;
        *used = clock;
        Some(Arc::clone(set))
    }

    fn keep(&self, segment: u64, key: &Arc<str>, set: &Arc<Bitmap>) {
        let mut kept = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        kept.clock += 1;
        let (clock, bytes) = (kept.clock, set.bytes() + 64);
        if kept.sets.insert((segment, Arc::clone(key)), (Arc::clone(set), clock)).is_none() {
            kept.bytes += bytes;
        }
        if kept.bytes > self.limit {
            let mut ages: Vec<u64> = kept.sets.values().map(|(_, used)| *used).collect();
            ages.sort_unstable();
            let old = ages.get(ages.len() / 2).copied().unwrap_or(0);
            kept.sets.retain(|_, (_, used)| *used > old);
            kept.bytes = kept.sets.values().map(|(set, _)| set.bytes() + 64).sum();
        }
    }

    /// Forgets the sets of segments that are no longer there.
    pub fn retain(&self, segments: &[Arc<Segment>]) {
        let there: std::collections::HashSet<u64> = segments.iter().map(|segment| segment.id()).collect();
        let mut kept = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        kept.sets.retain(|(segment, _), _| there.contains(segment));
        kept.bytes = kept.sets.values().map(|(set, _)| set.bytes() + 64).sum();
    }
}

/// A filter made ready.
#[derive(Debug)]
pub struct Matcher {
    node: Node,
    since: Option<Nanos>,
    until: Option<Nanos>,
    derived: Arc<Derived>,
    hidden: Vec<Arc<str>>,
}

#[derive(Debug)]
enum Node {
    All,
    And(Vec<Self>, Arc<str>),
    Or(Vec<Self>),
    Not(Box<Self>),
    Leaf(Leaf),
}

#[derive(Debug)]
struct Leaf {
    key: Arc<str>,
    test: Test,
}

#[derive(Debug)]
enum Test {
    /// Text as it is.
    Find(Box<memmem::Finder<'static>>),
    /// A regex over the raw record, and texts that are in every match of it.
    Regex(Regex, Scan, Vec<Regex>),
    Level(Op, Level),
    Status(Op, f64),
    Duration(Op, f64),
    Field(String, FieldTest),
}

/// Whether a regex may run over a whole arena.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scan {
    /// Over the arena, and no match can hold a line break.
    Lines,
    /// Over the arena; what is found may begin in a record before.
    Arena,
    /// Record by record.
    Record,
}

#[derive(Debug)]
enum FieldTest {
    /// One of these is the whole text. Where one is, the record holds the hint, unless it writes it with escapes.
    Any(Vec<Glob>, Option<Regex>),
    Regex(Regex),
    Compare(Op, Value),
    Has,
}

#[derive(Debug)]
enum Glob {
    Exact(Vec<u8>),
    Prefix(Vec<u8>),
    /// In any case, where all of it is ASCII; the regex for values that are not.
    Folded {
        text: Vec<u8>,
        prefix: bool,
        regex: Regex,
    },
    Regex(Regex),
}

impl Glob {
    fn new(text: &Text) -> Result<Self, regex::Error> {
        let star = text.text.strip_suffix('*').filter(|rest| !rest.contains(['*', '?', '\\'])).map(str::to_owned);
        let (plain, prefix) = match text.plain() {
            Some(plain) => (Some(plain), false),
            None => (star, true),
        };
        if let Some(plain) = plain {
            let text_bytes = plain.into_bytes();
            return Ok(match (text.fold, prefix) {
                (false, false) => Self::Exact(text_bytes),
                (false, true) => Self::Prefix(text_bytes),
                (true, _) if text_bytes.is_ascii() => Self::Folded { text: text_bytes, prefix, regex: text.glob()? },
                (true, _) => Self::Regex(text.glob()?),
            });
        }
        Ok(Self::Regex(text.glob()?))
    }

    fn matches(&self, value: &[u8]) -> bool {
        match self {
            Self::Exact(text) => value == text,
            Self::Prefix(prefix) => value.starts_with(prefix),
            Self::Folded { text, prefix, regex } => {
                let head = if *prefix { value.get(..text.len()) } else { Some(value) };
                // Beyond ASCII two letters are the same as one of it: the Kelvin sign and the long s.
                head.is_some_and(|head| head.eq_ignore_ascii_case(text)) || !value.is_ascii() && regex.is_match(value)
            }
            Self::Regex(regex) => regex.is_match(value),
        }
    }
}

impl FieldTest {
    fn holds(&self, value: &[u8], kind: Kind) -> bool {
        match self {
            Self::Any(globs, _) => globs.iter().any(|glob| glob.matches(value)),
            Self::Regex(regex) => regex.is_match(value),
            Self::Compare(op, wanted) => compare(*op, *wanted, value, kind),
            Self::Has => true,
        }
    }
}

/// Compares a field's text with a value: in microseconds or bytes where both have such a unit, else as written.
fn compare(op: Op, wanted: Value, text: &[u8], kind: Kind) -> bool {
    let Some((number, unit)) = measured(text) else { return false };
    let (left, right) = match (wanted, kind, unit) {
        (Value::Micros(wanted), Kind::Duration { micros }, Unit::Plain) => (number * micros, wanted),
        // Without a unit anywhere, seconds are what programs write.
        (Value::Micros(wanted), _, Unit::Plain) => (number * 1e6, wanted),
        (Value::Number(wanted), Kind::Duration { micros }, Unit::Micros) => (number / micros, wanted),
        (Value::Micros(wanted), _, Unit::Micros)
        | (Value::Bytes(wanted), _, Unit::Plain | Unit::Bytes)
        | (Value::Number(wanted), _, _) => (number, wanted),
        (Value::Micros(_), _, Unit::Bytes) | (Value::Bytes(_), _, Unit::Micros) => return false,
    };
    op.holds(left, right)
}

/// Reads a number with or without a unit: `5`, `0.042`, `12ms`, `4 KB`.
pub(super) fn measured(text: &[u8]) -> Option<(f64, Unit)> {
    let text = std::str::from_utf8(text).ok()?.trim();
    if let Ok(number) = text.parse::<f64>() {
        return number.is_finite().then_some((number, Unit::Plain));
    }
    let at = text.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '-'))?;
    let (number, unit) = text.split_at_checked(at)?;
    let number: f64 = number.parse().ok()?;
    let (factor, unit) = match unit.trim() {
        "ns" => (0.001, Unit::Micros),
        "us" | "µs" => (1.0, Unit::Micros),
        "ms" => (1e3, Unit::Micros),
        "s" => (1e6, Unit::Micros),
        "m" | "min" => (6e7, Unit::Micros),
        "h" => (3.6e9, Unit::Micros),
        "B" => (1.0, Unit::Bytes),
        "kB" | "KB" => (1e3, Unit::Bytes),
        "MB" => (1e6, Unit::Bytes),
        "GB" => (1e9, Unit::Bytes),
        "KiB" => (1_024.0, Unit::Bytes),
        "MiB" => (1_048_576.0, Unit::Bytes),
        "GiB" => (1_073_741_824.0, Unit::Bytes),
        _ => return None,
    };
    Some((number * factor, unit))
}

impl Matcher {
    /// Makes a filter ready. `since` and `until` are its moments, resolved.
    ///
    /// # Errors
    /// When a text or regex is too large to be compiled.
    pub fn new(
        filter: &Filter,
        (since, until): (Option<Nanos>, Option<Nanos>),
        derived: Arc<Derived>,
    ) -> Result<Self, regex::Error> {
        Ok(Self { node: node(&filter.expr)?, since, until, derived, hidden: Vec::new() })
    }

    /// Leaves out sources by name.
    #[must_use]
    pub fn without(mut self, hidden: impl IntoIterator<Item = Arc<str>>) -> Self {
        self.hidden = hidden.into_iter().collect();
        self
    }

    /// Says whether it lets everything through.
    pub fn is_all(&self) -> bool {
        matches!(self.node, Node::All) && self.since.is_none() && self.until.is_none() && self.hidden.is_empty()
    }

    /// Says whether it asks for more than text: time, level, status, duration.
    pub fn needs_columns(&self) -> bool {
        fn needs(node: &Node) -> bool {
            match node {
                Node::All => false,
                Node::And(nodes, _) | Node::Or(nodes) => nodes.iter().any(needs),
                Node::Not(node) => needs(node),
                Node::Leaf(leaf) => match &leaf.test {
                    Test::Level(..) | Test::Status(..) | Test::Duration(..) => true,
                    Test::Field(name, _) => name == "level" || name == "status",
                    Test::Find(_) | Test::Regex(..) => false,
                },
            }
        }
        self.since.is_some() || self.until.is_some() || needs(&self.node)
    }

    /// Evaluates it on all segments, on all cores.
    pub fn matches(&self, snapshot: &Snapshot, cache: &Cache) -> Matches {
        if self.is_all() {
            return Matches::all(snapshot);
        }
        let sets = snapshot.segments.par_iter().with_max_len(1);
        let set = |segment: &Arc<Segment>| (Arc::clone(segment), self.set(segment, &snapshot.sources, Some(cache)));
        Matches::new(sets.map(set).collect())
    }

    /// Evaluates it on one segment.
    pub fn set(&self, segment: &Segment, sources: &[Source], cache: Option<&Cache>) -> Arc<Bitmap> {
        let work = Work { matcher: self, segment, sources, cache };
        let set = work.eval(&self.node, None);
        let set = work.add_notices(set);
        work.within(set)
    }
}

fn node(expr: &Expr) -> Result<Node, regex::Error> {
    Ok(match expr {
        Expr::All => Node::All,
        Expr::And(parts) => {
            let mut nodes: Vec<Node> = parts.iter().map(node).collect::<Result<_, _>>()?;
            nodes.sort_by_key(cost);
            let key = key_of(&nodes, None);
            Node::And(nodes, key)
        }
        Expr::Or(parts) => Node::Or(parts.iter().map(node).collect::<Result<_, _>>()?),
        Expr::Not(inner) => Node::Not(Box::new(node(inner)?)),
        Expr::Term(term) => Node::Leaf(Leaf { key: format!("{term:?}").into(), test: test(term)? }),
    })
}

/// What a set of parts of an AND is kept under, one of them left out.
fn key_of(nodes: &[Node], without: Option<usize>) -> Arc<str> {
    let mut keys: Vec<String> =
        nodes.iter().enumerate().filter(|(at, _)| Some(*at) != without).map(|(_, node)| name(node)).collect();
    keys.sort_unstable();
    keys.join("\u{1}").into()
}

fn name(node: &Node) -> String {
    match node {
        Node::All => "all".into(),
        Node::And(_, key) => format!("({key})"),
        Node::Or(nodes) => format!("[{}]", nodes.iter().map(name).collect::<Vec<_>>().join("\u{2}")),
        Node::Not(inner) => format!("-{}", name(inner)),
        Node::Leaf(leaf) => leaf.key.to_string(),
    }
}

fn cost(node: &Node) -> u8 {
    match node {
        Node::All => 0,
        Node::And(nodes, _) | Node::Or(nodes) => nodes.iter().map(cost).max().unwrap_or(0),
        Node::Not(inner) => cost(inner),
        Node::Leaf(leaf) => match &leaf.test {
            Test::Level(..) | Test::Status(..) | Test::Duration(..) => 1,
            Test::Field(name, _) if is_of_source(name) => 1,
            Test::Find(_) => 2,
            Test::Regex(_, Scan::Lines | Scan::Arena, _) => 3,
            Test::Field(..) => 4,
            Test::Regex(_, Scan::Record, _) => 5,
        },
    }
}

fn is_of_source(name: &str) -> bool {
    matches!(name, "service" | "env" | "host" | "source" | "file" | "format" | "kind")
}

fn test(term: &Term) -> Result<Test, regex::Error> {
    Ok(match term {
        Term::Text(text) if !text.fold || !text.text.chars().any(char::is_alphabetic) => {
            Test::Find(Box::new(memmem::Finder::new(text.text.as_bytes()).into_owned()))
        }
        Term::Text(text) => Test::Regex(text.regex()?, scan(&text.text, true), Vec::new()),
        Term::Regex(pattern) => {
            let scan = scan(&pattern.regex, false);
            let texts = required(&pattern.regex).filter(|_| scan == Scan::Lines).unwrap_or_default();
            let texts = texts.into_iter().take(TEXTS).map(|text| Text { text, fold: pattern.fold }.regex());
            let within = texts.collect::<Result<_, _>>()?;
            Test::Regex(pattern.compile()?, scan, within)
        }
        Term::Level { op, level } => Test::Level(*op, *level),
        Term::Glob { field, any } => {
            let globs = any.iter().map(Glob::new).collect::<Result<_, _>>()?;
            Test::Field(field.clone(), FieldTest::Any(globs, hint(any)))
        }
        Term::FieldRegex { field, pattern } => Test::Field(field.clone(), FieldTest::Regex(pattern.compile()?)),
        Term::Compare { field, op, value: Value::Number(number) } if field == "status" => Test::Status(*op, *number),
        Term::Compare { field, op, value: Value::Micros(micros) } if field == "dur" => Test::Duration(*op, *micros),
        Term::Compare { field, op, value } => Test::Field(field.clone(), FieldTest::Compare(*op, *value)),
        Term::Has(field) => Test::Field(field.clone(), FieldTest::Has),
    })
}

/// Makes a regex for the longest literals of globs: what a field matches stands in its record as it is, unless escaped.
fn hint(any: &[Text]) -> Option<Regex> {
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
fn scan(source: &str, literal: bool) -> Scan {
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
fn required(regex: &str) -> Option<Vec<String>> {
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

/// One evaluation on one segment.
struct Work<'a> {
    matcher: &'a Matcher,
    segment: &'a Segment,
    sources: &'a [Source],
    cache: Option<&'a Cache>,
}

impl Work<'_> {
    /// Evaluates a part; where `among` is given, only its members matter and only they are in the result.
    fn eval(&self, node: &Node, among: Option<&Bitmap>) -> Arc<Bitmap> {
        let len = self.segment.len();
        let cut = |set: Arc<Bitmap>| match among {
            Some(among) => Arc::new(set.and(among)),
            None => set,
        };
        match node {
            Node::All => cut(Arc::new(Bitmap::full(len))),
            Node::Not(inner) => {
                let inner = self.eval(inner, among);
                let all = among.cloned().unwrap_or_else(|| Bitmap::full(len));
                Arc::new(all.without(&inner))
            }
            Node::Or(parts) => {
                let mut set = Bits::none(len);
                for part in parts {
                    set.or(&self.eval(part, among));
                }
                Arc::new(set.done())
            }
            Node::And(parts, key) => cut(self.and(parts, key)),
            Node::Leaf(leaf) => self.leaf(leaf, among),
        }
    }

    fn and(&self, parts: &[Node], key: &Arc<str>) -> Arc<Bitmap> {
        if let Some(set) = self.kept(key) {
            return set;
        }
        // Another term on top of what is known already is the common case: a filter is built up.
        let base = self
            .cache
            .and_then(|_| (0..parts.len()).rev().find_map(|at| Some((at, self.kept(&key_of(parts, Some(at)))?))));
        let mut set = if let Some((at, set)) = base {
            match parts.get(at) {
                Some(part) if set.count() > 0 => self.eval(part, Some(&set)),
                _ => set,
            }
        } else {
            let mut set: Option<Arc<Bitmap>> = None;
            for part in parts {
                let next = self.eval(part, set.as_deref());
                let empty = next.count() == 0;
                set = Some(next);
                if empty {
                    break;
                }
            }
            set.unwrap_or_else(|| Arc::new(Bitmap::full(self.segment.len())))
        };
        if set.is_full() {
            set = Arc::new(Bitmap::full(self.segment.len()));
        }
        self.keep(key, &set);
        set
    }

    fn kept(&self, key: &Arc<str>) -> Option<Arc<Bitmap>> {
        self.cache?.get(self.segment.id(), key)
    }

    fn keep(&self, key: &Arc<str>, set: &Arc<Bitmap>) {
        if let Some(cache) = self.cache {
            cache.keep(self.segment.id(), key, set);
        }
    }

    fn leaf(&self, leaf: &Leaf, among: Option<&Bitmap>) -> Arc<Bitmap> {
        if let Some(set) = self.kept(&leaf.key) {
            return match among {
                Some(among) => Arc::new(set.and(among)),
                None => set,
            };
        }
        let few = among.is_some_and(|among| among.count() * FEW < self.segment.len());
        let whole = match &leaf.test {
            Test::Level(op, level) => Some(self.levels(*op, *level)),
            Test::Status(op, value) => Some(self.statuses(*op, *value)),
            Test::Duration(op, micros) => Some(self.durations(*op, *micros)),
            Test::Find(finder) if !few => Some(self.find(finder)),
            Test::Regex(regex, scan @ (Scan::Lines | Scan::Arena), within) if !few => {
                Some(self.scan_within(regex, *scan, within))
            }
            Test::Find(_) | Test::Regex(..) => None,
            Test::Field(name, test) => self.of_source(name, test),
        };
        if let Some(set) = whole {
            let set = Arc::new(set);
            self.keep(&leaf.key, &set);
            return match among {
                Some(among) => Arc::new(set.and(among)),
                None => set,
            };
        }
        let set = Arc::new(match &leaf.test {
            Test::Find(finder) => self.each(among, |record| finder.find(record).is_some()),
            Test::Regex(regex, ..) => self.each(among, |record| regex.is_match(record)),
            Test::Field(name, test) => self.fields(name, test, among),
            Test::Level(..) | Test::Status(..) | Test::Duration(..) => Bitmap::empty(self.segment.len()),
        });
        if among.is_none() {
            self.keep(&leaf.key, &set);
        }
        set
    }

    fn levels(&self, op: Op, level: Level) -> Bitmap {
        let mut holds = [false; 8];
        for (slot, of) in holds.iter_mut().zip(Level::ALL) {
            *slot = match (of, level) {
                // What has no level is not below any: it is only itself.
                (Level::Unknown, Level::Unknown) => matches!(op, Op::Equal | Op::AtLeast | Op::AtMost),
                (Level::Unknown, _) => op == Op::NotEqual,
                (_, _) => op.holds(of as u8, level as u8),
            };
        }
        let levels = self.segment.levels().iter();
        let each = levels.map(|level| holds.get(usize::from(*level)).copied().unwrap_or(false));
        Bits::of(self.segment.len(), each).done()
    }

    fn statuses(&self, op: Op, value: f64) -> Bitmap {
        let statuses = self.segment.statuses();
        if statuses.is_empty() {
            return Bitmap::empty(self.segment.len());
        }
        let each = statuses.iter().map(|status| *status != 0 && op.holds(f64::from(*status), value));
        Bits::of(self.segment.len(), each).done()
    }

    fn durations(&self, op: Op, micros: f64) -> Bitmap {
        let durations = self.segment.durations();
        if durations.is_empty() {
            return Bitmap::empty(self.segment.len());
        }
        let each = durations.iter().map(|duration| *duration != u32::MAX && op.holds(f64::from(*duration), micros));
        Bits::of(self.segment.len(), each).done()
    }

    fn find(&self, finder: &memmem::Finder<'_>) -> Bitmap {
        let text = self.segment.text_once();
        let mut set = Bits::none(self.segment.len());
        let mut records = Records { bounds: self.segment.bounds(), at: 0 };
        let mut from = 0;
        let wide = finder.needle().len();
        while let Some(hit) = text.get(from..).and_then(|rest| finder.find(rest)) {
            let at = from + hit;
            let Some((record, end)) = records.holding(at) else { break };
            // A text with a line break may begin in one record and end in the next.
            if at + wide < end || wide == 0 {
                set.set(record);
                from = end;
            } else {
                from = at + 1;
            }
        }
        set.done()
    }

    /// As [`Work::scan`]; where one of the texts that all matches hold is in few records, only those are looked at.
    fn scan_within(&self, regex: &Regex, how: Scan, within: &[Regex]) -> Bitmap {
        const SAMPLE: usize = 64;
        if within.is_empty() {
            return self.scan(regex, how);
        }
        let arena = self.segment.text_once();
        let record = |record: usize| arena.get(self.segment.span(record)).unwrap_or_default();
        // Here and there, not only at the begin, which may be unlike the rest.
        let step = self.segment.len() / SAMPLE + 1;
        let sample = (0..self.segment.len()).step_by(step);
        let hits = |text: &&Regex| sample.clone().filter(|at| text.is_match(record(*at))).count();
        let rarest = within.iter().map(|text| (hits(&text), text)).min_by_key(|(hits, _)| *hits);
        let Some((_, within)) = rarest.filter(|(hits, _)| hits * 3 <= sample.clone().count()) else {
            return self.scan(regex, how);
        };
        let candidates = self.scan(within, Scan::Lines);
        let mut set = Bits::none(self.segment.len());
        candidates.iter().filter(|at| regex.is_match(record(*at))).for_each(|at| set.set(at));
        set.done()
    }

    /// Finds the records in which a regex finds something, going from end to end of its matches.
    ///
    /// The first end of a match, wherever it begins, is that of the first record that has one: the match of an earlier record
    /// would have ended there. Where matches may hold line breaks it may be the end of one that began before, so that
    /// record is looked at alone.
    fn scan(&self, regex: &Regex, how: Scan) -> Bitmap {
        let text = self.segment.text_once();
        let mut set = Bits::none(self.segment.len());
        let mut records = Records { bounds: self.segment.bounds(), at: 0 };
        let mut from = 0;
        while let Some(hit) = regex.shortest_match_at(&text, from) {
            let Some((record, end)) = records.holding(hit) else { break };
            if how == Scan::Lines || regex.is_match(text.get(self.segment.span(record)).unwrap_or_default()) {
                set.set(record);
            }
            from = end;
            if from >= text.len() {
                break;
            }
        }
        set.done()
    }

    fn each(&self, among: Option<&Bitmap>, holds: impl Fn(&[u8]) -> bool) -> Bitmap {
        let text = self.segment.text_once();
        let mut set = Bits::none(self.segment.len());
        let mut look = |record: usize| {
            if holds(text.get(self.segment.span(record)).unwrap_or_default()) {
                set.set(record);
            }
        };
        match among {
            Some(among) => among.iter().for_each(&mut look),
            None => (0..self.segment.len()).for_each(&mut look),
        }
        set.done()
    }

    /// Decides a field's test where sources alone do for all records; none where records must be read.
    fn of_source(&self, name: &str, test: &FieldTest) -> Option<Bitmap> {
        let decided =
            |source: &Source| source_value(source, name).map(|value| test.holds(value.as_bytes(), Kind::Text));
        if let Some(only) = self.segment.only_source() {
            let holds = decided(self.sources.get(usize::from(only.0))?)?;
            let len = self.segment.len();
            return Some(if holds { Bitmap::full(len) } else { Bitmap::empty(len) });
        }
        let each: Vec<Option<bool>> = self.sources.iter().map(decided).collect();
        let len = self.segment.len();
        let mut set = Bits::none(len);
        for record in 0..len {
            match each.get(usize::from(self.segment.source(record).0)).copied().flatten() {
                Some(true) => set.set(record),
                Some(false) => {}
                None => return None,
            }
        }
        Some(set.done())
    }

    /// Leaves out records that cannot have a field of which a hint must be part: those without the hint, as long as they
    /// have no backslash, the sign of every escape. None where that is not sure, or not worth it.
    fn hinted(&self, name: &str, test: &FieldTest, among: Option<&Bitmap>) -> Option<Bitmap> {
        let FieldTest::Any(_, Some(hint)) = test else { return None };
        let is_text = |source: &Source| {
            let field = source.format.resolve(name);
            source_value(source, name).is_none() && source.format.kind(&field) == Kind::Text
        };
        let sure = match self.segment.only_source() {
            Some(source) => self.sources.get(usize::from(source.0)).is_some_and(is_text),
            None => self.sources.iter().all(is_text),
        };
        let few = among.is_some_and(|among| among.count() * FEW_FIELDS < self.segment.len());
        // A record of several lines may have a field that is put together from them.
        let joined = self.segment.lines() != self.segment.len();
        if few || !sure || joined || self.segment.has_extras() || name == "level" || self.matcher.derived.has(name) {
            return None;
        }
        let mut set = self.scan(hint, Scan::Lines).to_bits();
        let arena = self.segment.text_once();
        let mut records = Records { bounds: self.segment.bounds(), at: 0 };
        let mut from = 0;
        while let Some(hit) = arena.get(from..).and_then(|rest| memchr::memchr(b'\\', rest)) {
            let Some((record, end)) = records.holding(from + hit) else { break };
            set.set(record);
            from = end;
        }
        if let Some(among) = among {
            set.and(among);
        }
        Some(set.done())
    }

    fn fields(&self, name: &str, test: &FieldTest, among: Option<&Bitmap>) -> Bitmap {
        let hinted = self.hinted(name, test, among);
        let among = hinted.as_ref().or(among);
        let arena = self.segment.text_once();
        let mut set = Bits::none(self.segment.len());
        let mut resolved = Resolved::new(name, self.sources, &self.matcher.derived);
        let mut look = |record: usize| {
            let bytes = arena.get(self.segment.span(record)).unwrap_or_default();
            if resolved.test(self.segment, record, bytes, |value, kind| test.holds(value, kind)) {
                set.set(record);
            }
        };
        match among {
            Some(among) => among.iter().for_each(&mut look),
            None => (0..self.segment.len()).for_each(&mut look),
        }
        set.done()
    }

    /// Lines of our own are shown whatever is filtered, as far as their source and time are.
    fn add_notices(&self, set: Arc<Bitmap>) -> Arc<Bitmap> {
        if !self.segment.has_notices() {
            return set;
        }
        let each = (0..self.segment.len()).map(|record| {
            set.get(record) || self.segment.flags(record).contains(Flags::NOTICE) && self.source_passes(record)
        });
        Arc::new(Bits::of(self.segment.len(), each).done())
    }

    /// Says whether the terms about sources hold for a record's, those about anything else aside.
    fn source_passes(&self, record: usize) -> bool {
        let Some(source) = self.sources.get(usize::from(self.segment.source(record).0)) else { return true };
        passes(&self.matcher.node, source) != Some(false)
    }

    /// Leaves out what is beyond the moments, and hidden sources.
    fn within(&self, set: Arc<Bitmap>) -> Arc<Bitmap> {
        let (segment, matcher) = (self.segment, self.matcher);
        let early = matcher.since.is_some_and(|since| segment.first() < since);
        let late = matcher.until.is_some_and(|until| segment.last() >= until);
        let hidden: Vec<bool> = self.sources.iter().map(|source| matcher.hidden.contains(&source.name)).collect();
        let hides = match segment.only_source() {
            Some(source) => hidden.get(usize::from(source.0)).copied().unwrap_or(false),
            None => hidden.contains(&true),
        };
        if !early && !late && !hides {
            return set;
        }
        let each = (0..segment.len()).map(|record| {
            let time = segment.time(record);
            set.get(record)
                && matcher.since.is_none_or(|since| time >= since)
                && matcher.until.is_none_or(|until| time < until)
                && !hidden.get(usize::from(segment.source(record).0)).copied().unwrap_or(false)
        });
        Arc::new(Bits::of(segment.len(), each).done())
    }
}

/// Says whether what a filter asks of sources holds for one; none where it asks nothing of them.
fn passes(node: &Node, source: &Source) -> Option<bool> {
    match node {
        Node::And(parts, _) => Some(parts.iter().all(|part| passes(part, source) != Some(false))),
        Node::Or(parts) => Some(parts.iter().any(|part| passes(part, source) != Some(false))),
        Node::Not(inner) => passes(inner, source).map(|inner| !inner),
        Node::Leaf(Leaf { test: Test::Field(name, test), .. }) => {
            source_value(source, name).map(|value| test.holds(value.as_bytes(), Kind::Text))
        }
        Node::All | Node::Leaf(_) => None,
    }
}

/// Finds the record that holds a byte, for bytes that only ever rise.
struct Records<'a> {
    bounds: &'a [u32],
    at: usize,
}

impl Records<'_> {
    /// Returns the record and where it ends, its last `\n` included.
    fn holding(&mut self, byte: usize) -> Option<(usize, usize)> {
        let rest = self.bounds.get(self.at..)?;
        let near = rest.iter().take(9).position(|bound| *bound as usize > byte);
        let ahead = near.unwrap_or_else(|| rest.partition_point(|bound| *bound as usize <= byte));
        let record = (self.at + ahead).checked_sub(1)?;
        self.at = record;
        let end = *self.bounds.get(record + 1)? as usize;
        Some((record, end))
    }
}

/// A field's places in the formats of all sources, found once.
pub struct Resolved<'a> {
    name: &'a str,
    derived: &'a Derived,
    is_derived: bool,
    is_status: bool,
    /// By source.
    places: Vec<Place<'a>>,
}

/// Where a field of one source's records stands.
enum Place<'a> {
    /// It is the same for all of them.
    Source(&'a str),
    Level,
    Derived(&'a Format),
    /// In the record; of a status, in its column first.
    Record(&'a Format, FieldRef, Kind),
}

impl<'a> Resolved<'a> {
    /// Makes it for a field.
    pub fn new(name: &'a str, sources: &'a [Source], derived: &'a Derived) -> Self {
        let is_derived = derived.has(name);
        let place = |source: &'a Source| {
            if let Some(value) = source_value(source, name) {
                return Place::Source(value);
            }
            match name {
                "level" => Place::Level,
                // What has a status as a column needs no rule for it, unless it has none there.
                _ if is_derived && name != "status" => Place::Derived(&source.format),
                _ => {
                    let field = source.format.resolve(name);
                    let kind = source.format.kind(&field);
                    Place::Record(&source.format, field, kind)
                }
            }
        };
        Self { name, derived, is_derived, is_status: name == "status", places: sources.iter().map(place).collect() }
    }

    fn derive<T>(&self, bytes: &[u8], format: &Format, take: impl FnOnce(&[u8], Kind) -> T) -> Option<T> {
        self.derived.value(self.name, bytes, format).map(|value| take(&value, Kind::Text))
    }

    /// Looks at a record's value; false where it has none.
    pub fn test(
        &mut self,
        segment: &Segment,
        record: usize,
        bytes: &[u8],
        holds: impl Fn(&[u8], Kind) -> bool,
    ) -> bool {
        self.with(segment, record, bytes, holds).unwrap_or(false)
    }

    /// Hands a record's value to a function; none where it has none.
    pub fn with<T>(
        &mut self,
        segment: &Segment,
        record: usize,
        bytes: &[u8],
        take: impl FnOnce(&[u8], Kind) -> T,
    ) -> Option<T> {
        let (format, field, kind) = match self.places.get(usize::from(segment.source(record).0))? {
            Place::Source(value) => return Some(take(value.as_bytes(), Kind::Text)),
            Place::Level => return Some(take(segment.level(record).word().as_bytes(), Kind::Text)),
            Place::Derived(format) => return self.derive(bytes, format, take),
            Place::Record(format, field, kind) => (format, field, *kind),
        };
        if self.is_status
            && let Some(status) = segment.status(record)
        {
            let mut digits = [0; 5];
            return Some(take(decimal(status, &mut digits), Kind::Number));
        }
        if self.is_derived {
            return self.derive(bytes, format, take);
        }
        if let Some(value) = format.field(bytes, field) {
            return Some(take(&value, kind));
        }
        let extras = segment.extras(record)?;
        let value = super::format::pair(extras.as_bytes(), self.name)?;
        Some(take(&value, Kind::Text))
    }
}

fn decimal(mut number: u16, digits: &mut [u8; 5]) -> &[u8] {
    let mut from = digits.len();
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + u8::try_from(number % 10).unwrap_or(0);
        number /= 10;
        from -= 1;
        if number == 0 {
            break;
        }
    }
    digits.get(from..).unwrap_or_default()
}
