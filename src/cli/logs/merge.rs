//! Several streams as one, by time. Within a stream the order is the one written.
use std::{cmp::Reverse, collections::BinaryHeap, collections::VecDeque};

use super::{
    desk::Desk,
    input::{self, Stream},
    lines::{Feed, Read, Run},
    printer::Printer,
};
use crate::core::logs::{Key, Nanos, Source, buffer::Snapshot, eval::Cache};

/// A stream and where it is.
struct Cursor {
    stream: Stream,
    runs: VecDeque<Run>,
    /// The record of the first run that comes next.
    at: usize,
    ended: bool,
}

impl Cursor {
    /// Returns the time of the record that comes next; reads on where it must.
    fn time(&mut self, desk: &Desk, sources: &[Source], read: &mut Read) -> Option<Nanos> {
        loop {
            if let Some(run) = self.runs.front() {
                if let Some(next) = run.matching.next(self.at) {
                    self.at = next;
                    return Some(run.segment.time(next));
                }
                self.runs.pop_front();
                self.at = 0;
                continue;
            }
            if self.ended {
                return None;
            }
            match self.stream.runs(desk, sources) {
                Ok(Some(runs)) => self.runs.extend(runs),
                Ok(None) => self.ended = true,
                Err(error) => {
                    input::cannot(&self.stream.source.path, &error);
                    read.failed = true;
                    self.ended = true;
                }
            }
        }
    }
}

/// Prints what matches, by time.
pub(super) fn print(desk: &Desk, feed: Feed, printer: &mut Printer<'_>) -> color_eyre::Result<Read> {
    match feed {
        Feed::Streams(streams) => of_streams(desk, streams, printer),
        Feed::Gathered(snapshot) => of_snapshot(desk, &snapshot, printer),
    }
}

/// Prints what matches of what was gathered.
pub(super) fn of_snapshot(desk: &Desk, snapshot: &Snapshot, printer: &mut Printer<'_>) -> color_eyre::Result<Read> {
    const AT_ONCE: usize = 2_000;

    let matches = desk.matcher.matches(snapshot, &Cache::new(0));
    let mut from = Key { time: Nanos(i64::MIN), order: 0 };
    loop {
        let page = matches.forward(from, AT_ONCE);
        for record in &page {
            let Some(source) = snapshot.source(record.segment.source(record.index)) else { continue };
            let goes_on = record.with_bytes(|bytes| printer.record(source, &record.segment, record.index, bytes))?;
            if !goes_on {
                return Ok(Read::default());
            }
        }
        match page.last().filter(|_| page.len() == AT_ONCE) {
            Some(last) => from = Key { order: last.key().order + 1, ..last.key() },
            None => break,
        }
    }
    printer.flush()?;
    Ok(Read::default())
}

/// Prints what matches of streams, reading them as far as is needed.
fn of_streams(desk: &Desk, streams: Vec<Stream>, printer: &mut Printer<'_>) -> color_eyre::Result<Read> {
    let sources: Vec<Source> = streams.iter().map(|stream| stream.source.clone()).collect();
    let mut read = Read::default();
    let mut cursors: Vec<Cursor> =
        streams.into_iter().map(|stream| Cursor { stream, runs: VecDeque::new(), at: 0, ended: false }).collect();
    let mut heap = BinaryHeap::new();
    for (number, cursor) in cursors.iter_mut().enumerate() {
        if let Some(time) = cursor.time(desk, &sources, &mut read) {
            heap.push(Reverse((time, number)));
        }
    }
    let alone = cursors.len() == 1;
    while let Some(Reverse((_, number))) = heap.pop() {
        let (Some(cursor), Some(source)) = (cursors.get_mut(number), sources.get(number)) else { break };
        let Some(run) = cursor.runs.front() else { break };
        if alone {
            // Nothing comes between.
            let text = run.segment.text_once();
            let mut rest = run.matching.next(cursor.at);
            while let Some(record) = rest {
                if !printer.record(
                    source,
                    &run.segment,
                    record,
                    text.get(run.segment.span(record)).unwrap_or_default(),
                )? {
                    return Ok(read);
                }
                rest = run.matching.next(record + 1);
            }
            cursor.runs.pop_front();
            cursor.at = 0;
            if cursor.runs.is_empty() && !printer.flush()? {
                return Ok(read);
            }
        } else {
            let text = run.segment.text_once();
            let bytes = text.get(run.segment.span(cursor.at)).unwrap_or_default();
            if !printer.record(source, &run.segment, cursor.at, bytes)? {
                return Ok(read);
            }
            cursor.at += 1;
        }
        if let Some(time) = cursor.time(desk, &sources, &mut read) {
            heap.push(Reverse((time, number)));
        }
    }
    printer.flush()?;
    Ok(read)
}
