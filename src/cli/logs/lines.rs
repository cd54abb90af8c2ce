//! Runs of records, evaluated on all cores in the order read.
use std::{io, sync::Arc};

use rayon::prelude::*;

use super::{
    desk::Desk,
    input::{self, Stream},
};
use crate::{
    cli::setup,
    core::logs::{
        Source,
        bitmap::Bitmap,
        segment::{Batch, Segment},
    },
};

/// Some records of one stream, with those that match.
pub(super) struct Run {
    pub(super) segment: Segment,
    pub(super) matching: Arc<Bitmap>,
    /// How many lines the stream had before them.
    pub(super) lines: u64,
}

/// How reading went.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Read {
    pub(super) failed: bool,
}

impl Stream {
    /// Reads and evaluates what comes next. None at the end.
    pub(super) fn runs(&mut self, desk: &Desk, sources: &[Source]) -> io::Result<Option<Vec<Run>>> {
        let many = if self.is_slow() || self.lines == 0 { 1 } else { rayon::current_num_threads() * 2 };
        let mut chunks = Vec::with_capacity(many);
        while chunks.len() < many {
            match self.next()? {
                Some(chunk) => chunks.push(chunk),
                None => break,
            }
        }
        if chunks.is_empty() {
            return Ok(None);
        }
        let (id, format) = (self.source.id, &*self.source.format);
        let parse = |bytes| Segment::parse(Batch::new(id, format, desk.assume, bytes));
        let mut segments: Vec<Segment> = chunks.into_par_iter().with_max_len(1).map(parse).collect();
        let mut runs = Vec::with_capacity(segments.len());
        for segment in &mut segments {
            if let Some(previous) = self.previous {
                segment.inherit(previous);
            }
            self.previous = segment.newest().or(self.previous);
            runs.push(self.lines);
            self.lines += u64::try_from(segment.lines()).unwrap_or(0);
        }
        let all = segments.into_par_iter().with_max_len(1).zip(runs).map(|(segment, lines)| {
            let matching = desk.matcher.set(&segment, sources, None);
            Run { segment, matching, lines }
        });
        Ok(Some(all.collect()))
    }
}

/// Returns what is known of the streams, by number.
pub(super) fn sources(streams: &[Stream]) -> Vec<Source> {
    streams.iter().map(|stream| stream.source.clone()).collect()
}

/// Reads streams one after the other; says which broke.
pub(super) fn each(desk: &Desk, streams: Vec<Stream>, mut take: impl FnMut(&Source, Run)) -> Read {
    let sources = sources(&streams);
    let mut read = Read::default();
    for mut stream in streams {
        loop {
            match stream.runs(desk, &sources) {
                Ok(Some(runs)) => runs.into_iter().for_each(|run| take(&stream.source, run)),
                Ok(None) => break,
                Err(error) => {
                    input::cannot(&stream.source.path, &error);
                    read.failed = true;
                    break;
                }
            }
        }
    }
    read
}

/// Prints how many records match.
pub(super) fn count(desk: &Desk, streams: Vec<Stream>) -> color_eyre::Result<Read> {
    let (mut count, mut records) = (0_usize, 0_usize);
    let read = each(desk, streams, |_, run| {
        count += run.matching.count();
        records += run.segment.len();
    });
    if desk.json {
        let all = serde_json::json!({ "schema": "qd.logs.count/1", "at": desk.at, "data": { "count": count, "records": records } });
        setup::print(&format!("{all}\n"))?;
    } else {
        setup::print(&format!("{count}\n"))?;
    }
    Ok(read)
}
