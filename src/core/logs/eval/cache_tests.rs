//! What is kept against what is worked out anew.
use super::*;
use crate::core::logs::{
    Nanos, Source, SourceId,
    buffer::{Buffer, Snapshot},
    derive::DeriveSpec,
    eval::Matcher,
    filter,
    format::{Assume, Format, Formats, Spec},
    segment::Batch,
};

const ROOM: usize = 1 << 20;

fn format() -> Arc<Format> {
    let spec: Spec = toml::from_str(include_str!("../../../config/formats/nginx-combined.toml")).unwrap();
    let formats = Formats::new([Format::compile("nginx-combined", &spec).unwrap()]);
    Arc::clone(formats.get("nginx-combined").unwrap())
}

fn source(id: SourceId, format: &Arc<Format>) -> Source {
    Source::new(id, ("access", "file", "access.log"), format)
}

fn piece(format: &Format, from: u32, lines: u32) -> Segment {
    let line = |n: u32| {
        let partner = ["claro", "vivo", "oi"][n as usize % 3];
        let status = 200 + n % 5 * 100;
        format!("::1 - - [01/Aug/2026:10:05:03 +0000] \"GET /{partner}/{} HTTP/1.1\" {status} {n} \"-\" \"x\"\n", n % 7)
    };
    let text: String = (from..from + lines).map(line).collect();
    let assume = Assume { zone: chrono_tz::UTC, now: Nanos(1_795_144_361_000_000_000) };
    Segment::parse(Batch::new(SourceId(0), format, assume, text.into_bytes()))
}

fn matcher(text: &str, derived: &Arc<Derived>) -> Matcher {
    Matcher::new(&filter::parse(text).unwrap().filter, (None, None), Arc::clone(derived)).unwrap()
}

fn fields<'a>(snapshot: &'a Snapshot, derived: &'a Derived) -> Fields<'a> {
    Fields { sources: &snapshot.sources, derived, cache: None }
}

fn sets(matcher: &Matcher, snapshot: &Snapshot, cache: &Cache) -> Vec<Vec<usize>> {
    matcher.matches(snapshot, cache).sets.iter().map(|(_, set)| set.iter().collect()).collect()
}

const FILTERS: [&str; 6] =
    ["path:/claro/*", "claro", "-path:/vivo/* status>=400", "path~/[13]$/ OR path:/oi/2", "path:*", "bytes>500"];

#[test]
fn what_is_known_of_parts_is_put_together_when_they_are_merged() {
    let format = format();
    let mut buffer = Buffer::new(1 << 30);
    buffer.add_source(|id| source(id, &format)).unwrap();
    let (cache, derived) = (Cache::new(ROOM), Arc::new(Derived::default()));
    let matchers = FILTERS.map(|text| matcher(text, &derived));
    let mut merged = 0;
    for n in 0..100 {
        buffer.push(piece(&format, n * 13, 13));
        let snapshot = buffer.snapshot();
        cache.retain(&snapshot.segments);
        for segment in snapshot.segments.iter().filter(|segment| segment.len() > 13) {
            let kept = cache.sets.lock().unwrap().by_scope.get(&(segment.id(), 0)).map_or(0, HashMap::len);
            let column = cache.column(segment, "path", &derived).unwrap();
            assert!(kept >= FILTERS.len(), "{kept} sets of a merged segment are known before anybody asks");
            let read = Column::read("path", segment, fields(&snapshot, &derived)).unwrap();
            for record in 0..segment.len() {
                assert_eq!(column.value(column.id(record)), read.value(read.id(record)));
            }
            merged += 1;
        }
        for matcher in &matchers {
            assert_eq!(sets(matcher, &snapshot, &cache), sets(matcher, &snapshot, &Cache::with_columns(0, 0)));
        }
        buffer.tidy();
    }
    assert!(merged > 50 && buffer.snapshot().segments.len() < 20);
}

#[test]
fn other_rules_make_other_sets() {
    let format = format();
    let mut buffer = Buffer::new(1 << 30);
    buffer.add_source(|id| source(id, &format)).unwrap();
    buffer.push(piece(&format, 0, 300));
    let snapshot = buffer.snapshot();
    let rules = |regex: &str| {
        let rule = DeriveSpec {
            name: "partner".into(),
            from: "path".into(),
            regex: Some(regex.into()),
            ..DeriveSpec::default()
        };
        Arc::new(Derived::new([rule]).unwrap())
    };
    let (before, after) = (rules("^/(c[a-z]+)/"), rules("^/(v[a-z]+)/"));
    assert_ne!(before.version(), after.version());
    assert_eq!(before.version(), rules("^/(c[a-z]+)/").version());
    let cache = Cache::new(ROOM);
    for (text, counts) in
        [("partner:claro", [100, 0]), ("partner:claro status>=200", [100, 0]), ("partner:*", [100, 100])]
    {
        for (derived, count) in [&before, &after, &before].into_iter().zip([counts[0], counts[1], counts[0]]) {
            assert_eq!(matcher(text, derived).matches(&snapshot, &cache).total, count, "{text}");
        }
    }
}

#[test]
fn a_source_that_is_read_otherwise_is_asked_anew() {
    let format = format();
    let mut buffer = Buffer::new(1 << 30);
    let id = buffer.add_source(|id| source(id, &Format::plain_shared())).unwrap();
    buffer.push(piece(&format, 0, 30));
    let (cache, found) = (Cache::new(ROOM), matcher("path:/claro/*", &Arc::default()));
    assert_eq!(found.matches(&buffer.snapshot(), &cache).total, 0);
    buffer.set_source(source(id, &format));
    assert_eq!(found.matches(&buffer.snapshot(), &cache).total, 10);
}

#[test]
fn columns_and_sets_stay_within_their_limits() {
    let format = format();
    let mut buffer = Buffer::new(1 << 30);
    buffer.add_source(|id| source(id, &format)).unwrap();
    for n in 0..40 {
        buffer.push(piece(&format, n, 500));
    }
    let (snapshot, derived) = (buffer.snapshot(), Arc::new(Derived::default()));
    let cache = Cache::with_columns(8_000, 20_000);
    for text in FILTERS {
        _ = matcher(text, &derived).matches(&snapshot, &cache);
        assert!(held(&cache.sets).bytes <= 8_000 && held(&cache.columns).bytes <= 20_000, "{text}");
    }
    let is_kept =
        |segment: &Segment| ["path", "bytes"].iter().any(|name| cache.column(segment, name, &derived).is_some());
    let kept = snapshot.segments.iter().filter(|segment| is_kept(segment)).count();
    assert!((1..40).contains(&kept), "some are kept, not all: {kept}");
    cache.retain(&[]);
    assert_eq!(cache.bytes(), 0);
}
