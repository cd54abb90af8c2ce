//! What one core does a line: patterns and redaction, beside one pass over the same bytes that only counts their lines.
use std::{path::Path, time::Duration};

use quarterdeck::core::logs::{
    format::Format,
    patterns::{Miner, Seen},
};

use super::{Files, LINES, best, format, ms};

/// Lines a second at least.
const PATTERNS: f64 = 500_000.0;
const LOGHUB: [&str; 6] = ["HDFS", "Hadoop", "OpenStack", "Linux", "Apache", "OpenSSH"];

pub(crate) fn figures(files: &Files) {
    let access = std::fs::read(&files.access).unwrap();
    let combined = format("nginx-combined");
    println!("patterns, one core");
    patterns("access log", &access, &combined);
    patterns("loghub, all six sets again and again", &loghub(), &Format::plain());
    println!("redaction, one core");
    let redactor = quarterdeck::config::redact::load(None).0;
    let pass = pass(&access);
    let (own, hidden) = best(|| {
        let mut out = Vec::new();
        access.split(|byte| *byte == b'\n').filter(|line| !redactor.apply(line, &mut out).is_empty()).count()
    });
    println!(
        "  access log: {:.0} MB/s, {hidden} lines with something hidden; {:.0} times the time of counting its lines",
        access.len() as f64 / 1e6 / own.as_secs_f64(),
        own.as_secs_f64() / pass.as_secs_f64()
    );
}

/// Messages of programs of six kinds, as many as the access log has lines.
fn loghub() -> Vec<u8> {
    let read = |set: &str| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/logs/loghub").join(format!("{set}.tsv"));
        std::fs::read_to_string(path).unwrap()
    };
    let texts = LOGHUB.map(read);
    let messages: Vec<&str> =
        texts.iter().flat_map(|text| text.lines()).map(|line| line.split_once('\t').unwrap().1).collect();
    let lines = messages.iter().cycle().take(LINES).flat_map(|message| [message.as_bytes(), b"\n"].concat());
    lines.collect()
}

/// The time of counting lines, which reads each byte once.
fn pass(text: &[u8]) -> Duration {
    let (pass, lines) = best(|| memchr::memchr_iter(b'\n', text).count());
    assert_eq!(lines, LINES);
    pass
}

/// Takes the message out of every line and counts it, then makes the list of patterns: what the console does, filters aside.
fn patterns(what: &str, text: &[u8], format: &Format) {
    let (own, found) = best(|| {
        let mut miner = Miner::default();
        let lines = text.split_inclusive(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\n").unwrap_or(line));
        for (number, line) in lines.enumerate() {
            miner.add(&format.message(line), Seen { record: number as u64, ..Seen::default() });
        }
        (miner.records(), miner.templates().len())
    });
    let (lines, found) = found;
    let rate = lines as f64 / own.as_secs_f64();
    let kept = if rate >= PATTERNS { "kept" } else { "MISSED" };
    let pass = pass(text);
    println!(
        "  {what}: {found} patterns, {:.2} million lines a second ({:.0} ms; limit {:.1}: {kept}); {:.0} times the time of counting its lines",
        rate / 1e6,
        ms(own),
        PATTERNS / 1e6,
        own.as_secs_f64() / pass.as_secs_f64()
    );
}
