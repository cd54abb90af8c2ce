//! What web servers did: the records with an HTTP status among those that match, counted every way at once.
use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

use rayon::prelude::*;

use super::{
    Nanos, Source, SourceId,
    aggregate::Spread,
    bitmap::Bitmap,
    eval::{At, Fields, Resolved},
    filter::{Expr, Op, Term, Text, Value, edit},
    format::FieldRef,
    hash::TextMap,
    read::{Matches, source_value},
    segment::Segment,
};

mod columns;

use columns::Columns;

/// Different values of a field that are told apart; records with further ones are in [`Top::beyond`].
const VALUES: usize = 1 << 18;

/// What is read from each request, as filters name it.
pub(super) const FIELDS: [&str; 7] = ["path", "vhost", "client", "agent", "referer", "bytes", "forwarded"];

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Ask<'a> {
    /// Only requests at or after.
    pub from: Nanos,
    /// Only requests up to this moment, itself included.
    pub to: Nanos,
    /// How many bars the series has.
    pub bars: usize,
    /// How many values each list has.
    pub limit: usize,
    /// Addresses of proxies: who they name as client is not one.
    pub proxies: &'a [String],
}

/// What web servers did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Web {
    /// Requests.
    pub requests: u64,
    /// Requests by the first digit of their status: none, 1xx to 5xx. What has another number is in the first.
    pub classes: [u64; 6],
    /// Over time, bars of equal length.
    pub series: Vec<Bar>,
    /// The length of a bar in nanoseconds.
    pub bar_ns: i64,
    /// Bytes sent, where logged.
    pub bytes: Option<u64>,
    /// Durations in microseconds, where logged.
    pub durations: Option<Durations>,
    /// Most asked paths, without queries.
    pub paths: Top,
    /// Names that servers were asked by.
    pub hosts: Top,
    /// Who asked.
    pub clients: Top,
    /// What they asked with.
    pub agents: Top,
    /// Where they came from.
    pub referers: Top,
    /// Paths whose p95 is the longest, of those asked for at least [`Web::enough`] times.
    pub slowest: Vec<Item>,
    /// Paths that failed (5xx) most often.
    pub failing: Vec<Item>,
    /// Paths that were refused (4xx) most often.
    pub refused: Vec<Item>,
    /// How often a path must be asked for to be among the slowest.
    pub enough: u64,
    /// Requests that name the client that a proxy saw.
    pub forwarded: u64,
    /// Whether every client is a private address or a known proxy, so that the real ones are not logged.
    pub only_proxies: bool,
}

/// Requests of one bar.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bar {
    /// All.
    pub requests: u64,
    /// With a status of 500 or more.
    pub errors: u64,
}

/// How long requests took, in microseconds. Estimates are within half a percent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Durations {
    /// Requests that say it.
    pub count: u64,
    /// Half take no longer.
    pub p50: f64,
    /// Nineteen of twenty take no longer.
    pub p95: f64,
    /// Ninety-nine of a hundred take no longer.
    pub p99: f64,
    /// The longest.
    pub most: f64,
}

/// A field's most frequent values.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Top {
    /// The field's name in filters.
    pub field: &'static str,
    /// Its values, the most frequent first.
    pub items: Vec<Item>,
    /// How many different ones there are.
    pub different: u64,
    /// Requests without it.
    pub without: u64,
    /// Requests with values beyond those that are told apart.
    pub beyond: u64,
}

/// One value. Hostile bytes, to be sanitised.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Item {
    /// The value.
    pub value: Vec<u8>,
    /// Requests with it.
    pub count: u64,
    /// Of these, with a status of 500 or more.
    pub errors: u64,
    /// Of these, with a status of 400 to 499.
    pub refused: u64,
    /// Bytes sent for it; only for paths.
    pub bytes: u64,
    /// Its average duration in microseconds; only for paths, and where logged.
    pub average_us: Option<f64>,
    /// The duration in microseconds that nineteen of twenty do not exceed, within half a percent; only for paths, and where logged.
    pub p95_us: Option<f64>,
    /// Its longest duration in microseconds; only for paths, and where logged.
    pub longest_us: Option<u32>,
}

/// Durations of one path that are kept as they are.
const FEW: usize = 64;

#[derive(Clone, Debug, Default)]
struct Tally {
    count: u64,
    errors: u64,
    refused: u64,
    bytes: u64,
    timed: u64,
    micros: u64,
    longest: u32,
    /// Only of paths that were timed.
    spread: Option<Box<Spread>>,
}

impl Tally {
    /// Adds another with its durations.
    fn merge(&mut self, other: Self) {
        self.add(&other);
        match (&mut self.spread, other.spread) {
            (Some(known), Some(spread)) => known.merge(*spread),
            (none @ None, spread) => *none = spread,
            (Some(_), None) => {}
        }
    }

    fn add(&mut self, other: &Self) {
        self.count += other.count;
        self.errors += other.errors;
        self.refused += other.refused;
        self.bytes += other.bytes;
        self.timed += other.timed;
        self.micros += other.micros;
        self.longest = self.longest.max(other.longest);
    }

    /// Adds how long a request of a path took.
    fn time(&mut self, duration: Option<u32>) {
        if let Some(duration) = duration {
            self.spread.get_or_insert_with(|| Box::new(Spread::of_few(FEW))).add(f64::from(duration));
        }
    }

    fn p95(&self) -> Option<f64> {
        self.spread.as_ref()?.clone().quantile(950)
    }

    fn item(&self, value: Vec<u8>) -> Item {
        Item {
            value,
            count: self.count,
            errors: self.errors,
            refused: self.refused,
            bytes: self.bytes,
            p95_us: self.p95(),
            average_us: (self.timed > 0).then(|| self.micros as f64 / self.timed as f64),
            longest_us: (self.timed > 0).then_some(self.longest),
        }
    }
}

#[derive(Default)]
struct Values {
    tallies: TextMap<Tally>,
    counted: u64,
    beyond: u64,
}

impl Values {
    /// Counts requests with a value, as far as it is told apart.
    fn count(&mut self, value: &[u8], requests: u64, count: impl FnOnce(&mut Tally)) {
        self.counted += requests;
        if let Some(known) = self.tallies.get_mut(value) {
            count(known);
        } else if self.tallies.len() < VALUES {
            count(self.tallies.entry(value.to_vec()).or_default());
        } else {
            self.beyond += requests;
        }
    }

    fn merge(&mut self, other: Self) {
        for (value, tally) in other.tallies {
            self.count(&value, tally.count, |known| known.merge(tally));
        }
        self.counted += other.beyond;
        self.beyond += other.beyond;
    }

    fn top(&self, field: &'static str, limit: usize, requests: u64) -> Top {
        Top {
            field,
            items: self.most(limit, |tally| tally.count as f64, |_| true),
            different: self.tallies.len() as u64,
            without: requests.saturating_sub(self.counted),
            beyond: self.beyond,
        }
    }

    fn most(&self, limit: usize, rank: impl Fn(&Tally) -> f64, which: impl Fn(&Tally) -> bool) -> Vec<Item> {
        let ranked = self.tallies.iter().filter(|(_, tally)| which(tally));
        let mut all: Vec<(f64, &Vec<u8>, &Tally)> = ranked.map(|(value, tally)| (rank(tally), value, tally)).collect();
        let order = |one: &(f64, &Vec<u8>, &Tally), other: &(f64, &Vec<u8>, &Tally)| {
            other.0.total_cmp(&one.0).then_with(|| one.1.cmp(other.1))
        };
        if limit == 0 {
            return Vec::new();
        }
        if limit < all.len() {
            all.select_nth_unstable_by(limit - 1, order);
            all.truncate(limit);
        }
        all.sort_unstable_by(order);
        all.into_iter().map(|(_, value, tally)| tally.item(value.clone())).collect()
    }
}

#[derive(Default)]
struct Counted {
    requests: u64,
    classes: [u64; 6],
    series: Vec<Bar>,
    bytes: u64,
    sized: u64,
    durations: Spread,
    paths: Values,
    others: [Values; 4],
    forwarded: u64,
}

/// Where the fields of one source stand.
struct Places {
    fields: Vec<FieldRef>,
    /// Fields that something else than the record's text tells: the source, a label, a rule.
    elsewhere: bool,
}

/// Counts all requests among the matches of a time range. `ask.from` and `ask.to` bound it; the filter's own moments have
/// been applied.
pub fn view(ask: &Ask<'_>, matches: &Matches, read: Fields<'_>) -> Web {
    let span = (i128::from(ask.to.0) - i128::from(ask.from.0) + 1).max(1);
    let bar_ns = i64::try_from(span.div_euclid(ask.bars.max(1) as i128) + 1).unwrap_or(i64::MAX);
    let places: Vec<Places> = read
        .sources
        .iter()
        .map(|source| Places {
            fields: FIELDS.iter().map(|name| source.format.resolve(name)).collect(),
            elsewhere: FIELDS
                .iter()
                .any(|name| read.derived.has(name) || source.labels.iter().any(|(label, _)| **label == **name)),
        })
        .collect();
    let empty = || Counted { series: vec![Bar::default(); ask.bars], ..Counted::default() };
    let count = |mut counted: Counted, (segment, set): &(Arc<Segment>, Arc<Bitmap>)| {
        let reader = Reader { ask, bar_ns, read, places: &places };
        reader.count(&mut counted, segment, set);
        counted
    };
    let counted = matches.sets.par_iter().with_max_len(1).fold(empty, count).reduce(empty, merge);
    finish(counted, ask, bar_ns)
}

fn merge(mut one: Counted, other: Counted) -> Counted {
    one.requests += other.requests;
    one.bytes += other.bytes;
    one.sized += other.sized;
    one.forwarded += other.forwarded;
    one.classes.iter_mut().zip(other.classes).for_each(|(one, other)| *one += other);
    for (one, other) in one.series.iter_mut().zip(other.series) {
        one.requests += other.requests;
        one.errors += other.errors;
    }
    one.durations.merge(other.durations);
    one.paths.merge(other.paths);
    one.others.iter_mut().zip(other.others).for_each(|(one, other)| one.merge(other));
    one
}

fn finish(mut counted: Counted, ask: &Ask<'_>, bar_ns: i64) -> Web {
    let requests = counted.requests;
    let durations = match counted.durations.count() {
        0 => None,
        count => {
            let mut quantile = |tenths| counted.durations.quantile(tenths).unwrap_or_default();
            let (p50, p95, p99) = (quantile(500), quantile(950), quantile(990));
            let most = quantile(1000);
            Some(Durations { count, p50, p95, p99, most })
        }
    };
    // What was asked for once or twice is slow by chance.
    let enough = (requests / 1000).clamp(1, 20);
    let [hosts, clients, agents, referers] = &counted.others;
    let only_proxies = counted.forwarded == 0
        && !clients.tallies.is_empty()
        && clients.beyond == 0
        && clients.tallies.keys().all(|client| is_proxy(client, ask.proxies));
    Web {
        requests,
        classes: counted.classes,
        bar_ns,
        bytes: (counted.sized > 0).then_some(counted.bytes),
        durations,
        paths: counted.paths.top("path", ask.limit, requests),
        hosts: hosts.top("vhost", ask.limit, requests),
        clients: clients.top("client", ask.limit, requests),
        agents: agents.top("agent", ask.limit, requests),
        referers: referers.top("referer", ask.limit, requests),
        slowest: counted.paths.most(ask.limit, |tally| tally.p95().unwrap_or_default(), |tally| tally.timed >= enough),
        failing: counted.paths.most(ask.limit, |tally| tally.errors as f64, |tally| tally.errors > 0),
        refused: counted.paths.most(ask.limit, |tally| tally.refused as f64, |tally| tally.refused > 0),
        enough,
        forwarded: counted.forwarded,
        only_proxies,
        series: counted.series,
    }
}

struct Reader<'a> {
    ask: &'a Ask<'a>,
    bar_ns: i64,
    read: Fields<'a>,
    places: &'a [Places],
}

impl Reader<'_> {
    fn count(&self, counted: &mut Counted, segment: &Segment, set: &Bitmap) {
        let Ask { from, to, .. } = *self.ask;
        if segment.statuses().is_empty() || set.count() == 0 || segment.last() < from || segment.first() > to {
            return;
        }
        if let Some(mut columns) = Columns::new(&self.read, segment, set.count()) {
            for record in set.iter() {
                let Some((tally, duration)) = self.request(counted, segment, record) else { continue };
                columns.count(counted, record, (tally, duration), self.host_of(segment.source(record)));
            }
            columns.done(counted);
            return;
        }
        let text = segment.text_once();
        let mut slow: Vec<Resolved<'_>> = Vec::new();
        for record in set.iter() {
            let Some((tally, duration)) = self.request(counted, segment, record) else { continue };
            let bytes = text.get(segment.span(record)).unwrap_or_default();
            let id = segment.source(record);
            if segment.has_extras() || self.places_of(id).is_none_or(|places| places.elsewhere) {
                if slow.is_empty() {
                    let Fields { sources, derived, .. } = self.read;
                    slow = FIELDS.iter().map(|name| Resolved::new(name, sources, derived)).collect();
                }
                let mut found: [Option<Vec<u8>>; FIELDS.len()] = Default::default();
                for (field, found) in slow.iter_mut().zip(&mut found) {
                    *found = field.with(At { segment, record, bytes }, |value, _| value.to_vec());
                }
                let found = found.each_ref().map(|value| value.as_deref());
                take(counted, (tally, duration), found, self.host_of(id));
                continue;
            }
            let (Some(source), Some(places)) = (self.source(id), self.places_of(id)) else { continue };
            let mut found: [Option<std::borrow::Cow<'_, [u8]>>; FIELDS.len()] = Default::default();
            source.format.fields_of(bytes, &places.fields, |at, value| {
                if let Some(found) = found.get_mut(at) {
                    *found = Some(value);
                }
            });
            take(counted, (tally, duration), found.each_ref().map(|value| value.as_deref()), self.host_of(id));
        }
    }

    /// Counts what a request's columns say; none where it is no request of the time that is asked for.
    fn request(&self, counted: &mut Counted, segment: &Segment, record: usize) -> Option<(Tally, Option<u32>)> {
        let Ask { from, to, .. } = *self.ask;
        let (status, time) = (segment.status(record)?, segment.time(record));
        if time < from || time > to {
            return None;
        }
        let is_error = status >= 500;
        counted.requests += 1;
        let class = usize::from(status / 100);
        let class = if class > 5 { 0 } else { class };
        if let Some(count) = counted.classes.get_mut(class) {
            *count += 1;
        }
        let bar = usize::try_from((time.0.wrapping_sub(from.0)) / self.bar_ns).unwrap_or(0);
        if let Some(bar) = counted.series.get_mut(bar) {
            bar.requests += 1;
            bar.errors += u64::from(is_error);
        }
        let duration = segment.duration_us(record);
        if let Some(duration) = duration {
            counted.durations.add(f64::from(duration));
        }
        let tally = Tally {
            count: 1,
            errors: u64::from(is_error),
            refused: u64::from((400..500).contains(&status)),
            spread: None,
            bytes: 0,
            timed: u64::from(duration.is_some()),
            micros: u64::from(duration.unwrap_or(0)),
            longest: duration.unwrap_or(0),
        };
        Some((tally, duration))
    }

    fn source(&self, id: SourceId) -> Option<&Source> {
        self.read.sources.get(usize::from(id.0))
    }

    fn places_of(&self, id: SourceId) -> Option<&Places> {
        self.places.get(usize::from(id.0))
    }

    /// The host whose log it is, where the log does not name the one that was asked for.
    fn host_of(&self, id: SourceId) -> Option<&[u8]> {
        source_value(self.source(id)?, "host").map(str::as_bytes)
    }
}

fn size_of(bytes: Option<&[u8]>) -> Option<u64> {
    std::str::from_utf8(bytes?).ok()?.parse().ok()
}

/// The first of a list is whom the first proxy saw.
fn first_of(forwarded: Option<&[u8]>) -> Option<&[u8]> {
    let first = forwarded?.split(|byte| *byte == b',').next()?.trim_ascii();
    (!first.is_empty() && first != b"-").then_some(first)
}

fn take(
    counted: &mut Counted,
    (mut tally, duration): (Tally, Option<u32>),
    found: [Option<&[u8]>; FIELDS.len()],
    at: Option<&[u8]>,
) {
    let [path, host, client, agent, referer, bytes, forwarded] = found;
    if let Some(size) = size_of(bytes) {
        counted.sized += 1;
        counted.bytes += size;
        tally.bytes = size;
    }
    if let Some(path) = path {
        counted.paths.count(path, 1, |known| {
            known.add(&tally);
            known.time(duration);
        });
    }
    let first = first_of(forwarded);
    counted.forwarded += u64::from(first.is_some());
    for (values, value) in counted.others.iter_mut().zip([host.or(at), first.or(client), agent, referer]) {
        if let Some(value) = value {
            values.count(value, 1, |known| known.add(&tally));
        }
    }
}

/// Writes the filter's term that keeps exactly the requests of an item, those that failed alone where it lists them; none where
/// its value is no UTF-8, which filters cannot say.
///
/// A client may be the one whom a proxy saw: then it is the first of a list. A server that was asked by no name is that of its
/// host. Lines that are no requests may name the same path or client: where some do, a status is asked for.
pub fn term(field: &str, item: &Item, failed: bool, view: &Web, sources: &[Source]) -> Option<String> {
    let value = std::str::from_utf8(&item.value).ok()?;
    let glob = |field: &str, text: Text| Expr::from(Term::Glob { field: field.into(), any: vec![text] });
    let without = |field: &str| Expr::from(Term::Has(field.into())).negated();
    let kept = edit::keep(field, value);
    let kept = match field {
        // Unlike a host's name each of these is another one in other case: a row steps into its own requests.
        "path" | "agent" | "referer" => glob(field, Text { fold: false, ..Text::exactly(value) }),
        "client" if view.forwarded > 0 => {
            let list = Text { text: format!("{},*", Text::exactly(value).text), ..Text::exactly(value) };
            let nobody = Expr::or([without("forwarded"), glob("forwarded", Text::exactly("-"))]);
            let seen = [glob("forwarded", Text::exactly(value)), glob("forwarded", list), Expr::and([nobody, kept])];
            Expr::or(seen)
        }
        "vhost" if sources.iter().any(|source| source_value(source, "host") == Some(value)) => {
            Expr::or([kept, Expr::and([without("vhost"), edit::keep("host", value)])])
        }
        _ => kept,
    };
    let is_beside = |source: &Source| {
        let has = |name: &str| source.format.resolve(name);
        !matches!(has(field), FieldRef::Absent) && !matches!(has("status"), FieldRef::Named(_))
    };
    let asked = if failed {
        Some(Term::Compare { field: "status".into(), op: Op::AtLeast, value: Value::Number(500.0) })
    } else {
        sources.iter().any(is_beside).then(|| Term::Has("status".into()))
    };
    Some(Expr::and([Some(kept), asked.map(Expr::from)].into_iter().flatten()).to_string())
}

/// Says whether an address is private, of the machine itself, or that of a known proxy: not that of a user on the internet.
pub fn is_proxy(client: &[u8], proxies: &[String]) -> bool {
    let Ok(text) = std::str::from_utf8(client) else { return false };
    if proxies.iter().any(|proxy| proxy == text) {
        return true;
    }
    // What shares addresses between providers' customers is as little of use as a private one.
    let private = |ip: Ipv4Addr| {
        let [a, b, ..] = ip.octets();
        ip.is_private() || ip.is_loopback() || ip.is_link_local() || (a == 100 && b & 0xc0 == 64)
    };
    match text.parse() {
        Ok(IpAddr::V4(ip)) => private(ip),
        Ok(IpAddr::V6(ip)) => match ip.to_ipv4_mapped() {
            Some(ip) => private(ip),
            None => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
        },
        Err(_) => text == "unix:",
    }
}

#[cfg(test)]
mod tests;
