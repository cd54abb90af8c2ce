//! Several streams as one, by time. Within a stream the order is the one written.
use std::{cmp::Reverse, collections::BinaryHeap, collections::VecDeque};

use super::{
    desk::Desk,
    input::{self, Stream},
    lines::{self, Read, Run},
    printer::Printer,
};
use crate::core::logs::{Nanos, Source};

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
pub(super) fn print(desk: &Desk, streams: Vec<Stream>, mut printer: Printer<'_>) -> color_eyre::Result<Read> {
    let sources = lines::sources(&streams);
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
                if !printer.record(source, run, record, text.get(run.segment.span(record)).unwrap_or_default())? {
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
            if !printer.record(source, run, cursor.at, bytes)? {
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
