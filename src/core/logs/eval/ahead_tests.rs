//! What is made ahead against what is read when it is asked for.
use super::*;
use crate::core::logs::{
    Nanos, Source, SourceId,
    buffer::{Buffer, Snapshot},
    derive::{DeriveSpec, Derived},
    eval::Matcher,
    filter,
    format::{Assume, Formats, Spec},
    segment::Batch,
};

const ROOM: usize = 8 << 20;
const LINES: u32 = 4_100;

fn formats() -> Formats {
    let texts = [
        ("nginx-combined", include_str!("../../../config/formats/nginx-combined.toml")),
        ("nginx-error", include_str!("../../../config/formats/nginx-error.toml")),
        ("json", include_str!("../../../config/formats/json.toml")),
        ("logfmt", include_str!("../../../config/formats/logfmt.toml")),
        ("klog", include_str!("../../../config/formats/klog.toml")),
    ];
    let compiled = texts.map(|(name, text)| {
        let spec: Spec = toml::from_str(text).unwrap();
        Format::compile(name, &spec).unwrap()
    });
    Formats::new(compiled)
}

fn line(format: &str, n: u32) -> String {
    let (status, path) = (200 + n % 5 * 100, ["/claro/a", "/vivo/b?x=1", "/oi/caf\\xC3\\xA9"][n as usize % 3]);
    match format {
        "nginx-combined" => {
            format!(
                "10.0.0.{} - - [01/Aug/2026:10:05:03 +0000] \"GET {path} HTTP/1.1\" {status} {n} \"-\" \"agent {}\"",
                n % 9,
                n % 4
            )
        }
        "json" => format!(
            "{{\"time\":\"2026-08-01T10:05:03Z\",\"level\":\"info\",\"status\":{status},\"path\":\"{}\",\"id\":{n},\"msg\":\"x\"}}",
            path.replace('\\', "/")
        ),
        "logfmt" => format!(
            "time=2026-08-01T10:05:03Z level=info status={status} path=\"{}\" host=h{} id={n}",
            path.replace('\\', "/"),
            n % 3
        ),
        "klog" => format!("I0801 10:05:03.{:06} {} server.go:{}] \"said\" pod=\"a/{}\"", n, 7 + n % 3, n % 40, n % 6),
        _ => format!(
            "2026/08/01 10:05:03 [error] {}#0: *{n} open() failed, client: 10.0.0.{}, request: \"GET {path} HTTP/1.1\"",
            n % 7,
            n % 9
        ),
    }
}

fn buffer_of(names: &[&str], formats: &Formats, segments: u32) -> Buffer {
    let mut buffer = Buffer::new(1 << 30);
    let assume = Assume { zone: chrono_tz::UTC, now: Nanos(1_795_144_361_000_000_000) };
    for name in names {
        let format = formats.get(name).unwrap();
        buffer.add_source(|id| Source::new(id, (name, "file", name), format)).unwrap();
    }
    for number in 0..segments {
        for (at, name) in names.iter().enumerate() {
            let text: String = (0..LINES).map(|n| line(name, number * LINES + n) + "\n").collect();
            let source = SourceId(u16::try_from(at).unwrap());
            buffer.push(Segment::parse(Batch::new(source, formats.get(name).unwrap(), assume, text.into_bytes())));
        }
    }
    buffer
}

fn rules() -> Derived {
    let partner = DeriveSpec {
        name: "partner".into(),
        from: "path".into(),
        regex: Some("^/([a-z]+)/".into()),
        ..DeriveSpec::default()
    };
    Derived::new([partner]).unwrap()
}

fn prepare(cache: &Cache, snapshot: &Snapshot, asked: &[Arc<str>], derived: &Derived, room: usize) -> usize {
    let read = Fields { sources: &snapshot.sources, derived, cache: None };
    let mut steps = 0;
    while let Some(mut making) = cache.next(&snapshot.segments, asked, read, room) {
        while !making.step(700, read) {
            steps += 1;
        }
        cache.made(making, &snapshot.segments, read, room);
    }
    steps
}

#[test]
fn what_is_made_ahead_is_what_would_be_read() {
    let (formats, derived) = (formats(), Arc::new(rules()));
    for name in ["nginx-combined", "nginx-error", "json", "logfmt", "klog"] {
        let snapshot = buffer_of(&[name], &formats, 1).snapshot();
        let cache = Cache::with_columns(ROOM, ROOM);
        let asked: Vec<Arc<str>> = ["user", "pod", "service", "host", "id"].map(Arc::from).to_vec();
        prepare(&cache, &snapshot, &asked, &derived, ROOM);
        let [segment] = &*snapshot.segments else { panic!("one segment") };
        let read = Fields { sources: &snapshot.sources, derived: &derived, cache: None };
        let (known, _) = cache.known(segment, &derived);
        assert!(known.iter().any(|name| &**name == "partner") && known.len() > 5, "{name}: {known:?}");
        for field in known {
            let (made, read) = (cache.column(segment, &field, &derived), Column::read(&field, segment, read));
            assert_eq!(made.is_some(), read.is_some(), "{name} {field}");
            let (Some(made), Some(read)) = (made, read) else { continue };
            for record in 0..segment.len() {
                assert_eq!(made.value(made.id(record)), read.value(read.id(record)), "{name} {field} {record}");
            }
        }
    }
}

#[test]
fn the_first_term_on_a_field_reads_no_text() {
    let (formats, derived) = (formats(), Arc::new(rules()));
    let names = ["nginx-combined", "json"];
    let mut buffer = buffer_of(&names, &formats, 1);
    buffer.tidy();
    let snapshot = buffer.snapshot();
    let (cache, asked) = (Cache::with_columns(ROOM, ROOM), [Arc::from("id")]);
    assert!(prepare(&cache, &snapshot, &asked, &derived, ROOM) > 2, "it can be stopped in between");
    let [access, of_json] = &*snapshot.segments else { panic!("two segments") };
    for (segment, fields) in
        [(access, &["path", "partner", "client", "method", "agent"][..]), (of_json, &["path", "partner"])]
    {
        for field in fields {
            assert!(cache.column(segment, field, &derived).is_some(), "{field}");
        }
    }
    for text in ["path:/claro/*", "partner:vivo", "-client:10.0.0.1 method:GET", "id>4090", "agent:*"] {
        let filter = filter::parse(text).unwrap().filter;
        let matcher = Matcher::new(&filter, (None, None), Arc::clone(&derived)).unwrap();
        let (with, without) =
            (matcher.matches(&snapshot, &cache), matcher.matches(&snapshot, &Cache::with_columns(0, 0)));
        assert_eq!(with.total, without.total, "{text}");
        assert!(with.total > 0, "{text}");
    }
}

#[test]
fn what_is_newest_has_its_columns_where_there_is_no_room_for_all() {
    let (formats, derived) = (formats(), rules());
    let mut buffer = buffer_of(&["nginx-combined"], &formats, 6);
    let cache = Cache::with_columns(ROOM, ROOM);
    prepare(&cache, &buffer.snapshot(), &[], &derived, ROOM);
    let all = cache.bytes();
    let room = all / 2;
    let cache = Cache::with_columns(ROOM, ROOM);
    let has = |snapshot: &Snapshot| -> Vec<bool> {
        snapshot.segments.iter().map(|segment| cache.column(segment, "path", &derived).is_some()).collect()
    };
    prepare(&cache, &buffer.snapshot(), &[], &derived, room);
    assert!(cache.bytes() <= room + all / 6, "{} of {room}", cache.bytes());
    let kept = has(&buffer.snapshot());
    assert!(kept.is_sorted() && kept[5] && !kept[0], "the newest have them: {kept:?}");
    // What comes later takes the place of what is older, and nobody asked for.
    for name in ["path", "client"] {
        let read = Fields { sources: buffer.sources(), derived: &derived, cache: Some(&cache) };
        assert!(read.column(name, &buffer.snapshot().segments[0], LINES as usize).is_some());
    }
    let more = buffer_of(&["nginx-combined"], &formats, 1);
    let text = more.snapshot().segments[0].text().to_vec();
    let assume = Assume { zone: chrono_tz::UTC, now: Nanos(1_795_144_361_000_000_000) };
    let format = formats.get("nginx-combined").unwrap();
    for _ in 0..3 {
        buffer.push(Segment::parse(Batch::new(SourceId(0), format, assume, text.clone())));
        prepare(&cache, &buffer.snapshot(), &[], &derived, room);
    }
    let kept = has(&buffer.snapshot());
    assert!(kept[0] && !kept[1] && kept[8], "what was asked for stays: {kept:?}");
    assert!(cache.bytes() <= room + all / 3, "{} of {room}", cache.bytes());
}
