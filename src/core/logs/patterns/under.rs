//! Patterns under a filter: the same templates, counted among the lines that pass.
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use rayon::prelude::*;

use super::{
    TemplateId, Templates,
    listed::{BARS, services, sort},
};
use crate::core::logs::{
    Level, Nanos, SourceId,
    bitmap::Bitmap,
    buffer::Snapshot,
    read::Matches,
    segment::{Flags, Segment},
    shown::Pattern,
};

/// Lines that are looked at at most: more take longer than a view may wait.
const MOST: u64 = 100_000;

#[derive(Default)]
struct Tally {
    count: u64,
    seen: Option<(Nanos, Nanos)>,
    trend: [u64; BARS],
    level: Level,
    sources: BTreeMap<SourceId, u64>,
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.count += other.count;
        self.seen = match (self.seen, other.seen) {
            (Some(own), Some(of)) => Some((own.0.min(of.0), own.1.max(of.1))),
            (own, of) => own.or(of),
        };
        for (bar, of) in self.trend.iter_mut().zip(other.trend) {
            *bar += of;
        }
        self.level = self.level.max(other.level);
        for (source, count) in other.sources {
            *self.sources.entry(source).or_default() += count;
        }
    }
}

type Tallies = HashMap<TemplateId, Tally>;

/// Keeps the patterns that lines of a set have, with counts, trend, times, level and services of those alone. False, and nothing
/// changed, where there are so many that it would take longer than a view may wait. The trend spans what the set spans.
pub fn under(patterns: &mut Vec<Pattern>, templates: &Templates, matches: &Matches, snapshot: &Snapshot) -> bool {
    if matches.lines() > MOST {
        return false;
    }
    let (first, last) = (matches.first(), matches.last());
    let Some((from, to)) = first.zip(last).map(|(first, last)| (first.key().time, last.key().time)) else {
        patterns.clear();
        return true;
    };
    let wide = (i128::from(to.0) - i128::from(from.0) + 1).max(1);
    let count = |(segment, set): &(Arc<Segment>, Arc<Bitmap>)| {
        let mut tallies = Tallies::new();
        if set.count() == 0 {
            return tallies;
        }
        let text = segment.text();
        for record in set.iter() {
            let (id, flags, time) = (segment.source(record), segment.flags(record), segment.time(record));
            let Some(source) = snapshot.source(id).filter(|_| !flags.contains(Flags::NOTICE)) else { continue };
            let message = source.format.message(text.get(segment.span(record)).unwrap_or_default());
            let Some(template) = templates.classify(&message) else { continue };
            let bar = (i128::from(time.0) - i128::from(from.0)) * BARS as i128 / wide;
            let mut one = Tally { count: 1, level: segment.level(record), ..Tally::default() };
            one.seen = (!flags.contains(Flags::UNTIMED)).then_some((time, time));
            if let Some(bar) = usize::try_from(bar).ok().and_then(|bar| one.trend.get_mut(bar)) {
                *bar = 1;
            }
            one.sources.insert(id, 1);
            tallies.entry(template.id).or_default().add(one);
        }
        tallies
    };
    let add = |mut all: Tallies, more: Tallies| {
        for (id, tally) in more {
            all.entry(id).or_default().add(tally);
        }
        all
    };
    let tallies = matches.sets.par_iter().map(count).reduce(Tallies::new, add);
    let mut tallies: HashMap<String, Tally> = tallies.into_iter().map(|(id, tally)| (id.to_string(), tally)).collect();
    patterns.retain_mut(|pattern| {
        let Some(tally) = tallies.remove(&pattern.id) else { return false };
        pattern.count = tally.count;
        pattern.trend = tally.trend.to_vec();
        (pattern.first, pattern.last) = tally.seen.unwrap_or((pattern.first, pattern.last));
        pattern.level = tally.level;
        (pattern.service, pattern.hue) = services(tally.sources, &snapshot.sources);
        true
    });
    sort(patterns);
    true
}
