//! One evaluation on one segment.
use std::sync::Arc;

use memchr::memmem;
use regex::bytes::Regex;

use super::{
    super::{
        Level, Source,
        bitmap::{Bitmap, Bits},
        filter::Op,
        format::Kind,
        read::source_value,
        segment::{Flags, Segment},
    },
    At, Cache, Matcher, Resolved,
    folded::Folded,
    node::{Leaf, Node, key_of, passes},
    records::Records,
    regexes::Scan,
    test::{FieldTest, Test},
};

/// Below this share of records that are left, text is searched in them one by one instead of in the whole arena.
const FEW: usize = 4;
/// The same of fields, which take longer to read than a text to search.
const FEW_FIELDS: usize = 24;

/// One evaluation on one segment.
pub(super) struct Work<'a> {
    pub(super) matcher: &'a Matcher,
    pub(super) segment: &'a Segment,
    pub(super) sources: &'a [Source],
    pub(super) cache: Option<&'a Cache>,
}

impl Work<'_> {
    /// Evaluates a part; where `among` is given, only its members matter and only they are in the result.
    pub(super) fn eval(&self, node: &Node, among: Option<&Bitmap>) -> Arc<Bitmap> {
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

    /// What is kept is of this segment, and of these rules.
    fn scope(&self) -> (u64, u64) {
        (self.segment.id(), self.matcher.derived.version())
    }

    fn kept(&self, key: &Arc<str>) -> Option<Arc<Bitmap>> {
        self.cache?.get(self.scope(), key)
    }

    fn keep(&self, key: &Arc<str>, set: &Arc<Bitmap>) {
        if let Some(cache) = self.cache {
            cache.keep(self.scope(), key, set);
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
            Test::Folded(folded) if !few => Some(self.find_folded(folded)),
            Test::Regex(regex, scan @ (Scan::Lines | Scan::Arena), within) if !few => {
                Some(self.scan_within(regex, *scan, within))
            }
            Test::Find(_) | Test::Folded(_) | Test::Regex(..) => None,
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
            Test::Folded(folded) => self.each(among, |record| folded.is_in(record)),
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

    fn find_folded(&self, folded: &Folded) -> Bitmap {
        let text = self.segment.text_once();
        let mut set = Bits::none(self.segment.len());
        let mut records = Records { bounds: self.segment.bounds(), at: 0 };
        let mut from = 0;
        while let Some(at) = folded.candidate(&text, from) {
            let Some((record, end)) = records.holding(at) else { break };
            let whole = text.get(self.segment.span(record)).unwrap_or_default();
            if folded.stands(&text, at) || folded.is_written_otherwise(whole) {
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
        if few
            || !sure
            || joined
            || self.segment.has_extras()
            || matches!(name, "level" | "service")
            || self.matcher.derived.has(name)
        {
            return None;
        }
        let mut set = self.scan(hint, Scan::Lines).to_bits();
        set.or(&self.escaped());
        if let Some(among) = among {
            set.and(among);
        }
        Some(set.done())
    }

    /// Finds the records that hold a backslash, the sign of every escape. Every hint asks for them, so they are kept.
    fn escaped(&self) -> Arc<Bitmap> {
        let key: Arc<str> = "\\".into();
        if let Some(set) = self.kept(&key) {
            return set;
        }
        let set = Arc::new(self.find(&memmem::Finder::new(b"\\")));
        self.keep(&key, &set);
        set
    }

    fn fields(&self, name: &str, test: &FieldTest, among: Option<&Bitmap>) -> Bitmap {
        let among_all = |set: Bitmap| among.map_or_else(|| set.clone(), |among| set.and(among));
        let derived = &*self.matcher.derived;
        if let Some(column) = self.cache.and_then(|cache| cache.column(self.segment, name, derived)) {
            return among_all(column.find(|value, kind| test.holds(value, kind)));
        }
        let hinted = self.hinted(name, test, among);
        let among = hinted.as_ref().or(among);
        let left = among.map_or(self.segment.len(), Bitmap::count);
        let column = self.cache.and_then(|cache| cache.column_for(self.segment, name, (self.sources, derived), left));
        if let Some(column) = column {
            return among_all(column.find(|value, kind| test.holds(value, kind)));
        }
        let arena = self.segment.text_once();
        let mut set = Bits::none(self.segment.len());
        let mut resolved = Resolved::new(name, self.sources, &self.matcher.derived);
        let mut look = |record: usize| {
            let bytes = arena.get(self.segment.span(record)).unwrap_or_default();
            if resolved.test(At { segment: self.segment, record, bytes }, |value, kind| test.holds(value, kind)) {
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
    pub(super) fn add_notices(&self, set: Arc<Bitmap>) -> Arc<Bitmap> {
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
    pub(super) fn within(&self, set: Arc<Bitmap>) -> Arc<Bitmap> {
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
