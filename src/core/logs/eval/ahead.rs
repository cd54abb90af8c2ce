//! Columns that are made before anybody asks: while there is nothing else to do, so that the first term on a field costs no more
//! than the next.
use std::sync::Arc;

use super::{
    super::{
        format::{FieldRef, Format},
        read::source_value,
        segment::Segment,
        web,
    },
    At, Cache, Fields, Resolved,
    column::{Column, Maker},
};

/// Records that a segment must have: what is not merged yet is quicker read than prepared.
const RECORDS: usize = 4_096;
/// The same of bytes, for records that are long.
const BYTES: usize = 1 << 20;
/// Fields of a segment at most.
const FIELDS: usize = 16;

/// Columns of several fields of a segment while they are made: a line is taken apart once for all of them.
#[derive(Debug)]
pub struct Making {
    segment: Arc<Segment>,
    names: Vec<Arc<str>>,
    /// None where there are too many different values.
    makers: Vec<Option<Maker>>,
    at: usize,
}

impl Making {
    fn new(segment: &Arc<Segment>, names: Vec<Arc<str>>) -> Self {
        let makers = names.iter().map(|_| Some(Maker::of(segment.len()))).collect();
        Self { segment: Arc::clone(segment), names, makers, at: 0 }
    }

    /// Says whether it is of one of these segments.
    pub fn is_of(&self, segments: &[Arc<Segment>]) -> bool {
        segments.iter().any(|segment| segment.id() == self.segment.id())
    }

    /// Reads so many more records. Says whether all are read.
    pub fn step(&mut self, records: usize, read: Fields<'_>) -> bool {
        let Self { segment, names, makers, at } = self;
        let end = segment.len().min(at.saturating_add(records));
        let live = names.iter().zip(makers.iter_mut()).filter_map(|(name, maker)| Some((name, maker.as_mut()?)));
        let (names, mut live): (Vec<&Arc<str>>, Vec<&mut Maker>) = live.unzip();
        let mut together = Together::new(&names, read);
        let text = segment.text();
        for record in *at..end {
            let bytes = text.get(segment.span(record)).unwrap_or_default();
            together.read(At { segment, record, bytes }, &mut live);
        }
        drop(text);
        for maker in makers.iter_mut().filter(|maker| maker.as_ref().is_some_and(Maker::is_various)) {
            *maker = None;
        }
        *at = end;
        end >= self.segment.len() || self.makers.iter().all(Option::is_none)
    }
}

/// Fields that are read together.
struct Together<'a> {
    each: Vec<Resolved<'a>>,
    /// By source: which of the fields stand in its records, and where.
    places: Vec<(&'a Format, Vec<usize>, Vec<FieldRef>)>,
    found: Vec<bool>,
}

impl<'a> Together<'a> {
    fn new(names: &[&'a Arc<str>], read: Fields<'a>) -> Self {
        let each: Vec<_> = names.iter().map(|name| Resolved::new(name, read.sources, read.derived)).collect();
        let places = read.sources.iter().enumerate().map(|(source, of)| {
            let stand = each.iter().enumerate().filter_map(|(at, field)| Some((at, field.in_record(source)?.clone())));
            let (which, fields) = stand.unzip();
            (&*of.format, which, fields)
        });
        Self { places: places.collect(), found: vec![false; each.len()], each }
    }

    fn read(&mut self, at: At<'_>, makers: &mut [&mut Maker]) {
        let Self { each, places, found } = self;
        let source = usize::from(at.segment.source(at.record).0);
        found.fill(false);
        if let Some((format, which, fields)) = places.get(source) {
            format.fields_of(at.bytes, fields, |place, value| {
                let Some(of) = which.get(place) else { return };
                if let (Some(field), Some(maker), Some(found)) =
                    (each.get(*of), makers.get_mut(*of), found.get_mut(*of))
                {
                    maker.push(Some((&*value, field.kind(source))));
                    *found = true;
                }
            });
        }
        for ((field, maker), _) in each.iter_mut().zip(makers).zip(found).filter(|(_, found)| !**found) {
            if field.with(at, |value, kind| maker.push(Some((value, kind)))).is_none() {
                maker.push(None);
            }
        }
    }
}

impl Cache {
    /// Chooses what is to be made next of these segments: the columns that the newest lacks which lacks any, as long as those of all
    /// newer ones take no more than so many bytes. `asked` are the fields that somebody asked for; beside them come those that rules
    /// derive and those that the segment's formats name.
    pub fn next(&self, segments: &[Arc<Segment>], asked: &[Arc<str>], read: Fields<'_>, room: usize) -> Option<Making> {
        let mut taken = 0;
        for segment in segments.iter().rev() {
            if segment.len() < RECORDS && segment.text_len() < BYTES {
                continue;
            }
            let (known, bytes) = self.known(segment, read.derived);
            taken += bytes;
            if taken >= room {
                return None;
            }
            let lacks: Vec<_> = fields(segment, asked, read).into_iter().filter(|name| !known.contains(name)).collect();
            if !lacks.is_empty() {
                return Some(Making::new(segment, lacks));
            }
        }
        None
    }

    /// Keeps what was made. Where all take more than so many bytes, columns that nobody has asked for yet go, the oldest segments'
    /// first, but none of what is newer than this. Says how many bytes it took.
    pub fn made(&self, making: Making, segments: &[Arc<Segment>], read: Fields<'_>, room: usize) -> usize {
        let Making { segment, names, makers, .. } = making;
        let columns = makers.into_iter().map(|maker| maker.map(Maker::done));
        let took = self.keep_ahead(&segment, read.derived, names.into_iter().zip(columns));
        let older = segments.iter().take_while(|older| older.id() != segment.id());
        self.let_go_ahead(older, read.derived, room);
        took
    }
}

/// Names the fields of a segment that are worth a column, those that are asked for sooner before the others.
fn fields(segment: &Segment, asked: &[Arc<str>], read: Fields<'_>) -> Vec<Arc<str>> {
    let sources: Vec<_> = match segment.only_source() {
        Some(only) => read.sources.iter().filter(|source| source.id == only).collect(),
        None => read.sources.iter().filter(|source| segment.is_of(source.id)).collect(),
    };
    let told = |name: &str| sources.iter().all(|source| source_value(source, name).is_some());
    let recurring: Vec<&str> = sources.iter().flat_map(|source| source.format.recurring()).collect();
    let viewed = web::FIELDS.into_iter().filter(|_| recurring.contains(&"status"));
    let asked = asked.iter().map(|name| &**name);
    let all = asked.chain(read.derived.names()).chain(viewed).chain(recurring.iter().copied());
    let mut names: Vec<Arc<str>> = Vec::new();
    for name in all.filter(|name| *name != "level" && !told(name)) {
        if names.len() < FIELDS && names.iter().all(|known| &**known != name) {
            names.push(name.into());
        }
    }
    names
}

impl Column {
    /// Reads a field of all records; none where it has too many different values.
    pub(super) fn read(name: &str, segment: &Segment, read: Fields<'_>) -> Option<Self> {
        let text = segment.text_once();
        let mut resolved = Resolved::new(name, read.sources, read.derived);
        let mut maker = Maker::of(segment.len());
        for record in 0..segment.len() {
            let bytes = text.get(segment.span(record)).unwrap_or_default();
            if resolved.with(At { segment, record, bytes }, |value, kind| maker.push(Some((value, kind)))).is_none() {
                maker.push(None);
            }
            if maker.is_various() {
                return None;
            }
        }
        Some(maker.done())
    }
}

#[cfg(test)]
#[path = "ahead_tests.rs"]
mod tests;
