//! Requests counted by columns of their fields: what a view that is shown again and again is made of.
use std::sync::Arc;

use super::{
    super::{
        eval::{Column, Fields},
        segment::Segment,
    },
    Counted, FIELDS, Tally, first_of, size_of,
};

/// A segment's requests counted by the numbers of their values: each value is looked up once.
pub(super) struct Columns {
    fields: [Arc<Column>; FIELDS.len()],
    /// Of each field, by the number of the value. Of `bytes`, none; of clients, those that no proxy names.
    tallies: [Vec<Tally>; FIELDS.len()],
    /// The number that each value of `bytes` is.
    sizes: Vec<Option<u64>>,
    /// Whom each value of `forwarded` names first.
    firsts: Vec<Option<Vec<u8>>>,
}

impl Columns {
    /// Makes it; none where a field has no column. They are made when the same is asked for again.
    pub(super) fn new(read: &Fields<'_>, segment: &Segment, records: usize) -> Option<Self> {
        let columns = FIELDS.map(|name| read.column(name, segment, records.div_ceil(4)));
        let [Some(path), Some(host), Some(client), Some(agent), Some(referer), Some(bytes), Some(forwarded)] = columns
        else {
            return None;
        };
        let fields = [path, host, client, agent, referer, bytes, forwarded];
        let tallies = fields.each_ref().map(|column| vec![Tally::default(); column.values() + 1]);
        let [.., bytes, forwarded] = &fields;
        let values = |column: &Column| -> Vec<Option<Vec<u8>>> {
            (0..=column.values()).map(|id| column.value(id).map(|(value, _)| value.to_vec())).collect()
        };
        let sizes = values(bytes).iter().map(|value| size_of(value.as_deref())).collect();
        let firsts = values(forwarded).iter().map(|list| first_of(list.as_deref()).map(<[u8]>::to_vec)).collect();
        Some(Self { fields, tallies, sizes, firsts })
    }

    pub(super) fn count(
        &mut self,
        counted: &mut Counted,
        record: usize,
        (mut tally, duration): (Tally, Option<u32>),
        at: Option<&[u8]>,
    ) {
        let [path, host, client, agent, referer, bytes, forwarded] =
            self.fields.each_ref().map(|column| column.id(record));
        if let Some(size) = self.sizes.get(bytes).copied().flatten() {
            counted.sized += 1;
            counted.bytes += size;
            tally.bytes = size;
        }
        let is_named = self.firsts.get(forwarded).is_some_and(Option::is_some);
        counted.forwarded += u64::from(is_named);
        let [paths, hosts, clients, agents, referers, _, named] = &mut self.tallies;
        if let Some(known) = paths.get_mut(path) {
            known.add(&tally);
            known.time(duration);
        }
        // Nought is no value; what is counted there is left out at the end.
        let of_client = if is_named { named.get_mut(forwarded) } else { clients.get_mut(client) };
        let others = [hosts.get_mut(host), of_client, agents.get_mut(agent), referers.get_mut(referer)];
        others.into_iter().flatten().for_each(|known| known.add(&tally));
        if let ([hosts, ..], 0, Some(at)) = (&mut counted.others, host, at) {
            hosts.count(at, 1, |known| known.add(&tally));
        }
    }

    /// Hands the counts over.
    pub(super) fn done(self, counted: &mut Counted) {
        let Self { fields, tallies, firsts, .. } = self;
        let [paths, hosts, clients, agents, referers, _, named] = tallies;
        let [path, host, client, agent, referer, ..] = &fields;
        let [of_hosts, of_clients, of_agents, of_referers] = &mut counted.others;
        for (into, column, tallies) in [
            (&mut counted.paths, path, paths),
            (of_hosts, host, hosts),
            (&mut *of_clients, client, clients),
            (of_agents, agent, agents),
            (of_referers, referer, referers),
        ] {
            for (id, tally) in tallies.into_iter().enumerate().filter(|(_, tally)| tally.count > 0) {
                if let Some((value, _)) = column.value(id) {
                    into.count(value, tally.count, |known| known.merge(tally));
                }
            }
        }
        for (first, tally) in firsts.iter().zip(named).filter(|(_, tally)| tally.count > 0) {
            if let Some(first) = first {
                of_clients.count(first, tally.count, |known| known.merge(tally));
            }
        }
    }
}
