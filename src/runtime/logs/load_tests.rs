use std::{io::Write as _, sync::Arc};

use proptest::prelude::*;

use super::*;
use crate::{
    config::formats::built_in,
    core::logs::{Nanos, eval::Matcher, filter},
};

fn reading(format: &Format) -> Reading<'_> {
    let assume = Assume { zone: chrono_tz::UTC, now: Nanos(1_795_144_361_000_000_000) };
    Reading { source: SourceId(0), format, assume }
}

fn source(format: &Arc<Format>) -> Source {
    Source::new(SourceId(0), ("a", "local", "a"), format)
}

fn matcher(text: &str) -> Matcher {
    Matcher::new(&filter::parse(text).unwrap().filter, (None, None), Arc::default()).unwrap()
}

/// All records of some segments.
fn records(segments: &[Segment]) -> Vec<Vec<u8>> {
    let of = |segment: &Segment| {
        let text = segment.text();
        (0..segment.len()).map(|record| text[segment.span(record)].to_vec()).collect::<Vec<_>>()
    };
    segments.iter().flat_map(of).collect()
}

fn whole(text: &[u8], format: &Format) -> Vec<Vec<u8>> {
    records(&[parse(text.to_vec(), reading(format))])
}

fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("[2026-08-01 10:05:03] prod.ERROR: it broke".to_owned()),
        Just("#0 /srv/app/index.php(17): run()".to_owned()),
        Just(String::new()),
        Just("    at run (index.js:1:2)".to_owned()),
        "[a-z ]{0,40}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// However it is cut, every record is there once, whole and in order.
    #[test]
    fn pieces_hold_whole_records(
        lines in proptest::collection::vec(line(), 0..60), ended: bool, piece in 1usize..400,
        name in prop::sample::select(vec!["plain", "laravel", "nginx-combined"]),
    ) {
        let format = built_in().get(name).unwrap();
        let mut text = lines.join("\n").into_bytes();
        if ended && !text.is_empty() {
            text.push(b'\n');
        }
        let want = whole(&text, format);
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&text).unwrap();
        if let Some(plain) = Plain::open(file.path()).unwrap() {
            let borders = plain.borders(format, piece).unwrap();
            let read = borders.windows(2).map(|range| parse(plain.read(range, Vec::new()).unwrap(), reading(format)));
            prop_assert_eq!(&records(&read.collect::<Vec<_>>()), &want);
        }
        let pieces = Pieces::new(text.as_slice(), format, piece);
        let read: Vec<Segment> = pieces.map(|bytes| parse(bytes.unwrap(), reading(format))).collect();
        prop_assert_eq!(&records(&read), &want);
    }
}

#[test]
fn packed_files_and_plain_ones_are_read_alike_and_counted_alike() {
    let lines: Vec<String> = (0..50_000)
        .map(|at| {
            format!(
                "10.0.0.{} - - [01/Aug/2026:10:05:{:02} +0000] \"GET /x{at} HTTP/1.1\" {} 12 \"-\" \"curl\"\n",
                at % 200,
                at % 60,
                if at % 50 == 0 { 502 } else { 200 }
            )
        })
        .collect();
    let text = lines.concat();
    let dir = tempfile::tempdir().unwrap();
    let (plain, packed) = (dir.path().join("access.log"), dir.path().join("access.log.1.gz"));
    std::fs::write(&plain, &text).unwrap();
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    std::fs::write(&packed, encoder.finish().unwrap()).unwrap();
    let format = built_in().get("nginx-combined").unwrap();
    for path in [&plain, &packed] {
        let segments = load(path, reading(format)).unwrap();
        assert_eq!(records(&segments).len(), 50_000, "{}", path.display());
        assert_eq!(sample(path, 1000).unwrap(), text.as_bytes()[..1000]);
        for (filter, matched) in
            [("status>=500", 1_000), ("x4999", 11), ("path:/x4999", 1), ("level>=error", 1_000), ("-curl", 0)]
        {
            let counted = count(path, reading(format), &source(format), &matcher(filter)).unwrap();
            assert_eq!(counted, Counted { records: 50_000, matched }, "{filter}");
        }
    }
}

#[test]
fn what_has_no_length_is_read_to_its_end() {
    let format = built_in().get("plain").unwrap();
    assert!(load(Path::new("/dev/null"), reading(format)).unwrap().is_empty());
    assert!(load(Path::new("/nonexistent"), reading(format)).is_err());
    let counted = count_read(&b"one\ntwo"[..], reading(format), &source(format), &matcher("o")).unwrap();
    assert_eq!(counted, Counted { records: 2, matched: 2 });
}
