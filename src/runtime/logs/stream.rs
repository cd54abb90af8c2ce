//! One stream of lines as the engine knows it: its format, what is held back of it, how it is doing.
use std::sync::Arc;

use crate::{
    core::{
        logs::{
            Nanos, Source, SourceId, SourceState,
            buffer::Buffer,
            format::{Assume, Format, Formats, detect, records::MOST_LINES},
            segment::{self, Flags, Segment},
        },
        time::{Mono, Now},
    },
    sources::logs::{Batch, StreamInfo},
};

/// How long a record waits for more of its lines.
pub const HOLD_MS: u64 = 300;
/// A line is late when it is this much older than one that its source wrote before.
const LATE_NS: i64 = Nanos::SECOND;
/// Lines after which a format that was found out stays.
const SURE: usize = 50;

/// A stream.
#[derive(Debug)]
pub struct Stream {
    /// What is known of it.
    pub info: StreamInfo,
    /// How it is read, once that is known.
    pub format: Option<Arc<Format>>,
    /// How it is doing.
    pub state: SourceState,
    /// Records that were kept.
    pub records: u64,
    /// By how much its last live line was late, and when that was.
    pub lag: Option<(i64, Mono)>,
    /// Since when it has been live without a break.
    pub live_since: Option<Mono>,
    /// When its last line came.
    pub came: Option<Mono>,
    id: Option<SourceId>,
    seen: usize,
    held: Vec<u8>,
    held_at: Mono,
    newest: Option<Nanos>,
}

impl Stream {
    /// Makes one that has not sent anything.
    pub fn new(info: StreamInfo) -> Self {
        Self {
            info,
            format: None,
            state: SourceState::Opening,
            records: 0,
            lag: None,
            live_since: None,
            came: None,
            id: None,
            seen: 0,
            held: Vec::new(),
            held_at: Mono(0),
            newest: None,
        }
    }

    /// Its number in the buffer, once it has one.
    pub fn source_id(&self) -> Option<SourceId> {
        self.id
    }

    /// It is doing otherwise.
    pub fn stands(&mut self, state: SourceState, now: Mono) {
        self.live_since = match state {
            SourceState::Live => self.live_since.or(Some(now)),
            SourceState::Opening
            | SourceState::CatchingUp { .. }
            | SourceState::Reconnecting { .. }
            | SourceState::Stale { .. }
            | SourceState::Denied { .. }
            | SourceState::Ended => None,
        };
        self.state = state;
    }

    fn source(&self, id: SourceId, format: &Arc<Format>) -> Source {
        let info = &self.info;
        Source {
            service: info.service.clone(),
            host: info.host.clone(),
            labels: info.labels.iter().map(|(name, value)| (name.as_str().into(), value.as_str().into())).collect(),
            ..Source::new(id, (&info.name, info.kind, &info.path), format)
        }
    }

    /// Finds its format out, from what is configured or from its first lines.
    pub fn recognise(&mut self, formats: &Formats, batch: &Batch, buffer: &mut Buffer) {
        if self.format.is_some() && (self.info.format.is_some() || self.seen >= SURE) {
            return;
        }
        self.seen += batch.lines();
        let named = self.info.format.as_deref().and_then(|name| formats.get(name)).cloned();
        let format = named.unwrap_or_else(|| {
            let end = batch.bytes.len().min(detect::SAMPLE);
            let sample = batch.bytes.get(..end).unwrap_or_default();
            detect::detect(formats, sample, Some(&self.info.path)).format
        });
        let better = self.format.as_ref().is_none_or(|known| known.name() == "plain" && format.name() != "plain");
        if better {
            self.adopt(format, buffer);
        }
    }

    /// Takes its format as it is now, where that is of the same name.
    pub fn renew(&mut self, formats: &Formats, buffer: &mut Buffer) {
        let fresh = self.format.as_ref().and_then(|known| formats.get(known.name())).cloned();
        if let Some(fresh) = fresh {
            self.adopt(fresh, buffer);
        }
    }

    fn adopt(&mut self, format: Arc<Format>, buffer: &mut Buffer) {
        match self.id {
            Some(id) => buffer.set_source(self.source(id, &format)),
            None => self.id = buffer.add_source(|id| self.source(id, &format)),
        }
        self.format = Some(format);
    }

    /// Makes a segment of lines; of records that may go on, the last is held back.
    pub fn read(&mut self, batch: Batch, assume: Assume, skew_ms: i64, now: Mono) -> Option<Segment> {
        let (format, id) = (Arc::clone(self.format.as_ref()?), self.id?);
        let Batch { mut bytes, times, extras, history, .. } = batch;
        let timed = times.is_some();
        if !history && !timed && format.is_multi_line() {
            let was_held = !self.held.is_empty();
            let mut all = std::mem::take(&mut self.held);
            all.append(&mut bytes);
            let start = if let Some(gathered) = format.gather(&all) {
                all = gathered.bytes;
                gathered.open
            } else {
                self.held_at = now;
                last_start(&format, &all)
            };
            if !was_held {
                self.held_at = now;
            }
            self.held = all.split_off(start);
            bytes = all;
        }
        if bytes.is_empty() {
            return None;
        }
        let ends = if timed {
            memchr::memchr_iter(b'\n', &bytes).map(|at| u32::try_from(at + 1).unwrap_or(u32::MAX)).collect()
        } else {
            Vec::new()
        };
        Some(self.segment(
            &format,
            id,
            assume,
            Made { bytes, ends, times: times.unwrap_or_default(), extras, history, skew_ms },
        ))
    }

    fn segment(&self, format: &Format, id: SourceId, assume: Assume, made: Made) -> Segment {
        let late_before = self.newest.filter(|_| !made.history).map(|newest| Nanos(newest.0 - LATE_NS));
        Segment::parse(segment::Batch {
            ends: made.ends,
            times: made.times,
            extras: made.extras,
            previous: self.newest.filter(|_| !made.history),
            late_before,
            shift: -made.skew_ms.saturating_mul(Nanos::MILLI),
            ..segment::Batch::new(id, format, assume, made.bytes)
        })
    }

    /// Says whether a record waits for more of its lines.
    pub fn is_held(&self) -> bool {
        !self.held.is_empty()
    }

    /// Lets go of what is held back, once it is old or when it must be.
    pub fn flush(&mut self, assume: Assume, now: Mono, must: bool) -> Option<Segment> {
        if self.held.is_empty() || !must && now.since(self.held_at) < HOLD_MS {
            return None;
        }
        let (format, id) = (Arc::clone(self.format.as_ref()?), self.id?);
        let bytes = std::mem::take(&mut self.held);
        let made = Made { bytes, ends: Vec::new(), times: Vec::new(), extras: Vec::new(), history: false, skew_ms: 0 };
        Some(self.segment(&format, id, assume, made))
    }

    /// Makes a line of our own.
    pub fn notice(&mut self, says: &str, at: Nanos, buffer: &mut Buffer) -> Option<Segment> {
        if self.id.is_none() {
            self.adopt(Format::plain_shared(), buffer);
            self.format = None;
        }
        let id = self.id?;
        let name = &self.info.name;
        let host = self.info.host.as_ref().map_or_else(String::new, |host| format!(" on {host}"));
        let text = format!("{name}{host}: {says}\n").into_bytes();
        let assume = Assume { zone: chrono_tz::UTC, now: at };
        let end = u32::try_from(text.len()).unwrap_or(u32::MAX);
        Some(Segment::parse(segment::Batch {
            ends: vec![end],
            times: vec![at],
            flags: Flags::NOTICE,
            ..segment::Batch::new(id, &Format::plain_shared(), assume, text)
        }))
    }

    /// Says whether lines of this number are its own.
    pub fn is_of(&self, id: SourceId) -> bool {
        self.id == Some(id)
    }

    /// Counts what was kept.
    pub fn took(&mut self, segment: &Segment, history: bool, now: Now) {
        self.records += segment.len() as u64;
        if history && self.newest.is_some() {
            return;
        }
        if !history {
            self.came = Some(now.mono);
        }
        let newest = segment.last();
        self.newest = self.newest.max(Some(newest));
        if !history && segment.is_timed() && matches!(self.state, SourceState::Live) {
            self.lag = Some((now.utc.since(newest.timestamp()).max(0), now.mono));
        }
    }
}

struct Made {
    bytes: Vec<u8>,
    ends: Vec<u32>,
    times: Vec<Nanos>,
    extras: Vec<(u32, String)>,
    history: bool,
    skew_ms: i64,
}

/// Finds where the last record begins, which may still go on. What goes on for more lines than a record has waits for no more.
fn last_start(format: &Format, bytes: &[u8]) -> usize {
    let mut end = bytes.len();
    for _ in 0..MOST_LINES {
        if end == 0 {
            return 0;
        }
        let line_end = end - 1;
        let start = memchr::memrchr(b'\n', bytes.get(..line_end).unwrap_or_default()).map_or(0, |at| at + 1);
        let line = bytes.get(start..line_end).unwrap_or_default();
        let before = bytes.get(..start.saturating_sub(1)).unwrap_or_default();
        // What is before the line is only looked at as far as the line before it.
        if start == 0 || !format.continues(before, line) {
            return start;
        }
        end = start;
    }
    bytes.len()
}
