//! Writes lines to a file as JSON, one object a line, redacted.
use std::{
    fs::OpenOptions,
    io::{self, BufWriter, Write as _},
    os::unix::fs::OpenOptionsExt as _,
};

use crate::core::logs::{Key, buffer::Snapshot, read::Matches, redact::Redactor, segment::Flags, shown};

/// Records that are read at a time.
const AT_ONCE: usize = 10_000;

/// Writes all of them in the order of time; returns how many, and how many secrets were masked.
///
/// # Errors
/// When there is such a file already, or it cannot be written.
pub(super) fn write(path: &str, snapshot: &Snapshot, matches: &Matches, redact: &Redactor) -> io::Result<(u64, u64)> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    let mut out = BufWriter::new(file);
    let (mut lines, mut masked, mut from) = (0, 0, Key::default());
    loop {
        let records = matches.forward(from, AT_ONCE);
        let Some(last) = records.last() else { break };
        from = Key { order: last.key().order + 1, ..last.key() };
        for record in &records {
            let source = snapshot.source(record.segment.source(record.index));
            let (text, count) = record.with_bytes(|bytes| shown::masked(redact, bytes));
            masked += count as u64;
            if record.flags().contains(Flags::NOTICE) {
                // What the console says of a source, so that nobody takes a gap for silence.
                let notice = serde_json::json!({
                    "at": format!("{:?}", record.key().time),
                    "source": source.map(|source| source.name.to_string()),
                    "notice": String::from_utf8_lossy(&text),
                });
                serde_json::to_writer(&mut out, &notice)?;
                out.write_all(b"\n")?;
                continue;
            }
            lines += 1;
            let line = serde_json::json!({
                "at": format!("{:?}", record.key().time),
                "level": record.segment.level(record.index).word(),
                "source": source.map(|source| source.name.to_string()),
                "service": source.and_then(|source| source.service.as_ref()).map(ToString::to_string),
                "host": source.and_then(|source| source.host.as_ref()).map(ToString::to_string),
                "line": String::from_utf8_lossy(&text),
            });
            serde_json::to_writer(&mut out, &line)?;
            out.write_all(b"\n")?;
        }
    }
    out.into_inner()?.sync_all()?;
    Ok((lines, masked))
}
