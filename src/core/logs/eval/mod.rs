//! Evaluates a filter on segments, to sets of records.
//!
//! A term looks at the whole arena of a segment, or at a column, or is decided once for a source; only what stands in a
//! record's own fields is read record by record, and only where all cheaper terms of the same AND hold. Sets are kept by
//! segment and term, so that a term added to a filter costs that term on what matched before.
//!
//! What a term means, exactly, is what LogQL and grep are measured by:
//! *Text* and *regex* look at the record's raw bytes, continuation lines included. *Level* compares with the column; a record
//! without one matches `level:unknown` and, as nobody knows it to be any other, what says `level!=` of another. A *field* is first the source's (service, env, host, source, file, format,
//! kind, a label), then a derived one, then the record's own, then one that the place told beside the text; a service that is
//! named nowhere is the source's own name, as its column shows it. A comparison with
//! something that is no number is false, and so is every comparison with a field that is not there: `NOT` turns both.
//! Lines of the console's own (gaps, reconnects) match whatever their source and time allow.
use std::sync::Arc;

use rayon::prelude::*;

use super::{
    Nanos, Source, bitmap::Bitmap, buffer::Snapshot, derive::Derived, filter::Filter, read::Matches, segment::Segment,
};

mod ahead;
mod cache;
mod column;
mod field;
mod folded;
mod node;
mod records;
mod regexes;
mod test;
mod work;

#[cfg(test)]
mod tests;

pub use ahead::Making;
pub use cache::Cache;
pub(super) use column::Column;
pub(super) use field::Values;
pub use field::{At, Fields, Resolved};
pub(super) use test::measured;

use node::{Node, node};
use test::Test;
use work::Work;

/// A filter made ready.
#[derive(Debug)]
pub struct Matcher {
    node: Node,
    since: Option<Nanos>,
    until: Option<Nanos>,
    derived: Arc<Derived>,
    hidden: Vec<Arc<str>>,
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
                    Test::Find(_) | Test::Folded(_) | Test::Regex(..) => false,
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
