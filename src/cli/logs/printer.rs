//! Records on standard output: as they are for programs, made safe and coloured for people, or as JSON.
use std::{
    borrow::Cow,
    io::{self, Write as _},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::json;

use super::desk::Desk;
use crate::{
    core::logs::{
        Level, Nanos, Source,
        redact::Redactor,
        segment::{Flags, Segment},
    },
    parse::sanitise,
};

/// How much is gathered before it is written.
const GATHERED: usize = 64 * 1024;

/// Writes records.
pub(super) struct Printer<'a> {
    desk: &'a Desk,
    redactor: Option<&'a Redactor>,
    /// Whether each line says whose it is.
    named: bool,
    out: Vec<u8>,
}

impl<'a> Printer<'a> {
    pub(super) fn new(desk: &'a Desk, named: bool) -> Self {
        Self { desk, redactor: desk.redactor(), named, out: Vec::with_capacity(GATHERED * 2) }
    }

    /// Writes a record. False when nobody reads any more.
    pub(super) fn record(
        &mut self,
        source: &Source,
        segment: &Segment,
        index: usize,
        bytes: &[u8],
    ) -> color_eyre::Result<bool> {
        let shown = self.redactor.map_or(Cow::Borrowed(bytes), |redactor| redactor.redact(bytes));
        if self.desk.json {
            self.json(source, segment, index, bytes, &shown)?;
        } else if self.desk.on_terminal {
            self.terminal(source, segment.level(index), &shown);
        } else {
            self.out.extend_from_slice(&shown);
            self.out.push(b'\n');
        }
        if self.out.len() >= GATHERED { self.flush() } else { Ok(true) }
    }

    /// Writes what was gathered. False when nobody reads any more.
    pub(super) fn flush(&mut self) -> color_eyre::Result<bool> {
        let mut out = io::stdout().lock();
        let written = out.write_all(&self.out).and_then(|()| out.flush());
        self.out.clear();
        match written {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
            other => Ok(other.map(|()| true)?),
        }
    }

    fn terminal(&mut self, source: &Source, level: Level, bytes: &[u8]) {
        let (begin, end) = match level {
            _ if !self.desk.colour => ("", ""),
            Level::Fatal => ("\x1b[1;31m", "\x1b[0m"),
            Level::Error => ("\x1b[31m", "\x1b[0m"),
            Level::Warn => ("\x1b[33m", "\x1b[0m"),
            Level::Debug | Level::Trace => ("\x1b[2m", "\x1b[0m"),
            Level::Notice | Level::Info | Level::Unknown => ("", ""),
        };
        for line in sanitise::text(bytes).split('\n') {
            if self.named {
                let (dim, normal) = if self.desk.colour { ("\x1b[2m", "\x1b[0m") } else { ("", "") };
                self.out.extend([dim, &source.name, normal, " "].concat().into_bytes());
            }
            for part in [begin, line, end, "\n"] {
                self.out.extend_from_slice(part.as_bytes());
            }
        }
    }

    fn json(
        &mut self,
        source: &Source,
        segment: &Segment,
        index: usize,
        bytes: &[u8],
        shown: &[u8],
    ) -> color_eyre::Result<()> {
        let flags = segment.flags(index);
        let at = (!flags.contains(Flags::UNTIMED)).then(|| rfc3339(segment.time(index)));
        let text = std::str::from_utf8(shown);
        let mut record = json!({
            "at": at,
            "level": segment.level(index).word(),
            "source": &*source.name,
            "path": &*source.path,
            "format": source.format.name(),
            "line": text.map_or_else(|_| String::from_utf8_lossy(shown), Cow::Borrowed),
        });
        let Some(object) = record.as_object_mut() else { return Ok(()) };
        if let Some(service) = &source.service {
            object.insert("service".into(), service.service.as_str().into());
            object.insert("env".into(), service.env.as_str().into());
        }
        if let Some(host) = &source.host {
            object.insert("host".into(), host.as_str().into());
        }
        if text.is_err() {
            object.insert("line_base64".into(), STANDARD.encode(shown).into());
        }
        if shown != bytes {
            object.insert("redacted".into(), true.into());
        }
        let mut fields = serde_json::Map::new();
        for (name, value) in source.format.all(bytes) {
            let value = self.redactor.map_or(Cow::Borrowed(&*value), |redactor| redactor.redact(&value));
            fields.insert(name.into_owned(), String::from_utf8_lossy(&value).into());
        }
        if !fields.is_empty() {
            object.insert("fields".into(), fields.into());
        }
        self.out.extend_from_slice(crate::parse::sanitise::json(&serde_json::to_string(&record)?).as_bytes());
        self.out.push(b'\n');
        Ok(())
    }
}

/// Writes a moment in UTC, to the nanosecond where it has one.
pub(in crate::cli) fn rfc3339(at: Nanos) -> String {
    chrono::DateTime::from_timestamp_nanos(at.0).to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)
}
